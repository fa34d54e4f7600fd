/* Days, counted out one by one: no formula. Day 0 is 1970-01-01, a Thursday. */
#ifndef YUFU_TESTS_ORACLE_DAYS_H
#define YUFU_TESTS_ORACLE_DAYS_H

#include <stdbool.h>

#include "oracle.h"

#define DAYS_LAST_YEAR 2119

enum day_kind { DAY_WORKDAY, DAY_RESTDAY, DAY_HOLIDAY, DAY_MAKEUP };

struct date {
    short year;
    signed char month, day;
    signed char weekday; /* 1 Monday .. 7 Sunday */
    signed char kind;    /* enum day_kind; of a year that is not known by its weekday */
    bool known;
};

/* Reads holidays.txt; false, with a line on stderr, if it does not add up. */
bool days_begin(const char *holidays);
int days_count(void);
/* 0 <= day < days_count() */
const struct date *day_date(int day);
int day_number(int year, int month, int day);

/* When something is counted anew. A heating season and the time up to the next one take turns;
 * every other cycle follows its like. */
struct turn {
    enum cycle cycle;
    int month, day; /* 0: January, the first */
    int end_month, end_day;
};

struct turn plan_turn(const struct plan *p);
bool turn_begins(const struct turn *t, int day);
/* First day of the cycle that `day` lies in, and of the next one. */
int turn_first(const struct turn *t, int day);
int turn_next(const struct turn *t, int day);
/* The cycle of that day is a heating season, not the time between two. */
bool turn_heats(const struct turn *t, int day);

#endif
