/*
 * Runs a fuzz target over seeds without libFuzzer: every line of a vectors file, and of each line
 * every cut and every single-byte change that a small stride reaches. Prints how many inputs ran.
 *   replay VECTORS...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

static void run(const uint8_t *data, size_t len)
{
    /* A copy of exact size, so that sanitizers see a read past the end. */
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    runs++;
}

static void run_variants(uint8_t *data, size_t len)
{
    run(data, len);
    for (size_t i = 0; i < len; i++) {
        run(data, i);
        for (unsigned step = 1; step < 256; step += 50) {
            data[i] = (uint8_t)(data[i] + step);
            /* With the sum put right again, so that the change gets past the checksum. */
            uint8_t kept = len > 2 ? data[len - 2] : 0;
            run(data, len);
            if (i + 2 < len)
                data[len - 2] = (uint8_t)(kept + step);
            run(data, len);
            if (i + 2 < len)
                data[len - 2] = kept;
            data[i] = (uint8_t)(data[i] - step);
        }
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            perror(argv[i]);
            return 2;
        }
        char line[4096];
        while (fgets(line, sizeof line, file)) {
            uint8_t data[1024];
            size_t len = 0;
            line[strcspn(line, "|#\n")] = '\0';
            if (hex_decode(line, strlen(line), data, sizeof data, &len) == ERR_OK)
                run_variants(data, len);
        }
        (void)fclose(file); /* read only */
    }
    printf("%lu inputs replayed\n", runs);
    return runs == 0;
}
