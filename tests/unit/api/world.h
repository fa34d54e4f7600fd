/*
 * A whole api on real stores and a real socket, with two projects (1 "A" and 2 "B"), and as many
 * HTTP clients as wanted. Project A: account 1 with its balance on the platform, account 2 with its
 * balance in the meter. Project B: account 3.
 */
#ifndef YUFU_TESTS_UNIT_API_WORLD_H
#define YUFU_TESTS_UNIT_API_WORLD_H

#include <jansson.h>

#include "api/api_impl.h"
#include "tests/unit/check.h"

#define WORLD_PASSWORD "a well chosen secret"

struct client {
    struct world *world;
    struct io_stream *stream;
    bool opened, closed;
    char *reply; /* everything that came */
    size_t len, cap;
};

struct world {
    struct io *io;
    struct store *ledger, *readings_store;
    struct readings *readings;
    struct api *api;
    char web[64]; /* folder of static files */
};

/* One logged-in person. */
struct person {
    char cookie[64];
    char csrf[64];
};

struct reply {
    int status;
    char *head, *body;
    json_t *json; /* NULL: not JSON */
};

int world_open(void **state);
int world_close(void **state);

/* People: role name and one project, or 0. The log-in name is the role's name. */
void world_person(struct world *w, enum auth_role role, int64_t project_id);
struct person world_login(struct world *w, const char *login);
struct person world_cashier(struct world *w); /* logged in, of project 1 */
struct person world_admin(struct world *w);
int64_t world_money_rows(struct world *w); /* rows of whatever a sale may write */

struct ask {
    const char *method, *path;
    const struct person *person; /* NULL: nobody */
    const char *key;             /* Idempotency-Key; NULL: none */
    const char *type, *body;     /* NULL: no body */
    const char *extra;           /* whole header lines, each with CRLF; NULL: none */
    bool no_csrf;
};
struct reply world_ask(struct world *w, const struct ask *a);
struct reply world_get(struct world *w, const struct person *p, const char *path);
struct reply world_post(struct world *w, const struct person *p, const char *key, const char *path,
                        const char *body);
void reply_free(struct reply *r);
/* Frees r; the status and, for problems, the code ("-": any) must be as told. */
void check_reply(struct reply r, int status, const char *code);
const char *reply_text(const struct reply *r, const char *name);
int64_t reply_int(const struct reply *r, const char *name);

/* Raw clients, for many at once and for streams. */
struct client *client_open(struct world *w);
void client_say(struct client *c, const char *text);
void client_wait(struct client *c, const char *text); /* until it came; fails after 10 s */
void client_close(struct client *c);
void client_write_ask(struct client *c, const struct ask *a);

/* One number out of the ledger store. `sql` must be a literal: statements are kept by address. */
int64_t world_number(struct world *w, const char *sql);
void world_execute(struct world *w, const char *sql);

#endif
