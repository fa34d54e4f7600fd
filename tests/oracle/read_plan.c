/* Plans out of their JSON. Only for valid plans: nothing is refused but what cannot be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_impl.h"

struct tree tree;

int find_word(const char *const *words, int count, const char *word, int otherwise)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return otherwise;
}

/* "12.345" is 12345 with a scale of 3. */
static int64_t read_digits(const char *text, int *scale)
{
    int64_t digits = 0;
    *scale = -1;
    for (; *text; text++) {
        if (*text == '.') {
            *scale = 0;
            continue;
        }
        digits = digits * 10 + (*text - '0');
        *scale += *scale >= 0;
    }
    *scale = *scale < 0 ? 0 : *scale;
    return digits;
}

void read_decimal(struct decimal *d, const char *text)
{
    int scale;
    int64_t digits = read_digits(text, &scale);
    decimal_set(d, digits, scale);
}

int64_t read_quantity(const char *text)
{
    int scale;
    int64_t digits = read_digits(text, &scale);
    for (; scale < 3; scale++)
        digits *= 10;
    return digits;
}

void read_prices(int object, struct decimal *prices, bool *priced)
{
    for (int i = object ? tree.nodes[object].child : 0; i; i = tree.nodes[i].next) {
        int r = find_word(rate_words, RATES, tree.nodes[i].name, 0);
        read_decimal(&prices[r], tree.nodes[i].text);
        priced[r] = true;
    }
}

static int read_clock(const char *text)
{
    int hour = 0, minute = 0;
    sscanf(text, "%d:%d", &hour, &minute);
    return hour * 60 + minute;
}

int read_spans(struct span *spans, int list)
{
    int n = 0;
    for (int i = list ? tree.nodes[list].child : 0; i; i = tree.nodes[i].next)
        spans[n++] = (struct span){read_clock(tree_text(&tree, i, "from")),
                                   read_clock(tree_text(&tree, i, "to")),
                                   find_word(rate_words, RATES, tree_text(&tree, i, "rate"), 0)};
    return n;
}

static void read_steps(struct plan *p, int list)
{
    for (int i = list ? tree.nodes[list].child : 0; i; i = tree.nodes[i].next) {
        struct step *s = &p->steps[p->step_count++];
        s->open = !tree_member(&tree, i, "to");
        s->to = read_quantity(tree_text(&tree, i, "to"));
        s->to_high = read_quantity(tree_text(&tree, i, "to_high"));
        s->own_surplus = tree_member(&tree, i, "extra") != 0;
        s->has_each_more = tree_member(&tree, i, "each_more") != 0;
        s->extra = read_quantity(tree_text(&tree, i, "extra"));
        s->each_more = read_quantity(tree_text(&tree, i, "each_more"));
        p->form = tree_member(&tree, i, "price")       ? BY_PRICE
                  : tree_member(&tree, i, "surcharge") ? BY_SURCHARGE
                                                       : BY_MATRIX;
        if (p->form == BY_MATRIX)
            read_prices(tree_member(&tree, i, "prices"), s->rate_price, p->priced);
        else
            read_decimal(&s->price,
                         tree_text(&tree, i, p->form == BY_PRICE ? "price" : "surcharge"));
    }
}

static void read_ladder(struct plan *p)
{
    const char *start = tree_text(&tree, 1, "start");
    int high = tree_member(&tree, 1, "high_season"), household = tree_member(&tree, 1, "household");
    p->cycle = (enum cycle)find_word(cycle_words, CYCLES, tree_text(&tree, 1, "cycle"), 0);
    if (strlen(start) == 2)
        p->start_day = atoi(start);
    else
        sscanf(start, "%d-%d", &p->start_month, &p->start_day);
    sscanf(tree_text(&tree, 1, "end"), "%d-%d", &p->end_month, &p->end_day);
    p->high_from = tree_number(&tree, high, "from", 0);
    p->high_to = tree_number(&tree, high, "to", 0);
    p->household_from = tree_number(&tree, household, "from_persons", 0);
    p->extra = read_quantity(tree_text(&tree, household, "extra"));
    p->has_each_more = tree_member(&tree, household, "each_more") != 0;
    p->each_more = read_quantity(tree_text(&tree, household, "each_more"));
    p->chronological = strcmp(tree_text(&tree, 1, "apportion"), "chronological") == 0;
    read_steps(p, tree_member(&tree, 1, "steps"));
}

static int read_rounding(int object)
{
    return find_word(rounding_words, ROUNDINGS, tree_text(&tree, object, "rounding"), -1);
}

static int read_parts(struct part *parts, int list)
{
    int n = 0;
    for (int i = list ? tree.nodes[list].child : 0; i; i = tree.nodes[i].next) {
        struct part *x = &parts[n++];
        snprintf(x->code, sizeof x->code, "%.31s", tree_text(&tree, i, "code"));
        x->per = (enum per)find_word(per_words, PERS, tree_text(&tree, i, "per"), PER_UNIT);
        x->rounding = read_rounding(i);
        read_decimal(&x->price, tree_text(&tree, i, "price"));
        read_part_more(x, i);
    }
    return n;
}

bool plan_read(struct plan *p, const char *json)
{
    if (!tree_read(&tree, json))
        return false;
    plan_clear(p);
    p->kind = (enum kind)find_word(kind_words, KINDS, tree_text(&tree, 1, "kind"), FLAT);
    p->unit = find_word(unit_words, UNITS, tree_text(&tree, 1, "unit"), -1);
    p->has_price = tree_member(&tree, 1, "price") != 0;
    p->has_prices = tree_member(&tree, 1, "prices") != 0;
    read_decimal(&p->price, tree_text(&tree, 1, "price"));
    read_prices(tree_member(&tree, 1, "prices"), p->rate_price, p->priced);
    p->span_count = read_spans(p->spans, tree_member(&tree, 1, "periods"));
    if (plan_has_steps(p))
        read_ladder(p);
    p->component_count = read_parts(p->components, tree_member(&tree, 1, "components"));
    p->fee_count = read_parts(p->fees, tree_member(&tree, 1, "fees"));
    p->rounding = read_rounding(1);
    p->minimum_fen = read_quantity(tree_text(&tree, 1, "minimum")) / 10;
    plan_read_more(p);
    return true;
}
