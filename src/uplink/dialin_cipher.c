/* What Acrel's gateways hide their reports with, by OpenSSL. */
#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/evp.h>
#undef ERR_STATE

#include <string.h>

#include "base/must.h"
#include "uplink/dialin_impl.h"

size_t dialin_seal(const uint8_t secret[DIALIN_SECRET], struct bytes plain, uint8_t *out)
{
    int len, rest;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_cbc(), NULL, secret, secret) == 1 &&
         EVP_EncryptUpdate(c, out, &len, plain.data, (int)plain.len) == 1 &&
         EVP_EncryptFinal_ex(c, out + len, &rest) == 1);
    EVP_CIPHER_CTX_free(c);
    return (size_t)(len + rest);
}

bool dialin_unseal(const uint8_t secret[DIALIN_SECRET], struct bytes sealed, uint8_t *out,
                   size_t *len)
{
    int first = 0, rest = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_DecryptInit_ex(c, EVP_aes_128_cbc(), NULL, secret, secret) == 1);
    bool good = EVP_DecryptUpdate(c, out, &first, sealed.data, (int)sealed.len) == 1 &&
                EVP_DecryptFinal_ex(c, out + first, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    *len = (size_t)(first + rest);
    return good;
}

void dialin_proof(const uint8_t secret[DIALIN_SECRET], const char *text, char out[33])
{
    uint8_t hash[16];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    MUST(c != NULL && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 &&
         EVP_DigestUpdate(c, secret, DIALIN_SECRET) == 1 &&
         EVP_DigestUpdate(c, text, strlen(text)) == 1 && EVP_DigestFinal_ex(c, hash, NULL) == 1);
    EVP_MD_CTX_free(c);
    hex_encode(hash, sizeof hash, out);
    for (size_t i = 0; i < 32; i++) /* digits are upper case here, lower case there */
        if (out[i] >= 'A' && out[i] <= 'F')
            out[i] = (char)(out[i] - 'A' + 'a');
}
