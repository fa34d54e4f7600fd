/* Appliances as their waveforms, made from physics and not from the rules. */
#ifndef YUFU_TESTS_UNIT_TERMINAL_LOAD_WAVES_H
#define YUFU_TESTS_UNIT_TERMINAL_LOAD_WAVES_H

#define RATED 220.0

/* What an appliance draws at `ms` after it was switched on, at time angle a (0 .. 2 pi) of a cycle
 * and voltage u: its current. `w` is its rating at 220 V. */
typedef double draw(double w, double u, double a, double ms);

draw resistance, half_wave, uneven_wave, cut_45, cut_65, cut_90, universal, saturated, induction,
    compressor, standing, tungsten, filament, quartz, up_in_3, up_in_10, up_in_15, raised_in_3,
    raised_in_8, warming, in_bursts, by_half_waves, opened_slowly, bouncing, supply, corrected,
    inverter, inverter_like_a_cut, soft_supply, inverter_oven, controlled;

#endif
