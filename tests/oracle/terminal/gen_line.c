/* Frames, with a liking for those that mean something. */
#include <stdlib.h>
#include <string.h>

#include "gen_impl.h"

static void put(struct op *op, uint64_t v, int len)
{
    for (int i = 0; i < len; i++)
        op->data[op->len++] = (uint8_t)(v >> 8 * i);
}

static void put_bcd(struct op *op, int64_t v, int len)
{
    m_put_bcd(op->data + op->len, v < 0 ? 0 : (uint64_t)v, len);
    op->len += len;
}

static void put_date(struct op *op, const struct m_date *t)
{
    const int v[] = {t->second, t->minute, t->hour, t->day, t->month, (t->year + 1900) % 100};
    for (int i = 0; i < 6; i++)
        put_bcd(op, v[i], 1);
}

static void begin_frame(struct op *op, int control)
{
    op->kind = OP_frame;
    op->a = control;
    op->len = 0;
}

static void begin_write(struct dice *d, const struct pair *p, struct op *op, uint32_t di)
{
    begin_frame(op, 0x14);
    put(op, di, 4);
    put(op, one_in(d, 60) ? 4 : 2, 1);
    for (int i = 0; i < 3; i++)
        put(op, p->m.config.password[0][i] + one_in(d, 150), 1);
    put(op, (uint64_t)dice(d, 0, 9), 4);
}

/* An identifier with the two last bytes drawn, each from 0 to so much. */
static uint32_t two_bytes(struct dice *d, uint32_t di, int upper, int lower)
{
    di += (uint32_t)dice(d, 0, upper) << 8;
    return di + (uint32_t)dice(d, 0, lower);
}

/* Overwrites one of the last bytes. */
static void spoil(struct dice *d, struct op *op, int last, int most)
{
    int back = (int)dice(d, 1, last);
    op->data[op->len - back] = (uint8_t)dice(d, 0, most);
}

/* Between the usual ends, and one in `odds` times for either end the odd one. */
static int64_t mostly(struct dice *d, int odds, const int64_t usual[2], const int64_t odd[2])
{
    int64_t low = one_in(d, odds) ? odd[0] : usual[0];
    int64_t high = one_in(d, odds) ? odd[1] : usual[1];
    return dice(d, low, high);
}

static void read_something(struct dice *d, struct op *op)
{
    static const uint32_t list[] = {
        0x00010000, 0x00010100, 0x0001FF00, 0x0000FF00, 0x00010500, 0x00020000, 0x0002FF00,
        0x00900200, 0x00900201, 0x00900202, 0x02010100, 0x02010200, 0x0201FF00, 0x02020100,
        0x0202FF00, 0x02030000, 0x02030100, 0x0203FF00, 0x02800002, 0x02800020, 0x02800021,
        0x03110000, 0x03300000, 0x03300400, 0x03300D00, 0x03300E00, 0x04000101, 0x04000102,
        0x0400010C, 0x04000202, 0x04000203, 0x04000204, 0x04000401, 0x04000402, 0x0400040E,
        0x04000501, 0x04000502, 0x04000503, 0x04000507, 0x040005FF, 0x04001001, 0x04001002,
        0x04001003, 0x04001004, 0x04001005, 0x04001006, 0x04010001, 0x04050101, 0x04050104,
        0x040501FF, 0x1D000001, 0x1E000001, 0x048001FF, 0x048002FF, 0x04800301, 0x04800302,
        0x04800303, 0x04800304, 0x04800305, 0x04802700, 0x04800306, 0x04800307, 0x04800308,
        0x04800309, 0x04010000, 0x04010002, 0x02040000, 0x02050000, 0x02060100, 0x0204FF00,
        0x0205FF00, 0x0206FF00, 0x02060200, 0x02050300, 0x048010FF, 0x048010FF, 0x04000201,
        0x048001FF, 0x048002FF, 0x99999999,
    };
    static const uint32_t blocks[] = {0x00010000, 0x0001FF00, 0x05060000, 0x05060100,
                                      0x04803000, 0x04803100, 0x04804000, 0x04800300};
    begin_frame(op, 0x11);
    uint32_t di = PICK(d, list);
    if (one_in(d, 3))
        di = two_bytes(d, 0x04802001, 8, 2);
    else if (one_in(d, 6))
        di = two_bytes(d, 0x03330100, 5, 11);
    else if (one_in(d, 6))
        di = two_bytes(d, one_in(d, 2) ? 0x1D000100 : 0x04801000, 0, 31);
    else if (one_in(d, 6))
        di = two_bytes(d, PICK(d, blocks), 0, 14);
    else if (one_in(d, 8))
        di = 0x1E000100 + (uint32_t)dice(d, 0, 11);
    if (one_in(d, 25)) { /* a neighbour, which may not be there */
        uint32_t change = (uint32_t)dice(d, 1, one_in(d, 2) ? 15 : 255);
        di ^= change << 8 * dice(d, 0, 3);
    }
    put(op, di, one_in(d, 200) ? 3 : 4);
}

static void order(struct dice *d, const struct pair *p, struct op *op)
{
    static const uint8_t n1[] = {0x1A, 0x1A, 0x1A, 0x1B, 0x1B, 0x1C, 0x1C, 0x1C, 0x1D, 0x1D,
                                 0x1E, 0x1E, 0x2A, 0x2B, 0x3A, 0x3B, 0x3B, 0x3B, 0x1F};
    begin_frame(op, 0x1C);
    put(op, one_in(d, 60) ? 4 : 2, 1);
    for (int i = 0; i < 3; i++)
        put(op, p->m.config.password[0][i] + one_in(d, 150), 1);
    put(op, (uint64_t)dice(d, 1, 0x7FFFFFF), 4);
    put(op, PICK(d, n1), 1);
    put(op, (uint64_t)(one_in(d, 20) ? dice(d, 0, 255) : dice(d, 0, 3)), 1);
    if (one_in(d, 2)) {
        put(op, 0x999999999999, 6);
    } else {
        struct m_date now = model_local(&p->m);
        struct m_date t = m_date_of(m_seconds(&now) + dice_product(d, -2, 3, 0, 2000));
        put_date(op, &t);
        if (one_in(d, 30))
            spoil(d, op, 6, 255);
    }
    if (one_in(d, 100))
        op->len -= (int)dice(d, 1, 3);
}

static int64_t amount(struct dice *d, const struct model *m)
{
    int64_t balance = model_balance(m);
    const int64_t wanted[] = {m->config.limit[0], m->config.limit[1], 0,
                              m->config.limit[3], m->config.limit[4], TERMINAL_MONEY_MAX_FEN};
    int64_t v = dice(d, 0, 4000);
    if (one_in(d, 2)) {
        v = PICK(d, wanted) - balance;
        v += dice(d, -1, 1);
    }
    if (v > 3000000 && !one_in(d, 20))
        v = dice(d, 1, 3000);
    return v < 0 ? dice(d, 0, 200) : v;
}

static void customer(struct dice *d, const struct model *m, struct op *op)
{
    static const uint8_t usual[6] = {0x56, 0x34, 0x12};
    memcpy(op->data + op->len, m->books.opened ? m->books.customer : usual, 6);
    if (one_in(d, 30)) {
        int at = op->len + (int)dice(d, 0, 5);
        op->data[at] ^= (uint8_t)(one_in(d, 2) ? 1 : 0xA0);
    }
    op->len += 6;
}

static void sale(struct dice *d, const struct pair *p, struct op *op)
{
    static const int off[] = {1, 1, 1, 1, 1, 1, 0, 2, -1, 255};
    const struct model *m = &p->m;
    bool opening = m->books.opened ? one_in(d, 12) : !one_in(d, 6);
    begin_frame(op, 3);
    put(op, opening ? 0x070101FF : 0x070102FF, 4);
    put(op, 0, 4);
    bool nothing = one_in(d, m->books.opened ? 25 : 3);
    put(op, nothing ? 0 : (uint64_t)amount(d, m), 4);
    put(op, nothing ? 0 : m->books.count + (uint32_t)PICK(d, off), 4);
    put(op, one_in(d, 20), 4);
    customer(d, m, op);
    put(op, one_in(d, 20), 4);
    op->c = one_in(d, 40) ? SHAPE_UNSIGNED : SHAPE_PLAIN;
    if (one_in(d, 60))
        op->len += (int)dice(d, -2, 2);
}

static void authentication(struct dice *d, struct op *op)
{
    bool end = one_in(d, 4);
    put(op, end ? 0x070002FF : 0x070000FF, 4);
    put(op, 0, 4);
    if (end)
        return;
    put(op, one_in(d, 4), 8);
    put(op, dice_next(d), 8);
    put(op, 0, 8);
}

static void initialise(struct dice *d, struct op *op)
{
    begin_frame(op, 3);
    if (one_in(d, 3)) {
        authentication(d, op);
        return;
    }
    if (one_in(d, 2)) {
        put(op, 0x078102FF, 4);
        put(op, 0, 4);
        return;
    }
    put(op, 0x070103FF, 4);
    put(op, 0, 4);
    put(op, (uint64_t)(one_in(d, 20) ? 100000000 - dice(d, 0, 1) : dice(d, 0, 3000)), 4);
    put(op, one_in(d, 20), 4);
    put(op, one_in(d, 4), 4);
    put(op, one_in(d, 20), 4);
}

static void zones(struct dice *d, const struct pair *p, struct op *op)
{
    int n = (int)dice(d, 1, one_in(d, 8) ? 14 : 3), at = (int)dice(d, 0, 200);
    struct m_date now = model_local(&p->m);
    if (one_in(d, 2)) /* from today, yesterday or tomorrow on */
        at = (now.month - 1) * 61 / 2 + now.day - 1 + (int)dice(d, -1, 1);
    at = at < 0 ? 0 : at;
    begin_write(d, p, op, 0x04010000);
    for (int i = 0; i < n && at < 366; i++) {
        struct m_date t = m_date_of(946684800 + at * INT64_C(86400)); /* of a leap year */
        put_bcd(op, mostly(d, 50, (int64_t[]){1, 2}, (int64_t[]){0, 3}), 1);
        put_bcd(op, t.day, 1);
        put_bcd(op, t.month, 1);
        at += (int)dice(d, one_in(d, 30) ? 0 : 1, 366 / n);
    }
}

static const int units[] = {0, 1, 1, 5, 17, 103, 104, 105, 247, 248};

static void write_limits(struct dice *d, const struct pair *p, struct op *op)
{
    const struct m_config *g = &p->m.config;
    switch (dice(d, 0, 13)) {
    case 10:
    case 11:
        begin_write(d, p, op, 0x04800307);
        put_bcd(op, one_in(d, 20) ? 99999999 : dice_product(d, 0, 2, 0, 1500), 4);
        put(op, (uint64_t)dice(d, 0, one_in(d, 30) ? 2 : 1), 1);
        break;
    case 12:
        begin_write(d, p, op, one_in(d, 3) ? 0x04800309 : 0x04800306);
        if (op->data[0] == 9)
            put_bcd(op, PICK(d, units), 2);
        else
            put_bcd(op, dice(d, 0, 1), 1);
        break;
    case 13:
        zones(d, p, op);
        break;
    case 0:
    case 1:
    case 2:
    case 3: {
        int n = (int)dice(d, 1, 5);
        int64_t balance = p->m.setup.wallet ? model_balance(&p->m) : 0;
        int64_t v = one_in(d, 3) ? llabs(balance) + dice(d, -1, 1) : dice(d, 0, 30) * 100;
        begin_write(d, p, op, 0x04001000 + (uint32_t)n);
        put_bcd(op, n == 3 && v > 5000 ? 500 : v, 4);
        break;
    }
    case 4:
        begin_write(d, p, op, 0x04800301);
        put_bcd(op, dice(d, 0, one_in(d, 20) ? 4 : 2), 1);
        break;
    case 5:
        begin_write(d, p, op, 0x04800302);
        put_bcd(op, dice_product(d, 0, 10, 0, 200), 2);
        break;
    case 6:
        begin_write(d, p, op, 0x04800303 + (uint32_t)(g->auth || one_in(d, 10)));
        put_bcd(op, g->auth && one_in(d, 2) ? 0 : dice(d, 0, one_in(d, 20) ? 2 : 1), 1);
        break;
    case 7:
        if (one_in(d, 4)) {
            begin_write(d, p, op, 0x040501FF);
            for (int i = 0; i < 4; i++)
                put_bcd(op, dice(d, 0, 9999), 4);
            break;
        }
        begin_write(d, p, op, 0x04050100 + (uint32_t)dice(d, 1, one_in(d, 20) ? 5 : 4));
        put_bcd(op, one_in(d, 20) ? 99999999 : dice_product(d, 0, 3, 0, 9999), 4);
        break;
    case 8:
        begin_write(d, p, op, 0x0400040E);
        put_bcd(op, dice(d, 0, 3), 6);
        break;
    default: {
        int n = (int)dice(d, 1, 14), at = one_in(d, 2) ? 0 : (int)dice(d, 0, 1300);
        begin_write(d, p, op, 0x04010001 + (uint32_t)one_in(d, 2));
        for (int i = 0; i < n; i++) {
            put_bcd(op, mostly(d, 50, (int64_t[]){1, 4}, (int64_t[]){0, 5}), 1);
            put_bcd(op, at % 60, 1);
            put_bcd(op, at / 60, 1);
            at += (int)dice(d, one_in(d, 40) ? 0 : 1, 1440 / n);
            at = at > 1439 ? 1439 : at;
        }
    }
    }
    if (one_in(d, 60))
        op->data[op->len - 1] = (uint8_t)dice(d, 0, 255);
    if (one_in(d, 80))
        op->len -= 1;
}

static void write_clock(struct dice *d, const struct pair *p, struct op *op)
{
    struct m_date now = model_local(&p->m);
    int64_t t = m_seconds(&now);
    int64_t midnight = t - ((t % 86400) + 86400) % 86400;
    switch (dice(d, 0, 4)) {
    case 4: /* near the end of a month, or months away */
        t = midnight + (32 - now.day) * INT64_C(86400) - dice(d, 0, 90);
        if (one_in(d, 3) && now.year < 2030)
            t += dice(d, -1, 14) * 30 * 86400;
        break;
    case 0:
        t = midnight + 86400 - dice(d, 0, 90);
        break;
    case 1: /* near the edge of a period or of hours */
        t = midnight + dice(d, 0, 47) * 1800;
        t -= dice(d, -5, 65);
        break;
    case 2:
        t += dice(d, -4, 4) * 86400;
        break;
    default:
        t += dice(d, -400, 400);
    }
    struct m_date to = m_date_of(t);
    if (one_in(d, 3)) {
        begin_frame(op, 8);
        op->b = 3;
        put_date(op, &to);
        return;
    }
    int which = (int)dice(d, 0, 3);
    begin_write(d, p, op, which == 0 ? 0x04000101 : which == 1 ? 0x04000102 : 0x0400010C);
    if (which != 0)
        for (int i = 0; i < 3; i++)
            put_bcd(op, i == 0 ? to.second : i == 1 ? to.minute : to.hour, 1);
    if (which != 1) {
        put_bcd(op, to.weekday, 1);
        put_bcd(op, to.day, 1);
        put_bcd(op, to.month, 1);
        put_bcd(op, to.year - 2000, 1);
    }
    if (one_in(d, 30))
        spoil(d, op, 3, 255);
}

static void write_rules(struct dice *d, const struct pair *p, struct op *op, uint32_t c)
{
    static const int watts[] = {0, 0, 0, 299, 300, 500, 999, 1000, 2000, 3300};
    static const int ma[] = {0, 0, 0, 1363, 1364, 5000, 10000, 15000};
    begin_write(d, p, op, 0x04802400 + c);
    put(op, (uint64_t)(one_in(d, 40) ? 8 : one_in(d, 2) ? dice(d, 0, 7) : dice(d, 0, 3)), 1);
    put(op, (uint64_t)PICK(d, watts), 2);
    put(op, (uint64_t)(one_in(d, 40) ? 15001 : PICK(d, ma)), 2);
    put(op, (uint64_t)PICK(d, watts), 2);
    put(op, (uint64_t)PICK(d, ma), 2);
    put(op, (uint64_t)dice(d, 0, 5), 1);
    put(op, (uint64_t)dice(d, 0, 3), 1);
    put(op, (uint64_t)dice(d, 1, 5) * 20, 2);
    put(op, (uint64_t)(one_in(d, 30) ? dice(d, 28, 31) : one_in(d, 2) ? 150 : 400), 2);
    put(op, (uint64_t)(one_in(d, 30) ? dice(d, 0, 3) : dice(d, 5, 20)), 2);
    put(op, (uint64_t)dice(d, 1, 6), 1);
}

static void write_hours(struct dice *d, const struct pair *p, struct op *op, uint32_t di)
{
    int n = (int)dice(d, 1, 8), at = (int)dice(d, 0, 300);
    begin_write(d, p, op, di);
    for (int i = 0; i < n; i++) {
        int end = at + (int)dice(d, 1, 1440 / n);
        if (i == n - 1 && one_in(d, 3))
            end = (int)dice(d, 0, 30);
        if (end > 1440)
            end = 1440;
        put_bcd(op, at % 60, 1);
        put_bcd(op, at / 60 % 24, 1);
        put_bcd(op, end % 60, 1);
        put_bcd(op, end / 60, 1);
        put(op, (uint64_t)dice(d, one_in(d, 40) ? 0 : 1, 2), 1);
        if (i < 3 && one_in(d, 20)) /* a place that is not used */
            put(op, 0, 5);
        at = end + (one_in(d, 3) ? (int)dice(d, 1, 60) : 0);
        if (at >= 1440)
            break;
    }
    if (one_in(d, 40))
        spoil(d, op, 5, 99);
}

static void write_calendar(struct dice *d, const struct pair *p, struct op *op)
{
    struct m_date now = model_local(&p->m);
    int n = (int)dice(d, 0, one_in(d, 10) ? 32 : 4);
    begin_write(d, p, op, 0x04802700);
    put(op, (uint64_t)dice(d, 0, one_in(d, 30) ? 255 : 127), 1);
    for (int i = 0; i < n; i++) {
        struct m_date t = m_date_of(m_seconds(&now) + 86400 * (i + dice(d, -2, 1)));
        put_bcd(op, t.day, 1);
        put_bcd(op, t.month, 1);
        put_bcd(op, t.year - 2000, 1);
        put(op, (uint64_t)dice(d, 0, one_in(d, 60) ? 2 : 1), 1);
    }
}

static void write_guard(struct dice *d, const struct pair *p, struct op *op)
{
    uint32_t c = (uint32_t)dice(d, 1, one_in(d, 20) ? 4 : 3);
    switch (dice(d, 0, 9)) {
    case 0:
        begin_write(d, p, op, 0x04802000 + c);
        put(op, (uint64_t)dice(d, 0, one_in(d, 20) ? 2 : 1), 1);
        return;
    case 1:
    case 2:
        begin_write(d, p, op, 0x04802100 + c);
        put(op, one_in(d, 20) ? 0 : 1, 1);
        return;
    case 3:
        begin_write(d, p, op, 0x04802200 + c);
        for (int i = 0; i < 8; i++) {
            put(op, one_in(d, 3) ? (uint64_t)PICK(d, heaters) : 0, 2);
            put(op, one_in(d, 5) ? (uint64_t)dice(d, -200, 200) : 0, 2);
        }
        return;
    case 4:
    case 5:
    case 6:
        write_rules(d, p, op, c);
        return;
    case 7:
    case 8:
        write_hours(d, p, op, (one_in(d, 2) ? 0x04802500 : 0x04802600) + c);
        return;
    default:
        write_calendar(d, p, op);
    }
}

static void odd_frame(struct dice *d, const struct pair *p, struct op *op)
{
    static const uint8_t controls[] = {0x12, 0x13, 0x15, 0x16, 0x17, 0x18,
                                       0x19, 0x1A, 0x1B, 0x1D, 0x13, 0x15};
    begin_frame(op, one_in(d, 8) ? (int)dice(d, 0, 255) : PICK(d, controls));
    op->b = one_in(d, 3);
    if (op->a == 0x12) {
        put(op, one_in(d, 5) ? 0x00010000 : 0x048010FF, 4);
        put(op, (uint64_t)dice(d, 0, 3), 1);
    }
    if (op->a == 0x15)
        put_bcd(op, dice(d, 1, 3), 6);
    if (op->a != 0x18)
        return;
    bool level4 = one_in(d, 2);
    put(op, level4 ? 0x04000C05 : 0x04000C03, 4);
    bool upper = level4 && one_in(d, 4);
    put(op, one_in(d, 10) ? 3 : level4 && !upper ? 4 : 2, 1);
    for (int i = 0; i < 3; i++)
        put(op, p->m.config.password[level4 && !upper][i] + one_in(d, 30), 1);
    put(op, level4 ? 4 : 2, 1);
    put(op, (uint64_t)dice(d, 0, 2), 3);
}

/* ---- registers ---- */

static void put_be(struct op *op, int64_t v)
{
    op->data[op->len++] = (uint8_t)(v >> 8);
    op->data[op->len++] = (uint8_t)v;
}

static void modbus_read(struct dice *d, struct op *op)
{
    static const int from[] = {0,     0,     0x10,  0x18,  0x2C,   0x31,   0x100, 0x110,
                               0x120, 0x180, 0x200, 0xF00, 0x1000, 0x1002, 0x1002};
    int address = PICK(d, from);
    address += (int)dice(d, 0, one_in(d, 3) ? 12 : 0);
    op->data[1] = one_in(d, 2) ? 3 : 4;
    put_be(op, one_in(d, 60) ? dice(d, 0, 0xFFFF) : address);
    put_be(op, one_in(d, 30) ? dice(d, 98, 128) : dice(d, one_in(d, 40) ? 0 : 1, 12));
}

/* Address, then what is written, in one of both forms. */
static void modbus_write(struct dice *d, struct op *op, int address, const int64_t *v, int n)
{
    bool one = n == 1 && one_in(d, 2);
    op->data[1] = one ? 0x06 : 0x10;
    put_be(op, address);
    if (!one) {
        put_be(op, n + (one_in(d, 100) ? 1 : 0));
        op->data[op->len++] = (uint8_t)(2 * n);
    }
    for (int i = 0; i < n; i++)
        put_be(op, v[i]);
}

static void modbus_unlock(struct dice *d, const struct pair *p, struct op *op)
{
    const uint8_t *w = p->m.config.password[0];
    bool upper = one_in(d, 40), lower = one_in(d, 10);
    const int64_t v[2] = {w[2] | (upper ? 0x100 : 0), (w[1] << 8 | w[0]) ^ (int)lower};
    modbus_write(d, op, 0xF00, v, one_in(d, 30) ? 1 : 2);
}

static void modbus_rules(struct dice *d, struct op *op)
{
    static const int good[11][3] = {
        {0, 3, 7}, {0, 300, 1000}, {0, 1364, 15000}, {0, 500, 2000}, {0, 5000, 9999}, {0, 1, 5},
        {0, 1, 3}, {20, 60, 100},  {30, 150, 400},   {2, 5, 20},     {1, 3, 6}};
    int at = (int)dice(d, 0, one_in(d, 20) ? 15 : 10),
        n = (int)dice(d, 1, one_in(d, 3) ? 11 - at % 11 : 1);
    int64_t v[12];
    for (int i = 0; i < n; i++)
        v[i] = one_in(d, 30) ? dice(d, 0, 0xFFFF) : good[(at + i) % 11][dice(d, 0, 2)];
    modbus_write(d, op, 0x100 + (int)dice(d, 0, one_in(d, 20) ? 3 : 2) * 16 + at, v, n);
}

static void modbus_orders(struct dice *d, struct op *op)
{
    static const int n1[] = {0x1A, 0x1B, 0x1C, 0x1C, 0x1D, 0x1E,
                             0x2A, 0x2B, 0x3A, 0x3B, 0x3B, 0x1F};
    int which = (int)dice(d, 0, 2);
    int64_t c = mostly(d, 20, (int64_t[]){1, 3}, (int64_t[]){0, 4}), v[2] = {c, 0};
    if (which == 0) {
        v[0] = PICK(d, n1) << 8;
        v[0] |= dice(d, 0, 3);
    } else if (which == 2)
        v[0] = c << 8 | dice(d, 0, one_in(d, 20) ? 2 : 1);
    else if (one_in(d, 10))
        v[0] |= dice(d, 1, 255) << 8;
    modbus_write(d, op, 0x200 + which, v, one_in(d, 40) ? 2 : 1);
}

static void modbus_limit(struct dice *d, const struct pair *p, struct op *op)
{
    int n = (int)dice(d, 0, 4);
    int64_t fen = one_in(d, 3) ? llabs(model_balance(&p->m)) : dice(d, 0, 30) * 100;
    fen = n == 2 && fen > 5000 ? 500 : one_in(d, 30) ? 99999999 + dice(d, 0, 1) : fen;
    const int64_t v[3] = {fen >> 16, fen & 0xFFFF, 0};
    int address = 0x180 + 2 * n + one_in(d, 30);
    modbus_write(d, op, address, v, one_in(d, 30) ? (int)dice(d, 1, 3) : 2);
}

/* Which item, or what it shall be: a limit, staff's lock, a price, or what nobody can write. */
static void modbus_item(struct dice *d, struct op *op)
{
    static const uint32_t items[] = {0x0001FF00, 0x04001001, 0x04001003, 0x04802001,
                                     0x04802202, 0x048024FF, 0x04802501, 0x04050101,
                                     0x0206FF00, 0x04801001, 0x04010001, 0x03010000};
    uint32_t di = PICK(d, items) + (uint32_t)(one_in(d, 4) ? dice(d, 0, 3) : 0);
    const int64_t name[2] = {di >> 16, di & 0xFFFF};
    int64_t v[4] = {4, dice(d, 0, 9) << 8, one_in(d, 9) ? 0x9999 : 0, dice(d, 0, 0xFFFF)};
    if (one_in(d, 2)) {
        modbus_write(d, op, 0x1000, name, one_in(d, 30) ? 1 : 2);
        return;
    }
    v[0] = one_in(d, 2) ? dice(d, 0, 6) : 4;
    modbus_write(d, op, 0x1002, v, one_in(d, 6) ? (int)dice(d, 1, 4) : 1 + (int)(v[0] + 1) / 2);
}

void gen_modbus(struct dice *d, const struct pair *p, struct op *op)
{
    op->kind = OP_modbus;
    op->b = one_in(d, 3);
    op->data[0] = (uint8_t)(one_in(d, 40) ? dice(d, 0, 255) : p->m.config.unit);
    op->len = 2;
    bool allowed = p->m.now_ms < p->m.modbus_until[op->b];
    int64_t kind = dice(d, 0, 11);
    if (kind < 4)
        modbus_read(d, op);
    else if (kind > 9)
        modbus_item(d, op);
    else if (!allowed && !one_in(d, 6))
        modbus_unlock(d, p, op);
    else if (kind < 7)
        modbus_rules(d, op);
    else if (kind < 9)
        modbus_orders(d, op);
    else
        modbus_limit(d, p, op);
    if (one_in(d, 80))
        op->data[1] = (uint8_t)dice(d, 0, 255);
    if (one_in(d, 80))
        op->len = (int)dice(d, 1, op->len);
    if (one_in(d, 40))
        op->c = one_in(d, 2) ? SHAPE_SPLIT : SHAPE_CHECKSUM;
}

void gen_frame(struct dice *d, const struct pair *p, struct op *op)
{
    static const int shapes[] = {SHAPE_INFRARED, SHAPE_INFRARED, SHAPE_NOISE, SHAPE_SPLIT,
                                 SHAPE_LATE,     SHAPE_CHECKSUM, SHAPE_BOTH};
    int64_t kind = dice(d, 0, 99);
    if (kind < 42)
        read_something(d, op);
    else if (kind < 57)
        order(d, p, op);
    else if (kind < 70)
        sale(d, p, op);
    else if (kind < 73 + (p->m.config.auth && p->m.now_ms >= p->m.auth_until_ms ? 5 : 0))
        initialise(d, op);
    else if (kind < 82)
        write_limits(d, p, op);
    else if (kind < 86)
        write_clock(d, p, op);
    else if (kind < 97)
        write_guard(d, p, op);
    else
        odd_frame(d, p, op);
    if (one_in(d, 100))
        op->len = (int)dice(d, 0, op->len);
    if (one_in(d, 150))
        put(op, (uint64_t)dice(d, 0, 255), 1);
    if (op->b == 0 && one_in(d, 40))
        op->b = one_in(d, 3) ? dice(d, 4, 9) : dice(d, 1, 3);
    if (one_in(d, 30))
        op->c = PICK(d, shapes);
    static const int mistaken[] = {0x16, 0x33, 0x91}; /* noise that would be a frame's beginning */
    for (int i = 0; i < 3; i++)
        if (op->c == SHAPE_NOISE && p->m.config.unit == mistaken[i])
            op->c = SHAPE_PLAIN;
}

void gen_unit(struct dice *d, const struct pair *p, struct op *op)
{
    begin_write(d, p, op, 0x04800309);
    put_bcd(op, PICK(d, units), 2);
}
