#include "control/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "journal/detail.h"
#include "journal/journal.h"

static const char *const mode_names[] = {[CONTROL_RESTORE_AS_STRATEGY] = "strategy",
                                         [CONTROL_RESTORE_DIRECT] = "direct",
                                         [CONTROL_RESTORE_SAFE] = "safe"};

const char *control_restore_mode_name(enum control_restore_mode m)
{
    MUST((unsigned)m <= CONTROL_RESTORE_SAFE);
    return mode_names[m];
}

/* --- channels as words ---------------------------------------------------------------------------
 */

#define CHANNELS_TEXT_MAX 96

static void write_channels(uint32_t set, char text[CHANNELS_TEXT_MAX])
{
    size_t at = 0;
    text[0] = '\0';
    for (int c = 0; c < STRATEGY_CHANNEL_COUNT; c++)
        if (set & STRATEGY_CHANNEL_BIT(c))
            at += (size_t)snprintf(text + at, CHANNELS_TEXT_MAX - at, "%s%s", at ? " " : "",
                                   strategy_channel_name((enum strategy_channel)c));
}

static uint32_t read_channels(const char *text)
{
    char words[CHANNELS_TEXT_MAX], *save = NULL;
    uint32_t set = 0;
    snprintf(words, sizeof words, "%s", text);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        enum strategy_channel c = strategy_channel_of(w);
        set |= c < STRATEGY_CHANNEL_COUNT ? STRATEGY_CHANNEL_BIT(c) : 0;
    }
    return set;
}

/* --- packages ------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
    "SELECT code, version, effective_at, name_zh, name_en, strategy_code, channels, restore, "     \
    "offered FROM strategy_package "

static void take(const struct query *q, struct control_package *p)
{
    *p = (struct control_package){
        .version = query_int(q, 1),
        .effective_at = {query_int(q, 2)},
        .channels = read_channels(query_text(q, 6)),
        .offered = query_int(q, 8) != 0,
    };
    snprintf(p->code, sizeof p->code, "%s", query_text(q, 0));
    snprintf(p->name_zh, sizeof p->name_zh, "%s", query_text(q, 3));
    snprintf(p->name_en, sizeof p->name_en, "%s", query_text(q, 4));
    snprintf(p->strategy_code, sizeof p->strategy_code, "%s", query_text(q, 5));
    for (unsigned m = 0; m <= CONTROL_RESTORE_SAFE; m++)
        if (strcmp(mode_names[m], query_text(q, 7)) == 0)
            p->restore = (enum control_restore_mode)m;
}

static enum err take_one(struct query *q, struct control_package *out)
{
    bool found = query_step(q);
    if (found)
        take(q, out);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_CONTROL_PACKAGE;
}

enum err control_package_get(struct store_tx *tx, int64_t project_id, const char *code, wall_s at,
                             struct control_package *out)
{
    struct query q = query_open(tx,
                                COLUMNS "WHERE project_id = $1 AND code = $2 AND "
                                        "effective_at <= $3 ORDER BY version DESC LIMIT 1",
                                "iti", project_id, code, at.s);
    return take_one(&q, out);
}

enum err control_package_list(struct store_tx *tx, int64_t project_id, control_package_each *each,
                              void *arg)
{
    struct query q =
        query_open(tx, COLUMNS "WHERE project_id = $1 ORDER BY code, version", "i", project_id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct control_package p;
        take(&q, &p);
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err last_version(struct store_tx *tx, int64_t project_id, const char *code,
                             struct control_package *out)
{
    struct query q =
        query_open(tx, COLUMNS "WHERE project_id = $1 AND code = $2 ORDER BY version DESC LIMIT 1",
                   "it", project_id, code);
    *out = (struct control_package){};
    enum err e = take_one(&q, out);
    return e == ERR_CONTROL_PACKAGE ? ERR_OK : e;
}

static bool text_fits(const char *text)
{
    if (!*text)
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7F)
            return false;
    return true;
}

static enum err strategy_in_force(struct store_tx *tx, int64_t project_id, const char *code,
                                  wall_s at)
{
    struct site_version v;
    return site_strategy_in_force(tx, project_id, code, at, &v);
}

static enum err check_package(struct store_tx *tx, int64_t project_id,
                              const struct control_package *p)
{
    if (!text_fits(p->code) || strchr(p->code, ' ') || !text_fits(p->name_zh) ||
        !text_fits(p->name_en))
        return ERR_SITE_TEXT;
    if (p->channels >= STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_COUNT) ||
        (unsigned)p->restore > CONTROL_RESTORE_SAFE)
        return ERR_STRATEGY_POLICY;
    return strategy_in_force(tx, project_id, p->strategy_code, p->effective_at);
}

static bool same(const struct control_package *a, const struct control_package *b)
{
    return strcmp(a->name_zh, b->name_zh) == 0 && strcmp(a->name_en, b->name_en) == 0 &&
           strcmp(a->strategy_code, b->strategy_code) == 0 && a->channels == b->channels &&
           a->restore == b->restore && a->offered == b->offered;
}

static enum err audit(struct store_tx *tx, const struct control_act *act, const char *action,
                      const char *object, struct detail *d)
{
    return journal_append(
        tx, &(struct journal_act){act->now, act->actor, action, object, detail_end(d)});
}

static enum err insert_package(struct store_tx *tx, int64_t project_id,
                               const struct control_package *p)
{
    int64_t id;
    char channels[CHANNELS_TEXT_MAX];
    write_channels(p->channels, channels);
    TRY(store_next_id(tx, "strategy_package", &id));
    return store_exec(tx,
                      "INSERT INTO strategy_package (id, project_id, code, version, effective_at, "
                      "name_zh, name_en, strategy_code, channels, restore, offered) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                      "iitiittttti", id, project_id, p->code, p->version, p->effective_at.s,
                      p->name_zh, p->name_en, p->strategy_code, channels, mode_names[p->restore],
                      (int64_t)p->offered);
}

static enum err tell_package(struct store_tx *tx, int64_t project_id,
                             const struct control_package *p, const struct control_act *act)
{
    char object[64], channels[CHANNELS_TEXT_MAX];
    struct detail d = {};
    write_channels(p->channels, channels);
    detail_text(&d, "code", p->code);
    detail_int(&d, "version", p->version);
    detail_int(&d, "effective_at", p->effective_at.s);
    detail_text(&d, "strategy", p->strategy_code);
    detail_text(&d, "channels", channels);
    detail_text(&d, "restore", mode_names[p->restore]);
    detail_bool(&d, "offered", p->offered);
    snprintf(object, sizeof object, "package:%.48s", p->code);
    TRY(audit(tx, act, "package.put", object, &d));
    return journal_event(tx, &(struct journal_event){.at = act->now,
                                                     .kind = EVENT_PACKAGE_CHANGED,
                                                     .project_id = project_id,
                                                     .detail = d.text});
}

enum err control_package_put(struct store_tx *tx, int64_t project_id,
                             struct control_package *package, const struct control_act *act,
                             enum site_change *change)
{
    struct control_package last;
    TRY(check_package(tx, project_id, package));
    TRY(last_version(tx, project_id, package->code, &last));
    *change = SITE_SAME;
    package->version = last.version;
    if (last.version > 0 && same(&last, package))
        return ERR_OK;
    if (last.version > 0 && package->effective_at.s < last.effective_at.s)
        return ERR_SITE_EFFECTIVE;
    *change = last.version == 0 ? SITE_NEW : SITE_CHANGED;
    package->version = last.version + 1;
    TRY(insert_package(tx, project_id, package));
    return tell_package(tx, project_id, package, act);
}

/* --- choices -------------------------------------------------------------------------------------
 */

static enum err chosen_at(struct store_tx *tx, int64_t account_id, wall_s at,
                          char code[SITE_CODE_MAX + 1])
{
    struct query q = query_open(tx,
                                "SELECT package_code FROM account_package WHERE account_id = $1 "
                                "AND chosen_at <= $2 ORDER BY number DESC LIMIT 1",
                                "ii", account_id, at.s);
    code[0] = '\0';
    if (query_step(&q))
        snprintf(code, SITE_CODE_MAX + 1, "%s", query_text(&q, 0));
    return query_end(&q);
}

/* By itself, or by the baseline. */
static enum err named_otherwise(struct store_tx *tx, const struct site_account *a)
{
    char baseline[SITE_CODE_MAX + 1];
    TRY(control_baseline_get(tx, a->project_id, baseline));
    return a->strategy_code[0] || baseline[0] ? ERR_OK : ERR_SITE_STRATEGY_UNKNOWN;
}

enum err control_package_choose(struct store_tx *tx, int64_t account_id, const char *code,
                                const struct control_act *act)
{
    struct site_account a;
    struct control_package p;
    char object[48];
    struct detail d = {};
    TRY(site_account_get(tx, account_id, &a));
    if (*code) {
        TRY(control_package_get(tx, a.project_id, code, act->now, &p));
        if (!p.offered)
            return ERR_CONTROL_PACKAGE;
    } else {
        TRY(named_otherwise(tx, &a));
    }
    TRY(store_exec(tx,
                   "INSERT INTO account_package (account_id, chosen_at, number, package_code, "
                   "actor) SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4 "
                   "FROM account_package WHERE account_id = $1",
                   "iitt", account_id, act->now.s, code, act->actor));
    detail_text(&d, "code", code);
    snprintf(object, sizeof object, "account:%lld", (long long)account_id);
    TRY(audit(tx, act, "package.choose", object, &d));
    return journal_event(tx, &(struct journal_event){.at = act->now,
                                                     .kind = EVENT_PACKAGE_CHOSEN,
                                                     .project_id = a.project_id,
                                                     .account_id = account_id,
                                                     .detail = d.text});
}

#define CHOICES                                                                                    \
    "SELECT c.account_id, c.number, a.code, a.name, p.code, c.package_code, c.actor, c.chosen_at " \
    "FROM account_package c JOIN account a ON a.id = c.account_id "                                \
    "JOIN place p ON p.id = a.place_id "

static enum err tell_choices(struct query *q, control_choice_each *each, void *arg)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(q)) {
        struct control_choice c = {query_int(q, 0),  query_int(q, 1),  query_text(q, 2),
                                   query_text(q, 3), query_text(q, 4), query_text(q, 5),
                                   query_text(q, 6), {query_int(q, 7)}};
        e = each(arg, &c);
    }
    enum err ended = query_end(q);
    return e != ERR_OK ? e : ended;
}

enum err control_choice_list(struct store_tx *tx, const struct control_choice_query *w,
                             control_choice_each *each, void *arg)
{
    struct query q = query_open(
        tx,
        CHOICES "WHERE a.project_id = $1 AND a.closed_at IS NULL AND c.account_id > $2 "
                "AND c.number = (SELECT max(number) FROM account_package n "
                "WHERE n.account_id = c.account_id) AND c.package_code <> '' "
                "AND ($3 = '' OR c.package_code = $3) ORDER BY c.account_id LIMIT $4",
        "iiti", w->project_id, w->after, w->package_code, w->limit > 0 ? w->limit : INT64_C(-1));
    return tell_choices(&q, each, arg);
}

enum err control_choice_history(struct store_tx *tx, int64_t account_id, control_choice_each *each,
                                void *arg)
{
    struct query q =
        query_open(tx, CHOICES "WHERE c.account_id = $1 ORDER BY c.number DESC", "i", account_id);
    return tell_choices(&q, each, arg);
}

enum err control_baseline_get(struct store_tx *tx, int64_t project_id,
                              char strategy_code[SITE_CODE_MAX + 1])
{
    struct query q = query_open(
        tx, "SELECT strategy_code FROM strategy_baseline WHERE project_id = $1", "i", project_id);
    strategy_code[0] = '\0';
    if (query_step(&q))
        snprintf(strategy_code, SITE_CODE_MAX + 1, "%s", query_text(&q, 0));
    return query_end(&q);
}

enum err control_baseline_accounts(struct store_tx *tx, int64_t project_id, int64_t *count)
{
    return store_int(
        tx, count,
        "SELECT count(*) FROM account a WHERE a.project_id = $1 AND a.closed_at IS NULL "
        "AND a.strategy_code = '' AND coalesce((SELECT c.package_code "
        "FROM account_package c WHERE c.account_id = a.id ORDER BY c.number DESC LIMIT 1), "
        "'') = ''",
        "i", project_id);
}

/* Without a strategy nobody could say when supply returns to whom was cut. */
static enum err baseline_unused(struct store_tx *tx, int64_t project_id)
{
    int64_t accounts;
    TRY(control_baseline_accounts(tx, project_id, &accounts));
    return accounts == 0 ? ERR_OK : ERR_CONTROL_BASELINE;
}

enum err control_baseline_put(struct store_tx *tx, int64_t project_id, const char *strategy_code,
                              const struct control_act *act)
{
    char object[48];
    struct detail d = {};
    if (*strategy_code)
        TRY(strategy_in_force(tx, project_id, strategy_code, act->now));
    else
        TRY(baseline_unused(tx, project_id));
    TRY(store_exec(tx,
                   "INSERT INTO strategy_baseline (project_id, strategy_code) VALUES ($1, $2) "
                   "ON CONFLICT (project_id) DO UPDATE SET strategy_code = excluded.strategy_code",
                   "it", project_id, strategy_code));
    detail_text(&d, "strategy", strategy_code);
    snprintf(object, sizeof object, "project:%lld", (long long)project_id);
    return audit(tx, act, "strategy.baseline", object, &d);
}

/* --- what an account lives under -----------------------------------------------------------------
 */

static void apply_package(struct control_policy *out, const struct control_package *p)
{
    if (p->channels)
        out->policy.channels = p->channels;
    if (p->restore != CONTROL_RESTORE_AS_STRATEGY)
        out->policy.restore_safe = p->restore == CONTROL_RESTORE_SAFE;
    snprintf(out->package_code, sizeof out->package_code, "%s", p->code);
    out->package_version = p->version;
}

/* Which strategy and which package (code "": none) an account lives under. */
struct naming {
    char strategy_code[SITE_CODE_MAX + 1];
    struct control_package package;
    bool baseline;
};

static enum err naming_of(struct store_tx *tx, const struct site_account *account, wall_s at,
                          struct naming *n)
{
    char code[SITE_CODE_MAX + 1];
    const char *strategy = account->strategy_code;
    *n = (struct naming){};
    TRY(chosen_at(tx, account->id, at, code));
    if (*code) {
        TRY(control_package_get(tx, account->project_id, code, at, &n->package));
        strategy = n->package.strategy_code;
    }
    if (*strategy) {
        snprintf(n->strategy_code, sizeof n->strategy_code, "%s", strategy);
        return ERR_OK;
    }
    n->baseline = true;
    return control_baseline_get(tx, account->project_id, n->strategy_code);
}

static enum err load_strategy(struct store_tx *tx, int64_t project_id, wall_s at,
                              struct control_policy *out)
{
    struct site_version v;
    TRY(site_strategy_in_force(tx, project_id, out->strategy_code, at, &v));
    out->strategy_version = v.version;
    return strategy_policy_parse(v.body, strlen(v.body), &out->policy, NULL);
}

static void name_it(struct control_policy *out)
{
    int len = snprintf(out->text, sizeof out->text, "%s@%lld", out->strategy_code,
                       (long long)out->strategy_version);
    if (out->package_code[0])
        snprintf(out->text + len, sizeof out->text - (size_t)len, " %s@%lld", out->package_code,
                 (long long)out->package_version);
}

static void begin(struct control_policy *out, const struct naming *n)
{
    *out = (struct control_policy){.baseline = n->baseline};
    memcpy(out->strategy_code, n->strategy_code, sizeof out->strategy_code);
}

static void finish(struct control_policy *out, const struct naming *n)
{
    if (n->package.code[0])
        apply_package(out, &n->package);
    name_it(out);
}

enum err control_policy_of(struct store_tx *tx, const struct site_account *account, wall_s at,
                           struct control_policy *out)
{
    struct naming n;
    *out = (struct control_policy){};
    TRY(naming_of(tx, account, at, &n));
    begin(out, &n);
    TRY(load_strategy(tx, account->project_id, at, out));
    finish(out, &n);
    return ERR_OK;
}

enum err control_policy_proposed(struct store_tx *tx, const struct site_account *account, wall_s at,
                                 const struct control_proposal *proposal,
                                 struct control_policy *out, bool *theirs)
{
    struct naming n;
    *out = (struct control_policy){};
    TRY(naming_of(tx, account, at, &n));
    begin(out, &n);
    *theirs = !proposal->code[0] || strcmp(proposal->code, n.strategy_code) == 0;
    if (*theirs)
        out->policy = *proposal->policy;
    else
        TRY(load_strategy(tx, account->project_id, at, out));
    finish(out, &n);
    return ERR_OK;
}
