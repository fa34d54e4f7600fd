/*
 * What the scripted day needs of the machine it runs on. board_host.c is a computer, board_arm.c a
 * Cortex-M under semihosting.
 */
#ifndef YUFU_FIRMWARE_BOARD_H
#define YUFU_FIRMWARE_BOARD_H

#include <stddef.h>
#include <stdint.h>

/* In the image: memory of the world around the terminal, not of the terminal itself. */
#ifdef __arm__
#define BOARD_RIG __attribute__((section(".rig")))
#else
#define BOARD_RIG
#endif

/* The next bytes of the script; 0: it is over. */
size_t board_read(uint8_t *data, size_t cap);
/* The record of the day: what is compared. */
void board_write(const uint8_t *data, size_t len);
/* Remarks beside the record. */
void board_note(const char *text, size_t len);
/* A counter of time that counts downwards in 24 bits; always 0 where there is none. */
uint32_t board_ticks(void);
/* Ticks in instructions, as they were found to take when the image began. */
uint64_t board_instructions(uint64_t ticks);
/* Greatest depth of the stack so far, in bytes; 0 where it is not known. */
uint32_t board_stack_used(void);
_Noreturn void board_exit(int code);

#endif
