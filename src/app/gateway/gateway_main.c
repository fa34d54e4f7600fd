/*
 * yufu-gateway: the communication manager of one site as a process. Manual: docs/manual/gateway.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_page.h"
#include "app/gateway/gateway_probe.h"
#include "app/gateway/gateway_program.h"
#include "app/gateway/gateway_update.h"
#include "app/model_dir.h"
#include "app/options.h"
#include "base/must.h"
#include "io/log.h"

#define PATH_SIZE 4096

/* What this file is, for who packs it into an update file. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
static const char MARK[] =
    UPDATE_MARK "yufu-gateway " YUFU_VERSION " store " TEXT(YUFU_GATEWAY_STORE);

const struct update_own *gateway_own(void)
{
    static struct update_own own;
    if (own.machine[0] == '\0') {
        MUST(update_release_parse(MARK + strlen(UPDATE_MARK), &own.release) == ERR_OK);
        if (update_own_machine(own.machine) != ERR_OK)
            snprintf(own.machine, sizeof own.machine, "unknown");
    }
    return &own;
}

int64_t program_wall_ms(const struct program *p)
{
    return p->virtual0_ms + (io_wall_ms(p->io) - p->virtual0_ms) * p->day_speed;
}

struct gateway_now program_now(const struct program *p)
{
    const struct site_clock *c = &p->clock;
    mono_ms mono = io_mono(p->io);
    int64_t wall_ms = c->wall_ms + (mono.ms - c->mono.ms) * p->day_speed;
    return (struct gateway_now){
        .mono = mono, .wall = (wall_s){wall_ms / 1000}, .trusted = c->trusted};
}

static wall_s log_time(void *arg)
{
    return io_wall_real(arg);
}

/* ---- the turn of the loop ------------------------------------------------------------------- */

/* Everything that arrived in this turn has been handed in: act, commit, and only then speak. */
static bool turn(void *arg)
{
    struct program *p = arg;
    struct gateway_now now = program_now(p);
    gateway_tick(p->gateway, &now);
    ports_turn(p);
    link_turn(p);
    units_turn(p);
    enum err e = gateway_failure(p->gateway);
    if (e != ERR_OK) {
        log_event(LOG_STORE_FAILED, LOG_E("error", e));
        p->exit_code = 1;
        io_stop(p->io);
    }
    io_timer_set(&p->wake, gateway_wake(p->gateway));
    return false;
}

static void woken(void *arg)
{
    (void)arg; /* the turn hook runs after every wake-up */
}

static void stop(void *arg, int signal_number)
{
    (void)signal_number;
    io_stop(((struct program *)arg)->io);
}

/* ---- start and end -------------------------------------------------------------------------- */

struct gateway_arguments {
    const char *data, *platform, *ca, *serial, *claim, *clock, *line_speed, *offset, *units,
        *secrets, *status, *legacy, *keys;
};

/* Lines whose silences are milliseconds cannot follow a clock that makes a day of a second: they
 * may run at a speed of their own, of which the day's is a multiple. */
static enum err set_speeds(struct program *p, const struct gateway_arguments *a,
                           struct io_clock *clock)
{
    p->day_speed = 1;
    if (a->clock != NULL)
        TRY(io_clock_parse(a->clock, clock));
    p->virtual0_ms = clock->virtual0_ms;
    if (a->line_speed == NULL)
        return ERR_OK;
    int64_t speed;
    TRY(options_number(a->line_speed, 1, IO_SPEED_MAX, &speed));
    if (clock->speed % speed != 0 || clock->speed < speed)
        return ERR_RANGE;
    p->day_speed = clock->speed / speed;
    clock->speed = speed;
    return ERR_OK;
}

static enum err open_gateway(struct program *p, const struct gateway_arguments *a)
{
    char path[PATH_SIZE];
    int64_t offset_s;
    TRY(options_number(a->offset, -14 * 3600, 14 * 3600, &offset_s));
    if (strlen(a->data) > sizeof path - 32)
        return ERR_IO_FILE;
    snprintf(path, sizeof path, "%s/gateway.db", a->data);
    TRY(io_directory_make(a->data));
    TRY(io_directory_own(a->data));
    TRY(store_open(&p->store, &(struct store_config){.kind = STORE_GATEWAY, .path = path}));
    p->offset_s = (int32_t)offset_s;
    struct gateway_options o = {.store = p->store,
                                .new_queue_epoch = io_wall_real(p->io).s * 1000,
                                .offset_s = (int32_t)offset_s,
                                .updates = true};
    update_watch_read(&p->update, a->data);
    snprintf(o.program, sizeof o.program, "%s", p->update.text);
    struct gateway_now now = program_now(p);
    return gateway_open(&p->gateway, &o, &now);
}

static enum err open_units(struct program *p, const struct gateway_arguments *a)
{
    char host[64];
    uint16_t port;
    if (a->units == NULL)
        return ERR_OK;
    TRY(options_address(a->units, host, sizeof host, &port));
    return units_listen(p, host, port, a->secrets);
}

/* "PORT" is a port of this machine alone. */
static enum err open_page(struct program *p, const struct gateway_arguments *a)
{
    char host[64] = "127.0.0.1";
    uint16_t port;
    int64_t number;
    if (a->status == NULL)
        return ERR_OK;
    if (strchr(a->status, ':') != NULL) {
        TRY(options_address(a->status, host, sizeof host, &port));
    } else {
        TRY(options_number(a->status, 1, 65535, &number));
        port = (uint16_t)number;
    }
    return page_open(p, host, port);
}

static enum err start(struct program *p, const struct gateway_arguments *a)
{
    static char host[256];
    struct io_options io = {0};
    if (a->data == NULL || a->ca == NULL || a->serial == NULL ||
        strlen(a->serial) >= UPLINK_TEXT_MAX || a->serial[0] == '\0' ||
        (a->claim != NULL && strlen(a->claim) >= UPLINK_TEXT_MAX))
        return ERR_SYNTAX;
    TRY(options_address(a->platform, host, sizeof host, &p->link.port));
    TRY(set_speeds(p, a, &io.clock));
    io_files_private();
    TRY(io_open(&p->io, &io));
    log_set_clock(log_time, p->io);
    p->clock = (struct site_clock){false, program_wall_ms(p), io_mono(p->io)};
    TRY(open_gateway(p, a));
    p->link.host = host;
    p->link.ca_path = a->ca;
    p->link.serial = a->serial;
    p->link.claim_code = a->claim;
    p->link.legacy = a->legacy != NULL;
    TRY(link_open(p));
    TRY(open_units(p, a));
    TRY(open_page(p, a));
    TRY(io_on_signal(p->io, stop, p));
    p->ports.generation = gateway_generation(p->gateway) - 1; /* look at the stored one */
    io_timer_init(&p->wake, p->io, woken, p);
    io_on_turn(p->io, turn, p);
    update_watch_open(p);
    fetch_open(p, a->data, a->keys);
    return ERR_OK;
}

static void end(struct program *p)
{
    if (p->gateway != NULL) {
        struct gateway_now now = program_now(p);
        enum err e = gateway_flush(p->gateway, &now);
        if (e != ERR_OK && p->exit_code == 0) {
            log_event(LOG_STORE_FAILED, LOG_E("error", e));
            p->exit_code = 1;
        }
        page_close(p);
        link_close(p);
        units_close(p);
        ports_close(p);
    }
    gateway_close(p->gateway);
    store_close(p->store);
    log_set_clock(NULL, NULL);
    io_close(p->io);
    io_tls_close(p->link.tls);
}

#define USAGE "[OPTION...]   (also: scan, probe, read, test, set, update; see each with --help)"

/* The installer's commands; without one, this is the gateway. */
static const struct {
    const char *name;
    char called[24];
    int (*main)(int argc, char **argv);
} commands[] = {
    {"scan", "yufu-gateway scan", gateway_scan_main},
    {"probe", "yufu-gateway probe", gateway_head_main},
    {"read", "yufu-gateway read", gateway_read_main},
    {"test", "yufu-gateway test", gateway_test_main},
    {"set", "yufu-gateway set", gateway_set_main},
    {"update", "yufu-gateway update", gateway_update_main},
};

static bool run_command(int argc, char **argv, int *code)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        argv[1] = (char *)commands[i].called;
        *code = commands[i].main(argc - 1, argv + 1);
        return true;
    }
    return false;
}

/* As given: the option parser turns the words around. */
static char **copy_arguments(int argc, char **argv)
{
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    MUST(copy != NULL);
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    return copy;
}

int main(int argc, char **argv)
{
    struct gateway_arguments a = {.offset = "28800", .keys = UPDATE_KEYS};
    const struct option_row rows[] = {
        {"--data", "DIR", &a.data, "identity, configuration, queue; made if absent"},
        {"--platform", "HOST:PORT", &a.platform, "where the platform listens for gateways"},
        {"--ca", "FILE", &a.ca, "certificate of the project's CA (DIR/pki/ca.pem of the platform)"},
        {"--serial", "TEXT", &a.serial, "this gateway's serial, as imported at the platform"},
        {"--claim", "CODE", &a.claim, "one-time code; needed until the gateway is claimed"},
        {"--offset", "SECONDS", &a.offset, "the meters' civil time, east of Greenwich"},
        {"--units", "HOST:PORT", &a.units,
         "listen for units that dial in (dtu:, acrel:, acrel-4g:)"},
        {"--unit-secrets", "FILE", &a.secrets, "ids and secrets of Acrel gateways, one a line"},
        {"--status", "[HOST:]PORT", &a.status,
         "a page for the installer; HOST: 127.0.0.1 unless told"},
        {"--release-keys", "PEM", &a.keys,
         "public keys of releases: only updates signed by one of them are taken"},
        {"--legacy-seal", NULL, &a.legacy,
         "3DES, if the platform has allowed it for this gateway; see the manual"},
        {"--clock", "R,V,SPEED", &a.clock, "a clock that runs faster, for demonstrations"},
        {"--line-speed", "N", &a.line_speed, "with --clock: lines run only so fast; divides SPEED"},
        {0}};
    static struct program p;
    static char **given; /* as long as the process lives */
    int words, code;
    if (!app_models_load(getenv("YUFU_MODELS")))
        return 2;
    if (run_command(argc, argv, &code))
        return code;
    given = copy_arguments(argc, argv);
    enum options_result r = options_parse(argc, argv, USAGE, rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words > 0) {
        fprintf(stderr, "yufu-gateway: there is no command %s\nusage: yufu-gateway %s\n", argv[1],
                USAGE);
        return 2;
    }
    struct update_start place = {.data = a.data, .argv = given, .own = gateway_own()};
    if (a.data != NULL && update_start(&place, &p.update.place, &code))
        return code;
    enum err e = start(&p, &a);
    if (e == ERR_OK) {
        log_event(LOG_PROGRAM_START, LOG_S("program", "yufu-gateway"),
                  LOG_S("version", YUFU_VERSION), LOG_S("serial", a.serial),
                  LOG_I("gateway", p.link.identity.gateway_id));
        io_run(p.io);
        log_event(LOG_PROGRAM_STOP, LOG_S("program", "yufu-gateway"));
    } else {
        log_event(LOG_PROGRAM_REFUSED, LOG_S("program", "yufu-gateway"), LOG_E("error", e),
                  LOG_S("text", err_text_en(e)));
        p.exit_code = e == ERR_SYNTAX || e == ERR_RANGE ? 2 : 1;
    }
    end(&p);
    return p.update.again && p.exit_code == 0 ? update_again(given) : p.exit_code;
}
