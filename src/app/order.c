/*
 * `yufu order`: what only a person can decide about sales. Works on the data folder, also while the
 * platform runs; the platform goes on from the commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "io/io.h"
#include "journal/journal.h"
#include "site/site.h"
#include "store/store.h"
#include "vend/vend.h"

struct command {
    const char *data, *account, *in_meter, *reason, *clock, *order_id;
    struct store *store;
    struct io *io;
    struct store_tx *tx;
    int64_t account_id, found; /* of the order that is to be decided */
    struct vend_status result;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu order: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* --- list ---------------------------------------------------------------------------------------
 */

static enum err print_order(void *arg, const struct vend_status *s)
{
    struct command *c = arg;
    struct site_account a;
    TRY(site_account_get(c->tx, s->account_id, &a));
    printf("%-9s %-24s %-16s %6" PRId64 " %9" PRId64 "  %s\n", vend_state_name(s->state),
           s->order_id, a.code, s->n, s->amount_fen, s->evidence);
    return ERR_OK;
}

static enum err list(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    c->tx = tx;
    printf("%-9s %-24s %-16s %6s %9s  %s\n", "state", "order", "account", "n", "fen", "evidence");
    return vend_list(tx, &(struct vend_filter){.state = "open", .limit = 10'000}, print_order, c);
}

/* --- resolve ------------------------------------------------------------------------------------
 */

/* Order ids are unique within an account only. */
static enum err match(void *arg, const struct vend_status *s)
{
    struct command *c = arg;
    struct site_account a;
    if (strcmp(s->order_id, c->order_id) != 0)
        return ERR_OK;
    TRY(site_account_get(c->tx, s->account_id, &a));
    if (c->account && strcmp(a.code, c->account) != 0)
        return ERR_OK;
    c->account_id = s->account_id;
    c->found++;
    return ERR_OK;
}

static enum err resolve(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    struct vend_request r = {
        .order_id = c->order_id, .actor = "system", .reason = c->reason, .now = io_wall(c->io)};
    io_random(&r.random, sizeof r.random);
    c->tx = tx;
    TRY(vend_list(tx, &(struct vend_filter){.state = "CONFLICT", .limit = 10'000}, match, c));
    if (c->found == 0)
        return ERR_NOT_FOUND;
    if (c->found > 1) /* say which account */
        return ERR_STATE;
    r.account_id = c->account_id;
    return vend_resolve(tx, &r, strcmp(c->in_meter, "yes") == 0, &c->result);
}

/* --- distrust -----------------------------------------------------------------------------------
 */

static enum err distrust(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    TRY(vend_distrust(tx));
    return journal_append(tx, &(struct journal_act){.now = io_wall(c->io),
                                                    .actor = "system",
                                                    .action = "wallet.distrust",
                                                    .object = "wallet:all",
                                                    .detail = "{}"});
}

/* --- the command line
 * ----------------------------------------------------------------------------- */

struct verb {
    const char *name;
    store_work *work;
    bool order, reads;
};

static const struct verb verbs[] = {{"list", list, false, true},
                                    {"resolve", resolve, true, false},
                                    {"distrust", distrust, false, false}};

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool complete(const struct command *c, const struct verb *v, int words)
{
    if (!v || words != 1 + (int)v->order)
        return false;
    bool decided = c->in_meter && (!strcmp(c->in_meter, "yes") || !strcmp(c->in_meter, "no"));
    return !v->order || (decided && c->reason && *c->reason);
}

static enum err work(struct command *c, const struct verb *v)
{
    char path[4096];
    struct io_options io = {0};
    if (snprintf(path, sizeof path, "%s/ledger.db", c->data) >= (int)sizeof path ||
        !io_file_exists(path)) /* a typing error must not make an installation */
        return say(ERR_IO_FILE, c->data);
    if (c->clock)
        TRY(say(io_clock_parse(c->clock, &io.clock), "--clock"));
    TRY(say(io_open(&c->io, &io), "the system"));
    TRY(say(store_open(
                &c->store,
                &(struct store_config){.kind = STORE_LEDGER, .path = path, .read_only = v->reads}),
            path));
    return say(v->reads ? store_read(c->store, v->work, c) : store_run(c->store, v->work, c),
               v->order ? c->order_id : v->name);
}

static void tell(const struct command *c, const struct verb *v)
{
    if (v->work == resolve)
        printf("%s is %s. 已处理。\n", c->order_id, vend_state_name(c->result.state));
    if (v->work == distrust)
        printf("every meter's purchase count is read afresh before the next sale. "
               "每块表在下次售电前重新核对购电次数。\n");
}

int app_order_main(int argc, char **argv)
{
    static struct command c = {.data = "data"};
    const struct option_row rows[] = {
        {"--data", "DIR", &c.data, "databases; the platform may be running"},
        {"--in-meter", "yes|no", &c.in_meter, "resolve: is the purchase in the meter?"},
        {"--reason", "TEXT", &c.reason, "resolve: what was seen, and by whom"},
        {"--account", "CODE", &c.account, "resolve: if several accounts have such an order"},
        {"--clock", "R,V,SPEED", &c.clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    enum options_result r =
        options_parse(argc, argv, "list | resolve ORDER-ID OPTION... | distrust", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    const struct verb *v = words > 0 ? verb_of(argv[1]) : NULL;
    if (!complete(&c, v, words)) {
        fprintf(stderr, "yufu order: list, distrust, or resolve an order with --in-meter and "
                        "--reason (see --help)\n");
        return 2;
    }
    c.order_id = v->order ? argv[2] : "";
    enum err e = work(&c, v);
    store_close(c.store);
    io_close(c.io);
    if (e == ERR_OK)
        tell(&c, v);
    return e == ERR_OK ? 0 : 1;
}
