#include "tests/unit/pay/orders.h"

#define STEPS_MAX (ORDERS_ACTORS_MAX * ORDERS_ACTS_MAX)

struct deal {
    const struct orders *orders;
    int order[STEPS_MAX], left[ORDERS_ACTORS_MAX];
    int steps, played;
};

static void play(const struct deal *d)
{
    void *state = NULL;
    int next[ORDERS_ACTORS_MAX] = {};
    assert_int_equal(town_open(&state), 0);
    struct town *t = state;
    d->orders->prepare(t);
    for (int i = 0; i < d->steps; i++) {
        int who = d->order[i];
        enum err e = d->orders->acts[who][next[who]++](t);
        if (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE)
            fail_msg("act %d of %d: %s", next[who], who, err_name(e));
        d->orders->after_each(t);
    }
    d->orders->in_the_end(t);
    assert_int_equal(town_close(&state), 0);
}

static void deal_from(struct deal *d, int at)
{
    if (at == d->steps) {
        d->played++;
        play(d);
        return;
    }
    for (int who = 0; who < ORDERS_ACTORS_MAX; who++) {
        if (d->left[who] == 0)
            continue;
        d->left[who]--;
        d->order[at] = who;
        deal_from(d, at + 1);
        d->left[who]++;
    }
}

int orders_play(const struct orders *o)
{
    struct deal d = {.orders = o};
    for (int who = 0; who < ORDERS_ACTORS_MAX; who++) {
        d.left[who] = o->lengths[who];
        d.steps += o->lengths[who];
    }
    deal_from(&d, 0);
    return d.played;
}
