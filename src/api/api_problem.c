#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "io/log.h"

/* Where the class of an error does not say enough. */
static const struct {
    enum err e;
    unsigned status;
} statuses[] = {
    {ERR_NOT_FOUND, 404},
    {ERR_EXISTS, 409},
    {ERR_STATE, 409},
    {ERR_AUTH_NONE, 401},
    {ERR_AUTH_LOGIN, 401},
    {ERR_AUTH_THROTTLED, 429},
    {ERR_AUTH_PASSWORD_CHANGE, 403},
    {ERR_AUTH_FORBIDDEN, 403},
    {ERR_AUTH_CSRF, 403},
    {ERR_TERMINALS_LOCK, 403},
    {ERR_API_REQUEST, 400},
    {ERR_API_HEADERS, 431},
    {ERR_API_BODY, 413},
    {ERR_API_TYPE, 415},
    {ERR_API_JSON, 400},
    {ERR_API_FIELD, 400},
    {ERR_API_ROUTE, 404},
    {ERR_API_METHOD, 405},
    {ERR_API_KEY, 400},
    {ERR_API_LOCAL, 403},
    {ERR_API_VERSION, 409},
    {ERR_API_PAST, 409},
    {ERR_SITE_EFFECTIVE, 409},
    {ERR_SITE_UNDO, 409},
    {ERR_SITE_UNDONE, 409},
    {ERR_SITE_FORGOTTEN, 404},
    {ERR_VEND_DIFFERENT, 409},
    {ERR_VEND_CLOSED, 409},
    {ERR_VEND_FUNDS, 409},
    {ERR_VEND_NO_METER, 409},
    {ERR_VEND_FINAL, 409},
    {ERR_VEND_ACCOUNT, 404},
    {ERR_CONTROL_WHOLE, 409},
    {ERR_CONTROL_SWITCH, 409},
    {ERR_CONTROL_KEEP_POWER, 409},
    {ERR_CONTROL_BREAKER, 409},
    {ERR_CONTROL_SECOND_PERSON, 409},
    {ERR_CONTROL_NOT_TRIPPED, 409},
    {ERR_CONTROL_ASKED, 409},
    {ERR_CONTROL_EMERGENCY, 409},
    {ERR_SHIFT_NONE, 409},
    {ERR_SHIFT_OPEN, 409},
    {ERR_SHIFT_STATE, 409},
    {ERR_SHIFT_PERSON, 409},
    {ERR_DAY_OPEN, 409},
    {ERR_DAY_CLOSED, 409},
    {ERR_DAY_OUTSIDE, 409},
    {ERR_DUE_AMOUNT, 409},
    {ERR_DUE_DIFFERENT, 409},
    {ERR_RUN_TWICE, 409},
    {ERR_RUN_STATE, 409},
    {ERR_PAY_PERSON, 409},
    {ERR_PAY_ORDER, 409},
    {ERR_PAY_ON_WAY, 409},
    {ERR_PAY_IN_METER, 409},
    {ERR_PAY_LATE, 409},
    {ERR_PAY_EPOCH, 409},
    {ERR_PAY_TWICE, 409},
    {ERR_PAY_PAID, 409},
    {ERR_PAY_OPEN, 409},
    {ERR_PAY_WALLET, 409},
    {ERR_PAY_UNSETTLED, 409},
    {ERR_UPDATE_BUSY, 409},
    {ERR_UPDATE_USED, 409},
    {ERR_UPDATE_DATA, 422},
};

unsigned api_status_of(enum err e)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].e == e)
            return statuses[i].status;
    switch (err_class_of(e)) {
    case ERR_CLASS_RETRY:
        return 503;
    case ERR_CLASS_REFUSE:
        return 422;
    default:
        return 500;
    }
}

enum err api_bad(struct call *c, const char *field, enum err e, const char *detail)
{
    c->field = field;
    snprintf(c->detail, sizeof c->detail, "%s", detail);
    return e;
}

static void put_errors(struct jwrite *w, const struct call *c, enum err e)
{
    jwrite_array(w, "errors");
    jwrite_object(w, NULL);
    jwrite_text(w, "pointer", c->field);
    jwrite_text(w, "code", err_name(e));
    if (c->detail[0])
        jwrite_text(w, "detail", c->detail);
    jwrite_end(w);
    jwrite_end(w);
}

static void put_problem(struct jwrite *w, struct call *c, enum err e, unsigned status)
{
    char type[64];
    snprintf(type, sizeof type, "about:blank#%s", err_name(e));
    jwrite_object(w, NULL);
    jwrite_text(w, "type", type);
    jwrite_text(w, "title", c->english ? err_text_en(e) : err_text_zh(e));
    jwrite_int(w, "status", status);
    jwrite_text(w, "code", err_name(e));
    jwrite_text(w, "title_zh", err_text_zh(e));
    jwrite_text(w, "title_en", err_text_en(e));
    if (c->detail[0])
        jwrite_text(w, "detail", c->detail);
    if (c->extra)
        c->extra(c, w);
    else if (c->field)
        put_errors(w, c, e);
    jwrite_text(w, "request_id", c->request_id);
    jwrite_end(w);
}

void api_problem(struct call *c, enum err e)
{
    struct jwrite w = {};
    size_t len;
    unsigned status = api_status_of(e);
    put_problem(&w, c, e, status);
    if (status == 429 || status == 503) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld",
                 (long long)(c->retry_after_s > 0 ? c->retry_after_s : 2));
        http_answer_header(c->http, "Retry-After", seconds);
    }
    if (status == 405)
        http_answer_header(c->http, "Allow", "GET, HEAD, POST");
    if (status == 500)
        log_event(LOG_API_FAILED, LOG_S("request", c->request_id),
                  LOG_S("path", http_path(c->http)), LOG_E("error", e));
    char *text = jwrite_take(&w, &len);
    http_answer(c->http, status, "application/problem+json; charset=utf-8", text, len);
}
