/* One step of an episode: a decision moves the level and says what is to be told. Pure. */
#include "control/fee_impl.h"

#define RESEND_S 86'400 /* a notice that nobody had is written again after this */

void fee_step_facts(const struct episode *e, int32_t local_day, struct strategy_facts *f)
{
    f->level = e->level;
    f->level_at = e->level_at;
    f->level_available_fen = e->level_fen;
    f->warned_level = e->warned_level;
    f->notices = e->notices;
    f->notice_at = e->notice_at;
    f->told_today = e->told_day == local_day ? e->told_today : 0;
}

void fee_step_level(struct episode *e, const struct fee_step *s)
{
    int level = s->decision->level;
    if (level == e->level)
        return;
    bool worse = level > e->level;
    e->level = level;
    e->level_at = s->facts->now;
    e->level_fen = s->facts->available_fen;
    if (worse)
        return;
    e->number++; /* money came: what was told before does not count for the next fall */
    e->warned_level = e->warned_level < level ? e->warned_level : level;
    e->noted_level = e->warned_level; /* what was written and reached nobody is written again */
    e->notices = e->noted = 0;
    e->notice_at.s = e->noted_at.s = 0;
}

/* What a cut asks for and has not, though notices were written: they are written again. */
static bool wants_more(const struct episode *e, const struct fee_step *s)
{
    const struct strategy_policy *p = s->policy;
    const struct strategy_facts *f = s->facts;
    int64_t since = f->now.s - e->noted_at.s;
    bool few = f->notices < p->notices ||
               __builtin_popcount(f->notice_channels) < p->notice_channels ||
               f->warned_level < s->decision->level;
    if (p->repeat_s > 0 && since >= p->repeat_s)
        return true;
    if (e->noted < p->notices)
        return since >= p->notice_spacing_s;
    return few && since >= RESEND_S && since >= p->notice_spacing_s;
}

enum fee_telling fee_step_tell(struct episode *e, const struct fee_step *s)
{
    const struct strategy_facts *f = s->facts;
    const struct strategy_decision *d = s->decision;
    bool first = d->warn && d->level > e->noted_level;
    bool off = f->desired == STRATEGY_DESIRED_OPEN_MONEY && !f->partly_cut;
    bool again = !off && d->may_tell && f->available_known && e->noted_at.s != 0 &&
                 d->level >= s->policy->notice_level && wants_more(e, s);
    if (d->level == 0 || (!first && !again))
        return FEE_TELL_NOTHING;
    e->noted_level = d->level > e->noted_level ? d->level : e->noted_level;
    e->noted++;
    e->noted_at = f->now;
    e->told_today = e->told_day == s->local_day ? e->told_today + 1 : 1;
    e->told_day = s->local_day;
    return first ? FEE_TELL_FIRST : FEE_TELL_AGAIN;
}
