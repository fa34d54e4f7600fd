#include "proto/dlt645_ask.h"

#include <string.h>

static void begin(struct dlt645_frame *f, const uint8_t address[6], enum dlt645_function function)
{
    memcpy(f->address, address, 6);
    f->control = (uint8_t)function;
    f->len = 0;
}

static void put(struct dlt645_frame *f, const void *data, size_t len)
{
    memcpy(f->data + f->len, data, len);
    f->len = (uint8_t)(f->len + len);
}

static void put_u32(struct dlt645_frame *f, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    put(f, b, 4);
}

static void put_rights(struct dlt645_frame *f, const struct dlt645_rights *r)
{
    put(f, &r->level, 1);
    put(f, r->password, 3);
    put(f, r->operator, 4);
}

/* --- time ------------------------------------------------------------------------------------- */

static uint8_t to_bcd(unsigned v)
{
    return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

struct dlt645_time dlt645_time_of(wall_s t, int32_t offset_s)
{
    struct civil c = civil_from_wall(t, offset_s);
    return (struct dlt645_time){{to_bcd(c.second), to_bcd(c.minute), to_bcd(c.hour), to_bcd(c.day),
                                 to_bcd(c.month), to_bcd((unsigned)c.year % 100)}};
}

struct dlt645_time dlt645_time_never(void)
{
    return (struct dlt645_time){{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}};
}

enum err dlt645_time_to_wall(const uint8_t bcd[6], int32_t offset_s, wall_s *t)
{
    struct reader r = reader_of(bcd, 6);
    struct civil c = {0};
    c.second = (uint8_t)reader_bcd_le(&r, 1);
    c.minute = (uint8_t)reader_bcd_le(&r, 1);
    c.hour = (uint8_t)reader_bcd_le(&r, 1);
    c.day = (uint8_t)reader_bcd_le(&r, 1);
    c.month = (uint8_t)reader_bcd_le(&r, 1);
    c.year = 2000 + (int32_t)reader_bcd_le(&r, 1);
    if (r.err != ERR_OK)
        return r.err;
    if (!civil_valid(c))
        return ERR_RANGE;
    *t = civil_to_wall(c, offset_s);
    return ERR_OK;
}

/* --- requests --------------------------------------------------------------------------------- */

void dlt645_ask_read(struct dlt645_frame *f, const uint8_t address[6], uint32_t id)
{
    begin(f, address, DLT645_READ);
    put_u32(f, id);
}

void dlt645_ask_read_blocks(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                            uint8_t blocks, const struct dlt645_time *from)
{
    dlt645_ask_read(f, address, id);
    put(f, &blocks, 1);
    if (from)
        put(f, from->bcd + 1, 5);
}

void dlt645_ask_more(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                     uint8_t sequence)
{
    begin(f, address, DLT645_READ_MORE);
    put_u32(f, id);
    put(f, &sequence, 1);
}

static const uint8_t any_meter[6] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
static const uint8_t every_meter[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};

void dlt645_ask_address(struct dlt645_frame *f)
{
    begin(f, any_meter, DLT645_READ_ADDRESS);
}

enum err dlt645_ask_write(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                          const struct dlt645_rights *rights, struct bytes data)
{
    if (data.len > DLT645_DATA_MAX - 12)
        return ERR_RANGE;
    begin(f, address, DLT645_WRITE);
    put_u32(f, id);
    put_rights(f, rights);
    if (data.len > 0)
        put(f, data.data, data.len);
    return ERR_OK;
}

void dlt645_ask_write_address(struct dlt645_frame *f, const uint8_t address[6])
{
    begin(f, any_meter, DLT645_WRITE_ADDRESS);
    put(f, address, 6);
}

void dlt645_ask_time(struct dlt645_frame *f, const struct dlt645_time *now, bool plain)
{
    begin(f, every_meter, DLT645_BROADCAST_TIME);
    for (size_t i = 0; i < 6; i++) {
        uint8_t b = (uint8_t)(now->bcd[i] - (plain ? 0x33 : 0));
        put(f, &b, 1);
    }
}

void dlt645_ask_freeze(struct dlt645_frame *f, const uint8_t address[6], const uint8_t when[4])
{
    begin(f, address, DLT645_FREEZE);
    put(f, when, 4);
}

enum err dlt645_ask_rate(struct dlt645_frame *f, const uint8_t address[6], int32_t baud)
{
    for (unsigned bit = 1; bit <= 6; bit++) {
        if (baud != 300 << bit)
            continue;
        uint8_t word = (uint8_t)(1U << bit);
        begin(f, address, DLT645_CHANGE_RATE);
        put(f, &word, 1);
        return ERR_OK;
    }
    return ERR_RANGE;
}

void dlt645_ask_password(struct dlt645_frame *f, const uint8_t address[6], uint8_t level,
                         const uint8_t old_password[4], const uint8_t new_password[4])
{
    begin(f, address, DLT645_CHANGE_PASSWORD);
    put_u32(f, 0x04000C01U + level);
    put(f, old_password, 4);
    put(f, new_password, 4);
}

void dlt645_ask_clear(struct dlt645_frame *f, const uint8_t address[6],
                      enum dlt645_function function, const struct dlt645_rights *rights,
                      uint32_t events)
{
    begin(f, address, function);
    put_rights(f, rights);
    if (function == DLT645_CLEAR_EVENTS)
        put_u32(f, events);
}

void dlt645_ask_control(struct dlt645_frame *f, const uint8_t address[6],
                        const struct dlt645_rights *rights, const uint8_t command[2],
                        const struct dlt645_time *expires)
{
    begin(f, address, DLT645_CONTROL);
    put_rights(f, rights);
    put(f, command, 2);
    put(f, expires->bcd, 6);
}

void dlt645_ask_output(struct dlt645_frame *f, const uint8_t address[6],
                       const struct dlt645_rights *rights, uint8_t output)
{
    begin(f, address, DLT645_OUTPUT);
    put_rights(f, rights);
    put(f, &output, 1);
}

/* --- security --------------------------------------------------------------------------------- */

static enum err sign(const struct dlt645_signer *s, const uint8_t address[6], struct bytes data,
                     uint8_t out[4])
{
    const struct crypto_provider *p = s && s->provider ? s->provider : &crypto_none;
    static const uint8_t no_random[4];
    uint8_t factor[8];
    crypto_factor(address, factor);
    return p->mac(s ? s->key : NULL, factor, s ? s->random2 : no_random, data, out);
}

/* Signs what the frame holds from `from` on and appends the signature. */
static enum err put_mac(struct dlt645_frame *f, size_t from, const struct dlt645_signer *s)
{
    uint8_t mac[4];
    TRY(sign(s, f->address, (struct bytes){f->data + from, f->len - from}, mac));
    put(f, mac, 4);
    return ERR_OK;
}

static void begin_security(struct dlt645_frame *f, const uint8_t address[6], uint32_t id)
{
    begin(f, address, DLT645_SECURITY);
    put_u32(f, id);
    put_u32(f, 0); /* operator */
}

enum err dlt645_ask_control_sealed(struct dlt645_frame *f, const uint8_t address[6],
                                   const struct dlt645_signer *s, const uint8_t command[2],
                                   const struct dlt645_time *expires)
{
    const struct crypto_provider *p = s && s->provider ? s->provider : &crypto_none;
    uint8_t factor[8], plain[16] = {command[0], command[1]};
    for (size_t i = 0; i < 6; i++) /* YY MM DD hh mm ss inside */
        plain[2 + i] = expires->bcd[5 - i];
    crypto_factor(address, factor);
    TRY(p->wrap(s ? s->key : NULL, factor, plain, sizeof plain));
    begin(f, address, DLT645_CONTROL);
    put_rights(f, &(struct dlt645_rights){.level = 0x98});
    put(f, plain, sizeof plain);
    return put_mac(f, 8, s);
}

enum err dlt645_ask_authenticate(struct dlt645_frame *f, const uint8_t address[6],
                                 const struct dlt645_signer *s, const uint8_t random1[8])
{
    const struct crypto_provider *p = s && s->provider ? s->provider : &crypto_none;
    uint8_t factor[8], cipher1[8];
    crypto_factor(address, factor);
    TRY(p->auth(s ? s->key : NULL, factor, random1, cipher1));
    begin_security(f, address, DLT645_AUTHENTICATE);
    put(f, cipher1, 8);
    put(f, random1, 8);
    put(f, factor, 8);
    return ERR_OK;
}

enum err dlt645_ask_credit(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                           const struct dlt645_credit *credit, const struct dlt645_signer *s)
{
    if (id != DLT645_OPEN_ACCOUNT && id != DLT645_RECHARGE)
        return ERR_RANGE;
    begin_security(f, address, id);
    put_u32(f, credit->amount_fen);
    put_u32(f, credit->count);
    TRY(put_mac(f, 8, s));
    size_t customer_at = f->len;
    put(f, credit->customer, 6);
    return put_mac(f, customer_at, s);
}

enum err dlt645_ask_credit_order(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                                 uint32_t amount_fen, const uint8_t order[8])
{
    if (id != DLT645_RECHARGE && id != DLT645_REFUND)
        return ERR_RANGE;
    begin_security(f, address, id);
    put_u32(f, amount_fen);
    put(f, order, 8);
    put_u32(f, 0);
    put(f, address, 6);
    put_u32(f, 0);
    return ERR_OK;
}

enum err dlt645_ask_wallet_init(struct dlt645_frame *f, const uint8_t address[6],
                                uint32_t preset_fen, const struct dlt645_signer *s)
{
    begin_security(f, address, DLT645_WALLET_INIT);
    put_u32(f, preset_fen);
    TRY(put_mac(f, 8, s));
    size_t count_at = f->len;
    put_u32(f, 0);
    return put_mac(f, count_at, s);
}

void dlt645_ask_status(struct dlt645_frame *f, const uint8_t address[6])
{
    begin_security(f, address, DLT645_STATUS_QUERY);
}

/* --- the meter's side ---------------------------------------------------------------------------
 */

enum err dlt645_answer(struct dlt645_frame *f, const struct dlt645_frame *request,
                       const uint8_t own_address[6], struct bytes data)
{
    if (data.len > DLT645_DATA_MAX)
        return ERR_RANGE;
    begin(f, own_address, request->control & 0x1F);
    f->control |= DLT645_ANSWER;
    if (data.len > 0)
        put(f, data.data, data.len);
    return ERR_OK;
}

void dlt645_refuse(struct dlt645_frame *f, const struct dlt645_frame *request,
                   const uint8_t own_address[6], uint16_t bits, bool two_bytes)
{
    uint8_t b[2] = {(uint8_t)bits, (uint8_t)(bits >> 8)};
    begin(f, own_address, request->control & 0x1F);
    f->control |= DLT645_ANSWER | DLT645_ABNORMAL;
    put(f, b, two_bytes ? 2 : 1);
}

bool dlt645_addressed(const uint8_t wanted[6], const uint8_t own_address[6])
{
    if (memcmp(wanted, every_meter, 6) == 0)
        return true;
    size_t low = 6;
    while (low > 0 && wanted[low - 1] == 0xAA)
        low--;
    return memcmp(wanted, own_address, low) == 0;
}
