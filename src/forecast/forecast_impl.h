/* Inside the room: the level and factors as they stood at the end of one day. */
#ifndef YUFU_FORECAST_IMPL_H
#define YUFU_FORECAST_IMPL_H

#include "forecast/forecast.h"

#define ONE 1024 /* a factor of one */

struct outlook {
    int32_t end;       /* the day at whose end it stands */
    int64_t level;     /* of the next day, without factors */
    int64_t slow;      /* where the level goes back to */
    int64_t usual;     /* plain mean of the known days looked at: what errors are measured by */
    int32_t factor[2]; /* worked days, days off; ONE: no difference */
    int32_t season;    /* ONE: none */
    int32_t similar;
    bool estimated, empty, returned;
};

/* False: no day is known. Looks at no day later than `end`. */
bool outlook_at(const struct forecast_history *h, const struct calendar *calendar, int32_t end,
                struct outlook *out);
/* The use expected on a day after `end`. */
int64_t outlook_day(const struct outlook *o, const struct calendar *calendar, int32_t day);
bool outlook_is_off(const struct calendar *calendar, int32_t day);

#endif
