/* Shared by the two parts of undoing an import: what must stay, and doing it. */
#ifndef YUFU_SITE_IMPORT_UNDO_IMPL_H
#define YUFU_SITE_IMPORT_UNDO_IMPL_H

#include "site/import_impl.h"

struct range { /* of what was made; last < first: nothing */
    int64_t first, last;
};

struct undo {
    struct store_tx *tx;
    struct site_undo *u;
    struct site_imported import;
    struct range made[IMPORT_TABLES];
};

/* --- import_stay.c -------------------------------------------------------------------------- */

/* Names what stands in the way; once, however many things stand on it. */
void undo_block(struct site_undo *u, const char *object, int64_t id, const char *code,
                enum site_undo_reason reason);
void undo_put_block(struct site_undo *u, const struct site_undo_blocker *blocker, const char *code);

/* Finds what the import made and something stands on. */
[[nodiscard]] enum err undo_find_kept(struct undo *undo);

/* Whether that looks at rows of `table` for those of `parent`. */
bool undo_keeps(enum import_table parent, const char *table);
/* Whether a statement names a table. */
bool undo_names(const char *sql, const char *table);

#endif
