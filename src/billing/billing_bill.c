/* A bill as JSON: docs/formats/bill.md. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "billing/billing_impl.h"

struct text {
    char *out;
    size_t len, cap;
    bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->out + t->len, t->cap - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->cap - t->len)
        t->full = true;
    else
        t->len += (size_t)n;
}

static void put_line(struct text *t, const struct rating_line *l)
{
    char price[RATING_PRICE_TEXT_MAX];
    rating_price_print(l->price_e8, price);
    put(t, "{\"kind\":\"%s\",", rating_item_name(l->kind));
    if (l->step >= 0)
        put(t, "\"step\":%d,", l->step + 1);
    if (l->code[0])
        put(t, "\"code\":\"%s\",", l->code);
    if (l->rounding != RATING_CARRY)
        put(t, "\"rounding\":\"%s\",", rating_rounding_name(l->rounding));
    if (l->apportioned)
        put(t, "\"apportioned\":true,");
    put(t,
        "\"rate\":\"%s\",\"from_wh\":%" PRId64 ",\"to_wh\":%" PRId64 ",\"quantity_wh\":%" PRId64
        ",\"price\":\"%s\",\"carry_in\":%" PRId64 ",\"carry_out\":%" PRId64
        ",\"amount_fen\":%" PRId64 "}",
        rating_rate_name(l->rate), l->from_wh, l->to_wh, l->quantity_wh, price, l->carry_in,
        l->carry_out, l->amount_fen);
}

static void put_lines(struct text *t, const struct rating_bill *bill)
{
    put(t, "\"lines\":[");
    for (size_t i = 0; i < bill->line_count; i++) {
        put(t, "%s", i ? "," : "");
        put_line(t, &bill->lines[i]);
    }
    put(t, "]");
}

/* Codes are of a restricted alphabet (site/), so they need no escaping. */
enum err billing_bill_json(const struct rating_bill *bill, const struct billing_bill_facts *f,
                           char out[BILLING_BILL_MAX])
{
    struct text t = {.out = out, .cap = BILLING_BILL_MAX};
    put(&t, "{\"plan_code\":\"%s\",\"plan_version\":%" PRId64 ",\"kind\":\"%s\",\"why\":\"%s\",",
        f->plan_code, f->plan_version, rating_kind_name(f->plan->kind), f->why);
    put(&t,
        "\"opened_at\":%" PRId64 ",\"closed_at\":%" PRId64 ",\"reading_at\":%" PRId64
        ",\"energy_wh\":%" PRId64 ",\"amount_fen\":%" PRId64 ",\"charged_fen\":%" PRId64
        ",\"charged_by\":\"%s\",\"carry\":%" PRId64 ",",
        f->opened_at.s, f->closed_at.s, f->reading_at.s, bill->energy_wh, bill->amount_fen,
        f->charged_fen, f->meter_wallet ? "meter" : "plan", bill->carry);
    if (f->ratio > 1)
        put(&t, "\"ratio\":%" PRId64 ",", f->ratio);
    if (f->decided)
        put(&t, "\"decided\":\"%s\",\"decided_by\":\"%s\",", f->decided, f->decided_by);
    put_lines(&t, bill);
    put(&t, "}");
    return t.full ? ERR_FULL : ERR_OK;
}
