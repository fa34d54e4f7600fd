/*
 * Modbus RTU and TCP: frames of the functions that meters use (03, 04, 06, 10H and their
 * exceptions), and, to be told what they are, those for coils (01, 02, 05, 0FH).
 * The rare ones: proto/modbus_rare.h.
 *
 *   RTU  unit 1 | function 1 | data | CRC16, low byte first
 *   TCP  transaction 2 | 0000 | length 2 | unit 1 | function 1 | data
 *
 * A frame does not say whether it asks or answers: where its length allows one only, that is told;
 * where both fit, whoever asked knows.
 */
#ifndef YUFU_PROTO_MODBUS_H
#define YUFU_PROTO_MODBUS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/say.h"

#define MODBUS_REGISTERS_MAX 125
#define MODBUS_FRAME_MAX 260

#define MODBUS_COILS_MAX 2000
#define MODBUS_VALUES_MAX 252 /* what fits behind a function; eight coils are a value */

enum modbus_function {
    MODBUS_READ_COILS = 0x01,
    MODBUS_READ_INPUTS = 0x02,
    MODBUS_READ_HOLDING = 0x03,
    MODBUS_READ_INPUT = 0x04,
    MODBUS_WRITE_COIL = 0x05,
    MODBUS_WRITE_ONE = 0x06,
    MODBUS_WRITE_COILS = 0x0F,
    MODBUS_WRITE_MANY = 0x10,
};
#define MODBUS_EXCEPTION 0x80

/* Exceptions that are no refusal. */
enum modbus_exception {
    MODBUS_ACKNOWLEDGED = 0x05, /* it takes its time */
    MODBUS_BUSY = 0x06,
    MODBUS_NO_PATH = 0x0A, /* said by a gateway */
    MODBUS_NO_TARGET = 0x0B,
};

struct modbus_frame {
    bool tcp;
    uint16_t transaction; /* tcp */
    uint8_t unit, function;
    bool answer, either; /* either: it may be a request as well */
    uint8_t exception;   /* 0: none */
    uint16_t address;    /* first register; 0 in an answer to a read, which does not say it */
    uint16_t count;      /* of registers or coils; an answer with coils says it in eights */
    uint16_t value[MODBUS_VALUES_MAX]; /* written or read; eight coils, or a byte, each */
    size_t value_count;
};

/* One frame that begins at data[0]; *used is its length. ERR_TRUNCATED, ERR_FRAME_CHECKSUM,
 * ERR_FRAME_UNKNOWN (another function), ERR_FRAME_LENGTH. */
[[nodiscard]] enum err modbus_decode_rtu(const uint8_t *data, size_t len,
                                         struct modbus_frame *frame, size_t *used);
[[nodiscard]] enum err modbus_decode_tcp(const uint8_t *data, size_t len,
                                         struct modbus_frame *frame, size_t *used);
/* A request of one of the four functions, or a plain answer to it. ERR_FRAME_UNKNOWN, ERR_RANGE. */
[[nodiscard]] enum err modbus_encode(const struct modbus_frame *frame, struct writer *w);

bool modbus_is_coils(uint8_t function);
const char *modbus_function_en(uint8_t function);
const char *modbus_function_zh(uint8_t function);
const char *modbus_exception_en(uint8_t exception);
void modbus_say(const struct modbus_frame *frame, say_sink *sink, void *arg);

#endif
