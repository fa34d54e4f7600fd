#include "app/terminal/classify_text.h"

#include <ctype.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define NUMBER_MOST INT64_C(4'000'000'000'000'000)
#define TIME_MS_FROM                                                                               \
    INT64_C(100'000'000'000) /* seconds of the year 5138: these are milliseconds                   \
                              */

/* --- lines and cells
 * -------------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t more = *at < 0x80 ? 0 : *at < 0xC2 ? 4 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;
        if (more == 4 || *at > 0xF4)
            return false;
        for (at++; more > 0; more--, at++)
            if ((*at & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* Spreadsheets in China save GBK. What is neither stays as it is. */
static void to_utf8(char *line, size_t size)
{
    char wide[TEXT_LINE_MAX], *from = line, *to = wide;
    size_t left = strlen(line), room = sizeof wide - 1;
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    if (cd == (iconv_t)-1)
        return;
    bool whole = iconv(cd, &from, &left, &to, &room) != (size_t)-1;
    iconv_close(cd);
    *to = '\0';
    if (whole && strlen(wide) < size)
        memcpy(line, wide, strlen(wide) + 1);
}

enum text_line text_line(FILE *file, char line[TEXT_LINE_MAX])
{
    size_t length = 0;
    int c;
    while ((c = getc(file)) != EOF && c != '\n' && c != '\r') {
        if (c == '\0' || length + 1 == TEXT_LINE_MAX)
            return TEXT_TORN;
        line[length++] = (char)c;
    }
    if (c == '\r' && (c = getc(file)) != '\n' && c != EOF)
        ungetc(c, file);
    else if (c == EOF && length == 0)
        return TEXT_OVER;
    line[length] = '\0';
    if (!is_utf8(line))
        to_utf8(line, TEXT_LINE_MAX);
    return TEXT_LINE;
}

char text_separator(const char *line)
{
    static const char by[] = {';', '\t', '|', ','};
    char best = strpbrk(line, ";\t|,") ? ',' : ' ';
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
        while (by == ' ' && *at == ' ')
            at++; /* columns that are lined up */
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
        if (by != ' ' || *at)
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

char text_decimal(const char *text, bool comma)
{
    size_t points = 0, commas = 0;
    for (const char *at = text; *at; at++) {
        points += *at == '.';
        commas += *at == ',';
    }
    if (points && commas)
        return strrchr(text, '.') > strrchr(text, ',') ? '.' : ',';
    bool thousands = !comma && commas == 1 && strspn(strchr(text, ',') + 1, "0123456789") == 3;
    return points == 1 ? '.' : commas == 1 && !thousands ? ',' : '\0';
}

/* Closes groups of three up, leaves a point before the decimals. False: groups of another length,
 * or one group that may as well be decimals. */
static bool close_up(const char *text, bool comma, char *to, size_t size)
{
    char decimal = text_decimal(text, comma);
    const char *before = text;
    size_t n = 0, groups = 0;
    for (const char *at = text; *at && n + 1 < size; at++) {
        if (*at != '.' && *at != ',') {
            to[n++] = *at;
        } else if (*at == decimal) {
            to[n++] = '.';
            decimal = '.'; /* a second one is junk */
        } else {
            if (at == before || strspn(at + 1, "0123456789") != 3 || strchr(to, '.'))
                return false;
            groups++;
        }
        to[n] = '\0';
    }
    return groups != 1 || text_decimal(text, comma) != '\0';
}

/* Digits with a point; those beyond what 64 bits hold are left off. */
static const char *read_digits(const char *text, int64_t *digits, int *places)
{
    bool any = false, point = false;
    *digits = *places = 0;
    for (;; text++) {
        if (!point && *text == '.') {
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
    char closed[64] = "";
    if (is_empty(text))
        return TEXT_EMPTY;
    if (strpbrk(text, ",.")) {
        if (!close_up(text, comma, closed, sizeof closed))
            return TEXT_JUNK;
        text = closed;
    }
    bool minus = *text == '-';
    text += *text == '-' || *text == '+';
    int64_t digits;
    int places, power = 0;
    text = read_digits(text, &digits, &places);
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

/* A date at the beginning; what follows it, or NULL. The day stands before the month, unless am or
 * pm says that an American wrote it, or it can only be the other way. */
static const char *read_date(const char *text, int64_t *day)
{
    int a, b, c, used = 0;
    char x, y;
    if (sscanf(text, "%4d%c%2d%c%4d%n", &a, &x, &b, &y, &c, &used) != 5 || used == 0 || x != y ||
        !strchr("-/.", x))
        return NULL;
    bool american = x == '/' && (b > 12 || strcasestr(text, "am") || strcasestr(text, "pm"));
    bool fits = day_of(a, b, c, day) || (american && day_of(c, a, b, day)) || day_of(c, b, a, day);
    return fits ? text + used : NULL;
}

/* 20240305 and a clock, or 20240305164200. */
static const char *read_packed_date(const char *text, int64_t *day)
{
    int year, month, d;
    size_t digits = strspn(text, "0123456789");
    bool fits = (digits == 8 && (text[8] == 'T' || text[8] == ' ')) || (digits == 14 && !text[14]);
    return fits && sscanf(text, "%4d%2d%2d", &year, &month, &d) == 3 && day_of(year, month, d, day)
               ? text + 8
               : NULL;
}

/* hh:mm[:ss[.fff]] or hhmmss in milliseconds of the day; what follows it, or NULL. */
static const char *read_clock(const char *text, int64_t *ms)
{
    int h, m, s = 0, used = 0;
    if (strspn(text, "0123456789") == 6) {
        sscanf(text, "%2d%2d%2d%n", &h, &m, &s, &used);
        text += used;
    } else {
        if (sscanf(text, "%2d:%2d%n", &h, &m, &used) != 2 || !isdigit((unsigned char)*text))
            return NULL;
        text += used;
        if (*text == ':' &&
            (!isdigit((unsigned char)text[1]) || sscanf(text, ":%2d%n", &s, &used) != 1))
            return NULL;
        text += *text == ':' ? used : 0;
    }
    if (h > 23 || m < 0 || m > 59 || s > 60)
        return NULL;
    *ms = ((h * INT64_C(60) + m) * 60 + s) * 1000;
    if (*text != '.' && *text != ',')
        return text;
    int64_t part = 100;
    for (text++; isdigit((unsigned char)*text); text++, part /= 10)
        *ms += part * (*text - '0');
    return text;
}

/* Whether am or pm follows: the clock has twelve hours then. */
static bool read_half(const char **text, int64_t *ms)
{
    bool am = strncasecmp(*text, "am", 2) == 0, pm = strncasecmp(*text, "pm", 2) == 0;
    int64_t hour = *ms / 3'600'000;
    if (!am && !pm)
        return true;
    *text += 2;
    *ms += am && hour == 12 ? -43'200'000 : pm && hour < 12 ? 43'200'000 : 0;
    return hour >= 1 && hour <= 12;
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

/* 2024年3月5日 16时42分00秒 with strokes and colons; what stands behind a bracket (a zone's name)
 * is left off. */
static void plain_time(const char *from, char *to, size_t size)
{
    static const struct {
        const char *sign, by;
    } signs[] = {{"年", '-'}, {"月", '-'}, {"日", ' '}, {"时", ':'},
                 {"点", ':'}, {"分", ':'}, {"秒", ' '}};
    size_t n = 0;
    while (*from && *from != '[' && n + 1 < size) {
        size_t i = 0;
        while (i < sizeof signs / sizeof *signs && strncmp(from, signs[i].sign, 3) != 0)
            i++;
        bool sign = i < sizeof signs / sizeof *signs;
        to[n++] = sign ? signs[i].by : *from;
        from += sign ? 3 : 1;
    }
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = '\0';
}

/* Whether the word begins one of the names, with three letters at least; 1 ..., 0: none. */
static int name_of(const char *const *names, const char *word, size_t length)
{
    for (int i = 0; names[i] && length >= 3; i++)
        if (strncasecmp(names[i], word, length) == 0)
            return i + 1;
    return 0;
}

/* One word of a date: the name of a day is left, that of a month and the numbers are kept. */
static bool take_word(const char *word, size_t length, struct civil *date)
{
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday",    NULL};
    static const char *const months[] = {"january",  "february", "march",  "april",     "may",
                                         "june",     "july",     "august", "september", "october",
                                         "november", "december", NULL};
    if (isdigit((unsigned char)*word)) {
        bool year = length == 4, known = year ? date->year != 0 : date->day != 0;
        if (length > 4 || length == 3 || known)
            return false;
        if (year)
            date->year = atoi(word);
        else
            date->day = (uint8_t)atoi(word);
        return true;
    }
    int month = name_of(months, word, length);
    if (month == 0 || date->month != 0)
        return name_of(days, word, length) != 0;
    date->month = (uint8_t)month;
    return true;
}

/* 14-Nov-2022, Nov 14, 2022, Mon Nov 14 16:42:10 2022: as 2022-11-14, with what else stands there
 * behind it. False: it is no such date. */
static bool number_month(const char *text, char *to, size_t size)
{
    struct civil date = {};
    const char *at = text, *clock = "";
    size_t clocks = 0;
    while (date.year == 0 || date.month == 0 || date.day == 0) {
        at += strspn(at, " ,-/.");
        size_t digits = strspn(at, "0123456789"),
               length = digits ? digits : strcspn(at, " ,-/.0123456789");
        if (digits && at[digits] == ':' && clocks == 0) { /* before the year */
            clock = at;
            clocks = length = strcspn(at, " ");
        } else if (length == 0 || !take_word(at, length, &date)) {
            return false;
        }
        at += length;
    }
    snprintf(to, size, "%04d-%02u-%02u %.*s%s", date.year, date.month, date.day, (int)clocks, clock,
             at + (*at == 'T' || *at == ','));
    return true;
}

/* A number without a unit is of seconds, or of what it must be to lie within our times. */
static int guess_shift(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits < 12 ? 0 : digits < 15 ? -3 : digits < 18 ? -6 : -9;
}

static bool is_number(const char *text, bool comma, int shift, struct text_moment *m)
{
    if (shift == 0)
        shift = strpbrk(text, "eE") ? 0 : guess_shift(text);
    if (text_number(text, comma, shift, &m->ms) != TEXT_NUMBER)
        return false;
    if (m->ms >= TIME_MS_FROM * 1000)
        m->ms /= 1000;
    m->form = TEXT_SECONDS;
    return true;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ')
        text++;
    return text;
}

bool text_time(const char *text, bool comma, int shift, struct text_moment *m)
{
    char plain[64], named[64];
    int64_t day = 0, in_day;
    plain_time(text, plain, sizeof plain);
    if (number_month(plain, named, sizeof named))
        memcpy(plain, named, sizeof plain);
    *m = (struct text_moment){.form = TEXT_DATED};
    const char *rest = read_date(plain, &day);
    if (!rest)
        rest = read_packed_date(plain, &day);
    if (!rest) {
        if (is_number(plain, comma, shift, m))
            return true;
        m->form = TEXT_CLOCK;
        rest = plain;
    } else if (*rest == 'T' || *rest == ' ') {
        rest++;
    } else if (!isdigit((unsigned char)*rest)) {
        return false;
    }
    rest = read_clock(skip_blanks(rest), &in_day);
    rest = rest ? skip_blanks(rest) : NULL;
    if (!rest || !read_half(&rest, &in_day))
        return false;
    rest = skip_blanks(rest);
    m->zoned = *rest != '\0';
    if (!read_offset(rest, &m->offset_ms))
        return false;
    m->ms = day * 86'400'000 + in_day - m->offset_ms;
    return true;
}
