/*
 * Units: money and quantities are integers.
 *
 *   money     fen (0.01 yuan)              int64_t  ..._fen
 *   price     1e-8 yuan per billing unit   int64_t  ..._e8
 *   energy    Wh                           int64_t  ..._wh
 *   volume    litre                        int64_t  ..._l
 *   heat      kJ                           int64_t  ..._kj
 *
 * Products are made in 128 bits and checked; rounding happens at one named
 * place (units_amount_fen) by one named rule, and what was rounded away is
 * handed back to be carried into the next line.
 */
#ifndef YUFU_BASE_UNITS_H
#define YUFU_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define UNITS_PRICE_SCALE INT64_C(100'000'000) /* price units in one yuan */
#define UNITS_FEN_MAX INT64_C(1'000'000'000'000) /* 10 billion yuan: more is a mistake */

/* One fen, in the exact unit of a product of Wh and a price per kWh:
 * 1 fen = 0.01 yuan = 1e6 price units; times 1000 Wh per kWh = 1e9. */
#define UNITS_EXACT_PER_FEN INT64_C(1'000'000'000)

[[nodiscard]] enum err units_add(int64_t a, int64_t b, int64_t *sum);
[[nodiscard]] enum err units_sub(int64_t a, int64_t b, int64_t *difference);
[[nodiscard]] enum err units_mul(int64_t a, int64_t b, int64_t *product);

/*
 * a * b / divisor, half away from zero. divisor > 0. ERR_OVERFLOW if the
 * result does not fit.
 */
[[nodiscard]] enum err units_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *result);

/*
 * Money for `energy_wh` at `price_e8` yuan per kWh, rounded half away from zero
 * to whole fen. *carry_exact goes in as the remainder left by the line before
 * and comes out as the remainder of this one (|carry| <= half a fen, in units
 * of UNITS_EXACT_PER_FEN), so that many small lines add up to one large line.
 */
[[nodiscard]] enum err units_amount_fen(int64_t energy_wh, int64_t price_e8, int64_t *carry_exact,
                                        int64_t *amount_fen);

#endif
