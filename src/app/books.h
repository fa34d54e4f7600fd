/*
 * The check of the books: everything that `yufu verify` looks at, on databases that may be in use.
 * Each check answers with what it counted; each fault is told as it is found.
 */
#ifndef YUFU_APP_BOOKS_H
#define YUFU_APP_BOOKS_H

#include "control/verify.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/pay.h"
#include "store/store.h"
#include "vend/vend.h"

struct books_watch {
    /* One English line for a fault; `part` is "files", "audit", "ledger", "sales", "requests",
     * "charges", "desk" or "relays". */
    void (*fault)(void *arg, const char *part, const char *what);
    /* Now and then: rows done of the part that is running. */
    void (*progress)(void *arg, const char *part, int64_t done);
    void *arg;
};

struct books_expected { /* what was printed and kept elsewhere, to be compared; seq 0: nothing */
    struct journal_head audit;
};

struct books_report {
    struct journal_check audit;
    struct ledger_check ledger;
    struct vend_check sales;
    struct pay_check requests;
    int64_t settlements, settled_fen;
    struct desk_check desk;
    struct control_check relays;
    int64_t faults;
};

/* readings NULL: there is no such file yet. ERR_OK also when faults were found (report->faults);
 * other errors: it could not be checked. */
[[nodiscard]] enum err books_check(struct store *ledger, struct store *readings,
                                   const struct books_expected *expected,
                                   const struct books_watch *watch, struct books_report *report);

#endif
