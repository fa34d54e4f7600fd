/*
 * The load watch on appliances it was not fitted to: loads [--runs N] [--seed N] [--say KIND].
 *
 * Waveforms with parameters drawn at random, alone and together, over a base load and a mains that
 * is no sine, as a metering chip tells them: each cycle with and without harmonics, and each
 * second. Told for each kind: heating found within the second, later, missed; trips of what is
 * allowed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/loads_world.h"

#define BASE_MOST 3
#define CYCLE_MS 20
#define ON_MS 1'000

struct tally {
    int runs, soon, late, missed, false_trips;
};

struct play {
    struct mains mains;
    struct appliance a[BASE_MOST + 2];
    size_t count;
    double until_ms;
    enum chip chip;
};

struct outcome {
    int trips;
    int64_t told_ms; /* of the first trip */
    struct load_event first;
};

/* --- one play
 * --------------------------------------------------------------------------------------- */

static void add(struct load_sample *sum, const struct load_sample *x, int64_t n)
{
    sum->now = x->now;
    sum->has_reactive = sum->has_current = true;
    sum->has_harmonics = x->has_harmonics;
    sum->power_mw += (int32_t)((x->power_mw - sum->power_mw) / n);
    sum->reactive_mvar += (int32_t)((x->reactive_mvar - sum->reactive_mvar) / n);
    sum->current_ma += (uint32_t)(((int64_t)x->current_ma - sum->current_ma) / n);
    sum->voltage_dv = x->voltage_dv;
    for (unsigned h = 0; h < LOAD_HARMONICS; h++)
        sum->harmonic_ma[h] += (uint32_t)(((int64_t)x->harmonic_ma[h] - sum->harmonic_ma[h]) / n);
}

static bool verbose;

static void take(struct load_watch *w, const struct load_settings *s, const struct load_sample *x,
                 struct outcome *o)
{
    struct load_event e;
    if (!load_take(w, s, x, &e))
        return;
    if (verbose)
        printf("    %" PRId64 " ms dP %d dQ %d D %d inrush %d h3 %d%s%s %s\n", e.at.ms,
               e.step.power_mw / 1000, e.step.reactive_mvar / 1000, e.step.distortion_mva / 1000,
               e.step.inrush, e.step.third, e.step.settled ? "" : " unsettled",
               e.step.ramp ? " ramp" : "", load_verdict_name(e.verdict));
    if (load_forbidden(e.verdict) && o->trips++ == 0) {
        o->told_ms = e.told.ms;
        o->first = e;
    }
}

static struct outcome run(const struct play *p, struct rand_stream *r)
{
    struct load_settings s = load_settings_default();
    struct load_watch w = {0};
    struct outcome o = {0};
    struct load_sample mean = {0};
    int64_t n = 0;
    for (double ms = 0; ms < p->until_ms; ms += CYCLE_MS) {
        struct load_sample x =
            measure(&p->mains, p->a, p->count, ms, p->chip != CHIP_CYCLE_PLAIN, r);
        if (p->chip != CHIP_SECOND) {
            take(&w, &s, &x, &o);
            continue;
        }
        add(&mean, &x, ++n);
        if (n < 1'000 / CYCLE_MS)
            continue;
        take(&w, &s, &mean, &o);
        mean = (struct load_sample){0};
        n = 0;
    }
    return o;
}

/* --- what is played
 * --------------------------------------------------------------------------------- */

static double between(struct rand_stream *r, double least, double most)
{
    return least + (most - least) * (double)rand_below(r, 1'000'001) / 1'000'000;
}

static struct play begin(struct rand_stream *r, enum chip chip)
{
    static const enum kind small[] = {KIND_PULSES, KIND_CORRECTED, KIND_CAPACITOR, KIND_RESISTANCE};
    struct play p = {.mains = draw_mains(r), .chip = chip};
    for (uint64_t n = rand_below(r, BASE_MOST + 1); n > 0; n--) {
        struct appliance a = draw_appliance(r, small[rand_below(r, 4)]);
        a.watts = between(r, 15, 90);
        a.ahead_var /= 3;
        a.on_ms = -60'000;
        p.a[p.count++] = a;
    }
    return p;
}

static double lasts(enum kind k)
{
    return k == KIND_INVERTER  ? 45'000
           : k == KIND_FUSER   ? 60'000
           : k == KIND_RADIANT ? 26'000
                               : 8'000;
}

static void put(struct play *p, struct rand_stream *r, enum kind k, double on_ms)
{
    struct appliance a = draw_appliance(r, k);
    a.on_ms = on_ms;
    p->a[p->count++] = a;
    double until_ms = lasts(k) + (p->chip == CHIP_SECOND ? 20'000 : 0);
    if (until_ms > p->until_ms)
        p->until_ms = until_ms;
}

static void say(const struct play *p)
{
    for (size_t i = 0; i < p->count; i++)
        printf(
            "  %s %.0f W, angle %.2f third %.3f inrush %.2f in %.0f ms ahead %.0f, %.0f..%.0f ms\n",
            kind_name(p->a[i].kind), p->a[i].watts, p->a[i].angle, p->a[i].third, p->a[i].inrush,
            p->a[i].settle_ms, p->a[i].ahead_var, p->a[i].on_ms, p->a[i].off_ms);
}

/* A filament is known for a heater only when it goes on. */
static void count(struct tally *t, const struct play *p, const struct outcome *o, double on_ms,
                  bool heating)
{
    double limit_ms = p->chip == CHIP_SECOND ? 3'000 : 1'000;
    t->runs++;
    if (!heating) {
        t->false_trips += o->trips > 0;
        return;
    }
    bool early = o->trips > 0 && (double)o->told_ms < on_ms;
    t->false_trips += early;
    t->missed += o->trips == 0 || early;
    if (o->trips > 0 && !early)
        (double)o->told_ms - on_ms <= limit_ms ? t->soon++ : t->late++;
}

static const char *wanted;

static void play(struct tally *t, const struct play *p, double on_ms, bool heating,
                 const char *name, struct rand_stream *r)
{
    struct rand_stream again = *r;
    struct tally before = *t;
    struct outcome o = run(p, r);
    count(t, p, &o, on_ms, heating);
    bool wrong = t->missed > before.missed || t->false_trips > before.false_trips;
    if (!wrong || !wanted || strcmp(wanted, name) != 0)
        return;
    printf("%s, %s: %s\n", name, chip_name(p->chip), heating ? "missed" : "false trip");
    say(p);
    verbose = true;
    run(p, &again);
    verbose = false;
}

/* --- tables
 * ----------------------------------------------------------------------------------------- */

static void row(const char *name, const struct tally *t, bool heating)
{
    if (heating)
        printf("  %-44s %6d  %6d %6d %6d %6d\n", name, t->runs, t->soon, t->late, t->missed,
               t->false_trips);
    else
        printf("  %-44s %6d  %6s %6s %6s %6d\n", name, t->runs, "", "", "", t->false_trips);
}

static void sum(struct tally *all, const struct tally *t)
{
    all->runs += t->runs;
    all->soon += t->soon;
    all->late += t->late;
    all->missed += t->missed;
    all->false_trips += t->false_trips;
}

static void alone(enum chip chip, int runs, uint64_t seed, struct tally total[2])
{
    for (enum kind k = 0; k < KINDS; k++) {
        struct rand_stream r = rand_split(seed, kind_name(k));
        struct tally t = {0};
        for (int i = 0; i < runs; i++) {
            struct play p = begin(&r, chip);
            put(&p, &r, k, ON_MS + between(&r, 0, 1'000));
            play(&t, &p, p.a[p.count - 1].on_ms, kind_forbidden(k), kind_name(k), &r);
        }
        row(kind_name(k), &t, kind_forbidden(k));
        sum(&total[kind_forbidden(k)], &t);
    }
}

/* Two within a second: something allowed with something else. */
static void together(enum chip chip, int runs, uint64_t seed, struct tally total[2])
{
    static const enum kind first[] = {KIND_PULSES,    KIND_CORRECTED, KIND_UNIVERSAL,
                                      KIND_INDUCTION, KIND_CAPACITOR, KIND_MICROWAVE};
    static const enum kind second[2][4] = {
        {KIND_PULSES, KIND_CORRECTED, KIND_CAPACITOR, KIND_INDUCTION},
        {KIND_RESISTANCE, KIND_HALF_WAVE, KIND_PHASE_CUT, KIND_HAIR_DRYER}};
    for (int heating = 0; heating < 2; heating++)
        for (size_t k = 0; k < sizeof first / sizeof *first; k++) {
            struct rand_stream r = rand_split(seed + 1 + (uint64_t)heating, kind_name(first[k]));
            struct tally t = {0};
            char name[60];
            snprintf(name, sizeof name, "%s + %s", kind_name(first[k]),
                     heating ? "heating" : "allowed");
            for (int i = 0; i < runs; i++) {
                struct play p = begin(&r, chip);
                double on_ms = ON_MS + between(&r, 0, 1'000);
                double apart_ms = i % 2 ? between(&r, 0, 900) : 0;
                put(&p, &r, first[k], on_ms);
                enum kind other = second[heating][heating && i % 4 ? 0 : rand_below(&r, 4)];
                put(&p, &r, other, on_ms + apart_ms);
                play(&t, &p, on_ms + apart_ms, heating, name, &r);
            }
            row(name, &t, heating);
            sum(&total[heating], &t);
        }
}

/* A heater in the very moment in which something else goes off. */
static void instead(enum chip chip, int runs, uint64_t seed, struct tally total[2])
{
    static const enum kind first[] = {KIND_PULSES, KIND_UNIVERSAL, KIND_INDUCTION, KIND_CAPACITOR};
    for (size_t k = 0; k < sizeof first / sizeof *first; k++) {
        struct rand_stream r = rand_split(seed + 3, kind_name(first[k]));
        struct tally t = {0};
        char name[60];
        snprintf(name, sizeof name, "%s > heating", kind_name(first[k]));
        for (int i = 0; i < runs; i++) {
            struct play p = begin(&r, chip);
            put(&p, &r, first[k], 2'500);
            p.a[p.count - 1].off_ms = 9'000;
            put(&p, &r, KIND_RESISTANCE, 9'000);
            p.until_ms = 14'000;
            play(&t, &p, 9'000, true, name, &r);
        }
        row(name, &t, true);
        sum(&total[1], &t);
    }
}

int main(int argc, char **argv)
{
    int runs = 100;
    uint64_t seed = 1;
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--runs") == 0)
            runs = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--say") == 0)
            wanted = argv[i + 1];
    if (runs <= 0 || argc % 2 == 0)
        return fprintf(stderr, "usage: loads [--runs N] [--seed N] [--say NAME]\n"), 2;
    for (enum chip c = 0; c < CHIPS; c++) {
        struct tally total[2] = {0};
        printf("%s\n  %-44s %6s  %6s %6s %6s %6s\n", chip_name(c), "", "runs", "soon", "late",
               "missed", "false");
        alone(c, runs, seed, total);
        together(c, runs, seed, total);
        instead(c, runs, seed, total);
        row("all that is allowed", &total[0], false);
        row("all heating", &total[1], true);
    }
    return 0;
}
