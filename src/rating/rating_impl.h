/* Shared by the parts of rating/ only. */
#ifndef YUFU_RATING_RATING_IMPL_H
#define YUFU_RATING_RATING_IMPL_H

#include "rating/rating.h"

/* Where in a plan: "name", "name.member", "name[3]" or "name[3].member". */
struct rating_spot {
    const char *name;
    int index;          /* -1: none */
    const char *member; /* NULL: none */
};

/* Notes the problem (problem may be NULL) and answers ERR_RATING_PLAN. */
enum err rating_refuse(struct rating_problem *problem, enum rating_reason reason,
                       struct rating_spot spot);

#endif
