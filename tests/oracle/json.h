/* A tiny reader of JSON, for plans that stand in a file: a tree of nodes, no numbers made. */
#ifndef YUFU_TESTS_ORACLE_JSON_H
#define YUFU_TESTS_ORACLE_JSON_H

#include <stdbool.h>

struct node {
    char name[32];   /* of a member */
    char type;       /* one of {, [, ", 0 (a bare word) */
    char text[64];   /* of a string or a bare word */
    int child, next; /* 0: none */
};

#define NODES_MAX 4096

struct tree {
    struct node nodes[NODES_MAX]; /* the root is 1 */
    int count;
};

bool tree_read(struct tree *t, const char *json);
/* 0 if there is none. */
int tree_member(const struct tree *t, int object, const char *name);
/* "" if there is none. */
const char *tree_text(const struct tree *t, int object, const char *name);
int tree_number(const struct tree *t, int object, const char *name, int otherwise);

#endif
