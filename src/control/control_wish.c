#include <stdio.h>

#include "control/away_impl.h"
#include "control/control_impl.h"
#include "headend/headend.h"

#define WAIT_FOR_WHOLE_S 60
#define AFTER_CUT_S 5 /* beyond its deadline nothing of a cut is under way any more */

int64_t control_pause_s(int64_t attempt)
{
    static const int64_t pauses[] = {5, 10, 30, 60, 120, 300};
    const int64_t last = sizeof pauses / sizeof *pauses - 1;
    return pauses[attempt < 0 ? 0 : attempt > last ? last : attempt];
}

enum err control_tell(struct control_turn *t, const struct control_meter *m,
                      const struct control_row *r, enum journal_kind kind)
{
    struct detail d = {};
    detail_int(&d, "circuit", r->circuit);
    detail_text(&d, "reason", r->reason);
    detail_text(&d, "state", control_state_name(r->state));
    detail_text(&d, "desired", control_desired_name(r->desired));
    detail_int(&d, "version", r->version);
    detail_int(&d, "minutes", (t->now.s - r->changed_at.s) / 60);
    detail_text(&d, "actor", r->actor);
    return journal_event(t->tx, &(struct journal_event){t->now, kind, m->project_id, m->account_id,
                                                        m->id, detail_end(&d)});
}

enum err control_audit(struct control_turn *t, const struct control_row *r, const char *action)
{
    char object[64];
    struct detail d = {};
    detail_text(&d, "desired", control_desired_name(r->desired));
    detail_text(&d, "reason", r->reason);
    detail_int(&d, "version", r->version);
    detail_int(&d, "not_after", r->not_after.s);
    detail_bool(&d, "keep_power", r->keep_power);
    detail_json(&d, "facts", r->detail);
    snprintf(object, sizeof object, "relay:%lld/%lld", (long long)r->meter_id,
             (long long)r->circuit);
    return journal_append(t->tx,
                          &(struct journal_act){t->now, t->actor, action, object, detail_end(&d)});
}

static enum err put(struct control_turn *t, const struct control_meter *m,
                    const struct uplink_command *command, int64_t *id)
{
    struct headend_order o = {.command = *command,
                              .account_id = m->account_id,
                              .now = t->now,
                              .random = rand_u64(&t->ids)};
    TRY(headend_gateway_of_meter(t->tx, m->id, &o.gateway_id));
    return headend_command_put(t->tx, &o, id);
}

static enum err send_order(struct control_turn *t, const struct control_meter *m,
                           struct control_row *r)
{
    struct uplink_command c = {
        .kind = UPLINK_RELAY,
        .meter_id = m->id,
        .epoch = m->epoch,
        .not_after = r->not_after,
        .circuit = r->circuit,
        .version = r->version,
        .open = r->desired == CONTROL_OPEN,
    };
    TRY(put(t, m, &c, &r->command_id));
    r->next_at.s = r->desired == CONTROL_OPEN ? r->not_after.s + AFTER_CUT_S
                                              : t->now.s + control_pause_s(r->attempt);
    r->attempt++;
    return control_row_save(t->tx, r);
}

/* --- the whole meter and its circuits ------------------------------------------------------------
 */

static enum err has_held(struct control_turn *t, const struct control_meter *m, bool *held)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    *held = false;
    TRY(control_rows_load(t->tx, m->id, rows, &count));
    for (size_t i = 0; i < count; i++)
        *held = *held || (rows[i].circuit > 0 && rows[i].desired == CONTROL_OPEN);
    return ERR_OK;
}

/* An order to the whole meter would close a circuit that is to stay open: the others are asked one
 * by one, and pursue themselves. */
static enum err restore_others(struct control_turn *t, const struct control_meter *m,
                               struct control_row *whole)
{
    bool anew = whole->attempt == 0;
    whole->command_id = 0;
    whole->next_at.s = t->now.s + control_pause_s(whole->attempt++);
    TRY(control_row_save(t->tx, whole));
    for (int64_t circuit = 1; circuit <= m->circuits; circuit++) {
        struct control_row r;
        TRY(control_row_load(t->tx, m->id, circuit, &r));
        bool settled = r.desired == CONTROL_CLOSED && !anew &&
                       (r.next_at.s != 0 || r.state == CONTROL_IS_CLOSED);
        if (r.desired == CONTROL_OPEN || settled)
            continue;
        TRY(control_wish(t->tx,
                         &(struct control_wish){.meter_id = m->id,
                                                .circuit = circuit,
                                                .desired = CONTROL_CLOSED,
                                                .reason = whole->reason,
                                                .detail = whole->detail,
                                                .actor = t->actor,
                                                .now = t->now,
                                                .random = rand_u64(&t->ids)},
                         NULL));
    }
    return ERR_OK;
}

enum err control_waits(struct control_turn *t, const struct control_row *r, bool *waits,
                       wall_s *since)
{
    struct control_row whole = {};
    if (r->circuit > 0 && r->desired == CONTROL_CLOSED)
        TRY(control_row_load(t->tx, r->meter_id, 0, &whole));
    *waits = whole.desired == CONTROL_OPEN;
    *since = whole.changed_at.s > r->changed_at.s ? whole.changed_at : r->changed_at;
    return ERR_OK;
}

enum err control_send(struct control_turn *t, const struct control_meter *m, struct control_row *r)
{
    bool waits, held = false;
    wall_s since;
    TRY(control_waits(t, r, &waits, &since));
    if (waits) {
        r->command_id = 0;
        r->next_at.s = t->now.s + WAIT_FOR_WHOLE_S;
        return control_row_save(t->tx, r);
    }
    if (r->circuit == 0 && r->desired == CONTROL_CLOSED && m->circuits > 1)
        TRY(has_held(t, m, &held));
    return held ? restore_others(t, m, r) : send_order(t, m, r);
}

enum err control_send_keep(struct control_turn *t, const struct control_meter *m,
                           struct control_row *r)
{
    struct uplink_command c = {
        .kind = UPLINK_KEEP,
        .meter_id = m->id,
        .epoch = m->epoch,
        .circuit = r->circuit,
        .version = r->keep_version,
        .on = r->keep_power,
    };
    int64_t id;
    TRY(put(t, m, &c, &id));
    r->keep_next_at.s = t->now.s + control_pause_s(r->keep_attempt);
    r->keep_attempt++;
    return control_row_save(t->tx, r);
}

static enum err fence(struct control_turn *t, int64_t command_id)
{
    enum err e = headend_fence(t->tx, command_id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The command of an earlier wish must not act any more if the gateway has not begun it. */
static enum err fence_old(struct control_turn *t, const struct control_row *r)
{
    return r->command_id == 0 || r->next_at.s == 0 ? ERR_OK : fence(t, r->command_id);
}

/* Also after a reading settled the wish: a key was quicker than the gateway that was away. */
static enum err is_to_come(struct control_turn *t, const struct control_row *r, bool *to_come)
{
    struct headend_command c = {};
    if (r->command_id != 0 && r->next_at.s == 0) {
        enum err e = headend_command_get(t->tx, r->command_id, &c);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        *to_come = e == ERR_OK && c.state == HEADEND_WAITING;
        return ERR_OK;
    }
    *to_come = r->command_id != 0;
    return ERR_OK;
}

enum err control_fence_restores(struct control_turn *t, const struct control_row *cut)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    TRY(control_rows_load(t->tx, cut->meter_id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct control_row *r = &rows[i];
        bool other = (cut->circuit == 0) != (r->circuit == 0), to_come = false;
        if (other && r->desired == CONTROL_CLOSED)
            TRY(is_to_come(t, r, &to_come));
        if (!to_come)
            continue;
        TRY(fence(t, r->command_id));
        r->command_id = r->attempt = 0;
        r->next_at = t->now;
        TRY(control_row_save(t->tx, r));
    }
    return ERR_OK;
}

static enum err check_cut(struct control_turn *t, const struct control_meter *m)
{
    struct control_row whole;
    if (!m->cuts)
        return ERR_CONTROL_SWITCH;
    TRY(control_row_load(t->tx, m->id, 0, &whole));
    return whole.keep_power ? ERR_CONTROL_KEEP_POWER : ERR_OK;
}

static int64_t life_of(const struct control_wish *w)
{
    if (w->life_s <= 0)
        return CONTROL_CUT_S;
    return w->life_s < CONTROL_CUT_MAX_S ? w->life_s : CONTROL_CUT_MAX_S;
}

static void write_wish(struct control_row *r, const struct control_wish *w)
{
    r->version++;
    r->desired = w->desired;
    snprintf(r->reason, sizeof r->reason, "%s", w->reason);
    snprintf(r->actor, sizeof r->actor, "%s", w->actor);
    int len = snprintf(r->detail, sizeof r->detail, "%s", w->detail ? w->detail : "{}");
    if (len >= (int)sizeof r->detail)
        snprintf(r->detail, sizeof r->detail, "{\"cut\":true}");
    /* the last second in which it may begin: what it ends with begins in the next */
    r->not_after.s = w->desired == CONTROL_OPEN ? w->now.s + life_of(w) - 1 : 0;
    r->changed_at = w->now;
    r->attempt = r->told = r->command_id = 0;
    r->next_at.s = 0;
    r->open_wh = -1;
    r->of_whole = false;
}

static enum err tell_wish(struct control_turn *t, const struct control_meter *m,
                          const struct control_row *r, bool cancelled)
{
    static const enum journal_kind kinds[] = {[CONTROL_NONE] = EVENT_RELAY_CANCELLED,
                                              [CONTROL_OPEN] = EVENT_RELAY_CUT,
                                              [CONTROL_CLOSED] = EVENT_RELAY_RESTORE};
    if (cancelled && r->desired == CONTROL_CLOSED)
        TRY(control_tell(t, m, r, EVENT_RELAY_CANCELLED));
    return control_tell(t, m, r, kinds[r->desired]);
}

static enum err check_wish(struct control_turn *t, const struct control_wish *w,
                           const struct control_meter *m, int64_t *circuit)
{
    if (!w->reason || !*w->reason)
        return ERR_CONTROL_REASON;
    *circuit = m->circuits == 1 && w->circuit == 1 ? 0 : w->circuit;
    if (*circuit < 0 || *circuit > m->circuits)
        return ERR_CONTROL_CIRCUIT;
    if (w->desired != CONTROL_OPEN)
        return ERR_OK;
    TRY(check_cut(t, m));
    return w->goes_on ? ERR_OK : control_breaker_check(t->tx, m, t->now);
}

enum err control_wish(struct store_tx *tx, const struct control_wish *w, int64_t *version)
{
    struct control_meter m;
    struct control_row r;
    int64_t circuit;
    struct control_turn t = control_turn_of(tx, w->now, w->actor, w->random);
    TRY(control_meter_load(tx, w->meter_id, &m));
    TRY(check_wish(&t, w, &m, &circuit));
    TRY(control_row_load(tx, w->meter_id, circuit, &r));
    TRY(control_away_wished(tx, &m));
    bool cancelled = r.desired == CONTROL_OPEN && r.next_at.s != 0;
    TRY(fence_old(&t, &r));
    write_wish(&r, w);
    TRY(control_audit(&t, &r, "relay.wish"));
    TRY(tell_wish(&t, &m, &r, cancelled));
    if (r.desired == CONTROL_OPEN)
        TRY(control_fence_restores(&t, &r));
    if (r.desired == CONTROL_CLOSED && circuit == 0)
        TRY(control_rest_release(&t, m.id));
    if (r.desired == CONTROL_NONE)
        TRY(control_row_save(tx, &r));
    else
        TRY(control_send(&t, &m, &r));
    if (version)
        *version = r.version;
    return ERR_OK;
}

/* --- keep-power
 * ----------------------------------------------------------------------------------- */

/* What we had cut, or were about to cut, returns; the whole after its circuits, by one order. */
static enum err return_supply(struct control_turn *t, const struct control_meter *m)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    TRY(control_rows_load(t->tx, m->id, rows, &count));
    for (size_t i = count; i-- > 0;)
        if (rows[i].desired == CONTROL_OPEN)
            TRY(control_wish(t->tx,
                             &(struct control_wish){.meter_id = m->id,
                                                    .circuit = rows[i].circuit,
                                                    .desired = CONTROL_CLOSED,
                                                    .reason = "keep_power",
                                                    .actor = t->actor,
                                                    .now = t->now,
                                                    .random = rand_u64(&t->ids)},
                             NULL));
    return ERR_OK;
}

enum err control_keep(struct store_tx *tx, const struct control_keep *k)
{
    struct control_meter m;
    struct control_row r;
    struct control_turn t = control_turn_of(tx, k->now, k->actor, k->random);
    if (!k->reason || !*k->reason)
        return ERR_CONTROL_REASON;
    TRY(control_meter_load(tx, k->meter_id, &m));
    TRY(control_row_load(tx, k->meter_id, 0, &r));
    r.keep_power = k->on;
    r.keep_version++;
    r.keep_attempt = 0;
    struct control_row note = r;
    snprintf(note.reason, sizeof note.reason, "%s", k->reason);
    snprintf(note.actor, sizeof note.actor, "%s", k->actor);
    TRY(control_audit(&t, &note, k->on ? "keep.on" : "keep.off"));
    TRY(control_tell(&t, &m, &note, k->on ? EVENT_KEEP_ON : EVENT_KEEP_OFF));
    TRY(control_send_keep(&t, &m, &r));
    if (k->on && m.account_id != 0)
        TRY(control_away_end(&t, m.account_id, "keep_power"));
    return k->on ? return_supply(&t, &m) : ERR_OK;
}
