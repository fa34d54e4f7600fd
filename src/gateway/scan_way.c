/* What the protocols are asked in a search. */
#include <stdio.h>
#include <string.h>

#include "gateway/scan_impl.h"
#include "proto/cjt188.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"
#include "proto/mbus.h"
#include "proto/modbus.h"

#define ANY 0xAA
#define PREAMBLE 4
#define ENERGY 0x00010000U
#define ENERGY_1997 0x9010
#define READ_1997 0x01
#define NUMBERS 251   /* of M-Bus: 0 .. 250 */
#define EVERYBODY 254 /* of M-Bus: whoever hears it answers */

static uint8_t bcd(uint8_t two_digits)
{
    return (uint8_t)(two_digits / 10 << 4 | two_digits % 10);
}

/* --- DL/T 645 ------------------------------------------------------------------------------- */

static void address645(const struct scan *s, uint8_t address[6])
{
    memset(address, ANY, 6);
    for (size_t i = 0; i < s->depth && i < 6; i++)
        address[i] = bcd(s->digit[i]);
}

/* The address is asked for by 13H first; who does not know that is asked for its energy. */
static void ask645(const struct scan *s, unsigned step, struct writer *w)
{
    struct dlt645_frame f;
    uint8_t address[6];
    (void)step;
    address645(s, address);
    if (s->depth == 0 && !s->again)
        dlt645_ask_address(&f);
    else
        dlt645_ask_read(&f, address, ENERGY);
    dlt645_encode(&f, PREAMBLE, w);
}

static void ask645_1997(const struct scan *s, unsigned step, struct writer *w)
{
    struct dlt645_frame f = {.control = READ_1997, .len = 2};
    (void)step;
    address645(s, f.address);
    f.data[0] = ENERGY_1997 & 0xFF;
    f.data[1] = ENERGY_1997 >> 8;
    dlt645_encode(&f, PREAMBLE, w);
}

/* Some meters echo the wildcard, and tell their number in the data of the answer to 13H only. */
static enum err who645(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS])
{
    struct dlt645_frame f;
    size_t used;
    uint8_t own[6];
    (void)s;
    TRY(dlt645_decode(answer.data, answer.len, &f, &used));
    bool told = (f.control & 0x1F) == DLT645_READ_ADDRESS && f.len == 6;
    memcpy(own, told ? f.data : f.address, 6);
    for (size_t i = 0; i < 6; i++)
        if (own[i] >> 4 > 9 || (own[i] & 15) > 9)
            return ERR_BCD;
    dlt645_address_text(own, address);
    return ERR_OK;
}

static enum err aim645(struct scan *s, const char *address)
{
    uint8_t own[6];
    TRY(dlt645_address_parse(address, own));
    s->depth = 6;
    for (size_t i = 0; i < 6; i++)
        s->digit[i] = (uint8_t)((own[i] >> 4) * 10 + (own[i] & 15));
    return ERR_OK;
}

/* --- CJ/T 188 ------------------------------------------------------------------------------- */

static void ask188(const struct scan *s, unsigned step, struct writer *w)
{
    struct cjt188_frame f = {.type = ANY, .control = 0x01, .len = 3};
    bool high_first = s->again != (s->round % 2 == 1); /* vendors differ in the order */
    (void)step;
    memset(f.address, ANY, 7);
    for (size_t i = 0; i < s->depth && i < 7; i++)
        f.address[i] = bcd(s->digit[i]);
    f.data[0] = high_first ? 0x90 : 0x1F;
    f.data[1] = high_first ? 0x1F : 0x90;
    f.data[2] = 1;
    cjt188_encode(&f, PREAMBLE, w);
}

static enum err who188(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS])
{
    struct cjt188_frame f;
    size_t used;
    (void)s;
    TRY(cjt188_decode(answer.data, answer.len, &f, &used));
    for (size_t i = 0; i < 7; i++)
        if (f.address[i] >> 4 > 9 || (f.address[i] & 15) > 9)
            return ERR_BCD;
    cjt188_address_text(f.address, address);
    return ERR_OK;
}

static enum err aim188(struct scan *s, const char *address)
{
    uint8_t own[7];
    TRY(cjt188_address_parse(address, own));
    s->depth = 7;
    for (size_t i = 0; i < 7; i++)
        s->digit[i] = (uint8_t)((own[i] >> 4) * 10 + (own[i] & 15));
    return ERR_OK;
}

/* --- Modbus --------------------------------------------------------------------------------- */

static void ask_modbus(const struct scan *s, unsigned step, struct writer *w)
{
    const struct modbus_frame f = {.tcp = s->protocol == SCAN_MODBUS_TCP,
                                   .transaction = s->digit[0],
                                   .unit = s->digit[0],
                                   .function = MODBUS_READ_HOLDING,
                                   .address = 0,
                                   .count = 1};
    (void)step;
    enum err e = modbus_encode(&f, w);
    w->err = w->err ? w->err : e;
}

static enum err who_number(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS])
{
    (void)answer;
    snprintf(address, SCAN_ADDRESS, "%u", s->digit[0]);
    return ERR_OK;
}

static enum err aim_number(struct scan *s, const char *address)
{
    unsigned n = 0;
    for (const char *p = address; *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (unsigned)(*p - '0');
    s->depth = 1;
    s->digit[0] = (uint8_t)n;
    return ERR_OK;
}

/* --- M-Bus ---------------------------------------------------------------------------------- */

static void ask_data(uint8_t address, struct writer *w)
{
    const struct mbus_frame f = {
        .kind = MBUS_SHORT, .control = MBUS_REQ_UD2 | MBUS_FCB, .address = address};
    mbus_encode(&f, w);
}

/* Acknowledgements of two meters look like one: only their data collide. */
static void ask_mbus(const struct scan *s, unsigned step, struct writer *w)
{
    const struct mbus_frame reset = {
        .kind = MBUS_SHORT, .control = MBUS_SND_NKE, .address = s->digit[0]};
    if (step == 0)
        mbus_encode(&reset, w);
    else
        ask_data(s->digit[0], w);
}

static void ask_secondary(const struct scan *s, unsigned step, struct writer *w)
{
    char id[9] = "FFFFFFFF";
    struct mbus_frame f;
    for (size_t i = 0; i < s->depth && i < 8; i++)
        id[i] = (char)('0' + s->digit[i]);
    if (step > 0) {
        ask_data(MBUS_ADDRESS_SECONDARY, w);
        return;
    }
    enum err e = mbus_select(id, 0xFFFF, 0xFF, 0xFF, &f);
    if (e == ERR_OK)
        mbus_encode(&f, w);
    w->err = w->err ? w->err : e;
}

/* By the number 254 every meter answers, with its own number in the frame. */
static void ask_any(const struct scan *s, unsigned step, struct writer *w)
{
    uint8_t number = s->depth > 0 ? s->digit[0] : EVERYBODY;
    const struct mbus_frame reset = {
        .kind = MBUS_SHORT, .control = MBUS_SND_NKE, .address = number};
    if (step == 0)
        mbus_encode(&reset, w);
    else
        ask_data(number, w);
}

static enum err who_any(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS])
{
    struct mbus_frame f;
    size_t used;
    (void)s;
    TRY(mbus_decode(answer.data, answer.len, &f, &used));
    if (f.kind != MBUS_LONG || f.address >= NUMBERS)
        return ERR_RANGE; /* it has none: the secondary address tells more */
    snprintf(address, SCAN_ADDRESS, "%u", f.address);
    return ERR_OK;
}

static enum err who_secondary(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS])
{
    struct mbus_frame f;
    struct mbus_head head;
    struct bytes records;
    size_t used;
    (void)s;
    TRY(mbus_decode(answer.data, answer.len, &f, &used));
    TRY(mbus_head(&f, &head, &records));
    snprintf(address, SCAN_ADDRESS, "%02X%02X%02X%02X", head.id[3], head.id[2], head.id[1],
             head.id[0]);
    return strspn(address, "0123456789") == 8 ? ERR_OK : ERR_BCD;
}

static enum err aim_secondary(struct scan *s, const char *address)
{
    if (strlen(address) != 8)
        return ERR_SYNTAX;
    s->depth = 8;
    for (size_t i = 0; i < 8; i++)
        s->digit[i] = (uint8_t)(address[i] - '0');
    return ERR_OK;
}

/* --- the table -------------------------------------------------------------------------------- */

/* EN 1434's optical interface: 2.2 s of 55H without parity. */
static const struct bus_rouse rouse_mbus = {0x55, 'N', 2'200, 80, 3'000};
/* A guess: no source at hand tells how long the preamble of a sleeping meter is. */
static const struct bus_rouse rouse188 = {0xFE, 0, 2'000, 30, 3'000};

static const struct scan_way ways[SCAN_PROTOCOLS] = {
    [SCAN_DLT645] = {"DL/T 645-2007", "dlt645", &meter_link_dlt645, 100, 6, true, 1, PREAMBLE, 550,
                     false, NULL, ask645, who645, aim645},
    [SCAN_DLT645_1997] = {"DL/T 645-1997", "dlt645-1997", &meter_link_dlt645_1997, 100, 6, true, 1,
                          PREAMBLE, 550, false, NULL, ask645_1997, who645, aim645},
    [SCAN_CJT188] = {"CJ/T 188", "cjt188", &meter_link_cjt188, 100, 0, true, 1, PREAMBLE, 2'000,
                     false, &rouse188, ask188, who188, aim188},
    [SCAN_MODBUS] = {"Modbus RTU", "modbus-rtu", &meter_link_modbus_rtu, 248, 1, false, 1, 0, 400,
                     false, NULL, ask_modbus, who_number, aim_number},
    [SCAN_MODBUS_TCP] = {"Modbus TCP", "modbus-tcp", &meter_link_modbus_tcp, 248, 1, false, 1, 0,
                         400, false, NULL, ask_modbus, who_number, aim_number},
    [SCAN_MBUS] = {"M-Bus", "mbus", &meter_link_mbus, NUMBERS, 1, false, 2, 0, 400, false,
                   &rouse_mbus, ask_mbus, who_number, aim_number},
    [SCAN_MBUS_ANY] = {"M-Bus", "mbus", &meter_link_mbus, NUMBERS, 0, true, 2, 0, 400, false,
                       &rouse_mbus, ask_any, who_any, aim_number},
    [SCAN_MBUS_SECONDARY] = {"M-Bus, secondary address", "mbus", &meter_link_mbus, 10, 8, true, 2,
                             0, 400, true, &rouse_mbus, ask_secondary, who_secondary,
                             aim_secondary},
};

const struct scan_way *scan_way_of(enum scan_protocol p)
{
    return &ways[p];
}

const char *scan_protocol_name(enum scan_protocol p)
{
    return ways[p].name;
}

const struct bus_rouse *scan_protocol_rouse(enum scan_protocol p)
{
    return ways[p].rouse;
}

const struct bus_rouse *scan_model_rouse(const struct meter_model *m)
{
    for (size_t p = 0; p < SCAN_PROTOCOLS; p++)
        if (strcmp(ways[p].driver, m->driver->name) == 0)
            return ways[p].rouse;
    return NULL;
}
