/* Held settlements: why they wait, and how a person settles them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing/billing_settle_impl.h"
#include "journal/detail.h"

static const char *const how_names[BILLING_HOWS] = {"total", "registers", "taken", "forgo"};

const char *billing_how_name(enum billing_how how)
{
    return how < BILLING_HOWS ? how_names[how] : "?";
}

enum billing_how billing_how_of(const char *name)
{
    unsigned i = 0;
    while (i < BILLING_HOWS && strcmp(how_names[i], name) != 0)
        i++;
    return (enum billing_how)i;
}

#define HOW(name) (1u << BILLING_##name)

/* What each reason lets a person decide. Any other reason: the energy may be forgone. By what was
 * taken only where the meter takes it. */
static const struct {
    const char *reason, *en, *zh;
    unsigned hows;
} reasons[] = {
    {"no_reading", "No reading near the end of the period has come.",
     "周期结束时刻附近没有抄表记录。", HOW(BY_REGISTERS) | HOW(BY_TAKEN) | HOW(FORGO)},
    {"other_meter",
     "Another meter of the account was not read up to the end of the month, and the price of the "
     "demand goes by all of them.",
     "该户另一块表尚无月末抄表记录，而需量电价取决于全部表计的月用电量。", 0},
    {"wallet_not_told", "The meter has not told what it took.", "表计尚未上报其扣费情况。",
     HOW(BY_TAKEN) | HOW(FORGO)},
    {"RATING_RATES",
     "The rates do not add up to the total register, or energy was used in a rate without a price.",
     "各费率示值之和与总示值不符，或在未定价的费率下用电。",
     HOW(BY_TOTAL) | HOW(BY_REGISTERS) | HOW(BY_TAKEN) | HOW(FORGO)},
    {"RATING_BACKWARDS", "A register stands lower than it did when the period began.",
     "示值低于周期开始时的示值。", HOW(BY_REGISTERS) | HOW(BY_TAKEN) | HOW(FORGO)},
};
#define REASONS (sizeof reasons / sizeof *reasons)

static size_t reason_index(const char *reason)
{
    size_t i = 0;
    while (i < REASONS && strcmp(reasons[i].reason, reason) != 0)
        i++;
    return i;
}

static unsigned hows_of(const char *reason, bool in_meter)
{
    size_t i = reason_index(reason);
    unsigned hows = i < REASONS ? reasons[i].hows : HOW(FORGO);
    return in_meter ? hows : hows & ~HOW(BY_TAKEN);
}

/* --- the list
 * --------------------------------------------------------------------------------------- */

static void explain(struct billing_held *h, bool in_meter)
{
    size_t i = reason_index(h->reason);
    h->hows = hows_of(h->reason, in_meter);
    h->why_en = i < REASONS ? reasons[i].en : "The price plan cannot be applied to this period.";
    h->why_zh = i < REASONS ? reasons[i].zh : "电价方案无法应用于该周期。";
}

enum err billing_held(struct store_tx *tx, const struct readings *readings, int64_t project_id,
                      billing_held_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT c.account_id, c.meter_id, c.epoch, c.opened_at, c.held, c.total_wh, c.rate1_wh, "
        "c.rate2_wh, c.rate3_wh, c.rate4_wh, a.wallet = 'meter' FROM charge_open c JOIN account a "
        "ON a.id = c.account_id WHERE c.held <> '' AND ($1 = 0 OR a.project_id = $1) "
        "ORDER BY c.account_id, c.meter_id",
        "i", project_id);
    while (e == ERR_OK && query_step(&q)) {
        struct readings_registers r;
        struct billing_held h = {.account_id = query_int(&q, 0),
                                 .meter_id = query_int(&q, 1),
                                 .epoch = query_int(&q, 2),
                                 .opened_at = {query_int(&q, 3)}};
        snprintf(h.reason, sizeof h.reason, "%s", query_text(&q, 4));
        for (int i = 0; i < READINGS_REGISTERS; i++)
            h.opened_wh[i] = query_int(&q, 5 + i);
        h.told = newest_registers(readings, h.meter_id, &r);
        h.told_at = r.at;
        memcpy(h.told_wh, r.wh, sizeof h.told_wh);
        explain(&h, query_int(&q, 10) != 0);
        e = each(arg, &h);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* --- the decision, where settlement asks for it
 * -------------------------------------------------------- */

bool repair_fits(const struct settle *s, const char *reason)
{
    bool in_meter = s->account.wallet == SITE_WALLET_METER;
    return s->repair && hows_of(reason, in_meter) >> s->repair->how & 1;
}

void repair_boundary(const struct settle *s, struct boundary *b)
{
    const int64_t *wh = s->repair->how == BILLING_BY_REGISTERS ? s->repair->wh : s->charge.wh;
    b->closing = (struct readings_registers){
        .epoch = s->charge.epoch, .at = b->at, .count = -1, .purchased_fen = -1};
    memcpy(b->closing.wh, wh, sizeof b->closing.wh);
    b->opening = b->closing;
    b->estimated = ESTIMATE_NONE;
}

/* How much of the total each rate with a price gets: as they ran, else all alike. */
static void find_weights(const struct rating_plan *plan, const int64_t from[READINGS_REGISTERS],
                         const int64_t to[READINGS_REGISTERS], int64_t weights[RATING_RATES])
{
    int64_t sum = 0;
    for (int i = 0; i < RATING_RATES; i++) {
        int64_t used = to[1 + i] - from[1 + i];
        weights[i] = plan->priced[i] && used > 0 ? used : 0;
        sum += weights[i];
    }
    for (int i = 0; sum == 0 && i < RATING_RATES; i++)
        weights[i] = plan->priced[i];
}

/* The rates become what the total says; the last one takes what rounding leaves. */
static enum err share_total(const struct rating_plan *plan, const int64_t from[READINGS_REGISTERS],
                            int64_t to[READINGS_REGISTERS])
{
    int64_t weights[RATING_RATES], sum = 0, left = to[0] - from[0], total = left;
    if (left < 0)
        return ERR_RATING_BACKWARDS;
    find_weights(plan, from, to, weights);
    for (int i = 0; i < RATING_RATES; i++)
        sum += weights[i];
    for (int i = 0, last = -1; i < RATING_RATES; i++) {
        int64_t part = sum > 0 ? (int64_t)((__int128)total * weights[i] / sum) : 0;
        to[1 + i] = from[1 + i] + part;
        left -= part;
        last = weights[i] > 0 ? i : last;
        if (i == RATING_RATES - 1 && last >= 0)
            to[1 + last] += left;
    }
    return ERR_OK;
}

enum err repair_closing(const struct settle *s, const struct rating_plan *plan,
                        const struct boundary *b, int64_t wh[READINGS_REGISTERS])
{
    const int64_t *from = s->charge.wh;
    if (s->repair->how == BILLING_BY_TOTAL) {
        memcpy(wh, b->closing.wh, READINGS_REGISTERS * sizeof *wh);
        return share_total(plan, from, wh);
    }
    memcpy(wh, s->repair->how == BILLING_BY_REGISTERS ? s->repair->wh : from,
           READINGS_REGISTERS * sizeof *wh);
    return ERR_OK;
}

/* --- by a person
 * ------------------------------------------------------------------------------------------ */

static enum err find_charge(struct store_tx *tx, int64_t account_id, int64_t meter_id,
                            struct charge *out)
{
    struct charge list[BILLING_METERS_MAX];
    size_t count;
    TRY(charge_list(tx, account_id, list, &count));
    for (size_t i = 0; i < count; i++)
        if (list[i].meter_id == meter_id) {
            *out = list[i];
            return ERR_OK;
        }
    return ERR_NOT_FOUND;
}

static enum err begin(struct settle *s, int64_t account_id, int64_t meter_id)
{
    *s->result = (struct billing_settled){};
    TRY(site_account_get(s->tx, account_id, &s->account));
    TRY(billing_project_offset(s->tx, s->account.project_id, s->now, &s->offset_s));
    return find_charge(s->tx, account_id, meter_id, &s->charge);
}

static enum err record(const struct settle *s, const struct billing_repair *r, const char *held)
{
    struct detail d = {};
    char object[48];
    snprintf(object, sizeof object, "account:%" PRId64, r->account_id);
    detail_int(&d, "meter", r->meter_id);
    detail_int(&d, "opened_at", r->opened_at.s);
    detail_text(&d, "held", held);
    detail_text(&d, "how", billing_how_name(r->how));
    if (r->how == BILLING_BY_REGISTERS)
        for (int i = 0; i < READINGS_REGISTERS; i++)
            detail_int(
                &d, (const char *[]){"total_wh", "sharp_wh", "peak_wh", "flat_wh", "valley_wh"}[i],
                r->wh[i]);
    if (r->how == BILLING_BY_TAKEN)
        detail_int(&d, "taken_fen", r->taken_fen);
    detail_text(&d, "actor", r->actor);
    detail_text(&d, "reason", r->reason);
    detail_int(&d, "amount_fen", s->result->amount_fen);
    const char *facts = detail_end(&d);
    TRY(journal_append(s->tx, &(struct journal_act){.now = s->now,
                                                    .actor = r->actor,
                                                    .action = "charge.repair",
                                                    .object = object,
                                                    .detail = facts}));
    return journal_event(s->tx, &(struct journal_event){.at = s->now,
                                                        .kind = EVENT_SETTLE_REPAIRED,
                                                        .project_id = s->account.project_id,
                                                        .account_id = r->account_id,
                                                        .meter_id = r->meter_id,
                                                        .detail = facts});
}

enum err billing_repair(struct store_tx *tx, const struct billing *b,
                        const struct billing_repair *r, wall_s now, struct billing_settled *out)
{
    struct settle s = {.tx = tx, .b = b, .now = now, .result = out, .repair = r};
    char held[sizeof s.charge.held];
    if (!r->reason || !*r->reason)
        return ERR_BILLING_REASON;
    if ((unsigned)r->how >= BILLING_HOWS || r->taken_fen < 0)
        return ERR_BILLING_DECISION;
    TRY(begin(&s, r->account_id, r->meter_id));
    if (s.charge.held[0] == '\0' || s.charge.opened_at.s != r->opened_at.s)
        return ERR_STATE;
    memcpy(held, s.charge.held, sizeof held);
    if (!repair_fits(&s, held))
        return ERR_BILLING_DECISION;
    TRY(settle_one(&s));
    /* what it was held for has passed meanwhile, or the wallet does not say what it took either */
    if (s.repair)
        return s.result->waiting > 0 ? ERR_BILLING_DECISION : ERR_STATE;
    return record(&s, r, held);
}

/* The display counts for money only beside a count that was proven. */
static enum err display_fits(const struct settle *s, const struct billing_exchange *x, bool *fits)
{
    int64_t proven;
    *fits = false;
    if (!x->display_read || !s->charge.wallet.known)
        return ERR_OK;
    TRY(store_int(s->tx, &proven,
                  "SELECT count(*) FROM meter_wallet WHERE account_id = $1 AND meter_id = $2 AND "
                  "epoch = $3 AND proven = 1",
                  "iii", s->account.id, s->charge.meter_id, s->charge.epoch));
    *fits = proven > 0;
    return ERR_OK;
}

enum err billing_exchange(struct store_tx *tx, const struct billing *b,
                          const struct billing_exchange *x, wall_s now)
{
    struct billing_settled done;
    struct settle s = {.tx = tx, .b = b, .now = now, .result = &done};
    struct site_meter m;
    TRY(site_meter_get(tx, x->meter_id, &m));
    if (m.account_id == 0)
        return ERR_OK;
    enum err e = begin(&s, m.account_id, m.id);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* nothing is open */
    TRY(e);
    bool fits = true;
    if (s.account.wallet == SITE_WALLET_METER)
        TRY(display_fits(&s, x, &fits));
    if (!fits)
        return billing_split(tx, b, m.account_id, now);
    s.exchange = x;
    return settle_one(&s);
}
