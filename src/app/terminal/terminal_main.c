/* `yufu-terminal`: the dorm terminal's logic at a desk. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/terminal/classify.h"
#include "terminal/terminal.h"

/* --- scoring
 * ----------------------------------------------------------------------------------------- */

#define LABELS_MAX 20'000
#define EVENTS_MAX 20'000
#define CLASSES_MAX 64
#define BEFORE_MS 2'500 /* a label is the event's if it lies within */
#define AFTER_MS 5'500

struct noted {
    struct load_event event;
    bool plain;
};

struct book { /* of one file */
    struct classify_label *labels;
    struct noted *events;
    size_t label_count, event_count;
    const char *path;
    const char *labels_path; /* --labels; NULL: none */
    struct classify_clock clock;
    const char *columns; /* --columns; NULL: none */
    unsigned mains_hz, nominal_dv;
    bool quiet;
};

struct class
{
    char name[CLASSIFY_NAME_MAX];
    bool heating;
    int labels, small;
    int hits, plain_hits;   /* heating: labels that were tripped */
    int trips, plain_trips; /* allowed: labels that were tripped */
    int64_t delay_ms;       /* sum over the hits */
};

struct table {
    struct class classes[CLASSES_MAX];
    size_t count;
    int stray, plain_stray; /* trips where nothing was labelled */
};

static struct class *class_of(struct table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->classes[i].name, name) == 0)
            return &t->classes[i];
    if (t->count == CLASSES_MAX)
        return &t->classes[CLASSES_MAX - 1];
    struct class *c = &t->classes[t->count++];
    *c = (struct class){.heating = classify_is_heating(name)};
    snprintf(c->name, sizeof c->name, "%s", name);
    return c;
}

static bool belongs(const struct classify_label *l, const struct load_event *e)
{
    return e->at.ms >= l->at_ms - BEFORE_MS && e->at.ms <= l->at_ms + AFTER_MS;
}

/* Labels of heating take the trips near them; what is left over falls to the allowed ones. */
static void score_moments(struct table *t, const struct book *b, const struct load_settings *s)
{
    for (size_t i = 0; i < b->label_count; i++) {
        struct class *c = class_of(t, b->labels[i].name);
        bool seen = false, tripped = false, plain = false;
        int64_t delay_ms = 0;
        c->labels++;
        for (size_t k = 0; k < b->event_count; k++) {
            const struct load_event *e = &b->events[k].event;
            if (!belongs(&b->labels[i], e))
                continue;
            seen = seen || e->step.power_mw >= s->limit_mw;
            if (load_forbidden(e->verdict) && !tripped)
                delay_ms = e->told.ms - e->at.ms;
            tripped = tripped || load_forbidden(e->verdict);
            plain = plain || b->events[k].plain;
        }
        c->small += !seen;
        c->hits += c->heating && tripped;
        c->plain_hits += c->heating && plain;
        c->delay_ms += c->heating && tripped ? delay_ms : 0;
    }
    for (size_t k = 0; k < b->event_count; k++) {
        const struct load_event *e = &b->events[k].event;
        const struct classify_label *allowed = NULL;
        bool explained = false;
        for (size_t i = 0; i < b->label_count; i++) {
            bool here = belongs(&b->labels[i], e);
            explained = explained || (here && classify_is_heating(b->labels[i].name));
            allowed = here ? &b->labels[i] : allowed;
        }
        if (explained)
            continue;
        if (allowed) {
            class_of(t, allowed->name)->trips += load_forbidden(e->verdict);
            class_of(t, allowed->name)->plain_trips += b->events[k].plain;
        } else {
            t->stray += load_forbidden(e->verdict);
            t->plain_stray += b->events[k].plain;
        }
    }
}

/* What is told later of a step replaces what was said at once. */
static const struct noted *last_word(const struct book *b, size_t k)
{
    const struct noted *n = &b->events[k];
    for (size_t i = k + 1; i < b->event_count; i++)
        if (b->events[i].event.at.ms == n->event.at.ms)
            n = &b->events[i];
    return n;
}

static bool first_word(const struct book *b, size_t k)
{
    for (size_t i = k; i > 0; i--)
        if (b->events[i - 1].event.at.ms == b->events[k].event.at.ms)
            return false;
    return true;
}

/* A recording of one appliance: each step up is one of it. */
static void score_whole(struct table *t, const struct book *b, const struct load_settings *s)
{
    struct class *c = class_of(t, b->labels[0].name);
    for (size_t k = 0; k < b->event_count; k++) {
        if (b->events[k].event.step.power_mw < s->limit_mw || !first_word(b, k))
            continue;
        const struct load_event *e = &last_word(b, k)->event;
        c->labels++;
        c->hits += c->heating && load_forbidden(e->verdict);
        c->plain_hits += c->heating && b->events[k].plain;
        c->trips += !c->heating && load_forbidden(e->verdict);
        c->plain_trips += !c->heating && b->events[k].plain;
        c->delay_ms += c->heating && load_forbidden(e->verdict) ? e->told.ms - e->at.ms : 0;
    }
}

static void print_table(const struct table *t)
{
    printf("\n%-24s %-8s %7s %6s | %5s %6s %6s %8s | plain: %5s %6s %6s\n", "class", "is", "labels",
           "small", "hit", "missed", "false", "delay", "hit", "missed", "false");
    for (size_t i = 0; i < t->count; i++) {
        const struct class *c = &t->classes[i];
        int aim = c->heating ? c->labels - c->small : 0;
        printf("%-24s %-8s %7d %6d | %5d %6d %6d %6" PRId64 "ms | %12d %6d %6d\n", c->name,
               c->heating ? "heating" : "allowed", c->labels, c->small, c->hits,
               aim > c->hits ? aim - c->hits : 0, c->trips, c->hits ? c->delay_ms / c->hits : 0,
               c->plain_hits, aim > c->plain_hits ? aim - c->plain_hits : 0, c->plain_trips);
    }
    printf("trips where nothing was labelled: %d; plain rule: %d\n", t->stray, t->plain_stray);
}

/* --- one file
 * ------------------------------------------------------------------------------------------ */

/* As the recording writes it: its own clock, or its own seconds. */
static void print_time(const struct classify_clock *c, int64_t ms)
{
    int64_t local = ms + c->offset_ms, s = local / 1000, day = s / 86'400, part = local % 1000;
    struct civil d = civil_from_days((int32_t)day);
    if (c->dated)
        printf("%04d-%02d-%02dT", d.year, d.month, d.day);
    if (c->dated || c->of_day)
        printf("%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64, s / 3600 % 24, s / 60 % 60,
               s % 60, part);
    else
        printf("%.3f", (double)ms / 1000);
}

/* The powers of a line are at nominal voltage; a meter beside it shows this. */
static void print_measured(const struct load_event *e, unsigned nominal_dv, unsigned voltage_dv)
{
    double u = (double)voltage_dv / nominal_dv;
    if (voltage_dv > 0 && fabs(u - 1) > 0.01)
        printf(" [%+.1f W at %.1f V]", e->step.power_mw / 1000.0 * u * u, voltage_dv / 10.0);
}

static void print_event(const struct book *b, const struct load_event *e, bool plain,
                        unsigned voltage_dv)
{
    const struct load_step *s = &e->step;
    print_time(&b->clock, e->at.ms);
    printf("  dP %+9.1f W  dQ %+8.1f var  factor %.3f  inrush %.2f  h3 %.3f  %4" PRId64
           " ms  %-20s %s%s",
           s->power_mw / 1000.0, s->reactive_mvar / 1000.0, s->factor / 1000.0, s->inrush / 1000.0,
           s->third / 1000.0, e->told.ms - e->at.ms, load_verdict_name(e->verdict),
           load_verdict_en(e->verdict), load_verdict_zh(e->verdict));
    print_measured(e, b->nominal_dv, voltage_dv);
    puts(plain ? " [plain rule: trip]" : "");
}

static void take_event(void *arg, const struct load_event *e, bool plain, unsigned voltage_dv)
{
    struct book *b = arg;
    if (!b->quiet)
        print_event(b, e, plain, voltage_dv);
    if (b->event_count < EVENTS_MAX)
        b->events[b->event_count++] = (struct noted){*e, plain};
}

static void take_label(void *arg, const struct classify_label *label)
{
    struct book *b = arg;
    if (b->label_count < LABELS_MAX)
        b->labels[b->label_count++] = *label;
}

static void take_clock(void *arg, const struct classify_clock *clock)
{
    ((struct book *)arg)->clock = *clock;
}

static void say_problem(const char *path, const struct classify_problem *p)
{
    fprintf(stderr, "yufu-terminal: %s", path);
    if (p->line)
        fprintf(stderr, ", line %zu", p->line);
    if (p->column)
        fprintf(stderr, ", column %zu", p->column);
    fprintf(stderr, ": %s\n", p->what);
}

static void say_note(void *arg, const struct classify_problem *note)
{
    say_problem(((struct book *)arg)->path, note);
}

/* A label of which no zone, or no day, is known has those of the recording. */
static void place_label(const struct classify_clock *c, struct classify_label *l)
{
    const int64_t day_ms = 86'400'000;
    if (l->at_ms == INT64_MIN || !c->dated)
        return;
    if (!l->zoned)
        l->at_ms -= c->offset_ms;
    if (!l->undated)
        return;
    int64_t first = c->first_ms + c->offset_ms;
    l->at_ms += first - first % day_ms;
    if (l->at_ms < c->first_ms - day_ms / 2)
        l->at_ms += day_ms; /* past the recording's midnight */
}

/* Says so where nothing of what is labelled lies within the recording. */
static void place_labels(struct book *b)
{
    size_t inside = 0;
    for (size_t i = 0; i < b->label_count; i++) {
        place_label(&b->clock, &b->labels[i]);
        int64_t at = b->labels[i].at_ms;
        inside += at == INT64_MIN ||
                  (at >= b->clock.first_ms - BEFORE_MS && at <= b->clock.last_ms + AFTER_MS);
    }
    if (b->label_count > 0 && inside == 0)
        fprintf(
            stderr,
            "yufu-terminal: %s: no label lies within the recording; are their clocks the same?\n",
            b->path);
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length >= size && strcasecmp(name + length - size, end) == 0;
}

/* Bytes of a name before .csv, .csv.gz ... */
static size_t stem_of(const char *path)
{
    size_t length = strlen(path) - (ends_with(path, ".gz") ? 3 : 0);
    for (size_t at = length; at > 0 && path[at - 1] != '/'; at--)
        if (path[at - 1] == '.')
            return at - 1;
    return length;
}

/* Those of --labels; else those of NAME.labels.csv beside NAME.csv, if it is there. */
static int read_labels(const char *path, struct book *b, const struct classify_sink *sink)
{
    char beside[1024];
    struct classify_problem problem;
    snprintf(beside, sizeof beside, "%.*s.labels.csv", (int)stem_of(path), path);
    const char *labels = b->labels_path ? b->labels_path : beside;
    if ((!b->labels_path && access(beside, F_OK) != 0) ||
        classify_labels(labels, sink, &problem) == ERR_OK)
        return 0;
    say_problem(labels, &problem);
    return 1;
}

static int classify_one(const char *path, const struct load_settings *s, struct book *b,
                        struct table *t)
{
    struct classify_problem problem;
    struct classify_sink sink = {take_event, take_label, say_note, take_clock, b};
    struct classify_how how = {.settings = s, .mains_hz = b->mains_hz, .columns = b->columns};
    b->label_count = b->event_count = 0;
    b->nominal_dv = s->nominal_dv;
    b->path = path;
    b->clock = (struct classify_clock){};
    printf("%s\n", path);
    if (read_labels(path, b, &sink) != 0)
        return 1;
    enum err e = classify_file(path, &how, &sink, &problem);
    if (e != ERR_OK) {
        say_problem(path, &problem);
        return 1;
    }
    place_labels(b);
    if (b->label_count == 1 && b->labels[0].at_ms == INT64_MIN)
        score_whole(t, b, s);
    else if (b->label_count)
        score_moments(t, b, s);
    return 0;
}

/* What belongs to another file is not read for itself. */
static int is_recording(const struct dirent *d)
{
    static const char *const others[] = {"events.csv", "current.csv", "voltage.csv", "labels.csv"};
    static const char *const ends[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz"};
    bool fits = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        fits = fits || ends_with(d->d_name, ends[i]);
    if (*d->d_name == '.' || !fits)
        return 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(d->d_name, others[i]) == 0)
            return 0;
    return !strstr(d->d_name, ".labels.");
}

/* A file, or all recordings of a folder by name. */
static int classify_path(const char *path, const struct load_settings *s, struct book *b,
                         struct table *t)
{
    struct stat st;
    struct dirent **found;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return classify_one(path, s, b, t);
    int bad = 0, count = scandir(path, &found, is_recording, alphasort);
    for (int i = 0; i < count; i++) {
        char whole[1024];
        snprintf(whole, sizeof whole, "%s/%s", path, found[i]->d_name);
        bad += classify_one(whole, s, b, t);
        free(found[i]);
    }
    if (count >= 0)
        free(found);
    if (count > 0)
        return bad;
    fprintf(stderr, "yufu-terminal: %s: a folder without .csv or .tsv files\n", path);
    return 1;
}

static int usage(void)
{
    fprintf(
        stderr,
        "usage: yufu-terminal classify [--limit W] [--nominal V] [--lamp S] [--white W[:VAR]]... "
        "[--labels FILE] [--columns NAMES] [--mains HZ] [--quiet] FILE|FOLDER...\n"
        "       yufu-terminal rules\n"
        "Recorded loads through the terminal's load watch: one line an event, then, where the\n"
        "recording says what it was, hits, misses and false trips a class.\n"
        "--mains 60: of series that count cycles (50).\n"
        "--columns time,P,Q,U,I: a file without a heading, or with one that is not known.\n"
        "The formats are in docs/manual/load.md; plain: time,P[,Q,U,I,h3,h5,..h15,label]\n"
        "rules: which reason opens or closes a circuit before which other, and what ends it.\n");
    return 2;
}

static bool take_option(const char *name, const char *value, struct load_settings *s)
{
    char *end;
    double v = value ? strtod(value, &end) : -1;
    if (!value || end == value || v < 0 || v > 1e6)
        return false;
    if (strcmp(name, "--limit") == 0)
        s->limit_mw = (int32_t)(v * 1000);
    else if (strcmp(name, "--nominal") == 0)
        s->nominal_dv = (uint16_t)(v * 10);
    else if (strcmp(name, "--lamp") == 0)
        s->lamp_s = (uint16_t)v;
    else if (strcmp(name, "--white") == 0) {
        size_t i = 0;
        while (i < LOAD_WHITE_MAX && s->white[i].power_mw)
            i++;
        if (i == LOAD_WHITE_MAX)
            return false;
        s->white[i].power_mw = (int32_t)(v * 1000);
        s->white[i].reactive_mvar = *end == ':' ? (int32_t)(strtod(end + 1, NULL) * 1000) : 0;
    } else
        return false;
    return true;
}

static bool take_mains(const char *value, unsigned *hz)
{
    *hz = strcmp(value, "60") == 0 ? 60 : 50;
    return *hz == 60 || strcmp(value, "50") == 0;
}

static int classify(int argc, char **argv)
{
    static struct table table;
    struct load_settings s = load_settings_default();
    struct book b = {.mains_hz = 50,
                     .labels = calloc(LABELS_MAX, sizeof *b.labels),
                     .events = calloc(EVENTS_MAX, sizeof *b.events)};
    int i = 0, bad = 0;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--quiet") == 0)
            b.quiet = true;
        else if (strcmp(argv[i], "--labels") == 0 && i + 1 < argc)
            b.labels_path = argv[++i];
        else if (strcmp(argv[i], "--columns") == 0 && i + 1 < argc)
            b.columns = argv[++i];
        else if (strcmp(argv[i], "--mains") == 0 && i + 1 < argc)
            bad |= !take_mains(argv[++i], &b.mains_hz);
        else if (!take_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &s))
            bad = 1;
        else
            i++;
    }
    if (bad || i >= argc || !b.labels || !b.events) {
        free(b.labels);
        free(b.events);
        return usage();
    }
    for (; i < argc; i++)
        bad += classify_path(argv[i], &s, &b, &table);
    if (table.count)
        print_table(&table);
    free(b.labels);
    free(b.events);
    return bad ? 1 : 0;
}

/* --- the table of reasons
 * ----------------------------------------------------------------------------------------- */

static void print_rule(unsigned place, enum terminal_reason reason, const char *effect,
                       const char *ends, const char *zh)
{
    printf("| %u | `%s` (%d) | %s | %s | %s |\n", place, terminal_reason_name(reason), reason,
           effect, ends, zh);
}

/* The manual shows what this prints; a test compares them. */
static int rules(void)
{
    unsigned place = 0;
    puts("| # | reason | the circuit | ended by | 解除方式 |\n|---|---|---|---|---|");
#define OPENS "open"
#define CLOSES "closed"
#define RULE(reason, effect, holds, ends, zh)                                                      \
    print_rule(++place, TERMINAL_REASON_##reason, effect, ends, zh);
#include "terminal/rules_table.h"
#undef RULE
#undef OPENS
#undef CLOSES
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("yufu-terminal %s\n", YUFU_VERSION);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "classify") == 0)
        return classify(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "rules") == 0)
        return rules();
    return usage();
}
