/* Any bytes as a site file: the reader ends, cells are text, and a comparison changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "site/csv.h"
#include "site/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const uint8_t *data, size_t size)
{
    struct csv csv;
    if (csv_open(&csv, data, size) != ERR_OK)
        return;
    int64_t rows = 0;
    while (csv_next(&csv) == ERR_OK) {
        MUST(++rows <= (int64_t)size && csv.cell_count <= CSV_COLUMNS_MAX);
        for (size_t i = 0; i < csv.cell_count; i++)
            MUST(strlen(csv.cells[i]) <= csv.len);
    }
    csv_close(&csv);
}

static enum err compare(struct store_tx *tx, void *arg)
{
    return site_import_compare(arg, tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    struct site_import *im = NULL;
    size_t errors = 0;
    if (!store)
        MUST(store_open(&store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) ==
             ERR_OK);
    read_all(data, size);
    MUST(site_import_open(&im, data, size) == ERR_OK);
    enum err e = store_read(store, compare, im);
    MUST(e == ERR_OK || e == ERR_SITE_IMPORT);
    const struct site_import_error *list = site_import_errors(im, &errors);
    for (size_t i = 0; i < errors; i++)
        MUST(list[i].column && list[i].code != ERR_OK && memchr(list[i].value, 0, sizeof list->value));
    site_import_close(im);
    return 0;
}
