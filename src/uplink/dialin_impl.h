/* Shared by the parts of uplink/dialin only. */
#ifndef YUFU_UPLINK_DIALIN_IMPL_H
#define YUFU_UPLINK_DIALIN_IMPL_H

#include "uplink/dialin.h"

enum conn_state {
    CONN_NEW,     /* has not said who it is */
    CONN_WAITING, /* its unit has another connection, of which it is not known whether it lives */
    CONN_BOUND,
};

struct dialin_conn {
    struct dialin_conn *next;
    int64_t id;
    enum conn_state state;
    mono_ms since; /* in this state */
    mono_ms heard_at;
    mono_ms settle_at;        /* new: look again at what was said; MONO_NEVER */
    mono_ms hold_at;          /* the filter holds something back until then; MONO_NEVER */
    struct dialin_unit *unit; /* waiting, bound */
    uint8_t first[DIALIN_FIRST_MAX];
    size_t first_len;
    struct dtu_filter filter;
};

/* Lives as long as a line has it. */
struct dialin_unit {
    struct dialin_unit *next;
    struct dialin_endpoint endpoint;
    struct dialin_conn *bound, *waiting;
    mono_ms quarrel_until; /* after one connection displaced another */
};

struct dialin_line {
    struct dialin_line *next;
    int64_t id;
    struct dialin_unit *unit;
};

struct dialin {
    struct dialin_io io;
    struct dialin_conn *conns;
    struct dialin_unit *units;
    struct dialin_line *lines;
};

#endif
