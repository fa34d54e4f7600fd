/* Tables with a heading: which column is what, and a row as a sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal/classify_impl.h"
#include "app/terminal/classify_text.h"

#define REVERSED_MW 20'000       /* a meter's zero is not further off */
#define POWER_MOST 1'000'000'000 /* mW, mvar, mVA: no circuit of a room */
#define DRAWS_MVA 100'000        /* from here on P, U and I have to fit together */
#define VOLTS_LEAST 85'000       /* mV */
#define VOLTS_MOST 300'000
#define ROUNDED_MVA 5'000 /* next to nothing has few digits */

struct columns {
    int at[TEXT_COLUMNS]; /* -1: not there */
    int shift[TEXT_COLUMNS];
    size_t count;
    char by;
    char decimal; /* what parts decimals in the cells so far; 0: none did */
    bool comma;   /* may part decimals */
    bool named;   /* by --columns, or by what the first row shows */
    bool bench;   /* a bench meter: currents with two decimals, harmonics as amplitudes */
    bool percent; /* harmonics are that much of the fundamental */
};

static bool has(const struct columns *c, enum text_column k)
{
    return c->at[k] >= 0;
}

/* --- the heading
 * ---------------------------------------------------------------------------------------- */

/* More than one name for what was switched on is common; the first counts. */
static bool is_spare(const struct columns *c, enum text_column k)
{
    return k >= TEXT_UNUSED || ((k == TEXT_LABEL || k == TEXT_EDGE) && has(c, k));
}

static enum err name_columns(struct reading *r, const struct text_cells *f, struct columns *c)
{
    for (size_t i = 0; i < f->count; i++) {
        struct text_heading h = text_heading(f->cell[i]);
        if (h.bad_unit)
            return classify_refuse(r, i + 1, "unknown unit in \"%.40s\" (%s)", f->cell[i],
                                   text_column_name(h.column));
        if (is_spare(c, h.column)) {
            if (h.column != TEXT_UNUSED && *f->cell[i] && strcmp(f->cell[i], "-") != 0)
                classify_note(r, i + 1, "\"%.40s\" is not looked at", f->cell[i]);
            continue;
        }
        if (has(c, h.column))
            return classify_refuse(r, i + 1, "\"%.40s\": a second column for %s", f->cell[i],
                                   text_column_name(h.column));
        c->at[h.column] = (int)i;
        c->shift[h.column] = h.shift;
        c->bench = c->bench || h.bench;
        c->percent = c->percent || h.percent;
    }
    return ERR_OK;
}

static void move_column(struct columns *c, enum text_column from, enum text_column to)
{
    if (has(c, to))
        return;
    c->at[to] = c->at[from];
    c->shift[to] = c->shift[from];
    c->at[from] = -1;
}

static bool tells_apparent(const struct columns *c)
{
    return has(c, TEXT_S) || (has(c, TEXT_U) && has(c, TEXT_I));
}

static bool tells_power(const struct columns *c)
{
    return has(c, TEXT_P) || (has(c, TEXT_PF) && tells_apparent(c));
}

static enum err check_columns(struct reading *r, const struct columns *c)
{
    bool time = has(c, TEXT_TIME) || has(c, TEXT_CYCLE);
    if (!time || !tells_power(c))
        return classify_refuse(r, 0,
                               "no column %s: columns time and P are needed (--columns names them)",
                               time ? "P" : "time");
    if (c->percent && !has(c, TEXT_FIRST) && !has(c, TEXT_I) && !has(c, TEXT_S))
        return classify_refuse(r, 0, "harmonics in per cent need a column for the current");
    return ERR_OK;
}

static enum err find_columns(struct reading *r, char *header, struct columns *c)
{
    struct text_cells f;
    struct text_moment m;
    *c = (struct columns){.by = text_separator(header)};
    c->comma = c->by != ',';
    memset(c->at, -1, sizeof c->at);
    if (!text_split(header, c->by, &f))
        return classify_refuse(r, 0, "a quote is open, or more than %d columns", TEXT_CELLS_MAX);
    if (f.count > 0 && text_time(f.cell[0], c->comma, 0, &m))
        return classify_refuse(r, 0,
                               "no heading: name the columns, "
                               "--columns time,P[,Q,U,I,h3,..h15,label]");
    TRY(name_columns(r, &f, c));
    c->count = f.count;
    move_column(c, TEXT_DATE, TEXT_TIME);
    move_column(c, TEXT_EDGE, TEXT_LABEL);
    return check_columns(r, c);
}

/* --- no heading
 * ---------------------------------------------------------------------------------------- */

static size_t count_cells(const char *line, char by)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    snprintf(copy, sizeof copy, "%s", line);
    return text_split(copy, by, &f) ? f.count : 0;
}

/* What parts a row into so many cells: commas last but one, as they part decimals too. '\0':
 * nothing does. */
static char row_separator(const char *line, size_t count)
{
    static const char by[] = {';', '\t', '|', ' ', ',', '\0'};
    size_t i = 0;
    while (by[i] && count_cells(line, by[i]) != count)
        i++;
    return by[i];
}

bool classify_is_named_row(const struct reading *r, const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    struct text_moment m;
    const char *names = r->how->columns;
    char by = row_separator(line, count_cells(names, text_separator(names)));
    snprintf(copy, sizeof copy, "%s", line);
    bool any = false; /* a number, or a time: words have none */
    if (by != '\0' && text_split(copy, by, &f))
        for (size_t i = 0; i < f.count; i++)
            any = any || text_time(f.cell[i], by != ',', 0, &m);
    return any;
}

/* The plain form shows itself by its voltage, and by powers that voltage and current explain; a
 * power that might be a voltage shows nothing. More columns than these may be anything. */
static bool is_plain(const char *line)
{
    static const struct {
        int64_t least, most; /* thousandths */
    } in[] = {{-POWER_MOST, POWER_MOST},
              {-POWER_MOST, POWER_MOST},
              {VOLTS_LEAST, VOLTS_MOST},
              {0, 5'000'000}};
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    struct text_moment m;
    int64_t v[4];
    char by = row_separator(line, 5);
    snprintf(copy, sizeof copy, "%s", line);
    if (by == '\0' || !text_split(copy, by, &f) || !text_time(f.cell[0], by != ',', 0, &m))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (text_number(f.cell[i + 1], by != ',', 0, &v[i]) != TEXT_NUMBER || v[i] < in[i].least ||
            v[i] > in[i].most)
            return false;
    double most = (double)v[2] * (double)v[3] / 1000 * 1.1 + ROUNDED_MVA;
    return (v[0] < VOLTS_LEAST || v[0] > VOLTS_MOST) && hypot((double)v[0], (double)v[1]) <= most;
}

/* The columns of a file whose first row is `line`, as `names` calls them. */
static enum err take_names(struct reading *r, const char *names, const char *line,
                           struct columns *c)
{
    char heading[TEXT_LINE_MAX];
    snprintf(heading, sizeof heading, "%s", names);
    TRY(find_columns(r, heading, c));
    char by = row_separator(line, c->count);
    c->by = by ? by : text_separator(line);
    c->comma = c->by != ',';
    c->named = true;
    return ERR_OK;
}

bool classify_is_table(const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    bool time = false, power = false;
    snprintf(copy, sizeof copy, "%s", line);
    if (!text_split(copy, text_separator(line), &f))
        return false;
    for (size_t i = 0; i < f.count; i++) {
        enum text_column k = text_heading(f.cell[i]).column;
        time = time || k == TEXT_TIME || k == TEXT_CYCLE || k == TEXT_DATE;
        power = power || k == TEXT_P || k == TEXT_PF;
    }
    return time && power;
}

/* Some write the units into a row of their own, below the names. */
static bool takes_units(struct columns *c, const struct text_cells *f)
{
    struct columns with = *c;
    bool any = false;
    for (enum text_column k = TEXT_TIME; k < TEXT_LABEL; k++) {
        struct text_heading h = {.column = k};
        const char *cell = has(c, k) ? f->cell[c->at[k]] : "";
        if (!*cell)
            continue;
        if (!text_unit(cell, &h))
            return false;
        any = true;
        with.shift[k] = h.shift;
        with.percent = with.percent || h.percent;
    }
    *c = with;
    return any;
}

/* --- a row
 * ---------------------------------------------------------------------------------------- */

static enum err row_time(struct reading *r, const struct columns *c, const struct text_cells *f,
                         struct text_moment *m)
{
    char text[80];
    enum text_column k = has(c, TEXT_TIME) ? TEXT_TIME : TEXT_CYCLE;
    const char *time = f->cell[c->at[k]];
    if (has(c, TEXT_DATE)) {
        snprintf(text, sizeof text, "%.40s %.30s", f->cell[c->at[TEXT_DATE]], time);
        time = text;
    }
    if (!text_time(time, c->comma, c->shift[k], m))
        return classify_refuse(r, (size_t)c->at[k] + 1, "\"%.40s\" is no time", time);
    if (k == TEXT_CYCLE)
        m->ms /= r->how->mains_hz;
    return ERR_OK;
}

static const struct range {
    int64_t least, most; /* thousandths */
} ranges[TEXT_COLUMNS] = {
    [TEXT_P] = {-POWER_MOST, POWER_MOST},
    [TEXT_Q] = {-POWER_MOST, POWER_MOST},
    [TEXT_U] = {0, 1'000'000},
    [TEXT_I] = {0, 5'000'000},
    [TEXT_S] = {0, POWER_MOST},
    [TEXT_PF] = {-1'050, 1'050}, /* meters round it on its own */
    [TEXT_FIRST] = {0, 5'000'000},
    [TEXT_H3] = {0, 5'000'000},
};

/* A number, or a number with its unit behind it. */
static enum text_kind read_cell(const struct columns *c, enum text_column k, const char *cell,
                                int64_t *v)
{
    char number[64];
    struct text_heading h = {.column = k};
    enum text_kind kind = text_number(cell, c->comma, c->shift[k], v);
    size_t digits = strspn(cell, "+-.,0123456789 ");
    if (kind != TEXT_JUNK || digits == 0 || digits >= sizeof number ||
        !text_unit(cell + digits, &h))
        return kind;
    snprintf(number, sizeof number, "%.*s", (int)digits, cell);
    number[strcspn(number, " ")] = '\0';
    return text_number(number, c->comma, h.shift, v);
}

/* 1.829 is a thousand times as much where commas part decimals. */
static bool mixes_decimals(struct columns *c, const char *cell)
{
    char decimal = text_decimal(cell, c->comma);
    bool mixed = decimal && c->decimal && decimal != c->decimal;
    c->decimal = decimal ? decimal : c->decimal;
    return mixed;
}

/* What was measured in this row. A row in which something of it is empty is a gap. */
static enum err row_values(struct reading *r, struct columns *c, const struct text_cells *f,
                           int64_t v[TEXT_COLUMNS], bool *gap)
{
    *gap = false;
    for (enum text_column k = TEXT_P; k < TEXT_LABEL; k++) {
        const struct range *in = &ranges[k > TEXT_H3 ? TEXT_H3 : k];
        if (!has(c, k))
            continue;
        size_t column = (size_t)c->at[k] + 1;
        const char *cell = f->cell[c->at[k]];
        enum text_kind kind = read_cell(c, k, cell, &v[k]);
        if (kind == TEXT_JUNK)
            return classify_refuse(r, column, "\"%.40s\" is no number for %s", cell,
                                   text_column_name(k));
        if (mixes_decimals(c, cell))
            return classify_refuse(r, column,
                                   "\"%.40s\": points and commas part decimals in one file", cell);
        if (kind == TEXT_EMPTY && !*gap)
            r->empty = column;
        *gap = *gap || kind == TEXT_EMPTY;
        if (kind == TEXT_NUMBER && (v[k] < in->least || v[k] > in->most))
            return classify_refuse(r, column, "%s is out of its range: \"%.40s\"",
                                   text_column_name(k), cell);
    }
    return ERR_OK;
}

/* mVA; -1: not measured. */
static int64_t apparent_of(const struct columns *c, const int64_t v[TEXT_COLUMNS])
{
    return has(c, TEXT_S)                     ? v[TEXT_S]
           : has(c, TEXT_U) && has(c, TEXT_I) ? v[TEXT_U] * v[TEXT_I] / 1000
                                              : -1;
}

/* The voltage is S / I where enough flows. The current of a bench meter has two decimals only: its
 * apparent power says it better. */
static void complete(const struct reading *r, const struct columns *c,
                     const int64_t v[TEXT_COLUMNS], struct load_sample *x)
{
    if (!has(c, TEXT_S))
        return;
    if (!has(c, TEXT_U) && has(c, TEXT_I) && v[TEXT_I] > 2'000)
        x->voltage_dv = (uint16_t)(v[TEXT_S] * 10 / v[TEXT_I]);
    if (has(c, TEXT_I) && has(c, TEXT_U))
        return;
    int64_t dv = x->voltage_dv         ? x->voltage_dv
                 : r->watch.voltage_dv ? r->watch.voltage_dv
                                       : r->how->settings->nominal_dv;
    x->current_ma = (uint32_t)(v[TEXT_S] * 10 / dv);
    x->has_current = true;
}

static int32_t leg(double hypotenuse, double other)
{
    return (int32_t)lround(
        fmin(POWER_MOST, sqrt(fmax(0, hypotenuse * hypotenuse - other * other))));
}

/* Without a column Q all that is not active stands in for it: from S, from U and I, from the power
 * factor. */
static void stand_in(const struct columns *c, const int64_t v[TEXT_COLUMNS], struct load_sample *x)
{
    int64_t known = apparent_of(c, v);
    double s = known >= 0                           ? (double)known
               : has(c, TEXT_PF) && v[TEXT_PF] != 0 ? (double)v[TEXT_P] * 1000 / (double)v[TEXT_PF]
                                                    : -1;
    if (has(c, TEXT_Q) || s == -1)
        return;
    x->has_reactive = true;
    x->reactive_mvar = leg(s, (double)x->power_mw);
}

/* A bench meter's Q is all that is not active. Its current of the fundamental parts that: behind a
 * diode most of it is distortion. Two decimals tell a tenth of it, not less. */
static void part_first(const struct columns *c, const int64_t v[TEXT_COLUMNS],
                       struct load_sample *x)
{
    if (!c->bench || !has(c, TEXT_FIRST) || !has(c, TEXT_S) || x->voltage_dv == 0)
        return;
    double s = (double)v[TEXT_S], first = (double)v[TEXT_FIRST] / M_SQRT2 * x->voltage_dv / 10;
    if (first * first < 0.9 * s * s)
        x->reactive_mvar = leg(first, (double)v[TEXT_P]);
}

/* Nothing in a room feeds back: what flows the other way has its transformer turned round. */
static void turn(struct load_sample *x)
{
    if (x->power_mw >= -REVERSED_MW)
        return;
    x->power_mw = -x->power_mw;
    x->reactive_mvar = -x->reactive_mvar;
}

/* mA of the fundamental: all of the current but its harmonics, where it is not measured itself. */
static double first_ma(const struct columns *c, const int64_t v[TEXT_COLUMNS],
                       const struct load_sample *x)
{
    double squares = 1;
    for (enum text_column k = TEXT_H3; k < TEXT_LABEL; k++)
        squares += has(c, k) ? (double)v[k] * (double)v[k] / 1e10 : 0;
    return has(c, TEXT_FIRST) ? (double)v[TEXT_FIRST] : x->current_ma / sqrt(squares);
}

static void take_harmonics(const struct columns *c, const int64_t v[TEXT_COLUMNS],
                           struct load_sample *x)
{
    double part = c->percent ? first_ma(c, v, x) / 1e5 : c->bench ? M_SQRT1_2 : 1;
    for (unsigned h = 0; h < LOAD_HARMONICS; h++)
        if (has(c, TEXT_H3 + h)) {
            x->harmonic_ma[h] = (uint32_t)((double)v[TEXT_H3 + h] * part);
            x->has_harmonics = true;
        }
}

static struct load_sample row_sample(const struct reading *r, const struct columns *c,
                                     const int64_t v[TEXT_COLUMNS], int64_t ms)
{
    int64_t power_mw = has(c, TEXT_P) ? v[TEXT_P] : apparent_of(c, v) * v[TEXT_PF] / 1000;
    struct load_sample x = {.now = {ms},
                            .power_mw = (int32_t)power_mw,
                            .has_reactive = has(c, TEXT_Q),
                            .has_current = has(c, TEXT_I)};
    x.reactive_mvar = x.has_reactive ? (int32_t)v[TEXT_Q] : 0;
    x.current_ma = x.has_current ? (uint32_t)v[TEXT_I] : 0;
    x.voltage_dv = has(c, TEXT_U) ? (uint16_t)(v[TEXT_U] / 100) : 0;
    complete(r, c, v, &x);
    stand_in(c, v, &x);
    part_first(c, v, &x);
    turn(&x);
    take_harmonics(c, v, &x);
    return x;
}

/* What has to fit together at the end of the file; see check_units. */
static void add_up(struct reading *r, const struct columns *c, const int64_t v[TEXT_COLUMNS],
                   const struct load_sample *x)
{
    int64_t s = apparent_of(c, v);
    r->taken++;
    r->most_mw = x->power_mw > r->most_mw ? x->power_mw : r->most_mw;
    r->current += x->current_ma;
    r->third += x->harmonic_ma[0];
    if (s < DRAWS_MVA && x->power_mw < DRAWS_MVA)
        return;
    r->active += x->power_mw;
    r->apparent += s > 0 ? s : 0;
}

static enum err split_row(struct reading *r, const struct columns *c, char *line,
                          struct text_cells *f)
{
    if (!text_split(line, c->by, f))
        return classify_refuse(r, 0, "a quote is open, or more than %d cells", TEXT_CELLS_MAX);
    while (f->count > c->count && !*f->cell[f->count - 1])
        f->count--;
    if (f->count == c->count)
        return ERR_OK;
    return classify_refuse(
        r, f->count < c->count ? f->count + 1 : c->count + 1, "%zu cells, but %s has %zu%s",
        f->count, c->named ? "--columns" : "the heading", c->count,
        f->count > c->count && c->by == ',' ? " (decimal commas need ; between the cells)" : "");
}

static enum err read_row(struct reading *r, struct columns *c, const struct text_cells *f)
{
    struct text_moment m;
    int64_t v[TEXT_COLUMNS] = {0};
    bool same, gap;
    TRY(row_time(r, c, f, &m));
    TRY(row_values(r, c, f, v, &gap));
    TRY(classify_order(r, (size_t)c->at[has(c, TEXT_TIME) ? TEXT_TIME : TEXT_CYCLE] + 1, &m,
                       &same));
    if (has(c, TEXT_LABEL))
        classify_label_row(r, m.ms, has(c, TEXT_EDGE) ? f->cell[c->at[TEXT_EDGE]] : "on",
                           f->cell[c->at[TEXT_LABEL]]);
    if (same || gap)
        return ERR_OK;
    struct load_sample x = row_sample(r, c, v, m.ms);
    add_up(r, c, v, &x);
    classify_give(r, &x);
    return ERR_OK;
}

/* Units that nobody wrote are taken for W, V and A: whether that can be, power, voltage and current
 * say together. */
static enum err check_units(struct reading *r, const struct columns *c)
{
    if (r->taken == 0)
        return classify_refuse(r, r->empty, r->empty ? "empty in every row" : "no row to look at");
    if (has(c, TEXT_P) && tells_apparent(c) && r->active * 50 < r->apparent)
        return classify_refuse(r, (size_t)c->at[TEXT_P] + 1,
                               "P is next to nothing of the apparent power: write its unit behind "
                               "its name (P_kW), or that of the current (I_mA)");
    if (has(c, TEXT_P) && tells_apparent(c) && r->active > r->apparent * 3 / 2)
        return classify_refuse(r, (size_t)c->at[TEXT_P] + 1,
                               "P is more than the apparent power: write the units behind the "
                               "names (P_mW, I_A)");
    if (has(c, TEXT_H3) && !c->percent && r->third > r->current && r->current > 0)
        return classify_refuse(r, (size_t)c->at[TEXT_H3] + 1,
                               "h3 is more than the whole current: write its unit behind its name "
                               "(h3_pct, h3_mA)");
    if (!tells_apparent(c) && r->most_mw > 0 && r->most_mw < 10'000)
        classify_note(r, (size_t)c->at[TEXT_P] + 1,
                      "never more than 10 W: if these are kilowatts, name the column P_kW");
    return ERR_OK;
}

/* Logs that were put one behind the other have their heading again. */
static bool is_again(const struct text_cells *f)
{
    if (f->count < 2 || strchr("+-.0123456789", *f->cell[0]))
        return false;
    for (size_t i = 0; i < f->count; i++)
        if (*f->cell[i] && text_heading(f->cell[i]).column == TEXT_COLUMNS)
            return false;
    return true;
}

/* A line below the heading; `first`: the one right below it. */
static enum err take_line(struct reading *r, struct columns *c, char *line, bool first)
{
    struct text_cells f;
    TRY(split_row(r, c, line, &f));
    return (first && takes_units(c, &f)) || is_again(&f) ? ERR_OK : read_row(r, c, &f);
}

enum err classify_table(struct reading *r, FILE *file, char *line)
{
    struct columns c;
    const char *names = r->how->columns ? r->how->columns : is_plain(line) ? "time,P,Q,U,I" : NULL;
    TRY(names ? take_names(r, names, line, &c) : find_columns(r, line, &c));
    if (c.bench)
        classify_bench_labels(r);
    size_t heading = r->problem->line;
    enum err e;
    if (names)
        TRY(take_line(r, &c, line, true));
    while (classify_line(r, file, line, &e))
        TRY(take_line(r, &c, line, !names && r->problem->line == heading + 1));
    TRY(e);
    return check_units(r, &c);
}
