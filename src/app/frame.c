/* `yufu frame decode`: finding frames in text, and saying what they are. */
#include "app/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/frame_text.h"
#include "base/must.h"
#include "proto/dlt645.h"
#include "proto/modbus.h"

struct scan {
    const uint8_t *data;
    size_t len, at;
    size_t quiet_until; /* errors that begin before here belong to a frame already reported */
    struct frame_wish wish;
    frame_sink *sink;
    void *arg;
    bool found, valid;
};

static void set_hex_of(json_t *o, const char *key, const uint8_t *data, size_t len)
{
    char *hex = malloc(2 * len + 1);
    MUST(hex);
    hex_encode(data, len, hex);
    (void)json_object_set_new(o, key, json_string(hex)); /* out of memory shows as a missing key */
    free(hex);
}

static json_t *error_json(const struct scan *s, const char *protocol, enum err e, size_t begin,
                          size_t end)
{
    json_t *o = json_pack("{s:s, s:b, s:s, s:s, s:s}", "protocol", protocol, "valid", 0, "error",
                          err_name(e), "error_en", err_text_en(e), "error_zh", err_text_zh(e));
    set_hex_of(o, "frame", s->data + begin, end - begin);
    frame_place(o, e, s->data + begin, end - begin, begin);
    return o;
}

static void report(struct scan *s, json_t *o, bool valid)
{
    s->found = true;
    s->valid = s->valid && valid;
    s->sink(s->arg, o);
}

static void report_damage(struct scan *s, enum err e, size_t begin, size_t end)
{
    if (begin < s->quiet_until)
        return;
    json_t *o = error_json(s, "DL/T 645", e, begin, end);
    report(s, o, false);
    s->quiet_until = end;
}

/* What stands between two frames: FE is counted as preamble, anything else is shown. */
static void set_before(const struct scan *s, json_t *o, size_t from, size_t begin)
{
    size_t preamble = 0;
    while (begin - preamble > from && s->data[begin - 1 - preamble] == 0xFE)
        preamble++;
    (void)json_object_set_new(o, "preamble", json_integer((json_int_t)preamble)); /* as above */
    if (begin - preamble > from && from >= s->quiet_until)
        set_hex_of(o, "skipped", s->data + from, begin - preamble - from);
}

static void report_frame(struct scan *s, const struct dlt645_frame *f, size_t used)
{
    size_t end = s->at + used, begin = end - f->len - 12;
    bool valid = true;
    json_t *o = frame_dlt645_json(f, s->wish.era, &valid);
    set_before(s, o, s->at, begin);
    set_hex_of(o, "frame", s->data + begin, end - begin);
    report(s, o, valid);
}

static size_t damaged_end(const struct scan *s, size_t begin)
{
    return begin + s->data[begin + 9] + 12;
}

/* One step; false when nothing is left to look at. */
static bool step(struct scan *s)
{
    struct dlt645_frame f;
    size_t used = 0;
    enum err e = dlt645_decode(s->data + s->at, s->len - s->at, &f, &used);
    if (e == ERR_OK) {
        report_frame(s, &f, used);
    } else if (e == ERR_TRUNCATED) {
        size_t begin = s->at + used;
        if (begin >= s->len)
            return false;
        report_damage(s, e, begin, s->len);
        used++;
    } else {
        size_t begin = s->at + used - 1;
        report_damage(s, e, begin, damaged_end(s, begin));
    }
    s->at += used;
    return s->at < s->len;
}

/* --- all protocols ---------------------------------------------------------------------------- */

/* Of those that say where they begin. A single E5 says too little to be looked for in a stream. */
static json_t *other_at(const struct scan *s, size_t at, size_t *used, bool *valid)
{
    static const enum frame_protocol marked[] = {FRAME_MBUS, FRAME_CJT188, FRAME_ACREL,
                                                 FRAME_ACREL4G};
    struct bytes here = {s->data + at, s->len - at};
    if (memchr("\x68\x10\x1F\x7B", here.data[0], 4) == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        json_t *o = frame_try(marked[i], here, used, valid);
        if (o)
            return o;
    }
    return NULL;
}

/* Where the next whole DL/T 645 frame begins; len: there is none. */
static size_t next_dlt645(const struct scan *s)
{
    struct dlt645_frame f;
    for (size_t at = s->at; at < s->len;) {
        size_t used = 0;
        enum err e = dlt645_decode(s->data + at, s->len - at, &f, &used);
        if (e == ERR_OK)
            return at + used - f.len - 12;
        if (e == ERR_TRUNCATED && at + used >= s->len)
            break;
        at += used + (e == ERR_TRUNCATED);
    }
    return s->len;
}

/* A frame of another protocol before the next one of DL/T 645. */
static bool step_other(struct scan *s)
{
    size_t end = next_dlt645(s);
    for (size_t at = s->at; at < end; at++) {
        size_t used;
        bool valid = true;
        json_t *o = other_at(s, at, &used, &valid);
        if (!o)
            continue;
        set_before(s, o, s->at, at);
        set_hex_of(o, "frame", s->data + at, used);
        report(s, o, valid);
        s->at = at + used;
        return true;
    }
    return false;
}

/* Frames that follow each other without a gap, from the first byte to the last. */
static bool fill_with(struct scan *s, enum frame_protocol p)
{
    size_t at = 0, used;
    bool ignored = true;
    for (; at < s->len; at += used) {
        json_t *o = frame_try(p, (struct bytes){s->data + at, s->len - at}, &used, &ignored);
        if (!o)
            return false;
        json_decref(o);
    }
    for (at = 0; at < s->len; at += used) {
        bool valid = true;
        json_t *o = frame_try(p, (struct bytes){s->data + at, s->len - at}, &used, &valid);
        set_hex_of(o, "frame", s->data + at, used);
        report(s, o, valid);
    }
    return true;
}

/* Of one protocol only: whatever stands between its frames is shown with the next one. */
static void find_only(struct scan *s, enum frame_protocol p)
{
    for (size_t at = 0; at < s->len;) {
        size_t used;
        bool valid = true;
        json_t *o = frame_try(p, (struct bytes){s->data + at, s->len - at}, &used, &valid);
        if (!o) {
            at++;
            continue;
        }
        set_before(s, o, s->at, at);
        set_hex_of(o, "frame", s->data + at, used);
        report(s, o, valid);
        s->at = at += used;
    }
}

/* A read of RTU with a wrong CRC begins like the head of a TCP frame without data. */
static bool may_be_tcp(const struct scan *s)
{
    return s->len > 8 || (s->len == 8 && s->data[1] > MODBUS_WRITE_ONE);
}

static bool is_unmarked(struct scan *s)
{
    return fill_with(s, FRAME_MODBUS) || (may_be_tcp(s) && fill_with(s, FRAME_MODBUS_TCP)) ||
           (s->len == 1 && fill_with(s, FRAME_MBUS));
}

/* True: a whole frame that says where it begins is somewhere in it. */
static bool any_marked(struct scan *s)
{
    if (next_dlt645(s) < s->len)
        return true;
    for (size_t at = 0; at < s->len; at++) {
        size_t used;
        bool valid;
        json_t *o = other_at(s, at, &used, &valid);
        if (o) {
            json_decref(o);
            return true;
        }
    }
    return false;
}

/* No frame is in it: what it was meant to be. */
static void report_none(struct scan *s)
{
    const char *name;
    enum err e;
    (void)frame_near(s->wish.protocol, (struct bytes){s->data, s->len}, &name, &e);
    report(s, error_json(s, name, e, 0, s->len), false);
}

static bool is_near_another(const struct scan *s)
{
    const char *name;
    enum err e;
    enum frame_protocol p = frame_near(FRAME_AUTO, (struct bytes){s->data, s->len}, &name, &e);
    return p != FRAME_AUTO && p != FRAME_DLT645;
}

static void find_all(struct scan *s)
{
    if (!any_marked(s) && (is_unmarked(s) || is_near_another(s)))
        return;
    while (s->at < s->len && (step_other(s) || step(s)))
        continue;
}

bool frame_decode_bytes(const uint8_t *data, size_t len, struct frame_wish wish, frame_sink *sink,
                        void *arg)
{
    struct scan s = {
        .data = data, .len = len, .wish = wish, .sink = sink, .arg = arg, .valid = true};
    if (wish.protocol == FRAME_AUTO)
        find_all(&s);
    else if (wish.protocol != FRAME_DLT645)
        find_only(&s, wish.protocol);
    else
        while (s.at < len && step(&s))
            continue;
    if (!s.found)
        report_none(&s);
    return s.valid;
}

/* --- text ------------------------------------------------------------------------------------- */

static void report_syntax(const char *text, frame_sink *sink, void *arg)
{
    json_t *o = json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "protocol", "unknown", "valid", 0,
                          "error", err_name(ERR_SYNTAX), "error_en", err_text_en(ERR_SYNTAX),
                          "error_zh", err_text_zh(ERR_SYNTAX), "text", text);
    if (!o) /* the text is not UTF-8 */
        o = json_pack("{s:s, s:b, s:s, s:s, s:s}", "protocol", "unknown", "valid", 0, "error",
                      err_name(ERR_SYNTAX), "error_en", err_text_en(ERR_SYNTAX), "error_zh",
                      err_text_zh(ERR_SYNTAX));
    sink(arg, o);
}

struct held {
    json_t *list; /* array */
    bool any;
};

static void hold(void *arg, json_t *object)
{
    struct held *h = arg;
    h->any = h->any || json_is_true(json_object_get(object, "valid"));
    (void)json_array_append_new(h->list, object); /* out of memory: left out */
}

static void drop_held(struct held *h)
{
    json_decref(h->list);
}

static void pass_on(struct held *h, frame_sink *sink, void *arg)
{
    for (size_t i = 0; i < json_array_size(h->list); i++)
        sink(arg, json_incref(json_array_get(h->list, i)));
}

/* True: every frame that the text holds, read this way, is good. */
static bool decode_way(const char *text, enum frame_text_way way, struct frame_wish wish,
                       struct held *h)
{
    uint8_t *data = malloc(strlen(text) + 1);
    size_t count = 0;
    MUST(data);
    *h = (struct held){.list = json_array()};
    bool good = frame_text_bytes(text, way, data, &count) &&
                (count > 0 || way == FRAME_TEXT_PLAIN) &&
                frame_decode_bytes(data, count, wish, hold, h);
    free(data);
    return good;
}

static bool is_named(const struct held *h)
{
    size_t i;
    json_t *o;
    json_array_foreach(h->list, i, o)
    {
        const char *protocol = json_string_value(json_object_get(o, "protocol"));
        if (protocol && strcmp(protocol, "unknown") != 0)
            return true;
    }
    return false;
}

/* Plain digits first. A line of a log may look like them, its date and time being digits as well:
 * what is better read without those is told so. */
bool frame_decode_text(const char *text, struct frame_wish wish, frame_sink *sink, void *arg)
{
    struct held plain, log;
    bool good = decode_way(text, FRAME_TEXT_PLAIN, wish, &plain);
    bool good_log = !good && decode_way(text, FRAME_TEXT_LOG, wish, &log);
    bool told =
        !good && (good_log || (log.any && !plain.any) || (is_named(&log) && !is_named(&plain)));
    if (json_array_size(plain.list) == 0 && !told)
        report_syntax(text, sink, arg);
    else
        pass_on(told ? &log : &plain, sink, arg);
    if (!good)
        drop_held(&log);
    drop_held(&plain);
    return good || good_log;
}

/* --- the command ------------------------------------------------------------------------------ */

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
        "  --proto modbus        Modbus RTU; modbus-tcp: Modbus TCP\n"
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
