/*
 * The HTTP interface: docs/openapi.yaml, the web console's files, the event stream.
 *
 * One loop, no threads: libmicrohttpd's epoll descriptor is watched by io/. Requests that only read
 * are answered on the spot from a snapshot; requests that write go through store_submit, and their
 * answer leaves after the commit.
 *
 * The wiring tells what changed (api_notify_...); the api coalesces it and pushes it to the open
 * browsers, each within the projects of its person.
 */
#ifndef YUFU_API_API_H
#define YUFU_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/io.h"
#include "store/store.h"

struct api;
struct readings;
struct headend;

struct api_options {
    struct io *io;
    struct store *ledger;
    struct store *readings_store;
    struct readings *readings; /* latest states of all meters */
    struct headend *headend;   /* open sessions; NULL: all gateways count as offline */
    const char *host;          /* numeric; NULL: 127.0.0.1 */
    uint16_t port;             /* 0: any free one, see api_port */
    const char *release_keys;  /* file of public keys that sign updates of gateways; NULL: none */
    const char *web_root;      /* folder of the built console; NULL: no files are served */
    const char *version;       /* shown by /healthz */
    bool secure;               /* behind TLS: cookies get Secure, answers get HSTS */
    const char *origin;        /* what browsers must say as Origin; NULL: http(s)://<Host> */
};

/* ERR_IO_ADDRESS: the address is not free. ERR_BUG: a route without permission (never starts). */
[[nodiscard]] enum err api_open(struct api **out, const struct api_options *options);
void api_close(struct api *a); /* NULL is allowed; before the stores and io are closed */
uint16_t api_port(const struct api *a);

/* Something that the wall shows of this account may have changed. Cheap: marks, pushes within half
 * a second of real time. */
void api_notify_account(struct api *a, int64_t account_id);
void api_notify_meter(struct api *a, int64_t meter_id);
/* A row of table `event` was committed. */
void api_notify_event(struct api *a, int64_t event_id);
/* A step of an order's trail was committed. */
void api_notify_order(struct api *a, int64_t account_id, const char *order_id);

#endif
