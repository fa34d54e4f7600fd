#include "control/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/control.h"
#include "uplink/message.h"

struct verify {
    struct store_tx *tx;
    control_fault *fault;
    void *arg;
    struct control_check *out;
};

static void blame(struct verify *v, int64_t account_id, const char *what, const char *which)
{
    v->out->faults++;
    if (v->fault)
        v->fault(v->arg, account_id, what, which);
}

/* --- what the tables say -------------------------------------------------------------------------
 */

#define REGISTER "coalesce(m.account_id, 0), 'meter ' || r.meter_id || ', circuit ' || r.circuit "
/* The last wish that was written down of each register. */
#define LAST_WISHES                                                                                \
    "WITH last AS MATERIALIZED (SELECT object, max(seq) AS seq, "                                  \
    "max(json_extract(detail, '$.version')) AS version FROM audit WHERE action = 'relay.wish' "    \
    "GROUP BY object), reg AS MATERIALIZED (SELECT 'relay:' || meter_id || '/' || circuit "        \
    "AS object, meter_id, circuit, version, desired, detail, of_whole FROM relay) "
/* Cuts that fee control ordered, ever, with the decision behind each; parts of what followed are
 * left out: the decision is the same. */
#define CUTS                                                                                       \
    "WITH cut AS MATERIALIZED (SELECT a.seq, a.at, m.id AS meter_id, m.account_id, c.project_id, " \
    "json_extract(a.detail, '$.facts.action') AS action, "                                         \
    "json_extract(a.detail, '$.facts.guards') AS guards, "                                         \
    "json_extract(a.detail, '$.facts.notices') AS notices, "                                       \
    "json_extract(a.detail, '$.facts.strategy') AS strategy FROM audit a JOIN meter m "            \
    "ON m.id = CAST(substr(a.object, 7) AS INTEGER) JOIN account c ON c.id = m.account_id "        \
    "WHERE a.action = 'relay.wish' AND a.actor = 'system' "                                        \
    "AND json_extract(a.detail, '$.desired') = 'open' "                                            \
    "AND json_extract(a.detail, '$.reason') = 'arrears') "

/* Of what `cited` names, as control_policy.text does, "code@3" or "code@3 package@1". */
#define STRATEGY_MISSING                                                                           \
    "SELECT c.account_id, c.text FROM (SELECT *, instr(text || ' ', ' ') AS gap FROM cited) c "    \
    "WHERE NOT EXISTS (SELECT 1 FROM strategy s WHERE s.project_id = c.project_id "                \
    "AND s.code || '@' || s.version = substr(c.text, 1, c.gap - 1)) OR (c.gap < length(c.text) "   \
    "AND NOT EXISTS (SELECT 1 FROM strategy_package p WHERE p.project_id = c.project_id "          \
    "AND p.code || '@' || p.version = substr(c.text, c.gap + 1)))"

/* One scope at a time: equal keys are found by an index, all of them at once would be compared in
 * pairs. Of places nothing is said: an account may have moved since. */
#define PROTECTED_CUT(scope_name, column)                                                          \
    "SELECT c.account_id, 'audit row ' || c.seq || ', protection ' || p.id FROM cut c "            \
    "JOIN protected p ON p.scope = '" scope_name "' AND p.object_id = c." column " "               \
    "AND p.added < c.seq AND (p.lifted IS NULL OR p.lifted > c.seq) AND p.from_at <= c.at "        \
    "AND (p.until_at IS NULL OR p.until_at > c.at)"

#define OF_ACCOUNT PROTECTED_CUT("account", "account_id")
#define OF_PROJECT PROTECTED_CUT("project", "project_id")
#define OF_METER PROTECTED_CUT("meter", "meter_id")
#define PROTECTED_CUTS OF_ACCOUNT " UNION ALL " OF_PROJECT " UNION ALL " OF_METER

/* Each row that a rule finds is a fault: the account (0: none), and which thing it is. */
static const struct {
    const char *what, *sql;
} rules[] = {
    {"a relay's version is below that of a wish that was made of it",
     LAST_WISHES "SELECT 0, l.object FROM last l LEFT JOIN reg r ON r.object = l.object "
                 "WHERE coalesce(r.version, 0) < l.version"},
    {"supply is to be on, and that was not the last wish",
     LAST_WISHES "SELECT " REGISTER "FROM reg r LEFT JOIN meter m ON m.id = r.meter_id "
                 "LEFT JOIN last l ON l.object = r.object LEFT JOIN audit a ON a.seq = l.seq "
                 "WHERE r.desired = 'closed' "
                 "AND coalesce(json_extract(a.detail, '$.desired'), '') <> 'closed'"},
    {"supply is to be off, and nobody ordered that or allowed it",
     LAST_WISHES "SELECT " REGISTER "FROM reg r LEFT JOIN meter m ON m.id = r.meter_id "
                 "LEFT JOIN last l ON l.object = r.object LEFT JOIN audit a ON a.seq = l.seq "
                 "WHERE r.desired = 'open' AND NOT (r.of_whole = 1 AND EXISTS (SELECT 1 FROM audit "
                 "k WHERE k.action = 'relay.rest' AND k.object = r.object)) "
                 "AND coalesce(json_extract(a.detail, '$.desired'), '') <> 'open' "
                 "AND coalesce(json_extract(r.detail, '$.away'), 0) <> 1"},
    {"nothing is wished of a relay, and it is pursued",
     "SELECT " REGISTER "FROM relay r LEFT JOIN meter m ON m.id = r.meter_id "
     "WHERE r.desired = 'none' AND r.next_at IS NOT NULL"},
    {"a restore ends, or a cut lives longer than any may",
     "SELECT " REGISTER "FROM relay r LEFT JOIN meter m ON m.id = r.meter_id "
     "WHERE (r.desired = 'closed' AND r.not_after IS NOT NULL) OR (r.desired = 'open' "
     "AND r.not_after NOT BETWEEN r.changed_at AND r.changed_at + 3599)"},
    {"a relay names an order that there is not",
     "SELECT " REGISTER "FROM relay r LEFT JOIN meter m ON m.id = r.meter_id "
     "WHERE r.command_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM command c "
     "WHERE c.id = r.command_id AND c.meter_id = r.meter_id AND c.kind = 'relay')"},
    {"a cut was ordered against a guard",
     CUTS "SELECT account_id, 'audit row ' || seq FROM cut WHERE guards IS NOT NULL "
          "AND NOT (action = 'cut' AND guards = '[]') "
          "AND NOT (action = 'limit' AND guards = '[\"LIMIT_FIRST\"]')"},
    {"a cut counts more notices than were delivered before it",
     CUTS "SELECT c.account_id, 'audit row ' || c.seq FROM cut c WHERE c.notices > "
          "(SELECT count(*) FROM (SELECT DISTINCT episode, level, subject FROM message "
          "WHERE account_id = c.account_id AND state = 'delivered' AND level > 0 "
          "AND template IN ('balance_low', 'about_to_cut', 'arrears', 'overdraft') "
          "AND delivered_at <= c.at) told)"},
    {"a cut was ordered while a protection that had been entered covered the account", CUTS
     ", entry AS MATERIALIZED (SELECT object, action, seq FROM audit WHERE action IN "
     "('protect.add', 'protect.lift')), protected AS MATERIALIZED (SELECT p.id, p.scope, "
     "p.object_id, p.from_at, p.until_at, e.seq AS added, l.seq AS lifted FROM protection p "
     "JOIN entry e ON e.object = 'protection:' || p.id AND e.action = 'protect.add' "
     "LEFT JOIN entry l ON l.object = e.object AND l.action = 'protect.lift') " PROTECTED_CUTS},
    {"a cut was decided under a strategy or a package that there is not",
     CUTS ", cited AS MATERIALIZED (SELECT DISTINCT project_id, account_id, strategy AS text "
          "FROM cut WHERE strategy IS NOT NULL) " STRATEGY_MISSING},
    {"an account was judged under a strategy or a package that there is not",
     "WITH cited AS MATERIALIZED (SELECT a.project_id, f.account_id, f.strategy AS text "
     "FROM fee_state f JOIN account a ON a.id = f.account_id "
     "WHERE f.strategy <> '') " STRATEGY_MISSING},
    {"an account was told of more than was written to it, or in an episode to come",
     "SELECT f.account_id, 'episode ' || f.episode FROM fee_state f WHERE f.level NOT BETWEEN 0 "
     "AND 4 OR f.warned_level > f.noted_level OR f.emergency_episode > f.episode OR EXISTS "
     "(SELECT 1 FROM fee_notice n WHERE n.account_id = f.account_id AND n.episode > f.episode)"},
    {"emergency credit was given twice in an episode",
     "SELECT CAST(substr(object, 9) AS INTEGER), 'episode ' || json_extract(detail, '$.episode') "
     "FROM audit WHERE action = 'fee.emergency' "
     "GROUP BY object, json_extract(detail, '$.episode') HAVING count(*) > 1"},
    {"a proposal to cut was allowed by nobody, by one person for two, or too late",
     "SELECT account_id, 'proposal ' || id FROM cut_approval WHERE "
     "(state IN ('approved', 'released') AND approved_at IS NULL) "
     "OR (state = 'released' AND released_at IS NULL) "
     "OR (approved_at IS NULL) <> (approved_by IS NULL) "
     "OR (released_at IS NULL) <> (released_by IS NULL) "
     "OR (released_at IS NOT NULL AND (approved_at IS NULL OR persons < 2)) "
     "OR approved_by NOT LIKE 'user:%' OR released_by NOT LIKE 'user:%' "
     "OR released_by = approved_by OR approved_at >= expires_at OR released_at >= expires_at"},
    {"a permission is given and not sent, or sent and not given",
     "SELECT w.account_id, 'gateway ' || w.gateway_id FROM away w WHERE w.state = 'live' "
     "AND NOT EXISTS (SELECT 1 FROM permit p WHERE p.account_id = w.account_id "
     "AND p.gateway_id = w.gateway_id AND p.body IS NOT NULL) "
     "UNION ALL SELECT p.account_id, 'gateway ' || p.gateway_id FROM permit p "
     "WHERE p.body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM away w "
     "WHERE w.account_id = p.account_id AND w.gateway_id = p.gateway_id AND w.state = 'live')"},
};

static enum err look(struct verify *v, size_t rule)
{
    struct query q = query_open(v->tx, rules[rule].sql, "");
    while (query_step(&q))
        blame(v, query_int(&q, 0), rules[rule].what, query_text(&q, 1));
    return query_end(&q);
}

/* --- what the orders say -------------------------------------------------------------------------
 */

struct order {
    int64_t account_id, meter_id, circuit, version, id;
};
struct orders {
    struct order *cuts;
    size_t count, room;
    void *arena;
};

static enum err keep(struct orders *o, const struct order *cut)
{
    if (o->count == o->room) {
        size_t room = o->room ? o->room * 2 : 256;
        struct order *cuts = realloc(o->cuts, room * sizeof *cuts);
        if (!cuts)
            return ERR_MEMORY;
        o->cuts = cuts;
        o->room = room;
    }
    o->cuts[o->count++] = *cut;
    return ERR_OK;
}

static void blame_order(struct verify *v, const struct order *o, const char *what)
{
    char which[96];
    snprintf(which, sizeof which, "meter %lld, circuit %lld, version %lld", (long long)o->meter_id,
             (long long)o->circuit, (long long)o->version);
    blame(v, o->account_id, what, which);
}

/* Columns: id, account, meter, body. */
static enum err take_order(struct verify *v, struct orders *all, const struct query *q)
{
    struct uplink_message m;
    struct bytes body = query_blob(q, 3);
    struct order o = {
        .id = query_int(q, 0), .account_id = query_int(q, 1), .meter_id = query_int(q, 2)};
    v->out->commands++;
    if (uplink_message_decode(body.data, body.len, all->arena, &m) != ERR_OK ||
        m.kind != UPLINK_COMMAND || m.command.kind != UPLINK_RELAY || m.command.id != o.id ||
        m.command.meter_id != o.meter_id) {
        blame_order(v, &o, "an order to a relay says something else than its row");
        return ERR_OK;
    }
    o.circuit = m.command.circuit;
    o.version = m.command.version;
    return m.command.open ? keep(all, &o) : ERR_OK;
}

static int by_version(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->meter_id != y->meter_id)
        return x->meter_id < y->meter_id ? -1 : 1;
    if (x->circuit != y->circuit)
        return x->circuit < y->circuit ? -1 : 1;
    return (x->version > y->version) - (x->version < y->version);
}

static enum err read_orders(struct verify *v, struct orders *all)
{
    struct query q = query_open(
        v->tx,
        "SELECT id, coalesce(account_id, 0), meter_id, body FROM command WHERE kind = 'relay'", "");
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = take_order(v, all, &q);
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err is_above(struct verify *v, const struct order *o, bool *above)
{
    int64_t version = 0;
    enum err e =
        store_int(v->tx, &version, "SELECT version FROM relay WHERE meter_id = $1 AND circuit = $2",
                  "ii", o->meter_id, o->circuit);
    *above = o->version > version;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* A cut is ordered once under a version, and the register is never below it. */
static enum err judge_orders(struct verify *v, struct orders *all)
{
    if (all->count > 0)
        qsort(all->cuts, all->count, sizeof *all->cuts, by_version);
    for (size_t i = 0; i < all->count; i++) {
        bool above;
        if (i > 0 && by_version(&all->cuts[i - 1], &all->cuts[i]) == 0)
            blame_order(v, &all->cuts[i], "a cut was ordered twice");
        TRY(is_above(v, &all->cuts[i], &above));
        if (above)
            blame_order(v, &all->cuts[i], "a cut has a version that its relay never had");
    }
    return ERR_OK;
}

static enum err check_orders(struct verify *v)
{
    struct orders all = {.arena = malloc(UPLINK_ARENA)};
    if (!all.arena)
        return ERR_MEMORY;
    enum err e = read_orders(v, &all);
    if (e == ERR_OK)
        e = judge_orders(v, &all);
    free(all.cuts);
    free(all.arena);
    return e;
}

/* --- all -----------------------------------------------------------------------------------------
 */

enum err control_verify(struct store_tx *tx, control_fault *fault, void *arg,
                        struct control_check *out)
{
    struct verify v = {tx, fault, arg, out};
    *out = (struct control_check){};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        TRY(look(&v, i));
    TRY(check_orders(&v));
    TRY(store_int(tx, &out->registers, "SELECT count(*) FROM relay", ""));
    TRY(store_int(tx, &out->wishes, "SELECT count(*) FROM audit WHERE action = 'relay.wish'", ""));
    TRY(store_int(tx, &out->decisions, "SELECT count(*) FROM fee_state", ""));
    TRY(store_int(tx, &out->permissions, "SELECT count(*) FROM away WHERE state = 'live'", ""));
    return out->faults == 0 ? ERR_OK : ERR_CONTROL_CHECK;
}
