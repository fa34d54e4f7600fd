/* Charges beyond the daily bill: true-ups, re-ratings, held settlements, terms of accounts. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "billing/billing.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "vend/vend.h"

/* ---- true-ups ---- */

enum err api_true_ups(struct call *c)
{
    int64_t before = INT64_MAX, limit, count = 0, last = 0;
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &before));
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "true_ups");
    struct query q =
        query_open(c->tx,
                   "SELECT rerate_id, at, business_day, amount_fen, grace_until, bill FROM true_up "
                   "WHERE account_id = $1 AND rerate_id < $2 ORDER BY rerate_id DESC LIMIT $3",
                   "iii", c->id, before, limit);
    while (query_step(&q)) {
        last = query_int(&q, 0);
        count++;
        jwrite_object(&c->out, NULL);
        jwrite_int(&c->out, "rerate_id", last);
        jwrite_int(&c->out, "at", query_int(&q, 1));
        jwrite_int(&c->out, "business_day", api_day_number((int32_t)query_int(&q, 2)));
        jwrite_int(&c->out, "amount_fen", query_int(&q, 3));
        jwrite_id(&c->out, "grace_until", query_int(&q, 4));
        jwrite_raw(&c->out, "bill", query_text(&q, 5));
        jwrite_end(&c->out);
    }
    TRY(query_end(&q));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next_before", count == limit && last > 1 ? last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- re-ratings ---- */

static void put_rerate(struct jwrite *w, const struct query *q)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "id", query_int(q, 0));
    jwrite_text(w, "plan_code", query_text(q, 1));
    jwrite_int(w, "version", query_int(q, 2));
    jwrite_int(w, "effective_at", query_int(q, 3));
    jwrite_int(w, "begun_at", query_int(q, 4));
    jwrite_id(w, "done_at", query_int(q, 5));
    jwrite_int(w, "looked", query_int(q, 6));
    jwrite_int(w, "accounts", query_int(q, 7));
    jwrite_int(w, "changed", query_int(q, 8));
    jwrite_int(w, "more_fen", query_int(q, 9));
    jwrite_int(w, "less_fen", query_int(q, 10));
    jwrite_int(w, "left_out", query_int(q, 11));
    jwrite_end(w);
}

static enum err put_left(struct call *c)
{
    struct query q = query_open(c->tx,
                                "SELECT l.rerate_id, l.account_id, a.code, l.reason "
                                "FROM rerate_left l JOIN rerate r ON r.id = l.rerate_id "
                                "JOIN account a ON a.id = l.account_id WHERE r.project_id = $1 "
                                "ORDER BY l.rerate_id DESC, l.account_id LIMIT 200",
                                "i", c->project_id);
    jwrite_array(&c->out, "left_out");
    while (query_step(&q)) {
        jwrite_object(&c->out, NULL);
        jwrite_int(&c->out, "rerate_id", query_int(&q, 0));
        jwrite_int(&c->out, "account_id", query_int(&q, 1));
        jwrite_text(&c->out, "account_code", query_text(&q, 2));
        jwrite_text(&c->out, "reason", query_text(&q, 3));
        jwrite_end(&c->out);
    }
    jwrite_end(&c->out);
    return query_end(&q);
}

/* Who owes beside the meter: of what they pay next a part is kept. */
#define OWING_MAX 50

struct owing {
    struct jwrite *w;
    int64_t accounts, fen;
};

static enum err put_owing(void *arg, const struct vend_owing *one)
{
    struct owing *o = arg;
    o->fen += one->owed_fen;
    if (o->accounts++ >= OWING_MAX)
        return ERR_OK;
    jwrite_object(o->w, NULL);
    jwrite_int(o->w, "account_id", one->account_id);
    jwrite_text(o->w, "account_code", one->code);
    jwrite_text(o->w, "account_name", one->name);
    jwrite_int(o->w, "owed_fen", one->owed_fen);
    jwrite_end(o->w);
    return ERR_OK;
}

static enum err put_owing_all(struct call *c)
{
    struct owing o = {.w = &c->out};
    jwrite_array(&c->out, "owing");
    TRY(vend_owing_list(c->tx, c->project_id, put_owing, &o));
    jwrite_end(&c->out);
    jwrite_int(&c->out, "owing_accounts", o.accounts);
    jwrite_int(&c->out, "owing_fen", o.fen);
    return ERR_OK;
}

enum err api_rerates(struct call *c)
{
    int64_t limit, total, grace_days, kept_percent;
    TRY(api_query_limit(c, &limit));
    TRY(store_int(c->tx, &total, "SELECT count(*) FROM account WHERE project_id = $1", "i",
                  c->project_id));
    TRY(billing_grace_days(c->tx, c->project_id, &grace_days));
    TRY(billing_kept_percent(c->tx, c->project_id, &kept_percent));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_int(&c->out, "accounts", total);
    jwrite_int(&c->out, "grace_days", grace_days);
    jwrite_int(&c->out, "kept_percent", kept_percent);
    jwrite_array(&c->out, "rerates");
    struct query q =
        query_open(c->tx,
                   "SELECT id, plan_code, version, effective_at, begun_at, coalesce(done_at, 0), "
                   "looked, accounts, changed, more_fen, less_fen, left_out FROM rerate "
                   "WHERE project_id = $1 AND cause = 'plan' ORDER BY id DESC LIMIT $2",
                   "ii", c->project_id, limit);
    while (query_step(&q))
        put_rerate(&c->out, &q);
    TRY(query_end(&q));
    jwrite_end(&c->out);
    TRY(put_left(c));
    TRY(put_owing_all(c));
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_grace_set(struct call *c)
{
    int64_t days = 0;
    const char *reason = "";
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"grace_days", API_FIELD_INT, 0, 366, &days},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    api_actor(c, actor);
    TRY(billing_grace_set(c->tx, c->project_id, days, &(struct billing_by){actor, reason}, c->now));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "grace_days", days);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_kept_set(struct call *c)
{
    int64_t percent = 0;
    const char *reason = "";
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"kept_percent", API_FIELD_INT, 0, 100, &percent},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    api_actor(c, actor);
    TRY(billing_kept_set(c->tx, c->project_id, percent, &(struct billing_by){actor, reason},
                         c->now));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "kept_percent", percent);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- held settlements ---- */

static void put_registers(struct jwrite *w, const char *name, const int64_t wh[READINGS_REGISTERS])
{
    static const char *const names[READINGS_REGISTERS] = {"total_wh", "sharp_wh", "peak_wh",
                                                          "flat_wh", "valley_wh"};
    jwrite_object(w, name);
    for (int i = 0; i < READINGS_REGISTERS; i++)
        jwrite_int(w, names[i], wh[i]);
    jwrite_end(w);
}

static enum err put_held(void *arg, const struct billing_held *h)
{
    struct call *c = arg;
    struct jwrite *w = &c->out;
    struct site_account a;
    struct site_meter m;
    TRY(site_account_get(c->tx, h->account_id, &a));
    TRY(site_meter_get(c->tx, h->meter_id, &m));
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", h->account_id);
    jwrite_text(w, "account_code", a.code);
    jwrite_int(w, "meter_id", h->meter_id);
    jwrite_text(w, "kind", site_meter_kind_name(m.kind));
    jwrite_int(w, "epoch", h->epoch);
    jwrite_int(w, "opened_at", h->opened_at.s);
    jwrite_text(w, "reason", h->reason);
    jwrite_text(w, "why_zh", h->why_zh);
    jwrite_text(w, "why_en", h->why_en);
    jwrite_array(w, "hows");
    for (unsigned i = 0; i < BILLING_HOWS; i++)
        if (h->hows >> i & 1)
            jwrite_text(w, NULL, billing_how_name((enum billing_how)i));
    jwrite_end(w);
    put_registers(w, "opened", h->opened_wh);
    jwrite_id(w, "told_at", h->told ? h->told_at.s : 0);
    put_registers(w, "told", h->told_wh);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_held(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "held");
    TRY(billing_held(c->tx, c->api->options.readings, c->project_id, put_held, c));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

static struct billing billing_of(const struct call *c)
{
    return (struct billing){.readings = c->api->options.readings,
                            .readings_store = c->api->options.readings_store};
}

#define WH_MAX INT64_C(1'000'000'000'000)

enum err api_repair(struct call *c)
{
    struct billing_repair r = {.account_id = c->id};
    struct billing_settled done;
    struct billing b = billing_of(c);
    const char *how = "";
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"meter_id", API_FIELD_INT, 1, INT64_C(1) << 53, &r.meter_id},
                                {"opened_at", API_FIELD_INT, 1, UINT32_MAX, &r.opened_at.s},
                                {"how", API_FIELD_TEXT, 1, 16, &how},
                                {"total_wh", API_FIELD_INT, 0, WH_MAX, &r.wh[0]},
                                {"sharp_wh", API_FIELD_INT, 0, WH_MAX, &r.wh[1]},
                                {"peak_wh", API_FIELD_INT, 0, WH_MAX, &r.wh[2]},
                                {"flat_wh", API_FIELD_INT, 0, WH_MAX, &r.wh[3]},
                                {"valley_wh", API_FIELD_INT, 0, WH_MAX, &r.wh[4]},
                                {"taken_fen", API_FIELD_INT, 0, UNITS_FEN_MAX, &r.taken_fen},
                                {"reason", API_FIELD_TEXT, 1, 200, &r.reason},
                                {}}));
    r.how = billing_how_of(how);
    if (r.how == BILLING_HOWS)
        return api_bad(c, "how", ERR_API_FIELD, "total, registers, taken or forgo");
    api_actor(c, actor);
    r.actor = actor;
    TRY(billing_repair(c->tx, &b, &r, c->now, &done));
    c->wrote_account = c->id;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "settlements", done.settlements);
    jwrite_int(&c->out, "amount_fen", done.amount_fen);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- terms and transformers ---- */

static enum err put_terms(void *arg, const struct site_terms *t)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "from", t->from.s);
    jwrite_int(w, "persons", t->persons);
    jwrite_int(w, "area_milli_m2", t->area_milli_m2);
    jwrite_int(w, "capacity_milli_kva", t->capacity_milli_kva);
    jwrite_int(w, "contracted_milli_kw", t->contracted_milli_kw);
    jwrite_int(w, "moved_in", t->opened_day ? api_day_number(t->opened_day) : 0);
    jwrite_text(w, "ladder_group", t->ladder_group);
    jwrite_int(w, "entered_at", t->entered_at.s);
    jwrite_text(w, "actor", t->actor);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_terms(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "terms");
    TRY(site_terms_list(c->tx, c->id, put_terms, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* Whoever moves money that was settled must mean it. */
static enum err check_past(struct call *c, int64_t account_id, int64_t meter_id, wall_s from,
                           bool meant)
{
    bool again = false;
    if (!meant)
        TRY(billing_rates_again(c->tx, account_id, meter_id, from, &again));
    return again ? api_bad(c, "from", ERR_API_PAST, "") : ERR_OK;
}

enum err api_terms_put(struct call *c)
{
    struct site_terms t = {};
    bool past = false;
    struct billing b = billing_of(c);
    int64_t moved_in = 0;
    const char *group = "", *reason = "";
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){
               {"from", API_FIELD_INT, 0, UINT32_MAX, &t.from.s},
               {"persons", API_FIELD_INT, 0, SITE_PERSONS_MAX, &t.persons},
               {"area_milli_m2", API_FIELD_INT, 0, UINT32_MAX, &t.area_milli_m2},
               {"capacity_milli_kva", API_FIELD_INT, 0, SITE_POWER_MAX, &t.capacity_milli_kva},
               {"contracted_milli_kw", API_FIELD_INT, 0, SITE_POWER_MAX, &t.contracted_milli_kw},
               {"moved_in", API_FIELD_INT, 0, 99'991'231, &moved_in},
               {"ladder_group", API_FIELD_TEXT, 0, SITE_CODE_MAX, &group},
               {"reason", API_FIELD_TEXT, 1, 200, &reason},
               {"past", API_FIELD_BOOL, 0, 0, &past},
               {}}));
    if (t.from.s != 0)
        TRY(check_past(c, c->id, 0, t.from, past));
    if (moved_in)
        TRY(api_day_of_number(c, "moved_in", moved_in, &t.opened_day));
    strcpy(t.ladder_group, group);
    api_actor(c, actor);
    enum err e =
        billing_terms_put(c->tx, &b, c->id, &t, &(struct billing_by){actor, reason}, c->now);
    if (e == ERR_BILLING_PAST || e == ERR_SITE_EFFECTIVE)
        return api_bad(c, "from", e, "");
    if (e == ERR_SITE_TEXT)
        return api_bad(c, "ladder_group", e, "");
    TRY(e);
    TRY(api_grounds_changed(c, 0));
    c->wrote_account = c->id;
    t.entered_at = c->now;
    snprintf(t.actor, sizeof t.actor, "%s", actor);
    return put_terms(&c->out, &t);
}

/* What stands before a meter, oldest first; none: 1, from the beginning. */
enum err api_ratios(struct call *c)
{
    struct query q = query_open(c->tx,
                                "SELECT from_at, ratio, reason, actor, entered_at FROM meter_ratio "
                                "WHERE meter_id = $1 ORDER BY from_at",
                                "i", c->id);
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "ratios");
    while (query_step(&q)) {
        jwrite_object(&c->out, NULL);
        jwrite_int(&c->out, "from", query_int(&q, 0));
        jwrite_int(&c->out, "ratio", query_int(&q, 1));
        jwrite_text(&c->out, "reason", query_text(&q, 2));
        jwrite_text(&c->out, "actor", query_text(&q, 3));
        jwrite_int(&c->out, "entered_at", query_int(&q, 4));
        jwrite_end(&c->out);
    }
    TRY(query_end(&q));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_ratio_put(struct call *c)
{
    struct billing_ratio r = {.meter_id = c->id};
    struct billing b = billing_of(c);
    bool past = false;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"from", API_FIELD_INT, 1, UINT32_MAX, &r.from.s},
                                           {"ratio", API_FIELD_INT, 1, 1'000'000, &r.ratio},
                                           {"reason", API_FIELD_TEXT, 1, 200, &r.reason},
                                           {"past", API_FIELD_BOOL, 0, 0, &past},
                                           {}}));
    TRY(check_past(c, 0, c->id, r.from, past));
    api_actor(c, actor);
    r.actor = actor;
    enum err e = billing_ratio_put(c->tx, &b, &r, c->now);
    if (e == ERR_BILLING_PAST)
        return api_bad(c, "from", e, "");
    TRY(e);
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "from", r.from.s);
    jwrite_int(&c->out, "ratio", r.ratio);
    jwrite_end(&c->out);
    return ERR_OK;
}
