/*
 * `yufu forecast`: the n-day rule on recorded balances, walking forward in time. At the end of each
 * day it asks whether the balance lasts N days, from what was known by then, and then looks what
 * became of it.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/commands.h"
#include "app/forecast/forecast_read.h"
#include "base/clock.h"

#define MEAN_DAYS 7

enum rule { RULE_OURS, RULE_MEAN, RULES };

struct score {
    int64_t hit, false_alarm, missed, quiet; /* quiet: rightly not said */
};

struct result {
    struct score score[RULES];
    int64_t unknown; /* days of which nobody knows what became of them */
    int64_t empty;   /* days that began with nothing left: there is nothing to foresee */
};

struct options {
    const char *data;
    int32_t days;
    enum forecast_quantile quantile;
    const struct calendar *calendar;
    bool json, list;
    bool hidden_is_nothing; /* what a recharge hides was not used */
};

/* --- what happened
 * ----------------------------------------------------------------------------------- */

enum outcome { LASTED, FELL_SHORT, NOBODY_KNOWS };

static const struct forecast_day *day_of(const struct forecast_series *s, int32_t day)
{
    static const struct forecast_day none = {};
    return day >= s->first && day < s->first + s->count ? &s->day[day - s->first] : &none;
}

/* What was surely used on the days after `today`, against what was left at its end. */
static enum outcome what_happened(const struct forecast_series *s, const struct options *o,
                                  int32_t today)
{
    int64_t used = 0, left = day_of(s, today)->left;
    bool all_known = true;
    for (int32_t i = 1; i <= o->days; i++) {
        const struct forecast_day *d = day_of(s, today + i);
        if (d->kind == FORECAST_DAY_NONE)
            return NOBODY_KNOWS;
        used += d->used;
        all_known = all_known && d->kind == FORECAST_DAY_KNOWN;
    }
    if (used >= left)
        return FELL_SHORT;
    return all_known || o->hidden_is_nothing ? LASTED : NOBODY_KNOWS;
}

/* --- what the rules say
 * ------------------------------------------------------------------------------ */

static bool mean_says(const struct forecast_series *s, int32_t today, int32_t days, bool *says)
{
    int64_t sum = 0, n = 0;
    for (int32_t i = 0; i < MEAN_DAYS; i++) {
        const struct forecast_day *d = day_of(s, today - i);
        if (d->kind == FORECAST_DAY_NONE)
            continue;
        sum += d->used;
        n++;
    }
    if (n)
        *says = day_of(s, today)->left * n < sum * days;
    return n > 0;
}

/* NULL: nothing can be foreseen yet. Until the next call. */
static struct forecast *foresee(const struct forecast_history *h, const struct options *o,
                                int32_t today)
{
    static struct forecast f;
    enum err e = o->quantile == FORECAST_POINT
                     ? forecast_make_point(h, o->calendar, today, o->days, &f)
                     : forecast_make(h, o->calendar, today, o->days, &f);
    return e == ERR_OK ? &f : NULL;
}

/* --- what recharges hide
 * ----------------------------------------------------------------------------- */

/* Who pays on the day on which the money would have run out shows no use on it, if the room is read
 * once a day. How much of what was expected was seen after the last days that looked short, in
 * 1024ths; all of it where no recharge hid anything. */
#define WHOLE 1024
#define LESSONS 20
#define LESSONS_LEAST 5
#define LESSONS_TENTHS 6 /* of ten lessons so many showed no more than is counted on */

struct lessons {
    int64_t expected[FORECAST_AHEAD_MAX + 1]; /* by day, of those that may be learnt from yet; 0:
                                                 did not look short */
    int32_t seen[LESSONS];
    int32_t count;
};

static int64_t *slot_of(struct lessons *l, int32_t day)
{
    return &l->expected[(uint32_t)day % (FORECAST_AHEAD_MAX + 1)];
}

/* Once the days that were foreseen `days` ago have passed. */
static void learn(struct lessons *l, const struct forecast_series *s, const struct options *o,
                  int32_t today)
{
    int64_t expected = *slot_of(l, today - o->days), used = 0;
    bool hid = false;
    *slot_of(l, today - o->days) = 0;
    for (int32_t i = 0; i < o->days; i++) {
        const struct forecast_day *d = day_of(s, today - i);
        if (d->kind == FORECAST_DAY_NONE ||
            (!o->hidden_is_nothing && d->kind != FORECAST_DAY_KNOWN))
            return;
        used += d->used;
        hid = hid || d->kind == FORECAST_DAY_AT_LEAST;
    }
    if (expected > 0)
        l->seen[l->count++ % LESSONS] =
            hid && used < expected ? (int32_t)(used * WHOLE / expected) : WHOLE;
}

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* How much of what is expected will be seen. */
static int32_t share_seen(const struct lessons *l)
{
    int32_t sorted[LESSONS], count = l->count < LESSONS ? l->count : LESSONS;
    if (count < LESSONS_LEAST)
        return WHOLE;
    memcpy(sorted, l->seen, sizeof sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    return sorted[count * LESSONS_TENTHS / 10];
}

/* The n-day rule, on what is expected to be seen. */
static bool ours_says(struct lessons *l, const struct options *o, int32_t today, int64_t left,
                      struct forecast *f)
{
    int64_t *expected = &f->sum[o->days - 1][o->quantile];
    *slot_of(l, today) = forecast_falls_short(f, left, o->days, o->quantile) ? *expected : 0;
    *expected = *expected * share_seen(l) / WHOLE;
    return forecast_falls_short(f, left, o->days, o->quantile);
}

static void count(struct score *s, bool says, bool fell)
{
    s->hit += says && fell;
    s->false_alarm += says && !fell;
    s->missed += !says && fell;
    s->quiet += !says && !fell;
}

static void list_day(const struct options *o, int32_t today, const bool says[RULES], bool fell)
{
    struct civil c = civil_from_days(today);
    if (o->list && (fell || says[RULE_OURS] || says[RULE_MEAN]))
        printf("  %04d-%02u-%02u  forecast %-5s  mean %-5s  %s\n", c.year, c.month, c.day,
               says[RULE_OURS] ? "short" : "-", says[RULE_MEAN] ? "short" : "-",
               fell ? "fell short" : "lasted");
}

static void tell(struct forecast_history *h, const struct forecast_series *s, int32_t day)
{
    const struct forecast_day *d = day_of(s, day);
    if (d->kind != FORECAST_DAY_NONE && d->used <= FORECAST_USED_MAX &&
        forecast_tell(h, day, d->used,
                      d->kind == FORECAST_DAY_KNOWN ? FORECAST_KNOWN : FORECAST_ESTIMATED) !=
            ERR_OK)
        fprintf(stderr, "yufu forecast: a day of %s was passed over\n", s->name);
}

static void walk(const struct forecast_series *s, const struct options *o, struct result *r)
{
    static struct forecast_history h;
    struct lessons lessons = {};
    h = (struct forecast_history){};
    for (int32_t today = s->first; today < s->first + s->count - o->days; today++) {
        const struct forecast_day *d = day_of(s, today);
        bool says[RULES];
        tell(&h, s, today);
        learn(&lessons, s, o, today);
        if (!d->read)
            continue;
        enum outcome became = what_happened(s, o, today);
        struct forecast *foreseen = d->left > 0 ? foresee(&h, o, today) : NULL;
        if (foreseen)
            says[RULE_OURS] = ours_says(&lessons, o, today, d->left, foreseen);
        if (d->left <= 0) {
            r->empty++;
        } else if (became == NOBODY_KNOWS || !foreseen ||
                   !mean_says(s, today, o->days, &says[RULE_MEAN])) {
            r->unknown++;
        } else {
            for (enum rule k = 0; k < RULES; k++)
                count(&r->score[k], says[k], became == FELL_SHORT);
            list_day(o, today, says, became == FELL_SHORT);
        }
    }
}

/* --- printing
 * ---------------------------------------------------------------------------------------- */

static int64_t percent(int64_t part, int64_t whole)
{
    return whole ? (part * 100 + whole / 2) / whole : -1;
}

static void print_share(int64_t p)
{
    if (p < 0)
        printf("    -");
    else
        printf(" %d.%02d", (int)(p / 100), (int)(p % 100));
}

static void print_score(const char *name, const struct score *s)
{
    printf("  %-16s precision", name);
    print_share(percent(s->hit, s->hit + s->false_alarm));
    printf("  recall");
    print_share(percent(s->hit, s->hit + s->missed));
    printf("   hit %" PRId64 ", false alarm %" PRId64 ", missed %" PRId64 ", quiet %" PRId64 "\n",
           s->hit, s->false_alarm, s->missed, s->quiet);
}

static void print_json_score(const char *name, const struct score *s, const char *more)
{
    printf("\"%s\":{\"hit\":%" PRId64 ",\"false_alarm\":%" PRId64 ",\"missed\":%" PRId64
           ",\"quiet\":%" PRId64 ",\"precision_percent\":%" PRId64 ",\"recall_percent\":%" PRId64
           "}%s",
           name, s->hit, s->false_alarm, s->missed, s->quiet,
           percent(s->hit, s->hit + s->false_alarm), percent(s->hit, s->hit + s->missed), more);
}

static void print_result(const char *name, const struct options *o, const struct result *r)
{
    if (o->json) {
        printf("{\"account\":\"%s\",\"days\":%d,\"empty\":%" PRId64 ",\"unknown\":%" PRId64 ",",
               name, o->days, r->empty, r->unknown);
        print_json_score("forecast", &r->score[RULE_OURS], ",");
        print_json_score("mean_of_7_days", &r->score[RULE_MEAN], "}\n");
        return;
    }
    printf("%s, will it last %d day%s?  (%" PRId64 " days with nothing left, %" PRId64
           " of unknown outcome)\n",
           name, o->days, o->days == 1 ? "" : "s", r->empty, r->unknown);
    print_score("forecast", &r->score[RULE_OURS]);
    print_score("mean of 7 days", &r->score[RULE_MEAN]);
}

static void add(struct result *to, const struct result *r)
{
    to->unknown += r->unknown;
    to->empty += r->empty;
    for (enum rule k = 0; k < RULES; k++) {
        to->score[k].hit += r->score[k].hit;
        to->score[k].false_alarm += r->score[k].false_alarm;
        to->score[k].missed += r->score[k].missed;
        to->score[k].quiet += r->score[k].quiet;
    }
}

/* --- files
 * ------------------------------------------------------------------------------------------- */

static int run_file(const char *path, const struct options *o, struct result *all, size_t *accounts)
{
    struct forecast_file f;
    enum err e = forecast_read(path, &f);
    if (e != ERR_OK) {
        fprintf(stderr, "yufu forecast: %s, line %zu: %s (%s)\n", path, f.bad_line, err_text_en(e),
                err_text_zh(e));
        return 1;
    }
    for (size_t k = 0; k < f.count; k++) {
        struct result r = {};
        walk(&f.series[k], o, &r);
        print_result(f.series[k].name, o, &r);
        add(all, &r);
        (*accounts)++;
    }
    forecast_file_free(&f);
    return 0;
}

static int is_csv(const struct dirent *d)
{
    size_t len = strlen(d->d_name);
    return len > 4 && strcmp(d->d_name + len - 4, ".csv") == 0;
}

static int run_folder(const struct options *o, struct result *all, size_t *accounts)
{
    struct dirent **list;
    int n = scandir(o->data, &list, is_csv, alphasort), bad = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", o->data, list[i]->d_name);
        bad += run_file(path, o, all, accounts);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    if (n <= 0) {
        fprintf(stderr, "yufu forecast: %s holds no .csv file\n", o->data);
        return 1;
    }
    return bad;
}

static int usage(void)
{
    fprintf(
        stderr,
        "usage: yufu forecast --data FILE|FOLDER --days N [--quantile point|p50|p90|p99]\n"
        "                     [--calendar CODE|none] [--hidden unknown|nothing] [--list] [--json]\n"
        "Balances as CSV (a date or a time, then a column an account): at the end of each day,\n"
        "will what is left last N days (1..31)? Precision and recall of the forecast and of the\n"
        "plain mean of seven days. See docs/manual/forecast.md.\n");
    return 2;
}

static bool take_option(const char *name, const char *value, struct options *o)
{
    char *end;
    if (strcmp(name, "--data") == 0)
        o->data = value;
    else if (strcmp(name, "--days") == 0) {
        o->days = (int32_t)strtol(value, &end, 10);
        return *value && !*end && o->days >= 1 && o->days <= FORECAST_AHEAD_MAX;
    } else if (strcmp(name, "--quantile") == 0) {
        o->quantile = 0;
        while (o->quantile < FORECAST_QUANTILES &&
               strcmp(forecast_quantile_name(o->quantile), value) != 0)
            o->quantile++;
        return o->quantile < FORECAST_QUANTILES;
    } else if (strcmp(name, "--calendar") == 0) {
        o->calendar = strcmp(value, "none") == 0 ? NULL : calendar_find(value);
        return o->calendar || strcmp(value, "none") == 0;
    } else if (strcmp(name, "--hidden") == 0) {
        o->hidden_is_nothing = strcmp(value, "nothing") == 0;
        return o->hidden_is_nothing || strcmp(value, "unknown") == 0;
    } else
        return false;
    return true;
}

int app_forecast_main(int argc, char **argv)
{
    struct options o = {.quantile = FORECAST_POINT, .calendar = calendar_find("CN")};
    struct result all = {};
    struct stat st;
    size_t accounts = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o.json = true;
        else if (strcmp(argv[i], "--list") == 0)
            o.list = true;
        else if (i + 1 == argc || !take_option(argv[i], argv[i + 1], &o))
            return usage();
        else
            i++;
    }
    if (!o.data || o.days == 0)
        return usage();
    bool folder = stat(o.data, &st) == 0 && S_ISDIR(st.st_mode);
    int bad = folder ? run_folder(&o, &all, &accounts) : run_file(o.data, &o, &all, &accounts);
    if (accounts > 1)
        print_result("all accounts", &o, &all);
    return bad ? 1 : 0;
}
