/*
 * Money. Consumption is deducted in whole fen; what is not yet a whole fen is carried, so that the
 * sum over any number of small steps is exact.
 *
 *   equality cases: alarm 1 and 2 at remaining <= limit; the supply is cut when the overdraft in
 *   use reaches its limit (>=), so that a limit of 0 cuts at a balance of 0.00; a purchase may fill
 *   the wallet exactly up to the hoard limit (<=); a payment closes again at balance > 0 that is
 *   also >= the close-allowed amount.
 */
#include <string.h>

#include "terminal/terminal_impl.h"

/* mWh times 0.0001 yuan/kWh: one fen = 0.01 yuan = 100 price units x 1e6 mWh. */
#define EXACT_PER_FEN 100'000'000U
#define FREE_MONTHS_MAX 12 /* that a terminal without power may have missed */

bool credit_charge(struct terminal *t, uint64_t mwh, unsigned rate)
{
    struct terminal_books *b = &t->books;
    if (!t->setup.wallet)
        return false;
    uint64_t exact = mwh * t->config.price_e4[rate - 1] + b->carry;
    int64_t fen = (int64_t)(exact / EXACT_PER_FEN);
    int64_t free_fen = fen < b->free_fen ? fen : b->free_fen;
    b->free_fen -= free_fen;
    b->balance_fen -= fen - free_fen;
    b->carry = exact % EXACT_PER_FEN;
    /* Only keep-power lets it come so far; the register has eight digits. */
    if (b->balance_fen < -TERMINAL_MONEY_MAX_FEN)
        b->balance_fen = -TERMINAL_MONEY_MAX_FEN;
    return fen > 0;
}

static void arm_pretrip(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    uint8_t before = b->pretrip;
    if (b->balance_fen + b->free_fen > t->config.alarm2_fen)
        b->pretrip = 0;
    else if (b->pretrip == 0 && t->config.pretrip != TERMINAL_PRETRIP_NONE) {
        b->pretrip = 1;
        b->pretrip_until_s = clock_now_s(t) + t->config.pretrip_wait_s;
    }
    if (b->pretrip != before)
        t->books_dirty = true;
}

void credit_evaluate(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    if (!t->setup.wallet)
        return;
    arm_pretrip(t);
    bool used_up = b->free_fen == 0 && -b->balance_fen >= t->config.overdraft_fen;
    if (!b->overdraft_cut && used_up) {
        b->overdraft_cut = true;
        t->books_dirty = true;
    }
}

void credit_paid(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    bool enough = b->balance_fen > 0 && b->balance_fen >= t->config.close_allowed_fen;
    bool tripped = b->pretrip == 1;
    bool restored = b->overdraft_cut && enough;
    if (restored)
        b->overdraft_cut = false;
    arm_pretrip(t);
    restored |= tripped && b->pretrip == 0;
    if (restored && t->config.close_by_key)
        b->key_wait = relay_mask_all(t);
    t->books_dirty = true;
}

/* The month's free amount, once a month and used before the balance. Who is not in debt has supply
 * again by it; a debt is only paid by a payment. */
static void give_free(struct terminal *t, int64_t months)
{
    struct terminal_books *b = &t->books;
    int64_t kept_fen = t->config.free_kept ? b->free_fen : 0;
    int64_t given_fen = t->config.free_fen * (t->config.free_kept ? months : 1);
    b->free_fen = kept_fen + given_fen;
    if (b->free_fen > TERMINAL_MONEY_MAX_FEN)
        b->free_fen = TERMINAL_MONEY_MAX_FEN;
    if (b->overdraft_cut && b->free_fen > 0 && b->balance_fen >= 0) {
        b->overdraft_cut = false;
        if (t->config.close_by_key)
            b->key_wait = relay_mask_all(t);
    }
}

/* A clock that was set back gives nothing twice; one that was lost gives nothing. While no amount
 * is set none was given yet, so that the first one comes at once, also when the power fails between
 * the two records. */
void credit_month(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    if (t->config.free_fen == 0 && b->free_month != 0) {
        b->free_month = 0;
        t->books_dirty = true;
    }
    if (!t->setup.wallet || b->clock_lost || t->config.free_fen == 0)
        return;
    struct civil now = terminal_local_time(t);
    int32_t month = now.year * 12 + now.month;
    if (month <= b->free_month)
        return;
    int64_t months = b->free_month == 0 ? 1 : month - b->free_month;
    give_free(t, months < FREE_MONTHS_MAX ? months : FREE_MONTHS_MAX);
    b->free_month = month;
    t->books_dirty = true;
}

uint8_t credit_alarm(const struct terminal *t)
{
    const struct terminal_books *b = &t->books;
    if (!t->setup.wallet)
        return 0;
    int64_t left_fen = b->balance_fen + b->free_fen;
    if (b->overdraft_cut && t->config.alarm4)
        return 4;
    if (left_fen < 0 || b->overdraft_cut)
        return 3;
    if (left_fen <= t->config.alarm2_fen)
        return 2;
    return left_fen <= t->config.alarm1_fen ? 1 : 0;
}

void credit_record_purchase(struct terminal *t, int64_t amount_fen)
{
    struct terminal_books *b = &t->books;
    int64_t before = b->balance_fen;
    b->balance_fen += amount_fen;
    b->purchased_fen += amount_fen;
    memmove(&b->purchase[1], &b->purchase[0], sizeof b->purchase - sizeof b->purchase[0]);
    b->purchase[0] = (struct terminal_purchase){
        .at = clock_stamp(t),
        .count = b->count,
        .amount_fen = amount_fen,
        .before_fen = before,
        .after_fen = b->balance_fen,
        .purchased_fen = b->purchased_fen,
    };
    if (b->purchase_count < TERMINAL_PURCHASES)
        b->purchase_count++;
}
