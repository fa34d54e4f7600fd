/*
 * The little XML of Acrel's gateways: elements, attributes in quotes, text. No entities are
 * resolved, nothing is fetched, and whatever is not understood is a syntax error.
 */
#include <string.h>

#include "proto/acrel.h"

/* --- one token after another ------------------------------------------------------------------ */

enum kind { TEXT, OPEN, CLOSE, EMPTY, END, BAD };

struct token {
    enum kind kind;
    struct bytes name;       /* of a tag */
    struct bytes attributes; /* what stands behind it */
    struct bytes text;
};

struct scan {
    const uint8_t *data;
    size_t len, at;
};

static bool space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trimmed(struct bytes b)
{
    while (b.len > 0 && space(b.data[0]))
        b = (struct bytes){b.data + 1, b.len - 1};
    while (b.len > 0 && space(b.data[b.len - 1]))
        b.len--;
    return b;
}

static bool is(struct bytes b, const char *text)
{
    return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

/* The end of the tag that began before s->at; quotes may hold a '>'. */
static bool find_end(const struct scan *s, size_t *end)
{
    uint8_t quote = 0;
    for (size_t i = s->at; i < s->len; i++) {
        uint8_t c = s->data[i];
        if (quote != 0)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '<')
            return false;
        else if (c == '>') {
            *end = i;
            return true;
        }
    }
    return false;
}

static struct token tag(struct scan *s)
{
    struct token t = {.kind = BAD};
    size_t end;
    s->at++; /* '<' */
    if (!find_end(s, &end))
        return t;
    struct bytes body = {s->data + s->at, end - s->at};
    s->at = end + 1;
    t.kind = OPEN;
    if (body.len > 0 && body.data[0] == '/') {
        t.kind = CLOSE;
        body = (struct bytes){body.data + 1, body.len - 1};
    } else if (body.len > 0 && body.data[body.len - 1] == '/') {
        t.kind = EMPTY;
        body.len--;
    }
    size_t n = 0;
    while (n < body.len && !space(body.data[n]))
        n++;
    t.name = (struct bytes){body.data, n};
    t.attributes = trimmed((struct bytes){body.data + n, body.len - n});
    return n > 0 ? t : (struct token){.kind = BAD};
}

/* <?xml ...?> and <!-- ... -->: nothing for us. */
static bool declares(const struct token *t)
{
    return t->kind != BAD && (t->name.data[0] == '?' || t->name.data[0] == '!');
}

static struct token next(struct scan *s)
{
    while (s->at < s->len && s->data[s->at] == '<') {
        struct token t = tag(s);
        if (!declares(&t))
            return t;
    }
    size_t begin = s->at;
    if (s->at == s->len)
        return (struct token){.kind = END};
    while (s->at < s->len && s->data[s->at] != '<')
        s->at++;
    return (struct token){.kind = TEXT,
                          .text = trimmed((struct bytes){s->data + begin, s->at - begin})};
}

/* The value of name="..." or name='...'; empty if there is none. */
static struct bytes attribute(struct bytes all, const char *name)
{
    size_t name_len = strlen(name);
    for (size_t i = 0; i + name_len + 2 < all.len; i++) {
        bool here = (i == 0 || space(all.data[i - 1])) && all.data[i + name_len] == '=' &&
                    memcmp(all.data + i, name, name_len) == 0;
        if (!here)
            continue;
        uint8_t quote = all.data[i + name_len + 1];
        const uint8_t *begin = all.data + i + name_len + 2;
        const uint8_t *end = memchr(begin, quote, all.len - (i + name_len + 2));
        if ((quote == '"' || quote == '\'') && end != NULL)
            return (struct bytes){begin, (size_t)(end - begin)};
    }
    return (struct bytes){0};
}

/* --- who it is -------------------------------------------------------------------------------- */

static const char *const operations[ACREL_OPERATIONS] = {[ACREL_OP_REQUEST] = "request",
                                                         [ACREL_OP_SEQUENCE] = "sequence",
                                                         [ACREL_OP_MD5] = "md5",
                                                         [ACREL_OP_RESULT] = "result"};

static bool operation_of(struct bytes text, enum acrel_operation *out)
{
    for (size_t i = 0; i < ACREL_OPERATIONS; i++)
        if (is(text, operations[i])) {
            *out = (enum acrel_operation)i;
            return true;
        }
    return false;
}

/* Takes the text of an element, if it is one of these. */
static void take_auth(struct acrel_auth *auth, const struct token *open, struct bytes text)
{
    static const char *const values[ACREL_OPERATIONS] = {[ACREL_OP_REQUEST] = "",
                                                         [ACREL_OP_SEQUENCE] = "sequence",
                                                         [ACREL_OP_MD5] = "md5",
                                                         [ACREL_OP_RESULT] = "result"};
    if (is(open->name, "gateway_id"))
        auth->gateway_id = text;
    else if (is(open->name, "building_id"))
        auth->building_id = text;
    else if (is(open->name, values[auth->operation]))
        auth->value = text;
}

enum err acrel_auth_read(struct bytes xml, struct acrel_auth *auth)
{
    struct scan s = {xml.data, xml.len, 0};
    struct token t, open = {.kind = END};
    bool validates = false;
    *auth = (struct acrel_auth){0};
    for (t = next(&s); t.kind != END && t.kind != BAD; t = next(&s)) {
        bool begins = t.kind == OPEN || t.kind == EMPTY;
        if (begins && is(t.name, "id_validate")) {
            if (validates) /* two: which one is meant? */
                return ERR_SYNTAX;
            validates = operation_of(attribute(t.attributes, "operation"), &auth->operation);
        } else if (t.kind == TEXT && open.kind == OPEN)
            take_auth(auth, &open, t.text);
        if (t.kind != TEXT)
            open = t;
    }
    bool whole = t.kind == END && validates && auth->gateway_id.len > 0 &&
                 auth->gateway_id.len < ACREL_TEXT_MAX && auth->value.len < ACREL_TEXT_MAX;
    return whole && (auth->value.len > 0 || auth->operation == ACREL_OP_REQUEST) ? ERR_OK
                                                                                 : ERR_SYNTAX;
}

static void put(struct writer *w, const char *text)
{
    writer_put(w, (const uint8_t *)text, strlen(text));
}

static void put_element(struct writer *w, const char *name, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '<' || text.data[i] == '&' || text.data[i] == '>')
            w->err = w->err == ERR_OK ? ERR_SYNTAX : w->err;
    put(w, "<");
    put(w, name);
    put(w, ">");
    writer_put(w, text.data, text.len);
    put(w, "</");
    put(w, name);
    put(w, ">");
}

void acrel_auth_write(const struct acrel_auth *auth, struct writer *w)
{
    put(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><root><common>");
    put_element(w, "gateway_id", auth->gateway_id);
    if (auth->building_id.len > 0)
        put_element(w, "building_id", auth->building_id);
    put(w, "<type>id_validate</type></common><id_validate operation=\"");
    put(w, operations[auth->operation]);
    put(w, auth->operation == ACREL_OP_SEQUENCE ? "\" version=\"2\">" : "\">");
    if (auth->operation != ACREL_OP_REQUEST)
        put_element(w, operations[auth->operation], auth->value);
    put(w, "</id_validate></root>");
}

/* --- what it reports -------------------------------------------------------------------------- */

struct report {
    struct acrel_value v;
    struct bytes *time;
    acrel_value_sink *sink;
    void *arg;
    bool root, in_function;
};

static void opened(struct report *r, const struct token *t)
{
    r->root = r->root || is(t->name, "root");
    if (is(t->name, "meter"))
        r->v.meter = attribute(t->attributes, "id");
    if (is(t->name, "function")) {
        r->v.function = attribute(t->attributes, "id");
        r->v.error = attribute(t->attributes, "error");
        r->v.value = (struct bytes){0};
        r->in_function = t->kind == OPEN;
    }
}

static void closed(struct report *r, const struct token *t)
{
    if (is(t->name, "function") && r->in_function) {
        if (r->v.meter.len > 0 && r->v.function.len > 0)
            r->sink(r->arg, &r->v);
        r->in_function = false;
    }
    if (is(t->name, "meter"))
        r->v.meter = (struct bytes){0};
}

enum err acrel_report_read(struct bytes xml, struct bytes *time, acrel_value_sink *sink, void *arg)
{
    struct scan s = {xml.data, xml.len, 0};
    struct report r = {.time = time, .sink = sink, .arg = arg};
    struct token t, open = {.kind = END};
    *time = (struct bytes){0};
    for (t = next(&s); t.kind != END && t.kind != BAD; t = next(&s)) {
        if (t.kind == OPEN || t.kind == EMPTY)
            opened(&r, &t);
        else if (t.kind == CLOSE)
            closed(&r, &t);
        else if (r.in_function)
            r.v.value = t.text;
        else if (open.kind == OPEN && is(open.name, "time"))
            *time = t.text;
        if (t.kind != TEXT)
            open = t;
    }
    return t.kind == END && r.root ? ERR_OK : ERR_SYNTAX;
}
