#include "terminal/load.h"

#include <string.h>

#include "terminal/load_impl.h"

#define HAS_REACTIVE 1
#define HAS_DISTORTION 2
#define HAS_THIRD 4

#define STEADY_MS 160 /* a state that stood so long is steady */
#define SLOW_MS 200   /* samples further apart than this come "slowly" */
#define SLOW_SAMPLES 2
#define PATIENCE_MS 900 /* then what moves is told as it is */
#define SLOW_PATIENCE_MS 4'000
#define SLOW_WAY 2 /* samples on the way: a switch falls into one slow sample, not into two */
#define PLUG_STEADY_MS 2'000 /* active power alone: a compressor starts within two seconds */
#define TOLERANCE_MW 12'000
#define TOLERANCE_PERMILLE 25
#define BRIEF_MW 30'000 /* a start of one cycle: what is left of it in the next */
#define SHAPE_MW 60'000 /* so much of a start must have gone to show its shape */
#define EDGE_MW 250'000
#define BURST_TURNS 4         /* down, up, down, up; a plug that is pushed in bounces once */
#define START_MS 1'500        /* a rotor that stands still longer is taken off by its protection */
#define RAMP_MS 3'000         /* what took longer came slowly */
#define RISING_MS 2'500       /* a ramp goes on after that; a magnetron waits for its filament */
#define RISES_PERMILLE 1050   /* of inrush: it does not come down */
#define OPENS_MS 2'500        /* a soft start is over then */
#define JUMP_PART 5           /* of a step in two cycles: a switch */
#define RAISED_LEAST_MS 2'000 /* a supply has charged its capacitors, a motor has run up */
#define RAISED_MS 10'000      /* a heater is raised within that; an inverter takes longer, */
#define RAISED_W_PER_S 80     /* and its rotor is not made faster so quickly */
#define RESTS_MS 900          /* what has not risen for so long has come to rest */
#define WARM_MS 4'000         /* a filament glows then */
#define LAMP_MOST_MW 250'000  /* what starts like a lamp, is larger and goes on is a heater */
#define SWUNG_MVAR 90'000     /* of less nothing can be said */
#define CREEP_MS 60'000       /* small steps within this time belong together */
#define LEVEL_MAX 30'000'000  /* mW, mvar, mVA */
#define LOAD_MEAN 64          /* samples an old mean rests on */

/* --- arithmetic
 * ------------------------------------------------------------------------------------- */

/* The bits begin at the highest that can be one: small processors count them. */
uint32_t load_root(uint64_t v)
{
    uint64_t r = 0;
    if (v <= UINT32_MAX) { /* half the words, a quarter of the work */
        uint32_t low = (uint32_t)v, root32 = 0, bit32 = UINT32_C(1) << 30;
        while (bit32 > low)
            bit32 >>= 2;
        for (; bit32; bit32 >>= 2) {
            bool fits = low >= root32 + bit32;
            low -= fits ? root32 + bit32 : 0;
            root32 = (root32 >> 1) + (fits ? bit32 : 0);
        }
        return root32;
    }
    uint64_t bit = UINT64_C(1) << 62;
    while (bit > v)
        bit >>= 2;
    for (; bit; bit >>= 2) {
        bool fits = v >= r + bit;
        if (fits)
            v -= r + bit;
        r = (r >> 1) + (fits ? bit : 0);
    }
    return (uint32_t)r;
}

static int32_t least_of(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t most_of(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static uint16_t permille(int64_t part, int64_t whole)
{
    int64_t r = whole > 0 ? part * 1000 / whole : 0;
    return (uint16_t)(r > 9999 ? 9999 : r < 0 ? 0 : r);
}

/* --- a sample at nominal voltage
 * -------------------------------------------------------------------- */

/* No circuit of a terminal carries 30 kVA; sums of LOAD_MEAN of them fit into 32 bits. */
static int32_t clamp(int64_t v)
{
    return v > LEVEL_MAX ? LEVEL_MAX : v < -LEVEL_MAX ? -LEVEL_MAX : (int32_t)v;
}

/* A resistance's power goes with the square of the voltage. One short division a sample. */
static uint32_t scale_of(uint32_t nominal_dv, uint32_t voltage_dv)
{
    uint32_t ratio = voltage_dv == 0 ? 4096 : nominal_dv * 4096 / voltage_dv;
    return ratio > 8192 ? 16'384
                        : ratio * ratio >> 12; /* below half the voltage nothing is judged */
}

static int32_t at_nominal(int32_t v, uint32_t scale)
{
    return clamp((int64_t)v * scale / 4096);
}

static uint64_t harmonics_squared(const struct load_sample *x)
{
    uint64_t sum = 0;
    for (unsigned i = 0; x->has_harmonics && i < LOAD_HARMONICS; i++)
        sum += square(x->harmonic_ma[i]);
    return sum;
}

/* mVA that are neither active nor reactive: from the current, else from the harmonics. Where the
 * "reactive" power is all that is not active, the harmonics' part is taken out of it. */
static void part_reactive(const struct load_sample *x, uint32_t voltage_dv, struct load_level *l)
{
    uint64_t h = harmonics_squared(x);
    int32_t by_harmonics = clamp((int64_t)load_root(h) * voltage_dv / 10);
    uint64_t apparent =
        square(x->current_ma * (voltage_dv / 10) + x->current_ma / 10 * (voltage_dv % 10));
    uint64_t known = square(x->power_mw) + square(x->reactive_mvar);
    int32_t by_current =
        x->has_current && apparent > known ? clamp((int64_t)load_root(apparent - known)) : 0;
    if (x->has_harmonics && x->has_current && apparent < known + known / 200 &&
        by_harmonics > by_current && by_harmonics <= size_of(x->reactive_mvar)) {
        int32_t sign = x->reactive_mvar < 0 ? -1 : 1;
        l->reactive_mvar =
            sign * (int32_t)load_root(square(x->reactive_mvar) - square(by_harmonics));
    }
    /* the difference of two large squares says nothing within what they may be off */
    if (x->has_harmonics && x->has_current &&
        apparent < known + known / 500 + (uint64_t)load_root(known) * 3'000)
        by_current = 0;
    l->distortion_mva = by_current > by_harmonics ? by_current : by_harmonics;
}

static struct load_level read_level(struct load_watch *w, const struct load_settings *s,
                                    const struct load_sample *x)
{
    struct load_level l = {.power_mw = x->power_mw,
                           .reactive_mvar = x->has_reactive ? x->reactive_mvar : 0};
    if (x->voltage_dv && (x->voltage_dv != w->voltage_dv || w->scale == 0)) {
        w->voltage_dv = x->voltage_dv;
        w->scale = scale_of(s->nominal_dv, x->voltage_dv);
    }
    uint32_t dv = w->voltage_dv ? w->voltage_dv : s->nominal_dv;
    uint32_t scale = w->scale ? w->scale : 4096;
    if (x->has_reactive && (x->has_current || x->has_harmonics))
        part_reactive(x, dv, &l);
    if (x->has_harmonics) {
        l.third_ma = clamp((int64_t)x->harmonic_ma[0] * s->nominal_dv / dv);
        l.fifth_ma = clamp((int64_t)x->harmonic_ma[1] * s->nominal_dv / dv);
    }
    l.power_mw = at_nominal(clamp(l.power_mw), scale);
    l.reactive_mvar = at_nominal(clamp(l.reactive_mvar), scale);
    l.distortion_mva = at_nominal(l.distortion_mva, scale);
    w->flags =
        (uint8_t)((x->has_reactive ? HAS_REACTIVE : 0) |
                  (x->has_reactive && (x->has_current || x->has_harmonics) ? HAS_DISTORTION : 0) |
                  (x->has_harmonics ? HAS_THIRD : 0));
    return l;
}

/* --- agreeing samples
 * ------------------------------------------------------------------------------- */

static int32_t tolerance_of(const struct load_level *a)
{
    return TOLERANCE_MW + size_of(a->power_mw) / 1000 * TOLERANCE_PERMILLE;
}

static bool agrees(const struct load_level *a, const struct load_level *b)
{
    int32_t tolerance = tolerance_of(a);
    return size_of(a->power_mw - b->power_mw) <= tolerance &&
           size_of(a->reactive_mvar - b->reactive_mvar) <= tolerance;
}

static void begin_run(struct load_watch *w, const struct load_level *l, mono_ms now)
{
    w->run = *l;
    w->run_since = now;
    w->run_count = 0;
    w->run_least_mw = w->run_most_mw = l->power_mw;
    memset(w->sum, 0, sizeof w->sum);
}

/* The mean of those that agree; an old mean moves slowly. */
static void join_run(struct load_watch *w, const struct load_level *l)
{
    const int32_t values[5] = {l->power_mw, l->reactive_mvar, l->distortion_mva, l->third_ma,
                               l->fifth_ma};
    if (w->run_count >= LOAD_MEAN) {
        for (unsigned i = 0; i < 5; i++)
            w->sum[i] /= 2;
        w->run_count = (uint16_t)(w->run_count / 2);
    }
    w->run_count++;
    w->run_least_mw = least_of(w->run_least_mw, l->power_mw);
    w->run_most_mw = most_of(w->run_most_mw, l->power_mw);
    for (unsigned i = 0; i < 5; i++)
        w->sum[i] += values[i];
    int32_t n = w->run_count;
    w->run = (struct load_level){w->sum[0] / n, w->sum[1] / n, w->sum[2] / n, w->sum[3] / n,
                                 w->sum[4] / n};
}

/* --- a step
 * ------------------------------------------------------------------------------------------ */

static uint32_t in_phase_of(const struct load_step *step)
{
    return load_root(square(step->power_mw) + square(step->reactive_mvar));
}

/* mVA over 0.1 V are 10 mA each. */
void load_read_shares(const struct load_settings *s, struct load_step *step)
{
    int64_t whole = 10 * (int64_t)in_phase_of(step);
    step->third = permille((int64_t)size_of(step->third_ma) * s->nominal_dv, whole);
    step->fifth = permille((int64_t)size_of(step->fifth_ma) * s->nominal_dv, whole);
}

/* The third harmonic that is left tells how much of the current is the motor's own, if it is as
 * large a share of it as it was of what has gone; all reactive power is the motor's. */
static int32_t read_motor(const struct load_step *step, uint32_t gone_mva, int64_t gone_ma)
{
    int64_t motor_mva = clamp((int64_t)step->third_ma * gone_mva / gone_ma);
    uint64_t all = square(motor_mva), known = square(step->reactive_mvar);
    return most_of((int32_t)(all > known ? load_root(all - known) : 0), (int32_t)(motor_mva / 4));
}

/* A phase-cut control gives as much third harmonic as reactive power; no motor does, and a supply
 * gives more. */
static bool near(int64_t third_mva, int64_t mvar)
{
    return third_mva * 10 >= mvar * 6 && third_mva * 10 <= mvar * 14;
}

/* What has gone since the peak was the start of a filament, a motor or a power supply, and has its
 * shape. A filament heats up within the cycle: that looks like some reactive power and third
 * harmonic. */
static void read_start(const struct load_watch *w, const struct load_settings *s,
                       struct load_step *step)
{
    bool brief = w->second.power_mw - w->run.power_mw < BRIEF_MW;
    const struct load_trace *start = brief ? &w->peak : &w->second;
    int64_t gone_mw = start->power_mw - w->run.power_mw;
    int64_t gone_mvar = start->reactive_mvar - w->run.reactive_mvar;
    int64_t gone_ma = start->third_ma - w->run.third_ma;
    int64_t third_mva = gone_ma * s->nominal_dv / 10;
    bool cut = gone_mvar > 0 && near(third_mva, gone_mvar) && gone_mvar < 2 * gone_mw;
    bool hidden = step->slow && !step->has_third;
    step->cold = hidden || cut || (gone_mvar * 10 < gone_mw && third_mva * 12 < gone_mw);
    if (step->has_third && !step->slow && step->third_ma > 0 && gone_mw >= SHAPE_MW &&
        third_mva * 20 >= gone_mw)
        step->motor_mw = read_motor(step, load_root(square(gone_mw) + square(gone_mvar)), gone_ma);
}

static void make_step(const struct load_watch *w, const struct load_settings *s,
                      const struct load_level *from, bool slow, struct load_step *step)
{
    *step = (struct load_step){.power_mw = w->run.power_mw - from->power_mw,
                               .reactive_mvar = w->run.reactive_mvar - from->reactive_mvar,
                               .third_ma = w->run.third_ma - from->third_ma,
                               .fifth_ma = w->run.fifth_ma - from->fifth_ma,
                               .edge_mw = w->edge_mw,
                               .slow = slow,
                               .inrush = 1000,
                               .bursts = w->turns >= BURST_TURNS &&
                                         w->run.power_mw - from->power_mw <= LOAD_FUSER_MOST_MW,
                               .unsure_mw = tolerance_of(from),
                               .unrest_mw = w->run_most_mw - w->run_least_mw,
                               .has_reactive = (w->flags & HAS_REACTIVE) != 0,
                               .has_distortion = (w->flags & HAS_DISTORTION) != 0,
                               .has_third = (w->flags & HAS_THIRD) != 0};
    /* distortions of two loads add up as squares at least: this is the most that is new */
    uint64_t after = square(w->run.distortion_mva), before = square(from->distortion_mva);
    step->distortion_mva = after > before ? (int32_t)load_root(after - before) : 0;
    uint64_t in_phase = square(step->power_mw) + square(step->reactive_mvar);
    step->factor =
        permille(size_of(step->power_mw), load_root(in_phase + square(step->distortion_mva)));
    load_read_shares(s, step);
    bool fell = w->peak.power_mw > w->run.power_mw && w->peak_at.ms < w->last.ms;
    if (step->power_mw > 0 && fell) {
        step->inrush = permille(w->peak.power_mw - from->power_mw, step->power_mw);
        read_start(w, s, step);
    }
}

/* --- motors that run
 * --------------------------------------------------------------------------------- */

static void remember_motor(struct load_watch *w, const struct load_event *e)
{
    const struct load_step *s = &e->step;
    w->started = e->before;
    w->started_at = e->at;
    w->started_mw = s->power_mw;
    for (unsigned i = 0; i < LOAD_RUNNING_MAX; i++)
        if (w->running[i].power_mw == 0) {
            w->running[i].power_mw = s->power_mw;
            w->running[i].reactive_mvar = s->reactive_mvar;
            return;
        }
}

/* A compressor's rotor stands still for up to half a second and draws the same all the while: that
 * was told as a motor, and what runs afterwards is a small part of it. */
static bool ends_start(const struct load_watch *w, const struct load_settings *s)
{
    int32_t stood_mw = w->base.power_mw - w->started.power_mw;
    int32_t runs_mw = w->run.power_mw - w->started.power_mw;
    return w->moved_at.ms - w->started_at.ms <= START_MS && w->started_mw > 0 &&
           within(stood_mw, w->started_mw, 100) && runs_mw >= s->limit_mw &&
           runs_mw <= stood_mw / 3 * 2;
}

static void forget_motor(struct load_watch *w, int32_t power_mw)
{
    for (unsigned i = 0; i < LOAD_RUNNING_MAX; i++)
        if (w->running[i].power_mw == power_mw)
            w->running[i].power_mw = 0;
}

/* A motor's end takes its reactive power away. If less active power went with it than it had, or
 * more is drawn now than before, something else was switched on meanwhile. */
static bool find_hidden(struct load_watch *w, const struct load_settings *s, struct load_step *step)
{
    for (unsigned i = 0; i < LOAD_RUNNING_MAX; i++) {
        int32_t power_mw = w->running[i].power_mw, reactive_mvar = w->running[i].reactive_mvar;
        if (power_mw == 0 || reactive_mvar < 50'000 ||
            !within(-step->reactive_mvar, reactive_mvar, 250))
            continue;
        w->running[i].power_mw = 0;
        int32_t hidden_mw = step->power_mw + power_mw;
        if (hidden_mw < s->sure_mw || hidden_mw < power_mw / 4 ||
            step->distortion_mva > hidden_mw / 4)
            return false; /* or a supply, ahead of the voltage by what the motor is behind */
        step->power_mw = hidden_mw;
        step->reactive_mvar += reactive_mvar;
        step->inrush = 1000;
        step->edge_mw = step->motor_mw = 0;
        step->factor = permille(hidden_mw, in_phase_of(step));
        return true;
    }
    return false;
}

/* Active power alone, and seldom. */
static bool is_plug(const struct load_watch *w, bool slow)
{
    return slow && (w->flags & HAS_REACTIVE) == 0;
}

static struct load_trace trace_of(const struct load_level *l)
{
    return (struct load_trace){l->power_mw, l->reactive_mvar, l->third_ma};
}

/* --- telling
 * ------------------------------------------------------------------------------------------ */

/* A small step in the direction of those before it is kept for the sum of them. */
static bool creeps(struct load_watch *w, const struct load_settings *s, mono_ms now)
{
    struct load_level before = w->base;
    int32_t more = w->run.power_mw - before.power_mw;
    bool small = more < s->limit_mw;
    if (more <= 0 || !small || now.ms - w->crept_at.ms > CREEP_MS) {
        w->crept = more > 0 && small ? before : w->run;
        w->smooth = false;
    }
    w->smooth = w->smooth || more < 2 * tolerance_of(&before);
    w->crept_at = now;
    return small && w->run.power_mw - w->crept.power_mw >= 2 * s->limit_mw;
}

/* Active power alone, read slowly, shows how something came by the number of samples only. */
static bool came_slowly(const struct load_watch *w, const struct load_step *step, bool slow)
{
    if (is_plug(w, slow))
        return w->way >= SLOW_WAY;
    return step->transient_ms > RAMP_MS && step->inrush <= RISES_PERMILLE;
}

/* What rises without a switch: each step is small or smooth, or did not come to rest. */
static void note_rise(struct load_watch *w, const struct load_settings *s,
                      const struct load_step *step)
{
    int32_t more = w->run.power_mw - w->base.power_mw;
    bool rises = more > 0 && (more < s->limit_mw || step->smooth || !step->settled);
    if (!rises || w->moved_at.ms - w->rose_at.ms > OPENS_MS) {
        w->origin = rises ? w->base : w->run;
        w->origin_at = w->moved_at;
        w->opened = false;
        w->stepped = !rises && more > 0;
    }
    w->raised = rises && !w->stepped;
    w->rose_at = w->last;
}

/* Behind a control that is turned up the last of many steps shows no angle, the whole does. Once it
 * did, it is heating also when the control is open. */
static bool opens(struct load_watch *w, const struct load_settings *s, struct load_event *e)
{
    make_step(w, s, &w->origin, e->step.slow, &e->step);
    e->step.settled = true;
    e->step.ramp = !w->opened;
    enum load_verdict v =
        e->step.power_mw < 2 * s->limit_mw ? LOAD_SMALL : load_judge(&e->step, s, NULL);
    w->opened = w->opened || v == LOAD_HEATING_CUT;
    if (!w->opened || (v != LOAD_HEATING_CUT && v != LOAD_HEATING) ||
        w->last.ms - w->origin_at.ms < OPENS_MS)
        return false;
    e->before = w->origin;
    e->at = w->origin_at;
    e->verdict = LOAD_HEATING_CUT;
    w->origin = w->run;
    w->opened = false;
    return true;
}

/* What has risen in several steps is looked at as a whole; if that tells nothing, as it was. */
static void look_at_whole(struct load_watch *w, const struct load_settings *s, struct load_event *e)
{
    bool settled = e->step.settled, ramp = e->step.ramp, smooth = e->step.smooth;
    uint32_t took = e->step.transient_ms;
    if (load_forbidden(e->verdict) || e->verdict == LOAD_WHITE ||
        w->origin_at.ms >= w->moved_at.ms || opens(w, s, e))
        return;
    make_step(w, s, &e->before, e->step.slow, &e->step);
    e->step.settled = settled;
    e->step.ramp = ramp;
    e->step.smooth = smooth;
    e->step.transient_ms = took;
}

/* What rose in many pieces has come to rest and is a resistance as a whole, as the last of them
 * alone may not show. */
static bool is_raised(struct load_watch *w, const struct load_settings *s, mono_ms now, bool slow,
                      struct load_event *e)
{
    if (!w->raised || now.ms - w->rose_at.ms < RESTS_MS)
        return false;
    w->raised = false;
    int64_t took_ms = w->rose_at.ms - w->origin_at.ms;
    make_step(w, s, &w->origin, slow, &e->step);
    e->step.settled = e->step.ramp = true;
    e->step.edge_mw = 0;
    e->step.transient_ms = (uint32_t)took_ms;
    e->at = w->origin_at;
    e->told = now;
    e->before = w->origin;
    e->verdict = LOAD_RAMP;
    if (e->step.has_reactive && took_ms >= RAISED_LEAST_MS && took_ms <= RAISED_MS &&
        e->step.power_mw >= 2 * s->limit_mw && e->step.power_mw >= took_ms * RAISED_W_PER_S)
        e->verdict = load_judge(&e->step, s, &e->white);
    return e->verdict == LOAD_HEATING;
}

/* A slow filament was told before it glowed: what it loses meanwhile is not switched off. */
static void follow_lamp(struct load_watch *w, const struct load_settings *s,
                        const struct load_event *e)
{
    struct load_event *l = &w->lamp;
    if (e->verdict == LOAD_LAMP && s->lamp_s)
        *l = *e;
    else if (l->verdict == LOAD_LAMP && within(-e->step.power_mw, l->step.power_mw, 250))
        *l = (struct load_event){}; /* what went off is the lamp */
    else if (l->verdict == LOAD_LAMP && e->step.power_mw < 0 && w->last.ms - l->at.ms <= WARM_MS)
        l->step.power_mw += e->step.power_mw;
}

/* Who is not told the voltage sees it swing by a tenth as a step: of all that draws already, active
 * and reactive by about the same part (motors draw less, or more, than a resistance by it). */
static bool is_swing(const struct load_watch *w, const struct load_event *e)
{
    int64_t power_mw = e->before.power_mw, reactive_mvar = size_of(e->before.reactive_mvar);
    int64_t as_much = e->step.power_mw * reactive_mvar;
    int64_t apart = e->step.reactive_mvar * power_mw - as_much;
    return w->voltage_dv == 0 && reactive_mvar >= SWUNG_MVAR && e->step.power_mw <= power_mw / 4 &&
           (apart < 0 ? -apart : apart) <= as_much * 3 / 5;
}

/* A switch falls into one cycle, or into one slow sample and rests in the next: nothing did here.
 * `on`: it goes on. */
static bool rises_slowly(const struct load_watch *w, const struct load_step *step, bool on)
{
    if (step->inrush > RISES_PERMILLE && w->peak.power_mw - w->run.power_mw > tolerance_of(&w->run))
        return false;
    return step->slow ? !step->settled || (on && w->way >= SLOW_WAY)
                      : w->jump_mw < step->power_mw / JUMP_PART;
}

static void tell(struct load_watch *w, const struct load_settings *s, bool slow, bool settled,
                 struct load_event *e)
{
    mono_ms now = w->last;
    bool follows = w->moved_at.ms - w->crept_at.ms <= RISING_MS, on = w->rising && follows;
    bool crept = creeps(w, s, now);
    uint32_t took = (uint32_t)(w->run_since.ms - w->moved_at.ms);
    bool ended = !slow && ends_start(w, s);
    e->at = ended ? w->started_at : w->moved_at;
    e->told = now;
    e->before = ended ? w->started : crept ? w->crept : w->base;
    if (ended) { /* the step from before the start to now; its inrush is what stood */
        forget_motor(w, w->started_mw);
        w->peak = w->second = trace_of(&w->base);
    }
    make_step(w, s, &e->before, slow, &e->step);
    e->step.settled = settled;
    e->step.transient_ms = took;
    bool smooth = rises_slowly(w, &e->step, on) && !crept;
    e->step.ramp = crept || on || (smooth && !settled) || came_slowly(w, &e->step, slow);
    w->rising = (e->step.ramp && !settled) || (is_plug(w, slow) && e->step.power_mw > 0);
    e->step.smooth = (crept && w->smooth) || smooth;
    bool hidden = e->step.has_reactive && !ended && find_hidden(w, s, &e->step);
    e->step.follows = follows;
    e->step.soft = !slow && !ended && !hidden && w->jump_mw < s->sure_mw;
    e->verdict = load_judge(&e->step, s, &e->white);
    if (hidden && load_forbidden(e->verdict))
        e->verdict = LOAD_HEATING_HIDDEN;
    else if (load_forbidden(e->verdict) && is_swing(w, e))
        e->verdict = LOAD_OTHER;
    if (e->verdict == LOAD_HEATING_MIXED && (e->white = load_white_edge(&e->step, s)) > 0)
        e->verdict = LOAD_WHITE;
    note_rise(w, s, &e->step);
    if (!hidden && !ended)
        look_at_whole(w, s, e);
    if (e->verdict == LOAD_MOTOR || e->verdict == LOAD_OTHER || e->verdict == LOAD_ELECTRONIC)
        remember_motor(w, e);
    follow_lamp(w, s, e);
    w->raised = w->raised && !load_forbidden(e->verdict);
    if (crept)
        w->crept = w->run;
    w->smooth =
        w->smooth || e->verdict == LOAD_RAMP; /* what follows in small steps goes on with it */
    w->base = w->run;
    w->moving = false;
}

/* What began like a lamp and still burns after its time. */
static bool lamp_is_over(struct load_watch *w, const struct load_settings *s, mono_ms now,
                         struct load_event *e)
{
    if (w->lamp.verdict != LOAD_LAMP)
        return false;
    if (w->base.power_mw < w->lamp.before.power_mw + w->lamp.step.power_mw * 3 / 4) {
        w->lamp = (struct load_event){};
        return false;
    }
    bool large = w->lamp.step.power_mw > LOAD_FUSER_MOST_MW;
    if (now.ms - w->lamp.at.ms < (large ? WARM_MS : (int64_t)s->lamp_s * 1000))
        return false;
    *e = w->lamp;
    e->verdict = LOAD_HEATING_LAMP;
    e->told = now;
    w->lamp = (struct load_event){};
    return e->step.power_mw >= LAMP_MOST_MW;
}

static void remember(struct load_watch *w, const struct load_level *l)
{
    w->past[2] = w->past[1];
    w->past[1] = w->past[0];
    w->past[0] = trace_of(l);
}

/* How far v is from nothing, or from falling on as before, in hundredths of what it may be. */
static int32_t restless(int64_t v, int64_t before, int64_t above, int64_t below)
{
    int64_t least = before < 0 ? before : 0;
    int64_t far = v > 0 ? v * 100 / (above + 1) : v < least ? (least - v) * 100 / (below + 1) : 0;
    return far > 1000 ? 1000 : (int32_t)far;
}

/* Of what comes within one second each has its own edge: that of a resistance, from one cycle to
 * the next or, if it fell into a cycle, to the one after that, is active power and nothing else,
 * but for what goes on falling of a start before it. */
static void note_edge(struct load_watch *w, const struct load_settings *s,
                      const struct load_level *l)
{
    for (unsigned i = 0; i < 2 && (w->flags & HAS_REACTIVE); i++) {
        const struct load_trace *p = &w->past[i], *older = &w->past[i + 1];
        int32_t more = l->power_mw - p->power_mw, by = more / 1000, n = (int32_t)i + 1;
        if (more < EDGE_MW || more <= w->edge_mw || p->power_mw - older->power_mw > more / 5)
            continue; /* a cycle that rose itself is no state: something began within it */
        int32_t third = by * 400 / (s->nominal_dv + 1);
        int32_t q = restless(l->reactive_mvar - p->reactive_mvar,
                             n * (p->reactive_mvar - older->reactive_mvar), by * 40, by * 12);
        int32_t h = (w->flags & HAS_THIRD) == 0
                        ? 80
                        : restless(l->third_ma - p->third_ma, n * (p->third_ma - older->third_ma),
                                   third, third);
        if (q * q + h * h <= 10'000)
            w->edge_mw = more;
    }
}

/* A quarter lost from one cycle to the next, then won again, and so on: a control that leaves half
 * waves out, or whole ones. What starts comes down once. */
static void note_turn(struct load_watch *w, const struct load_settings *s,
                      const struct load_level *l)
{
    int32_t was_mw = w->past[0].power_mw - w->base.power_mw;
    int32_t is_mw = l->power_mw - w->base.power_mw;
    bool up = w->turns % 2 == 1;
    bool turns = up ? is_mw - was_mw >= most_of(s->limit_mw, was_mw / 4)
                    : was_mw - is_mw >= most_of(s->limit_mw, was_mw / 4);
    if (turns && w->turns < BURST_TURNS)
        w->turns++;
}

static void note_jump(struct load_watch *w, const struct load_level *l)
{
    w->jump_mw = most_of(w->jump_mw, l->power_mw - w->past[1].power_mw);
}

static void note_peak(struct load_watch *w, const struct load_level *l, mono_ms now)
{
    if (l->power_mw > w->peak.power_mw) {
        w->peak = w->second = trace_of(l);
        w->peak_at = now;
    } else if (w->second.power_mw == w->peak.power_mw && now.ms > w->peak_at.ms) {
        w->second = trace_of(l);
    }
}

static bool is_steady(const struct load_watch *w, mono_ms now, bool slow)
{
    int64_t stood_ms = now.ms - w->run_since.ms;
    if (is_plug(w, slow))
        return w->run_count >= SLOW_SAMPLES && stood_ms >= PLUG_STEADY_MS;
    return slow ? w->run_count >= SLOW_SAMPLES : stood_ms >= STEADY_MS;
}

static void begin(struct load_watch *w, const struct load_level *l, mono_ms now)
{
    w->begun = true;
    w->base = w->crept = *l;
    w->last = now;
    w->crept_at.ms = w->rose_at.ms = now.ms - RISING_MS - 1;
    w->past[0] = w->past[1] = w->past[2] = trace_of(l);
    begin_run(w, l, now);
    join_run(w, l);
}

static void begin_move(struct load_watch *w, const struct load_level *l, mono_ms now)
{
    w->moving = true;
    w->moved_at = w->peak_at = now;
    w->way = w->turns = 0;
    w->edge_mw = w->jump_mw = 0;
    w->peak = w->second = trace_of(l);
    begin_run(w, l, now);
}

/* A sample on the way, or of what may be the new state. */
static void move(struct load_watch *w, const struct load_settings *s, const struct load_level *l,
                 mono_ms now)
{
    note_peak(w, l, now);
    note_jump(w, l);
    note_edge(w, s, l);
    note_turn(w, s, l);
    remember(w, l);
    if (!agrees(&w->run, l)) {
        w->way = (uint8_t)least_of(w->way + w->run_count, UINT8_MAX);
        begin_run(w, l, now);
    }
    join_run(w, l);
}

bool load_take(struct load_watch *w, const struct load_settings *s, const struct load_sample *x,
               struct load_event *event)
{
    struct load_level l = read_level(w, s, x);
    if (!w->begun) {
        begin(w, &l, x->now);
        return false;
    }
    bool slow = x->now.ms - w->last.ms >= SLOW_MS;
    w->last = x->now;
    if (!w->moving && agrees(&w->base, &l)) {
        join_run(w, &l);
        remember(w, &l);
        /* the base follows what drifts, but not a creeping load: that leaves its tolerance */
        if (agrees(&w->crept, &w->run))
            w->base = w->run;
        return is_raised(w, s, x->now, slow, event) || lamp_is_over(w, s, x->now, event);
    }
    if (!w->moving)
        begin_move(w, &l, x->now);
    move(w, s, &l, x->now);
    bool steady = is_steady(w, x->now, slow);
    if ((steady || is_plug(w, slow)) && agrees(&w->base, &w->run)) {
        w->moving = false; /* it came and went before it could be told */
        return false;
    }
    bool late = slow ? x->now.ms - w->moved_at.ms >= SLOW_PATIENCE_MS && w->way >= SLOW_WAY
                     : x->now.ms - w->moved_at.ms >= PATIENCE_MS;
    if (!steady && !(late && size_of(w->run.power_mw - w->base.power_mw) >= s->limit_mw))
        return false;
    tell(w, s, slow, steady, event);
    return true;
}
