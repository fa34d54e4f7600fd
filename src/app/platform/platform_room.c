/* A full disk: what could not be written was answered by name (ERR_STORE_FULL). That it was so is
 * told to every project as soon as there is room for it. */
#include "app/platform/platform_impl.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define AGAIN_MS 600'000 /* a disk that is full again and again is told so often */

static enum err tell(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    struct detail d = {};
    detail_int(&d, "minutes", (p->now.mono.ms - p->full_since.ms) / 60'000);
    return platform_tell_each(p, tx, EVENT_STORE_FULL, detail_end(&d));
}

void platform_room_look(struct platform *p)
{
    bool ledger = store_was_full(p->ledger), readings = store_was_full(p->readings_store);
    if ((ledger || readings) && !p->disk_full) {
        p->disk_full = true;
        p->full_since = p->now.mono;
    }
    if (!p->disk_full || !mono_due(p->full_again, p->now.mono) ||
        store_run(p->ledger, tell, p) != ERR_OK)
        return; /* tried again at the next look */
    p->disk_full = false;
    p->full_again = mono_after(p->now.mono, AGAIN_MS);
}
