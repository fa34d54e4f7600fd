/* Updates of the gateway's program: header, record of the slots, and every decision. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check.h"

#include "app/gateway/gateway_update.h"

static struct update_header sample(void)
{
    struct update_header h = {.release = {"yufu-gateway", {{0, 2, 65535}}, 1},
                              .minimum = {{0, 1, 0}},
                              .machine = "aarch64",
                              .size = 819112};
    for (int i = 0; i < SIGN_SHA256; i++)
        h.sha256[i] = (uint8_t)(i * 7);
    for (int i = 0; i < SIGN_SIZE; i++)
        h.signature.bytes[i] = (uint8_t)(i * 5);
    memset(h.signature.key_id, 0xA5, sizeof h.signature.key_id);
    return h;
}

/* ---- the file ------------------------------------------------------------------------------- */

static void test_header_round_trip(void **state)
{
    (void)state;
    uint8_t wire[UPDATE_HEADER], again[UPDATE_HEADER];
    struct update_header h = sample(), back;
    update_header_encode(&h, wire);
    assert_memory_equal(wire, "YUFUUPDT\0\1yufu-gateway\0", 23);
    assert_ok(update_header_decode((struct bytes){wire, sizeof wire}, &back));
    assert_memory_equal(&back.release, &h.release, sizeof h.release);
    assert_int_equal(back.size, h.size);
    update_header_encode(&back, again);
    assert_memory_equal(again, wire, sizeof wire);
}

static void header_refused(size_t at, uint8_t value, enum err e)
{
    uint8_t wire[UPDATE_HEADER];
    struct update_header h = sample(), back;
    update_header_encode(&h, wire);
    wire[at] = value;
    assert_err(e, update_header_decode((struct bytes){wire, sizeof wire}, &back));
}

static void test_header_refuses(void **state)
{
    (void)state;
    uint8_t wire[UPDATE_HEADER];
    struct update_header h = sample(), back;
    update_header_encode(&h, wire);
    for (size_t n = 0; n < UPDATE_HEADER; n++)
        assert_err(ERR_TRUNCATED, update_header_decode((struct bytes){wire, n}, &back));
    header_refused(0, 'y', ERR_UPDATE_FILE);  /* not ours */
    header_refused(9, 2, ERR_UPDATE_FILE);    /* a later format */
    header_refused(10, 'Y', ERR_UPDATE_FILE); /* a capital letter in a name */
    header_refused(10, 0, ERR_UPDATE_FILE);   /* no name */
    header_refused(33, 'x', ERR_UPDATE_FILE); /* something behind its zeros */
    header_refused(48, 0, ERR_UPDATE_FILE);   /* no machine */
    header_refused(64, 1, ERR_UPDATE_FILE);   /* a size beyond all bounds */
    header_refused(127, 1, ERR_UPDATE_FILE);  /* what is reserved */
    header_refused(127, 0, ERR_OK);
    h.size = 0;
    update_header_encode(&h, wire);
    assert_err(ERR_UPDATE_FILE, update_header_decode((struct bytes){wire, sizeof wire}, &back));
    h.size = UPDATE_PROGRAM_MAX + 1;
    update_header_encode(&h, wire);
    assert_err(ERR_UPDATE_FILE, update_header_decode((struct bytes){wire, sizeof wire}, &back));
}

static void test_versions(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     "1",      "1.2",    "1.2.",   "1.2.3.4", "1.2.65536", "01.2.3",
        "1..3", "-1.2.3", "1.2.3 ", " 1.2.3", "1.2.x",   "1.2.03",    "99999999999.0.0"};
    struct update_version v, w;
    char text[UPDATE_VERSION_TEXT];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_err(ERR_SYNTAX, update_version_parse(wrong[i], &v));
    assert_ok(update_version_parse("0.10.65535", &v));
    update_version_text(v, text);
    assert_string_equal(text, "0.10.65535");
    assert_ok(update_version_parse("0.9.0", &w));
    assert_true(update_version_compare(v, w) > 0 && update_version_compare(w, v) < 0);
    assert_int_equal(update_version_compare(v, v), 0);
}

static enum err find(const char *text, size_t len, struct update_release *r)
{
    return update_release_find((struct bytes){(const uint8_t *)text, len}, r);
}

static void test_release_in_a_program(void **state)
{
    (void)state;
    struct update_release r;
    static const char one[] = "xx" UPDATE_MARK "\0.." UPDATE_MARK "yufu-gateway 1.2.3 store 4\0yy";
    static const char twice[] = UPDATE_MARK "a 1.2.3 store 4\0" UPDATE_MARK "a 1.2.3 store 4";
    static const char differ[] = UPDATE_MARK "a 1.2.3 store 4\0" UPDATE_MARK "a 1.2.4 store 4";
    static const char none[] = UPDATE_MARK "a 1.2.3 store";
    assert_ok(find(one, sizeof one, &r));
    assert_string_equal(r.program, "yufu-gateway");
    assert_int_equal(r.version.part[2], 3);
    assert_int_equal(r.store, 4);
    assert_ok(find(twice, sizeof twice, &r));
    assert_err(ERR_UPDATE_PROGRAM, find(differ, sizeof differ, &r));
    assert_err(ERR_UPDATE_PROGRAM, find(none, sizeof none, &r));
    assert_err(ERR_UPDATE_PROGRAM, find(twice, strlen(twice), &r)); /* ends before its zero */
    assert_err(ERR_UPDATE_PROGRAM, find("", 0, &r));
    static const char *const wrong[] = {
        "a1.2.3 store 4",   "a 1.2 store 4",
        "a 1.2.3 store 04", "A 1.2.3 store 4",
        "a 1.2.3 store 4 ", " 1.2.3 store 4",
        "a 1.2.3 Store 4",  "a-name-of-many-many-letters 1.2.3 store 4"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_err(ERR_SYNTAX, update_release_parse(wrong[i], &r));
}

static void test_machines(void **state)
{
    (void)state;
    static const struct {
        uint8_t bits, little, number;
        const char *name;
    } rows[] = {{2, 1, 62, "x86_64"}, {2, 1, 183, "aarch64"}, {1, 1, 40, "arm"},
                {1, 1, 62, NULL},     {2, 2, 62, NULL},       {2, 1, 8, NULL}};
    char name[UPDATE_MACHINE_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t elf[20] = {0x7F, 'E', 'L', 'F', rows[i].bits, rows[i].little, 1};
        elf[18] = rows[i].number;
        assert_err(rows[i].name ? ERR_OK : ERR_UPDATE_MACHINE,
                   update_machine_find((struct bytes){elf, sizeof elf}, name));
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
        assert_err(ERR_UPDATE_MACHINE, update_machine_find((struct bytes){elf, 19}, name));
        elf[0] = 0;
        assert_err(ERR_UPDATE_MACHINE, update_machine_find((struct bytes){elf, sizeof elf}, name));
    }
}

static void test_judge(void **state)
{
    (void)state;
    const struct update_own own = {{"yufu-gateway", {{1, 5, 0}}, 2}, "arm"};
    static const struct {
        const char *program, *machine;
        uint16_t store;
        struct update_version version, minimum;
        bool downgrade;
        enum err result;
    } rows[] = {
        {"yufu-gateway", "arm", 2, {{1, 5, 1}}, {{1, 5, 0}}, false, ERR_OK},
        {"yufu-gateway", "arm", 2, {{2, 0, 0}}, {{0, 0, 0}}, false, ERR_OK},
        {"yufu-mqtt", "arm", 2, {{1, 5, 1}}, {{1, 5, 0}}, true, ERR_UPDATE_PROGRAM},
        {"yufu-gateway", "aarch64", 2, {{1, 5, 1}}, {{1, 5, 0}}, true, ERR_UPDATE_MACHINE},
        {"yufu-gateway", "arm", 3, {{1, 5, 1}}, {{1, 5, 0}}, true, ERR_UPDATE_STORE},
        {"yufu-gateway", "arm", 1, {{1, 4, 0}}, {{1, 0, 0}}, true, ERR_UPDATE_STORE},
        {"yufu-gateway", "arm", 2, {{1, 7, 0}}, {{1, 5, 1}}, true, ERR_UPDATE_FROM},
        {"yufu-gateway", "arm", 2, {{1, 5, 0}}, {{1, 0, 0}}, false, ERR_UPDATE_OLD},
        {"yufu-gateway", "arm", 2, {{1, 4, 9}}, {{1, 0, 0}}, false, ERR_UPDATE_OLD},
        {"yufu-gateway", "arm", 2, {{1, 5, 0}}, {{1, 0, 0}}, true, ERR_OK},
        {"yufu-gateway", "arm", 2, {{1, 4, 9}}, {{1, 0, 0}}, true, ERR_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct update_header h = sample();
        memset(h.release.program, 0, sizeof h.release.program);
        memset(h.machine, 0, sizeof h.machine);
        memcpy(h.release.program, rows[i].program, strlen(rows[i].program));
        memcpy(h.machine, rows[i].machine, strlen(rows[i].machine));
        h.release.store = rows[i].store;
        h.release.version = rows[i].version;
        h.minimum = rows[i].minimum;
        assert_err(rows[i].result, update_judge(&h, &own, rows[i].downgrade));
    }
}

/* ---- slots ---------------------------------------------------------------------------------- */

static struct update_state trial_of_b(void)
{
    struct update_state s = {.current = UPDATE_SLOT_B,
                             .former = UPDATE_SLOT_A,
                             .trial = true,
                             .starts = 2,
                             .trial_s = 600,
                             .last = UPDATE_LAST_APPLIED,
                             .left = {{1, 2, 3}},
                             .installed = {{0, 1, 0}},
                             .changed = {1795565730},
                             .words = "why"};
    s.slots[0] = (struct update_slot){.version = {{1, 0, 0}}, .size = 11};
    s.slots[1] = (struct update_slot){.version = {{1, 1, 0}}, .size = 22};
    memset(s.slots[0].sha256, 1, SIGN_SHA256);
    memset(s.slots[1].sha256, 2, SIGN_SHA256);
    return s;
}

static void test_state_round_trip_and_damage(void **state)
{
    (void)state;
    uint8_t wire[UPDATE_STATE_SIZE + 1], again[UPDATE_STATE_SIZE];
    struct update_state s = trial_of_b(), back;
    update_state_encode(&s, wire);
    assert_ok(update_state_decode((struct bytes){wire, UPDATE_STATE_SIZE}, &back));
    update_state_encode(&back, again);
    assert_memory_equal(again, wire, sizeof again);
    assert_true(back.trial && back.starts == 2 && back.changed.s == 1795565730);
    assert_string_equal(back.words, "why");
    for (size_t i = 0; i < UPDATE_STATE_SIZE; i++)
        for (int bit = 0; bit < 8; bit++) {
            wire[i] ^= (uint8_t)(1 << bit);
            assert_err(ERR_UPDATE_STATE,
                       update_state_decode((struct bytes){wire, UPDATE_STATE_SIZE}, &back));
            wire[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t n = 0; n <= UPDATE_STATE_SIZE + 1; n++)
        assert_err(n == UPDATE_STATE_SIZE ? ERR_OK : ERR_UPDATE_STATE,
                   update_state_decode((struct bytes){wire, n}, &back));
}

static void impossible(struct update_state s)
{
    uint8_t wire[UPDATE_STATE_SIZE];
    struct update_state back;
    update_state_encode(&s, wire);
    assert_err(ERR_UPDATE_STATE, update_state_decode((struct bytes){wire, sizeof wire}, &back));
}

static void test_state_that_cannot_be(void **state)
{
    (void)state;
    struct update_state s = trial_of_b();
    s.former = UPDATE_SLOT_B;
    impossible(s);
    s = trial_of_b();
    s.slots[1].size = 0; /* the current one is empty */
    impossible(s);
    s = trial_of_b();
    s.slots[0].size = 0;
    impossible(s);
    s = trial_of_b();
    s.current = UPDATE_INSTALLED; /* on trial */
    impossible(s);
    s = trial_of_b();
    s.current = UPDATE_PLACES;
    impossible(s);
    s = trial_of_b();
    s.last = UPDATE_LASTS;
    impossible(s);
    s = trial_of_b();
    memset(s.words, 'x', sizeof s.words);
    impossible(s);
}

/* Every combination, by rules of its own: what is installed always runs; a slot only while it is
 * good and was applied to what is installed; a trial only three times. */
static void test_every_start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * 2 * 2 * 2 * 5; i++) {
        struct update_state s = trial_of_b();
        enum update_last why = UPDATE_LASTS;
        s.current = (enum update_place)(i % 3);
        struct update_facts facts = {i / 3 % 2, i / 6 % 2};
        s.trial = i / 12 % 2;
        s.starts = (uint8_t)(i / 24);
        enum update_step step = update_start_step(&s, &facts, &why);
        if (s.current == UPDATE_INSTALLED ||
            (facts.installed_same && facts.current_good && !s.trial)) {
            assert_int_equal(step, UPDATE_RUN);
        } else if (facts.installed_same && facts.current_good && s.starts < 3) {
            assert_int_equal(step, UPDATE_TRY);
        } else {
            assert_int_equal(step, UPDATE_BACK);
            assert_int_equal(why, !facts.installed_same ? UPDATE_LAST_PACKAGE
                                  : !facts.current_good ? UPDATE_LAST_BROKEN
                                                        : UPDATE_LAST_STARTS);
        }
    }
}

static void test_leaving(void **state)
{
    (void)state;
    uint8_t wire[UPDATE_STATE_SIZE];
    struct update_state s = trial_of_b(), back;
    update_leave(&s, UPDATE_LAST_TIME, true, (wall_s){7});
    assert_int_equal(s.current, UPDATE_SLOT_A);
    assert_int_equal(s.former, UPDATE_INSTALLED);
    assert_true(!s.trial && s.starts == 0 && s.last == UPDATE_LAST_TIME && s.changed.s == 7);
    assert_int_equal(s.left.part[1], 1);
    update_state_encode(&s, wire);
    assert_ok(update_state_decode((struct bytes){wire, sizeof wire}, &back));
    s = trial_of_b();
    update_leave(&s, UPDATE_LAST_STARTS, false, (wall_s){7});
    assert_int_equal(s.current, UPDATE_INSTALLED);
    update_leave(&s, UPDATE_LAST_HAND, true, (wall_s){8});
    assert_int_equal(s.current, UPDATE_INSTALLED);
}

static void test_every_confirmation(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct update_look l = {i & 1, i & 2, i & 4, i & 8};
        bool good = l.welcomed || (!l.refused && l.polled && l.half);
        assert_int_equal(update_confirmed(&l), good);
    }
}

static void check_text(enum update_last last, bool trial, enum update_place place, const char *want)
{
    const struct update_own own = {{"yufu-gateway", {{1, 5, 0}}, 2}, "arm"};
    struct update_state s = trial_of_b();
    char text[64];
    s.last = last;
    s.trial = trial;
    update_program_text(&own, &s, place, text, sizeof text);
    assert_string_equal(text, want);
}

static void test_what_is_told(void **state)
{
    (void)state;
    check_text(UPDATE_LAST_APPLIED, true, UPDATE_SLOT_B, "yufu-gateway 1.5.0 (trial)");
    check_text(UPDATE_LAST_APPLIED, true, UPDATE_INSTALLED,
               "yufu-gateway 1.5.0"); /* not started yet */
    check_text(UPDATE_LAST_CONFIRMED, false, UPDATE_SLOT_B, "yufu-gateway 1.5.0");
    check_text(UPDATE_LAST_STARTS, false, UPDATE_SLOT_A, "yufu-gateway 1.5.0 (1.2.3 failed)");
    check_text(UPDATE_LAST_TIME, false, UPDATE_SLOT_A, "yufu-gateway 1.5.0 (1.2.3 failed)");
    check_text(UPDATE_LAST_BROKEN, false, UPDATE_SLOT_A, "yufu-gateway 1.5.0 (1.2.3 damaged)");
    check_text(UPDATE_LAST_HAND, false, UPDATE_SLOT_A, "yufu-gateway 1.5.0 (1.2.3 taken back)");
    check_text(UPDATE_LAST_PACKAGE, false, UPDATE_INSTALLED, "yufu-gateway 1.5.0");
}

/* ---- signatures ----------------------------------------------------------------------------- */

/* RFC 8032, 7.1, TEST 3: the two bytes AF 82. */
static void test_signature_of_the_rfc(void **state)
{
    (void)state;
    static const char secret[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n"
        "-----END PRIVATE KEY-----\n";
    static const char published[] =
        "6291D657DEEC24024827E69C3ABE01A30CE548A284743A445E3680D7DB5AC3AC"
        "18FF9B538D16F290AE67F760984DC6594A7C15E9716ED28DC027BECEEA1EC40A";
    char hex[2 * SIGN_SIZE + 1];
    struct pki_pem key, public_key, other, other_public;
    struct signature s, t;
    struct bytes text = {(const uint8_t *)"\xAF\x82", 2};
    assert_ok(sign_make((struct bytes){(const uint8_t *)secret, strlen(secret)}, text, &s));
    hex_encode(s.bytes, sizeof s.bytes, hex);
    assert_string_equal(hex, published);
    assert_ok(sign_key_make(&key, &public_key));
    assert_ok(sign_key_make(&other, &other_public));
    assert_ok(sign_make(pki_pem_bytes(&key), text, &s));
    assert_ok(sign_make(pki_pem_bytes(&key), text, &t));
    assert_memory_equal(&s, &t, sizeof s); /* Ed25519 draws no number */
    assert_ok(sign_check(pki_pem_bytes(&public_key), text, &s));
    assert_err(ERR_SIGN_KEY, sign_check(pki_pem_bytes(&other_public), text, &s));
    assert_err(ERR_SIGN_WRONG,
               sign_check(pki_pem_bytes(&public_key), (struct bytes){text.data, 1}, &s));
    for (size_t i = 0; i < SIGN_SIZE; i++) {
        t = s;
        t.bytes[i] ^= 1;
        assert_err(ERR_SIGN_WRONG, sign_check(pki_pem_bytes(&public_key), text, &t));
    }
    char both[2 * PKI_PEM_MAX];
    int len = snprintf(both, sizeof both, "%s%s", other_public.text, public_key.text);
    assert_ok(sign_check((struct bytes){(const uint8_t *)both, (size_t)len}, text, &s));
    assert_err(ERR_SIGN_KEY, sign_make(pki_pem_bytes(&public_key), text, &t));
    assert_err(ERR_SIGN_KEY, sign_check(pki_pem_bytes(&key), text, &s));
    assert_err(ERR_SIGN_KEY, sign_check((struct bytes){(const uint8_t *)"x", 1}, text, &s));
    struct pki_pem ec;
    assert_ok(pki_key_make(&ec)); /* a key of another kind */
    assert_err(ERR_SIGN_KEY, sign_make(pki_pem_bytes(&ec), text, &t));
}

/* ---- pushed by the platform ------------------------------------------------------------------ */

static struct update_push pushed(void)
{
    struct update_push p = {.stage = UPLINK_UPDATE_READY,
                            .wish = {.id = 900719925474099,
                                     .size = 5000,
                                     .sha256_len = 32,
                                     .trial_s = 600,
                                     .from_minute = 60,
                                     .until_minute = 300,
                                     .downgrade = true},
                            .again = true};
    for (int i = 0; i < 32; i++)
        p.wish.sha256[i] = (uint8_t)(i * 7);
    return p;
}

static void test_push_round_trip_and_damage(void **state)
{
    (void)state;
    uint8_t wire[UPDATE_PUSH_SIZE + 1], again[UPDATE_PUSH_SIZE];
    struct update_push p = pushed(), back;
    update_push_encode(&p, wire);
    assert_ok(update_push_decode((struct bytes){wire, UPDATE_PUSH_SIZE}, &back));
    assert_int_equal(back.stage, UPLINK_UPDATE_READY);
    assert_int_equal(back.wish.id, p.wish.id);
    assert_int_equal(back.wish.until_minute, 300);
    assert_true(back.wish.downgrade && back.again);
    update_push_encode(&back, again);
    assert_memory_equal(again, wire, sizeof again);
    for (size_t n = 0; n < UPDATE_PUSH_SIZE; n++) {
        assert_err(ERR_UPDATE_STATE, update_push_decode((struct bytes){wire, n}, &back));
        wire[n] ^= 4;
        assert_err(ERR_UPDATE_STATE,
                   update_push_decode((struct bytes){wire, UPDATE_PUSH_SIZE}, &back));
        assert_int_equal(back.stage, UPLINK_UPDATE_NONE);
        wire[n] ^= 4;
    }
    assert_err(ERR_UPDATE_STATE, update_push_decode((struct bytes){wire, sizeof wire}, &back));
}

static void test_what_may_be_wished(void **state)
{
    (void)state;
    struct uplink_update u = pushed().wish;
    assert_ok(update_push_judge(&u));
    u.size = UPLINK_UPDATE_MAX + 1;
    assert_err(ERR_UPDATE_SIZE, update_push_judge(&u));
    u.size = UPDATE_HEADER;
    assert_err(ERR_UPDATE_FILE, update_push_judge(&u));
    u = pushed().wish;
    u.sha256_len = 31;
    assert_err(ERR_UPDATE_FILE, update_push_judge(&u));
    u = pushed().wish;
    u.trial_s = UPDATE_TRIAL_MAX_S + 1;
    assert_err(ERR_RANGE, update_push_judge(&u));
    u = pushed().wish;
    u.until_minute = UPDATE_DAY;
    assert_err(ERR_RANGE, update_push_judge(&u));
    u.from_minute = -1;
    assert_err(ERR_RANGE, update_push_judge(&u));
}

static void test_when_it_may_be_applied(void **state)
{
    (void)state;
    struct uplink_update day = {.from_minute = 60, .until_minute = 300};
    struct uplink_update night = {.from_minute = 1380, .until_minute = 60};
    struct uplink_update always = {.from_minute = 5, .until_minute = 5};
    for (int64_t m = 0; m < UPDATE_DAY; m++) {
        assert_int_equal(update_push_now(&day, m), m >= 60 && m < 300);
        assert_int_equal(update_push_now(&night, m), m >= 1380 || m < 60);
        assert_true(update_push_now(&always, m));
    }
}

static void test_what_the_slots_say_of_a_push(void **state)
{
    (void)state;
    static const struct {
        enum uplink_update_stage stage;
        bool ours, trial;
        enum update_last last;
        enum uplink_update_stage now;
        const char *error;
    } rows[] = {
        {UPLINK_UPDATE_READY, false, true, UPDATE_LAST_APPLIED, UPLINK_UPDATE_READY, ""},
        {UPLINK_UPDATE_READY, true, true, UPDATE_LAST_APPLIED, UPLINK_UPDATE_TRIAL, ""},
        {UPLINK_UPDATE_TRIAL, true, true, UPDATE_LAST_APPLIED, UPLINK_UPDATE_TRIAL, ""},
        {UPLINK_UPDATE_TRIAL, true, false, UPDATE_LAST_CONFIRMED, UPLINK_UPDATE_CONFIRMED, ""},
        {UPLINK_UPDATE_TRIAL, true, false, UPDATE_LAST_STARTS, UPLINK_UPDATE_FAILED,
         "UPDATE_STARTS"},
        {UPLINK_UPDATE_READY, true, false, UPDATE_LAST_TIME, UPLINK_UPDATE_FAILED, "UPDATE_TIME"},
        {UPLINK_UPDATE_TRIAL, true, false, UPDATE_LAST_BROKEN, UPLINK_UPDATE_FAILED,
         "UPDATE_BROKEN"},
        {UPLINK_UPDATE_TRIAL, true, false, UPDATE_LAST_HAND, UPLINK_UPDATE_FAILED, "UPDATE_BACK"},
        {UPLINK_UPDATE_TRIAL, true, false, UPDATE_LAST_PACKAGE, UPLINK_UPDATE_FAILED,
         "UPDATE_PACKAGE"},
        {UPLINK_UPDATE_TRIAL, false, false, UPDATE_LAST_NONE, UPLINK_UPDATE_FAILED, "UPDATE_STATE"},
        {UPLINK_UPDATE_CONFIRMED, true, false, UPDATE_LAST_HAND, UPLINK_UPDATE_CONFIRMED, ""},
        {UPLINK_UPDATE_FETCHING, false, false, UPDATE_LAST_TIME, UPLINK_UPDATE_FETCHING, ""},
        {UPLINK_UPDATE_NONE, false, false, UPDATE_LAST_NONE, UPLINK_UPDATE_NONE, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct update_push p = pushed();
        struct update_state s = {.trial = rows[i].trial, .last = rows[i].last};
        p.stage = rows[i].stage;
        snprintf(s.words, sizeof s.words, "%s", "push 90071992547409"); /* another, shorter one */
        if (rows[i].ours)
            update_push_words(p.wish.id, s.words);
        assert_int_equal(update_push_look(&p, &s), rows[i].now != rows[i].stage);
        assert_int_equal(p.stage, rows[i].now);
        assert_string_equal(p.error, rows[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_header_round_trip),
                                       cmocka_unit_test(test_header_refuses),
                                       cmocka_unit_test(test_versions),
                                       cmocka_unit_test(test_release_in_a_program),
                                       cmocka_unit_test(test_machines),
                                       cmocka_unit_test(test_judge),
                                       cmocka_unit_test(test_state_round_trip_and_damage),
                                       cmocka_unit_test(test_state_that_cannot_be),
                                       cmocka_unit_test(test_every_start),
                                       cmocka_unit_test(test_leaving),
                                       cmocka_unit_test(test_every_confirmation),
                                       cmocka_unit_test(test_what_is_told),
                                       cmocka_unit_test(test_push_round_trip_and_damage),
                                       cmocka_unit_test(test_what_may_be_wished),
                                       cmocka_unit_test(test_when_it_may_be_applied),
                                       cmocka_unit_test(test_what_the_slots_say_of_a_push),
                                       cmocka_unit_test(test_signature_of_the_rfc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
