/* Where in its text a plan's place is. */
#include <string.h>

#include "rating/rating_impl.h"

/* The number in "[3]"; *path goes behind it. */
static unsigned take_index(const char **path)
{
    unsigned index = 0;
    for ((*path)++; **path >= '0' && **path <= '9'; (*path)++)
        index = index * 10 + (unsigned)(**path - '0');
    *path += **path == ']';
    return index;
}

static bool enter_element(struct jread *j, const char **path)
{
    unsigned index = take_index(path);
    jread_array(j);
    for (; jread_element(j); index--) {
        if (index == 0)
            return true;
        jread_skip(j);
    }
    return false;
}

static bool enter_member(struct jread *j, const char **path)
{
    char name[RATING_PLACE_MAX];
    *path += **path == '.';
    size_t len = strcspn(*path, ".[");
    jread_object(j);
    while (jread_member(j, name, sizeof name)) {
        if (strlen(name) == len && memcmp(name, *path, len) == 0) {
            *path += len;
            return true;
        }
        jread_skip(j);
    }
    return false;
}

size_t rating_place_at(const char *json, size_t len, const char *place)
{
    struct jread j = jread_of(json, len);
    size_t at = 0;
    for (bool found = true; found;) {
        enum jread_type type = jread_peek(&j);
        if (j.err != ERR_OK)
            return at;
        at = j.at;
        if (*place == '[')
            found = type == JREAD_ARRAY && enter_element(&j, &place);
        else
            found = *place && type == JREAD_OBJECT && enter_member(&j, &place);
    }
    return at;
}
