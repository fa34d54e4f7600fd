/*
 * `yufu-sim line`: what one line gives. Three lines in virtual time: a full one at 2400 baud,
 * useful time against what the physics allows; a full one at 9600 baud, how old is what we know;
 * and one on which everything goes wrong at once.
 */
#ifndef YUFU_SIM_BENCH_LINE_H
#define YUFU_SIM_BENCH_LINE_H

int line_main(int argc, char **argv);

#endif
