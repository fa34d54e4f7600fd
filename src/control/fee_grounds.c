/* What cuts stand on was changed by people: contracts, strategies, packages, accounts, places. */
#include <string.h>

#include "control/fee_impl.h"
#include "control/protect.h"

#define AT_ONCE 64

/* Another strategy or price, which nobody knew of when a cut of the account was ordered or allowed,
 * begins before its last second is over. */
static enum err changes_within(struct store_tx *tx, const struct site_account *a, bool *changes)
{
    int64_t change_s;
    wall_s given = {0}, last = {0};
    struct query q = query_open(
        tx,
        "SELECT coalesce(min(given), 0), coalesce(max(last), 0) FROM ("
        "SELECT r.changed_at AS given, r.not_after AS last FROM relay r JOIN meter m "
        "ON m.id = r.meter_id WHERE m.account_id = $1 AND r.desired = 'open' "
        "AND r.reason = 'arrears' AND r.next_at IS NOT NULL UNION ALL "
        "SELECT made_at, valid_until - 1 FROM away WHERE account_id = $1 AND state = 'live') AS c",
        "i", a->id);
    if (query_step(&q)) {
        given.s = query_int(&q, 0);
        last.s = query_int(&q, 1);
    }
    TRY(query_end(&q));
    TRY(fee_change_after(tx, a, given, &change_s));
    *changes = change_s != 0 && change_s <= last.s;
    return ERR_OK;
}

/* Why an account may not be cut, or allowed to be cut, under what is in force now. NULL: nothing
 * that people set. */
static enum err ground_lost(struct store_tx *tx, int64_t account_id, wall_s now, const char **why)
{
    struct site_account a;
    struct control_policy p;
    struct episode e;
    uint32_t protections;
    bool changes;
    TRY(site_account_get(tx, account_id, &a));
    TRY(fee_episode_load(tx, account_id, &e));
    TRY(control_protected(tx, account_id, now, &protections));
    TRY(changes_within(tx, &a, &changes));
    enum err none = control_policy_of(tx, &a, now, &p);
    if (none != ERR_OK && err_class_of(none) != ERR_CLASS_REFUSE)
        return none;
    bool other = changes || none != ERR_OK || !p.policy.cut_automatic ||
                 a.wallet == SITE_WALLET_METER || (*e.strategy && strcmp(e.strategy, p.text) != 0);
    *why = a.closed_at.s != 0                                ? "closed"
           : a.contract_at.s == 0 || a.contract_at.s > now.s ? "contract"
           : other                                           ? "strategy"
           : protections                                     ? "protection"
                                                             : NULL;
    return ERR_OK;
}

/* --- cuts of an account --------------------------------------------------------------------------
 */

/* On their way, or allowed to a gateway. */
static enum err accounts_after(struct store_tx *tx, const struct control_grounds *g, int64_t after,
                               int64_t ids[AT_ONCE], size_t *count)
{
    struct query q = query_open(
        tx,
        "SELECT a.id FROM account a WHERE $1 IN (0, a.project_id) AND a.id > $2 AND a.id IN ("
        "SELECT m.account_id FROM relay r JOIN meter m ON m.id = r.meter_id "
        "WHERE r.next_at IS NOT NULL AND r.desired = 'open' AND r.reason = 'arrears' "
        "UNION SELECT account_id FROM away WHERE state = 'live') ORDER BY a.id LIMIT $3",
        "iii", g->project_id, after, (int64_t)AT_ONCE);
    for (*count = 0; query_step(&q); (*count)++)
        ids[*count] = query_int(&q, 0);
    return query_end(&q);
}

static enum err look_at(struct control_turn *t, int64_t account_id)
{
    const char *why;
    TRY(ground_lost(t->tx, account_id, t->now, &why));
    return why ? fee_cuts_withdraw(t, account_id, why) : ERR_OK;
}

static enum err look_at_all(struct control_turn *t, const struct control_grounds *g)
{
    int64_t ids[AT_ONCE], after = 0;
    size_t count = AT_ONCE;
    while (count == AT_ONCE) {
        TRY(accounts_after(t->tx, g, after, ids, &count));
        for (size_t i = 0; i < count; i++)
            TRY(look_at(t, ids[i]));
        after = count > 0 ? ids[count - 1] : after;
    }
    return ERR_OK;
}

/* --- meters that moved ---------------------------------------------------------------------------
 */

/* The order was given for another account than the meter has now. Each wish takes one away. */
static enum err moved_cut(struct store_tx *tx, int64_t project_id, struct control_wish *w)
{
    struct query q =
        query_open(tx,
                   "SELECT r.meter_id, r.circuit FROM relay r JOIN meter m ON m.id = r.meter_id "
                   "JOIN command c ON c.id = r.command_id WHERE r.next_at IS NOT NULL "
                   "AND r.desired = 'open' AND r.reason = 'arrears' AND $1 IN (0, m.project_id) "
                   "AND coalesce(m.account_id, 0) <> coalesce(c.account_id, 0) LIMIT 1",
                   "i", project_id);
    bool found = query_step(&q);
    if (found) {
        w->meter_id = query_int(&q, 0);
        w->circuit = query_int(&q, 1);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err take_back_moved(struct control_turn *t, int64_t project_id)
{
    struct control_wish w = {
        .desired = CONTROL_CLOSED, .reason = "account", .actor = t->actor, .now = t->now};
    enum err e;
    while ((e = moved_cut(t->tx, project_id, &w)) == ERR_OK) {
        w.random = rand_u64(&t->ids);
        TRY(control_wish(t->tx, &w, NULL));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err control_grounds_changed(struct store_tx *tx, const struct control_grounds *g)
{
    struct control_turn t = control_turn_of(tx, g->now, "system", g->random);
    TRY(take_back_moved(&t, g->project_id));
    return look_at_all(&t, g);
}
