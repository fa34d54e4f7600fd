/*
 * `yufu decide`: what only a person may decide, at the machine itself, also while the platform
 * runs: a gateway that was stolen, cuts beyond the breaker. Sales are `yufu order`. With --project
 * and
 * --strategy it decides nothing: it says what a strategy would decide.
 */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/decide/decide_preview.h"
#include "app/options.h"
#include "control/control.h"
#include "headend/update.h"
#include "io/io.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/site.h"
#include "store/store.h"

struct verb;

struct command {
    const char *data, *reason, *object;
    const struct verb *verb;
    struct io *io;
};

struct verb {
    const char *name;
    enum err (*work)(struct store_tx *tx, const struct command *c);
    const char *object; /* what is named */
    const char *done;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu decide: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* --- gateways --------------------------------------------------------------------------------- */

static enum err revoke(struct store_tx *tx, const struct command *c)
{
    struct site_gateway g;
    TRY(site_gateway_by_serial(tx, c->object, &g));
    TRY(site_gateway_revoke(tx, g.id, true));
    return headend_push_revoked(tx, g.id, io_wall(c->io));
}

static enum err readmit(struct store_tx *tx, const struct command *c)
{
    struct site_gateway g;
    TRY(site_gateway_by_serial(tx, c->object, &g));
    return site_gateway_revoke(tx, g.id, false);
}

/* --- the breaker ------------------------------------------------------------------------------ */

static enum err release(struct store_tx *tx, const struct command *c)
{
    struct site_project p;
    TRY(site_project_by_code(tx, c->object, &p));
    return control_breaker_release(tx, p.id, "system", io_wall(c->io));
}

/* --- the command line --------------------------------------------------------------------------
 */

static const struct verb verbs[] = {
    {"revoke", revoke, "gateway",
     "is revoked; its connection ends within seconds. 已吊销，连接将在数秒内断开。"},
    {"readmit", readmit, "gateway",
     "may be claimed again with a new code. 可用新的注册码重新注册。"},
    {"release", release, "project", "may cut beyond the breaker for a while. 已临时解除停电熔断。"},
};

static enum err decide(struct store_tx *tx, void *arg)
{
    const struct command *c = arg;
    char object[96], action[32];
    struct detail d = {};
    TRY(c->verb->work(tx, c));
    detail_text(&d, "reason", c->reason);
    snprintf(action, sizeof action, "decide.%s", c->verb->name);
    snprintf(object, sizeof object, "%s:%.64s", c->verb->object, c->object);
    return journal_append(tx, &(struct journal_act){.now = io_wall(c->io),
                                                    .actor = "system",
                                                    .action = action,
                                                    .object = object,
                                                    .detail = detail_end(&d)});
}

static enum err work(struct command *c)
{
    char path[4096];
    struct store *s = NULL;
    if (snprintf(path, sizeof path, "%s/ledger.db", c->data) >= (int)sizeof path ||
        !io_file_exists(path)) /* a typing error must not make an installation */
        return say(ERR_IO_FILE, c->data);
    TRY(say(io_open(&c->io, &(struct io_options){0}), "the system"));
    TRY(say(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = path}), path));
    enum err e = say(store_run(s, decide, c), c->object);
    store_close(s);
    return e;
}

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* Neither a verb with its reason, nor a project with a strategy: or both at once. */
static bool wrong_words(const struct command *c, const struct decide_preview *p, int words)
{
    bool preview = p->project && p->strategy && words == 0 && !c->reason;
    bool verb = c->verb && c->reason && *c->reason && !p->project && !p->strategy && !p->code &&
                !p->days && !p->json;
    return !preview && !verb;
}

int app_decide_main(int argc, char **argv)
{
    static struct command c = {.data = "data"};
    static struct decide_preview p;
    const struct option_row rows[] = {
        {"--data", "DIR", &c.data, "databases; the platform may be running"},
        {"--reason", "TEXT", &c.reason, "why; stands in the audit"},
        {"--project", "CODE", &p.project, "preview: of which project"},
        {"--strategy", "FILE", &p.strategy, "preview: who would be warned or cut by this strategy"},
        {"--code", "CODE", &p.code, "only accounts that live under this strategy now"},
        {"--days", "N", &p.days, "days to look back, default 30"},
        {"--json", NULL, &p.json, "the preview as JSON, with every account and day"},
        {0}};
    int words;
    enum options_result r = options_parse(
        argc, argv,
        "revoke|readmit SERIAL | release PROJECT  --reason TEXT | --project CODE --strategy FILE",
        rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    c.verb = words == 2 ? verb_of(argv[1]) : NULL;
    if (wrong_words(&c, &p, words)) {
        fprintf(stderr, "yufu decide: say what, about what, and a --reason; or a --project and a "
                        "--strategy (see --help)\n");
        return 2;
    }
    p.data = c.data;
    if (p.project)
        return decide_preview(&p) == ERR_OK ? 0 : 1;
    c.object = argv[2];
    enum err e = work(&c);
    io_close(c.io);
    if (e == ERR_OK)
        printf("%s %s\n", c.object, c.verb->done);
    return e == ERR_OK ? 0 : 1;
}
