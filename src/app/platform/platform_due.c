/* What is due by the clock: scans of vend, control, fee control,
 * messages and runs; billing's clerk. */
#include "app/platform/platform_impl.h"
#include "control/control.h"
#include "control/fee.h"
#include "control/nday.h"
#include "flow/flow.h"
#include "pay/late.h"
#include "pay/run.h"
#include "terminals/terminals.h"
#include "vend/vend.h"

#define SCAN_MS 1'000  /* vend, control and notify look for what is due */
#define CLERK_MS 5'000 /* billing looks for days to settle and to seal */
#define NOTE_MS 60'000 /* what the time is, for the next start */

static enum err scan_vends(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(vend_tick(tx,
                  &(struct vend_scan){
                      .now = p->now.wall, .limit = PLATFORM_SCAN_LIMIT, .random = platform_draw(p)},
                  &worked));
    p->more = p->more || worked == PLATFORM_SCAN_LIMIT;
    return ERR_OK;
}

static enum err scan_relays(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(control_tick(tx,
                     &(struct control_scan){.now = p->now.wall,
                                            .limit = PLATFORM_SCAN_LIMIT,
                                            .random = platform_draw(p)},
                     &worked));
    p->more = p->more || worked == PLATFORM_SCAN_LIMIT;
    return ERR_OK;
}

static enum err scan_terminals(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    return terminals_tick(tx,
                          &(struct terminals_scan){.now = p->now.wall,
                                                   .limit = PLATFORM_SCAN_LIMIT,
                                                   .random = platform_draw(p)},
                          &worked);
}

static enum err scan_valves(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    return flow_tick(tx,
                     &(struct flow_scan){.now = p->now.wall,
                                         .limit = PLATFORM_SCAN_LIMIT,
                                         .random = platform_draw(p)},
                     &worked);
}

static enum err find_fees(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t ids[PLATFORM_SCAN_LIMIT];
    TRY(control_fee_due(tx, p->now.wall, ids, PLATFORM_SCAN_LIMIT, &p->fee_count));
    for (size_t i = 0; i < p->fee_count; i++)
        p->fees[i] = (struct platform_fee){p, ids[i]};
    return ERR_OK;
}

static enum err check_due_fee(struct store_tx *tx, void *arg)
{
    struct platform_fee *fee = arg;
    return platform_check_fee(fee->platform, tx, fee->account_id);
}

static void scan_fees(struct platform *p)
{
    p->fee_count = 0;
    if (store_read(p->ledger, find_fees, p) != ERR_OK)
        return; /* a dead store ends the process at the end of this turn */
    for (size_t i = 0; i < p->fee_count; i++)
        store_submit(p->ledger, check_due_fee, NULL, &p->fees[i]);
    p->more = p->more || p->fee_count == PLATFORM_SCAN_LIMIT;
}

static enum err scan_messages(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    struct notify_done done;
    return notify_run(&p->notify, tx, p->now.wall, PLATFORM_SCAN_LIMIT, &done);
}

#define RUN_LINES 128 /* a transaction: short enough that sales do not wait */

static enum err work_runs(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(run_tick(tx, &(struct run_turn){p->now.wall, RUN_LINES, platform_draw(p)}, &worked));
    if (worked == RUN_LINES) {
        p->next_runs = p->now.mono;
        p->more = true;
    }
    return ERR_OK;
}

static enum err end_grants(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    return run_expire(tx, &(struct run_turn){p->now.wall, RUN_LINES, platform_draw(p)}, &worked);
}

static enum err count_late_fees(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    return late_tick(tx, p->now.wall, PLATFORM_SCAN_LIMIT, &worked);
}

#define LOOKS 8 /* forecasts a turn: each is some milliseconds of the loop */

static enum err look_ahead(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(nday_tick(tx, &(struct nday_turn){p->readings, p->now.wall, LOOKS}, &worked));
    if (worked == LOOKS) {
        p->next_looks = p->now.mono;
        p->more = true;
    }
    return ERR_OK;
}

static void settle_days(struct platform *p)
{
    size_t left = 0;
    enum err e = billing_tick(&p->clerk, p->now.wall, PLATFORM_SCAN_LIMIT, &left);
    if (e == ERR_STORE)
        p->failure = e;
    else if (left > 0)
        p->next_clerk = p->now.mono;
}

void platform_do_due(struct platform *p)
{
    headend_tick(p->headend, p->now);
    if (mono_due(p->next_note, p->now.mono)) {
        p->next_note = mono_after(p->now.mono, NOTE_MS);
        store_submit(p->ledger, platform_clock_note, NULL, p);
    }
    if (mono_due(p->next_scan, p->now.mono)) {
        p->next_scan = mono_after(p->now.mono, SCAN_MS);
        platform_room_look(p);
        store_submit(p->ledger, scan_vends, NULL, p);
        store_submit(p->ledger, scan_relays, NULL, p);
        store_submit(p->ledger, scan_terminals, NULL, p);
        store_submit(p->ledger, scan_valves, NULL, p);
        scan_fees(p);
        store_submit(p->ledger, scan_messages, NULL, p);
        if (!p->clock_leapt) {
            store_submit(p->ledger, end_grants, NULL, p);
            store_submit(p->ledger, count_late_fees, NULL, p);
        }
    }
    if (mono_due(p->next_runs, p->now.mono)) {
        p->next_runs = mono_after(p->now.mono, SCAN_MS);
        store_submit(p->ledger, work_runs, NULL, p);
    }
    if (mono_due(p->next_looks, p->now.mono)) {
        p->next_looks = mono_after(p->now.mono, SCAN_MS);
        if (!p->clock_leapt)
            store_submit(p->ledger, look_ahead, NULL, p);
    }
    if (mono_due(p->next_clerk, p->now.mono)) {
        p->next_clerk = mono_after(p->now.mono, CLERK_MS);
        if (!p->clock_leapt)
            settle_days(p);
    }
}
