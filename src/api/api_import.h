/* Shared by the two ways to import: all at once, and in steps. */
#ifndef YUFU_API_IMPORT_H
#define YUFU_API_IMPORT_H

#include "api/api_impl.h"
#include "site/import.h"

/* Members of an object: the error's name and its texts. */
void api_put_titles(struct jwrite *w, enum err e);
/* A list `errors` of at most `limit`, those after the first `skip`. */
void api_put_import_errors(struct jwrite *w, const struct site_import *im, int64_t skip,
                           int64_t limit);

#endif
