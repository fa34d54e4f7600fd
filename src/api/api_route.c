#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"

#define V1 "/api/v1"

/* Every address there is, and who may use it. docs/openapi.yaml tells the same to people. */
static const struct api_route routes[] = {
    {HTTP_POST, V1 "/login", API_PUBLIC, .kind = API_ASYNC, .body = API_BODY_JSON,
     .handle = api_login},
    {HTTP_POST, V1 "/logout", API_VERB(SELF), .kind = API_WRITE, .handle = api_logout},
    {HTTP_GET, V1 "/me", API_VERB(SELF), .handle = api_me},
    {HTTP_POST, V1 "/me/password", API_VERB(SELF), .kind = API_ASYNC, .body = API_BODY_JSON,
     .handle = api_password},

    {HTTP_GET, V1 "/projects", API_VERB(VIEW), .handle = api_projects},
    {HTTP_GET, V1 "/projects/{id}/places", API_VERB(VIEW), API_SCOPE_PROJECT, .handle = api_places},
    {HTTP_GET, V1 "/projects/{id}/people", API_VERB(VIEW), API_SCOPE_PROJECT, .handle = api_people},
    {HTTP_GET, V1 "/projects/{id}/wall", API_VERB(VIEW), API_SCOPE_PROJECT, .handle = api_wall},
    {HTTP_GET, V1 "/projects/{id}/events", API_VERB(VIEW), API_SCOPE_PROJECT, .handle = api_events},
    {HTTP_GET, V1 "/projects/{id}/gateways", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_gateways},
    {HTTP_GET, V1 "/projects/{id}/freshness", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_freshness},
    {HTTP_POST, V1 "/projects/{id}/import", API_VERB(IMPORT), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_CSV, .handle = api_import},
    {HTTP_GET, V1 "/projects/{id}/imports", API_VERB(IMPORT), API_SCOPE_PROJECT,
     .handle = api_imports},
    {HTTP_GET, V1 "/projects/{id}/imports/undo", API_VERB(IMPORT), API_SCOPE_PROJECT,
     .handle = api_import_undo_check},
    {HTTP_POST, V1 "/projects/{id}/imports/undo", API_VERB(IMPORT), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_import_undo},
    {HTTP_POST, V1 "/projects/{id}/imports/checks", API_VERB(IMPORT), API_SCOPE_PROJECT, API_ASYNC,
     API_BODY_CSV, .handle = api_import_check},
    {HTTP_GET, V1 "/projects/{id}/imports/checks/{order}", API_VERB(IMPORT), API_SCOPE_PROJECT,
     .handle = api_import_state},
    {HTTP_GET, V1 "/projects/{id}/imports/checks/{order}/rows", API_VERB(IMPORT), API_SCOPE_PROJECT,
     .handle = api_import_rows},
    {HTTP_GET, V1 "/projects/{id}/imports/checks/{order}/failed", API_VERB(IMPORT),
     API_SCOPE_PROJECT, .handle = api_import_failed},
    {HTTP_POST, V1 "/projects/{id}/imports/checks/{order}/release", API_VERB(IMPORT),
     API_SCOPE_PROJECT, .handle = api_import_release},
    {HTTP_POST, V1 "/projects/{id}/imports/checks/{order}/write", API_VERB(IMPORT),
     API_SCOPE_PROJECT, API_WRITE, API_BODY_NONE, true, api_import_write},
    {HTTP_GET, V1 "/projects/{id}/price-plans", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_plans},
    {HTTP_GET, V1 "/projects/{id}/price-plans/versions", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_plan_texts},
    {HTTP_POST, V1 "/projects/{id}/price-plans/check", API_VERB(PRICE), API_SCOPE_PROJECT,
     API_ASYNC, API_BODY_JSON, .handle = api_plan_check},
    {HTTP_POST, V1 "/projects/{id}/price-plans/trial", API_VERB(PRICE), API_SCOPE_PROJECT,
     API_ASYNC, API_BODY_JSON, .handle = api_plan_trial},
    {HTTP_POST, V1 "/projects/{id}/price-plans/simulate", API_VERB(PRICE), API_SCOPE_PROJECT,
     API_ASYNC, API_BODY_JSON, .handle = api_plan_simulate},
    {HTTP_POST, V1 "/projects/{id}/price-plans", API_VERB(PRICE), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_plan_save},
    {HTTP_GET, V1 "/projects/{id}/strategies", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_strategies},
    {HTTP_GET, V1 "/projects/{id}/strategies/versions", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_strategy_texts},
    {HTTP_POST, V1 "/projects/{id}/strategies/check", API_VERB(STRATEGY), API_SCOPE_PROJECT,
     API_ASYNC, API_BODY_JSON, .handle = api_strategy_check},
    {HTTP_POST, V1 "/projects/{id}/strategies/preview", API_VERB(STRATEGY), API_SCOPE_PROJECT,
     API_ASYNC, API_BODY_JSON, .handle = api_strategy_preview},
    {HTTP_POST, V1 "/projects/{id}/strategies", API_VERB(STRATEGY), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_strategy_save},
    {HTTP_GET, V1 "/projects/{id}/protections", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_protections},
    {HTTP_POST, V1 "/projects/{id}/protections", API_VERB(KEEP), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_protect},
    {HTTP_POST, V1 "/projects/{id}/protections/lift", API_VERB(KEEP), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_protect_lift},
    {HTTP_GET, V1 "/projects/{id}/approvals", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_approvals},
    {HTTP_POST, V1 "/projects/{id}/approvals/decide", API_VERB(STRATEGY), API_SCOPE_PROJECT,
     API_WRITE, API_BODY_JSON, true, api_approval_decide},
    {HTTP_POST, V1 "/projects/{id}/approvals/decide-many", API_VERB(STRATEGY), API_SCOPE_PROJECT,
     API_WRITE, API_BODY_JSON, true, api_approvals_decide},
    {HTTP_GET, V1 "/projects/{id}/breaker", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_breaker},
    {HTTP_POST, V1 "/projects/{id}/breaker/ask", API_VERB(STRATEGY), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_breaker_ask},
    {HTTP_POST, V1 "/projects/{id}/breaker/decide", API_VERB(STRATEGY), API_SCOPE_PROJECT,
     API_WRITE, API_BODY_JSON, true, api_breaker_decide},
    {HTTP_GET, V1 "/projects/{id}/fee-packages", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_packages},
    {HTTP_GET, V1 "/projects/{id}/fee-packages/choices", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_package_choices},
    {HTTP_POST, V1 "/projects/{id}/fee-packages", API_VERB(STRATEGY), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_package_save},
    {HTTP_POST, V1 "/projects/{id}/fee-baseline", API_VERB(STRATEGY), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_baseline},
    {HTTP_GET, V1 "/projects/{id}/cash-policy", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_cash_policy},
    {HTTP_POST, V1 "/projects/{id}/cash-policy", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_cash_policy_set},
    {HTTP_GET, V1 "/projects/{id}/shifts", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_shifts},
    {HTTP_POST, V1 "/projects/{id}/shifts/open", API_VERB(SELL), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_shift_open},
    {HTTP_POST, V1 "/projects/{id}/shifts/count", API_VERB(SELL), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_shift_count},
    {HTTP_POST, V1 "/projects/{id}/shifts/close", API_VERB(CANCEL), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_shift_close},
    {HTTP_GET, V1 "/projects/{id}/days", API_VERB(MONEY), API_SCOPE_PROJECT, .handle = api_days},
    {HTTP_POST, V1 "/projects/{id}/days/close", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_day_close},
    {HTTP_GET, V1 "/projects/{id}/month", API_VERB(MONEY), API_SCOPE_PROJECT, API_ASYNC,
     .handle = api_month},
    {HTTP_GET, V1 "/projects/{id}/runs", API_VERB(MONEY), API_SCOPE_PROJECT, .handle = api_runs},
    {HTTP_GET, V1 "/projects/{id}/runs/lines", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_run_lines},
    {HTTP_POST, V1 "/projects/{id}/runs/subsidy", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_run_subsidy},
    {HTTP_POST, V1 "/projects/{id}/runs/share", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_run_share},
    {HTTP_POST, V1 "/projects/{id}/runs/decide", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_run_decide},
    {HTTP_GET, V1 "/projects/{id}/late-terms", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_late_terms},
    {HTTP_GET, V1 "/projects/{id}/money-requests", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_money_requests},
    {HTTP_GET, V1 "/projects/{id}/pay-policy", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_pay_policy},
    {HTTP_POST, V1 "/projects/{id}/pay-policy", API_VERB(BOOKS), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_pay_policy_set},
    {HTTP_GET, V1 "/projects/{id}/rerates", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_rerates},
    {HTTP_POST, V1 "/projects/{id}/rerates/grace", API_VERB(PRICE), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_grace_set},
    {HTTP_POST, V1 "/projects/{id}/rerates/kept", API_VERB(PRICE), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_kept_set},
    {HTTP_GET, V1 "/projects/{id}/held-charges", API_VERB(MONEY), API_SCOPE_PROJECT,
     .handle = api_held},
    {HTTP_GET, V1 "/projects/{id}/trip-ranking", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_trip_ranking},
    {HTTP_GET, V1 "/search", API_VERB(VIEW), .handle = api_search},

    {HTTP_GET, V1 "/accounts/{id}", API_VERB(VIEW), API_SCOPE_ACCOUNT, .handle = api_account},
    {HTTP_GET, V1 "/accounts/{id}/orders", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_orders},
    {HTTP_POST, V1 "/accounts/{id}/orders", API_VERB(SELL), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_sell},
    {HTTP_GET, V1 "/accounts/{id}/orders/{order}", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_order},
    {HTTP_POST, V1 "/accounts/{id}/orders/{order}/cancel", API_VERB(CANCEL), API_SCOPE_ACCOUNT,
     API_WRITE, API_BODY_JSON, true, api_cancel},
    {HTTP_GET, V1 "/accounts/{id}/money-requests", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_account_requests},
    {HTTP_POST, V1 "/accounts/{id}/money-requests", API_VERB(CANCEL), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_money_ask},
    {HTTP_POST, V1 "/accounts/{id}/money-requests/decide", API_VERB(CANCEL), API_SCOPE_ACCOUNT,
     API_WRITE, API_BODY_JSON, true, api_money_decide},
    {HTTP_POST, V1 "/accounts/{id}/money-requests/pay", API_VERB(CANCEL), API_SCOPE_ACCOUNT,
     API_WRITE, API_BODY_JSON, true, api_money_pay},
    {HTTP_GET, V1 "/accounts/{id}/exchanges", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_exchanges},
    {HTTP_GET, V1 "/accounts/{id}/ledger", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_ledger},
    {HTTP_GET, V1 "/accounts/{id}/settlements", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_settlements},
    {HTTP_GET, V1 "/accounts/{id}/true-ups", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_true_ups},
    {HTTP_POST, V1 "/accounts/{id}/held-charges/repair", API_VERB(BOOKS), API_SCOPE_ACCOUNT,
     API_WRITE, API_BODY_JSON, true, api_repair},
    {HTTP_GET, V1 "/accounts/{id}/terms", API_VERB(VIEW), API_SCOPE_ACCOUNT, .handle = api_terms},
    {HTTP_POST, V1 "/accounts/{id}/terms", API_VERB(PRICE), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_terms_put},
    {HTTP_GET, V1 "/accounts/{id}/messages", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_messages},
    {HTTP_GET, V1 "/accounts/{id}/series", API_VERB(VIEW), API_SCOPE_ACCOUNT, .handle = api_series},
    {HTTP_GET, V1 "/accounts/{id}/protections", API_VERB(VIEW), API_SCOPE_ACCOUNT,
     .handle = api_account_protections},
    {HTTP_POST, V1 "/accounts/{id}/emergency-credit", API_VERB(KEEP), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_NONE, true, api_emergency},
    {HTTP_POST, V1 "/accounts/{id}/confirm-restore", API_VERB(RELAY), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_NONE, true, api_confirm_restore},
    {HTTP_GET, V1 "/accounts/{id}/fee-package", API_VERB(MONEY), API_SCOPE_ACCOUNT,
     .handle = api_account_package},
    {HTTP_POST, V1 "/accounts/{id}/fee-package", API_VERB(STRATEGY), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_package_choose},
    {HTTP_GET, V1 "/accounts/{id}/dues", API_VERB(MONEY), API_SCOPE_ACCOUNT, .handle = api_dues},
    {HTTP_POST, V1 "/accounts/{id}/dues", API_VERB(BOOKS), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_due_bill},
    {HTTP_POST, V1 "/accounts/{id}/dues/withdraw", API_VERB(BOOKS), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_due_withdraw},
    {HTTP_POST, V1 "/accounts/{id}/dues/pay", API_VERB(SELL), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_due_pay},
    {HTTP_POST, V1 "/accounts/{id}/late-term", API_VERB(BOOKS), API_SCOPE_ACCOUNT, API_WRITE,
     API_BODY_JSON, true, api_late_term_set},

    {HTTP_GET, V1 "/projects/{id}/flow-rule", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_flow_rule},
    {HTTP_POST, V1 "/projects/{id}/flow-rule", API_VERB(STRATEGY), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_flow_rule_set},
    {HTTP_GET, V1 "/projects/{id}/meter-report", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_meter_report},
    {HTTP_GET, V1 "/meter-models", API_VERB(VIEW), .handle = api_meter_models},
    {HTTP_GET, V1 "/meters/{id}/flow", API_VERB(VIEW), API_SCOPE_METER, .handle = api_flow},
    {HTTP_POST, V1 "/meters/{id}/relay", API_VERB(RELAY), API_SCOPE_METER, API_WRITE, API_BODY_JSON,
     true, api_relay},
    {HTTP_GET, V1 "/meters/{id}/orders", API_VERB(MONEY), API_SCOPE_METER,
     .handle = api_meter_orders},
    {HTTP_GET, V1 "/meters/{id}/ratio", API_VERB(VIEW), API_SCOPE_METER, .handle = api_ratios},
    {HTTP_POST, V1 "/meters/{id}/ratio", API_VERB(PRICE), API_SCOPE_METER, API_WRITE, API_BODY_JSON,
     true, api_ratio_put},
    {HTTP_POST, V1 "/meters/{id}/exchange", API_VERB(IMPORT), API_SCOPE_METER, API_WRITE,
     API_BODY_JSON, true, api_exchange},
    {HTTP_POST, V1 "/meters/{id}/keep", API_VERB(KEEP), API_SCOPE_METER, API_WRITE, API_BODY_JSON,
     true, api_keep},
    {HTTP_GET, V1 "/projects/{id}/terminals", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_terminals},
    {HTTP_POST, V1 "/projects/{id}/terminals/settings", API_VERB(TERMINAL), API_SCOPE_PROJECT,
     API_WRITE, API_BODY_JSON, true, api_terminals_setting},
    {HTTP_GET, V1 "/meters/{id}/terminal", API_VERB(VIEW), API_SCOPE_METER, .handle = api_terminal},
    {HTTP_GET, V1 "/meters/{id}/trips", API_VERB(VIEW), API_SCOPE_METER, .handle = api_trips},
    {HTTP_POST, V1 "/meters/{id}/terminal/read", API_VERB(RELAY), API_SCOPE_METER, API_WRITE,
     API_BODY_NONE, true, api_terminal_read},
    {HTTP_POST, V1 "/meters/{id}/terminal/orders", API_VERB(RELAY), API_SCOPE_METER, API_WRITE,
     API_BODY_JSON, true, api_terminal_order},
    {HTTP_POST, V1 "/meters/{id}/terminal/settings", API_VERB(TERMINAL), API_SCOPE_METER, API_WRITE,
     API_BODY_JSON, true, api_terminal_setting},
    {HTTP_GET, V1 "/gateways/{id}/meters", API_VERB(VIEW), API_SCOPE_GATEWAY,
     .handle = api_gateway_meters},
    {HTTP_GET, V1 "/gateways/{id}/lines", API_VERB(VIEW), API_SCOPE_GATEWAY,
     .handle = api_gateway_lines},
    {HTTP_GET, V1 "/gateways/{id}/permits", API_VERB(VIEW), API_SCOPE_GATEWAY,
     .handle = api_gateway_permits},
    {HTTP_POST, V1 "/gateways/{id}/claim-code", API_VERB(CLAIM), API_SCOPE_GATEWAY, API_WRITE,
     .handle = api_claim_code},
    {HTTP_POST, V1 "/gateways/{id}/legacy-seal", API_VERB(CLAIM), API_SCOPE_GATEWAY, API_WRITE,
     API_BODY_JSON, .handle = api_legacy_seal},
    {HTTP_POST, V1 "/gateway-packages", API_VERB(CLAIM), .kind = API_WRITE, .body = API_BODY_UPDATE,
     .handle = api_package_add},
    {HTTP_POST, V1 "/gateway-packages/remove", API_VERB(CLAIM), .kind = API_WRITE,
     .body = API_BODY_JSON, .handle = api_package_remove},
    {HTTP_GET, V1 "/projects/{id}/gateway-updates", API_VERB(VIEW), API_SCOPE_PROJECT,
     .handle = api_gateway_updates},
    {HTTP_POST, V1 "/projects/{id}/gateway-updates", API_VERB(CLAIM), API_SCOPE_PROJECT, API_WRITE,
     API_BODY_JSON, true, api_gateway_push},
    {HTTP_POST, V1 "/projects/{id}/gateway-updates/stop", API_VERB(CLAIM), API_SCOPE_PROJECT,
     API_WRITE, API_BODY_JSON, true, api_gateway_push_stop},

    {HTTP_GET, V1 "/stream", API_VERB(VIEW), .kind = API_ASYNC, .handle = api_stream_open},
    {HTTP_GET, "/healthz", API_PUBLIC, .handle = api_health},
    {HTTP_GET, "/metrics", API_LOCAL, .handle = api_metrics},
};

const struct api_route *api_routes(size_t *count)
{
    *count = sizeof routes / sizeof routes[0];
    return routes;
}

static bool dangerous(int permission)
{
    return permission == API_VERB(SELL) || permission == API_VERB(CANCEL) ||
           permission == API_VERB(RELAY) || permission == API_VERB(TERMINAL) ||
           permission == API_VERB(KEEP) || permission == API_VERB(BOOKS);
}

static bool permission_known(int permission)
{
    return permission == API_PUBLIC || permission == API_LOCAL ||
           (permission >= 16 && permission < 16 + AUTH_VERB_COUNT);
}

enum err api_routes_check(const struct api_route *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct api_route *r = &list[i];
        if (!permission_known(r->permission) || !r->handle || r->path[0] != '/')
            return ERR_BUG;
        if (dangerous(r->permission) && (!r->keyed || r->kind != API_WRITE))
            return ERR_BUG;
        if ((r->scope != API_SCOPE_NONE) != (strstr(r->path, "{id}") != NULL))
            return ERR_BUG;
        if (r->method == HTTP_GET && (r->kind == API_WRITE || r->body != API_BODY_NONE))
            return ERR_BUG;
        for (size_t k = 0; k < i; k++)
            if (list[k].method == r->method && strcmp(list[k].path, r->path) == 0)
                return ERR_BUG;
    }
    return ERR_OK;
}

/* A positive number without sign or leading zero, below 2^53. */
static bool take_id(const char *text, size_t len, int64_t *id)
{
    *id = 0;
    if (len == 0 || len > 16 || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *id = *id * 10 + (text[i] - '0');
    }
    return *id < INT64_C(1) << 53;
}

static bool take_order(const char *text, size_t len, struct api_match *m)
{
    if (len > API_KEY_MAX)
        return false;
    memcpy(m->order, text, len);
    m->order[len] = '\0';
    return api_key_ok(m->order);
}

/* One segment of the pattern against one of the path. */
static bool segment_fits(const char *pattern, size_t pattern_len, const char *path, size_t len,
                         struct api_match *m)
{
    if (pattern_len == 4 && memcmp(pattern, "{id}", 4) == 0)
        return take_id(path, len, &m->id);
    if (pattern_len == 7 && memcmp(pattern, "{order}", 7) == 0)
        return take_order(path, len, m);
    return pattern_len == len && memcmp(pattern, path, len) == 0;
}

static bool fits(const char *pattern, const char *path, struct api_match *m)
{
    for (;;) {
        size_t pattern_len = strcspn(pattern, "/"), len = strcspn(path, "/");
        if (!segment_fits(pattern, pattern_len, path, len, m))
            return false;
        pattern += pattern_len;
        path += len;
        if (!*pattern || !*path)
            return !*pattern && !*path;
        pattern++;
        path++;
    }
}

enum err api_route_find(enum http_method method, const char *path, struct api_match *m)
{
    enum err e = ERR_API_ROUTE;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct api_match found = {.route = &routes[i]};
        if (!fits(routes[i].path, path, &found))
            continue;
        if (routes[i].method == method) {
            *m = found;
            return ERR_OK;
        }
        e = ERR_API_METHOD;
    }
    return e;
}
