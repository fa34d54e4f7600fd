/* Two ends of one session, with the wire between them in the hands of the test. */
#ifndef YUFU_TESTS_UNIT_UPLINK_SESSION_RIG_H
#define YUFU_TESTS_UNIT_UPLINK_SESSION_RIG_H

#include "tests/unit/check.h"

#include "base/rand.h"
#include "uplink/uplink.h"

#define SESSION_GATEWAY 42
#define SESSION_TAPE 8192

extern uint8_t session_arena[UPLINK_ARENA];
extern const uint8_t SESSION_SECRET[UPLINK_SECRET];
extern bool session_legacy;                /* gateways ask for the legacy seal */
extern int64_t session_legacy_until;       /* which the platform allows so long; 0: not at all */
extern uint8_t session_tape[SESSION_TAPE]; /* all that gateways have sent */
extern size_t session_tape_len;

struct session_pair {
    struct uplink gateway, platform;
    struct uplink_now now;
    struct rand_stream chance;
    bool dribble; /* deliver in pieces of random size */
    struct uplink_message at_gateway[8], at_platform[8];
    int gateway_got, platform_got;
    bool gateway_opened, platform_opened;
};

void session_init(struct session_pair *p, int64_t epoch, const uint8_t *secret);
void session_end(struct session_pair *p);
/* Moves all output of one end to the other. */
void session_carry(struct session_pair *p, struct uplink *from, struct uplink *to);
enum uplink_step session_turn_gateway(struct session_pair *p);
/* secret NULL: the platform knows no such gateway; known: the epoch that it has seen. */
enum uplink_step session_turn_platform(struct session_pair *p, const uint8_t *secret,
                                       int64_t known);
/* Until nothing moves any more. */
void session_settle(struct session_pair *p, const uint8_t *secret, int64_t known);
void session_open(struct session_pair *p); /* and it must open */
struct uplink_message session_hello(int64_t version);
struct uplink_message session_fence(int64_t id);

#endif
