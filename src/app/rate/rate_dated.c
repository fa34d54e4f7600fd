/* `yufu rate` with dated usage: periods, each line with all it rests on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/rate/rate_impl.h"
#include "rating/line.h"

enum form { QUIET, JSON, TABLE }; /* quiet: only whether all of it can be rated */

struct dated {
    struct rate_command *c;
    enum form form;
    struct rating_row *rows;
    size_t count, bills;
    wall_s from, to; /* of all */
    struct rating_position position;
    struct rating_registers at;
    struct rating_bill bill;
    int64_t energy_wh, amount_fen;
};

/* --- lines, explained ---------------------------------------------------------------------------
 */

static const char *when(const struct dated *d, int64_t s, char text[32])
{
    struct civil t = civil_from_wall((wall_s){s}, d->c->offset_s);
    snprintf(text, 32, "%04d-%02u-%02uT%02u:%02u:%02u", (int)t.year, t.month, t.day, t.hour,
             t.minute, t.second);
    return text;
}

typedef void each_period(const struct rating_period *p, size_t index);

/* When the line's rate runs: by the schedule whose prices hold, or by all that leave them alone. */
static void each_of(const struct rating_plan *plan, const struct rating_line *l, each_period *each)
{
    size_t index = 0;
    if (l->rate >= RATING_RATES)
        return;
    for (size_t i = 0; i < plan->period_count; i++)
        if (plan->periods[i].rate == l->rate)
            each(&plan->periods[i], index++);
    for (size_t s = 0; s < plan->schedule_count; s++) {
        const struct rating_schedule *schedule = &plan->schedules[s];
        bool priced = schedule->priced & 1u << l->rate;
        if (l->schedule < 0 ? priced : (size_t)l->schedule != s)
            continue;
        for (size_t i = 0; i < schedule->period_count; i++)
            if (schedule->periods[i].rate == l->rate)
                each(&schedule->periods[i], index++);
    }
}

static void print_hours(const struct rating_period *p)
{
    printf("%02u:%02u-%02u:%02u", p->from_minute / 60u, p->from_minute % 60u, p->to_minute / 60u,
           p->to_minute % 60u);
}

static void json_hours(const struct rating_period *p, size_t index)
{
    printf("%s\"", index ? "," : "");
    print_hours(p);
    printf("\"");
}

static void table_hours(const struct rating_period *p, size_t index)
{
    printf("%s", index ? "," : "; ");
    print_hours(p);
}

static void json_bound(const char *name, int64_t wh)
{
    if (wh == RATING_STEP_OPEN)
        printf("\"%s\":null,", name);
    else
        printf("\"%s\":%" PRId64 ",", name, wh);
}

static void json_marks(const struct rating_line *l)
{
    const char *mark;
    printf("\"marks\":[%s", l->apportioned ? "\"apportioned\"" : "");
    for (size_t i = 0; (mark = rating_line_mark(l, i)); i++)
        printf("%s\"%s\"", i > 0 || l->apportioned ? "," : "", mark);
    printf("],");
}

static void json_line(const struct dated *d, const struct rating_line *l)
{
    char price[RATING_PRICE_TEXT_MAX], text[32];
    rating_price_print(l->price_e8, price);
    printf("{\"kind\":\"%s\",\"rate\":\"%s\",", rating_item_name(l->kind),
           rating_rate_name(l->rate));
    if (l->code[0])
        printf("\"code\":\"%s\",", l->code);
    printf("\"from\":\"%s\",", when(d, l->from_s, text));
    printf("\"to\":\"%s\",", when(d, l->to_s, text));
    if (rating_line_has_registers(l))
        printf("\"from_wh\":%" PRId64 ",\"to_wh\":%" PRId64 ",", l->from_wh, l->to_wh);
    if (l->step >= 0) {
        printf("\"step\":%d,", l->step + 1);
        json_bound("step_from_wh", l->step_from_wh);
        json_bound("step_to_wh", l->step_to_wh);
    }
    printf("\"periods\":[");
    each_of(&d->c->plan, l, json_hours);
    printf("],\"rule\":\"%s\",\"prices\":\"%s\",", rating_line_rule(&d->c->plan, l),
           rating_line_prices(l, text));
    json_marks(l);
    if (l->kind == RATING_ITEM_SEASON)
        printf("\"of_fen\":%" PRId64 ",", l->from_wh);
    if (l->kind == RATING_ITEM_FEE && l->to_wh != 0)
        printf("\"month_wh\":%" PRId64 ",\"capacity_milli_kva\":%" PRId64 ",", l->from_wh,
               l->to_wh);
    if (l->kind == RATING_ITEM_FACTOR)
        rate_print_factor(l->quantity_wh, l->price_e8);
    else
        printf("\"quantity_wh\":%" PRId64 ",\"price\":\"%s\",", l->quantity_wh, price);
    printf("\"rounding\":\"%s\",\"carry_in\":%" PRId64 ",\"carry_out\":%" PRId64
           ",\"amount_fen\":%" PRId64 "}",
           rating_rounding_name(l->rounding), l->carry_in, l->carry_out, l->amount_fen);
}

static void table_step(const struct rating_line *l)
{
    char from[32], to[32];
    printf(", step 第 %d 档 (%s", l->step + 1, rate_decimal(from, l->step_from_wh, 1000, 3));
    if (l->step_to_wh == RATING_STEP_OPEN)
        printf(" up 以上)");
    else
        printf("-%s)", rate_decimal(to, l->step_to_wh, 1000, 3));
}

static void table_line(const struct dated *d, const struct rating_line *l)
{
    char from[32], to[32], text[32];
    rate_print_numbers(l->kind, l->quantity_wh, l->price_e8, l->amount_fen);
    printf("%s %s", rating_item_name(l->kind), rating_item_zh(l->kind));
    if (l->code[0])
        printf(", %s", l->code);
    if (l->rate < RATING_RATES)
        printf(", %s %s", rating_rate_name(l->rate), rating_rate_zh(l->rate));
    if (l->step >= 0)
        table_step(l);
    printf("\n%50s%s .. %s", "", when(d, l->from_s, from), when(d, l->to_s, to));
    if (rating_line_has_registers(l)) {
        printf("; %s -> ", rate_decimal(from, l->from_wh, 1000, 3));
        printf("%s", rate_decimal(to, l->to_wh, 1000, 3));
    }
    if (l->kind == RATING_ITEM_SEASON)
        printf("; of 采暖季合计 %s", rate_decimal(from, l->from_wh, 100, 2));
    if (l->kind == RATING_ITEM_FEE && l->to_wh != 0) {
        printf("; month 当月 %s kWh", rate_decimal(from, l->from_wh, 1000, 3));
        printf(", %s kVA", rate_decimal(to, l->to_wh, 1000, 3));
    }
    each_of(&d->c->plan, l, table_hours);
    printf("; rule 规则 %s, prices 价格 %s, rounding 舍入 %s %" PRId64 " -> %" PRId64,
           rating_line_rule(&d->c->plan, l), rating_line_prices(l, text),
           rating_rounding_name(l->rounding), l->carry_in, l->carry_out);
    if (l->apportioned)
        printf("; apportioned by time 按时间分摊");
    if (l->flags & RATING_FLAG_ESTIMATED)
        printf("; estimated 估计");
    if (l->flags & RATING_FLAG_CALENDAR)
        printf("; CALENDAR_YEAR_MISSING 日历缺年");
    if (l->flags & RATING_FLAG_MOVED_IN)
        printf("; moved in 入住折算");
    if (l->flags & RATING_FLAG_INTERVALS)
        printf("; by intervals 按时段分解");
    if (l->flags & RATING_FLAG_UTILISED)
        printf("; well used 利用充分");
    printf("\n");
}

/* --- one bill --------------------------------------------------------------------------------- */

static void json_bill(const struct dated *d, wall_s from, wall_s to)
{
    char text[32];
    printf("%s{\"from\":\"%s\",", d->bills ? "," : "", when(d, from.s, text));
    printf("\"to\":\"%s\",\"energy_wh\":%" PRId64 ",\"amount_fen\":%" PRId64 ",\"carry\":%" PRId64
           ",\"lines\":[",
           when(d, to.s, text), d->bill.energy_wh, d->bill.amount_fen, d->bill.carry);
    for (size_t i = 0; i < d->bill.line_count; i++) {
        printf("%s", i ? "," : "");
        json_line(d, &d->bill.lines[i]);
    }
    printf("]}");
}

static void table_bill(const struct dated *d, wall_s from, wall_s to)
{
    char energy[32], amount[32], a[32], b[32];
    for (size_t i = 0; i < d->bill.line_count; i++)
        table_line(d, &d->bill.lines[i]);
    printf("%16s %14s %16s  bill 账单 %s .. %s, remainder carried on, 1e-9 fen 结转尾差: %" PRId64
           "\n",
           rate_decimal(energy, d->bill.energy_wh, 1000, 3), "",
           rate_decimal(amount, d->bill.amount_fen, 100, 2), when(d, from.s, a), when(d, to.s, b),
           d->bill.carry);
}

static struct rating_case case_of(const struct dated *d, wall_s from, wall_s to,
                                  const struct rating_row *rows, size_t count)
{
    const struct rate_command *c = d->c;
    return (struct rating_case){.from = d->at,
                                .opened_at = from,
                                .reading_at = to,
                                .closed_at = to,
                                .offset_s = c->offset_s,
                                .rows = rows,
                                .row_count = count,
                                .persons = c->request.persons,
                                .opened_day = c->opened_day,
                                .area_milli_m2 = c->request.area_milli_m2,
                                .capacity_milli_kva = c->request.capacity_milli_kva,
                                .contracted_milli_kw = c->request.contracted_milli_kw,
                                .demand_milli_kw = c->request.demand_milli_kw,
                                .others_wh = c->others_wh,
                                .first_recharges = c->request.first_recharges,
                                .reactive_known =
                                    c->usage.has_reactive || c->request.reactive_known,
                                .month_ends = c->month_ends && to.s == d->to.s};
}

static enum err count_on(struct dated *d, const struct rating_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(units_add(d->at.total_wh, rows[i].used.total_wh, &d->at.total_wh));
        for (size_t r = 0; r < RATING_METER_RATES; r++)
            TRY(units_add(d->at.rate_wh[r], rows[i].used.rate_wh[r], &d->at.rate_wh[r]));
    }
    return ERR_OK;
}

static enum err rate_bill(struct dated *d, wall_s from, wall_s to, const struct rating_row *rows,
                          size_t count)
{
    struct rating_case one = case_of(d, from, to, rows, count);
    TRY(rating_period(&d->c->plan, &one, &d->position, &d->bill));
    if (d->form == JSON)
        json_bill(d, from, to);
    else if (d->form == TABLE)
        table_bill(d, from, to);
    d->bills++;
    TRY(count_on(d, rows, count));
    TRY(units_add(d->energy_wh, d->bill.energy_wh, &d->energy_wh));
    return units_add(d->amount_fen, d->bill.amount_fen, &d->amount_fen);
}

/* --- all bills ----------------------------------------------------------------------------------
 */

/* Rows that belong to the same bill begin in the same month, or on the same day. */
static int32_t bill_of(const struct dated *d, wall_s at)
{
    struct civil t = civil_from_wall(at, d->c->offset_s);
    if (strcmp(d->c->bills, "one") == 0)
        return 0;
    return strcmp(d->c->bills, "month") == 0 ? t.year * 12 + t.month
                                             : civil_local_day(at, d->c->offset_s);
}

static enum err rate_bills(struct dated *d)
{
    wall_s from = d->from;
    for (size_t i = 0; i < d->count;) {
        size_t end = i + 1;
        while (end < d->count && bill_of(d, d->rows[end].from) == bill_of(d, d->rows[i].from))
            end++;
        wall_s to = end < d->count ? d->rows[end].from : d->to;
        TRY(rate_bill(d, from, to, d->rows + i, end - i));
        from = to;
        i = end;
    }
    return ERR_OK;
}

static enum err find_rows(struct dated *d)
{
    struct rate_command *c = d->c;
    size_t skip = c->usage.readings ? 1 : 0;
    bool rates = false;
    for (size_t r = 1; r < RATE_REGISTERS; r++)
        rates = rates || c->usage.has[r];
    if (c->usage.count <= skip)
        return ERR_CSV_EMPTY;
    d->count = c->usage.count - skip;
    d->rows = calloc(d->count, sizeof *d->rows);
    if (!d->rows)
        return ERR_MEMORY;
    for (size_t i = 0; i < d->count; i++) {
        const struct rate_row *row = &c->usage.rows[i + skip];
        d->rows[i] = (struct rating_row){.from = skip ? row[-1].to : row->from,
                                         .to = row->to,
                                         .used = c->used[i + skip],
                                         .reactive_wh = row->reactive_wh,
                                         .has_rates = rates,
                                         .estimated = row->estimated};
    }
    TRY(units_add(d->rows[d->count - 1].reactive_wh, c->request.reactive_wh,
                  &d->rows[d->count - 1].reactive_wh));
    d->from = d->rows[0].from;
    d->to = d->rows[d->count - 1].to;
    return ERR_OK;
}

/* --begin and --end reach over the rows: standing fees run on where nothing was measured. */
static enum err widen(struct dated *d)
{
    const struct rate_command *c = d->c;
    wall_s from = d->from, to = d->to;
    if (c->begin && (!rate_parse_time(c->begin, c->offset_s, &from) || from.s > d->from.s))
        return ERR_RATING_ROWS;
    if (c->end && (!rate_parse_time(c->end, c->offset_s, &to) || to.s < d->to.s))
        return ERR_RATING_ROWS;
    d->from = from;
    d->to = to;
    return ERR_OK;
}

/* What came before: the ladder's count, the quota, and with --continues the fees of the month. */
static void set_position(struct dated *d)
{
    const struct rate_command *c = d->c;
    int32_t day = civil_local_day(d->from, c->offset_s);
    struct civil first = civil_from_days(day);
    bool begins = civil_day_start(day, c->offset_s).s == d->from.s;
    int32_t month = first.year * 12 + first.month - 1;
    bool day_paid = c->continues && !begins;
    bool month_paid = c->continues && (!begins || first.day != 1);
    d->position = rating_position_of(day_paid ? day : day - 1, month_paid ? month : month - 1,
                                     c->request.carry);
    if (c->plan.ladder.step_count > 0)
        d->position.cycle_day = rating_cycle_start(&c->plan.ladder, day);
    d->position.used_wh = c->request.used_before_wh;
    if (c->quota_left_wh >= 0 && c->plan.quota.amount_wh != 0) {
        struct rating_ladder cycle = {.cycle = c->plan.quota.cycle, .start = c->plan.quota.start};
        d->position.shared.quota_day = rating_cycle_start(&cycle, day);
        d->position.shared.quota_left_wh = c->quota_left_wh;
    }
}

static void set_registers(struct dated *d)
{
    for (size_t i = 0; i < RATE_REGISTERS; i++) {
        int64_t wh = d->c->has_opening || d->c->usage.readings ? d->c->first[i] : 0;
        if (i == 0)
            d->at.total_wh = wh;
        else if (i <= RATING_METER_RATES)
            d->at.rate_wh[i - 1] = wh;
    }
}

static void print_head(const struct dated *d)
{
    const struct rating_plan *plan = &d->c->plan;
    if (d->form == JSON)
        printf("{\"kind\":\"%s\",\"unit\":\"%s\",\"bills\":[", rating_kind_name(plan->kind),
               rating_unit_name(plan->unit));
    else if (d->form == TABLE)
        printf("%16s %14s %16s  line 项目\n", rating_unit_name(plan->unit), "yuan/unit", "yuan");
}

static void print_end(const struct dated *d)
{
    const struct rating_position *p = &d->position;
    char energy[32], amount[32];
    int32_t from = civil_local_day(d->from, d->c->offset_s);
    int32_t to = civil_local_day((wall_s){d->to.s - 1}, d->c->offset_s);
    if (d->form == TABLE) {
        printf("%16s %14s %16s  total 合计\n", rate_decimal(energy, d->energy_wh, 1000, 3), "",
               rate_decimal(amount, d->amount_fen, 100, 2));
        rate_print_warnings(d->c, from, to, false);
        return;
    }
    if (d->form == QUIET)
        return;
    printf("],\"energy_wh\":%" PRId64 ",\"amount_fen\":%" PRId64 ",\"carry\":%" PRId64
           ",\"used_after_wh\":%" PRId64 ",\"quota_left_wh\":%" PRId64 ",\"warnings\":[",
           d->energy_wh, d->amount_fen, p->carry, p->used_wh, p->shared.quota_left_wh);
    rate_print_warnings(d->c, from, to, true);
    printf("]}\n");
}

static enum err run(struct dated *d, enum form form)
{
    d->form = form;
    d->bills = 0;
    d->energy_wh = d->amount_fen = 0;
    set_position(d);
    set_registers(d);
    print_head(d);
    TRY(rate_bills(d));
    print_end(d);
    return ERR_OK;
}

static enum err run_all(struct dated *d)
{
    TRY(find_rows(d));
    TRY(widen(d));
    TRY(run(d, QUIET));
    if (!d->c->table)
        TRY(run(d, JSON));
    return d->c->json ? ERR_OK : run(d, TABLE);
}

/* The likeliest slip: rates wanted from a meter, and a file with totals only. */
static void hint(const struct rate_command *c, enum err e)
{
    bool rates = c->plan.kind == RATING_TIME_OF_USE || c->plan.kind == RATING_TIME_OF_USE_LADDER;
    bool given = false;
    for (size_t i = 1; i < RATE_REGISTERS; i++)
        given = given || c->usage.has[i];
    if (e == ERR_RATING_RATES && rates && !given)
        fprintf(stderr, "yufu rate: the file has totals only; a plan that shares them out by its "
                        "periods says \"rates_from\": \"intervals\" "
                        "文件只有总量；如需按时段分解，方案须写 \"rates_from\": \"intervals\"\n");
}

enum err rate_dated(struct rate_command *c)
{
    struct dated *d = calloc(1, sizeof *d);
    if (!d)
        return rate_say(ERR_MEMORY, c->usage_path);
    d->c = c;
    enum err e = rate_say(run_all(d), c->usage_path);
    hint(c, e);
    free(d->rows);
    free(d);
    return e;
}
