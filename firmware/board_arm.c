/*
 * The scripted day on a Cortex-M whose debugger (or emulator) answers semihosting calls. The
 * command line is PROGRAM SCRIPT RECORD. Time is SysTick's: the emulator counts a fixed time an
 * instruction.
 */
#include <string.h>

#include "base/must.h"
#include "firmware/board.h"
#include "firmware/day.h"

enum call {
    CALL_OPEN = 0x01,
    CALL_CLOSE = 0x02,
    CALL_WRITE = 0x05,
    CALL_READ = 0x06,
    CALL_COMMAND_LINE = 0x15,
    CALL_EXIT = 0x18,
    CALL_EXIT_EXTENDED = 0x20
};
enum mode { MODE_READ = 1, MODE_WRITE = 5 }; /* "rb", "wb" */

#define EXIT_REASON 0x20026 /* the application ended */
#define LOOP_COUNT 20'000
#define SYSTICK ((volatile uint32_t *)0xE000E010)

int main(void);
uint32_t startup_stack_used(void);

static BOARD_RIG char command[512];
static BOARD_RIG uint8_t out[2048];
static BOARD_RIG uint32_t script, record, console;
static BOARD_RIG size_t out_len;
static BOARD_RIG uint32_t loop_ticks; /* of LOOP_COUNT instructions */

static uint32_t ask(enum call what, const void *block)
{
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static uint32_t open_file(const char *name, enum mode mode)
{
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, mode, (uint32_t)strlen(name)};
    return ask(CALL_OPEN, block);
}

static void write_all(uint32_t file, const void *data, size_t len)
{
    const uint32_t block[3] = {file, (uint32_t)(uintptr_t)data, (uint32_t)len};
    if (ask(CALL_WRITE, block) != 0)
        board_exit(1);
}

size_t board_read(uint8_t *data, size_t cap)
{
    const uint32_t block[3] = {script, (uint32_t)(uintptr_t)data, (uint32_t)cap};
    return cap - ask(CALL_READ, block);
}

/* Every call stops the machine: a few large ones instead of many small ones. */
void board_write(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[out_len++] = data[i];
        if (out_len == sizeof out) {
            write_all(record, out, out_len);
            out_len = 0;
        }
    }
}

void board_note(const char *text, size_t len)
{
    write_all(console, text, len);
}

uint32_t board_ticks(void)
{
    return SYSTICK[2];
}

/* Two instructions a turn. */
static void calibrate(void)
{
    uint32_t turns = LOOP_COUNT / 2, from = board_ticks();
    __asm__ volatile(".syntax unified\n1: subs %0, #1\n   bne 1b" : "+l"(turns) : : "cc");
    loop_ticks = (from - board_ticks()) & 0xFFFFFF;
}

uint64_t board_instructions(uint64_t ticks)
{
    return ticks * LOOP_COUNT / loop_ticks;
}

uint32_t board_stack_used(void)
{
    return startup_stack_used();
}

_Noreturn void board_exit(int code)
{
    const uint32_t block[2] = {EXIT_REASON, (uint32_t)code};
    for (;;)
        ask(CALL_EXIT_EXTENDED, block);
}

/* The library's promises end here: a terminal would reset itself. */
_Noreturn void must_fail(const char *file, int line, const char *what)
{
    (void)line;
    board_note("must.broken ", 12);
    board_note(file, strlen(file));
    board_note(" ", 1);
    board_note(what, strlen(what));
    board_note("\n", 1);
    board_exit(3);
}

/* Cuts the next word off the command line. */
static char *word(char **rest)
{
    char *begin = *rest;
    while (*begin == ' ')
        begin++;
    char *end = begin;
    while (*end != 0 && *end != ' ')
        end++;
    *rest = *end != 0 ? end + 1 : end;
    *end = 0;
    return begin;
}

int main(void)
{
    const uint32_t block[2] = {(uint32_t)(uintptr_t)command, sizeof command};
    if (ask(CALL_COMMAND_LINE, block) != 0)
        board_exit(1);
    SYSTICK[1] = 0xFFFFFF;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, with the core's clock, no interrupt */
    calibrate();
    console = open_file(":tt", MODE_WRITE);
    char *rest = command;
    word(&rest);
    script = open_file(word(&rest), MODE_READ);
    record = open_file(word(&rest), MODE_WRITE);
    if (script == UINT32_MAX || record == UINT32_MAX)
        board_exit(1);
    int code = day_run();
    write_all(record, out, out_len);
    ask(CALL_CLOSE, &record);
    return code;
}
