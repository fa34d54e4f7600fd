/*
 * The sub-commands of `yufu`. Each takes the words after its own name (argv[0] is the name) and
 * returns the process's exit code: 0 done, 1 it found or met something wrong, 2 wrong usage.
 */
#ifndef YUFU_APP_COMMANDS_H
#define YUFU_APP_COMMANDS_H

int app_serve_main(int argc, char **argv);
int app_demo_main(int argc, char **argv);
int app_frame_main(int argc, char **argv);
int app_import_main(int argc, char **argv);
int app_verify_main(int argc, char **argv);
int app_backup_main(int argc, char **argv);
int app_order_main(int argc, char **argv);
int app_billing_main(int argc, char **argv);
int app_person_main(int argc, char **argv);
int app_decide_main(int argc, char **argv);
int app_manual_main(int argc, char **argv);
int app_rate_main(int argc, char **argv);
int app_bench_main(int argc, char **argv);
int app_forecast_main(int argc, char **argv);
int app_report_energy_main(int argc, char **argv);
int app_update_main(int argc, char **argv);
int app_model_main(int argc, char **argv);

#endif
