/* Fee-control strategies: list, texts, check, save. */
#include <stdio.h>
#include <string.h>

#include "api/api_version.h"
#include "strategy/strategy.h"

static enum err parse_policy(const char *text, struct strategy_policy *policy,
                             struct version_fault *fault)
{
    struct strategy_problem p;
    enum err e = strategy_policy_parse(text, strlen(text), policy, &p);
    if (e == ERR_OK)
        return ERR_OK;
    fault->code = strategy_fault_name(p.fault);
    fault->zh = strategy_fault_zh(p.fault);
    fault->en = strategy_fault_en(p.fault);
    snprintf(fault->place, sizeof fault->place, "%s", p.place);
    return e;
}

static enum err parse(const char *text, struct version_fault *fault)
{
    struct strategy_policy policy;
    return parse_policy(text, &policy, fault);
}

static void put_summary(struct jwrite *w, const char *body)
{
    struct strategy_policy p = strategy_policy_default();
    if (strategy_policy_parse(body, strlen(body), &p, NULL) != ERR_OK)
        p = strategy_policy_default();
    version_put_names(w, body);
    jwrite_array(w, "levels_fen");
    for (int64_t i = 0; i < p.level_count; i++)
        jwrite_int(w, NULL, p.level_fen[i]);
    jwrite_end(w);
    jwrite_bool(w, "cut_automatic", p.cut_automatic);
    jwrite_int(w, "cut_at_fen", p.cut_at_fen);
    jwrite_bool(w, "cuts_for_other_services", p.allow_cut_for_other_services);
}

static const struct version_shelf shelf = {
    .list = "strategies",
    .action = "strategy.save",
    .object = "strategy",
    .event = EVENT_STRATEGY_CHANGED,
    .each = site_strategies,
    .put = site_strategy_put,
    .parse = parse,
    .put_summary = put_summary,
    /* By the package that the contract chose, by the account itself, or by the baseline. */
    .users = "SELECT count(DISTINCT a.id), count(m.id) FROM account a "
             "LEFT JOIN meter m ON m.account_id = a.id "
             "WHERE a.project_id = $1 AND a.closed_at IS NULL AND $2 = coalesce("
             "(SELECT p.strategy_code FROM account_package c JOIN strategy_package p "
             "ON p.project_id = a.project_id AND p.code = c.package_code WHERE c.account_id = a.id "
             "AND c.number = (SELECT max(number) FROM account_package WHERE account_id = a.id) "
             "ORDER BY p.version DESC LIMIT 1), nullif(a.strategy_code, ''), "
             "(SELECT strategy_code FROM strategy_baseline WHERE project_id = $1))",
};

enum err api_strategies(struct call *c)
{
    return version_list(c, &shelf);
}

enum err api_strategy_texts(struct call *c)
{
    return version_texts(c, &shelf);
}

enum err api_strategy_save(struct call *c)
{
    TRY(version_save(c, &shelf));
    return api_grounds_changed(c, c->project_id);
}

static void put_warnings(struct jwrite *w, uint32_t warnings)
{
    jwrite_array(w, "warnings");
    for (unsigned i = 0; i < STRATEGY_WARNING_COUNT; i++) {
        if (!(warnings >> i & 1u))
            continue;
        jwrite_object(w, NULL);
        jwrite_text(w, "code", strategy_warning_name((enum strategy_warning)i));
        jwrite_text(w, "place", "");
        jwrite_text(w, "zh", strategy_warning_zh((enum strategy_warning)i));
        jwrite_text(w, "en", strategy_warning_en((enum strategy_warning)i));
        jwrite_end(w);
    }
    jwrite_end(w);
}

enum err api_strategy_check(struct call *c)
{
    const char *text = "";
    struct version_fault fault = {};
    struct strategy_policy policy;
    TRY(api_fields(c, (struct api_field[]){{"text", API_FIELD_TEXT, 1, SITE_BODY_MAX, &text}, {}}));
    enum err e = parse_policy(text, &policy, &fault);
    version_put_check(&c->out, text, &fault);
    put_warnings(&c->out, e == ERR_OK ? strategy_policy_warnings(&policy) : 0);
    jwrite_end(&c->out);
    api_finish(c, ERR_OK);
    return ERR_OK;
}
