/*
 * The note of a page, all varints:
 *   number of rates; for each row: plan, carry (zigzag), the rates' quantities, and the total less
 *   their sum (zigzag; without a register of the total: 0)
 *   three lists, each: its length, then the row of each entry less the one before, and what is said
 *   of it (selected: nothing; level: its number; refused: the number of the error)
 */
#include "billing/night.h"

#include "base/must.h"
#include "base/varint.h"

#define ROW_MAX ((3 + RATING_RATES) * VARINT_MAX)
#define NOTE_MAX (VARINT_MAX + NIGHT_ROWS_MAX * (ROW_MAX + 3 * 2 * VARINT_MAX))
_Static_assert(NOTE_MAX <= LEDGER_RUN_NOTE_MAX, "every page fits");

/* --- rating and looking --------------------------------------------------------------------------
 */

struct list {
    uint16_t row[NIGHT_ROWS_MAX], word[NIGHT_ROWS_MAX];
    size_t count;
};

static void add(struct list *l, size_t row, unsigned word)
{
    l->row[l->count] = (uint16_t)row;
    l->word[l->count++] = (uint16_t)word;
}

struct work {
    const struct night *night;
    const struct night_page *page;
    size_t count;
    int64_t amount_fen[NIGHT_ROWS_MAX], carry[NIGHT_ROWS_MAX];
    uint16_t refused[NIGHT_ROWS_MAX];
    struct list selected, reached, denied;
};

static int level_of(const struct night_policy *p, int64_t available_fen)
{
    int level = 0;
    while (level < p->level_count && available_fen <= p->level_fen[level])
        level++;
    return level;
}

static enum err look(struct work *w)
{
    const struct night_page *page = w->page;
    for (size_t i = 0; i < w->count; i++) {
        int64_t available_fen;
        if (page->policy[i] >= w->night->policy_count)
            return ERR_RANGE;
        if (w->refused[i]) {
            add(&w->denied, i, w->refused[i]);
            continue;
        }
        const struct night_policy *p = &w->night->policies[page->policy[i]];
        TRY(units_sub(page->balance_fen[i], w->amount_fen[i], &available_fen));
        int level = level_of(p, available_fen);
        if (available_fen < page->ahead_fen[i] - p->overdraft_fen)
            add(&w->selected, i, 0);
        if (level > page->level[i])
            add(&w->reached, i, (unsigned)level);
    }
    return ERR_OK;
}

/* --- the note
 * ------------------------------------------------------------------------------------- */

static void put_row(struct writer *n, const struct work *w, size_t i)
{
    const struct rating_columns *c = &w->page->usage;
    int64_t sum_wh = 0;
    varint_put(n, c->plan[i]);
    varint_put(n, zigzag(w->carry[i]));
    for (unsigned r = 0; r < RATING_RATES; r++) {
        int64_t used_wh = c->from_wh[r] ? c->to_wh[r][i] - c->from_wh[r][i] : 0;
        varint_put(n, (uint64_t)used_wh);
        sum_wh += used_wh;
    }
    int64_t apart_wh = c->from_wh[RATING_TOTAL]
                           ? c->to_wh[RATING_TOTAL][i] - c->from_wh[RATING_TOTAL][i] - sum_wh
                           : 0;
    varint_put(n, zigzag(apart_wh));
}

static void put_nothing(struct writer *n, const struct work *w, size_t i)
{
    varint_put(n, w->page->usage.plan[i]);
    varint_put(n, zigzag(w->carry[i]));
    for (unsigned r = 0; r <= RATING_RATES; r++)
        varint_put(n, 0);
}

static void put_list(struct writer *n, const struct list *l, bool words)
{
    uint16_t before = 0;
    varint_put(n, l->count);
    for (size_t i = 0; i < l->count; i++) {
        varint_put(n, (uint64_t)(l->row[i] - before));
        before = l->row[i];
        if (words)
            varint_put(n, l->word[i]);
    }
}

static struct bytes make_note(const struct work *w, uint8_t note[NOTE_MAX])
{
    struct writer n = writer_of(note, NOTE_MAX);
    varint_put(&n, RATING_RATES);
    for (size_t i = 0; i < w->count; i++)
        (w->refused[i] ? put_nothing : put_row)(&n, w, i);
    put_list(&n, &w->selected, false);
    put_list(&n, &w->reached, true);
    put_list(&n, &w->denied, true);
    MUST(n.err == ERR_OK);
    return (struct bytes){note, n.len};
}

/* --- a page
 * --------------------------------------------------------------------------------------- */

static void count(const struct work *w, struct night_result *r)
{
    r->accounts += (int64_t)w->count;
    r->selected += (int64_t)w->selected.count;
    r->warned += (int64_t)w->reached.count;
    r->refused += (int64_t)w->denied.count;
    for (size_t i = 0; i < w->count; i++)
        r->amount_fen += w->amount_fen[i];
}

enum err night_put(struct store_tx *tx, const struct night *night, const struct night_page *page,
                   struct ledger_run *run, struct night_result *result)
{
    uint8_t note[NOTE_MAX];
    struct work w = {.night = night, .page = page, .count = page->usage.count};
    if (w.count == 0 || w.count > NIGHT_ROWS_MAX)
        return ERR_RANGE;
    rating_bulk(night->plans, night->plan_count, &page->usage,
                &(struct rating_amounts){w.amount_fen, w.carry, w.refused});
    TRY(look(&w));
    TRY(ledger_run_put(
        tx, run,
        &(struct ledger_run_rows){w.count, page->account_id, w.amount_fen, make_note(&w, note)}));
    count(&w, result);
    return ERR_OK;
}

/* --- reading it back
 * ------------------------------------------------------------------------------ */

static enum err read_row(struct reader *n, struct night_evidence *e)
{
    uint64_t sum_wh = 0;
    e->plan = (uint16_t)varint_get(n);
    e->carry = unzigzag(varint_get(n));
    for (unsigned r = 0; r < RATING_RATES; r++) {
        uint64_t used_wh = varint_get(n);
        sum_wh += used_wh;
        e->rate_wh[r] = (int64_t)used_wh;
    }
    e->total_wh = (int64_t)(sum_wh + (uint64_t)unzigzag(varint_get(n)));
    return n->err;
}

static enum err read_list(struct reader *n, const struct ledger_run_rows *rows, enum night_why why,
                          night_each *each, void *arg)
{
    uint64_t row = 0, entries = varint_get(n);
    for (uint64_t i = 0; n->err == ERR_OK && i < entries; i++) {
        uint64_t more = varint_get(n), word = why == NIGHT_SELECTED ? 0 : varint_get(n);
        if (n->err != ERR_OK || more >= rows->count || (row += more) >= rows->count ||
            word >= ERR_COUNT || (i > 0 && more == 0))
            return ERR_LEDGER_CHAIN;
        TRY(each(arg,
                 &(struct night_word){.why = why,
                                      .account_id = rows->account_id[row],
                                      .level = why == NIGHT_LEVEL ? (int)word : 0,
                                      .reason = why == NIGHT_REFUSED ? (enum err)word : ERR_OK}));
    }
    return n->err == ERR_OK ? ERR_OK : ERR_LEDGER_CHAIN;
}

static enum err open_note(const struct ledger_run_rows *rows, struct reader *n)
{
    *n = reader_of(rows->note.data, rows->note.len);
    return varint_get(n) == RATING_RATES && n->err == ERR_OK ? ERR_OK : ERR_LEDGER_CHAIN;
}

enum err night_evidence(const struct ledger_run_rows *rows, struct night_evidence *out)
{
    struct reader n;
    TRY(open_note(rows, &n));
    for (size_t i = 0; i < rows->count; i++)
        if (read_row(&n, &out[i]) != ERR_OK)
            return ERR_LEDGER_CHAIN;
    return ERR_OK;
}

enum err night_read(const struct ledger_run_rows *rows, night_each *each, void *arg)
{
    struct reader n;
    struct night_evidence passed_by;
    TRY(open_note(rows, &n));
    for (size_t i = 0; i < rows->count; i++)
        if (read_row(&n, &passed_by) != ERR_OK)
            return ERR_LEDGER_CHAIN;
    for (enum night_why why = NIGHT_SELECTED; why <= NIGHT_REFUSED; why++)
        TRY(read_list(&n, rows, why, each, arg));
    return reader_left(&n) == 0 ? ERR_OK : ERR_LEDGER_CHAIN;
}
