/*
 * Certificates of a project: one CA, one server certificate, one client certificate a gateway.
 * ECDSA P-256 with SHA-256 throughout. Times are real time (io_wall_real).
 *
 *   platform, once:   pki_ca_make, pki_server_make
 *   gateway, once:    pki_key_make, pki_request_make          -> CLAIM
 *   platform:         pki_request_sign, pki_fingerprint       -> CLAIMED
 */
#ifndef YUFU_IO_PKI_H
#define YUFU_IO_PKI_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

#define PKI_PEM_MAX 4096
#define PKI_REQUEST_MAX 2048

struct pki_pem { /* zero-terminated text; len without the zero */
    size_t len;
    char text[PKI_PEM_MAX];
};

struct pki_request { /* PKCS#10, DER */
    size_t len;
    uint8_t der[PKI_REQUEST_MAX];
};

static inline struct bytes pki_pem_bytes(const struct pki_pem *p)
{
    return (struct bytes){(const uint8_t *)p->text, p->len};
}

/* All: ERR_TLS if a certificate, key or request is not what it should be. */
[[nodiscard]] enum err pki_key_make(struct pki_pem *key);
/* Self-signed, may sign certificates only; 20 years. */
[[nodiscard]] enum err pki_ca_make(const char *name, wall_s now, struct pki_pem *certificate,
                                   struct pki_pem *key);
/* extendedKeyUsage serverAuth; `names`: comma-separated DNS names and IP addresses; 2 years. */
[[nodiscard]] enum err pki_server_make(const struct pki_pem *ca, const struct pki_pem *ca_key,
                                       const char *names, wall_s now, struct pki_pem *certificate,
                                       struct pki_pem *key);
[[nodiscard]] enum err pki_request_make(const struct pki_pem *key, const char *name,
                                        struct pki_request *request);
/* Signs what the requester proved to own: extendedKeyUsage clientAuth, subject `name` (the
 * request's own names and extensions are ignored). */
struct pki_sign {
    const struct pki_pem *ca, *ca_key;
    const char *name;
    wall_s now;
    int64_t days;
};
[[nodiscard]] enum err pki_request_sign(const struct pki_sign *by, struct bytes request,
                                        struct pki_pem *certificate);
/* SHA-256 of the first certificate of a PEM text, in DER: what io_stream_certificate shows. */
[[nodiscard]] enum err pki_fingerprint(struct bytes certificate_pem, uint8_t sha256[32]);

#endif
