/* The event list, and the sentences of events. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "journal/journal.h"

/* A member of the detail as text; the name in braces stays when it is absent. */
static void put_member(char *out, size_t cap, size_t *len, const json_t *detail, const char *name)
{
    const json_t *v = json_object_get(detail, name);
    int n;
    if (json_is_string(v))
        n = snprintf(out + *len, cap - *len, "%s", json_string_value(v));
    else if (json_is_integer(v))
        n = snprintf(out + *len, cap - *len, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        n = snprintf(out + *len, cap - *len, "%s", json_is_true(v) ? "true" : "false");
    else
        n = snprintf(out + *len, cap - *len, "–");
    *len += (size_t)n < cap - *len ? (size_t)n : cap - *len - 1;
}

/* Fills the {words} of a sentence. */
static void render(char *out, size_t cap, const char *sentence, const json_t *detail)
{
    size_t len = 0;
    while (*sentence && len + 1 < cap) {
        const char *end = *sentence == '{' ? strchr(sentence, '}') : NULL;
        char name[32];
        if (end && (size_t)(end - sentence - 1) < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)(end - sentence - 1), sentence + 1);
            put_member(out, cap, &len, detail, name);
            sentence = end + 1;
        } else {
            out[len++] = *sentence++;
        }
    }
    out[len] = '\0';
}

static void put_sentences(struct jwrite *w, const char *kind, const char *detail_text)
{
    char text[1024];
    enum journal_kind k = journal_kind_of(kind);
    if (k == EVENT_COUNT)
        return;
    json_t *detail = json_loads(detail_text, 0, NULL);
    render(text, sizeof text, journal_kind_zh(k), detail);
    jwrite_text(w, "text_zh", text);
    render(text, sizeof text, journal_kind_en(k), detail);
    jwrite_text(w, "text_en", text);
    json_decref(detail);
}

/* These kinds name amounts: only for roles that may see money. */
bool api_event_tells_money(const char *kind)
{
    static const char *const groups[] = {"order.", "vend.", "wallet.", "charge.", "fee."};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strncmp(kind, groups[i], strlen(groups[i])) == 0)
            return true;
    return false;
}

void api_put_event(struct jwrite *w, const char *key, const struct query *q)
{
    jwrite_object(w, key);
    jwrite_int(w, "id", query_int(q, 0));
    jwrite_int(w, "at", query_int(q, 1));
    jwrite_int(w, "project_id", query_int(q, 2));
    jwrite_id(w, "account_id", query_int(q, 3));
    if (query_null(q, 8))
        jwrite_null(w, "account_code");
    else
        jwrite_text(w, "account_code", query_text(q, 8));
    jwrite_id(w, "meter_id", query_int(q, 4));
    jwrite_text(w, "kind", query_text(q, 5));
    jwrite_text(w, "severity", query_text(q, 6));
    jwrite_raw(w, "detail", query_text(q, 7));
    put_sentences(w, query_text(q, 5), query_text(q, 7));
    jwrite_end(w);
}

struct filter {
    int64_t before, account, limit;
    const char *kind, *severity;
};

static enum err take_filter(struct call *c, struct filter *f)
{
    *f = (struct filter){.before = INT64_MAX};
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &f->before));
    TRY(api_query_int(c, "account", 1, INT64_C(1) << 53, &f->account));
    TRY(api_query_text(c, "kind", 64, &f->kind));
    TRY(api_query_text(c, "severity", 16, &f->severity));
    return api_query_limit(c, &f->limit);
}

enum err api_events(struct call *c)
{
    struct filter f;
    TRY(take_filter(c, &f));
    struct query q = query_open(
        c->tx,
        "SELECT " API_EVENT_COLUMNS " FROM event LEFT JOIN account ON account.id = event.account_id"
        " WHERE event.project_id = $1 AND event.id < $2"
        " AND ($3 = 0 OR event.account_id = $3)"
        " AND ($4 = '' OR event.kind = $4) AND ($5 = '' OR event.severity = $5)"
        " AND ($7 = 1 OR (event.kind NOT LIKE 'order.%' AND event.kind NOT LIKE 'vend.%'"
        " AND event.kind NOT LIKE 'wallet.%' AND event.kind NOT LIKE 'charge.%'"
        " AND event.kind NOT LIKE 'fee.%'))"
        " ORDER BY event.id DESC LIMIT $6",
        "iiittii", c->id, f.before, f.account, f.kind ? f.kind : "", f.severity ? f.severity : "",
        f.limit, (int64_t)api_may(c, AUTH_MONEY));
    int64_t last = 0, count = 0;
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "events");
    for (; query_step(&q); count++) {
        last = query_int(&q, 0);
        api_put_event(&c->out, NULL, &q);
    }
    TRY(query_end(&q));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next_before", count == f.limit ? last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}
