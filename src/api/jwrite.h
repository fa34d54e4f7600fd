/*
 * A JSON writer that only appends: no tree, one buffer. Keys are literals; texts are escaped, and
 * bytes that are not UTF-8 become U+FFFD. In an array the key is NULL.
 *
 *   struct jwrite w = {};
 *   jwrite_object(&w, NULL);
 *   jwrite_int(&w, "balance_fen", 1234);
 *   jwrite_end(&w);
 *   char *text = jwrite_take(&w, &len);    the caller frees it
 *
 * Out of memory is sticky: jwrite_take then answers NULL.
 */
#ifndef YUFU_API_JWRITE_H
#define YUFU_API_JWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWRITE_DEPTH_MAX 16

struct jwrite {
    char *data;
    size_t len, cap;
    bool failed;
    char closers[JWRITE_DEPTH_MAX];
    size_t depth;
    bool comma; /* the next value needs one */
};

void jwrite_object(struct jwrite *w, const char *key);
void jwrite_array(struct jwrite *w, const char *key);
void jwrite_end(struct jwrite *w); /* closes the innermost object or array */
void jwrite_int(struct jwrite *w, const char *key, int64_t v);
void jwrite_bool(struct jwrite *w, const char *key, bool v);
void jwrite_null(struct jwrite *w, const char *key);
void jwrite_text(struct jwrite *w, const char *key, const char *v); /* NULL: null */
void jwrite_text_n(struct jwrite *w, const char *key, const char *v, size_t len);
/* Numbers that stand for "none": 0 is written as null. */
void jwrite_id(struct jwrite *w, const char *key, int64_t v);
/* A value that is JSON already (a column that our own code wrote). "" or NULL: {}. */
void jwrite_raw(struct jwrite *w, const char *key, const char *v);

/* Appends as it is, without commas: for texts around JSON (event streams). */
void jwrite_put(struct jwrite *w, const char *text, size_t len);

char *jwrite_take(struct jwrite *w, size_t *len); /* empties w; a zero byte follows the text */
void jwrite_drop(struct jwrite *w);

#endif
