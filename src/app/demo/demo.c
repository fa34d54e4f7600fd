/*
 * `yufu demo`: a live site on this machine. Prepares a fresh data directory (site file, price
 * plans, first administrator, opening sales), then starts the real programs as children: fleet,
 * platform, gateway. Everything listens on loopback. Ends all of them on Ctrl-C.
 */
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/demo/demo_site.h"
#include "app/keys.h"
#include "app/options.h"
#include "auth/auth.h"
#include "io/io.h"
#include "journal/journal.h"
#include "site/import.h"
#include "site/site.h"
#include "store/store.h"
#include "vend/vend.h"

#define PATH_SIZE 4096
#define CLAIM_HOURS 24
#define LOOK_MS 300 /* how often progress is looked at */
#define STOP_GRACE_MS 8'000

enum child_name { FLEET, SERVE, GATEWAY, CHILD_COUNT };
static const char *const child_names[CHILD_COUNT] = {"yufu-fleet", "yufu serve", "yufu-gateway"};

struct progress {
    int64_t read, waiting;
};

struct demo {
    struct io *io;
    struct io_clock clock;
    char clock_text[64];
    char data[PATH_SIZE];
    char programs[PATH_SIZE]; /* the folder of this program */
    uint16_t ports[DEMO_LINES];
    uint16_t http, uplink;
    char password[32];
    char claim[40];
    int64_t meters;
    struct progress shown;
    struct io_process *children[CHILD_COUNT];
    int alive;
    struct io_timer look, give_up;
    struct io_stream *probe;
    bool serving, complete, stopping, own_data;
    int exit_code;
};

static void say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static const char *in_data(const struct demo *d, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.3900s/%s", d->data, name);
    return path;
}

/* --- preparing
 * -------------------------------------------------------------------------------------- */

/* Ports that are free now; nobody else on this machine is in a hurry to take them. */
static enum err pick_ports(struct demo *d, uint16_t wished_http)
{
    struct io_listener *held[DEMO_LINES + 2];
    for (size_t i = 0; i < DEMO_LINES + 2; i++) {
        uint16_t wish = i == DEMO_LINES + 1 ? wished_http : 0;
        enum err e = io_listen(d->io, &(struct io_listen_options){.port = wish}, &held[i]);
        if (e != ERR_OK && wish != 0)
            e = io_listen(d->io, &(struct io_listen_options){0}, &held[i]);
        TRY(e);
    }
    for (size_t i = 0; i < DEMO_LINES; i++)
        d->ports[i] = io_listener_port(held[i]);
    d->uplink = io_listener_port(held[DEMO_LINES]);
    d->http = io_listener_port(held[DEMO_LINES + 1]);
    for (size_t i = 0; i < DEMO_LINES + 2; i++)
        io_listener_close(held[i]);
    return ERR_OK;
}

static enum err write_site(const struct demo *d)
{
    char path[PATH_SIZE];
    FILE *out = fopen(in_data(d, "site.csv", path), "w");
    if (!out)
        return ERR_IO_FILE;
    demo_site_write(out, d->ports);
    return fclose(out) == 0 ? ERR_OK : ERR_IO_FILE;
}

static enum err import_site(struct store_tx *tx, void *arg)
{
    struct demo *d = arg;
    char path[PATH_SIZE];
    struct bytes file;
    struct site_import *im = NULL;
    TRY(io_file_read(in_data(d, "site.csv", path), 1 << 24, &file));
    enum err e = site_import_open(&im, file.data, file.len);
    for (const struct demo_document *p = demo_plans; e == ERR_OK && p->code; p++)
        e = site_import_plan(im, p->code, p->body);
    for (const struct demo_document *p = demo_strategies; e == ERR_OK && p->code; p++)
        e = site_import_strategy(im, p->code, p->body);
    if (e == ERR_OK)
        e = site_import_commit(im, tx, "system", io_wall(d->io));
    if (e == ERR_OK)
        d->meters = site_import_result(im)->rows;
    size_t errors = 0;
    const struct site_import_error *list = im ? site_import_errors(im, &errors) : NULL;
    for (size_t i = 0; i < errors; i++)
        fprintf(stderr, "demo: row %" PRId64 " column %s: %s (%s)\n", list[i].row, list[i].column,
                err_text_en(list[i].code), list[i].value);
    site_import_close(im);
    io_file_free(&file);
    return e;
}

static enum err make_claim(struct store_tx *tx, void *arg)
{
    struct demo *d = arg;
    struct site_gateway gateway;
    uint8_t code[16], hash[JOURNAL_HASH_SIZE];
    TRY(site_gateway_by_serial(tx, DEMO_GATEWAY, &gateway));
    io_random(code, sizeof code);
    hex_encode(code, sizeof code, d->claim);
    journal_sha256(d->claim, strlen(d->claim), hash);
    return site_claim_create(tx, gateway.id, hash, (wall_s){io_wall(d->io).s + CLAIM_HOURS * 3600});
}

struct opening {
    struct demo *demo;
    struct store_tx *tx;
    unsigned count;
};

static enum err sell_opening(void *arg, const struct site_account *account)
{
    struct opening *o = arg;
    char order_id[VEND_ORDER_ID_MAX + 1];
    struct vend_status status;
    uint64_t random;
    io_random(&random, sizeof random);
    snprintf(order_id, sizeof order_id, "opening-%s", account->code);
    return vend_sell(o->tx,
                     &(struct vend_sale){.account_id = account->id,
                                         .order_id = order_id,
                                         .amount_fen = demo_site_opening_fen(o->count++),
                                         .method = "import",
                                         .actor = "system",
                                         .now = io_wall(o->demo->io),
                                         .random = random},
                     &status);
}

static enum err open_accounts(struct store_tx *tx, void *arg)
{
    struct opening o = {.demo = arg, .tx = tx};
    return site_accounts(tx, 0, 0, 0, sell_opening, &o);
}

static enum err make_admin(struct store_tx *tx, void *arg)
{
    return auth_first_admin(tx, ((struct demo *)arg)->password);
}

static enum err fill_ledger(struct demo *d)
{
    char path[PATH_SIZE];
    struct store *s = NULL;
    static store_work *const steps[] = {import_site, make_admin, make_claim, open_accounts};
    TRY(store_open(
        &s, &(struct store_config){.kind = STORE_LEDGER, .path = in_data(d, "ledger.db", path)}));
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < sizeof steps / sizeof *steps; i++)
        e = store_run(s, steps[i], d);
    store_close(s);
    return e;
}

static enum err prepare(struct demo *d)
{
    struct keys keys;
    TRY(write_site(d));
    TRY(fill_ledger(d));
    return keys_load(&keys, d->data, "", io_wall_real(d->io));
}

/* --- children
 * ------------------------------------------------------------------------------------------ */

static void stop_all(struct demo *d)
{
    static const enum child_name order[] = {GATEWAY, FLEET, SERVE};
    if (d->stopping)
        return;
    d->stopping = true;
    say("\ndemo: ending ...");
    for (size_t i = 0; i < CHILD_COUNT; i++)
        if (d->children[order[i]])
            io_process_signal(d->children[order[i]], SIGTERM);
    io_timer_set_real(&d->give_up, mono_after(io_mono_real(d->io), STOP_GRACE_MS));
    if (d->alive == 0)
        io_stop(d->io);
}

static void child_exited(void *arg, struct io_process *p, int64_t status, int signal_number)
{
    struct demo *d = arg;
    char path[PATH_SIZE];
    for (int i = 0; i < CHILD_COUNT; i++) {
        if (d->children[i] != p)
            continue;
        d->children[i] = NULL;
        d->alive--;
        if (d->stopping)
            break;
        fprintf(stderr, "demo: %s ended by itself (status %" PRId64 ", signal %d); see %s\n",
                child_names[i], status, signal_number, in_data(d, "demo.log", path));
        d->exit_code = 1;
        d->own_data = false; /* keep the log */
        stop_all(d);
    }
    io_process_close(p);
    if (d->stopping && d->alive == 0)
        io_stop(d->io);
}

static enum err start_child(struct demo *d, enum child_name name, const char *const *argv)
{
    char log[PATH_SIZE];
    TRY(io_process_start(d->io,
                         &(struct io_process_options){.argv = argv,
                                                      .log_path = in_data(d, "demo.log", log),
                                                      .exited = child_exited,
                                                      .arg = d},
                         &d->children[name]));
    d->alive++;
    return ERR_OK;
}

/* The programs stand beside this one when installed, and in the build tree's folders before. */
static const char *program(const struct demo *d, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.3900s/%s", d->programs, name);
    if (!io_file_exists(path))
        snprintf(path, PATH_SIZE, "%.3900s/../../sim/%s", d->programs, name);
    return path;
}

static enum err start_fleet(struct demo *d)
{
    char path[PATH_SIZE], site[PATH_SIZE], nvram[PATH_SIZE], plans[DEMO_PLANS][1024];
    const char *argv[10 + 2 * DEMO_PLANS + 1] = {program(d, "yufu-fleet", path),
                                                 "--site",
                                                 in_data(d, "site.csv", site),
                                                 "--nvram",
                                                 in_data(d, "nvram", nvram),
                                                 "--clock",
                                                 d->clock_text,
                                                 "--dorm-rules",
                                                 "--mischief",
                                                 DEMO_MISCHIEF};
    for (size_t i = 0; i < DEMO_PLANS;
         i++) { /* a fitter sets the prices of the wallets in meters */
        snprintf(plans[i], sizeof plans[i], "%s=%s", demo_plans[i].code, demo_plans[i].body);
        argv[10 + 2 * i] = "--plan";
        argv[11 + 2 * i] = plans[i];
    }
    return start_child(d, FLEET, argv);
}

static enum err start_serve(struct demo *d, const char *web)
{
    char path[PATH_SIZE], http[16], uplink[16];
    snprintf(http, sizeof http, "%u", d->http);
    snprintf(uplink, sizeof uplink, "%u", d->uplink);
    const char *argv[] = {program(d, "yufu", path),
                          "serve",
                          "--data",
                          d->data,
                          "--http",
                          http,
                          "--uplink",
                          uplink,
                          "--web",
                          web,
                          "--clock",
                          d->clock_text,
                          NULL};
    return start_child(d, SERVE, argv);
}

static enum err start_gateway(struct demo *d)
{
    char path[PATH_SIZE], own[PATH_SIZE], ca[PATH_SIZE], platform[32];
    snprintf(platform, sizeof platform, "127.0.0.1:%u", d->uplink);
    const char *argv[] = {program(d, "yufu-gateway", path),
                          "--data",
                          in_data(d, "gateway", own),
                          "--platform",
                          platform,
                          "--ca",
                          in_data(d, "pki/ca.pem", ca),
                          "--serial",
                          DEMO_GATEWAY,
                          "--claim",
                          d->claim,
                          "--clock",
                          d->clock_text,
                          NULL};
    return start_child(d, GATEWAY, argv);
}

/* --- progress
 * --------------------------------------------------------------------------------------------- */

static enum err count_read(struct store_tx *tx, void *arg)
{
    return store_int(tx, &((struct progress *)arg)->read,
                     "SELECT count(DISTINCT meter_id) FROM latest", "");
}

static enum err count_waiting(struct store_tx *tx, void *arg)
{
    return store_int(tx, &((struct progress *)arg)->waiting,
                     "SELECT count(*) FROM sale_order WHERE state IN ('PAID', 'BOUND')", "");
}

static void ask(struct demo *d, enum store_kind kind, const char *file, store_work *work,
                struct progress *p)
{
    char path[PATH_SIZE];
    struct store *s = NULL;
    if (store_open(&s, &(struct store_config){.kind = kind,
                                              .path = in_data(d, file, path),
                                              .read_only = true}) != ERR_OK)
        return;
    enum err e = store_read(s, work, p);
    (void)e; /* progress only: the next look may succeed */
    store_close(s);
}

static void show_progress(struct demo *d)
{
    struct progress p = {.read = 0, .waiting = -1};
    ask(d, STORE_READINGS, "readings.db", count_read, &p);
    ask(d, STORE_LEDGER, "ledger.db", count_waiting, &p);
    d->complete = p.read >= d->meters && p.waiting == 0;
    bool changed = p.read / 20 != d->shown.read / 20 || p.waiting / 20 != d->shown.waiting / 20;
    if (!isatty(STDOUT_FILENO) && !changed && p.waiting != 0)
        return;
    d->shown = p;
    printf(isatty(STDOUT_FILENO) ? "\r" : "");
    printf("demo: %3" PRId64 " of %" PRId64 " meters read, %3" PRId64
           " opening sales on their way to meters%s",
           p.read, d->meters, p.waiting, isatty(STDOUT_FILENO) ? " " : "\n");
    fflush(stdout);
    if (d->complete)
        say("\ndemo: all meters are live. Ctrl-C ends everything.");
}

static void print_address(struct demo *d)
{
    printf("\n  console   http://127.0.0.1:%u/\n", d->http);
    printf("  log in as admin\n  password  %s   (one time: you choose your own)\n", d->password);
    printf("  data      %s\n\n", d->data);
    fflush(stdout);
}

static void probe_opened(void *arg, struct io_stream *s)
{
    struct demo *d = arg;
    d->serving = true;
    d->probe = NULL;
    io_stream_close(s);
    print_address(d);
}

static void probe_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)s;
    (void)data;
    (void)len;
}

static void probe_closed(void *arg, struct io_stream *s, enum err why)
{
    (void)s;
    (void)why;
    ((struct demo *)arg)->probe = NULL;
}

static const struct io_stream_events probe_events = {
    .opened = probe_opened, .received = probe_received, .closed = probe_closed};

static void look(void *arg)
{
    struct demo *d = arg;
    if (d->serving)
        show_progress(d);
    else if (!d->probe && io_connect(d->io,
                                     &(struct io_connect_options){.host = "127.0.0.1",
                                                                  .port = d->http,
                                                                  .events = &probe_events,
                                                                  .arg = d},
                                     &d->probe) != ERR_OK)
        d->probe = NULL;
    if (!d->complete && !d->stopping)
        io_timer_set_real(&d->look, mono_after(io_mono_real(d->io), LOOK_MS));
}

static void kill_all(void *arg)
{
    struct demo *d = arg;
    for (int i = 0; i < CHILD_COUNT; i++)
        if (d->children[i])
            io_process_signal(d->children[i], SIGKILL);
}

static void interrupted(void *arg, int signal_number)
{
    (void)signal_number;
    stop_all(arg);
}

/* --- start and end
 * --------------------------------------------------------------------------------------- */

/* What a demonstration would write over somebody else's site. */
static enum err check_new(const struct demo *d)
{
    char path[PATH_SIZE];
    if (!io_file_exists(in_data(d, "ledger.db", path)))
        return ERR_OK;
    fprintf(stderr,
            "demo: %1$s holds a site already; nothing was changed.\n"
            "  To look at it, without its simulated meters:  yufu serve --data %1$s\n"
            "  To begin a new one: name another folder, or leave --data out.\n"
            "演示：%1$s 中已有项目数据，未作任何更改。\n"
            "  查看这些数据（不含模拟表计）：  yufu serve --data %1$s\n"
            "  开始新的演示：另选一个文件夹，或省略 --data。\n",
            d->data);
    return ERR_EXISTS;
}

static enum err choose_data(struct demo *d, const char *wish)
{
    if (wish) {
        snprintf(d->data, sizeof d->data, "%s", wish);
        TRY(io_directory_make(wish));
        return check_new(d);
    }
    snprintf(d->data, sizeof d->data, "/tmp/yufu-demo-XXXXXX");
    d->own_data = true;
    return mkdtemp(d->data) ? ERR_OK : ERR_IO_FILE;
}

static enum err find_programs(struct demo *d)
{
    ssize_t n = readlink("/proc/self/exe", d->programs, sizeof d->programs - 1);
    if (n <= 0)
        return ERR_IO_FILE;
    d->programs[n] = '\0';
    char *slash = strrchr(d->programs, '/');
    if (slash)
        *slash = '\0';
    return ERR_OK;
}

static enum err run(struct demo *d, const char *web)
{
    TRY(io_on_signal(d->io, interrupted, d));
    io_timer_init(&d->look, d->io, look, d);
    io_timer_init(&d->give_up, d->io, kill_all, d);
    TRY(start_fleet(d));
    TRY(start_serve(d, web));
    TRY(start_gateway(d));
    look(d);
    io_run(d->io);
    return ERR_OK;
}

static enum err demo(struct demo *d, const char *data, const char *web, int64_t http)
{
    TRY(find_programs(d));
    TRY(choose_data(d, data));
    say("demo: choosing ports and writing the site file ...");
    TRY(pick_ports(d, (uint16_t)http));
    say("demo: importing the meters, selling the first credit ...");
    TRY(prepare(d));
    say("demo: starting fleet, platform and gateway ...");
    return run(d, web);
}

static void remove_data(const struct demo *d)
{
    char command[PATH_SIZE + 16];
    if (!d->own_data || strncmp(d->data, "/tmp/yufu-demo-", 15) != 0)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", d->data);
    if (system(command) != 0)
        fprintf(stderr, "demo: could not remove %s\n", d->data);
}

int app_demo_main(int argc, char **argv)
{
    const char *speed_text = "1", *data = NULL, *web = "web/dist", *http_text = "8080";
    const struct option_row rows[] = {
        {"--speed", "N", &speed_text, "the site's time runs N times as fast (1..120)"},
        {"--http", "PORT", &http_text, "port of the console; another one if it is taken"},
        {"--data", "DIR", &data,
         "keep the data in DIR instead of a folder that is removed at the end"},
        {"--web", "DIR", &web, "the built console"},
        {0}};
    static struct demo d;
    int64_t speed, http;
    int words;
    enum options_result r = options_parse(argc, argv, "[OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (options_number(speed_text, 1, 120, &speed) != ERR_OK ||
        options_number(http_text, 0, 65535, &http) != ERR_OK) {
        fprintf(stderr, "yufu demo: --speed takes 1 to 120, --http a port\n");
        return 2;
    }
    d.clock = io_clock_start((wall_s){0}, speed);
    io_clock_text(&d.clock, d.clock_text, sizeof d.clock_text);
    enum err e = io_open(&d.io, &(struct io_options){.clock = d.clock});
    if (e == ERR_OK)
        e = demo(&d, data, web, http);
    if (e != ERR_OK) {
        fprintf(stderr, "demo: %s (%s)\n", err_text_en(e), err_name(e));
        d.exit_code = 1;
    }
    io_close(d.io);
    remove_data(&d);
    return d.exit_code;
}
