#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_impl.h"
#include "base/must.h"
#include "io/log.h"

uint64_t api_draw(void)
{
    uint64_t random;
    io_random(&random, sizeof random);
    return random;
}

void api_actor(const struct call *c, char out[32])
{
    auth_actor(&c->who, out);
}

bool api_may(const struct call *c, enum auth_verb v)
{
    return auth_may(&c->who, v, c->project_id) == ERR_OK;
}

/* ---- answers ---- */

void api_headers(struct api *a, struct http_request *r, bool page)
{
    http_answer_header(r, "X-Content-Type-Options", "nosniff");
    http_answer_header(r, "Referrer-Policy", "no-referrer");
    http_answer_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    http_answer_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    /* Charts position their tooltips by style attributes; elements and scripts stay ours alone. */
    http_answer_header(r, "Content-Security-Policy",
                       page ? "default-src 'self'; img-src 'self' data:; style-src 'self'; "
                              "style-src-attr 'unsafe-inline'; object-src 'none'; "
                              "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
                            : "default-src 'none'; frame-ancestors 'none'");
    if (a->options.secure)
        http_answer_header(r, "Strict-Transport-Security", "max-age=31536000");
}

static const char *type_of(const struct api_route *route)
{
    if (route->handle == api_metrics)
        return "text/plain; version=0.0.4; charset=utf-8";
    if (route->handle == api_import_failed)
        return "text/csv; charset=utf-8";
    return "application/json; charset=utf-8";
}

static void answer(struct call *c)
{
    size_t len = c->stored_len;
    unsigned status = c->status ? c->status : 200;
    char *text = c->stored ? c->stored : jwrite_take(&c->out, &len);
    c->stored = NULL;
    if (c->replayed)
        http_answer_header(c->http, "Idempotent-Replay", "true");
    http_answer(c->http, status, len ? type_of(c->route) : NULL, text, len);
}

/* What was committed is shown at once, whoever else tells of it. */
static void tell(const struct call *c)
{
    if (c->wrote_order[0])
        api_notify_order(c->api, c->wrote_account, c->wrote_order);
    else if (c->wrote_account)
        api_notify_account(c->api, c->wrote_account);
}

void api_finish(struct call *c, enum err result)
{
    struct api_counters *n = &c->api->counters;
    api_headers(c->api, c->http, false);
    http_answer_header(c->http, "Cache-Control", "no-store");
    http_answer_header(c->http, "X-Request-Id", c->request_id);
    unsigned status = result != ERR_OK ? api_status_of(result) : c->status ? c->status : 200;
    n->requests[http_refusal(c->http) != ERR_OK ? 0 : status / 100]++;
    n->replays += result == ERR_OK && c->replayed;
    if (result == ERR_OK)
        answer(c);
    else
        api_problem(c, result);
    if (result == ERR_OK && !c->replayed)
        tell(c);
    api_call_free(c);
}

static struct call *call_new(struct api *a, struct http_request *r)
{
    struct call *c = calloc(1, sizeof *c);
    MUST(c);
    c->api = a;
    c->http = r;
    c->now = io_wall(a->options.io);
    c->english = http_prefers_english(http_header(r, "Accept-Language"));
    snprintf(c->request_id, sizeof c->request_id, "%016llx",
             (unsigned long long)(++a->request_number * UINT64_C(0x9e3779b97f4a7c15)));
    c->next = a->calls;
    c->at = &a->calls;
    if (c->next)
        c->next->at = &c->next;
    a->calls = c;
    return c;
}

void api_call_free(struct call *c)
{
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    jwrite_drop(&c->out);
    json_decref(c->body);
    free(c->stored);
    if (c->extra_free)
        c->extra_free(c->extra_arg);
    free(c);
}

/* ---- who, and may they ---- */

static enum err identify(struct call *c)
{
    if (!http_cookie_find(http_header(c->http, "Cookie"), API_COOKIE, c->token, sizeof c->token))
        return ERR_AUTH_NONE;
    TRY(auth_identify(c->api->auth, c->tx, c->token, &c->who));
    c->known = true;
    return ERR_OK;
}

/* Browsers say where a request comes from; a page of somebody else is refused even before the token
 * is looked at. */
static enum err check_origin(const struct call *c)
{
    const char *origin = http_header(c->http, "Origin");
    const char *site = http_header(c->http, "Sec-Fetch-Site");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return ERR_AUTH_CSRF;
    if (!origin)
        return ERR_OK;
    if (c->api->options.origin)
        return strcmp(origin, c->api->options.origin) == 0 ? ERR_OK : ERR_AUTH_CSRF;
    const char *host = http_header(c->http, "Host");
    const char *name = strstr(origin, "://");
    bool scheme = strncmp(origin, "http://", 7) == 0 || strncmp(origin, "https://", 8) == 0;
    return scheme && name && host && strcasecmp(name + 3, host) == 0 ? ERR_OK : ERR_AUTH_CSRF;
}

static enum err find_object(struct call *c)
{
    switch (c->route->scope) {
    case API_SCOPE_ACCOUNT:
        TRY(site_account_get(c->tx, c->id, &c->account));
        c->project_id = c->account.project_id;
        return ERR_OK;
    case API_SCOPE_METER:
        TRY(site_meter_get(c->tx, c->id, &c->meter));
        c->project_id = c->meter.project_id;
        return ERR_OK;
    case API_SCOPE_GATEWAY:
        TRY(site_gateway_get(c->tx, c->id, &c->gateway));
        c->project_id = c->gateway.project_id;
        return ERR_OK;
    case API_SCOPE_PROJECT: {
        struct site_project project;
        c->project_id = c->id;
        return site_project_get(c->tx, c->id, &project);
    }
    case API_SCOPE_NONE:
        break;
    }
    return ERR_OK;
}

/* 401, 403 for what no object could change, and only then 404: who may not sell at all does not
 * learn which accounts there are. */
static enum err admit(struct call *c)
{
    if (c->route->permission == API_PUBLIC)
        return c->route->method == HTTP_GET ? ERR_OK : check_origin(c);
    if (c->route->permission == API_LOCAL)
        return http_from_loopback(c->http) ? ERR_OK : ERR_API_LOCAL;
    enum auth_verb verb = (enum auth_verb)(c->route->permission - 16);
    TRY(identify(c));
    if (c->route->method != HTTP_GET) {
        TRY(check_origin(c));
        if (!auth_csrf_ok(&c->who, http_header(c->http, "X-CSRF-Token")))
            return ERR_AUTH_CSRF;
    }
    TRY(auth_may(&c->who, verb, 0));
    TRY(find_object(c));
    return auth_may(&c->who, verb, c->project_id);
}

/* ---- the way of a call ---- */

static enum err read_work(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    c->tx = tx;
    enum err e = admit(c);
    if (e == ERR_OK && c->route->kind == API_READ)
        e = c->route->handle(c);
    c->tx = NULL;
    return e;
}

static enum err act(struct call *c)
{
    if (!c->route->keyed)
        return c->route->handle(c);
    enum err e = api_repeat_find(c);
    if (e != ERR_NOT_FOUND)
        return e;
    TRY(c->route->handle(c));
    return api_repeat_keep(c);
}

/* Rights are looked at again: they may have changed since the request came in. */
static enum err write_work(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    c->tx = tx;
    enum err e = admit(c);
    if (e == ERR_OK)
        e = act(c);
    c->tx = NULL;
    return e;
}

static void write_done(void *arg, enum err result)
{
    api_finish(arg, result);
}

static enum err check_key(struct call *c)
{
    const char *key = http_header(c->http, "Idempotency-Key");
    if (!c->route->keyed)
        return ERR_OK;
    if (!key || !api_key_ok(key))
        return ERR_API_KEY;
    snprintf(c->key, sizeof c->key, "%s", key);
    api_repeat_hash(c);
    return ERR_OK;
}

static enum err begin(struct call *c)
{
    struct api_match m;
    enum err refusal = http_refusal(c->http);
    if (refusal != ERR_OK && refusal != ERR_API_BODY)
        return refusal;
    TRY(api_route_find(http_method(c->http), http_path(c->http), &m));
    c->route = m.route;
    c->id = m.id;
    memcpy(c->order, m.order, sizeof c->order);
    TRY(refusal);
    TRY(store_read(c->api->options.ledger, read_work, c));
    if (c->route->kind == API_READ)
        return ERR_OK;
    TRY(check_key(c));
    return api_parse_body(c);
}

static bool is_api(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/healthz") == 0 ||
           strcmp(path, "/metrics") == 0;
}

void api_request(void *ctx, struct http_request *r)
{
    struct api *a = ctx;
    bool plain = http_refusal(r) == ERR_OK && http_method(r) == HTTP_GET;
    if (plain && !is_api(http_path(r))) {
        web_serve(a, r);
        return;
    }
    struct call *c = call_new(a, r);
    enum err e = begin(c);
    if (e == ERR_OK && c->route->kind == API_WRITE) {
        store_submit(a->options.ledger, write_work, write_done, c);
        return;
    }
    if (e == ERR_OK && c->route->kind == API_ASYNC) {
        e = c->route->handle(c);
        if (e == ERR_OK)
            return; /* the handler answers, now or later */
    }
    api_finish(c, e);
}

size_t api_limit(void *ctx, const struct http_request *r)
{
    (void)ctx;
    struct api_match m;
    if (api_route_find(http_method(r), http_path(r), &m) != ERR_OK)
        return 0;
    switch (m.route->body) {
    case API_BODY_JSON:
        return API_BODY_MAX;
    case API_BODY_CSV:
        return API_IMPORT_MAX;
    case API_BODY_UPDATE:
        return API_UPDATE_MAX;
    default:
        return m.route->method == HTTP_GET ? 0 : API_EMPTY_MAX;
    }
}
