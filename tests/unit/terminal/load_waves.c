#include "tests/unit/terminal/load_waves.h"

#include <math.h>

double resistance(double w, double u, double a, double ms)
{
    (void)a;
    (void)ms;
    return u * w / (RATED * RATED);
}

double half_wave(double w, double u, double a, double ms)
{
    (void)a;
    (void)ms;
    return u > 0 ? u * 2 * w / (RATED * RATED) : 0;
}

/* A stage between: every second half wave at half. */
double uneven_wave(double w, double u, double a, double ms)
{
    (void)a;
    (void)ms;
    return (u > 0 ? 1.6 : 0.25) * u * w / (RATED * RATED);
}

static double cut(double w, double u, double a, double angle)
{
    return fmod(a, M_PI) >= angle ? u * w / (RATED * RATED) : 0;
}
double cut_45(double w, double u, double a, double ms)
{
    (void)ms;
    return cut(w, u, a, M_PI / 4);
}
double cut_65(double w, double u, double a, double ms)
{
    (void)ms;
    return cut(w, u, a, 65 * M_PI / 180);
}
double cut_90(double w, double u, double a, double ms)
{
    (void)ms;
    return cut(w, u, a, M_PI / 2);
}

/* Commutator motor: lags a little, third harmonic of 15 %, half as much again at the start. */
double universal(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED / cos(0.08) * (1 + 0.5 * exp(-ms / 250));
    (void)u;
    return amplitude * (sin(a - 0.08) - 0.15 * sin(3 * a - 0.4));
}

/* One that saturates: more third harmonic while it starts than when it runs; factor 0.983. */
double saturated(double w, double u, double a, double ms)
{
    double start = exp(-ms / 600), lag = 0.12 + 0.35 * start;
    double amplitude = sqrt(2) * w / RATED / cos(0.12) * (1 + 0.7 * start);
    (void)u;
    return amplitude * (sin(a - lag) - 0.13 * (1 + start) * sin(3 * (a - lag)));
}

/* Induction motor: factor 0.6, five times the current for a fifth of a second. */
double induction(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED / 0.6, start = 1 + 4 * exp(-ms / 80);
    (void)u;
    return amplitude * start * sin(a - acos(ms < 150 ? 0.45 : 0.6));
}

/* A compressor with its capacitor: factor 0.95, four times the current at the start. */
double compressor(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED / 0.95, start = 1 + 3 * exp(-ms / 150);
    (void)u;
    return amplitude * start * sin(a - acos(0.95));
}

/* A large one whose rotor stands still for 0.3 s: the same all the while. */
double standing(double w, double u, double a, double ms)
{
    double angle = ms < 300 ? acos(0.6) : acos(0.97), start = ms < 300 ? 5 : 1;
    (void)u;
    return sqrt(2) * w / RATED / 0.97 * start * (sin(a - angle) - 0.03 * sin(3 * (a - angle)));
}

/* Tungsten that heats up within the cycle, not from one to the next. */
double tungsten(double w, double u, double a, double ms)
{
    return u * w / (RATED * RATED) * (1 + 9 * exp(-(ms + a / 2 / M_PI * 20) / 25));
}

/* A filament: eight times while cold. */
double filament(double w, double u, double a, double ms)
{
    (void)a;
    return u * w / (RATED * RATED) * (1 + 7 * exp(-ms / 40));
}

/* A quartz tube: a second until it glows. */
double quartz(double w, double u, double a, double ms)
{
    (void)a;
    return u * w / (RATED * RATED) * (1 + 4 * exp(-ms / 500));
}

/* Behind a control that is turned up within three, ten and fifteen seconds. */
static double turned_up(double w, double u, double a, double part)
{
    return cut(w, u, a, fmax(0, 2.6 * (1 - part)));
}
double up_in_3(double w, double u, double a, double ms)
{
    return turned_up(w, u, a, ms / 3'000);
}
double up_in_10(double w, double u, double a, double ms)
{
    return turned_up(w, u, a, ms / 10'000);
}
double up_in_15(double w, double u, double a, double ms)
{
    return turned_up(w, u, a, ms / 15'000);
}

/* A heater behind a transformer that is turned up: a resistance at every moment. */
double raised_in_3(double w, double u, double a, double ms)
{
    return resistance(w * fmin(1, ms / 3'000), u, a, ms);
}
double raised_in_8(double w, double u, double a, double ms)
{
    return resistance(w * fmin(1, ms / 8'000), u, a, ms);
}

/* A heating wire that conducts better when it is hot. */
double warming(double w, double u, double a, double ms)
{
    return resistance(w * (1 - 0.7 * exp(-ms / 1'500)), u, a, ms);
}

/* The ways in which printers feed their fusers: whole waves in bursts, half waves, a control that
 * opens over a quarter of a second. */
double in_bursts(double w, double u, double a, double ms)
{
    return fmod(ms, 200) < 100 ? tungsten(w, u, a, ms / 2) : 0;
}

double by_half_waves(double w, double u, double a, double ms)
{
    return u > 0 ? tungsten(w, u, a, ms) : 0;
}

double opened_slowly(double w, double u, double a, double ms)
{
    return fmod(a, M_PI) >= fmax(0, 1.7 - ms / 150) ? filament(w, u, a, ms) : 0;
}

/* A plug that is pushed in. */
double bouncing(double w, double u, double a, double ms)
{
    return ms >= 20 && ms < 60 ? 0 : resistance(w, u, a, ms);
}

/* A power supply without correction: pulses at the crest. */
double supply(double w, double u, double a, double ms)
{
    double at = fmod(a, M_PI) - 1.35, pulse = fabs(at) < 0.45 ? cos(at / 0.45 * M_PI / 2) : 0;
    (void)ms;
    return (u > 0 ? 1 : -1) * pulse * w / RATED * 3.92;
}

/* With correction: nearly the voltage's shape, a capacitor in front, 12 % harmonics. */
double corrected(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED;
    (void)u;
    (void)ms;
    return amplitude * (sin(a) + 0.22 * cos(a) + 0.10 * sin(3 * a + 1) + 0.06 * sin(5 * a));
}

/* An inverter with correction: the compressor comes up over twenty seconds, and never stands still.
 */
double inverter(double w, double u, double a, double ms)
{
    double level = 0.08 + 0.92 * (ms < 20'000 ? ms / 20'000 : 1) + 0.03 * sin(ms / 2'000);
    return corrected(w * level, u, a, ms);
}

/* One whose harmonics are those of a phase cut of thirty degrees. */
double inverter_like_a_cut(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED * fmin(1, 0.02 + ms / 20'000);
    (void)u;
    return amplitude * (sin(a - 0.075) + 0.06 * sin(3 * a) + 0.05 * sin(5 * a) + 0.06 * sin(7 * a) +
                        0.05 * sin(9 * a));
}

/* A large supply with correction: all its power within 1.2 s, and a capacitor of 2 uF before it. */
double soft_supply(double w, double u, double a, double ms)
{
    double ahead = sqrt(2) * RATED * 2 * M_PI * 50 * 2e-6 * cos(a);
    return resistance(w * fmin(1, 0.1 + ms / 1'300), u, a, ms) + ahead;
}

/* An oven with an inverter: fan and lamp, then its magnetron within 0.4 s, a little ahead. */
double inverter_oven(double w, double u, double a, double ms)
{
    double power = ms < 2'000 ? 60 : 60 + (w - 60) * fmin(1, (ms - 2'000) / 400);
    (void)u;
    return sqrt(2) * power / RATED * (sin(a + 0.07) - 0.1 * sin(3 * a) + 0.05 * sin(5 * a));
}

/* A vacuum cleaner behind a phase cut of 65 degrees. */
double controlled(double w, double u, double a, double ms)
{
    return cut_65(w * (1 + 0.4 * exp(-ms / 300)), u, a, ms);
}
