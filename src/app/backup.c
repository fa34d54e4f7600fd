/* `yufu backup`: a consistent copy of both databases, taken while the platform runs. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "io/io.h"
#include "store/store.h"

static enum err say(enum err e, const char *path)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu backup: %s: %s %s %s\n", path, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* The copy is opened and checked before it is called a backup. */
static enum err check_copy(enum store_kind kind, const char *path)
{
    struct store *s = NULL;
    TRY(store_open(&s, &(struct store_config){.kind = kind, .path = path, .read_only = true}));
    enum err e = store_check(s);
    store_close(s);
    return e;
}

static enum err copy(enum store_kind kind, const char *data, const char *target, const char *name)
{
    char from[4096], to[4096];
    struct store *s = NULL;
    snprintf(from, sizeof from, "%s/%s", data, name);
    snprintf(to, sizeof to, "%s/%s", target, name);
    if (io_file_exists(to))
        return say(ERR_EXISTS, to);
    TRY(say(store_open(&s, &(struct store_config){.kind = kind, .path = from, .read_only = true}),
            from));
    enum err e = say(store_backup(s, to), to);
    store_close(s);
    TRY(e);
    TRY(say(check_copy(kind, to), to));
    printf("%s\n", to);
    return ERR_OK;
}

int app_backup_main(int argc, char **argv)
{
    const char *data = "data";
    const struct option_row rows[] = {
        {"--data", "DIR", &data, "databases; the platform may be running"}, {0}};
    int words;
    enum options_result r = options_parse(argc, argv, "[OPTION...] TARGET-DIR", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words != 1) {
        fprintf(stderr, "yufu backup: one target folder is needed (see --help)\n");
        return 2;
    }
    enum err e = say(io_directory_make(argv[1]), argv[1]);
    /* The ledger first: whatever the readings know beyond it is asked for again. */
    if (e == ERR_OK)
        e = copy(STORE_LEDGER, data, argv[1], "ledger.db");
    char readings[4096];
    snprintf(readings, sizeof readings, "%s/readings.db", data);
    if (e == ERR_OK && io_file_exists(readings)) /* absent before the platform's first start */
        e = copy(STORE_READINGS, data, argv[1], "readings.db");
    if (e == ERR_OK)
        printf("checked and complete. Keys and certificates are not part of it: keep them apart.\n"
               "备份已校验。密钥与证书不在其中，请另行保管。\n");
    return e == ERR_OK ? 0 : 1;
}
