/*
 * The session between a gateway and the platform, both ends, without I/O: bytes and `now` go in,
 * bytes, messages and the next wake-up come out. It runs inside a TLS stream and does not rely on
 * it: a TLS terminator in between can neither read, alter, repeat nor reorder anything.
 *
 *   frame     u32 length of what follows (big-endian) | u8 type | body
 *   HELLO1    c->s  version, mode (0 unclaimed, 1 claimed, 2 claimed with the legacy seal),
 *                   gateway id, connection epoch, 32 random bytes                  in clear
 *   HELLO2    s->c  version, 32 random bytes                                       in clear
 *   SEALED    both  u64 sequence | AES-256-GCM(message) | 16-byte tag; the first one of each side
 *                   is empty and proves its key
 *   PLAIN     both  message; CLAIM and CLAIMED of an unclaimed gateway only
 *   REFUSED   s->c  name of the error in clear: before there are keys
 *   DENIED    s->c  as SEALED: u64 highest epoch known, name of the error
 *
 * Keys: HKDF-SHA256 of the 32-byte secret, salt = both randoms, info = direction, gateway id and
 * epoch: one key a connection and direction. Nonce = u32 epoch || u64 sequence; the whole header
 * (length, type, sequence) with gateway id and epoch is authenticated too. Sequences start at 1
 * and allow no gap. The epoch is raised and committed by the gateway BEFORE each connection; it
 * ends at UPLINK_EPOCH_MAX, where the gateway must be claimed anew.
 *
 * The legacy seal (seal_legacy.h: triple DES and HMAC) is for gateways that must have it for a
 * while: the gateway asks for it in HELLO1, and the platform refuses it as ERR_UPLINK_LEGACY unless
 * it was allowed by uplink_allow_legacy, and again when that time is over. Its keys differ from
 * those of the usual seal, so nobody in between can bring one about. A session under it ends as
 * ERR_UPLINK_AGED before a key has sealed 2^20 blocks.
 *
 * Whatever is wrong (altered, repeated, reordered, truncated, too long, wrong key, too silent) is
 * a named error, and the session is dead: it hands out nothing any more; the owner closes the
 * stream. Full description: docs/formats/uplink.md.
 */
#ifndef YUFU_UPLINK_UPLINK_H
#define YUFU_UPLINK_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "uplink/message.h"

#define UPLINK_VERSION 1
#define UPLINK_SECRET 32
#define UPLINK_RANDOM 32
#define UPLINK_EPOCH_MAX INT64_C(0xFFFFFFFF)
#define UPLINK_FRAME_MAX (UPLINK_MESSAGE_MAX + 64)
#define UPLINK_OUTPUT_MAX (4 * 1024 * 1024) /* above this uplink_send answers ERR_FULL */

/* In the time that the owner tells (the true one is best: links do not run faster in a demo). */
#define UPLINK_OPENING_MS 15'000 /* to the first sealed message */
#define UPLINK_ASK_MS 30'000     /* silence after which PING is sent */
#define UPLINK_SILENT_MS 90'000  /* silence after which the session is dead */
#define UPLINK_AGE_MS 86'400'000 /* then new keys are due: the session ends and is opened anew */
#define UPLINK_SEQ_MAX UINT64_C(0x1'0000'0000) /* the same after so many messages one way */

struct uplink_now {
    mono_ms mono;
    wall_s wall;
    bool doubted; /* the wall clock is not to be trusted: the other side is told no time */
    /* so long the machine slept since it started: not in mono; 0 where nobody asks */
    int64_t suspended_ms;
};

/* What the other side may be told; 0: no time. */
wall_s uplink_told(struct uplink_now now);

enum uplink_step {
    UPLINK_STEP_IDLE,    /* nothing until more bytes come */
    UPLINK_STEP_SECRET,  /* server: look up uplink_gateway(), then uplink_accept or uplink_refuse */
    UPLINK_STEP_OPENED,  /* client: both sides' keys agree, send now. server: the gateway has proved
                            its secret; commit boot_epoch := uplink_epoch() WHERE it is lower, or
                            uplink_refuse(ERR_UPLINK_EPOCH), before believing anything else */
    UPLINK_STEP_MESSAGE, /* *m holds it */
    UPLINK_STEP_DEAD,    /* uplink_error() says why */
};

struct uplink {
    bool server, claimed, legacy;
    wall_s legacy_until; /* server: the legacy seal is allowed until then; 0: it is not */
    int state;           /* enum state of uplink.c */
    enum err err;
    int64_t gateway_id, epoch, refused_epoch;
    uint8_t secret[UPLINK_SECRET];
    uint8_t random[2][UPLINK_RANDOM]; /* client's, server's */
    void *cipher[2];                  /* sends, receives; NULL before there are keys */
    uint64_t seq[2];                  /* last one used */
    uint32_t blocks[2];               /* legacy: what each key has done */
    mono_ms started, heard;
    bool asked; /* PING is out, nothing was heard since */
    struct uplink_buffer {
        uint8_t *data;
        size_t len, cap, at; /* [at, len) is still to be taken */
    } input, output;
    struct bytes last;
};

struct uplink_client {
    int64_t gateway_id; /* 0: unclaimed, may send CLAIM only; epoch and secret are not looked at */
    int64_t epoch;      /* 1 .. UPLINK_EPOCH_MAX, committed before this call */
    const uint8_t *secret; /* UPLINK_SECRET bytes, copied */
    const uint8_t *random; /* UPLINK_RANDOM fresh bytes, copied */
    bool legacy;           /* ask for the legacy seal; of a claimed gateway only */
};

void uplink_client_init(struct uplink *u, const struct uplink_client *client,
                        struct uplink_now now);
void uplink_server_init(struct uplink *u, const uint8_t random[UPLINK_RANDOM],
                        struct uplink_now now);
void uplink_close(struct uplink *u); /* wipes keys, frees buffers; the struct is done with */

/* Bytes from the stream. Then call uplink_next until it says IDLE or DEAD. An error is also the
 * state of the session. */
[[nodiscard]] enum err uplink_receive(struct uplink *u, struct uplink_now now, const uint8_t *data,
                                      size_t len);
/* `arena`: UPLINK_ARENA bytes, may be shared by all sessions; *m is valid until its next use.
 * PING is answered in here; PONG is handed on (its wall is the platform's time). */
enum uplink_step uplink_next(struct uplink *u, struct uplink_now now, void *arena,
                             struct uplink_message *m);

/* The encoded form of the message given last; valid until the next uplink_receive. */
struct bytes uplink_last(const struct uplink *u);

/* Did the gateway ask for the legacy seal? */
bool uplink_is_legacy(const struct uplink *u);
/* server, before uplink_accept: this gateway may have the legacy seal until then (> 0). Does
 * nothing to a session that did not ask for it. */
void uplink_allow_legacy(struct uplink *u, wall_s until);

/* server, after UPLINK_STEP_SECRET. `known_epoch`: highest epoch ever committed for this gateway;
 * the session's must be higher, else it is refused as ERR_UPLINK_EPOCH. ERR_UPLINK_LEGACY: it asked
 * for a seal that was not allowed. */
[[nodiscard]] enum err uplink_accept(struct uplink *u, const uint8_t secret[UPLINK_SECRET],
                                     int64_t known_epoch);
/* server, at any time: tells the other side why, and is dead. `why` e.g. ERR_NOT_FOUND (no such
 * gateway), ERR_STATE (revoked), ERR_UPLINK_EPOCH (fenced by a newer session). */
void uplink_refuse(struct uplink *u, enum err why, int64_t known_epoch);

/* Seals and queues. ERR_STATE: not open (or not a message of this mode), ERR_FULL: wait until the
 * output went away, ERR_OVERFLOW: longer than UPLINK_MESSAGE_MAX. The last two change nothing. */
[[nodiscard]] enum err uplink_send(struct uplink *u, const struct uplink_message *m);
/* The same for a message that was encoded before (the store-and-forward queue, the command table).
 */
[[nodiscard]] enum err uplink_send_encoded(struct uplink *u, struct bytes message);
/* Bytes for the stream; they stay until taken. Also of a dead session (its REFUSED). */
struct bytes uplink_output(const struct uplink *u);
void uplink_output_taken(struct uplink *u, size_t len);

/* When to call uplink_tick at the latest; MONO_NEVER for a dead session. */
mono_ms uplink_wake(const struct uplink *u);
void uplink_tick(struct uplink *u, struct uplink_now now);

bool uplink_is_open(const struct uplink *u);
enum err uplink_error(const struct uplink *u);  /* ERR_OK while alive */
int64_t uplink_gateway(const struct uplink *u); /* 0: unclaimed */
int64_t uplink_epoch(const struct uplink *u);
/* client, dead by ERR_UPLINK_EPOCH: the highest epoch that the platform knows; go above it. */
int64_t uplink_refused_epoch(const struct uplink *u);

#endif
