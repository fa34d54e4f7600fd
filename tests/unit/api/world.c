#include "tests/unit/api/world.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>

#include "site/site.h"

/* ---- the site ---- */

static enum err add_meter(struct store_tx *tx, const struct site_account *a, int64_t line_id,
                          int64_t circuits)
{
    enum site_change change;
    struct site_meter m = {.project_id = a->project_id,
                           .account_id = a->id,
                           .place_id = a->place_id,
                           .line_id = line_id,
                           .kind = SITE_ELECTRICITY,
                           .circuits = circuits};
    snprintf(m.address, sizeof m.address, "%012d", (int)a->id);
    snprintf(m.model, sizeof m.model, "%s", circuits == 3 ? "yufu-dorm3" : "yufu-shop3p");
    snprintf(m.customer_number, sizeof m.customer_number, "%012d", (int)a->id);
    return site_meter_put(tx, &m, &change);
}

static enum err add_account(struct store_tx *tx, int64_t project_id, int64_t line_id,
                            const char *code, enum site_wallet wallet)
{
    enum site_change change;
    struct site_place place = {.project_id = project_id, .kind = SITE_ROOM};
    struct site_customer customer = {.project_id = project_id};
    struct site_account a = {.project_id = project_id,
                             .wallet = wallet,
                             .opened_at = {1'790'000'000},
                             .contract_at = {1'790'000'000}};
    snprintf(place.code, sizeof place.code, "D1/%s", code);
    snprintf(place.name, sizeof place.name, "%s室", code);
    TRY(site_place_put(tx, &place, &change));
    snprintf(customer.code, sizeof customer.code, "C-%s", code);
    snprintf(customer.name, sizeof customer.name, "张三 %s", code);
    snprintf(customer.phone, sizeof customer.phone, "13812345678");
    TRY(site_customer_put(tx, &customer, &change));
    a.place_id = place.id;
    a.customer_id = customer.id;
    snprintf(a.code, sizeof a.code, "%s", code);
    snprintf(a.name, sizeof a.name, "Room %s", code);
    snprintf(a.plan_code, sizeof a.plan_code, "flat");
    snprintf(a.strategy_code, sizeof a.strategy_code, "standard");
    TRY(site_account_put(tx, &a, &change));
    return add_meter(tx, &a, line_id, wallet == SITE_WALLET_PLATFORM ? 3 : 1);
}

static enum err add_project(struct store_tx *tx, const char *code, int64_t *id, int64_t *line_id)
{
    enum site_change change;
    int64_t organisation, gateway;
    char serial[16];
    struct site_project p = {.zone = "Asia/Shanghai"};
    TRY(site_organisation_put(tx, "org", "Org", &organisation, &change));
    p.organisation_id = organisation;
    snprintf(p.code, sizeof p.code, "%s", code);
    snprintf(p.name, sizeof p.name, "项目 %s", code);
    TRY(site_project_put(tx, &p, &change));
    snprintf(serial, sizeof serial, "GW-%s", code);
    TRY(site_gateway_put(tx, p.id, serial, serial, &gateway, &change));
    struct site_line line = {.gateway_id = gateway,
                             .number = 1,
                             .endpoint = "tcp:127.0.0.1:9",
                             .baud = 2400,
                             .parity = 'E'};
    TRY(site_line_put(tx, &line, &change));
    TRY(site_plan_put(tx, p.id, "flat", (wall_s){1'790'000'000},
                      "{\"kind\": \"flat\", \"price\": \"0.5883\"}", &change));
    TRY(site_strategy_put(tx, p.id, "standard", (wall_s){1'790'000'000}, "{}", &change));
    *id = p.id;
    *line_id = line.id;
    return ERR_OK;
}

static enum err build_site(struct store_tx *tx, void *arg)
{
    (void)arg;
    int64_t a, b, line_a, line_b;
    TRY(add_project(tx, "A", &a, &line_a));
    TRY(add_project(tx, "B", &b, &line_b));
    TRY(add_account(tx, a, line_a, "301", SITE_WALLET_PLATFORM));
    TRY(add_account(tx, a, line_a, "302", SITE_WALLET_METER));
    return add_account(tx, b, line_b, "401", SITE_WALLET_PLATFORM);
}

/* ---- open and close ---- */

static bool turn(void *arg)
{
    struct world *w = arg;
    store_flush(w->readings_store);
    store_flush(w->ledger);
    return store_waiting(w->ledger) > 0;
}

static void put_file(const struct world *w, const char *name, const char *content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->web, name);
    assert_ok(io_file_write(path, (struct bytes){(const uint8_t *)content, strlen(content)}, 0600));
}

static void build_web(struct world *w)
{
    char path[96];
    snprintf(w->web, sizeof w->web, "/tmp/yufu-web-XXXXXX");
    assert_non_null(mkdtemp(w->web));
    snprintf(path, sizeof path, "%s/assets", w->web);
    assert_ok(io_directory_make(path));
    put_file(w, "index.html", "<!doctype html>console");
    put_file(w, "assets/app-1a2b.js", "let plain");
    put_file(w, "assets/app-1a2b.js.gz", "zipped");
    put_file(w, "secret", "no extension");
}

int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    build_web(w);
    assert_ok(io_open(&w->io, &(struct io_options){}));
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    assert_ok(store_open(&w->readings_store,
                         &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}));
    assert_ok(readings_new(&w->readings));
    assert_ok(store_run(w->ledger, build_site, NULL));
    assert_ok(api_open(&w->api, &(struct api_options){.io = w->io,
                                                      .ledger = w->ledger,
                                                      .readings_store = w->readings_store,
                                                      .readings = w->readings,
                                                      .web_root = w->web,
                                                      .version = "test"}));
    io_on_turn(w->io, turn, w);
    return 0;
}

int world_close(void **state)
{
    struct world *w = *state;
    char command[128];
    api_close(w->api);
    readings_free(w->readings);
    store_close(w->readings_store);
    store_close(w->ledger);
    io_close(w->io);
    snprintf(command, sizeof command, "rm -rf '%s'", w->web);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* ---- clients ---- */

static void on_opened(void *arg, struct io_stream *s)
{
    (void)s;
    ((struct client *)arg)->opened = true;
}

static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)s;
    struct client *c = arg;
    if (c->cap - c->len <= len) {
        c->cap = (c->len + len) * 2 + 1;
        c->reply = realloc(c->reply, c->cap);
        assert_non_null(c->reply);
    }
    memcpy(c->reply + c->len, data, len);
    c->len += len;
    c->reply[c->len] = '\0';
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    (void)s, (void)why;
    ((struct client *)arg)->closed = true;
}

struct client *client_open(struct world *w)
{
    static const struct io_stream_events events = {on_opened, on_received, NULL, on_closed};
    struct client *c = calloc(1, sizeof *c);
    c->world = w;
    c->reply = calloc(1, 1);
    c->cap = 1;
    assert_ok(
        io_connect(w->io,
                   &(struct io_connect_options){
                       .host = "127.0.0.1", .port = api_port(w->api), .events = &events, .arg = c},
                   &c->stream));
    while (!c->opened && !c->closed)
        io_step(w->io, 100);
    assert_true(c->opened);
    return c;
}

void client_close(struct client *c)
{
    if (!c->closed)
        io_stream_abort(c->stream);
    free(c->reply);
    free(c);
}

void client_say(struct client *c, const char *text)
{
    assert_ok(io_stream_write(c->stream, (const uint8_t *)text, strlen(text)));
}

void client_wait(struct client *c, const char *text)
{
    mono_ms end = mono_after(io_mono_real(c->world->io), 10'000);
    while (!strstr(c->reply, text) && !c->closed && !mono_due(end, io_mono_real(c->world->io)))
        io_step(c->world->io, 100);
    if (!strstr(c->reply, text))
        fail_msg("'%s' did not come, but '%s'", text, c->reply);
}

void client_write_ask(struct client *c, const struct ask *a)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: test\r\n", a->method, a->path);
    if (a->person)
        n += snprintf(head + n, sizeof head - (size_t)n, "Cookie: yufu_sid=%s\r\n",
                      a->person->cookie);
    if (a->person && !a->no_csrf && strcmp(a->method, "GET") != 0)
        n += snprintf(head + n, sizeof head - (size_t)n, "X-CSRF-Token: %s\r\n", a->person->csrf);
    if (a->key)
        n += snprintf(head + n, sizeof head - (size_t)n, "Idempotency-Key: %s\r\n", a->key);
    if (a->type)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Type: %s\r\n", a->type);
    if (a->extra)
        n += snprintf(head + n, sizeof head - (size_t)n, "%s", a->extra);
    if (a->body || strcmp(a->method, "POST") == 0)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n",
                      a->body ? strlen(a->body) : 0);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    assert_true((size_t)n < sizeof head);
    client_say(c, head);
    if (a->body && *a->body)
        client_say(c, a->body);
}

/* Head and as many bytes as it announces. */
static bool complete(const struct client *c)
{
    const char *end = strstr(c->reply, "\r\n\r\n");
    if (!end)
        return false;
    const char *length = strcasestr(c->reply, "\r\nContent-Length: ");
    size_t wanted = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return c->len >= (size_t)(end + 4 - c->reply) + wanted;
}

/* For tests/structure/check_contract.py: every answer, to be held against docs/openapi.yaml. */
static void record(const struct ask *a, const struct reply *r)
{
    const char *path = getenv("YUFU_RECORD");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    const char *type = strstr(r->head, "Content-Type: ");
    int len = type ? (int)strcspn(type + 14, ";\r\n") : 0;
    fprintf(f, "%s\t%s\t%d\t%.*s\t%s\n", a->method, a->path, r->status, len, type ? type + 14 : "",
            r->json ? r->body : "");
    fclose(f);
}

struct reply world_ask(struct world *w, const struct ask *a)
{
    struct client *c = client_open(w);
    struct reply r = {};
    mono_ms end = mono_after(io_mono_real(w->io), 10'000);
    client_write_ask(c, a);
    while (!complete(c) && !c->closed && !mono_due(end, io_mono_real(w->io)))
        io_step(w->io, 100);
    char *body = strstr(c->reply, "\r\n\r\n");
    if (!body)
        fail_msg("%s %s got no answer", a->method, a->path);
    *body = '\0';
    r.status = atoi(c->reply + 9);
    r.head = strdup(c->reply);
    r.body = strdup(body + 4);
    r.json = json_loads(r.body, 0, NULL);
    client_close(c);
    record(a, &r);
    return r;
}

struct reply world_get(struct world *w, const struct person *p, const char *path)
{
    return world_ask(w, &(struct ask){.method = "GET", .path = path, .person = p});
}

struct reply world_post(struct world *w, const struct person *p, const char *key, const char *path,
                        const char *body)
{
    return world_ask(w, &(struct ask){.method = "POST",
                                      .path = path,
                                      .person = p,
                                      .key = key,
                                      .type = "application/json",
                                      .body = body});
}

void reply_free(struct reply *r)
{
    free(r->head);
    free(r->body);
    json_decref(r->json);
}

const char *reply_text(const struct reply *r, const char *name)
{
    const char *text = json_string_value(json_object_get(r->json, name));
    return text ? text : "";
}

int64_t reply_int(const struct reply *r, const char *name)
{
    const json_t *v = json_object_get(r->json, name);
    if (!json_is_integer(v))
        fail_msg("no number %s in %s", name, r->body);
    return json_integer_value(v);
}

void check_reply(struct reply r, int status, const char *code)
{
    if (r.status != status)
        fail_msg("%d instead of %d: %s", r.status, status, r.body);
    if (status >= 400) {
        assert_non_null(strstr(r.head, "application/problem+json"));
        if (strcmp(code, "-") != 0)
            assert_string_equal(reply_text(&r, "code"), code);
        assert_int_equal(reply_int(&r, "status"), status);
        assert_true(*reply_text(&r, "title") && *reply_text(&r, "title_zh") &&
                    *reply_text(&r, "title_en") && *reply_text(&r, "request_id"));
    }
    reply_free(&r);
}

/* ---- people ---- */

struct new_person {
    enum auth_role role;
    int64_t project_id;
};

static enum err add_person(struct store_tx *tx, void *arg)
{
    const struct new_person *n = arg;
    int64_t id;
    return auth_person_add(tx,
                           &(struct auth_new_person){.login = auth_role_name(n->role),
                                                     .name = auth_role_name(n->role),
                                                     .password = WORLD_PASSWORD,
                                                     .role = n->role,
                                                     .projects = &n->project_id,
                                                     .project_count = n->project_id != 0},
                           &id);
}

void world_person(struct world *w, enum auth_role role, int64_t project_id)
{
    assert_ok(store_run(w->ledger, add_person, &(struct new_person){role, project_id}));
}

struct person world_login(struct world *w, const char *login)
{
    char body[256];
    struct person p = {};
    snprintf(body, sizeof body, "{\"login\": \"%s\", \"password\": \"%s\"}", login, WORLD_PASSWORD);
    struct reply r = world_post(w, NULL, NULL, "/api/v1/login", body);
    assert_int_equal(r.status, 200);
    const char *cookie = strstr(r.head, "Set-Cookie: yufu_sid=");
    assert_non_null(cookie);
    snprintf(p.cookie, sizeof p.cookie, "%.43s", cookie + 21);
    snprintf(p.csrf, sizeof p.csrf, "%s", reply_text(&r, "csrf"));
    reply_free(&r);
    return p;
}

/* ---- looking into the store ---- */

int64_t world_number(struct world *w, const char *sql)
{
    return sql_number(w->ledger, sql);
}

void world_execute(struct world *w, const char *sql)
{
    sql_run(w->ledger, sql);
}

struct person world_cashier(struct world *w)
{
    world_person(w, AUTH_CASHIER, 1);
    return world_login(w, "cashier");
}

struct person world_admin(struct world *w)
{
    world_person(w, AUTH_ADMIN, 0);
    return world_login(w, "admin");
}

int64_t world_money_rows(struct world *w)
{
    return world_number(w, "SELECT (SELECT count(*) FROM sale_order) + "
                           "(SELECT count(*) FROM ledger_txn) + (SELECT count(*) FROM command) + "
                           "(SELECT count(*) FROM idempotency)");
}
