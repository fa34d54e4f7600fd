/* A register of relays in a store of its own, and the acts upon it. */
#include "tests/unit/control/relay_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "headend/headend.h"
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

void sql(struct world *w, const char *text)
{
    sql_run(w->store, text);
}

int64_t number(struct world *w, const char *text)
{
    return sql_number(w->store, text);
}

int relay_world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    assert_ok(
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'shop', 'A', 'A')");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql(w, "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind, circuits) "
           "VALUES (11, 1, 1, 1, '000000000011', 'yufu-shop', 'electricity', 1), "
           "(12, 1, 1, 1, '000000000012', 'yufu-dorm3', 'electricity', 3)");
    *state = w;
    return 0;
}

int relay_world_teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    free(w);
    return 0;
}

/* --- acts ----------------------------------------------------------------------------------------
 */

struct call {
    struct world *w;
    struct control_wish wish;
    struct control_keep keep;
    struct uplink_outcome outcome;
    struct control_report report;
    struct control_relay relay;
    int64_t version, worked, meter, circuit;
};

static enum err do_wish(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_wish(tx, &c->wish, &c->version);
}

enum err wish_full(struct world *w, struct control_wish wish)
{
    struct call c = {.w = w, .wish = wish};
    if (!c.wish.actor)
        c.wish.actor = "user:1";
    c.wish.now = w->now;
    c.wish.random = ++w->random * 77'777;
    return store_run(w->store, do_wish, &c);
}

enum err wish(struct world *w, enum control_desired desired, const char *reason)
{
    return wish_full(
        w, (struct control_wish){
               .meter_id = METER, .desired = desired, .reason = reason, .detail = "{\"why\":1}"});
}

static enum err do_keep(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_keep(tx, &c->keep);
}

enum err keep(struct world *w, bool on, const char *reason)
{
    struct call c = {.w = w, .keep = {METER, on, reason, "user:1", w->now, ++w->random * 99'999}};
    return store_run(w->store, do_keep, &c);
}

static enum err do_tick(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_tick(tx, &(struct control_scan){c->w->now, 64, ++c->w->random * 55'555},
                        &c->worked);
}

int64_t tick(struct world *w)
{
    struct call c = {.w = w};
    assert_ok(store_run(w->store, do_tick, &c));
    return c.worked;
}

static enum err do_outcome(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_outcome(tx, &c->outcome, c->w->now, ++c->w->random * 33'333);
}

void outcome(struct world *w, struct uplink_outcome o)
{
    struct call c = {.w = w, .outcome = o};
    assert_ok(store_run(w->store, do_outcome, &c));
}

/* The newest relay command is answered. */
void answer_version(struct world *w, int64_t version, enum uplink_status status, int64_t relay_open)
{
    sql(w, "UPDATE command SET state = 'done' WHERE state = 'waiting' AND kind = 'relay'");
    outcome(w, (struct uplink_outcome){.kind = UPLINK_RELAY,
                                       .meter_id = METER,
                                       .epoch = 1,
                                       .status = status,
                                       .at = w->now,
                                       .version = version,
                                       .relay_open = relay_open,
                                       .keep_power = -1,
                                       .count = -1});
}

static enum err do_get(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_get(tx, c->meter, c->circuit, &c->relay);
}

struct control_relay relay_of(struct world *w, int64_t meter, int64_t circuit)
{
    struct call c = {.w = w, .meter = meter, .circuit = circuit};
    assert_ok(store_read(w->store, do_get, &c));
    return c.relay;
}

struct control_relay relay(struct world *w)
{
    return relay_of(w, METER, 0);
}

void answer(struct world *w, enum uplink_status status, int64_t relay_open)
{
    answer_version(w, relay(w).version, status, relay_open);
}

static enum err do_report(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return control_reading(tx, &c->report);
}

void report_raw(struct world *w, struct control_report r)
{
    struct call c = {.w = w, .report = r};
    assert_ok(store_run(w->store, do_report, &c));
}

void report_full(struct world *w, struct control_report r)
{
    r.at = r.now = w->now;
    r.random = ++w->random * 11'111;
    report_raw(w, r);
}

void report(struct world *w, int64_t relay_open)
{
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = relay_open,
                                           .keep_power = -1,
                                           .open_reason = -1,
                                           .energy_wh = -1});
}

int64_t events(struct world *w, const char *kind)
{
    static char texts[16][96]; /* statements are known by their address */
    static size_t used;
    for (size_t i = 0; i < used; i++)
        if (strstr(texts[i], kind))
            return number(w, texts[i]);
    assert_true(used < 16);
    snprintf(texts[used], sizeof texts[0], "SELECT count(*) FROM event WHERE kind = '%s'", kind);
    return number(w, texts[used++]);
}

int64_t waiting(struct world *w)
{
    return number(w, "SELECT count(*) FROM command WHERE state = 'waiting'");
}
