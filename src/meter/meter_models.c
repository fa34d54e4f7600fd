/* The models that there are: those of models/, read once, and those that were added. */
#include <pthread.h>
#include <string.h>

#include "base/must.h"
#include "meter/meter_impl.h"
#include "meter/shape_impl.h"

#define MODELS_MAX 64

static struct meter_model models[MODELS_MAX];
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

enum err meter_model_read(const char *text, size_t len, struct meter_model *m,
                          struct meter_faults *faults)
{
    *m = (struct meter_model){0};
    faults->count = 0;
    shape_read(&meter_model_shape, text, len, m, faults);
    bool shaped = faults->count == 0;
    if (shaped || m->item_count > 0)
        meter_model_check(m, faults);
    return faults->count == 0 ? ERR_OK : ERR_SYNTAX;
}

/* A file that is built in was checked when the program was tested. */
static void read_own(void)
{
    static struct meter_faults faults;
    MUST(meter_model_text_count <= MODELS_MAX);
    for (count = 0; count < meter_model_text_count; count++)
        MUST(meter_model_read(meter_model_texts[count].text, meter_model_texts[count].len,
                              &models[count], &faults) == ERR_OK);
}

const struct meter_model *meter_model_at(size_t index)
{
    pthread_once(&once, read_own);
    return index < count ? &models[index] : NULL;
}

static size_t index_of(const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(models[i].name, name) != 0)
        i++;
    return i;
}

const struct meter_model *meter_model_find(const char *name)
{
    pthread_once(&once, read_own);
    return meter_model_at(index_of(name));
}

enum err meter_models_add(const char *text, size_t len, struct meter_faults *faults)
{
    static struct meter_model m; /* too large for a stack */
    pthread_once(&once, read_own);
    TRY(meter_model_read(text, len, &m, faults));
    size_t i = index_of(m.name);
    if (i == MODELS_MAX)
        return ERR_FULL;
    models[i] = m;
    count += i == count;
    return ERR_OK;
}
