/*
 * Heads of HTTP requests: whatever stands in one, what is let through has one Host, one way to tell
 * its length and no control bytes; what is decoded is no longer than what it was read from.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http_guard.h"

#define PLACE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void check_text(const char *text, size_t most)
{
    size_t len = strlen(text);
    check(len <= most);
    for (size_t i = 0; i < len; i++)
        check((unsigned char)text[i] >= ' ' && text[i] != 0x7F);
}

static void decode(const char *text, size_t len)
{
    static char out[PLACE + 1];
    if (http_decode(text, len, false, out) == ERR_OK)
        check_text(out, len);
    if (http_decode(text, len, true, out) == ERR_OK)
        check_text(out, len);
}

static void look_at_value(const char *value)
{
    char cookie[16];
    if (http_cookie_find(value, "yufu", cookie, sizeof cookie))
        check(strlen(cookie) < sizeof cookie && strstr(value, cookie) != NULL);
    (void)http_prefers_english(value);
    check(!http_accepts(value, "gzip") || strcasestr(value, "gzip"));
    decode(value, strlen(value));
}

/* Cuts the first `separator` out of the text: what stands behind it, or the end. */
static char *cut(char *text, const char *separator)
{
    char *at = strstr(text, separator);
    if (!at)
        return text + strlen(text);
    *at = '\0';
    return at + strlen(separator);
}

static void check_head(const struct http_guard *g)
{
    if (http_guard_end(g, 0) != ERR_OK)
        return;
    check(g->err == ERR_OK && g->hosts == 1 && g->lengths + g->codings <= 1);
    check(g->bytes <= HTTP_HEAD_MAX && g->headers <= HTTP_HEADERS_MAX);
    check(http_guard_end(g, g->bytes) == ERR_OK && http_guard_end(g, g->bytes - 1) != ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char head[PLACE + 1];
    if (size > PLACE)
        return 0;
    memcpy(head, data, size);
    head[size] = '\0';
    char *lines = cut(head, "\r\n"), *target = cut(head, " "), *version = cut(target, " ");
    struct http_guard g = http_guard_begin(head, target, version);
    decode(target, strlen(target));
    while (*lines) {
        char *next = cut(lines, "\r\n"), *value = cut(lines, ": ");
        http_guard_header(&g, lines, strlen(lines), value, strlen(value));
        look_at_value(value);
        lines = next;
    }
    check_head(&g);
    return 0;
}
