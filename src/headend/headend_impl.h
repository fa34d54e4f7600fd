/* Shared by the parts of headend/ only. */
#ifndef YUFU_HEADEND_HEADEND_IMPL_H
#define YUFU_HEADEND_HEADEND_IMPL_H

#include "headend/headend.h"
#include "site/site.h"

/* --- commands -----------------------------------------------------------------------------------
 */

#define HEADEND_COMMAND_BYTES 512 /* of a COMMAND message: a dozen small numbers */

/* The command as it was sent; ERR_NOT_FOUND. */
enum err headend_command_read(struct store_tx *tx, int64_t id, void *arena,
                              struct uplink_command *out);

/* Writes the outcome of a command into its row. *fresh: it had none before, or only a tombstone
 * that this outcome contradicts (*fenced_before). ERR_NOT_FOUND: not a command of this gateway. */
struct headend_closing {
    int64_t gateway_id;
    const struct uplink_outcome *outcome;
    struct bytes body; /* CBOR as received */
    wall_s now;
};
enum err headend_command_close(struct store_tx *tx, const struct headend_closing *closing,
                               bool *fresh, bool *fenced_before);

/* --- sessions ------------------------------------------------------------------------------------
 */

/*
 *   OPENING --proved its secret--> BOOTING --epoch committed--> LIVE
 *   OPENING --CLAIM--> CLAIMING --answered--> OPENING
 * any --> GONE: out of the table; the struct lives until its last job was answered.
 */
enum headend_state {
    HEADEND_OPENING,
    HEADEND_BOOTING,
    HEADEND_CLAIMING,
    HEADEND_LIVE,
    HEADEND_GONE
};

/*
 * One durable message on its way to disk.
 *   NEW --READINGS: submitted to the readings store--> READING --durable--> READY
 *   NEW --other--> READY --all before it are submitted--> LEDGER --committed--> gone
 * LEDGER --refused for itself--> READY, given up; LEDGER --one before it failed--> READY
 */
enum headend_step { HEADEND_NEW, HEADEND_READING, HEADEND_READY, HEADEND_LEDGER };

struct headend_session;

struct headend_entry {
    struct headend_entry *next;
    struct headend_session *session;
    enum headend_step step;
    enum uplink_kind kind;
    int64_t epoch, seq;             /* its name */
    int64_t after_epoch, after_seq; /* the one before it: what the ledger must say */
    enum err given_up;              /* ERR_OK, or why only its number is taken */
    size_t len;
    uint8_t raw[];
};

struct headend_flight { /* a command that was sent and is not answered */
    int64_t id;
    bool fence;
    mono_ms sent;
};

struct headend_session {
    struct headend *headend;
    int64_t conn;
    enum headend_state state;
    size_t jobs; /* submitted and not answered: each holds the struct */
    struct uplink link;
    bool has_certificate;
    uint8_t certificate[32];
    uint8_t secret[32]; /* for a claim */
    int64_t gateway_id, project_id;
    char serial[SITE_CODE_MAX + 1];
    bool welcomed;                  /* HELLO was answered: durable messages may come */
    int64_t done_epoch, done_seq;   /* committed */
    int64_t taken_epoch, taken_seq; /* in the pipeline */
    struct headend_entry *first, *last;
    size_t queued;
    struct headend_flight flight[HEADEND_INFLIGHT_MAX];
    size_t flights;
    wall_s legacy_until; /* of a session under the legacy seal; else 0 */
    bool permits;        /* it understands them */
    bool updates;        /* it understands them */
    bool told_odd;       /* of its program, what cannot be: noted once in a session */
    bool asks;           /* for a block that was not sent yet */
    struct uplink_ask ask;
    bool permits_left;     /* not all changes could be handed on */
    int64_t permit_change; /* sent up to this one */
    int64_t config_sent;   /* version; 0: none in this session */
    mono_ms config_at;
};

struct headend {
    struct headend_config config;
    struct headend_session *sessions[HEADEND_SESSIONS_MAX];
    size_t count;
    struct headend_session *recent; /* the one asked for last */
    struct uplink_now now;          /* of the present or last call: for work that ends in a flush */
    mono_ms housekeeping;
    int64_t permit_change; /* the newest that was looked at */
    mono_ms minute;        /* start of the minute that the limits count in */
    int claims, refusals;
    mono_ms blocks_at; /* blocks of update files: so many may leave until this is a slice ago */
    int blocks;
    size_t blocks_next; /* session that is looked at first: each has its turn */
    size_t jobs;        /* of all sessions; holds this struct */
    bool freed;
    uint8_t scratch[UPLINK_MESSAGE_MAX];
    _Alignas(16) uint8_t arena[UPLINK_ARENA];
};

/* "2026-11-25 06:00" UTC; out needs 24 chars; returns it. */
const char *headend_time_text(wall_s t, char *out);

struct headend_session *headend_find(struct headend *h, int64_t conn);
struct headend_session *headend_live(const struct headend *h, int64_t gateway_id);
/* Between these two the struct stays, whatever ends the session. */
void headend_hold(struct headend_session *s);
void headend_release(struct headend_session *s);
/* Hands on what the session has to say, and ends it if it is dead. */
void headend_flush(struct headend_session *s);
/* Reads on: messages that arrived while the session waited for a commit. */
void headend_pump(struct headend_session *s);
/* Tells the peer why, closes the stream, forgets. */
void headend_end(struct headend_session *s, enum err why, int64_t known_epoch);

/* Work in a store that holds the session until it was answered. `work` and `done` get `arg`; the
 * first member of *arg must be a struct headend_job. done runs whatever became of the session. */
struct headend_job {
    struct headend_session *session;
    store_work *work;
    void (*done)(void *arg, enum err result);
};
void headend_submit(struct store *store, struct headend_job *job);

/* An event about the session's gateway, in a piece of work of its own. */
void headend_note(struct headend_session *s, enum err why, int kind);
enum err headend_note_now(struct store_tx *tx, const struct headend_session *s, enum err why,
                          int kind);

void headend_claim(struct headend_session *s, const struct uplink_claim *claim);

void headend_take(struct headend_session *s, const struct uplink_message *m); /* durable kinds */
void headend_drop_entries(struct headend_session *s);

void headend_send_commands(struct headend_session *s);
void headend_send_permits(struct headend_session *s);
/* Looks whether there is anything new for anybody; cheap if not. */
void headend_permits_changed(struct headend *h);
void headend_send_config(struct headend_session *s);

/* --- updates of the gateways' programs: headend_update.c */
void headend_note_hello(struct headend_session *s, const struct uplink_hello *hello);
void headend_note_program(struct headend_session *s, const struct uplink_program *program);
/* Says what shall be fetched, or no longer; again and again until the gateway has answered. */
void headend_send_update(struct headend_session *s);
void headend_take_ask(struct headend_session *s, const struct uplink_ask *ask);
void headend_send_blocks(struct headend *h);
mono_ms headend_blocks_wake(const struct headend *h);
/* In the transaction in which the gateway told it: the wish goes on, or ends. ERR_UPDATE_TOLD: it
 * cannot be, nothing was changed. */
enum err headend_push_told(struct store_tx *tx, const struct site_gateway *g,
                           const struct uplink_program *told, wall_s now);
/* The gateway does not know updates: a wish that waits for it has failed. */
enum err headend_push_unknown(struct store_tx *tx, const struct site_gateway *g, wall_s now);
/* True: some command was sent so long ago that it should be said again. */
bool headend_must_resend(const struct headend_session *s);

#endif
