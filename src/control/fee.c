#include "control/fee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/billing.h"
#include "control/control_impl.h"

#define AGAIN_S 600 /* a decision that did not change is written again after this */
#define SAID_MAX 64

/* --- the running episode ------------------------------------------------------------------------
 */

struct episode {
    int level, warned_level, noted_level;
    wall_s level_at, notice_at, noted_at, decided_at, due_at;
    int64_t number, notices, noted;
    char said[SAID_MAX]; /* the last decision in short */
};

static enum err load_episode(struct store_tx *tx, int64_t account_id, struct episode *e)
{
    *e = (struct episode){};
    struct query q = query_open(tx,
                                "SELECT level, warned_level, noted_level, level_at, notice_at, "
                                "noted_at, decided_at, episode, notices, noted, said, due_at "
                                "FROM fee_state WHERE account_id = $1",
                                "i", account_id);
    if (query_step(&q)) {
        *e = (struct episode){
            .level = (int)query_int(&q, 0),
            .warned_level = (int)query_int(&q, 1),
            .noted_level = (int)query_int(&q, 2),
            .level_at = {query_int(&q, 3)},
            .notice_at = {query_int(&q, 4)},
            .noted_at = {query_int(&q, 5)},
            .decided_at = {query_int(&q, 6)},
            .number = query_int(&q, 7),
            .notices = query_int(&q, 8),
            .noted = query_int(&q, 9),
            .due_at = {query_int(&q, 11)},
        };
        snprintf(e->said, sizeof e->said, "%s", query_text(&q, 10));
    }
    return query_end(&q);
}

static enum err make_row(struct store_tx *tx, int64_t account_id)
{
    return store_exec(tx,
                      "INSERT INTO fee_state (account_id) VALUES ($1) "
                      "ON CONFLICT (account_id) DO NOTHING",
                      "i", account_id);
}

static enum err save_episode(struct store_tx *tx, int64_t account_id, const struct episode *e)
{
    TRY(make_row(tx, account_id));
    return store_exec(tx,
                      "UPDATE fee_state SET level = $2, warned_level = $3, noted_level = $4, "
                      "level_at = $5, notice_at = nullif($6, 0), noted_at = nullif($7, 0), "
                      "episode = $8, notices = $9, noted = $10 WHERE account_id = $1",
                      "iiiiiiiiii", account_id, (int64_t)e->level, (int64_t)e->warned_level,
                      (int64_t)e->noted_level, e->level_at.s, e->notice_at.s, e->noted_at.s,
                      e->number, e->notices, e->noted);
}

/* --- facts
 * ---------------------------------------------------------------------------------------- */

struct loop {
    struct control_turn turn;
    const struct readings *readings;
    struct billing_outlook outlook;
    struct strategy_policy policy;
    struct strategy_facts facts;
    struct strategy_decision decision;
    struct episode episode;
    struct control_row relay[BILLING_METERS_MAX]; /* circuit 0 of each meter */
};

static enum strategy_desired desired_of(const struct control_row *r)
{
    if (r->desired == CONTROL_CLOSED)
        return STRATEGY_DESIRED_CLOSED;
    if (r->desired == CONTROL_NONE)
        return STRATEGY_DESIRED_NONE;
    return strcmp(r->reason, "arrears") == 0 ? STRATEGY_DESIRED_OPEN_MONEY
                                             : STRATEGY_DESIRED_OPEN_PERSON;
}

static enum control_relay_state newest_state(const struct loop *l, const struct control_row *r,
                                             int64_t circuits)
{
    int64_t bits;
    wall_s at;
    if (!readings_value(l->readings, r->meter_id, POINT_RELAY_OPEN, &bits, &at) ||
        at.s < r->state_at.s)
        return r->state;
    return control_state_of_bits(bits, 0, circuits);
}

/* Of several meters: the worst desire counts, and supply is on if any relay is closed. */
static enum err gather_relays(struct loop *l)
{
    struct strategy_facts *f = &l->facts;
    bool any_open = false, any_closed = false;
    for (size_t i = 0; i < l->outlook.meter_count; i++) {
        int64_t keep = 0, meter_id = l->outlook.meters[i].meter_id;
        struct control_meter m;
        TRY(control_meter_load(l->turn.tx, meter_id, &m));
        TRY(control_row_load(l->turn.tx, meter_id, 0, &l->relay[i]));
        bool told = readings_value(l->readings, meter_id, POINT_KEEP_POWER, &keep, NULL);
        f->keep_power = f->keep_power || (told && keep == 1) || l->relay[i].keep_power;
        if (desired_of(&l->relay[i]) > f->desired)
            f->desired = desired_of(&l->relay[i]);
        enum control_relay_state s = newest_state(l, &l->relay[i], m.circuits);
        any_open = any_open || s == CONTROL_IS_OPEN;
        any_closed = any_closed || s == CONTROL_IS_CLOSED;
    }
    f->relay = any_closed ? STRATEGY_RELAY_CLOSED
               : any_open ? STRATEGY_RELAY_OPEN
                          : STRATEGY_RELAY_UNKNOWN;
    return ERR_OK;
}

static enum err gather_sales(struct loop *l)
{
    int64_t unresolved;
    TRY(store_int(l->turn.tx, &unresolved,
                  "SELECT count(*) FROM sale_order WHERE account_id = $1 "
                  "AND state IN ('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT')",
                  "i", l->outlook.account.id));
    l->facts.vend_unresolved = unresolved > 0;
    return ERR_OK;
}

static enum err gather_time(struct loop *l)
{
    int32_t offset_s;
    TRY(billing_project_offset(l->turn.tx, l->outlook.account.project_id, l->turn.now, &offset_s));
    struct civil c = civil_from_wall(l->turn.now, offset_s);
    l->facts.local_minute = c.hour * 60u + c.minute;
    l->facts.weekday = (c.weekday + 6u) % 7u;
    return ERR_OK;
}

static enum err gather(struct loop *l)
{
    const struct billing_outlook *o = &l->outlook;
    const struct episode *e = &l->episode;
    l->facts = (struct strategy_facts){
        .now = l->turn.now,
        .clock_trusted = true, /* the platform's own */
        .wallet = o->account.wallet == SITE_WALLET_METER ? STRATEGY_WALLET_METER
                                                         : STRATEGY_WALLET_PLATFORM,
        .account_open = o->account.closed_at.s == 0,
        .contract_signed =
            o->account.contract_at.s != 0 && o->account.contract_at.s <= l->turn.now.s,
        .available_known = o->available_known,
        .available_fen = o->available_fen,
        .reading_age_s = o->reading_age_s,
        .desired = STRATEGY_DESIRED_NONE,
        .level = e->level,
        .level_at = e->level_at,
        .warned_level = e->warned_level,
        .notices = e->notices,
        .notice_at = e->notice_at,
    };
    TRY(gather_time(l));
    TRY(gather_sales(l));
    return gather_relays(l);
}

/* --- the decision, in words
 * ------------------------------------------------------------------------ */

static const char *describe(const struct loop *l, struct detail *d)
{
    const struct strategy_facts *f = &l->facts;
    const struct strategy_decision *c = &l->decision;
    char guards[1024] = "[";
    size_t at = 1;
    for (int r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (c->guards & STRATEGY_GUARD(r) && at < sizeof guards - 64)
            at += (size_t)snprintf(guards + at, sizeof guards - at, "%s\"%s\"", at > 1 ? "," : "",
                                   strategy_reason_name((enum strategy_reason)r));
    snprintf(guards + at, sizeof guards - at, "]");
    detail_text(d, "action", strategy_action_name(c->action));
    detail_text(d, "reason", strategy_reason_name(c->reason));
    detail_json(d, "guards", guards);
    detail_int(d, "level", c->level);
    if (f->available_known) {
        detail_int(d, "available_fen", f->available_fen);
        detail_int(d, "balance_fen", f->available_fen);
    }
    detail_int(d, "prepayment_fen", l->outlook.prepayment_fen);
    detail_int(d, "accrued_fen", l->outlook.accrued_fen);
    if (f->reading_age_s != INT64_MAX)
        detail_int(d, "reading_age_s", f->reading_age_s);
    detail_int(d, "cut_at_fen", l->policy.cut_at_fen);
    detail_int(d, "restore_above_fen", l->policy.restore_above_fen);
    detail_int(d, "notices", f->notices);
    detail_int(d, "warned_level", f->warned_level);
    if (c->not_before.s)
        detail_int(d, "not_before", c->not_before.s);
    return detail_end(d);
}

static enum err tell(struct loop *l, enum journal_kind kind, const char *json)
{
    return journal_event(l->turn.tx,
                         &(struct journal_event){.at = l->turn.now,
                                                 .kind = kind,
                                                 .project_id = l->outlook.account.project_id,
                                                 .account_id = l->outlook.account.id,
                                                 .detail = json});
}

/* A note for notify/: docs/formats/message.md. */
static enum err note(struct loop *l, const char *template, int level, const char *subject)
{
    struct detail facts = {}, d = {};
    detail_int(&facts, "available_fen", l->facts.available_fen);
    detail_text(&d, "template", template);
    detail_int(&d, "level", level);
    detail_int(&d, "episode", l->episode.number);
    detail_text(&d, "subject", subject);
    detail_json(&d, "facts", detail_end(&facts));
    return journal_outbox_put(l->turn.tx, "message", l->outlook.account.id, detail_end(&d),
                              l->turn.now);
}

/* --- carrying out
 * ------------------------------------------------------------------------------------ */

static enum err move_level(struct loop *l, const char *json)
{
    static const enum journal_kind kinds[] = {EVENT_FEE_CLEARED, EVENT_FEE_LOW, EVENT_FEE_CLOSE,
                                              EVENT_FEE_ARREARS};
    struct episode *e = &l->episode;
    int level = l->decision.level;
    if (level == e->level)
        return ERR_OK;
    bool worse = level > e->level;
    e->level = level;
    e->level_at = l->turn.now;
    if (!worse) { /* money came: what was told before does not count for the next fall */
        e->number++;
        e->warned_level = e->warned_level < level ? e->warned_level : level;
        e->noted_level = e->noted_level < level ? e->noted_level : level;
        e->notices = e->noted = 0;
        e->notice_at.s = e->noted_at.s = 0;
    }
    return worse || level == 0 ? tell(l, kinds[level], json) : ERR_OK;
}

static enum err warn(struct loop *l)
{
    static const char *const templates[] = {"", "balance_low", "about_to_cut", "arrears"};
    struct episode *e = &l->episode;
    const struct strategy_policy *p = &l->policy;
    int level = l->decision.level;
    bool first = l->decision.warn && level > e->noted_level;
    bool again = level > 0 && level >= p->notice_level && e->noted < p->notices &&
                 e->noted_at.s != 0 && l->turn.now.s - e->noted_at.s >= p->notice_spacing_s;
    if (level == 0 || (!first && !again))
        return ERR_OK;
    char subject[24] = "";
    if (!first)
        snprintf(subject, sizeof subject, "%lld", (long long)e->noted + 1);
    e->noted_level = level > e->noted_level ? level : e->noted_level;
    e->noted++;
    e->noted_at = l->turn.now;
    return note(l, templates[level], level, subject);
}

static enum err wish_all(struct loop *l, enum control_desired desired, const char *reason,
                         const char *json)
{
    for (size_t i = 0; i < l->outlook.meter_count; i++) {
        const struct control_row *r = &l->relay[i];
        bool ours = desired_of(r) == STRATEGY_DESIRED_OPEN_MONEY;
        if (desired == CONTROL_OPEN ? r->desired == CONTROL_OPEN : !ours)
            continue;
        TRY(control_wish(l->turn.tx,
                         &(struct control_wish){.meter_id = r->meter_id,
                                                .desired = desired,
                                                .reason = reason,
                                                .detail = json,
                                                .actor = "system",
                                                .life_s = l->policy.not_after_s,
                                                .now = l->turn.now,
                                                .random = rand_u64(&l->turn.ids)},
                         NULL));
    }
    return ERR_OK;
}

static enum err set_cut_by_us(struct loop *l, int64_t on)
{
    TRY(make_row(l->turn.tx, l->outlook.account.id));
    return store_exec(l->turn.tx, "UPDATE fee_state SET cut_by_us = $2 WHERE account_id = $1", "ii",
                      l->outlook.account.id, on);
}

static enum err cut(struct loop *l, const char *json, bool changed)
{
    enum err e = wish_all(l, CONTROL_OPEN, "arrears", json);
    if (e == ERR_CONTROL_BREAKER && !changed)
        return ERR_OK; /* said already; tried again with every reading */
    if (e == ERR_CONTROL_BREAKER || e == ERR_CONTROL_KEEP_POWER) {
        struct detail d = {};
        detail_text(&d, "reason", err_name(e));
        return tell(l, EVENT_FEE_PROTECTED, detail_end(&d));
    }
    TRY(e);
    TRY(set_cut_by_us(l, 1));
    char subject[24];
    snprintf(subject, sizeof subject, "%lld", (long long)l->turn.now.s);
    return note(l, "cut", l->decision.level, subject);
}

static enum err restore(struct loop *l, const char *json)
{
    bool kept = l->decision.reason == STRATEGY_BECAUSE_KEPT;
    TRY(wish_all(l, CONTROL_CLOSED, kept ? "keep_power" : "payment", json));
    TRY(set_cut_by_us(l, 0));
    char subject[24];
    snprintf(subject, sizeof subject, "%lld", (long long)l->turn.now.s);
    return note(l, "restored", l->decision.level, subject);
}

/* What makes a decision another one. */
static void say(const struct loop *l, char said[SAID_MAX])
{
    snprintf(said, SAID_MAX, "%s %s %llx", strategy_action_name(l->decision.action),
             strategy_reason_name(l->decision.reason), (unsigned long long)l->decision.guards);
}

static enum err act(struct loop *l, const char *json, bool changed)
{
    TRY(warn(l));
    switch (l->decision.action) {
    case STRATEGY_CUT:
        return cut(l, json, changed);
    case STRATEGY_RESTORE:
        return restore(l, json);
    case STRATEGY_HOLD:
        if (changed && l->decision.cut_due && l->facts.desired != STRATEGY_DESIRED_OPEN_MONEY)
            return tell(l, EVENT_FEE_PROTECTED, json);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err carry_out(struct loop *l)
{
    char said[SAID_MAX];
    struct detail d = {};
    const char *json = describe(l, &d);
    struct episode before = l->episode;
    say(l, said);
    bool changed = strcmp(said, before.said) != 0;
    bool old = l->turn.now.s - before.decided_at.s >= AGAIN_S ||
               (before.due_at.s != 0 && before.due_at.s <= l->turn.now.s);
    TRY(move_level(l, json));
    TRY(act(l, json, changed));
    if (!changed && !old && before.noted == l->episode.noted && before.level == l->episode.level)
        return ERR_OK; /* most checks end here, without a write */
    TRY(save_episode(l->turn.tx, l->outlook.account.id, &l->episode));
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET decision = $2, said = $3, decided_at = $4, "
                      "due_at = nullif($5, 0) WHERE account_id = $1",
                      "ittii", l->outlook.account.id, json, said, l->turn.now.s,
                      l->decision.not_before.s);
}

/* Nothing is decided: then nothing is due either. */
static enum err leave(struct loop *l, int64_t account_id)
{
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET due_at = NULL WHERE account_id = $1 AND due_at <= $2",
                      "ii", account_id, l->turn.now.s);
}

/* An account that cannot be judged (its price plan is unknown, its zone ...) must not spoil the
 * sale or the readings of others in the same transaction: it is said once, and nobody is cut. */
static enum err undecided(struct loop *l, int64_t account_id, enum err why)
{
    char said[SAID_MAX];
    snprintf(said, sizeof said, "undecided %s", err_name(why));
    TRY(leave(l, account_id));
    if (strcmp(said, l->episode.said) == 0 || l->outlook.account.id == 0)
        return ERR_OK;
    struct detail d = {};
    detail_text(&d, "reason", err_name(why));
    TRY(tell(l, EVENT_FEE_PROTECTED, detail_end(&d)));
    TRY(make_row(l->turn.tx, account_id));
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET said = $2, decided_at = $3 WHERE account_id = $1",
                      "iti", account_id, said, l->turn.now.s);
}

static enum err judge(struct loop *l, int64_t account_id)
{
    const struct site_account *a = &l->outlook.account;
    TRY(site_account_get(l->turn.tx, account_id, &l->outlook.account));
    TRY(load_episode(l->turn.tx, account_id, &l->episode));
    TRY(billing_outlook(l->turn.tx, l->readings, account_id, l->turn.now, &l->outlook));
    TRY(billing_policy_in_force(l->turn.tx, a->project_id, a->strategy_code, l->turn.now,
                                &l->policy));
    return gather(l);
}

static enum err run(struct loop *l, int64_t account_id)
{
    enum err e = judge(l, account_id); /* reads only */
    if (l->outlook.account.closed_at.s != 0)
        return leave(l, account_id);
    if (e == ERR_NOT_FOUND || (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE))
        return e;
    if (e != ERR_OK)
        return undecided(l, account_id, e);
    if (l->outlook.meter_count == 0)
        return leave(l, account_id);
    l->decision = strategy_decide(&l->policy, &l->facts);
    return carry_out(l);
}

enum err control_fee_check(struct store_tx *tx, const struct control_fee *fee)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_MEMORY;
    l->turn = control_turn_of(tx, fee->now, "system", fee->random);
    l->readings = fee->readings;
    enum err e = run(l, fee->account_id);
    free(l);
    return e;
}

/* --- events from outside
 * --------------------------------------------------------------------------- */

static enum err pending_cuts(struct store_tx *tx, int64_t account_id,
                             struct control_row rows[BILLING_METERS_MAX], size_t *count)
{
    struct query q = query_open(tx,
                                "SELECT r.meter_id, r.circuit FROM meter m JOIN relay r "
                                "ON r.meter_id = m.id WHERE m.account_id = $1 "
                                "AND r.desired = 'open' AND r.reason = 'arrears' "
                                "AND r.next_at IS NOT NULL",
                                "i", account_id);
    for (*count = 0; *count < BILLING_METERS_MAX && query_step(&q); (*count)++)
        rows[*count] =
            (struct control_row){.meter_id = query_int(&q, 0), .circuit = query_int(&q, 1)};
    return query_end(&q);
}

enum err control_payment(struct store_tx *tx, const struct control_fee *fee)
{
    struct control_row rows[BILLING_METERS_MAX];
    size_t count;
    struct rand_stream ids = {fee->random};
    TRY(pending_cuts(tx, fee->account_id, rows, &count));
    for (size_t i = 0; i < count; i++)
        TRY(control_wish(tx,
                         &(struct control_wish){.meter_id = rows[i].meter_id,
                                                .circuit = rows[i].circuit,
                                                .desired = CONTROL_CLOSED,
                                                .reason = "payment",
                                                .actor = "system",
                                                .now = fee->now,
                                                .random = rand_u64(&ids)},
                         NULL));
    if (!fee->readings)
        return ERR_OK;
    return control_fee_check(
        tx, &(struct control_fee){fee->readings, fee->account_id, fee->now, rand_u64(&ids)});
}

enum err control_fee_due(struct store_tx *tx, wall_s now, int64_t *ids, size_t cap, size_t *count)
{
    struct query q = query_open(tx,
                                "SELECT account_id FROM fee_state WHERE due_at <= $1 "
                                "ORDER BY due_at, account_id LIMIT $2",
                                "ii", now.s, (int64_t)cap);
    for (*count = 0; *count < cap && query_step(&q); (*count)++)
        ids[*count] = query_int(&q, 0);
    return query_end(&q);
}

static enum err spacing_of(struct store_tx *tx, const struct control_notice *n, int64_t *spacing_s)
{
    struct site_account a;
    struct strategy_policy p;
    TRY(site_account_get(tx, n->account_id, &a));
    TRY(billing_policy_in_force(tx, a.project_id, a.strategy_code, n->at, &p));
    *spacing_s = p.notice_spacing_s;
    return ERR_OK;
}

enum err control_fee_notice(struct store_tx *tx, const struct control_notice *n)
{
    struct episode e;
    int64_t spacing_s;
    TRY(load_episode(tx, n->account_id, &e));
    if (n->episode != e.number || n->level < 1)
        return ERR_OK; /* of an episode that is over */
    TRY(spacing_of(tx, n, &spacing_s));
    if (n->level > e.warned_level)
        e.warned_level = (int)n->level;
    if (e.notices == 0 || n->at.s - e.notice_at.s >= spacing_s) {
        e.notices++;
        e.notice_at = n->at;
    }
    TRY(save_episode(tx, n->account_id, &e));
    return store_exec(tx, "UPDATE fee_state SET warned_at = $2, due_at = $2 WHERE account_id = $1",
                      "ii", n->account_id, n->at.s);
}
