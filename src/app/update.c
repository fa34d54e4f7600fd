/*
 * `yufu update`: update files of gateways, and who shall run which. Works on the data folder, also
 * while the platform runs: it sees what was committed within seconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "headend/update.h"
#include "io/io.h"
#include "site/site.h"
#include "store/store.h"
#include "uplink/message.h"
#include "uplink/update_file.h"

#define ACTOR "system"
#define KEYS_MAX (64 * 1024)

struct command {
    const char *data, *keys, *package, *gateways, *project, *first, *from, *until, *trial,
        *downgrade, *reason, *clock, *word;
    struct store *store;
    struct io *io;
    struct store_tx *tx;
    struct bytes file, pem;
    struct headend_package added;
    int64_t push_id, refused, number;
    int64_t list[HEADEND_PUSH_MAX];
    size_t count;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu update: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* --- files --------------------------------------------------------------------------------------
 */

static enum err add(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    const struct headend_package_new n = {
        .file = c->file, .keys = c->pem, .actor = ACTOR, .now = io_wall(c->io)};
    return headend_package_add(tx, &n, &c->added);
}

static enum err print_package(void *arg, const struct headend_package *p)
{
    (void)arg;
    printf("%3" PRId64 "  %-10s %-8s store %" PRId64 "  from %-8s %9" PRId64
           " bytes  key %s  %s  in use %" PRId64 "\n",
           p->id, p->version, p->machine, p->store, p->minimum, p->size, p->key, p->actor, p->open);
    return ERR_OK;
}

static enum err list(struct store_tx *tx, void *arg)
{
    return headend_packages(tx, print_package, arg);
}

static enum err remove_file(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    return headend_package_remove(tx, c->number, ACTOR, io_wall(c->io));
}

/* --- pushing ------------------------------------------------------------------------------------
 */

static enum err add_gateway(struct command *c, const struct site_gateway *g)
{
    if (c->count == HEADEND_PUSH_MAX)
        return ERR_FULL;
    c->list[c->count++] = g->id;
    return ERR_OK;
}

static enum err add_claimed(void *arg, const struct site_gateway *g)
{
    return g->claimed && !g->revoked ? add_gateway(arg, g) : ERR_OK;
}

/* "GW-1,GW-2", in the order in which they are to be told. */
static enum err named_gateways(struct command *c, int64_t *project_id)
{
    char names[4096], *next = names;
    struct site_gateway g;
    if (snprintf(names, sizeof names, "%s", c->gateways) >= (int)sizeof names)
        return ERR_RANGE;
    for (char *name; (name = strsep(&next, ",")) != NULL;) {
        enum err e = site_gateway_by_serial(c->tx, name, &g);
        if (e != ERR_OK)
            return say(e, name);
        *project_id = g.project_id;
        TRY(add_gateway(c, &g));
    }
    return ERR_OK;
}

static enum err gateways_of_project(struct command *c, int64_t *project_id)
{
    struct site_project p;
    TRY(say(site_project_by_code(c->tx, c->project, &p), c->project));
    *project_id = p.id;
    return site_gateways(c->tx, p.id, add_claimed, c);
}

/* "22:30" */
static enum err minute(const char *text, int64_t *out)
{
    int hour, min, end = 0;
    if (sscanf(text, "%2d:%2d%n", &hour, &min, &end) != 2 || text[end] != '\0' || hour < 0 ||
        hour > 23 || min < 0 || min > 59)
        return ERR_SYNTAX;
    *out = hour * 60 + min;
    return ERR_OK;
}

static enum err push(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    int64_t first;
    struct headend_push_new n = {.gateways = c->list,
                                 .downgrade = c->downgrade != NULL,
                                 .reason = c->reason,
                                 .actor = ACTOR,
                                 .now = io_wall(c->io)};
    c->tx = tx;
    io_random(&n.random, sizeof n.random);
    TRY(say(options_number(c->package, 1, INT64_MAX, &n.package_id), "--package"));
    TRY(say(options_number(c->first, 0, HEADEND_PUSH_MAX, &first), "--first"));
    TRY(say(options_number(c->trial, 10, 3600, &n.trial_s), "--trial"));
    TRY(say(minute(c->from, &n.from_minute), "--from"));
    TRY(say(minute(c->until, &n.until_minute), "--until"));
    TRY(c->gateways ? named_gateways(c, &n.project_id) : gateways_of_project(c, &n.project_id));
    n.count = c->count;
    n.first = (size_t)first;
    return headend_push_make(tx, &n, &c->push_id, &c->refused);
}

static enum err stop(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    return headend_push_stop(
        tx, &(struct headend_push_stop){c->number, c->reason, ACTOR, io_wall(c->io)});
}

/* --- looking ------------------------------------------------------------------------------------
 */

static enum err print_part(void *arg, const struct headend_push_part *p)
{
    (void)arg;
    printf("  %" PRId64 " %-16s %-10s %3" PRId64 "%% %s\n", p->stage, p->serial, p->state,
           p->size > 0 ? p->received * 100 / p->size : 0, p->error);
    return ERR_OK;
}

static enum err print_push(void *arg, const struct headend_push *p)
{
    struct command *c = arg;
    printf("push %" PRId64 ": %s %s, package %" PRId64 ", %s: %s\n", p->id, p->version, p->state,
           p->package_id, p->actor, p->reason);
    return headend_push_parts(c->tx, p->id, print_part, c);
}

static enum err print_program(void *arg, const struct site_gateway *g)
{
    struct command *c = arg;
    struct headend_program p;
    enum err e = headend_program_get(c->tx, g->id, &p);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    printf("%-16s %s, %s, store %" PRId64 ", %s%s\n", g->serial, p.told, p.machine, p.store,
           p.place, p.updates ? "" : ", takes no updates through the uplink");
    return ERR_OK;
}

static enum err show(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    c->tx = tx;
    TRY(site_gateways(tx, 0, print_program, c));
    return headend_pushes(tx, 0, 100, print_push, c);
}

/* --- the command line ---------------------------------------------------------------------------
 */

struct verb {
    const char *name;
    store_work *work;
    bool reads, file, number, reason;
};

static const struct verb verbs[] = {
    {"add", add, .file = true},
    {"list", list, .reads = true},
    {"remove", remove_file, .number = true},
    {"push", push, .reason = true},
    {"show", show, .reads = true},
    {"stop", stop, .number = true, .reason = true},
};

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool complete(struct command *c, const struct verb *v, int words)
{
    if (!v || words != 1 + (int)(v->file || v->number))
        return false;
    if (v->number && options_number(c->word, 1, INT64_MAX, &c->number) != ERR_OK)
        return false;
    if (v->work == push && (!c->package || (c->gateways != NULL) == (c->project != NULL)))
        return false;
    return !v->reason || (c->reason && *c->reason);
}

static enum err read_files(struct command *c)
{
    TRY(say(io_file_read(c->keys, KEYS_MAX, &c->pem), c->keys));
    enum err e = io_file_read(c->word, UPLINK_UPDATE_MAX, &c->file);
    return say(e == ERR_OVERFLOW ? ERR_UPDATE_SIZE : e, c->word);
}

static enum err work(struct command *c, const struct verb *v)
{
    char path[4096], about[64];
    struct io_options io = {0};
    if (snprintf(path, sizeof path, "%s/ledger.db", c->data) >= (int)sizeof path ||
        !io_file_exists(path)) /* a typing error must not make an installation */
        return say(ERR_IO_FILE, c->data);
    if (v->file)
        TRY(read_files(c));
    if (c->clock)
        TRY(say(io_clock_parse(c->clock, &io.clock), "--clock"));
    TRY(say(io_open(&c->io, &io), "the system"));
    TRY(say(store_open(
                &c->store,
                &(struct store_config){.kind = STORE_LEDGER, .path = path, .read_only = v->reads}),
            path));
    enum err e = v->reads ? store_read(c->store, v->work, c) : store_run(c->store, v->work, c);
    snprintf(about, sizeof about, c->refused ? "%s: gateway %" PRId64 : "%s", v->name, c->refused);
    return say(e, c->word && !c->refused ? c->word : about);
}

static void tell(const struct command *c, const struct verb *v)
{
    if (v->work == add)
        (void)print_package(NULL, &c->added);
    else if (v->work == push)
        printf("push %" PRId64 ": %zu gateways\n", c->push_id, c->count);
}

int app_update_main(int argc, char **argv)
{
    static struct command c = {.data = "data",
                               .keys = UPDATE_KEYS,
                               .first = "0",
                               .from = "00:00",
                               .until = "00:00",
                               .trial = "600"};
    const struct option_row rows[] = {
        {"--data", "DIR", &c.data, "the platform's data folder"},
        {"--keys", "PEM", &c.keys, "add: public release keys that are trusted"},
        {"--package", "ID", &c.package, "push: which file; see list"},
        {"--gateways", "A,B", &c.gateways, "push: serials, in the order of the stages"},
        {"--project", "CODE", &c.project, "push: all claimed gateways of a project"},
        {"--first", "N", &c.first, "push: so many first, the rest when these are confirmed"},
        {"--from", "HH:MM", &c.from, "push: applied from then on, by the site's time"},
        {"--until", "HH:MM", &c.until, "push: until then; the same as --from: at any time"},
        {"--trial", "SECONDS", &c.trial, "push: time within which it must prove good"},
        {"--downgrade", NULL, &c.downgrade, "push: also a version that is not newer"},
        {"--reason", "TEXT", &c.reason, "push, stop: why"},
        {"--clock", "R,V,SPEED", &c.clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    enum options_result r = options_parse(
        argc, argv, "add FILE|list|remove ID|push|show|stop PUSH [OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    const struct verb *v = words > 0 ? verb_of(argv[1]) : NULL;
    c.word = words > 1 ? argv[2] : NULL;
    if (!complete(&c, v, words)) {
        fprintf(stderr, "yufu update: add FILE, list, remove ID, push --package ID "
                        "(--gateways A,B | --project CODE) --reason TEXT, show, or "
                        "stop PUSH --reason TEXT; see --help\n");
        return 2;
    }
    enum err e = work(&c, v);
    if (e == ERR_OK)
        tell(&c, v);
    io_file_free(&c.file);
    io_file_free(&c.pem);
    store_close(c.store);
    io_close(c.io);
    return e == ERR_OK ? 0 : 1;
}
