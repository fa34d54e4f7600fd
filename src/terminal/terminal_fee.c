/*
 * Fee control, control code 03, in the ESAM-less form: MACs are present and not looked at. The order
 * of the checks is the one of the ESAM firmwares (protocols.md 1.6): authentication, account, customer
 * number, MAC, count, hoard limit, suspension; then money, count and purchase record change as one.
 */
#include <string.h>

#include "terminal/terminal_impl.h"

#define MONEY_PAYLOAD 22  /* amount 4, count 4, MAC1 4, customer 6, MAC2 4 */
#define INIT_PAYLOAD 16   /* amount 4, MAC1 4, count 4, MAC2 4 */
#define AUTH_PAYLOAD 24   /* cipher1 8, random1 8, dispersion factor 8 */
#define AUTH_MS 300'000
#define AUTH_FAILURES_MAX 200

struct money_order {
    int64_t amount_fen;
    uint32_t count;
    const uint8_t *customer;
};

/* XTEA, 64 rounds: the software cipher in the place of the ESAM's. */
static void encipher(const uint32_t key[4], uint32_t v[2])
{
    uint32_t a = v[0], b = v[1], sum = 0;
    for (int i = 0; i < 32; i++) {
        a += ((b << 4 ^ b >> 5) + b) ^ (sum + key[sum & 3]);
        sum += 0x9E3779B9;
        b += ((a << 4 ^ a >> 5) + a) ^ (sum + key[sum >> 11 & 3]);
    }
    v[0] = a;
    v[1] = b;
}

static void load_words(const uint8_t *data, uint32_t *words, size_t count)
{
    struct reader r = reader_of(data, 4 * count);
    for (size_t i = 0; i < count; i++)
        words[i] = reader_u32le(&r);
}

/* The meter's key: the root key over the dispersion factor and over its complement. */
static void diversify(const struct terminal *t, const uint8_t factor[8], uint32_t key[4])
{
    uint32_t root[4];
    load_words(t->config.auth_key, root, 4);
    load_words(factor, key, 2);
    key[2] = ~key[0];
    key[3] = ~key[1];
    encipher(root, key);
    encipher(root, key + 2);
}

static bool authentic(const struct terminal *t)
{
    return !t->config.need_auth || t->now.ms < t->auth_until.ms;
}

static uint16_t authenticate(struct terminal *t, struct bytes p, struct writer *w)
{
    if (p.len != AUTH_PAYLOAD)
        return SERR_OTHER;
    uint8_t factor[8] = {0};
    memcpy(factor, t->config.number, 6);
    uint32_t key[4], cipher[2], random[2];
    diversify(t, factor, key);
    load_words(p.data, cipher, 2);
    load_words(p.data + 8, random, 2);
    encipher(key, random);
    if (memcmp(p.data + 16, factor, 8) != 0 || memcmp(cipher, random, sizeof cipher) != 0) {
        if (t->auth_failures < AUTH_FAILURES_MAX)
            t->auth_failures++;
        return SERR_AUTH;
    }
    if (t->auth_failures >= AUTH_FAILURES_MAX)
        return SERR_SUSPENDED;
    t->auth_until = mono_after(t->now, AUTH_MS);
    uint32_t random2[2] = {++t->auth_session, t->books.sequence};
    encipher(key, random2);
    writer_u32le(w, random2[0]);
    writer_put(w, factor, 8); /* in the place of the ESAM's serial number */
    return 0;
}

static bool take_order(struct bytes p, struct money_order *o)
{
    struct reader r = reader_of(p.data, p.len);
    o->amount_fen = reader_u32le(&r);
    o->count = reader_u32le(&r);
    (void)reader_u32le(&r); /* MAC1 */
    o->customer = reader_take(&r, 6).data;
    struct reader digits = reader_of(o->customer, o->customer == NULL ? 0 : 6);
    (void)reader_bcd_le(&digits, 6);
    return p.len == MONEY_PAYLOAD && digits.err == ERR_OK;
}

static uint16_t check_money(const struct terminal *t, const struct money_order *o)
{
    const struct terminal_books *b = &t->books;
    if (o->count == b->count && b->count > 0)
        return SERR_REPEAT;
    if (o->count != b->count + 1)
        return SERR_COUNT;
    if (o->amount_fen == 0)
        return SERR_OTHER;
    int64_t limit = t->config.hoard_fen > 0 ? t->config.hoard_fen : TERMINAL_MONEY_MAX_FEN;
    if (b->balance_fen + o->amount_fen > limit)
        return SERR_HOARD;
    return t->auth_failures >= AUTH_FAILURES_MAX ? SERR_SUSPENDED : 0;
}

/* One money record holds it all; overdraft is paid off by the sum. */
static void apply_money(struct terminal *t, const struct money_order *o)
{
    t->books.count = o->count;
    credit_record_purchase(t, o->amount_fen);
    credit_paid(t);
    relay_settle(t);
}

static void put_wallet(const struct terminal *t, struct writer *w)
{
    int64_t fen = t->books.balance_fen;
    writer_u32le(w, fen > 0 ? (uint32_t)fen : 0);
    writer_u32le(w, t->books.count);
    writer_put(w, t->books.customer, 6);
}

static uint16_t recharge(struct terminal *t, struct bytes p, struct writer *w)
{
    struct money_order o;
    if (!take_order(p, &o))
        return SERR_OTHER;
    if (!authentic(t))
        return SERR_AUTH;
    if (!t->books.opened)
        return SERR_OTHER;
    if (memcmp(o.customer, t->books.customer, 6) != 0)
        return SERR_CUSTOMER;
    uint16_t serr = check_money(t, &o);
    if (serr != 0)
        return serr;
    apply_money(t, &o);
    put_wallet(t, w);
    return 0;
}

/* Count 0 opens without money, count 1 with the first purchase. On an opened account only the first
 * purchase of an account that was opened without money is still possible. */
static uint16_t open_account(struct terminal *t, struct bytes p, struct writer *w)
{
    struct terminal_books *b = &t->books;
    struct money_order o;
    if (!take_order(p, &o))
        return SERR_OTHER;
    if (!authentic(t))
        return SERR_AUTH;
    if (b->opened && memcmp(o.customer, b->customer, 6) != 0)
        return SERR_CUSTOMER;
    bool empty = o.count == 0 && o.amount_fen == 0;
    if (b->opened && empty && b->count == 0)
        return SERR_REPEAT;
    if (o.count > 1 || b->count > 1)
        return SERR_COUNT;
    uint16_t serr = empty && b->count == 0 ? 0 : check_money(t, &o);
    if (serr != 0)
        return serr;
    b->opened = true;
    memcpy(b->customer, o.customer, 6);
    t->books_dirty = true;
    if (!empty)
        apply_money(t, &o);
    put_wallet(t, w);
    return 0;
}

/* Back to a wallet that was never opened: count, records and sums are gone, the preset amount (not
 * limited by the hoard limit) is in it. The platform begins a new epoch. */
static uint16_t initialise(struct terminal *t, struct bytes p, struct writer *w)
{
    struct terminal_books *b = &t->books;
    struct reader r = reader_of(p.data, p.len);
    int64_t preset_fen = reader_u32le(&r);
    (void)reader_u32le(&r); /* MAC1 */
    uint32_t count = reader_u32le(&r);
    (void)w; /* the answer is the DI alone */
    if (p.len != INIT_PAYLOAD || preset_fen > TERMINAL_MONEY_MAX_FEN)
        return SERR_OTHER;
    if (!authentic(t))
        return SERR_AUTH;
    if (count != 0)
        return SERR_COUNT;
    b->count = 0;
    b->balance_fen = preset_fen;
    b->carry = 0;
    b->purchased_fen = 0;
    b->purchase_count = 0;
    memset(b->purchase, 0, sizeof b->purchase);
    memset(b->customer, 0, sizeof b->customer);
    b->opened = false;
    credit_paid(t);
    relay_settle(t);
    return 0;
}

static uint16_t query(struct terminal *t, struct bytes p, struct writer *w)
{
    int64_t fen = t->books.balance_fen;
    if (p.len != 0)
        return SERR_OTHER;
    if (!authentic(t))
        return SERR_AUTH;
    writer_u32le(w, fen > 0 ? (uint32_t)fen : 0);
    writer_u32le(w, 0); /* MAC */
    writer_u32le(w, t->books.count);
    writer_u32le(w, 0);
    writer_put(w, t->books.customer, 6);
    writer_u32le(w, 0); /* key state: test keys */
    return 0;
}

static uint16_t end_authentication(struct terminal *t, struct bytes p, struct writer *w)
{
    int64_t fen = t->books.balance_fen;
    if (p.len != 0)
        return SERR_OTHER;
    t->auth_until = (mono_ms){0};
    writer_put(w, t->books.customer, 6);
    writer_u32le(w, fen > 0 ? (uint32_t)fen : 0);
    writer_u32le(w, t->books.count);
    writer_u32le(w, 0);
    return 0;
}

static const struct {
    uint32_t di;
    uint16_t (*handle)(struct terminal *t, struct bytes payload, struct writer *w);
} rows[] = {
    {0x070000FF, authenticate}, {0x070002FF, end_authentication}, {0x070101FF, open_account},
    {0x070102FF, recharge},     {0x070103FF, initialise},         {0x078102FF, query},
};

uint16_t fee_request(struct terminal *t, uint32_t di, struct bytes payload, struct writer *w)
{
    if (!t->setup.wallet)
        return SERR_OTHER;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].di == di)
            return rows[i].handle(t, payload, w);
    return SERR_OTHER;
}
