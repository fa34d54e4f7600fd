/* Shared by the parts of endure/ only: endure.c lives the day, endure_judge.c judges it. */
#ifndef YUFU_SIM_ENDURE_IMPL_H
#define YUFU_SIM_ENDURE_IMPL_H

#include "sim/endure/endure.h"
#include "vend/vend.h"

#define ENDURE_ORDERS_MAX 1024

struct endure_order {
    char id[VEND_ORDER_ID_MAX + 1];
    size_t meter;
    int64_t amount_fen; /* of its own: the truth needs no word of the platform's */
    bool answered, judged;
    mono_ms sell_at, cancel_at;
};

/* A reading that the gateway said. */
struct endure_told {
    int64_t meter_id, at, energy_wh;
};

struct endure {
    struct world world;
    struct rand_stream rand;
    struct endure_result *result;
    struct endure_order orders[ENDURE_ORDERS_MAX];
    size_t order_count;
    mono_ms next_sale, next_wish, next_price, next_load, next_outage;
    int64_t said_epoch, said_seq; /* the highest that the gateway said */
    int64_t missing, dropped; /* numbers that it never said; and readings that it told it dropped */
    struct endure_told *told;
    size_t told_count, told_cap;
    uint64_t applied_seen;
    bool cut[WORLD_METERS][TERMINAL_CIRCUITS];
};

void endure_violation(struct endure *t, uint64_t *counter, const char *what, const char *which);

/* While it lives: nothing twice, nothing late. */
void endure_watch(struct endure *t);
void endure_said(void *arg, const struct uplink_message *m);
/* Nothing is under way any more, on either side. */
bool endure_settled(struct endure *t);
/* The platform is up, everything has settled or had its time. */
void endure_judge(struct endure *t);

#endif
