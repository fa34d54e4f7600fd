/* Frames in bytes: where each begins, what stands between them, and what is damaged. */
#include <stdlib.h>
#include <string.h>

#include "app/frame/frame.h"
#include "app/frame/frame_foreign.h"
#include "base/must.h"
#include "proto/dlt645.h"
#include "proto/modbus.h"

struct scan {
    const uint8_t *data;
    size_t len, at;
    size_t begin;       /* behind the heads of a packet */
    size_t quiet_until; /* errors that begin before here belong to a frame already
                           reported */
    struct frame_wish wish;
    frame_sink *sink;
    void *arg;
    json_t *last; /* what was found last: what follows it is still to be looked at */
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

static void pass_last(struct scan *s)
{
    if (s->last)
        s->sink(s->arg, s->last);
    s->last = NULL;
}

static void report(struct scan *s, json_t *o, bool valid)
{
    pass_last(s);
    s->last = o;
    s->found = true;
    s->valid = s->valid && valid;
}

static void report_damage(struct scan *s, enum err e, size_t begin, size_t end)
{
    if (begin < s->quiet_until)
        return;
    bool stub = e == ERR_TRUNCATED && end - begin < FRAME_STUB && s->wish.protocol == FRAME_AUTO;
    const char *name =
        stub ? frame_stub_name((struct bytes){s->data + begin, end - begin}) : "DL/T 645";
    json_t *o = error_json(s, name, e, begin, end);
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

static void report_at(struct scan *s, json_t *o, size_t begin, size_t used, bool valid)
{
    set_before(s, o, s->at, begin);
    set_hex_of(o, "frame", s->data + begin, used);
    report(s, o, valid);
    s->at = begin + used;
}

static size_t damaged_end(const struct scan *s, size_t begin)
{
    return begin + s->data[begin + 9] + 12;
}

/* A 68 that begins no frame: what follows is no address, or it stands behind other bytes, too near
 * to the end to show another mark. */
static bool is_chance(const struct scan *s, size_t begin)
{
    size_t before = begin, left = s->len - begin;
    while (before > s->at && s->data[before - 1] == 0xFE)
        before--;
    return (before > s->at && left < 8) ||
           !frame_is_address(s->data + begin + 1, left < 8 ? left - 1 : 6);
}

/* One step; false when nothing is left to look at. */
static bool step(struct scan *s)
{
    struct dlt645_frame f;
    size_t used = 0;
    enum err e = dlt645_decode(s->data + s->at, s->len - s->at, &f, &used);
    if (e == ERR_OK) {
        bool valid = true;
        json_t *o = frame_dlt645_json(&f, s->wish.era, &valid);
        report_at(s, o, s->at + used - f.len - 12, f.len + 12u, valid);
        return s->at < s->len;
    }
    if (e == ERR_TRUNCATED) {
        size_t begin = s->at + used;
        if (begin >= s->len || is_chance(s, begin))
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

static json_t *foreign_at(const struct scan *s, size_t at, size_t *used, bool *valid)
{
    struct frame_foreign f;
    struct bytes here = {s->data + at, s->len - at};
    if (!frame_foreign_at(here, at == s->begin, &f) || f.err != ERR_OK)
        return NULL;
    *used = f.len;
    if (strcmp(f.name, FRAME_CENTRE_NAME) == 0)
        return frame_centre_json((struct bytes){here.data, f.len}, s->wish.key, valid);
    *valid = false;
    return json_pack("{s:s, s:b, s:s, s:s, s:s}", "protocol", f.name, "valid", 0, "error",
                     err_name(ERR_FRAME_FOREIGN), "error_en", err_text_en(ERR_FRAME_FOREIGN),
                     "error_zh", err_text_zh(ERR_FRAME_FOREIGN));
}

/* The frame of this protocol that begins there, opened if the key is known. */
static json_t *protocol_at(const struct scan *s, enum frame_protocol p, size_t at, size_t *used,
                           bool *valid)
{
    struct bytes here = {s->data + at, s->len - at};
    json_t *o = frame_try(p, here, used, valid);
    if (o && p == FRAME_ACREL && s->wish.key)
        frame_open_acrel(o, (struct bytes){here.data, *used}, s->wish.key, valid);
    return o;
}

/* Five bytes with one of sum are soon met in the data of others, if their control may be any. */
static bool is_doubtful_mbus(const struct scan *s, struct bytes here)
{
    static const uint8_t controls[] = {0x40, 0x5A, 0x5B, 0x7A, 0x7B};
    return here.len >= 2 && here.data[0] == 0x10 && s->len > s->begin + 5 &&
           memchr(controls, here.data[1], sizeof controls) == NULL;
}

/* Of those that say where they begin. A single E5 says too little to be looked for in a stream. */
static json_t *other_at(const struct scan *s, size_t at, size_t *used, bool *valid)
{
    static const enum frame_protocol marked[] = {FRAME_MBUS, FRAME_CJT188, FRAME_ACREL,
                                                 FRAME_ACREL4G, FRAME_MODBUS_ASCII};
    struct bytes here = {s->data + at, s->len - at};
    json_t *foreign = foreign_at(s, at, used, valid);
    if (foreign)
        return foreign;
    if (memchr("\x68\x10\x1F\x7B:", here.data[0], 5) == NULL || is_doubtful_mbus(s, here))
        return NULL;
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        json_t *o = protocol_at(s, marked[i], at, used, valid);
        if (o)
            return o;
    }
    return NULL;
}

/* Units that answer are 1 .. 247; an order to all of them is a write. */
static bool is_unit(const uint8_t *p)
{
    return p[0] <= 247 && (p[0] > 0 || p[1] == MODBUS_WRITE_COIL || p[1] == MODBUS_WRITE_ONE ||
                           p[1] == MODBUS_WRITE_COILS || p[1] == MODBUS_WRITE_MANY);
}

/* Modbus says nowhere that a frame begins. A check sum of two bytes at the end of a length that the
 * function allows is enough of a sign, whatever stands beside it. */
static json_t *modbus_at(const struct scan *s, size_t at, size_t *used, bool *valid)
{
    struct bytes rest = {s->data + at, s->len - at};
    *valid = true;
    json_t *o =
        rest.len >= 4 && is_unit(rest.data) ? frame_try(FRAME_MODBUS, rest, used, valid) : NULL;
    if (o && *valid)
        return o;
    json_decref(o);
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
        o = o ? o : modbus_at(s, at, &used, &valid);
        if (!o)
            continue;
        report_at(s, o, at, used, valid);
        return true;
    }
    return false;
}

/* Frames that follow each other without a gap, from the first byte to the last. */
static bool fill_with(struct scan *s, enum frame_protocol p)
{
    size_t at = s->begin, used;
    bool ignored = true;
    for (; at < s->len; at += used) {
        json_t *o = frame_try(p, (struct bytes){s->data + at, s->len - at}, &used, &ignored);
        if (!o)
            return false;
        json_decref(o);
    }
    for (at = s->begin; at < s->len; at += used) {
        bool valid = true;
        json_t *o = frame_try(p, (struct bytes){s->data + at, s->len - at}, &used, &valid);
        set_hex_of(o, "frame", s->data + at, used);
        report(s, o, valid);
    }
    s->at = s->len;
    return s->found;
}

/* Of one protocol only: whatever stands between its frames is shown with the next one. */
static void find_only(struct scan *s, enum frame_protocol p)
{
    for (size_t at = s->begin; at < s->len;) {
        size_t used;
        bool valid = true;
        json_t *o = protocol_at(s, p, at, &used, &valid);
        if (!o) {
            at++;
            continue;
        }
        report_at(s, o, at, used, valid);
        at = s->at;
    }
}

static bool find_modbus(struct scan *s)
{
    for (size_t at = s->begin; at + 4 <= s->len;) {
        size_t used;
        bool valid;
        json_t *o = modbus_at(s, at, &used, &valid);
        if (o)
            report_at(s, o, at, used, valid);
        at = o ? s->at : at + 1;
    }
    return s->found;
}

static struct bytes all_of(const struct scan *s)
{
    return (struct bytes){s->data + s->begin, s->len - s->begin};
}

/* A read of RTU with a wrong CRC begins like the head of a TCP frame without data. */
static bool may_be_tcp(const struct scan *s)
{
    struct bytes b = all_of(s);
    return b.len > 8 || (b.len == 8 && b.data[1] > MODBUS_WRITE_ONE);
}

/* Acrel's uplinks carry whole frames of Modbus: a damaged one is no frame of Modbus. */
static bool is_wrapped(const struct scan *s)
{
    struct bytes b = all_of(s);
    return b.len >= 2 && (memcmp(b.data, "\x7B\x7B", 2) == 0 || memcmp(b.data, "\x1F\x1F", 2) == 0);
}

static bool is_unmarked(struct scan *s)
{
    return (!is_wrapped(s) && find_modbus(s)) ||
           (may_be_tcp(s) && fill_with(s, FRAME_MODBUS_TCP)) ||
           (all_of(s).len == 1 && fill_with(s, FRAME_MBUS));
}

/* True: a whole frame that says where it begins is somewhere in it. */
static bool any_marked(struct scan *s)
{
    if (next_dlt645(s) < s->len)
        return true;
    for (size_t at = s->begin; at < s->len; at++) {
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
    struct frame_guess g = frame_near(s->wish.protocol, all_of(s));
    report(s, error_json(s, g.name, g.why, s->begin + g.at, s->len), false);
}

static bool is_near_another(const struct scan *s)
{
    struct frame_guess g = frame_near(FRAME_AUTO, all_of(s));
    return g.why != ERR_FRAME_UNKNOWN && g.protocol != FRAME_DLT645;
}

static void find_all(struct scan *s)
{
    if (fill_with(s, FRAME_MODBUS))
        return;
    if (!any_marked(s) && (is_unmarked(s) || is_near_another(s)))
        return;
    while (s->at < s->len && (step_other(s) || step(s)))
        continue;
}

/* What stands behind the last frame. */
static void close_last(struct scan *s)
{
    if (s->last && s->at < s->len && s->at > s->begin && s->at >= s->quiet_until)
        set_hex_of(s->last, "skipped_after", s->data + s->at, s->len - s->at);
    pass_last(s);
}

static unsigned u16be(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* Of zero, or of a capture before the network card filled it in. */
static bool is_ip_sum(const uint8_t *ip, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i += 2)
        sum += u16be(ip + i);
    return (sum & 0xFFFF) + (sum >> 16) == 0xFFFF || u16be(ip + 10) == 0;
}

#define ETHERNET 14
#define TCP 6
#define UDP 17

/* Where IPv4 begins in it; len: nowhere. */
static size_t ip_at(const uint8_t *p, size_t len)
{
    if (len >= ETHERNET + 28 && u16be(p + 12) == 0x0800 && p[ETHERNET] >> 4 == 4)
        return ETHERNET;
    return len >= 28 && p[0] == 0x45 && u16be(p + 2) == len ? 0 : len;
}

/* A whole packet, as captures show it: Ethernet or not, IPv4, TCP or UDP. What it carries is looked
 * at. */
static void unwrap(struct scan *s)
{
    size_t from = ip_at(s->data, s->len);
    if (from == s->len)
        return;
    const uint8_t *ip = s->data + from;
    size_t head = 4u * (ip[0] & 0x0F), end = from + u16be(ip + 2), at = from + head;
    if (head < 20 || end > s->len || at + 20 > end || !is_ip_sum(ip, head))
        return;
    at += ip[9] == TCP ? 4u * (s->data[at + 12] >> 4) : 8;
    if ((ip[9] == TCP || ip[9] == UDP) && at < end) {
        s->begin = s->at = at;
        s->len = end;
    }
}

bool frame_decode_bytes(const uint8_t *data, size_t len, struct frame_wish wish, frame_sink *sink,
                        void *arg)
{
    struct scan s = {
        .data = data, .len = len, .wish = wish, .sink = sink, .arg = arg, .valid = true};
    unwrap(&s);
    if (wish.protocol == FRAME_AUTO)
        find_all(&s);
    else if (wish.protocol != FRAME_DLT645)
        find_only(&s, wish.protocol);
    else
        while (s.at < s.len && step(&s))
            continue;
    if (!s.found)
        report_none(&s);
    close_last(&s);
    return s.valid;
}
