/* `yufu rate`: what a price plan makes of a usage, without any database. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "io/io.h"
#include "rating/statement.h"
#include "site/csv.h"

#define PLAN_MAX 65'536
#define REGISTERS (RATING_RATES + 1) /* total, then the rates; a meter has no deep valley */

struct command {
    const char *opening, *used_before, *persons, *month, *days, *months, *area, *json, *table;
    const char *capacity, *demand, *contracted, *recharges, *reactive;
    struct rating_plan plan;
    struct rating_used *rows;
    size_t room;
    int64_t registers[REGISTERS]; /* --opening, then those of the row before */
    int64_t first[REGISTERS];     /* --opening */
    struct rating_request request;
    struct rating_statement statement;
};

/* --- input
 * ---------------------------------------------------------------------------------------- */

static enum err say(enum err e, const char *where)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu rate: %s: %s %s %s\n", where, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

static enum err load_plan(struct command *c, const char *path)
{
    struct bytes file = {};
    struct rating_problem problem;
    TRY(say(io_file_read(path, PLAN_MAX, &file), path));
    enum err e = rating_plan_parse((const char *)file.data, file.len, &c->plan, &problem);
    io_file_free(&file);
    if (e != ERR_OK)
        fprintf(stderr, "yufu rate: %s: %s at %s: %s %s\n", path,
                rating_reason_name(problem.reason), problem.place[0] ? problem.place : "the top",
                rating_reason_en(problem.reason), rating_reason_zh(problem.reason));
    return e;
}

/* "total" or "total,sharp,peak,flat,valley". */
static enum err parse_opening(struct command *c)
{
    char text[128], *save = NULL;
    size_t n = 0;
    if (!c->opening)
        return ERR_OK;
    if (strlen(c->opening) >= sizeof text)
        return ERR_SYNTAX;
    strcpy(text, c->opening);
    for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (n == REGISTERS)
            return ERR_SYNTAX;
        TRY(options_number(w, 0, INT64_MAX, &c->registers[n++]));
    }
    memcpy(c->first, c->registers, sizeof c->first);
    return n == 1 || n >= REGISTERS - 1 ? ERR_OK : ERR_SYNTAX;
}

static enum err parse_number(const char *text, int64_t max, int64_t *out)
{
    *out = 0;
    return text ? options_number(text, 0, max, out) : ERR_OK;
}

/* What the rules of a bill are counted in. */
static enum err parse_terms(struct command *c)
{
    struct rating_request *r = &c->request;
    int64_t recharges;
    TRY(say(parse_number(c->capacity, INT64_MAX, &r->capacity_milli_kva), "--capacity"));
    TRY(say(parse_number(c->demand, INT64_MAX, &r->demand_milli_kw), "--demand"));
    TRY(say(parse_number(c->contracted, INT64_MAX, &r->contracted_milli_kw), "--contracted"));
    TRY(say(parse_number(c->recharges, UINT16_MAX, &recharges), "--recharges"));
    TRY(say(parse_number(c->reactive, INT64_MAX, &r->reactive_wh), "--reactive"));
    r->first_recharges = (uint16_t)recharges;
    r->reactive_known = c->reactive != NULL;
    return ERR_OK;
}

static enum err parse_position(struct command *c)
{
    int64_t persons, month, days, months, area;
    TRY(say(parse_opening(c), "--opening"));
    TRY(say(parse_number(c->used_before, INT64_MAX, &c->request.used_before_wh), "--used-before"));
    TRY(say(parse_number(c->persons, RATING_PERSONS_MAX, &persons), "--persons"));
    TRY(say(parse_number(c->month, 12, &month), "--month"));
    TRY(say(parse_number(c->days, UINT16_MAX, &days), "--days"));
    TRY(say(parse_number(c->months, UINT16_MAX, &months), "--months"));
    TRY(say(parse_number(c->area, UINT32_MAX, &area), "--area"));
    c->request.days = (uint16_t)days;
    c->request.months = (uint16_t)months;
    c->request.area_milli_m2 = (uint32_t)area;
    c->request.persons = (uint16_t)persons;
    c->request.month = (uint8_t)month;
    return parse_terms(c);
}

/* Column 0 is the row's name and not looked at, so that a usage can say when it was. */
static const char *const columns[] = {"at",   "total",  "sharp",      "peak",
                                      "flat", "valley", "deep_valley"};
#define COLUMNS (sizeof columns / sizeof *columns)

struct usage {
    struct command *c;
    struct csv csv;
    size_t column[CSV_COLUMNS_MAX]; /* which of `columns` stands here */
    size_t column_count;
    bool has[COLUMNS];
};

static enum err take_header(struct usage *u)
{
    TRY(csv_next(&u->csv));
    for (size_t i = 0; i < u->csv.cell_count; i++) {
        size_t k = 0;
        while (k < COLUMNS && strcmp(columns[k], u->csv.cells[i]) != 0)
            k++;
        u->csv.bad_column = i + 1;
        if (k == COLUMNS)
            return ERR_CSV_HEADER;
        if (u->has[k])
            return ERR_CSV_HEADER_TWICE;
        u->has[k] = true;
        u->column[i] = k;
    }
    u->column_count = u->csv.cell_count;
    u->csv.bad_column = 0;
    return u->has[1] ? ERR_OK : ERR_CSV_HEADER_MISSING;
}

/* With --opening a row holds readings, else what was used. A register that is not in the file
 * stays. */
static enum err add_row(struct command *c, const int64_t value[REGISTERS])
{
    struct rating_used used = {};
    for (size_t i = 0; i < REGISTERS; i++) {
        int64_t wh = value[i] < 0 ? 0 : c->opening ? value[i] - c->registers[i] : value[i];
        if (wh < 0)
            return ERR_RATING_BACKWARDS;
        TRY(units_add(c->registers[i], wh, &c->registers[i]));
        *(i == 0 ? &used.total_wh : &used.rate_wh[i - 1]) = wh;
    }
    if (c->request.row_count == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        struct rating_used *rows = realloc(c->rows, room * sizeof *rows);
        if (!rows)
            return ERR_MEMORY;
        c->rows = rows;
        c->room = room;
    }
    c->rows[c->request.row_count++] = used;
    return ERR_OK;
}

static enum err take_row(struct usage *u)
{
    int64_t value[REGISTERS] = {-1, -1, -1, -1, -1, -1};
    for (size_t i = 0; i < u->column_count; i++) {
        u->csv.bad_column = i + 1;
        if (u->column[i] == 0)
            continue;
        if (i >= u->csv.cell_count || !u->csv.cells[i][0])
            return ERR_CSV_REQUIRED;
        TRY(options_number(u->csv.cells[i], 0, INT64_MAX / 1000, &value[u->column[i] - 1]));
    }
    u->csv.bad_column = u->csv.cell_count > u->column_count ? u->column_count + 1 : 0;
    return u->csv.bad_column ? ERR_CSV_COLUMNS : add_row(u->c, value);
}

static enum err take_usage(struct usage *u)
{
    TRY(take_header(u));
    for (;;) {
        enum err e = csv_next(&u->csv);
        if (e == ERR_NOT_FOUND)
            return u->c->request.row_count ? ERR_OK : ERR_CSV_EMPTY;
        TRY(e);
        TRY(take_row(u));
    }
}

static enum err load_usage(struct command *c, const char *path)
{
    struct usage u = {.c = c};
    struct bytes file = {};
    char where[512];
    TRY(say(io_file_read(path, CSV_SIZE_MAX, &file), path));
    enum err e = csv_open(&u.csv, file.data, file.len);
    io_file_free(&file);
    TRY(say(e, path));
    e = take_usage(&u);
    int n = snprintf(where, sizeof where, "%s row %" PRId64, path, u.csv.row);
    if (u.csv.bad_column > 0 && n > 0 && (size_t)n < sizeof where)
        snprintf(where + n, sizeof where - (size_t)n, " column %zu", u.csv.bad_column);
    csv_close(&u.csv);
    c->request.rows = c->rows;
    return say(e == ERR_NOT_FOUND ? ERR_CSV_EMPTY : e, where);
}

/* --- the bill as JSON
 * ------------------------------------------------------------------------------ */

static void print_registers(const char *name, const int64_t wh[REGISTERS])
{
    printf("\"%s_wh\":[", name);
    for (size_t i = 0; i < REGISTERS; i++)
        printf("%s%" PRId64, i ? "," : "", wh[i]);
    printf("],");
}

static void print_json_steps(const struct command *c)
{
    printf("\"steps\":[");
    for (size_t i = 0; i < c->plan.ladder.step_count; i++) {
        int64_t to = c->statement.step_to_wh[i];
        printf("%s{\"step\":%zu,", i ? "," : "", i + 1);
        if (to == RATING_STEP_OPEN)
            printf("\"to_wh\":null,");
        else
            printf("\"to_wh\":%" PRId64 ",", to);
        printf("\"quantity_wh\":%" PRId64 "}", c->statement.step_wh[i]);
    }
    printf("],");
}

/* The power factor's line is a percentage of a sum in fen. */
static void print_json_factor(const struct rating_item *t)
{
    char percent[RATING_PRICE_TEXT_MAX];
    rating_price_print(t->price_e8 * RATING_PERCENT_PER_FACTOR_PRICE, percent);
    printf("{\"kind\":\"%s\",\"rounding\":\"%s\",\"of_fen\":%" PRId64
           ",\"percent\":\"%s\",\"carry_in\":%" PRId64 ",\"carry_out\":%" PRId64
           ",\"amount_fen\":%" PRId64 "}",
           rating_item_name(t->kind), rating_rounding_name(t->rounding), t->quantity_wh, percent,
           t->carry_in, t->carry_out, t->amount_fen);
}

static void print_json_item(const struct rating_item *t)
{
    char price[RATING_PRICE_TEXT_MAX];
    if (t->kind == RATING_ITEM_FACTOR) {
        print_json_factor(t);
        return;
    }
    rating_price_print(t->price_e8, price);
    printf("{\"kind\":\"%s\",\"rate\":\"%s\",", rating_item_name(t->kind),
           rating_rate_name(t->rate));
    if (t->code)
        printf("\"code\":\"%s\",", t->code);
    if (t->step >= 0)
        printf("\"step\":%d,", t->step + 1);
    printf("\"rounding\":\"%s\",\"quantity_wh\":%" PRId64 ",\"price\":\"%s\",\"carry_in\":%" PRId64
           ",\"carry_out\":%" PRId64 ",\"amount_fen\":%" PRId64 "}",
           rating_rounding_name(t->rounding), t->quantity_wh, price, t->carry_in, t->carry_out,
           t->amount_fen);
}

static void print_json(const struct command *c)
{
    const struct rating_statement *s = &c->statement;
    printf("{\"kind\":\"%s\",\"unit\":\"%s\",", rating_kind_name(c->plan.kind),
           rating_unit_name(c->plan.unit));
    printf("\"energy_wh\":%" PRId64 ",\"amount_fen\":%" PRId64 ",\"carry\":%" PRId64 ",",
           s->energy_wh, s->amount_fen, s->carry);
    if (c->opening) {
        print_registers("opening", c->first);
        print_registers("closing", c->registers);
    }
    if (c->plan.ladder.step_count > 0) {
        printf("\"used_before_wh\":%" PRId64 ",\"used_after_wh\":%" PRId64 ",",
               c->request.used_before_wh, s->used_after_wh);
        print_json_steps(c);
    }
    printf("\"lines\":[");
    for (size_t i = 0; i < s->item_count; i++) {
        printf("%s", i ? "," : "");
        print_json_item(&s->items[i]);
    }
    printf("]}\n");
}

/* --- the bill as a table
 * --------------------------------------------------------------------------- */

/* Whole and broken part of a number: "240.000", "-117.19". */
static const char *decimal(char text[32], int64_t value, int64_t scale, int digits)
{
    const char *sign = value < 0 ? "-" : "";
    uint64_t v = value < 0 ? -(uint64_t)value : (uint64_t)value, s = (uint64_t)scale;
    snprintf(text, 32, "%s%" PRIu64 ".%0*" PRIu64, sign, v / s, digits, v % s);
    return text;
}

static void print_step(const struct command *c, int step)
{
    char to[32];
    printf(", step 第 %d 档", step + 1);
    if (c->statement.step_to_wh[step] != RATING_STEP_OPEN)
        printf(" (up to 至 %s)", decimal(to, c->statement.step_to_wh[step], 1000, 3));
}

static void print_row(const struct command *c, const struct rating_item *t)
{
    char quantity[32], price[RATING_PRICE_TEXT_MAX + 2], amount[32];
    bool factor = t->kind == RATING_ITEM_FACTOR; /* percent of yuan */
    rating_price_print(factor ? t->price_e8 * RATING_PERCENT_PER_FACTOR_PRICE : t->price_e8, price);
    if (factor)
        strcat(price, " %");
    printf("%16s %14s %16s  %s %s",
           decimal(quantity, t->quantity_wh, factor ? 100 : 1000, factor ? 2 : 3), price,
           decimal(amount, t->amount_fen, 100, 2), rating_item_name(t->kind),
           rating_item_zh(t->kind));
    if (t->code)
        printf(", %s", t->code);
    else
        printf(", %s %s", rating_rate_name(t->rate), rating_rate_zh(t->rate));
    if (t->step >= 0)
        print_step(c, t->step);
    printf("\n");
}

static void print_table(const struct command *c)
{
    const struct rating_statement *s = &c->statement;
    char energy[32], amount[32];
    printf("%16s %14s %16s  line 项目\n", rating_unit_name(c->plan.unit), "yuan/unit", "yuan");
    for (size_t i = 0; i < s->item_count; i++)
        print_row(c, &s->items[i]);
    printf("%16s %14s %16s  total 合计\n", decimal(energy, s->energy_wh, 1000, 3), "",
           decimal(amount, s->amount_fen, 100, 2));
    printf("%48s  remainder carried on, 1e-9 fen 结转尾差: %" PRId64 "\n", "", s->carry);
}

int app_rate_main(int argc, char **argv)
{
    struct command c = {};
    const struct option_row rows[] = {
        {"--opening", "WH,...", &c.opening, "registers before the first row: rows are readings"},
        {"--used-before", "WH", &c.used_before, "used in the ladder's cycle before the first row"},
        {"--persons", "N", &c.persons, "persons in the household"},
        {"--month", "N", &c.month, "month, for plans with a high season"},
        {"--days", "N", &c.days, "days of the bill, for fees by the day"},
        {"--months", "N", &c.months, "months of the bill, for fees by the month"},
        {"--area", "N", &c.area, "thousandths of a square metre, for fees by area"},
        {"--capacity", "N", &c.capacity, "thousandths of a kVA, for fees by capacity"},
        {"--demand", "N", &c.demand, "highest demand, thousandths of a kW, for fees by demand"},
        {"--contracted", "N", &c.contracted, "contracted demand, thousandths of a kW"},
        {"--recharges", "N", &c.recharges, "months with a recharge, for fees by first_recharge"},
        {"--reactive", "VARH", &c.reactive, "reactive energy, for the power factor"},
        {"--json", NULL, &c.json, "only the JSON"},
        {"--table", NULL, &c.table, "only the table"},
        {0}};
    int words;
    enum options_result r =
        options_parse(argc, argv, "[OPTION...] PLAN.json USAGE.csv", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words != 2 || (c.json && c.table)) {
        fprintf(stderr, "yufu rate: a plan and a usage file are needed (see --help)\n");
        return 2;
    }
    if (parse_position(&c) != ERR_OK)
        return 2;
    enum err e = load_plan(&c, argv[1]);
    if (e == ERR_OK)
        e = load_usage(&c, argv[2]);
    if (e == ERR_OK)
        e = say(rating_state(&c.plan, &c.request, &c.statement), argv[2]);
    if (e == ERR_OK && !c.table)
        print_json(&c);
    if (e == ERR_OK && !c.json)
        print_table(&c);
    free(c.rows);
    return e == ERR_OK ? 0 : 1;
}
