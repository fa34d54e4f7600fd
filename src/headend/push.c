/* Who shall run which program: wishes, and what the gateways tell of them. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "headend/headend_impl.h"
#include "headend/update.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "uplink/update_file.h"

#define OPEN "('waiting', 'fetching', 'ready', 'trial', 'stopping')"

/* --- journal ------------------------------------------------------------------------------------
 */

static enum err act(struct store_tx *tx, int64_t push_id, const char *actor, const char *action,
                    const char *detail, wall_s now)
{
    char object[48];
    snprintf(object, sizeof object, "gateway_push:%lld", (long long)push_id);
    return journal_append(
        tx, &(struct journal_act){
                .now = now, .actor = actor, .action = action, .object = object, .detail = detail});
}

struct news {
    enum journal_kind kind;
    int64_t project_id, gateways;       /* 0: left out */
    const char *serial, *version, *why; /* NULL: left out */
    wall_s now;
};

static enum err tell(struct store_tx *tx, const struct news *n)
{
    struct detail d = {};
    if (n->serial)
        detail_text(&d, "serial", n->serial);
    detail_text(&d, "version", n->version);
    if (n->gateways)
        detail_int(&d, "gateways", n->gateways);
    if (n->why)
        detail_text(&d, "why", n->why);
    return journal_event(tx, &(struct journal_event){.at = n->now,
                                                     .kind = n->kind,
                                                     .project_id = n->project_id,
                                                     .detail = detail_end(&d)});
}

/* --- making -------------------------------------------------------------------------------------
 */

static bool fits(const struct headend_push_new *n)
{
    size_t reason = strlen(n->reason);
    return n->count > 0 && n->count <= HEADEND_PUSH_MAX && n->first <= n->count && reason > 0 &&
           reason <= HEADEND_REASON_MAX && n->trial_s >= 10 && n->trial_s <= 3600 &&
           n->from_minute >= 0 && n->from_minute < 1440 && n->until_minute >= 0 &&
           n->until_minute < 1440;
}

/* By what the gateway told of its program; nothing yet: it will judge itself. */
static enum err suits(struct store_tx *tx, const struct headend_push_new *n, int64_t gateway_id,
                      const struct headend_package *p)
{
    struct headend_program told;
    struct update_own own = {.release = {.program = "yufu-gateway"}};
    struct update_header h = {.release = {.program = "yufu-gateway", .store = (uint16_t)p->store}};
    enum err e = headend_program_get(tx, gateway_id, &told);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    if (!told.updates)
        return ERR_UPDATE_UNKNOWN;
    if (told.version[0] == '\0')
        return ERR_OK;
    TRY(update_version_parse(p->version, &h.release.version));
    TRY(update_version_parse(p->minimum, &h.minimum));
    text_copy(h.machine, sizeof h.machine, p->machine);
    text_copy(own.machine, sizeof own.machine, told.machine);
    own.release.store = (uint16_t)told.store;
    TRY(update_version_parse(told.version, &own.release.version));
    return update_judge(&h, &own, n->downgrade);
}

static enum err check_gateway(struct store_tx *tx, const struct headend_push_new *n, size_t i,
                              const struct headend_package *p)
{
    int64_t open;
    struct site_gateway g;
    TRY(site_gateway_get(tx, n->gateways[i], &g));
    if (g.project_id != n->project_id || g.revoked)
        return ERR_NOT_FOUND;
    if (!g.claimed)
        return ERR_STATE;
    for (size_t k = 0; k < i; k++)
        if (n->gateways[k] == n->gateways[i])
            return ERR_RANGE;
    TRY(store_int(tx, &open,
                  "SELECT count(*) FROM gateway_push_part WHERE gateway_id = $1 AND state IN " OPEN,
                  "i", g.id));
    return open > 0 ? ERR_UPDATE_BUSY : suits(tx, n, g.id, p);
}

/* The gateway knows the wish by it: below 2^53, and different for each. */
static int64_t part_id(uint64_t random, size_t i)
{
    return (int64_t)((random + i) & ((UINT64_C(1) << 52) - 1)) + 1;
}

static enum err put_parts(struct store_tx *tx, const struct headend_push_new *n, int64_t push_id)
{
    size_t first = n->first ? n->first : n->count;
    for (size_t i = 0; i < n->count; i++)
        TRY(store_exec(tx,
                       "INSERT INTO gateway_push_part (id, push_id, gateway_id, stage, state, "
                       "changed_at) VALUES ($1, $2, $3, $4, 'waiting', $5)",
                       "iiiii", part_id(n->random, i), push_id, n->gateways[i],
                       (int64_t)(i < first ? 1 : 2), n->now.s));
    return ERR_OK;
}

static enum err note_made(struct store_tx *tx, const struct headend_push_new *n,
                          const struct headend_package *p, int64_t id)
{
    struct detail d = {};
    detail_int(&d, "package", p->id);
    detail_text(&d, "version", p->version);
    detail_int(&d, "gateways", (int64_t)n->count);
    detail_int(&d, "first", (int64_t)(n->first ? n->first : n->count));
    detail_bool(&d, "downgrade", n->downgrade);
    detail_text(&d, "reason", n->reason);
    TRY(act(tx, id, n->actor, "gateway.push", detail_end(&d), n->now));
    return tell(tx, &(struct news){.kind = EVENT_GATEWAY_UPDATE_ORDERED,
                                   .project_id = n->project_id,
                                   .gateways = (int64_t)n->count,
                                   .version = p->version,
                                   .why = n->reason,
                                   .now = n->now});
}

enum err headend_push_make(struct store_tx *tx, const struct headend_push_new *n, int64_t *id,
                           int64_t *refused)
{
    struct headend_package p;
    *refused = 0;
    if (!fits(n))
        return ERR_RANGE;
    TRY(headend_package_get(tx, n->package_id, &p));
    for (size_t i = 0; i < n->count; i++) {
        *refused = n->gateways[i];
        TRY(check_gateway(tx, n, i, &p));
    }
    *refused = 0;
    TRY(store_next_id(tx, "gateway_push", id));
    TRY(store_exec(tx,
                   "INSERT INTO gateway_push (id, package_id, project_id, version, state, "
                   "from_minute, until_minute, trial_s, downgrade, reason, actor, made_at) "
                   "VALUES ($1, $2, $3, $4, 'running', $5, $6, $7, $8, $9, $10, $11)",
                   "iiitiiiitti", *id, p.id, n->project_id, p.version, n->from_minute,
                   n->until_minute, n->trial_s, (int64_t)n->downgrade, n->reason, n->actor,
                   n->now.s));
    TRY(put_parts(tx, n, *id));
    return note_made(tx, n, &p, *id);
}

/* --- taking back --------------------------------------------------------------------------------
 */

static enum err end_waiting(struct store_tx *tx, int64_t push_id, const char *error, wall_s now)
{
    return store_exec(tx,
                      "UPDATE gateway_push_part SET state = 'stopped', error = $2, "
                      "changed_at = $3 WHERE push_id = $1 AND stage = 2 AND state = 'waiting'",
                      "iti", push_id, error, now.s);
}

enum err headend_push_stop(struct store_tx *tx, const struct headend_push_stop *stop)
{
    struct headend_push p;
    struct detail d = {};
    TRY(headend_push_get(tx, stop->id, &p));
    if (strcmp(p.state, "running") != 0)
        return ERR_STATE;
    TRY(store_exec(tx, "UPDATE gateway_push SET state = 'stopped' WHERE id = $1", "i", p.id));
    TRY(end_waiting(tx, p.id, "", stop->now)); /* of the rest nobody was told yet */
    TRY(store_exec(tx,
                   "UPDATE gateway_push_part SET state = 'stopping', changed_at = $2 "
                   "WHERE push_id = $1 AND state IN ('waiting', 'fetching', 'ready')",
                   "ii", p.id, stop->now.s));
    detail_text(&d, "version", p.version);
    detail_text(&d, "reason", stop->reason);
    TRY(act(tx, p.id, stop->actor, "gateway.push_stop", detail_end(&d), stop->now));
    return tell(tx, &(struct news){.kind = EVENT_GATEWAY_UPDATE_STOPPED,
                                   .project_id = p.project_id,
                                   .version = p.version,
                                   .why = stop->reason,
                                   .now = stop->now});
}

/* --- what gateways tell -------------------------------------------------------------------------
 */

struct part {
    int64_t id, push_id, stage, size; /* size: of the file */
    char state[12], version[24];
};

static enum err open_part(struct store_tx *tx, int64_t gateway_id, struct part *p)
{
    struct query q = query_open(tx,
                                "SELECT p.id, p.push_id, p.stage, k.size, p.state, u.version "
                                "FROM gateway_push_part p JOIN gateway_push u ON u.id = p.push_id "
                                "JOIN gateway_package k ON k.id = u.package_id "
                                "WHERE p.gateway_id = $1 AND p.state IN " OPEN,
                                "i", gateway_id);
    bool found = query_step(&q);
    if (found) {
        *p = (struct part){.id = query_int(&q, 0),
                           .push_id = query_int(&q, 1),
                           .stage = query_int(&q, 2),
                           .size = query_int(&q, 3)};
        text_copy(p->state, sizeof p->state, query_text(&q, 4));
        text_copy(p->version, sizeof p->version, query_text(&q, 5));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err halt(struct store_tx *tx, const struct site_gateway *g, const struct part *p,
                     wall_s now)
{
    int64_t waiting;
    TRY(store_int(tx, &waiting,
                  "SELECT count(*) FROM gateway_push_part WHERE push_id = $1 AND stage = 2 "
                  "AND state = 'waiting'",
                  "i", p->push_id));
    if (waiting == 0)
        return ERR_OK;
    TRY(store_exec(tx,
                   "UPDATE gateway_push SET state = 'halted' WHERE id = $1 AND state = 'running'",
                   "i", p->push_id));
    TRY(end_waiting(tx, p->push_id, err_name(ERR_UPDATE_HALTED), now));
    return tell(tx, &(struct news){.kind = EVENT_GATEWAY_UPDATE_HALTED,
                                   .project_id = g->project_id,
                                   .gateways = waiting,
                                   .serial = g->serial,
                                   .version = p->version,
                                   .now = now});
}

/* The last one of a push that ends ends the push. */
static enum err finish(struct store_tx *tx, int64_t push_id)
{
    return store_exec(tx,
                      "UPDATE gateway_push SET state = 'done' WHERE id = $1 AND "
                      "state = 'running' AND NOT EXISTS (SELECT 1 FROM gateway_push_part "
                      "WHERE push_id = $1 AND state IN " OPEN ")",
                      "i", push_id);
}

struct step {
    const char *state, *error;
    int64_t received;
};

static enum err move(struct store_tx *tx, const struct site_gateway *g, const struct part *p,
                     const struct step *to, wall_s now)
{
    bool failed = strcmp(to->state, "failed") == 0, same = strcmp(to->state, p->state) == 0;
    bool confirmed = strcmp(to->state, "confirmed") == 0;
    TRY(store_exec(tx,
                   "UPDATE gateway_push_part SET state = $2, received = $3, error = $4, "
                   "changed_at = $5 WHERE id = $1",
                   "ititi", p->id, to->state, to->received, to->error, now.s));
    if (same)
        return ERR_OK;
    if (failed || confirmed)
        TRY(tell(tx, &(struct news){.kind = failed ? EVENT_GATEWAY_UPDATE_FAILED
                                                   : EVENT_GATEWAY_UPDATE_DONE,
                                    .project_id = g->project_id,
                                    .serial = g->serial,
                                    .version = p->version,
                                    .why = failed ? to->error : NULL,
                                    .now = now}));
    if (failed && p->stage == 1)
        TRY(halt(tx, g, p, now));
    return finish(tx, p->push_id);
}

static const char *state_of(enum uplink_update_stage stage)
{
    static const char *const states[] = {
        [UPLINK_UPDATE_FETCHING] = "fetching", [UPLINK_UPDATE_READY] = "ready",
        [UPLINK_UPDATE_TRIAL] = "trial",       [UPLINK_UPDATE_CONFIRMED] = "confirmed",
        [UPLINK_UPDATE_FAILED] = "failed",     [UPLINK_UPDATE_WITHDRAWN] = "stopped",
    };
    return states[stage];
}

/* The gateway speaks of another wish than ours: it has never heard of it, or has forgotten it. */
static enum err forgotten(struct store_tx *tx, const struct site_gateway *g, const struct part *p,
                          wall_s now)
{
    if (strcmp(p->state, "waiting") == 0)
        return ERR_OK; /* it is about to hear of it */
    if (strcmp(p->state, "stopping") == 0)
        return move(tx, g, p, &(struct step){"stopped", "", 0}, now);
    if (strcmp(p->state, "trial") == 0)
        return move(tx, g, p, &(struct step){"failed", err_name(ERR_UPDATE_LOST), 0}, now);
    return move(tx, g, p, &(struct step){"waiting", "", 0}, now); /* from the beginning */
}

/* LATE: it has not heard yet that it was taken back. ODD: cannot be, and is not believed. ENDED
 * cannot be either, but it is over: a wish must not wait for ever for somebody who has ended it. */
enum verdict { ODD, TAKE, LATE, ENDED };

static enum verdict judge(const struct part *p, const struct uplink_program *t)
{
    static const struct {
        const char *state;
        enum verdict told[UPLINK_UPDATE_WITHDRAWN + 1]; /* none, fetching ... withdrawn */
    } rows[] = {
        {"waiting", {ODD, ODD, TAKE, TAKE, TAKE, TAKE, TAKE, ENDED}},
        {"fetching", {ODD, ODD, TAKE, TAKE, TAKE, TAKE, TAKE, ENDED}},
        {"ready", {ODD, ODD, ODD, TAKE, TAKE, TAKE, TAKE, ENDED}},
        {"trial", {ODD, ODD, ODD, ODD, TAKE, TAKE, TAKE, ENDED}},
        {"stopping", {ODD, ODD, LATE, LATE, TAKE, TAKE, TAKE, TAKE}},
    };
    if (t->stage == UPLINK_UPDATE_CONFIRMED && strcmp(t->version, p->version) != 0)
        return ENDED;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].state, p->state) == 0)
            return rows[i].told[t->stage];
    return ODD;
}

/* As one of ours: a newer program may know more of them. */
static bool is_error_name(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return len > 0 && text[len] == '\0';
}

static enum err take_step(struct store_tx *tx, const struct site_gateway *g, const struct part *p,
                          const struct uplink_program *t, wall_s now)
{
    bool failed = t->stage == UPLINK_UPDATE_FAILED, over = failed;
    over = over || t->stage == UPLINK_UPDATE_CONFIRMED || t->stage == UPLINK_UPDATE_WITHDRAWN;
    bool fits = t->received >= 0 && t->received <= p->size;
    if (!fits && !over)
        return ERR_UPDATE_TOLD;
    struct step to = {state_of(t->stage), "", fits ? t->received : 0};
    if (failed)
        to.error = is_error_name(t->error) ? t->error : err_name(ERR_UPDATE_TOLD);
    return move(tx, g, p, &to, now);
}

static enum err follow(struct store_tx *tx, const struct site_gateway *g,
                       const struct uplink_program *t, wall_s now)
{
    struct part p;
    enum err e = open_part(tx, g->id, &p);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    if (t->id != p.id || t->stage == UPLINK_UPDATE_NONE)
        return forgotten(tx, g, &p, now);
    switch (judge(&p, t)) {
    case TAKE:
        return take_step(tx, g, &p, t, now);
    case LATE:
        return ERR_OK;
    case ENDED:
        return move(tx, g, &p, &(struct step){"failed", err_name(ERR_UPDATE_TOLD), 0}, now);
    case ODD:
        break;
    }
    return ERR_UPDATE_TOLD;
}

/* What is compared with packages later. */
static bool is_program(const struct uplink_program *t)
{
    struct update_version v;
    return t->store >= 0 && t->store <= UINT16_MAX &&
           (t->version[0] == '\0' || update_version_parse(t->version, &v) == ERR_OK);
}

enum err headend_push_told(struct store_tx *tx, const struct site_gateway *g,
                           const struct uplink_program *t, wall_s now)
{
    if (!is_program(t))
        return ERR_UPDATE_TOLD;
    TRY(store_exec(tx,
                   "UPDATE gateway_program SET version = $2, machine = $3, store = $4, "
                   "place = $5, trial = $6, last = $7, left_version = $8, at = $9 "
                   "WHERE gateway_id = $1",
                   "ittititti", g->id, t->version, t->machine, t->store, t->place,
                   (int64_t)t->trial, t->last, t->left, now.s));
    return follow(tx, g, t, now);
}

enum err headend_push_unknown(struct store_tx *tx, const struct site_gateway *g, wall_s now)
{
    struct part p;
    enum err e = open_part(tx, g->id, &p);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    return move(tx, g, &p, &(struct step){"failed", err_name(ERR_UPDATE_UNKNOWN), 0}, now);
}

enum err headend_push_revoked(struct store_tx *tx, int64_t gateway_id, wall_s now)
{
    struct part p;
    struct site_gateway g;
    TRY(site_gateway_get(tx, gateway_id, &g));
    enum err e = open_part(tx, g.id, &p);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    bool taken_back = strcmp(p.state, "stopping") == 0;
    return move(tx, &g, &p,
                &(struct step){taken_back ? "stopped" : "failed", err_name(ERR_HEADEND_REVOKED), 0},
                now);
}

/* --- looking ------------------------------------------------------------------------------------
 */

#define PUSH                                                                                       \
    "SELECT id, package_id, project_id, version, state, actor, reason, from_minute, "              \
    "until_minute, trial_s, downgrade, made_at FROM gateway_push "

static void take_push(const struct query *q, struct headend_push *p)
{
    *p = (struct headend_push){.id = query_int(q, 0),
                               .package_id = query_int(q, 1),
                               .project_id = query_int(q, 2),
                               .from_minute = query_int(q, 7),
                               .until_minute = query_int(q, 8),
                               .trial_s = query_int(q, 9),
                               .downgrade = query_int(q, 10) != 0,
                               .made_at = {query_int(q, 11)}};
    text_copy(p->version, sizeof p->version, query_text(q, 3));
    text_copy(p->state, sizeof p->state, query_text(q, 4));
    text_copy(p->actor, sizeof p->actor, query_text(q, 5));
    text_copy(p->reason, sizeof p->reason, query_text(q, 6));
}

enum err headend_push_get(struct store_tx *tx, int64_t id, struct headend_push *out)
{
    struct query q = query_open(tx, PUSH "WHERE id = $1", "i", id);
    bool found = query_step(&q);
    if (found)
        take_push(&q, out);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err headend_pushes(struct store_tx *tx, int64_t project_id, int64_t limit,
                        headend_push_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, PUSH "WHERE $1 IN (0, project_id) ORDER BY id DESC LIMIT $2",
                                "ii", project_id, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct headend_push p;
        take_push(&q, &p);
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err headend_push_parts(struct store_tx *tx, int64_t push_id, headend_push_part_each *each,
                            void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT p.gateway_id, p.stage, p.received, coalesce(k.size, 0), g.serial, "
                   "g.name, p.state, p.error, p.changed_at FROM gateway_push_part p "
                   "JOIN gateway g ON g.id = p.gateway_id JOIN gateway_push u ON u.id = p.push_id "
                   "LEFT JOIN gateway_package k ON k.id = u.package_id "
                   "WHERE p.push_id = $1 ORDER BY p.stage, g.serial",
                   "i", push_id);
    while (e == ERR_OK && query_step(&q)) {
        struct headend_push_part p = {.gateway_id = query_int(&q, 0),
                                      .stage = query_int(&q, 1),
                                      .received = query_int(&q, 2),
                                      .size = query_int(&q, 3),
                                      .changed_at = {query_int(&q, 8)}};
        text_copy(p.serial, sizeof p.serial, query_text(&q, 4));
        text_copy(p.name, sizeof p.name, query_text(&q, 5));
        text_copy(p.state, sizeof p.state, query_text(&q, 6));
        text_copy(p.error, sizeof p.error, query_text(&q, 7));
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err take_wish(struct store_tx *tx, int64_t gateway_id, struct headend_program *out)
{
    struct query q = query_open(tx,
                                "SELECT p.push_id, p.received, coalesce(k.size, 0), u.version, "
                                "p.state, p.error FROM gateway_push_part p "
                                "JOIN gateway_push u ON u.id = p.push_id "
                                "LEFT JOIN gateway_package k ON k.id = u.package_id "
                                "WHERE p.gateway_id = $1 ORDER BY p.push_id DESC LIMIT 1",
                                "i", gateway_id);
    if (query_step(&q)) {
        out->push_id = query_int(&q, 0);
        out->received = query_int(&q, 1);
        out->size = query_int(&q, 2);
        text_copy(out->wish_version, sizeof out->wish_version, query_text(&q, 3));
        text_copy(out->state, sizeof out->state, query_text(&q, 4));
        text_copy(out->error, sizeof out->error, query_text(&q, 5));
    }
    return query_end(&q);
}

enum err headend_program_get(struct store_tx *tx, int64_t gateway_id, struct headend_program *out)
{
    struct query q = query_open(tx,
                                "SELECT told, updates, version, machine, store, place, trial, "
                                "last, left_version, at FROM gateway_program WHERE gateway_id = $1",
                                "i", gateway_id);
    *out = (struct headend_program){};
    bool found = query_step(&q);
    if (found) {
        out->updates = query_int(&q, 1) != 0;
        out->store = query_int(&q, 4);
        out->trial = query_int(&q, 6) != 0;
        out->at.s = query_int(&q, 9);
        text_copy(out->told, sizeof out->told, query_text(&q, 0));
        text_copy(out->version, sizeof out->version, query_text(&q, 2));
        text_copy(out->machine, sizeof out->machine, query_text(&q, 3));
        text_copy(out->place, sizeof out->place, query_text(&q, 5));
        text_copy(out->last, sizeof out->last, query_text(&q, 7));
        text_copy(out->left, sizeof out->left, query_text(&q, 8));
    }
    TRY(query_end(&q));
    TRY(take_wish(tx, gateway_id, out));
    return found || out->push_id ? ERR_OK : ERR_NOT_FOUND;
}
