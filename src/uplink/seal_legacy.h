/*
 * The legacy seal of single messages: three-key triple DES in CBC, then HMAC-SHA256 over what was
 * enciphered. Only for gateways whose platform still asks for it and has a reason and an end date
 * for it written down; everybody else is sealed by AES-256-GCM (seal.c).
 *
 *   sealed = CBC( u64 sequence | text | padding ) | 32-byte HMAC(header | identity | CBC(...))
 *
 * The IV is zero and the sequence, unique under its key, is the first block: what it is enciphered
 * to serves as the IV of the text (NIST SP 800-38A, appendix C). Padding is 1..8 bytes of its own
 * length. The signature is looked at first and in constant time, so nothing can be learnt from the
 * padding. Pure: no clock, no random number, no memory kept.
 */
#ifndef YUFU_UPLINK_SEAL_LEGACY_H
#define YUFU_UPLINK_SEAL_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define LEGACY_KEYS 56       /* bytes of both keys together */
#define LEGACY_GROWTH_MAX 48 /* sequence, padding, signature */
/* What one key may encipher or decipher: NIST SP 800-67 rev. 2 allows no more. */
#define LEGACY_BLOCKS_MAX UINT32_C(0x10'0000)

struct legacy_keys {
    uint8_t cipher[24]; /* K1, K2, K3; of one connection and direction */
    uint8_t mac[32];
};

/* What is signed beside the text, and the sequence, which must never be used twice under a key. */
struct legacy_frame {
    struct bytes header; /* length, type, sequence as on the wire */
    struct bytes identity;
    uint64_t seq;
};

size_t legacy_sealed_len(size_t text_len);
uint32_t legacy_blocks(size_t text_len); /* blocks that sealing so much text costs */

/* In place: `text` has `len` bytes and room for legacy_sealed_len(len). */
void legacy_seal(const struct legacy_keys *keys, const struct legacy_frame *frame, uint8_t *text,
                 size_t len);
/* In place; *text points into body. ERR_UPLINK_SEAL: altered, another key, or another frame. */
[[nodiscard]] enum err legacy_open(const struct legacy_keys *keys, const struct legacy_frame *frame,
                                   uint8_t *body, size_t len, struct bytes *text);

#endif
