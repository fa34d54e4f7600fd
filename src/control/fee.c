#include "control/fee.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/quiet.h"
#include "control/away_impl.h"
#include "control/fee_impl.h"
#include "journal/aside.h"

/* --- the loop ------------------------------------------------------------------------------------
 */

static enum err no_longer_due(struct loop *l, int64_t account_id)
{
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET due_at = NULL WHERE account_id = $1 AND due_at <= $2",
                      "ii", account_id, l->turn.now.s);
}

/* Nothing is decided: then nothing is due either. */
static enum err leave(struct loop *l, int64_t account_id)
{
    TRY(quiet_drop(l->turn.tx, account_id));
    TRY(fee_cuts_withdraw(&l->turn, account_id, "closed"));
    TRY(fee_approval_withdraw(l, "closed"));
    return no_longer_due(l, account_id);
}

/* An account that cannot be judged (its price plan is unknown, its zone ...) must not spoil the
 * sale or the readings of others in the same transaction: it is said once, and nobody is cut. */
static enum err undecided(struct loop *l, int64_t account_id, enum err why)
{
    char said[FEE_SAID_MAX];
    snprintf(said, sizeof said, "undecided %s", err_name(why));
    TRY(quiet_postpone(l->turn.tx, account_id, (wall_s){l->turn.now.s + QUIET_SHORT_S}));
    TRY(no_longer_due(l, account_id));
    TRY(fee_cuts_withdraw(&l->turn, account_id, "strategy"));
    if (strcmp(said, l->episode.said) == 0 || l->outlook.account.id == 0)
        return ERR_OK;
    struct detail d = {};
    detail_text(&d, "reason", err_name(why));
    TRY(fee_tell(l, EVENT_FEE_PROTECTED, detail_end(&d)));
    TRY(fee_episode_make(l->turn.tx, account_id));
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET said = $2, decided_at = $3 WHERE account_id = $1",
                      "iti", account_id, said, l->turn.now.s);
}

struct pending {
    int64_t meter_id, circuit;
};
#define PENDING_MAX (BILLING_METERS_MAX * CONTROL_RELAYS_MAX)

/* Cuts for arrears that no meter has confirmed yet. */
static enum err pending_cuts(struct store_tx *tx, int64_t account_id,
                             struct pending rows[PENDING_MAX], size_t *count)
{
    struct query q = query_open(tx,
                                "SELECT r.meter_id, r.circuit FROM meter m JOIN relay r "
                                "ON r.meter_id = m.id WHERE m.account_id = $1 "
                                "AND r.desired = 'open' AND r.reason = 'arrears' "
                                "AND r.next_at IS NOT NULL",
                                "i", account_id);
    for (*count = 0; *count < PENDING_MAX && query_step(&q); (*count)++)
        rows[*count] = (struct pending){query_int(&q, 0), query_int(&q, 1)};
    return query_end(&q);
}

enum err fee_cuts_withdraw(struct control_turn *t, int64_t account_id, const char *reason)
{
    struct pending rows[PENDING_MAX];
    size_t count;
    TRY(pending_cuts(t->tx, account_id, rows, &count));
    for (size_t i = 0; i < count; i++)
        TRY(control_wish(t->tx,
                         &(struct control_wish){.meter_id = rows[i].meter_id,
                                                .circuit = rows[i].circuit,
                                                .desired = CONTROL_CLOSED,
                                                .reason = reason,
                                                .actor = t->actor,
                                                .now = t->now,
                                                .random = rand_u64(&t->ids)},
                         NULL));
    return control_away_end(t, account_id, reason);
}

/* Another strategy, or another version: the episode goes on under it. What the old one was about to
 * do is withdrawn and decided anew; levels are measured afresh. */
static enum err change_over(struct loop *l)
{
    struct detail d = {};
    int64_t account_id = l->outlook.account.id;
    detail_text(&d, "strategy", l->in_force.text);
    detail_text(&d, "before", l->episode.strategy);
    TRY(fee_tell(l, EVENT_FEE_STRATEGY, detail_end(&d)));
    TRY(fee_cuts_withdraw(&l->turn, account_id, "strategy"));
    TRY(fee_approval_withdraw(l, "strategy"));
    l->episode.level_fen = INT64_MIN;
    return fee_gather(l);
}

/* What has come to stand against a cut takes its order back. */
static enum err take_back(struct loop *l)
{
    struct pending rows[PENDING_MAX];
    size_t count;
    bool off = l->facts.desired == STRATEGY_DESIRED_OPEN_MONEY || l->facts.some_limited;
    if (!off || !strategy_takes_back(&l->in_force.policy, &l->facts))
        return ERR_OK;
    TRY(pending_cuts(l->turn.tx, l->outlook.account.id, rows, &count));
    if (count == 0)
        return ERR_OK;
    TRY(fee_cuts_withdraw(&l->turn, l->outlook.account.id, "withdrawn"));
    return fee_gather(l);
}

static enum err decide(struct loop *l)
{
    const char *before = l->episode.strategy;
    if (*before && strcmp(before, l->in_force.text) != 0)
        TRY(change_over(l));
    TRY(take_back(l));
    l->decision = strategy_decide(&l->in_force.policy, &l->facts);
    TRY(fee_carry_out(l));
    TRY(fee_watch(l));
    TRY(fee_away(l));
    /* who was selected by the n-day rule has been looked at now */
    return store_exec(l->turn.tx,
                      "UPDATE nday SET judged_at = $2 WHERE account_id = $1 AND selected = 1 AND "
                      "judged_at IS NULL",
                      "ii", l->outlook.account.id, l->turn.now.s);
}

static enum err run(struct loop *l, int64_t account_id)
{
    enum err e = fee_judge(l, account_id); /* reads only */
    if (l->outlook.account.closed_at.s != 0)
        return leave(l, account_id);
    if (e == ERR_NOT_FOUND || (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE))
        return e;
    if (e != ERR_OK)
        return undecided(l, account_id, e);
    if (l->outlook.meter_count == 0)
        return leave(l, account_id);
    return decide(l);
}

/* --- one account alone ---------------------------------------------------------------------------
 */

#define FEE_AGAIN_S 180 /* a decision that failed is tried again after this */

struct loop *fee_loop_new(struct store_tx *tx, const struct control_fee *fee)
{
    struct loop *l = malloc(sizeof *l);
    if (!l)
        return NULL;
    memset(l, 0, offsetof(struct loop, outlook.meters));
    l->turn = control_turn_of(tx, fee->now, "system", fee->random);
    l->readings = fee->readings;
    return l;
}

enum err fee_decide_now(struct store_tx *tx, const struct control_fee *fee)
{
    struct loop *l = fee_loop_new(tx, fee);
    if (!l)
        return ERR_MEMORY;
    enum err e = run(l, fee->account_id);
    free(l);
    return e;
}

/* The decision failed and was undone: said once, and tried again by the clock. */
static enum err put_off(struct loop *l, int64_t account_id, enum err why)
{
    char said[FEE_SAID_MAX];
    wall_s again = {l->turn.now.s + FEE_AGAIN_S};
    snprintf(said, sizeof said, "failed %s", err_name(why));
    TRY(site_account_get(l->turn.tx, account_id, &l->outlook.account));
    TRY(fee_episode_load(l->turn.tx, account_id, &l->episode));
    TRY(quiet_postpone(l->turn.tx, account_id, again));
    TRY(fee_episode_make(l->turn.tx, account_id));
    if (strcmp(l->episode.said, said) != 0) {
        struct detail d = {};
        detail_text(&d, "reason", err_name(why));
        detail_int(&d, "seconds", FEE_AGAIN_S);
        TRY(fee_tell(l, EVENT_FEE_FAILED, detail_end(&d)));
    }
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET said = $2, due_at = $3 WHERE account_id = $1", "iti",
                      account_id, said, again.s);
}

/* Others stand in the same transaction, a sale or the readings of a whole batch: only this
 * account's decision is undone. */
static enum err alone(struct store_tx *tx, const struct control_fee *fee, store_work *work)
{
    enum err e;
    struct control_fee copy = *fee;
    TRY(store_part(tx, work, &copy, &e));
    if (e == ERR_OK || e == ERR_NOT_FOUND || aside_is_of_machine(e))
        return e;
    struct loop *l = fee_loop_new(tx, fee);
    if (!l)
        return ERR_MEMORY;
    e = put_off(l, fee->account_id, e);
    free(l);
    return e;
}

static enum err check_work(struct store_tx *tx, void *fee)
{
    return fee_decide_now(tx, fee);
}

static enum err reading_work(struct store_tx *tx, void *arg)
{
    const struct control_fee *fee = arg;
    bool quiet;
    TRY(quiet_holds(tx, fee->readings, fee->account_id, fee->now, &quiet));
    return quiet ? ERR_OK : fee_decide_now(tx, fee);
}

enum err control_fee_check(struct store_tx *tx, const struct control_fee *fee)
{
    return alone(tx, fee, check_work);
}

enum err control_fee_reading(struct store_tx *tx, const struct control_fee *fee)
{
    return alone(tx, fee, reading_work);
}

/* --- events from outside -------------------------------------------------------------------------
 */

enum err control_payment(struct store_tx *tx, const struct control_fee *fee)
{
    struct control_turn t = control_turn_of(tx, fee->now, "system", fee->random);
    TRY(fee_cuts_withdraw(&t, fee->account_id, "payment"));
    if (!fee->readings)
        return ERR_OK;
    return control_fee_check(
        tx, &(struct control_fee){fee->readings, fee->account_id, fee->now, rand_u64(&t.ids)});
}

enum err control_payment_begun(struct store_tx *tx, const struct control_flight *f)
{
    struct control_turn t = control_turn_of(tx, f->now, "system", f->random);
    TRY(store_exec(tx,
                   "INSERT INTO payment_flight (account_id, key, begun_at, until_at) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, key) DO UPDATE SET "
                   "until_at = excluded.until_at",
                   "itii", f->account_id, f->key, f->now.s, f->until.s));
    return f->until.s > f->now.s ? fee_cuts_withdraw(&t, f->account_id, "payment") : ERR_OK;
}

enum err control_payment_ended(struct store_tx *tx, int64_t account_id, const char *key)
{
    return store_exec(tx, "DELETE FROM payment_flight WHERE account_id = $1 AND key = $2", "it",
                      account_id, key);
}

enum err control_fee_due(struct store_tx *tx, wall_s now, int64_t *ids, size_t cap, size_t *count)
{
    struct query q = query_open(tx,
                                "SELECT account_id, min(at) AS first FROM ("
                                "SELECT account_id, due_at AS at FROM fee_state "
                                "WHERE due_at <= $1 UNION ALL "
                                "SELECT account_id, next_at FROM fee_watch "
                                "WHERE next_at <= $1) AS due "
                                "GROUP BY account_id ORDER BY first, account_id LIMIT $2",
                                "ii", now.s, (int64_t)cap);
    for (*count = 0; *count < cap && query_step(&q); (*count)++)
        ids[*count] = query_int(&q, 0);
    return query_end(&q);
}

static bool is_notice(const char *template)
{
    static const char *const notices[] = {"balance_low", "about_to_cut", "arrears", "overdraft"};
    for (size_t i = 0; template && i < sizeof notices / sizeof *notices; i++)
        if (strcmp(notices[i], template) == 0)
            return true;
    return template == NULL;
}

enum err control_fee_notice(struct store_tx *tx, const struct control_notice *n)
{
    struct episode e;
    TRY(fee_episode_load(tx, n->account_id, &e));
    if (n->episode != e.number || n->level < 1 || !is_notice(n->template))
        return ERR_OK; /* of an episode that is over, or about something else */
    TRY(fee_episode_make(tx, n->account_id));
    TRY(store_exec(tx,
                   "INSERT INTO fee_notice (account_id, episode, level, subject, channel, at) "
                   "VALUES ($1, $2, $3, $4, $5, $6) "
                   "ON CONFLICT (account_id, episode, level, subject, channel) DO NOTHING",
                   "iiitti", n->account_id, n->episode, n->level, n->subject ? n->subject : "",
                   n->channel ? n->channel : "console", n->at.s));
    return store_exec(tx,
                      "UPDATE fee_state SET warned_level = max(warned_level, $2), warned_at = $3, "
                      "due_at = $3 WHERE account_id = $1",
                      "iii", n->account_id, n->level, n->at.s);
}

/* --- what a customer asks for --------------------------------------------------------------------
 */

static enum err audit(const struct loop *l, const struct control_request *r, const char *action,
                      int64_t credit_fen)
{
    char object[48];
    struct detail d = {};
    if (credit_fen)
        detail_int(&d, "credit_fen", credit_fen);
    detail_int(&d, "episode", l->episode.number);
    snprintf(object, sizeof object, "account:%lld", (long long)r->account_id);
    return journal_append(l->turn.tx,
                          &(struct journal_act){r->now, r->actor, action, object, detail_end(&d)});
}

static enum err give_credit(struct loop *l, const struct control_request *r)
{
    struct episode *e = &l->episode;
    int64_t credit_fen = l->in_force.policy.emergency_fen;
    if (credit_fen == 0)
        return ERR_CONTROL_EMERGENCY;
    bool arrears = l->facts.available_known && strategy_level_of(&l->in_force.policy, &l->facts) ==
                                                   l->in_force.policy.level_count;
    if (!arrears || e->level != l->in_force.policy.level_count || e->emergency_episode == e->number)
        return ERR_STATE;
    e->emergency_episode = e->number;
    e->emergency_at = r->now;
    e->emergency_fen = credit_fen;
    struct detail d = {};
    detail_int(&d, "credit_fen", credit_fen);
    TRY(audit(l, r, "fee.emergency", credit_fen));
    TRY(fee_tell(l, EVENT_FEE_EMERGENCY, detail_end(&d)));
    TRY(fee_episode_save(l->turn.tx, r->account_id, e));
    return fee_cuts_withdraw(&l->turn, r->account_id, "emergency");
}

/* A request is judged with the same facts as everything else, and the loop runs at once. */
static enum err emergency(struct loop *l, const struct control_request *r, int64_t *credit_fen)
{
    TRY(fee_judge(l, r->account_id));
    TRY(give_credit(l, r));
    if (credit_fen)
        *credit_fen = l->episode.emergency_fen;
    return run(l, r->account_id);
}

enum err control_emergency(struct store_tx *tx, const struct control_request *r,
                           int64_t *credit_fen)
{
    struct loop *l =
        fee_loop_new(tx, &(struct control_fee){r->readings, r->account_id, r->now, r->random});
    if (!l)
        return ERR_MEMORY;
    enum err e = emergency(l, r, credit_fen);
    free(l);
    return e;
}

static enum err confirm(struct loop *l, const struct control_request *r)
{
    TRY(fee_judge(l, r->account_id));
    struct strategy_decision d = strategy_decide(&l->in_force.policy, &l->facts);
    if (d.reason != STRATEGY_BECAUSE_CONFIRM_WAITED)
        return ERR_STATE;
    l->confirmed = true;
    TRY(audit(l, r, "fee.confirm", 0));
    TRY(fee_tell(l, EVENT_FEE_CONFIRMED, NULL));
    return run(l, r->account_id);
}

enum err control_confirm_restore(struct store_tx *tx, const struct control_request *r)
{
    struct loop *l =
        fee_loop_new(tx, &(struct control_fee){r->readings, r->account_id, r->now, r->random});
    if (!l)
        return ERR_MEMORY;
    enum err e = confirm(l, r);
    free(l);
    return e;
}
