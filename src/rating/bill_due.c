/* What a bill has besides its energy: fees, the minimum. */
#include "rating/period_impl.h"

bool rating_due_by_month(const struct rating_plan *plan)
{
    (void)plan;
    return false;
}

static uint16_t due(int32_t *last, int32_t now)
{
    int32_t count = now > *last ? now - *last : 0;
    if (count > UINT16_MAX) /* a clock that is centuries ahead */
        count = UINT16_MAX;
    *last += count;
    return (uint16_t)count;
}

static struct rating_line fee_line(const struct rating_work *w, const struct rating_part *fee)
{
    struct rating_line line = {.kind = RATING_ITEM_FEE,
                               .rate = RATING_TOTAL,
                               .step = -1,
                               .rounding = rating_part_rounding(w->plan, fee),
                               .month_entry = RATING_ENTRY_NONE,
                               .schedule = RATING_ENTRY_NONE,
                               .price_e8 = fee->price_e8,
                               .from_s = w->c->opened_at.s};
    for (size_t i = 0; i < sizeof line.code; i++)
        line.code[i] = fee->code[i];
    return line;
}

static enum err add_minimum(struct rating_work *w)
{
    int64_t missing_fen = w->plan->minimum_fen - w->bill->amount_fen;
    if (w->plan->minimum_fen == 0 || missing_fen <= 0)
        return ERR_OK;
    return rating_work_amount(w, &(struct rating_line){.kind = RATING_ITEM_MINIMUM,
                                                       .rate = RATING_TOTAL,
                                                       .step = -1,
                                                       .month_entry = RATING_ENTRY_NONE,
                                                       .schedule = RATING_ENTRY_NONE,
                                                       .amount_fen = missing_fen});
}

enum err rating_due_close(struct rating_work *w, wall_s to, bool last)
{
    int32_t day = civil_local_day((wall_s){to.s - 1}, w->offset_s);
    int64_t days = due(&w->next.fee_day, day);
    int64_t months = due(&w->next.fee_month, rating_month_of(day));
    for (size_t i = 0; i < w->plan->fee_count; i++) {
        const struct rating_part *fee = &w->plan->fees[i];
        struct rating_line line = fee_line(w, fee);
        bool area = fee->per == RATING_PER_AREA;
        if (area && w->c->area_milli_m2 == 0)
            return ERR_RATING_FEE;
        line.to_s = to.s;
        line.quantity_wh = area                         ? (last ? w->c->area_milli_m2 : 0)
                           : fee->per == RATING_PER_DAY ? days * 1000
                                                        : months * 1000;
        TRY(rating_work_price(w, &line));
    }
    return last ? add_minimum(w) : ERR_OK;
}
