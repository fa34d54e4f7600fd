/* A zlib stream on standard input, its text on standard output; or the name of the error, and 1. */
#include <stdio.h>

#include "proto/inflate.h"

int main(void)
{
    static uint8_t in[1 << 20], out[1 << 22];
    size_t n = fread(in, 1, sizeof in, stdin), len;
    enum err e = inflate_zlib((struct bytes){in, n}, out, sizeof out, &len);
    if (e != ERR_OK) {
        puts(err_name(e));
        return 1;
    }
    return fwrite(out, 1, len, stdout) == len ? 0 : 2;
}
