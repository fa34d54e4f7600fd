/*
 * Pass-through units (DTU, 4G modems, serial servers that dial in): a TCP connection of bare bus
 * bytes, with two things of the unit's own in it:
 *
 *   registration   a fixed packet, first thing after connecting; some units say it before each
 *                  burst of data as well
 *   heartbeat      a fixed packet, every 30 to 180 s
 *
 * Both are whatever the installer has typed into the unit, text or bytes. Nothing marks them, so
 * they are taken out of the stream before anybody looks for frames in it.
 */
#ifndef YUFU_PROTO_DTU_H
#define YUFU_PROTO_DTU_H

#include "base/bytes.h"
#include "base/err.h"

#define DTU_PACKET_MAX 48
/* A packet shorter than this may stand inside a meter's answer by chance: it is taken for one only
 * where it is all that came at once. */
#define DTU_PACKET_SURE 4

struct dtu_packet {
    uint8_t len; /* 0: none */
    uint8_t data[DTU_PACKET_MAX];
};

/* Text as it is, or bytes as 0x and pairs of hexadecimal digits. ERR_SYNTAX: empty or no such
 * digits, ERR_RANGE: longer than DTU_PACKET_MAX. */
[[nodiscard]] enum err dtu_packet_parse(const char *text, size_t text_len, struct dtu_packet *out);
/* How much of the packet stands at the end of data: up to its whole length. */
size_t dtu_packet_begun(const struct dtu_packet *p, const uint8_t *data, size_t len);
/* Can these two be told apart in a stream? Not if one begins with the other, unless they are equal.
 */
bool dtu_packets_differ(const struct dtu_packet *a, const struct dtu_packet *b);

struct dtu_filter {
    struct dtu_packet packets[2]; /* registration, heartbeat */
    uint8_t held[DTU_PACKET_MAX]; /* may be the beginning of one */
    size_t held_len;
    uint64_t taken; /* packets taken out */
};

typedef void dtu_sink(void *arg, const uint8_t *data, size_t len);

void dtu_filter_init(struct dtu_filter *f, const struct dtu_packet *registration,
                     const struct dtu_packet *heartbeat);
/* Hands on what belongs to the bus. However the stream is cut into pieces, the same comes out (of
 * packets of DTU_PACKET_SURE bytes and more), once what is held has been released. */
void dtu_filter_feed(struct dtu_filter *f, const uint8_t *data, size_t len, dtu_sink *sink,
                     void *arg);
/* Nothing followed: what looked like a beginning is data. */
void dtu_filter_release(struct dtu_filter *f, dtu_sink *sink, void *arg);

#endif
