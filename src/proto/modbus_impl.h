/* The functions of Modbus that meters seldom use: understood, not written. */
#ifndef YUFU_PROTO_MODBUS_IMPL_H
#define YUFU_PROTO_MODBUS_IMPL_H

#include "proto/modbus.h"

#define MODBUS_LENGTHS_MAX 3

/* The lengths that such an RTU frame may have, as far as its first bytes tell. */
size_t modbus_rare_lengths(const uint8_t *p, size_t len, size_t out[MODBUS_LENGTHS_MAX]);
/* What stands behind the function, byte by byte into `value`. ERR_FRAME_LENGTH. */
[[nodiscard]] enum err modbus_rare_read(struct reader *r, struct modbus_frame *f);
void modbus_rare_say(const struct modbus_frame *f, say_sink *sink, void *arg);
/* NULL: not one of these. */
const char *modbus_rare_en(uint8_t function);
const char *modbus_rare_zh(uint8_t function);

#endif
