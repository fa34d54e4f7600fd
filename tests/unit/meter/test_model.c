/* Reading model files: every mistake, each at its place. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "meter/meter_model.h"

static struct meter_model model;
static struct meter_faults faults;

static const char head[] = "{\"format\":1,\"name\":\"m\",\"title\":{\"en\":\"M\",\"zh\":\"表\"},"
                           "\"kind\":\"electricity\",";
static const char class_d[] = "\"class\":{\"letter\":\"D\",\"evidence\":\"e\"},";

/* The faults as one text, "place kind; place kind; ". */
static const char *faults_of(const char *text)
{
    static char out[4096];
    size_t n = 0;
    out[0] = '\0';
    enum err e = meter_model_read(text, strlen(text), &model, &faults);
    assert_true((e == ERR_OK) == (faults.count == 0));
    for (size_t i = 0; i < faults.count && i < METER_FAULTS_MAX; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s %s; ", faults.list[i].place,
                              meter_fault_name(faults.list[i].kind));
    return out;
}

static const char *faults_with(const char *rest)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s%s%s}", head, class_d, rest);
    return faults_of(text);
}

#define ROW(text)                                                                                  \
    "\"driver\":\"dlt645\",\"rows\":[{\"name\":\"e\",\"id\":\"00010000\",\"every_s\":60," text "}" \
    "]"
#define GOOD ROW("\"points\":[{\"point\":\"energy_wh\",\"multiply\":10}]")

static void test_good(void **state)
{
    (void)state;
    assert_string_equal(faults_with(GOOD), "");
    assert_string_equal(model.name, "m");
    assert_int_equal(model.item_count, 1);
    assert_int_equal(model.items[0].id, 0x00010000);
    assert_int_equal(model.items[0].fields[0].multiply, 10);
    assert_int_equal(model.items[0].fields[0].bit, -1);
    assert_int_equal(model.circuits, 1);
    assert_int_equal(model.baud, 2400);
    assert_false(model.keep_power);
}

static void test_every_mistake_at_once(void **state)
{
    (void)state;
    assert_string_equal(
        faults_of("{\"format\":2,\"name\":\"A b\",\"title\":{\"en\":\"\"},\"kind\":\"steam\","
                  "\"circuits\":4,\"circuits\":1,\"colour\":[1,{\"a\":null}],\"line\":7,"
                  "\"rows\":[{\"name\":\"x\",\"every_s\":1.5,\"points\":[{\"point\":\"heat\"}]}]}"),
        "/format range; /name text; /title/en text; /title/zh missing; /kind choice; "
        "/circuits range; /circuits twice; /colour unknown-member; /line type; "
        "/rows/0/every_s range; /rows/0/points/0/point choice; /driver missing; "
        "/class missing; ");
}

static void test_not_json(void **state)
{
    (void)state;
    assert_string_equal(faults_of(""), " syntax; ");
    assert_string_equal(faults_of("[]"), " type; ");
    assert_string_equal(faults_of("{\"format\":1,}"), " syntax; ");
    assert_string_equal(faults_of("{\"format\":1,\n\"rows\":[{\"name\":\"x\" \"id\"}]}"),
                        "/rows/0 syntax; ");
    assert_string_equal(faults.list[0].what, "line 2");
    char text[4096];
    snprintf(text, sizeof text, "%s%s%s} x", head, class_d, GOOD);
    assert_string_equal(faults_of(text), " syntax; ");
}

static void test_rows(void **state)
{
    (void)state;
    assert_string_equal(faults_with(ROW("\"points\":[]")), "/rows/0/points missing; ");
    assert_string_equal(faults_with("\"driver\":\"dlt645\",\"rows\":[]"), "/rows missing; ");
    assert_string_equal(faults_with(ROW("\"points\":[{\"point\":\"energy_wh\"},"
                                        "{\"point\":\"energy_wh\",\"at\":1}]")),
                        "/rows/0/points/1 point-twice; ");
    assert_string_equal(
        faults_with(ROW("\"points\":[{\"point\":\"energy_wh\",\"form\":\"bcd-unit\"}]")),
        "/rows/0/points/0/form driver; ");
    assert_string_equal(
        faults_with(ROW("\"points\":[{\"point\":\"energy_wh\",\"form\":\"clock\"}]")),
        "/rows/0/points/0 unit; ");
    assert_string_equal(
        faults_with(ROW("\"next\":\"zero\",\"points\":[{\"point\":\"energy_wh\"}]")),
        "/rows/0/next lead; ");
    assert_string_equal(
        faults_with(ROW("\"points\":[{\"point\":\"energy_wh\"}]},{\"name\":\"e\","
                        "\"id\":\"00010000\",\"points\":[{\"point\":\"power_w\"}]")),
        "/rows/1/name twice; /rows/1/every_s lead; ");
    assert_string_equal(faults_with(ROW("\"tells\":\"circuits\",\"step\":\"data\"")), "");
    assert_string_equal(
        faults_with("\"driver\":\"dlt645\",\"rows\":[{\"name\":\"e\",\"id\":"
                    "\"FFFFFFFF\",\"every_s\":1,\"points\":[{\"point\":\"energy_wh\"}]}]"),
        "/rows/0/id driver; ");
}

#define ENERGY_AND(id, next)                                                                       \
    "\"driver\":\"dlt645\",\"rows\":[{\"name\":\"e\",\"id\":\"00010000\",\"every_s\":60,"          \
    "\"points\":[{\"point\":\"energy_wh\"}]},{\"name\":\"f\",\"id\":\"" id                         \
    "\",\"every_s\":60" next                                                                       \
    ",\"points\":[{\"point\":\"energy_wh\",\"form\":\"bcd\",\"bytes\":4}]}]"

static void test_points_and_identifiers_of_several_rows(void **state)
{
    (void)state;
    assert_string_equal(faults_with(ENERGY_AND("00010100", "")),
                        "/rows/1/points/0 point-elsewhere; ");
    assert_string_equal(faults.list[0].what, "energy_wh (e)");
    assert_string_equal(faults_with(ENERGY_AND("9010", "")),
                        "/rows/1/id driver; /rows/1/points/0 point-elsewhere; ");
    assert_string_equal(faults.list[0].what, "8 digits");
    assert_string_equal(faults_with(ROW("\"points\":[{\"point\":\"energy_wh\"}]},{\"name\":\"r\","
                                        "\"id\":\"0000FF00\",\"every_s\":60,"
                                        "\"points\":[{\"point\":\"reverse_wh\"}]")),
                        "");
}

/* Only DL/T 645 looks for a zero, only M-Bus for more; and an M-Bus row without data has no more.
 */
static void test_what_leads_a_row_on(void **state)
{
    (void)state;
    static const char water[] =
        "\"driver\":\"cjt188\",\"rows\":[{\"name\":\"e\",\"id\":\"901F\",\"every_s\":60,"
        "\"next\":\"zero\",\"points\":[{\"point\":\"volume_l\",\"form\":\"bcd-unit\",\"bytes\":4},"
        "{\"point\":\"energy_wh\",\"form\":\"bcd\"}]},"
        "{\"name\":\"f\",\"id\":\"901F\",\"points\":[{\"point\":\"flow_lh\",\"form\":\"bcd-unit\","
        "\"bytes\":4}]}]";
    assert_string_equal(faults_with(water), "/rows/0/next driver; ");
    assert_string_equal(faults.list[0].what, "zero");
    assert_string_equal(
        faults_with(ROW("\"next\":\"more\",\"points\":[{\"point\":\"energy_wh\"}]},{\"name\":\"f\","
                        "\"id\":\"02030000\",\"points\":[{\"point\":\"power_w\"}]")),
        "/rows/0/next driver; ");
    assert_string_equal(
        faults_with(ROW("\"next\":\"zero\",\"points\":[{\"point\":\"energy_wh\"}]},{\"name\":\"f\","
                        "\"id\":\"02030000\",\"points\":[{\"point\":\"power_w\"}]")),
        "");
}

/* The terminal's plan with `more` in the row of its voltage. */
static const char *faults_of_dorm3(const char *more)
{
    static char file[16'384], text[sizeof file];
    static const char voltage[] = "{\"point\": \"voltage_dv\"}";
    FILE *f = fopen(YUFU_SOURCE_ROOT "/models/yufu-dorm3.json", "r");
    assert_non_null(f);
    size_t len = fread(file, 1, sizeof file - 1, f);
    file[len] = '\0';
    fclose(f);
    const char *at = strstr(file, voltage);
    assert_non_null(at);
    size_t head_len = (size_t)(at - file) + strlen(voltage);
    snprintf(text, sizeof text, "%.*s%s%s", (int)head_len, file, more, file + head_len);
    return faults_of(text);
}

/* A reading has room for 24 points, those that the block of circuits tells by itself included. */
static void test_no_more_points_than_a_reading_takes(void **state)
{
    (void)state;
    assert_string_equal(faults_of_dorm3(""), "");
    assert_string_equal(faults_of_dorm3(", {\"point\": \"frequency_chz\", \"at\": 1}"),
                        "/rows count; ");
}

static void test_orders(void **state)
{
    (void)state;
    assert_string_equal(
        faults_with(GOOD ",\"orders\":{\"cut\":{\"how\":\"write-one\",\"value\":\"1A\",\"proof\":"
                         "\"nowhere\"},\"keep_on\":{\"how\":\"control\",\"proof\":\"e\"}}"),
        "/orders/cut/how driver; /orders/cut/value text; /orders/cut/proof no-such-row; "
        "/orders/keep_on/value text; /orders/keep_on/proof proof; /orders/restore missing; "
        "/orders/keep_off missing; ");
}

/* A water meter by CJ/T 188 that tells its volume and `points`, with `more` members. */
static const char *faults_of_water(const char *points, const char *more)
{
    static char text[4096];
    snprintf(
        text, sizeof text,
        "{\"format\":1,\"name\":\"w\",\"title\":{\"en\":\"W\",\"zh\":\"W\"},\"kind\":\"water\","
        "\"driver\":\"cjt188\",%s\"rows\":[{\"name\":\"now\",\"id\":\"901F\",\"every_s\":60,"
        "\"points\":[{\"point\":\"volume_l\",\"form\":\"bcd-unit\",\"bytes\":4}%s]}]%s}",
        class_d, points, more);
    return faults_of(text);
}

static const char *faults_of_heat(const char *points)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "{\"format\":1,\"name\":\"h\",\"title\":{\"en\":\"H\",\"zh\":\"H\"},\"kind\":\"heat\","
             "\"driver\":\"mbus\",%s\"rows\":[{\"name\":\"d\",\"step\":\"data\",\"every_s\":60,"
             "\"points\":[%s]}]}",
             class_d, points);
    return faults_of(text);
}

/* A record of M-Bus has a unit of its own. */
static void test_quantities(void **state)
{
    (void)state;
    static const char heat[] = "{\"point\":\"heat_wh\",\"quantity\":\"energy\"}";
    char text[256];
    assert_string_equal(faults_of_heat(heat), "");
    snprintf(text, sizeof text, "%s,{\"point\":\"volume_l\",\"quantity\":\"power\"}", heat);
    assert_string_equal(faults_of_heat(text), "/rows/0/points/1 unit; ");
    snprintf(text, sizeof text, "%s,{\"point\":\"supply_cdeg\",\"quantity\":\"status\"}", heat);
    assert_string_equal(faults_of_heat(text), "/rows/0/points/1 unit; ");
}

/* Bills are made of one register: a model that does not tell it is of no use. */
static void test_what_is_charged_is_told(void **state)
{
    (void)state;
    assert_string_equal(faults_with(ROW("\"points\":[{\"point\":\"power_w\"}]")),
                        "/rows missing; ");
    assert_string_equal(faults.list[0].what, "energy_wh");
    assert_string_equal(faults_of_heat("{\"point\":\"volume_l\",\"quantity\":\"volume\"}"),
                        "/rows missing; ");
    assert_string_equal(faults.list[0].what, "heat_wh");
    assert_string_equal(faults_of_water("", ",\"charged\":\"kWh\""), "/charged unit; ");
}

static void test_places_within_an_answer(void **state)
{
    (void)state;
    static const char battery[] = ",{\"point\":\"battery_low\",\"form\":\"unsigned\",";
    char text[256];
    assert_string_equal(faults_of_water("", ""), "");
    snprintf(text, sizeof text, "%s\"at\":17,\"bytes\":1,\"bit\":6,\"bits\":3}", battery);
    assert_string_equal(faults_of_water(text, ""), "/rows/0/points/1/bit range; ");
    snprintf(text, sizeof text, "%s\"at\":252,\"bytes\":1}", battery);
    assert_string_equal(faults_of_water(text, ""), "/rows/0/points/1/at range; ");
}

static void test_identifiers(void **state)
{
    (void)state;
    static const char orders[] = ",\"orders\":{\"cut\":{\"how\":\"write\",%s\"value\":\"99\","
                                 "\"proof\":\"now\"},\"restore\":{\"how\":\"write\",\"id\":"
                                 "\"A017\",\"value\":\"55\",\"proof\":\"now\"}}";
    static const char relay[] =
        ",{\"point\":\"relay_open\",\"form\":\"unsigned\",\"at\":17,\"bytes\":1}";
    char text[512];
    snprintf(text, sizeof text, orders, "\"id\":\"A017\",");
    assert_string_equal(faults_of_water(relay, text), "");
    snprintf(text, sizeof text, orders, "\"id\":\"A0\",");
    assert_string_equal(faults_of_water(relay, text), "/orders/cut/id text; ");
    snprintf(text, sizeof text, orders, "");
    assert_string_equal(faults_of_water(relay, text), "/orders/cut/id missing; ");
    snprintf(text, sizeof text, orders, "\"id\":\"0000A017\",");
    assert_string_equal(faults_of_water(relay, text), "");
    snprintf(text, sizeof text, orders, "\"id\":\"0001A017\",");
    assert_string_equal(faults_of_water(relay, text), "/orders/cut/id driver; ");
    assert_string_equal(
        faults_of_water("", ",\"settings\":[{\"name\":\"d\",\"id\":\"0001A011\",\"bytes\":1,"
                            "\"low\":1,\"high\":31}]"),
        "/settings/0/id driver; ");
}

/* What no driver looks at is a mistake of whoever wrote it. */
static void test_quirks_of_other_drivers(void **state)
{
    (void)state;
    assert_string_equal(faults_of_water("", ",\"quirks\":{\"meter_type\":\"11\"}"), "");
    assert_string_equal(faults_of_water("",
                                        ",\"quirks\":{\"level\":\"04\",\"password\":\"000000\","
                                        "\"operator\":\"00000000\",\"addressing\":\"secondary\"}"),
                        "/quirks/level driver; /quirks/password driver; /quirks/operator driver; "
                        "/quirks/addressing driver; ");
    assert_string_equal(
        faults_with(GOOD ",\"quirks\":{\"meter_type\":\"20\",\"read_id_order\":\"high-first\","
                         "\"write_id_order\":\"low-first\",\"unit_first\":true}"),
        "/quirks/meter_type driver; /quirks/read_id_order driver; "
        "/quirks/write_id_order driver; /quirks/unit_first driver; ");
    assert_string_equal(faults_with(GOOD ",\"line\":{\"baud\":9601}"), "/line/baud range; ");
}

static const char *faults_of_class(const char *letter, const char *vend)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "%s\"class\":{\"letter\":\"%s\",\"evidence\":\"e\"},%s,\"vend\":{%s}}", head, letter,
             GOOD, vend);
    return faults_of(text);
}

/* What a wallet can must be what its class says: a resend depends on it. */
static void test_classes(void **state)
{
    (void)state;
    static const char counted[] = "\"how\":\"count\",\"count_id\":\"03330201\",\"record_count_id\":"
                                  "\"03330200\",\"record_amount_id\":\"03330300\"";
    assert_string_equal(faults_of_class("B", counted), "");
    assert_string_equal(faults_of_class("C", "\"how\":\"order\""), "");
    assert_string_equal(faults_of_class("D", "\"how\":\"none\""), "");
    assert_string_equal(faults_of_class("B", "\"how\":\"count\",\"count_id\":\"03330201\""),
                        "/vend/how vend; ");
    assert_string_equal(faults_of_class("D", counted), "/vend/how vend; ");
    assert_string_equal(faults_of_class("C", counted), "/vend/how vend; ");
    assert_string_equal(faults_of_class("A", counted), "/vend/how vend; ");
}

/* More faults than the list holds are counted. */
static void test_many(void **state)
{
    (void)state;
    static char text[8192];
    size_t n = 0;
    text[n++] = '{';
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"m%d\":[[],{}]", i ? "," : "", i);
    snprintf(text + n, sizeof text - n, "}");
    assert_err(ERR_SYNTAX, meter_model_read(text, strlen(text), &model, &faults));
    assert_true(faults.count >= 200);
}

/* A model that came later is found, and replaces one of its name. */
static void test_added(void **state)
{
    (void)state;
    char text[4096];
    size_t before = 0;
    while (meter_model_at(before))
        before++;
    assert_true(before >= 3);
    snprintf(text, sizeof text, "%s%s%s}", head, class_d, GOOD);
    assert_ok(meter_models_add(text, strlen(text), &faults));
    assert_ok(meter_models_add(text, strlen(text), &faults));
    assert_string_equal(meter_model_at(before)->name, "m");
    assert_null(meter_model_at(before + 1));
    assert_ptr_equal(meter_model_find("m"), meter_model_at(before));
    assert_err(ERR_SYNTAX, meter_models_add("{}", 2, &faults));
    assert_null(meter_model_at(before + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_every_mistake_at_once),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_what_is_charged_is_told),
        cmocka_unit_test(test_places_within_an_answer),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_quirks_of_other_drivers),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_points_and_identifiers_of_several_rows),
        cmocka_unit_test(test_what_leads_a_row_on),
        cmocka_unit_test(test_no_more_points_than_a_reading_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
