/* Programs of gateways, and their updates through the uplink. */
#include <string.h>

#include "api/api_impl.h"
#include "headend/update.h"
#include "uplink/update_file.h"

#define KEYS_MAX (64 * 1024)
#define PUSHES 20 /* shown, the newest */

/* A name of the table of errors, with its texts; "": null. */
static void put_error(struct jwrite *w, const char *name)
{
    enum err e = ERR_OK + 1;
    if (*name == '\0') {
        jwrite_null(w, "error");
        jwrite_null(w, "error_zh");
        jwrite_null(w, "error_en");
        return;
    }
    while (e < ERR_COUNT && strcmp(err_name(e), name) != 0)
        e++;
    jwrite_text(w, "error", name);
    jwrite_text(w, "error_zh", e < ERR_COUNT ? err_text_zh(e) : name);
    jwrite_text(w, "error_en", e < ERR_COUNT ? err_text_en(e) : name);
}

static int64_t percent(const char *state, int64_t received, int64_t size)
{
    bool whole = strcmp(state, "waiting") != 0 && strcmp(state, "fetching") != 0;
    return size > 0 ? received * 100 / size : whole ? 100 : 0;
}

static void put_wish(struct jwrite *w, const struct headend_program *p)
{
    if (p->push_id == 0) {
        jwrite_null(w, "update");
        return;
    }
    jwrite_object(w, "update");
    jwrite_int(w, "push_id", p->push_id);
    jwrite_text(w, "version", p->wish_version);
    jwrite_text(w, "state", p->state);
    jwrite_int(w, "percent", percent(p->state, p->received, p->size));
    put_error(w, p->error);
    jwrite_end(w);
}

enum err api_put_program(struct call *c, int64_t gateway_id)
{
    struct headend_program p;
    struct jwrite *w = &c->out;
    enum err e = headend_program_get(c->tx, gateway_id, &p);
    if (e == ERR_NOT_FOUND) {
        jwrite_null(w, "program");
        return ERR_OK;
    }
    TRY(e);
    jwrite_object(w, "program");
    jwrite_text(w, "told", p.told);
    jwrite_bool(w, "updates", p.updates);
    jwrite_text(w, "version", p.version);
    jwrite_text(w, "machine", p.machine);
    jwrite_int(w, "store", p.store);
    jwrite_text(w, "place", p.place);
    jwrite_bool(w, "trial", p.trial);
    jwrite_text(w, "last", p.last);
    jwrite_text(w, "left", p.left);
    jwrite_id(w, "at", p.at.s);
    put_wish(w, &p);
    jwrite_end(w);
    return ERR_OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

static void put_package(struct jwrite *w, const char *key, const struct headend_package *p)
{
    jwrite_object(w, key);
    jwrite_int(w, "id", p->id);
    jwrite_text(w, "version", p->version);
    jwrite_text(w, "machine", p->machine);
    jwrite_text(w, "minimum", p->minimum);
    jwrite_int(w, "store", p->store);
    jwrite_int(w, "size", p->size);
    jwrite_text(w, "key", p->key);
    jwrite_text(w, "actor", p->actor);
    jwrite_int(w, "added_at", p->added_at.s);
    jwrite_int(w, "in_use", p->open);
    jwrite_end(w);
}

static enum err read_keys(struct call *c, struct bytes *pem)
{
    const char *path = c->api->options.release_keys;
    enum err e = path ? io_file_read(path, KEYS_MAX, pem) : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? ERR_SIGN_KEY : e; /* nobody's files are taken here */
}

enum err api_package_add(struct call *c)
{
    struct headend_package p;
    struct bytes pem;
    char actor[32];
    api_actor(c, actor);
    TRY(read_keys(c, &pem));
    enum err e = headend_package_add(
        c->tx,
        &(struct headend_package_new){
            .file = http_body(c->http), .keys = pem, .actor = actor, .now = c->now},
        &p);
    io_file_free(&pem);
    if (e == ERR_TRUNCATED) /* what a person brought, and not a fault of ours */
        e = http_body(c->http).len < UPDATE_HEADER ? ERR_UPDATE_FILE : ERR_UPDATE_DATA;
    TRY(e);
    c->status = 201;
    put_package(&c->out, NULL, &p);
    return ERR_OK;
}

enum err api_package_remove(struct call *c)
{
    int64_t id;
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"package_id", API_FIELD_INT, 1, INT64_C(1) << 53, &id}, {}}));
    api_actor(c, actor);
    TRY(headend_package_remove(c->tx, id, actor, c->now));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "package_id", id);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- pushes --------------------------------------------------------------------------------- */

static enum err put_part(void *arg, const struct headend_push_part *p)
{
    struct jwrite *w = &((struct call *)arg)->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "gateway_id", p->gateway_id);
    jwrite_text(w, "serial", p->serial);
    jwrite_text(w, "name", p->name);
    jwrite_int(w, "stage", p->stage);
    jwrite_text(w, "state", p->state);
    jwrite_int(w, "percent", percent(p->state, p->received, p->size));
    put_error(w, p->error);
    jwrite_int(w, "changed_at", p->changed_at.s);
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_push(void *arg, const struct headend_push *p)
{
    struct call *c = arg;
    struct jwrite *w = &c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", p->id);
    jwrite_int(w, "package_id", p->package_id);
    jwrite_text(w, "version", p->version);
    jwrite_text(w, "state", p->state);
    jwrite_int(w, "from_minute", p->from_minute);
    jwrite_int(w, "until_minute", p->until_minute);
    jwrite_int(w, "trial_s", p->trial_s);
    jwrite_bool(w, "downgrade", p->downgrade);
    jwrite_text(w, "reason", p->reason);
    jwrite_text(w, "actor", p->actor);
    jwrite_int(w, "made_at", p->made_at.s);
    jwrite_array(w, "gateways");
    TRY(headend_push_parts(c->tx, p->id, put_part, c));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_listed(void *arg, const struct headend_package *p)
{
    put_package(arg, NULL, p);
    return ERR_OK;
}

enum err api_gateway_updates(struct call *c)
{
    struct jwrite *w = &c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    jwrite_array(w, "packages");
    TRY(headend_packages(c->tx, put_listed, w));
    jwrite_end(w);
    jwrite_array(w, "pushes");
    TRY(headend_pushes(c->tx, c->id, PUSHES, put_push, c));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

static enum err take_gateways(struct call *c, const json_t *value, int64_t *list, size_t *count)
{
    const json_t *one;
    size_t i;
    json_array_foreach(value, i, one)
    {
        if (!json_is_integer(one))
            return api_bad(c, "gateways", ERR_API_FIELD, "whole numbers are expected");
        list[i] = json_integer_value(one);
    }
    *count = json_array_size(value);
    return ERR_OK;
}

static enum err refused(struct call *c, int64_t gateway_id, enum err e)
{
    struct site_gateway g;
    if (gateway_id == 0 || site_gateway_get(c->tx, gateway_id, &g) != ERR_OK ||
        g.project_id != c->id)
        return e;
    return api_bad(c, "gateways", e, g.serial);
}

enum err api_gateway_push(struct call *c)
{
    int64_t list[HEADEND_PUSH_MAX], first, id, about;
    char actor[32];
    struct headend_push_new n = {
        .project_id = c->id, .gateways = list, .now = c->now, .random = api_draw()};
    const json_t *gateways;
    TRY(api_fields(
        c, (struct api_field[]){{"gateways", API_FIELD_LIST, 1, HEADEND_PUSH_MAX, &gateways},
                                {"package_id", API_FIELD_INT, 1, INT64_C(1) << 53, &n.package_id},
                                {"first", API_FIELD_INT, 0, HEADEND_PUSH_MAX, &first},
                                {"from_minute", API_FIELD_INT, 0, 1439, &n.from_minute},
                                {"until_minute", API_FIELD_INT, 0, 1439, &n.until_minute},
                                {"trial_s", API_FIELD_INT, 10, 3600, &n.trial_s},
                                {"downgrade", API_FIELD_BOOL, 0, 0, &n.downgrade},
                                {"reason", API_FIELD_TEXT, 1, HEADEND_REASON_MAX, &n.reason},
                                {}}));
    TRY(take_gateways(c, gateways, list, &n.count));
    api_actor(c, actor);
    n.actor = actor;
    n.first = (size_t)first;
    enum err e = headend_push_make(c->tx, &n, &id, &about);
    if (e != ERR_OK)
        return refused(c, about, e);
    c->status = 201;
    struct headend_push p;
    TRY(headend_push_get(c->tx, id, &p));
    return put_push(c, &p);
}

enum err api_gateway_push_stop(struct call *c)
{
    struct headend_push p;
    char actor[32];
    struct headend_push_stop stop = {.actor = actor, .now = c->now};
    TRY(api_fields(
        c, (struct api_field[]){{"push_id", API_FIELD_INT, 1, INT64_C(1) << 53, &stop.id},
                                {"reason", API_FIELD_TEXT, 1, HEADEND_REASON_MAX, &stop.reason},
                                {}}));
    api_actor(c, actor);
    TRY(headend_push_get(c->tx, stop.id, &p));
    if (p.project_id != c->id)
        return ERR_NOT_FOUND;
    TRY(headend_push_stop(c->tx, &stop));
    TRY(headend_push_get(c->tx, stop.id, &p));
    return put_push(c, &p);
}
