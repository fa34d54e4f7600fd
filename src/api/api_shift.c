/* The cash desk: what a project wants, cashiers' shifts, and the closing of days. */
#include <string.h>

#include "api/api_impl.h"
#include "pay/shift.h"

static struct shift_person me(struct call *c, char actor[32])
{
    api_actor(c, actor);
    return (struct shift_person){c->project_id, actor, c->now};
}

/* ---- policy ---- */

static enum err put_policy(struct call *c)
{
    struct shift_policy p;
    TRY(shift_policy_get(c->tx, c->project_id, &p));
    jwrite_object(&c->out, NULL);
    jwrite_bool(&c->out, "need_shift", p.need_shift);
    jwrite_int(&c->out, "fee_permyriad", p.fee_permyriad);
    jwrite_bool(&c->out, "share_as_energy", p.share_as_energy);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_cash_policy(struct call *c)
{
    return put_policy(c);
}

enum err api_cash_policy_set(struct call *c)
{
    struct shift_policy p = {};
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){
               {"need_shift", API_FIELD_BOOL, 0, 0, &p.need_shift},
               {"fee_permyriad", API_FIELD_INT, 0, SHIFT_FEE_MAX_PERMYRIAD, &p.fee_permyriad},
               {"share_as_energy", API_FIELD_BOOL, 0, 0, &p.share_as_energy},
               {}}));
    struct shift_person by = me(c, actor);
    TRY(shift_policy_set(c->tx, &by, &p));
    return put_policy(c);
}

/* ---- shifts ---- */

/* While a shift is open nobody is told what the books expect: it is counted blind. */
static void put_shift(struct jwrite *w, const char *key, const struct shift *s)
{
    bool counted = s->state != SHIFT_OPEN;
    jwrite_object(w, key);
    jwrite_int(w, "id", s->id);
    jwrite_text(w, "cashier", s->cashier);
    jwrite_text(w, "state", shift_state_name(s->state));
    jwrite_int(w, "float_fen", s->float_fen);
    jwrite_int(w, "opened_at", s->opened_at.s);
    jwrite_int(w, "entries", s->entries);
    jwrite_id(w, "counted_at", s->counted_at.s);
    jwrite_id(w, "closed_at", s->closed_at.s);
    jwrite_text(w, "closed_by", s->closed_by[0] ? s->closed_by : NULL);
    jwrite_text(w, "note", s->note);
    if (counted) {
        jwrite_int(w, "in_fen", s->in_fen);
        jwrite_int(w, "out_fen", s->out_fen);
        jwrite_int(w, "counted_fen", s->counted_fen);
        jwrite_int(w, "expected_fen", s->expected_fen);
        jwrite_int(w, "difference_fen", s->counted_fen - s->expected_fen);
    }
    jwrite_end(w);
}

static enum err put_one(void *arg, const struct shift *s)
{
    put_shift(arg, NULL, s);
    return ERR_OK;
}

enum err api_shifts(struct call *c)
{
    int64_t before = 0, limit;
    char actor[32];
    struct shift mine;
    struct jwrite *w = &c->out;
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &before));
    TRY(api_query_limit(c, &limit));
    struct shift_person by = me(c, actor);
    enum err e = shift_mine(c->tx, by.project_id, by.actor, &mine);
    if (e != ERR_OK && e != ERR_SHIFT_NONE)
        return e;
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    if (e == ERR_OK)
        put_shift(w, "mine", &mine);
    else
        jwrite_null(w, "mine");
    jwrite_array(w, "shifts");
    TRY(shift_list(c->tx, c->project_id, before, limit, put_one, w));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_shift_open(struct call *c)
{
    int64_t float_fen = 0;
    char actor[32];
    struct shift s;
    TRY(api_fields(c, (struct api_field[]){
                          {"float_fen", API_FIELD_INT, 0, SHIFT_FLOAT_MAX_FEN, &float_fen}, {}}));
    struct shift_person by = me(c, actor);
    TRY(shift_open(c->tx, &by, float_fen, &s));
    c->status = 201;
    put_shift(&c->out, NULL, &s);
    return ERR_OK;
}

enum err api_shift_count(struct call *c)
{
    int64_t counted_fen = 0;
    char actor[32];
    struct shift s;
    TRY(api_fields(c,
                   (struct api_field[]){
                       {"counted_fen", API_FIELD_INT, 0, SHIFT_COUNT_MAX_FEN, &counted_fen}, {}}));
    struct shift_person by = me(c, actor);
    TRY(shift_count(c->tx, &by, counted_fen, &s));
    put_shift(&c->out, NULL, &s);
    return ERR_OK;
}

enum err api_shift_close(struct call *c)
{
    int64_t id = 0;
    const char *note = "";
    char actor[32];
    struct shift s;
    TRY(api_fields(c, (struct api_field[]){{"id", API_FIELD_INT, 1, INT64_C(1) << 53, &id},
                                           {"note", API_FIELD_TEXT, 0, SHIFT_NOTE_MAX, &note},
                                           {}}));
    struct shift_person by = me(c, actor);
    enum err e = shift_close(c->tx, &by, id, note, &s);
    if (e == ERR_SHIFT_NOTE)
        c->field = "note";
    TRY(e);
    put_shift(&c->out, NULL, &s);
    return ERR_OK;
}

/* ---- days ---- */

static void put_known(struct jwrite *w, const char *name, bool known, int64_t fen)
{
    if (known)
        jwrite_int(w, name, fen);
    else
        jwrite_null(w, name);
}

/* What the tills took is told when they are all counted and closed; what the ledger says, and so what
 * went past the tills, when whoever closes the day has said it from paper. */
static void put_day(struct jwrite *w, const struct shift_day *d)
{
    bool closed = d->closed_at.s != 0, counted = closed || (d->over && d->unclosed == 0);
    jwrite_object(w, NULL);
    jwrite_int(w, "day", api_day_number(d->day));
    put_known(w, "book_in_fen", closed, d->book_in_fen);
    put_known(w, "book_out_fen", closed, d->book_out_fen);
    put_known(w, "till_in_fen", counted, d->till_in_fen);
    put_known(w, "till_out_fen", counted, d->till_out_fen);
    put_known(w, "outside_in_fen", closed, d->outside_in_fen);
    put_known(w, "outside_out_fen", closed, d->outside_out_fen);
    jwrite_int(w, "unclosed", d->unclosed);
    jwrite_int(w, "shifts", d->shifts);
    jwrite_int(w, "difference_fen", d->difference_fen);
    jwrite_bool(w, "over", d->over);
    jwrite_id(w, "closed_at", d->closed_at.s);
    jwrite_text(w, "closed_by", d->closed_by[0] ? d->closed_by : NULL);
    jwrite_text(w, "note", d->note);
    jwrite_end(w);
}

static enum err put_each_day(void *arg, const struct shift_day *d)
{
    put_day(arg, d);
    return ERR_OK;
}

enum err api_day_of_number(struct call *c, const char *field, int64_t number, int32_t *day)
{
    struct civil date = {.year = (int32_t)(number / 10'000),
                         .month = (uint8_t)(number / 100 % 100),
                         .day = (uint8_t)(number % 100)};
    if (number < 19'700'101 || number > 99'991'231 || !civil_valid(date))
        return api_bad(c, field, ERR_API_FIELD, "a day as YYYYMMDD is expected");
    *day = civil_days_from_date(date.year, date.month, date.day);
    return ERR_OK;
}

enum err api_days(struct call *c)
{
    int64_t before = 0, limit;
    int32_t day = 0;
    char actor[32];
    TRY(api_query_int(c, "before", 1, 99'991'231, &before));
    TRY(api_query_limit(c, &limit));
    if (before)
        TRY(api_day_of_number(c, "before", before, &day));
    struct shift_person by = me(c, actor);
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "days");
    TRY(shift_days(c->tx, &by, day, limit, put_each_day, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_day_close(struct call *c)
{
    int64_t number = 0, outside_fen = 0;
    const char *note = "";
    char actor[32];
    struct shift_closing closing;
    struct shift_day d;
    TRY(api_fields(c,
                   (struct api_field[]){{"day", API_FIELD_INT, 19'700'101, 99'991'231, &number},
                                        {"outside_fen", API_FIELD_INT, -INT64_C(1'000'000'000'000),
                                         INT64_C(1'000'000'000'000), &outside_fen},
                                        {"note", API_FIELD_TEXT, 0, SHIFT_NOTE_MAX, &note},
                                        {}}));
    TRY(api_day_of_number(c, "day", number, &closing.day));
    closing.outside_fen = outside_fen;
    closing.note = note;
    struct shift_person by = me(c, actor);
    enum err e = shift_day_close(c->tx, &by, &closing, &d);
    if (e == ERR_DAY_OUTSIDE)
        c->field = "outside_fen";
    TRY(e);
    put_day(&c->out, &d);
    return ERR_OK;
}
