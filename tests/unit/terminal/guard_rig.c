#include "tests/unit/terminal/guard_rig.h"

struct rig g;

struct limits guard_usual(void)
{
    return (struct limits){.delay_s = 2,
                           .recloses = 2,
                           .reclose_s = 60,
                           .step_w = 150,
                           .standby_ma = 6,
                           .unplugged_s = 5};
}

size_t guard_put_limits(const struct limits *l, uint8_t out[20])
{
    struct writer w = writer_of(out, 20);
    writer_u8(&w, l->flags);
    writer_u16le(&w, l->power_w);
    writer_u16le(&w, l->current_ma);
    writer_u16le(&w, l->night_w);
    writer_u16le(&w, l->night_ma);
    writer_u8(&w, l->delay_s);
    writer_u8(&w, l->recloses);
    writer_u16le(&w, l->reclose_s);
    writer_u16le(&w, l->step_w);
    writer_u16le(&w, l->standby_ma);
    writer_u8(&w, l->unplugged_s);
    assert_ok(w.err);
    return w.len;
}

int guard_set_limits(unsigned circuit, const struct limits *l)
{
    uint8_t data[20];
    size_t len = guard_put_limits(l, data);
    return rig_write(&g, 0x04802400 + circuit, data, len);
}

/* BCD, minutes first on the wire. */
int guard_set_hours(uint32_t table, const uint16_t (*list)[3], size_t count)
{
    uint8_t data[64];
    struct writer w = writer_of(data, sizeof data);
    for (size_t i = 0; i < count; i++) {
        writer_bcd_le(&w, list[i][0], 2);
        writer_bcd_le(&w, list[i][1], 2);
        writer_u8(&w, (uint8_t)list[i][2]);
    }
    return rig_write(&g, table, data, w.len);
}

int guard_write_byte(uint32_t di, uint8_t v)
{
    return rig_write(&g, di, &v, 1);
}

void guard_begin(void)
{
    struct terminal_setup s = rig_setup();
    s.overdraft_fen = 100'000;
    rig_new(&g, &s);
}

struct terminal_sample guard_drawing(unsigned circuit, int32_t mw, int32_t mvar)
{
    struct terminal_sample s = {.voltage_dv = {2200}, .frequency_chz = 5000, .has_reactive = true};
    int64_t size = (int64_t)mw * mw + (int64_t)mvar * mvar;
    int64_t va = 0;
    while (va * va < size)
        va += 100;
    s.power_mw[circuit - 1] = mw;
    s.reactive_mvar[circuit - 1] = mvar;
    s.current_ma[circuit - 1] = (uint32_t)(va / 220);
    return s;
}

void guard_draw(unsigned circuit, int32_t mw, int32_t mvar, int64_t seconds)
{
    struct terminal_sample s = guard_drawing(circuit, mw, mvar);
    for (int64_t i = 0; i < seconds; i++) {
        if (!rig_closed(&g, circuit))
            s = guard_drawing(circuit, 0, 0);
        rig_measure(&g, &s, 1000);
    }
}

void guard_draw_ma(unsigned circuit, uint32_t current_ma, int64_t seconds)
{
    struct terminal_sample s = {.voltage_dv = {2200}};
    s.current_ma[circuit - 1] = current_ma;
    for (int64_t i = 0; i < seconds; i++)
        rig_measure(&g, &s, 1000);
}
