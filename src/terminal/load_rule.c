/*
 * What a step is. One table, first match. A resistance draws current of the voltage's own shape and
 * phase; each rule asks what else the step shows, and which disguise would explain it.
 */
#include "terminal/load.h"

struct load_settings load_settings_default(void)
{
    return (struct load_settings){.limit_mw = 150'000,
                                  .sure_mw = 400'000,
                                  .nominal_dv = 2200,
                                  .white_permille = 50,
                                  .lamp_s = 20};
}

static const struct {
    const char *name, *en, *zh;
    bool forbidden;
} verdicts[LOAD_VERDICT_COUNT] = {
#define LOAD_VERDICT(name, text, forbidden, en, zh) {text, en, zh, forbidden},
#include "terminal/load_table.h"
#undef LOAD_VERDICT
};

static unsigned known(enum load_verdict v)
{
    return (unsigned)v < LOAD_VERDICT_COUNT ? (unsigned)v : (unsigned)LOAD_OTHER;
}

const char *load_verdict_name(enum load_verdict v)
{
    return verdicts[known(v)].name;
}

const char *load_verdict_en(enum load_verdict v)
{
    return verdicts[known(v)].en;
}

const char *load_verdict_zh(enum load_verdict v)
{
    return verdicts[known(v)].zh;
}

bool load_forbidden(enum load_verdict v)
{
    return verdicts[known(v)].forbidden;
}

/* --- what a step shows
 * ----------------------------------------------------------------------------- */

static int32_t size_of(int32_t v)
{
    return v < 0 ? -v : v;
}

/* Thousandths of the active power. */
static int32_t per_power(const struct load_step *s, int32_t v)
{
    return (int32_t)((int64_t)size_of(v) * 1000 / s->power_mw);
}

static int32_t reactive(const struct load_step *s)
{
    return s->has_reactive ? per_power(s, s->reactive_mvar) : 0;
}

static int32_t distortion(const struct load_step *s)
{
    return s->has_distortion ? per_power(s, s->distortion_mva) : 0;
}

static bool near(int32_t a, int32_t b, int32_t apart)
{
    return size_of(a - b) <= apart;
}

/* --- the rules
 * ------------------------------------------------------------------------------------- */

static bool is_off(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    return s->power_mw < 0;
}

static bool is_small(const struct load_step *s, const struct load_settings *set)
{
    return s->power_mw < set->limit_mw;
}

/* No other load keeps so still and so straight. The phase of a metering chip may be off by a few
 * degrees in either direction; a motor that hides its reactive power shows its third harmonic. */
static bool is_resistance(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    if (!s->has_reactive)
        return s->inrush <= 1150 && s->settled && !s->ramp;
    int32_t most = s->ramp ? 50 : s->reactive_mvar < 0 ? 135 : 110;
    return reactive(s) <= most && distortion(s) <= (s->ramp ? 50 : 100) &&
           (!s->has_third || s->third <= 60);
}

static bool is_pure(const struct load_step *s, const struct load_settings *set)
{
    return is_resistance(s, set) && s->inrush <= 1150;
}

/* A cold filament draws several times its power for a few cycles; no heating wire does. */
static bool is_lamp(const struct load_step *s, const struct load_settings *set)
{
    return is_resistance(s, set) && s->inrush > 1150 && s->has_reactive;
}

/* Half of the waves, whole or mixed with whole ones (0.707 to 0.9): much distortion, but nothing in
 * the odd harmonics. Where these are not measured, a power supply gives itself away by reactive
 * power: the capacitor behind its rectifier draws ahead of the voltage's crest. */
static bool is_half_wave(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    int32_t d = distortion(s);
    if (!s->has_reactive || !s->has_distortion || s->ramp || d < 300 || d > 1100)
        return false;
    return s->has_third ? reactive(s) <= 200 && s->third <= 80 : reactive(s) <= 60;
}

/* A resistance behind a phase-cut control at any angle up to a right one: reactive power, third
 * harmonic and distortion all follow from that angle (I3/I1 is Q/P up to a fifth, then three
 * quarters of what is more, and D/P a tenth more than Q/P). A motor's do not fit together: one with
 * a commutator has more third harmonic than reactive power. */
static bool is_phase_cut(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    int32_t q = reactive(s), third = q > 200 ? q - (q - 200) / 4 : q;
    return s->has_third && s->has_reactive && q >= 60 && q <= 650 && s->inrush <= 1100 &&
           near(s->third, third, 25 + q / 16) && near(distortion(s), q + 90, 60 + q / 6);
}

/* The most active power that a motor which shows this may have. Motors with a commutator have
 * little reactive power but distortion of an eighth or more; all others have reactive power of at
 * least three fifths of their active power, unless a capacitor takes it: then they still draw at
 * least twice their power when they start. */
static int64_t motor_most_mw(const struct load_step *s)
{
    int64_t q = size_of(s->reactive_mvar), by_reactive = q * 1000 / 620;
    int64_t by_distortion = s->has_distortion ? (int64_t)s->distortion_mva * 1000 / 120 : 0;
    int64_t by_start = (int64_t)s->power_mw * (s->inrush - 1000) / 1000;
    if (!s->has_third && reactive(s) <= 250)
        by_reactive = q * 8;
    int64_t most = by_reactive > by_distortion ? by_reactive : by_distortion;
    return most > by_start ? most : by_start;
}

static bool is_mixed(const struct load_step *s, const struct load_settings *set)
{
    return s->has_reactive && !s->ramp && s->settled && s->reactive_mvar > 0 &&
           s->power_mw - motor_most_mw(s) >= set->sure_mw;
}

static bool is_ramp(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    return s->ramp;
}

static bool is_electronic(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    return distortion(s) >= 250 && s->third >= 150;
}

static bool is_motor(const struct load_step *s, const struct load_settings *set)
{
    (void)set;
    return s->inrush >= 1080 || reactive(s) >= 110 || s->third >= 60;
}

static bool is_anything(const struct load_step *s, const struct load_settings *set)
{
    (void)s;
    (void)set;
    return true;
}

/* The white list stands between the first two and the others. */
static const struct {
    bool (*holds)(const struct load_step *s, const struct load_settings *set);
    enum load_verdict verdict;
} rules[] = {
    {is_off, LOAD_OFF},
    {is_small, LOAD_SMALL},
    {is_pure, LOAD_HEATING},
    {is_lamp, LOAD_LAMP},
    {is_half_wave, LOAD_HEATING_HALF},
    {is_phase_cut, LOAD_HEATING_CUT},
    {is_mixed, LOAD_HEATING_MIXED},
    {is_ramp, LOAD_RAMP},
    {is_electronic, LOAD_ELECTRONIC},
    {is_motor, LOAD_MOTOR},
    {is_anything, LOAD_OTHER},
};

/* 0: none. A load is that of an entry if both powers are as far from it as allowed at most, and as
 * the state before may have drifted. */
static uint8_t find_white(const struct load_step *step, const struct load_settings *s)
{
    for (uint8_t i = 0; i < LOAD_WHITE_MAX; i++) {
        const struct load_white *e = &s->white[i];
        int32_t apart =
            (int32_t)((int64_t)e->power_mw * s->white_permille / 1000) + step->unsure_mw;
        if (e->power_mw > 0 && near(step->power_mw, e->power_mw, apart) &&
            (!step->has_reactive || near(step->reactive_mvar, e->reactive_mvar, apart)))
            return (uint8_t)(i + 1);
    }
    return 0;
}

enum load_verdict load_judge(const struct load_step *step, const struct load_settings *s,
                             uint8_t *white)
{
    uint8_t found = 0;
    unsigned i = 0;
    while (!rules[i].holds(step, s))
        i++;
    if (rules[i].verdict != LOAD_OFF && rules[i].verdict != LOAD_SMALL)
        found = find_white(step, s);
    if (white)
        *white = found;
    return found ? LOAD_WHITE : rules[i].verdict;
}

bool load_plain_rule(const struct load_step *step)
{
    return step->power_mw >= 150'000 && step->factor >= 950;
}
