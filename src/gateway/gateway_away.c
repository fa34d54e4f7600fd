/*
 * The prepay rules go on while the platform cannot be reached: standing permissions, kept in
 * memory, and cuts under them by the machinery of all other commands (G1 to G6 hold for them as
 * well).
 *
 *   PERMIT ─► list ─ uplink gone, readings ─► facts ─ away_judge ─ cut ─► command of the
 * permission's id and version, with the event AWAY_CUT in one commit ─► visit ─► OUTCOME
 *
 * A cut is never taken back here: whoever has the higher version restores.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_impl.h"

#define AWAY_ROOM 512     /* permissions; a gateway has no more meters worth the name */
#define AWAY_COMMAND_S 60 /* life of a cut */

void gateway_away_free(struct gateway *g)
{
    free(g->away.list);
    g->away.list = NULL;
    g->away.count = g->away.room = 0;
}

/* --- permissions ---------------------------------------------------------------------------------
 */

static void drop(struct gateway_away *a, size_t i)
{
    a->list[i] = a->list[--a->count];
}

/* The lists of a moved permission are where it is now. */
static const struct uplink_permit *permit_of(struct away_permit *p)
{
    p->permit.windows = p->windows;
    p->permit.meters = p->meters;
    return &p->permit;
}

static bool shares_a_meter(const struct away_permit *p, const struct uplink_permit *fresh)
{
    for (size_t i = 0; i < p->permit.meter_count; i++)
        for (size_t k = 0; k < fresh->meter_count; k++)
            if (p->meters[i].meter_id == fresh->meters[k].meter_id)
                return true;
    return false;
}

/* Whoever had one of these meters has it no more. */
static void forget(struct gateway_away *a, const struct uplink_permit *fresh)
{
    for (size_t i = a->count; i-- > 0;)
        if (a->list[i].permit.account_id == fresh->account_id || shares_a_meter(&a->list[i], fresh))
            drop(a, i);
}

static enum err grow(struct gateway_away *a)
{
    if (a->count < a->room)
        return ERR_OK;
    size_t room = a->room == 0 ? 16 : a->room * 2;
    if (room > AWAY_ROOM)
        return ERR_FULL;
    struct away_permit *list = realloc(a->list, room * sizeof *list);
    if (!list)
        return ERR_MEMORY;
    a->list = list;
    a->room = room;
    return ERR_OK;
}

void gateway_away_clear(struct gateway *g)
{
    g->away.count = 0;
}

enum err gateway_away_take(struct gateway *g, const struct gateway_now *now,
                           const struct uplink_permit *fresh)
{
    struct gateway_away *a = &g->away;
    (void)now;
    forget(a, fresh); /* also where the new one is refused: the old one is not meant any more */
    if (fresh->meter_count == 0)
        return ERR_OK;
    TRY(away_permit_check(fresh));
    TRY(grow(a));
    struct away_permit *p = &a->list[a->count++];
    *p = (struct away_permit){.permit = *fresh};
    for (size_t i = 0; i < UPLINK_PERMIT_METERS_MAX; i++)
        p->seen[i].at = MONO_NEVER;
    memcpy(p->windows, fresh->windows, fresh->window_count * sizeof *p->windows);
    memcpy(p->meters, fresh->meters, fresh->meter_count * sizeof *p->meters);
    return ERR_OK;
}

/* --- time ----------------------------------------------------------------------------------------
 */

void gateway_away_heard(struct gateway *g, const struct gateway_now *now)
{
    g->away.heard = now->mono;
    g->away.heard_wall = now->trusted ? now->wall : (wall_s){0};
}

/* Trusted, and neither of the clocks was moved since the platform was heard. */
static bool clock_holds(const struct gateway_away *a, const struct gateway_now *now)
{
    if (!now->trusted || a->heard_wall.s == 0)
        return false;
    int64_t by_wall = now->wall.s - a->heard_wall.s;
    int64_t apart = by_wall - (now->mono.ms - a->heard.ms) / 1000;
    return apart >= -AWAY_CLOCK_S && apart <= AWAY_CLOCK_S;
}

void gateway_away_connected(struct gateway *g)
{
    g->away.since = MONO_NEVER;
}

/* It went: what is seen counts from now on. */
static void begin(struct gateway_away *a, const struct gateway_now *now)
{
    a->since = a->next = now->mono;
    for (size_t i = 0; i < a->count; i++) {
        struct away_permit *p = &a->list[i];
        memset(p->facts, 0, sizeof p->facts);
        p->dry_at = (mono_ms){0};
    }
}

/* --- facts ---------------------------------------------------------------------------------------
 */

static bool all_open(const struct gateway_meter *m, int64_t bits)
{
    int64_t mask = ((int64_t)1 << m->unit.circuits) - 1;
    return mask != 0 && (bits & mask) == mask;
}

static void take_register(struct away_permit *p, size_t i, const struct gateway_now *now,
                          int64_t value_wh)
{
    struct away_meter *f = &p->facts[i];
    int64_t elapsed_s =
        f->looks > 0 ? (now->mono.ms - f->read_at.ms) / 1000 : now->wall.s - p->permit.at.s;
    if (now->trusted)
        away_meter_read(f, &p->meters[i], value_wh, now->mono, elapsed_s);
    permit_of(p);
    if (!away_is_dry(&p->permit, p->facts))
        p->dry_at = (mono_ms){0};
    else if (p->dry_at.ms == 0)
        p->dry_at = now->mono;
}

static void take_values(struct away_permit *p, size_t i, const struct gateway_now *now,
                        const struct gateway_meter *m, const struct meter_values *values)
{
    struct away_meter *f = &p->facts[i];
    int64_t value_wh = meter_values_get(values, POINT_ENERGY_WH, -1);
    int64_t bits = meter_values_get(values, POINT_RELAY_OPEN, -1);
    int64_t keep = meter_values_get(values, POINT_KEEP_POWER, -1);
    if (value_wh >= 0 && p->meters[i].epoch == m->epoch)
        take_register(p, i, now, value_wh);
    if (bits >= 0)
        f->off = all_open(m, bits);
    if (keep >= 0)
        f->kept = keep != 0;
}

static void note_seen(struct away_permit *p, size_t i, const struct gateway_now *now,
                      const struct gateway_meter *m, const struct meter_values *values)
{
    int64_t value_wh = meter_values_get(values, POINT_ENERGY_WH, -1);
    if (value_wh < 0 || p->meters[i].epoch != m->epoch)
        return;
    p->seen[i].value_wh = value_wh;
    p->seen[i].at = now->mono;
}

void gateway_away_seen(struct gateway *g, const struct gateway_now *now,
                       const struct gateway_meter *m, const struct meter_values *values)
{
    struct gateway_away *a = &g->away;
    for (size_t p = 0; p < a->count; p++)
        for (size_t i = 0; i < a->list[p].permit.meter_count; i++) {
            if (a->list[p].meters[i].meter_id != m->meter_id)
                continue;
            note_seen(&a->list[p], i, now, m, values);
            if (a->since.ms != INT64_MAX)
                take_values(&a->list[p], i, now, m, values);
        }
}

/* --- acting --------------------------------------------------------------------------------------
 */

static size_t cut_in_hour(const struct gateway_away *a, mono_ms now)
{
    size_t kept = a->cut_count < GATEWAY_AWAY_CUTS ? a->cut_count : GATEWAY_AWAY_CUTS, count = 0;
    for (size_t i = 0; i < kept; i++)
        count += now.ms - a->cuts[i].ms < AWAY_HOUR_MS;
    return count;
}

static struct away_case case_of(struct gateway *g, const struct gateway_now *now,
                                struct away_permit *p)
{
    for (size_t i = 0; i < p->permit.meter_count; i++) {
        const struct gateway_meter *m = gateway_meter_of(g, p->meters[i].meter_id);
        p->facts[i].known = m && m->epoch == p->meters[i].epoch;
        p->facts[i].busy = gateway_command_open_for(g, p->meters[i].meter_id);
    }
    return (struct away_case){.permit = permit_of(p),
                              .meters = p->facts,
                              .now = now->mono,
                              .since = g->away.since,
                              .wall = now->wall,
                              .acted = p->acted,
                              .connected = g->connected,
                              .trusted = clock_holds(&g->away, now),
                              .dry_at = p->dry_at,
                              .cut_in_hour = cut_in_hour(&g->away, now->mono),
                              .meter_count = g->meter_count};
}

/* A wish that is as new as the permission, or newer, was obeyed already. */
static enum err overtaken(struct gateway *g, const struct away_permit *p, bool *is)
{
    *is = false;
    for (size_t i = 0; i < p->permit.meter_count; i++) {
        int64_t version = 0;
        if (p->meters[i].command_id == 0)
            continue;
        TRY(gateway_command_version(g, p->meters[i].meter_id, &version));
        *is = *is || version >= p->meters[i].version;
    }
    return ERR_OK;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The last second in which the cut may begin. */
static wall_s deadline(const struct uplink_permit *p, wall_s now)
{
    int64_t last = earlier(now.s + AWAY_COMMAND_S, p->valid_until.s - 1);
    for (size_t i = 0; i < p->window_count; i++)
        if (p->windows[i].from.s <= now.s && now.s < p->windows[i].until.s)
            last = earlier(last, p->windows[i].until.s - 1);
    return (wall_s){last};
}

static enum err cut_meter(struct gateway *g, const struct gateway_now *now,
                          const struct away_permit *p, size_t i)
{
    const struct uplink_permit_meter *m = &p->meters[i];
    const struct gateway_meter *unit = gateway_meter_of(g, m->meter_id);
    const struct uplink_command c = {.id = m->command_id,
                                     .kind = UPLINK_RELAY,
                                     .meter_id = m->meter_id,
                                     .epoch = m->epoch,
                                     .not_after = deadline(&p->permit, now->wall),
                                     .version = m->version,
                                     .open = true};
    const struct uplink_event event = {.kind = UPLINK_AWAY_CUT,
                                       .at = now->wall,
                                       .meter_id = m->meter_id,
                                       .line = g->lines[unit->line].config.number,
                                       .value = p->facts[i].value_wh,
                                       .command_id = m->command_id};
    TRY(gateway_command_own(g, now, &c, &event));
    g->away.cuts[g->away.cut_count++ % GATEWAY_AWAY_CUTS] = now->mono;
    return ERR_OK;
}

/* The permission is used up by the attempt, whatever becomes of it. */
static enum err cut(struct gateway *g, const struct gateway_now *now, struct away_permit *p)
{
    bool late = false;
    TRY(overtaken(g, p, &late));
    p->acted = true;
    for (size_t i = 0; !late && i < p->permit.meter_count; i++)
        if (p->meters[i].command_id != 0)
            TRY(cut_meter(g, now, p, i));
    return ERR_OK;
}

void gateway_away_tick(struct gateway *g, const struct gateway_now *now)
{
    struct gateway_away *a = &g->away;
    if (!g->connected && a->since.ms == INT64_MAX)
        begin(a, now);
    if (a->count == 0 || g->connected || !mono_due(a->next, now->mono))
        return;
    a->next = mono_after(now->mono, AWAY_LOOK_MS);
    for (size_t i = 0; i < a->count; i++) {
        struct away_case c = case_of(g, now, &a->list[i]);
        if (away_judge(&c) != AWAY_CUT)
            continue;
        enum err e = cut(g, now, &a->list[i]);
        (void)e; /* it was not cut: as good as any other doubt */
    }
}

/* --- looking in ----------------------------------------------------------------------------------
 */

/* What the newest registers leave; as it was given where a meter was not read since. */
static int64_t left_now(const struct away_permit *p, bool *read)
{
    int64_t left_wh = p->permit.left_wh, used_wh;
    *read = true;
    for (size_t i = 0; i < p->permit.meter_count; i++) {
        *read = *read && p->seen[i].at.ms != INT64_MAX;
        if (*read && (__builtin_mul_overflow(p->seen[i].value_wh - p->meters[i].register_wh,
                                             p->meters[i].ratio, &used_wh) ||
                      __builtin_sub_overflow(left_wh, used_wh, &left_wh)))
            *read = false;
    }
    return !*read ? p->permit.left_wh : left_wh > 0 ? left_wh : 0;
}

static struct gateway_permit_meter look_at_meter(struct gateway *g, const struct gateway_now *now,
                                                 const struct away_permit *p, size_t i)
{
    const struct gateway_meter *m = gateway_meter_of(g, p->meters[i].meter_id);
    bool read = p->seen[i].at.ms != INT64_MAX;
    return (struct gateway_permit_meter){.meter_id = p->meters[i].meter_id,
                                         .line = m ? g->lines[m->line].config.number : 0,
                                         .address = m ? m->address : "",
                                         .read_ago_ms =
                                             read ? now->mono.ms - p->seen[i].at.ms : -1};
}

bool gateway_permit_look(struct gateway *g, const struct gateway_now *now, size_t index,
                         struct gateway_permit_look *out)
{
    if (index >= g->away.count)
        return false;
    struct away_permit *p = &g->away.list[index];
    struct away_case c = case_of(g, now, p);
    *out = (struct gateway_permit_look){.account_id = p->permit.account_id,
                                        .valid_from = p->permit.valid_from,
                                        .valid_until = p->permit.valid_until,
                                        .verdict = away_judge(&c),
                                        .meter_count = p->permit.meter_count};
    out->left_wh = left_now(p, &out->read);
    for (size_t i = 0; i < p->permit.meter_count; i++)
        out->meters[i] = look_at_meter(g, now, p, i);
    return true;
}

mono_ms gateway_away_wake(const struct gateway *g)
{
    bool looks = g->away.count > 0 && !g->connected && g->away.since.ms != INT64_MAX;
    return looks ? g->away.next : MONO_NEVER;
}
