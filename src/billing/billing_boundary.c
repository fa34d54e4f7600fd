/* Where periods end, and what the registers were there. */
#include <string.h>

#include "billing/billing_settle_impl.h"

/* Breaks are looked for up to now in one go, if that is no longer. */
#define AHEAD_S (3 * 86'400)

/* --- looking into the readings store
 * --------------------------------------------------------------- */

struct look {
    const struct settle *s;
    wall_s since, until;
    struct readings_registers *registers;
    struct readings_break *brk;
};

struct look_far {
    const struct settle *s;
    struct readings_stretch stretch;
    struct ahead *out;
};

static enum err look_registers(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_registers_at(l->s->b->readings, tx, l->s->charge.meter_id, l->until,
                                 l->registers);
}

static enum err look_after(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_registers_after(l->s->b->readings, tx, l->s->charge.meter_id, l->until,
                                    l->registers);
}

static enum err look_break(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_break_after(l->s->b->readings, tx, l->s->charge.meter_id, l->since, l->until,
                                l->brk);
}

static enum err look_unbroken(struct store_tx *tx, void *arg)
{
    struct look_far *l = arg;
    return readings_unbroken(l->s->b->readings, tx, l->s->charge.meter_id, &l->stretch,
                             &l->out->unbroken, &l->out->registers_known, &l->out->registers);
}

/* --- where the period ends
 * -------------------------------------------------------------------------- */

static void nearer(struct boundary *b, bool *found, wall_s at, enum split why)
{
    if (*found && b->at.s <= at.s)
        return;
    b->at = at;
    b->why = why;
    *found = true;
}

/* The first local midnight after `since` that has passed. */
static void find_day(const struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    wall_s next = civil_day_start(civil_local_day(since, s->offset_s) + 1, s->offset_s);
    if (next.s <= s->now.s)
        nearer(b, found, next, SPLIT_DAY);
}

enum err boundary_find_price(const struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    wall_s at;
    enum err e = desk_plan_next(s->desk, s->account.project_id, s->charge.plan_code, since, &at);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e == ERR_OK && at.s <= s->now.s) {
        b->new_price = *found && b->at.s == at.s;
        nearer(b, found, at, SPLIT_PRICE);
    }
    return e;
}

static enum err find_holder(struct settle *s)
{
    if (s->ahead.holder_known)
        return ERR_OK;
    TRY(store_int(s->tx, &s->ahead.holder,
                  "SELECT coalesce(account_id, 0) FROM meter WHERE id = $1", "i",
                  s->charge.meter_id));
    s->ahead.holder_known = true;
    return ERR_OK;
}

/* What stands in the tables now differs from what the period was opened under. */
enum err boundary_find_change(struct settle *s, struct boundary *b, bool *found)
{
    wall_s closed = s->account.closed_at;
    if (closed.s != 0 && closed.s <= s->now.s)
        nearer(b, found, closed.s > s->charge.opened_at.s ? closed : s->charge.opened_at,
               SPLIT_CLOSED);
    TRY(find_holder(s));
    if (s->ahead.holder != s->account.id)
        nearer(b, found, s->now, SPLIT_MOVED);
    if (s->forced || strcmp(s->account.plan_code, s->charge.plan_code) != 0)
        nearer(b, found, s->now, SPLIT_PLAN);
    return ERR_OK;
}

/* The next change of the transformers. */
static enum err find_ratio(struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    wall_s *at = &s->ahead.ratio;
    if (at->s <= since.s) {
        enum err e = store_int(s->tx, &at->s,
                               "SELECT from_at FROM meter_ratio WHERE meter_id = $1 "
                               "AND from_at > $2 ORDER BY from_at LIMIT 1",
                               "ii", s->charge.meter_id, since.s);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        at->s = e == ERR_OK ? at->s : INT64_MAX;
    }
    if (at->s <= s->now.s)
        nearer(b, found, *at, SPLIT_RATIO);
    return ERR_OK;
}

/* Other terms of the account. */
static enum err find_terms(struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    wall_s *at = &s->ahead.terms;
    if (at->s <= since.s) {
        enum err e = site_terms_next(s->tx, s->account.id, since, at);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        at->s = e == ERR_OK ? at->s : INT64_MAX;
    }
    if (at->s <= s->now.s)
        nearer(b, found, *at, SPLIT_TERMS);
    return ERR_OK;
}

static enum split split_of(enum readings_verdict why)
{
    return why == READINGS_EXCHANGE ? SPLIT_EXCHANGE
           : why == READINGS_RESET  ? SPLIT_RESET
                                    : SPLIT_ROLLOVER;
}

/* An exchange that was settled when it happened (billing_exchange) is no break of the new run. */
static bool is_behind(const struct settle *s, const struct readings_break *brk)
{
    return brk->why == READINGS_EXCHANGE && brk->closing.epoch < s->charge.epoch &&
           brk->opening.epoch == s->charge.epoch;
}

/* Whether no register began anew since then, and if not how they stood at `at`. The longer a period
 * is open the more there is to read: then each day is looked at for itself. */
static enum err look_ahead(struct settle *s, wall_s since, wall_s at)
{
    struct look_far l = {.s = s, .stretch = {since, s->now, at}, .out = &s->ahead};
    if (s->ahead.unbroken || s->now.s - since.s > AHEAD_S)
        return ERR_OK;
    s->ahead.registers_at = at;
    return store_read(s->b->readings_store, look_unbroken, &l);
}

static enum err find_break(struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    struct readings_break brk;
    struct look l = {.s = s, .since = since, .until = *found ? b->at : s->now, .brk = &brk};
    enum err e;
    TRY(look_ahead(s, since, l.until));
    if (s->ahead.unbroken)
        return ERR_OK;
    do {
        e = store_read(s->b->readings_store, look_break, &l);
        l.since = brk.at;
    } while (e == ERR_OK && is_behind(s, &brk));
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    *b = (struct boundary){
        .at = brk.at, .why = split_of(brk.why), .closing = brk.closing, .opening = brk.opening};
    *found = true;
    return ERR_OK;
}

enum err boundary_find(struct settle *s, wall_s since, struct boundary *b, bool *found)
{
    *found = false;
    *b = (struct boundary){};
    find_day(s, since, b, found);
    TRY(boundary_find_price(s, since, b, found));
    TRY(find_ratio(s, since, b, found));
    TRY(find_terms(s, since, b, found));
    TRY(boundary_find_change(s, b, found));
    return find_break(s, since, b, found);
}

static bool is_break(enum split why)
{
    return why == SPLIT_EXCHANGE || why == SPLIT_RESET || why == SPLIT_ROLLOVER;
}

bool boundary_is_last(enum split why)
{
    return why == SPLIT_CLOSED || why == SPLIT_MOVED;
}

/* The last known registers before the boundary may be those that the period was opened with. */
static struct known known_before(const struct settle *s, const struct readings_registers *r)
{
    bool opened = r->at.s < s->charge.reading_at.s || r->epoch != s->charge.epoch;
    struct known k = {opened ? s->charge.reading_at : r->at};
    memcpy(k.wh, opened ? s->charge.wh : r->wh, sizeof k.wh);
    return k;
}

/* The boundary lies in a gap that has ended: the registers are shared out. ERR_OK without any
 * change where they need not or cannot be: then the last reading stands for the boundary. */
static enum err share_gap(const struct settle *s, struct boundary *b)
{
    struct readings_registers after;
    const struct billing_plan *plan;
    struct look l = {.s = s, .until = b->at, .registers = &after};
    struct moment m = {.offset_s = s->offset_s, .at = b->at};
    m.before = known_before(s, &b->closing);
    if (s->account.wallet == SITE_WALLET_METER || b->at.s - m.before.at.s <= FRESH_S)
        return ERR_OK;
    enum err e = store_read(s->b->readings_store, look_after, &l);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && after.epoch != s->charge.epoch))
        return ERR_OK;
    TRY(e);
    m.after.at = after.at;
    memcpy(m.after.wh, after.wh, sizeof after.wh);
    TRY(desk_plan(s->desk, s->account.project_id, s->charge.plan_code, s->charge.plan_version,
                  &plan));
    m.plan = &plan->plan;
    e = moment_share(&m, b->closing.wh);
    if (e == ERR_RATING_BACKWARDS) /* not one rising run: the break will part it */
        return ERR_OK;
    TRY(e);
    b->closing.at = b->at;
    b->closing.epoch = s->charge.epoch;
    /* Still the gap in which the period began, though the rest of it may be short. */
    bool same = m.before.at.s == s->charge.reading_at.s && s->charge.estimated == ESTIMATE_DAYS;
    b->estimated = same || after.at.s - m.before.at.s > GAP_DAYS_S ? ESTIMATE_DAYS : ESTIMATE_HOURS;
    return ERR_OK;
}

/* After an exchange that was settled when it happened the newest reading may be the old device's.
 */
static void stand_in(const struct settle *s, struct boundary *b)
{
    if (b->closing.epoch >= s->charge.epoch)
        return;
    b->closing = (struct readings_registers){
        .epoch = s->charge.epoch, .at = s->charge.reading_at, .count = -1, .purchased_fen = -1};
    memcpy(b->closing.wh, s->charge.wh, sizeof b->closing.wh);
}

/* The look ahead may have told them already. */
static enum err find_registers(const struct settle *s, struct boundary *b)
{
    struct look l = {.s = s, .until = b->at, .registers = &b->closing};
    if (!s->ahead.registers_known || s->ahead.registers_at.s != b->at.s)
        return store_read(s->b->readings_store, look_registers, &l);
    b->closing = s->ahead.registers;
    return ERR_OK;
}

enum err boundary_registers(const struct settle *s, struct boundary *b)
{
    wall_s newest = {INT64_MIN};
    int64_t epoch;
    if (is_break(b->why))
        return ERR_OK;
    /* Now is the newest state, whether a sale is near or not. */
    bool now = b->at.s == s->now.s && (b->why == SPLIT_PLAN || boundary_is_last(b->why)) &&
               newest_registers(s->b->readings, s->charge.meter_id, &b->closing) &&
               b->closing.epoch == s->charge.epoch;
    if (!now)
        TRY(find_registers(s, b));
    stand_in(s, b);
    bool later =
        readings_newest(s->b->readings, s->charge.meter_id, &newest, &epoch) && newest.s > b->at.s;
    bool by_person = b->why == SPLIT_PLAN || boundary_is_last(b->why);
    if (!by_person && !later && b->at.s - b->closing.at.s > FRESH_S)
        return ERR_NOT_FOUND;
    if (later)
        TRY(share_gap(s, b));
    b->opening = b->closing;
    return ERR_OK;
}
