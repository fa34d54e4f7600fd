/* CJ/T 188, Modbus, M-Bus and Acrel frames as JSON. */
#include <ctype.h>
#include <string.h>

#include "app/frame/frame.h"
#include "proto/acrel.h"
#include "proto/acrel4g.h"
#include "proto/cjt188.h"
#include "proto/mbus.h"
#include "proto/modbus_rare.h"

static void set_text(json_t *o, const char *key, const char *text)
{
    (void)json_object_set_new(o, key, json_string(text)); /* out of memory shows as a missing key */
}

static void set_bool(json_t *o, const char *key, bool v)
{
    (void)json_object_set_new(o, key, json_boolean(v)); /* as above */
}

static void set_int(json_t *o, const char *key, json_int_t v)
{
    (void)json_object_set_new(o, key, json_integer(v)); /* as above */
}

static void set_byte(json_t *o, const char *key, uint8_t byte)
{
    char hex[3];
    hex_encode(&byte, 1, hex);
    set_text(o, key, hex);
}

static void add_value(void *arg, const struct say_value *v)
{
    json_t *o = json_object();
    set_text(o, "name", v->en);
    set_text(o, "name_zh", v->zh);
    if (v->state == SAY_ABSENT)
        (void)json_object_set_new(o, "value", json_null()); /* as above */
    else
        set_text(o, "value", v->text);
    if (v->unit && *v->unit)
        set_text(o, "unit", v->unit);
    if (*v->note)
        set_text(o, "note", v->note);
    if (v->state == SAY_DAMAGED)
        set_bool(o, "damaged", true);
    (void)json_array_append_new(arg, o); /* as above */
}

/* Whatever is wrong with the content; a frame that nobody knows is a good frame all the same. */
static void close_object(json_t *o, json_t *values, enum err e, bool *valid)
{
    bool damaged = false;
    size_t i;
    json_t *v;
    json_array_foreach(values, i, v) damaged = damaged || json_object_get(v, "damaged");
    if (e == ERR_OK && damaged)
        e = ERR_BCD;
    (void)json_object_set_new(o, "values", values); /* as above */
    set_bool(o, "valid", e == ERR_OK || e == ERR_FRAME_UNKNOWN);
    if (e != ERR_OK) {
        set_text(o, "error", err_name(e));
        set_text(o, "error_en", err_text_en(e));
        set_text(o, "error_zh", err_text_zh(e));
        *valid = *valid && e == ERR_FRAME_UNKNOWN;
    }
}

/* --- CJ/T 188 ------------------------------------------------------------------------------------
 */

static void set_identifier(json_t *o, const struct cjt188_frame *f)
{
    bool swapped;
    char text[5];
    uint16_t id = cjt188_identifier(f, &swapped);
    if (id == 0)
        return;
    hex_encode((uint8_t[]){(uint8_t)(id >> 8), (uint8_t)id}, 2, text);
    set_text(o, "identifier", text);
    set_text(o, "identifier_order", swapped ? "low byte first" : "high byte first");
    set_text(o, "item", cjt188_identifier_en(id));
    set_text(o, "item_zh", cjt188_identifier_zh(id));
}

static json_t *cjt188_json(const struct cjt188_frame *f, bool *valid)
{
    json_t *o = json_object(), *values = json_array();
    char meter[15];
    cjt188_address_text(f->address, meter);
    set_text(o, "protocol", "CJ/T 188");
    set_text(o, "direction", f->control & CJT188_ANSWER ? "answer" : "request");
    set_byte(o, "type", f->type);
    set_text(o, "meter_kind", cjt188_type_en(f->type));
    set_text(o, "meter_kind_zh", cjt188_type_zh(f->type));
    set_text(o, "meter", meter);
    set_byte(o, "control", f->control);
    set_text(o, "function", cjt188_function_en(f->control));
    if (f->control & CJT188_ABNORMAL)
        set_bool(o, "refused", true);
    set_identifier(o, f);
    close_object(o, values, cjt188_say(f, add_value, values), valid);
    return o;
}

/* --- Modbus --------------------------------------------------------------------------------------
 */

static json_t *modbus_json(const struct modbus_frame *f, enum err e, bool *valid)
{
    json_t *o = json_object(), *values = json_array();
    set_text(o, "protocol", f->tcp ? "Modbus TCP" : "Modbus RTU");
    set_text(o, "direction", f->either ? "request or answer" : f->answer ? "answer" : "request");
    if (f->tcp)
        set_int(o, "transaction", f->transaction);
    set_int(o, "unit", f->unit);
    set_int(o, "function_code", f->function);
    set_text(o, "function", modbus_function_en_all(f->function));
    set_text(o, "function_zh", modbus_function_zh_all(f->function));
    if (f->exception)
        set_bool(o, "refused", true);
    if (e == ERR_OK)
        modbus_say_all(f, add_value, values);
    close_object(o, values, e, valid);
    return o;
}

/* --- M-Bus ---------------------------------------------------------------------------------------
 */

static void set_head(json_t *o, const struct mbus_frame *f)
{
    struct mbus_head head;
    struct bytes records;
    char id[9], manufacturer[4];
    if (mbus_head(f, &head, &records) != ERR_OK)
        return;
    hex_encode((uint8_t[]){head.id[3], head.id[2], head.id[1], head.id[0]}, 4, id);
    mbus_manufacturer_text(head.manufacturer, manufacturer);
    set_text(o, "meter", id);
    set_text(o, "manufacturer", manufacturer);
    set_int(o, "version", head.version);
    set_byte(o, "medium", head.medium);
    set_text(o, "medium_en", mbus_medium_en(head.medium));
    set_text(o, "medium_zh", mbus_medium_zh(head.medium));
    set_int(o, "access", head.access);
}

static json_t *mbus_json(const struct mbus_frame *f, bool *valid)
{
    json_t *o = json_object(), *values = json_array();
    set_text(o, "protocol", "M-Bus");
    set_text(o, "direction",
             f->kind == MBUS_ACK || (f->control & 0x4F) == MBUS_RSP_UD ? "answer" : "request");
    set_text(o, "function", mbus_function_en(f));
    if (f->kind != MBUS_ACK) {
        set_int(o, "address", f->address);
        set_byte(o, "control", f->control);
    }
    if (f->kind == MBUS_LONG)
        set_byte(o, "ci", f->ci);
    set_head(o, f);
    close_object(o, values, mbus_say(f, add_value, values), valid);
    return o;
}

/* --- Acrel ---------------------------------------------------------------------------------------
 */

static const char *acrel_direction(const struct acrel_frame *f)
{
    struct acrel_auth auth;
    if (f->type == ACREL_AUTH && acrel_auth_read(f->data, &auth) == ERR_OK)
        return auth.operation == ACREL_OP_REQUEST || auth.operation == ACREL_OP_MD5 ? "up" : "down";
    if (f->type == ACREL_AUTH || f->type == ACREL_HEARTBEAT)
        return "up or down";
    return f->type == ACREL_DOWNLINK ? "down" : "up";
}

static json_t *acrel_json(const struct acrel_frame *f, bool *valid)
{
    json_t *o = json_object(), *values = json_array();
    set_text(o, "protocol", "Acrel gateway");
    set_text(o, "direction", acrel_direction(f));
    set_byte(o, "type", f->type);
    set_text(o, "function", acrel_type_en(f->type));
    set_text(o, "function_zh", acrel_type_zh(f->type));
    close_object(o, values, acrel_say(f, add_value, values), valid);
    return o;
}

static json_t *acrel4g_json(const struct acrel4g_frame *f, bool *valid)
{
    json_t *o = json_object(), *values = json_array();
    bool down =
        f->payload.len == 0 && f->command != ACREL4G_HEARTBEAT && f->command != ACREL4G_TIME;
    set_text(o, "protocol", "Acrel 4G");
    set_text(o, "direction",
             f->command == ACREL4G_DOWNLINK || f->command == ACREL4G_TIME ? "up or down"
             : down                                                       ? "down"
                                                                          : "up");
    set_byte(o, "command", f->command);
    set_text(o, "function", acrel4g_command_en(f->command));
    set_text(o, "function_zh", acrel4g_command_zh(f->command));
    close_object(o, values, acrel4g_say(f, add_value, values), valid);
    return o;
}

/* --- whichever begins here -----------------------------------------------------------------------
 */

union any {
    struct cjt188_frame cjt188;
    struct modbus_frame modbus;
    struct mbus_frame mbus;
    struct acrel_frame acrel;
    struct acrel4g_frame acrel4g;
};

static json_t *try_cjt188(const uint8_t *data, size_t len, union any *f, size_t *used, bool *valid)
{
    bool here = data[0] == 0x68 && cjt188_decode(data, len, &f->cjt188, used) == ERR_OK &&
                *used == (size_t)f->cjt188.len + 13;
    return here ? cjt188_json(&f->cjt188, valid) : NULL;
}

static json_t *try_modbus(const uint8_t *data, size_t len, union any *f, size_t *used, bool *valid)
{
    enum err e = modbus_decode_rtu_all(data, len, &f->modbus, used);
    return *used ? modbus_json(&f->modbus, e, valid) : NULL;
}

static json_t *try_modbus_tcp(const uint8_t *data, size_t len, union any *f, size_t *used,
                              bool *valid)
{
    enum err e = modbus_decode_tcp_all(data, len, &f->modbus, used);
    return *used ? modbus_json(&f->modbus, e, valid) : NULL;
}

static unsigned nibble(uint8_t c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

size_t frame_ascii_body(struct bytes b, uint8_t body[FRAME_ASCII_MAX])
{
    size_t n = 0, at = 1;
    if (b.len == 0 || b.data[0] != ':')
        return 0;
    for (; at + 1 < b.len && isxdigit(b.data[at]) && isxdigit(b.data[at + 1]); at += 2) {
        if (n == FRAME_ASCII_MAX)
            return 0;
        body[n++] = (uint8_t)(nibble(b.data[at]) << 4 | nibble(b.data[at + 1]));
    }
    bool ends = at == b.len || b.data[at] == '\r' || b.data[at] == '\n';
    return ends && n >= 4 ? n : 0;
}

/* Told as RTU is: without the sum, with the CRC that it would have there. */
static json_t *try_modbus_ascii(const uint8_t *data, size_t len, union any *f, size_t *used,
                                bool *valid)
{
    uint8_t body[FRAME_ASCII_MAX + 1];
    size_t n = frame_ascii_body((struct bytes){data, len}, body);
    if (n == 0 || sum8(body, n) != 0)
        return NULL;
    uint16_t crc = crc16_modbus(body, n - 1);
    body[n - 1] = (uint8_t)crc;
    body[n] = (uint8_t)(crc >> 8);
    enum err e = modbus_decode_rtu_all(body, n + 1, &f->modbus, used);
    if (*used != n + 1)
        return NULL;
    *used = 1 + 2 * n;
    while (*used < len && (data[*used] == '\r' || data[*used] == '\n'))
        ++*used;
    json_t *o = modbus_json(&f->modbus, e, valid);
    set_text(o, "protocol", "Modbus ASCII");
    return o;
}

static json_t *try_mbus(const uint8_t *data, size_t len, union any *f, size_t *used, bool *valid)
{
    return mbus_decode(data, len, &f->mbus, used) == ERR_OK ? mbus_json(&f->mbus, valid) : NULL;
}

static json_t *try_acrel(const uint8_t *data, size_t len, union any *f, size_t *used, bool *valid)
{
    return acrel_decode(data, len, &f->acrel, used) == ERR_OK ? acrel_json(&f->acrel, valid) : NULL;
}

static json_t *try_acrel4g(const uint8_t *data, size_t len, union any *f, size_t *used, bool *valid)
{
    return acrel4g_decode(data, len, &f->acrel4g, used) == ERR_OK ? acrel4g_json(&f->acrel4g, valid)
                                                                  : NULL;
}

json_t *frame_try(enum frame_protocol p, struct bytes here, size_t *used, bool *valid)
{
    union any f;
    json_t *(*const tries[FRAME_PROTOCOLS])(const uint8_t *, size_t, union any *, size_t *,
                                            bool *) = {[FRAME_CJT188] = try_cjt188,
                                                       [FRAME_MODBUS] = try_modbus,
                                                       [FRAME_MODBUS_TCP] = try_modbus_tcp,
                                                       [FRAME_MODBUS_ASCII] = try_modbus_ascii,
                                                       [FRAME_MBUS] = try_mbus,
                                                       [FRAME_ACREL] = try_acrel,
                                                       [FRAME_ACREL4G] = try_acrel4g};
    *used = 0;
    return tries[p] && here.len > 0 ? tries[p](here.data, here.len, &f, used, valid) : NULL;
}
