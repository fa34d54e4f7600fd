/* What the checkers of the world share: a sale and its cancelling, and when a cut is rightful. */
#include "sim/world/world.h"
#include "vend/vend.h"

#define CUT_SLACK_S 5

enum err world_sell(struct store_tx *tx, void *arg)
{
    const struct world_sale *s = arg;
    struct vend_status status;
    return vend_sell(tx,
                     &(struct vend_sale){.account_id = s->world->account_ids[s->meter],
                                         .order_id = s->order_id,
                                         .amount_fen = s->amount_fen,
                                         .method = "cash",
                                         .actor = "user:1",
                                         .now = world_wall(s->world),
                                         .random = rand_u64(&s->world->rand_keys)},
                     &status);
}

enum err world_cancel(struct store_tx *tx, void *arg)
{
    const struct world_sale *s = arg;
    struct vend_status status;
    return vend_cancel(tx,
                       &(struct vend_request){.account_id = s->world->account_ids[s->meter],
                                              .order_id = s->order_id,
                                              .actor = "user:1",
                                              .reason = "simulated",
                                              .now = world_wall(s->world),
                                              .random = rand_u64(&s->world->rand_keys)},
                       &status);
}

bool world_cut_by_order(const struct terminal_output *out, size_t circuit)
{
    return !out->closed[circuit] && out->reason[circuit] == TERMINAL_REASON_REMOTE;
}

static bool stands(const struct world_wish *wish, wall_s now)
{
    return wish->open && (wish->not_after.s == 0 || now.s <= wish->not_after.s + CUT_SLACK_S);
}

bool world_may_be_cut(const struct world *w, size_t meter, size_t circuit)
{
    const size_t keys[] = {0, circuit + 1};
    const wall_s now = world_wall(w);
    for (size_t k = 0; k < 2; k++) {
        const struct world_wish *wish = &w->wishes[meter][keys[k]];
        bool fresh = w->now.ms - wish->at.ms < CUT_SLACK_S * INT64_C(1000);
        if (stands(wish, now) || stands(&w->unsure[meter][keys[k]], now) ||
            (fresh && stands(&w->before[meter][keys[k]], now)))
            return true;
    }
    return false;
}
