#include "api/preview_json.h"

static void put_reason(struct jwrite *w, const char *key, enum strategy_reason r)
{
    jwrite_object(w, key);
    jwrite_text(w, "code", strategy_reason_name(r));
    jwrite_text(w, "zh", strategy_reason_zh(r));
    jwrite_text(w, "en", strategy_reason_en(r));
    jwrite_end(w);
}

static void put_guards(struct jwrite *w, const char *key, uint64_t set)
{
    jwrite_array(w, key);
    for (int r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (set & STRATEGY_GUARD(r))
            put_reason(w, NULL, (enum strategy_reason)r);
    jwrite_end(w);
}

static void put_now(struct jwrite *w, const struct control_preview_now *now)
{
    jwrite_object(w, "now");
    jwrite_int(w, "level", now->level);
    jwrite_bool(w, "warn", now->warn);
    jwrite_bool(w, "cut", now->cut);
    jwrite_bool(w, "restore", now->restore);
    jwrite_bool(w, "held", now->held);
    jwrite_text(w, "action", strategy_action_name(now->action));
    put_reason(w, "reason", now->reason);
    put_guards(w, "guards", now->guards);
    jwrite_end(w);
}

static void put_day(struct jwrite *w, const struct control_preview_day *d)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "at", d->at.s);
    jwrite_int(w, "available_fen", d->available_fen);
    jwrite_int(w, "level", d->level);
    jwrite_text(w, "action", strategy_action_name(d->action));
    jwrite_text(w, "reason", strategy_reason_name(d->reason));
    jwrite_array(w, "guards");
    for (int r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (d->guards & STRATEGY_GUARD(r))
            jwrite_text(w, NULL, strategy_reason_name((enum strategy_reason)r));
    jwrite_end(w);
    jwrite_int(w, "notices", d->notices);
    jwrite_int(w, "cuts", d->cuts);
    jwrite_bool(w, "off", d->off);
    jwrite_end(w);
}

static void put_past(struct jwrite *w, const struct control_preview_past *past, bool days)
{
    jwrite_object(w, "past");
    jwrite_int(w, "days", (int64_t)past->day_count);
    jwrite_int(w, "level", past->level);
    jwrite_int(w, "notices", past->notices);
    jwrite_int(w, "warned_days", past->warned_days);
    jwrite_int(w, "cuts", past->cuts);
    jwrite_int(w, "off_days", past->off_days);
    jwrite_id(w, "first_warned_at", past->first_warned_at.s);
    jwrite_id(w, "first_cut_at", past->first_cut_at.s);
    put_guards(w, "held", past->held);
    if (days) {
        jwrite_array(w, "each");
        for (size_t i = 0; i < past->day_count; i++)
            put_day(w, &past->days[i]);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_side(struct jwrite *w, const char *key, const struct control_preview_row *row,
                     bool days)
{
    bool before = row->compared || key[0] == 'a';
    const struct control_preview_side *s = key[0] == 'a' ? &row->after : &row->before;
    if (!before) {
        jwrite_null(w, key);
        return;
    }
    jwrite_object(w, key);
    put_now(w, &s->now);
    put_past(w, &s->past, days);
    jwrite_end(w);
}

void preview_put_row(struct jwrite *w, const struct control_preview_row *row, const char *place,
                     bool days)
{
    bool refused = row->refusal != ERR_OK;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", row->account->id);
    jwrite_text(w, "code", row->account->code);
    jwrite_text(w, "name", row->account->name);
    jwrite_text(w, "place", place);
    jwrite_text(w, "strategy", row->strategy);
    jwrite_text(w, "refusal", refused ? err_name(row->refusal) : NULL);
    jwrite_text(w, "refusal_zh", refused ? err_text_zh(row->refusal) : NULL);
    jwrite_text(w, "refusal_en", refused ? err_text_en(row->refusal) : NULL);
    if (row->available_known)
        jwrite_int(w, "available_fen", row->available_fen);
    else
        jwrite_null(w, "available_fen");
    put_side(w, "before", row, days);
    put_side(w, "after", row, days);
    jwrite_end(w);
}

static void put_count(struct jwrite *w, const char *key, const struct control_preview_count *c)
{
    jwrite_object(w, key);
    jwrite_int(w, "warn", c->warn);
    jwrite_int(w, "cut", c->cut);
    jwrite_int(w, "restore", c->restore);
    jwrite_int(w, "held", c->held);
    jwrite_int(w, "past_warned", c->past_warned);
    jwrite_int(w, "past_cut", c->past_cut);
    jwrite_int(w, "notices", c->notices);
    jwrite_int(w, "cuts", c->cuts);
    jwrite_end(w);
}

void preview_put_sum(struct jwrite *w, const struct control_preview_sum *s)
{
    jwrite_int(w, "seen", s->seen);
    jwrite_int(w, "accounts", s->accounts);
    jwrite_int(w, "refused", s->refused);
    jwrite_int(w, "breaker", s->breaker);
    put_count(w, "before", &s->before);
    put_count(w, "after", &s->after);
    jwrite_object(w, "change");
    jwrite_int(w, "newly_warned", s->newly_warned);
    jwrite_int(w, "newly_cut", s->newly_cut);
    jwrite_int(w, "no_longer_warned", s->no_longer_warned);
    jwrite_int(w, "no_longer_cut", s->no_longer_cut);
    jwrite_int(w, "past_newly_warned", s->past_newly_warned);
    jwrite_int(w, "past_newly_cut", s->past_newly_cut);
    jwrite_int(w, "past_no_longer_warned", s->past_no_longer_warned);
    jwrite_int(w, "past_no_longer_cut", s->past_no_longer_cut);
    jwrite_end(w);
}
