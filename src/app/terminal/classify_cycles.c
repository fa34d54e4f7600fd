/* Recordings of single cycles: the shape of a switching, without what came before and after. */
#include <math.h>
#include <string.h>

#include "app/terminal/classify_impl.h"

#define CYCLE 500
/* The current probe of these recordings leads, in rad: as the lamps and hair irons in them do in
 * the median. They are resistances below the limit, and are not scored. */
#define LEAD 0.138
#define DOUBT 0.02

struct cycle {
    double u[CYCLE], i[CYCLE];
};

static bool read_wave(FILE *file, double wave[CYCLE])
{
    for (size_t k = 0; k < CYCLE; k++)
        if (fscanf(file, k ? ",%lf" : "%lf", &wave[k]) != 1)
            return false;
    return true;
}

/* rms and phase of one harmonic. */
static void harmonic(const double *wave, unsigned order, double *re, double *im)
{
    *re = *im = 0;
    for (unsigned k = 0; k < CYCLE; k++) {
        double at = 2 * M_PI * order * k / CYCLE;
        *re += wave[k] * cos(at) * M_SQRT2 / CYCLE;
        *im -= wave[k] * sin(at) * M_SQRT2 / CYCLE;
    }
}

/* One cycle of the step itself: what was there before is taken out already. */
static struct load_step step_of(const struct cycle *c)
{
    double p = 0, ii = 0, uu = 0, ur, ui, ir, ik, tr, ti;
    for (size_t k = 0; k < CYCLE; k++) {
        p += c->u[k] * c->i[k] / CYCLE;
        uu += c->u[k] * c->u[k] / CYCLE;
        ii += c->i[k] * c->i[k] / CYCLE;
    }
    harmonic(c->u, 1, &ur, &ui);
    harmonic(c->i, 1, &ir, &ik);
    harmonic(c->i, 3, &tr, &ti);
    double q = ui * ir - ur * ik, s = sqrt(uu * ii), d = sqrt(fmax(0, s * s - p * p - q * q));
    double first = hypot(ir, ik), third = hypot(tr, ti), fifth = 0, odd = 0, hr, hi;
    for (unsigned order = 3; order <= 15; order += 2) {
        harmonic(c->i, order, &hr, &hi);
        odd += (hr * hr + hi * hi) * uu;
        fifth = order == 5 ? hypot(hr, hi) : fifth;
    }
    if (d * d <
        DOUBT * s * s) /* the difference of two large squares: the harmonics say it better */
        d = sqrt(odd);
    return (struct load_step){
        .power_mw = (int32_t)lround(p * 1000),
        .reactive_mvar = (int32_t)lround((q + p * LEAD) * 1000),
        .distortion_mva = (int32_t)lround(d * 1000),
        .third_ma = (int32_t)lround(third * 1000),
        .factor = (uint16_t)lround(s > 0 ? fabs(p) / s * 1000 : 0),
        .inrush = 1000,
        .third = (uint16_t)lround(first > 0 ? fmin(third / first, 9) * 1000 : 0),
        .fifth = (uint16_t)lround(first > 0 ? fmin(fifth / first, 9) * 1000 : 0),
        .has_reactive = true,
        .has_distortion = true,
        .has_third = true,
        .settled = true};
}

static FILE *open_beside(const char *path, const char *name)
{
    char other[512];
    const char *slash = strrchr(path, '/');
    snprintf(other, sizeof other, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
    return fopen(other, "r");
}

enum err classify_cycles(struct reading *r, FILE *index)
{
    FILE *current = open_beside(r->path, "current.csv"),
         *voltage = open_beside(r->path, "voltage.csv");
    char line[TEXT_LINE_MAX];
    enum err e = current && voltage
                     ? ERR_OK
                     : classify_refuse(r, 0, "current.csv or voltage.csv is missing");
    while (e == ERR_OK && classify_line(r, index, line, &e)) {
        struct text_cells f;
        struct text_moment m;
        struct cycle c;
        struct load_event event = {};
        struct classify_label label = {.zoned = true};
        if (!text_split(line, ',', &f) || f.count < 4 || !text_time(f.cell[0], false, 0, &m) ||
            !read_wave(current, c.i) || !read_wave(voltage, c.u)) {
            e = classify_refuse(r, 0, "no cycle of 500 samples for this row");
            break;
        }
        /* rows far apart, each a moment of its own */
        label.at_ms = r->row_ms = m.ms * 100;
        event.at.ms = event.told.ms = label.at_ms;
        snprintf(label.name, sizeof label.name, "%s", f.cell[2]);
        event.step = step_of(&c);
        event.verdict = load_judge(&event.step, r->how->settings, &event.white);
        r->sink->label(r->sink->arg, &label);
        r->sink->event(r->sink->arg, &event, load_plain_rule(&event.step), 0);
    }
    if (current)
        fclose(current);
    if (voltage)
        fclose(voltage);
    return e;
}
