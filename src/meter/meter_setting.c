/* Parameters: read, written within their limits, and read back. */
#include <string.h>

#include "base/must.h"
#include "meter/meter_impl.h"

int meter_setting_find(const struct meter_model *m, const char *name)
{
    for (int i = 0; i < m->setting_count; i++)
        if (strcmp(m->settings[i].name, name) == 0)
            return i;
    return -1;
}

static const struct meter_setting *setting_of(const struct meter_unit *u, unsigned setting)
{
    MUST(setting < u->model->setting_count);
    return &u->model->settings[setting];
}

void meter_ask_setting(const struct meter_unit *u, unsigned setting, struct writer *w)
{
    const struct meter_setting *s = setting_of(u, setting);
    u->model->driver->ask_data(u, s->read_id, s->bytes, w);
}

enum err meter_take_setting(const struct meter_unit *u, unsigned setting, struct bytes answer,
                            int64_t *value)
{
    const struct meter_setting *s = setting_of(u, setting);
    const struct meter_field f = {.form = s->form, .bytes = s->bytes};
    uint8_t room[256];
    struct bytes data;
    bool absent;
    TRY(u->model->driver->take_data(u, s->read_id, answer, room, &data));
    if (data.len != s->bytes)
        return ERR_FRAME_LENGTH;
    TRY(meter_field_number(&f, data, u->model->driver->big, value, &absent));
    if (absent)
        return ERR_METER_REFUSED;
    return meter_scale(*value, s->multiply, s->divide, value);
}

/* The meter's own number, if it can hold the value exactly. */
static enum err raw_of(const struct meter_setting *s, int64_t value, int64_t *raw)
{
    int64_t back;
    if (value < s->low || value > s->high)
        return ERR_RANGE;
    TRY(meter_scale(value, s->divide, s->multiply, raw));
    TRY(meter_scale(*raw, s->multiply, s->divide, &back));
    return back == value ? ERR_OK : ERR_RANGE;
}

static enum err put_binary(const struct meter_setting *s, int64_t raw, struct writer *w)
{
    bool sign = s->form == METER_FORM_SIGNED;
    if (s->bytes < 8) {
        int64_t limit = INT64_C(1) << (8 * s->bytes - sign);
        if (raw >= limit || raw < (sign ? -limit : 0))
            return ERR_RANGE;
    } else if (raw < 0 && !sign) {
        return ERR_RANGE;
    }
    for (unsigned i = 0; i < s->bytes; i++)
        writer_u8(w, (uint8_t)((uint64_t)raw >> 8 * i));
    return w->err;
}

enum err meter_ask_set(const struct meter_unit *u, unsigned setting, int64_t value,
                       struct writer *w)
{
    const struct meter_setting *s = setting_of(u, setting);
    uint8_t low_first[8], data[8];
    struct writer d = writer_of(low_first, sizeof low_first);
    int64_t raw;
    TRY(raw_of(s, value, &raw));
    if (s->form == METER_FORM_BCD) {
        if (raw < 0)
            return ERR_RANGE;
        writer_bcd_le(&d, (uint64_t)raw, s->bytes);
        TRY(d.err);
    } else {
        TRY(put_binary(s, raw, &d));
    }
    for (size_t i = 0; i < d.len; i++)
        data[i] = low_first[u->model->driver->big ? d.len - 1 - i : i];
    return u->model->driver->ask_write(u, s->id, (struct bytes){data, d.len}, w);
}
