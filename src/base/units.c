#include "base/units.h"

#include <stddef.h>

#include "base/wide.h"

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

enum err units_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *result)
{
    return wide_divide((struct wide_sum){a, b, 0}, divisor, result, NULL);
}

enum err units_amount_fen(int64_t energy_wh, int64_t price_e8, int64_t *carry_exact,
                          int64_t *amount_fen)
{
    struct wide_sum exact = {energy_wh, price_e8, *carry_exact};
    return wide_divide(exact, UNITS_EXACT_PER_FEN, amount_fen, carry_exact);
}
