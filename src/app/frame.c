/* `yufu frame decode`: the command. */
#include "app/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "base/must.h"

struct held {
    json_t *list; /* array */
};

static void hold(void *arg, json_t *object)
{
    struct held *h = arg;
    (void)json_array_append_new(h->list, object); /* out of memory: left out */
}

static void drop_held(struct held *h)
{
    json_decref(h->list);
}

static void print_object(void *arg, json_t *object)
{
    FILE *to = arg;
    if (json_dumpf(object, to, JSON_COMPACT) == 0)
        (void)fputc('\n', to); /* a failed write shows at the end, in fflush */
    json_decref(object);
}

/* Lines of standard input, without remarks and the text of vector files. */
struct lines {
    char **list;
    size_t count, cap;
};

static void read_lines(struct lines *l)
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) >= 0) {
        line[strcspn(line, "#|\n")] = '\0';
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        if (l->count == l->cap) {
            l->cap = l->cap ? 2 * l->cap : 64;
            l->list = realloc(l->list, l->cap * sizeof *l->list);
            MUST(l->list);
        }
        l->list[l->count] = strdup(line);
        MUST(l->list[l->count++]);
    }
    free(line);
}

static char *joined(char **list, size_t count)
{
    size_t len = 1;
    for (size_t i = 0; i < count; i++)
        len += strlen(list[i]) + 1;
    char *text = malloc(len), *end = text;
    MUST(text);
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        end = stpcpy(end, i > 0 ? " " : "");
        end = stpcpy(end, list[i]);
    }
    return text;
}

/* Does the last thing found go on behind the end, so that the next line may hold the rest? */
static bool is_cut(const struct held *h)
{
    size_t n = json_array_size(h->list);
    const char *e =
        n == 0 ? NULL : json_string_value(json_object_get(json_array_get(h->list, n - 1), "error"));
    return e && strcmp(e, err_name(ERR_TRUNCATED)) == 0;
}

#define FRAME_LINES_MAX 24 /* a frame that was printed sixteen bytes a line has fewer */

/* How many lines from here on belong together: 1, or those over which a frame was broken. */
static size_t lines_together(char **list, size_t count, struct frame_wish wish)
{
    struct held h = {.list = json_array()};
    (void)frame_decode_text(list[0], wish, hold, &h); /* what it is worth is told below */
    bool cut = is_cut(&h);
    drop_held(&h);
    for (size_t n = 2; cut && n <= count && n <= FRAME_LINES_MAX; n++) {
        char *text = joined(list, n);
        h = (struct held){.list = json_array()};
        bool good = frame_decode_text(text, wish, hold, &h);
        cut = is_cut(&h);
        free(text);
        drop_held(&h);
        if (good)
            return n;
    }
    return 1;
}

static bool decode_stdin(struct frame_wish wish)
{
    struct lines l = {0};
    bool good = true;
    read_lines(&l);
    for (size_t i = 0, n; i < l.count; i += n) {
        n = lines_together(l.list + i, l.count - i, wish);
        char *text = joined(l.list + i, n);
        good = frame_decode_text(text, wish, print_object, stdout) && good;
        fflush(stdout);
        free(text);
    }
    bool any = l.count > 0;
    while (l.count > 0)
        free(l.list[--l.count]);
    free(l.list);
    return good && any;
}

/* No frame has fewer than 24 digits: shorter words are the bytes of one frame. */
static bool is_one_frame(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strlen(argv[i]) < 24)
            return argc > 1;
    return false;
}

static bool decode_joined(int argc, char **argv, struct frame_wish wish)
{
    char *text = joined(argv, (size_t)argc);
    bool good = frame_decode_text(text, wish, print_object, stdout);
    free(text);
    return good;
}

static bool decode_words(int argc, char **argv, struct frame_wish wish)
{
    if (is_one_frame(argc, argv))
        return decode_joined(argc, argv, wish);
    bool good = true;
    for (int i = 0; i < argc; i++)
        good = frame_decode_text(argv[i], wish, print_object, stdout) && good;
    return good;
}

static int usage(FILE *to, int code)
{
    fprintf(
        to,
        "usage: yufu frame decode [--proto P] [HEX...]\n\n"
        "Prints one JSON object for each meter frame found; reads lines of standard input when\n"
        "no HEX is given. Ends with 1 if any frame is damaged or none is found.\n"
        "每个报文输出一个 JSON 对象；未给出 HEX 时逐行读取标准输入；有无效报文时退出码为 1。\n\n"
        "  --proto auto          whatever it is; the year of DL/T 645 by the control code "
        "(default)\n"
        "  --proto dlt645-2007   DL/T 645-2007\n"
        "  --proto dlt645-1997   DL/T 645-1997\n"
        "  --proto cjt188        CJ/T 188: water, heat, cooling, gas\n"
        "  --proto modbus        Modbus RTU; modbus-tcp, modbus-ascii\n"
        "  --proto mbus          M-Bus, wired\n"
        "  --proto acrel         Acrel gateways (1F1F); acrel-4g: Acrel 4G meters (7B7B)\n");
    return code;
}

static bool parse_proto(const char *name, struct frame_wish *wish)
{
    static const struct {
        const char *name;
        struct frame_wish wish;
    } names[] = {{"auto", {FRAME_AUTO, DLT645_ERA_GUESS}},
                 {"dlt645", {FRAME_DLT645, DLT645_ERA_GUESS}},
                 {"645", {FRAME_DLT645, DLT645_ERA_GUESS}},
                 {"dlt645-2007", {FRAME_DLT645, DLT645_ERA_2007}},
                 {"dlt645-07", {FRAME_DLT645, DLT645_ERA_2007}},
                 {"2007", {FRAME_DLT645, DLT645_ERA_2007}},
                 {"dlt645-1997", {FRAME_DLT645, DLT645_ERA_1997}},
                 {"dlt645-97", {FRAME_DLT645, DLT645_ERA_1997}},
                 {"1997", {FRAME_DLT645, DLT645_ERA_1997}},
                 {"cjt188", {FRAME_CJT188, DLT645_ERA_GUESS}},
                 {"188", {FRAME_CJT188, DLT645_ERA_GUESS}},
                 {"acrel", {FRAME_ACREL, DLT645_ERA_GUESS}},
                 {"acrel-4g", {FRAME_ACREL4G, DLT645_ERA_GUESS}},
                 {"modbus", {FRAME_MODBUS, DLT645_ERA_GUESS}},
                 {"modbus-rtu", {FRAME_MODBUS, DLT645_ERA_GUESS}},
                 {"modbus-tcp", {FRAME_MODBUS_TCP, DLT645_ERA_GUESS}},
                 {"modbus-ascii", {FRAME_MODBUS_ASCII, DLT645_ERA_GUESS}},
                 {"mbus", {FRAME_MBUS, DLT645_ERA_GUESS}}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0) {
            *wish = names[i].wish;
            return true;
        }
    fprintf(stderr, "yufu frame: there is no protocol '%s' 没有该协议\n", name);
    return false;
}

/* Takes --proto P and --proto=P off the words, wherever they stand. -1: wrong usage. */
static int take_options(int argc, char **argv, struct frame_wish *wish)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        const char *name = NULL;
        if (strcmp(argv[i], "--proto") == 0)
            name = i + 1 < argc ? argv[++i] : "";
        else if (strncmp(argv[i], "--proto=", 8) == 0)
            name = argv[i] + 8;
        else if (strncmp(argv[i], "--", 2) == 0 && argv[i][2])
            return -1;
        else if (strcmp(argv[i], "-") != 0 && strcmp(argv[i], "--") != 0)
            argv[kept++] = argv[i];
        if (name && !parse_proto(name, wish))
            return -1;
    }
    return kept;
}

int app_frame_main(int argc, char **argv)
{
    struct frame_wish wish = {FRAME_AUTO, DLT645_ERA_GUESS};
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[argc - 1], "--help") == 0))
        return usage(stdout, 0);
    if (argc < 2 || strcmp(argv[1], "decode") != 0)
        return usage(stderr, 2);
    int words = take_options(argc - 2, argv + 2, &wish);
    if (words < 0)
        return usage(stderr, 2);
    bool good = words > 0 ? decode_words(words, argv + 2, wish) : decode_stdin(wish);
    if (fflush(stdout) != 0) {
        perror("yufu frame");
        return 1;
    }
    return good ? 0 : 1;
}
