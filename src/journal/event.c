#include <string.h>

#include "base/must.h"
#include "journal/journal.h"

#define INFO JOURNAL_INFO
#define WARNING JOURNAL_WARNING
#define ALARM JOURNAL_ALARM

static const struct {
    const char *name;
    enum journal_severity severity;
    const char *en, *zh;
} kinds[EVENT_COUNT] = {
#define EVENT_ROW(id, name, severity, en, zh) [EVENT_##id] = {name, severity, en, zh},
#include "journal/event_table.h"
#undef EVENT_ROW
};

static const char *const severities[] = {"info", "warning", "alarm"};

const char *journal_kind_name(enum journal_kind kind)
{
    MUST(kind < EVENT_COUNT);
    return kinds[kind].name;
}

enum journal_severity journal_kind_severity(enum journal_kind kind)
{
    MUST(kind < EVENT_COUNT);
    return kinds[kind].severity;
}

const char *journal_severity_name(enum journal_severity severity)
{
    MUST(severity <= JOURNAL_ALARM);
    return severities[severity];
}

const char *journal_kind_en(enum journal_kind kind)
{
    MUST(kind < EVENT_COUNT);
    return kinds[kind].en;
}

const char *journal_kind_zh(enum journal_kind kind)
{
    MUST(kind < EVENT_COUNT);
    return kinds[kind].zh;
}

enum journal_kind journal_kind_of(const char *name)
{
    enum journal_kind kind = 0;
    while (kind < EVENT_COUNT && strcmp(kinds[kind].name, name) != 0)
        kind++;
    return kind;
}

enum err journal_event(struct store_tx *tx, const struct journal_event *event)
{
    int64_t id;
    TRY(store_next_id(tx, "event", &id));
    return store_exec(
        tx,
        "INSERT INTO event (id, at, project_id, account_id, meter_id, kind, severity, "
        "detail) VALUES ($1, $2, $3, nullif($4, 0), nullif($5, 0), $6, $7, $8)",
        "iiiiittt", id, event->at.s, event->project_id, event->account_id, event->meter_id,
        journal_kind_name(event->kind), journal_severity_name(journal_kind_severity(event->kind)),
        event->detail ? event->detail : "{}");
}
