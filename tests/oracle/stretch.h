/*
 * Dated usage: a stretch of time, cut where the plan means it, and what must stand in its bill.
 * Money is not reckoned here: engine_period.c holds each line of a bill against its own quantity
 * and price, and the quantities against the cells of this file.
 */
#ifndef YUFU_TESTS_ORACLE_STRETCH_H
#define YUFU_TESTS_ORACLE_STRETCH_H

#include "days.h"
#include "oracle.h"

#define STRETCH_ROWS_MAX 200

struct stretch_row {
    int64_t from, to; /* seconds */
    struct row used;
    int64_t reactive;
    bool has_rates, estimated;
};

struct stretch {
    int64_t opened, closed;
    int offset;
    struct row start; /* registers */
    struct stretch_row rows[STRETCH_ROWS_MAX];
    int row_count;
    bool bare; /* two readings instead of rows: there is one row, with the meter's rates */
    int persons, opened_day;
    int64_t area, capacity, contracted, demand, reactive;
    int64_t others; /* used by the account's other meters in the month so far */
    int first_recharges;
    bool reactive_known, month_ends;
};

/* What is settled by the month, as far as it has come. */
struct month_stand {
    int month;   /* year * 12 + month from 0 */
    int64_t fen; /* before subsidies */
    int64_t factor_fen, active, reactive;
    int64_t given[SUBSIDIES_MAX];
    int64_t demand, capacity, others;
    bool demanded; /* something was charged for it, if only the floor */
};

/* What a heating season has come to, and the bounds under which it is counted. */
struct season_stand {
    int first;                /* its first day; 0: there is none */
    int64_t fen, area, limit; /* of the lines that brought it to a bound */
    int64_t most, least;      /* 1e-8 yuan; 0: none */
};

/* What the next stretch has to know. */
struct stand {
    bool begun;
    int cycle_day, quota_day; /* 0: none */
    int64_t used, quota_left;
    int64_t carry; /* 1e-9 fen */
    int fee_day, fee_month;
    struct month_stand month;
    struct season_stand season;
    int part_days; /* of the month, charged by fees for a part of one */
};

/* A quantity that must be billed. Several lines may share it; no line may be split further than
 * parts. */
struct cell {
    enum line_kind kind;
    int part; /* -1 and below: of the first section and the next ones */
    int step, rate, entry, schedule;
    const char *code;
    int64_t price_e8;
    enum rounding rounding;
    int64_t quantity;
    /* of a demand whose price goes by the month's use of the capacity; else 0 */
    int64_t month, capacity;
    bool utilised;
};

#define CELLS_MAX 4096
#define STRETCH_PARTS_MAX 1024

/* A run of days with one cycle, one quota and one set of prices. */
struct stretch_part {
    int64_t from, to;
    int day, cycle, quota, entry;
    bool shared;                        /* a row reaches over one of its ends */
    bool within;                        /* something of it was cut inside */
    bool cut[SCHEDULES_MAX + 1][RATES]; /* a row was shared out over rates or prices inside; the
                                           last: what has the plan's prices */
    bool moved_in;
    bool estimated; /* one of its rows */
    bool guessed;   /* the calendar was asked about a day of a year that it does not know */
    int64_t ends[STEPS_MAX]; /* of the steps; -1: open */
};

/* A month of a plan that is settled by the month, parted where a season with a bill by area begins
 * or ends; else the whole. */
struct section {
    int64_t from, to;
    int month;
    bool ends; /* the month is over with this bill */
    int64_t active, reactive, demand;
    int season; /* its first day; 0: it lies in none */
    bool season_ends;
    int64_t season_area, season_rest; /* of its days, and of those that are to come */
    /* of the month, and for which its demand was charged */
    int64_t active_before, capacity_before, others_before;
    int64_t others;
    bool demanded;
};
#define SECTIONS_MAX 128

struct due {
    struct section sections[SECTIONS_MAX];
    int section_count;
    bool fee_missing;
    struct cell cells[CELLS_MAX];
    int cell_count;
    struct stretch_part parts[STRETCH_PARTS_MAX];
    int part_count;
    int64_t energy, free;
};

/* `stand` moves on if there is a bill. */
enum verdict stretch_bill(const struct plan *p, const struct stretch *s, struct stand *stand,
                          struct due *due);
void due_print(const struct due *due, struct text *out);
void stretch_print(const struct stretch *s, struct text *out);

/* Sums by the month: power factor, subsidies, demand, a minimum a month. */
bool plan_has_months(const struct plan *p);
/* The section that begins at t or lasts then. */
int section_of(const struct due *due, int64_t t);
/* The first row of the power factor that it reaches; -1 where nothing flowed. */
int factor_row(const struct plan *p, int64_t active, int64_t reactive);
/* The most with which the row is reached; any for the one from 0. */
int64_t factor_most_reactive(const struct plan *p, int64_t active, int row);

/* The schedule that a day has; -1: the plan has none. */
int schedule_of(const struct plan *p, int day);
/* The calendar is asked about it, and does not know the year. */
bool day_is_guessed(const struct plan *p, int day);
int rate_at(const struct plan *p, int schedule, int minute);
/* The spans of that day. */
const struct span *spans_of(const struct plan *p, int schedule, int *count);
int64_t price_e8(const struct decimal *d);

/* What a register of the meter shows at a time; `rate` TOTAL: of all energy. */
int64_t register_at(const struct stretch *s, int rate, int64_t t);

/* In bill.c */
void fill_steps(const struct plan *p, const int64_t *ends, int64_t at, int64_t amount,
                int64_t *parts);
void take_share(int64_t amount, int64_t left[RATES], int64_t took[RATES]);
void line_round(struct line *x, mpq_t rest);

/* A stretch from `opened` on, for a plan of which the ladder stands at `used`. */
void stretch_make(const struct plan *p, int64_t opened, const struct stand *stand, struct chance *c,
                  struct stretch *s);
void stretch_account(const struct plan *p, const struct stand *stand, struct stretch *s,
                     struct chance *c);
/* The rows first..last of it as a stretch of their own. */
void stretch_cut(const struct stretch *whole, int first, int last, struct stretch *out);

#endif
