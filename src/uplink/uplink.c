#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "uplink/uplink_impl.h"

#define INPUT_MAX (4 * 1024 * 1024)
#define HEADER (4 + 1) /* length, type */
#define SEALED_HEADER (HEADER + 8)
#define HELLO1_LEN (1 + 1 + 8 + 8 + UPLINK_RANDOM)
#define HELLO2_LEN (1 + UPLINK_RANDOM)
#define NAME_MAX_LEN 48
#define CLAIMING_MS 60'000 /* an unclaimed session's whole life */

enum mode { MODE_UNCLAIMED, MODE_CLAIMED, MODE_LEGACY };

enum frame { HELLO1 = 1, HELLO2 = 2, SEALED = 3, PLAIN = 4, REFUSED = 5, DENIED = 6 };

/*
 *   client   GREETING --HELLO2--> PROVING --first SEALED--> OPEN
 *   server   WAITING --HELLO1--> ASKING --accept--> PROVING --first SEALED--> OPEN
 *   unclaimed: GREETING --HELLO2--> OPEN, WAITING --HELLO1--> OPEN
 */
enum state { GREETING, WAITING, ASKING, PROVING, OPEN, DEAD };

/* Which frame may come in which state: client's bit 1, server's bit 2. Sealed and plain frames also
 * depend on the mode. */
static const uint8_t ALLOWED[DEAD][DENIED + 1] = {
    [GREETING] = {[HELLO2] = 1, [REFUSED] = 1},
    [WAITING] = {[HELLO1] = 2},
    [PROVING] = {[SEALED] = 3, [REFUSED] = 1, [DENIED] = 1},
    [OPEN] = {[SEALED] = 3, [PLAIN] = 3, [REFUSED] = 1, [DENIED] = 1},
};

/* Who says what: client's bit 1, server's bit 2. */
static const uint8_t SPEAKS[UPLINK_KINDS] = {
    [UPLINK_HELLO] = 1,   [UPLINK_WELCOME] = 2,  [UPLINK_ACK] = 2,     [UPLINK_CONFIG] = 2,
    [UPLINK_APPLIED] = 1, [UPLINK_COMMAND] = 2,  [UPLINK_FENCE] = 2,   [UPLINK_PING] = 3,
    [UPLINK_PONG] = 3,    [UPLINK_READINGS] = 1, [UPLINK_OUTCOME] = 1, [UPLINK_EVENT] = 1,
    [UPLINK_CLAIM] = 1,   [UPLINK_CLAIMED] = 2,  [UPLINK_TRIP] = 1,    [UPLINK_LINE] = 1,
    [UPLINK_PERMIT] = 2,  [UPLINK_UPDATE] = 2,   [UPLINK_ASK] = 1,     [UPLINK_BLOCK] = 2,
    [UPLINK_PROGRAM] = 1,
};

static uint8_t bit(bool server)
{
    return server ? 2 : 1;
}

static bool may_say(const struct uplink *u, bool server, enum uplink_kind kind)
{
    bool claiming = kind == UPLINK_CLAIM || kind == UPLINK_CLAIMED;
    return kind >= UPLINK_HELLO && kind < UPLINK_KINDS && (SPEAKS[kind] & bit(server)) != 0 &&
           claiming == !u->claimed;
}

/* ---- buffers -------------------------------------------------------------------------------- */

/* Room for `more` bytes behind the end; what was taken at the front is given up first. */
static uint8_t *make_room(struct uplink_buffer *b, size_t more)
{
    if (b->at > 0 && b->len + more > b->cap) {
        memmove(b->data, b->data + b->at, b->len - b->at);
        b->len -= b->at;
        b->at = 0;
    }
    if (b->len + more > b->cap) {
        size_t cap = b->cap < 1024 ? 1024 : b->cap;
        while (cap < b->len + more)
            cap *= 2;
        uint8_t *data = realloc(b->data, cap);
        MUST(data != NULL);
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

static void taken(struct uplink_buffer *b, size_t len)
{
    MUST(len <= b->len - b->at);
    b->at += len;
    if (b->at == b->len)
        b->at = b->len = 0;
}

static size_t waiting(const struct uplink_buffer *b)
{
    return b->len - b->at;
}

/* ---- frames out ----------------------------------------------------------------------------- */

static void frame_header(uint8_t *at, enum frame type, size_t body_len)
{
    struct writer w = writer_of(at, HEADER);
    writer_u32be(&w, (uint32_t)(body_len + 1));
    writer_u8(&w, (uint8_t)type);
}

static void put_clear(struct uplink *u, enum frame type, const uint8_t *body, size_t len)
{
    uint8_t *at = make_room(&u->output, HEADER + len);
    frame_header(at, type, len);
    memcpy(at + HEADER, body, len);
    u->output.len += HEADER + len;
}

/* `at` has SEALED_HEADER bytes of room, then `len` bytes of text, then room for the seal. */
static void seal_in_place(struct uplink *u, enum frame type, uint8_t *at, size_t len)
{
    frame_header(at, type, 8 + seal_len(u, len));
    struct writer w = writer_of(at + HEADER, 8);
    writer_u64be(&w, u->seq[SEAL_SEND] + 1);
    struct seal s = {at, SEALED_HEADER, at + SEALED_HEADER, len};
    seal_close(u, &s);
    u->output.len += SEALED_HEADER + seal_len(u, len);
}

static void put_sealed(struct uplink *u, enum frame type, const uint8_t *text, size_t len)
{
    uint8_t *at = make_room(&u->output, SEALED_HEADER + len + SEAL_GROWTH_MAX);
    if (len > 0)
        memcpy(at + SEALED_HEADER, text, len);
    seal_in_place(u, type, at, len);
}

static void put_hello1(struct uplink *u)
{
    uint8_t body[HELLO1_LEN];
    struct writer w = writer_of(body, sizeof body);
    writer_u8(&w, UPLINK_VERSION);
    writer_u8(&w, u->legacy ? MODE_LEGACY : u->claimed);
    writer_u64be(&w, (uint64_t)u->gateway_id);
    writer_u64be(&w, (uint64_t)u->epoch);
    writer_put(&w, u->random[0], UPLINK_RANDOM);
    MUST(w.err == ERR_OK && w.len == HELLO1_LEN);
    put_clear(u, HELLO1, body, sizeof body);
}

static void put_hello2(struct uplink *u)
{
    uint8_t body[HELLO2_LEN];
    struct writer w = writer_of(body, sizeof body);
    writer_u8(&w, UPLINK_VERSION);
    writer_put(&w, u->random[1], UPLINK_RANDOM);
    put_clear(u, HELLO2, body, sizeof body);
}

/* ---- life and death ------------------------------------------------------------------------- */

static enum err die(struct uplink *u, enum err why)
{
    if (u->state == DEAD)
        return u->err;
    u->state = DEAD;
    u->err = why;
    seal_keys_free(u);
    return why;
}

static void init(struct uplink *u, struct uplink_now now)
{
    memset(u, 0, sizeof *u);
    u->started = u->heard = now.mono;
}

void uplink_client_init(struct uplink *u, const struct uplink_client *client, struct uplink_now now)
{
    init(u, now);
    u->state = GREETING;
    u->claimed = client->gateway_id != 0;
    memcpy(u->random[0], client->random, UPLINK_RANDOM);
    if (u->claimed) {
        MUST(client->epoch >= 1 && client->epoch <= UPLINK_EPOCH_MAX);
        u->gateway_id = client->gateway_id;
        u->epoch = client->epoch;
        memcpy(u->secret, client->secret, UPLINK_SECRET);
        u->legacy = client->legacy;
    }
    put_hello1(u);
}

void uplink_server_init(struct uplink *u, const uint8_t random[UPLINK_RANDOM],
                        struct uplink_now now)
{
    init(u, now);
    u->server = true;
    u->state = WAITING;
    memcpy(u->random[1], random, UPLINK_RANDOM);
}

void uplink_close(struct uplink *u)
{
    seal_keys_free(u);
    free(u->input.data);
    free(u->output.data);
    memset(u, 0, sizeof *u);
    u->state = DEAD;
    u->err = ERR_IO_CLOSED;
}

enum err uplink_accept(struct uplink *u, const uint8_t secret[UPLINK_SECRET], int64_t known_epoch)
{
    if (u->state != ASKING)
        return u->state == DEAD ? u->err : ERR_STATE;
    if (u->legacy && u->legacy_until.s == 0) {
        uplink_refuse(u, ERR_UPLINK_LEGACY, 0);
        return ERR_UPLINK_LEGACY;
    }
    memcpy(u->secret, secret, UPLINK_SECRET);
    seal_keys_make(u);
    put_hello2(u);
    if (u->epoch <= known_epoch) {
        uplink_refuse(u, ERR_UPLINK_EPOCH, known_epoch);
        return ERR_UPLINK_EPOCH;
    }
    put_sealed(u, SEALED, NULL, 0);
    u->state = PROVING;
    return ERR_OK;
}

void uplink_allow_legacy(struct uplink *u, wall_s until)
{
    MUST(u->server && until.s > 0);
    u->legacy_until = until;
}

void uplink_refuse(struct uplink *u, enum err why, int64_t known_epoch)
{
    uint8_t body[8 + NAME_MAX_LEN];
    MUST(why != ERR_OK);
    if (u->state == DEAD)
        return;
    struct writer w = writer_of(body, sizeof body);
    const char *name = err_name(why);
    bool keys = u->cipher[SEAL_SEND] != NULL;
    if (keys)
        writer_u64be(&w, (uint64_t)known_epoch);
    writer_put(&w, (const uint8_t *)name, strnlen(name, NAME_MAX_LEN));
    if (u->server && keys)
        put_sealed(u, DENIED, body, w.len);
    else if (u->server)
        put_clear(u, REFUSED, body, w.len);
    (void)die(u, why); /* the error is the caller's own */
}

/* ---- frames in ------------------------------------------------------------------------------ */

static enum err take_hello1(struct uplink *u, struct bytes body)
{
    struct reader r = reader_of(body.data, body.len);
    uint8_t version = reader_u8(&r), mode = reader_u8(&r);
    bool claimed = mode != MODE_UNCLAIMED;
    uint64_t gateway_id = reader_u64be(&r), epoch = reader_u64be(&r);
    struct bytes random = reader_take(&r, UPLINK_RANDOM);
    if (version != UPLINK_VERSION)
        return ERR_UPLINK_VERSION;
    if (r.err != ERR_OK || r.at != r.len || mode > MODE_LEGACY)
        return ERR_UPLINK_FRAME;
    bool named = gateway_id >= 1 && gateway_id <= INT64_MAX && epoch >= 1 &&
                 epoch <= (uint64_t)UPLINK_EPOCH_MAX;
    if (claimed != named)
        return ERR_UPLINK_FRAME;
    u->claimed = claimed;
    u->legacy = mode == MODE_LEGACY;
    u->gateway_id = claimed ? (int64_t)gateway_id : 0;
    u->epoch = claimed ? (int64_t)epoch : 0;
    memcpy(u->random[0], random.data, UPLINK_RANDOM);
    if (!u->claimed)
        put_hello2(u);
    u->state = u->claimed ? ASKING : OPEN;
    return ERR_OK;
}

static enum err take_hello2(struct uplink *u, struct bytes body)
{
    struct reader r = reader_of(body.data, body.len);
    uint8_t version = reader_u8(&r);
    struct bytes random = reader_take(&r, UPLINK_RANDOM);
    if (version != UPLINK_VERSION)
        return ERR_UPLINK_VERSION;
    if (r.err != ERR_OK || r.at != r.len)
        return ERR_UPLINK_FRAME;
    memcpy(u->random[1], random.data, UPLINK_RANDOM);
    if (!u->claimed) {
        u->state = OPEN;
        return ERR_OK;
    }
    seal_keys_make(u);
    put_sealed(u, SEALED, NULL, 0);
    u->state = PROVING;
    return ERR_OK;
}

static enum err err_of_name(struct bytes name)
{
    for (enum err e = ERR_OK + 1; e < ERR_COUNT; e++)
        if (strlen(err_name(e)) == name.len && memcmp(err_name(e), name.data, name.len) == 0)
            return e;
    return ERR_UPLINK_REFUSED;
}

/* `whole` is the frame with its header; opens it in place. */
static enum err unseal(struct uplink *u, uint8_t *whole, size_t len, struct bytes *text)
{
    if (len < SEALED_HEADER + seal_len(u, 0))
        return ERR_UPLINK_FRAME;
    struct reader r = reader_of(whole + HEADER, 8);
    uint64_t seq = reader_u64be(&r);
    if (seq != u->seq[SEAL_RECEIVE] + 1 || seq > UPLINK_SEQ_MAX)
        return ERR_UPLINK_SEQUENCE;
    struct seal s = {whole, SEALED_HEADER, whole + SEALED_HEADER, len - SEALED_HEADER};
    return seal_open(u, &s, text);
}

static enum err take_denied(struct uplink *u, struct bytes text)
{
    struct reader r = reader_of(text.data, text.len);
    uint64_t epoch = reader_u64be(&r);
    struct bytes name = reader_take(&r, reader_left(&r));
    if (r.err != ERR_OK)
        return ERR_UPLINK_FRAME;
    u->refused_epoch = epoch <= (uint64_t)UPLINK_EPOCH_MAX ? (int64_t)epoch : 0;
    return err_of_name(name);
}

static bool is_sealed(int type)
{
    return type == SEALED || type == DENIED;
}

static bool allowed(const struct uplink *u, int type)
{
    if (type < HELLO1 || type > DENIED || (ALLOWED[u->state][type] & bit(u->server)) == 0)
        return false;
    if (is_sealed(type))
        return u->claimed;
    /* Once there are keys, nobody without them is listened to. */
    bool keys = u->cipher[SEAL_RECEIVE] != NULL;
    return type == PLAIN ? !u->claimed : type != REFUSED || !keys;
}

/* The next whole frame in the input, header included; len 0: none yet. */
static enum err cut(struct uplink *u, uint8_t **whole, size_t *len)
{
    *len = 0;
    *whole = u->input.data + u->input.at;
    size_t have = waiting(&u->input);
    if (have < HEADER)
        return ERR_OK;
    struct reader r = reader_of(*whole, have);
    uint32_t body_len = reader_u32be(&r);
    int type = reader_u8(&r);
    if (body_len < 1 || body_len > UPLINK_FRAME_MAX || !allowed(u, type))
        return ERR_UPLINK_FRAME; /* known before the rest has come */
    if (have >= 4 + body_len)
        *len = 4 + body_len;
    return ERR_OK;
}

static enum uplink_step step_of_error(struct uplink *u, enum err e)
{
    /* The other side learns the name of the error; what it was about, it must find out itself. */
    if (u->server)
        uplink_refuse(u, e, 0);
    else
        (void)die(u, e);
    return UPLINK_STEP_DEAD;
}

wall_s uplink_told(struct uplink_now now)
{
    return now.doubted ? (wall_s){0} : now.wall;
}

/* PING is answered here. *again: look for the next frame. */
static enum err take_message(struct uplink *u, struct uplink_now now, void *arena,
                             struct uplink_message *m, bool *again)
{
    enum err e = uplink_message_decode(u->last.data, u->last.len, arena, m);
    *again = e == ERR_UPLINK_UNKNOWN && u->claimed;
    if (*again)
        return ERR_OK;
    TRY(e);
    if (!may_say(u, !u->server, m->kind))
        return ERR_UPLINK_FRAME;
    if (m->kind != UPLINK_PING)
        return ERR_OK;
    *again = true;
    struct uplink_message pong = {.kind = UPLINK_PONG, .wall = uplink_told(now)};
    e = uplink_send(u, &pong);
    return e == ERR_FULL ? ERR_OK : e; /* a peer that does not read needs no answer */
}

/* The first sealed frame: that it opened says everything. */
static enum err take_proof(struct uplink *u, struct bytes text)
{
    if (text.len != 0)
        return ERR_UPLINK_FRAME;
    u->state = OPEN;
    return ERR_OK;
}

static enum err take_frame(struct uplink *u, uint8_t *whole, size_t len)
{
    int type = whole[4];
    struct bytes text = {whole + HEADER, len - HEADER};
    if (is_sealed(type))
        TRY(unseal(u, whole, len, &text));
    switch (type) {
    case HELLO1:
        return take_hello1(u, text);
    case HELLO2:
        return take_hello2(u, text);
    case REFUSED:
        return err_of_name(text);
    case DENIED:
        return take_denied(u, text);
    default:
        if (u->state == PROVING)
            return take_proof(u, text);
        u->last = text;
        return ERR_OK;
    }
}

/* The platform's leave for the legacy seal has run out. */
static bool expired(const struct uplink *u, struct uplink_now now)
{
    return u->legacy_until.s != 0 && u->legacy && now.wall.s >= u->legacy_until.s;
}

enum uplink_step uplink_next(struct uplink *u, struct uplink_now now, void *arena,
                             struct uplink_message *m)
{
    bool again = true;
    if (u->state != DEAD && expired(u, now))
        return step_of_error(u, ERR_UPLINK_LEGACY);
    while (again) {
        uint8_t *whole;
        size_t len;
        if (u->state == DEAD)
            return UPLINK_STEP_DEAD;
        if (u->state == ASKING)
            return UPLINK_STEP_SECRET;
        enum state before = u->state;
        u->last = (struct bytes){0};
        enum err e = cut(u, &whole, &len);
        if (e == ERR_OK && len == 0)
            return UPLINK_STEP_IDLE;
        if (e == ERR_OK)
            e = take_frame(u, whole, len);
        if (e != ERR_OK)
            return step_of_error(u, e);
        u->heard = now.mono;
        u->asked = false;
        taken(&u->input, len); /* the bytes stay where they are until more come: u->last is good */
        if (before != OPEN && u->state == OPEN)
            return UPLINK_STEP_OPENED;
        if (u->last.data == NULL)
            continue;
        e = take_message(u, now, arena, m, &again);
        if (e != ERR_OK)
            return step_of_error(u, e);
    }
    return UPLINK_STEP_MESSAGE;
}

enum err uplink_receive(struct uplink *u, struct uplink_now now, const uint8_t *data, size_t len)
{
    (void)now; /* only a frame that proves itself counts as a sign of life */
    if (u->state == DEAD)
        return u->err;
    u->last = (struct bytes){0};
    if (waiting(&u->input) + len > INPUT_MAX)
        return die(u, ERR_FULL);
    if (len > 0)
        memcpy(make_room(&u->input, len), data, len);
    u->input.len += len;
    return ERR_OK;
}

struct bytes uplink_last(const struct uplink *u)
{
    return u->last;
}

/* ---- sending -------------------------------------------------------------------------------- */

static enum err may_send(const struct uplink *u)
{
    if (u->state != OPEN)
        return ERR_STATE;
    if (waiting(&u->output) > UPLINK_OUTPUT_MAX)
        return ERR_FULL;
    return u->seq[SEAL_SEND] < UPLINK_SEQ_MAX ? ERR_OK : ERR_UPLINK_AGED;
}

/* A key of the legacy seal that has no blocks left ends the session: new ones are due. */
static enum err has_room(struct uplink *u, size_t len)
{
    if (seal_has_room(u, len))
        return ERR_OK;
    uplink_refuse(u, ERR_UPLINK_AGED, 0);
    return ERR_UPLINK_AGED;
}

enum err uplink_send(struct uplink *u, const struct uplink_message *m)
{
    TRY(may_send(u));
    if (!may_say(u, u->server, m->kind))
        return ERR_STATE;
    size_t header = u->claimed ? SEALED_HEADER : HEADER;
    uint8_t *at = make_room(&u->output, header + UPLINK_MESSAGE_MAX + SEAL_GROWTH_MAX);
    struct writer w = writer_of(at + header, UPLINK_MESSAGE_MAX);
    uplink_message_encode(m, &w);
    if (w.err != ERR_OK)
        return w.err == ERR_FULL ? ERR_OVERFLOW : w.err;
    if (u->claimed) {
        TRY(has_room(u, w.len));
        seal_in_place(u, SEALED, at, w.len);
        return ERR_OK;
    }
    frame_header(at, PLAIN, w.len);
    u->output.len += HEADER + w.len;
    return ERR_OK;
}

enum err uplink_send_encoded(struct uplink *u, struct bytes message)
{
    TRY(may_send(u));
    if (!u->claimed || message.len == 0)
        return ERR_STATE;
    if (message.len > UPLINK_MESSAGE_MAX)
        return ERR_OVERFLOW;
    TRY(has_room(u, message.len));
    put_sealed(u, SEALED, message.data, message.len);
    return ERR_OK;
}

struct bytes uplink_output(const struct uplink *u)
{
    return (struct bytes){u->output.data + u->output.at, waiting(&u->output)};
}

void uplink_output_taken(struct uplink *u, size_t len)
{
    taken(&u->output, len);
}

/* ---- time ----------------------------------------------------------------------------------- */

static mono_ms death(const struct uplink *u)
{
    mono_ms by_age = mono_after(u->started, UPLINK_AGE_MS);
    if (u->state != OPEN)
        return mono_after(u->started, UPLINK_OPENING_MS);
    if (!u->claimed)
        return mono_after(u->started, CLAIMING_MS);
    return mono_earlier(by_age, mono_after(u->heard, UPLINK_SILENT_MS));
}

static bool may_ask(const struct uplink *u)
{
    return u->state == OPEN && u->claimed && !u->asked;
}

mono_ms uplink_wake(const struct uplink *u)
{
    if (u->state == DEAD)
        return MONO_NEVER;
    mono_ms ask = may_ask(u) ? mono_after(u->heard, UPLINK_ASK_MS) : MONO_NEVER;
    return mono_earlier(ask, death(u));
}

void uplink_tick(struct uplink *u, struct uplink_now now)
{
    if (u->state == DEAD)
        return;
    if (expired(u, now)) {
        uplink_refuse(u, ERR_UPLINK_LEGACY, 0);
        return;
    }
    if (mono_due(death(u), now.mono)) {
        bool aged = mono_due(mono_after(u->started, UPLINK_AGE_MS), now.mono);
        (void)die(u, aged ? ERR_UPLINK_AGED : ERR_UPLINK_SILENT); /* told by uplink_error */
        return;
    }
    if (!may_ask(u) || !mono_due(mono_after(u->heard, UPLINK_ASK_MS), now.mono))
        return;
    struct uplink_message ping = {.kind = UPLINK_PING, .wall = uplink_told(now)};
    u->asked = true;
    enum err e = uplink_send(u, &ping);
    MUST(e == ERR_OK || e == ERR_FULL || e == ERR_UPLINK_AGED);
}

bool uplink_is_legacy(const struct uplink *u)
{
    return u->legacy;
}

bool uplink_is_open(const struct uplink *u)
{
    return u->state == OPEN;
}

enum err uplink_error(const struct uplink *u)
{
    return u->err;
}

int64_t uplink_gateway(const struct uplink *u)
{
    return u->gateway_id;
}

int64_t uplink_epoch(const struct uplink *u)
{
    return u->epoch;
}

int64_t uplink_refused_epoch(const struct uplink *u)
{
    return u->refused_epoch;
}
