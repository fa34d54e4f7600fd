/* What a bill has by the month: power factor, minimum, subsidies. From the fen of its other lines.
 */
#include "rules.h"

#include <inttypes.h>
#include <string.h>

/* active / sqrt(active^2 + reactive^2) from which a row's hundredths are reached, in 200ths. */
static unsigned factor_edge(const struct plan *p, int row)
{
    unsigned from = (unsigned)p->factor_from[row] * 2;
    return p->factor_rounding == 1 && from > 0 ? from - 1 : from;
}

int factor_row(const struct plan *p, int64_t active, int64_t reactive)
{
    mpz_t left, right, all;
    int row = -1;
    if (active == 0 && reactive == 0)
        return -1;
    mpz_inits(left, right, all, NULL);
    mpz_set_si(all, active);
    mpz_mul(all, all, all);
    mpz_set_si(left, reactive);
    mpz_addmul(all, left, left);
    for (int i = 0; i < p->factor_count && row < 0; i++) {
        mpz_set_si(left, active);
        mpz_mul_ui(left, left, 200);
        mpz_mul(left, left, left);
        mpz_mul_ui(right, all, factor_edge(p, i) * factor_edge(p, i));
        if (mpz_cmp(left, right) >= 0)
            row = i;
    }
    mpz_clears(left, right, all, NULL);
    return row;
}

int64_t factor_most_reactive(const struct plan *p, int64_t active, int row)
{
    unsigned edge = factor_edge(p, row);
    mpz_t most;
    if (edge == 0)
        return active;
    mpz_init_set_si(most, active);
    mpz_mul(most, most, most);
    mpz_mul_ui(most, most, 200 * 200 - edge * edge);
    mpz_fdiv_q_ui(most, most, edge * edge);
    mpz_sqrt(most, most);
    int64_t reactive = mpz_get_si(most);
    mpz_clear(most);
    return reactive;
}

/* Percent times 10^7: the price of a line on fen. */
static int64_t factor_price(const struct plan *p, int row)
{
    return row < 0 ? 0 : price_e8(&p->factor_percent[row]) / 10;
}

static void expect(struct rule_lines *out, int section, enum line_kind kind, const char *code,
                   int64_t quantity, int64_t price, int64_t fen)
{
    out->lines[out->count++] = (struct rule_line){section, kind, code, quantity, price, fen};
}

static void expect_factor(const struct plan *p, const struct section *x, int index,
                          const struct month_stand *at, int64_t on, struct rule_lines *out)
{
    int old = factor_row(p, at->active, at->reactive);
    int now = factor_row(p, at->active + x->active, at->reactive + x->reactive);
    int64_t was = factor_price(p, old), is = factor_price(p, now);
    if (now < 0)
        return;
    if (old >= 0 && was == is) {
        expect(out, index, FACTOR, NULL, on, is, 0);
        return;
    }
    expect(out, index, FACTOR, NULL, at->factor_fen + on, is, 0);
    if (old >= 0)
        expect(out, index, FACTOR, NULL, at->factor_fen, -was, 0);
}

void rules_enter(const struct section *x, struct month_stand *at)
{
    if (at->month != x->month)
        *at = (struct month_stand){.month = x->month};
}

void rules_factor(const struct plan *p, const struct section *x, int index,
                  const struct month_stand *at, int64_t on, struct rule_lines *out)
{
    if (p->factor_count)
        expect_factor(p, x, index, at, on, out);
}

int64_t rules_minimum(const struct plan *p, const struct section *x, bool last, int64_t month_fen,
                      int64_t bill_fen)
{
    int64_t fen = p->minimum_per == 1 ? month_fen : bill_fen;
    if (!p->minimum_fen || (p->minimum_per == 1 ? !x->ends : !last))
        return 0;
    return fen < p->minimum_fen ? p->minimum_fen - fen : 0;
}

/* So much area at a price, in whole fen, half up. */
int64_t season_bound(int64_t price, int64_t area)
{
    mpz_t fen;
    mpz_init_set_si(fen, area); /* thousandths of m2, 10^-8 yuan: 10^9 make a fen */
    mpz_mul_si(fen, fen, price);
    mpz_mul_2exp(fen, fen, 1);
    mpz_add_ui(fen, fen, 1000000000);
    mpz_fdiv_q_ui(fen, fen, 2000000000);
    int64_t rounded = mpz_get_si(fen);
    mpz_clear(fen);
    return rounded;
}

/* What the season's lines must have come to; the one that brings them there is expected. */
static void expect_limit(struct season_stand *at, int index, int64_t area, bool over,
                         struct rule_lines *out)
{
    int64_t most = season_bound(at->most, area), least = season_bound(at->least, area);
    bool high = area && at->most && at->fen > most;
    bool low = area && over && at->least && !high && at->fen < least;
    int64_t limit = high ? most - at->fen : low ? least - at->fen : 0;
    if (limit != at->limit) {
        expect(out, index, SEASON_LIMIT, NULL, high || low ? area : 0,
               high  ? at->most
               : low ? at->least
                     : 0,
               limit - at->limit);
        out->lines[out->count - 1].least = low;
    }
    at->limit = limit;
}

void rules_season(const struct plan *p, const struct stretch *s, const struct section *x, int index,
                  int64_t fen, struct season_stand *at, struct rule_lines *out)
{
    struct season_stand now = {.first = x->season};
    if (x->season && p->area_most_percent)
        now.most = price_e8(&p->area_most);
    if (x->season && p->area_least_percent)
        now.least = price_e8(&p->area_least);
    if (at->first != now.first || at->most != now.most || at->least != now.least) {
        if (at->first)
            expect_limit(at, index, at->area, true, out);
        *at = now;
    }
    if (!x->season)
        return;
    at->fen += fen;
    at->area += x->season_area;
    if (x->season_ends)
        expect_limit(at, index, at->area, true, out);
    else if (s->area)
        expect_limit(at, index, at->area + x->season_rest, false, out);
    /* else its last day may have other meters: it stands until a day after it is rated */
    if (x->season_ends && s->month_ends && x->to == s->closed)
        *at = (struct season_stand){0};
}

/* Each pays up to its amount of what the month has come to; where that falls, they take back. */
void rules_subsidies(const struct plan *p, int index, struct month_stand *at,
                     struct rule_lines *out)
{
    int64_t left = at->fen < 0 ? 0 : at->fen;
    for (int i = 0; i < p->subsidy_count; i++) {
        int64_t give = p->subsidies[i].fen < left ? p->subsidies[i].fen : left;
        left -= give;
        if (give != at->given[i])
            expect(out, index, SUBSIDY, p->subsidies[i].code, 0, 0, at->given[i] - give);
        at->given[i] = give;
    }
}
