/* The running episode of an account, as it is stored. */
#include <stdio.h>

#include "control/fee_impl.h"
#include "journal/aside.h"

#define NOTICES_MAX 128 /* of one episode; later ones do not change what counts */

enum err fee_episode_load(struct store_tx *tx, int64_t account_id, struct episode *e)
{
    *e = (struct episode){.emergency_episode = -1};
    struct query q = query_open(
        tx,
        "SELECT level, warned_level, noted_level, level_at, notice_at, noted_at, decided_at, "
        "episode, notices, noted, said, due_at, level_fen, limited_at, emergency_at, told_day, "
        "told_today, emergency_episode, emergency_fen, strategy, known_fen, known_seq "
        "FROM fee_state "
        "WHERE account_id = $1",
        "i", account_id);
    if (query_step(&q)) {
        *e = (struct episode){
            .level = (int)query_int(&q, 0),
            .warned_level = (int)query_int(&q, 1),
            .noted_level = (int)query_int(&q, 2),
            .level_at = {query_int(&q, 3)},
            .notice_at = {query_int(&q, 4)},
            .noted_at = {query_int(&q, 5)},
            .decided_at = {query_int(&q, 6)},
            .number = query_int(&q, 7),
            .notices = query_int(&q, 8),
            .noted = query_int(&q, 9),
            .due_at = {query_int(&q, 11)},
            .level_fen = query_int(&q, 12),
            .limited_at = {query_int(&q, 13)},
            .emergency_at = {query_int(&q, 14)},
            .told_day = query_int(&q, 15),
            .told_today = query_int(&q, 16),
            .emergency_episode = query_int(&q, 17),
            .emergency_fen = query_int(&q, 18),
            .known_fen = query_int(&q, 20),
            .known_seq = query_int(&q, 21),
        };
        snprintf(e->said, sizeof e->said, "%s", query_text(&q, 10));
        snprintf(e->strategy, sizeof e->strategy, "%s", query_text(&q, 19));
    }
    return query_end(&q);
}

enum err fee_episode_make(struct store_tx *tx, int64_t account_id)
{
    return store_exec(tx,
                      "INSERT INTO fee_state (account_id) VALUES ($1) "
                      "ON CONFLICT (account_id) DO NOTHING",
                      "i", account_id);
}

enum err fee_episode_save(struct store_tx *tx, int64_t account_id, const struct episode *e)
{
    TRY(fee_episode_make(tx, account_id));
    TRY(store_exec(tx,
                   "UPDATE fee_state SET level = $2, warned_level = $3, noted_level = $4, "
                   "level_at = $5, notice_at = nullif($6, 0), noted_at = nullif($7, 0), "
                   "episode = $8, notices = $9, noted = $10, level_fen = $11 "
                   "WHERE account_id = $1",
                   "iiiiiiiiiii", account_id, (int64_t)e->level, (int64_t)e->warned_level,
                   (int64_t)e->noted_level, e->level_at.s, e->notice_at.s, e->noted_at.s, e->number,
                   e->notices, e->noted, e->level_fen));
    return store_exec(tx,
                      "UPDATE fee_state SET limited_at = nullif($2, 0), told_day = $3, "
                      "told_today = $4, emergency_episode = $5, emergency_at = nullif($6, 0), "
                      "emergency_fen = $7, strategy = $8, known_fen = $9, known_seq = $10 "
                      "WHERE account_id = $1",
                      "iiiiiiitii", account_id, e->limited_at.s, e->told_day, e->told_today,
                      e->emergency_episode, e->emergency_at.s, e->emergency_fen, e->strategy,
                      e->known_fen, e->known_seq);
}

static enum err notice_channels(struct store_tx *tx, int64_t account_id, int64_t episode,
                                uint32_t *channels)
{
    struct query q = query_open(tx,
                                "SELECT DISTINCT channel FROM fee_notice "
                                "WHERE account_id = $1 AND episode = $2",
                                "ii", account_id, episode);
    *channels = 0;
    while (query_step(&q)) {
        enum strategy_channel c = strategy_channel_of(query_text(&q, 0));
        *channels |= c < STRATEGY_CHANNEL_COUNT ? STRATEGY_CHANNEL_BIT(c) : 0;
    }
    return query_end(&q);
}

/* One notice that went over several channels is one notice, delivered when the first had it. */
enum err fee_notices_count(struct store_tx *tx, int64_t account_id, struct episode *e,
                           const struct strategy_policy *policy, uint32_t *channels)
{
    wall_s at[NOTICES_MAX];
    size_t count = 0;
    *channels = 0;
    if (e->noted == 0)
        return ERR_OK; /* nothing was written in this episode */
    struct query q = query_open(tx,
                                "SELECT min(at) FROM fee_notice WHERE account_id = $1 "
                                "AND episode = $2 GROUP BY level, subject ORDER BY 1",
                                "ii", account_id, e->number);
    while (count < NOTICES_MAX && query_step(&q))
        at[count++] = (wall_s){query_int(&q, 0)};
    TRY(query_end(&q));
    e->notices = strategy_notices_counted(at, count, policy->notice_spacing_s, &e->notice_at);
    return notice_channels(tx, account_id, e->number, channels);
}

enum err control_clock_right(struct store_tx *tx, wall_s now)
{
    TRY(store_exec(tx, "DELETE FROM fee_notice WHERE at > $1", "i", now.s));
    TRY(store_exec(tx, "UPDATE fee_watch SET next_at = $1 WHERE rated_at > $1", "i", now.s));
    TRY(store_exec(tx, "UPDATE aside SET again_at = $1 WHERE again_at > $2", "ii", now.s,
                   now.s + ASIDE_AGAIN_S));
    return store_exec(tx,
                      "UPDATE fee_state SET level_at = min(level_at, $1), "
                      "notice_at = min(notice_at, $1), noted_at = min(noted_at, $1), "
                      "decided_at = $1, due_at = $1 WHERE decided_at > $1",
                      "i", now.s);
}
