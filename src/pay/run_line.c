/* One line of a run: into the books of its account, and out again. */
#include <inttypes.h>
#include <stdio.h>

#include "control/fee.h"
#include "journal/aside.h"
#include "pay/run_impl.h"
#include "vend/vend.h"

static enum err in_meter(struct store_tx *tx, int64_t account_id, bool *out)
{
    int64_t meter;
    TRY(store_int(tx, &meter, "SELECT wallet = 'meter' FROM account WHERE id = $1", "i",
                  account_id));
    *out = meter != 0;
    return ERR_OK;
}

/* What was foreseen: it is told of the account itself, and not an alarm. */
static bool about_account(enum err e)
{
    return e == ERR_VEND_CLOSED || e == ERR_VEND_NO_METER || e == ERR_VEND_LIMIT ||
           e == ERR_VEND_DIFFERENT || e == ERR_VEND_HOARD || e == ERR_LEDGER_LIMIT;
}

static const char *name_of(enum err e)
{
    return e == ERR_VEND_CLOSED ? "closed" : err_name(e);
}

struct booking {
    const char *word, *kind;
    enum ledger_book from, to;
};

static struct booking booking_of(const struct run_head *run)
{
    if (!run->share)
        return (struct booking){"grant", "grant.given", LEDGER_SUBSIDY, LEDGER_PREPAYMENT};
    if (run->as_energy)
        return (struct booking){"share", "share.energy", LEDGER_PREPAYMENT, LEDGER_SHARE};
    return (struct booking){"share", "share.services", LEDGER_OTHER_DUE, LEDGER_SHARE};
}

static void tell_line(struct detail *d, const struct run_head *run, const struct run_item *line)
{
    detail_int(d, "run", run->id);
    detail_text(d, "title", run->title);
    detail_int(d, "weight", line->weight);
}

/* --- forward ------------------------------------------------------------------------------- */

/* A grant that was sold into a meter. What of the sale was kept has paid what the account owed. */
static enum err remember_sale(struct store_tx *tx, const struct run_head *run,
                              const struct vend_status *sale)
{
    char key[LEDGER_KEY_MAX];
    int64_t seq;
    snprintf(key, sizeof key, "order:%s/paid", sale->order_id);
    TRY(ledger_seq_of_key(tx, sale->account_id, key, &seq));
    return store_exec(tx,
                      "INSERT INTO free_grant (account_id, run_id, seq, amount_fen, spent_fen, "
                      "expires_at, order_id) VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7)",
                      "iiiiiit", sale->account_id, run->id, seq, sale->amount_fen, sale->kept_fen,
                      run->expires_at.s, sale->order_id);
}

static enum err sell_grant(struct store_tx *tx, const struct run_head *run,
                           const struct run_item *line, const struct run_turn *turn)
{
    char order[VEND_ORDER_ID_MAX + 1];
    struct vend_status status;
    snprintf(order, sizeof order, "subsidy-%" PRId64 "-%" PRId64, run->id, line->account_id);
    TRY(vend_sell(tx,
                  &(struct vend_sale){.account_id = line->account_id,
                                      .order_id = order,
                                      .amount_fen = line->amount_fen,
                                      .method = "subsidy",
                                      .actor = run->approved_by,
                                      .now = turn->now,
                                      .random = turn->random ^ (uint64_t)line->account_id},
                  &status));
    return remember_sale(tx, run, &status);
}

static enum err remember_grant(struct store_tx *tx, const struct run_head *run,
                               const struct run_item *line, int64_t seq)
{
    return store_exec(tx,
                      "INSERT INTO free_grant (account_id, run_id, seq, amount_fen, expires_at) "
                      "VALUES ($1, $2, $3, $4, nullif($5, 0))",
                      "iiiii", line->account_id, run->id, seq, line->amount_fen, run->expires_at.s);
}

static enum err book(struct store_tx *tx, const struct run_head *run, const struct run_item *line,
                     const struct run_turn *turn)
{
    char key[48];
    struct detail d = {};
    struct ledger_posted posted;
    struct booking b = booking_of(run);
    snprintf(key, sizeof key, "%s:%" PRId64, b.word, run->id);
    tell_line(&d, run, line);
    TRY(shift_post(tx,
                   &(struct shift_move){line->account_id, key, b.kind, run->approved_by, turn->now,
                                        b.from, b.to, line->amount_fen, &d},
                   &posted));
    if (posted.repeated)
        return ERR_BUG; /* the cursor says that it was not posted */
    if (run->share)
        return ERR_OK;
    TRY(remember_grant(tx, run, line, posted.seq));
    struct control_fee fee = {NULL, line->account_id, turn->now,
                              turn->random ^ (uint64_t)line->account_id};
    return control_payment(tx, &fee);
}

struct line_work {
    const struct run_head *run;
    const struct run_item *line;
    const struct run_turn *turn;
    struct run_result *out;
};

/* A line, done alone: what the books of its account refuse in the middle leaves nothing behind, and
 * the line is passed over. */
static enum err alone(struct store_tx *tx, store_work *work, struct line_work w)
{
    enum err e;
    int64_t id = w.line->account_id;
    TRY(store_part(tx, work, &w, &e));
    if (aside_is_of_machine(e))
        return e;
    if (e != ERR_OK)
        w.out->error = name_of(e);
    if (e == ERR_OK || about_account(e))
        return ERR_OK;
    struct aside a = {"run_line", .id = w.run->id, .part = id, .now = w.turn->now,
                      .account_id = id};
    return aside_tell(tx, &a, e);
}

static enum err post_line(struct store_tx *tx, void *arg)
{
    const struct line_work *w = arg;
    const struct run_head *run = w->run;
    bool meter;
    TRY(shift_account(tx, w->line->account_id, NULL));
    TRY(in_meter(tx, w->line->account_id, &meter));
    if (meter && run->share && run->as_energy) {
        w->out->error = "meter_wallet";
        return ERR_OK;
    }
    if (!run->share) /* so that grants that were used up are known as such */
        TRY(run_count_charges(tx, w->line->account_id));
    return meter && !run->share ? sell_grant(tx, run, w->line, w->turn)
                                : book(tx, run, w->line, w->turn);
}

enum err run_post_line(struct store_tx *tx, const struct run_head *run, const struct run_item *line,
                       const struct run_turn *turn, struct run_result *out)
{
    if (line->amount_fen == 0)
        return ERR_OK;
    TRY(alone(tx, post_line, (struct line_work){run, line, turn, out}));
    out->moved_fen = out->error[0] ? 0 : line->amount_fen;
    return ERR_OK;
}

/* --- back ---------------------------------------------------------------------------------- */

static enum err end_grant(struct store_tx *tx, const struct run_head *run, int64_t account_id,
                          int64_t back_fen, wall_s now)
{
    TRY(run_count_charges(tx, account_id));
    /* What was used of it is taken back too: then nothing of it is left, and nothing was used. */
    return store_exec(tx,
                      "UPDATE free_grant SET returned_fen = returned_fen + $3, "
                      "ended_at = coalesce(ended_at, $4) WHERE account_id = $1 AND run_id = $2",
                      "iiii", account_id, run->id, back_fen, now.s);
}

static enum err unbook(struct store_tx *tx, const struct run_head *run, const struct run_item *line,
                       const struct run_turn *turn)
{
    char key[48], kind[32];
    struct detail d = {};
    struct ledger_posted posted;
    struct booking b = booking_of(run);
    int64_t back_fen = line->amount_fen - line->taken_back_fen;
    snprintf(key, sizeof key, "%s:%" PRId64 "/back", b.word, run->id);
    snprintf(kind, sizeof kind, "%s.back", b.word);
    tell_line(&d, run, line);
    if (!run->share)
        TRY(end_grant(tx, run, line->account_id, back_fen, turn->now));
    TRY(shift_post(tx,
                   &(struct shift_move){line->account_id, key, kind, run->reversed_by, turn->now,
                                        b.to, b.from, back_fen, &d},
                   &posted));
    return posted.repeated ? ERR_BUG : ERR_OK;
}

static enum err unpost_line(struct store_tx *tx, void *arg)
{
    const struct line_work *w = arg;
    bool meter;
    TRY(shift_account(tx, w->line->account_id, NULL));
    TRY(in_meter(tx, w->line->account_id, &meter));
    if (meter && !w->run->share) {
        w->out->error = "in_meter";
        return ERR_OK;
    }
    return unbook(tx, w->run, w->line, w->turn);
}

enum err run_unpost_line(struct store_tx *tx, const struct run_head *run,
                         const struct run_item *line, const struct run_turn *turn,
                         struct run_result *out)
{
    if (!line->posted || line->taken_back_fen == line->amount_fen)
        return ERR_OK;
    TRY(alone(tx, unpost_line, (struct line_work){run, line, turn, out}));
    out->moved_fen = out->error[0] ? 0 : line->amount_fen - line->taken_back_fen;
    return ERR_OK;
}
