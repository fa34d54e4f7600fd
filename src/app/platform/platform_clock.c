/* Whether the wall clock may be believed. A clock that was set wrong, or lost its battery, would
 * charge late fees of days that were not, end free credit and proposals, settle days that nobody
 * lived, and make every true reading afterwards an old one. So while it is far from what passed,
 * the time goes on by what the other clock says has passed, gateways are told no time, and what
 * time alone would take is not taken. */
#include "app/platform/platform_impl.h"
#include "control/fee.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define LEAP_S (2 * INT64_C(86'400))  /* what a clock may be set by while we run, */
#define REST_S (31 * INT64_C(86'400)) /* and how long we may have been away */

/* How far the clock is ahead of what passed since it was last believed, asleep or awake. */
static int64_t ahead_s(const struct platform *p, struct uplink_now clock)
{
    int64_t speed = p->options.speed != 0 ? p->options.speed : 1;
    int64_t slept_ms = clock.suspended_ms - p->steady.suspended_ms;
    int64_t passed_ms = (clock.mono.ms - p->steady.mono.ms + slept_ms) * speed;
    return clock.wall.s - p->steady.wall.s - passed_ms / 1'000;
}

struct uplink_now platform_now(const struct platform *p, struct uplink_now clock)
{
    int64_t ahead = ahead_s(p, clock);
    clock.doubted = ahead > LEAP_S || ahead < -LEAP_S;
    if (clock.doubted)
        clock.wall.s -= ahead;
    return clock;
}

enum err platform_clock_begin(struct store_tx *tx, struct platform *p, struct uplink_now clock)
{
    int64_t leapt, believed_s;
    TRY(store_int(tx, &leapt, "SELECT leapt FROM clock_watch", ""));
    TRY(store_int(tx, &believed_s, "SELECT believed_at FROM clock_watch", ""));
    int64_t away_s = believed_s == 0 ? 0 : clock.wall.s - believed_s;
    bool odd = away_s > (leapt != 0 ? LEAP_S : REST_S) || away_s < -LEAP_S;
    p->steady = clock;
    p->clock_leapt = leapt != 0 || (odd && p->options.trust_clock);
    if (odd && !p->options.trust_clock)
        p->steady.wall.s = believed_s;
    return ERR_OK;
}

enum err platform_tell_each(struct platform *p, struct store_tx *tx, enum journal_kind kind,
                            const char *detail)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, "SELECT id FROM project ORDER BY id", "");
    while (e == ERR_OK && query_step(&q))
        e = journal_event(tx, &(struct journal_event){.at = p->now.wall,
                                                      .kind = kind,
                                                      .project_id = query_int(&q, 0),
                                                      .detail = detail});
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err platform_clock_note(struct store_tx *tx, void *platform)
{
    struct platform *p = platform;
    return store_exec(tx, "UPDATE clock_watch SET leapt = $1, believed_at = $2", "ii",
                      (int64_t)p->clock_leapt, p->now.wall.s);
}

static enum err turn_over(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    struct detail d = {};
    detail_int(&d, "hours", p->clock_ahead_s / 3'600);
    TRY(platform_clock_note(tx, p));
    if (!p->clock_leapt)
        TRY(control_clock_right(tx, p->now.wall));
    return platform_tell_each(p, tx, p->clock_leapt ? EVENT_CLOCK_LEAPT : EVENT_CLOCK_RIGHT,
                              detail_end(&d));
}

/* Noted in a commit of its own: what arrived in this turn is decided after it, and knows it. */
void platform_clock_look(struct platform *p, struct uplink_now clock)
{
    p->clock_ahead_s = ahead_s(p, clock);
    p->now = platform_now(p, clock);
    if (!p->now.doubted)
        p->steady = clock;
    if (p->now.doubted == p->clock_leapt && !p->clock_untold)
        return;
    p->clock_leapt = p->now.doubted;
    enum err e = store_run(p->ledger, turn_over, p);
    p->clock_untold = e != ERR_OK;
    if (e == ERR_STORE)
        p->failure = e;
}
