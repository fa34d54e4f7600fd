/*
 * Signatures of program files: Ed25519 (RFC 8032) by OpenSSL. Keys are PEM texts as
 * `openssl genpkey -algorithm ED25519` and `openssl pkey -pubout` write them.
 */
#ifndef YUFU_IO_SIGN_H
#define YUFU_IO_SIGN_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "io/pki.h"

#define SIGN_SIZE 64
#define SIGN_KEY_ID 8 /* the first bytes of the SHA-256 of the public key's 32 */
#define SIGN_SHA256 32

struct signature {
    uint8_t key_id[SIGN_KEY_ID];
    uint8_t bytes[SIGN_SIZE];
};

[[nodiscard]] enum err sign_key_make(struct pki_pem *secret, struct pki_pem *public_key);
/* The id alone: it may stand in what is signed. ERR_SIGN_KEY: no secret key of Ed25519. */
[[nodiscard]] enum err sign_key_id(struct bytes secret_pem, uint8_t id[SIGN_KEY_ID]);
[[nodiscard]] enum err sign_make(struct bytes secret_pem, struct bytes text, struct signature *out);
/* `keys_pem`: one public key or several, one behind the other. ERR_SIGN_KEY: a text that is none,
 * or none of them has this id; ERR_SIGN_WRONG. */
[[nodiscard]] enum err sign_check(struct bytes keys_pem, struct bytes text,
                                  const struct signature *signature);

void sign_sha256(struct bytes b, uint8_t out[SIGN_SHA256]);

#endif
