/* The mass-cut breaker for people: whom it holds back, and that two persons release it. */
#include "tests/unit/control/fee_world.h"

#include "control/breaker.h"

struct ask {
    struct world *w;
    enum err (*act)(struct store_tx *tx, const struct breaker_word *word);
    struct breaker_word word;
};

static enum err run_ask(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return a->act(tx, &a->word);
}

static enum err say(struct world *w,
                    enum err (*act)(struct store_tx *tx, const struct breaker_word *word),
                    int64_t id, const char *actor)
{
    struct ask a = {w, act, {1, id, actor, "moving out", w->now}};
    return store_run(w->ledger, run_ask, &a);
}

struct seen {
    struct world *w;
    struct breaker b;
    struct breaker_request r;
    int64_t listed, available_fen;
    char name[16], place[16];
};

static enum err note(void *arg, const struct breaker_waiting *one)
{
    struct seen *s = arg;
    s->listed++;
    s->available_fen = one->available_known ? one->available_fen : INT64_MIN;
    snprintf(s->name, sizeof s->name, "%s", one->name);
    snprintf(s->place, sizeof s->place, "%s", one->place);
    return one->limits ? ERR_BUG : ERR_OK;
}

static enum err run_look(struct store_tx *tx, void *arg)
{
    struct seen *s = arg;
    TRY(breaker_look(tx, 1, s->w->now, &s->b));
    TRY(breaker_request(tx, 1, s->w->now, &s->r));
    return breaker_list(tx, 1, 50, note, s);
}

static struct seen look(struct world *w)
{
    struct seen s = {.w = w};
    assert_ok(store_read(w->ledger, run_look, &s));
    return s;
}

/* Twenty other meters were cut, one a second, in the minute before the account would be. */
#define FIRST_CUT (NOON + 1901)
static void others_are_cut(struct world *w)
{
    sql(w, "WITH RECURSIVE n (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1020) "
           "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
           "SELECT i, 1, 1, 1, printf('%012d', i), 'yufu-shop', 'electricity' FROM n");
    sql(w, "INSERT INTO relay (meter_id, circuit, desired, changed_at) "
           "SELECT id, 0, 'open', 1767240000 + 900 + id FROM meter WHERE id > 1000");
}

static bool is_cut(struct world *w)
{
    return number(w, "SELECT count(*) FROM relay WHERE meter_id = 11 AND desired = 'open'") == 1;
}

/* In arrears and warned; what would be its cut is held back. */
static void held_back(struct world *w)
{
    reading(w, 60, 0);
    reading(w, 1, 100);
    assert_int_equal(level(w), 3);
    deliver(w);
    others_are_cut(w);
    assert_int_equal(look(w).b.waiting, 0);
    reading(w, 1899, 100);
    assert_false(is_cut(w));
}

static void test_it_says_whom_it_holds_back_and_since_when(void **state)
{
    struct world *w = *state;
    struct seen s = look(w);
    assert_int_equal(s.b.state, BREAKER_CLOSED);
    assert_int_equal(s.b.limit, CONTROL_BREAKER_MIN);
    assert_int_equal(s.b.since.s, 0);
    held_back(w);
    s = look(w);
    assert_int_equal(s.b.state, BREAKER_TRIPPED);
    assert_int_equal(s.b.meters, 21);
    assert_int_equal(s.b.cuts, 20);
    assert_int_equal(s.b.since.s, FIRST_CUT + 19);
    assert_int_equal(s.b.free_at.s, FIRST_CUT + CONTROL_BREAKER_S);
    assert_int_equal(s.b.waiting, 1);
    assert_int_equal(s.listed, 1);
    assert_string_equal(s.name, "a7");
    assert_string_equal(s.place, "A");
    assert_int_equal(s.available_fen, -20);
    assert_int_equal(s.r.id, 0);
    reading(w, 10, 0); /* told once */
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'breaker.tripped'"), 1);
    assert_int_equal(number(w, "SELECT json_extract(detail, '$.cuts') FROM event "
                               "WHERE kind = 'breaker.tripped'"),
                     20);
    w->now.s = s.b.free_at.s - 1;
    assert_int_equal(look(w).b.state, BREAKER_TRIPPED);
    w->now.s++;
    s = look(w);
    assert_int_equal(s.b.state, BREAKER_CLOSED); /* the window has moved on */
    assert_int_equal(s.b.waiting, 0);
}

static void test_who_asked_never_grants(void **state)
{
    struct world *w = *state;
    assert_err(ERR_CONTROL_NOT_TRIPPED, say(w, breaker_ask, 0, "user:2"));
    held_back(w);
    assert_err(ERR_CONTROL_SECOND_PERSON, say(w, breaker_ask, 0, "system"));
    assert_ok(say(w, breaker_ask, 0, "user:2"));
    assert_err(ERR_CONTROL_ASKED, say(w, breaker_ask, 0, "user:3"));
    int64_t id = look(w).r.id;
    assert_err(ERR_CONTROL_SECOND_PERSON, say(w, breaker_grant, id, "user:2"));
    assert_err(ERR_CONTROL_SECOND_PERSON, say(w, breaker_grant, id, "system"));
    assert_err(ERR_NOT_FOUND, say(w, breaker_grant, id + 1, "user:3"));
    assert_int_equal(look(w).r.state, BREAKER_ASKED);
    assert_int_equal(look(w).b.state, BREAKER_TRIPPED);
    assert_ok(say(w, breaker_grant, id, "user:3"));
    struct seen s = look(w);
    assert_int_equal(s.b.state, BREAKER_RELEASED);
    assert_string_equal(s.b.released_by, "user:3");
    assert_int_equal(s.b.released_until.s, w->now.s + CONTROL_BREAKER_S);
    assert_int_equal(s.r.state, BREAKER_GRANTED);
    assert_int_equal(s.r.waiting, 1);
    assert_err(ERR_STATE, say(w, breaker_grant, id, "user:4"));
    assert_err(ERR_CONTROL_NOT_TRIPPED, say(w, breaker_ask, 0, "user:2"));
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE (actor = 'user:2' AND "
                               "action = 'breaker.asked') OR (actor = 'user:3' AND "
                               "action IN ('breaker.grant', 'breaker.release'))"),
                     3);
    assert_int_equal(number(w, "SELECT due_at FROM fee_state"), w->now.s); /* no reading needed */
    assert_ok(store_run(w->ledger, check, w));
    assert_true(is_cut(w));
}

/* The clock was ahead when it was released: nobody's word lasts longer for that. */
static void test_a_release_of_a_clock_that_was_ahead(void **state)
{
    struct world *w = *state;
    held_back(w);
    int64_t now_s = w->now.s;
    w->now.s += 1;
    assert_ok(say(w, breaker_ask, 0, "user:2"));
    assert_ok(say(w, breaker_grant, look(w).r.id, "user:3"));
    assert_int_equal(look(w).b.state, BREAKER_RELEASED);
    w->now.s = now_s;
    assert_int_equal(look(w).b.state, BREAKER_TRIPPED);
    assert_ok(store_run(w->ledger, check, w));
    assert_false(is_cut(w));
    w->now.s = now_s + CONTROL_BREAKER_S; /* its last second, by the clock that gave it */
    assert_int_equal(look(w).b.released_until.s, now_s + 1 + CONTROL_BREAKER_S);
}

static void test_a_request_is_refused_or_lapses(void **state)
{
    struct world *w = *state;
    held_back(w);
    assert_ok(say(w, breaker_ask, 0, "user:2"));
    int64_t id = look(w).r.id;
    assert_ok(say(w, breaker_refuse, id, "user:2")); /* taken back */
    assert_int_equal(look(w).r.state, BREAKER_REFUSED);
    assert_err(ERR_STATE, say(w, breaker_grant, id, "user:3"));
    assert_ok(say(w, breaker_ask, 0, "user:3"));
    id = look(w).r.id;
    w->now.s += CONTROL_BREAKER_S;
    assert_err(ERR_CONTROL_NOT_TRIPPED, say(w, breaker_grant, id, "user:2"));
    w->now.s += BREAKER_ASK_S;
    assert_int_equal(look(w).r.state, BREAKER_LAPSED);
    assert_err(ERR_STATE, say(w, breaker_grant, id, "user:2"));
    sql(w, "UPDATE relay SET changed_at = 1767240000 + 7000 WHERE meter_id > 1000");
    assert_ok(say(w, breaker_ask, 0, "user:2"));
    assert_int_equal(look(w).r.id, id + 1);
    assert_int_equal(number(w, "SELECT count(*) FROM breaker_request WHERE state = 'lapsed'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_says_whom_it_holds_back_and_since_when, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_who_asked_never_grants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_release_of_a_clock_that_was_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_is_refused_or_lapses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
