/* Registers of our terminals, asked over the wire of the real terminal. */
#include "tests/unit/check.h"

#include "meter/meter_terminal.h"
#include "terminal/terminal.h"

static uint8_t nvram[TERMINAL_NVRAM_BYTES];
