/* `yufu model`: the meter models that there are, and what is wrong with a new one. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/model_dir.h"
#include "io/io.h"
#include "meter/meter_model.h"

static int usage(FILE *to)
{
    fprintf(to,
            "usage: yufu model check FILE.json...   every mistake of model files, with its place\n"
            "       yufu model list                 the models that are compiled in\n"
            "       yufu model schema               the JSON schema of a model file\n");
    return to == stdout ? 0 : 2;
}

static const char class_letters[] = "ABCD";

static void print_orders(const struct meter_model *m)
{
    static const struct {
        enum meter_order order;
        const char *name;
    } names[] = {{METER_ORDER_OPEN, "cut"},
                 {METER_ORDER_CLOSE, "restore"},
                 {METER_ORDER_KEEP_ON, "keep-power"},
                 {METER_ORDER_EXERCISE, "exercise"}};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (m->actions[names[i].order].how != METER_HOW_NOT) {
            printf("%s%s%s", any ? " " : "", names[i].name,
                   m->actions[names[i].order].how == METER_HOW_SEALED ? "(sealed)" : "");
            any = true;
        }
    printf("%s\n", any ? "" : "-");
}

static int list(void)
{
    const struct meter_model *m;
    for (size_t i = 0; (m = meter_model_at(i)); i++) {
        printf("%-24s %-12s %-11s class %c  rows %2u  %s / %s\n", m->name, m->driver->name,
               meter_kind_name(m->kind), class_letters[m->class], m->item_count, m->title_en,
               m->title_zh);
        printf("%-24s orders: ", "");
        print_orders(m);
    }
    return 0;
}

static bool check(const char *path)
{
    static struct meter_model m;
    static struct meter_faults faults;
    struct bytes text;
    if (io_file_read(path, APP_MODEL_FILE_MAX_BYTES, &text) != ERR_OK) {
        fprintf(stderr, "yufu model: %s cannot be read / 无法读取\n", path);
        return false;
    }
    enum err e = meter_model_read((const char *)text.data, text.len, &m, &faults);
    io_file_free(&text);
    if (e != ERR_OK) {
        app_model_print_faults(path, &faults);
        return false;
    }
    printf("%s: %s is good / 无误：%u rows, class %c\n", path, m.name, m.item_count,
           class_letters[m.class]);
    return true;
}

static void print_piece(void *arg, const char *text)
{
    (void)arg;
    fputs(text, stdout);
}

int app_model_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0)
        return usage(stdout);
    if (strcmp(word, "list") == 0 && argc == 2)
        return list();
    if (strcmp(word, "schema") == 0 && argc == 2) {
        meter_model_schema(print_piece, NULL);
        return 0;
    }
    if (strcmp(word, "check") != 0 || argc < 3)
        return usage(stderr);
    bool good = true;
    for (int i = 2; i < argc; i++)
        good = check(argv[i]) && good;
    return good ? 0 : 1;
}
