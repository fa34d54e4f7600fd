/* Shared by the parts of the platform only: platform.c (open, turn, close), platform_hear.c (what
 * gateways say), platform_due.c (what is due by the clock), platform_clock.c (whether the clock may
 * be believed). */
#ifndef YUFU_APP_PLATFORM_IMPL_H
#define YUFU_APP_PLATFORM_IMPL_H

#include "app/platform/platform.h"
#include "billing/billing.h"
#include "journal/journal.h"
#include "notify/notify.h"

#define PLATFORM_SCAN_LIMIT 500

/* A fee check that is due: a piece of work of its own, so that one account's error stops no other.
 */
struct platform_fee {
    struct platform *platform;
    int64_t account_id;
};

struct platform {
    struct platform_options options;
    struct platform_watch watch;
    struct store *ledger, *readings_store;
    struct readings *readings;
    struct headend *headend;
    struct billing_clerk clerk;
    struct notify notify;
    struct uplink_now now;          /* by the time that passed, while the clock is not believed */
    struct uplink_now steady;       /* when the clock was last believed */
    int64_t clock_ahead_s;          /* of what passed since then */
    bool clock_leapt, clock_untold; /* untold: the ledger says otherwise yet */
    bool disk_full;                 /* and nobody was told yet, */
    mono_ms full_since, full_again; /* ... since when, and from when on it is told again */
    mono_ms next_scan, next_clerk, next_note;
    mono_ms next_runs;  /* lines of money runs; at once while a run is at work */
    mono_ms next_looks; /* of the n-day rule; at once while somebody is not looked at */
    struct platform_fee fees[PLATFORM_SCAN_LIMIT]; /* submitted in this turn */
    size_t fee_count;
    int64_t event_seen; /* events up to here were published */
    int64_t *read;      /* meters of which readings came in this turn, to be told to the watch */
    size_t read_count, read_cap;
    enum err failure;
    bool readings_stale; /* memory says more than the disk: a commit failed */
    bool more;
};

/* Readings of this meter are in the running transaction. */
void platform_note_read(struct platform *p, int64_t meter_id);
/* A fresh random number: ids of commands. */
uint64_t platform_draw(struct platform *p);
enum err platform_check_fee(struct platform *p, struct store_tx *tx, int64_t account_id);

/* platform_hear.c: where the headend's messages and notify's deliveries go. */
struct headend_sinks platform_sinks(struct platform *p);
struct notify platform_notify(struct platform *p);

/* platform_clock.c: is the wall clock far from what passed? Looked at in each turn, before what is
 * due. */
enum err platform_clock_begin(struct store_tx *tx, struct platform *p, struct uplink_now clock);
void platform_clock_look(struct platform *p, struct uplink_now clock);
/* An event for every project: what concerns the machine. */
enum err platform_tell_each(struct platform *p, struct store_tx *tx, enum journal_kind kind,
                            const char *detail);
/* platform_room.c: says that the disk was full, as soon as there is room for that. */
void platform_room_look(struct platform *p);
/* Work: writes down what the time is, to be known at the next start. */
enum err platform_clock_note(struct store_tx *tx, void *platform);

/* platform_due.c: submits the work whose time has come. */
void platform_do_due(struct platform *p);

#endif
