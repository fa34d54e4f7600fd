/* Shared by the parts of headend/ only. */
#ifndef YUFU_HEADEND_HEADEND_IMPL_H
#define YUFU_HEADEND_HEADEND_IMPL_H

#include "headend/headend.h"

/* Bytes of a COMMAND message: a dozen small numbers. */
#define HEADEND_COMMAND_BYTES 512

/* The command as it was sent; ERR_NOT_FOUND. */
enum err headend_command_read(struct store_tx *tx, int64_t id, void *arena,
                              struct uplink_command *out);

/* Writes the outcome of a command into its row. *fresh: it had none before, or only a tombstone that
 * this outcome contradicts (*fenced_before). An unknown id is ERR_NOT_FOUND. */
struct headend_closing {
    int64_t gateway_id;
    const struct uplink_outcome *outcome;
    struct bytes body; /* CBOR as received */
    wall_s now;
};
enum err headend_command_close(struct store_tx *tx, const struct headend_closing *closing,
                               bool *fresh, bool *fenced_before);

#endif
