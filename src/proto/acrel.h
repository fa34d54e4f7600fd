/*
 * Acrel's gateway uplink (ANet series), as an independent platform's published code shows it; no
 * text of the maker's is known. docs/protocols/acrel.md says what is evidence and what is a guess.
 *
 *   1F 1F | type 1 | length 4, high byte first | data
 *
 *   AUTH, RESULT   XML in clear
 *   HEARTBEAT      the gateway's; answered with the civil time yyyyMMddHHmmss
 *   DATA           XML under the device's secret (uplink/ has the cipher)
 *   DATA_ZIP       the same, zlib inside of the cipher
 *   DOWNLINK       text PPAAA|hex under the secret: a Modbus RTU frame for meter AAA on port PP
 *   DOWNLINK_ACK   the same, with the meter's answer
 *
 * Freestanding; views point into the caller's bytes.
 */
#ifndef YUFU_PROTO_ACREL_H
#define YUFU_PROTO_ACREL_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/say.h"

#define ACREL_HEAD 7
#define ACREL_DATA_MAX 65'536 /* ours; more is refused */
#define ACREL_TEXT_MAX 64     /* ids, sequences */
#define ACREL_RTU_MAX 260
#define ACREL_PORT_MAX 99

enum acrel_type {
    ACREL_AUTH = 0x01,
    ACREL_HEARTBEAT = 0x02,
    ACREL_DATA = 0x03,
    ACREL_DATA_ZIP = 0x04,
    ACREL_DOWNLINK = 0xF1,
    ACREL_DOWNLINK_ACK = 0xF2,
};

struct acrel_frame {
    uint8_t type;
    struct bytes data;
};

/* One frame that begins at data[0]; *used is its length. ERR_TRUNCATED, ERR_FRAME_UNKNOWN (another
 * beginning or type), ERR_FRAME_LENGTH (beyond ACREL_DATA_MAX). */
[[nodiscard]] enum err acrel_decode(const uint8_t *data, size_t len, struct acrel_frame *frame,
                                    size_t *used);
void acrel_encode(const struct acrel_frame *frame, struct writer *w);
const char *acrel_type_en(uint8_t type);
const char *acrel_type_zh(uint8_t type);

/* --- who it is -------------------------------------------------------------------------------- */

enum acrel_operation {
    ACREL_OP_REQUEST,  /* gateway: let me in */
    ACREL_OP_SEQUENCE, /* platform: prove it with this */
    ACREL_OP_MD5,      /* gateway: md5 of secret and sequence, in hexadecimal digits */
    ACREL_OP_RESULT,   /* platform: pass, fail */
    ACREL_OPERATIONS
};

struct acrel_auth {
    enum acrel_operation operation;
    struct bytes gateway_id, building_id; /* as written in the XML; building_id may be empty */
    struct bytes value;                   /* sequence, md5 or result; empty in a request */
};

/* ERR_SYNTAX. */
[[nodiscard]] enum err acrel_auth_read(struct bytes xml, struct acrel_auth *auth);
/* Texts must not need escaping: ERR_SYNTAX. */
void acrel_auth_write(const struct acrel_auth *auth, struct writer *w);

/* --- what it reports -------------------------------------------------------------------------- */

/* One value of one meter. Bytes as in the XML; an error text means that the value is none. */
struct acrel_value {
    struct bytes meter;    /* PPAAA */
    struct bytes function; /* WPP ... */
    struct bytes value, error;
};
typedef void acrel_value_sink(void *arg, const struct acrel_value *v);

/* ERR_SYNTAX: not such XML; what had been handed on before stays. *time: of the report; empty if
 * it has none. */
[[nodiscard]] enum err acrel_report_read(struct bytes xml, struct bytes *time,
                                         acrel_value_sink *sink, void *arg);

/* PPAAA of exactly five digits. ERR_SYNTAX. */
[[nodiscard]] enum err acrel_meter_id(struct bytes text, unsigned *port, unsigned *address);
/* A decimal text times 10^decimals, further digits cut off. ERR_SYNTAX, ERR_OVERFLOW. */
[[nodiscard]] enum err acrel_decimal(struct bytes text, unsigned decimals, int64_t *out);
/* yyyyMMddHHmmss of the zone. ERR_SYNTAX. */
[[nodiscard]] enum err acrel_time(struct bytes text, int32_t offset_s, wall_s *out);
void acrel_time_write(wall_s t, int32_t offset_s, struct writer *w);

/* --- through it ------------------------------------------------------------------------------- */

/* ERR_RANGE: port; address is that of the Modbus frame. */
void acrel_downlink_write(unsigned port, struct bytes rtu, struct writer *w);
/* rtu: cap ACREL_RTU_MAX. ERR_SYNTAX. */
[[nodiscard]] enum err acrel_downlink_read(struct bytes text, unsigned *port, unsigned *address,
                                           struct writer *rtu);

/* What a frame says without the secret. */
[[nodiscard]] enum err acrel_say(const struct acrel_frame *frame, say_sink *sink, void *arg);

#endif
