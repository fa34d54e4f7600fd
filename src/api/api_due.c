/* What an account owes for other services, and its late-fee terms. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "pay/due.h"
#include "pay/late.h"

static enum err put_bill(void *arg, const struct due_row *row)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_text(w, "bill_id", row->bill_id);
    jwrite_text(w, "service", row->service);
    jwrite_text(w, "title", row->title);
    jwrite_int(w, "amount_fen", row->amount_fen);
    jwrite_int(w, "billed_at", row->billed_at.s);
    jwrite_text(w, "billed_by", row->billed_by);
    jwrite_id(w, "withdrawn_at", row->withdrawn_at.s);
    jwrite_text(w, "withdrawn_by", row->withdrawn_at.s ? row->withdrawn_by : NULL);
    jwrite_end(w);
    return ERR_OK;
}

/* A run of arrears is one bill: what is the same for all of its lines. */
static void begin_late(struct jwrite *w, const struct late_bill *b, const struct late_line *l)
{
    char id[32];
    snprintf(id, sizeof id, "late:%" PRId64, api_day_number(b->begun_day));
    jwrite_object(w, NULL);
    jwrite_text(w, "bill_id", id);
    jwrite_text(w, "service", "late_fee");
    jwrite_text(w, "title", l->term.clause);
    jwrite_int(w, "amount_fen", b->amount_fen);
    jwrite_int(w, "billed_at", b->billed_at.s);
    jwrite_text(w, "billed_by", "system");
    jwrite_null(w, "withdrawn_at");
    jwrite_null(w, "withdrawn_by");
    jwrite_int(w, "begun_day", api_day_number(b->begun_day));
    jwrite_int(w, "from_day", api_day_number(b->from_day));
    jwrite_int(w, "to_day", api_day_number(b->to_day));
    jwrite_int(w, "days", b->days);
    jwrite_int(w, "exact", b->exact);
    jwrite_array(w, "lines");
}

static void put_late_line(struct jwrite *w, const struct late_line *l)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "from_day", api_day_number(l->from_day));
    jwrite_int(w, "to_day", api_day_number(l->to_day));
    jwrite_int(w, "days", l->days);
    if (l->kept) {
        jwrite_int(w, "arrears_fen", l->arrears_fen);
        jwrite_int(w, "prior_fen", l->prior_fen);
        jwrite_int(w, "ppm", l->term.ppm);
        jwrite_int(w, "next_years_ppm", l->term.next_years_ppm);
        jwrite_int(w, "least_fen", l->term.least_fen);
        jwrite_int(w, "cap_permille", l->term.cap_permille);
    }
    jwrite_int(w, "exact", l->exact);
    jwrite_int(w, "most_fen", l->most_fen);
    jwrite_text(w, "rounding", "half_up");
    jwrite_text(w, "rule", late_rule_name(l->rule));
    jwrite_text(w, "clause", l->term.clause);
    jwrite_int(w, "amount_fen", l->amount_fen);
    jwrite_end(w);
}

static enum err put_late(void *arg, const struct late_bill *b, const struct late_line *l)
{
    struct jwrite *w = arg;
    if (b->line == 0)
        begin_late(w, b, l);
    put_late_line(w, l);
    if (b->line + 1 == b->line_count) {
        jwrite_end(w);
        jwrite_end(w);
    }
    return ERR_OK;
}

static void put_term(struct jwrite *w, const char *key, const struct late_row *r)
{
    jwrite_object(w, key);
    jwrite_int(w, "account_id", r->account_id);
    jwrite_text(w, "account_code", r->account_code);
    jwrite_text(w, "account_name", r->account_name);
    jwrite_int(w, "ppm", r->term.ppm);
    jwrite_int(w, "next_years_ppm", r->term.next_years_ppm);
    jwrite_int(w, "grace_days", r->term.grace_days);
    jwrite_int(w, "least_fen", r->term.least_fen);
    jwrite_int(w, "cap_permille", r->term.cap_permille);
    jwrite_text(w, "clause", r->term.clause);
    jwrite_id(w, "begun_day", r->count.begun_day ? api_day_number(r->count.begun_day) : 0);
    jwrite_int(w, "days", r->count.days);
    jwrite_int(w, "arrears_fen", r->count.most_fen);
    jwrite_int(w, "fee_fen", r->posted_fen);
    jwrite_end(w);
}

static enum err put_own_term(void *arg, const struct late_row *r)
{
    put_term(arg, "late_term", r);
    return ERR_OK;
}

/* Nothing is written if the contract knows no late fee. */
static enum err put_dues(struct call *c)
{
    int64_t owed_fen, limit = API_LIST_DEFAULT;
    struct jwrite *w = &c->out;
    struct late_query query = {c->project_id, c->id, 0, 1};
    TRY(due_owed(c->tx, c->id, &owed_fen));
    jwrite_object(w, NULL);
    jwrite_int(w, "owed_fen", owed_fen);
    TRY(late_list(c->tx, &query, put_own_term, w));
    jwrite_array(w, "bills");
    TRY(late_lines(c->tx, c->id, limit, put_late, w));
    TRY(due_list(c->tx, c->id, limit, put_bill, w));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_dues(struct call *c)
{
    return put_dues(c);
}

enum err api_due_bill(struct call *c)
{
    struct due_bill b = {.account_id = c->id, .now = c->now};
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"bill_id", API_FIELD_TEXT, DUE_ID_MIN, DUE_ID_MAX, &b.bill_id},
                                {"service", API_FIELD_TEXT, 1, 16, &b.service},
                                {"title", API_FIELD_TEXT, 1, DUE_TITLE_MAX, &b.title},
                                {"amount_fen", API_FIELD_INT, 1, DUE_MAX_FEN, &b.amount_fen},
                                {}}));
    api_actor(c, actor);
    b.actor = actor;
    enum err e = due_bill(c->tx, &b);
    if (e == ERR_RANGE)
        return api_bad(c, "service", ERR_API_FIELD,
                       "property, rent, parking, network or other is expected");
    TRY(e);
    c->status = 201;
    c->wrote_account = c->id;
    return put_dues(c);
}

enum err api_due_withdraw(struct call *c)
{
    struct due_act a = {.account_id = c->id, .now = c->now};
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"bill_id", API_FIELD_TEXT, DUE_ID_MIN, DUE_ID_MAX, &a.id},
                                        {"reason", API_FIELD_TEXT, 1, 200, &a.reason},
                                        {}}));
    api_actor(c, actor);
    a.actor = actor;
    TRY(due_withdraw(c->tx, &a));
    c->wrote_account = c->id;
    return put_dues(c);
}

enum err api_due_pay(struct call *c)
{
    struct due_act a = {.account_id = c->id, .now = c->now};
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"payment_id", API_FIELD_TEXT, DUE_ID_MIN, DUE_ID_MAX, &a.id},
                                {"amount_fen", API_FIELD_INT, 1, DUE_MAX_FEN, &a.amount_fen},
                                {}}));
    api_actor(c, actor);
    a.actor = actor;
    enum err e = due_pay(c->tx, &a);
    if (e == ERR_DUE_AMOUNT)
        c->field = "amount_fen";
    TRY(e);
    c->wrote_account = c->id;
    return put_dues(c);
}

/* ---- late fees ---- */

static enum err put_each_term(void *arg, const struct late_row *r)
{
    put_term(arg, NULL, r);
    return ERR_OK;
}

enum err api_late_terms(struct call *c)
{
    struct late_query query = {.project_id = c->project_id};
    TRY(api_query_int(c, "after", 1, INT64_C(1) << 53, &query.after));
    TRY(api_query_limit(c, &query.limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "late_terms");
    TRY(late_list(c->tx, &query, put_each_term, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_late_term_set(struct call *c)
{
    struct late_term t = {};
    bool in_force = false;
    const char *clause;
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"in_force", API_FIELD_BOOL, 0, 0, &in_force},
                                {"ppm", API_FIELD_INT, 1, 10'000, &t.ppm},
                                {"next_years_ppm", API_FIELD_INT, 1, 10'000, &t.next_years_ppm},
                                {"grace_days", API_FIELD_INT, 0, 365, &t.grace_days},
                                {"least_fen", API_FIELD_INT, 0, 10'000, &t.least_fen},
                                {"cap_permille", API_FIELD_INT, 1, 10'000, &t.cap_permille},
                                {"clause", API_FIELD_TEXT, 0, LATE_CLAUSE_MAX, &clause},
                                {}}));
    if (in_force && !clause[0])
        return api_bad(c, "clause", ERR_API_FIELD, "the clause of the contract is expected");
    snprintf(t.clause, sizeof t.clause, "%s", clause);
    api_actor(c, actor);
    struct late_set set = {c->id, in_force ? &t : NULL, actor, c->now};
    enum err e = late_term_set(c->tx, &set);
    if (e == ERR_STATE)
        return api_bad(c, "in_force", ERR_API_FIELD,
                       "the balance is in the meter: what is owed beside it bears no late fee");
    TRY(e);
    c->wrote_account = c->id;
    return put_dues(c);
}
