/*
 * The platform's end of sessions, against real uplink clients and real stores. A "turn" is what the
 * owner of the loop does: flush the readings store, then the ledger.
 */
#ifndef YUFU_TEST_HEADEND_RIG_H
#define YUFU_TEST_HEADEND_RIG_H

#include "tests/unit/check.h"

#include <stdio.h>

#include "headend/headend_impl.h"

#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
#define GATEWAY 3
#define PEERS 8
#define HEARD_MAX 1024
#define WALL INT64_C(1'767'240'000)

struct peer { /* a gateway's end */
    int64_t conn;
    struct uplink link;
    bool closed; /* by the headend */
    wall_s welcome_wall;
    int64_t acked_seq, welcome_epoch, welcome_seq, config_parts, config_meters;
    int64_t commands[HEARD_MAX], fences[HEARD_MAX];
    size_t command_count, fence_count;
    int64_t permits[HEARD_MAX], permit_meters[HEARD_MAX]; /* accounts, and how many meters */
    size_t permit_count;
    struct uplink_update update; /* the last */
    int updates, blocks;
    int64_t block_offset; /* of the last */
    struct bytes block;   /* of the last, in block_data */
    uint8_t block_data[UPLINK_BLOCK_MAX];
    struct uplink_claimed claimed;
    uint8_t secret[32];
};

struct rig {
    struct store *ledger, *readings;
    struct headend *headend;
    struct peer peers[PEERS];
    struct uplink_now now;
    wall_s event_at; /* of the newest event */
    uint8_t arena[UPLINK_ARENA];
    /* what the sinks saw */
    int64_t batches[HEARD_MAX], followed[HEARD_MAX], outcomes[HEARD_MAX], events[HEARD_MAX];
    size_t last_batch_size, last_body_size;
    size_t batch_count, follow_count, outcome_count, event_count;
    int commits, pokes;
    enum err batch_answer, outcome_answer, event_answer;
    struct uplink_outcome last_outcome;
    bool last_had_command, last_fenced_before;
    uint64_t random;
    bool legacy; /* peers ask for the legacy seal */
    int64_t warned_until;
    bool permits, updates; /* gateways say that they understand them */
};

extern const uint8_t rig_certificate[32];

void rig_sql(struct rig *w, const char *text);
int64_t rig_number(struct rig *w, const char *text);
void rig_new_headend(struct rig *w);
void rig_turn(struct rig *w);
void rig_turns(struct rig *w);
void rig_deliver(struct rig *w, struct peer *p);
struct peer *rig_peer_of(struct rig *w, int64_t conn);
struct peer *rig_dial(struct rig *w, int64_t conn, const uint8_t *hash, int64_t gateway,
                      int64_t epoch);
void rig_say(struct rig *w, struct peer *p, const struct uplink_message *m);
void rig_hello(struct rig *w, struct peer *p, int64_t config);
struct peer *rig_connect(struct rig *w, int64_t conn, int64_t epoch);
void rig_say_event(struct rig *w, struct peer *p, int64_t seq, int64_t value);
void rig_say_readings(struct rig *w, struct peer *p, int64_t seq);
void rig_say_outcome(struct rig *w, struct peer *p, int64_t seq, int64_t command,
                     enum uplink_status status);
int rig_set_up(void **state);
int rig_tear_down(void **state);

#endif
