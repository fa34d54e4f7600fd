/* What was imported, and undoing it. */
#include <stdlib.h>

#include "api/api_import.h"
#include "journal/detail.h"
#include "readings/readings.h"

#define ID_MAX (INT64_C(1) << 53)

static enum err put_imported(void *arg, const struct site_imported *i)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", i->id);
    jwrite_int(w, "at", i->at.s);
    jwrite_text(w, "actor", i->actor);
    jwrite_text(w, "file", i->file);
    jwrite_int(w, "rows", i->rows);
    api_put_changes(w, i->rows_by_change);
    jwrite_id(w, "undone_at", i->undone_at.s);
    jwrite_text(w, "undone_by", i->undone_at.s ? i->undone_by : NULL);
    jwrite_text(w, "undo_reason", i->undo_reason);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_imports(struct call *c)
{
    int64_t limit, before = 0;
    TRY(api_query_limit(c, &limit));
    TRY(api_query_int(c, "before", 0, ID_MAX, &before));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "imports");
    TRY(site_imports(c->tx, c->project_id, before, limit, put_imported, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

static bool was_read(void *arg, int64_t meter_id)
{
    wall_s at;
    int64_t epoch;
    return readings_newest(arg, meter_id, &at, &epoch);
}

static void put_undo(struct jwrite *w, const struct site_undo *u)
{
    jwrite_int(w, "import", u->import_id);
    jwrite_int(w, "removed", u->removed);
    jwrite_int(w, "restored", u->restored);
    jwrite_int(w, "blocker_count", u->blocker_count);
    jwrite_array(w, "blockers");
    for (size_t i = 0; i < u->shown; i++) {
        const struct site_undo_blocker *b = &u->blockers[i];
        jwrite_object(w, NULL);
        jwrite_text(w, "object", b->object);
        jwrite_int(w, "id", b->id);
        jwrite_text(w, "code", b->code);
        jwrite_text(w, "reason", site_undo_reason_name(b->reason));
        jwrite_text(w, "title_zh", site_undo_reason_zh(b->reason));
        jwrite_text(w, "title_en", site_undo_reason_en(b->reason));
        jwrite_id(w, "later_import", b->later_import);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_blocked(struct call *c, struct jwrite *w)
{
    put_undo(w, c->extra_arg);
}

static enum err undo_of(struct call *c, struct site_undo **out)
{
    struct site_undo *u = calloc(1, sizeof *u);
    if (!u)
        return ERR_MEMORY;
    c->extra_arg = u;
    c->extra_free = free;
    u->project_id = c->project_id;
    u->was_read = was_read;
    u->arg = c->api->options.readings;
    *out = u;
    return ERR_OK;
}

/* Blockers are no refusal here: they are what was asked for. */
enum err api_import_undo_check(struct call *c)
{
    struct site_undo *u;
    TRY(undo_of(c, &u));
    TRY(api_query_int(c, "import", 1, ID_MAX, &u->import_id));
    if (u->import_id == 0)
        return api_bad(c, "import", ERR_API_FIELD, "the number of an import is expected");
    enum err e = site_import_undo_check(c->tx, u);
    if (e != ERR_SITE_UNDO)
        TRY(e);
    jwrite_object(&c->out, NULL);
    put_undo(&c->out, u);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_import_undo(struct call *c)
{
    struct site_undo *u;
    const char *reason = "";
    char actor[32];
    TRY(undo_of(c, &u));
    TRY(api_fields(c, (struct api_field[]){{"import", API_FIELD_INT, 1, ID_MAX, &u->import_id},
                                           {"reason", API_FIELD_TEXT, 1, DETAIL_TEXT_MAX, &reason},
                                           {}}));
    api_actor(c, actor);
    enum err e = site_import_undo(c->tx, u, actor, reason, c->now);
    if (e == ERR_SITE_UNDO)
        c->extra = put_blocked;
    if (e == ERR_SITE_TEXT)
        c->field = "reason";
    TRY(e);
    TRY(api_grounds_changed(c, 0));
    jwrite_object(&c->out, NULL);
    put_undo(&c->out, u);
    jwrite_end(&c->out);
    return ERR_OK;
}
