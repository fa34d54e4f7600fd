/* What is left of a cut of the whole when somebody closed one of its circuits on the spot. The
 * others are off by that cut as before: each holds it in a register of its own, or nobody would
 * restore them. */
#include <string.h>

#include "billing/quiet.h"
#include "control/control_impl.h"

/* Open by the cut: not by a wish of its own, not about to return, and not open before. */
static bool opened_with(const struct control_row *whole, const struct control_row *r)
{
    bool before = r->state == CONTROL_IS_OPEN && r->state_at.s <= whole->changed_at.s;
    return r->desired != CONTROL_OPEN && r->next_at.s == 0 && !before;
}

static enum err hold(struct control_turn *t, const struct control_row *whole, struct control_row *r)
{
    r->of_whole = true;
    r->desired = CONTROL_OPEN;
    memcpy(r->reason, whole->reason, sizeof r->reason);
    memcpy(r->actor, whole->actor, sizeof r->actor);
    memcpy(r->detail, whole->detail, sizeof r->detail);
    r->changed_at = whole->changed_at;
    r->not_after.s = 0;
    r->attempt = r->told = r->command_id = 0;
    r->state = CONTROL_IS_OPEN;
    r->state_at = whole->state_at;
    TRY(control_audit(t, r, "relay.rest"));
    return control_row_save(t->tx, r);
}

enum err control_rest_hold(struct control_turn *t, const struct control_meter *m,
                           const struct control_row *whole, int64_t bits)
{
    for (int64_t circuit = 1; m->circuits > 1 && circuit <= m->circuits; circuit++) {
        struct control_row r;
        if (control_state_of_bits(bits, circuit, m->circuits) != CONTROL_IS_OPEN)
            continue;
        TRY(control_row_load(t->tx, m->id, circuit, &r));
        if (opened_with(whole, &r))
            TRY(hold(t, whole, &r));
    }
    return ERR_OK;
}

enum err control_rest_stands(struct control_turn *t, const struct control_meter *m,
                             const struct control_row *whole, int64_t bits)
{
    if (m->account_id != 0)
        TRY(quiet_postpone(t->tx, m->account_id, t->now));
    return control_rest_hold(t, m, whole, bits);
}

enum err control_rest_release(struct control_turn *t, int64_t meter_id)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    size_t count;
    bool by_system = strcmp(t->actor, "system") == 0;
    TRY(control_rows_load(t->tx, meter_id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct control_row *r = &rows[i];
        if (!r->of_whole || (by_system && strcmp(r->reason, "arrears") != 0))
            continue;
        r->of_whole = false;
        r->desired = CONTROL_NONE;
        TRY(control_row_save(t->tx, r));
    }
    return ERR_OK;
}
