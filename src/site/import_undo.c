/*
 * Undoing an import: what it made goes, what it changed returns, unless something has happened
 * since that would lose its ground. What stands in the way is found first, all of it, and named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/detail.h"
#include "journal/journal.h"
#include "site/import_undo_impl.h"

/* --- what stands in the way of putting back --------------------------------------------------- */

struct fact {
    char object[16], field[24];
    int64_t id;
    char before[SITE_NAME_MAX + 1], after[SITE_NAME_MAX + 1];
};

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
            undo_put_block(u,
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
    undo_block(undo->u, object_word(f->object), f->id, code,
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
    TRY(undo_find_kept(undo));
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

bool import_undo_knows(enum import_table parent, const char *table)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].table == parent && undo_names(steps[i].sql, table))
            return true;
    return undo_keeps(parent, table);
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
