/*
 * What gateway and platform say to each other. The wire form is CBOR; its schema is
 * docs/formats/uplink.cddl; encoder and decoder stand side by side in message.c.
 *
 * Three manners of delivery:
 *   durable    gateway -> platform: READINGS, OUTCOME, EVENT, TRIP. Queued on the gateway's disk under
 *              (queue epoch, seq), sent in order, dropped only when ACK says that the platform has
 *              committed them. A repeat has the same (epoch, seq) and collapses.
 *   commanded  platform -> gateway: COMMAND, FENCE. Named by a random id for ever; repeated until an
 *              OUTCOME with that id was committed. The gateway stores a command before it acts and
 *              answers a repeat from its table.
 *   passing    everything else; lost ones are said again after the next HELLO. PERMIT, UPDATE and
 *              BLOCK go only to a gateway whose HELLO says that it understands them.
 */
#ifndef YUFU_UPLINK_MESSAGE_H
#define YUFU_UPLINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

#define UPLINK_POINTS_MAX 24    /* points in one reading */
#define UPLINK_READINGS_MAX 64  /* readings in one batch */
#define UPLINK_TEXT_MAX 64
#define UPLINK_MESSAGE_MAX 65'536 /* encoded bytes of one message */
/* In one part of a configuration: a part within these bounds always fits into a message. */
#define UPLINK_CONFIG_LINES_MAX 256
#define UPLINK_CONFIG_METERS_MAX 256
#define UPLINK_REQUEST_MAX 2048      /* bytes of a certificate request */
#define UPLINK_CERTIFICATE_MAX 8192  /* bytes of a certificate chain, PEM */
#define UPLINK_REGISTER_MAX 160      /* bytes of one register of a meter */
#define UPLINK_PERMIT_METERS_MAX 8
#define UPLINK_PERMIT_WINDOWS_MAX 8
/* Of an update file: all blocks but the last have this size. Small, so that what is urgent never
 * stands behind more than this in a line of a few kilobits. */
#define UPLINK_BLOCK_MAX 4096
#define UPLINK_UPDATE_MAX (16 * 1024 * 1024) /* bytes of an update file that is fetched */
#define UPLINK_VERSION_MAX 24

enum uplink_kind {
    UPLINK_HELLO = 1,    /* g->p  first message of a connection */
    UPLINK_WELCOME = 2,  /* p->g */
    UPLINK_ACK = 3,      /* p->g  committed up to (epoch, seq) */
    UPLINK_CONFIG = 4,   /* p->g  lines and meters, one part of `parts` */
    UPLINK_APPLIED = 5,  /* g->p  configuration version now in force */
    UPLINK_COMMAND = 6,  /* p->g */
    UPLINK_FENCE = 7,    /* p->g  tombstone this command id */
    UPLINK_PING = 8,     /* both ways, answered by PONG; 30 s of silence asks, 90 s close */
    UPLINK_PONG = 9,     /* p->g carries the platform's time */
    UPLINK_READINGS = 10, /* g->p durable */
    UPLINK_OUTCOME = 11,  /* g->p durable */
    UPLINK_EVENT = 12,    /* g->p durable */
    UPLINK_CLAIM = 13,    /* g->p unclaimed gateway: serial, code, certificate request */
    UPLINK_CLAIMED = 14,  /* p->g id, secret, certificate; or a refusal */
    UPLINK_TRIP = 15,     /* g->p durable */
    UPLINK_LINE = 16,     /* g->p how a line fares, now and then; only the newest counts */
    UPLINK_PERMIT = 17,   /* p->g standing permission of one account; or its end */
    UPLINK_UPDATE = 18,   /* p->g an update file that shall be fetched and applied; or no longer */
    UPLINK_ASK = 19,      /* g->p one block of it, answered by BLOCK, or by UPDATE: no longer */
    UPLINK_BLOCK = 20,    /* p->g */
    UPLINK_PROGRAM = 21,  /* g->p which program runs, and how far the update is */
    UPLINK_KINDS          /* one more than the last */
};

struct uplink_hello {
    int64_t queue_epoch;    /* of the store-and-forward queue; a new one when the file was lost */
    int64_t config_version; /* in force at the gateway, 0 none */
    wall_s wall;
    bool wall_trusted;
    char program[UPLINK_TEXT_MAX];
    bool permits; /* it understands PERMIT */
    bool updates; /* it understands UPDATE and BLOCK, and says PROGRAM */
};

struct uplink_welcome {
    wall_s wall; /* 0: the platform does not know the time */
    int64_t acked_epoch, acked_seq;
    int64_t config_version; /* a CONFIG follows if it differs */
};

struct uplink_ack {
    int64_t epoch, seq;
};

struct uplink_config_line {
    int64_t number;
    char endpoint[UPLINK_TEXT_MAX];
    int64_t baud;
    char parity; /* 'N' 'E' 'O' */
};

struct uplink_config_meter {
    int64_t meter_id;
    int64_t line;           /* line number */
    char address[16];
    char model[32];
    int64_t epoch;          /* installation period: a command of another epoch is refused */
    char customer_number[13];
    int64_t circuits;
};

/* Arrays are owned by whoever made the message; a decoded message points into its arena. */
struct uplink_config {
    int64_t version, part, parts; /* part 0 .. parts-1 */
    struct uplink_config_line *lines;
    size_t line_count;
    struct uplink_config_meter *meters;
    size_t meter_count;
};

enum uplink_command_kind {
    UPLINK_VEND = 1, UPLINK_RELAY = 2, UPLINK_KEEP = 3, UPLINK_READ = 4,
    UPLINK_REGISTER = 5, /* write a register of a meter and read it back; without data only read */
    UPLINK_EXERCISE = 6, /* move an open valve once, so that it does not seize; a closed one is left */
};

struct uplink_command {
    int64_t id;
    enum uplink_command_kind kind;
    int64_t meter_id;
    int64_t epoch;      /* installation period */
    wall_s not_after;   /* 0: no deadline. A cut whose deadline has passed is never executed */
    /* VEND: credit amount_fen under count n. READ: read the purchase record n back, send nothing. */
    int64_t n;
    int64_t amount_fen;
    /* RELAY, KEEP: the gateway ignores a version below the highest it has obeyed */
    int64_t circuit;    /* 0: whole meter */
    int64_t version;
    bool open;          /* RELAY: desired state */
    bool on;            /* KEEP */
    /* REGISTER: circuit as above, 0 the whole meter */
    int64_t item;       /* enum meter_terminal_item */
    uint8_t data[UPLINK_REGISTER_MAX]; /* the register's new content, as on the wire; none: read */
    size_t data_len;
};

enum uplink_status {
    UPLINK_DONE = 1,       /* carried out, and read back as wished (RELAY, KEEP, REGISTER; EXERCISE: open
                              again); VEND, READ: evidence */
    UPLINK_REFUSED = 2,    /* the meter said no; `reply` says how, the read-back says what is true */
    UPLINK_UNKNOWN = 3,    /* no answer in time: it may have happened */
    UPLINK_EXPIRED = 4,    /* not executed: the deadline had passed, or the clock is not trusted */
    UPLINK_SUPERSEDED = 5, /* not executed: a higher version was obeyed already */
    UPLINK_FENCED = 6,     /* not executed, and never will be: a tombstone stands */
    UPLINK_NO_METER = 7,   /* unknown meter, or another epoch: nothing is sent any more. What was sent
                              before that device went is not read back: it may have happened there */
};

enum uplink_reply { /* the meter's answer to a vend */
    UPLINK_REPLY_NONE = 0, /* no answer, or nothing was sent */
    UPLINK_REPLY_OK = 1,
    UPLINK_REPLY_REPEAT = 2,
    UPLINK_REPLY_COUNT = 3,
    UPLINK_REPLY_CUSTOMER = 4,
    UPLINK_REPLY_HOARD = 5,
    UPLINK_REPLY_AUTH = 6,
    UPLINK_REPLY_OTHER = 7,
};

struct uplink_outcome {
    int64_t command_id;
    int64_t meter_id;
    int64_t epoch;
    enum uplink_command_kind kind;
    enum uplink_status status;
    wall_s at;
    /* VEND, READ: what was read back after the act, in the same visit. -1 where not read. */
    bool sent;                /* false: the frame never left the gateway */
    enum uplink_reply reply;
    int64_t count;            /* the meter's purchase count now */
    int64_t record_n;         /* the purchase record found for the wished n, or -1 */
    int64_t record_amount_fen;
    int64_t purchased_fen;    /* cumulative purchased amount now */
    int64_t balance_fen;      /* INT64_MIN where not read */
    /* RELAY, KEEP, EXERCISE */
    int64_t circuit, version;
    int64_t relay_open;       /* bits as POINT_RELAY_OPEN; -1 not read */
    int64_t keep_power;       /* 0, 1; -1 not read */
    /* REGISTER: what was read back after the act; none: not read */
    int64_t item;
    uint8_t data[UPLINK_REGISTER_MAX];
    size_t data_len;
};

struct uplink_point {
    int64_t point; /* enum meter_point */
    int64_t value;
};

struct uplink_reading {
    int64_t meter_id, epoch;
    wall_s at;
    struct uplink_point points[UPLINK_POINTS_MAX];
    size_t point_count;
};

struct uplink_readings {
    int64_t seq_epoch, seq; /* the message's epoch and seq again, filled in by the decoder */
    struct uplink_reading *readings; /* <= UPLINK_READINGS_MAX */
    size_t count;
};

enum uplink_event_kind {
    UPLINK_METER_SILENT = 1, UPLINK_METER_BACK = 2, UPLINK_LINE_DOWN = 3, UPLINK_LINE_UP = 4,
    UPLINK_QUEUE_DROPPED = 5, UPLINK_CLOCK_SET = 6,
    UPLINK_AWAY_CUT = 7, /* a cut under a standing permission begins; value: the register */
};

struct uplink_event {
    enum uplink_event_kind kind;
    wall_s at;        /* 0: the gateway did not know the time */
    int64_t meter_id; /* 0: none */
    int64_t line;     /* 0: none */
    int64_t value;
    int64_t command_id; /* AWAY_CUT: the id in the permission */
};

/*
 * A standing permission 常备许可: what the gateway may cut by itself while it cannot reach the
 * platform (docs/decisions/0032). It replaces the account's last one; without meters it ends it.
 * WELCOME ends all of them: the platform says anew what stands. All of an account's meters are told,
 * also those that only count.
 */
struct uplink_permit_meter {
    int64_t meter_id, epoch;
    int64_t command_id;    /* of the cut: the cut's name for ever; 0: this meter is not cut */
    int64_t version;       /* of the cut of circuit 0 */
    int64_t register_wh;   /* total when the permission was worked out: Wh, litres, ... */
    int64_t ratio;         /* of the transformers: registers count so many times */
    int64_t rise_per_hour; /* no meter's register rises faster */
};

struct uplink_permit_window { /* from <= now < until */
    wall_s from, until;
};

struct uplink_permit {
    int64_t account_id;
    wall_s at;          /* of the registers: of the oldest */
    wall_s valid_from, valid_until;
    int64_t left_wh;    /* all meters together may use this much; cut beyond it, not at it */
    int64_t grace_s;    /* from then to the cut */
    struct uplink_permit_window *windows; /* times in which a cut is allowed */
    size_t window_count;
    struct uplink_permit_meter *meters;
    size_t meter_count;
};

/* One trip of a terminal, as its own record tells it; -1 in `verdict`: it explains nothing. */
struct uplink_trip {
    int64_t meter_id, epoch;
    int64_t number;     /* the meter's own count of trips, from 1 */
    wall_s at;          /* by the meter's clock */
    int64_t circuit;    /* 1.. */
    int64_t reason;     /* enum terminal_reason */
    int64_t power_w;    /* of the circuit before */
    int64_t balance_fen;
    int64_t verdict;    /* enum load_verdict */
    int64_t flags;      /* bit 0 settled, 1 ramp, 2 reactive power known, 3 third harmonic known */
    int64_t step_mw, step_mvar;
    int64_t factor, inrush, third; /* thousandths */
    int64_t value, limit;          /* mW or mA: what was above which limit; 0 none */
};

#define UPLINK_LINE_SLOW_MAX 8
#define UPLINK_LINE_SILENT_MAX 32

struct uplink_line_meter {
    int64_t meter_id;
    int64_t ms; /* slow: its slowest turnaround of late; silent: until it is asked again */
};

/* One line over the last `period_ms`; see struct bus_stats. Nothing is told of a line on which
 * nothing was asked. */
struct uplink_line {
    int64_t number;
    int64_t period_ms;
    int64_t meters, silent; /* now: all, and those on the probe ring */
    int64_t exchanges, answered, retries, timeouts, damaged;
    int64_t strays, foreign, collisions, pushed, echoes, garbage_bytes;
    int64_t busy_ms, useful_ms, yielded_ms;
    struct uplink_line_meter *slow; /* that answer, the slowest first */
    size_t slow_count;
    struct uplink_line_meter *quiet; /* silent ones, the first UPLINK_LINE_SILENT_MAX */
    size_t quiet_count;
};

/* The gateway fetches the file block by block, one asked for at a time, checks it as one that came
 * on a stick, and applies it when it may (docs/decisions/0033, 0035). */
struct uplink_update {
    int64_t id;   /* of this wish, for ever */
    int64_t size; /* of the whole file; 0: the wish is taken back, unless the trial has begun */
    uint8_t sha256[32]; /* of the whole file */
    size_t sha256_len;
    int64_t trial_s;
    int64_t from_minute, until_minute; /* of the site's day; applied within. Equal: at any time */
    bool downgrade;                    /* also a version that is not newer */
};

struct uplink_ask {
    int64_t id, offset; /* a multiple of UPLINK_BLOCK_MAX */
};

struct uplink_block {
    int64_t id, offset;
    struct bytes data;
};

enum uplink_update_stage {
    UPLINK_UPDATE_NONE = 1,
    UPLINK_UPDATE_FETCHING = 2,
    UPLINK_UPDATE_READY = 3,     /* fetched and checked; it waits until it may be applied */
    UPLINK_UPDATE_TRIAL = 4,
    UPLINK_UPDATE_CONFIRMED = 5,
    UPLINK_UPDATE_FAILED = 6,    /* `error`; what ran before runs */
    UPLINK_UPDATE_WITHDRAWN = 7,
};

struct uplink_program {
    int64_t id; /* of the last wish; 0: there was none */
    enum uplink_update_stage stage;
    int64_t received;            /* bytes of its file */
    char error[UPLINK_TEXT_MAX]; /* FAILED: err_name */
    char version[UPLINK_VERSION_MAX];
    char machine[UPLINK_VERSION_MAX];
    int64_t store;                 /* number of its database's schema */
    char place[UPLINK_VERSION_MAX]; /* "installed", "a", "b" */
    bool trial;
    char last[UPLINK_VERSION_MAX]; /* what happened to the slots last: "confirmed", "time" ... */
    char left[UPLINK_VERSION_MAX]; /* the version that was left by it */
};

struct uplink_claim {
    char serial[UPLINK_TEXT_MAX];
    char code[UPLINK_TEXT_MAX];
    struct bytes request; /* PKCS#10 certificate request, DER */
};

struct uplink_claimed {
    int64_t gateway_id;   /* 0: refused */
    struct bytes secret;  /* 32 bytes */
    struct bytes certificate; /* PEM chain */
    char refusal[UPLINK_TEXT_MAX]; /* err_name */
};

struct uplink_message {
    enum uplink_kind kind;
    int64_t epoch, seq; /* durable kinds: queue epoch and sequence; else 0 */
    union {
        struct uplink_hello hello;
        struct uplink_welcome welcome;
        struct uplink_ack ack;
        struct uplink_config config;
        int64_t config_version; /* APPLIED */
        struct uplink_command command;
        int64_t fence_id;
        wall_s wall;            /* PING, PONG; 0: not known */
        struct uplink_readings readings;
        struct uplink_outcome outcome;
        struct uplink_event event;
        struct uplink_trip trip;
        struct uplink_line line;
        struct uplink_permit permit;
        struct uplink_update update;
        struct uplink_ask ask;
        struct uplink_block block;
        struct uplink_program program;
        struct uplink_claim claim;
        struct uplink_claimed claimed;
    };
};

/* Encodes into w. Sticky errors: ERR_FULL; ERR_RANGE for what the schema does not allow (a kind, an
 * enum, a text or a list beyond its bound). */
void uplink_message_encode(const struct uplink_message *m, struct writer *w);

/* Decodes one whole message. Variable parts live in `arena` (at least UPLINK_ARENA bytes, 16-byte
 * aligned) until it is reused. ERR_TRUNCATED, ERR_UPLINK_SYNTAX, ERR_UPLINK_UNKNOWN (a kind of a
 * newer peer). Unknown map keys are skipped, so that a newer peer may say more. Texts are valid
 * UTF-8 without control characters. */
#define UPLINK_ARENA 262'144
[[nodiscard]] enum err uplink_message_decode(const uint8_t *data, size_t len, void *arena,
                                             struct uplink_message *m);

#endif
