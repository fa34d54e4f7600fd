/* A line of text as frames: read in every way it may be meant, told as most is understood. */
#include <stdlib.h>
#include <string.h>

#include "app/frame/frame.h"
#include "app/frame/frame_text.h"
#include "base/must.h"

struct told {
    json_t *list;          /* array: what is to be told, in order */
    size_t whole, damaged; /* frames; damaged: whose form is sure */
    size_t skipped;        /* digits that belong to no frame */
};

static bool is_error(const json_t *o, enum err why)
{
    const char *e = json_string_value(json_object_get(o, "error"));
    return e && strcmp(e, err_name(why)) == 0;
}

static bool is_whole(const json_t *o)
{
    return json_is_true(json_object_get(o, "valid")) || is_error(o, ERR_FRAME_FOREIGN);
}

/* Surely meant as a frame: also one that was cut before it showed of which protocol. */
static bool is_meant(const json_t *o)
{
    const char *protocol = json_string_value(json_object_get(o, "protocol"));
    return (protocol && strcmp(protocol, "unknown") != 0) || is_error(o, ERR_TRUNCATED);
}

static size_t digits_of(const json_t *o, const char *key)
{
    return json_string_length(json_object_get(o, key));
}

static void rate(struct told *t)
{
    size_t i;
    json_t *o;
    t->whole = t->damaged = t->skipped = 0;
    json_array_foreach(t->list, i, o)
    {
        t->whole += is_whole(o);
        t->damaged += !is_whole(o) && is_meant(o);
        t->skipped += digits_of(o, "skipped") + digits_of(o, "skipped_after");
    }
}

/* Nothing but whole frames. */
static bool is_all(const struct told *t)
{
    return t->whole > 0 && t->whole == json_array_size(t->list) && t->skipped == 0;
}

static void keep(void *arg, json_t *object)
{
    (void)json_array_append_new(arg, object); /* out of memory: left out */
}

static struct told told_of(const uint8_t *data, size_t len, struct frame_wish wish)
{
    struct told t = {.list = json_array()};
    (void)frame_decode_bytes(data, len, wish, keep, t.list); /* what it is worth is rated */
    rate(&t);
    return t;
}

static void drop(struct told *t)
{
    json_decref(t->list);
    *t = (struct told){0};
}

bool frame_bytes_are_frames(const uint8_t *data, size_t len, struct frame_wish wish)
{
    struct told t = told_of(data, len, wish);
    bool all = is_all(&t);
    drop(&t);
    return all;
}

static void shift(json_t *o, const char *key, size_t by)
{
    json_t *at = json_object_get(o, key);
    if (at)
        json_integer_set(at, json_integer_value(at) + (json_int_t)by);
}

/* Places are counted from the beginning of the line. */
static void shift_all(json_t *list, size_t by)
{
    size_t i;
    json_t *o;
    json_array_foreach(list, i, o)
    {
        shift(o, "offset", by);
        shift(o, "checksum_at", by);
        shift(o, "end_at", by);
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

#define GROUP_MIN 4 /* bytes; fewer beside words are numbers */
#define SURE_MIN 8  /* bytes; fewer of a frame that was cut short are soon met */

static bool is_acknowledgement(const struct frame_text *t)
{
    return t->len == 1 && t->bytes[0] == 0xE5 && t->words == 0;
}

/* Bytes; a frame of Modbus that lacks one has half of its check sum. */
static json_int_t lacks(const json_t *o)
{
    return json_integer_value(json_object_get(o, "bytes_expected")) -
           json_integer_value(json_object_get(o, "bytes"));
}

static bool is_of(const json_t *o, const char *protocol)
{
    const char *is = json_string_value(json_object_get(o, "protocol"));
    return is && strncmp(is, protocol, strlen(protocol)) == 0;
}

/* A number may begin as a frame does: 68..., or one of Modbus without its check sum. Beside other
 * words, or written in one, it is believed to be a number. Characters are bytes of the
 * readable protocols alone, and numbers out of a sentence are no damaged frame of Modbus. */
static bool is_scrap(const json_t *o, const struct frame_text *t, enum frame_text_way way)
{
    bool plain = way == FRAME_TEXT_PLAIN, marked = t->words == 0 && t->marks > 0;
    if (way == FRAME_TEXT_CHARACTERS && !is_of(o, "Modbus ASCII") && !is_of(o, "IEC 62056-21"))
        return true;
    if (is_whole(o) || way == FRAME_TEXT_BASE64 || way == FRAME_TEXT_BASE64URL)
        return !is_whole(o);
    if (is_of(o, "Modbus") && way == FRAME_TEXT_LOOSE)
        return true;
    if (is_of(o, "Modbus RTU") && is_error(o, ERR_TRUNCATED))
        return lacks(o) > 1 && !(marked || (plain && t->apart));
    bool few = digits_of(o, "frame") < 2 * SURE_MIN;
    bool of_68 = is_of(o, "DL/T 645") || is_of(o, "unknown");
    return of_68 && is_error(o, ERR_TRUNCATED) && few && !(plain || marked);
}

static void drop_scraps(struct told *told, const struct frame_text *t, enum frame_text_way way)
{
    for (size_t i = json_array_size(told->list); i-- > 0;)
        if (is_scrap(json_array_get(told->list, i), t, way))
            (void)json_array_remove(told->list, i); /* it is there */
    rate(told);
}

/* Each stretch for itself; those without a frame say nothing. */
static struct told of_groups(const struct frame_text *t, struct frame_wish wish)
{
    struct told all = {.list = json_array()};
    for (size_t i = 0, from = 0; i < t->groups; from = t->ends[i++]) {
        if (t->ends[i] - from < GROUP_MIN && !is_acknowledgement(t))
            continue;
        struct told one = told_of(t->bytes + from, t->ends[i] - from, wish);
        shift_all(one.list, from);
        if (one.whole + one.damaged > 0)
            (void)json_array_extend(all.list, one.list); /* out of memory: left out */
        drop(&one);
    }
    rate(&all);
    return all;
}

/* --- ways ------------------------------------------------------------------------------------- */

/* In the order of trust: of two ways that understand as much the first is told. proof: only
 * believed where it makes whole frames of every byte. */
static const struct way {
    enum frame_text_way read;
    bool grouped, proof;
} ways[] = {{FRAME_TEXT_ESCAPED, true, false},    {FRAME_TEXT_PLAIN, false, false},
            {FRAME_TEXT_LOG, true, false},        {FRAME_TEXT_LOOSE, false, false},
            {FRAME_TEXT_SWAPPED, false, true},    {FRAME_TEXT_SWAPPED_ODD, false, true},
            {FRAME_TEXT_BITS, false, true},       {FRAME_TEXT_DECIMAL, false, true},
            {FRAME_TEXT_SHORT, false, true},      {FRAME_TEXT_DIGITS, false, true},
            {FRAME_TEXT_BASE64, true, true},      {FRAME_TEXT_BASE64URL, true, true},
            {FRAME_TEXT_CHARACTERS, false, false}};

static bool is_better(const struct told *a, const struct told *b)
{
    if (a->whole != b->whole)
        return a->whole > b->whole;
    if (a->whole > 0)
        return a->skipped < b->skipped;
    return a->damaged > 0 && b->damaged == 0;
}

/* A date and a time of day, and no bytes. */
static bool is_stamp(const char *folded)
{
    struct frame_text t;
    bool stamp = frame_text_read(folded, FRAME_TEXT_LOG, &t) && t.len == 0;
    frame_text_free(&t);
    return stamp;
}

/* In this way; an empty list if the text cannot be read so. */
static struct told told_in(const struct way *way, const char *folded, struct frame_wish wish)
{
    struct frame_text t;
    struct told told = {.list = NULL};
    bool read = frame_text_read(folded, way->read, &t);
    if (read && way->grouped)
        told = of_groups(&t, wish);
    else if (read && (way->read != FRAME_TEXT_LOOSE || t.len >= GROUP_MIN))
        told = told_of(t.bytes, t.len, wish);
    if (wish.protocol == FRAME_AUTO)
        drop_scraps(&told, &t, way->read);
    if (way->read == FRAME_TEXT_PLAIN && told.whole == 0 && told.damaged > 0 && is_stamp(folded))
        drop(&told);
    frame_text_free(&t);
    if (way->proof && !is_all(&told))
        drop(&told);
    return told;
}

static json_t *error_of(enum err e)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:s}", "protocol", "unknown", "valid", 0, "error",
                     err_name(e), "error_en", err_text_en(e), "error_zh", err_text_zh(e));
}

static json_t *unknown_of(const struct frame_text *t)
{
    json_t *o = error_of(ERR_FRAME_UNKNOWN);
    char *hex = malloc(2 * t->len + 1);
    MUST(hex);
    hex_encode(t->bytes, t->len, hex);
    (void)json_object_set_new(o, "frame", json_string(hex)); /* out of memory: left out */
    free(hex);
    return o;
}

static json_t *syntax_of(const char *text, enum err e)
{
    json_t *o = error_of(e), *said = json_string(text); /* NULL: the text is not UTF-8 */
    if (said)
        (void)json_object_set_new(o, "text", said); /* as above */
    return o;
}

/* Nothing is understood: bytes that are no frame, half a byte, or no bytes at all. */
static json_t *none_of(const char *text, const char *folded)
{
    struct frame_text plain, loose;
    bool read = frame_text_read(folded, FRAME_TEXT_PLAIN, &plain);
    bool log = frame_text_read(folded, FRAME_TEXT_LOOSE, &loose) && loose.len >= GROUP_MIN;
    json_t *o = read                ? unknown_of(&plain)
                : plain.half_a_byte ? syntax_of(text, ERR_FRAME_DIGITS)
                : log               ? unknown_of(&loose)
                                    : syntax_of(text, ERR_SYNTAX);
    frame_text_free(&plain);
    frame_text_free(&loose);
    return o;
}

static bool is_good(const json_t *list)
{
    size_t i;
    json_t *o;
    json_array_foreach(list, i, o)
    {
        if (!json_is_true(json_object_get(o, "valid")))
            return false;
    }
    return json_array_size(list) > 0;
}

bool frame_decode_text(const char *text, struct frame_wish wish, frame_sink *sink, void *arg)
{
    char *folded = frame_text_fold(text);
    struct told best = {.list = NULL};
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !is_all(&best); i++) {
        struct told t = told_in(&ways[i], folded, wish);
        if (is_better(&t, &best)) {
            struct told worse = best;
            best = t;
            t = worse;
        }
        drop(&t);
    }
    if (best.whole + best.damaged == 0) {
        drop(&best);
        best.list = json_pack("[o]", none_of(text, folded));
    }
    size_t i;
    json_t *o;
    json_array_foreach(best.list, i, o) sink(arg, json_incref(o));
    bool good = is_good(best.list);
    drop(&best);
    free(folded);
    return good;
}
