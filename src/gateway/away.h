/*
 * May the gateway cut an account by itself now? Facts in, one word out; pure.
 *
 * A standing permission (struct uplink_permit) is what the platform allowed before the uplink went.
 * Everything that is in doubt stands against a cut: the words below AWAY_CUT are in the order in
 * which they are asked. The same permission is asked again every AWAY_LOOK_MS.
 */
#ifndef YUFU_GATEWAY_AWAY_H
#define YUFU_GATEWAY_AWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "uplink/message.h"

#define AWAY_MIN_MS 600'000   /* the uplink must have been gone for so long, without a break */
#define AWAY_FRESH_MS 300'000 /* an older reading cuts nobody */
#define AWAY_CLOCK_S 120      /* the clock may have moved by so much since the platform was heard */
#define AWAY_LOOK_MS 10'000
#define AWAY_HOUR_MS 3'600'000
#define AWAY_PERCENT 5 /* of the gateway's meters may be cut like this within an hour, and one */
#define AWAY_VALID_MAX_S (72 * INT64_C(3600)) /* a permission is never longer */

enum away_verdict {
    AWAY_CUT,
    AWAY_ACTED,     /* it was used already */
    AWAY_CONNECTED, /* the platform can be reached */
    AWAY_SOON,      /* not gone long enough */
    AWAY_CLOCK,     /* the clock is not trusted, or moved */
    AWAY_EARLY,     /* not valid yet */
    AWAY_OVER,      /* not valid any more */
    AWAY_METER,     /* a meter is not ours, or of another installation period */
    AWAY_STRANGE,   /* a register went back, jumped, or is of another device */
    AWAY_UNREAD,    /* a meter was not read twice since the uplink went, or not lately */
    AWAY_KEPT,      /* keep-power */
    AWAY_OFF,       /* supply is off already */
    AWAY_CREDIT,    /* energy is left */
    AWAY_GRACE,     /* used up, but not for long enough */
    AWAY_WINDOW,    /* no cuts at this time */
    AWAY_BUSY,      /* an order for a meter is under way, or a newer wish was obeyed */
    AWAY_BREAKER,   /* enough was cut in this hour */
    AWAY_VERDICTS
};
const char *away_verdict_name(enum away_verdict v); /* "cut" ...; never NULL */

/* What is known of one meter of the permission since the uplink went. */
struct away_meter {
    bool known;        /* configured, in the same installation period */
    bool strange;      /* for good, as long as the permission lasts */
    unsigned looks;    /* good readings: two are needed */
    unsigned jumps;    /* implausible ones in a row: two are an exchange */
    int64_t value_wh;  /* the newest good register, */
    int64_t before_wh; /* the one before it, which is what a cut rests on */
    mono_ms read_at;   /* of the newest */
    bool off, kept;    /* as told last */
    bool busy;
};

struct away_case {
    const struct uplink_permit *permit;
    const struct away_meter *meters; /* as many as the permission has, in its order */
    mono_ms now, since;              /* since: the uplink went */
    wall_s wall;
    bool acted, connected;
    bool trusted; /* the wall clock is, and has gone like the other since the platform was heard */
    mono_ms dry_at;     /* since when the energy is used up, as away_is_dry says; 0: it is not */
    size_t cut_in_hour; /* meters of this gateway */
    size_t meter_count; /* of the gateway */
};

enum away_verdict away_judge(const struct away_case *c);

/* All meters were read twice, and the older readings show more used than what was left. */
bool away_is_dry(const struct uplink_permit *permit, const struct away_meter *meters);

/* A register was read. `elapsed_s`: since the reading before, or since the platform's. */
void away_meter_read(struct away_meter *m, const struct uplink_permit_meter *of, int64_t value_wh,
                     mono_ms at, int64_t elapsed_s);

/* ERR_RANGE: a permission that no platform gives (too long, no window, a meter twice ...). */
[[nodiscard]] enum err away_permit_check(const struct uplink_permit *permit);

#endif
