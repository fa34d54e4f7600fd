/* Random usages of a plan, most of them at the edge of something. */
#include <inttypes.h>
#include <string.h>

#include "stretch.h"

#define CARRY_MAX INT64_C(500000000) /* half a fen */

static int64_t some_amount(struct chance *c)
{
    static const int64_t tops[] = {0, 1, 7, 100, 1000000, 1000000, 1000000000};
    int64_t top = tops[chance_between(c, 0, 6)];
    return top < 2 ? top : chance_between(c, 0, top);
}

/* A point on a step, or one unit beside it; -1 if the plan has none. */
static int64_t some_edge(const struct plan *p, const struct usage *u, struct chance *c)
{
    int64_t ends[STEPS_MAX];
    if (!plan_has_steps(p) || p->step_count < 2)
        return -1;
    step_ends(p, u->persons, u->month, ends);
    return ends[chance_between(c, 0, p->step_count - 2)] + chance_between(c, -1, 1);
}

static void share_rates(const struct plan *p, struct row *row, struct chance *c)
{
    int last = -1;
    int64_t left = row->total;
    memset(row->rate, 0, sizeof row->rate);
    if (!plan_has_rates(p))
        return;
    for (int r = 0; r < RATES; r++) {
        if (!p->priced[r])
            continue;
        last = r;
        if (chance_percent(c, 70)) {
            row->rate[r] = chance_percent(c, 5) ? left : chance_between(c, 0, left);
            left -= row->rate[r];
        }
    }
    row->rate[last] += left;
    if (chance_percent(c, 10)) { /* registers are cut to 10 Wh each */
        row->total += chance_between(c, -50, 50);
        row->total = row->total < 0 ? 0 : row->total;
    }
}

/* Cuts the rows at `edge` behind the start if it lies inside, elsewhere at random. */
static void make_rows(const struct plan *p, struct usage *u, int64_t total, int64_t edge,
                      struct chance *c)
{
    int n = (int)(chance_percent(c, 50)   ? 1
                  : chance_percent(c, 90) ? chance_between(c, 2, 5)
                                          : chance_between(c, 6, ROWS_MAX));
    u->row_count = 0;
    for (; n > 0; n--) {
        int64_t part = n == 1 ? total : chance_between(c, 0, total);
        if (n > 1 && edge > 0 && edge <= total && chance_percent(c, 50))
            part = edge;
        u->rows[u->row_count].total = part;
        share_rates(p, &u->rows[u->row_count++], c);
        total -= part;
        edge -= part;
    }
}

int64_t reactive_make(const struct plan *p, int64_t active, struct chance *c)
{
    if (p->factor_count == 0 || chance_percent(c, 50))
        return chance_percent(c, 20) ? 0 : chance_between(c, 0, 2 * active + 10);
    int row = (int)chance_between(c, 0, p->factor_count - 1);
    return factor_most_reactive(p, active, row) + chance_between(c, 0, 1);
}

static int64_t utilised_from(const struct plan *p)
{
    for (int i = 0; i < p->fee_count; i++)
        if (p->fees[i].utilised_from)
            return p->fees[i].utilised_from;
    return 0;
}

int64_t capacity_make(const struct plan *p, int64_t active, int months, struct chance *c)
{
    int64_t from = utilised_from(p);
    if (from && chance_percent(c, 60)) {
        int64_t most = active * 1000 / (from * months) + chance_between(c, 0, 1);
        if (most > 0 && most <= 1000000000)
            return most;
    }
    return chance_between(c, 1, chance_percent(c, 30) ? 9 : 1000000);
}

void usage_make(const struct plan *p, struct chance *c, struct usage *u)
{
    u->persons = chance_percent(c, 50) ? 0 : (int)chance_between(c, 0, 12);
    u->month = (int)chance_between(c, 1, 12);
    u->carry = chance_percent(c, 10)   ? (chance_percent(c, 50) ? CARRY_MAX : -CARRY_MAX)
               : chance_percent(c, 20) ? 0
                                       : chance_between(c, -CARRY_MAX, CARRY_MAX);
    u->days = (int)chance_between(c, 1, 366);
    u->months = (int)chance_between(c, 1, 12);
    u->area_milli_m2 = chance_percent(c, 20) ? 1 : chance_between(c, 1, 1000000);
    u->contracted = chance_between(c, 1, chance_percent(c, 30) ? 200 : 1000000);
    u->demand = chance_percent(c, 50) ? u->contracted + chance_between(c, -2, 2)
                                      : chance_between(c, 1, 2 * u->contracted);
    u->demand = u->demand < 1 ? 1 : u->demand;
    u->first_recharges = (int)(chance_percent(c, 60) ? 0 : chance_between(c, 1, 3));
    u->reactive_known = true;
    u->before = chance_percent(c, 50) ? 0 : chance_between(c, 0, 5000000);
    int64_t total = some_amount(c), edge = some_edge(p, u, c);
    if (edge >= 0)
        switch (chance_between(c, 0, 3)) {
        case 0: /* begins there */
            u->before = edge;
            break;
        case 1: /* ends there */
            u->before = u->before > edge ? 0 : u->before;
            total = edge - u->before;
            break;
        case 2: /* goes from one edge to another */
            u->before = some_edge(p, u, c);
            total = edge < u->before ? u->before - edge : edge - u->before;
            u->before = edge < u->before ? edge : u->before;
            break;
        default:
            break;
        }
    make_rows(p, u, total, edge - u->before, c);
    u->reactive = reactive_make(p, total, c);
    u->capacity = capacity_make(p, total, u->months, c);
}

void usage_print(const struct usage *u, struct text *out)
{
    text_add(out,
             "before %" PRId64 ", persons %d, month %d, carry %" PRId64
             ", days %d, months %d, milli_m2 %" PRId64 "\n",
             u->before, u->persons, u->month, u->carry, u->days, u->months, u->area_milli_m2);
    text_add(out,
             "capacity %" PRId64 ", demand %" PRId64 " of %" PRId64
             ", recharges %d, reactive %" PRId64 "\n",
             u->capacity, u->demand, u->contracted, u->first_recharges, u->reactive);
    for (int i = 0; i < u->row_count; i++) {
        text_add(out, "  row %d: total %" PRId64 " rates", i, u->rows[i].total);
        for (int r = 0; r < RATES; r++)
            text_add(out, " %" PRId64, u->rows[i].rate[r]);
        text_add(out, "\n");
    }
}
