#include "control/control_impl.h"

#define REASON_REMOTE 1 /* POINT_OPEN_REASON of a relay that was ordered open over the line */

static bool reported_after_wish(const struct control_row *r, const struct control_report *p)
{
    return p->at.s > r->changed_at.s;
}

#define UNTOLD_S 3600 /* later an opened relay without a reason may be a hand at the meter */
#define MADE_S 300    /* so long after its last second a cut that was begun in time has been made */

static bool lapsed(const struct control_row *r)
{
    return r->desired == CONTROL_NONE && r->not_after.s != 0 && r->next_at.s == 0;
}

/* A cut that lapsed without an answer was carried out all the same: it stays ours, or nobody would
 * restore it. What was withdrawn has no time. */
static bool is_lapsed_cut(const struct control_row *r, const struct control_report *p)
{
    bool told = p->open_reason == REASON_REMOTE;
    bool untold = p->open_reason < 0 && p->at.s - r->not_after.s <= UNTOLD_S;
    return lapsed(r) && r->state == CONTROL_IS_OPEN && reported_after_wish(r, p) &&
           (told || untold);
}

/* The same of the whole, and a circuit of it was closed again meanwhile. */
static bool is_lapsed_in_part(const struct control_meter *m, const struct control_row *r,
                              const struct control_report *p)
{
    return lapsed(r) && r->circuit == 0 && m->circuits > 1 && r->state == CONTROL_IS_CLOSED &&
           p->relay_open != 0 && reported_after_wish(r, p) && p->open_reason == REASON_REMOTE;
}

/* Seen closed after that it was not made: whoever opens the relay from now on is at work there, and
 * must not find it closed again by us. */
static bool is_not_made(const struct control_row *r, const struct control_report *p)
{
    return lapsed(r) && r->state == CONTROL_IS_CLOSED && p->at.s - r->not_after.s > MADE_S;
}

/* A wish that still waits for its confirmation. */
static enum err settle_pending(struct control_turn *t, const struct control_meter *m,
                               struct control_row *r, const struct control_report *p)
{
    if (!reported_after_wish(r, p))
        return control_row_save(t->tx, r);
    if (r->desired == CONTROL_OPEN && r->state == CONTROL_IS_OPEN)
        return control_settle(t, m, r);
    if (r->desired == CONTROL_CLOSED && r->state == CONTROL_IS_CLOSED)
        return control_settle(t, m, r);
    if (r->desired == CONTROL_OPEN && p->at.s > r->not_after.s)
        return control_lapse(t, m, r, EVENT_RELAY_EXPIRED);
    return control_row_save(t->tx, r);
}

/* Nothing is under way and the relay moved: the meter itself, a key, a handheld, a weld. */
static enum err moved_alone(struct control_turn *t, const struct control_meter *m,
                            struct control_row *r, const struct control_report *p)
{
    bool ours = p->open_reason == REASON_REMOTE;
    if (r->desired == CONTROL_CLOSED && r->state == CONTROL_IS_OPEN && ours) {
        r->next_at = t->now; /* the pursuit goes on (C3) */
        TRY(control_row_save(t->tx, r));
        return control_tell(t, m, r, EVENT_RELAY_MISMATCH);
    }
    bool against = r->desired == CONTROL_OPEN && r->state == CONTROL_IS_CLOSED;
    TRY(control_tell(t, m, r, against ? EVENT_RELAY_MISMATCH : EVENT_RELAY_LOCAL));
    if (against && r->circuit == 0)
        TRY(control_rest_hold(t, m, r, p->relay_open));
    r->desired = CONTROL_NONE; /* fee control decides afresh */
    r->not_after.s = 0;        /* and no cut of ours is under way */
    return control_row_save(t->tx, r);
}

/* A circuit follows the whole meter: dark with its cut, and back with its restore. */
static bool is_of_whole(const struct control_row *whole, const struct control_row *r,
                        wall_s moved_before)
{
    if (r->circuit == 0 || r->desired == CONTROL_OPEN)
        return false;
    return r->state == CONTROL_IS_OPEN
               ? whole->desired == CONTROL_OPEN
               : whole->desired == CONTROL_CLOSED && moved_before.s <= whole->changed_at.s;
}

/* Energy that flows though the whole meter is cut: bypassed, or a welded relay. */
static enum err watch_leak(struct control_turn *t, const struct control_meter *m,
                           struct control_row *r, const struct control_report *p)
{
    if (!m->electric || r->desired != CONTROL_OPEN || r->state != CONTROL_IS_OPEN ||
        r->next_at.s != 0 || p->energy_wh < 0 || r->told || !reported_after_wish(r, p))
        return ERR_OK;
    if (r->open_wh < 0) {
        r->open_wh = p->energy_wh;
        return control_row_save(t->tx, r);
    }
    int64_t leaked_wh = p->energy_wh - r->open_wh;
    if (leaked_wh < CONTROL_LEAK_WH)
        return ERR_OK;
    struct detail d = {};
    detail_int(&d, "energy_wh", leaked_wh);
    r->told = 1;
    TRY(control_row_save(t->tx, r));
    return journal_event(t->tx, &(struct journal_event){t->now, EVENT_RELAY_LEAK, m->project_id,
                                                        m->account_id, m->id, detail_end(&d)});
}

static enum err take_state(struct control_turn *t, const struct control_meter *m,
                           const struct control_row *whole, struct control_row *r,
                           const struct control_report *p)
{
    wall_s moved_before = r->state_at;
    enum control_relay_state now = control_state_of_bits(p->relay_open, r->circuit, m->circuits);
    if (now == CONTROL_UNKNOWN || p->at.s < r->state_at.s)
        return ERR_OK;
    bool moved = now != r->state, first = r->state == CONTROL_UNKNOWN;
    if (moved)
        r->state_at = p->at;
    r->state = now;
    if (is_lapsed_cut(r, p))
        return control_cut_stands(t, m, r);
    bool in_part = is_lapsed_in_part(m, r, p), over = in_part || is_not_made(r, p);
    if (in_part)
        TRY(control_rest_stands(t, m, r, p->relay_open));
    if (over)
        r->not_after.s = 0;
    if (!moved && r->next_at.s == 0)
        return over ? control_row_save(t->tx, r) : ERR_OK;
    if (r->next_at.s != 0)
        return settle_pending(t, m, r, p);
    if (first || is_of_whole(whole, r, moved_before))
        return control_row_save(t->tx, r);
    return moved_alone(t, m, r, p);
}

static enum err take_keep(struct control_turn *t, struct control_row *r,
                          const struct control_report *p)
{
    if (r->keep_version == 0 || p->keep_power < 0 || p->at.s < r->changed_at.s)
        return ERR_OK;
    bool there = p->keep_power == (int64_t)r->keep_power;
    if (there == (r->keep_next_at.s == 0))
        return ERR_OK;
    r->keep_next_at.s = there ? 0 : t->now.s;
    return control_row_save(t->tx, r);
}

/* The whole meter first, also before anything was wished of it: from its first report on, moves are
 * noticed. What it comes to is there before its circuits are loaded. */
static enum err take_report(struct store_tx *tx, const struct control_report *p)
{
    struct control_meter m;
    struct control_row whole, rows[CONTROL_RELAYS_MAX];
    size_t count;
    struct control_turn t = control_turn_of(tx, p->now, "system", p->random);
    enum err e = control_meter_load(tx, p->meter_id, &m);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    TRY(control_row_load(tx, p->meter_id, 0, &whole));
    TRY(take_state(&t, &m, &whole, &whole, p));
    TRY(take_keep(&t, &whole, p));
    TRY(watch_leak(&t, &m, &whole, p));
    if (m.circuits < 2)
        return ERR_OK;
    TRY(control_rows_load(tx, p->meter_id, rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].circuit > 0)
            TRY(take_state(&t, &m, &whole, &rows[i], p));
    return ERR_OK;
}

enum err control_reading(struct store_tx *tx, const struct control_report *p)
{
    struct control_report report = *p;
    report.at = control_not_later(p->at, p->now);
    return take_report(tx, &report);
}
