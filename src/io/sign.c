#include <stdbool.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#undef ERR_STATE

#include "base/must.h"
#include "io/pki_impl.h"
#include "io/sign.h"

#define KEY_SIZE 32
#define KEYS_MAX 16

void sign_sha256(struct bytes b, uint8_t out[SIGN_SHA256])
{
    unsigned len = 0;
    MUST(EVP_Digest(b.data, b.len, out, &len, EVP_sha256(), NULL) == 1 && len == SIGN_SHA256);
}

static enum err id_of(const EVP_PKEY *key, uint8_t id[SIGN_KEY_ID])
{
    uint8_t raw[KEY_SIZE], digest[SIGN_SHA256];
    size_t len = sizeof raw;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 || len != sizeof raw)
        return ERR_SIGN_KEY;
    sign_sha256((struct bytes){raw, len}, digest);
    memcpy(id, digest, SIGN_KEY_ID);
    return ERR_OK;
}

enum err sign_key_make(struct pki_pem *secret, struct pki_pem *public_key)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (key == NULL)
        return ERR_SIGN_KEY;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    enum err e = pki_take(bio, ok, secret);
    bio = BIO_new(BIO_s_mem());
    ok = e == ERR_OK && PEM_write_bio_PUBKEY(bio, key) == 1;
    e = pki_take(bio, ok, public_key);
    EVP_PKEY_free(key);
    return e == ERR_OK ? ERR_OK : ERR_SIGN_KEY;
}

/* No question for a pass phrase on a terminal: such a key is none for us. */
static int no_phrase(char *out, int cap, int writing, void *arg)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *secret_of(struct bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

enum err sign_key_id(struct bytes secret_pem, uint8_t id[SIGN_KEY_ID])
{
    EVP_PKEY *key = secret_of(secret_pem);
    enum err e = key == NULL ? ERR_SIGN_KEY : id_of(key, id);
    EVP_PKEY_free(key);
    return e;
}

enum err sign_make(struct bytes secret_pem, struct bytes text, struct signature *out)
{
    EVP_PKEY *key = secret_of(secret_pem);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = sizeof out->bytes;
    enum err e = key == NULL || ctx == NULL ? ERR_SIGN_KEY : id_of(key, out->key_id);
    if (e == ERR_OK && (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
                        EVP_DigestSign(ctx, out->bytes, &len, text.data, text.len) != 1 ||
                        len != sizeof out->bytes))
        e = ERR_SIGN_KEY;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return e;
}

static enum err check_with(EVP_PKEY *key, struct bytes text, const struct signature *s)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, s->bytes, sizeof s->bytes, text.data, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good ? ERR_OK : ERR_SIGN_WRONG;
}

/* A key of another kind in the file is a mistake of whoever installed it, and is told at once. */
enum err sign_check(struct bytes keys_pem, struct bytes text, const struct signature *signature)
{
    BIO *bio = BIO_new_mem_buf(keys_pem.data, (int)keys_pem.len);
    enum err e = ERR_SIGN_KEY;
    for (int i = 0; bio != NULL && i < KEYS_MAX; i++) {
        uint8_t id[SIGN_KEY_ID];
        EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, no_phrase, NULL);
        bool usable = key != NULL && id_of(key, id) == ERR_OK;
        bool same = usable && memcmp(id, signature->key_id, sizeof id) == 0;
        if (same)
            e = check_with(key, text, signature);
        EVP_PKEY_free(key);
        if (same || !usable)
            break;
    }
    BIO_free(bio);
    ERR_clear_error();
    return e;
}
