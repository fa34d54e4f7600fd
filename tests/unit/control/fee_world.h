/*
 * A small world for fee control, with the real rooms: readings, billing, strategy, ledger, vend,
 * notify. One account of 1 yuan per kWh; levels at 30, 10 and 0 yuan; cut at 0 after a delivered
 * notice of level 2 and half an hour.
 */
#ifndef YUFU_TEST_FEE_WORLD_H
#define YUFU_TEST_FEE_WORLD_H

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "billing/billing.h"
#include "control/control.h"
#include "control/fee.h"
#include "notify/notify.h"
#include "vend/vend.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 04:00 UTC, a Thursday */
#define ACCOUNT 7
#define METER 11

struct world {
    struct store *ledger, *readings_store;
    struct readings *readings;
    wall_s now;
    int64_t seq, energy_wh, relay_open, balance_fen;
    uint64_t random;
    bool neighbour;   /* meter 12 is read as well, and uses nothing */
    bool leave_alone; /* readings go through the n-day rule */
    const char *path; /* of the ledger; NULL: in memory */
};

int setup(void **state);
int teardown(void **state);
/* The process ends and begins again with what is on disk. */
void restart(struct world *w);
struct world *world_new(const char *path);

/* Texts of SQL are known by their address: string literals only. */
void sql(struct world *w, const char *text);
int64_t number(struct world *w, const char *text);

enum err check(struct store_tx *tx, void *world);
/* Time passes, the meter is read, the loop runs. */
void reading(struct world *w, int64_t after_s, int64_t used_wh);
enum err try_pay(struct world *w, const char *order, int64_t amount_fen);
void pay(struct world *w, const char *order, int64_t amount_fen);
/* The customer asks for emergency credit. */
enum err ask_credit(struct store_tx *tx, void *world);
/* Every message that waits is delivered. */
void deliver(struct world *w);
/* 40 yuan are paid and 32 used: 8 are left, level 2, its notice delivered. A standing permission is
 * given. */
void near_the_end(struct world *w);
/* The meter answers to the newest wish. */
void relay_does(struct world *w, bool open);

int64_t level(struct world *w);
bool wished(struct world *w, const char *desired);
bool decided(struct world *w, const char *part);

#endif
