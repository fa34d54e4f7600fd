/* Deciding and paying out. */
#include "pay/pay.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "control/fee.h"
#include "pay/pay_impl.h"
#include "pay/run.h"
#include "site/site.h"

static const char *const kinds[PAY_KIND_COUNT] = {"refund", "reversal", "transfer", "close"};
static const char *const states[PAY_STATE_COUNT] = {"REQUESTED", "APPROVED", "PAID", "REJECTED"};

const char *pay_kind_name(enum pay_kind k)
{
    return (unsigned)k < PAY_KIND_COUNT ? kinds[k] : "?";
}

const char *pay_state_name(enum pay_state s)
{
    return (unsigned)s < PAY_STATE_COUNT ? states[s] : "?";
}

enum pay_kind pay_kind_of(const char *name)
{
    enum pay_kind k = 0;
    while (k < PAY_KIND_COUNT && strcmp(kinds[k], name) != 0)
        k++;
    return k;
}

static enum pay_state state_of(const char *name)
{
    enum pay_state s = 0;
    while (s < PAY_STATE_COUNT - 1 && strcmp(states[s], name) != 0)
        s++;
    return s;
}

/* --- what stands there -------------------------------------------------------------------------
 */

enum err pay_load(struct store_tx *tx, int64_t account_id, const char *request_id,
                  struct pay_held *out)
{
    struct query q =
        query_open(tx,
                   "SELECT project_id, coalesce(to_account_id, 0), amount_fen, fee_fen, kind, "
                   "state, coalesce(order_id, ''), asked_by FROM money_request "
                   "WHERE account_id = $1 AND request_id = $2",
                   "it", account_id, request_id);
    bool found = query_step(&q);
    if (found) {
        *out = (struct pay_held){.account_id = account_id,
                                 .project_id = query_int(&q, 0),
                                 .to_account_id = query_int(&q, 1),
                                 .amount_fen = query_int(&q, 2),
                                 .fee_fen = query_int(&q, 3),
                                 .kind = pay_kind_of(query_text(&q, 4)),
                                 .state = state_of(query_text(&q, 5))};
        shift_copy(out->id, sizeof out->id, request_id);
        shift_copy(out->order_id, sizeof out->order_id, query_text(&q, 6));
        shift_copy(out->asked_by, sizeof out->asked_by, query_text(&q, 7));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err pay_move(const struct pay_turn *t, const struct pay_held *r, int64_t account_id,
                  const char *what, enum ledger_book from, enum ledger_book to, int64_t amount_fen,
                  int64_t *seq)
{
    char key[LEDGER_KEY_MAX], kind[40];
    struct detail d = {};
    struct ledger_posted posted;
    snprintf(key, sizeof key, "request:%s/%s", r->id, what);
    snprintf(kind, sizeof kind, "%s.%s", pay_kind_name(r->kind), what);
    detail_text(&d, "request", r->id);
    if (*r->order_id)
        detail_text(&d, "order", r->order_id);
    if (r->to_account_id)
        detail_int(&d, account_id == r->account_id ? "to" : "from",
                   account_id == r->account_id ? r->to_account_id : r->account_id);
    TRY(shift_post(
        t->tx,
        &(struct shift_move){account_id, key, kind, t->actor, t->now, from, to, amount_fen, &d},
        &posted));
    if (seq)
        *seq = posted.seq;
    return ERR_OK;
}

enum err pay_note(const struct pay_turn *t, const struct pay_held *r, const char *action,
                  const char *text)
{
    struct detail d = {};
    detail_text(&d, "request", r->id);
    detail_text(&d, "kind", pay_kind_name(r->kind));
    detail_int(&d, "amount_fen", r->amount_fen);
    detail_text(&d, "text", text);
    return shift_audit(t->tx,
                       &(struct shift_act){t->actor, action, "account", r->account_id, t->now}, &d);
}

/* --- deciding ----------------------------------------------------------------------------------
 */

static enum err end(const struct pay_turn *t, const struct pay_held *r, enum pay_state state,
                    const struct pay_decision *d)
{
    TRY(store_exec(t->tx,
                   "UPDATE money_request SET state = $3, ended_at = $4, ended_by = $5, note = $6, "
                   "method = $7, reference = $8 WHERE account_id = $1 AND request_id = $2",
                   "ittitttt", r->account_id, r->id, pay_state_name(state), t->now.s, t->actor,
                   d->note ? d->note : "", d->method ? d->method : "",
                   d->reference ? d->reference : ""));
    return pay_note(t, r, state == PAY_PAID ? "request.paid" : "request.rejected",
                    d->note ? d->note : "");
}

/* As of a sale: a cut that is on its way is withdrawn, and what is off comes back. */
static enum err money_came(const struct pay_turn *t, const struct pay_decision *d,
                           int64_t account_id)
{
    return control_payment(t->tx, &(struct control_fee){d->billing ? d->billing->readings : NULL,
                                                        account_id, d->now, d->random});
}

static enum err transfer(const struct pay_turn *t, const struct pay_held *r,
                         const struct pay_decision *d)
{
    TRY(shift_account(t->tx, r->to_account_id, NULL));
    TRY(pay_move(t, r, r->account_id, "out", LEDGER_HELD, LEDGER_TRANSFER, r->amount_fen, NULL));
    TRY(pay_move(t, r, r->to_account_id, "in", LEDGER_TRANSFER, LEDGER_PREPAYMENT, r->amount_fen,
                 NULL));
    TRY(money_came(t, d, r->to_account_id));
    struct pay_decision done = {.note = d->note, .method = "books"};
    return end(t, r, PAY_PAID, &done);
}

/* The end of an account: its last charges are settled by the clerk up to this second. */
static enum err close_account(const struct pay_turn *t, const struct pay_held *r,
                              const struct pay_decision *d)
{
    struct site_account account;
    TRY(pay_may_close(t->tx, r->account_id));
    TRY(site_account_get(t->tx, r->account_id, &account));
    TRY(site_account_close(t->tx, r->account_id, t->now));
    return control_grounds_changed(
        t->tx, &(struct control_grounds){account.project_id, t->now, d->random});
}

static enum err approved(const struct pay_turn *t, const struct pay_held *r,
                         const struct pay_decision *d)
{
    TRY(store_exec(t->tx,
                   "UPDATE money_request SET state = 'APPROVED', approved_at = $3, approved_by = "
                   "$4 WHERE account_id = $1 AND request_id = $2 AND state = 'REQUESTED'",
                   "itit", r->account_id, r->id, t->now.s, t->actor));
    TRY(pay_note(t, r, "request.approved", ""));
    if (r->kind == PAY_TRANSFER)
        return transfer(t, r, d);
    return r->kind == PAY_CLOSE ? close_account(t, r, d) : ERR_OK;
}

enum err pay_approve(struct store_tx *tx, const struct pay_decision *d)
{
    struct pay_held r;
    struct pay_turn t = {tx, d->actor, d->now};
    TRY(pay_load(tx, d->account_id, d->request_id, &r));
    if (r.state == PAY_APPROVED || r.state == PAY_PAID)
        return ERR_OK;
    if (r.state != PAY_REQUESTED)
        return ERR_STATE;
    if (strcmp(r.asked_by, d->actor) == 0)
        return ERR_PAY_PERSON;
    return approved(&t, &r, d);
}

enum err pay_reject(struct store_tx *tx, const struct pay_decision *d)
{
    struct pay_held r;
    struct pay_turn t = {tx, d->actor, d->now};
    struct pay_decision done = {.note = d->note};
    TRY(pay_load(tx, d->account_id, d->request_id, &r));
    if (r.state == PAY_REJECTED)
        return ERR_OK;
    if (r.state == PAY_PAID || (r.state == PAY_APPROVED && r.kind == PAY_CLOSE))
        return ERR_STATE;
    if (r.kind == PAY_CLOSE)
        return end(&t, &r, PAY_REJECTED, &done);
    TRY(pay_move(&t, &r, r.account_id, "released", LEDGER_HELD, LEDGER_PREPAYMENT, r.amount_fen,
                 NULL));
    TRY(money_came(&t, d, r.account_id));
    return end(&t, &r, PAY_REJECTED, &done);
}

/* --- paying out --------------------------------------------------------------------------------
 */

static enum err over_the_desk(const struct pay_turn *t, const struct pay_held *r, int64_t seq,
                              int64_t amount_fen)
{
    return shift_record(t->tx, &(struct shift_cash){.account_id = r->account_id,
                                                    .seq = seq,
                                                    .kind = SHIFT_REFUND,
                                                    .amount_fen = -amount_fen,
                                                    .actor = t->actor,
                                                    .now = t->now});
}

static enum err give(const struct pay_turn *t, const struct pay_held *r, bool cash,
                     const char *what, enum ledger_book from, int64_t amount_fen)
{
    int64_t seq;
    if (amount_fen == 0)
        return ERR_OK;
    TRY(pay_move(t, r, r->account_id, what, from, LEDGER_REFUND, amount_fen, &seq));
    return cash ? over_the_desk(t, r, seq, amount_fen) : ERR_OK;
}

/* What an ended account leaves: the prepayment, less what was given free. */
static enum err find_rest(const struct pay_turn *t, struct pay_held *r)
{
    int64_t charges, free_fen;
    TRY(store_int(t->tx, &charges, "SELECT count(*) FROM charge_open WHERE account_id = $1", "i",
                  r->account_id));
    if (charges > 0)
        return ERR_PAY_UNSETTLED;
    TRY(ledger_balance(t->tx, r->account_id, LEDGER_PREPAYMENT, &r->amount_fen));
    TRY(run_free_left(t->tx, r->account_id, &free_fen));
    r->amount_fen = r->amount_fen > free_fen ? r->amount_fen - free_fen : 0;
    return store_exec(t->tx,
                      "UPDATE money_request SET amount_fen = $3 "
                      "WHERE account_id = $1 AND request_id = $2",
                      "iti", r->account_id, r->id, r->amount_fen);
}

/* Said again by the same person it is the same payment; else money would be handed out twice. */
static enum err answer_paid(struct store_tx *tx, const struct pay_decision *d)
{
    int64_t same;
    TRY(store_int(tx, &same,
                  "SELECT ended_by = $3 AND method = $4 AND reference = $5 FROM money_request "
                  "WHERE account_id = $1 AND request_id = $2",
                  "itttt", d->account_id, d->request_id, d->actor, d->method,
                  d->reference ? d->reference : ""));
    return same ? ERR_OK : ERR_PAY_PAID;
}

enum err pay_out(struct store_tx *tx, const struct pay_decision *d)
{
    struct pay_held r;
    struct pay_turn t = {tx, d->actor, d->now};
    bool cash = d->method && strcmp(d->method, "cash") == 0;
    if (!cash && (!d->method || strcmp(d->method, "bank") != 0))
        return ERR_PAY_METHOD;
    TRY(pay_load(tx, d->account_id, d->request_id, &r));
    if (r.state == PAY_PAID)
        return answer_paid(tx, d);
    if (r.state != PAY_APPROVED)
        return ERR_STATE;
    if (r.kind == PAY_CLOSE)
        TRY(find_rest(&t, &r));
    TRY(give(&t, &r, cash, "paid", r.kind == PAY_CLOSE ? LEDGER_PREPAYMENT : LEDGER_HELD,
             r.amount_fen));
    TRY(give(&t, &r, cash, "fee", LEDGER_OTHER, r.fee_fen));
    return end(&t, &r, PAY_PAID, d);
}
