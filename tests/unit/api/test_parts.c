/* The parts of api/ that need no connection: JSON writer, guard, routes. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "api/api_impl.h"

/* ---- writer ---- */

static void check_json(struct jwrite *w, const char *expected)
{
    size_t len;
    char *text = jwrite_take(w, &len);
    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
    free(text);
}

static void test_writer_nests_and_separates(void **state)
{
    (void)state;
    struct jwrite w = {};
    jwrite_object(&w, NULL);
    jwrite_int(&w, "a", INT64_MIN);
    jwrite_array(&w, "b");
    jwrite_object(&w, NULL);
    jwrite_end(&w);
    jwrite_bool(&w, NULL, true);
    jwrite_array(&w, NULL);
    jwrite_end(&w);
    jwrite_end(&w);
    jwrite_id(&w, "c", 0);
    jwrite_id(&w, "d", 7);
    jwrite_raw(&w, "e", "");
    jwrite_raw(&w, "f", "[1]");
    jwrite_text(&w, "g", NULL);
    jwrite_end(&w);
    check_json(&w, "{\"a\":-9223372036854775808,\"b\":[{},true,[]],\"c\":null,\"d\":7,\"e\":{},"
                   "\"f\":[1],\"g\":null}");
}

static void check_text(const char *text, size_t len, const char *expected)
{
    struct jwrite w = {};
    jwrite_text_n(&w, NULL, text, len);
    check_json(&w, expected);
}

static void test_writer_escapes(void **state)
{
    (void)state;
    check_text("a\"b\\c\n\x01\x7F", 8, "\"a\\\"b\\\\c\\n\\u0001\\u007f\"");
    check_text("\0x", 2, "\"\\u0000x\"");
    check_text("电 é 𝄞", 11, "\"电 é 𝄞\"");
    check_text("\xFF", 1, "\"\xEF\xBF\xBD\"");
    check_text("\xC0\x80", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xF4\x90\x80\x80", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xE7\x94", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void test_writer_grows(void **state)
{
    (void)state;
    struct jwrite w = {};
    jwrite_array(&w, NULL);
    for (int i = 0; i < 100'000; i++)
        jwrite_int(&w, NULL, 1);
    jwrite_end(&w);
    size_t len;
    char *text = jwrite_take(&w, &len);
    assert_int_equal(len, 2 * 100'000 + 1);
    json_t *parsed = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(parsed), 100'000);
    json_decref(parsed);
    free(text);
}

/* ---- guard ---- */

static enum err guarded(const char *const *headers)
{
    struct http_guard g = http_guard_begin("POST", "/api/v1/login", "HTTP/1.1");
    for (; headers[0]; headers += 2)
        http_guard_header(&g, headers[0], strlen(headers[0]), headers[1], strlen(headers[1]));
    return http_guard_end(&g, 0);
}

static void test_guard_zero_byte_in_a_name(void **state)
{
    (void)state;
    struct http_guard g = http_guard_begin("POST", "/api/v1/login", "HTTP/1.1");
    http_guard_header(&g, "Host", 4, "a", 1);
    http_guard_header(&g, "X\0Y", 3, "a", 1);
    assert_err(ERR_API_REQUEST, http_guard_end(&g, 0));
}

static void test_guard_headers(void **state)
{
    (void)state;
    assert_ok(guarded((const char *[]){"Host", "a", "Content-Length", "3", NULL}));
    assert_ok(guarded((const char *[]){"Host", "a", "Transfer-Encoding", "chunked", NULL}));
    static const char *const bad[][8] = {
        {"Content-Length", "3"},
        {"Host", "a", "host", "a"},
        {"Host", "a", "Host", "b"},
        {"Host", ""},
        {"Host", "a,b"},
        {"Host", "a", "Content-Length", "3", "Transfer-Encoding", "chunked"},
        {"Host", "a", "Content-Length", "3", "Content-Length", "3"},
        {"Host", "a", "Content-Length", "3", "Content-Length", "4"},
        {"Host", "a", "Content-Length", "-3"},
        {"Host", "a", "Content-Length", "+3"},
        {"Host", "a", "Content-Length", "3, 3"},
        {"Host", "a", "Content-Length", "0x3"},
        {"Host", "a", "Content-Length", ""},
        {"Host", "a", "Content-Length", "99999999999999999999"},
        {"Host", "a", "Transfer-Encoding", "gzip, chunked"},
        {"Host", "a", "Transfer-Encoding", "identity"},
        {"Host", "a", "X-Bad Name", "x"},
        {"Host", "a", "", "x"},
        {"Host", "a", "X", "a\x01z"},
        {"Host", "a", "X", "a\rz"},
        {"Host", "a", "X", "a\x7F"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_err(ERR_API_REQUEST, guarded(bad[i]));
}

static void test_guard_target(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "x",     "http://a/", "*",  "/a b",
                                      "/a\x80", "/a\"b", "/<",        "/#", "/a\\b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_guard g = http_guard_begin("GET", bad[i], "HTTP/1.1");
        assert_err(ERR_API_REQUEST, g.err);
    }
    assert_err(ERR_API_REQUEST, http_guard_begin("GET", "/", "HTTP/2.0").err);
    assert_err(ERR_API_REQUEST, http_guard_begin("G T", "/", "HTTP/1.1").err);
    assert_ok(http_guard_begin("GET", "/a/%E7?b=c&d=%20+", "HTTP/1.1").err);
}

static void test_guard_compares_lengths(void **state)
{
    (void)state;
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    struct http_guard g = http_guard_begin("GET", "/", "HTTP/1.1");
    http_guard_header(&g, "Host", 4, "a", 1);
    http_guard_header(&g, "X", 1, "y", 1);
    assert_ok(http_guard_end(&g, sizeof head - 1));
    assert_ok(http_guard_end(&g, sizeof head - 3)); /* no blanks after the colons */
    assert_err(ERR_API_REQUEST, http_guard_end(&g, sizeof head - 4)); /* a bare line feed */
    assert_err(ERR_API_REQUEST, http_guard_end(&g, sizeof head + 3)); /* something was cut off */
    assert_err(ERR_API_HEADERS, http_guard_end(&g, HTTP_HEAD_MAX + 1));
}

static void check_decode(const char *text, bool plus, const char *expected)
{
    char out[64];
    enum err e = http_decode(text, strlen(text), plus, out);
    if (expected) {
        assert_ok(e);
        assert_string_equal(out, expected);
    } else {
        assert_err(ERR_SYNTAX, e);
    }
}

static void test_decode(void **state)
{
    (void)state;
    check_decode("/a%20b+c", false, "/a b+c");
    check_decode("a+b%2Bc%e7%94%b5", true, "a b+c电");
    check_decode("/a%2fb", false, NULL);
    check_decode("a%2fb", true, "a/b");
    check_decode("%", true, NULL);
    check_decode("%4", true, NULL);
    check_decode("%4g", true, NULL);
    check_decode("%00", true, NULL);
    check_decode("%0a", true, NULL);
    check_decode("%41", true, "A");
}

static void test_cookie_and_lists(void **state)
{
    (void)state;
    char v[8];
    assert_true(http_cookie_find("a=1; sid=xyz; b=2", "sid", v, sizeof v));
    assert_string_equal(v, "xyz");
    assert_false(http_cookie_find("sid=xyz; sid=abc", "sid", v, sizeof v));
    assert_false(http_cookie_find("xsid=1", "sid", v, sizeof v));
    assert_false(http_cookie_find("sid=12345678", "sid", v, sizeof v));
    assert_false(http_cookie_find(NULL, "sid", v, sizeof v));
    assert_true(http_accepts("gzip, deflate, br", "gzip"));
    assert_true(http_accepts("br;q=0.5,gzip;q=1.0", "br"));
    assert_false(http_accepts("gzip;q=0", "gzip"));
    assert_false(http_accepts("xgzip", "gzip"));
    assert_false(http_accepts(NULL, "gzip"));
    assert_false(http_prefers_english("zh-CN,zh;q=0.9,en;q=0.8"));
    assert_true(http_prefers_english("de, en;q=0.8, zh;q=0.1"));
    assert_false(http_prefers_english(NULL));
}

/* ---- routes ---- */

static void test_routes_are_complete(void **state)
{
    (void)state;
    size_t count;
    const struct api_route *routes = api_routes(&count);
    assert_ok(api_routes_check(routes, count));
    assert_true(count >= 25);
}

static void check_broken(struct api_route a, struct api_route b)
{
    struct api_route both[] = {a, b};
    assert_err(ERR_BUG, api_routes_check(both, 2));
}

static void test_forgotten_permission_is_refused(void **state)
{
    (void)state;
    const struct api_route good = {HTTP_GET, "/a", API_VERB(VIEW), .handle = api_me};
    struct api_route bad = good;
    assert_ok(api_routes_check(&good, 1));
    check_broken(good, good); /* twice the same */
    bad.path = "/b";
    bad.permission = 0;
    check_broken(good, bad);
    bad.permission = API_VERB(VERB_COUNT);
    check_broken(good, bad);
    bad.permission = API_VERB(VIEW);
    bad.handle = NULL;
    check_broken(good, bad);
    bad = (struct api_route){HTTP_POST, "/b", API_VERB(SELL), .kind = API_WRITE, .handle = api_me};
    check_broken(good, bad); /* money without a key */
    bad = (struct api_route){HTTP_GET, "/b/{id}", API_VERB(VIEW), .handle = api_me};
    check_broken(good, bad); /* an object that nobody looks at */
    bad = (struct api_route){HTTP_GET, "/b", API_VERB(VIEW), .kind = API_WRITE, .handle = api_me};
    check_broken(good, bad); /* a GET that writes */
}

static void test_route_find(void **state)
{
    (void)state;
    struct api_match m;
    assert_ok(api_route_find(HTTP_GET, "/api/v1/accounts/17", &m));
    assert_int_equal(m.id, 17);
    assert_ok(api_route_find(HTTP_POST, "/api/v1/accounts/17/orders/ab-12.xyz/cancel", &m));
    assert_string_equal(m.order, "ab-12.xyz");
    assert_true(m.route->keyed);
    assert_err(ERR_API_METHOD, api_route_find(HTTP_POST, "/api/v1/accounts/17", &m));
    assert_err(ERR_API_METHOD, api_route_find(HTTP_OTHER, "/api/v1/me", &m));
    static const char *const nowhere[] = {
        "/api/v1/accounts/",
        "/api/v1/accounts/0",
        "/api/v1/accounts/-1",
        "/api/v1/accounts/017",
        "/api/v1/accounts/1x",
        "/api/v1/accounts/99999999999999999999",
        "/api/v1/accounts/17/",
        "/api/v1//accounts/17",
        "/api/v1/accounts/17/orders/short",
        "/api/v2/me",
        "/api/v1/me/",
        "/api/v1/accounts/17/orders/a b c d e f g",
        "",
        "/",
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        assert_err(ERR_API_ROUTE, api_route_find(HTTP_GET, nowhere[i], &m));
}

static void test_statuses(void **state)
{
    (void)state;
    assert_int_equal(api_status_of(ERR_NOT_FOUND), 404);
    assert_int_equal(api_status_of(ERR_RANGE), 422);
    assert_int_equal(api_status_of(ERR_API_KEY_REUSED), 422);
    assert_int_equal(api_status_of(ERR_STORE_FULL), 503);
    assert_int_equal(api_status_of(ERR_AUTH_BUSY), 503);
    assert_int_equal(api_status_of(ERR_API_STREAMS), 503);
    assert_int_equal(api_status_of(ERR_STORE_CORRUPT), 500);
    assert_int_equal(api_status_of(ERR_BUG), 500);
    assert_int_equal(api_day_number(20782), 20261125);
}

static void test_keys(void **state)
{
    (void)state;
    char longest[API_KEY_MAX + 2] = {};
    memset(longest, 'a', API_KEY_MAX + 1);
    assert_false(api_key_ok(longest));
    assert_true(api_key_ok(longest + 1));
    assert_true(api_key_ok("12345678"));
    assert_false(api_key_ok("1234567"));
    assert_false(api_key_ok("1234567 "));
    assert_false(api_key_ok("1234567/"));
    assert_false(api_key_ok("1234567\xE7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_nests_and_separates),
        cmocka_unit_test(test_writer_escapes),
        cmocka_unit_test(test_writer_grows),
        cmocka_unit_test(test_guard_headers),
        cmocka_unit_test(test_guard_zero_byte_in_a_name),
        cmocka_unit_test(test_guard_target),
        cmocka_unit_test(test_guard_compares_lengths),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_cookie_and_lists),
        cmocka_unit_test(test_routes_are_complete),
        cmocka_unit_test(test_forgotten_permission_is_refused),
        cmocka_unit_test(test_route_find),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
