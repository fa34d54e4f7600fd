/* `yufu frame decode`: the command. */
#include "app/frame/frame.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/frame/frame_dump.h"
#include "app/frame/frame_input.h"
#include "app/frame/frame_listing.h"
#include "app/frame/frame_text.h"
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

/* Is there a frame in it, or anything that was meant as one? */
static bool says(const struct held *h)
{
    size_t i;
    json_t *o;
    json_array_foreach(h->list, i, o)
    {
        if (strcmp(json_string_value(json_object_get(o, "protocol")), "unknown") != 0)
            return true;
    }
    return false;
}

static bool says_something(const char *text, struct frame_wish wish)
{
    struct held h = {.list = json_array()};
    (void)frame_decode_text(text, wish, hold, &h); /* what it is worth is told below */
    bool something = says(&h);
    drop_held(&h);
    return something;
}

static void print_object(void *arg, json_t *object)
{
    FILE *to = arg;
    if (json_dumpf(object, to, JSON_COMPACT) == 0)
        (void)fputc('\n', to); /* a failed write shows at the end, in fflush */
    json_decref(object);
}

/* What is to be decoded, a line each; the lines of a dump are one. */
struct lines {
    char **list;
    size_t count, cap;
    unsigned long next; /* offset at which the dump that the last line holds goes on; 0: none */
    bool bare_row;      /* the last line is one of a dump without offsets, and full */
    const char *tried;  /* up to here no listing makes frames */
};

static void add_line(struct lines *l, char *line)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->list = realloc(l->list, l->cap * sizeof *l->list);
        MUST(l->list);
    }
    MUST(line);
    l->list[l->count++] = line;
    l->next = 0;
    l->bare_row = false;
}

/* The digits of an offset read as octal; one that is none: all bits. */
static unsigned long octal_of(unsigned long offset)
{
    unsigned long octal = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned long digit = offset >> shift & 0xF;
        if (digit > 7)
            return ~0UL;
        octal = octal << 3 | digit;
    }
    return octal;
}

/* od writes its offsets octal. */
static bool is_at(const struct frame_dump *d, unsigned long at)
{
    return at > 0 && (d->offset == at || octal_of(d->offset) == at);
}

static void add_dump(struct lines *l, const struct frame_dump *d)
{
    bool goes_on = d->bare ? l->bare_row : is_at(d, l->next);
    unsigned long at = goes_on ? l->next : d->offset;
    size_t had = goes_on ? strlen(l->list[l->count - 1]) : 0, n = (size_t)(d->to - d->from);
    char *text = goes_on ? realloc(l->list[--l->count], had + n + 2) : malloc(n + 1);
    MUST(text);
    if (goes_on)
        text[had++] = ' ';
    memcpy(text + had, d->from, n);
    text[had + n] = '\0';
    add_line(l, text);
    l->next = d->bare ? 0 : at + d->bytes;
    l->bare_row = d->bare && d->bytes == FRAME_DUMP_ROW;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == '\0';
}

/* Remarks and the text of vector files stand behind # and |; logs have such marks as well. */
static char *without_remark(const char *line, struct frame_wish wish)
{
    char *cut = strndup(line, strcspn(line, "#|"));
    MUST(cut);
    bool remark = *line == '#' && !isdigit((unsigned char)line[1]); /* #12: some count lines */
    if (remark || (!is_blank(cut) && (strlen(cut) == strlen(line) || says_something(cut, wish))) ||
        !says_something(line, wish))
        return cut;
    free(cut);
    return strdup(line);
}

/* unsigned int name_len = 18; as xxd -i writes it behind an array. */
static bool is_array_length(const char *line)
{
    const char *c = strstr(line, "_len = ");
    return c && c[7 + strspn(c + 7, "0123456789")] == ';';
}

static void take_line(struct lines *l, char *line, struct frame_wish wish)
{
    struct frame_dump d;
    line[strcspn(line, "\n")] = '\0';
    bool dump = frame_dump_line(line, &d), ends = dump && d.bytes == 0;
    if (ends && l->next > 0 && (is_at(&d, l->next) || is_at(&d, l->next - 1)))
        return; /* words of two bytes hide that their number is odd */
    if (dump && !ends) {
        add_dump(l, &d);
        return;
    }
    char *text = without_remark(line, wish);
    if (is_blank(text) || is_array_length(text))
        free(text);
    else
        add_line(l, text);
}

/* A list of numbers between brackets is one line, however it was printed. */
static void join_lists(char *text)
{
    for (char *c = text; (c = strpbrk(c, "[{"));) {
        size_t n = strspn(++c, "0123456789abcdefABCDEFxXuU,;+- \t\r\n");
        if (c[n] != ']' && c[n] != '}')
            continue;
        for (char *end = c + n; c < end; c++)
            *c = *c == '\n' ? ' ' : *c;
    }
}

/* The bytes of a listing, without what fills its last word, if they are frames. */
static bool add_frames(struct lines *l, const struct frame_listing *of, struct frame_wish wish)
{
    for (size_t spare = 0; spare <= of->spare && spare < of->len; spare++) {
        if (!frame_bytes_are_frames(of->bytes, of->len - spare, wish))
            continue;
        char *hex = malloc(2 * of->len + 1);
        MUST(hex);
        hex_encode(of->bytes, of->len - spare, hex);
        add_line(l, hex);
        return true;
    }
    return false;
}

/* What stands behind a listing that begins here; `text` itself if there is none. */
static char *take_listing(struct lines *l, char *text, struct frame_wish wish)
{
    struct frame_dump d;
    bool taken = l->tried > text || frame_dump_line(text, &d);
    for (int form = 0; form < FRAME_LISTING_FORMS && !taken; form++) {
        struct frame_listing of = frame_listing_read(text, (enum frame_listing_form)form);
        taken = of.end && add_frames(l, &of, wish);
        if (taken)
            text += of.end - text;
        else if (of.end > l->tried)
            l->tried = of.end;
        free(of.bytes);
    }
    return text;
}

static void split_lines(struct lines *l, char *text, struct frame_wish wish)
{
    join_lists(text);
    while (text) {
        text = take_listing(l, text, wish);
        take_line(l, strsep(&text, "\n"), wish);
    }
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

/* The digits of what may go on in the next line: a frame cut short at the end, or bytes that are
 * nothing yet. NULL: neither. */
static const char *begun(const struct held *h, bool *cut)
{
    size_t n = json_array_size(h->list);
    const json_t *last = json_array_get(h->list, n - 1);
    const char *e = json_string_value(json_object_get(last, "error"));
    *cut = e && strcmp(e, err_name(ERR_TRUNCATED)) == 0;
    bool nothing = e && n == 1 && strcmp(e, err_name(ERR_FRAME_UNKNOWN)) == 0;
    return *cut || nothing ? json_string_value(json_object_get(last, "frame")) : NULL;
}

/* Is a frame in it that begins so, and nothing that is none? */
static bool completes(const struct held *h, const char *digits)
{
    size_t i, found = 0;
    json_t *o;
    json_array_foreach(h->list, i, o)
    {
        const char *frame = json_string_value(json_object_get(o, "frame"));
        if (!json_is_true(json_object_get(o, "valid")) || !frame)
            return false;
        found += strncmp(frame, digits, strlen(digits)) == 0;
    }
    return found > 0;
}

#define FRAME_LINES_MAX 24 /* a frame that was printed sixteen bytes a line has fewer */

static bool is_plain(const char *text)
{
    struct frame_text t;
    char *folded = frame_text_fold(text);
    bool plain = frame_text_read(folded, FRAME_TEXT_PLAIN, &t);
    frame_text_free(&t);
    free(folded);
    return plain;
}

static bool holds_frame(const char *text, struct frame_wish wish)
{
    struct held h = {.list = json_array()};
    bool whole = false;
    size_t i;
    json_t *o;
    (void)frame_decode_text(text, wish, hold, &h); /* as above */
    json_array_foreach(h.list, i, o) whole = whole || json_is_true(json_object_get(o, "valid"));
    drop_held(&h);
    return whole;
}

/* Over how many lines the frame goes that begins with these digits; 1: none does. A line that holds
 * a frame of its own is no rest; of bytes that are nothing yet only bytes are one. */
static size_t lines_of(const char *digits, bool cut, char **list, size_t count,
                       struct frame_wish wish)
{
    for (size_t n = 2; n <= count && n <= FRAME_LINES_MAX; n++) {
        if (cut ? holds_frame(list[n - 1], wish) : !is_plain(list[n - 1]))
            return 1;
        char *text = joined(list, n);
        struct held h = {.list = json_array()};
        (void)frame_decode_text(text, wish, hold, &h); /* as above */
        bool whole = completes(&h, digits);
        free(text);
        drop_held(&h);
        if (whole)
            return n;
    }
    return 1;
}

/* How many lines from here on belong together: 1, or those over which a frame was broken. */
static size_t lines_together(char **list, size_t count, struct frame_wish wish)
{
    struct held h = {.list = json_array()};
    (void)frame_decode_text(list[0], wish, hold, &h); /* as above */
    bool cut;
    const char *digits = begun(&h, &cut);
    size_t n = digits ? lines_of(digits, cut, list, count, wish) : 1;
    drop_held(&h);
    return n;
}

/* Ends with the lines: they are freed. */
static bool decode_lines(struct lines *l, struct frame_wish wish)
{
    bool good = l->count > 0;
    for (size_t i = 0, n; i < l->count; i += n) {
        n = lines_together(l->list + i, l->count - i, wish);
        char *text = joined(l->list + i, n);
        good = frame_decode_text(text, wish, print_object, stdout) && good;
        fflush(stdout);
        free(text);
    }
    while (l->count > 0)
        free(l->list[--l->count]);
    free(l->list);
    return good;
}

/* Ends with the text: it is freed. */
static bool decode_text(char *text, struct frame_wish wish)
{
    struct lines l = {0};
    split_lines(&l, text, wish);
    free(text);
    return decode_lines(&l, wish);
}

/* Bytes, unless they mean nothing and the text in them does. */
static bool decode_raw(struct bytes in, struct frame_wish wish)
{
    struct held h = {.list = json_array()};
    char *text = frame_input_text(in);
    size_t i;
    json_t *o;
    bool good = frame_decode_bytes(in.data, in.len, wish, hold, &h);
    bool text_alone = !says(&h) && says_something(text, wish);
    if (text_alone)
        good = decode_text(text, wish);
    else
        free(text);
    json_array_foreach(h.list, i, o) if (!text_alone) print_object(stdout, json_incref(o));
    drop_held(&h);
    return good;
}

static bool decode_stdin(struct frame_wish wish)
{
    struct bytes in = frame_input_read(stdin);
    bool good =
        frame_input_is_raw(in) ? decode_raw(in, wish) : decode_text(frame_input_text(in), wish);
    free((void *)in.data);
    return good;
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
    struct lines l = {0};
    char *text = joined(argv, (size_t)argc);
    if (strchr(text, '\n')) /* pasted as it stood */
        return decode_text(text, wish);
    add_line(&l, text);
    return decode_lines(&l, wish);
}

static bool decode_words(int argc, char **argv, struct frame_wish wish)
{
    if (is_one_frame(argc, argv))
        return decode_joined(argc, argv, wish);
    bool good = true;
    for (int i = 0; i < argc; i++)
        good = decode_joined(1, argv + i, wish) && good;
    return good;
}

static int usage(FILE *to, int code)
{
    fprintf(to, "usage: yufu frame decode [--proto P] [--key K] [HEX...]\n\n"
                "Prints one JSON object for each meter frame found; reads lines of "
                "standard input when\n"
                "no HEX is given. Ends with 1 if any frame is damaged or none is found.\n"
                "每个报文输出一个 JSON 对象；未给出 HEX "
                "时逐行读取标准输入；有无效报文时退出码为 1。\n\n"
                "  --proto auto          whatever it is; the year of DL/T 645 by the "
                "control code "
                "(default)\n"
                "  --proto dlt645-2007   DL/T 645-2007\n"
                "  --proto dlt645-1997   DL/T 645-1997\n"
                "  --proto cjt188        CJ/T 188: water, heat, cooling, gas\n"
                "  --proto modbus        Modbus RTU; modbus-tcp, modbus-ascii\n"
                "  --proto mbus          M-Bus, wired\n"
                "  --proto acrel         Acrel gateways (1F1F); acrel-4g: Acrel 4G "
                "meters (7B7B)\n"
                "  --key K               opens what is enciphered by AES-128: Acrel gateways, "
                "energy data; 32 hex digits or 16 characters\n");
    return code;
}

static bool parse_proto(const char *name, struct frame_wish *wish)
{
    static const struct {
        const char *name;
        enum frame_protocol protocol;
        enum dlt645_era era;
    } names[] = {{"auto", FRAME_AUTO, DLT645_ERA_GUESS},
                 {"dlt645", FRAME_DLT645, DLT645_ERA_GUESS},
                 {"645", FRAME_DLT645, DLT645_ERA_GUESS},
                 {"dlt645-2007", FRAME_DLT645, DLT645_ERA_2007},
                 {"dlt645-07", FRAME_DLT645, DLT645_ERA_2007},
                 {"2007", FRAME_DLT645, DLT645_ERA_2007},
                 {"dlt645-1997", FRAME_DLT645, DLT645_ERA_1997},
                 {"dlt645-97", FRAME_DLT645, DLT645_ERA_1997},
                 {"1997", FRAME_DLT645, DLT645_ERA_1997},
                 {"cjt188", FRAME_CJT188, DLT645_ERA_GUESS},
                 {"188", FRAME_CJT188, DLT645_ERA_GUESS},
                 {"acrel", FRAME_ACREL, DLT645_ERA_GUESS},
                 {"acrel-4g", FRAME_ACREL4G, DLT645_ERA_GUESS},
                 {"modbus", FRAME_MODBUS, DLT645_ERA_GUESS},
                 {"modbus-rtu", FRAME_MODBUS, DLT645_ERA_GUESS},
                 {"modbus-tcp", FRAME_MODBUS_TCP, DLT645_ERA_GUESS},
                 {"modbus-ascii", FRAME_MODBUS_ASCII, DLT645_ERA_GUESS},
                 {"mbus", FRAME_MBUS, DLT645_ERA_GUESS}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0) {
            wish->protocol = names[i].protocol;
            wish->era = names[i].era;
            return true;
        }
    fprintf(stderr, "yufu frame: there is no protocol '%s' 没有该协议\n", name);
    return false;
}

/* 32 hexadecimal digits, or 16 characters that stand for themselves. */
static bool parse_key(const char *text, struct frame_wish *wish)
{
    static uint8_t key[FRAME_KEY]; /* a process has one */
    size_t len = 0;
    bool hex = hex_decode(text, strlen(text), key, sizeof key, &len) == ERR_OK && len == sizeof key;
    if (!hex && strlen(text) == sizeof key)
        memcpy(key, text, sizeof key);
    else if (!hex) {
        fprintf(stderr, "yufu frame: a key has 32 hexadecimal digits or 16 characters "
                        "密钥为 32 位十六进制数或 16 个字符\n");
        return false;
    }
    wish->key = key;
    return true;
}

/* The value of --NAME V or --NAME=V; NULL: this is another word. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    size_t len = strlen(name);
    if (strcmp(argv[*i], name) == 0)
        return *i + 1 < argc ? argv[++*i] : "";
    return strncmp(argv[*i], name, len) == 0 && argv[*i][len] == '=' ? argv[*i] + len + 1 : NULL;
}

/* Takes the options off the words, wherever they stand. -1: wrong usage. */
static int take_options(int argc, char **argv, struct frame_wish *wish)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        const char *name = value_of("--proto", argc, argv, &i);
        const char *key = name ? NULL : value_of("--key", argc, argv, &i);
        if ((name && !parse_proto(name, wish)) || (key && !parse_key(key, wish)))
            return -1;
        if (name || key)
            continue;
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] && !strchr(argv[i], ' '))
            return -1;
        if (strcmp(argv[i], "-") != 0 && strcmp(argv[i], "--") != 0)
            argv[kept++] = argv[i];
    }
    return kept;
}

int app_frame_main(int argc, char **argv)
{
    struct frame_wish wish = {.protocol = FRAME_AUTO, .era = DLT645_ERA_GUESS};
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
