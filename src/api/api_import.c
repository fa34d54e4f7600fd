/* Import of a site file through the browser. */
#include "api/api_import.h"

#define ERRORS_SHOWN 1000 /* more are counted */

void api_put_changes(struct jwrite *w, const int64_t counts[3])
{
    jwrite_int(w, "added", counts[SITE_NEW]);
    jwrite_int(w, "changed", counts[SITE_CHANGED]);
    jwrite_int(w, "same", counts[SITE_SAME]);
}

void api_put_titles(struct jwrite *w, enum err e)
{
    jwrite_text(w, "code", err_name(e));
    jwrite_text(w, "title_zh", err_text_zh(e));
    jwrite_text(w, "title_en", err_text_en(e));
}

void api_put_import_errors(struct jwrite *w, const struct site_import *im, int64_t skip,
                           int64_t limit)
{
    size_t count;
    const struct site_import_error *e = site_import_errors(im, &count);
    jwrite_array(w, "errors");
    for (size_t i = (size_t)skip; i < count && limit > 0; i++, limit--) {
        jwrite_object(w, NULL);
        jwrite_int(w, "row", e[i].row);
        jwrite_text(w, "column", e[i].column);
        api_put_titles(w, e[i].code);
        jwrite_text(w, "value", e[i].value);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_result(struct jwrite *w, const struct site_import *im, bool dry_run)
{
    const struct site_import_result *r = site_import_result(im);
    jwrite_bool(w, "dry_run", dry_run);
    jwrite_int(w, "rows", r->rows);
    api_put_changes(w, r->rows_by_change);
    jwrite_int(w, "error_count", r->error_count);
    api_put_import_errors(w, im, 0, ERRORS_SHOWN);
}

static void refused(struct call *c, struct jwrite *w)
{
    put_result(w, c->extra_arg, false);
}

static void close_import(void *im)
{
    site_import_close(im);
}

static enum err check_project(struct call *c, const struct site_import *im)
{
    struct site_project p;
    TRY(site_project_get(c->tx, c->id, &p));
    for (size_t i = 0;; i++) {
        if (p.code[i] != site_import_result(im)->project_code[i])
            return api_bad(c, "project", ERR_API_FIELD, "the file is about another project");
        if (!p.code[i])
            return ERR_OK;
    }
}

enum err api_import(struct call *c)
{
    int64_t dry_run = 0;
    char actor[32];
    struct site_import *im;
    struct bytes body = http_body(c->http);
    TRY(api_query_int(c, "dry_run", 0, 1, &dry_run));
    TRY(site_import_open(&im, body.data, body.len));
    site_import_now(im, c->now);
    c->extra_arg = im;
    c->extra_free = close_import;
    enum err e = site_import_compare(im, c->tx);
    /* What was found while comparing is of the file's project: only for those who asked about it.
     */
    if (e == ERR_OK || (e == ERR_SITE_IMPORT && *site_import_result(im)->project_code))
        TRY(check_project(c, im));
    if (e == ERR_SITE_IMPORT)
        c->extra = refused;
    TRY(e);
    if (!dry_run) {
        api_actor(c, actor);
        TRY(site_import_commit(im, c->tx, actor, c->now));
        TRY(api_grounds_changed(c, c->id));
    }
    jwrite_object(&c->out, NULL);
    put_result(&c->out, im, dry_run);
    jwrite_end(&c->out);
    return ERR_OK;
}
