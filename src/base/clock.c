#include "base/clock.h"

#define DAY_S 86'400

/* Eras of 400 years starting on 1 March make the leap day the last day of a year. */
int32_t civil_days_from_date(int32_t year, unsigned month, unsigned day)
{
    int32_t y = month <= 2 ? year - 1 : year;
    int32_t era = (y >= 0 ? y : y - 399) / 400;
    int32_t year_of_era = y - era * 400;
    int32_t month_from_march = (int32_t)(month + 9) % 12;
    int32_t day_of_year = (153 * month_from_march + 2) / 5 + (int32_t)day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

struct civil civil_from_days(int32_t days)
{
    int32_t z = days + 719'468;
    int32_t era = (z >= 0 ? z : z - 146'096) / 146'097;
    int32_t doe = z - era * 146'097;
    int32_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
    int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int32_t mp = (5 * doy + 2) / 153;
    int32_t month = mp < 10 ? mp + 3 : mp - 9;
    int32_t weekday = (days % 7 + 11) % 7; /* 1970-01-01 was a Thursday */
    return (struct civil){
        .year = yoe + era * 400 + (month <= 2 ? 1 : 0),
        .month = (uint8_t)month,
        .day = (uint8_t)(doy - (153 * mp + 2) / 5 + 1),
        .weekday = (uint8_t)weekday,
    };
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

int32_t civil_local_day(wall_s t, int32_t offset_s)
{
    return (int32_t)floor_div(t.s + offset_s, DAY_S);
}

wall_s civil_day_start(int32_t local_day, int32_t offset_s)
{
    return (wall_s){(int64_t)local_day * DAY_S - offset_s};
}

struct civil civil_from_wall(wall_s t, int32_t offset_s)
{
    int32_t day = civil_local_day(t, offset_s);
    int32_t second = (int32_t)(t.s + offset_s - (int64_t)day * DAY_S);
    struct civil c = civil_from_days(day);
    c.hour = (uint8_t)(second / 3600);
    c.minute = (uint8_t)(second / 60 % 60);
    c.second = (uint8_t)(second % 60);
    return c;
}

wall_s civil_to_wall(struct civil c, int32_t offset_s)
{
    int64_t days = civil_days_from_date(c.year, c.month, c.day);
    return (wall_s){days * DAY_S + c.hour * 3600 + c.minute * 60 + c.second - offset_s};
}

static unsigned days_in_month(int32_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool civil_valid(struct civil c)
{
    if (c.year < 1 || c.year > 9999 || c.month < 1 || c.month > 12)
        return false;
    if (c.day < 1 || c.day > days_in_month(c.year, c.month))
        return false;
    return c.hour < 24 && c.minute < 60 && c.second < 60;
}
