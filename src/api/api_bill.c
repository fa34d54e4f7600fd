/* The books of one account: ledger, bills, messages. */
#include <string.h>

#include "api/api_impl.h"
#include "ledger/ledger.h"
#include "notify/notify.h"

int64_t api_day_number(int32_t local_day)
{
    struct civil c = civil_from_days(local_day);
    return (int64_t)c.year * 10'000 + c.month * 100 + c.day;
}

/* ---- ledger ---- */

struct page {
    struct jwrite *out;
    int64_t count, last;
};

static enum err put_txn(void *arg, const struct ledger_txn *t)
{
    struct page *page = arg;
    struct jwrite *w = page->out;
    page->count++;
    page->last = t->seq;
    jwrite_object(w, NULL);
    jwrite_int(w, "seq", t->seq);
    jwrite_int(w, "at", t->at.s);
    jwrite_int(w, "business_day", api_day_number(t->business_day));
    jwrite_text(w, "kind", t->kind);
    jwrite_text(w, "key", t->key);
    jwrite_text(w, "actor", t->actor);
    jwrite_raw(w, "detail", t->detail);
    jwrite_array(w, "postings");
    for (size_t i = 0; i < t->posting_count; i++) {
        jwrite_object(w, NULL);
        jwrite_text(w, "book", ledger_book_name(t->postings[i].book));
        jwrite_int(w, "amount_fen", t->postings[i].amount_fen);
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_ledger(struct call *c)
{
    struct page page = {.out = &c->out};
    int64_t before = 0, limit;
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &before));
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "transactions");
    TRY(ledger_history(c->tx, c->id, before, limit, put_txn, &page));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next_before", page.count == limit && page.last > 1 ? page.last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- bills ---- */

static void put_settlement(struct jwrite *w, const struct query *q)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "meter_id", query_int(q, 0));
    jwrite_int(w, "epoch", query_int(q, 1));
    jwrite_int(w, "business_day", api_day_number((int32_t)query_int(q, 2)));
    jwrite_int(w, "opened_at", query_int(q, 3));
    jwrite_int(w, "closed_at", query_int(q, 4));
    jwrite_int(w, "amount_fen", query_int(q, 5));
    jwrite_int(w, "energy_wh", query_int(q, 6));
    jwrite_raw(w, "bill", query_text(q, 7));
    jwrite_end(w);
}

static enum err take_before_day(struct call *c, int64_t *day)
{
    int64_t number = 0;
    *day = INT32_MAX;
    TRY(api_query_int(c, "before", 19'700'101, 99'991'231, &number));
    if (!number)
        return ERR_OK;
    struct civil date = {.year = (int32_t)(number / 10'000),
                         .month = (uint8_t)(number / 100 % 100),
                         .day = (uint8_t)(number % 100)};
    if (!civil_valid(date))
        return api_bad(c, "before", ERR_API_FIELD, "a date as YYYYMMDD is expected");
    *day = civil_days_from_date(date.year, date.month, date.day);
    return ERR_OK;
}

/* Pages end with whole days, so that "before a day" never skips a bill: what was begun is given to
 * its end. */
enum err api_settlements(struct call *c)
{
    int64_t before, limit, count = 0, last = 0;
    TRY(take_before_day(c, &before));
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "settlements");
    struct query q = query_open(
        c->tx,
        "SELECT meter_id, epoch, business_day, opened_at, closed_at, amount_fen, energy_wh, bill "
        "FROM settlement WHERE account_id = $1 AND business_day < $2 "
        "ORDER BY business_day DESC, closed_at DESC, meter_id LIMIT 1000",
        "ii", c->id, before);
    bool more = false;
    while (!more && query_step(&q)) {
        more = count >= limit && query_int(&q, 2) != last;
        if (more)
            break;
        last = query_int(&q, 2);
        put_settlement(&c->out, &q);
        count++;
    }
    TRY(query_end(&q));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next_before", more ? api_day_number((int32_t)last) : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- messages ---- */

static enum err put_message(void *arg, const struct notify_row *m)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", m->id);
    jwrite_int(w, "at", m->at.s);
    jwrite_text(w, "template", m->template);
    jwrite_int(w, "level", m->level);
    jwrite_text(w, "channel", m->channel);
    jwrite_text(w, "text_zh", m->text_zh);
    jwrite_text(w, "text_en", m->text_en);
    jwrite_text(w, "state", m->state);
    jwrite_id(w, "delivered_at", m->delivered_at.s);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_messages(struct call *c)
{
    int64_t limit;
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "messages");
    TRY(notify_list(c->tx, c->id, 0, limit, put_message, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
