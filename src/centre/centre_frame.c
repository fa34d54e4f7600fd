/* Frames, the cipher around their contents, and the proof. */
#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/evp.h>
#undef ERR_STATE

#include <string.h>

#include "base/must.h"
#include "centre/centre.h"

static const uint8_t head[4] = {0x68, 0x68, 0x16, 0x16}, tail[4] = {0x55, 0xAA, 0x55, 0xAA};

#define BEFORE 12 /* head, length, serial */
#define AFTER 6   /* checksum, tail */

static uint16_t checksum(const struct centre_profile *p, const uint8_t *data, size_t len)
{
    uint16_t sum = crc16_modbus(data, len);
    return p->checksum_high_first ? (uint16_t)(sum << 8 | sum >> 8) : sum;
}

void centre_frame_put(const struct centre_profile *p, const struct centre_frame *f,
                      struct writer *w)
{
    size_t from = w->len + 8;
    writer_put(w, head, sizeof head);
    writer_u32le(w, (uint32_t)(4 + f->body.len));
    writer_u32le(w, f->serial);
    writer_put(w, f->body.data, f->body.len);
    if (w->err == ERR_OK)
        writer_u16le(w, checksum(p, w->data + from, w->len - from));
    writer_put(w, tail, sizeof tail);
}

enum err centre_frame_take(const struct centre_profile *p, struct bytes data,
                           struct centre_frame *f, size_t *used)
{
    size_t known = data.len < sizeof head ? data.len : sizeof head;
    *used = 0;
    if (known > 0 && memcmp(data.data, head, known) != 0)
        return ERR_CENTRE_FRAME;
    if (data.len < BEFORE)
        return ERR_TRUNCATED;
    struct reader r = reader_of(data.data + 4, data.len - 4);
    uint32_t len = reader_u32le(&r);
    if (len < 4 || len > CENTRE_XML_MAX)
        return ERR_CENTRE_FRAME; /* known before the rest has come */
    size_t whole = BEFORE - 4 + len + AFTER;
    if (data.len < whole)
        return ERR_TRUNCATED;
    f->serial = reader_u32le(&r);
    f->body = reader_take(&r, len - 4);
    uint16_t told = reader_u16le(&r);
    bool ended = memcmp(data.data + whole - sizeof tail, tail, sizeof tail) == 0;
    if (!ended || told != checksum(p, data.data + 8, len))
        return ERR_CENTRE_FRAME;
    *used = whole;
    return ERR_OK;
}

size_t centre_hide(const struct centre_profile *p, struct bytes in, uint8_t *out)
{
    int len = 0, rest = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_cbc(), NULL, p->key, p->iv) == 1 &&
         EVP_EncryptUpdate(c, out, &len, in.data, (int)in.len) == 1 &&
         EVP_EncryptFinal_ex(c, out + len, &rest) == 1);
    EVP_CIPHER_CTX_free(c);
    return (size_t)(len + rest);
}

enum err centre_unhide(const struct centre_profile *p, struct bytes in, uint8_t *out, size_t *len)
{
    int first = 0, rest = 0;
    *len = 0;
    if (in.len == 0 || in.len % 16 != 0)
        return ERR_CENTRE_CIPHER;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    MUST(c != NULL && EVP_DecryptInit_ex(c, EVP_aes_128_cbc(), NULL, p->key, p->iv) == 1);
    bool good = EVP_DecryptUpdate(c, out, &first, in.data, (int)in.len) == 1 &&
                EVP_DecryptFinal_ex(c, out + first, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!good)
        return ERR_CENTRE_CIPHER;
    *len = (size_t)(first + rest);
    return ERR_OK;
}

void centre_proof_text(const struct centre_profile *p, const char *sequence, char out[33])
{
    bool secret_first = p->proof == CENTRE_SECRET_FIRST;
    const char *first = secret_first ? p->secret : sequence;
    const char *second = secret_first ? sequence : p->secret;
    uint8_t hash[16];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    MUST(c != NULL && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 &&
         EVP_DigestUpdate(c, first, strlen(first)) == 1 &&
         EVP_DigestUpdate(c, second, strlen(second)) == 1 &&
         EVP_DigestFinal_ex(c, hash, NULL) == 1);
    EVP_MD_CTX_free(c);
    hex_encode(hash, sizeof hash, out);
    for (size_t i = 0; i < 32; i++) /* digits are upper case here, lower case there */
        if (out[i] >= 'A' && out[i] <= 'F')
            out[i] = (char)(out[i] - 'A' + 'a');
}
