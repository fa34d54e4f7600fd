/*
 * What must stay: of the things that an import made, those that something stands on which would
 * lose its ground, and why.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "site/import_undo_impl.h"

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
void undo_put_block(struct site_undo *u, const struct site_undo_blocker *blocker, const char *code)
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

void undo_block(struct site_undo *u, const char *object, int64_t id, const char *code,
                enum site_undo_reason reason)
{
    undo_put_block(u, &(struct site_undo_blocker){.object = object, .id = id, .reason = reason},
                   code);
}

/* A row whose link to something new was set by this import: it gets its old one back. */
#define NOT_OURS(object, row, field)                                                               \
    "NOT EXISTS (SELECT 1 FROM site_import_fact f WHERE f.import_id = $5 AND f.object = '" object  \
    "' AND f.object_id = " row ".id AND f.field = '" field "')"

/* A decision names what it was made under: "code@3" or "code@3 package@1". */
#define DECIDED_UNDER(text)                                                                        \
    "substr(" text " || ' ', 1, length(p.code || '@' || p.version || ' ')) = "                     \
    "p.code || '@' || p.version || ' '"

/* Whatever the import did not make in a project that it made. */
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
            undo_block(undo->u, import_table_name(blocks[i].table), query_int(&q, 0),
                       query_text(&q, 1), blocks[i].reason);
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
            undo_block(u, import_table_name(IMPORT_METER), query_int(&q, 0), query_text(&q, 1),
                       SITE_UNDO_READING);
    return query_end(&q);
}

bool undo_names(const char *sql, const char *table)
{
    size_t len = strlen(table);
    for (const char *p = strstr(sql, table); p; p = strstr(p + 1, table))
        if (p > sql && p[-1] == ' ' && (p[len] == ' ' || p[len] == '\0'))
            return true;
    return false;
}

bool undo_keeps(enum import_table parent, const char *table)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].table == parent && undo_names(blocks[i].sql, table))
            return true;
    return false;
}

enum err undo_find_kept(struct undo *undo)
{
    TRY(find_blocks(undo));
    return find_read(undo);
}
