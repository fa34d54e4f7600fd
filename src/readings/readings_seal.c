/* Sealing: the open day's samples become blocks, and hour and day rows. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "readings/readings_impl.h"

#define ALL_SLOTS ((UINT32_C(1) << POINT_SLOTS) - 1)
#define LATE_S 300 /* a reading may be this much ahead of its arrival */

/* --- building a block ------------------------------------------------------------------------- */

struct build {
    struct block_column *columns;
    uint16_t *slots;
    int64_t *values;
    size_t column_count, cell_count, cell_cap;
};

static enum err build_open(struct build *b, const struct tracks *t)
{
    for (int i = 0; i < POINT_SLOTS; i++)
        b->cell_cap += t->of[i].count;
    b->columns = calloc(BLOCK_COLUMNS_MAX, sizeof *b->columns);
    b->slots = calloc(b->cell_cap + 1, sizeof *b->slots);
    b->values = calloc(b->cell_cap + 1, sizeof *b->values);
    return b->columns && b->slots && b->values ? ERR_OK : ERR_MEMORY;
}

static void build_close(struct build *b)
{
    free(b->columns);
    free(b->slots);
    free(b->values);
}

/* One cell. The same slot again: the later reading wins. */
static enum err build_cell(struct build *b, int slot, const struct sample *s, int64_t day_from,
                           bool new_run)
{
    if (new_run) {
        if (b->column_count == BLOCK_COLUMNS_MAX)
            return ERR_RANGE;
        b->columns[b->column_count++] =
            (struct block_column){.point = (unsigned)point_rules[slot].point,
                                  .epoch = s->epoch,
                                  .began = s->began,
                                  .slots = b->slots + b->cell_count,
                                  .values = b->values + b->cell_count};
    }
    struct block_column *c = &b->columns[b->column_count - 1];
    uint16_t grid = (uint16_t)((s->at - day_from) / BLOCK_STEP_S);
    if (c->count > 0 && c->slots[c->count - 1] == grid) {
        b->values[b->cell_count - 1] = s->value;
        return ERR_OK;
    }
    b->slots[b->cell_count] = grid;
    b->values[b->cell_count++] = s->value;
    c->count++;
    return ERR_OK;
}

static enum err build_slot(struct build *b, int slot, const struct track *t, int64_t from,
                           int64_t to)
{
    const struct sample *before = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const struct sample *s = &t->list[i];
        if (s->at < from || s->at >= to)
            continue;
        bool new_run = !before || s->began != BLOCK_GOES_ON || s->epoch != before->epoch;
        TRY(build_cell(b, slot, s, from, new_run));
        before = s;
    }
    return ERR_OK;
}

static enum err write_block(struct store_tx *tx, const struct block *b)
{
    uint8_t *body;
    size_t len;
    TRY(block_encode(b, &body, &len));
    enum err e = store_exec(tx,
                            "INSERT INTO block (block_key, body) VALUES ($1, $2) "
                            "ON CONFLICT (block_key) DO UPDATE SET body = excluded.body",
                            "ib", block_key(b->meter_id, b->day), (struct bytes){body, len});
    free(body);
    return e;
}

struct span {
    int64_t meter_id;
    int32_t day;
    int64_t from, to; /* first second of the day, of the next day */
};

static enum err seal_block(struct store_tx *tx, const struct span *d, const struct tracks *t)
{
    struct build b = {};
    enum err e = build_open(&b, t);
    for (int i = 0; e == ERR_OK && i < POINT_SLOTS; i++)
        e = build_slot(&b, i, &t->of[i], d->from, d->to);
    if (e == ERR_OK && b.column_count > 0)
        e = write_block(tx, &(struct block){.meter_id = d->meter_id,
                                            .day = d->day,
                                            .from = {d->from},
                                            .column_count = b.column_count,
                                            .columns = b.columns});
    build_close(&b);
    return e;
}

/* What was sealed before stays: an open sample is dropped where its slot is taken. */
static void drop_taken(struct track *open, const struct track *sealed)
{
    size_t kept = 0, k = 0;
    for (size_t i = 0; i < open->count; i++) {
        int64_t grid = open->list[i].at / BLOCK_STEP_S;
        while (k < sealed->count && sealed->list[k].at / BLOCK_STEP_S < grid)
            k++;
        if (k == sealed->count || sealed->list[k].at / BLOCK_STEP_S != grid)
            open->list[kept++] = open->list[i];
    }
    open->count = kept;
}

/* --- hour and day rows ------------------------------------------------------------------------ */

struct day_row {
    int64_t energy_wh, opening_wh, closing_wh;
};

/* The register with which the day before ended; false if nothing is known before. */
static enum err opening_of(struct store_tx *tx, const struct span *d, int64_t *wh, bool *known)
{
    enum err e = store_int(tx, wh,
                           "SELECT closing_wh FROM daily WHERE meter_id = $1 AND day < $2 "
                           "ORDER BY day DESC LIMIT 1",
                           "ii", d->meter_id, (int64_t)d->day);
    *known = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err put_hour(struct store_tx *tx, const struct span *d, int64_t hour, int64_t energy_wh,
                         int64_t total_wh)
{
    return store_exec(tx,
                      "INSERT INTO hourly (meter_id, hour_key, energy_wh, total_wh) "
                      "VALUES ($1, $2, $3, $4) ON CONFLICT (meter_id, hour_key) DO UPDATE "
                      "SET energy_wh = excluded.energy_wh, total_wh = excluded.total_wh",
                      "iiii", d->meter_id, (int64_t)d->day * 24 + hour, energy_wh, total_wh);
}

struct counting {
    int64_t full_scale;
    int64_t before; /* register of the sample before */
    int64_t epoch;  /* of it; 0: not known */
    bool known;
};

static int64_t step_of(struct counting *c, const struct sample *s)
{
    bool exchanged = c->epoch != 0 && c->epoch != s->epoch;
    int64_t step = c->known && !exchanged ? sample_step(c->before, s, c->full_scale) : 0;
    c->before = s->value;
    c->epoch = s->epoch;
    c->known = true;
    return step;
}

/* What is read at midnight sharp was used before it: the sample at `to` belongs to this day too.
 * The one at `from` adds nothing, unless the day before was sealed without it. */
static enum err count_day(struct store_tx *tx, const struct span *d, const struct track *t,
                          struct counting c, struct day_row *row)
{
    int64_t hour = -1, hour_wh = 0;
    for (size_t i = 0; i < t->count && t->list[i].at <= d->to; i++) {
        const struct sample *s = &t->list[i];
        int64_t now = s->at > d->from ? (s->at - 1 - d->from) / 3600 : 0;
        if (now != hour && hour >= 0)
            TRY(put_hour(tx, d, hour, hour_wh, c.before));
        if (now != hour)
            hour_wh = 0;
        hour = now;
        int64_t step = step_of(&c, s);
        hour_wh += step;
        row->energy_wh += step;
    }
    row->closing_wh = c.before;
    return hour >= 0 ? put_hour(tx, d, hour, hour_wh, c.before) : ERR_OK;
}

static enum err write_day(struct store_tx *tx, const struct span *d, const struct track *t,
                          int64_t full_scale)
{
    struct counting c = {.full_scale = full_scale};
    struct day_row row = {};
    TRY(opening_of(tx, d, &c.before, &c.known));
    row.opening_wh = c.known ? c.before : t->count > 0 ? t->list[0].value : 0;
    if (t->count == 0)
        return ERR_OK;
    TRY(count_day(tx, d, t, c, &row));
    return store_exec(tx,
                      "INSERT INTO daily (meter_id, day, energy_wh, opening_wh, closing_wh) "
                      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (meter_id, day) DO UPDATE SET "
                      "energy_wh = excluded.energy_wh, opening_wh = excluded.opening_wh, "
                      "closing_wh = excluded.closing_wh",
                      "iiiii", d->meter_id, (int64_t)d->day, row.energy_wh, row.opening_wh,
                      row.closing_wh);
}

/* --- one meter -------------------------------------------------------------------------------- */

static enum err read_sealed(struct store_tx *tx, const struct span *d, struct tracks *out)
{
    struct query q = query_open(tx, "SELECT body FROM block WHERE block_key = $1", "i",
                                block_key(d->meter_id, d->day));
    enum err e = ERR_OK;
    if (query_step(&q)) {
        struct block b;
        e = block_decode(query_blob(&q, 0), &b);
        if (e == ERR_OK)
            e = block_samples(&b, ALL_SLOTS, d->from, d->to, out);
        block_free(&b);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

static enum err add_between(struct track *to, const struct track *from, int64_t first, int64_t last)
{
    for (size_t i = 0; i < from->count; i++)
        if (from->list[i].at >= first && from->list[i].at <= last)
            TRY(track_add(to, &from->list[i]));
    return ERR_OK;
}

/* One point of a day: sealed samples, and open ones where nothing was sealed; `to` included. */
static enum err gather_slot(const struct column *open, const struct track *sealed,
                            const struct span *d, struct track *out)
{
    struct track all = {};
    enum err e = column_read(open, &all);
    if (e == ERR_OK)
        e = track_sort(&all);
    if (e == ERR_OK) {
        drop_taken(&all, sealed);
        e = add_between(out, sealed, d->from, d->to);
    }
    if (e == ERR_OK)
        e = add_between(out, &all, d->from, d->to);
    if (e == ERR_OK)
        e = track_sort(out);
    track_free(&all);
    return e;
}

static enum err gather(struct readings *r, struct store_tx *tx, const struct span *d,
                       struct tracks *out)
{
    struct tracks sealed = {};
    struct meter *m = readings_find(r, d->meter_id);
    *out = (struct tracks){};
    enum err e = read_sealed(tx, d, &sealed);
    for (int i = 0; e == ERR_OK && i < POINT_SLOTS; i++)
        e = gather_slot(&m->columns[i], &sealed.of[i], d, &out->of[i]);
    tracks_free(&sealed);
    if (e != ERR_OK)
        tracks_free(out);
    return e;
}

static enum err seal_day(struct readings *r, struct store_tx *tx, const struct span *d)
{
    struct tracks t;
    TRY(gather(r, tx, d, &t));
    enum err e = seal_block(tx, d, &t);
    if (e == ERR_OK)
        e = write_day(tx, d, &t.of[SLOT_ENERGY],
                      readings_find(r, d->meter_id)->place.full_scale_wh);
    tracks_free(&t);
    return e;
}

/* Keeps only what is younger than `to`. */
static enum err trim(struct column *c, int64_t to, int64_t *oldest)
{
    struct track t = {};
    struct column young = {};
    enum err e = column_read(c, &t);
    for (size_t i = 0; e == ERR_OK && i < t.count; i++) {
        if (t.list[i].at < to)
            continue;
        e = column_add(&young, &t.list[i]);
        if (t.list[i].at < *oldest)
            *oldest = t.list[i].at;
    }
    track_free(&t);
    if (e != ERR_OK) {
        column_clear(&young);
        return e;
    }
    column_clear(c);
    *c = young;
    return ERR_OK;
}

/* Days that were sealed after a late day was filled count from another opening now. */
static enum err recount_after(struct readings *r, struct store_tx *tx,
                              const struct readings_day *day, const struct span *late)
{
    for (int32_t next = late->day + 1; next <= day->day; next++) {
        int64_t there;
        enum err e = store_int(tx, &there, "SELECT day FROM daily WHERE meter_id = $1 AND day = $2",
                               "ii", late->meter_id, (int64_t)next);
        if (e == ERR_NOT_FOUND)
            continue;
        TRY(e);
        struct span d = {late->meter_id, next, civil_day_start(next, day->offset_s).s,
                         civil_day_start(next + 1, day->offset_s).s};
        TRY(seal_day(r, tx, &d));
    }
    return ERR_OK;
}

static enum err seal_meter(struct readings *r, struct store_tx *tx, const struct readings_day *day,
                           struct meter *m)
{
    int32_t first = civil_local_day((wall_s){m->oldest}, day->offset_s);
    struct span d = {m->id, day->day, day->from.s, day->to.s};
    for (int32_t n = first; n < day->day; n++) {
        struct span before = {m->id, n, civil_day_start(n, day->offset_s).s,
                              civil_day_start(n + 1, day->offset_s).s};
        TRY(seal_day(r, tx, &before));
    }
    TRY(seal_day(r, tx, &d));
    if (first < day->day)
        TRY(recount_after(r, tx, day, &(struct span){.meter_id = m->id, .day = first}));
    m->oldest = INT64_MAX;
    for (int i = 0; i < POINT_SLOTS; i++)
        TRY(trim(&m->columns[i], day->to.s, &m->oldest));
    return ERR_OK;
}

/* Batches that arrived so early that every reading in them is older than the oldest open sample. */
static enum err drop_batches(struct readings *r, struct store_tx *tx, int64_t bound)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i]->oldest < bound)
            bound = r->list[i]->oldest;
    return store_exec(tx, "DELETE FROM batch WHERE at < $1", "i", bound - LATE_S);
}

bool readings_seal_wanted(const struct readings *r, const struct readings_day *day)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i]->place.group == day->group && r->list[i]->oldest < day->to.s)
            return true;
    return false;
}

enum err readings_seal(struct readings *r, struct store_tx *tx, const struct readings_day *day,
                       size_t limit, size_t *left)
{
    *left = 0;
    if (day->to.s <= day->from.s || day->to.s - day->from.s > BLOCK_DAY_MAX_S)
        return ERR_RANGE;
    if (r->stale)
        TRY(readings_load(r, tx));
    r->stale = true; /* until everything is written */
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i]->place.group != day->group || r->list[i]->oldest >= day->to.s)
            continue;
        if (limit == 0)
            (*left)++;
        else
            TRY(seal_meter(r, tx, day, r->list[i]));
        limit -= limit > 0;
    }
    if (*left == 0)
        TRY(drop_batches(r, tx, day->to.s));
    r->stale = false;
    return ERR_OK;
}
