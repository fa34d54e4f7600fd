/* The rules of time, money and relays. */
#include <string.h>

#include "model.h"

static bool leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int month_days(int y, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(y));
}

#define TO_2000 INT64_C(946684800) /* a Saturday */

/* Counted forward from 2000, year by year and month by month. */
struct m_date m_date_of(int64_t seconds)
{
    int64_t left = seconds - TO_2000;
    struct m_date d = {.year = 2000, .month = 1};
    d.day_number = (int)(left / 86400 - (left % 86400 < 0));
    int in_day = (int)(left - (int64_t)d.day_number * 86400);
    int days = d.day_number;
    while (days < 0)
        days += 366 - !leap(--d.year);
    while (days >= 365 + leap(d.year))
        days -= 365 + leap(d.year++);
    while (days >= month_days(d.year, d.month))
        days -= month_days(d.year, d.month++);
    d.day = days + 1;
    d.hour = in_day / 3600;
    d.minute = in_day / 60 % 60;
    d.second = in_day % 60;
    d.weekday = ((d.day_number + 6) % 7 + 7) % 7;
    return d;
}

int64_t m_seconds(const struct m_date *d)
{
    int64_t days = 0;
    for (int y = 2000; y < d->year; y++)
        days += 365 + leap(y);
    for (int y = d->year; y < 2000; y++)
        days -= 365 + leap(y);
    for (int month = 1; month < d->month; month++)
        days += month_days(d->year, month);
    days += d->day - 1;
    return TO_2000 + days * 86400 + d->hour * 3600 + d->minute * 60 + d->second;
}

bool m_date_valid(const struct m_date *d)
{
    return d->month >= 1 && d->month <= 12 && d->day >= 1 &&
           d->day <= month_days(d->year, d->month) && d->hour < 24 && d->minute < 60 &&
           d->second < 60;
}

struct m_date model_local(const struct model *m)
{
    return m_date_of(m->rtc + m->books.correction + m->setup.zone_s);
}

int64_t model_balance(const struct model *m)
{
    big used = (m->books.used_e8 - m->books.gone_e8) / E8;
    return m->books.paid_fen - (int64_t)used;
}

int64_t model_left(const struct model *m)
{
    return model_balance(m) + m->books.free_fen;
}

int64_t model_carry(const struct model *m)
{
    return (int64_t)((m->books.used_e8 - m->books.gone_e8) % E8);
}

uint64_t model_mwh(const struct model *m, int circuit, int rate)
{
    uint64_t sum = 0;
    for (int c = 0; c < 3; c++)
        for (int r = 0; r < 4; r++)
            if ((circuit == 0 || circuit == c + 1) && (rate == 0 || rate == r + 1))
                sum += m->books.mwh[c][r];
    return sum;
}

int32_t model_power_mw(const struct model *m, int c)
{
    const int32_t *mw = m->sample.power_mw;
    return m->setup.phases == 3 ? mw[0] + mw[1] + mw[2] : mw[c];
}

/* The last zone that has begun this year; before the first it is last year's last. */
static int table_now(const struct m_config *g, const struct m_date *d)
{
    int table = g->zones == 0 ? 1 : g->zone[g->zones - 1].table;
    for (int i = 0; i < g->zones; i++)
        if (g->zone[i].month < d->month ||
            (g->zone[i].month == d->month && g->zone[i].day <= d->day))
            table = g->zone[i].table;
    return table;
}

/* The last period that has begun today; before the first it is yesterday's last. */
int model_rate(const struct model *m)
{
    struct m_date d = model_local(m);
    const struct m_table *t = &m->config.table[table_now(&m->config, &d) - 1];
    if (t->periods == 0)
        return 3;
    int rate = t->period[t->periods - 1].rate;
    for (int i = 0; i < t->periods; i++)
        if (t->period[i].minute <= d.hour * 60 + d.minute)
            rate = t->period[i].rate;
    return rate;
}

int model_alarm(const struct model *m)
{
    if (!m->setup.wallet)
        return 0;
    int64_t left = model_left(m);
    if (m->books.cut && m->config.alarm4)
        return 4;
    if (left < 0 || m->books.cut)
        return 3;
    if (left <= m->config.limit[1])
        return 2;
    return left <= m->config.limit[0] ? 1 : 0;
}

/* Does this reason want the circuit open (or keep-power: closed)? */
static bool holds(const struct model *m, int c, int reason)
{
    const struct m_books *b = &m->books;
    switch (reason) {
    case TERMINAL_REASON_STAFF:
        return b->staff[c];
    case TERMINAL_REASON_KEEP_POWER:
        return b->keep_power;
    case TERMINAL_REASON_REMOTE:
        return b->remote[c];
    case TERMINAL_REASON_TIMED:
        return b->timed != 0;
    case TERMINAL_REASON_OVERDRAFT:
        return b->cut;
    case TERMINAL_REASON_CREDIT:
        return b->pretrip == 1;
    case TERMINAL_REASON_TIME:
        return m->guard.rules[c].timed && model_cover(m, c) == TERMINAL_COVER_OFF;
    case TERMINAL_REASON_KEY:
        return b->key_wait[c];
    default:
        return b->hold[c].cause == reason;
    }
}

static const int precedence[] = {
    TERMINAL_REASON_PROTECTION, TERMINAL_REASON_STAFF, TERMINAL_REASON_KEEP_POWER,
    TERMINAL_REASON_REMOTE,     TERMINAL_REASON_TIMED, TERMINAL_REASON_OVERDRAFT,
    TERMINAL_REASON_CREDIT,     TERMINAL_REASON_TIME,  TERMINAL_REASON_NIGHT,
    TERMINAL_REASON_CURRENT,    TERMINAL_REASON_LOAD,  TERMINAL_REASON_MALIGNANT,
    TERMINAL_REASON_AIRCON,     TERMINAL_REASON_KEY,
};
#define REASONS (int)(sizeof precedence / sizeof precedence[0])

int model_reason(const struct model *m, int c, bool *open)
{
    bool kept = false;
    for (int i = 0; i < REASONS; i++) {
        int reason = precedence[i];
        if (!holds(m, c, reason))
            continue;
        if (reason == TERMINAL_REASON_KEEP_POWER) {
            kept = true;
            continue;
        }
        *open = !kept;
        return kept ? TERMINAL_REASON_KEEP_POWER : reason;
    }
    *open = false;
    return TERMINAL_REASON_NONE;
}

/* Who opened is known where an order did. */
static bool by_operator(int reason)
{
    return reason == TERMINAL_REASON_REMOTE || reason == TERMINAL_REASON_TIMED;
}

static void record(struct model *m, int c, int reason, bool trip)
{
    struct m_books *b = &m->books;
    struct m_event e = {.number = trip ? ++b->trips : ++b->closes,
                        .at = model_local(m),
                        .circuit = c + 1,
                        .reason = reason,
                        .operator_code = by_operator(reason) || !trip ? b->operator_code : 0,
                        .balance = model_balance(m),
                        .energy_mwh = model_mwh(m, 0, 0),
                        .power_mw = model_power_mw(m, c)};
    if (e.power_mw < 0)
        e.power_mw = 0;
    struct m_event *list = trip ? b->trip : b->close;
    int n = trip ? TERMINAL_TRIPS : TERMINAL_CLOSES;
    memmove(list + 1, list, (size_t)(n - 1) * sizeof *list);
    list[0] = e;
}

static void relays(struct model *m)
{
    for (int c = 0; c < m->setup.circuits; c++) {
        bool open;
        int reason = model_reason(m, c, &open);
        if (open == m->books.open[c])
            continue;
        m->books.open[c] = open;
        if (!open)
            m->closed_ms[c] = m->now_ms;
        record(m, c, reason, open);
    }
}

static void credit(struct model *m)
{
    struct m_books *b = &m->books;
    if (b->free_fen == 0 && model_balance(m) <= -m->config.limit[2])
        b->cut = true;
    if (model_left(m) > m->config.limit[1])
        b->pretrip = 0;
    else if (b->pretrip == 0 && m->config.pretrip != TERMINAL_PRETRIP_NONE) {
        b->pretrip = 1;
        b->pretrip_until = m->rtc + m->config.wait_s;
    }
}

static void recloses(struct model *m)
{
    struct m_books *b = &m->books;
    int today = model_local(m).day_number;
    if (today != b->hold_day)
        for (int c = 0; c < 3; c++)
            b->hold[c].recloses = 0;
    b->hold_day = today;
    for (int c = 0; c < 3; c++) {
        struct m_hold *h = &b->hold[c];
        if (h->cause == 0 || h->locked)
            continue;
        int64_t longest = m->rtc + m->guard.rules[c].wait_s; /* it may have been shortened */
        if (h->until > longest)
            h->until = longest;
        if (m->rtc < h->until)
            continue;
        h->cause = 0;
        h->recloses++;
    }
}

int m_month_number(const struct m_date *d)
{
    return d->year * 12 + d->month;
}

/* A new month brings its free amount. */
void m_month(struct model *m)
{
    struct m_books *b = &m->books;
    struct m_date now = model_local(m);
    int month = m_month_number(&now);
    if (m->config.free_fen == 0) /* the next one is the first */
        b->free_month = 0;
    bool none = !m->setup.wallet || m->config.free_fen == 0;
    if (none || b->clock_lost || month <= b->free_month)
        return;
    int missed = b->free_month == 0 ? 1 : month - b->free_month;
    missed = missed > 12 ? 12 : missed;
    if (m->config.kept)
        b->free_fen += m->config.free_fen * missed;
    else
        b->free_fen = m->config.free_fen;
    if (b->free_fen > TERMINAL_MONEY_MAX_FEN)
        b->free_fen = TERMINAL_MONEY_MAX_FEN;
    b->free_month = month;
    if (!b->cut || b->free_fen == 0 || model_balance(m) < 0)
        return;
    b->cut = false;
    for (int c = 0; c < m->setup.circuits; c++)
        b->key_wait[c] |= m->config.safe;
}

static void push(struct m_freeze *list, int n, const struct m_freeze *f, uint32_t number)
{
    memmove(list + 1, list, (size_t)(n - 1) * sizeof *list);
    list[0] = *f;
    list[0].number = number;
}

/* What stood at the last midnight, as far as it is known now. */
static void freeze(struct model *m)
{
    struct m_books *b = &m->books;
    struct m_date now = model_local(m);
    int day = now.day_number + 100000, month = m_month_number(&now);
    if (b->clock_lost || day <= b->freeze_day)
        return;
    struct m_freeze f = {.at = now, .balance = model_balance(m), .free = b->free_fen};
    f.at.hour = f.at.minute = f.at.second = 0;
    for (int i = 0; i < 4; i++)
        f.rate_mwh[i] = model_mwh(m, 0, i + 1);
    for (int i = 0; i < 3; i++)
        f.circuit_mwh[i] = model_mwh(m, i + 1, 0);
    if (b->freeze_day != 0)
        push(b->day, TERMINAL_DAYS, &f, ++b->days);
    f.at.day = 1; /* of the month that has begun */
    if (b->freeze_day != 0 && month > b->freeze_month)
        push(b->month, TERMINAL_MONTHS, &f, ++b->months);
    b->freeze_day = day;
    b->freeze_month = month;
}

static void timers(struct model *m)
{
    struct m_books *b = &m->books;
    recloses(m);
    if (b->timed != 0 && m->rtc >= b->timed_until) {
        for (int c = 0; c < m->setup.circuits; c++)
            b->key_wait[c] |= b->timed == 0x1E;
        b->timed = 0;
    }
    if (b->pretrip == 1 && m->config.pretrip == TERMINAL_PRETRIP_RECLOSE &&
        m->rtc >= b->pretrip_until)
        b->pretrip = 2;
}

void m_settle(struct model *m)
{
    if (!m->running)
        return;
    if (m->setup.wallet)
        credit(m);
    relays(m);
}

void m_trip(struct model *m, int c, int cause)
{
    struct m_hold *h = &m->books.hold[c];
    h->cause = cause;
    h->locked = cause == TERMINAL_REASON_AIRCON || h->recloses >= m->guard.rules[c].recloses;
    h->until = m->rtc + m->guard.rules[c].wait_s;
}

static void forget(struct model *m)
{
    m->running = m->programming = m->order_refused = false;
    m->auth_until_ms = 0;
    m->failures = 0;
    m->page = 0;
    m->page_until_ms = m->light_until_ms = 0;
    m->looked = INT64_MIN;
    m->order_word = 0;
    memset(m->wrong, 0, sizeof m->wrong);
    memset(m->deaf_until, 0, sizeof m->deaf_until);
    memset(m->modbus_until, 0, sizeof m->modbus_until);
    memset(m->item, 0, sizeof m->item);
    memset(&m->sample, 0, sizeof m->sample);
    for (int c = 0; c < 3; c++) {
        m->learn_until[c] = INT64_MIN;
        m->may_trip[c] = m->may_unplug[c] = false;
        m->closed_ms[c] = m->now_ms;
        for (int i = 0; i < LIMITS; i++)
            m->over_since[c][i] = -1;
    }
}

void model_factory_guard(struct model *m)
{
    memset(&m->guard, 0, sizeof m->guard);
    for (int c = 0; c < 3; c++) {
        struct m_rules *r = &m->guard.rules[c];
        r->delay_s = 1;
        r->recloses = 3;
        r->wait_s = 60;
        r->standby_ma = r->unplugged_s = 5;
        r->step_w = 150;
    }
    m->guard.weekend = 1 << 0 | 1 << 6;
}

void model_factory_config(struct model *m)
{
    const struct terminal_setup *s = &m->setup;
    memset(&m->config, 0, sizeof m->config);
    memcpy(m->config.address, s->address, 6);
    memcpy(m->config.number, s->address, 6);
    const int64_t limits[] = {s->alarm1_fen, s->alarm2_fen, s->overdraft_fen, s->hoard_fen,
                              s->close_allowed_fen};
    memcpy(m->config.limit, limits, sizeof limits);
    m->config.wait_s = 60;
    memcpy(m->config.price, s->price_e4, sizeof m->config.price);
    struct m_table *t = &m->config.table[0];
    t->periods = s->period_count;
    for (int i = 0; i < s->period_count; i++) {
        t->period[i].minute = s->periods[i].hour * 60 + s->periods[i].minute;
        t->period[i].rate = s->periods[i].rate;
    }
}

void model_new(struct model *m, const struct terminal_setup *s)
{
    memset(m, 0, sizeof *m);
    m->setup = *s;
    m->books.paid_fen = s->preset_fen;
    model_factory_config(m);
    model_factory_guard(m);
    forget(m);
}

void model_boot(struct model *m)
{
    forget(m);
    m->fault = m->fault_found;
    m->fault_found = false;
    m->books.power_downs++;
    for (int i = 0; i < TERMINAL_TRIPS; i++) /* what was written is tenths of watts */
        m->books.trip[i].power_mw -= m->books.trip[i].power_mw % 100;
}

static bool page_there(const struct model *m, int page)
{
    if (page == TERMINAL_PAGE_BALANCE || page == TERMINAL_PAGE_FREE)
        return m->setup.wallet;
    if (page == TERMINAL_PAGE_CIRCUIT2)
        return m->setup.circuits >= 2;
    return page != TERMINAL_PAGE_CIRCUIT3 || m->setup.circuits == 3;
}

static void turn_page(struct model *m, int64_t stays_ms)
{
    do
        m->page = m->page == TERMINAL_PAGES - 1 ? 0 : m->page + 1;
    while (!page_there(m, m->page));
    m->page_until_ms = m->now_ms + stays_ms;
}

static int64_t reason_page(const struct model *m)
{
    for (int c = 0; c < m->setup.circuits; c++) {
        bool open;
        int reason = model_reason(m, c, &open);
        if (open)
            return (c + 1) * 100 + reason;
    }
    return 0;
}

int64_t model_page_value(const struct model *m)
{
    struct m_date d = model_local(m);
    const int32_t *mw = m->sample.power_mw;
    switch (m->page) {
    case TERMINAL_PAGE_ENERGY:
        return (int64_t)model_mwh(m, 0, 0) / 10000;
    case TERMINAL_PAGE_BALANCE:
        return model_balance(m);
    case TERMINAL_PAGE_FREE:
        return m->books.free_fen;
    case TERMINAL_PAGE_RATE:
        return model_rate(m);
    case TERMINAL_PAGE_PRICE:
        return m->config.price[model_rate(m) - 1];
    case TERMINAL_PAGE_POWER:
        return (mw[0] + mw[1] + mw[2]) / 1000;
    case TERMINAL_PAGE_REASON:
        return reason_page(m);
    case TERMINAL_PAGE_TIME:
        return d.hour * 10000 + d.minute * 100 + d.second;
    case TERMINAL_PAGE_DATE:
        return d.year % 100 * 10000 + d.month * 100 + d.day;
    default:
        return (int64_t)model_mwh(m, m->page - TERMINAL_PAGE_CIRCUIT1 + 1, 0) / 10000;
    }
}

void model_time(struct model *m, int64_t now_ms, int64_t rtc, bool lost)
{
    m->now_ms = now_ms;
    m->rtc = rtc;
    m->running = true;
    if (lost && !m->books.clock_lost)
        m->looked = INT64_MIN;
    m->books.clock_lost |= lost;
    if (now_ms >= m->page_until_ms)
        turn_page(m, 5000);
    int64_t second = rtc + m->books.correction;
    if (second == m->looked) /* what goes by the clock is looked at once a second */
        return;
    m->looked = second;
    int today = model_local(m).day_number;
    if (today != m->failures_day)
        m->failures = 0;
    m->failures_day = today;
    freeze(m);
    m_month(m);
    timers(m);
    m_settle(m);
}

/* Whole fen come out of what is free first. */
static void use(struct model *m, big e8)
{
    struct m_books *b = &m->books;
    int64_t before = model_balance(m);
    b->used_e8 += e8;
    int64_t fen = before - model_balance(m);
    int64_t free = fen < b->free_fen ? fen : b->free_fen;
    b->free_fen -= free;
    b->paid_fen += free;
}

void model_energy(struct model *m, int c, uint64_t mwh)
{
    int rate = model_rate(m);
    m->books.mwh[c][rate - 1] += mwh;
    if (m->setup.wallet)
        use(m, (big)mwh * m->config.price[rate - 1]);
    /* The register has eight digits. */
    if (model_balance(m) < -TERMINAL_MONEY_MAX_FEN)
        m->books.paid_fen -= model_balance(m) + TERMINAL_MONEY_MAX_FEN;
    m_settle(m);
}

void model_key(struct model *m)
{
    turn_page(m, 30000);
    m->light_until_ms = m->now_ms + 60000;
    if (m->books.pretrip == 1)
        m->books.pretrip = 2;
    for (int c = 0; c < 3; c++)
        m->books.key_wait[c] = false;
    m_settle(m);
}
