/*
 * What a step is. One table, first match. A resistance draws current of the voltage's own shape and
 * phase; each rule asks what else the step shows, and which disguise would explain it.
 */
#include "terminal/load_impl.h"

struct load_settings load_settings_default(void)
{
    return (struct load_settings){.limit_mw = 150'000,
                                  .sure_mw = 400'000,
                                  .nominal_dv = 2200,
                                  .white_permille = 50,
                                  .lamp_s = 20};
}

/* Apart from each other: what speaks to nobody does without the words. */
static const struct {
    const char *name, *en, *zh;
} words[LOAD_VERDICT_COUNT] = {
#define LOAD_VERDICT(name, text, forbidden, en, zh) {text, en, zh},
#include "terminal/load_table.h"
#undef LOAD_VERDICT
};

static const bool forbidden[LOAD_VERDICT_COUNT] = {
#define LOAD_VERDICT(name, text, forbidden, en, zh) forbidden,
#include "terminal/load_table.h"
#undef LOAD_VERDICT
};

static unsigned known(enum load_verdict v)
{
    return (unsigned)v < LOAD_VERDICT_COUNT ? (unsigned)v : (unsigned)LOAD_OTHER;
}

const char *load_verdict_name(enum load_verdict v)
{
    return words[known(v)].name;
}

const char *load_verdict_en(enum load_verdict v)
{
    return words[known(v)].en;
}

const char *load_verdict_zh(enum load_verdict v)
{
    return words[known(v)].zh;
}

bool load_forbidden(enum load_verdict v)
{
    return forbidden[known(v)];
}

/* --- what a step shows
 * ----------------------------------------------------------------------------- */

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

struct within {
    const struct load_settings *set;
    const struct load_bounds *bounds;
};

static bool is_off(const struct load_step *s, const struct within *in)
{
    (void)in;
    return s->power_mw < 0;
}

static bool is_small(const struct load_step *s, const struct within *in)
{
    return s->power_mw < in->set->limit_mw;
}

/* How far a step may be from a resistance in thousandths of its active power: each alone, all of
 * them as the squares of their shares. A metering chip is off by a fraction of a degree, a mains
 * that is no sine has its harmonics in the current too. What is ahead of the voltage has a
 * capacitor before it and is held to a quarter: power supplies with correction show little else. */
const struct load_bounds load_bounds_default = {.behind = 80,
                                                .ahead = 20,
                                                .distortion = 85,
                                                .distortion_alone = 130,
                                                .third = 60,
                                                .still = 8,
                                                .still_mw = 3'000,
                                                .plug_least_mw = 250'000,
                                                .fuser_most_mw = 1'000'000};

static int32_t part(int32_t v, int32_t most)
{
    int32_t p = v * 100 / most;
    return p > 1000 ? 1'000'000 : p * p;
}

/* In ten-thousandths; 10'000 is as far as it may be. */
static int32_t impurity(const struct load_step *s, const struct load_bounds *b)
{
    int32_t far = part(reactive(s), s->reactive_mvar < 0 ? b->ahead : b->behind);
    far += part(distortion(s), s->has_third ? b->distortion : b->distortion_alone);
    return far + (s->has_third ? part(s->third, b->third) : 0);
}

/* No other load keeps so still and so straight. What came in steps, or slowly, may be an inverter:
 * it is asked for twice as much, and for steps that a switch makes. */
static bool is_resistance(const struct load_step *s, const struct within *in)
{
    if (!s->has_reactive)
        return s->inrush <= 1150 && s->settled && !s->ramp &&
               s->power_mw >= (s->slow ? in->bounds->plug_least_mw : in->set->sure_mw);
    return impurity(s, in->bounds) <= (s->ramp ? 2'500 : 10'000) && !s->smooth;
}

/* A heating wire draws the same from one second to the next. A fuser does not: it warms up beside
 * motors, and hot glass round it changes what it draws. */
static bool is_still(const struct load_step *s, const struct load_bounds *b)
{
    return s->unrest_mw <= b->still_mw + s->power_mw / 1000 * b->still;
}

/* A cold filament draws several times its power for a few cycles; no heating wire does. Who reads
 * active power alone, and seldom, does not see them: what may be the fuser of a printer is taken
 * for it at first, unless it keeps still. */
static bool is_cold(const struct load_step *s, const struct load_bounds *b)
{
    if (!s->has_reactive)
        return s->slow && s->power_mw <= b->fuser_most_mw && !is_still(s, b);
    return s->bursts || (s->inrush > 1150 && s->cold);
}

static bool is_pure(const struct load_step *s, const struct within *in)
{
    return is_resistance(s, in) && s->inrush <= 1150 && !is_cold(s, in->bounds);
}

static bool is_lamp(const struct load_step *s, const struct within *in)
{
    return is_resistance(s, in) && is_cold(s, in->bounds);
}

/* The same filament of a radiant heater: what is too much for a fuser need not be waited for. */
static bool is_radiant(const struct load_step *s, const struct within *in)
{
    return s->has_reactive && s->settled && s->power_mw > LOAD_FUSER_MOST_MW && is_lamp(s, in);
}

/* Half of the waves, whole or mixed with whole ones (0.707 to 0.9): much distortion, but nothing in
 * the odd harmonics. Where these are not measured, a power supply gives itself away by reactive
 * power: the capacitor behind its rectifier draws ahead of the voltage's crest. Beside a motor it
 * may not, but both start. */
static bool is_half_wave(const struct load_step *s)
{
    int32_t d = distortion(s);
    if (!s->has_reactive || !s->has_distortion || !s->settled || s->ramp || d < 300 || d > 1100)
        return false;
    return s->has_third ? reactive(s) <= 200 && s->third <= 80 : reactive(s) <= 60;
}

static bool is_cold_half_wave(const struct load_step *s, const struct within *in)
{
    return is_half_wave(s) && is_cold(s, in->bounds);
}

static bool is_warm_half_wave(const struct load_step *s, const struct within *in)
{
    (void)in;
    return is_half_wave(s) && (s->has_third || s->inrush <= 1150);
}

/* A phase cut where no harmonics are measured: reactive power and distortion fit one angle of 48
 * (read slowly: 55) to 100 degrees. So may those of a motor beside a supply, or of an oven, but a
 * motor starts, and an oven's magnetron follows its fan. */
static bool is_bare_cut(const struct load_step *s, const struct within *in)
{
    int32_t q = reactive(s);
    return s->has_distortion && s->settled && !s->ramp && !s->soft && !s->follows &&
           s->reactive_mvar > 0 && q >= (s->slow ? 250 : 170) && q <= 800 && s->inrush <= 1020 &&
           s->power_mw >= in->set->sure_mw && near(distortion(s), q + q / 10 + 70, 30 + q / 20);
}

/* A resistance behind a phase-cut control at any angle up to 100 degrees: reactive power, third and
 * fifth harmonic and distortion all follow from that angle (I3/I1 is Q/P up to a fifth, then three
 * quarters of what is more; D/P a tenth more than Q/P; I5/I1 below I3/I1 by its square, a sixth at
 * most). A motor's or an oven's do not fit together: their fifth is much less. What came
 * slowly may be an inverter with harmonics of a narrow cut, and is asked for 60 degrees. */
static bool is_phase_cut(const struct load_step *s, const struct within *in)
{
    if (!s->has_third)
        return is_bare_cut(s, in);
    int32_t q = reactive(s), third = q > 200 ? q - (q - 200) / 4 : q;
    int32_t fifth = s->third > 300 ? 170 : s->third - (int32_t)s->third * s->third / 650;
    return s->has_third && s->has_reactive && s->reactive_mvar > 0 && q >= (s->ramp ? 250 : 60) &&
           q <= 800 && s->inrush <= 1100 && near(s->third, third, 25 + q / 16) &&
           near(distortion(s), q + 90, 60 + q / 6) &&
           (s->fifth == 0 || near(s->fifth, fifth, fifth / 5 + 8));
}

/* The most active power that what is allowed may have, if it shows this, in one of four ways. */
#define COMMUTATOR_MOST                                                                            \
    INT64_C(2'400'000)                     /* a vacuum cleaner: distortion of a twelfth at least   \
                                            */
#define SUPPLY_MOST INT64_C(1'000'000)     /* computers: a twentieth at least, and an induction */
#define COMPRESSOR_MOST INT64_C(2'200'000) /* that was seen starting: a large air conditioner */
#define CAPACITOR_MOST                                                                             \
    INT64_C(1'500'000) /* motor's reactive power is three fifths of its active                     \
                        */

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t allowed_most_mw(const struct load_step *s)
{
    int64_t q = s->reactive_mvar > 0 ? s->reactive_mvar : 0, d = s->distortion_mva;
    bool whole = s->has_third || (s->has_distortion && d * 40 > s->power_mw);
    int64_t ahead = s->reactive_mvar < 0 ? -(int64_t)s->reactive_mvar : 0;
    int64_t most = q * 1000 / 620 + least_of(most_of(d * 20, ahead * 50), SUPPLY_MOST);
    if (q > 0 && whole)
        most = most_of(most, least_of(d * 12, COMMUTATOR_MOST));
    if (!whole && reactive(s) <= 250) /* who knows what of Q is distortion */
        most = most_of(most, q * 8);
    if (s->slow)
        most = most_of(most, least_of(q * 20, CAPACITOR_MOST));
    /* a motor with a capacitor: it draws at least twice its power when it starts */
    int64_t started = (int64_t)s->power_mw * (s->inrush - 1000) / 1000;
    return most_of(most, s->has_third ? least_of(started, COMPRESSOR_MOST) : started);
}

/* The same of a motor that was seen starting, by the shape of its start. A commutator motor that
 * saturates has more third harmonic then than when it runs, and seems smaller: its distortion is an
 * eighth at least, and less than half as much fifth as third harmonic. */
static int64_t shaped_most_mw(const struct load_step *s)
{
    bool commutator = s->fifth * 2 <= s->third;
    return most_of((int64_t)s->motor_mw * 3 / 2,
                   commutator ? least_of((int64_t)s->distortion_mva * 8, COMMUTATOR_MOST) : 0);
}

/* An edge of its own within the step. Where harmonics say that it is pure, a third of the step is
 * enough. */
static bool has_edge(const struct load_step *s, const struct within *in)
{
    int64_t least_mw = in->set->sure_mw;
    if (s->has_third)
        least_mw = least_of(least_mw, s->power_mw / 3);
    return !s->slow && s->edge_mw >= least_mw && s->edge_mw <= s->power_mw + s->power_mw / 20;
}

/* More than all that is allowed could be: by what the step shows at its end, by the shape of what
 * started beside it, or by an edge of its own within the step. */
static bool is_mixed(const struct load_step *s, const struct within *in)
{
    if (!s->has_reactive || s->ramp || s->bursts || (!s->settled && (s->slow || !s->has_third)))
        return false;
    if (s->slow && s->power_mw <= in->bounds->fuser_most_mw)
        return false; /* a fuser beside the printer's own supply */
    if (has_edge(s, in))
        return true;
    if (s->soft)
        return false;
    int64_t most_mw = allowed_most_mw(s);
    if (!s->settled)
        most_mw += most_mw / 2; /* a start that goes on */
    else if (s->motor_mw > 0)
        most_mw = most_of(shaped_most_mw(s),
                          (int64_t)(s->reactive_mvar > 0 ? s->reactive_mvar : 0) * 1000 / 620);
    return s->power_mw - most_mw >= in->set->sure_mw;
}

static bool is_ramp(const struct load_step *s, const struct within *in)
{
    (void)in;
    return s->ramp;
}

static bool is_electronic(const struct load_step *s, const struct within *in)
{
    (void)in;
    return distortion(s) >= 250 && s->third >= 150;
}

static bool is_motor(const struct load_step *s, const struct within *in)
{
    (void)in;
    return s->inrush >= 1080 || reactive(s) >= 110 || s->third >= 60;
}

static bool is_anything(const struct load_step *s, const struct within *in)
{
    (void)s;
    (void)in;
    return true;
}

/* The white list stands between the first two and the others. */
static const struct {
    bool (*holds)(const struct load_step *s, const struct within *in);
    enum load_verdict verdict;
} rules[] = {
    {is_off, LOAD_OFF},
    {is_small, LOAD_SMALL},
    {is_pure, LOAD_HEATING},
    {is_radiant, LOAD_HEATING_LAMP},
    {is_lamp, LOAD_LAMP},
    {is_cold_half_wave, LOAD_LAMP},
    {is_warm_half_wave, LOAD_HEATING_HALF},
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

enum load_verdict load_judge_within(const struct load_bounds *b, const struct load_step *step,
                                    const struct load_settings *s, uint8_t *white)
{
    const struct within in = {s, b};
    uint8_t found = 0;
    unsigned i = 0;
    while (!rules[i].holds(step, &in))
        i++;
    if (rules[i].verdict != LOAD_OFF && rules[i].verdict != LOAD_SMALL)
        found = find_white(step, s);
    if (white)
        *white = found;
    return found ? LOAD_WHITE : rules[i].verdict;
}

enum load_verdict load_judge(const struct load_step *step, const struct load_settings *s,
                             uint8_t *white)
{
    return load_judge_within(&load_bounds_default, step, s, white);
}

bool load_plain_rule(const struct load_step *step)
{
    return step->power_mw >= 150'000 && step->factor >= 950;
}
