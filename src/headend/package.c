/* Update files that may be sent to gateways. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "headend/update.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "uplink/message.h"
#include "uplink/update_file.h"

#define PROGRAM "yufu-gateway"

static enum err note(struct store_tx *tx, const struct headend_package *p, const char *action,
                     wall_s now)
{
    char object[48];
    struct detail d = {};
    snprintf(object, sizeof object, "gateway_package:%lld", (long long)p->id);
    detail_text(&d, "version", p->version);
    detail_text(&d, "machine", p->machine);
    detail_int(&d, "size", p->size);
    detail_text(&d, "key", p->key);
    return journal_append(tx, &(struct journal_act){.now = now,
                                                    .actor = p->actor,
                                                    .action = action,
                                                    .object = object,
                                                    .detail = detail_end(&d)});
}

/* --- adding -------------------------------------------------------------------------------------
 */

static enum err judge(const struct headend_package_new *n, struct update_header *h)
{
    if (n->file.len > UPLINK_UPDATE_MAX)
        return ERR_UPDATE_SIZE;
    TRY(update_file_check(n->file, n->keys, h));
    return strcmp(h->release.program, PROGRAM) == 0 ? ERR_OK : ERR_UPDATE_PROGRAM;
}

static void describe(const struct headend_package_new *n, const struct update_header *h,
                     struct headend_package *p)
{
    char text[UPDATE_VERSION_TEXT];
    *p = (struct headend_package){
        .store = h->release.store, .size = (int64_t)n->file.len, .added_at = n->now};
    update_version_text(h->release.version, text);
    text_copy(p->version, sizeof p->version, text);
    update_version_text(h->minimum, text);
    text_copy(p->minimum, sizeof p->minimum, text);
    text_copy(p->machine, sizeof p->machine, h->machine);
    text_copy(p->actor, sizeof p->actor, n->actor);
    hex_encode(h->signature.key_id, SIGN_KEY_ID, p->key);
}

static enum err put_blocks(struct store_tx *tx, int64_t id, struct bytes file)
{
    int64_t number = 0;
    for (size_t at = 0; at < file.len; at += UPLINK_BLOCK_MAX) {
        size_t left = file.len - at;
        struct bytes block = {file.data + at, left < UPLINK_BLOCK_MAX ? left : UPLINK_BLOCK_MAX};
        TRY(store_exec(tx,
                       "INSERT INTO gateway_package_block (package_id, number, data) "
                       "VALUES ($1, $2, $3)",
                       "iib", id, number++, block));
    }
    return ERR_OK;
}

enum err headend_package_add(struct store_tx *tx, const struct headend_package_new *n,
                             struct headend_package *out)
{
    struct update_header h;
    uint8_t sha256[SIGN_SHA256];
    int64_t count;
    TRY(judge(n, &h));
    describe(n, &h, out);
    sign_sha256(n->file, sha256);
    struct bytes sum = {sha256, sizeof sha256};
    TRY(store_int(tx, &count, "SELECT count(*) FROM gateway_package WHERE sha256 = $1", "b", sum));
    if (count > 0)
        return ERR_EXISTS;
    TRY(store_int(tx, &count, "SELECT count(*) FROM gateway_package", ""));
    if (count >= HEADEND_PACKAGES_MAX)
        return ERR_FULL;
    TRY(store_next_id(tx, "gateway_package", &out->id));
    TRY(store_exec(tx,
                   "INSERT INTO gateway_package (id, sha256, version, machine, store, minimum, "
                   "size, key_id, actor, added_at) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                   "ibttititti", out->id, sum, out->version, out->machine, out->store, out->minimum,
                   out->size, out->key, out->actor, n->now.s));
    TRY(put_blocks(tx, out->id, n->file));
    return note(tx, out, "gateway.package_add", n->now);
}

/* --- looking, removing --------------------------------------------------------------------------
 */

#define PACKAGE                                                                                    \
    "SELECT id, version, machine, store, minimum, size, key_id, actor, added_at, "                 \
    "(SELECT count(*) FROM gateway_push_part p JOIN gateway_push u ON u.id = p.push_id "           \
    "WHERE u.package_id = gateway_package.id AND "                                                 \
    "p.state IN ('waiting', 'fetching', 'ready', 'trial', 'stopping')) FROM gateway_package "

static void take(const struct query *q, struct headend_package *p)
{
    *p = (struct headend_package){.id = query_int(q, 0),
                                  .store = query_int(q, 3),
                                  .size = query_int(q, 5),
                                  .added_at = {query_int(q, 8)},
                                  .open = query_int(q, 9)};
    text_copy(p->version, sizeof p->version, query_text(q, 1));
    text_copy(p->machine, sizeof p->machine, query_text(q, 2));
    text_copy(p->minimum, sizeof p->minimum, query_text(q, 4));
    text_copy(p->key, sizeof p->key, query_text(q, 6));
    text_copy(p->actor, sizeof p->actor, query_text(q, 7));
}

enum err headend_package_get(struct store_tx *tx, int64_t id, struct headend_package *out)
{
    struct query q = query_open(tx, PACKAGE "WHERE id = $1", "i", id);
    bool found = query_step(&q);
    if (found)
        take(&q, out);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err headend_packages(struct store_tx *tx, headend_package_each *each, void *arg)
{
    struct headend_package list[HEADEND_PACKAGES_MAX];
    size_t count = 0;
    struct query q = query_open(tx, PACKAGE "ORDER BY id DESC", "");
    while (count < HEADEND_PACKAGES_MAX && query_step(&q))
        take(&q, &list[count++]);
    TRY(query_end(&q));
    for (size_t i = 0; i < count; i++)
        TRY(each(arg, &list[i]));
    return ERR_OK;
}

enum err headend_package_remove(struct store_tx *tx, int64_t id, const char *actor, wall_s now)
{
    struct headend_package p;
    TRY(headend_package_get(tx, id, &p));
    if (p.open > 0)
        return ERR_UPDATE_USED;
    TRY(store_exec(tx, "DELETE FROM gateway_package_block WHERE package_id = $1", "i", id));
    TRY(store_exec(tx, "DELETE FROM gateway_package WHERE id = $1", "i", id));
    text_copy(p.actor, sizeof p.actor, actor);
    return note(tx, &p, "gateway.package_remove", now);
}
