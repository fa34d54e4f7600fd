#include <string.h>

#include "headend/headend.h"
#include "journal/aside.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "terminals/terminals_impl.h"

#define LEARN_LOOK_S 20

static int64_t pause_s(int64_t attempt)
{
    static const int64_t pauses[] = {10, 30, 60, 120, 300, 600};
    const int64_t last = sizeof pauses / sizeof *pauses - 1;
    return pauses[attempt > last ? last : attempt];
}

static enum err tell(struct terminals_turn *t, const struct terminals_meter *m,
                     const struct terminals_row *row)
{
    struct detail d = {};
    detail_int(&d, "circuit", row->r.circuit);
    detail_text(&d, "what", meter_terminal_name(row->r.item));
    detail_text(&d, "state", terminals_state_name(row->r.state));
    detail_text(&d, "actor", row->r.actor);
    enum journal_kind kind =
        row->r.state == TERMINALS_DONE ? EVENT_TERMINAL_SET : EVENT_TERMINAL_NOT_SET;
    return journal_event(t->tx, &(struct journal_event){t->now, kind, m->project_id, m->account_id,
                                                        m->id, detail_end(&d)});
}

/* --- what was read ---------------------------------------------------------------------------- */

static enum err look_soon(struct terminals_turn *t, const struct terminals_meter *m,
                          int64_t circuit, enum meter_terminal_item item, int64_t in_s)
{
    struct terminals_row row;
    TRY(terminals_row_load(t->tx, m->id, circuit, item, &row));
    row.next_at.s = t->now.s + in_s;
    return terminals_row_save(t->tx, &row);
}

/* A status that will move by itself is looked at again; what was learnt stands in the white list.
 */
static enum err follow_status(struct terminals_turn *t, const struct terminals_meter *m,
                              struct terminals_row *row, bool learning_before)
{
    struct meter_terminal_status s;
    if (meter_terminal_read_status((struct bytes){row->r.value, row->r.value_len}, &s) != ERR_OK)
        return ERR_OK;
    if (s.learning)
        row->next_at.s = t->now.s + LEARN_LOOK_S;
    else if (s.closes_s > 0)
        row->next_at.s = t->now.s + s.closes_s + 5;
    return learning_before && !s.learning
               ? look_soon(t, m, row->r.circuit, METER_TERMINAL_WHITE_LIST, 0)
               : ERR_OK;
}

static bool is_learning(const struct terminals_row *row)
{
    struct meter_terminal_status s;
    return meter_terminal_read_status((struct bytes){row->r.value, row->r.value_len}, &s) ==
               ERR_OK &&
           s.learning;
}

static enum err keep_value(struct terminals_turn *t, const struct terminals_meter *m,
                           struct terminals_row *row, const struct uplink_outcome *o)
{
    bool learning = row->r.item == METER_TERMINAL_STATUS && is_learning(row);
    if (o->data_len == 0 || o->at.s < row->r.read_at.s)
        return ERR_OK;
    memcpy(row->r.value, o->data, o->data_len);
    row->r.value_len = o->data_len;
    row->r.read_at = o->at.s < t->now.s ? o->at : t->now;
    return row->r.item == METER_TERMINAL_STATUS ? follow_status(t, m, row, learning) : ERR_OK;
}

/* The status came along with an order's answer. */
static enum err keep_status(struct terminals_turn *t, const struct terminals_meter *m,
                            int64_t circuit, const struct uplink_outcome *o)
{
    struct terminals_row row;
    TRY(terminals_row_load(t->tx, m->id, circuit, METER_TERMINAL_STATUS, &row));
    TRY(keep_value(t, m, &row, o));
    return terminals_row_save(t->tx, &row);
}

/* --- what became of the wish ------------------------------------------------------------------ */

static enum terminals_state state_after(const struct terminals_row *row,
                                        const struct uplink_outcome *o)
{
    static const enum terminals_state states[] = {
        [UPLINK_DONE] = TERMINALS_DONE,          [UPLINK_REFUSED] = TERMINALS_REFUSED,
        [UPLINK_UNKNOWN] = TERMINALS_UNKNOWN,    [UPLINK_EXPIRED] = TERMINALS_EXPIRED,
        [UPLINK_SUPERSEDED] = TERMINALS_UNKNOWN, [UPLINK_FENCED] = TERMINALS_UNKNOWN,
        [UPLINK_NO_METER] = TERMINALS_LOST};
    if (row->r.state != TERMINALS_UNKNOWN || o->status == UPLINK_NO_METER)
        return states[o->status];
    if (o->data_len == 0)
        return TERMINALS_UNKNOWN;
    bool met = meter_terminal_met(row->r.item, (struct bytes){row->r.wanted, row->r.wanted_len},
                                  (struct bytes){o->data, o->data_len});
    return met ? TERMINALS_DONE : TERMINALS_REFUSED;
}

static enum err settle(struct terminals_turn *t, const struct terminals_meter *m,
                       struct terminals_row *row, const struct uplink_outcome *o)
{
    row->r.state = state_after(row, o);
    if (row->r.state == TERMINALS_UNKNOWN) {
        row->next_at.s = t->now.s + pause_s(row->attempt++);
        return ERR_OK;
    }
    row->attempt = 0;
    return tell(t, m, row);
}

/* A new setting shows in the status too, and an order in the list that it fills. */
static enum err look_around(struct terminals_turn *t, const struct terminals_meter *m,
                            const struct terminals_row *row)
{
    if (row->r.circuit == 0 || row->r.item == METER_TERMINAL_STATUS ||
        terminals_is_order(row->r.item))
        return ERR_OK;
    return terminals_look(t, m, row->r.circuit, METER_TERMINAL_STATUS);
}

static enum err answered(struct terminals_turn *t, const struct terminals_meter *m,
                         struct terminals_row *row, const struct uplink_outcome *o)
{
    bool wished = row->r.state == TERMINALS_PENDING || row->r.state == TERMINALS_UNKNOWN;
    row->command_id = 0;
    row->next_at.s = 0;
    if (!terminals_is_order(row->r.item))
        TRY(keep_value(t, m, row, o));
    else if (o->data_len > 0)
        TRY(keep_status(t, m, row->r.circuit, o));
    if (wished)
        TRY(settle(t, m, row, o));
    TRY(terminals_row_save(t->tx, row));
    return wished ? look_around(t, m, row) : ERR_OK;
}

static enum err find_row(struct store_tx *tx, const struct uplink_outcome *o, int64_t *circuit,
                         int64_t *item)
{
    struct query q = query_open(tx,
                                "SELECT circuit, item FROM terminal_register "
                                "WHERE meter_id = $1 AND command_id = $2",
                                "ii", o->meter_id, o->command_id);
    bool found = query_step(&q);
    if (found) {
        *circuit = query_int(&q, 0);
        *item = query_int(&q, 1);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err terminals_outcome(struct store_tx *tx, const struct uplink_outcome *o, wall_s now,
                           uint64_t random)
{
    struct terminals_turn t = terminals_turn_of(tx, now, random);
    struct terminals_meter m;
    struct terminals_row row;
    int64_t circuit = 0, item = 0;
    if (o->kind != UPLINK_REGISTER)
        return ERR_OK;
    enum err e = find_row(tx, o, &circuit, &item);
    if (e == ERR_OK)
        e = terminals_meter_load(tx, o->meter_id, &m);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* a wish came after it */
    TRY(e);
    TRY(terminals_row_load(tx, o->meter_id, circuit, (enum meter_terminal_item)item, &row));
    return answered(&t, &m, &row, o);
}

/* --- another device --------------------------------------------------------------------------- */

#define ANEW_S 30 /* its gateway has heard of it by then */
#define CIRCUITS_MAX 3

static enum err begin_anew(struct terminals_turn *t, const struct terminals_meter *m,
                           struct terminals_row *row)
{
    bool wished = row->r.state == TERMINALS_PENDING || row->r.state == TERMINALS_UNKNOWN;
    bool stood = row->r.state == TERMINALS_DONE && !terminals_is_order(row->r.item);
    bool looked_at = row->r.value_len > 0 || row->command_id != 0 || row->next_at.s != 0;
    if (row->r.state == TERMINALS_NONE && !looked_at)
        return ERR_OK;
    row->r.value_len = 0;
    row->r.read_at.s = row->command_id = row->attempt = row->next_at.s = 0;
    if (m->terminal && row->r.circuit <= m->circuits && !terminals_is_order(row->r.item) &&
        looked_at)
        row->next_at.s = t->now.s + ANEW_S;
    if (wished || stood)
        row->r.state = TERMINALS_LOST;
    TRY(terminals_row_save(t->tx, row));
    return wished || stood ? tell(t, m, row) : ERR_OK;
}

enum err terminals_exchange(struct store_tx *tx, int64_t meter_id, wall_s now)
{
    struct terminals_turn t = terminals_turn_of(tx, now, 0);
    struct terminals_meter m;
    struct terminals_row row;
    TRY(terminals_meter_load(tx, meter_id, &m));
    TRY(store_exec(tx, "DELETE FROM terminal_seen WHERE meter_id = $1", "i", meter_id));
    for (int i = METER_TERMINAL_STATUS; i < METER_TERMINAL_ITEMS; i++)
        for (int64_t circuit = 0; circuit <= CIRCUITS_MAX; circuit++) {
            enum meter_terminal_item item = (enum meter_terminal_item)i;
            TRY(terminals_row_load(tx, meter_id, circuit, item, &row));
            TRY(begin_anew(&t, &m, &row));
        }
    return ERR_OK;
}

/* --- what moves ------------------------------------------------------------------------------- */

/* One look for every reading of every meter, most of which are no terminals or have not changed. */
static enum err look_up(struct store_tx *tx, int64_t meter_id, struct terminals_meter *m,
                        struct terminals_report *before)
{
    struct query q = query_open(tx,
                                "SELECT project_id, account_id, place_id, epoch, circuits, model, "
                                "coalesce(relay_open, -1), coalesce(open_reason, -1) FROM meter "
                                "LEFT JOIN terminal_seen ON meter_id = id WHERE id = $1",
                                "i", meter_id);
    bool found = query_step(&q);
    if (found) {
        *m = terminals_meter_of(&q, meter_id);
        before->relay_open = query_int(&q, 6);
        before->open_reason = query_int(&q, 7);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* Nobody waits for the status of a circuit that was never looked at. */
static enum err look_again(struct terminals_turn *t, const struct terminals_meter *m,
                           int64_t circuit)
{
    struct terminals_row row;
    TRY(terminals_row_load(t->tx, m->id, circuit, METER_TERMINAL_STATUS, &row));
    if (row.r.value_len == 0 || row.command_id != 0)
        return ERR_OK;
    return terminals_send(t, m, &row, false);
}

enum err terminals_reading(struct store_tx *tx, const struct terminals_report *p)
{
    struct terminals_turn t = terminals_turn_of(tx, p->now, p->random);
    struct terminals_meter m;
    struct terminals_report before;
    if (p->relay_open < 0 || p->open_reason < 0)
        return ERR_OK;
    TRY(look_up(tx, p->meter_id, &m, &before));
    bool other_reason = before.open_reason != p->open_reason;
    if (!m.terminal || (before.relay_open == p->relay_open && !other_reason))
        return ERR_OK;
    TRY(store_exec(tx,
                   "INSERT INTO terminal_seen (meter_id, relay_open, open_reason) "
                   "VALUES ($1, $2, $3) ON CONFLICT (meter_id) DO UPDATE SET "
                   "relay_open = excluded.relay_open, open_reason = excluded.open_reason",
                   "iii", p->meter_id, p->relay_open, p->open_reason));
    for (int64_t i = 1; i <= m.circuits; i++)
        if (before.relay_open < 0 || other_reason ||
            ((before.relay_open ^ p->relay_open) >> (i - 1) & 1))
            TRY(look_again(&t, &m, i));
    return ERR_OK;
}

/* --- what is due ------------------------------------------------------------------------------ */

#define SCAN_MAX 64

struct due {
    struct terminals_turn *turn;
    int64_t meter_id, circuit, item;
};

/* A register of a terminal, as what is put aside knows it. */
#define PART(circuit, item) ((circuit)*65'536 + (item))

static enum err find_due(struct terminals_turn *t, int64_t limit, struct due *due, int64_t *count)
{
    struct query q = query_open(
        t->tx,
        "SELECT meter_id, circuit, item FROM terminal_register r WHERE next_at <= $1 "
        "AND NOT EXISTS (SELECT 1 FROM aside s WHERE s.work = 'terminal' AND s.id = r.meter_id "
        "AND s.part = r.circuit * 65536 + r.item AND s.again_at > $1) "
        "ORDER BY next_at, meter_id LIMIT $2",
        "ii", t->now.s, limit);
    for (*count = 0; *count < limit && query_step(&q); (*count)++)
        due[*count] = (struct due){t, query_int(&q, 0), query_int(&q, 1), query_int(&q, 2)};
    return query_end(&q);
}

#define OVERDUE_LOOK_S 10

/* The time of an order is over and nobody said what became of it: the gateway may be away, the
 * order may lie there or be carried out. Only the terminal itself can tell. */
static enum err overdue(struct terminals_turn *t, const struct terminals_meter *m,
                        struct terminals_row *row)
{
    struct headend_command c;
    TRY(headend_command_get(t->tx, row->command_id, &c));
    row->next_at.s = 0; /* its answer decides */
    if (row->r.state != TERMINALS_PENDING)
        return terminals_row_save(t->tx, row);
    if (c.state == HEADEND_EXPIRED) {
        row->r.state = TERMINALS_UNKNOWN;
        return terminals_send(t, m, row, false);
    }
    if (c.state == HEADEND_WAITING)
        row->next_at.s = t->now.s + OVERDUE_LOOK_S;
    return terminals_row_save(t->tx, row);
}

static enum err look_due(struct store_tx *tx, void *arg)
{
    const struct due *due = arg;
    struct terminals_turn *t = due->turn;
    struct terminals_meter m;
    struct terminals_row row;
    TRY(terminals_meter_load(tx, due->meter_id, &m));
    TRY(terminals_row_load(tx, due->meter_id, due->circuit, (enum meter_terminal_item)due->item,
                           &row));
    if (!m.terminal) { /* it was one: another device hangs there, or a file was corrected */
        row.next_at.s = 0;
        return terminals_row_save(tx, &row);
    }
    return row.command_id != 0 ? overdue(t, &m, &row) : terminals_send(t, &m, &row, false);
}

enum err terminals_tick(struct store_tx *tx, const struct terminals_scan *scan, int64_t *worked)
{
    struct terminals_turn t = terminals_turn_of(tx, scan->now, scan->random);
    struct due due[SCAN_MAX];
    TRY(find_due(&t, scan->limit < SCAN_MAX ? scan->limit : SCAN_MAX, due, worked));
    for (int64_t i = 0; i < *worked; i++) {
        struct aside a = {"terminal", due[i].meter_id, PART(due[i].circuit, due[i].item), t.now};
        a.meter_id = due[i].meter_id;
        TRY(aside_do(tx, &a, look_due, &due[i]));
    }
    return ERR_OK;
}
