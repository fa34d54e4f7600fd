#include "api/api.h"

#include <stdlib.h>

#include "api/api_impl.h"
#include "io/log.h"

static void gone(void *ctx, struct http_request *r)
{
    struct api *a = ctx;
    if (a->stream)
        stream_gone(a->stream, r);
}

static enum err start(struct api *a)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    const struct api_options *o = &a->options;
    TRY(api_routes_check(routes, count));
    TRY(auth_open(&a->auth, &(struct auth_options){.io = o->io, .store = o->ledger}));
    a->stream = stream_new(a);
    a->web = web_new(o->web_root);
    a->imports = imports_new(a);
    return http_open(
        &a->http,
        &(struct http_options){
            .io = o->io,
            .host = o->host ? o->host : "127.0.0.1",
            .port = o->port,
            .handler = {.ctx = a, .limit = api_limit, .request = api_request, .gone = gone}});
}

enum err api_open(struct api **out, const struct api_options *options)
{
    struct api *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_MEMORY;
    a->options = *options;
    a->started = io_wall_real(options->io);
    api_repeat_start(a);
    enum err e = start(a);
    if (e != ERR_OK) {
        api_close(a);
        return e;
    }
    log_event(LOG_API_LISTENING, LOG_S("host", options->host ? options->host : "127.0.0.1"),
              LOG_I("port", http_port(a->http)));
    *out = a;
    return ERR_OK;
}

/* What was submitted is committed and answered; log-ins that are still being hashed are dropped. */
void api_close(struct api *a)
{
    if (!a)
        return;
    store_flush(a->options.ledger);
    io_timer_stop(&a->forget);
    auth_close(a->auth);
    http_close(a->http);
    while (a->calls)
        api_call_free(a->calls);
    stream_free(a->stream);
    web_free(a->web);
    imports_free(a->imports);
    free(a);
}

uint16_t api_port(const struct api *a)
{
    return http_port(a->http);
}
