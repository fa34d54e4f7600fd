/*
 * A JSON writer that only appends: no tree, one buffer. Keys are literals; texts are escaped, and
 * bytes that are not UTF-8 become U+FFFD. In an array the key is NULL.
 *
 *   struct json w = {};
 *   json_object(&w, NULL);
 *   json_int(&w, "balance_fen", 1234);
 *   json_end(&w);
 *   char *text = json_take(&w, &len);    the caller frees it
 *
 * Out of memory is sticky: json_take then answers NULL.
 */
#ifndef YUFU_API_JSON_H
#define YUFU_API_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16

struct json {
    char *data;
    size_t len, cap;
    bool failed;
    char closers[JSON_DEPTH_MAX];
    size_t depth;
    bool comma; /* the next value needs one */
};

void json_object(struct json *w, const char *key);
void json_array(struct json *w, const char *key);
void json_end(struct json *w); /* closes the innermost object or array */
void json_int(struct json *w, const char *key, int64_t v);
void json_bool(struct json *w, const char *key, bool v);
void json_null(struct json *w, const char *key);
void json_text(struct json *w, const char *key, const char *v); /* NULL: null */
void json_text_n(struct json *w, const char *key, const char *v, size_t len);
/* Numbers that stand for "none": 0 is written as null. */
void json_id(struct json *w, const char *key, int64_t v);
/* A value that is JSON already (a column that our own code wrote). "" or NULL: {}. */
void json_raw(struct json *w, const char *key, const char *v);

/* Appends as it is, without commas: for texts around JSON (event streams). */
void json_put(struct json *w, const char *text, size_t len);

char *json_take(struct json *w, size_t *len); /* empties w; a zero byte follows the text */
void json_drop(struct json *w);

#endif
