/* Tables of things by key. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "site/import_impl.h"

static size_t first_slot(const struct things *t, const char *key)
{
    return (size_t)fnv64(FNV64_START, key, strlen(key)) & (t->slot_count - 1);
}

static size_t find_slot(const struct things *t, const char *key)
{
    size_t i = first_slot(t, key);
    while (t->slots[i] >= 0 && strcmp(t->list[t->slots[i]].key, key) != 0)
        i = (i + 1) & (t->slot_count - 1);
    return i;
}

static void grow(struct things *t)
{
    t->cap = t->cap ? 2 * t->cap : 64;
    t->list = realloc(t->list, t->cap * sizeof *t->list);
    free(t->slots);
    t->slot_count = 2 * t->cap;
    t->slots = malloc(t->slot_count * sizeof *t->slots);
    MUST(t->list && t->slots);
    memset(t->slots, 0xFF, t->slot_count * sizeof *t->slots);
    for (size_t i = 0; i < t->count; i++)
        t->slots[find_slot(t, t->list[i].key)] = (int32_t)i;
}

int32_t import_thing_find(const struct things *t, const char *key)
{
    return t->count ? t->slots[find_slot(t, key)] : -1;
}

int32_t import_thing(struct things *t, const char *key, int64_t row)
{
    if (t->count == t->cap)
        grow(t);
    size_t slot = find_slot(t, key);
    if (t->slots[slot] < 0) {
        t->list[t->count] =
            (struct thing){.key = key, .row = row, .parent = -1, .place = -1, .customer = -1};
        t->slots[slot] = (int32_t)t->count++;
    }
    return t->slots[slot];
}

void import_things_free(struct things *t)
{
    free(t->list);
    free(t->slots);
    *t = (struct things){};
}
