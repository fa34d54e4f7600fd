/* Frames, orders and money. */
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "proto/crypto.h"

#define ERROR_VALUE 1
#define ERROR_NOT_HERE 2
#define ERROR_PASSWORD 4

bool m_bcd(const uint8_t *data, int len, int64_t *value)
{
    *value = 0;
    for (int i = len - 1; i >= 0; i--) {
        if (data[i] >> 4 > 9 || (data[i] & 15) > 9)
            return false;
        *value = *value * 100 + (data[i] >> 4) * 10 + (data[i] & 15);
    }
    return true;
}

void m_put_bcd(uint8_t *out, uint64_t value, int len)
{
    for (int i = 0; i < len; i++) {
        out[i] = (uint8_t)(value / 10 % 10 << 4 | value % 10);
        value /= 100;
    }
}

static uint32_t u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* ss mm hh DD MM YY */
static bool date6(const uint8_t *p, struct m_date *d)
{
    int64_t v[6];
    for (int i = 0; i < 6; i++)
        if (!m_bcd(p + i, 1, &v[i]))
            return false;
    *d = (struct m_date){.year = 2000 + (int)v[5],
                         .month = (int)v[4],
                         .day = (int)v[3],
                         .hour = (int)v[2],
                         .minute = (int)v[1],
                         .second = (int)v[0]};
    return m_date_valid(d);
}

/* ---- orders to the relay ---- */

static int refuse(struct model *m, int word, int error)
{
    m->order_word = word;
    m->order_refused = true;
    return error;
}

static bool opens(int n1)
{
    return n1 == 0x1A || n1 == 0x1D || n1 == 0x1E;
}

static bool expired(const struct model *m, int n1, const uint8_t *p)
{
    bool never = true;
    for (int i = 0; i < 6; i++)
        never = never && p[i] == 0x99;
    if (never)
        return false;
    struct m_date d;
    if (!date6(p, &d))
        return true;
    if (m->books.clock_lost)
        return opens(n1);
    struct m_date now = model_local(m);
    return m_seconds(&now) > m_seconds(&d);
}

static bool tripped(const struct model *m)
{
    const struct m_books *b = &m->books;
    bool any = b->cut || b->pretrip == 1;
    for (int c = 0; c < m->setup.circuits; c++)
        any = any || b->remote[c];
    return any;
}

static void end_timed(struct m_books *b)
{
    b->timed = 0;
}

static void trip_or_close(struct model *m, int n1, int n2)
{
    struct m_books *b = &m->books;
    bool was_timed = b->timed != 0;
    for (int c = 0; c < m->setup.circuits; c++) {
        if (n2 != 0 && n2 != c + 1)
            continue;
        bool ordered = b->remote[c] || was_timed;
        b->remote[c] = n1 == 0x1A;
        if (n1 == 0x1B)
            b->key_wait[c] |= ordered;
        else
            b->key_wait[c] = false;
    }
    end_timed(b);
}

static void carry_out(struct model *m, int n1, int n2)
{
    struct m_books *b = &m->books;
    switch (n1) {
    case 0x1A:
    case 0x1B:
    case 0x1C:
        trip_or_close(m, n1, n2);
        m->order_word = n1 == 0x1A ? 4 : n1 == 0x1B ? 2 : 1;
        return;
    case 0x1D:
    case 0x1E:
        b->timed = n1;
        b->timed_until = m->rtc + n2 * 300;
        m->order_word = 0x10;
        return;
    case 0x2A:
    case 0x2B:
        b->alarm_ordered = n1 == 0x2A;
        m->order_word = n1 == 0x2A ? 0x400 : 0x800;
        return;
    default:
        b->keep_power = n1 == 0x3A;
        if (b->keep_power)
            end_timed(b);
        m->order_word = b->keep_power ? 0x100 : 0x200;
    }
}

/* Obeys, or says why not. */
bool m_obey(struct model *m, int n1, int n2, uint32_t operator_code)
{
    static const uint8_t known[] = {0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x2A, 0x2B, 0x3A, 0x3B};
    bool timed = n1 == 0x1D || n1 == 0x1E;
    int word = 0;
    if (memchr(known, n1, sizeof known) == NULL || (n1 <= 0x1C && n2 > m->setup.circuits))
        word = 4;
    else if (timed && n2 == 0)
        word = 0x80;
    else if (m->books.keep_power && opens(n1))
        word = timed ? 0x40 : 0x20;
    else if (timed && tripped(m))
        word = 0x100;
    if (word != 0) {
        refuse(m, word, ERROR_VALUE);
        return false;
    }
    m->order_refused = false;
    m->books.operator_code = operator_code;
    carry_out(m, n1, n2);
    m_settle(m);
    return true;
}

/* Ten wrong ones in a row make the port deaf to passwords for a minute. */
bool m_password(struct model *m, const uint8_t pa_p[4], int level)
{
    if (m->now_ms < m->deaf_until[m->port])
        return false;
    bool second = pa_p[0] == 2 && memcmp(pa_p + 1, m->config.password[0], 3) == 0;
    bool fourth = pa_p[0] == 4 && memcmp(pa_p + 1, m->config.password[1], 3) == 0;
    bool right = second || (fourth && level == 4);
    m->wrong[m->port] = right ? 0 : m->wrong[m->port] + 1;
    if (m->wrong[m->port] == 10) {
        m->wrong[m->port] = 0;
        m->deaf_until[m->port] = m->now_ms + 60000;
    }
    return right;
}

int m_order(struct model *m, const uint8_t *data, int len)
{
    if (len != 16)
        return refuse(m, 4, ERROR_VALUE);
    if (!m_password(m, data, 2))
        return refuse(m, 4, ERROR_PASSWORD);
    if (expired(m, data[8], data + 10))
        return refuse(m, 0x10, ERROR_VALUE);
    return m_obey(m, data[8], data[9], u32(data + 4)) ? 0 : ERROR_VALUE;
}

/* ---- money ---- */

#define OPEN 0x070101FFu
#define RECHARGE 0x070102FFu
#define INITIALISE 0x070103FFu
#define QUERY 0x078102FFu
#define AUTHENTICATE 0x070000FFu
#define END 0x070002FFu
enum {
    S_OTHER = 1,
    S_REPEAT = 2,
    S_MAC = 4,
    S_AUTH = 8,
    S_WHO = 0x10,
    S_COUNT = 0x20,
    S_HOARD = 0x40,
    S_SUSPENDED = 0x100
};

#define FAILURES_MAX 200

static bool authentic(const struct model *m)
{
    return !m->config.auth || m->now_ms < m->auth_until_ms;
}

static const uint8_t no_key[16]; /* from the factory */

void model_sign(const struct model *m, const uint8_t *data, int len, uint8_t mac[4])
{
    uint8_t factor[8];
    crypto_factor(m->config.number, factor);
    (void)crypto_soft.mac(no_key, factor, m->random2, (struct bytes){data, (size_t)len}, mac);
}

static void fill(const struct model *m, uint8_t *data, int mac, int from, int len)
{
    uint8_t spoil = data[mac] == 1;
    model_sign(m, data + from, len, data + mac);
    data[mac] ^= spoil;
}

void model_sign_frame(const struct model *m, uint8_t *data, int len)
{
    uint32_t di = len >= 4 ? u32(data) : 0;
    if ((di == OPEN || di == RECHARGE) && len == 30) {
        fill(m, data, 16, 8, 8);
        fill(m, data, 26, 20, 6);
    } else if (di == INITIALISE && len == 24) {
        fill(m, data, 12, 8, 4);
        fill(m, data, 20, 16, 4);
    } else if (di == AUTHENTICATE && len == 32) {
        uint8_t spoil = data[8] == 1;
        crypto_factor(m->config.number, data + 24);
        (void)crypto_soft.auth(no_key, data + 24, data + 16, data + 8);
        data[8] ^= spoil;
    }
}

static void failed(struct model *m)
{
    m->failures += m->failures < FAILURES_MAX;
}

/* Signatures count only where authentication is asked for. */
static bool is_signed(struct model *m, const uint8_t *data, int len, const uint8_t *mac)
{
    uint8_t right[4];
    if (!m->config.auth)
        return true;
    model_sign(m, data, len, right);
    if (memcmp(mac, right, 4) == 0)
        return true;
    failed(m);
    return false;
}

static int authenticate(struct model *m, const uint8_t *p, uint8_t *out, int *out_len)
{
    uint8_t factor[8], right[8];
    if (!m->setup.wallet)
        return S_OTHER;
    crypto_factor(m->config.number, factor);
    (void)crypto_soft.auth(no_key, factor, p + 8, right);
    if (memcmp(p, right, 8) != 0 || memcmp(p + 16, factor, 8) != 0) {
        failed(m);
        return S_AUTH;
    }
    if (m->failures >= FAILURES_MAX)
        return S_SUSPENDED;
    if (memcmp(m->random2, m->next_random2, 4) == 0)
        snprintf(m->complaint, sizeof m->complaint, "the same random number twice");
    m->auth_until_ms = m->now_ms + 300000;
    memcpy(m->random2, m->next_random2, 4);
    memcpy(out, m->random2, 4);
    memcpy(out + 4, factor, 8);
    *out_len = 12;
    return 0;
}

/* After money came in. */
static void paid(struct model *m)
{
    struct m_books *b = &m->books;
    int64_t balance = model_balance(m);
    bool uncut = b->cut && balance > 0 && balance >= m->config.limit[4];
    bool relieved = b->pretrip == 1 && model_left(m) > m->config.limit[1];
    if (uncut)
        b->cut = false;
    if (relieved)
        b->pretrip = 0;
    if ((uncut || relieved) && m->config.safe)
        for (int c = 0; c < m->setup.circuits; c++)
            b->key_wait[c] = true;
}

static void credit_wallet(struct model *m, int64_t amount, uint32_t count)
{
    struct m_books *b = &m->books;
    struct m_purchase p = {
        .at = model_local(m), .count = count, .amount = amount, .before = model_balance(m)};
    b->paid_fen += amount;
    b->count = count;
    b->purchased_fen += amount;
    p.after = model_balance(m);
    p.purchased = b->purchased_fen;
    memmove(b->purchase + 1, b->purchase, sizeof b->purchase - sizeof p);
    b->purchase[0] = p;
    paid(m);
}

static uint32_t remaining(const struct model *m)
{
    int64_t balance = model_balance(m);
    return balance > 0 ? (uint32_t)balance : 0;
}

static int sale(struct model *m, const uint8_t *p, bool opening, uint8_t *out, int *out_len)
{
    struct m_books *b = &m->books;
    int64_t amount = u32(p), digits;
    uint32_t count = u32(p + 4);
    const uint8_t *customer = p + 12;
    if (!m->setup.wallet || !m_bcd(customer, 6, &digits))
        return S_OTHER;
    if (!authentic(m))
        return S_AUTH;
    bool first = opening && !b->opened;
    if (!b->opened && !opening)
        return S_OTHER;
    if (b->opened && memcmp(customer, b->customer, 6) != 0)
        return S_WHO;
    if (!is_signed(m, customer, 6, p + 18))
        return S_MAC;
    bool empty = first && count == 0 && amount == 0;
    bool zeros = opening && count == 0 && amount == 0 && b->count == 0;
    if (b->opened && zeros)
        return S_REPEAT;
    if (opening && (count > 1 || b->count > 1)) /* opening is over */
        return S_COUNT;
    if (b->opened && count == b->count && count > 0) /* 0 is no purchase */
        return S_REPEAT;
    if (!empty && count != b->count + 1)
        return S_COUNT;
    if (amount == 0 && !empty)
        return S_OTHER;
    int64_t after = model_balance(m) + amount, hoard = m->config.limit[3];
    if (!empty && (after > TERMINAL_MONEY_MAX_FEN || amount > TERMINAL_MONEY_MAX_FEN ||
                   (hoard != 0 && after > hoard)))
        return S_HOARD;
    if (!empty && m->failures >= FAILURES_MAX)
        return S_SUSPENDED;
    if (!empty && !is_signed(m, p, 8, p + 8))
        return S_MAC;
    b->opened = true;
    memcpy(b->customer, customer, 6);
    if (!empty)
        credit_wallet(m, amount, count);
    m_settle(m);
    put_u32(out, remaining(m));
    put_u32(out + 4, b->count);
    memcpy(out + 8, b->customer, 6);
    *out_len = 14;
    return 0;
}

static int initialise(struct model *m, const uint8_t *p)
{
    struct m_books *b = &m->books;
    int64_t preset = u32(p);
    if (!m->setup.wallet)
        return S_OTHER;
    if (preset > TERMINAL_MONEY_MAX_FEN)
        return S_OTHER;
    if (!authentic(m))
        return S_AUTH;
    if (u32(p + 8) != 0)
        return S_COUNT;
    if (!is_signed(m, p, 4, p + 4) || !is_signed(m, p + 8, 4, p + 12))
        return S_MAC;
    b->gone_e8 = b->used_e8;
    b->paid_fen = preset;
    b->count = 0;
    b->purchased_fen = 0;
    b->opened = false;
    memset(b->customer, 0, 6);
    memset(b->purchase, 0, sizeof b->purchase);
    paid(m);
    m_settle(m);
    return 0;
}

static int query(const struct model *m, uint8_t *out, int *out_len)
{
    if (!m->setup.wallet)
        return S_OTHER;
    memset(out, 0, 26);
    if (!authentic(m))
        return S_AUTH;
    put_u32(out, remaining(m));
    put_u32(out + 8, m->books.count);
    memcpy(out + 16, m->books.customer, 6);
    *out_len = 26;
    return 0;
}

static int end_authentication(struct model *m, uint8_t *out, int *out_len)
{
    if (!m->setup.wallet)
        return S_OTHER;
    m->auth_until_ms = 0;
    memcpy(out, m->books.customer, 6);
    put_u32(out + 6, remaining(m));
    put_u32(out + 10, m->books.count);
    put_u32(out + 14, 0);
    *out_len = 18;
    return 0;
}

int m_money(struct model *m, const uint8_t *data, int len, uint8_t *out, int *out_len)
{
    uint32_t di = len >= 4 ? u32(data) : 0;
    *out_len = 0;
    if (di == OPEN || di == RECHARGE)
        return len == 30 ? sale(m, data + 8, di == OPEN, out, out_len) : S_OTHER;
    if (di == INITIALISE)
        return len == 24 ? initialise(m, data + 8) : S_OTHER;
    if (di == AUTHENTICATE)
        return len == 32 ? authenticate(m, data + 8, out, out_len) : S_OTHER;
    if (di == END)
        return len == 8 ? end_authentication(m, out, out_len) : S_OTHER;
    if (di == QUERY)
        return len == 8 ? query(m, out, out_len) : S_OTHER;
    return S_OTHER;
}

/* ---- frames ---- */

static void broadcast(struct model *m, const uint8_t *data, int len)
{
    struct m_books *b = &m->books;
    struct m_date d, now = model_local(m);
    if (len != 6 || !date6(data, &d))
        return;
    int64_t shift = m_seconds(&d) - m_seconds(&now);
    if (!b->clock_lost) {
        if (shift == 0 || shift > 300 || shift < -300 ||
            b->broadcast_day >= now.day_number + 100000)
            return;
    }
    int before = b->clock_lost ? 0 : now.day_number + 100000;
    m_shift_clock(m, shift);
    int after = model_local(m).day_number + 100000;
    b->broadcast_day = after > before ? after : before;
    m_settle(m);
}

static int fail(int control, int error, int *answer_control, uint8_t *out)
{
    *answer_control = control | 0xC0;
    out[0] = (uint8_t)error;
    return 1;
}

#define ALL_TRIPS 0x048010FFu
#define FOLLOWS 0x20

/* Twelve trips a part; a part after the first tells which it is. */
static int trips(const struct model *m, int part, const uint8_t *di, int *control, uint8_t *out)
{
    int n = m->books.trips < TERMINAL_TRIPS ? (int)m->books.trips : TERMINAL_TRIPS, len = 4;
    if (part * 12 >= n)
        return fail(*control & 0x1F, ERROR_NOT_HERE, control, out);
    memcpy(out, di, 4);
    for (int i = part * 12; i < n && i < part * 12 + 12; i++) {
        int one;
        (void)m_reads(m, 0x04801001u + (uint32_t)i, out + len, &one);
        len += one;
    }
    if (part > 0)
        out[len++] = (uint8_t)part;
    if (part * 12 + 12 < n)
        *control |= FOLLOWS;
    return len;
}

static int read_more(const struct model *m, const uint8_t *data, int len, int *control,
                     uint8_t *out)
{
    if (len != 5 || data[4] == 0 || u32(data) != ALL_TRIPS)
        return fail(0x12, ERROR_NOT_HERE, control, out);
    return trips(m, data[4], data, control, out);
}

static int read(struct model *m, const uint8_t *data, int len, int *control, uint8_t *out)
{
    int n;
    if (len == 4 && u32(data) == ALL_TRIPS)
        return trips(m, 0, data, control, out);
    if (len != 4)
        return fail(0x11, len < 4 ? ERROR_VALUE : ERROR_NOT_HERE, control, out);
    if (!m_reads(m, u32(data), out + 4, &n))
        return fail(0x11, ERROR_NOT_HERE, control, out);
    memcpy(out, data, 4);
    return 4 + n;
}

static int write(struct model *m, const uint8_t *data, int len, int *control, uint8_t *out)
{
    if (len <= 12)
        return fail(0x14, ERROR_VALUE, control, out);
    if (!m_password(m, data + 4, 2))
        return fail(0x14, ERROR_PASSWORD, control, out);
    int error = m_writes(m, u32(data), data + 12, len - 12);
    if (error != 0)
        return fail(0x14, error, control, out);
    m->books.programmings++;
    m_settle(m);
    return 0;
}

/* DI of the password, old level and password, new level and password. */
static int password(struct model *m, const uint8_t *data, int len, int *control, uint8_t *out)
{
    if (len != 12)
        return fail(0x18, ERROR_VALUE, control, out);
    int level = data[8];
    if ((level != 2 && level != 4) || u32(data) != 0x04000C01u + (uint32_t)level)
        return fail(0x18, ERROR_VALUE, control, out);
    uint8_t *of = m->config.password[level == 4];
    if (!m_password(m, data + 4, level))
        return fail(0x18, ERROR_PASSWORD, control, out);
    memcpy(of, data + 9, 3);
    memcpy(out, data + 8, 4);
    return 4;
}

static int money(struct model *m, const uint8_t *data, int len, int *control, uint8_t *out)
{
    int n;
    int serr = m_money(m, data, len, out + 4, &n);
    if (serr != 0) {
        fail(3, serr & 255, control, out);
        out[1] = (uint8_t)(serr >> 8);
        return 2;
    }
    memcpy(out, data, 4);
    return 4 + n;
}

/* AA from some byte on, up to the highest, leaves out what it does not say. */
static bool to_me(const struct model *m, const uint8_t address[6])
{
    int said = 6;
    while (said > 0 && address[said - 1] == 0xAA)
        said--;
    return memcmp(address, m->config.address, (size_t)said) == 0;
}

int model_frame(struct model *m, const uint8_t address[6], int control, const uint8_t *data,
                int len, int *answer_control, uint8_t *out)
{
    static const uint8_t all[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    if (control == 0x08 && memcmp(address, all, 6) == 0) {
        broadcast(m, data, len);
        return -1;
    }
    if (!to_me(m, address))
        return -1;
    *answer_control = control | 0x80;
    int error;
    int64_t digits;
    switch (control) {
    case 0x03:
        return money(m, data, len, answer_control, out);
    case 0x11:
        return read(m, data, len, answer_control, out);
    case 0x12:
        return read_more(m, data, len, answer_control, out);
    case 0x13:
        if (len != 0)
            return -1;
        memcpy(out, m->config.address, 6);
        return 6;
    case 0x14:
        return write(m, data, len, answer_control, out);
    case 0x15:
        if (!m->programming || len != 6 || !m_bcd(data, 6, &digits))
            return -1;
        memcpy(m->config.address, data, 6);
        return 0;
    case 0x17:
        return fail(control, 8, answer_control, out);
    case 0x18:
        return password(m, data, len, answer_control, out);
    case 0x1C:
        error = m_order(m, data, len);
        return error != 0 ? fail(control, error, answer_control, out) : 0;
    case 0x16:
    case 0x19:
    case 0x1A:
    case 0x1B:
    case 0x1D:
        return fail(control, ERROR_VALUE, answer_control, out);
    default:
        return -1;
    }
}
