/*
 * `yufu-gateway read … --profile FROM TO`: the load records that a DL/T 645-2007 meter kept, as CSV
 * on standard output; progress and what went wrong on standard error.
 */
#ifndef YUFU_APP_GATEWAY_PROFILE_H
#define YUFU_APP_GATEWAY_PROFILE_H

#include "app/gateway/gateway_probe.h"
#include "meter/meter.h"

struct profile_wish {
    const struct meter_unit *unit;
    const char *from, *to; /* "2026-11-25T06:00", or a day alone: its beginning */
    const char *group;     /* "all", "voltage", ... */
    const char *blocks;    /* records asked for at once */
    const char *step;      /* minutes, where the meter has a hole */
    const char *endpoint;
    int32_t baud;
    char parity;
    bool chinese;
};

/* Exit code of the program: 0 all was read, 1 something is missing, 2 wrong words. */
int gateway_profile(const struct profile_wish *wish);

#endif
