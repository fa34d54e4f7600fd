#include "bench/heldout_world.h"

#include <math.h>

#define SAMPLES 80 /* a cycle */
#define PARTS 4    /* steps of a model from one sample to the next */
#define ROOT2 1.41421356237309505
#define UN 220.0

double held_between(struct rand_stream *r, double least, double most)
{
    return least + (most - least) * (double)rand_below(r, 1'000'001) / 1'000'000;
}

struct held_scene held_scene_draw(struct rand_stream *r)
{
    return (struct held_scene){.volts = held_between(r, 208, 236),
                               .ohms = held_between(r, 0.15, 0.7),
                               .hz = held_between(r, 49.9, 50.1),
                               .swing_s = 1e9,
                               .wander = held_between(r, 0.001, 0.006),
                               .phase_error = held_between(r, -0.005, 0.005),
                               .noise_a = held_between(r, 0.001, 0.006),
                               .third = held_between(r, 0, 0.015),
                               .fifth = held_between(r, 0.005, 0.03)};
}

/* --- models: conductance and current of a moment ------------------------------------------- */

struct moment {
    double t, dt, phi, u; /* since it was switched on; of one part; u as it was */
    struct rand_stream *r;
};

struct draws {
    double g, j; /* current is g u + j */
};

/* Fires at an angle of each half wave. */
static bool fired(double phi, double angle)
{
    return fmod(phi, M_PI) >= angle;
}

static double full(const struct held_load *l)
{
    return l->watts / UN / UN;
}

static bool burns(const struct held_load *l, double t)
{
    return l->period_s == 0 || t < l->warm_s ||
           fmod(t - l->warm_s, l->period_s) > l->period_s - l->burst_s;
}

/* Tungsten: resistance goes with T^1.2, radiation with T^4; 2800 K at its power. */
static struct draws filament(struct held_load *l, const struct moment *m)
{
    double t = l->state < 300 ? 300 : l->state, g = full(l) * pow(t / 2800, -1.2);
    double age = l->period_s == 0 || m->t < l->warm_s
                     ? m->t
                     : fmod(m->t - l->warm_s, l->period_s) - (l->period_s - l->burst_s);
    bool on = burns(l, m->t);
    if (on && l->b > 0 && age < l->b)
        on = fired(m->phi, M_PI * (1 - age / l->b));
    if (on && l->c < 1) /* whole half waves of ten */
        on = fmod(floor(m->phi / M_PI), 10) < 10 * l->c;
    double heat = on ? g * m->u * m->u : 0;
    double capacity = l->watts * l->a / 2500;
    l->state = t + (heat - l->watts * pow(t / 2800, 4)) * m->dt / capacity;
    return (struct draws){on ? g : 0, 0};
}

static double flux(double i, double knee)
{
    return i / sqrt(1 + i * i / knee / knee);
}

/* State: current and speed. At speed 1 the motor takes about its power. */
static struct draws series(struct held_load *l, const struct moment *m)
{
    double rated = l->watts / UN / 0.97, knee = l->d * rated * ROOT2, z = UN / rated;
    double k = 0.82 * z * rated * ROOT2 / flux(rated * ROOT2, knee);
    bool on = l->c == 0 || fired(m->phi, 1.9 * fmax(0, 1 - m->t / l->c)) || fabs(l->state) > 0.05;
    double di = (m->u - 0.13 * z * l->state - k * l->second * flux(l->state, knee)) /
                (l->a * z / 2 / M_PI / 50);
    l->state = on ? l->state + di * m->dt : 0;
    double torque = flux(l->state, knee) * l->state / (flux(rated, knee) * rated);
    l->second += (torque - l->second * l->second) * m->dt / l->b;
    return (struct draws){0, l->state};
}

/* Locked at first, then up to its speed; the first cycles are not even. */
static struct draws induction(const struct held_load *l, const struct moment *m)
{
    double run = l->watts / UN / cos(l->a), slip = 1 / (1 + exp((m->t - l->c) / (l->c * 0.12)));
    double rms = run * (1 + (l->b - 1) * slip), angle = l->a + (0.9 - l->a) * slip;
    double at = m->phi - angle, uneven = exp(-m->t / 0.03) * sin(angle);
    return (struct draws){0, ROOT2 * rms * (sin(at) - l->d * sin(3 * at) + uneven)};
}

static struct draws rectifier(struct held_load *l, const struct moment *m)
{
    double ohms = l->a + 6 * exp(-m->t / 0.5), over = fabs(m->u) - l->state;
    double i = over > 0 ? over / ohms : 0;
    l->state += (i - l->watts / fmax(l->state, 100)) * m->dt / (l->b * l->watts * 1e-6);
    return (struct draws){0, m->u < 0 ? -i : i};
}

static double ahead(double microfarad, double phi)
{
    return ROOT2 * UN * 2 * M_PI * 50 * microfarad * 1e-6 * cos(phi);
}

static struct draws corrected(struct held_load *l, const struct moment *m)
{
    double part = l->d > 0 ? fmin(1, 0.15 + 0.85 * m->t / l->d) : 1;
    if (l->state == 0 || m->t > l->second) { /* what a computer does next */
        l->state = 1 + l->c * held_between(m->r, -1, 1);
        l->second = m->t + held_between(m->r, 0.3, 2.5);
    }
    double i = ROOT2 * l->watts * part * l->state / UN;
    return (struct draws){0, i * (sin(m->phi) + l->b * sin(3 * m->phi + 1)) + ahead(l->a, m->phi)};
}

static struct draws oven(const struct held_load *l, const struct moment *m)
{
    double part = m->t < l->c ? 0.08 : 1, since = m->t - l->c;
    double start = since > 0 ? 1 + exp(-since / 0.04) : 1, at = m->phi - l->a;
    double i = ROOT2 * l->watts * part * start / UN / cos(l->a);
    return (struct draws){0, i * (sin(at) - l->b * sin(3 * at) + l->b / 4 * sin(5 * at + 1))};
}

static struct draws stairs(const struct held_load *l, const struct moment *m)
{
    double part = fmin(1, 0.04 + floor(m->t / l->b) * l->b / l->a);
    double i = ROOT2 * l->watts * part / UN;
    return (struct draws){0, i * (sin(m->phi) - 0.05 * sin(3 * m->phi)) + ahead(l->c, m->phi)};
}

static struct draws draw(struct held_load *l, const struct moment *m)
{
    switch (l->type) {
    case HELD_WIRE:
        return (struct draws){burns(l, m->t) ? full(l) * (1 + l->a * exp(-m->t / l->b)) : 0, 0};
    case HELD_DIODE:
        return (struct draws){burns(l, m->t) && fmod(m->phi, 2 * M_PI) < M_PI ? full(l) * 2 : 0, 0};
    case HELD_CUT:
        return (struct draws){fired(m->phi, l->a) ? full(l) : 0, 0};
    case HELD_FILAMENT:
        return filament(l, m);
    case HELD_PTC:
        return (struct draws){full(l) * (1 + 0.8 * (1 - exp(-m->t)) * exp(-m->t / l->b)), 0};
    case HELD_SERIES:
        return series(l, m);
    case HELD_INDUCTION:
        return induction(l, m);
    case HELD_RECTIFIER:
        return rectifier(l, m);
    case HELD_CORRECTED:
        return corrected(l, m);
    case HELD_OVEN:
        return oven(l, m);
    case HELD_STAIRS:
        return stairs(l, m);
    }
    return (struct draws){0};
}

/* --- the line and the meter ------------------------------------------------------------------ */

static double source(const struct held_scene *s, double t, double phi)
{
    double volts = s->volts * (1 + s->wander * sin(t / 5.3) + s->wander / 3 * sin(t * 9.1));
    volts *= t >= s->swing_s ? 1 + s->swing : 1;
    return ROOT2 * volts * (sin(phi) + s->third * sin(3 * phi + 3) + s->fifth * sin(5 * phi + 3.2));
}

/* The current of a moment; u: what is left of the voltage then. */
static double solve(struct held_scene *s, double t, double dt, double phi, double *u,
                    struct rand_stream *r)
{
    double e = source(s, t, phi), g = 0, j = 0;
    for (size_t n = 0; n < s->count; n++) {
        struct held_load *l = &s->load[n];
        if (t < l->on_s || t >= l->off_s)
            continue;
        struct draws d = draw(l, &(struct moment){t - l->on_s, dt, phi, *u, r});
        g += d.g;
        j += d.j;
    }
    *u = (e - s->ohms * j) / (1 + s->ohms * g);
    return g * *u + j;
}

static double quantised(double v, double step)
{
    return round(v / step) * step;
}

/* Windows of 20 ms, whatever the mains' own frequency is. */
static struct held_cycle meter(const struct held_scene *s, const double *u, const double *i)
{
    struct held_cycle c = {0};
    double re[2] = {0}, im[2] = {0};
    for (unsigned k = 0; k < SAMPLES; k++) {
        double at = 2 * M_PI * k / SAMPLES;
        c.p += u[k] * i[k] / SAMPLES;
        c.u += u[k] * u[k] / SAMPLES;
        c.i += i[k] * i[k] / SAMPLES;
        re[0] += u[k] * cos(at) * ROOT2 / SAMPLES;
        im[0] += u[k] * sin(at) * ROOT2 / SAMPLES;
        re[1] += i[k] * cos(at) * ROOT2 / SAMPLES;
        im[1] += i[k] * sin(at) * ROOT2 / SAMPLES;
    }
    for (unsigned h = 0; h < 7; h++) {
        double x = 0, y = 0;
        for (unsigned k = 0; k < SAMPLES; k++) {
            double at = 2 * M_PI * ((2 * h + 3) * k % SAMPLES) / SAMPLES;
            x += i[k] * cos(at) * ROOT2 / SAMPLES;
            y += i[k] * sin(at) * ROOT2 / SAMPLES;
        }
        c.h[h] = hypot(x, y);
    }
    c.first = hypot(re[1], im[1]);
    c.u = sqrt(c.u);
    c.i = sqrt(c.i);
    c.q = re[0] * im[1] - im[0] * re[1] + s->phase_error * c.p;
    return c;
}

void held_play(struct held_scene *s, struct rand_stream *r, struct held_cycle *out, size_t cycles)
{
    const double dt = HELD_CYCLE_S / SAMPLES / PARTS;
    double phi = held_between(r, 0, 6), hz = s->hz, u = 0, t = 0;
    for (size_t n = 0; n < cycles; n++) {
        double us[SAMPLES], is[SAMPLES];
        hz += held_between(r, -0.004, 0.004) + (s->hz - hz) * 0.02;
        for (unsigned k = 0; k < SAMPLES; k++) {
            double i = 0;
            for (unsigned part = 0; part < PARTS; part++, t += dt) {
                phi += 2 * M_PI * hz * dt;
                i = solve(s, t, dt, phi, &u, r);
            }
            us[k] = quantised(u, 0.03);
            is[k] = quantised(i + s->noise_a * held_between(r, -1, 1), 0.002);
        }
        out[n] = meter(s, us, is);
    }
}
