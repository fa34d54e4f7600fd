/*
 * The scripted day. A line is a word and numbers; see docs/manual/firmware.md. What a board's
 * sensors would do stands in world.c; here is the script.
 */
#include "firmware/day.h"

#include <string.h>

#include "firmware/board.h"
#include "firmware/record.h"
#include "firmware/world.h"

#define LINE_MAX 640
#define NUMBERS_MAX 8

struct line {
    const char *rest; /* behind the word */
    int64_t number[NUMBERS_MAX];
    unsigned numbers;
    uint8_t hex[DLT645_DATA_MAX]; /* of lines that end in bytes */
    size_t hex_len;
};

static BOARD_RIG uint8_t ahead[512];
static BOARD_RIG size_t ahead_len, ahead_at;
static BOARD_RIG char text[LINE_MAX];
static BOARD_RIG struct line line;

/* --- reading ---------------------------------------------------------------------------------- */

static int next_char(void)
{
    if (ahead_at == ahead_len) {
        ahead_len = board_read(ahead, sizeof ahead);
        ahead_at = 0;
    }
    return ahead_len == 0 ? -1 : ahead[ahead_at++];
}

/* 1: a line, 0: the script is over, -1: longer than a line may be. */
static int next_line(void)
{
    size_t len = 0;
    int c = next_char();
    if (c < 0)
        return 0;
    for (; c >= 0 && c != '\n'; c = next_char()) {
        if (len + 1 == sizeof text)
            return -1;
        text[len++] = (char)c;
    }
    text[len] = 0;
    return 1;
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

static const char *take_number(const char *p, int64_t *out)
{
    bool minus = *p == '-';
    p += minus;
    if (*p < '0' || *p > '9')
        return NULL;
    int64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (v > INT64_C(99'999'999'999))
            return NULL;
        v = v * 10 + (*p - '0');
    }
    *out = minus ? -v : v;
    return *p == ' ' || *p == 0 ? p : NULL;
}

static bool take_numbers(unsigned count)
{
    const char *p = line.rest;
    for (line.numbers = 0; *(p = skip_blanks(p)) != 0; line.numbers++) {
        if (line.numbers == NUMBERS_MAX)
            return false;
        p = take_number(p, &line.number[line.numbers]);
        if (p == NULL)
            return false;
    }
    return line.numbers == count;
}

static bool take_hex(void)
{
    const char *p = skip_blanks(line.rest);
    return hex_decode(p, strlen(p), line.hex, sizeof line.hex, &line.hex_len) == ERR_OK &&
           line.hex_len > 0;
}

/* --- what a line may say ---------------------------------------------------------------------- */

static bool say_clock(void)
{
    world_set_clock((wall_s){line.number[0]}, line.number[1] != 0);
    return true;
}

static bool say_blank(void)
{
    world_blank();
    return true;
}

static bool say_boot(void)
{
    world_boot();
    return true;
}

static bool say_mains(void)
{
    world_set_mains((uint16_t)line.number[0], (uint16_t)line.number[1]);
    return true;
}

static bool say_load(void)
{
    const int64_t *n = line.number;
    if (n[0] < 1 || n[0] > TERMINAL_CIRCUITS)
        return false;
    world_set_load((unsigned)n[0],
                   &(struct world_load){(int32_t)n[1], (int32_t)n[2], (uint32_t)n[3],
                                        (uint32_t)n[4], (uint32_t)n[5]});
    return true;
}

static bool say_cycles(void)
{
    world_pass((uint32_t)line.number[0], 20);
    return true;
}

static bool say_seconds(void)
{
    world_pass((uint32_t)line.number[0], 1000);
    return true;
}

static bool say_minutes(void)
{
    world_pass((uint32_t)line.number[0], 60'000);
    return true;
}

static bool say_key(void)
{
    world_key();
    return true;
}

static bool say_seal(void)
{
    world_set_programming(line.number[0] != 0);
    return true;
}

static bool say_frame(void)
{
    world_frame(line.hex[0], line.hex + 1, line.hex_len - 1, false);
    return true;
}

static bool say_broadcast(void)
{
    world_frame(line.hex[0], line.hex + 1, line.hex_len - 1, true);
    return true;
}

static bool say_bytes(void)
{
    world_bytes(line.hex, line.hex_len);
    return true;
}

static bool say_modbus(void)
{
    if (line.hex_len + 2 > sizeof line.hex)
        return false;
    world_modbus(line.hex, line.hex_len);
    return true;
}

static bool say_port(void)
{
    return line.number[0] >= 0 && world_set_port((unsigned)line.number[0]);
}

static bool say_show(void)
{
    world_show();
    return true;
}

static bool say_save(void)
{
    world_save();
    return true;
}

static bool say_tear(void)
{
    world_tear((uint32_t)line.number[0], (uint32_t)line.number[1]);
    return true;
}

static bool say_spoil(void)
{
    if (line.number[0] < 0 || line.number[0] >= TERMINAL_NVRAM_SIZE)
        return false;
    world_spoil((uint32_t)line.number[0]);
    return true;
}

#define HEX (-1)

static const struct {
    const char *word;
    int numbers; /* or HEX */
    bool (*say)(void);
} words[] = {
    {"clock", 2, say_clock},     {"blank", 0, say_blank},     {"boot", 0, say_boot},
    {"mains", 2, say_mains},     {"load", 6, say_load},       {"cycles", 1, say_cycles},
    {"seconds", 1, say_seconds}, {"minutes", 1, say_minutes}, {"key", 0, say_key},
    {"seal", 1, say_seal},       {"frame", HEX, say_frame},   {"broadcast", HEX, say_broadcast},
    {"bytes", HEX, say_bytes},   {"save", 0, say_save},       {"tear", 2, say_tear},
    {"spoil", 1, say_spoil},     {"modbus", HEX, say_modbus}, {"port", 1, say_port},
    {"show", 0, say_show},
};

static bool obey(void)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i].word);
        if (memcmp(text, words[i].word, len) != 0 || (text[len] != ' ' && text[len] != 0))
            continue;
        line.rest = text + len;
        bool right =
            words[i].numbers == HEX ? take_hex() : take_numbers((unsigned)words[i].numbers);
        return right && words[i].say();
    }
    return false;
}

int day_run(void)
{
    int got;
    world_blank();
    while ((got = next_line()) > 0) {
        if (text[0] == 0 || text[0] == '#')
            continue;
        record_text("> ");
        record_text(text);
        record_text("\n");
        if (!obey()) {
            record_text("! not understood\n");
            return 1;
        }
    }
    if (got < 0) {
        record_text("! a line is too long\n");
        return 1;
    }
    world_end();
    return 0;
}
