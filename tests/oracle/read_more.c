/* The second edition's members out of their JSON. */
#include <stdio.h>
#include <string.h>

#include "read_impl.h"

static const char *const move_in_words[] = {"full", "days", "months"};
static const char *const count_words[] = {"meter", "account", "group"};
static const char *const factor_words[] = {"energy", "capacity", "demand"};
static const char *const factor_roundings[] = {"down", "half_up"};
static const char *const unused_words[] = {"expire", "carry"};
static const char *const truths[] = {"false", "true"};
static const char *const sources[] = {"meter", "intervals"};
static const char *const minimum_words[] = {"bill", "month"};

static int first_child(int list)
{
    return list ? tree.nodes[list].child : 0;
}

static int word_of(int object, const char *name, const char *const *words, int count)
{
    return find_word(words, count, tree_text(&tree, object, name), -1);
}

static unsigned read_bits(int list, const char *const *words)
{
    unsigned bits = 0;
    for (int i = first_child(list); i; i = tree.nodes[i].next) {
        int number = 0;
        if (words)
            number = find_word(words, DAY_WORDS, tree.nodes[i].text, 0) + 1;
        else
            sscanf(tree.nodes[i].text, "%d", &number);
        bits |= 1u << (number - 1);
    }
    return bits;
}

static void read_dates(struct schedule *s, int list)
{
    for (int i = first_child(list); i; i = tree.nodes[i].next) {
        int year = 0, month = 0, day = 0;
        sscanf(tree.nodes[i].text, "%d-%d-%d", &year, &month, &day);
        s->dates[s->date_count++] = year * 10000 + month * 100 + day;
    }
}

static void read_schedules(struct plan *p, int list)
{
    for (int i = first_child(list); i; i = tree.nodes[i].next) {
        struct schedule *s = &p->schedules[p->schedule_count++];
        int prices = tree_member(&tree, i, "prices");
        s->months = read_bits(tree_member(&tree, i, "months"), NULL);
        s->days = read_bits(tree_member(&tree, i, "days"), day_words);
        sscanf(tree_text(&tree, i, "from"), "%d-%d", &s->from_month, &s->from_day);
        sscanf(tree_text(&tree, i, "to"), "%d-%d", &s->to_month, &s->to_day);
        read_dates(s, tree_member(&tree, i, "dates"));
        s->span_count = read_spans(s->spans, tree_member(&tree, i, "periods"));
        s->priced = prices != 0;
        read_prices(prices, s->rate_price, s->names);
    }
}

static void read_entries(struct plan *p, int list)
{
    for (int i = first_child(list); i; i = tree.nodes[i].next) {
        struct entry *e = &p->entries[p->entry_count++];
        int steps = tree_member(&tree, i, "step_prices"), k = 0;
        e->months = read_bits(tree_member(&tree, i, "months"), NULL);
        e->form = steps ? ENTRY_STEPS : tree_member(&tree, i, "prices") ? ENTRY_RATES : ENTRY_PRICE;
        if (e->form == ENTRY_PRICE)
            read_decimal(&e->price[0], tree_text(&tree, i, "price"));
        if (e->form == ENTRY_RATES)
            read_prices(tree_member(&tree, i, "prices"), e->rate_price[0], e->names);
        for (int n = first_child(steps); n; n = tree.nodes[n].next, k++)
            if (tree.nodes[n].type == '{')
                read_prices(n, e->rate_price[k], p->priced);
            else
                read_decimal(&e->price[k], tree.nodes[n].text);
    }
}

static void read_mix(struct plan *p, int list)
{
    for (int i = first_child(list); i; i = tree.nodes[i].next) {
        struct mix *m = &p->mix[p->mix_count++];
        snprintf(m->code, sizeof m->code, "%.31s", tree_text(&tree, i, "code"));
        read_decimal(&m->percent, tree_text(&tree, i, "percent"));
        read_decimal(&m->price, tree_text(&tree, i, "price"));
        read_prices(tree_member(&tree, i, "prices"), m->rate_price, p->priced);
    }
}

static void read_factor(struct plan *p, int object)
{
    for (int i = first_child(tree_member(&tree, object, "table")); i; i = tree.nodes[i].next) {
        int whole = 0, part = 0;
        const char *percent = tree_text(&tree, i, "percent");
        struct decimal *d = &p->factor_percent[p->factor_count];
        sscanf(tree_text(&tree, i, "from"), "%d.%2d", &whole, &part);
        p->factor_from[p->factor_count++] = whole * 100 + part;
        read_decimal(d, percent + (percent[0] == '-'));
        if (percent[0] == '-') {
            mpq_neg(d->value, d->value);
            snprintf(d->text, sizeof d->text, "%.31s", percent);
        }
    }
    for (int i = first_child(tree_member(&tree, object, "on")); i; i = tree.nodes[i].next)
        p->factor_on[find_word(factor_words, 3, tree.nodes[i].text, 0)] = true;
    p->factor_rounding = word_of(object, "rounding", factor_roundings, 2);
}

static void read_quota(struct plan *p, int object)
{
    p->quota = read_quantity(tree_text(&tree, object, "amount"));
    p->quota_cycle =
        (enum cycle)find_word(cycle_words, CYCLES, tree_text(&tree, object, "cycle"), MONTH);
    const char *start = tree_text(&tree, object, "start");
    if (strlen(start) == 2)
        sscanf(start, "%d", &p->quota_start_day);
    else
        sscanf(start, "%d-%d", &p->quota_start_month, &p->quota_start_day);
    p->unused = word_of(object, "unused", unused_words, 2);
    p->quota_counts = word_of(object, "counts", truths, 2);
    p->quota_per_person = word_of(object, "per_person", truths, 2);
}

static void read_subsidies(struct plan *p, int list)
{
    for (int i = first_child(list); i; i = tree.nodes[i].next, p->subsidy_count++) {
        snprintf(p->subsidies[p->subsidy_count].code, sizeof p->subsidies[0].code, "%.31s",
                 tree_text(&tree, i, "code"));
        p->subsidies[p->subsidy_count].fen = read_quantity(tree_text(&tree, i, "amount")) / 10;
    }
}

static void read_area_bill(struct plan *p, int object)
{
    read_decimal(&p->area_price, tree_text(&tree, object, "price"));
    sscanf(tree_text(&tree, object, "start"), "%d-%d", &p->area_start_month, &p->area_start_day);
    sscanf(tree_text(&tree, object, "end"), "%d-%d", &p->area_end_month, &p->area_end_day);
    p->area_most_percent = tree_number(&tree, object, "most_percent", 0);
    p->area_least_percent = tree_number(&tree, object, "least_percent", 0);
    area_bill_derive(p);
}

void read_part_more(struct part *x, int object)
{
    x->cycle = word_of(object, "cycle", cycle_words, CYCLES);
    sscanf(tree_text(&tree, object, "start"), "%d-%d", &x->start_month, &x->start_day);
    sscanf(tree_text(&tree, object, "end"), "%d-%d", &x->end_month, &x->end_day);
    x->floor_percent = tree_number(&tree, object, "floor_percent", 0);
    x->over_percent = tree_number(&tree, object, "over_percent", 0);
    read_decimal(&x->over_factor, tree_text(&tree, object, "over_factor"));
    x->utilised_from = read_quantity(tree_text(&tree, object, "utilised_from"));
    x->utilised_percent = tree_number(&tree, object, "utilised_percent", 0);
    x->part_month = word_of(object, "part_month", part_month_words, 3);
    part_derive(x);
}

void plan_read_more(struct plan *p)
{
    int ceiling = tree_member(&tree, 1, "ceiling");
    p->zone = word_of(1, "zone", zone_words, ZONES);
    p->intervals = word_of(1, "rates_from", sources, 2);
    p->has_calendar = tree_member(&tree, 1, "calendar") != 0;
    read_schedules(p, tree_member(&tree, 1, "schedules"));
    read_mix(p, tree_member(&tree, 1, "mix"));
    read_entries(p, tree_member(&tree, 1, "by_month"));
    p->move_in = word_of(1, "move_in", move_in_words, 3);
    p->count = word_of(1, "count", count_words, 3);
    if (tree_member(&tree, 1, "free_quota"))
        read_quota(p, tree_member(&tree, 1, "free_quota"));
    if (tree_member(&tree, 1, "power_factor"))
        read_factor(p, tree_member(&tree, 1, "power_factor"));
    read_subsidies(p, tree_member(&tree, 1, "subsidies"));
    p->minimum_per = word_of(1, "minimum_per", minimum_words, 2);
    p->has_ceiling = ceiling != 0;
    if (ceiling) {
        read_decimal(&p->catalogue, tree_text(&tree, ceiling, "catalogue"));
        read_decimal(&p->ceiling_percent, tree_text(&tree, ceiling, "percent"));
        p->ceiling_blocks = word_of(ceiling, "block", truths, 2) == 1;
    }
    for (int i = first_child(tree_member(&tree, 1, "outside_steps")); i; i = tree.nodes[i].next)
        p->outside[find_word(rate_words, RATES, tree.nodes[i].text, 0)] = true;
    if (tree_member(&tree, 1, "area_bill"))
        read_area_bill(p, tree_member(&tree, 1, "area_bill"));
    p->has_names = tree_member(&tree, 1, "names") != 0;
}
