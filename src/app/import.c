/* `yufu import`: a whole site from one file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "base/zone.h"
#include "control/fee.h"
#include "io/io.h"
#include "readings/readings.h"
#include "site/csv.h"
#include "site/import.h"

#define SHOWN_MAX 1000 /* errors on the screen; --failed has all of them */
#define WITH_MAX 64    /* plans and strategies of one call */

struct with { /* --plan CODE=FILE, --strategy CODE=FILE */
    bool strategy;
    const char *text;
};

struct command {
    const char *data, *clock, *effective, *zone, *dry_run, *failed, *file;
    const char *list, *undo, *reason;
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
        {"--zone", "ZONE", &c->zone, "time zone of --effective and --list"},
        {"--list", NULL, &c->list, "what was imported, newest first"},
        {"--undo", "NUMBER", &c->undo, "take an import back, if nothing has happened since"},
        {"--reason", "TEXT", &c->reason, "why it is undone; goes into the audit"},
        {"--clock", "R,V,SPEED", &c->clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    if (!take_with(c, &argc, argv))
        return OPTIONS_WRONG;
    enum options_result r = options_parse(argc, argv, "[OPTION...] SITE.csv", rows, &words);
    bool past = c->list || c->undo;
    if (r == OPTIONS_GO && c->undo && !c->dry_run && !c->reason) {
        fprintf(stderr, "yufu import: --undo needs --reason TEXT (or --dry-run)\n");
        return OPTIONS_WRONG;
    }
    if (r == OPTIONS_GO && past)
        return r;
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
    count = count < SHOWN_MAX ? count : SHOWN_MAX;
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
    printf("%" PRId64 " errors; nothing was changed. 共 %" PRId64 " 处错误，未作任何更改。\n", all,
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
    if (!c->dry_run && r->import_id)
        printf("import %" PRId64 "\n", r->import_id);
    printf("%s (%" PRId64 " rows in %" PRId64 " ms)\n",
           c->dry_run ? "dry run: nothing was written. 试运行，未写入。" : "written. 已写入。",
           r->rows, took_ms);
}

/* --- work ----------------------------------------------------------------------------------- */

static enum err compare(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    return site_import_compare(c->im, tx);
}

/* No cut and no permission outlives the contract that it stood on. */
static enum err grounds_changed(const struct command *c, struct store_tx *tx)
{
    struct control_grounds grounds = {.now = io_wall(c->io)};
    io_random(&grounds.random, sizeof grounds.random);
    return control_grounds_changed(tx, &grounds);
}

static enum err commit(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    TRY(site_import_commit(c->im, tx, "system", io_wall(c->io)));
    return grounds_changed(c, tx);
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
    site_import_now(c->im, io_wall(c->io));
    const char *slash = strrchr(c->file, '/');
    site_import_name(c->im, slash ? slash + 1 : c->file);
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

/* --- what was imported before ----------------------------------------------------------------- */

struct past {
    const struct command *c;
    int32_t offset_s; /* of the zone in which times are told */
    struct readings *readings;
    struct site_undo undo;
};

static enum err print_one(void *arg, const struct site_imported *i)
{
    const struct past *p = arg;
    struct civil at = civil_from_wall(i->at, p->offset_s);
    printf("%6" PRId64 "  %04d-%02d-%02d %02d:%02d %-10s %8" PRId64 " %8" PRId64 " %8" PRId64
           "  %s%s%s\n",
           i->id, at.year, at.month, at.day, at.hour, at.minute, i->actor,
           i->rows_by_change[SITE_NEW], i->rows_by_change[SITE_CHANGED],
           i->rows_by_change[SITE_SAME], i->file, i->undone_at.s ? "  undone 已撤销：" : "",
           i->undo_reason);
    return ERR_OK;
}

static enum err list_work(struct store_tx *tx, void *arg)
{
    printf("%6s  %-16s %-10s %8s %8s %8s  %s\n", "number", "at", "by", "new", "changed", "same",
           "file");
    return site_imports(tx, 0, 0, 1000, print_one, arg);
}

static bool was_read(void *arg, int64_t meter_id)
{
    const struct past *p = arg;
    wall_s at;
    int64_t epoch;
    return readings_newest(p->readings, meter_id, &at, &epoch);
}

static enum err undo_work(struct store_tx *tx, void *arg)
{
    struct past *p = arg;
    TRY(site_import_undo(tx, &p->undo, "system", p->c->reason, io_wall(p->c->io)));
    return grounds_changed(p->c, tx);
}

static enum err undo_check(struct store_tx *tx, void *arg)
{
    struct past *p = arg;
    return site_import_undo_check(tx, &p->undo);
}

static void print_blockers(const struct site_undo *u)
{
    for (size_t i = 0; i < u->shown; i++) {
        printf("%-12s %-24s %s %s", u->blockers[i].object, u->blockers[i].code,
               site_undo_reason_en(u->blockers[i].reason),
               site_undo_reason_zh(u->blockers[i].reason));
        if (u->blockers[i].later_import)
            printf(" Import no. %" PRId64 ". 导入编号 %" PRId64 "。", u->blockers[i].later_import,
                   u->blockers[i].later_import);
        printf("\n");
    }
    printf("%" PRId64 " stand in the way; nothing was changed. 共 %" PRId64
           " 处阻碍，未作任何更改。\n",
           u->blocker_count, u->blocker_count);
}

static enum err load_readings(struct store_tx *tx, void *arg)
{
    struct past *p = arg;
    return readings_load(p->readings, tx);
}

/* Without a readings database no meter was read. */
static enum err ask_readings(struct past *p)
{
    char path[4096];
    struct store *s = NULL;
    snprintf(path, sizeof path, "%s/readings.db", p->c->data);
    if (!io_file_exists(path))
        return ERR_OK;
    TRY(say(readings_new(&p->readings), path));
    TRY(say(
        store_open(&s,
                   &(struct store_config){.kind = STORE_READINGS, .path = path, .read_only = true}),
        path));
    enum err e = say(store_read(s, load_readings, p), path);
    store_close(s);
    p->undo.was_read = was_read;
    p->undo.arg = p;
    return e;
}

static enum err undo_one(struct past *p, struct store *s)
{
    TRY(ask_readings(p));
    enum err e = p->c->dry_run ? store_read(s, undo_check, p) : store_run(s, undo_work, p);
    if (e == ERR_SITE_UNDO)
        print_blockers(&p->undo);
    else if (e == ERR_OK)
        printf("import %" PRId64 ": %" PRId64 " removed, %" PRId64 " facts put back%s\n",
               p->undo.import_id, p->undo.removed, p->undo.restored,
               p->c->dry_run ? " if it is undone. 试运行，未撤销。" : ". 已撤销。");
    else
        return say(e, "undo");
    return e;
}

static enum err look_back(struct command *c)
{
    char path[4096];
    struct store *s = NULL;
    static struct past p;
    struct io_options io = {};
    p.c = c;
    if (!zone_offset(c->zone, &p.offset_s))
        return say(ERR_CSV_ZONE, "--zone");
    p.undo.import_id = c->undo ? strtoll(c->undo, NULL, 10) : 0;
    if (c->clock)
        TRY(say(io_clock_parse(c->clock, &io.clock), "--clock"));
    TRY(say(io_open(&c->io, &io), "the system"));
    TRY(open_ledger(c, &s, path, sizeof path));
    enum err e = c->undo ? undo_one(&p, s) : say(store_read(s, list_work, &p), path);
    readings_free(p.readings);
    store_close(s);
    return e;
}

int app_import_main(int argc, char **argv)
{
    static struct command c = {.data = "data", .zone = "Asia/Shanghai"};
    enum options_result r = parse(&c, argc, argv);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    enum err e = c.list || c.undo ? look_back(&c) : work(&c);
    site_import_close(c.im);
    io_close(c.io);
    return e == ERR_OK ? 0 : 1;
}
