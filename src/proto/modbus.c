#include "proto/modbus.h"

#include <stdio.h>
#include <string.h>

#define MBAP 6

/* --- decoding ------------------------------------------------------------------------------------
 */

static void take_values(struct reader *r, struct modbus_frame *f, size_t count)
{
    f->value_count = count;
    for (size_t i = 0; i < count; i++)
        f->value[i] = reader_u16be(r);
}

/* An answer to a read: byte count, registers. */
static bool is_read_answer(const struct reader *r)
{
    size_t left = reader_left(r);
    return left >= 3 && left == 1u + r->data[r->at] && r->data[r->at] % 2 == 0 &&
           r->data[r->at] <= 2 * MODBUS_REGISTERS_MAX;
}

static enum err read_read(struct reader *r, struct modbus_frame *f)
{
    if (is_read_answer(r)) {
        f->answer = true;
        f->count = (uint16_t)(reader_u8(r) / 2);
        take_values(r, f, f->count);
        return ERR_OK;
    }
    if (reader_left(r) != 4)
        return ERR_FRAME_LENGTH;
    f->address = reader_u16be(r);
    f->count = reader_u16be(r);
    return f->count >= 1 && f->count <= MODBUS_REGISTERS_MAX ? ERR_OK : ERR_FRAME_LENGTH;
}

static enum err read_write_many(struct reader *r, struct modbus_frame *f)
{
    f->address = reader_u16be(r);
    f->count = reader_u16be(r);
    if (f->count < 1 || f->count > 123)
        return ERR_FRAME_LENGTH;
    f->answer = reader_left(r) == 0;
    if (f->answer)
        return ERR_OK;
    if (reader_left(r) != 1u + 2u * f->count || reader_u8(r) != 2 * f->count)
        return ERR_FRAME_LENGTH;
    take_values(r, f, f->count);
    return ERR_OK;
}

/* --- coils -----------------------------------------------------------------------------------
 */

bool modbus_is_coils(uint8_t function)
{
    return function == MODBUS_READ_COILS || function == MODBUS_READ_INPUTS ||
           function == MODBUS_WRITE_COIL || function == MODBUS_WRITE_COILS;
}

static void take_coils(struct reader *r, struct modbus_frame *f, size_t bytes)
{
    f->value_count = bytes;
    for (size_t i = 0; i < bytes; i++)
        f->value[i] = reader_u8(r);
}

/* Three coil bytes and a question are of one length: a count that fits is believed to be one. */
static enum err read_coils(struct reader *r, struct modbus_frame *f)
{
    size_t left = reader_left(r);
    uint8_t bytes = left > 0 ? r->data[r->at] : 0;
    if (bytes >= 1 && bytes <= MODBUS_COILS_MAX / 8 && left == 1u + bytes) {
        f->answer = true;
        f->count = (uint16_t)(8 * reader_u8(r));
        take_coils(r, f, bytes);
        return ERR_OK;
    }
    if (left != 4)
        return ERR_FRAME_LENGTH;
    f->address = reader_u16be(r);
    f->count = reader_u16be(r);
    return f->count >= 1 && f->count <= MODBUS_COILS_MAX ? ERR_OK : ERR_FRAME_LENGTH;
}

/* FF00: on, 0000: off, and nothing else. */
static enum err read_write_coil(struct reader *r, struct modbus_frame *f)
{
    f->either = true;
    f->address = reader_u16be(r);
    f->count = 1;
    uint16_t wish = reader_u16be(r);
    f->value[0] = wish == 0xFF00;
    f->value_count = 1;
    if (reader_left(r) > 0)
        return ERR_FRAME_LENGTH;
    return wish == 0 || wish == 0xFF00 ? ERR_OK : ERR_RANGE;
}

static enum err read_write_coils(struct reader *r, struct modbus_frame *f)
{
    f->address = reader_u16be(r);
    f->count = reader_u16be(r);
    size_t bytes = (f->count + 7u) / 8;
    if (f->count < 1 || f->count > 1968)
        return ERR_FRAME_LENGTH;
    f->answer = reader_left(r) == 0;
    if (f->answer)
        return ERR_OK;
    if (reader_left(r) != 1 + bytes || reader_u8(r) != bytes)
        return ERR_FRAME_LENGTH;
    take_coils(r, f, bytes);
    return ERR_OK;
}

/* What stands between unit and CRC. */
static enum err read_body(struct reader *r, struct modbus_frame *f)
{
    f->function = reader_u8(r);
    if (f->function & MODBUS_EXCEPTION) {
        f->answer = true;
        f->exception = reader_u8(r);
        f->function &= 0x7F;
        return reader_left(r) == 0 && f->exception >= 1 && f->exception <= 11 ? ERR_OK
                                                                              : ERR_FRAME_LENGTH;
    }
    switch (f->function) {
    case MODBUS_READ_COILS:
    case MODBUS_READ_INPUTS:
        return read_coils(r, f);
    case MODBUS_WRITE_COIL:
        return read_write_coil(r, f);
    case MODBUS_WRITE_COILS:
        return read_write_coils(r, f);
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
        return read_read(r, f);
    case MODBUS_WRITE_ONE:
        f->either = true; /* the answer repeats the request */
        f->address = reader_u16be(r);
        f->count = 1;
        take_values(r, f, 1);
        return reader_left(r) == 0 ? ERR_OK : ERR_FRAME_LENGTH;
    case MODBUS_WRITE_MANY:
        return read_write_many(r, f);
    default:
        return ERR_FRAME_UNKNOWN;
    }
}

static enum err finish(const struct reader *r, enum err e)
{
    return e == ERR_OK && r->err != ERR_OK ? ERR_FRAME_LENGTH : e;
}

/* The lengths that a frame with this beginning may have; the CRC says which. */
static size_t lengths_of(const uint8_t *p, size_t len, size_t out[2])
{
    size_t n = 0;
    uint8_t function = p[1];
    if (function & MODBUS_EXCEPTION)
        out[n++] = 5;
    else if (function == MODBUS_WRITE_ONE || function == MODBUS_WRITE_COIL)
        out[n++] = 8;
    else if (function == MODBUS_WRITE_MANY || function == MODBUS_WRITE_COILS) {
        out[n++] = 8;
        if (len > 6)
            out[n++] = 9u + p[6];
    } else if (function >= MODBUS_READ_COILS && function <= MODBUS_READ_INPUT) {
        out[n++] = 8;
        if (len > 2)
            out[n++] = 5u + p[2];
    }
    return n;
}

enum err modbus_decode_rtu(const uint8_t *data, size_t len, struct modbus_frame *frame,
                           size_t *used)
{
    size_t lengths[2];
    enum err e = ERR_TRUNCATED;
    *used = 0;
    if (len < 4)
        return ERR_TRUNCATED;
    size_t count = lengths_of(data, len, lengths);
    if (count == 0)
        return ERR_FRAME_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        size_t n = lengths[i];
        if (n > len || n < 5)
            continue;
        e = ERR_FRAME_CHECKSUM;
        if (crc16_modbus(data, n - 2) != (uint16_t)(data[n - 2] | data[n - 1] << 8))
            continue;
        *frame = (struct modbus_frame){.unit = data[0]};
        struct reader r = reader_of(data + 1, n - 3);
        *used = n;
        return finish(&r, read_body(&r, frame));
    }
    return e;
}

enum err modbus_decode_tcp(const uint8_t *data, size_t len, struct modbus_frame *frame,
                           size_t *used)
{
    struct reader r = reader_of(data, len);
    *used = 0;
    *frame = (struct modbus_frame){.tcp = true, .transaction = reader_u16be(&r)};
    uint16_t protocol = reader_u16be(&r), length = reader_u16be(&r);
    if (r.err != ERR_OK)
        return ERR_TRUNCATED;
    if (protocol != 0 || length < 3 || length > 254)
        return ERR_FRAME_UNKNOWN;
    if (reader_left(&r) < length)
        return ERR_TRUNCATED;
    *used = (size_t)MBAP + length;
    frame->unit = reader_u8(&r);
    struct reader body = reader_of(data + MBAP + 1, (size_t)length - 1);
    return finish(&body, read_body(&body, frame));
}

/* --- encoding ------------------------------------------------------------------------------------
 */

static void put_values(struct writer *w, const struct modbus_frame *f)
{
    writer_u8(w, (uint8_t)(2 * f->count));
    for (size_t i = 0; i < f->count; i++)
        writer_u16be(w, f->value[i]);
}

static enum err put_body(struct writer *w, const struct modbus_frame *f)
{
    if (f->count < 1 || f->count > MODBUS_REGISTERS_MAX)
        return ERR_RANGE;
    writer_u8(w, f->function);
    switch (f->function) {
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
        if (f->answer) {
            put_values(w, f);
            return ERR_OK;
        }
        writer_u16be(w, f->address);
        writer_u16be(w, f->count);
        return ERR_OK;
    case MODBUS_WRITE_ONE:
        writer_u16be(w, f->address);
        writer_u16be(w, f->value[0]);
        return ERR_OK;
    case MODBUS_WRITE_MANY:
        if (f->count > 123)
            return ERR_RANGE;
        writer_u16be(w, f->address);
        writer_u16be(w, f->count);
        if (!f->answer)
            put_values(w, f);
        return ERR_OK;
    default:
        return ERR_FRAME_UNKNOWN;
    }
}

enum err modbus_encode(const struct modbus_frame *f, struct writer *w)
{
    uint8_t room[MODBUS_FRAME_MAX];
    struct writer body = writer_of(room, sizeof room);
    writer_u8(&body, f->unit);
    if (f->exception) {
        writer_u8(&body, (uint8_t)(f->function | MODBUS_EXCEPTION));
        writer_u8(&body, f->exception);
    } else {
        TRY(put_body(&body, f));
    }
    if (f->tcp) {
        writer_u16be(w, f->transaction);
        writer_u16be(w, 0);
        writer_u16be(w, (uint16_t)body.len);
        writer_put(w, room, body.len);
    } else {
        writer_put(w, room, body.len);
        writer_u16le(w, crc16_modbus(room, body.len));
    }
    return w->err;
}

/* --- words ---------------------------------------------------------------------------------------
 */

const char *modbus_function_en(uint8_t function)
{
    switch (function) {
    case MODBUS_READ_COILS:
        return "read coils";
    case MODBUS_READ_INPUTS:
        return "read inputs";
    case MODBUS_WRITE_COIL:
        return "write one coil";
    case MODBUS_WRITE_COILS:
        return "write coils";
    case MODBUS_READ_HOLDING:
        return "read holding registers";
    case MODBUS_READ_INPUT:
        return "read input registers";
    case MODBUS_WRITE_ONE:
        return "write one register";
    case MODBUS_WRITE_MANY:
        return "write registers";
    default:
        return "unknown";
    }
}

const char *modbus_function_zh(uint8_t function)
{
    switch (function) {
    case MODBUS_READ_COILS:
        return "读线圈";
    case MODBUS_READ_INPUTS:
        return "读离散输入";
    case MODBUS_WRITE_COIL:
        return "写单个线圈";
    case MODBUS_WRITE_COILS:
        return "写多个线圈";
    case MODBUS_READ_HOLDING:
        return "读保持寄存器";
    case MODBUS_READ_INPUT:
        return "读输入寄存器";
    case MODBUS_WRITE_ONE:
        return "写单个寄存器";
    case MODBUS_WRITE_MANY:
        return "写多个寄存器";
    default:
        return "未知";
    }
}

const char *modbus_exception_en(uint8_t exception)
{
    static const char *const names[] = {
        "none",          "illegal function",         "illegal address",
        "illegal value", "device failure",           "acknowledged",
        "busy",          "negative acknowledgement", "parity error",
        "unknown",       "no path to the device",    "no answer of the device"};
    return names[exception < sizeof names / sizeof *names ? exception : 9];
}

static void say_coils(const struct modbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v;
    bool told = !(f->answer && f->function <= MODBUS_READ_INPUTS);
    size_t left = f->count;
    if (told) {
        v = (struct say_value){.en = "first coil", .zh = "起始线圈", .unit = ""};
        snprintf(v.text, sizeof v.text, "%04X", (unsigned)f->address);
        sink(arg, &v);
    }
    v = (struct say_value){.en = told ? "coils" : "coils at most", .zh = "线圈数", .unit = ""};
    say_scaled(&v, f->count, 0);
    sink(arg, &v);
    for (size_t i = 0; i<f->value_count; i++, left -= left> 8 ? 8 : left) {
        v = (struct say_value){.en = "coils, lowest first", .zh = "线圈（低位在前）", .unit = ""};
        for (size_t bit = 0; bit < 8 && bit < left; bit++)
            v.text[bit] = f->value[i] >> bit & 1 ? '1' : '0';
        snprintf(v.note, sizeof v.note, "from %s%zu", told ? "the first +" : "+", 8 * i);
        sink(arg, &v);
    }
}

void modbus_say(const struct modbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v;
    if (!f->exception && modbus_is_coils(f->function)) {
        say_coils(f, sink, arg);
        return;
    }
    if (f->exception) {
        v = (struct say_value){.en = "exception", .zh = "异常", .unit = ""};
        say_text(&v, modbus_exception_en(f->exception));
        snprintf(v.note, sizeof v.note, "%u", (unsigned)f->exception);
        sink(arg, &v);
        return;
    }
    bool told = !(f->answer && f->function <= MODBUS_READ_INPUT);
    if (told) {
        v = (struct say_value){.en = "first register", .zh = "起始寄存器", .unit = ""};
        snprintf(v.text, sizeof v.text, "%04X", (unsigned)f->address);
        sink(arg, &v);
    }
    v = (struct say_value){.en = "registers", .zh = "寄存器数", .unit = ""};
    say_scaled(&v, f->count, 0);
    sink(arg, &v);
    for (size_t i = 0; i < f->value_count; i++) {
        v = (struct say_value){.en = "value", .zh = "数值", .unit = ""};
        say_scaled(&v, f->value[i], 0);
        if (told)
            snprintf(v.note, sizeof v.note, "register %04X", (unsigned)(f->address + i) & 0xFFFFu);
        else
            snprintf(v.note, sizeof v.note, "register +%zu", i);
        sink(arg, &v);
    }
}
