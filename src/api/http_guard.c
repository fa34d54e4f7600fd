#include "api/http_guard.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) &&
            (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i]))) /* strchr finds the zero as well */
            return false;
    return len > 0;
}

static bool is_clean(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static bool is_target(const char *target)
{
    size_t len = strlen(target);
    if (target[0] != '/' || len > HTTP_TARGET_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)target[i] <= 0x20 || (unsigned char)target[i] >= 0x7F ||
            strchr("\"<>\\^`{|}#", target[i]))
            return false;
    return true;
}

struct http_guard http_guard_begin(const char *method, const char *target, const char *version)
{
    struct http_guard g = {.bytes = strlen(method) + strlen(target) + strlen(version) + 4 + 2};
    bool known = strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0;
    if (!known || !is_token(method, strlen(method)) || !is_target(target))
        g.err = ERR_API_REQUEST;
    return g;
}

static bool same(const char *name, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

static bool parse_length(const char *value, size_t len, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)value[i]))
            return false;
        *out = *out * 10 + (uint64_t)(value[i] - '0');
    }
    return len > 0 && len < 19;
}

void http_guard_header(struct http_guard *g, const char *name, size_t name_len, const char *value,
                       size_t value_len)
{
    g->headers++;
    g->bytes += name_len + 1 + value_len + 2;
    bool good = is_token(name, name_len) && is_clean(value, value_len);
    if (same(name, name_len, "Host")) {
        g->hosts++;
        good = good && value_len > 0 && !memchr(value, ',', value_len);
    } else if (same(name, name_len, "Content-Length")) {
        g->lengths++;
        good = good && parse_length(value, value_len, &g->length);
    } else if (same(name, name_len, "Transfer-Encoding")) {
        g->codings++;
        good = good && same(value, value_len, "chunked");
    }
    if (!good)
        g->err = ERR_API_REQUEST;
}

enum err http_guard_end(const struct http_guard *g, size_t head_bytes)
{
    if (g->bytes > HTTP_HEAD_MAX || head_bytes > HTTP_HEAD_MAX || g->headers > HTTP_HEADERS_MAX)
        return ERR_API_HEADERS;
    if (g->err != ERR_OK)
        return g->err;
    if (g->hosts != 1 || g->lengths + g->codings > 1)
        return ERR_API_REQUEST;
    if (head_bytes && (head_bytes < g->bytes || head_bytes > g->bytes + g->headers))
        return ERR_API_REQUEST;
    return ERR_OK;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

enum err http_decode(const char *text, size_t len, bool plus, char *out)
{
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];
        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < len ? hex_of(text[i + 1]) : -1;
            int low = high >= 0 ? hex_of(text[i + 2]) : -1;
            if (low < 0)
                return ERR_SYNTAX;
            c = high << 4 | low;
            i += 2;
            if (c == '/' && !plus)
                return ERR_SYNTAX;
        }
        if (c < 0x20 || c == 0x7F)
            return ERR_SYNTAX;
        *out++ = (char)c;
    }
    *out = '\0';
    return ERR_OK;
}

bool http_cookie_find(const char *header, const char *name, char *out, size_t cap)
{
    size_t name_len = strlen(name), found = 0;
    for (const char *p = header; p && *p;) {
        p += strspn(p, " ;");
        size_t len = strcspn(p, ";");
        if (len > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == '=') {
            size_t value_len = len - name_len - 1;
            if (value_len >= cap || found++)
                return false;
            memcpy(out, p + name_len + 1, value_len);
            out[value_len] = '\0';
        }
        p += len;
    }
    return found == 1;
}

/* True if the parameters behind an item say q=0. */
static bool refused(const char *item, size_t len)
{
    const char *q = memmem(item, len, "q=", 2);
    if (!q)
        return false;
    for (q += 2; q < item + len; q++)
        if (*q >= '1' && *q <= '9')
            return false;
    return true;
}

bool http_accepts(const char *header, const char *coding)
{
    size_t coding_len = strlen(coding);
    for (const char *p = header; p && *p;) {
        p += strspn(p, " ,");
        size_t len = strcspn(p, ",");
        size_t word = strcspn(p, " ;,");
        if (word == coding_len && strncasecmp(p, coding, word) == 0)
            return !refused(p, len);
        p += len;
    }
    return false;
}

/* Browsers list languages by preference; the first of the two that appears decides. */
bool http_prefers_english(const char *header)
{
    for (const char *p = header; p && *p;) {
        p += strspn(p, " ,");
        size_t len = strcspn(p, ",");
        if (!refused(p, len) && strncasecmp(p, "zh", 2) == 0)
            return false;
        if (!refused(p, len) && strncasecmp(p, "en", 2) == 0)
            return true;
        p += len;
    }
    return false;
}
