/* Shared by drive.c, drive_line.c, drive_load.c and power.c. */
#ifndef YUFU_TESTS_ORACLE_TERMINAL_DRIVE_IMPL_H
#define YUFU_TESTS_ORACLE_TERMINAL_DRIVE_IMPL_H

#include "drive.h"

/* The first difference stays. */
#define DIFFER(p, ...)                                                                             \
    do {                                                                                           \
        if ((p)->difference[0] == 0)                                                               \
            snprintf((p)->difference, sizeof(p)->difference, __VA_ARGS__);                         \
    } while (0)

/* drive.c */
int64_t drive_rtc(const struct pair *p);
void drive_compare(const struct pair *p, const struct model *m, char *out, size_t cap);
void drive_compare_hidden(const struct pair *p, const struct model *m, char *out, size_t cap);
void drive_drain(struct pair *p);
void drive_tick(struct pair *p, int64_t ms, bool lost);
void drive_check(struct pair *p); /* after every input */

/* drive_line.c */
void drive_modbus(struct pair *p, const struct op *op);
void drive_frame(struct pair *p, const struct op *op);

/* drive_load.c */
void drive_measure(struct pair *p, int64_t ms);
void load_heat(struct pair *p, const struct op *op);
void load_unplug(struct pair *p, const struct op *op);
void load_learn(struct pair *p, const struct op *op);
void load_plug(struct pair *p, const struct op *op);

bool drive_quiet(const struct pair *p);

/* power.c */
void drive_audit(struct pair *p);
void drive_start(struct pair *p);
void drive_wake(struct pair *p, int64_t gap_s); /* after a cut: which state is it? */
void drive_off(struct pair *p, const struct op *op);

#endif
