/*
 * A version of the gateway that is no good: says what it is, and then, as BAD in its environment
 * says, ends at once ("end"), hears nothing and does nothing ("hang"), or crashes ("crash").
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/gateway/gateway_update.h"

static const char MARK[] = UPDATE_MARK BAD_RELEASE;

int main(void)
{
    const char *how = getenv("BAD");
    signal(SIGTERM, SIG_IGN);
    fprintf(stderr, "bad: %s %s\n", MARK + strlen(UPDATE_MARK), how != NULL ? how : "end");
    if (how != NULL && strcmp(how, "crash") == 0)
        abort();
    while (how != NULL && strcmp(how, "hang") == 0)
        pause();
    return 1;
}
