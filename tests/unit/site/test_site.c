#include "tests/unit/check.h"

#include <stdio.h>

#include "site/site.h"

#define FLAT "{\"kind\":\"flat\",\"price\":\"0.5883\"}"
#define FLAT_2 "{\"kind\":\"flat\",\"price\":\"0.61\"}"

/* A small site: project 1, room 1, gateway 1, line 1, account 1, meter 1. */
static enum err build(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum site_change c;
    struct site_project p = {.code = "demo", .name = "Demo", .zone = "Asia/Shanghai"};
    struct site_place room = {.kind = SITE_ROOM, .code = "D1/301", .name = "301"};
    struct site_line line = {.number = 1, .endpoint = "tcp:h:1", .baud = 2400, .parity = 'E'};
    struct site_customer customer = {
        .code = "C1", .name = "\xe5\xbc\xa0\xe4\xb8\x89", .phone = "13800000001"};
    struct site_account a = {
        .code = "A1", .name = "301", .plan_code = "p", .strategy_code = "s", .opened_at = {5}};
    struct site_meter m = {.address = "000000000301",
                           .model = "yufu-dorm3",
                           .circuits = 3,
                           .customer_number = "000000000000"};
    TRY(site_organisation_put(tx, "org", "Org", &p.organisation_id, &c));
    TRY(site_project_put(tx, &p, &c));
    room.project_id = customer.project_id = a.project_id = m.project_id = p.id;
    TRY(site_place_put(tx, &room, &c));
    TRY(site_gateway_put(tx, p.id, "GW-1", "G", &line.gateway_id, &c));
    TRY(site_line_put(tx, &line, &c));
    TRY(site_customer_put(tx, &customer, &c));
    a.place_id = m.place_id = room.id;
    a.customer_id = customer.id;
    TRY(site_account_put(tx, &a, &c));
    m.line_id = line.id;
    m.account_id = a.id;
    return site_meter_put(tx, &m, &c);
}

static int open_site(void **state)
{
    struct store *s = NULL;
    if (store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) !=
            ERR_OK ||
        store_run(s, build, NULL) != ERR_OK)
        return -1;
    *state = s;
    return 0;
}

static int close_site(void **state)
{
    store_close(*state);
    return 0;
}

#define RUN(state, work) assert_ok(store_run(*(state), work, NULL))

static int64_t config_version(struct store_tx *tx)
{
    struct site_gateway g = {};
    assert_ok(site_gateway_get(tx, 1, &g));
    return g.config_version;
}

/* --- configuration -------------------------------------------------------------------------- */

static enum err every_change_bumps(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum site_change c;
    struct site_line line = {};
    struct site_meter m = {};
    int64_t v = config_version(tx), epoch = 0;
    assert_int_equal(v, 3); /* 1, the line, the meter */
    assert_ok(site_line_get(tx, 1, &line));
    assert_ok(site_line_put(tx, &line, &c));
    assert_int_equal(c, SITE_SAME);
    assert_int_equal(config_version(tx), v);
    line.baud = 9600;
    assert_ok(site_line_put(tx, &line, &c));
    assert_int_equal(c, SITE_CHANGED);
    assert_int_equal(config_version(tx), ++v);
    assert_ok(site_meter_get(tx, 1, &m));
    assert_ok(site_meter_put(tx, &m, &c));
    assert_int_equal(c, SITE_SAME);
    assert_int_equal(config_version(tx), v);
    memcpy(m.customer_number, "000000000009", 13);
    assert_ok(site_meter_put(tx, &m, &c));
    assert_int_equal(config_version(tx), ++v);
    assert_ok(site_meter_exchange(tx, 1, "000000000777", "yufu-dorm3", &epoch));
    assert_int_equal(epoch, 2);
    assert_int_equal(config_version(tx), ++v);
    return ERR_OK;
}

static void test_every_change_raises_the_configuration(void **state)
{
    RUN(state, every_change_bumps);
}

static enum err read_config(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct uplink_config c;
    assert_err(ERR_NOT_FOUND, site_gateway_config(tx, 99, &c));
    assert_ok(site_gateway_config(tx, 1, &c));
    assert_int_equal(c.version, 3);
    assert_int_equal(c.parts, 1);
    assert_int_equal(c.line_count, 1);
    assert_string_equal(c.lines[0].endpoint, "tcp:h:1");
    assert_int_equal(c.lines[0].parity, 'E');
    assert_int_equal(c.meter_count, 1);
    assert_int_equal(c.meters[0].line, 1);
    assert_string_equal(c.meters[0].address, "000000000301");
    assert_string_equal(c.meters[0].model, "yufu-dorm3");
    assert_int_equal(c.meters[0].circuits, 3);
    assert_int_equal(c.meters[0].epoch, 1);
    site_config_free(&c);
    assert_null(c.lines);
    return ERR_OK;
}

static void test_configuration_is_whole(void **state)
{
    RUN(state, read_config);
}

/* --- refusals of the puts ------------------------------------------------------------------- */

static enum err bad_puts(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum site_change c;
    int64_t id;
    struct site_meter m = {};
    assert_ok(site_meter_get(tx, 1, &m));
    struct site_meter bad[] = {m, m, m, m, m};
    memcpy(bad[0].address, "30100000000x", 13);
    bad[1].circuits = 0;
    bad[2].circuits = 4;
    memcpy(bad[3].customer_number, "1", 2);
    bad[4].model[0] = 0;
    for (size_t i = 0; i < 5; i++)
        assert_err(ERR_SITE_METER, site_meter_put(tx, &bad[i], &c));
    m.account_id = 2;
    assert_err(ERR_SITE_METER_ACCOUNT, site_meter_put(tx, &m, &c));
    m.line_id = 9;
    assert_err(ERR_NOT_FOUND, site_meter_put(tx, &m, &c));
    assert_err(ERR_SITE_METER, site_meter_exchange(tx, 1, "123", "yufu-dorm3", &id));
    assert_err(ERR_SITE_METER_OTHER, site_meter_exchange(tx, 1, "000000000777", "abacus", &id));
    assert_err(ERR_SITE_METER_OTHER, site_meter_exchange(tx, 1, "000000000777", "water-188", &id));
    assert_err(ERR_NOT_FOUND, site_meter_exchange(tx, 9, "000000000001", "yufu-dorm3", &id));
    struct site_line line = {1, 1, 0, "tcp:h:1", 2400, 'E'};
    assert_err(ERR_SITE_LINE, site_line_put(tx, &line, &c));
    line = (struct site_line){1, 1, 256, "tcp:h:1", 2400, 'E'};
    assert_err(ERR_SITE_LINE, site_line_put(tx, &line, &c));
    line = (struct site_line){1, 1, 1, "http://x", 2400, 'E'};
    assert_err(ERR_SITE_LINE, site_line_put(tx, &line, &c));
    line = (struct site_line){1, 1, 1, "tcp:h:1", 2401, 'E'};
    assert_err(ERR_SITE_LINE, site_line_put(tx, &line, &c));
    line = (struct site_line){1, 1, 1, "tcp:h:1", 2400, 0};
    assert_err(ERR_SITE_LINE, site_line_put(tx, &line, &c));
    assert_err(ERR_SITE_TEXT, site_organisation_put(tx, "a b", "n", &id, &c));
    assert_err(ERR_SITE_TEXT, site_organisation_put(tx, "a", "", &id, &c));
    assert_err(ERR_SITE_TEXT, site_organisation_put(tx, "a", "\xff", &id, &c));
    assert_err(ERR_SITE_TEXT, site_gateway_put(tx, 1, "", "n", &id, &c));
    assert_err(ERR_SITE_GATEWAY_PROJECT, site_gateway_put(tx, 2, "GW-1", "n", &id, &c));
    struct site_place place = {.project_id = 1, .kind = SITE_ROOM, .code = "/x", .name = "n"};
    assert_err(ERR_SITE_TEXT, site_place_put(tx, &place, &c));
    place = (struct site_place){
        .project_id = 2, .parent_id = 1, .kind = SITE_ROOM, .code = "x", .name = "n"};
    assert_err(ERR_SITE_PROJECT, site_place_put(tx, &place, &c));
    struct site_customer customer = {.project_id = 1, .code = "C", .name = "n", .phone = "abc"};
    assert_err(ERR_SITE_TEXT, site_customer_put(tx, &customer, &c));
    struct site_account a = {
        .project_id = 1, .place_id = 1, .code = "A2", .name = "n", .strategy_code = "s"};
    assert_err(ERR_SITE_TEXT, site_account_put(tx, &a, &c));
    return ERR_OK;
}

static void test_bad_objects_are_refused(void **state)
{
    RUN(state, bad_puts);
}

/* --- claims --------------------------------------------------------------------------------- */

static enum err claims(struct store_tx *tx, void *arg)
{
    (void)arg;
    uint8_t code[32] = {1}, wrong[32] = {2}, secret[32] = {3}, certificate[32] = {4};
    int64_t id = 0;
    struct site_gateway g = {};
    struct site_claim claim = {"GW-1", code, secret, certificate, {1000}};
    assert_err(ERR_SITE_CLAIM, site_claim_use(tx, &claim, &id)); /* none was created */
    assert_err(ERR_NOT_FOUND, site_claim_create(tx, 9, code, (wall_s){2000}));
    assert_ok(site_claim_create(tx, 1, code, (wall_s){2000}));
    assert_err(ERR_SITE_CLAIM, site_claim_check(tx, "GW-1", wrong, (wall_s){1000}, &id));
    assert_err(ERR_SITE_CLAIM, site_claim_check(tx, "GW-2", code, (wall_s){1000}, &id));
    assert_err(ERR_SITE_CLAIM, site_claim_check(tx, "GW-1", code, (wall_s){2001}, &id));
    assert_ok(site_claim_check(tx, "GW-1", code, (wall_s){2000}, &id));
    assert_ok(site_gateway_revoke(tx, 1, true));
    assert_err(ERR_SITE_CLAIM, site_claim_use(tx, &claim, &id));
    assert_ok(site_gateway_revoke(tx, 1, false));
    assert_err(ERR_SITE_CLAIM, site_claim_use(tx, &claim, &id)); /* the old code is gone */
    assert_ok(site_claim_create(tx, 1, code, (wall_s){2000}));
    assert_ok(site_gateway_boot(tx, 1, 7, (wall_s){900}));
    assert_ok(site_claim_use(tx, &claim, &id));
    assert_int_equal(id, 1);
    assert_err(ERR_SITE_CLAIM, site_claim_use(tx, &claim, &id)); /* used up */
    assert_ok(site_gateway_by_serial(tx, "GW-1", &g));
    assert_true(g.claimed && g.has_secret && g.boot_epoch == 0);
    assert_memory_equal(g.secret, secret, 32);
    assert_memory_equal(g.certificate_hash, certificate, 32);
    return ERR_OK;
}

static void test_a_claim_is_used_once(void **state)
{
    RUN(state, claims);
}

static enum err sessions(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct site_gateway g = {};
    assert_ok(site_gateway_boot(tx, 1, 5, (wall_s){100}));
    assert_err(ERR_SITE_EPOCH, site_gateway_boot(tx, 1, 5, (wall_s){101}));
    assert_err(ERR_SITE_EPOCH, site_gateway_boot(tx, 1, 4, (wall_s){101}));
    assert_ok(site_gateway_boot(tx, 1, 6, (wall_s){102}));
    assert_ok(site_gateway_received(tx, 1, 9, 77, (wall_s){103}));
    assert_ok(site_gateway_applied(tx, 1, 3));
    assert_err(ERR_NOT_FOUND, site_gateway_received(tx, 2, 9, 77, (wall_s){103}));
    assert_err(ERR_NOT_FOUND, site_gateway_applied(tx, 2, 3));
    assert_err(ERR_NOT_FOUND, site_gateway_revoke(tx, 2, true));
    assert_err(ERR_NOT_FOUND, site_gateway_config_bump(tx, 2));
    assert_ok(site_gateway_get(tx, 1, &g));
    assert_int_equal(g.boot_epoch, 6);
    assert_int_equal(g.received_epoch, 9);
    assert_int_equal(g.received_seq, 77);
    assert_int_equal(g.config_applied, 3);
    assert_int_equal(g.last_seen.s, 103);
    return ERR_OK;
}

static void test_newer_connection_wins(void **state)
{
    RUN(state, sessions);
}

/* --- plans ---------------------------------------------------------------------------------- */

static enum err plans(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum site_change c;
    struct site_version v;
    assert_err(ERR_SITE_PLAN_UNKNOWN, site_plan_in_force(tx, 1, "p", (wall_s){50}, &v));
    assert_err(ERR_SITE_STRATEGY_UNKNOWN, site_strategy_in_force(tx, 1, "s", (wall_s){50}, &v));
    assert_ok(site_plan_put(tx, 1, "p", (wall_s){100}, FLAT, &c));
    assert_int_equal(c, SITE_NEW);
    assert_ok(site_plan_put(tx, 1, "p", (wall_s){150}, FLAT, &c));
    assert_int_equal(c, SITE_SAME);
    assert_ok(site_plan_put(tx, 1, "p", (wall_s){200}, FLAT_2, &c));
    assert_int_equal(c, SITE_CHANGED);
    assert_err(ERR_SITE_EFFECTIVE, site_plan_put(tx, 1, "p", (wall_s){199}, FLAT, &c));
    assert_err(ERR_RATING_PLAN, site_plan_put(tx, 1, "p", (wall_s){300},
                                              "{\"kind\":\"flat\",\"price\":\"-1\"}", &c));
    assert_err(ERR_RATING_UNBILLABLE,
               site_plan_put(tx, 1, "p", (wall_s){300},
                             "{\"kind\":\"flat\",\"price\":\"1\",\"minimum\":\"5\"}", &c));
    assert_err(ERR_SITE_UNIT_FIXED,
               site_plan_put(tx, 1, "p", (wall_s){300},
                             "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"1\"}", &c));
    assert_err(ERR_SITE_TEXT, site_plan_put(tx, 1, "p p", (wall_s){300}, FLAT, &c));
    assert_err(ERR_SITE_PLAN_UNKNOWN, site_plan_in_force(tx, 1, "p", (wall_s){99}, &v));
    assert_ok(site_plan_in_force(tx, 1, "p", (wall_s){100}, &v));
    assert_int_equal(v.version, 1);
    assert_ok(site_plan_in_force(tx, 1, "p", (wall_s){199}, &v));
    assert_int_equal(v.version, 1);
    assert_ok(site_plan_in_force(tx, 1, "p", (wall_s){200}, &v));
    assert_int_equal(v.version, 2);
    assert_string_equal(v.body, FLAT_2);
    assert_ok(site_plan_version(tx, 1, "p", 1, &v));
    assert_string_equal(v.body, FLAT);
    assert_err(ERR_SITE_PLAN_UNKNOWN, site_plan_version(tx, 1, "p", 3, &v));
    assert_ok(site_plan_next(tx, 1, "p", (wall_s){100}, &v));
    assert_int_equal(v.effective_at.s, 200);
    assert_err(ERR_NOT_FOUND, site_plan_next(tx, 1, "p", (wall_s){200}, &v));
    assert_ok(site_strategy_put(tx, 1, "s", (wall_s){0}, "{}", &c));
    assert_ok(site_strategy_in_force(tx, 1, "s", (wall_s){50}, &v));
    assert_err(ERR_STRATEGY_POLICY, site_strategy_put(tx, 1, "s", (wall_s){1}, "{\"x\":1}", &c));
    return ERR_OK;
}

static void test_plans_are_versions(void **state)
{
    RUN(state, plans);
}

/* Two versions of one instant: the later one was meant. */
static enum err same_instant(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum site_change c;
    struct site_version v;
    assert_ok(site_plan_put(tx, 1, "p", (wall_s){100}, FLAT, &c));
    assert_ok(site_plan_put(tx, 1, "p", (wall_s){100}, FLAT_2, &c));
    assert_ok(site_plan_in_force(tx, 1, "p", (wall_s){100}, &v));
    assert_int_equal(v.version, 2);
    assert_ok(site_plan_next(tx, 1, "p", (wall_s){99}, &v));
    assert_int_equal(v.version, 2);
    return ERR_OK;
}

static void test_later_version_of_one_instant(void **state)
{
    RUN(state, same_instant);
}

/* --- lists ---------------------------------------------------------------------------------- */

struct walk {
    struct store_tx *tx;
    int meters, accounts;
};

static enum err count_meter(void *arg, const struct site_meter *m)
{
    struct walk *w = arg;
    assert_int_equal(m->gateway_id, 1);
    w->meters++;
    return ERR_OK;
}

/* The same list inside itself: the statement's text is in use twice. */
static enum err nested(void *arg, const struct site_account *a)
{
    struct walk *w = arg;
    w->accounts++;
    TRY(site_meters_of_account(w->tx, a->id, count_meter, w));
    return a->id == 1 && w->accounts == 1 ? site_accounts(w->tx, a->project_id, 0, 0, nested, w)
                                          : ERR_OK;
}

static enum err walk_lists(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct walk w = {.tx = tx};
    enum site_change c;
    struct site_account a = {.project_id = 1,
                             .place_id = 1,
                             .code = "A2",
                             .name = "x",
                             .plan_code = "p",
                             .strategy_code = "s",
                             .opened_at = {1}};
    assert_ok(site_account_put(tx, &a, &c));
    assert_ok(site_accounts(tx, 1, 0, 0, nested, &w));
    assert_int_equal(w.accounts, 4); /* two outside, two inside the first */
    assert_int_equal(w.meters, 2);
    return ERR_OK;
}

static void test_lists_inside_lists(void **state)
{
    RUN(state, walk_lists);
}

static enum err note_code(void *arg, const struct site_account *a)
{
    strcat(arg, a->code);
    return ERR_OK;
}

static enum err find(struct store_tx *tx, void *arg)
{
    (void)arg;
    static const char *const hits[] = {"A1", "301", "D1/", "\xe5\xbc\xa0", "1380000", "000301"};
    static const char *const misses[] = {"%", "_", "\\", "zzz", "\xe6\x9d\x8e"};
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        char found[64] = "";
        assert_ok(site_accounts_find(tx, 1, hits[i], 0, note_code, found));
        assert_string_equal(found, "A1");
    }
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        char found[64] = "";
        assert_ok(site_accounts_find(tx, 1, misses[i], 0, note_code, found));
        assert_string_equal(found, "");
    }
    char found[64] = "";
    assert_ok(site_accounts_find(tx, 2, "A1", 0, note_code, found));
    assert_string_equal(found, "");
    return ERR_OK;
}

static void test_accounts_are_found(void **state)
{
    RUN(state, find);
}

static enum err stop_at_once(void *arg, const struct site_project *p)
{
    (void)arg, (void)p;
    return ERR_FULL;
}

static enum err stopped(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct site_project p;
    struct site_account a;
    assert_err(ERR_FULL, site_projects(tx, stop_at_once, NULL));
    assert_err(ERR_NOT_FOUND, site_project_get(tx, 9, &p));
    assert_err(ERR_NOT_FOUND, site_project_by_code(tx, "none", &p));
    assert_err(ERR_NOT_FOUND, site_account_get(tx, 9, &a));
    assert_ok(site_account_by_code(tx, 1, "A1", &a));
    assert_int_equal(a.opened_at.s, 5);
    assert_int_equal(a.customer_id, 1);
    return ERR_OK;
}

static void test_a_list_stops_when_told(void **state)
{
    RUN(state, stopped);
}

static enum err legacy(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct site_legacy l = {.until = {100'000},
                            .allowed_at = {1000},
                            .reason = "tender",
                            .actor = "user:3"},
                       told, bad = l;
    assert_err(ERR_NOT_FOUND, site_legacy_get(tx, 1, &told));
    assert_err(ERR_NOT_FOUND, site_legacy_end(tx, 1));
    assert_err(ERR_NOT_FOUND, site_legacy_used(tx, 1, (wall_s){5}));
    assert_err(ERR_NOT_FOUND, site_legacy_allow(tx, 9, &l));
    bad.until.s = 1000;
    assert_err(ERR_SITE_LEGACY, site_legacy_allow(tx, 1, &bad));
    bad.until.s = 1000 + SITE_LEGACY_DAYS * 86'400 + 1;
    assert_err(ERR_SITE_LEGACY, site_legacy_allow(tx, 1, &bad));
    bad = l;
    bad.reason[0] = '\0';
    assert_err(ERR_SITE_TEXT, site_legacy_allow(tx, 1, &bad));
    assert_err(ERR_NOT_FOUND, site_legacy_get(tx, 1, &told)); /* refusals change nothing */
    assert_ok(site_legacy_allow(tx, 1, &l));
    assert_ok(site_legacy_used(tx, 1, (wall_s){2000}));
    l.until.s = 1000 + SITE_LEGACY_DAYS * 86'400;
    assert_ok(site_legacy_allow(tx, 1, &l)); /* changed, not doubled */
    assert_ok(site_legacy_get(tx, 1, &told));
    assert_int_equal(told.until.s, l.until.s);
    assert_int_equal(told.used_at.s, 2000);
    assert_string_equal(told.reason, "tender");
    assert_string_equal(told.actor, "user:3");
    assert_ok(site_legacy_end(tx, 1));
    assert_err(ERR_NOT_FOUND, site_legacy_get(tx, 1, &told));
    return ERR_OK;
}

static void test_legacy_seal_has_reason_and_end(void **state)
{
    RUN(state, legacy);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_change_raises_the_configuration),
        CASE(test_configuration_is_whole),
        CASE(test_bad_objects_are_refused),
        CASE(test_a_claim_is_used_once),
        CASE(test_newer_connection_wins),
        CASE(test_legacy_seal_has_reason_and_end),
        CASE(test_plans_are_versions),
        CASE(test_later_version_of_one_instant),
        CASE(test_lists_inside_lists),
        CASE(test_accounts_are_found),
        CASE(test_a_list_stops_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
