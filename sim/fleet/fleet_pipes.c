/*
 * Lines of water, heat, cooling and gas meters (and of Modbus and M-Bus ones) of other makers:
 * sim/vendor's meters on sim/world/pipes.h's lines. Households draw water by the hour and at
 * random, heating follows the hour of the day. A pure function of seed, address and time; the
 * registers begin at a figure of the address and are not kept over a restart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fleet/fleet.h"

#define ADDRESS_DIGITS 14
#define QUARTER_S 900
#define LOAD_RECORDS 288        /* three days of quarters */
#define PAST_QUARTERS (64 * 96) /* a settlement, and all the days that are frozen */
#define ALL_LOADS 0x3F
#define LEAK_LPH 15 /* a cistern that never closes */

static const struct {
    const char *model;
    struct vendor_setup setup;
} makes[] = {
    {"water-188", {.kind = VENDOR_COLD_WATER}},
    {"water-valve-188", {.kind = VENDOR_COLD_WATER, .has_valve = true}},
    {"water-valve-188-high", {.kind = VENDOR_COLD_WATER, .has_valve = true, .swapped = true}},
    {"water-valve-188-second",
     {.kind = VENDOR_COLD_WATER, .has_valve = true, .status = VENDOR_STATUS_SECOND}},
    {"water-valve-188-reversed",
     {.kind = VENDOR_COLD_WATER, .has_valve = true, .status = VENDOR_STATUS_REVERSED}},
    {"hot-water-188", {.kind = VENDOR_HOT_WATER, .has_valve = true}},
    {"gas-valve-188", {.kind = VENDOR_GAS, .has_valve = true}},
    {"heat-188", {.kind = VENDOR_HEAT}},
    {"heat-188-unit-first", {.kind = VENDOR_HEAT, .unit_first = true}},
    {"cooling-188", {.kind = VENDOR_COOLING}},
    {"heat-mbus", {.kind = VENDOR_MBUS_HEAT}},
    {"acrel-ddsy1352", {.kind = VENDOR_ACREL_PREPAID}},
    {"acrel-dtsd1352", {.kind = VENDOR_ACREL_DTSD}},
    {"acrel-adw300", {.kind = VENDOR_ACREL_ADW}},
    {"plain-645", {.kind = VENDOR_DLT645}},
};

#define MAKES (sizeof makes / sizeof makes[0])

static size_t make_of(const char *model)
{
    size_t i = 0;
    while (i < MAKES && strcmp(makes[i].model, model) != 0)
        i++;
    return i;
}

bool fleet_pipes_knows(const char *model)
{
    return make_of(model) < MAKES;
}

/* --- birth -------------------- */

/* The last two digits come first on the wire; a short number of Modbus or M-Bus is the unit too. */
static bool take_address(const char *text, struct vendor_setup *s)
{
    char digits[ADDRESS_DIGITS + 1];
    size_t len = strlen(text);
    if (len == 0 || len > ADDRESS_DIGITS || strspn(text, "0123456789") != len)
        return false;
    memset(digits, '0', sizeof digits);
    memcpy(digits + ADDRESS_DIGITS - len, text, len + 1);
    for (size_t i = 0; i < ADDRESS_DIGITS / 2; i++) {
        const char *pair = digits + ADDRESS_DIGITS - 2 - 2 * i;
        s->address[i] = (uint8_t)((pair[0] - '0') << 4 | (pair[1] - '0'));
    }
    unsigned long number = strtoul(text, NULL, 10);
    s->unit = number <= 250 ? (uint8_t)number : 0;
    return true;
}

static enum err open_line(struct fleet *f, struct fleet_line *line)
{
    for (size_t i = 0; i < f->meter_count; i++)
        if (f->meters[i]->line == line)
            return ERR_STATE; /* terminals talk otherwise */
    line->pipes = calloc(1, sizeof *line->pipes);
    if (line->pipes == NULL)
        return ERR_MEMORY;
    sim_pipes_init(line->pipes, (wall_s){f->wall0_ms / 1000});
    return ERR_OK;
}

static struct fleet_pipe *add(struct fleet *f)
{
    struct fleet_pipe *p = calloc(1, sizeof *p);
    struct fleet_pipe **more = realloc(f->pipes, (f->pipe_count + 1) * sizeof *more);
    if (more != NULL)
        f->pipes = more;
    if (p == NULL || more == NULL) {
        free(p);
        return NULL;
    }
    return f->pipes[f->pipe_count++] = p;
}

/* It hung there for weeks before anybody looked, in a shop, and writes its loads down since three
 * days. */
static void live_before(struct fleet *f, struct fleet_pipe *p)
{
    const struct vendor_setup setup = p->sim->setup;
    int64_t energy_mwh = p->sim->energy_mwh, now_s = fleet_wall(f).s;
    int64_t begin_s = (now_s / QUARTER_S - PAST_QUARTERS) * QUARTER_S;
    mono_ms begin = mono_after(fleet_now(f), (begin_s - now_s) * 1000);
    vendor_init(p->sim, &setup, begin, (wall_s){begin_s});
    p->sim->energy_mwh = energy_mwh;
    p->sim->load_mode = 0;
    for (int64_t at = begin_s; at < now_s; at += QUARTER_S) {
        int64_t until = at + QUARTER_S < now_s ? at + QUARTER_S : now_s;
        struct civil local = civil_from_wall((wall_s){at}, f->zone_s);
        p->sim->power_w = people_power_mw(PEOPLE_SHOP, p->seed, local) / 1000;
        if (now_s - until < LOAD_RECORDS * QUARTER_S)
            p->sim->load_mode = ALL_LOADS;
        vendor_run(p->sim, mono_after(begin, (until - begin_s) * 1000), (wall_s){until});
    }
}

/* What it had counted before anybody looked. */
static void wear_in(struct fleet *f, struct fleet_pipe *p)
{
    p->sim->volume_ml = (int64_t)(p->seed % 400'000) * 1000;
    p->sim->energy_mwh = (int64_t)(p->seed / 400'000 % 9'000'000) * 1000;
    p->sim->used_ml = 0;
    if (p->sim->setup.kind == VENDOR_DLT645)
        live_before(f, p);
}

enum err fleet_pipes_add(struct fleet *f, struct fleet_line *line,
                         const struct fleet_pipe_options *o)
{
    struct vendor_setup setup = makes[make_of(o->model)].setup;
    if (line->pipes == NULL)
        TRY(open_line(f, line));
    if (line->pipes->count == SIM_PIPES)
        return ERR_FULL;
    if (!take_address(o->address, &setup))
        return ERR_SYNTAX;
    for (size_t i = 0; i < f->pipe_count; i++)
        if (f->pipes[i]->line == line && strcmp(f->pipes[i]->address, o->address) == 0)
            return ERR_EXISTS;
    struct fleet_pipe *p = add(f);
    if (p == NULL)
        return ERR_MEMORY;
    uint64_t seed = (uint64_t)f->options.seed;
    p->line = line;
    snprintf(p->address, sizeof p->address, "%s", o->address);
    snprintf(p->account, sizeof p->account, "%s", o->account);
    snprintf(p->place, sizeof p->place, "%s", o->place);
    snprintf(p->model, sizeof p->model, "%s", o->model);
    p->seed = fnv64(fnv64(FNV64_START, &seed, sizeof seed), p->address, strlen(p->address));
    p->leaks = p->seed % 16 == 3;
    setup.valve_ms = 8'000;
    p->sim = sim_pipes_add(line->pipes, &setup, fleet_now(f));
    wear_in(f, p);
    return ERR_OK;
}

void fleet_pipes_free(struct fleet *f)
{
    for (size_t i = 0; i < f->pipe_count; i++)
        free(f->pipes[i]);
    for (size_t i = 0; i < f->line_count; i++) {
        free(f->lines[i]->pipes);
        f->lines[i]->pipes = NULL;
    }
    free(f->pipes);
}

/* --- life -------------------- */

/* Of a thousand minutes of this hour, in how many the tap runs. */
static const uint16_t tap_permille[24] = {6,  4,  3,  3,  4,  15, 60,  110, 80,  40, 35, 50,
                                          70, 40, 30, 30, 40, 70, 110, 120, 100, 90, 60, 20};

static uint64_t dice(const struct fleet_pipe *p, wall_s at)
{
    uint64_t h = fnv64(p->seed, &(int64_t){at.s / 60}, sizeof(int64_t));
    return h ^ h >> 29;
}

static void draw_water(struct fleet_pipe *p, wall_s at, uint8_t hour, unsigned share)
{
    uint64_t d = dice(p, at);
    bool runs = d % 1000 < tap_permille[hour];
    p->sim->flow_lph = runs ? (int64_t)(200 + d / 1000 % 600) * share / 100 : 0;
    if (p->leaks)
        p->sim->flow_lph += LEAK_LPH;
}

/* 1.163 Wh a litre and kelvin. */
static void draw_heat(struct fleet_pipe *p, uint8_t hour, bool cold)
{
    int32_t awake = hour >= 7 && hour < 22;
    int32_t apart = (cold ? 400 : 900) + awake * 200 + (int32_t)(p->seed % 100);
    p->sim->supply_cC = cold ? 700 : 4'600;
    p->sim->return_cC = p->sim->supply_cC + (cold ? apart : -apart);
    p->sim->flow_lph = 300 + (int64_t)(p->seed % 250) + awake * 100;
    p->sim->power_w = p->sim->flow_lph * apart * 1163 / 100'000;
}

static void live(struct fleet_pipe *p, wall_s at, struct civil local)
{
    switch (p->sim->setup.kind) {
    case VENDOR_COLD_WATER:
        draw_water(p, at, local.hour, 100);
        break;
    case VENDOR_HOT_WATER:
        draw_water(p, at, local.hour, 40);
        break;
    case VENDOR_GAS:
        draw_water(p, at, local.hour, 60);
        break;
    case VENDOR_HEAT:
    case VENDOR_MBUS_HEAT:
        draw_heat(p, local.hour, false);
        break;
    case VENDOR_COOLING:
        draw_heat(p, local.hour, true);
        break;
    default:
        p->sim->power_w = people_power_mw(PEOPLE_SHOP, p->seed, local) / 1000;
    }
}

void fleet_pipes_tick(struct fleet *f)
{
    mono_ms now = fleet_now(f);
    wall_s at = fleet_wall(f);
    struct civil local = civil_from_wall(at, f->zone_s);
    for (size_t i = 0; i < f->line_count; i++)
        if (f->lines[i]->pipes != NULL)
            sim_pipes_run(f->lines[i]->pipes, now);
    for (size_t i = 0; i < f->pipe_count; i++)
        if (!f->options.no_people && !f->pipes[i]->by_hand)
            live(f->pipes[i], at, local);
}

/* --- the control socket -------------------- */

struct fleet_pipe *fleet_pipes_find(struct fleet *f, const char *address)
{
    for (size_t i = 0; i < f->pipe_count; i++)
        if (strcmp(f->pipes[i]->address, address) == 0)
            return f->pipes[i];
    return NULL;
}

static void take_truth(const json_t *q, const char *key, bool *value)
{
    const json_t *v = json_object_get(q, key);
    if (json_is_boolean(v))
        *value = json_is_true(v);
}

/* Changes what is named, and tells what the meter holds. flow_lph null: the household again. */
json_t *fleet_pipes_op(struct fleet *f, struct fleet_pipe *p, const json_t *q)
{
    struct vendor_meter *m = p->sim;
    const json_t *flow = json_object_get(q, "flow_lph");
    sim_pipes_run(p->line->pipes, fleet_now(f));
    if (flow != NULL)
        p->by_hand = json_is_integer(flow) && json_integer_value(flow) >= 0;
    if (flow != NULL && p->by_hand)
        m->flow_lph = json_integer_value(flow);
    take_truth(q, "battery_low", &m->battery_low);
    take_truth(q, "valve_stuck", &m->valve_stuck);
    take_truth(q, "leaks", &p->leaks);
    take_truth(q, "dead", &m->dead);
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:i, s:b, s:b, s:b}", "ok",
                     1, "meter", p->address, "account", p->account, "place", p->place, "model",
                     p->model, "flow_lph", (json_int_t)(m->closed ? 0 : m->flow_lph), "volume_ml",
                     (json_int_t)m->volume_ml, "energy_mwh", (json_int_t)m->energy_mwh, "closed",
                     m->closed, "moving", m->moving_until.ms > m->at.ms, "moves", (int)m->moves,
                     "battery_low", m->battery_low, "leaks", p->leaks, "dead", m->dead);
}
