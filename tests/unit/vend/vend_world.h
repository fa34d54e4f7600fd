/*
 * A small world around the vend machine: the real ledger store, a model meter that obeys the count
 * rule, and a model gateway with a command table. Links lose, repeat and reorder as told.
 */
#ifndef YUFU_TESTS_UNIT_VEND_WORLD_H
#define YUFU_TESTS_UNIT_VEND_WORLD_H

#include "base/rand.h"
#include "store/store.h"
#include "vend/vend.h"

#define WORLD_RECORDS 256
#define WORLD_COMMANDS 1024
#define WORLD_ACCOUNT 7
#define WORLD_PLATFORM_ACCOUNT 8
#define WORLD_METER 11
#define WORLD_NOON INT64_C(1'767'240'000)

struct world_meter {
    int64_t count, purchased_fen, balance_fen, hoard_fen;
    bool other_customer; /* refuses every purchase: customer number */
    struct {
        int64_t amount_fen;
        char order[VEND_ORDER_ID_MAX + 1]; /* "": a stranger's */
    } record[WORLD_RECORDS];               /* by count */
};

struct world_faults { /* permille */
    unsigned send_lost, frame_lost, reply_lost, read_lost, read_garbled, outcome_twice, rollback;
};

struct world {
    struct store *store;
    struct world_meter meter;
    struct world_faults faults;
    wall_s now;
    struct rand_stream random;
    struct {
        int64_t id;
        bool tombstone;
        struct uplink_outcome outcome;
    } done[WORLD_COMMANDS]; /* the gateway's table */
    size_t done_count;
    struct uplink_outcome queue[WORLD_COMMANDS * 4]; /* on their way to the platform */
    size_t queued;
};

void world_open(struct world *w, uint64_t seed);
void world_close(struct world *w);
int world_setup(void **state);
int world_teardown(void **state);

enum err world_sell(struct world *w, const char *order, int64_t amount_fen,
                    struct vend_status *out);
enum err world_sell_as(struct world *w, const struct vend_sale *sale, struct vend_status *out);
enum err world_cancel(struct world *w, const char *order, struct vend_status *out);
enum err world_resolve(struct world *w, const char *order, bool applied, struct vend_status *out);
enum err world_tick(struct world *w);
enum vend_state world_state(struct world *w, const char *order);
struct vend_status world_status(struct world *w, const char *order);
int64_t world_book(struct world *w, const char *book);
int64_t world_int(struct world *w, const char *sql);
void world_exec(struct world *w, const char *sql);

/* Hands every open command and fence to the gateway, which acts at once. */
void world_gateway(struct world *w);
/* Hands one queued outcome to the platform, taking it away unless its transaction rolled back. */
enum err world_deliver(struct world *w, size_t index);
/* Both, and the scanner, until nothing moves. */
void world_settle(struct world *w);
/* Sells once, so that the count is known and a later sale is bound in its own transaction. */
void world_know_wallet(struct world *w);
/* Somebody sells by other means. */
void world_foreign(struct world *w, int64_t amount_fen);
/* How often an order stands in the meter's records. */
int64_t world_applied(const struct world *w, const char *order);
/* A true-up of the account under this id: `fen` > 0 are owed besides, < 0 given back. */
void world_true_up(struct world *w, int64_t id, int64_t fen);
/* What vend_verify finds wrong. */
int64_t world_faults(struct world *w);
/* The books are in order and agree with the meter. */
void world_verify(struct world *w);

#endif
