/*
 * A second opinion on prices: plans, usages and bills as docs/formats/price-plan.md describes them,
 * with exact rationals (GMP) and nothing of the engine's. A plan is made at random in this model
 * and printed as JSON for the engine, so that the two readings of one plan meet only in the text.
 *
 * Quantities are thousandths of the plan's unit, as everywhere. Money is a rational number of fen.
 */
#ifndef YUFU_TESTS_ORACLE_H
#define YUFU_TESTS_ORACLE_H

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- chance ------------------------------------------------------------------------------------
 */

struct chance {
    uint64_t state;
};

struct chance chance_begin(uint64_t seed, uint64_t stream);
uint64_t chance_next(struct chance *c);
/* Both ends included. */
int64_t chance_between(struct chance *c, int64_t low, int64_t high);
bool chance_percent(struct chance *c, int percent);

/* --- text --------------------------------------------------------------------------------------
 */

struct text {
    char *at; /* ends in a zero byte */
    size_t len, size;
};

void text_clear(struct text *t);
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For reproducers by hand: the JSON of a `struct decimal` is text already. */
void text_free(struct text *t);

/* --- plans -------------------------------------------------------------------------------------
 */

/* A number as it stands in the plan. */
struct decimal {
    char text[32];
    mpq_t value; /* initialised by plan_init */
};

#define RATES 5
#define TOTAL (-1)
#define UNITS 3
#define STEPS_MAX 32
#define PERIODS_MAX 24
#define PARTS_MAX 16
#define ROWS_MAX 64

enum kind { FLAT, TIME_OF_USE, LADDER, TIME_OF_USE_LADDER, KINDS };
enum form { BY_PRICE, BY_SURCHARGE, BY_MATRIX };
enum rounding { CARRY, HALF_UP, UP, DOWN, ROUNDINGS };
enum per {
    PER_UNIT,
    PER_DAY,
    PER_MONTH,
    PER_AREA,
    PER_CAPACITY,
    PER_DEMAND,
    PER_FIRST_RECHARGE,
    PERS
};
enum cycle { MONTH, TWO_MONTHS, SEASON, YEAR, HEATING_SEASON, CYCLES };

extern const char *const rate_words[RATES], *const kind_words[KINDS], *const cycle_words[CYCLES];
extern const char *const part_month_words[3];
extern const char *const rounding_words[ROUNDINGS], *const per_words[PERS],
                                                        *const unit_words[UNITS];

struct span {
    int from, to; /* minutes of the day */
    int rate;
};

struct step {
    bool open; /* the last */
    int64_t to, to_high;
    struct decimal price;
    struct decimal rate_price[RATES];
    bool own_surplus, has_each_more;
    int64_t extra, each_more;
};

struct part {
    char code[32];
    enum per per;
    struct decimal price;
    int rounding; /* -1: as the plan */
    int cycle;    /* of an area fee: by month, or spread over days; -1: not */
    int start_month, start_day, end_month, end_day;
    int floor_percent, over_percent; /* of a demand fee; 0: not said */
    struct decimal over_factor, over_price;
    int64_t utilised_from; /* of a demand fee; 0: not said */
    int utilised_percent;
    int part_month; /* -1: not said */
    struct decimal utilised_price, utilised_over_price;
};

/* Some months' own prices: one, one a rate, or one (or one a rate) a step. */
enum entry_form { ENTRY_PRICE, ENTRY_RATES, ENTRY_STEPS };
#define ENTRIES_MAX 12
struct entry {
    unsigned months; /* bit 0: January */
    enum entry_form form;
    bool names[RATES]; /* ENTRY_RATES: the others have the plan's own */
    struct decimal price[STEPS_MAX], rate_price[STEPS_MAX][RATES];
};

/* Days of a schedule, in the words of the plan. */
enum { ON_WORKDAY = 7, ON_RESTDAY, ON_HOLIDAY, ON_MAKEUP, DAY_WORDS };
#define SCHEDULES_MAX 24
#define SCHEDULE_SPANS_MAX 14
#define SCHEDULE_DATES_MAX 5
struct schedule {
    struct decimal rate_price[RATES];
    unsigned months, days;                     /* bit 0: January, Monday; 0: any */
    int date_count, dates[SCHEDULE_DATES_MAX]; /* 20260715; none: any */
    int from_month, from_day, to_month, to_day;
    bool priced, names[RATES]; /* the rates that have prices of these days */
    struct span spans[SCHEDULE_SPANS_MAX];
    int span_count;
};

#define MIX_MAX 8
struct mix {
    char code[32];
    struct decimal percent, price, rate_price[RATES];
};

#define FACTORS_MAX 101
#define SUBSIDIES_MAX 4

/* Numbers first: what begins with `kind` can be set to zero as a whole (plan_clear). */
struct plan {
    struct decimal price;
    struct decimal rate_price[RATES];
    struct step steps[STEPS_MAX];
    struct part components[PARTS_MAX], fees[PARTS_MAX];
    struct entry entries[ENTRIES_MAX];
    struct schedule schedules[SCHEDULES_MAX];
    struct mix mix[MIX_MAX];
    struct decimal factor_percent[FACTORS_MAX];
    struct decimal catalogue, ceiling_percent;
    struct decimal area_price, area_most, area_least; /* of a season's bill by area */

    enum kind kind;
    int unit; /* -1: not said */
    bool has_price, has_prices;
    bool priced[RATES];
    struct span spans[PERIODS_MAX];
    int span_count;

    enum cycle cycle;
    int start_month, start_day; /* 0: not said */
    int end_month, end_day;
    int high_from, high_to; /* 0: none */
    int household_from;     /* 0: none */
    int64_t extra, each_more;
    bool has_each_more;
    enum form form;
    bool chronological;
    int step_count;

    int component_count, fee_count;
    int rounding; /* -1: not said */
    int64_t minimum_fen;

    /* the second edition; words: -1 is not said */
    int zone, intervals, move_in, count, unused, quota_counts, minimum_per;
    int quota_per_person, factor_rounding;
    bool has_calendar, has_names;
    int entry_count, schedule_count, mix_count;
    int64_t quota; /* 0: none */
    enum cycle quota_cycle;
    int quota_start_month, quota_start_day;
    int factor_count, factor_from[FACTORS_MAX]; /* hundredths */
    bool factor_on[3];                          /* energy, capacity, demand */
    int subsidy_count;
    struct {
        char code[32];
        int64_t fen;
    } subsidies[SUBSIDIES_MAX];
    bool has_ceiling, ceiling_blocks;
    bool outside[RATES]; /* rates that neither use up steps nor bear their surcharges */
    int area_most_percent, area_least_percent; /* 0: not said; neither: no bill by area */
    int area_start_month, area_start_day, area_end_month, area_end_day;
};

/* What a plan may have besides the first edition. */
enum feature {
    WITH_ZONE,
    WITH_INTERVALS,
    WITH_SCHEDULES,
    WITH_MONTHS,
    WITH_MOVE_IN,
    WITH_COUNT,
    WITH_QUOTA,
    WITH_MIX,
    WITH_AREA_CYCLE,
    WITH_CAPACITY,
    WITH_DEMAND,
    WITH_FIRST_RECHARGE,
    WITH_FACTOR,
    WITH_SUBSIDIES,
    WITH_MINIMUM_PER,
    WITH_CEILING,
    WITH_NAMES,
    WITH_HEATING,    /* a ladder of heating seasons */
    WITH_QUOTA_MORE, /* a free quota beside schedules with prices, or of a rate without price */
    WITH_QUOTA_PERSON,
    WITH_FACTOR_ROUNDING,
    WITH_STEP_SURPLUS,
    WITH_UTILISED,
    WITH_DATES,
    WITH_AREA_BILL,
    WITH_OUTSIDE,
    WITH_PART_MONTH,
    FEATURES
};
extern const char *const feature_words[FEATURES], *const feature_plans[FEATURES];
extern unsigned features; /* bits: those that plan_make may use */

#define ZONES 4
extern const char *const zone_words[ZONES], *const day_words[DAY_WORDS];
extern const int zone_offsets[ZONES];

void plan_init(struct plan *p);
void plan_free(struct plan *p);
/* Nothing said. */
void plan_clear(struct plan *p);
/* Any valid plan. `rates`: how many of the rates there are for the engine. */
void plan_make(struct plan *p, int rates, struct chance *c);
/* The second edition's members of a plan that is otherwise made (plan_more.c). */
void plan_make_more(struct plan *p, struct chance *c);
void price_make(struct decimal *d, int64_t top, struct chance *c);
/* Periods that share out the day, of these rates; at most `most`. */
int spans_make(const bool *rates, struct span *spans, int most, struct chance *c);
void spans_print(const struct span *spans, int count, struct text *out);
void prices_print(const struct decimal *prices, const bool *priced, struct text *out);
struct members;
struct text *next_member(struct members *m);
void plan_print_more(const struct plan *p, struct members *m);
void step_print_more(const struct step *s, struct text *out);
void part_print_more(const struct part *x, struct text *out);
/* Makes a surcharge nothing that would be more than a price may be on the highest base; true: one
 * was. */
bool plan_fit_surcharges(struct plan *p);
void part_derive(struct part *x);
void area_bill_derive(struct plan *p);
void plan_read_more(struct plan *p);
/* The highest price of a unit, components included, of a plan without schedules and mix. */
void plan_highest(const struct plan *p, mpq_t top);
/* Members in any order. */
void plan_print(const struct plan *p, struct chance *c, struct text *out);
/* Only for plans the engine takes: what is wrong with one is not looked for. */
bool plan_read(struct plan *p, const char *json);
bool plan_has_rates(const struct plan *p);
bool plan_has_steps(const struct plan *p);
/* Of energy by rates: what uses up the steps. */
int64_t plan_climbs(const struct plan *p, const int64_t rates[RATES]);
/* Has what needs dates, so that a usage alone cannot be billed. */
bool plan_needs_dates(const struct plan *p);

void decimal_set(struct decimal *d, int64_t digits, int scale);
/* "12", "12.5": thousandths without needless zeros. */
void quantity_print(int64_t thousandths, char text[32]);

/* --- usages ------------------------------------------------------------------------------------
 */

struct row {
    int64_t total, rate[RATES];
};

struct usage {
    struct row rows[ROWS_MAX];
    int row_count;
    int64_t before;
    int persons, month;
    int64_t carry; /* 1e-9 fen */
    int days, months;
    int64_t area_milli_m2;
    int64_t capacity, demand, contracted, reactive;
    int first_recharges;
    bool reactive_known;
};

/* The ends of the steps for these persons in this month; the last is -1. */
void step_ends(const struct plan *p, int persons, int month, int64_t ends[STEPS_MAX]);
/* Any usage: about half begin, end or have a row that ends on a step, or one unit beside it. */
void usage_make(const struct plan *p, struct chance *c, struct usage *u);
void usage_print(const struct usage *u, struct text *out);
/* Any reactive energy beside this active one: often the most with which a row of the power factor
 * is reached, or one unit more. */
int64_t reactive_make(const struct plan *p, int64_t active, struct chance *c);
/* Any capacity; often the most that so much energy in so many months uses well, or one unit more.
 */
int64_t capacity_make(const struct plan *p, int64_t active, int months, struct chance *c);

/* --- bills -------------------------------------------------------------------------------------
 */

enum line_kind { ENERGY, SURCHARGE, COMPONENT, FEE, MINIMUM, FREE, FACTOR, SUBSIDY, SEASON_LIMIT };

struct line {
    enum line_kind kind;
    int step; /* -1: none */
    int rate; /* TOTAL: all together */
    const char *code;
    enum rounding rounding;
    int64_t quantity;
    const struct decimal *price; /* NULL: none */
    mpz_t fen;
    mpq_t rest; /* fen */
};

#define LINES_MAX (STEPS_MAX * RATES + MIX_MAX * RATES + 3 * PARTS_MAX + SUBSIDIES_MAX + 2)

enum verdict {
    BILLED,
    BACKWARDS,
    RATES_WRONG,
    MONTH_MISSING,
    FEE_COUNT_MISSING,
    DATES_MISSING,
    ROWS_WRONG,
    LINES_TOO_MANY,
    VERDICTS
};

struct bill {
    struct line lines[LINES_MAX];
    int line_count;
    int64_t energy, after;
    int64_t in_step[STEPS_MAX];
    mpz_t fen;
    mpq_t rest;
};

/* Energy that uses the capacity well, so that the prices of a demand fee are lower. */
bool fee_is_utilised(const struct part *x, int64_t active, int64_t capacity, int months);
/* The entry of by_month that a month (1..12) has; -1: none. */
int month_entry(const struct plan *p, int month);
/* `rate` TOTAL: of a plan without rates. `entry` -1: the plan's own. */
const struct decimal *base_price(const struct plan *p, int entry, int rate);
const struct decimal *step_price(const struct plan *p, int entry, int step, int rate);
void share_mix(const struct plan *p, int64_t quantity, int64_t parts[MIX_MAX]);

void bill_init(struct bill *b);
void bill_free(struct bill *b);
enum verdict bill_make(const struct plan *p, const struct usage *u, struct bill *b);
void bill_print(const struct bill *b, struct text *out);
/* Exactly what the bill is worth: fen and rest. */
void bill_exact(const struct bill *b, mpq_t fen);

#endif
