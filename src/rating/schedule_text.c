/* What a plan says of time, as text: zone, calendar, schedules, prices of months. */
#include <string.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/zone.h"
#include "rating/rating_impl.h"

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

/* --- small members ---------------------------------------------------------------------------- */

enum err rating_take_rates_from(struct rating_parse *p)
{
    char name[24];
    TRY(rating_take_text(p, name, sizeof name, top("rates_from")));
    p->plan->from_intervals = strcmp(name, "intervals") == 0;
    if (!p->plan->from_intervals && strcmp(name, "meter") != 0)
        return rating_parse_refuse(p, RATING_RATES_FROM_UNKNOWN, top("rates_from"));
    return ERR_OK;
}

enum err rating_take_zone(struct rating_parse *p)
{
    char name[64];
    TRY(rating_take_text(p, name, sizeof name, top("zone")));
    p->plan->has_zone = zone_offset(name, &p->plan->zone_offset_s);
    return p->plan->has_zone ? ERR_OK : rating_parse_refuse(p, RATING_ZONE_UNKNOWN, top("zone"));
}

enum err rating_take_calendar(struct rating_parse *p)
{
    char name[64];
    TRY(rating_take_text(p, name, sizeof name, top("calendar")));
    if (strlen(name) > RATING_CALENDAR_MAX || !calendar_find(name))
        return rating_parse_refuse(p, RATING_CALENDAR_UNKNOWN, top("calendar"));
    strcpy(p->plan->calendar, name);
    return ERR_OK;
}

/* --- lists ------------------------------------------------------------------------------------ */

enum err rating_open_array(struct rating_parse *p, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return rating_parse_refuse(
            p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE, spot);
    jread_array(&p->j);
    return ERR_OK;
}

/* [7, 8] as bits. */
static enum err take_months(struct rating_parse *p, uint16_t *months, struct rating_spot spot)
{
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        if (jread_peek(&p->j) != JREAD_NUMBER)
            return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
        int64_t month = jread_int(&p->j);
        if (p->j.err != ERR_OK || month < 1 || month > 12)
            return rating_parse_refuse(p, RATING_MONTH_UNKNOWN, spot);
        if (*months & 1u << (month - 1))
            return rating_parse_refuse(p, RATING_MONTH_TWICE, spot);
        *months = (uint16_t)(*months | 1u << (month - 1));
    }
    return p->j.err != ERR_OK || *months != 0 ? ERR_OK
                                              : rating_parse_refuse(p, RATING_MONTHS_NONE, spot);
}

static const char *day_at(unsigned i)
{
    static const char *const names[RATING_DAY_BITS] = {
        "sunday",   "monday",  "tuesday", "wednesday", "thursday", "friday",
        "saturday", "workday", "restday", "holiday",   "makeup"};
    return names[i];
}

const char *rating_day_name(unsigned bit)
{
    return bit < RATING_DAY_BITS ? day_at(bit) : "unknown";
}

static enum err take_days(struct rating_parse *p, uint16_t *days, struct rating_spot spot)
{
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        char name[24];
        TRY(rating_take_text(p, name, sizeof name, spot));
        unsigned day = rating_name_index(name, day_at, RATING_DAY_BITS);
        if (day == RATING_DAY_BITS)
            return rating_parse_refuse(p, RATING_DAYS_UNKNOWN, spot);
        *days = (uint16_t)(*days | 1u << day);
    }
    return p->j.err != ERR_OK || *days != 0 ? ERR_OK
                                            : rating_parse_refuse(p, RATING_DAYS_UNKNOWN, spot);
}

static enum err take_date(struct rating_parse *p, struct rating_day *day, struct rating_spot spot)
{
    char text[16];
    TRY(rating_take_text(p, text, sizeof text, spot));
    return rating_parse_day(text, day) && day->month > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_SCHEDULE_DAY, spot);
}

/* "2026-07-15" */
static bool parse_date(const char *text, int32_t *day)
{
    static const char form[] = "dddd-dd-dd";
    int32_t value[3] = {};
    size_t part = 0;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i])
            return false;
        if (digit)
            value[part] = value[part] * 10 + (text[i] - '0');
        else
            part++;
    }
    if (text[sizeof form - 1] != '\0' || value[0] < 1970 || value[1] < 1 || value[1] > 12 ||
        value[2] < 1)
        return false;
    *day = civil_days_from_date(value[0], (unsigned)value[1], (unsigned)value[2]);
    return civil_from_days(*day).day == (unsigned)value[2];
}

static enum err take_dates(struct rating_parse *p, struct rating_schedule *s,
                           struct rating_spot spot)
{
    struct rating_plan *plan = p->plan;
    char text[16];
    s->first_date = (uint8_t)plan->date_count;
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        TRY(rating_take_text(p, text, sizeof text, spot));
        if (plan->date_count == RATING_DATES_MAX)
            return rating_parse_refuse(p, RATING_DATES_TOO_MANY, spot);
        if (!parse_date(text, &plan->dates[plan->date_count]))
            return rating_parse_refuse(p, RATING_SCHEDULE_DAY, spot);
        plan->date_count++;
        s->date_count++;
    }
    return p->j.err != ERR_OK || s->date_count > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_SCHEDULE_DAY, spot);
}

/* --- schedules -------------------------------------------------------------------------------- */

enum {
    SCHEDULE_MONTHS,
    SCHEDULE_FROM,
    SCHEDULE_TO,
    SCHEDULE_DAYS,
    SCHEDULE_PERIODS,
    SCHEDULE_PRICES,
    SCHEDULE_DATES,
    SCHEDULE_MEMBERS
};

static const char *schedule_member(unsigned i)
{
    static const char *const names[] = {"months",  "from",   "to",   "days",
                                        "periods", "prices", "dates"};
    return names[i];
}

static void set_bits(const bool priced[RATING_RATES], uint8_t *bits)
{
    for (unsigned r = 0; r < RATING_RATES; r++)
        if (priced[r])
            *bits = (uint8_t)(*bits | 1u << r);
}

static enum err take_schedule_prices(struct rating_parse *p, struct rating_schedule *s,
                                     struct rating_spot spot)
{
    bool priced[RATING_RATES] = {};
    TRY(rating_take_prices(p, &(struct rating_prices){priced, s->rate_price_e8, spot}));
    set_bits(priced, &s->priced);
    return p->j.err != ERR_OK || s->priced != 0 ? ERR_OK
                                                : rating_parse_refuse(p, RATING_PRICES_NONE, spot);
}

static enum err take_schedule_member(struct rating_parse *p, struct rating_schedule *s,
                                     unsigned which, struct rating_spot spot)
{
    size_t count = 0;
    switch (which) {
    case SCHEDULE_MONTHS:
        return take_months(p, &s->months, spot);
    case SCHEDULE_FROM:
        return take_date(p, &s->from, spot);
    case SCHEDULE_TO:
        return take_date(p, &s->to, spot);
    case SCHEDULE_DAYS:
        return take_days(p, &s->days, spot);
    case SCHEDULE_PRICES:
        return take_schedule_prices(p, s, spot);
    case SCHEDULE_DATES:
        return take_dates(p, s, spot);
    default:
        TRY(rating_take_period_list(
            p, &(struct rating_periods){s->periods, &count, RATING_SCHEDULE_PERIODS_MAX, spot}));
        s->period_count = (uint8_t)count;
        return ERR_OK;
    }
}

static enum err take_schedule(struct rating_parse *p, int index)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_schedule *s = &p->plan->schedules[index];
    struct rating_spot at = {"schedules", index, NULL};
    TRY(rating_open_object(p, at));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"schedules", index, name};
        unsigned which = rating_name_index(name, schedule_member, SCHEDULE_MEMBERS);
        if (which == SCHEDULE_MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(take_schedule_member(p, s, which, spot));
    }
    for (unsigned i = SCHEDULE_FROM; p->j.err == ERR_OK && i <= SCHEDULE_PERIODS; i++) {
        bool both = seen & (1u << SCHEDULE_FROM | 1u << SCHEDULE_TO);
        bool needed = i == SCHEDULE_PERIODS || (i != SCHEDULE_DAYS && both);
        at.member = schedule_member(i);
        if (needed && !(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING, at);
    }
    return ERR_OK;
}

enum err rating_take_schedules(struct rating_parse *p)
{
    TRY(rating_open_array(p, top("schedules")));
    while (jread_element(&p->j)) {
        if (p->plan->schedule_count == RATING_SCHEDULES_MAX)
            return rating_parse_refuse(p, RATING_SCHEDULES_TOO_MANY, top("schedules"));
        TRY(take_schedule(p, (int)p->plan->schedule_count++));
    }
    return p->j.err != ERR_OK || p->plan->schedule_count > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_SCHEDULES_NONE, top("schedules"));
}

/* --- prices of months ---------------------------------------------------------------------------
 */

enum { MONTHS_MONTHS, MONTHS_PRICE, MONTHS_PRICES, MONTHS_STEP_PRICES, MONTHS_MEMBERS };

static const char *months_member(unsigned i)
{
    static const char *const names[] = {"months", "price", "prices", "step_prices"};
    return names[i];
}

static enum err add_row(struct rating_parse *p, struct rating_month_entry *entry,
                        struct rating_prices_row **row, struct rating_spot spot)
{
    if (p->plan->month_price_count == RATING_MONTH_PRICES_MAX)
        return rating_parse_refuse(p, RATING_MONTH_PRICES_TOO_MANY, spot);
    *row = &p->plan->month_prices[p->plan->month_price_count++];
    entry->rows++;
    return ERR_OK;
}

static enum err take_row_price(struct rating_parse *p, struct rating_prices_row *row,
                               struct rating_spot spot)
{
    row->priced = RATING_PRICED_ONE;
    return rating_take_price(p, &row->price_e8[0], spot);
}

static enum err take_row_prices(struct rating_parse *p, struct rating_prices_row *row,
                                struct rating_spot spot)
{
    bool priced[RATING_RATES] = {};
    TRY(rating_take_prices(p, &(struct rating_prices){priced, row->price_e8, spot}));
    set_bits(priced, &row->priced);
    return p->j.err != ERR_OK || row->priced != 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_PRICES_NONE, spot);
}

static enum err take_step_prices(struct rating_parse *p, struct rating_month_entry *entry,
                                 struct rating_spot spot)
{
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        struct rating_prices_row *row = NULL;
        char path[40];
        rating_path_index(path, sizeof path, "step_prices", entry->rows);
        struct rating_spot at = {spot.name, spot.index, path};
        TRY(add_row(p, entry, &row, spot));
        TRY(jread_peek(&p->j) == JREAD_OBJECT ? take_row_prices(p, row, at)
                                              : take_row_price(p, row, at));
    }
    return ERR_OK;
}

static enum err take_month_prices(struct rating_parse *p, struct rating_month_entry *entry,
                                  unsigned which, struct rating_spot spot)
{
    struct rating_prices_row *row = NULL;
    entry->first = (uint8_t)p->plan->month_price_count;
    entry->form = which == MONTHS_PRICE    ? RATING_MONTH_ONE
                  : which == MONTHS_PRICES ? RATING_MONTH_RATES
                                           : RATING_MONTH_STEPS;
    if (which == MONTHS_STEP_PRICES)
        return take_step_prices(p, entry, spot);
    TRY(add_row(p, entry, &row, spot));
    return which == MONTHS_PRICE ? take_row_price(p, row, spot) : take_row_prices(p, row, spot);
}

static enum err take_entry(struct rating_parse *p, int index)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_month_entry *entry = &p->plan->months[index];
    struct rating_spot at = {"by_month", index, NULL};
    TRY(rating_open_object(p, at));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"by_month", index, name};
        unsigned which = rating_name_index(name, months_member, MONTHS_MEMBERS);
        if (which == MONTHS_MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        if (which != MONTHS_MONTHS && seen & ~(1u << MONTHS_MONTHS | 1u << which))
            return rating_parse_refuse(p, RATING_MONTH_FORM, at);
        TRY(which == MONTHS_MONTHS ? take_months(p, &entry->months, spot)
                                   : take_month_prices(p, entry, which, spot));
    }
    if (p->j.err != ERR_OK)
        return ERR_OK;
    if (!(seen & 1u << MONTHS_MONTHS))
        return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                   (struct rating_spot){"by_month", index, "months"});
    return seen == 1u << MONTHS_MONTHS ? rating_parse_refuse(p, RATING_MONTH_FORM, at) : ERR_OK;
}

enum err rating_take_by_month(struct rating_parse *p)
{
    TRY(rating_open_array(p, top("by_month")));
    while (jread_element(&p->j)) {
        if (p->plan->month_count == RATING_MONTHS_MAX)
            return rating_parse_refuse(p, RATING_MONTH_TWICE, top("by_month"));
        TRY(take_entry(p, (int)p->plan->month_count++));
    }
    return p->j.err != ERR_OK || p->plan->month_count > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_MONTHS_NONE, top("by_month"));
}
