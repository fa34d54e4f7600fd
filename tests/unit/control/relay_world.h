/* A register of relays in a store of its own, and the acts upon it. */
#ifndef RELAY_WORLD_H
#define RELAY_WORLD_H

#include "control/control.h"
#include "headend/headend.h"

#define METER 11
#define TERMINAL 12 /* three circuits */
#define NOON INT64_C(1'767'240'000)

struct world {
    struct store *store;
    wall_s now;
    uint64_t random;
};

void sql(struct world *w, const char *text);
int64_t number(struct world *w, const char *text);
int relay_world_setup(void **state);
int relay_world_teardown(void **state);
enum err wish_full(struct world *w, struct control_wish wish);
enum err wish(struct world *w, enum control_desired desired, const char *reason);
enum err keep(struct world *w, bool on, const char *reason);
int64_t tick(struct world *w);
void answer_version(struct world *w, int64_t version, enum uplink_status status,
                    int64_t relay_open);
struct control_relay relay_of(struct world *w, int64_t meter, int64_t circuit);
struct control_relay relay(struct world *w);
void answer(struct world *w, enum uplink_status status, int64_t relay_open);
void outcome(struct world *w, struct uplink_outcome o);
void report_raw(struct world *w, struct control_report r);  /* with its own times */
void report_full(struct world *w, struct control_report r); /* of now */
void report(struct world *w, int64_t relay_open);           /* of METER, nothing else told */
int64_t events(struct world *w, const char *kind);
int64_t waiting(struct world *w);

#define CASE(f) cmocka_unit_test_setup_teardown(f, relay_world_setup, relay_world_teardown)

#endif
