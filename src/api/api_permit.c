/* What a gateway may cut while it cannot reach the platform. */
#include "api/api_impl.h"
#include "control/away.h"

static enum err put_permit(void *arg, const struct control_permit *p)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", p->account_id);
    jwrite_text(w, "account_code", p->account_code);
    jwrite_text(w, "account_name", p->account_name);
    jwrite_int(w, "meter_id", p->meter_id);
    jwrite_text(w, "address", p->address);
    jwrite_text(w, "kind", p->kind);
    jwrite_text(w, "place", p->place);
    jwrite_text(w, "strategy", p->strategy);
    jwrite_int(w, "made_at", p->made_at.s);
    jwrite_int(w, "valid_from", p->valid_from.s);
    jwrite_int(w, "valid_until", p->valid_until.s);
    jwrite_int(w, "left_wh", p->left_wh);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_gateway_permits(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "permits");
    TRY(control_permit_list(c->tx, c->gateway.id, c->now, put_permit, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
