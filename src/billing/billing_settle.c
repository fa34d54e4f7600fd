/* Settlement: accrued charges become postings, period by period. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "billing/billing_settle_impl.h"
#include "journal/detail.h"
#include "ledger/ledger.h"

#define PATIENCE_S (6 * 3600) /* after this a settlement that waits is told to people */
#define ROUNDS_MAX 800        /* periods of one meter in one go: two years of days */
#define DIFFERS_FEN 20        /* meter and plan may differ by this, */
#define DIFFERS_PART 50       /* and by this part of the plan's charge */

static const char *const split_names[SPLIT_COUNT] = {
    "day", "price", "plan", "exchange", "reset", "rollover", "closed", "moved", "ratio", "terms"};

const char *split_name(enum split why)
{
    return split_names[why];
}

/* --- one settlement
 * -------------------------------------------------------------------------------------- */

struct closing {
    struct boundary end;
    const struct billing_plan *plan;
    struct rating_position before, position; /* and after the period */
    char holder[64];                         /* of a shared ladder; "": the meter's own */
    bool goes_on;                            /* the meter leaves, and others stay */
    struct rating_bill *bill;                /* the desk's */
    struct wallet wallet;
    int64_t charged_fen;                 /* posted */
    int64_t credit_fen;                  /* unexplained credit in the meter */
    const struct billing_repair *repair; /* that it was settled by; NULL: nobody had to decide */
};

static enum err rate_period(const struct settle *s, struct closing *c)
{
    c->bill = &s->desk->bill;
    TRY(desk_plan(s->desk, s->account.project_id, s->charge.plan_code, s->charge.plan_version,
                  &c->plan));
    TRY(position_load(s->tx, &s->charge, &c->position));
    struct case_source source = {.tx = s->tx,
                                 .readings = s->b->readings,
                                 .b = s->b,
                                 .account = &s->account,
                                 .plan = &c->plan->plan,
                                 .meter_id = s->charge.meter_id,
                                 .ratio = s->charge.ratio,
                                 .opened_at = s->charge.opened_at,
                                 .closed_at = c->end.at,
                                 .from = {.at = s->charge.reading_at},
                                 .to = {.at = c->end.closing.at},
                                 .offset_s = s->offset_s,
                                 .last = boundary_is_last(c->end.why),
                                 .waits = true};
    struct case_made made;
    if (source.last)
        TRY(charge_has_others(s->tx, &s->charge, &c->goes_on));
    source.goes_on = c->goes_on;
    memcpy(source.from.wh, s->charge.wh, sizeof source.from.wh);
    memcpy(source.to.wh, c->end.closing.wh, sizeof source.to.wh);
    TRY(case_make(&source, &made));
    memcpy(c->holder, made.holder, sizeof c->holder);
    enum err e = ladder_load(s->tx, s->account.project_id, c->holder, &c->position);
    c->before = c->position;
    if (e == ERR_OK)
        e = rating_period(&c->plan->plan, &made.c, &c->position, c->bill);
    case_free(&made);
    TRY(e);
    if (s->charge.estimated != ESTIMATE_NONE || c->end.estimated != ESTIMATE_NONE)
        bill_mark(c->bill);
    return ERR_OK;
}

/* ERR_NOT_FOUND: what the meter took cannot be said yet. */
static enum err find_charge(const struct settle *s, struct closing *c)
{
    int64_t taken_fen;
    c->charged_fen = c->bill->amount_fen;
    if (s->account.wallet == SITE_WALLET_PLATFORM)
        return ERR_OK;
    c->wallet = wallet_of(&c->end.closing);
    enum err e = wallet_taken(s->tx, &s->charge, &c->wallet, &taken_fen);
    bool silent = !c->wallet.known; /* else it told what nobody can explain */
    bool decided =
        e == ERR_NOT_FOUND && (repair_fits(s, "wallet_not_told") || (c->repair != NULL && silent));
    if (decided) {
        c->repair = s->repair;
        taken_fen = s->repair->how == BILLING_BY_TAKEN ? s->repair->taken_fen : 0;
        e = ERR_OK;
    }
    TRY(e);
    if (silent || c->wallet.at.s <= s->charge.wallet.at.s)
        c->wallet = s->charge.wallet;
    if (decided && silent) /* its next word accounts for the rest */
        TRY(units_sub(c->wallet.balance_fen, taken_fen, &c->wallet.balance_fen));
    c->charged_fen = taken_fen > 0 ? taken_fen : 0;
    c->credit_fen = taken_fen < 0 ? -taken_fen : 0;
    return ERR_OK;
}

static int32_t today(const struct settle *s)
{
    return civil_local_day(s->now, s->offset_s);
}

/* Where the money is that pays for it. The wallet of an exchanged meter may have been brought home
 * before its last words were settled (vend_exchange): then it is in the prepayment. */
static enum err find_book(const struct settle *s, const struct closing *c, enum ledger_book *book)
{
    char key[LEDGER_KEY_MAX];
    int64_t seq;
    *book = s->account.wallet == SITE_WALLET_METER ? LEDGER_WALLET : LEDGER_PREPAYMENT;
    if (*book == LEDGER_PREPAYMENT || c->end.why != SPLIT_EXCHANGE)
        return ERR_OK;
    snprintf(key, sizeof key, "exchange:%" PRId64 ":%" PRId64, s->charge.meter_id, s->charge.epoch);
    enum err e = ledger_seq_of_key(s->tx, s->account.id, key, &seq);
    if (e == ERR_OK)
        *book = LEDGER_PREPAYMENT;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* "settle:<meter>:<epoch>:<opened at>" */
static void settle_key(const struct settle *s, char key[LEDGER_KEY_MAX])
{
    const int64_t of[] = {s->charge.meter_id, s->charge.epoch, s->charge.opened_at.s};
    char *at = stpcpy(key, "settle");
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        *at++ = ':';
        at += text_int(at, of[i]);
    }
}

static enum err post_charge(const struct settle *s, const struct closing *c)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {};
    enum ledger_book book;
    if (c->charged_fen == 0)
        return ERR_OK;
    TRY(find_book(s, c, &book));
    settle_key(s, key);
    detail_int(&d, "meter", s->charge.meter_id);
    detail_int(&d, "epoch", s->charge.epoch);
    detail_int(&d, "opened_at", s->charge.opened_at.s);
    detail_int(&d, "closed_at", c->end.at.s);
    detail_int(&d, "energy_wh", c->bill->energy_wh);
    detail_text(&d, "why", split_name(c->end.why));
    return ledger_post(s->tx,
                       &(struct ledger_entry){
                           .account_id = s->account.id,
                           .key = key,
                           .kind = "settlement",
                           .now = s->now,
                           .occurred_at = c->end.at,
                           .business_day = today(s),
                           .actor = "system",
                           .detail = detail_end(&d),
                           .postings = {{book, -c->charged_fen}, {LEDGER_REVENUE, c->charged_fen}}},
                       NULL);
}

static enum err post_credit(const struct settle *s, const struct closing *c)
{
    char key[LEDGER_KEY_MAX];
    if (c->credit_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "adjust:%" PRId64 ":%" PRId64 ":%" PRId64, s->charge.meter_id,
             s->charge.epoch, s->charge.opened_at.s);
    return wallet_adjust(s->tx,
                         &(struct wallet_move){.account = &s->account,
                                               .meter_id = s->charge.meter_id,
                                               .epoch = s->charge.epoch,
                                               .at = c->end.at,
                                               .now = s->now,
                                               .business_day = today(s)},
                         key, c->credit_fen);
}

static enum err keep_bill(const struct settle *s, const struct closing *c)
{
    char *json = s->desk->json;
    struct billing_bill_facts facts = {.plan = &c->plan->plan,
                                       .plan_code = s->charge.plan_code,
                                       .plan_version = s->charge.plan_version,
                                       .opened_at = s->charge.opened_at,
                                       .closed_at = c->end.at,
                                       .reading_at = c->end.closing.at,
                                       .meter_wallet = s->account.wallet == SITE_WALLET_METER,
                                       .charged_fen = c->charged_fen,
                                       .why = split_name(c->end.why),
                                       .ratio = s->charge.ratio};
    if (c->repair) {
        facts.decided = billing_how_name(c->repair->how);
        facts.decided_by = c->repair->actor;
    }
    TRY(billing_bill_json(c->bill, &facts, json));
    /* The day that was settled: a period that ends at midnight is of the day before. */
    int64_t day = civil_local_day((wall_s){c->end.at.s - 1}, s->offset_s);
    return store_exec(s->tx,
                      "INSERT INTO settlement (account_id, meter_id, epoch, opened_at, closed_at, "
                      "business_day, amount_fen, energy_wh, bill) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      "iiiiiiiit", s->account.id, s->charge.meter_id, s->charge.epoch,
                      s->charge.opened_at.s, c->end.at.s, day, c->charged_fen, c->bill->energy_wh,
                      json);
}

/* Where sales are near, the wallet is taken from an earlier moment than the registers: then money
 * and energy of this period are not of the same time. */
static bool together(wall_s wallet_at, wall_s reading_at)
{
    int64_t apart = reading_at.s - wallet_at.s;
    return apart <= FRESH_S && apart >= -FRESH_S;
}

static unsigned apart_at(const struct settle *s, const struct closing *c)
{
    unsigned flags = 0;
    if (s->account.wallet == SITE_WALLET_PLATFORM)
        return 0;
    if (!together(s->charge.wallet.at, s->charge.reading_at))
        flags |= BASIS_OPENING_APART;
    if (!together(c->wallet.at, c->end.closing.at))
        flags |= BASIS_CLOSING_APART;
    return flags;
}

/* So that another price can be put on it later. */
static enum err keep_basis(const struct settle *s, const struct closing *c)
{
    struct basis b = {.account_id = s->account.id,
                      .meter_id = s->charge.meter_id,
                      .epoch = s->charge.epoch,
                      .opened_at = s->charge.opened_at,
                      .closed_at = c->end.at,
                      .plan_version = s->charge.plan_version,
                      .offset_s = s->offset_s,
                      .from = {.at = s->charge.reading_at},
                      .to = {.at = c->end.closing.at},
                      .ratio = s->charge.ratio,
                      .before = c->before,
                      .energy_wh = c->bill->energy_wh,
                      .amount_fen = c->charged_fen};
    b.estimated = (s->charge.estimated ? BASIS_OPENING_ESTIMATED : 0u) |
                  (c->end.estimated ? BASIS_CLOSING_ESTIMATED : 0u) |
                  (boundary_is_last(c->end.why) ? BASIS_MONTH_ENDS : 0u) |
                  (c->goes_on ? BASIS_GOES_ON : 0u) | apart_at(s, c);
    memcpy(b.from.wh, s->charge.wh, sizeof b.from.wh);
    memcpy(b.to.wh, c->end.closing.wh, sizeof b.to.wh);
    text_copy(b.plan_code, sizeof b.plan_code, s->charge.plan_code);
    return basis_put(s->tx, &b);
}

static enum err tell(const struct settle *s, enum journal_kind kind, struct detail *d)
{
    return journal_event(s->tx, &(struct journal_event){.at = s->now,
                                                        .kind = kind,
                                                        .project_id = s->account.project_id,
                                                        .account_id = s->account.id,
                                                        .meter_id = s->charge.meter_id,
                                                        .detail = detail_end(d)});
}

/* V5: the meter's own charge against the plan's price of the same energy. */
static enum err compare(const struct settle *s, const struct closing *c)
{
    int64_t plan_fen = c->bill->amount_fen, apart = c->charged_fen - plan_fen;
    if (s->account.wallet == SITE_WALLET_PLATFORM || apart_at(s, c) != 0)
        return ERR_OK;
    apart = apart < 0 ? -apart : apart;
    if (apart <= DIFFERS_FEN + plan_fen / DIFFERS_PART)
        return ERR_OK;
    struct detail d = {};
    detail_int(&d, "meter_fen", c->charged_fen);
    detail_int(&d, "plan_fen", plan_fen);
    detail_int(&d, "energy_wh", c->bill->energy_wh);
    return tell(s, EVENT_CHARGE_DIFFERS, &d);
}

/* Daily settlements stand in the ledger; a split is worth telling. */
static enum err tell_split(const struct settle *s, const struct closing *c)
{
    struct detail d = {};
    if (c->end.why == SPLIT_DAY)
        return ERR_OK;
    detail_int(&d, "energy_wh", c->bill->energy_wh);
    detail_int(&d, "amount_fen", c->charged_fen);
    detail_text(&d, "why", split_name(c->end.why));
    return tell(s, EVENT_SETTLED, &d);
}

/* --- the next period
 * ------------------------------------------------------------------------------------ */

static enum err advance(struct settle *s, const struct closing *c)
{
    struct charge *n = &s->charge;
    bool in_meter = s->account.wallet == SITE_WALLET_METER;
    /* A new meter's wallet must be proven first: billing_open begins its charge then. */
    TRY(ladder_put(s->tx, s->account.project_id, c->holder, &c->position));
    TRY(c->goes_on ? shared_put(s->tx, n->account_id, &c->position) : ERR_OK);
    TRY(boundary_is_last(c->end.why) ? position_drop(s->tx, n)
                                     : position_put(s->tx, n, &c->position));
    if (boundary_is_last(c->end.why) || (in_meter && c->end.why == SPLIT_EXCHANGE))
        return charge_drop(s->tx, n);
    int64_t version;
    enum err e = desk_plan_in_force(s->desk, s->account.project_id, s->account.plan_code, c->end.at,
                                    &version);
    if (e == ERR_SITE_PLAN_UNKNOWN) /* a plan that begins later: it is the one there is */
        e = desk_plan_in_force(s->desk, s->account.project_id, s->account.plan_code, s->now,
                               &version);
    TRY(e);
    text_copy(n->plan_code, sizeof n->plan_code, s->account.plan_code);
    n->plan_version = version;
    n->opened_at = c->end.at;
    n->reading_at = c->end.opening.at;
    n->epoch = c->end.opening.epoch;
    memcpy(n->wh, c->end.opening.wh, sizeof n->wh);
    n->carry = c->bill->carry;
    n->estimated = c->end.estimated;
    if (in_meter)
        n->wallet = c->wallet;
    n->broken = false;
    n->held[0] = '\0';
    TRY(billing_ratio_at(s->tx, n->meter_id, n->opened_at, &n->ratio));
    return charge_put(s->tx, n);
}

static enum err close_period(struct settle *s, const struct closing *c)
{
    TRY(post_charge(s, c));
    TRY(post_credit(s, c));
    TRY(keep_bill(s, c));
    TRY(keep_basis(s, c));
    TRY(compare(s, c));
    TRY(tell_split(s, c));
    TRY(advance(s, c));
    s->result->settlements++;
    return units_add(s->result->amount_fen, c->charged_fen, &s->result->amount_fen);
}

/* Waiting is normal for a while; afterwards, and for a refusal at once, people are told, once. */
static enum err hold(struct settle *s, const struct boundary *b, const char *reason, bool at_once)
{
    s->result->waiting++;
    if (!at_once && s->now.s - b->at.s < PATIENCE_S)
        return ERR_OK;
    if (strcmp(s->charge.held, reason) == 0)
        return ERR_OK;
    snprintf(s->charge.held, sizeof s->charge.held, "%s", reason);
    TRY(charge_put(s->tx, &s->charge));
    struct detail d = {};
    detail_text(&d, "reason", reason);
    detail_int(&d, "opened_at", s->charge.opened_at.s);
    return tell(s, EVENT_SETTLE_HELD, &d);
}

/* Nothing was measured since the period began: a day passes without a settlement. Not if a price
 * begins with the next one: the period would carry the old price beyond it. */
static bool nothing_new(const struct settle *s, const struct boundary *b)
{
    return b->why == SPLIT_DAY && !b->new_price && b->closing.at.s <= s->charge.reading_at.s;
}

/* A midnight at which the meter's wallet was not told will never be told any more once later words
 * have come: the next one that was told closes both days. It is looked at again each time, because
 * a sale that is confirmed late may explain it after all. */
static bool may_pass_over(const struct settle *s, const struct boundary *b)
{
    wall_s newest = {INT64_MIN};
    int64_t epoch;
    return b->why == SPLIT_DAY && s->now.s - b->at.s >= PATIENCE_S &&
           readings_newest(s->b->readings, s->charge.meter_id, &newest, &epoch) &&
           newest.s > b->at.s;
}

enum step { STEP_ON, STEP_STOP, STEP_GONE };

/* One boundary. *since moves on where nothing had to be settled. */
static enum err settle_boundary(struct settle *s, struct boundary *b, wall_s *since,
                                enum step *step)
{
    struct closing c = {};
    *step = STEP_STOP;
    enum err e = boundary_registers(s, b);
    if (e == ERR_NOT_FOUND && repair_fits(s, "no_reading")) {
        repair_boundary(s, b);
        c.repair = s->repair;
        e = ERR_OK;
    }
    if (e == ERR_NOT_FOUND)
        return hold(s, b, "no_reading", false);
    TRY(e);
    if (nothing_new(s, b)) {
        *since = b->at;
        *step = STEP_ON;
        return ERR_OK;
    }
    c.end = *b;
    e = rate_period(s, &c);
    if (e == ERR_NOT_FOUND)
        return hold(s, b, "other_meter", false);
    if (e != ERR_OK && repair_fits(s, err_name(e))) {
        if (!c.plan)
            return e; /* no decision stands for a price plan */
        TRY(repair_closing(s, &c.plan->plan, b, c.end.closing.wh));
        c.repair = s->repair;
        e = rate_period(s, &c);
        if (e != ERR_OK) /* the decision is refused, whatever it was held for */
            return e;
    }
    if (e != ERR_OK && err_class_of(e) == ERR_CLASS_REFUSE)
        return hold(s, b, err_name(e), true);
    TRY(e);
    e = find_charge(s, &c);
    if (e == ERR_NOT_FOUND) {
        if (may_pass_over(s, b)) {
            *since = b->at;
            *step = STEP_ON;
        }
        return hold(s, b, "wallet_not_told", false);
    }
    TRY(e);
    TRY(close_period(s, &c));
    if (c.repair)
        s->repair = NULL;
    *step = boundary_is_last(b->why) || s->charge.opened_at.s != b->at.s ? STEP_GONE : STEP_ON;
    *since = b->at;
    return ERR_OK;
}

/* A change without any time in between only changes the label. */
static bool only_label(const struct settle *s, const struct boundary *b)
{
    return b->why == SPLIT_PLAN && b->at.s == s->charge.opened_at.s;
}

static enum err relabel(struct settle *s)
{
    TRY(desk_plan_in_force(s->desk, s->account.project_id, s->account.plan_code, s->now,
                           &s->charge.plan_version));
    snprintf(s->charge.plan_code, sizeof s->charge.plan_code, "%s", s->account.plan_code);
    return charge_put(s->tx, &s->charge);
}

/* One boundary, if there is one. */
static enum err settle_round(struct settle *s, wall_s *since, enum step *step)
{
    struct boundary b;
    bool found;
    TRY(boundary_find(s, *since, &b, &found));
    *step = STEP_STOP;
    if (!found)
        return ERR_OK;
    if (only_label(s, &b))
        return relabel(s);
    TRY(settle_boundary(s, &b, since, step));
    s->forced = s->forced && b.why != SPLIT_PLAN;
    return ERR_OK;
}

static enum err settle_charge(struct settle *s)
{
    wall_s since = s->charge.opened_at;
    enum step step = STEP_ON;
    for (int round = 0; step == STEP_ON && round < ROUNDS_MAX; round++)
        TRY(settle_round(s, &since, &step));
    return ERR_OK;
}

/* Nothing told since the period began, and nothing changed by a person: not worth looking. */
static enum err is_idle(struct settle *s, bool *idle)
{
    struct readings_registers r;
    struct boundary b;
    bool change = false, price = false;
    bool told = newest_registers(s->b->readings, s->charge.meter_id, &r);
    *idle = false;
    if (told && (r.at.s > s->charge.reading_at.s || r.epoch != s->charge.epoch))
        return ERR_OK;
    TRY(boundary_find_change(s, &b, &change));
    TRY(boundary_find_price(s, s->charge.opened_at, &b, &price));
    *idle = !change && !price;
    if (*idle)
        s->result->waiting++;
    return ERR_OK;
}

/* What the display of an exchanged meter showed, with the count that was proven last. */
static enum err put_display(const struct settle *s, struct readings_registers *r)
{
    if (s->account.wallet != SITE_WALLET_METER)
        return ERR_OK;
    struct query q = query_open(s->tx,
                                "SELECT count, purchased_fen FROM meter_wallet WHERE account_id = "
                                "$1 AND meter_id = $2 AND epoch = $3 AND proven = 1",
                                "iii", s->account.id, s->charge.meter_id, s->charge.epoch);
    if (query_step(&q)) {
        r->wallet_known = true;
        r->wallet_at = s->now;
        r->balance_fen = s->exchange->display_fen;
        r->count = query_int(&q, 0);
        r->purchased_fen = query_int(&q, 1);
    }
    return query_end(&q);
}

static enum err settle_one_at_desk(struct settle *s)
{
    TRY(settle_charge(s));
    if (!s->exchange)
        return ERR_OK;
    struct closing c = {.end = {.at = s->now, .why = SPLIT_EXCHANGE}};
    c.end.closing = (struct readings_registers){
        .epoch = s->charge.epoch, .at = s->now, .count = -1, .purchased_fen = -1};
    c.end.opening = c.end.closing;
    c.end.opening.epoch++;
    memcpy(c.end.closing.wh, s->exchange->closing_wh, sizeof c.end.closing.wh);
    memcpy(c.end.opening.wh, s->exchange->opening_wh, sizeof c.end.opening.wh);
    TRY(put_display(s, &c.end.closing));
    TRY(rate_period(s, &c));
    TRY(find_charge(s, &c));
    return close_period(s, &c);
}

enum err settle_one(struct settle *s)
{
    TRY(desk_open(&s->desk, s->tx));
    enum err e = settle_one_at_desk(s);
    desk_close(s->desk);
    s->desk = NULL;
    return e;
}

/* One of the account's meters. */
struct turn {
    struct settle s;
    wall_s since;
    bool stopped;
};

/* The one that is furthest behind: meters that share a ladder are counted day by day. NULL: all
 * stopped. */
static struct turn *find_turn(struct turn *turns, size_t count)
{
    struct turn *next = NULL;
    for (size_t i = 0; i < count; i++)
        if (!turns[i].stopped && (!next || turns[i].since.s < next->since.s))
            next = &turns[i];
    return next;
}

static enum err take_turns(struct turn *turns, size_t count)
{
    struct turn *t;
    for (int round = 0; round < ROUNDS_MAX * BILLING_METERS_MAX && (t = find_turn(turns, count));
         round++) {
        enum step step;
        TRY(settle_round(&t->s, &t->since, &step));
        t->stopped = step != STEP_ON;
    }
    return ERR_OK;
}

static enum err settle_account(struct desk *desk, const struct billing *b, int64_t account_id,
                               wall_s now, bool forced, struct billing_settled *out)
{
    struct store_tx *tx = desk->tx;
    struct charge list[BILLING_METERS_MAX];
    struct turn turns[BILLING_METERS_MAX];
    size_t count;
    struct settle s = {.tx = tx, .b = b, .desk = desk, .now = now, .forced = forced, .result = out};
    *out = (struct billing_settled){};
    TRY(site_account_get(tx, account_id, &s.account));
    TRY(desk_offset(desk, s.account.project_id, now, &s.offset_s));
    TRY(charge_list(tx, account_id, list, &count));
    for (size_t i = 0; i < count; i++) {
        s.charge = list[i];
        turns[i] = (struct turn){s, list[i].opened_at, false};
        if (!forced)
            TRY(is_idle(&turns[i].s, &turns[i].stopped));
    }
    return take_turns(turns, count);
}

enum err settle_at_desk(struct desk *desk, const struct billing *b, int64_t account_id, wall_s now,
                        struct billing_settled *out)
{
    return settle_account(desk, b, account_id, now, false, out);
}

static enum err settle_alone(struct store_tx *tx, const struct billing *b, int64_t account_id,
                             wall_s now, bool forced, struct billing_settled *out)
{
    struct desk *desk;
    TRY(desk_open(&desk, tx));
    enum err e = settle_account(desk, b, account_id, now, forced, out);
    desk_close(desk);
    return e;
}

enum err billing_settle_account(struct store_tx *tx, const struct billing *b, int64_t account_id,
                                wall_s now, struct billing_settled *out)
{
    return settle_alone(tx, b, account_id, now, false, out);
}

enum err billing_split(struct store_tx *tx, const struct billing *b, int64_t account_id, wall_s now)
{
    struct billing_settled done;
    return settle_alone(tx, b, account_id, now, true, &done);
}
