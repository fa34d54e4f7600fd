/*
 * Rows of a run: any bytes may come off a disk. What is read without complaint ascends, stays in
 * bounds, and is the same after packing it again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "ledger/run_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t accounts[LEDGER_RUN_ROWS_MAX], amounts[LEDGER_RUN_ROWS_MAX];
    static uint8_t packed[RUN_PACKED_MAX];
    struct ledger_run_rows rows = {.account_id = accounts, .amount_fen = amounts};
    struct run_reader r = run_reader_of((struct bytes){data, size});
    int64_t before = 0;
    for (; run_next(&r); before = r.account_id) {
        check(rows.count < LEDGER_RUN_ROWS_MAX && r.account_id > before);
        check(r.amount_fen >= 0 && r.amount_fen <= LEDGER_AMOUNT_MAX_FEN);
        accounts[rows.count] = r.account_id;
        amounts[rows.count++] = r.amount_fen;
    }
    if (!run_reader_ok(&r))
        return 0;
    check(rows.count > 0);
    struct run_reader again = run_reader_of((struct bytes){packed, run_pack(&rows, packed)});
    for (size_t i = 0; i < rows.count; i++)
        check(run_next(&again) && again.account_id == accounts[i] &&
              again.amount_fen == amounts[i]);
    check(!run_next(&again) && run_reader_ok(&again));
    return 0;
}
