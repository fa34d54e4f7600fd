/* Shared by the parts of rating/ only. */
#ifndef YUFU_RATING_RATING_IMPL_H
#define YUFU_RATING_RATING_IMPL_H

#include "base/jread.h"
#include "rating/rating.h"

/* Written before it is read: not worth the zeros that the compiler is told to begin with. */
#define AS_IT_IS __attribute__((uninitialized))

/* Where in a plan: "name", "name.member", "name[3]" or "name[3].member". */
struct rating_spot {
    const char *name;
    int index;          /* -1: none */
    const char *member; /* NULL: none */
};

/* Notes the problem (problem may be NULL) and answers ERR_RATING_PLAN. */
enum err rating_refuse(struct rating_problem *problem, enum rating_reason reason,
                       struct rating_spot spot);
enum err rating_check_price(int64_t price_e8, struct rating_problem *problem,
                            struct rating_spot spot);
/* Whether the steps are said as a ladder of this kind may say them. */
enum err rating_check_form(const struct rating_plan *plan, struct rating_problem *problem);
enum err rating_check_ladder(const struct rating_plan *plan, struct rating_problem *problem);

/* Periods that must cover the day. */
struct rating_cover {
    const struct rating_period *list;
    size_t count, max;
    unsigned priced; /* a bit a rate */
    int schedule;    /* -1: the plan's own */
};
enum err rating_check_cover(const struct rating_cover *cover, struct rating_problem *problem);
/* Schedules, prices of months, quota, mix, moving in. */
enum err rating_check_dates(const struct rating_plan *plan, struct rating_problem *problem);
/* A day of the longest year. */
bool rating_is_day(struct rating_day day);
bool rating_is_code(const char *code); /* 1 to 24 of a-z, 0-9, _ */
bool rating_same_code(const char *a, const char *b);

enum err rating_check_parts(const struct rating_plan *plan, struct rating_problem *problem);

/* --- reading the text ------------------------------------------------------------------------- */

struct rating_parse {
    struct jread j;
    struct rating_plan *plan;
    struct rating_problem *problem;
};

enum err rating_parse_refuse(struct rating_parse *p, enum rating_reason reason,
                             struct rating_spot spot);
/* A name out of a list; the list's length if it is none of them. */
unsigned rating_name_index(const char *name, const char *(*names)(unsigned), unsigned count);
/* The byte of the text at which the value of a place begins; of what would hold it, if it has none.
 */
size_t rating_place_at(const char *json, size_t len, const char *place);
/* A text value, or a refusal for a value of another type. */
enum err rating_take_text(struct rating_parse *p, char *text, size_t cap, struct rating_spot spot);
/* Each member once: `seen` has a bit a member. */
enum err rating_once(struct rating_parse *p, unsigned *seen, unsigned index,
                     struct rating_spot spot);
enum err rating_take_price(struct rating_parse *p, int64_t *price_e8, struct rating_spot spot);
enum err rating_open_object(struct rating_parse *p, struct rating_spot spot);
void rating_path_join(char *path, size_t cap, const char *a, const char *b); /* "a.b" */
void rating_path_index(char *path, size_t cap, const char *a, int index);    /* "a[3]" */
enum err rating_open_array(struct rating_parse *p, struct rating_spot spot);
enum err rating_take_quantity(struct rating_parse *p, int64_t *thousandths,
                              struct rating_spot spot);
enum err rating_take_percent(struct rating_parse *p, int32_t *percent_e4, struct rating_spot spot);
/* `code` has RATING_CODE_MAX + 1 bytes. */
enum err rating_take_code(struct rating_parse *p, char *code, struct rating_spot spot);
/* One of a few names: *choice is its index. */
enum err rating_take_choice(struct rating_parse *p, const char *const *names, unsigned count,
                            enum rating_reason reason, struct rating_spot spot, unsigned *choice);
/* "MM-DD", or "DD": then the month is 0. Not whether there is such a day. */
bool rating_parse_day(const char *text, struct rating_day *day);

struct rating_prices {
    bool *priced; /* RATING_RATES of each */
    int64_t *price_e8;
    struct rating_spot spot;
};
/* {"peak": "0.9", ...} */
enum err rating_take_prices(struct rating_parse *p, const struct rating_prices *into);

/* One member of a ladder each. */
enum err rating_take_cycle(struct rating_parse *p);
enum err rating_take_start(struct rating_parse *p);
enum err rating_take_end(struct rating_parse *p);
enum err rating_take_high_season(struct rating_parse *p);
enum err rating_take_household(struct rating_parse *p);
enum err rating_take_steps(struct rating_parse *p);
enum err rating_take_apportion(struct rating_parse *p);
enum err rating_take_outside_steps(struct rating_parse *p);

enum err rating_take_move_in(struct rating_parse *p);
enum err rating_take_count(struct rating_parse *p);

struct rating_periods {
    struct rating_period *list;
    size_t *count, max;
    struct rating_spot spot; /* of the list */
};
enum err rating_take_period_list(struct rating_parse *p, const struct rating_periods *into);
enum err rating_take_rates_from(struct rating_parse *p);
enum err rating_take_zone(struct rating_parse *p);
enum err rating_take_calendar(struct rating_parse *p);
enum err rating_take_schedules(struct rating_parse *p);
enum err rating_take_by_month(struct rating_parse *p);
enum err rating_take_free_quota(struct rating_parse *p);
enum err rating_take_mix(struct rating_parse *p);
enum err rating_take_names(struct rating_parse *p);

enum err rating_take_components(struct rating_parse *p);
enum err rating_take_fees(struct rating_parse *p);
enum err rating_take_minimum(struct rating_parse *p);
enum err rating_take_rounding(struct rating_parse *p);

/* bill_text.c: what a bill has besides its energy. */
enum err rating_take_power_factor(struct rating_parse *p);
enum err rating_take_subsidies(struct rating_parse *p);
enum err rating_take_minimum_per(struct rating_parse *p);
enum err rating_take_ceiling(struct rating_parse *p);
enum err rating_take_area_bill(struct rating_parse *p);
/* A member of a fee that only some `per` have: "cycle", "start", "end", "floor_percent",
 * "over_percent", "over_factor", "utilised_from", "utilised_percent", "part_month". They may stand
 * before the price. */
enum err rating_take_fee_member(struct rating_parse *p, struct rating_part *part, const char *name,
                                struct rating_spot spot);
/* A fee, all of whose members are read: what must hold between them. */
enum err rating_end_fee(struct rating_parse *p, struct rating_part *part, struct rating_spot spot);
/* What makes them valid, whoever built the plan. */
enum err rating_check_bill(const struct rating_plan *plan, struct rating_problem *problem);

#endif
