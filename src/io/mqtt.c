#include "io/mqtt.h"

#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

#define QOS 1
#define KEEPALIVE_S 30
#define PAUSE_FIRST_MS 1'000
#define PAUSE_LAST_MS 60'000
#define SOON_MS 5 /* something could not be written at once */
#define TURN_MS 1'000
#define MIDS 65'536
#define BAD_LOGIN 4 /* what a broker of MQTT 3.1.1 answers to who connects */
#define NOT_AUTHORISED 5

struct io_mqtt {
    struct io *io;
    struct mosquitto *client;
    const struct io_mqtt_events *events;
    void *arg;
    char host[256];
    uint16_t port;
    bool connecting; /* on another thread, which has the client until it is done */
    bool connected, up, high, closed;
    bool refused; /* by the broker: name, password or certificate */
    int code;     /* of the connecting */
    int64_t pause_ms;
    struct io_watch *watch;
    struct io_timer timer;
    size_t waiting;
    uint32_t sizes[MIDS]; /* of what is on its way, by message number */
};

static void turn(void *arg);

static void forget_socket(struct io_mqtt *m)
{
    io_watch_close(m->watch);
    m->watch = NULL;
}

static void arm(struct io_mqtt *m)
{
    if (m->connecting)
        return;
    int64_t ms = !m->connected ? m->pause_ms : mosquitto_want_write(m->client) ? SOON_MS : TURN_MS;
    io_timer_set_real(&m->timer, mono_after(io_mono_real(m->io), ms));
}

/* Down: the subscriptions are gone, and whatever was on its way may be. */
static void lost(struct io_mqtt *m, enum err why)
{
    if (m->watch != NULL)
        forget_socket(m);
    m->connected = m->up = m->high = false;
    m->waiting = 0;
    memset(m->sizes, 0, sizeof m->sizes);
    m->events->down(m->arg, why);
    arm(m);
    m->pause_ms = m->pause_ms * 2 < PAUSE_LAST_MS ? m->pause_ms * 2 : PAUSE_LAST_MS;
}

static enum err err_of(int code)
{
    switch (code) {
    case MOSQ_ERR_SUCCESS:
        return ERR_OK;
    case MOSQ_ERR_NOMEM:
        return ERR_MEMORY;
    case MOSQ_ERR_TLS:
    case MOSQ_ERR_AUTH:
    case MOSQ_ERR_ACL_DENIED:
        return ERR_TLS;
    case MOSQ_ERR_CONN_REFUSED:
        return ERR_IO_REFUSED;
    case MOSQ_ERR_EAI:
        return ERR_IO_ADDRESS;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
        return ERR_IO_CLOSED;
    default:
        return ERR_IO;
    }
}

/* After each call into the library: its answer may be that the connection is lost. */
static void look(struct io_mqtt *m, int code)
{
    if (m->connected && code != MOSQ_ERR_SUCCESS)
        lost(m, m->refused ? ERR_AUTH_FORBIDDEN : err_of(code));
    else
        arm(m);
}

static void readable(void *arg)
{
    struct io_mqtt *m = arg;
    look(m, mosquitto_loop_read(m->client, 1));
}

/* Looks up the name and opens the connection: minutes, where nobody answers. */
static void connect_elsewhere(void *arg)
{
    struct io_mqtt *m = arg;
    m->code = mosquitto_connect(m->client, m->host, m->port, KEEPALIVE_S);
}

static void forget(struct io_mqtt *m)
{
    mosquitto_destroy(m->client);
    free(m);
    (void)mosquitto_lib_cleanup();
}

static void connect_ended(void *arg)
{
    struct io_mqtt *m = arg;
    m->connecting = false;
    if (m->closed) {
        forget(m);
        return;
    }
    if (m->code != MOSQ_ERR_SUCCESS) {
        lost(m, m->code == MOSQ_ERR_ERRNO ? ERR_IO_REFUSED : err_of(m->code));
        return;
    }
    m->connected = true;
    enum err e = io_watch_open(m->io, mosquitto_socket(m->client), readable, m, &m->watch);
    if (e != ERR_OK) {
        (void)mosquitto_disconnect(m->client);
        lost(m, e);
        return;
    }
    arm(m);
}

static void turn(void *arg)
{
    struct io_mqtt *m = arg;
    if (!m->connected) {
        m->connecting = true;
        io_work(m->io, connect_elsewhere, connect_ended, m);
        return;
    }
    int code = MOSQ_ERR_SUCCESS;
    if (mosquitto_want_write(m->client))
        code = mosquitto_loop_write(m->client, 1);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_loop_misc(m->client);
    look(m, code);
}

/* --- what the library calls; always inside one of its functions above ------------------------ */

static void on_connect(struct mosquitto *client, void *arg, int code)
{
    struct io_mqtt *m = arg;
    (void)client;
    m->refused = code == BAD_LOGIN || code == NOT_AUTHORISED;
    if (code != 0)
        return; /* the broker closes: that is heard of as well */
    m->up = true;
    m->pause_ms = PAUSE_FIRST_MS;
    m->events->up(m->arg);
}

static void on_subscribe(struct mosquitto *client, void *arg, int mid, int count, const int *qos)
{
    struct io_mqtt *m = arg;
    (void)client;
    m->events->subscribed(m->arg, mid, count > 0 && qos[0] < 128);
}

static void on_publish(struct mosquitto *client, void *arg, int mid)
{
    struct io_mqtt *m = arg;
    (void)client;
    m->waiting -= m->sizes[mid & (MIDS - 1)];
    m->sizes[mid & (MIDS - 1)] = 0;
    if (m->high && m->waiting < MQTT_HIGH / 4) {
        m->high = false;
        m->events->drained(m->arg);
    }
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *said)
{
    struct io_mqtt *m = arg;
    (void)client;
    if (said->retain)
        return; /* nothing of ours is kept by the broker: somebody else's, from before */
    m->events->received(m->arg, said->topic,
                        (struct bytes){said->payload, (size_t)said->payloadlen});
}

/* --- opening and closing --------------------------------------------------------------------- */

static int secure(struct mosquitto *client, const struct io_mqtt_options *o)
{
    int code = MOSQ_ERR_SUCCESS;
    if (o->user != NULL)
        code = mosquitto_username_pw_set(client, o->user, o->password);
    if (code == MOSQ_ERR_SUCCESS && o->psk != NULL)
        code = mosquitto_tls_psk_set(client, o->psk, o->psk_identity, NULL);
    else if (code == MOSQ_ERR_SUCCESS && o->ca != NULL)
        code = mosquitto_tls_set(client, o->ca, NULL, o->certificate, o->key, NULL);
    return code;
}

enum err io_mqtt_open(struct io *io, const struct io_mqtt_options *o, struct io_mqtt **out)
{
    struct io_mqtt *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m == NULL || strlen(o->host) >= sizeof m->host) {
        free(m);
        return m == NULL ? ERR_MEMORY : ERR_IO_ADDRESS;
    }
    (void)mosquitto_lib_init();
    m->io = io;
    m->events = o->events;
    m->arg = o->arg;
    m->port = o->port;
    m->pause_ms = PAUSE_FIRST_MS;
    memcpy(m->host, o->host, strlen(o->host) + 1);
    m->client = mosquitto_new(o->name, true, m);
    int code = m->client == NULL ? MOSQ_ERR_NOMEM : secure(m->client, o);
    if (code != MOSQ_ERR_SUCCESS) {
        mosquitto_destroy(m->client);
        free(m);
        return code == MOSQ_ERR_NOMEM ? ERR_MEMORY : ERR_TLS;
    }
    mosquitto_connect_callback_set(m->client, on_connect);
    mosquitto_subscribe_callback_set(m->client, on_subscribe);
    mosquitto_publish_callback_set(m->client, on_publish);
    mosquitto_message_callback_set(m->client, on_message);
    /* one message overtakes no other, also when one is sent again */
    (void)mosquitto_int_option(m->client, MOSQ_OPT_SEND_MAXIMUM, 0);
    (void)mosquitto_int_option(m->client, MOSQ_OPT_TCP_NODELAY,
                               1); /* orders and answers are short */
    io_timer_init(&m->timer, io, turn, m);
    io_timer_set_real(&m->timer, io_mono_real(io));
    *out = m;
    return ERR_OK;
}

void io_mqtt_close(struct io_mqtt *m)
{
    if (m == NULL)
        return;
    if (m->connected)
        (void)mosquitto_disconnect(m->client);
    if (m->watch != NULL)
        forget_socket(m);
    io_timer_stop(&m->timer);
    m->closed = true;
    if (!m->connecting)
        forget(m);
}

bool io_mqtt_is_up(const struct io_mqtt *m)
{
    return m->up;
}

size_t io_mqtt_waiting(const struct io_mqtt *m)
{
    return m->waiting;
}

enum err io_mqtt_subscribe(struct io_mqtt *m, const char *topic, int *handle)
{
    if (!m->up)
        return ERR_IO_CLOSED;
    int code = mosquitto_subscribe(m->client, handle, topic, QOS);
    arm(m);
    return err_of(code);
}

void io_mqtt_unsubscribe(struct io_mqtt *m, const char *topic)
{
    if (m->up)
        (void)mosquitto_unsubscribe(m->client, NULL, topic);
    arm(m);
}

enum err io_mqtt_publish(struct io_mqtt *m, const char *topic, struct bytes payload)
{
    int mid;
    if (!m->up)
        return ERR_IO_CLOSED;
    if (m->waiting > 4 * MQTT_HIGH)
        return ERR_FULL;
    int code =
        mosquitto_publish(m->client, &mid, topic, (int)payload.len, payload.data, QOS, false);
    if (code == MOSQ_ERR_SUCCESS) {
        m->sizes[mid & (MIDS - 1)] = (uint32_t)payload.len;
        m->waiting += payload.len;
        m->high |= m->waiting > MQTT_HIGH;
    }
    arm(m);
    return err_of(code);
}
