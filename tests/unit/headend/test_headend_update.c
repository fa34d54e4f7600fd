/* Updates of gateways: files, wishes, blocks, and what the gateways tell. */
#include "tests/unit/headend/headend_rig.h"

#include "headend/update.h"
#include "io/pki.h"
#include "uplink/update_file.h"

#define OTHER 4 /* gateway YG-2, not claimed */

static struct pki_pem secret_key, public_key;
static uint8_t file[20'000];
static size_t file_len;

/* A signed update file of so many bytes. */
static void make_file(struct update_header h, size_t program_len)
{
    uint8_t *program = file + UPDATE_HEADER;
    memset(program, (int)(program_len % 251), program_len);
    h.size = program_len;
    sign_sha256((struct bytes){program, program_len}, h.sha256);
    assert_ok(sign_key_id(pki_pem_bytes(&secret_key), h.signature.key_id));
    update_header_encode(&h, file);
    assert_ok(
        sign_make(pki_pem_bytes(&secret_key), (struct bytes){file, UPDATE_SIGNED}, &h.signature));
    update_header_encode(&h, file);
    file_len = UPDATE_HEADER + program_len;
}

static struct update_header next_version(void)
{
    return (struct update_header){
        .release = {"yufu-gateway", {{0, 2, 0}}, 1}, .minimum = {{0, 1, 0}}, .machine = "arm"};
}

struct job {
    struct rig *w;
    struct headend_package package;
    struct headend_push_new push;
    struct headend_program program;
    struct headend_push got;
    int64_t id, refused;
    enum err result;
};

static enum err add(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    j->result = headend_package_add(
        tx,
        &(struct headend_package_new){
            {file, file_len}, pki_pem_bytes(&public_key), "user:1", j->w->now.wall},
        &j->package);
    return j->result;
}

static enum err add_file(struct rig *w, int64_t *id)
{
    struct job j = {.w = w};
    enum err e = store_run(w->ledger, add, &j);
    if (id)
        *id = j.package.id;
    return e;
}

static enum err remove_it(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return headend_package_remove(tx, j->id, "user:1", j->w->now.wall);
}

static enum err make(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return headend_push_make(tx, &j->push, &j->id, &j->refused);
}

static struct job wish(struct rig *w, int64_t package, const int64_t *gateways, size_t count)
{
    return (struct job){.w = w,
                        .push = {.package_id = package,
                                 .project_id = 1,
                                 .gateways = gateways,
                                 .count = count,
                                 .trial_s = 600,
                                 .reason = "because",
                                 .actor = "user:1",
                                 .now = w->now.wall,
                                 .random = ++w->random * 1000}};
}

static const int64_t one[] = {GATEWAY};

static int64_t push_one(struct rig *w)
{
    int64_t package;
    make_file(next_version(), 10'000);
    assert_ok(add_file(w, &package));
    struct job j = wish(w, package, one, 1);
    assert_ok(store_run(w->ledger, make, &j));
    return j.id;
}

static enum err stop(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return headend_push_stop(
        tx, &(struct headend_push_stop){j->id, "no more", "user:1", j->w->now.wall});
}

static enum err look(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    TRY(headend_push_get(tx, j->id, &j->got));
    return headend_program_get(tx, GATEWAY, &j->program);
}

static struct job state_of(struct rig *w, int64_t push)
{
    struct job j = {.w = w, .id = push};
    assert_ok(store_read(w->ledger, look, &j));
    return j;
}

static void assert_state(struct rig *w, int64_t push, const char *part, const char *whole)
{
    struct job j = state_of(w, push);
    assert_string_equal(j.program.state, part);
    assert_string_equal(j.got.state, whole);
}

static void tell(struct rig *w, struct peer *p, struct uplink_program t)
{
    snprintf(t.version, sizeof t.version, "%s",
             t.stage == UPLINK_UPDATE_CONFIRMED ? "0.2.0" : "0.1.0");
    snprintf(t.machine, sizeof t.machine, "%s", "arm");
    snprintf(t.place, sizeof t.place, "%s", "installed");
    t.store = 1;
    rig_say(w, p, &(struct uplink_message){.kind = UPLINK_PROGRAM, .program = t});
    rig_turn(w);
}

static void ask(struct rig *w, struct peer *p, int64_t id, int64_t offset)
{
    rig_say(w, p, &(struct uplink_message){.kind = UPLINK_ASK, .ask = {id, offset}});
}

static struct peer *connected(struct rig *w)
{
    w->updates = true;
    struct peer *p = rig_connect(w, 1, 1);
    tell(w, p, (struct uplink_program){.stage = UPLINK_UPDATE_NONE});
    return p;
}

static void pass(struct rig *w, int64_t ms)
{
    w->now.mono.ms += ms;
    w->now.wall.s += ms / 1000;
    headend_tick(w->headend, w->now);
    rig_turn(w);
}

/* --- files --------------------------------------------------------------------------------------
 */

static void test_files_are_checked_when_they_are_added(void **state)
{
    struct rig *w = *state;
    int64_t id;
    struct update_header other = next_version();
    memcpy(other.release.program, "yufu-mqtt\0\0\0", 12);
    make_file(other, 1000);
    assert_err(ERR_UPDATE_PROGRAM, add_file(w, NULL));
    make_file(next_version(), 1000);
    file[file_len - 1] ^= 1;
    assert_err(ERR_UPDATE_DATA, add_file(w, NULL));
    file[file_len - 1] ^= 1;
    file[50] ^= 1;
    assert_err(ERR_SIGN_WRONG, add_file(w, NULL));
    file[50] ^= 1;
    assert_int_equal(rig_number(w, "SELECT count(*) FROM gateway_package"), 0);
    assert_ok(add_file(w, &id));
    assert_err(ERR_EXISTS, add_file(w, NULL));
    assert_int_equal(rig_number(w, "SELECT count(*) FROM audit WHERE "
                                   "action = 'gateway.package_add'"),
                     1);
    for (size_t i = 1; i < HEADEND_PACKAGES_MAX; i++) {
        make_file(next_version(), 1000 + i);
        assert_ok(add_file(w, NULL));
    }
    make_file(next_version(), 2000);
    assert_err(ERR_FULL, add_file(w, NULL));
    struct job j = {.w = w, .id = id};
    assert_ok(store_run(w->ledger, remove_it, &j));
    assert_err(ERR_NOT_FOUND, store_run(w->ledger, remove_it, &j));
    assert_ok(add_file(w, NULL));
}

/* --- wishes -------------------------------------------------------------------------------------
 */

static void test_wishes_that_are_refused(void **state)
{
    struct rig *w = *state;
    static const int64_t unclaimed[] = {OTHER}, unknown[] = {77}, twice[] = {GATEWAY, GATEWAY};
    int64_t package;
    make_file(next_version(), 1000);
    assert_ok(add_file(w, &package));
    static const struct {
        const int64_t *gateways;
        size_t count;
        enum err e;
    } rows[] = {{unclaimed, 1, ERR_STATE},
                {unknown, 1, ERR_NOT_FOUND},
                {twice, 2, ERR_RANGE},
                {one, 0, ERR_RANGE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct job j = wish(w, package, rows[i].gateways, rows[i].count);
        assert_err(rows[i].e, store_run(w->ledger, make, &j));
    }
    struct job j = wish(w, package + 1, one, 1);
    assert_err(ERR_NOT_FOUND, store_run(w->ledger, make, &j));
    j = wish(w, package, one, 1);
    j.push.project_id = 2;
    assert_err(ERR_NOT_FOUND, store_run(w->ledger, make, &j));
    j = wish(w, package, one, 1);
    j.push.reason = "";
    assert_err(ERR_RANGE, store_run(w->ledger, make, &j));
    j = wish(w, package, one, 1);
    j.push.until_minute = 1440;
    assert_err(ERR_RANGE, store_run(w->ledger, make, &j));
    j = wish(w, package, one, 1);
    j.push.first = 2;
    assert_err(ERR_RANGE, store_run(w->ledger, make, &j));
    assert_int_equal(rig_number(w, "SELECT count(*) FROM gateway_push_part"), 0);
}

static void test_wishes_that_do_not_suit_what_was_told(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    struct update_header h = next_version();
    int64_t package[5];
    strcpy(h.machine, "aarch64");
    make_file(h, 1000);
    assert_ok(add_file(w, &package[0]));
    h = next_version();
    h.release.store = 2;
    make_file(h, 1000);
    assert_ok(add_file(w, &package[1]));
    h = next_version();
    h.minimum = (struct update_version){{0, 1, 1}};
    make_file(h, 1000);
    assert_ok(add_file(w, &package[2]));
    h = next_version();
    h.release.version = h.minimum;
    make_file(h, 1000);
    assert_ok(add_file(w, &package[3]));
    make_file(next_version(), 1000);
    assert_ok(add_file(w, &package[4]));
    static const enum err e[] = {ERR_UPDATE_MACHINE, ERR_UPDATE_STORE, ERR_UPDATE_FROM,
                                 ERR_UPDATE_OLD};
    for (int i = 0; i < 4; i++) {
        struct job j = wish(w, package[i], one, 1);
        assert_err(e[i], store_run(w->ledger, make, &j));
        assert_int_equal(j.refused, GATEWAY);
    }
    struct job j = wish(w, package[3], one, 1);
    j.push.downgrade = true;
    assert_ok(store_run(w->ledger, make, &j));
    struct job k = wish(w, package[4], one, 1);
    assert_err(ERR_UPDATE_BUSY, store_run(w->ledger, make, &k));
    j.id = package[3];
    assert_err(ERR_UPDATE_USED, store_run(w->ledger, remove_it, &j));
    (void)p;
}

static void test_gateway_that_knows_no_updates(void **state)
{
    struct rig *w = *state;
    int64_t push = push_one(w); /* before it was ever seen */
    struct peer *p = rig_connect(w, 1, 1);
    rig_turn(w);
    assert_int_equal(p->updates, 0);
    struct job j = state_of(w, push);
    assert_string_equal(j.program.state, "failed");
    assert_string_equal(j.program.error, "UPDATE_UNKNOWN");
    assert_string_equal(j.program.told, "test");
    assert_string_equal(j.got.state, "done");
    j = wish(w, 1, one, 1);
    assert_err(ERR_UPDATE_UNKNOWN, store_run(w->ledger, make, &j));
}

/* --- the way of one -----------------------------------------------------------------------------
 */

static void test_blocks_and_the_way_to_the_end(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    pass(w, 5000);
    assert_int_equal(p->updates, 1);
    assert_int_equal(p->update.size, file_len);
    uint8_t sum[32];
    sign_sha256((struct bytes){file, file_len}, sum);
    assert_memory_equal(p->update.sha256, sum, 32);
    int64_t id = p->update.id;
    uint8_t got[sizeof file];
    for (size_t at = 0; at < file_len; at += p->block.len) {
        ask(w, p, id, (int64_t)at);
        assert_int_equal(p->block_offset, at);
        memcpy(got + at, p->block.data, p->block.len);
    }
    assert_int_equal(p->blocks, 3);
    assert_memory_equal(got, file, file_len);
    tell(w, p,
         (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FETCHING, .received = 8192});
    assert_state(w, push, "fetching", "running");
    assert_int_equal(state_of(w, push).program.received, 8192);
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_READY});
    assert_state(w, push, "ready", "running");
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_TRIAL});
    assert_state(w, push, "trial", "running");
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_CONFIRMED});
    assert_state(w, push, "confirmed", "done");
    assert_string_equal(state_of(w, push).program.version, "0.2.0");
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.update_done'"),
                     1);
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_CONFIRMED}); /* again */
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.update_done'"),
                     1);
}

static void test_what_is_not_there_is_no_longer_wished(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id;
    static const int64_t offsets[] = {-4096, 1, 4095, 12'288, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        ask(w, p, id, offsets[i]);
        assert_int_equal(p->blocks, 0);
        assert_int_equal(p->updates, 2 + (int)i);
        assert_int_equal(p->update.size, 0);
    }
    ask(w, p, id + 1, 0); /* somebody else's */
    assert_int_equal(p->blocks, 0);
}

static void test_blocks_of_all_have_a_bound(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id;
    w->now.mono.ms += 200;
    int sent = 0;
    for (int i = 0; i < 100; i++) {
        ask(w, p, id, 0);
        if (p->blocks == sent)
            break;
        sent = p->blocks;
    }
    assert_int_equal(sent, 32);
    assert_true(mono_earlier(headend_wake(w->headend), mono_after(w->now.mono, 100)).ms <=
                w->now.mono.ms + 100);
    pass(w, 99);
    assert_int_equal(p->blocks, 32);
    pass(w, 1);
    assert_int_equal(p->blocks, 33); /* the one that waited */
}

static void test_taken_back(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    struct job j = {.w = w, .id = push};
    pass(w, 5000);
    int64_t id = p->update.id;
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FETCHING});
    assert_ok(store_run(w->ledger, stop, &j));
    assert_err(ERR_STATE, store_run(w->ledger, stop, &j));
    assert_state(w, push, "stopping", "stopped");
    ask(w, p, id, 0);
    assert_int_equal(p->blocks, 0);
    assert_int_equal(p->update.size, 0);
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_READY}); /* crossed it */
    assert_state(w, push, "stopping", "stopped");
    int before = p->updates;
    pass(w, 5000); /* said again */
    assert_int_equal(p->updates, before + 1);
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_WITHDRAWN});
    assert_state(w, push, "stopped", "stopped");
    pass(w, 5000);
    assert_int_equal(p->updates, before + 1);
}

static void test_taken_back_too_late(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    struct job j = {.w = w, .id = push};
    pass(w, 5000);
    int64_t id = p->update.id;
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_READY});
    assert_ok(store_run(w->ledger, stop, &j));
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_TRIAL});
    assert_state(w, push, "trial", "stopped");
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_CONFIRMED});
    assert_state(w, push, "confirmed", "stopped");
}

static void test_gateway_that_has_forgotten(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id;
    tell(w, p, (struct uplink_program){.stage = UPLINK_UPDATE_NONE}); /* not heard yet */
    assert_state(w, push, "waiting", "running");
    tell(w, p,
         (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FETCHING, .received = 4096});
    tell(w, p, (struct uplink_program){.stage = UPLINK_UPDATE_NONE}); /* another data folder */
    assert_state(w, push, "waiting", "running");
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_TRIAL});
    tell(w, p, (struct uplink_program){.stage = UPLINK_UPDATE_NONE});
    assert_state(w, push, "failed", "done");
    assert_string_equal(state_of(w, push).program.error, "UPDATE_LOST");
}

static void test_failed_by_name_and_said_again_after_a_restart(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id;
    tell(w, p, (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FETCHING});
    headend_closed(w->headend, 1, w->now);
    p->closed = true;
    p = rig_connect(w, 2, 2); /* heard at once, and not after five seconds */
    assert_int_equal(p->update.id, id);
    tell(w, p,
         (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FAILED, .error = "UPDATE_SPACE"});
    assert_state(w, push, "failed", "done");
    assert_string_equal(state_of(w, push).program.error, "UPDATE_SPACE");
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE "
                                   "kind = 'gateway.update_failed' AND severity = 'alarm'"),
                     1);
}

/* --- what cannot be -----------------------------------------------------------------------------
 */

static int64_t noted(struct rig *w)
{
    rig_turn(w); /* an event is a piece of work of its own */
    return rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused' "
                         "AND detail LIKE '%UPDATE_TOLD%'");
}

/* Statements are kept by the address of their text: one for each state. */
static void put_state(struct rig *w, const char *state)
{
    static const struct {
        const char *state, *sql;
    } rows[] = {
        {"waiting", "UPDATE gateway_push_part SET state = 'waiting', received = 7, error = ''"},
        {"fetching", "UPDATE gateway_push_part SET state = 'fetching', received = 7, error = ''"},
        {"ready", "UPDATE gateway_push_part SET state = 'ready', received = 7, error = ''"},
        {"trial", "UPDATE gateway_push_part SET state = 'trial', received = 7, error = ''"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].state, state) == 0)
            rig_sql(w, rows[i].sql);
}

/* Nothing was changed by it; it is noted once in a session. */
static void test_progress_that_cannot_be(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id, size = p->update.size;
    static const struct {
        const char *before;
        enum uplink_update_stage told;
        int64_t received;
    } rows[] = {
        {"fetching", UPLINK_UPDATE_FETCHING, -1},
        {"fetching", UPLINK_UPDATE_FETCHING, INT64_MAX},
        {"fetching", UPLINK_UPDATE_READY, INT64_MIN},
        {"waiting", UPLINK_UPDATE_TRIAL, 1 << 30},
        {"ready", UPLINK_UPDATE_FETCHING, 4096},
        {"trial", UPLINK_UPDATE_FETCHING, 4096},
        {"trial", UPLINK_UPDATE_READY, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_state(w, rows[i].before);
        tell(
            w, p,
            (struct uplink_program){.id = id, .stage = rows[i].told, .received = rows[i].received});
        assert_state(w, push, rows[i].before, "running");
        assert_int_equal(state_of(w, push).program.received, 7);
        assert_int_equal(noted(w), 1);
    }
    assert_false(p->closed); /* its readings and orders go on */
    put_state(w, "fetching");
    tell(w, p,
         (struct uplink_program){.id = id, .stage = UPLINK_UPDATE_FETCHING, .received = size});
    assert_int_equal(state_of(w, push).program.received, size);
}

static void test_program_that_cannot_be(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    static const struct {
        const char *version;
        int64_t store;
    } rows[] = {{"0.1", 1}, {"newest", 1}, {"0.3.0", -1}, {"0.3.0", 65'537}};
    int64_t push = push_one(w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct uplink_program t = {.stage = UPLINK_UPDATE_NONE, .store = rows[i].store};
        snprintf(t.version, sizeof t.version, "%s", rows[i].version);
        rig_say(w, p, &(struct uplink_message){.kind = UPLINK_PROGRAM, .program = t});
        rig_turn(w);
        assert_string_equal(state_of(w, push).program.version, "0.1.0");
        assert_int_equal(state_of(w, push).program.store, 1);
        assert_int_equal(noted(w), 1);
    }
}

/* It says that it is over, and it did not end so: the wish ends by name, and the rest waits for
 * nobody. */
static void test_ends_that_cannot_be(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_one(w);
    pass(w, 5000);
    int64_t id = p->update.id;
    static const struct {
        const char *version, *error;
        enum uplink_update_stage told;
    } rows[] = {{"0.1.0", "", UPLINK_UPDATE_CONFIRMED},
                {"0.2.0", "", UPLINK_UPDATE_WITHDRAWN}, /* nobody took it back */
                {"0.1.0", "", UPLINK_UPDATE_FAILED},
                {"0.1.0", "because, well", UPLINK_UPDATE_FAILED}};
    static const char *const states[] = {"waiting", "fetching", "ready", "trial"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] * 4; i++) {
        struct uplink_program t = {.id = id, .stage = rows[i / 4].told, .received = -1, .store = 1};
        put_state(w, states[i % 4]);
        rig_sql(w, "UPDATE gateway_push SET state = 'running'");
        snprintf(t.version, sizeof t.version, "%s", rows[i / 4].version);
        snprintf(t.error, sizeof t.error, "%s", rows[i / 4].error);
        rig_say(w, p, &(struct uplink_message){.kind = UPLINK_PROGRAM, .program = t});
        rig_turn(w);
        assert_state(w, push, "failed", "done");
        assert_string_equal(state_of(w, push).program.error, "UPDATE_TOLD");
    }
}

/* --- stages -------------------------------------------------------------------------------------
 */

/* The gateway of the test is the second of two; the first is told of by hand. */
static int64_t push_two(struct rig *w)
{
    static const int64_t two[] = {OTHER, GATEWAY};
    int64_t package;
    rig_sql(w, "UPDATE gateway SET certificate_hash = zeroblob(32) WHERE id = 4");
    make_file(next_version(), 1000);
    assert_ok(add_file(w, &package));
    struct job j = wish(w, package, two, 2);
    j.push.first = 1;
    assert_ok(store_run(w->ledger, make, &j));
    return j.id;
}

struct told {
    enum uplink_update_stage stage;
    int64_t id;
};

static enum err tell_of_other(struct store_tx *tx, void *arg)
{
    const struct told *t = arg;
    struct site_gateway g;
    TRY(site_gateway_get(tx, OTHER, &g));
    return headend_push_told(
        tx, &g,
        &(struct uplink_program){
            .id = t->id, .stage = t->stage, .error = "UPDATE_TIME", .version = "0.2.0", .store = 1},
        (wall_s){WALL});
}

static void first_ends(struct rig *w, enum uplink_update_stage stage)
{
    struct told t = {stage, rig_number(w, "SELECT id FROM gateway_push_part WHERE gateway_id = 4")};
    assert_ok(store_run(w->ledger, tell_of_other, &t));
}

static void test_rest_waits_for_the_first(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_two(w);
    pass(w, 10'000);
    assert_int_equal(p->updates, 0);
    first_ends(w, UPLINK_UPDATE_TRIAL);
    pass(w, 10'000);
    assert_int_equal(p->updates, 0);
    first_ends(w, UPLINK_UPDATE_CONFIRMED);
    assert_state(w, push, "waiting", "running");
    pass(w, 5000);
    assert_int_equal(p->updates, 1);
}

static void test_rest_is_not_begun_if_one_of_the_first_fails(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_two(w);
    first_ends(w, UPLINK_UPDATE_FAILED);
    assert_state(w, push, "stopped", "halted");
    assert_string_equal(state_of(w, push).program.error, "UPDATE_HALTED");
    pass(w, 10'000);
    assert_int_equal(p->updates, 0);
    assert_int_equal(
        rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.update_halted'"), 1);
    struct job j = {.w = w, .id = push};
    assert_err(ERR_STATE, store_run(w->ledger, stop, &j));
}

static enum err revoke_other(struct store_tx *tx, void *arg)
{
    struct rig *w = arg;
    TRY(site_gateway_revoke(tx, OTHER, true));
    return headend_push_revoked(tx, OTHER, w->now.wall);
}

static void test_rest_is_not_begun_if_one_of_the_first_is_revoked(void **state)
{
    struct rig *w = *state;
    struct peer *p = connected(w);
    int64_t push = push_two(w);
    first_ends(w, UPLINK_UPDATE_FETCHING);
    assert_ok(store_run(w->ledger, revoke_other, w));
    assert_state(w, push, "stopped", "halted");
    assert_int_equal(rig_number(w, "SELECT count(*) FROM gateway_push_part WHERE gateway_id = 4 "
                                   "AND state = 'failed' AND error = 'HEADEND_REVOKED'"),
                     1);
    pass(w, 10'000);
    assert_int_equal(p->updates, 0);
    assert_ok(store_run(w->ledger, revoke_other, w)); /* again: nothing more to end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_files_are_checked_when_they_are_added),
        CASE(test_wishes_that_are_refused),
        CASE(test_wishes_that_do_not_suit_what_was_told),
        CASE(test_gateway_that_knows_no_updates),
        CASE(test_blocks_and_the_way_to_the_end),
        CASE(test_what_is_not_there_is_no_longer_wished),
        CASE(test_blocks_of_all_have_a_bound),
        CASE(test_taken_back),
        CASE(test_taken_back_too_late),
        CASE(test_gateway_that_has_forgotten),
        CASE(test_failed_by_name_and_said_again_after_a_restart),
        CASE(test_progress_that_cannot_be),
        CASE(test_program_that_cannot_be),
        CASE(test_ends_that_cannot_be),
        CASE(test_rest_waits_for_the_first),
        CASE(test_rest_is_not_begun_if_one_of_the_first_fails),
        CASE(test_rest_is_not_begun_if_one_of_the_first_is_revoked),
    };
    if (sign_key_make(&secret_key, &public_key) != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
