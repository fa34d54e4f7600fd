#include <ctype.h>
#include <string.h>

#include "auth/auth_impl.h"

static bool name_ok(const char *login)
{
    size_t len = strlen(login);
    if (len < 1 || len > AUTH_LOGIN_MAX)
        return false;
    for (const char *p = login; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-@", *p))
            return false;
    return true;
}

static enum err grant(struct store_tx *tx, int64_t person_id, const struct auth_new_person *n)
{
    for (size_t i = 0; i < n->project_count; i++)
        TRY(store_exec(tx, "INSERT INTO person_project (person_id, project_id) VALUES ($1, $2)",
                       "ii", person_id, n->projects[i]));
    return ERR_OK;
}

static enum err insert(struct store_tx *tx, const struct auth_new_person *n, int64_t *id)
{
    char hash[AUTH_HASH_TEXT];
    int64_t taken;
    enum err found = store_int(tx, &taken, "SELECT id FROM person WHERE login = $1", "t", n->login);
    if (found != ERR_NOT_FOUND)
        return found == ERR_OK ? ERR_EXISTS : found;
    TRY(auth_password_hash(n->password, hash));
    TRY(store_next_id(tx, "person", id));
    TRY(store_exec(tx,
                   "INSERT INTO person (id, login, name, password, role, must_change) "
                   "VALUES ($1, $2, $3, $4, $5, $6)",
                   "itttti", *id, n->login, n->name, hash, auth_role_name(n->role),
                   (int64_t)n->must_change));
    return grant(tx, *id, n);
}

enum err auth_person_add(struct store_tx *tx, const struct auth_new_person *n, int64_t *id)
{
    if (sodium_init() < 0)
        return ERR_BUG;
    if (!name_ok(n->login) || strlen(n->name) > AUTH_LOGIN_MAX ||
        (unsigned)n->role >= AUTH_ROLE_COUNT || n->project_count > AUTH_PROJECTS_MAX)
        return ERR_RANGE;
    TRY(auth_password_check(n->login, n->password));
    return insert(tx, n, id);
}

enum err auth_first_admin(struct store_tx *tx, char *password)
{
    int64_t people, id;
    TRY(store_int(tx, &people, "SELECT count(*) FROM person", ""));
    if (people > 0)
        return ERR_EXISTS;
    if (sodium_init() < 0)
        return ERR_BUG;
    auth_password_random(password);
    struct auth_new_person n = {.login = "admin",
                                .name = "管理员 Administrator",
                                .password = password,
                                .role = AUTH_ADMIN,
                                .must_change = true};
    return insert(tx, &n, &id);
}

enum err auth_reset_password(struct store_tx *tx, const char *login, char *password)
{
    char hash[AUTH_HASH_TEXT];
    int64_t id;
    if (sodium_init() < 0)
        return ERR_BUG;
    TRY(store_int(tx, &id, "SELECT id FROM person WHERE login = $1", "t", login));
    auth_password_random(password);
    TRY(auth_password_hash(password, hash));
    TRY(store_exec(tx, "UPDATE person SET password = $2, must_change = 1 WHERE id = $1", "it", id,
                   hash));
    return auth_session_end_all(tx, id);
}
