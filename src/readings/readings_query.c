/* Looking back: registers at an instant, breaks, series, usage. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "readings/readings_impl.h"

#define REGISTER_SLOTS UINT32_C(0x1F)
#define WALLET_SLOTS                                                                               \
    (UINT32_C(1) << SLOT_BALANCE | UINT32_C(1) << SLOT_COUNT | UINT32_C(1) << SLOT_PURCHASED)
#define NEAR_S (36 * 3600)

/* --- collecting samples ----------------------------------------------------------------------- */

void tracks_free(struct tracks *t)
{
    for (int i = 0; i < POINT_SLOTS; i++)
        track_free(&t->of[i]);
}

static enum err add_column(const struct block *b, const struct block_column *c, int64_t from,
                           int64_t to, struct track *t)
{
    for (size_t i = 0; i < c->count; i++) {
        struct sample s = {.at = b->from.s + (int64_t)c->slots[i] * BLOCK_STEP_S,
                           .value = c->values[i],
                           .epoch = c->epoch,
                           .began = i == 0 ? c->began : BLOCK_GOES_ON};
        if (s.at >= from && s.at <= to)
            TRY(track_add(t, &s));
    }
    return ERR_OK;
}

enum err block_samples(const struct block *b, uint32_t slots, int64_t from, int64_t to,
                       struct tracks *out)
{
    for (size_t i = 0; i < b->column_count; i++) {
        int slot = point_slot(b->columns[i].point);
        if (slot >= 0 && slots >> slot & 1)
            TRY(add_column(b, &b->columns[i], from, to, &out->of[slot]));
    }
    return ERR_OK;
}

static enum err add_body(struct bytes body, uint32_t slots, int64_t from, int64_t to,
                         struct tracks *out)
{
    struct block b;
    TRY(block_decode(body, &b));
    enum err e = block_samples(&b, slots, from, to, out);
    block_free(&b);
    return e;
}

/* Local days begin up to 14 hours before and 12 hours after those of Greenwich. */
static enum err add_sealed(struct store_tx *tx, int64_t meter_id, uint32_t slots, int64_t from,
                           int64_t to, struct tracks *out)
{
    int32_t first = civil_local_day((wall_s){from}, -12 * 3600);
    int32_t last = civil_local_day((wall_s){to}, 14 * 3600);
    struct query q = query_open(
        tx, "SELECT body FROM block WHERE block_key BETWEEN $1 AND $2 ORDER BY block_key", "ii",
        block_key(meter_id, first < 0 ? 0 : first), block_key(meter_id, last));
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = add_body(query_blob(&q, 0), slots, from, to, out);
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

static enum err add_open(const struct meter *m, int slot, int64_t from, int64_t to,
                         struct track *out)
{
    struct track all = {};
    enum err e = column_read(&m->columns[slot], &all);
    for (size_t i = 0; e == ERR_OK && i < all.count; i++)
        if (all.list[i].at >= from && all.list[i].at <= to)
            e = track_add(out, &all.list[i]);
    track_free(&all);
    return e;
}

static enum err collect(struct readings *r, struct store_tx *tx, int64_t meter_id, uint32_t slots,
                        int64_t from, int64_t to, struct tracks *out)
{
    const struct meter *m = readings_find(r, meter_id);
    TRY(add_sealed(tx, meter_id, slots, from, to, out));
    for (int i = 0; m && m->columns && i < POINT_SLOTS; i++)
        if (slots >> i & 1)
            TRY(add_open(m, i, from, to, &out->of[i]));
    for (int i = 0; i < POINT_SLOTS; i++)
        TRY(track_sort(&out->of[i]));
    return ERR_OK;
}

static enum err collect_tracks(struct readings *r, struct store_tx *tx, int64_t meter_id,
                               uint32_t slots, int64_t from, int64_t to, struct tracks *out)
{
    *out = (struct tracks){};
    if (r->stale)
        TRY(readings_load(r, tx));
    enum err e = collect(r, tx, meter_id, slots, from, to, out);
    if (e != ERR_OK)
        tracks_free(out);
    return e;
}

/* --- registers at an instant ------------------------------------------------------------------ */

/* The last sample at or before; NULL if none. */
static const struct sample *last_at(const struct track *t, int64_t at)
{
    const struct sample *found = NULL;
    for (size_t i = 0; i < t->count && t->list[i].at <= at; i++)
        found = &t->list[i];
    return found;
}

static const struct sample *first_at(const struct track *t, int64_t at)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].at >= at)
            return &t->list[i];
    return NULL;
}

/* A value that moves only by sales is known between two readings that agree. */
static int64_t value_between(const struct track *t, int64_t at)
{
    const struct sample *before = last_at(t, at), *after = first_at(t, at);
    if (before && before->at == at)
        return before->value;
    bool agree = before && after && before->value == after->value && before->epoch == after->epoch;
    return agree ? before->value : -1;
}

/* No sale right before or after: the points of one reading are asked one after the other, and a
 * sale may fall between them. */
static bool quiet(const struct track *counts, int64_t at)
{
    const struct sample *before = last_at(counts, at - 1), *after = first_at(counts, at + 1);
    int64_t now = value_between(counts, at);
    return now >= 0 && after && after->value == now && (!before || before->value == now);
}

/* The last quiet moment at or before; the last of all, without a count, if there was none. */
static void fill_wallet(const struct tracks *t, int64_t at, int64_t epoch,
                        struct readings_registers *out)
{
    const struct track *balances = &t->of[SLOT_BALANCE], *counts = &t->of[SLOT_COUNT];
    out->count = out->purchased_fen = -1;
    for (size_t i = balances->count; i > 0; i--) {
        const struct sample *s = &balances->list[i - 1];
        bool usable = s->at <= at && s->epoch == epoch;
        if (!usable || (out->wallet_known && !quiet(counts, s->at)))
            continue;
        out->wallet_known = true;
        out->wallet_at.s = s->at;
        out->balance_fen = s->value;
        if (!quiet(counts, s->at))
            continue;
        out->count = value_between(counts, s->at);
        out->purchased_fen = value_between(&t->of[SLOT_PURCHASED], s->at);
        return;
    }
}

/* From samples that reach a little beyond `at`; false if the total register is not among them. */
static bool fill_registers(const struct tracks *t, int64_t at, struct readings_registers *out)
{
    const struct sample *total = last_at(&t->of[SLOT_ENERGY], at);
    *out = (struct readings_registers){.count = -1, .purchased_fen = -1};
    if (!total)
        return false;
    out->epoch = total->epoch;
    out->at.s = total->at;
    for (int i = 0; i < READINGS_REGISTERS; i++) {
        const struct sample *s = last_at(&t->of[i], at);
        out->wh[i] = s && s->epoch == total->epoch ? s->value : 0;
    }
    fill_wallet(t, at, total->epoch, out);
    return true;
}

/* The first second of the newest sealed day that begins before `at`; ERR_NOT_FOUND. */
static enum err sealed_before(struct store_tx *tx, int64_t meter_id, int64_t at, int64_t *from)
{
    int32_t day = civil_local_day((wall_s){at}, 14 * 3600);
    int64_t low = block_key(meter_id, day > READINGS_REACH_DAYS ? day - READINGS_REACH_DAYS : 0);
    struct query q = query_open(tx,
                                "SELECT body FROM block WHERE block_key BETWEEN $1 AND $2 "
                                "ORDER BY block_key DESC",
                                "ii", low, block_key(meter_id, day));
    enum err e = ERR_NOT_FOUND;
    while (e == ERR_NOT_FOUND && query_step(&q)) {
        struct block b;
        enum err decoded = block_decode(query_blob(&q, 0), &b);
        if (decoded == ERR_OK && b.from.s <= at) {
            *from = b.from.s;
            e = ERR_OK;
        } else if (decoded != ERR_OK) {
            e = decoded;
        }
        block_free(&b);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

static enum err registers_from(struct readings *r, struct store_tx *tx, int64_t meter_id,
                               int64_t from, int64_t at, struct readings_registers *out)
{
    struct tracks t;
    TRY(collect_tracks(r, tx, meter_id, REGISTER_SLOTS | WALLET_SLOTS, from, at + NEAR_S, &t));
    bool found = fill_registers(&t, at, out);
    tracks_free(&t);
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err readings_registers_at(struct readings *r, struct store_tx *tx, int64_t meter_id, wall_s at,
                               struct readings_registers *out)
{
    enum err e = registers_from(r, tx, meter_id, at.s - NEAR_S, at.s, out);
    if (e != ERR_NOT_FOUND)
        return e;
    int64_t from;
    e = sealed_before(tx, meter_id, at.s - NEAR_S, &from);
    if (e == ERR_NOT_FOUND) /* nothing is sealed yet: its days are all open */
        from = at.s - READINGS_REACH_DAYS * (int64_t)DAY_S;
    else
        TRY(e);
    return registers_from(r, tx, meter_id, from, at.s, out);
}

/* --- breaks ----------------------------------------------------------------------------------- */

static enum readings_verdict verdict_of_break(const struct track *t, size_t i)
{
    const struct sample *s = &t->list[i];
    if (s->began == BLOCK_EXCHANGE || (i > 0 && t->list[i - 1].epoch != s->epoch))
        return READINGS_EXCHANGE;
    if (s->began == BLOCK_RESET)
        return READINGS_RESET;
    return s->began == BLOCK_ROLLOVER ? READINGS_ROLLOVER : READINGS_GOOD;
}

/* Index of the first sample after `since` at which the track breaks; its count if none does. */
static size_t break_index(const struct track *t, int64_t since, int64_t until)
{
    for (size_t i = 0; i < t->count && t->list[i].at <= until; i++)
        if (t->list[i].at > since && verdict_of_break(t, i) != READINGS_GOOD)
            return i;
    return t->count;
}

static bool first_break(const struct tracks *t, int64_t since, int64_t until,
                        struct readings_break *out)
{
    bool found = false;
    for (int slot = 0; slot < READINGS_REGISTERS; slot++) {
        const struct track *track = &t->of[slot];
        size_t i = break_index(track, since, until);
        if (i == track->count || (found && track->list[i].at >= out->at.s))
            continue;
        out->at.s = track->list[i].at;
        out->why = verdict_of_break(track, i);
        found = true;
    }
    return found;
}

/* One register on both sides of a break at `at`. A register that goes on stands the same on both.
 */
static void fill_break_slot(const struct track *t, int64_t at, int64_t full_scale, int slot,
                            struct readings_break *out)
{
    const struct sample *before = last_at(t, at - 1);
    size_t i = break_index(t, at - 1, at);
    int64_t closing = before && before->epoch == out->closing.epoch ? before->value : 0;
    int64_t opening = closing;
    if (i < t->count && verdict_of_break(t, i) == READINGS_ROLLOVER) {
        closing = full_scale;
        opening = 0;
    } else if (i < t->count) {
        opening = t->list[i].value;
    } else if (out->why == READINGS_EXCHANGE) {
        const struct sample *next = first_at(t, at);
        opening = next && next->epoch == out->opening.epoch ? next->value : 0;
    }
    out->closing.wh[slot] = closing;
    out->opening.wh[slot] = opening;
}

static void fill_break(const struct tracks *t, int64_t full_scale, struct readings_break *out)
{
    int64_t at = out->at.s;
    struct readings_registers before, after;
    (void)fill_registers(t, at - 1, &before); /* what is missing stays 0 */
    (void)fill_registers(t, at, &after);
    out->closing = before;
    out->opening = after;
    for (int slot = 0; slot < READINGS_REGISTERS; slot++)
        fill_break_slot(&t->of[slot], at, full_scale, slot, out);
}

enum err readings_break_after(struct readings *r, struct store_tx *tx, int64_t meter_id,
                              wall_s since, wall_s until, struct readings_break *out)
{
    const struct meter *m = readings_find(r, meter_id);
    struct tracks t;
    *out = (struct readings_break){};
    TRY(collect_tracks(r, tx, meter_id, REGISTER_SLOTS | WALLET_SLOTS, since.s - NEAR_S,
                       until.s + NEAR_S, &t));
    bool found = first_break(&t, since.s, until.s, out);
    if (found)
        fill_break(&t, m ? m->place.full_scale_wh : READINGS_FULL_SCALE_WH, out);
    tracks_free(&t);
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* Of lists in order, what lies between: the same samples as if no more had been collected. */
static struct tracks part_of(const struct tracks *t, int64_t from, int64_t to)
{
    struct tracks part = *t;
    for (int i = 0; i < POINT_SLOTS; i++) {
        struct track *p = &part.of[i];
        while (p->count > 0 && p->list->at < from) {
            p->list++;
            p->count--;
        }
        while (p->count > 0 && p->list[p->count - 1].at > to)
            p->count--;
    }
    return part;
}

enum err readings_unbroken(struct readings *r, struct store_tx *tx, int64_t meter_id,
                           const struct readings_stretch *s, bool *unbroken, bool *known,
                           struct readings_registers *out)
{
    struct readings_break brk;
    struct tracks t;
    *known = false;
    TRY(collect_tracks(r, tx, meter_id, REGISTER_SLOTS | WALLET_SLOTS, s->since.s - NEAR_S,
                       s->until.s + NEAR_S, &t));
    *unbroken = !first_break(&t, s->since.s, s->until.s, &brk);
    if (*unbroken && s->at.s >= s->since.s && s->at.s <= s->until.s) {
        struct tracks near = part_of(&t, s->at.s - NEAR_S, s->at.s + NEAR_S);
        *known = fill_registers(&near, s->at.s, out);
    }
    tracks_free(&t);
    return ERR_OK;
}

enum err readings_registers_after(struct readings *r, struct store_tx *tx, int64_t meter_id,
                                  wall_s at, struct readings_registers *out)
{
    wall_s newest;
    int64_t epoch, far = at.s + READINGS_REACH_DAYS * (int64_t)DAY_S;
    struct tracks t;
    struct readings_break brk;
    if (!readings_newest(r, meter_id, &newest, &epoch) || newest.s <= at.s)
        return ERR_NOT_FOUND;
    TRY(collect_tracks(r, tx, meter_id, REGISTER_SLOTS | WALLET_SLOTS, at.s - NEAR_S,
                       (newest.s < far ? newest.s : far) + NEAR_S, &t));
    const struct sample *next = first_at(&t.of[SLOT_ENERGY], at.s + 1);
    bool found =
        next && !first_break(&t, at.s, next->at, &brk) && fill_registers(&t, next->at, out);
    tracks_free(&t);
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- series ----------------------------------------------------------------------------------- */

static int64_t bucket_of(const struct readings_span *span, int64_t at)
{
    return (at - span->from.s) / (span->step_s < 1 ? 1 : span->step_s);
}

static enum err thin(const struct track *t, const struct readings_span *span,
                     struct readings_sample *out, size_t cap, size_t *count)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct sample *s = &t->list[i];
        if (s->at >= span->to.s)
            break;
        bool same = *count > 0 && bucket_of(span, out[*count - 1].at.s) == bucket_of(span, s->at);
        if (!same && *count == cap)
            return ERR_FULL;
        out[same ? *count - 1 : (*count)++] = (struct readings_sample){{s->at}, s->value};
    }
    return ERR_OK;
}

enum err readings_series(struct readings *r, struct store_tx *tx, const struct readings_span *span,
                         struct readings_sample *out, size_t cap, size_t *count)
{
    int slot = point_slot(span->point);
    struct tracks t;
    *count = 0;
    if (slot < 0 || span->to.s < span->from.s)
        return ERR_RANGE;
    TRY(collect_tracks(r, tx, span->meter_id, UINT32_C(1) << slot, span->from.s, span->to.s, &t));
    enum err e = thin(&t.of[slot], span, out, cap, count);
    tracks_free(&t);
    return e;
}

enum err readings_recent(const struct readings *r, const struct readings_span *span,
                         struct readings_sample *out, size_t cap, size_t *count)
{
    const struct meter *m = readings_find(r, span->meter_id);
    int slot = point_slot(span->point);
    struct track t = {};
    *count = 0;
    if (slot < 0 || span->to.s < span->from.s)
        return ERR_RANGE;
    if (!m || !m->columns)
        return ERR_OK;
    enum err e = add_open(m, slot, span->from.s, span->to.s, &t);
    if (e == ERR_OK)
        e = track_sort(&t);
    if (e == ERR_OK)
        e = thin(&t, span, out, cap, count);
    track_free(&t);
    return e;
}

int64_t sample_step(int64_t before, const struct sample *s, int64_t full_scale)
{
    switch (s->began) {
    case BLOCK_GOES_ON:
        return s->value - before;
    case BLOCK_ROLLOVER:
        return full_scale - before + s->value;
    default:
        return 0; /* a new run: what was used before its first value is not known */
    }
}

/* What was used up to a sample belongs to the bucket in which the stretch before it ends. */
static void spread(const struct track *t, const struct readings_span *span, int64_t full_scale,
                   struct readings_usage *out)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct sample *s = &t->list[i];
        if (s->at <= span->from.s || s->at > span->to.s)
            continue;
        struct readings_usage *u = &out[bucket_of(span, s->at - 1)];
        u->measured = true;
        bool exchanged = i > 0 && t->list[i - 1].epoch != s->epoch;
        if (i > 0 && !exchanged)
            u->energy_wh += sample_step(t->list[i - 1].value, s, full_scale);
    }
}

enum err readings_usage(struct readings *r, struct store_tx *tx, const struct readings_span *span,
                        struct readings_usage *out, size_t cap, size_t *count)
{
    int slot = point_slot(span->point);
    const struct meter *m = readings_find(r, span->meter_id);
    *count = 0;
    if (slot < 0 || !point_rules[slot].energy || span->step_s < BLOCK_STEP_S ||
        span->to.s <= span->from.s || (span->to.s - span->from.s) % span->step_s != 0)
        return ERR_RANGE;
    uint64_t buckets = (uint64_t)((span->to.s - span->from.s) / span->step_s);
    if (buckets > cap)
        return ERR_FULL;
    struct tracks t;
    TRY(collect_tracks(r, tx, span->meter_id, UINT32_C(1) << slot, span->from.s - NEAR_S,
                       span->to.s, &t));
    for (size_t i = 0; i < buckets; i++)
        out[i] = (struct readings_usage){.from = {span->from.s + (int64_t)i * span->step_s}};
    spread(&t.of[slot], span, m ? m->place.full_scale_wh : READINGS_FULL_SCALE_WH, out);
    *count = buckets;
    tracks_free(&t);
    return ERR_OK;
}
