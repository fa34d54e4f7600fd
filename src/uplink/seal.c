/* AES-256-GCM with keys of one connection and direction, by OpenSSL. Draws no random number. */
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#undef ERR_STATE

#include "base/must.h"
#include "uplink/uplink_impl.h"

#define NONCE 12

static void derive(const struct uplink *u, bool to_server, uint8_t key[32])
{
    uint8_t info[64], salt[2 * UPLINK_RANDOM];
    char digest[] = "SHA256";
    struct writer w = writer_of(info, sizeof info);
    const char *label = to_server ? "yufu uplink 1 c->s" : "yufu uplink 1 s->c";
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
    MUST(context != NULL && EVP_KDF_derive(context, key, 32, params) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void *cipher_new(const uint8_t key[32], bool encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, NULL, encrypt) == 1);
    return c;
}

void seal_keys_make(struct uplink *u)
{
    uint8_t key[32];
    derive(u, !u->server, key);
    u->cipher[SEAL_SEND] = cipher_new(key, true);
    derive(u, u->server, key);
    u->cipher[SEAL_RECEIVE] = cipher_new(key, false);
    OPENSSL_cleanse(key, sizeof key);
}

void seal_keys_free(struct uplink *u)
{
    EVP_CIPHER_CTX_free(u->cipher[SEAL_SEND]);
    EVP_CIPHER_CTX_free(u->cipher[SEAL_RECEIVE]);
    u->cipher[SEAL_SEND] = u->cipher[SEAL_RECEIVE] = NULL;
    OPENSSL_cleanse(u->secret, sizeof u->secret);
}

/* Sets nonce and associated data. The key belongs to this connection and direction alone, so the
 * sequence makes the nonce unique; the epoch in it is a second belt. */
static EVP_CIPHER_CTX *begin(struct uplink *u, enum seal_way way, const struct seal *s)
{
    EVP_CIPHER_CTX *c = u->cipher[way];
    uint8_t nonce[NONCE], identity[16];
    int n;
    struct writer w = writer_of(nonce, sizeof nonce);
    MUST(u->seq[way] < UPLINK_SEQ_MAX);
    writer_u32be(&w, (uint32_t)u->epoch);
    writer_u64be(&w, ++u->seq[way]);
    struct writer i = writer_of(identity, sizeof identity);
    writer_u64be(&i, (uint64_t)u->gateway_id);
    writer_u64be(&i, (uint64_t)u->epoch);
    MUST(w.len == NONCE && i.len == sizeof identity);
    MUST(EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) == 1);
    MUST(EVP_CipherUpdate(c, NULL, &n, s->header, (int)s->header_len) == 1);
    MUST(EVP_CipherUpdate(c, NULL, &n, identity, sizeof identity) == 1);
    return c;
}

void seal_close(struct uplink *u, const struct seal *s)
{
    EVP_CIPHER_CTX *c = begin(u, SEAL_SEND, s);
    int n;
    if (s->len > 0)
        MUST(EVP_CipherUpdate(c, s->text, &n, s->text, (int)s->len) == 1);
    MUST(EVP_CipherFinal_ex(c, s->text + s->len, &n) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, s->tag) == 1);
}

enum err seal_open(struct uplink *u, const struct seal *s)
{
    EVP_CIPHER_CTX *c = begin(u, SEAL_RECEIVE, s);
    int n;
    if (s->len > 0)
        MUST(EVP_CipherUpdate(c, s->text, &n, s->text, (int)s->len) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, s->tag) == 1);
    return EVP_CipherFinal_ex(c, s->text + s->len, &n) == 1 ? ERR_OK : ERR_UPLINK_SEAL;
}
