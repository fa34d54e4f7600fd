/* Every order there is of what several people do, each a list of acts one after another. */
#ifndef YUFU_TESTS_UNIT_PAY_ORDERS_H
#define YUFU_TESTS_UNIT_PAY_ORDERS_H

#include "tests/unit/billing/town.h"

#define ORDERS_ACTORS_MAX 6
#define ORDERS_ACTS_MAX 3 /* of one actor */

typedef enum err order_act(struct town *t);
struct orders {
    order_act *acts[ORDERS_ACTORS_MAX][ORDERS_ACTS_MAX];
    int lengths[ORDERS_ACTORS_MAX];     /* how many acts of each are played */
    void (*prepare)(struct town *t);    /* a new town for each order */
    void (*after_each)(struct town *t); /* act, which may be refused but never fail */
    void (*in_the_end)(struct town *t);
};
/* Answers how many orders there were. */
int orders_play(const struct orders *o);

#endif
