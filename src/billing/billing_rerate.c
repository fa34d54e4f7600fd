/*
 * Rating again what was settled, when a price, a contract's terms or a ratio begin in the past.
 *
 * What a settled period should cost is a question to the versions as they stand in the table now,
 * not to the version whose saving began this: so two of them at once, in any order, end at the same
 * sum. An account is worked out whole before anything of it is written; the difference is one
 * transaction with the key 'true_up:RERATE', and the cursor moves in the same commit.
 *
 * Of an account with its wallet in the meter the settled sum is what the meter took, so the
 * difference has in it what the meter's own arithmetic differs by. What goes back is sold into the
 * meter; what is owed is kept from later sales (vend/vend_keep.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/billing_rerate_impl.h"
#include "journal/detail.h"
#include "ledger/ledger.h"

static const char *const causes[RERATE_CAUSES] = {"plan", "terms", "ratio"};

const char *rerate_cause_name(enum rerate_cause cause)
{
    return causes[cause];
}

/* The change of one period. */
struct change {
    const struct basis *old;
    int64_t version, last, amount_fen;    /* new; the version at its beginning and at its end */
    int64_t ratio, last_ratio, energy_wh; /* likewise */
    struct rating_position before;
    bool estimated;
};

/* One meter of the account. */
struct chain {
    struct basis *list;
    struct change *changes; /* one a period */
    size_t count, done;
    struct charge charge; /* open; account 0: none */
    struct rating_position after;
};

struct account {
    struct store_tx *tx;
    const struct billing *b;
    const struct run *run;
    struct site_account site;
    int32_t offset_s;
    wall_s now;
    struct chain chains[BILLING_METERS_MAX];
    size_t chain_count;
    int64_t amount_fen;            /* owed besides */
    struct rating_bill *bill;      /* room */
    struct rating_shared together; /* what its meters count together, as the walk goes on */
    /* the ladder that its meters share, once one of them was counted; "": none */
    char shared_holder[64];
    int32_t shared_day;
    int64_t shared_wh;
};

/* --- a price that begins within a period
 * ------------------------------------------------------------ */

struct look {
    const struct account *a;
    int64_t meter_id;
    wall_s at;
    struct readings_registers *out;
};

static enum err look_at(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_registers_at(l->a->b->readings, tx, l->meter_id, l->at, l->out);
}

static enum err look_after(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_registers_after(l->a->b->readings, tx, l->meter_id, l->at, l->out);
}

static enum err no_news(enum err e)
{
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Readings inside the period come nearer than its ends. */
static enum err come_nearer(const struct account *a, const struct basis *p, struct moment *m)
{
    struct readings_registers r = {};
    struct look l = {a, p->meter_id, m->at, &r};
    TRY(no_news(store_read(a->b->readings_store, look_at, &l)));
    if (r.epoch == p->epoch && r.at.s > m->before.at.s && r.at.s <= m->at.s) {
        m->before.at = r.at;
        memcpy(m->before.wh, r.wh, sizeof r.wh);
    }
    r = (struct readings_registers){};
    TRY(no_news(store_read(a->b->readings_store, look_after, &l)));
    if (r.epoch == p->epoch && r.at.s >= m->at.s && r.at.s < m->after.at.s) {
        m->after.at = r.at;
        memcpy(m->after.wh, r.wh, sizeof r.wh);
    }
    return ERR_OK;
}

/* The registers at `at`, which lies within the period; *estimated if no reading is near. */
static enum err part_at(const struct account *a, const struct basis *p,
                        const struct rating_plan *plan, wall_s at, struct known *out,
                        bool *estimated)
{
    struct moment m = {plan, p->offset_s, at, p->from, p->to};
    out->at = at;
    if (at.s >= p->to.at.s) { /* nothing was measured after it */
        *out = p->to;
        return ERR_OK;
    }
    TRY(come_nearer(a, p, &m));
    if (at.s - m.before.at.s <= FRESH_S) {
        *out = m.before;
        return ERR_OK;
    }
    *estimated = true;
    return moment_share(&m, out->wh);
}

/* --- one period
 * -------------------------------------------------------------------------------------- */

/* The version that holds at `at`, and where it ends. A plan that began later was the one there was:
 * then the version that the period was settled under stands. */
static enum err version_at(const struct account *a, const struct basis *p, wall_s at,
                           struct billing_plan *plan, wall_s *until)
{
    struct site_version next;
    enum err e = billing_plan_in_force(a->tx, a->site.project_id, p->plan_code, at, plan);
    if (e == ERR_SITE_PLAN_UNKNOWN)
        e = billing_plan_version(a->tx, a->site.project_id, p->plan_code, p->plan_version, plan);
    TRY(e);
    *until = p->closed_at;
    e = site_plan_next(a->tx, a->site.project_id, p->plan_code, at, &next);
    if (e == ERR_OK && next.effective_at.s < p->closed_at.s)
        *until = next.effective_at;
    return no_news(e);
}

static enum err earlier(enum err e, wall_s at, wall_s *until)
{
    if (e == ERR_OK && at.s < until->s)
        *until = at;
    return no_news(e);
}

/* Terms and transformers that change within the period part it as a price does. */
static enum err part_further(const struct account *a, const struct basis *p, wall_s at,
                             wall_s *until)
{
    wall_s next = {};
    TRY(earlier(site_terms_next(a->tx, a->site.id, at, &next), next, until));
    return earlier(store_int(a->tx, &next.s,
                             "SELECT from_at FROM meter_ratio WHERE meter_id = $1 "
                             "AND from_at > $2 ORDER BY from_at LIMIT 1",
                             "ii", p->meter_id, at.s),
                   next, until);
}

/* Where a ladder stands that several meters count in. Of the account: as this walk has counted it
 * so far, at first as it stood before. Of a group: as it stood, because prices move no energy. */
static void enter_shared(const struct account *a, const struct case_made *made,
                         const struct rating_position *stood, struct rating_position *position)
{
    bool own = made->holder[0] == 'a' && a->shared_holder[0];
    if (!made->holder[0])
        return;
    position->cycle_day = own ? a->shared_day : stood->cycle_day;
    position->used_wh = own ? a->shared_wh : stood->used_wh;
}

static void leave_shared(struct account *a, const struct case_made *made,
                         const struct rating_position *position)
{
    if (made->holder[0] != 'a')
        return;
    memcpy(a->shared_holder, made->holder, sizeof a->shared_holder);
    a->shared_day = position->cycle_day;
    a->shared_wh = position->used_wh;
}

/* One stretch of a period under one version; `stood` is where the period began when it was settled.
 */
static enum err rate_piece(struct account *a, const struct case_source *source,
                           const struct rating_position *stood, struct rating_position *position)
{
    struct case_made made;
    TRY(case_make(source, &made));
    /* More energy in a group's ladder would move the steps of the other accounts. */
    if (a->run->cause == RERATE_RATIO && made.holder[0] == 'g') {
        case_free(&made);
        return ERR_BILLING_PAST_GROUP;
    }
    enter_shared(a, &made, stood, position);
    enum err e = rating_period(source->plan, &made.c, position, a->bill);
    if (e == ERR_OK)
        leave_shared(a, &made, position);
    case_free(&made);
    return e;
}

/* The period under the versions that hold now, from `position` on. */
static enum err rate_again(struct account *a, const struct basis *p,
                           struct rating_position *position, struct change *c)
{
    struct billing_plan plan;
    struct case_source piece = {.tx = a->tx,
                                .readings = a->b->readings,
                                .b = a->b,
                                .account = &a->site,
                                .plan = &plan.plan,
                                .meter_id = p->meter_id,
                                .opened_at = p->opened_at,
                                .from = p->from,
                                .offset_s = p->offset_s};
    *c = (struct change){
        .old = p,
        .before = *position,
        .estimated = (p->estimated & (BASIS_OPENING_ESTIMATED | BASIS_CLOSING_ESTIMATED)) != 0};
    while (piece.opened_at.s < p->closed_at.s) {
        TRY(version_at(a, p, piece.opened_at, &plan, &piece.closed_at));
        TRY(part_further(a, p, piece.opened_at, &piece.closed_at));
        TRY(billing_ratio_at(a->tx, p->meter_id, piece.opened_at, &piece.ratio));
        piece.to = p->to;
        if (piece.closed_at.s < p->closed_at.s)
            TRY(part_at(a, p, &plan.plan, piece.closed_at, &piece.to, &c->estimated));
        piece.last = (p->estimated & BASIS_MONTH_ENDS) && piece.closed_at.s == p->closed_at.s;
        piece.goes_on = piece.last && (p->estimated & BASIS_GOES_ON);
        struct rating_position stood = piece.opened_at.s == p->opened_at.s ? p->before : *position;
        TRY(rate_piece(a, &piece, &stood, position));
        TRY(units_add(c->amount_fen, a->bill->amount_fen, &c->amount_fen));
        TRY(units_add(c->energy_wh, a->bill->energy_wh, &c->energy_wh));
        c->version = c->version ? c->version : plan.version;
        c->last = plan.version;
        c->ratio = c->ratio ? c->ratio : piece.ratio;
        c->last_ratio = piece.ratio;
        piece.from = piece.to;
        piece.opened_at = piece.closed_at;
    }
    return ERR_OK;
}

/* --- one account
 * ------------------------------------------------------------------------------------- */

/* Settled after the price began, but without what is needed: by an older release. */
static enum err check_basis(struct account *a)
{
    int64_t missing;
    TRY(store_int(a->tx, &missing,
                  "SELECT count(*) FROM settlement s WHERE s.account_id = $1 AND s.closed_at > $2 "
                  "AND NOT EXISTS (SELECT 1 FROM settlement_basis b "
                  "WHERE b.account_id = s.account_id AND b.meter_id = s.meter_id "
                  "AND b.epoch = s.epoch AND b.opened_at = s.opened_at)",
                  "ii", a->site.id, a->run->effective_at.s));
    return missing > 0 ? ERR_BILLING_BASIS : ERR_OK;
}

static enum err rate_next(struct account *a, struct chain *chain)
{
    const struct basis *p = &chain->list[chain->done];
    struct change *c = &chain->changes[chain->done];
    int64_t more;
    /* A meter that came (back) to the account begins anew. */
    if (chain->done == 0 || !p->before.begun)
        chain->after = p->before;
    chain->after.shared = a->together;
    TRY(rate_again(a, p, &chain->after, c));
    bool ended = (p->estimated & BASIS_MONTH_ENDS) && !(p->estimated & BASIS_GOES_ON);
    a->together = ended ? (struct rating_shared){} : chain->after.shared;
    TRY(units_sub(c->amount_fen, p->amount_fen, &more));
    chain->done++;
    return units_add(a->amount_fen, more, &a->amount_fen);
}

/* The meter whose next period ended first: they may share a ladder. NULL: all are done. */
static struct chain *find_next(struct account *a)
{
    struct chain *next = NULL;
    for (size_t i = 0; i < a->chain_count; i++) {
        struct chain *c = &a->chains[i];
        if (c->done < c->count &&
            (!next || c->list[c->done].closed_at.s < next->list[next->done].closed_at.s))
            next = c;
    }
    return next;
}

static enum err add_chain(struct account *a, int64_t meter_id, struct chain **out)
{
    for (size_t i = 0; i < a->chain_count; i++)
        if (a->chains[i].charge.meter_id == meter_id) {
            *out = &a->chains[i];
            return ERR_OK;
        }
    if (a->chain_count == BILLING_METERS_MAX)
        return ERR_BILLING_METERS;
    *out = &a->chains[a->chain_count++];
    (*out)->charge.meter_id = meter_id;
    return ERR_OK;
}

/* Meters with an open charge, and those that were settled since and have gone. */
static enum err find_chains(struct account *a)
{
    struct charge open[BILLING_METERS_MAX];
    size_t count;
    struct chain *chain;
    TRY(charge_list(a->tx, a->site.id, open, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(add_chain(a, open[i].meter_id, &chain));
        chain->charge = open[i];
    }
    enum err e = ERR_OK;
    struct query q = query_open(a->tx,
                                "SELECT DISTINCT meter_id FROM settlement_basis "
                                "WHERE account_id = $1 AND closed_at > $2",
                                "ii", a->site.id, a->run->effective_at.s);
    while (e == ERR_OK && query_step(&q))
        e = add_chain(a, query_int(&q, 0), &chain);
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* As it stood before the first of their periods. */
static void find_together(struct account *a)
{
    bool found = false;
    for (size_t i = 0; i < a->chain_count; i++) {
        const struct chain *c = &a->chains[i];
        if (c->count == 0 || (found && c->list[0].before.shared.until_s >= a->together.until_s))
            continue;
        a->together = c->list[0].before.shared;
        found = true;
    }
}

static enum err work_out(struct account *a)
{
    TRY(check_basis(a));
    TRY(find_chains(a));
    for (size_t i = 0; i < a->chain_count; i++) {
        struct chain *chain = &a->chains[i];
        TRY(basis_list(a->tx, a->site.id, chain->charge.meter_id, a->run->effective_at,
                       &chain->list, &chain->count));
        chain->changes = calloc(chain->count + 1, sizeof *chain->changes);
        if (!chain->changes)
            return ERR_MEMORY;
    }
    find_together(a);
    for (struct chain *next; (next = find_next(a));)
        TRY(rate_next(a, next));
    return ERR_OK;
}

/* --- the true-up
 * --------------------------------------------------------------------------------------- */

static bool differs(const struct change *c)
{
    return c->amount_fen != c->old->amount_fen || c->version != c->old->plan_version ||
           c->energy_wh != c->old->energy_wh;
}

static void print_ratio(FILE *out, const struct change *c)
{
    if (c->energy_wh != c->old->energy_wh)
        fprintf(out,
                ",\"old_ratio\":%" PRId64 ",\"new_ratio\":%" PRId64 ",\"new_energy_wh\":%" PRId64,
                c->old->ratio, c->last_ratio, c->energy_wh);
}

static void print_change(FILE *out, const struct change *c, bool first)
{
    const struct basis *p = c->old;
    fprintf(out,
            "%s{\"meter_id\":%" PRId64 ",\"epoch\":%" PRId64 ",\"opened_at\":%" PRId64
            ",\"closed_at\":%" PRId64 ",\"energy_wh\":%" PRId64 ",\"plan_code\":\"%s\""
            ",\"old_version\":%" PRId64 ",\"new_version\":%" PRId64 ",\"old_fen\":%" PRId64
            ",\"new_fen\":%" PRId64 ",\"difference_fen\":%" PRId64 "%s",
            first ? "" : ",", p->meter_id, p->epoch, p->opened_at.s, p->closed_at.s, p->energy_wh,
            p->plan_code, p->plan_version, c->last, p->amount_fen, c->amount_fen,
            c->amount_fen - p->amount_fen, c->estimated ? ",\"apportioned\":true" : "");
    print_ratio(out, c);
    fputc('}', out);
}

/* The bill as text; NULL: no memory. */
static char *print_bill(const struct account *a)
{
    char *text = NULL;
    size_t len;
    bool first = true;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    fprintf(out,
            "{\"kind\":\"true_up\",\"cause\":\"%s\",\"plan_code\":\"%s\",\"plan_version\":%" PRId64
            ",\"effective_at\":%" PRId64 ",\"at\":%" PRId64 ",\"amount_fen\":%" PRId64
            ",\"lines\":[",
            causes[a->run->cause], a->run->plan_code, a->run->version, a->run->effective_at.s,
            a->now.s, a->amount_fen);
    for (size_t i = 0; i < a->chain_count; i++)
        for (size_t k = 0; k < a->chains[i].count; k++)
            if (differs(&a->chains[i].changes[k])) {
                print_change(out, &a->chains[i].changes[k], first);
                first = false;
            }
    fprintf(out, "]}");
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static enum err find_grace(const struct account *a, wall_s *until)
{
    int64_t days;
    TRY(billing_grace_days(a->tx, a->site.project_id, &days));
    until->s = a->amount_fen > 0 ? a->now.s + days * BILLING_DAY_S : 0;
    return ERR_OK;
}

static enum err keep_true_up(const struct account *a, int32_t day)
{
    wall_s grace;
    TRY(find_grace(a, &grace));
    char *bill = print_bill(a);
    if (!bill)
        return ERR_MEMORY;
    enum err e = store_exec(a->tx,
                            "INSERT INTO true_up (account_id, rerate_id, at, business_day, "
                            "amount_fen, grace_until, bill) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                            "iiiiiit", a->site.id, a->run->id, a->now.s, (int64_t)day,
                            a->amount_fen, grace.s, bill);
    free(bill);
    return e;
}

/* What goes back to an account with its wallet in the meter is sold into the meter (vend/). */
static enum err owe(const struct account *a)
{
    if (a->site.wallet != SITE_WALLET_METER || a->amount_fen >= 0)
        return ERR_OK;
    return store_exec(a->tx,
                      "INSERT INTO true_up_sale (account_id, rerate_id, amount_fen) "
                      "VALUES ($1, $2, $3)",
                      "iii", a->site.id, a->run->id, -a->amount_fen);
}

static enum err post(const struct account *a)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {};
    int32_t day = civil_local_day(a->now, a->offset_s);
    if (a->amount_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "true_up:%" PRId64, a->run->id);
    detail_text(&d, "cause", causes[a->run->cause]);
    detail_text(&d, "plan", a->run->plan_code);
    detail_int(&d, "version", a->run->version);
    detail_int(&d, "effective_at", a->run->effective_at.s);
    TRY(ledger_post(a->tx,
                    &(struct ledger_entry){.account_id = a->site.id,
                                           .key = key,
                                           .kind = "true_up",
                                           .now = a->now,
                                           .occurred_at = a->run->effective_at,
                                           .business_day = day,
                                           .actor = "system",
                                           .detail = detail_end(&d),
                                           .postings = {{LEDGER_PREPAYMENT, -a->amount_fen},
                                                        {LEDGER_REVENUE, a->amount_fen}}},
                    NULL));
    TRY(keep_true_up(a, day));
    TRY(owe(a));
    struct detail e = {};
    detail_text(&e, "code", a->run->plan_code);
    detail_int(&e, "version", a->run->version);
    detail_int(&e, "amount_fen", a->amount_fen);
    return journal_event(a->tx, &(struct journal_event){.at = a->now,
                                                        .kind = EVENT_TRUED_UP,
                                                        .project_id = a->site.project_id,
                                                        .account_id = a->site.id,
                                                        .detail = detail_end(&e)});
}

/* What stands for the next time, and for the period that is open. */
static enum err keep_chain(const struct account *a, const struct chain *chain)
{
    struct charge open = chain->charge;
    struct site_version v;
    for (size_t i = 0; i < chain->count; i++) {
        struct basis b = chain->list[i];
        b.amount_fen = chain->changes[i].amount_fen;
        b.energy_wh = chain->changes[i].energy_wh;
        b.plan_version = chain->changes[i].version;
        b.ratio = chain->changes[i].ratio;
        b.before = chain->changes[i].before;
        TRY(basis_put(a->tx, &b));
    }
    if (open.account_id == 0)
        return ERR_OK;
    enum err e = site_plan_in_force(a->tx, a->site.project_id, open.plan_code, open.opened_at, &v);
    if (e == ERR_OK)
        open.plan_version = v.version;
    else if (e != ERR_SITE_PLAN_UNKNOWN)
        return e;
    TRY(billing_ratio_at(a->tx, open.meter_id, open.opened_at, &open.ratio));
    if (chain->count > 0) {
        struct rating_position after = chain->after;
        after.shared = a->together;
        open.carry = after.carry;
        TRY(position_put(a->tx, &open, &after));
    }
    return charge_put(a->tx, &open);
}

static enum err write_down(struct account *a)
{
    TRY(post(a));
    for (size_t i = 0; i < a->chain_count; i++)
        TRY(keep_chain(a, &a->chains[i]));
    struct rating_position shared = {.cycle_day = a->shared_day, .used_wh = a->shared_wh};
    return ladder_put(a->tx, a->site.project_id, a->shared_holder, &shared);
}

enum err rerate_leave_out(struct store_tx *tx, int64_t rerate_id, int64_t account_id,
                          const char *reason)
{
    TRY(store_exec(tx,
                   "INSERT OR REPLACE INTO rerate_left (rerate_id, account_id, reason) "
                   "VALUES ($1, $2, $3)",
                   "iit", rerate_id, account_id, reason));
    return store_exec(tx, "UPDATE rerate SET left_out = left_out + 1 WHERE id = $1", "i",
                      rerate_id);
}

static enum err count(const struct account *a)
{
    int64_t more = a->amount_fen > 0 ? a->amount_fen : 0;
    int64_t less = a->amount_fen < 0 ? -a->amount_fen : 0;
    return store_exec(a->tx,
                      "UPDATE rerate SET accounts = accounts + 1, changed = changed + $2, "
                      "more_fen = more_fen + $3, less_fen = less_fen + $4 WHERE id = $1",
                      "iiii", a->run->id, (int64_t)(a->amount_fen != 0), more, less);
}

/* At either end of what is rated again the meter's wallet was not told together with its registers:
 * what it took and what was used are not of the same time there. Between, each period makes good
 * what the one before it lacks. */
static bool wallet_is_apart(const struct account *a)
{
    for (size_t i = 0; i < a->chain_count; i++) {
        const struct chain *c = &a->chains[i];
        if (c->count > 0 && ((c->list[0].estimated & BASIS_OPENING_APART) ||
                             (c->list[c->count - 1].estimated & BASIS_CLOSING_APART)))
            return true;
    }
    return false;
}

/* Money that was given back at the closing is out of reach. */
static const char *out_of_reach(const struct account *a)
{
    return a->site.closed_at.s != 0 ? "closed" : NULL;
}

/* What a person enters for the past is done whole, or refused by name. */
static enum err do_at_once(struct account *a)
{
    if (a->site.wallet == SITE_WALLET_METER)
        return ERR_BILLING_PAST_WALLET;
    if (a->site.closed_at.s != 0)
        return ERR_BILLING_PAST_CLOSED;
    TRY(work_out(a));
    TRY(write_down(a));
    return count(a);
}

static enum err do_account(struct account *a)
{
    const char *why = out_of_reach(a);
    enum err e = ERR_OK;
    if (a->run->cause != RERATE_PLAN)
        return do_at_once(a);
    if (!why) {
        e = work_out(a);
        if (e != ERR_OK && err_class_of(e) == ERR_CLASS_REFUSE)
            why = err_name(e);
        else
            TRY(e);
        if (!why && wallet_is_apart(a))
            why = "wallet_apart";
    }
    if (why) {
        a->amount_fen = 0;
        TRY(rerate_leave_out(a->tx, a->run->id, a->site.id, why));
    } else {
        TRY(write_down(a));
    }
    return count(a);
}

static void give_back(struct account *a)
{
    for (size_t i = 0; i < a->chain_count; i++) {
        free(a->chains[i].list);
        free(a->chains[i].changes);
    }
    free(a->bill);
}

enum err rerate_account(struct store_tx *tx, const struct billing *b, const struct run *run,
                        int64_t account_id, wall_s now)
{
    struct account *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_MEMORY;
    *a = (struct account){.tx = tx, .b = b, .run = run, .now = now};
    a->bill = calloc(1, sizeof *a->bill);
    enum err e = a->bill ? site_account_get(tx, account_id, &a->site) : ERR_MEMORY;
    if (e == ERR_OK)
        e = billing_project_offset(tx, a->site.project_id, now, &a->offset_s);
    if (e == ERR_OK)
        e = do_account(a);
    give_back(a);
    free(a);
    return e;
}
