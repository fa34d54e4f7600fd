/* A bill as JSON: docs/formats/bill.md. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "billing/billing_impl.h"
#include "rating/line.h"

struct text {
    char *out;
    size_t len, cap;
    bool full;
};

static void put_bytes(struct text *t, const char *bytes, size_t len)
{
    if (len >= t->cap - t->len) {
        t->full = true;
        return;
    }
    memcpy(t->out + t->len, bytes, len);
    t->len += len;
    t->out[t->len] = '\0';
}

/* What a format asks for: "%s", "%d" and "%" PRId64. A bill has many of them, and printf is slow.
 */
static void put_value(struct text *t, char kind, va_list *args)
{
    char number[TEXT_INT_MAX];
    if (kind == 's') {
        const char *text = va_arg(*args, const char *);
        put_bytes(t, text, strlen(text));
        return;
    }
    int64_t value = kind == 'd' ? va_arg(*args, int) : va_arg(*args, int64_t);
    put_bytes(t, number, text_int(number, value));
}

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    static const char wide[] = PRId64; /* "ld", or "lld" */
    va_list args;
    va_start(args, format);
    for (const char *at = format, *next; *at; at = next) {
        next = at + strcspn(at, "%");
        put_bytes(t, at, (size_t)(next - at));
        if (!*next)
            break;
        bool is_wide = strncmp(next + 1, wide, sizeof wide - 1) == 0;
        MUST(is_wide || next[1] == 's' || next[1] == 'd');
        put_value(t, is_wide ? 'w' : next[1], &args);
        next += is_wide ? sizeof wide : 2;
    }
    va_end(args);
}

/* What rating_period says of a line besides, where it says something. */
static const struct {
    unsigned flag;
    const char *name;
} flags[] = {{RATING_FLAG_ESTIMATED, "estimated"},
             {RATING_FLAG_CALENDAR, "calendar_unknown"},
             {RATING_FLAG_MOVED_IN, "moved_in"},
             {RATING_FLAG_INTERVALS, "intervals"},
             {RATING_FLAG_UTILISED, "utilised"}};

static void put_where(struct text *t, const struct rating_line *l,
                      const struct billing_bill_facts *f)
{
    bool whole =
        l->from_s == f->opened_at.s && (l->to_s == f->reading_at.s || l->to_s == f->closed_at.s);
    if (l->to_s > l->from_s && !whole)
        put(t, "\"from_at\":%" PRId64 ",\"to_at\":%" PRId64 ",", l->from_s, l->to_s);
    if (l->step >= 0 && l->step_to_wh > 0)
        put(t, "\"step_from_wh\":%" PRId64 ",", l->step_from_wh);
    if (l->step >= 0 && l->step_to_wh > 0 && l->step_to_wh != RATING_STEP_OPEN)
        put(t, "\"step_to_wh\":%" PRId64 ",", l->step_to_wh);
    if (l->to_s > 0 && l->schedule >= 0 && f->plan->schedule_count > 0)
        put(t, "\"schedule\":%d,", l->schedule + 1);
    if (l->to_s > 0 && l->month_entry >= 0 && f->plan->month_count > 0)
        put(t, "\"by_month\":%d,", l->month_entry + 1);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (l->flags & flags[i].flag)
            put(t, "\"%s\":true,", flags[i].name);
}

/* The power factor: a percent of a sum, and what it was found from. */
static void put_factor(struct text *t, const struct rating_line *l)
{
    char percent[RATING_PRICE_TEXT_MAX];
    rating_price_print(l->price_e8 * RATING_PERCENT_PER_FACTOR_PRICE, percent);
    put(t,
        "\"active_wh\":%" PRId64 ",\"reactive_wh\":%" PRId64 ",\"of_fen\":%" PRId64
        ",\"percent\":\"%s\",",
        l->from_wh, l->to_wh, l->quantity_wh, percent);
}

/* What a heating season had come to, and the area and price of the bound that it passed. */
static void put_season(struct text *t, const struct rating_line *l)
{
    char price[RATING_PRICE_TEXT_MAX];
    rating_price_print(l->price_e8, price);
    put(t, "\"of_fen\":%" PRId64 ",\"quantity_wh\":%" PRId64 ",\"price\":\"%s\",", l->from_wh,
        l->quantity_wh, price);
}

/* Registers; of a demand whose price goes by the month's energy, that and the capacity. */
static void put_quantity(struct text *t, const struct rating_line *l)
{
    char price[RATING_PRICE_TEXT_MAX];
    bool month = l->kind == RATING_ITEM_FEE && l->to_wh != 0;
    rating_price_print(l->price_e8, price);
    put(t, "\"%s\":%" PRId64 ",\"%s\":%" PRId64 ",\"quantity_wh\":%" PRId64 ",\"price\":\"%s\",",
        month ? "month_wh" : "from_wh", l->from_wh, month ? "capacity_milli_kva" : "to_wh",
        l->to_wh, l->quantity_wh, price);
}

static void put_line(struct text *t, const struct rating_line *l,
                     const struct billing_bill_facts *f)
{
    put(t, "{\"kind\":\"%s\",\"rule\":\"%s\",", rating_item_name(l->kind),
        rating_line_rule(f->plan, l));
    if (l->step >= 0)
        put(t, "\"step\":%d,", l->step + 1);
    if (l->code[0])
        put(t, "\"code\":\"%s\",", l->code);
    if (l->rounding != RATING_CARRY)
        put(t, "\"rounding\":\"%s\",", rating_rounding_name(l->rounding));
    if (l->apportioned)
        put(t, "\"apportioned\":true,");
    put_where(t, l, f);
    put(t, "\"rate\":\"%s\",", rating_rate_name(l->rate));
    if (l->kind == RATING_ITEM_FACTOR)
        put_factor(t, l);
    else if (l->kind == RATING_ITEM_SEASON)
        put_season(t, l);
    else
        put_quantity(t, l);
    put(t, "\"carry_in\":%" PRId64 ",\"carry_out\":%" PRId64 ",\"amount_fen\":%" PRId64 "}",
        l->carry_in, l->carry_out, l->amount_fen);
}

static void put_lines(struct text *t, const struct rating_bill *bill,
                      const struct billing_bill_facts *f)
{
    put(t, "\"lines\":[");
    for (size_t i = 0; i < bill->line_count; i++) {
        put(t, "%s", i ? "," : "");
        put_line(t, &bill->lines[i], f);
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
    if (f->plan->unit != RATING_KWH)
        put(&t, "\"unit\":\"%s\",", rating_unit_name(f->plan->unit));
    if (f->ratio > 1)
        put(&t, "\"ratio\":%" PRId64 ",", f->ratio);
    if (f->decided)
        put(&t, "\"decided\":\"%s\",\"decided_by\":\"%s\",", f->decided, f->decided_by);
    put_lines(&t, bill, f);
    put(&t, "}");
    return t.full ? ERR_FULL : ERR_OK;
}
