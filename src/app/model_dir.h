/* Models that are not compiled in: the folder that YUFU_MODELS names. */
#ifndef YUFU_APP_MODEL_DIR_H
#define YUFU_APP_MODEL_DIR_H

#include <stdbool.h>

#include "meter/meter_model.h"

/* Every mistake of a file, one a line, in both languages. */
void app_model_print_faults(const char *file, const struct meter_faults *faults);
/* Adds or replaces models by all *.json of the folder, in the order of their names; NULL does
 * nothing. False: it cannot be read, or a file has mistakes (which are printed). */
bool app_models_load(const char *dir);

#define APP_MODEL_FILE_MAX_BYTES (256 * 1024)

#endif
