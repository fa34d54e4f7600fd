/*
 * `yufu decide --project CODE --strategy FILE`: who would be warned or cut by the strategy in the
 * file, today and over the last days, and what is different from the strategy in force. Reads only;
 * the platform may be running.
 */
#ifndef YUFU_APP_DECIDE_PREVIEW_H
#define YUFU_APP_DECIDE_PREVIEW_H

#include "base/err.h"

struct decide_preview {
    const char *data;     /* folder of the databases */
    const char *project;  /* its code */
    const char *strategy; /* file */
    const char *code; /* only accounts that live under this strategy; NULL: all of the project */
    const char *days; /* NULL: 30 */
    const char *json; /* not NULL: as JSON */
};

/* Prints the answer, or a message. */
[[nodiscard]] enum err decide_preview(const struct decide_preview *asked);

#endif
