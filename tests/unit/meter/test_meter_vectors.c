/*
 * Every protocol's meters, by frames: tests/vectors/meter.txt.
 *
 *   take MODEL ADDRESS ROW HEX | point=value ...      what an answer tells; "next" if it leads on
 *   take MODEL ADDRESS ROW HEX | !ERR_NAME            what must not become a reading
 *   ask MODEL ADDRESS ROW | HEX                       the request of a row
 *   order MODEL ADDRESS NAME CIRCUIT | HEX or !NAME   the frame of an order
 *   unit MODEL ADDRESS | !NAME                        an address that is none
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "meter/meter_model.h"

#define LINE_MAX 2048

static char line[LINE_MAX];
static unsigned number;

/* A writable copy of what stands behind the bar, and the words before it. */
static unsigned split(char *words[8], char **expected)
{
    unsigned n = 0;
    char *bar = strchr(line, '|');
    if (!bar)
        fail_msg("line %u has no bar", number);
    *bar = '\0';
    *expected = bar + 1 + strspn(bar + 1, " ");
    for (char *w = strtok(line, " "); w && n < 8; w = strtok(NULL, " "))
        words[n++] = w;
    return n;
}

static unsigned row_of(const struct meter_unit *u, const char *name)
{
    for (unsigned i = 0; i < u->model->item_count; i++)
        if (strcmp(u->model->items[i].name, name) == 0)
            return i;
    fail_msg("line %u: no row %s", number, name);
    return 0;
}

static struct meter_unit unit_of(const char *model, const char *address)
{
    struct meter_unit u;
    enum err e = meter_unit_init(&u, model, address, "", 0);
    if (e != ERR_OK)
        fail_msg("line %u: %s", number, err_name(e));
    u.offset_s = 28'800;
    return u;
}

static void same(const char *told, const char *expected)
{
    if (strcmp(told, expected) != 0)
        fail_msg("line %u:\n told     %s\n expected %s", number, told, expected);
}

static void take(char **w, const char *expected)
{
    struct meter_unit u = unit_of(w[1], w[2]);
    struct meter_values v;
    uint8_t frame[METER_FRAME_MAX];
    char told[LINE_MAX] = "";
    size_t len, n = 0;
    assert_ok(hex_decode(w[4], strlen(w[4]), frame, sizeof frame, &len));
    enum err e = meter_take_item(&u, row_of(&u, w[3]), (struct bytes){frame, len}, &v);
    if (e != ERR_OK)
        n += (size_t)snprintf(told, sizeof told, "!%s", err_name(e));
    for (size_t i = 0; e == ERR_OK && i < v.count; i++)
        n += (size_t)snprintf(told + n, sizeof told - n, "%s%s=%lld", i ? " " : "",
                              meter_point_name(v.list[i].point), (long long)v.list[i].value);
    if (e == ERR_OK && v.next_item >= 0)
        snprintf(told + n, sizeof told - n, "%snext", n ? " " : "");
    same(told, expected);
}

static void tell_frame(enum err e, const struct writer *w, const char *expected)
{
    char told[LINE_MAX];
    if (e != ERR_OK)
        snprintf(told, sizeof told, "!%s", err_name(e));
    else
        hex_encode(w->data, w->len, told);
    same(told, expected);
}

static void ask(char **words, const char *expected)
{
    struct meter_unit u = unit_of(words[1], words[2]);
    uint8_t room[METER_FRAME_MAX];
    struct writer w = writer_of(room, sizeof room);
    meter_ask_item(&u, row_of(&u, words[3]), &w);
    tell_frame(w.err, &w, expected);
}

static void order(char **words, const char *expected)
{
    static const char *const names[METER_ORDERS] = {"cut", "restore", "keep_on", "keep_off",
                                                    "exercise"};
    struct meter_unit u = unit_of(words[1], words[2]);
    uint8_t room[METER_FRAME_MAX];
    struct writer w = writer_of(room, sizeof room);
    int o = 0;
    while (o < METER_ORDERS && strcmp(names[o], words[3]) != 0)
        o++;
    assert_true(o < METER_ORDERS);
    enum err e =
        meter_ask_order(&u, (enum meter_order)o, (unsigned)atoi(words[4]), (wall_s){0}, &w);
    tell_frame(e, &w, expected);
}

static void unit(char **words, const char *expected)
{
    struct meter_unit u;
    struct writer w = {0};
    tell_frame(meter_unit_init(&u, words[1], words[2], "", 0), &w, expected);
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned words;
        void (*run)(char **words, const char *expected);
    } kinds[] = {{"take", 5, take}, {"ask", 4, ask}, {"order", 5, order}, {"unit", 3, unit}};
    FILE *file = fopen("tests/vectors/meter.txt", "r");
    unsigned ran = 0;
    assert_non_null(file);
    while (number++, fgets(line, sizeof line, file)) {
        char *words[8], *expected;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        unsigned n = split(words, &expected), k = 0;
        while (k < 4 && strcmp(kinds[k].name, words[0]) != 0)
            k++;
        if (k == 4 || n != kinds[k].words)
            fail_msg("line %u is not understood", number);
        kinds[k].run(words, expected);
        ran++;
    }
    fclose(file);
    print_message("%u vectors\n", ran);
    assert_true(ran > 50);
}

/* Every shipped model stands in the vectors: its requests are frames of its own protocol, and none
 * of them is taken for its answer, as on a line that echoes. */
static void test_every_model_asks(void **state)
{
    (void)state;
    const struct meter_model *m;
    for (size_t k = 0; (m = meter_model_at(k)); k++) {
        struct meter_unit u = unit_of(m->name, "7");
        for (unsigned i = 0; i < m->item_count; i++) {
            uint8_t room[METER_FRAME_MAX];
            size_t begin, end;
            struct writer w = writer_of(room, sizeof room);
            struct bytes asked = {room, 0};
            meter_ask_item(&u, i, &w);
            assert_ok(w.err);
            asked.len = w.len;
            assert_ok(m->driver->link->cut(room, w.len, &begin, &end));
            assert_int_equal(end, w.len);
            struct bytes echo = {room + begin, end - begin};
            assert_int_equal(m->driver->link->match(asked, echo), METER_MATCH_NO);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_model_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
