/* Open charges: the rows of charge_open, and how they begin. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "billing/billing_impl.h"

#define COLUMNS                                                                                    \
    "account_id, meter_id, epoch, plan_code, plan_version, opened_at, reading_at, total_wh, "      \
    "rate1_wh, rate2_wh, rate3_wh, rate4_wh, carry_exact, balance_fen, purchase_count, "           \
    "purchased_fen, broken, held, wallet_at, estimated, ratio"

static void read_charge(const struct query *q, struct charge *c)
{
    *c = (struct charge){.account_id = query_int(q, 0),
                         .meter_id = query_int(q, 1),
                         .epoch = query_int(q, 2),
                         .plan_version = query_int(q, 4),
                         .opened_at = {query_int(q, 5)},
                         .reading_at = {query_int(q, 6)},
                         .carry = query_int(q, 12),
                         .broken = query_int(q, 16) != 0,
                         .estimated = (enum estimate)query_int(q, 19),
                         .ratio = query_int(q, 20)};
    for (int i = 0; i < READINGS_REGISTERS; i++)
        c->wh[i] = query_int(q, 7 + i);
    c->wallet.known = !query_null(q, 13);
    c->wallet.balance_fen = query_int(q, 13);
    c->wallet.at.s = query_int(q, 18);
    c->wallet.count = query_null(q, 14) ? -1 : query_int(q, 14);
    c->wallet.purchased_fen = query_null(q, 15) ? -1 : query_int(q, 15);
    text_copy(c->plan_code, sizeof c->plan_code, query_text(q, 3));
    text_copy(c->held, sizeof c->held, query_text(q, 17));
}

enum err charge_list(struct store_tx *tx, int64_t account_id, struct charge *list, size_t *count)
{
    struct query q = query_open(
        tx, "SELECT " COLUMNS " FROM charge_open WHERE account_id = $1 ORDER BY meter_id", "i",
        account_id);
    bool many = false;
    *count = 0;
    while (query_step(&q)) {
        many = *count == BILLING_METERS_MAX;
        if (many)
            break;
        read_charge(&q, &list[(*count)++]);
    }
    TRY(query_end(&q));
    return many ? ERR_BILLING_METERS : ERR_OK;
}

static enum err put_wallet(struct store_tx *tx, const struct charge *c)
{
    return store_exec(tx,
                      "UPDATE charge_open SET balance_fen = $3, purchase_count = nullif($4, -1), "
                      "purchased_fen = nullif($5, -1), wallet_at = $6 "
                      "WHERE account_id = $1 AND meter_id = $2",
                      "iiiiii", c->account_id, c->meter_id, c->wallet.balance_fen, c->wallet.count,
                      c->wallet.purchased_fen, c->wallet.at.s);
}

enum err charge_put(struct store_tx *tx, const struct charge *c)
{
    TRY(store_exec(
        tx,
        "INSERT OR REPLACE INTO charge_open (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, $10, $11, $12, $13, NULL, NULL, NULL, $14, $15, NULL, $16, $17)",
        "iiitiiiiiiiiiitii", c->account_id, c->meter_id, c->epoch, c->plan_code, c->plan_version,
        c->opened_at.s, c->reading_at.s, c->wh[0], c->wh[1], c->wh[2], c->wh[3], c->wh[4], c->carry,
        (int64_t)c->broken, c->held, (int64_t)c->estimated, c->ratio));
    return c->wallet.known ? put_wallet(tx, c) : ERR_OK;
}

enum err charge_drop(struct store_tx *tx, const struct charge *c)
{
    return store_exec(tx, "DELETE FROM charge_open WHERE account_id = $1 AND meter_id = $2", "ii",
                      c->account_id, c->meter_id);
}

enum err registers_of(const int64_t wh[READINGS_REGISTERS], int64_t ratio,
                      struct rating_registers *out)
{
    TRY(units_mul(wh[0], ratio, &out->total_wh));
    for (int i = 0; i < RATING_METER_RATES; i++)
        TRY(units_mul(wh[1 + i], ratio, &out->rate_wh[i]));
    return ERR_OK;
}

static enum err read_place(const struct query *q, struct rating_position *position)
{
    if (query_text(q, 4)[0] != '\0')
        return position_read(query_text(q, 4), position);
    *position =
        (struct rating_position){.cycle_day = (int32_t)query_int(q, 0),
                                 .used_wh = query_int(q, 1),
                                 .paid = {(int32_t)query_int(q, 2), (int32_t)query_int(q, 3), 0}};
    position->shared = (struct rating_shared){.until_s = INT64_MIN, .paid = position->paid};
    return ERR_OK;
}

/* Nothing if it shares nothing so far. */
static enum err shared_load(struct store_tx *tx, int64_t account_id,
                            struct rating_position *position)
{
    struct rating_position account;
    enum err e = ERR_OK;
    struct query q = query_open(tx, "SELECT position FROM account_position WHERE account_id = $1",
                                "i", account_id);
    if (query_step(&q)) {
        e = position_read(query_text(&q, 0), &account);
        position->shared = account.shared;
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

enum err shared_put(struct store_tx *tx, int64_t account_id, const struct rating_position *position)
{
    char text[POSITION_MAX];
    const struct rating_position account = {.shared = position->shared};
    position_print(&account, text);
    return store_exec(tx,
                      "INSERT OR REPLACE INTO account_position (account_id, position) "
                      "VALUES ($1, $2)",
                      "it", account_id, text);
}

enum err position_load(struct store_tx *tx, const struct charge *c,
                       struct rating_position *position)
{
    enum err e = ERR_OK;
    *position = (struct rating_position){};
    struct query q = query_open(tx,
                                "SELECT cycle_day, used_wh, fee_day, fee_month, position "
                                "FROM charge_position WHERE account_id = $1 AND meter_id = $2",
                                "ii", c->account_id, c->meter_id);
    if (query_step(&q)) {
        e = read_place(&q, position);
        position->begun = true;
    }
    enum err end = query_end(&q);
    position->carry = c->carry;
    TRY(e != ERR_OK ? e : end);
    return shared_load(tx, c->account_id, position);
}

enum err position_put(struct store_tx *tx, const struct charge *c,
                      const struct rating_position *position)
{
    char text[POSITION_MAX];
    struct rating_position own = *position;
    own.shared = (struct rating_shared){};
    position_print(&own, text);
    TRY(shared_put(tx, c->account_id, position));
    return store_exec(tx,
                      "INSERT OR REPLACE INTO charge_position (account_id, meter_id, cycle_day, "
                      "used_wh, fee_day, fee_month, position) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                      "iiiiiit", c->account_id, c->meter_id, (int64_t)position->cycle_day,
                      position->used_wh, (int64_t)position->paid.day, (int64_t)position->paid.month,
                      text);
}

enum err charge_has_others(struct store_tx *tx, const struct charge *c, bool *yes)
{
    int64_t others;
    TRY(store_int(tx, &others,
                  "SELECT EXISTS (SELECT 1 FROM charge_open WHERE account_id = $1 AND meter_id <> "
                  "$2) OR EXISTS (SELECT 1 FROM charge_position WHERE account_id = $1 AND "
                  "meter_id <> $2)",
                  "ii", c->account_id, c->meter_id));
    *yes = others != 0;
    return ERR_OK;
}

enum err position_drop(struct store_tx *tx, const struct charge *c)
{
    bool others;
    TRY(charge_has_others(tx, c, &others));
    if (!others)
        TRY(store_exec(tx, "DELETE FROM account_position WHERE account_id = $1", "i",
                       c->account_id));
    return store_exec(tx, "DELETE FROM charge_position WHERE account_id = $1 AND meter_id = $2",
                      "ii", c->account_id, c->meter_id);
}

struct wallet wallet_of(const struct readings_registers *r)
{
    return (struct wallet){r->wallet_known, r->wallet_at, r->balance_fen, r->count,
                           r->purchased_fen};
}

static const enum meter_point register_points[READINGS_REGISTERS] = {
    POINT_ENERGY_WH, POINT_ENERGY_RATE1_WH, POINT_ENERGY_RATE2_WH, POINT_ENERGY_RATE3_WH,
    POINT_ENERGY_RATE4_WH};

#define TOGETHER_S 600 /* told within the same few sweeps */

static void newest_wallet(const struct readings *r, int64_t meter_id,
                          struct readings_registers *out)
{
    wall_s at;
    int64_t v;
    out->count = out->purchased_fen = -1;
    out->wallet_known =
        readings_value(r, meter_id, POINT_BALANCE_FEN, &out->balance_fen, &out->wallet_at);
    if (!out->wallet_known)
        return;
    if (readings_value(r, meter_id, POINT_PURCHASE_COUNT, &v, &at) &&
        at.s >= out->wallet_at.s - TOGETHER_S)
        out->count = v;
    if (readings_value(r, meter_id, POINT_PURCHASED_FEN, &v, &at) && at.s == out->wallet_at.s)
        out->purchased_fen = v;
}

bool newest_registers(const struct readings *r, int64_t meter_id, struct readings_registers *out)
{
    wall_s newest;
    *out = (struct readings_registers){};
    if (!readings_newest(r, meter_id, &newest, &out->epoch) ||
        !readings_value(r, meter_id, POINT_ENERGY_WH, &out->wh[0], &out->at))
        return false;
    for (int i = 1; i < READINGS_REGISTERS; i++)
        if (!readings_value(r, meter_id, register_points[i], &out->wh[i], NULL))
            out->wh[i] = 0;
    newest_wallet(r, meter_id, out);
    return true;
}

/* --- opening
 * -------------------------------------------------------------------------------------- */

struct meter_row {
    int64_t account_id;
    bool open; /* a charge of this account exists */
    int64_t epoch;
    wall_s opened_at;
    bool broken;
};

static enum err find_meter(struct store_tx *tx, int64_t meter_id, struct meter_row *row)
{
    struct query q =
        query_open(tx,
                   "SELECT m.account_id, c.meter_id IS NOT NULL, c.epoch, c.opened_at, c.broken "
                   "FROM meter m LEFT JOIN charge_open c "
                   "ON c.account_id = m.account_id AND c.meter_id = m.id WHERE m.id = $1",
                   "i", meter_id);
    bool found = query_step(&q);
    if (found)
        *row = (struct meter_row){query_int(&q, 0),
                                  query_int(&q, 1) != 0,
                                  query_int(&q, 2),
                                  {query_int(&q, 3)},
                                  query_int(&q, 4) != 0};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* ERR_NOT_FOUND: the wallet is not proven yet. */
static enum err first_wallet(struct store_tx *tx, const struct site_account *a,
                             const struct readings_registers *r, struct charge *c)
{
    struct wallet_move move = {
        .account = a, .meter_id = c->meter_id, .epoch = c->epoch, .at = r->wallet_at};
    struct wallet told = wallet_of(r);
    c->wallet = told;
    return wallet_opening(tx, &move, &told, &c->wallet.balance_fen);
}

static enum err open_charge(struct store_tx *tx, const struct site_account *a, int64_t meter_id,
                            const struct readings_registers *r, wall_s now)
{
    struct site_version v;
    enum err e = site_plan_in_force(tx, a->project_id, a->plan_code, r->at, &v);
    if (e == ERR_SITE_PLAN_UNKNOWN) /* the plan was entered after the meter was read */
        e = site_plan_in_force(tx, a->project_id, a->plan_code, now, &v);
    if (e == ERR_SITE_PLAN_UNKNOWN)
        return ERR_OK;
    TRY(e);
    struct charge c = {.account_id = a->id,
                       .meter_id = meter_id,
                       .epoch = r->epoch,
                       .plan_version = v.version,
                       .opened_at = r->at,
                       .reading_at = r->at};
    snprintf(c.plan_code, sizeof c.plan_code, "%s", a->plan_code);
    memcpy(c.wh, r->wh, sizeof c.wh);
    TRY(billing_ratio_at(tx, meter_id, r->at, &c.ratio));
    if (a->wallet == SITE_WALLET_METER)
        e = first_wallet(tx, a, r, &c);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* a later reading opens it */
    TRY(e);
    return charge_put(tx, &c);
}

/* The registers are not one rising run any more: the clerk settles up to the break. */
static enum err mark_broken(struct store_tx *tx, int64_t account_id, int64_t meter_id)
{
    return store_exec(tx,
                      "UPDATE charge_open SET broken = 1 WHERE account_id = $1 AND meter_id = $2",
                      "ii", account_id, meter_id);
}

enum err billing_open(struct store_tx *tx, const struct readings *readings, int64_t meter_id,
                      wall_s now)
{
    struct meter_row row;
    struct readings_registers r;
    struct site_account a;
    enum err e = find_meter(tx, meter_id, &row);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && row.account_id == 0))
        return ERR_OK;
    TRY(e);
    if (!newest_registers(readings, meter_id, &r))
        return ERR_OK;
    wall_s broke;
    bool fell =
        row.open && readings_last_break(readings, meter_id, &broke) && broke.s > row.opened_at.s;
    if (fell && !row.broken)
        return mark_broken(tx, row.account_id, meter_id);
    if (row.open)
        return ERR_OK;
    TRY(site_account_get(tx, row.account_id, &a));
    bool told = a.wallet == SITE_WALLET_PLATFORM || (r.wallet_known && r.count >= 0);
    if (a.closed_at.s != 0 || !told)
        return ERR_OK;
    return open_charge(tx, &a, meter_id, &r, now);
}

enum err billing_moved(struct store_tx *tx, const struct readings *readings,
                       const struct readings_moved *moved, wall_s now)
{
    for (size_t i = 0; i < moved->count; i++)
        TRY(billing_open(tx, readings, moved->meter[i].meter_id, now));
    return ERR_OK;
}
