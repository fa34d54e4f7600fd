/*
 * Fee control, control code 03, in the ESAM-less form: signatures are present, and looked at only
 * if the meter is set to need authentication; then the software provider of proto/crypto.h stands
 * in the place of the security module. The order of the checks is the one of the ESAM firmwares
 * (protocols.md 1.6): authentication, account, customer number, MAC2, count, hoard limit,
 * suspension, MAC1; then money, count and purchase record change as one.
 */
#include <string.h>

#include "proto/crypto.h"
#include "terminal/terminal_impl.h"

#define MONEY_PAYLOAD 22 /* amount 4, count 4, MAC1 4, customer 6, MAC2 4 */
#define INIT_PAYLOAD 16  /* amount 4, MAC1 4, count 4, MAC2 4 */
#define AUTH_PAYLOAD 24  /* cipher1 8, random1 8, dispersion factor 8 */
#define AUTH_MS 300'000
#define AUTH_FAILURES_MAX 200

struct money_order {
    int64_t amount_fen;
    uint32_t count;
    struct bytes signed1; /* amount and count */
    const uint8_t *mac1, *customer, *mac2;
};

static bool authentic(const struct terminal *t)
{
    return !t->config.need_auth || t->now.ms < t->auth_until.ms;
}

static void count_failure(struct terminal *t)
{
    if (t->auth_failures < AUTH_FAILURES_MAX)
        t->auth_failures++;
}

static bool suspended(const struct terminal *t)
{
    return t->auth_failures >= AUTH_FAILURES_MAX;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t differ = 0; /* in the same time wherever they differ */
    for (size_t i = 0; i < len; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

/* Is this the signature of `data` in the running authentication? */
static bool signed_right(struct terminal *t, struct bytes data, const uint8_t mac[4])
{
    uint8_t factor[8], right[4];
    if (!t->config.need_auth)
        return true;
    crypto_factor(t->config.number, factor);
    enum err e = crypto_soft.mac(t->config.auth_key, factor, t->auth_random2, data, right);
    if (e == ERR_OK && same(mac, right, 4))
        return true;
    count_failure(t);
    return false;
}

static uint16_t authenticate(struct terminal *t, struct bytes p, struct writer *w)
{
    uint8_t factor[8], right[8], session[8];
    if (p.len != AUTH_PAYLOAD)
        return SERR_OTHER;
    crypto_factor(t->config.number, factor);
    enum err e = crypto_soft.auth(t->config.auth_key, factor, p.data + 8, right);
    if (e != ERR_OK || !same(p.data + 16, factor, 8) || !same(p.data, right, 8)) {
        count_failure(t);
        return SERR_AUTH;
    }
    if (suspended(t))
        return SERR_SUSPENDED;
    t->auth_until = mono_after(t->now, AUTH_MS);
    /* Never the same twice: starts are counted in nvram, sessions in between. */
    struct writer s = writer_of(session, sizeof session);
    writer_u32le(&s, t->books.power_downs);
    writer_u32le(&s, ++t->auth_session);
    e = crypto_soft.mac(t->config.auth_key, factor, session, (struct bytes){session, 8},
                        t->auth_random2);
    writer_put(w, t->auth_random2, 4);
    writer_put(w, factor, 8); /* in the place of the security module's serial number */
    return e == ERR_OK ? 0 : SERR_OTHER;
}

static bool take_order(struct bytes p, struct money_order *o)
{
    struct reader r = reader_of(p.data, p.len);
    o->signed1 = (struct bytes){p.data, 8};
    o->amount_fen = reader_u32le(&r);
    o->count = reader_u32le(&r);
    o->mac1 = reader_take(&r, 4).data;
    o->customer = reader_take(&r, 6).data;
    o->mac2 = reader_take(&r, 4).data;
    struct reader digits = reader_of(o->customer, o->customer == NULL ? 0 : 6);
    (void)reader_bcd_le(&digits, 6); /* only whether they are digits */
    return p.len == MONEY_PAYLOAD && digits.err == ERR_OK;
}

static uint16_t check_money(struct terminal *t, const struct money_order *o)
{
    const struct terminal_books *b = &t->books;
    if (o->count == b->count && b->count > 0)
        return SERR_REPEAT;
    if (o->count != b->count + 1)
        return SERR_COUNT;
    if (o->amount_fen == 0)
        return SERR_OTHER;
    int64_t limit = t->config.hoard_fen > 0 ? t->config.hoard_fen : TERMINAL_MONEY_MAX_FEN;
    /* An amount that pays off a debt as well must still fit into its own record. */
    if (b->balance_fen + o->amount_fen > limit || o->amount_fen > TERMINAL_MONEY_MAX_FEN)
        return SERR_HOARD;
    if (suspended(t))
        return SERR_SUSPENDED;
    return signed_right(t, o->signed1, o->mac1) ? 0 : SERR_ESAM;
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
    if (!signed_right(t, (struct bytes){o.customer, 6}, o.mac2))
        return SERR_ESAM;
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
    if (!signed_right(t, (struct bytes){o.customer, 6}, o.mac2))
        return SERR_ESAM;
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
    const uint8_t *mac1 = reader_take(&r, 4).data;
    uint32_t count = reader_u32le(&r);
    const uint8_t *mac2 = reader_take(&r, 4).data;
    (void)w; /* the answer is the DI alone */
    if (p.len != INIT_PAYLOAD || preset_fen > TERMINAL_MONEY_MAX_FEN)
        return SERR_OTHER;
    if (!authentic(t))
        return SERR_AUTH;
    if (count != 0)
        return SERR_COUNT;
    if (!signed_right(t, (struct bytes){p.data, 4}, mac1) ||
        !signed_right(t, (struct bytes){p.data + 8, 4}, mac2))
        return SERR_ESAM;
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
