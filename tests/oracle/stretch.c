/* What must stand in the bill of a stretch. */
#include "stretch_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS INT64_C(86400)

/* A piece of a row, in one part and on days of one schedule; -1: if none has prices. */
struct chunk {
    int part, row, schedule;
    bool touched[RATES];             /* some time of the rate is in it */
    int64_t used[RATES], all[RATES]; /* a plan without rates: the first; used: not free */
};

#define CHUNKS_MAX 8192
static struct chunk chunks[CHUNKS_MAX];
static int chunk_count;

int64_t price_e8(const struct decimal *d)
{
    mpq_t e8;
    mpq_init(e8);
    mpq_set_ui(e8, 100000000, 1);
    mpq_mul(e8, e8, d->value);
    if (mpz_cmp_ui(mpq_denref(e8), 1) != 0)
        abort();
    int64_t digits = mpz_get_si(mpq_numref(e8));
    mpq_clear(e8);
    return digits;
}

int stretch_offset(const struct plan *p, const struct stretch *s)
{
    return p->zone >= 0 ? zone_offsets[p->zone] : s->offset;
}

int stretch_day(int64_t t, int offset)
{
    int64_t local = t + offset;
    return (int)(local >= 0 ? local / DAY_SECONDS : -((-local + DAY_SECONDS - 1) / DAY_SECONDS));
}

int64_t stretch_day_start(int day, int offset)
{
    return day * DAY_SECONDS - offset;
}

/* --- parts -------------------------------------------------------------------------------------
 */

static struct turn season_turn(const struct plan *p)
{
    return (struct turn){HEATING_SEASON, p->area_start_month, p->area_start_day, p->area_end_month,
                         p->area_end_day};
}

bool plan_has_area_bill(const struct plan *p)
{
    return p->area_most_percent || p->area_least_percent;
}

/* Sums begin anew with this day. */
static bool sums_begin(const struct plan *p, int day)
{
    struct turn season = season_turn(p);
    return (plan_has_months(p) && day_date(day)->day == 1) ||
           (plan_has_area_bill(p) && turn_begins(&season, day));
}

static struct turn quota_turn(const struct plan *p)
{
    return (struct turn){p->quota_cycle, p->quota_start_month, p->quota_start_day, 0, 0};
}

/* The bounds of a cycle: those of the month in which it began, shorter in the one of moving in. */
static void part_ends(const struct plan *p, const struct stretch *s, struct stretch_part *x)
{
    struct turn turn = plan_turn(p);
    int next = turn_next(&turn, x->cycle);
    int64_t whole = next - x->cycle, left = next - s->opened_day;
    step_ends(p, s->persons, day_date(x->cycle)->month, x->ends);
    x->moved_in = p->move_in > 0 && s->opened_day > x->cycle && s->opened_day < next;
    if (!x->moved_in)
        return;
    if (p->move_in == 2) {
        struct turn month = {MONTH, 0, turn.day, 0, 0};
        whole = left = 0;
        for (int day = x->cycle; day < next; day++)
            if (turn_begins(&month, day)) {
                whole++;
                left += turn_next(&month, day) > s->opened_day;
            }
    }
    x->moved_in = left < whole;
    for (int i = 0; i < p->step_count; i++)
        if (x->ends[i] >= 0) {
            mpz_t end;
            mpz_init_set_si(end, x->ends[i]);
            mpz_mul_si(end, end, left);
            mpz_fdiv_q_ui(end, end, (unsigned long)whole);
            x->ends[i] = mpz_get_si(end);
            mpz_clear(end);
        }
}

static void make_parts(const struct plan *p, const struct stretch *s, struct due *due)
{
    int offset = stretch_offset(p, s), last = stretch_day(s->closed - 1, offset);
    int day = stretch_day(s->opened, offset);
    struct turn turn = plan_turn(p), quota = quota_turn(p);
    struct stretch_part at = {.from = s->opened,
                              .day = day,
                              .cycle = plan_has_steps(p) ? turn_first(&turn, day) : 0,
                              .quota = p->quota ? turn_first(&quota, day) : 0,
                              .entry = month_entry(p, day_date(day)->month)};
    due->part_count = 0;
    for (day++;; day++) {
        struct stretch_part next = at;
        if (day <= last) {
            next.cycle = plan_has_steps(p) && turn_begins(&turn, day) ? day : at.cycle;
            next.quota = p->quota && turn_begins(&quota, day) ? day : at.quota;
            next.entry = month_entry(p, day_date(day)->month);
            if (next.cycle == at.cycle && next.quota == at.quota &&
                !(p->entry_count && day_date(day)->day == 1) && !sums_begin(p, day))
                continue;
        }
        at.to = day <= last ? stretch_day_start(day, offset) : s->closed;
        if (plan_has_steps(p))
            part_ends(p, s, &at);
        if (due->part_count == STRETCH_PARTS_MAX)
            abort();
        due->parts[due->part_count++] = at;
        if (day > last)
            return;
        at = next;
        at.from = stretch_day_start(day, offset);
        at.day = day;
    }
}

/* --- sharing out by time -----------------------------------------------------------------------
 */

/* A register that runs evenly from nothing to `used`, rounded down. */
static int64_t stands_at(int64_t used, const struct stretch_row *row, int64_t t)
{
    return (int64_t)((__int128)used * (t - row->from) / (row->to - row->from));
}

int64_t register_at(const struct stretch *s, int rate, int64_t t)
{
    int64_t at = rate == TOTAL ? s->start.total : s->start.rate[rate];
    for (int i = 0; i < s->row_count; i++) {
        const struct stretch_row *row = &s->rows[i];
        int64_t used = rate == TOTAL ? row->used.total : row->used.rate[rate];
        if (t >= row->to)
            at += used;
        else if (t > row->from)
            at += stands_at(used, row, t);
    }
    return at;
}

static struct chunk *chunk_at(int part, int row, int schedule)
{
    for (int i = chunk_count - 1; i >= 0 && chunks[i].row == row; i--)
        if (chunks[i].part == part && chunks[i].schedule == schedule)
            return &chunks[i];
    if (chunk_count == CHUNKS_MAX)
        abort();
    chunks[chunk_count] = (struct chunk){.part = part, .row = row, .schedule = schedule};
    return &chunks[chunk_count++];
}

static void add_piece(const struct plan *p, const struct stretch_row *row, struct chunk *x,
                      int rate, int64_t from, int64_t to)
{
    if (!plan_has_rates(p))
        x->used[0] += stands_at(row->used.total, row, to) - stands_at(row->used.total, row, from);
    else if (p->intervals == 1)
        x->used[rate] +=
            stands_at(row->used.total, row, to) - stands_at(row->used.total, row, from);
    else
        for (int r = 0; r < RATES; r++)
            x->used[r] +=
                stands_at(row->used.rate[r], row, to) - stands_at(row->used.rate[r], row, from);
}

/* The next moment after t at which a day or a period of it begins. */
static int64_t next_moment(const struct plan *p, int schedule, int64_t t, int64_t midnight)
{
    int64_t next = midnight + DAY_SECONDS;
    int count;
    const struct span *spans = spans_of(p, schedule, &count);
    for (int i = 0; i < count && plan_has_rates(p) && p->intervals == 1; i++) {
        int64_t at = midnight + spans[i].from * 60;
        if (at > t && at < next)
            next = at;
    }
    return next;
}

/* Whose price a rate has on the days of a schedule. */
static int price_row(const struct plan *p, int schedule, int rate)
{
    bool own = schedule >= 0 && p->schedules[schedule].priced && p->schedules[schedule].names[rate];
    return own ? schedule : SCHEDULES_MAX;
}

/* In the order in which free units are taken: schedule by schedule. */
static int by_schedule(const void *a, const void *b)
{
    const struct chunk *x = a, *y = b;
    return x->part != y->part ? x->part - y->part : x->schedule - y->schedule;
}

static void share_row(const struct plan *p, const struct stretch *s, int index, struct due *due)
{
    const struct stretch_row *row = &s->rows[index];
    int offset = stretch_offset(p, s), part = 0, seen_rate = -1, seen_schedule = -2;
    while (due->parts[part].to <= row->from)
        part++;
    int first = part, chunk = chunk_count;
    bool within = false;
    bool priced = false;
    for (int i = 0; i < p->schedule_count; i++)
        priced = priced || p->schedules[i].priced;
    for (int64_t t = row->from, next; t < row->to; t = next) {
        int day = stretch_day(t, offset), schedule = schedule_of(p, day);
        int64_t midnight = stretch_day_start(day, offset);
        int bucket = priced ? schedule : -1, rate = TOTAL;
        next = next_moment(p, schedule, t, midnight);
        next = next < row->to ? next : row->to;
        part += t >= due->parts[part].to;
        due->parts[part].estimated = due->parts[part].estimated || (row->estimated && !s->bare);
        if (priced || p->intervals == 1)
            due->parts[part].guessed = due->parts[part].guessed || day_is_guessed(p, day);
        if (plan_has_rates(p) && p->intervals == 1)
            rate = rate_at(p, schedule, (int)((t - midnight) / 60));
        if (rate != TOTAL)
            chunk_at(part, index, bucket)->touched[rate] = true;
        add_piece(p, row, chunk_at(part, index, bucket), rate, t, next);
        if (seen_schedule > -2 && (seen_rate != rate || seen_schedule != bucket))
            within = true;
        seen_rate = rate;
        seen_schedule = bucket;
    }
    for (int i = first; first != part && i <= part; i++)
        due->parts[i].shared = true;
    for (int i = chunk; i < chunk_count && within; i++)
        for (int r = 0; r < RATES; r++)
            if (p->intervals != 1 || chunks[i].touched[r])
                due->parts[chunks[i].part].cut[price_row(p, chunks[i].schedule, r)][r] =
                    due->parts[chunks[i].part].within = true;
    qsort(chunks + chunk, (size_t)(chunk_count - chunk), sizeof chunks[0], by_schedule);
}

/* No price anywhere: not in the schedule, nor in the plan. Also of what is free. */
static bool unpriced(const struct plan *p)
{
    for (int i = 0; i < chunk_count && plan_has_rates(p); i++)
        for (int r = 0; r < RATES; r++) {
            int schedule = chunks[i].schedule;
            bool named = schedule >= 0 && p->schedules[schedule].names[r];
            if (chunks[i].all[r] && !named && !p->priced[r])
                return true;
        }
    return false;
}

/* --- cells -------------------------------------------------------------------------------------
 */

void stretch_add_cell(struct due *due, struct cell cell)
{
    if (cell.quantity == 0)
        return;
    for (int i = due->cell_count - 1; i >= 0; i--) {
        struct cell *x = &due->cells[i];
        if (x->part != cell.part)
            break;
        if (x->kind != FEE && x->kind == cell.kind && x->step == cell.step &&
            x->rate == cell.rate && x->schedule == cell.schedule && x->price_e8 == cell.price_e8 &&
            x->code == cell.code) {
            x->quantity += cell.quantity;
            return;
        }
    }
    if (due->cell_count == CELLS_MAX)
        abort();
    due->cells[due->cell_count++] = cell;
}

enum rounding part_rounding(const struct plan *p, const struct part *x)
{
    int word = x && x->rounding >= 0 ? x->rounding : p->rounding;
    return word < 0 ? CARRY : (enum rounding)word;
}

struct part_sums {
    int64_t rate[RATES];                           /* paid for */
    int64_t by_schedule[SCHEDULES_MAX + 1][RATES]; /* the last: the plan's prices */
    int64_t energy, free;
    int64_t climbs, free_climbs; /* of them, what uses up the steps */
};

struct cell stretch_cell(const struct plan *p, const struct due *due, int part, enum line_kind kind)
{
    return (struct cell){.kind = kind,
                         .part = part,
                         .step = -1,
                         .rate = TOTAL,
                         .entry = part < 0 ? -1 : due->parts[part].entry,
                         .schedule = -1,
                         .rounding = part_rounding(p, NULL)};
}

static void add_mix_cells(const struct plan *p, struct cell cell, int64_t quantity, struct due *due)
{
    int64_t shares[MIX_MAX];
    share_mix(p, quantity, shares);
    for (int i = 0; i < p->mix_count; i++) {
        const struct mix *m = &p->mix[i];
        cell.code = m->code;
        cell.price_e8 = price_e8(cell.rate == TOTAL ? &m->price : &m->rate_price[cell.rate]);
        cell.quantity = shares[i];
        stretch_add_cell(due, cell);
    }
}

/* The entry if it has a price for the rate. */
static int entry_of(const struct plan *p, int entry, int rate)
{
    bool has = entry >= 0 && (rate == TOTAL || p->entries[entry].form != ENTRY_RATES ||
                              p->entries[entry].names[rate]);
    return has ? entry : -1;
}

/* Energy at prices that no step has. */
static void add_base_cells(const struct plan *p, int part, const struct part_sums *sums,
                           struct due *due)
{
    int entry = due->parts[part].entry;
    for (int k = 0; k <= SCHEDULES_MAX; k++)
        for (int r = 0; r < (plan_has_rates(p) ? RATES : 1); r++) {
            struct cell cell = stretch_cell(p, due, part, ENERGY);
            cell.rate = plan_has_rates(p) ? r : TOTAL;
            cell.quantity = sums->by_schedule[k][r];
            if (cell.quantity == 0)
                continue;
            if (p->mix_count) {
                add_mix_cells(p, cell, cell.quantity, due);
                continue;
            }
            bool named = k < SCHEDULES_MAX && p->schedules[k].names[r];
            cell.price_e8 =
                price_e8(named ? &p->schedules[k].rate_price[r] : base_price(p, entry, cell.rate));
            cell.schedule = named ? k : -1;
            cell.entry = named ? -1 : entry_of(p, entry, cell.rate);
            stretch_add_cell(due, cell);
        }
}

static void add_matrix(const struct plan *p, int part, int64_t at, const int64_t used[RATES],
                       struct due *due)
{
    int64_t left[RATES], steps[STEPS_MAX], took[RATES], sum = 0;
    for (int r = 0; r < RATES; r++)
        sum += left[r] = used[r];
    fill_steps(p, due->parts[part].ends, at, sum, steps);
    for (int i = 0; i < p->step_count; i++) {
        if (steps[i] == 0)
            continue;
        take_share(steps[i], left, took);
        for (int r = 0; r < RATES; r++) {
            struct cell cell = stretch_cell(p, due, part, ENERGY);
            if (took[r] == 0)
                continue;
            cell.step = i;
            cell.rate = r;
            cell.quantity = took[r];
            cell.price_e8 = price_e8(step_price(p, cell.entry, i, r));
            stretch_add_cell(due, cell);
        }
    }
}

static void add_step_cells(const struct plan *p, int part, int64_t at, int64_t energy,
                           struct due *due)
{
    int64_t steps[STEPS_MAX];
    fill_steps(p, due->parts[part].ends, at, energy, steps);
    for (int i = 0; i < p->step_count; i++) {
        struct cell cell = stretch_cell(p, due, part, p->form == BY_PRICE ? ENERGY : SURCHARGE);
        cell.step = i;
        cell.quantity = steps[i];
        cell.price_e8 = price_e8(step_price(p, cell.entry, i, TOTAL));
        if (p->form == BY_PRICE || cell.price_e8 != 0)
            stretch_add_cell(due, cell);
    }
}

/* On every unit that is paid for. */
static void add_components(const struct plan *p, int index, int64_t paid, struct due *due)
{
    for (int i = 0; i < p->component_count; i++) {
        struct cell cell = stretch_cell(p, due, -1 - index, COMPONENT);
        cell.code = p->components[i].code;
        cell.price_e8 = price_e8(&p->components[i].price);
        cell.rounding = part_rounding(p, &p->components[i]);
        cell.quantity = paid;
        stretch_add_cell(due, cell);
    }
}

/* Units that the quota gives come first in each chunk, from the rates in proportion. */
static void take_free(const struct plan *p, struct chunk *x, int64_t *left, struct part_sums *sums,
                      struct due *due)
{
    int64_t all = 0, took[RATES] = {0};
    for (int r = 0; r < RATES; r++)
        all += x->used[r];
    int64_t free = all < *left ? all : *left;
    if (!p->quota || free == 0)
        return;
    take_share(free, x->used, took);
    *left -= free;
    sums->free += free;
    sums->free_climbs += plan_climbs(p, took);
    due->free += free;
    for (int r = 0; r < RATES; r++) {
        struct cell cell = stretch_cell(p, due, x->part, FREE);
        cell.rate = plan_has_rates(p) ? r : TOTAL;
        cell.quantity = took[r];
        cell.entry = -1;
        stretch_add_cell(due, cell);
    }
}

static void bill_part(const struct plan *p, int part, struct stand *stand, struct due *due)
{
    static struct part_sums sums;
    bool matrix = plan_has_steps(p) && p->form == BY_MATRIX;
    memset(&sums, 0, sizeof sums);
    int64_t at = stand->used;
    for (int i = 0; i < chunk_count; i++) {
        struct chunk *x = &chunks[i];
        if (x->part != part)
            continue;
        int64_t free = sums.free_climbs, chunk = 0;
        memcpy(x->all, x->used, sizeof x->all);
        take_free(p, x, &stand->quota_left, &sums, due);
        at += p->quota_counts == 1 ? sums.free_climbs - free : 0;
        sums.climbs += plan_climbs(p, x->used);
        for (int r = 0; r < RATES; r++) {
            chunk += x->used[r];
            sums.rate[r] += x->used[r];
            sums.by_schedule[x->schedule < 0 ? SCHEDULES_MAX : x->schedule][r] += x->used[r];
        }
        if (matrix && p->chronological) {
            add_matrix(p, part, at, x->used, due);
            at += chunk;
        }
        sums.energy += chunk;
    }
    if (p->has_price || p->has_prices || p->mix_count)
        add_base_cells(p, part, &sums, due);
    if (matrix && !p->chronological)
        add_matrix(p, part, at, sums.rate, due);
    if (plan_has_steps(p) && !matrix)
        add_step_cells(p, part, at, sums.climbs, due);
    if (plan_has_steps(p))
        stand->used += sums.climbs + (p->quota_counts == 1 ? sums.free_climbs : 0);
    due->energy += sums.energy + sums.free;
}

/* --- sections ----------------------------------------------------------------------------------
 */

bool plan_has_months(const struct plan *p)
{
    bool demand = false;
    for (int i = 0; i < p->fee_count; i++)
        demand = demand || p->fees[i].per == PER_DEMAND;
    return demand || p->factor_count || p->subsidy_count || (p->minimum_fen && p->minimum_per == 1);
}

int section_of(const struct due *due, int64_t t)
{
    for (int i = 0; i < due->section_count; i++)
        if (t < due->sections[i].to)
            return i;
    return due->section_count - 1;
}

static int month_of(int day)
{
    return day_date(day)->year * 12 + day_date(day)->month - 1;
}

static void make_sections(const struct plan *p, const struct stretch *s, struct due *due)
{
    int offset = stretch_offset(p, s), day = stretch_day(s->opened, offset);
    int last = stretch_day(s->closed - 1, offset);
    struct turn season = season_turn(p);
    due->section_count = 0;
    for (int64_t from = s->opened; from < s->closed;) {
        struct section *x = &due->sections[due->section_count++];
        int next = day + 1;
        while (next <= last && !sums_begin(p, next))
            next++;
        *x = (struct section){.from = from, .month = month_of(day)};
        x->to = next <= last ? stretch_day_start(next, offset) : s->closed;
        bool midnight = stretch_day_start(next, offset) == x->to,
             closes = next > last && s->month_ends;
        x->ends = closes || (midnight && day_date(next)->day == 1);
        if (plan_has_area_bill(p) && turn_heats(&season, day))
            x->season = turn_first(&season, day);
        x->season_ends = x->season && (closes || (midnight && turn_begins(&season, next)));
        from = x->to;
        day = next;
        if (due->section_count == SECTIONS_MAX)
            abort();
    }
}

/* What the registers of total and reactive energy counted in the sections. */
static void flow(const struct stretch *s, struct due *due)
{
    for (int i = 0; i < s->row_count; i++)
        for (int k = 0; k < due->section_count; k++) {
            struct section *x = &due->sections[k];
            const struct stretch_row *row = &s->rows[i];
            int64_t from = row->from > x->from ? row->from : x->from;
            int64_t to = row->to < x->to ? row->to : x->to;
            if (from >= to)
                continue;
            x->active +=
                stands_at(row->used.total, row, to) - stands_at(row->used.total, row, from);
            x->reactive += stands_at(row->reactive, row, to) - stands_at(row->reactive, row, from);
        }
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static enum verdict row_verdict(const struct plan *p, const struct stretch_row *row)
{
    int64_t sum = 0;
    if (row->used.total < 0)
        return BACKWARDS;
    if (!plan_has_rates(p) || p->intervals == 1)
        return BILLED;
    if (!row->has_rates)
        return RATES_WRONG;
    for (int r = 0; r < RATES; r++)
        if (row->used.rate[r] < 0)
            return BACKWARDS;
    for (int r = 0; r < RATES; r++)
        sum += row->used.rate[r];
    return llabs(sum - row->used.total) > 50 ? RATES_WRONG : BILLED;
}

static enum verdict look_at(const struct plan *p, const struct stretch *s)
{
    int64_t at = s->opened;
    if (s->closed <= s->opened)
        return ROWS_WRONG;
    for (int i = 0; i < s->row_count; i++) {
        const struct stretch_row *row = &s->rows[i];
        if (row->from < at || row->to <= row->from || row->to > s->closed)
            return ROWS_WRONG;
        at = row->to;
    }
    for (int i = 0; i < s->row_count; i++) {
        enum verdict v = row_verdict(p, &s->rows[i]);
        if (v != BILLED)
            return v;
    }
    return BILLED;
}

/* The ladder and the quota as they stand when a part begins. */
static void enter_part(const struct plan *p, const struct stretch *s, const struct stretch_part *x,
                       struct stand *stand)
{
    int64_t quota = p->quota * (p->quota_per_person == 1 ? s->persons : 1);
    if (stand->cycle_day != x->cycle)
        stand->used = 0;
    stand->cycle_day = x->cycle;
    if (!p->quota)
        return;
    if (!stand->quota_day)
        stand->quota_left = quota;
    else if (stand->quota_day != x->quota)
        stand->quota_left = quota + (p->unused == 1 ? stand->quota_left : 0);
    stand->quota_day = x->quota;
}

/* The month as it stands when a section begins. */
static void enter_section(struct section *x, struct stand *stand)
{
    if (stand->month.month != x->month)
        stand->month = (struct month_stand){.month = x->month};
    x->demand = stand->month.demand;
    x->demanded = stand->month.demanded;
    x->active_before = stand->month.active;
    x->capacity_before = stand->month.capacity;
    x->others_before = stand->month.others;
}

static void bill_sections(const struct plan *p, const struct stretch *s, struct stand *stand,
                          struct due *due)
{
    int part = 0;
    struct month_stand at = stand->month;
    for (int i = 0; i < due->section_count; i++) {
        struct section *x = &due->sections[i];
        int64_t energy = due->energy - due->free;
        for (; part < due->part_count && due->parts[part].from < x->to; part++) {
            enter_part(p, s, &due->parts[part], stand);
            bill_part(p, part, stand, due);
        }
        enter_section(x, stand);
        x->others = i == due->section_count - 1 ? s->others : x->others_before;
        add_components(p, i, due->energy - due->free - energy, due);
        stretch_add_fees(p, s, stand, i, due);
        stand->month.demanded = true;
        stand->month.active += x->active;
        stand->month.capacity = s->capacity;
        stand->month.others = x->others;
        if (stand->month.demand < s->demand)
            stand->month.demand = s->demand;
    }
    stand->month = at; /* rules_check moves it on */
}

enum verdict stretch_bill(const struct plan *p, const struct stretch *s, struct stand *stand,
                          struct due *due)
{
    int offset = stretch_offset(p, s);
    due->cell_count = chunk_count = 0;
    due->energy = due->free = 0;
    due->fee_missing = false;
    due->part_count = due->section_count = 0;
    enum verdict verdict = look_at(p, s);
    if (verdict != BILLED)
        return verdict;
    make_parts(p, s, due);
    make_sections(p, s, due);
    for (int i = 0; i < s->row_count; i++)
        share_row(p, s, i, due);
    flow(s, due);
    bill_sections(p, s, stand, due);
    if (unpriced(p))
        return RATES_WRONG;
    if (due->fee_missing || (p->factor_count && s->bare && !s->reactive_known))
        return FEE_COUNT_MISSING;
    const struct date *last = day_date(stretch_day(s->closed - 1, offset));
    stand->begun = true;
    stand->fee_day = stretch_day(s->closed - 1, offset);
    stand->fee_month = last->year * 12 + last->month - 1;
    return BILLED;
}
