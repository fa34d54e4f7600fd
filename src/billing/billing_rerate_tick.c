/* A price that begins in the past is applied account by account, a page at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "billing/billing_rerate_impl.h"
#include "journal/aside.h"
#include "journal/detail.h"

/* --- a page of accounts
 * ---------------------------------------------------------------------------------- */

#define PAGE_MAX 64

struct page {
    struct billing_clerk *clerk;
    wall_s now;
    int64_t limit;
};

static enum err find_run(struct store_tx *tx, struct run *run)
{
    struct query q = query_open(tx,
                                "SELECT id, project_id, plan_code, version, effective_at, cursor "
                                "FROM rerate WHERE done_at IS NULL ORDER BY id LIMIT 1",
                                "");
    bool found = query_step(&q);
    if (found) {
        *run = (struct run){.id = query_int(&q, 0),
                            .project_id = query_int(&q, 1),
                            .version = query_int(&q, 3),
                            .effective_at = {query_int(&q, 4)},
                            .cursor = query_int(&q, 5)};
        snprintf(run->plan_code, sizeof run->plan_code, "%s", query_text(&q, 2));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

struct candidates {
    int64_t
        touched[PAGE_MAX]; /* lived under the plan since it began: settled, or with a charge open */
    size_t count;
    int64_t seen, last; /* looked at, and the highest id of them */
};

static enum err find_accounts(struct store_tx *tx, const struct run *run, int64_t limit,
                              struct candidates *out)
{
    struct query q =
        query_open(tx,
                   "SELECT a.id, EXISTS (SELECT 1 FROM settlement s WHERE s.account_id = a.id "
                   "AND s.closed_at > $4 AND s.bill ->> '$.plan_code' = $3) OR EXISTS "
                   "(SELECT 1 FROM charge_open c WHERE c.account_id = a.id AND c.plan_code = $3 "
                   "AND c.opened_at >= $4 AND c.plan_version < $6) "
                   "FROM account a WHERE a.project_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $5",
                   "iitiii", run->project_id, run->cursor, run->plan_code, run->effective_at.s,
                   limit, run->version);
    *out = (struct candidates){.last = run->cursor};
    while (query_step(&q)) {
        out->last = query_int(&q, 0);
        out->seen++;
        if (query_int(&q, 1))
            out->touched[out->count++] = out->last;
    }
    return query_end(&q);
}

static enum err finish(struct store_tx *tx, const struct run *run, wall_s now)
{
    struct detail d = {};
    TRY(store_exec(tx, "UPDATE rerate SET done_at = $2 WHERE id = $1", "ii", run->id, now.s));
    struct query q = query_open(tx,
                                "SELECT changed, more_fen, less_fen, left_out FROM rerate "
                                "WHERE id = $1",
                                "i", run->id);
    detail_text(&d, "code", run->plan_code);
    detail_int(&d, "version", run->version);
    bool told = query_step(&q) && query_int(&q, 0) + query_int(&q, 3) > 0;
    if (told) {
        detail_int(&d, "accounts", query_int(&q, 0));
        detail_int(&d, "more_fen", query_int(&q, 1));
        detail_int(&d, "less_fen", query_int(&q, 2));
        detail_int(&d, "left_out", query_int(&q, 3));
    }
    TRY(query_end(&q));
    if (!told)
        return ERR_OK;
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_RERATED,
                                                     .project_id = run->project_id,
                                                     .detail = detail_end(&d)});
}

struct one {
    const struct page *page;
    const struct run *run;
    int64_t account_id;
};

static enum err do_one(struct store_tx *tx, void *arg)
{
    const struct one *o = arg;
    return rerate_account(tx, &o->page->clerk->billing, o->run, o->account_id, o->page->now);
}

/* One that fails for a reason that nobody foresaw is left out as well, and told. */
static enum err do_alone(struct store_tx *tx, struct one *o)
{
    enum err e;
    TRY(store_part(tx, do_one, o, &e));
    if (e == ERR_OK || aside_is_of_machine(e))
        return e;
    struct aside a = {"rerate", o->run->id, o->account_id, o->page->now,
                      .account_id = o->account_id};
    TRY(rerate_leave_out(tx, o->run->id, o->account_id, err_name(e)));
    TRY(store_exec(tx, "UPDATE rerate SET accounts = accounts + 1 WHERE id = $1", "i", o->run->id));
    return aside_tell(tx, &a, e);
}

static enum err do_page(struct store_tx *tx, void *arg)
{
    const struct page *page = arg;
    struct candidates found;
    struct run run;
    enum err e = find_run(tx, &run);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(find_accounts(tx, &run, page->limit, &found));
    for (size_t i = 0; i < found.count; i++)
        TRY(do_alone(tx, &(struct one){page, &run, found.touched[i]}));
    TRY(store_exec(tx, "UPDATE rerate SET cursor = $2, looked = looked + $3 WHERE id = $1", "iii",
                   run.id, found.last, found.seen));
    return found.seen < page->limit ? finish(tx, &run, page->now) : ERR_OK;
}

static void page_done(void *arg, enum err result)
{
    struct page *page = arg;
    if (result != ERR_OK && result != ERR_IO_CLOSED) {
        page->clerk->failures++;
        page->clerk->last_error = result;
    }
    free(page);
}

/* --- finding what must be rated again
 * ---------------------------------------------------------------------- */

static enum err no_news(enum err e)
{
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

struct search {
    wall_s now;
    int64_t seen, newest; /* ids of price_plan */
    bool running;
};

static enum err look_for(struct store_tx *tx, void *arg)
{
    struct search *s = arg;
    struct run run;
    TRY(store_int(tx, &s->newest, "SELECT coalesce(max(id), 0) FROM price_plan", ""));
    enum err e =
        store_int(tx, &s->seen, "SELECT last FROM sequence WHERE name = 'rerate_plan'", "");
    if (e == ERR_NOT_FOUND)
        s->seen = 0;
    TRY(no_news(e));
    e = find_run(tx, &run);
    s->running = e == ERR_OK;
    return no_news(e);
}

/* Versions that begin in the past, whoever wrote them. Most of them begin "now", and the walk finds
 * nothing to do. */
static enum err begin_all(struct store_tx *tx, void *arg)
{
    const struct page *page = arg;
    struct search s = {};
    TRY(look_for(tx, &s));
    TRY(store_exec(
        tx,
        "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, begun_at) "
        "SELECT p.id, p.project_id, p.code, p.version, p.effective_at, $3 FROM price_plan p "
        "WHERE p.id > $1 AND p.id <= $2 AND p.version > 1 AND p.effective_at < $3",
        "iii", s.seen, s.newest, page->now.s));
    return store_exec(tx,
                      "INSERT INTO sequence (name, last) VALUES ('rerate_plan', $1) "
                      "ON CONFLICT (name) DO UPDATE SET last = excluded.last",
                      "i", s.newest);
}

static enum err submit(struct billing_clerk *clerk, wall_s now, size_t limit, store_work *work)
{
    struct page *page = malloc(sizeof *page);
    if (!page)
        return ERR_MEMORY;
    *page = (struct page){clerk, now, (int64_t)(limit < PAGE_MAX ? limit : PAGE_MAX)};
    store_submit(clerk->ledger, work, page_done, page);
    return ERR_OK;
}

enum err rerate_tick(struct billing_clerk *clerk, wall_s now, size_t limit, size_t *left)
{
    struct search s = {.now = now};
    TRY(store_read(clerk->ledger, look_for, &s));
    if (s.newest > s.seen)
        TRY(submit(clerk, now, limit, begin_all));
    if (!s.running && s.newest <= s.seen)
        return ERR_OK;
    (*left)++;
    return submit(clerk, now, limit, do_page);
}
