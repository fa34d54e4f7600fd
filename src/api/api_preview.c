/*
 * Who would be warned or cut by the strategy on the screen: control/preview.h. Nothing is written.
 *
 * Large projects are asked page by page: each call looks at no more than `limit` accounts and says
 * where the next one goes on. Whoever stops asking has cancelled it.
 */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "api/preview_json.h"

#define ACCOUNTS_MAX 200 /* looked at in one call: it blocks the loop for a moment */

struct preview {
    struct call *c;
    struct store_tx *tx;
    struct strategy_policy policy;
    const char *code;
    int64_t days, after, limit, total;
    bool each; /* tell each day, of one account */
    struct control_preview_sum sum;
};

static enum err take_wish(struct preview *p)
{
    struct call *c = p->c;
    const char *text = "";
    struct strategy_problem problem;
    TRY(api_fields(
        c, (struct api_field[]){{"text", API_FIELD_TEXT, 1, SITE_BODY_MAX, &text},
                                {"code", API_FIELD_TEXT, 0, SITE_CODE_MAX, &p->code},
                                {"days", API_FIELD_INT, 0, CONTROL_PREVIEW_DAYS_MAX, &p->days},
                                {"after", API_FIELD_INT, 0, INT64_C(1) << 53, &p->after},
                                {"limit", API_FIELD_INT, 1, ACCOUNTS_MAX, &p->limit},
                                {"each_day", API_FIELD_BOOL, 0, 0, &p->each},
                                {}}));
    if (p->each && p->limit != 1)
        return api_bad(c, "each_day", ERR_API_FIELD, "of one account at a time: limit 1");
    enum err e = strategy_policy_parse(text, strlen(text), &p->policy, &problem);
    if (e != ERR_OK) {
        snprintf(c->detail, sizeof c->detail, "%s %s", strategy_fault_name(problem.fault),
                 problem.place);
        c->field = "text";
    }
    return e;
}

static enum err put_row(void *arg, const struct control_preview_row *row)
{
    struct preview *p = arg;
    struct site_place place;
    if (!p->each && !control_preview_concerns(row))
        return ERR_OK; /* most accounts: nothing would happen to them */
    TRY(site_place_get(p->tx, row->account->place_id, &place));
    preview_put_row(&p->c->out, row, place.code, p->each);
    return ERR_OK;
}

static enum err look(struct store_tx *tx, void *arg)
{
    struct preview *p = arg;
    const struct api_options *o = &p->c->api->options;
    const struct control_preview ask = {.readings = o->readings,
                                        .readings_store = o->readings_store,
                                        .project_id = p->c->project_id,
                                        .code = p->code,
                                        .policy = &p->policy,
                                        .days = p->days,
                                        .now = p->c->now,
                                        .after = p->after,
                                        .limit = p->limit};
    p->tx = tx;
    TRY(store_int(tx, &p->total,
                  "SELECT count(*) FROM account WHERE project_id = $1 AND closed_at IS NULL", "i",
                  p->c->project_id));
    return control_preview(tx, &ask, put_row, p, &p->sum);
}

enum err api_strategy_preview(struct call *c)
{
    struct preview p = {.c = c, .code = ""};
    struct jwrite *w = &c->out;
    TRY(take_wish(&p));
    jwrite_object(w, NULL);
    jwrite_array(w, "concerned");
    TRY(store_read(c->api->options.ledger, look, &p));
    jwrite_end(w);
    preview_put_sum(w, &p.sum);
    jwrite_int(w, "total", p.total);
    jwrite_id(w, "next", p.sum.more ? p.sum.last_id : 0);
    jwrite_end(w);
    api_finish(c, ERR_OK);
    return ERR_OK;
}
