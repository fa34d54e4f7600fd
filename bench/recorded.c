/*
 * The load watch on recorded appliances, each kind within bounds that were fitted without it:
 * recorded [--all] --set NAME FILE... [--set NAME FILE...].
 *
 * The steps of a set come from the readers of `yufu-terminal classify`. Then, for each kind of
 * appliance, the bounds of load.h are chosen from a grid by the other kinds of its set alone
 * (fewest missed, a false trip as bad as five), and judge the kind that was left out. Beside it:
 * the same steps within the bounds as they are, and by the plain rule.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal/classify.h"

#define STEPS_MAX 4'000
#define KINDS_MAX 64
#define EVENTS_MAX 20'000
#define BEFORE_MS 2'500 /* a label is the step's if it lies within */
#define AFTER_MS 5'500
#define FALSE_COSTS 5

struct noted {
    struct load_step step;
    int kind;
    bool lasted; /* it still burnt when a fuser would be off */
};

struct kind {
    char name[CLASSIFY_NAME_MAX];
    bool heating;
};

/* What was found of heating, what else tripped. */
struct score {
    int found, trips;
};

static struct set {
    const char *name;
    struct noted *steps;
    size_t step_count;
    struct kind kinds[KINDS_MAX];
    int kind_count;
} set;

static struct file {
    struct load_event *events;
    struct classify_label *labels;
    size_t event_count, label_count;
} file;

static struct load_settings settings;

/* --- steps
 * ------------------------------------------------------------------------------------ */

static void take_event(void *arg, const struct load_event *e, bool plain, unsigned voltage_dv)
{
    (void)voltage_dv;
    struct file *f = arg;
    (void)plain;
    if (f->event_count < EVENTS_MAX)
        f->events[f->event_count++] = *e;
}

static void take_label(void *arg, const struct classify_label *label)
{
    struct file *f = arg;
    if (f->label_count < EVENTS_MAX)
        f->labels[f->label_count++] = *label;
}

static void take_note(void *arg, const struct classify_problem *note)
{
    (void)arg;
    (void)note;
}

static void take_clock(void *arg, const struct classify_clock *clock)
{
    (void)arg;
    (void)clock;
}

static int kind_of(const char *name)
{
    for (int i = 0; i < set.kind_count; i++)
        if (strcmp(set.kinds[i].name, name) == 0)
            return i;
    if (set.kind_count == KINDS_MAX)
        return KINDS_MAX - 1;
    struct kind *k = &set.kinds[set.kind_count];
    k->heating = classify_is_heating(name);
    snprintf(k->name, sizeof k->name, "%s", name);
    return set.kind_count++;
}

/* Of the labels near a step, heating before others. */
static int kind_at(const struct load_event *e)
{
    const char *name = "nothing labelled";
    for (size_t i = 0; i < file.label_count; i++) {
        const struct classify_label *l = &file.labels[i];
        bool whole = l->at_ms == INT64_MIN;
        bool near = whole || (e->at.ms >= l->at_ms - BEFORE_MS && e->at.ms <= l->at_ms + AFTER_MS);
        if (near && !classify_is_heating(name))
            name = l->name;
    }
    return kind_of(name);
}

/* The watch says it of what it took for a lamp. Of the others: a quarter gone is the end. */
static bool lasted(size_t k)
{
    const struct load_event *on = &file.events[k];
    int32_t least_mw = on->before.power_mw + on->step.power_mw / 4 * 3;
    for (size_t i = k + 1; i < file.event_count; i++) {
        const struct load_event *e = &file.events[i];
        if (e->at.ms == on->at.ms && e->verdict == LOAD_HEATING_LAMP)
            return true;
        if (on->verdict != LOAD_LAMP && e->at.ms - on->at.ms >= settings.lamp_s * INT64_C(1000))
            return true;
        if (e->before.power_mw + e->step.power_mw < least_mw)
            return false;
    }
    return on->verdict != LOAD_LAMP;
}

static int read_file(const char *path)
{
    struct classify_problem problem;
    struct classify_sink sink = {take_event, take_label, take_note, take_clock, &file};
    struct classify_how how = {.settings = &settings, .mains_hz = 50};
    file.event_count = file.label_count = 0;
    if (classify_file(path, &how, &sink, &problem) != ERR_OK) {
        fprintf(stderr, "recorded: %s, line %zu: %s\n", path, problem.line, problem.what);
        return 1;
    }
    for (size_t k = 0; k < file.event_count && set.step_count < STEPS_MAX; k++) {
        const struct load_event *e = &file.events[k];
        if (e->step.power_mw < settings.limit_mw || e->verdict == LOAD_HEATING_LAMP)
            continue; /* the second word on a step that was told */
        set.steps[set.step_count++] = (struct noted){e->step, kind_at(e), lasted(k)};
    }
    return 0;
}

/* --- fitting
 * ---------------------------------------------------------------------------------- */

/* A place in the grid: index of each of the four that may be fitted. The last two are what lamps
 * and fusers are built for, and stay unless `all`. */
static bool fit_all;

struct place {
    int at[4];
};

/* The middle of each is what load_bounds_default has. */
static const int grid[4][5] = {
    {50, 71, 100, 141, 200},      /* per cent of all bounds of a pure step */
    {2, 4, 8, 16, 32},            /* still, per mille */
    {150, 200, 250, 300, 400},    /* plug_least, W */
    {0, 700, 1'000, 1'300, 1'600} /* fuser_most, W */
};
#define PLACES (5 * 5 * 5 * 5)

static struct place place_of(int n)
{
    return (struct place){{n % 5, n / 5 % 5, n / 25 % 5, n / 125}};
}

static bool may_fit(struct place p)
{
    return fit_all || (p.at[2] == 2 && p.at[3] == 2);
}

static uint16_t part(uint16_t v, int per_cent)
{
    return (uint16_t)(v * per_cent / 100);
}

static struct load_bounds bounds_at(struct place p)
{
    struct load_bounds b = load_bounds_default;
    int pure = grid[0][p.at[0]];
    b.behind = part(b.behind, pure);
    b.ahead = part(b.ahead, pure);
    b.distortion = part(b.distortion, pure);
    b.distortion_alone = part(b.distortion_alone, pure);
    b.third = part(b.third, pure);
    b.still = (uint16_t)grid[1][p.at[1]];
    b.plug_least_mw = grid[2][p.at[2]] * 1000;
    b.fuser_most_mw = grid[3][p.at[3]] * 1000;
    return b;
}

static bool trips(const struct load_bounds *b, const struct noted *n)
{
    enum load_verdict v = load_judge_within(b, &n->step, &settings, NULL);
    return load_forbidden(v) || (v == LOAD_LAMP && n->lasted);
}

/* The steps of one kind, or (`others`) of all but it. */
static struct score score_of(const struct load_bounds *b, int kind, bool others)
{
    struct score s = {0};
    for (size_t i = 0; i < set.step_count; i++) {
        const struct noted *n = &set.steps[i];
        if ((n->kind == kind) == others || !trips(b, n))
            continue;
        s.found += set.kinds[n->kind].heating;
        s.trips += !set.kinds[n->kind].heating;
    }
    return s;
}

/* Of the best places the one in their middle. */
static struct place fit_without(int kind)
{
    static int cost[PLACES];
    double middle[4] = {0};
    int best = INT32_MAX, ties = 0, chosen = 0;
    for (int n = 0; n < PLACES; n++) {
        struct load_bounds b = bounds_at(place_of(n));
        struct score s = may_fit(place_of(n)) ? score_of(&b, kind, true) : (struct score){0};
        cost[n] = may_fit(place_of(n)) ? FALSE_COSTS * s.trips - s.found : INT32_MAX;
        best = cost[n] < best ? cost[n] : best;
    }
    for (int n = 0; n < PLACES; n++)
        for (int k = 0; k < 4 && cost[n] == best; k++) {
            middle[k] += place_of(n).at[k];
            ties += k == 0;
        }
    double nearest = 1e9;
    for (int n = 0; n < PLACES; n++) {
        double far = 0;
        for (int k = 0; k < 4; k++) {
            double d = place_of(n).at[k] - middle[k] / ties;
            far += d * d;
        }
        if (cost[n] == best && far < nearest) {
            nearest = far;
            chosen = n;
        }
    }
    return place_of(chosen);
}

/* --- tables
 * ----------------------------------------------------------------------------------- */

static struct score plain_score(int kind)
{
    struct score s = {0};
    for (size_t i = 0; i < set.step_count; i++)
        if (set.steps[i].kind == kind && load_plain_rule(&set.steps[i].step)) {
            s.found += set.kinds[kind].heating;
            s.trips += !set.kinds[kind].heating;
        }
    return s;
}

static int steps_of(int kind)
{
    int n = 0;
    for (size_t i = 0; i < set.step_count; i++)
        n += set.steps[i].kind == kind;
    return n;
}

static void add(struct score *sum, struct score s)
{
    sum->found += s.found;
    sum->trips += s.trips;
}

static void print_set(void)
{
    struct score all[3] = {0}; /* plain, as they are, left out */
    int aim = 0;
    printf("%s\n  %-22s %-8s %6s | %6s %6s %9s | %s\n", set.name, "kind", "is", "steps", "plain",
           "ours", "left out", "fitted to the others: pure, still, least, fuser");
    for (int k = 0; k < set.kind_count; k++) {
        struct place p = fit_without(k);
        struct load_bounds fitted = bounds_at(p);
        struct score s[3] = {plain_score(k), score_of(&load_bounds_default, k, false),
                             score_of(&fitted, k, false)};
        bool heating = set.kinds[k].heating;
        int tripped[3];
        for (int i = 0; i < 3; i++) {
            add(&all[i], s[i]);
            tripped[i] = s[i].found + s[i].trips;
        }
        aim += heating ? steps_of(k) : 0;
        printf("  %-22s %-8s %6d | %6d %6d %9d | %d %% %d/1000 %d W %d W\n", set.kinds[k].name,
               heating ? "heating" : "allowed", steps_of(k), tripped[0], tripped[1], tripped[2],
               grid[0][p.at[0]], grid[1][p.at[1]], grid[2][p.at[2]], grid[3][p.at[3]]);
    }
    printf("| %s | %d of %d | %d | %d of %d | %d | %d of %d | %d |\n\n", set.name, all[1].found,
           aim, all[1].trips, all[2].found, aim, all[2].trips, all[0].found, aim, all[0].trips);
}

static void begin_set(const char *name)
{
    set.name = name;
    set.step_count = 0;
    set.kind_count = 0;
}

int main(int argc, char **argv)
{
    int bad = 0;
    settings = load_settings_default();
    set.steps = calloc(STEPS_MAX, sizeof *set.steps);
    file.events = calloc(EVENTS_MAX, sizeof *file.events);
    file.labels = calloc(EVENTS_MAX, sizeof *file.labels);
    if (argc < 4 || !set.steps || !file.events || !file.labels)
        return fprintf(stderr, "usage: recorded [--all] --set NAME FILE... [--set NAME FILE...]\n"),
               2;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--all") == 0) {
            fit_all = true;
        } else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc) {
            if (set.name)
                print_set();
            begin_set(argv[++i]);
        } else {
            bad += read_file(argv[i]);
        }
    if (set.name)
        print_set();
    free(set.steps);
    free(file.events);
    free(file.labels);
    return bad != 0;
}
