/*
 * Security of fee-control frames as a struct of functions: the grid's security module (ESAM, with a
 * crypto server at the head end) is a black box that only a vendor can supply; meters without one
 * carry the same fields with zeros or with a software signature.
 *
 * Freestanding. Keys stay the caller's.
 */
#ifndef YUFU_PROTO_CRYPTO_H
#define YUFU_PROTO_CRYPTO_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct crypto_provider {
    const char *name;
    /* Identity authentication: cipher 1 for random 1, under the meter's dispersed key. */
    enum err (*auth)(const void *key, const uint8_t factor[8], const uint8_t random1[8],
                     uint8_t cipher1[8]);
    /* The 4 signature bytes over `data`, begun with random 2 of the running authentication. */
    enum err (*mac)(const void *key, const uint8_t factor[8], const uint8_t random2[4],
                    struct bytes data, uint8_t out[4]);
    /* Enciphers in place what goes out under password level 98; len is a multiple of 8. */
    enum err (*wrap)(const void *key, const uint8_t factor[8], uint8_t *data, size_t len);
};

/* Meters without a security module: signatures are zero and nothing is enciphered. */
extern const struct crypto_provider crypto_none;

/* A software signature for the simulator and for meters of our own: 16-byte key, SipHash-2-4 over
 * factor, random and data, cut to 4 bytes. wrap and auth use the same function as key stream. */
extern const struct crypto_provider crypto_soft;

/* The dispersion factor of a meter: 00 00 and its number, highest digits first. */
void crypto_factor(const uint8_t address[6], uint8_t factor[8]);

uint64_t crypto_siphash(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
