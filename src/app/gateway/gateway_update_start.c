#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_program.h"
#include "app/gateway/gateway_update.h"
#include "io/io.h"
#include "io/launch.h"
#include "io/log.h"

#define NOTE "YUFU_GATEWAY_SLOT"           /* says to a started program where it stands */
#define INSTALLED "YUFU_GATEWAY_INSTALLED" /* the file of the program as installed */
#define WATCHED "YUFU_GATEWAY_WATCHED"     /* "1": its watcher starts what comes after it */
#define AGAIN 75                           /* exit status that asks the watcher for that */
#define PAUSE_MS 1'000                     /* before a trial is started again */
#define LOOK_MS 1'000                      /* how often it is seen whether it is good */
#define PATIENCE_MS 60'000                 /* how long an order under way is waited for */
#define FOLLOW_MS 5'000                    /* how often it is seen whether another one is wanted */

static const char *const PLACE_NAMES[UPDATE_PLACES] = {"installed", "a", "b"};
static const char *const LAST_NAMES[UPDATE_LASTS] = {"none", "applied", "confirmed", "starts",
                                                     "time", "broken",  "hand",      "package"};

const char *update_place_name(enum update_place place)
{
    return PLACE_NAMES[place];
}

const char *update_last_name(enum update_last last)
{
    return LAST_NAMES[last];
}

/* ---- which program runs --------------------------------------------------------------------- */

static wall_s wall_now(void)
{
    struct io *io;
    wall_s now = {0};
    if (io_open(&io, &(struct io_options){0}) == ERR_OK) {
        now = io_wall_real(io);
        io_close(io);
    }
    return now;
}

static bool same_trial(const char *data, enum update_place place)
{
    struct update_state s;
    return update_state_load(data, &s) == ERR_OK && s.trial && s.current == place;
}

struct trial {
    const char *data;
    enum update_place place;
};

/* Asked when the time of the trial is over. */
static bool is_confirmed(void *arg)
{
    const struct trial *t = arg;
    return !same_trial(t->data, t->place);
}

static bool leave(const char *data, struct update_state *s, enum update_last why)
{
    char version[UPDATE_VERSION_TEXT];
    update_leave(s, why, update_place_good(data, s, s->former), wall_now());
    update_version_text(s->left, version);
    log_event(LOG_UPDATE_LEFT, LOG_S("version", version), LOG_S("why", LAST_NAMES[why]),
              LOG_S("next", PLACE_NAMES[s->current]));
    enum err e = update_state_store(data, s);
    if (e != ERR_OK)
        log_event(LOG_UPDATE_STATE, LOG_E("error", e));
    return e == ERR_OK;
}

/* True: the program of the slot was run and *code is its end; false: look at the state again, or,
 * if the start could not even be counted, *lost. */
static bool try_out(const struct update_start *st, struct update_state *s, const char *path,
                    bool *lost, int *code)
{
    struct trial t = {st->data, s->current};
    struct launch_watch watch = {
        .limit_ms = s->trial_s * INT64_C(1000), .stay = is_confirmed, .arg = &t};
    struct launch_end end;
    char version[UPDATE_VERSION_TEXT];
    s->starts++;
    if (s->starts > 1)
        launch_pause(PAUSE_MS);
    enum err e = update_state_store(st->data, s);
    update_version_text(update_slot_of(s, s->current)->version, version);
    log_event(LOG_UPDATE_TRIAL, LOG_S("version", version), LOG_I("start", s->starts),
              LOG_S("slot", PLACE_NAMES[s->current]));
    launch_note(WATCHED, "1");
    if (e == ERR_OK)
        e = launch_watch(path, st->argv, &watch, &end);
    launch_note(WATCHED, "");
    *lost = e != ERR_OK;
    if (*lost) {
        log_event(LOG_UPDATE_STATE, LOG_E("error", e));
        return false;
    }
    *code = end.code;
    if (end.stopped || (end.code != AGAIN && !same_trial(st->data, t.place)))
        return true;
    if (end.late)
        *lost = !leave(st->data, s, UPDATE_LAST_TIME);
    return false;
}

/* One look at the state. False: the program as installed is the one; true: look again, or *ended.
 */
static bool look(const struct update_start *st, bool *ended, int *code)
{
    struct update_state s;
    enum update_last why;
    char path[PATH_MAX];
    bool lost = false;
    enum err e = update_state_load(st->data, &s);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_event(LOG_UPDATE_STATE, LOG_E("error", e));
    if (e != ERR_OK || s.current == UPDATE_INSTALLED)
        return false;
    struct update_facts facts = {
        .current_good = update_place_good(st->data, &s, s.current),
        .installed_same = update_version_compare(s.installed, st->own->release.version) == 0};
    enum update_step step = update_start_step(&s, &facts, &why);
    if (step == UPDATE_BACK)
        return leave(st->data, &s, why);
    if (update_slot_path(st->data, s.current, path, sizeof path) != ERR_OK)
        return false;
    launch_note(NOTE, PLACE_NAMES[s.current]);
    if (step == UPDATE_TRY) {
        *ended = try_out(st, &s, path, &lost, code);
        return !lost;
    }
    e = launch_become(path, st->argv);
    log_event(LOG_UPDATE_STATE, LOG_E("error", e));
    return false;
}

bool update_start(const struct update_start *st, enum update_place *place, int *code)
{
    const char *note = getenv(NOTE);
    char own[PATH_MAX];
    bool ended = false;
    *place = UPDATE_INSTALLED;
    if (note != NULL && strcmp(note, PLACE_NAMES[UPDATE_SLOT_A]) == 0)
        *place = UPDATE_SLOT_A;
    if (note != NULL && strcmp(note, PLACE_NAMES[UPDATE_SLOT_B]) == 0)
        *place = UPDATE_SLOT_B;
    if (*place != UPDATE_INSTALLED)
        return false;
    if (launch_own_path(own, sizeof own) == ERR_OK)
        launch_note(INSTALLED, own);
    while (!ended && look(st, &ended, code))
        ;
    return ended;
}

/* ---- a trial from within -------------------------------------------------------------------- */

static bool all_polled(const struct program *p)
{
    struct gateway_line_look l;
    uint64_t answered = 0;
    size_t meters = 0;
    for (size_t i = 0; gateway_line_look(p->gateway, io_mono(p->io), i, &l); i++) {
        if (l.meters > 0 && (!l.up || l.stats->exchanges < l.meters))
            return false;
        answered += l.stats->answered;
        meters += l.meters;
    }
    return meters == 0 || answered > 0;
}

static void confirm(struct program *p)
{
    struct update_watch *u = &p->update;
    char version[UPDATE_VERSION_TEXT];
    if (!same_trial(u->data, u->place)) { /* taken back by hand meanwhile */
        u->state.trial = false;
        return;
    }
    u->state.trial = false;
    u->state.starts = 0;
    u->state.last = UPDATE_LAST_CONFIRMED;
    u->state.changed = io_wall_real(p->io);
    enum err e = update_state_store(u->data, &u->state);
    if (e != ERR_OK) { /* a full disk, perhaps: again at the next look */
        u->state.trial = true;
        log_event(LOG_UPDATE_STATE, LOG_E("error", e));
        return;
    }
    update_version_text(gateway_own()->release.version, version);
    log_event(LOG_UPDATE_CONFIRMED, LOG_S("version", version));
    update_program_text(gateway_own(), &u->state, u->place, u->text, sizeof u->text);
    gateway_program_say(p->gateway, u->text);
}

static void look_at_trial(struct program *p)
{
    struct update_watch *u = &p->update;
    struct gateway_status g;
    gateway_status_get(p->gateway, &g);
    int64_t age_ms = io_mono_real(p->io).ms - u->began.ms;
    struct update_look seen = {.welcomed = g.welcomed,
                               .refused = p->link.refused,
                               .polled = all_polled(p),
                               .half = age_ms >= u->state.trial_s * INT64_C(500)};
    if (update_confirmed(&seen))
        confirm(p);
}

/* Applied or taken back meanwhile. Compared with what stood there at the start, not with what runs:
 * a start that could not follow the record must not be repeated for ever. */
static bool another_is_wanted(const struct update_watch *u)
{
    struct update_state s;
    return update_state_load(u->data, &s) == ERR_OK && s.current != u->state.current;
}

/* Not in the middle of an order, if that ends within reason. */
static bool may_end(struct program *p)
{
    struct update_watch *u = &p->update;
    mono_ms now = io_mono_real(p->io);
    if (u->wanted.ms == 0)
        u->wanted = now;
    return gateway_quiesce(p->gateway, true) || mono_due(mono_after(u->wanted, PATIENCE_MS), now);
}

static void on_look(void *arg)
{
    struct program *p = arg;
    struct update_watch *u = &p->update;
    bool busy = p->fetch.job.kind != UPDATE_JOB_NONE; /* it says first what it has done */
    bool another = !busy && another_is_wanted(u);
    if (another && may_end(p)) {
        u->again = true;
        io_stop(p->io);
        return;
    }
    if (u->state.trial)
        look_at_trial(p);
    if (!another && u->wanted.ms != 0) { /* it was taken back meanwhile: orders go on */
        u->wanted.ms = 0;
        (void)gateway_quiesce(p->gateway, false);
    }
    bool soon = another || u->state.trial;
    io_timer_set_real(&u->look, mono_after(io_mono_real(p->io), soon ? LOOK_MS : FOLLOW_MS));
}

int update_again(char **argv)
{
    const char *watched = getenv(WATCHED), *installed = getenv(INSTALLED);
    if (watched != NULL && strcmp(watched, "1") == 0)
        return AGAIN;
    launch_note(NOTE, "");
    enum err e = installed != NULL ? launch_become(installed, argv) : ERR_IO_FILE;
    log_event(LOG_UPDATE_STATE, LOG_E("error", e));
    return 1; /* whoever started us does it again */
}

void update_watch_read(struct update_watch *u, const char *data)
{
    u->data = data;
    if (update_state_load(data, &u->state) != ERR_OK)
        u->state = (struct update_state){0};
    update_program_text(gateway_own(), &u->state, u->place, u->text, sizeof u->text);
}

void update_watch_open(struct program *p)
{
    struct update_watch *u = &p->update;
    u->began = io_mono_real(p->io);
    io_timer_init(&u->look, p->io, on_look, p);
    u->state.trial &= u->state.current == u->place;
    io_timer_set_real(&u->look, mono_after(u->began, LOOK_MS));
}
