#include "sim/endure/endure_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "control/control.h"
#include "site/site.h"

#define HOUR_MS INT64_C(3'600'000)
#define CALM_MS (8 * HOUR_MS)
#define RETRY_MS 20'000
#define LOOK_MS 10'000
#define PLATFORM_METER(w) ((w)->meter_count - 1) /* its balance is on the platform */

void endure_violation(struct endure *t, uint64_t *counter, const char *what, const char *which)
{
    ++*counter;
    world_note(&t->world, what, 0, 0);
    if (t->result->what[0] == '\0')
        snprintf(t->result->what, sizeof t->result->what, "%s %s", what, which);
}

static int64_t some_ms(struct endure *t, int64_t low, int64_t high)
{
    return low + (int64_t)rand_below(&t->rand, (uint64_t)(high - low));
}

/* --- asking, until it was answered ------------------------------------------------------------ */

/* False: nobody knows, or not now: ask again. */
static bool answered(struct endure *t, store_work *work, void *arg)
{
    enum err e = ERR_OK;
    if (!world_ask(&t->world, work, arg, &e) || err_class_of(e) == ERR_CLASS_RETRY)
        return false;
    if (e != ERR_OK)
        endure_violation(t, &t->result->faults, err_name(e), "was answered");
    return true;
}

static enum err cancel(struct store_tx *tx, void *arg)
{
    enum err e = world_cancel(tx, arg);
    return err_class_of(e) == ERR_CLASS_REFUSE ? ERR_OK : e; /* it is in the meter already */
}

static void work_orders(struct endure *t)
{
    for (size_t i = 0; i < t->order_count; i++) {
        struct endure_order *o = &t->orders[i];
        struct world_sale sale = {&t->world, o->meter, o->id, o->amount_fen};
        if (!o->answered && mono_due(o->sell_at, t->world.now)) {
            o->answered = answered(t, world_sell, &sale);
            t->result->orders += o->answered;
            o->sell_at = mono_after(t->world.now, RETRY_MS);
        } else if (o->answered && mono_due(o->cancel_at, t->world.now)) {
            o->cancel_at =
                answered(t, cancel, &sale) ? MONO_NEVER : mono_after(t->world.now, RETRY_MS);
        }
    }
}

/* --- what people do --------------------------------------------------------------------------- */

static void draw_sale(struct endure *t)
{
    struct world *w = &t->world;
    t->next_sale = mono_after(w->now, some_ms(t, 60'000, 900'000));
    if (t->order_count == ENDURE_ORDERS_MAX)
        return;
    struct endure_order *o = &t->orders[t->order_count];
    /* Whose balance is on the platform is short of money: fee control has something to do. */
    o->meter = rand_below(&t->rand, w->meter_count);
    o->amount_fen = (o->meter == PLATFORM_METER(w) ? 50 : 1'000) + (int64_t)t->order_count * 2;
    o->sell_at = w->now;
    o->cancel_at = MONO_NEVER;
    if (rand_chance(&t->rand, 150))
        o->cancel_at = mono_after(w->now, some_ms(t, 0, 600'000));
    snprintf(o->id, sizeof o->id, "endure-%" PRIu64 "-%zu", w->seed, t->order_count++);
}

static enum err wish(struct store_tx *tx, void *arg)
{
    return control_wish(tx, arg, NULL);
}

static bool order_relay(struct endure *t, size_t meter, int64_t circuit, enum control_desired d)
{
    struct world *w = &t->world;
    struct control_wish order = {.meter_id = w->meter_ids[meter],
                                 .circuit = circuit,
                                 .desired = d,
                                 .reason = "works",
                                 .actor = "user:1",
                                 .now = world_wall(w),
                                 .random = rand_u64(&w->rand_keys)};
    return answered(t, wish, &order);
}

static void draw_wish(struct endure *t)
{
    enum control_desired d = rand_chance(&t->rand, 500) ? CONTROL_OPEN : CONTROL_CLOSED;
    t->next_wish = mono_after(t->world.now, some_ms(t, 30'000, 600'000));
    (void)order_relay(t, rand_below(&t->rand, PLATFORM_METER(&t->world)),
                      (int64_t)rand_below(&t->rand, TERMINAL_CIRCUITS + 1), d);
}

/* At the end of the day everybody is to have supply again. */
static void restore_all(struct endure *t)
{
    for (size_t m = 0; m < PLATFORM_METER(&t->world); m++)
        for (int64_t c = 0; c <= TERMINAL_CIRCUITS; c++)
            if (!order_relay(t, m, c, CONTROL_CLOSED))
                endure_violation(t, &t->result->stuck, "a restore was not answered", "in the calm");
}

struct price {
    wall_s effective_at;
    char body[64];
};

static enum err put_price(struct store_tx *tx, void *arg)
{
    const struct price *p = arg;
    enum site_change change;
    return site_plan_put(tx, 1, "flat", p->effective_at, p->body, &change);
}

static void draw_price(struct endure *t)
{
    struct price p = {.effective_at = {world_wall(&t->world).s + 1'800}};
    snprintf(p.body, sizeof p.body, "{\"kind\":\"flat\",\"price\":\"0.%04d\"}",
             3'000 + (int)rand_below(&t->rand, 5'000));
    bool done = answered(t, put_price, &p);
    t->result->prices += done;
    t->next_price = mono_after(t->world.now, done ? some_ms(t, HOUR_MS, 4 * HOUR_MS) : RETRY_MS);
}

static void draw_load(struct endure *t)
{
    size_t m = rand_below(&t->rand, t->world.meter_count);
    unsigned c = 1 + (unsigned)rand_below(&t->rand, TERMINAL_CIRCUITS);
    t->next_load = mono_after(t->world.now, some_ms(t, 60'000, 600'000));
    sim_line_run(&t->world.line, t->world.now);
    sim_meter_set_load(&t->world.meters[m], c, some_ms(t, 0, 1'500'000));
}

static void draw_outage(struct endure *t)
{
    int64_t ms = some_ms(t, 60'000, HOUR_MS);
    t->next_outage = mono_after(t->world.now, ms + some_ms(t, HOUR_MS, 4 * HOUR_MS));
    world_block_link(&t->world, ms);
    t->result->outages++;
}

static void act(struct endure *t)
{
    static const struct {
        size_t at;
        void (*draw)(struct endure *t);
    } rows[] = {{offsetof(struct endure, next_sale), draw_sale},
                {offsetof(struct endure, next_wish), draw_wish},
                {offsetof(struct endure, next_price), draw_price},
                {offsetof(struct endure, next_load), draw_load},
                {offsetof(struct endure, next_outage), draw_outage}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!t->world.calm && mono_due(*(mono_ms *)((char *)t + rows[i].at), t->world.now))
            rows[i].draw(t);
    work_orders(t);
}

static mono_ms next_act(const struct endure *t)
{
    mono_ms next = mono_earlier(t->next_sale, mono_earlier(t->next_wish, t->next_price));
    next = mono_earlier(next, mono_earlier(t->next_load, t->next_outage));
    if (t->world.calm)
        next = MONO_NEVER;
    for (size_t i = 0; i < t->order_count; i++) {
        const struct endure_order *o = &t->orders[i];
        next = mono_earlier(next, o->answered ? o->cancel_at : o->sell_at);
    }
    return next;
}

/* --- a day ------------------------------------------------------------------------------------ */

static void live_until(struct endure *t, mono_ms end, bool until_settled)
{
    mono_ms look = t->world.now;
    while (t->world.now.ms < end.ms) {
        world_step(&t->world, mono_earlier(end, next_act(t)));
        act(t);
        endure_watch(t);
        if (!until_settled || t->world.now.ms < look.ms)
            continue;
        look = mono_after(t->world.now, LOOK_MS);
        if (endure_settled(t))
            return;
    }
    if (until_settled)
        endure_violation(t, &t->result->stuck, "something is still under way", "after the calm");
}

static struct world_faults draw_faults(struct rand_stream *r)
{
    return (struct world_faults){
        .line = {.drop_request = (unsigned)rand_below(r, 30),
                 .drop_answer = (unsigned)rand_below(r, 40),
                 .garble_answer = (unsigned)rand_below(r, 20)},
        .link_break_permille = (unsigned)rand_below(r, 6),
        .link_delay_max_ms = (int64_t)rand_below(r, 2'000),
        .platform_crash_permille = 60 + (unsigned)rand_below(r, 60), /* a minute: 3 to 7 an hour */
        .gateway_crash_permille = 60 + (unsigned)rand_below(r, 60),
        .kill_inside_permille = 600,
        .disk_fault_permille = (unsigned)rand_below(r, 15),
    };
}

static void run(struct endure *t, int64_t hours)
{
    t->next_price = mono_after(t->world.now, HOUR_MS / 2);
    t->next_outage = mono_after(t->world.now, HOUR_MS);
    live_until(t, (mono_ms){hours * HOUR_MS}, false);
    world_calm_down(&t->world);
    t->world.blocked_until = t->world.now;
    mono_ms back = mono_after(t->world.now, 2 * 60'000); /* whoever is down comes back */
    live_until(t, back, false);
    restore_all(t);
    live_until(t, mono_after(t->world.now, CALM_MS), true);
    if (t->world.platform)
        endure_judge(t);
    else
        endure_violation(t, &t->result->stuck, "the platform did not come back", "");
}

void endure_run(const struct endure_options *options, struct endure_result *out)
{
    struct endure *t = calloc(1, sizeof *t);
    MUST(t);
    *out = (struct endure_result){.seed = options->seed};
    t->result = out;
    t->rand = rand_split(options->seed, "endure");
    const struct world_options w = {.seed = options->seed,
                                    .meters = WORLD_METERS,
                                    .faults = draw_faults(&t->rand),
                                    .tracing = options->tracing};
    enum err e = world_open(&t->world, &w);
    t->world.on_said = endure_said;
    t->world.arg = t;
    if (e == ERR_OK)
        run(t, options->hours);
    else
        endure_violation(t, &out->faults, err_name(e), "at the start");
    out->trace = t->world.trace;
    out->counts = t->world.counts;
    out->virtual_ms = t->world.now.ms;
    world_close(&t->world);
    free(t->told);
    free(t);
}
