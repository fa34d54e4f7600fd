/* Keys of one connection and direction, and AES-256-GCM under them, by OpenSSL; or the legacy seal.
 * Draws no random number. */
#include <stdlib.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#undef ERR_STATE

#include "base/must.h"
#include "uplink/seal_legacy.h"
#include "uplink/uplink_impl.h"

#define NONCE 12
#define TAG 16
/* The last words of a session, its DENIED, are sealed under the same key. */
#define LEGACY_RESERVE 64

_Static_assert(LEGACY_GROWTH_MAX == SEAL_GROWTH_MAX && TAG <= SEAL_GROWTH_MAX, "room for a seal");

static void derive(const struct uplink *u, bool to_server, uint8_t *key, size_t len)
{
    static const char *const labels[2][2] = {
        {"yufu uplink 1 s->c", "yufu uplink 1 c->s"},
        {"yufu uplink 1 3des s->c", "yufu uplink 1 3des c->s"}};

    uint8_t info[64], salt[2 * UPLINK_RANDOM];
    char digest[] = "SHA256";
    struct writer w = writer_of(info, sizeof info);
    const char *label = labels[u->legacy][to_server];
    writer_put(&w, (const uint8_t *)label, strlen(label));
    writer_u64be(&w, (uint64_t)u->gateway_id);
    writer_u64be(&w, (uint64_t)u->epoch);
    MUST(w.err == ERR_OK);
    memcpy(salt, u->random[0], UPLINK_RANDOM);
    memcpy(salt + UPLINK_RANDOM, u->random[1], UPLINK_RANDOM);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)u->secret, UPLINK_SECRET),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, w.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    MUST(context != NULL && EVP_KDF_derive(context, key, len, params) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void *cipher_new(const uint8_t key[32], bool encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, NULL, encrypt) == 1);
    return c;
}

/* Two equal keys among the three are as unlikely as guessing one of them; the signature has a key
 * of its own. */
static void *legacy_new(const uint8_t bytes[LEGACY_KEYS])
{
    struct legacy_keys *keys = malloc(sizeof *keys);
    MUST(keys != NULL);
    memcpy(keys->cipher, bytes, sizeof keys->cipher);
    memcpy(keys->mac, bytes + sizeof keys->cipher, sizeof keys->mac);
    return keys;
}

static void *way_new(const struct uplink *u, bool to_server, bool encrypt)
{
    uint8_t bytes[LEGACY_KEYS];
    derive(u, to_server, bytes, u->legacy ? LEGACY_KEYS : 32);
    void *way = u->legacy ? legacy_new(bytes) : cipher_new(bytes, encrypt);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return way;
}

void seal_keys_make(struct uplink *u)
{
    u->cipher[SEAL_SEND] = way_new(u, !u->server, true);
    u->cipher[SEAL_RECEIVE] = way_new(u, u->server, false);
}

static void way_free(const struct uplink *u, void *way)
{
    if (!u->legacy)
        EVP_CIPHER_CTX_free(way);
    else if (way != NULL) {
        OPENSSL_cleanse(way, sizeof(struct legacy_keys));
        free(way);
    }
}

void seal_keys_free(struct uplink *u)
{
    way_free(u, u->cipher[SEAL_SEND]);
    way_free(u, u->cipher[SEAL_RECEIVE]);
    u->cipher[SEAL_SEND] = u->cipher[SEAL_RECEIVE] = NULL;
    OPENSSL_cleanse(u->secret, sizeof u->secret);
}

size_t seal_len(const struct uplink *u, size_t text_len)
{
    return u->legacy ? legacy_sealed_len(text_len) : text_len + TAG;
}

bool seal_has_room(const struct uplink *u, size_t text_len)
{
    return !u->legacy ||
           u->blocks[SEAL_SEND] + legacy_blocks(text_len) + LEGACY_RESERVE <= LEGACY_BLOCKS_MAX;
}

static void put_identity(const struct uplink *u, uint8_t identity[16])
{
    struct writer w = writer_of(identity, 16);
    writer_u64be(&w, (uint64_t)u->gateway_id);
    writer_u64be(&w, (uint64_t)u->epoch);
    MUST(w.len == 16);
}

/* --- AES
 * ---------------------------------------------------------------------------------------- */

/* Sets nonce and associated data. The key belongs to this connection and direction alone, so the
 * sequence makes the nonce unique; the epoch in it is a second belt. */
static EVP_CIPHER_CTX *begin(struct uplink *u, enum seal_way way, const struct seal *s)
{
    EVP_CIPHER_CTX *c = u->cipher[way];
    uint8_t nonce[NONCE], identity[16];
    int n;
    struct writer w = writer_of(nonce, sizeof nonce);
    writer_u32be(&w, (uint32_t)u->epoch);
    writer_u64be(&w, u->seq[way]);
    put_identity(u, identity);
    MUST(w.len == NONCE);
    MUST(EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) == 1);
    MUST(EVP_CipherUpdate(c, NULL, &n, s->header, (int)s->header_len) == 1);
    MUST(EVP_CipherUpdate(c, NULL, &n, identity, sizeof identity) == 1);
    return c;
}

static void close_aes(struct uplink *u, const struct seal *s)
{
    EVP_CIPHER_CTX *c = begin(u, SEAL_SEND, s);
    int n;
    if (s->len > 0)
        MUST(EVP_CipherUpdate(c, s->text, &n, s->text, (int)s->len) == 1);
    MUST(EVP_CipherFinal_ex(c, s->text + s->len, &n) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, s->text + s->len) == 1);
}

static enum err open_aes(struct uplink *u, const struct seal *s, struct bytes *out)
{
    EVP_CIPHER_CTX *c = begin(u, SEAL_RECEIVE, s);
    size_t len = s->len - TAG;
    int n;
    if (len > 0)
        MUST(EVP_CipherUpdate(c, s->text, &n, s->text, (int)len) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, s->text + len) == 1);
    *out = (struct bytes){s->text, len};
    return EVP_CipherFinal_ex(c, s->text + len, &n) == 1 ? ERR_OK : ERR_UPLINK_SEAL;
}

/* --- either
 * ------------------------------------------------------------------------------------- */

static struct legacy_frame legacy_frame(const struct uplink *u, enum seal_way way,
                                        const struct seal *s, uint8_t identity[16])
{
    put_identity(u, identity);
    return (struct legacy_frame){{s->header, s->header_len}, {identity, 16}, u->seq[way]};
}

void seal_close(struct uplink *u, const struct seal *s)
{
    uint8_t identity[16];
    MUST(u->seq[SEAL_SEND] < UPLINK_SEQ_MAX);
    u->seq[SEAL_SEND]++;
    if (!u->legacy) {
        close_aes(u, s);
        return;
    }
    u->blocks[SEAL_SEND] += legacy_blocks(s->len);
    MUST(u->blocks[SEAL_SEND] <= LEGACY_BLOCKS_MAX);
    struct legacy_frame f = legacy_frame(u, SEAL_SEND, s, identity);
    legacy_seal(u->cipher[SEAL_SEND], &f, s->text, s->len);
}

enum err seal_open(struct uplink *u, const struct seal *s, struct bytes *out)
{
    uint8_t identity[16];
    MUST(s->len >= seal_len(u, 0));
    MUST(u->seq[SEAL_RECEIVE] < UPLINK_SEQ_MAX);
    u->seq[SEAL_RECEIVE]++;
    if (!u->legacy)
        return open_aes(u, s, out);
    u->blocks[SEAL_RECEIVE] += (uint32_t)(s->len / 8); /* the signature's too: never too few */
    if (u->blocks[SEAL_RECEIVE] > LEGACY_BLOCKS_MAX)
        return ERR_UPLINK_AGED;
    struct legacy_frame f = legacy_frame(u, SEAL_RECEIVE, s, identity);
    return legacy_open(u->cipher[SEAL_RECEIVE], &f, s->text, s->len, out);
}
