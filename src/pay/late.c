/* The counting of late fees: pure. */
#include "pay/late.h"

#include "base/units.h"

#define PPM 1'000'000

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t positive(int64_t a)
{
    return a > 0 ? a : 0;
}

static bool new_year(int32_t day)
{
    struct civil c = civil_from_days(day);
    return c.month == 1 && c.day == 1;
}

/* Payments settle the oldest first; on the first of January all that is older is of years before.
 */
static int64_t prior_of(const struct late_day *d, const struct late_count *c)
{
    if (new_year(d->day))
        return positive(d->arrears_fen - d->charged_fen);
    return smaller(positive(c->prior_fen - d->paid_fen), d->arrears_fen);
}

enum err late_count_day(const struct late_term *term, const struct late_day *d,
                        struct late_count *c)
{
    int64_t now, before;
    if (d->arrears_fen <= 0) {
        *c = (struct late_count){};
        return ERR_OK;
    }
    if (c->begun_day == 0)
        *c = (struct late_count){.begun_day = d->day};
    else
        c->prior_fen = prior_of(d, c);
    if (d->arrears_fen > c->most_fen)
        c->most_fen = d->arrears_fen;
    if (d->day - c->begun_day < term->grace_days)
        return ERR_OK;
    TRY(units_mul(d->arrears_fen - c->prior_fen, term->ppm, &now));
    TRY(units_mul(c->prior_fen, term->next_years_ppm, &before));
    TRY(units_add(now, before, &now));
    TRY(units_add(c->exact, now, &c->exact));
    c->days++;
    return ERR_OK;
}

struct fee {
    int64_t fen;
    enum late_rule rule;
};

static struct fee fee_of(const struct late_term *term, const struct late_count *c)
{
    int64_t cap_fen;
    struct fee f = {c->exact / PPM + (c->exact % PPM >= PPM / 2), LATE_ROUNDED};
    if (c->exact == 0)
        return (struct fee){};
    if (f.fen < term->least_fen)
        f = (struct fee){term->least_fen, LATE_LEAST};
    enum err e = units_mul_div(c->most_fen, term->cap_permille, 1'000, &cap_fen);
    if (e == ERR_OK && cap_fen < f.fen)
        f = (struct fee){cap_fen, LATE_CAP};
    return f;
}

int64_t late_fee_fen(const struct late_term *term, const struct late_count *c)
{
    return fee_of(term, c).fen;
}

enum late_rule late_rule_of(const struct late_term *term, const struct late_count *c)
{
    return fee_of(term, c).rule;
}

const char *late_rule_name(enum late_rule rule)
{
    static const char *const names[LATE_RULES] = {"rounded", "least", "cap"};
    return rule < LATE_RULES ? names[rule] : "?";
}
