#include "tests/unit/check.h"

#include <stdio.h>

#include "auth/auth_impl.h"
#include "store/store.h"

/* ---- roles ---- */

static void test_roles_are_told_apart(void **state)
{
    (void)state;
    for (unsigned r = 0; r < AUTH_ROLE_COUNT; r++) {
        enum auth_role back;
        assert_ok(auth_role_parse(auth_role_name((enum auth_role)r), &back));
        assert_int_equal(back, r);
        assert_true(auth_role_may((enum auth_role)r, AUTH_SELF));
        assert_true(auth_role_may((enum auth_role)r, AUTH_VIEW));
    }
    assert_true(auth_role_may(AUTH_CASHIER, AUTH_SELL));
    assert_false(auth_role_may(AUTH_CASHIER, AUTH_RELAY));
    assert_false(auth_role_may(AUTH_WARDEN, AUTH_MONEY));
    assert_false(auth_role_may(AUTH_ENGINEER, AUTH_MONEY));
    for (unsigned v = AUTH_SELL; v <= AUTH_CLAIM; v++)
        assert_false(auth_role_may(AUTH_AUDITOR, (enum auth_verb)v));
    assert_false(auth_role_may((enum auth_role)99, AUTH_VIEW));
    assert_false(auth_role_may(AUTH_ADMIN, (enum auth_verb)99));
    enum auth_role none;
    assert_err(ERR_NOT_FOUND, auth_role_parse("root", &none));
}

static void test_what_lies_outside_looks_absent(void **state)
{
    (void)state;
    struct auth_principal p = {.role = AUTH_CASHIER, .projects = {2, 5, 9}, .project_count = 3};
    assert_ok(auth_may(&p, AUTH_SELL, 5));
    assert_err(ERR_NOT_FOUND, auth_may(&p, AUTH_SELL, 4));
    assert_err(ERR_NOT_FOUND, auth_may(&p, AUTH_RELAY, 4));
    assert_err(ERR_AUTH_FORBIDDEN, auth_may(&p, AUTH_RELAY, 5));
    p.must_change = true;
    assert_err(ERR_AUTH_PASSWORD_CHANGE, auth_may(&p, AUTH_SELL, 5));
    assert_ok(auth_may(&p, AUTH_SELF, 0));
    p = (struct auth_principal){.role = AUTH_ADMIN};
    assert_ok(auth_may(&p, AUTH_CLAIM, 12345));
}

/* ---- passwords ---- */

static void test_weak_passwords(void **state)
{
    (void)state;
    assert_int_not_equal(sodium_init(), -1);
    static const char *const weak[] = {
        "",         "short",        "1234567",  "12345678",     "aaaaaaaa",
        "hgfedcba", "Password1",    "QWERTYUI", "li.ming-2024", "\xE5\xAF\x86\xE7\xA0\x81",
        "seven77",  "abcdefgh\xFF",
    };
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
        assert_err(ERR_AUTH_WEAK, auth_password_check("li.ming", weak[i]));
    char longest[AUTH_PASSWORD_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "no repeats here, then", 21);
    longest[AUTH_PASSWORD_MAX + 1] = '\0';
    assert_err(ERR_AUTH_WEAK, auth_password_check("li.ming", longest));
    longest[AUTH_PASSWORD_MAX] = '\0';
    assert_ok(auth_password_check("li.ming", longest));
    assert_ok(auth_password_check("li.ming", "correct horse battery"));
    assert_ok(auth_password_check("li.ming", "八个汉字就足够了"));
}

static void test_hash(void **state)
{
    (void)state;
    char hash[AUTH_HASH_TEXT], password[20], other[20];
    auth_password_random(password);
    auth_password_random(other);
    assert_int_equal(strlen(password), 19);
    assert_string_not_equal(password, other);
    assert_ok(auth_password_hash(password, hash));
    assert_memory_equal(hash, "$argon2id$v=19$m=47104,t=1,p=1$", 31);
    assert_true(auth_password_ok(hash, password));
    assert_false(auth_password_ok(hash, other));
    assert_false(auth_password_ok("", password));
}

/* ---- throttle ---- */

static void test_throttle(void **state)
{
    (void)state;
    static struct auth_throttle t;
    int64_t now = 1000;
    auth_throttle_init(&t);
    for (int i = 0; i < 4; i++)
        auth_throttle_count(&t, "li", 5, now);
    assert_int_equal(auth_throttle_wait(&t, "li", now), 0);
    static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        auth_throttle_count(&t, "li", 5, now);
        assert_int_equal(auth_throttle_wait(&t, "li", now), waits[i]);
        assert_int_equal(auth_throttle_wait(&t, "wang", now), 0);
        now += waits[i];
        assert_int_equal(auth_throttle_wait(&t, "li", now), 0);
    }
    auth_throttle_forget(&t, "li");
    auth_throttle_count(&t, "li", 5, now);
    assert_int_equal(auth_throttle_wait(&t, "li", now), 0);
}

/* Of an address: a log-in that worked does not wash away the guesses made beside it. */
static void test_success_forgives_itself_only(void **state)
{
    (void)state;
    static struct auth_throttle t;
    int64_t now = 1000;
    auth_throttle_init(&t);
    for (int i = 0; i < 5; i++)
        auth_throttle_count(&t, "peer:10.0.0", 5, now);
    now += auth_throttle_wait(&t, "peer:10.0.0", now);
    auth_throttle_count(&t, "peer:10.0.0", 5, now); /* the one that succeeds */
    auth_throttle_undo(&t, "peer:10.0.0");
    assert_int_equal(auth_throttle_wait(&t, "peer:10.0.0", now), 0);
    auth_throttle_count(&t, "peer:10.0.0", 5, now);
    assert_int_equal(auth_throttle_wait(&t, "peer:10.0.0", now), 2);
}

static void test_throttle_survives_a_flood(void **state)
{
    (void)state;
    static struct auth_throttle t;
    auth_throttle_init(&t);
    for (int i = 0; i < 8; i++)
        auth_throttle_count(&t, "victim", 5, 100);
    for (int i = 0; i < AUTH_THROTTLE_SLOTS / 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "flood%d", i);
        auth_throttle_count(&t, name, 5, 101);
    }
    assert_true(auth_throttle_wait(&t, "victim", 102) > 0);
}

/* ---- log-ins, on a real loop and a real store ---- */

struct world {
    struct io *io;
    struct store *store;
    struct auth *auth;
    char password[20];
};

struct answer {
    int count;
    enum err result;
    struct auth_session session;
};

static bool flush(void *arg)
{
    store_flush(((struct world *)arg)->store);
    return store_waiting(((struct world *)arg)->store) > 0;
}

static enum err first_admin(struct store_tx *tx, void *arg)
{
    return auth_first_admin(tx, arg);
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    if (io_open(&w->io, &(struct io_options){}) != ERR_OK ||
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) !=
            ERR_OK ||
        auth_open(&w->auth, &(struct auth_options){.io = w->io, .store = w->store}) != ERR_OK)
        return -1;
    io_on_turn(w->io, flush, w);
    return store_run(w->store, first_admin, w->password) == ERR_OK ? 0 : -1;
}

static int close_world(void **state)
{
    struct world *w = *state;
    auth_close(w->auth);
    store_close(w->store);
    io_close(w->io);
    free(w);
    return 0;
}

static void keep(void *arg, enum err result, const struct auth_session *s)
{
    struct answer *a = arg;
    a->count++;
    a->result = result;
    if (s)
        a->session = *s;
}

static void wait_for(struct world *w, const struct answer *a, int count)
{
    while (a->count < count)
        io_step(w->io, 1000);
}

static enum err log_in(struct world *w, const char *login, const char *password, struct answer *a)
{
    struct auth_attempt attempt = {.login = login,
                                   .password = password,
                                   .peer = "10.1.2.3",
                                   .now = {1'800'000'000},
                                   .done = keep,
                                   .arg = a};
    int before = a->count;
    enum err e = auth_log_in(w->auth, &attempt);
    if (e == ERR_OK)
        wait_for(w, a, before + 1);
    return e == ERR_OK ? a->result : e;
}

struct question {
    struct world *world;
    const char *token;
    struct auth_principal who;
};

static enum err ask(struct store_tx *tx, void *arg)
{
    struct question *q = arg;
    return auth_identify(q->world->auth, tx, q->token, &q->who);
}

static enum err identify(struct world *w, const char *token, struct auth_principal *who)
{
    struct question q = {w, token, {}};
    enum err e = store_read(w->store, ask, &q);
    *who = q.who;
    return e;
}

static void test_log_in_and_out(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    struct auth_principal who;
    assert_err(ERR_AUTH_LOGIN, log_in(w, "admin", "wrong wrong", &a));
    assert_err(ERR_AUTH_LOGIN, log_in(w, "nobody", w->password, &a));
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_int_equal(strlen(a.session.token), 43);
    assert_true(a.session.principal.must_change);
    assert_ok(identify(w, a.session.token, &who));
    assert_string_equal(who.login, "admin");
    assert_int_equal(who.role, AUTH_ADMIN);
    assert_true(auth_csrf_ok(&who, a.session.principal.csrf));
    assert_false(auth_csrf_ok(&who, ""));
    assert_false(auth_csrf_ok(&who, NULL));
    assert_false(auth_csrf_ok(&who, a.session.token));
    assert_err(ERR_AUTH_NONE, identify(w, "short", &who));
    a.session.token[5] ^= 1;
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
}

static enum err log_out(struct store_tx *tx, void *arg)
{
    return auth_log_out(tx, arg);
}

static void test_log_out_ends_it(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    struct auth_principal who;
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_ok(store_run(w->store, log_out, a.session.token));
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
}

static enum err change(struct world *w, struct answer *a, const char *old, const char *new)
{
    struct auth_attempt attempt = {
        .password = old, .peer = "", .now = {1'800'000'000}, .done = keep, .arg = a};
    struct auth_principal who = a->session.principal;
    int before = a->count;
    enum err e = auth_change_password(w->auth, &who, new, &attempt);
    if (e == ERR_OK)
        wait_for(w, a, before + 1);
    return e == ERR_OK ? a->result : e;
}

static void test_password_change_ends_all_log_ins(void **state)
{
    struct world *w = *state;
    struct answer first = {}, second = {};
    struct auth_principal who;
    assert_ok(log_in(w, "admin", w->password, &first));
    assert_ok(log_in(w, "admin", w->password, &second));
    char old_token[AUTH_TOKEN_TEXT];
    memcpy(old_token, second.session.token, sizeof old_token);
    assert_err(ERR_AUTH_WEAK, change(w, &second, w->password, "admin1234"));
    assert_err(ERR_AUTH_WEAK, change(w, &second, w->password, w->password));
    assert_err(ERR_AUTH_LOGIN, change(w, &second, "not the old one", "a new long secret"));
    assert_ok(identify(w, old_token, &who));
    second.session.principal = who;
    assert_ok(change(w, &second, w->password, "a new long secret"));
    assert_false(second.session.principal.must_change);
    assert_err(ERR_AUTH_NONE, identify(w, first.session.token, &who));
    assert_err(ERR_AUTH_NONE, identify(w, old_token, &who));
    assert_ok(identify(w, second.session.token, &who));
    assert_err(ERR_AUTH_LOGIN, log_in(w, "admin", w->password, &first));
    assert_ok(log_in(w, "admin", "a new long secret", &first));
}

static enum err age(struct store_tx *tx, void *arg)
{
    const int64_t *by = arg;
    return store_exec(tx, "UPDATE login SET created_at = created_at - $1, seen_at = seen_at - $2",
                      "ii", by[0], by[1]);
}

static void test_log_ins_expire(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    struct auth_principal who;
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_ok(store_run(w->store, age, (int64_t[]){1700, 1700}));
    assert_ok(identify(w, a.session.token, &who)); /* a sign of life: idleness starts anew */
    store_flush(w->store);
    assert_ok(store_run(w->store, age, (int64_t[]){1700, 1700}));
    assert_ok(identify(w, a.session.token, &who));
    store_flush(w->store);
    assert_ok(store_run(w->store, age, (int64_t[]){0, 1801}));
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_ok(store_run(w->store, age, (int64_t[]){12 * 3600, 0}));
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
}

static enum err disable(struct store_tx *tx, void *arg)
{
    (void)arg;
    return store_exec(tx, "UPDATE person SET disabled = 1", "");
}

static void test_disabled_person(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    struct auth_principal who;
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_ok(store_run(w->store, disable, NULL));
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
    assert_err(ERR_AUTH_LOGIN, log_in(w, "admin", w->password, &a));
}

static void test_failures_are_slowed_down(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    int failures = 0;
    while (failures < 20 && log_in(w, "ghost", "guess after guess", &a) == ERR_AUTH_LOGIN)
        failures++; /* the first waits may pass while we try */
    assert_in_range(failures, 5, 19);
    struct auth_attempt attempt = {.login = "ghost", .peer = "10.1.2.3"};
    assert_true(auth_wait_s(w->auth, &attempt) >= 1);
    assert_ok(log_in(w, "admin", w->password, &a)); /* others go on */
}

static void test_queue_is_bounded(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    int taken = 0, busy = 0;
    for (int i = 0; i < 60; i++) {
        char login[16], peer[24];
        snprintf(login, sizeof login, "many%d", i);
        snprintf(peer, sizeof peer, "10.%d.0.1", i);
        struct auth_attempt attempt = {.login = login,
                                       .password = "some password",
                                       .peer = peer,
                                       .now = {1'800'000'000},
                                       .done = keep,
                                       .arg = &a};
        enum err e = auth_log_in(w->auth, &attempt);
        taken += e == ERR_OK;
        busy += e == ERR_AUTH_BUSY;
    }
    assert_int_equal(taken, AUTH_RUNNING_MAX + AUTH_WAITING_MAX);
    assert_int_equal(busy, 60 - taken);
    wait_for(w, &a, 5); /* the rest is dropped by auth_close, without an answer */
}

static enum err add_person(struct store_tx *tx, void *arg)
{
    int64_t id;
    return auth_person_add(tx, arg, &id);
}

static void test_person_add_refuses(void **state)
{
    struct world *w = *state;
    char again[20];
    struct auth_new_person n = {
        .login = "li", .name = "Li", .password = "well chosen words", .role = AUTH_CASHIER};
    assert_err(ERR_EXISTS, store_run(w->store, first_admin, again));
    assert_ok(store_run(w->store, add_person, &n));
    assert_err(ERR_EXISTS, store_run(w->store, add_person, &n));
    n.login = "bad name";
    assert_err(ERR_RANGE, store_run(w->store, add_person, &n));
    n.login = "wang";
    n.password = "12345678";
    assert_err(ERR_AUTH_WEAK, store_run(w->store, add_person, &n));
    n.password = "well chosen words";
    n.projects = (int64_t[]){77};
    n.project_count = 1;
    assert_err(ERR_STORE_CONSTRAINT, store_run(w->store, add_person, &n)); /* no such project */
    struct answer a = {};
    assert_ok(log_in(w, "li", "well chosen words", &a));
    assert_false(a.session.principal.must_change);
    char actor[32];
    auth_actor(&a.session.principal, actor);
    assert_string_equal(actor, "user:2");
}

static enum err reset(struct store_tx *tx, void *arg)
{
    return auth_reset_password(tx, "admin", arg);
}

static void test_reset_password(void **state)
{
    struct world *w = *state;
    struct answer a = {};
    struct auth_principal who;
    char fresh[20];
    assert_ok(log_in(w, "admin", w->password, &a));
    assert_ok(store_run(w->store, reset, fresh));
    assert_err(ERR_AUTH_NONE, identify(w, a.session.token, &who));
    assert_err(ERR_AUTH_LOGIN, log_in(w, "admin", w->password, &a));
    assert_ok(log_in(w, "admin", fresh, &a));
    assert_true(a.session.principal.must_change);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_are_told_apart),
        cmocka_unit_test(test_what_lies_outside_looks_absent),
        cmocka_unit_test(test_weak_passwords),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_success_forgives_itself_only),
        cmocka_unit_test(test_throttle_survives_a_flood),
        CASE(test_log_in_and_out),
        CASE(test_log_out_ends_it),
        CASE(test_password_change_ends_all_log_ins),
        CASE(test_log_ins_expire),
        CASE(test_disabled_person),
        CASE(test_failures_are_slowed_down),
        CASE(test_queue_is_bounded),
        CASE(test_person_add_refuses),
        CASE(test_reset_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
