/* The second edition of the plan language: the JSON of its members. */
#include <inttypes.h>

#include "oracle.h"

static const char *const move_in_words[] = {"full", "days", "months"};
static const char *const count_words[] = {"meter", "account", "group"};
static const char *const factor_words[] = {"energy", "capacity", "demand"};
static const char *const factor_roundings[] = {"down", "half_up"};

static void print_bits(const char *name, unsigned bits, const char *const *words, struct text *out)
{
    const char *comma = "";
    text_add(out, "\"%s\":[", name);
    for (int i = 0; bits >> i; i++) {
        if (!(bits >> i & 1))
            continue;
        if (words)
            text_add(out, "%s\"%s\"", comma, words[i]);
        else
            text_add(out, "%s%d", comma, i + 1);
        comma = ",";
    }
    text_add(out, "]");
}

static void print_dates(const struct schedule *s, struct text *out)
{
    for (int i = 0; i < s->date_count; i++) {
        int d = s->dates[i];
        text_add(out, "%s\"%04d-%02d-%02d\"%s", i ? "," : ",\"dates\":[", d / 10000, d / 100 % 100,
                 d % 100, i + 1 < s->date_count ? "" : "]");
    }
}

static void print_schedules(const struct plan *p, struct text *out)
{
    text_add(out, "\"schedules\":[");
    for (int i = 0; i < p->schedule_count; i++) {
        const struct schedule *s = &p->schedules[i];
        text_add(out, "%s{", i ? "," : "");
        spans_print(s->spans, s->span_count, out);
        if (s->months) {
            text_add(out, ",");
            print_bits("months", s->months, NULL, out);
        }
        if (s->days) {
            text_add(out, ",");
            print_bits("days", s->days, day_words, out);
        }
        if (s->from_month)
            text_add(out, ",\"from\":\"%02d-%02d\",\"to\":\"%02d-%02d\"", s->from_month,
                     s->from_day, s->to_month, s->to_day);
        print_dates(s, out);
        if (s->priced) {
            text_add(out, ",");
            prices_print(s->rate_price, s->names, out);
        }
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_step_prices(const struct plan *p, const struct entry *e, struct text *out)
{
    text_add(out, "\"step_prices\":[");
    for (int k = 0; k < p->step_count; k++) {
        const char *comma = k ? "," : "";
        if (p->form != BY_MATRIX) {
            text_add(out, "%s\"%s\"", comma, e->price[k].text);
            continue;
        }
        text_add(out, "%s{", comma);
        comma = "";
        for (int r = 0; r < RATES; r++)
            if (p->priced[r]) {
                text_add(out, "%s\"%s\":\"%s\"", comma, rate_words[r], e->rate_price[k][r].text);
                comma = ",";
            }
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_entries(const struct plan *p, struct text *out)
{
    text_add(out, "\"by_month\":[");
    for (int i = 0; i < p->entry_count; i++) {
        const struct entry *e = &p->entries[i];
        text_add(out, "%s{", i ? "," : "");
        print_bits("months", e->months, NULL, out);
        text_add(out, ",");
        if (e->form == ENTRY_PRICE)
            text_add(out, "\"price\":\"%s\"", e->price[0].text);
        else if (e->form == ENTRY_RATES)
            prices_print(e->rate_price[0], e->names, out);
        else
            print_step_prices(p, e, out);
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_mix(const struct plan *p, struct text *out)
{
    text_add(out, "\"mix\":[");
    for (int i = 0; i < p->mix_count; i++) {
        const struct mix *m = &p->mix[i];
        text_add(out, "%s{\"code\":\"%s\",\"percent\":\"%s\",", i ? "," : "", m->code,
                 m->percent.text);
        if (p->kind == FLAT)
            text_add(out, "\"price\":\"%s\"", m->price.text);
        else
            prices_print(m->rate_price, p->priced, out);
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_quota(const struct plan *p, struct text *out)
{
    char amount[32];
    quantity_print(p->quota, amount);
    text_add(out, "\"free_quota\":{\"amount\":\"%s\",\"cycle\":\"%s\"", amount,
             cycle_words[p->quota_cycle]);
    if (p->quota_start_month)
        text_add(out, ",\"start\":\"%02d-%02d\"", p->quota_start_month, p->quota_start_day);
    else if (p->quota_start_day)
        text_add(out, ",\"start\":\"%02d\"", p->quota_start_day);
    if (p->unused >= 0)
        text_add(out, ",\"unused\":\"%s\"", p->unused ? "carry" : "expire");
    if (p->quota_counts >= 0)
        text_add(out, ",\"counts\":%s", p->quota_counts ? "true" : "false");
    if (p->quota_per_person >= 0)
        text_add(out, ",\"per_person\":%s", p->quota_per_person ? "true" : "false");
    text_add(out, "}");
}

static void print_factor(const struct plan *p, struct text *out)
{
    const char *comma = "";
    text_add(out, "\"power_factor\":{\"standard\":\"0.90\",\"table\":[");
    for (int i = 0; i < p->factor_count; i++)
        text_add(out, "%s{\"from\":\"%d.%02d\",\"percent\":\"%s\"}", i ? "," : "",
                 p->factor_from[i] / 100, p->factor_from[i] % 100, p->factor_percent[i].text);
    text_add(out, "],\"on\":[");
    for (int i = 0; i < 3; i++)
        if (p->factor_on[i]) {
            text_add(out, "%s\"%s\"", comma, factor_words[i]);
            comma = ",";
        }
    text_add(out, "]");
    if (p->factor_rounding >= 0)
        text_add(out, ",\"rounding\":\"%s\"", factor_roundings[p->factor_rounding]);
    text_add(out, "}");
}

static void print_subsidies(const struct plan *p, struct text *out)
{
    text_add(out, "\"subsidies\":[");
    for (int i = 0; i < p->subsidy_count; i++)
        text_add(out,
                 "%s{\"code\":\"%s\",\"amount\":\"%" PRId64 ".%02" PRId64 "\",\"per\":\"month\"}",
                 i ? "," : "", p->subsidies[i].code, p->subsidies[i].fen / 100,
                 p->subsidies[i].fen % 100);
    text_add(out, "]");
}

static bool any_outside(const struct plan *p)
{
    bool any = false;
    for (int r = 0; r < RATES; r++)
        any = any || p->outside[r];
    return any;
}

static void print_outside(const struct plan *p, struct text *out)
{
    const char *comma = "";
    text_add(out, "\"outside_steps\":[");
    for (int r = 0; r < RATES; r++)
        if (p->outside[r]) {
            text_add(out, "%s\"%s\"", comma, rate_words[r]);
            comma = ",";
        }
    text_add(out, "]");
}

static void print_area_bill(const struct plan *p, struct text *out)
{
    text_add(out, "\"area_bill\":{\"price\":\"%s\",\"start\":\"%02d-%02d\",\"end\":\"%02d-%02d\"",
             p->area_price.text, p->area_start_month, p->area_start_day, p->area_end_month,
             p->area_end_day);
    if (p->area_most_percent)
        text_add(out, ",\"most_percent\":\"%d\"", p->area_most_percent);
    if (p->area_least_percent)
        text_add(out, ",\"least_percent\":\"%d\"", p->area_least_percent);
    text_add(out, "}");
}

void step_print_more(const struct step *s, struct text *out)
{
    char text[32];
    if (!s->own_surplus)
        return;
    quantity_print(s->extra, text);
    text_add(out, ",\"extra\":\"%s\"", text);
    quantity_print(s->each_more, text);
    if (s->has_each_more)
        text_add(out, ",\"each_more\":\"%s\"", text);
}

void part_print_more(const struct part *x, struct text *out)
{
    if (x->cycle >= 0)
        text_add(out, ",\"cycle\":\"%s\"", cycle_words[x->cycle]);
    if (x->cycle == HEATING_SEASON)
        text_add(out, ",\"start\":\"%02d-%02d\",\"end\":\"%02d-%02d\"", x->start_month,
                 x->start_day, x->end_month, x->end_day);
    if (x->floor_percent)
        text_add(out, ",\"floor_percent\":\"%d\"", x->floor_percent);
    if (x->over_percent)
        text_add(out, ",\"over_percent\":\"%d\",\"over_factor\":\"%s\"", x->over_percent,
                 x->over_factor.text);
    if (x->part_month >= 0)
        text_add(out, ",\"part_month\":\"%s\"", part_month_words[x->part_month]);
    if (x->utilised_from) {
        char from[32];
        quantity_print(x->utilised_from, from);
        text_add(out, ",\"utilised_from\":\"%s\",\"utilised_percent\":\"%d\"", from,
                 x->utilised_percent);
    }
}

void plan_print_more(const struct plan *p, struct members *m)
{
    if (p->zone >= 0)
        text_add(next_member(m), "\"zone\":\"%s\"", zone_words[p->zone]);
    if (p->intervals >= 0)
        text_add(next_member(m), "\"rates_from\":\"%s\"", p->intervals ? "intervals" : "meter");
    if (p->has_calendar)
        text_add(next_member(m), "\"calendar\":\"CN\"");
    if (p->schedule_count)
        print_schedules(p, next_member(m));
    if (p->entry_count)
        print_entries(p, next_member(m));
    if (p->move_in >= 0)
        text_add(next_member(m), "\"move_in\":\"%s\"", move_in_words[p->move_in]);
    if (p->count >= 0)
        text_add(next_member(m), "\"count\":\"%s\"", count_words[p->count]);
    if (p->quota)
        print_quota(p, next_member(m));
    if (p->mix_count)
        print_mix(p, next_member(m));
    if (p->factor_count)
        print_factor(p, next_member(m));
    if (p->subsidy_count)
        print_subsidies(p, next_member(m));
    if (any_outside(p))
        print_outside(p, next_member(m));
    if (p->area_most_percent || p->area_least_percent)
        print_area_bill(p, next_member(m));
    if (p->minimum_per >= 0)
        text_add(next_member(m), "\"minimum_per\":\"%s\"", p->minimum_per ? "month" : "bill");
    if (p->has_ceiling)
        text_add(next_member(m),
                 "\"ceiling\":{\"catalogue\":\"%s\",\"percent\":\"%s\",\"block\":%s}",
                 p->catalogue.text, p->ceiling_percent.text, p->ceiling_blocks ? "true" : "false");
    if (p->has_names)
        text_add(next_member(m), "\"names\":{\"en\":\"a plan\",\"zh\":\"方案\"}");
}
