#include "gateway/scan.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "gateway/scan_impl.h"
#include "proto/dlt645.h"

#define LISTEN_MS 1'500 /* before the first word: is there another master? */
#define LEAST_MS 200    /* that an answer is waited for, however quick the others were */
#define HOPE_MS 1'000   /* for a late answer: many rows are asked that a meter does not know */
#define ROUNDS 4        /* questions to one meter, to find its twin */
#define SUSPICIOUS 2    /* of them, if they collide or are answered twice */

/* What a question brought. */
enum said { NOBODY, ONE, MANY };

static void start_protocol(struct scan *s, enum scan_protocol first, mono_ms now);

static const struct scan_speed *speed_of(const struct scan *s)
{
    return &s->options.speeds[s->speed];
}

static const struct scan_way *way_of(const struct scan *s)
{
    return scan_way_of(s->protocol);
}

/* --- timing ----------------------------------------------------------------------------------- */

static bool by_unit(enum scan_protocol p)
{
    return p == SCAN_MODBUS || p == SCAN_MODBUS_TCP;
}

/* Is who is asked now waited for as long as a slow one? */
static bool is_slow(const struct scan *s)
{
    if (s->phase == SCAN_SEARCHING)
        return by_unit(s->protocol) && (s->slow || s->options.slow);
    return s->subject < s->found_count && s->found[s->subject].slow;
}

/* How long this line's meters are waited for: what they were seen to need, three times. */
static int32_t patience(const struct scan *s)
{
    int32_t whole = way_of(s)->answer_ms;
    if (is_slow(s))
        return SCAN_SLOW_MS;
    int32_t seen = 3 * s->slowest_ms + 100 > LEAST_MS ? 3 * s->slowest_ms + 100 : LEAST_MS;
    bool searching = s->phase == SCAN_SEARCHING && !s->options.thorough;
    return searching && s->slowest_ms > 0 && seen < whole ? seen : whole;
}

static void tune(struct scan *s)
{
    const struct scan_speed *speed = speed_of(s);
    struct bus_timing t = bus_timing_of(speed->baud);
    t.turnaround_ms = t.turnaround_max_ms = patience(s);
    t.hope_ms = HOPE_MS;
    if (t.turnaround_min_ms > t.turnaround_ms)
        t.turnaround_min_ms = t.turnaround_ms;
    s->bus.timing = t;
    bus_peer_speaks(&s->bus, 0, way_of(s)->link, speed->baud, speed->parity);
    bus_peer_sleeps(&s->bus, 0, speed->rouse ? way_of(s)->rouse : NULL);
}

static uint64_t heard(const struct scan *s)
{
    return s->bus.stats.received_bytes - s->bus.stats.echoes;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void submit(struct scan *s, const struct writer *w, struct bus_job *job, uint8_t attempts)
{
    MUST(w->err == ERR_OK && w->len > 0);
    job->len = (uint16_t)w->len;
    job->attempts = attempts;
    job->priority = BUS_ORDER;
    tune(s);
    s->heard_before = heard(s);
    s->absent_before = s->bus.stats.absent;
    s->damaged_before = s->bus.stats.damaged;
    s->garbage_before = s->bus.stats.garbage_bytes;
    MUST(bus_submit(&s->bus, job) == ERR_OK);
    s->waiting = true;
}

static void ask(struct scan *s)
{
    struct bus_job job = {0};
    struct writer w = writer_of(job.request, sizeof job.request);
    way_of(s)->ask(s, s->step, &w);
    if (s->phase == SCAN_SEARCHING && by_unit(s->protocol)) {
        s->asked_at[s->digit[0]] = s->asked_last = s->bus.now;
    }
    if (is_slow(s) && s->phase == SCAN_SEARCHING)
        bus_peer_reset(&s->bus, 0); /* how slow this one is */
    submit(s, &w, &job, 1);
}

static void ask_anew(struct scan *s, bool again)
{
    s->step = 0;
    s->again = again;
    s->answer[0] = '\0';
    ask(s);
}

/* --- the search ------------------------------------------------------------------------------- */

static void remark(struct scan *s, enum scan_remark r)
{
    s->remarks |= 1U << r;
}

/* The address that the given digits make, if they make a whole one. */
static void digits_text(const struct scan *s, char address[SCAN_ADDRESS])
{
    uint8_t own[6];
    if (way_of(s)->branches == 10) {
        for (size_t i = 0; i < 8; i++)
            address[i] = (char)('0' + s->digit[i]);
        address[8] = '\0';
    } else if (way_of(s)->depth == 6) {
        for (size_t i = 0; i < 6; i++)
            own[i] = (uint8_t)(s->digit[i] / 10 << 4 | s->digit[i] % 10);
        dlt645_address_text(own, address);
    } else {
        snprintf(address, SCAN_ADDRESS, "%u", s->digit[0]);
    }
}

static int32_t took_ms(const struct scan *s)
{
    return s->bus.peers[0].slowest_ms;
}

static void add(struct scan *s, const char *address)
{
    for (size_t i = s->first_of_speed; i < s->found_count; i++)
        if (s->found[i].protocol == s->protocol && strcmp(s->found[i].address, address) == 0)
            return;
    if (s->found_count == SCAN_FOUND_MAX) {
        remark(s, SCAN_REMARK_FULL);
        return;
    }
    struct scan_found *f = &s->found[s->found_count++];
    *f = (struct scan_found){.protocol = s->protocol,
                             .baud = speed_of(s)->baud,
                             .parity = speed_of(s)->parity,
                             .rouse = speed_of(s)->rouse,
                             .slow = is_slow(s) && took_ms(s) > way_of(s)->answer_ms};
    snprintf(f->address, sizeof f->address, "%s", address);
}

static bool by_number(enum scan_protocol p)
{
    return by_unit(p) || p == SCAN_MBUS;
}

static uint8_t first_digit(const struct scan *s)
{
    uint8_t least = by_unit(s->protocol) ? 1 : 0;
    return by_number(s->protocol) && s->options.first_unit > least ? s->options.first_unit : least;
}

static unsigned end_digit(const struct scan *s)
{
    bool numbers = by_number(s->protocol);
    unsigned all = way_of(s)->branches;
    unsigned wished = s->options.last_unit + 1U;
    return numbers && s->options.last_unit > 0 && wished < all ? wished : all;
}

static void descend(struct scan *s)
{
    s->digit[s->depth++] = first_digit(s);
}

static bool is_late(const struct scan *s, uint8_t unit)
{
    return s->late[unit / 8] >> unit % 8 & 1;
}

/* The next question; false: the protocol is searched through. */
static bool advance(struct scan *s)
{
    while (s->depth > 0) {
        uint8_t *digit = &s->digit[s->depth - 1];
        while (*digit + 1U < end_digit(s)) {
            ++*digit;
            if (!s->slow || is_late(s, *digit))
                return true;
        }
        s->depth--;
    }
    return false;
}

/* --- late units of Modbus --------------------------------------------------------------------- */

static bool watches(const struct scan *s)
{
    return s->phase == SCAN_SEARCHING && by_unit(s->protocol) && !s->slow && !s->options.slow;
}

/* Somebody spoke who is not asked any more: one of those that were asked shortly before the last
 * question and did not answer. `own` bytes of what was heard are its answer. */
static void note_late(struct scan *s, size_t own)
{
    bool spoke = watches(s) && heard(s) > s->explained + own;
    s->explained = heard(s);
    for (unsigned unit = 0; unit < SCAN_UNITS && spoke; unit++)
        if (s->asked_at[unit].ms > 0 && s->asked_at[unit].ms >= s->asked_last.ms - SCAN_SLOW_MS)
            s->late[unit / 8] |= (uint8_t)(1U << unit % 8);
}

/* True: those that may be late are asked, the first of them now. */
static bool ask_late(struct scan *s)
{
    bool any = false;
    for (size_t i = 0; i < sizeof s->late; i++)
        any = any || s->late[i] != 0;
    if (!any || s->slow)
        return false;
    remark(s, SCAN_REMARK_LATE);
    s->slow = true;
    descend(s);
    if (!is_late(s, s->digit[0]))
        (void)advance(s); /* to the first of them */
    ask_anew(s, false);
    return true;
}

/* Behind the last unit nobody is asked for a while: it may be late, too. */
static void linger(struct scan *s, mono_ms now)
{
    s->lingers = true;
    s->until = mono_after(now, SCAN_SLOW_MS);
}

static void lingered(struct scan *s, mono_ms now)
{
    s->lingers = false;
    note_late(s, 0);
    if (!ask_late(s))
        start_protocol(s, s->protocol + 1, now);
}

static void start_checks(struct scan *s, mono_ms now);

static void next_question(struct scan *s, mono_ms now)
{
    if (advance(s))
        ask_anew(s, false);
    else if (watches(s))
        linger(s, now);
    else
        start_protocol(s, s->protocol + 1, now);
}

static void crowd(struct scan *s)
{
    char address[SCAN_ADDRESS];
    const struct scan_way *way = way_of(s);
    if (way->depth == 0) {
        remark(s, SCAN_REMARK_CROWD);
    } else {
        digits_text(s, address);
        add(s, address);
        s->crowded = s->crowded || s->protocol == SCAN_MBUS;
    }
}

/* Noise, or more than one: that is known only if one of them was understood. */
static void several(struct scan *s)
{
    if (s->answer[0] == '\0')
        return;
    remark(s, SCAN_REMARK_CROWD);
    add(s, s->answer);
}

static void searched(struct scan *s, enum said said, mono_ms now)
{
    if (said == ONE)
        add(s, s->answer);
    if (said == MANY && s->options.alone) {
        several(s);
        next_question(s, now);
        return;
    }
    if (said == MANY && s->depth < way_of(s)->depth) {
        descend(s);
        ask_anew(s, false);
        return;
    }
    if (said == MANY)
        crowd(s);
    next_question(s, now);
}

static bool found_at(const struct scan *s, enum scan_protocol p)
{
    for (size_t i = s->first_of_speed; i < s->found_count; i++)
        if (s->found[i].protocol == p)
            return true;
    return false;
}

/* Meters that answer in two ways are found in the first; M-Bus meters that all have the same number
 * are told apart by the second. */
static bool wanted(const struct scan *s, enum scan_protocol p)
{
    if (!(speed_of(s)->protocols >> p & 1))
        return false;
    if (p == SCAN_MBUS_ANY && !s->options.alone)
        return false; /* on a line of many it would bring a collision only */
    if (p == SCAN_DLT645_1997 && !s->options.thorough)
        return !found_at(s, SCAN_DLT645);
    if (p == SCAN_MBUS_SECONDARY && !s->options.thorough)
        return (!found_at(s, SCAN_MBUS) && !found_at(s, SCAN_MBUS_ANY)) || s->crowded;
    return true;
}

static void start_protocol(struct scan *s, enum scan_protocol first, mono_ms now)
{
    enum scan_protocol p = first;
    while (p < SCAN_PROTOCOLS && !wanted(s, p))
        p++;
    if (p == SCAN_PROTOCOLS) {
        start_checks(s, now);
        return;
    }
    s->phase = SCAN_SEARCHING;
    s->protocol = p;
    s->depth = s->round = 0;
    s->slowest_ms = 0;
    s->slow = false;
    s->explained = heard(s);
    memset(s->late, 0, sizeof s->late);
    memset(s->asked_at, 0, sizeof s->asked_at);
    bus_peer_reset(&s->bus, 0);
    if (!way_of(s)->everybody)
        descend(s);
    ask_anew(s, false);
}

/* --- the checks ------------------------------------------------------------------------------- */

static void finish(struct scan *s)
{
    s->phase = SCAN_OVER;
    s->until = MONO_NEVER;
    if (s->found_count == 0)
        remark(s, SCAN_REMARK_NOTHING);
    if (s->bus.echoes > 1)
        remark(s, SCAN_REMARK_ECHO);
    for (size_t i = 1; i < s->found_count; i++)
        if (s->found[i].baud != s->found[0].baud || s->found[i].parity != s->found[0].parity)
            remark(s, SCAN_REMARK_SPEEDS);
}

static void start_speed(struct scan *s, size_t speed, mono_ms now)
{
    bool enough = s->found_count > 0 && !s->options.thorough;
    if (s->found_count == s->first_of_speed && speed > 0 && s->bus.stats.damaged > 0)
        remark(s, SCAN_REMARK_GARBAGE);
    if (speed == s->options.speed_count || enough) {
        finish(s);
        return;
    }
    s->speed = speed;
    s->first_of_speed = s->found_count;
    s->crowded = false;
    start_protocol(s, 0, now);
}

static void start_meter(struct scan *s, mono_ms now)
{
    if (s->subject == s->found_count) {
        start_speed(s, s->speed + 1, now);
        return;
    }
    s->phase = SCAN_CHECKING;
    s->protocol = s->found[s->subject].protocol;
    s->round = s->spoilt = s->doubled = s->silent = 0;
    bus_peer_reset(&s->bus, 0);
    MUST(way_of(s)->aim(s, s->found[s->subject].address) == ERR_OK);
    ask_anew(s, false);
}

static void start_checks(struct scan *s, mono_ms now)
{
    s->subject = s->first_of_speed;
    start_meter(s, now);
}

static void drop_meter(struct scan *s)
{
    s->found_count--;
    memmove(&s->found[s->subject], &s->found[s->subject + 1],
            (s->found_count - s->subject) * sizeof s->found[0]);
}

static void next_row(struct scan *s, mono_ms now)
{
    struct bus_job job = {0};
    struct writer w = writer_of(job.request, sizeof job.request);
    if (scan_model_ask(s, &w)) {
        submit(s, &w, &job, 2);
        return;
    }
    if (!s->found[s->subject].model)
        remark(s, SCAN_REMARK_MODEL);
    s->subject++;
    start_meter(s, now);
}

static void judge(struct scan *s, mono_ms now)
{
    struct scan_found *f = &s->found[s->subject];
    f->turnaround_ms = took_ms(s);
    f->twin = s->spoilt >= SUSPICIOUS || s->doubled >= SUSPICIOUS;
    if (s->silent == ROUNDS) { /* noise had made it up */
        drop_meter(s);
        start_meter(s, now);
        return;
    }
    if (f->twin)
        remark(s, SCAN_REMARK_TWIN);
    if (f->twin || s->options.addresses) {
        s->subject++;
        start_meter(s, now);
        return;
    }
    s->phase = SCAN_MODELLING;
    scan_model_begin(s);
    next_row(s, now);
}

static void checked(struct scan *s, enum said said, mono_ms now)
{
    s->silent = (uint8_t)(s->silent + (said == NOBODY));
    s->spoilt = (uint8_t)(s->spoilt + (said == MANY));
    if (++s->round == ROUNDS)
        judge(s, now);
    else
        ask_anew(s, false);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void conclude(struct scan *s, enum said said, mono_ms now)
{
    s->until = MONO_NEVER;
    if (s->phase == SCAN_CHECKING)
        checked(s, said, now);
    else
        searched(s, said, now);
}

#define GLITCH 4 /* bytes: so many come by themselves when a line turns round */

/* Before the answer something came that was none: others spoke first, and spoilt each other. */
static bool others_spoke(const struct scan *s)
{
    return s->phase == SCAN_SEARCHING && !s->options.alone && s->depth < way_of(s)->depth &&
           (s->bus.stats.damaged > s->damaged_before ||
            s->bus.stats.garbage_bytes > s->garbage_before + GLITCH);
}

/* An answer alone is no proof that nobody else wanted to speak: who is slower is heard yet. */
static void answered(struct scan *s, struct bytes answer, mono_ms now)
{
    const struct scan_way *way = way_of(s);
    note_late(s, answer.len);
    s->asked_at[s->digit[0]] = (mono_ms){0};
    if (took_ms(s) > s->slowest_ms && !is_slow(s))
        s->slowest_ms = took_ms(s);
    if (++s->step < way->steps) {
        ask(s);
        return;
    }
    if (way->who(s, answer, s->answer) != ERR_OK) {
        s->answer[0] = '\0';
        conclude(s, MANY, now);
        return;
    }
    if (s->phase == SCAN_SEARCHING && !way->everybody) {
        conclude(s, ONE, now);
        return;
    }
    if (others_spoke(s)) {
        conclude(s, MANY, now);
        return;
    }
    s->heard_before = heard(s);
    s->until = mono_after(now, way->answer_ms + s->bus.timing.transit_ms);
}

/* Protocols that have a second way to ask, and whatever was heard but not understood. */
static bool worth_repeating(const struct scan *s, bool something)
{
    bool two_ways = s->protocol == SCAN_CJT188 || (s->protocol == SCAN_DLT645 && s->depth == 0);
    return !s->again && (something || two_ways || s->options.thorough);
}

static void unanswered(struct scan *s, const struct bus_result *r, mono_ms now)
{
    if (s->bus.stats.absent > s->absent_before) { /* a gateway in between said so: no noise */
        conclude(s, NOBODY, now);
        return;
    }
    bool bytes = heard(s) > s->heard_before + way_of(s)->preamble;
    bool something = r->err == ERR_BUS_DAMAGED || bytes || s->step > 0;
    note_late(s, 0);
    if (worth_repeating(s, something))
        ask_anew(s, true);
    else
        conclude(s, something ? MANY : NOBODY, now);
}

static void take_result(struct scan *s, const struct bus_result *r, mono_ms now)
{
    struct bytes answer = {r->answer, r->len};
    s->waiting = false;
    if (s->phase == SCAN_MODELLING) {
        scan_model_take(s, r->err, answer);
        next_row(s, now);
    } else if (r->err == ERR_OK) {
        answered(s, answer, now);
    } else {
        unanswered(s, r, now);
    }
}

static void listened(struct scan *s, mono_ms now)
{
    s->until = MONO_NEVER;
    if (s->lingers) {
        lingered(s, now);
        return;
    }
    if (s->phase == SCAN_LISTENING) {
        if (s->bus.stats.received_bytes > 0)
            remark(s, SCAN_REMARK_TALK);
        start_speed(s, 0, now);
        return;
    }
    bool more = heard(s) > s->heard_before;
    if (more) /* not all of them are as quick as those that were understood */
        s->slowest_ms = way_of(s)->answer_ms;
    s->doubled = (uint8_t)(s->doubled + (more && s->phase == SCAN_CHECKING));
    conclude(s, more && s->phase == SCAN_SEARCHING ? MANY : ONE, now);
}

/* --- outside ---------------------------------------------------------------------------------- */

void scan_begin(struct scan *s, const struct scan_options *options, mono_ms now)
{
    MUST(options->speed_count > 0 && options->speed_count <= SCAN_SPEEDS_MAX);
    *s = (struct scan){.options = *options, .until = mono_after(now, LISTEN_MS)};
    struct bus_timing t = bus_timing_of(options->speeds[0].baud);
    bus_init(&s->bus, &meter_link_dlt645, &t, now);
}

void scan_turn(struct scan *s, mono_ms now)
{
    struct bus_result r;
    bus_tick(&s->bus, now);
    while (s->phase != SCAN_OVER && bus_result(&s->bus, &r))
        take_result(s, &r, now);
    if (s->phase != SCAN_OVER && !s->waiting && mono_due(s->until, now))
        listened(s, now);
}

mono_ms scan_wake(const struct scan *s)
{
    return s->phase == SCAN_OVER ? MONO_NEVER : mono_earlier(s->until, bus_wake(&s->bus));
}

bool scan_over(const struct scan *s)
{
    return s->phase == SCAN_OVER;
}

void scan_stop(struct scan *s)
{
    if (s->phase != SCAN_OVER)
        finish(s);
}
