/*
 * People: who they are, what they may do, and the log-ins of their browsers.
 *
 * A person has one role and a set of projects (an administrator has all). What a role may do is one
 * table, auth_role.c; auth_may is the only function that reads it. Deny is the default.
 *
 * Passwords are argon2id (libsodium, 46 MiB, one pass), hashed off the loop, two at a time, at most
 * fifty waiting. A log-in is a random 256-bit token: the browser has it in a cookie, the database
 * only its SHA-256. A log-in ends after 30 minutes of silence or after 12 hours (real time), at
 * log-out, and with every change of the password.
 *
 * Unknown name, wrong password and disabled person look the same and take the same time. After five
 * failures for one name the next try must wait 1, 2, 4 ... 60 s; nobody is locked out for ever. All
 * names together are limited too. The counters live in memory.
 */
#ifndef YUFU_AUTH_AUTH_H
#define YUFU_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/io.h"
#include "store/store.h"

#define AUTH_LOGIN_MAX 64     /* bytes of a log-in name */
#define AUTH_PASSWORD_MIN 8   /* characters (UTF-8 code points) */
#define AUTH_PASSWORD_MAX 256 /* bytes */
#define AUTH_PROJECTS_MAX 256 /* projects granted to one person */
#define AUTH_ONE_TIME_SIZE 20 /* "xxxx-xxxx-xxxx-xxxx" and a zero byte */
#define AUTH_TOKEN_TEXT 44    /* 43 characters of base64url, and a zero byte */

enum auth_role {
    AUTH_ADMIN,    /* everything, every project */
    AUTH_MANAGER,  /* everything in the projects granted */
    AUTH_CASHIER,  /* sells and asks for refunds */
    AUTH_FINANCE,  /* looks at money and refunds it */
    AUTH_OFFICER,  /* fee control: cuts, restores, keeps power */
    AUTH_ENGINEER, /* gateways, meters, import; no money */
    AUTH_WARDEN,   /* state of the rooms of a dormitory, restore; no money */
    AUTH_AUDITOR,  /* sees everything, changes nothing */
    AUTH_ROLE_COUNT
};

enum auth_verb {
    AUTH_SELF,  /* one's own log-in and password */
    AUTH_VIEW,  /* projects, places, rooms, meters, events */
    AUTH_MONEY, /* balances, orders, ledger, bills */
    AUTH_SELL,
    AUTH_CANCEL, /* ask for an order's money back */
    AUTH_RELAY,
    AUTH_KEEP,
    AUTH_IMPORT,
    AUTH_CLAIM,    /* commissioning of gateways */
    AUTH_PRICE,    /* price plans: check, try, save */
    AUTH_STRATEGY, /* fee-control strategies, the same */
    AUTH_BOOKS,    /* closing of days, runs, bills and late fees, what the cash desk may do */
    AUTH_AUDIT,    /* the journal */
    AUTH_TERMINAL, /* settings of terminals: limits, hours, white lists; to reset is AUTH_RELAY */
    AUTH_VERB_COUNT
};

/* One log-in, loaded for one request. */
struct auth_principal {
    int64_t person_id;
    char login[AUTH_LOGIN_MAX + 1];
    char name[AUTH_LOGIN_MAX + 1];
    enum auth_role role;
    bool must_change; /* only AUTH_SELF until the password is changed */
    char csrf[AUTH_TOKEN_TEXT];
    int64_t projects[AUTH_PROJECTS_MAX]; /* ascending; unused for AUTH_ADMIN */
    size_t project_count;
};

const char *auth_role_name(enum auth_role r);
const char *auth_verb_name(enum auth_verb v);
[[nodiscard]] enum err auth_role_parse(const char *name, enum auth_role *r); /* ERR_NOT_FOUND */

/* True if the role holds the verb at all. */
bool auth_role_may(enum auth_role r, enum auth_verb v);
/* True if p sees the project. */
bool auth_sees(const struct auth_principal *p, int64_t project_id);
/* ERR_OK; ERR_NOT_FOUND (a project that p does not see looks absent); ERR_AUTH_PASSWORD_CHANGE;
 * ERR_AUTH_FORBIDDEN. project_id 0: a verb that concerns no project. */
[[nodiscard]] enum err auth_may(const struct auth_principal *p, enum auth_verb v,
                                int64_t project_id);
/* "user:3", as written into the journal; out needs 32 chars. */
void auth_actor(const struct auth_principal *p, char *out);

/* ---- people: on a transaction of the ledger store -------------------------------------------- */

/* The first administrator, log-in name "admin", with a one-time password that must be changed.
 * Takes about 50 ms. ERR_EXISTS when there is any person. `password` needs AUTH_ONE_TIME_SIZE. */
[[nodiscard]] enum err auth_first_admin(struct store_tx *tx, char *password);
/* A new one-time password for a person, ending all log-ins; for the command line. ERR_NOT_FOUND. */
[[nodiscard]] enum err auth_reset_password(struct store_tx *tx, const char *login, char *password);

struct auth_new_person {
    const char *login, *name, *password;
    enum auth_role role;
    bool must_change;
    const int64_t *projects;
    size_t project_count;
};
/* Hashes on the spot (about 50 ms). ERR_EXISTS, ERR_AUTH_WEAK, ERR_RANGE. */
[[nodiscard]] enum err auth_person_add(struct store_tx *tx, const struct auth_new_person *n,
                                       int64_t *id);

/* "xxxx-xxxx-xxxx-xxxx", random, without letters that look alike; for must_change. ERR_BUG. */
[[nodiscard]] enum err auth_one_time_password(char password[AUTH_ONE_TIME_SIZE]);
/* Disables (ending all log-ins) or enables a person. ERR_NOT_FOUND; ERR_STATE: nobody would be left
 * who may do everything. */
[[nodiscard]] enum err auth_person_disable(struct store_tx *tx, const char *login, bool disabled);

struct auth_person {
    int64_t id;
    const char *login, *name, *role; /* live during the call */
    bool must_change, disabled;
    int64_t projects; /* granted */
};
/* By log-in name: who sees the project (0: everybody), disabled ones too, because what they did
 * still bears their name. Ends with the first error of `each`. */
typedef enum err auth_person_each(void *arg, const struct auth_person *p);
[[nodiscard]] enum err auth_people(struct store_tx *tx, int64_t project_id, auth_person_each *each,
                                   void *arg);

/* ---- log-ins --------------------------------------------------------------------------------- */

struct auth;

struct auth_options {
    struct io *io;
    struct store *store; /* the ledger store */
    int64_t idle_s;      /* 0: 30 minutes */
    int64_t absolute_s;  /* 0: 12 hours */
};

[[nodiscard]] enum err auth_open(struct auth **out, const struct auth_options *options);
/* NULL is allowed. `done` of attempts still running is not called any more. */
void auth_close(struct auth *a);

struct auth_session {
    char token[AUTH_TOKEN_TEXT]; /* for the cookie; never stored, never logged */
    struct auth_principal principal;
};

/* `s` lives during the call. Comes once, from the loop, after the commit; never inside the call
 * that asked. */
typedef void auth_done(void *arg, enum err result, const struct auth_session *s);

struct auth_attempt {
    const char *login, *password;
    const char *peer; /* address of the browser, for throttling; "" if not known */
    wall_s now;       /* business time, for the journal */
    auth_done *done;
    void *arg;
};

/* Refused at once, `done` is not called: ERR_AUTH_THROTTLED, ERR_AUTH_BUSY, ERR_AUTH_LOGIN (a name
 * that cannot be one). Through `done`: ERR_AUTH_LOGIN (name or password), errors of the store. */
[[nodiscard]] enum err auth_log_in(struct auth *a, const struct auth_attempt *attempt);
/* Checks attempt->password, then ends all log-ins of the person and starts a new one.
 * attempt->login is not looked at. At once: ERR_AUTH_WEAK, ERR_AUTH_THROTTLED, ERR_AUTH_BUSY.
 * Through `done`: ERR_AUTH_LOGIN (the old password is wrong), errors of the store. */
[[nodiscard]] enum err auth_change_password(struct auth *a, const struct auth_principal *p,
                                            const char *new_password,
                                            const struct auth_attempt *attempt);
/* Seconds after which a refused attempt makes sense again; at least 1. */
int64_t auth_wait_s(const struct auth *a, const struct auth_attempt *attempt);
/* Ends one log-in; on a transaction. An unknown token is no error. */
[[nodiscard]] enum err auth_log_out(struct store_tx *tx, const char *token);
/* The person behind a cookie; on a reading transaction. ERR_AUTH_NONE: no such log-in, or ended.
 * The time of the last sign of life is written at the next flush, at most once a minute. */
[[nodiscard]] enum err auth_identify(struct auth *a, struct store_tx *tx, const char *token,
                                     struct auth_principal *p);
/* The same, but no sign of life: for pages that only listen. */
[[nodiscard]] enum err auth_watch(struct auth *a, struct store_tx *tx, const char *token,
                                  struct auth_principal *p);
/* Compares in constant time. */
bool auth_csrf_ok(const struct auth_principal *p, const char *header);

#endif
