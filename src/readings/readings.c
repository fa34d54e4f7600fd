#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/varint.h"
#include "readings/readings_impl.h"

#define KWH_MAX (READINGS_FULL_SCALE_WH * 100)
#define FEN_MAX INT64_C(100'000'000'000)

/* Slots 0..4, 8, 9 and 10 are named in readings_impl.h. */
const struct point_rule point_rules[POINT_SLOTS] = {
    {POINT_ENERGY_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_ENERGY_RATE1_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_ENERGY_RATE2_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_ENERGY_RATE3_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_ENERGY_RATE4_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_CIRCUIT1_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_CIRCUIT2_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_CIRCUIT3_WH, true, true, true, READINGS_ENERGY, 0, KWH_MAX},
    {POINT_BALANCE_FEN, false, false, true, READINGS_BALANCE, -FEN_MAX, FEN_MAX},
    {POINT_PURCHASE_COUNT, true, false, true, READINGS_BALANCE, 0, INT32_MAX},
    {POINT_PURCHASED_FEN, true, false, true, READINGS_BALANCE, 0, FEN_MAX},
    {POINT_POWER_W, false, false, true, 0, -10'000'000, 10'000'000},
    {POINT_VOLTAGE_DV, false, false, true, 0, 0, 100'000},
    {POINT_CURRENT_MA, false, false, true, 0, -10'000'000, 10'000'000},
    {POINT_RELAY_OPEN, false, false, true, READINGS_STATE, 0, 7},
    {POINT_ALARM_LEVEL, false, false, true, READINGS_STATE, 0, 3},
    {POINT_KEEP_POWER, false, false, true, READINGS_STATE, 0, 1},
    {POINT_OPEN_REASON, false, false, true, READINGS_STATE, 0, 255},
    {POINT_CLOCK_S, false, false, false, 0, 0, INT64_C(1) << 40},
    {POINT_CIRCUIT1_W, false, false, true, 0, -10'000'000, 10'000'000},
    {POINT_CIRCUIT2_W, false, false, true, 0, -10'000'000, 10'000'000},
    {POINT_CIRCUIT3_W, false, false, true, 0, -10'000'000, 10'000'000},
    {POINT_REACTIVE_VARH, true, true, true, 0, 0, KWH_MAX},
};

int point_slot(int64_t point)
{
    for (int i = 0; i < POINT_SLOTS; i++)
        if (point != 0 && point_rules[i].point == point)
            return i;
    return -1;
}

static const enum meter_point side_points[SIDE_POINTS] = {
    POINT_ENERGY_RATE5_WH, POINT_REVERSE_WH,   POINT_VOLTAGE_B_DV,  POINT_VOLTAGE_C_DV,
    POINT_CURRENT_B_MA,    POINT_CURRENT_C_MA, POINT_FREQUENCY_CHZ, POINT_POWER_FACTOR_M,
    POINT_VOLUME_L,        POINT_HEAT_WH,      POINT_COOLING_WH,    POINT_FLOW_LH,
    POINT_SUPPLY_CDEG,     POINT_RETURN_CDEG,  POINT_THERMAL_W,     POINT_VALVE,
    POINT_BATTERY_LOW,     POINT_FAULT_BITS,   POINT_WORK_H,        POINT_CIRCUIT_REASONS,
};

int side_slot(int64_t point)
{
    for (int i = 0; i < SIDE_POINTS; i++)
        if (point != 0 && side_points[i] == point)
            return i;
    return -1;
}

static const char *const verdicts[] = {
#define READINGS_VERDICT(name, text) text,
#include "readings/verdict_table.h"
#undef READINGS_VERDICT
};

const char *readings_verdict_name(enum readings_verdict v)
{
    return verdicts[v < READINGS_VERDICT_COUNT ? v : READINGS_GOOD];
}

enum readings_verdict readings_verdict_of(const char *name)
{
    unsigned v = 0;
    while (v < READINGS_VERDICT_COUNT && strcmp(verdicts[v], name) != 0)
        v++;
    return (enum readings_verdict)v;
}

/* --- the map ---------------------------------------------------------------------------------- */

enum err readings_new(struct readings **out)
{
    struct readings *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_MEMORY;
    r->notes = calloc(NOTES_MAX, sizeof *r->notes);
    if (!r->notes) {
        free(r);
        return ERR_MEMORY;
    }
    *out = r;
    return ERR_OK;
}

static void free_meter(struct meter *m)
{
    for (int i = 0; m->columns && i < POINT_SLOTS; i++)
        column_clear(&m->columns[i]);
    free(m->columns);
    free(m->doubts);
    free(m->sides);
    free(m);
}

void readings_free(struct readings *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        free_meter(r->list[i]);
    free(r->list);
    free(r->map);
    free(r->notes);
    free(r);
}

static size_t home_of(const struct readings *r, int64_t meter_id)
{
    return (size_t)fnv64(FNV64_START, &meter_id, sizeof meter_id) & (r->map_cap - 1);
}

/* The place of the meter in the map, or the free one where it would stand. */
static size_t probe(const struct readings *r, int64_t meter_id)
{
    size_t i = home_of(r, meter_id);
    while (r->map[i] != 0 && r->list[r->map[i] - 1]->id != meter_id)
        i = (i + 1) & (r->map_cap - 1);
    return i;
}

struct meter *readings_find(const struct readings *r, int64_t meter_id)
{
    if (r->map_cap == 0)
        return NULL;
    size_t i = probe(r, meter_id);
    return r->map[i] ? r->list[r->map[i] - 1] : NULL;
}

/* Keeps the map at most half full. */
static enum err grow(struct readings *r)
{
    if (r->count + 1 <= r->map_cap / 2 && r->count < r->cap)
        return ERR_OK;
    size_t cap = r->cap ? r->cap * 2 : 64;
    struct meter **list = realloc(r->list, cap * sizeof(struct meter *));
    if (!list)
        return ERR_MEMORY;
    r->list = list;
    r->cap = cap;
    uint32_t *map = calloc(cap * 2, sizeof *map);
    if (!map)
        return ERR_MEMORY;
    free(r->map);
    r->map = map;
    r->map_cap = cap * 2;
    for (size_t k = 0; k < r->count; k++)
        r->map[probe(r, r->list[k]->id)] = (uint32_t)(k + 1);
    return ERR_OK;
}

enum err readings_get(struct readings *r, int64_t meter_id, struct meter **out)
{
    *out = readings_find(r, meter_id);
    if (*out)
        return ERR_OK;
    TRY(grow(r));
    struct meter *m = calloc(1, sizeof *m);
    if (!m)
        return ERR_MEMORY;
    m->id = meter_id;
    m->newest = INT64_MIN;
    m->oldest = INT64_MAX;
    m->broke = INT64_MIN;
    m->place = (struct readings_place){0, READINGS_POWER_MAX_W, READINGS_FULL_SCALE_WH};
    r->list[r->count++] = m;
    r->map[probe(r, meter_id)] = (uint32_t)r->count;
    *out = m;
    return ERR_OK;
}

enum err meter_columns(struct meter *m)
{
    if (!m->columns)
        m->columns = calloc(POINT_SLOTS, sizeof *m->columns);
    return m->columns ? ERR_OK : ERR_MEMORY;
}

enum err readings_place(struct readings *r, int64_t meter_id, const struct readings_place *place)
{
    struct meter *m;
    TRY(readings_get(r, meter_id, &m));
    m->place = *place;
    if (m->place.power_max_w <= 0)
        m->place.power_max_w = READINGS_POWER_MAX_W;
    if (m->place.full_scale_wh <= 0)
        m->place.full_scale_wh = READINGS_FULL_SCALE_WH;
    return ERR_OK;
}

/* --- the newest state ------------------------------------------------------------------------- */

static bool side_value(const struct meter *m, int64_t point, int64_t *value, wall_s *at)
{
    int slot = side_slot(point);
    if (!m->sides || slot < 0 || !m->sides[slot].present)
        return false;
    *value = m->sides[slot].value;
    if (at)
        at->s = m->sides[slot].at;
    return true;
}

bool readings_value(const struct readings *r, int64_t meter_id, enum meter_point point,
                    int64_t *value, wall_s *at)
{
    const struct meter *m = readings_find(r, meter_id);
    int slot = point_slot(point);
    if (m && slot < 0)
        return side_value(m, point, value, at);
    if (!m || !(m->present >> slot & 1))
        return false;
    *value = m->value[slot];
    if (at)
        at->s = m->at[slot];
    return true;
}

bool readings_newest(const struct readings *r, int64_t meter_id, wall_s *at, int64_t *epoch)
{
    const struct meter *m = readings_find(r, meter_id);
    if (!m || m->newest == INT64_MIN)
        return false;
    at->s = m->newest;
    *epoch = m->epoch;
    return true;
}

static int64_t age_of(const struct meter *m, wall_s now)
{
    if (!m || m->newest == INT64_MIN)
        return INT64_MAX;
    return now.s > m->newest ? now.s - m->newest : 0;
}

int64_t readings_age_s(const struct readings *r, int64_t meter_id, wall_s now)
{
    return age_of(readings_find(r, meter_id), now);
}

bool readings_last_break(const struct readings *r, int64_t meter_id, wall_s *at)
{
    const struct meter *m = readings_find(r, meter_id);
    if (!m || m->broke == INT64_MIN)
        return false;
    at->s = m->broke;
    return true;
}

void readings_freshness(const struct readings *r, wall_s now, struct readings_freshness *out)
{
    static const int64_t bounds[READINGS_AGE_BOUNDS] = {30, 60, 90, 120, 150, 180, 300, 900, 3600};
    *out = (struct readings_freshness){};
    memcpy(out->bound_s, bounds, sizeof bounds);
    for (size_t i = 0; i < r->count; i++) {
        int64_t age = age_of(r->list[i], now);
        if (age == INT64_MAX)
            continue;
        out->meters++;
        for (int b = 0; b < READINGS_AGE_BOUNDS; b++)
            out->within[b] += age <= bounds[b];
        out->oldest_s = age > out->oldest_s ? age : out->oldest_s;
    }
}

/* --- samples of the open day ------------------------------------------------------------------ */

/* flag | zigzag(time difference) << 1, zigzag(value difference), and with the flag: began, epoch.
 */
static void put_sample(struct writer *w, const struct sample *before, const struct sample *s)
{
    bool marked = s->began != BLOCK_GOES_ON || s->epoch != before->epoch;
    varint_put(w, zigzag(s->at - before->at) << 1 | marked);
    varint_put(w, zigzag((int64_t)((uint64_t)s->value - (uint64_t)before->value)));
    if (marked) {
        varint_put(w, s->began);
        varint_put(w, (uint64_t)s->epoch);
    }
}

enum err column_add(struct column *c, const struct sample *s)
{
    uint8_t room[40];
    struct writer w = writer_of(room, sizeof room);
    put_sample(&w, &c->last, s);
    MUST(w.err == ERR_OK);
    if (c->len + w.len > c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        uint8_t *bytes = realloc(c->bytes, cap);
        if (!bytes)
            return ERR_MEMORY;
        c->bytes = bytes;
        c->cap = cap;
    }
    memcpy(c->bytes + c->len, room, w.len);
    c->len += w.len;
    c->count++;
    c->last = *s;
    return ERR_OK;
}

enum err column_read(const struct column *c, struct track *t)
{
    struct reader r = reader_of(c->bytes, c->len);
    struct sample s = {};
    for (size_t i = 0; i < c->count; i++) {
        uint64_t head = varint_get(&r);
        s.at += unzigzag(head >> 1);
        s.value = (int64_t)((uint64_t)s.value + (uint64_t)unzigzag(varint_get(&r)));
        s.began = BLOCK_GOES_ON;
        if (head & 1) {
            s.began = (enum block_began)varint_get(&r);
            s.epoch = (int64_t)varint_get(&r);
        }
        MUST(r.err == ERR_OK);
        TRY(track_add(t, &s));
    }
    return ERR_OK;
}

void column_clear(struct column *c)
{
    free(c->bytes);
    *c = (struct column){};
}

enum err track_add(struct track *t, const struct sample *s)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 128;
        struct sample *list = realloc(t->list, cap * sizeof *list);
        if (!list)
            return ERR_MEMORY;
        t->list = list;
        t->cap = cap;
    }
    t->list[t->count++] = *s;
    return ERR_OK;
}

static bool in_order(const struct track *t)
{
    for (size_t i = 1; i < t->count; i++)
        if (t->list[i].at < t->list[i - 1].at)
            return false;
    return true;
}

static void merge(struct sample *to, const struct sample *from, size_t middle, size_t count)
{
    size_t a = 0, b = middle;
    for (size_t i = 0; i < count; i++)
        to[i] = b == count || (a < middle && from[a].at <= from[b].at) ? from[a++] : from[b++];
}

/* Merge sort: stable, and nothing depends on addresses. */
static void sort(struct sample *list, struct sample *spare, size_t count)
{
    if (count < 2)
        return;
    size_t middle = count / 2;
    sort(list, spare, middle);
    sort(list + middle, spare, count - middle);
    merge(spare, list, middle, count);
    memcpy(list, spare, count * sizeof *list);
}

enum err track_sort(struct track *t)
{
    if (in_order(t))
        return ERR_OK;
    struct sample *spare = malloc(t->count * sizeof *spare);
    if (!spare)
        return ERR_MEMORY;
    sort(t->list, spare, t->count);
    free(spare);
    return ERR_OK;
}

void track_free(struct track *t)
{
    free(t->list);
    *t = (struct track){};
}
