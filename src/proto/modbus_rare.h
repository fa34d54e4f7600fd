/*
 * Modbus with the functions that meters seldom use (07, 08, 0B, 0C, 11, 14 .. 18, 2BH) as well:
 * understood, not written. For whoever tells what a frame is; drivers and the terminal, which
 * neither ask nor answer them, need proto/modbus.h alone.
 */
#ifndef YUFU_PROTO_MODBUS_RARE_H
#define YUFU_PROTO_MODBUS_RARE_H

#include "proto/modbus.h"

bool modbus_is_rare(uint8_t function);
/* As modbus_decode_rtu and modbus_decode_tcp, of all functions: the data of a rare one stand byte
 * by byte in `value`. */
[[nodiscard]] enum err modbus_decode_rtu_all(const uint8_t *data, size_t len,
                                             struct modbus_frame *frame, size_t *used);
[[nodiscard]] enum err modbus_decode_tcp_all(const uint8_t *data, size_t len,
                                             struct modbus_frame *frame, size_t *used);
const char *modbus_function_en_all(uint8_t function);
const char *modbus_function_zh_all(uint8_t function);
void modbus_say_all(const struct modbus_frame *f, say_sink *sink, void *arg);

#endif
