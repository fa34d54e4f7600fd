/* Both stores in memory, one project in UTC+8, meters that report what a test says. */
#ifndef YUFU_TESTS_UNIT_BILLING_TOWN_H
#define YUFU_TESTS_UNIT_BILLING_TOWN_H

#include "tests/unit/check.h"

#include "billing/billing.h"
#include "ledger/ledger.h"

#define DAY INT64_C(86'400)
#define ZONE (8 * 3600)
#define DAY0 20'500
#define T0 (DAY0 * DAY - ZONE) /* midnight in UTC+8 */
#define I(x) ((int64_t)(x))

/* Account 7 (platform, plan 'flat' at 0.5 yuan) has meter 1; account 8 (meter wallet, the same plan)
 * has meter 2; account 9 (platform, plan 'tou') has meter 3; account 10 has none. */
struct town {
    struct store *ledger, *store;
    struct readings *readings;
    struct billing_clerk clerk;
    int64_t seq;
};

int town_open(void **state);
int town_close(void **state);
/* The same in files, which are made with the town if they are not there; town_free closes them. */
struct town *town_open_at(const char *ledger, const char *readings);
void town_free(struct town *t);
/* A round of the clerk over files, in a process of its own that is killed before or after its commit. */
struct town_death {
    const char *ledger, *readings;
    int64_t now;
    size_t limit; /* accounts of the round */
    bool after;
};
void town_killed_in_a_round(const struct town_death *d);

void town_exec(struct town *t, const char *sql);
int64_t town_int(struct town *t, const char *sql);
/* A new version of a plan. */
void town_plan(struct town *t, const char *code, int64_t version, int64_t at, const char *body);
void town_pay(struct town *t, int64_t account, int64_t fen, int64_t now);

/* One reading, arriving at once; the charge is opened if it can be. Points end with 0. */
void town_say(struct town *t, int64_t meter, int64_t epoch, int64_t at, ...);
/* Registers total and peak alike, the usual reading. */
void town_wh(struct town *t, int64_t meter, int64_t at, int64_t wh);
/* Reports each `step` seconds from..to (exclusive): watts are used all the time. */
void town_run(struct town *t, int64_t meter, int64_t from, int64_t to, int64_t watts);

/* Housekeeping until nothing is left. */
void town_tick(struct town *t, int64_t now);
enum err town_settle(struct town *t, int64_t account, int64_t now, struct billing_settled *out);
enum err town_split(struct town *t, int64_t account, int64_t now);
enum err town_outlook(struct town *t, int64_t account, int64_t now, struct billing_outlook *out);
int64_t town_book(struct town *t, int64_t account, enum ledger_book book);
void town_restart(struct town *t);

#endif
