/* Shared by the parts of uplink/dialin only. */
#ifndef YUFU_UPLINK_DIALIN_IMPL_H
#define YUFU_UPLINK_DIALIN_IMPL_H

#include "proto/acrel.h"
#include "uplink/dialin.h"

enum conn_state {
    CONN_NEW,     /* has not said who it is */
    CONN_WAITING, /* its unit has another connection, of which it is not known whether it lives */
    CONN_BOUND,
};

struct dialin_conn {
    struct dialin_conn *next;
    int64_t id;
    enum conn_state state;
    mono_ms since; /* in this state */
    mono_ms heard_at;
    mono_ms settle_at;        /* new: look again at what was said; MONO_NEVER */
    mono_ms hold_at;          /* the filter holds something back until then; MONO_NEVER */
    struct dialin_unit *unit; /* waiting, bound */
    uint8_t first[DIALIN_FIRST_MAX];
    size_t first_len;
    struct dtu_filter filter; /* dtu */
    /* Acrel */
    enum dialin_kind kind; /* as its first bytes say; DTU until then */
    uint8_t *in;           /* not yet a whole frame */
    size_t in_len;
    char challenge[2 * DIALIN_RANDOM + 1];
    struct dialin_line *asked; /* the frame of this line is under way; NULL: none */
    mono_ms asked_until;       /* MONO_NEVER: none */
};

/* Lives as long as a line has it. */
struct dialin_unit {
    struct dialin_unit *next;
    struct dialin_endpoint endpoint;
    struct dialin_conn *bound, *waiting;
    mono_ms quarrel_until; /* after one connection displaced another */
};

struct dialin_line {
    struct dialin_line *next;
    int64_t id;
    struct dialin_unit *unit;
    unsigned port;
    uint8_t out[ACREL_RTU_MAX]; /* acrel: waits for its turn */
    size_t out_len;
};

struct dialin_secret {
    struct dialin_secret *next;
    char gateway_id[ACREL_TEXT_MAX];
    uint8_t secret[DIALIN_SECRET];
};

struct dialin {
    struct dialin_io io;
    struct dialin_conn *conns;
    struct dialin_unit *units;
    struct dialin_line *lines;
    struct dialin_secret *secrets;
    wall_s wall;
    int32_t offset_s;
};

/* dialin.c */
struct dialin_conn *dialin_find(const struct dialin *d, int64_t conn);
struct dialin_unit *dialin_unit_named(const struct dialin *d, enum dialin_kind kind,
                                      struct bytes name);
/* The connection has proved whose it is. It may be gone after this. */
void dialin_claim(struct dialin *d, struct dialin_conn *c, struct dialin_unit *u, mono_ms now);
/* Ends a connection and says why; c is gone. */
void dialin_refuse(struct dialin *d, struct dialin_conn *c, enum dialin_event event, enum err why);

/* dialin_acrel.c. c may be gone after a feed. */
void dialin_acrel_feed(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes more);
enum err dialin_acrel_write(struct dialin *d, struct dialin_line *l, mono_ms now, struct bytes rtu);
void dialin_acrel_tick(struct dialin *d, struct dialin_conn *c, mono_ms now);

/* dialin_cipher.c: the other way round than dialin_unseal; out needs len + 16 bytes. */
size_t dialin_seal(const uint8_t secret[DIALIN_SECRET], struct bytes plain, uint8_t *out);
/* Lower-case digits of MD5(secret || text). */
void dialin_proof(const uint8_t secret[DIALIN_SECRET], const char *text, char out[33]);

#endif
