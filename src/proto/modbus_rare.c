/* Modbus functions 07, 08, 0B, 0C, 11, 14 .. 18 and 2B/0E: lengths, requests, answers, words. */
#include <stdio.h>
#include <string.h>

#include "proto/modbus_rare.h"

#define LENGTHS_MAX 3
#define MBAP 6         /* transaction, protocol, length */
#define CRC_AND_HEAD 4 /* unit, function, two of CRC */

struct body {
    uint8_t b[MODBUS_VALUES_MAX];
    size_t len;
};

static struct body body_of(const struct modbus_frame *f)
{
    struct body y = {.len = f->value_count};
    for (size_t i = 0; i < y.len; i++)
        y.b[i] = (uint8_t)f->value[i];
    return y;
}

static unsigned u16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* --- telling -------------------------------------------------------------------------------------
 */

struct telling {
    say_sink *sink;
    void *arg;
};

static void number(const struct telling *t, const char *en, const char *zh, unsigned n)
{
    struct say_value v = {.en = en, .zh = zh, .unit = ""};
    say_scaled(&v, (int64_t)n, 0);
    t->sink(t->arg, &v);
}

static void hex(const struct telling *t, const char *en, const char *zh, struct bytes b)
{
    struct say_value v = {.en = en, .zh = zh, .unit = ""};
    say_hex(&v, b);
    t->sink(t->arg, &v);
}

static void hex16(const struct telling *t, const char *en, const char *zh, const uint8_t *p)
{
    hex(t, en, zh, (struct bytes){p, 2});
}

static void text(const struct telling *t, const char *en, const char *zh, struct bytes b)
{
    struct say_value v = {.en = en, .zh = zh, .unit = ""};
    size_t n = b.len < sizeof v.text - 1 ? b.len : sizeof v.text - 1;
    for (size_t i = 0; i < n; i++)
        v.text[i] = b.data[i] >= 0x20 && b.data[i] < 0x7F ? (char)b.data[i] : '.';
    v.text[n] = '\0';
    t->sink(t->arg, &v);
}

static void registers(const struct telling *t, const uint8_t *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct say_value v = {.en = "value", .zh = "数值", .unit = ""};
        say_scaled(&v, u16(p + 2 * i), 0);
        snprintf(v.note, sizeof v.note, "register +%zu", i);
        t->sink(t->arg, &v);
    }
}

/* --- each function: which data it may carry, and what they say -----------------------------------
 */

enum side { WRONG, REQUEST, ANSWER, EITHER };

static enum side empty_or(const struct body *y, size_t answer)
{
    return y->len == 0 ? REQUEST : y->len == answer ? ANSWER : WRONG;
}

static enum side side_status(const struct body *y)
{
    return empty_or(y, 1);
}

static void say_status(const struct body *y, const struct telling *t)
{
    if (y->len == 1)
        hex(t, "exception status", "异常状态", (struct bytes){y->b, 1});
}

static enum side side_diagnostics(const struct body *y)
{
    return y->len >= 4 && y->len % 2 == 0 ? EITHER : WRONG;
}

static const char *diagnostic_en(unsigned sub)
{
    static const char *const names[] = {[0x00] = "return query data",
                                        [0x01] = "restart communications",
                                        [0x02] = "return diagnostic register",
                                        [0x03] = "change ASCII input delimiter",
                                        [0x04] = "force listen only",
                                        [0x0A] = "clear counters",
                                        [0x0B] = "return bus message count",
                                        [0x0C] = "return bus communication error count",
                                        [0x0D] = "return bus exception error count",
                                        [0x0E] = "return server message count",
                                        [0x0F] = "return server no response count",
                                        [0x10] = "return server NAK count",
                                        [0x11] = "return server busy count",
                                        [0x12] = "return bus character overrun count",
                                        [0x14] = "clear overrun counter"};
    bool known = sub < sizeof names / sizeof *names && names[sub];
    return known ? names[sub] : "unknown";
}

static void say_diagnostics(const struct body *y, const struct telling *t)
{
    struct say_value v = {.en = "sub-function", .zh = "子功能", .unit = ""};
    say_text(&v, diagnostic_en(u16(y->b)));
    snprintf(v.note, sizeof v.note, "%04X", u16(y->b));
    t->sink(t->arg, &v);
    hex(t, "data", "数据", (struct bytes){y->b + 2, y->len - 2});
}

static enum side side_counter(const struct body *y)
{
    return empty_or(y, 4);
}

static void say_busy(const struct body *y, size_t at, const struct telling *t)
{
    struct say_value v = {.en = "status", .zh = "状态", .unit = ""};
    unsigned word = u16(y->b + at);
    say_text(&v, word == 0xFFFF ? "busy" : word == 0 ? "ready" : "unknown");
    snprintf(v.note, sizeof v.note, "%04X", word);
    t->sink(t->arg, &v);
}

static void say_counter(const struct body *y, const struct telling *t)
{
    if (y->len != 4)
        return;
    say_busy(y, 0, t);
    number(t, "events", "事件计数", u16(y->b + 2));
}

/* A count of the bytes behind it. */
static bool counted(const struct body *y)
{
    return y->len >= 1 && y->len == 1u + y->b[0];
}

static enum side side_log(const struct body *y)
{
    return y->len == 0 ? REQUEST : counted(y) && y->len >= 7 ? ANSWER : WRONG;
}

static void say_log(const struct body *y, const struct telling *t)
{
    if (y->len == 0)
        return;
    say_busy(y, 1, t);
    number(t, "events", "事件计数", u16(y->b + 3));
    number(t, "messages", "报文计数", u16(y->b + 5));
    if (y->len > 7)
        hex(t, "event bytes, newest first", "事件字节（最新在前）",
            (struct bytes){y->b + 7, y->len - 7});
}

static enum side side_id(const struct body *y)
{
    return y->len == 0 ? REQUEST : counted(y) && y->len >= 2 ? ANSWER : WRONG;
}

/* Where identifier ends and run indicator stands is the maker's matter. */
static void say_id(const struct body *y, const struct telling *t)
{
    if (y->len < 2)
        return;
    struct bytes b = {y->b + 1, y->len - 1};
    hex(t, "identifier and run indicator", "标识与运行状态", b);
    text(t, "as text", "文本", b);
}

#define FILE_HEAD 7 /* reference 06, file 2, record 2, length 2 */

/* Groups of a request, with `data` each followed by the registers to write. */
static bool file_groups(const struct body *y, bool data)
{
    size_t at = 1;
    while (at + FILE_HEAD <= y->len && y->b[at] == 6)
        at += FILE_HEAD + (data ? 2u * u16(y->b + at + 5) : 0);
    return counted(y) && y->len > 1 && at == y->len;
}

static bool file_answers(const struct body *y)
{
    size_t at = 1;
    while (at + 2 <= y->len && y->b[at] % 2 == 1 && y->b[at + 1] == 6)
        at += 1u + y->b[at];
    return counted(y) && y->len > 1 && at == y->len;
}

static enum side side_read_file(const struct body *y)
{
    return file_groups(y, false) ? REQUEST : file_answers(y) ? ANSWER : WRONG;
}

static enum side side_write_file(const struct body *y)
{
    return file_groups(y, true) ? EITHER : WRONG;
}

static size_t say_group(const struct body *y, size_t at, bool data, const struct telling *t)
{
    unsigned count = u16(y->b + at + 5);
    number(t, "file", "文件号", u16(y->b + at + 1));
    number(t, "record", "记录号", u16(y->b + at + 3));
    number(t, "registers", "寄存器数", count);
    if (data)
        registers(t, y->b + at + FILE_HEAD, count);
    return at + FILE_HEAD + (data ? 2u * count : 0);
}

static void say_write_file(const struct body *y, const struct telling *t)
{
    for (size_t at = 1; at < y->len;)
        at = say_group(y, at, true, t);
}

static void say_read_file(const struct body *y, const struct telling *t)
{
    bool asks = file_groups(y, false);
    for (size_t at = 1; at < y->len;) {
        if (asks) {
            at = say_group(y, at, false, t);
        } else {
            registers(t, y->b + at + 2, (y->b[at] - 1u) / 2);
            at += 1u + y->b[at];
        }
    }
}

static enum side side_mask(const struct body *y)
{
    return y->len == 6 ? EITHER : WRONG;
}

static void say_mask(const struct body *y, const struct telling *t)
{
    hex16(t, "register", "寄存器", y->b);
    hex16(t, "and mask", "与掩码", y->b + 2);
    hex16(t, "or mask", "或掩码", y->b + 4);
}

static bool is_read_write(const struct body *y)
{
    return y->len >= 9 && y->len == 9u + y->b[8] && y->b[8] == 2 * u16(y->b + 6) && y->b[8] > 0 &&
           u16(y->b + 2) >= 1 && u16(y->b + 2) <= MODBUS_REGISTERS_MAX;
}

static enum side side_read_write(const struct body *y)
{
    if (is_read_write(y))
        return REQUEST;
    return counted(y) && y->len > 1 && y->b[0] % 2 == 0 ? ANSWER : WRONG;
}

static void say_read_write(const struct body *y, const struct telling *t)
{
    if (!is_read_write(y)) {
        registers(t, y->b + 1, y->b[0] / 2u);
        return;
    }
    hex16(t, "first register to read", "起始读寄存器", y->b);
    number(t, "registers to read", "读寄存器数", u16(y->b + 2));
    hex16(t, "first register to write", "起始写寄存器", y->b + 4);
    number(t, "registers to write", "写寄存器数", u16(y->b + 6));
    registers(t, y->b + 9, u16(y->b + 6));
}

static enum side side_fifo(const struct body *y)
{
    bool answer = y->len >= 4 && y->len == 2u + u16(y->b) && u16(y->b) == 2 + 2 * u16(y->b + 2) &&
                  u16(y->b + 2) <= 31;
    return y->len == 2 ? REQUEST : answer ? ANSWER : WRONG;
}

static void say_fifo(const struct body *y, const struct telling *t)
{
    if (y->len == 2) {
        hex16(t, "FIFO pointer", "FIFO指针", y->b);
        return;
    }
    number(t, "registers in the queue", "队列寄存器数", u16(y->b + 2));
    registers(t, y->b + 4, u16(y->b + 2));
}

/* 0E | code | conformity | more follows | next object | count | (object | length | text)... */
static size_t device_len(const uint8_t *p, size_t len)
{
    size_t at = 6;
    for (unsigned i = 0; len >= 6 && i < p[5]; i++) {
        if (at + 2 > len)
            return 0;
        at += 2u + p[at + 1];
    }
    return len >= 6 && at <= len ? at : 0;
}

static enum side side_device(const struct body *y)
{
    if (y->len < 2)
        return WRONG;
    if (y->b[0] != 0x0E) /* CANopen and the like: bytes */
        return EITHER;
    if (y->len == 3)
        return REQUEST;
    return device_len(y->b, y->len) == y->len ? ANSWER : WRONG;
}

static void say_device(const struct body *y, const struct telling *t)
{
    static const char *const names[][2] = {
        {"vendor name", "厂商名称"}, {"product code", "产品代码"}, {"revision", "版本"},
        {"vendor URL", "厂商网址"},  {"product name", "产品名称"}, {"model name", "型号名称"},
        {"application", "应用名称"}};
    static const char *const codes[] = {"unknown", "basic", "regular", "extended", "one object"};
    if (y->b[0] != 0x0E) {
        hex(t, "interface data", "接口数据", (struct bytes){y->b, y->len});
        return;
    }
    struct say_value v = {.en = "which", .zh = "类别", .unit = ""};
    say_text(&v, codes[y->b[1] < 5 ? y->b[1] : 0]);
    snprintf(v.note, sizeof v.note, "%02X", (unsigned)y->b[1]);
    t->sink(t->arg, &v);
    if (y->len == 3) {
        number(t, "first object", "起始对象", y->b[2]);
        return;
    }
    if (y->b[3] == 0xFF)
        number(t, "more from object", "后续对象", y->b[4]);
    size_t at = 6;
    for (unsigned i = 0; i < y->b[5]; i++, at += 2u + y->b[at + 1]) {
        unsigned id = y->b[at];
        text(t, id < 7 ? names[id][0] : "object", id < 7 ? names[id][1] : "对象",
             (struct bytes){y->b + at + 2, y->b[at + 1]});
    }
}

static const struct rare {
    uint8_t function;
    const char *en, *zh;
    enum side (*side)(const struct body *y);
    void (*say)(const struct body *y, const struct telling *t);
} rares[] = {
    {0x07, "read exception status", "读异常状态", side_status, say_status},
    {0x08, "diagnostics", "诊断", side_diagnostics, say_diagnostics},
    {0x0B, "read event counter", "读通信事件计数", side_counter, say_counter},
    {0x0C, "read event log", "读通信事件记录", side_log, say_log},
    {0x11, "report server identifier", "报告从站标识", side_id, say_id},
    {0x14, "read file records", "读文件记录", side_read_file, say_read_file},
    {0x15, "write file records", "写文件记录", side_write_file, say_write_file},
    {0x16, "mask write register", "屏蔽写寄存器", side_mask, say_mask},
    {0x17, "read and write registers", "读写多个寄存器", side_read_write, say_read_write},
    {0x18, "read FIFO queue", "读FIFO队列", side_fifo, say_fifo},
    {0x2B, "read device identification", "读设备标识", side_device, say_device},
};

static const struct rare *rare_of(uint8_t function)
{
    for (size_t i = 0; i < sizeof rares / sizeof *rares; i++)
        if (rares[i].function == function)
            return &rares[i];
    return NULL;
}

bool modbus_is_rare(uint8_t function)
{
    return rare_of(function) != NULL;
}

const char *modbus_function_en_all(uint8_t function)
{
    const struct rare *r = rare_of(function);
    return r ? r->en : modbus_function_en(function);
}

const char *modbus_function_zh_all(uint8_t function)
{
    const struct rare *r = rare_of(function);
    return r ? r->zh : modbus_function_zh(function);
}

/* --- lengths -------------------------------------------------------------------------------------
 */

static size_t add_if(bool known, size_t out[LENGTHS_MAX], size_t n, size_t len)
{
    if (known)
        out[n++] = len;
    return n;
}

/* The lengths that such an RTU frame may have, as far as its first bytes tell; the CRC says which.
 */
static size_t lengths_of(const uint8_t *p, size_t len, size_t out[LENGTHS_MAX])
{
    size_t n = 0;
    switch (p[1]) {
    case 0x07:
        out[n++] = 4;
        out[n++] = 5;
        return n;
    case 0x08: /* echoed data may be of any length: then the frame is all there is */
        out[n++] = 8;
        return add_if(len > 8 && len % 2 == 0, out, n, len);
    case 0x0B:
        out[n++] = 4;
        out[n++] = 8;
        return n;
    case 0x0C:
    case 0x11:
        out[n++] = 4;
        return add_if(len > 2, out, n, 5u + p[2]);
    case 0x14:
    case 0x15:
        return add_if(len > 2, out, n, 5u + p[2]);
    case 0x16:
        out[n++] = 10;
        return n;
    case 0x17:
        if (len > 10)
            out[n++] = 13u + p[10];
        return add_if(len > 2, out, n, 5u + p[2]);
    case 0x18:
        out[n++] = 6;
        return add_if(len > 3, out, n, 6u + u16(p + 2));
    default: /* 2B */
        out[n++] = 7;
        size_t device = len > CRC_AND_HEAD ? device_len(p + 2, len - CRC_AND_HEAD) : 0;
        return add_if(true, out, n, device ? device + CRC_AND_HEAD : len);
    }
}

/* What stands between unit and CRC. */
static enum err read_body(struct reader *r, struct modbus_frame *f)
{
    f->function = reader_u8(r);
    size_t len = reader_left(r);
    if (len > MODBUS_VALUES_MAX)
        return ERR_FRAME_LENGTH;
    for (size_t i = 0; i < len; i++)
        f->value[i] = reader_u8(r);
    f->value_count = len;
    struct body y = body_of(f);
    enum side side = rare_of(f->function)->side(&y);
    f->answer = side == ANSWER;
    f->either = side == EITHER;
    return side == WRONG ? ERR_FRAME_LENGTH : ERR_OK;
}

enum err modbus_decode_rtu_all(const uint8_t *data, size_t len, struct modbus_frame *frame,
                               size_t *used)
{
    size_t lengths[LENGTHS_MAX];
    enum err e = ERR_TRUNCATED;
    if (len < CRC_AND_HEAD || !modbus_is_rare(data[1]))
        return modbus_decode_rtu(data, len, frame, used);
    *used = 0;
    size_t count = lengths_of(data, len, lengths);
    for (size_t i = 0; i < count; i++) {
        size_t n = lengths[i];
        if (n > len || n < CRC_AND_HEAD)
            continue;
        e = ERR_FRAME_CHECKSUM;
        if (crc16_modbus(data, n - 2) != (uint16_t)(data[n - 2] | data[n - 1] << 8))
            continue;
        *frame = (struct modbus_frame){.unit = data[0]};
        struct reader r = reader_of(data + 1, n - 3);
        *used = n;
        return read_body(&r, frame);
    }
    return count == 0 ? ERR_FRAME_UNKNOWN : e;
}

enum err modbus_decode_tcp_all(const uint8_t *data, size_t len, struct modbus_frame *frame,
                               size_t *used)
{
    if (len < MBAP + 2 || !modbus_is_rare(data[MBAP + 1]))
        return modbus_decode_tcp(data, len, frame, used);
    struct reader r = reader_of(data, len);
    *used = 0;
    *frame = (struct modbus_frame){.tcp = true, .transaction = reader_u16be(&r)};
    uint16_t protocol = reader_u16be(&r), length = reader_u16be(&r);
    if (protocol != 0 || length < 2 || length > 254)
        return ERR_FRAME_UNKNOWN;
    if (reader_left(&r) < length)
        return ERR_TRUNCATED;
    *used = (size_t)MBAP + length;
    frame->unit = reader_u8(&r);
    struct reader body = reader_of(data + MBAP + 1, (size_t)length - 1);
    return read_body(&body, frame);
}

void modbus_say_all(const struct modbus_frame *f, say_sink *sink, void *arg)
{
    const struct rare *rare = f->exception ? NULL : rare_of(f->function);
    if (!rare) {
        modbus_say(f, sink, arg);
        return;
    }
    struct body y = body_of(f);
    rare->say(&y, &(struct telling){sink, arg});
}
