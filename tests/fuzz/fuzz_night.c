/*
 * Notes of a night: any bytes may come off a disk. Whatever is read names an account of the page,
 * in ascending order within a list, and an error that exists.
 */
#include <stdint.h>
#include <stdlib.h>

#include "billing/night.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS 3

struct last {
    enum night_why why;
    int64_t account_id;
};

static void check(int promise)
{
    if (!promise)
        abort();
}

static enum err see(void *arg, const struct night_word *w)
{
    struct last *last = arg;
    check(w->account_id >= 1 && w->account_id <= ROWS && (unsigned)w->reason < ERR_COUNT);
    check(w->why > last->why || (w->why == last->why && w->account_id > last->account_id));
    *last = (struct last){w->why, w->account_id};
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t accounts[ROWS] = {1, 2, 3}, amounts[ROWS] = {};
    struct ledger_run_rows rows = {ROWS, accounts, amounts, {data, size}};
    struct night_evidence evidence[ROWS];
    struct last last = {.why = NIGHT_SELECTED, .account_id = 0};
    enum err read = night_read(&rows, see, &last);
    if (read == ERR_OK)
        check(night_evidence(&rows, evidence) == ERR_OK);
    return 0;
}
