/* Meters. */
#include <string.h>

#include "base/must.h"
#include "meter/meter_model.h"
#include "site/site_impl.h"

static const char *const kinds[] = {"electricity", "water", "heat", "cooling", "gas"};

const char *site_meter_kind_name(enum site_meter_kind kind)
{
    MUST(kind <= SITE_GAS);
    return kinds[kind];
}

static enum site_meter_kind kind_of(const char *name)
{
    enum site_meter_kind kind = SITE_ELECTRICITY;
    while (kind < SITE_GAS && strcmp(kinds[kind], name) != 0)
        kind++;
    return kind;
}

#define METER                                                                                      \
    "SELECT m.id, m.project_id, coalesce(m.account_id, 0), m.place_id, m.line_id, "                \
    "l.gateway_id, l.number, m.address, m.model, m.kind, m.circuits, m.epoch, "                    \
    "m.customer_number FROM meter m JOIN line l ON l.id = m.line_id "

static void take_meter(const struct query *q, struct site_meter *m)
{
    m->id = query_int(q, 0);
    m->project_id = query_int(q, 1);
    m->account_id = query_int(q, 2);
    m->place_id = query_int(q, 3);
    m->line_id = query_int(q, 4);
    m->gateway_id = query_int(q, 5);
    m->line_number = query_int(q, 6);
    site_take_text(q, 7, m->address, sizeof m->address);
    site_take_text(q, 8, m->model, sizeof m->model);
    m->kind = kind_of(query_text(q, 9));
    m->circuits = query_int(q, 10);
    m->epoch = query_int(q, 11);
    site_take_text(q, 12, m->customer_number, sizeof m->customer_number);
}

static enum err one_meter(struct query *q, struct site_meter *m)
{
    bool found = query_step(q);
    if (found)
        take_meter(q, m);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err each_meter(struct query *q, site_meter_each *each, void *arg)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(q)) {
        struct site_meter m = {};
        take_meter(q, &m);
        e = each(arg, &m);
    }
    enum err ended = query_end(q);
    return e != ERR_OK ? e : ended;
}

enum err site_meter_get(struct store_tx *tx, int64_t id, struct site_meter *m)
{
    struct query q = query_open(tx, METER "WHERE m.id = $1", "i", id);
    return one_meter(&q, m);
}

enum err site_meters_of_account(struct store_tx *tx, int64_t account_id, site_meter_each *each,
                                void *arg)
{
    struct query q = query_open(tx, METER "WHERE m.account_id = $1 ORDER BY m.id", "i", account_id);
    return each_meter(&q, each, arg);
}

enum err site_meters_of_gateway(struct store_tx *tx, int64_t gateway_id, site_meter_each *each,
                                void *arg)
{
    struct query q = query_open(tx, METER "WHERE l.gateway_id = $1 ORDER BY m.id", "i", gateway_id);
    return each_meter(&q, each, arg);
}

enum err site_meters(struct store_tx *tx, int64_t project_id, site_meter_each *each, void *arg)
{
    struct query q =
        query_open(tx, METER "WHERE $1 IN (0, m.project_id) ORDER BY m.id", "i", project_id);
    return each_meter(&q, each, arg);
}

/* --- writing -------------------------------------------------------------------------------- */

static bool meter_fits(const struct site_meter *m)
{
    return site_digits(m->address, 12, 14) && site_code_fits(m->model) &&
           strlen(m->model) < sizeof m->model && m->circuits >= 1 &&
           m->circuits <= SITE_CIRCUITS_MAX && site_digits(m->customer_number, 12, 12);
}

static bool meter_same(const struct site_meter *old, const struct site_meter *m)
{
    return old->account_id == m->account_id && old->place_id == m->place_id &&
           strcmp(old->model, m->model) == 0 && old->kind == m->kind &&
           old->circuits == m->circuits && strcmp(old->customer_number, m->customer_number) == 0;
}

static enum err update_meter(struct store_tx *tx, const struct site_meter *m)
{
    return store_exec(tx,
                      "UPDATE meter SET account_id = nullif($2, 0), place_id = $3, model = $4, "
                      "kind = $5, circuits = $6, customer_number = $7 WHERE id = $1",
                      "iiittit", m->id, m->account_id, m->place_id, m->model, kinds[m->kind],
                      m->circuits, m->customer_number);
}

enum err site_meter_add(struct store_tx *tx, struct site_meter *m)
{
    if (!meter_fits(m))
        return ERR_SITE_METER;
    m->epoch = 1;
    if (!m->id)
        TRY(store_next_id(tx, "meter", &m->id));
    return store_exec(tx,
                      "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, "
                      "model, kind, circuits, customer_number) "
                      "VALUES ($1, $2, nullif($3, 0), $4, $5, $6, $7, $8, $9, $10)",
                      "iiiiitttit", m->id, m->project_id, m->account_id, m->place_id, m->line_id,
                      m->address, m->model, kinds[m->kind], m->circuits, m->customer_number);
}

enum err site_meter_by_address(struct store_tx *tx, int64_t line_id, const char *address,
                               struct site_meter *m)
{
    struct query q =
        query_open(tx, METER "WHERE m.line_id = $1 AND m.address = $2", "it", line_id, address);
    return one_meter(&q, m);
}

enum err site_meter_apply(struct store_tx *tx, struct site_meter *m, bool write,
                          enum site_change *change)
{
    struct site_meter old = {};
    if (!meter_fits(m))
        return ERR_SITE_METER;
    enum err e = site_meter_by_address(tx, m->line_id, m->address, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (old.account_id != 0 && old.account_id != m->account_id)
        return ERR_SITE_METER_ACCOUNT;
    m->id = old.id;
    m->epoch = old.epoch;
    *change = e != ERR_OK ? SITE_NEW : meter_same(&old, m) ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    return *change == SITE_NEW ? site_meter_add(tx, m) : update_meter(tx, m);
}

enum err site_meter_put(struct store_tx *tx, struct site_meter *m, enum site_change *change)
{
    struct site_line line = {};
    TRY(site_line_get(tx, m->line_id, &line));
    m->gateway_id = line.gateway_id;
    m->line_number = line.number;
    TRY(site_meter_apply(tx, m, true, change));
    return *change == SITE_SAME ? ERR_OK : site_gateway_config_bump(tx, m->gateway_id);
}

enum rating_unit site_meter_unit(enum site_meter_kind kind, const char *model)
{
    static const enum rating_unit units[] = {[SITE_ELECTRICITY] = RATING_KWH,
                                             [SITE_WATER] = RATING_M3,
                                             [SITE_GAS] = RATING_M3,
                                             [SITE_HEAT] = RATING_GJ,
                                             [SITE_COOLING] = RATING_GJ};
    const struct meter_model *m = meter_model_find(model);
    bool in_kwh = m && m->charged == METER_CHARGED_KWH;
    return units[kind] == RATING_GJ && in_kwh ? RATING_KWH : units[kind];
}

/* It measures the same, in the same unit; what was of a model that is gone cannot be compared. */
static bool can_replace(const struct site_meter *old, const char *model)
{
    const struct meter_model *before = meter_model_find(old->model);
    const struct meter_model *after = meter_model_find(model);
    return after && (!before || before->kind == after->kind) &&
           site_meter_unit(old->kind, old->model) == site_meter_unit(old->kind, model);
}

enum err site_meter_exchange(struct store_tx *tx, int64_t id, const char *address,
                             const char *model, int64_t *epoch)
{
    struct site_meter m = {};
    TRY(site_meter_get(tx, id, &m));
    if (!site_digits(address, 12, 14) || !site_code_fits(model) || strlen(model) >= sizeof m.model)
        return ERR_SITE_METER;
    if (strcmp(model, m.model) != 0 && !can_replace(&m, model))
        return ERR_SITE_METER_OTHER;
    *epoch = m.epoch + 1;
    TRY(store_exec(tx, "UPDATE meter SET address = $2, model = $3, epoch = $4 WHERE id = $1",
                   "itti", id, address, model, *epoch));
    return site_gateway_config_bump(tx, m.gateway_id);
}
