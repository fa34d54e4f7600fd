#include "app/decide/decide_preview.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/preview_json.h"
#include "app/options.h"
#include "billing/billing.h"
#include "io/io.h"
#include "readings/readings.h"

#define STRATEGY_FILE_MAX 65'536
#define PROGRESS_AFTER_MS 2000
#define PROGRESS_EVERY_MS 500

struct preview {
    const struct decide_preview *asked;
    struct io *io;
    struct strategy_policy policy;
    struct store *ledger, *readings_store;
    struct readings *readings;
    struct store_tx *tx;
    struct control_preview_sum sum;
    struct jwrite json; /* an array of accounts is open */
    int64_t started_ms, told_ms, days, shown;
    bool line_open;
    int32_t offset_s;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu decide: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* --- what is given -------------------------------------------------------------------------------
 */

static enum err load_policy(struct preview *p)
{
    struct bytes file = {};
    struct strategy_problem problem;
    TRY(say(io_file_read(p->asked->strategy, STRATEGY_FILE_MAX, &file), p->asked->strategy));
    enum err e = strategy_policy_parse((const char *)file.data, file.len, &p->policy, &problem);
    io_file_free(&file);
    if (e != ERR_OK)
        fprintf(stderr, "yufu decide: %s: %s at %s: %s %s\n", p->asked->strategy,
                strategy_fault_name(problem.fault), problem.place[0] ? problem.place : "the top",
                strategy_fault_en(problem.fault), strategy_fault_zh(problem.fault));
    return e;
}

static enum err open_store(struct store **s, enum store_kind kind, const char *path)
{
    return say(store_open(s, &(struct store_config){.kind = kind, .path = path, .read_only = true}),
               path);
}

static enum err place(struct store_tx *tx, void *arg)
{
    return billing_place_meters(tx, arg);
}

static enum err load(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

static enum err open_all(struct preview *p)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/ledger.db", p->asked->data) >= (int)sizeof path ||
        !io_file_exists(path))
        return say(ERR_IO_FILE, p->asked->data);
    TRY(open_store(&p->ledger, STORE_LEDGER, path));
    snprintf(path, sizeof path, "%.4000s/readings.db", p->asked->data);
    if (!io_file_exists(path))
        return ERR_OK; /* the platform was never started here: nothing is known of today */
    TRY(open_store(&p->readings_store, STORE_READINGS, path));
    TRY(say(readings_new(&p->readings), path));
    TRY(say(store_read(p->ledger, place, p->readings), path));
    return say(store_read(p->readings_store, load, p->readings), path);
}

/* --- progress ------------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

static void end_line(struct preview *p)
{
    if (p->line_open)
        fprintf(stderr, "\n");
    p->line_open = false;
}

static bool tell_progress(void *arg, int64_t done)
{
    struct preview *p = arg;
    int64_t now = now_ms();
    if (now - p->started_ms < PROGRESS_AFTER_MS || now - p->told_ms < PROGRESS_EVERY_MS)
        return true;
    p->told_ms = now;
    p->line_open = true;
    fprintf(stderr, "\r%" PRId64 " accounts ... 户", done);
    return true;
}

/* --- a line an account ---------------------------------------------------------------------------
 */

static void write_date(const struct preview *p, wall_s at, char text[20])
{
    if (at.s == 0) {
        snprintf(text, 20, "-");
        return;
    }
    struct civil c = civil_from_wall(at, p->offset_s);
    snprintf(text, 20, "%04d-%02u-%02u", (int)c.year, c.month % 100u, c.day % 100u);
}

static void write_money(const struct control_preview_row *row, char text[32])
{
    int64_t size = row->available_fen < 0 ? -row->available_fen : row->available_fen;
    if (row->available_known)
        snprintf(text, 32, "%s%" PRId64 ".%02" PRId64, row->available_fen < 0 ? "-" : "",
                 size / 100, size % 100);
    else
        snprintf(text, 32, "-");
}

static const char *today_word(const struct control_preview_now *now)
{
    return now->cut       ? "cut"
           : now->restore ? "restore"
           : now->held    ? "held"
           : now->warn    ? "warn"
                          : "-";
}

static const char *past_word(const struct control_preview_past *past)
{
    return past->cuts > 0 ? "cut" : past->notices > 0 ? "warn" : "-";
}

/* "before > after" where they differ. */
static void write_change(const char *before, const char *after, char text[24])
{
    if (strcmp(before, after) == 0)
        snprintf(text, 24, "%s", after);
    else
        snprintf(text, 24, "%s > %s", before, after);
}

static void print_held(uint64_t set)
{
    for (int r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (set & STRATEGY_GUARD(r))
            printf("    held: %s %s\n", strategy_reason_en((enum strategy_reason)r),
                   strategy_reason_zh((enum strategy_reason)r));
}

/* Why today is as it is, and what stood against cuts that were not made. */
static void print_why(const struct preview *p, const struct control_preview_row *row)
{
    const struct control_preview_now *now = &row->after.now;
    if (row->refusal != ERR_OK)
        printf("    %s %s\n", err_text_en(row->refusal), err_text_zh(row->refusal));
    else if (p->readings && (now->cut || now->warn))
        printf("    %s %s\n", strategy_reason_en(now->reason), strategy_reason_zh(now->reason));
    if (now->held)
        print_held(now->guards);
    else if (row->after.past.cuts == 0 && row->before.past.cuts > 0)
        print_held(row->after.past.held);
}

static void print_row(struct preview *p, const struct control_preview_row *row)
{
    const struct control_preview_side *b = &row->before, *a = &row->after;
    char warned[20], cut[20], money[32], today[24], past[24];
    if (!control_preview_concerns(row))
        return; /* most accounts: nothing would happen to them */
    end_line(p);
    write_date(p, a->past.first_warned_at, warned);
    write_date(p, a->past.first_cut_at, cut);
    write_money(row, money);
    write_change(today_word(&b->now), today_word(&a->now), today);
    write_change(past_word(&b->past), past_word(&a->past), past);
    if (p->shown++ == 0)
        printf("%-20s %10s  %-12s %-12s %7s %-10s %4s %-10s %8s\n", "account", "available", "today",
               "past days", "notices", "first", "cuts", "first", "off days");
    printf("%-20s %10s  %-12s %-12s %7" PRId64 " %-10s %4" PRId64 " %-10s %8" PRId64 "\n",
           row->account->code, money, today, past, a->past.notices, warned, a->past.cuts, cut,
           a->past.off_days);
    print_why(p, row);
}

static enum err json_row(struct preview *p, const struct control_preview_row *row)
{
    struct site_place place;
    TRY(site_place_get(p->tx, row->account->place_id, &place));
    preview_put_row(&p->json, row, place.code, true);
    return ERR_OK;
}

static enum err take_row(void *arg, const struct control_preview_row *row)
{
    struct preview *p = arg;
    if (p->asked->json)
        return json_row(p, row);
    print_row(p, row);
    return ERR_OK;
}

static enum err run(struct store_tx *tx, void *arg)
{
    struct preview *p = arg;
    struct site_project project;
    TRY(site_project_by_code(tx, p->asked->project, &project));
    TRY(billing_wall_offset(project.zone, io_wall(p->io), &p->offset_s));
    const struct control_preview ask = {.readings = p->readings,
                                        .readings_store = p->readings_store,
                                        .project_id = project.id,
                                        .code = p->asked->code ? p->asked->code : "",
                                        .policy = &p->policy,
                                        .days = p->days,
                                        .now = io_wall(p->io),
                                        .progress = tell_progress,
                                        .progress_arg = p};
    p->tx = tx;
    return control_preview(tx, &ask, take_row, p, &p->sum);
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static void print_today(const struct control_preview_sum *s)
{
    printf("today: %" PRId64 " accounts; warned %" PRId64 " > %" PRId64 ", cut %" PRId64
           " > %" PRId64 ", held %" PRId64 " > %" PRId64 "; newly warned %" PRId64
           ", newly cut %" PRId64 ", no longer warned %" PRId64 ", no longer cut %" PRId64
           "; cannot be judged %" PRId64 "\n",
           s->accounts, s->before.warn, s->after.warn, s->before.cut, s->after.cut, s->before.held,
           s->after.held, s->newly_warned, s->newly_cut, s->no_longer_warned, s->no_longer_cut,
           s->refused);
    printf("今日：共 %" PRId64 " 户；预警 %" PRId64 " > %" PRId64 " 户，停电 %" PRId64 " > %" PRId64
           " 户，欠费受保护 %" PRId64 " > %" PRId64 " 户；新增预警 %" PRId64
           " 户，新增停电 %" PRId64 " 户，不再预警 %" PRId64 " 户，不再停电 %" PRId64
           " 户；无法判断 %" PRId64 " 户\n",
           s->accounts, s->before.warn, s->after.warn, s->before.cut, s->after.cut, s->before.held,
           s->after.held, s->newly_warned, s->newly_cut, s->no_longer_warned, s->no_longer_cut,
           s->refused);
}

static void print_past(const struct control_preview_sum *s, int64_t days)
{
    printf("last %" PRId64 " days: accounts warned %" PRId64 " > %" PRId64 ", cut %" PRId64
           " > %" PRId64 "; notices %" PRId64 " > %" PRId64 ", cuts %" PRId64 " > %" PRId64
           "; newly warned %" PRId64 ", newly cut %" PRId64 ", no longer warned %" PRId64
           ", no longer cut %" PRId64 "\n",
           days, s->before.past_warned, s->after.past_warned, s->before.past_cut, s->after.past_cut,
           s->before.notices, s->after.notices, s->before.cuts, s->after.cuts, s->past_newly_warned,
           s->past_newly_cut, s->past_no_longer_warned, s->past_no_longer_cut);
    printf("最近 %" PRId64 " 天：预警 %" PRId64 " > %" PRId64 " 户，停电 %" PRId64 " > %" PRId64
           " 户；通知 %" PRId64 " > %" PRId64 " 次，停电 %" PRId64 " > %" PRId64
           " 次；新增预警 %" PRId64 " 户，新增停电 %" PRId64 " 户，不再预警 %" PRId64
           " 户，不再停电 %" PRId64 " 户\n",
           days, s->before.past_warned, s->after.past_warned, s->before.past_cut, s->after.past_cut,
           s->before.notices, s->after.notices, s->before.cuts, s->after.cuts, s->past_newly_warned,
           s->past_newly_cut, s->past_no_longer_warned, s->past_no_longer_cut);
}

static void print_sum(const struct preview *p)
{
    uint32_t warnings = strategy_policy_warnings(&p->policy);
    if (p->readings)
        print_today(&p->sum);
    print_past(&p->sum, p->days);
    if (p->sum.after.cut > p->sum.breaker)
        printf("note: the mass-cut breaker would stop after %" PRId64
               " meters. 批量停电熔断将在 %" PRId64 " 块表后中止。\n",
               p->sum.breaker, p->sum.breaker);
    for (int w = 0; w < STRATEGY_WARNING_COUNT; w++)
        if (warnings >> w & 1)
            printf("note: %s %s\n", strategy_warning_en((enum strategy_warning)w),
                   strategy_warning_zh((enum strategy_warning)w));
}

static enum err print_json(struct preview *p)
{
    struct jwrite *w = &p->json;
    uint32_t warnings = strategy_policy_warnings(&p->policy);
    size_t len;
    jwrite_end(w); /* rows */
    jwrite_int(w, "days", p->days);
    jwrite_bool(w, "today_known", p->readings != NULL);
    preview_put_sum(w, &p->sum);
    jwrite_array(w, "warnings");
    for (int i = 0; i < STRATEGY_WARNING_COUNT; i++)
        if (warnings >> i & 1)
            jwrite_text(w, NULL, strategy_warning_name((enum strategy_warning)i));
    jwrite_end(w);
    jwrite_end(w);
    char *text = jwrite_take(w, &len);
    if (!text)
        return say(ERR_MEMORY, "the answer");
    puts(text);
    free(text);
    return ERR_OK;
}

static enum err preview(struct preview *p)
{
    p->days = CONTROL_PREVIEW_DAYS;
    if (p->asked->days)
        TRY(say(options_number(p->asked->days, 0, CONTROL_PREVIEW_DAYS_MAX, &p->days), "--days"));
    TRY(load_policy(p));
    TRY(say(io_open(&p->io, &(struct io_options){0}), "the system"));
    TRY(open_all(p));
    jwrite_object(&p->json, NULL);
    jwrite_array(&p->json, "rows");
    enum err e = store_read(p->ledger, run, p);
    end_line(p);
    TRY(say(e, p->asked->project));
    if (p->asked->json)
        return print_json(p);
    print_sum(p);
    return ERR_OK;
}

enum err decide_preview(const struct decide_preview *asked)
{
    struct preview p = {.asked = asked, .started_ms = now_ms()};
    enum err e = preview(&p);
    jwrite_drop(&p.json);
    readings_free(p.readings);
    store_close(p.readings_store);
    store_close(p.ledger);
    io_close(p.io);
    return e;
}
