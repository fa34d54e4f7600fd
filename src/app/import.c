/* `yufu import`: a whole site from one file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "base/zone.h"
#include "io/io.h"
#include "site/csv.h"
#include "site/import.h"

#define WITH_MAX 64 /* plans and strategies of one call */

struct with { /* --plan CODE=FILE, --strategy CODE=FILE */
    bool strategy;
    const char *text;
};

struct command {
    const char *data, *clock, *effective, *zone, *dry_run, *failed, *file;
    struct with with[WITH_MAX];
    size_t with_count;
    struct site_import *im;
    struct io *io;
};

/* --- the command line ----------------------------------------------------------------------- */

/* Takes the options that may stand several times out of argv; false if one lacks its value. */
static bool take_with(struct command *c, int *argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        bool plan = strcmp(argv[i], "--plan") == 0;
        if (!plan && strcmp(argv[i], "--strategy") != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        if (i + 1 >= *argc || !strchr(argv[i + 1], '=') || c->with_count == WITH_MAX) {
            fprintf(stderr, "yufu import: %s needs CODE=FILE.json (at most %d of them)\n", argv[i],
                    WITH_MAX);
            return false;
        }
        c->with[c->with_count++] = (struct with){!plan, argv[++i]};
    }
    *argc = kept;
    argv[kept] = NULL;
    return true;
}

static enum options_result parse(struct command *c, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"--data", "DIR", &c->data, "databases"},
        {"--dry-run", NULL, &c->dry_run, "tell what would change, and change nothing"},
        {"--plan", "CODE=FILE", &(const char *){NULL}, "a price plan; may stand several times"},
        {"--strategy", "CODE=FILE", &(const char *){NULL}, "a strategy; may stand several times"},
        {"--failed", "FILE.csv", &c->failed, "write the rows with errors here, with reasons"},
        {"--effective", "DATE", &c->effective, "first day of changed plans; default: now"},
        {"--zone", "ZONE", &c->zone, "time zone of --effective"},
        {"--clock", "R,V,SPEED", &c->clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    if (!take_with(c, &argc, argv))
        return OPTIONS_WRONG;
    enum options_result r = options_parse(argc, argv, "[OPTION...] SITE.csv", rows, &words);
    if (r == OPTIONS_GO && words != 1) {
        fprintf(stderr, "yufu import: one site file is needed (see --help)\n");
        return OPTIONS_WRONG;
    }
    c->file = r == OPTIONS_GO ? argv[1] : NULL;
    return r;
}

/* --- loading -------------------------------------------------------------------------------- */

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu import: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

static enum err load_with(struct command *c, const struct with *w)
{
    char code[SITE_CODE_MAX + 1];
    struct bytes body = {};
    size_t len = strcspn(w->text, "=");
    const char *path = w->text + len + 1;
    if (len >= sizeof code)
        return say(ERR_CSV_CODE, w->text);
    memcpy(code, w->text, len);
    code[len] = 0;
    TRY(say(io_file_read(path, SITE_BODY_MAX, &body), path));
    enum err e = w->strategy ? site_import_strategy(c->im, code, (const char *)body.data)
                             : site_import_plan(c->im, code, (const char *)body.data);
    io_file_free(&body);
    return say(e, w->text);
}

static enum err load(struct command *c)
{
    struct bytes file = {};
    enum err e = io_file_read(c->file, CSV_SIZE_MAX, &file);
    TRY(say(e == ERR_OVERFLOW ? ERR_CSV_SIZE : e, c->file));
    e = site_import_open(&c->im, file.data, file.len);
    io_file_free(&file);
    TRY(say(e, c->file));
    for (size_t i = 0; i < c->with_count; i++)
        TRY(load_with(c, &c->with[i]));
    return ERR_OK;
}

/* Midnight of a day like 2026-12-01 in the zone. */
static enum err parse_day(const char *text, const char *zone, wall_s *at)
{
    int year, month, day, used = 0;
    int32_t offset;
    if (!zone_offset(zone, &offset))
        return ERR_CSV_ZONE;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || text[used] || used != 10)
        return ERR_CSV_DATE;
    struct civil c = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    if (month < 1 || day < 1 || !civil_valid(c))
        return ERR_CSV_DATE;
    *at = civil_to_wall(c, offset);
    return ERR_OK;
}

/* --- what came of it ------------------------------------------------------------------------ */

static void print_errors(const struct site_import *im)
{
    size_t count;
    const struct site_import_error *e = site_import_errors(im, &count);
    int64_t all = site_import_result(im)->error_count;
    printf("%6s  %-16s %s\n", "row", "column", "error");
    for (size_t i = 0; i < count; i++) {
        if (e[i].row)
            printf("%6" PRId64, e[i].row);
        else
            printf("%6s", "-");
        printf("  %-16s %-24s %s %s", e[i].column, err_name(e[i].code), err_text_en(e[i].code),
               err_text_zh(e[i].code));
        if (e[i].value[0])
            printf("  [%s]", e[i].value);
        printf("\n");
    }
    if (all > (int64_t)count)
        printf("        ... and %" PRId64 " more\n", all - (int64_t)count);
    printf("%" PRId64 " errors; nothing was changed. 共 %" PRId64 " 处错误,未作任何更改。\n", all,
           all);
}

static void tell_errors(const struct command *c)
{
    char *text = NULL;
    size_t len = 0;
    print_errors(c->im);
    if (!c->failed || say(site_import_failed(c->im, &text, &len), c->failed) != ERR_OK)
        return;
    if (say(io_file_write(c->failed, (struct bytes){(const uint8_t *)text, len}, 0600),
            c->failed) == ERR_OK)
        printf("the rows with errors are in %s. 出错的行已写入该文件。\n", c->failed);
    free(text);
}

static void print_table(const struct command *c, int64_t took_ms)
{
    const struct site_import_result *r = site_import_result(c->im);
    printf("%-12s %8s %8s %8s\n", r->project_code, "new", "changed", "same");
    for (enum site_import_object o = 0; o < SITE_IMPORT_OBJECTS; o++)
        printf("%-12s %8" PRId64 " %8" PRId64 " %8" PRId64 "\n", site_import_object_name(o),
               r->objects[o][SITE_NEW], r->objects[o][SITE_CHANGED], r->objects[o][SITE_SAME]);
    printf("%-12s %8" PRId64 " %8" PRId64 " %8" PRId64 "\n", "rows", r->rows_by_change[SITE_NEW],
           r->rows_by_change[SITE_CHANGED], r->rows_by_change[SITE_SAME]);
    printf("%s (%" PRId64 " rows in %" PRId64 " ms)\n",
           c->dry_run ? "dry run: nothing was written. 试运行,未写入。" : "written. 已写入。",
           r->rows, took_ms);
}

/* --- work ----------------------------------------------------------------------------------- */

static enum err compare(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    return site_import_compare(c->im, tx);
}

static enum err commit(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    return site_import_commit(c->im, tx, "system", io_wall(c->io));
}

/* A dry run makes nothing, not even an empty database. */
static enum err open_ledger(const struct command *c, struct store **s, char *path, size_t cap)
{
    struct store_config config = {.kind = STORE_LEDGER, .path = path};
    snprintf(path, cap, "%s/ledger.db", c->data);
    if (!c->dry_run)
        TRY(say(io_directory_make(c->data), c->data));
    else if (io_file_exists(path))
        config.read_only = true;
    else
        config.path = ":memory:";
    return say(store_open(s, &config), path);
}

/* A file that cannot be opened is told here; errors of its content are told as a table. */
static enum err work(struct command *c)
{
    char path[4096];
    struct store *s = NULL;
    struct io_options io = {};
    wall_s effective = {};
    if (c->clock)
        TRY(say(io_clock_parse(c->clock, &io.clock), "--clock"));
    if (c->effective)
        TRY(say(parse_day(c->effective, c->zone, &effective), "--effective"));
    TRY(say(io_open(&c->io, &io), "the system"));
    TRY(load(c));
    site_import_effective(c->im, effective);
    int64_t began_ms = io_mono_real(c->io).ms;
    TRY(open_ledger(c, &s, path, sizeof path));
    enum err e = c->dry_run ? store_read(s, compare, c) : store_run(s, commit, c);
    store_close(s);
    if (e == ERR_SITE_IMPORT)
        tell_errors(c);
    else if (e == ERR_OK)
        print_table(c, io_mono_real(c->io).ms - began_ms);
    else
        return say(e, path);
    return e;
}

int app_import_main(int argc, char **argv)
{
    static struct command c = {.data = "data", .zone = "Asia/Shanghai"};
    enum options_result r = parse(&c, argc, argv);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    enum err e = work(&c);
    site_import_close(c.im);
    io_close(c.io);
    return e == ERR_OK ? 0 : 1;
}
