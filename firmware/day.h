/*
 * The scripted day: one terminal, told by a text what happens to it, and a record of all that it
 * does. Written alike on a computer and on a Cortex-M, to the byte. docs/manual/firmware.md has the
 * words of the script and the lines of the record.
 */
#ifndef YUFU_FIRMWARE_DAY_H
#define YUFU_FIRMWARE_DAY_H

/* Reads the script and writes the record, of the board. 0: to its end; 1: a line was not
 * understood, which stands in the record. */
int day_run(void);

#endif
