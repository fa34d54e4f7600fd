#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "site/csv.h"

/* All cells as text: '|' between cells, '/' after a row; then the error's name. */
static const char *read_len(const char *data, size_t size)
{
    static char out[4096];
    struct csv csv;
    size_t len = 0;
    enum err e = csv_open(&csv, data, size);
    out[0] = 0;
    if (e != ERR_OK)
        return err_name(e);
    while ((e = csv_next(&csv)) == ERR_OK) {
        for (size_t i = 0; i < csv.cell_count; i++)
            len +=
                (size_t)snprintf(out + len, sizeof out - len, "%s%s", i ? "|" : "", csv.cells[i]);
        len += (size_t)snprintf(out + len, sizeof out - len, "/");
    }
    if (e != ERR_NOT_FOUND)
        snprintf(out + len, sizeof out - len, "%s at %lld,%zu", err_name(e), (long long)csv.row,
                 csv.bad_column);
    assert_err(ERR_NOT_FOUND, csv_next(&csv)); /* stays ended */
    csv_close(&csv);
    return out;
}

static const char *read(const char *text)
{
    return read_len(text, strlen(text));
}

static void test_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cells;
    } cases[] = {
        {"", ""},
        {"a", "a/"},
        {"a\n", "a/"},
        {"a,b\r\nc,d\r\n", "a|b/c|d/"},
        {"a,b\rc,d", "a|b/c|d/"},
        {"a,\n,b\n", "a|/|b/"},
        {"\n\na\n,,,\n\nb", "a/b/"},
        {"  a \t,\t b", "a|b/"},
        {"\"a,b\",c", "a,b|c/"},
        {"\"a\nb\",c", "a\nb|c/"},
        {"\"a\"\"b\"", "a\"b/"},
        {"\"\",x", "|x/"},
        {"\"\"\"\"", "\"/"},
        {" \"a\" ,b", "a|b/"},
        {"'0012,b", "0012|b/"},
        {"\xe3\x80\x80\xe5\xbc\xa0\xe3\x80\x80,b", "\xe5\xbc\xa0|b/"},
        {"\xef\xbb\xbf\xe5\xbc\xa0", "\xe5\xbc\xa0/"},
        {"\xd5\xc5\xc8\xfd,1", "\xe5\xbc\xa0\xe4\xb8\x89|1/"}, /* GBK 张三 */
        {"\x81\x30\x84\x36,1", "\xc2\xa5|1/"},                 /* four bytes of GB18030 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(read(cases[i].text), cases[i].cells);
}

static void test_errors_say_where(void **state)
{
    (void)state;
    assert_string_equal(read("a,b\nc,\"d"), "a|b/CSV_QUOTE at 2,2");
    assert_string_equal(read("a\"b"), "CSV_QUOTE at 1,1");
    assert_string_equal(read("a,\"b\"c"), "CSV_QUOTE at 1,2");
    assert_string_equal(read("a\nb\x01"), "a/CSV_CONTROL at 2,1");
    assert_string_equal(read_len("a,b\0c", 5), "CSV_CONTROL at 1,2");
    assert_string_equal(read("\xff\xff"), "CSV_ENCODING");
    assert_string_equal(read("\xff\xfe"
                             "a"),
                        "CSV_ENCODING"); /* UTF-16 */
}

static void test_too_many_columns(void **state)
{
    (void)state;
    char text[2 * CSV_COLUMNS_MAX + 8];
    struct csv csv;
    for (int i = 0; i <= CSV_COLUMNS_MAX; i++)
        memcpy(text + 2 * i, "x,", 2);
    assert_ok(csv_open(&csv, text, 2 * CSV_COLUMNS_MAX - 1));
    assert_ok(csv_next(&csv));
    csv_close(&csv);
    assert_ok(csv_open(&csv, text, 2 * CSV_COLUMNS_MAX + 1));
    assert_err(ERR_CSV_COLUMNS, csv_next(&csv));
    assert_int_equal(csv.bad_column, CSV_COLUMNS_MAX + 1);
    csv_close(&csv);
}

static void test_limits(void **state)
{
    (void)state;
    struct csv csv;
    char *big = calloc(1, CSV_SIZE_MAX + 1);
    memset(big, 'x', CSV_SIZE_MAX + 1);
    assert_err(ERR_CSV_SIZE, csv_open(&csv, big, CSV_SIZE_MAX + 1));
    assert_ok(csv_open(&csv, big, CSV_SIZE_MAX));
    csv_close(&csv);
    for (int i = 0; i < CSV_ROWS_MAX + 2; i++)
        memcpy(big + 2 * i, "x\n", 2);
    assert_ok(csv_open(&csv, big, 2 * (CSV_ROWS_MAX + 2)));
    for (int i = 0; i < CSV_ROWS_MAX + 1; i++) /* the header, and as many rows as are allowed */
        assert_ok(csv_next(&csv));
    assert_err(ERR_CSV_ROWS, csv_next(&csv));
    assert_int_equal(csv.row, CSV_ROWS_MAX + 2);
    csv_close(&csv);
    free(big);
}

/* Any bytes: an end comes, and what is read is text. Also under the sanitizers. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char taste[] = "a\"\"\",,\n\r' \t\xe3\x80\x80\xd5\xc5\x81\x30\x84\x36\x00\x7f";
    struct rand_stream r = rand_split(3, "csv");
    for (int round = 0; round < 20000; round++) {
        char data[64];
        struct csv csv;
        size_t len = rand_below(&r, sizeof data);
        for (size_t i = 0; i < len; i++)
            data[i] =
                rand_chance(&r, 900) ? taste[rand_below(&r, sizeof taste - 1)] : (char)rand_u64(&r);
        if (csv_open(&csv, data, len) != ERR_OK)
            continue;
        int rows = 0;
        for (; csv_next(&csv) == ERR_OK; rows++)
            for (size_t i = 0; i < csv.cell_count; i++)
                assert_true(strlen(csv.cells[i]) <= csv.len);
        assert_true(rows <= 64);
        csv_close(&csv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_errors_say_where),
        cmocka_unit_test(test_too_many_columns),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
