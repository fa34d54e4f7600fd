/* A decision, carried out: the level moves, notices are written, relays are wished for, events
 * told. */
#include <stdio.h>
#include <string.h>

#include "control/fee_impl.h"
#include "control/protect.h"

#define AGAIN_S 600 /* a decision that did not change is written again after this */

/* --- the decision, in words ----------------------------------------------------------------------
 */

static void describe_guards(const struct strategy_decision *c, struct detail *d)
{
    char guards[1024] = "[";
    size_t at = 1;
    for (int r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (c->guards & STRATEGY_GUARD(r) && at < sizeof guards - 64)
            at += (size_t)snprintf(guards + at, sizeof guards - at, "%s\"%s\"", at > 1 ? "," : "",
                                   strategy_reason_name((enum strategy_reason)r));
    snprintf(guards + at, sizeof guards - at, "]");
    detail_json(d, "guards", guards);
}

static void describe_facts(const struct loop *l, struct detail *d)
{
    const struct strategy_facts *f = &l->facts;
    const struct strategy_policy *p = &l->in_force.policy;
    if (f->available_known) {
        detail_int(d, "available_fen", f->available_fen);
        detail_int(d, "balance_fen", f->available_fen);
    } else if (f->available_fen != INT64_MIN) {
        detail_int(d, "at_least_fen", f->available_fen);
    }
    detail_int(d, "prepayment_fen", l->outlook.prepayment_fen);
    detail_int(d, "accrued_fen", l->outlook.accrued_fen);
    if (f->other_owed_fen)
        detail_int(d, "other_owed_fen", f->other_owed_fen);
    if (l->other_due_fen)
        detail_int(d, "other_due_fen", l->other_due_fen);
    if (f->emergency_fen)
        detail_int(d, "emergency_fen", f->emergency_fen);
    if (f->reading_age_s != INT64_MAX)
        detail_int(d, "reading_age_s", f->reading_age_s);
    detail_int(d, "cut_at_fen", p->cut_at_fen);
    detail_int(d, "restore_above_fen", p->restore_above_fen);
    detail_int(d, "notices", f->notices);
    detail_int(d, "warned_level", f->warned_level);
    if (f->limited_at.s)
        detail_int(d, "limited_at", f->limited_at.s);
}

static const char *describe(const struct loop *l, struct detail *d)
{
    const struct strategy_decision *c = &l->decision;
    detail_text(d, "action", strategy_action_name(c->action));
    detail_text(d, "reason", strategy_reason_name(c->reason));
    describe_guards(c, d);
    detail_int(d, "level", c->level);
    describe_facts(l, d);
    detail_text(d, "strategy", l->in_force.text);
    if (c->limit_skipped && c->cut_due)
        detail_bool(d, "limit_skipped", true);
    if (c->not_before.s)
        detail_int(d, "not_before", c->not_before.s);
    return detail_end(d);
}

enum err fee_tell(struct loop *l, enum journal_kind kind, const char *json)
{
    return journal_event(l->turn.tx,
                         &(struct journal_event){.at = l->turn.now,
                                                 .kind = kind,
                                                 .project_id = l->outlook.account.project_id,
                                                 .account_id = l->outlook.account.id,
                                                 .detail = json});
}

static void describe_channels(uint32_t channels, struct detail *d)
{
    char list[160] = "[";
    size_t at = 1;
    for (int c = 0; c < STRATEGY_CHANNEL_COUNT; c++)
        if (channels & STRATEGY_CHANNEL_BIT(c))
            at += (size_t)snprintf(list + at, sizeof list - at, "%s\"%s\"", at > 1 ? "," : "",
                                   strategy_channel_name((enum strategy_channel)c));
    snprintf(list + at, sizeof list - at, "]");
    detail_json(d, "channels", list);
}

/* A note for notify/: docs/formats/message.md. */
enum err fee_note(struct loop *l, const char *template, int level, const char *subject)
{
    struct detail facts = {}, d = {};
    detail_int(&facts, "available_fen",
               l->facts.available_known ? l->facts.available_fen : l->outlook.available_fen);
    detail_text(&d, "template", template);
    detail_int(&d, "level", level);
    detail_int(&d, "episode", l->episode.number);
    detail_text(&d, "subject", subject);
    describe_channels(l->in_force.policy.channels, &d);
    detail_json(&d, "facts", detail_end(&facts));
    return journal_outbox_put(l->turn.tx, "message", l->outlook.account.id, detail_end(&d),
                              l->turn.now);
}

static enum err note_once(struct loop *l, const char *template)
{
    char subject[24];
    snprintf(subject, sizeof subject, "%lld", (long long)l->turn.now.s);
    return fee_note(l, template, l->decision.level, subject);
}

/* --- levels and notices --------------------------------------------------------------------------
 */

static struct fee_step step_of(const struct loop *l)
{
    return (struct fee_step){&l->in_force.policy, &l->facts, &l->decision, l->local_day};
}

static enum err move_level(struct loop *l, const char *json)
{
    static const enum journal_kind kinds[] = {EVENT_FEE_CLEARED, EVENT_FEE_LOW, EVENT_FEE_CLOSE,
                                              EVENT_FEE_ARREARS, EVENT_FEE_OVERDRAWN};
    int before = l->episode.level, level = l->decision.level;
    struct fee_step s = step_of(l);
    fee_step_level(&l->episode, &s);
    return level > before || (level < before && level == 0) ? fee_tell(l, kinds[level], json)
                                                            : ERR_OK;
}

/* While something is off for money, what is available is kept for when it cannot be said. */
static void note_known(struct loop *l)
{
    const struct strategy_facts *f = &l->facts;
    struct episode *e = &l->episode;
    bool off = f->desired == STRATEGY_DESIRED_OPEN_MONEY || f->some_limited ||
               l->decision.action == STRATEGY_CUT || l->decision.action == STRATEGY_LIMIT;
    if (off && !f->available_known)
        return; /* it stays what it was */
    e->known_fen = off ? f->available_fen : 0;
    e->known_seq = off ? l->newest_seq : 0;
}

static const char *template_of(const struct loop *l, int level)
{
    if (level >= 3 && l->facts.available_fen <= 0)
        return level > 3 ? "overdraft" : "arrears";
    return level == 1 ? "balance_low" : "about_to_cut";
}

static enum err warn(struct loop *l)
{
    char subject[24] = "";
    struct fee_step s = step_of(l);
    enum fee_telling telling = fee_step_tell(&l->episode, &s);
    if (telling == FEE_TELL_NOTHING)
        return ERR_OK;
    if (telling == FEE_TELL_AGAIN)
        snprintf(subject, sizeof subject, "%lld", (long long)l->episode.noted);
    int level = l->decision.level;
    return fee_note(l, template_of(l, level), level, subject);
}

/* --- relays --------------------------------------------------------------------------------------
 */

/* An order to cut ends before a protection that is known already begins, before another strategy or
 * price does, and with the word of those who approved it. */
static enum err order_life(struct loop *l, int64_t *life_s)
{
    wall_s end = {l->turn.now.s + l->decision.life_s};
    wall_s approved = l->approval.expires_at;
    int64_t change_s;
    TRY(fee_next_change(l, &change_s));
    if (change_s != 0 && change_s < end.s)
        end.s = change_s;
    if (l->approval.id != 0 && approved.s > l->turn.now.s && approved.s < end.s)
        end = approved;
    TRY(control_protect_next(l->turn.tx, l->outlook.account.id, l->turn.now, end, &end));
    *life_s = end.s - l->turn.now.s;
    return ERR_OK;
}

static enum err wish(struct loop *l, const struct control_wish *w)
{
    struct control_wish all = *w;
    all.actor = "system";
    if (w->desired == CONTROL_OPEN)
        TRY(order_life(l, &all.life_s));
    all.now = l->turn.now;
    all.random = rand_u64(&l->turn.ids);
    return control_wish(l->turn.tx, &all, NULL);
}

/* What we had switched off of one meter comes back: single circuits first, so that one order can
 * return the whole. */
static enum err close_meter(struct loop *l, int64_t meter_id, const char *reason, const char *json)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    TRY(control_rows_load(l->turn.tx, meter_id, rows, &count));
    for (size_t i = count; i-- > 0;)
        if (fee_desired_of(&rows[i]) == STRATEGY_DESIRED_OPEN_MONEY)
            TRY(wish(l, &(struct control_wish){.meter_id = meter_id,
                                               .circuit = rows[i].circuit,
                                               .desired = CONTROL_CLOSED,
                                               .reason = reason,
                                               .detail = json}));
    return ERR_OK;
}

enum err fee_wish_all(struct loop *l, enum control_desired desired, const char *reason,
                      const char *json)
{
    bool begun = false;
    for (size_t i = 0; i < l->outlook.meter_count; i++) {
        const struct control_row *r = &l->relay[i];
        if (desired == CONTROL_CLOSED) {
            TRY(close_meter(l, r->meter_id, reason, json));
            continue;
        }
        if (r->desired == CONTROL_OPEN || !l->cuts[i])
            continue;
        TRY(wish(l, &(struct control_wish){.meter_id = r->meter_id,
                                           .desired = CONTROL_OPEN,
                                           .reason = reason,
                                           .detail = json,
                                           .goes_on = begun}));
        begun = true;
    }
    return ERR_OK;
}

static enum err set_cut_by_us(struct loop *l, int64_t on)
{
    TRY(fee_episode_make(l->turn.tx, l->outlook.account.id));
    return store_exec(l->turn.tx, "UPDATE fee_state SET cut_by_us = $2 WHERE account_id = $1", "ii",
                      l->outlook.account.id, on);
}

/* The breaker, or keep-power that was set a moment ago: nothing was ordered. */
static enum err stopped(struct loop *l, enum err why, bool changed)
{
    if (why != ERR_CONTROL_BREAKER && why != ERR_CONTROL_KEEP_POWER)
        return why;
    if (why == ERR_CONTROL_BREAKER)
        TRY(control_breaker_stopped(l->turn.tx, l->outlook.account.project_id, l->turn.now));
    if (!changed)
        return ERR_OK; /* said already; tried again with every reading */
    struct detail d = {};
    detail_text(&d, "reason", err_name(why));
    return fee_tell(l, EVENT_FEE_PROTECTED, detail_end(&d));
}

static enum err cut(struct loop *l, const char *json, bool changed)
{
    enum err e = fee_wish_all(l, CONTROL_OPEN, "arrears", json);
    if (e != ERR_OK)
        return stopped(l, e, changed);
    TRY(set_cut_by_us(l, 1));
    return note_once(l, "cut");
}

enum err fee_cut_taken_over(struct loop *l)
{
    TRY(set_cut_by_us(l, 1));
    return note_once(l, "cut");
}

static enum err limit_meter(struct loop *l, size_t i, const char *json, bool *begun)
{
    uint32_t some = fee_limit_circuits(&l->in_force.policy, l->circuits[i]);
    struct fee_off off;
    TRY(fee_circuits_off(l, l->relay[i].meter_id, &off));
    some &= ~off.any; /* what a person holds open stays theirs */
    for (int64_t c = 1; c <= l->circuits[i]; c++) {
        if (!(some >> (c - 1) & 1))
            continue;
        TRY(wish(l, &(struct control_wish){.meter_id = l->relay[i].meter_id,
                                           .circuit = c,
                                           .desired = CONTROL_OPEN,
                                           .reason = "arrears",
                                           .detail = json,
                                           .goes_on = *begun}));
        *begun = true;
    }
    return ERR_OK;
}

static enum err limit(struct loop *l, const char *json, bool changed)
{
    struct detail d = {};
    char circuits[16] = "";
    enum err e = ERR_OK;
    bool begun = false;
    for (size_t i = 0; e == ERR_OK && i < l->outlook.meter_count; i++)
        e = limit_meter(l, i, json, &begun);
    if (e != ERR_OK)
        return stopped(l, e, changed);
    l->episode.limited_at = l->turn.now;
    for (unsigned c = 0; c < 3; c++)
        if (l->in_force.policy.limit_circuits >> c & 1)
            snprintf(circuits + strlen(circuits), sizeof circuits - strlen(circuits), "%s%u",
                     *circuits ? ", " : "", c + 1);
    detail_text(&d, "circuits", circuits);
    TRY(fee_tell(l, EVENT_FEE_LIMITED, detail_end(&d)));
    return note_once(l, "limited");
}

static enum err restore(struct loop *l, const char *json)
{
    bool kept = l->decision.reason == STRATEGY_BECAUSE_KEPT;
    TRY(fee_wish_all(l, CONTROL_CLOSED, kept ? "keep_power" : "payment", json));
    TRY(set_cut_by_us(l, 0));
    l->episode.limited_at.s = 0;
    return note_once(l, "restored");
}

static enum err hold(struct loop *l, const char *json, bool changed)
{
    bool off = l->facts.desired == STRATEGY_DESIRED_OPEN_MONEY;
    if (changed && l->decision.reason == STRATEGY_BECAUSE_CONFIRM_WAITED)
        return note_once(l, "confirm_restore");
    if (changed && l->decision.cut_due && !off)
        return fee_tell(l, EVENT_FEE_PROTECTED, json);
    return ERR_OK;
}

/* --- all -----------------------------------------------------------------------------------------
 */

/* What makes a decision another one. */
static void say(const struct loop *l, char said[FEE_SAID_MAX])
{
    snprintf(said, FEE_SAID_MAX, "%s %s %llx", strategy_action_name(l->decision.action),
             strategy_reason_name(l->decision.reason), (unsigned long long)l->decision.guards);
}

static enum err act(struct loop *l, const char *json, bool changed)
{
    TRY(warn(l));
    TRY(fee_approval_follow(l, json));
    switch (l->decision.action) {
    case STRATEGY_CUT:
        return cut(l, json, changed);
    case STRATEGY_LIMIT:
        return limit(l, json, changed);
    case STRATEGY_RESTORE:
        return restore(l, json);
    case STRATEGY_HOLD:
        return hold(l, json, changed);
    default:
        return ERR_OK;
    }
}

static bool same_episode(const struct episode *a, const struct episode *b)
{
    return a->noted == b->noted && a->level == b->level && a->limited_at.s == b->limited_at.s &&
           a->notices == b->notices && strcmp(a->strategy, b->strategy) == 0;
}

enum err fee_carry_out(struct loop *l)
{
    char said[FEE_SAID_MAX];
    struct detail d = {};
    struct episode *e = &l->episode;
    const struct episode *before = &l->stored;
    const char *json = describe(l, &d);
    say(l, said);
    bool changed = strcmp(said, before->said) != 0;
    bool old = l->turn.now.s - before->decided_at.s >= AGAIN_S ||
               (before->due_at.s != 0 && before->due_at.s <= l->turn.now.s);
    TRY(move_level(l, json));
    TRY(act(l, json, changed));
    snprintf(e->strategy, sizeof e->strategy, "%s", l->in_force.text);
    note_known(l);
    if (!changed && !old && same_episode(before, e))
        return ERR_OK; /* most checks end here, without a write */
    TRY(fee_episode_save(l->turn.tx, l->outlook.account.id, e));
    return store_exec(l->turn.tx,
                      "UPDATE fee_state SET decision = $2, said = $3, decided_at = $4, "
                      "due_at = nullif($5, 0) WHERE account_id = $1",
                      "ittii", l->outlook.account.id, json, said, l->turn.now.s,
                      l->decision.not_before.s);
}
