/* Shared by the parts of the fee-control loop only. */
#ifndef YUFU_CONTROL_FEE_IMPL_H
#define YUFU_CONTROL_FEE_IMPL_H

#include "billing/billing.h"
#include "control/control_impl.h"
#include "control/fee.h"
#include "control/policy.h"

#define FEE_SAID_MAX 64

/* The running episode of an account: its row of fee_state. */
struct episode {
    int level, warned_level, noted_level;
    int64_t level_fen;            /* available when the level was reached */
    int64_t known_fen, known_seq; /* while something is off for money: what was available when last
                                     known, and the newest transaction then; 0: not known */
    wall_s level_at, notice_at, noted_at, decided_at, due_at, limited_at, emergency_at;
    int64_t number, notices, noted, told_day, told_today;
    int64_t emergency_episode, emergency_fen;
    char said[FEE_SAID_MAX]; /* the last decision in short */
    char strategy[CONTROL_STRATEGY_TEXT_MAX];
};

enum err fee_episode_load(struct store_tx *tx, int64_t account_id, struct episode *e);
enum err fee_episode_make(struct store_tx *tx, int64_t account_id);
enum err fee_episode_save(struct store_tx *tx, int64_t account_id, const struct episode *e);
/* What of the delivered notices counts under a policy. */
enum err fee_notices_count(struct store_tx *tx, int64_t account_id, struct episode *e,
                           const struct strategy_policy *policy, uint32_t *channels);

/* One step of an episode, pure: nothing is read or written but `e`. */
struct fee_step {
    const struct strategy_policy *policy;
    const struct strategy_facts *facts;
    const struct strategy_decision *decision;
    int32_t local_day;
};
/* What the episode says, as facts of the next decision. */
void fee_step_facts(const struct episode *e, int32_t local_day, struct strategy_facts *f);
/* The level moves to the decision's. */
void fee_step_level(struct episode *e, const struct fee_step *s);
/* A notice of the decision's level is to be written: `e` counts it. Call after fee_step_level. */
enum fee_telling { FEE_TELL_NOTHING, FEE_TELL_FIRST, FEE_TELL_AGAIN };
enum fee_telling fee_step_tell(struct episode *e, const struct fee_step *s);

struct fee_approval { /* the open proposal to cut; id 0: none */
    int64_t id;
    int state; /* enum control_approval_state */
    wall_s expires_at;
};

struct loop {
    struct control_turn turn;
    const struct readings *readings;
    struct control_policy in_force;
    struct strategy_facts facts;
    struct strategy_decision decision;
    struct episode episode, stored; /* stored: as it stands in the table */
    struct fee_approval approval;
    int64_t other_due_fen; /* taken off what is available, where the policy says so */
    bool confirmed;        /* the customer says so, now */
    int32_t local_day;
    int64_t newest_seq;                           /* of the ledger; 0: nothing is booked */
    struct control_row relay[BILLING_METERS_MAX]; /* circuit 0 of each meter */
    int64_t circuits[BILLING_METERS_MAX];         /* that can be switched off; 0: none */
    bool cuts[BILLING_METERS_MAX];                /* the meter has something to cut with */
    struct billing_outlook outlook;               /* last: most of it is never touched */
};

/* NULL: no memory. To be freed. */
struct loop *fee_loop_new(struct store_tx *tx, const struct control_fee *fee);
/* control_fee_check whose errors are the caller's: a person waits for the answer. */
enum err fee_decide_now(struct store_tx *tx, const struct control_fee *fee);
/* Reads only: account, episode, policy and facts. */
enum err fee_judge(struct loop *l, int64_t account_id);
/* The facts under l->in_force.policy; account, outlook and episode are there. */
enum err fee_gather(struct loop *l);
/* The circuits of a meter that the limit stage switches off: some, but not all. */
uint32_t fee_limit_circuits(const struct strategy_policy *p, int64_t circuits);
/* The circuits of a meter that are to be off, a bit each. */
struct fee_off {
    uint32_t for_money, any; /* any: a person's too */
};
enum err fee_circuits_off(struct loop *l, int64_t meter_id, struct fee_off *off);
enum strategy_desired fee_desired_of(const struct control_row *r);
/* Other services (property fee, rent). What is billed for them stands in a book of its own, beside
 * the prepayment (LEDGER_OTHER_DUE), and is no part of what is available. What was taken out of the
 * prepayment for them all the same is known by the kind of its transaction, "service.": the sum is
 * what such transactions did to the prepayment up to `at`, charges and what was paid for them in
 * particular; owed is how far that lowers it. Money that was paid without a purpose counts for
 * supply. */
bool fee_is_service(const char *kind);
enum err fee_other_sum(struct store_tx *tx, int64_t account_id, wall_s at, int64_t *sum_fen);
int64_t fee_other_owed(int64_t sum_fen);
/* Whether the last recharge is a fact of a policy. */
bool fee_uses_recharge(const struct strategy_policy *p);

/* A decision of l->decision, carried out: messages, wishes, events, fee_state. */
enum err fee_carry_out(struct loop *l);
enum err fee_tell(struct loop *l, enum journal_kind kind, const char *json);
enum err fee_note(struct loop *l, const char *template, int level, const char *subject);
/* Wishes for every meter of the account; the breaker lets an account pass whole or not at all. */
enum err fee_wish_all(struct loop *l, enum control_desired desired, const char *reason,
                      const char *json);

/* Cuts for arrears that no meter has confirmed yet, and the permission of the gateway: not meant
 * any more. `reason`: a word, as of a wish. */
enum err fee_cuts_withdraw(struct control_turn *t, int64_t account_id, const char *reason);

/* After a decision: how soon the account is rated again. */
enum err fee_watch(struct loop *l);

/* After a decision: what the gateway may do while it cannot reach us (away.h). */
enum err fee_away(struct loop *l);
/* The next moment at which a price, a strategy, a package or terms begin to hold, without anybody
 * doing anything. 0: none. */
enum err fee_next_change(struct loop *l, int64_t *at_s);
enum err fee_change_after(struct store_tx *tx, const struct site_account *a, wall_s at,
                          int64_t *at_s);
/* A cut that the gateway made under a permission is known now. */
enum err fee_cut_taken_over(struct loop *l);

/* Proposals to cut. */
enum err fee_approval_fact(struct loop *l);
enum err fee_approval_follow(struct loop *l, const char *json);
enum err fee_approval_withdraw(struct loop *l, const char *why);

#endif
