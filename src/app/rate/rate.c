/* `yufu rate`: what a price plan makes of a usage, without any database. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/rate/rate_impl.h"
#include "base/zone.h"
#include "io/io.h"

#define PLAN_MAX 65'536
#define WARNINGS_MAX 64

/* --- input ------------------------------------------------------------------------------------ */

enum err rate_say(enum err e, const char *where)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu rate: %s: %s %s %s\n", where, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* With the line and column (in bytes) of the place. */
static void say_problem(const char *path, const char *text, const struct rating_problem *p)
{
    size_t line = 1, column = 1;
    fprintf(stderr, "yufu rate: %s: %s at %s: %s %s", path, rating_reason_name(p->reason),
            p->place[0] ? p->place : "the top", rating_reason_en(p->reason),
            rating_reason_zh(p->reason));
    for (size_t i = 0; i < p->at; i++, column++)
        if (text[i] == '\n') {
            line++;
            column = 0;
        }
    fprintf(stderr, " (line %zu column %zu 第 %zu 行第 %zu 列)\n", line, column, line, column);
}

static enum err load_plan(struct rate_command *c, const char *path)
{
    struct bytes file = {};
    struct rating_problem problem;
    enum err e = io_file_read(path, PLAN_MAX, &file);
    if (e == ERR_OVERFLOW) {
        fprintf(stderr, "yufu rate: %s: the plan is longer than 64 KiB 电价方案超过 64 KiB\n",
                path);
        return e;
    }
    TRY(rate_say(e, path));
    size_t skip = file.len >= 3 && memcmp(file.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    const char *text = (const char *)file.data + skip;
    e = rating_plan_parse(text, file.len - skip, &c->plan, &problem);
    if (e != ERR_OK)
        say_problem(path, text, &problem);
    io_file_free(&file);
    if (e == ERR_OK && c->plan.has_zone)
        c->offset_s = c->plan.zone_offset_s;
    return e;
}

/* "total" or "total,sharp,peak,flat,valley[,deep_valley]". */
static enum err parse_opening(struct rate_command *c, const char *opening)
{
    char text[128], *save = NULL;
    size_t n = 0;
    if (!opening)
        return ERR_OK;
    if (strlen(opening) >= sizeof text)
        return ERR_SYNTAX;
    strcpy(text, opening);
    for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (n == RATE_REGISTERS)
            return ERR_SYNTAX;
        TRY(options_number(w, 0, INT64_MAX, &c->registers[n++]));
    }
    memcpy(c->first, c->registers, sizeof c->first);
    c->has_opening = true;
    return n == 1 || n >= RATE_REGISTERS - 1 ? ERR_OK : ERR_SYNTAX;
}

/* --- usage ------------------------------------------------------------------------------------ */

static enum err difference(struct rate_command *c, const struct rate_row *row, size_t i,
                           bool readings)
{
    for (size_t k = 0; k < RATE_REGISTERS; k++) {
        int64_t wh = c->usage.has[k] && readings ? row->wh[k] - c->registers[k] : row->wh[k];
        if (wh < 0)
            return ERR_RATING_BACKWARDS;
        TRY(units_add(c->registers[k], wh, &c->registers[k]));
        *(k == 0 ? &c->used[i].total_wh : &c->used[i].rate_wh[k - 1]) = wh;
    }
    return ERR_OK;
}

/* With --opening, or a column `time`, a row holds readings, else what was used. A register that is
 * not in the file stays. */
static enum err find_used(struct rate_command *c)
{
    bool readings = c->has_opening || c->usage.readings;
    size_t i = 0;
    c->used = calloc(c->usage.count, sizeof *c->used);
    if (!c->used)
        return ERR_MEMORY;
    if (c->usage.readings) {
        if (c->has_opening)
            return rate_say(ERR_SYNTAX, "--opening");
        memcpy(c->registers, c->usage.rows[0].wh, sizeof c->registers);
        memcpy(c->first, c->registers, sizeof c->first);
        i = 1;
    }
    for (; i < c->usage.count; i++) {
        enum err e = difference(c, &c->usage.rows[i], i, readings);
        if (e != ERR_OK) {
            char where[512];
            snprintf(where, sizeof where, "%s row %" PRId64, c->usage_path, c->usage.rows[i].line);
            return rate_say(e, where);
        }
    }
    return ERR_OK;
}

/* --- warnings --------------------------------------------------------------------------------- */

void rate_print_warnings(const struct rate_command *c, int32_t from_day, int32_t to_day, bool json)
{
    struct rating_problem list[WARNINGS_MAX];
    size_t n = rating_plan_warnings(&c->plan, NULL, from_day, to_day, list, WARNINGS_MAX);
    for (size_t i = 0; i < n && i < WARNINGS_MAX; i++) {
        const struct rating_problem *p = &list[i];
        if (json)
            printf("%s{\"code\":\"%s\",\"place\":\"%s\"}", i ? "," : "",
                   rating_reason_name(p->reason), p->place);
        else
            printf("warning 警告: %s at %s: %s %s\n", rating_reason_name(p->reason), p->place,
                   rating_reason_en(p->reason), rating_reason_zh(p->reason));
    }
}

/* --- the bill as JSON
 * ------------------------------------------------------------------------------ */

static void print_registers(const char *name, const int64_t wh[RATE_REGISTERS])
{
    printf("\"%s_wh\":[", name);
    for (size_t i = 0; i < RATE_REGISTERS; i++)
        printf("%s%" PRId64, i ? "," : "", wh[i]);
    printf("],");
}

static void print_json_steps(const struct rate_command *c, const struct rating_statement *s)
{
    printf("\"steps\":[");
    for (size_t i = 0; i < c->plan.ladder.step_count; i++) {
        int64_t to = s->step_to_wh[i];
        printf("%s{\"step\":%zu,", i ? "," : "", i + 1);
        if (to == RATING_STEP_OPEN)
            printf("\"to_wh\":null,");
        else
            printf("\"to_wh\":%" PRId64 ",", to);
        printf("\"quantity_wh\":%" PRId64 "}", s->step_wh[i]);
    }
    printf("],");
}

/* The power factor's line is a percentage of a sum in fen. */
void rate_print_factor(int64_t of_fen, int64_t price_e8)
{
    char percent[RATING_PRICE_TEXT_MAX];
    rating_price_print(price_e8 * RATING_PERCENT_PER_FACTOR_PRICE, percent);
    printf("\"of_fen\":%" PRId64 ",\"percent\":\"%s\",", of_fen, percent);
}

static void print_json_item(const struct rating_item *t)
{
    char price[RATING_PRICE_TEXT_MAX];
    rating_price_print(t->price_e8, price);
    printf("{\"kind\":\"%s\",\"rate\":\"%s\",", rating_item_name(t->kind),
           rating_rate_name(t->rate));
    if (t->code)
        printf("\"code\":\"%s\",", t->code);
    if (t->step >= 0)
        printf("\"step\":%d,", t->step + 1);
    if (t->kind == RATING_ITEM_FACTOR)
        rate_print_factor(t->quantity_wh, t->price_e8);
    else
        printf("\"quantity_wh\":%" PRId64 ",\"price\":\"%s\",", t->quantity_wh, price);
    printf("\"rounding\":\"%s\",\"carry_in\":%" PRId64 ",\"carry_out\":%" PRId64
           ",\"amount_fen\":%" PRId64 "}",
           rating_rounding_name(t->rounding), t->carry_in, t->carry_out, t->amount_fen);
}

#define WARN_AHEAD_DAYS 400 /* next year's holidays are announced in the November before */

/* Usage without dates could be of any time from now on. */
static void warn_ahead(const struct rate_command *c, bool json)
{
    int32_t today = civil_local_day((wall_s){time(NULL)}, c->offset_s);
    rate_print_warnings(c, today, today + WARN_AHEAD_DAYS, json);
}

static void print_json(const struct rate_command *c, const struct rating_statement *s)
{
    printf("{\"kind\":\"%s\",\"unit\":\"%s\",", rating_kind_name(c->plan.kind),
           rating_unit_name(c->plan.unit));
    printf("\"energy_wh\":%" PRId64 ",\"amount_fen\":%" PRId64 ",\"carry\":%" PRId64 ",",
           s->energy_wh, s->amount_fen, s->carry);
    if (c->has_opening) {
        print_registers("opening", c->first);
        print_registers("closing", c->registers);
    }
    if (c->plan.ladder.step_count > 0) {
        printf("\"used_before_wh\":%" PRId64 ",\"used_after_wh\":%" PRId64 ",",
               c->request.used_before_wh, s->used_after_wh);
        print_json_steps(c, s);
    }
    printf("\"lines\":[");
    for (size_t i = 0; i < s->item_count; i++) {
        printf("%s", i ? "," : "");
        print_json_item(&s->items[i]);
    }
    printf("],\"warnings\":[");
    warn_ahead(c, true);
    printf("]}\n");
}

/* --- the bill as a table
 * --------------------------------------------------------------------------- */

const char *rate_decimal(char text[32], int64_t value, int64_t scale, int digits)
{
    bool negative = value < 0;
    uint64_t v = negative ? -(uint64_t)value : (uint64_t)value, unit = (uint64_t)scale;
    snprintf(text, 32, "%s%" PRIu64 ".%0*" PRIu64, negative ? "-" : "", v / unit, digits, v % unit);
    return text;
}

static void print_step(const struct rating_statement *s, int step)
{
    char to[32];
    printf(", step 第 %d 档", step + 1);
    if (s->step_to_wh[step] != RATING_STEP_OPEN)
        printf(" (up to 至 %s)", rate_decimal(to, s->step_to_wh[step], 1000, 3));
}

/* Quantity, price and amount; a power factor has an amount and a percent. */
void rate_print_numbers(enum rating_item_kind kind, int64_t quantity_wh, int64_t price_e8,
                        int64_t amount_fen)
{
    char quantity[32], price[RATING_PRICE_TEXT_MAX + 2], amount[32];
    bool factor = kind == RATING_ITEM_FACTOR;
    rating_price_print(factor ? price_e8 * RATING_PERCENT_PER_FACTOR_PRICE : price_e8, price);
    if (factor)
        strcat(price, " %");
    printf("%16s %14s %16s  ",
           rate_decimal(quantity, quantity_wh, factor ? 100 : 1000, factor ? 2 : 3), price,
           rate_decimal(amount, amount_fen, 100, 2));
}

static void print_row(const struct rating_statement *s, const struct rating_item *t)
{
    rate_print_numbers(t->kind, t->quantity_wh, t->price_e8, t->amount_fen);
    printf("%s %s", rating_item_name(t->kind), rating_item_zh(t->kind));
    if (t->code)
        printf(", %s", t->code);
    if (!t->code || t->rate < RATING_RATES)
        printf(", %s %s", rating_rate_name(t->rate), rating_rate_zh(t->rate));
    if (t->step >= 0)
        print_step(s, t->step);
    printf("\n");
}

static void print_table(const struct rate_command *c, const struct rating_statement *s)
{
    char energy[32], amount[32];
    printf("%16s %14s %16s  line 项目\n", rating_unit_name(c->plan.unit), "yuan/unit", "yuan");
    for (size_t i = 0; i < s->item_count; i++)
        print_row(s, &s->items[i]);
    printf("%16s %14s %16s  total 合计\n", rate_decimal(energy, s->energy_wh, 1000, 3), "",
           rate_decimal(amount, s->amount_fen, 100, 2));
    printf("%48s  remainder carried on, 1e-9 fen 结转尾差: %" PRId64 "\n", "", s->carry);
    warn_ahead(c, false);
}

/* --- the command ------------------------------------------------------------------------------ */

static enum err rate_undated(struct rate_command *c)
{
    struct rating_statement s;
    c->request.rows = c->used;
    c->request.row_count = c->usage.count;
    c->request.reactive_known = c->request.reactive_known || c->usage.has_reactive;
    for (size_t i = 0; i < c->usage.count; i++)
        TRY(units_add(c->request.reactive_wh, c->usage.rows[i].reactive_wh,
                      &c->request.reactive_wh));
    TRY(rate_say(rating_state(&c->plan, &c->request, &s), c->usage_path));
    if (!c->table)
        print_json(c, &s);
    if (!c->json)
        print_table(c, &s);
    return ERR_OK;
}

struct texts {
    const char *opening, *used_before, *persons, *month, *days, *months, *area, *capacity,
        *contracted, *demand, *others, *recharges, *carry, *quota_left, *opened, *zone, *reactive,
        *continues, *month_ends, *json, *table;
};

static enum err parse_number(const char *text, const char *name, int64_t max, int64_t *out)
{
    *out = 0;
    return text ? rate_say(options_number(text, 0, max, out), name) : ERR_OK;
}

static enum err parse_counts(struct rate_command *c, const struct texts *t)
{
    struct rating_request *r = &c->request;
    int64_t persons, month, days, months, area, recharges;
    TRY(parse_number(t->used_before, "--used-before", INT64_MAX, &r->used_before_wh));
    TRY(parse_number(t->persons, "--persons", RATING_PERSONS_MAX, &persons));
    TRY(parse_number(t->month, "--month", 12, &month));
    TRY(parse_number(t->days, "--days", UINT16_MAX, &days));
    TRY(parse_number(t->months, "--months", UINT16_MAX, &months));
    TRY(parse_number(t->area, "--area", UINT32_MAX, &area));
    TRY(parse_number(t->capacity, "--capacity", INT64_MAX / 1000, &r->capacity_milli_kva));
    TRY(parse_number(t->contracted, "--contracted", INT64_MAX / 1000, &r->contracted_milli_kw));
    TRY(parse_number(t->demand, "--demand", INT64_MAX / 1000, &r->demand_milli_kw));
    TRY(parse_number(t->others, "--others", INT64_MAX / 1000, &c->others_wh));
    TRY(parse_number(t->recharges, "--recharges", UINT16_MAX, &recharges));
    TRY(parse_number(t->reactive, "--reactive", INT64_MAX / 1000, &r->reactive_wh));
    r->reactive_known = t->reactive;
    r->days = (uint16_t)days;
    r->months = (uint16_t)months;
    r->area_milli_m2 = (uint32_t)area;
    r->persons = (uint16_t)persons;
    r->month = (uint8_t)month;
    r->first_recharges = (uint16_t)recharges;
    c->quota_left_wh = -1;
    if (t->quota_left)
        TRY(parse_number(t->quota_left, "--quota-left", RATING_BOUND_MAX_WH, &c->quota_left_wh));
    if (t->carry)
        TRY(rate_say(
            options_number(t->carry, -UNITS_EXACT_PER_FEN / 2, UNITS_EXACT_PER_FEN / 2, &r->carry),
            "--carry"));
    return ERR_OK;
}

static enum err parse_dates(struct rate_command *c, const struct texts *t)
{
    wall_s at;
    c->offset_s = 0;
    if (!zone_offset(t->zone, &c->offset_s))
        return rate_say(ERR_SYNTAX, "--zone");
    if (t->opened && (strlen(t->opened) != 10 || !rate_parse_time(t->opened, 0, &at)))
        return rate_say(ERR_SYNTAX, "--opened");
    c->opened_day = t->opened ? civil_local_day(at, 0) : 0;
    if (strcmp(c->bills, "one") != 0 && strcmp(c->bills, "month") != 0 &&
        strcmp(c->bills, "day") != 0)
        return rate_say(ERR_SYNTAX, "--bills");
    return ERR_OK;
}

static enum err parse_texts(struct rate_command *c, const struct texts *t)
{
    c->continues = t->continues;
    c->month_ends = t->month_ends;
    c->json = t->json;
    c->table = t->table;
    TRY(rate_say(parse_opening(c, t->opening), "--opening"));
    TRY(parse_counts(c, t));
    return parse_dates(c, t);
}

static enum err rate_files(struct rate_command *c, const char *plan_path)
{
    TRY(load_plan(c, plan_path));
    enum err e = rate_usage_load(&c->usage, c->usage_path, c->plan.unit, c->offset_s);
    rate_say(e, c->usage.where);
    if (e != ERR_OK && c->usage.hint[0])
        fprintf(stderr, "  %s\n", c->usage.hint);
    TRY(e);
    TRY(find_used(c));
    return c->usage.dated ? rate_dated(c) : rate_undated(c);
}

int app_rate_main(int argc, char **argv)
{
    struct rate_command c = {.bills = "one"};
    struct texts t = {.zone = "Asia/Shanghai"};
    const struct option_row rows[] = {
        {"--opening", "WH,...", &t.opening, "registers before the first row: rows are readings"},
        {"--used-before", "WH", &t.used_before, "used in the ladder's cycle before the first row"},
        {"--quota-left", "WH", &t.quota_left, "left of the free quota before the first row"},
        {"--carry", "N", &t.carry, "remainder of the bill before, 1e-9 fen"},
        {"--persons", "N", &t.persons, "persons in the household"},
        {"--opened", "DATE", &t.opened, "first day of the account, for plans with move_in"},
        {"--area", "N", &t.area, "thousandths of a square metre, for fees by area"},
        {"--capacity", "N", &t.capacity, "thousandths of a kVA, for fees by capacity"},
        {"--contracted", "N", &t.contracted, "thousandths of a kW, contracted demand"},
        {"--demand", "N", &t.demand, "thousandths of a kW, highest demand of the month"},
        {"--others", "WH", &t.others,
         "dated usage: used in the month by the account's other meters"},
        {"--recharges", "N", &t.recharges, "months with a first recharge"},
        {"--reactive", "VARH", &t.reactive, "reactive energy of all, for the power factor"},
        {"--month", "N", &t.month, "undated usage: month, for a high season or prices by month"},
        {"--days", "N", &t.days, "undated usage: days of the bill, for fees by the day"},
        {"--months", "N", &t.months, "undated usage: months of the bill, for fees by the month"},
        {"--begin", "TIME", &c.begin, "dated usage: the bill begins before the first row"},
        {"--end", "TIME", &c.end, "dated usage: the bill ends after the last row"},
        {"--bills", "KIND", &c.bills,
         "dated usage: one bill (if not given), one a month, or a day"},
        {"--continues", NULL, &t.continues,
         "dated usage: the fees of the month were charged before"},
        {"--month-ends", NULL, &t.month_ends, "dated usage: the account's last month ends"},
        {"--zone", "NAME", &t.zone, "local time, if the plan names no zone (Asia/Shanghai)"},
        {"--json", NULL, &t.json, "only the JSON"},
        {"--table", NULL, &t.table, "only the table"},
        {0}};
    int words;
    enum options_result r =
        options_parse(argc, argv, "[OPTION...] PLAN.json USAGE.csv", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words != 2 || (t.json && t.table)) {
        fprintf(stderr, "yufu rate: a plan and a usage file are needed (see --help)\n");
        return 2;
    }
    if (parse_texts(&c, &t) != ERR_OK)
        return 2;
    c.usage_path = argv[2];
    enum err e = rate_files(&c, argv[1]);
    free(c.used);
    rate_usage_close(&c.usage);
    return e == ERR_OK ? 0 : 1;
}
