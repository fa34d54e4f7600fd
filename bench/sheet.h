/*
 * A sheet: what a night needs to know of every account, as columns in one file; made up from a
 * seed. And the plans and policies that go with it.
 */
#ifndef YUFU_BENCH_SHEET_H
#define YUFU_BENCH_SHEET_H

#include "billing/night.h"

#define SHEET_PLANS 64
#define SHEET_STEPS 5
#define SHEET_RATES 4
#define SHEET_POLICIES 16

struct sheet {
    size_t count, size; /* accounts, bytes */
    void *map;
    const int64_t *account_id, *from_wh[SHEET_RATES], *to_wh[SHEET_RATES], *position_wh, *carry,
        *balance_fen, *ahead_fen;
    const uint16_t *plan, *policy;
    const uint8_t *level;
};

/* Exits with a message on any error: a bench goes no further then. */
void sheet_make(const char *path, size_t count, uint64_t seed);
struct sheet sheet_open(const char *path);
void sheet_close(struct sheet *s);

/* The 64 plans: time of use with five steps of surcharges, from their JSON. */
void sheet_plans(struct rating_plan plans[SHEET_PLANS]);
void sheet_policies(struct night_policy policies[SHEET_POLICIES]);
/* All of it as rows for the databases: DIR/usage.tsv, plan.tsv, policy.tsv. */
void sheet_export(const struct sheet *s, const char *dir);

_Noreturn void bench_fail(const char *what, const char *why);

#endif
