/*
 * Which strategy an account lives under. In this order: the package that its contract chose, the
 * strategy that the account names, the baseline strategy of the project.
 *
 * A package is a row of a project's catalogue (docs/formats/strategy.md): a name in two languages,
 * a strategy, and what of it the package chooses itself: the channels and how supply returns.
 * Packages are versioned like strategies: a change is a new version with its own effective time.
 */
#ifndef YUFU_CONTROL_POLICY_H
#define YUFU_CONTROL_POLICY_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "site/site.h"
#include "store/store.h"
#include "strategy/strategy.h"

enum control_restore_mode {
    CONTROL_RESTORE_AS_STRATEGY,
    CONTROL_RESTORE_DIRECT,
    CONTROL_RESTORE_SAFE
};
const char *control_restore_mode_name(enum control_restore_mode m); /* "strategy" "direct" "safe" */

struct control_package {
    char code[SITE_CODE_MAX + 1];
    int64_t version;
    wall_s effective_at;
    char name_zh[SITE_NAME_MAX + 1], name_en[SITE_NAME_MAX + 1];
    char strategy_code[SITE_CODE_MAX + 1];
    uint32_t channels; /* STRATEGY_CHANNEL_BIT set; 0: those of the strategy */
    enum control_restore_mode restore;
    bool offered; /* false: no contract may choose it any more; those that have it keep it */
};

#define CONTROL_STRATEGY_TEXT_MAX 128

struct control_policy {
    struct strategy_policy policy;
    char strategy_code[SITE_CODE_MAX + 1];
    int64_t strategy_version;
    char package_code[SITE_CODE_MAX + 1]; /* "": none */
    int64_t package_version;
    bool baseline; /* neither a package nor the account names a strategy */
    /* The above in one text, "code@3" or "code@3 package@1": another text is another policy. */
    char text[CONTROL_STRATEGY_TEXT_MAX];
};

/* ERR_SITE_STRATEGY_UNKNOWN: none is named, or none of that name is in force; ERR_STRATEGY_POLICY.
 */
[[nodiscard]] enum err control_policy_of(struct store_tx *tx, const struct site_account *account,
                                         wall_s at, struct control_policy *out);

/* The same as if strategy `code` had the policy `proposed` (code "": whatever strategy the account
 * names); *theirs is false, and the policy that in force, if it names another. What the account's
 * package chooses itself stays chosen. */
struct control_proposal {
    const char *code;
    const struct strategy_policy *policy;
};
[[nodiscard]] enum err control_policy_proposed(struct store_tx *tx,
                                               const struct site_account *account, wall_s at,
                                               const struct control_proposal *proposal,
                                               struct control_policy *out, bool *theirs);

struct control_act {
    const char *actor;
    wall_s now;
};

/* A new version of a package, in force from effective_at on; code, names, strategy, channels,
 * restore and offered count. ERR_SITE_TEXT, ERR_SITE_STRATEGY_UNKNOWN, ERR_SITE_EFFECTIVE (before
 * the last version's), ERR_STRATEGY_POLICY (channels). The same as the last version: SITE_SAME. */
[[nodiscard]] enum err control_package_put(struct store_tx *tx, int64_t project_id,
                                           struct control_package *package,
                                           const struct control_act *act, enum site_change *change);
/* The version in force. ERR_CONTROL_PACKAGE. */
[[nodiscard]] enum err control_package_get(struct store_tx *tx, int64_t project_id,
                                           const char *code, wall_s at,
                                           struct control_package *out);
typedef enum err control_package_each(void *arg, const struct control_package *package);
/* Every version of every package of a project, by code and version. */
[[nodiscard]] enum err control_package_list(struct store_tx *tx, int64_t project_id,
                                            control_package_each *each, void *arg);

/* What the contract of an account chose, from `act.now` on; code "" ends the choice.
 * ERR_CONTROL_PACKAGE: no such package in force, or it is not offered any more;
 * ERR_SITE_STRATEGY_UNKNOWN: without it no strategy is named. */
[[nodiscard]] enum err control_package_choose(struct store_tx *tx, int64_t account_id,
                                              const char *code, const struct control_act *act);

/* Who chose what. Texts live until the callback returns. */
struct control_choice {
    int64_t account_id, number; /* 1, 2 ... within the account */
    const char *account_code, *account_name, *place_code;
    const char *package_code; /* "": the choice was ended */
    const char *actor;
    wall_s chosen_at;
};
typedef enum err control_choice_each(void *arg, const struct control_choice *choice);
struct control_choice_query {
    int64_t project_id;
    const char *package_code; /* "": of any package */
    int64_t after, limit;     /* accounts with a greater id, at most so many; 0: no limit */
};
/* What open accounts have now, by account. */
[[nodiscard]] enum err control_choice_list(struct store_tx *tx,
                                           const struct control_choice_query *query,
                                           control_choice_each *each, void *arg);
/* All that an account ever chose, newest first. */
[[nodiscard]] enum err control_choice_history(struct store_tx *tx, int64_t account_id,
                                              control_choice_each *each, void *arg);

/* The baseline strategy of a project; code "" takes it away. ERR_SITE_STRATEGY_UNKNOWN: not in
 * force; ERR_CONTROL_BASELINE: accounts live under it. */
[[nodiscard]] enum err control_baseline_put(struct store_tx *tx, int64_t project_id,
                                            const char *strategy_code,
                                            const struct control_act *act);
/* Open accounts that live under it: neither a package nor they themselves name a strategy. */
[[nodiscard]] enum err control_baseline_accounts(struct store_tx *tx, int64_t project_id,
                                                 int64_t *count);
/* "" if there is none. */
[[nodiscard]] enum err control_baseline_get(struct store_tx *tx, int64_t project_id,
                                            char strategy_code[SITE_CODE_MAX + 1]);

#endif
