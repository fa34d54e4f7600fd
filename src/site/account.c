/* Customers and accounts. */
#include <string.h>

#include "base/must.h"
#include "site/site_impl.h"

/* --- customers ------------------------------------------------------------------------------ */

#define CUSTOMER "SELECT id, project_id, code, name, phone FROM customer "

static void take_customer(const struct query *q, struct site_customer *c)
{
    c->id = query_int(q, 0);
    c->project_id = query_int(q, 1);
    site_take_text(q, 2, c->code, sizeof c->code);
    site_take_text(q, 3, c->name, sizeof c->name);
    site_take_text(q, 4, c->phone, sizeof c->phone);
}

static enum err one_customer(struct query *q, struct site_customer *c)
{
    bool found = query_step(q);
    if (found)
        take_customer(q, c);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_customer_get(struct store_tx *tx, int64_t id, struct site_customer *c)
{
    struct query q = query_open(tx, CUSTOMER "WHERE id = $1", "i", id);
    return one_customer(&q, c);
}

enum err site_customer_by_code(struct store_tx *tx, int64_t project_id, const char *code,
                               struct site_customer *c)
{
    struct query q =
        query_open(tx, CUSTOMER "WHERE project_id = $1 AND code = $2", "it", project_id, code);
    return one_customer(&q, c);
}

static bool customer_fits(const struct site_customer *c)
{
    return site_code_fits(c->code) && site_name_fits(c->name, SITE_NAME_MAX) &&
           site_phone_fits(c->phone);
}

enum err site_customer_add(struct store_tx *tx, struct site_customer *c)
{
    if (!customer_fits(c))
        return ERR_SITE_TEXT;
    if (!c->id)
        TRY(store_next_id(tx, "customer", &c->id));
    return store_exec(tx,
                      "INSERT INTO customer (id, project_id, code, name, phone) "
                      "VALUES ($1, $2, $3, $4, $5)",
                      "iittt", c->id, c->project_id, c->code, c->name, c->phone);
}

enum err site_customer_apply(struct store_tx *tx, struct site_customer *c, bool write,
                             enum site_change *change)
{
    struct site_customer old = {};
    if (!customer_fits(c))
        return ERR_SITE_TEXT;
    enum err e = site_customer_by_code(tx, c->project_id, c->code, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool same = e == ERR_OK && strcmp(old.name, c->name) == 0 && strcmp(old.phone, c->phone) == 0;
    c->id = old.id;
    *change = e != ERR_OK ? SITE_NEW : same ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    if (*change == SITE_CHANGED)
        return store_exec(tx, "UPDATE customer SET name = $2, phone = $3 WHERE id = $1", "itt",
                          c->id, c->name, c->phone);
    return site_customer_add(tx, c);
}

enum err site_customer_put(struct store_tx *tx, struct site_customer *c, enum site_change *change)
{
    return site_customer_apply(tx, c, true, change);
}

/* --- accounts ------------------------------------------------------------------------------- */

static const char *const wallets[] = {"platform", "meter"};

const char *site_wallet_name(enum site_wallet wallet)
{
    MUST(wallet <= SITE_WALLET_METER);
    return wallets[wallet];
}

#define ACCOUNT_COLUMNS                                                                            \
    "SELECT a.id, a.project_id, a.place_id, coalesce(a.customer_id, 0), a.code, a.name, "          \
    "a.wallet, a.plan_code, a.strategy_code, coalesce(a.contract_at, 0), a.opened_at, "            \
    "coalesce(a.closed_at, 0) FROM account a "

static void take_account(const struct query *q, struct site_account *a)
{
    a->id = query_int(q, 0);
    a->project_id = query_int(q, 1);
    a->place_id = query_int(q, 2);
    a->customer_id = query_int(q, 3);
    site_take_text(q, 4, a->code, sizeof a->code);
    site_take_text(q, 5, a->name, sizeof a->name);
    a->wallet = strcmp(query_text(q, 6), wallets[SITE_WALLET_METER]) == 0 ? SITE_WALLET_METER
                                                                          : SITE_WALLET_PLATFORM;
    site_take_text(q, 7, a->plan_code, sizeof a->plan_code);
    site_take_text(q, 8, a->strategy_code, sizeof a->strategy_code);
    a->contract_at = (wall_s){query_int(q, 9)};
    a->opened_at = (wall_s){query_int(q, 10)};
    a->closed_at = (wall_s){query_int(q, 11)};
}

static enum err one_account(struct query *q, struct site_account *a)
{
    bool found = query_step(q);
    if (found)
        take_account(q, a);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err each_account(struct query *q, site_account_each *each, void *arg)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(q)) {
        struct site_account a = {};
        take_account(q, &a);
        e = each(arg, &a);
    }
    enum err ended = query_end(q);
    return e != ERR_OK ? e : ended;
}

enum err site_account_get(struct store_tx *tx, int64_t id, struct site_account *a)
{
    struct query q = query_open(tx, ACCOUNT_COLUMNS "WHERE a.id = $1", "i", id);
    return one_account(&q, a);
}

enum err site_account_close(struct store_tx *tx, int64_t id, wall_s at)
{
    TRY(store_exec(tx, "UPDATE account SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL",
                   "ii", id, at.s));
    return store_changes(tx) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_account_by_code(struct store_tx *tx, int64_t project_id, const char *code,
                              struct site_account *a)
{
    struct query q = query_open(tx, ACCOUNT_COLUMNS "WHERE a.project_id = $1 AND a.code = $2", "it",
                                project_id, code);
    return one_account(&q, a);
}

enum err site_accounts(struct store_tx *tx, int64_t project_id, int64_t after, int64_t limit,
                       site_account_each *each, void *arg)
{
    struct query q = query_open(tx,
                                ACCOUNT_COLUMNS "WHERE $1 IN (0, a.project_id) AND a.id > $2 "
                                                "ORDER BY a.id LIMIT $3",
                                "iii", project_id, after, limit > 0 ? limit : INT64_MAX);
    return each_account(&q, each, arg);
}

/* `position` of a text in another: instr in SQLite, strpos in PostgreSQL; LIKE is in both, but its
 * wildcards in the searched text must be made harmless. */
static bool like_pattern(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    out[n++] = '%';
    for (; *text; text++) {
        if (n + 4 > cap)
            return false;
        if (strchr("%_\\", *text))
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n++] = '%';
    out[n] = 0;
    return true;
}

enum err site_accounts_find(struct store_tx *tx, int64_t project_id, const char *text,
                            int64_t limit, site_account_each *each, void *arg)
{
    char pattern[2 * SITE_NAME_MAX + 4];
    if (!like_pattern(text, pattern, sizeof pattern))
        return ERR_OK; /* longer than anything that could contain it */
    struct query q = query_open(
        tx,
        ACCOUNT_COLUMNS
        "JOIN place p ON p.id = a.place_id LEFT JOIN customer c ON c.id = a.customer_id "
        "WHERE $1 IN (0, a.project_id) AND (a.code LIKE $2 ESCAPE '\\' "
        "OR a.name LIKE $2 ESCAPE '\\' OR p.code LIKE $2 ESCAPE '\\' OR p.name LIKE $2 ESCAPE '\\' "
        "OR c.name LIKE $2 ESCAPE '\\' OR c.phone LIKE $2 ESCAPE '\\' "
        "OR EXISTS (SELECT 1 FROM meter m WHERE m.account_id = a.id "
        "AND m.address LIKE $2 ESCAPE '\\')) ORDER BY a.code LIMIT $3",
        "iti", project_id, pattern, limit > 0 ? limit : INT64_MAX);
    return each_account(&q, each, arg);
}

static bool account_fits(const struct site_account *a)
{
    return site_code_fits(a->code) && site_name_fits(a->name, SITE_NAME_MAX) &&
           site_code_fits(a->plan_code) &&
           (a->strategy_code[0] == '\0' || site_code_fits(a->strategy_code));
}

static bool account_same(const struct site_account *old, const struct site_account *a)
{
    return old->place_id == a->place_id && old->customer_id == a->customer_id &&
           strcmp(old->name, a->name) == 0 && old->wallet == a->wallet &&
           strcmp(old->plan_code, a->plan_code) == 0 &&
           strcmp(old->strategy_code, a->strategy_code) == 0 &&
           old->contract_at.s == a->contract_at.s;
}

/* Money that was booked under one meaning of "balance" must not silently get another. */
static enum err check_wallet(struct store_tx *tx, const struct site_account *old,
                             const struct site_account *a)
{
    int64_t booked = 0;
    if (old->wallet == a->wallet)
        return ERR_OK;
    TRY(store_int(tx, &booked, "SELECT count(*) FROM balance WHERE account_id = $1", "i", old->id));
    return booked == 0 ? ERR_OK : ERR_SITE_WALLET_FIXED;
}

struct fitting {
    enum rating_unit unit;
    bool *fits;
};

static enum err is_charged_in(void *arg, const struct site_meter *m)
{
    const struct fitting *f = arg;
    *f->fits = *f->fits && site_meter_unit(m->kind, m->model) == f->unit;
    return ERR_OK;
}

/* The meters that it has are charged in the unit of its plan. */
static enum err check_unit(struct store_tx *tx, const struct site_account *old,
                           const struct site_account *a)
{
    enum rating_unit unit;
    bool fits = true;
    if (strcmp(old->plan_code, a->plan_code) == 0)
        return ERR_OK;
    enum err e = site_plan_unit(tx, a->project_id, a->plan_code, &unit);
    if (e == ERR_SITE_PLAN_UNKNOWN)
        return ERR_OK; /* it is told as such, or comes with the same import */
    TRY(e);
    TRY(site_meters_of_account(tx, old->id, is_charged_in, &(struct fitting){unit, &fits}));
    return fits ? ERR_OK : ERR_SITE_PLAN_UNIT;
}

static enum err update_account(struct store_tx *tx, const struct site_account *a)
{
    return store_exec(tx,
                      "UPDATE account SET place_id = $2, customer_id = nullif($3, 0), name = $4, "
                      "wallet = $5, plan_code = $6, strategy_code = $7, "
                      "contract_at = nullif($8, 0) WHERE id = $1",
                      "iiitttti", a->id, a->place_id, a->customer_id, a->name, wallets[a->wallet],
                      a->plan_code, a->strategy_code, a->contract_at.s);
}

enum err site_account_add(struct store_tx *tx, struct site_account *a)
{
    if (!account_fits(a))
        return ERR_SITE_TEXT;
    if (!a->id)
        TRY(store_next_id(tx, "account", &a->id));
    return store_exec(tx,
                      "INSERT INTO account (id, project_id, place_id, customer_id, code, name, "
                      "wallet, plan_code, strategy_code, contract_at, opened_at) "
                      "VALUES ($1, $2, $3, nullif($4, 0), $5, $6, $7, $8, $9, nullif($10, 0), $11)",
                      "iiiitttttii", a->id, a->project_id, a->place_id, a->customer_id, a->code,
                      a->name, wallets[a->wallet], a->plan_code, a->strategy_code, a->contract_at.s,
                      a->opened_at.s);
}

enum err site_account_apply(struct store_tx *tx, struct site_account *a, bool write,
                            enum site_change *change)
{
    struct site_account old = {};
    if (!account_fits(a))
        return ERR_SITE_TEXT;
    enum err e = site_account_by_code(tx, a->project_id, a->code, &old);
    if (e == ERR_NOT_FOUND) {
        *change = SITE_NEW;
        a->id = 0;
        return write ? site_account_add(tx, a) : ERR_OK;
    }
    TRY(e);
    a->id = old.id;
    a->opened_at = old.opened_at;
    a->closed_at = old.closed_at;
    *change = account_same(&old, a) ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME)
        return ERR_OK;
    TRY(check_wallet(tx, &old, a));
    TRY(check_unit(tx, &old, a));
    return write ? update_account(tx, a) : ERR_OK;
}

enum err site_account_put(struct store_tx *tx, struct site_account *a, enum site_change *change)
{
    return site_account_apply(tx, a, true, change);
}
