/* What comes in at the ports, and whether what goes out is what the model says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_impl.h"

static void put_frame(const uint8_t address[6], const struct op *op, uint8_t *wire, int *len)
{
    uint8_t *s = wire, sum = 0;
    *s++ = 0xFE;
    *s++ = 0xFE;
    uint8_t *start = s;
    *s++ = 0x68;
    memcpy(s, address, 6);
    s += 6;
    *s++ = 0x68;
    *s++ = (uint8_t)op->a;
    *s++ = (uint8_t)op->len;
    for (int i = 0; i < op->len; i++)
        *s++ = (uint8_t)(op->data[i] + 0x33);
    for (uint8_t *q = start; q < s; q++)
        sum = (uint8_t)(sum + *q);
    *s++ = (uint8_t)(op->c == SHAPE_CHECKSUM ? sum + 1 : sum);
    *s++ = 0x16;
    *len = (int)(s - wire);
}

static void expect_answer(struct pair *p, enum terminal_port port, const struct model *m, int n,
                          int control, const uint8_t *data)
{
    struct bytes got = terminal_take_answer_at(&p->t, port);
    if (n < 0) {
        if (got.len != 0)
            DIFFER(p, "an answer where the model is silent: control %02X, error %02X",
                   got.len > 12 ? got.data[12] : 0, got.len > 14 ? got.data[14] - 0x33 : 0);
        return;
    }
    if (got.len == 0) {
        DIFFER(p, "no answer, model answers with control %02X", control);
        return;
    }
    struct op answer = {.a = control, .len = n};
    memcpy(answer.data, data, (size_t)n);
    uint8_t wire[280] = {0xFE, 0xFE};
    int len;
    put_frame(m->config.address, &answer, wire + 2, &len);
    len += 2;
    p->answers++;
    if ((size_t)len == got.len && memcmp(wire, got.data, got.len) == 0)
        return;
    char a[700] = "", b[700] = "";
    for (size_t i = 0; i < got.len && i < 60; i++)
        snprintf(a + strlen(a), 4, "%02X", (uint8_t)(got.data[i] - (i > 13 ? 0x33 : 0)));
    for (int i = 0; i < len && i < 60; i++)
        snprintf(b + strlen(b), 4, "%02X", (uint8_t)(wire[i] - (i > 13 ? 0x33 : 0)));
    DIFFER(p, "answer: library %.150s model %.150s", a + 24, b + 24);
}

static void hand_over(struct pair *p, enum terminal_port port, const uint8_t *wire, int len)
{
    terminal_receive_at(&p->t, port, wire, (size_t)len);
    drive_drain(p);
    p->inputs++;
}

/* The other port reads the total. */
static void ask_beside(struct pair *p)
{
    static const struct op ask = {.a = 0x11, .len = 4, .data = {0, 0, 1, 0}};
    static const uint8_t any[6] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    uint8_t wire[40], answer[256];
    int len, control;
    put_frame(any, &ask, wire, &len);
    hand_over(p, TERMINAL_INFRARED, wire, len);
    int n = model_frame(&p->m, any, 0x11, ask.data, 4, &control, answer);
    if (!p->dead)
        expect_answer(p, TERMINAL_INFRARED, &p->m, n, control, answer);
    if (!p->dead) {
        p->history_len = 0;
        p->unsaved_mwh = 0;
    }
}

/* As it came out of the dice, or signed as the master signs. */
static void send(struct pair *p, const uint8_t address[6], const struct op *raw)
{
    struct op copy = *raw, *op = &copy;
    if (op->a == 3 && op->c != SHAPE_UNSIGNED)
        model_sign_frame(&p->m, op->data, op->len);
    static const uint8_t noise[] = {0x16, 0x00, 0xFE, 0x33, 0x91};
    uint8_t wire[300];
    int len, control = 0;
    bool whole = op->c != SHAPE_CHECKSUM;
    enum terminal_port port = op->c == SHAPE_INFRARED ? TERMINAL_INFRARED : TERMINAL_RS485;
    put_frame(address, op, wire, &len);
    if (op->c == SHAPE_NOISE)
        hand_over(p, port, noise, sizeof noise);
    p->m.port = port;
    if (op->c == SHAPE_BOTH) {
        hand_over(p, port, wire, 9);
        if (p->difference[0] == 0 && !p->dead)
            ask_beside(p);
        p->m.port = port;
        if (!drive_quiet(p))
            return;
        hand_over(p, port, wire + 9, len - 9);
    } else if (op->c == SHAPE_SPLIT || op->c == SHAPE_LATE) {
        int first = 3 + op->len % 9;
        hand_over(p, port, wire, first);
        drive_tick(p, op->c == SHAPE_LATE ? 700 : 300, false);
        drive_check(p);
        if (!drive_quiet(p))
            return;
        hand_over(p, port, wire + first, len - first);
        whole = op->c == SHAPE_SPLIT;
    } else {
        hand_over(p, port, wire, len);
    }
    uint8_t answer[256];
    int n = -1;
    for (int c = 0; c < 3; c++)
        p->m.seen[c] = p->t.watch[c].standby;
    memcpy(p->m.next_random2, p->t.auth_random2, 4);
    if (whole)
        n = model_frame(&p->m, address, (int)op->a, op->data, op->len, &control, answer);
    if (op->c == SHAPE_BOTH && !p->dead) /* its answer waits meanwhile */
        ask_beside(p);
    if (!p->dead)
        expect_answer(p, port, &p->m, n, control, answer);
    if (n >= 0 && !p->dead) {
        p->history_len = 0;
        p->unsaved_mwh = 0;
    }
    if (!whole && drive_quiet(p))
        drive_tick(p, 1000, false);
}

static uint16_t crc16(const uint8_t *p, int len)
{
    unsigned crc = 0xFFFF;
    for (int i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return (uint16_t)crc;
}

void drive_modbus(struct pair *p, const struct op *op)
{
    uint8_t wire[260], answer[260];
    enum terminal_port port = op->b == 1 ? TERMINAL_INFRARED : TERMINAL_RS485;
    int n = -1, len = op->len;
    uint16_t crc = crc16(op->data, len);
    memcpy(wire, op->data, (size_t)len);
    wire[len++] = (uint8_t)(crc ^ (op->c == SHAPE_CHECKSUM));
    wire[len++] = (uint8_t)(crc >> 8);
    int first = op->c == SHAPE_SPLIT ? 1 + op->len % 7 : len;
    p->m.port = port;
    hand_over(p, port, wire, first);
    if (first < len && !p->dead)
        hand_over(p, port, wire + first, len - first);
    if (op->c != SHAPE_CHECKSUM)
        n = model_modbus(&p->m, op->data, op->len, answer);
    struct bytes got = terminal_take_answer_at(&p->t, port);
    if (n >= 0) {
        crc = crc16(answer, n);
        answer[n++] = (uint8_t)crc;
        answer[n++] = (uint8_t)(crc >> 8);
        p->answers++;
    }
    bool as_told =
        got.len == (size_t)(n < 0 ? 0 : n) && (n <= 0 || memcmp(answer, got.data, (size_t)n) == 0);
    if (!p->dead && !as_told) {
        char a[130] = "", b[130] = "";
        for (size_t i = 0; i < got.len && i < 60; i++)
            snprintf(a + strlen(a), 4, "%02X", got.data[i]);
        for (int i = 0; i < n && i < 60; i++)
            snprintf(b + strlen(b), 4, "%02X", answer[i]);
        DIFFER(p, "registers: library '%s' model '%s'", a, b);
    }
    if (n >= 0 && !p->dead) {
        p->history_len = 0;
        p->unsaved_mwh = 0;
    } else if (drive_quiet(p)) {
        drive_tick(p, 1000, false);
    }
}

/* A cut may have taken the oldest record; why a load was recognised is the library's to say. */
static bool skipped(const struct model *m, uint32_t di)
{
    int n = di & 255;
    bool day = di >> 16 == 0x0506 || di >> 8 == 0x048030;
    bool month = (di >> 16 <= 2 && n > 0) || di >> 8 == 0x048031;
    bool trip = di >> 8 == 0x1D0001 || di >> 8 == 0x048010 || di >> 8 == 0x048011;
    const struct m_books *b = &m->books;
    if (di == 0x048010FF)
        return b->begun_trips > b->trips;
    if (trip && n >= 1 && b->begun_trips >= b->trips + TERMINAL_TRIPS - (uint32_t)n + 1)
        return true;
    if (day && n >= 1 && b->begun_days >= b->days + TERMINAL_DAYS - (uint32_t)n + 1)
        return true;
    if (month && b->begun_months >= b->months + TERMINAL_MONTHS - (uint32_t)n + 1)
        return true;
    if (di >> 8 == 0x1E0001 && n >= 1 &&
        b->begun_closes >= b->closes + TERMINAL_CLOSES - (uint32_t)n + 1)
        return true;
    return di >> 8 == 0x048011 && n >= 1 && n <= TERMINAL_TRIPS &&
           (m->books.trip[n - 1].reason == TERMINAL_REASON_MALIGNANT ||
            m->books.trip[n - 1].reason == TERMINAL_REASON_AIRCON);
}

static uint32_t di_of(const struct op *op)
{
    return op->data[0] | (uint32_t)op->data[1] << 8 | (uint32_t)op->data[2] << 16 |
           (uint32_t)op->data[3] << 24;
}

void drive_frame(struct pair *p, const struct op *op)
{
    bool reads = op->a == 0x11 || op->a == 0x12;
    if (reads && op->len >= 4 && skipped(&p->m, di_of(op)))
        return;
    uint8_t address[6];
    memcpy(address, p->m.config.address, 6);
    if (op->b == 1)
        memset(address, 0xAA, 6);
    if (op->b == 2)
        address[1] ^= 0x11;
    if (op->b == 3)
        memset(address, 0x99, 6);
    if (op->b >= 4) /* shortened */
        memset(address + op->b % 6, 0xAA, (size_t)(6 - op->b % 6));
    send(p, address, op);
}
