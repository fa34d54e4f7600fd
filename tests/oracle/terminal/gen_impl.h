/* Shared by gen.c and gen_line.c. */
#ifndef YUFU_TESTS_ORACLE_TERMINAL_GEN_IMPL_H
#define YUFU_TESTS_ORACLE_TERMINAL_GEN_IMPL_H

#include "drive.h"

static inline bool one_in(struct dice *d, int n)
{
    return dice(d, 1, n) == 1;
}

#define PICK(d, list) ((list)[dice(d, 0, (int64_t)(sizeof(list) / sizeof(list)[0]) - 1)])

static const int heaters[] = {300, 500, 800, 1000, 1500, 2000, 2500};

void gen_frame(struct dice *d, const struct pair *p, struct op *op);
void gen_modbus(struct dice *d, const struct pair *p, struct op *op);
void gen_unit(struct dice *d, const struct pair *p, struct op *op); /* Modbus is switched on */

#endif
