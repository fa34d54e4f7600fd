/*
 * Rates what it is told, one bill a line, for tests that judge from outside:
 *   in    PLAN \t total0 sharp0 peak0 flat0 valley0 \t total1 sharp1 peak1 flat1 valley1 \t carry
 *   out   OK energy amount carry lines: rate=amount=carry ...   or   ERROR name place
 * A line that begins with "S \t" is a statement:
 *   in    S \t PLAN \t used_before persons month carry [days months milli_m2] \t total sharp peak flat valley; ...
 *   out   OK energy amount carry used_after lines: kind/step/rate=quantity=price=amount=carry ...
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rating/rating.h"
#include "rating/statement.h"

#define ROWS_MAX 400

static int read_registers(const char *text, struct rating_registers *r)
{
    return sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &r->total_wh,
                  &r->rate_wh[0], &r->rate_wh[1], &r->rate_wh[2], &r->rate_wh[3]) == 5;
}

static void print_bill(const struct rating_bill *b)
{
    printf("OK %" PRId64 " %" PRId64 " %" PRId64, b->energy_wh, b->amount_fen, b->carry);
    for (size_t i = 0; i < b->line_count; i++)
        printf(" %s=%" PRId64 "=%" PRId64, rating_rate_name(b->lines[i].rate),
               b->lines[i].amount_fen, b->lines[i].carry_out);
    printf("\n");
}

static void rate(char *line)
{
    char *save = NULL;
    char *plan_text = strtok_r(line, "\t", &save), *from = strtok_r(NULL, "\t", &save);
    char *to = strtok_r(NULL, "\t", &save), *carry_text = strtok_r(NULL, "\t\n", &save);
    struct rating_plan plan;
    struct rating_problem problem;
    struct rating_usage usage;
    struct rating_bill bill;
    int64_t carry;
    if (!carry_text || !read_registers(from, &usage.from) || !read_registers(to, &usage.to) ||
        sscanf(carry_text, "%" SCNd64, &carry) != 1) {
        printf("ERROR USAGE\n");
        return;
    }
    enum err e = rating_plan_parse(plan_text, strlen(plan_text), &plan, &problem);
    if (e != ERR_OK) {
        printf("ERROR %s %s\n", rating_reason_name(problem.reason), problem.place);
        return;
    }
    e = rating_charge(&plan, &usage, carry, &bill);
    if (e != ERR_OK)
        printf("ERROR %s\n", err_name(e));
    else
        print_bill(&bill);
}

static size_t read_rows(char *text, struct rating_used *rows)
{
    size_t n = 0;
    char *save = NULL;
    for (char *t = strtok_r(text, ";\n", &save); t && n < ROWS_MAX; t = strtok_r(NULL, ";\n", &save)) {
        struct rating_registers r;
        if (!read_registers(t, &r))
            return 0;
        rows[n].total_wh = r.total_wh;
        memcpy(rows[n++].rate_wh, r.rate_wh, sizeof r.rate_wh);
    }
    return n;
}

static void print_statement(const struct rating_statement *s)
{
    printf("OK %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, s->energy_wh, s->amount_fen, s->carry,
           s->used_after_wh);
    for (size_t i = 0; i < s->item_count; i++) {
        const struct rating_item *t = &s->items[i];
        printf(" %s/%d/%s=%" PRId64 "=%" PRId64 "=%" PRId64 "=%" PRId64, rating_item_name(t->kind),
               t->step, t->code ? t->code : rating_rate_name(t->rate), t->quantity_wh, t->price_e8, t->amount_fen,
               t->carry_out);
    }
    printf("\n");
}

static void state(char *line)
{
    static struct rating_used rows[ROWS_MAX];
    static struct rating_statement statement;
    char *save = NULL;
    char *plan_text = strtok_r(line, "\t", &save), *where = strtok_r(NULL, "\t", &save);
    char *rows_text = strtok_r(NULL, "\t\n", &save);
    struct rating_plan plan;
    struct rating_problem problem;
    struct rating_request q = {.rows = rows};
    if (!rows_text || sscanf(where, "%" SCNd64 " %" SCNu16 " %" SCNu8 " %" SCNd64 " %" SCNu16 " %" SCNu16
                             " %" SCNu32, &q.used_before_wh, &q.persons, &q.month, &q.carry,
                             &q.days, &q.months, &q.area_milli_m2) < 4 ||
        (q.row_count = read_rows(rows_text, rows)) == 0) {
        printf("ERROR USAGE\n");
        return;
    }
    if (rating_plan_parse(plan_text, strlen(plan_text), &plan, &problem) != ERR_OK) {
        printf("ERROR %s %s\n", rating_reason_name(problem.reason), problem.place);
        return;
    }
    enum err e = rating_state(&plan, &q, &statement);
    if (e != ERR_OK)
        printf("ERROR %s\n", err_name(e));
    else
        print_statement(&statement);
}

int main(void)
{
    static char line[65536];
    while (fgets(line, sizeof line, stdin))
        if (strncmp(line, "S\t", 2) == 0)
            state(line + 2);
        else
            rate(line);
    return 0;
}
