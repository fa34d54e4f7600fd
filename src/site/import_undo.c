/*
 * Undoing an import: what it made goes, what it changed returns, unless something has happened
 * since that would lose its ground. What stands in the way is found first, all of it, and named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/import_impl.h"

static const struct {
    const char *name, *en, *zh;
} reasons[SITE_UNDO_REASONS] = {
    [SITE_UNDO_MONEY] =
        {"money", "It has bookings, bills or money requests: settle them and close it instead.",
         "已有账务、账单或资金申请，请结清后销户。"},
    [SITE_UNDO_ORDER] = {"order",
                         "Orders or commands were given to it: they must keep their object.",
                         "已有售电单或控制命令，须保留对象。"},
    [SITE_UNDO_READING] = {"reading", "It has been read: its readings must keep their meter.",
                           "已有抄表数据，须保留表计。"},
    [SITE_UNDO_CHANGED] =
        {"changed", "It was changed again afterwards: set it by hand, or import a corrected file.",
         "导入后又被更改，请手工修改或导入更正文件。"},
    [SITE_UNDO_STAFF] =
        {"staff",
         "Staff have worked on it: lift its protections and refuse its cuts first. A package, "
         "terms, a ratio or a rule stays, and the import with it.",
         "工作人员已在其上设置：请先解除停电保护、驳回待办停电；已设套餐、计费参数、倍率或规则的，"
         "导入须保留。"},
    [SITE_UNDO_USED] =
        {"used",
         "Something that came later belongs to it: undo the later import first. What was made by "
         "hand stays, and the import with it.",
         "后来的对象属于它：请先撤销后来的导入；由人工建立的，导入须保留。"},
    [SITE_UNDO_CLAIMED] = {"claimed",
                           "The gateway has been put into service: revoke it and keep it.",
                           "通信管理机已投运，请吊销后保留。"},
};

const char *site_undo_reason_name(enum site_undo_reason reason)
{
    MUST(reason < SITE_UNDO_REASONS);
    return reasons[reason].name;
}

const char *site_undo_reason_en(enum site_undo_reason reason)
{
    MUST(reason < SITE_UNDO_REASONS);
    return reasons[reason].en;
}

const char *site_undo_reason_zh(enum site_undo_reason reason)
{
    MUST(reason < SITE_UNDO_REASONS);
    return reasons[reason].zh;
}

struct range { /* of what was made; last < first: nothing */
    int64_t first, last;
};

struct undo {
    struct store_tx *tx;
    struct site_undo *u;
    struct site_imported import;
    struct range made[IMPORT_TABLES];
};

static bool is_shown(const struct site_undo *u, const char *object, int64_t id,
                     enum site_undo_reason reason)
{
    for (size_t i = 0; i < u->shown; i++)
        if (u->blockers[i].object == object && u->blockers[i].id == id &&
            u->blockers[i].reason == reason)
            return true;
    return false;
}

/* Told once, however many things stand on it. */
static void put_block(struct site_undo *u, const struct site_undo_blocker *blocker,
                      const char *code)
{
    if (is_shown(u, blocker->object, blocker->id, blocker->reason))
        return;
    u->blocker_count++;
    if (u->shown == SITE_UNDO_SHOWN)
        return;
    struct site_undo_blocker *b = &u->blockers[u->shown++];
    *b = *blocker;
    snprintf(b->code, sizeof b->code, "%s", code);
}

static void block(struct site_undo *u, const char *object, int64_t id, const char *code,
                  enum site_undo_reason reason)
{
    put_block(u, &(struct site_undo_blocker){.object = object, .id = id, .reason = reason}, code);
}

/* --- what stands in the way of taking away ---------------------------------------------------- */

/* A row whose link to something new was set by this import: it gets its old one back. */
#define NOT_OURS(object, row, field)                                                               \
    "NOT EXISTS (SELECT 1 FROM site_import_fact f WHERE f.import_id = $5 AND f.object = '" object  \
    "' AND f.object_id = " row ".id AND f.field = '" field "')"

/* Whatever the import did not make in a project that it made. */
/* A decision names what it was made under: "code@3" or "code@3 package@1". */
#define DECIDED_UNDER(text)                                                                        \
    "substr(" text " || ' ', 1, length(p.code || '@' || p.version || ' ')) = "                     \
    "p.code || '@' || p.version || ' '"
#define OTHERS_OF_PROJECT(table)                                                                   \
    "SELECT p.id, p.code FROM project p WHERE p.id BETWEEN $1 AND $2 AND EXISTS (SELECT 1 "        \
    "FROM " table                                                                                  \
    " t WHERE t.project_id = p.id AND t.id NOT BETWEEN $3 AND $4) AND $5 > 0 ORDER BY p.id"

/* Of `table`, those in its range ($1 to $2) that must stay: id, code. `other`: the range $3 to $4.
 */
static const struct {
    enum import_table table, other;
    enum site_undo_reason reason;
    const char *sql;
} blocks[] = {
    {IMPORT_ACCOUNT, IMPORT_ACCOUNT, SITE_UNDO_MONEY,
     "SELECT a.id, a.code FROM account a WHERE a.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM ledger_txn t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM balance t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM other_bill t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM money_request t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM payment_flight t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM money_run_line t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM late_term t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM late_line t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM settlement t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM ledger_run_page p JOIN ledger_run r ON r.id = p.run WHERE "
     "r.state <> 'folded' AND a.id BETWEEN p.first_account AND p.last_account)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY a.id"},
    {IMPORT_ACCOUNT, IMPORT_ACCOUNT, SITE_UNDO_ORDER,
     "SELECT a.id, a.code FROM account a WHERE a.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM sale_order t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM vend t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM vend_binding t WHERE t.account_id = a.id)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY a.id"},
    {IMPORT_ACCOUNT, IMPORT_ACCOUNT, SITE_UNDO_CHANGED,
     "SELECT a.id, a.code FROM account a WHERE a.id BETWEEN $1 AND $2 "
     "AND a.closed_at IS NOT NULL AND $3 <= $4 AND $5 > 0 ORDER BY a.id"},
    {IMPORT_ACCOUNT, IMPORT_ACCOUNT, SITE_UNDO_STAFF,
     "SELECT a.id, a.code FROM account a WHERE a.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM account_package t WHERE t.account_id = a.id) "
     "OR EXISTS (SELECT 1 FROM cut_approval t WHERE t.account_id = a.id "
     "AND t.state NOT IN ('refused', 'withdrawn')) "
     "OR EXISTS (SELECT 1 FROM account_term t WHERE t.account_id = a.id AND t.actor <> 'import') "
     "OR a.id IN (SELECT object_id FROM protection WHERE scope = 'account' AND lifted_at IS NULL)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY a.id"},
    {IMPORT_ACCOUNT, IMPORT_METER, SITE_UNDO_USED,
     "SELECT DISTINCT a.id, a.code FROM account a JOIN meter m ON m.account_id = a.id "
     "WHERE a.id BETWEEN $1 AND $2 AND m.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "meter", "m", "account_id") " ORDER BY a.id"},
    {IMPORT_METER, IMPORT_METER, SITE_UNDO_READING,
     "SELECT m.id, m.address FROM meter m WHERE m.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM charge_open t WHERE t.account_id = m.account_id AND t.meter_id = m.id) "
     "OR EXISTS (SELECT 1 FROM meter_wallet t WHERE t.account_id = m.account_id "
     "AND t.meter_id = m.id) OR EXISTS (SELECT 1 FROM relay t WHERE t.meter_id = m.id)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY m.id"},
    {IMPORT_METER, IMPORT_METER, SITE_UNDO_ORDER,
     "SELECT m.id, m.address FROM meter m WHERE m.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM command t WHERE t.meter_id = m.id) "
     "OR EXISTS (SELECT 1 FROM terminal_register t WHERE t.meter_id = m.id) "
     "OR EXISTS (SELECT 1 FROM control_dark t WHERE t.meter_id = m.id) "
     "OR EXISTS (SELECT 1 FROM vend_binding t WHERE t.meter_id = m.id)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY m.id"},
    {IMPORT_METER, IMPORT_METER, SITE_UNDO_CHANGED,
     "SELECT m.id, m.address FROM meter m WHERE m.id BETWEEN $1 AND $2 AND (m.epoch > 1 "
     "OR EXISTS (SELECT 1 FROM meter_exchange t WHERE t.meter_id = m.id)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY m.id"},
    {IMPORT_METER, IMPORT_METER, SITE_UNDO_STAFF,
     "SELECT m.id, m.address FROM meter m WHERE m.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM meter_ratio t WHERE t.meter_id = m.id) "
     "OR m.id IN (SELECT object_id FROM protection WHERE scope = 'meter' AND lifted_at IS NULL)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY m.id"},
    {IMPORT_CUSTOMER, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT DISTINCT c.id, c.code FROM customer c JOIN account a ON a.customer_id = c.id "
     "WHERE c.id BETWEEN $1 AND $2 AND a.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "account", "a", "customer_id") " ORDER BY c.id"},
    {IMPORT_PLACE, IMPORT_PLACE, SITE_UNDO_USED,
     "SELECT DISTINCT p.id, p.code FROM place p JOIN place b ON b.parent_id = p.id "
     "WHERE p.id BETWEEN $1 AND $2 AND b.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "place", "b", "parent_id") " ORDER BY p.id"},
    {IMPORT_PLACE, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT DISTINCT p.id, p.code FROM place p JOIN account a ON a.place_id = p.id "
     "WHERE p.id BETWEEN $1 AND $2 AND a.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "account", "a", "place_id") " ORDER BY p.id"},
    {IMPORT_PLACE, IMPORT_METER, SITE_UNDO_USED,
     "SELECT DISTINCT p.id, p.code FROM place p JOIN meter m ON m.place_id = p.id "
     "WHERE p.id BETWEEN $1 AND $2 AND m.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "meter", "m", "place_id") " ORDER BY p.id"},
    {IMPORT_PLACE, IMPORT_PLACE, SITE_UNDO_STAFF,
     "SELECT p.id, p.code FROM place p WHERE p.id BETWEEN $1 AND $2 "
     "AND p.id IN (SELECT object_id FROM protection WHERE scope = 'place' AND lifted_at IS NULL) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY p.id"},
    {IMPORT_LINE, IMPORT_METER, SITE_UNDO_USED,
     "SELECT DISTINCT l.id, g.serial || '/' || CAST(l.number AS TEXT) FROM line l "
     "JOIN gateway g ON g.id = l.gateway_id JOIN meter m ON m.line_id = l.id "
     "WHERE l.id BETWEEN $1 AND $2 AND m.id NOT BETWEEN $3 AND $4 AND $5 > 0 ORDER BY l.id"},
    {IMPORT_GATEWAY, IMPORT_LINE, SITE_UNDO_USED,
     "SELECT DISTINCT g.id, g.serial FROM gateway g JOIN line l ON l.gateway_id = g.id "
     "WHERE g.id BETWEEN $1 AND $2 AND l.id NOT BETWEEN $3 AND $4 AND $5 > 0 ORDER BY g.id"},
    {IMPORT_GATEWAY, IMPORT_GATEWAY, SITE_UNDO_CLAIMED,
     "SELECT g.id, g.serial FROM gateway g WHERE g.id BETWEEN $1 AND $2 "
     "AND (g.secret IS NOT NULL OR g.certificate_hash IS NOT NULL OR g.last_seen IS NOT NULL) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY g.id"},
    {IMPORT_GATEWAY, IMPORT_GATEWAY, SITE_UNDO_ORDER,
     "SELECT g.id, g.serial FROM gateway g WHERE g.id BETWEEN $1 AND $2 "
     "AND EXISTS (SELECT 1 FROM gateway_push_part t WHERE t.gateway_id = g.id) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY g.id"},
    {IMPORT_PLAN, IMPORT_PLAN, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM price_plan p WHERE p.id BETWEEN $1 AND $2 "
     "AND EXISTS (SELECT 1 FROM price_plan n WHERE n.project_id = p.project_id "
     "AND n.code = p.code AND n.version > p.version AND n.id NOT BETWEEN $3 AND $4) "
     "AND $5 > 0 ORDER BY p.id"},
    {IMPORT_PLAN, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM price_plan p WHERE p.id BETWEEN $1 AND $2 AND p.version = 1 "
     "AND EXISTS (SELECT 1 FROM account a WHERE a.project_id = p.project_id "
     "AND a.plan_code = p.code AND a.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "account", "a", "plan_code") ") ORDER BY p.id"},
    {IMPORT_PLAN, IMPORT_PLAN, SITE_UNDO_MONEY,
     "SELECT p.id, p.code FROM price_plan p WHERE p.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM charge_open c JOIN account a ON a.id = c.account_id "
     "WHERE a.project_id = p.project_id AND c.plan_code = p.code AND c.plan_version = p.version) "
     "OR EXISTS (SELECT 1 FROM settlement_basis c JOIN account a ON a.id = c.account_id "
     "WHERE a.project_id = p.project_id AND c.plan_code = p.code AND c.plan_version = p.version) "
     "OR EXISTS (SELECT 1 FROM rerate r WHERE r.project_id = p.project_id "
     "AND r.plan_code = p.code AND r.version = p.version)) AND $3 <= $4 AND $5 > 0 ORDER BY p.id"},
    {IMPORT_STRATEGY, IMPORT_STRATEGY, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM strategy p WHERE p.id BETWEEN $1 AND $2 "
     "AND EXISTS (SELECT 1 FROM strategy n WHERE n.project_id = p.project_id "
     "AND n.code = p.code AND n.version > p.version AND n.id NOT BETWEEN $3 AND $4) "
     "AND $5 > 0 ORDER BY p.id"},
    {IMPORT_STRATEGY, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM strategy p WHERE p.id BETWEEN $1 AND $2 AND p.version = 1 "
     "AND (EXISTS (SELECT 1 FROM account a WHERE a.project_id = p.project_id "
     "AND a.strategy_code = p.code AND a.id NOT BETWEEN $3 AND $4 AND " NOT_OURS(
         "account", "a", "strategy_code") ") "
                                          "OR EXISTS (SELECT 1 FROM strategy_package k WHERE "
                                          "k.project_id = p.project_id "
                                          "AND k.strategy_code = p.code) OR EXISTS (SELECT 1 FROM "
                                          "strategy_baseline k "
                                          "WHERE k.project_id = p.project_id AND k.strategy_code = "
                                          "p.code)) ORDER BY p.id"},
    {IMPORT_STRATEGY, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM strategy p WHERE p.id BETWEEN $1 AND $2 "
     "AND (EXISTS (SELECT 1 FROM fee_state f JOIN account a ON a.id = f.account_id "
     "WHERE a.project_id = p.project_id AND a.id NOT BETWEEN $3 AND $4 "
     "AND " DECIDED_UNDER(
         "f.strategy") ") OR EXISTS (SELECT 1 FROM audit d JOIN meter m "
                       "ON m.id = CAST(substr(d.object, 7) AS INTEGER) WHERE d.action = "
                       "'relay.wish' "
                       "AND m.project_id = p.project_id "
                       "AND " DECIDED_UNDER(
                           "json_extract(d.detail, '$.facts.strategy')") ")) "
                                                                         "AND $5 > 0 ORDER BY "
                                                                         "p.id"},
    {IMPORT_PROJECT, IMPORT_ACCOUNT, SITE_UNDO_USED,
     "SELECT p.id, p.code FROM project p WHERE p.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM account a WHERE a.project_id = p.id AND a.id NOT BETWEEN $3 AND $4) "
     "OR EXISTS (SELECT 1 FROM site_import i WHERE i.project_id = p.id AND i.id > $5 "
     "AND i.undone_at IS NULL)) ORDER BY p.id"},
    {IMPORT_PROJECT, IMPORT_PLAN, SITE_UNDO_USED, OTHERS_OF_PROJECT("price_plan")},
    {IMPORT_PROJECT, IMPORT_STRATEGY, SITE_UNDO_USED, OTHERS_OF_PROJECT("strategy")},
    {IMPORT_PROJECT, IMPORT_PLACE, SITE_UNDO_USED, OTHERS_OF_PROJECT("place")},
    {IMPORT_PROJECT, IMPORT_GATEWAY, SITE_UNDO_USED, OTHERS_OF_PROJECT("gateway")},
    {IMPORT_PROJECT, IMPORT_CUSTOMER, SITE_UNDO_USED, OTHERS_OF_PROJECT("customer")},
    {IMPORT_PROJECT, IMPORT_METER, SITE_UNDO_USED, OTHERS_OF_PROJECT("meter")},
    {IMPORT_PROJECT, IMPORT_PROJECT, SITE_UNDO_STAFF,
     "SELECT p.id, p.code FROM project p WHERE p.id BETWEEN $1 AND $2 AND ("
     "EXISTS (SELECT 1 FROM person_project t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM rerate t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM strategy_package t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM strategy_baseline t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM protection t WHERE t.project_id = p.id AND t.lifted_at IS NULL) "
     "OR EXISTS (SELECT 1 FROM cash_policy t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM cash_shift t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM day_closing t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM money_run t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM pay_policy t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM flow_rule t WHERE t.project_id = p.id) "
     "OR EXISTS (SELECT 1 FROM billing_rule t WHERE t.project_id = p.id)) "
     "AND $3 <= $4 AND $5 > 0 ORDER BY p.id"},
    {IMPORT_ORGANISATION, IMPORT_PROJECT, SITE_UNDO_USED,
     "SELECT o.id, o.code FROM organisation o WHERE o.id BETWEEN $1 AND $2 AND EXISTS ("
     "SELECT 1 FROM project p WHERE p.organisation_id = o.id AND p.id NOT BETWEEN $3 AND $4 "
     "AND " NOT_OURS("project", "p", "organisation_id") ") ORDER BY o.id"},
};

static enum err find_blocks(struct undo *undo)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        const struct range *r = &undo->made[blocks[i].table], *o = &undo->made[blocks[i].other];
        if (r->last < r->first)
            continue;
        struct query q = query_open(undo->tx, blocks[i].sql, "iiiii", r->first, r->last, o->first,
                                    o->last, undo->u->import_id);
        while (query_step(&q))
            block(undo->u, import_table_name(blocks[i].table), query_int(&q, 0), query_text(&q, 1),
                  blocks[i].reason);
        TRY(query_end(&q));
    }
    return ERR_OK;
}

/* Readings are kept elsewhere: who knows them is asked meter by meter. */
static enum err find_read(struct undo *undo)
{
    struct site_undo *u = undo->u;
    const struct range *r = &undo->made[IMPORT_METER];
    if (!u->was_read)
        return ERR_OK;
    struct query q =
        query_open(undo->tx, "SELECT id, address FROM meter WHERE id BETWEEN $1 AND $2 ORDER BY id",
                   "ii", r->first, r->last);
    while (query_step(&q))
        if (u->was_read(u->arg, query_int(&q, 0)))
            block(u, import_table_name(IMPORT_METER), query_int(&q, 0), query_text(&q, 1),
                  SITE_UNDO_READING);
    return query_end(&q);
}

/* --- what stands in the way of putting back ----------------------------------------------------
 */

static enum err code_of(struct undo *undo, const char *object, int64_t id, char *code, size_t cap)
{
    static const struct {
        const char *object, *sql;
    } names[] = {
        {"project", "SELECT code FROM project WHERE id = $1"},
        {"place", "SELECT code FROM place WHERE id = $1"},
        {"gateway", "SELECT serial FROM gateway WHERE id = $1"},
        {"line", "SELECT g.serial || '/' || CAST(l.number AS TEXT) FROM line l "
                 "JOIN gateway g ON g.id = l.gateway_id WHERE l.id = $1"},
        {"customer", "SELECT code FROM customer WHERE id = $1"},
        {"account", "SELECT code FROM account WHERE id = $1"},
        {"account_term", "SELECT code FROM account WHERE id = $1"},
        {"meter", "SELECT address FROM meter WHERE id = $1"},
    };
    snprintf(code, cap, "%lld", (long long)id);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].object, object) != 0)
            continue;
        struct query q = query_open(undo->tx, names[i].sql, "i", id);
        if (query_step(&q))
            snprintf(code, cap, "%s", query_text(&q, 0));
        return query_end(&q);
    }
    return ERR_OK;
}

static const char *object_word(const char *object)
{
    for (enum import_table t = 0; t < IMPORT_TABLES; t++)
        if (strcmp(import_table_name(t), object) == 0)
            return import_table_name(t);
    return import_table_name(IMPORT_ACCOUNT); /* its terms */
}

static enum err any(struct undo *undo, const char *sql, int64_t id, int64_t other, bool *found)
{
    int64_t count = 0;
    TRY(store_int(undo->tx, &count, sql, "ii", id, other));
    *found = count > 0;
    return ERR_OK;
}

struct fact {
    char object[16], field[24];
    int64_t id;
    char before[SITE_NAME_MAX + 1], after[SITE_NAME_MAX + 1];
};

/* The terms that the import added: still the last ones, and nothing was settled under them. */
static enum err check_term(struct undo *undo, const struct fact *f, bool *changed, bool *money)
{
    int64_t from = strtoll(f->field, NULL, 10), last = -1;
    TRY(store_int(undo->tx, &last,
                  "SELECT coalesce(max(from_at), -1) FROM account_term WHERE account_id = $1", "i",
                  f->id));
    *changed = last != from;
    return any(undo,
               "SELECT count(*) FROM settlement WHERE account_id = $1 AND closed_at > $2 "
               "AND $2 >= 0",
               f->id, from, money);
}

/* Whether anything was priced under the plan that the import gave the account. */
static enum err any_priced(struct undo *undo, const struct fact *f, bool *money)
{
    TRY(any(undo, "SELECT count(*) FROM settlement WHERE account_id = $1 AND closed_at > $2", f->id,
            undo->import.at.s, money));
    if (*money)
        return ERR_OK;
    struct query q = query_open(undo->tx,
                                "SELECT 1 FROM charge_open WHERE account_id = $1 "
                                "AND plan_code = $2",
                                "it", f->id, f->after);
    *money = query_step(&q);
    return query_end(&q);
}

static enum err check_stored(struct undo *undo, const struct fact *f, bool *changed, bool *money)
{
    char now[SITE_NAME_MAX + 1];
    enum err e = import_fact_now(undo->tx, f->object, f->field, f->id, now, sizeof now);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *changed = e == ERR_NOT_FOUND || strcmp(now, f->after) != 0;
    if (strcmp(f->field, "wallet") == 0)
        return any(undo, "SELECT count(*) FROM balance WHERE account_id = $1 AND $2 = 0", f->id, 0,
                   money);
    if (strcmp(f->field, "account_id") == 0)
        return any(undo, "SELECT count(*) FROM charge_open WHERE meter_id = $1 AND account_id = $2",
                   f->id, strtoll(f->after, NULL, 10), money);
    if (strcmp(f->field, "plan_code") == 0)
        return any_priced(undo, f, money);
    return ERR_OK;
}

/* What later imports changed on objects of this one: it would go with them, unannounced. */
static enum err find_corrected(struct undo *undo)
{
    struct query q = query_open(
        undo->tx,
        "SELECT f.object, f.object_id, max(f.import_id) FROM site_import_fact f "
        "JOIN site_import i ON i.id = f.import_id "
        "JOIN site_import_new n ON n.import_id = $1 AND f.object_id BETWEEN n.first_id AND "
        "n.last_id "
        "AND n.object = CASE f.object WHEN 'account_term' THEN 'account' ELSE f.object END "
        "WHERE f.import_id > $1 AND i.undone_at IS NULL GROUP BY n.object, f.object_id "
        "ORDER BY n.object, f.object_id",
        "i", undo->u->import_id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct site_undo *u = undo->u;
        char object[16], code[SITE_PATH_MAX + 1];
        site_take_text(&q, 0, object, sizeof object);
        e = code_of(undo, object, query_int(&q, 1), code, sizeof code);
        if (e == ERR_OK)
            put_block(u,
                      &(struct site_undo_blocker){.object = object_word(object),
                                                  .id = query_int(&q, 1),
                                                  .reason = SITE_UNDO_USED,
                                                  .later_import = query_int(&q, 2)},
                      code);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err check_fact(struct undo *undo, const struct fact *f)
{
    char code[SITE_PATH_MAX + 1];
    bool changed = false, money = false;
    if (strcmp(f->object, "account_term") == 0)
        TRY(check_term(undo, f, &changed, &money));
    else
        TRY(check_stored(undo, f, &changed, &money));
    undo->u->restored++;
    if (!changed && !money)
        return ERR_OK;
    TRY(code_of(undo, f->object, f->id, code, sizeof code));
    block(undo->u, object_word(f->object), f->id, code,
          changed ? SITE_UNDO_CHANGED : SITE_UNDO_MONEY);
    return ERR_OK;
}

static enum err put_back(struct undo *undo, const struct fact *f)
{
    if (strcmp(f->object, "account_term") == 0)
        return store_exec(undo->tx,
                          "DELETE FROM account_term WHERE account_id = $1 AND from_at = $2", "ii",
                          f->id, strtoll(f->field, NULL, 10));
    return import_fact_put(undo->tx, f->object, f->field, f->id, f->before);
}

static enum err each_fact(struct undo *undo, enum err (*each)(struct undo *, const struct fact *))
{
    enum err e = ERR_OK;
    struct query q = query_open(undo->tx,
                                "SELECT object, field, object_id, before_text, after_text "
                                "FROM site_import_fact WHERE import_id = $1 "
                                "ORDER BY object, object_id, field",
                                "i", undo->u->import_id);
    while (e == ERR_OK && query_step(&q)) {
        struct fact f = {.id = query_int(&q, 2)};
        site_take_text(&q, 0, f.object, sizeof f.object);
        site_take_text(&q, 1, f.field, sizeof f.field);
        site_take_text(&q, 3, f.before, sizeof f.before);
        site_take_text(&q, 4, f.after, sizeof f.after);
        e = each(undo, &f);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* --- looking -------------------------------------------------------------------------------- */

static enum err find_import(struct undo *undo)
{
    struct query q = query_open(undo->tx,
                                "SELECT project_id, undone_at IS NOT NULL, at FROM site_import "
                                "WHERE id = $1",
                                "i", undo->u->import_id);
    bool found = query_step(&q), undone = false;
    if (found) {
        undo->import.project_id = query_int(&q, 0);
        undone = query_int(&q, 1) != 0;
        undo->import.at.s = query_int(&q, 2);
    }
    TRY(query_end(&q));
    if (!found || (undo->u->project_id && undo->u->project_id != undo->import.project_id))
        return ERR_NOT_FOUND;
    return undone ? ERR_SITE_UNDONE : ERR_OK;
}

static enum err find_ranges(struct undo *undo)
{
    for (enum import_table t = 0; t < IMPORT_TABLES; t++)
        undo->made[t] = (struct range){1, 0};
    struct query q = query_open(
        undo->tx, "SELECT object, first_id, last_id FROM site_import_new WHERE import_id = $1", "i",
        undo->u->import_id);
    while (query_step(&q))
        for (enum import_table t = 0; t < IMPORT_TABLES; t++)
            if (strcmp(query_text(&q, 0), import_table_name(t)) == 0)
                undo->made[t] = (struct range){query_int(&q, 1), query_int(&q, 2)};
    TRY(query_end(&q));
    for (enum import_table t = 0; t < IMPORT_TABLES; t++)
        undo->u->removed += undo->made[t].last - undo->made[t].first + 1;
    return ERR_OK;
}

static enum err look(struct undo *undo)
{
    struct site_undo *u = undo->u;
    u->removed = u->restored = u->blocker_count = 0;
    u->shown = 0;
    TRY(find_import(undo));
    TRY(find_ranges(undo));
    TRY(find_corrected(undo));
    TRY(find_blocks(undo));
    TRY(find_read(undo));
    TRY(each_fact(undo, check_fact));
    return u->blocker_count ? ERR_SITE_UNDO : ERR_OK;
}

enum err site_import_undo_check(struct store_tx *tx, struct site_undo *u)
{
    return look(&(struct undo){.tx = tx, .u = u});
}

/* --- doing ------------------------------------------------------------------------------------ */

/* Gateways that stay, but lose lines or meters, or get old ones back, must hear of it. */
static enum err bump(struct undo *undo)
{
    return store_exec(
        undo->tx,
        "UPDATE gateway SET config_version = config_version + 1 WHERE id IN ("
        "SELECT l.gateway_id FROM line l JOIN meter m ON m.line_id = l.id "
        "WHERE m.id BETWEEN $1 AND $2 "
        "UNION SELECT gateway_id FROM line WHERE id BETWEEN $3 AND $4 "
        "UNION SELECT l.gateway_id FROM line l JOIN site_import_fact f ON f.object_id = l.id "
        "WHERE f.import_id = $5 AND f.object = 'line' "
        "UNION SELECT l.gateway_id FROM line l JOIN meter m ON m.line_id = l.id "
        "JOIN site_import_fact f ON f.object_id = m.id "
        "WHERE f.import_id = $5 AND f.object = 'meter')",
        "iiiii", undo->made[IMPORT_METER].first, undo->made[IMPORT_METER].last,
        undo->made[IMPORT_LINE].first, undo->made[IMPORT_LINE].last, undo->u->import_id);
}

/* Whoever belongs goes before what it belongs to. What the engines keep about an account that
 * nothing has happened to yet goes with it. */
static const struct {
    enum import_table table;
    const char *sql;
} steps[] = {
    {IMPORT_METER, "DELETE FROM meter WHERE id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM account_term WHERE account_id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM fee_state WHERE account_id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM fee_watch WHERE account_id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM fee_notice WHERE account_id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM nday WHERE account_id BETWEEN $1 AND $2"},
    {IMPORT_ACCOUNT, "DELETE FROM account WHERE id BETWEEN $1 AND $2"},
    {IMPORT_CUSTOMER, "DELETE FROM customer WHERE id BETWEEN $1 AND $2"},
    {IMPORT_LINE, "DELETE FROM line_told WHERE line_id BETWEEN $1 AND $2"},
    {IMPORT_LINE, "DELETE FROM line_hour WHERE line_id BETWEEN $1 AND $2"},
    {IMPORT_LINE, "DELETE FROM line WHERE id BETWEEN $1 AND $2"},
    {IMPORT_GATEWAY, "DELETE FROM gateway_legacy WHERE gateway_id BETWEEN $1 AND $2"},
    {IMPORT_GATEWAY, "DELETE FROM gateway_program WHERE gateway_id BETWEEN $1 AND $2"},
    {IMPORT_GATEWAY, "DELETE FROM gateway WHERE id BETWEEN $1 AND $2"},
    {IMPORT_PLACE, "DELETE FROM place WHERE id BETWEEN $1 AND $2"},
    {IMPORT_STRATEGY, "DELETE FROM strategy WHERE id BETWEEN $1 AND $2"},
    {IMPORT_PLAN, "DELETE FROM price_plan WHERE id BETWEEN $1 AND $2"},
    {IMPORT_PROJECT, "DELETE FROM protection WHERE project_id BETWEEN $1 AND $2"},
    {IMPORT_PROJECT, "DELETE FROM project WHERE id BETWEEN $1 AND $2"},
    {IMPORT_ORGANISATION, "DELETE FROM organisation WHERE id BETWEEN $1 AND $2"},
};

static bool has_word(const char *sql, const char *table)
{
    size_t len = strlen(table);
    for (const char *p = strstr(sql, table); p; p = strstr(p + 1, table))
        if (p > sql && p[-1] == ' ' && (p[len] == ' ' || p[len] == '\0'))
            return true;
    return false;
}

bool import_undo_knows(enum import_table parent, const char *table)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].table == parent && has_word(blocks[i].sql, table))
            return true;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].table == parent && has_word(steps[i].sql, table))
            return true;
    return false;
}

static enum err take_away(struct undo *undo)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct range *r = &undo->made[steps[i].table];
        if (r->last >= r->first)
            TRY(store_exec(undo->tx, steps[i].sql, "ii", r->first, r->last));
    }
    return ERR_OK;
}

static enum err write_undo(struct undo *undo, const char *actor, const char *reason, wall_s now)
{
    const struct site_undo *u = undo->u;
    struct detail d = {};
    char object[32];
    TRY(store_exec(undo->tx,
                   "UPDATE site_import SET undone_at = $2, undone_by = $3, undo_reason = $4 "
                   "WHERE id = $1",
                   "iitt", u->import_id, now.s, actor, reason));
    detail_int(&d, "import", u->import_id);
    detail_int(&d, "removed", u->removed);
    detail_int(&d, "restored", u->restored);
    detail_text(&d, "reason", reason);
    const char *facts = detail_end(&d);
    snprintf(object, sizeof object, "project:%lld", (long long)undo->import.project_id);
    TRY(journal_append(undo->tx, &(struct journal_act){.now = now,
                                                       .actor = actor,
                                                       .action = "site.import.undo",
                                                       .object = object,
                                                       .detail = facts}));
    return journal_event(undo->tx, &(struct journal_event){.at = now,
                                                           .kind = EVENT_SITE_IMPORT_UNDONE,
                                                           .project_id = undo->import.project_id,
                                                           .detail = facts});
}

enum err site_import_undo(struct store_tx *tx, struct site_undo *u, const char *actor,
                          const char *reason, wall_s now)
{
    struct undo undo = {.tx = tx, .u = u};
    if (!site_name_fits(reason, DETAIL_TEXT_MAX))
        return ERR_SITE_TEXT;
    TRY(look(&undo));
    TRY(bump(&undo));
    TRY(each_fact(&undo, put_back));
    TRY(take_away(&undo));
    return write_undo(&undo, actor, reason, now);
}

/* --- history ---------------------------------------------------------------------------------- */

enum err site_imports(struct store_tx *tx, int64_t project_id, int64_t before, int64_t limit,
                      site_imported_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT id, project_id, at, actor, file, lines, added, changed, "
                   "same, coalesce(undone_at, 0), coalesce(undone_by, ''), undo_reason "
                   "FROM site_import WHERE $1 IN (0, project_id) AND id < $2 "
                   "ORDER BY id DESC LIMIT $3",
                   "iii", project_id, before ? before : INT64_MAX, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct site_imported i = {.id = query_int(&q, 0),
                                  .project_id = query_int(&q, 1),
                                  .at = {query_int(&q, 2)},
                                  .actor = query_text(&q, 3),
                                  .file = query_text(&q, 4),
                                  .rows = query_int(&q, 5),
                                  .undone_at = {query_int(&q, 9)},
                                  .undone_by = query_text(&q, 10),
                                  .undo_reason = query_text(&q, 11)};
        i.rows_by_change[SITE_NEW] = query_int(&q, 6);
        i.rows_by_change[SITE_CHANGED] = query_int(&q, 7);
        i.rows_by_change[SITE_SAME] = query_int(&q, 8);
        e = each(arg, &i);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
