/*
 * Freezes: the registers as they stand when a local day or month ends. Where the power was away at
 * midnight, the freeze is made when it comes back, and says the midnight it belongs to. A clock
 * that was set back freezes nothing twice; one that was lost freezes nothing.
 */
#include "terminal/terminal_impl.h"

static void freeze_now(struct terminal *t, int32_t day)
{
    struct civil c = civil_from_wall(civil_day_start(day, t->setup.zone_s), t->setup.zone_s);
    struct terminal_freeze *f = &t->freeze;
    f->at = (struct terminal_stamp){(uint8_t)(c.year % 100), c.month, c.day, 0, 0, 0};
    f->balance_fen = t->books.balance_fen;
    f->free_fen = t->books.free_fen;
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        f->rate_mwh[r] = terminal_register_mwh(t, 0, r + 1);
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        f->circuit_mwh[i] = i < t->setup.circuits ? terminal_register_mwh(t, i + 1, 0) : 0;
}

void freeze_timers(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    int32_t day = clock_day(t);
    if (b->clock_lost || day <= b->freeze_day)
        return;
    struct civil now = terminal_local_time(t);
    int32_t month = now.year * 12 + now.month;
    bool first = b->freeze_day == 0; /* of its life: nothing has ended yet */
    if (!first) {
        freeze_now(t, day);
        t->day_dirty = true;
        b->days++;
        t->month_dirty = month > b->freeze_month;
        b->months += t->month_dirty;
    }
    b->freeze_day = day;
    b->freeze_month = month;
    t->books_dirty = true;
}
