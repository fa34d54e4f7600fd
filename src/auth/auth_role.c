#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"

#define V(verb) (1u << AUTH_##verb)

static const char *const verb_names[AUTH_VERB_COUNT] = {
    [AUTH_SELF] = "self",         [AUTH_VIEW] = "view",     [AUTH_MONEY] = "money",
    [AUTH_SELL] = "sell",         [AUTH_CANCEL] = "cancel", [AUTH_RELAY] = "relay",
    [AUTH_KEEP] = "keep",         [AUTH_IMPORT] = "import", [AUTH_CLAIM] = "claim",
    [AUTH_BOOKS] = "books",       [AUTH_AUDIT] = "audit",   [AUTH_PRICE] = "price",
    [AUTH_STRATEGY] = "strategy", [AUTH_TERMINAL] = "terminal",
};

/* Who may what. Nothing else decides. */
static const struct {
    const char *name;
    unsigned verbs;
} roles[AUTH_ROLE_COUNT] = {
    [AUTH_ADMIN] = {"admin", V(SELF) | V(VIEW) | V(MONEY) | V(SELL) | V(CANCEL) | V(RELAY) |
                                 V(KEEP) | V(IMPORT) | V(CLAIM) | V(BOOKS) | V(AUDIT) | V(PRICE) |
                                 V(STRATEGY) | V(TERMINAL)},
    [AUTH_MANAGER] = {"manager", V(SELF) | V(VIEW) | V(MONEY) | V(SELL) | V(CANCEL) | V(RELAY) |
                                     V(KEEP) | V(IMPORT) | V(BOOKS) | V(AUDIT) | V(PRICE) |
                                     V(STRATEGY) | V(TERMINAL)},
    [AUTH_CASHIER] = {"cashier", V(SELF) | V(VIEW) | V(MONEY) | V(SELL) | V(CANCEL)},
    [AUTH_FINANCE] = {"finance",
                      V(SELF) | V(VIEW) | V(MONEY) | V(CANCEL) | V(BOOKS) | V(AUDIT) | V(PRICE)},
    [AUTH_OFFICER] = {"officer", V(SELF) | V(VIEW) | V(MONEY) | V(RELAY) | V(KEEP) | V(STRATEGY) |
                                     V(TERMINAL)},
    [AUTH_ENGINEER] = {"engineer", V(SELF) | V(VIEW) | V(RELAY) | V(IMPORT) | V(TERMINAL)},
    [AUTH_WARDEN] = {"warden", V(SELF) | V(VIEW) | V(RELAY)},
    [AUTH_AUDITOR] = {"auditor", V(SELF) | V(VIEW) | V(MONEY) | V(AUDIT)},
};

const char *auth_role_name(enum auth_role r)
{
    return (unsigned)r < AUTH_ROLE_COUNT ? roles[r].name : "";
}

const char *auth_verb_name(enum auth_verb v)
{
    return (unsigned)v < AUTH_VERB_COUNT ? verb_names[v] : "";
}

enum err auth_role_parse(const char *name, enum auth_role *r)
{
    for (unsigned i = 0; i < AUTH_ROLE_COUNT; i++) {
        if (strcmp(name, roles[i].name) == 0) {
            *r = (enum auth_role)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

bool auth_role_may(enum auth_role r, enum auth_verb v)
{
    return (unsigned)r < AUTH_ROLE_COUNT && (unsigned)v < AUTH_VERB_COUNT &&
           (roles[r].verbs >> v & 1u);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool auth_sees(const struct auth_principal *p, int64_t project_id)
{
    if (p->role == AUTH_ADMIN)
        return true;
    return bsearch(&project_id, p->projects, p->project_count, sizeof p->projects[0], ascending);
}

enum err auth_may(const struct auth_principal *p, enum auth_verb v, int64_t project_id)
{
    if (p->must_change && v != AUTH_SELF)
        return ERR_AUTH_PASSWORD_CHANGE;
    if (project_id && !auth_sees(p, project_id))
        return ERR_NOT_FOUND;
    return auth_role_may(p->role, v) ? ERR_OK : ERR_AUTH_FORBIDDEN;
}
