/* What the heading of a column names, and in which unit. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/terminal/classify_text.h"

/* --- names
 * ---------------------------------------------------------------------------------------- */

static const struct {
    enum text_column column;
    const char *names; /* between bars; small letters, without spaces, dots and strokes */
} known[] = {
    {TEXT_TIME,
     "|time|t|timestamp|datetime|dateandtime|ts|sec|secs|seconds|localtime|utctime|"
     "elapsed|elapsedtime|relativetime|start|starttime|timestart|begin|begintime|ontime|timeon|"
     "epoch|epochtime|unix|unixtime|unixtimestamp|"
     "时间|时刻|时间戳|日期时间|采样时间|采集时间|记录时间|测量时间|开始|开始时间|开启时间|"},
    {TEXT_CYCLE, "|cycle|cycles|cycleno|cyclenumber|cycleindex|周波|周波号|"},
    {TEXT_DATE, "|date|day|日期|"},
    {TEXT_P, "|p|pw|power|active|activepower|poweractive|activep|realpower|powerreal|watt|watts|"
             "pactive|ptotal|wirkleistung|有功|有功功率|功率|"},
    {TEXT_Q, "|q|reactive|reactivepower|powerreactive|reactivep|qreactive|qtotal|vars|"
             "blindleistung|无功|无功功率|"},
    {TEXT_U, "|u|v|voltage|volt|volts|urms|vrms|rmsvoltage|spannung|电压|"},
    {TEXT_I, "|i|current|amp|amps|ampere|amperes|irms|rmscurrent|strom|电流|"},
    {TEXT_S, "|s|apparent|apparentpower|powerapparent|scheinleistung|视在|视在功率|"},
    {TEXT_PF, "|pf|powerfactor|factor|cosphi|cosφ|功率因数|"},
    {TEXT_FIRST, "|fundamentalfrequency|fundamental|h1|i1|基波电流|"},
    {TEXT_LABEL, "|label|labels|appliance|appliances|name|load|device|truth|groundtruth|class|type|"
                 "标签|电器|设备|负载|负荷|类别|"},
    {TEXT_EDGE, "|event|edge|state|status|action|switch|onoff|事件|动作|状态|"},
    {TEXT_UNUSED,
     "|frequency|freq|f|hz|energy|kwh|wh|index|id|no|row|n|thd|thdi|thdu|averagecurrent|"
     "peakcurrent|comment|remark|note|temperature|序号|编号|频率|电能|电量|备注|"},
};

/* What people put beside a name without another meaning. */
static const char noise[] = "|total|mains|main|aggregate|grid|rms|true|avg|average|mean|measured|"
                            "instantaneous|inst|ac|in|utc|";
static const char *const noise_zh[] = {"总", "瞬时", "平均", NULL};

static const struct unit {
    enum text_column column;
    int shift;
    const char *names; /* between bars; mW and MW are not the same */
    bool percent;
} units[] = {
    {TEXT_TIME, 0, "|s|S|sec|seconds|秒|"},
    {TEXT_TIME, -3, "|ms|毫秒|"},
    {TEXT_TIME, -6, "|us|µs|μs|微秒|"},
    {TEXT_TIME, -9, "|ns|纳秒|"},
    {TEXT_P, 0, "|W|w|watt|watts|Watt|Watts|瓦|瓦特|"},
    {TEXT_P, 3, "|kW|kw|KW|Kw|千瓦|"},
    {TEXT_P, -3, "|mW|毫瓦|"},
    {TEXT_Q, 0, "|var|Var|VAR|VAr|vars|W|乏|"},
    {TEXT_Q, 3, "|kvar|kVar|kVAR|kVAr|Kvar|KVAR|千乏|"},
    {TEXT_Q, -3, "|mvar|"},
    {TEXT_S, 0, "|VA|va|W|伏安|"},
    {TEXT_S, 3, "|kVA|KVA|kva|千伏安|"},
    {TEXT_U, 0, "|V|v|volt|volts|Volts|伏|伏特|"},
    {TEXT_U, -3, "|mV|毫伏|"},
    {TEXT_U, 3, "|kV|千伏|"},
    {TEXT_I, 0, "|A|a|amp|amps|Amps|安|安培|"},
    {TEXT_I, -3, "|mA|ma|毫安|"},
    {TEXT_PF, -2, "|%|pct|percent|"},
    {TEXT_H3, 0, "|A|a|amps|安|安培|"},
    {TEXT_H3, -3, "|mA|ma|毫安|"},
    {TEXT_H3, 0, "|%|pct|percent|", true},
};

static const char *const ordinals[] = {"third",    "fifth",      "seventh",  "ninth",
                                       "eleventh", "thirteenth", "fifteenth"};

static bool lists(const char *names, const char *name)
{
    size_t length = strchr(name, '|') ? 0 : strlen(name);
    for (const char *at = strstr(names, name); at && length; at = strstr(at + 1, name))
        if (at[-1] == '|' && at[length] == '|')
            return true;
    return false;
}

/* Small letters only, without what people put between words; `quiet` leaves noise out as well. */
static void plain_name(const char *from, size_t length, bool quiet, char *to, size_t size)
{
    static const char between[] = " _-./:,\"'*#";
    size_t n = 0, word = 0;
    for (size_t i = 0; i <= length && n + 1 < size; i++) {
        if (i < length && !strchr(between, from[i])) {
            to[n++] = (char)tolower((unsigned char)from[i]);
            continue;
        }
        to[n] = '\0';
        if (quiet && lists(noise, to + word))
            n = word;
        word = n;
    }
    to[n] = '\0';
    for (size_t i = 0; quiet && noise_zh[i]; i++) {
        size_t part = strlen(noise_zh[i]);
        if (strncmp(to, noise_zh[i], part) == 0)
            memmove(to, to + part, strlen(to + part) + 1);
    }
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
                (sscanf(name, "i%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "ih%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "harm%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "harmonic%2u%n", &order, &used) == 1 && !name[used]) ||
                (sscanf(name, "%2u%n", &order, &used) == 1 && used &&
                 (strcmp(name + used, "次谐波") == 0 || strcmp(name + used, "rdharmonic") == 0 ||
                  strcmp(name + used, "thharmonic") == 0));
    if (!fits || order % 2 == 0 || order > 15)
        return false;
    *column = order < 3 ? TEXT_FIRST : TEXT_H3 + order / 2 - 1;
    return true;
}

static bool find_plain(const char *name, struct text_heading *h)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (lists(known[i].names, name)) {
            h->column = known[i].column;
            return true;
        }
    return read_harmonic(name, &h->column, &h->bench);
}

static bool find_name(const char *name, size_t length, struct text_heading *h)
{
    char plain[64];
    plain_name(name, length, false, plain, sizeof plain);
    if (find_plain(plain, h))
        return true;
    plain_name(name, length, true, plain, sizeof plain);
    return find_plain(plain, h);
}

/* --- units
 * ---------------------------------------------------------------------------------------- */

static const struct unit *unit_of(enum text_column column, const char *text)
{
    enum text_column of = column >= TEXT_FIRST && column < TEXT_LABEL ? TEXT_H3 : column;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].column == of && lists(units[i].names, text))
            return &units[i];
    return NULL;
}

bool text_unit(const char *text, struct text_heading *h)
{
    char bare[32];
    size_t length = strlen(text);
    bool bracket = length > 2 && strchr("([", text[0]) && strchr(")]", text[length - 1]);
    snprintf(bare, sizeof bare, "%.*s", (int)(bracket ? length - 2 : length), text + bracket);
    const struct unit *u = unit_of(h->column, bare);
    if (!u)
        return false;
    h->shift = u->shift;
    h->percent = u->percent;
    return true;
}

static bool has_unit(enum text_column column)
{
    return column == TEXT_TIME || (column >= TEXT_P && column < TEXT_LABEL);
}

/* "kW", "mA": the unit stands for the name. */
static bool is_unit(const char *name, struct text_heading *h)
{
    for (enum text_column k = TEXT_TIME; k <= TEXT_I; k++) {
        const struct unit *u = unit_of(k, name);
        if (!u)
            continue;
        h->column = k;
        h->shift = u->shift;
        return true;
    }
    return false;
}

/* "activePowerW", "电流A": the unit stands right behind the name. */
static bool ends_in_unit(const char *name, struct text_heading *h)
{
    for (size_t at = strlen(name); at > 1; at--)
        if (find_name(name, at, h) && has_unit(h->column) && text_unit(name + at, h))
            return true;
    *h = (struct text_heading){.column = TEXT_COLUMNS};
    return false;
}

/* Where the unit begins: behind a bracket, else behind the last space, stroke, slash, colon or
 * comma; 0: none. */
static size_t unit_at(const char *name, size_t length, bool *bracket)
{
    size_t at = strcspn(name, "([");
    *bracket = at < length;
    if (*bracket)
        return at;
    for (at = length; at > 0 && !strchr(" _/:,", name[at - 1]); at--)
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
    char name[64], unit[64];
    bool bracket;
    narrow(wide, name, sizeof name);
    size_t length = strlen(name), at = unit_at(name, length, &bracket);
    if (find_name(name, length, &h) || is_unit(name, &h))
        return h;
    if (at == 0 || !find_name(name, at, &h)) {
        ends_in_unit(name, &h);
        return h;
    }
    snprintf(unit, sizeof unit, "%s", name + at + 1 + strspn(name + at + 1, " "));
    unit[strcspn(unit, bracket ? ")]" : "")] = '\0';
    if (!has_unit(h.column) || text_unit(unit, &h))
        return h;
    size_t size = strlen(unit);
    bool frequency = size > 2 && strcasecmp(unit + size - 2, "hz") == 0;
    if (!bracket)
        h.column = TEXT_COLUMNS; /* no unit, but a longer name */
    else
        h.bad_unit = !frequency;
    return h;
}

const char *text_column_name(enum text_column c)
{
    static const char *const names[] = {"time", "cycle", "date", "P",     "Q",    "U",  "I",
                                        "S",    "PF",    "h1",   "h3",    "h5",   "h7", "h9",
                                        "h11",  "h13",   "h15",  "label", "edge", "-"};
    return c < TEXT_COLUMNS ? names[c] : "?";
}
