#include "journal/detail.h"
#include "journal/journal.h"
#include "terminal/load.h"
#include "terminal/terminal.h"
#include "terminals/terminals_impl.h"

#define WORDS 16
_Static_assert(TERMINAL_REASON_COUNT <= WORDS, "every reason has a place");

struct words {
    const char *name, *en, *zh;
};

static const struct words words[WORDS] = {
#define REASON(reason, name, en, zh) [TERMINAL_REASON_##reason] = {name, en, zh},
#include "terminals/reason_table.h"
#undef REASON
};

/* From the table of precedence itself. */
static const struct words ends[WORDS] = {
#define RULE(reason, effect, holds, ends, zh) [TERMINAL_REASON_##reason] = {"", ends, zh},
#include "terminal/rules_table.h"
#undef RULE
};

static const char *say(int64_t reason, const char *const *text, const char *absent)
{
    return reason >= 0 && reason < WORDS && *text ? *text : absent;
}

#define INDEX(reason) ((reason) >= 0 && (reason) < WORDS ? (reason) : WORDS - 1)

const char *terminals_reason_name(int64_t reason)
{
    return say(reason, &words[INDEX(reason)].name, "unknown");
}

const char *terminals_reason_en(int64_t reason)
{
    return say(reason, &words[INDEX(reason)].en, "for a reason that is not known here");
}

const char *terminals_reason_zh(int64_t reason)
{
    return say(reason, &words[INDEX(reason)].zh, "未知原因");
}

const char *terminals_reason_ends_en(int64_t reason)
{
    return say(reason, &ends[INDEX(reason)].en, "");
}

const char *terminals_reason_ends_zh(int64_t reason)
{
    return say(reason, &ends[INDEX(reason)].zh, "");
}

/* Load control, or air-conditioner mode. */
static bool is_load(int64_t reason)
{
    return reason >= TERMINAL_REASON_NIGHT && reason <= TERMINAL_REASON_PROTECTION;
}

/* --- one trip --------------------------------------------------------------------------------- */

#define AHEAD_S 3600
#define NEWS_S 3600

/* A clock that was lost or runs ahead must not put a trip where nobody looks. */
static int64_t time_of(const struct uplink_trip *p, wall_s now)
{
    return p->at.s > 0 && p->at.s <= now.s + AHEAD_S ? p->at.s : now.s;
}

/* Before somebody moved in or the device was hung up here, a trip is not theirs. */
static enum err theirs_since(struct store_tx *tx, const struct uplink_trip *p, int64_t *since)
{
    return store_int(tx, since,
                     "SELECT max(coalesce((SELECT a.opened_at FROM meter m JOIN account a "
                     "ON a.id = m.account_id WHERE m.id = $1), 0), coalesce((SELECT max(x.at) "
                     "FROM meter_exchange x WHERE x.meter_id = $1 AND x.epoch < $2), 0))",
                     "ii", p->meter_id, p->epoch);
}

/* A terminal that is heard for the first time tells the last ones of its life: they are no news. */
static enum err news_since(struct store_tx *tx, const struct uplink_trip *p, wall_s now,
                           int64_t *since)
{
    enum err e = store_int(tx, since,
                           "SELECT heard_at FROM terminal_trip WHERE meter_id = $1 AND epoch = $2 "
                           "ORDER BY id LIMIT 1",
                           "ii", p->meter_id, p->epoch);
    if (e == ERR_NOT_FOUND)
        *since = now.s;
    *since -= NEWS_S;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err insert(struct store_tx *tx, const struct terminals_meter *m,
                       const struct uplink_trip *p, wall_s now)
{
    int64_t at = time_of(p, now);
    TRY(store_exec(tx,
                   "INSERT INTO terminal_trip (meter_id, epoch, number, meter_at, project_id, "
                   "account_id, place_id, at, heard_at, circuit, reason, power_w, balance_fen) "
                   "VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7, $8, $9, $10, $11, $12, $13) "
                   "ON CONFLICT (meter_id, epoch, number, meter_at) DO NOTHING",
                   "iiiiiiiiiiiii", m->id, p->epoch, p->number, p->at.s, m->project_id,
                   m->account_id, m->place_id, at, now.s, p->circuit, p->reason, p->power_w,
                   p->balance_fen));
    if (store_changes(tx) == 0)
        return ERR_EXISTS;
    return store_exec(tx,
                      "UPDATE terminal_trip SET verdict = CASE WHEN $5 < 0 THEN NULL ELSE $5 END, "
                      "flags = $6, step_mw = $7, step_mvar = $8, factor = $9, inrush = $10, "
                      "third = $11, value = $12, bound = $13 WHERE meter_id = $1 AND epoch = $2 "
                      "AND number = $3 AND meter_at = $4",
                      "iiiiiiiiiiiii", m->id, p->epoch, p->number, p->at.s, p->verdict, p->flags,
                      p->step_mw, p->step_mvar, p->factor, p->inrush, p->third, p->value, p->limit);
}

static enum err tell(struct terminals_turn *t, const struct terminals_meter *m,
                     const struct uplink_trip *p)
{
    struct detail d = {};
    bool verdict = p->verdict >= 0 && p->verdict < LOAD_VERDICT_COUNT;
    detail_int(&d, "circuit", p->circuit);
    detail_text(&d, "reason", terminals_reason_name(p->reason));
    detail_text(&d, "verdict", verdict ? load_verdict_name((enum load_verdict)p->verdict) : "");
    detail_int(&d, "power_w", p->power_w);
    detail_int(&d, "step_w", p->step_mw / 1000);
    enum journal_kind kind = p->reason == TERMINALS_MALIGNANT      ? EVENT_TERMINAL_MALIGNANT
                             : p->reason == TERMINAL_REASON_AIRCON ? EVENT_TERMINAL_UNPLUGGED
                                                                   : EVENT_TERMINAL_TRIP;
    return journal_event(t->tx, &(struct journal_event){t->now, kind, m->project_id, m->account_id,
                                                        m->id, detail_end(&d)});
}

#define NUMBER_MAX (INT64_C(1) << 53)

static bool fits(const struct uplink_trip *p)
{
    const int64_t numbers[] = {p->number,  p->at.s,      p->power_w, p->balance_fen, p->flags,
                               p->step_mw, p->step_mvar, p->factor,  p->inrush,      p->third,
                               p->value,   p->limit,     p->epoch};
    bool good = p->circuit >= 1 && p->circuit <= 3 && p->reason >= 0 && p->reason < 256 &&
                p->verdict >= -1 && p->verdict < 256;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        good = good && numbers[i] > -NUMBER_MAX && numbers[i] < NUMBER_MAX;
    return good;
}

enum err terminals_trip(struct store_tx *tx, const struct uplink_trip *p, wall_s now,
                        uint64_t random)
{
    struct terminals_turn t = terminals_turn_of(tx, now, random);
    struct terminals_meter m;
    int64_t theirs, news, at = time_of(p, now);
    if (!fits(p))
        return ERR_RANGE;
    enum err e = terminals_meter_load(tx, p->meter_id, &m);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(theirs_since(tx, p, &theirs));
    TRY(news_since(tx, p, now, &news));
    if (at < theirs)
        m.account_id = 0;
    e = insert(tx, &m, p, now);
    if (e == ERR_EXISTS)
        return ERR_OK;
    TRY(e);
    if (!is_load(p->reason) || at < theirs || at < news)
        return ERR_OK;
    TRY(tell(&t, &m, p));
    return m.terminal && p->circuit <= m.circuits
               ? terminals_look(&t, &m, p->circuit, METER_TERMINAL_STATUS)
               : ERR_OK;
}

/* --- lists ------------------------------------------------------------------------------------ */

static void take(const struct query *q, struct terminals_trip_row *row)
{
    *row = (struct terminals_trip_row){
        .id = query_int(q, 0),
        .account_id = query_int(q, 1),
        .heard_at.s = query_int(q, 2),
        .trip = {.meter_id = query_int(q, 3),
                 .epoch = query_int(q, 4),
                 .number = query_int(q, 5),
                 .at.s = query_int(q, 6),
                 .circuit = query_int(q, 7),
                 .reason = query_int(q, 8),
                 .power_w = query_int(q, 9),
                 .balance_fen = query_int(q, 10),
                 .verdict = query_null(q, 11) ? -1 : query_int(q, 11),
                 .flags = query_int(q, 12),
                 .step_mw = query_int(q, 13),
                 .step_mvar = query_int(q, 14),
                 .factor = query_int(q, 15),
                 .inrush = query_int(q, 16),
                 .third = query_int(q, 17),
                 .value = query_int(q, 18),
                 .limit = query_int(q, 19)},
    };
}

enum err terminals_trips(struct store_tx *tx, const struct terminals_trip_query *query,
                         terminals_trip_each *each, void *arg)
{
    struct terminals_trip_row row;
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT id, account_id, heard_at, meter_id, epoch, number, at, circuit, reason, power_w, "
        "balance_fen, verdict, flags, step_mw, step_mvar, factor, inrush, third, value, bound "
        "FROM terminal_trip WHERE meter_id = $1 AND id < $2 AND ($3 = 0 OR reason BETWEEN $4 AND "
        "$5) ORDER BY id DESC LIMIT $6",
        "iiiiii", query->meter_id, query->before > 0 ? query->before : INT64_MAX,
        (int64_t)query->load_only, (int64_t)TERMINAL_REASON_NIGHT,
        (int64_t)TERMINAL_REASON_PROTECTION, query->limit);
    while (e == ERR_OK && query_step(&q)) {
        take(&q, &row);
        e = each(arg, &row);
    }
    TRY(query_end(&q));
    return e;
}

static void take_rank(const struct query *q, struct terminals_rank *r)
{
    *r = (struct terminals_rank){.place_id = query_int(q, 0),
                                 .place = query_text(q, 1),
                                 .account_id = query_int(q, 2),
                                 .account = query_text(q, 3),
                                 .customer = query_text(q, 4),
                                 .malignant = query_int(q, 5),
                                 .other = query_int(q, 6),
                                 .largest_w = query_int(q, 7) / 1000,
                                 .latest.s = query_int(q, 8)};
}

enum err terminals_ranking(struct store_tx *tx, const struct terminals_rank_query *query,
                           terminals_rank_each *each, void *arg)
{
    struct terminals_rank row;
    enum err e = ERR_OK;
    char under[TERMINALS_BELOW];
    terminals_below(query->under, under);
    struct query q = query_open(
        tx,
        "SELECT r.place_id, p.code, a.id, a.code, a.name, r.malignant, r.other, r.largest, "
        "r.latest FROM (SELECT t.place_id AS place_id, sum(t.reason = $4) AS malignant, "
        "sum(t.reason <> $4) AS other, "
        "max(CASE WHEN t.reason = $4 THEN t.step_mw ELSE 0 END) AS largest, max(t.at) AS latest, "
        "max(t.id) AS last_id FROM terminal_trip t WHERE t.project_id = $1 AND t.at >= $2 AND "
        "t.at < $3 AND t.reason BETWEEN $5 AND $6 GROUP BY t.place_id) r "
        "JOIN place p ON p.id = r.place_id JOIN terminal_trip l ON l.id = r.last_id "
        "LEFT JOIN account a ON a.id = l.account_id "
        "WHERE $7 = '' OR substr(p.code || '/', 1, length($7)) = $7 "
        "ORDER BY r.malignant DESC, r.other DESC, p.code LIMIT $8",
        "iiiiiiti", query->project_id, query->from.s, query->until.s, (int64_t)TERMINALS_MALIGNANT,
        (int64_t)TERMINAL_REASON_NIGHT, (int64_t)TERMINAL_REASON_PROTECTION, under, query->limit);
    while (e == ERR_OK && query_step(&q)) {
        take_rank(&q, &row);
        e = each(arg, &row);
    }
    TRY(query_end(&q));
    return e;
}
