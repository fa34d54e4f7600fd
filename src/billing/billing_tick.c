/* Housekeeping by the clock: which accounts and days are due. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "billing/billing_settle_impl.h"
#include "journal/aside.h"

#define SEAL_AFTER_S 600
#define GROUP 25    /* accounts that are tried together */
#define LOOKED 4096 /* meters a turn: so a turn costs the same however many there are */

/* --- due accounts
 * ---------------------------------------------------------------------------------- */

struct page {
    struct store_tx *tx;
    wall_s now;
    int64_t after, until; /* account ids: above the first, up to the second */
    int64_t *ids;
    size_t cap, count, room; /* up to `cap` of every project */
    enum err zone;           /* of a project that was passed over */
};

static void make_room(struct page *p)
{
    if (p->room - p->count >= p->cap)
        return;
    p->room = (p->count + p->cap) * 2;
    p->ids = realloc(p->ids, p->room * sizeof *p->ids);
    MUST(p->ids);
}

/* A day, a price, a plan, a closing, another account, an exchange or a broken register: anything
 * that ends a period. Where the zone is not known nobody can say when a day ends: the others go on.
 */
static enum err add_due(void *arg, const struct site_project *project)
{
    struct page *p = arg;
    int32_t offset_s;
    enum err e = billing_wall_offset(project->zone, p->now, &offset_s);
    if (e != ERR_OK) {
        p->zone = e;
        return ERR_OK;
    }
    make_room(p);
    wall_s midnight = civil_day_start(civil_local_day(p->now, offset_s), offset_s);
    struct query q = query_open(
        p->tx,
        "SELECT DISTINCT c.account_id FROM charge_open c "
        "JOIN account a ON a.id = c.account_id JOIN meter m ON m.id = c.meter_id "
        "WHERE a.project_id = $1 AND c.account_id > $2 AND c.account_id <= $6 "
        "AND (c.opened_at < $3 OR c.broken = 1 "
        "OR m.epoch <> c.epoch OR m.account_id IS NOT c.account_id OR a.closed_at <= $4 "
        "OR a.plan_code <> c.plan_code OR EXISTS (SELECT 1 FROM price_plan p "
        "WHERE p.project_id = a.project_id AND p.code = c.plan_code "
        "AND p.effective_at > c.opened_at AND p.effective_at <= $4)) "
        "ORDER BY c.account_id LIMIT $5",
        "iiiiii", project->id, p->after, midnight.s, p->now.s, (int64_t)p->cap, p->until);
    while (query_step(&q))
        p->ids[p->count++] = query_int(&q, 0);
    return query_end(&q);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The last account of a turn's meters; INT64_MAX: there are no more than these. */
static enum err find_until(struct store_tx *tx, int64_t after, int64_t *until)
{
    enum err e = store_int(tx, until,
                           "SELECT account_id FROM charge_open WHERE account_id > $1 "
                           "ORDER BY account_id LIMIT 1 OFFSET $2",
                           "ii", after, (int64_t)LOOKED - 1);
    *until = e == ERR_OK ? *until : INT64_MAX;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Up to `cap` of every project, and of these the first `cap` by id. */
enum err billing_due(struct store_tx *tx, wall_s now, int64_t *after, int64_t *ids, size_t cap,
                     size_t *count)
{
    struct page p = {.tx = tx, .now = now, .after = *after, .cap = cap};
    *count = 0;
    TRY(find_until(tx, *after, &p.until));
    enum err e = site_projects(tx, add_due, &p);
    if (e == ERR_OK && p.count > 0) {
        qsort(p.ids, p.count, sizeof *p.ids, by_id);
        *count = p.count < cap ? p.count : cap;
        memcpy(ids, p.ids, *count * sizeof *ids);
    }
    if (e == ERR_OK)
        *after = *count == cap ? ids[cap - 1] : p.until == INT64_MAX ? 0 : p.until;
    free(p.ids);
    return e != ERR_OK ? e : p.zone;
}

/* --- settling
 * ------------------------------------------------------------------------------------------ */

/* The accounts of a page: one piece of work, in which each account is a part that may fail alone.
 * So one commit decides for the page, as the flush's does for all that waits with it. */
struct job {
    struct billing_clerk *clerk;
    struct desk *desk;
    wall_s now;
    size_t count;
    struct account {
        struct job *job;
        int64_t id;
        struct billing_settled done;
        enum err result;
    } list[];
};

static enum err settle(struct store_tx *tx, void *arg)
{
    struct account *a = arg;
    (void)tx; /* the desk's */
    a->result = settle_at_desk(a->job->desk, &a->job->clerk->billing, a->id, a->job->now, &a->done);
    return a->result;
}

/* By itself: what fails is told. */
static enum err settle_alone(struct store_tx *tx, void *arg)
{
    struct account *a = arg;
    struct aside aside = {"settlement", a->id, .now = a->job->now, .account_id = a->id};
    return aside_do(tx, &aside, settle, a);
}

/* A few accounts together, as nearly all are settled without an error. */
struct group {
    struct account *list;
    size_t count;
};

static enum err settle_group(struct store_tx *tx, void *arg)
{
    const struct group *g = arg;
    for (size_t i = 0; i < g->count; i++)
        TRY(settle(tx, &g->list[i]));
    return ERR_OK;
}

/* One that failed undoes the others of its group: then each is settled for itself. */
static enum err settle_few(struct store_tx *tx, struct group *g)
{
    enum err all, one;
    TRY(store_part(tx, settle_group, g, &all));
    for (size_t i = 0; all != ERR_OK && i < g->count; i++) {
        TRY(store_part(tx, settle_alone, &g->list[i], &one));
        if (one != ERR_OK)
            g->list[i].result = one;
    }
    return ERR_OK;
}

static enum err settle_all(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    enum err e = ERR_OK;
    if (desk_open(&j->desk, tx) != ERR_OK) {
        for (size_t i = 0; i < j->count; i++)
            j->list[i].result = ERR_MEMORY;
        return ERR_OK; /* others wait for the same commit */
    }
    for (size_t i = 0; e == ERR_OK && i < j->count; i += GROUP) {
        size_t left = j->count - i;
        e = settle_few(tx, &(struct group){&j->list[i], left < GROUP ? left : GROUP});
    }
    desk_close(j->desk);
    j->desk = NULL;
    return e;
}

static void count_one(struct billing_clerk *clerk, const struct account *a, enum err result)
{
    if (result == ERR_OK) {
        clerk->settlements += a->done.settlements;
    } else if (result != ERR_IO_CLOSED) {
        clerk->failures++;
        clerk->last_error = result;
    }
}

static void settled(void *arg, enum err result)
{
    struct job *j = arg;
    for (size_t i = 0; i < j->count; i++)
        count_one(j->clerk, &j->list[i], result == ERR_OK ? j->list[i].result : result);
    free(j);
}

struct due {
    struct billing_clerk *clerk;
    wall_s now;
    int64_t after;
    int64_t *ids;
    size_t cap, count;
};

static enum err list_due(struct store_tx *tx, void *arg)
{
    struct due *d = arg;
    return billing_due(tx, d->now, &d->after, d->ids, d->cap, &d->count);
}

static enum err submit_due(struct due *d)
{
    if (d->count == 0)
        return ERR_OK;
    struct job *j = calloc(1, sizeof *j + d->count * sizeof *j->list);
    if (!j)
        return ERR_MEMORY;
    *j = (struct job){.clerk = d->clerk, .now = d->now, .count = d->count};
    for (size_t i = 0; i < d->count; i++)
        j->list[i] = (struct account){.job = j, .id = d->ids[i]};
    store_submit_parts(d->clerk->ledger, settle_all, settled, j);
    return ERR_OK;
}

/* One page of due accounts; a round that came to its end begins anew at the next call. Where not
 * all of a page's meters are due the rest of the round waits for the next calls: at midnight, when
 * all are, none has to. */
static enum err settle_page(struct billing_clerk *clerk, wall_s now, size_t limit, size_t *left)
{
    struct due d = {.clerk = clerk, .now = now, .after = clerk->after, .cap = limit};
    d.ids = calloc(limit + 1, sizeof *d.ids);
    if (!d.ids)
        return ERR_MEMORY;
    enum err found = store_read(clerk->ledger, list_due, &d);
    enum err e = found == ERR_OK || found == ERR_BILLING_ZONE ? submit_due(&d) : found;
    free(d.ids);
    TRY(e);
    clerk->after = d.after;
    *left += d.count == limit;
    return found;
}

/* --- sealing
 * -------------------------------------------------------------------------------------------- */

struct seal {
    struct billing_clerk *clerk;
    struct readings_day day;
    size_t limit, left;
};

static enum err seal(struct store_tx *tx, void *arg)
{
    struct seal *s = arg;
    return readings_seal(s->clerk->billing.readings, tx, &s->day, s->limit, &s->left);
}

static enum err reload(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

/* Seals up to the last local day that ended long enough ago. Late readings are sealed with it, so
 * one call a day and project is enough; it is repeated because it costs nothing when nothing is
 * open. */
static enum err seal_project(struct billing_clerk *clerk, const struct site_project *project,
                             wall_s now, size_t *limit, size_t *left)
{
    int32_t offset_s;
    int64_t after_s = clerk->billing.seal_after_s;
    TRY(billing_wall_offset(project->zone, now, &offset_s));
    wall_s past = {now.s - (after_s > 0 ? after_s : SEAL_AFTER_S)};
    int32_t day = civil_local_day(past, offset_s) - 1;
    struct seal s = {.clerk = clerk,
                     .day = {.group = project->id,
                             .day = day,
                             .from = civil_day_start(day, offset_s),
                             .to = civil_day_start(day + 1, offset_s),
                             .offset_s = offset_s},
                     .limit = *limit};
    if (!readings_seal_wanted(clerk->billing.readings, &s.day))
        return ERR_OK;
    enum err e = store_run(clerk->billing.readings_store, seal, &s);
    if (e != ERR_OK) {
        TRY(store_read(clerk->billing.readings_store, reload, clerk->billing.readings));
        return e;
    }
    *left += s.left;
    *limit = s.left > 0 ? 0 : *limit;
    return ERR_OK;
}

struct projects {
    struct site_project *list;
    size_t count, room;
};

static enum err add_project(void *arg, const struct site_project *p)
{
    struct projects *all = arg;
    if (all->count == all->room) {
        all->room = all->room ? all->room * 2 : 16;
        all->list = realloc(all->list, all->room * sizeof *all->list);
        MUST(all->list);
    }
    all->list[all->count++] = *p;
    return ERR_OK;
}

static enum err list_projects(struct store_tx *tx, void *arg)
{
    return site_projects(tx, add_project, arg);
}

/* A project whose day cannot be sealed keeps no other open. */
static enum err seal_all(struct billing_clerk *clerk, const struct projects *projects, wall_s now,
                         size_t limit, size_t *left)
{
    for (size_t i = 0; limit > 0 && i < projects->count; i++) {
        enum err e = seal_project(clerk, &projects->list[i], now, &limit, left);
        if (aside_is_of_machine(e))
            return e;
        if (e != ERR_OK) {
            clerk->failures++;
            clerk->last_error = e;
        }
    }
    return ERR_OK;
}

static enum err seal_page(struct billing_clerk *clerk, wall_s now, size_t limit, size_t *left)
{
    struct projects projects = {};
    enum err e = store_read(clerk->ledger, list_projects, &projects);
    if (e == ERR_OK)
        e = seal_all(clerk, &projects, now, limit, left);
    free(projects.list);
    return e;
}

enum err billing_tick(struct billing_clerk *clerk, wall_s now, size_t limit, size_t *left)
{
    *left = 0;
    TRY(tell_findings(clerk, now));
    enum err e = settle_page(clerk, now, limit, left);
    if (e != ERR_OK && e != ERR_BILLING_ZONE)
        return e;
    TRY(rerate_tick(clerk, now, limit, left));
    /* Readings that wait for their commit are in memory already: sealing comes after it. */
    if (store_waiting(clerk->billing.readings_store) == 0)
        TRY(seal_page(clerk, now, limit, left));
    return e;
}

/* --- what readings should know of each meter
 * -------------------------------------------------------------- */

static enum err place(void *arg, const struct site_meter *m)
{
    struct readings_place p = {.group = m->project_id};
    return readings_place(arg, m->id, &p);
}

enum err billing_place_meters(struct store_tx *tx, struct readings *readings)
{
    return site_meters(tx, 0, place, readings);
}
