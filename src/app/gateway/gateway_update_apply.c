#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_update.h"
#include "base/must.h"
#include "io/io.h"
#include "io/launch.h"

#define KEY_FILE_MAX (64 * 1024)
#define SPACE_LEFT (1024 * 1024) /* for the gateway's own database */
#define OWN_FILE "/proc/self/exe"

/* ---- state and slots ------------------------------------------------------------------------ */

static enum err path_of(const char *data, const char *name, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/program%s%s", data, *name ? "/" : "", name);
    return n > 0 && n < PATH_MAX ? ERR_OK : ERR_IO_FILE;
}

enum err update_state_load(const char *data, struct update_state *out)
{
    char path[PATH_MAX];
    struct bytes file;
    TRY(path_of(data, "state", path));
    enum err e = io_file_read(path, UPDATE_STATE_SIZE, &file);
    if (e != ERR_OK)
        return e == ERR_OVERFLOW ? ERR_UPDATE_STATE : e;
    e = update_state_decode(file, out);
    io_file_free(&file);
    return e;
}

enum err update_state_store(const char *data, const struct update_state *s)
{
    char path[PATH_MAX];
    uint8_t file[UPDATE_STATE_SIZE];
    TRY(path_of(data, "state", path));
    update_state_encode(s, file);
    return io_file_write(path, (struct bytes){file, sizeof file}, 0600);
}

void update_push_load(const char *data, struct update_push *out)
{
    char path[PATH_MAX];
    struct bytes file = {0};
    *out = (struct update_push){.stage = UPLINK_UPDATE_NONE};
    if (path_of(data, "push", path) != ERR_OK ||
        io_file_read(path, UPDATE_PUSH_SIZE, &file) != ERR_OK)
        return;
    enum err e = update_push_decode(file, out);
    (void)e; /* damaged: it says NONE */
    io_file_free(&file);
}

enum err update_push_store(const char *data, const struct update_push *p)
{
    char path[PATH_MAX], folder[PATH_MAX];
    uint8_t file[UPDATE_PUSH_SIZE];
    TRY(path_of(data, "", folder));
    TRY(path_of(data, "push", path));
    TRY(io_directory_make(folder));
    update_push_encode(p, file);
    return io_file_write(path, (struct bytes){file, sizeof file}, 0600);
}

enum err update_fetch_path(const char *data, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s/program/fetch", data);
    return n > 0 && (size_t)n < cap ? ERR_OK : ERR_IO_FILE;
}

enum err update_fetch_space(const char *data, int64_t size)
{
    int64_t free_bytes;
    TRY(io_disk_free(data, &free_bytes));
    return free_bytes < 2 * size + SPACE_LEFT ? ERR_UPDATE_SPACE : ERR_OK;
}

enum err update_slot_path(const char *data, enum update_place place, char *out, size_t cap)
{
    MUST(place == UPDATE_SLOT_A || place == UPDATE_SLOT_B);
    int n = snprintf(out, cap, "%s/program/%s", data, place == UPDATE_SLOT_A ? "a" : "b");
    return n > 0 && (size_t)n < cap ? ERR_OK : ERR_IO_FILE;
}

bool update_place_good(const char *data, const struct update_state *s, enum update_place place)
{
    char path[PATH_MAX];
    struct bytes file;
    const struct update_slot *slot = update_slot_of(s, place);
    if (place == UPDATE_INSTALLED)
        return true;
    if (slot == NULL || update_slot_path(data, place, path, sizeof path) != ERR_OK ||
        io_file_read(path, slot->size, &file) != ERR_OK)
        return false;
    bool good = update_is_program(file, slot->size, slot->sha256) && launch_possible(path);
    io_file_free(&file);
    return good;
}

enum err update_own_machine(char out[UPDATE_MACHINE_MAX])
{
    struct bytes file;
    TRY(io_file_read(OWN_FILE, UPDATE_PROGRAM_MAX, &file));
    enum err e = update_machine_find(file, out);
    io_file_free(&file);
    return e;
}

/* ---- making and checking a file ------------------------------------------------------------- */

static enum err fill_header(struct update_header *h, struct bytes program, struct bytes key)
{
    uint8_t encoded[UPDATE_HEADER];
    TRY(update_release_find(program, &h->release));
    TRY(update_machine_find(program, h->machine));
    h->size = program.len;
    sign_sha256(program, h->sha256);
    TRY(sign_key_id(key, h->signature.key_id));
    update_header_encode(h, encoded);
    return sign_make(key, (struct bytes){encoded, UPDATE_SIGNED}, &h->signature);
}

static enum err write_update(const char *path, const struct update_header *h, struct bytes program)
{
    size_t len = UPDATE_HEADER + program.len;
    uint8_t *whole = malloc(len);
    if (whole == NULL)
        return ERR_MEMORY;
    update_header_encode(h, whole);
    memcpy(whole + UPDATE_HEADER, program.data, program.len);
    enum err e = io_file_write(path, (struct bytes){whole, len}, 0644);
    free(whole);
    return e;
}

enum err update_pack(const struct update_pack *p, struct update_header *out)
{
    struct bytes program = {0}, key = {0};
    *out = (struct update_header){.minimum = p->minimum};
    enum err e = io_file_read(p->program, UPDATE_PROGRAM_MAX, &program);
    if (e == ERR_OK)
        e = io_file_read(p->key, KEY_FILE_MAX, &key);
    if (e == ERR_OK)
        e = fill_header(out, program, key);
    if (e == ERR_OK)
        e = write_update(p->output, out, program);
    io_file_free(&program);
    io_file_free(&key);
    return e;
}

enum err update_check(const char *path, const char *keys, struct bytes *file,
                      struct update_header *out)
{
    struct bytes pem;
    TRY(io_file_read(keys, KEY_FILE_MAX, &pem));
    enum err e = io_file_read(path, UPDATE_HEADER + UPDATE_PROGRAM_MAX, file);
    if (e == ERR_OK) {
        e = update_file_check(*file, pem, out);
        if (e != ERR_OK)
            io_file_free(file);
    }
    io_file_free(&pem);
    return e == ERR_OVERFLOW ? ERR_UPDATE_FILE : e;
}

/* ---- applying ------------------------------------------------------------------------------- */

/* Damaged: the program as installed runs, so it counts as none. */
static enum err load_or_new(const char *data, struct update_state *s)
{
    enum err e = update_state_load(data, s);
    if (e != ERR_NOT_FOUND && e != ERR_UPDATE_STATE)
        return e;
    *s = (struct update_state){0};
    return ERR_OK;
}

/* What the next start would do: with another program installed, slots are old. */
static void forget_old(struct update_state *s, const struct update_apply *a)
{
    bool same = update_version_compare(s->installed, a->own->release.version) == 0;
    if (s->current != UPDATE_INSTALLED && !same)
        update_leave(s, UPDATE_LAST_PACKAGE, false, a->now);
}

/* What runs is judged, not what gave the command: that is the program as installed. */
static struct update_own running(const struct update_state *s, const struct update_own *own)
{
    struct update_own r = *own;
    const struct update_slot *slot = update_slot_of(s, s->current);
    if (slot != NULL)
        r.release.version = slot->version;
    return r;
}

static enum err check_space(const char *data, const char *slot, uint64_t size)
{
    int64_t free_bytes;
    struct bytes old = {0};
    TRY(io_disk_free(data, &free_bytes));
    if (io_file_read(slot, UPDATE_PROGRAM_MAX, &old) == ERR_OK)
        free_bytes += (int64_t)old.len;
    io_file_free(&old);
    return free_bytes < (int64_t)size + SPACE_LEFT ? ERR_UPDATE_SPACE : ERR_OK;
}

/* Forgotten before it is gone: no record ever names a file that is not whole. */
static enum err empty_slot(const char *data, struct update_state *s, enum update_place target,
                           const char *path)
{
    s->slots[target - UPDATE_SLOT_A] = (struct update_slot){0};
    if (s->former == target)
        s->former = UPDATE_INSTALLED;
    TRY(update_state_store(data, s));
    return io_file_remove(path);
}

static enum err write_slot(const char *path, struct bytes program)
{
    if (io_file_write(path, program, 0700) != ERR_OK)
        return ERR_UPDATE_SPACE;
    if (launch_possible(path))
        return ERR_OK;
    TRY(io_file_remove(path));
    return ERR_UPDATE_RUN;
}

static void begin_trial(struct update_state *s, const struct update_apply *a,
                        enum update_place target, const struct update_header *h)
{
    struct update_slot *slot = &s->slots[target - UPDATE_SLOT_A];
    *slot = (struct update_slot){.version = h->release.version, .size = (uint32_t)h->size};
    memcpy(slot->sha256, h->sha256, sizeof slot->sha256);
    s->former = s->current;
    s->current = target;
    s->trial = true;
    s->starts = 0;
    s->trial_s = a->trial_s;
    s->last = UPDATE_LAST_APPLIED;
    s->installed = a->own->release.version;
    s->changed = a->now;
    memset(s->words, 0, sizeof s->words);
    snprintf(s->words, sizeof s->words, "%s",
             a->words != NULL       ? a->words
             : a->downgrade != NULL ? a->downgrade
                                    : "");
}

static enum err apply(const struct update_apply *a, const struct update_header *h,
                      struct bytes program)
{
    char path[PATH_MAX], folder[PATH_MAX];
    struct update_state s;
    TRY(load_or_new(a->data, &s));
    forget_old(&s, a);
    if (s.trial)
        return ERR_UPDATE_TRIAL;
    struct update_own own = running(&s, a->own);
    TRY(update_judge(h, &own, a->downgrade != NULL));
    enum update_place target = s.current == UPDATE_SLOT_A ? UPDATE_SLOT_B : UPDATE_SLOT_A;
    TRY(path_of(a->data, "", folder));
    TRY(update_slot_path(a->data, target, path, sizeof path));
    TRY(io_directory_make(folder));
    TRY(check_space(folder, path, h->size));
    TRY(empty_slot(a->data, &s, target, path));
    TRY(write_slot(path, program));
    begin_trial(&s, a, target, h);
    return update_state_store(a->data, &s);
}

enum err update_apply(const struct update_apply *a, struct update_header *out)
{
    struct bytes file;
    TRY(update_check(a->path, a->keys, &file, out));
    struct bytes program = {file.data + UPDATE_HEADER, file.len - UPDATE_HEADER};
    enum err e = apply(a, out, program);
    io_file_free(&file);
    return e;
}

enum err update_back(const char *data, wall_s now, struct update_state *out)
{
    enum err e = update_state_load(data, out);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && out->current == UPDATE_INSTALLED))
        return ERR_STATE;
    TRY(e);
    update_leave(out, UPDATE_LAST_HAND, update_place_good(data, out, out->former), now);
    return update_state_store(data, out);
}
