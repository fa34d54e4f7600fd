/* Proposing a run: who takes part, with which weight, and what each line comes to. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "pay/run_impl.h"

#define WEIGHT_MAX INT64_C(1'000'000'000'000)
#define CODE_CAP 40 /* bytes of an account's code, with its zero */

static enum err check_form(const struct run_ask *a)
{
    size_t title = strlen(a->title);
    if (!shift_id_ok(a->code, 1, RUN_CODE_MAX) || !shift_id_ok(a->period, 1, RUN_PERIOD_MAX))
        return ERR_SITE_TEXT;
    return title > 0 && title <= RUN_TITLE_MAX ? ERR_OK : ERR_SITE_TEXT;
}

static enum err check_once(struct store_tx *tx, const struct run_ask *a, const char *kind)
{
    int64_t there;
    enum err e =
        store_int(tx, &there,
                  "SELECT id FROM money_run WHERE project_id = $1 AND kind = $2 "
                  "AND code = $3 AND period = $4 AND state NOT IN ('reversed', 'rejected')",
                  "ittt", a->project_id, kind, a->code, a->period);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    return e == ERR_OK ? ERR_RUN_TWICE : e;
}

/* --- who takes part ------------------------------------------------------------------------ */

static enum err add_by_place(struct store_tx *tx, const struct run_ask *a, int64_t run_id)
{
    return store_exec(tx,
                      "INSERT INTO money_run_line (run_id, account_id, weight, amount_fen) "
                      "SELECT $1, a.id, 1, 0 FROM account a JOIN place p ON p.id = a.place_id "
                      "WHERE a.project_id = $2 AND a.closed_at IS NULL AND ($3 = '' OR p.code = $3 "
                      "OR substr(p.code, 1, length($3) + 1) = $3 || '/')",
                      "iit", run_id, a->project_id, a->members.place);
}

struct listed {
    char code[CODE_CAP];
    int64_t weight;
};

/* "CODE" or "CODE,WEIGHT", up to the end of the line; false: neither. */
static bool take_line(const char *line, size_t len, struct listed *out)
{
    const char *comma = memchr(line, ',', len);
    size_t code = comma ? (size_t)(comma - line) : len;
    if (code == 0 || code >= sizeof out->code)
        return false;
    memcpy(out->code, line, code);
    out->code[code] = '\0';
    out->weight = comma ? 0 : 1;
    for (size_t i = code + 1; i < len; i++) {
        if (line[i] < '0' || line[i] > '9' || out->weight > WEIGHT_MAX)
            return false;
        out->weight = out->weight * 10 + (line[i] - '0');
    }
    return out->weight <= WEIGHT_MAX && (!comma || code + 1 < len);
}

static enum err add_listed(struct store_tx *tx, const struct run_ask *a, int64_t run_id,
                           const struct listed *m)
{
    int64_t account_id, twice;
    enum err e = store_int(tx, &account_id,
                           "SELECT id FROM account WHERE project_id = $1 AND code = $2 "
                           "AND closed_at IS NULL",
                           "it", a->project_id, m->code);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_RUN_MEMBER : e;
    e = store_int(tx, &twice, "SELECT 1 FROM money_run_line WHERE run_id = $1 AND account_id = $2",
                  "ii", run_id, account_id);
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? ERR_RUN_MEMBER : e;
    return store_exec(tx,
                      "INSERT INTO money_run_line (run_id, account_id, weight, amount_fen) "
                      "VALUES ($1, $2, $3, 0)",
                      "iii", run_id, account_id, m->weight);
}

static enum err add_by_list(struct store_tx *tx, const struct run_ask *a, int64_t run_id)
{
    for (const char *at = a->members.list; *at;) {
        size_t len = strcspn(at, "\r\n");
        struct listed m;
        if (len > 0 && !take_line(at, len, &m))
            return ERR_RUN_MEMBER;
        if (len > 0)
            TRY(add_listed(tx, a, run_id, &m));
        at += len;
        at += strspn(at, "\r\n");
    }
    return ERR_OK;
}

static enum err add_members(struct store_tx *tx, const struct run_ask *a, int64_t run_id)
{
    return a->members.list[0] ? add_by_list(tx, a, run_id) : add_by_place(tx, a, run_id);
}

/* --- weights ------------------------------------------------------------------------------- */

const char *run_method_name(enum run_method m)
{
    static const char *const names[RUN_METHOD_COUNT] = {[RUN_GIVEN] = "given",
                                                        [RUN_EQUAL] = "equal",
                                                        [RUN_USAGE] = "usage",
                                                        [RUN_AREA] = "area",
                                                        [RUN_PERSONS] = "persons"};
    MUST((unsigned)m < RUN_METHOD_COUNT);
    return names[m];
}

/* What was settled in the span, as it is known now: a ratio may have been corrected since it was
 * billed. Whoever used nothing bears nothing. */
static enum err weigh_by_usage(struct store_tx *tx, int64_t run_id, wall_s from, wall_s to)
{
    return store_exec(tx,
                      "UPDATE money_run_line SET weight = (SELECT "
                      "coalesce(sum(coalesce(b.energy_wh, s.energy_wh)), 0) FROM settlement s "
                      "LEFT JOIN settlement_basis b ON b.account_id = s.account_id "
                      "AND b.meter_id = s.meter_id AND b.epoch = s.epoch "
                      "AND b.opened_at = s.opened_at "
                      "WHERE s.account_id = money_run_line.account_id AND s.energy_wh > 0 "
                      "AND s.closed_at > $2 AND s.closed_at <= $3) WHERE run_id = $1",
                      "iii", run_id, from.s, to.s);
}

/* What the terms say that hold at the last moment before `to`; 0 where they say nothing. */
static enum err weigh_by_terms(struct store_tx *tx, int64_t run_id, bool area, wall_s to)
{
    return store_exec(tx,
                      "UPDATE money_run_line SET weight = coalesce((SELECT "
                      "CASE WHEN $3 = 1 THEN t.area_milli_m2 ELSE t.persons END "
                      "FROM account_term t WHERE t.account_id = money_run_line.account_id "
                      "AND t.from_at < $2 ORDER BY t.from_at DESC LIMIT 1), 0) WHERE run_id = $1",
                      "iii", run_id, to.s, (int64_t)area);
}

static enum err weigh(struct store_tx *tx, int64_t run_id, enum run_method method, wall_s from,
                      wall_s to)
{
    switch (method) {
    case RUN_EQUAL:
        return store_exec(tx, "UPDATE money_run_line SET weight = 1 WHERE run_id = $1", "i",
                          run_id);
    case RUN_USAGE:
        return weigh_by_usage(tx, run_id, from, to);
    case RUN_AREA:
    case RUN_PERSONS:
        return weigh_by_terms(tx, run_id, method == RUN_AREA, to);
    default:
        return ERR_OK;
    }
}

/* --- the run itself ------------------------------------------------------------------------ */

struct draft {
    const struct run_ask *ask;
    const char *kind, *method, *booking;
    wall_s expires_at;
    json_t *evidence; /* given away */
};

/* With numbers that are not known yet; finish sets them. */
static enum err begin(struct store_tx *tx, const struct draft *d, int64_t *run_id)
{
    const struct run_ask *a = d->ask;
    char *evidence = json_dumps(d->evidence, JSON_COMPACT);
    MUST(evidence);
    enum err e = store_next_id(tx, "money_run", run_id);
    if (e == ERR_OK)
        e = store_exec(tx,
                       "INSERT INTO money_run (id, project_id, kind, code, period, title, state, "
                       "lines, total_fen, method, booking, expires_at, evidence, asked_at, "
                       "asked_by) VALUES ($1, $2, $3, $4, $5, $6, 'proposed', 1, 1, $7, $8, "
                       "nullif($9, 0), $10, $11, $12)",
                       "iittttttitit", *run_id, a->project_id, d->kind, a->code, a->period,
                       a->title, d->method, d->booking, d->expires_at.s, evidence, a->now.s,
                       a->actor);
    free(evidence);
    return e;
}

static enum err finish(struct store_tx *tx, const struct run_ask *a, int64_t run_id)
{
    int64_t lines = 0, total_fen = 0;
    struct detail d = {};
    struct query q = query_open(tx,
                                "SELECT count(*), coalesce(sum(amount_fen), 0) "
                                "FROM money_run_line WHERE run_id = $1",
                                "i", run_id);
    if (query_step(&q)) {
        lines = query_int(&q, 0);
        total_fen = query_int(&q, 1);
    }
    TRY(query_end(&q));
    if (lines == 0 || total_fen == 0)
        return ERR_RUN_EMPTY;
    if (lines > RUN_LINES_MAX || total_fen > RUN_MONEY_MAX_FEN)
        return ERR_RANGE;
    TRY(store_exec(tx, "UPDATE money_run SET lines = $2, total_fen = $3 WHERE id = $1", "iii",
                   run_id, lines, total_fen));
    detail_text(&d, "code", a->code);
    detail_text(&d, "period", a->period);
    detail_text(&d, "title", a->title);
    detail_int(&d, "lines", lines);
    detail_int(&d, "total_fen", total_fen);
    return shift_audit(tx, &(struct shift_act){a->actor, "run.ask", "run", run_id, a->now}, &d);
}

enum err run_ask_subsidy(struct store_tx *tx, const struct run_subsidy *s, int64_t *run_id)
{
    const struct run_ask *a = &s->ask;
    TRY(check_form(a));
    if (s->method == RUN_USAGE || s->each_fen <= 0 || s->each_fen > RUN_MONEY_MAX_FEN)
        return ERR_RANGE;
    if (s->expires_at.s && s->expires_at.s <= a->now.s)
        return ERR_RANGE;
    TRY(check_once(tx, a, "subsidy"));
    json_t *evidence = json_pack("{s:I, s:s, s:s, s:b}", "each_fen", (json_int_t)s->each_fen,
                                 "method", run_method_name(s->method), "place", a->members.place,
                                 "list", a->members.list[0] != '\0');
    if (!evidence)
        return ERR_SITE_TEXT; /* not UTF-8 */
    enum err e = begin(tx,
                       &(struct draft){a, "subsidy", s->expires_at.s ? "expire" : "carry", "credit",
                                       s->expires_at, evidence},
                       run_id);
    json_decref(evidence);
    TRY(e);
    TRY(add_members(tx, a, *run_id));
    TRY(weigh(tx, *run_id, s->method, a->now, (wall_s){a->now.s + 1}));
    int64_t heaviest = 0;
    TRY(store_int(tx, &heaviest,
                  "SELECT coalesce(max(weight), 0) FROM money_run_line WHERE run_id = $1", "i",
                  *run_id));
    if (heaviest > RUN_MONEY_MAX_FEN / s->each_fen)
        return ERR_RANGE;
    TRY(store_exec(tx, "UPDATE money_run_line SET amount_fen = weight * $2 WHERE run_id = $1", "ii",
                   *run_id, s->each_fen));
    return finish(tx, a, *run_id);
}

/* --- common usage -------------------------------------------------------------------------- */

struct pot {
    int64_t main_wh, sub_wh, total_fen;
};

static enum err measure(const struct run_common *c, struct pot *pot)
{
    *pot = (struct pot){};
    if (c->meter_count == 0 || c->meter_count > RUN_METERS_MAX || c->price_e8 <= 0)
        return ERR_RANGE;
    for (size_t i = 0; i < c->meter_count; i++) {
        const struct run_meter *m = &c->meters[i];
        int64_t used_wh;
        TRY(units_sub(m->to_wh, m->from_wh, &used_wh));
        TRY(units_mul(used_wh, m->ratio, &used_wh));
        if (used_wh < 0)
            return ERR_RUN_READING;
        int64_t *sum = m->sub ? &pot->sub_wh : &pot->main_wh;
        TRY(units_add(*sum, used_wh, sum));
    }
    int64_t carry = 0;
    if (pot->main_wh <= pot->sub_wh)
        return ERR_RUN_USAGE;
    TRY(units_amount_fen(pot->main_wh - pot->sub_wh, c->price_e8, &carry, &pot->total_fen));
    return pot->total_fen > 0 ? ERR_OK : ERR_RUN_EMPTY;
}

static json_t *meters_json(const struct run_common *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->meter_count; i++) {
        const struct run_meter *m = &c->meters[i];
        json_array_append_new(list,
                              json_pack("{s:I, s:b, s:I, s:I, s:I, s:I, s:I}", "meter_id",
                                        (json_int_t)m->meter_id, "sub", m->sub, "from_at",
                                        (json_int_t)m->from_at.s, "from_wh", (json_int_t)m->from_wh,
                                        "to_at", (json_int_t)m->to_at.s, "to_wh",
                                        (json_int_t)m->to_wh, "ratio", (json_int_t)m->ratio));
    }
    return list;
}

static json_t *share_json(const struct run_common *c, const struct pot *pot)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:b}", "meters",
                     meters_json(c), "from", (json_int_t)c->from.s, "to", (json_int_t)c->to.s,
                     "main_wh", (json_int_t)pot->main_wh, "sub_wh", (json_int_t)pot->sub_wh,
                     "shared_wh", (json_int_t)(pot->main_wh - pot->sub_wh), "price_e8",
                     (json_int_t)c->price_e8, "total_fen", (json_int_t)pot->total_fen, "method",
                     run_method_name(c->method), "place", c->ask.members.place, "list",
                     c->ask.members.list[0] != '\0');
}

struct lines {
    int64_t *account_id, *weight, *part_fen;
    size_t count;
};

static enum err load_lines(struct store_tx *tx, int64_t run_id, struct lines *l)
{
    size_t at = 0;
    struct query q = query_open(tx,
                                "SELECT account_id, weight FROM money_run_line WHERE run_id = $1 "
                                "ORDER BY account_id",
                                "i", run_id);
    while (at < l->count && query_step(&q)) {
        l->account_id[at] = query_int(&q, 0);
        l->weight[at++] = query_int(&q, 1);
    }
    return query_end(&q);
}

static enum err save_lines(struct store_tx *tx, int64_t run_id, const struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        TRY(store_exec(tx,
                       "UPDATE money_run_line SET amount_fen = $3 "
                       "WHERE run_id = $1 AND account_id = $2",
                       "iii", run_id, l->account_id[i], l->part_fen[i]));
    return ERR_OK;
}

static enum err divide(struct store_tx *tx, int64_t run_id, int64_t total_fen)
{
    int64_t count;
    TRY(store_int(tx, &count, "SELECT count(*) FROM money_run_line WHERE run_id = $1", "i",
                  run_id));
    if (count == 0)
        return ERR_RUN_EMPTY;
    if (count > RUN_LINES_MAX)
        return ERR_RANGE;
    int64_t *room = calloc((size_t)count * 3, sizeof *room);
    MUST(room);
    struct lines l = {room, room + count, room + 2 * count, (size_t)count};
    enum err e = load_lines(tx, run_id, &l);
    if (e == ERR_OK)
        e = run_share(total_fen, l.weight, l.count, l.part_fen);
    if (e == ERR_OK)
        e = save_lines(tx, run_id, &l);
    free(room);
    return e;
}

enum err run_ask_share(struct store_tx *tx, const struct run_common *c, int64_t *run_id)
{
    struct pot pot;
    struct shift_policy policy;
    TRY(check_form(&c->ask));
    if (c->to.s <= c->from.s)
        return ERR_RANGE;
    TRY(measure(c, &pot));
    TRY(check_once(tx, &c->ask, "share"));
    TRY(shift_policy_get(tx, c->ask.project_id, &policy));
    json_t *evidence = share_json(c, &pot);
    if (!evidence)
        return ERR_SITE_TEXT;
    enum err e = begin(tx,
                       &(struct draft){&c->ask,
                                       "share",
                                       run_method_name(c->method),
                                       policy.share_as_energy ? "energy" : "services",
                                       {0},
                                       evidence},
                       run_id);
    json_decref(evidence);
    TRY(e);
    TRY(add_members(tx, &c->ask, *run_id));
    TRY(weigh(tx, *run_id, c->method, c->from, c->to));
    TRY(divide(tx, *run_id, pot.total_fen));
    return finish(tx, &c->ask, *run_id);
}
