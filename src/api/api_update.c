/* Programs of gateways, and their updates through the uplink. */
#include <string.h>

#include "api/api_impl.h"
#include "headend/update.h"

/* A name of the table of errors, with its texts; "": null. */
static void put_error(struct jwrite *w, const char *name)
{
    enum err e = ERR_OK + 1;
    if (*name == '\0') {
        jwrite_null(w, "error");
        jwrite_null(w, "error_zh");
        jwrite_null(w, "error_en");
        return;
    }
    while (e < ERR_COUNT && strcmp(err_name(e), name) != 0)
        e++;
    jwrite_text(w, "error", name);
    jwrite_text(w, "error_zh", e < ERR_COUNT ? err_text_zh(e) : name);
    jwrite_text(w, "error_en", e < ERR_COUNT ? err_text_en(e) : name);
}

static int64_t percent(const char *state, int64_t received, int64_t size)
{
    bool whole = strcmp(state, "waiting") != 0 && strcmp(state, "fetching") != 0;
    return size > 0 ? received * 100 / size : whole ? 100 : 0;
}

static void put_wish(struct jwrite *w, const struct headend_program *p)
{
    if (p->push_id == 0) {
        jwrite_null(w, "update");
        return;
    }
    jwrite_object(w, "update");
    jwrite_int(w, "push_id", p->push_id);
    jwrite_text(w, "version", p->wish_version);
    jwrite_text(w, "state", p->state);
    jwrite_int(w, "percent", percent(p->state, p->received, p->size));
    put_error(w, p->error);
    jwrite_end(w);
}

enum err api_put_program(struct call *c, int64_t gateway_id)
{
    struct headend_program p;
    struct jwrite *w = &c->out;
    enum err e = headend_program_get(c->tx, gateway_id, &p);
    if (e == ERR_NOT_FOUND) {
        jwrite_null(w, "program");
        return ERR_OK;
    }
    TRY(e);
    jwrite_object(w, "program");
    jwrite_text(w, "told", p.told);
    jwrite_bool(w, "updates", p.updates);
    jwrite_text(w, "version", p.version);
    jwrite_text(w, "machine", p.machine);
    jwrite_int(w, "store", p.store);
    jwrite_text(w, "place", p.place);
    jwrite_bool(w, "trial", p.trial);
    jwrite_text(w, "last", p.last);
    jwrite_text(w, "left", p.left);
    jwrite_id(w, "at", p.at.s);
    put_wish(w, &p);
    jwrite_end(w);
    return ERR_OK;
}
