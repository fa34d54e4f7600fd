/* Health and metrics: Prometheus text, base units, no meter or person as a label. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "headend/headend.h"

static enum err answers(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM project", "");
}

enum err api_health(struct call *c)
{
    int64_t projects;
    TRY(answers(c->tx, &projects));
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "status", "ok");
    jwrite_text(&c->out, "version", c->api->options.version ? c->api->options.version : "");
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_end(&c->out);
    return ERR_OK;
}

static void head(struct jwrite *w, const char *name, const char *type, const char *help)
{
    char text[256];
    int n = snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    jwrite_put(w, text, (size_t)n);
}

static void sample(struct jwrite *w, const char *name, const char *labels, int64_t value)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s%s %lld\n", name, labels, (long long)value);
    jwrite_put(w, text, (size_t)n);
}

static void one(struct jwrite *w, const char *name, const char *type, const char *help,
                int64_t value)
{
    head(w, name, type, help);
    sample(w, name, "", value);
}

static void put_http(struct jwrite *w, const struct api *a)
{
    static const char *const classes[] = {"refused", "1xx", "2xx", "3xx", "4xx", "5xx"};
    head(w, "yufu_http_requests_total", "counter", "Answered requests of the API.");
    for (size_t i = 0; i < 6; i++) {
        char labels[32];
        if (i == 1)
            continue;
        snprintf(labels, sizeof labels, "{code=\"%s\"}", classes[i]);
        sample(w, "yufu_http_requests_total", labels, a->counters.requests[i]);
    }
    one(w, "yufu_http_connections", "gauge", "Open connections.",
        (int64_t)http_connections(a->http));
    one(w, "yufu_http_replays_total", "counter",
        "Requests that were answered from the store of idempotency keys.", a->counters.replays);
    one(w, "yufu_event_streams", "gauge", "Open event streams.",
        (int64_t)stream_clients(a->stream));
    one(w, "yufu_logins_total", "counter", "Log-ins that succeeded.", a->counters.logins);
    one(w, "yufu_login_failures_total", "counter", "Log-ins that were refused.",
        a->counters.login_failures);
}

static void put_meters(struct jwrite *w, const struct call *c)
{
    struct readings_freshness f;
    readings_freshness(c->api->options.readings, c->now, &f);
    head(w, "yufu_meters_fresh", "gauge", "Meters whose newest state is at most this old.");
    for (size_t i = 0; i < READINGS_AGE_BOUNDS; i++) {
        char labels[48];
        snprintf(labels, sizeof labels, "{within_seconds=\"%lld\"}", (long long)f.bound_s[i]);
        sample(w, "yufu_meters_fresh", labels, f.within[i]);
    }
    one(w, "yufu_meters", "gauge", "Meters with at least one good reading.", f.meters);
    one(w, "yufu_meter_age_max_seconds", "gauge", "Age of the oldest newest state.", f.oldest_s);
    if (c->api->options.headend)
        one(w, "yufu_gateway_sessions", "gauge", "Open sessions of gateways.",
            (int64_t)headend_sessions(c->api->options.headend));
}

static enum err put_orders(struct call *c)
{
    head(&c->out, "yufu_orders_open", "gauge", "Orders whose end is not decided.");
    struct query q = query_open(c->tx,
                                "SELECT state, count(*) FROM sale_order "
                                "WHERE state IN ('PAID', 'BOUND', 'FENCED') GROUP BY state",
                                "");
    int64_t count[3] = {};
    static const char *const states[] = {"PAID", "BOUND", "FENCED"};
    while (query_step(&q))
        for (size_t i = 0; i < 3; i++)
            if (strcmp(query_text(&q, 0), states[i]) == 0)
                count[i] = query_int(&q, 1);
    for (size_t i = 0; i < 3; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "{state=\"%s\"}", states[i]);
        sample(&c->out, "yufu_orders_open", labels, count[i]);
    }
    return query_end(&q);
}

enum err api_metrics(struct call *c)
{
    struct jwrite *w = &c->out;
    head(w, "yufu_build_info", "gauge", "The running version.");
    char labels[96];
    snprintf(labels, sizeof labels, "{version=\"%.64s\"}",
             c->api->options.version ? c->api->options.version : "");
    sample(w, "yufu_build_info", labels, 1);
    one(w, "yufu_start_time_seconds", "gauge", "When the program started.", c->api->started.s);
    put_http(w, c->api);
    put_meters(w, c);
    return put_orders(c);
}
