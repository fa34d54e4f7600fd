/* Shared by the parts of site/ only. */
#ifndef YUFU_SITE_SITE_IMPL_H
#define YUFU_SITE_SITE_IMPL_H

#include "site/site.h"

/* Copies a text column; what does not fit is cut (the puts never store such). */
void site_take_text(const struct query *q, int column, char *out, size_t cap);

/* 1..max bytes of valid UTF-8 without control characters. */
bool site_name_fits(const char *text, size_t max);
/* The same, and nothing that would need quoting or would break a path: no space / , " ' */
bool site_code_fits(const char *text);
/* `count` decimal digits, no more and no less; or from..to of them. */
bool site_digits(const char *text, size_t from, size_t to);

bool site_endpoint_fits(const char *endpoint);
bool site_baud_fits(int64_t baud);
bool site_phone_fits(const char *phone);

#endif
