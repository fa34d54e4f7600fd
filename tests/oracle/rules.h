/* The rules of a bill that are settled by the month, from what its other lines come to. */
#ifndef YUFU_TESTS_ORACLE_RULES_H
#define YUFU_TESTS_ORACLE_RULES_H

#include "stretch.h"

struct rule_line {
    int section;
    enum line_kind kind;
    const char *code;
    int64_t quantity, price_e8, fen; /* fen: of subsidies and minimum */
    bool least;                      /* of a season: it is brought up to its least */
};

#define RULE_LINES_MAX (SECTIONS_MAX * (SUBSIDIES_MAX + 5))
struct rule_lines {
    struct rule_line lines[RULE_LINES_MAX];
    int count;
};

void rules_enter(const struct section *x, struct month_stand *at);
/* `on`: fen of the lines in this section that the power factor is on. */
void rules_factor(const struct plan *p, const struct section *x, int index,
                  const struct month_stand *at, int64_t on, struct rule_lines *out);
/* What the minimum misses; the sums before subsidies. */
int64_t rules_minimum(const struct plan *p, const struct section *x, bool last, int64_t month_fen,
                      int64_t bill_fen);
/* So much area at a price of 10^-8 yuan, in whole fen, half up. */
int64_t season_bound(int64_t price, int64_t area);
/* `fen`: of the section, before subsidies. A season is brought to its most as soon as it passes
 * that of all its days, and to either bound where it ends, or where another season or other bounds
 * begin. */
void rules_season(const struct plan *p, const struct stretch *s, const struct section *x, int index,
                  int64_t fen, struct season_stand *at, struct rule_lines *out);
/* `at->fen` is what the month has come to. */
void rules_subsidies(const struct plan *p, int index, struct month_stand *at,
                     struct rule_lines *out);

#endif
