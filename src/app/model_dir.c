#include "app/model_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

void app_model_print_faults(const char *file, const struct meter_faults *faults)
{
    FILE *out = stdout;
    size_t shown = faults->count < METER_FAULTS_MAX ? faults->count : METER_FAULTS_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct meter_fault *f = &faults->list[i];
        fprintf(out, "%s: %s: %s / %s%s%s%s\n", file, f->place[0] ? f->place : "/",
                meter_fault_en(f->kind), meter_fault_zh(f->kind), f->what[0] ? " (" : "", f->what,
                f->what[0] ? ")" : "");
    }
    if (faults->count > shown)
        fprintf(out, "%s: and %zu more / 另有 %zu 处\n", file, faults->count - shown,
                faults->count - shown);
}

static int is_model(const struct dirent *d)
{
    size_t len = strlen(d->d_name);
    return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".json") == 0;
}

static bool load(const char *dir, const char *name)
{
    static struct meter_faults faults;
    struct bytes text;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if ((size_t)n >= sizeof path || io_file_read(path, APP_MODEL_FILE_MAX_BYTES, &text) != ERR_OK) {
        fprintf(stderr, "%s/%s cannot be read / 无法读取\n", dir, name);
        return false;
    }
    enum err e = meter_models_add((const char *)text.data, text.len, &faults);
    io_file_free(&text);
    if (e == ERR_SYNTAX)
        app_model_print_faults(path, &faults);
    else if (e != ERR_OK)
        fprintf(stderr, "%s: %s / %s\n", path, err_text_en(e), err_text_zh(e));
    return e == ERR_OK;
}

bool app_models_load(const char *dir)
{
    struct dirent **list;
    if (!dir || !dir[0])
        return true;
    int n = scandir(dir, &list, is_model, alphasort);
    if (n < 0) {
        fprintf(stderr, "YUFU_MODELS: %s cannot be read / 无法读取\n", dir);
        return false;
    }
    bool good = true;
    for (int i = 0; i < n; i++) {
        good = load(dir, list[i]->d_name) && good;
        free(list[i]);
    }
    free(list);
    return good;
}
