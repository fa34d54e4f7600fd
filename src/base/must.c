#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

void must_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "must.broken file=%s line=%d promise=\"%s\"\n", file, line, what);
    abort();
}
