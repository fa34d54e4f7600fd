/*
 * `yufu-sim freshness`: how old is what we know? The production gateway polls one simulated line in
 * virtual time, with damaged frames and a dead meter, while relays are ordered about. Prints the
 * distribution of ages, how long orders waited, and the line's useful time against its busy time.
 */
#ifndef YUFU_SIM_BENCH_FRESHNESS_H
#define YUFU_SIM_BENCH_FRESHNESS_H

int freshness_main(int argc, char **argv);

#endif
