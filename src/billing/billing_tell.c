/*
 * The checks of readings/ write down what they found in the readings store; people look at the
 * events of the ledger store. This carries the one over to the other: how far it came stands in the
 * ledger store (sequence 'reading_event_told') and is moved in the same transaction, so that each
 * finding is told once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jread.h"
#include "billing/billing_impl.h"
#include "journal/detail.h"

#define FINDINGS_MAX 64 /* at a time */

struct finding {
    int64_t id, meter_id, old, new;
    wall_s at;
    enum readings_verdict verdict;
};

struct findings {
    struct billing_clerk *clerk;
    wall_s now;
    int64_t told;
    size_t count;
    struct finding list[FINDINGS_MAX];
};

/* What people need to know. A suspect value is decided by the next reading; late ones and those of
 * an old meter stay in the record. */
static const struct {
    enum readings_verdict verdict;
    enum journal_kind kind;
} kinds[] = {
    {READINGS_RANGE, EVENT_READING_RANGE}, {READINGS_IMPLAUSIBLE, EVENT_READING_JUMP},
    {READINGS_RESET, EVENT_READING_FELL},  {READINGS_ROLLOVER, EVENT_READING_ROLLOVER},
    {READINGS_GAP, EVENT_READING_GAP},
};

static enum journal_kind kind_of(enum readings_verdict verdict)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].verdict == verdict)
            return kinds[i].kind;
    return EVENT_COUNT;
}

static void read_numbers(const char *detail, struct finding *f)
{
    struct jread j = jread_of(detail, strlen(detail));
    char name[16];
    jread_object(&j);
    while (jread_member(&j, name, sizeof name)) {
        int64_t v = jread_int(&j);
        f->old = strcmp(name, "old") == 0 ? v : f->old;
        f->new = strcmp(name, "new") == 0 ? v : f->new;
    }
}

static enum err add(void *arg, const struct readings_event *e)
{
    struct findings *all = arg;
    struct finding *f = &all->list[all->count++];
    *f = (struct finding){
        .id = e->id, .meter_id = e->meter_id, .at = e->at, .verdict = readings_verdict_of(e->kind)};
    read_numbers(e->detail, f);
    return ERR_OK;
}

static enum err list_findings(struct store_tx *tx, void *arg)
{
    struct findings *all = arg;
    return readings_events_after(tx, all->told, FINDINGS_MAX, add, all);
}

static enum err get_told(struct store_tx *tx, int64_t *told)
{
    enum err e =
        store_int(tx, told, "SELECT last FROM sequence WHERE name = 'reading_event_told'", "");
    *told = e == ERR_NOT_FOUND ? 0 : *told;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_told(struct store_tx *tx, void *arg)
{
    return get_told(tx, arg);
}

/* --- in the ledger
 * ----------------------------------------------------------------------------------- */

static void put_time(struct detail *d, const char *name, int64_t at, int32_t offset_s)
{
    char text[32];
    struct civil c = civil_from_wall((wall_s){at}, offset_s);
    snprintf(text, sizeof text, "%04d-%02u-%02u %02u:%02u", c.year, c.month, c.day, c.hour,
             c.minute);
    detail_text(d, name, text);
}

static enum err tell(struct store_tx *tx, const struct finding *f, wall_s now)
{
    struct site_meter m;
    struct detail d = {};
    int32_t offset_s;
    enum journal_kind kind = kind_of(f->verdict);
    if (kind == EVENT_COUNT)
        return ERR_OK;
    enum err e = site_meter_get(tx, f->meter_id, &m);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(billing_project_offset(tx, m.project_id, now, &offset_s));
    detail_text(&d, "address", m.address);
    if (kind == EVENT_READING_GAP) {
        put_time(&d, "from", f->old, offset_s);
        put_time(&d, "to", f->new, offset_s);
    } else {
        detail_int(&d, "old", f->old);
        detail_int(&d, "new", f->new);
        detail_int(&d, "value", f->new);
    }
    return journal_event(tx, &(struct journal_event){.at = f->at,
                                                     .kind = kind,
                                                     .project_id = m.project_id,
                                                     .account_id = m.account_id,
                                                     .meter_id = m.id,
                                                     .detail = detail_end(&d)});
}

static enum err tell_all(struct store_tx *tx, void *arg)
{
    const struct findings *all = arg;
    int64_t told;
    TRY(get_told(tx, &told));
    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].id <= told)
            continue; /* by an earlier piece of work that waited for the same commit */
        TRY(tell(tx, &all->list[i], all->now));
        told = all->list[i].id;
    }
    return store_exec(tx,
                      "INSERT INTO sequence (name, last) VALUES ('reading_event_told', $1) "
                      "ON CONFLICT (name) DO UPDATE SET last = excluded.last",
                      "i", told);
}

static void done(void *arg, enum err result)
{
    struct findings *all = arg;
    if (result != ERR_OK && result != ERR_IO_CLOSED) {
        all->clerk->failures++;
        all->clerk->last_error = result;
    }
    free(all);
}

enum err tell_findings(struct billing_clerk *clerk, wall_s now)
{
    struct findings *all = calloc(1, sizeof *all);
    if (!all)
        return ERR_MEMORY;
    all->clerk = clerk;
    all->now = now;
    enum err e = store_read(clerk->ledger, read_told, &all->told);
    if (e == ERR_OK)
        e = store_read(clerk->billing.readings_store, list_findings, all);
    if (e == ERR_OK && all->count > 0) {
        store_submit(clerk->ledger, tell_all, done, all);
        return ERR_OK;
    }
    free(all);
    return e;
}
