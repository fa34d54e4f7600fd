/* What Acrel's gateways and collectors of energy data write in XML, in clear or under a key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "app/frame/frame.h"
#include "base/must.h"
#include "proto/acrel.h"
#include "uplink/dialin.h"

#define UNZIPPED_MAX (1024 * 1024)
#define CIPHER_ROOM 16

/* --- words ----------------------------------------------------------------------------------- */

static json_t *text_of(struct bytes b)
{
    json_t *text = json_stringn((const char *)b.data, b.len);
    return text ? text : json_null(); /* no UTF-8 */
}

static void add(json_t *values, const char *en, const char *zh, struct bytes text)
{
    json_t *o = json_pack("{s:s, s:s, s:o, s:s}", "name", en, "name_zh", zh, "value", text_of(text),
                          "unit", "");
    (void)json_array_append_new(values, o); /* out of memory shows as a missing value */
}

/* An error, other than zero, stands for a value that is none. */
static void add_reported(void *values, const struct acrel_value *v)
{
    char name[2 * ACREL_TEXT_MAX];
    bool failed = v->error.len > 1 || (v->error.len == 1 && v->error.data[0] != '0');
    snprintf(name, sizeof name, "%.*s %.*s", (int)v->meter.len, v->meter.data, (int)v->function.len,
             v->function.data);
    add(values, name, name, v->value);
    json_t *o = json_array_get(values, json_array_size(values) - 1);
    if (!failed)
        return;
    (void)json_object_set_new(o, "value", json_null()); /* as above */
    (void)json_object_set_new(o, "note", text_of(v->error));
}

static void add_auth(json_t *values, const struct acrel_auth *a)
{
    static const char *const words[ACREL_OPERATIONS][2] = {
        [ACREL_OP_SEQUENCE] = {"sequence", "随机序列"},
        [ACREL_OP_MD5] = {"md5", "MD5"},
        [ACREL_OP_RESULT] = {"result", "结果"}};
    add(values, "gateway", "通信管理机", a->gateway_id);
    if (a->building_id.len > 0)
        add(values, "building", "建筑", a->building_id);
    if (a->operation != ACREL_OP_REQUEST)
        add(values, words[a->operation][0], words[a->operation][1], a->value);
}

/* The whole text stands beside what is understood of it. */
static enum err say_xml(json_t *o, json_t *values, struct bytes xml)
{
    struct acrel_auth auth;
    struct bytes time;
    (void)json_object_set_new(o, "xml", text_of(xml)); /* as above */
    if (acrel_auth_read(xml, &auth) == ERR_OK) {
        add_auth(values, &auth);
        return ERR_OK;
    }
    TRY(acrel_report_read(xml, &time, add_reported, values));
    if (time.len > 0)
        add(values, "time", "时间", time);
    return ERR_OK;
}

static void close_object(json_t *o, json_t *values, enum err e, bool *valid)
{
    (void)json_object_set_new(o, "values", values); /* as above */
    (void)json_object_set_new(o, "valid", json_boolean(e == ERR_OK));
    if (e == ERR_OK)
        return;
    *valid = false;
    (void)json_object_set_new(o, "error", json_string(err_name(e)));
    (void)json_object_set_new(o, "error_en", json_string(err_text_en(e)));
    (void)json_object_set_new(o, "error_zh", json_string(err_text_zh(e)));
}

/* --- the cipher ------------------------------------------------------------------------------ */

/* out: CIPHER_ROOM more than what is sealed. */
static enum err unseal(const uint8_t key[FRAME_KEY], struct bytes sealed, uint8_t *out,
                       struct bytes *plain)
{
    size_t len;
    *plain = (struct bytes){0};
    if (!dialin_unseal(key, sealed, out, &len))
        return ERR_UPLINK_SEAL;
    *plain = (struct bytes){out, len};
    return ERR_OK;
}

/* --- Acrel's gateways ------------------------------------------------------------------------ */

static enum err say_zipped(json_t *o, json_t *values, struct bytes zipped)
{
    uLongf len = UNZIPPED_MAX;
    uint8_t *xml = malloc(len);
    MUST(xml);
    bool good = uncompress(xml, &len, zipped.data, zipped.len) == Z_OK;
    enum err e = good ? say_xml(o, values, (struct bytes){xml, len}) : ERR_SYNTAX;
    free(xml);
    return e;
}

/* The Modbus frame within is told as any other is. */
static enum err say_passed_on(json_t *o, json_t *values, struct bytes text)
{
    uint8_t rtu[ACREL_RTU_MAX];
    char hex[2 * ACREL_RTU_MAX + 1];
    struct writer w = writer_of(rtu, sizeof rtu);
    unsigned port, address;
    size_t used;
    bool valid = true;
    TRY(acrel_downlink_read(text, &port, &address, &w));
    add(values, "port and meter", "端口和表号", (struct bytes){text.data, 5});
    json_t *inner = frame_try(FRAME_MODBUS, (struct bytes){rtu, w.len}, &used, &valid);
    if (!inner)
        return ERR_FRAME_CHECKSUM;
    hex_encode(rtu, w.len, hex);
    (void)json_object_set_new(inner, "frame", json_string(hex)); /* as above */
    (void)json_object_set_new(o, "inner", inner);
    return ERR_OK;
}

static enum err say_opened(json_t *o, json_t *values, uint8_t type, struct bytes plain)
{
    if (type == ACREL_DATA_ZIP)
        return say_zipped(o, values, plain);
    return type == ACREL_DATA ? say_xml(o, values, plain) : say_passed_on(o, values, plain);
}

void frame_open_acrel(json_t *o, struct bytes frame, const uint8_t key[FRAME_KEY], bool *valid)
{
    struct acrel_frame f;
    struct bytes plain;
    size_t used;
    bool sealed = acrel_decode(frame.data, frame.len, &f, &used) == ERR_OK && *valid &&
                  f.type != ACREL_AUTH && f.type != ACREL_HEARTBEAT;
    if (!sealed)
        return;
    uint8_t *out = malloc(f.data.len + CIPHER_ROOM);
    MUST(out);
    json_t *values = json_array();
    enum err e = unseal(key, f.data, out, &plain);
    close_object(o, values, e == ERR_OK ? say_opened(o, values, f.type, plain) : e, valid);
    free(out);
}

/* --- energy data ----------------------------------------------------------------------------- */

#define CENTRE_BEFORE 12 /* mark, length, serial */
#define CENTRE_AFTER 6   /* check sum, mark */

static bool is_clear(struct bytes body)
{
    return body.len > 0 && body.data[0] == '<';
}

static enum err say_body(json_t *o, json_t *values, struct bytes body, const uint8_t *key)
{
    char count[24];
    struct bytes plain;
    if (is_clear(body))
        return say_xml(o, values, body);
    if (!key) {
        int n = snprintf(count, sizeof count, "%zu", body.len);
        add(values, "enciphered bytes", "密文字节数",
            (struct bytes){(const uint8_t *)count, (size_t)n});
        return body.len % 16 == 0 ? ERR_OK : ERR_FRAME_LENGTH;
    }
    uint8_t *out = malloc(body.len + CIPHER_ROOM);
    MUST(out);
    enum err e = unseal(key, body, out, &plain);
    if (e == ERR_OK)
        e = say_xml(o, values, plain);
    free(out);
    return e;
}

json_t *frame_centre_json(struct bytes frame, const uint8_t *key, bool *valid)
{
    struct reader r = reader_of(frame.data + 8, 4);
    struct bytes body = {frame.data + CENTRE_BEFORE, frame.len - CENTRE_BEFORE - CENTRE_AFTER};
    json_t *values = json_array();
    json_t *o = json_pack("{s:s, s:I}", "protocol", FRAME_CENTRE_NAME, "serial",
                          (json_int_t)reader_u32le(&r));
    close_object(o, values, say_body(o, values, body, key), valid);
    return o;
}
