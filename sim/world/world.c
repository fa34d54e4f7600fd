#include "sim/world/world_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "journal/journal.h"
#include "proto/dlt645.h"
#include "sim/world/world_site.h"

#define RECONNECT_MS 5'000
#define BATTERY_S 300'000 /* a clock without one is behind by less */

wall_s world_wall(const struct world *w)
{
    return (wall_s){w->wall0.s + w->now.ms / 1000};
}

static struct uplink_now uplink_now(const struct world *w)
{
    return (struct uplink_now){.mono = w->now, .wall = world_wall(w)};
}

static struct gateway_now gateway_now(const struct world *w)
{
    int64_t behind_s = w->clock_known ? 0 : w->behind_s;
    return (struct gateway_now){
        .mono = w->now, .wall = {world_wall(w).s - behind_s}, .trusted = w->clock_known};
}

void world_note(struct world *w, const char *what, int64_t a, int64_t b)
{
    const int64_t facts[] = {w->now.ms, a, b};
    w->trace = fnv64(w->trace, what, strlen(what));
    w->trace = fnv64(w->trace, facts, sizeof facts);
    if (w->tracing)
        printf("%10.3f s  %-24s %" PRId64 " %" PRId64 "\n", (double)w->now.ms / 1000, what, a, b);
}

/* --- the platform ----------------------------------------------------------------------------- */

/* What a process writes after its power went is never seen. */
static bool platform_dead(const struct world *w)
{
    return sim_disk_down(w->platform_disk);
}

static void platform_send(void *ctx, int64_t conn, const uint8_t *data, size_t len)
{
    struct world *w = ctx;
    struct world_link *l = world_link_of(w, conn);
    if (l && l->platform_open && !platform_dead(w))
        world_link_send(w, l, false, data, len);
}

static void platform_hang_up(void *ctx, int64_t conn)
{
    struct world *w = ctx;
    struct world_link *l = world_link_of(w, conn);
    if (!l || platform_dead(w))
        return;
    l->platform_open = false;
    if (!l->broken) {
        l->broken = true;
        l->gateway_notices = mono_after(w->now, 20);
    }
}

static uint64_t platform_random(void *ctx)
{
    return rand_u64(&((struct world *)ctx)->rand_keys);
}

static enum err platform_up(struct world *w)
{
    return platform_open(&w->platform,
                         &(struct platform_options){
                             .ledger_path = "ledger.db",
                             .readings_path = "readings.db",
                             .vfs = w->platform_vfs,
                             .links = {.ctx = w, .send = platform_send, .close = platform_hang_up},
                             .ctx = w,
                             .random = platform_random},
                         uplink_now(w));
}

/* The process is gone: its sockets close, its memory is lost. */
static void platform_gone(struct world *w, int64_t down_ms)
{
    platform_close(w->platform);
    sim_disk_mend(w->platform_disk);
    w->platform = NULL;
    w->platform_back = mono_after(w->now, down_ms);
    for (size_t i = 0; i < WORLD_LINKS; i++) {
        struct world_link *l = &w->links[i];
        if (l->id == 0 || !l->platform_open)
            continue;
        l->platform_open = false;
        if (!l->broken) {
            l->broken = true;
            l->gateway_notices = mono_after(w->now, (int64_t)rand_below(&w->rand_net, 60'000));
        }
    }
    w->counts.platform_crashes++;
    world_note(w, "platform.gone", down_ms, 0);
    if (w->on_crash)
        w->on_crash(w->arg, true);
}

void world_crash_platform(struct world *w, bool power, int64_t down_ms)
{
    if (!w->platform)
        return;
    if (power)
        sim_disk_power_cut(w->platform_disk);
    else
        sim_disk_kill(w->platform_disk);
    w->counts.power_cuts += power;
    platform_gone(w, down_ms);
}

int64_t world_downtime(struct world *w)
{
    return 200 + (int64_t)rand_below(&w->rand_fault, 60'000);
}

/* What a disk was planned to do has happened; kills by hand are not among it. */
static void count_planned(struct world *w, const struct sim_disk *disk)
{
    bool kill = sim_disk_killed(disk);
    w->counts.inner_kills += kill;
    w->counts.power_cuts += !kill;
}

/* It could not start: the disk is still full or failing, or it died once more while it started. */
static mono_ms start_again(struct world *w, struct sim_disk *disk)
{
    if (sim_disk_down(disk)) {
        count_planned(w, disk);
        sim_disk_mend(disk);
        world_note(w, "died at start", disk == w->platform_disk, 0);
    }
    return mono_after(w->now, 1'000);
}

/* The disk may have lost power in the middle of what was just done. */
static void platform_after(struct world *w)
{
    if (!w->platform)
        return;
    if (sim_disk_down(w->platform_disk)) {
        count_planned(w, w->platform_disk);
        platform_gone(w, world_downtime(w));
    } else if (platform_failure(w->platform) != ERR_OK) {
        world_crash_platform(w, false, 500);
    }
}

static void platform_turns(struct world *w)
{
    for (int i = 0; w->platform && i < 8; i++) {
        bool more = platform_turn(w->platform, uplink_now(w));
        platform_after(w);
        if (!more)
            return;
    }
}

struct asked {
    const struct world *w;
    store_work *work;
    void *arg;
    enum err result;
    bool answered;
};

static enum err do_asked(struct store_tx *tx, void *arg)
{
    struct asked *a = arg;
    return a->work(tx, a->arg);
}

static void take_answer(void *arg, enum err result)
{
    struct asked *a = arg;
    a->result = result;
    a->answered = result != ERR_IO_CLOSED && result != ERR_STORE && !platform_dead(a->w);
}

bool world_ask(struct world *w, store_work *work, void *arg, enum err *result)
{
    if (!w->platform)
        return false;
    struct asked a = {.w = w, .work = work, .arg = arg};
    store_submit(platform_ledger(w->platform), do_asked, take_answer, &a);
    platform_turns(w);
    *result = a.result;
    return a.answered;
}

static void platform_hears(struct world *w, struct world_link *l)
{
    struct world_chunk *c;
    while (w->platform && l->platform_open && (c = world_wire_pop(&l->up, w->now))) {
        headend_data(platform_headend(w->platform), l->id, uplink_now(w), c->data, c->len);
        free(c);
    }
}

static void platform_accepts(struct world *w, struct world_link *l)
{
    uint8_t random[HEADEND_RANDOM];
    l->introduced = true;
    for (size_t i = 0; i < sizeof random; i += 8)
        writer_u64le(&(struct writer){random + i, 8, 0, ERR_OK}, rand_u64(&w->rand_keys));
    const struct headend_peer peer = {
        .conn = l->id, .certificate_hash = world_site_certificate, .random = random};
    l->platform_open = headend_open(platform_headend(w->platform), &peer, uplink_now(w)) == ERR_OK;
}

static void platform_step(struct world *w)
{
    if (!w->platform) {
        if (w->now.ms >= w->platform_back.ms && platform_up(w) != ERR_OK)
            w->platform_back = start_again(w, w->platform_disk);
        return;
    }
    for (size_t i = 0; i < WORLD_LINKS; i++) {
        struct world_link *l = &w->links[i];
        if (l->id != 0 && !l->introduced && world_wire_wake(&l->up).ms <= w->now.ms)
            platform_accepts(w, l);
        if (l->id != 0)
            platform_hears(w, l);
        if (l->id != 0 && l->platform_open && l->broken && !l->up.first &&
            l->platform_notices.ms <= w->now.ms) {
            l->platform_open = false;
            headend_closed(platform_headend(w->platform), l->id, uplink_now(w));
        }
    }
    platform_turns(w);
}

/* --- the gateway ------------------------------------------------------------------------------ */

static bool gateway_dead(const struct world *w)
{
    return sim_disk_down(w->gateway_disk);
}

static enum err gateway_up(struct world *w)
{
    TRY(store_open(&w->gateway_store, &(struct store_config){.kind = STORE_GATEWAY,
                                                             .path = "gateway.db",
                                                             .vfs = w->gateway_vfs}));
    w->clock_known = false;
    w->behind_s = w->now.ms % BATTERY_S;
    const struct gateway_now now = gateway_now(w);
    enum err e = gateway_open(&w->gateway,
                              &(struct gateway_options){.store = w->gateway_store,
                                                        .new_queue_epoch = world_wall(w).s * 1000,
                                                        .offset_s = 8 * 3600,
                                                        .program = "world"},
                              &now);
    if (e != ERR_OK) {
        store_close(w->gateway_store);
        w->gateway_store = NULL;
        return e;
    }
    w->generation = 0;
    w->connect_at = w->now;
    return ERR_OK;
}

void world_foreign_vend(struct world *w, size_t meter)
{
    if (!w->spared[meter])
        w->counts.foreign_vends += sim_meter_foreign_vend(
            &w->meters[meter], WORLD_FOREIGN_FEN + (int64_t)rand_below(&w->rand_fault, 1'000));
}

static void gateway_hang_up(struct world *w)
{
    struct world_link *l = world_link_of(w, w->link_of_uplink);
    if (w->uplink_live)
        uplink_close(&w->uplink);
    w->uplink_live = false;
    w->link_of_uplink = 0;
    w->connect_at =
        mono_after(w->now, RECONNECT_MS + (int64_t)rand_below(&w->rand_net, RECONNECT_MS));
    if (!l)
        return;
    l->gateway_open = false;
    if (!l->broken) {
        l->broken = true;
        l->platform_notices = mono_after(w->now, (int64_t)rand_below(&w->rand_net, 60'000));
    }
}

static void gateway_gone(struct world *w, int64_t down_ms)
{
    gateway_hang_up(w);
    gateway_close(w->gateway);
    store_close(w->gateway_store);
    sim_disk_mend(w->gateway_disk);
    w->gateway = NULL;
    w->gateway_store = NULL;
    w->gateway_back = mono_after(w->now, down_ms);
    sim_line_flush(&w->line);
    w->counts.gateway_crashes++;
    world_note(w, "gateway.gone", down_ms, 0);
    if (w->on_crash)
        w->on_crash(w->arg, false);
}

void world_crash_gateway(struct world *w, bool power, int64_t down_ms)
{
    if (!w->gateway)
        return;
    if (power)
        sim_disk_power_cut(w->gateway_disk);
    else
        sim_disk_kill(w->gateway_disk);
    w->counts.power_cuts += power;
    gateway_gone(w, down_ms);
}

static bool gateway_after(struct world *w)
{
    if (!w->gateway)
        return false;
    if (gateway_dead(w)) {
        count_planned(w, w->gateway_disk);
        gateway_gone(w, world_downtime(w));
        return false;
    }
    if (gateway_failure(w->gateway) != ERR_OK) {
        world_crash_gateway(w, false, 500);
        return false;
    }
    return true;
}

static struct world_link *free_link(struct world *w)
{
    for (size_t i = 0; i < WORLD_LINKS; i++)
        if (w->links[i].id == 0)
            return &w->links[i];
    return NULL;
}

static void gateway_connects(struct world *w)
{
    uint8_t random[UPLINK_RANDOM];
    int64_t epoch;
    struct world_link *l = free_link(w);
    w->connect_at = mono_after(w->now, RECONNECT_MS);
    if (!l || !w->platform || !mono_due(w->blocked_until, w->now) ||
        gateway_next_boot_epoch(w->gateway, &epoch) != ERR_OK)
        return;
    if (!gateway_after(w))
        return;
    for (size_t i = 0; i < sizeof random; i += 8)
        writer_u64le(&(struct writer){random + i, 8, 0, ERR_OK}, rand_u64(&w->rand_keys));
    *l = (struct world_link){.id = ++w->last_link, .gateway_open = true};
    w->link_of_uplink = l->id;
    w->uplink_live = true;
    w->counts.sessions++;
    uplink_client_init(
        &w->uplink,
        &(struct uplink_client){
            .gateway_id = w->gateway_id, .epoch = epoch, .secret = w->secret, .random = random},
        uplink_now(w));
}

void world_block_link(struct world *w, int64_t ms)
{
    w->blocked_until = mono_after(w->now, ms);
    for (size_t i = 0; i < WORLD_LINKS; i++)
        if (w->links[i].id != 0)
            world_link_break(w, &w->links[i]);
    world_note(w, "link.blocked", ms, 0);
}

static void remember_told(struct world *w, const struct uplink_command *c)
{
    if (c->kind != UPLINK_VEND && c->kind != UPLINK_READ)
        return;
    for (size_t i = 0; i < WORLD_TOLD; i++)
        if (w->told[i].id == c->id)
            return;
    w->told[w->told_next++ % WORLD_TOLD] =
        (struct world_told){c->id, c->meter_id, c->epoch, c->n, c->amount_fen};
}

static void remember_wish(struct world *w, const struct uplink_command *c, bool taken)
{
    const struct world_wish wish = {c->version, c->open, c->not_after, w->now};
    size_t i = 0;
    while (i < w->meter_count && w->meter_ids[i] != c->meter_id)
        i++;
    if (c->kind != UPLINK_RELAY || i == w->meter_count || c->circuit < 0 ||
        c->circuit > TERMINAL_CIRCUITS || c->version <= w->wishes[i][c->circuit].version)
        return;
    if (!taken) {
        w->unsure[i][c->circuit] = wish;
        return;
    }
    w->before[i][c->circuit] = w->wishes[i][c->circuit];
    w->wishes[i][c->circuit] = wish;
}

bool world_send_again(struct world *w, const struct world_told *old, bool fresh_id)
{
    const struct gateway_now now = gateway_now(w);
    const struct uplink_message m = {
        .kind = UPLINK_COMMAND,
        .command = {.id = fresh_id ? (int64_t)(rand_u64(&w->rand_fault) >> 1) : old->id,
                    .kind = UPLINK_VEND,
                    .meter_id = old->meter_id,
                    .epoch = old->epoch,
                    .n = old->n,
                    .amount_fen = old->amount_fen}};
    if (!w->gateway || !w->uplink_live || !uplink_is_open(&w->uplink))
        return false;
    remember_told(w, &m.command);
    if (gateway_uplink_message(w->gateway, &now, &m) != ERR_OK || !gateway_after(w))
        return false;
    w->counts.zombies++;
    world_note(w, "zombie", old->n, old->amount_fen);
    return true;
}

static void set_clock(struct world *w)
{
    w->clock_known = true;
    const struct gateway_now now = gateway_now(w);
    gateway_clock_known(w->gateway, &now, w->behind_s);
}

/* True while the session lives. */
static bool gateway_reads(struct world *w)
{
    struct uplink_message m;
    bool taken;
    struct gateway_now now;
    for (;;) {
        switch (uplink_next(&w->uplink, uplink_now(w), w->arena, &m)) {
        case UPLINK_STEP_OPENED:
            now = gateway_now(w);
            gateway_uplink_connected(w->gateway, &now);
            break;
        case UPLINK_STEP_MESSAGE:
            if (m.kind == UPLINK_COMMAND)
                remember_told(w, &m.command);
            if (m.kind == UPLINK_WELCOME && !w->clock_known)
                set_clock(w);
            now = gateway_now(w);
            taken = gateway_uplink_message(w->gateway, &now, &m) == ERR_OK;
            if (!taken)
                world_note(w, "gateway.refused", m.kind, 0);
            if (m.kind == UPLINK_COMMAND)
                remember_wish(w, &m.command, taken && !gateway_dead(w));
            break;
        case UPLINK_STEP_DEAD:
            world_note(w, err_name(uplink_error(&w->uplink)), 0, 0);
            return false;
        default:
            return true;
        }
    }
}

static void tell_said(struct world *w, struct bytes encoded)
{
    struct uplink_message m;
    if ((!w->on_outcome && !w->on_said) ||
        uplink_message_decode(encoded.data, encoded.len, w->arena, &m) != ERR_OK)
        return;
    if (w->on_said && m.seq > 0)
        w->on_said(w->arg, &m);
    if (!w->on_outcome || m.kind != UPLINK_OUTCOME)
        return;
    w->counts.outcomes++;
    for (size_t i = 0; i < WORLD_TOLD; i++)
        if (w->told[i].id == m.outcome.command_id)
            w->on_outcome(w->arg, &m.outcome, &w->told[i]);
}

static void gateway_says(struct world *w)
{
    struct bytes message;
    const struct gateway_now now = gateway_now(w);
    while (uplink_is_open(&w->uplink) && gateway_next_uplink(w->gateway, &now, &message)) {
        if (gateway_dead(w))
            return;
        tell_said(w, message);
        if (uplink_send_encoded(&w->uplink, message) != ERR_OK)
            return;
    }
}

static void gateway_writes_link(struct world *w, struct world_link *l)
{
    struct bytes out = uplink_output(&w->uplink);
    if (out.len > 0 && !gateway_dead(w))
        world_link_send(w, l, true, out.data, out.len);
    uplink_output_taken(&w->uplink, out.len);
}

static void gateway_talks(struct world *w)
{
    struct world_link *l = world_link_of(w, w->link_of_uplink);
    bool alive = l != NULL;
    struct world_chunk *c;
    while (alive && (c = world_wire_pop(&l->down, w->now))) {
        alive = uplink_receive(&w->uplink, uplink_now(w), c->data, c->len) == ERR_OK;
        alive = gateway_reads(w) && alive;
        free(c);
    }
    if (alive) {
        uplink_tick(&w->uplink, uplink_now(w));
        alive = gateway_reads(w);
    }
    if (alive) {
        gateway_says(w);
        gateway_writes_link(w, l);
        alive = !(l->broken && !l->down.first && l->gateway_notices.ms <= w->now.ms);
    }
    if (!alive) {
        gateway_uplink_closed(w->gateway);
        gateway_hang_up(w);
    }
}

/* Whoever sells by handheld may do so between our look at the count and our sale. */
static void race(struct world *w, const uint8_t *data, size_t len)
{
    struct dlt645_frame f;
    size_t used;
    if (w->calm || w->faults.race_permille == 0 || dlt645_decode(data, len, &f, &used) != ERR_OK)
        return;
    if (f.control != DLT645_SECURITY || !rand_chance(&w->rand_fault, w->faults.race_permille))
        return;
    for (size_t i = 0; i < w->meter_count; i++)
        if (memcmp(f.address, w->meters[i].setup.address, 6) == 0)
            world_foreign_vend(w, i);
}

static void gateway_works_line(struct world *w)
{
    uint8_t buf[512];
    const struct gateway_now now = gateway_now(w);
    if (gateway_generation(w->gateway) != w->generation) {
        w->generation = gateway_generation(w->gateway);
        for (size_t i = 0; i < gateway_line_count(w->gateway); i++)
            gateway_line_status(w->gateway, &now, i, true);
    }
    if (gateway_line_count(w->gateway) == 0)
        return;
    size_t len = sim_line_read(&w->line, w->now, buf, sizeof buf);
    if (len > 0)
        gateway_line_input(w->gateway, &now, 0, buf, len);
    len = gateway_line_output(w->gateway, &now, 0, buf, sizeof buf);
    if (len == 0 || gateway_dead(w))
        return;
    w->counts.frames++;
    w->trace = fnv64(w->trace, buf, len);
    race(w, buf, len);
    sim_line_write(&w->line, buf, len, w->now);
}

static void gateway_works_pipes(struct world *w)
{
    uint8_t buf[512];
    const struct gateway_now now = gateway_now(w);
    if (gateway_dead(w) || gateway_line_count(w->gateway) < 2)
        return;
    size_t len = sim_pipes_read(&w->pipes, w->now, buf, sizeof buf);
    if (len > 0)
        gateway_line_input(w->gateway, &now, 1, buf, len);
    len = gateway_line_output(w->gateway, &now, 1, buf, sizeof buf);
    if (len == 0 || gateway_dead(w))
        return;
    w->counts.frames++;
    w->trace = fnv64(w->trace, buf, len);
    sim_pipes_write(&w->pipes, buf, len, w->now);
}

static void gateway_step(struct world *w)
{
    const struct gateway_now now = gateway_now(w);
    if (!w->gateway) {
        if (w->now.ms >= w->gateway_back.ms && gateway_up(w) != ERR_OK)
            w->gateway_back = start_again(w, w->gateway_disk);
        return;
    }
    gateway_tick(w->gateway, &now);
    gateway_works_line(w);
    gateway_works_pipes(w);
    if (w->uplink_live)
        gateway_talks(w);
    if (gateway_after(w) && !w->uplink_live && w->connect_at.ms <= w->now.ms)
        gateway_connects(w);
}

/* --- time ------------------------------------------------------------------------------------- */

static mono_ms next_event(const struct world *w)
{
    mono_ms next = mono_earlier(w->next_minute, world_links_wake(w));
    next = mono_earlier(next, mono_earlier(w->platform_disk_free, w->gateway_disk_free));
    next = mono_earlier(next, w->platform ? platform_wake(w->platform) : w->platform_back);
    if (!w->gateway)
        return mono_earlier(next, w->gateway_back);
    next = mono_earlier(next, gateway_wake(w->gateway));
    next = mono_earlier(next, sim_line_wake(&w->line));
    next = mono_earlier(next, sim_pipes_wake(&w->pipes));
    return mono_earlier(next, w->uplink_live ? uplink_wake(&w->uplink) : w->connect_at);
}

void world_step(struct world *w, mono_ms until)
{
    mono_ms next = mono_earlier(next_event(w), until);
    if (next.ms > w->now.ms)
        w->now = next;
    else
        w->now.ms += 1; /* whoever is always due must not stop the world */
    world_roll_dice(w);
    gateway_step(w);
    platform_step(w);
    for (size_t i = 0; i < WORLD_LINKS; i++)
        if (w->links[i].id != 0)
            world_link_free_if_done(&w->links[i]);
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum err make_disks(struct world *w)
{
    static unsigned worlds; /* VFS names are global to SQLite */
    snprintf(w->platform_vfs, sizeof w->platform_vfs, "platform-%u", worlds);
    snprintf(w->gateway_vfs, sizeof w->gateway_vfs, "gateway-%u", worlds++);
    sim_disk_seed_sqlite(w->seed);
    TRY(sim_disk_new(&w->platform_disk, w->platform_vfs, w->seed ^ 1));
    return sim_disk_new(&w->gateway_disk, w->gateway_vfs, w->seed ^ 2);
}

static void hang_meters(struct world *w, int64_t hoard_fen)
{
    sim_line_init(&w->line,
                  &(struct sim_line_options){.baud = 9600, .wall0 = w->wall0, .seed = w->seed ^ 3});
    w->line.faults = w->faults.line;
    for (size_t i = 0; i < w->meter_count; i++) {
        struct terminal_setup setup = world_site_setup(i, i + w->platform_wallets < w->meter_count);
        if (i == 0)
            setup.hoard_fen = hoard_fen;
        sim_meter_init(&w->meters[i], &setup, NULL, w->now);
        sim_line_add(&w->line, &w->meters[i]);
    }
}

enum err world_open(struct world *w, const struct world_options *options)
{
    wall_s wall0 = {options->wall0.s ? options->wall0.s : WORLD_WALL0};
    *w = (struct world){.seed = options->seed,
                        .wall0 = wall0,
                        .faults = options->faults,
                        .meter_count = options->meters,
                        .platform_wallets =
                            options->platform_wallets ? options->platform_wallets : 1,
                        .trace = FNV64_START,
                        .tracing = options->tracing,
                        .platform_disk_free = MONO_NEVER,
                        .gateway_disk_free = MONO_NEVER,
                        .rand_net = rand_split(options->seed, "net"),
                        .rand_fault = rand_split(options->seed, "fault"),
                        .rand_keys = rand_split(options->seed, "keys")};
    w->next_minute = mono_after(w->now, WORLD_MINUTE_MS);
    TRY(make_disks(w));
    hang_meters(w, options->hoard_fen);
    sim_pipes_init(&w->pipes, wall0);
    if (options->pipes)
        world_site_pipes(w);
    TRY(world_site_build(w));
    TRY(platform_up(w));
    return gateway_up(w);
}

void world_close(struct world *w)
{
    if (w->gateway)
        gateway_hang_up(w);
    gateway_close(w->gateway);
    store_close(w->gateway_store);
    platform_close(w->platform);
    for (size_t i = 0; i < WORLD_LINKS; i++) {
        world_wire_clear(&w->links[i].up);
        world_wire_clear(&w->links[i].down);
    }
    for (size_t i = 0; i < w->meter_count; i++)
        sim_meter_close(&w->meters[i]);
    sim_disk_free(w->platform_disk);
    sim_disk_free(w->gateway_disk);
}
