#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/api_impl.h"

bool api_key_ok(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
            return false;
    return len >= API_KEY_MIN && len <= API_KEY_MAX;
}

static bool type_is(const char *header, const char *wanted)
{
    size_t len = strlen(wanted);
    return header && strncasecmp(header, wanted, len) == 0 &&
           (header[len] == '\0' || header[len] == ';' || header[len] == ' ');
}

static enum err parse_json(struct call *c, struct bytes body)
{
    json_error_t error;
    c->body = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (!c->body) {
        snprintf(c->detail, sizeof c->detail, "line %d, column %d: %.100s", error.line,
                 error.column, error.text);
        return ERR_API_JSON;
    }
    if (!json_is_object(c->body))
        return api_bad(c, "", ERR_API_FIELD, "an object is expected");
    return ERR_OK;
}

enum err api_parse_body(struct call *c)
{
    const char *type = http_header(c->http, "Content-Type");
    if (c->route->body == API_BODY_CSV)
        return type_is(type, "text/csv") ? ERR_OK : ERR_API_TYPE;
    if (c->route->body == API_BODY_UPDATE)
        return type_is(type, "application/octet-stream") ? ERR_OK : ERR_API_TYPE;
    if (c->route->body == API_BODY_NONE)
        return ERR_OK;
    if (!type_is(type, "application/json"))
        return ERR_API_TYPE;
    return parse_json(c, http_body(c->http));
}

static enum err take(struct call *c, const struct api_field *f, const json_t *v)
{
    if (f->type == API_FIELD_BOOL) {
        if (!json_is_boolean(v))
            return api_bad(c, f->name, ERR_API_FIELD, "true or false is expected");
        *(bool *)f->out = json_is_true(v);
        return ERR_OK;
    }
    int64_t size;
    if (f->type == API_FIELD_LIST) {
        size = (int64_t)json_array_size(v);
        if (!json_is_array(v) || size < f->min || size > f->max)
            return api_bad(c, f->name, ERR_API_FIELD,
                           "a list, not too short or too long, is expected");
        *(const json_t **)f->out = v;
        return ERR_OK;
    }
    if (f->type == API_FIELD_INT) {
        if (!json_is_integer(v))
            return api_bad(c, f->name, ERR_API_FIELD, "a whole number is expected");
        size = json_integer_value(v);
        *(int64_t *)f->out = size;
    } else {
        if (!json_is_string(v))
            return api_bad(c, f->name, ERR_API_FIELD, "a text is expected");
        size = (int64_t)json_string_length(v);
        *(const char **)f->out = json_string_value(v);
    }
    if (size >= f->min && size <= f->max)
        return ERR_OK;
    char detail[120];
    snprintf(detail, sizeof detail, "%s between %lld and %lld is expected",
             f->type == API_FIELD_INT ? "a number" : "a text with a length", (long long)f->min,
             (long long)f->max);
    return api_bad(c, f->name, f->type == API_FIELD_INT ? ERR_RANGE : ERR_API_FIELD, detail);
}

static const struct api_field *field_named(const struct api_field *fields, const char *name)
{
    for (const struct api_field *f = fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

enum err api_fields(struct call *c, const struct api_field *fields)
{
    const char *name;
    json_t *value;
    json_object_foreach(c->body, name, value)
    {
        if (!field_named(fields, name))
            return api_bad(c, name, ERR_API_FIELD, "there is no such field");
    }
    for (const struct api_field *f = fields; f->name; f++) {
        value = json_object_get(c->body, f->name);
        if (!value)
            return api_bad(c, f->name, ERR_API_FIELD, "the field is missing");
        TRY(take(c, f, value));
    }
    return ERR_OK;
}

enum err api_query_int(struct call *c, const char *name, int64_t min, int64_t max, int64_t *value)
{
    const char *text;
    enum err e = http_query(c->http, name, &text);
    if (e != ERR_OK)
        return api_bad(c, name, e, "the parameter is broken, or stands twice");
    if (!text)
        return ERR_OK;
    int64_t v = 0;
    size_t len = strlen(text);
    bool good = len > 0 && len <= 15;
    for (size_t i = 0; i < len && good; i++) {
        good = isdigit((unsigned char)text[i]);
        v = v * 10 + (text[i] - '0');
    }
    if (!good || v < min || v > max)
        return api_bad(c, name, ERR_API_FIELD, "a whole number in its range is expected");
    *value = v;
    return ERR_OK;
}

enum err api_query_text(struct call *c, const char *name, size_t max, const char **value)
{
    enum err e = http_query(c->http, name, value);
    if (e != ERR_OK)
        return api_bad(c, name, e, "the parameter is broken, or stands twice");
    if (*value && strlen(*value) > max)
        return api_bad(c, name, ERR_API_FIELD, "the text is too long");
    return ERR_OK;
}

enum err api_query_account(struct call *c, const char *name, int64_t *id)
{
    struct site_account account;
    TRY(api_query_int(c, name, 1, INT64_C(1) << 53, id));
    if (!*id)
        return ERR_OK;
    enum err e = site_account_get(c->tx, *id, &account);
    if (e == ERR_OK && account.project_id != c->project_id)
        e = ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? api_bad(c, name, e, "not an account of this project") : e;
}

enum err api_query_place(struct call *c, const char *name, const char **code)
{
    struct site_place place;
    TRY(api_query_text(c, name, SITE_PATH_MAX, code));
    if (!*code || !**code)
        return ERR_OK;
    enum err e = site_place_by_path(c->tx, c->project_id, *code, &place);
    return e == ERR_NOT_FOUND ? api_bad(c, name, e, "not a place of this project") : e;
}

enum err api_query_limit(struct call *c, int64_t *limit)
{
    *limit = API_LIST_DEFAULT;
    return api_query_int(c, "limit", 1, API_LIST_MAX, limit);
}
