#include "tests/unit/vend/vend_world.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>

#include "headend/headend_impl.h"
#include "ledger/ledger.h"
#include "tests/unit/check.h"

/* --- the platform's side -------------------------------------------------------------------------
 */

static enum err exec(struct store_tx *tx, void *sql)
{
    return store_exec(tx, sql, "");
}

void world_exec(struct world *w, const char *sql)
{
    assert_ok(store_run(w->store, exec, (void *)(uintptr_t)sql));
}

void world_open(struct world *w, uint64_t seed)
{
    *w = (struct world){.now = {WORLD_NOON}, .random = rand_split(seed, "vend")};
    assert_ok(
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    world_exec(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    world_exec(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
                  "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    world_exec(w, "INSERT INTO place (id, project_id, kind, code, name) "
                  "VALUES (1, 1, 'shop', 'A', 'A')");
    world_exec(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    world_exec(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                  "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    world_exec(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                  "strategy_code, opened_at) VALUES (7, 1, 1, 'a7', 'a7', 'meter', 'x', 'x', 1), "
                  "(8, 1, 1, 'a8', 'a8', 'platform', 'x', 'x', 1), "
                  "(9, 1, 1, 'a9', 'a9', 'meter', 'x', 'x', 1)");
    world_exec(w, "UPDATE account SET closed_at = 5 WHERE id = 9");
    world_exec(w,
               "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
               "kind) VALUES (11, 1, 7, 1, 1, '000000000011', 'yufu-shop', 'electricity')");
}

void world_close(struct world *w)
{
    store_close(w->store);
}

int world_setup(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_open(w, 1);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

struct call {
    struct world *w;
    struct vend_sale sale;
    struct vend_request request;
    struct vend_status *out;
    int64_t number;
    bool applied, abort;
    const struct uplink_outcome *outcome;
    const char *text;
};

static enum err end(const struct call *c)
{
    return c->abort ? ERR_IO_CLOSED : ERR_OK; /* a crash before the commit */
}

static bool dies(struct world *w)
{
    return rand_chance(&w->random, w->faults.rollback);
}

static enum err sell(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    TRY(vend_sell(tx, &c->sale, c->out));
    return end(c);
}

enum err world_sell_as(struct world *w, const struct vend_sale *sale, struct vend_status *out)
{
    struct vend_status ignored;
    struct call c = {.w = w, .sale = *sale, .out = out ? out : &ignored, .abort = dies(w)};
    c.sale.now = w->now;
    c.sale.random = rand_u64(&w->random);
    return store_run(w->store, sell, &c);
}

enum err world_sell(struct world *w, const char *order, int64_t amount_fen, struct vend_status *out)
{
    return world_sell_as(w,
                         &(struct vend_sale){.account_id = WORLD_ACCOUNT,
                                             .order_id = order,
                                             .amount_fen = amount_fen,
                                             .method = "cash",
                                             .actor = "user:1"},
                         out);
}

static enum err cancel(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    TRY(vend_cancel(tx, &c->request, c->out));
    return end(c);
}

static enum err resolve(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return vend_resolve(tx, &c->request, c->applied, c->out);
}

static struct call request(struct world *w, const char *order, struct vend_status *out)
{
    return (struct call){.w = w,
                         .out = out,
                         .abort = dies(w),
                         .request = {.account_id = WORLD_ACCOUNT,
                                     .order_id = order,
                                     .actor = "user:2",
                                     .reason = "asked",
                                     .now = w->now,
                                     .random = rand_u64(&w->random)}};
}

enum err world_cancel(struct world *w, const char *order, struct vend_status *out)
{
    struct vend_status ignored;
    struct call c = request(w, order, out ? out : &ignored);
    return store_run(w->store, cancel, &c);
}

enum err world_resolve(struct world *w, const char *order, bool applied, struct vend_status *out)
{
    struct vend_status ignored;
    struct call c = request(w, order, out ? out : &ignored);
    c.applied = applied;
    return store_run(w->store, resolve, &c);
}

static enum err tick(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct vend_scan scan = {c->w->now, 64, rand_u64(&c->w->random)};
    TRY(vend_tick(tx, &scan, &c->number));
    return end(c);
}

enum err world_tick(struct world *w)
{
    struct call c = {.w = w, .abort = dies(w)};
    return store_run(w->store, tick, &c);
}

static enum err status(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return vend_get(tx, WORLD_ACCOUNT, c->text, c->out);
}

struct vend_status world_status(struct world *w, const char *order)
{
    struct vend_status out;
    struct call c = {.w = w, .text = order, .out = &out};
    assert_ok(store_read(w->store, status, &c));
    return out;
}

enum vend_state world_state(struct world *w, const char *order)
{
    return world_status(w, order).state;
}

int64_t world_int(struct world *w, const char *sql)
{
    return sql_number(w->store, sql);
}

static enum err book(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    return ledger_balance(tx, WORLD_ACCOUNT, ledger_book_of(c->text), &c->number);
}

int64_t world_book(struct world *w, const char *name)
{
    struct call c = {.w = w, .text = name};
    assert_ok(store_read(w->store, book, &c));
    return c.number;
}

/* --- the meter
 * ------------------------------------------------------------------------------------ */

static enum uplink_reply meter_vend(struct world_meter *m, const struct uplink_command *c,
                                    const char *order)
{
    if (m->other_customer)
        return UPLINK_REPLY_CUSTOMER;
    if (c->n == m->count)
        return UPLINK_REPLY_REPEAT;
    if (c->n != m->count + 1)
        return UPLINK_REPLY_COUNT;
    if (m->hoard_fen && m->balance_fen + c->amount_fen > m->hoard_fen)
        return UPLINK_REPLY_HOARD;
    m->count = c->n;
    m->purchased_fen += c->amount_fen;
    m->balance_fen += c->amount_fen;
    assert_true(m->count < WORLD_RECORDS);
    m->record[m->count].amount_fen = c->amount_fen;
    snprintf(m->record[m->count].order, sizeof m->record[0].order, "%s", order);
    return UPLINK_REPLY_OK;
}

void world_foreign(struct world *w, int64_t amount_fen)
{
    struct uplink_command c = {.n = w->meter.count + 1, .amount_fen = amount_fen};
    w->meter.hoard_fen = 0;
    assert_int_equal(meter_vend(&w->meter, &c, ""), UPLINK_REPLY_OK);
}

int64_t world_applied(const struct world *w, const char *order)
{
    int64_t times = 0;
    for (int64_t n = 1; n <= w->meter.count; n++)
        times += strcmp(w->meter.record[n].order, order) == 0;
    return times;
}

/* --- the gateway
 * ---------------------------------------------------------------------------------- */

static void read_back(struct world *w, const struct uplink_command *c, struct uplink_outcome *o)
{
    o->count = o->record_n = o->record_amount_fen = o->purchased_fen = -1;
    o->balance_fen = INT64_MIN;
    if (rand_chance(&w->random, w->faults.read_lost)) {
        o->status = UPLINK_UNKNOWN;
        return;
    }
    o->status = UPLINK_DONE;
    o->count = w->meter.count;
    o->purchased_fen = w->meter.purchased_fen;
    o->balance_fen = w->meter.balance_fen;
    if (c->n > 0 && c->n <= w->meter.count && w->meter.count - c->n < 10) {
        o->record_n = c->n;
        o->record_amount_fen = w->meter.record[c->n].amount_fen;
    }
    if (rand_chance(&w->random, w->faults.read_garbled))
        o->count += (int64_t)rand_below(&w->random, 5) - 2;
    if (rand_chance(&w->random, w->faults.read_garbled))
        o->purchased_fen += (int64_t)rand_below(&w->random, 500);
    if (rand_chance(&w->random, w->faults.read_garbled))
        o->record_amount_fen += (int64_t)rand_below(&w->random, 500);
}

static void carry_out(struct world *w, const struct uplink_command *c, const char *order,
                      struct uplink_outcome *o)
{
    *o = (struct uplink_outcome){.command_id = c->id,
                                 .meter_id = c->meter_id,
                                 .epoch = c->epoch,
                                 .kind = c->kind,
                                 .at = w->now};
    if (c->epoch != 1) {
        o->status = UPLINK_NO_METER;
        o->count = o->record_n = o->purchased_fen = -1;
        return;
    }
    if (c->kind == UPLINK_VEND && w->meter.count == c->n - 1) { /* G4 */
        o->sent = true;
        if (!rand_chance(&w->random, w->faults.frame_lost))
            o->reply = meter_vend(&w->meter, c, order);
        if (rand_chance(&w->random, w->faults.reply_lost))
            o->reply = UPLINK_REPLY_NONE;
    }
    read_back(w, c, o);
    if (o->status == UPLINK_DONE && o->reply >= UPLINK_REPLY_COUNT)
        o->status = UPLINK_REFUSED;
}

static void say(struct world *w, const struct uplink_outcome *o)
{
    int times = 1 + rand_chance(&w->random, w->faults.outcome_twice);
    for (int i = 0; i < times && w->queued < WORLD_COMMANDS * 4; i++)
        w->queue[w->queued++] = *o;
}

static void gateway_take(struct world *w, const struct uplink_command *c, bool fence,
                         const char *order)
{
    for (size_t i = 0; i < w->done_count; i++)
        if (w->done[i].id == c->id) {
            say(w, &w->done[i].outcome);
            return;
        }
    assert_true(w->done_count < WORLD_COMMANDS);
    size_t i = w->done_count++;
    w->done[i].id = c->id;
    w->done[i].tombstone = fence;
    if (fence)
        w->done[i].outcome = (struct uplink_outcome){.command_id = c->id,
                                                     .meter_id = c->meter_id,
                                                     .epoch = c->epoch,
                                                     .kind = c->kind,
                                                     .status = UPLINK_FENCED,
                                                     .at = w->now,
                                                     .count = -1,
                                                     .record_n = -1,
                                                     .purchased_fen = -1,
                                                     .balance_fen = INT64_MIN};
    else
        carry_out(w, c, order, &w->done[i].outcome);
    say(w, &w->done[i].outcome);
}

struct open_command {
    struct uplink_command command;
    bool fence;
    char order[VEND_ORDER_ID_MAX + 1];
};

struct open_list {
    struct open_command list[64];
    size_t count;
};

static enum err open_commands(struct store_tx *tx, void *arg)
{
    struct open_list *open = arg;
    void *arena = aligned_alloc(16, UPLINK_ARENA);
    struct uplink_message m;
    struct query q = query_open(tx,
                                "SELECT body, state, ref FROM command "
                                "WHERE state IN ('waiting', 'fencing') ORDER BY created_at, id",
                                "");
    while (open->count < 64 && query_step(&q)) {
        struct open_command *o = &open->list[open->count++];
        struct bytes body = query_blob(&q, 0);
        assert_ok(uplink_message_decode(body.data, body.len, arena, &m));
        o->command = m.command;
        o->fence = query_text(&q, 1)[0] == 'f';
        snprintf(o->order, sizeof o->order, "%s", query_text(&q, 2));
    }
    free(arena);
    return query_end(&q);
}

void world_gateway(struct world *w)
{
    struct open_list open = {};
    assert_ok(store_read(w->store, open_commands, &open));
    for (size_t i = 0; i < open.count; i++)
        if (!rand_chance(&w->random, w->faults.send_lost))
            gateway_take(w, &open.list[i].command, open.list[i].fence, open.list[i].order);
}

static enum err deliver(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    bool fresh, fenced_before;
    struct headend_closing closing = {3, c->outcome, {(const uint8_t *)"x", 1}, c->w->now};
    TRY(headend_command_close(tx, &closing, &fresh, &fenced_before));
    if (!fresh)
        return ERR_OK;
    TRY(vend_outcome(
        tx, &(struct vend_evidence){NULL, c->outcome, c->w->now, rand_u64(&c->w->random)}));
    return end(c);
}

enum err world_deliver(struct world *w, size_t index)
{
    struct call c = {.w = w, .outcome = &w->queue[index], .abort = dies(w)};
    enum err e = store_run(w->store, deliver, &c);
    if (e == ERR_OK)
        w->queue[index] = w->queue[--w->queued];
    return e;
}

static bool quiet(struct world *w)
{
    return world_int(w, "SELECT count(*) FROM sale_order WHERE state IN ('PAID', 'BOUND', "
                        "'FENCED')") == 0 &&
           world_int(w, "SELECT count(*) FROM command WHERE state IN ('waiting', 'fencing')") == 0;
}

void world_settle(struct world *w)
{
    for (int i = 0; i < 200 && !(w->queued == 0 && quiet(w)); i++) {
        w->now.s += 60;
        assert_ok(world_tick(w));
        world_gateway(w);
        while (w->queued)
            assert_ok(world_deliver(w, 0));
    }
    assert_int_equal(w->queued, 0);
}

/* --- true-ups ------------------------------------------------------------------------------------
 */

struct true_up {
    int64_t id, fen;
    wall_s now;
};

static enum err post_true_up(struct store_tx *tx, void *arg)
{
    const struct true_up *u = arg;
    char key[32];
    snprintf(key, sizeof key, "true_up:%lld", (long long)u->id);
    struct ledger_entry e = {.account_id = WORLD_ACCOUNT,
                             .key = key,
                             .kind = "true_up",
                             .now = u->now,
                             .business_day = 20'454,
                             .actor = "system",
                             .postings = {{LEDGER_PREPAYMENT, -u->fen}, {LEDGER_REVENUE, u->fen}}};
    TRY(ledger_post(tx, &e, NULL));
    TRY(store_exec(tx,
                   "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, "
                   "begun_at) VALUES ($1, 1, 'x', $1, 1, 1)",
                   "i", u->id));
    TRY(store_exec(tx,
                   "INSERT INTO true_up (account_id, rerate_id, at, business_day, amount_fen, "
                   "grace_until, bill) VALUES (7, $1, 1, 1, $2, 0, '{}')",
                   "ii", u->id, u->fen));
    if (u->fen >= 0)
        return ERR_OK;
    return store_exec(tx,
                      "INSERT INTO true_up_sale (account_id, rerate_id, amount_fen) "
                      "VALUES (7, $1, $2)",
                      "ii", u->id, -u->fen);
}

void world_true_up(struct world *w, int64_t id, int64_t fen)
{
    struct true_up u = {id, fen, w->now};
    assert_ok(store_run(w->store, post_true_up, &u));
}

/* --- the end -------------------------------------------------------------------------------------
 */

static void blame(void *arg, int64_t account_id, const char *order, const char *what)
{
    (void)arg;
    print_error("verify: account %lld, %s: %s\n", (long long)account_id, order, what);
}

static enum err verify(struct store_tx *tx, void *arg)
{
    struct vend_check check;
    struct ledger_check books;
    struct ledger_watch watch = {};
    (void)arg;
    TRY(ledger_verify(tx, &watch, &books));
    return vend_verify(tx, blame, NULL, &check);
}

static enum err find_faults(struct store_tx *tx, void *arg)
{
    struct vend_check check;
    enum err e = vend_verify(tx, NULL, NULL, &check);
    *(int64_t *)arg = check.faults;
    return e == ERR_VEND_CHECK ? ERR_OK : e;
}

int64_t world_faults(struct world *w)
{
    int64_t faults;
    assert_ok(store_read(w->store, find_faults, &faults));
    return faults;
}

void world_verify(struct world *w)
{
    assert_ok(store_read(w->store, verify, NULL));
}

void world_know_wallet(struct world *w)
{
    assert_ok(world_sell(w, "order-first", 100, NULL));
    world_settle(w);
    assert_int_equal(world_state(w, "order-first"), VEND_CONFIRMED);
}
