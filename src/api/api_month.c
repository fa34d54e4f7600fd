/* A month of the books, summed in slices: everybody else has their turn in between. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "pay/month.h"

#define SLICE 16 /* accounts: some thirty milliseconds with a year of days behind them */

struct month_walk {
    struct call *c;
    struct io_timer timer;
    int64_t number; /* 202611 */
    struct month month;
};

/* ---- the answer ---- */

static void put_books(struct jwrite *w, const struct month *m)
{
    jwrite_array(w, "books");
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++) {
        if (!month_customers(b))
            continue;
        jwrite_object(w, NULL);
        jwrite_text(w, "book", ledger_book_name(b));
        jwrite_int(w, "opening_fen", m->opening_fen[b]);
        jwrite_int(w, "closing_fen", m->closing_fen[b]);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_line(struct jwrite *w, const struct month_line *l)
{
    jwrite_object(w, NULL);
    jwrite_text(w, "group", l->group);
    jwrite_text(w, "kind", l->kind);
    jwrite_text(w, "way", l->way);
    jwrite_text(w, "service", l->service);
    jwrite_text(w, "unit", l->unit);
    jwrite_int(w, "count", l->count);
    jwrite_int(w, "amount_fen", l->amount_fen);
    jwrite_int(w, "quantity", l->quantity);
    jwrite_end(w);
}

static void put_month(struct call *c, const struct month_walk *walk)
{
    struct jwrite *w = &c->out;
    const struct month *m = &walk->month;
    struct month_sum sum = month_sum(m);
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    jwrite_int(w, "month", walk->number);
    jwrite_int(w, "from", api_day_number(m->from_day));
    jwrite_int(w, "to", api_day_number(m->to_day));
    jwrite_int(w, "last", api_day_number(m->last_day));
    jwrite_int(w, "accounts", m->accounts);
    jwrite_int(w, "opening_fen", sum.opening_fen);
    jwrite_int(w, "in_fen", sum.in_fen);
    jwrite_int(w, "out_fen", sum.out_fen);
    jwrite_int(w, "closing_fen", sum.closing_fen);
    jwrite_int(w, "difference_fen", sum.difference_fen);
    put_books(w, m);
    jwrite_array(w, "lines");
    for (size_t i = 0; i < m->count; i++)
        put_line(w, &m->lines[i]);
    jwrite_end(w);
    jwrite_end(w);
}

/* ---- the walk ---- */

static enum err slice(struct store_tx *tx, void *arg)
{
    struct month_walk *walk = arg;
    return month_add(tx, &walk->month, SLICE);
}

static void tick(void *arg)
{
    struct month_walk *walk = arg;
    struct call *c = walk->c;
    enum err e = store_read(c->api->options.ledger, slice, walk);
    if (e == ERR_OK && walk->month.more) {
        io_timer_set_real(&walk->timer, io_mono_real(c->api->options.io));
        return;
    }
    if (e == ERR_OK)
        e = month_end(&walk->month);
    if (e == ERR_OK)
        put_month(c, walk);
    api_finish(c, e);
}

static void drop(void *arg)
{
    struct month_walk *walk = arg;
    io_timer_stop(&walk->timer);
    free(walk);
}

static enum err begin(struct store_tx *tx, void *arg)
{
    struct month_walk *walk = arg;
    return month_begin(tx, &walk->month, walk->c->project_id, walk->number, walk->c->now);
}

enum err api_month(struct call *c)
{
    struct month_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return ERR_MEMORY;
    walk->c = c;
    io_timer_init(&walk->timer, c->api->options.io, tick, walk);
    c->extra_arg = walk;
    c->extra_free = drop;
    TRY(api_query_int(c, "month", 197'001, 999'812, &walk->number));
    enum err e = store_read(c->api->options.ledger, begin, walk);
    if (e == ERR_RANGE)
        return api_bad(c, "month", e, "a month that has begun, as YYYYMM");
    TRY(e);
    io_timer_set_real(&walk->timer, io_mono_real(c->api->options.io));
    return ERR_OK;
}
