#include "api/api_version.h"

#include <stdio.h>
#include <string.h>

#include "journal/detail.h"

/* ---- the list ---- */

struct listing {
    struct call *c;
    const struct version_shelf *shelf;
    char code[SITE_CODE_MAX + 1]; /* of the entry that is being written; "": none yet */
    struct site_version in_force; /* of it; version 0: none yet */
    enum err err;
};

static enum err put_users(const struct listing *l)
{
    struct query q = query_open(l->c->tx, l->shelf->users, "it", l->c->project_id, l->code);
    bool found = query_step(&q);
    jwrite_int(&l->c->out, "accounts", found ? query_int(&q, 0) : 0);
    jwrite_int(&l->c->out, "meters", found ? query_int(&q, 1) : 0);
    return query_end(&q);
}

static enum err end_entry(struct listing *l)
{
    struct jwrite *w = &l->c->out;
    if (!l->code[0])
        return ERR_OK;
    jwrite_end(w);
    jwrite_id(w, "version", l->in_force.version);
    TRY(put_users(l));
    l->shelf->put_summary(w, l->in_force.version ? l->in_force.body : "{}");
    jwrite_end(w);
    return ERR_OK;
}

static void begin_entry(struct listing *l, const char *code)
{
    snprintf(l->code, sizeof l->code, "%s", code);
    l->in_force.version = 0;
    jwrite_object(&l->c->out, NULL);
    jwrite_text(&l->c->out, "code", code);
    jwrite_array(&l->c->out, "versions");
}

static void put_version(struct jwrite *w, const struct site_version *v, bool text)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "version", v->version);
    jwrite_int(w, "effective_at", v->effective_at.s);
    if (text)
        jwrite_text(w, "text", v->body);
    jwrite_end(w);
}

/* Versions come by code and number; the last one whose time has come is in force. */
static enum err list_one(void *arg, const char *code, const struct site_version *v)
{
    struct listing *l = arg;
    if (strcmp(code, l->code) != 0) {
        TRY(end_entry(l));
        begin_entry(l, code);
    }
    if (v->effective_at.s <= l->c->now.s)
        l->in_force = *v;
    put_version(&l->c->out, v, false);
    return ERR_OK;
}

enum err version_list(struct call *c, const struct version_shelf *shelf)
{
    struct listing l = {.c = c, .shelf = shelf};
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, shelf->list);
    TRY(shelf->each(c->tx, c->project_id, list_one, &l));
    TRY(end_entry(&l));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- texts ---- */

struct texts {
    struct call *c;
    const char *code;
    int64_t count;
};

static enum err put_text(void *arg, const char *code, const struct site_version *v)
{
    struct texts *t = arg;
    if (strcmp(code, t->code) != 0)
        return ERR_OK;
    put_version(&t->c->out, v, true);
    t->count++;
    return ERR_OK;
}

enum err version_texts(struct call *c, const struct version_shelf *shelf)
{
    struct texts t = {.c = c};
    TRY(api_query_text(c, "code", SITE_CODE_MAX, &t.code));
    if (!t.code || !t.code[0])
        return api_bad(c, "code", ERR_API_FIELD, "which one is expected");
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_text(&c->out, "code", t.code);
    jwrite_array(&c->out, "versions");
    TRY(shelf->each(c->tx, c->project_id, put_text, &t));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return t.count ? ERR_OK : api_bad(c, "code", ERR_NOT_FOUND, "not one of this project");
}

/* ---- the check ---- */

/* False: the text is JSON. */
static bool is_no_json(const char *text, json_error_t *error)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, error);
    json_decref(json);
    return !json;
}

static void put_where(struct jwrite *w, const char *text)
{
    json_error_t error;
    if (!is_no_json(text, &error))
        return;
    jwrite_int(w, "line", error.line);
    jwrite_int(w, "column", error.column);
}

enum err version_refuse(struct call *c, const char *text, const struct version_fault *fault,
                        enum err e)
{
    json_error_t error;
    char where[48] = "";
    if (is_no_json(text, &error))
        snprintf(where, sizeof where, " line %d column %d", error.line, error.column);
    snprintf(c->detail, sizeof c->detail, "%s%s%s%s", fault->code, fault->place[0] ? " " : "",
             fault->place, where);
    c->field = "text";
    return e;
}

void version_put_check(struct jwrite *w, const char *text, const struct version_fault *fault)
{
    jwrite_object(w, NULL);
    jwrite_bool(w, "valid", !fault->code);
    if (!fault->code) {
        jwrite_null(w, "problem");
        return;
    }
    jwrite_object(w, "problem");
    jwrite_text(w, "code", fault->code);
    jwrite_text(w, "place", fault->place);
    jwrite_text(w, "zh", fault->zh);
    jwrite_text(w, "en", fault->en);
    put_where(w, text);
    jwrite_end(w);
}

void version_put_names(struct jwrite *w, const char *body)
{
    json_t *json = json_loads(body, 0, NULL), *names = json_object_get(json, "names");
    jwrite_object(w, "names");
    jwrite_text(w, "zh", json_string_value(json_object_get(names, "zh")));
    jwrite_text(w, "en", json_string_value(json_object_get(names, "en")));
    jwrite_end(w);
    json_decref(json);
}

/* ---- saving ---- */

struct wish {
    const char *code, *text, *reason;
    int64_t version, effective_at;
    bool past;
};

struct newest {
    const char *code;
    int64_t version;
};

static enum err find_newest(void *arg, const char *code, const struct site_version *v)
{
    struct newest *n = arg;
    if (strcmp(code, n->code) == 0)
        n->version = v->version;
    return ERR_OK;
}

/* The version that the person saw last must still be the last. */
static enum err check_wish(struct call *c, const struct version_shelf *shelf, const struct wish *w)
{
    struct newest newest = {.code = w->code};
    struct version_fault fault = {};
    enum err e = shelf->parse(w->text, &fault);
    if (e != ERR_OK)
        return version_refuse(c, w->text, &fault, e);
    TRY(shelf->each(c->tx, c->project_id, find_newest, &newest));
    if (newest.version + 1 != w->version)
        return api_bad(c, "version", ERR_API_VERSION, "the next number is expected");
    if (newest.version > 0 && w->effective_at < c->now.s && !w->past)
        return api_bad(c, "effective_at", ERR_API_PAST, "");
    return ERR_OK;
}

static enum err note(struct call *c, const struct version_shelf *shelf, const struct wish *w)
{
    char actor[32], object[SITE_CODE_MAX + 48];
    struct detail d = {};
    api_actor(c, actor);
    snprintf(object, sizeof object, "%s:%lld/%s", shelf->object, (long long)c->project_id, w->code);
    detail_text(&d, "code", w->code);
    detail_int(&d, "version", w->version);
    detail_int(&d, "effective_at", w->effective_at);
    detail_text(&d, "reason", w->reason);
    const char *facts = detail_end(&d);
    TRY(journal_append(c->tx, &(struct journal_act){.now = c->now,
                                                    .actor = actor,
                                                    .action = shelf->action,
                                                    .object = object,
                                                    .detail = facts}));
    return journal_event(c->tx, &(struct journal_event){.at = c->now,
                                                        .kind = shelf->event,
                                                        .project_id = c->project_id,
                                                        .detail = facts});
}

enum err version_save(struct call *c, const struct version_shelf *shelf)
{
    struct wish w = {};
    enum site_change change;
    TRY(api_fields(
        c, (struct api_field[]){{"code", API_FIELD_TEXT, 1, SITE_CODE_MAX, &w.code},
                                {"version", API_FIELD_INT, 1, INT32_MAX, &w.version},
                                {"effective_at", API_FIELD_INT, 0, UINT32_MAX, &w.effective_at},
                                {"past", API_FIELD_BOOL, 0, 0, &w.past},
                                {"text", API_FIELD_TEXT, 2, SITE_BODY_MAX, &w.text},
                                {"reason", API_FIELD_TEXT, 1, 200, &w.reason},
                                {}}));
    TRY(check_wish(c, shelf, &w));
    TRY(shelf->put(c->tx, c->project_id, w.code, (wall_s){w.effective_at}, w.text, &change));
    if (change != SITE_SAME)
        TRY(note(c, shelf, &w));
    c->status = change == SITE_SAME ? 200 : 201;
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "code", w.code);
    jwrite_int(&c->out, "version", change == SITE_SAME ? w.version - 1 : w.version);
    jwrite_bool(&c->out, "changed", change != SITE_SAME);
    jwrite_end(&c->out);
    return ERR_OK;
}
