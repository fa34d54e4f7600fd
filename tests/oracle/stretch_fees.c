/* What falls due besides energy: fees by days, months and areas, and the area of a season. */
#include "stretch_impl.h"

static bool day_costs_area(const struct part *x, int day)
{
    struct turn turn = {(enum cycle)x->cycle, x->start_month, x->start_day, x->end_month,
                        x->end_day};
    return x->cycle != HEATING_SEASON || turn_heats(&turn, day);
}

/* Up to the k-th of the cycle's days a share rounded down has fallen due. */
static int64_t area_of_day(const struct part *x, int64_t area, int day)
{
    struct turn turn = {(enum cycle)x->cycle, x->start_month, x->start_day, x->end_month,
                        x->end_day};
    int first = turn_first(&turn, day), next = turn_next(&turn, day);
    int64_t k = day - first + 1, days = next - first;
    if (!day_costs_area(x, day))
        return 0;
    return area * k / days - area * (k - 1) / days;
}

struct counted {
    int days, months, first, last; /* of the days that count, both included */
};

static struct counted count_days(const struct plan *p, const struct stretch *s,
                                 const struct section *x, bool begun)
{
    int offset = stretch_offset(p, s);
    struct counted n = {.first = stretch_day(x->from - 1, offset) + 1,
                        .last = stretch_day(x->to - 1, offset)};
    bool opens = !begun && x->from == s->opened;
    for (int day = n.first; day <= n.last; day++)
        n.months += day_date(day)->day == 1;
    if (opens && stretch_day_start(n.first, offset) != x->from)
        n.first--; /* the day on which the very first one opens */
    if (opens && day_date(n.first)->day != 1)
        n.months++;
    else if (opens && stretch_day_start(n.first, offset) != x->from)
        n.months++;
    n.days = n.last - n.first + 1;
    return n;
}

static bool by_parts(const struct part *x)
{
    return x->part_month > 0;
}

/* Of the price of a month of `length` days, the first `days` of which are charged, rounded down to
 * 10^-8 yuan. */
static int64_t month_so_far(const struct part *x, int64_t price, int days, int length)
{
    int of = x->part_month == 2 ? 30 : length;
    if (!by_parts(x) || days == length || days > of)
        return price;
    mpz_t part;
    mpz_init_set_si(part, price);
    mpz_mul_si(part, part, days);
    mpz_fdiv_q_ui(part, part, (unsigned long)of);
    int64_t so_far = mpz_get_si(part);
    mpz_clear(part);
    return so_far;
}

static int month_length(int day)
{
    int first = day - day_date(day)->day + 1, length = 28;
    while (day_date(first + length)->day != 1)
        length++;
    return length;
}

/* Day after day, beginning with the one after `charged` days of its month. */
static int64_t price_of_days(const struct part *x, struct counted n, int charged)
{
    int64_t price = price_e8(&x->price);
    int64_t sum = 0;
    for (int day = n.first; day <= n.last; day++) {
        int length = month_length(day);
        charged = day_date(day)->day == 1 ? 0 : charged;
        sum -= month_so_far(x, price, charged, length);
        sum += month_so_far(x, price, ++charged, length);
    }
    return sum;
}

static int charged_after(struct counted n, int charged)
{
    for (int day = n.first; day <= n.last; day++)
        charged = day_date(day)->day == 1 ? 1 : charged + 1;
    return charged;
}

static void add_demand(const struct part *x, const struct stretch *s, const struct section *section,
                       struct counted n, int charged, struct cell cell, struct due *due)
{
    int days[2] = {charged, charged_after(n, charged)}, length = month_length(n.last);
    if (n.first <= n.last && day_date(n.first)->day == 1)
        days[0] = 0;
    int64_t normal[2], over[2], asked[2] = {section->demand, s->demand};
    bool utilised[2] = {
        section->demanded && fee_is_utilised(x, section->active_before + section->others_before,
                                             section->capacity_before, 1),
        fee_is_utilised(x, section->active_before + section->active + section->others, s->capacity,
                        1)};
    bool needs = x->floor_percent || x->over_percent || s->demand == 0;
    if ((needs && s->contracted == 0) || (x->utilised_from && s->capacity == 0)) {
        due->fee_missing = true;
        return;
    }
    if (asked[1] < asked[0])
        asked[1] = asked[0];
    for (int i = 0; i < 2; i++) {
        int64_t floor = s->contracted * x->floor_percent / 100;
        int64_t due_for = i == 0 && !section->demanded ? 0 : asked[i] < floor ? floor : asked[i];
        int64_t limit = x->over_percent ? s->contracted * x->over_percent / 100 : INT64_MAX;
        normal[i] = due_for < limit ? due_for : limit;
        over[i] = due_for - normal[i];
    }
    if (x->utilised_from) {
        cell.month = section->active_before + section->active + section->others;
        cell.capacity = s->capacity;
    }
    for (int above = 0; above < 2; above++) {
        const struct decimal *prices[2] = {&x->price, &x->utilised_price};
        const int64_t *kw = above ? over : normal;
        if (above && !x->over_percent)
            continue;
        if (above) {
            prices[0] = &x->over_price;
            prices[1] = &x->utilised_over_price;
        }
        int64_t then = month_so_far(x, price_e8(prices[utilised[0]]), days[0], length);
        int64_t now = month_so_far(x, price_e8(prices[utilised[1]]), days[1], length);
        if (utilised[0] ==
            utilised[1]) { /* all of it for the new days, the rise for those before */
            cell.utilised = utilised[1];
            cell.price_e8 = now - then;
            cell.quantity = now == then ? 0 : kw[1];
            stretch_add_cell(due, cell);
            cell.price_e8 = then;
            cell.quantity = by_parts(x) && then == 0 ? 0 : kw[1] - kw[0];
            stretch_add_cell(due, cell);
            continue;
        }
        cell.price_e8 = now;
        cell.quantity = kw[1];
        cell.utilised = utilised[1];
        stretch_add_cell(due, cell);
        cell.utilised = utilised[0];
        cell.price_e8 = then;
        cell.quantity = -kw[0];
        stretch_add_cell(due, cell);
    }
}

static int64_t fee_quantity(const struct part *x, const struct stretch *s, struct counted n,
                            bool last, struct due *due)
{
    int64_t given = 1, area = 0;
    int times = 1;
    switch (x->per) {
    case PER_DAY:
        times = n.days;
        given = 1000;
        break;
    case PER_MONTH:
        times = n.months;
        given = 1000;
        break;
    case PER_CAPACITY:
        times = n.months;
        given = s->capacity;
        break;
    case PER_FIRST_RECHARGE:
        return last ? s->first_recharges * INT64_C(1000) : 0;
    default:
        given = s->area;
        times = x->cycle == MONTH ? n.months : last;
        break;
    }
    if (x->per == PER_AREA && x->cycle > MONTH) {
        for (int day = n.first; day <= n.last; day++) {
            area += area_of_day(x, s->area, day);
            due->fee_missing = due->fee_missing || (s->area == 0 && day_costs_area(x, day));
        }
        return area;
    }
    if (by_parts(x))
        times = n.days;
    due->fee_missing = due->fee_missing || (times > 0 && given == 0);
    return by_parts(x) ? given : times * given;
}

/* The area of a season whose days count. */
static void add_season_area(const struct plan *p, const struct stretch *s, struct counted n,
                            struct section *x, struct due *due)
{
    const struct part fee = {.cycle = HEATING_SEASON,
                             .start_month = p->area_start_month,
                             .start_day = p->area_start_day,
                             .end_month = p->area_end_month,
                             .end_day = p->area_end_day};
    for (int day = n.first; plan_has_area_bill(p) && day <= n.last; day++) {
        x->season_area += area_of_day(&fee, s->area, day);
        due->fee_missing = due->fee_missing || (s->area == 0 && day_costs_area(&fee, day));
    }
    if (!x->season)
        return;
    struct turn turn = {HEATING_SEASON, fee.start_month, fee.start_day, fee.end_month, fee.end_day};
    int64_t gone = n.last - x->season + 1, days = turn_next(&turn, x->season) - x->season;
    x->season_rest = s->area - s->area * gone / days;
}

void stretch_add_fees(const struct plan *p, const struct stretch *s, struct stand *stand, int index,
                      struct due *due)
{
    struct section *section = &due->sections[index];
    struct counted n = count_days(p, s, section, stand->begun);
    int charged = stand->part_days;
    add_season_area(p, s, n, section, due);
    for (int i = 0; i < p->fee_count; i++) {
        const struct part *x = &p->fees[i];
        struct cell cell = stretch_cell(p, due, -1 - index, FEE);
        cell.code = x->code;
        cell.price_e8 = price_e8(&x->price);
        cell.rounding = part_rounding(p, x);
        if (x->per == PER_DEMAND) {
            add_demand(x, s, section, n, charged, cell, due);
            continue;
        }
        cell.quantity = fee_quantity(x, s, n, index == due->section_count - 1, due);
        if (by_parts(x))
            cell.price_e8 = price_of_days(x, n, charged);
        if (by_parts(x) && cell.price_e8 == 0)
            continue;
        stretch_add_cell(due, cell);
    }
    stand->part_days = charged_after(n, charged);
}
