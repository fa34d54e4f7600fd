/* The wall: one compact row an account. */
#include <string.h>

#include "api/api_impl.h"
#include "terminal/terminal.h"

/* What the meters of one account say together. */
struct sum {
    struct api *api;
    struct store_tx *tx;
    struct jwrite *out;
    unsigned kinds; /* bit a site_meter_kind */
    int64_t circuits, relay_open, relay_timed, power_w, state_at;
    bool relay_unknown, power_known, keep, pending, never;
};

/* Bits of the circuits that are dark because their hours say so: nothing is wrong there. */
static int64_t timed(const struct readings *r, const struct site_meter *m,
                     const struct api_outputs *outputs)
{
    int64_t reasons, bits = 0;
    if (!readings_value(r, m->id, POINT_CIRCUIT_REASONS, &reasons, NULL))
        return 0;
    for (int64_t i = 0; i < m->circuits && i < 3; i++)
        if ((reasons >> 8 * i & 255) == TERMINAL_REASON_TIME)
            bits |= INT64_C(1) << i;
    return bits & outputs->open;
}

static enum err add_meter(void *arg, const struct site_meter *m)
{
    struct sum *s = arg;
    const struct readings *r = s->api->options.readings;
    struct api_outputs outputs;
    int64_t power_w, epoch;
    wall_s at;
    jwrite_int(s->out, NULL, m->id);
    TRY(api_outputs(s->api, s->tx, m, &outputs));
    s->relay_open |= outputs.open << s->circuits;
    s->relay_timed |= timed(r, m, &outputs) << s->circuits;
    s->relay_unknown = s->relay_unknown || outputs.known != (INT64_C(1) << m->circuits) - 1;
    s->keep = s->keep || outputs.keep;
    s->pending = s->pending || outputs.pending;
    if (readings_value(r, m->id, POINT_POWER_W, &power_w, NULL)) {
        s->power_w += power_w;
        s->power_known = true;
    }
    if (!readings_newest(r, m->id, &at, &epoch))
        s->never = true;
    else if (s->state_at == 0 || at.s < s->state_at)
        s->state_at = at.s;
    s->circuits += m->circuits;
    s->kinds |= 1U << m->kind;
    return ERR_OK;
}

static enum err level_of(struct store_tx *tx, int64_t account_id, int64_t *level)
{
    *level = 0;
    enum err e =
        store_int(tx, level, "SELECT level FROM fee_state WHERE account_id = $1", "i", account_id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Unknown is null: no price plan, no reading, or nothing that this role may see. */
static enum err put_available(struct api *a, struct store_tx *tx, struct jwrite *w,
                              const struct site_account *account, bool money)
{
    struct billing_outlook outlook;
    enum err e = ERR_NOT_FOUND;
    if (money)
        e = billing_outlook(tx, a->options.readings, account->id, io_wall(a->options.io), &outlook);
    if (e == ERR_OK && outlook.available_known)
        jwrite_int(w, "available_fen", outlook.available_fen);
    else
        jwrite_null(w, "available_fen");
    return err_class_of(e) == ERR_CLASS_OK || err_class_of(e) == ERR_CLASS_REFUSE ? ERR_OK : e;
}

static void put_sum(struct jwrite *w, const struct sum *s)
{
    jwrite_array(w, "kinds");
    for (int k = SITE_ELECTRICITY; k <= SITE_GAS; k++)
        if (s->kinds >> k & 1)
            jwrite_text(w, NULL, site_meter_kind_name((enum site_meter_kind)k));
    jwrite_end(w);
    jwrite_int(w, "circuits", s->circuits);
    if (s->relay_unknown || s->circuits == 0)
        jwrite_null(w, "relay_open");
    else
        jwrite_int(w, "relay_open", s->relay_open);
    jwrite_int(w, "relay_timed", s->relay_timed);
    jwrite_bool(w, "relay_pending", s->pending);
    jwrite_bool(w, "keep", s->keep);
    if (s->power_known)
        jwrite_int(w, "power_w", s->power_w);
    else
        jwrite_null(w, "power_w");
    jwrite_id(w, "state_at", s->never ? 0 : s->state_at);
}

enum err api_put_wall_row(struct api *a, struct store_tx *tx, struct jwrite *w,
                          const struct site_account *account, bool money)
{
    struct site_place place;
    struct sum s = {.api = a, .tx = tx, .out = w};
    int64_t level;
    TRY(site_place_get(tx, account->place_id, &place));
    TRY(level_of(tx, account->id, &level));
    jwrite_object(w, NULL);
    jwrite_int(w, "id", account->id);
    jwrite_text(w, "code", account->code);
    jwrite_text(w, "name", account->name);
    jwrite_int(w, "place_id", place.id);
    jwrite_text(w, "place", place.code);
    jwrite_text(w, "wallet", site_wallet_name(account->wallet));
    TRY(put_available(a, tx, w, account, money));
    jwrite_int(w, "level", level);
    jwrite_array(w, "meters");
    TRY(site_meters_of_account(tx, account->id, add_meter, &s));
    jwrite_end(w);
    put_sum(w, &s);
    jwrite_end(w);
    return ERR_OK;
}

struct rows {
    struct call *call;
    bool money;
    int64_t count, last;
};

static enum err put_row(void *arg, const struct site_account *account)
{
    struct rows *r = arg;
    r->count++;
    r->last = account->id;
    if (account->closed_at.s)
        return ERR_OK;
    return api_put_wall_row(r->call->api, r->call->tx, &r->call->out, account, r->money);
}

/* All of them, or a page by id: a page that is full may have a next one. */
enum err api_wall(struct call *c)
{
    struct rows r = {c, api_may(c, AUTH_MONEY)};
    char position[64];
    int64_t after = 0, limit = 0, accounts;
    TRY(api_query_int(c, "after", 0, INT64_C(1) << 53, &after));
    TRY(api_query_int(c, "limit", 1, API_LIST_MAX, &limit));
    TRY(store_int(c->tx, &accounts,
                  "SELECT count(*) FROM account WHERE project_id = $1 AND closed_at IS NULL", "i",
                  c->id));
    stream_position(c->api->stream, position);
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_text(&c->out, "stream_id", position);
    jwrite_int(&c->out, "accounts", accounts);
    jwrite_array(&c->out, "rows");
    TRY(site_accounts(c->tx, c->id, after, limit, put_row, &r));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next", limit && r.count == limit ? r.last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}
