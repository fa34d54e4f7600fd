/* `yufu person`: who may log in. Works on the data folder, also while the platform runs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "auth/auth.h"
#include "io/io.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/site.h"
#include "store/store.h"

struct command {
    const char *data, *name, *role, *projects, *login;
    struct store *store;
    struct io *io;
    char password[AUTH_ONE_TIME_SIZE];
    int64_t project_ids[AUTH_PROJECTS_MAX];
    size_t project_count;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu person: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* Whoever sits at the machine is nobody the platform knows: the row says so. */
static enum err note(struct store_tx *tx, const struct command *c, const char *action)
{
    struct detail d = {};
    char object[AUTH_LOGIN_MAX + 16];
    snprintf(object, sizeof object, "person:%.64s", c->login);
    if (c->role)
        detail_text(&d, "role", c->role);
    if (c->projects)
        detail_text(&d, "projects", c->projects);
    return journal_append(tx, &(struct journal_act){.now = io_wall(c->io),
                                                    .actor = "system",
                                                    .action = action,
                                                    .object = object,
                                                    .detail = detail_end(&d)});
}

/* --- add -------------------------------------------------------------------------------------- */

/* "DORM,PLAZA" as ids. */
static enum err find_projects(struct store_tx *tx, struct command *c)
{
    const char *at = c->projects ? c->projects : "";
    c->project_count = 0;
    while (*at) {
        char code[SITE_CODE_MAX + 1];
        struct site_project p;
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= sizeof code || c->project_count == AUTH_PROJECTS_MAX)
            return ERR_RANGE;
        memcpy(code, at, len);
        code[len] = '\0';
        TRY(site_project_by_code(tx, code, &p));
        c->project_ids[c->project_count++] = p.id;
        at += len + (at[len] == ',');
    }
    return ERR_OK;
}

static enum err add(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    int64_t id;
    enum auth_role role;
    if (!c->role)
        return ERR_RANGE;
    TRY(say(auth_role_parse(c->role, &role), "--role"));
    TRY(say(find_projects(tx, c), "--projects"));
    TRY(auth_one_time_password(c->password));
    TRY(auth_person_add(tx,
                        &(struct auth_new_person){.login = c->login,
                                                  .name = c->name ? c->name : c->login,
                                                  .password = c->password,
                                                  .role = role,
                                                  .must_change = true,
                                                  .projects = c->project_ids,
                                                  .project_count = c->project_count},
                        &id));
    return note(tx, c, "person.add");
}

/* --- the others ------------------------------------------------------------------------------- */

static enum err reset(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    TRY(auth_reset_password(tx, c->login, c->password));
    return note(tx, c, "person.reset");
}

static enum err disable(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    TRY(auth_person_disable(tx, c->login, true));
    return note(tx, c, "person.disable");
}

static enum err enable(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    TRY(auth_person_disable(tx, c->login, false));
    return note(tx, c, "person.enable");
}

static enum err print_person(void *arg, const struct auth_person *p)
{
    (void)arg; /* goes to standard output */
    printf("%-20s %-10s %8" PRId64 "  %-10s %s\n", p->login, p->role, p->projects,
           p->disabled      ? "disabled"
           : p->must_change ? "one-time"
                            : "active",
           p->name);
    return ERR_OK;
}

static enum err list(struct store_tx *tx, void *arg)
{
    printf("%-20s %-10s %8s  %-10s %s\n", "login", "role", "projects", "state", "name");
    return auth_people(tx, 0, print_person, arg);
}

/* --- the command line ---------------------------------------------------------------------------
 */

struct verb {
    const char *name;
    store_work *work;
    bool login, reads;
    const char *done; /* printed with the log-in name */
};

static const struct verb verbs[] = {
    {"add", add, true, false, "added. 已新增。"},
    {"reset", reset, true, false,
     "has a new password; every log-in has ended. 密码已重置，所有登录已结束。"},
    {"disable", disable, true, false, "disabled; every log-in has ended. 已停用，所有登录已结束。"},
    {"enable", enable, true, false, "enabled. 已启用。"},
    {"list", list, false, true, NULL},
};

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static enum err work(struct command *c, const struct verb *v)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/ledger.db", c->data) >= (int)sizeof path)
        return say(ERR_IO_FILE, c->data);
    if (!io_file_exists(path)) /* a typing error must not make an installation */
        return say(ERR_IO_FILE, path);
    TRY(say(io_open(&c->io, &(struct io_options){0}), "the system"));
    TRY(say(store_open(
                &c->store,
                &(struct store_config){.kind = STORE_LEDGER, .path = path, .read_only = v->reads}),
            path));
    return say(v->reads ? store_read(c->store, v->work, c) : store_run(c->store, v->work, c),
               v->login ? c->login : v->name);
}

static void tell(const struct command *c, const struct verb *v)
{
    if (v->done)
        printf("%s %s\n", c->login, v->done);
    if (c->password[0])
        printf("one-time password 一次性密码: %s\n", c->password);
}

int app_person_main(int argc, char **argv)
{
    static struct command c = {.data = "data"};
    const struct option_row rows[] = {
        {"--data", "DIR", &c.data, "databases; the platform may be running"},
        {"--role", "ROLE", &c.role,
         "add: admin manager cashier finance officer engineer warden auditor"},
        {"--name", "TEXT", &c.name, "add: the person's name; default: the log-in name"},
        {"--projects", "A,B", &c.projects, "add: codes of the projects that may be seen"},
        {0}};
    int words;
    enum options_result r = options_parse(
        argc, argv, "add|reset|disable|enable LOGIN [OPTION...] | list", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    const struct verb *v = words > 0 ? verb_of(argv[1]) : NULL;
    if (!v || words != 1 + (int)v->login || (v->work == add && !c.role)) {
        fprintf(stderr, "yufu person: say what and whom, and for add a --role (see --help)\n");
        return 2;
    }
    c.login = v->login ? argv[2] : "";
    enum err e = work(&c, v);
    store_close(c.store);
    io_close(c.io);
    if (e == ERR_OK)
        tell(&c, v);
    return e == ERR_OK ? 0 : 1;
}
