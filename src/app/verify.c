/* `yufu verify`: is every fen where it should be? Works on a running platform's files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/books.h"
#include "app/commands.h"
#include "app/options.h"
#include "io/io.h"

#define PROGRESS_AFTER_MS 2000
#define PROGRESS_EVERY_MS 500

struct command {
    int64_t started_ms, told_ms;
    bool line_open; /* a progress line stands unfinished on the terminal */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

static void end_line(struct command *c)
{
    if (c->line_open)
        fprintf(stderr, "\n");
    c->line_open = false;
}

static void tell_fault(void *arg, const char *part, const char *what)
{
    end_line(arg);
    printf("FAULT %-8s %s\n", part, what);
}

static void tell_progress(void *arg, const char *part, int64_t done)
{
    struct command *c = arg;
    int64_t now = now_ms();
    if (now - c->started_ms < PROGRESS_AFTER_MS || now - c->told_ms < PROGRESS_EVERY_MS)
        return;
    c->told_ms = now;
    c->line_open = true;
    fprintf(stderr, "\r%-8s %" PRId64 " ...", part, done);
}

/* SEQ:HASH as an earlier run printed it. */
static bool parse_head(const char *text, struct journal_head *head)
{
    char *end;
    size_t len = 0;
    head->seq = strtoll(text, &end, 10);
    return head->seq > 0 && *end == ':' &&
           hex_decode(end + 1, strlen(end + 1), head->hash, sizeof head->hash, &len) == ERR_OK &&
           len == sizeof head->hash;
}

static void print_report(const struct books_report *r, bool with_readings)
{
    char hex[2 * JOURNAL_HASH_SIZE + 1];
    hex_encode(r->audit.head.hash, JOURNAL_HASH_SIZE, hex);
    printf("files    %s: pages, indexes and constraints\n",
           with_readings ? "both databases" : "the ledger (there are no readings yet)");
    printf("audit    %" PRId64 " rows, each chained to the one before; head %" PRId64 ":%s\n",
           r->audit.rows, r->audit.head.seq, hex);
    hex_encode(r->ledger.head, LEDGER_HASH_SIZE, hex);
    printf("ledger   %" PRId64 " accounts, %" PRId64 " transactions, %" PRId64
           " postings: gapless, sealed, chained, each sum 0, balances = sums; head %s\n",
           r->ledger.accounts, r->ledger.transactions, r->ledger.postings, hex);
    int64_t sum = 0;
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++) {
        sum += r->ledger.totals_fen[b];
        if (r->ledger.totals_fen[b])
            printf("         %-12s %16" PRId64 " fen\n", ledger_book_name(b),
                   r->ledger.totals_fen[b]);
    }
    printf("         %-12s %16" PRId64 " fen\n", "sum", sum);
    printf("sales    %" PRId64 " orders, %" PRId64 " bindings, %" PRId64
           " confirmed by meters, %" PRId64 " on their way, %" PRId64
           " for a person; state = ledger = binding = meter\n",
           r->sales.orders, r->sales.bindings, r->sales.confirmed, r->sales.open,
           r->sales.conflicts);
    printf("requests %" PRId64 " for money, %" PRId64 " open, %" PRId64 " fen held; %" PRId64
           " exchanges of meters\n",
           r->requests.requests, r->requests.open, r->requests.held_fen, r->requests.exchanges);
    printf("charges  %" PRId64 " settlements, %" PRId64 " fen = revenue\n", r->settlements,
           r->settled_fen);
    printf("desk     %" PRId64 " shifts, %" PRId64 " entries, %" PRId64 " closed days, %" PRId64
           " runs, %" PRId64 " grants, %" PRId64 " late fees; till = cash book = ledger\n",
           r->desk.shifts, r->desk.entries, r->desk.days, r->desk.runs, r->desk.grants,
           r->desk.late_fees);
    printf("relays   %" PRId64 " registers, %" PRId64 " wishes, %" PRId64 " orders, %" PRId64
           " accounts judged, %" PRId64 " standing permissions; wish = order = audit, no cut "
           "against a guard\n",
           r->relays.registers, r->relays.wishes, r->relays.commands, r->relays.decisions,
           r->relays.permissions);
}

static enum err open_one(struct store **s, enum store_kind kind, const char *data, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", data, name);
    if (kind == STORE_READINGS && !io_file_exists(path))
        return ERR_OK; /* the platform was never started here */
    enum err e =
        store_open(s, &(struct store_config){.kind = kind, .path = path, .read_only = true});
    if (e != ERR_OK)
        fprintf(stderr, "yufu verify: %s: %s %s %s\n", path, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

static int verify(const char *data, const struct books_expected *expected)
{
    struct command c = {.started_ms = now_ms()};
    struct books_watch watch = {tell_fault, tell_progress, &c};
    struct books_report report;
    struct store *ledger = NULL, *readings = NULL;
    enum err e = open_one(&ledger, STORE_LEDGER, data, "ledger.db");
    if (e == ERR_OK)
        e = open_one(&readings, STORE_READINGS, data, "readings.db");
    if (e == ERR_OK) {
        e = books_check(ledger, readings, expected, &watch, &report);
        end_line(&c);
        if (e != ERR_OK)
            fprintf(stderr, "yufu verify: %s %s %s\n", err_name(e), err_text_en(e), err_text_zh(e));
        else
            print_report(&report, readings != NULL);
    }
    store_close(ledger);
    store_close(readings);
    if (e != ERR_OK)
        return 1;
    if (report.faults == 0)
        return puts("nothing wrong was found. 未发现问题。"), 0;
    printf("%" PRId64 " faults found. 发现 %" PRId64 " 处问题。\n", report.faults, report.faults);
    return 1;
}

int app_verify_main(int argc, char **argv)
{
    const char *data = "data", *head = NULL;
    struct books_expected expected = {};
    const struct option_row rows[] = {
        {"--data", "DIR", &data, "databases; the platform may be running"},
        {"--audit-head", "SEQ:HASH", &head, "printed by an earlier run and kept elsewhere"},
        {0}};
    int words;
    enum options_result r = options_parse(argc, argv, "[OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (words > 0 || (head && !parse_head(head, &expected.audit))) {
        fprintf(stderr, "yufu verify: no words are expected, and a head looks like SEQ:HASH\n");
        return 2;
    }
    return verify(data, &expected);
}
