/*
 * Imports of many rows: a file is brought once, looked at in slices while everything else goes on,
 * and written in one transaction when somebody says so. What was brought stays in memory until it
 * is written, replaced or released by its bringer, or forgotten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_import.h"
#include "base/must.h"

#define JOBS 4
#define SLICE 400           /* rows or things: a few milliseconds */
#define FORGET_MS 1'800'000 /* untouched for half an hour */
#define IDLE_MS 300'000     /* then others may take its place, if there is no other */
#define WRITTEN_MS 60'000   /* after it was written */
#define GROUPS_MAX 64
#define FILE_BYTES_MAX 1024 /* of its name; the history shows what fits of it */
#define ROWS_MAX (INT64_C(1) << 53)

struct job {
    char id[17]; /* "": free */
    int64_t project_id, person_id;
    struct site_import *im;
    bool foreign;    /* the file is about another project: not compared */
    enum err failed; /* of the store */
    mono_ms touched, forget;
};

struct imports {
    struct api *api;
    struct io_timer timer;
    struct job jobs[JOBS];
};

/* ---- the jobs ---- */

static void drop(struct job *j)
{
    site_import_close(j->im);
    *j = (struct job){};
}

static mono_ms after(const struct imports *t, int64_t ms)
{
    return (mono_ms){io_mono_real(t->api->options.io).ms + ms};
}

static void touch(const struct imports *t, struct job *j)
{
    j->touched = after(t, 0);
    j->forget = after(t, FORGET_MS);
}

static bool working(const struct job *j)
{
    struct site_import_progress at;
    if (!j->id[0] || j->foreign || j->failed != ERR_OK)
        return false;
    site_import_where(j->im, &at);
    return at.phase != SITE_IMPORT_COMPARED;
}

/* Nothing is compared with a project that the bringer may not see. */
static enum err check_project(struct job *j, struct store_tx *tx)
{
    struct site_project p;
    struct site_import_progress at;
    const char *code = site_import_result(j->im)->project_code;
    site_import_where(j->im, &at);
    if (at.phase != SITE_IMPORT_COMPARING || at.done > 0 || !code[0])
        return ERR_OK;
    TRY(site_project_get(tx, j->project_id, &p));
    j->foreign = strcmp(p.code, code) != 0;
    return ERR_OK;
}

static enum err slice(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    TRY(check_project(j, tx));
    return j->foreign ? ERR_OK : site_import_some(j->im, tx, SLICE);
}

/* One slice of each job, then the loop has its turn. */
static void tick(void *arg)
{
    struct imports *t = arg;
    mono_ms now = io_mono_real(t->api->options.io);
    bool more = false, any = false;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *j = &t->jobs[i];
        if (working(j))
            j->failed = store_read(t->api->options.ledger, slice, j);
        else if (j->id[0] && now.ms >= j->forget.ms)
            drop(j);
        more = more || working(j);
        any = any || j->id[0];
    }
    if (any)
        io_timer_set_real(&t->timer, after(t, more ? 0 : 10'000));
}

struct imports *imports_new(struct api *a)
{
    struct imports *t = calloc(1, sizeof *t);
    MUST(t);
    t->api = a;
    io_timer_init(&t->timer, a->options.io, tick, t);
    return t;
}

void imports_free(struct imports *t)
{
    if (!t)
        return;
    io_timer_stop(&t->timer);
    for (size_t i = 0; i < JOBS; i++)
        drop(&t->jobs[i]);
    free(t);
}

typedef bool slot_fits(const struct api_import_slot *s, int64_t person_id);

static bool is_idle_own(const struct api_import_slot *s, int64_t person_id)
{
    return !s->busy && s->person_id == person_id;
}

static bool is_idle_long(const struct api_import_slot *s, int64_t person_id)
{
    (void)person_id;
    return !s->busy && s->idle_ms >= IDLE_MS;
}

static int idlest(const struct api_import_slot *slots, size_t count, int64_t person_id,
                  slot_fits *fits)
{
    int found = -1;
    for (size_t i = 0; i < count; i++)
        if (fits(&slots[i], person_id) && (found < 0 || slots[i].idle_ms > slots[found].idle_ms))
            found = (int)i;
    return found;
}

int api_import_slot(const struct api_import_slot *slots, size_t count, int64_t person_id,
                    int64_t project_id)
{
    int free_one = -1;
    for (size_t i = 0; i < count; i++) {
        const struct api_import_slot *s = &slots[i];
        if (s->used && s->person_id == person_id && s->project_id == project_id)
            return (int)i;
        if (!s->used && free_one < 0)
            free_one = (int)i;
    }
    if (free_one >= 0)
        return free_one;
    int own = idlest(slots, count, person_id, is_idle_own);
    return own >= 0 ? own : idlest(slots, count, person_id, is_idle_long);
}

static struct job *place_for(struct call *c)
{
    struct imports *t = c->api->imports;
    struct api_import_slot slots[JOBS];
    int64_t now_ms = after(t, 0).ms;
    for (size_t i = 0; i < JOBS; i++) {
        const struct job *j = &t->jobs[i];
        slots[i] = (struct api_import_slot){.person_id = j->person_id,
                                            .project_id = j->project_id,
                                            .idle_ms = now_ms - j->touched.ms,
                                            .used = j->id[0] != 0,
                                            .busy = working(j)};
    }
    int i = api_import_slot(slots, JOBS, c->who.person_id, c->project_id);
    return i < 0 ? NULL : &t->jobs[i];
}

static enum err find(struct call *c, struct job **out)
{
    struct imports *t = c->api->imports;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *j = &t->jobs[i];
        if (!j->id[0] || strcmp(j->id, c->order) != 0 || j->project_id != c->project_id ||
            j->person_id != c->who.person_id)
            continue;
        touch(t, j);
        *out = j;
        return ERR_OK;
    }
    return ERR_SITE_FORGOTTEN;
}

/* ---- what is known of a job ---- */

static const char *state_of(const struct job *j)
{
    static const char *const phases[] = {"reading", "comparing", "ready"};
    struct site_import_progress at;
    if (j->foreign)
        return "foreign";
    if (j->failed != ERR_OK)
        return "failed";
    site_import_where(j->im, &at);
    bool faulty = at.phase == SITE_IMPORT_COMPARED && site_import_result(j->im)->error_count > 0;
    return faulty ? "faulty" : phases[at.phase];
}

static void put_objects(struct jwrite *w, const struct site_import_result *r)
{
    jwrite_array(w, "objects");
    for (enum site_import_object o = 0; o < SITE_IMPORT_OBJECTS; o++) {
        jwrite_object(w, NULL);
        jwrite_text(w, "object", site_import_object_name(o));
        api_put_changes(w, r->objects[o]);
        jwrite_end(w);
    }
    jwrite_end(w);
}

struct group {
    const struct site_import_error *first;
    int64_t count;
};

/* The same mistake in the same column is told once, with how often: a hundred thousand rows with
 * one wrong word are one thing to mend. */
static size_t gather(const struct site_import *im, struct group groups[GROUPS_MAX])
{
    size_t count, used = 0;
    const struct site_import_error *e = site_import_errors(im, &count);
    for (size_t i = 0; i < count; i++) {
        size_t g = 0;
        while (g < used &&
               (groups[g].first->code != e[i].code || strcmp(groups[g].first->column, e[i].column)))
            g++;
        if (g == used && used < GROUPS_MAX)
            groups[used++] = (struct group){&e[i], 0};
        if (g < GROUPS_MAX)
            groups[g].count++;
    }
    return used;
}

static void put_groups(struct jwrite *w, const struct site_import *im)
{
    struct group groups[GROUPS_MAX];
    size_t used = gather(im, groups);
    jwrite_array(w, "groups");
    for (size_t i = 0; i < used; i++) {
        jwrite_object(w, NULL);
        jwrite_text(w, "column", groups[i].first->column);
        api_put_titles(w, groups[i].first->code);
        jwrite_int(w, "count", groups[i].count);
        jwrite_int(w, "first_row", groups[i].first->row);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void put_job(struct jwrite *w, const struct job *j, int64_t skip, int64_t limit)
{
    struct site_import_progress at;
    const struct site_import_result *r = site_import_result(j->im);
    bool over = !working(j);
    site_import_where(j->im, &at);
    jwrite_object(w, NULL);
    jwrite_text(w, "id", j->id);
    jwrite_text(w, "file", site_import_file(j->im));
    jwrite_text(w, "state", state_of(j));
    jwrite_int(w, "done", at.done);
    jwrite_int(w, "total", at.total);
    jwrite_int(w, "rows", r->rows);
    api_put_changes(w, r->rows_by_change);
    jwrite_int(w, "error_count", over ? r->error_count : 0);
    if (over && !j->foreign) {
        put_objects(w, r);
        put_groups(w, j->im);
        api_put_import_errors(w, j->im, skip, limit);
    }
    jwrite_end(w);
}

/* ---- bringing, looking ---- */

enum err api_import_check(struct call *c)
{
    const char *file = NULL;
    struct bytes body = http_body(c->http);
    struct imports *t = c->api->imports;
    TRY(api_query_text(c, "file", FILE_BYTES_MAX, &file));
    struct job *j = place_for(c);
    if (!j)
        return ERR_FULL;
    drop(j);
    TRY(site_import_open(&j->im, body.data, body.len));
    site_import_name(j->im, file ? file : "");
    site_import_now(j->im, c->now);
    snprintf(j->id, sizeof j->id, "%016llx", (unsigned long long)api_draw());
    j->project_id = c->project_id;
    j->person_id = c->who.person_id;
    touch(t, j);
    io_timer_set_real(&t->timer, after(t, 0));
    c->status = 202;
    put_job(&c->out, j, 0, 0);
    api_finish(c, ERR_OK);
    return ERR_OK;
}

enum err api_import_state(struct call *c)
{
    struct job *j;
    int64_t skip = 0, limit;
    TRY(find(c, &j));
    TRY(api_query_int(c, "skip", 0, SITE_IMPORT_ERRORS_MAX, &skip));
    TRY(api_query_limit(c, &limit));
    put_job(&c->out, j, skip, limit);
    return ERR_OK;
}

static const char *const changes[] = {"same", "new", "changed"};

static enum err change_of(struct call *c, enum site_change *wanted)
{
    const char *text = NULL;
    TRY(api_query_text(c, "change", 16, &text));
    for (*wanted = SITE_SAME; text && *wanted <= SITE_CHANGED; (*wanted)++)
        if (strcmp(text, changes[*wanted]) == 0)
            return ERR_OK;
    return api_bad(c, "change", ERR_API_FIELD, "new, changed or same is expected");
}

static void put_row(struct jwrite *w, const struct site_import *im, int64_t i, int64_t row)
{
    struct site_import_subject s;
    site_import_subject(im, i, &s);
    jwrite_object(w, NULL);
    jwrite_int(w, "row", row);
    jwrite_text(w, "place", s.place);
    jwrite_text(w, "account", s.account);
    jwrite_text(w, "gateway", s.gateway);
    jwrite_text(w, "line", s.line);
    jwrite_text(w, "address", s.address);
    jwrite_end(w);
}

/* Rows of one kind, from the place `after` in the file on. */
enum err api_import_rows(struct call *c)
{
    struct job *j;
    enum site_change wanted;
    int64_t at = 0, limit, row;
    TRY(find(c, &j));
    TRY(change_of(c, &wanted));
    TRY(api_query_int(c, "after", 0, ROWS_MAX, &at));
    TRY(api_query_limit(c, &limit));
    if (working(j) || j->foreign)
        return ERR_STATE;
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "rows");
    int64_t rows = site_import_result(j->im)->rows;
    for (; at < rows && limit > 0; at++) {
        if (site_import_row(j->im, at, &row) != wanted)
            continue;
        put_row(&c->out, j->im, at, row);
        limit--;
    }
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next", at < rows ? at : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_import_failed(struct call *c)
{
    struct job *j;
    char *text = NULL;
    size_t len = 0;
    TRY(find(c, &j));
    if (working(j) || j->foreign)
        return ERR_STATE;
    TRY(site_import_failed(j->im, &text, &len));
    jwrite_put(&c->out, text, len);
    free(text);
    return ERR_OK;
}

/* Whoever has brought it does not need it any more. */
enum err api_import_release(struct call *c)
{
    struct job *j;
    TRY(find(c, &j));
    drop(j);
    c->status = 204;
    return ERR_OK;
}

/* ---- writing ---- */

/* Everything is compared again in the transaction that writes it: others may have been at work. */
enum err api_import_write(struct call *c)
{
    struct job *j;
    char actor[32];
    TRY(find(c, &j));
    if (strcmp(state_of(j), "ready") != 0)
        return ERR_STATE;
    api_actor(c, actor);
    TRY(site_import_commit(j->im, c->tx, actor, c->now));
    TRY(api_grounds_changed(c, j->project_id));
    const struct site_import_result *r = site_import_result(j->im);
    j->forget = after(c->api->imports, WRITTEN_MS);
    jwrite_object(&c->out, NULL);
    jwrite_id(&c->out, "import", r->import_id);
    jwrite_int(&c->out, "rows", r->rows);
    api_put_changes(&c->out, r->rows_by_change);
    jwrite_end(&c->out);
    return ERR_OK;
}
