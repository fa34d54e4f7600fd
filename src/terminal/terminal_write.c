/* What can be written with the level 02 password. A value is checked whole before it is taken:
 * a refused write changes nothing. */
#include <string.h>

#include "terminal/terminal_impl.h"

#define DATE_BYTES 4
#define TIME_BYTES 3
#define MONEY_BYTES 4
#define PERIOD_BYTES 3
#define ZONE_BYTES 3

static bool take_bcd(struct bytes data, size_t len, uint64_t *v)
{
    struct reader r = reader_of(data.data, data.len);
    *v = reader_bcd_le(&r, len);
    return r.err == ERR_OK && data.len == len;
}

static void take_time(struct reader *r, struct civil *c)
{
    c->second = (uint8_t)reader_bcd_le(r, 1);
    c->minute = (uint8_t)reader_bcd_le(r, 1);
    c->hour = (uint8_t)reader_bcd_le(r, 1);
}

/* The weekday follows from the date; the one sent is not believed. */
static void take_date(struct reader *r, struct civil *c)
{
    (void)reader_u8(r);
    c->day = (uint8_t)reader_bcd_le(r, 1);
    c->month = (uint8_t)reader_bcd_le(r, 1);
    c->year = 2000 + (int32_t)reader_bcd_le(r, 1);
}

static uint8_t write_clock(struct terminal *t, uint32_t di, struct bytes data)
{
    struct reader r = reader_of(data.data, data.len);
    struct civil c = terminal_local_time(t);
    if ((di & 0xFF) != 0x01)
        take_time(&r, &c);
    if ((di & 0xFF) != 0x02)
        take_date(&r, &c);
    if (r.err != ERR_OK || reader_left(&r) != 0 || !clock_set(t, c))
        return SLAVE_OTHER;
    return SLAVE_OK;
}

static uint8_t write_customer(struct terminal *t, uint32_t di, struct bytes data)
{
    (void)di;
    uint64_t number;
    if (!t->setup.wallet)
        return SLAVE_NO_DATA;
    if (!take_bcd(data, sizeof t->books.customer, &number))
        return SLAVE_OTHER;
    memcpy(t->books.customer, data.data, sizeof t->books.customer);
    return SLAVE_OK;
}

static uint8_t write_limit(struct terminal *t, uint32_t di, struct bytes data)
{
    struct terminal_config *c = &t->config;
    int64_t *const limits[] = {&c->alarm1_fen, &c->alarm2_fen, &c->overdraft_fen, &c->hoard_fen,
                               &c->close_allowed_fen};
    uint64_t fen;
    if (!t->setup.wallet)
        return SLAVE_NO_DATA;
    if (!take_bcd(data, MONEY_BYTES, &fen))
        return SLAVE_OTHER;
    *limits[(di & 0xFF) - 1] = (int64_t)fen;
    return SLAVE_OK;
}

static uint8_t write_price(struct terminal *t, uint32_t di, struct bytes data)
{
    uint64_t price;
    if (!take_bcd(data, 4, &price))
        return SLAVE_OTHER;
    t->config.price_e4[(di & 0xFF) - 1] = (uint32_t)price;
    return SLAVE_OK;
}

static uint8_t write_prices(struct terminal *t, uint32_t di, struct bytes data)
{
    (void)di;
    struct reader r = reader_of(data.data, data.len);
    uint32_t price[TERMINAL_RATES];
    for (unsigned i = 0; i < TERMINAL_RATES; i++)
        price[i] = (uint32_t)reader_bcd_le(&r, 4);
    if (r.err != ERR_OK || reader_left(&r) != 0)
        return SLAVE_OTHER;
    memcpy(t->config.price_e4, price, sizeof price);
    return SLAVE_OK;
}

static bool period_valid(const struct terminal_period *p, const struct terminal_period *before)
{
    if (p->hour > 23 || p->minute > 59 || p->rate < 1 || p->rate > TERMINAL_RATES)
        return false;
    return before == NULL || p->hour * 60 + p->minute > before->hour * 60 + before->minute;
}

/* Ascending times. Vendors fill the rest of a table with repetitions of its last entry. */
static uint8_t write_day_table(struct terminal *t, uint32_t di, struct bytes data)
{
    struct reader r = reader_of(data.data, data.len);
    struct terminal_period periods[TERMINAL_PERIODS] = {0};
    uint8_t count = 0;
    if (data.len % PERIOD_BYTES != 0 || data.len > PERIOD_BYTES * TERMINAL_PERIODS)
        return SLAVE_OTHER;
    while (reader_left(&r) > 0) {
        struct terminal_period p = {0};
        p.rate = (uint8_t)reader_bcd_le(&r, 1);
        p.minute = (uint8_t)reader_bcd_le(&r, 1);
        p.hour = (uint8_t)reader_bcd_le(&r, 1);
        const struct terminal_period *before = count > 0 ? &periods[count - 1] : NULL;
        if (r.err == ERR_OK && before != NULL && memcmp(&p, before, sizeof p) == 0)
            continue;
        if (r.err != ERR_OK || !period_valid(&p, before))
            return SLAVE_OTHER;
        periods[count++] = p;
    }
    bool second = (di & 0xFF) == 2;
    memcpy(second ? t->config.second : t->config.periods, periods, sizeof periods);
    *(second ? &t->config.second_count : &t->config.period_count) = count;
    return SLAVE_OK;
}

static bool zone_valid(const struct terminal_zone *z, const struct terminal_zone *before)
{
    struct civil c = {.year = 2000, .month = z->month, .day = z->day}; /* a leap year */
    if (!civil_valid(c) || z->table < 1 || z->table > TERMINAL_DAY_TABLES)
        return false;
    return before == NULL || z->month * 100 + z->day > before->month * 100 + before->day;
}

/* Ascending days of the year, each with the day table that holds from then on. */
static uint8_t write_zones(struct terminal *t, uint32_t di, struct bytes data)
{
    (void)di;
    struct reader r = reader_of(data.data, data.len);
    struct terminal_zone zones[TERMINAL_ZONES] = {0};
    uint8_t count = 0;
    if (data.len % ZONE_BYTES != 0 || data.len > ZONE_BYTES * TERMINAL_ZONES)
        return SLAVE_OTHER;
    while (reader_left(&r) > 0) {
        struct terminal_zone z = {0};
        z.table = (uint8_t)reader_bcd_le(&r, 1);
        z.day = (uint8_t)reader_bcd_le(&r, 1);
        z.month = (uint8_t)reader_bcd_le(&r, 1);
        const struct terminal_zone *before = count > 0 ? &zones[count - 1] : NULL;
        if (r.err == ERR_OK && before != NULL && memcmp(&z, before, sizeof z) == 0)
            continue;
        if (r.err != ERR_OK || !zone_valid(&z, before))
            return SLAVE_OTHER;
        zones[count++] = z;
    }
    memcpy(t->config.zones, zones, sizeof zones);
    t->config.zone_count = count;
    return SLAVE_OK;
}

/* Amount, and whether what is left of it is carried over. The first amount is given at once. */
static uint8_t write_free(struct terminal *t, uint32_t di, struct bytes data)
{
    (void)di;
    struct reader r = reader_of(data.data, data.len);
    int64_t fen = (int64_t)reader_bcd_le(&r, MONEY_BYTES);
    uint8_t kept = reader_u8(&r);
    if (!t->setup.wallet)
        return SLAVE_NO_DATA;
    if (r.err != ERR_OK || reader_left(&r) != 0 || kept > 1)
        return SLAVE_OTHER;
    t->config.free_fen = fen;
    t->config.free_kept = kept != 0;
    credit_month(t);
    return SLAVE_OK;
}

static uint8_t write_private(struct terminal *t, uint32_t di, struct bytes data)
{
    struct terminal_config *c = &t->config;
    uint64_t v;
    bool two = (di & 0xFF) == 2 || (di & 0xFF) == 9;
    if (!take_bcd(data, two ? 2 : 1, &v))
        return SLAVE_OTHER;
    bool flag = v <= 1;
    switch (di & 0xFF) {
    case 1:
        if (v > TERMINAL_PRETRIP_STAY)
            return SLAVE_OTHER;
        c->pretrip = (uint8_t)v;
        return SLAVE_OK;
    case 2:
        c->pretrip_wait_s = (uint16_t)v;
        return SLAVE_OK;
    case 3:
        c->close_by_key = flag ? v != 0 : c->close_by_key;
        return flag ? SLAVE_OK : SLAVE_OTHER;
    case 9: /* 68H begins the frames of the other language */
        if (v > 247 || v == 0x68)
            return SLAVE_OTHER;
        c->modbus_unit = (uint8_t)v;
        return SLAVE_OK;
    case 6:
        c->alarm4 = flag ? v != 0 : c->alarm4;
        return flag ? SLAVE_OK : SLAVE_OTHER;
    default:
        c->need_auth = flag ? v != 0 : c->need_auth;
        return flag ? SLAVE_OK : SLAVE_OTHER;
    }
}

static const struct {
    uint32_t first, last;
    uint8_t (*write)(struct terminal *t, uint32_t di, struct bytes data);
    bool configures; /* false: it stands in the books, which every programming saves */
} rows[] = {
    {0x04000101, 0x04000102, write_clock, false},    {0x0400010C, 0x0400010C, write_clock, false},
    {0x0400040E, 0x0400040E, write_customer, false}, {0x04001001, 0x04001005, write_limit, true},
    {0x04010001, 0x04010002, write_day_table, true}, {0x04050101, 0x04050104, write_price, true},
    {0x040501FF, 0x040501FF, write_prices, true},    {0x04800301, 0x04800304, write_private, true},
    {0x04802000, 0x048027FF, guard_write, false},    {0x04010000, 0x04010000, write_zones, true},
    {0x04800306, 0x04800306, write_private, true},   {0x04800307, 0x04800307, write_free, true},
    {0x04800309, 0x04800309, write_private, true},
};

uint8_t slave_write(struct terminal *t, uint32_t di, struct bytes data)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (di >= rows[i].first && di <= rows[i].last) {
            uint8_t err = rows[i].write(t, di, data);
            if (err == SLAVE_OK && rows[i].configures)
                t->config_dirty = true;
            if (err == SLAVE_OK)
                hours_changed(t);
            return err;
        }
    return SLAVE_NO_DATA;
}
