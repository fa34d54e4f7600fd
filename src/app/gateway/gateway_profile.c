/*
 * The meter is asked where its records begin and end, then from one time on after another; parts
 * of an answer are gathered before they are understood.
 */
#include "app/gateway/gateway_profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "base/must.h"
#include "proto/dlt645_ask.h"
#include "proto/dlt645_load.h"
#include "proto/dlt645_say.h"

#define ATTEMPTS 3
#define BLOCKS_MAX 9 /* above, some meters take the number for digits and some do not */
#define JOINED_MAX 16'384
#define REPEATS 2 /* of a question whose answer fell apart */

/* What is being asked. */
enum stage { OLDEST, LATEST, RECORDS, DONE };

struct profile {
    const struct profile_wish *wish;
    struct bus bus;
    struct probe probe;
    enum stage stage;
    unsigned group;
    uint8_t blocks, blocks_wished;
    wall_s from, to; /* as the meter's clock shows them: no zone */
    int64_t step_s;
    uint32_t id; /* of the question under way */
    struct dlt645_join join;
    uint8_t joined[JOINED_MAX];
    struct writer data;
    bool asked;
    unsigned repeats;
    int64_t records, doubtful, damaged, holes;
    enum err failed; /* why it ended early */
};

static const struct {
    const char *name;
} group_names[DLT645_LOAD_GROUPS + 1] = {{"all"},    {"voltage"},  {"power"}, {"factor"},
                                         {"energy"}, {"reactive"}, {"demand"}};

/* Columns of the file, in the order of dlt645_load_field; units as in its table. */
static const char *const headings[DLT645_LOAD_COLUMNS] = {
    "voltage_a_V",
    "voltage_b_V",
    "voltage_c_V",
    "current_a_A",
    "current_b_A",
    "current_c_A",
    "frequency_Hz",
    "active_total_kW",
    "active_a_kW",
    "active_b_kW",
    "active_c_kW",
    "reactive_total_kvar",
    "reactive_a_kvar",
    "reactive_b_kvar",
    "reactive_c_kvar",
    "factor_total",
    "factor_a",
    "factor_b",
    "factor_c",
    "forward_active_kWh",
    "reverse_active_kWh",
    "combined_reactive_1_kvarh",
    "combined_reactive_2_kvarh",
    "quadrant_1_kvarh",
    "quadrant_2_kvarh",
    "quadrant_3_kvarh",
    "quadrant_4_kvarh",
    "active_demand_kW",
    "reactive_demand_kvar",
};

/* --- words ------------------------------------------------------------------------------------ */

static bool wrong(const struct profile_wish *w, const char *en, const char *zh)
{
    fprintf(stderr, "%s\n", w->chinese ? zh : en);
    return false;
}

/* "2026-11-25", "2026-11-25T06:15" or with a blank instead of T. */
static bool take_time(const char *text, wall_s *t)
{
    unsigned year, month, day, hour = 0, minute = 0;
    int used = 0, more = 0;
    if (sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) != 3)
        return false;
    if (text[used] == 'T' || text[used] == ' ') {
        if (sscanf(text + used + 1, "%2u:%2u%n", &hour, &minute, &more) != 2)
            return false;
        used += 1 + more;
    }
    struct civil c = {
        (int32_t)year, (uint8_t)month, (uint8_t)day, (uint8_t)hour, (uint8_t)minute, 0, 0};
    if (text[used] != '\0' || year < 2000 || year > 2099 || !civil_valid(c))
        return false;
    *t = civil_to_wall(c, 0);
    return true;
}

static bool take_group(const char *text, unsigned *group)
{
    *group = 0;
    while (*group <= DLT645_LOAD_GROUPS && strcmp(group_names[*group].name, text) != 0)
        (*group)++;
    return *group <= DLT645_LOAD_GROUPS;
}

static bool take_words(struct profile *p)
{
    const struct profile_wish *w = p->wish;
    int64_t blocks, minutes;
    if (strcmp(w->unit->model->driver->name, "dlt645") != 0)
        return wrong(w, "Only meters of DL/T 645-2007 keep load records that can be read.",
                     "仅 DL/T 645-2007 表计支持负荷记录抄读。");
    if (!take_time(w->from, &p->from) || !w->to || !take_time(w->to, &p->to) || p->to.s < p->from.s)
        return wrong(w, "--profile FROM TO: two times like 2026-11-25T06:00, the first not later.",
                     "--profile 起始 截止：两个时间，如 2026-11-25T06:00，起始不得晚于截止。");
    if (!take_group(w->group, &p->group))
        return wrong(w, "--group is all, voltage, power, factor, energy, reactive or demand.",
                     "--group 为 all、voltage、power、factor、energy、reactive 或 demand。");
    if (options_number(w->blocks, 1, BLOCKS_MAX, &blocks) != ERR_OK)
        return wrong(w, "--blocks is 1 to 9.", "--blocks 为 1 至 9。");
    if (options_number(w->step, 1, 1440, &minutes) != ERR_OK)
        return wrong(w, "--step is 1 to 1440 minutes.", "--step 为 1 至 1440 分钟。");
    p->blocks = p->blocks_wished = (uint8_t)blocks;
    p->step_s = minutes * 60;
    return true;
}

static void show_time(wall_s t, FILE *out)
{
    struct civil c = civil_from_wall(t, 0);
    fprintf(out, "%04d-%02u-%02u %02u:%02u", (int)c.year, c.month, c.day, c.hour, c.minute);
}

static void progress(const struct profile *p)
{
    fprintf(stderr, probe_text(&p->probe, "%" PRId64 " records, at ", "已读 %" PRId64 " 条，至 "),
            p->records);
    show_time(p->from, stderr);
    fputc('\n', stderr);
}

/* --- records ---------------------------------------------------------------------------------- */

static bool in_group(const struct profile *p, unsigned column)
{
    static const uint8_t first[DLT645_LOAD_GROUPS + 1] = {
        0, 7, 15, 19, 23, 27, DLT645_LOAD_COLUMNS};
    return p->group == 0 || (column >= first[p->group - 1] && column < first[p->group]);
}

static void show_heading(const struct profile *p)
{
    printf("time,doubtful");
    for (unsigned i = 0; i < DLT645_LOAD_COLUMNS; i++)
        if (in_group(p, i))
            printf(",%s", headings[i]);
    putchar('\n');
}

/* A cell is empty where the meter has no such value, and "?" where it told none that can be. */
static void show_record(struct profile *p, const struct dlt645_load_record *rec, wall_s at)
{
    show_time(at, stdout);
    printf(",%d", rec->doubtful);
    for (unsigned i = 0; i < DLT645_LOAD_COLUMNS; i++) {
        char text[32] = "";
        struct dlt645_value v;
        if (!in_group(p, i))
            continue;
        if (dlt645_load_value(rec, i, &v) && v.state == DLT645_OK)
            dlt645_value_text(&v, text, sizeof text);
        else if (dlt645_load_value(rec, i, &v) && v.state == DLT645_DAMAGED)
            snprintf(text, sizeof text, "?");
        printf(",%s", text);
    }
    putchar('\n');
    p->records++;
    p->doubtful += rec->doubtful;
}

/* The next record of the joined answer; damaged ones are counted and passed over. */
static bool next_record(struct profile *p, struct bytes *rest, struct dlt645_load_record *rec,
                        wall_s *at)
{
    size_t used, len = rest->len;
    enum err e;
    bool damaged = false;
    do {
        e = dlt645_load_decode(*rest, p->group, rec, &used);
        if (e == ERR_OK && dlt645_load_time(rec, 0, at) != ERR_OK)
            e = ERR_RANGE;
        *rest = (struct bytes){rest->data + used, rest->len - used};
        damaged = damaged || e != ERR_OK; /* bytes that are no record, too */
    } while (e != ERR_OK && e != ERR_TRUNCATED);
    p->damaged += damaged && (e == ERR_OK || len > 0);
    return e == ERR_OK;
}

static void take_records(struct profile *p)
{
    struct bytes rest = {p->data.data, p->data.len};
    struct dlt645_load_record rec;
    wall_s at, last = {INT64_MIN};
    while (next_record(p, &rest, &rec, &at)) {
        if (at.s >= p->from.s && at.s <= p->to.s && at.s > last.s)
            show_record(p, &rec, at);
        last = at.s > last.s ? at : last;
    }
    bool moved = last.s >= p->from.s;
    p->holes += !moved;
    p->from.s = moved ? last.s + 60 : p->from.s + p->step_s;
    if (p->from.s > p->to.s)
        p->stage = DONE;
    progress(p);
}

/* Where the meter's records begin and end: nothing is asked for outside. */
static void take_bound(struct profile *p)
{
    struct bytes rest = {p->data.data, p->data.len};
    struct dlt645_load_record rec;
    wall_s at;
    bool told = next_record(p, &rest, &rec, &at);
    if (told && p->stage == OLDEST && at.s > p->from.s)
        p->from = at;
    if (told && p->stage == LATEST && at.s < p->to.s)
        p->to = at;
    p->stage++;
    if (p->stage == RECORDS && p->from.s > p->to.s)
        p->stage = DONE;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void submit(struct profile *p, const struct dlt645_frame *f)
{
    struct bus_job job = {.priority = BUS_ORDER, .attempts = ATTEMPTS, .tag = 1};
    struct writer w = writer_of(job.request, sizeof job.request);
    dlt645_encode(f, p->wish->unit->model->quirks.preamble, &w);
    MUST(w.err == ERR_OK);
    job.len = (uint16_t)w.len;
    MUST(bus_submit(&p->bus, &job) == ERR_OK);
    p->asked = true;
}

static void ask(struct profile *p)
{
    static const enum dlt645_load_which which[] = {DLT645_LOAD_OLDEST, DLT645_LOAD_LATEST,
                                                   DLT645_LOAD_FROM};
    struct dlt645_time from = dlt645_time_of(p->from, 0);
    struct dlt645_frame f;
    p->id = dlt645_load_id(p->group, which[p->stage]);
    p->join = (struct dlt645_join){0};
    p->data = writer_of(p->joined, sizeof p->joined);
    dlt645_ask_read_blocks(&f, p->wish->unit->address, p->id, p->stage == RECORDS ? p->blocks : 1,
                           p->stage == RECORDS ? &from : NULL);
    submit(p, &f);
}

static void ask_more(struct profile *p)
{
    struct dlt645_frame f;
    dlt645_ask_more(&f, p->wish->unit->address, p->id, p->join.next);
    submit(p, &f);
}

/* The meter has none there. Or it does not give so many at once: then one by one. */
static void take_refusal(struct profile *p)
{
    if (p->stage == OLDEST) {
        p->failed = ERR_METER_REFUSED;
        p->stage = DONE;
    } else if (p->stage == LATEST) {
        p->stage++;
    } else if (p->blocks > 1) {
        p->blocks = 1;
    } else {
        p->blocks = p->blocks_wished;
        p->data.len = 0;
        take_records(p);
    }
}

static void take_whole(struct profile *p)
{
    p->repeats = 0;
    if (p->stage == RECORDS)
        take_records(p);
    else
        take_bound(p);
}

static void fail(struct profile *p, enum err e)
{
    p->failed = e;
    p->stage = DONE;
}

/* A follower that does not fit: the whole question again, a few times. */
static void take_answer(struct profile *p, const struct bus_result *r)
{
    struct dlt645_frame f;
    size_t used;
    enum err e = dlt645_decode(r->answer, r->len, &f, &used);
    if (e == ERR_OK && (f.control & DLT645_ABNORMAL) && p->join.next == 0) {
        take_refusal(p);
        return;
    }
    if (e == ERR_OK)
        e = dlt645_join_add(&p->join, &f, &p->data);
    if (e != ERR_OK && p->repeats++ == REPEATS)
        fail(p, e);
    else if (e == ERR_OK && p->join.complete)
        take_whole(p);
    else if (e == ERR_OK)
        ask_more(p);
}

static bool turn(void *arg, mono_ms now)
{
    struct profile *p = arg;
    struct bus_result r;
    bus_tick(&p->bus, now);
    if (bus_result(&p->bus, &r)) {
        p->asked = false;
        if (r.err == ERR_OK)
            take_answer(p, &r);
        else
            fail(p, r.err);
    }
    if (p->stage == DONE)
        return true;
    if (!p->asked)
        ask(p);
    return false;
}

static void begin(void *arg, mono_ms now)
{
    struct profile *p = arg;
    probe_bus_init(&p->bus, p->wish->unit, p->wish->baud, now);
    show_heading(p);
}

/* --- the end ---------------------------------------------------------------------------------- */

static int conclude(const struct profile *p)
{
    fprintf(stderr,
            probe_text(&p->probe,
                       "%" PRId64 " records; %" PRId64 " the meter calls wrong, %" PRId64
                       " damaged, %" PRId64 " times without a record\n",
                       "共 %" PRId64 " 条；表计标记为不正确 %" PRId64 " 条，损坏 %" PRId64
                       " 条，无记录时刻 %" PRId64 " 个\n"),
            p->records, p->doubtful, p->damaged, p->holes);
    if (p->stage != DONE)
        (void)wrong(p->wish, "Stopped; what was read is whole up to the last line.",
                    "已停止；已输出的记录完整。");
    else if (p->failed == ERR_METER_REFUSED)
        (void)wrong(p->wish,
                    "The meter gives no such records: it keeps none, or not of this --group.",
                    "表计无此类负荷记录：未启用负荷记录，或不含该 --group。");
    else if (p->failed != ERR_OK)
        (void)wrong(p->wish, err_text_en(p->failed), err_text_zh(p->failed));
    return p->stage == DONE && p->failed == ERR_OK && p->damaged == 0 ? 0 : 1;
}

int gateway_profile(const struct profile_wish *wish)
{
    static struct profile p;
    p = (struct profile){.wish = wish};
    if (!take_words(&p))
        return 2;
    p.probe = (struct probe){.bus = &p.bus, .turn = turn, .arg = &p, .chinese = wish->chinese};
    if (probe_run(&p.probe, wish->endpoint, wish->baud, wish->parity, begin) != ERR_OK)
        return 1;
    return conclude(&p);
}
