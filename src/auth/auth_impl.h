/* Private to auth/. */
#ifndef YUFU_AUTH_AUTH_IMPL_H
#define YUFU_AUTH_AUTH_IMPL_H

#include <sodium.h>

#include "auth/auth.h"

#define AUTH_HASH_TEXT crypto_pwhash_STRBYTES
#define AUTH_RUNNING_MAX 2
#define AUTH_WAITING_MAX 50

/* ---- auth_password.c ---- */

/* ERR_AUTH_WEAK. */
[[nodiscard]] enum err auth_password_check(const char *login, const char *password);
/* About 50 ms and 46 MiB each. ERR_MEMORY. */
[[nodiscard]] enum err auth_password_hash(const char *password, char hash[AUTH_HASH_TEXT]);
bool auth_password_ok(const char *hash, const char *password);
/* "xxxx-xxxx-xxxx-xxxx", random, without letters that look alike. */
void auth_password_random(char password[20]);

/* ---- auth_throttle.c ---- */

#define AUTH_THROTTLE_SLOTS 1024

struct auth_throttle_slot {
    uint64_t key; /* 0: free */
    int64_t failures, next_s, last_s;
};

struct auth_throttle {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    struct auth_throttle_slot slots[AUTH_THROTTLE_SLOTS];
};

void auth_throttle_init(struct auth_throttle *t);
/* Seconds to wait before this name may be tried; 0: now. */
int64_t auth_throttle_wait(const struct auth_throttle *t, const char *name, int64_t now_s);
/* Counts one try as failed in advance, so that many at the same time are counted too. The first
 * `free` ones cost nothing. */
void auth_throttle_count(struct auth_throttle *t, const char *name, int64_t free, int64_t now_s);
/* The try succeeded: it counts no more, those before it do. */
void auth_throttle_undo(struct auth_throttle *t, const char *name);
void auth_throttle_forget(struct auth_throttle *t, const char *name);

/* ---- auth_session.c ---- */

struct auth_login_row {
    int64_t person_id;
    char csrf[AUTH_TOKEN_TEXT];
    int64_t created_s, seen_s;
};

/* A new log-in row for s->principal.person_id; fills the rest of *s. Old log-ins are swept away. */
[[nodiscard]] enum err auth_session_start(struct auth *a, struct store_tx *tx,
                                          struct auth_session *s);
[[nodiscard]] enum err auth_session_end_all(struct store_tx *tx, int64_t person_id);

/* ---- auth.c ---- */

struct auth_job;

struct auth {
    struct io *io;
    struct store *store;
    int64_t idle_s, absolute_s;
    char nobody[AUTH_HASH_TEXT]; /* what the password of an unknown name is compared with */
    struct auth_throttle throttle;
    struct auth_job *first, *last; /* waiting for their turn */
    size_t waiting, running;
    bool closed;
};

#endif
