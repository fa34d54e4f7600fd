#include "proto/acrel.h"

#include <string.h>

/* --- frames ----------------------------------------------------------------------------------- */

static const struct {
    uint8_t type;
    const char *en, *zh;
} types[] = {
    {ACREL_AUTH, "authentication", "认证"},
    {ACREL_HEARTBEAT, "heartbeat", "心跳"},
    {ACREL_DATA, "data report", "数据上报"},
    {ACREL_DATA_ZIP, "compressed data report", "压缩数据上报"},
    {ACREL_DOWNLINK, "downlink", "下行透传"},
    {ACREL_DOWNLINK_ACK, "downlink answer", "下行透传应答"},
};

static size_t row_of(uint8_t type)
{
    size_t i = 0;
    while (i < sizeof types / sizeof *types && types[i].type != type)
        i++;
    return i;
}

const char *acrel_type_en(uint8_t type)
{
    size_t i = row_of(type);
    return i < sizeof types / sizeof *types ? types[i].en : "unknown";
}

const char *acrel_type_zh(uint8_t type)
{
    size_t i = row_of(type);
    return i < sizeof types / sizeof *types ? types[i].zh : "未知";
}

enum err acrel_decode(const uint8_t *data, size_t len, struct acrel_frame *frame, size_t *used)
{
    *used = 0;
    for (size_t i = 0; i < 2 && i < len; i++)
        if (data[i] != 0x1F)
            return ERR_FRAME_UNKNOWN;
    if (len > 2 && row_of(data[2]) == sizeof types / sizeof *types)
        return ERR_FRAME_UNKNOWN;
    if (len < ACREL_HEAD)
        return ERR_TRUNCATED;
    struct reader r = reader_of(data + 3, len - 3);
    uint32_t size = reader_u32be(&r);
    if (size > ACREL_DATA_MAX)
        return ERR_FRAME_LENGTH;
    if (len - ACREL_HEAD < size)
        return ERR_TRUNCATED;
    *frame = (struct acrel_frame){data[2], {data + ACREL_HEAD, size}};
    *used = ACREL_HEAD + size;
    return ERR_OK;
}

void acrel_encode(const struct acrel_frame *frame, struct writer *w)
{
    writer_fill(w, 0x1F, 2);
    writer_u8(w, frame->type);
    writer_u32be(w, (uint32_t)frame->data.len);
    writer_put(w, frame->data.data, frame->data.len);
}

/* --- numbers and times ------------------------------------------------------------------------ */

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* All of it digits, at most nine. */
static bool number(const uint8_t *text, size_t len, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (!digit(text[i]))
            return false;
        *out = *out * 10 + (unsigned)(text[i] - '0');
    }
    return len > 0 && len <= 9;
}

enum err acrel_meter_id(struct bytes text, unsigned *port, unsigned *address)
{
    bool good = text.len == 5 && number(text.data, 2, port) && number(text.data + 2, 3, address);
    return good ? ERR_OK : ERR_SYNTAX;
}

static enum err add_digit(int64_t *value, int digit_value)
{
    if (__builtin_mul_overflow(*value, 10, value) ||
        __builtin_add_overflow(*value, digit_value, value))
        return ERR_OVERFLOW;
    return ERR_OK;
}

enum err acrel_decimal(struct bytes text, unsigned decimals, int64_t *out)
{
    size_t i = 0;
    bool minus = text.len > 0 && text.data[0] == '-', any = false;
    unsigned after = 0;
    *out = 0;
    for (i = minus; i < text.len && digit(text.data[i]); i++, any = true)
        TRY(add_digit(out, text.data[i] - '0'));
    if (i < text.len && text.data[i] == '.')
        for (i++; i < text.len && digit(text.data[i]); i++, any = true)
            if (after < decimals) {
                after++;
                TRY(add_digit(out, text.data[i] - '0'));
            }
    if (!any || i < text.len)
        return ERR_SYNTAX;
    for (; after < decimals; after++)
        TRY(add_digit(out, 0));
    *out = minus ? -*out : *out;
    return ERR_OK;
}

enum err acrel_time(struct bytes text, int32_t offset_s, wall_s *out)
{
    static const uint8_t lengths[] = {4, 2, 2, 2, 2, 2};
    unsigned part[6];
    if (text.len != 14)
        return ERR_SYNTAX;
    for (size_t i = 0, at = 0; i < 6; at += lengths[i++])
        if (!number(text.data + at, lengths[i], &part[i]))
            return ERR_SYNTAX;
    struct civil c = {.year = (int32_t)part[0],
                      .month = (uint8_t)part[1],
                      .day = (uint8_t)part[2],
                      .hour = (uint8_t)part[3],
                      .minute = (uint8_t)part[4],
                      .second = (uint8_t)part[5]};
    if (!civil_valid(c))
        return ERR_SYNTAX;
    *out = civil_to_wall(c, offset_s);
    return ERR_OK;
}

static void write_number(unsigned value, size_t digits, struct writer *w)
{
    uint8_t text[10];
    for (size_t i = digits; i > 0; i--, value /= 10)
        text[i - 1] = (uint8_t)('0' + value % 10);
    writer_put(w, text, digits);
}

void acrel_time_write(wall_s t, int32_t offset_s, struct writer *w)
{
    struct civil c = civil_from_wall(t, offset_s);
    write_number((unsigned)c.year, 4, w);
    const uint8_t rest[] = {c.month, c.day, c.hour, c.minute, c.second};
    for (size_t i = 0; i < sizeof rest; i++)
        write_number(rest[i], 2, w);
}

/* --- frames of meters ------------------------------------------------------------------------- */

void acrel_downlink_write(unsigned port, struct bytes rtu, struct writer *w)
{
    static const char digits[] = "0123456789abcdef";
    if (port > ACREL_PORT_MAX || rtu.len == 0 || rtu.len > ACREL_RTU_MAX) {
        w->err = w->err == ERR_OK ? ERR_RANGE : w->err;
        return;
    }
    write_number(port, 2, w);
    write_number(rtu.data[0], 3, w);
    writer_u8(w, '|');
    for (size_t i = 0; i < rtu.len; i++) {
        writer_u8(w, (uint8_t)digits[rtu.data[i] >> 4]);
        writer_u8(w, (uint8_t)digits[rtu.data[i] & 15]);
    }
}

enum err acrel_downlink_read(struct bytes text, unsigned *port, unsigned *address,
                             struct writer *rtu)
{
    uint8_t data[ACREL_RTU_MAX];
    size_t len;
    if (text.len < 6 || text.data[5] != '|')
        return ERR_SYNTAX;
    TRY(acrel_meter_id((struct bytes){text.data, 5}, port, address));
    if (hex_decode((const char *)text.data + 6, text.len - 6, data, sizeof data, &len) != ERR_OK)
        return ERR_SYNTAX;
    writer_put(rtu, data, len);
    return rtu->err;
}

/* --- words ------------------------------------------------------------------------------------ */

static void say_bytes(say_sink *sink, void *arg, struct say_value *v, struct bytes text)
{
    char copy[SAY_TEXT_MAX];
    size_t len = text.len < sizeof copy ? text.len : sizeof copy - 1;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    say_text(v, copy);
    sink(arg, v);
}

static enum err say_auth(struct bytes xml, say_sink *sink, void *arg)
{
    static const struct say_value rows[ACREL_OPERATIONS] = {
        [ACREL_OP_SEQUENCE] = {.en = "sequence", .zh = "随机序列", .unit = ""},
        [ACREL_OP_MD5] = {.en = "md5", .zh = "MD5", .unit = ""},
        [ACREL_OP_RESULT] = {.en = "result", .zh = "结果", .unit = ""},
    };
    struct acrel_auth a;
    TRY(acrel_auth_read(xml, &a));
    struct say_value v = {.en = "gateway", .zh = "通信管理机", .unit = ""};
    say_bytes(sink, arg, &v, a.gateway_id);
    if (a.operation != ACREL_OP_REQUEST) {
        v = rows[a.operation];
        say_bytes(sink, arg, &v, a.value);
    }
    return ERR_OK;
}

enum err acrel_say(const struct acrel_frame *frame, say_sink *sink, void *arg)
{
    if (frame->type == ACREL_AUTH)
        return say_auth(frame->data, sink, arg);
    struct say_value v = {.en = "enciphered bytes", .zh = "密文字节数", .unit = ""};
    if (frame->type == ACREL_HEARTBEAT) {
        v = (struct say_value){.en = "time", .zh = "时间", .unit = ""};
        wall_s t;
        if (frame->data.len == 0)
            return ERR_OK;
        TRY(acrel_time(frame->data, 0, &t));
        say_bytes(sink, arg, &v, frame->data);
        return ERR_OK;
    }
    say_scaled(&v, (int64_t)frame->data.len, 0);
    sink(arg, &v);
    return frame->data.len > 0 && frame->data.len % 16 == 0 ? ERR_OK : ERR_FRAME_LENGTH;
}
