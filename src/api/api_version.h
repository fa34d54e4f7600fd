/*
 * Private to api/: what price plans and strategies have in common. Both are texts of a project,
 * kept in versions; each has its list, its versions with their texts, a check that finds the place
 * of a mistake, and a save that adds a version.
 */
#ifndef YUFU_API_API_VERSION_H
#define YUFU_API_API_VERSION_H

#include "api/api_impl.h"
#include "journal/journal.h"

/* Why a text is refused. All NULL or "": it is not. */
struct version_fault {
    const char *code, *zh, *en;
    char place[64];
};

struct version_shelf {
    const char *list;   /* member of the answer: "plans" */
    const char *action; /* in the journal: "plan.save" */
    const char *object; /* there: "plan" */
    enum journal_kind event;
    enum err (*each)(struct store_tx *tx, int64_t project_id, site_version_each *each, void *arg);
    enum err (*put)(struct store_tx *tx, int64_t project_id, const char *code, wall_s effective_at,
                    const char *body, enum site_change *change);
    /* ERR_OK, or the error with *fault. */
    enum err (*parse)(const char *text, struct version_fault *fault);
    /* Members about the version in force, and about who uses this code. */
    void (*put_summary)(struct jwrite *w, const char *body);
    const char *users; /* SQL: accounts and meters by $1 project, $2 code */
};

[[nodiscard]] enum err version_list(struct call *c, const struct version_shelf *shelf);
/* Of ?code=, with their texts. */
[[nodiscard]] enum err version_texts(struct call *c, const struct version_shelf *shelf);
[[nodiscard]] enum err version_save(struct call *c, const struct version_shelf *shelf);

/* The answer to a text that cannot be used: code and place, and the line and column of what is no
 * JSON. Answers `e`. */
enum err version_refuse(struct call *c, const char *text, const struct version_fault *fault,
                        enum err e);

/* {"valid": …, "problem": …}, without closing the object: the caller adds what it knows besides. */
void version_put_check(struct jwrite *w, const char *text, const struct version_fault *fault);

/* The names of a text, {"zh": …, "en": …}; null where it has none. */
void version_put_names(struct jwrite *w, const char *body);

#endif
