#include "journal/chain.h"

#include <string.h>

#define ERR_STATE openssl_err_state /* OpenSSL has a type of this name; ours is an error */
#include <openssl/evp.h>
#undef ERR_STATE

#include "base/must.h"
#include "journal/journal.h"

/* Found once for all: EVP_sha256() alone is looked up anew by each use. */
static const EVP_MD *sha256(void)
{
    static EVP_MD *found;
    if (!found)
        found = EVP_MD_fetch(NULL, "SHA256", NULL);
    MUST(found);
    return found;
}

/* Hashing fails only when the machine has no memory left or OpenSSL is broken: there is no
 * sensible way to go on with money in either case. */
struct chain chain_open(const char *domain)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    MUST(context && EVP_DigestInit_ex(context, sha256(), NULL) == 1);
    struct chain c;
    c.context = context;
    c.len = 0;
    chain_text(&c, domain);
    return c;
}

static void hash_waiting(struct chain *c)
{
    MUST(EVP_DigestUpdate(c->context, c->waiting, c->len) == 1);
    c->len = 0;
}

static void add(struct chain *c, const void *data, size_t len)
{
    if (len > sizeof c->waiting - c->len)
        hash_waiting(c);
    if (len > sizeof c->waiting) {
        MUST(EVP_DigestUpdate(c->context, data, len) == 1);
        return;
    }
    memcpy(c->waiting + c->len, data, len);
    c->len += len;
}

void chain_int(struct chain *c, int64_t value)
{
    uint8_t be[8];
    for (int i = 0; i < 8; i++)
        be[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    add(c, be, sizeof be);
}

void chain_bytes(struct chain *c, struct bytes b)
{
    uint8_t be[4];
    MUST(b.len <= UINT32_MAX);
    for (int i = 0; i < 4; i++)
        be[i] = (uint8_t)(b.len >> (24 - 8 * i));
    add(c, be, sizeof be);
    if (b.len)
        add(c, b.data, b.len);
}

void chain_text(struct chain *c, const char *text)
{
    chain_bytes(c, (struct bytes){(const uint8_t *)text, strlen(text)});
}

void chain_close(struct chain *c, uint8_t hash[CHAIN_HASH_SIZE])
{
    hash_waiting(c);
    MUST(EVP_DigestFinal_ex(c->context, hash, NULL) == 1);
    EVP_MD_CTX_free(c->context);
    c->context = NULL;
}

void journal_sha256(const void *data, size_t len, uint8_t hash[JOURNAL_HASH_SIZE])
{
    MUST(EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL) == 1);
}
