/*
 * What libmicrohttpd lets through and we do not: pure checks on texts, without a connection.
 *
 * A request is refused (400) when it has a Content-Length and a Transfer-Encoding, more than one of
 * Host or Content-Length, a transfer coding other than chunked, a header name that is no token,
 * control bytes, line folding, bare line feeds or NUL anywhere in its head, or a target that is not
 * a plain path. Its head may have HTTP_HEAD_MAX bytes (431).
 *
 * libmicrohttpd cuts a value at a NUL byte and joins folded lines before we see them. Such a head
 * is longer or shorter than what we see of it; http_guard_end compares the lengths. One blank after
 * the colon is allowed, more is not: all usual clients and proxies write exactly one.
 */
#ifndef YUFU_API_HTTP_GUARD_H
#define YUFU_API_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HTTP_HEAD_MAX 16'384
#define HTTP_TARGET_MAX 2'048
#define HTTP_HEADERS_MAX 64

struct http_guard {
    enum err err; /* sticky */
    size_t hosts, lengths, codings, headers;
    size_t bytes; /* of the head as we see it, without blanks after the colons */
    uint64_t length;
};

/* `target` is the request target as it stood in the request line. */
struct http_guard http_guard_begin(const char *method, const char *target, const char *version);
void http_guard_header(struct http_guard *g, const char *name, size_t name_len, const char *value,
                       size_t value_len);
/* head_bytes: what arrived, up to and with the empty line; 0: not known. ERR_API_REQUEST,
 * ERR_API_HEADERS. */
[[nodiscard]] enum err http_guard_end(const struct http_guard *g, size_t head_bytes);

/* Percent-decodes text[0..len) into out (len + 1 bytes). `plus`: '+' is a blank (queries).
 * ERR_SYNTAX: a broken escape, a control byte or NUL, or (paths) an escaped '/'. */
[[nodiscard]] enum err http_decode(const char *text, size_t len, bool plus, char *out);

/* The value of a cookie in a Cookie header, copied into out. False: absent, twice, or too long. */
bool http_cookie_find(const char *header, const char *name, char *out, size_t cap);
/* True if an Accept-Encoding header admits `coding` ("gzip", "br"). */
bool http_accepts(const char *header, const char *coding);
/* True if an Accept-Language header prefers English to Chinese. */
bool http_prefers_english(const char *header);

#endif
