#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/zone.h"
#include "pay/shift_impl.h"

enum err shift_offset(struct store_tx *tx, int64_t project_id, int32_t *offset_s)
{
    struct query q = query_open(tx, "SELECT zone FROM project WHERE id = $1", "i", project_id);
    bool found = query_step(&q);
    bool known = found && zone_offset(query_text(&q, 0), offset_s);
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    return known ? ERR_OK : ERR_BILLING_ZONE;
}

static enum err account_project(struct store_tx *tx, int64_t account_id, int64_t *project_id)
{
    return store_int(tx, project_id, "SELECT project_id FROM account WHERE id = $1", "i",
                     account_id);
}

enum err shift_post(struct store_tx *tx, const struct shift_move *m, struct ledger_posted *out)
{
    int64_t project_id;
    int32_t offset_s;
    TRY(account_project(tx, m->account_id, &project_id));
    TRY(shift_offset(tx, project_id, &offset_s));
    struct ledger_entry e = {
        .account_id = m->account_id,
        .key = m->key,
        .kind = m->kind,
        .now = m->now,
        .business_day = civil_local_day(m->now, offset_s),
        .actor = m->actor,
        .detail = m->detail ? detail_end(m->detail) : NULL,
        .postings = {{m->from, -m->amount_fen}, {m->to, m->amount_fen}},
    };
    return ledger_post(tx, &e, out);
}

enum err shift_account(struct store_tx *tx, int64_t account_id, int64_t *project_id)
{
    struct query q = query_open(
        tx, "SELECT project_id, closed_at IS NOT NULL FROM account WHERE id = $1", "i", account_id);
    bool found = query_step(&q);
    bool closed = found && query_int(&q, 1) != 0;
    if (found && project_id)
        *project_id = query_int(&q, 0);
    TRY(query_end(&q));
    if (!found)
        return ERR_VEND_ACCOUNT;
    return closed ? ERR_VEND_CLOSED : ERR_OK;
}

enum err shift_audit(struct store_tx *tx, const struct shift_act *act, struct detail *d)
{
    char object[64];
    snprintf(object, sizeof object, "%s:%" PRId64, act->what, act->id);
    return journal_append(
        tx, &(struct journal_act){act->now, act->actor, act->action, object, detail_end(d)});
}

bool shift_id_ok(const char *id, size_t min, size_t max)
{
    size_t len = id ? strnlen(id, max + 1) : 0;
    return len >= min && len <= max &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

void shift_copy(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}
