/* Private to uplink/: keys and the sealing of single messages. */
#ifndef YUFU_UPLINK_UPLINK_IMPL_H
#define YUFU_UPLINK_UPLINK_IMPL_H

#include "uplink/uplink.h"

#define SEAL_TAG 16

enum seal_way { SEAL_SEND = 0, SEAL_RECEIVE = 1 };

/* Makes u->cipher from secret, randoms, gateway id, epoch and our end. */
void seal_keys_make(struct uplink *u);
void seal_keys_free(struct uplink *u);

/*
 * Works in place on `text` of `len` bytes under u->seq[way] + 1, which it raises. `header` (length,
 * type, sequence as on the wire) is authenticated. seal_open: ERR_UPLINK_SEAL.
 */
struct seal {
    const uint8_t *header;
    size_t header_len;
    uint8_t *text;
    size_t len;
    uint8_t *tag; /* SEAL_TAG bytes */
};
void seal_close(struct uplink *u, const struct seal *s);
[[nodiscard]] enum err seal_open(struct uplink *u, const struct seal *s);

#endif
