#include "app/mqtt/mqtt_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

#define BUCKETS 1024
#define ID_BYTES 16
#define ID_TEXT (2 * ID_BYTES + 1)
#define HEAD 5
#define PIECE 16'384
#define OPENING_MS 15'000
#define A_GATEWAY_MAX 8 /* channels of one name */

enum kind { KIND_OPENED = 1, KIND_DATA = 2, KIND_CLOSE = 3 };
enum state { SUBSCRIBING, OPENING, OPEN };

struct channel {
    struct relay *relay;
    struct channel *next;
    char name[RELAY_NAME_MAX + 1], id[ID_TEXT];
    enum state state;
    int handle; /* of the subscription under way */
    struct io_stream *stream;
    struct io_timer guard;
    uint32_t sent, heard; /* numbers of the last message each way */
};

struct relay {
    struct io *io;
    struct io_mqtt *mqtt;
    struct io_listener *listener;
    struct relay_options options;
    struct channel *buckets[BUCKETS];
    size_t channels;
};

static bool gateway_side(const struct relay *r)
{
    return r->options.host == NULL;
}

/* --- names and topics ------------------------------------------------------------------------ */

static bool name_valid(const char *name, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return len >= 1 && len <= RELAY_NAME_MAX && strspn(name, allowed) >= len;
}

static void topic_of(const struct channel *c, bool up, char out[MQTT_TOPIC_MAX])
{
    snprintf(out, MQTT_TOPIC_MAX, "%s/%s/%s/%s", c->relay->options.prefix, c->name, c->id,
             up ? "up" : "down");
}

/* Mine is what I hear, theirs what I say. */
static void my_topic(const struct channel *c, char out[MQTT_TOPIC_MAX])
{
    topic_of(c, !gateway_side(c->relay), out);
}

static void their_topic(const struct channel *c, char out[MQTT_TOPIC_MAX])
{
    topic_of(c, gateway_side(c->relay), out);
}

static unsigned bucket_of(const char *id)
{
    unsigned h = 2166136261U;
    for (size_t i = 0; i < ID_TEXT - 1; i++)
        h = (h ^ (unsigned char)id[i]) * 16777619U;
    return h % BUCKETS;
}

static struct channel *find(const struct relay *r, const char *id)
{
    struct channel *c = r->buckets[bucket_of(id)];
    while (c != NULL && memcmp(c->id, id, ID_TEXT - 1) != 0)
        c = c->next;
    return c;
}

static struct channel *find_handle(const struct relay *r, int handle)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct channel *c = r->buckets[i]; c != NULL; c = c->next)
            if (c->state == SUBSCRIBING && c->handle == handle)
                return c;
    return NULL;
}

static size_t count_of(const struct relay *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct channel *c = r->buckets[i]; c != NULL; c = c->next)
            n += strcmp(c->name, name) == 0;
    return n;
}

/* --- channels -------------------------------------------------------------------------------- */

static enum err say(struct channel *c, enum kind kind, const uint8_t *data, size_t len)
{
    uint8_t message[HEAD + PIECE];
    char topic[MQTT_TOPIC_MAX];
    struct writer w = writer_of(message, sizeof message);
    writer_u8(&w, (uint8_t)kind);
    writer_u32be(&w, ++c->sent);
    if (len > 0)
        writer_put(&w, data, len);
    TRY(w.err);
    their_topic(c, topic);
    return io_mqtt_publish(c->relay->mqtt, topic, (struct bytes){message, w.len});
}

static void unlink_channel(struct channel *c)
{
    struct channel **at = &c->relay->buckets[bucket_of(c->id)];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->relay->channels--;
}

static void end(struct channel *c, enum err why, bool tell)
{
    char topic[MQTT_TOPIC_MAX];
    if (tell && io_mqtt_is_up(c->relay->mqtt))
        (void)say(c, KIND_CLOSE, NULL, 0);
    my_topic(c, topic);
    io_mqtt_unsubscribe(c->relay->mqtt, topic);
    if (c->stream != NULL)
        io_stream_close(c->stream);
    io_timer_stop(&c->guard);
    log_event(LOG_MQTT_CHANNEL, LOG_S("gateway", c->name), LOG_S("channel", c->id),
              LOG_S("state", "closed"), LOG_E("error", why));
    unlink_channel(c);
    free(c);
}

static void too_slow(void *arg)
{
    end(arg, ERR_IO_REFUSED, true);
}

static void stream_closed(void *arg, struct io_stream *s, enum err why)
{
    struct channel *c = arg;
    (void)s;
    c->stream = NULL;
    end(c, why, true);
}

static void stream_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    struct channel *c = arg;
    enum err e = ERR_OK;
    while (len > 0 && e == ERR_OK) {
        size_t part = len < PIECE ? len : PIECE;
        e = say(c, KIND_DATA, data, part);
        data += part;
        len -= part;
    }
    if (e != ERR_OK)
        end(c, e, true);
    else if (io_mqtt_waiting(c->relay->mqtt) > MQTT_HIGH)
        io_stream_pause(s);
}

static void stream_opened(void *arg, struct io_stream *s)
{
    struct channel *c = arg;
    (void)s;
    io_timer_stop(&c->guard);
    c->state = OPEN;
    log_event(LOG_MQTT_CHANNEL, LOG_S("gateway", c->name), LOG_S("channel", c->id),
              LOG_S("state", "open"));
    enum err e = say(c, KIND_OPENED, NULL, 0);
    if (e != ERR_OK)
        end(c, e, false);
}

static const struct io_stream_events stream_events = {
    .opened = stream_opened, .received = stream_received, .closed = stream_closed};

static struct channel *add(struct relay *r, const char *name, const char *id)
{
    struct channel *c = r->channels < RELAY_CHANNELS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    c->relay = r;
    snprintf(c->name, sizeof c->name, "%s", name);
    memcpy(c->id, id, ID_TEXT - 1);
    c->next = r->buckets[bucket_of(c->id)];
    r->buckets[bucket_of(c->id)] = c;
    r->channels++;
    io_timer_init(&c->guard, r->io, too_slow, c);
    io_timer_set_real(&c->guard, mono_after(io_mono_real(r->io), OPENING_MS));
    return c;
}

/* Hears before it speaks: nothing may be said to the topic before the broker knows who listens. */
static void subscribe(struct channel *c)
{
    char topic[MQTT_TOPIC_MAX];
    my_topic(c, topic);
    enum err e = io_mqtt_subscribe(c->relay->mqtt, topic, &c->handle);
    if (e != ERR_OK)
        end(c, e, false);
}

/* --- the gateway's side ---------------------------------------------------------------------- */

static void accepted(void *arg, struct io_stream *s)
{
    struct relay *r = arg;
    uint8_t random[ID_BYTES];
    char id[ID_TEXT];
    io_random(random, sizeof random);
    for (unsigned i = 0; i < ID_BYTES; i++)
        snprintf(id + 2 * (size_t)i, 3, "%02x", random[i]);
    struct channel *c = io_mqtt_is_up(r->mqtt) ? add(r, r->options.name, id) : NULL;
    if (c == NULL) {
        io_stream_abort(s); /* it comes again */
        return;
    }
    c->stream = s;
    io_stream_handle(s, &stream_events, c);
    io_stream_pause(s);
    subscribe(c);
}

static void ask_to_open(struct channel *c)
{
    char topic[MQTT_TOPIC_MAX];
    snprintf(topic, sizeof topic, "%s/%s/open", c->relay->options.prefix, c->name);
    c->state = OPENING;
    struct bytes id = {(const uint8_t *)c->id, ID_TEXT - 1};
    enum err e = io_mqtt_publish(c->relay->mqtt, topic, id);
    if (e != ERR_OK)
        end(c, e, false);
}

/* --- the platform's side --------------------------------------------------------------------- */

static bool id_valid(struct bytes id)
{
    return id.len == ID_TEXT - 1 &&
           strspn((const char *)id.data, "0123456789abcdef") >= ID_TEXT - 1;
}

static void refuse(const char *name, enum err why)
{
    log_event(LOG_MQTT_CHANNEL, LOG_S("gateway", name), LOG_S("state", "refused"),
              LOG_E("error", why));
}

/* Somebody asks for a channel. The payload is followed by no zero byte: it is copied first. */
static void take_open(struct relay *r, const char *name, struct bytes payload)
{
    char id[ID_TEXT] = "";
    if (payload.len == ID_TEXT - 1)
        memcpy(id, payload.data, ID_TEXT - 1);
    bool right =
        name_valid(name, strlen(name)) && id_valid((struct bytes){(const uint8_t *)id, strlen(id)});
    if (right && find(r, id) != NULL)
        return; /* said again */
    bool room = right && count_of(r, name) < A_GATEWAY_MAX;
    struct channel *c = room ? add(r, name, id) : NULL;
    if (c != NULL)
        subscribe(c);
    else
        refuse(name, right ? ERR_FULL : ERR_SYNTAX);
}

static void connect_channel(struct channel *c)
{
    struct io_connect_options o = {.host = c->relay->options.host,
                                   .port = c->relay->options.port,
                                   .events = &stream_events,
                                   .arg = c};
    c->state = OPENING;
    enum err e = io_connect(c->relay->io, &o, &c->stream);
    if (e != ERR_OK)
        end(c, e, true);
}

/* --- messages -------------------------------------------------------------------------------- */

static void take_data(struct channel *c, struct reader *in)
{
    struct bytes data = reader_take(in, reader_left(in));
    if (c->state != OPEN || c->stream == NULL || in->err != ERR_OK) {
        end(c, ERR_IO, true);
        return;
    }
    enum err e = io_stream_write(c->stream, data.data, data.len);
    if (e != ERR_OK)
        end(c, e, true);
}

static void take_message(struct channel *c, struct bytes payload)
{
    struct reader in = reader_of(payload.data, payload.len);
    uint8_t kind = reader_u8(&in);
    uint32_t number = reader_u32be(&in);
    if (in.err == ERR_OK && number <= c->heard)
        return; /* said again */
    if (in.err != ERR_OK || number != c->heard + 1) {
        end(c, ERR_IO, true); /* something is missing */
        return;
    }
    c->heard = number;
    if (kind == KIND_CLOSE) {
        end(c, ERR_IO_CLOSED, false);
    } else if (kind == KIND_OPENED && gateway_side(c->relay) && c->state == OPENING) {
        c->state = OPEN;
        io_timer_stop(&c->guard);
        log_event(LOG_MQTT_CHANNEL, LOG_S("gateway", c->name), LOG_S("channel", c->id),
                  LOG_S("state", "open"));
        io_stream_resume(c->stream);
    } else if (kind == KIND_DATA) {
        take_data(c, &in);
    } else {
        end(c, ERR_IO, true);
    }
}

/* "PREFIX/NAME/open" or "PREFIX/NAME/CHANNEL/up"; the parts behind the prefix are cut out. */
static void received(void *arg, const char *topic, struct bytes payload)
{
    struct relay *r = arg;
    char rest[MQTT_TOPIC_MAX];
    size_t len = strlen(r->options.prefix);
    if (strncmp(topic, r->options.prefix, len) != 0 || topic[len] != '/' ||
        strlen(topic) >= sizeof rest)
        return;
    memcpy(rest, topic + len + 1, strlen(topic + len + 1) + 1);
    char *name = rest, *second = strchr(name, '/');
    if (second == NULL)
        return;
    *second++ = '\0';
    if (!gateway_side(r) && strcmp(second, "open") == 0) {
        take_open(r, name, payload);
        return;
    }
    char *last = strchr(second, '/');
    struct channel *c = last != NULL && last - second == ID_TEXT - 1 ? find(r, second) : NULL;
    if (c != NULL && strcmp(c->name, name) == 0)
        take_message(c, payload);
}

static void up(void *arg)
{
    struct relay *r = arg;
    char topic[MQTT_TOPIC_MAX];
    log_event(LOG_MQTT_UP, LOG_S("broker", r->options.broker.host),
              LOG_I("port", r->options.broker.port));
    if (gateway_side(r))
        return;
    snprintf(topic, sizeof topic, "$share/yufu/%s/+/open", r->options.prefix);
    (void)io_mqtt_subscribe(r->mqtt, topic, NULL);
}

static void end_all(struct relay *r, enum err why)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (r->buckets[i] != NULL)
            end(r->buckets[i], why, false);
}

static void down(void *arg, enum err why)
{
    struct relay *r = arg;
    log_event(LOG_MQTT_DOWN, LOG_S("broker", r->options.broker.host),
              LOG_I("port", r->options.broker.port), LOG_E("error", why));
    end_all(r, ERR_IO_CLOSED);
}

static void subscribed(void *arg, int handle, bool granted)
{
    struct relay *r = arg;
    struct channel *c = find_handle(r, handle);
    if (c == NULL) {
        if (!granted)
            log_event(LOG_MQTT_DOWN, LOG_S("broker", r->options.broker.host),
                      LOG_E("error", ERR_AUTH_FORBIDDEN));
        return;
    }
    if (!granted)
        end(c, ERR_AUTH_FORBIDDEN, false);
    else if (gateway_side(r))
        ask_to_open(c);
    else
        connect_channel(c);
}

static void drained(void *arg)
{
    struct relay *r = arg;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct channel *c = r->buckets[i]; c != NULL; c = c->next)
            if (c->state == OPEN && c->stream != NULL)
                io_stream_resume(c->stream);
}

/* --- opening and closing --------------------------------------------------------------------- */

static bool prefix_valid(const char *prefix)
{
    return strlen(prefix) >= 1 && strlen(prefix) <= 64 && strpbrk(prefix, "+#$") == NULL &&
           prefix[0] != '/' && prefix[strlen(prefix) - 1] != '/';
}

static enum err open_parts(struct relay *r)
{
    static const struct io_mqtt_events events = {
        .up = up, .down = down, .subscribed = subscribed, .received = received, .drained = drained};
    const struct relay_options *o = &r->options;
    if (!prefix_valid(o->prefix) || (gateway_side(r) && !name_valid(o->name, strlen(o->name))))
        return ERR_SYNTAX;
    struct io_mqtt_options broker = o->broker;
    broker.events = &events;
    broker.arg = r;
    TRY(io_mqtt_open(r->io, &broker, &r->mqtt));
    if (!gateway_side(r))
        return ERR_OK;
    struct io_listen_options listen = {
        .port = o->listen_port, .accepted = accepted, .arg = r, .max_streams = A_GATEWAY_MAX};
    return io_listen(r->io, &listen, &r->listener);
}

enum err relay_open(struct io *io, const struct relay_options *options, struct relay **out)
{
    struct relay *r = calloc(1, sizeof *r);
    *out = NULL;
    if (r == NULL)
        return ERR_MEMORY;
    r->io = io;
    r->options = *options;
    enum err e = open_parts(r);
    if (e != ERR_OK) {
        relay_close(r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

uint16_t relay_port(const struct relay *r)
{
    return r->listener == NULL ? 0 : io_listener_port(r->listener);
}

void relay_close(struct relay *r)
{
    if (r == NULL)
        return;
    if (r->mqtt != NULL)
        end_all(r, ERR_OK);
    if (r->listener != NULL)
        io_listener_close(r->listener);
    io_mqtt_close(r->mqtt);
    free(r);
}
