#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_impl.h"
#include "base/must.h"
#include "io/log.h"
#include "journal/journal.h"

#define IDLE_S (30 * 60)
#define ABSOLUTE_S (12 * 3600)
#define NAME_FREE 5  /* failures of one name that cost nothing */
#define PEER_FREE 50 /* of one address: a whole office may sit behind it */
#define PEER_PREFIX "peer:"

/* One attempt on its way: waits, is hashed off the loop, is committed, is answered. */
struct auth_job {
    struct auth *auth;
    struct auth_job *next;
    auth_done *done;
    void *arg;
    wall_s now;
    char login[AUTH_LOGIN_MAX + 1];
    char peer[64];
    char password[AUTH_PASSWORD_MAX + 1];
    char new_password[AUTH_PASSWORD_MAX + 1]; /* "": a log-in */
    int64_t person_id;                        /* 0: there is none; the work is done all the same */
    char hash[AUTH_HASH_TEXT];
    char new_hash[AUTH_HASH_TEXT];
    enum err result; /* of the work */
    struct auth_session session;
};

enum err auth_open(struct auth **out, const struct auth_options *options)
{
    if (sodium_init() < 0)
        return ERR_BUG;
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_MEMORY;
    a->io = options->io;
    a->store = options->store;
    a->idle_s = options->idle_s ? options->idle_s : IDLE_S;
    a->absolute_s = options->absolute_s ? options->absolute_s : ABSOLUTE_S;
    auth_throttle_init(&a->throttle);
    char password[20];
    auth_password_random(password);
    enum err e = auth_password_hash(password, a->nobody);
    if (e != ERR_OK) {
        free(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

static void job_free(struct auth_job *j)
{
    sodium_memzero(j, sizeof *j);
    free(j);
}

static void release(struct auth *a)
{
    if (a->closed && a->running == 0)
        free(a);
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    while (a->first) {
        struct auth_job *j = a->first;
        a->first = j->next;
        job_free(j);
    }
    a->closed = true;
    release(a); /* else the last job does it */
}

/* ---- after the work: one commit, one answer ---- */

static enum err note(struct store_tx *tx, const struct auth_job *j)
{
    char actor[32];
    auth_actor(&j->session.principal, actor);
    return journal_append(
        tx, &(struct journal_act){.now = j->now,
                                  .actor = actor,
                                  .action = j->new_password[0] ? "person.password" : "person.login",
                                  .object = actor,
                                  .detail = "{}"});
}

static enum err commit_work(struct store_tx *tx, void *arg)
{
    struct auth_job *j = arg;
    j->session.principal.person_id = j->person_id;
    if (j->new_password[0]) {
        /* The password may have been changed while this one was being hashed. */
        TRY(store_exec(tx,
                       "UPDATE person SET password = $2, must_change = 0 "
                       "WHERE id = $1 AND password = $3 AND disabled = 0",
                       "itt", j->person_id, j->new_hash, j->hash));
        if (store_changes(tx) != 1)
            return ERR_AUTH_LOGIN;
        TRY(auth_session_end_all(tx, j->person_id));
    }
    enum err e = auth_session_start(j->auth, tx, &j->session);
    if (e != ERR_OK)
        return e == ERR_AUTH_NONE ? ERR_AUTH_LOGIN : e; /* disabled in between */
    return note(tx, j);
}

/* The job counts as running until here, so that auth outlives it. */
static void finish(struct auth_job *j, enum err result)
{
    struct auth *a = j->auth;
    a->running--;
    if (!a->closed) {
        log_event(result == ERR_OK ? LOG_LOGIN : LOG_LOGIN_REFUSED, LOG_S("login", j->login),
                  LOG_S("peer", j->peer + sizeof PEER_PREFIX - 1), LOG_E("result", result));
        j->done(j->arg, result, &j->session);
    }
    job_free(j);
    release(a);
}

static void commit_done(void *arg, enum err result)
{
    struct auth_job *j = arg;
    if (result == ERR_OK && !j->auth->closed) {
        auth_throttle_forget(&j->auth->throttle, j->login);
        auth_throttle_undo(&j->auth->throttle, j->peer); /* who has one log-in guesses no others */
    }
    finish(j, result);
}

/* ---- the queue in front of the hashing ---- */

static void hash_work(void *arg)
{
    struct auth_job *j = arg;
    bool ok = auth_password_ok(j->hash, j->password);
    j->result = ok && j->person_id ? ERR_OK : ERR_AUTH_LOGIN;
    if (j->result == ERR_OK && j->new_password[0])
        j->result = auth_password_hash(j->new_password, j->new_hash);
}

static void start_next(struct auth *a);

static void hash_done(void *arg)
{
    struct auth_job *j = arg;
    struct auth *a = j->auth;
    if (!a->closed && j->result == ERR_OK) {
        store_submit(a->store, commit_work, commit_done, j);
    } else {
        bool more = !a->closed;
        finish(j, j->result);
        if (!more)
            return;
    }
    start_next(a);
}

static void start_next(struct auth *a)
{
    while (a->first && a->running < AUTH_RUNNING_MAX) {
        struct auth_job *j = a->first;
        a->first = j->next;
        a->waiting--;
        a->running++;
        io_work(a->io, hash_work, hash_done, j);
    }
}

static void enqueue(struct auth *a, struct auth_job *j)
{
    j->next = NULL;
    if (a->first)
        a->last->next = j;
    else
        a->first = j;
    a->last = j;
    a->waiting++;
    start_next(a);
}

/* ---- attempts ---- */

/* /24 for IPv4 text, the first four groups for IPv6: neighbours share a limit. */
static void peer_of(const char *address, char out[64])
{
    char mark = strchr(address, '.') ? '.' : ':';
    int keep = mark == '.' ? 3 : 4;
    size_t len = 0;
    while (address[len] && len < 40 && !(address[len] == mark && --keep == 0))
        len++;
    snprintf(out, 64, PEER_PREFIX "%.*s", (int)len, address);
}

int64_t auth_wait_s(const struct auth *a, const struct auth_attempt *attempt)
{
    char peer[64];
    int64_t now_s = io_wall_real(a->io).s;
    peer_of(attempt->peer, peer);
    int64_t by_name = auth_throttle_wait(&a->throttle, attempt->login, now_s);
    int64_t by_peer = auth_throttle_wait(&a->throttle, peer, now_s);
    int64_t wait = by_name > by_peer ? by_name : by_peer;
    return wait > 0 ? wait : 1;
}

static enum err admit(struct auth *a, const char *login, const char *peer)
{
    int64_t now_s = io_wall_real(a->io).s;
    if (auth_throttle_wait(&a->throttle, login, now_s) > 0 ||
        auth_throttle_wait(&a->throttle, peer, now_s) > 0)
        return ERR_AUTH_THROTTLED;
    if (a->waiting >= AUTH_WAITING_MAX)
        return ERR_AUTH_BUSY;
    auth_throttle_count(&a->throttle, login, NAME_FREE, now_s);
    auth_throttle_count(&a->throttle, peer, PEER_FREE, now_s);
    return ERR_OK;
}

static enum err find_person(struct store_tx *tx, void *arg)
{
    struct auth_job *j = arg;
    struct query q = query_open(
        tx, "SELECT id, password FROM person WHERE login = $1 AND disabled = 0", "t", j->login);
    if (query_step(&q)) {
        j->person_id = query_int(&q, 0);
        snprintf(j->hash, sizeof j->hash, "%s", query_text(&q, 1));
    }
    return query_end(&q);
}

static enum err begin(struct auth *a, const char *login, const char *new_password,
                      const struct auth_attempt *attempt)
{
    if (strlen(login) > AUTH_LOGIN_MAX || strlen(attempt->password) > AUTH_PASSWORD_MAX)
        return ERR_AUTH_LOGIN;
    char peer[64];
    peer_of(attempt->peer, peer);
    TRY(admit(a, login, peer));
    struct auth_job *j = calloc(1, sizeof *j);
    if (!j)
        return ERR_MEMORY;
    j->auth = a;
    j->done = attempt->done;
    j->arg = attempt->arg;
    j->now = attempt->now;
    snprintf(j->login, sizeof j->login, "%s", login);
    snprintf(j->peer, sizeof j->peer, "%s", peer);
    snprintf(j->password, sizeof j->password, "%s", attempt->password);
    snprintf(j->new_password, sizeof j->new_password, "%s", new_password);
    memcpy(j->hash, a->nobody, sizeof j->hash);
    enum err e = store_read(a->store, find_person, j);
    if (e != ERR_OK) {
        job_free(j);
        return e;
    }
    enqueue(a, j);
    return ERR_OK;
}

enum err auth_log_in(struct auth *a, const struct auth_attempt *attempt)
{
    return begin(a, attempt->login, "", attempt);
}

enum err auth_change_password(struct auth *a, const struct auth_principal *p,
                              const char *new_password, const struct auth_attempt *attempt)
{
    TRY(auth_password_check(p->login, new_password));
    if (strcmp(new_password, attempt->password) == 0)
        return ERR_AUTH_WEAK;
    return begin(a, p->login, new_password, attempt);
}
