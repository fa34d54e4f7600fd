/* What an import writes down about itself, so that it can be undone, and the list of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "site/import_impl.h"

/* --- the facts of each table ----------------------------------------------------------------- */

#define TEXT(table, column)                                                                        \
    {                                                                                              \
#column, "UPDATE " #table " SET " #column " = $2 WHERE id = $1"                            \
    }
/* Numbers travel as texts; 0 stands for NULL where that is allowed. */
#define NUMBER(table, column)                                                                      \
    {                                                                                              \
#column,                                                                                   \
            "UPDATE " #table " SET " #column " = nullif(CAST($2 AS INTEGER), 0) WHERE id = $1"     \
    }

static const struct table {
    const char *name;
    const char
        *select; /* its facts in the order of `fields`; NULL: nothing of it is ever changed */
    struct {
        const char *name, *put;
    } fields[IMPORT_FIELDS];
} tables[IMPORT_TABLES] = {
    [IMPORT_ORGANISATION] = {"organisation", NULL, {}},
    [IMPORT_PROJECT] = {"project",
                        "SELECT organisation_id, name, zone FROM project WHERE id = $1",
                        {NUMBER(project, organisation_id), TEXT(project, name),
                         TEXT(project, zone)}},
    [IMPORT_PLAN] = {"price_plan", NULL, {}},
    [IMPORT_STRATEGY] = {"strategy", NULL, {}},
    [IMPORT_PLACE] = {"place",
                      "SELECT coalesce(parent_id, 0), kind, name FROM place WHERE id = $1",
                      {NUMBER(place, parent_id), TEXT(place, kind), TEXT(place, name)}},
    [IMPORT_GATEWAY] = {"gateway", "SELECT name FROM gateway WHERE id = $1", {TEXT(gateway, name)}},
    [IMPORT_LINE] = {"line",
                     "SELECT endpoint, baud, parity FROM line WHERE id = $1",
                     {TEXT(line, endpoint), NUMBER(line, baud), TEXT(line, parity)}},
    [IMPORT_CUSTOMER] = {"customer",
                         "SELECT name, phone FROM customer WHERE id = $1",
                         {TEXT(customer, name), TEXT(customer, phone)}},
    [IMPORT_ACCOUNT] = {"account",
                        "SELECT place_id, coalesce(customer_id, 0), name, wallet, plan_code, "
                        "strategy_code, coalesce(contract_at, 0) FROM account WHERE id = $1",
                        {NUMBER(account, place_id), NUMBER(account, customer_id),
                         TEXT(account, name), TEXT(account, wallet), TEXT(account, plan_code),
                         TEXT(account, strategy_code), NUMBER(account, contract_at)}},
    [IMPORT_METER] = {"meter",
                      "SELECT coalesce(account_id, 0), place_id, model, kind, circuits, "
                      "customer_number FROM meter WHERE id = $1",
                      {NUMBER(meter, account_id), NUMBER(meter, place_id), TEXT(meter, model),
                       TEXT(meter, kind), NUMBER(meter, circuits), TEXT(meter, customer_number)}},
};

const char *import_table_name(enum import_table table)
{
    return tables[table].name;
}

static const char *field_name(enum import_table table, size_t field)
{
    return tables[table].fields[field].name;
}

enum err import_facts(struct store_tx *tx, enum import_table table, int64_t id,
                      struct import_facts *out)
{
    const struct table *t = &tables[table];
    struct query q = query_open(tx, t->select, "i", id);
    bool found = query_step(&q);
    out->count = 0;
    while (found && out->count < IMPORT_FIELDS && t->fields[out->count].name) {
        size_t i = out->count++;
        site_take_text(&q, (int)i, out->text[i], sizeof out->text[i]);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static bool find_field(const char *table, const char *field, enum import_table *t, size_t *f)
{
    for (*t = 0; *t < IMPORT_TABLES; (*t)++) {
        if (strcmp(tables[*t].name, table) != 0)
            continue;
        for (*f = 0; *f < IMPORT_FIELDS && tables[*t].fields[*f].name; (*f)++)
            if (strcmp(tables[*t].fields[*f].name, field) == 0)
                return true;
    }
    return false;
}

enum err import_fact_now(struct store_tx *tx, const char *table, const char *field, int64_t id,
                         char *text, size_t cap)
{
    enum import_table t;
    size_t f;
    struct import_facts facts;
    if (!find_field(table, field, &t, &f))
        return ERR_NOT_FOUND;
    TRY(import_facts(tx, t, id, &facts));
    snprintf(text, cap, "%s", facts.text[f]);
    return ERR_OK;
}

enum err import_fact_put(struct store_tx *tx, const char *table, const char *field, int64_t id,
                         const char *text)
{
    enum import_table t;
    size_t f;
    if (!find_field(table, field, &t, &f))
        return ERR_NOT_FOUND;
    return store_exec(tx, tables[t].fields[f].put, "it", id, text);
}

/* --- ids ------------------------------------------------------------------------------------ */

static enum err last_of(struct store_tx *tx, enum import_table table, int64_t *last)
{
    return store_int(tx, last, "SELECT coalesce(max(last), 0) FROM sequence WHERE name = $1", "t",
                     tables[table].name);
}

/* Drawn here in memory and given back to the sequence at the end: one statement instead of one for
 * each of a hundred thousand. */
enum err import_draw(struct apply *a, enum import_table table, int64_t *id)
{
    struct import_ids *ids = &a->ids[table];
    if (ids->before < 0) {
        TRY(last_of(a->tx, table, &ids->before));
        ids->last = ids->before;
    }
    *id = ++ids->last;
    return ERR_OK;
}

static enum err set_last(struct store_tx *tx, enum import_table table, int64_t last)
{
    return store_exec(tx,
                      "INSERT INTO sequence (name, last) VALUES ($1, $2) "
                      "ON CONFLICT (name) DO UPDATE SET last = excluded.last",
                      "ti", tables[table].name, last);
}

/* --- what is written down --------------------------------------------------------------------- */

static enum err own_id(struct apply *a)
{
    return a->import_id ? ERR_OK : store_next_id(a->tx, "site_import", &a->import_id);
}

static enum err put_fact(struct apply *a, const char *table, const char *field, int64_t id,
                         const char *const texts[2])
{
    TRY(own_id(a));
    return store_exec(a->tx,
                      "INSERT INTO site_import_fact (import_id, object, object_id, field, "
                      "before_text, after_text) VALUES ($1, $2, $3, $4, $5, $6)",
                      "itittt", a->import_id, table, id, field, texts[0], texts[1]);
}

enum err import_log_change(struct apply *a, enum import_table table, int64_t id,
                           const struct import_facts *before)
{
    struct import_facts after;
    TRY(import_facts(a->tx, table, id, &after));
    for (size_t i = 0; i < after.count; i++)
        if (strcmp(before->text[i], after.text[i]) != 0)
            TRY(put_fact(a, tables[table].name, field_name(table, i), id,
                         (const char *[]){before->text[i], after.text[i]}));
    return ERR_OK;
}

enum err import_log_term(struct apply *a, int64_t account_id, wall_s from)
{
    char at[24];
    snprintf(at, sizeof at, "%lld", (long long)from.s);
    return put_fact(a, "account_term", at, account_id, (const char *[]){"", at});
}

static enum err put_range(struct apply *a, enum import_table table)
{
    const struct import_ids *ids = &a->ids[table];
    if (ids->before < 0 || ids->last == ids->before)
        return ERR_OK;
    TRY(own_id(a));
    return store_exec(a->tx,
                      "INSERT INTO site_import_new (import_id, object, first_id, last_id) "
                      "VALUES ($1, $2, $3, $4)",
                      "itii", a->import_id, tables[table].name, ids->before + 1, ids->last);
}

static enum err put_import(struct apply *a)
{
    const struct site_import_result *r = &a->im->result;
    return store_exec(a->tx,
                      "INSERT INTO site_import (id, project_id, at, actor, file, lines, added, "
                      "changed, same) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      "iiittiiii", a->import_id, a->project_id, a->now.s, a->actor, a->im->file,
                      r->rows, r->rows_by_change[SITE_NEW], r->rows_by_change[SITE_CHANGED],
                      r->rows_by_change[SITE_SAME]);
}

/* Those whose ids came from the sequence one by one. */
static bool drawn_singly(enum import_table table)
{
    return table <= IMPORT_STRATEGY;
}

enum err import_log_begin(struct apply *a)
{
    for (enum import_table t = 0; drawn_singly(t); t++)
        TRY(last_of(a->tx, t, &a->ids[t].before));
    return ERR_OK;
}

enum err import_log(struct apply *a)
{
    TRY(own_id(a));
    TRY(put_import(a));
    for (enum import_table t = 0; t < IMPORT_TABLES; t++) {
        struct import_ids *ids = &a->ids[t];
        if (drawn_singly(t))
            TRY(last_of(a->tx, t, &ids->last));
        else if (ids->before >= 0 && ids->last > ids->before)
            TRY(set_last(a->tx, t, ids->last));
        TRY(put_range(a, t));
    }
    a->im->result.import_id = a->import_id;
    return ERR_OK;
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
