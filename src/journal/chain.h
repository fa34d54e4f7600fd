/*
 * The canonical bytes of a chained row, and their SHA-256: what the audit chain and the ledger
 * chains are made of (docs/formats/journal.md).
 *
 *   domain   its text, length first
 *   integer  8 bytes, big endian, two's complement
 *   text     4 bytes length, big endian, then its bytes (no closing zero)
 *   bytes    the same
 */
#ifndef YUFU_JOURNAL_CHAIN_H
#define YUFU_JOURNAL_CHAIN_H

#include <stdint.h>

#include "base/bytes.h"

#define CHAIN_HASH_SIZE 32

struct chain {
    void *context; /* between chain_open and chain_close */
    size_t len;    /* of what waits for the hash: most pieces are of a few bytes */
    uint8_t waiting[512];
};

struct chain chain_open(const char *domain);
void chain_int(struct chain *c, int64_t value);
void chain_text(struct chain *c, const char *text);
void chain_bytes(struct chain *c, struct bytes b);
void chain_close(struct chain *c, uint8_t hash[CHAIN_HASH_SIZE]);

#endif
