/* Private to uplink/: keys and the sealing of single messages. */
#ifndef YUFU_UPLINK_UPLINK_IMPL_H
#define YUFU_UPLINK_UPLINK_IMPL_H

#include "uplink/uplink.h"

#define SEAL_GROWTH_MAX 48 /* how much longer than its text a sealed message may be */

enum seal_way { SEAL_SEND = 0, SEAL_RECEIVE = 1 };

/* Makes u->cipher from secret, randoms, gateway id, epoch and our end. */
void seal_keys_make(struct uplink *u);
void seal_keys_free(struct uplink *u);

size_t seal_len(const struct uplink *u, size_t text_len); /* of a sealed text */
/* May so much text still be sealed under this key? Always, by AES. */
bool seal_has_room(const struct uplink *u, size_t text_len);

/*
 * Works in place on `text` of `len` bytes under u->seq[way] + 1, which it raises. `header` (length,
 * type, sequence as on the wire) is authenticated. seal_close needs room for seal_len bytes.
 * seal_open: ERR_UPLINK_SEAL; ERR_UPLINK_AGED: the key has opened all that it may; *out points into
 * the text.
 */
struct seal {
    const uint8_t *header;
    size_t header_len;
    uint8_t *text;
    size_t len;
};
void seal_close(struct uplink *u, const struct seal *s);
[[nodiscard]] enum err seal_open(struct uplink *u, const struct seal *s, struct bytes *out);

#endif
