/*
 * Update of the gateway's own program: signed, tried out, and taken back by itself. File format:
 * docs/formats/update.md; why it is so: docs/decisions/0033-gateway-update.md.
 *
 *   uplink/update_file.h     the update file: header, release, machine; pure
 *   gateway_update_slots.c   the slots' state, and what is decided from it; pure
 *   gateway_update_apply.c   files of the data folder: make, check, apply, back
 *   gateway_update_start.c   which program runs, and when a trial is over
 *   gateway_update_push.c    an update that the platform pushes: its record, and decisions; pure
 *   gateway_update_fetch.c   fetches it over the uplink, and applies it when it may
 *   gateway_update_main.c    the commands
 *
 * A program stands in one of three places: as installed (a package's file, always there, and the
 * one that is started), or in slot a or b below the data folder.
 */
#ifndef YUFU_APP_GATEWAY_UPDATE_H
#define YUFU_APP_GATEWAY_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "uplink/message.h"
#include "uplink/update_file.h"

/* ---- slots ---------------------------------------------------------------------------------- */

enum update_place { UPDATE_INSTALLED, UPDATE_SLOT_A, UPDATE_SLOT_B, UPDATE_PLACES };

enum update_last {
    UPDATE_LAST_NONE,
    UPDATE_LAST_APPLIED,
    UPDATE_LAST_CONFIRMED,
    UPDATE_LAST_STARTS,  /* left: it ended by itself too often */
    UPDATE_LAST_TIME,    /* left: not confirmed in time */
    UPDATE_LAST_BROKEN,  /* left: its file is not what it was, or cannot be run */
    UPDATE_LAST_HAND,    /* left: `update back` */
    UPDATE_LAST_PACKAGE, /* left: another version was installed */
    UPDATE_LASTS
};

#define UPDATE_STARTS 3
#define UPDATE_TRIAL_S 600
#define UPDATE_TRIAL_MIN_S 10
#define UPDATE_TRIAL_MAX_S 3600
#define UPDATE_WORDS_MAX 64

struct update_slot {
    struct update_version version;
    uint32_t size; /* 0: the slot is empty */
    uint8_t sha256[SIGN_SHA256];
};

struct update_state {
    enum update_place current, former; /* differ, unless both are UPDATE_INSTALLED */
    bool trial;                        /* of current, which is a slot then */
    uint8_t starts;                    /* of the trial */
    uint16_t trial_s;
    enum update_last last;
    struct update_version left;      /* the version that `last` speaks of, if it was left */
    struct update_version installed; /* when it was applied: with another one all slots are old */
    wall_s changed;
    char words[UPDATE_WORDS_MAX]; /* why an older version was wanted */
    struct update_slot slots[2];
};

#define UPDATE_STATE_SIZE 190
[[nodiscard]] enum err update_state_decode(struct bytes data, struct update_state *out);
void update_state_encode(const struct update_state *s, uint8_t out[UPDATE_STATE_SIZE]);

/* NULL: empty, or as installed. */
const struct update_slot *update_slot_of(const struct update_state *s, enum update_place place);

/* What a start does. RUN: current; TRY: current, counted and watched; BACK: give it up (`why`), and
 * look again. */
enum update_step { UPDATE_RUN, UPDATE_TRY, UPDATE_BACK };
struct update_facts {
    bool current_good;   /* update_place_good */
    bool installed_same; /* what is installed is what was when the slot was applied */
};
enum update_step update_start_step(const struct update_state *s, const struct update_facts *facts,
                                   enum update_last *why);
/* Current is given up for former, or for what is installed if that is not good. */
void update_leave(struct update_state *s, enum update_last why, bool former_good, wall_s now);

/* Is a trial good? Asked again and again. */
struct update_look {
    bool welcomed; /* by the platform */
    bool refused;  /* the last connection failed for a reason that is not the network's */
    bool polled;   /* each line has asked each of its meters, and one answered */
    bool half;     /* half of the trial's time is over */
};
bool update_confirmed(const struct update_look *look);

/* What the platform and the status page are told: "yufu-gateway 0.2.0 (trial)". */
void update_program_text(const struct update_own *own, const struct update_state *s,
                         enum update_place place, char *out, size_t cap);

/* ---- pushed by the platform ------------------------------------------------------------------ */

#define UPDATE_DAY 1440 /* minutes */

/* The last wish, whatever became of it. Beside the slots' record, not in the database: a version
 * that is tried out must find it there, and so must the one that comes back. */
struct update_push {
    enum uplink_update_stage stage; /* NONE: there was none */
    struct uplink_update wish;
    bool again;     /* the file was wrong once, and is fetched a second time */
    char error[48]; /* FAILED: err_name */
};

#define UPDATE_PUSH_SIZE 115
/* ERR_UPDATE_STATE; *out says NONE then. */
[[nodiscard]] enum err update_push_decode(struct bytes data, struct update_push *out);
void update_push_encode(const struct update_push *p, uint8_t out[UPDATE_PUSH_SIZE]);

/* What may be wished. ERR_UPDATE_SIZE, ERR_UPDATE_FILE, ERR_RANGE. */
[[nodiscard]] enum err update_push_judge(const struct uplink_update *u);
/* May it be applied in this minute of the site's day? */
bool update_push_now(const struct uplink_update *u, int64_t minute);
/* By these words the slots' record names the wish: "push 17". */
void update_push_words(int64_t id, char out[UPDATE_WORDS_MAX]);
void update_push_fail(struct update_push *p, enum err why);
/* What the slots' record says of it. True: its stage changed. */
bool update_push_look(struct update_push *p, const struct update_state *s);

/* ---- files ---------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND: nothing was ever applied; ERR_UPDATE_STATE: the file is damaged. */
[[nodiscard]] enum err update_state_load(const char *data, struct update_state *out);
[[nodiscard]] enum err update_state_store(const char *data, const struct update_state *s);
/* None, or a damaged one: NONE. */
void update_push_load(const char *data, struct update_push *out);
[[nodiscard]] enum err update_push_store(const char *data, const struct update_push *p);
/* DATA/program/fetch, what has come of the pushed file. */
[[nodiscard]] enum err update_fetch_path(const char *data, char *out, size_t cap);
/* Room for that file and for the slot that it goes to. ERR_UPDATE_SPACE. */
[[nodiscard]] enum err update_fetch_space(const char *data, int64_t size);
/* DATA/program/a */
[[nodiscard]] enum err update_slot_path(const char *data, enum update_place place, char *out,
                                        size_t cap);
/* As installed: always. Of a slot: its file is what was applied, and may be run. */
bool update_place_good(const char *data, const struct update_state *s, enum update_place place);

/* From the file of the running program, and what it says of itself. */
[[nodiscard]] enum err update_own_machine(char out[UPDATE_MACHINE_MAX]);

struct update_pack {
    const char *program, *key, *output; /* files */
    struct update_version minimum;
};
[[nodiscard]] enum err update_pack(const struct update_pack *p, struct update_header *out);

/* Reads and verifies a whole update file; `file` is for io_file_free. ERR_SIGN_..., ERR_UPDATE_...,
 * ERR_TRUNCATED, ERR_NOT_FOUND, ERR_IO_FILE. */
[[nodiscard]] enum err update_check(const char *path, const char *keys, struct bytes *file,
                                    struct update_header *out);

struct update_apply {
    const char *data, *path, *keys;
    const char *downgrade; /* why; NULL: newer ones only */
    const char *words;     /* for the record; NULL: why */
    uint16_t trial_s;
    wall_s now;
    const struct update_own *own;
};
/* Verifies before anything is written. A cut of power at any instant leaves the program of before
 * or the trial of the new one. ERR_UPDATE_TRIAL: one is under way; ERR_UPDATE_SPACE;
 * ERR_UPDATE_RUN. */
[[nodiscard]] enum err update_apply(const struct update_apply *a, struct update_header *out);
/* From the next start on. ERR_STATE: what is installed runs already. */
[[nodiscard]] enum err update_back(const char *data, wall_s now, struct update_state *out);

/* ---- start ---------------------------------------------------------------------------------- */

/* Runs the program of the chosen slot. True: it was run and has ended; *code is how. False: this
 * program is the one, in *place. */
struct update_start {
    const char *data;
    char **argv;
    const struct update_own *own;
};
bool update_start(const struct update_start *s, enum update_place *place, int *code);

const char *update_place_name(enum update_place place); /* "installed", "a", "b" */
const char *update_last_name(enum update_last last);    /* "confirmed", "starts" ... */

/* The program that is compiled here; gateway_main.c. */
const struct update_own *gateway_own(void);
int gateway_update_main(int argc, char **argv);

#endif
