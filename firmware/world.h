/*
 * The world around the terminal of a scripted day: mains, loads behind its relays, a clock chip,
 * memory that keeps its contents, a line, and a power switch.
 */
#ifndef YUFU_FIRMWARE_WORLD_H
#define YUFU_FIRMWARE_WORLD_H

#include "terminal/terminal.h"

/* What is switched on in a circuit; while its relay is open, nothing flows. */
struct world_load {
    int32_t power_mw, reactive_mvar;
    uint32_t current_ma, third_ma; /* all, and the third harmonic of it */
    uint32_t noise_permille;       /* how far each sample strays */
};

void world_set_clock(wall_s rtc, bool lost);
void world_set_mains(uint16_t voltage_dv, uint16_t frequency_chz);
void world_set_load(unsigned circuit, const struct world_load *load);
void world_blank(void); /* new memory: all FF */
void world_boot(void);  /* power off without a warning, and on */
void world_pass(uint32_t count, uint32_t step_ms);
void world_key(void);
void world_set_programming(bool on);
/* The port that bytes come in at from now on. */
bool world_set_port(unsigned port);
/* To the terminal's own address, or to all. */
void world_frame(uint8_t control, const uint8_t *data, size_t len, bool to_all);
void world_bytes(const uint8_t *data, size_t len);
void world_modbus(uint8_t *data, size_t len); /* adds the CRC: two bytes of room */
void world_save(void);
void world_show(void); /* the display into the record */
/* In the count-th write from now the power goes after len bytes, and comes back at once. */
void world_tear(uint32_t count, uint32_t len);
void world_spoil(uint32_t offset); /* a byte of memory goes bad */
/* The whole memory and the registers into the record, and what the inputs cost beside it. */
void world_end(void);

#endif
