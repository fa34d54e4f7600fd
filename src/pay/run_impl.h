/* Shared by the parts of runs only. */
#ifndef YUFU_PAY_RUN_IMPL_H
#define YUFU_PAY_RUN_IMPL_H

#include "pay/run.h"
#include "pay/shift_impl.h"

/* As it is told: a run that a person stopped waits behind its cursor, whichever way it goes. */
#define RUN_STATE "CASE WHEN stopped_at IS NULL THEN state ELSE 'stopped' END"
struct run_standing {
    char state[16], asked_by[64], approved_by[64];
    bool reversing;
};
/* ERR_NOT_FOUND. */
enum err run_load(struct store_tx *tx, const struct run_verdict *v, struct run_standing *s);
enum err run_audit(struct store_tx *tx, const struct run_verdict *v, const char *action);

struct run_head {
    int64_t id, project_id, cursor, lines, done, done_fen, failed;
    bool share, as_energy, reversing;
    wall_s expires_at; /* 0: never */
    char title[RUN_TITLE_MAX + 1];
    char approved_by[64], reversed_by[64];
};

struct run_item {
    int64_t account_id, weight, amount_fen, taken_back_fen;
    bool posted;
};

/* What one line came to. */
struct run_result {
    const char *error; /* "": it was posted, or there was nothing to post */
    int64_t moved_fen;
};
enum err run_post_line(struct store_tx *tx, const struct run_head *run, const struct run_item *line,
                       const struct run_turn *turn, struct run_result *out);
enum err run_unpost_line(struct store_tx *tx, const struct run_head *run,
                         const struct run_item *line, const struct run_turn *turn,
                         struct run_result *out);

/* Holds the charges of an account since the last time against its grants. */
enum err run_count_charges(struct store_tx *tx, int64_t account_id);
/* A ledger run waits to be folded: books by transaction are not complete. */
enum err run_ledger_waits(struct store_tx *tx, bool *waits);

/* Credit in a meter is taken back on evidence only, however long it takes to come: the sale must be
 * decided, the wallet be proven, and all that the meter took before the end be settled. A sale that
 * has not reached its meter is taken back first. */
#define METER_WAITS                                                                                \
    "(SELECT CASE WHEN o.state IN ('FENCED', 'CONFLICT') THEN 'on_its_way' "                       \
    "WHEN o.state <> 'CONFIRMED' THEN '' "                                                         \
    "WHEN EXISTS (SELECT 1 FROM meter m LEFT JOIN meter_wallet w ON w.account_id = m.account_id "  \
    "AND w.meter_id = m.id AND w.epoch = m.epoch WHERE m.id = o.meter_id "                         \
    "AND m.account_id = g.account_id AND coalesce(w.proven, 0) = 0) THEN 'not_proven' "            \
    "WHEN EXISTS (SELECT 1 FROM charge_open c WHERE c.account_id = g.account_id "                  \
    "AND c.opened_at < g.expires_at) THEN 'not_read' "                                             \
    "WHEN a.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM charge_open c "                        \
    "WHERE c.account_id = g.account_id) THEN 'not_read' ELSE '' END FROM sale_order o "            \
    "JOIN account a ON a.id = o.account_id "                                                       \
    "WHERE o.account_id = g.account_id AND o.order_id = g.order_id)"

#endif
