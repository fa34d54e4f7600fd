#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "gateway/gateway_impl.h"

enum err gateway_stored(struct gateway *g, enum err e)
{
    if (e == ERR_STORE || e == ERR_STORE_CORRUPT)
        g->failure = e;
    return e;
}

struct gateway_meter *gateway_meter_of(struct gateway *g, int64_t meter_id)
{
    for (size_t i = 0; i < g->meter_count; i++)
        if (g->meters[i].meter_id == meter_id)
            return &g->meters[i];
    return NULL;
}

/* --- start and end
 * -------------------------------------------------------------------------------- */

static void set_defaults(struct gateway_options *o)
{
    if (o->queue_bytes_max == 0)
        o->queue_bytes_max = GATEWAY_QUEUE_BYTES;
    if (o->flush_ms == 0)
        o->flush_ms = GATEWAY_FLUSH_MS;
}

/* Final commands older than this are forgotten; tombstones never. */
#define KEEP_FINAL_S (90 * INT64_C(86'400))

static enum err prune(struct store_tx *tx, void *arg)
{
    const struct gateway_now *now = arg;
    return store_exec(tx, "DELETE FROM command WHERE state = 'final' AND received_at < $1", "i",
                      now->wall.s - KEEP_FINAL_S);
}

/* What is old by a clock that is known: by a wrong one, all that prevents repeats could be. */
enum err gateway_prune(struct gateway *g, const struct gateway_now *now)
{
    struct gateway_now copy = *now;
    return now->trusted ? store_run(g->store, prune, &copy) : ERR_OK;
}

static enum err open_parts(struct gateway *g, const struct gateway_now *now)
{
    TRY(gateway_prune(g, now));
    TRY(gateway_queue_open(g));
    TRY(gateway_undated_load(g));
    TRY(gateway_undated_drop(g, now));
    TRY(gateway_config_load(g, now));
    return gateway_command_load(g);
}

enum err gateway_open(struct gateway **out, const struct gateway_options *options,
                      const struct gateway_now *now)
{
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        return ERR_MEMORY;
    g->options = *options;
    g->store = options->store;
    g->flush_at = MONO_NEVER;
    g->away.since = MONO_NEVER;
    g->held = calloc(GATEWAY_HELD_MAX, sizeof *g->held);
    g->out = malloc(UPLINK_MESSAGE_MAX);
    g->arena = aligned_alloc(16, UPLINK_ARENA);
    set_defaults(&g->options);
    enum err e = g->held && g->out && g->arena ? open_parts(g, now) : ERR_MEMORY;
    if (e != ERR_OK) {
        gateway_close(g);
        return e;
    }
    *out = g;
    return ERR_OK;
}

void gateway_close(struct gateway *g)
{
    if (!g)
        return;
    gateway_config_free(g);
    gateway_away_free(g);
    for (size_t i = 0; i < GATEWAY_CONFIG_PARTS; i++)
        free((void *)g->parts[i].data);
    free(g->held);
    free(g->out);
    free(g->arena);
    free(g);
}

/* --- a line's work
 * ---------------------------------------------------------------------------------- */

static void take_result(struct gateway *g, const struct gateway_now *now, size_t line,
                        const struct bus_result *r)
{
    if (r->tag == GATEWAY_TAG_POLL)
        gateway_poll_result(g, now, line, r);
    else if (r->tag == GATEWAY_TAG_VISIT)
        gateway_visit_result(g, now, line, r);
    else if (r->tag == GATEWAY_TAG_TRIP)
        gateway_trip_result(g, now, line, r);
}

static void tell_changes(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct gateway_line *l = &g->lines[line];
    struct bus_change change;
    while (bus_peer_change(&l->bus, &change)) {
        const struct uplink_event event = {.kind = change.silent ? UPLINK_METER_SILENT
                                                                 : UPLINK_METER_BACK,
                                           .at = now->wall,
                                           .meter_id = g->meters[l->meters[change.peer]].meter_id,
                                           .line = l->config.number};
        gateway_queue_event(g, now, &event);
    }
}

static void begin_visit(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct open_command *c = NULL;
    gateway_visit_settle(g, now, line);
    if (g->lines[line].visit.command_id != 0 || g->open_count == 0 || g->quiesced)
        return;
    if (gateway_command_start(g, now, line, &c) == ERR_OK)
        gateway_visit_begin(g, now, line, c);
}

/* A meter of the line whose protocol knows the broadcast; false: there is none. */
static bool clock_peer(const struct gateway *g, const struct gateway_line *l, uint16_t *peer)
{
    for (*peer = 0; *peer < l->peer_count; (*peer)++)
        if (g->meters[l->meters[*peer]].unit.model->driver->link->clock)
            return true;
    return false;
}

static void tell_time(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    if (!now->trusted || !mono_due(l->clock_at, now->mono))
        return;
    struct bus_job job = {
        .tag = GATEWAY_TAG_CLOCK, .priority = BUS_POLL, .attempts = 1, .silent = true};
    struct writer w = writer_of(job.request, sizeof job.request);
    if (!clock_peer(g, l, &job.peer))
        return;
    l->clock_at = mono_after(now->mono, GATEWAY_CLOCK_S * INT64_C(1000));
    meter_ask_clock(now->wall, g->options.offset_s, &w);
    job.len = (uint16_t)w.len;
    enum err e = w.err == ERR_OK ? bus_submit(&l->bus, &job) : w.err;
    (void)e; /* tomorrow is another day */
}

static void work_line(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct gateway_line *l = &g->lines[line];
    struct bus_result r;
    bus_tick(&l->bus, now->mono);
    while (bus_result(&l->bus, &r))
        take_result(g, now, line, &r);
    tell_changes(g, now, line);
    if (!l->up)
        return;
    tell_time(g, now, l);
    if (!l->polling)
        gateway_poll_next(g, now, line);
    gateway_trip_next(g, now, line);
    begin_visit(g, now, line);
}

/* Their turn has come; when they are looked at depends on their line. */
static void unpark(struct gateway *g, mono_ms now)
{
    for (size_t i = 0; i < g->open_count; i++)
        if (mono_due(g->open[i].parked_until, now))
            g->open[i].parked_until = (mono_ms){0};
}

void gateway_tick(struct gateway *g, const struct gateway_now *now)
{
    unpark(g, now->mono);
    gateway_away_tick(g, now);
    for (size_t i = 0; i < g->line_count; i++)
        work_line(g, now, i);
    gateway_line_watch(g, now);
    gateway_line_pass(g, now->mono);
    if (mono_due(g->flush_at, now->mono)) {
        enum err e = gateway_queue_flush(g, now);
        (void)e; /* a full disk: tried again; a dead store: gateway_failure */
    }
}

static mono_ms line_wake(const struct gateway *g, const struct gateway_line *l)
{
    mono_ms next = mono_earlier(bus_wake(&l->bus), gateway_line_watch_at(l));
    for (size_t i = 0; i < g->open_count && l->visit.command_id == 0; i++)
        if (g->open[i].parked_until.ms > 0)
            next = mono_earlier(next, g->open[i].parked_until);
    mono_ms poll = l->up && !l->polling ? plan_wake(&l->plan, &l->bus, (mono_ms){0}) : MONO_NEVER;
    return poll.ms < next.ms ? mono_earlier(next, mono_after(poll, GATEWAY_SLACK_MS)) : next;
}

mono_ms gateway_wake(const struct gateway *g)
{
    mono_ms next = mono_earlier(g->flush_at, gateway_away_wake(g));
    for (size_t i = 0; i < g->line_count; i++)
        next = mono_earlier(next, line_wake(g, &g->lines[i]));
    return g->hello_due ? mono_earlier(next, g->hello_at) : next;
}

enum err gateway_failure(const struct gateway *g)
{
    return g->failure;
}

bool gateway_quiesce(struct gateway *g, bool quiet)
{
    bool none = true;
    g->quiesced = quiet;
    for (size_t i = 0; i < g->line_count; i++)
        none = none && g->lines[i].visit.command_id == 0;
    return none;
}

void gateway_program_say(struct gateway *g, const char *program)
{
    snprintf(g->options.program, sizeof g->options.program, "%s", program);
}

enum err gateway_flush(struct gateway *g, const struct gateway_now *now)
{
    return gateway_queue_flush(g, now);
}

/* --- settings
 * ------------------------------------------------------------------------------------------ */

struct setting {
    const char *name;
    struct bytes value;
    uint8_t *out;
    size_t cap, len;
    int64_t number;
};

static enum err get_setting(struct store_tx *tx, void *arg)
{
    struct setting *s = arg;
    struct query q = query_open(tx, "SELECT value FROM setting WHERE name = $1", "t", s->name);
    bool found = query_step(&q);
    if (found) {
        struct bytes b = query_blob(&q, 0);
        s->len = b.len;
        if (b.len <= s->cap && b.len > 0)
            memcpy(s->out, b.data, b.len);
    }
    enum err e = query_end(&q);
    return e != ERR_OK ? e : found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err put_setting(struct store_tx *tx, void *arg)
{
    struct setting *s = arg;
    return store_exec(tx,
                      "INSERT INTO setting (name, value) VALUES ($1, $2) "
                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                      "tb", s->name, s->value);
}

enum err gateway_setting_get(struct gateway *g, const char *name, uint8_t *out, size_t cap,
                             size_t *len)
{
    struct setting s = {.name = name, .out = out, .cap = cap};
    TRY(store_read(g->store, get_setting, &s));
    *len = s.len;
    return s.len > cap ? ERR_FULL : ERR_OK;
}

enum err gateway_setting_put(struct gateway *g, const char *name, struct bytes value)
{
    struct setting s = {.name = name, .value = value};
    return gateway_stored(g, store_run(g->store, put_setting, &s));
}

static enum err raise_epoch(struct store_tx *tx, void *arg)
{
    return store_next_id(tx, "boot_epoch", &((struct setting *)arg)->number);
}

enum err gateway_next_boot_epoch(struct gateway *g, int64_t *boot_epoch)
{
    struct setting s = {0};
    TRY(gateway_stored(g, store_run(g->store, raise_epoch, &s)));
    *boot_epoch = s.number;
    return ERR_OK;
}

/* --- lines
 * ------------------------------------------------------------------------------------------------
 */

unsigned gateway_generation(const struct gateway *g)
{
    return g->generation;
}

size_t gateway_line_count(const struct gateway *g)
{
    return g->line_count;
}

const struct uplink_config_line *gateway_line(const struct gateway *g, size_t index)
{
    return index < g->line_count ? &g->lines[index].config : NULL;
}

const struct bus_stats *gateway_line_stats(const struct gateway *g, size_t index)
{
    return index < g->line_count ? &g->lines[index].bus.stats : NULL;
}

/* What the reset ended. The answer to a visit's frame will never come: the visit is dropped. */
static void end_jobs(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct bus_result r;
    while (bus_result(&g->lines[line].bus, &r))
        if (r.tag == GATEWAY_TAG_POLL || r.tag == GATEWAY_TAG_TRIP)
            take_result(g, now, line, &r);
    gateway_visit_drop(g, line);
}

void gateway_line_status(struct gateway *g, const struct gateway_now *now, size_t index, bool up)
{
    if (index >= g->line_count || g->lines[index].up == up)
        return;
    struct gateway_line *l = &g->lines[index];
    l->up = up;
    l->clock_at = now->mono;
    bus_reset(&l->bus, now->mono);
    end_jobs(g, now, index);
    gateway_line_changed(g, now, l);
}

void gateway_line_input(struct gateway *g, const struct gateway_now *now, size_t index,
                        const uint8_t *data, size_t len)
{
    if (index >= g->line_count)
        return;
    bus_input(&g->lines[index].bus, now->mono, data, len);
    work_line(g, now, index);
}

size_t gateway_line_output(struct gateway *g, const struct gateway_now *now, size_t index,
                           uint8_t *out, size_t cap)
{
    if (index >= g->line_count || !g->lines[index].up)
        return 0;
    return bus_output(&g->lines[index].bus, now->mono, out, cap);
}

/* --- uplink
 * -------------------------------------------------------------------------------------------------
 */

void gateway_uplink_connected(struct gateway *g, const struct gateway_now *now)
{
    g->connected = g->hello_due = true;
    g->hello_at = now->mono;
    g->welcomed = false;
    gateway_away_connected(g);
}

void gateway_uplink_closed(struct gateway *g)
{
    g->connected = g->welcomed = g->hello_due = false;
}

static enum err take_welcome(struct gateway *g, const struct gateway_now *now,
                             const struct uplink_welcome *w)
{
    if (w->acked_epoch == g->queue_epoch && w->acked_seq > g->last_seq) {
        TRY(gateway_queue_renew(g, now));
        g->hello_due = true; /* in the new epoch nothing was heard yet */
        return ERR_OK;
    }
    TRY(gateway_undated_drop(g, now));
    g->welcomed = true;
    gateway_away_clear(g);
    gateway_queue_acked(g, now, w->acked_epoch, w->acked_seq);
    g->sent_seq = g->acked_seq;
    g->flying_count = 0;
    g->applied_due = true;
    return ERR_OK;
}

/* One that cannot be followed now, as the disk is full, is asked for again: nothing goes without. */
static enum err welcome(struct gateway *g, const struct gateway_now *now,
                        const struct uplink_welcome *w)
{
    enum err e = take_welcome(g, now, w);
    if (e != ERR_OK) {
        g->hello_due = true;
        g->hello_at = mono_after(now->mono, GATEWAY_RETRY_MS);
    }
    return e;
}

enum err gateway_uplink_message(struct gateway *g, const struct gateway_now *now,
                                const struct uplink_message *m)
{
    gateway_away_heard(g, now);
    switch (m->kind) {
    case UPLINK_WELCOME:
        return welcome(g, now, &m->welcome);
    case UPLINK_ACK:
        gateway_queue_acked(g, now, m->ack.epoch, m->ack.seq);
        return ERR_OK;
    case UPLINK_CONFIG:
        return gateway_config_take(g, now, m);
    case UPLINK_COMMAND:
        return gateway_command_take(g, now, &m->command);
    case UPLINK_FENCE:
        return gateway_command_fence(g, now, m->fence_id);
    case UPLINK_PERMIT:
        return gateway_away_take(g, now, &m->permit);
    case UPLINK_PING:
    case UPLINK_PONG:
        return ERR_OK;
    default:
        return ERR_UPLINK_UNKNOWN;
    }
}

static bool say(struct gateway *g, const struct uplink_message *m, struct bytes *out)
{
    struct writer w = writer_of(g->out, UPLINK_MESSAGE_MAX);
    uplink_message_encode(m, &w);
    MUST(w.err == ERR_OK);
    *out = (struct bytes){g->out, w.len};
    return true;
}

static bool say_hello(struct gateway *g, const struct gateway_now *now, struct bytes *out)
{
    struct uplink_message m = {.kind = UPLINK_HELLO,
                               .hello = {.queue_epoch = g->queue_epoch,
                                         .config_version = g->config_version,
                                         .wall = now->wall,
                                         .wall_trusted = now->trusted,
                                         .permits = true,
                                         .updates = g->options.updates}};
    snprintf(m.hello.program, sizeof m.hello.program, "%s", g->options.program);
    g->hello_due = false;
    return say(g, &m, out);
}

bool gateway_next_uplink(struct gateway *g, const struct gateway_now *now, struct bytes *message)
{
    size_t len;
    if (!g->connected)
        return false;
    if (g->hello_due && mono_due(g->hello_at, now->mono))
        return say_hello(g, now, message);
    if (!g->welcomed)
        return false;
    if (g->applied_due) {
        const struct uplink_message m = {.kind = UPLINK_APPLIED,
                                         .config_version = g->config_version};
        g->applied_due = false;
        return say(g, &m, message);
    }
    struct writer w = writer_of(g->out, UPLINK_MESSAGE_MAX);
    if (gateway_line_tell(g, now->mono, &w)) {
        MUST(w.err == ERR_OK);
        *message = (struct bytes){g->out, w.len};
        return true;
    }
    if (g->sent_seq >= g->last_seq || g->flying_count == GATEWAY_WINDOW)
        return false;
    enum err e = gateway_queue_next(g, g->sent_seq, &g->sent_seq, &len);
    if (e == ERR_NOT_FOUND) /* the rest was dropped to keep the bound */
        g->sent_seq = g->last_seq;
    if (e != ERR_OK)
        return false;
    g->flying[g->flying_count++] = g->sent_seq;
    *message = (struct bytes){g->out, len};
    return true;
}
