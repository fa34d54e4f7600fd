/*
 * The gateway's local page for the installer: what its lines, its uplink and its clock are like.
 * Read only, without log-in: it tells no secret and changes nothing, and listens where the options
 * say. English and Chinese, no scripts, anew every 10 s; the same as JSON for programs.
 */
#ifndef YUFU_APP_GATEWAY_PAGE_H
#define YUFU_APP_GATEWAY_PAGE_H

#include "api/jwrite.h"
#include "app/gateway/gateway_program.h"

/* gateway_page.c. ERR_IO_ADDRESS: not a numeric address, or taken. */
[[nodiscard]] enum err page_open(struct program *p, const char *host, uint16_t port);
void page_close(struct program *p);

/* gateway_page_html.c: appends the page; w serves as a buffer of text. */
void page_html(struct jwrite *w, const struct program *p, bool chinese);

#endif
