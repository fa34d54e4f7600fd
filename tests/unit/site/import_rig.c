#include "tests/unit/site/import_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/store_sql.h"

int rig_open(void **state)
{
    struct store *s = NULL;
    if (store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) != ERR_OK)
        return -1;
    *state = s;
    return 0;
}

int rig_close(void **state)
{
    store_close(*state);
    return 0;
}

struct job {
    struct site_import *im;
    bool commit;
    int64_t now;
};

static enum err run_import(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return j->commit ? site_import_commit(j->im, tx, "user:1", (wall_s){j->now})
                     : site_import_compare(j->im, tx);
}

struct site_import *rig_import_open(const char *text)
{
    struct site_import *im = NULL;
    assert_ok(site_import_open(&im, text, strlen(text)));
    assert_ok(site_import_plan(im, "p", FLAT));
    assert_ok(site_import_strategy(im, "s", POLICY));
    return im;
}

enum err rig_compare(void **state, struct site_import *im)
{
    return store_read(*state, run_import, &(struct job){im, false, 0});
}

enum err rig_commit(void **state, struct site_import *im)
{
    return store_run(*state, run_import, &(struct job){im, true, 1'790'000'000});
}

enum err rig_import(void **state, const char *text)
{
    struct site_import *im = rig_import_open(text);
    enum err e = rig_commit(state, im);
    site_import_close(im);
    return e;
}

int64_t rig_number(void **state, const char *sql)
{
    return sql_number(*state, sql);
}

/* Everything that an import may write, in one number: rows of all its tables. */
int64_t rig_everything(void **state)
{
    return rig_number(state,
                      "SELECT (SELECT count(*) FROM organisation) + (SELECT count(*) FROM project) "
                      "+ (SELECT count(*) FROM place) + (SELECT count(*) FROM gateway) "
                      "+ (SELECT count(*) FROM line) + (SELECT count(*) FROM customer) "
                      "+ (SELECT count(*) FROM account) + (SELECT count(*) FROM meter) "
                      "+ (SELECT count(*) FROM price_plan) + (SELECT count(*) FROM strategy) "
                      "+ (SELECT count(*) FROM audit) + (SELECT count(*) FROM event) "
                      "+ (SELECT count(*) FROM sequence)");
}

bool rig_told(const struct site_import *im, int64_t row, const char *column, enum err code)
{
    size_t count;
    const struct site_import_error *e = site_import_errors(im, &count);
    for (size_t i = 0; i < count; i++)
        if (e[i].row == row && strcmp(e[i].column, column) == 0 && e[i].code == code)
            return true;
    return false;
}

/* ROW_1 with one cell replaced. */
void rig_with_cell(const char *column, const char *value, char *out, size_t cap)
{
    char header[] = HEADER, row[] = ROW_1;
    char *cells[32] = {};
    size_t count = 0, which = 99, len = 0;
    for (char *p = row; p && count < 32; count++) {
        cells[count] = p;
        p = strchr(p, ',');
        if (p)
            *p++ = 0;
    }
    cells[count - 1][strcspn(cells[count - 1], "\n")] = 0;
    size_t i = 0;
    for (char *p = strtok(header, ",\n"); p; p = strtok(NULL, ",\n"), i++)
        if (strcmp(p, column) == 0)
            which = i;
    assert_true(which < count);
    cells[which] = (char *)(uintptr_t)value;
    len = (size_t)snprintf(out, cap, "%s", HEADER);
    for (i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? "," : "", cells[i]);
    snprintf(out + len, cap - len, "\n");
}
