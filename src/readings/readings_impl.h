/* Shared by the parts of readings/ only. */
#ifndef YUFU_READINGS_READINGS_IMPL_H
#define YUFU_READINGS_READINGS_IMPL_H

#include "readings/block.h"
#include "readings/readings.h"

#define DAY_S 86'400
#define READINGS_REACH_DAYS 40 /* how far back a look-up goes through sealed days */

/* --- points ----------------------------------------------------------------------------------- */

#define POINT_SLOTS 23
#define SLOT_ENERGY 0 /* slots 0..4: the registers a charge is made from */
#define SLOT_BALANCE 8
#define SLOT_COUNT 9
#define SLOT_PURCHASED 10

struct point_rule {
    enum meter_point point;
    bool rises;      /* a register: never falls silently */
    bool energy;     /* plausible by power, rolls over at full scale */
    bool stored;     /* kept in blocks */
    unsigned change; /* enum readings_change when it differs */
    int64_t min, max;
};
extern const struct point_rule point_rules[POINT_SLOTS];
/* -1: not known. */
int point_slot(int64_t point);

/* Points whose newest value is of interest, but not their course: temperatures, flow, valve,
 * battery, phases B and C. Meters without any of them, which are most, pay a pointer. */
#define SIDE_POINTS 20
struct side {
    bool present;
    int64_t at, value;
};
int side_slot(int64_t point); /* -1: not one of them */

/* --- samples of the open day ------------------------------------------------------------------ */

struct sample {
    int64_t at;
    int64_t value;
    int64_t epoch;
    enum block_began began; /* of the run that starts here; BLOCK_GOES_ON otherwise */
};

/* Samples of one point in order of arrival, as varints of differences: about three bytes each. */
struct column {
    uint8_t *bytes;
    size_t len, cap;
    size_t count;
    struct sample last;
};

/* A plain list, ascending in time once sorted. */
struct track {
    struct sample *list;
    size_t count, cap;
};
[[nodiscard]] enum err track_add(struct track *t, const struct sample *s);
/* By time, equal times in order of arrival. */
[[nodiscard]] enum err track_sort(struct track *t);
void track_free(struct track *t);

[[nodiscard]] enum err column_add(struct column *c, const struct sample *s);
[[nodiscard]] enum err column_read(const struct column *c, struct track *t);
void column_clear(struct column *c);

/* --- meters ----------------------------------------------------------------------------------- */

/* A value that was not taken: a fall that waits for a second opinion, or a jump. */
struct doubt {
    bool fallen;
    int64_t at, value;
    int64_t told_at; /* when it was last recorded: not at every poll */
};

struct meter {
    int64_t id, epoch;
    int64_t newest;     /* time of the newest good value, INT64_MIN: none */
    int64_t oldest;     /* of the open samples, INT64_MAX: none */
    int64_t broke;      /* when a register of energy last began anew, INT64_MIN: not known */
    uint32_t present;   /* bit a slot */
    uint32_t exchanged; /* known before the present epoch, and not told since */
    uint32_t dirty;     /* changed by the batch that is being taken */
    int64_t at[POINT_SLOTS], value[POINT_SLOTS];
    struct column *columns; /* POINT_SLOTS of them, when there are open samples */
    struct side *sides;     /* SIDE_POINTS of them, when there ever was one */
    struct doubt *doubts;   /* POINT_SLOTS of them, when there ever was one */
    struct readings_place place;
};

struct note { /* one reading_event to be */
    int64_t meter_id, at, point, old, new;
    enum readings_verdict verdict;
};

#define NOTES_MAX (UPLINK_READINGS_MAX * (UPLINK_POINTS_MAX * 2 + 2))

struct readings {
    struct meter **list; /* in order of appearance */
    size_t count, cap;
    uint32_t *map;  /* open addressing: index into list plus 1; 0 free */
    size_t map_cap; /* a power of two */
    bool stale;     /* memory may be ahead of the store: load before the next use */
    struct note *notes;
    size_t note_count;
};

struct meter *readings_find(const struct readings *r, int64_t meter_id); /* NULL: unknown */
[[nodiscard]] enum err readings_get(struct readings *r, int64_t meter_id, struct meter **out);
[[nodiscard]] enum err meter_columns(struct meter *m);

/* Runs the checks on one batch and changes memory only; notes are gathered in r. */
struct taking {
    struct readings *r;
    int64_t now;
    struct readings_moved *moved;
};
[[nodiscard]] enum err readings_take(struct taking *t, const struct uplink_reading *reading);

/* --- sealed days ------------------------------------------------------------------------------ */

/* All samples of the wanted slots (bit a slot) with from <= at <= to, sealed and open, sorted:
 * tracks[slot]. Give back with tracks_free. */
struct tracks {
    struct track of[POINT_SLOTS];
};
void tracks_free(struct tracks *t);

[[nodiscard]] enum err block_samples(const struct block *b, uint32_t slots, int64_t from,
                                     int64_t to, struct tracks *out);

static inline int64_t block_key(int64_t meter_id, int64_t day)
{
    return meter_id * 65'536 + day;
}

/* What was used between a sample and the one before it. */
int64_t sample_step(int64_t before, const struct sample *s, int64_t full_scale);

#endif
