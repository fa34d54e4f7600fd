/* Shared by the parts of `yufu rate` only. */
#ifndef YUFU_APP_RATE_IMPL_H
#define YUFU_APP_RATE_IMPL_H

#include "app/rate/rate_usage.h"
#include "rating/period.h"

struct rate_command {
    const char *usage_path;
    bool json, table;
    int32_t offset_s; /* of the plan's zone, else of --zone */
    struct rating_plan plan;
    struct rate_usage usage;
    struct rating_used *used; /* one a row */
    bool has_opening;
    int64_t first[RATE_REGISTERS],
        registers[RATE_REGISTERS]; /* before the first row, after the last */
    /* what the options say */
    struct rating_request request;
    int64_t others_wh;
    int32_t opened_day; /* 0: long ago */
    bool continues, month_ends;
    const char *bills; /* "one", "month", "day" */
    const char *begin, *end;
    int64_t quota_left_wh; /* -1: not given */
};

/* Prints the error and where; answers it. */
enum err rate_say(enum err e, const char *where);
/* "240.000", "-1.50" */
const char *rate_decimal(char text[32], int64_t value, int64_t scale, int digits);
/* "of_fen" and "percent" of the JSON; the three numbers of a row of the table. */
void rate_print_factor(int64_t of_fen, int64_t price_e8);
void rate_print_numbers(enum rating_item_kind kind, int64_t quantity_wh, int64_t price_e8,
                        int64_t amount_fen);
void rate_print_warnings(const struct rate_command *c, int32_t from_day, int32_t to_day, bool json);

/* Bills of dated usage, printed. */
enum err rate_dated(struct rate_command *c);

#endif
