/* Loads in the circuits: what a metering chip says of them, and what must be recognised. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_impl.h"

enum heat drive_heat(const struct model *m, int c, int w)
{
    const struct m_rules *r = &m->guard.rules[c];
    if (w * 10 < r->step_w * 8)
        return HEAT_NEVER;
    enum heat heat = w * 10 > r->step_w * 12 && w >= 250 ? HEAT_SURE : HEAT_MAYBE;
    for (int i = 0; i < 8; i++) {
        int white = r->white_w[i], apart = abs(white - w);
        if (white == 0 || apart * 100 > 10 * white)
            continue;
        bool near = apart * 100 <= 2 * white && abs(r->white_var[i]) * 100 <= 2 * white;
        if (near)
            return HEAT_NEVER;
        heat = HEAT_MAYBE;
    }
    return heat;
}

static int64_t root(int64_t v)
{
    int64_t r = 0;
    for (int64_t bit = INT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((r + bit) * (r + bit) <= v)
            r += bit;
    return r;
}

static struct terminal_sample sample_of(struct pair *p)
{
    struct terminal_sample s = {.frequency_chz = 5000, .has_reactive = !(p->told & 1)};
    s.has_harmonics = p->told & 2;
    int64_t dv = p->mains_dv, square = dv * dv;
    struct terminal_output out = terminal_output(&p->t);
    int parts = p->m.setup.phases == 3 ? 3 : p->m.setup.circuits;
    for (int c = 0; c < parts; c++) {
        const struct m_world *w = &p->world[c];
        int64_t motor = w->motor_w[0] + w->motor_w[1] + w->motor_w[2];
        int64_t watts = (w->heater_w + motor) * square / 4840000 - w->fed_w;
        int64_t var = motor * 9 / 10 * square / 4840000;
        s.voltage_dv[c] = p->m.setup.phases == 3 || c == 0 ? p->mains_dv : 0;
        if (!out.closed[p->m.setup.phases == 3 ? 0 : c])
            continue;
        s.power_mw[c] = (int32_t)watts * 1000 + w->standby_ma * 110;
        s.harmonic_ma[c][0] = s.has_harmonics ? (uint32_t)motor / 100 : 0;
        s.reactive_mvar[c] = s.has_reactive ? (int32_t)var * 1000 + w->standby_ma * 190 : 0;
        s.current_ma[c] = (uint32_t)(root((watts * watts + var * var) * 1000000) * 10 / dv) +
                          (uint32_t)w->standby_ma;
    }
    return s;
}

/* What may be recognised in circuit c now, while nothing is known for certain. */
static void may(struct pair *p, int c, const struct terminal_sample *s)
{
    struct model *m = &p->m;
    const struct m_world *w = &p->world[c];
    int motor = w->motor_w[0] + w->motor_w[1] + w->motor_w[2];
    bool odd = motor > 0 || p->mains_dv != 2200 || p->told != 0 || w->fed;
    bool heating = w->heater_w > 0 || w->fed || (p->told & 1); /* by watts alone anything may be */
    m->may_trip[c] = heating && (odd || drive_heat(m, c, w->heater_w) != HEAT_NEVER);
    m->may_unplug[c] = p->mains_dv >= 1600 && m->now_ms - m->closed_ms[c] >= 10000 &&
                       (int)s->current_ma[c] < m->guard.rules[c].standby_ma;
}

void drive_measure(struct pair *p, int64_t ms)
{
    drive_tick(p, ms, false);
    drive_check(p);
    if (!drive_quiet(p))
        return;
    struct terminal_sample s = sample_of(p);
    for (int c = 0; c < p->m.setup.circuits; c++)
        may(p, c, &s);
    terminal_measure(&p->t, &s);
    drive_drain(p);
    int claim[3];
    for (int c = 0; c < 3; c++)
        claim[c] = p->t.books.hold[c].cause;
    model_measure(&p->m, &s, claim);
    p->inputs++;
    if (p->m.complaint[0] != 0)
        DIFFER(p, "%s", p->m.complaint);
}

/* ---- loads, from start to verdict ---- */

static bool watched(const struct pair *p, int c)
{
    const struct model *m = &p->m;
    return drive_quiet(p) && c < m->setup.circuits && m->setup.phases == 1 &&
           m->setup.rating_ma != 0 && !m->books.open[c] && !m->books.keep_power;
}

static bool empty(const struct m_world *w)
{
    return w->heater_w == 0 && w->motor_w[0] == 0 && w->motor_w[1] == 0 && w->motor_w[2] == 0;
}

static void samples(struct pair *p, int seconds)
{
    for (int64_t ms = 0; ms < seconds * 1000 && drive_quiet(p); ms += p->sample_ms) {
        drive_measure(p, p->sample_ms);
        drive_check(p);
    }
}

/* A heater alone in its circuit: certain within three samples of a second, or a second and a
 * little where they come faster. */
void load_heat(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1, w = (int)op->b;
    struct m_world *world = &p->world[c];
    world->heater_w = 0;
    bool sure = empty(world);
    world->standby_ma = 0;
    samples(p, 4);
    /* Soon after closing, white loads may come back with something small. */
    bool settled = p->now_ms - p->m.closed_ms[c] > 8000 && p->mains_dv == 2200 && !world->fed &&
                   !(p->told & 1);
    if (!watched(p, c) || !p->m.guard.rules[c].malignant || !settled)
        sure = false;
    world->heater_w = w;
    bool shut = sure;
    int64_t most_ms = p->sample_ms == 1000 ? 3000 : 1000 + 2 * p->sample_ms;
    for (int64_t ms = 0; ms < most_ms && drive_quiet(p); ms += p->sample_ms) {
        drive_measure(p, p->sample_ms);
        drive_check(p);
        if (p->m.books.hold[c].cause == TERMINAL_REASON_MALIGNANT && sure)
            p->recognised++;
        shut = shut && watched(p, c);
        if (!shut)
            break;
    }
    if (shut && drive_heat(&p->m, c, w) == HEAT_SURE)
        DIFFER(p, "circuit %d: a heater of %d W was not recognised", c + 1, w);
}

void load_unplug(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1;
    struct m_world *world = &p->world[c];
    const struct m_rules *r = &p->m.guard.rules[c];
    *world = (struct m_world){.standby_ma = r->standby_ma * 2, .fed = world->fed};
    bool sure = r->aircon && p->mains_dv >= 1600;
    for (int i = 0; i < 16; i++) {
        samples(p, 1);
        sure = sure && watched(p, c);
    }
    world->standby_ma = 0;
    int64_t gone = p->now_ms;
    for (int i = 0; i < r->unplugged_s + 5 && sure; i++) {
        samples(p, 1);
        bool tripped = p->m.books.hold[c].cause == TERMINAL_REASON_AIRCON;
        if (tripped && p->now_ms - gone < r->unplugged_s * 1000)
            DIFFER(p, "circuit %d: unplugged for %lld ms only", c + 1,
                   (long long)(p->now_ms - gone));
        p->recognised += tripped;
        sure = watched(p, c);
    }
    if (sure)
        DIFFER(p, "circuit %d: the unplugged air conditioner was not noticed", c + 1);
}

static void write_learn(struct pair *p, int c, int seconds)
{
    struct op op = {
        .kind = OP_frame, .a = 0x14, .len = 14, .data = {(uint8_t)(c + 1), 0x23, 0x80, 0x04, 2}};
    memcpy(op.data + 5, p->m.config.password[0], 3);
    op.data[12] = (uint8_t)seconds;
    if (drive_quiet(p))
        drive_frame(p, &op);
    drive_check(p);
}

/* Reads the white list of the library; the new entry must be near to w. */
static bool learnt(struct pair *p, int c, int w)
{
    struct m_rules *r = &p->m.guard.rules[c];
    const struct terminal_rules *got = &p->t.guard.circuit[c];
    int fresh = 0;
    for (int i = 0; i < 8; i++) {
        int watts = got->load.white[i].power_mw / 1000;
        if (watts == r->white_w[i])
            continue;
        fresh++;
        if (abs(watts - w) * 100 > 2 * w || r->white_w[i] != 0)
            return false;
        r->white_w[i] = watts;
        r->white_var[i] = got->load.white[i].reactive_mvar / 1000;
    }
    if (fresh == 1)
        p->m.learn_until[c] = INT64_MIN;
    return fresh == 1;
}

void load_learn(struct pair *p, const struct op *op)
{
    int c = (int)op->a - 1, w = (int)op->b, before = 0;
    struct m_world *world = &p->world[c];
    bool sure = empty(world) && p->mains_dv == 2200 && !world->fed && p->told == 0, full = true;
    world->standby_ma = 0;
    samples(p, 4);
    for (int i = 0; i < 8 && c < p->m.setup.circuits; i++)
        full = full && p->m.guard.rules[c].white_w[i] != 0;
    if (!sure || full || !watched(p, c) || !p->m.guard.rules[c].malignant ||
        drive_heat(&p->m, c, w) != HEAT_SURE)
        return;
    write_learn(p, c, 200);
    if (!drive_quiet(p))
        return;
    before = (int)p->m.books.trips;
    world->heater_w = w;
    for (int64_t ms = 0; ms < 3000 && drive_quiet(p); ms += p->sample_ms) {
        drive_measure(p, p->sample_ms);
        sure = sure && watched(p, c);
    }
    sure = sure && !p->dead && before == (int)p->m.books.trips;
    if (p->difference[0] == 0 && !learnt(p, c, w) && sure) /* also if power failed just then */
        DIFFER(p, "circuit %d: a heater of %d W was not learnt", c + 1, w);
    drive_check(p);
    write_learn(p, c, 0);
}

void load_plug(struct pair *p, const struct op *op)
{
    struct m_world *w = &p->world[op->a - 1];
    if (op->b == 0 && w->heater_w > 0) { /* one after the other */
        w->heater_w = 0;
        samples(p, 3);
    }
    if (op->b == 0)
        w->heater_w = (int)op->c;
    else if (op->b == 4)
        w->standby_ma = (int)op->c;
    else if (op->b == 5)
        w->fed_w = (int)op->c;
    else
        w->motor_w[op->b - 1] = (int)op->c;
    w->fed = w->fed || w->fed_w > 0;
    samples(p, 3);
}
