/*
 * Errors: one table for the whole product.
 *
 * Every function that can fail returns `enum err`; results travel through
 * pointers. A name is stable: it is written to logs, returned by the API
 * (problem+json "code") and printed by the command line. Two sentences tell a
 * person what happened and what to do next.
 *
 * Class: retry (may succeed later unchanged), refuse (the request is wrong and
 * changed nothing), corrupt (stored or received bytes are not what they claim),
 * bug (a promise of our own was broken).
 */
#ifndef YUFU_BASE_ERR_H
#define YUFU_BASE_ERR_H

enum err_class { ERR_CLASS_OK, ERR_CLASS_RETRY, ERR_CLASS_REFUSE, ERR_CLASS_CORRUPT, ERR_CLASS_BUG };

enum err {
#define ERR_ROW(name, class, en, zh) name,
#include "base/err_table.h"
#undef ERR_ROW
    ERR_COUNT
};

/* The stable name without the ERR_ prefix, for example "FRAME_CHECKSUM". Never NULL. */
const char *err_name(enum err e);
const char *err_text_en(enum err e);
const char *err_text_zh(enum err e);
enum err_class err_class_of(enum err e);

/* The only control-flow macro of the code base: hand a failure to the caller. */
#define TRY(expr)                     \
    do {                              \
        enum err try_err_ = (expr);   \
        if (try_err_ != ERR_OK)       \
            return try_err_;          \
    } while (0)

#endif
