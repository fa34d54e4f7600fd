#include "uplink/seal_legacy.h"

#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#undef ERR_STATE

#include "base/must.h"

#define BLOCK 8
#define SIGNATURE 32

static size_t enciphered_len(size_t text_len)
{
    return BLOCK + (text_len / BLOCK + 1) * BLOCK;
}

size_t legacy_sealed_len(size_t text_len)
{
    return enciphered_len(text_len) + SIGNATURE;
}

uint32_t legacy_blocks(size_t text_len)
{
    return (uint32_t)(enciphered_len(text_len) / BLOCK);
}

static void sign(const struct legacy_keys *keys, const struct legacy_frame *frame,
                 struct bytes enciphered, uint8_t signature[SIGNATURE])
{
    char digest[] = "SHA256";
    size_t len = 0;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
    MUST(c != NULL && EVP_MAC_init(c, keys->mac, sizeof keys->mac, params) == 1);
    MUST(EVP_MAC_update(c, frame->header.data, frame->header.len) == 1);
    MUST(EVP_MAC_update(c, frame->identity.data, frame->identity.len) == 1);
    MUST(EVP_MAC_update(c, enciphered.data, enciphered.len) == 1);
    MUST(EVP_MAC_final(c, signature, &len, SIGNATURE) == 1 && len == SIGNATURE);
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(mac);
}

/* Whole blocks in place. */
static void cipher(const struct legacy_keys *keys, bool encrypt, uint8_t *data, size_t len)
{
    static const uint8_t zero[BLOCK];
    int n = 0, last = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && len <= INT32_MAX);
    MUST(EVP_CipherInit_ex(c, EVP_des_ede3_cbc(), NULL, keys->cipher, zero, encrypt) == 1);
    MUST(EVP_CIPHER_CTX_set_padding(c, 0) == 1);
    MUST(EVP_CipherUpdate(c, data, &n, data, (int)len) == 1);
    MUST(EVP_CipherFinal_ex(c, data + n, &last) == 1 && (size_t)(n + last) == len);
    EVP_CIPHER_CTX_free(c);
}

static void put_sequence(uint64_t seq, uint8_t block[BLOCK])
{
    struct writer w = writer_of(block, BLOCK);
    writer_u64be(&w, seq);
}

void legacy_seal(const struct legacy_keys *keys, const struct legacy_frame *frame, uint8_t *text,
                 size_t len)
{
    size_t whole = enciphered_len(len), padding = whole - BLOCK - len;
    memmove(text + BLOCK, text, len);
    put_sequence(frame->seq, text);
    memset(text + BLOCK + len, (int)padding, padding);
    cipher(keys, true, text, whole);
    sign(keys, frame, (struct bytes){text, whole}, text + whole);
}

/* Nothing below the signature can be wrong unless the other side is. */
static bool is_padded(const uint8_t *data, size_t len, size_t *padding)
{
    *padding = data[len - 1];
    if (*padding < 1 || *padding > BLOCK)
        return false;
    for (size_t i = 1; i <= *padding; i++)
        if (data[len - i] != *padding)
            return false;
    return true;
}

enum err legacy_open(const struct legacy_keys *keys, const struct legacy_frame *frame,
                     uint8_t *body, size_t len, struct bytes *text)
{
    uint8_t signature[SIGNATURE], sequence[BLOCK];
    size_t whole = len < SIGNATURE ? 0 : len - SIGNATURE, padding;
    if (whole < 2 * BLOCK || whole % BLOCK != 0)
        return ERR_UPLINK_SEAL;
    sign(keys, frame, (struct bytes){body, whole}, signature);
    if (CRYPTO_memcmp(signature, body + whole, SIGNATURE) != 0)
        return ERR_UPLINK_SEAL;
    cipher(keys, false, body, whole);
    put_sequence(frame->seq, sequence);
    if (memcmp(body, sequence, BLOCK) != 0 || !is_padded(body, whole, &padding))
        return ERR_UPLINK_SEAL;
    *text = (struct bytes){body + BLOCK, whole - BLOCK - padding};
    return ERR_OK;
}
