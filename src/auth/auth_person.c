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

enum err auth_one_time_password(char password[AUTH_ONE_TIME_SIZE])
{
    if (sodium_init() < 0)
        return ERR_BUG;
    auth_password_random(password);
    return ERR_OK;
}

enum err auth_person_disable(struct store_tx *tx, const char *login, bool disabled)
{
    int64_t id, others;
    TRY(store_int(tx, &id, "SELECT id FROM person WHERE login = $1", "t", login));
    TRY(store_int(tx, &others,
                  "SELECT count(*) FROM person WHERE role = 'admin' AND disabled = 0 AND id <> $1",
                  "i", id));
    if (disabled && others == 0)
        return ERR_STATE;
    TRY(store_exec(tx, "UPDATE person SET disabled = $2 WHERE id = $1", "ii", id,
                   (int64_t)disabled));
    return disabled ? auth_session_end_all(tx, id) : ERR_OK;
}

enum err auth_people(struct store_tx *tx, int64_t project_id, auth_person_each *each, void *arg)
{
    struct query q =
        query_open(tx,
                   "SELECT p.id, p.login, p.name, p.role, p.must_change, p.disabled, "
                   "(SELECT count(*) FROM person_project g WHERE g.person_id = p.id) "
                   "FROM person p WHERE $1 = 0 OR p.role = 'admin' OR EXISTS (SELECT 1 FROM "
                   "person_project g WHERE g.person_id = p.id AND g.project_id = $1) "
                   "ORDER BY p.login",
                   "i", project_id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = each(arg, &(struct auth_person){.id = query_int(&q, 0),
                                            .login = query_text(&q, 1),
                                            .name = query_text(&q, 2),
                                            .role = query_text(&q, 3),
                                            .must_change = query_int(&q, 4) != 0,
                                            .disabled = query_int(&q, 5) != 0,
                                            .projects = query_int(&q, 6)});
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
