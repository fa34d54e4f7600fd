/* The facts of one account, from the books, the registers, the relays and the lists. */
#include <stdlib.h>
#include <string.h>

#include "control/fee_impl.h"
#include "control/protect.h"
#include "ledger/ledger.h"

#define AHEAD_S 60 /* a reading that is further ahead of us than this is not of today */

enum strategy_desired fee_desired_of(const struct control_row *r)
{
    if (r->desired == CONTROL_CLOSED)
        return STRATEGY_DESIRED_CLOSED;
    if (r->desired == CONTROL_NONE)
        return STRATEGY_DESIRED_NONE;
    return strcmp(r->reason, "arrears") == 0 ? STRATEGY_DESIRED_OPEN_MONEY
                                             : STRATEGY_DESIRED_OPEN_PERSON;
}

/* --- relays --------------------------------------------------------------------------------------
 */

static enum control_relay_state newest_state(const struct loop *l, const struct control_row *r,
                                             int64_t circuits)
{
    int64_t bits;
    wall_s at;
    if (!l->readings || !readings_value(l->readings, r->meter_id, POINT_RELAY_OPEN, &bits, &at) ||
        at.s < r->state_at.s)
        return r->state;
    return control_state_of_bits(bits, 0, circuits);
}

uint32_t fee_limit_circuits(const struct strategy_policy *p, int64_t circuits)
{
    uint32_t all = (1u << circuits) - 1, some = p->limit_circuits & all;
    return some == all ? 0 : some;
}

enum err fee_circuits_off(struct loop *l, int64_t meter_id, struct fee_off *off)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    *off = (struct fee_off){};
    TRY(control_rows_load(l->turn.tx, meter_id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = rows[i].circuit > 0 ? 1u << (rows[i].circuit - 1) : 0;
        enum strategy_desired desired = fee_desired_of(&rows[i]);
        off->for_money |= desired == STRATEGY_DESIRED_OPEN_MONEY ? bit : 0;
        off->any |= rows[i].desired == CONTROL_OPEN ? bit : 0;
    }
    return ERR_OK;
}

/* Whether power can be limited, and whether it is: what was ordered and lapsed is not. */
static enum err gather_limit(struct loop *l)
{
    const struct strategy_policy *p = &l->in_force.policy;
    struct strategy_facts *f = &l->facts;
    bool all_off = true;
    for (size_t i = 0; i < l->outlook.meter_count; i++) {
        uint32_t circuits = fee_limit_circuits(p, l->circuits[i]);
        struct fee_off off;
        if (l->circuits[i] < 2)
            continue;
        TRY(fee_circuits_off(l, l->relay[i].meter_id, &off));
        f->some_limited = f->some_limited || off.for_money != 0;
        f->can_limit = f->can_limit || circuits != 0;
        all_off = all_off && (off.any & circuits) == circuits;
    }
    f->limited_at.s = f->can_limit && all_off ? l->episode.limited_at.s : 0;
    return ERR_OK;
}

/* Of several meters: the worst desire counts, our own cut before a person's, and supply is on if
 * any relay is closed. */
static enum err gather_relays(struct loop *l)
{
    struct strategy_facts *f = &l->facts;
    bool any_open = false, any_closed = false, any_not_ours = false, any_cuts = false, ours = false;
    for (size_t i = 0; i < l->outlook.meter_count; i++) {
        int64_t keep = 0, meter_id = l->outlook.meters[i].meter_id;
        struct control_meter m;
        TRY(control_meter_load(l->turn.tx, meter_id, &m));
        TRY(control_row_load(l->turn.tx, meter_id, 0, &l->relay[i]));
        l->circuits[i] = m.cuts ? m.circuits : 0;
        l->cuts[i] = m.cuts;
        any_cuts = any_cuts || m.cuts;
        bool told =
            l->readings && readings_value(l->readings, meter_id, POINT_KEEP_POWER, &keep, NULL);
        f->keep_power = f->keep_power || (told && keep == 1) || l->relay[i].keep_power;
        enum strategy_desired desired = fee_desired_of(&l->relay[i]);
        if (desired > f->desired)
            f->desired = desired;
        ours = ours || desired == STRATEGY_DESIRED_OPEN_MONEY;
        any_not_ours = any_not_ours || (m.cuts && desired < STRATEGY_DESIRED_OPEN_MONEY);
        enum control_relay_state s = newest_state(l, &l->relay[i], m.circuits);
        any_open = any_open || s == CONTROL_IS_OPEN;
        any_closed = any_closed || s == CONTROL_IS_CLOSED;
    }
    if (ours) /* what a person opened besides does not keep it off */
        f->desired = STRATEGY_DESIRED_OPEN_MONEY;
    f->relay = any_closed ? STRATEGY_RELAY_CLOSED
               : any_open ? STRATEGY_RELAY_OPEN
                          : STRATEGY_RELAY_UNKNOWN;
    f->no_switch = !any_cuts;
    f->partly_cut = f->desired == STRATEGY_DESIRED_OPEN_MONEY && any_not_ours;
    return gather_limit(l);
}

/* --- money ---------------------------------------------------------------------------------------
 */

static enum err gather_sales(struct loop *l)
{
    int64_t unresolved, pending;
    TRY(store_int(l->turn.tx, &unresolved,
                  "SELECT count(*) FROM sale_order WHERE account_id = $1 "
                  "AND state IN ('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT')",
                  "i", l->outlook.account.id));
    TRY(store_int(l->turn.tx, &pending,
                  "SELECT count(*) FROM payment_flight WHERE account_id = $1 AND until_at > $2",
                  "ii", l->outlook.account.id, l->turn.now.s));
    l->facts.vend_unresolved = unresolved > 0;
    l->facts.payment_pending = pending > 0;
    return ERR_OK;
}

/* Charges for other services are transactions of kinds that begin with "service."; what was paid
 * for them in particular is of such a kind as well. */
enum err fee_other_sum(struct store_tx *tx, int64_t account_id, wall_s at, int64_t *sum_fen)
{
    return store_int(tx, sum_fen,
                     "SELECT coalesce(sum(p.amount_fen), 0) FROM ledger_txn t JOIN posting p "
                     "ON p.account_id = t.account_id AND p.seq = t.seq WHERE t.account_id = $1 "
                     "AND t.kind >= 'service.' AND t.kind < 'service/' AND t.at <= $2 "
                     "AND p.book = 'prepayment'",
                     "ii", account_id, at.s);
}

bool fee_is_service(const char *kind)
{
    return strncmp(kind, "service.", 8) == 0;
}

int64_t fee_other_owed(int64_t sum_fen)
{
    return sum_fen < 0 ? -sum_fen : 0;
}

/* Billed beside the prepayment: no part of the balance, unless the policy says so. */
static enum err gather_due(struct loop *l)
{
    int64_t due_fen;
    if (!l->in_force.policy.allow_cut_for_other_services)
        return ERR_OK;
    TRY(ledger_balance(l->turn.tx, l->outlook.account.id, LEDGER_OTHER_DUE, &due_fen));
    l->other_due_fen = fee_other_owed(due_fen);
    l->facts.available_fen =
        strategy_available(&l->in_force.policy, l->facts.available_fen, l->other_due_fen);
    return ERR_OK;
}

/* What cannot be rated now was known when supply went off. Since then nothing was used: what is
 * settled is of before, and is in that figure. */
static enum err gather_unknown(struct loop *l)
{
    const struct episode *e = &l->episode;
    struct strategy_facts *f = &l->facts;
    int64_t came_fen;
    f->available_fen = INT64_MIN;
    if (e->known_seq == 0 || f->wallet == STRATEGY_WALLET_METER)
        return ERR_OK;
    TRY(store_int(l->turn.tx, &came_fen,
                  "SELECT coalesce(sum(p.amount_fen), 0) FROM ledger_txn t JOIN posting p "
                  "ON p.account_id = t.account_id AND p.seq = t.seq WHERE t.account_id = $1 "
                  "AND t.seq > $2 AND t.kind <> 'settlement' AND p.book = 'prepayment'",
                  "ii", l->outlook.account.id, e->known_seq));
    return units_add(e->known_fen, came_fen, &f->available_fen);
}

bool fee_uses_recharge(const struct strategy_policy *p)
{
    return p->level_percent[0] > 0 && p->percent_of == STRATEGY_OF_RECHARGE;
}

static enum err last_recharge(struct loop *l)
{
    enum err e = store_int(l->turn.tx, &l->facts.recharge_fen,
                           "SELECT amount_fen FROM sale_order WHERE account_id = $1 "
                           "AND paid_at IS NOT NULL AND state NOT IN ('REJECTED', 'REFUNDED') "
                           "ORDER BY paid_at DESC, order_id DESC LIMIT 1",
                           "i", l->outlook.account.id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err last_refusal(struct loop *l)
{
    enum err e = store_int(l->turn.tx, &l->facts.refused_at.s,
                           "SELECT at FROM event WHERE account_id = $1 AND kind = 'relay.refused' "
                           "ORDER BY id DESC LIMIT 1",
                           "i", l->outlook.account.id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err gather_money(struct loop *l)
{
    struct strategy_facts *f = &l->facts;
    const struct strategy_policy *p = &l->in_force.policy;
    const struct episode *e = &l->episode;
    bool running = e->emergency_episode == e->number &&
                   (p->emergency_s == 0 || l->turn.now.s < e->emergency_at.s + p->emergency_s);
    f->emergency_fen = running ? e->emergency_fen : 0;
    TRY(f->available_known ? gather_due(l) : gather_unknown(l));
    if (fee_uses_recharge(p))
        TRY(last_recharge(l));
    if (f->available_known && f->available_fen <= p->cut_at_fen)
        TRY(last_refusal(l));
    if (f->available_known &&
        (f->available_fen <= p->cut_at_fen || f->available_fen <= p->restore_above_fen)) {
        int64_t sum_fen;
        TRY(fee_other_sum(l->turn.tx, l->outlook.account.id, l->turn.now, &sum_fen));
        f->other_owed_fen = fee_other_owed(sum_fen);
    }
    return gather_sales(l);
}

/* --- time ----------------------------------------------------------------------------------------
 */

/* The clock ran backwards if the books or our own decisions are of a time that has not come;
 * whether it leapt ahead, whoever sees it run has written down. */
static enum err gather_clock(struct loop *l)
{
    const struct episode *e = &l->episode;
    int64_t booked_s = 0, leapt, now = l->turn.now.s;
    struct query q = query_open(l->turn.tx,
                                "SELECT at, seq FROM ledger_txn WHERE account_id = $1 "
                                "ORDER BY seq DESC LIMIT 1",
                                "i", l->outlook.account.id);
    l->newest_seq = 0;
    if (query_step(&q)) {
        booked_s = query_int(&q, 0);
        l->newest_seq = query_int(&q, 1);
    }
    TRY(query_end(&q));
    l->facts.clock_trusted =
        booked_s <= now && e->decided_at.s <= now && e->level_at.s <= now && e->noted_at.s <= now;
    TRY(store_int(l->turn.tx, &leapt, "SELECT leapt FROM clock_watch", ""));
    l->facts.clock_trusted = l->facts.clock_trusted && leapt == 0;
    return ERR_OK;
}

static enum err gather_time(struct loop *l)
{
    int32_t offset_s;
    TRY(billing_project_offset(l->turn.tx, l->outlook.account.project_id, l->turn.now, &offset_s));
    l->local_day = strategy_facts_time(&l->in_force.policy, l->turn.now, offset_s, &l->facts);
    return gather_clock(l);
}

/* The age of the oldest meter's reading; a reading of the future is not fresh, it is wrong. */
static int64_t reading_age_s(const struct loop *l)
{
    const struct billing_outlook *o = &l->outlook;
    for (size_t i = 0; i < o->meter_count; i++)
        if (o->meters[i].reading_at.s > l->turn.now.s + AHEAD_S)
            return l->turn.now.s - o->meters[i].reading_at.s;
    return o->reading_age_s;
}

/* --- all -----------------------------------------------------------------------------------------
 */

enum err fee_gather(struct loop *l)
{
    const struct billing_outlook *o = &l->outlook;
    struct episode *e = &l->episode;
    uint32_t channels;
    TRY(fee_notices_count(l->turn.tx, o->account.id, e, &l->in_force.policy, &channels));
    l->other_due_fen = 0;
    l->facts = (struct strategy_facts){
        .wallet = o->account.wallet == SITE_WALLET_METER ? STRATEGY_WALLET_METER
                                                         : STRATEGY_WALLET_PLATFORM,
        .account_open = o->account.closed_at.s == 0,
        .contract_signed =
            o->account.contract_at.s != 0 && o->account.contract_at.s <= l->turn.now.s,
        .available_known = o->available_known,
        .available_fen = o->available_fen,
        .mean_day_fen = o->mean_day_fen,
        .reading_age_s = reading_age_s(l),
        .reading_estimated = o->estimated,
        .true_up_fen = o->grace_fen,
        .desired = STRATEGY_DESIRED_NONE,
        .confirmed = l->confirmed,
        .notice_channels = channels,
    };
    TRY(gather_time(l));
    fee_step_facts(e, l->local_day, &l->facts);
    TRY(gather_money(l));
    TRY(control_protected(l->turn.tx, o->account.id, l->turn.now, &l->facts.protections));
    TRY(fee_approval_fact(l));
    return gather_relays(l);
}

enum err fee_judge(struct loop *l, int64_t account_id)
{
    TRY(site_account_get(l->turn.tx, account_id, &l->outlook.account));
    TRY(fee_episode_load(l->turn.tx, account_id, &l->episode));
    l->stored = l->episode;
    TRY(billing_outlook(l->turn.tx, l->readings, account_id, l->turn.now, &l->outlook));
    TRY(control_policy_of(l->turn.tx, &l->outlook.account, l->turn.now, &l->in_force));
    return fee_gather(l);
}
