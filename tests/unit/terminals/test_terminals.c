/* Trips and registers of terminals on the platform: every end that a wish can have. */
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "headend/headend.h"
#include "store/store_impl.h"
#include "terminal/load.h"
#include "terminal/terminal.h"
#include "terminals/terminals.h"

#define SHOP 11
#define DORM 12 /* three circuits */
#define NOON INT64_C(1'767'240'000)

struct world {
    struct store *store;
    wall_s now;
    uint64_t random;
    /* arguments and results of one transaction */
    struct terminals_wish wish;
    struct terminals_ask ask;
    struct uplink_outcome outcome;
    struct uplink_trip trip;
    struct terminals_report report;
    struct terminals_trip_query trips;
    struct terminals_rank_query ranks;
    int64_t worked, number;
    struct terminals_register found;
    size_t count;
    struct terminals_trip_row rows[16];
    struct {
        char place[32];
        int64_t account_id, malignant, other, largest_w;
    } rank[16];
    enum meter_terminal_item item;
    int64_t circuit;
};

static void sql(struct world *w, const char *text)
{
    sql_run(w->store, text);
}

static int64_t number(struct world *w, const char *text)
{
    return sql_number(w->store, text);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    assert_ok(
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES "
           "(1, 1, 'building', 'A', 'A'), (2, 1, 'room', 'A/101', '101'), "
           "(3, 1, 'building', 'AB', 'AB'), (4, 1, 'room', 'AB/101', '101')");
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, opened_at) VALUES (7, 1, 2, 'A-101', 'Li', 'platform', 'x', 'y', 0)");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
           "kind, circuits) VALUES "
           "(11, 1, NULL, 1, 1, '000000000011', 'yufu-plain', 'electricity', 1), "
           "(12, 1, 7, 2, 1, '000000000012', 'yufu-dorm3', 'electricity', 3), "
           "(13, 1, NULL, 4, 1, '000000000013', 'yufu-dorm3', 'electricity', 3)");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    free(w);
    return 0;
}

/* --- acts ----------------------------------------------------------------------------------------
 */

static enum err do_write(struct store_tx *tx, void *arg)
{
    return terminals_write(tx, &((struct world *)arg)->wish);
}

static enum err write_as(struct world *w, struct terminals_wish wish)
{
    w->wish = wish;
    w->wish.actor = "user:1";
    w->wish.now = w->now;
    w->wish.random = ++w->random * 1'000'003;
    return store_run(w->store, do_write, w);
}

static enum err write_byte(struct world *w, enum meter_terminal_item item, const uint8_t *byte)
{
    return write_as(w, (struct terminals_wish){.meter_id = DORM,
                                               .circuit = 2,
                                               .item = item,
                                               .data = {byte, 1},
                                               .reason = "asked at the desk"});
}

static enum err pick(void *arg, const struct terminals_register *r)
{
    struct world *w = arg;
    if (r->item == w->item && r->circuit == w->circuit)
        w->found = *r;
    w->count++;
    return ERR_OK;
}

static enum err do_list(struct store_tx *tx, void *arg)
{
    return terminals_registers(tx, DORM, pick, arg);
}

static const struct terminals_register *row(struct world *w, enum meter_terminal_item item,
                                            int64_t circuit)
{
    w->item = item;
    w->circuit = circuit;
    w->found = (struct terminals_register){0};
    w->count = 0;
    assert_ok(store_read(w->store, do_list, w));
    return &w->found;
}

static enum terminals_state state_of(struct world *w, enum meter_terminal_item item)
{
    return row(w, item, 2)->state;
}

static enum err get_waiting(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return store_int(tx, &w->number,
                     "SELECT coalesce(max(command_id), 0) FROM terminal_register "
                     "WHERE meter_id = 12 AND circuit = 2 AND item = $1",
                     "i", (int64_t)w->item);
}

/* The command that a register of circuit 2 waits for. */
static int64_t waiting(struct world *w, enum meter_terminal_item item)
{
    w->item = item;
    assert_ok(store_read(w->store, get_waiting, w));
    return w->number;
}

static enum err do_outcome(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return terminals_outcome(tx, &w->outcome, w->now, ++w->random * 1'000'003);
}

static void answer(struct world *w, int64_t command, enum uplink_status status, const uint8_t *data,
                   size_t len)
{
    w->outcome = (struct uplink_outcome){.command_id = command,
                                         .meter_id = DORM,
                                         .epoch = 1,
                                         .kind = UPLINK_REGISTER,
                                         .status = status,
                                         .at = w->now,
                                         .data_len = len};
    if (len > 0)
        memcpy(w->outcome.data, data, len);
    assert_ok(store_run(w->store, do_outcome, w));
}

static enum err do_tick(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return terminals_tick(tx, &(struct terminals_scan){w->now, 64, ++w->random * 1'000'003},
                          &w->worked);
}

static int64_t tick_after(struct world *w, int64_t seconds)
{
    w->now.s += seconds;
    assert_ok(store_run(w->store, do_tick, w));
    return w->worked;
}

static enum err do_ask(struct store_tx *tx, void *arg)
{
    return terminals_read(tx, &((struct world *)arg)->ask);
}

static enum err ask(struct world *w, int64_t meter, bool status_only)
{
    w->ask = (struct terminals_ask){meter, status_only, w->now, ++w->random * 1'000'003};
    return store_run(w->store, do_ask, w);
}

static int64_t commands(struct world *w)
{
    return number(w, "SELECT count(*) FROM command WHERE state = 'waiting'");
}

static const uint8_t one = 1, zero = 0;
static const uint8_t status_locked[6] = {1, TERMINAL_REASON_LOAD, 1, 3, 0, 0};
static const uint8_t status_free[6] = {1, 0, 0, 3, 0, 0};

/* --- registers
 * ------------------------------------------------------------------------------------ */

static void a_wish_is_pending_until_read_back(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    const struct terminals_register *r = row(w, METER_TERMINAL_LOCK, 2);
    assert_int_equal(r->state, TERMINALS_PENDING);
    assert_int_equal(r->value_len, 0);
    assert_string_equal(r->reason, "asked at the desk");
    assert_int_equal(commands(w), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'register' AND "
                               "not_after IS NULL"),
                     1);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'terminal.lock' AND "
                               "object = 'terminal:12/2'"),
                     1);
    w->now.s += 3;
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &one, 1);
    r = row(w, METER_TERMINAL_LOCK, 2);
    assert_int_equal(r->state, TERMINALS_DONE);
    assert_int_equal(r->value_len, 1);
    assert_int_equal(r->value[0], 1);
    assert_int_equal(r->read_at.s, w->now.s);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.set'"), 1);
    assert_true(waiting(w, METER_TERMINAL_STATUS) != 0); /* a lock shows there too */
}

static void what_does_not_exist_is_refused(void **state)
{
    struct world *w = *state;
    struct terminals_wish good = {.meter_id = DORM,
                                  .circuit = 2,
                                  .item = METER_TERMINAL_LOCK,
                                  .data = {&one, 1},
                                  .reason = "x"};
    struct terminals_wish wish = good;
    wish.meter_id = 99;
    assert_err(ERR_NOT_FOUND, write_as(w, wish));
    wish = good;
    wish.meter_id = SHOP;
    assert_err(ERR_TERMINALS_NONE, write_as(w, wish));
    wish = good;
    wish.circuit = 4;
    assert_err(ERR_TERMINALS_NONE, write_as(w, wish));
    wish = good;
    wish.circuit = 0;
    assert_err(ERR_TERMINALS_NONE, write_as(w, wish));
    wish = good;
    wish.item = METER_TERMINAL_STATUS; /* is only read */
    assert_err(ERR_TERMINALS_NONE, write_as(w, wish));
    wish = good;
    wish.data.len = 0;
    assert_err(ERR_TERMINALS_NONE, write_as(w, wish));
    wish = good;
    wish.reason = "";
    assert_err(ERR_CONTROL_REASON, write_as(w, wish));
    assert_err(ERR_TERMINALS_NONE, ask(w, SHOP, false));
    assert_int_equal(commands(w), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM audit"), 0);
}

static void a_refusal_tells_what_holds(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_REFUSED, &zero, 1);
    const struct terminals_register *r = row(w, METER_TERMINAL_LOCK, 2);
    assert_int_equal(r->state, TERMINALS_REFUSED);
    assert_int_equal(r->value[0], 0);
    assert_int_equal(r->wanted[0], 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.not_set'"), 1);
}

static void unknown_is_read_back_until_it_is_known(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_UNKNOWN, NULL, 0);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_UNKNOWN);
    assert_int_equal(waiting(w, METER_TERMINAL_LOCK), 0);
    assert_int_equal(tick_after(w, 9), 0);
    assert_int_equal(tick_after(w, 1), 1);
    assert_true(waiting(w, METER_TERMINAL_LOCK) != 0);
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_UNKNOWN, NULL, 0);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_UNKNOWN);
    assert_int_equal(tick_after(w, 29), 0);
    assert_int_equal(tick_after(w, 1), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event"), 0); /* nothing failed yet */
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &one, 1);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_DONE);
    /* and another that was not taken */
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &zero));
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_UNKNOWN, NULL, 0);
    tick_after(w, 10);
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &one, 1);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_REFUSED);
}

static void a_newer_wish_replaces_the_older(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    int64_t old = waiting(w, METER_TERMINAL_LOCK);
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &zero));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    answer(w, old, UPLINK_DONE, &one, 1); /* it had begun: what it says is old */
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_PENDING);
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &zero, 1);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_DONE);
}

static void an_order_has_a_deadline(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
    assert_int_equal(number(w, "SELECT not_after - created_at FROM command"), TERMINALS_ORDER_S);
    answer(w, waiting(w, METER_TERMINAL_RESET), UPLINK_EXPIRED, NULL, 0); /* too late there */
    assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_EXPIRED);
}

/* The gateway took an order and went away: what became of it nobody knows until it is back. */
static void without_a_word_an_order_is_unknown_until_the_terminal_is_read(void **state)
{
    struct world *w = *state;
    static const struct {
        const uint8_t *status;
        enum terminals_state end;
    } ends[] = {{status_free, TERMINALS_DONE}, {status_locked, TERMINALS_REFUSED}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
        int64_t command = waiting(w, METER_TERMINAL_RESET);
        tick_after(w, TERMINALS_ORDER_S + 5);
        assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_PENDING); /* not yet over */
        sql(w, "UPDATE command SET state = 'expired' WHERE state = 'waiting'"); /* the headend */
        tick_after(w, 30);
        assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_UNKNOWN);
        int64_t reading = waiting(w, METER_TERMINAL_RESET);
        assert_int_not_equal(reading, command);
        tick_after(w, 86'400); /* it waits for the gateway, however long that takes */
        assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_UNKNOWN);
        answer(w, reading, UPLINK_DONE, ends[i].status, 6);
        assert_int_equal(state_of(w, METER_TERMINAL_RESET), ends[i].end);
    }
}

static void a_reset_brings_the_status_along(void **state)
{
    struct world *w = *state;
    assert_ok(ask(w, DORM, true));
    assert_int_equal(commands(w), 3);
    answer(w, waiting(w, METER_TERMINAL_STATUS), UPLINK_DONE, status_locked, 6);
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
    answer(w, waiting(w, METER_TERMINAL_RESET), UPLINK_DONE, status_free, 6);
    assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_DONE);
    const struct terminals_register *r = row(w, METER_TERMINAL_STATUS, 2);
    assert_memory_equal(r->value, status_free, 6);
    assert_int_equal(r->state, TERMINALS_NONE);
    /* an unknown one is settled by what the status says */
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
    answer(w, waiting(w, METER_TERMINAL_RESET), UPLINK_UNKNOWN, NULL, 0);
    tick_after(w, 10);
    answer(w, waiting(w, METER_TERMINAL_RESET), UPLINK_DONE, status_locked, 6);
    assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_REFUSED);
}

static void reading_asks_for_everything_once(void **state)
{
    struct world *w = *state;
    assert_ok(ask(w, DORM, false));
    assert_int_equal(commands(w), 3 * 6 + 1); /* six of each circuit, and the calendar */
    assert_ok(ask(w, DORM, false));
    assert_int_equal(commands(w), 3 * 6 + 1);
    assert_true(row(w, METER_TERMINAL_LIMITS, 1)->reading);
}

static void what_was_learnt_is_fetched(void **state)
{
    struct world *w = *state;
    static const uint8_t minute[2] = {60, 0}, learning[6] = {1, 0, 8, 0, 0, 0};
    static const uint8_t list[32] = {0xE8, 0x03};
    assert_ok(write_as(w, (struct terminals_wish){.meter_id = DORM,
                                                  .circuit = 2,
                                                  .item = METER_TERMINAL_LEARN,
                                                  .data = {minute, 2},
                                                  .reason = "water dispenser"}));
    answer(w, waiting(w, METER_TERMINAL_LEARN), UPLINK_DONE, learning, 6);
    assert_int_equal(state_of(w, METER_TERMINAL_LEARN), TERMINALS_DONE);
    assert_int_equal(tick_after(w, 20), 1); /* the status is watched */
    answer(w, waiting(w, METER_TERMINAL_STATUS), UPLINK_DONE, status_free, 6);
    assert_int_equal(tick_after(w, 0), 1); /* the window is over: the list is read */
    answer(w, waiting(w, METER_TERMINAL_WHITE_LIST), UPLINK_DONE, list, 32);
    struct meter_terminal_white white[METER_TERMINAL_WHITE];
    const struct terminals_register *r = row(w, METER_TERMINAL_WHITE_LIST, 2);
    assert_ok(meter_terminal_read_white((struct bytes){r->value, r->value_len}, white));
    assert_int_equal(white[0].power_w, 1000);
}

/* Another device, or a corrected file: nothing of it is due any more, and others go on. */
static void what_is_no_terminal_any_more_holds_nobody_up(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_UNKNOWN, NULL, 0);
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one)); /* an order that was not answered */
    sql(w, "INSERT INTO terminal_register (meter_id, circuit, item, state, next_at) "
           "VALUES (13, 1, 1, 'none', 1)");
    sql(w, "UPDATE meter SET model = 'yufu-plain' WHERE id = 12");
    int64_t before = commands(w);
    assert_int_equal(tick_after(w, 10), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE meter_id = 13"), 1);
    assert_int_equal(tick_after(w, TERMINALS_ORDER_S), 1);
    assert_int_equal(tick_after(w, 86'400), 0);
    assert_int_equal(commands(w), before + 1); /* of the other meter */
}

static enum err do_report(struct store_tx *tx, void *arg)
{
    return terminals_reading(tx, &((struct world *)arg)->report);
}

static void report(struct world *w, int64_t open, int64_t reason)
{
    w->report = (struct terminals_report){DORM, open, reason, w->now, ++w->random * 1'000'003};
    assert_ok(store_run(w->store, do_report, w));
}

static void a_moved_relay_makes_a_watched_status_read(void **state)
{
    struct world *w = *state;
    report(w, 0, 0);
    report(w, 2, TERMINAL_REASON_LOAD);
    assert_int_equal(commands(w), 0); /* nobody looked at it yet */
    assert_ok(ask(w, DORM, true));
    answer(w, waiting(w, METER_TERMINAL_STATUS), UPLINK_DONE, status_locked, 6);
    assert_int_equal(waiting(w, METER_TERMINAL_STATUS), 0);
    report(w, 2, TERMINAL_REASON_LOAD);
    assert_int_equal(waiting(w, METER_TERMINAL_STATUS), 0);
    report(w, 0, 0);
    assert_true(waiting(w, METER_TERMINAL_STATUS) != 0);
}

static int count_statement(unsigned what, void *arg, void *stmt, void *text)
{
    (void)what;
    (void)stmt;
    const char *sql = text;
    *(int *)arg += strcmp(sql, "BEGIN IMMEDIATE") != 0 && strcmp(sql, "COMMIT") != 0;
    return 0;
}

static int statements_of_a_report(struct world *w, int64_t meter, int64_t open)
{
    int count = 0;
    sqlite3_trace_v2(w->store->db, SQLITE_TRACE_STMT, count_statement, &count);
    w->report = (struct terminals_report){meter, open, 0, w->now, ++w->random * 1'000'003};
    assert_ok(store_run(w->store, do_report, w));
    sqlite3_trace_v2(w->store->db, 0, NULL, NULL);
    return count;
}

/* Every reading of every meter comes this way. */
static void a_reading_costs_one_look(void **state)
{
    struct world *w = *state;
    assert_int_equal(statements_of_a_report(w, SHOP, 0), 1); /* no terminal */
    assert_int_equal(statements_of_a_report(w, SHOP, 1), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM terminal_seen"), 0);
    assert_int_equal(statements_of_a_report(w, DORM, 0), 1 + 1 + 3); /* kept; each circuit's row */
    assert_int_equal(statements_of_a_report(w, DORM, 0), 1);
    assert_int_equal(statements_of_a_report(w, DORM, 2), 1 + 1 + 1);
}

static enum err do_exchange(struct store_tx *tx, void *arg)
{
    TRY(store_exec(tx, "UPDATE meter SET epoch = epoch + 1 WHERE id = 12", ""));
    return terminals_exchange(tx, DORM, ((struct world *)arg)->now);
}

static void another_device_is_read_anew(void **state)
{
    struct world *w = *state;
    static const uint8_t hours[40] = {0};
    struct terminals_wish workday = {.meter_id = DORM,
                                     .circuit = 2,
                                     .item = METER_TERMINAL_WORKDAY,
                                     .data = {hours, sizeof hours},
                                     .reason = "a new term"};
    report(w, 0, 0);
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
    answer(w, waiting(w, METER_TERMINAL_RESET), UPLINK_DONE, status_free, 6);
    assert_ok(write_byte(w, METER_TERMINAL_LOCK, &one));
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &one, 1);
    assert_ok(write_as(w, workday));
    int64_t old = waiting(w, METER_TERMINAL_WORKDAY);
    int64_t told = number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.not_set'");
    assert_ok(store_run(w->store, do_exchange, w));
    assert_int_equal(state_of(w, METER_TERMINAL_RESET), TERMINALS_DONE); /* an act, no setting */
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_LOST);
    assert_int_equal(row(w, METER_TERMINAL_LOCK, 2)->value_len, 0);
    assert_int_equal(row(w, METER_TERMINAL_LOCK, 2)->read_at.s, 0);
    assert_int_equal(row(w, METER_TERMINAL_STATUS, 2)->value_len, 0);
    assert_int_equal(state_of(w, METER_TERMINAL_WORKDAY), TERMINALS_LOST);
    assert_false(row(w, METER_TERMINAL_WORKDAY, 2)->reading);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.not_set'"),
                     told + 2);
    assert_int_equal(number(w, "SELECT count(*) FROM terminal_seen"), 0);
    answer(w, old, UPLINK_DONE, hours, sizeof hours); /* of the old one, late */
    assert_int_equal(row(w, METER_TERMINAL_WORKDAY, 2)->value_len, 0);
    assert_int_equal(tick_after(w, 60), 3); /* status, lock, hours */
    assert_int_equal(tick_after(w, 60), 0);
    w->now.s += 1;
    answer(w, waiting(w, METER_TERMINAL_LOCK), UPLINK_DONE, &zero, 1);
    assert_int_equal(state_of(w, METER_TERMINAL_LOCK), TERMINALS_LOST); /* nobody wished it here */
    assert_int_equal(row(w, METER_TERMINAL_LOCK, 2)->value_len, 1);
}

/* --- trips
 * ------------------------------------------------------------------------------------------ */

static enum err do_trip(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return terminals_trip(tx, &w->trip, w->now, ++w->random * 1'000'003);
}

static struct uplink_trip trip(int64_t meter, int64_t count, int64_t at, int64_t reason)
{
    bool heating = reason == TERMINAL_REASON_MALIGNANT;
    return (struct uplink_trip){.meter_id = meter,
                                .epoch = 1,
                                .number = count,
                                .at.s = at,
                                .circuit = 2,
                                .reason = reason,
                                .power_w = 1200,
                                .verdict = heating ? LOAD_HEATING : -1,
                                .step_mw = heating ? 1'000'000 + 1000 * count : 0,
                                .factor = 1000};
}

static enum err take(struct world *w, struct uplink_trip t)
{
    w->trip = t;
    return store_run(w->store, do_trip, w);
}

static enum err keep_trip(void *arg, const struct terminals_trip_row *t)
{
    struct world *w = arg;
    w->rows[w->count++] = *t;
    return ERR_OK;
}

static enum err do_trips(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    w->count = 0;
    return terminals_trips(tx, &w->trips, keep_trip, w);
}

static void a_trip_counts_once(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        assert_ok(take(w, trip(DORM, 1, NOON - 100, TERMINAL_REASON_TIME)));
        assert_ok(take(w, trip(DORM, 2, NOON - 50, TERMINAL_REASON_MALIGNANT)));
    }
    assert_ok(take(w, trip(DORM, 1, NOON - 20, TERMINAL_REASON_LOAD))); /* a new memory */
    assert_ok(take(w, trip(DORM, 3, 0, TERMINAL_REASON_AIRCON)));       /* a lost clock */
    w->trips = (struct terminals_trip_query){.meter_id = DORM, .limit = 16};
    assert_ok(store_read(w->store, do_trips, w));
    assert_int_equal(w->count, 4);
    assert_int_equal(w->rows[0].trip.at.s, NOON);
    assert_int_equal(w->rows[2].trip.verdict, LOAD_HEATING);
    assert_int_equal(w->rows[2].trip.step_mw, 1'002'000);
    assert_int_equal(w->rows[2].account_id, 7);
    assert_int_equal(w->rows[3].trip.verdict, -1);
    w->trips.load_only = true;
    w->trips.before = w->rows[0].id;
    assert_ok(store_read(w->store, do_trips, w));
    assert_int_equal(w->count, 2);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.malignant'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.trip'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'terminal.unplugged'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event"), 3); /* none of the hours */
}

#define TOLD(w) number(w, "SELECT count(*) FROM event WHERE kind LIKE 'terminal.%'")
#define OURS(w) number(w, "SELECT count(*) FROM terminal_trip WHERE account_id = 7")

/* Who moved in today did not boil water last week, nor did the device in the maker's hall. */
static void a_trip_before_their_time_is_nobodys(void **state)
{
    struct world *w = *state;
    assert_ok(take(w, trip(DORM, 1, NOON - 10, TERMINAL_REASON_MALIGNANT)));
    sql(w, "UPDATE account SET opened_at = 1767240000 - 60");
    assert_ok(take(w, trip(DORM, 2, NOON - 61, TERMINAL_REASON_MALIGNANT)));
    assert_int_equal(TOLD(w), 1);
    assert_int_equal(OURS(w), 1);
    assert_ok(take(w, trip(DORM, 3, NOON - 60, TERMINAL_REASON_MALIGNANT)));
    assert_int_equal(TOLD(w), 2);
    assert_int_equal(OURS(w), 2);
    sql(w, "UPDATE meter SET epoch = 2 WHERE id = 12");
    sql(w, "INSERT INTO meter_exchange (meter_id, epoch, exchange_id, at, actor, evidence, "
           "old_address, old_model, new_address, new_model, closing_wh, opening_wh, wallet_fen, "
           "kept) VALUES (12, 1, 'exchange', 1767240000 - 30, 'x', 'x', '', '', '', '', '', '', 0, "
           "0)");
    struct uplink_trip of_new = trip(DORM, 1, NOON - 31, TERMINAL_REASON_MALIGNANT);
    of_new.epoch = 2;
    assert_ok(take(w, of_new));
    assert_ok(take(w, trip(DORM, 4, NOON - 31, TERMINAL_REASON_MALIGNANT))); /* of the old one */
    assert_int_equal(TOLD(w), 3);
    assert_int_equal(OURS(w), 3);
    assert_int_equal(number(w, "SELECT count(*) FROM terminal_trip"), 5);
}

/* A terminal that is heard for the first time tells the last thirty of its life. */
static void old_trips_are_no_news(void **state)
{
    struct world *w = *state;
    for (int64_t i = 1; i <= 4; i++)
        assert_ok(take(w, trip(DORM, i, NOON - 86'400 * (5 - i), TERMINAL_REASON_MALIGNANT)));
    assert_ok(take(w, trip(DORM, 5, NOON - 600, TERMINAL_REASON_MALIGNANT)));
    assert_int_equal(TOLD(w), 1);
    w->now.s += 3 * 86'400; /* while its gateway was away it went on */
    assert_ok(take(w, trip(DORM, 6, NOON + 86'400, TERMINAL_REASON_MALIGNANT)));
    assert_int_equal(TOLD(w), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM terminal_trip"), 6);
}

static void a_senseless_trip_is_refused(void **state)
{
    struct world *w = *state;
    struct uplink_trip t = trip(DORM, 1, NOON, TERMINAL_REASON_LOAD);
    t.circuit = 4;
    assert_err(ERR_RANGE, take(w, t));
    t = trip(DORM, 1, NOON, 256);
    assert_err(ERR_RANGE, take(w, t));
    t = trip(DORM, INT64_MAX, NOON, TERMINAL_REASON_LOAD);
    assert_err(ERR_RANGE, take(w, t));
    assert_ok(take(w, trip(99, 1, NOON, TERMINAL_REASON_LOAD))); /* of a meter that is gone */
    assert_int_equal(number(w, "SELECT count(*) FROM terminal_trip"), 0);
}

static enum err keep_rank(void *arg, const struct terminals_rank *r)
{
    struct world *w = arg;
    snprintf(w->rank[w->count].place, sizeof w->rank[0].place, "%s", r->place);
    w->rank[w->count].account_id = r->account_id;
    w->rank[w->count].malignant = r->malignant;
    w->rank[w->count].other = r->other;
    w->rank[w->count++].largest_w = r->largest_w;
    return ERR_OK;
}

static enum err do_ranks(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    w->count = 0;
    return terminals_ranking(tx, &w->ranks, keep_rank, w);
}

static void rooms_are_ranked_by_malignant_trips(void **state)
{
    struct world *w = *state;
    assert_ok(take(w, trip(DORM, 1, NOON - 5000, TERMINAL_REASON_MALIGNANT)));
    assert_ok(take(w, trip(DORM, 2, NOON - 400, TERMINAL_REASON_MALIGNANT)));
    assert_ok(take(w, trip(DORM, 3, NOON - 300, TERMINAL_REASON_TIME)));
    assert_ok(take(w, trip(DORM, 4, NOON - 200, TERMINAL_REASON_LOAD)));
    assert_ok(take(w, trip(13, 1, NOON - 400, TERMINAL_REASON_MALIGNANT)));
    assert_ok(take(w, trip(13, 2, NOON - 300, TERMINAL_REASON_MALIGNANT)));
    w->ranks = (struct terminals_rank_query){
        .project_id = 1, .from.s = NOON - 1000, .until.s = NOON, .limit = 16};
    assert_ok(store_read(w->store, do_ranks, w));
    assert_int_equal(w->count, 2);
    assert_string_equal(w->rank[0].place, "AB/101");
    assert_int_equal(w->rank[0].malignant, 2);
    assert_int_equal(w->rank[0].account_id, 0);
    assert_string_equal(w->rank[1].place, "A/101");
    assert_int_equal(w->rank[1].malignant, 1);
    assert_int_equal(w->rank[1].other, 1);
    assert_int_equal(w->rank[1].largest_w, 1002);
    assert_int_equal(w->rank[1].account_id, 7);
    w->ranks.under = "A"; /* not AB */
    assert_ok(store_read(w->store, do_ranks, w));
    assert_int_equal(w->count, 1);
    assert_string_equal(w->rank[0].place, "A/101");
    w->ranks.project_id = 2;
    assert_ok(store_read(w->store, do_ranks, w));
    assert_int_equal(w->count, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The command that a register waits for is not there any more. */
static void an_odd_register_holds_nobody_up(void **state)
{
    struct world *w = *state;
    assert_ok(write_byte(w, METER_TERMINAL_RESET, &one));
    assert_ok(write_as(w, (struct terminals_wish){.meter_id = 13,
                                                  .circuit = 2,
                                                  .item = METER_TERMINAL_RESET,
                                                  .data = {&one, 1},
                                                  .reason = "asked at the desk"}));
    sql(w, "DELETE FROM command WHERE meter_id = 12");
    sql(w, "UPDATE command SET state = 'expired'");
    tick_after(w, TERMINALS_ORDER_S + 30);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE meter_id = 13 "
                               "AND state = 'waiting'"),
                     1); /* it is read what became of it */
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                               "AND meter_id = 12 AND account_id = 7"),
                     1);
    tick_after(w, 180);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'work.failed'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_wish_is_pending_until_read_back),
        CASE(what_does_not_exist_is_refused),
        CASE(a_refusal_tells_what_holds),
        CASE(unknown_is_read_back_until_it_is_known),
        CASE(a_newer_wish_replaces_the_older),
        CASE(without_a_word_an_order_is_unknown_until_the_terminal_is_read),
        CASE(an_order_has_a_deadline),
        CASE(a_reset_brings_the_status_along),
        CASE(reading_asks_for_everything_once),
        CASE(what_was_learnt_is_fetched),
        CASE(what_is_no_terminal_any_more_holds_nobody_up),
        CASE(an_odd_register_holds_nobody_up),
        CASE(a_moved_relay_makes_a_watched_status_read),
        CASE(a_reading_costs_one_look),
        CASE(another_device_is_read_anew),
        CASE(a_trip_counts_once),
        CASE(a_trip_before_their_time_is_nobodys),
        CASE(old_trips_are_no_news),
        CASE(a_senseless_trip_is_refused),
        CASE(rooms_are_ranked_by_malignant_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
