/*
 * The event stream. Messages stand once in a ring, whoever reads them; each client has a position.
 * What changed is only marked when it is told; a timer builds the messages, so that a hundred
 * readings of one account are one row. A client that fell behind the ring is told to load anew.
 *
 * While nobody listens nothing is built: the ring is broken instead, and whoever comes back with an
 * old position is told to load anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/must.h"
#include "pay/shift.h"
#include "vend/vend.h"

#define RING 4096
#define RING_BYTES (16u << 20)
#define CLIENTS_MAX 1000
#define CLIENTS_PER_PERSON 20
#define FULL_RETRY_S 10 /* somebody closes a page */
#define WALL_MS 500     /* changes of the wall are gathered this long */
#define SOON_MS 50      /* events and orders */
#define BEAT_MS 15'000
#define INTEREST_MS 60'000 /* after a wall was given, or the last client left */
#define ROWS_MAX 500       /* in one message */

enum audience { FOR_ALL, FOR_MONEY, FOR_NO_MONEY };

struct message {
    int64_t project_id;
    enum audience audience;
    char *text;
    size_t len;
};

struct client {
    struct client *next, **at;
    struct api *api;
    struct http_request *http;
    struct auth_principal who;
    char token[AUTH_TOKEN_TEXT];
    int64_t project_id; /* 0: all in sight */
    bool money, ended;
    uint64_t position; /* last message that was given whole */
    size_t offset;     /* bytes given of the one after it */
    struct jwrite own; /* what only this client is told */
    size_t own_at;
};

struct order_mark {
    int64_t account_id;
    char order_id[VEND_ORDER_ID_MAX + 1];
};

struct stream {
    struct api *api;
    struct io_timer push, beat;
    mono_ms push_at;
    struct client *clients;
    size_t client_count;
    mono_ms interest_until;
    char boot[17];           /* positions of another run of the program are not ours */
    uint64_t newest, oldest; /* sequence numbers; oldest = newest + 1: empty */
    struct message ring[RING];
    size_t bytes;
    int64_t *accounts, *meters, *events;
    size_t account_count, account_cap, meter_count, meter_cap, event_count, event_cap;
    struct order_mark *orders;
    size_t order_count, order_cap;
};

/* ---- the ring ---- */

static struct message *at(struct stream *s, uint64_t seq)
{
    return &s->ring[seq % RING];
}

static void drop_oldest(struct stream *s)
{
    struct message *m = at(s, s->oldest++);
    s->bytes -= m->len;
    free(m->text);
    *m = (struct message){};
}

static void break_ring(struct stream *s)
{
    while (s->oldest <= s->newest)
        drop_oldest(s);
    s->newest++; /* whoever knows the old newest missed something */
    s->oldest = s->newest + 1;
}

/* Takes the data out of w. */
static void publish(struct stream *s, int64_t project_id, enum audience audience, const char *name,
                    struct jwrite *data)
{
    struct jwrite w = {};
    char head[128];
    size_t len;
    char *text = jwrite_take(data, &len);
    if (!text) {
        break_ring(s);
        return;
    }
    int n = snprintf(head, sizeof head, "id: %s-%llu\nevent: %s\ndata: ", s->boot,
                     (unsigned long long)(s->newest + 1), name);
    jwrite_put(&w, head, (size_t)n);
    jwrite_put(&w, text, len);
    jwrite_put(&w, "\n\n", 2);
    free(text);
    while (s->oldest <= s->newest && (s->newest + 1 - s->oldest == RING || s->bytes > RING_BYTES))
        drop_oldest(s);
    struct message *m = at(s, ++s->newest);
    *m = (struct message){.project_id = project_id, .audience = audience};
    m->text = jwrite_take(&w, &m->len);
    MUST(m->text);
    s->bytes += m->len;
}

/* ---- reading ---- */

static bool is_for(const struct client *c, const struct message *m)
{
    if (m->audience == (c->money ? FOR_NO_MONEY : FOR_MONEY))
        return false;
    return c->project_id ? c->project_id == m->project_id : auth_sees(&c->who, m->project_id);
}

static void tell(struct client *c, const char *text)
{
    jwrite_put(&c->own, text, strlen(text));
}

static int64_t give(const char *text, size_t len, size_t *offset, char *buf, size_t cap)
{
    size_t n = len - *offset < cap ? len - *offset : cap;
    memcpy(buf, text + *offset, n);
    *offset += n;
    return (int64_t)n;
}

static int64_t give_own(struct client *c, char *buf, size_t cap)
{
    int64_t n = give(c->own.data, c->own.len, &c->own_at, buf, cap);
    if (c->own_at == c->own.len) {
        jwrite_drop(&c->own);
        c->own_at = 0;
    }
    return n;
}

static int64_t give_next(struct stream *s, struct client *c, char *buf, size_t cap)
{
    if (c->position + 1 < s->oldest) {
        if (c->offset > 0)
            return HTTP_STREAM_END; /* half of a message was given, the rest is gone */
        c->position = s->newest;
        tell(c, "event: reset\ndata: {}\n\n");
        return give_own(c, buf, cap);
    }
    while (c->position < s->newest) {
        struct message *m = at(s, c->position + 1);
        if (is_for(c, m)) {
            int64_t n = give(m->text, m->len, &c->offset, buf, cap);
            if (c->offset == m->len) {
                c->position++;
                c->offset = 0;
            }
            return n;
        }
        c->position++;
    }
    return 0;
}

/* What only this client is told goes between two messages, never into one. */
static int64_t read_client(void *ctx, struct http_request *r, char *buf, size_t cap)
{
    struct api *a = ctx;
    struct client *c = http_context(r);
    if (c->offset == 0 && c->own.len > 0)
        return give_own(c, buf, cap);
    if (c->ended)
        return HTTP_STREAM_END;
    return give_next(a->stream, c, buf, cap);
}

/* ---- marks ---- */

static void want_push(struct stream *s, int64_t delay_ms)
{
    mono_ms due = mono_after(io_mono_real(s->api->options.io), delay_ms);
    if (s->push_at.ms <= due.ms)
        return;
    s->push_at = due;
    io_timer_set_real(&s->push, due);
}

static void add_mark(int64_t **list, size_t *count, size_t *cap, int64_t id)
{
    if (*count > 0 && (*list)[*count - 1] == id)
        return;
    if (*count == *cap) {
        size_t more = *cap ? *cap * 2 : 64;
        int64_t *grown = realloc(*list, more * sizeof *grown);
        MUST(grown);
        *list = grown;
        *cap = more;
    }
    (*list)[(*count)++] = id;
}

void api_notify_account(struct api *a, int64_t account_id)
{
    struct stream *s = a->stream;
    add_mark(&s->accounts, &s->account_count, &s->account_cap, account_id);
    want_push(s, WALL_MS);
}

void api_notify_meter(struct api *a, int64_t meter_id)
{
    struct stream *s = a->stream;
    add_mark(&s->meters, &s->meter_count, &s->meter_cap, meter_id);
    want_push(s, WALL_MS);
}

void api_notify_event(struct api *a, int64_t event_id)
{
    struct stream *s = a->stream;
    add_mark(&s->events, &s->event_count, &s->event_cap, event_id);
    want_push(s, SOON_MS);
}

static bool order_marked(const struct stream *s, int64_t account_id, const char *order_id)
{
    for (size_t i = 0; i < s->order_count; i++)
        if (s->orders[i].account_id == account_id && strcmp(s->orders[i].order_id, order_id) == 0)
            return true;
    return false;
}

void api_notify_order(struct api *a, int64_t account_id, const char *order_id)
{
    struct stream *s = a->stream;
    api_notify_account(a, account_id);
    want_push(s, SOON_MS);
    if (order_marked(s, account_id, order_id))
        return;
    if (s->order_count == s->order_cap) {
        size_t more = s->order_cap ? s->order_cap * 2 : 64;
        struct order_mark *grown = realloc(s->orders, more * sizeof *grown);
        MUST(grown);
        s->orders = grown;
        s->order_cap = more;
    }
    struct order_mark *m = &s->orders[s->order_count++];
    m->account_id = account_id;
    snprintf(m->order_id, sizeof m->order_id, "%s", order_id);
}

static void forget_marks(struct stream *s)
{
    s->account_count = s->meter_count = s->event_count = s->order_count = 0;
}

/* ---- building ---- */

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_unique(int64_t *list, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(list, count, sizeof *list, ascending);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    return kept;
}

static enum err accounts_of_meters(struct stream *s, struct store_tx *tx)
{
    s->meter_count = sort_unique(s->meters, s->meter_count);
    for (size_t i = 0; i < s->meter_count; i++) {
        struct site_meter m;
        enum err e = site_meter_get(tx, s->meters[i], &m);
        if (e == ERR_OK && m.account_id)
            add_mark(&s->accounts, &s->account_count, &s->account_cap, m.account_id);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    s->account_count = sort_unique(s->accounts, s->account_count);
    return ERR_OK;
}

/* The rows of one project, once with money and once without. */
struct wall_part {
    int64_t project_id;
    size_t rows;
    struct jwrite with, without;
};

static void begin_part(struct stream *s, struct wall_part *p, int64_t project_id)
{
    struct jwrite *both[] = {&p->with, &p->without};
    p->project_id = project_id;
    p->rows = 0;
    for (size_t i = 0; i < 2; i++) {
        jwrite_object(both[i], NULL);
        jwrite_int(both[i], "project_id", project_id);
        jwrite_int(both[i], "now", io_wall(s->api->options.io).s);
        jwrite_array(both[i], "rows");
    }
}

static void end_part(struct stream *s, struct wall_part *p)
{
    if (p->project_id == 0)
        return;
    jwrite_end(&p->with);
    jwrite_end(&p->with);
    jwrite_end(&p->without);
    jwrite_end(&p->without);
    publish(s, p->project_id, FOR_MONEY, "wall", &p->with);
    publish(s, p->project_id, FOR_NO_MONEY, "wall", &p->without);
    p->project_id = 0;
}

static enum err put_both(struct stream *s, struct store_tx *tx, struct wall_part *p,
                         const struct site_account *account)
{
    if (p->project_id != account->project_id || p->rows == ROWS_MAX) {
        end_part(s, p);
        begin_part(s, p, account->project_id);
    }
    p->rows++;
    TRY(api_put_wall_row(s->api, tx, &p->with, account, true));
    return api_put_wall_row(s->api, tx, &p->without, account, false);
}

static enum err build_wall(struct stream *s, struct store_tx *tx)
{
    struct wall_part part = {};
    enum err e = accounts_of_meters(s, tx);
    for (size_t i = 0; i < s->account_count && e == ERR_OK; i++) {
        struct site_account account;
        e = site_account_get(tx, s->accounts[i], &account);
        if (e == ERR_OK && !account.closed_at.s)
            e = put_both(s, tx, &part, &account);
        else if (e == ERR_NOT_FOUND)
            e = ERR_OK;
    }
    if (e == ERR_OK)
        end_part(s, &part);
    jwrite_drop(&part.with);
    jwrite_drop(&part.without);
    return e;
}

static enum err build_event(struct stream *s, struct store_tx *tx, int64_t id)
{
    struct query q = query_open(tx,
                                "SELECT " API_EVENT_COLUMNS " FROM event "
                                "LEFT JOIN account ON account.id = event.account_id "
                                "WHERE event.id = $1",
                                "i", id);
    if (query_step(&q)) {
        struct jwrite w = {};
        int64_t project_id = query_int(&q, 2);
        bool money = api_event_tells_money(query_text(&q, 5), query_text(&q, 7));
        api_put_event(&w, NULL, &q);
        publish(s, project_id, money ? FOR_MONEY : FOR_ALL, "event", &w);
    }
    return query_end(&q);
}

static enum err build_order(struct stream *s, struct store_tx *tx, const struct order_mark *m)
{
    struct vend_status status;
    struct jwrite w = {};
    enum err e = vend_get(tx, m->account_id, m->order_id, &status);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    struct shift_sale split;
    e = shift_sale_get(tx, m->account_id, m->order_id, &split);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    api_put_order(&w, NULL, &status, e == ERR_OK ? &split : NULL);
    publish(s, status.project_id, FOR_MONEY, "order", &w);
    return ERR_OK;
}

static enum err build(struct store_tx *tx, void *arg)
{
    struct stream *s = arg;
    for (size_t i = 0; i < s->order_count; i++)
        TRY(build_order(s, tx, &s->orders[i]));
    s->event_count = sort_unique(s->events, s->event_count);
    for (size_t i = 0; i < s->event_count; i++)
        TRY(build_event(s, tx, s->events[i]));
    return build_wall(s, tx);
}

static void wake_all(struct stream *s)
{
    for (struct client *c = s->clients; c; c = c->next)
        http_stream_wake(c->http);
}

static void push(void *arg)
{
    struct stream *s = arg;
    s->push_at = MONO_NEVER;
    bool wanted = s->clients || !mono_due(s->interest_until, io_mono_real(s->api->options.io));
    if (!wanted || store_read(s->api->options.ledger, build, s) != ERR_OK)
        break_ring(s);
    forget_marks(s);
    wake_all(s);
}

/* ---- clients ---- */

static enum err look_again(struct store_tx *tx, void *arg)
{
    struct client *c = arg;
    return auth_watch(c->api->auth, tx, c->token, &c->who);
}

/* A stream ends with its log-in; rights that were taken away are seen within one beat. */
static void check(struct stream *s, struct client *c)
{
    enum err e = store_read(s->api->options.ledger, look_again, c);
    c->money = auth_role_may(c->who.role, AUTH_MONEY);
    if (e != ERR_OK || (c->project_id && !auth_sees(&c->who, c->project_id)))
        c->ended = true;
    tell(c, ": beat\n\n");
    http_stream_wake(c->http);
}

static void beat(void *arg)
{
    struct stream *s = arg;
    for (struct client *c = s->clients; c; c = c->next)
        check(s, c);
    io_timer_set_real(&s->beat, mono_after(io_mono_real(s->api->options.io), BEAT_MS));
}

void stream_position(const struct stream *s, char out[64])
{
    struct stream *mine = (struct stream *)(uintptr_t)s;
    mine->interest_until = mono_after(io_mono_real(s->api->options.io), INTEREST_MS);
    snprintf(out, 64, "%s-%llu", s->boot, (unsigned long long)s->newest);
}

/* Where a client goes on; false: somewhere that we do not know any more. */
static bool resume(const struct stream *s, const char *position, uint64_t *seq)
{
    unsigned long long n;
    char boot[17], rest;
    *seq = s->newest;
    if (!position || !*position)
        return true;
    if (sscanf(position, "%16[0-9A-F]-%llu%c", boot, &n, &rest) != 2 || strcmp(boot, s->boot) != 0)
        return false;
    if (n > s->newest || n + 1 < s->oldest)
        return false;
    *seq = n;
    return true;
}

static size_t clients_of(const struct stream *s, int64_t person_id)
{
    size_t n = 0;
    for (const struct client *c = s->clients; c; c = c->next)
        n += c->who.person_id == person_id;
    return n;
}

static void greet(struct stream *s, struct client *c, const char *position)
{
    char text[192];
    bool known = resume(s, position, &c->position);
    snprintf(text, sizeof text,
             "retry: 2000\nid: %s-%llu\nevent: hello\ndata: "
             "{\"stream_id\":\"%s-%llu\",\"now\":%lld}\n\n",
             s->boot, (unsigned long long)c->position, s->boot, (unsigned long long)c->position,
             (long long)io_wall(s->api->options.io).s);
    tell(c, text);
    if (!known)
        tell(c, "event: reset\ndata: {}\n\n");
}

static struct client *admit(struct stream *s, struct call *call, int64_t project_id)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->api = call->api;
    c->http = call->http;
    c->who = call->who;
    c->project_id = project_id;
    c->money = auth_role_may(c->who.role, AUTH_MONEY);
    memcpy(c->token, call->token, sizeof c->token);
    c->next = s->clients;
    c->at = &s->clients;
    if (c->next)
        c->next->at = &c->next;
    s->clients = c;
    s->client_count++;
    return c;
}

/* Who sees all projects sees none that does not exist. */
static enum err find_project(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct site_project project;
    return site_project_get(tx, c->project_id, &project);
}

static enum err take_project(struct call *c)
{
    TRY(api_query_int(c, "project", 1, INT64_C(1) << 53, &c->project_id));
    if (!c->project_id)
        return ERR_OK;
    TRY(auth_may(&c->who, AUTH_VIEW, c->project_id));
    return store_read(c->api->options.ledger, find_project, c);
}

enum err api_stream_open(struct call *call)
{
    struct api *a = call->api;
    struct stream *s = a->stream;
    const char *after = NULL;
    TRY(take_project(call));
    TRY(api_query_text(call, "after", 64, &after));
    if (s->client_count >= CLIENTS_MAX ||
        clients_of(s, call->who.person_id) >= CLIENTS_PER_PERSON) {
        call->retry_after_s = FULL_RETRY_S;
        return ERR_API_STREAMS;
    }
    struct client *c = admit(s, call, call->project_id);
    if (!c)
        return ERR_MEMORY;
    const char *last = http_header(call->http, "Last-Event-ID");
    greet(s, c, last ? last : after);
    a->counters.streams++;
    a->counters.requests[2]++;
    api_headers(a, call->http, false);
    http_answer_header(call->http, "Cache-Control", "no-store");
    http_answer_header(call->http, "X-Accel-Buffering", "no");
    http_set_context(call->http, c);
    http_stream(call->http, "text/event-stream; charset=utf-8", read_client);
    api_call_free(call);
    return ERR_OK;
}

void stream_gone(struct stream *s, struct http_request *r)
{
    struct client *c = http_context(r);
    if (!c)
        return;
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    s->client_count--;
    s->interest_until = mono_after(io_mono_real(s->api->options.io), INTEREST_MS);
    jwrite_drop(&c->own);
    free(c);
}

size_t stream_clients(const struct stream *s)
{
    return s->client_count;
}

/* ---- the whole ---- */

struct stream *stream_new(struct api *a)
{
    struct stream *s = calloc(1, sizeof *s);
    uint8_t boot[8];
    MUST(s);
    s->api = a;
    s->push_at = MONO_NEVER;
    s->oldest = 1;
    io_random(boot, sizeof boot);
    hex_encode(boot, sizeof boot, s->boot);
    io_timer_init(&s->push, a->options.io, push, s);
    io_timer_init(&s->beat, a->options.io, beat, s);
    io_timer_set_real(&s->beat, mono_after(io_mono_real(a->options.io), BEAT_MS));
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    io_timer_stop(&s->push);
    io_timer_stop(&s->beat);
    break_ring(s);
    free(s->accounts);
    free(s->meters);
    free(s->events);
    free(s->orders);
    free(s);
}
