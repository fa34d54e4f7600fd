/* Asking: what may be asked for, and holding it. */
#include <string.h>

#include "pay/pay_impl.h"
#include "pay/run.h"
#include "site/site.h"

#define DAY_S 86'400
#define REVERSAL_DAYS 7

/* --- policy ------------------------------------------------------------------------------------
 */

enum err pay_policy_get(struct store_tx *tx, int64_t project_id, struct pay_policy *out)
{
    *out = (struct pay_policy){.reversal_days = REVERSAL_DAYS};
    struct query q =
        query_open(tx, "SELECT one_person_fen, reversal_days FROM pay_policy WHERE project_id = $1",
                   "i", project_id);
    if (query_step(&q))
        *out = (struct pay_policy){query_int(&q, 0), query_int(&q, 1)};
    return query_end(&q);
}

enum err pay_policy_set(struct store_tx *tx, const struct pay_policy_change *c)
{
    struct detail d = {};
    int64_t there;
    if (c->policy.one_person_fen < 0 || c->policy.one_person_fen > LEDGER_AMOUNT_MAX_FEN ||
        c->policy.reversal_days < 0 || c->policy.reversal_days > 31)
        return ERR_RANGE;
    TRY(store_int(tx, &there, "SELECT id FROM project WHERE id = $1", "i", c->project_id));
    TRY(store_exec(tx,
                   "INSERT INTO pay_policy (project_id, one_person_fen, reversal_days, changed_at, "
                   "actor) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id) DO UPDATE SET "
                   "one_person_fen = excluded.one_person_fen, reversal_days = "
                   "excluded.reversal_days, changed_at = excluded.changed_at, "
                   "actor = excluded.actor",
                   "iiiit", c->project_id, c->policy.one_person_fen, c->policy.reversal_days,
                   c->now.s, c->actor));
    detail_int(&d, "one_person_fen", c->policy.one_person_fen);
    detail_int(&d, "reversal_days", c->policy.reversal_days);
    return shift_audit(
        tx, &(struct shift_act){c->actor, "pay.policy", "project", c->project_id, c->now}, &d);
}

/* --- what is there -----------------------------------------------------------------------------
 */

enum err pay_available(struct store_tx *tx, const struct billing *billing, int64_t account_id,
                       wall_s now, int64_t *fen)
{
    static struct billing_outlook o; /* one loop owns a store */
    int64_t promised_fen, free_fen;
    TRY(billing_outlook(tx, billing->readings, account_id, now, &o));
    for (size_t i = 0; i < o.meter_count; i++)
        if (o.meters[i].refusal != ERR_OK)
            return ERR_STATE;
    TRY(store_int(tx, &promised_fen,
                  "SELECT coalesce(sum(amount_fen - kept_fen), 0) FROM sale_order "
                  "WHERE account_id = $1 AND state = 'PAID'",
                  "i", account_id));
    TRY(run_free_left(tx, account_id, &free_fen));
    int64_t used_fen = o.account.wallet == SITE_WALLET_PLATFORM ? o.accrued_fen : 0;
    *fen = o.prepayment_fen - used_fen - promised_fen - free_fen;
    return ERR_OK;
}

enum err pay_may_close(struct store_tx *tx, int64_t account_id)
{
    int64_t open, wallet_fen, transit_fen;
    TRY(store_int(tx, &open,
                  "SELECT (SELECT count(*) FROM sale_order WHERE account_id = $1 AND state IN "
                  "('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT')) + (SELECT count(*) FROM "
                  "money_request WHERE account_id = $1 AND kind <> 'close' AND state IN "
                  "('REQUESTED', 'APPROVED'))",
                  "i", account_id));
    TRY(ledger_balance(tx, account_id, LEDGER_WALLET, &wallet_fen));
    TRY(ledger_balance(tx, account_id, LEDGER_TRANSIT, &transit_fen));
    if (open > 0 || transit_fen != 0)
        return ERR_PAY_OPEN;
    return wallet_fen != 0 ? ERR_PAY_WALLET : ERR_OK;
}

/* --- checks ------------------------------------------------------------------------------------
 */

static enum err check_funds(struct store_tx *tx, const struct pay_request *r, int64_t amount_fen)
{
    int64_t fen;
    TRY(pay_available(tx, r->billing, r->account_id, r->now, &fen));
    return amount_fen > fen ? ERR_VEND_FUNDS : ERR_OK;
}

static enum err check_receiver(struct store_tx *tx, const struct pay_request *r, int64_t project_id)
{
    int64_t to_project;
    enum err e = shift_account(tx, r->to_account_id, &to_project);
    if (e == ERR_VEND_ACCOUNT)
        return ERR_NOT_FOUND;
    TRY(e);
    return to_project != project_id || r->to_account_id == r->account_id ? ERR_SITE_PROJECT
                                                                         : ERR_OK;
}

/* Where a sale's money lies decides. In the prepayment: booked there, or brought back from its
 * meter by a fence. On its way it may still reach the meter: unknown is not failed. */
static enum err check_state(const struct vend_status *s)
{
    static const enum err answers[VEND_STATE_COUNT] = {
        [VEND_CREATED] = ERR_PAY_ON_WAY,  [VEND_PAID] = ERR_PAY_ON_WAY,
        [VEND_BOUND] = ERR_PAY_ON_WAY,    [VEND_FENCED] = ERR_PAY_ON_WAY,
        [VEND_CONFLICT] = ERR_PAY_ON_WAY, [VEND_CONFIRMED] = ERR_PAY_IN_METER,
        [VEND_BOOKED] = ERR_OK,           [VEND_REFUNDED] = ERR_OK,
        [VEND_REJECTED] = ERR_OK,
    };
    return answers[s->state];
}

/* A sale for cash that can be reversed. */
static enum err find_sale(struct store_tx *tx, const struct pay_request *r, struct pay_held *h)
{
    struct pay_policy policy;
    struct shift_sale split;
    struct vend_status s;
    int64_t asked;
    TRY(pay_policy_get(tx, h->project_id, &policy));
    enum err e = vend_get(tx, r->account_id, r->order_id ? r->order_id : "", &s);
    if (e == ERR_NOT_FOUND)
        return ERR_PAY_ORDER;
    TRY(e);
    if (strcmp(s.method, "cash") != 0)
        return ERR_PAY_ORDER;
    TRY(check_state(&s));
    if (r->now.s - s.paid_at.s > policy.reversal_days * DAY_S)
        return ERR_PAY_LATE;
    TRY(store_int(tx, &asked,
                  "SELECT count(*) FROM money_request WHERE account_id = $1 AND order_id = $2 AND "
                  "state <> 'REJECTED'",
                  "it", r->account_id, r->order_id));
    if (asked > 0)
        return ERR_PAY_TWICE;
    e = shift_sale_get(tx, r->account_id, r->order_id, &split);
    if (e != ERR_NOT_FOUND)
        TRY(e);
    h->amount_fen = s.amount_fen;
    h->fee_fen = e == ERR_OK ? split.fee_fen : 0;
    shift_copy(h->order_id, sizeof h->order_id, r->order_id);
    return ERR_OK;
}

static enum err check_close(struct store_tx *tx, const struct pay_request *r)
{
    int64_t asked;
    TRY(store_int(tx, &asked,
                  "SELECT count(*) FROM money_request WHERE account_id = $1 AND kind = 'close' AND "
                  "state <> 'REJECTED'",
                  "i", r->account_id));
    return asked > 0 ? ERR_PAY_TWICE : pay_may_close(tx, r->account_id);
}

static enum err check(struct store_tx *tx, const struct pay_request *r, struct pay_held *h)
{
    if (r->kind == PAY_CLOSE)
        return check_close(tx, r);
    if (r->kind == PAY_REVERSAL)
        TRY(find_sale(tx, r, h));
    if (r->kind == PAY_TRANSFER)
        TRY(check_receiver(tx, r, h->project_id));
    if (h->amount_fen <= 0)
        return ERR_VEND_AMOUNT;
    return check_funds(tx, r, h->amount_fen);
}

/* --- asking ------------------------------------------------------------------------------------
 */

/* A repeat is one if it asks for the same. What a reversal or a closing amounts to is not asked. */
static enum err answer_repeat(const struct pay_request *r, const struct pay_held *found)
{
    bool amount =
        r->kind == PAY_REVERSAL || r->kind == PAY_CLOSE || found->amount_fen == r->amount_fen;
    bool order =
        r->kind != PAY_REVERSAL || strcmp(found->order_id, r->order_id ? r->order_id : "") == 0;
    return found->kind == r->kind && amount && order && found->to_account_id == r->to_account_id
               ? ERR_OK
               : ERR_VEND_DIFFERENT;
}

static enum err insert(struct store_tx *tx, const struct pay_request *r, const struct pay_held *h,
                       bool alone)
{
    return store_exec(tx,
                      "INSERT INTO money_request (account_id, request_id, project_id, kind, state, "
                      "amount_fen, fee_fen, order_id, to_account_id, reason, asked_at, asked_by, "
                      "one_person, approved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                      "nullif($8, ''), nullif($9, 0), $10, $11, $12, $13, nullif($14, 0))",
                      "ititt"
                      "iitit"
                      "itii",
                      r->account_id, r->request_id, h->project_id, pay_kind_name(r->kind),
                      pay_state_name(alone ? PAY_APPROVED : PAY_REQUESTED), h->amount_fen,
                      h->fee_fen, h->order_id, r->to_account_id, r->reason ? r->reason : "",
                      r->now.s, r->actor, (int64_t)alone, alone ? r->now.s : INT64_C(0));
}

/* A transfer stays inside the house, but it ends one customer's money: two persons as well. What
 * left the account within a day without a second person counts together: a large sum is not paid in
 * parts. */
static enum err needs_nobody(struct store_tx *tx, const struct pay_request *r,
                             const struct pay_held *h, bool *alone)
{
    struct pay_policy policy;
    int64_t before_fen;
    *alone = false;
    if (r->kind == PAY_CLOSE || r->kind == PAY_TRANSFER)
        return ERR_OK;
    TRY(pay_policy_get(tx, h->project_id, &policy));
    TRY(store_int(tx, &before_fen,
                  "SELECT coalesce(sum(amount_fen + fee_fen), 0) FROM money_request "
                  "WHERE account_id = $1 AND one_person = 1 AND state <> 'REJECTED' "
                  "AND asked_at > $2",
                  "ii", r->account_id, r->now.s - DAY_S));
    *alone = before_fen + h->amount_fen + h->fee_fen <= policy.one_person_fen;
    return ERR_OK;
}

static enum err ask(struct store_tx *tx, const struct pay_request *r, struct pay_held *h)
{
    bool alone;
    struct pay_turn t = {tx, r->actor, r->now};
    TRY(check(tx, r, h));
    TRY(needs_nobody(tx, r, h, &alone));
    TRY(insert(tx, r, h, alone));
    if (r->kind != PAY_CLOSE)
        TRY(pay_move(&t, h, r->account_id, "held", LEDGER_PREPAYMENT, LEDGER_HELD, h->amount_fen,
                     NULL));
    return pay_note(&t, h, "request.asked", r->reason ? r->reason : "");
}

enum err pay_ask(struct store_tx *tx, const struct pay_request *r)
{
    struct pay_held found, h = {.account_id = r->account_id,
                                .to_account_id = r->to_account_id,
                                .amount_fen = r->amount_fen,
                                .kind = r->kind,
                                .state = PAY_REQUESTED};
    if (!shift_id_ok(r->request_id, PAY_ID_MIN, PAY_ID_MAX))
        return ERR_VEND_ORDER_ID;
    if ((unsigned)r->kind >= PAY_KIND_COUNT)
        return ERR_RANGE;
    enum err e = pay_load(tx, r->account_id, r->request_id, &found);
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? answer_repeat(r, &found) : e;
    e = shift_account(tx, r->account_id, &h.project_id);
    if (e != ERR_OK)
        return e == ERR_VEND_ACCOUNT ? ERR_NOT_FOUND : e;
    shift_copy(h.id, sizeof h.id, r->request_id);
    return ask(tx, r, &h);
}
