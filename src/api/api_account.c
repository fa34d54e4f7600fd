/* Everything about one account on one page. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "billing/quiet.h"
#include "control/away.h"
#include "control/control.h"
#include "control/nday.h"
#include "control/policy.h"
#include "ledger/ledger.h"
#include "strategy/strategy.h"

/* ---- balance ---- */

static void part(struct jwrite *w, const char *kind, int64_t amount_fen, wall_s at,
                 int64_t meter_id)
{
    jwrite_object(w, NULL);
    jwrite_text(w, "kind", kind);
    jwrite_int(w, "amount_fen", amount_fen);
    jwrite_id(w, "at", at.s);
    if (meter_id)
        jwrite_int(w, "meter_id", meter_id);
    jwrite_end(w);
}

/* The sum of the parts is what is shown as available. */
static void put_parts(struct call *c, const struct billing_outlook *o)
{
    struct jwrite *w = &c->out;
    jwrite_array(w, "parts");
    if (o->account.wallet == SITE_WALLET_PLATFORM) {
        wall_s oldest = {0};
        for (size_t i = 0; i < o->meter_count; i++)
            if (i == 0 || o->meters[i].reading_at.s < oldest.s)
                oldest = o->meters[i].reading_at;
        part(w, "prepayment", o->prepayment_fen, c->now, 0);
        part(w, "accrued", -o->accrued_fen, oldest, 0);
    }
    for (size_t i = 0; i < o->meter_count && o->account.wallet == SITE_WALLET_METER; i++) {
        int64_t balance_fen;
        wall_s at;
        if (readings_value(c->api->options.readings, o->meters[i].meter_id, POINT_BALANCE_FEN,
                           &balance_fen, &at))
            part(w, "meter", balance_fen, at, o->meters[i].meter_id);
    }
    jwrite_end(w);
}

static enum err put_books(struct call *c)
{
    int64_t amounts_fen[LEDGER_BOOK_COUNT];
    TRY(ledger_balances(c->tx, c->id, amounts_fen));
    jwrite_array(&c->out, "books");
    for (unsigned b = 0; b < LEDGER_BOOK_COUNT; b++) {
        if (!amounts_fen[b])
            continue;
        jwrite_object(&c->out, NULL);
        jwrite_text(&c->out, "book", ledger_book_name((enum ledger_book)b));
        jwrite_int(&c->out, "amount_fen", amounts_fen[b]);
        jwrite_end(&c->out);
    }
    jwrite_end(&c->out);
    return ERR_OK;
}

static void put_nothing(struct jwrite *w)
{
    jwrite_null(w, "available_fen");
    jwrite_null(w, "accrued_fen");
    jwrite_array(w, "parts");
    jwrite_end(w);
    jwrite_array(w, "books");
    jwrite_end(w);
}

static void put_reason_of(struct jwrite *w, const struct forecast_reason *r)
{
    char en[FORECAST_TEXT_MAX], zh[FORECAST_TEXT_MAX];
    forecast_reason_en(r, en);
    forecast_reason_zh(r, zh);
    jwrite_object(w, "reason");
    jwrite_text(w, "zh", zh);
    jwrite_text(w, "en", en);
    jwrite_end(w);
}

/* How soon the account is rated again: billing/quiet.h, control/nday.h. */
static enum err put_watch(struct call *c)
{
    struct quiet_row watch;
    struct nday_row row = {};
    enum err e = nday_get(c->tx, c->id, &row);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    jwrite_bool(&c->out, "selected", row.selected);
    e = quiet_get(c->tx, c->id, &watch);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK)
        jwrite_text(&c->out, "watch", quiet_state_name(watch.state));
    else
        jwrite_null(&c->out, "watch");
    return ERR_OK;
}

/* Days that the money covers, by what the account will probably use. */
static enum err put_foreseen(struct call *c, const struct billing_outlook *o)
{
    struct jwrite *w = &c->out;
    struct nday f;
    TRY(nday_foresee(c->tx, c->api->options.readings, c->id, c->now, NDAY_AHEAD_MAX, &f));
    if (!f.known || !o->available_known) {
        jwrite_null(w, "foreseen");
        return ERR_OK;
    }
    jwrite_object(w, "foreseen");
    jwrite_int(w, "days", f.days);
    for (enum forecast_quantile q = FORECAST_P50; q < FORECAST_QUANTILES; q++)
        jwrite_int(w, forecast_quantile_name(q), nday_lasts(&f, o->available_fen, q));
    TRY(put_watch(c));
    put_reason_of(w, &f.reason);
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_balance(struct call *c)
{
    struct jwrite *w = &c->out;
    struct billing_outlook o;
    enum err e = ERR_NOT_FOUND;
    jwrite_object(w, "balance");
    if (api_may(c, AUTH_MONEY))
        e = billing_outlook(c->tx, c->api->options.readings, c->id, c->now, &o);
    if (e == ERR_OK) {
        if (o.available_known)
            jwrite_int(w, "available_fen", o.available_fen);
        else
            jwrite_null(w, "available_fen");
        jwrite_int(w, "accrued_fen", o.accrued_fen);
        put_parts(c, &o);
        TRY(put_books(c));
        jwrite_int(w, "mean_day_fen", o.mean_day_fen);
        if (o.days_left >= 0)
            jwrite_int(w, "days_left", o.days_left);
        else
            jwrite_null(w, "days_left");
        TRY(put_foreseen(c, &o));
    } else if (err_class_of(e) == ERR_CLASS_REFUSE) {
        put_nothing(w);
    } else {
        return e;
    }
    jwrite_end(w);
    return ERR_OK;
}

/* ---- who, and under which rules ---- */

/* 138****1234; short numbers lose all but their last digits. */
static void mask_phone(const char *phone, char out[SITE_PHONE_MAX + 1])
{
    size_t len = strlen(phone);
    snprintf(out, SITE_PHONE_MAX + 1, "%s", phone);
    size_t keep_front = len >= 8 ? 3 : 0, keep_back = len >= 8 ? 4 : len >= 4 ? 2 : 0;
    for (size_t i = keep_front; i + keep_back < len; i++)
        out[i] = '*';
}

static enum err put_customer(struct call *c)
{
    struct site_customer customer;
    char phone[SITE_PHONE_MAX + 1];
    if (!c->account.customer_id) {
        jwrite_null(&c->out, "customer");
        return ERR_OK;
    }
    TRY(site_customer_get(c->tx, c->account.customer_id, &customer));
    mask_phone(customer.phone, phone);
    jwrite_object(&c->out, "customer");
    jwrite_int(&c->out, "id", customer.id);
    jwrite_text(&c->out, "code", customer.code);
    jwrite_text(&c->out, "name", customer.name);
    jwrite_text(&c->out, "phone", phone);
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err put_version(struct jwrite *w, const char *key, const char *code, enum err found,
                            const struct site_version *v)
{
    if (found != ERR_OK && err_class_of(found) != ERR_CLASS_REFUSE)
        return found;
    jwrite_object(w, key);
    jwrite_text(w, "code", code);
    if (found == ERR_OK) {
        jwrite_int(w, "version", v->version);
        jwrite_int(w, "effective_at", v->effective_at.s);
        jwrite_raw(w, "body", v->body);
    } else {
        jwrite_null(w, "version");
        jwrite_null(w, "effective_at");
        jwrite_null(w, "body");
    }
    jwrite_end(w);
    return ERR_OK;
}

/* That which the account lives under: by its package, by itself, or by the baseline. */
static enum err put_strategy(struct call *c)
{
    struct site_version v;
    struct control_policy p;
    const struct site_account *a = &c->account;
    const char *code = a->strategy_code;
    enum err e = control_policy_of(c->tx, a, c->now, &p);
    if (p.strategy_code[0])
        code = p.strategy_code;
    if (e == ERR_OK || err_class_of(e) == ERR_CLASS_REFUSE)
        e = site_strategy_in_force(c->tx, a->project_id, code, c->now, &v);
    return put_version(&c->out, "strategy", code, e, &v);
}

static enum err put_rules(struct call *c)
{
    struct site_version v;
    const struct site_account *a = &c->account;
    enum err e = site_plan_in_force(c->tx, a->project_id, a->plan_code, c->now, &v);
    TRY(put_version(&c->out, "plan", a->plan_code, e, &v));
    TRY(put_strategy(c));
    jwrite_id(&c->out, "contract_at", a->contract_at.s);
    return ERR_OK;
}

/* ---- fee control ---- */

static void put_reason(struct jwrite *w, const char *code)
{
    for (unsigned r = 0; r < STRATEGY_REASON_COUNT; r++) {
        enum strategy_reason reason = (enum strategy_reason)r;
        if (strcmp(strategy_reason_name(reason), code) != 0)
            continue;
        jwrite_object(w, NULL);
        jwrite_text(w, "code", code);
        jwrite_text(w, "zh", strategy_reason_zh(reason));
        jwrite_text(w, "en", strategy_reason_en(reason));
        jwrite_end(w);
    }
}

static void put_reasons(struct jwrite *w, const json_t *decision)
{
    const char *first = json_string_value(json_object_get(decision, "reason"));
    const json_t *guards = json_object_get(decision, "guards"), *guard;
    size_t i;
    jwrite_array(w, "reasons");
    if (first)
        put_reason(w, first);
    json_array_foreach(guards, i, guard)
    {
        const char *code = json_string_value(guard);
        if (code && (!first || strcmp(code, first) != 0))
            put_reason(w, code);
    }
    jwrite_end(w);
}

/* The facts name amounts. */
static void put_decision(struct call *c, const char *text, int64_t decided_at)
{
    struct jwrite *w = &c->out;
    json_t *decision = json_loads(text, 0, NULL);
    jwrite_object(w, "decision");
    jwrite_id(w, "decided_at", decided_at);
    jwrite_text(w, "action", json_string_value(json_object_get(decision, "action")));
    put_reasons(w, decision);
    jwrite_raw(w, "facts", api_may(c, AUTH_MONEY) ? text : "");
    jwrite_end(w);
    json_decref(decision);
}

static enum err put_fee(struct call *c)
{
    struct query q =
        query_open(c->tx, "SELECT level, decision, decided_at FROM fee_state WHERE account_id = $1",
                   "i", c->id);
    if (query_step(&q)) {
        jwrite_int(&c->out, "level", query_int(&q, 0));
        put_decision(c, query_text(&q, 1), query_int(&q, 2));
    } else if (q.err == ERR_OK) {
        jwrite_int(&c->out, "level", 0);
        put_decision(c, "{}", 0);
    }
    return query_end(&q);
}

/* ---- standing permission ---- */

/* What stands against one; what only time or a reading takes away as well. */
static void put_away_reasons(struct jwrite *w, const struct control_away *a)
{
    jwrite_array(w, "reasons");
    for (unsigned r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (a->guards & STRATEGY_GUARD(r))
            put_reason(w, strategy_reason_name((enum strategy_reason)r));
    if (a->plan != AWAY_PLAN_PRICED) {
        jwrite_object(w, NULL);
        jwrite_text(w, "code", away_plan_name(a->plan));
        jwrite_text(w, "zh", away_plan_zh(a->plan));
        jwrite_text(w, "en", away_plan_en(a->plan));
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* null: the strategy gives none, or the meter decides. */
static enum err put_away(struct call *c)
{
    struct jwrite *w = &c->out;
    struct control_away a = {};
    if (c->account.wallet != SITE_WALLET_METER)
        TRY(control_away_look(
            c->tx, &(struct control_fee){c->api->options.readings, c->id, c->now, 0}, &a));
    if (a.hours == 0 && !a.live) {
        jwrite_null(w, "away");
        return ERR_OK;
    }
    jwrite_object(w, "away");
    jwrite_bool(w, "given", a.live);
    jwrite_id(w, "made_at", a.live ? a.made_at.s : 0);
    jwrite_id(w, "valid_from", a.live ? a.valid_from.s : 0);
    jwrite_id(w, "valid_until", a.live ? a.valid_until.s : 0);
    if (a.live)
        jwrite_int(w, "left_wh", a.left_wh);
    else
        jwrite_null(w, "left_wh");
    put_away_reasons(w, &a);
    jwrite_end(w);
    return ERR_OK;
}

/* ---- meters ---- */

static const struct {
    enum meter_point point;
    const char *name;
} points[] = {
    {POINT_ENERGY_WH, "energy_wh"},
    {POINT_ENERGY_RATE1_WH, "energy_sharp_wh"},
    {POINT_ENERGY_RATE2_WH, "energy_peak_wh"},
    {POINT_ENERGY_RATE3_WH, "energy_flat_wh"},
    {POINT_ENERGY_RATE4_WH, "energy_valley_wh"},
    {POINT_POWER_W, "power_w"},
    {POINT_VOLTAGE_DV, "voltage_dv"},
    {POINT_CURRENT_MA, "current_ma"},
    {POINT_BALANCE_FEN, "balance_fen"},
    {POINT_PURCHASE_COUNT, "purchase_count"},
    {POINT_PURCHASED_FEN, "purchased_fen"},
    {POINT_RELAY_OPEN, "relay_open"},
    {POINT_ALARM_LEVEL, "alarm_level"},
    {POINT_KEEP_POWER, "keep_power"},
    {POINT_OPEN_REASON, "open_reason"},
    {POINT_CIRCUIT_REASONS, "circuit_reasons"},
    {POINT_CLOCK_S, "clock_s"},
    {POINT_CIRCUIT1_WH, "circuit1_wh"},
    {POINT_CIRCUIT2_WH, "circuit2_wh"},
    {POINT_CIRCUIT3_WH, "circuit3_wh"},
    {POINT_CIRCUIT1_W, "circuit1_w"},
    {POINT_CIRCUIT2_W, "circuit2_w"},
    {POINT_CIRCUIT3_W, "circuit3_w"},
    {POINT_ENERGY_RATE5_WH, "energy_deep_valley_wh"},
    {POINT_REVERSE_WH, "reverse_wh"},
    {POINT_REACTIVE_VARH, "reactive_varh"},
    {POINT_VOLTAGE_B_DV, "voltage_b_dv"},
    {POINT_VOLTAGE_C_DV, "voltage_c_dv"},
    {POINT_CURRENT_B_MA, "current_b_ma"},
    {POINT_CURRENT_C_MA, "current_c_ma"},
    {POINT_FREQUENCY_CHZ, "frequency_chz"},
    {POINT_POWER_FACTOR_M, "power_factor_m"},
    {POINT_VOLUME_L, "volume_l"},
    {POINT_HEAT_WH, "heat_wh"},
    {POINT_COOLING_WH, "cooling_wh"},
    {POINT_FLOW_LH, "flow_lh"},
    {POINT_SUPPLY_CDEG, "supply_cdeg"},
    {POINT_RETURN_CDEG, "return_cdeg"},
    {POINT_THERMAL_W, "thermal_w"},
    {POINT_VALVE, "valve"},
    {POINT_BATTERY_LOW, "battery_low"},
    {POINT_FAULT_BITS, "fault_bits"},
    {POINT_WORK_H, "work_h"},
};

static bool is_money(enum meter_point point)
{
    return point == POINT_BALANCE_FEN || point == POINT_PURCHASED_FEN;
}

static void put_values(struct call *c, const struct site_meter *m)
{
    bool money = api_may(c, AUTH_MONEY);
    jwrite_object(&c->out, "values");
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        int64_t value;
        if ((money || !is_money(points[i].point)) &&
            readings_value(c->api->options.readings, m->id, points[i].point, &value, NULL))
            jwrite_int(&c->out, points[i].name, value);
    }
    jwrite_end(&c->out);
}

/* The whole meter first, then its outputs if there are several. */
static enum err put_relays(struct call *c, const struct site_meter *m)
{
    int64_t last = m->circuits > 1 ? m->circuits : 0;
    jwrite_array(&c->out, "relays");
    for (int64_t circuit = 0; circuit <= last; circuit++) {
        struct control_relay relay = {.circuit = circuit};
        TRY(api_load_relay(c->api, c->tx, m, &relay));
        api_put_relay(&c->out, NULL, &relay);
    }
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err put_wallet(struct call *c, const struct site_meter *m)
{
    struct jwrite *w = &c->out;
    bool money = api_may(c, AUTH_MONEY);
    struct query q = query_open(c->tx,
                                "SELECT count, purchased_fen, foreign_fen, remaining_fen, read_at "
                                "FROM meter_wallet WHERE account_id = $1 AND meter_id = $2",
                                "ii", c->id, m->id);
    if (money && query_step(&q)) {
        jwrite_object(w, "wallet");
        jwrite_int(w, "count", query_int(&q, 0));
        jwrite_int(w, "purchased_fen", query_int(&q, 1));
        jwrite_int(w, "foreign_fen", query_int(&q, 2));
        if (query_null(&q, 3))
            jwrite_null(w, "remaining_fen");
        else
            jwrite_int(w, "remaining_fen", query_int(&q, 3));
        jwrite_id(w, "read_at", query_int(&q, 4));
        jwrite_end(w);
    } else {
        jwrite_null(w, "wallet");
    }
    return query_end(&q);
}

static enum err put_meter(void *arg, const struct site_meter *m)
{
    struct call *c = arg;
    struct jwrite *w = &c->out;
    wall_s at = {0};
    int64_t epoch;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", m->id);
    jwrite_text(w, "address", m->address);
    api_put_model(w, m);
    jwrite_text(w, "kind", site_meter_kind_name(m->kind));
    jwrite_int(w, "circuits", m->circuits);
    jwrite_int(w, "epoch", m->epoch);
    jwrite_int(w, "line_id", m->line_id);
    jwrite_int(w, "gateway_id", m->gateway_id);
    jwrite_id(w, "state_at",
              readings_newest(c->api->options.readings, m->id, &at, &epoch) ? at.s : 0);
    put_values(c, m);
    TRY(put_relays(c, m));
    TRY(put_wallet(c, m));
    jwrite_end(w);
    return ERR_OK;
}

enum err api_account(struct call *c)
{
    struct jwrite *w = &c->out;
    struct site_place place;
    const struct site_account *a = &c->account;
    TRY(site_place_get(c->tx, a->place_id, &place));
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    jwrite_int(w, "id", a->id);
    jwrite_int(w, "project_id", a->project_id);
    jwrite_text(w, "code", a->code);
    jwrite_text(w, "name", a->name);
    api_put_place(w, "place", &place);
    jwrite_text(w, "wallet", site_wallet_name(a->wallet));
    jwrite_int(w, "opened_at", a->opened_at.s);
    jwrite_id(w, "closed_at", a->closed_at.s);
    TRY(put_customer(c));
    TRY(put_rules(c));
    TRY(put_balance(c));
    TRY(put_fee(c));
    TRY(put_away(c));
    jwrite_array(w, "meters");
    TRY(site_meters_of_account(c->tx, a->id, put_meter, c));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}
