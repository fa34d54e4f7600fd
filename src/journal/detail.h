/*
 * A small writer of flat JSON objects, for the details of audit rows, events, ledger
 * transactions and outbox notes:
 *
 *   struct detail d = {};
 *   detail_text(&d, "order", order_id);
 *   detail_int(&d, "amount_fen", amount_fen);
 *   act.detail = detail_end(&d);
 *
 * Texts are escaped, made valid UTF-8 and cut at DETAIL_TEXT_MAX bytes. The object never
 * overflows: a member that does not fit is left out, and "cut":true is written instead.
 */
#ifndef YUFU_JOURNAL_DETAIL_H
#define YUFU_JOURNAL_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DETAIL_TEXT_MAX 512
#define DETAIL_MAX 4096

struct detail {
    char text[DETAIL_MAX];
    size_t len; /* 0: empty so far */
    bool cut;
};

void detail_int(struct detail *d, const char *name, int64_t value);
void detail_bool(struct detail *d, const char *name, bool value);
void detail_text(struct detail *d, const char *name, const char *value); /* NULL: null */
/* `json` must be a valid JSON value; it is copied as it is. */
void detail_json(struct detail *d, const char *name, const char *json);
/* Length of the valid UTF-8 character that begins at s (not zero, no surrogate, not overlong), or
 * 0. */
size_t detail_utf8_length(const unsigned char *s, size_t left);
/* Closes the object and returns it; valid as long as d. */
const char *detail_end(struct detail *d);

#endif
