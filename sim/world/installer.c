#include "sim/world/installer.h"

#include "base/must.h"

#define DI_RESET 0x04802100
#define DI_WHITE 0x04802200
#define DI_RULES 0x04802400
#define DI_WORKING 0x04802500
#define DI_HOLIDAY 0x04802600

enum { TIMED = 1, MALIGNANT = 2, AIRCON = 4 };

struct hours {
    uint8_t begin_h, begin_min, end_h, end_min, cover;
};

/* docs/manual/fleet.md shows these. */
static const struct rules {
    uint8_t flags;
    uint16_t power_w, night_power_w;
    uint16_t reclose_s;
    struct hours working[2], holiday[2]; /* cover 0: not used */
} rules[] = {
    {TIMED | MALIGNANT,
     500,
     0,
     120,
     {{6, 0, 23, 30, TERMINAL_COVER_ON}},
     {{6, 0, 24, 0, TERMINAL_COVER_ON}}},
    {TIMED | MALIGNANT,
     2'000,
     1'500,
     120,
     {{6, 0, 23, 30, TERMINAL_COVER_ON}, {23, 30, 6, 0, TERMINAL_COVER_NIGHT}},
     {{6, 0, 24, 0, TERMINAL_COVER_ON}, {0, 0, 6, 0, TERMINAL_COVER_NIGHT}}},
    {AIRCON, 3'000, 0, 120, {{0}}, {{0}}},
};

static bool set_rules(struct sim_meter *m, unsigned i)
{
    const struct rules *r = &rules[i];
    uint8_t data[32];
    struct writer w = writer_of(data, sizeof data);
    writer_u8(&w, r->flags);
    writer_u16le(&w, r->power_w);
    writer_u16le(&w, 0);
    writer_u16le(&w, r->night_power_w);
    writer_u16le(&w, 0);
    writer_u8(&w, 1); /* s above a limit */
    writer_u8(&w, 3); /* recloses a day */
    writer_u16le(&w, r->reclose_s);
    writer_u16le(&w, 150); /* W, least step of heating */
    writer_u16le(&w, 5);   /* mA, standby */
    writer_u8(&w, 5);      /* s without it */
    MUST(w.err == ERR_OK);
    return sim_meter_program(m, DI_RULES + i + 1, data, w.len);
}

static bool set_hours(struct sim_meter *m, uint32_t di, const struct hours list[2])
{
    uint8_t data[16];
    struct writer w = writer_of(data, sizeof data);
    for (unsigned k = 0; k < 2 && list[k].cover != 0; k++) {
        writer_bcd_le(&w, list[k].begin_min, 1);
        writer_bcd_le(&w, list[k].begin_h, 1);
        writer_bcd_le(&w, list[k].end_min, 1);
        writer_bcd_le(&w, list[k].end_h, 1);
        writer_u8(&w, list[k].cover);
    }
    MUST(w.err == ERR_OK);
    return w.len == 0 || sim_meter_program(m, di, data, w.len);
}

static bool set_white(struct sim_meter *m)
{
    int32_t white_mw = m->room != NULL ? room_white_mw(m->room) : 0;
    uint8_t data[32] = {0};
    struct writer w = writer_of(data, sizeof data);
    writer_u16le(&w, (uint16_t)(white_mw / 1000));
    return white_mw == 0 || sim_meter_program(m, DI_WHITE + 2, data, sizeof data);
}

bool installer_set_dorm(struct sim_meter *m)
{
    if (m->setup.circuits != sizeof rules / sizeof rules[0])
        return false;
    bool done = set_white(m);
    for (unsigned i = 0; done && i < m->setup.circuits; i++)
        done = set_hours(m, DI_WORKING + i + 1, rules[i].working) &&
               set_hours(m, DI_HOLIDAY + i + 1, rules[i].holiday) && set_rules(m, i);
    return done;
}

unsigned installer_reset(struct sim_meter *m)
{
    static const uint8_t yes = 1;
    struct terminal_output out = terminal_output(&m->terminal);
    unsigned done = 0;
    for (unsigned i = 0; i < m->setup.circuits; i++)
        done += out.locked[i] && sim_meter_program(m, DI_RESET + i + 1, &yes, 1);
    return done;
}
