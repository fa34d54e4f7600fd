/*
 * `yufu report-energy`: reports a site's energy to a data centre, from the platform's own readings.
 * Every period has its report; what could not be told in its time is told later, in order, from the
 * last one that was acknowledged. That place is in a file of its own, written before the next
 * report.
 */
#include "app/report/report_energy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "base/must.h"
#include "io/io.h"
#include "io/log.h"
#include "store/store.h"

#define PAUSE_FIRST_MS 5'000
#define PAUSE_LAST_MS 300'000
#define CLOCK_APART_S 60
#define PATH_MAX_LEN 512

struct program {
    struct report_profile profile;
    const char *state_path;
    struct io *io;
    struct store *readings_store;
    struct readings *readings;
    struct io_stream *stream;
    struct centre session;
    struct io_timer wake, retry;
    int64_t pause_ms;
    int64_t done_s;         /* of the last report that arrived */
    int64_t sending_s;      /* of the one under way; 0: none */
    int64_t loading_s;      /* whose readings are loaded */
    int64_t backlog, place; /* reports of the present backlog, and which one is next, from 1 */
    int64_t reported;
    bool once, failed, ended;
    /* of one report */
    struct centre_meter *meters;
    struct centre_value *values;
};

/* --- place ------------------------------------------------------------------------------------ */

static enum err write_place(struct program *p)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64 "\n", p->done_s);
    return io_file_write(p->state_path, (struct bytes){(const uint8_t *)text, (size_t)n}, 0600);
}

/* The beginning of the civil period in which t falls. */
static int64_t period_of(const struct report_profile *r, int64_t t)
{
    int64_t local = t + r->offset_s;
    return local - local % r->every_s - r->offset_s;
}

/* The newest period that is over and had time to come in. */
static int64_t newest(const struct program *p)
{
    return period_of(&p->profile, io_wall(p->io).s - p->profile.wait_s);
}

static enum err read_place(struct program *p, const char *from)
{
    struct bytes file;
    int64_t s;
    enum err e = io_file_read(p->state_path, 64, &file);
    if (e == ERR_OK) {
        char text[65];
        memcpy(text, file.data, file.len);
        text[file.len] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        io_file_free(&file);
        TRY(options_number(text, 1, INT64_C(253'402'300'799), &s));
        p->done_s = s;
        return ERR_OK;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    p->done_s = newest(p) - p->profile.every_s;
    if (from) {
        wall_s t;
        TRY(centre_time_take(from, p->profile.offset_s, &t));
        p->done_s = period_of(&p->profile, t.s - 1);
    }
    return ERR_OK;
}

static bool is_due(const struct program *p)
{
    return p->done_s + p->profile.every_s <= newest(p);
}

/* --- readings --------------------------------------------------------------------------------- */

static enum err load(struct store_tx *tx, void *arg)
{
    struct program *p = arg;
    int64_t at_s = p->loading_s;
    size_t v = 0;
    TRY(readings_load(p->readings, tx));
    for (size_t i = 0; i < p->profile.count; i++) {
        const struct report_meter *m = &p->profile.meters[i];
        struct readings_registers r;
        enum err e = readings_registers_at(p->readings, tx, m->meter_id, (wall_s){at_s}, &r);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        /* An older reading is not what stood there at this time. */
        bool read = e == ERR_OK && r.at.s > at_s - p->profile.every_s;
        p->meters[i] = (struct centre_meter){m->id, &p->values[v], m->count};
        for (size_t f = 0; f < m->count; f++, v++)
            p->values[v] = (struct centre_value){.id = m->functions[f].id,
                                                 .coding = m->functions[f].coding,
                                                 .error = p->profile.good,
                                                 .number = read ? r.wh[m->functions[f].wanted] : 0,
                                                 .decimals = 3,
                                                 .missing = !read};
    }
    return ERR_OK;
}

/* --- reporting -------------------------------------------------------------------------------- */

static void finish(struct program *p, bool failed)
{
    if (p->ended)
        return; /* the loop's last turn comes after the end */
    p->ended = true;
    p->failed = failed;
    io_stop(p->io);
}

static void hang_up(struct program *p, enum err why)
{
    if (p->stream)
        io_stream_close(p->stream);
    p->stream = NULL;
    p->session.state = CENTRE_CLOSED;
    p->sending_s = 0;
    p->backlog = 0;
    log_event(LOG_CENTRE_LOST, LOG_S("host", p->profile.host), LOG_E("error", why));
    if (p->once) {
        finish(p, true);
        return;
    }
    io_timer_set_real(&p->retry, mono_after(io_mono_real(p->io), p->pause_ms));
    p->pause_ms = p->pause_ms * 2 < PAUSE_LAST_MS ? p->pause_ms * 2 : PAUSE_LAST_MS;
}

static enum err send_next(struct program *p)
{
    int64_t step = p->profile.every_s;
    if (p->backlog == 0) {
        p->backlog = (newest(p) - p->done_s) / step;
        p->place = 1;
    }
    p->sending_s = p->loading_s = p->done_s + step;
    TRY(store_read(p->readings_store, load, p));
    struct centre_report r = {.sequence = p->sending_s,
                              .at = {p->sending_s},
                              .offset_s = p->profile.offset_s,
                              .continuous = p->backlog > 1,
                              .total = p->backlog,
                              .current = p->place,
                              .meters = p->meters,
                              .count = p->profile.count};
    return centre_send(&p->session, io_mono_real(p->io), &r);
}

/* A query is answered by the newest period that is over: its readings have come in. The reply has a
 * number that no report has. */
static enum err answer_query(struct program *p)
{
    int64_t now_s = io_wall(p->io).s;
    if (!centre_queried(&p->session) || centre_output(&p->session).len > 0)
        return ERR_OK;
    p->loading_s = newest(p);
    TRY(store_read(p->readings_store, load, p));
    struct centre_report r = {.sequence =
                                  period_of(&p->profile, now_s) == now_s ? now_s + 1 : now_s,
                              .at = {p->loading_s},
                              .offset_s = p->profile.offset_s,
                              .meters = p->meters,
                              .count = p->profile.count};
    return centre_reply(&p->session, &r);
}

static enum err take_arrived(struct program *p)
{
    int64_t took = centre_took(&p->session);
    if (took == 0)
        return ERR_OK;
    MUST(took == p->sending_s);
    p->done_s = took;
    p->sending_s = 0;
    p->reported++;
    p->pause_ms = PAUSE_FIRST_MS;
    if (p->place++ == p->backlog)
        p->backlog = 0;
    log_event(LOG_CENTRE_REPORTED, LOG_I("at", took), LOG_I("meters", (int64_t)p->profile.count));
    return write_place(p);
}

static void take_told(struct program *p)
{
    const char *text = centre_told_time(&p->session);
    wall_s t;
    if (text && centre_time_take(text, p->profile.offset_s, &t) == ERR_OK) {
        int64_t apart = io_wall(p->io).s - t.s;
        if (apart > CLOCK_APART_S || apart < -CLOCK_APART_S)
            log_event(LOG_CENTRE_CLOCK, LOG_I("we_are_ahead_s", apart));
    }
    int64_t minutes = centre_told_minutes(&p->session);
    if (minutes > 0)
        log_event(LOG_CENTRE_PERIOD, LOG_I("wanted_min", minutes),
                  LOG_I("ours_min", p->profile.every_s / 60));
}

static void write_out(struct program *p)
{
    struct bytes out = centre_output(&p->session);
    if (out.len > 0 && io_stream_write(p->stream, out.data, out.len) == ERR_OK)
        centre_output_taken(&p->session);
}

/* When something is to be done next, in real time. */
static mono_ms next_wake(const struct program *p)
{
    int64_t left_s = p->done_s + p->profile.every_s + p->profile.wait_s - io_wall(p->io).s;
    mono_ms due =
        mono_after(io_mono_real(p->io), left_s > 0 ? left_s * 1000 / io_speed(p->io) + 1 : 60'000);
    return mono_earlier(centre_wake(&p->session), due);
}

static void work(struct program *p)
{
    if (p->ended || !p->stream || p->session.state == CENTRE_CLOSED)
        return;
    centre_tick(&p->session, io_mono_real(p->io));
    take_told(p);
    enum err e = take_arrived(p);
    if (e == ERR_OK)
        e = answer_query(p);
    if (e == ERR_OK && centre_ready(&p->session) && is_due(p))
        e = send_next(p);
    if (e == ERR_OK)
        e = centre_error(&p->session);
    if (e == ERR_OK)
        write_out(p);
    if (e != ERR_OK) {
        hang_up(p, e);
        return;
    }
    if (p->once && centre_ready(&p->session) && !is_due(p)) {
        finish(p, false);
        return;
    }
    io_timer_set_real(&p->wake, next_wake(p));
}

static bool turn(void *arg)
{
    work(arg);
    return false;
}

static void woken(void *arg)
{
    (void)arg; /* the turn hook runs after every wake-up */
}

/* --- the connection --------------------------------------------------------------------------- */

static void on_opened(void *arg, struct io_stream *s)
{
    struct program *p = arg;
    (void)s;
    log_event(LOG_CENTRE_CONNECTED, LOG_S("host", p->profile.host), LOG_I("port", p->profile.port));
    centre_begin(&p->session, &p->profile.centre, io_mono_real(p->io));
}

static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    struct program *p = arg;
    (void)s;
    centre_input(&p->session, io_mono_real(p->io), (struct bytes){data, len});
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    struct program *p = arg;
    (void)s;
    p->stream = NULL;
    enum err told = centre_error(&p->session);
    hang_up(p, told != ERR_OK ? told : why);
}

static const struct io_stream_events EVENTS = {
    .opened = on_opened, .received = on_received, .closed = on_closed};

static void connect_now(void *arg)
{
    struct program *p = arg;
    struct io_connect_options o = {
        .host = p->profile.host, .port = (uint16_t)p->profile.port, .events = &EVENTS, .arg = p};
    p->session.err = ERR_OK;
    enum err e = io_connect(p->io, &o, &p->stream);
    if (e != ERR_OK) {
        p->stream = NULL;
        hang_up(p, e);
    }
}

static void on_signal(void *arg, int number)
{
    (void)number;
    finish(arg, false);
}

/* --- beginning -------------------------------------------------------------------------------- */

static enum err find_meters(struct store_tx *tx, void *arg)
{
    struct program *p = arg;
    for (size_t i = 0; i < p->profile.count; i++) {
        struct report_meter *m = &p->profile.meters[i];
        int64_t count;
        TRY(store_int(tx, &count, "SELECT count(*) FROM meter WHERE address = $1", "t",
                      m->address));
        if (count != 1) {
            fprintf(stderr, "meter %zu: there are %" PRId64 " meters with the address %s\n", i + 1,
                    count, m->address);
            return ERR_NOT_FOUND;
        }
        TRY(store_int(tx, &m->meter_id, "SELECT id FROM meter WHERE address = $1", "t",
                      m->address));
    }
    return ERR_OK;
}

static enum err open_store(struct store **s, enum store_kind kind, const char *folder,
                           const char *file)
{
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return store_open(s, &(struct store_config){.kind = kind, .path = path, .read_only = true});
}

static enum err open_data(struct program *p, const char *folder)
{
    struct store *ledger = NULL;
    TRY(open_store(&ledger, STORE_LEDGER, folder, "ledger.db"));
    enum err e = store_read(ledger, find_meters, p);
    store_close(ledger);
    TRY(e);
    size_t values = 0;
    for (size_t i = 0; i < p->profile.count; i++)
        values += p->profile.meters[i].count;
    p->meters = calloc(p->profile.count, sizeof *p->meters);
    p->values = calloc(values, sizeof *p->values);
    if (!p->meters || !p->values)
        return ERR_MEMORY;
    TRY(open_store(&p->readings_store, STORE_READINGS, folder, "readings.db"));
    return readings_new(&p->readings);
}

static wall_s log_time(void *arg)
{
    return io_wall(arg);
}

static enum err start(struct program *p, const char *folder, const char *clock, const char *from)
{
    struct io_options io = {0};
    if (clock)
        TRY(io_clock_parse(clock, &io.clock));
    TRY(io_open(&p->io, &io));
    log_set_clock(log_time, p->io);
    TRY(open_data(p, folder));
    TRY(read_place(p, from));
    TRY(io_on_signal(p->io, on_signal, p));
    p->pause_ms = PAUSE_FIRST_MS;
    io_timer_init(&p->wake, p->io, woken, p);
    io_timer_init(&p->retry, p->io, connect_now, p);
    io_timer_set_real(&p->retry, io_mono_real(p->io));
    io_on_turn(p->io, turn, p);
    return ERR_OK;
}

static void end(struct program *p)
{
    if (p->stream)
        io_stream_close(p->stream);
    if (p->io)
        io_close(p->io);
    readings_free(p->readings);
    store_close(p->readings_store);
    free(p->meters);
    free(p->values);
    report_profile_free(&p->profile);
}

int app_report_energy_main(int argc, char **argv)
{
    const char *profile = NULL, *data = NULL, *state = NULL, *from = NULL, *once = NULL,
               *clock = NULL;
    const struct option_row rows[] = {
        {"--profile", "FILE.json", &profile, "the data centre and its meters; see the manual"},
        {"--data", "DIR", &data, "where the platform's databases are; only read"},
        {"--state", "FILE", &state, "remembers the last report that arrived"},
        {"--from", "YYYYMMDDhhmmss", &from, "without a state: report from then on"},
        {"--once", NULL, &once, "end when everything that is due has arrived"},
        {"--clock", "R,V,SPEED", &clock, "a clock that runs faster, for demonstrations"},
        {0}};
    static struct program p;
    int words;
    enum options_result r = options_parse(argc, argv, "[OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words > 0 || !profile || !data || !state) {
        fprintf(stderr,
                "yufu report-energy: --profile, --data and --state are needed (see --help)\n");
        return 2;
    }
    p.state_path = state;
    p.once = once != NULL;
    if (report_profile_read(profile, &p.profile) != ERR_OK) {
        report_profile_free(&p.profile);
        return 2;
    }
    enum err e = start(&p, data, clock, from);
    if (e == ERR_OK)
        io_run(p.io);
    else
        log_event(LOG_PROGRAM_REFUSED, LOG_S("program", "yufu report-energy"), LOG_E("error", e),
                  LOG_S("text", err_text_en(e)));
    int64_t reported = p.reported;
    bool failed = p.failed || e != ERR_OK;
    end(&p);
    printf("%" PRId64 " reports arrived\n", reported);
    return e == ERR_SYNTAX || e == ERR_RANGE ? 2 : failed ? 1 : 0;
}
