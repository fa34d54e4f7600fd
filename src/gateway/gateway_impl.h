/* Shared by the parts of gateway/ only. */
#ifndef YUFU_GATEWAY_GATEWAY_IMPL_H
#define YUFU_GATEWAY_GATEWAY_IMPL_H

#include "bus/bus.h"
#include "bus/plan.h"
#include "gateway/away.h"
#include "gateway/gateway.h"
#include "meter/meter.h"
#include "meter/meter_terminal.h"

#define GATEWAY_OPEN_MAX 128  /* commands accepted and not yet final */
#define GATEWAY_WINDOW 64     /* queue rows sent and not yet acknowledged */
#define GATEWAY_EVENTS_MAX 64 /* waiting for the next flush */
#define GATEWAY_HELD_MAX 512  /* readings in memory while the disk is full; the oldest go */
#define GATEWAY_QUEUE_BYTES (32 * 1024 * 1024)
#define GATEWAY_FLUSH_MS 2'000
#define GATEWAY_SLACK_MS 50       /* a poll that is in time waits so long for company */
#define GATEWAY_RETRY_MS 5'000    /* after a full disk */
#define GATEWAY_KEEP_CIRCUIT (-1) /* keep-power's row in table `relay` */
#define GATEWAY_CLOCK_S 86'400    /* how often meters are told the time */
#define GATEWAY_CONFIG_PARTS 64
#define GATEWAY_TRIP_CHECK_MS 300'000 /* how often a terminal is asked for its count of trips */
#define GATEWAY_TRIP_RETRY_MS 30'000
#define GATEWAY_TRIP_LOOK_MS 250
#define GATEWAY_LINE_TELL_MS 300'000 /* how often the platform is told how a line fares */

/* What the visit on a line is doing: gateway_visit.c has the table. */
enum visit_step {
    VISIT_NONE,
    VISIT_COUNT,        /* read the purchase count */
    VISIT_SEND,         /* the one frame that changes money or a relay */
    VISIT_RECORD_COUNT, /* read back the record for n */
    VISIT_RECORD_AMOUNT,
    VISIT_PURCHASED,
    VISIT_BALANCE,
    VISIT_OVERDRAFT,
    VISIT_STATE, /* read back relay and keep-power */
    VISIT_STEP_COUNT
};

struct open_command {
    struct uplink_command command;
    bool started; /* committed as such: something may have been sent */
    bool fenced;  /* nothing more is sent for it */
    bool away; /* our own, under a permission: not begun once the platform is back. Not remembered
                  over a restart: then the clock is not trusted, and a cut that was not begun ends */
    bool accepted;        /* the meter said so; not remembered over a restart */
    uint8_t parks;        /* how often it waited for the meter to act */
    mono_ms parked_until; /* whether it was carried out is looked at then */
};

struct visit {
    enum visit_step step;
    int64_t command_id;
    uint16_t peer;
    uint8_t sends; /* frames of the act that went out in this visit */
    uint8_t looks; /* read-backs of the count or state since the last send */
    int64_t seen;  /* an unexpected count must be seen twice to be believed; -1 none */
    struct uplink_outcome outcome;
    bool undated; /* it ended by a clock that nobody has set yet */
};

/* Trips of one terminal: those up to `known` are queued for the platform. */
struct gateway_trips {
    int64_t known; /* -1: not looked up yet */
    int64_t reason, open; /* as last read; a change asks for the count at once */
    mono_ms due;
};

/* One terminal's new trips being fetched: gateway_trip.c. */
struct gateway_trip_fetch {
    bool asking;
    enum meter_trip_item item;
    uint16_t peer;
    int64_t count; /* that the meter told first; -1: not yet */
    unsigned nn;   /* the record that is asked, 1 the newest; 0: all are here */
    size_t taken;
    struct meter_trip list[METER_TERMINAL_TRIPS]; /* the oldest first */
};

struct gateway_meter {
    int64_t meter_id, epoch;
    size_t line;
    uint16_t peer;
    struct meter_unit unit;
    char address[sizeof((struct uplink_config_meter *)0)->address]; /* as configured */
    struct gateway_trips trips;
};

enum gateway_line_news { LINE_NO_NEWS, LINE_TOLD_UP, LINE_TOLD_DOWN };

struct gateway_line {
    struct uplink_config_line config;
    bool up;
    enum gateway_line_news news; /* what the platform was told last */
    mono_ms down_at;             /* since when it is down, by both clocks */
    wall_s down_wall;
    struct bus bus;
    struct plan plan;
    struct plan_peer *peers;
    size_t *meters; /* index into gateway.meters, by peer */
    uint16_t peer_count;
    struct visit visit;
    bool polling; /* one poll is on the bus */
    bool owes_sweep;      /* after a visit to a wallet one meter is polled before the next such visit */
    struct plan_ask ask;
    struct uplink_reading reading; /* whose sweep is running, since when */
    struct meter_values sweep;     /* what it told so far */
    mono_ms clock_at;              /* next broadcast of the time */
    mono_ms began;                 /* the bus's statistics count from here */
    struct bus_stats told;         /* as they were when the platform was told last, or could not be */
    mono_ms told_at;
    struct gateway_trip_fetch fetch;
    mono_ms trips_at; /* nobody's trips are due before this */
};

/* A permission, and what is known of it since the uplink went. */
struct away_permit {
    struct uplink_permit permit; /* its lists are these: */
    struct uplink_permit_window windows[UPLINK_PERMIT_WINDOWS_MAX];
    struct uplink_permit_meter meters[UPLINK_PERMIT_METERS_MAX];
    struct away_meter facts[UPLINK_PERMIT_METERS_MAX];
    mono_ms dry_at;
    bool acted;
    /* read since it was given, whether the platform is there or not: for those who look */
    struct {
        int64_t value_wh;
        mono_ms at; /* MONO_NEVER: not yet */
    } seen[UPLINK_PERMIT_METERS_MAX];
};

#define GATEWAY_AWAY_CUTS 64 /* remembered for the breaker */

/* In memory only: a gateway that started anew has none until the platform has said them again. */
struct gateway_away {
    struct away_permit *list;
    size_t count, room;
    mono_ms since, next; /* since: MONO_NEVER while the platform is there */
    mono_ms heard;       /* when the platform was heard last, by both clocks; 0: never */
    wall_s heard_wall;
    mono_ms cuts[GATEWAY_AWAY_CUTS]; /* one a meter; the oldest is overwritten */
    size_t cut_count;                /* ever */
};

struct gateway_left {
    struct uplink_config_meter config;
    enum err why;
};

struct gateway {
    struct gateway_options options;
    struct store *store;
    enum err failure;
    struct gateway_line *lines;
    size_t line_count;
    struct gateway_meter *meters;
    size_t meter_count;
    struct gateway_left *left; /* out of the configuration: what this program cannot read */
    size_t left_count;
    unsigned generation;
    int64_t config_version;
    struct bytes parts[GATEWAY_CONFIG_PARTS]; /* encoded, of the version being received */
    int64_t parts_version, parts_wanted;

    struct open_command open[GATEWAY_OPEN_MAX]; /* in order of arrival */
    size_t open_count;

    struct uplink_reading *held; /* not yet committed; a ring would save a copy now and then */
    size_t held_count;
    int64_t held_dropped;
    struct uplink_event events[GATEWAY_EVENTS_MAX];
    size_t event_count;
    mono_ms flush_at; /* MONO_NEVER: nothing waits */

    int64_t queue_epoch, last_seq, acked_seq, committed_ack, sent_seq;
    int64_t undated_from; /* queued readings from here on are by a clock not yet known; 0: none */
    int64_t flying[GATEWAY_WINDOW]; /* sent and not acknowledged, rising; dropped rows leave gaps */
    size_t flying_count;
    int64_t queue_rows, queue_bytes, dropped_rows;
    bool connected, welcomed, hello_due, applied_due;
    mono_ms hello_at; /* not before this */
    bool quiesced; /* no order is begun */
    uint8_t *out;   /* UPLINK_MESSAGE_MAX: the message handed out last */
    uint8_t *arena; /* UPLINK_ARENA */
    struct gateway_away away;
};

/* --- gateway.c */
/* A store answered: remembers a death; hands the error on. */
enum err gateway_stored(struct gateway *g, enum err e);
struct gateway_meter *gateway_meter_of(struct gateway *g, int64_t meter_id);

/* --- gateway_config.c */
enum err gateway_config_take(struct gateway *g, const struct gateway_now *now,
                             const struct uplink_message *m);
enum err gateway_config_load(struct gateway *g, const struct gateway_now *now);
void gateway_config_free(struct gateway *g);

enum err gateway_prune(struct gateway *g, const struct gateway_now *now);

/* --- gateway_undated.c: readings and outcomes of a time when the clock was not known. They are put
 * right when it is; readings of a run that never learnt it are dropped. */
/* In the transaction that queues it: the message of this number is the first of them, or one more. */
enum err gateway_undated_note(struct gateway *g, struct store_tx *tx, int64_t seq);
enum err gateway_undated_load(struct gateway *g);
enum err gateway_undated_drop(struct gateway *g, const struct gateway_now *now);

/* --- gateway_queue.c */
enum err gateway_queue_open(struct gateway *g);
/* In the caller's transaction: the next sequence number, encoded and stored. */
enum err gateway_queue_put(struct gateway *g, struct store_tx *tx, struct uplink_message *m);
void gateway_queue_event(struct gateway *g, const struct gateway_now *now,
                         const struct uplink_event *event);
void gateway_queue_reading(struct gateway *g, const struct gateway_now *now,
                           const struct uplink_reading *reading);
/* Commits readings and events that wait and drops what was acknowledged. */
enum err gateway_queue_flush(struct gateway *g, const struct gateway_now *now);
void gateway_queue_acked(struct gateway *g, const struct gateway_now *now, int64_t epoch,
                         int64_t seq);
/* The encoded message with the lowest seq above `after` into g->out; ERR_NOT_FOUND. */
enum err gateway_queue_next(struct gateway *g, int64_t after, int64_t *seq, size_t *len);
/* The platform has heard numbers that this file has not given out: the file went back in time (a
 * restored backup, a worn flash). What is queued moves to a new epoch, or it would be taken for
 * repeats and never acknowledged. */
enum err gateway_queue_renew(struct gateway *g, const struct gateway_now *now);
/* In the caller's transaction: each message above `after` is changed and stored again. */
typedef void gateway_change_fn(struct gateway *g, struct uplink_message *m, int64_t by);
enum err gateway_queue_change(struct gateway *g, struct store_tx *tx, int64_t after,
                              gateway_change_fn *change, int64_t by);
/* In the caller's transaction: so many readings are gone, which the platform shall know. */
enum err gateway_queue_dropped(struct gateway *g, struct store_tx *tx, wall_s at, int64_t rows);
/* Counts again from the disk, after a transaction failed. */
void gateway_queue_recount(struct gateway *g);

/* --- gateway_command.c */
enum err gateway_command_load(struct gateway *g);
enum err gateway_command_take(struct gateway *g, const struct gateway_now *now,
                              const struct uplink_command *c);
enum err gateway_command_fence(struct gateway *g, const struct gateway_now *now, int64_t id);
/* Chooses and commits the next command for a line. ERR_NOT_FOUND: none. A command that may not act
 * is answered at once and the next one is looked at. Relays and keep-power are chosen even while
 * the line owes its meters a sweep. */
enum err gateway_command_start(struct gateway *g, const struct gateway_now *now, size_t line,
                               struct open_command **out);
bool gateway_command_is_wallet(const struct uplink_command *c);
/* Something that acts may have been sent for it, by this process or the one before. */
bool gateway_command_acted(const struct open_command *o);
/* Final state and outcome in one commit. */
enum err gateway_command_finish(struct gateway *g, const struct uplink_outcome *outcome,
                                bool undated);
/* A newer wish for the same relay waits: this one must not be sent any more. */
bool gateway_command_overtaken(const struct gateway *g, const struct uplink_command *c);
struct open_command *gateway_command_find(struct gateway *g, int64_t id);
/* An order of our own, with the event that tells of it in the same commit. */
enum err gateway_command_own(struct gateway *g, const struct gateway_now *now,
                             const struct uplink_command *c, const struct uplink_event *event);
/* The highest version obeyed for the whole meter; 0: none. */
enum err gateway_command_version(struct gateway *g, int64_t meter_id, int64_t *version);
/* Some command for the meter is not final yet. */
bool gateway_command_open_for(const struct gateway *g, int64_t meter_id);

/* --- gateway_visit.c */
void gateway_visit_begin(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct open_command *c);
void gateway_visit_result(struct gateway *g, const struct gateway_now *now, size_t line,
                          const struct bus_result *r);
/* The line went down: nothing is decided, the command stays open and is taken up again by reading
 * back. No frame of it may wait in the bus: it would go out whenever the line comes back. */
void gateway_visit_drop(struct gateway *g, size_t line);
/* A visit whose outcome could not be committed is ended as soon as it can be. */
void gateway_visit_settle(struct gateway *g, const struct gateway_now *now, size_t line);

/* --- gateway_poll.c */
void gateway_poll_next(struct gateway *g, const struct gateway_now *now, size_t line);
void gateway_poll_result(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct bus_result *r);

/* --- gateway_line.c */
/* What the platform is told next counts from here. */
void gateway_line_begin(struct gateway_line *l, mono_ms now);
/* It went up or down; the platform is told at once that it is up, and after a while that it is
 * down. */
void gateway_line_changed(struct gateway *g, const struct gateway_now *now, struct gateway_line *l);
void gateway_line_watch(struct gateway *g, const struct gateway_now *now);
mono_ms gateway_line_watch_at(const struct gateway_line *l);
/* Time passed: what cannot be told now never will be. */
void gateway_line_pass(struct gateway *g, mono_ms now);
/* The next encoded LINE message into w, if one is due. Nobody is woken for it: whatever wakes next
 * takes it along, and who cannot send now does not spin. */
bool gateway_line_tell(struct gateway *g, mono_ms now, struct writer *w);

/* --- gateway_trip.c */
/* What a poll told of a terminal: a change of its relays may mean a trip. */
void gateway_trip_seen(struct gateway *g, const struct gateway_now *now, struct gateway_meter *m,
                       const struct meter_values *values);
void gateway_trip_next(struct gateway *g, const struct gateway_now *now, size_t line);
void gateway_trip_result(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct bus_result *r);

/* --- gateway_away.c */
enum err gateway_away_take(struct gateway *g, const struct gateway_now *now,
                           const struct uplink_permit *permit);
/* WELCOME: what stands is said anew, and until then nothing does. */
void gateway_away_clear(struct gateway *g);
void gateway_away_heard(struct gateway *g, const struct gateway_now *now);
/* What a poll told while the platform is away. */
void gateway_away_seen(struct gateway *g, const struct gateway_now *now,
                       const struct gateway_meter *m, const struct meter_values *values);
void gateway_away_connected(struct gateway *g);
void gateway_away_tick(struct gateway *g, const struct gateway_now *now);
mono_ms gateway_away_wake(const struct gateway *g);
void gateway_away_free(struct gateway *g);

#define GATEWAY_TAG_POLL UINT64_C(1)
#define GATEWAY_TAG_VISIT UINT64_C(2)
#define GATEWAY_TAG_CLOCK UINT64_C(3)
#define GATEWAY_TAG_TRIP UINT64_C(4)

#endif
