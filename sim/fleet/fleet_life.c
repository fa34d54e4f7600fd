/*
 * What makes the load: people by profile, or a recorded life. A recorded life asks the meter's own
 * register what was consumed already and owes it the rest, so that restarts, power cuts and cut-off
 * hours lose nothing and the consumption at the end is exactly the data's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fleet/fleet.h"

#define DAY_S 86'400
#define PHASE_DAYS 11 /* rooms that share one recorded life begin this far apart in it */
#define CARETAKER_HOUR 9
#define EXACT_PER_FEN 100'000'000

/* --- purchases that are due -------------------- */

static int64_t cost_fen(const struct fleet_meter *m, int64_t energy_mwh)
{
    __int128 exact = (__int128)energy_mwh * m->sim.setup.price_e4[2];
    return (int64_t)((exact + EXACT_PER_FEN - 1) / EXACT_PER_FEN);
}

static void tell_due(struct fleet *f, const struct fleet_meter *m, const struct fleet_life *life,
                     int64_t number, int64_t energy_mwh)
{
    char id[96];
    snprintf(id, sizeof id, "%s-%s-%lld", m->address, life->series->name, (long long)number);
    json_t *due =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "event", "recharge_due",
                  "id", id, "meter", m->address, "account", m->account, "wallet",
                  m->sim.setup.wallet ? "meter" : "platform", "series", life->series->name,
                  "number", (json_int_t)number, "at", (json_int_t)fleet_wall(f).s, "energy_mwh",
                  (json_int_t)energy_mwh, "amount_fen", (json_int_t)cost_fen(m, energy_mwh));
    json_array_append(f->dues, due);
    fleet_say(due);
}

/* What was left in the account where this life begins is its first purchase. */
static void tell_opening(struct fleet *f, const struct fleet_meter *m, struct fleet_life *life)
{
    const struct replay_series *s = life->series;
    int64_t left_mwh = -life->base_used_mwh;
    while (life->next_due < s->due_count && s->dues[life->next_due].at_s <= life->base_s)
        left_mwh += s->dues[life->next_due++].energy_mwh;
    if (s->due_count > 0 && left_mwh > 0)
        tell_due(f, m, life, 1, left_mwh);
    life->opened = true;
}

static void tell_dues(struct fleet *f, const struct fleet_meter *m, struct fleet_life *life)
{
    const struct replay_series *s = life->series;
    int64_t at_s = fleet_wall(f).s - life->offset_s;
    if (!life->opened && at_s >= life->base_s)
        tell_opening(f, m, life);
    while (life->opened && life->next_due < s->due_count && s->dues[life->next_due].at_s <= at_s) {
        const struct replay_due *due = &s->dues[life->next_due++];
        tell_due(f, m, life, due->number, due->energy_mwh);
    }
}

/* --- loads -------------------- */

/* What must have been consumed by the end of the coming tick is owed, at a pace that spreads it. */
static void live_record(struct fleet *f, struct fleet_meter *m, struct fleet_life *life)
{
    int64_t at_s = fleet_wall(f).s + FLEET_TICK_MS / 1000 - life->offset_s;
    int64_t want = replay_used_mwh(life->series, at_s) - life->base_used_mwh;
    int64_t have = (int64_t)terminal_register_mwh(&m->sim.terminal, life->circuit, 0);
    int64_t owed = want > have ? want - have : 0;
    int64_t pace_mw = owed * 3'600'000 / FLEET_TICK_MS + 1;
    sim_meter_owe(&m->sim, life->circuit, owed, pace_mw < 10'000'000 ? pace_mw : 10'000'000);
    tell_dues(f, m, life);
}

static void live_profile(struct fleet *f, struct fleet_meter *m)
{
    struct civil local = civil_from_wall(fleet_wall(f), f->zone_s);
    for (unsigned c = 1; c <= m->sim.setup.circuits; c++)
        if (!m->by_hand[c - 1])
            sim_meter_set_load(&m->sim, c, people_power_mw(m->kind, m->seed, local));
}

/* In the morning the caretaker goes from room to room and resets what load control has locked. */
static void caretaker(struct fleet *f)
{
    struct civil local = civil_from_wall(fleet_wall(f), f->zone_s);
    int32_t day = civil_days_from_date(local.year, local.month, local.day);
    if (!f->options.dorm_rules || local.hour != CARETAKER_HOUR || day == f->caretaker_day)
        return;
    f->caretaker_day = day;
    for (size_t i = 0; i < f->meter_count; i++)
        if (f->meters[i]->room != NULL)
            (void)installer_reset(&f->meters[i]->sim); /* one that is off stays as it is */
}

void fleet_life_tick(struct fleet *f)
{
    caretaker(f);
    for (size_t i = 0; i < f->meter_count; i++) {
        struct fleet_meter *m = f->meters[i];
        for (size_t k = 0; k < m->life_count; k++)
            live_record(f, m, &m->lives[k]);
        if (m->life_count == 0 && m->kind != PEOPLE_ROOM && !f->options.no_people)
            live_profile(f, m);
    }
}

/* --- who lives where -------------------- */

static enum err move_in(struct fleet *f, struct fleet_meter *m)
{
    wall_s wall0 = m->line->sim.options.wall0;
    struct room_options o = {.seed = m->seed,
                             .zone_s = f->zone_s,
                             .circuits = m->sim.setup.circuits,
                             .mischief = (uint16_t)f->options.mischief,
                             .judged = f->options.dorm_rules};
    m->room = calloc(1, sizeof *m->room);
    if (m->room == NULL)
        return ERR_MEMORY;
    room_init(m->room, &o, wall0.s * 1000 + fleet_now(f).ms);
    m->sim.room = m->room;
    return ERR_OK;
}

/* As an installer does it: once, when the terminal is new. */
static enum err set_rules(struct fleet *f, struct fleet_meter *m)
{
    if (!f->options.dorm_rules || !m->fresh || m->kind != PEOPLE_ROOM || m->sim.setup.circuits != 3)
        return ERR_OK;
    sim_meter_run(&m->sim, fleet_now(f), m->line->sim.options.wall0);
    return installer_set_dorm(&m->sim) ? ERR_OK : fleet_fail(ERR_STATE, m->address);
}

/* --- which meter lives which record -------------------- */

static void begin_life(struct fleet *f, struct fleet_meter *m, const struct replay_series *s,
                       unsigned circuit, int64_t phase_days)
{
    struct fleet_life *life = &m->lives[m->life_count++];
    int64_t first_s = s->points[0].at_s;
    *life = (struct fleet_life){.series = s, .circuit = circuit};
    if (!f->options.replay_as_is) { /* whole days, so that evenings stay evenings */
        int64_t days = (f->started_s - first_s + DAY_S - 1) / DAY_S;
        life->offset_s = (days - phase_days) * DAY_S;
    }
    int64_t begin_s = f->started_s - life->offset_s;
    life->base_s = begin_s > first_s ? begin_s : first_s;
    life->base_used_mwh = replay_used_mwh(s, life->base_s);
}

/* Light on circuit 1, air-conditioning on 3; anything else, and a meter of one circuit, on 1. */
static unsigned circuit_of(const struct fleet_meter *m, const struct replay_series *s)
{
    return strcmp(s->name, "ac") == 0 && m->sim.setup.circuits == 3 ? 3 : 1;
}

static enum err assign(struct fleet *f, struct fleet_meter *m, const struct replay *r,
                       const char *series, int64_t phase_days)
{
    bool all = series[0] == '\0' && replay_find(r, "ac") != NULL && m->sim.setup.circuits == 3;
    if (!all && replay_find(r, series) == NULL)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < r->count; i++) {
        const struct replay_series *s = &r->series[i];
        if (!all && s != replay_find(r, series))
            continue;
        if (m->life_count == TERMINAL_CIRCUITS)
            return ERR_FULL;
        begin_life(f, m, s, circuit_of(m, s), phase_days);
    }
    return ERR_OK;
}

static enum err assign_all(struct fleet *f, const struct replay *r, const char *series)
{
    int64_t span_days =
        (r->series[0].points[r->series[0].point_count - 1].at_s - r->series[0].points[0].at_s) /
        DAY_S;
    int64_t phase = 0;
    for (size_t i = 0; i < f->meter_count; i++) {
        if (f->meters[i]->kind == PEOPLE_PUBLIC || f->meters[i]->life_count > 0)
            continue;
        TRY(assign(f, f->meters[i], r, series, phase));
        phase = span_days > 1 ? (phase + PHASE_DAYS) % (span_days / 2 + 1) : 0;
    }
    return ERR_OK;
}

/* "[ADDRESS=]FILE[#SERIES]" */
static enum err load_one(struct fleet *f, const char *text)
{
    char file[FLEET_PATH];
    const char *equals = strchr(text, '=');
    struct fleet_meter *m = NULL;
    if (equals != NULL) {
        char address[16];
        snprintf(address, sizeof address, "%.*s", (int)(equals - text), text);
        m = fleet_find(f, address);
        if (m == NULL)
            return ERR_NOT_FOUND;
    }
    snprintf(file, sizeof file, "%s", equals != NULL ? equals + 1 : text);
    char *series = strrchr(file, '#');
    if (series != NULL)
        *series++ = '\0';
    struct replay *r = &f->replays[f->replay_count];
    TRY(replay_load(r, file, f->zone_s));
    f->replay_count++;
    series = series == NULL ? file + strlen(file) : series;
    return m != NULL ? assign(f, m, r, series, 0) : assign_all(f, r, series);
}

enum err fleet_life_load(struct fleet *f)
{
    f->replays = calloc(f->options.replay_count + 1, sizeof f->replays[0]);
    f->dues = json_array();
    if (f->replays == NULL || f->dues == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < f->options.replay_count; i++) {
        enum err e = load_one(f, f->options.replays[i]);
        if (e != ERR_OK)
            return fleet_fail(e, f->options.replays[i]);
    }
    for (size_t i = 0; i < f->meter_count; i++) {
        struct fleet_meter *m = f->meters[i];
        if (m->kind == PEOPLE_ROOM && m->life_count == 0 && !f->options.no_people)
            TRY(move_in(f, m));
        TRY(set_rules(f, m));
    }
    return ERR_OK;
}
