/* yufu-fleet: options, birth and death of the fleet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/fleet/fleet.h"

/* --- options ---------------------------------------------------------------------------------- */

struct option {
    const char *name, *value, *about;
    const char **text; /* one of these four says where it goes */
    int64_t *number;
    bool *flag;
    const char **list;
    size_t *count;
    size_t cap;
    int64_t min, max;
};

#define FEN 99'999'999

static enum err set_number(const struct option *o, const char *text)
{
    char *end;
    long long v = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        return ERR_SYNTAX;
    if (v < o->min || v > o->max)
        return ERR_RANGE;
    *o->number = v;
    return ERR_OK;
}

static enum err set_option(const struct option *o, const char *text)
{
    if (o->flag != NULL)
        *o->flag = true;
    else if (o->number != NULL)
        return set_number(o, text);
    else if (o->text != NULL)
        *o->text = text;
    else if (*o->count == o->cap)
        return ERR_FULL;
    else
        o->list[(*o->count)++] = text;
    return ERR_OK;
}

static void usage(FILE *to, const struct option *rows, size_t count)
{
    fprintf(to, "usage: yufu-fleet --site FILE.csv (--nvram DIR | --volatile) [OPTION...]\n"
                "Simulated meters on simulated lines, for the gateway to talk to.\n\n");
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", rows[i].name,
                 rows[i].value != NULL ? rows[i].value : "");
        fprintf(to, "  %-30s %s\n", left, rows[i].about);
    }
    fprintf(to, "\nSee docs/manual/fleet.md.\n");
}

static enum err parse(int argc, char **argv, const struct option *rows, size_t count)
{
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < count && strcmp(argv[i], rows[k].name) != 0)
            k++;
        if (k == count)
            return fleet_fail(ERR_SYNTAX, argv[i]);
        if (rows[k].value != NULL && i + 1 == argc)
            return fleet_fail(ERR_TRUNCATED, argv[i]);
        const char *text = rows[k].value != NULL ? argv[++i] : "";
        enum err e = set_option(&rows[k], text);
        if (e != ERR_OK)
            return fleet_fail(e, rows[k].name);
    }
    return ERR_OK;
}

static const char *clock_text, *delay_text;
static bool help, in_memory;

static enum err finish_options(struct fleet_options *o)
{
    if (o->site == NULL)
        return fleet_fail(ERR_NOT_FOUND, "--site");
    if ((o->nvram != NULL) == in_memory)
        return fleet_fail(ERR_STATE, "one of --nvram and --volatile is needed");
    if (clock_text != NULL) {
        enum err e = io_clock_parse(clock_text, &o->clock);
        if (e != ERR_OK)
            return fleet_fail(e, "--clock");
    }
    long long low = 20, high = 100;
    int used = 0;
    if (delay_text != NULL && (sscanf(delay_text, "%lld-%lld%n", &low, &high, &used) != 2 ||
                               delay_text[used] != '\0' || low < 0 || high < low || high > 10'000))
        return fleet_fail(ERR_SYNTAX, "--delay");
    o->delay_min_ms = low;
    o->delay_max_ms = high;
    return ERR_OK;
}

/* 0 go on, 1 done (help), 2 wrong */
static int take_options(struct fleet_options *o, int argc, char **argv)
{
    const struct option rows[] = {
        {"--site", "FILE", "the site file that `yufu import` takes", .text = &o->site},
        {"--plan", "CODE=FILE", "price plan, as for the import; sets the meters' prices (repeat)",
         .list = o->plans, .count = &o->plan_count, .cap = 16},
        {"--lines", "ENDPOINT,..", "endpoints in the place of the site's: tcp:127.0.0.1:PORT, pty",
         .text = &o->lines},
        {"--nvram", "DIR", "the meters' memories, one file each", .text = &o->nvram},
        {"--volatile", NULL, "memories are lost at the end", .flag = &in_memory},
        {"--clock", "R,V,SPEED", "scaled time, the same text as for the other programs",
         .text = &clock_text},
        {"--seed", "N", "of people and of faults (1)", .number = &o->seed, .max = INT64_MAX},
        {"--control", "PORT", "control socket on loopback (0: any free port)",
         .number = &o->control_port, .max = 65'535},
        {"--delay", "MIN-MAX", "ms a meter thinks before it answers (20-100)", .text = &delay_text},
        {"--damage", "PERMILLE", "damaged frames, half of them requests (0)",
         .number = &o->damage_permille, .max = 1000},
        {"--dead", "N", "the last N meters of every line never answer (0)", .number = &o->dead,
         .max = SIM_LINE_METERS},
        {"--preset-fen", "N", "money in a new meter's wallet (0)", .number = &o->preset_fen,
         .max = FEN},
        {"--alarm1-fen", "N", "first alarm limit of a new meter (1000)", .number = &o->alarm1_fen,
         .max = FEN},
        {"--alarm2-fen", "N", "second alarm limit (300)", .number = &o->alarm2_fen, .max = FEN},
        {"--overdraft-fen", "N", "overdraft limit (0)", .number = &o->overdraft_fen, .max = FEN},
        {"--hoard-fen", "N", "hoard limit (0: none)", .number = &o->hoard_fen, .max = FEN},
        {"--dorm-rules", NULL, "new terminals of rooms get the house rules of a dormitory",
         .flag = &o->dorm_rules},
        {"--mischief", "N", "how often people do what is forbidden: 10 as usual (10), 0 never",
         .number = &o->mischief, .max = 1000},
        {"--no-people", NULL, "no load but what is ordered or replayed", .flag = &o->no_people},
        {"--replay", "[ADDR=]FILE[#SERIES]", "recorded lives drive this meter, or all (repeat)",
         .list = o->replays, .count = &o->replay_count, .cap = 64},
        {"--replay-as-is", NULL, "recorded times are not moved to the present",
         .flag = &o->replay_as_is},
        {"--help", NULL, "this text", .flag = &help},
    };
    size_t count = sizeof rows / sizeof rows[0];
    if (parse(argc, argv, rows, count) != ERR_OK) {
        fprintf(stderr, "yufu-fleet --help lists the options.\n");
        return 2;
    }
    if (help) {
        usage(stdout, rows, count);
        return 1;
    }
    return finish_options(o) == ERR_OK ? 0 : 2;
}

/* --- life ------------------------------------------------------------------------------------- */

static void tick(void *arg)
{
    struct fleet *f = arg;
    mono_ms now = fleet_now(f);
    fleet_life_tick(f);
    fleet_pipes_tick(f);
    for (size_t i = 0; i < f->line_count; i++)
        sim_line_run(&f->lines[i]->sim, now);
    f->ticks++;
    io_timer_set(&f->tick, (mono_ms){now.ms - now.ms % FLEET_TICK_MS + FLEET_TICK_MS});
}

static void init_line(struct fleet *f, struct fleet_line *line, size_t index)
{
    struct sim_line_options o = {
        .baud = line->baud,
        .delay_min_ms = f->options.delay_min_ms,
        .delay_max_ms = f->options.delay_max_ms,
        .wall0 = {f->wall0_ms / 1000},
        .seed = (uint64_t)f->options.seed * 1000 + index,
    };
    sim_line_init(&line->sim, &o);
    line->sim.faults.garble_request = (unsigned)(f->options.damage_permille / 2);
    line->sim.faults.garble_answer =
        (unsigned)(f->options.damage_permille - f->options.damage_permille / 2);
}

static enum err bear_meters(struct fleet *f)
{
    static const uint8_t blank[16];
    for (size_t i = 0; i < f->meter_count; i++) {
        struct fleet_meter *m = f->meters[i];
        struct terminal_setup setup = m->sim.setup;
        uint8_t *nvram;
        if (m->line->sim.meter_count == SIM_LINE_METERS)
            return fleet_fail(ERR_FULL, m->address);
        TRY(fleet_nvram_open(f, m, &nvram));
        m->fresh = nvram == NULL || memcmp(nvram, blank, sizeof blank) == 0;
        sim_meter_init(&m->sim, &setup, nvram, fleet_now(f));
        sim_line_add(&m->line->sim, &m->sim);
    }
    return ERR_OK;
}

static void kill_some(struct fleet *f)
{
    for (size_t i = 0; i < f->line_count; i++) {
        struct sim_line *l = &f->lines[i]->sim;
        for (size_t k = 0; k < l->meter_count; k++)
            l->meters[k]->dead = k + (size_t)f->options.dead >= l->meter_count;
    }
}

static void say_ready(const struct fleet *f, uint16_t control)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < f->line_count; i++)
        json_array_append_new(
            lines, json_pack("{s:s, s:i, s:s, s:I}", "gateway", f->lines[i]->gateway, "line",
                             (int)f->lines[i]->number, "endpoint", f->lines[i]->endpoint, "meters",
                             (json_int_t)fleet_line_meters(f->lines[i])));
    fleet_say(json_pack("{s:s, s:i, s:I, s:o}", "event", "ready", "control", (int)control, "meters",
                        (json_int_t)(f->meter_count + f->pipe_count), "lines", lines));
}

static void on_signal(void *arg, int signal_number)
{
    struct fleet *f = arg;
    (void)signal_number; /* both mean: end in order */
    io_stop(f->io);
}

static enum err start(struct fleet *f)
{
    uint16_t control = 0;
    TRY(io_open(&f->io, &(struct io_options){.clock = f->options.clock}));
    f->wall0_ms = io_wall_ms(f->io) - io_mono(f->io).ms;
    TRY(io_on_signal(f->io, on_signal, f));
    TRY(fleet_site_load(f));
    TRY(fleet_nvram_started(f));
    for (size_t i = 0; i < f->line_count; i++)
        init_line(f, f->lines[i], i);
    TRY(bear_meters(f));
    kill_some(f);
    TRY(fleet_life_load(f));
    for (size_t i = 0; i < f->line_count; i++)
        TRY(fleet_line_open(f->lines[i]));
    TRY(fleet_control_open(f, &control));
    io_timer_init(&f->tick, f->io, tick, f);
    say_ready(f, control);
    tick(f);
    return ERR_OK;
}

/* An orderly end: energy that waits for its next write is saved, as on a power-fail warning. */
static void save_meter(struct sim_meter *m)
{
    struct terminal_write w;
    if (!m->powered || m->nvram == NULL)
        return;
    terminal_save(&m->terminal);
    while (terminal_next_write(&m->terminal, &w))
        memcpy(m->nvram + w.offset, w.data, w.len);
}

static void finish(struct fleet *f)
{
    fleet_control_close(f);
    fleet_pipes_free(f);
    for (size_t i = 0; i < f->line_count; i++) {
        if (f->lines[i]->timer.io != NULL)
            fleet_line_close(f->lines[i]);
        free(f->lines[i]);
    }
    for (size_t i = 0; i < f->meter_count; i++) {
        struct sim_meter *m = &f->meters[i]->sim;
        save_meter(m);
        if (m->nvram != NULL && m->nvram != m->own)
            munmap(m->nvram, TERMINAL_NVRAM_SIZE);
        sim_meter_close(m);
        free(f->meters[i]->room);
        free(f->meters[i]);
    }
    for (size_t i = 0; i < f->replay_count; i++)
        replay_free(&f->replays[i]);
    free(f->replays);
    free(f->lines);
    free(f->meters);
    json_decref(f->dues);
    io_close(f->io);
}

int main(int argc, char **argv)
{
    static struct fleet f = {
        .options = {.seed = 1, .mischief = 10, .alarm1_fen = 1000, .alarm2_fen = 300}};
    int wrong = take_options(&f.options, argc, argv);
    if (wrong != 0)
        return wrong == 1 ? 0 : 2;
    enum err e = start(&f);
    if (e == ERR_OK)
        io_run(f.io);
    finish(&f);
    return e == ERR_OK ? 0 : 1;
}
