/*
 * Private to api/.
 *
 * One request is one `struct call`. Its way (api_call.c):
 *
 *   route ─► who is it ─► CSRF, origin ─► may the role ─► does the object exist, is it in sight
 *                                                              │
 *        READ   handler in the same snapshot ◄─────────────────┤
 *        WRITE  handler in store_submit; answer after commit ◄─┤   (all of the above once more)
 *        ASYNC  handler without a transaction, answers later ◄─┘
 *
 * A handler writes its answer into c->out and returns ERR_OK, or returns an error, which becomes a
 * problem document.
 */
#ifndef YUFU_API_API_IMPL_H
#define YUFU_API_API_IMPL_H

#include <jansson.h>

#include "api/api.h"
#include "api/http.h"
#include "api/jwrite.h"
#include "auth/auth.h"
#include "billing/billing.h"
#include "site/site.h"
#include "uplink/message.h"

#define API_COOKIE "yufu_sid"
#define API_BODY_MAX 65'536
#define API_EMPTY_MAX 64 /* where no body is needed: "{}" does no harm */
#define API_IMPORT_MAX 20'000'000
#define API_UPDATE_MAX (UPLINK_UPDATE_MAX + 1) /* one more is told by its name */
#define API_KEY_MIN 8
#define API_KEY_MAX 64
#define API_LIST_MAX 500
#define API_LIST_DEFAULT 50

struct call;
typedef enum err api_handle(struct call *c);

/* ---- routes (api_route.c) ---- */

enum api_kind { API_READ, API_WRITE, API_ASYNC };
enum api_scope {
    API_SCOPE_NONE,
    API_SCOPE_PROJECT,
    API_SCOPE_ACCOUNT,
    API_SCOPE_METER,
    API_SCOPE_GATEWAY
}; /* what {id} names */
enum api_body { API_BODY_NONE, API_BODY_JSON, API_BODY_CSV, API_BODY_UPDATE };

/* 0 is "forgotten", and no api starts with it. */
#define API_PUBLIC 1
#define API_LOCAL 2 /* callers on this machine only */
#define API_VERB(v) (16 + AUTH_##v)

struct api_route {
    enum http_method method;
    const char *path; /* {id}: a number; {order}: the text of an order id */
    int permission;
    enum api_scope scope;
    enum api_kind kind;
    enum api_body body;
    bool keyed; /* needs an Idempotency-Key */
    api_handle *handle;
};

struct api_match {
    const struct api_route *route;
    int64_t id;
    char order[API_KEY_MAX + 1];
};

const struct api_route *api_routes(size_t *count);
/* ERR_BUG: a route without permission or handler, twice the same, or one that moves money or a
 * relay and needs no key. */
[[nodiscard]] enum err api_routes_check(const struct api_route *routes, size_t count);
/* ERR_API_ROUTE, ERR_API_METHOD. */
[[nodiscard]] enum err api_route_find(enum http_method method, const char *path,
                                      struct api_match *m);

/* ---- a call (api_call.c) ---- */

struct call {
    struct api *api;
    struct call *next, **at;
    struct http_request *http;
    const struct api_route *route;
    int64_t id;                  /* of the path */
    char order[API_KEY_MAX + 1]; /* of the path */
    char request_id[17];
    bool english;
    wall_s now;
    struct store_tx *tx;

    char token[AUTH_TOKEN_TEXT];
    struct auth_principal who;
    bool known;
    int64_t project_id;
    struct site_account account; /* API_SCOPE_ACCOUNT */
    struct site_meter meter;     /* API_SCOPE_METER */
    struct site_gateway gateway; /* API_SCOPE_GATEWAY */

    json_t *body;
    char key[API_KEY_MAX + 1];
    uint8_t request_hash[32];

    struct jwrite out;
    unsigned status; /* 0: 200 */
    bool replayed;
    char *stored; /* body of the answer, once it was written into the idempotency table */
    size_t stored_len;
    /* What this call changed, for the open browsers. 0, "": nothing. */
    int64_t wrote_account;
    char wrote_order[API_KEY_MAX + 1];

    const char *field; /* what ERR_API_FIELD and its like are about */
    char detail[160];
    int64_t retry_after_s;
    void (*extra)(struct call *c, struct jwrite *w); /* more members of the problem document */
    void *extra_arg;
    void (*extra_free)(void *arg);
};

/* Random bits for one command. */
uint64_t api_draw(void);
void api_actor(const struct call *c, char out[32]);
/* What cuts stand on was changed in this call (control/fee.h); project_id 0: of any project. */
enum err api_grounds_changed(struct call *c, int64_t project_id);
bool api_may(const struct call *c, enum auth_verb v); /* in the call's project */
/* Sends c->out with c->status, or the problem; the call is no more. */
void api_finish(struct call *c, enum err result);
void api_call_free(struct call *c);
void api_request(void *ctx, struct http_request *r);
size_t api_limit(void *ctx, const struct http_request *r);

/* Headers of every answer. `page`: the console's policy, else that of data. */
void api_headers(struct api *a, struct http_request *r, bool page);

/* ---- problems (api_problem.c) ---- */

unsigned api_status_of(enum err e);
void api_problem(struct call *c, enum err e);
/* Names the field and returns e: return api_bad(c, "/amount_fen", ERR_RANGE, "at most ..."). */
enum err api_bad(struct call *c, const char *field, enum err e, const char *detail);

/* ---- input (api_input.c) ---- */

struct api_field {
    const char *name; /* NULL ends the list */
    enum { API_FIELD_INT, API_FIELD_TEXT, API_FIELD_BOOL, API_FIELD_LIST } type;
    int64_t min, max; /* of the number, of the text's bytes, or of the list's items */
    void *out;        /* int64_t *, const char **, bool *, const json_t ** */
};
/* Every field must be there, and no other. ERR_API_FIELD. */
[[nodiscard]] enum err api_fields(struct call *c, const struct api_field *fields);
/* *value keeps its default when the parameter is absent. */
[[nodiscard]] enum err api_query_int(struct call *c, const char *name, int64_t min, int64_t max,
                                     int64_t *value);
[[nodiscard]] enum err api_query_text(struct call *c, const char *name, size_t max,
                                      const char **value);
/* Something of this project: ERR_NOT_FOUND names the parameter. */
[[nodiscard]] enum err api_query_account(struct call *c, const char *name, int64_t *id);
[[nodiscard]] enum err api_query_place(struct call *c, const char *name, const char **code);
[[nodiscard]] enum err api_query_limit(struct call *c, int64_t *limit);
bool api_key_ok(const char *text); /* form of idempotency keys and order ids */
[[nodiscard]] enum err api_parse_body(struct call *c);

/* ---- repeated requests (api_repeat.c) ---- */

/* Finds the stored answer: fills c->stored, c->status and c->replayed. ERR_NOT_FOUND: a new key;
 * ERR_API_KEY_REUSED. */
[[nodiscard]] enum err api_repeat_find(struct call *c);
/* Stores the answer in c->out, in the transaction of the act itself. */
[[nodiscard]] enum err api_repeat_keep(struct call *c);
void api_repeat_hash(struct call *c);
/* From now on answers that are older than 30 days are removed, every hour; the newest 10,000 stay.
 */
void api_repeat_start(struct api *a);
/* Removes some of them; more in a second if there are. `api`: a struct api. */
void api_repeat_forget(void *api);

/* ---- handlers ---- */

api_handle api_login, api_logout, api_me, api_password;
api_handle api_projects, api_places, api_people, api_wall, api_events, api_gateways, api_freshness;
api_handle api_account, api_orders, api_meter_orders, api_order, api_ledger, api_settlements,
    api_messages, api_series;
api_handle api_search, api_sell, api_cancel, api_relay, api_keep, api_import, api_claim_code;
api_handle api_plans, api_plan_texts, api_plan_check, api_plan_trial, api_plan_simulate,
    api_plan_save;
api_handle api_strategies, api_strategy_texts, api_strategy_check, api_strategy_preview,
    api_strategy_save;
api_handle api_protections, api_account_protections, api_protect, api_protect_lift, api_emergency,
    api_confirm_restore, api_approvals, api_approval_decide, api_approvals_decide, api_packages,
    api_package_save, api_package_choices, api_account_package, api_baseline, api_package_choose;
api_handle api_breaker, api_breaker_ask, api_breaker_decide;
api_handle api_cash_policy, api_cash_policy_set, api_shifts, api_shift_open, api_shift_count,
    api_shift_close, api_days, api_day_close, api_month;
api_handle api_dues, api_due_bill, api_due_withdraw, api_due_pay, api_late_terms, api_late_term_set;
api_handle api_runs, api_run_lines, api_run_subsidy, api_run_share, api_run_decide;
api_handle api_money_requests, api_account_requests, api_money_ask, api_money_decide, api_money_pay,
    api_pay_policy, api_pay_policy_set, api_exchange, api_exchanges;
api_handle api_true_ups, api_rerates, api_grace_set, api_kept_set, api_held, api_repair, api_terms,
    api_terms_put, api_ratios, api_ratio_put;
api_handle api_terminals, api_terminals_setting;
api_handle api_terminal, api_terminal_read, api_terminal_order, api_terminal_setting, api_trips,
    api_trip_ranking;
api_handle api_import_check, api_import_state, api_import_rows, api_import_failed, api_import_write,
    api_import_release, api_imports, api_import_undo_check, api_import_undo;
api_handle api_flow, api_flow_rule, api_flow_rule_set, api_meter_report;
api_handle api_meter_models, api_gateway_meters, api_gateway_lines, api_gateway_permits,
    api_legacy_seal;
/* "legacy": the leave of a gateway for the legacy seal, or null. */
[[nodiscard]] enum err api_put_legacy(struct call *c, int64_t gateway_id);
/* "program": what a gateway told of its program, and its newest update; or null. */
[[nodiscard]] enum err api_put_program(struct call *c, int64_t gateway_id);
api_handle api_gateway_updates, api_package_add, api_package_remove, api_gateway_push,
    api_gateway_push_stop;
api_handle api_stream_open, api_health, api_metrics;

/* ---- shared pieces of answers ---- */

void api_put_project(struct jwrite *w, const char *key, const struct site_project *p);
/* Members model, model_en, model_zh, can_cut. */
void api_put_model(struct jwrite *w, const struct site_meter *m);
void api_put_place(struct jwrite *w, const char *key, const struct site_place *p);
int64_t api_day_number(int32_t local_day); /* YYYYMMDD */
[[nodiscard]] enum err api_day_of_number(struct call *c, const char *field, int64_t number,
                                         int32_t *local_day); /* ERR_API_FIELD */
/* One row of the wall, as an object; money false: available_fen is null. */
[[nodiscard]] enum err api_put_wall_row(struct api *a, struct store_tx *tx, struct jwrite *w,
                                        const struct site_account *account, bool money);
struct vend_status;
struct shift_sale;
/* `split`: how what was paid was divided; NULL: not told. */
void api_put_order(struct jwrite *w, const char *key, const struct vend_status *s,
                   const struct shift_sale *split);
struct control_relay;
/* The switched outputs of one meter, by its newest word: readings and read-backs together. */
struct api_outputs {
    int64_t open, known; /* bits, output 1 is bit 0; 1 = open (no supply) */
    wall_s at;           /* 0: never told */
    bool keep, pending;
};
[[nodiscard]] enum err api_outputs(struct api *a, struct store_tx *tx, const struct site_meter *m,
                                   struct api_outputs *out);
/* relay->circuit says which; fills the rest. */
[[nodiscard]] enum err api_load_relay(struct api *a, struct store_tx *tx,
                                      const struct site_meter *m, struct control_relay *relay);
void api_put_relay(struct jwrite *w, const char *key, const struct control_relay *r);
/* One event by a query row: columns of API_EVENT_COLUMNS. */
#define API_EVENT_COLUMNS                                                                          \
    "event.id, event.at, event.project_id, event.account_id, event.meter_id, event.kind, "         \
    "event.severity, event.detail, account.code, "                                                 \
    "(SELECT meter.kind FROM meter WHERE meter.id = event.meter_id)"
/* Whether it names an amount, or is about money otherwise: only for roles that may see money. The
 * list and the stream ask the same. */
bool api_event_tells_money(const char *kind, const char *detail);
void api_put_event(struct jwrite *w, const char *key, const struct query *q);

/* ---- the event stream (api_stream.c) ---- */

struct stream;
struct stream *stream_new(struct api *a);
void stream_free(struct stream *s);
void stream_gone(struct stream *s,
                 struct http_request *r); /* a request ended, perhaps one of ours */
size_t stream_clients(const struct stream *s);
void stream_position(const struct stream *s, char out[64]);

/* ---- files that are being imported (api_import_job.c) ---- */

struct imports;
struct imports *imports_new(struct api *a);
void imports_free(struct imports *t); /* NULL is allowed */

/* ---- files of the console (api_static.c) ---- */

struct web;
struct web *web_new(const char *root); /* NULL root: serves nothing */
void web_free(struct web *w);
void web_serve(struct api *a, struct http_request *r);

/* ---- the whole ---- */

struct api_counters {
    int64_t requests[6]; /* by status class; [0]: refused by the guard */
    int64_t logins, login_failures, replays, streams;
};

struct api {
    struct api_options options;
    struct http *http;
    struct auth *auth;
    struct stream *stream;
    struct web *web;
    struct imports *imports;
    struct call *calls;
    struct api_counters counters;
    uint64_t request_number;
    wall_s started; /* real */
    struct io_timer forget;
    int64_t forgotten; /* answers, the last time */
};

#endif
