/* What the tests of time control and load control share: registers as a fitter writes them, loads.
 */
#ifndef YUFU_TESTS_TERMINAL_GUARD_RIG_H
#define YUFU_TESTS_TERMINAL_GUARD_RIG_H

#include "tests/unit/terminal/rig.h"

extern struct rig g;

/* What register 048024nn holds; the tests' own idea of its layout. */
struct limits {
    uint8_t flags;
    uint16_t power_w, current_ma, night_w, night_ma;
    uint8_t delay_s, recloses;
    uint16_t reclose_s, step_w, standby_ma;
    uint8_t unplugged_s;
};

#define TIMED 1
#define MALIGNANT 2
#define AIRCON 4

/* Nothing is limited or watched; what the other members are if a test does not say. */
struct limits guard_usual(void);
size_t guard_put_limits(const struct limits *l, uint8_t out[20]);
/* ERR byte, 0 for success; so are the next two. */
int guard_set_limits(unsigned circuit, const struct limits *l);
/* "0800-2200 on" ...: hhmm, hhmm, cover. */
int guard_set_hours(uint32_t table, const uint16_t (*list)[3], size_t count);
int guard_write_byte(uint32_t di, uint8_t v);
/* A new terminal that may be in debt: no credit ends what a test watches. */
void guard_begin(void);
/* One circuit draws, the others are idle. */
struct terminal_sample guard_drawing(unsigned circuit, int32_t mw, int32_t mvar);
/* Second by second; an open circuit draws nothing. */
void guard_draw(unsigned circuit, int32_t mw, int32_t mvar, int64_t seconds);
void guard_draw_ma(unsigned circuit, uint32_t current_ma, int64_t seconds);

#endif
