/*
 * Builders of the master's DL/T 645-2007 frames, and of the meter's answers. They fill a frame;
 * dlt645_encode puts it on the wire.
 */
#ifndef YUFU_PROTO_DLT645_ASK_H
#define YUFU_PROTO_DLT645_ASK_H

#include "base/clock.h"
#include "proto/crypto.h"
#include "proto/dlt645.h"
#include "proto/dlt645_say.h"

/* Password level and password, operator code: what every act carries. */
struct dlt645_rights {
    uint8_t level;       /* PA: 02 programming and control, 04 clearing; 98, 99 signed */
    uint8_t password[3]; /* P0 first */
    uint8_t operator[4]; /* C0 first */
};

/* Where signatures come from; provider NULL means crypto_none. */
struct dlt645_signer {
    const struct crypto_provider *provider;
    const void *key;
    uint8_t random2[4];
};

/* A civil time as 645 writes it: ss mm hh DD MM YY; never: all 99. */
struct dlt645_time {
    uint8_t bcd[6];
};
struct dlt645_time dlt645_time_of(wall_s t, int32_t offset_s);
struct dlt645_time dlt645_time_never(void);
/* ERR_BCD, ERR_RANGE: not a time. */
[[nodiscard]] enum err dlt645_time_to_wall(const uint8_t bcd[6], int32_t offset_s, wall_s *t);

void dlt645_ask_read(struct dlt645_frame *f, const uint8_t address[6], uint32_t id);
/* Load profile: n blocks; with a start time mm hh DD MM YY if `from` is not NULL. */
void dlt645_ask_read_blocks(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                            uint8_t blocks, const struct dlt645_time *from);
void dlt645_ask_more(struct dlt645_frame *f, const uint8_t address[6], uint32_t id,
                     uint8_t sequence);
void dlt645_ask_address(struct dlt645_frame *f);
[[nodiscard]] enum err dlt645_ask_write(struct dlt645_frame *f, const uint8_t address[6],
                                        uint32_t id, const struct dlt645_rights *rights,
                                        struct bytes data);
void dlt645_ask_write_address(struct dlt645_frame *f, const uint8_t address[6]);
/* `plain` leaves the +33H of the data out on the wire, as some meters want it. */
void dlt645_ask_time(struct dlt645_frame *f, const struct dlt645_time *now, bool plain);
/* mm hh DD MM, 99 = every. */
void dlt645_ask_freeze(struct dlt645_frame *f, const uint8_t address[6], const uint8_t when[4]);
/* ERR_RANGE: not a rate of the standard. */
[[nodiscard]] enum err dlt645_ask_rate(struct dlt645_frame *f, const uint8_t address[6],
                                       int32_t baud);
void dlt645_ask_password(struct dlt645_frame *f, const uint8_t address[6], uint8_t level,
                         const uint8_t old_password[4], const uint8_t new_password[4]);
/* CLEAR_DEMAND, CLEAR_METER; or CLEAR_EVENTS with `events` (FFFFFFFF: all). */
void dlt645_ask_clear(struct dlt645_frame *f, const uint8_t address[6],
                      enum dlt645_function function, const struct dlt645_rights *rights,
                      uint32_t events);
/* command: DLT645_TRIP ...; parameter: circuit or duration. */
void dlt645_ask_control(struct dlt645_frame *f, const uint8_t address[6],
                        const struct dlt645_rights *rights, const uint8_t command[2],
                        const struct dlt645_time *expires);
/* The level-98 form of the same: enciphered and signed by s. */
[[nodiscard]] enum err dlt645_ask_control_sealed(struct dlt645_frame *f, const uint8_t address[6],
                                                 const struct dlt645_signer *s,
                                                 const uint8_t command[2],
                                                 const struct dlt645_time *expires);
void dlt645_ask_output(struct dlt645_frame *f, const uint8_t address[6],
                       const struct dlt645_rights *rights, uint8_t output);

/* --- security --------------------------------------------------------------------------------- */

[[nodiscard]] enum err dlt645_ask_authenticate(struct dlt645_frame *f, const uint8_t address[6],
                                               const struct dlt645_signer *s,
                                               const uint8_t random1[8]);
struct dlt645_credit {
    uint32_t amount_fen, count;
    uint8_t customer[6]; /* low digits first */
};
/* id: DLT645_OPEN_ACCOUNT or DLT645_RECHARGE. */
[[nodiscard]] enum err dlt645_ask_credit(struct dlt645_frame *f, const uint8_t address[6],
                                         uint32_t id, const struct dlt645_credit *credit,
                                         const struct dlt645_signer *s);
/* The order-number variant (L = 34): id DLT645_RECHARGE or DLT645_REFUND. */
[[nodiscard]] enum err dlt645_ask_credit_order(struct dlt645_frame *f, const uint8_t address[6],
                                               uint32_t id, uint32_t amount_fen,
                                               const uint8_t order[8]);
[[nodiscard]] enum err dlt645_ask_wallet_init(struct dlt645_frame *f, const uint8_t address[6],
                                              uint32_t preset_fen, const struct dlt645_signer *s);
void dlt645_ask_status(struct dlt645_frame *f, const uint8_t address[6]);

/* --- the meter's side --------------------------------------------------------------------------
 */

/* An answer to `request` with the given data after +33H is taken off; ERR_RANGE above 255 bytes. */
[[nodiscard]] enum err dlt645_answer(struct dlt645_frame *f, const struct dlt645_frame *request,
                                     const uint8_t own_address[6], struct bytes data);
/* A refusal with one or two bytes. */
void dlt645_refuse(struct dlt645_frame *f, const struct dlt645_frame *request,
                   const uint8_t own_address[6], uint16_t bits, bool two_bytes);

/* Does a frame addressed so reach this meter? Wildcards AA in high bytes, broadcast 99. */
bool dlt645_addressed(const uint8_t wanted[6], const uint8_t own_address[6]);

#endif
