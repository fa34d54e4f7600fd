/* The scripted day on a computer: terminal_day SCRIPT RECORD. */
#include <stdio.h>
#include <stdlib.h>

#include "firmware/board.h"
#include "firmware/day.h"

static FILE *script, *record;

size_t board_read(uint8_t *data, size_t cap)
{
    return fread(data, 1, cap, script);
}

void board_write(const uint8_t *data, size_t len)
{
    if (fwrite(data, 1, len, record) != len) {
        perror("terminal_day");
        exit(1);
    }
}

void board_note(const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
}

uint32_t board_ticks(void)
{
    return 0;
}

uint64_t board_instructions(uint64_t ticks)
{
    return ticks;
}

uint32_t board_stack_used(void)
{
    return 0;
}

_Noreturn void board_exit(int code)
{
    exit(code);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: terminal_day SCRIPT RECORD\n", stderr);
        return 2;
    }
    script = fopen(argv[1], "rb");
    record = script != NULL ? fopen(argv[2], "wb") : NULL;
    if (record == NULL) {
        perror(script != NULL ? argv[2] : argv[1]);
        return 1;
    }
    int code = day_run();
    if (fclose(record) != 0) {
        perror(argv[2]);
        return 1;
    }
    return code;
}
