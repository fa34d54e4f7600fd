#include <stdio.h>

#include "base/must.h"
#include "terminals/terminals_impl.h"

void terminals_below(const char *under, char out[TERMINALS_BELOW])
{
    out[0] = '\0';
    if (under && *under)
        snprintf(out, TERMINALS_BELOW, "%s/", under);
}

/* --- one row a terminal ----------------------------------------------------------------------- */

static void take_one(const struct query *q, struct terminals_one *one)
{
    *one = (struct terminals_one){.meter_id = query_int(q, 0),
                                  .account_id = query_int(q, 1),
                                  .place_id = query_int(q, 2),
                                  .circuits = query_int(q, 3),
                                  .model = query_text(q, 4),
                                  .place = query_text(q, 5),
                                  .account = query_text(q, 6),
                                  .customer = query_text(q, 7)};
}

static void add_status(struct terminals_one *one, int64_t circuit, struct bytes value)
{
    if (circuit < 1 || circuit > 3)
        return;
    one->circuit[circuit - 1].known =
        meter_terminal_read_status(value, &one->circuit[circuit - 1].status) == ERR_OK;
}

static enum err add_registers(struct store_tx *tx, struct terminals_one *one)
{
    struct query q =
        query_open(tx,
                   "SELECT circuit, item, state IN ('pending', 'unknown'), "
                   "state IN ('refused', 'expired', 'lost'), value FROM terminal_register "
                   "WHERE meter_id = $1 AND (item = $2 OR state NOT IN ('none', 'done'))",
                   "ii", one->meter_id, (int64_t)METER_TERMINAL_STATUS);
    while (query_step(&q)) {
        one->waiting += query_int(&q, 2);
        one->failed += query_int(&q, 3);
        if (query_int(&q, 1) == METER_TERMINAL_STATUS)
            add_status(one, query_int(&q, 0), query_blob(&q, 4));
    }
    return query_end(&q);
}

enum err terminals_list(struct store_tx *tx, int64_t project_id, const char *under,
                        terminals_one_each *each, void *arg)
{
    struct terminals_one one;
    char prefix[TERMINALS_BELOW];
    enum err e = ERR_OK;
    terminals_below(under, prefix);
    struct query q = query_open(
        tx,
        "SELECT m.id, m.account_id, m.place_id, m.circuits, m.model, p.code, a.code, a.name "
        "FROM meter m JOIN place p ON p.id = m.place_id LEFT JOIN account a ON a.id = m.account_id "
        "WHERE m.project_id = $1 AND ($2 = '' OR substr(p.code || '/', 1, length($2)) = $2) "
        "ORDER BY m.id",
        "it", project_id, prefix);
    while (e == ERR_OK && query_step(&q)) {
        take_one(&q, &one);
        const struct meter_model *model = meter_model_find(one.model);
        if (!model || !meter_terminal_is(model))
            continue;
        e = add_registers(tx, &one);
        if (e == ERR_OK)
            e = each(arg, &one);
    }
    TRY(query_end(&q));
    return e;
}

/* --- writing to many -------------------------------------------------------------------------- */

struct found {
    int64_t ids[TERMINALS_MANY];
    int64_t count, circuit;
};

static enum err note(void *arg, const struct terminals_one *one)
{
    struct found *f = arg;
    if (f->circuit > one->circuits)
        return ERR_OK;
    if (f->count == TERMINALS_MANY)
        return ERR_TERMINALS_MANY;
    f->ids[f->count++] = one->meter_id;
    return ERR_OK;
}

enum err terminals_write_many(struct store_tx *tx, struct terminals_many *many)
{
    struct found found = {.circuit = many->wish.circuit};
    struct rand_stream ids = {many->wish.random};
    TRY(terminals_list(tx, many->project_id, many->under, note, &found));
    if (found.count == 0)
        return ERR_TERMINALS_NONE;
    for (int64_t i = 0; i < found.count; i++) {
        struct terminals_wish wish = many->wish;
        wish.meter_id = found.ids[i];
        wish.random = rand_u64(&ids);
        TRY(terminals_write(tx, &wish));
    }
    many->written = found.count;
    return ERR_OK;
}
