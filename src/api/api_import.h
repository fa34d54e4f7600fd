/* Shared by the two ways to import, all at once and in steps, and by what is told of imports. */
#ifndef YUFU_API_IMPORT_H
#define YUFU_API_IMPORT_H

#include "api/api_impl.h"
#include "site/import.h"

/* Members of an object: how many were added, changed and left the same. */
void api_put_changes(struct jwrite *w, const int64_t counts[3]);
/* Members of an object: the error's name and its texts. */
void api_put_titles(struct jwrite *w, enum err e);
/* A list `errors` of at most `limit`, those after the first `skip`. */
void api_put_import_errors(struct jwrite *w, const struct site_import *im, int64_t skip,
                           int64_t limit);

/* One of the files that wait in memory. */
struct api_import_slot {
    int64_t person_id, project_id, idle_ms;
    bool used, busy; /* busy: being read or compared */
};
/* Where a new file goes: in place of the person's own in the same project, into a free one, else in
 * place of what has been idle longest: first of the person's, then of those untouched for five
 * minutes. -1: nowhere. */
int api_import_slot(const struct api_import_slot *slots, size_t count, int64_t person_id,
                    int64_t project_id);

#endif
