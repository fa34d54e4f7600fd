/*
 * The platform's end of all gateway sessions: who may connect, what has arrived for good, and the
 * commands on their way. Sans-I/O: streams, clock and random bytes belong to the owner.
 *
 *   stream ──headend_open/data/closed──► uplink session ──► HELLO, CLAIM, APPLIED
 *                                             │
 *        READINGS ─► sink in a readings transaction ┐   strictly in the order of the gateway's
 *  OUTCOME, EVENT, TRIP ─► sink in a ledger transaction ├─► queue; duplicates collapse; ACK leaves
 *        gateway.received_seq raised in the same one ┘      only after both are durable
 *
 * A crash between the two commits of READINGS repeats the batch: its sink must be idempotent by
 * (gateway, queue epoch, seq). Everything in the ledger happens in one transaction with the raising
 * of received_seq, so an outcome or event is taken exactly once.
 *
 * One gateway, one live session: a session must prove a boot epoch above every earlier one, which
 * is committed before anything it says is believed; the older session is closed, and work that it
 * had queued is refused inside its transaction (ERR_UPLINK_EPOCH).
 *
 * Commands are rows of table `command`, written in the transaction of the reason for them, sent
 * after that commit (headend_poke), again on every reconnection and every HEADEND_RESEND_MS until
 * an outcome is committed:
 *
 *   waiting ──outcome──► done          waiting ──deadline passed──► expired ──outcome──► done
 *   waiting, expired ──headend_fence──► fencing ──outcome FENCED──► fenced
 *                                       fencing ──any other outcome──► done
 *
 * A gateway speaks for its own meters only: readings of others are left out, outcomes of commands
 * we do not know are taken as evidence only about its own meters.
 *
 * The owner calls store_flush of the readings store and then of the ledger store at the end of each
 * turn of its loop; answers leave in the `done` callbacks of these.
 */
#ifndef YUFU_HEADEND_HEADEND_H
#define YUFU_HEADEND_HEADEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "uplink/message.h"
#include "uplink/uplink.h"

#define HEADEND_SESSIONS_MAX 4096 /* connections at one time; more are closed at once */
#define HEADEND_INFLIGHT_MAX 32   /* commands of one gateway sent and not yet answered */
#define HEADEND_QUEUE_MAX 256     /* durable messages of one session not yet committed */
#define HEADEND_RESEND_MS 30'000
#define HEADEND_CLAIMS_PER_MINUTE 30 /* attempts, right or wrong, of all connections together */
#define HEADEND_RANDOM 64            /* bytes a connection needs: session keys, secret of a claim */

struct headend;

/* What the engine does to the world. `data` is valid during the call only. close may be followed by
 * headend_closed or not; the engine has forgotten the connection already. */
struct headend_io {
    void *ctx;
    void (*send)(void *ctx, int64_t conn, const uint8_t *data, size_t len);
    void (*close)(void *ctx, int64_t conn);
};

struct headend_batch {
    int64_t gateway_id;
    int64_t epoch, seq; /* of the gateway's queue: the batch's name for ever */
    wall_s now;
    struct bytes body; /* CBOR as received */
    const struct uplink_readings *readings;
};

struct headend_result {
    int64_t gateway_id;
    wall_s now;
    const struct uplink_command *command; /* NULL: not (or no more) in our table */
    const struct uplink_outcome *outcome;
    bool fenced_before; /* a FENCED outcome was committed before: this one contradicts it */
};

struct headend_happening {
    int64_t gateway_id, project_id;
    const char *serial;
    wall_s now;
    const struct uplink_event *event;
};

/*
 * Where things go. Functions with a tx run inside a transaction of the named store; an error of
 * class retry or bug keeps the message unacknowledged and ends the session (it comes again); any
 * other error is noted in the journal and the message is given up, so that one bad message cannot
 * block a gateway for ever. NULL: not wanted.
 */
struct headend_told_trip {
    int64_t gateway_id;
    wall_s now;
    const struct uplink_trip *trip;
};

struct headend_sinks {
    void *ctx;
    enum err (*readings)(void *ctx, struct store_tx *readings_tx,
                         const struct headend_batch *batch);
    /* the same batch in the ledger transaction after it: relay states, fee control ... */
    enum err (*readings_ledger)(void *ctx, struct store_tx *ledger_tx,
                                const struct headend_batch *batch);
    enum err (*outcome)(void *ctx, struct store_tx *ledger_tx, const struct headend_result *result);
    enum err (*event)(void *ctx, struct store_tx *ledger_tx, const struct headend_happening *event);
    /* after the commit of any of these: poke, tell browsers */
    void (*committed)(void *ctx, int64_t gateway_id);
    /* signs a certificate request: PEM chain into pem, SHA-256 of the DER into hash */
    enum err (*sign)(void *ctx, const char *serial, struct bytes request, struct writer *pem,
                     uint8_t hash[32]);
    enum err (*trip)(void *ctx, struct store_tx *ledger_tx, const struct headend_told_trip *trip);
    /* a session is live under the legacy seal: warn */
    void (*legacy)(void *ctx, const char *serial, wall_s until);
};

struct headend_config {
    struct store *ledger, *readings;
    struct headend_io io;
    struct headend_sinks sinks;
};

/* The stores must outlive it. ERR_MEMORY. */
[[nodiscard]] enum err headend_new(struct headend **out, const struct headend_config *config);
void headend_free(struct headend *h); /* flush the stores first; closes nothing; NULL is allowed */

/* A stream was accepted. `certificate_hash`: SHA-256 of the peer's certificate (DER), 32 bytes, or
 * NULL if it showed none: then it may only claim. ERR_FULL: too many; close it. */
struct headend_peer {
    int64_t conn; /* the owner's name for the stream, never reused */
    const uint8_t *certificate_hash;
    const uint8_t *random; /* HEADEND_RANDOM fresh secret bytes */
};
[[nodiscard]] enum err headend_open(struct headend *h, const struct headend_peer *peer,
                                    struct uplink_now now);
void headend_data(struct headend *h, int64_t conn, struct uplink_now now, const uint8_t *data,
                  size_t len); /* of an unknown or fenced conn: ignored */
void headend_closed(struct headend *h, int64_t conn, struct uplink_now now);

/* When headend_tick must be called at the latest. */
mono_ms headend_wake(const struct headend *h);
void headend_tick(struct headend *h, struct uplink_now now);

/* Sends what waits for a gateway: call after every commit that may have put commands; 0 looks at
 * all gateways that have commands never sent (cheap when there are none). */
void headend_poke(struct headend *h, int64_t gateway_id, struct uplink_now now);
/* Closes the session of a gateway (it was revoked, or claimed anew). */
void headend_kick(struct headend *h, int64_t gateway_id, struct uplink_now now);
bool headend_online(const struct headend *h, int64_t gateway_id);
size_t headend_sessions(const struct headend *h);

/* --- commands: plain functions on a ledger transaction -----------------------------------------
 */

struct headend_order {
    struct uplink_command command; /* its id is ignored: made from `random` */
    int64_t gateway_id;
    int64_t account_id; /* 0: none */
    const char *ref;    /* what it is for, to find it again: an order id; NULL: nothing */
    wall_s now;
    uint64_t random; /* a fresh one for each command */
};

/* ERR_NOT_FOUND: no such gateway. */
[[nodiscard]] enum err headend_command_put(struct store_tx *tx, const struct headend_order *order,
                                           int64_t *command_id);
/* The gateway that can reach a meter at present. ERR_NOT_FOUND. */
[[nodiscard]] enum err headend_gateway_of_meter(struct store_tx *tx, int64_t meter_id,
                                                int64_t *gateway_id);

enum headend_command_state {
    HEADEND_WAITING,
    HEADEND_DONE,
    HEADEND_EXPIRED,
    HEADEND_FENCING,
    HEADEND_FENCED
};
struct headend_command {
    int64_t id, gateway_id, meter_id;
    enum headend_command_state state;
    wall_s created_at, sent_at, done_at; /* 0: not yet */
};
[[nodiscard]] enum err headend_command_get(struct store_tx *tx, int64_t id,
                                           struct headend_command *out);
/* Asks for a tombstone. Idempotent; a command that is done or fenced stays so. ERR_NOT_FOUND. */
[[nodiscard]] enum err headend_fence(struct store_tx *tx, int64_t command_id);

#endif
