/*
 * Rating: price plan and usage in, bill out. Pure: no memory, no clock, no files.
 *
 * A bill is the sum of its lines, and every line can explain itself: registers from and to,
 * quantity, price, the rounding remainder that came in and the one that goes on. Rounding happens
 * once a line (units_amount_fen: half away from zero, to whole fen) and what was rounded away is
 * carried into the next line and the next bill, so that splitting usage into many bills never
 * changes their exact sum:
 *
 *   amount_fen * UNITS_EXACT_PER_FEN + carry_out = quantity_wh * price_e8 + carry_in
 *
 * How much energy fell into which rate is the meter's own word (its rate registers); the plan's
 * periods say what the meter should be doing and what the price is now.
 */
#ifndef YUFU_RATING_RATING_H
#define YUFU_RATING_RATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"

/* The meter's rate registers, in their order on the wire, and the deep valley, for which a meter
 * has no register: it comes from dated totals. */
enum rating_rate {
    RATING_SHARP,
    RATING_PEAK,
    RATING_FLAT_RATE,
    RATING_VALLEY,
    RATING_DEEP_VALLEY,
    RATING_RATES
};
#define RATING_METER_RATES RATING_DEEP_VALLEY
#define RATING_TOTAL RATING_RATES /* as the rate of a line: the total register */

const char *rating_rate_name(enum rating_rate rate); /* "sharp" .. "deep_valley", "total" */
const char *rating_rate_zh(enum rating_rate rate);   /* 尖 峰 平 谷 深谷 总 */

enum rating_kind {
    RATING_FLAT,
    RATING_TIME_OF_USE,
    RATING_LADDER,
    RATING_TIME_OF_USE_LADDER,
    RATING_KINDS
};

/* "flat", "time_of_use", "ladder", "time_of_use_ladder" */
const char *rating_kind_name(enum rating_kind kind);

#define RATING_PERIODS_MAX 24
#define RATING_SCHEDULE_PERIODS_MAX 14
#define RATING_SCHEDULES_MAX 24
#define RATING_DATES_MAX 128 /* of all schedules together */
#define RATING_DAY_MINUTES 1440
#define RATING_PRICE_MAX_E8 (INT64_C(1000) * UNITS_PRICE_SCALE) /* more is a mistake */

/* A stretch of the local day. to_minute <= from_minute wraps over midnight; 1440 is 24:00. */
struct rating_period {
    uint16_t from_minute, to_minute;
    enum rating_rate rate;
};

/* Days of a schedule, as a set: the plain weekdays (bit 0: Sunday, as struct civil counts), and
 * what the calendar calls the day. Each day is a workday or a restday; some of the first are makeup
 * days, some of the second holidays. */
enum rating_day_bit {
    RATING_DAY_SUNDAY,
    RATING_DAY_SATURDAY = 6,
    RATING_DAY_WORKDAY,
    RATING_DAY_RESTDAY,
    RATING_DAY_HOLIDAY,
    RATING_DAY_MAKEUP,
    RATING_DAY_BITS
};
#define RATING_DAY_TYPES (15u << RATING_DAY_WORKDAY)
const char *rating_day_name(unsigned bit); /* "sunday" ... "workday" ... */

struct rating_day {
    uint8_t month, day; /* 1..12, 1..31 */
};

/* Periods and perhaps prices of the days that fit. Of several schedules the first that fits holds.
 */
struct rating_schedule {
    uint16_t months;                /* bit 0: January; 0: any month */
    uint16_t days;                  /* bits of enum rating_day_bit; 0: any day */
    struct rating_day from, to;     /* both included, may go over the new year; month 0: any date */
    uint8_t first_date, date_count; /* of the plan's dates; 0: any */
    struct rating_period periods[RATING_SCHEDULE_PERIODS_MAX];
    uint8_t period_count;
    uint8_t priced; /* a bit a rate: the prices of these days */
    int64_t rate_price_e8[RATING_RATES];
};

/* Prices of some months. ONE and RATES change the plan's price or prices (by surcharge: the base),
 * STEPS the price or prices of each step: a row of `month_prices` a step. */
enum rating_month_form { RATING_MONTH_ONE, RATING_MONTH_RATES, RATING_MONTH_STEPS };
#define RATING_MONTHS_MAX 12
#define RATING_MONTH_PRICES_MAX 96 /* rows of all entries together */

#define RATING_PRICED_ONE 0x80 /* one price, the first */
struct rating_prices_row {
    uint8_t priced; /* a bit a rate, or RATING_PRICED_ONE */
    int64_t price_e8[RATING_RATES];
};

struct rating_month_entry {
    uint16_t months; /* bit 0: January */
    enum rating_month_form form;
    uint8_t first, rows; /* of month_prices */
};

/* What a price is per. Quantities are whole thousandths of it: Wh, litres, MJ. The names of fields
 * say Wh because electricity is the common case. */
enum rating_unit { RATING_KWH, RATING_M3, RATING_GJ, RATING_UNITS };

const char *rating_unit_name(enum rating_unit unit); /* "kWh", "m3", "GJ" */

/* After how long the count of a ladder starts again from nothing. SEASON: three months. */
enum rating_cycle {
    RATING_MONTH,
    RATING_TWO_MONTHS,
    RATING_SEASON,
    RATING_YEAR,
    RATING_HEATING_SEASON,
    RATING_CYCLES
};

const char *rating_cycle_name(enum rating_cycle cycle);

/* BY_PRICE: each step has its own price. BY_SURCHARGE: each step adds to a base, which is one price
 * or one a rate. BY_MATRIX: each step has a price a rate. */
enum rating_form { RATING_BY_PRICE, RATING_BY_SURCHARGE, RATING_BY_MATRIX, RATING_FORMS };

/* BY_MATRIX: how the energy of a period that crosses a step is shared out over steps and rates.
 * PRO_RATA: over the whole period. CHRONOLOGICAL: row by row in the order given, and within one row
 * pro rata. */
enum rating_apportion { RATING_CHRONOLOGICAL, RATING_PRO_RATA, RATING_APPORTIONS };

#define RATING_STEPS_MAX 32
#define RATING_STEP_OPEN INT64_MAX /* the last step has no end */
#define RATING_BOUND_MAX_WH INT64_C(1'000'000'000'000)
#define RATING_PERSONS_MAX 999

struct rating_step {
    int64_t to_wh;                       /* the step ends here, inclusive */
    int64_t to_high_wh;                  /* the same in the months of the high season */
    int64_t price_e8;                    /* BY_PRICE: price; BY_SURCHARGE: surcharge */
    int64_t rate_price_e8[RATING_RATES]; /* BY_MATRIX */
    bool own_surplus; /* a large household moves this bound up by these, not by the ladder's */
    int64_t extra_wh, each_more_wh;
};

/* How the bounds shrink in the cycle in which the account opened. */
enum rating_move_in {
    RATING_MOVE_IN_FULL,
    RATING_MOVE_IN_DAYS,
    RATING_MOVE_IN_MONTHS,
    RATING_MOVE_INS
};
/* Whose usage moves the ladder; the caller gives the position. */
enum rating_count { RATING_COUNT_METER, RATING_COUNT_ACCOUNT, RATING_COUNT_GROUP, RATING_COUNTS };

struct rating_ladder {
    enum rating_cycle cycle;
    enum rating_form form;
    enum rating_apportion apportion;
    struct rating_day start; /* first day; MONTH: the month is 0 */
    struct rating_day end;   /* HEATING_SEASON: last day, inclusive; else 0 */
    /* MONTH only: months with other bounds, from..to inclusive, may go over the new year; 0: none
     */
    uint8_t high_from, high_to;
    /* from this many persons on (0: never) a bound moves up by extra + each_more a person more */
    uint16_t household_from;
    int64_t household_extra_wh, household_each_more_wh;
    enum rating_move_in move_in;
    enum rating_count count;
    /* BY_SURCHARGE: a bit a rate, whose energy neither uses up steps nor bears their surcharges */
    uint8_t outside;
    struct rating_step steps[RATING_STEPS_MAX];
    size_t step_count;
};

#define RATING_PARTS_MAX 16 /* components, and fees */
#define RATING_CODE_MAX 24

enum rating_per {
    RATING_PER_UNIT,
    RATING_PER_DAY,
    RATING_PER_MONTH,
    RATING_PER_AREA,
    RATING_PER_CAPACITY, /* kVA and month */
    RATING_PER_DEMAND,   /* kW and month */
    RATING_PER_FIRST_RECHARGE,
    RATING_PERS
};

const char *rating_per_name(enum rating_per per); /* "unit", "day" ... */

/* How a line becomes whole fen. CARRY: half up, and what was rounded away goes on into the next
 * line. The others forget it, and leave a remainder that passes by as it is. */
enum rating_rounding {
    RATING_CARRY,
    RATING_HALF_UP,
    RATING_UP,
    RATING_DOWN,
    RATING_ROUNDINGS,
    RATING_ROUNDING_PLAN = RATING_ROUNDINGS /* of a part: as the plan says */
};

const char *rating_rounding_name(enum rating_rounding rounding); /* "carry" ... */

/* Of a fee by the month: what a part of a month costs. WHOLE: all of it, on its first day. The
 * others fall due day by day, whole for a whole month: DAYS by the days of the month, THIRTIETHS a
 * thirtieth each, 30 at most. */
enum rating_part_month {
    RATING_MONTH_WHOLE,
    RATING_MONTH_DAYS,
    RATING_MONTH_THIRTIETHS,
    RATING_PART_MONTHS
};

/* A component is due on every unit, on top of the energy's price; a fee for time or area. */
struct rating_part {
    char code[RATING_CODE_MAX + 1]; /* a-z, 0-9, _ */
    enum rating_per per;            /* PER_UNIT: a component */
    int64_t price_e8;
    enum rating_rounding rounding;
    /* PER_AREA: once a bill, or by the month, or by day over the calendar year or heating season */
    bool by_cycle;
    enum rating_cycle cycle;           /* MONTH, YEAR or HEATING_SEASON */
    enum rating_part_month part_month; /* PER_MONTH, PER_CAPACITY, PER_DEMAND, PER_AREA by MONTH */
    struct rating_day start, end;      /* HEATING_SEASON: first and last day */
    /* PER_DEMAND: at least floor_percent of the contracted; above over_percent of it the price is
     * over_price_e8. 0: not */
    uint16_t floor_percent, over_percent;
    int64_t over_price_e8;
    /* PER_DEMAND: the prices of a month whose energy reaches this for each kVA. 0: not */
    int64_t utilised_wh;
    int64_t utilised_price_e8, utilised_over_price_e8;
};

#define RATING_PERCENT_SCALE 10'000 /* 1 % in fields called _e4 */
/* The price of a line of RATING_ITEM_FACTOR times this is its percent times 10^8, as
 * rating_price_print takes it. */
#define RATING_PERCENT_PER_FACTOR_PRICE 10
#define RATING_POWER_FACTORS_MAX 101 /* each hundredth */

/* The sum of lines is raised or lowered by the percent of the first row that the power factor
 * reaches. */
struct rating_power_factor {
    uint8_t standard;  /* hundredths; only told */
    uint8_t row_count; /* 0: no such rule */
    bool on_energy, on_capacity, on_demand;
    bool nearest; /* hundredths by the nearest, as the national table has it; else cut */
    struct {
        uint8_t from; /* hundredths */
        int32_t percent_e4;
    } rows[RATING_POWER_FACTORS_MAX]; /* descending, the last from 0 */
};

struct rating_quota {
    int64_t amount_wh; /* a cycle; 0: none */
    enum rating_cycle cycle;
    struct rating_day start;
    bool carry;      /* what is left goes on into the next cycle */
    bool counts;     /* free units move the ladder */
    bool per_person; /* amount_wh for each person in the household as the cycle begins */
};

#define RATING_SUBSIDIES_MAX 4
struct rating_subsidy {
    char code[RATING_CODE_MAX + 1];
    int64_t amount_fen; /* a month */
};

#define RATING_MIX_MAX 8
struct rating_mix {
    char code[RATING_CODE_MAX + 1];
    int32_t percent_e4;
    bool has_rates;
    int64_t price_e8[RATING_RATES]; /* without rates: the first */
};

struct rating_ceiling {
    int64_t catalogue_e8; /* 0: none */
    int32_t percent_e4;
    bool block;
};

/* The bill by area of a heating season, between whose parts the season's own bill must lie. */
struct rating_area_bill {
    struct rating_day start, end; /* both included, may go over the new year */
    /* yuan per m² and season; 0: no such bound */
    int64_t most_price_e8, least_price_e8;
};

#define RATING_NAME_MAX 96
#define RATING_CALENDAR_MAX 7

struct rating_plan {
    enum rating_kind kind;
    enum rating_unit unit;
    int64_t price_e8; /* FLAT, LADDER by surcharge: yuan per unit times 10^8 */
    /* TIME_OF_USE, TIME_OF_USE_LADDER */
    bool priced[RATING_RATES];
    int64_t rate_price_e8[RATING_RATES];
    struct rating_period periods[RATING_PERIODS_MAX];
    size_t period_count;
    /* LADDER, TIME_OF_USE_LADDER */
    struct rating_ladder ladder;
    /* all kinds */
    struct rating_part components[RATING_PARTS_MAX], fees[RATING_PARTS_MAX];
    size_t component_count, fee_count;
    enum rating_rounding rounding;
    int64_t minimum_fen;    /* 0: none */
    bool minimum_per_month; /* else of a bill */
    /* time */
    bool from_intervals; /* rates come from dated totals, not from the meter's rate registers */
    bool has_zone;
    int32_t zone_offset_s;
    char calendar[RATING_CALENDAR_MAX + 1];                 /* "": none */
    struct rating_schedule schedules[RATING_SCHEDULES_MAX]; /* instead of periods */
    size_t schedule_count;
    int32_t dates[RATING_DATES_MAX]; /* local days from 1970-01-01; those of a schedule ascend */
    size_t date_count;
    struct rating_month_entry months[RATING_MONTHS_MAX];
    size_t month_count;
    struct rating_prices_row month_prices[RATING_MONTH_PRICES_MAX];
    size_t month_price_count;
    /* sums */
    struct rating_power_factor power_factor;
    struct rating_quota quota;
    struct rating_subsidy subsidies[RATING_SUBSIDIES_MAX];
    size_t subsidy_count;
    struct rating_mix mix[RATING_MIX_MAX];
    size_t mix_count;
    struct rating_ceiling ceiling;
    struct rating_area_bill area_bill;
    char name_en[RATING_NAME_MAX + 1], name_zh[RATING_NAME_MAX + 1];
};

/* Why a plan is refused: one reason and the place of it, as a path ("periods[3].rate"). */
enum rating_reason {
#define RATING_REASON(name, en, zh) RATING_##name,
#include "rating/reason_table.h"
#undef RATING_REASON
    RATING_REASON_COUNT
};

#define RATING_PLACE_MAX 48
struct rating_problem {
    enum rating_reason reason;
    char place[RATING_PLACE_MAX];
    /* the byte of the text: of JSON_SYNTAX, at which reading stopped; else of the place, or of what
     * would hold it. 0: of a plan that was no text */
    size_t at;
};

const char *rating_reason_name(enum rating_reason reason); /* "PRICE_NEGATIVE" ...; never NULL */
const char *rating_reason_en(enum rating_reason reason);
const char *rating_reason_zh(enum rating_reason reason);

/* ERR_RATING_PLAN with the first problem found. `problem` may be NULL. */
[[nodiscard]] enum err rating_plan_check(const struct rating_plan *plan,
                                         struct rating_problem *problem);

/* The JSON of docs/formats/price-plan.md, checked: a plan that comes out has passed
 * rating_plan_check. Unknown and repeated members are refused. ERR_RATING_PLAN. */
[[nodiscard]] enum err rating_plan_parse(const char *json, size_t len, struct rating_plan *plan,
                                         struct rating_problem *problem);

/* ERR_RATING_UNBILLABLE for a plan that rating_charge cannot apply in full: anything but one price
 * or one a meter's rate, per kWh, with the remainder carried. rating_period (rating/period.h) can.
 */
[[nodiscard]] enum err rating_plan_billable(const struct rating_plan *plan);

/* Decimal text in yuan ("0.5883", at most 8 decimals) to 10^-8 yuan. ERR_RATING_PLAN with
 * PRICE_SYNTAX, PRICE_NEGATIVE, PRICE_DECIMALS or PRICE_TOO_LARGE as the reason. */
[[nodiscard]] enum err rating_price_parse(const char *text, int64_t *price_e8,
                                          enum rating_reason *reason);
#define RATING_PRICE_TEXT_MAX 24
/* Back to text, without needless zeros: "0.5883". */
void rating_price_print(int64_t price_e8, char text[RATING_PRICE_TEXT_MAX]);

/* The rate of a minute of the local day; RATING_TOTAL for a flat plan. With schedules: that of the
 * last, which is the one without a condition (rating/period.h knows days). The plan must be valid.
 */
enum rating_rate rating_rate_at(const struct rating_plan *plan, unsigned minute);
/* The price in force for a rate (RATING_TOTAL: the flat price); 0 if the plan does not price it. */
int64_t rating_price_of(const struct rating_plan *plan, enum rating_rate rate);

/* Cumulative registers of one meter at one instant, Wh. */
struct rating_registers {
    int64_t total_wh;
    int64_t rate_wh[RATING_METER_RATES];
};

/* What was used: two readings of the same meter in the same installation period. */
struct rating_usage {
    struct rating_registers from, to;
};

/* Meters keep five registers of 10 Wh each, cut off and not rounded: the four rates may differ
 * from the total by this much without anything being wrong. */
#define RATING_RATES_TOLERANCE_WH 50

enum rating_item_kind {
    RATING_ITEM_ENERGY,
    RATING_ITEM_SURCHARGE,
    RATING_ITEM_COMPONENT,
    RATING_ITEM_FEE,
    RATING_ITEM_MINIMUM,
    RATING_ITEM_FREE,   /* units of the free quota: price 0 */
    RATING_ITEM_FACTOR, /* power factor: quantity is the sum it is on, in fen, and price the percent
                           times 10^7, so that quantity * price is exact as for any other line */
    RATING_ITEM_SUBSIDY, /* negative; no quantity and no price */
    RATING_ITEM_SEASON,  /* what a heating season came to, brought to its bill by area: quantity is
                            m², price that of the bound, from_wh what it had come to, in fen. The
                            amount is quantity * price in whole fen, half up, less from_wh. Without
                            quantity: no bound is passed any more, and from_wh, what its lines have
                            come to, is taken back */
    RATING_ITEM_KINDS
};

const char *rating_item_name(enum rating_item_kind kind); /* "energy" ... */
const char *rating_item_zh(enum rating_item_kind kind);

enum rating_flag {
    RATING_FLAG_ESTIMATED = 1, /* a reading that is an estimate */
    RATING_FLAG_CALENDAR = 2,  /* a day of a year that the calendar does not know */
    RATING_FLAG_MOVED_IN = 4,  /* the bounds are shorter: the account opened in this cycle */
    RATING_FLAG_INTERVALS = 8, /* the rate's energy comes from dated totals, not from a register */
    RATING_FLAG_LEAST = 16,    /* of RATING_ITEM_SEASON: the bound is the least, else the most */
    RATING_FLAG_UTILISED = 32, /* of a fee with utilised_wh: at the price of a well used capacity */
};
#define RATING_ENTRY_NONE (-1)

struct rating_line {
    enum rating_item_kind kind;
    enum rating_rate rate;          /* RATING_TOTAL: all energy at one price */
    int step;                       /* from 0; -1: not of a step */
    char code[RATING_CODE_MAX + 1]; /* of the component, fee, subsidy or part of a mix; "": none */
    enum rating_rounding rounding;
    bool apportioned;   /* a register was shared out by time, see rating/period.h */
    uint8_t flags;      /* enum rating_flag */
    int8_t month_entry; /* of by_month, whose prices held; RATING_ENTRY_NONE: the plan's own */
    int8_t schedule;    /* whose prices held; RATING_ENTRY_NONE: of a month or the plan */
    /* registers of the rate; RATING_FLAG_INTERVALS: total; a fee: 0; a fee with utilised_wh: energy
     * of the account's month, and its thousandths of a kVA */
    int64_t from_wh, to_wh;
    int64_t quantity_wh; /* to - from, or the part of it in this step; a fee: thousandths */
    int64_t price_e8;
    int64_t carry_in, carry_out; /* exact units, see above; |carry| <= half a fen */
    int64_t amount_fen;
    /* by rating_period; else 0 */
    int64_t from_s, to_s;             /* what the line is about, UTC seconds */
    int64_t step_from_wh, step_to_wh; /* bounds as they held; RATING_STEP_OPEN: no end */
};

#define RATING_LINES_MAX 192
struct rating_bill {
    struct rating_line
        lines[RATING_LINES_MAX]; /* a flat plan: one; time of use: one a priced rate */
    size_t line_count;
    int64_t energy_wh;  /* sum of the quantities */
    int64_t amount_fen; /* sum of the lines */
    int64_t carry;      /* of the last line: the next bill's carry_in */
};

/*
 * The charge for `usage` under a valid plan. A line without energy is 0 and hands the carry on.
 *   ERR_RATING_BACKWARDS  a register that matters fell
 *   ERR_RATING_RATES      time of use: energy in a rate that has no price, or the rates do not add
 *                         up to the total
 *   ERR_RATING_UNBILLABLE see rating_plan_billable
 *   ERR_OVERFLOW          the amount does not fit
 */
[[nodiscard]] enum err rating_charge(const struct rating_plan *plan,
                                     const struct rating_usage *usage, int64_t carry,
                                     struct rating_bill *bill);

#endif
