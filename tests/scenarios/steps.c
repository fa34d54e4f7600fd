#include "steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "billing/billing.h"
#include "control/control.h"
#include "control/fee.h"
#include "control/verify.h"
#include "flow/flow.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "meter/meter.h"
#include "proto/dlt645.h"
#include "readings/readings.h"
#include "terminal/terminal.h"
#include "vend/vend.h"

struct call {
    struct story *story;
    int who;
    char **words;
    int count;
    int64_t number;
    char text[512];
};

static int64_t fen_of(const char *yuan)
{
    const char *dot = strchr(yuan, '.');
    int64_t whole = strtoll(yuan, NULL, 10) * 100;
    return dot ? whole + strtoll(dot + 1, NULL, 10) : whole;
}

static int64_t account_of(const struct call *c)
{
    return c->story->world.account_ids[c->who];
}

static int64_t meter_of(const struct call *c)
{
    return c->story->world.meter_ids[c->who];
}

static uint64_t draw(const struct call *c)
{
    return rand_u64(&c->story->world.rand_keys);
}

static wall_s now_of(const struct call *c)
{
    return world_wall(&c->story->world);
}

static bool ask(struct call *c, store_work *work, const char *expected)
{
    enum err e = ERR_OK;
    bool answered = world_ask(&c->story->world, work, c, &e);
    const char *got = answered ? err_name(e) : "no answer";
    if (strcmp(got, expected) != 0)
        printf("answer: %s\n", got);
    return strcmp(got, expected) == 0;
}

/* --- acts ---------------------------------------------------------------------------------------- */

static enum err do_sell(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct vend_status status;
    return vend_sell(tx,
                     &(struct vend_sale){.account_id = account_of(c),
                                         .order_id = c->story->last_order[c->who],
                                         .amount_fen = fen_of(c->words[1]),
                                         .method = "cash",
                                         .actor = "user:1",
                                         .now = now_of(c),
                                         .random = draw(c),
                                         .readings = NULL},
                     &status);
}

static bool act_sell(struct call *c)
{
    snprintf(c->story->last_order[c->who], 65, "story-%08u", ++c->story->sales);
    return ask(c, do_sell, "OK");
}

static enum err do_cancel(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct vend_status status;
    return vend_cancel(tx,
                       &(struct vend_request){.account_id = account_of(c),
                                              .order_id = c->story->last_order[c->who],
                                              .actor = "user:1",
                                              .reason = "story",
                                              .now = now_of(c),
                                              .random = draw(c)},
                       &status);
}

static bool act_cancel(struct call *c)
{
    return ask(c, do_cancel, "OK");
}

static enum err do_wish(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_wish(tx,
                        &(struct control_wish){.meter_id = meter_of(c),
                                               .circuit = c->count > 2 ? atoi(c->words[2]) : 0,
                                               .desired = strcmp(c->words[0], "restore") == 0
                                                              ? CONTROL_CLOSED
                                                              : CONTROL_OPEN,
                                               .reason = "works",
                                               .actor = "user:1",
                                               .now = now_of(c),
                                               .random = draw(c)},
                        NULL);
}

static bool act_wish(struct call *c)
{
    return ask(c, do_wish, "OK");
}

static bool act_cut_refused(struct call *c)
{
    return ask(c, do_wish, c->words[1]);
}

static enum err do_keep(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_keep(tx, &(struct control_keep){.meter_id = meter_of(c),
                                                   .on = strcmp(c->words[1], "on") == 0,
                                                   .reason = "story",
                                                   .actor = "user:1",
                                                   .now = now_of(c),
                                                   .random = draw(c)});
}

static bool act_keep(struct call *c)
{
    return ask(c, do_keep, "OK");
}

static struct sim_meter *device_of(const struct call *c)
{
    return &c->story->world.meters[c->who];
}

static bool act_load(struct call *c)
{
    sim_meter_set_load(device_of(c), (unsigned)strtoul(c->words[1], NULL, 10),
                       strtoll(c->words[2], NULL, 10) * 1000);
    return true;
}

static bool act_off(struct call *c)
{
    sim_meter_power_off(device_of(c), strtoll(c->words[1], NULL, 10) * 1000);
    return true;
}

/* Somebody stands at the terminal and closes a circuit with a handheld of their own. */
static bool act_hand(struct call *c)
{
    struct sim_meter *m = device_of(c);
    struct meter_unit u = {.model = meter_model_find("yufu-dorm3"), .circuits = 3};
    uint8_t wire[DLT645_FRAME_MAX], answer[DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    memcpy(u.address, m->terminal.config.address, sizeof u.address);
    unsigned circuit = (unsigned)strtoul(c->words[1], NULL, 10);
    if (meter_ask_order(&u, METER_ORDER_CLOSE, circuit, (wall_s){0}, &w) != ERR_OK)
        return false;
    size_t n = sim_meter_ask(m, wire, w.len, answer, sizeof answer);
    return meter_take_order(&u, (struct bytes){answer, n}) == METER_REPLY_OK;
}

static bool act_foreign(struct call *c)
{
    c->story->foreign_fen[c->who] = fen_of(c->words[1]);
    return true;
}

/* The gateway cannot reach the platform for so many seconds. */
static bool act_uplink(struct call *c)
{
    world_block_link(&c->story->world, strtoll(c->words[1], NULL, 10) * 1000);
    return true;
}

/* away HOURS FROM TO: the strategy allows cuts from FROM to TO, also while the uplink is away. */
static enum err do_away(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    char body[512];
    snprintf(body, sizeof body,
             "{\"levels\":[\"20.00\",\"5.00\",\"0.00\"],\"cut\":{\"notice_level\":2,\"notices\":1,"
             "\"grace_s\":600,\"from\":\"%s\",\"to\":\"%s\",\"weekdays\":[1,2,3,4,5,6,7],"
             "\"holidays\":true,\"away_hours\":%s}}",
             c->words[2], c->words[3], c->words[1]);
    return store_exec(tx, "UPDATE strategy SET body = $1", "t", body);
}

static bool act_away(struct call *c)
{
    return ask(c, do_away, "OK");
}

/* The settlement agreement ends now. */
static enum err do_contract_ends(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    TRY(store_exec(tx, "UPDATE account SET contract_at = NULL WHERE id = $1", "i", account_of(c)));
    return control_grounds_changed(
        tx, &(struct control_grounds){.now = now_of(c), .random = draw(c)});
}

static bool act_contract_ends(struct call *c)
{
    return ask(c, do_contract_ends, "OK");
}

/* free UNITS DAY: so many units a month, from that day on, cost nothing under every plan. */
static enum err do_free(struct store_tx *tx, void *arg)
{
    const struct call *c = arg;
    return store_exec(tx,
                      "UPDATE price_plan SET body = json_set(body, '$.free_quota', "
                      "json_object('amount', $1, 'cycle', 'month', 'start', $2))",
                      "tt", c->words[1], c->words[2]);
}

static bool act_free(struct call *c)
{
    return ask(c, do_free, "OK");
}

/* What is known of this account's relays is lost, and cannot be written. */
static enum err spoil_relays(struct store_tx *tx)
{
    TRY(store_exec(tx,
                   "DELETE FROM relay WHERE meter_id IN (SELECT id FROM meter WHERE account_id = "
                   "(SELECT account_id FROM spoiled))",
                   ""));
    return store_exec(tx,
                      "CREATE TRIGGER spoil BEFORE INSERT ON relay WHEN NEW.meter_id IN (SELECT id "
                      "FROM meter WHERE account_id = (SELECT account_id FROM spoiled)) "
                      "BEGIN SELECT RAISE(ABORT, 'spoiled'); END",
                      "");
}

/* spoil: whatever fee control decides of this account cannot be written; spoil relays: what is known of
 * its relays. mend: it can. */
static enum err do_spoil(struct store_tx *tx, void *arg)
{
    const struct call *c = arg;
    TRY(store_exec(tx, "CREATE TABLE spoiled (account_id INTEGER)", ""));
    TRY(store_exec(tx, "INSERT INTO spoiled VALUES ($1)", "i", account_of(arg)));
    if (c->count > 1)
        return spoil_relays(tx);
    return store_exec(tx,
                      "CREATE TRIGGER spoil BEFORE INSERT ON event WHEN NEW.kind IN ('fee.low', "
                      "'fee.close', 'fee.arrears') AND NEW.account_id = (SELECT account_id FROM "
                      "spoiled) BEGIN SELECT RAISE(ABORT, 'spoiled'); END",
                      "");
}

static enum err do_mend(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(store_exec(tx, "DROP TRIGGER spoil", ""));
    return store_exec(tx, "DROP TABLE spoiled", "");
}

static bool act_spoil(struct call *c)
{
    return ask(c, strcmp(c->words[0], "mend") == 0 ? do_mend : do_spoil, "OK");
}

static bool act_crash(struct call *c)
{
    int64_t down_ms = strtoll(c->words[2], NULL, 10) * 1000;
    if (strcmp(c->words[1], "platform") == 0)
        world_crash_platform(&c->story->world, true, down_ms);
    else
        world_crash_gateway(&c->story->world, true, down_ms);
    return true;
}

void story_watch(struct story *s)
{
    for (size_t i = 0; i < s->world.meter_count; i++)
        if (s->foreign_fen[i] > 0 && s->world.meters[i].powered &&
            sim_meter_foreign_vend(&s->world.meters[i], s->foreign_fen[i]))
            s->foreign_fen[i] = 0;
}

/* --- pipes ------------------------------------------------------------------------------------------ */

static struct vendor_meter *pipe_of(const struct call *c)
{
    struct world *w = &c->story->world;
    MUST(c->who >= WORLD_PIPE(0) && (size_t)(c->who - WORLD_PIPE(0)) < w->pipes.count);
    sim_pipes_run(&w->pipes, w->now);
    return &w->pipes.meters[c->who - WORLD_PIPE(0)];
}

static bool act_flow(struct call *c)
{
    pipe_of(c)->flow_lph = strtoll(c->words[1], NULL, 10);
    return true;
}

/* Through the closed valve. */
static bool act_worn(struct call *c)
{
    pipe_of(c)->leak_lph = strtoll(c->words[1], NULL, 10);
    return true;
}

/* heat WATTS SUPPLY RETURN, in hundredths of a degree */
static bool act_heat(struct call *c)
{
    struct vendor_meter *m = pipe_of(c);
    m->power_w = strtoll(c->words[1], NULL, 10);
    m->supply_cC = (int32_t)strtol(c->words[2], NULL, 10);
    m->return_cC = (int32_t)strtol(c->words[3], NULL, 10);
    return true;
}

static bool act_battery(struct call *c)
{
    pipe_of(c)->battery_low = strcmp(c->words[1], "low") == 0;
    return true;
}

static bool act_valve(struct call *c)
{
    pipe_of(c)->valve_stuck = strcmp(c->words[1], "stuck") == 0;
    return true;
}

static bool act_fault(struct call *c)
{
    pipe_of(c)->fault_bits = (uint8_t)strtoul(c->words[1], NULL, 16);
    return true;
}

/* --- expectations ------------------------------------------------------------------------------------ */

static bool look(struct call *c, store_work *work)
{
    if (!c->story->world.platform)
        return false;
    enum err e = store_read(platform_ledger(c->story->world.platform), work, c);
    if (e != ERR_OK)
        printf("answer: %s\n", err_name(e));
    return e == ERR_OK;
}

static bool same(const struct call *c, const char *got, const char *expected)
{
    (void)c;
    if (strcmp(got, expected) != 0)
        printf("got: %s\n", got);
    return strcmp(got, expected) == 0;
}

static bool between(int64_t got, int64_t low, int64_t high)
{
    if (got < low || got > high)
        printf("got: %" PRId64 "\n", got);
    return got >= low && got <= high;
}

static enum err get_order(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct vend_status status;
    TRY(vend_get(tx, account_of(c), c->story->last_order[c->who], &status));
    snprintf(c->text, sizeof c->text, "%s", vend_state_name(status.state));
    return ERR_OK;
}

static bool expect_order(struct call *c)
{
    return look(c, get_order) && same(c, c->text, c->words[2]);
}

static bool expect_applied(struct call *c)
{
    int64_t n = (int64_t)device_of(c)->applied_count;
    return between(n, strtoll(c->words[2], NULL, 10), strtoll(c->words[2], NULL, 10));
}

static bool expect_meter_balance(struct call *c)
{
    return between(device_of(c)->terminal.books.balance_fen, fen_of(c->words[2]),
                   fen_of(c->words[3]));
}

static bool expect_relay(struct call *c)
{
    struct terminal_output out = terminal_output(&device_of(c)->terminal);
    return same(c, out.closed[0] && out.closed[1] && out.closed[2] ? "closed" : "open", c->words[2]);
}

/* The circuits without supply, as "13"; "-": none. */
static bool expect_dark(struct call *c)
{
    struct terminal_output out = terminal_output(&device_of(c)->terminal);
    char dark[4] = "";
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        if (!out.closed[i])
            dark[n++] = (char)('1' + i);
    return same(c, n > 0 ? dark : "-", c->words[2]);
}

static bool expect_energy_stopped(struct call *c)
{
    uint64_t before = terminal_register_mwh(&device_of(c)->terminal, 0, 0);
    mono_ms end = mono_after(c->story->world.now, 600'000);
    while (c->story->world.now.ms < end.ms)
        world_step(&c->story->world, end);
    return between((int64_t)(terminal_register_mwh(&device_of(c)->terminal, 0, 0) - before), 0, 0);
}

static bool expect_keep(struct call *c)
{
    return same(c, device_of(c)->terminal.books.keep_power ? "on" : "off", c->words[2]);
}

static enum err get_level(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return store_int(tx, &c->number, "SELECT level FROM fee_state WHERE account_id = $1", "i",
                     account_of(c));
}

static enum err get_messages(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return store_int(tx, &c->number,
                     "SELECT count(*) FROM message WHERE account_id = $1 AND state = 'delivered' "
                     "AND level BETWEEN 1 AND 3",
                     "i", account_of(c));
}

static enum err get_settled(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return store_int(tx, &c->number,
                     "SELECT coalesce(min(n), 0) FROM (SELECT count(s.opened_at) AS n "
                     "FROM account a LEFT JOIN settlement s ON s.account_id = a.id GROUP BY a.id)",
                     "");
}

static bool expect_number(struct call *c, store_work *work)
{
    int64_t wished = strtoll(c->words[2], NULL, 10);
    return look(c, work) && between(c->number, wished, wished);
}

static bool expect_level(struct call *c)
{
    return expect_number(c, get_level);
}

static bool expect_messages(struct call *c)
{
    return expect_number(c, get_messages);
}

static bool expect_settled(struct call *c)
{
    return expect_number(c, get_settled);
}

static enum err get_cut_reason(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct control_relay relay;
    TRY(control_get(tx, meter_of(c), 0, &relay));
    snprintf(c->text, sizeof c->text, "%s",
             relay.desired == CONTROL_OPEN || relay.state == CONTROL_IS_OPEN ? relay.reason : "-");
    return ERR_OK;
}

static bool expect_cut_by(struct call *c)
{
    return look(c, get_cut_reason) && same(c, c->text, c->words[2]);
}

static enum err get_available(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct platform *p = c->story->world.platform;
    static struct billing_outlook outlook;
    TRY(billing_outlook(tx, platform_readings(p), account_of(c), now_of(c), &outlook));
    c->number = outlook.available_fen;
    return ERR_OK;
}

static bool expect_available(struct call *c)
{
    return look(c, get_available) && between(c->number, fen_of(c->words[2]), fen_of(c->words[3]));
}

static bool expect_freshness(struct call *c)
{
    struct readings_freshness f;
    if (!c->story->world.platform)
        return false;
    readings_freshness(platform_readings(c->story->world.platform), now_of(c), &f);
    return f.meters == (int64_t)(c->story->world.meter_count + c->story->world.pipes.count) &&
           between(f.oldest_s, 0, strtoll(c->words[2], NULL, 10));
}

static void print_fault(void *arg, int64_t account_id, const char *order_id, const char *what)
{
    (void)arg;
    printf("account %" PRId64 " order %s: %s\n", account_id, order_id ? order_id : "-", what);
}

static void print_thing(void *arg, int64_t account_id, const char *what, const char *which)
{
    (void)arg;
    printf("account %" PRId64 ", %s: %s\n", account_id, which, what);
}

static enum err verify(struct store_tx *tx, void *arg)
{
    struct vend_check vends;
    struct control_check relays;
    struct journal_check chain;
    struct ledger_check books;
    TRY(vend_verify(tx, print_fault, arg, &vends));
    TRY(control_verify(tx, print_thing, arg, &relays));
    TRY(journal_verify(tx, NULL, NULL, &chain));
    return ledger_verify(tx, &(struct ledger_watch){0}, &books);
}

static bool expect_verify(struct call *c)
{
    return look(c, verify);
}

/* The meter's own truth. */
static bool expect_valve(struct call *c)
{
    return same(c, pipe_of(c)->closed ? "closed" : "open", c->words[2]);
}

static bool expect_exercised(struct call *c)
{
    int64_t n = strtoll(c->words[2], NULL, 10);
    return between(pipe_of(c)->exercises, n, n);
}

static bool expect_flow_stopped(struct call *c)
{
    int64_t before = pipe_of(c)->volume_ml;
    mono_ms end = mono_after(c->story->world.now, 600'000);
    while (c->story->world.now.ms < end.ms)
        world_step(&c->story->world, end);
    return between(pipe_of(c)->volume_ml - before, 0, 0);
}

static enum err get_events(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return store_int(tx, &c->number,
                     "SELECT count(*) FROM event WHERE kind = $2 AND (meter_id = $1 OR "
                     "(coalesce(meter_id, 0) = 0 AND account_id = $3))",
                     "iti", meter_of(c), c->words[2], account_of(c));
}

static enum err get_permissions(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return store_int(tx, &c->number, "SELECT count(*) FROM permit WHERE body IS NOT NULL", "");
}

static bool expect_permissions(struct call *c)
{
    int64_t n = strtoll(c->words[2], NULL, 10);
    struct gateway_status held;
    gateway_status_get(c->story->world.gateway, &held);
    return look(c, get_permissions) && between(c->number, n, n) &&
           between((int64_t)held.permits, n, n);
}

/* So many of the meters that have power are open. */
static bool expect_open(struct call *c)
{
    const struct world *w = &c->story->world;
    int64_t n = 0, wished = strtoll(c->words[2], NULL, 10);
    for (size_t i = 0; i < w->meter_count; i++)
        n += w->meters[i].powered && !terminal_output(&w->meters[i].terminal).closed[0];
    return between(n, wished, wished);
}

static bool expect_event(struct call *c)
{
    int64_t n = strtoll(c->words[3], NULL, 10);
    return look(c, get_events) && between(c->number, n, n);
}

static enum err take_result(void *arg, const struct flow_exercise *e)
{
    struct call *c = arg;
    snprintf(c->text, sizeof c->text, "%s", flow_result_name(e->result));
    return ERR_OK;
}

static enum err get_exercise(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    snprintf(c->text, sizeof c->text, "none");
    return flow_exercises(tx, meter_of(c), 1, take_result, c);
}

static bool expect_exercise(struct call *c)
{
    return look(c, get_exercise) && same(c, c->text, c->words[2]);
}

/* point NUMBER LOW HIGH: what the platform knows, by the numbers of meter/point.h */
static bool expect_point(struct call *c)
{
    int64_t value = INT64_MIN;
    wall_s at;
    if (!c->story->world.platform ||
        !readings_value(platform_readings(c->story->world.platform), meter_of(c),
                        (enum meter_point)strtol(c->words[2], NULL, 10), &value, &at))
        return false;
    return between(value, strtoll(c->words[3], NULL, 10), strtoll(c->words[4], NULL, 10));
}

/* Not an expectation: prints what was told and what happened, to find out why a story went wrong. */
static enum err show(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct query q = query_open(tx,
                                "SELECT at, kind || ' ' || detail FROM event WHERE account_id = $1 "
                                "UNION ALL SELECT at, 'message ' || state || ' ' || level || ' ' || "
                                "episode || ' ' || text_en FROM message WHERE account_id = $1 "
                                "ORDER BY 1",
                                "i", account_of(c));
    while (query_step(&q))
        printf("%10.2f h  %s\n", (double)(query_int(&q, 0) - c->story->world.wall0.s) / 3600, query_text(&q, 1));
    return query_end(&q);
}

static bool act_show(struct call *c)
{
    return look(c, show);
}

/* --- the words ----------------------------------------------------------------------------------------- */

struct word {
    const char *name;
    bool (*act)(struct call *c);
    int words; /* at least, with the name */
};

static const struct word expectations[] = {
    {"order", expect_order, 3},         {"applied", expect_applied, 3},
    {"meter-balance", expect_meter_balance, 4}, {"relay", expect_relay, 3},
    {"dark", expect_dark, 3},
    {"energy-stopped", expect_energy_stopped, 2}, {"keep", expect_keep, 3},
    {"level", expect_level, 3},         {"messages", expect_messages, 3},
    {"settled", expect_settled, 3},     {"cut-by", expect_cut_by, 3},
    {"available", expect_available, 4}, {"freshness", expect_freshness, 3},
    {"verify", expect_verify, 2},       {"valve", expect_valve, 3},
    {"exercised", expect_exercised, 3}, {"exercise", expect_exercise, 3},
    {"flow-stopped", expect_flow_stopped, 2}, {"event", expect_event, 4},
    {"permissions", expect_permissions, 3}, {"open", expect_open, 3},
    {"point", expect_point, 5},         {0}};

static bool choose(const struct word *list, const char *name, struct call *c)
{
    for (const struct word *w = list; w->name; w++)
        if (strcmp(w->name, name) == 0 && c->count >= w->words)
            return w->act(c);
    printf("unknown or incomplete: %s\n", name);
    return false;
}

static bool act_expect(struct call *c)
{
    return choose(expectations, c->words[1], c);
}

static const struct word acts[] = {
    {"sell", act_sell, 2},   {"cancel", act_cancel, 1},
    {"cut", act_wish, 2},    {"restore", act_wish, 2},
    {"cut-refused", act_cut_refused, 2}, {"keep", act_keep, 2},
    {"load", act_load, 3},   {"off", act_off, 2},
    {"hand", act_hand, 2},
    {"contract-ends", act_contract_ends, 1},
    {"foreign-when-back", act_foreign, 2}, {"crash", act_crash, 3},
    {"flow", act_flow, 2},   {"worn", act_worn, 2},
    {"heat", act_heat, 4},   {"battery", act_battery, 2},
    {"valve", act_valve, 2}, {"fault", act_fault, 2},
    {"uplink", act_uplink, 2}, {"away", act_away, 4},
    {"free", act_free, 3},   {"spoil", act_spoil, 1},
    {"mend", act_spoil, 1},
    {"show", act_show, 1},   {"expect", act_expect, 2},
    {0}};

bool story_act(struct story *s, int who, char **words, int count)
{
    struct call c = {.story = s, .who = who < 0 ? 0 : who, .words = words, .count = count};
    return choose(acts, words[0], &c);
}
