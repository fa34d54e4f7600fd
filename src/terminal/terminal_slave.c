/*
 * DL/T 645-2007 slave: one request in, one answer out. Answers carry the real address. Frames to
 * others, answers of others and broadcasts get none.
 */
#include <string.h>

#include "base/must.h"
#include "terminal/terminal_impl.h"

#define BROADCAST_STEP_MAX_S                                                                       \
    300 /* a broadcast moves the clock by at most five minutes, once a day */
#define ANSWER_PREAMBLE 4
#define OPERATOR_BYTES 4
#define WRONG_MAX 10 /* passwords in a row; then the port is deaf to any */
#define DEAF_MS 60'000

enum whose { NOT_MINE, MINE, EVERYBODYS };

/* High bytes of AA shorten the address; a shortened address is still point to point. */
static enum whose addressed(const struct terminal *t, const uint8_t address[6])
{
    static const uint8_t all99[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    if (memcmp(address, all99, 6) == 0)
        return EVERYBODYS;
    size_t given = 6;
    while (given > 0 && address[given - 1] == 0xAA)
        given--;
    return memcmp(address, t->config.address, given) == 0 ? MINE : NOT_MINE;
}

static void answer(struct terminal *t, uint8_t control, const uint8_t *data, size_t len)
{
    struct writer w = writer_of(t->port->answer, sizeof t->port->answer);
    dlt645_put(t->config.address, control, (struct bytes){data, len}, ANSWER_PREAMBLE, &w);
    MUST(w.err == ERR_OK);
    t->port->answer_len = w.len;
}

static void answer_ok(struct terminal *t, uint8_t function, const uint8_t *data, size_t len)
{
    answer(t, function | DLT645_ANSWER, data, len);
}

static void answer_error(struct terminal *t, uint8_t function, uint8_t err)
{
    answer(t, function | DLT645_ANSWER | DLT645_ABNORMAL, &err, 1);
}

static uint32_t take_di(const struct dlt645_frame *q)
{
    struct reader r = reader_of(q->data, q->len);
    return reader_u32le(&r);
}

/* PA and password as they stand in the frame: PA, P0, P1, P2. A lower level number may do more. */
static bool password_right(const struct terminal *t, const uint8_t pa_p[4], unsigned level)
{
    if (pa_p[0] > level)
        return false;
    if (pa_p[0] == 2)
        return memcmp(pa_p + 1, t->config.password2, 3) == 0;
    return pa_p[0] == 4 && memcmp(pa_p + 1, t->config.password4, 3) == 0;
}

/* Whoever tries them all is slowed down, on his own port only. */
bool slave_password(struct terminal *t, const uint8_t pa_p[4], unsigned level)
{
    struct terminal_line *p = t->port;
    if (t->now.ms < p->deaf_until.ms)
        return false;
    bool right = password_right(t, pa_p, level);
    p->wrong = right ? 0 : p->wrong + 1;
    if (p->wrong == WRONG_MAX) {
        p->wrong = 0;
        p->deaf_until = mono_after(t->now, DEAF_MS);
    }
    return right;
}

static void broadcast_time(struct terminal *t, const struct dlt645_frame *q)
{
    int64_t utc;
    if (q->len != 6 || !clock_parse(t, q->data, &utc))
        return;
    int64_t step = utc - clock_now_s(t);
    if (!t->books.clock_lost) {
        if (t->books.broadcast_day >= clock_day(t)) /* also where it went back over midnight */
            return;
        if (step > BROADCAST_STEP_MAX_S || step < -BROADCAST_STEP_MAX_S)
            return;
    }
    if (step == 0 && !t->books.clock_lost)
        return;
    int32_t before = t->books.clock_lost ? 0 : clock_day(t);
    if (!clock_set(t, civil_from_wall((wall_s){utc}, t->setup.zone_s)))
        return;
    int32_t after = clock_day(t);
    t->books.broadcast_day = after > before ? after : before;
    relay_settle(t); /* other hours may hold now */
}

static void read_data(struct terminal *t, const struct dlt645_frame *q)
{
    struct writer w = writer_of(t->made, sizeof t->made);
    bool more = false;
    if (q->len < 4) {
        answer_error(t, DLT645_READ, SLAVE_OTHER);
        return;
    }
    writer_put(&w, q->data, 4);
    uint8_t err = q->len == 4 ? slave_read_part(t, take_di(q), 0, &w, &more) : SLAVE_NO_DATA;
    if (err != SLAVE_OK) {
        answer_error(t, DLT645_READ, err);
        return;
    }
    MUST(w.err == ERR_OK);
    answer_ok(t, DLT645_READ | (more ? DLT645_FOLLOWS : 0), t->made, w.len);
}

/* The next part of an answer: identifier and sequence number in, the same around the data out. */
static void read_more(struct terminal *t, const struct dlt645_frame *q)
{
    struct writer w = writer_of(t->made, sizeof t->made);
    bool more = false;
    if (q->len != 5 || q->data[4] == 0) {
        answer_error(t, DLT645_READ_MORE, SLAVE_NO_DATA);
        return;
    }
    writer_put(&w, q->data, 4);
    uint8_t err = slave_read_part(t, take_di(q), q->data[4], &w, &more);
    if (err != SLAVE_OK) {
        answer_error(t, DLT645_READ_MORE, err);
        return;
    }
    writer_u8(&w, q->data[4]);
    MUST(w.err == ERR_OK);
    answer_ok(t, DLT645_READ_MORE | (more ? DLT645_FOLLOWS : 0), t->made, w.len);
}

static void read_address(struct terminal *t, const struct dlt645_frame *q)
{
    if (q->len == 0)
        answer_ok(t, DLT645_READ_ADDRESS, t->config.address, 6);
}

static void write_data(struct terminal *t, const struct dlt645_frame *q)
{
    uint8_t err = SLAVE_OTHER;
    if (q->len > 12)
        err = slave_password(t, q->data + 4, 2)
                  ? slave_write(t, take_di(q), (struct bytes){q->data + 12, q->len - 12U})
                  : SLAVE_PASSWORD;
    if (err != SLAVE_OK) {
        answer_error(t, DLT645_WRITE, err);
        return;
    }
    t->books.programmings++;
    t->books_dirty = true;
    answer_ok(t, DLT645_WRITE, NULL, 0);
    relay_settle(t);
}

/* Silent unless the programming key is held. */
static void write_address(struct terminal *t, const struct dlt645_frame *q)
{
    struct reader r = reader_of(q->data, q->len);
    (void)reader_bcd_le(&r, 6); /* the value is not needed, only that it is one */
    if (!t->programming || q->len != 6 || r.err != ERR_OK)
        return;
    memcpy(t->config.address, q->data, 6);
    t->config_dirty = true;
    answer_ok(t, DLT645_WRITE_ADDRESS, NULL, 0);
}

static void change_password(struct terminal *t, const struct dlt645_frame *q)
{
    uint8_t level = q->len == 12 ? q->data[0] - 1 : 0xFF;
    bool known = (level == 2 || level == 4) && take_di(q) == 0x04000C00U + level + 1U;
    if (!known || q->data[8] != level) {
        answer_error(t, DLT645_CHANGE_PASSWORD, SLAVE_OTHER);
        return;
    }
    if (!slave_password(t, q->data + 4, level)) {
        answer_error(t, DLT645_CHANGE_PASSWORD, SLAVE_PASSWORD);
        return;
    }
    memcpy(level == 2 ? t->config.password2 : t->config.password4, q->data + 9, 3);
    t->config_dirty = true;
    answer_ok(t, DLT645_CHANGE_PASSWORD, q->data + 8, 4);
}

/* Whether the order may still be carried out. A clock that was lost cannot tell, and then nobody is
 * cut; closing is always allowed. */
static bool in_time(const struct terminal *t, const uint8_t expiry[6], uint8_t n1)
{
    static const uint8_t never[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    if (memcmp(expiry, never, 6) == 0)
        return true;
    int64_t until;
    if (!clock_parse(t, expiry, &until))
        return false;
    if (t->books.clock_lost)
        return !relay_order_trips(n1);
    return clock_now_s(t) <= until;
}

static void refuse_control(struct terminal *t, uint16_t word, uint8_t err)
{
    t->order_word = word;
    t->order_refused = true;
    answer_error(t, DLT645_CONTROL, err);
}

static void control(struct terminal *t, const struct dlt645_frame *q)
{
    if (q->len != 16) {
        refuse_control(t, ORDER_REFUSED_OTHER, SLAVE_OTHER);
        return;
    }
    if (!slave_password(t, q->data, 2)) {
        refuse_control(t, ORDER_REFUSED_OTHER, SLAVE_PASSWORD);
        return;
    }
    const uint8_t *n = q->data + 8;
    uint32_t operator_before = t->books.operator_code;
    struct reader r = reader_of(q->data + 4, OPERATOR_BYTES);
    t->books.operator_code = reader_u32le(&r);
    uint16_t word = 0x10; /* "time (expiry) invalid" */
    bool done = in_time(t, n + 2, n[0]) && relay_order(t, n[0], n[1], &word);
    if (!done) {
        t->books.operator_code = operator_before;
        refuse_control(t, word, SLAVE_OTHER);
        return;
    }
    t->order_word = word;
    t->order_refused = false;
    answer_ok(t, DLT645_CONTROL, NULL, 0);
}

static void security(struct terminal *t, const struct dlt645_frame *q)
{
    struct writer w = writer_of(t->made, 64);
    uint16_t serr = SERR_OTHER;
    if (q->len >= 8) {
        writer_put(&w, q->data, 4);
        serr = fee_request(t, take_di(q), (struct bytes){q->data + 8, q->len - 8U}, &w);
    }
    if (serr == 0) {
        MUST(w.err == ERR_OK);
        answer_ok(t, DLT645_SECURITY, t->made, w.len);
        return;
    }
    uint8_t refusal[2] = {(uint8_t)serr, (uint8_t)(serr >> 8)};
    answer(t, DLT645_SECURITY | DLT645_ANSWER | DLT645_ABNORMAL, refusal, sizeof refusal);
}

/* What this meter knows but never does: clearing would destroy registers that money rests on. */
static uint8_t refusal_of(uint8_t function)
{
    switch (function) {
    case DLT645_CHANGE_RATE:
        return SLAVE_BAUD;
    case DLT645_FREEZE:
    case DLT645_CLEAR_DEMAND:
    case DLT645_CLEAR_METER:
    case DLT645_CLEAR_EVENTS:
    case DLT645_OUTPUT:
        return SLAVE_OTHER;
    default:
        return SLAVE_OK;
    }
}

static const struct {
    uint8_t function;
    void (*handle)(struct terminal *t, const struct dlt645_frame *q);
} handlers[] = {
    {DLT645_SECURITY, security},
    {DLT645_READ, read_data},
    {DLT645_READ_MORE, read_more},
    {DLT645_READ_ADDRESS, read_address},
    {DLT645_WRITE, write_data},
    {DLT645_WRITE_ADDRESS, write_address},
    {DLT645_CHANGE_PASSWORD, change_password},
    {DLT645_CONTROL, control},
};

void slave_request(struct terminal *t, const struct dlt645_frame *q)
{
    enum whose whose = addressed(t, q->address);
    if (!t->running || whose == NOT_MINE || (q->control & (DLT645_ANSWER | DLT645_ABNORMAL)) != 0)
        return;
    if (whose == EVERYBODYS) {
        if (q->control == DLT645_BROADCAST_TIME)
            broadcast_time(t, q);
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].function == q->control) {
            handlers[i].handle(t, q);
            return;
        }
    uint8_t err = refusal_of(q->control);
    if (err != SLAVE_OK)
        answer_error(t, q->control, err);
}
