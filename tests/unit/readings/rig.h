/* A readings store in memory with one gateway that reports what a test says. */
#ifndef YUFU_TESTS_UNIT_READINGS_RIG_H
#define YUFU_TESTS_UNIT_READINGS_RIG_H

#include "tests/unit/check.h"

#include "readings/readings.h"

struct rig {
    struct store *store;
    struct readings *readings;
    int64_t seq;
    struct readings_moved moved; /* of the last batch */
};

int rig_open(void **state);
int rig_close(void **state);

/* One reading of one meter in a batch of its own, arriving when it was made. Points end with 0. */
void rig_say(struct rig *g, int64_t meter, int64_t epoch, int64_t at, ...);
/* The same with a name of its own and another arrival. */
enum err rig_batch(struct rig *g, int64_t seq, int64_t arrival, const struct uplink_reading *list,
                   size_t count);
/* Memory is dropped and read from the store. */
void rig_restart(struct rig *g);

int64_t rig_value(struct rig *g, int64_t meter, enum meter_point point); /* -999 if unknown */
int64_t rig_events(struct rig *g, int64_t meter, const char *kind);
enum err rig_seal(struct rig *g, int32_t day, size_t limit, size_t *left); /* UTC+8 */
int64_t rig_count(struct rig *g, const char *sql);

enum err rig_registers(struct rig *g, int64_t meter, int64_t at, struct readings_registers *out);
enum err rig_break(struct rig *g, int64_t meter, int64_t since, int64_t until,
                   struct readings_break *out);

#define ZONE (8 * 3600)
#define DAY INT64_C(86'400)
#define DAY0 20'500 /* a local day */
#define T0 (DAY0 * DAY - ZONE) /* its first second in UTC+8 */

#endif
