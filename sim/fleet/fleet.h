/*
 * yufu-fleet: simulated meters on simulated lines, behind real sockets and pseudo-terminals.
 *
 * The site file says which meters hang on which line (fleet_site.c); a line is a TCP serial server
 * or a pseudo-terminal at its endpoint (fleet_line.c); people (sim/world/room.h, people.h) and
 * recorded lives make the load (fleet_life.c); lines of other makers' meters (fleet_pipes.c); nvram
 * is one mapped file a meter (fleet_nvram.c); a control socket lets tests and demonstrations look
 * and meddle (fleet_control.c). The meters and lines themselves are sim/world/meters.h, the same as
 * in the simulator.
 */
#ifndef YUFU_SIM_FLEET_FLEET_H
#define YUFU_SIM_FLEET_FLEET_H

#include <jansson.h>

#include "io/io.h"
#include "sim/world/installer.h"
#include "sim/world/meters.h"
#include "sim/world/people.h"
#include "sim/world/pipes.h"
#include "sim/world/replay.h"

#define FLEET_CODE 40
#define FLEET_ENDPOINT 96
#define FLEET_PATH 4096
#define FLEET_TICK_MS SIM_STEP_MS

struct fleet;
struct fleet_line;

/* A recorded life on one circuit. */
struct fleet_life {
    const struct replay_series *series;
    unsigned circuit;
    int64_t offset_s;              /* wall clock minus the data's time */
    int64_t base_s, base_used_mwh; /* where in the data this life begins */
    size_t next_due;
    bool opened; /* the opening purchase was told */
};

struct fleet_meter {
    struct sim_meter sim;
    struct fleet_line *line;
    char address[13], account[FLEET_CODE], place[FLEET_CODE], model[FLEET_CODE], plan[FLEET_CODE];
    enum people_kind kind;
    uint64_t seed;
    struct room *room;               /* who lives there; NULL: nobody, or a recorded life */
    bool fresh;                      /* its memory was blank when this fleet was started */
    bool by_hand[TERMINAL_CIRCUITS]; /* load set through the control socket */
    struct fleet_life lives[TERMINAL_CIRCUITS];
    size_t life_count;
};

/* A meter of another maker; its state lives in the line. */
struct fleet_pipe {
    struct fleet_line *line;
    struct vendor_meter *sim;
    char address[15], account[FLEET_CODE], place[FLEET_CODE], model[FLEET_CODE];
    uint64_t seed;
    bool leaks, by_hand; /* by_hand: its flow was set through the control socket */
};

struct fleet_line {
    struct fleet *fleet;
    char gateway[FLEET_CODE], endpoint[FLEET_ENDPOINT], path[FLEET_ENDPOINT]; /* path: of the pty */
    unsigned number, baud;
    struct sim_line sim;
    struct sim_pipes *pipes; /* in its place, on a line of other makers' meters; else NULL */
    struct io_timer timer;
    struct io_listener *listener;
    struct io_stream *client;
    struct io_pty *pty;
};

struct fleet_options {
    const char *site, *nvram;            /* nvram NULL: in memory */
    const char *lines;                   /* endpoints in the place of the site's, by comma */
    const char *plans[16], *replays[64]; /* "CODE=FILE", "[ADDRESS=]FILE[#SERIES]" */
    size_t plan_count, replay_count;
    bool replay_as_is, no_people, dorm_rules;
    int64_t mischief, seed, control_port, damage_permille, dead, preset_fen, alarm1_fen, alarm2_fen,
        overdraft_fen, hoard_fen, delay_min_ms, delay_max_ms;
    struct io_clock clock;
};

struct fleet {
    struct fleet_options options;
    struct io *io;
    int64_t wall0_ms; /* wall clock at mono 0 */
    int32_t zone_s;
    int64_t started_s; /* wall clock of this fleet's very first start */
    struct fleet_meter **meters;
    size_t meter_count;
    struct fleet_pipe **pipes;
    size_t pipe_count;
    struct fleet_line **lines;
    size_t line_count;
    struct replay *replays;
    size_t replay_count;
    struct io_timer tick;
    int32_t caretaker_day; /* of the last round */
    json_t *dues;          /* array of all purchases told so far */
    void *control;
    uint64_t ticks;
};

/* fleet.c */
mono_ms fleet_now(const struct fleet *f);
wall_s fleet_wall(const struct fleet *f);
struct fleet_meter *fleet_find(struct fleet *f, const char *address);
/* One JSON line on standard output; takes the reference. */
void fleet_say(json_t *event);
/* "yufu-fleet: WHAT: sentence" on standard error; hands the error on. */
[[nodiscard]] enum err fleet_fail(enum err e, const char *what);

/* fleet_site.c: reads the site and the plans, makes lines and meters (not yet alive). */
[[nodiscard]] enum err fleet_site_load(struct fleet *f);
/* fleet_nvram.c: the meter's TERMINAL_NVRAM_SIZE bytes, mapped from
 * DIR/GATEWAY-LINE-ADDRESS.nv; NULL memory in *out when options.nvram is NULL. */
[[nodiscard]] enum err fleet_nvram_open(const struct fleet *f, const struct fleet_meter *m,
                                        uint8_t **out);
/* The moment of the first start, remembered beside the nvram. */
[[nodiscard]] enum err fleet_nvram_started(struct fleet *f);
/* fleet_line.c */
[[nodiscard]] enum err fleet_line_open(struct fleet_line *line);
void fleet_line_close(struct fleet_line *line);
size_t fleet_line_meters(const struct fleet_line *line);
/* fleet_life.c */
[[nodiscard]] enum err fleet_life_load(struct fleet *f);
void fleet_life_tick(struct fleet *f);
/* fleet_pipes.c: models of other makers. A line has either those or terminals (ERR_STATE). */
bool fleet_pipes_knows(const char *model);
struct fleet_pipe_options {
    const char *model, *address, *account, *place;
};
[[nodiscard]] enum err fleet_pipes_add(struct fleet *f, struct fleet_line *line,
                                       const struct fleet_pipe_options *o);
void fleet_pipes_tick(struct fleet *f);
void fleet_pipes_free(struct fleet *f); /* before the lines */
struct fleet_pipe *fleet_pipes_find(struct fleet *f, const char *address);
json_t *fleet_pipes_op(struct fleet *f, struct fleet_pipe *p, const json_t *q);
/* fleet_control.c */
[[nodiscard]] enum err fleet_control_open(struct fleet *f, uint16_t *port);
void fleet_control_close(struct fleet *f);

#endif
