/*
 * The parts of yufu-gateway: what joins the gateway engine to ports, connection, clock and disk.
 *
 *   gateway_main.c    options, start, the turn of the loop, end
 *   gateway_link.c    identity, claim, connection to the platform and its session
 *   gateway_ports.c   the lines that the configuration asks for
 *   gateway_dialin.c  units of other makers that open a connection to us
 *   gateway_page.c    the local page for the installer
 *   gateway_update_start.c    which version of the program runs, and whether its trial is good
 *   gateway_update_fetch.c    an update that the platform pushes
 */
#ifndef YUFU_APP_GATEWAY_PROGRAM_H
#define YUFU_APP_GATEWAY_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/gateway/gateway_update.h"
#include "gateway/gateway.h"
#include "io/io.h"
#include "io/pki.h"
#include "store/store.h"
#include "uplink/dialin.h"
#include "uplink/uplink.h"

#define IDENTITY_CERTIFICATE_MAX UPLINK_CERTIFICATE_MAX

/* What the platform gave at claim; gateway_id 0: not claimed yet. */
struct identity {
    int64_t gateway_id;
    uint8_t secret[UPLINK_SECRET];
    struct pki_pem key; /* our own, made at the first start */
    size_t certificate_len;
    uint8_t certificate[IDENTITY_CERTIFICATE_MAX];
};

/* The way to the platform. */
struct link {
    const char *host, *ca_path, *serial, *claim_code;
    bool legacy; /* ask for the legacy seal */
    uint16_t port;
    struct bytes ca;
    struct identity identity;
    struct io_tls *tls;       /* made for the present identity */
    struct io_stream *stream; /* NULL: between two attempts */
    bool has_session, opened;
    bool refused; /* the last session ended for a reason that is not the network's */
    struct uplink session;
    int64_t pause_ms; /* before the next attempt, grows */
    struct io_timer retry, silence;
};

struct port {
    struct io_line *line; /* NULL: a unit that dials in, or not usable as configured */
    int64_t dialin;       /* the engine's name for the line of such a unit; 0: none */
    struct uplink_config_line config;
    size_t index; /* of the engine's line */
    bool kept;
    struct program *program;
};

struct ports {
    struct port **list;
    size_t count;
    int64_t last_dialin;
    unsigned generation; /* of the configuration that they follow */
};

/* Units that dial in; engine NULL: not listened for. */
struct dialin_ways {
    struct dialin *engine;
    struct io_listener *listener;
    struct inbound *streams;
    int64_t last_id;
    struct io_timer wake;
};

/* The clock of the site: begins as the machine's, and goes evenly until the time is told. */
struct site_clock {
    bool trusted;
    int64_t wall_ms; /* when the fast clock stood at mono */
    mono_ms mono;
};

/* The version of the program that runs, and its trial. */
struct update_watch {
    const char *data;
    enum update_place place;
    struct update_state state; /* as of the start; trial: of this very program */
    bool again;                /* ended, because another version is to run */
    mono_ms wanted;            /* since when one is; 0: none is */
    mono_ms began;             /* real time */
    struct io_timer look;
    char text[UPLINK_TEXT_MAX]; /* "yufu-gateway 0.2.0 (trial)" */
};

/* Hashing and writing a whole program takes a small processor seconds, and a sync on a card as
 * long: it happens off the loop, so that lines and orders do not wait for it. One at a time; the
 * loop does not touch it between the start and `ended`. */
struct update_job {
    enum { UPDATE_JOB_NONE, UPDATE_JOB_CHECK, UPDATE_JOB_APPLY } kind;
    bool ended;
    enum err result;
    const char *data, *keys;
    struct uplink_update wish;
    struct update_own installed;
    wall_s now;
};

/* An update that the platform pushes. */
struct update_fetch {
    const char *data, *keys;
    struct update_own installed; /* what update_apply judges by, as the command on site would */
    struct update_push push;
    struct update_job job;
    int64_t received;
    bool welcomed, tell;
    bool applied; /* by this process, which is about to end: what it knows of the slots is old */
    bool asked;
    mono_ms asked_at, next_at; /* of blocks; real time, as all here */
    int64_t told;
    mono_ms told_at;
    struct io_timer wake;
};

struct program {
    struct io *io;
    int64_t day_speed;   /* the site's days run so many times faster than its lines; usually 1 */
    int64_t virtual0_ms; /* where the fast clock began */
    int32_t offset_s;    /* the site's civil time, east of Greenwich */
    struct store *store;
    struct gateway *gateway;
    struct site_clock clock;
    struct link link;
    struct ports ports;
    struct dialin_ways dialin;
    struct io_timer wake;
    struct http *page; /* NULL: there is none */
    struct update_watch update;
    struct update_fetch fetch;
    int exit_code;
};

struct gateway_now program_now(const struct program *p);
/* The machine's own idea of the site's time, milliseconds since 1970. */
int64_t program_wall_ms(const struct program *p);

/* gateway_link.c. link_open reads the identity, makes the key if there is none and begins. */
[[nodiscard]] enum err link_open(struct program *p);
void link_turn(struct program *p); /* hands on what came, sends what waits */
void link_close(struct program *p);

/* gateway_update_start.c. Read before the gateway opens, which is told the text; opened when all
 * is. */
void update_watch_read(struct update_watch *u, const char *data);
void update_watch_open(struct program *p);
/* After the orderly end: becomes the program as installed, which looks again; or gives the exit
 * status by which somebody else does. */
int update_again(char **argv);

/* gateway_update_fetch.c. keys: the file of the public release keys that are trusted. */
void fetch_open(struct program *p, const char *data, const char *keys);
void fetch_welcomed(struct program *p, bool welcomed); /* false: the session has ended */
void fetch_take(struct program *p, const struct uplink_message *m);
void fetch_turn(struct program *p);

/* gateway_ports.c */
void ports_turn(struct program *p); /* follows the configuration, writes what the engine wants */
void ports_close(struct program *p);
void ports_dialin_status(struct program *p, int64_t line, bool up, enum err why);
void ports_dialin_received(struct program *p, int64_t line, const uint8_t *data, size_t len);

/* A unit reported of its own accord. */
void ports_dialin_told(struct program *p, int64_t line, unsigned address,
                       const struct uplink_reading *reading);

/* gateway_dialin.c. secrets: a file, or NULL. ERR_IO_ADDRESS, ERR_NOT_FOUND, ERR_SYNTAX. */
[[nodiscard]] enum err units_listen(struct program *p, const char *host, uint16_t port,
                                    const char *secrets);
void units_turn(struct program *p);
void units_close(struct program *p); /* before ports_close */

#endif
