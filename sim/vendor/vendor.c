/* How these meters live: what flows, the valve, the wallet, the ends of months. */
#include "sim/vendor/dlt645_impl.h"

#include <string.h>

#define HOUR_MS INT64_C(3'600'000)
#define ZONE_S 28'800 /* their clocks show Beijing time */

static const char *const names[VENDOR_KINDS] = {
    [VENDOR_COLD_WATER] = "cold_water",
    [VENDOR_HOT_WATER] = "hot_water",
    [VENDOR_HEAT] = "heat",
    [VENDOR_COOLING] = "cooling",
    [VENDOR_GAS] = "gas",
    [VENDOR_MBUS_HEAT] = "mbus_heat",
    [VENDOR_ACREL_PREPAID] = "acrel_prepaid",
    [VENDOR_ACREL_DTSD] = "acrel_dtsd",
    [VENDOR_ACREL_ADW] = "acrel_adw",
    [VENDOR_DLT645] = "dlt645",
};

enum vendor_kind vendor_kind_of(const char *name)
{
    unsigned i = 0;
    while (i < VENDOR_KINDS && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static int32_t month_of(const struct vendor_meter *m)
{
    struct civil c = civil_from_wall(m->wall, ZONE_S);
    return c.year * 12 + c.month;
}

void vendor_init(struct vendor_meter *m, const struct vendor_setup *setup, mono_ms now, wall_s wall)
{
    *m = (struct vendor_meter){.setup = *setup,
                               .at = now,
                               .wall = wall,
                               .powered = true,
                               .supply_cC = 2000,
                               .return_cC = 2000,
                               .load_mode = 0x3F,
                               .load_minutes = 15,
                               .was_powered = true,
                               .next_minute = wall.s / 60 + 1};
    if (m->setup.ct == 0)
        m->setup.ct = 1;
    m->month = month_of(m);
}

/* A valve needs its time; a stuck one stays where it is, and says that it moved. */
void vendor_move_valve(struct vendor_meter *m, bool close)
{
    if (!m->setup.has_valve)
        return;
    m->exercising = false;
    m->closing = close;
    m->moving_until = mono_after(m->at, m->setup.valve_ms);
    m->moves++;
}

void vendor_exercise_valve(struct vendor_meter *m)
{
    vendor_move_valve(m, !m->closing);
    m->exercising = true;
    m->exercises++;
}

static void settle_valve(struct vendor_meter *m)
{
    if (m->at.ms < m->moving_until.ms)
        return;
    if (!m->valve_stuck)
        m->closed = m->closing;
    if (m->exercising)
        vendor_move_valve(m, !m->closing);
}

int64_t vendor_left_fen(const struct vendor_meter *m)
{
    return m->bought_fen - m->used_ml * m->setup.price_fen / 1'000'000;
}

static void flow(struct vendor_meter *m, int64_t ms)
{
    int64_t lph = m->closed ? m->leak_lph : m->flow_lph;
    int64_t exact = m->carry + lph * 1000 * ms; /* ml per hour times ms */
    int64_t ml = exact / HOUR_MS;
    m->carry = exact % HOUR_MS;
    m->volume_ml += ml;
    m->used_ml += ml;
    bool thermal = m->setup.kind == VENDOR_HEAT || m->setup.kind == VENDOR_COOLING ||
                   m->setup.kind == VENDOR_MBUS_HEAT;
    int64_t watts = (thermal && lph == 0) || m->relay_open ? 0 : m->power_w;
    int64_t mwh_ms = m->energy_carry + watts * 1000 * ms;
    m->energy_mwh += mwh_ms / HOUR_MS;
    m->energy_carry = mwh_ms % HOUR_MS;
}

static void end_month(struct vendor_meter *m)
{
    int32_t month = month_of(m);
    if (month <= m->month)
        return;
    memmove(&m->frozen_ml[1], &m->frozen_ml[0], sizeof m->frozen_ml - sizeof m->frozen_ml[0]);
    m->frozen_ml[0] = m->month_ml = m->volume_ml;
    m->month = month;
}

void vendor_run(struct vendor_meter *m, mono_ms now, wall_s wall)
{
    /* A moving valve parts the time into before and after. */
    while (m->at.ms < now.ms) {
        bool moving = m->moving_until.ms > m->at.ms && m->moving_until.ms < now.ms;
        mono_ms until = moving ? m->moving_until : now;
        int64_t ms = until.ms - m->at.ms;
        if (m->powered) {
            flow(m, ms);
            m->hours_ms += ms;
        }
        m->at = until;
        settle_valve(m);
    }
    m->wall = wall;
    settle_valve(m);
    end_month(m);
    if (m->setup.kind == VENDOR_DLT645)
        vendor_past_run(m);
    bool empty = m->setup.wallet && vendor_left_fen(m) <= 0;
    if (empty && !m->closed && !m->closing)
        vendor_move_valve(m, true);
}

size_t vendor_hear(struct vendor_meter *m, const uint8_t *data, size_t len,
                   uint8_t out[VENDOR_FRAME_MAX])
{
    if (!m->powered || m->dead)
        return 0;
    if (m->setup.kind == VENDOR_MBUS_HEAT)
        return vendor_mbus(m, data, len, out);
    if (m->setup.kind == VENDOR_DLT645)
        return vendor_dlt645(m, data, len, out);
    return m->setup.kind >= VENDOR_ACREL_PREPAID ? vendor_modbus(m, data, len, out)
                                                 : vendor_cjt188(m, data, len, out);
}
