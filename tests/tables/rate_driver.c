/*
 * Rates what it is told, one bill a line, for tests that judge from outside:
 *   in    PLAN \t total0 sharp0 peak0 flat0 valley0 \t total1 sharp1 peak1 flat1 valley1 \t carry
 *   out   OK energy amount carry lines: rate=amount=carry ...   or   ERROR name place
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rating/rating.h"

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

int main(void)
{
    char line[8192];
    while (fgets(line, sizeof line, stdin))
        rate(line);
    return 0;
}
