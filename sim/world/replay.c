#include "sim/world/replay.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "io/io.h"

#define FILE_MAX (64U << 20)
#define MWH_PER_KWH 1'000'000
#define HALF_HOUR_S 1800

/* --- texts -------------------- */

/* A part of a line; does not own it. */
struct cell {
    const char *text;
    size_t len;
};

static struct cell trimmed(struct cell c)
{
    while (c.len > 0 && (*c.text == ' ' || *c.text == '"')) {
        c.text++;
        c.len--;
    }
    while (c.len > 0 && strchr(" \r\"", c.text[c.len - 1]) != NULL)
        c.len--;
    return c;
}

/* "157.8" kWh to mWh; digits beyond the sixth decimal are dropped. */
static enum err decimal_mwh(struct cell c, int64_t *mwh)
{
    int64_t v = 0;
    int decimals = -1;
    c = trimmed(c);
    if (c.len == 0)
        return ERR_SYNTAX;
    if (c.text[0] == '-')
        return ERR_RANGE;
    for (size_t i = 0; i < c.len; i++) {
        if (c.text[i] == '.' && decimals < 0) {
            decimals = 0;
        } else if (c.text[i] < '0' || c.text[i] > '9') {
            return ERR_SYNTAX;
        } else if (decimals < 6) {
            v = v * 10 + (c.text[i] - '0');
            decimals += decimals >= 0;
        }
        if (v > INT64_C(1'000'000'000'000'000))
            return ERR_RANGE;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 6; i++)
        v *= 10;
    *mwh = v;
    return ERR_OK;
}

static bool digits(struct cell c, size_t at, size_t count, int *v)
{
    *v = 0;
    if (at + count > c.len)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (c.text[i] < '0' || c.text[i] > '9')
            return false;
        *v = *v * 10 + (c.text[i] - '0');
    }
    return true;
}

/* "YYYY-MM-DD", then perhaps a separator and "HH:MM:SS", then perhaps "+08:00", which wins. */
static enum err date_time(struct cell c, int32_t zone_s, int64_t *at_s)
{
    int year, month, day, hour = 0, minute = 0, second = 0, zone_hour, zone_minute;
    c = trimmed(c);
    if (!digits(c, 0, 4, &year) || !digits(c, 5, 2, &month) || !digits(c, 8, 2, &day))
        return ERR_SYNTAX;
    if (c.len > 10 &&
        (!digits(c, 11, 2, &hour) || !digits(c, 14, 2, &minute) || !digits(c, 17, 2, &second)))
        return ERR_SYNTAX;
    struct civil t = {
        year, (uint8_t)month, (uint8_t)day, (uint8_t)hour, (uint8_t)minute, (uint8_t)second, 0};
    if (c.len >= 25 && c.text[19] == '+' && digits(c, 20, 2, &zone_hour) &&
        digits(c, 23, 2, &zone_minute))
        zone_s = zone_hour * 3600 + zone_minute * 60;
    if (!civil_valid(t))
        return ERR_RANGE;
    *at_s = civil_to_wall(t, zone_s).s;
    return ERR_OK;
}

/* --- series -------------------- */

/* Room for one more element; doubles at powers of two. */
static void *grown(void *array, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return array;
    void *more = realloc(array, (count == 0 ? 1 : 2 * count) * size);
    MUST(more != NULL); /* a test program: nothing sensible is left to do */
    return more;
}

static struct replay_series *series_named(struct replay *r, struct cell name)
{
    for (size_t i = 0; i < r->count; i++)
        if (strlen(r->series[i].name) == name.len &&
            memcmp(r->series[i].name, name.text, name.len) == 0)
            return &r->series[i];
    r->series = grown(r->series, r->count, sizeof r->series[0]);
    struct replay_series *s = &r->series[r->count++];
    *s = (struct replay_series){0};
    memcpy(s->name, name.text, name.len < REPLAY_NAME_MAX ? name.len : REPLAY_NAME_MAX);
    return s;
}

static struct cell named(const char *text)
{
    return (struct cell){text, strlen(text)};
}

static enum err add_point(struct replay_series *s, int64_t at_s, int64_t used_mwh)
{
    if (s->point_count > 0 && s->points[s->point_count - 1].at_s >= at_s)
        return ERR_RANGE;
    s->points = grown(s->points, s->point_count, sizeof s->points[0]);
    s->points[s->point_count++] = (struct replay_point){at_s, used_mwh};
    return ERR_OK;
}

static void add_due(struct replay_series *s, int64_t at_s, int64_t energy_mwh)
{
    s->dues = grown(s->dues, s->due_count, sizeof s->dues[0]);
    s->dues[s->due_count] = (struct replay_due){at_s, energy_mwh, (int64_t)s->due_count + 1};
    s->due_count++;
}

/* One row of a balance: *left is the row before's, -1 at the start. */
static enum err add_balance(struct replay_series *s, int64_t at_s, int64_t left_mwh,
                            int64_t *before)
{
    int64_t used = s->point_count > 0 ? s->points[s->point_count - 1].used_mwh : 0;
    if (*before < 0 || left_mwh > *before)
        add_due(s, at_s, *before < 0 ? left_mwh : left_mwh - *before);
    else
        used += *before - left_mwh;
    *before = left_mwh;
    return add_point(s, at_s, used);
}

/* --- CSV -------------------- */

#define CELLS 3

/* Cuts the next line that is not empty into cells; false at the end. */
static bool next_line(const char **at, struct cell cells[CELLS], size_t *count)
{
    while (**at == '\n' || **at == '\r')
        (*at)++;
    if (**at == '\0')
        return false;
    size_t len = strcspn(*at, "\n");
    const char *p = *at, *end = *at + len;
    for (*count = 0; *count < CELLS && p <= end; (*count)++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma != NULL ? comma : end;
        cells[*count] = trimmed((struct cell){p, (size_t)(stop - p)});
        p = stop + 1;
    }
    *at = end;
    return true;
}

static enum err load_room_csv(struct replay *r, const char *at, int32_t zone_s, size_t columns)
{
    static const char *const names[2][2] = {{"kwh", NULL}, {"light", "ac"}};
    int64_t before[2] = {-1, -1};
    struct cell cells[CELLS];
    size_t count;
    while (next_line(&at, cells, &count)) {
        int64_t at_s, left;
        if (count != columns + 1)
            return ERR_SYNTAX;
        TRY(date_time(cells[0], zone_s, &at_s));
        for (size_t c = 0; c < columns; c++) {
            TRY(decimal_mwh(cells[c + 1], &left));
            TRY(add_balance(series_named(r, named(names[columns - 1][c])), at_s, left, &before[c]));
        }
    }
    return ERR_OK;
}

static enum err load_half_hours(struct replay *r, const char *at, int32_t zone_s)
{
    struct cell cells[CELLS];
    size_t count;
    while (next_line(&at, cells, &count)) {
        int64_t at_s, mwh;
        if (count != 3)
            return ERR_SYNTAX;
        TRY(date_time((struct cell){cells[1].text, cells[1].len < 19 ? cells[1].len : 19}, zone_s,
                      &at_s));
        TRY(decimal_mwh(cells[2], &mwh));
        struct replay_series *s = series_named(r, cells[0]);
        if (s->point_count == 0)
            TRY(add_point(s, at_s, 0));
        /* The row tells the energy of the half hour that begins with it. */
        int64_t used = s->points[s->point_count - 1].used_mwh;
        TRY(add_point(s, at_s + HALF_HOUR_S, used + mwh));
    }
    return ERR_OK;
}

static enum err load_csv(struct replay *r, const char *text, int32_t zone_s)
{
    static const char room2[] = "time,light_kwh_left,ac_kwh_left", room1[] = "date,kwh_left",
                      half[] = "LCLid,tstp,energy_kWh";
    size_t head = strcspn(text, "\r\n");
    const char *body = text + head;
    if (head == sizeof room2 - 1 && memcmp(text, room2, head) == 0)
        return load_room_csv(r, body, zone_s, 2);
    if (head == sizeof room1 - 1 && memcmp(text, room1, head) == 0)
        return load_room_csv(r, body, zone_s, 1);
    if (head == sizeof half - 1 && memcmp(text, half, head) == 0)
        return load_half_hours(r, body, zone_s);
    return ERR_SYNTAX;
}

/* --- JSON -------------------- */

/* jansson gives numbers as double. They come back as the decimal text they were: 17 digits are
 * more than any balance has. */
static enum err json_mwh(const json_t *number, int64_t *mwh)
{
    char text[64];
    if (!json_is_number(number))
        return ERR_SYNTAX;
    snprintf(text, sizeof text, "%.6f", json_number_value(number));
    return decimal_mwh(named(text), mwh);
}

static enum err json_time(const json_t *row, int year, int32_t zone_s, int64_t *at_s)
{
    const char *text = json_string_value(json_object_get(row, "time"));
    char whole[40];
    if (text == NULL)
        return ERR_SYNTAX;
    bool has_year = strlen(text) >= 5 && text[4] == '-';
    if (!has_year && year == 0)
        return ERR_SYNTAX;
    if (has_year)
        snprintf(whole, sizeof whole, "%.30s", text);
    else
        snprintf(whole, sizeof whole, "%04d-%.30s", year, text);
    return date_time(named(whole), zone_s, at_s);
}

static enum err load_rows(struct replay *r, const json_t *rows, int year, int32_t zone_s)
{
    static const struct {
        const char *key, *name;
    } kinds[] = {{"light_Balance", "light"}, {"ac_Balance", "ac"}, {"kWh", "kwh"}};
    int64_t before[3] = {-1, -1, -1};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t at_s, left;
        TRY(json_time(row, year, zone_s, &at_s));
        for (size_t k = 0; k < 3; k++) {
            const json_t *number = json_object_get(row, kinds[k].key);
            if (number == NULL)
                continue;
            TRY(json_mwh(number, &left));
            TRY(add_balance(series_named(r, named(kinds[k].name)), at_s, left, &before[k]));
        }
    }
    return r->count > 0 ? ERR_OK : ERR_SYNTAX;
}

/* "zzu-2025-01.json": 2025; 0 if no year stands there. */
static int year_in(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    for (const char *p = name; *p != '\0'; p++) {
        int year;
        if (digits(named(p), 0, 4, &year) && year >= 1990 && year < 2100)
            return year;
    }
    return 0;
}

static enum err load_json(struct replay *r, const char *text, const char *path, int32_t zone_s)
{
    json_t *rows = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    enum err e = json_is_array(rows) ? load_rows(r, rows, year_in(path), zone_s) : ERR_SYNTAX;
    json_decref(rows);
    return e;
}

/* ------------------------------ */

enum err replay_load(struct replay *r, const char *path, int32_t zone_s)
{
    struct bytes content;
    *r = (struct replay){0};
    TRY(io_file_read(path, FILE_MAX, &content));
    const char *text = (const char *)content.data;
    text += strncmp(text, "data=", 5) == 0 ? 5 : 0;
    enum err e = *text == '[' ? load_json(r, text, path, zone_s) : load_csv(r, text, zone_s);
    io_file_free(&content);
    if (e == ERR_OK && r->count == 0)
        e = ERR_SYNTAX;
    if (e != ERR_OK)
        replay_free(r);
    return e;
}

void replay_free(struct replay *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->series[i].points);
        free(r->series[i].dues);
    }
    free(r->series);
    *r = (struct replay){0};
}

const struct replay_series *replay_find(const struct replay *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (name[0] == '\0' || strcmp(r->series[i].name, name) == 0)
            return &r->series[i];
    return NULL;
}

int64_t replay_used_mwh(const struct replay_series *s, int64_t at_s)
{
    size_t low = 0, high = s->point_count; /* the first point after at_s is in low .. high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->points[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    const struct replay_point *a = &s->points[low - 1];
    if (low == s->point_count)
        return a->used_mwh;
    const struct replay_point *b = a + 1;
    int64_t span = b->at_s - a->at_s;
    return a->used_mwh + (b->used_mwh - a->used_mwh) / span * (at_s - a->at_s) +
           (b->used_mwh - a->used_mwh) % span * (at_s - a->at_s) / span;
}
