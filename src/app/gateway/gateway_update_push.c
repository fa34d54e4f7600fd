/* An update that the platform pushes: its record beside the slots', and what follows from both. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_update.h"
#include "base/must.h"

#define FORMAT 1

static const uint8_t MAGIC[8] = {'Y', 'U', 'F', 'U', 'P', 'U', 'S', 'H'};

void update_push_encode(const struct update_push *p, uint8_t out[UPDATE_PUSH_SIZE])
{
    struct writer w = writer_of(out, UPDATE_PUSH_SIZE);
    const struct uplink_update *u = &p->wish;
    writer_put(&w, MAGIC, sizeof MAGIC);
    writer_u16be(&w, FORMAT);
    writer_u8(&w, (uint8_t)p->stage);
    writer_u8(&w, p->again ? 1 : 0);
    writer_u64be(&w, (uint64_t)u->id);
    writer_u32be(&w, (uint32_t)u->size);
    writer_put(&w, u->sha256, sizeof u->sha256);
    writer_u16be(&w, (uint16_t)u->trial_s);
    writer_u16be(&w, (uint16_t)u->from_minute);
    writer_u16be(&w, (uint16_t)u->until_minute);
    writer_u8(&w, u->downgrade ? 1 : 0);
    writer_put(&w, (const uint8_t *)p->error, sizeof p->error);
    writer_u32be(&w, crc32c(out, w.len));
    MUST(w.err == ERR_OK && w.len == UPDATE_PUSH_SIZE);
}

enum err update_push_decode(struct bytes data, struct update_push *out)
{
    struct reader r = reader_of(data.data, data.len);
    *out = (struct update_push){.stage = UPLINK_UPDATE_NONE};
    if (data.len != UPDATE_PUSH_SIZE ||
        memcmp(reader_take(&r, sizeof MAGIC).data, MAGIC, sizeof MAGIC) != 0 ||
        reader_u16be(&r) != FORMAT)
        return ERR_UPDATE_STATE;
    struct update_push p = {.stage = (enum uplink_update_stage)reader_u8(&r)};
    struct uplink_update *u = &p.wish;
    uint8_t again = reader_u8(&r);
    p.again = again == 1;
    u->id = (int64_t)reader_u64be(&r);
    u->size = reader_u32be(&r);
    u->sha256_len = sizeof u->sha256;
    memcpy(u->sha256, reader_take(&r, sizeof u->sha256).data, sizeof u->sha256);
    u->trial_s = reader_u16be(&r);
    u->from_minute = reader_u16be(&r);
    u->until_minute = reader_u16be(&r);
    uint8_t downgrade = reader_u8(&r);
    u->downgrade = downgrade == 1;
    memcpy(p.error, reader_take(&r, sizeof p.error).data, sizeof p.error);
    uint32_t sum = crc32c(data.data, r.at);
    if (reader_u32be(&r) != sum || p.stage < UPLINK_UPDATE_NONE ||
        p.stage > UPLINK_UPDATE_WITHDRAWN || again > 1 || downgrade > 1 ||
        p.error[sizeof p.error - 1] != '\0' || update_push_judge(u) != ERR_OK)
        return ERR_UPDATE_STATE;
    *out = p;
    return ERR_OK;
}

enum err update_push_judge(const struct uplink_update *u)
{
    if (u->size > UPLINK_UPDATE_MAX)
        return ERR_UPDATE_SIZE;
    if (u->id <= 0 || u->size <= UPDATE_HEADER || u->sha256_len != sizeof u->sha256)
        return ERR_UPDATE_FILE;
    bool good = u->trial_s >= UPDATE_TRIAL_MIN_S && u->trial_s <= UPDATE_TRIAL_MAX_S &&
                u->from_minute >= 0 && u->from_minute < UPDATE_DAY && u->until_minute >= 0 &&
                u->until_minute < UPDATE_DAY;
    return good ? ERR_OK : ERR_RANGE;
}

bool update_push_now(const struct uplink_update *u, int64_t minute)
{
    if (u->from_minute == u->until_minute)
        return true;
    if (u->from_minute < u->until_minute)
        return minute >= u->from_minute && minute < u->until_minute;
    return minute >= u->from_minute || minute < u->until_minute; /* over midnight */
}

void update_push_words(int64_t id, char out[UPDATE_WORDS_MAX])
{
    snprintf(out, UPDATE_WORDS_MAX, "push %" PRId64, id);
}

void update_push_fail(struct update_push *p, enum err why)
{
    p->stage = UPLINK_UPDATE_FAILED;
    memset(p->error, 0, sizeof p->error);
    snprintf(p->error, sizeof p->error, "%s", err_name(why));
}

bool update_push_look(struct update_push *p, const struct update_state *s)
{
    static const enum err WHY[UPDATE_LASTS] = {
        [UPDATE_LAST_STARTS] = ERR_UPDATE_STARTS,   [UPDATE_LAST_TIME] = ERR_UPDATE_TIME,
        [UPDATE_LAST_BROKEN] = ERR_UPDATE_BROKEN,   [UPDATE_LAST_HAND] = ERR_UPDATE_BACK,
        [UPDATE_LAST_PACKAGE] = ERR_UPDATE_PACKAGE,
    };
    char words[UPDATE_WORDS_MAX];
    enum uplink_update_stage before = p->stage;
    if (p->stage != UPLINK_UPDATE_READY && p->stage != UPLINK_UPDATE_TRIAL)
        return false;
    update_push_words(p->wish.id, words);
    bool ours = strcmp(words, s->words) == 0;
    if (ours && WHY[s->last] != ERR_OK)
        update_push_fail(p, WHY[s->last]);
    else if (ours && s->last == UPDATE_LAST_CONFIRMED)
        p->stage = UPLINK_UPDATE_CONFIRMED;
    else if (ours)
        p->stage = UPLINK_UPDATE_TRIAL;
    else if (p->stage == UPLINK_UPDATE_TRIAL) /* the slots' record was lost, or is another's */
        update_push_fail(p, ERR_UPDATE_STATE);
    return p->stage != before;
}
