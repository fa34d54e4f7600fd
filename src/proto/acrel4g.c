#include "proto/acrel4g.h"

#include <stdio.h>
#include <string.h>

#define SHORTEST 7
#define ICCID 30
#define REGISTER_LEN 58

/* --- frames ----------------------------------------------------------------------------------- */

static const struct {
    uint8_t command;
    const char *en, *zh;
} commands[] = {
    {ACREL4G_REGISTER, "register", "注册"},    {ACREL4G_DOWNLINK, "downlink", "下行透传"},
    {ACREL4G_DATA, "data report", "数据上报"}, {ACREL4G_TIME, "time", "对时"},
    {ACREL4G_HEARTBEAT, "heartbeat", "心跳"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static size_t row_of(uint8_t command)
{
    size_t i = 0;
    while (i < COMMANDS && commands[i].command != command)
        i++;
    return i;
}

const char *acrel4g_command_en(uint8_t command)
{
    return row_of(command) < COMMANDS ? commands[row_of(command)].en : "unknown";
}

const char *acrel4g_command_zh(uint8_t command)
{
    return row_of(command) < COMMANDS ? commands[row_of(command)].zh : "未知";
}

static bool ends_at(const uint8_t *data, size_t end)
{
    struct reader r = reader_of(data + end - 4, 2);
    return data[end - 2] == 0x7D && data[end - 1] == 0x7D &&
           reader_u16le(&r) == crc16_modbus(data + 2, end - 6);
}

enum err acrel4g_decode(const uint8_t *data, size_t len, struct acrel4g_frame *frame, size_t *used)
{
    *used = 0;
    for (size_t i = 0; i < 2 && i < len; i++)
        if (data[i] != 0x7B)
            return ERR_FRAME_UNKNOWN;
    if (len > 2 && row_of(data[2]) == COMMANDS)
        return ERR_FRAME_UNKNOWN;
    for (size_t end = SHORTEST; end <= len && end <= ACREL4G_FRAME_MAX; end++) {
        if (!ends_at(data, end))
            continue;
        *frame = (struct acrel4g_frame){data[2], {data + 3, end - SHORTEST}};
        *used = end;
        return ERR_OK;
    }
    return len < ACREL4G_FRAME_MAX ? ERR_TRUNCATED : ERR_FRAME_CHECKSUM;
}

void acrel4g_encode(const struct acrel4g_frame *frame, struct writer *w)
{
    size_t begin = w->len;
    writer_fill(w, 0x7B, 2);
    writer_u8(w, frame->command);
    writer_put(w, frame->payload.data, frame->payload.len);
    if (w->err == ERR_OK)
        writer_u16le(w, crc16_modbus(w->data + begin + 2, w->len - begin - 2));
    writer_fill(w, 0x7D, 2);
}

/* --- contents --------------------------------------------------------------------------------- */

/* Text in a field of fixed length, filled up with zeros or blanks. */
static struct bytes text_in(const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && data[n] != 0)
        n++;
    while (n > 0 && data[n - 1] == ' ')
        n--;
    return (struct bytes){data, n};
}

enum err acrel4g_register_read(struct bytes payload, struct acrel4g_register *out)
{
    if (payload.len != REGISTER_LEN)
        return ERR_FRAME_LENGTH;
    const uint8_t *p = payload.data;
    *out = (struct acrel4g_register){.serial = text_in(p, ACREL4G_SERIAL),
                                     .iccid = text_in(p + ACREL4G_SERIAL, ICCID),
                                     .rssi = p[50],
                                     .interval_min = p[57]};
    memcpy(out->versions, p + 51, sizeof out->versions);
    return ERR_OK;
}

void acrel4g_time_write(wall_s t, int32_t offset_s, struct writer *w)
{
    struct civil c = civil_from_wall(t, offset_s);
    const uint8_t out[] = {
        (uint8_t)(c.year % 100), c.month, c.day, c.weekday, c.hour, c.minute, c.second};
    writer_put(w, out, sizeof out);
}

static bool sum_is_right(struct bytes rtu)
{
    return rtu.len >= 5 && crc16_modbus(rtu.data, rtu.len) == 0;
}

/* Where two equal bytes stand, from `at`; len: nowhere. */
static size_t pair(struct bytes b, size_t at, uint8_t c)
{
    while (at + 1 < b.len && (b.data[at] != c || b.data[at + 1] != c))
        at++;
    return at + 1 < b.len ? at : b.len;
}

/* A report's answer says its own length, so that brackets among its bytes end nothing. */
static enum err data_modbus(struct bytes p, struct bytes *serial, struct bytes *rtu)
{
    size_t section = pair(p, 0, '[');
    if (section != 0 && section != ACREL4G_SERIAL)
        return ERR_SYNTAX;
    *serial = text_in(p.data, section);
    size_t begin = pair(p, section + 2, '(') + 2;
    if (begin + 3 > p.len)
        return ERR_SYNTAX;
    size_t len = 5U + p.data[begin + 2];
    if (begin + len + 4 != p.len || memcmp(p.data + begin + len, "))]]", 4) != 0)
        return ERR_SYNTAX;
    *rtu = (struct bytes){p.data + begin, len};
    return sum_is_right(*rtu) ? ERR_OK : ERR_FRAME_CHECKSUM;
}

enum err acrel4g_modbus(const struct acrel4g_frame *frame, struct bytes *serial, struct bytes *rtu)
{
    struct bytes p = frame->payload;
    *serial = *rtu = (struct bytes){0};
    if (frame->command == ACREL4G_DATA)
        return data_modbus(p, serial, rtu);
    if (frame->command != ACREL4G_DOWNLINK)
        return ERR_SYNTAX;
    *rtu = p;
    if (sum_is_right(p))
        return ERR_OK;
    if (p.len <= ACREL4G_SERIAL)
        return ERR_FRAME_CHECKSUM;
    *serial = text_in(p.data, ACREL4G_SERIAL);
    *rtu = (struct bytes){p.data + ACREL4G_SERIAL, p.len - ACREL4G_SERIAL};
    return sum_is_right(*rtu) ? ERR_OK : ERR_FRAME_CHECKSUM;
}

enum err acrel4g_energy_read(struct bytes rtu, struct acrel4g_energy *out)
{
    static const uint8_t offsets[] = {42, 46, 50, 54, 58, 96};
    enum { RATES4 = 0x60, RATES8 = 0x90 };
    *out = (struct acrel4g_energy){0};
    if (rtu.len < 5 || rtu.len != 5U + rtu.data[2] ||
        (rtu.data[2] != RATES4 && rtu.data[2] != RATES8))
        return ERR_FRAME_LENGTH;
    out->rate_count = rtu.data[2] == RATES4 ? 4 : 5;
    for (size_t i = 0; i <= out->rate_count; i++) {
        struct reader r = reader_of(rtu.data + 3 + offsets[i], 4);
        *(i == 0 ? &out->total : &out->rates[i - 1]) = reader_u32be(&r);
    }
    return ERR_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

static void say_text_of(say_sink *sink, void *arg, struct say_value v, struct bytes b)
{
    char text[SAY_TEXT_MAX];
    size_t len = b.len < sizeof text ? b.len : sizeof text - 1;
    if (b.len == 0)
        return;
    memcpy(text, b.data, len);
    text[len] = '\0';
    say_text(&v, text);
    sink(arg, &v);
}

static const struct say_value SERIAL = {.en = "serial number", .zh = "序列号", .unit = ""};

static enum err say_register(struct bytes payload, say_sink *sink, void *arg)
{
    struct acrel4g_register r;
    if (payload.len == 0) /* the platform's answer */
        return ERR_OK;
    TRY(acrel4g_register_read(payload, &r));
    say_text_of(sink, arg, SERIAL, r.serial);
    say_text_of(sink, arg, (struct say_value){.en = "ICCID", .zh = "ICCID", .unit = ""}, r.iccid);
    struct say_value v = {.en = "signal", .zh = "信号强度", .unit = ""};
    say_scaled(&v, r.rssi, 0);
    sink(arg, &v);
    v = (struct say_value){.en = "report interval", .zh = "上报间隔", .unit = "min"};
    say_scaled(&v, r.interval_min, 0);
    sink(arg, &v);
    return ERR_OK;
}

static bool say_energy(struct bytes rtu, say_sink *sink, void *arg)
{
    static const char *const en[] = {"total energy", "sharp",  "peak",
                                     "flat",         "valley", "deep valley"};
    static const char *const zh[] = {"总电量", "尖", "峰", "平", "谷", "深谷"};
    struct acrel4g_energy e;
    if (acrel4g_energy_read(rtu, &e) != ERR_OK)
        return false;
    for (size_t i = 0; i <= e.rate_count; i++) {
        struct say_value v = {.en = en[i], .zh = zh[i], .unit = "kWh"};
        say_scaled(&v, i == 0 ? e.total : e.rates[i - 1], -2);
        sink(arg, &v);
    }
    return true;
}

static enum err say_modbus(const struct acrel4g_frame *frame, say_sink *sink, void *arg)
{
    struct bytes serial, rtu;
    if (frame->payload.len == 0) /* the platform's answer to a report */
        return frame->command == ACREL4G_DATA ? ERR_OK : ERR_FRAME_LENGTH;
    TRY(acrel4g_modbus(frame, &serial, &rtu));
    say_text_of(sink, arg, SERIAL, serial);
    if (frame->command == ACREL4G_DATA && say_energy(rtu, sink, arg))
        return ERR_OK;
    struct say_value v = {.en = "Modbus frame", .zh = "Modbus 报文", .unit = ""};
    say_hex(&v, rtu);
    sink(arg, &v);
    return ERR_OK;
}

static enum err say_time(struct bytes p, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "time", .zh = "时间", .unit = ""};
    if (p.len == ACREL4G_SERIAL)
        say_text_of(sink, arg, SERIAL, text_in(p.data, p.len));
    if (p.len == 0 || p.len == ACREL4G_SERIAL) /* the meter asks */
        return ERR_OK;
    if (p.len != 7)
        return ERR_FRAME_LENGTH;
    struct civil c = {.year = 2000 + p.data[0],
                      .month = p.data[1],
                      .day = p.data[2],
                      .hour = p.data[4],
                      .minute = p.data[5],
                      .second = p.data[6]};
    if (!civil_valid(c)) {
        v.state = SAY_DAMAGED;
        say_hex(&v, p);
    } else {
        snprintf(v.text, sizeof v.text, "%04d-%02u-%02u %02u:%02u:%02u", (int)c.year,
                 (unsigned)c.month, (unsigned)c.day, (unsigned)c.hour, (unsigned)c.minute,
                 (unsigned)c.second);
    }
    sink(arg, &v);
    return ERR_OK;
}

enum err acrel4g_say(const struct acrel4g_frame *frame, say_sink *sink, void *arg)
{
    switch (frame->command) {
    case ACREL4G_REGISTER:
        return say_register(frame->payload, sink, arg);
    case ACREL4G_TIME:
        return say_time(frame->payload, sink, arg);
    case ACREL4G_HEARTBEAT:
        return ERR_OK;
    default:
        return say_modbus(frame, sink, arg);
    }
}
