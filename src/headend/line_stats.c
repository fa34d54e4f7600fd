#include "headend/line_stats.h"

#include <stdlib.h>

#include "journal/detail.h"
#include "journal/journal.h"

#define HOUR_S 3600
#define SOONEST_S 10
#define COUNT_MAX INT64_C(100'000'000) /* of anything in one message: a week of them is a number   \
                                        */

int64_t headend_line_damage_m(int64_t answered, int64_t damaged)
{
    int64_t all = answered + damaged;
    return all > 0 ? damaged * 1000 / all : 0;
}

static bool fits(const struct uplink_line *t)
{
    const int64_t counts[] = {t->meters,        t->silent,     t->exchanges, t->answered,
                              t->retries,       t->timeouts,   t->damaged,   t->strays,
                              t->foreign,       t->collisions, t->pushed,    t->echoes,
                              t->garbage_bytes, t->busy_ms,    t->useful_ms, t->yielded_ms};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] < 0 || counts[i] > COUNT_MAX)
            return false;
    return t->period_ms > 0 && t->period_ms <= HEADEND_LINE_PERIOD_MS;
}

/* --- damaged or clean
 * ------------------------------------------------------------------------------ */

struct state {
    wall_s told_at; /* 0: never */
    bool damaged;
    wall_s since, turning; /* turning 0: it looks as it is */
};

static bool is_other(const struct state *s, int64_t share_m)
{
    return s->damaged ? share_m < HEADEND_LINE_CLEAN_M : share_m >= HEADEND_LINE_DAMAGED_M;
}

/* True: it has turned. */
static bool judge(struct state *s, const struct uplink_line *t, wall_s now)
{
    if (t->answered + t->damaged < HEADEND_LINE_JUDGED)
        return false;
    if (!is_other(s, headend_line_damage_m(t->answered, t->damaged))) {
        s->turning.s = 0;
        return false;
    }
    bool broken = now.s - s->told_at.s > HEADEND_LINE_GAP_S;
    if (s->turning.s == 0 || s->turning.s > now.s || broken)
        s->turning.s = now.s - t->period_ms / 1000;
    if (now.s - s->turning.s < HEADEND_LINE_TURN_S)
        return false;
    s->damaged = !s->damaged;
    s->since = now;
    s->turning.s = 0;
    return true;
}

static enum err note(struct store_tx *tx, const struct site_gateway *g, const struct uplink_line *t,
                     bool damaged, wall_s now)
{
    struct detail d = {0};
    detail_text(&d, "serial", g->serial);
    detail_int(&d, "line", t->number);
    detail_int(&d, "percent", headend_line_damage_m(t->answered, t->damaged) / 10);
    detail_int(&d, "minutes", HEADEND_LINE_TURN_S / 60);
    return journal_event(
        tx, &(struct journal_event){.at = now,
                                    .kind = damaged ? EVENT_LINE_DAMAGED : EVENT_LINE_CLEAN,
                                    .project_id = g->project_id,
                                    .detail = detail_end(&d)});
}

/* --- taking
 * ---------------------------------------------------------------------------------------- */

static enum err find(struct store_tx *tx, int64_t gateway_id, int64_t number, int64_t *line_id,
                     struct state *s)
{
    struct query q =
        query_open(tx,
                   "SELECT line.id, coalesce(at, 0), coalesce(damaged, 0), coalesce(since_at, 0), "
                   "coalesce(turning_at, 0) FROM line LEFT JOIN line_told ON line_id = line.id "
                   "WHERE gateway_id = $1 AND number = $2",
                   "ii", gateway_id, number);
    bool found = query_step(&q);
    if (found) {
        *line_id = query_int(&q, 0);
        *s = (struct state){
            {query_int(&q, 1)}, query_int(&q, 2) != 0, {query_int(&q, 3)}, {query_int(&q, 4)}};
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err keep_last(struct store_tx *tx, int64_t line_id, const struct state *s,
                          struct bytes body, wall_s now)
{
    return store_exec(tx,
                      "INSERT INTO line_told (line_id, at, body, damaged, since_at, turning_at) "
                      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (line_id) DO UPDATE SET "
                      "at = excluded.at, body = excluded.body, damaged = excluded.damaged, "
                      "since_at = excluded.since_at, turning_at = excluded.turning_at",
                      "iibiii", line_id, now.s, body, (int64_t)s->damaged, s->since.s,
                      s->turning.s);
}

static enum err keep_hour(struct store_tx *tx, int64_t line_id, const struct uplink_line *t,
                          wall_s now)
{
    int64_t hour = now.s - now.s % HOUR_S;
    TRY(store_exec(tx,
                   "INSERT INTO line_hour (line_id, hour_at, covered_ms, exchanges, answered, "
                   "retries, timeouts, damaged, foreign_frames, collisions, busy_ms, useful_ms, "
                   "silent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
                   "ON CONFLICT (line_id, hour_at) DO UPDATE SET "
                   "covered_ms = covered_ms + excluded.covered_ms, "
                   "exchanges = exchanges + excluded.exchanges, "
                   "answered = answered + excluded.answered, "
                   "retries = retries + excluded.retries, "
                   "timeouts = timeouts + excluded.timeouts, "
                   "damaged = damaged + excluded.damaged, "
                   "foreign_frames = foreign_frames + excluded.foreign_frames, "
                   "collisions = collisions + excluded.collisions, "
                   "busy_ms = busy_ms + excluded.busy_ms, "
                   "useful_ms = useful_ms + excluded.useful_ms, "
                   "silent = max(silent, excluded.silent)",
                   "iiiiiiiiiiiii", line_id, hour, t->period_ms, t->exchanges, t->answered,
                   t->retries, t->timeouts, t->damaged, t->foreign, t->collisions, t->busy_ms,
                   t->useful_ms, t->silent));
    return store_exec(tx, "DELETE FROM line_hour WHERE line_id = $1 AND hour_at <= $2", "ii",
                      line_id, hour - HEADEND_LINE_HOURS * INT64_C(3600));
}

enum err headend_line_told(struct store_tx *tx, const struct site_gateway *gateway,
                           const struct uplink_line *told, struct bytes body, wall_s now)
{
    int64_t line_id;
    struct state s;
    if (!fits(told))
        return ERR_RANGE;
    TRY(find(tx, gateway->id, told->number, &line_id, &s));
    if (s.told_at.s <= now.s && now.s - s.told_at.s < SOONEST_S)
        return ERR_OK;
    if (s.told_at.s == 0)
        s.since = now;
    bool turned = judge(&s, told, now);
    TRY(keep_last(tx, line_id, &s, body, now));
    TRY(keep_hour(tx, line_id, told, now));
    return turned ? note(tx, gateway, told, s.damaged, now) : ERR_OK;
}

/* --- looking
 * --------------------------------------------------------------------------------------- */

struct look {
    struct store_tx *tx;
    headend_line_each *each;
    void *arg;
    void *arena;
};

static enum err look_at(void *arg, const struct site_line *line)
{
    struct look *l = arg;
    struct headend_line h = {.line = *line};
    struct uplink_message m;
    struct query q =
        query_open(l->tx, "SELECT at, body, damaged, since_at FROM line_told WHERE line_id = $1",
                   "i", line->id);
    if (query_step(&q)) {
        struct bytes body = query_blob(&q, 1);
        h.told_at.s = query_int(&q, 0);
        h.damaged = query_int(&q, 2) != 0;
        h.since.s = query_int(&q, 3);
        if (uplink_message_decode(body.data, body.len, l->arena, &m) == ERR_OK &&
            m.kind == UPLINK_LINE)
            h.told = &m.line;
    }
    TRY(query_end(&q));
    return l->each(l->arg, &h);
}

enum err headend_lines(struct store_tx *tx, int64_t gateway_id, headend_line_each *each, void *arg)
{
    struct look l = {tx, each, arg, aligned_alloc(16, UPLINK_ARENA)};
    if (!l.arena)
        return ERR_MEMORY;
    enum err e = site_lines(tx, gateway_id, look_at, &l);
    free(l.arena);
    return e;
}

enum err headend_line_hours(struct store_tx *tx, int64_t line_id, wall_s from,
                            headend_line_hour_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT hour_at, covered_ms, exchanges, answered, retries, timeouts, damaged, "
                   "foreign_frames, collisions, busy_ms, useful_ms, silent FROM line_hour "
                   "WHERE line_id = $1 AND hour_at > $2 ORDER BY hour_at",
                   "ii", line_id, from.s - HOUR_S);
    while (e == ERR_OK && query_step(&q)) {
        const struct headend_line_hour h = {
            .from = {query_int(&q, 0)},
            .covered_ms = query_int(&q, 1),
            .exchanges = query_int(&q, 2),
            .answered = query_int(&q, 3),
            .retries = query_int(&q, 4),
            .timeouts = query_int(&q, 5),
            .damaged = query_int(&q, 6),
            .foreign = query_int(&q, 7),
            .collisions = query_int(&q, 8),
            .busy_ms = query_int(&q, 9),
            .useful_ms = query_int(&q, 10),
            .silent = query_int(&q, 11),
        };
        e = each(arg, &h);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
