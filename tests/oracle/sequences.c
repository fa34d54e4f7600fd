/* Sequences of stretches, each billed where the one before it ended. */
#include <string.h>

#include "sequences.h"

static struct stretch stretch;
static struct due due;
static struct text note;

int64_t some_opening(const struct plan *p, struct chance *c)
{
    int64_t day = day_number((int)chance_between(c, 2024, 2028), 1, 1) + chance_between(c, 0, 366);
    int64_t midnight = day * 86400 - (p->zone >= 0 ? zone_offsets[p->zone] : 28800);
    return chance_percent(c, 50)   ? midnight
           : chance_percent(c, 20) ? midnight + chance_between(c, -1, 1)
                                   : midnight + chance_between(c, 0, 86399);
}

/* Now and then what no bill can be made of. */
static void spoil(const struct plan *p, struct stretch *s, struct chance *c)
{
    struct stretch_row *row = &s->rows[s->row_count ? chance_between(c, 0, s->row_count - 1) : 0];
    if (s->bare || s->row_count == 0) {
        if (s->bare)
            row->used.total = -1;
        return;
    }
    switch (chance_between(c, 0, 7)) {
    case 0:
        row->used.total = -1 - chance_between(c, 0, 60);
        break;
    case 1:
        if (!p->quota || features >> WITH_QUOTA_MORE & 1)
            row->used.rate[chance_between(c, 0, RATES - 1)]++;
        break;
    case 2:
        row->used.total += chance_percent(c, 50) ? 51 : 101;
        break;
    case 3:
        row->to = row->from;
        break;
    case 4:
        row->from--;
        break;
    case 5:
        s->closed = row->to - 1;
        break;
    case 6:
        row->has_rates = false;
        break;
    default:
        row->to++;
        break;
    }
}

/* Another plan holds now, which differs in its season, or the bounds of it; perhaps it has none. */
static void change_season(struct plan *p, struct rating_plan *engine, struct chance *c)
{
    bool none = chance_percent(c, 40);
    if (chance_percent(c, 25)) {
        p->area_start_day = (int)chance_between(c, 1, 28);
        engine->area_bill.start.day = (uint8_t)p->area_start_day;
        return;
    }
    p->area_most_percent = none || chance_percent(c, 20) ? 0 : (int)chance_between(c, 1, 200);
    p->area_least_percent =
        none || (p->area_most_percent && chance_percent(c, 50))
            ? 0
            : (int)chance_between(c, 1, p->area_most_percent ? p->area_most_percent : 200);
    area_bill_derive(p);
    engine->area_bill.most_price_e8 = price_e8(&p->area_most);
    engine->area_bill.least_price_e8 = price_e8(&p->area_least);
}

static int some_opened_day(const struct stretch *s, struct chance *c)
{
    int day = (int)((s->opened + s->offset) / 86400);
    return chance_percent(c, 40)
               ? 0
               : day - (int)(chance_percent(c, 60) ? 0 : chance_between(c, 0, 90));
}

const struct text *sequence_note(void)
{
    return &note;
}

static void tell(const struct plan *p, const struct stretch *s, const struct stand *before,
                 const struct stand *stand)
{
    struct stand again = *before;
    text_clear(&note);
    text_add(
        &note, "stood at %lld of cycle %d, quota %lld of %d, carry %lld; %d to %d %% by area\n",
        (long long)before->used, before->cycle_day, (long long)before->quota_left,
        before->quota_day, (long long)before->carry, p->area_least_percent, p->area_most_percent);
    stretch_print(s, &note);
    text_add(&note, "oracle:\n");
    if (stretch_bill(p, s, &again, &due) == BILLED)
        due_print(&due, &note);
    text_add(&note,
             "  stands at %lld of cycle %d, quota %lld of %d, fees to day %d, month %d\nengine:\n",
             (long long)stand->used, stand->cycle_day, (long long)stand->quota_left,
             stand->quota_day, stand->fee_day, stand->fee_month);
    engine_print_period(&note);
}

static int64_t try_bills(struct plan *p, struct rating_plan *engine, int periods, struct chance *c,
                         struct sequence_count *count, struct text *why)
{
    struct stand stand = {0};
    struct rating_position at = {0};
    int64_t opened = some_opening(p, c), done = 0;
    int opened_day = -1, offset = 0;
    int64_t contracted = 0;
    for (; done < periods; done++) {
        struct stand before = stand;
        if (done && p->area_start_month && chance_percent(c, 15))
            change_season(p, engine, c);
        stretch_make(p, opened, &stand, c, &stretch);
        stretch_account(p, &stand, &stretch, c);
        if (done)
            stretch.contracted = contracted;
        else if (chance_percent(c, 1))
            stretch.contracted = 0;
        contracted = stretch.contracted;
        offset = done ? offset : stretch.offset;
        stretch.offset = offset;
        opened_day = opened_day < 0 ? some_opened_day(&stretch, c) : opened_day;
        stretch.opened_day = opened_day;
        int64_t next = stretch.closed;
        if (chance_percent(c, 2))
            spoil(p, &stretch, c);
        enum verdict verdict = stretch_bill(p, &stretch, &stand, &due);
        int64_t parts = due.part_count;
        if (!engine_same_period(engine, p, &stretch, &verdict, &due, &stand, &at, why)) {
            tell(p, &stretch, &before, &stand);
            return done + 1;
        }
        count->periods++;
        count->refused += verdict != BILLED;
        if (verdict != BILLED)
            stand = before;
        if (verdict == BILLED) {
            count->lines += (int64_t)engine_period_lines();
            count->parts += parts;
            opened = next;
            if (stretch.month_ends) /* the account is closed */
                return done + 1;
        }
    }
    return done;
}

int64_t sequence_try(struct plan *p, const struct rating_plan *engine, int periods,
                     struct chance *c, struct sequence_count *count, struct text *why)
{
    static struct rating_plan changed;
    int most = p->area_most_percent, least = p->area_least_percent, first = p->area_start_day;
    changed = *engine;
    int64_t done = try_bills(p, &changed, periods, c, count, why);
    p->area_start_day = first;
    p->area_most_percent = most;
    p->area_least_percent = least;
    area_bill_derive(p);
    return done;
}
