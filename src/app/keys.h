/*
 * The certificates of a platform in DIR/pki: ca.pem, ca.key, server.pem, server.key. The CA is
 * made at the first start and kept ever after, the server's certificate is made at each start; keys
 * are readable by their owner only. Gateways pin ca.pem.
 */
#ifndef YUFU_APP_KEYS_H
#define YUFU_APP_KEYS_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/pki.h"

struct keys {
    struct pki_pem ca, ca_key, server, server_key;
};

/* ERR_IO_FILE, ERR_TLS, ERR_RANGE. `names`: DNS names and addresses, separated by commas, that the
 * server certificate shall name besides localhost; may be empty. */
[[nodiscard]] enum err keys_load(struct keys *k, const char *data_dir, const char *names,
                                 wall_s now);
/* A client certificate of ten years for a gateway, with its fingerprint. */
[[nodiscard]] enum err keys_sign(const struct keys *k, const char *serial, struct bytes request,
                                 wall_s now, struct writer *pem, uint8_t hash[32]);

#endif
