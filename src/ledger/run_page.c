/* Packed rows: the number of them; for each, what its account is greater than the one before, and
 * its amount; all varints. */
#include "base/must.h"
#include "base/varint.h"
#include "journal/chain.h"
#include "ledger/run_impl.h"

#define DOMAIN "yufu.ledger.run.1"

size_t run_pack(const struct ledger_run_rows *rows, uint8_t out[RUN_PACKED_MAX])
{
    struct writer w = writer_of(out, RUN_PACKED_MAX);
    int64_t before = 0;
    varint_put(&w, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        varint_put(&w, (uint64_t)(rows->account_id[i] - before));
        varint_put(&w, (uint64_t)rows->amount_fen[i]);
        before = rows->account_id[i];
    }
    MUST(w.err == ERR_OK);
    return w.len;
}

struct run_reader run_reader_of(struct bytes rows)
{
    struct run_reader r = {.bytes = reader_of(rows.data, rows.len)};
    uint64_t count = varint_get(&r.bytes);
    if (count == 0 || count > LEDGER_RUN_ROWS_MAX)
        r.bytes.err = ERR_RANGE;
    r.left = r.bytes.err == ERR_OK ? (size_t)count : 0;
    return r;
}

bool run_next(struct run_reader *r)
{
    if (r->left == 0)
        return false;
    uint64_t more = varint_get(&r->bytes), amount = varint_get(&r->bytes);
    if (more == 0 || more > (uint64_t)(INT64_MAX - r->account_id) ||
        amount > (uint64_t)LEDGER_AMOUNT_MAX_FEN)
        r->bytes.err = ERR_RANGE;
    if (r->bytes.err != ERR_OK)
        return false;
    r->left--;
    r->account_id += (int64_t)more;
    r->amount_fen = (int64_t)amount;
    return true;
}

bool run_reader_ok(const struct run_reader *r)
{
    return r->bytes.err == ERR_OK && r->left == 0 && reader_left(&r->bytes) == 0;
}

void run_hash(const struct run_head *h, const struct run_page *p, uint8_t hash[LEDGER_HASH_SIZE])
{
    struct chain c = chain_open(DOMAIN);
    chain_int(&c, h->run.id);
    chain_text(&c, h->key);
    chain_text(&c, h->kind);
    chain_text(&c, ledger_book_name(h->from));
    chain_text(&c, ledger_book_name(h->to));
    chain_int(&c, h->at.s);
    chain_int(&c, h->business_day);
    chain_text(&c, h->actor);
    chain_int(&c, p->number);
    chain_bytes(&c, p->rows);
    chain_bytes(&c, p->note);
    chain_bytes(&c, p->prev);
    chain_close(&c, hash);
}
