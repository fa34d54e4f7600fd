/*
 * The load watch on recordings of another world: heldout [--runs N] [--seed N] [--only CASE]
 * [--say CASE] [--keep DIR].
 *
 * Labelled recordings of the cases by which a terminal is judged, written as files as loggers
 * write them and read by `yufu-terminal classify`'s reader: a row a cycle with harmonics; a row a
 * second with P and Q alone; a bench meter's; a plug's. Clocks, missing rows and labels differ
 * from file to file. The scenes are bench/heldout_world's, of which the rules know nothing.
 */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/terminal/classify.h"
#include "bench/heldout.h"

#define CYCLES_MAX 10'000
#define EPOCH_MS INT64_C(1'767'600'000'000) /* 2026-01-05 08:00 */
#define ROOT2 1.41421356237309505
#define EARLY_MS 700
#define REACH_MS 6'000 /* a trip is of what was switched on so long before it begins */

enum form { FORM_CYCLES, FORM_SECONDS, FORM_BENCH, FORM_PLUG, FORMS };

static const struct {
    const char *name;
    int64_t soon_ms; /* a decision within one second, when the second's reading has come */
} forms[FORMS] = {
    {"a row a cycle: U, I, P, Q, harmonics", 1'000},
    {"a row a second: P and Q alone", 3'000},
    {"a row a second: bench meter", 3'000},
    {"plug: active power alone, every 1 to 4 s", 10'000},
};

struct tally {
    int events, soon, late, missed, trips, clips; /* trips: of what is allowed */
};

struct trip {
    int64_t at_ms, told_ms;
};

static struct seen {
    struct trip trips[64];
    size_t count;
    int64_t start_ms;
    bool say;
    int labels, named; /* labels that were read; those whose name says what they are */
    bool heating;
} seen;

/* --- files -------------------------------------------------------------------------------- */

struct file {
    FILE *out;
    enum form form;
    const char *label;
    int clock; /* 0: seconds since the start; 1: since 1970; 2: a date with T; 3: with a blank */
    int64_t start_ms;
    double scale_u;
};

static void write_time(const struct file *f, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    gmtime_r(&s, &tm);
    strftime(text, sizeof text, f->clock == 2 ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
    if (f->clock < 2)
        fprintf(f->out, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    else
        fprintf(f->out, "%s.%03d%s", text, (int)(ms % 1000), f->clock == 2 ? "Z" : "");
}

static struct held_cycle mean(const struct held_cycle *c, size_t n)
{
    struct held_cycle m = {0};
    for (size_t k = 0; k < n; k++) {
        m.p += c[k].p / (double)n;
        m.q += c[k].q / (double)n;
        m.u += c[k].u / (double)n;
        m.i += c[k].i / (double)n;
        m.first += c[k].first / (double)n;
        for (unsigned h = 0; h < 7; h++)
            m.h[h] += c[k].h[h] / (double)n;
    }
    return m;
}

static const char *label_at(const struct file *f, bool now)
{
    return now ? f->label : "";
}

static void write_row(const struct file *f, const struct held_cycle *c, int64_t ms, bool now)
{
    double s = c->u * c->i;
    if (f->form == FORM_PLUG) {
        time_t at = (time_t)(ms / 1000);
        struct tm tm;
        char text[32];
        gmtime_r(&at, &tm);
        strftime(text, sizeof text, "%d/%m/%Y %H:%M:%S", &tm);
        fprintf(f->out, "%s;%.0f;%.0f\r\n", text, fmax(0, c->p), fmax(0, c->p));
        return;
    }
    write_time(f, ms);
    if (f->form == FORM_CYCLES) {
        fprintf(f->out, ",%.1f,%.3f,%.1f,%.1f", c->u, c->i, c->p, c->q);
        for (unsigned h = 0; h < 7; h++)
            fprintf(f->out, ",%.3f", c->h[h]);
    } else if (f->form == FORM_SECONDS) {
        fprintf(f->out, ",%.1f,%.1f", c->p, c->q);
    } else {
        fprintf(f->out, ",%.2f,%.2f,%.2f,%.1f,%.1f,%.1f,%.4f,%.2f", c->i, c->i * 0.9, c->i * ROOT2,
                s, c->p, sqrt(fmax(0, s * s - c->p * c->p)), s > 0 ? c->p / s : 1,
                c->first * ROOT2);
        for (unsigned h = 0; h < 4; h++)
            fprintf(f->out, ",%.2f", c->h[h] * ROOT2);
    }
    fprintf(f->out, ",%s\n", label_at(f, now));
}

static void write_heading(const struct file *f)
{
    static const char *const heads[FORMS] = {
        "time,U,I,P,Q,h3,h5,h7,h9,h11,h13,h15,label", "timestamp,P (W),Q (var),label",
        "Timestamp,RMS Current,Average Current,Peak Current,Apparent (W),Active (W),Reactive (W),"
        "Power Factor,Fundamental Frequency (50Hz),Third Harmonics (150Hz),Fifth (250Hz),"
        "Seventh (350Hz),Ninth (450Hz),label",
        ""};
    if (*heads[f->form])
        fprintf(f->out, "%s\n", heads[f->form]);
}

static void write_file(const struct file *f, const struct held_cycle *c, size_t count, double at_s,
                       struct rand_stream *r)
{
    size_t per = f->form == FORM_CYCLES ? 1 : 50, step = per, k = rand_below(r, per);
    int64_t at_ms = (int64_t)(at_s * 1000), last_ms = -1;
    bool done = false;
    write_heading(f);
    for (; k + per <= count; k += step) {
        struct held_cycle m = mean(&c[k], per);
        int64_t ms = (int64_t)(k + per) * 20 - (f->form == FORM_CYCLES ? 20 : 1'000);
        bool now = !done && ms + (int64_t)per * 20 > at_ms;
        if (f->form == FORM_PLUG)
            step = per * (1 + rand_below(r, 4));
        else if (!now && rand_below(r, 100) < 2)
            continue; /* it was lost */
        if (f->form == FORM_SECONDS || f->form == FORM_BENCH)
            ms += (int64_t)rand_below(r, 120); /* late by that */
        ms = f->start_ms + (f->form == FORM_PLUG ? ms / 1000 * 1000 : ms);
        if (ms <= last_ms)
            continue;
        write_row(f, &m, last_ms = ms, now);
        done = done || now;
    }
}

/* --- reading and scoring ------------------------------------------------------------------ */

static void take_event(void *arg, const struct load_event *e, bool plain, unsigned voltage_dv)
{
    (void)voltage_dv;
    const struct load_step *s = &e->step;
    (void)arg;
    (void)plain;
    if (seen.say)
        printf(
            "    %7.2f s dP %d dQ %d D %d inrush %d h3 %d h5 %d edge %d motor %d unrest %d%s%s%s "
            "%s\n",
            (double)(e->at.ms - seen.start_ms) / 1000, s->power_mw / 1000, s->reactive_mvar / 1000,
            s->distortion_mva / 1000, s->inrush, s->third, s->fifth, s->edge_mw / 1000,
            s->motor_mw / 1000, s->unrest_mw / 1000, s->settled ? "" : " unsettled",
            s->ramp ? " ramp" : "", s->smooth ? " smooth" : "", load_verdict_name(e->verdict));
    if (load_forbidden(e->verdict) && seen.count < 64)
        seen.trips[seen.count++] =
            (struct trip){e->at.ms - seen.start_ms, e->told.ms - seen.start_ms};
}

static void take_label(void *arg, const struct classify_label *label)
{
    (void)arg;
    if (label->at_ms == INT64_MIN)
        return;
    seen.labels++;
    seen.named += classify_is_heating(label->name) == seen.heating;
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

static bool of(const struct trip *t, double on_s)
{
    int64_t ms = (int64_t)(on_s * 1000);
    return t->at_ms >= ms - EARLY_MS - 1'000 && t->at_ms <= ms + REACH_MS;
}

/* Each heating takes the first trip that is its own; a trip of nothing is a false one. */
static void score(struct tally *t, const struct held_case_play *p, int64_t soon_ms)
{
    for (size_t n = 0; n < p->on_count; n++) {
        int64_t told = -1;
        for (size_t k = seen.count; k > 0; k--)
            told = of(&seen.trips[k - 1], p->on_s[n]) ? seen.trips[k - 1].told_ms : told;
        t->events++;
        t->missed += told < 0;
        if (told >= 0)
            told - (int64_t)(p->on_s[n] * 1000) <= soon_ms ? t->soon++ : t->late++;
    }
    int stray = 0;
    for (size_t k = 0; k < seen.count; k++) {
        bool own = false;
        for (size_t n = 0; n < p->on_count; n++)
            own = own || of(&seen.trips[k], p->on_s[n]);
        stray += !own;
    }
    t->events += p->on_count == 0;
    t->trips += stray > 0;
}

static const char *wanted, *only, *keep;
static struct held_cycle cycles[CYCLES_MAX];

static void say_scene(const struct held_case_play *p, const char *name, enum form form)
{
    printf("%s, %s: on at %.2f s\n", name, forms[form].name, p->at_s);
    for (size_t n = 0; n < p->scene.count; n++) {
        const struct held_load *l = &p->scene.load[n];
        printf("  type %d %.0f W from %.2f s, %.3f %.3f %.3f %.3f\n", l->type, l->watts, l->on_s,
               l->a, l->b, l->c, l->d);
    }
}

static void pick_word(const char *words, uint64_t which, char *out, size_t size)
{
    for (; which > 0 && strchr(words, '|'); which--)
        words = strchr(words, '|') + 1;
    snprintf(out, size, "%.*s", (int)strcspn(words, "|"), words);
}

static int read_back(const char *path)
{
    struct load_settings settings = load_settings_default();
    struct classify_sink sink = {take_event, take_label, take_note, take_clock, NULL};
    struct classify_how how = {.settings = &settings, .mains_hz = 50};
    struct classify_problem problem;
    if (classify_file(path, &how, &sink, &problem) == ERR_OK)
        return 0;
    fprintf(stderr, "heldout: %s, line %zu: %s\n", path, problem.line, problem.what);
    return 1;
}

static int play_form(struct tally *t, const struct held_case *c, const struct held_case_play *p,
                     enum form form, int run, struct rand_stream *r)
{
    char path[300], label[CLASSIFY_NAME_MAX];
    size_t count = (size_t)(p->until_s / HELD_CYCLE_S);
    pick_word(c->words, rand_below(r, 4), label, sizeof label);
    snprintf(path, sizeof path, "%s/%.20s_%d_%d.csv", keep, c->name, form, run);
    for (char *at = path + strlen(keep) + 1; *at; at++)
        *at = *at == ' ' || *at == ',' ? '-' : *at;
    struct file f = {
        .out = fopen(path, "w"), .form = form, .label = label, .clock = (int)rand_below(r, 4)};
    if (!f.out)
        return fprintf(stderr, "heldout: %s cannot be written\n", path), 1;
    f.start_ms = form == FORM_PLUG || f.clock > 0 ? EPOCH_MS : 0;
    write_file(&f, cycles, count < CYCLES_MAX ? count : CYCLES_MAX, p->at_s, r);
    fclose(f.out);
    seen = (struct seen){
        .start_ms = f.start_ms, .heating = c->heating, .labels = seen.labels, .named = seen.named};
    struct tally before = *t;
    int bad = read_back(path);
    score(t, p, forms[form].soon_ms);
    if (wanted && strcmp(wanted, c->name) == 0 &&
        (t->missed > before.missed || t->trips > before.trips)) {
        say_scene(p, c->name, form);
        int labels = seen.labels, named = seen.named;
        seen.count = 0;
        seen.say = true;
        bad += read_back(path);
        seen.say = false;
        seen.labels = labels;
        seen.named = named;
    }
    return bad;
}

static void row(const char *name, const struct tally t[FORMS])
{
    printf("%-32s", name);
    for (int f = 0; f < FORMS; f++) {
        int all = t[f].soon + t[f].late + t[f].missed;
        if (all)
            printf(" | %3d %3d of %3d, %2d", t[f].soon, t[f].late, all, t[f].trips);
        else
            printf(" | %15s %2d of %3d", "", t[f].trips, t[f].events);
    }
    puts("");
}

static int play_all(int runs, uint64_t seed)
{
    struct tally all[2][FORMS] = {0};
    int bad = 0;
    for (size_t k = 0; k < held_case_count; k++) {
        const struct held_case *c = &held_cases[k];
        struct rand_stream r = rand_split(seed, c->name);
        struct tally t[FORMS] = {0};
        for (int n = 0; n < runs && (!only || strcmp(only, c->name) == 0); n++) {
            struct held_case_play p = {.random = &r};
            held_case_draw(&p, c);
            held_play(&p.scene, &r, cycles, (size_t)fmin(CYCLES_MAX, p.until_s / HELD_CYCLE_S));
            for (enum form f = 0; f < FORMS; f++)
                bad += play_form(&t[f], c, &p, f, n, &r);
        }
        row(c->name, t);
        for (int f = 0; f < FORMS; f++) {
            struct tally *sum = &all[c->heating][f];
            sum->events += t[f].events;
            sum->soon += t[f].soon;
            sum->late += t[f].late;
            sum->missed += t[f].missed;
            sum->trips += t[f].trips;
        }
    }
    row("all heating", all[1]);
    row("all that is allowed", all[0]);
    printf("labels whose words say what they are: %d of %d\n", seen.named, seen.labels);
    return bad;
}

static void remove_folder(const char *path)
{
    struct dirent *d;
    char name[600];
    DIR *dir = opendir(path);
    while (dir && (d = readdir(dir)))
        if (*d->d_name != '.') {
            snprintf(name, sizeof name, "%s/%s", path, d->d_name);
            unlink(name);
        }
    if (dir)
        closedir(dir);
    rmdir(path);
}

int main(int argc, char **argv)
{
    int runs = 20;
    uint64_t seed = 1;
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--runs") == 0)
            runs = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--say") == 0)
            only = wanted = argv[i + 1];
        else if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--keep") == 0)
            keep = argv[i + 1];
    char folder[] = "/tmp/heldout-XXXXXX";
    if (runs <= 0 || argc % 2 == 0)
        return fprintf(stderr, "usage: heldout [--runs N] [--seed N] [--only CASE] [--say CASE] "
                               "[--keep DIR]\n"),
               2;
    bool own = !keep;
    if (own && !(keep = mkdtemp(folder)))
        return 1;
    printf("%-32s", "found within the second, later");
    for (int f = 0; f < FORMS; f++)
        printf(" | %.21s", forms[f].name);
    puts("");
    int bad = play_all(runs, seed);
    if (own)
        remove_folder(keep);
    return bad != 0;
}
