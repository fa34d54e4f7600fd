/* Exchanges of meters. */
#include "api/api_impl.h"
#include "pay/exchange.h"

#define WH_MAX INT64_C(1'000'000'000'000)
#define EPOCH_MAX INT64_C(1'000'000)
#define DISPLAY_MAX_FEN INT64_C(1'000'000'000)

static enum err put_exchange(void *arg, const struct pay_exchange_row *r)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "meter_id", r->meter_id);
    jwrite_int(w, "epoch", r->epoch);
    jwrite_int(w, "at", r->at.s);
    jwrite_text(w, "actor", r->actor);
    jwrite_text(w, "evidence", r->evidence);
    jwrite_text(w, "old_address", r->old_address);
    jwrite_text(w, "old_model", r->old_model);
    jwrite_text(w, "new_address", r->new_address);
    jwrite_text(w, "new_model", r->new_model);
    jwrite_raw(w, "closing_wh", r->closing_wh);
    jwrite_raw(w, "opening_wh", r->opening_wh);
    if (r->display_fen == INT64_MIN)
        jwrite_null(w, "display_fen");
    else
        jwrite_int(w, "display_fen", r->display_fen);
    jwrite_int(w, "wallet_fen", r->wallet_fen);
    jwrite_bool(w, "kept", r->kept);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_exchanges(struct call *c)
{
    int64_t limit;
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "exchanges");
    TRY(pay_exchanges(c->tx, c->id, limit, put_exchange, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err explain(struct call *c, enum err e)
{
    if (e == ERR_PAY_EPOCH)
        c->field = "epoch";
    else if (e == ERR_SITE_METER)
        c->field = "address";
    else if (e == ERR_RATING_BACKWARDS)
        c->field = "closing_total_wh";
    else if (e == ERR_VEND_ORDER_ID || e == ERR_VEND_DIFFERENT)
        c->field = "exchange_id";
    return e;
}

static enum err read_exchange(struct call *c, struct pay_exchange *x)
{
    bool display_read = false;
    TRY(api_fields(
        c, (struct api_field[]){
               {"exchange_id", API_FIELD_TEXT, PAY_ID_MIN, PAY_ID_MAX, &x->exchange_id},
               {"epoch", API_FIELD_INT, 1, EPOCH_MAX, &x->epoch},
               {"address", API_FIELD_TEXT, 12, 14, &x->address},
               {"model", API_FIELD_TEXT, 1, 31, &x->model},
               {"closing_total_wh", API_FIELD_INT, 0, WH_MAX, &x->closing_wh[0]},
               {"closing_sharp_wh", API_FIELD_INT, 0, WH_MAX, &x->closing_wh[1]},
               {"closing_peak_wh", API_FIELD_INT, 0, WH_MAX, &x->closing_wh[2]},
               {"closing_flat_wh", API_FIELD_INT, 0, WH_MAX, &x->closing_wh[3]},
               {"closing_valley_wh", API_FIELD_INT, 0, WH_MAX, &x->closing_wh[4]},
               {"opening_total_wh", API_FIELD_INT, 0, WH_MAX, &x->opening_wh[0]},
               {"opening_sharp_wh", API_FIELD_INT, 0, WH_MAX, &x->opening_wh[1]},
               {"opening_peak_wh", API_FIELD_INT, 0, WH_MAX, &x->opening_wh[2]},
               {"opening_flat_wh", API_FIELD_INT, 0, WH_MAX, &x->opening_wh[3]},
               {"opening_valley_wh", API_FIELD_INT, 0, WH_MAX, &x->opening_wh[4]},
               {"display_fen", API_FIELD_INT, -DISPLAY_MAX_FEN, DISPLAY_MAX_FEN, &x->display_fen},
               {"display_read", API_FIELD_BOOL, 0, 0, &display_read},
               {"keep", API_FIELD_BOOL, 0, 0, &x->keep},
               {"evidence", API_FIELD_TEXT, 1, PAY_TEXT_MAX, &x->evidence},
               {}}));
    if (!display_read)
        x->display_fen = INT64_MIN;
    return ERR_OK;
}

enum err api_exchange(struct call *c)
{
    struct billing billing = {.readings = c->api->options.readings,
                              .readings_store = c->api->options.readings_store};
    struct pay_exchange x = {
        .meter_id = c->id, .now = c->now, .random = api_draw(), .billing = &billing};
    struct pay_exchanged done;
    char actor[32];
    TRY(read_exchange(c, &x));
    api_actor(c, actor);
    x.actor = actor;
    TRY(explain(c, pay_exchange(c->tx, &x, &done)));
    c->wrote_account = c->meter.account_id;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "epoch", done.epoch);
    jwrite_int(&c->out, "wallet_fen", done.wallet_fen);
    jwrite_end(&c->out);
    return ERR_OK;
}
