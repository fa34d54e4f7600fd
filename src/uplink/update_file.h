/*
 * The file of an update of the gateway's program: what it is, who signed it, and whether it may be
 * applied. Pure; both ends of the uplink look at it. Format: docs/formats/update.md.
 */
#ifndef YUFU_UPLINK_UPDATE_FILE_H
#define YUFU_UPLINK_UPDATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "io/sign.h"

#define UPDATE_KEYS "/etc/yufu/release-keys.pem" /* public release keys, unless told otherwise */
#define UPDATE_NAME_MAX 24
#define UPDATE_MACHINE_MAX 16
#define UPDATE_SIGNED 128                         /* of the header, what the signature covers */
#define UPDATE_HEADER (UPDATE_SIGNED + SIGN_SIZE) /* then the program */
#define UPDATE_PROGRAM_MAX INT64_C(67'108'864)
#define UPDATE_VERSION_TEXT 24

struct update_version {
    uint16_t part[3]; /* 0.2.0 */
};

/* What a program says of itself, by a text within its file. */
struct update_release {
    char program[UPDATE_NAME_MAX]; /* "yufu-gateway" */
    struct update_version version;
    uint16_t store; /* number of its database's schema */
};

struct update_header {
    struct update_release release;
    struct update_version minimum;    /* may be applied from this version on */
    char machine[UPDATE_MACHINE_MAX]; /* "x86_64", "aarch64", "arm" */
    uint64_t size;                    /* of the program, bytes */
    uint8_t sha256[SIGN_SHA256];
    struct signature signature;
};

/* Exactly one encoding of each header; `data` may be longer. ERR_TRUNCATED, ERR_UPDATE_FILE. The
 * signature is not looked at. */
[[nodiscard]] enum err update_header_decode(struct bytes data, struct update_header *out);
void update_header_encode(const struct update_header *h, uint8_t out[UPDATE_HEADER]);

/* "A.B.C", each 0 .. 65535, without leading zeros. ERR_SYNTAX. */
[[nodiscard]] enum err update_version_parse(const char *text, struct update_version *out);
void update_version_text(struct update_version v, char out[UPDATE_VERSION_TEXT]);
int update_version_compare(struct update_version a, struct update_version b); /* <0, 0, >0 */
/* Six bytes in a file. */
void update_version_put(struct writer *w, struct update_version v);
struct update_version update_version_take(struct reader *r);

/* "yufu-gateway 0.1.0 store 1". ERR_SYNTAX. */
[[nodiscard]] enum err update_release_parse(const char *text, struct update_release *out);
/* The release that stands in a program's file behind UPDATE_MARK. ERR_UPDATE_PROGRAM: none, or
 * several that differ. */
#define UPDATE_MARK "YUFU-PROGRAM "
[[nodiscard]] enum err update_release_find(struct bytes program, struct update_release *out);
/* The processor of an ELF file. ERR_UPDATE_MACHINE: none of ours. */
[[nodiscard]] enum err update_machine_find(struct bytes program, char out[UPDATE_MACHINE_MAX]);

struct update_own {
    struct update_release release; /* of the program that runs */
    char machine[UPDATE_MACHINE_MAX];
};

/* May this (verified) header be applied? ERR_UPDATE_PROGRAM, ERR_UPDATE_MACHINE, ERR_UPDATE_STORE,
 * ERR_UPDATE_FROM, ERR_UPDATE_OLD unless `downgrade`. */
[[nodiscard]] enum err update_judge(const struct update_header *h, const struct update_own *own,
                                    bool downgrade);

/* Is this the program that was signed? */
bool update_is_program(struct bytes program, uint64_t size, const uint8_t sha256[SIGN_SHA256]);
/* The signature first: nothing else of the header is believed before. ERR_TRUNCATED,
 * ERR_UPDATE_FILE, ERR_SIGN_KEY, ERR_SIGN_WRONG. `file` may be its beginning alone. */
[[nodiscard]] enum err update_file_head(struct bytes file, struct bytes keys,
                                        struct update_header *out);
/* The whole file. The same, and ERR_UPDATE_DATA. */
[[nodiscard]] enum err update_file_check(struct bytes file, struct bytes keys,
                                         struct update_header *out);

#endif
