/*
 * What `yufu verify` knows of relays and decisions: a story in which everything happens leaves
 * nothing to find at any step, and each damage is found by its name, and by no other.
 */
#include "tests/unit/control/fee_world.h"
#include "tests/unit/tamper.h"

#include <string.h>
#include <unistd.h>

#include "control/approval.h"
#include "control/protect.h"
#include "control/verify.h"

struct found {
    int64_t count;
    char what[2][128]; /* the first two names that differ */
};

static void take(void *arg, int64_t account_id, const char *what, const char *which)
{
    struct found *f = arg;
    size_t i = f->what[0][0] && strcmp(f->what[0], what) != 0;
    (void)account_id;
    assert_true(which[0] != '\0');
    snprintf(f->what[i], sizeof f->what[i], "%s", what);
    f->count++;
}

static enum err look(struct store_tx *tx, void *arg)
{
    struct control_check out;
    struct found *f = arg;
    enum err e = control_verify(tx, take, f, &out);
    assert_int_equal(out.faults, f->count);
    assert_int_equal(e, f->count ? ERR_CONTROL_CHECK : ERR_OK);
    return ERR_OK;
}

static struct found verify(struct world *w)
{
    struct found f = {0};
    assert_ok(store_read(w->ledger, look, &f));
    return f;
}

static void assert_clean(struct world *w)
{
    struct found f = verify(w);
    if (f.count)
        fail_msg("%lld faults: %s; %s", (long long)f.count, f.what[0], f.what[1]);
}

static int open_world(void **state)
{
    static char dir[32], path[48];
    snprintf(dir, sizeof dir, "/tmp/yufu-verify-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/l.db", dir);
    *state = world_new(path);
    return 0;
}

static int close_world(void **state)
{
    char command[64];
    const char *path = ((struct world *)*state)->path;
    snprintf(command, sizeof command, "rm -rf '%.*s'", (int)(strlen(path) - strlen("/l.db")), path);
    teardown(state);
    return system(command);
}

/* --- the story -----------------------------------------------------------------------------------
 */

static enum err protect(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct control_protection p = {.scope = CONTROL_SCOPE_ACCOUNT,
                                   .object_id = ACCOUNT,
                                   .kind = STRATEGY_PROTECTION_MEDICAL,
                                   .from = w->now,
                                   .until = {w->now.s + 600},
                                   .reason = "r",
                                   .actor = "user:1",
                                   .now = w->now};
    return control_protect_add(tx, &p, ++w->random);
}

static enum err approve(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_approve(tx, &(struct control_verdict){.id = 1,
                                                         .actor = "user:1",
                                                         .reason = "r",
                                                         .readings = w->readings,
                                                         .now = w->now,
                                                         .random = ++w->random * 71});
}

/* Told, protected for ten minutes, approved, cut; on by emergency credit that is used up; cut
 * again, and off since. */
static void story(struct world *w)
{
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"approval\":\"one\","
           "\"approval_life_s\":86400},\"emergency\":{\"credit\":\"5.00\"}}'");
    pay(w, "order-0001", 1'000);
    reading(w, 60, 0);
    deliver(w);
    assert_clean(w);
    reading(w, 3'600, 11'000);
    deliver(w);
    assert_ok(store_run(w->ledger, protect, w));
    reading(w, 1'900, 0);
    assert_clean(w);
    assert_ok(store_run(w->ledger, approve, w));
    assert_true(wished(w, "open"));
    assert_clean(w);
    relay_does(w, true);
    reading(w, 60, 0);
    assert_clean(w);
    assert_ok(store_run(w->ledger, ask_credit, w));
    relay_does(w, false);
    assert_clean(w);
    reading(w, 600, 6'000);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true},\"emergency\":{\"credit\":\"5.00\"}}'");
    reading(w, 60, 0);
    assert_true(wished(w, "open"));
    relay_does(w, true);
    reading(w, 60, 0);
    assert_clean(w);
}

static void test_a_story_leaves_nothing(void **state)
{
    struct world *w = *state;
    assert_clean(w);
    story(w);
    pay(w, "order-0002", 5'000);
    assert_clean(w);
    relay_does(w, false);
    reading(w, 60, 0);
    assert_true(wished(w, "closed"));
    assert_clean(w);
    assert_true(number(w, "SELECT count(*) FROM audit WHERE action = 'relay.wish'") >= 4);
}

/* --- damages -------------------------------------------------------------------------------------
 */

struct damage {
    const char *what, *sql;
};

#define WISH_AT "(SELECT min(seq) FROM audit WHERE action = 'relay.wish')"

static const struct damage damages[] = {
    {"a relay's version is below that of a wish that was made of it",
     "UPDATE audit SET detail = json_set(detail, '$.version', 99) WHERE seq = " WISH_AT},
    {"supply is to be on, and that was not the last wish",
     "UPDATE relay SET desired = 'closed', not_after = NULL"},
    {"supply is to be off, and nobody ordered that or allowed it",
     "UPDATE audit SET detail = json_set(detail, '$.desired', 'none') WHERE seq = "
     "(SELECT max(seq) FROM audit WHERE action = 'relay.wish')"},
    {"nothing is wished of a relay, and it is pursued",
     "UPDATE relay SET desired = 'none', next_at = 5"},
    {"a restore ends, or a cut lives longer than any may",
     "UPDATE relay SET not_after = changed_at + 3600"},
    {"a restore ends, or a cut lives longer than any may",
     "UPDATE relay SET not_after = changed_at - 1"},
    {"a relay names an order that there is not", "UPDATE relay SET command_id = 77"},
    {"a relay names an order that there is not",
     "UPDATE command SET kind = 'keep' WHERE id = (SELECT command_id FROM relay)"},
    {"a cut was ordered against a guard",
     "UPDATE audit SET detail = json_set(detail, '$.facts.guards', json('[\"GRACE\"]')) "
     "WHERE seq = " WISH_AT},
    {"a cut was ordered against a guard",
     "UPDATE audit SET detail = json_set(detail, '$.facts.action', 'limit') WHERE seq = " WISH_AT},
    {"a cut counts more notices than were delivered before it",
     "UPDATE message SET delivered_at = delivered_at + 86400"},
    {"a cut counts more notices than were delivered before it",
     "UPDATE message SET state = 'failed', delivered_at = NULL WHERE template = 'arrears'"},
    {"a cut was ordered while a protection that had been entered covered the account",
     "UPDATE protection SET until_at = NULL"},
    {"a cut was ordered while a protection that had been entered covered the account",
     "UPDATE protection SET until_at = NULL, scope = 'project', object_id = 1"},
    {"a cut was ordered while a protection that had been entered covered the account",
     "UPDATE protection SET until_at = NULL, scope = 'meter', object_id = 11"},
    {"a cut was decided under a strategy or a package that there is not",
     "UPDATE audit SET detail = json_set(detail, '$.facts.strategy', 's@2') WHERE seq = " WISH_AT},
    {"a cut was decided under a strategy or a package that there is not",
     "UPDATE audit SET detail = json_set(detail, '$.facts.strategy', 's@1 p@1') WHERE seq "
     "= " WISH_AT},
    {"an account was judged under a strategy or a package that there is not",
     "UPDATE fee_state SET strategy = 't@1'"},
    {"an account was told of more than was written to it, or in an episode to come",
     "UPDATE fee_state SET warned_level = 4"},
    {"an account was told of more than was written to it, or in an episode to come",
     "INSERT INTO fee_notice VALUES (7, 99, 3, '', 'console', 5)"},
    {"emergency credit was given twice in an episode",
     "INSERT INTO audit SELECT 1000000, at, actor, action, object, detail, prev, hash FROM audit "
     "WHERE action = 'fee.emergency'"},
    {"a proposal to cut was allowed by nobody, by one person for two, or too late",
     "UPDATE cut_approval SET approved_by = NULL"},
    {"a proposal to cut was allowed by nobody, by one person for two, or too late",
     "UPDATE cut_approval SET approved_by = 'system' WHERE approved_at > 0"},
    {"a proposal to cut was allowed by nobody, by one person for two, or too late",
     "UPDATE cut_approval SET expires_at = approved_at WHERE approved_at > 0"},
    {"a proposal to cut was allowed by nobody, by one person for two, or too late",
     "UPDATE cut_approval SET released_at = 5, released_by = 'user:2'"},
    {"a permission is given and not sent, or sent and not given",
     "INSERT INTO permit VALUES (7, 3, 1, 9, x'00')"},
    {"a permission is given and not sent, or sent and not given",
     "INSERT INTO away (account_id, gateway_id, state, made_at, valid_from, valid_until, left_wh, "
     "available_fen, prepayment_fen, plan_version, strategy) "
     "VALUES (7, 3, 'live', 1, 1, 1, 1, 1, 1, 1, '')"},
    {"an order to a relay says something else than its row",
     "UPDATE command SET body = x'00' WHERE id = (SELECT command_id FROM relay)"},
};

static void damage_it(struct world *w, const char *text)
{
    sqlite3 *db = tamper_open(w->path);
    tamper_drop_triggers(db);
    tamper_exec(db, text);
    sqlite3_close(db);
}

static void assert_found(struct world *w, const char *what)
{
    struct found f = verify(w);
    if (f.count == 0 || strcmp(f.what[0], what) != 0 || f.what[1][0])
        fail_msg("%s: found %lld: %s; %s", what, (long long)f.count, f.what[0], f.what[1]);
}

/* A handheld closed one of three circuits: the others are off by the cut, and that is written down.
 */
static void test_the_rest_of_a_cut_is_accounted_for(void **state)
{
    struct world *w = *state;
    story(w);
    sql(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3");
    w->relay_open = 7;
    reading(w, 60, 0);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"00:01\"}}'");
    w->relay_open = 6;
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE of_whole = 1"), 2);
    assert_clean(w);
    damage_it(w, "UPDATE audit SET action = 'relay.none' WHERE action = 'relay.rest'");
    assert_found(w, "supply is to be off, and nobody ordered that or allowed it");
}

static void test_each_damage_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        void *one;
        assert_int_equal(open_world(&one), 0);
        story(one);
        damage_it(one, damages[i].sql);
        assert_found(one, damages[i].what);
        assert_int_equal(close_world(&one), 0);
    }
}

struct again {
    int64_t version; /* 0: of the order that is there */
    struct uplink_message m;
    int64_t account_id;
};

static enum err order_again(struct store_tx *tx, void *arg)
{
    static _Alignas(16) uint8_t arena[UPLINK_ARENA];
    struct again *a = arg;
    uint8_t body[512];
    struct writer out = writer_of(body, sizeof body);
    struct query q = query_open(tx,
                                "SELECT c.body FROM command c JOIN relay r "
                                "ON r.command_id = c.id",
                                "");
    assert_true(query_step(&q));
    struct bytes b = query_blob(&q, 0);
    TRY(uplink_message_decode(b.data, b.len, arena, &a->m));
    TRY(query_end(&q));
    a->m.command.id++;
    a->m.command.version = a->version ? a->version : a->m.command.version;
    uplink_message_encode(&a->m, &out);
    return store_exec(tx,
                      "INSERT INTO command (id, gateway_id, meter_id, account_id, kind, body, "
                      "state, created_at) VALUES ($1, 3, 11, 7, 'relay', $2, 'done', 5)",
                      "ib", a->m.command.id, (struct bytes){body, out.len});
}

static void test_a_cut_ordered_twice(void **state)
{
    story(*state);
    assert_ok(store_run(((struct world *)*state)->ledger, order_again, &(struct again){0}));
    assert_found(*state, "a cut was ordered twice");
}

static void test_a_cut_of_a_version_to_come(void **state)
{
    story(*state);
    assert_ok(store_run(((struct world *)*state)->ledger, order_again, &(struct again){99}));
    assert_found(*state, "a cut has a version that its relay never had");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(test_a_story_leaves_nothing),           CASE(test_the_rest_of_a_cut_is_accounted_for),
        cmocka_unit_test(test_each_damage_is_named), CASE(test_a_cut_ordered_twice),
        CASE(test_a_cut_of_a_version_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
