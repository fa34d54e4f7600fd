/* Fee-control packages, which a customer's contract chooses, and the project's baseline strategy.
 */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "control/policy.h"
#include "strategy/strategy.h"

static void put_channels(struct jwrite *w, uint32_t channels)
{
    jwrite_array(w, "channels");
    for (unsigned i = 0; i < STRATEGY_CHANNEL_COUNT; i++)
        if (channels & STRATEGY_CHANNEL_BIT(i))
            jwrite_text(w, NULL, strategy_channel_name((enum strategy_channel)i));
    jwrite_end(w);
}

static enum err put_package(void *arg, const struct control_package *p)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_text(w, "code", p->code);
    jwrite_int(w, "version", p->version);
    jwrite_int(w, "effective_at", p->effective_at.s);
    jwrite_text(w, "name_zh", p->name_zh);
    jwrite_text(w, "name_en", p->name_en);
    jwrite_text(w, "strategy", p->strategy_code);
    put_channels(w, p->channels);
    jwrite_text(w, "restore", control_restore_mode_name(p->restore));
    jwrite_bool(w, "offered", p->offered);
    jwrite_end(w);
    return ERR_OK;
}

/* Open accounts by the package that they have. */
static enum err put_users(struct call *c)
{
    struct query q = query_open(
        c->tx,
        "SELECT c.package_code, count(*) FROM account_package c JOIN account a "
        "ON a.id = c.account_id WHERE a.project_id = $1 AND a.closed_at IS NULL AND c.number = "
        "(SELECT max(number) FROM account_package n WHERE n.account_id = c.account_id) "
        "AND c.package_code <> '' GROUP BY c.package_code ORDER BY c.package_code",
        "i", c->project_id);
    jwrite_array(&c->out, "users");
    while (query_step(&q)) {
        jwrite_object(&c->out, NULL);
        jwrite_text(&c->out, "package", query_text(&q, 0));
        jwrite_int(&c->out, "accounts", query_int(&q, 1));
        jwrite_end(&c->out);
    }
    jwrite_end(&c->out);
    return query_end(&q);
}

/* Open accounts that neither a package nor they themselves name a strategy for. */
static enum err put_baseline(struct call *c)
{
    char baseline[SITE_CODE_MAX + 1];
    int64_t accounts;
    TRY(control_baseline_get(c->tx, c->project_id, baseline));
    TRY(control_baseline_accounts(c->tx, c->project_id, &accounts));
    jwrite_text(&c->out, "baseline", baseline[0] ? baseline : NULL);
    jwrite_int(&c->out, "baseline_accounts", accounts);
    return ERR_OK;
}

enum err api_packages(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    TRY(put_baseline(c));
    TRY(put_users(c));
    jwrite_array(&c->out, "packages");
    TRY(control_package_list(c->tx, c->project_id, put_package, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- who chose what ---- */

struct choices {
    struct call *c;
    int64_t count, last;
};

static enum err put_choice(void *arg, const struct control_choice *choice)
{
    struct choices *s = arg;
    struct jwrite *w = &s->c->out;
    s->count++;
    s->last = choice->account_id;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", choice->account_id);
    jwrite_text(w, "code", choice->account_code);
    jwrite_text(w, "name", choice->account_name);
    jwrite_text(w, "place", choice->place_code);
    jwrite_text(w, "package", choice->package_code[0] ? choice->package_code : NULL);
    jwrite_int(w, "chosen_at", choice->chosen_at.s);
    jwrite_text(w, "actor", choice->actor);
    jwrite_end(w);
    return ERR_OK;
}

struct wanted {
    const char *code;
    bool found;
};

static enum err is_wanted(void *arg, const struct control_package *package)
{
    struct wanted *w = arg;
    w->found = w->found || strcmp(package->code, w->code) == 0;
    return ERR_OK;
}

/* The empty one is all of them. */
static enum err take_wanted(struct call *c, const char **code)
{
    TRY(api_query_text(c, "package", SITE_CODE_MAX, code));
    if (!*code)
        *code = "";
    struct wanted w = {*code, !**code};
    TRY(control_package_list(c->tx, c->project_id, is_wanted, &w));
    return w.found ? ERR_OK : api_bad(c, "package", ERR_NOT_FOUND, "not one of this project");
}

enum err api_package_choices(struct call *c)
{
    struct choices s = {.c = c};
    struct control_choice_query q = {.project_id = c->project_id};
    TRY(take_wanted(c, &q.package_code));
    TRY(api_query_int(c, "after", 0, INT64_C(1) << 53, &q.after));
    TRY(api_query_limit(c, &q.limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "choices");
    TRY(control_choice_list(c->tx, &q, put_choice, &s));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next", s.count == q.limit ? s.last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_account_package(struct call *c)
{
    struct choices s = {.c = c};
    struct control_policy p;
    enum err e = control_policy_of(c->tx, &c->account, c->now, &p);
    if (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE)
        return e;
    bool known = e == ERR_OK;
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "package", known && p.package_code[0] ? p.package_code : NULL);
    jwrite_text(&c->out, "strategy", known ? p.strategy_code : NULL);
    jwrite_id(&c->out, "strategy_version", known ? p.strategy_version : 0);
    jwrite_bool(&c->out, "baseline", known && p.baseline);
    jwrite_array(&c->out, "choices");
    TRY(control_choice_history(c->tx, c->id, put_choice, &s));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- changes ---- */

static enum err take_restore(struct call *c, const char *word, enum control_restore_mode *mode)
{
    for (*mode = CONTROL_RESTORE_AS_STRATEGY; *mode <= CONTROL_RESTORE_SAFE; ++*mode)
        if (strcmp(word, control_restore_mode_name(*mode)) == 0)
            return ERR_OK;
    return api_bad(c, "restore", ERR_API_FIELD, "strategy, direct or safe is expected");
}

/* Words with blanks between them. */
static enum err take_channels(struct call *c, const char *words, uint32_t *channels)
{
    char text[128], *save;
    snprintf(text, sizeof text, "%s", words);
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        enum strategy_channel one = strategy_channel_of(w);
        if (one == STRATEGY_CHANNEL_COUNT)
            return api_bad(c, "channels", ERR_API_FIELD, "there is no such channel");
        *channels |= STRATEGY_CHANNEL_BIT(one);
    }
    return ERR_OK;
}

static enum err take_text(struct call *c, const char *from, char *to, size_t cap, const char *field)
{
    int n = snprintf(to, cap, "%s", from);
    return n < 0 || (size_t)n >= cap ? api_bad(c, field, ERR_API_FIELD, "the text is too long")
                                     : ERR_OK;
}

static enum err take_package(struct call *c, struct control_package *p)
{
    const char *code = "", *zh = "", *en = "", *strategy = "", *channels = "", *restore = "";
    TRY(api_fields(
        c, (struct api_field[]){{"code", API_FIELD_TEXT, 1, SITE_CODE_MAX, &code},
                                {"name_zh", API_FIELD_TEXT, 1, SITE_NAME_MAX, &zh},
                                {"name_en", API_FIELD_TEXT, 1, SITE_NAME_MAX, &en},
                                {"strategy", API_FIELD_TEXT, 1, SITE_CODE_MAX, &strategy},
                                {"channels", API_FIELD_TEXT, 0, 120, &channels},
                                {"restore", API_FIELD_TEXT, 1, 16, &restore},
                                {"offered", API_FIELD_BOOL, 0, 0, &p->offered},
                                {"effective_at", API_FIELD_INT, 0, UINT32_MAX, &p->effective_at.s},
                                {}}));
    TRY(take_text(c, code, p->code, sizeof p->code, "code"));
    TRY(take_text(c, zh, p->name_zh, sizeof p->name_zh, "name_zh"));
    TRY(take_text(c, en, p->name_en, sizeof p->name_en, "name_en"));
    TRY(take_text(c, strategy, p->strategy_code, sizeof p->strategy_code, "strategy"));
    TRY(take_channels(c, channels, &p->channels));
    return take_restore(c, restore, &p->restore);
}

enum err api_package_save(struct call *c)
{
    struct control_package p = {};
    enum site_change change;
    char actor[32];
    TRY(take_package(c, &p));
    api_actor(c, actor);
    TRY(control_package_put(c->tx, c->project_id, &p,
                            &(struct control_act){.actor = actor, .now = c->now}, &change));
    TRY(api_grounds_changed(c, c->project_id));
    c->status = change == SITE_SAME ? 200 : 201;
    return put_package(&c->out, &p);
}

enum err api_baseline(struct call *c)
{
    const char *code = "";
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"strategy", API_FIELD_TEXT, 0, SITE_CODE_MAX, &code}, {}}));
    api_actor(c, actor);
    TRY(control_baseline_put(c->tx, c->project_id, code,
                             &(struct control_act){.actor = actor, .now = c->now}));
    TRY(api_grounds_changed(c, c->project_id));
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "baseline", code[0] ? code : NULL);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_package_choose(struct call *c)
{
    const char *code = "";
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"package", API_FIELD_TEXT, 0, SITE_CODE_MAX, &code}, {}}));
    api_actor(c, actor);
    TRY(control_package_choose(c->tx, c->id, code,
                               &(struct control_act){.actor = actor, .now = c->now}));
    TRY(api_grounds_changed(c, c->project_id));
    c->wrote_account = c->id;
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "package", code[0] ? code : NULL);
    jwrite_end(&c->out);
    return ERR_OK;
}
