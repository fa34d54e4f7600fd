/*
 * A thin, guarded HTTP/1.1 server: libmicrohttpd in strict mode on our own loop, behind
 * http_guard.h. One file knows the library.
 *
 * Life of a request: the head is guarded; `limit` says how large its body may be; the body is
 * collected; `request` is called once. The callee answers in the call or later, exactly once, by
 * http_answer or http_stream. After the answer was sent, or the client has gone, `gone` is called
 * and the request is no more. A request that waits for its answer is not told that its client has
 * gone.
 *
 * A request that breaks a rule arrives at `request` too, with http_refusal saying which: the callee
 * only words the answer. Then nothing else of it may be looked at but its target and headers.
 *
 * Slow clients: 10 s for the first head, 75 s between requests, 30 s plus 1 s per KiB for a body.
 */
#ifndef YUFU_API_HTTP_H
#define YUFU_API_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http_guard.h"
#include "base/bytes.h"
#include "base/err.h"
#include "io/io.h"

#define HTTP_CONNECTIONS_MAX 2'000
#define HTTP_CONNECTIONS_PER_PEER 500

struct http;
struct http_request;

enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER }; /* HEAD is served as GET */

struct http_handler {
    void *ctx;
    size_t (*limit)(void *ctx, const struct http_request *r); /* 0: no body is expected */
    void (*request)(void *ctx, struct http_request *r);
    void (*gone)(void *ctx, struct http_request *r); /* NULL: not wanted */
};

struct http_options {
    struct io *io;
    const char *host; /* numeric */
    uint16_t port;    /* 0: any free one */
    int64_t head_ms;  /* real time for the first head; 0: 10'000 */
    struct http_handler handler;
};

/* ERR_IO_ADDRESS. */
[[nodiscard]] enum err http_open(struct http **out, const struct http_options *options);
/* Every request that waits must have been answered before, or is dropped. NULL is allowed. */
void http_close(struct http *h);
uint16_t http_port(const struct http *h);
size_t http_connections(const struct http *h);

/* ---- what was asked; texts live as long as the request ---- */

enum err http_refusal(const struct http_request *r); /* ERR_OK: none */
enum http_method http_method(const struct http_request *r);
const char *http_target(const struct http_request *r); /* raw, with the query */
const char *http_path(const struct http_request *r);   /* decoded, without the query */
/* Decoded value of a query parameter; NULL: absent. ERR_API_FIELD: given twice, or broken. */
[[nodiscard]] enum err http_query(struct http_request *r, const char *name, const char **value);
const char *http_header(const struct http_request *r, const char *name); /* NULL: absent */
struct bytes http_body(const struct http_request *r); /* followed by a zero byte */
const char *http_peer(const struct http_request *r);  /* numeric address */
bool http_from_loopback(const struct http_request *r);

/* A place for the callee's own pointer. */
void http_set_context(struct http_request *r, void *context);
void *http_context(const struct http_request *r);

/* ---- the answer ---- */

/* Before http_answer or http_stream; at most 16. The texts are copied. */
void http_answer_header(struct http_request *r, const char *name, const char *value);
/* Takes `body` (malloc; NULL if len is 0). type NULL: none. */
void http_answer(struct http_request *r, unsigned status, const char *type, char *body, size_t len);
/* The same with bytes that live until http_close. */
void http_answer_static(struct http_request *r, unsigned status, const char *type,
                        struct bytes body);

/* An answer without end. `read` fills buf and says how many bytes; 0: nothing at present, it is
 * asked again after http_stream_wake; HTTP_STREAM_END: no more. */
#define HTTP_STREAM_END (-1)
typedef int64_t http_read(void *ctx, struct http_request *r, char *buf, size_t cap);
void http_stream(struct http_request *r, const char *type, http_read *read);
void http_stream_wake(struct http_request *r);

#endif
