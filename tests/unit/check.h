/* What every unit test starts with. */
#ifndef YUFU_TESTS_UNIT_CHECK_H
#define YUFU_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* Shows both error names when they differ. */
#define assert_err(expected, expr) assert_string_equal(err_name(expr), err_name(expected))
#define assert_ok(expr) assert_err(ERR_OK, expr)

#endif
