/*
 * A visit: one command carried out at one meter without another word between its steps.
 *
 *   VEND   COUNT ─ n-1 ─► SEND ─► COUNT ─► ...      until the count says n or beyond, or tries end
 *            └─ else ───────────────────► RECORD_COUNT ► RECORD_AMOUNT ► PURCHASED ► BALANCE ►
 *   READ   COUNT ────────────────────────► OVERDRAFT ► end       (never sends)
 *   RELAY  SEND ─► STATE ─► end, or once more; a meter that takes its time is left alone between
 *   KEEP   as RELAY
 *   REGISTER  as RELAY; STATE reads the register back, or what shows that it was taken
 *   EXERCISE  STATE ─ open ─► SEND, once ─► STATE until it is open again; never on a closed valve
 *
 * A resumed RELAY or KEEP reads STATE first. What the meter says to SEND is a hint; what is read
 * back is the answer. A count that is not what it should be must be seen twice to be believed: the
 * sum on the wire is one byte, and one frame in some hundred damaged ones passes it.
 */
#include "base/must.h"
#include "gateway/gateway_impl.h"

#define SENDS_MAX 3
#define LOOKS_MAX 6
#define READ_ATTEMPTS 3  /* while it is not known whether the meter answers at all */
#define LOOK_ATTEMPTS 6  /* once it has: half a visit proves nothing */

static enum meter_order order_of(const struct uplink_command *c)
{
    if (c->kind == UPLINK_KEEP)
        return c->on ? METER_ORDER_KEEP_ON : METER_ORDER_KEEP_OFF;
    if (c->kind == UPLINK_EXERCISE)
        return METER_ORDER_EXERCISE;
    return c->open ? METER_ORDER_OPEN : METER_ORDER_CLOSE;
}

static const struct meter_unit *unit_of(struct gateway *g, size_t line)
{
    const struct gateway_line *l = &g->lines[line];
    return &g->meters[l->meters[l->visit.peer]].unit;
}

/* The record that should hold purchase n, counted from the newest: 1 .. METER_RECORDS; else 0. */
static unsigned record_of(const struct visit *v, int64_t n)
{
    int64_t back = v->outcome.count - n + 1;
    return back >= 1 && back <= METER_RECORDS ? (unsigned)back : 0;
}

/* --- asking ---------------------------------------------------------------------------------------- */

static const enum meter_wallet_item wallet_items[VISIT_STEP_COUNT] = {
    [VISIT_COUNT] = METER_WALLET_COUNT,
    [VISIT_RECORD_COUNT] = METER_WALLET_RECORD_COUNT,
    [VISIT_RECORD_AMOUNT] = METER_WALLET_RECORD_AMOUNT,
    [VISIT_PURCHASED] = METER_WALLET_PURCHASED,
    [VISIT_BALANCE] = METER_WALLET_BALANCE,
    [VISIT_OVERDRAFT] = METER_WALLET_OVERDRAFT,
};

static enum err write_act(const struct uplink_command *c, const struct meter_unit *u,
                          struct writer *w)
{
    if (c->kind == UPLINK_REGISTER)
        return meter_terminal_ask_write(u, (enum meter_terminal_item)c->item, (unsigned)c->circuit,
                                        (struct bytes){c->data, c->data_len}, w);
    if (c->kind == UPLINK_VEND)
        return meter_ask_vend(u, c->n, c->amount_fen, w);
    return meter_ask_order(u, order_of(c), (unsigned)c->circuit,
                           c->open ? c->not_after : (wall_s){0}, w);
}

static enum err write_request(const struct visit *v, const struct uplink_command *c,
                              const struct meter_unit *u, struct writer *w)
{
    switch (v->step) {
    case VISIT_SEND:
        return write_act(c, u, w);
    case VISIT_STATE:
        if (c->kind == UPLINK_REGISTER)
            return meter_terminal_ask(u, meter_terminal_proof((enum meter_terminal_item)c->item),
                                      (unsigned)c->circuit, w);
        if (!meter_can(u, order_of(c)))
            return ERR_STATE;
        meter_ask_item(u, meter_order_item(u, order_of(c)), w);
        return w->err;
    default:
        meter_ask_wallet(u, wallet_items[v->step], record_of(v, c->n), w);
        return w->err;
    }
}

static void end(struct gateway *g, size_t line, enum uplink_status status,
                const struct gateway_now *now);

static void go(struct gateway *g, const struct gateway_now *now, size_t line, enum visit_step step)
{
    struct gateway_line *l = &g->lines[line];
    struct visit *v = &l->visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    struct bus_job job = {.tag = GATEWAY_TAG_VISIT,
                          .peer = v->peer,
                          .news = true,
                          .priority = v->sends + v->looks == 0 && step != VISIT_SEND ? BUS_ORDER
                                                                                    : BUS_STEP,
                          .attempts = step == VISIT_SEND      ? 1
                                      : v->outcome.count >= 0 ? LOOK_ATTEMPTS
                                                              : READ_ATTEMPTS};
    struct writer w = writer_of(job.request, sizeof job.request);
    MUST(c);
    v->step = step;
    enum err e = write_request(v, &c->command, unit_of(g, line), &w);
    job.len = (uint16_t)w.len;
    if (e != ERR_OK) { /* this model cannot do it: nothing was sent */
        end(g, line, UPLINK_REFUSED, now);
        return;
    }
    v->sends += step == VISIT_SEND;
    if (bus_submit(&l->bus, &job) != ERR_OK)
        end(g, line, UPLINK_UNKNOWN, now);
}

/* --- beginning and ending ------------------------------------------------------------------------------ */

static bool only_reads(const struct uplink_command *c)
{
    return c->kind == UPLINK_REGISTER && c->data_len == 0;
}

static bool looks_first(const struct uplink_command *c)
{
    return only_reads(c) || c->kind == UPLINK_EXERCISE;
}

void gateway_visit_begin(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct open_command *c)
{
    const struct gateway_meter *m = gateway_meter_of(g, c->command.meter_id);
    struct open_command *mine = gateway_command_find(g, c->command.id);
    MUST(m && mine && m->line == line);
    g->lines[line].visit = (struct visit){
        .command_id = c->command.id,
        .peer = m->peer,
        .seen = -1,
        .outcome = {.command_id = c->command.id,
                    .meter_id = c->command.meter_id,
                    .epoch = c->command.epoch,
                    .kind = c->command.kind,
                    .sent = gateway_command_acted(c),
                    .count = -1,
                    .record_n = -1,
                    .record_amount_fen = -1,
                    .purchased_fen = -1,
                    .balance_fen = INT64_MIN,
                    .circuit = c->command.circuit,
                    .item = c->command.item,
                    .version = c->command.version,
                    .relay_open = -1,
                    .keep_power = -1}};
    bool resumed = mine->started;
    mine->started = true;
    mine->parked_until = (mono_ms){0};
    if (gateway_command_is_wallet(&c->command))
        go(g, now, line, VISIT_COUNT);
    else
        go(g, now, line, resumed || looks_first(&c->command) ? VISIT_STATE : VISIT_SEND);
}

void gateway_visit_settle(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct visit *v = &g->lines[line].visit;
    (void)now;
    if (v->command_id == 0 || v->step != VISIT_NONE)
        return;
    if (gateway_command_finish(g, &v->outcome, v->undated) == ERR_OK)
        *v = (struct visit){0};
}

void gateway_visit_drop(struct gateway *g, size_t line)
{
    struct gateway_line *l = &g->lines[line];
    (void)bus_cancel(&l->bus, GATEWAY_TAG_VISIT); /* false: none waits */
    if (l->visit.step != VISIT_NONE)
        l->visit = (struct visit){0};
}

/* The outcome stands in the visit until it is committed: a full disk must not lose it. */
static void end(struct gateway *g, size_t line, enum uplink_status status,
                const struct gateway_now *now)
{
    struct gateway_line *l = &g->lines[line];
    struct visit *v = &l->visit;
    v->step = VISIT_NONE;
    v->outcome.status = status;
    v->outcome.at = now->wall;
    v->undated = !now->trusted;
    l->owes_sweep = v->outcome.kind == UPLINK_VEND || v->outcome.kind == UPLINK_READ;
    if (v->outcome.kind != UPLINK_REGISTER || v->outcome.sent)
        plan_hurry(&l->plan, v->peer, (mono_ms){0});
    if (gateway_command_finish(g, &v->outcome, v->undated) == ERR_OK)
        *v = (struct visit){0};
}

/* --- the wallet -------------------------------------------------------------------------------------------- */

static bool may_send(const struct visit *v, const struct open_command *c)
{
    return c->command.kind == UPLINK_VEND && !c->fenced && v->sends < SENDS_MAX;
}

/* REFUSED only if the meter said no and has not counted it; the rest is evidence. */
static enum uplink_status wallet_status(const struct visit *v, const struct uplink_command *c)
{
    if (v->outcome.count < 0)
        return UPLINK_UNKNOWN;
    bool said_no = v->outcome.reply != UPLINK_REPLY_NONE && v->outcome.reply != UPLINK_REPLY_OK;
    return said_no && v->outcome.count < c->n ? UPLINK_REFUSED : UPLINK_DONE;
}

static bool expected_count(const struct visit *v, const struct uplink_command *c, int64_t count)
{
    if (c->kind == UPLINK_READ)
        return false;
    return count == c->n - 1 || (v->sends > 0 && count == c->n);
}

static bool answered_no(const struct visit *v)
{
    return v->outcome.reply != UPLINK_REPLY_NONE;
}

static void count_read(struct gateway *g, const struct gateway_now *now, size_t line, int64_t count)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    if (!expected_count(v, &c->command, count) && v->seen != count && v->looks < LOOKS_MAX) {
        v->seen = count;
        v->looks++;
        go(g, now, line, VISIT_COUNT);
        return;
    }
    v->outcome.count = count;
    v->looks = 0;
    v->seen = -1;
    bool refused = v->sends > 0 && answered_no(v) && v->outcome.reply != UPLINK_REPLY_OK;
    if (count == c->command.n - 1 && may_send(v, c) && !refused)
        go(g, now, line, VISIT_SEND);
    else if (record_of(v, c->command.n) > 0)
        go(g, now, line, VISIT_RECORD_COUNT);
    else
        go(g, now, line, VISIT_PURCHASED);
}

static void value_read(struct gateway *g, const struct gateway_now *now, size_t line, int64_t value)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    switch (v->step) {
    case VISIT_COUNT:
        count_read(g, now, line, value);
        break;
    case VISIT_RECORD_COUNT:
        v->outcome.record_n = value;
        go(g, now, line, VISIT_RECORD_AMOUNT);
        break;
    case VISIT_RECORD_AMOUNT:
        v->outcome.record_amount_fen = value;
        go(g, now, line, VISIT_PURCHASED);
        break;
    case VISIT_PURCHASED:
        v->outcome.purchased_fen = value;
        go(g, now, line, VISIT_BALANCE);
        break;
    case VISIT_BALANCE:
        v->outcome.balance_fen = value;
        if (value > 0) /* an overdraft is in use only when nothing remains */
            end(g, line, wallet_status(v, &c->command), now);
        else
            go(g, now, line, VISIT_OVERDRAFT);
        break;
    default:
        if (value > 0)
            v->outcome.balance_fen = -value;
        end(g, line, wallet_status(v, &c->command), now);
    }
}

/* Without the count, or without the record that the count points to, nothing is proven. */
static void wallet_failed(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    if (v->step == VISIT_RECORD_COUNT || v->step == VISIT_RECORD_AMOUNT)
        v->outcome.count = v->outcome.record_n = v->outcome.record_amount_fen = -1;
    end(g, line, wallet_status(v, &c->command), now);
}

static void wallet_answer(struct gateway *g, const struct gateway_now *now, size_t line,
                          const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    int64_t value = 0;
    enum err e = r->err;
    if (e == ERR_OK)
        e = meter_take_wallet(unit_of(g, line), wallet_items[v->step],
                              record_of(v, c->command.n), (struct bytes){r->answer, r->len}, &value);
    if (e == ERR_OK)
        value_read(g, now, line, value);
    else if (r->err == ERR_OK && v->looks++ < LOOKS_MAX)
        go(g, now, line, v->step); /* the answer's content was damaged behind a good sum */
    else
        wallet_failed(g, now, line);
}

static void vend_sent(struct gateway *g, const struct gateway_now *now, size_t line,
                      const struct bus_result *r)
{
    static const enum uplink_reply replies[] = {
        [METER_REPLY_NONE] = UPLINK_REPLY_NONE,         [METER_REPLY_OK] = UPLINK_REPLY_OK,
        [METER_REPLY_REPEAT] = UPLINK_REPLY_REPEAT,     [METER_REPLY_COUNT] = UPLINK_REPLY_COUNT,
        [METER_REPLY_CUSTOMER] = UPLINK_REPLY_CUSTOMER, [METER_REPLY_HOARD] = UPLINK_REPLY_HOARD,
        [METER_REPLY_AUTH] = UPLINK_REPLY_AUTH,         [METER_REPLY_OTHER] = UPLINK_REPLY_OTHER,
    };
    struct visit *v = &g->lines[line].visit;
    v->outcome.sent = v->outcome.sent || r->sent > 0;
    if (r->err == ERR_OK)
        v->outcome.reply =
            replies[meter_take_vend(unit_of(g, line), (struct bytes){r->answer, r->len})];
    go(g, now, line, VISIT_COUNT);
}

/* --- the relay ----------------------------------------------------------------------------------------------- */

static bool too_late(const struct gateway_now *now, const struct uplink_command *c)
{
    return c->not_after.s != 0 && (!now->trusted || now->wall.s > c->not_after.s);
}

static bool state_says(struct gateway *g, size_t line, const struct uplink_command *c,
                       const struct bus_result *r, int *met)
{
    struct visit *v = &g->lines[line].visit;
    const struct meter_unit *u = unit_of(g, line);
    struct meter_values values = {.next_item = -1};
    if (r->err != ERR_OK ||
        meter_take_item(u, meter_order_item(u, order_of(c)), (struct bytes){r->answer, r->len},
                        &values) != ERR_OK)
        return false;
    *met = meter_order_met(u, order_of(c), (unsigned)c->circuit, &values);
    v->outcome.relay_open = meter_values_get(&values, POINT_RELAY_OPEN, -1);
    v->outcome.keep_power = meter_values_get(&values, POINT_KEEP_POWER, -1);
    return *met >= 0;
}

static void state_read(struct gateway *g, const struct gateway_now *now, size_t line,
                       const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    int met = -1;
    bool known = state_says(g, line, &c->command, r, &met);
    bool again = v->sends < SENDS_MAX && !c->fenced && !too_late(now, &c->command) &&
                 !gateway_command_overtaken(g, &c->command);
    if (!known && r->err == ERR_OK && v->looks++ < LOOKS_MAX)
        go(g, now, line, VISIT_STATE);
    else if (!known)
        end(g, line, UPLINK_UNKNOWN, now);
    else if (met == 1)
        end(g, line, UPLINK_DONE, now);
    else if (again && v->outcome.reply != UPLINK_REPLY_OTHER)
        go(g, now, line, VISIT_SEND);
    else
        end(g, line, v->outcome.sent ? UPLINK_REFUSED : UPLINK_EXPIRED, now);
}

/* --- registers ------------------------------------------------------------------------------------------ */

static enum err take_register(struct gateway *g, size_t line, const struct uplink_command *c,
                              const struct bus_result *r)
{
    struct uplink_outcome *o = &g->lines[line].visit.outcome;
    if (r->err != ERR_OK)
        return r->err;
    return meter_terminal_take(unit_of(g, line),
                               meter_terminal_proof((enum meter_terminal_item)c->item),
                               (unsigned)c->circuit, (struct bytes){r->answer, r->len}, o->data,
                               &o->data_len);
}

/* What shows itself only in the status must have been answered as well. */
static bool register_met(const struct uplink_command *c, const struct uplink_outcome *o)
{
    enum meter_terminal_item item = (enum meter_terminal_item)c->item;
    bool shows = meter_terminal_met(item, (struct bytes){c->data, c->data_len},
                                    (struct bytes){o->data, o->data_len});
    return shows && (meter_terminal_proof(item) == item || o->reply == UPLINK_REPLY_OK);
}

static enum uplink_status register_status(const struct uplink_command *c,
                                          const struct uplink_outcome *o)
{
    enum meter_terminal_item item = (enum meter_terminal_item)c->item;
    if (!o->sent)
        return UPLINK_EXPIRED;
    bool unseen = meter_terminal_proof(item) != item && o->reply == UPLINK_REPLY_NONE;
    return unseen ? UPLINK_UNKNOWN : UPLINK_REFUSED;
}

static void register_read(struct gateway *g, const struct gateway_now *now, size_t line,
                          const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    enum err e = take_register(g, line, &c->command, r);
    bool again = v->sends < SENDS_MAX && !c->fenced && !too_late(now, &c->command) &&
                 v->outcome.reply != UPLINK_REPLY_OTHER;
    if (e == ERR_METER_REFUSED)
        end(g, line, UPLINK_REFUSED, now);
    else if (e != ERR_OK && r->err == ERR_OK && v->looks++ < LOOKS_MAX)
        go(g, now, line, VISIT_STATE);
    else if (e != ERR_OK)
        end(g, line, UPLINK_UNKNOWN, now);
    else if (only_reads(&c->command) || register_met(&c->command, &v->outcome))
        end(g, line, UPLINK_DONE, now);
    else if (again)
        go(g, now, line, VISIT_SEND);
    else
        end(g, line, register_status(&c->command, &v->outcome), now);
}

#define PARKS_MAX 3

/* An exercise that nobody answered to may be under way: half-way it would tell nothing. */
static bool may_move(const struct visit *v, const struct open_command *c)
{
    bool unanswered = c->command.kind == UPLINK_EXERCISE && v->outcome.sent &&
                      v->outcome.reply == UPLINK_REPLY_NONE && c->parks == 0;
    return unanswered || v->outcome.reply == UPLINK_REPLY_OK;
}

/* What takes its time (a valve) is looked at later, and the line goes on meanwhile. The command stays
 * open and begun: it is taken up by reading back. */
static bool park(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct visit *v = &g->lines[line].visit;
    struct open_command *c = gateway_command_find(g, v->command_id);
    int32_t act_ms = unit_of(g, line)->model->limits.act_ms;
    if (act_ms == 0 || !may_move(v, c) || c->parks == PARKS_MAX)
        return false;
    c->accepted = v->outcome.reply == UPLINK_REPLY_OK;
    c->parks++;
    c->parked_until = mono_after(now->mono, act_ms);
    *v = (struct visit){0};
    return true;
}

/* --- the exercise ---------------------------------------------------------------------------------------- */

static bool valve_read(struct gateway *g, size_t line, const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct meter_unit *u = unit_of(g, line);
    struct meter_values values = {.next_item = -1};
    if (r->err != ERR_OK ||
        meter_take_item(u, meter_order_item(u, METER_ORDER_EXERCISE),
                        (struct bytes){r->answer, r->len}, &values) != ERR_OK)
        return false;
    v->outcome.relay_open = meter_values_get(&values, POINT_RELAY_OPEN, -1);
    return true;
}

/* Before anything was sent: only an open valve is moved. Whether a gateway that died in between had
 * sent it is not known. */
static void exercise_begins(struct gateway *g, const struct gateway_now *now, size_t line)
{
    const struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    if (v->outcome.sent)
        end(g, line, UPLINK_UNKNOWN, now);
    else if (too_late(now, &c->command))
        end(g, line, UPLINK_EXPIRED, now);
    else if (v->outcome.relay_open != 0 || c->fenced)
        end(g, line, UPLINK_REFUSED, now);
    else
        go(g, now, line, VISIT_SEND);
}

static void exercise_read(struct gateway *g, const struct gateway_now *now, size_t line,
                          const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    bool known = valve_read(g, line, r);
    if (c->accepted) /* before it was left alone */
        v->outcome.reply = UPLINK_REPLY_OK;
    if (!known && r->err == ERR_OK && v->looks++ < LOOKS_MAX)
        go(g, now, line, VISIT_STATE);
    else if (!known)
        end(g, line, UPLINK_UNKNOWN, now);
    else if (c->parks == 0 && v->sends == 0)
        exercise_begins(g, now, line);
    else if (v->outcome.reply == UPLINK_REPLY_NONE)
        end(g, line, UPLINK_UNKNOWN, now);
    else if (v->outcome.reply == UPLINK_REPLY_OK && v->outcome.relay_open == 0)
        end(g, line, UPLINK_DONE, now);
    else if (!park(g, now, line))
        end(g, line, UPLINK_REFUSED, now);
}

static void order_sent(struct gateway *g, const struct gateway_now *now, size_t line,
                       const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    v->outcome.sent = v->outcome.sent || r->sent > 0;
    if (r->err == ERR_OK) {
        enum meter_reply reply =
            meter_take_order(unit_of(g, line), (struct bytes){r->answer, r->len});
        v->outcome.reply = reply == METER_REPLY_OK     ? UPLINK_REPLY_OK
                           : reply == METER_REPLY_NONE ? UPLINK_REPLY_NONE
                                                       : UPLINK_REPLY_OTHER;
    }
    if (!park(g, now, line))
        go(g, now, line, VISIT_STATE);
}

void gateway_visit_result(struct gateway *g, const struct gateway_now *now, size_t line,
                          const struct bus_result *r)
{
    struct visit *v = &g->lines[line].visit;
    const struct open_command *c = gateway_command_find(g, v->command_id);
    if (!c || v->step == VISIT_NONE)
        return;
    if (v->step == VISIT_SEND && c->command.kind == UPLINK_VEND)
        vend_sent(g, now, line, r);
    else if (v->step == VISIT_SEND)
        order_sent(g, now, line, r);
    else if (v->step == VISIT_STATE && c->command.kind == UPLINK_REGISTER)
        register_read(g, now, line, r);
    else if (v->step == VISIT_STATE && c->command.kind == UPLINK_EXERCISE)
        exercise_read(g, now, line, r);
    else if (v->step == VISIT_STATE)
        state_read(g, now, line, r);
    else
        wallet_answer(g, now, line, r);
}
