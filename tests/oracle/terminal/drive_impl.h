/* Shared by drive.c and power.c. */
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
void drive_frame(struct pair *p, const struct op *op);
bool drive_quiet(const struct pair *p);

/* power.c */
void drive_audit(struct pair *p);
void drive_start(struct pair *p);
void drive_wake(struct pair *p, int64_t gap_s); /* after a cut: which state is it? */
void drive_off(struct pair *p, const struct op *op);

#endif
