/* The parts of the simulated DL/T 645 meter: what it writes down by itself, and what it tells. */
#ifndef YUFU_SIM_VENDOR_DLT645_IMPL_H
#define YUFU_SIM_VENDOR_DLT645_IMPL_H

#include "sim/vendor/vendor.h"

#define VENDOR_ZONE_S 28'800
#define VENDOR_BLOCKS_MAX 32 /* load records of an answer, however many frames it needs */
#define VENDOR_RECORD_MAX 103
#define VENDOR_VOLTAGE_DV 2200

/* The error byte of a refusal; 0: told. */
enum { VENDOR_TOLD = 0x00, VENDOR_OTHER = 0x01, VENDOR_NO_DATA = 0x02, VENDOR_PASSWORD = 0x04 };

struct vendor_told {
    uint8_t b[VENDOR_BLOCKS_MAX * VENDOR_RECORD_MAX];
    size_t len;
};

static inline unsigned vendor_two_digits(uint8_t b)
{
    return b / 16 * 10U + b % 16;
}

void vendor_tell(struct vendor_told *t, uint8_t b);
/* Digits, two a byte, the low ones first. */
void vendor_tell_digits(struct vendor_told *t, uint64_t v, size_t bytes);
void vendor_tell_same(struct vendor_told *t, uint8_t b, size_t count);
void vendor_tell_minute(struct vendor_told *t, uint32_t minute); /* mm hh DD MM YY; 0: zeros */
void vendor_tell_second(struct vendor_told *t, wall_s at);       /* ss in front of those */
void vendor_tell_kwh(struct vendor_told *t, uint32_t dawh);
void vendor_tell_watts(struct vendor_told *t, int64_t power_w); /* 0.0001 kW */

/* dlt645_past.c: up to m->wall. */
void vendor_past_run(struct vendor_meter *m);
uint8_t vendor_tell_loads(struct vendor_told *t, const struct vendor_meter *m);
/* Classes 00, 01: energies and demands at the settlement `back` ago, 0 now; those it has not seen
 * are zeros. */
struct vendor_frozen vendor_settled(const struct vendor_meter *m, unsigned back);
/* Classes 05 04, 05 06. */
uint8_t vendor_tell_freeze(struct vendor_told *t, const struct vendor_meter *m, uint32_t id);

/* dlt645_register.c: all that is neither load record nor freeze. */
uint8_t vendor_tell_register(struct vendor_told *t, const struct vendor_meter *m, uint32_t id);

#endif
