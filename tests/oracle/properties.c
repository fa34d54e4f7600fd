/*
 * What must hold between bills of the engine, whatever the plan: properties [--plans N] [--seed N].
 * The oracle's plans and usages are used, its bills are not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define EXACT INT64_C(1000000000) /* carry units in a fen */

typedef __int128 money; /* carry units */

static struct plan plan, other;
static struct usage usage;
static struct text json, other_json, why;
static struct rating_plan engine, engine_other;
static struct rating_used rows[ROWS_MAX];
static struct rating_statement first, second, third;
static uint64_t seed = 20260305;
static int64_t number, failures;

static enum err state(const struct rating_plan *p, const struct usage *u,
                      struct rating_statement *out)
{
    struct rating_request q;
    engine_request(u, rows, &q);
    return rating_state(p, &q, out);
}

static money exact_of(const struct rating_statement *s)
{
    return (money)s->amount_fen * EXACT + s->carry;
}

/* The other plan, as the engine reads it. */
static bool read_other(void)
{
    text_clear(&other_json);
    plan_print(&other, NULL, &other_json);
    text_clear(&why);
    return engine_read(&other_json, &engine_other, &why);
}

/* `other` becomes a copy of `plan` that can be changed. */
static void copy_plan(void)
{
    plan_read(&other, json.at);
}

static bool carries_all(const struct plan *p)
{
    bool all = p->rounding <= CARRY;
    for (int i = 0; i < p->component_count; i++)
        all = all && p->components[i].rounding <= CARRY;
    for (int i = 0; i < p->fee_count; i++)
        all = all && p->fees[i].rounding <= CARRY;
    return all;
}

static bool is_matrix(const struct plan *p)
{
    return p->kind == TIME_OF_USE_LADDER && p->form == BY_MATRIX;
}

/* --- the properties: 1 holds, 0 does not, -1 says nothing here ----------------------------------
 */

/* The same again is the same. */
static int again(struct chance *c)
{
    (void)c;
    memset(&second, 0xa5, sizeof second);
    if (state(&engine, &usage, &second) != ERR_OK || second.item_count != first.item_count)
        return 0;
    for (size_t i = 0; i < first.item_count; i++)
        if (first.items[i].amount_fen != second.items[i].amount_fen ||
            first.items[i].carry_out != second.items[i].carry_out)
            return 0;
    return exact_of(&first) == exact_of(&second) && first.used_after_wh == second.used_after_wh;
}

/* The sum of the lines is the bill, and each line's money is its quantity times its price. */
static int lines_are_the_bill(struct chance *c)
{
    int64_t fen = 0;
    (void)c;
    for (size_t i = 0; i < first.item_count; i++) {
        const struct rating_item *t = &first.items[i];
        money due = (money)t->quantity_wh * t->price_e8;
        money lost = due + t->carry_in - (money)t->amount_fen * EXACT - t->carry_out;
        fen += t->amount_fen;
        if (t->kind != RATING_ITEM_MINIMUM && t->rounding == RATING_CARRY && lost != 0)
            return 0;
        if (i > 0 && t->carry_in != first.items[i - 1].carry_out)
            return 0;
    }
    return fen == first.amount_fen;
}

/* Two bills, cut between two rows, are worth the same as one. Fees and minimum are a bill's own. */
static int splitting(struct chance *c)
{
    static struct usage part;
    if (usage.row_count < 2 || plan.fee_count || plan.minimum_fen || !carries_all(&plan) ||
        (is_matrix(&plan) && !plan.chronological))
        return -1;
    int cut = (int)chance_between(c, 1, usage.row_count - 1);
    part = usage;
    part.row_count = cut;
    if (state(&engine, &part, &second) != ERR_OK)
        return 0;
    part.row_count = usage.row_count - cut;
    memmove(part.rows, usage.rows + cut, (size_t)part.row_count * sizeof part.rows[0]);
    part.before = second.used_after_wh;
    part.carry = second.carry;
    if (state(&engine, &part, &third) != ERR_OK)
        return 0;
    return (money)(second.amount_fen + third.amount_fen) * EXACT + third.carry ==
               exact_of(&first) &&
           third.used_after_wh == first.used_after_wh;
}

/* Rows matter to a chronological matrix only. */
static int merging(struct chance *c)
{
    static struct usage whole;
    (void)c;
    if (usage.row_count < 2 || (is_matrix(&plan) && plan.chronological))
        return -1;
    whole = usage;
    whole.row_count = 1;
    for (int i = 1; i < usage.row_count; i++) {
        whole.rows[0].total += usage.rows[i].total;
        for (int r = 0; r < RATES; r++)
            whole.rows[0].rate[r] += usage.rows[i].rate[r];
    }
    if (plan_has_rates(&plan)) { /* many small tolerances would be one large one */
        whole.rows[0].total = 0;
        for (int r = 0; r < RATES; r++)
            whole.rows[0].total += whole.rows[0].rate[r];
    }
    return state(&engine, &whole, &second) == ERR_OK && exact_of(&first) == exact_of(&second) &&
           first.item_count == second.item_count;
}

static void raise(struct decimal *d, struct chance *c)
{
    mpz_t digits;
    mpz_init_set(digits, mpq_numref(d->value));
    mpz_mul_ui(digits, digits, 100000000 / mpz_get_ui(mpq_denref(d->value)));
    int64_t now = mpz_get_si(digits) + chance_between(c, 1, chance_percent(c, 50) ? 1 : 10000000);
    mpz_clear(digits);
    decimal_set(d, now > INT64_C(100000000000) ? INT64_C(100000000000) : now, 8);
}

static void raise_one(struct chance *c)
{
    int i = (int)chance_between(c, 0, 4);
    if (i == 0 && other.component_count)
        raise(&other.components[chance_between(c, 0, other.component_count - 1)].price, c);
    else if (i == 1 && other.fee_count)
        raise(&other.fees[chance_between(c, 0, other.fee_count - 1)].price, c);
    else if (other.step_count && i > 1) {
        struct step *s = &other.steps[chance_between(c, 0, other.step_count - 1)];
        for (int r = 0; r < RATES && is_matrix(&other); r++)
            if (other.priced[r])
                raise(&s->rate_price[r], c);
        if (!is_matrix(&other))
            raise(&s->price, c);
    } else if (other.has_price)
        raise(&other.price, c);
    else
        for (int r = 0; r < RATES; r++)
            if (other.priced[r] && other.has_prices)
                raise(&other.rate_price[r], c);
}

/* A higher price never makes a lower bill. */
static int raising(struct chance *c)
{
    copy_plan();
    raise_one(c);
    if (plan_fit_surcharges(&other))
        return -1;
    if (!read_other() || state(&engine_other, &usage, &second) != ERR_OK)
        return 0;
    return second.amount_fen >= first.amount_fen &&
           (plan.minimum_fen || exact_of(&second) >= exact_of(&first));
}

static int by_value(const void *a, const void *b)
{
    return mpq_cmp(((const struct step *)a)->price.value, ((const struct step *)b)->price.value);
}

/* With rising steps each unit costs at least what the one before it did, and a later start never
 * costs less. */
static int step_order(struct chance *c)
{
    static struct usage more;
    money at[3];
    for (int i = 0; i < other.step_count; i++) { /* the prices change places, not the ends */
        int64_t to = plan.steps[i].to, to_high = plan.steps[i].to_high;
        other.steps[i].to = to;
        other.steps[i].to_high = to_high;
    }
    (void)c;
    if (!read_other())
        return 0;
    more = usage;
    more.row_count = 1;
    for (int i = 0; i < 3; i++) {
        if (state(&engine_other, &more, &second) != ERR_OK)
            return 0;
        at[i] = exact_of(&second);
        more.rows[0].total += 1;
        for (int r = 0, done = 0; r < RATES && plan_has_rates(&other) && !done; r++)
            if (other.priced[r]) {
                more.rows[0].rate[r] += 1;
                done = 1;
            }
    }
    return at[2] - at[1] >= at[1] - at[0];
}

static int rising_steps(struct chance *c)
{
    if (!plan_has_steps(&plan) || is_matrix(&plan) || !carries_all(&plan) || plan.minimum_fen)
        return -1;
    copy_plan();
    qsort(other.steps, (size_t)other.step_count, sizeof other.steps[0], by_value);
    for (int i = 0; i < other.step_count; i++)
        other.steps[i].open = i == other.step_count - 1;
    return step_order(c);
}

/* A ladder whose steps all cost the same is no ladder. */
static int level_steps(struct chance *c)
{
    (void)c;
    if (plan.kind != LADDER || plan.form != BY_PRICE || !carries_all(&plan) || plan.minimum_fen)
        return -1;
    copy_plan();
    char price[32];
    memcpy(price, plan.steps[0].price.text, sizeof price);
    for (int i = 1; i < other.step_count; i++) {
        mpq_set(other.steps[i].price.value, plan.steps[0].price.value);
        memcpy(other.steps[i].price.text, price, sizeof price);
    }
    if (!read_other() || state(&engine_other, &usage, &second) != ERR_OK)
        return 0;
    other.kind = FLAT;
    other.has_price = true;
    mpq_set(other.price.value, plan.steps[0].price.value);
    memcpy(other.price.text, price, sizeof price);
    if (!read_other() || state(&engine_other, &usage, &third) != ERR_OK)
        return 0;
    return exact_of(&second) == exact_of(&third);
}

/* Surcharges written out as a matrix are worth the same, whichever way of sharing out is named. */
static int adders_as_matrix(struct chance *c)
{
    if (plan.kind != TIME_OF_USE_LADDER || is_matrix(&plan) || !carries_all(&plan) ||
        plan.minimum_fen)
        return -1;
    copy_plan();
    other.form = BY_MATRIX;
    other.has_prices = false;
    other.chronological = chance_percent(c, 50);
    for (int i = 0; i < other.step_count; i++)
        for (int r = 0; r < RATES; r++) {
            mpq_t sum;
            if (!plan.priced[r])
                continue;
            mpq_init(sum);
            mpq_add(sum, plan.rate_price[r].value, plan.steps[i].price.value);
            int64_t digits =
                mpz_get_si(mpq_numref(sum)) * (100000000 / mpz_get_si(mpq_denref(sum)));
            mpq_clear(sum);
            if (digits > INT64_C(100000000000))
                return -1;
            decimal_set(&other.steps[i].rate_price[r], digits, 8);
        }
    if (!read_other() || state(&engine_other, &usage, &second) != ERR_OK)
        return 0;
    return exact_of(&second) == exact_of(&first) && second.used_after_wh == first.used_after_wh;
}

/* A large household's surplus is nothing but later ends. */
static int household_is_later_ends(struct chance *c)
{
    int64_t ends[STEPS_MAX];
    (void)c;
    if (!plan_has_steps(&plan) || !plan.household_from)
        return -1;
    step_ends(&plan, usage.persons, usage.month, ends);
    copy_plan();
    other.household_from = other.high_from = 0;
    for (int i = 0; i < other.step_count - 1; i++) {
        other.steps[i].to = ends[i];
        other.steps[i].own_surplus = false;
    }
    if (!read_other() || state(&engine_other, &usage, &second) != ERR_OK)
        return 0;
    return exact_of(&second) == exact_of(&first);
}

/* Each minute of the day has one rate, and the plan's periods are where it says so. */
static int day_is_shared_out(struct chance *c)
{
    int minutes[RATES] = {0}, said[RATES] = {0};
    (void)c;
    if (!plan_has_rates(&plan))
        return -1;
    for (unsigned m = 0; m < 1440; m++) {
        enum rating_rate r = rating_rate_at(&engine, m);
        if ((int)r >= RATING_RATES)
            return 0;
        minutes[r]++;
    }
    for (int i = 0; i < plan.span_count; i++) {
        const struct span *s = &plan.spans[i];
        said[s->rate] += s->to > s->from ? s->to - s->from : s->to + 1440 - s->from;
        if ((int)rating_rate_at(&engine, (unsigned)s->from) != s->rate ||
            (int)rating_rate_at(&engine, (unsigned)(s->to + 1439) % 1440) != s->rate)
            return 0;
    }
    return memcmp(minutes, said, sizeof minutes) == 0;
}

/* The text of a price, and back. */
static int price_text(struct chance *c)
{
    char text[RATING_PRICE_TEXT_MAX];
    int64_t price_e8 = chance_between(c, 0, chance_percent(c, 50) ? 3000 : RATING_PRICE_MAX_E8),
            back;
    enum rating_reason reason;
    rating_price_print(price_e8, text);
    size_t n = strlen(text);
    if (strchr(text, '.') && (text[n - 1] == '0' || text[n - 1] == '.' || n < 3))
        return 0;
    return rating_price_parse(text, &back, &reason) == ERR_OK && back == price_e8;
}

/* What the plan says of a rate's price, and of a flat one's. */
static int price_in_force(struct chance *c)
{
    mpq_t e8;
    (void)c;
    if (plan_has_steps(&plan))
        return -1;
    if (plan.kind == FLAT && rating_rate_at(&engine, 17) != RATING_TOTAL)
        return 0;
    mpq_init(e8);
    int good = 1;
    for (int r = 0; r <= RATING_RATES; r++) {
        const struct decimal *d = plan.kind == FLAT ? &plan.price : &plan.rate_price[r % RATES];
        bool has = plan.kind == FLAT ? r == RATING_TOTAL : r < RATING_RATES && plan.priced[r];
        if (plan.kind == FLAT && r != RATING_TOTAL)
            continue;
        mpq_set_si(e8, rating_price_of(&engine, (enum rating_rate)r), 100000000);
        mpq_canonicalize(e8);
        good = good && (has ? mpq_equal(e8, d->value) : mpq_sgn(e8) == 0);
    }
    mpq_clear(e8);
    return good;
}

/* The oracle's own reader understands what its printer writes. */
static int reader_agrees(struct chance *c)
{
    static struct text one, two;
    (void)c;
    text_clear(&one);
    text_clear(&two);
    copy_plan();
    plan_print(&plan, NULL, &one);
    plan_print(&other, NULL, &two);
    return strcmp(one.at, two.at) == 0;
}

static struct {
    const char *name;
    int (*holds)(struct chance *c);
    int64_t tried;
} properties[] = {
    {"the same again", again, 0},
    {"the lines are the bill", lines_are_the_bill, 0},
    {"splitting between rows", splitting, 0},
    {"merging rows", merging, 0},
    {"raising a price", raising, 0},
    {"rising steps", rising_steps, 0},
    {"level steps are flat", level_steps, 0},
    {"adders as a matrix", adders_as_matrix, 0},
    {"household as later ends", household_is_later_ends, 0},
    {"the day is shared out", day_is_shared_out, 0},
    {"a price's text", price_text, 0},
    {"the price in force", price_in_force, 0},
    {"printer and reader", reader_agrees, 0},
};
#define PROPERTIES (sizeof properties / sizeof properties[0])
#define USAGES 4

static void fail(const char *name)
{
    if (++failures > 3)
        return;
    text_clear(&why);
    text_add(&why, "%s: seed %" PRIu64 ", plan %" PRId64 "\n%s\n", name, seed, number, json.at);
    usage_print(&usage, &why);
    text_add(&why, "other plan: %s\n", other_json.at ? other_json.at : "");
    fputs(why.at, stdout);
}

static void try_plan(void)
{
    struct chance c = chance_begin(seed, (uint64_t)number);
    plan_make(&plan, RATING_RATES, &c);
    text_clear(&json);
    plan_print(&plan, &c, &json);
    text_clear(&why);
    if (!engine_read(&json, &engine, &why)) {
        fail("reading");
        return;
    }
    for (int i = 0; i < USAGES; i++) {
        usage_make(&plan, &c, &usage);
        if (state(&engine, &usage, &first) != ERR_OK)
            fail("billing");
        for (size_t k = 0; k < PROPERTIES; k++) {
            int holds = properties[k].holds(&c);
            properties[k].tried += holds >= 0;
            if (holds == 0)
                fail(properties[k].name);
        }
    }
}

int main(int argc, char **argv)
{
    int64_t plans = 20000;
    for (int i = 1; i + 1 < argc; i += 2)
        *(strcmp(argv[i], "--seed") == 0 ? (int64_t *)&seed : &plans) =
            strtoll(argv[i + 1], NULL, 10);
    plan_init(&plan);
    plan_init(&other);
    for (number = 0; number < plans; number++)
        try_plan();
    int64_t tried = 0, idle = 0;
    for (size_t k = 0; k < PROPERTIES; k++) {
        printf("%8" PRId64 "  %s\n", properties[k].tried, properties[k].name);
        tried += properties[k].tried;
        idle += properties[k].tried == 0;
    }
    printf("seed %" PRIu64 "; %" PRId64 " plans, %" PRId64 " checks, %" PRId64 " failures\n", seed,
           plans, tried, failures);
    return failures || idle;
}
