/* What `yufu report-energy` is told by its profile file: docs/protocols/energy-xml.md. */
#ifndef YUFU_APP_REPORT_ENERGY_H
#define YUFU_APP_REPORT_ENERGY_H

#include "centre/centre.h"
#include "readings/readings.h"

#define REPORT_METERS_MAX 2000
#define REPORT_FUNCTIONS_MAX 8

struct report_function {
    char id[CENTRE_TEXT_MAX], coding[CENTRE_TEXT_MAX];
    unsigned wanted; /* index of readings_registers.wh */
};
struct report_meter {
    char address[32], id[CENTRE_TEXT_MAX];
    int64_t meter_id; /* ours; found by address */
    struct report_function functions[REPORT_FUNCTIONS_MAX];
    size_t count;
};
struct report_profile {
    struct centre_profile centre;
    char host[256], good[CENTRE_TEXT_MAX]; /* good: the error code of a value without fault */
    int64_t port, every_s, wait_s;
    int32_t offset_s;
    struct report_meter *meters;
    size_t count;
};

/* Tells on standard error what is wrong. The meters are owned: report_profile_free. */
[[nodiscard]] enum err report_profile_read(const char *path, struct report_profile *out);
void report_profile_free(struct report_profile *p);

#endif
