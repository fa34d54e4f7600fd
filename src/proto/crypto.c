#include "proto/crypto.h"

#include <string.h>

/* --- none ------------------------------------------------------------------------------------- */

static enum err none_auth(const void *key, const uint8_t factor[8], const uint8_t random1[8],
                          uint8_t cipher1[8])
{
    (void)key, (void)factor, (void)random1;
    memset(cipher1, 0, 8);
    return ERR_OK;
}

static enum err none_mac(const void *key, const uint8_t factor[8], const uint8_t random2[4],
                         struct bytes data, uint8_t out[4])
{
    (void)key, (void)factor, (void)random2, (void)data;
    memset(out, 0, 4);
    return ERR_OK;
}

static enum err none_wrap(const void *key, const uint8_t factor[8], uint8_t *data, size_t len)
{
    (void)key, (void)factor, (void)data, (void)len;
    return ERR_OK;
}

const struct crypto_provider crypto_none = {"none", none_auth, none_mac, none_wrap};

/* --- SipHash-2-4 (Aumasson, Bernstein) ----------------------------------------------------------
 */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static uint64_t load(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = len; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

static void rounds(struct sip *s, unsigned count)
{
    while (count--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void absorb(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

uint64_t crypto_siphash(const uint8_t key[16], const uint8_t *data, size_t len)
{
    uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
    struct sip s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t whole = len / 8 * 8;
    for (size_t i = 0; i < whole; i += 8)
        absorb(&s, load(data + i, 8));
    absorb(&s, load(data + whole, len - whole) | (uint64_t)len << 56);
    s.v2 ^= 0xFF;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* --- soft ------------------------------------------------------------------------------------- */

static void store_le(uint64_t v, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

/* The root key dispersed to one meter. */
static void disperse(const void *key, const uint8_t factor[8], uint8_t own[16])
{
    uint8_t label[9];
    memcpy(label, factor, 8);
    for (uint8_t half = 0; half < 2; half++) {
        label[8] = half;
        store_le(crypto_siphash(key, label, sizeof label), own + (size_t)half * 8, 8);
    }
}

static enum err soft_auth(const void *key, const uint8_t factor[8], const uint8_t random1[8],
                          uint8_t cipher1[8])
{
    uint8_t own[16];
    disperse(key, factor, own);
    store_le(crypto_siphash(own, random1, 8), cipher1, 8);
    return ERR_OK;
}

static enum err soft_mac(const void *key, const uint8_t factor[8], const uint8_t random2[4],
                         struct bytes data, uint8_t out[4])
{
    uint8_t own[16], text[4 + 64];
    if (data.len > 64)
        return ERR_RANGE;
    disperse(key, factor, own);
    memcpy(text, random2, 4);
    if (data.len > 0)
        memcpy(text + 4, data.data, data.len);
    store_le(crypto_siphash(own, text, 4 + data.len), out, 4);
    return ERR_OK;
}

static enum err soft_wrap(const void *key, const uint8_t factor[8], uint8_t *data, size_t len)
{
    uint8_t own[16];
    if (len % 8 != 0 || len > 256)
        return ERR_RANGE;
    disperse(key, factor, own);
    for (size_t i = 0; i < len; i += 8) {
        uint8_t counter[2] = {0x98, (uint8_t)(i / 8)}, stream[8];
        store_le(crypto_siphash(own, counter, sizeof counter), stream, 8);
        for (size_t k = 0; k < 8; k++)
            data[i + k] ^= stream[k];
    }
    return ERR_OK;
}

const struct crypto_provider crypto_soft = {"soft", soft_auth, soft_mac, soft_wrap};

void crypto_factor(const uint8_t address[6], uint8_t factor[8])
{
    factor[0] = factor[1] = 0;
    for (size_t i = 0; i < 6; i++)
        factor[2 + i] = address[5 - i];
}
