#include "base/err.h"

struct err_row {
    const char *name;
    const char *en;
    const char *zh;
    enum err_class class;
};

static const struct err_row rows[ERR_COUNT] = {
#define ERR_ROW(name, class, en, zh) [name] = {&#name[4], en, zh, ERR_CLASS_##class},
#include "base/err_table.h"
#undef ERR_ROW
};

static const struct err_row *row_of(enum err e)
{
    return &rows[(unsigned)e < ERR_COUNT ? (unsigned)e : (unsigned)ERR_BUG];
}

const char *err_name(enum err e)
{
    return row_of(e)->name;
}

const char *err_text_en(enum err e)
{
    return row_of(e)->en;
}

const char *err_text_zh(enum err e)
{
    return row_of(e)->zh;
}

enum err_class err_class_of(enum err e)
{
    return row_of(e)->class;
}
