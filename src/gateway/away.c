#include "gateway/away.h"

#include "base/must.h"

#define NUMBER_MAX (INT64_C(1) << 50) /* far beyond any register */
#define RATIO_MAX 1'000'000
#define RISE_MAX INT64_C(1'000'000'000) /* a gigawatt */
#define GRACE_MAX_S (INT64_C(366) * 86'400)
#define GRAIN_WH 20 /* registers are cut to 10 Wh, at both ends */
#define JITTER_S 10

static const char *const names[AWAY_VERDICTS] = {
    [AWAY_CUT] = "cut",       [AWAY_ACTED] = "acted",     [AWAY_CONNECTED] = "connected",
    [AWAY_SOON] = "soon",     [AWAY_CLOCK] = "clock",     [AWAY_EARLY] = "early",
    [AWAY_OVER] = "over",     [AWAY_METER] = "meter",     [AWAY_STRANGE] = "strange",
    [AWAY_UNREAD] = "unread", [AWAY_KEPT] = "kept",       [AWAY_OFF] = "off",
    [AWAY_CREDIT] = "credit", [AWAY_GRACE] = "grace",     [AWAY_WINDOW] = "window",
    [AWAY_BUSY] = "busy",     [AWAY_BREAKER] = "breaker",
};

const char *away_verdict_name(enum away_verdict v)
{
    return (unsigned)v < AWAY_VERDICTS ? names[v] : "?";
}

/* --- one meter -----------------------------------------------------------------------------------
 */

static bool plausible(const struct uplink_permit_meter *of, int64_t rise_wh, int64_t elapsed_s)
{
    int64_t seconds = elapsed_s < 0                  ? 0
                      : elapsed_s > AWAY_VALID_MAX_S ? AWAY_VALID_MAX_S
                                                     : elapsed_s;
    return rise_wh <= GRAIN_WH + of->rise_per_hour * (seconds + JITTER_S) * 12 / 36'000;
}

void away_meter_read(struct away_meter *m, const struct uplink_permit_meter *of, int64_t value_wh,
                     mono_ms at, int64_t elapsed_s)
{
    int64_t before_wh = m->looks > 0 ? m->value_wh : of->register_wh;
    if (value_wh < of->register_wh) {
        m->strange = true; /* reset, rolled over or exchanged: what was used is not known */
        return;
    }
    if (value_wh > NUMBER_MAX || !plausible(of, value_wh - before_wh, elapsed_s)) {
        m->strange = m->strange || ++m->jumps > 1;
        return;
    }
    m->jumps = 0;
    m->looks = value_wh < before_wh ? 1 : m->looks + 1; /* one of the two was damaged: begin anew */
    m->before_wh = m->looks > 1 ? m->value_wh : value_wh;
    m->value_wh = value_wh;
    m->read_at = at;
}

/* A sum that does not fit is as doubtful as any other. */
bool away_is_dry(const struct uplink_permit *p, const struct away_meter *meters)
{
    int64_t used_wh = 0, one_wh;
    for (size_t i = 0; i < p->meter_count; i++) {
        const struct uplink_permit_meter *m = &p->meters[i];
        if (meters[i].looks < 2 || meters[i].strange ||
            __builtin_mul_overflow(meters[i].before_wh - m->register_wh, m->ratio, &one_wh) ||
            __builtin_add_overflow(used_wh, one_wh, &used_wh))
            return false;
    }
    return used_wh > p->left_wh;
}

/* --- the account ---------------------------------------------------------------------------------
 */

static bool in_window(const struct uplink_permit *p, wall_s now)
{
    for (size_t i = 0; i < p->window_count; i++)
        if (p->windows[i].from.s <= now.s && now.s < p->windows[i].until.s)
            return true;
    return false;
}

typedef bool fact(const struct away_case *c, size_t meter);

static bool unknown(const struct away_case *c, size_t i)
{
    return !c->meters[i].known;
}

static bool strange(const struct away_case *c, size_t i)
{
    return c->meters[i].strange;
}

static bool unread(const struct away_case *c, size_t i)
{
    const struct away_meter *m = &c->meters[i];
    return m->looks < 2 || c->now.ms - m->read_at.ms > AWAY_FRESH_MS;
}

static bool kept(const struct away_case *c, size_t i)
{
    return c->meters[i].kept;
}

static bool off(const struct away_case *c, size_t i)
{
    return c->permit->meters[i].command_id != 0 && c->meters[i].off;
}

static bool busy(const struct away_case *c, size_t i)
{
    return c->meters[i].busy;
}

static bool any(const struct away_case *c, fact *is)
{
    for (size_t i = 0; i < c->permit->meter_count; i++)
        if (is(c, i))
            return true;
    return false;
}

static bool over_the_breaker(const struct away_case *c)
{
    size_t allowed = c->meter_count * AWAY_PERCENT / 100;
    return c->cut_in_hour >= (allowed > 1 ? allowed : 1);
}

enum away_verdict away_judge(const struct away_case *c)
{
    const struct uplink_permit *p = c->permit;
    const struct {
        bool stands;
        enum away_verdict verdict;
    } all[] = {
        {c->acted, AWAY_ACTED},
        {c->connected, AWAY_CONNECTED},
        {c->now.ms - c->since.ms < AWAY_MIN_MS, AWAY_SOON},
        {!c->trusted, AWAY_CLOCK},
        {c->wall.s < p->valid_from.s, AWAY_EARLY},
        {c->wall.s >= p->valid_until.s, AWAY_OVER},
        {any(c, unknown), AWAY_METER},
        {any(c, strange), AWAY_STRANGE},
        {any(c, unread), AWAY_UNREAD},
        {any(c, kept), AWAY_KEPT},
        {any(c, off), AWAY_OFF},
        {c->dry_at.ms == 0 || !away_is_dry(p, c->meters), AWAY_CREDIT},
        {c->now.ms - c->dry_at.ms < p->grace_s * 1000, AWAY_GRACE},
        {!in_window(p, c->wall), AWAY_WINDOW},
        {any(c, busy), AWAY_BUSY},
        {over_the_breaker(c), AWAY_BREAKER},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].stands)
            return all[i].verdict;
    return AWAY_CUT;
}

/* --- what is given -------------------------------------------------------------------------------
 */

static bool meter_fits(const struct uplink_permit *p, size_t at)
{
    const struct uplink_permit_meter *m = &p->meters[at];
    for (size_t i = 0; i < at; i++)
        if (p->meters[i].meter_id == m->meter_id)
            return false; /* its energy would count twice */
    return m->meter_id > 0 && m->epoch > 0 && m->command_id >= 0 &&
           (m->command_id == 0 || m->version > 0) && m->register_wh >= 0 &&
           m->register_wh <= NUMBER_MAX && m->ratio >= 1 && m->ratio <= RATIO_MAX &&
           m->rise_per_hour > 0 && m->rise_per_hour <= RISE_MAX;
}

enum err away_permit_check(const struct uplink_permit *p)
{
    bool cuts = false;
    for (size_t i = 0; i < p->meter_count; i++) {
        if (!meter_fits(p, i))
            return ERR_RANGE;
        cuts = cuts || p->meters[i].command_id != 0;
    }
    bool times = p->at.s > 0 && p->valid_from.s > 0 && p->valid_until.s > p->valid_from.s &&
                 p->valid_until.s < NUMBER_MAX && p->valid_until.s - p->at.s <= AWAY_VALID_MAX_S;
    bool numbers =
        p->left_wh >= 0 && p->left_wh <= NUMBER_MAX && p->grace_s >= 0 && p->grace_s <= GRACE_MAX_S;
    return cuts && times && numbers && p->window_count > 0 ? ERR_OK : ERR_RANGE;
}
