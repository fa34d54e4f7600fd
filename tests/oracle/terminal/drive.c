#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_impl.h"

static const uint32_t price_sets[][4] = {
    {5000, 5000, 5000, 5000},
    {12000, 9000, 6000, 3000},
    {1, 33333, 0, 999999},
};

/* Chosen so that every kind is met; 0 is the plain one of the worked examples. */
struct terminal_setup drive_setup(int64_t which)
{
    struct dice d = {(uint64_t)which * 977 + 5};
    struct terminal_setup s = {.circuits = 3,
                               .phases = 1,
                               .wallet = true,
                               .rating_ma = 15000,
                               .zone_s = 28800,
                               .address = {0x12, 0, 0x51, 5, 3, 0x26}};
    memcpy(s.price_e4, price_sets[0], sizeof s.price_e4);
    if (which == 0)
        return s;
    memcpy(s.price_e4, price_sets[dice(&d, 0, 2)], sizeof s.price_e4);
    s.circuits = (uint8_t)dice(&d, 1, 3);
    s.wallet = dice(&d, 0, 9) > 0;
    if (dice(&d, 0, 9) == 0) {
        s.phases = 3;
        s.circuits = 1;
    }
    s.rating_ma = dice(&d, 0, 9) == 0 ? 0 : dice(&d, 0, 4) == 0 ? 10000 : 15000;
    s.preset_fen = s.wallet ? dice(&d, 0, 2) * dice(&d, 0, 3000) : 0;
    s.alarm1_fen = dice(&d, 0, 3) * 500;
    s.alarm2_fen = dice(&d, 0, 2) * 300;
    s.overdraft_fen = dice(&d, 0, 2) * 250;
    s.hoard_fen = dice(&d, 0, 2) * 5000;
    s.close_allowed_fen = dice(&d, 0, 2) * 100;
    if (dice(&d, 0, 1) == 0)
        return s;
    static const struct terminal_period periods[] = {
        {0, 0, 4}, {6, 30, 3}, {8, 0, 2}, {11, 15, 1}, {23, 59, 3}};
    s.period_count = 5;
    memcpy(s.periods, periods, sizeof periods);
    return s;
}

/* ---- differences ---- */

static void same(char *out, size_t cap, const char *what, int64_t library, int64_t model)
{
    if (library != model && out[0] == 0)
        snprintf(out, cap, "%s: library %lld, model %lld", what, (long long)library,
                 (long long)model);
}

static void compare_circuit(const struct pair *p, const struct model *m, int c, char *out,
                            size_t cap)
{
    static const char *const name[] = {"circuit 1", "circuit 2", "circuit 3"};
    struct terminal_output o = terminal_output(&p->t);
    bool open;
    int reason = model_reason(m, c, &open);
    char what[40];
    snprintf(what, sizeof what, "%s open", name[c]);
    same(out, cap, what, !o.closed[c], open);
    snprintf(what, sizeof what, "%s reason", name[c]);
    same(out, cap, what, o.reason[c], reason);
    snprintf(what, sizeof what, "%s locked", name[c]);
    same(out, cap, what, o.locked[c], m->books.hold[c].cause != 0 && m->books.hold[c].locked);
}

/* What shows without asking. */
void drive_compare(const struct pair *p, const struct model *m, char *out, size_t cap)
{
    struct terminal_output o = terminal_output(&p->t);
    const struct terminal_books *b = &p->t.books;
    out[0] = 0;
    same(out, cap, "circuits", o.circuits, m->setup.circuits);
    for (int c = 0; c < m->setup.circuits; c++)
        compare_circuit(p, m, c, out, cap);
    struct terminal_display page = terminal_display(&p->t);
    same(out, cap, "page", page.page, m->page);
    same(out, cap, "value of the page", page.value, model_page_value(m));
    same(out, cap, "alarm", o.alarm, model_alarm(m));
    if (model_alarm(m) > 0)
        same(out, cap, "backlight", o.backlight, true);
    if (m->setup.wallet) {
        same(out, cap, "balance", b->balance_fen, model_balance(m));
        same(out, cap, "free", b->free_fen, m->books.free_fen);
        same(out, cap, "carry", (int64_t)b->carry, model_carry(m));
    }
    same(out, cap, "purchase count", b->count, m->books.count);
    same(out, cap, "trips", b->trips, m->books.trips);
    same(out, cap, "closes", b->closes, m->books.closes);
    same(out, cap, "days", b->days, m->books.days);
    same(out, cap, "months", b->months, m->books.months);
    same(out, cap, "energy", (int64_t)terminal_register_mwh(&p->t, 0, 0),
         (int64_t)model_mwh(m, 0, 0));
    same(out, cap, "rate", terminal_rate_now(&p->t), model_rate(m));
    struct civil at = terminal_local_time(&p->t);
    struct m_date d = model_local(m);
    same(out, cap, "day", at.day, d.day);
    same(out, cap, "second of the day", at.hour * 3600 + at.minute * 60 + at.second,
         d.hour * 3600 + d.minute * 60 + d.second);
    same(out, cap, "weekday", at.weekday, d.weekday);
}

/* What shows only later: it tells after a cut which state it is. */
void drive_compare_hidden(const struct pair *p, const struct model *m, char *out, size_t cap)
{
    const struct terminal_books *b = &p->t.books;
    const struct m_books *k = &m->books;
    int remote = 0, key_wait = 0;
    for (int c = 0; c < 3; c++) {
        remote |= k->remote[c] << c;
        key_wait |= k->key_wait[c] << c;
        same(out, cap, "recloses", b->hold[c].recloses, k->hold[c].recloses);
    }
    same(out, cap, "password 02", memcmp(p->t.config.password2, m->config.password[0], 3), 0);
    same(out, cap, "password 04", memcmp(p->t.config.password4, m->config.password[1], 3), 0);
    same(out, cap, "operator", b->operator_code, k->operator_code);
    same(out, cap, "remote", b->remote_cut, remote);
    same(out, cap, "waits for the key", b->key_wait, key_wait);
    same(out, cap, "pre-trip", b->pretrip, k->pretrip);
    same(out, cap, "timed", b->timed, k->timed);
    if (k->timed != 0)
        same(out, cap, "timed until", b->timed_until_s - b->clock_correction_s, k->timed_until);
    if (k->pretrip == 1)
        same(out, cap, "pre-trip until", b->pretrip_until_s - b->clock_correction_s,
             k->pretrip_until);
    same(out, cap, "free month", b->free_month, k->free_month);
    same(out, cap, "alarm ordered", b->alarm_ordered, k->alarm_ordered);
}

/* ---- the bench ---- */

void drive_drain(struct pair *p)
{
    struct terminal_write w;
    while (!p->dead && terminal_next_write(&p->t, &w)) {
        size_t len = w.len;
        if (w.offset + w.len > TERMINAL_NVRAM_SIZE || terminal_take_answer(&p->t).len != 0) {
            DIFFER(p, "a write outside, or an answer before its writes");
            return;
        }
        if (p->cut_in > 0 && --p->cut_in == 0) {
            p->dead = true;
            len = p->cut_bytes < w.len ? (size_t)p->cut_bytes : w.len;
            if (p->cut_garbage && len < w.len)
                p->nvram[w.offset + len] = w.data[len] ^ 0x5A;
        }
        memcpy(p->nvram + w.offset, w.data, len);
    }
}

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

int64_t drive_rtc(const struct pair *p)
{
    return 1767225600 + p->now_ms / 1000 + p->chip_s;
}

static void tick(struct pair *p, int64_t ms, bool lost)
{
    p->now_ms += ms;
    p->rtc = drive_rtc(p);
    terminal_time(&p->t, (mono_ms){p->now_ms}, (wall_s){p->rtc}, lost);
    drive_drain(p);
    model_time(&p->m, p->now_ms, p->rtc, lost);
    p->inputs++;
}

bool drive_quiet(const struct pair *p)
{
    return !p->dead && p->difference[0] == 0;
}

/* Books that differ from the durable ones by energy alone may still wait. */
static void remember(struct pair *p)
{
    struct m_books b = p->m.books;
    const struct m_books *old = &p->durable.books;
    memcpy(b.mwh, old->mwh, sizeof b.mwh);
    b.used_e8 = old->used_e8;
    b.paid_fen = old->paid_fen; /* what was free was paid for */
    b.free_fen = old->free_fen;
    b.hold_day = old->hold_day;
    for (int c = 0; c < 3; c++)
        b.hold[c].recloses = old->hold[c].recloses;
    bool visible = memcmp(&b, old, sizeof b) != 0;
    if (visible || p->unsaved_mwh >= 10000 || p->history_len == HISTORY) {
        p->history_len = 0;
        p->unsaved_mwh = 0;
    } else if (memcmp(&p->m.books, old, sizeof *old) != 0) {
        p->history[p->history_len++] = *old;
    }
    p->durable = p->m;
}

/* After every input. */
static void check(struct pair *p)
{
    if (!drive_quiet(p))
        return;
    char out[200];
    drive_compare(p, &p->m, out, sizeof out);
    if (out[0] != 0)
        DIFFER(p, "%s", out);
    remember(p);
}

/* ---- loads ---- */

enum heat drive_heat(const struct model *m, int c, int w)
{
    const struct m_rules *r = &m->guard.rules[c];
    if (w * 10 < r->step_w * 8)
        return HEAT_NEVER;
    enum heat heat = w * 10 > r->step_w * 12 && w >= 250 ? HEAT_SURE : HEAT_MAYBE;
    for (int i = 0; i < 8; i++) {
        int white = r->white_w[i], apart = abs(white - w);
        if (white == 0 || apart * 100 > 10 * white)
            continue;
        bool near = apart * 100 <= 2 * white && abs(r->white_var[i]) * 100 <= 2 * white;
        if (near)
            return HEAT_NEVER;
        heat = HEAT_MAYBE;
    }
    return heat;
}

static int64_t root(int64_t v)
{
    int64_t r = 0;
    for (int64_t bit = INT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((r + bit) * (r + bit) <= v)
            r += bit;
    return r;
}

static struct terminal_sample sample_of(struct pair *p)
{
    struct terminal_sample s = {.frequency_chz = 5000, .has_reactive = true};
    int64_t dv = p->mains_dv, square = dv * dv;
    struct terminal_output out = terminal_output(&p->t);
    int parts = p->m.setup.phases == 3 ? 3 : p->m.setup.circuits;
    for (int c = 0; c < parts; c++) {
        const struct m_world *w = &p->world[c];
        int64_t motor = w->motor_w[0] + w->motor_w[1] + w->motor_w[2];
        int64_t watts = (w->heater_w + motor) * square / 4840000;
        int64_t var = motor * 9 / 10 * square / 4840000;
        s.voltage_dv[c] = p->m.setup.phases == 3 || c == 0 ? p->mains_dv : 0;
        if (!out.closed[p->m.setup.phases == 3 ? 0 : c])
            continue;
        s.power_mw[c] = (int32_t)watts * 1000 + w->standby_ma * 110;
        s.reactive_mvar[c] = (int32_t)var * 1000 + w->standby_ma * 190;
        s.current_ma[c] = (uint32_t)(root((watts * watts + var * var) * 1000000) * 10 / dv) +
                          (uint32_t)w->standby_ma;
    }
    return s;
}

/* What may be recognised in circuit c now, while nothing is known for certain. */
static void may(struct pair *p, int c, const struct terminal_sample *s)
{
    struct model *m = &p->m;
    const struct m_world *w = &p->world[c];
    int motor = w->motor_w[0] + w->motor_w[1] + w->motor_w[2];
    bool odd = motor > 0 || p->mains_dv != 2200;
    m->may_trip[c] = w->heater_w > 0 && (odd || drive_heat(m, c, w->heater_w) != HEAT_NEVER);
    m->may_unplug[c] = p->mains_dv >= 1600 && m->now_ms - m->closed_ms[c] >= 10000 &&
                       (int)s->current_ma[c] < m->guard.rules[c].standby_ma;
}

static void measure(struct pair *p, int64_t ms)
{
    tick(p, ms, false);
    check(p);
    if (!drive_quiet(p))
        return;
    struct terminal_sample s = sample_of(p);
    for (int c = 0; c < p->m.setup.circuits; c++)
        may(p, c, &s);
    terminal_measure(&p->t, &s);
    drive_drain(p);
    int claim[3];
    for (int c = 0; c < 3; c++)
        claim[c] = p->t.books.hold[c].cause;
    model_measure(&p->m, &s, claim);
    p->inputs++;
    if (p->m.complaint[0] != 0)
        DIFFER(p, "%s", p->m.complaint);
}

/* ---- frames ---- */

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
        tick(p, op->c == SHAPE_LATE ? 700 : 300, false);
        check(p);
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
        tick(p, 1000, false);
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

static void send_modbus(struct pair *p, const struct op *op)
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
        tick(p, 1000, false);
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

/* ---- loads, from start to verdict ---- */

static bool watched(const struct pair *p, int c)
{
    const struct model *m = &p->m;
    return drive_quiet(p) && c < m->setup.circuits && m->setup.phases == 1 &&
           m->setup.rating_ma != 0 && !m->books.open[c] && !m->books.keep_power;
}

static bool empty(const struct m_world *w)
{
    return w->heater_w == 0 && w->motor_w[0] == 0 && w->motor_w[1] == 0 && w->motor_w[2] == 0;
}

static void samples(struct pair *p, int seconds)
{
    for (int64_t ms = 0; ms < seconds * 1000 && drive_quiet(p); ms += p->sample_ms) {
        measure(p, p->sample_ms);
        check(p);
    }
}

/* A heater alone in its circuit: certain within three samples of a second, or a second and a
 * little where they come faster. */
static void heat(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1, w = (int)op->b;
    struct m_world *world = &p->world[c];
    world->heater_w = 0;
    bool sure = empty(world);
    world->standby_ma = 0;
    samples(p, 4);
    /* Soon after closing, white loads may come back with something small. */
    bool settled = p->now_ms - p->m.closed_ms[c] > 8000 && p->mains_dv == 2200;
    if (!watched(p, c) || !p->m.guard.rules[c].malignant || !settled)
        sure = false;
    world->heater_w = w;
    bool shut = sure;
    int64_t most_ms = p->sample_ms == 1000 ? 3000 : 1000 + 2 * p->sample_ms;
    for (int64_t ms = 0; ms < most_ms && drive_quiet(p); ms += p->sample_ms) {
        measure(p, p->sample_ms);
        check(p);
        if (p->m.books.hold[c].cause == TERMINAL_REASON_MALIGNANT && sure)
            p->recognised++;
        shut = shut && watched(p, c);
        if (!shut)
            break;
    }
    if (shut && drive_heat(&p->m, c, w) == HEAT_SURE)
        DIFFER(p, "circuit %d: a heater of %d W was not recognised", c + 1, w);
}

static void unplug(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1;
    struct m_world *world = &p->world[c];
    const struct m_rules *r = &p->m.guard.rules[c];
    *world = (struct m_world){.standby_ma = r->standby_ma * 2};
    bool sure = r->aircon && p->mains_dv >= 1600;
    for (int i = 0; i < 16; i++) {
        samples(p, 1);
        sure = sure && watched(p, c);
    }
    world->standby_ma = 0;
    int64_t gone = p->now_ms;
    for (int i = 0; i < r->unplugged_s + 5 && sure; i++) {
        samples(p, 1);
        bool tripped = p->m.books.hold[c].cause == TERMINAL_REASON_AIRCON;
        if (tripped && p->now_ms - gone < r->unplugged_s * 1000)
            DIFFER(p, "circuit %d: unplugged for %lld ms only", c + 1,
                   (long long)(p->now_ms - gone));
        p->recognised += tripped;
        sure = watched(p, c);
    }
    if (sure)
        DIFFER(p, "circuit %d: the unplugged air conditioner was not noticed", c + 1);
}

static void write_learn(struct pair *p, int c, int seconds)
{
    struct op op = {
        .kind = OP_frame, .a = 0x14, .len = 14, .data = {(uint8_t)(c + 1), 0x23, 0x80, 0x04, 2}};
    memcpy(op.data + 5, p->m.config.password[0], 3);
    op.data[12] = (uint8_t)seconds;
    if (drive_quiet(p))
        drive_frame(p, &op);
    check(p);
}

/* Reads the white list of the library; the new entry must be near to w. */
static bool learnt(struct pair *p, int c, int w)
{
    struct m_rules *r = &p->m.guard.rules[c];
    const struct terminal_rules *got = &p->t.guard.circuit[c];
    int fresh = 0;
    for (int i = 0; i < 8; i++) {
        int watts = got->load.white[i].power_mw / 1000;
        if (watts == r->white_w[i])
            continue;
        fresh++;
        if (abs(watts - w) * 100 > 2 * w || r->white_w[i] != 0)
            return false;
        r->white_w[i] = watts;
        r->white_var[i] = got->load.white[i].reactive_mvar / 1000;
    }
    if (fresh == 1)
        p->m.learn_until[c] = INT64_MIN;
    return fresh == 1;
}

static void learn(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1, w = (int)op->b, before = 0;
    struct m_world *world = &p->world[c];
    bool sure = empty(world) && p->mains_dv == 2200, full = true;
    world->standby_ma = 0;
    samples(p, 4);
    for (int i = 0; i < 8 && c < p->m.setup.circuits; i++)
        full = full && p->m.guard.rules[c].white_w[i] != 0;
    if (!sure || full || !watched(p, c) || !p->m.guard.rules[c].malignant ||
        drive_heat(&p->m, c, w) != HEAT_SURE)
        return;
    write_learn(p, c, 200);
    if (!drive_quiet(p))
        return;
    before = (int)p->m.books.trips;
    world->heater_w = w;
    for (int64_t ms = 0; ms < 3000 && drive_quiet(p); ms += p->sample_ms) {
        measure(p, p->sample_ms);
        sure = sure && watched(p, c);
    }
    sure = sure && !p->dead && before == (int)p->m.books.trips;
    if (p->difference[0] == 0 && !learnt(p, c, w) && sure) /* also if power failed just then */
        DIFFER(p, "circuit %d: a heater of %d W was not learnt", c + 1, w);
    check(p);
    write_learn(p, c, 0);
}

static void plug(struct pair *p, const struct op *op)
{
    struct m_world *w = &p->world[op->a - 1];
    if (op->b == 0 && w->heater_w > 0) { /* one after the other */
        w->heater_w = 0;
        samples(p, 3);
    }
    if (op->b == 0)
        w->heater_w = (int)op->c;
    else if (op->b == 4)
        w->standby_ma = (int)op->c;
    else
        w->motor_w[op->b - 1] = (int)op->c;
    samples(p, 3);
}

/* ---- one operation ---- */

static void begin(struct pair *p, const struct op *op)
{
    struct terminal_setup s = drive_setup(op->a);
    memset(p, 0, sizeof *p);
    memset(p->nvram, 0xFF, sizeof p->nvram);
    p->sample_ms = 1000;
    p->mains_dv = 2200;
    p->now_ms = 1000;
    p->rtc = 1767225600 + 1;
    model_new(&p->m, &s);
    drive_start(p);
    model_time(&p->m, p->now_ms, p->rtc, false);
}

static void work(struct pair *p, const struct op *op)
{
    switch (op->kind) {
    case OP_time:
    case OP_lost:
        if (op->b == 1)
            p->chip_s = 946684800 - 1767225600 - p->now_ms / 1000;
        tick(p, op->a, op->kind == OP_lost);
        return;
    case OP_pass:
        for (int64_t s = op->a; s > 0 && drive_quiet(p); s -= 60) {
            tick(p, (s < 60 ? s : 60) * 1000, false);
            check(p);
        }
        return;
    case OP_energy:
        terminal_energy(&p->t, (unsigned)op->a, (uint64_t)op->b);
        drive_drain(p);
        model_energy(&p->m, (int)op->a - 1, (uint64_t)op->b);
        p->unsaved_mwh += (uint64_t)op->b;
        p->inputs++;
        return;
    case OP_measure:
        measure(p, op->a);
        return;
    case OP_plug:
        plug(p, op);
        return;
    case OP_key:
        terminal_key(&p->t);
        drive_drain(p);
        model_key(&p->m);
        p->inputs++;
        return;
    case OP_programming:
        terminal_set_programming(&p->t, op->a != 0);
        p->m.programming = op->a != 0;
        p->inputs++;
        return;
    case OP_frame:
        drive_frame(p, op);
        if (p->m.complaint[0] != 0)
            DIFFER(p, "%s", p->m.complaint);
        return;
    case OP_heat:
        heat(p, op);
        return;
    case OP_unplug:
        unplug(p, op);
        return;
    case OP_learn:
        learn(p, op);
        return;
    case OP_fail:
        for (int64_t i = 0; i < op->a && drive_quiet(p); i++) {
            struct op wrong = {.a = 3, .len = 32, .data = {0xFF, 0, 0, 7, [8] = 1}};
            drive_frame(p, &wrong);
            check(p);
        }
        return;
    case OP_modbus:
        send_modbus(p, op);
        return;
    case OP_rate:
        p->sample_ms = op->a;
        return;
    case OP_mains:
        p->mains_dv = (uint16_t)op->a;
        return;
    case OP_chip:
        p->chip_s += op->a;
        tick(p, 1000, false);
        return;
    case OP_guess:
        for (int64_t i = 0; i < op->a && drive_quiet(p); i++) {
            struct op wrong = {
                .a = 0x1C, .c = op->b == 1 ? SHAPE_INFRARED : SHAPE_PLAIN, .len = 16, .data = {3}};
            drive_frame(p, &wrong);
            check(p);
        }
        return;
    case OP_audit:
        drive_audit(p);
        return;
    default:
        return;
    }
}

bool drive(struct pair *p, const struct op *op)
{
    if (op->kind == OP_setup) {
        begin(p, op);
    } else if (op->kind == OP_cut) {
        p->cut_in = (unsigned)op->a;
        p->cut_bytes = op->b;
        p->cut_garbage = op->c & 1;
        p->cut_again = op->c >> 1;
        return true;
    } else if (op->kind == OP_off || op->kind == OP_old) {
        drive_off(p, op);
    } else {
        work(p, op);
    }
    if (p->dead && p->difference[0] == 0)
        drive_wake(p, 1);
    check(p);
    return p->difference[0] == 0;
}
