/*
 * Acrel's 4G meters, which are modem and meter in one, as an independent platform's published code
 * shows them (docs/protocols/acrel.md).
 *
 *   7B 7B | command 1 | payload | CRC16 of command and payload, low byte first | 7D 7D
 *
 * No length is told, and a payload may hold 7D 7D: a frame ends where the sum is right.
 *
 *   84 REGISTER   meter: serial 20, ICCID 30, RSSI 1, three versions 2, interval 1; answered empty
 *   94 HEARTBEAT  meter; not answered
 *   93 TIME       meter asks; answered with year month day weekday hour minute second, binary
 *   91 DATA       meter: [serial 20] [[ address (( Modbus answer )) ]]; answered empty
 *   90 DOWNLINK   platform: a Modbus RTU frame; meter: [serial 20] and the Modbus answer
 *
 * Freestanding; views point into the caller's bytes.
 */
#ifndef YUFU_PROTO_ACREL4G_H
#define YUFU_PROTO_ACREL4G_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/say.h"

#define ACREL4G_FRAME_MAX 512
#define ACREL4G_SERIAL 20

enum acrel4g_command {
    ACREL4G_REGISTER = 0x84,
    ACREL4G_DOWNLINK = 0x90,
    ACREL4G_DATA = 0x91,
    ACREL4G_TIME = 0x93,
    ACREL4G_HEARTBEAT = 0x94,
};

struct acrel4g_frame {
    uint8_t command;
    struct bytes payload;
};

/* One frame that begins at data[0]; *used is its length. ERR_TRUNCATED; ERR_FRAME_UNKNOWN: another
 * beginning or command; ERR_FRAME_CHECKSUM: no end with a right sum within ACREL4G_FRAME_MAX. */
[[nodiscard]] enum err acrel4g_decode(const uint8_t *data, size_t len, struct acrel4g_frame *frame,
                                      size_t *used);
void acrel4g_encode(const struct acrel4g_frame *frame, struct writer *w);
const char *acrel4g_command_en(uint8_t command);
const char *acrel4g_command_zh(uint8_t command);

struct acrel4g_register {
    struct bytes serial, iccid; /* without what fills them up */
    uint8_t rssi, interval_min;
    uint8_t versions[3][2];
};
/* ERR_FRAME_LENGTH. */
[[nodiscard]] enum err acrel4g_register_read(struct bytes payload, struct acrel4g_register *out);

void acrel4g_time_write(wall_s t, int32_t offset_s, struct writer *w);

/* The Modbus frame of DATA or DOWNLINK, its sum checked, and the serial before it (empty: none).
 * ERR_SYNTAX: no such shape; ERR_FRAME_CHECKSUM. */
[[nodiscard]] enum err acrel4g_modbus(const struct acrel4g_frame *frame, struct bytes *serial,
                                      struct bytes *rtu);

/* The registers of a DATA report, 0.01 kWh. ERR_FRAME_LENGTH: a block of another size. */
struct acrel4g_energy {
    uint32_t total, rates[5]; /* sharp, peak, flat, valley, deep valley */
    unsigned rate_count;      /* 4: without deep valley; 5 */
};
[[nodiscard]] enum err acrel4g_energy_read(struct bytes rtu, struct acrel4g_energy *out);

[[nodiscard]] enum err acrel4g_say(const struct acrel4g_frame *frame, say_sink *sink, void *arg);

#endif
