/* A preview of a strategy as JSON: the same text for the interface and for `yufu decide --json`. */
#ifndef YUFU_API_PREVIEW_JSON_H
#define YUFU_API_PREVIEW_JSON_H

#include "api/jwrite.h"
#include "control/preview.h"

/* One account, as an element of an open array. `place` is the place's path; with `days` each past
 * day of both policies is told. */
void preview_put_row(struct jwrite *w, const struct control_preview_row *row, const char *place,
                     bool days);
/* Members of an open object: "seen" ... "before", "after", "change". */
void preview_put_sum(struct jwrite *w, const struct control_preview_sum *sum);

#endif
