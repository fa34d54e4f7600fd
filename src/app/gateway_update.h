/*
 * Update of the gateway's own program: signed, tried out, and taken back by itself. File format:
 * docs/formats/update.md; why it is so: docs/decisions/0033-gateway-update.md.
 *
 *   gateway_update_file.c    the update file: header, release, machine; pure
 *   gateway_update_slots.c   the slots' state, and what is decided from it; pure
 *   gateway_update_apply.c   files of the data folder: make, check, apply, back
 *   gateway_update_start.c   which program runs, and when a trial is over
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
#include "io/sign.h"

/* ---- the file ------------------------------------------------------------------------------- */

#define UPDATE_NAME_MAX 24
#define UPDATE_MACHINE_MAX 16
#define UPDATE_SIGNED 128                         /* of the header, what the signature covers */
#define UPDATE_HEADER (UPDATE_SIGNED + SIGN_SIZE) /* then the program */
#define UPDATE_PROGRAM_MAX INT64_C(67'108'864)
#define UPDATE_VERSION_TEXT 24

struct update_version {
    uint16_t part[3]; /* 0.2.0 */
};

/* What a program says of itself, by a text within its file. */
struct update_release {
    char program[UPDATE_NAME_MAX]; /* "yufu-gateway" */
    struct update_version version;
    uint16_t store; /* number of its database's schema */
};

struct update_header {
    struct update_release release;
    struct update_version minimum;    /* may be applied from this version on */
    char machine[UPDATE_MACHINE_MAX]; /* "x86_64", "aarch64", "arm" */
    uint64_t size;                    /* of the program, bytes */
    uint8_t sha256[SIGN_SHA256];
    struct signature signature;
};

/* Exactly one encoding of each header; `data` may be longer. ERR_TRUNCATED, ERR_UPDATE_FILE. The
 * signature is not looked at. */
[[nodiscard]] enum err update_header_decode(struct bytes data, struct update_header *out);
void update_header_encode(const struct update_header *h, uint8_t out[UPDATE_HEADER]);

/* "A.B.C", each 0 .. 65535, without leading zeros. ERR_SYNTAX. */
[[nodiscard]] enum err update_version_parse(const char *text, struct update_version *out);
void update_version_text(struct update_version v, char out[UPDATE_VERSION_TEXT]);
int update_version_compare(struct update_version a, struct update_version b); /* <0, 0, >0 */

/* "yufu-gateway 0.1.0 store 1". ERR_SYNTAX. */
[[nodiscard]] enum err update_release_parse(const char *text, struct update_release *out);
/* The release that stands in a program's file behind UPDATE_MARK. ERR_UPDATE_PROGRAM: none, or
 * several that differ. */
#define UPDATE_MARK "YUFU-PROGRAM "
[[nodiscard]] enum err update_release_find(struct bytes program, struct update_release *out);
/* The processor of an ELF file. ERR_UPDATE_MACHINE: none of ours. */
[[nodiscard]] enum err update_machine_find(struct bytes program, char out[UPDATE_MACHINE_MAX]);

struct update_own {
    struct update_release release; /* of the program that runs */
    char machine[UPDATE_MACHINE_MAX];
};

/* May this (verified) header be applied? ERR_UPDATE_PROGRAM, ERR_UPDATE_MACHINE, ERR_UPDATE_STORE,
 * ERR_UPDATE_FROM, ERR_UPDATE_OLD unless `downgrade`. */
[[nodiscard]] enum err update_judge(const struct update_header *h, const struct update_own *own,
                                    bool downgrade);

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

/* ---- files ---------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND: nothing was ever applied; ERR_UPDATE_STATE: the file is damaged. */
[[nodiscard]] enum err update_state_load(const char *data, struct update_state *out);
[[nodiscard]] enum err update_state_store(const char *data, const struct update_state *s);
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
