#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_update.h"
#include "base/must.h"

#define FORMAT                                                                                     \
    1 /* the program as installed may be older than the one that wrote: never changed              \
       */

static const uint8_t MAGIC[8] = {'Y', 'U', 'F', 'U', 'S', 'L', 'O', 'T'};

const struct update_slot *update_slot_of(const struct update_state *s, enum update_place place)
{
    const struct update_slot *slot =
        place == UPDATE_INSTALLED ? NULL : &s->slots[place - UPDATE_SLOT_A];
    return slot != NULL && slot->size > 0 ? slot : NULL;
}

/* ---- the state's file ----------------------------------------------------------------------- */

void update_state_encode(const struct update_state *s, uint8_t out[UPDATE_STATE_SIZE])
{
    struct writer w = writer_of(out, UPDATE_STATE_SIZE);
    writer_put(&w, MAGIC, sizeof MAGIC);
    writer_u16be(&w, FORMAT);
    writer_u8(&w, (uint8_t)s->current);
    writer_u8(&w, (uint8_t)s->former);
    writer_u8(&w, s->trial);
    writer_u8(&w, s->starts);
    writer_u16be(&w, s->trial_s);
    writer_u16be(&w, (uint16_t)s->last);
    update_version_put(&w, s->left);
    update_version_put(&w, s->installed);
    writer_u64be(&w, (uint64_t)s->changed.s);
    writer_put(&w, (const uint8_t *)s->words, sizeof s->words);
    for (int i = 0; i < 2; i++) {
        update_version_put(&w, s->slots[i].version);
        writer_u32be(&w, s->slots[i].size);
        writer_put(&w, s->slots[i].sha256, sizeof s->slots[i].sha256);
    }
    writer_u32be(&w, crc32c(out, w.len));
    MUST(w.err == ERR_OK && w.len == UPDATE_STATE_SIZE);
}

/* Whatever else a file says cannot have been written by us. */
static bool possible(const struct update_state *s)
{
    return s->current < UPDATE_PLACES && s->former < UPDATE_PLACES && s->last < UPDATE_LASTS &&
           (s->current != s->former || s->current == UPDATE_INSTALLED) &&
           (s->current == UPDATE_INSTALLED || update_slot_of(s, s->current) != NULL) &&
           (s->former == UPDATE_INSTALLED || update_slot_of(s, s->former) != NULL) &&
           !(s->trial && s->current == UPDATE_INSTALLED) && s->words[UPDATE_WORDS_MAX - 1] == '\0';
}

enum err update_state_decode(struct bytes data, struct update_state *out)
{
    struct reader r = reader_of(data.data, data.len);
    if (data.len != UPDATE_STATE_SIZE ||
        memcmp(reader_take(&r, sizeof MAGIC).data, MAGIC, sizeof MAGIC) != 0 ||
        reader_u16be(&r) != FORMAT)
        return ERR_UPDATE_STATE;
    *out = (struct update_state){0};
    out->current = (enum update_place)reader_u8(&r);
    out->former = (enum update_place)reader_u8(&r);
    uint8_t trial = reader_u8(&r);
    out->trial = trial == 1;
    out->starts = reader_u8(&r);
    out->trial_s = reader_u16be(&r);
    out->last = (enum update_last)reader_u16be(&r);
    out->left = update_version_take(&r);
    out->installed = update_version_take(&r);
    out->changed.s = (int64_t)reader_u64be(&r);
    memcpy(out->words, reader_take(&r, sizeof out->words).data, sizeof out->words);
    for (int i = 0; i < 2; i++) {
        out->slots[i].version = update_version_take(&r);
        out->slots[i].size = reader_u32be(&r);
        memcpy(out->slots[i].sha256, reader_take(&r, SIGN_SHA256).data, SIGN_SHA256);
    }
    uint32_t sum = crc32c(data.data, r.at);
    bool good = reader_u32be(&r) == sum && trial <= 1 && possible(out);
    return good && r.err == ERR_OK ? ERR_OK : ERR_UPDATE_STATE;
}

/* ---- decisions ------------------------------------------------------------------------------ */

enum answer { NO, YES, ANY };

static bool fits(enum answer row, bool fact)
{
    return row == ANY || (row == YES) == fact;
}

enum update_step update_start_step(const struct update_state *s, const struct update_facts *facts,
                                   enum update_last *why)
{
    static const struct {
        enum answer slot, same, good, trial, starts_left;
        enum update_step step;
        enum update_last why;
    } rows[] = {
        {NO, ANY, ANY, ANY, ANY, UPDATE_RUN, UPDATE_LAST_NONE},
        {YES, NO, ANY, ANY, ANY, UPDATE_BACK, UPDATE_LAST_PACKAGE},
        {YES, YES, NO, ANY, ANY, UPDATE_BACK, UPDATE_LAST_BROKEN},
        {YES, YES, YES, NO, ANY, UPDATE_RUN, UPDATE_LAST_NONE},
        {YES, YES, YES, YES, YES, UPDATE_TRY, UPDATE_LAST_NONE},
        {YES, YES, YES, YES, NO, UPDATE_BACK, UPDATE_LAST_STARTS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(rows[i].slot, s->current != UPDATE_INSTALLED) &&
            fits(rows[i].same, facts->installed_same) && fits(rows[i].good, facts->current_good) &&
            fits(rows[i].trial, s->trial) && fits(rows[i].starts_left, s->starts < UPDATE_STARTS)) {
            *why = rows[i].why;
            return rows[i].step;
        }
    MUST(!"the table is whole");
    return UPDATE_BACK;
}

void update_leave(struct update_state *s, enum update_last why, bool former_good, wall_s now)
{
    const struct update_slot *slot = update_slot_of(s, s->current);
    s->left = slot != NULL ? slot->version : (struct update_version){0};
    s->current = former_good ? s->former : UPDATE_INSTALLED;
    s->former = UPDATE_INSTALLED;
    s->trial = false;
    s->starts = 0;
    s->last = why;
    s->changed = now;
}

bool update_confirmed(const struct update_look *look)
{
    static const struct {
        enum answer welcomed, refused, polled, half;
        bool good;
    } rows[] = {
        {YES, ANY, ANY, ANY, true},
        {NO, YES, ANY, ANY, false}, /* the platform is there, and this program cannot talk to it */
        {NO, NO, YES, YES, true},   /* the platform is away: that is not the program's fault */
        {NO, NO, NO, ANY, false},
        {NO, NO, YES, NO, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(rows[i].welcomed, look->welcomed) && fits(rows[i].refused, look->refused) &&
            fits(rows[i].polled, look->polled) && fits(rows[i].half, look->half))
            return rows[i].good;
    MUST(!"the table is whole");
    return false;
}

void update_program_text(const struct update_own *own, const struct update_state *s,
                         enum update_place place, char *out, size_t cap)
{
    static const char *const words[UPDATE_LASTS] = {
        [UPDATE_LAST_STARTS] = "failed",
        [UPDATE_LAST_TIME] = "failed",
        [UPDATE_LAST_BROKEN] = "damaged",
        [UPDATE_LAST_HAND] = "taken back",
    };
    char version[UPDATE_VERSION_TEXT], left[UPDATE_VERSION_TEXT];
    update_version_text(own->release.version, version);
    update_version_text(s->left, left);
    if (s->trial && s->current == place)
        snprintf(out, cap, "%s %s (trial)", own->release.program, version);
    else if (words[s->last] != NULL)
        snprintf(out, cap, "%s %s (%s %s)", own->release.program, version, left, words[s->last]);
    else
        snprintf(out, cap, "%s %s", own->release.program, version);
}
