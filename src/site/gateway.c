/* Gateways, their lines, their configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "meter/meter.h"
#include "site/site_impl.h"

#define GATEWAY                                                                                    \
    "SELECT id, project_id, serial, name, certificate_hash, revoked, coalesce(claim_until, 0), "   \
    "boot_epoch, received_epoch, received_seq, config_version, config_applied, "                   \
    "coalesce(last_seen, 0), secret FROM gateway "

static bool take_32(struct bytes b, uint8_t out[32])
{
    if (b.len != 32)
        return false;
    memcpy(out, b.data, 32);
    return true;
}

static void take_gateway(const struct query *q, struct site_gateway *g)
{
    g->id = query_int(q, 0);
    g->project_id = query_int(q, 1);
    site_take_text(q, 2, g->serial, sizeof g->serial);
    site_take_text(q, 3, g->name, sizeof g->name);
    g->claimed = take_32(query_blob(q, 4), g->certificate_hash);
    g->revoked = query_int(q, 5) != 0;
    g->claim_until = (wall_s){query_int(q, 6)};
    g->boot_epoch = query_int(q, 7);
    g->received_epoch = query_int(q, 8);
    g->received_seq = query_int(q, 9);
    g->config_version = query_int(q, 10);
    g->config_applied = query_int(q, 11);
    g->last_seen = (wall_s){query_int(q, 12)};
    g->has_secret = take_32(query_blob(q, 13), g->secret);
}

static enum err one_gateway(struct query *q, struct site_gateway *g)
{
    bool found = query_step(q);
    if (found)
        take_gateway(q, g);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_gateway_get(struct store_tx *tx, int64_t id, struct site_gateway *g)
{
    struct query q = query_open(tx, GATEWAY "WHERE id = $1", "i", id);
    return one_gateway(&q, g);
}

enum err site_gateway_by_serial(struct store_tx *tx, const char *serial, struct site_gateway *g)
{
    struct query q = query_open(tx, GATEWAY "WHERE serial = $1", "t", serial);
    return one_gateway(&q, g);
}

enum err site_gateways(struct store_tx *tx, int64_t project_id, site_gateway_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx, GATEWAY "WHERE $1 IN (0, project_id) ORDER BY serial", "i", project_id);
    while (e == ERR_OK && query_step(&q)) {
        struct site_gateway g = {};
        take_gateway(&q, &g);
        e = each(arg, &g);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static bool gateway_fits(const struct site_gateway *g)
{
    return site_code_fits(g->serial) && site_name_fits(g->name, SITE_NAME_MAX);
}

enum err site_gateway_add(struct store_tx *tx, struct site_gateway *g)
{
    if (!gateway_fits(g))
        return ERR_SITE_TEXT;
    if (!g->id)
        TRY(store_next_id(tx, "gateway", &g->id));
    return store_exec(tx,
                      "INSERT INTO gateway (id, project_id, serial, name) VALUES ($1, $2, $3, $4)",
                      "iitt", g->id, g->project_id, g->serial, g->name);
}

enum err site_gateway_apply(struct store_tx *tx, struct site_gateway *g, bool write,
                            enum site_change *change)
{
    struct site_gateway old = {};
    if (!gateway_fits(g))
        return ERR_SITE_TEXT;
    enum err e = site_gateway_by_serial(tx, g->serial, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK && old.project_id != g->project_id)
        return ERR_SITE_GATEWAY_PROJECT;
    g->id = old.id;
    *change = e != ERR_OK ? SITE_NEW : strcmp(old.name, g->name) == 0 ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    if (*change == SITE_CHANGED)
        return store_exec(tx, "UPDATE gateway SET name = $2 WHERE id = $1", "it", g->id, g->name);
    return site_gateway_add(tx, g);
}

enum err site_gateway_put(struct store_tx *tx, int64_t project_id, const char *serial,
                          const char *name, int64_t *id, enum site_change *change)
{
    struct site_gateway g = {.project_id = project_id};
    if (strlen(serial) >= sizeof g.serial || strlen(name) >= sizeof g.name)
        return ERR_SITE_TEXT;
    memcpy(g.serial, serial, strlen(serial) + 1);
    memcpy(g.name, name, strlen(name) + 1);
    TRY(site_gateway_apply(tx, &g, true, change));
    *id = g.id;
    return ERR_OK;
}

/* --- session book-keeping ------------------------------------------------------------------- */

static enum err changed_one(struct store_tx *tx, enum err otherwise)
{
    return store_changes(tx) == 1 ? ERR_OK : otherwise;
}

enum err site_gateway_config_bump(struct store_tx *tx, int64_t gateway_id)
{
    TRY(store_exec(tx, "UPDATE gateway SET config_version = config_version + 1 WHERE id = $1", "i",
                   gateway_id));
    return changed_one(tx, ERR_NOT_FOUND);
}

enum err site_gateway_boot(struct store_tx *tx, int64_t id, int64_t boot_epoch, wall_s now)
{
    TRY(store_exec(tx,
                   "UPDATE gateway SET boot_epoch = $2, last_seen = $3 "
                   "WHERE id = $1 AND boot_epoch < $2",
                   "iii", id, boot_epoch, now.s));
    return changed_one(tx, ERR_SITE_EPOCH);
}

enum err site_gateway_received(struct store_tx *tx, int64_t id, int64_t epoch, int64_t seq,
                               wall_s now)
{
    TRY(store_exec(tx,
                   "UPDATE gateway SET received_epoch = $2, received_seq = $3, last_seen = $4 "
                   "WHERE id = $1",
                   "iiii", id, epoch, seq, now.s));
    return changed_one(tx, ERR_NOT_FOUND);
}

enum err site_gateway_applied(struct store_tx *tx, int64_t id, int64_t version)
{
    TRY(store_exec(tx, "UPDATE gateway SET config_applied = $2 WHERE id = $1", "ii", id, version));
    return changed_one(tx, ERR_NOT_FOUND);
}

enum err site_gateway_revoke(struct store_tx *tx, int64_t id, bool revoked)
{
    TRY(store_exec(tx, "UPDATE gateway SET revoked = $2 WHERE id = $1", "ii", id,
                   (int64_t)revoked));
    TRY(changed_one(tx, ERR_NOT_FOUND));
    if (!revoked)
        return ERR_OK;
    return store_exec(tx,
                      "UPDATE gateway SET secret = NULL, certificate_hash = NULL, "
                      "claim_hash = NULL, claim_until = NULL WHERE id = $1",
                      "i", id);
}

/* --- claims --------------------------------------------------------------------------------- */

enum err site_claim_create(struct store_tx *tx, int64_t gateway_id, const uint8_t code_hash[32],
                           wall_s until)
{
    TRY(store_exec(tx, "UPDATE gateway SET claim_hash = $2, claim_until = $3 WHERE id = $1", "ibi",
                   gateway_id, (struct bytes){code_hash, 32}, until.s));
    return changed_one(tx, ERR_NOT_FOUND);
}

enum err site_claim_check(struct store_tx *tx, const char *serial, const uint8_t code_hash[32],
                          wall_s now, int64_t *gateway_id)
{
    enum err e = store_int(tx, gateway_id,
                           "SELECT id FROM gateway WHERE serial = $1 AND claim_hash = $2 "
                           "AND claim_until >= $3 AND revoked = 0",
                           "tbi", serial, (struct bytes){code_hash, 32}, now.s);
    return e == ERR_NOT_FOUND ? ERR_SITE_CLAIM : e;
}

/* The new identity begins its connections at epoch 1 again: the device may be another one. What it
 * has queued is named by an epoch of its own, so nothing of the old one is confused with it. */
enum err site_claim_use(struct store_tx *tx, const struct site_claim *claim, int64_t *gateway_id)
{
    TRY(site_claim_check(tx, claim->serial, claim->code_hash, claim->now, gateway_id));
    return store_exec(tx,
                      "UPDATE gateway SET claim_hash = NULL, claim_until = NULL, secret = $2, "
                      "certificate_hash = $3, boot_epoch = 0, config_applied = 0, last_seen = $4 "
                      "WHERE id = $1",
                      "ibbi", *gateway_id, (struct bytes){claim->secret, 32},
                      (struct bytes){claim->certificate_hash, 32}, claim->now.s);
}

/* --- lines ---------------------------------------------------------------------------------- */

#define LINE "SELECT id, gateway_id, number, endpoint, baud, parity FROM line "

static void take_line(const struct query *q, struct site_line *line)
{
    line->id = query_int(q, 0);
    line->gateway_id = query_int(q, 1);
    line->number = query_int(q, 2);
    site_take_text(q, 3, line->endpoint, sizeof line->endpoint);
    line->baud = query_int(q, 4);
    line->parity = query_text(q, 5)[0];
}

static enum err one_line(struct query *q, struct site_line *line)
{
    bool found = query_step(q);
    if (found)
        take_line(q, line);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_line_get(struct store_tx *tx, int64_t id, struct site_line *line)
{
    struct query q = query_open(tx, LINE "WHERE id = $1", "i", id);
    return one_line(&q, line);
}

enum err site_lines(struct store_tx *tx, int64_t gateway_id, site_line_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, LINE "WHERE gateway_id = $1 ORDER BY number", "i", gateway_id);
    while (e == ERR_OK && query_step(&q)) {
        struct site_line line = {};
        take_line(&q, &line);
        e = each(arg, &line);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static bool line_fits(const struct site_line *line)
{
    return line->number >= 1 && line->number <= SITE_LINES_MAX &&
           site_endpoint_fits(line->endpoint) && meter_line_baud(line->baud) && line->parity &&
           strchr("NEO", line->parity);
}

enum err site_line_by_number(struct store_tx *tx, int64_t gateway_id, int64_t number,
                             struct site_line *line)
{
    struct query q =
        query_open(tx, LINE "WHERE gateway_id = $1 AND number = $2", "ii", gateway_id, number);
    return one_line(&q, line);
}

enum err site_line_add(struct store_tx *tx, struct site_line *line)
{
    char parity[2] = {line->parity, 0};
    if (!line_fits(line))
        return ERR_SITE_LINE;
    if (!line->id)
        TRY(store_next_id(tx, "line", &line->id));
    return store_exec(tx,
                      "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                      "VALUES ($1, $2, $3, $4, $5, $6)",
                      "iiitit", line->id, line->gateway_id, line->number, line->endpoint,
                      line->baud, parity);
}

enum err site_line_apply(struct store_tx *tx, struct site_line *line, bool write,
                         enum site_change *change)
{
    struct site_line old = {};
    char parity[2] = {line->parity, 0};
    if (!line_fits(line))
        return ERR_SITE_LINE;
    enum err e = site_line_by_number(tx, line->gateway_id, line->number, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool same = e == ERR_OK && strcmp(old.endpoint, line->endpoint) == 0 &&
                old.baud == line->baud && old.parity == line->parity;
    line->id = old.id;
    *change = e != ERR_OK ? SITE_NEW : same ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    if (*change == SITE_CHANGED)
        return store_exec(tx, "UPDATE line SET endpoint = $2, baud = $3, parity = $4 WHERE id = $1",
                          "itit", line->id, line->endpoint, line->baud, parity);
    return site_line_add(tx, line);
}

enum err site_line_put(struct store_tx *tx, struct site_line *line, enum site_change *change)
{
    TRY(site_line_apply(tx, line, true, change));
    return *change == SITE_SAME ? ERR_OK : site_gateway_config_bump(tx, line->gateway_id);
}

/* --- configuration -------------------------------------------------------------------------- */

static void *grow(void *list, size_t count, size_t size)
{
    if (count & (count - 1)) /* grown at 0, 1, 2, 4, 8 ... */
        return list;
    list = realloc(list, (count ? 2 * count : 1) * size);
    MUST(list);
    return list;
}

static enum err add_line(void *arg, const struct site_line *line)
{
    struct uplink_config *c = arg;
    c->lines = grow(c->lines, c->line_count, sizeof *c->lines);
    struct uplink_config_line *l = &c->lines[c->line_count++];
    *l = (struct uplink_config_line){
        .number = line->number, .baud = line->baud, .parity = line->parity};
    memcpy(l->endpoint, line->endpoint, sizeof l->endpoint);
    return ERR_OK;
}

static enum err add_meter(void *arg, const struct site_meter *m)
{
    struct uplink_config *c = arg;
    c->meters = grow(c->meters, c->meter_count, sizeof *c->meters);
    struct uplink_config_meter *out = &c->meters[c->meter_count++];
    *out = (struct uplink_config_meter){
        .meter_id = m->id, .line = m->line_number, .epoch = m->epoch, .circuits = m->circuits};
    memcpy(out->address, m->address, sizeof out->address);
    memcpy(out->model, m->model, sizeof out->model);
    memcpy(out->customer_number, m->customer_number, sizeof out->customer_number);
    return ERR_OK;
}

_Static_assert(sizeof((struct site_meter *)0)->address ==
                       sizeof((struct uplink_config_meter *)0)->address &&
                   sizeof((struct site_meter *)0)->model ==
                       sizeof((struct uplink_config_meter *)0)->model &&
                   sizeof((struct site_meter *)0)->customer_number ==
                       sizeof((struct uplink_config_meter *)0)->customer_number,
               "the uplink's texts hold the site's");

enum err site_gateway_config(struct store_tx *tx, int64_t gateway_id, struct uplink_config *out)
{
    *out = (struct uplink_config){.parts = 1};
    TRY(store_int(tx, &out->version, "SELECT config_version FROM gateway WHERE id = $1", "i",
                  gateway_id));
    enum err e = site_lines(tx, gateway_id, add_line, out);
    if (e == ERR_OK)
        e = site_meters_of_gateway(tx, gateway_id, add_meter, out);
    if (e != ERR_OK)
        site_config_free(out);
    return e;
}

void site_config_free(struct uplink_config *config)
{
    free(config->lines);
    free(config->meters);
    *config = (struct uplink_config){};
}
