/*
 * The preview of a strategy. A month is lived through with the real loop: hourly readings, notices,
 * cuts, payments, settlements at midnight. Then the strategy in force is previewed and must tell,
 * day for day, what happened.
 */
#include "tests/unit/control/fee_world.h"

#include <string.h>

#include "base/rand.h"
#include "control/policy.h"
#include "control/preview.h"
#include "control/protect.h"
#include "ledger/ledger.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define ZONE (8 * HOUR)
#define DAYS 30
#define MIDNIGHT (NOON - 12 * HOUR) /* 2026-01-01 00:00 in Shanghai */
#define LIVED 50
#define STRATEGIES 8

/* --- a month -------------------------------------------------------------------------------------
 */

static enum err settle(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing b = {.readings = w->readings, .readings_store = w->readings_store};
    struct billing_settled done;
    return billing_settle_account(tx, &b, ACCOUNT, w->now, &done);
}

static enum err count_due(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t ids[4];
    size_t count;
    TRY(control_fee_due(tx, w->now, ids, 4, &count));
    return count > 0 ? ERR_OK : ERR_NOT_FOUND;
}

static void look(struct world *w)
{
    assert_ok(store_run(w->ledger, check, w));
    deliver(w);
    assert_ok(store_run(w->ledger, check, w));
    if (wished(w, "open") != w->relay_open) {
        relay_does(w, !w->relay_open);
        assert_ok(store_run(w->ledger, check, w));
    }
}

/* From one full hour to the next: what is due in between is looked at on the minute. */
static void live_hour(struct world *w, int64_t wh)
{
    int64_t next_s = w->now.s + HOUR;
    for (w->now.s += 60; w->now.s < next_s; w->now.s += 60)
        if (store_run(w->ledger, count_due, w) == ERR_OK)
            look(w);
    w->now.s = next_s - HOUR;
    reading(w, HOUR, w->relay_open ? 0 : wh);
    assert_ok(store_run(w->ledger, settle, w));
    look(w);
}

struct tenant {
    uint64_t seed;
    int64_t pay_fen;   /* at a time */
    int64_t pay_hours; /* after so many hours below 5 yuan */
};

static void live(struct world *w, const struct tenant *tenant, int days)
{
    struct rand_stream dice = {tenant->seed};
    int64_t low_hours = 0, sales = 0;
    w->now.s = MIDNIGHT;
    pay(w, "order-0000", 3000);
    reading(w, 0, 0);
    look(w);
    for (int hour = 0; hour < days * 24; hour++) {
        live_hour(w, 100 + (int64_t)(rand_u64(&dice) % 700));
        int64_t left_fen = number(w, "SELECT amount_fen FROM balance WHERE account_id = 7 "
                                     "AND book = 'prepayment'");
        low_hours = left_fen < 500 ? low_hours + 1 : 0;
        if (low_hours < tenant->pay_hours)
            continue;
        char order[32];
        snprintf(order, sizeof order, "order-%04d", (int)++sales);
        w->now.s += 30; /* not in the second of a reading */
        pay(w, order, tenant->pay_fen);
        look(w);
        w->now.s -= 30;
        low_hours = 0;
    }
}

/* --- previewing
 * ------------------------------------------------------------------------------------
 */

struct seen {
    struct control_preview ask;
    struct control_preview_sum sum;
    struct control_preview_row row;
    struct control_preview_day before[CONTROL_PREVIEW_DAYS_MAX], after[CONTROL_PREVIEW_DAYS_MAX];
    char strategy[CONTROL_STRATEGY_TEXT_MAX];
    int64_t rows, asked;
};

static enum err take(void *arg, const struct control_preview_row *row)
{
    struct seen *s = arg;
    s->row = *row;
    s->rows++;
    snprintf(s->strategy, sizeof s->strategy, "%s", row->strategy);
    memcpy(s->before, row->before.past.days, row->before.past.day_count * sizeof s->before[0]);
    memcpy(s->after, row->after.past.days, row->after.past.day_count * sizeof s->after[0]);
    return ERR_OK;
}

static enum err preview(struct store_tx *tx, void *arg)
{
    struct seen *s = arg;
    return control_preview(tx, &s->ask, take, s, &s->sum);
}

static enum err ask(struct world *w, struct seen *s, const struct strategy_policy *policy)
{
    struct control_preview before = s->ask;
    *s = (struct seen){.ask = before};
    s->ask.readings = w->readings;
    s->ask.readings_store = w->readings_store;
    s->ask.project_id = before.project_id ? before.project_id : 1;
    s->ask.code = before.code ? before.code : "";
    s->ask.policy = policy;
    s->ask.days = before.days ? before.days : DAYS;
    s->ask.now = w->now;
    return store_read(w->ledger, preview, s);
}

/* The policy that stands in the world's strategy, with a part more. */
static struct strategy_policy policy_of(const char *json)
{
    struct strategy_policy p;
    assert_ok(strategy_policy_parse(json, strlen(json), &p, NULL));
    return p;
}

#define STRICT                                                                                     \
    "{\"dunning\":{\"every_s\":172800},\"cut\":{\"from\":\"09:00\",\"to\":\"15:00\","              \
    "\"weekdays\":[1,2,3,4],\"notices\":2,\"notice_spacing_s\":14400,\"grace_s\":5400}}"

static void set_strategy(struct world *w)
{
    sql(w, "UPDATE strategy SET body = '" STRICT "'");
}

/* --- what happened
 * -----------------------------------------------------------------------------------
 */

struct happened {
    int64_t from_s, notices, cuts, off;
};

static enum err find_day(struct store_tx *tx, void *arg)
{
    struct happened *d = arg;
    TRY(store_int(tx, &d->notices,
                  "SELECT count(*) FROM message WHERE at >= $1 AND at < $2 AND template IN "
                  "('balance_low', 'about_to_cut', 'arrears')",
                  "ii", d->from_s, d->from_s + DAY));
    TRY(store_int(tx, &d->cuts,
                  "SELECT count(*) FROM message WHERE at >= $1 AND at < $2 AND template = 'cut'",
                  "ii", d->from_s, d->from_s + DAY));
    return store_int(tx, &d->off,
                     "SELECT (SELECT count(*) FROM message WHERE at < $1 AND template = 'cut') - "
                     "(SELECT count(*) FROM message WHERE at < $1 AND template = 'restored')",
                     "i", d->from_s + DAY);
}

static void compare(struct world *w, const struct control_preview_past *past,
                    const struct control_preview_day *days)
{
    int64_t notices = 0, cuts = 0;
    assert_int_equal(past->day_count, DAYS);
    for (size_t i = 0; i < past->day_count; i++) {
        struct happened d = {.from_s = days[i].at.s};
        assert_ok(store_read(w->ledger, find_day, &d));
        if (d.notices != days[i].notices || d.cuts != days[i].cuts || d.off != days[i].off)
            fail_msg("day %zu: %lld notices, %lld cuts, off %lld; previewed %lld, %lld, %d", i,
                     (long long)d.notices, (long long)d.cuts, (long long)d.off,
                     (long long)days[i].notices, (long long)days[i].cuts, days[i].off);
        notices += d.notices;
        cuts += d.cuts;
    }
    assert_int_equal(notices, past->notices);
    assert_int_equal(cuts, past->cuts);
}

static const struct tenant tenants[] = {
    {.seed = 1, .pay_fen = 3000, .pay_hours = 60},
    {.seed = 2, .pay_fen = 1500, .pay_hours = 100},
    {.seed = 3, .pay_fen = 8000, .pay_hours = 30},
};

static void test_in_force_is_what_happened(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    int64_t cuts = 0, notices = 0;
    teardown(state);
    for (size_t i = 0; i < sizeof tenants / sizeof *tenants; i++) {
        setup(state);
        struct world *w = *state;
        set_strategy(w);
        live(w, &tenants[i], LIVED);
        struct strategy_policy p = policy_of(STRICT);
        s->ask.code = "s";
        assert_ok(ask(w, s, &p));
        assert_int_equal(s->rows, 1);
        assert_true(s->row.compared);
        assert_string_equal(s->strategy, "s@1");
        compare(w, &s->row.before.past, s->before);
        compare(w, &s->row.after.past, s->after);
        assert_int_equal(s->sum.past_newly_cut + s->sum.past_no_longer_cut, 0);
        assert_int_equal(s->sum.newly_warned + s->sum.newly_cut, 0);
        cuts += s->row.after.past.cuts;
        notices += s->row.after.past.notices;
        teardown(state);
    }
    assert_true(cuts >= 4);
    assert_true(notices >= 20);
    free(s);
    setup(state);
}

/* --- any strategy
 * ------------------------------------------------------------------------------------
 */

static int64_t pick(struct rand_stream *dice, int64_t least, int64_t most)
{
    return least + (int64_t)(rand_u64(dice) % (uint64_t)(most - least + 1));
}

static int draw(struct rand_stream *dice, int least, int most)
{
    return (int)pick(dice, least, most);
}

/* A valid strategy of whole hours, so that the hourly readings of the month are all there is. */
static void draw_strategy(struct rand_stream *dice, char *json, size_t cap)
{
    /* Drawn one after the other: arguments of a call come in whatever order a compiler likes. */
    int low = draw(dice, 5, 60), close = draw(dice, 0, low), cut = -draw(dice, 0, 10);
    int from = draw(dice, 0, 16), tell = draw(dice, 0, 12);
    int every_s = draw(dice, 0, 3) * 43'200, cap_a_day = draw(dice, 0, 2);
    int tell_to = draw(dice, tell + 4, 24), percent = draw(dice, 0, 40);
    int to = draw(dice, from + 2, 24), days = draw(dice, 0, 3);
    int holidays = draw(dice, 0, 1), makeup = draw(dice, 0, 1), notices = draw(dice, 0, 3);
    int spacing_s = draw(dice, 0, 6) * 7200, level = draw(dice, 0, 3);
    int grace_s = draw(dice, 0, 48) * 1800, above = cut + draw(dice, 0, 5);
    static const char *const weekdays[] = {"1,2,3,4,5", "1,2,3,4,5,6,7", "2,4", "6,7"};
    static const char *const word[] = {"false", "true"};
    snprintf(
        json, cap,
        "{\"levels\":[\"%d.00\",\"%d.00\",\"%d.00\"],\"dunning\":{\"every_s\":%d,\"daily_cap\":%d,"
        "\"from\":\"%02d:00\",\"to\":\"%02d:00\",\"percent\":[%d]},\"cut\":{\"at\":\"%d.00\","
        "\"from\":\"%02d:00\",\"to\":\"%02d:00\",\"weekdays\":[%s],\"holidays\":%s,\"makeup\":%s,"
        "\"notices\":%d,\"notice_spacing_s\":%d,\"notice_level\":%d,\"grace_s\":%d},"
        "\"restore\":{\"above\":\"%d.00\"}}",
        low, close, cut, every_s, cap_a_day, tell, tell_to, percent, cut, from, to, weekdays[days],
        word[holidays], word[makeup], notices, spacing_s, level, grace_s, above);
}

static enum err put_strategy(struct store_tx *tx, void *json)
{
    return store_exec(tx, "UPDATE strategy SET body = $1", "t", (const char *)json);
}

static void test_any_strategy_in_force_is_what_happened(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    int64_t cuts = 0, held = 0;
    teardown(state);
    for (uint64_t seed = 1; seed <= STRATEGIES; seed++) {
        struct rand_stream dice = {seed * 104729};
        char json[1024];
        draw_strategy(&dice, json, sizeof json);
        setup(state);
        struct world *w = *state;
        struct strategy_policy p = policy_of(json);
        assert_ok(store_run(w->ledger, put_strategy, json));
        struct tenant tenant = {.seed = seed, .pay_fen = pick(&dice, 10, 90) * 100};
        tenant.pay_hours = pick(&dice, 10, 120);
        live(w, &tenant, DAYS + CONTROL_PREVIEW_WARM_UP_DAYS);
        s->ask = (struct control_preview){.code = "s"};
        assert_ok(ask(w, s, &p));
        compare(w, &s->row.after.past, s->after);
        cuts += s->row.after.past.cuts;
        held += s->row.after.past.held != 0;
        teardown(state);
    }
    assert_true(cuts >= STRATEGIES);
    assert_true(held >= STRATEGIES / 2);
    free(s);
    setup(state);
}

/* Nobody is cut under either, so that people use the same: to preview the second where the first
 * was lived under tells what is told where the second is lived under. */
#define STAFF_A "{\"cut\":{\"automatic\":false}}"
#define STAFF_B                                                                                    \
    "{\"levels\":[\"50.00\",\"20.00\",\"-3.00\"],\"dunning\":{\"every_s\":129600,\"from\":\"08:"   \
    "00\","                                                                                        \
    "\"to\":\"21:00\",\"daily_cap\":1},\"cut\":{\"automatic\":false,\"at\":\"-3.00\"},"            \
    "\"restore\":{\"above\":\"-3.00\"}}"

static void test_proposed_is_what_would_have_happened(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy b = policy_of(STAFF_B);
    sql(w, "UPDATE strategy SET body = '" STAFF_A "'");
    live(w, &tenants[1], LIVED);
    assert_ok(ask(w, s, &b));
    assert_true(s->row.before.past.notices != s->row.after.past.notices);
    assert_int_equal(s->row.after.past.cuts, 0);
    assert_true(s->row.after.past.held & STRATEGY_GUARD(STRATEGY_BECAUSE_CUT_BY_STAFF));
    compare(w, &s->row.before.past, s->before);
    teardown(state);
    setup(state);
    w = *state;
    sql(w, "UPDATE strategy SET body = '" STAFF_B "'");
    live(w, &tenants[1], LIVED);
    compare(w, &s->row.after.past, s->after);
    free(s);
}

/* --- the difference
 * ----------------------------------------------------------------------------------
 */

static void test_difference_to_the_strategy_in_force(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = strategy_policy_default(), lax = p;
    set_strategy(w);
    live(w, &tenants[0], LIVED);
    lax.cut_automatic = false;
    assert_ok(ask(w, s, &lax));
    assert_int_equal(s->sum.before.past_cut, 1);
    assert_int_equal(s->sum.after.past_cut, 0);
    assert_int_equal(s->sum.past_no_longer_cut, 1);
    assert_int_equal(s->sum.past_newly_cut, 0);
    assert_true(s->row.after.past.held & STRATEGY_GUARD(STRATEGY_BECAUSE_CUT_BY_STAFF));
    assert_true(control_preview_concerns(&s->row));
    lax.level_fen[0] = lax.level_fen[1] = lax.level_fen[2] = lax.cut_at_fen = -1'000'000;
    lax.restore_above_fen = 0;
    assert_ok(ask(w, s, &lax));
    assert_int_equal(s->sum.past_no_longer_warned, 1);
    assert_int_equal(s->row.after.past.notices, 0);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"automatic\":false}}'");
    p = policy_of(STRICT);
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->sum.past_newly_cut, 1);
    free(s);
}

/* Warned, in arrears for a day, and the strategy in force leaves cuts to staff. */
static void owe(struct world *w)
{
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"automatic\":false,\"from\":\"00:00\","
           "\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    pay(w, "order-0001", 1000);
    reading(w, 60, 0);
    reading(w, 3600, 11'000);
    deliver(w);
    reading(w, 7200, 10);
}

static struct strategy_policy any_time(void)
{
    struct strategy_policy p = strategy_policy_default();
    p.window_from = 0;
    p.window_to = 1440;
    p.weekdays = STRATEGY_MONDAY_TO_SUNDAY;
    p.cut_on_holidays = true;
    return p;
}

/* Off for arrears of a yuan: a strategy that allows an overdraft would switch it on again. */
static void test_who_would_be_switched_on(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    owe(w);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\",\"weekdays\":"
           "[1,2,3,4,5,6,7],\"holidays\":true}}'");
    reading(w, 60, 0);
    assert_true(wished(w, "open"));
    relay_does(w, true);
    reading(w, 60, 0);
    assert_ok(ask(w, s, &p));
    assert_false(s->row.before.now.restore || s->row.after.now.restore);
    assert_false(s->row.after.now.cut || s->row.after.now.held); /* it is off already */
    p.level_fen[2] = p.cut_at_fen = p.restore_above_fen = -500;
    assert_ok(ask(w, s, &p));
    assert_true(s->row.after.now.restore);
    assert_int_equal(s->sum.after.restore, 1);
    assert_true(control_preview_concerns(&s->row));
    free(s);
}

static enum err protect(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct control_protection p = {.scope = CONTROL_SCOPE_PLACE,
                                   .object_id = 1,
                                   .kind = STRATEGY_PROTECTION_MEDICAL,
                                   .from = w->now,
                                   .reason = "letter of a doctor",
                                   .actor = "user:1",
                                   .now = w->now};
    return control_protect_add(tx, &p, 1);
}

static void test_today_is_the_real_decision(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    owe(w);
    assert_ok(ask(w, s, &p));
    assert_true(s->row.available_known);
    assert_int_equal(s->row.available_fen, -101);
    assert_true(s->row.before.now.held && !s->row.before.now.cut);
    assert_int_equal(s->row.before.now.reason, STRATEGY_BECAUSE_CUT_BY_STAFF);
    assert_true(s->row.after.now.cut);
    assert_int_equal(s->row.after.now.reason, STRATEGY_BECAUSE_ARREARS);
    assert_int_equal(s->sum.newly_cut, 1);
    assert_int_equal(s->sum.before.held, 1);
    assert_int_equal(s->sum.breaker, 20); /* one meter: the least that is always allowed */
    assert_int_equal(s->row.after.past.day_count, DAYS); /* nothing was known, nothing happened */
    assert_int_equal(s->row.after.past.notices, 0);
    int64_t events = number(w, "SELECT count(*) FROM event"); /* nothing was written */
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
    p.level_fen[0] = 100'000;
    p.level_count = 4;
    p.level_fen[3] = p.level_fen[2];
    p.notice_level = 4;
    assert_ok(ask(w, s, &p));
    assert_true(s->row.after.now.warn && !s->row.after.now.cut); /* level 4 was never told */
    assert_int_equal(s->sum.newly_warned, 1);
    p = any_time();
    assert_ok(store_run(w->ledger, protect, w));
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->row.after.now.reason, STRATEGY_BECAUSE_MEDICAL);
    assert_int_equal(number(w, "SELECT count(*) FROM event"), events + 1); /* the protection */
    free(s);
}

static void test_protection_of_the_past_counts_while_it_was_in_force(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    assert_ok(store_run(w->ledger, protect, w)); /* on the first day, for ever */
    owe(w);
    for (int day = 0; day < 10; day++) {
        reading(w, DAY, 1000);
        assert_ok(store_run(w->ledger, settle, w));
    }
    assert_ok(ask(w, s, &p));
    assert_true(s->row.after.past.held & STRATEGY_GUARD(STRATEGY_BECAUSE_MEDICAL));
    assert_int_equal(s->row.after.past.cuts, 0);
    sql(w, "UPDATE protection SET lifted_at = from_at + 432000, lifted_by = 'user:1', "
           "lift_reason = 'over'");
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->row.after.past.cuts, 1);
    int64_t lifted = number(w, "SELECT lifted_at FROM protection");
    assert_true(s->row.after.past.first_cut_at.s >= lifted);
    assert_true(s->row.after.past.first_cut_at.s <= lifted + HOUR);
    free(s);
}

static enum err bill_rent(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    struct ledger_entry e = {.account_id = ACCOUNT,
                             .key = "rent",
                             .kind = "due.bill",
                             .now = w->now,
                             .business_day = (int32_t)(w->now.s / DAY),
                             .actor = "user:1",
                             .postings = {{LEDGER_OTHER_DUE, -900'000}, {LEDGER_OTHER, 900'000}}};
    return ledger_post(tx, &e, NULL);
}

/* Rent was billed ten days ago: only a strategy with the guard off would have told and cut. */
static void test_rent_counts_only_with_the_guard_off(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    pay(w, "order-0001", 10'000);
    reading(w, 60, 0);
    assert_ok(store_run(w->ledger, bill_rent, w));
    int64_t billed_s = w->now.s;
    for (int day = 0; day < 10; day++) {
        reading(w, DAY, 1000);
        assert_ok(store_run(w->ledger, settle, w));
    }
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->row.after.past.notices + s->row.after.now.warn, 0);
    p.allow_cut_for_other_services = true;
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->sum.past_newly_warned, 1);
    assert_int_equal(s->sum.past_newly_cut, 1);
    assert_int_equal(s->sum.newly_warned, 1);
    assert_true(s->row.after.past.first_warned_at.s >= billed_s);
    assert_true(s->row.after.past.first_warned_at.s <= billed_s + HOUR);
    assert_true(s->after[DAYS - 1].available_fen < 10'000 - 900'000);
    free(s);
}

/* What the account's contract chose of its package stays chosen. */
static void test_package_keeps_what_it_chose(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    owe(w);
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 'other', 1, 1, '{}')");
    sql(w, "INSERT INTO strategy_package (id, project_id, code, version, effective_at, name_zh, "
           "name_en, strategy_code, channels, restore) "
           "VALUES (1, 1, 'pk', 1, 1, 'p', 'p', 'other', 'console sms', 'safe')");
    sql(w, "INSERT INTO account_package (account_id, chosen_at, number, package_code, actor) "
           "VALUES (7, 1, 1, 'pk', 'user:1')");
    s->ask.code = "s"; /* the account names it, but its package lives under another */
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->rows, 0);
    assert_int_equal(s->sum.seen, 1);
    assert_int_equal(s->sum.accounts, 0);
    s->ask.code = "other";
    p.notice_channels = 2; /* those of the package are two: console alone is not enough */
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->rows, 1);
    assert_string_equal(s->strategy, "other@1 pk@1");
    assert_int_equal(s->row.after.now.reason, STRATEGY_BECAUSE_CHANNELS_FEW);
    free(s);
}

/* --- refusals and pages
 * ------------------------------------------------------------------------------
 */

static bool stop(void *arg, int64_t done)
{
    *(int64_t *)arg += 1;
    return done < 2;
}

static void test_pages_progress_and_stop(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    int64_t calls = 0;
    owe(w);
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, opened_at) VALUES (8, 1, 1, 'b8', 'b', 'platform', 'flat', 's', 1), "
           "(9, 1, 1, 'b9', 'b', 'platform', 'no plan', 's', 1), "
           "(10, 1, 1, 'b10', 'b', 'platform', 'flat', 's', 1)");
    sql(w, "UPDATE account SET closed_at = 5 WHERE id = 10");
    s->ask.limit = 2;
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->rows, 2);
    assert_int_equal(s->sum.last_id, 8);
    assert_true(s->sum.more);
    s->ask.after = 8;
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->rows, 1); /* 10 is closed */
    assert_int_equal(s->sum.seen, 1);
    assert_int_equal(s->sum.last_id, 10);
    assert_false(s->sum.more);
    assert_int_equal(s->sum.refused, 1); /* 9 has no price plan: said, and the rest goes on */
    assert_int_equal(s->row.refusal, ERR_SITE_PLAN_UNKNOWN);
    s->ask = (struct control_preview){.progress = stop, .progress_arg = &calls};
    assert_int_equal(ask(w, s, &p), ERR_IO_CLOSED);
    assert_int_equal(calls, 2);
    free(s);
}

static void test_refusals(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time(), bad = p;
    bad.restore_above_fen = bad.cut_at_fen - 1;
    assert_int_equal(ask(w, s, &bad), ERR_STRATEGY_POLICY);
    s->ask.days = CONTROL_PREVIEW_DAYS_MAX + 1;
    assert_int_equal(ask(w, s, &p), ERR_RANGE);
    s->ask = (struct control_preview){.days = -1};
    assert_int_equal(ask(w, s, &p), ERR_RANGE);
    s->ask = (struct control_preview){.project_id = 99};
    assert_int_equal(ask(w, s, &p), ERR_NOT_FOUND);
    free(s);
}

static void test_without_readings_only_the_past_is_known(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = policy_of(STRICT);
    set_strategy(w);
    live(w, &tenants[0], LIVED);
    struct readings *mine = w->readings;
    struct store *store = w->readings_store;
    w->readings = NULL;
    w->readings_store = NULL;
    assert_ok(ask(w, s, &p));
    w->readings = mine;
    w->readings_store = store;
    assert_false(s->row.available_known);
    assert_false(s->row.after.now.warn || s->row.after.now.cut);
    assert_true(s->row.after.past.notices > 0);
    assert_int_equal(s->row.after.past.notices, s->row.before.past.notices);
    free(s);
}

/* Such an account is told, and would be cut on no day. */
static void test_meter_without_a_switch(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    struct world *w = *state;
    struct strategy_policy p = any_time();
    sql(w, "UPDATE meter SET model = 'heat-mbus'");
    owe(w);
    for (int day = 0; day < 10; day++) {
        reading(w, DAY, 1000);
        assert_ok(store_run(w->ledger, settle, w));
    }
    assert_ok(ask(w, s, &p));
    assert_int_equal(s->row.after.now.reason, STRATEGY_BECAUSE_NO_SWITCH);
    assert_true(s->row.after.past.held & STRATEGY_GUARD(STRATEGY_BECAUSE_NO_SWITCH));
    assert_int_equal(s->row.after.past.cuts, 0);
    assert_true(s->row.after.past.notices > 0);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_force_is_what_happened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_strategy_in_force_is_what_happened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_proposed_is_what_would_have_happened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_difference_to_the_strategy_in_force, setup, teardown),
        cmocka_unit_test_setup_teardown(test_today_is_the_real_decision, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_would_be_switched_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_protection_of_the_past_counts_while_it_was_in_force,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_rent_counts_only_with_the_guard_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_package_keeps_what_it_chose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages_progress_and_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_meter_without_a_switch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_readings_only_the_past_is_known, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
