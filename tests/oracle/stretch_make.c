/* Random dated usage, most of it at the edge of something. */
#include <string.h>

#include "stretch.h"

#define DAY_SECONDS INT64_C(86400)

static int64_t midnight_near(const struct plan *p, const struct stretch *s, int64_t t, int days)
{
    int offset = p->zone >= 0 ? zone_offsets[p->zone] : s->offset;
    return ((t + offset) / DAY_SECONDS + days) * DAY_SECONDS - offset;
}

/* The next day at which the ladder, or the month, begins anew. */
static int64_t next_edge(const struct plan *p, const struct stretch *s, int64_t t, struct chance *c)
{
    int offset = p->zone >= 0 ? zone_offsets[p->zone] : s->offset;
    int day = (int)((t + offset) / DAY_SECONDS);
    struct turn turn = plan_turn(p);
    if (!plan_has_steps(p) || chance_percent(c, 30))
        turn = (struct turn){MONTH, 0, 1, 0, 0};
    return turn_next(&turn, day) * DAY_SECONDS - offset;
}

/* A beginning of a period of the day. */
static int64_t period_edge(const struct plan *p, int64_t midnight, struct chance *c)
{
    int count, day = (int)((midnight + DAY_SECONDS) / DAY_SECONDS);
    const struct span *spans = spans_of(p, schedule_of(p, day), &count);
    return count ? midnight + spans[chance_between(c, 0, count - 1)].from * 60 : midnight;
}

static int64_t some_moment(const struct plan *p, const struct stretch *s, int64_t t,
                           struct chance *c)
{
    int64_t to = t;
    switch (chance_between(c, 0, 9)) {
    case 0:
        to = t + chance_between(c, 1, 3);
        break;
    case 1:
    case 2:
        to = t + 3600;
        break;
    case 3:
        to = t + chance_between(c, 1, 2 * DAY_SECONDS);
        break;
    case 4:
        to = next_edge(p, s, t, c) + chance_between(c, -1, 1);
        break;
    case 5:
        to = period_edge(p, midnight_near(p, s, t, 1), c) + chance_between(c, -1, 1);
        break;
    case 6:
        to = t + chance_between(c, 1, 40) * DAY_SECONDS;
        break;
    case 7:
        to = chance_percent(c, 10) ? t + chance_between(c, 1, 400 * DAY_SECONDS) : t + DAY_SECONDS;
        break;
    default:
        to = midnight_near(p, s, t, 1);
        break;
    }
    if (chance_percent(c, 3))
        to = midnight_near(p, s, t, 1) + chance_between(c, -1, 1);
    return to > t ? to : t + 1;
}

static int64_t some_use(const struct plan *p, int64_t at, struct chance *c)
{
    static const int64_t tops[] = {0, 1, 7, 100, 20000, 1000000, 1000000000};
    int64_t top = tops[chance_between(c, 0, 6)];
    if (plan_has_steps(p) && p->step_count > 1 && chance_percent(c, 40)) {
        const struct step *s = &p->steps[chance_between(c, 0, p->step_count - 2)];
        int64_t to = (p->high_from && chance_percent(c, 50) ? s->to_high : s->to) - at +
                     chance_between(c, -1, 1);
        if (to >= 0)
            return to;
    }
    if (p->quota && chance_percent(c, 20))
        return p->quota * (p->quota_per_person == 1 ? chance_between(c, 1, 3) : 1) +
               chance_between(c, 0, 2) - 1;
    return top < 2 ? top : chance_between(c, 0, top);
}

/* The plan has a price for it, or some schedule has. */
static bool may_use(const struct plan *p, int rate, struct chance *c)
{
    bool may = p->priced[rate];
    for (int i = 0; i < p->schedule_count && !may; i++)
        may = p->schedules[i].names[rate] && chance_percent(c, 10);
    return may;
}

static void share_rates(const struct plan *p, struct stretch_row *row, bool meter, struct chance *c)
{
    int last = -1, rates = meter ? RATES - 1 : RATES;
    int64_t left = row->used.total;
    memset(row->used.rate, 0, sizeof row->used.rate);
    if (!row->has_rates)
        return;
    for (int r = 0; r < rates; r++) {
        if (!may_use(p, r, c))
            continue;
        last = r;
        if (chance_percent(c, 70)) {
            row->used.rate[r] = chance_between(c, 0, left);
            left -= row->used.rate[r];
        }
    }
    if (last < 0)
        row->used.total = 0;
    else
        row->used.rate[last] += left;
    if (chance_percent(c, 10)) {
        row->used.total += chance_between(c, -50, 50);
        row->used.total = row->used.total < 0 ? 0 : row->used.total;
    }
}

static void make_row(const struct plan *p, struct stretch *s, int64_t *t, int64_t at,
                     struct chance *c)
{
    struct stretch_row *row = &s->rows[s->row_count++];
    *row = (struct stretch_row){.from = *t, .to = some_moment(p, s, *t, c)};
    if (chance_percent(c, 5)) { /* a gap before */
        row->from = row->to;
        row->to = some_moment(p, s, row->from, c);
    }
    row->used.total = some_use(p, at, c);
    row->has_rates = plan_has_rates(p) && (p->intervals != 1 || chance_percent(c, 30));
    row->estimated = chance_percent(c, 10);
    row->reactive = reactive_make(p, row->used.total, c);
    share_rates(p, row, s->bare, c);
    *t = row->to;
}

void stretch_make(const struct plan *p, int64_t opened, const struct stand *stand, struct chance *c,
                  struct stretch *s)
{
    static const int offsets[] = {28800, 28800, 28800, 0, 20700, -18000};
    int n = (int)(chance_percent(c, 40)   ? 1
                  : chance_percent(c, 90) ? chance_between(c, 2, 6)
                                          : chance_between(c, 7, 60));
    memset(s, 0, offsetof(struct stretch, rows));
    s->bare = false;
    s->row_count = 0;
    s->offset = offsets[chance_between(c, 0, 5)];
    s->opened = opened;
    s->start.total = chance_between(c, 0, 10000000);
    for (int r = 0; r < RATES - 1; r++)
        s->start.rate[r] = chance_between(c, 0, 5000000);
    if (n == 1 && p->intervals != 1)
        s->bare = chance_percent(c, 50);
    int64_t t = opened;
    int64_t at = stand->used;
    for (int i = 0; i < n && t < opened + 800 * DAY_SECONDS; i++) {
        make_row(p, s, &t, at, c);
        at += s->rows[i].used.total;
    }
    if (chance_percent(c, 3))
        s->row_count = 0;
    s->closed = chance_percent(c, 90) && t > opened ? t : some_moment(p, s, t, c);
    s->bare = s->bare && s->row_count == 1;
    if (s->bare)
        s->rows[0].from = opened;
    s->persons = chance_percent(c, 50) ? 0 : (int)chance_between(c, 0, 12);
    s->area = chance_percent(c, 2) ? 0 : chance_percent(c, 20) ? 1 : chance_between(c, 1, 1000000);
}

/* What the account has besides its meter. */
void stretch_account(const struct plan *p, const struct stand *stand, struct stretch *s,
                     struct chance *c)
{
    int64_t active = stand->month.active;
    for (int i = 0; i < s->row_count; i++)
        active += s->rows[i].used.total;
    s->others = chance_percent(c, 50) ? 0 : chance_between(c, 0, active + 1);
    s->capacity = capacity_make(p, active + s->others, 1, c);
    s->contracted = chance_between(c, 1, chance_percent(c, 30) ? 200 : 1000000);
    s->demand = chance_percent(c, 50) ? s->contracted + chance_between(c, -2, 2)
                                      : chance_between(c, 1, 2 * s->contracted);
    s->demand = s->demand < 1 ? 1 : s->demand;
    s->first_recharges = (int)(chance_percent(c, 60) ? 0 : chance_between(c, 1, 3));
    s->reactive_known = true;
    s->reactive = 0;
    if (chance_percent(c, 2))
        *(chance_percent(c, 50) ? &s->capacity : &s->demand) = 0;
    s->month_ends = chance_percent(c, 2);
    for (int i = 0; i < s->row_count; i++)
        s->reactive = s->rows[i].reactive;
}

void stretch_cut(const struct stretch *whole, int first, int last, struct stretch *out)
{
    *out = *whole;
    out->row_count = last - first + 1;
    memmove(out->rows, whole->rows + first, (size_t)out->row_count * sizeof out->rows[0]);
    if (first > 0)
        out->opened = whole->rows[first].from;
    if (last < whole->row_count - 1)
        out->closed = whole->rows[last + 1].from;
}
