#include "tests/unit/tamper.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/rand.h"
#include "journal/chain.h"
#include "journal/detail.h"
#include "journal/journal.h"

struct room {
    struct store *store;
    char path[64];
};

static int open_room(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    snprintf(r->path, sizeof r->path, "/tmp/yufu-journal-%d.db", (int)getpid());
    *state = r;
    return store_open(&r->store, &(struct store_config){.kind = STORE_LEDGER, .path = r->path}) !=
           ERR_OK;
}

static int close_room(void **state)
{
    struct room *r = *state;
    char name[80];
    store_close(r->store);
    unlink(r->path);
    snprintf(name, sizeof name, "%s-wal", r->path);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", r->path);
    unlink(name);
    free(r);
    return 0;
}

static struct store *store_of(void **state)
{
    return ((struct room *)*state)->store;
}

static enum err add_three(struct store_tx *tx, void *arg)
{
    (void)arg;
    for (int i = 1; i <= 3; i++)
        TRY(journal_append(tx, &(struct journal_act){.now = {1000 + i},
                                                     .actor = "user:3",
                                                     .action = "relay.set",
                                                     .object = "relay:12/0",
                                                     .detail = "{\"reason\":\"\xe6\xac\xa0\xe8\xb4\xb9\"}"}));
    return ERR_OK;
}

static enum err verify(struct store_tx *tx, void *arg)
{
    return journal_verify(tx, NULL, NULL, arg);
}

static struct journal_check checked(void **state, enum err expected)
{
    struct journal_check c;
    assert_err(expected, store_read(store_of(state), verify, &c));
    return c;
}

static void test_chain_of_three_verifies(void **state)
{
    assert_int_equal(checked(state, ERR_OK).rows, 0);
    assert_ok(store_run(store_of(state), add_three, NULL));
    struct journal_check c = checked(state, ERR_OK);
    assert_int_equal(c.rows, 3);
    assert_int_equal(c.head.seq, 3);
}

static enum err append_without(struct store_tx *tx, void *arg)
{
    struct journal_act act = {{1}, "system", "a", "o", "{}"};
    const char **fields[] = {&act.actor, &act.action, &act.object, &act.detail};
    *fields[*(int *)arg % 4] = *(int *)arg < 4 ? NULL : "";
    return journal_append(tx, &act);
}

static void test_an_act_without_actor_or_object_is_refused(void **state)
{
    for (int i = 0; i < 8; i++)
        assert_err(ERR_JOURNAL_TEXT, store_run(store_of(state), append_without, &i));
    assert_int_equal(checked(state, ERR_OK).rows, 0);
}

static void test_triggers_refuse_change_and_removal(void **state)
{
    assert_ok(store_run(store_of(state), add_three, NULL));
    sqlite3 *db = tamper_open(((struct room *)*state)->path);
    assert_int_equal(sqlite3_exec(db, "UPDATE audit SET actor = 'x'", NULL, NULL, NULL),
                     SQLITE_CONSTRAINT);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_CONSTRAINT);
    sqlite3_close(db);
}

/* Each single byte of each cell of each row, changed in one bit, is found; put back, all is well. */
static void test_every_changed_byte_is_found(void **state)
{
    assert_ok(store_run(store_of(state), add_three, NULL));
    sqlite3 *db = tamper_open(((struct room *)*state)->path);
    tamper_drop_triggers(db);
    int flips = 0;
    for (int seq = 1; seq <= 3; seq++) {
        struct tamper_cell cells[16];
        char where[32];
        snprintf(where, sizeof where, "seq = %d", seq);
        int count = tamper_read(db, "audit", where, cells, 16);
        assert_int_equal(count, 8);
        for (int i = 0; i < count; i++)
            for (int k = 0; k < cells[i].len; k++, flips++) {
                struct tamper_cell changed = cells[i];
                changed.bytes[k] ^= (unsigned char)(1 << (flips % 8));
                int64_t now_seq = seq;
                if (i == 0)
                    memcpy(&now_seq, changed.bytes, sizeof now_seq);
                if (!tamper_write(db, "audit", where, &changed))
                    continue; /* another row has that number already */
                if (checked(state, ERR_JOURNAL_CHAIN).bad_seq == 0)
                    fail_msg("%s byte %d of row %d: not found", cells[i].column, k, seq);
                char back[48];
                snprintf(back, sizeof back, "seq = %lld", (long long)now_seq);
                assert_true(tamper_write(db, "audit", back, &cells[i]));
                checked(state, ERR_OK);
            }
    }
    assert_true(flips > 300);
    sqlite3_close(db);
}

static void tampered(void **state, const char *sql, int64_t bad_seq)
{
    sqlite3 *db = tamper_open(((struct room *)*state)->path);
    tamper_drop_triggers(db);
    tamper_exec(db, sql);
    sqlite3_close(db);
    assert_int_equal(checked(state, ERR_JOURNAL_CHAIN).bad_seq, bad_seq);
}

static void test_a_removed_row_is_found(void **state)
{
    assert_ok(store_run(store_of(state), add_three, NULL));
    tampered(state, "DELETE FROM audit WHERE seq = 2", 2);
}

static void test_rows_removed_at_the_end_are_found_even_after_new_ones(void **state)
{
    assert_ok(store_run(store_of(state), add_three, NULL));
    tampered(state, "DELETE FROM audit WHERE seq = 3", 3);
    assert_ok(store_run(store_of(state), add_three, NULL));
    assert_int_equal(checked(state, ERR_JOURNAL_CHAIN).bad_seq, 3);
}

static void test_an_inserted_row_is_found(void **state)
{
    assert_ok(store_run(store_of(state), add_three, NULL));
    tampered(state, "INSERT INTO audit SELECT 4, at, actor, action, object, detail, hash, hash "
                    "FROM audit WHERE seq = 3", 4);
}

/* --- outbox and events ---------------------------------------------------------------------- */

static enum err put_notes(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(journal_outbox_put(tx, "message", 7, "{\"a\":1}", (wall_s){10}));
    TRY(journal_outbox_put(tx, "webhook", 0, "{\"b\":1}", (wall_s){11}));
    TRY(journal_outbox_put(tx, "message", 8, "{\"c\":1}", (wall_s){12}));
    return journal_outbox_put(tx, "message", 9, "{\"d\":1}", (wall_s){13});
}

struct taken {
    char text[128];
    int64_t accounts;
    int64_t limit;
    const char *fail_at;
};

static enum err take_one(void *arg, const struct journal_note *note)
{
    struct taken *t = arg;
    if (t->fail_at && strcmp(note->body, t->fail_at) == 0)
        return ERR_FULL;
    strcat(t->text, note->body);
    t->accounts += note->account_id;
    return ERR_OK;
}

static enum err take(struct store_tx *tx, void *arg)
{
    struct taken *t = arg;
    return journal_outbox_take(tx, "message", t->limit, (wall_s){20}, take_one, t);
}

static enum err count_waiting(struct store_tx *tx, void *arg)
{
    return journal_outbox_waiting(tx, "message", arg);
}

static void test_outbox_hands_each_note_out_once_and_in_order(void **state)
{
    struct taken t = {.limit = 2};
    int64_t waiting = 0;
    assert_ok(store_run(store_of(state), put_notes, NULL));
    assert_ok(store_run(store_of(state), take, &t));
    assert_string_equal(t.text, "{\"a\":1}{\"c\":1}");
    assert_int_equal(t.accounts, 15);
    assert_ok(store_read(store_of(state), count_waiting, &waiting));
    assert_int_equal(waiting, 1);
    assert_ok(store_run(store_of(state), take, &t));
    assert_string_equal(t.text, "{\"a\":1}{\"c\":1}{\"d\":1}");
}

static void test_a_note_whose_taker_fails_stays(void **state)
{
    struct taken t = {.limit = 9, .fail_at = "{\"c\":1}"};
    int64_t waiting = 0;
    assert_ok(store_run(store_of(state), put_notes, NULL));
    assert_err(ERR_FULL, store_run(store_of(state), take, &t));
    assert_ok(store_read(store_of(state), count_waiting, &waiting));
    assert_int_equal(waiting, 3);
}

static enum err add_event(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(journal_event(tx, &(struct journal_event){.at = {5},
                                                  .kind = EVENT_VEND_FOREIGN,
                                                  .project_id = 1,
                                                  .account_id = 2,
                                                  .detail = "{\"amount_fen\":5}"}));
    int64_t n = 0;
    TRY(store_int(tx, &n,
                  "SELECT count(*) FROM event WHERE kind = 'vend.foreign' AND severity = 'alarm' "
                  "AND account_id = 2 AND meter_id IS NULL",
                  ""));
    return n == 1 ? ERR_OK : ERR_BUG;
}

static void test_event_carries_its_kind_by_name(void **state)
{
    assert_ok(store_run(store_of(state), add_event, NULL));
}

/* Every template closes its braces and says the same facts in both languages. */
static void check_words(const char *en, const char *zh)
{
    for (const char *p = strchr(en, '{'); p; p = strchr(p + 1, '{')) {
        char word[32] = "";
        size_t len = strcspn(p, "}") + 1;
        assert_true(p[len - 1] == '}' && len < sizeof word);
        memcpy(word, p, len);
        if (!strstr(zh, word))
            fail_msg("%s is missing in: %s", word, zh);
    }
}

static void test_event_table_is_complete(void **state)
{
    (void)state;
    for (enum journal_kind k = 0; k < EVENT_COUNT; k++) {
        assert_int_equal(journal_kind_of(journal_kind_name(k)), k); /* names are unique */
        check_words(journal_kind_en(k), journal_kind_zh(k));
        check_words(journal_kind_zh(k), journal_kind_en(k));
    }
    assert_int_equal(journal_kind_of("no.such"), EVENT_COUNT);
}

/* --- detail --------------------------------------------------------------------------------- */

static void test_detail_writes_json(void **state)
{
    (void)state;
    struct detail d = {};
    detail_text(&d, "name", "a\"b\\c\n\xe6\xac\xa0");
    detail_int(&d, "amount_fen", INT64_MIN);
    detail_bool(&d, "open", true);
    detail_text(&d, "none", NULL);
    detail_json(&d, "list", "[1,2]");
    assert_string_equal(detail_end(&d),
                        "{\"name\":\"a\\\"b\\\\c\\u000a\xe6\xac\xa0\",\"amount_fen\":"
                        "-9223372036854775808,\"open\":true,\"none\":null,\"list\":[1,2]}");
    struct detail empty = {};
    assert_string_equal(detail_end(&empty), "{}");
}

/* Whatever bytes come in, what comes out is JSON that an independent parser reads. */
static void test_detail_survives_any_bytes(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(1, "detail");
    for (int round = 0; round < 500; round++) {
        struct detail d = {};
        json_error_t error;
        for (uint64_t members = rand_below(&r, 16); members > 0; members--) {
            char text[800] = "";
            size_t len = rand_below(&r, sizeof text);
            for (size_t i = 0; i < len; i++)
                text[i] = (char)(1 + rand_below(&r, 255));
            text[len] = 0;
            char name[8];
            snprintf(name, sizeof name, "m%u", (unsigned)members);
            detail_text(&d, name, text);
        }
        json_t *parsed = json_loads(detail_end(&d), 0, &error);
        if (!parsed)
            fail_msg("round %d: %s", round, error.text);
        json_decref(parsed);
    }
}

static void test_detail_too_large_says_so(void **state)
{
    (void)state;
    struct detail d = {};
    char text[DETAIL_TEXT_MAX + 10];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 20; i++)
        detail_text(&d, "long", text);
    assert_non_null(strstr(detail_end(&d), ",\"cut\":true}"));
    assert_true(strlen(d.text) < DETAIL_MAX);
}

/* The canonical bytes of docs/formats/journal.md: fields cannot flow into each other. */
static void test_canonical_form(void **state)
{
    (void)state;
    uint8_t ours[32], theirs[32];
    struct chain c = chain_open("d");
    chain_int(&c, -2);
    chain_text(&c, "ab");
    chain_close(&c, ours);
    journal_sha256("\0\0\0\1d\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\2ab", 19, theirs);
    assert_memory_equal(ours, theirs, 32);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_chain_of_three_verifies),
        CASE(test_an_act_without_actor_or_object_is_refused),
        CASE(test_triggers_refuse_change_and_removal),
        CASE(test_every_changed_byte_is_found),
        CASE(test_a_removed_row_is_found),
        CASE(test_rows_removed_at_the_end_are_found_even_after_new_ones),
        CASE(test_an_inserted_row_is_found),
        CASE(test_outbox_hands_each_note_out_once_and_in_order),
        CASE(test_a_note_whose_taker_fails_stays),
        CASE(test_event_carries_its_kind_by_name),
        cmocka_unit_test(test_event_table_is_complete),
        cmocka_unit_test(test_detail_writes_json),
        cmocka_unit_test(test_detail_survives_any_bytes),
        cmocka_unit_test(test_detail_too_large_says_so),
        cmocka_unit_test(test_canonical_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
