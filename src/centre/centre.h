/*
 * Reporting energy upward: the client of a data centre of the building-energy programme
 * (国家机关办公 建筑和大型公共建筑能耗监测), XML over TCP. docs/protocols/energy-xml.md says what
 * is known and what is a guess.
 *
 *   frame   68 68 16 16 | u32 length = 4 + m | u32 serial | m bytes | u16 checksum | 55 AA 55 AA
 *
 * Numbers low byte first; the m bytes are XML, mostly enciphered by AES-128-CBC; the checksum is
 * Modbus's over serial and m bytes.
 *
 *   we: id_validate request     centre: sequence        we: md5(secret, sequence)    centre: result
 *   then data reports, each acknowledged, and heartbeats, answered with the time; a query of the
 *   centre is answered with a reply
 *
 * Without I/O: bytes and `now` go in, bytes and the next wake-up come out. What is sent stays the
 * owner's until it is told by centre_took: nothing is thought of as arrived before.
 */
#ifndef YUFU_CENTRE_CENTRE_H
#define YUFU_CENTRE_CENTRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

#define CENTRE_TEXT_MAX 64
#define CENTRE_XML_MAX (256 * 1024) /* of one message */
#define CENTRE_FRAME_MAX (CENTRE_XML_MAX + 64)
#define CENTRE_OPENING_MS 30'000
#define CENTRE_ANSWER_MS 30'000 /* to a report or a heartbeat; then the session is dead */

enum centre_hidden { CENTRE_HIDES_ALL, CENTRE_HIDES_DATA, CENTRE_HIDES_NOTHING };
enum centre_proof { CENTRE_SECRET_FIRST, CENTRE_SEQUENCE_FIRST };
enum centre_ack {
    CENTRE_ACK_EACH,      /* every report is answered */
    CENTRE_ACK_HEARTBEAT, /* reports are not: one has arrived when a later heartbeat is answered */
};

/* What differs between centres. */
struct centre_profile {
    char building[CENTRE_TEXT_MAX], gateway[CENTRE_TEXT_MAX], secret[CENTRE_TEXT_MAX];
    uint8_t key[16], iv[16];
    enum centre_hidden hides;
    enum centre_proof proof;
    enum centre_ack ack;
    bool checksum_high_first;
    int64_t heartbeat_ms;
};

/* --- frames ----------------------------------------------------------------------------------- */

struct centre_frame {
    uint32_t serial;
    struct bytes body; /* as sent: mostly enciphered; points into the data */
};
void centre_frame_put(const struct centre_profile *p, const struct centre_frame *f,
                      struct writer *w);
/* The first frame. ERR_OK, ERR_TRUNCATED (not whole yet; *used is 0); ERR_CENTRE_FRAME: beginning,
 * length, checksum or end is wrong. */
[[nodiscard]] enum err centre_frame_take(const struct centre_profile *p, struct bytes data,
                                         struct centre_frame *f, size_t *used);

/* AES-128-CBC with PKCS7 padding; out needs in.len + 16 bytes; returns how many were written. */
size_t centre_hide(const struct centre_profile *p, struct bytes in, uint8_t *out);
/* ERR_CENTRE_CIPHER: another key, or cut. out needs in.len bytes. */
[[nodiscard]] enum err centre_unhide(const struct centre_profile *p, struct bytes in, uint8_t *out,
                                     size_t *len);
/* 32 lower-case digits and a zero. */
void centre_proof_text(const struct centre_profile *p, const char *sequence, char out[33]);

/* --- messages --------------------------------------------------------------------------------- */

enum centre_kind {
    CENTRE_SEQUENCE, /* text: what the proof is about */
    CENTRE_RESULT,   /* good; text: the time, if told */
    CENTRE_TIME,     /* answer to a heartbeat; text: YYYYMMDDhhmmss */
    CENTRE_ACK,      /* of a report; text: its sequence, or empty */
    CENTRE_PERIOD,   /* minutes: how often it wants reports */
    CENTRE_QUERY,    /* it wants the newest values now */
    CENTRE_OTHER,
};
struct centre_answer {
    enum centre_kind kind;
    bool good;
    int64_t minutes;
    char text[CENTRE_TEXT_MAX];
};
/* What the centre says. ERR_CENTRE_XML: not well formed, not UTF-8, with a document type, or
 * without the part that its kind needs. */
[[nodiscard]] enum err centre_answer_take(struct bytes xml, struct centre_answer *out);
/* "YYYYMMDDhhmmss". ERR_SYNTAX. */
[[nodiscard]] enum err centre_time_take(const char *text, int32_t offset_s, wall_s *out);

struct centre_value {
    const char *id, *coding, *error; /* of the function */
    int64_t number;                  /* times 10^-decimals */
    uint8_t decimals;
    bool missing; /* nothing was read: the meter is told as not connected */
};
struct centre_meter {
    const char *id;
    const struct centre_value *values;
    size_t count;
};
struct centre_report {
    int64_t sequence;
    wall_s at;
    int32_t offset_s;       /* the centre's civil time */
    bool continuous;        /* what could not be told in its time */
    bool reply;             /* to a query; set by centre_reply */
    int64_t total, current; /* continuous: how many there are, and which one this is, from 1 */
    const struct centre_meter *meters;
    size_t count;
};

/* Builders; ERR_FULL: longer than w. Text is escaped; it must be UTF-8 (MUST). */
[[nodiscard]] enum err centre_xml_request(const struct centre_profile *p, struct writer *w);
[[nodiscard]] enum err centre_xml_proof(const struct centre_profile *p, const char *sequence,
                                        struct writer *w);
[[nodiscard]] enum err centre_xml_heartbeat(const struct centre_profile *p, struct writer *w);
[[nodiscard]] enum err centre_xml_period_ack(const struct centre_profile *p, struct writer *w);
[[nodiscard]] enum err centre_xml_report(const struct centre_profile *p,
                                         const struct centre_report *r, struct writer *w);

/* --- the session ------------------------------------------------------------------------------ */

/* CLOSED --begin--> ASKING --sequence--> PROVING --pass--> OPEN --answer owed--> OPEN; any -> DEAD
 */
enum centre_state { CENTRE_CLOSED, CENTRE_ASKING, CENTRE_PROVING, CENTRE_OPEN, CENTRE_DEAD };

struct centre {
    const struct centre_profile *profile;
    enum centre_state state;
    enum err err;
    uint32_t serial;
    mono_ms limit;             /* an answer is due until then; MONO_NEVER */
    mono_ms beat;              /* next heartbeat */
    bool beating;              /* a heartbeat is not answered yet */
    bool waiting, written_off; /* a report is under way; a heartbeat went out behind it */
    int64_t sequence;          /* of that report */
    int64_t took;              /* it arrived; 0: none to be told */
    int64_t minutes;           /* the centre wants this period; 0: nothing was said */
    bool queried;              /* the centre wants the newest values */
    bool time_told;
    char time[16];
    size_t input_len, output_len;
    uint8_t input[CENTRE_FRAME_MAX], output[2 * CENTRE_FRAME_MAX];
    uint8_t scratch[2][CENTRE_FRAME_MAX];
};

/* A connection is open: the profile must outlive it. */
void centre_begin(struct centre *c, const struct centre_profile *profile, mono_ms now);
/* Bytes from the centre. What is wrong is centre_error; the session is dead then. */
void centre_input(struct centre *c, mono_ms now, struct bytes data);
void centre_tick(struct centre *c, mono_ms now);
mono_ms centre_wake(const struct centre *c);
/* Bytes to send; taken whole. */
struct bytes centre_output(const struct centre *c);
void centre_output_taken(struct centre *c);

bool centre_ready(const struct centre *c); /* open, and no report is under way */
/* ERR_STATE: not ready; ERR_FULL: too long. sequence >= 1. */
[[nodiscard]] enum err centre_send(struct centre *c, mono_ms now, const struct centre_report *r);
int64_t centre_took(struct centre *c);          /* the report that arrived, once; 0: none */
const char *centre_told_time(struct centre *c); /* the centre's clock, once; NULL: no news */
/* Has the centre asked? Several questions before an answer are one. */
bool centre_queried(const struct centre *c);
/* Answers it, also while a report is under way; nobody acknowledges a reply. ERR_STATE: it has not
 * asked, or what was said before has not been taken yet; ERR_FULL: too long. */
[[nodiscard]] enum err centre_reply(struct centre *c, const struct centre_report *r);
int64_t centre_told_minutes(struct centre *c); /* the period it wants, once; 0: no news */
enum err centre_error(const struct centre *c);

#endif
