#include "bench/loads_world.h"

#include <math.h>

#define WAVE 128
#define ROOT2 1.41421356237309505

const char *kind_name(enum kind k)
{
    static const char *const names[KINDS] = {
        "supply, uncorrected", "supply, corrected", "universal motor", "induction motor",
        "capacitor motor",     "microwave oven",    "inverter",        "printer (fuser)",
        "resistance",          "half wave",         "phase cut",       "hair dryer",
        "radiant heater"};
    return names[k];
}

bool kind_forbidden(enum kind k)
{
    return k >= KIND_RESISTANCE;
}

const char *chip_name(enum chip c)
{
    static const char *const names[CHIPS] = {"cycles, with harmonics", "cycles, without harmonics",
                                             "seconds, with harmonics"};
    return names[c];
}

static double between(struct rand_stream *r, double least, double most)
{
    return least + (most - least) * (double)rand_below(r, 1'000'001) / 1'000'000;
}

struct mains draw_mains(struct rand_stream *r)
{
    struct mains m = {.volts = between(r, 205, 238),
                      .wander = between(r, 0, 3),
                      .phase_error = between(r, -0.006, 0.006)};
    static const double most[4] = {0.03, 0.03, 0.015, 0.01};
    for (int i = 0; i < 4; i++) {
        m.harmonic[i] = between(r, 0, most[i]);
        m.angle[i] = between(r, 0, 2 * M_PI);
    }
    return m;
}

/* least and most: watts, angle (rad, of the current or of the cut), third, fifth, inrush, its time,
 * capacitor (var), wobble of the power */
static const double bounds[KINDS][8][2] = {
    [KIND_PULSES] =
        {{60, 500}, {1.25, 1.45}, {0.3, 0.6}, {0, 0}, {1, 4}, {10, 30}, {2, 20}, {0.002, 0.03}},
    [KIND_CORRECTED] = {{80, 900},
                        {0, 0.02},
                        {0.01, 0.10},
                        {0.01, 0.06},
                        {1, 3},
                        {10, 40},
                        {15, 60},
                        {0.002, 0.03}},
    [KIND_UNIVERSAL] = {{200, 2200},
                        {0.06, 0.35},
                        {0.09, 0.2},
                        {0.01, 0.03},
                        {1.2, 2.5},
                        {60, 400},
                        {0, 10},
                        {0.002, 0.01}},
    [KIND_INDUCTION] = {{60, 700},
                        {0.7, 1.1},
                        {0.01, 0.1},
                        {0.01, 0.03},
                        {3, 6},
                        {40, 150},
                        {0, 0},
                        {0.002, 0.02}},
    [KIND_CAPACITOR] = {{60, 1400},
                        {0.05, 0.35},
                        {0.03, 0.09},
                        {0.01, 0.04},
                        {1.5, 5},
                        {50, 300},
                        {0, 0},
                        {0.001, 0.01}},
    [KIND_MICROWAVE] = {{900, 1500},
                        {0.1, 0.5},
                        {0.15, 0.35},
                        {0.03, 0.1},
                        {1, 1.3},
                        {100, 400},
                        {0, 0},
                        {0.002, 0.01}},
    [KIND_INVERTER] = {{500, 1500},
                       {0, 0.02},
                       {0.01, 0.1},
                       {0.01, 0.05},
                       {1, 1},
                       {6'000, 30'000},
                       {40, 160},
                       {0.002, 0.01}},
    [KIND_FUSER] =
        {{450, 1000}, {0, 0}, {0.3, 0.6}, {0, 0}, {3, 8}, {30, 120}, {3, 10}, {0.002, 0.02}},
    [KIND_RESISTANCE] =
        {{200, 3000}, {0, 0}, {0, 0}, {0, 0}, {1, 1.03}, {100, 2'000}, {0, 0}, {0, 0.0005}},
    [KIND_HALF_WAVE] =
        {{200, 1500}, {0, 0}, {0, 0}, {0, 0}, {1, 1}, {100, 200}, {0, 0}, {0, 0.0005}},
    [KIND_PHASE_CUT] =
        {{250, 1800}, {0.6, 1.6}, {0, 0}, {0, 0}, {1, 1}, {100, 200}, {0, 0}, {0, 0.0005}},
    [KIND_HAIR_DRYER] =
        {{300, 2000}, {0.1, 0.3}, {0.1, 0.2}, {0, 0}, {1, 1.05}, {100, 400}, {0, 0}, {0, 0.002}},
    [KIND_RADIANT] = {{400, 2000}, {0, 0}, {0, 0}, {0, 0}, {2, 6}, {30, 300}, {0, 0}, {0, 0.001}},
};

struct appliance draw_appliance(struct rand_stream *r, enum kind kind)
{
    double v[8];
    for (int i = 0; i < 8; i++)
        v[i] = between(r, bounds[kind][i][0], bounds[kind][i][1]);
    return (struct appliance){.kind = kind,
                              .watts = v[0],
                              .angle = v[1],
                              .third = v[2],
                              .fifth = v[3],
                              .inrush = v[4],
                              .settle_ms = v[5],
                              .ahead_var = v[6],
                              .wobble = v[7],
                              .burst_ms = between(r, 1'500, 15'000),
                              .pause_ms = between(r, 3'000, 15'000),
                              .off_ms = 1e9};
}

/* Pulses at the crest, of one watt at 220 V. */
static double pulses(double a, double crest, double width)
{
    double at = fmod(a, M_PI) - crest, v = fabs(at) < width ? cos(at / width * M_PI / 2) : 0;
    return (a < M_PI ? 1 : -1) * v / (4 * width / M_PI * ROOT2 / M_PI * 220) / 1.0;
}

static double motor(const struct appliance *p, double watts, double a, double start)
{
    double amplitude = ROOT2 * watts / 220 / cos(p->angle) * start;
    return amplitude * (sin(a - p->angle) - p->third * sin(3 * (a - p->angle)) +
                        p->fifth * sin(5 * (a - p->angle)));
}

/* What it draws: u the voltage at time angle a of a cycle, ms since it was switched on, `w` its
 * power at this moment. */
static double current(const struct appliance *p, double u, double a, double ms, double w)
{
    double start = 1 + (p->inrush - 1) * exp(-ms / p->settle_ms), g = w / 220 / 220;
    double ahead = ROOT2 * p->ahead_var / 220 * cos(a);
    switch (p->kind) {
    case KIND_PULSES:
        return pulses(a, p->angle, p->third) * w * start + ahead;
    case KIND_CORRECTED:
        return motor(p, w, a, start) + ahead;
    case KIND_INVERTER:
        return motor(p, w * (0.1 + 0.9 * fmin(1, ms / p->settle_ms)), a, 1) + ahead;
    case KIND_MICROWAVE:
        return ms < 1'200 ? motor(p, 70, a, 1)
                          : motor(p, w, a, 1 + (start - 1) * exp(1'200 / p->settle_ms));
    case KIND_FUSER: {
        double phase = fmod(ms, p->burst_ms + p->pause_ms);
        double hot = phase < p->burst_ms ? 1 + (p->inrush - 1) * exp(-phase / p->settle_ms) : 0;
        return pulses(a, 1.35, p->third) * 30 + g * u * hot + ahead;
    }
    case KIND_HALF_WAVE:
        return u > 0 ? 2 * g * u : 0;
    case KIND_PHASE_CUT:
        return fmod(a, M_PI) >= p->angle ? g * u : 0;
    case KIND_HAIR_DRYER:
        return g * u * 0.95 + motor(p, w * 0.05, a, start);
    case KIND_RESISTANCE:
    case KIND_RADIANT:
        return g * u * start;
    default:
        return motor(p, w, a, start);
    }
}

static double voltage(const struct mains *m, double volts, double a)
{
    double u = sin(a);
    for (int i = 0; i < 4; i++)
        u += m->harmonic[i] * sin((2 * i + 3) * a + m->angle[i]);
    return ROOT2 * volts * u;
}

struct load_sample measure(const struct mains *m, const struct appliance *a, size_t count,
                           double ms, bool harmonics, struct rand_stream *r)
{
    static double sines[2 * WAVE]; /* of half steps */
    if (sines[1] == 0)
        for (int k = 0; k < 2 * WAVE; k++)
            sines[k] = sin(M_PI * k / WAVE);
    double volts = m->volts + m->wander * sin(ms / 7'000 * 2 * M_PI), real = 0, uu = 0, ii = 0;
    double re[17] = {0}, im[17] = {0}, watts[8];
    for (size_t n = 0; n < count; n++)
        watts[n] = a[n].watts * (1 + a[n].wobble * between(r, -1, 1));
    for (int k = 0; k < WAVE; k++) {
        double at = 2 * M_PI * (k + 0.5) / WAVE, u = voltage(m, volts, at), i = 0;
        for (size_t n = 0; n < count; n++)
            if (ms >= a[n].on_ms && ms < a[n].off_ms)
                i += current(&a[n], u, at, ms - a[n].on_ms, watts[n]);
        real += u * i / WAVE;
        uu += u * u / WAVE;
        ii += i * i / WAVE;
        for (int h = 1; h <= 15; h += 2) {
            int turn = (h * (2 * k + 1)) % (2 * WAVE); /* half steps */
            re[h] += i * sines[turn] * ROOT2 / WAVE;
            im[h] += i * sines[(turn + WAVE / 2) % (2 * WAVE)] * ROOT2 / WAVE;
        }
    }
    double q = -im[1] * volts + m->phase_error * real, noise = between(r, -1, 1);
    struct load_sample x = {.now = {(int64_t)ms},
                            .power_mw = (int32_t)(real * 1'000 * (1 + 0.001 * noise) + 500 * noise),
                            .reactive_mvar = (int32_t)(q * 1'000 + 500 * between(r, -1, 1)),
                            .current_ma =
                                (uint32_t)(sqrt(ii) * 1'000 * (1 + 0.0005 * between(r, -1, 1))),
                            .voltage_dv = (uint16_t)(sqrt(uu) * 10),
                            .has_reactive = true,
                            .has_current = true,
                            .has_harmonics = harmonics};
    for (int h = 0; h < LOAD_HARMONICS && harmonics; h++)
        x.harmonic_ma[h] = (uint32_t)(hypot(re[2 * h + 3], im[2 * h + 3]) * 1'000);
    return x;
}
