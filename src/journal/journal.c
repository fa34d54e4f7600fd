#include "journal/journal.h"

#include <string.h>

#include "journal/chain.h"

_Static_assert(JOURNAL_HASH_SIZE == CHAIN_HASH_SIZE, "one hash for all chains");

#define DOMAIN "yufu.audit.1"

/* A row's own bytes, as written and as read back: texts by length, so that nothing hides behind a
 * zero byte. */
struct row {
    int64_t seq, at;
    struct bytes actor, action, object, detail, prev;
};

static void hash_row(const struct row *r, uint8_t hash[CHAIN_HASH_SIZE])
{
    struct chain c = chain_open(DOMAIN);
    chain_int(&c, r->seq);
    chain_int(&c, r->at);
    chain_bytes(&c, r->actor);
    chain_bytes(&c, r->action);
    chain_bytes(&c, r->object);
    chain_bytes(&c, r->detail);
    chain_bytes(&c, r->prev);
    chain_close(&c, hash);
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

enum err journal_head(struct store_tx *tx, struct journal_head *head)
{
    *head = (struct journal_head){};
    struct query q = query_open(tx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");
    if (query_step(&q)) {
        struct bytes hash = query_blob(&q, 1);
        head->seq = query_int(&q, 0);
        if (hash.len == JOURNAL_HASH_SIZE)
            memcpy(head->hash, hash.data, hash.len);
    }
    return query_end(&q);
}

static bool given(const char *text)
{
    return text && *text;
}

/* The number comes from a sequence of its own and not from the last row: rows removed at the end
 * leave a gap for ever. */
enum err journal_append(struct store_tx *tx, const struct journal_act *act)
{
    if (!given(act->actor) || !given(act->action) || !given(act->object) || !given(act->detail))
        return ERR_JOURNAL_TEXT;
    struct journal_head head;
    int64_t seq;
    uint8_t hash[JOURNAL_HASH_SIZE];
    TRY(journal_head(tx, &head));
    TRY(store_next_id(tx, "audit", &seq));
    struct bytes prev = {head.hash, sizeof head.hash};
    struct row r = {seq,
                    act->now.s,
                    bytes_of(act->actor),
                    bytes_of(act->action),
                    bytes_of(act->object),
                    bytes_of(act->detail),
                    prev};
    hash_row(&r, hash);
    return store_exec(tx,
                      "INSERT INTO audit (seq, at, actor, action, object, detail, prev, hash) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      "iittttbb", seq, act->now.s, act->actor, act->action, act->object,
                      act->detail, prev, (struct bytes){hash, sizeof hash});
}

/* --- verification --------------------------------------------------------------------------- */

static bool same(struct bytes b, const uint8_t hash[JOURNAL_HASH_SIZE])
{
    return b.len == JOURNAL_HASH_SIZE && memcmp(b.data, hash, b.len) == 0;
}

static bool row_fits(const struct query *q, const struct journal_head *before,
                     struct journal_head *after)
{
    struct row r = {.seq = query_int(q, 0),
                    .at = query_int(q, 1),
                    .actor = query_blob(q, 2),
                    .action = query_blob(q, 3),
                    .object = query_blob(q, 4),
                    .detail = query_blob(q, 5),
                    .prev = query_blob(q, 6)};
    hash_row(&r, after->hash);
    after->seq = r.seq;
    return r.seq == before->seq + 1 && same(r.prev, before->hash) &&
           same(query_blob(q, 7), after->hash);
}

static enum err walk(struct store_tx *tx, journal_progress *progress, void *arg,
                     struct journal_check *out)
{
    struct query q = query_open(
        tx, "SELECT seq, at, actor, action, object, detail, prev, hash FROM audit ORDER BY seq",
        "");
    while (out->bad_seq == 0 && query_step(&q)) {
        struct journal_head next;
        if (!row_fits(&q, &out->head, &next)) {
            out->bad_seq =
                next.seq > 0 && next.seq < out->head.seq + 1 ? next.seq : out->head.seq + 1;
            break;
        }
        out->head = next;
        out->rows++;
        if (progress && out->rows % 1024 == 0)
            progress(arg, out->rows);
    }
    return query_end(&q);
}

enum err journal_verify(struct store_tx *tx, journal_progress *progress, void *arg,
                        struct journal_check *out)
{
    int64_t last = 0;
    *out = (struct journal_check){};
    TRY(walk(tx, progress, arg, out));
    enum err e = store_int(tx, &last, "SELECT last FROM sequence WHERE name = 'audit'", "");
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (out->bad_seq == 0 && last != out->head.seq)
        out->bad_seq = out->head.seq + 1;
    return out->bad_seq ? ERR_JOURNAL_CHAIN : ERR_OK;
}
