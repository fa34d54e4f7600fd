/*
 * The wire form of the uplink's messages: CBOR by libcbor's streaming functions, driven by tables.
 *
 *   message = { 0: kind, ? 1: epoch, ? 2: seq, ? 3: body }     docs/formats/uplink.cddl
 *
 * One table a message says both how it is written and how it is read. Maps have whole-number keys
 * in strictly rising order; a field with its usual value is left out.
 */
#include "uplink/message.h"

#include <string.h>

#include <cbor.h>

#include "base/must.h"
#include "uplink/wire_item.h"

enum type {
    INT,    /* int64_t; `low` is its value when left out */
    WALL,   /* wall_s, 0 when left out */
    FLAG,   /* bool, false when left out */
    CHOICE, /* enum, low .. high; left out: 0, which must then be allowed */
    LETTER, /* char, low .. high */
    TEXT,   /* char[high], zero-terminated; "" when left out */
    BYTES,  /* struct bytes of at most `high`, in the arena */
    OCTETS, /* uint8_t[high], size_t at `count_at` */
    LIST,   /* pointer to at most `high` items in the arena, size_t at `count_at` */
    POINTS, /* struct uplink_point[high], size_t at `count_at` */
};

struct shape;

struct field {
    uint8_t key;
    uint8_t type;
    uint16_t at; /* offset in the struct */
    int64_t low, high;
    uint16_t count_at;
    const struct shape *items;
};

struct shape {
    const struct field *fields;
    size_t count, size;
};

/* clang-format off: tables */
#define SHAPE(table, type)                                                                         \
    {                                                                                              \
        table, sizeof(table) / sizeof(table)[0], sizeof(type)                                      \
    }

/* ---- tables --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct uplink_message, member)

static const struct field HELLO[] = {
    {1, INT, AT(hello.queue_epoch)},
    {2, INT, AT(hello.config_version)},
    {3, WALL, AT(hello.wall)},
    {4, FLAG, AT(hello.wall_trusted)},
    {5, TEXT, AT(hello.program), .high = UPLINK_TEXT_MAX},
    {6, FLAG, AT(hello.permits)},
    {7, FLAG, AT(hello.updates)},
};
static const struct field WELCOME[] = {
    {1, WALL, AT(welcome.wall)},
    {2, INT, AT(welcome.acked_epoch)},
    {3, INT, AT(welcome.acked_seq)},
    {4, INT, AT(welcome.config_version)},
};
static const struct field ACK[] = {
    {1, INT, AT(ack.epoch)},
    {2, INT, AT(ack.seq)},
};

static const struct field LINE[] = {
    {1, INT, offsetof(struct uplink_config_line, number)},
    {2, TEXT, offsetof(struct uplink_config_line, endpoint), .high = UPLINK_TEXT_MAX},
    {3, INT, offsetof(struct uplink_config_line, baud)},
    {4, LETTER, offsetof(struct uplink_config_line, parity), 'A', 'Z'},
};
static const struct field METER[] = {
    {1, INT, offsetof(struct uplink_config_meter, meter_id)},
    {2, INT, offsetof(struct uplink_config_meter, line)},
    {3, TEXT, offsetof(struct uplink_config_meter, address),
     .high = sizeof(((struct uplink_config_meter *)0)->address)},
    {4, TEXT, offsetof(struct uplink_config_meter, model),
     .high = sizeof(((struct uplink_config_meter *)0)->model)},
    {5, INT, offsetof(struct uplink_config_meter, epoch)},
    {6, TEXT, offsetof(struct uplink_config_meter, customer_number),
     .high = sizeof(((struct uplink_config_meter *)0)->customer_number)},
    {7, INT, offsetof(struct uplink_config_meter, circuits)},
};
static const struct shape LINE_SHAPE = SHAPE(LINE, struct uplink_config_line);
static const struct shape METER_SHAPE = SHAPE(METER, struct uplink_config_meter);
static const struct field CONFIG[] = {
    {1, INT, AT(config.version)},
    {2, INT, AT(config.part)},
    {3, INT, AT(config.parts)},
    {4, LIST, AT(config.lines), .high = UPLINK_CONFIG_LINES_MAX, .count_at = AT(config.line_count),
     .items = &LINE_SHAPE},
    {5, LIST, AT(config.meters), .high = UPLINK_CONFIG_METERS_MAX,
     .count_at = AT(config.meter_count), .items = &METER_SHAPE},
};

static const struct field APPLIED[] = {{1, INT, AT(config_version)}};

static const struct field COMMAND[] = {
    {1, INT, AT(command.id)},
    {2, CHOICE, AT(command.kind), UPLINK_VEND, UPLINK_EXERCISE},
    {3, INT, AT(command.meter_id)},
    {4, INT, AT(command.epoch)},
    {5, WALL, AT(command.not_after)},
    {6, INT, AT(command.n)},
    {7, INT, AT(command.amount_fen)},
    {8, INT, AT(command.circuit)},
    {9, INT, AT(command.version)},
    {10, FLAG, AT(command.open)},
    {11, FLAG, AT(command.on)},
    {12, INT, AT(command.item)},
    {13, OCTETS, AT(command.data), .high = UPLINK_REGISTER_MAX, .count_at = AT(command.data_len)},
};
static const struct field FENCE[] = {{1, INT, AT(fence_id)}};
static const struct field CLOCK[] = {{1, WALL, AT(wall)}};

static const struct field READING[] = {
    {1, INT, offsetof(struct uplink_reading, meter_id)},
    {2, INT, offsetof(struct uplink_reading, epoch)},
    {3, WALL, offsetof(struct uplink_reading, at)},
    {4, POINTS, offsetof(struct uplink_reading, points), .high = UPLINK_POINTS_MAX,
     .count_at = offsetof(struct uplink_reading, point_count)},
};
static const struct shape READING_SHAPE = SHAPE(READING, struct uplink_reading);
static const struct field READINGS[] = {
    {1, LIST, AT(readings.readings), .high = UPLINK_READINGS_MAX, .count_at = AT(readings.count),
     .items = &READING_SHAPE},
};

static const struct field OUTCOME[] = {
    {1, INT, AT(outcome.command_id)},
    {2, INT, AT(outcome.meter_id)},
    {3, INT, AT(outcome.epoch)},
    {4, CHOICE, AT(outcome.kind), UPLINK_VEND, UPLINK_EXERCISE},
    {5, CHOICE, AT(outcome.status), UPLINK_DONE, UPLINK_NO_METER},
    {6, WALL, AT(outcome.at)},
    {7, FLAG, AT(outcome.sent)},
    {8, CHOICE, AT(outcome.reply), UPLINK_REPLY_NONE, UPLINK_REPLY_OTHER},
    {9, INT, AT(outcome.count), -1},
    {10, INT, AT(outcome.record_n), -1},
    {11, INT, AT(outcome.record_amount_fen), -1},
    {12, INT, AT(outcome.purchased_fen), -1},
    {13, INT, AT(outcome.balance_fen), INT64_MIN},
    {14, INT, AT(outcome.circuit)},
    {15, INT, AT(outcome.version)},
    {16, INT, AT(outcome.relay_open), -1},
    {17, INT, AT(outcome.keep_power), -1},
    {18, INT, AT(outcome.item)},
    {19, OCTETS, AT(outcome.data), .high = UPLINK_REGISTER_MAX, .count_at = AT(outcome.data_len)},
};
static const struct field EVENT[] = {
    {1, CHOICE, AT(event.kind), UPLINK_METER_SILENT, UPLINK_AWAY_CUT},
    {2, WALL, AT(event.at)},
    {3, INT, AT(event.meter_id)},
    {4, INT, AT(event.line)},
    {5, INT, AT(event.value)},
    {6, INT, AT(event.command_id)},
};
static const struct field CLAIM[] = {
    {1, TEXT, AT(claim.serial), .high = UPLINK_TEXT_MAX},
    {2, TEXT, AT(claim.code), .high = UPLINK_TEXT_MAX},
    {3, BYTES, AT(claim.request), .high = UPLINK_REQUEST_MAX},
};
static const struct field CLAIMED[] = {
    {1, INT, AT(claimed.gateway_id)},
    {2, BYTES, AT(claimed.secret), .high = 32},
    {3, BYTES, AT(claimed.certificate), .high = UPLINK_CERTIFICATE_MAX},
    {4, TEXT, AT(claimed.refusal), .high = UPLINK_TEXT_MAX},
};

static const struct field TRIP[] = {
    {1, INT, AT(trip.meter_id)}, {2, INT, AT(trip.epoch)},       {3, INT, AT(trip.number)},
    {4, WALL, AT(trip.at)},      {5, INT, AT(trip.circuit)},     {6, INT, AT(trip.reason)},
    {7, INT, AT(trip.power_w)},  {8, INT, AT(trip.balance_fen)}, {9, INT, AT(trip.verdict), -1},
    {10, INT, AT(trip.flags)},   {11, INT, AT(trip.step_mw)},    {12, INT, AT(trip.step_mvar)},
    {13, INT, AT(trip.factor)},  {14, INT, AT(trip.inrush)},     {15, INT, AT(trip.third)},
    {16, INT, AT(trip.value)},   {17, INT, AT(trip.limit)},
};

static const struct field LINE_METER[] = {
    {1, INT, offsetof(struct uplink_line_meter, meter_id)},
    {2, INT, offsetof(struct uplink_line_meter, ms)},
};
static const struct shape LINE_METER_SHAPE = SHAPE(LINE_METER, struct uplink_line_meter);
static const struct field LINE_TOLD[] = {
    {1, INT, AT(line.number)},
    {2, INT, AT(line.period_ms)},
    {3, INT, AT(line.meters)},
    {4, INT, AT(line.silent)},
    {5, INT, AT(line.exchanges)},
    {6, INT, AT(line.answered)},
    {7, INT, AT(line.retries)},
    {8, INT, AT(line.timeouts)},
    {9, INT, AT(line.damaged)},
    {10, INT, AT(line.strays)},
    {11, INT, AT(line.foreign)},
    {12, INT, AT(line.collisions)},
    {13, INT, AT(line.pushed)},
    {14, INT, AT(line.echoes)},
    {15, INT, AT(line.garbage_bytes)},
    {16, INT, AT(line.busy_ms)},
    {17, INT, AT(line.useful_ms)},
    {18, INT, AT(line.yielded_ms)},
    {19, LIST, AT(line.slow), .high = UPLINK_LINE_SLOW_MAX, .count_at = AT(line.slow_count),
     .items = &LINE_METER_SHAPE},
    {20, LIST, AT(line.quiet), .high = UPLINK_LINE_SILENT_MAX, .count_at = AT(line.quiet_count),
     .items = &LINE_METER_SHAPE},
};

static const struct field PERMIT_METER[] = {
    {1, INT, offsetof(struct uplink_permit_meter, meter_id)},
    {2, INT, offsetof(struct uplink_permit_meter, epoch)},
    {3, INT, offsetof(struct uplink_permit_meter, command_id)},
    {4, INT, offsetof(struct uplink_permit_meter, version)},
    {5, INT, offsetof(struct uplink_permit_meter, register_wh)},
    {6, INT, offsetof(struct uplink_permit_meter, ratio)},
    {7, INT, offsetof(struct uplink_permit_meter, rise_per_hour)},
};
static const struct field PERMIT_WINDOW[] = {
    {1, WALL, offsetof(struct uplink_permit_window, from)},
    {2, WALL, offsetof(struct uplink_permit_window, until)},
};
static const struct shape PERMIT_METER_SHAPE = SHAPE(PERMIT_METER, struct uplink_permit_meter);
static const struct shape PERMIT_WINDOW_SHAPE = SHAPE(PERMIT_WINDOW, struct uplink_permit_window);
static const struct field PERMIT[] = {
    {1, INT, AT(permit.account_id)},
    {2, WALL, AT(permit.at)},
    {3, WALL, AT(permit.valid_from)},
    {4, WALL, AT(permit.valid_until)},
    {5, INT, AT(permit.left_wh)},
    {6, INT, AT(permit.grace_s)},
    {7, LIST, AT(permit.windows), .high = UPLINK_PERMIT_WINDOWS_MAX,
     .count_at = AT(permit.window_count), .items = &PERMIT_WINDOW_SHAPE},
    {8, LIST, AT(permit.meters), .high = UPLINK_PERMIT_METERS_MAX,
     .count_at = AT(permit.meter_count), .items = &PERMIT_METER_SHAPE},
};
static const struct field UPDATE[] = {
    {1, INT, AT(update.id)},
    {2, INT, AT(update.size)},
    {3, OCTETS, AT(update.sha256), .high = 32, .count_at = AT(update.sha256_len)},
    {4, INT, AT(update.trial_s)},
    {5, INT, AT(update.from_minute)},
    {6, INT, AT(update.until_minute)},
    {7, FLAG, AT(update.downgrade)},
};
static const struct field ASK[] = {{1, INT, AT(ask.id)}, {2, INT, AT(ask.offset)}};
static const struct field BLOCK[] = {
    {1, INT, AT(block.id)},
    {2, INT, AT(block.offset)},
    {3, BYTES, AT(block.data), .high = UPLINK_BLOCK_MAX},
};
static const struct field PROGRAM[] = {
    {1, INT, AT(program.id)},
    {2, CHOICE, AT(program.stage), UPLINK_UPDATE_NONE, UPLINK_UPDATE_WITHDRAWN},
    {3, INT, AT(program.received)},
    {4, TEXT, AT(program.error), .high = UPLINK_TEXT_MAX},
    {5, TEXT, AT(program.version), .high = UPLINK_VERSION_MAX},
    {6, TEXT, AT(program.machine), .high = UPLINK_VERSION_MAX},
    {7, INT, AT(program.store)},
    {8, TEXT, AT(program.place), .high = UPLINK_VERSION_MAX},
    {9, FLAG, AT(program.trial)},
    {10, TEXT, AT(program.last), .high = UPLINK_VERSION_MAX},
    {11, TEXT, AT(program.left), .high = UPLINK_VERSION_MAX},
};

static const struct shape BODIES[] = {
    [UPLINK_HELLO] = SHAPE(HELLO, struct uplink_message),
    [UPLINK_WELCOME] = SHAPE(WELCOME, struct uplink_message),
    [UPLINK_ACK] = SHAPE(ACK, struct uplink_message),
    [UPLINK_CONFIG] = SHAPE(CONFIG, struct uplink_message),
    [UPLINK_APPLIED] = SHAPE(APPLIED, struct uplink_message),
    [UPLINK_COMMAND] = SHAPE(COMMAND, struct uplink_message),
    [UPLINK_FENCE] = SHAPE(FENCE, struct uplink_message),
    [UPLINK_PING] = SHAPE(CLOCK, struct uplink_message),
    [UPLINK_PONG] = SHAPE(CLOCK, struct uplink_message),
    [UPLINK_READINGS] = SHAPE(READINGS, struct uplink_message),
    [UPLINK_OUTCOME] = SHAPE(OUTCOME, struct uplink_message),
    [UPLINK_EVENT] = SHAPE(EVENT, struct uplink_message),
    [UPLINK_CLAIM] = SHAPE(CLAIM, struct uplink_message),
    [UPLINK_CLAIMED] = SHAPE(CLAIMED, struct uplink_message),
    [UPLINK_TRIP] = SHAPE(TRIP, struct uplink_message),
    [UPLINK_LINE] = SHAPE(LINE_TOLD, struct uplink_message),
    [UPLINK_PERMIT] = SHAPE(PERMIT, struct uplink_message),
    [UPLINK_UPDATE] = SHAPE(UPDATE, struct uplink_message),
    [UPLINK_ASK] = SHAPE(ASK, struct uplink_message),
    [UPLINK_BLOCK] = SHAPE(BLOCK, struct uplink_message),
    [UPLINK_PROGRAM] = SHAPE(PROGRAM, struct uplink_message),
};
/* clang-format on */
#define KINDS (sizeof BODIES / sizeof BODIES[0])

static bool is_kind(int64_t kind)
{
    return kind >= UPLINK_HELLO && kind < (int64_t)KINDS && BODIES[kind].fields != NULL;
}

enum { KEY_KIND = 0, KEY_EPOCH = 1, KEY_SEQ = 2, KEY_BODY = 3 };

/* ---- values in memory ----------------------------------------------------------------------- */

static int64_t load(const struct field *f, const uint8_t *base)
{
    switch (f->type) {
    case FLAG:
        return *(const bool *)(base + f->at);
    case LETTER:
        return *(const char *)(base + f->at);
    case CHOICE: {
        unsigned v; /* every enum here has non-negative values only */
        memcpy(&v, base + f->at, sizeof v);
        return v;
    }
    default: {
        int64_t v; /* INT, and WALL, which is one number in a struct */
        memcpy(&v, base + f->at, sizeof v);
        return v;
    }
    }
}

static void save(const struct field *f, uint8_t *base, int64_t v)
{
    unsigned choice = (unsigned)v;
    bool flag = v != 0;
    char letter = (char)v;
    switch (f->type) {
    case FLAG:
        memcpy(base + f->at, &flag, sizeof flag);
        break;
    case LETTER:
        memcpy(base + f->at, &letter, sizeof letter);
        break;
    case CHOICE:
        memcpy(base + f->at, &choice, sizeof choice);
        break;
    default:
        memcpy(base + f->at, &v, sizeof v);
    }
}

static int64_t usual(const struct field *f)
{
    return f->type == INT ? f->low : 0;
}

static bool left_out(const struct field *f, const uint8_t *base)
{
    switch (f->type) {
    case TEXT:
        return base[f->at] == '\0';
    case BYTES:
        return ((const struct bytes *)(base + f->at))->len == 0;
    case OCTETS:
    case LIST:
    case POINTS:
        return *(const size_t *)(base + f->count_at) == 0;
    default:
        return load(f, base) == usual(f);
    }
}

/* ---- writing -------------------------------------------------------------------------------- */

static void wrote(struct writer *w, size_t n)
{
    if (w->err == ERR_OK && n == 0)
        w->err = ERR_FULL;
    if (w->err == ERR_OK)
        w->len += n;
}

/* Where libcbor may write, and how much; nothing after an error. */
#define ROOM(w) (w)->data + (w)->len, (w)->err == ERR_OK ? (w)->cap - (w)->len : 0

static void put_int(struct writer *w, int64_t v)
{
    wrote(w, v >= 0 ? cbor_encode_uint((uint64_t)v, ROOM(w))
                    : cbor_encode_negint((uint64_t)~v, ROOM(w)));
}

static void put_text(struct writer *w, const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);
    if (len == cap && w->err == ERR_OK)
        w->err = ERR_RANGE;
    wrote(w, cbor_encode_string_start(len, ROOM(w)));
    writer_put(w, (const uint8_t *)text, len);
}

static void put_bytes(struct writer *w, struct bytes b)
{
    wrote(w, cbor_encode_bytestring_start(b.len, ROOM(w)));
    writer_put(w, b.data, b.len);
}

static void put_points(struct writer *w, const struct uplink_point *points, size_t count)
{
    wrote(w, cbor_encode_array_start(count * 2, ROOM(w)));
    for (size_t i = 0; i < count; i++) {
        put_int(w, points[i].point);
        put_int(w, points[i].value);
    }
}

static void put_struct(struct writer *w, const struct shape *shape, const uint8_t *base);

static void put_list(struct writer *w, const struct field *f, const uint8_t *base)
{
    size_t count = *(const size_t *)(base + f->count_at);
    if (count > (size_t)f->high) {
        w->err = w->err == ERR_OK ? ERR_RANGE : w->err;
        return;
    }
    if (f->type == POINTS) {
        put_points(w, (const struct uplink_point *)(base + f->at), count);
        return;
    }
    const uint8_t *items;
    memcpy(&items, base + f->at, sizeof items);
    wrote(w, cbor_encode_array_start(count, ROOM(w)));
    for (size_t i = 0; i < count && w->err == ERR_OK; i++)
        put_struct(w, f->items, items + i * f->items->size);
}

static void put_field(struct writer *w, const struct field *f, const uint8_t *base)
{
    put_int(w, f->key);
    switch (f->type) {
    case TEXT:
        put_text(w, (const char *)(base + f->at), (size_t)f->high);
        return;
    case BYTES:
        put_bytes(w, *(const struct bytes *)(base + f->at));
        return;
    case OCTETS:
        put_bytes(w, (struct bytes){base + f->at, *(const size_t *)(base + f->count_at)});
        return;
    case LIST:
    case POINTS:
        put_list(w, f, base);
        return;
    case FLAG:
        wrote(w, cbor_encode_bool(true, ROOM(w)));
        return;
    default:
        put_int(w, load(f, base));
    }
}

/* What the reader would refuse is not written either. */
static bool in_bounds(const struct field *f, const uint8_t *base)
{
    if (f->type == BYTES)
        return ((const struct bytes *)(base + f->at))->len <= (size_t)f->high;
    if (f->type == OCTETS)
        return *(const size_t *)(base + f->count_at) <= (size_t)f->high;
    if (f->type != CHOICE && f->type != LETTER)
        return true;
    int64_t v = load(f, base);
    return v >= f->low && v <= f->high;
}

static void put_struct(struct writer *w, const struct shape *shape, const uint8_t *base)
{
    size_t count = 0;
    for (size_t i = 0; i < shape->count; i++) {
        count += !left_out(&shape->fields[i], base);
        if (w->err == ERR_OK && !in_bounds(&shape->fields[i], base))
            w->err = ERR_RANGE;
    }
    wrote(w, cbor_encode_map_start(count, ROOM(w)));
    for (size_t i = 0; i < shape->count; i++)
        if (!left_out(&shape->fields[i], base))
            put_field(w, &shape->fields[i], base);
}

void uplink_message_encode(const struct uplink_message *m, struct writer *w)
{
    if (!is_kind(m->kind)) {
        w->err = w->err == ERR_OK ? ERR_RANGE : w->err;
        return;
    }
    size_t count = 2u + (m->epoch != 0) + (m->seq != 0);
    wrote(w, cbor_encode_map_start(count, ROOM(w)));
    put_int(w, KEY_KIND);
    put_int(w, m->kind);
    if (m->epoch != 0) {
        put_int(w, KEY_EPOCH);
        put_int(w, m->epoch);
    }
    if (m->seq != 0) {
        put_int(w, KEY_SEQ);
        put_int(w, m->seq);
    }
    put_int(w, KEY_BODY);
    put_struct(w, &BODIES[m->kind], (const uint8_t *)m);
}

/* ---- reading: one item at a time ------------------------------------------------------------ */

struct decoder {
    const uint8_t *data;
    size_t len, at;
    uint8_t *arena;
    size_t arena_len;
    enum err err; /* sticky */
};

static void fail(struct decoder *d, enum err e)
{
    if (d->err == ERR_OK)
        d->err = e;
}

static struct wire_item next(struct decoder *d)
{
    struct wire_item i = {.kind = WIRE_BAD};
    size_t used;
    if (d->err != ERR_OK)
        return i;
    enum err e = wire_item_read((struct bytes){d->data + d->at, d->len - d->at}, &i, &used);
    if (e != ERR_OK)
        fail(d, e);
    else
        d->at += used;
    return i;
}

static struct wire_item expect(struct decoder *d, enum wire_kind kind)
{
    struct wire_item i = next(d);
    if (d->err == ERR_OK && i.kind != kind)
        fail(d, ERR_UPLINK_SYNTAX);
    return i;
}

/* Every item takes at least one byte: a count beyond the bytes left needs no loop to be refused. */
static uint64_t bounded(struct decoder *d, uint64_t count, uint64_t max)
{
    if (count > max)
        fail(d, ERR_UPLINK_SYNTAX);
    else if (count > d->len - d->at)
        fail(d, ERR_TRUNCATED);
    return d->err == ERR_OK ? count : 0;
}

/* Passes over one item and all it contains, without recursion. */
static void skip(struct decoder *d)
{
    for (uint64_t left = 1; left > 0 && d->err == ERR_OK; left--) {
        struct wire_item i = next(d);
        if (d->err != ERR_OK)
            return;
        if (i.kind == WIRE_TAG)
            left++;
        else if (i.kind == WIRE_ARRAY)
            left += bounded(d, i.count, UPLINK_MESSAGE_MAX);
        else if (i.kind == WIRE_MAP)
            left += 2 * bounded(d, i.count, UPLINK_MESSAGE_MAX);
    }
}

/* ---- reading: texts, arena ------------------------------------------------------------------ */

/* Length of the UTF-8 character at p, 0 if it is none or a control character. */
static size_t character(const uint8_t *p, size_t left)
{
    static const uint32_t LEAST[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7F;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > left)
        return 0;
    uint32_t code = p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < LEAST[len] || code > 0x10FFFF || surrogate || code < 0xA0 ? 0 : len;
}

static bool text_is_clean(struct bytes b)
{
    while (b.len > 0) {
        size_t n = character(b.data, b.len);
        if (n == 0)
            return false;
        b.data += n;
        b.len -= n;
    }
    return true;
}

static void *take_arena(struct decoder *d, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    MUST(rounded <= UPLINK_ARENA - d->arena_len); /* the bounds of the tables keep within it */
    void *p = d->arena + d->arena_len;
    d->arena_len += rounded;
    memset(p, 0, size);
    return p;
}

/* ---- reading: fields ------------------------------------------------------------------------ */

static void get_text(struct decoder *d, const struct field *f, uint8_t *base)
{
    struct wire_item i = expect(d, WIRE_TEXT);
    if (d->err == ERR_OK && (i.raw.len >= (size_t)f->high || !text_is_clean(i.raw)))
        fail(d, ERR_UPLINK_SYNTAX);
    if (d->err == ERR_OK)
        memcpy(base + f->at, i.raw.data, i.raw.len); /* zeroed before: terminated */
}

static void get_bytes(struct decoder *d, const struct field *f, uint8_t *base)
{
    struct wire_item i = expect(d, WIRE_BYTES);
    if (d->err == ERR_OK && i.raw.len > (size_t)f->high)
        fail(d, ERR_UPLINK_SYNTAX);
    if (d->err != ERR_OK || i.raw.len == 0)
        return;
    uint8_t *copy = take_arena(d, i.raw.len);
    memcpy(copy, i.raw.data, i.raw.len);
    struct bytes b = {copy, i.raw.len};
    memcpy(base + f->at, &b, sizeof b);
}

static void get_octets(struct decoder *d, const struct field *f, uint8_t *base)
{
    struct wire_item i = expect(d, WIRE_BYTES);
    if (d->err == ERR_OK && i.raw.len > (size_t)f->high)
        fail(d, ERR_UPLINK_SYNTAX);
    if (d->err != ERR_OK || i.raw.len == 0)
        return;
    memcpy(base + f->at, i.raw.data, i.raw.len);
    memcpy(base + f->count_at, &i.raw.len, sizeof i.raw.len);
}

static void get_points(struct decoder *d, const struct field *f, uint8_t *base)
{
    struct wire_item i = expect(d, WIRE_ARRAY);
    size_t count = (size_t)bounded(d, i.count, (uint64_t)f->high * 2);
    if (count % 2 != 0)
        fail(d, ERR_UPLINK_SYNTAX);
    struct uplink_point *points = (struct uplink_point *)(base + f->at);
    for (size_t n = 0; n < count / 2 && d->err == ERR_OK; n++) {
        points[n].point = expect(d, WIRE_NUMBER).number;
        points[n].value = expect(d, WIRE_NUMBER).number;
    }
    count /= 2;
    memcpy(base + f->count_at, &count, sizeof count);
}

static void get_struct(struct decoder *d, const struct shape *shape, uint8_t *base);

static void get_list(struct decoder *d, const struct field *f, uint8_t *base)
{
    struct wire_item i = expect(d, WIRE_ARRAY);
    size_t count = (size_t)bounded(d, i.count, (uint64_t)f->high);
    if (count == 0)
        return;
    uint8_t *items = take_arena(d, count * f->items->size);
    for (size_t n = 0; n < count && d->err == ERR_OK; n++)
        get_struct(d, f->items, items + n * f->items->size);
    memcpy(base + f->at, &items, sizeof items);
    memcpy(base + f->count_at, &count, sizeof count);
}

static void get_number(struct decoder *d, const struct field *f, uint8_t *base)
{
    int64_t v = expect(d, f->type == FLAG ? WIRE_BOOLEAN : WIRE_NUMBER).number;
    bool bounds = f->type == CHOICE || f->type == LETTER;
    if (d->err == ERR_OK && bounds && (v < f->low || v > f->high))
        fail(d, ERR_UPLINK_SYNTAX);
    if (d->err == ERR_OK)
        save(f, base, v);
}

static void get_field(struct decoder *d, const struct field *f, uint8_t *base)
{
    switch (f->type) {
    case TEXT:
        get_text(d, f, base);
        return;
    case BYTES:
        get_bytes(d, f, base);
        return;
    case OCTETS:
        get_octets(d, f, base);
        return;
    case POINTS:
        get_points(d, f, base);
        return;
    case LIST:
        get_list(d, f, base);
        return;
    default:
        get_number(d, f, base);
    }
}

/* The next key of a map; keys rise strictly, so none comes twice. */
static int64_t get_key(struct decoder *d, int64_t before)
{
    int64_t key = expect(d, WIRE_NUMBER).number;
    if (d->err == ERR_OK && key <= before)
        fail(d, ERR_UPLINK_SYNTAX);
    return key;
}

/* `base` is zeroed. */
static void get_struct(struct decoder *d, const struct shape *shape, uint8_t *base)
{
    struct wire_item map = expect(d, WIRE_MAP);
    uint64_t count = bounded(d, map.count, UPLINK_MESSAGE_MAX);
    const struct field *f = shape->fields, *end = f + shape->count;
    for (const struct field *g = f; g < end; g++)
        if (g->type == INT)
            save(g, base, usual(g));
    for (int64_t key = -1; count > 0 && d->err == ERR_OK; count--) {
        key = get_key(d, key);
        while (f < end && f->key < key)
            f++;
        if (d->err == ERR_OK && f < end && f->key == key)
            get_field(d, f, base);
        else
            skip(d);
    }
    /* A choice that may not be zero has to have been said. */
    for (f = shape->fields; f < end && d->err == ERR_OK; f++)
        if (!in_bounds(f, base))
            fail(d, ERR_UPLINK_SYNTAX);
}

/* ---- reading: the message ------------------------------------------------------------------- */

static void get_kind(struct decoder *d, struct uplink_message *m)
{
    if (get_key(d, -1) != KEY_KIND)
        fail(d, ERR_UPLINK_SYNTAX);
    int64_t kind = expect(d, WIRE_NUMBER).number;
    if (d->err == ERR_OK && !is_kind(kind))
        fail(d, kind < 0 ? ERR_UPLINK_SYNTAX : ERR_UPLINK_UNKNOWN);
    if (d->err == ERR_OK)
        m->kind = (enum uplink_kind)kind;
}

static void get_message(struct decoder *d, struct uplink_message *m)
{
    bool has_body = false;
    uint64_t count = bounded(d, expect(d, WIRE_MAP).count, 16);
    if (count == 0)
        fail(d, ERR_UPLINK_SYNTAX);
    get_kind(d, m);
    for (int64_t key = KEY_KIND; count > 1 && d->err == ERR_OK; count--) {
        key = get_key(d, key);
        if (d->err != ERR_OK)
            return;
        if (key == KEY_EPOCH)
            m->epoch = expect(d, WIRE_NUMBER).number;
        else if (key == KEY_SEQ)
            m->seq = expect(d, WIRE_NUMBER).number;
        else if (key == KEY_BODY)
            get_struct(d, &BODIES[m->kind], (uint8_t *)m);
        else
            skip(d);
        has_body = has_body || key == KEY_BODY;
    }
    if (!has_body || d->at != d->len)
        fail(d, ERR_UPLINK_SYNTAX);
}

enum err uplink_message_decode(const uint8_t *data, size_t len, void *arena,
                               struct uplink_message *m)
{
    struct decoder d = {.data = data, .len = len, .arena = arena};
    memset(m, 0, sizeof *m);
    if (len > UPLINK_MESSAGE_MAX)
        return ERR_UPLINK_SYNTAX;
    get_message(&d, m);
    if (d.err == ERR_OK && m->kind == UPLINK_READINGS) {
        m->readings.seq_epoch = m->epoch;
        m->readings.seq = m->seq;
    }
    return d.err;
}
