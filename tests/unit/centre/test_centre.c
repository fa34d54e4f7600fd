/* The client of data centres: frames and answers made by other programs, and the session's life. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "centre/centre.h"

#define PROOF_SECRET_FIRST "ce24079e5cde0e139699910ffee80269"
#define PROOF_SEQUENCE_FIRST "87109a4de902ab4db58b6d98f2c36eff"

static struct centre_profile profile = {.building = "310101A064",
                                        .gateway = "01",
                                        .secret = "useful",
                                        .key = "0123456789abcdef",
                                        .iv = "fedcba9876543210",
                                        .heartbeat_ms = 60'000};
static struct centre c;
static mono_ms now;
static uint8_t room[8192], plain[8192];

/* --- vectors ---------------------------------------------------------------------------------- */

static void say(const struct centre_answer *a, char *out, size_t cap)
{
    static const char *const kinds[] = {"sequence", "result", "time", "ack",
                                        "period",   "query",  "other"};
    char number[16] = "";
    if (a->kind == CENTRE_PERIOD)
        snprintf(number, sizeof number, " %lld", (long long)a->minutes);
    snprintf(out, cap, "%s%s%s%s%s", kinds[a->kind],
             a->kind != CENTRE_RESULT ? ""
             : a->good                ? " pass"
                                      : " fail",
             a->text[0] ? " " : "", a->text, number);
}

static enum err understand(struct bytes data, struct centre_answer *a)
{
    struct centre_frame f;
    size_t used, len;
    TRY(centre_frame_take(&profile, data, &f, &used));
    assert_int_equal(used, data.len);
    struct bytes xml = f.body;
    if (xml.len == 0 || xml.data[0] != '<') {
        TRY(centre_unhide(&profile, xml, plain, &len));
        xml = (struct bytes){plain, len};
    }
    return centre_answer_take(xml, a);
}

static void test_vectors(void **state)
{
    (void)state;
    char line[4096], said[128];
    int lines = 0;
    FILE *file = fopen("tests/vectors/centre.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *bar = strstr(line, " | ");
        struct centre_answer a;
        size_t len;
        if (line[0] == '#')
            continue;
        assert_non_null(bar);
        *bar = '\0';
        bar[strcspn(bar + 3, "\n") + 3] = '\0';
        assert_ok(hex_decode(line, strlen(line), room, sizeof room, &len));
        enum err e = understand((struct bytes){room, len}, &a);
        if (e == ERR_OK)
            say(&a, said, sizeof said);
        assert_string_equal(e == ERR_OK ? said : err_name(e), bar + 3);
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, 29);
}

/* md5("useful" "59341"), md5("59341" "useful"), by md5sum. */
static void test_proof(void **state)
{
    (void)state;
    char out[33];
    centre_proof_text(&profile, "59341", out);
    assert_string_equal(out, PROOF_SECRET_FIRST);
    profile.proof = CENTRE_SEQUENCE_FIRST;
    centre_proof_text(&profile, "59341", out);
    assert_string_equal(out, PROOF_SEQUENCE_FIRST);
    profile.proof = CENTRE_SECRET_FIRST;
}

static void test_every_cut_and_flip_of_a_frame(void **state)
{
    (void)state;
    uint8_t out[128];
    struct writer w = writer_of(out, sizeof out);
    struct centre_frame f = {7, {(const uint8_t *)"<root/>", 7}}, g;
    size_t used;
    centre_frame_put(&profile, &f, &w);
    assert_ok(w.err);
    for (size_t len = 0; len < w.len; len++)
        assert_err(ERR_TRUNCATED, centre_frame_take(&profile, (struct bytes){out, len}, &g, &used));
    assert_ok(centre_frame_take(&profile, (struct bytes){out, w.len}, &g, &used));
    assert_int_equal(g.serial, 7);
    for (size_t bit = 0; bit < 8 * w.len; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(centre_frame_take(&profile, (struct bytes){out, w.len}, &g, &used),
                             ERR_OK);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    profile.checksum_high_first = true;
    assert_err(ERR_CENTRE_FRAME,
               centre_frame_take(&profile, (struct bytes){out, w.len}, &g, &used));
    profile.checksum_high_first = false;
}

/* --- the session ------------------------------------------------------------------------------ */

/* What was sent last, as XML; "" if nothing was. */
static const char *sent(void)
{
    static char text[8192];
    struct bytes out = centre_output(&c);
    struct centre_frame f;
    size_t used, len;
    text[0] = '\0';
    while (out.len > 0) {
        assert_ok(centre_frame_take(&profile, out, &f, &used));
        assert_ok(centre_unhide(&profile, f.body, (uint8_t *)text, &len));
        text[len] = '\0';
        out = (struct bytes){out.data + used, out.len - used};
    }
    centre_output_taken(&c);
    return text;
}

#define COMMON "<?xml version=\"1.0\"?><root><common/>"

static void hear(const char *inside)
{
    char text[1024];
    uint8_t hidden[1100], out[1200];
    int len = snprintf(text, sizeof text, COMMON "%s</root>", inside);
    struct centre_frame f = {
        1, {hidden, centre_hide(&profile, (struct bytes){(uint8_t *)text, (size_t)len}, hidden)}};
    struct writer w = writer_of(out, sizeof out);
    centre_frame_put(&profile, &f, &w);
    for (size_t i = 0; i < w.len; i += 7) /* in pieces */
        centre_input(&c, now, (struct bytes){out + i, w.len - i < 7 ? w.len - i : 7});
}

static void open_session(void)
{
    now = (mono_ms){1000};
    centre_begin(&c, &profile, now);
    assert_non_null(strstr(sent(), "<type>id_validate</type></common><id_validate "
                                   "operation=\"request\""));
    hear("<id_validate operation=\"sequence\"><sequence>59341</sequence></id_validate>");
    assert_non_null(strstr(sent(), "operation=\"md5\"><md5>" PROOF_SECRET_FIRST "</md5>"));
    hear("<id_validate operation=\"result\"><result>pass</result><time>20261125203000</time>"
         "</id_validate>");
    assert_int_equal(c.state, CENTRE_OPEN);
    assert_string_equal(centre_told_time(&c), "20261125203000");
    assert_null(centre_told_time(&c));
    assert_string_equal(sent(), "");
}

static struct centre_report report(int64_t sequence)
{
    static const struct centre_value values[] = {
        {.id = "1", .coding = "01A10", .error = "", .number = 7'012'610, .decimals = 3},
        {.id = "2", .coding = "01A20", .error = "", .missing = true}};
    static const struct centre_value none[] = {{.id = "1", .coding = "02A00", .missing = true}};
    static const struct centre_meter meters[] = {{"1", values, 2}, {"<&\">", none, 1}};
    return (struct centre_report){.sequence = sequence,
                                  .at = {1'764'102'600}, /* 2025-11-25 20:30 UTC */
                                  .offset_s = 28'800,
                                  .meters = meters,
                                  .count = 2};
}

static void test_report_and_acknowledgement(void **state)
{
    (void)state;
    struct centre_report r = report(7);
    open_session();
    assert_true(centre_ready(&c));
    assert_ok(centre_send(&c, now, &r));
    const char *text = sent();
    assert_non_null(strstr(text,
                           "<building_id>310101A064</building_id><gateway_id>01</gateway_id>"
                           "<type>report</type></common><data operation=\"report\"><sequence>7"
                           "</sequence><parser>yes</parser><time>20251126043000</time>"
                           "<meter id=\"1\" conn=\"conn\"><function id=\"1\" coding=\"01A10\" "
                           "error=\"\">7012.610</function></meter><meter id=\"&lt;&amp;&quot;"
                           "&gt;\" conn=\"disconn\"/></data></root>"));
    assert_false(centre_ready(&c));
    assert_err(ERR_STATE, centre_send(&c, now, &r));
    hear("<data operation=\"report_ack\"><sequence>6</sequence></data>"); /* an older one's */
    assert_int_equal(centre_took(&c), 0);
    hear("<data operation=\"report_ack\"><sequence>7</sequence></data>");
    assert_false(centre_ready(&c)); /* until the owner has it */
    assert_int_equal(centre_took(&c), 7);
    assert_int_equal(centre_took(&c), 0);
    assert_true(centre_ready(&c));
    hear("<data operation=\"report_ack\"><sequence>7</sequence></data>"); /* said twice */
    assert_int_equal(centre_took(&c), 0);
    r.continuous = true;
    r.total = 30;
    r.current = 22;
    assert_ok(centre_send(&c, now, &r));
    assert_non_null(strstr(sent(),
                           "operation=\"continuous\"><sequence>7</sequence><parser>yes</parser>"
                           "<time>20251126043000</time><total>30</total><current>22</current>"));
}

static void test_unanswered_report_ends_the_session(void **state)
{
    (void)state;
    struct centre_report r = report(7);
    open_session();
    assert_ok(centre_send(&c, now, &r));
    now = centre_wake(&c);
    assert_int_equal(now.ms, 1000 + CENTRE_ANSWER_MS);
    centre_tick(&c, (mono_ms){now.ms - 1});
    assert_ok(centre_error(&c));
    centre_tick(&c, now);
    assert_err(ERR_CENTRE_SILENT, centre_error(&c));
    assert_int_equal(centre_took(&c), 0);
    assert_int_equal(centre_wake(&c).ms, MONO_NEVER.ms);
}

static void test_heartbeats(void **state)
{
    (void)state;
    open_session();
    assert_int_equal(centre_wake(&c).ms, 61'000);
    now.ms = 61'000;
    centre_tick(&c, now);
    assert_non_null(strstr(sent(), "<heart_beat operation=\"notify\"/>"));
    hear("<heart_beat operation=\"time\"><time>20261125203100</time></heart_beat>");
    assert_string_equal(centre_told_time(&c), "20261125203100");
    assert_int_equal(centre_wake(&c).ms, 121'000);
    now.ms = 121'000;
    centre_tick(&c, now);
    (void)sent();
    now = centre_wake(&c);
    centre_tick(&c, now);
    assert_err(ERR_CENTRE_SILENT, centre_error(&c));
}

/* A centre that does not acknowledge: a heartbeat behind the report, answered, says that it came.
 */
static void test_acknowledged_by_heartbeat(void **state)
{
    (void)state;
    struct centre_report r = report(7);
    profile.ack = CENTRE_ACK_HEARTBEAT;
    open_session();
    now.ms = 61'000;
    centre_tick(&c, now);
    (void)sent(); /* this heartbeat went out before the report */
    hear("<heart_beat operation=\"time\"><time>20261125203100</time></heart_beat>");
    assert_int_equal(centre_took(&c), 0);
    assert_ok(centre_send(&c, now, &r));
    assert_non_null(strstr(sent(), "operation=\"notify\""));
    assert_int_equal(centre_took(&c), 0);
    hear("<heart_beat operation=\"time\"><time>20261125203101</time></heart_beat>");
    assert_int_equal(centre_took(&c), 7);
    profile.ack = CENTRE_ACK_EACH;
}

static void test_refusals(void **state)
{
    (void)state;
    now = (mono_ms){1000};
    centre_begin(&c, &profile, now);
    hear("<id_validate operation=\"sequence\"><sequence>1</sequence></id_validate>");
    hear("<id_validate operation=\"result\"><result>fail</result></id_validate>");
    assert_err(ERR_CENTRE_REFUSED, centre_error(&c));
    centre_begin(&c, &profile, now); /* no challenge ever comes */
    centre_tick(&c, mono_after(now, CENTRE_OPENING_MS));
    assert_err(ERR_CENTRE_SILENT, centre_error(&c));
    open_session();
    centre_input(&c, now, (struct bytes){(const uint8_t *)"HTTP/1.1 400", 12});
    assert_err(ERR_CENTRE_FRAME, centre_error(&c));
    open_session();
    hear("<id_validate operation=\"result\"><result>fail</result></id_validate>");
    assert_err(ERR_CENTRE_REFUSED, centre_error(&c));
    struct centre_report r = report(7);
    assert_err(ERR_STATE, centre_send(&c, now, &r));
}

static void test_period(void **state)
{
    (void)state;
    open_session();
    hear("<config operation=\"period\"><period>30</period></config>");
    assert_int_equal(centre_told_minutes(&c), 30);
    assert_int_equal(centre_told_minutes(&c), 0);
    assert_non_null(strstr(sent(), "<config operation=\"period_ack\"/>"));
    hear("<data operation=\"sing\"/>"); /* unknown words change nothing */
    assert_string_equal(sent(), "");
    assert_true(centre_ready(&c));
}

static void test_query(void **state)
{
    (void)state;
    struct centre_report r = report(7), reply = report(9);
    now = (mono_ms){1000};
    centre_begin(&c, &profile, now);
    hear("<data operation=\"query\"/>"); /* who has not proved itself is told nothing */
    assert_false(centre_queried(&c));
    assert_err(ERR_STATE, centre_reply(&c, &reply));
    open_session();
    assert_false(centre_queried(&c));
    assert_err(ERR_STATE, centre_reply(&c, &reply));
    assert_ok(centre_send(&c, now, &r));
    (void)sent();
    hear("<data operation=\"query\"/>"); /* while a report is under way, and again */
    hear("<data operation=\"query\"></data>");
    assert_true(centre_queried(&c));
    reply.continuous = true;
    assert_ok(centre_reply(&c, &reply));
    assert_false(centre_queried(&c));
    assert_err(ERR_STATE, centre_reply(&c, &reply));
    const char *text = sent();
    assert_non_null(
        strstr(text, "<data operation=\"reply\"><sequence>9</sequence><parser>yes</parser>"));
    assert_null(strstr(text, "<total>"));
    hear("<data operation=\"reply_ack\"/>"); /* is not the report's */
    assert_int_equal(centre_took(&c), 0);
    hear("<data operation=\"report_ack\"><sequence>7</sequence></data>");
    assert_int_equal(centre_took(&c), 7);
    assert_true(centre_ready(&c));
    hear("<data operation=\"query\"/>"); /* who does not read is not answered again */
    assert_ok(centre_send(&c, now, &r));
    assert_err(ERR_STATE, centre_reply(&c, &reply));
    (void)sent();
    assert_ok(centre_reply(&c, &reply));
}

static void test_times(void **state)
{
    (void)state;
    wall_s t;
    assert_ok(centre_time_take("20251126043000", 28'800, &t));
    assert_int_equal(t.s, 1'764'102'600);
    static const char *const wrong[] = {"",
                                        "2025",
                                        "20251326043000",
                                        "20250230043000",
                                        "2025112604300x",
                                        "202511260430000",
                                        "20251126256000"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_err(ERR_SYNTAX, centre_time_take(wrong[i], 0, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_every_cut_and_flip_of_a_frame),
        cmocka_unit_test(test_report_and_acknowledgement),
        cmocka_unit_test(test_unanswered_report_ends_the_session),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_acknowledged_by_heartbeat),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_period),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
