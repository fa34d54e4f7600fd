/* Registers of terminals as JSON, both ways. */
#include <stdio.h>
#include <string.h>

#include "api/api_terminal.h"
#include "base/calendar.h"
#include "terminals/terminals.h"

static const char *const covers[] = {"off", "on", "night"};

/* --- writing ---------------------------------------------------------------------------------- */

static void put_status(struct jwrite *w, const struct meter_terminal_status *s)
{
    jwrite_text(w, "cover", s->cover < 3 ? covers[s->cover] : "off");
    jwrite_text(w, "cause", terminals_reason_name(s->cause));
    jwrite_bool(w, "locked", s->locked);
    jwrite_bool(w, "staff_lock", s->staff);
    jwrite_bool(w, "air_conditioner_seen", s->aircon_seen);
    jwrite_bool(w, "learning", s->learning);
    jwrite_int(w, "recloses_today", s->recloses);
    jwrite_int(w, "closes_in_s", s->closes_s);
}

static void put_limits(struct jwrite *w, const struct meter_terminal_limits *l)
{
    jwrite_bool(w, "time_control", l->timed);
    jwrite_bool(w, "malignant", l->malignant);
    jwrite_bool(w, "air_conditioner", l->aircon);
    jwrite_int(w, "power_w", l->power_w);
    jwrite_int(w, "current_ma", l->current_ma);
    jwrite_int(w, "night_power_w", l->night_power_w);
    jwrite_int(w, "night_current_ma", l->night_ma);
    jwrite_int(w, "delay_s", l->delay_s);
    jwrite_int(w, "recloses", l->recloses);
    jwrite_int(w, "reclose_s", l->reclose_s);
    jwrite_int(w, "step_w", l->step_w);
    jwrite_int(w, "standby_ma", l->standby_ma);
    jwrite_int(w, "unplugged_s", l->unplugged_s);
}

static void put_white(struct jwrite *w, const struct meter_terminal_white *list)
{
    jwrite_array(w, "loads");
    for (unsigned i = 0; i < METER_TERMINAL_WHITE; i++) {
        if (list[i].power_w == 0)
            continue;
        jwrite_object(w, NULL);
        jwrite_int(w, "power_w", list[i].power_w);
        jwrite_int(w, "reactive_var", list[i].reactive_var);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_hours(struct jwrite *w, const struct meter_terminal_period *list)
{
    jwrite_array(w, "periods");
    for (unsigned i = 0; i < METER_TERMINAL_PERIODS; i++) {
        if (list[i].cover == 0 || list[i].cover > 2)
            continue;
        jwrite_object(w, NULL);
        jwrite_int(w, "begin_min", list[i].begin_min);
        jwrite_int(w, "end_min", list[i].end_min);
        jwrite_text(w, "cover", covers[list[i].cover]);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_calendar(struct jwrite *w, const struct meter_terminal_calendar *c)
{
    jwrite_array(w, "weekend");
    for (unsigned i = 0; i < 7; i++)
        if (c->weekend >> i & 1)
            jwrite_int(w, NULL, i);
    jwrite_end(w);
    jwrite_array(w, "dates");
    for (unsigned i = 0; i < c->count; i++) {
        const struct meter_terminal_date *d = &c->dates[i];
        jwrite_object(w, NULL);
        jwrite_int(w, "date", (2000 + d->year) * INT64_C(10'000) + d->month * 100 + d->day);
        jwrite_bool(w, "holiday", d->holiday);
        jwrite_end(w);
    }
    jwrite_end(w);
}

union content {
    struct meter_terminal_status status;
    struct meter_terminal_limits limits;
    struct meter_terminal_white white[METER_TERMINAL_WHITE];
    struct meter_terminal_period hours[METER_TERMINAL_PERIODS];
    struct meter_terminal_calendar calendar;
};

static enum err read_content(enum meter_terminal_item item, struct bytes b, union content *u)
{
    switch (item) {
    case METER_TERMINAL_STATUS:
        return meter_terminal_read_status(b, &u->status);
    case METER_TERMINAL_LIMITS:
        return meter_terminal_read_limits(b, &u->limits);
    case METER_TERMINAL_WHITE_LIST:
        return meter_terminal_read_white(b, u->white);
    case METER_TERMINAL_WORKDAY:
    case METER_TERMINAL_HOLIDAY:
        return meter_terminal_read_hours(b, u->hours);
    case METER_TERMINAL_CALENDAR:
        return meter_terminal_read_calendar(b, &u->calendar);
    case METER_TERMINAL_LEARN:
        return b.len == 2 ? ERR_OK : ERR_FRAME_LENGTH;
    default:
        return b.len == 1 ? ERR_OK : ERR_FRAME_LENGTH;
    }
}

static void put_content(struct jwrite *w, enum meter_terminal_item item, struct bytes b,
                        const union content *u)
{
    switch (item) {
    case METER_TERMINAL_STATUS:
        put_status(w, &u->status);
        break;
    case METER_TERMINAL_LIMITS:
        put_limits(w, &u->limits);
        break;
    case METER_TERMINAL_WHITE_LIST:
        put_white(w, u->white);
        break;
    case METER_TERMINAL_WORKDAY:
    case METER_TERMINAL_HOLIDAY:
        put_hours(w, u->hours);
        break;
    case METER_TERMINAL_CALENDAR:
        put_calendar(w, &u->calendar);
        break;
    case METER_TERMINAL_LEARN:
        jwrite_int(w, "seconds", b.data[0] | b.data[1] << 8);
        break;
    case METER_TERMINAL_LOCK:
        jwrite_bool(w, "locked", b.data[0] != 0);
        break;
    default:
        break;
    }
}

void api_put_register(struct jwrite *w, const char *key, enum meter_terminal_item item,
                      struct bytes b)
{
    union content u;
    if (b.len == 0 || read_content(item, b, &u) != ERR_OK) {
        jwrite_null(w, key);
        return;
    }
    jwrite_object(w, key);
    put_content(w, item, b, &u);
    jwrite_end(w);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct member {
    const char *name;
    bool flag;
    int64_t low, high;
};

static enum err bad(struct call *c, const char *name)
{
    return api_bad(c, name, ERR_API_FIELD, "there is no such member, or it has another type");
}

/* Every member must be there, and no other; out[i] is that of members[i]. */
static enum err take_members(struct call *c, const json_t *object, const struct member *members,
                             size_t count, int64_t *out)
{
    if (!json_is_object(object) || json_object_size(object) != count)
        return api_bad(c, "value", ERR_API_FIELD, "an object with all its members is expected");
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_object_get(object, members[i].name);
        bool good = members[i].flag ? json_is_boolean(v) : json_is_integer(v);
        if (!good)
            return bad(c, members[i].name);
        out[i] = members[i].flag ? json_is_true(v) : json_integer_value(v);
        if (!members[i].flag && (out[i] < members[i].low || out[i] > members[i].high))
            return api_bad(c, members[i].name, ERR_RANGE, "the number is outside its range");
    }
    return ERR_OK;
}

static enum err take_limits(struct call *c, const json_t *value, struct writer *w)
{
    static const struct member members[] = {
        {"time_control", .flag = true},       {"malignant", .flag = true},
        {"air_conditioner", .flag = true},    {"power_w", .high = UINT16_MAX},
        {"current_ma", .high = 15'000},       {"night_power_w", .high = UINT16_MAX},
        {"night_current_ma", .high = 15'000}, {"delay_s", .high = UINT8_MAX},
        {"recloses", .high = UINT8_MAX},      {"reclose_s", .high = UINT16_MAX},
        {"step_w", .low = 30, .high = 3300},  {"standby_ma", .low = 2, .high = 200},
        {"unplugged_s", .high = UINT8_MAX}};
    int64_t n[sizeof members / sizeof *members];
    TRY(take_members(c, value, members, sizeof members / sizeof *members, n));
    meter_terminal_put_limits(&(struct meter_terminal_limits){.timed = n[0],
                                                              .malignant = n[1],
                                                              .aircon = n[2],
                                                              .power_w = (uint16_t)n[3],
                                                              .current_ma = (uint16_t)n[4],
                                                              .night_power_w = (uint16_t)n[5],
                                                              .night_ma = (uint16_t)n[6],
                                                              .delay_s = (uint8_t)n[7],
                                                              .recloses = (uint8_t)n[8],
                                                              .reclose_s = (uint16_t)n[9],
                                                              .step_w = (uint16_t)n[10],
                                                              .standby_ma = (uint16_t)n[11],
                                                              .unplugged_s = (uint8_t)n[12]},
                              w);
    return w->err;
}

/* The array that is an object's only member. */
static enum err take_list(struct call *c, const json_t *value, const char *name, size_t max,
                          const json_t **list)
{
    *list = json_object_get(value, name);
    if (!json_is_array(*list) || json_object_size(value) != 1)
        return bad(c, name);
    if (json_array_size(*list) > max)
        return api_bad(c, name, ERR_RANGE, "there are too many");
    return ERR_OK;
}

static enum err take_white(struct call *c, const json_t *value, struct writer *w)
{
    static const struct member members[] = {{"power_w", .low = 1, .high = UINT16_MAX},
                                            {"reactive_var", .low = INT16_MIN, .high = INT16_MAX}};
    struct meter_terminal_white list[METER_TERMINAL_WHITE] = {};
    const json_t *loads;
    TRY(take_list(c, value, "loads", METER_TERMINAL_WHITE, &loads));
    for (size_t i = 0; i < json_array_size(loads); i++) {
        int64_t n[2];
        TRY(take_members(c, json_array_get(loads, i), members, 2, n));
        list[i] = (struct meter_terminal_white){(uint16_t)n[0], (int16_t)n[1]};
    }
    meter_terminal_put_white(list, w);
    return w->err;
}

static enum err take_period(struct call *c, const json_t *v, struct meter_terminal_period *p)
{
    const json_t *begin = json_object_get(v, "begin_min"), *end = json_object_get(v, "end_min");
    const char *cover = json_string_value(json_object_get(v, "cover"));
    if (!json_is_integer(begin) || !json_is_integer(end) || !cover || json_object_size(v) != 3)
        return bad(c, "periods");
    int64_t from = json_integer_value(begin), to = json_integer_value(end);
    bool on = strcmp(cover, "on") == 0, night = strcmp(cover, "night") == 0;
    if (from < 0 || from >= 1440 || to < 1 || to > 1440 || from == to || !(on || night))
        return api_bad(c, "periods", ERR_RANGE, "minutes of the day, and on or night");
    *p = (struct meter_terminal_period){(uint16_t)from, (uint16_t)to, night ? 2 : 1};
    return ERR_OK;
}

static void mark(bool minutes[1440], const struct meter_terminal_period *p, bool *twice)
{
    unsigned m = p->begin_min;
    do {
        *twice = *twice || minutes[m];
        minutes[m] = true;
        m = (m + 1) % 1440;
    } while (m != p->end_min % 1440);
}

static enum err take_hours(struct call *c, const json_t *value, struct writer *w)
{
    struct meter_terminal_period list[METER_TERMINAL_PERIODS] = {};
    bool minutes[1440] = {}, twice = false;
    const json_t *periods;
    TRY(take_list(c, value, "periods", METER_TERMINAL_PERIODS, &periods));
    for (size_t i = 0; i < json_array_size(periods); i++) {
        TRY(take_period(c, json_array_get(periods, i), &list[i]));
        mark(minutes, &list[i], &twice);
    }
    if (twice)
        return api_bad(c, "periods", ERR_RANGE, "periods overlap");
    meter_terminal_put_hours(list, w);
    return w->err;
}

static enum err take_date(struct call *c, const json_t *v, struct meter_terminal_date *d)
{
    static const struct member members[] = {{"date", .low = 20'000'101, .high = 20'991'231},
                                            {"holiday", .flag = true}};
    int64_t n[2];
    TRY(take_members(c, v, members, 2, n));
    struct civil day = {
        .year = (int)(n[0] / 10'000), .month = (int)(n[0] / 100 % 100), .day = (int)(n[0] % 100)};
    if (!civil_valid(day))
        return api_bad(c, "date", ERR_RANGE, "there is no such day");
    *d = (struct meter_terminal_date){(uint8_t)day.day, (uint8_t)day.month,
                                      (uint8_t)(day.year - 2000), n[1] != 0};
    return ERR_OK;
}

static enum err take_calendar(struct call *c, const json_t *value, struct writer *w)
{
    struct meter_terminal_calendar out = {};
    const json_t *week = json_object_get(value, "weekend"),
                 *dates = json_object_get(value, "dates");
    if (!json_is_array(week) || !json_is_array(dates) || json_object_size(value) != 2)
        return bad(c, "value");
    for (size_t i = 0; i < json_array_size(week); i++) {
        const json_t *v = json_array_get(week, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 6)
            return bad(c, "weekend");
        out.weekend |= (uint8_t)(1U << json_integer_value(v));
    }
    if (json_array_size(dates) > METER_TERMINAL_DATES)
        return api_bad(c, "dates", ERR_RANGE, "there are too many");
    for (; out.count < json_array_size(dates); out.count++)
        TRY(take_date(c, json_array_get(dates, out.count), &out.dates[out.count]));
    meter_terminal_put_calendar(&out, w);
    return w->err;
}

static enum err take_learn(struct call *c, const json_t *value, struct writer *w)
{
    static const struct member members[] = {{"seconds", .high = METER_TERMINAL_LEARN_S}};
    int64_t seconds = 0;
    TRY(take_members(c, value, members, 1, &seconds));
    writer_u16le(w, (uint16_t)seconds);
    return w->err;
}

enum err api_take_register(struct call *c, enum meter_terminal_item item, const json_t *value,
                           struct writer *w)
{
    switch (item) {
    case METER_TERMINAL_LIMITS:
        return take_limits(c, value, w);
    case METER_TERMINAL_WHITE_LIST:
        return take_white(c, value, w);
    case METER_TERMINAL_WORKDAY:
    case METER_TERMINAL_HOLIDAY:
        return take_hours(c, value, w);
    case METER_TERMINAL_CALENDAR:
        return take_calendar(c, value, w);
    case METER_TERMINAL_LEARN:
        return take_learn(c, value, w);
    default:
        return api_bad(c, "item", ERR_API_FIELD,
                       "limits, white_list, workday, holiday, calendar or learn is expected");
    }
}
