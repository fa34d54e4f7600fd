/* Terminals over the interface: rights, what is read and wished, refusals, trips, the ranking. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "headend/headend.h"
#include "readings/readings.h"
#include "terminal/load.h"
#include "terminal/terminal.h"
#include "terminals/terminals.h"

#define DORM "/api/v1/meters/1"

/* Account 1's meter becomes a dorm terminal. */
static int dorm(void **state)
{
    if (world_open(state) != 0)
        return -1;
    struct world *w = *state;
    world_execute(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3 WHERE id = 1");
    world_person(w, AUTH_ENGINEER, 1);
    world_person(w, AUTH_WARDEN, 1);
    world_person(w, AUTH_AUDITOR, 1);
    return 0;
}

static const json_t *find_register(const struct reply *r, const char *item, int circuit)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(r->json, "registers"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "item")), item) == 0 &&
            json_integer_value(json_object_get(one, "circuit")) == circuit)
            return one;
    }
    return NULL;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

struct told {
    struct uplink_outcome outcome;
    struct uplink_trip trip;
};

static enum err tell_outcome(struct store_tx *tx, void *arg)
{
    struct told *t = arg;
    TRY(store_int(
        tx, &t->outcome.command_id,
        "SELECT command_id FROM terminal_register WHERE meter_id = 1 AND circuit = $1 AND "
        "item = $2",
        "ii", t->outcome.circuit, t->outcome.item));
    return terminals_outcome(tx, &t->outcome, t->outcome.at, 77'000'003);
}

static void answer(struct world *w, enum meter_terminal_item item, int circuit,
                   enum uplink_status status, const uint8_t *data, size_t len)
{
    struct told t = {.outcome = {.meter_id = 1,
                                 .kind = UPLINK_REGISTER,
                                 .status = status,
                                 .at.s = 1'800'000'000,
                                 .circuit = circuit,
                                 .item = item,
                                 .data_len = len}};
    memcpy(t.outcome.data, data, len);
    assert_ok(store_run(w->ledger, tell_outcome, &t));
}

#define LIMITS                                                                                     \
    "{\"time_control\":true,\"malignant\":true,\"air_conditioner\":false,\"power_w\":800,"         \
    "\"current_ma\":5000,\"night_power_w\":0,\"night_current_ma\":0,\"delay_s\":3,\"recloses\":2," \
    "\"reclose_s\":60,\"step_w\":150,\"standby_ma\":6,\"unplugged_s\":5}"

static const uint8_t limits_bytes[18] = {3, 0x20, 3,  0x88, 0x13, 0, 0, 0, 0,
                                         3, 2,    60, 0,    150,  0, 6, 0, 5};

static void a_setting_is_pending_until_read_back(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "engineer");
    const char *body =
        "{\"item\":\"limits\",\"circuit\":2,\"value\":" LIMITS ",\"reason\":\"new term\"}";
    struct reply r = world_post(w, &p, "terminal-0001", DORM "/terminal/settings", body);
    assert_int_equal(r.status, 202);
    const json_t *one = find_register(&r, "limits", 2);
    assert_string_equal(text_of(one, "state"), "pending");
    assert_true(json_is_null(json_object_get(one, "value")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "wanted"), "power_w")),
                     800);
    assert_string_equal(text_of(one, "reason"), "new term");
    reply_free(&r);
    r = world_post(w, &p, "terminal-0001", DORM "/terminal/settings", body); /* said again */
    assert_int_equal(r.status, 202);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM command WHERE kind = 'register'"), 1);
    uint8_t other[18];
    memcpy(other, limits_bytes, sizeof other);
    other[1] = 0x10;
    answer(w, METER_TERMINAL_LIMITS, 2, UPLINK_REFUSED, other, sizeof other);
    r = world_get(w, &p, DORM "/terminal");
    one = find_register(&r, "limits", 2);
    assert_string_equal(text_of(one, "state"), "refused");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "value"), "power_w")),
                     784);
    reply_free(&r);
    r = world_post(w, &p, "terminal-0002", DORM "/terminal/settings", body);
    reply_free(&r);
    answer(w, METER_TERMINAL_LIMITS, 2, UPLINK_DONE, limits_bytes, sizeof limits_bytes);
    r = world_get(w, &p, DORM "/terminal");
    one = find_register(&r, "limits", 2);
    assert_string_equal(text_of(one, "state"), "done");
    assert_true(json_equal(json_object_get(one, "value"), json_object_get(one, "wanted")));
    reply_free(&r);
}

/* What each says is what it says when it is read: the two ways agree. */
static void every_setting_goes_both_ways(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "engineer");
    static const struct {
        const char *item, *key, *value;
        int circuit;
    } rows[] = {
        {"limits", "terminal-1001", LIMITS, 1},
        {"white_list", "terminal-1002", "{\"loads\":[{\"power_w\":1000,\"reactive_var\":-30}]}", 1},
        {"white_list", "terminal-1003", "{\"loads\":[]}", 2},
        {"workday", "terminal-1004",
         "{\"periods\":[{\"begin_min\":360,\"end_min\":1350,\"cover\":\"on\"},"
         "{\"begin_min\":1350,\"end_min\":60,\"cover\":\"night\"}]}",
         3},
        {"holiday", "terminal-1005",
         "{\"periods\":[{\"begin_min\":0,\"end_min\":1440,\"cover\":\"on\"}]}", 3},
        {"calendar", "terminal-1006",
         "{\"weekend\":[0,6],\"dates\":[{\"date\":20261001,\"holiday\":true},"
         "{\"date\":20261010,\"holiday\":false}]}",
         0},
        {"learn", "terminal-1007", "{\"seconds\":600}", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[800];
        snprintf(body, sizeof body,
                 "{\"item\":\"%s\",\"circuit\":%d,\"value\":%s,\"reason\":\"x\"}", rows[i].item,
                 rows[i].circuit, rows[i].value);
        struct reply r = world_post(w, &p, rows[i].key, DORM "/terminal/settings", body);
        assert_int_equal(r.status, 202);
        json_t *said = json_loads(rows[i].value, 0, NULL);
        const json_t *one = find_register(&r, rows[i].item, rows[i].circuit);
        assert_non_null(one);
        assert_true(json_equal(said, json_object_get(one, "wanted")));
        json_decref(said);
        reply_free(&r);
    }
}

static void wrong_settings_are_refused(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "engineer");
    static const struct {
        const char *item, *value, *why;
        int circuit;
    } rows[] = {
        {"limits", "{\"power_w\":1}", "members missing", 1},
        {"status", "{}", "is only read", 1},
        {"lock", "{\"locked\":true}", "is an order", 1},
        {"nothing", "{}", "no such item", 1},
        {"white_list", "{\"loads\":[{\"power_w\":0,\"reactive_var\":0}]}", "no power", 1},
        {"white_list", "{\"loads\":[{\"power_w\":1}]}", "half a load", 1},
        {"white_list", "{\"loads\":[{},{},{},{},{},{},{},{},{}]}", "nine loads", 1},
        {"workday", "{\"periods\":[{\"begin_min\":0,\"end_min\":60,\"cover\":\"off\"}]}", "cover",
         1},
        {"workday",
         "{\"periods\":[{\"begin_min\":0,\"end_min\":61,\"cover\":\"on\"},"
         "{\"begin_min\":60,\"end_min\":90,\"cover\":\"on\"}]}",
         "overlap", 1},
        {"workday",
         "{\"periods\":[{\"begin_min\":1380,\"end_min\":60,\"cover\":\"on\"},"
         "{\"begin_min\":30,\"end_min\":90,\"cover\":\"on\"}]}",
         "overlap behind midnight", 1},
        {"workday", "{\"periods\":[{\"begin_min\":0,\"end_min\":1441,\"cover\":\"on\"}]}", "end",
         1},
        {"calendar", "{\"weekend\":[7],\"dates\":[]}", "eighth day", 0},
        {"calendar", "{\"weekend\":[],\"dates\":[{\"date\":20260230,\"holiday\":true}]}", "date",
         0},
        {"learn", "{\"seconds\":3601}", "too long", 1},
        {"learn", "{\"seconds\":60}", "no circuit", 0},
        {"calendar", "{\"weekend\":[],\"dates\":[]}", "of a circuit", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[800], key[32];
        snprintf(key, sizeof key, "terminal-2%03zu", i);
        snprintf(body, sizeof body,
                 "{\"item\":\"%s\",\"circuit\":%d,\"value\":%s,\"reason\":\"x\"}", rows[i].item,
                 rows[i].circuit, rows[i].value);
        struct reply r = world_post(w, &p, key, DORM "/terminal/settings", body);
        if (r.status < 400 || r.status >= 500)
            fail_msg("%s: %d", rows[i].why, r.status);
        reply_free(&r);
    }
    check_reply(world_post(w, &p, "terminal-2900", DORM "/terminal/settings", "{}"), 400, "-");
    check_reply(world_post(w, &p, "terminal-2901", DORM "/terminal/orders",
                           "{\"circuit\":1,\"order\":\"explode\",\"reason\":\"x\"}"),
                400, "-");
    check_reply(world_post(w, &p, "terminal-2902", DORM "/terminal/orders",
                           "{\"circuit\":1,\"order\":\"reset\",\"reason\":\"\"}"),
                400, "-");
    check_reply(world_post(w, &p, "terminal-2903", "/api/v1/meters/2/terminal/orders",
                           "{\"circuit\":1,\"order\":\"reset\",\"reason\":\"x\"}"),
                422, "TERMINALS_NONE");
    assert_int_equal(world_number(w, "SELECT count(*) FROM command"), 0);
}

static void a_warden_resets_and_sets_nothing(void **state)
{
    struct world *w = *state;
    struct person warden = world_login(w, "warden"), auditor = world_login(w, "auditor");
    struct reply r = world_post(w, &warden, "terminal-3001", DORM "/terminal/orders",
                                "{\"circuit\":1,\"order\":\"reset\",\"reason\":\"removed\"}");
    assert_int_equal(r.status, 202);
    assert_string_equal(text_of(find_register(&r, "reset", 1), "state"), "pending");
    reply_free(&r);
    check_reply(world_post(w, &warden, "terminal-3002", DORM "/terminal/settings",
                           "{\"item\":\"learn\",\"circuit\":1,\"value\":{\"seconds\":60},"
                           "\"reason\":\"x\"}"),
                403, "-");
    static const char *const orders[] = {"lock", "unlock"};
    for (size_t i = 0; i < 2; i++) {
        char body[80], key[32];
        snprintf(key, sizeof key, "terminal-301%zu", i);
        snprintf(body, sizeof body, "{\"circuit\":1,\"order\":\"%s\",\"reason\":\"x\"}", orders[i]);
        check_reply(world_post(w, &warden, key, DORM "/terminal/orders", body), 403,
                    "TERMINALS_LOCK");
    }
    check_reply(world_post(w, &auditor, "terminal-3003", DORM "/terminal/orders",
                           "{\"circuit\":1,\"order\":\"reset\",\"reason\":\"x\"}"),
                403, "-");
    check_reply(world_get(w, &auditor, DORM "/terminal"), 200, NULL);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'terminal.reset'"),
                     1);
}

static void reading_asks_for_everything(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "warden");
    struct ask a = {
        .method = "POST", .path = DORM "/terminal/read", .person = &p, .key = "terminal-4001"};
    struct reply r = world_ask(w, &a);
    assert_int_equal(r.status, 202);
    assert_int_equal(json_array_size(json_object_get(r.json, "registers")), 3 * 6 + 1);
    reply_free(&r);
    static const uint8_t tripped[6] = {1, TERMINAL_REASON_MALIGNANT, 1, 2, 0, 0};
    answer(w, METER_TERMINAL_STATUS, 2, UPLINK_DONE, tripped, sizeof tripped);
    r = world_get(w, &p, DORM "/terminal");
    const json_t *one = find_register(&r, "status", 2);
    assert_string_equal(text_of(json_object_get(one, "cause"), "zh"), "恶性负载");
    assert_string_equal(text_of(json_object_get(one, "cause"), "en"), "forbidden heating load");
    assert_true(json_is_true(json_object_get(json_object_get(one, "value"), "locked")));
    reply_free(&r);
}

static enum err tell_trip(struct store_tx *tx, void *arg)
{
    struct told *t = arg;
    return terminals_trip(tx, &t->trip, t->trip.at, 88'000'003);
}

static void trips_are_told_in_words_and_ranked(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "warden");
    struct told t = {.trip = {.meter_id = 1,
                              .epoch = 1,
                              .number = 4,
                              .at.s = 1'790'000'500,
                              .circuit = 2,
                              .reason = TERMINAL_REASON_MALIGNANT,
                              .power_w = 1'100,
                              .verdict = LOAD_HEATING,
                              .flags = 5,
                              .step_mw = 1'000'000,
                              .factor = 999}};
    assert_ok(store_run(w->ledger, tell_trip, &t));
    t.trip.number = 5;
    t.trip.reason = TERMINAL_REASON_TIME;
    t.trip.verdict = -1;
    assert_ok(store_run(w->ledger, tell_trip, &t));
    struct reply r = world_get(w, &p, DORM "/trips");
    const json_t *trips = json_object_get(r.json, "trips");
    assert_int_equal(json_array_size(trips), 2);
    assert_true(json_is_null(json_object_get(json_array_get(trips, 0), "why")));
    const json_t *why = json_object_get(json_array_get(trips, 1), "why");
    assert_string_equal(text_of(why, "zh"), load_verdict_zh(LOAD_HEATING));
    assert_string_equal(text_of(why, "en"), load_verdict_en(LOAD_HEATING));
    assert_string_equal(text_of(json_object_get(json_array_get(trips, 1), "reason"), "ends_zh"),
                        "等待后自动合闸（每日限次），之后须管理员复位");
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/events?kind=terminal.malignant");
    const json_t *event = json_array_get(json_object_get(r.json, "events"), 0);
    assert_non_null(strstr(text_of(event, "text_zh"), "纯阻性发热负载"));
    assert_non_null(strstr(text_of(event, "text_en"), "(Pure resistance:"));
    reply_free(&r);
    r = world_get(w, &p, DORM "/trips?load=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "trips")), 1);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/trip-ranking?from=1790000499&to=1790000501");
    const json_t *rooms = json_object_get(r.json, "rooms");
    assert_int_equal(json_array_size(rooms), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rooms, 0), "malignant")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rooms, 0), "largest_w")),
                     1000);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/trip-ranking?from=1790000501&to=1790000502");
    assert_int_equal(json_array_size(json_object_get(r.json, "rooms")), 0);
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/projects/1/trip-ranking?from=5&to=5"), 422, "-");
}

/* --- the list -------------------------------------------------------------------------------- */

/* Lighting is dark by its hours, the sockets tripped, the air conditioning is on. */
static enum err poll_dorm(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved;
    uint8_t body[4096];
    struct writer out = writer_of(body, sizeof body);
    wall_s now = {(int64_t)time(NULL)};
    struct uplink_reading r = {
        .meter_id = 1,
        .epoch = 1,
        .at = now,
        .points = {{POINT_RELAY_OPEN, 3},
                   {POINT_OPEN_REASON, TERMINAL_REASON_TIME},
                   {POINT_CIRCUIT_REASONS, TERMINAL_REASON_TIME | TERMINAL_REASON_MALIGNANT << 8},
                   {POINT_CIRCUIT3_W, 12}},
        .point_count = 4};
    struct uplink_readings batch = {.seq_epoch = 1, .seq = 1, .readings = &r, .count = 1};
    uplink_message_encode(
        &(struct uplink_message){.kind = UPLINK_READINGS, .epoch = 1, .seq = 1, .readings = batch},
        &out);
    return readings_ingest(w->readings, tx,
                           &(struct readings_batch){1, 1, 1, now, {body, out.len}, &batch}, &moved);
}

static const char *reason_of(const json_t *circuits, size_t i)
{
    return text_of(json_object_get(json_array_get(circuits, i), "reason"), "name");
}

static int64_t count_of(const struct reply *r, const char *kind)
{
    return json_integer_value(json_object_get(json_object_get(r->json, "counts"), kind));
}

static void each_circuit_has_its_own_reason(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "warden");
    assert_ok(store_run(w->readings_store, poll_dorm, w));
    struct reply r = world_get(w, &p, DORM "/terminal");
    const json_t *circuits = json_object_get(r.json, "circuits");
    assert_string_equal(reason_of(circuits, 0), "time");
    assert_string_equal(reason_of(circuits, 1), "malignant");
    assert_true(json_is_null(json_object_get(json_array_get(circuits, 2), "reason")));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/wall");
    const json_t *row = json_array_get(json_object_get(r.json, "rows"), 0);
    assert_int_equal(json_integer_value(json_object_get(row, "relay_open")), 3);
    assert_int_equal(json_integer_value(json_object_get(row, "relay_timed")), 1);
    reply_free(&r);
}

static void terminals_are_listed_by_what_they_need(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "warden");
    assert_ok(store_run(w->readings_store, poll_dorm, w));
    struct reply r = world_get(w, &p, "/api/v1/projects/1/terminals");
    assert_int_equal(json_array_size(json_object_get(r.json, "terminals")),
                     1); /* the other is none */
    assert_int_equal(count_of(&r, "tripped"), 1);
    assert_int_equal(count_of(&r, "locked"), 0); /* nobody read yet whether it comes back */
    reply_free(&r);
    struct ask a = {
        .method = "POST", .path = DORM "/terminal/read", .person = &p, .key = "terminal-6001"};
    r = world_ask(w, &a);
    reply_free(&r);
    static const uint8_t tripped[6] = {1, TERMINAL_REASON_MALIGNANT, 1, 2, 0, 0};
    answer(w, METER_TERMINAL_STATUS, 2, UPLINK_DONE, tripped, sizeof tripped);
    r = world_get(w, &p, "/api/v1/projects/1/terminals?only=locked");
    assert_int_equal(count_of(&r, "locked"), 1);
    const json_t *one = json_array_get(json_object_get(r.json, "terminals"), 0);
    const json_t *circuits = json_object_get(one, "circuits");
    assert_true(json_is_false(json_object_get(json_array_get(circuits, 0), "locked")));
    assert_true(json_is_true(json_object_get(json_array_get(circuits, 1), "locked")));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/terminals?only=failed");
    assert_int_equal(json_array_size(json_object_get(r.json, "terminals")), 0);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/terminals?under=nowhere");
    assert_int_equal(count_of(&r, "all"), 0);
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/projects/1/terminals?only=odd"), 400, "-");
}

#define MANY "/api/v1/projects/1/terminals/settings"
#define NIGHTS                                                                                     \
    "\"item\":\"workday\",\"circuit\":2,\"value\":{\"periods\":[{\"begin_min\":360,"               \
    "\"end_min\":1410,\"cover\":\"on\"}]},\"reason\":\"term\"}"

static void one_setting_goes_to_many(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "engineer"), warden = world_login(w, "warden");
    check_reply(world_post(w, &warden, "terminal-7001", MANY, "{\"under\":\"\"," NIGHTS), 403, "-");
    check_reply(world_post(w, &p, "terminal-7002", MANY, "{\"under\":\"nowhere\"," NIGHTS), 422,
                "TERMINALS_NONE");
    check_reply(world_post(w, &p, "terminal-7003", MANY, "{" NIGHTS), 400, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM command"), 0);
    world_execute(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3 WHERE id = 2");
    struct reply r = world_post(w, &p, "terminal-7004", MANY, "{\"under\":\"\"," NIGHTS);
    assert_int_equal(r.status, 202);
    assert_int_equal(json_integer_value(json_object_get(r.json, "written")), 2);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM command"), 2);
    assert_int_equal(
        world_number(w, "SELECT count(*) FROM audit WHERE action = 'terminal.workday'"), 2);
    r = world_get(w, &p, "/api/v1/projects/1/terminals?only=waiting");
    assert_int_equal(json_array_size(json_object_get(r.json, "terminals")), 2);
    reply_free(&r);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, dorm, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_setting_is_pending_until_read_back),
        CASE(every_setting_goes_both_ways),
        CASE(wrong_settings_are_refused),
        CASE(a_warden_resets_and_sets_nothing),
        CASE(each_circuit_has_its_own_reason),
        CASE(terminals_are_listed_by_what_they_need),
        CASE(one_setting_goes_to_many),
        CASE(reading_asks_for_everything),
        CASE(trips_are_told_in_words_and_ranked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
