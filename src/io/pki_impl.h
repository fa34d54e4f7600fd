/* Shared by what makes PEM texts, in io/ only. Included after OpenSSL's headers. */
#ifndef YUFU_IO_PKI_IMPL_H
#define YUFU_IO_PKI_IMPL_H

#include <stdbool.h>

#include "io/pki.h"

/* Takes what was written into `bio`, and frees it. ok false: writing has failed. ERR_TLS. */
[[nodiscard]] enum err pki_take(BIO *bio, bool ok, struct pki_pem *out);

#endif
