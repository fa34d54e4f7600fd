#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *skip(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* What follows the string, which has no escapes; NULL if it is none. */
static const char *read_string(const char *s, char *out, size_t size)
{
    size_t n;
    if (*s != '"')
        return NULL;
    n = strcspn(s + 1, "\"\\");
    if (s[1 + n] != '"' || n >= size)
        return NULL;
    memcpy(out, s + 1, n);
    out[n] = 0;
    return s + n + 2;
}

static const char *read_value(struct tree *t, int at, const char *s, int depth);

static const char *read_children(struct tree *t, int at, const char *s, int depth)
{
    char end = *s == '{' ? '}' : ']';
    int last = 0;
    t->nodes[at].type = *s;
    s = skip(s + 1);
    while (*s != end) {
        if (t->count + 1 >= NODES_MAX || depth > 8)
            return NULL;
        int child = ++t->count;
        t->nodes[child] = (struct node){0};
        if (end == '}') {
            s = read_string(s, t->nodes[child].name, sizeof t->nodes[child].name);
            if (!s || *(s = skip(s)) != ':')
                return NULL;
            s++;
        }
        s = read_value(t, child, s, depth + 1);
        if (!s)
            return NULL;
        *(last ? &t->nodes[last].next : &t->nodes[at].child) = child;
        last = child;
        s = skip(s);
        if (*s == ',')
            s = skip(s + 1);
        else if (*s != end)
            return NULL;
    }
    return s + 1;
}

static const char *read_value(struct tree *t, int at, const char *s, int depth)
{
    struct node *n = &t->nodes[at];
    s = skip(s);
    if (*s == '{' || *s == '[')
        return read_children(t, at, s, depth);
    if (*s == '"') {
        n->type = '"';
        return read_string(s, n->text, sizeof n->text);
    }
    size_t len = strcspn(s, ",]} \t\r\n");
    if (len == 0 || len >= sizeof n->text)
        return NULL;
    memcpy(n->text, s, len);
    return s + len;
}

bool tree_read(struct tree *t, const char *json)
{
    t->count = 1;
    t->nodes[1] = (struct node){0};
    const char *end = read_value(t, 1, json, 0);
    return end && *skip(end) == 0;
}

int tree_member(const struct tree *t, int object, const char *name)
{
    for (int i = object ? t->nodes[object].child : 0; i; i = t->nodes[i].next)
        if (strcmp(t->nodes[i].name, name) == 0)
            return i;
    return 0;
}

const char *tree_text(const struct tree *t, int object, const char *name)
{
    int i = tree_member(t, object, name);
    return i ? t->nodes[i].text : "";
}

int tree_number(const struct tree *t, int object, const char *name, int otherwise)
{
    int i = tree_member(t, object, name);
    return i ? atoi(t->nodes[i].text) : otherwise;
}
