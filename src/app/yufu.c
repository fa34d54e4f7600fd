/* `yufu`: the platform and its command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/model_dir.h"
#include "io/io.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
};

static const struct command commands[] = {
    {"demo", app_demo_main, "a live site on this machine, to look at"},
    {"serve", app_serve_main, "the platform: console, API, gateways"},
    {"import", app_import_main, "take a site file: places, accounts, gateways, meters"},
    {"verify", app_verify_main, "check the books against the orders and the meters"},
    {"backup", app_backup_main, "a consistent copy of a running platform"},
    {"person", app_person_main, "who may log in: yufu person add|reset|list|disable|enable"},
    {"order", app_order_main,
     "what a person must decide about sales: yufu order list|resolve|distrust"},
    {"billing", app_billing_main,
     "settlements that wait, prices applied to the past: yufu billing held|repair|rerates"},
    {"decide", app_decide_main, "revoke a gateway, release the breaker, preview a strategy"},
    {"update", app_update_main,
     "programs of gateways: yufu update add|list|remove|push|show|stop"},
    {"manual", app_manual_main, "the tables of the operations manual: events, logs, errors"},
    {"frame", app_frame_main, "say what meter frames mean: yufu frame decode [--proto P] [HEX...]"},
    {"model", app_model_main, "meter models: yufu model check FILE.json... | list | schema"},
    {"rate", app_rate_main, "what a price plan makes of a usage: yufu rate PLAN.json USAGE.csv"},
    {"forecast", app_forecast_main,
     "will balances last: yufu forecast --data FILE --days N"},
    {"report-energy", app_report_energy_main,
     "report a site's energy to a data centre of the building-energy programme"},
    {"bench", app_bench_main, "ratios against stated baselines: yufu bench freshness"},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static int usage(FILE *to)
{
    fprintf(to, "usage: yufu COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-13s %s\n", commands[i].name, commands[i].about);
    fprintf(to, "\nEach command explains itself with --help.\n");
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    io_files_private(); /* customers, password hashes, secrets of gateways */
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        printf("yufu %s\n", YUFU_VERSION);
        return 0;
    }
    if (!app_models_load(getenv("YUFU_MODELS")))
        return 2;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "yufu: there is no command '%s'\n\n", argv[1]);
    return usage(stderr);
}
