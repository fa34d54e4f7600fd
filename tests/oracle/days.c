#include "days.h"

#include <stdio.h>
#include <string.h>

#define DAYS_MAX ((DAYS_LAST_YEAR - 1970 + 1) * 366)

static struct date dates[DAYS_MAX];
static int first_of_year[DAYS_LAST_YEAR - 1970 + 1];
static int count;

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static void count_out(void)
{
    int weekday = 4;
    count = 0;
    for (int y = 1970; y <= DAYS_LAST_YEAR; y++) {
        first_of_year[y - 1970] = count;
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= month_days(y, m); d++) {
                dates[count++] = (struct date){(short)y,
                                               (signed char)m,
                                               (signed char)d,
                                               (signed char)weekday,
                                               weekday > 5 ? DAY_RESTDAY : DAY_WORKDAY,
                                               false};
                weekday = weekday % 7 + 1;
            }
    }
}

int days_count(void)
{
    return count;
}

const struct date *day_date(int day)
{
    return &dates[day];
}

int day_number(int year, int month, int day)
{
    int at = first_of_year[year - 1970];
    while (dates[at].month != month || dates[at].day != day)
        at++;
    return at;
}

static int workdays(int year)
{
    int n = 0;
    for (int i = first_of_year[year - 1970]; dates[i].year == year; i++)
        n += dates[i].kind == DAY_WORKDAY || dates[i].kind == DAY_MAKEUP;
    return n;
}

static void know_year(int year)
{
    for (int i = first_of_year[year - 1970]; dates[i].year == year; i++)
        dates[i].known = true;
}

static bool read_span(int year, const char *word, const char *line)
{
    int m1, d1, m2, d2;
    if (sscanf(line, "%*s %d-%d %d-%d", &m1, &d1, &m2, &d2) != 4 || !year)
        return false;
    for (int i = day_number(year, m1, d1); i <= day_number(year, m2, d2); i++) {
        if (strcmp(word, "worked") == 0 && dates[i].weekday < 6)
            return false;
        dates[i].kind = strcmp(word, "off") == 0 ? DAY_HOLIDAY : DAY_MAKEUP;
    }
    return true;
}

static bool read_line(const char *line, int *year)
{
    char word[16];
    int number = 0;
    if (sscanf(line, "%15s %d", word, &number) < 1 || word[0] == '#')
        return true;
    if (strcmp(word, "year") == 0) {
        know_year(*year = number);
        return true;
    }
    if (strcmp(word, "workdays") == 0)
        return workdays(*year) == number;
    return (strcmp(word, "off") == 0 || strcmp(word, "worked") == 0) &&
           read_span(*year, word, line);
}

bool days_begin(const char *holidays)
{
    char line[200];
    int year = 0;
    bool good = true;
    FILE *f = fopen(holidays, "r");
    count_out();
    if (!f) {
        perror(holidays);
        return false;
    }
    while (good && fgets(line, sizeof line, f)) {
        good = read_line(line, &year);
        if (!good)
            fprintf(stderr, "%s: %d: %s", holidays, year, line);
    }
    fclose(f);
    return good;
}

/* --- cycles ------------------------------------------------------------------------------------
 */

static bool is_date(const struct date *d, int month, int day)
{
    bool leap = month == 2 && day == 29 && month_days(d->year, 2) == 28;
    return d->month == month && d->day == (leap ? 28 : day);
}

static bool begins(const struct turn *t, int day)
{
    static const int months[CYCLES] = {1, 2, 3, 12, 12};
    const struct date *d = &dates[day];
    int month = t->month ? t->month : 1, first = t->day ? t->day : 1;
    if (t->cycle == YEAR || t->cycle == HEATING_SEASON)
        return is_date(d, month, first);
    return d->day == first && (d->month - month + 12) % months[t->cycle] == 0;
}

/* The day after a heating season, unless the next one begins there. */
static bool ends_before(const struct turn *t, int day)
{
    const struct date *d = &dates[day - 1];
    return t->cycle == HEATING_SEASON && is_date(d, t->end_month, t->end_day);
}

bool turn_begins(const struct turn *t, int day)
{
    return begins(t, day) || ends_before(t, day);
}

int turn_first(const struct turn *t, int day)
{
    while (!turn_begins(t, day))
        day--;
    return day;
}

int turn_next(const struct turn *t, int day)
{
    do
        day++;
    while (!turn_begins(t, day));
    return day;
}

bool turn_heats(const struct turn *t, int day)
{
    return begins(t, turn_first(t, day));
}

struct turn plan_turn(const struct plan *p)
{
    return (struct turn){p->cycle, p->start_month, p->start_day, p->end_month, p->end_day};
}
