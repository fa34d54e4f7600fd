#include "base/units.h"

#include "base/must.h"

enum err units_add(int64_t a, int64_t b, int64_t *sum)
{
    return __builtin_add_overflow(a, b, sum) ? ERR_OVERFLOW : ERR_OK;
}

enum err units_sub(int64_t a, int64_t b, int64_t *difference)
{
    return __builtin_sub_overflow(a, b, difference) ? ERR_OVERFLOW : ERR_OK;
}

enum err units_mul(int64_t a, int64_t b, int64_t *product)
{
    return __builtin_mul_overflow(a, b, product) ? ERR_OVERFLOW : ERR_OK;
}

/* Half away from zero: 5/2 = 3, -5/2 = -3. */
static __int128 div_round(__int128 value, int64_t divisor)
{
    __int128 half = divisor / 2;
    return value >= 0 ? (value + half) / divisor : (value - half) / divisor;
}

static enum err narrow(__int128 value, int64_t *result)
{
    if (value > INT64_MAX || value < INT64_MIN)
        return ERR_OVERFLOW;
    *result = (int64_t)value;
    return ERR_OK;
}

enum err units_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *result)
{
    MUST(divisor > 0);
    return narrow(div_round((__int128)a * b, divisor), result);
}

enum err units_amount_fen(int64_t energy_wh, int64_t price_e8, int64_t *carry_exact,
                          int64_t *amount_fen)
{
    __int128 exact = (__int128)energy_wh * price_e8 + *carry_exact;
    __int128 fen = div_round(exact, UNITS_EXACT_PER_FEN);
    TRY(narrow(fen, amount_fen));
    *carry_exact = (int64_t)(exact - fen * UNITS_EXACT_PER_FEN);
    return ERR_OK;
}
