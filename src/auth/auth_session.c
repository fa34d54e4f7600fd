#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_impl.h"
#include "base/must.h"

#define TOUCH_S 60 /* a sign of life is written at most this often */

static void make_token(char token[AUTH_TOKEN_TEXT])
{
    uint8_t random[32];
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(token, AUTH_TOKEN_TEXT, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
}

static struct bytes hash_token(const char *token, uint8_t hash[32])
{
    crypto_hash_sha256(hash, (const uint8_t *)token, strlen(token));
    return (struct bytes){hash, 32};
}

void auth_actor(const struct auth_principal *p, char *out)
{
    snprintf(out, 32, "user:%lld", (long long)p->person_id);
}

bool auth_csrf_ok(const struct auth_principal *p, const char *header)
{
    size_t len = strlen(p->csrf);
    return len > 0 && header && strlen(header) == len && sodium_memcmp(header, p->csrf, len) == 0;
}

static enum err load_projects(struct store_tx *tx, struct auth_principal *p)
{
    struct query q = query_open(
        tx, "SELECT project_id FROM person_project WHERE person_id = $1 ORDER BY project_id", "i",
        p->person_id);
    while (p->project_count < AUTH_PROJECTS_MAX && query_step(&q))
        p->projects[p->project_count++] = query_int(&q, 0);
    return query_end(&q);
}

static enum err load_principal(struct store_tx *tx, int64_t person_id, struct auth_principal *p)
{
    struct query q = query_open(
        tx, "SELECT login, name, role, must_change FROM person WHERE id = $1 AND disabled = 0", "i",
        person_id);
    bool found = query_step(&q);
    enum err role = ERR_OK;
    if (found) {
        p->person_id = person_id;
        snprintf(p->login, sizeof p->login, "%s", query_text(&q, 0));
        snprintf(p->name, sizeof p->name, "%s", query_text(&q, 1));
        role = auth_role_parse(query_text(&q, 2), &p->role);
        p->must_change = query_int(&q, 3);
    }
    TRY(query_end(&q));
    if (!found)
        return ERR_AUTH_NONE;
    TRY(role);
    p->project_count = 0;
    return load_projects(tx, p);
}

enum err auth_session_end_all(struct store_tx *tx, int64_t person_id)
{
    return store_exec(tx, "DELETE FROM login WHERE person_id = $1", "i", person_id);
}

enum err auth_session_start(struct auth *a, struct store_tx *tx, struct auth_session *s)
{
    uint8_t hash[32];
    int64_t now_s = io_wall_real(a->io).s;
    TRY(store_exec(tx, "DELETE FROM login WHERE created_at < $1 OR seen_at < $2", "ii",
                   now_s - a->absolute_s, now_s - a->idle_s));
    TRY(load_principal(tx, s->principal.person_id, &s->principal));
    make_token(s->token);
    make_token(s->principal.csrf);
    return store_exec(tx,
                      "INSERT INTO login (token_hash, person_id, csrf, created_at, seen_at) "
                      "VALUES ($1, $2, $3, $4, $4)",
                      "biti", hash_token(s->token, hash), s->principal.person_id, s->principal.csrf,
                      now_s);
}

enum err auth_log_out(struct store_tx *tx, const char *token)
{
    uint8_t hash[32];
    return store_exec(tx, "DELETE FROM login WHERE token_hash = $1", "b", hash_token(token, hash));
}

struct touch {
    uint8_t hash[32];
    int64_t now_s;
};

static enum err touch_work(struct store_tx *tx, void *arg)
{
    struct touch *t = arg;
    return store_exec(tx, "UPDATE login SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2",
                      "bi", (struct bytes){t->hash, sizeof t->hash}, t->now_s);
}

static void touch_done(void *arg, enum err result)
{
    (void)result; /* a lost sign of life only ends a log-in earlier */
    free(arg);
}

static void touch(struct auth *a, const uint8_t hash[32], int64_t now_s)
{
    struct touch *t = malloc(sizeof *t);
    MUST(t);
    memcpy(t->hash, hash, sizeof t->hash);
    t->now_s = now_s;
    store_submit(a->store, touch_work, touch_done, t);
}

static enum err find(struct store_tx *tx, struct bytes hash, struct auth_login_row *row)
{
    struct query q = query_open(
        tx, "SELECT person_id, csrf, created_at, seen_at FROM login WHERE token_hash = $1", "b",
        hash);
    bool found = query_step(&q);
    if (found) {
        row->person_id = query_int(&q, 0);
        snprintf(row->csrf, sizeof row->csrf, "%s", query_text(&q, 1));
        row->created_s = query_int(&q, 2);
        row->seen_s = query_int(&q, 3);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_AUTH_NONE;
}

static enum err identify(struct auth *a, struct store_tx *tx, const char *token, bool alive,
                         struct auth_principal *p)
{
    uint8_t hash[32];
    struct auth_login_row row;
    int64_t now_s = io_wall_real(a->io).s;
    if (strlen(token) != AUTH_TOKEN_TEXT - 1)
        return ERR_AUTH_NONE;
    TRY(find(tx, hash_token(token, hash), &row));
    if (now_s - row.created_s >= a->absolute_s || now_s - row.seen_s >= a->idle_s)
        return ERR_AUTH_NONE;
    TRY(load_principal(tx, row.person_id, p));
    memcpy(p->csrf, row.csrf, sizeof p->csrf);
    if (alive && now_s - row.seen_s >= TOUCH_S)
        touch(a, hash, now_s);
    return ERR_OK;
}

enum err auth_identify(struct auth *a, struct store_tx *tx, const char *token,
                       struct auth_principal *p)
{
    return identify(a, tx, token, true, p);
}

enum err auth_watch(struct auth *a, struct store_tx *tx, const char *token,
                    struct auth_principal *p)
{
    return identify(a, tx, token, false, p);
}
