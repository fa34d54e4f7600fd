#include "app/classify_text.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define NUMBER_MOST INT64_C(4'000'000'000'000'000)
#define TIME_MS_FROM                                                                               \
    INT64_C(100'000'000'000) /* seconds of the year 5138: these are milliseconds                   \
                              */

/* --- lines and cells
 * -------------------------------------------------------------------------------- */

bool text_end(char *line, size_t size)
{
    size_t length = strlen(line);
    if (length + 1 == size && line[length - 1] != '\n')
        return false;
    if (length == 0)
        return false; /* it begins with a zero byte */
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

char text_separator(const char *line)
{
    static const char by[] = {';', '\t', '|', ','};
    char best = ',';
    size_t most = 0;
    for (size_t k = 0; k < sizeof by; k++) {
        size_t count = 0;
        bool quoted = false;
        for (const char *at = line; *at; at++) {
            quoted ^= *at == '"';
            count += *at == by[k] && !quoted;
        }
        if (count > most) {
            most = count;
            best = by[k];
        }
    }
    return best;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

bool text_split(char *line, char by, struct text_cells *out)
{
    out->count = 0;
    for (char *at = line; at;) {
        if (out->count == TEXT_CELLS_MAX)
            return false;
        char *to = at, *from = at;
        bool quoted = false;
        for (; *from && (quoted || *from != by); from++)
            if (*from == '"')
                quoted = !quoted;
            else
                *to++ = *from;
        if (quoted)
            return false;
        char *next = *from ? from + 1 : NULL;
        *to = '\0';
        out->cell[out->count++] = trim(at);
        at = next;
    }
    return true;
}

/* --- numbers
 * ---------------------------------------------------------------------------------------- */

static bool is_empty(const char *text)
{
    static const char *const words[] = {"",    "nan",  "-nan", "null", "na",
                                        "n/a", "none", "-",    "--",   "#n/a"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* v times ten to the `places`, rounded half away from zero. */
static bool scale(int64_t v, int places, int64_t *out)
{
    for (; places > 0 && v != 0; places--) {
        if (v > NUMBER_MOST || v < -NUMBER_MOST)
            return false;
        v *= 10;
    }
    int64_t part = 1;
    for (; places < 0 && part < NUMBER_MOST; places++)
        part *= 10;
    *out = part == 1 ? v : (v + (v < 0 ? -part / 2 : part / 2)) / part;
    return *out <= NUMBER_MOST && *out >= -NUMBER_MOST;
}

/* Digits with a point; those beyond what 64 bits hold are left off. */
static const char *read_digits(const char *text, bool comma, int64_t *digits, int *places)
{
    bool any = false, point = false;
    *digits = *places = 0;
    for (;; text++) {
        if (!point && (*text == '.' || (comma && *text == ','))) {
            point = true;
        } else if (isdigit((unsigned char)*text)) {
            any = true;
            if (*digits < INT64_C(100'000'000'000'000'000)) {
                *digits = *digits * 10 + (*text - '0');
                *places -= point;
            } else {
                *places += !point;
            }
        } else {
            break;
        }
    }
    return any ? text : NULL;
}

enum text_kind text_number(const char *text, bool comma, int shift, int64_t *milli)
{
    if (is_empty(text))
        return TEXT_EMPTY;
    bool minus = *text == '-';
    text += *text == '-' || *text == '+';
    int64_t digits;
    int places, power = 0;
    text = read_digits(text, comma, &digits, &places);
    if (!text)
        return TEXT_JUNK;
    if (*text == 'e' || *text == 'E') {
        bool down = *++text == '-';
        text += *text == '-' || *text == '+';
        if (!isdigit((unsigned char)*text))
            return TEXT_JUNK;
        for (; isdigit((unsigned char)*text); text++)
            power = power < 1000 ? power * 10 + (*text - '0') : power;
        power = down ? -power : power;
    }
    if (*text || !scale(minus ? -digits : digits, places + power + shift + 3, milli))
        return TEXT_JUNK;
    return TEXT_NUMBER;
}

/* --- times
 * ------------------------------------------------------------------------------------------ */

static bool day_of(int year, int month, int day, int64_t *out)
{
    bool fits = year >= 1900 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
    struct civil c = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    if (!fits || !civil_valid(c))
        return false;
    *out = civil_days_from_date(year, (unsigned)month, (unsigned)day);
    return true;
}

/* A date at the beginning; what follows it, or NULL. */
static const char *read_date(const char *text, int64_t *day)
{
    int a, b, c, used = 0;
    char x, y;
    if (sscanf(text, "%4d%c%2d%c%4d%n", &a, &x, &b, &y, &c, &used) != 5 || used == 0 || x != y)
        return NULL;
    bool fits = ((x == '-' || x == '/') && day_of(a, b, c, day)) ||
                ((x == '/' || x == '.') && day_of(c, b, a, day));
    return fits ? text + used : NULL;
}

/* hh:mm[:ss[.fff]] in milliseconds of the day; what follows it, or NULL. */
static const char *read_clock(const char *text, bool comma, int64_t *ms)
{
    int h, m, s = 0, used = 0;
    if (sscanf(text, "%2d:%2d%n", &h, &m, &used) != 2 || !isdigit((unsigned char)*text))
        return NULL;
    text += used;
    if (*text == ':' &&
        (!isdigit((unsigned char)text[1]) || sscanf(text, ":%2d%n", &s, &used) != 1))
        return NULL;
    text += *text == ':' ? used : 0;
    if (h > 23 || m < 0 || m > 59 || s > 60)
        return NULL;
    *ms = ((h * INT64_C(60) + m) * 60 + s) * 1000;
    if (*text != '.' && !(comma && *text == ','))
        return text;
    int64_t part = 100;
    for (text++; isdigit((unsigned char)*text); text++, part /= 10)
        *ms += part * (*text - '0');
    return text;
}

/* Z, +08:00, +0800, +08 */
static bool read_offset(const char *text, int64_t *ms)
{
    int h, m = 0;
    *ms = 0;
    if (!*text || strcasecmp(text, "z") == 0 || strcasecmp(text, "utc") == 0)
        return true;
    if ((*text != '+' && *text != '-') || !isdigit((unsigned char)text[1]))
        return false;
    const char *rest = text + 1;
    size_t length = strlen(rest);
    bool fits = (length == 2 && sscanf(rest, "%2d", &h) == 1) ||
                (length == 4 && sscanf(rest, "%2d%2d", &h, &m) == 2) ||
                (length == 5 && sscanf(rest, "%2d:%2d", &h, &m) == 2);
    if (!fits || h > 14 || m < 0 || m > 59)
        return false;
    *ms = (h * INT64_C(60) + m) * 60'000 * (*text == '-' ? -1 : 1);
    return true;
}

bool text_time(const char *text, bool comma, int shift, int64_t *ms)
{
    int64_t day = 0, in_day, offset;
    enum text_kind kind = text_number(text, comma, shift, ms);
    if (kind == TEXT_NUMBER) {
        if (shift == 0 && *ms >= TIME_MS_FROM * 1000)
            *ms /= 1000;
        return true;
    }
    const char *rest = read_date(text, &day);
    if (rest && *rest != 'T' && *rest != ' ')
        return false;
    for (rest = rest ? rest + 1 : text; *rest == ' '; rest++)
        ;
    rest = read_clock(rest, comma, &in_day);
    while (rest && *rest == ' ')
        rest++;
    if (!rest || !read_offset(rest, &offset))
        return false;
    *ms = day * 86'400'000 + in_day - offset;
    return true;
}

/* --- headings
 * --------------------------------------------------------------------------------------- */

static const struct {
    enum text_column column;
    const char *names; /* between bars; small letters, without spaces, dots and strokes */
} known[] = {
    {TEXT_TIME, "|time|t|timestamp|datetime|dateandtime|ts|seconds|localtime|utctime|时间|时刻|"},
    {TEXT_DATE, "|date|day|日期|"},
    {TEXT_P, "|p|power|active|activepower|realpower|watt|watts|pactive|ptotal|有功|有功功率|功率|"},
    {TEXT_Q, "|q|reactive|reactivepower|qreactive|qtotal|无功|无功功率|"},
    {TEXT_U, "|u|v|voltage|volt|volts|urms|vrms|rmsvoltage|电压|"},
    {TEXT_I, "|i|current|amps|ampere|amperes|irms|rmscurrent|电流|"},
    {TEXT_S, "|s|apparent|apparentpower|视在功率|"},
    {TEXT_PF, "|pf|powerfactor|factor|cosphi|cosφ|功率因数|"},
    {TEXT_FIRST, "|fundamentalfrequency|fundamental|h1|i1|基波电流|"},
    {TEXT_LABEL, "|label|labels|appliance|event|name|class|load|device|truth|标签|电器|设备|负载|"},
    {TEXT_UNUSED, "|frequency|freq|f|hz|energy|kwh|wh|index|id|no|row|thd|thdi|thdu|averagecurrent|"
                  "peakcurrent|comment|temperature|频率|电能|"},
};

static const struct {
    enum text_column column;
    const char *unit;
    int shift;
} units[] = {
    {TEXT_TIME, "s", 0}, {TEXT_TIME, "sec", 0}, {TEXT_TIME, "ms", -3}, {TEXT_TIME, "us", -6},
    {TEXT_P, "W", 0},    {TEXT_P, "w", 0},      {TEXT_P, "kW", 3},     {TEXT_P, "kw", 3},
    {TEXT_P, "KW", 3},   {TEXT_P, "mW", -3},    {TEXT_Q, "var", 0},    {TEXT_Q, "Var", 0},
    {TEXT_Q, "VAR", 0},  {TEXT_Q, "VAr", 0},    {TEXT_Q, "kvar", 3},   {TEXT_Q, "kVar", 3},
    {TEXT_Q, "kVAR", 3}, {TEXT_Q, "kVAr", 3},   {TEXT_Q, "mvar", -3},  {TEXT_Q, "W", 0},
    {TEXT_S, "VA", 0},   {TEXT_S, "va", 0},     {TEXT_S, "kVA", 3},    {TEXT_S, "W", 0},
    {TEXT_U, "V", 0},    {TEXT_U, "v", 0},      {TEXT_U, "mV", -3},    {TEXT_U, "kV", 3},
    {TEXT_I, "A", 0},    {TEXT_I, "a", 0},      {TEXT_I, "mA", -3},    {TEXT_I, "ma", -3},
    {TEXT_H3, "A", 0},   {TEXT_H3, "a", 0},     {TEXT_H3, "mA", -3},   {TEXT_H3, "ma", -3},
};

static const char *const ordinals[] = {"third",    "fifth",      "seventh",  "ninth",
                                       "eleventh", "thirteenth", "fifteenth"};

/* Small letters only, without what people put between words. */
static void plain_name(const char *from, size_t length, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length && n + 1 < size; i++)
        if (!strchr(" _-.\"*", from[i]))
            to[n++] = (char)tolower((unsigned char)from[i]);
    to[n] = '\0';
}

static bool lists(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(names, name); at && length; at = strstr(at + 1, name))
        if (at[-1] == '|' && at[length] == '|')
            return true;
    return false;
}

/* h3, i3, harmonic3, 3rdharmonic, third, thirdharmonics, 3次谐波 */
static bool read_harmonic(const char *name, enum text_column *column, bool *bench)
{
    unsigned order = 0;
    int used = 0;
    for (unsigned i = 0; i < 7; i++) {
        size_t length = strlen(ordinals[i]);
        if (strncmp(name, ordinals[i], length) == 0 &&
            (!name[length] || strncmp(name + length, "harmonic", 8) == 0)) {
            *column = TEXT_H3 + i;
            *bench = true;
            return true;
        }
    }
    bool fits = (sscanf(name, "h%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "ih%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "i%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "harmonic%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "%2u%n", &order, &used) == 1 && used &&
                 (strcmp(name + used, "次谐波") == 0 || strcmp(name + used, "rdharmonic") == 0 ||
                  strcmp(name + used, "thharmonic") == 0));
    if (!fits || order % 2 == 0 || order > 15)
        return false;
    *column = order < 3 ? TEXT_FIRST : TEXT_H3 + order / 2 - 1;
    return true;
}

static enum text_column find_column(const char *name, bool *bench)
{
    enum text_column column = TEXT_COLUMNS;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (lists(known[i].names, name))
            return known[i].column;
    return read_harmonic(name, &column, bench) ? column : TEXT_COLUMNS;
}

static bool find_unit(enum text_column column, const char *unit, size_t length, int *shift)
{
    enum text_column of = column >= TEXT_FIRST && column < TEXT_LABEL ? TEXT_H3 : column;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].column == of && strlen(units[i].unit) == length &&
            strncmp(units[i].unit, unit, length) == 0) {
            *shift = units[i].shift;
            return true;
        }
    return false;
}

/* Where the unit begins: behind a bracket, else behind the last space, stroke or slash; 0: none. */
static size_t unit_at(const char *name, size_t length, bool *bracket)
{
    size_t at = strcspn(name, "([");
    *bracket = at < length;
    if (*bracket)
        return at;
    for (at = length; at > 0 && !strchr(" _/", name[at - 1]); at--)
        ;
    return at > 1 ? at - 1 : 0;
}

/* Wide brackets, as Chinese keyboards make them, become narrow ones. */
static void narrow(const char *from, char *to, size_t size)
{
    size_t n = 0;
    while (*from && n + 1 < size) {
        bool open = strncmp(from, "（", 3) == 0, close = strncmp(from, "）", 3) == 0;
        to[n++] = open ? '(' : close ? ')' : *from;
        from += open || close ? 3 : 1;
    }
    to[n] = '\0';
}

struct text_heading text_heading(const char *wide)
{
    struct text_heading h = {.column = TEXT_COLUMNS};
    char plain[64], name[64];
    bool bracket;
    narrow(wide, name, sizeof name);
    size_t length = strlen(name), at = unit_at(name, length, &bracket);
    plain_name(name, length, plain, sizeof plain);
    h.column = find_column(plain, &h.bench);
    if (h.column != TEXT_COLUMNS || at == 0)
        return h;
    plain_name(name, at, plain, sizeof plain);
    h.column = find_column(plain, &h.bench);
    const char *unit = name + at + 1;
    size_t size = bracket ? strcspn(unit, ")]") : strlen(unit);
    bool sized = h.column != TEXT_COLUMNS && h.column != TEXT_UNUSED && h.column != TEXT_LABEL &&
                 h.column != TEXT_DATE;
    if (!sized || find_unit(h.column, unit, size, &h.shift))
        return h;
    bool frequency = size > 2 && strncasecmp(unit + size - 2, "hz", 2) == 0;
    if (!bracket)
        h.column = TEXT_COLUMNS; /* no unit, but a longer name */
    else
        h.bad_unit = !frequency;
    return h;
}

const char *text_column_name(enum text_column c)
{
    static const char *const names[] = {"time", "date", "P",   "Q",   "U",     "I",
                                        "S",    "PF",   "h1",  "h3",  "h5",    "h7",
                                        "h9",   "h11",  "h13", "h15", "label", "-"};
    return c < TEXT_COLUMNS ? names[c] : "?";
}
