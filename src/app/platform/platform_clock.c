/* Whether the wall clock may be believed. A clock that was set ahead by mistake, or lost its
 * battery, would charge late fees of days that were not, end free credit and proposals, and settle
 * days that nobody lived. So while it is far ahead of what passed, what time alone would take is
 * not taken. */
#include "app/platform/platform_impl.h"
#include "control/fee.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define LEAP_S (2 * INT64_C(86'400))  /* what a clock may be set by while we run, */
#define REST_S (31 * INT64_C(86'400)) /* and how long we may have been away */

/* What was written last of what is written all the time; 0: nothing. */
static enum err last_life(struct store_tx *tx, wall_s now, int64_t *at_s)
{
    return store_int(tx, at_s,
                     "SELECT coalesce(max(at), 0) FROM (SELECT max(last_seen) AS at FROM gateway "
                     "WHERE last_seen <= $1 UNION ALL SELECT * FROM (SELECT at FROM audit "
                     "WHERE at <= $1 ORDER BY seq DESC LIMIT 1) UNION ALL SELECT * FROM "
                     "(SELECT at FROM event WHERE at <= $1 ORDER BY id DESC LIMIT 1))",
                     "i", now.s);
}

/* What was written while the clock was ahead does not make it right: then what it was before the
 * leap counts. */
enum err platform_clock_begin(struct store_tx *tx, struct platform *p)
{
    int64_t leapt, believed_s, last_s;
    TRY(store_int(tx, &leapt, "SELECT leapt FROM clock_watch", ""));
    TRY(store_int(tx, &believed_s, "SELECT believed_at FROM clock_watch", ""));
    TRY(last_life(tx, p->now.wall, &last_s));
    p->clock_leapt = leapt != 0;
    p->steady = p->now;
    if (p->options.trust_clock)
        return ERR_OK;
    if (p->clock_leapt)
        p->steady.wall.s = believed_s;
    else if (last_s > 0 && p->now.wall.s - last_s > REST_S)
        p->steady.wall.s = last_s;
    return ERR_OK;
}

static enum err tell_each(struct platform *p, struct store_tx *tx, enum journal_kind kind)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, "SELECT id FROM project ORDER BY id", "");
    while (e == ERR_OK && query_step(&q)) {
        struct detail d = {};
        detail_int(&d, "hours", p->ahead_s / 3'600);
        e = journal_event(tx, &(struct journal_event){.at = p->now.wall,
                                                      .kind = kind,
                                                      .project_id = query_int(&q, 0),
                                                      .detail = detail_end(&d)});
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err note(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    TRY(store_exec(tx, "UPDATE clock_watch SET leapt = $1, believed_at = $2", "ii",
                   (int64_t)p->clock_leapt, p->steady.wall.s));
    if (!p->clock_leapt)
        TRY(control_clock_right(tx, p->now.wall));
    return tell_each(p, tx, p->clock_leapt ? EVENT_CLOCK_LEAPT : EVENT_CLOCK_RIGHT);
}

/* Noted in a commit of its own: what arrived in this turn is decided after it, and knows it. */
void platform_clock_look(struct platform *p)
{
    int64_t passed_s = (p->now.mono.ms - p->steady.mono.ms) / 1'000;
    p->ahead_s = p->now.wall.s - p->steady.wall.s - passed_s;
    bool leapt = p->ahead_s > LEAP_S;
    if (!leapt)
        p->steady = p->now;
    if (leapt == p->clock_leapt && !p->clock_untold)
        return;
    p->clock_leapt = leapt;
    enum err e = store_run(p->ledger, note, p);
    p->clock_untold = e != ERR_OK;
    if (e == ERR_STORE)
        p->failure = e;
}
