/*
 * An update pushed by the platform. Its file is fetched one block at a time: what a block took, is
 * waited before the next is asked for, so that at most half of a slow line goes into it and what is
 * urgent stands behind one block at most. It goes on where it stopped: after a broken session, and
 * after a start. What has come is believed only as a whole, by its sum and its signature.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_program.h"
#include "app/gateway/gateway_update.h"
#include "base/must.h"
#include "base/text.h"
#include "io/io.h"
#include "io/log.h"

#define KEYS_MAX (64 * 1024)
#define PAUSE_MS 5          /* between blocks, at least */
#define ASK_AGAIN_MS 30'000 /* an answer that does not come */
#define TELL_MS 2'000       /* how often progress is told */
#define TELL_ALWAYS_MS 300'000
#define READY_MS 1'000 /* how often it is looked whether it may be applied */
#define OUTPUT_LITTLE (16 * 1024)

/* ---- stages --------------------------------------------------------------------------------- */

static void drop_file(struct update_fetch *f)
{
    char path[PATH_MAX];
    f->received = 0;
    enum err e = update_fetch_path(f->data, path, sizeof path);
    if (e == ERR_OK)
        e = io_file_remove(path);
    (void)e; /* the next wish writes over it */
}

static bool is_final(enum uplink_update_stage s)
{
    return s != UPLINK_UPDATE_FETCHING && s != UPLINK_UPDATE_READY && s != UPLINK_UPDATE_TRIAL;
}

/* The stage has changed: on disk first, then it is told. */
static void settle(struct update_fetch *f)
{
    enum err e = update_push_store(f->data, &f->push);
    if (e != ERR_OK)
        log_event(LOG_UPDATE_STATE, LOG_E("error", e));
    f->tell = true;
    f->asked = false;
    if (is_final(f->push.stage) || f->push.stage == UPLINK_UPDATE_TRIAL)
        drop_file(f);
    log_event(LOG_UPDATE_PUSH, LOG_I("push", f->push.wish.id), LOG_I("stage", f->push.stage),
              LOG_S("error", f->push.error));
}

static void fail(struct update_fetch *f, enum err why)
{
    update_push_fail(&f->push, why);
    settle(f);
}

/* ---- a wish --------------------------------------------------------------------------------- */

/* What is here already of the same file counts, but for its last, perhaps torn, block. */
static int64_t bytes_here(const struct update_fetch *f)
{
    char path[PATH_MAX];
    int64_t size = 0;
    if (update_fetch_path(f->data, path, sizeof path) != ERR_OK ||
        io_file_size(path, &size) != ERR_OK || size > f->push.wish.size)
        return 0;
    return size - size % UPLINK_BLOCK_MAX;
}

static void take_wish(struct update_fetch *f, const struct uplink_update *u)
{
    bool same_file = f->push.stage == UPLINK_UPDATE_FETCHING && u->sha256_len == 32 &&
                     memcmp(f->push.wish.sha256, u->sha256, 32) == 0;
    if (!same_file)
        drop_file(f);
    f->push = (struct update_push){.stage = UPLINK_UPDATE_FETCHING, .wish = *u};
    enum err e = update_push_judge(u);
    if (e == ERR_OK)
        e = update_fetch_space(f->data, u->size);
    if (e != ERR_OK) {
        f->push.wish = (struct uplink_update){
            .id = u->id, .size = UPDATE_HEADER + 1, .sha256_len = 32, .trial_s = UPDATE_TRIAL_S};
        fail(f, e);
        return;
    }
    f->received = bytes_here(f);
    settle(f);
}

/* The slot is being written: as on trial, that is not held up any more. */
static bool is_applying(const struct update_fetch *f)
{
    return f->job.kind == UPDATE_JOB_APPLY;
}

static void take_back(struct update_fetch *f)
{
    if (f->push.stage != UPLINK_UPDATE_FETCHING && f->push.stage != UPLINK_UPDATE_READY)
        return;
    f->push.stage = UPLINK_UPDATE_WITHDRAWN;
    settle(f);
}

static void take_update(struct update_fetch *f, const struct uplink_update *u)
{
    f->tell = true; /* whatever it says: how far it is */
    if (is_applying(f))
        return; /* it is said again */
    if (u->id == f->push.wish.id && u->size == 0)
        take_back(f);
    else if (u->id > 0 && u->id != f->push.wish.id && u->size != 0 &&
             f->push.stage != UPLINK_UPDATE_TRIAL)
        take_wish(f, u);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static enum err read_keys(const struct update_fetch *f, struct bytes *pem)
{
    enum err e = io_file_read(f->keys, KEYS_MAX, pem);
    return e == ERR_NOT_FOUND ? ERR_SIGN_KEY : e; /* nobody's updates are trusted here */
}

/* What the first block tells spares the others. */
static enum err check_head(const struct update_fetch *f, struct bytes block)
{
    struct update_header h;
    struct bytes pem;
    TRY(read_keys(f, &pem));
    enum err e = update_file_head(block, pem, &h);
    io_file_free(&pem);
    TRY(e);
    if ((int64_t)h.size + UPDATE_HEADER != f->push.wish.size)
        return ERR_UPDATE_FILE;
    return update_judge(&h, gateway_own(), f->push.wish.downgrade);
}

static enum err check_sum(const struct update_job *j, const char *path)
{
    struct bytes file;
    uint8_t digest[SIGN_SHA256];
    TRY(io_file_read(path, UPLINK_UPDATE_MAX, &file));
    sign_sha256(file, digest);
    io_file_free(&file);
    return memcmp(digest, j->wish.sha256, sizeof digest) == 0 ? ERR_OK : ERR_UPDATE_DATA;
}

static enum err check_file(const struct update_job *j)
{
    char path[PATH_MAX];
    struct update_header h;
    struct bytes file;
    TRY(update_fetch_path(j->data, path, sizeof path));
    TRY(check_sum(j, path));
    TRY(update_check(path, j->keys, &file, &h));
    io_file_free(&file);
    return ERR_OK;
}

/* A file whose power was cut may have anything in it: it is fetched once more from its beginning.
 */
static void checked(struct update_fetch *f, enum err e)
{
    if (f->push.stage != UPLINK_UPDATE_FETCHING)
        return; /* taken back meanwhile */
    if (e == ERR_UPDATE_DATA && !f->push.again) {
        f->push.again = true;
        drop_file(f);
        settle(f);
    } else if (e != ERR_OK) {
        fail(f, e);
    } else {
        f->push.stage = UPLINK_UPDATE_READY;
        settle(f);
    }
}

static void take_block(struct program *p, const struct uplink_block *b)
{
    struct update_fetch *f = &p->fetch;
    const struct uplink_update *u = &f->push.wish;
    char path[PATH_MAX];
    int64_t left = u->size - f->received;
    int64_t due = left < UPLINK_BLOCK_MAX ? left : UPLINK_BLOCK_MAX;
    if (f->push.stage != UPLINK_UPDATE_FETCHING || !f->asked || b->id != u->id ||
        b->offset != f->received || (int64_t)b->data.len != due)
        return; /* an answer to what is not asked any more */
    mono_ms now = io_mono_real(p->io);
    int64_t took = now.ms - f->asked_at.ms;
    f->asked = false;
    f->next_at = mono_after(now, took > PAUSE_MS ? took : PAUSE_MS);
    enum err e = f->received == 0 ? check_head(f, b->data) : ERR_OK;
    if (e == ERR_OK)
        e = update_fetch_path(f->data, path, sizeof path);
    if (e == ERR_OK && io_file_put(path, f->received, b->data) != ERR_OK)
        e = ERR_UPDATE_SPACE;
    if (e != ERR_OK) {
        fail(f, e);
        return;
    }
    f->received += due;
}

void fetch_take(struct program *p, const struct uplink_message *m)
{
    if (m->kind == UPLINK_UPDATE)
        take_update(&p->fetch, &m->update);
    else
        take_block(p, &m->block);
}

/* ---- applying ------------------------------------------------------------------------------- */

static bool may_apply(const struct program *p)
{
    const struct uplink_update *u = &p->fetch.push.wish;
    struct gateway_now now = program_now(p);
    struct update_state s;
    bool any_time = u->from_minute == u->until_minute;
    int64_t minute = (now.wall.s + p->offset_s) / 60 % UPDATE_DAY;
    if (!any_time && (!now.trusted || !update_push_now(u, minute)))
        return false;
    return update_state_load(p->fetch.data, &s) != ERR_OK || !s.trial;
}

static enum err apply(const struct update_job *j)
{
    struct update_header h;
    char path[PATH_MAX], words[UPDATE_WORDS_MAX];
    update_push_words(j->wish.id, words);
    TRY(update_fetch_path(j->data, path, sizeof path));
    struct update_apply a = {.data = j->data,
                             .path = path,
                             .keys = j->keys,
                             .downgrade = j->wish.downgrade ? words : NULL,
                             .words = words,
                             .trial_s = (uint16_t)j->wish.trial_s,
                             .now = j->now,
                             .own = &j->installed};
    return update_apply(&a, &h);
}

/* The new version is started by update_watch, which sees that the record has changed. */
static void applied(struct update_fetch *f, enum err e)
{
    if (e != ERR_OK) {
        fail(f, e);
        return;
    }
    f->push.stage = UPLINK_UPDATE_TRIAL;
    f->applied = true;
    settle(f);
}

/* ---- off the loop ---------------------------------------------------------------------------- */

static const struct {
    enum err (*work)(const struct update_job *j);
    void (*done)(struct update_fetch *f, enum err e);
} jobs[] = {[UPDATE_JOB_CHECK] = {check_file, checked}, [UPDATE_JOB_APPLY] = {apply, applied}};

static void work(void *arg) /* on another thread: *arg, and files */
{
    struct update_job *j = arg;
    j->result = jobs[j->kind].work(j);
}

static void ended(void *arg)
{
    struct update_job *j = arg;
    j->ended = true; /* the turn of the loop goes on with it, if there is one yet */
}

static void begin(struct program *p, int kind)
{
    struct update_fetch *f = &p->fetch;
    f->job = (struct update_job){.kind = kind,
                                 .data = f->data,
                                 .keys = f->keys,
                                 .wish = f->push.wish,
                                 .installed = f->installed,
                                 .now = io_wall_real(p->io)};
    io_work(p->io, work, ended, &f->job);
}

/* True: none is under way. */
static bool look_at_job(struct update_fetch *f)
{
    int kind = f->job.kind;
    if (kind == UPDATE_JOB_NONE)
        return true;
    if (!f->job.ended)
        return false;
    f->job.kind = UPDATE_JOB_NONE;
    if (f->job.wish.id == f->push.wish.id) /* else: of a wish that is no more */
        jobs[kind].done(f, f->job.result);
    return true;
}

/* Whole, and being looked at: nothing more is to be asked for. */
static bool is_whole(const struct update_fetch *f)
{
    return f->push.stage == UPLINK_UPDATE_FETCHING && f->received == f->push.wish.size;
}

/* ---- saying --------------------------------------------------------------------------------- */

static bool say(struct program *p, const struct uplink_message *m)
{
    struct link *l = &p->link;
    return uplink_output(&l->session).len < OUTPUT_LITTLE &&
           io_stream_waiting(l->stream) < OUTPUT_LITTLE && uplink_send(&l->session, m) == ERR_OK;
}

static void tell(struct program *p)
{
    struct update_fetch *f = &p->fetch;
    const struct update_state *s = &p->update.state;
    struct uplink_message m = {.kind = UPLINK_PROGRAM};
    struct uplink_program *t = &m.program;
    char version[UPDATE_VERSION_TEXT];
    t->id = f->push.wish.id;
    t->stage = f->push.stage;
    t->received = f->push.stage == UPLINK_UPDATE_FETCHING ? f->received : f->push.wish.size;
    text_copy(t->error, sizeof t->error, f->push.error);
    update_version_text(gateway_own()->release.version, version);
    text_copy(t->version, sizeof t->version, version);
    text_copy(t->machine, sizeof t->machine, gateway_own()->machine);
    t->store = gateway_own()->release.store;
    text_copy(t->place, sizeof t->place, update_place_name(p->update.place));
    t->trial = s->trial;
    text_copy(t->last, sizeof t->last, update_last_name(s->last));
    update_version_text(s->left, version);
    text_copy(t->left, sizeof t->left, version);
    if (!say(p, &m))
        return;
    f->tell = false;
    f->told = f->received;
    f->told_at = io_mono_real(p->io);
}

static void ask(struct program *p)
{
    struct update_fetch *f = &p->fetch;
    const struct uplink_message m = {.kind = UPLINK_ASK, .ask = {f->push.wish.id, f->received}};
    if (!say(p, &m))
        return;
    f->asked = true;
    f->asked_at = io_mono_real(p->io);
}

static bool is_due(mono_ms since, int64_t ms, mono_ms now)
{
    return mono_due(mono_after(since, ms), now);
}

static void speak(struct program *p)
{
    struct update_fetch *f = &p->fetch;
    mono_ms now = io_mono_real(p->io);
    bool moved = f->received != f->told && is_due(f->told_at, TELL_MS, now);
    if (f->tell || moved || is_due(f->told_at, TELL_ALWAYS_MS, now))
        tell(p);
    if (f->push.stage != UPLINK_UPDATE_FETCHING || is_whole(f))
        return;
    if (f->asked && is_due(f->asked_at, ASK_AGAIN_MS, now))
        f->asked = false;
    if (!f->asked && mono_due(f->next_at, now))
        ask(p);
}

/* When something is due that no message wakes for. */
static void set_wake(struct program *p)
{
    struct update_fetch *f = &p->fetch;
    mono_ms now = io_mono_real(p->io), next = mono_after(now, READY_MS);
    bool waits = f->push.stage == UPLINK_UPDATE_READY || f->push.stage == UPLINK_UPDATE_TRIAL;
    if (f->push.stage == UPLINK_UPDATE_FETCHING && f->welcomed && !f->asked && !is_whole(f))
        next = mono_due(f->next_at, now) ? mono_after(now, PAUSE_MS) : f->next_at;
    else if (!waits && f->push.stage != UPLINK_UPDATE_FETCHING)
        next = MONO_NEVER;
    if (next.ms == MONO_NEVER.ms)
        io_timer_stop(&f->wake);
    else
        io_timer_set_real(&f->wake, next);
}

void fetch_turn(struct program *p)
{
    struct update_fetch *f = &p->fetch;
    bool idle = look_at_job(f);
    if (idle && !f->applied && update_push_look(&f->push, &p->update.state))
        settle(f);
    if (idle && is_whole(f))
        begin(p, UPDATE_JOB_CHECK);
    else if (idle && f->push.stage == UPLINK_UPDATE_READY && may_apply(p))
        begin(p, UPDATE_JOB_APPLY);
    if (f->welcomed && p->link.opened)
        speak(p);
    set_wake(p);
}

void fetch_welcomed(struct program *p, bool welcomed)
{
    struct update_fetch *f = &p->fetch;
    f->welcomed = f->tell = welcomed;
    f->asked = false;
}

static void woken(void *arg)
{
    (void)arg; /* the turn of the loop runs after every wake-up */
}

void fetch_open(struct program *p, const char *data, const char *keys)
{
    struct update_fetch *f = &p->fetch;
    f->data = data;
    f->keys = keys;
    update_push_load(data, &f->push);
    f->installed = *gateway_own();
    /* Slots belong to what is installed, which may be older than what runs. */
    if (p->update.place != UPDATE_INSTALLED)
        f->installed.release.version = p->update.state.installed;
    f->received = f->push.stage == UPLINK_UPDATE_FETCHING ? bytes_here(f) : 0;
    f->told_at = io_mono_real(p->io);
    io_timer_init(&f->wake, p->io, woken, p);
    io_timer_set_real(&f->wake, f->told_at);
}
