/*
 * The site file of `yufu import` (docs/formats/site-csv.md), as far as a fleet needs it: lines with
 * their endpoints, meters with address, model and wallet, and the prices of their plans. The import
 * is the judge of the file; here only what makes a fleet impossible is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fleet/fleet.h"
#include "site/csv.h"

enum column {
    GATEWAY,
    LINE,
    ENDPOINT,
    BAUD,
    ADDRESS,
    MODEL,
    CIRCUITS,
    WALLET,
    ACCOUNT,
    PLAN,
    BUILDING,
    ROOM,
    SHOP,
    COLUMNS
};

static const struct {
    const char *en, *zh;
} columns[COLUMNS] = {
    [GATEWAY] = {"gateway", "管理机"},   [LINE] = {"line", "线路"},
    [ENDPOINT] = {"endpoint", "端点"},   [BAUD] = {"baud", "波特率"},
    [ADDRESS] = {"address", "表号"},     [MODEL] = {"model", "型号"},
    [CIRCUITS] = {"circuits", "回路数"}, [WALLET] = {"wallet", "余额位置"},
    [ACCOUNT] = {"account", "户号"},     [PLAN] = {"plan", "电价方案"},
    [BUILDING] = {"building", "楼栋"},   [ROOM] = {"room", "房间"},
    [SHOP] = {"shop", "商铺"},
};

/* What hangs on the wall. Every one is the terminal of src/terminal. */
static const struct {
    const char *name;
    uint8_t circuits, phases;
    enum people_kind kind;
} models[] = {
    {"yufu-dorm3", 3, 1, PEOPLE_ROOM},
    {"yufu-shop3p", 1, 3, PEOPLE_SHOP},
    {"yufu-plain", 1, 1, PEOPLE_SHOP},
};

/* --- plans -------------------- */

/* "0.5883" to 0.0001 yuan; the meter has four decimals, so a finer price is refused. */
static bool price_e4(const char *text, uint32_t *out)
{
    uint64_t v = 0;
    int decimals = -1;
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (*p == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*p < '0' || *p > '9' || v > 99'999'999)
            return false;
        if (decimals >= 4) {
            if (*p != '0')
                return false;
            continue;
        }
        v = v * 10 + (uint64_t)(*p - '0');
        decimals += decimals >= 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 4; i++)
        v *= 10;
    *out = (uint32_t)v;
    return text != NULL && v <= 99'999'999;
}

static unsigned rate_of(const char *name)
{
    static const char *const rates[] = {"sharp", "peak", "flat", "valley"};
    for (unsigned i = 0; i < TERMINAL_RATES; i++)
        if (name != NULL && strcmp(name, rates[i]) == 0)
            return i + 1;
    return 0;
}

static bool take_period(const json_t *row, struct terminal_period *p)
{
    const char *from = json_string_value(json_object_get(row, "from"));
    unsigned hour, minute;
    if (from == NULL || sscanf(from, "%2u:%2u", &hour, &minute) != 2 || hour > 23 || minute > 59)
        return false;
    unsigned rate = rate_of(json_string_value(json_object_get(row, "rate")));
    *p = (struct terminal_period){(uint8_t)hour, (uint8_t)minute, (uint8_t)rate};
    return rate > 0;
}

static int by_start(const void *a, const void *b)
{
    const struct terminal_period *x = a, *y = b;
    return (x->hour * 60 + x->minute) - (y->hour * 60 + y->minute);
}

static bool take_time_of_use(const json_t *plan, struct terminal_setup *s)
{
    const json_t *prices = json_object_get(plan, "prices"),
                 *periods = json_object_get(plan, "periods");
    static const char *const rates[] = {"sharp", "peak", "flat", "valley"};
    for (unsigned i = 0; i < TERMINAL_RATES; i++) {
        const json_t *price = json_object_get(prices, rates[i]);
        if (price != NULL && !price_e4(json_string_value(price), &s->price_e4[i]))
            return false;
    }
    size_t count = json_array_size(periods);
    if (count == 0 || count > TERMINAL_PERIODS)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!take_period(json_array_get(periods, i), &s->periods[i]))
            return false;
    s->period_count = (uint8_t)count;
    qsort(s->periods, count, sizeof s->periods[0], by_start);
    return true;
}

static bool take_plan(const json_t *plan, struct terminal_setup *s)
{
    const char *kind = json_string_value(json_object_get(plan, "kind"));
    uint32_t flat;
    if (kind != NULL && strcmp(kind, "time_of_use") == 0)
        return take_time_of_use(plan, s);
    if (kind == NULL || strcmp(kind, "flat") != 0 ||
        !price_e4(json_string_value(json_object_get(plan, "price")), &flat))
        return false;
    for (unsigned i = 0; i < TERMINAL_RATES; i++)
        s->price_e4[i] = flat;
    return true;
}

/* The file's plan, or the JSON itself if it begins with a brace. */
static json_t *plan_of(const char *text)
{
    return text[0] == '{' ? json_loads(text, 0, NULL) : json_load_file(text, 0, NULL);
}

static void warn_once(const struct fleet *f, const char *code)
{
    for (size_t i = 0; i + 1 < f->meter_count; i++)
        if (strcmp(f->meters[i]->plan, code) == 0)
            return;
    fprintf(stderr, "yufu-fleet: no --plan %s=...: its meters charge 0.5583 yuan/kWh\n", code);
}

static enum err load_plan(const struct fleet *f, const char *code, struct terminal_setup *s)
{
    size_t len = strlen(code);
    if (len == 0)
        return ERR_OK;
    for (size_t i = 0; i < f->options.plan_count; i++) {
        const char *text = f->options.plans[i];
        if (strncmp(text, code, len) != 0 || text[len] != '=')
            continue;
        json_t *plan = plan_of(text + len + 1);
        bool good = plan != NULL && take_plan(plan, s);
        json_decref(plan);
        return good ? ERR_OK : fleet_fail(ERR_SYNTAX, text);
    }
    warn_once(f, code);
    return ERR_OK;
}

/* --- rows -------------------- */

struct row {
    const char *cells[COLUMNS]; /* "" where the file has none */
};

static void copy(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from);
}

static struct fleet_line *line_of(struct fleet *f, const struct row *row)
{
    unsigned number = (unsigned)strtoul(row->cells[LINE], NULL, 10);
    for (size_t i = 0; i < f->line_count; i++)
        if (f->lines[i]->number == number && strcmp(f->lines[i]->gateway, row->cells[GATEWAY]) == 0)
            return f->lines[i];
    struct fleet_line *line = calloc(1, sizeof *line);
    struct fleet_line **more = realloc(f->lines, (f->line_count + 1) * sizeof *more);
    if (line == NULL || more == NULL) {
        free(line);
        return NULL;
    }
    f->lines = more;
    f->lines[f->line_count++] = line;
    line->fleet = f;
    line->number = number;
    line->baud = 2400;
    copy(line->gateway, sizeof line->gateway, row->cells[GATEWAY]);
    return line;
}

static enum err make_setup(const struct fleet *f, const struct row *row, struct fleet_meter *m)
{
    const struct fleet_options *o = &f->options;
    struct terminal_setup *s = &m->sim.setup;
    size_t i = 0;
    while (i < sizeof models / sizeof models[0] && strcmp(models[i].name, row->cells[MODEL]) != 0)
        i++;
    if (i == sizeof models / sizeof models[0])
        return ERR_NOT_FOUND;
    unsigned long circuits = strtoul(row->cells[CIRCUITS], NULL, 10);
    *s = (struct terminal_setup){
        .circuits = circuits >= 1 && circuits <= 3 ? (uint8_t)circuits : models[i].circuits,
        .phases = models[i].phases,
        .rating_ma = models[i].circuits == 3 ? 15'000 : 0, /* the terminal's relays */
        .zone_s = f->zone_s,
        .preset_fen = o->preset_fen,
        .alarm1_fen = o->alarm1_fen,
        .alarm2_fen = o->alarm2_fen,
        .overdraft_fen = o->overdraft_fen,
        .hoard_fen = o->hoard_fen,
        .price_e4 = {5583, 5583, 5583, 5583},
    };
    s->wallet = strcmp(row->cells[WALLET], "meter") == 0 || strcmp(row->cells[WALLET], "表内") == 0;
    m->kind = row->cells[ACCOUNT][0] == '\0' ? PEOPLE_PUBLIC : models[i].kind;
    TRY(dlt645_address_parse(row->cells[ADDRESS], s->address));
    return load_plan(f, row->cells[PLAN], s);
}

static void place_of(const struct row *row, char out[FLEET_CODE])
{
    const char *place = row->cells[ROOM][0] != '\0' ? row->cells[ROOM] : row->cells[SHOP];
    snprintf(out, FLEET_CODE, "%.18s/%.18s", row->cells[BUILDING], place);
}

static void name_meter(struct fleet_meter *m, const struct row *row)
{
    dlt645_address_text(m->sim.setup.address, m->address);
    copy(m->account, sizeof m->account, row->cells[ACCOUNT]);
    copy(m->model, sizeof m->model, row->cells[MODEL]);
    copy(m->plan, sizeof m->plan, row->cells[PLAN]);
    place_of(row, m->place);
}

static enum err add_meter(struct fleet *f, struct fleet_line *line, const struct row *row)
{
    struct fleet_meter *m = calloc(1, sizeof *m);
    struct fleet_meter **more = realloc(f->meters, (f->meter_count + 1) * sizeof *more);
    if (m == NULL || more == NULL) {
        free(m);
        return ERR_MEMORY;
    }
    f->meters = more;
    f->meters[f->meter_count++] = m; /* from here on it is freed with the fleet */
    m->line = line;
    TRY(make_setup(f, row, m));
    name_meter(m, row);
    uint64_t seed = (uint64_t)f->options.seed;
    m->seed = fnv64(fnv64(FNV64_START, &seed, sizeof seed), m->address, sizeof m->address);
    for (size_t i = 0; i + 1 < f->meter_count; i++)
        if (strcmp(f->meters[i]->address, m->address) == 0)
            return ERR_EXISTS;
    return ERR_OK;
}

static enum err add_pipe(struct fleet *f, struct fleet_line *line, const struct row *row)
{
    char place[FLEET_CODE];
    place_of(row, place);
    return fleet_pipes_add(f, line,
                           &(struct fleet_pipe_options){.model = row->cells[MODEL],
                                                        .address = row->cells[ADDRESS],
                                                        .account = row->cells[ACCOUNT],
                                                        .place = place});
}

static enum err take_row(struct fleet *f, const struct row *row)
{
    struct fleet_line *line = line_of(f, row);
    if (line == NULL)
        return ERR_MEMORY;
    if (line->number < 1 || line->number > 255)
        return ERR_RANGE;
    if (row->cells[ENDPOINT][0] != '\0')
        copy(line->endpoint, sizeof line->endpoint, row->cells[ENDPOINT]);
    if (row->cells[BAUD][0] != '\0') {
        unsigned long baud = strtoul(row->cells[BAUD], NULL, 10);
        if (baud < 300 || baud > 115'200)
            return ERR_RANGE;
        line->baud = (unsigned)baud;
    }
    if (fleet_pipes_knows(row->cells[MODEL]))
        return add_pipe(f, line, row);
    return line->pipes != NULL ? ERR_STATE : add_meter(f, line, row);
}

/* Which cell of the file is which column; -1: not there. */
static void find_columns(const struct csv *csv, int where[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        where[c] = -1;
        for (size_t i = 0; i < csv->cell_count; i++)
            if (strcmp(csv->cells[i], columns[c].en) == 0 ||
                strcmp(csv->cells[i], columns[c].zh) == 0)
                where[c] = (int)i;
    }
}

static enum err take_rows(struct fleet *f, struct csv *csv)
{
    int where[COLUMNS];
    TRY(csv_next(csv));
    find_columns(csv, where);
    if (where[GATEWAY] < 0 || where[LINE] < 0 || where[ADDRESS] < 0 || where[MODEL] < 0)
        return ERR_SYNTAX;
    enum err e;
    while ((e = csv_next(csv)) == ERR_OK) {
        struct row row;
        for (int c = 0; c < COLUMNS; c++)
            row.cells[c] =
                where[c] >= 0 && (size_t)where[c] < csv->cell_count ? csv->cells[where[c]] : "";
        TRY(take_row(f, &row));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- endpoints from the command line -------------------- */

static enum err replace_endpoints(struct fleet *f)
{
    const char *p = f->options.lines;
    for (size_t i = 0; p != NULL && *p != '\0'; i++) {
        size_t len = strcspn(p, ",");
        if (i == f->line_count || len >= FLEET_ENDPOINT)
            return fleet_fail(ERR_RANGE, "--lines");
        snprintf(f->lines[i]->endpoint, FLEET_ENDPOINT, "%.*s", (int)len, p);
        p += len + (p[len] == ',');
    }
    return ERR_OK;
}

enum err fleet_site_load(struct fleet *f)
{
    struct bytes content;
    struct csv csv;
    char what[FLEET_PATH];
    enum err e = io_file_read(f->options.site, CSV_SIZE_MAX, &content);
    if (e != ERR_OK)
        return fleet_fail(e, f->options.site);
    f->zone_s = 28'800; /* every zone of China; the meters of elsewhere come later */
    e = csv_open(&csv, content.data, content.len);
    io_file_free(&content);
    if (e == ERR_OK) {
        e = take_rows(f, &csv);
        snprintf(what, sizeof what, "%.4000s:%lld", f->options.site, (long long)csv.row);
        csv_close(&csv);
    } else {
        snprintf(what, sizeof what, "%.4000s", f->options.site);
    }
    if (e != ERR_OK)
        return fleet_fail(e, what);
    if (f->meter_count + f->pipe_count == 0)
        return fleet_fail(ERR_NOT_FOUND, what);
    return replace_endpoints(f);
}
