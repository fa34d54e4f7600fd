/*
 * The load watch: finds what is switched on and off in one circuit, and says what it is.
 *
 * Freestanding: one sample in (every mains cycle, or every second), at most one event out. No heap,
 * no floating point, about 440 bytes of state a circuit.
 *
 * A step is the difference between two steady states: everything in between is its transient. It is
 * told as soon as the new state has stood for a sixth of a second (two samples, where they come
 * more slowly), or after nine tenths of a second as it is by then. Powers are brought to nominal
 * voltage first, so that a swing of the mains is not a step of a resistance.
 *
 * What a step is, the rules in load_rule.c say, in order; the first that holds is the verdict. The
 * event keeps what it rested on.
 */
#ifndef YUFU_TERMINAL_LOAD_H
#define YUFU_TERMINAL_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define LOAD_HARMONICS 7 /* 3, 5 .. 15 */
#define LOAD_WHITE_MAX 8
#define LOAD_RUNNING_MAX 4
#define LOAD_FUSER_MOST_MW 1'400'000 /* of printers */

/* What a metering chip says of a circuit. */
struct load_sample {
    mono_ms now;
    int32_t power_mw;
    int32_t reactive_mvar; /* fundamental, or all that is not active; see has_reactive */
    uint32_t current_ma;   /* rms */
    uint16_t voltage_dv;   /* 0: not measured */
    uint32_t harmonic_ma[LOAD_HARMONICS]; /* rms */
    bool has_reactive, has_current, has_harmonics;
};

/* Below: mW, mvar and mVA at nominal voltage; ratios in thousandths. */

struct load_white {                  /* an allowed load: as it was learnt or set */
    int32_t power_mw, reactive_mvar; /* power 0: no entry */
};

struct load_settings {
    int32_t limit_mw;    /* steps below are of no interest */
    int32_t sure_mw;     /* a mixture of a motor and heating must leave as much for the heating */
    uint16_t nominal_dv; /* 2200 */
    uint16_t white_permille; /* how far a white load may be from its entry */
    uint16_t lamp_s; /* what starts like a lamp (a printer's fuser) is heating if it burns longer */
    struct load_white white[LOAD_WHITE_MAX];
};
/* 150 W, 400 W, 220.0 V, 5 %, 20 s, no white loads. */
struct load_settings load_settings_default(void);

/* What was found; docs/manual/load.md says each in words. */
enum load_verdict {
#define LOAD_VERDICT(name, text, forbidden, en, zh) LOAD_##name,
#include "terminal/load_table.h"
#undef LOAD_VERDICT
    LOAD_VERDICT_COUNT
};
const char *load_verdict_name(enum load_verdict v); /* "heating" ...; never NULL */
const char *load_verdict_en(enum load_verdict v);
const char *load_verdict_zh(enum load_verdict v);
bool load_forbidden(enum load_verdict v); /* it must be switched off */

struct load_step {
    int32_t power_mw, reactive_mvar; /* signed: after less before */
    int32_t distortion_mva;
    int32_t third_ma, fifth_ma;
    int32_t edge_mw;  /* greatest rise from one cycle to the next that was purely active; 0: none */
    int32_t motor_mw; /* what the part that started with an inrush draws now, by its shape; 0:
                         unknown */
    uint16_t factor;  /* |active| / apparent of the step */
    uint16_t inrush;  /* greatest power on the way / power of the step; 1000: none */
    uint16_t third;   /* third harmonic / fundamental of the step's current */
    uint16_t fifth;   /* 0: not measured */
    bool has_reactive, has_distortion, has_third;
    bool settled; /* false: told before it came to rest */
    bool ramp;    /* came slowly, in many small steps */
    bool smooth;  /* so small that no switch makes them */
    bool follows; /* something rose just before: an oven's magnetron waits for its filament */
    bool soft;    /* within two cycles it never rose by as much as a mixture must have heating */
    bool cold;    /* what has gone since the peak was purely active, or cut: a cold filament */
    bool bursts;  /* it went down and up again and again meanwhile: a fuser is fed so */
    bool slow;    /* read so seldom that no start is seen */
    uint32_t transient_ms;
    int32_t unsure_mw; /* how far the state before may have drifted unseen */
    int32_t unrest_mw; /* how far the samples of the new state lie apart */
};

/* Powers of one moment. */
struct load_level {
    int32_t power_mw, reactive_mvar, distortion_mva, third_ma, fifth_ma;
};

/* What of a moment tells edges and starts. */
struct load_trace {
    int32_t power_mw, reactive_mvar, third_ma;
};

struct load_event {
    mono_ms at;   /* when it began */
    mono_ms told; /* when it was known */
    struct load_step step;
    struct load_level before; /* what drew already */
    enum load_verdict verdict;
    uint8_t white; /* 1..: the entry that matched */
};

/* The fields are the watch's own. All zero is a watch that has seen nothing. */
struct load_watch {
    bool begun, moving;
    uint8_t flags;           /* what the samples carry */
    uint8_t way;             /* samples since it moved, of states that did not last */
    struct load_level base;  /* the last state that was told of, or rest */
    struct load_level crept; /* base before small steps in a row; told together as a ramp */
    struct load_level run;   /* mean of the samples that agree so far */
    int32_t sum[5];
    uint16_t run_count;
    int32_t run_least_mw, run_most_mw;
    bool rising;              /* what was told last may go on: a ramp that had not come to rest */
    bool smooth;              /* some of what crept came in steps hardly above the tolerance */
    uint8_t turns;            /* down and up again, since it moved */
    bool opened;              /* what rises was a phase cut as a whole */
    bool stepped;             /* it goes on with something that was switched on */
    bool raised;              /* what rose smoothly has not been looked at as a whole yet */
    struct load_level origin; /* before what rises smoothly began, at that time */
    mono_ms origin_at, rose_at;
    mono_ms run_since, moved_at, crept_at, last;
    struct load_trace peak, second, past[3]; /* since it moved; after the peak; the last samples */
    mono_ms peak_at;
    int32_t edge_mw, jump_mw; /* purely active from one cycle to the next; of any kind within two */
    uint16_t voltage_dv;
    uint32_t scale;         /* (nominal / voltage) squared, in 4096ths */
    struct load_event lamp; /* burning, not judged yet; verdict LOAD_LAMP while it waits */
    struct {
        int32_t power_mw, reactive_mvar;
    } running[LOAD_RUNNING_MAX]; /* motors that were seen starting: their end hides nothing */
    struct load_level started;   /* what drew before the last of them began, at that time */
    mono_ms started_at;
    int32_t started_mw;
};

/* Takes a sample; true: `event` was filled. */
bool load_take(struct load_watch *w, const struct load_settings *s, const struct load_sample *x,
               struct load_event *event);

/* How far a step may be from a resistance; docs/manual/load.md says why. Thousandths of its active
 * power, each alone. */
struct load_bounds {
    uint16_t behind, ahead;                       /* reactive power */
    uint16_t distortion, distortion_alone, third; /* alone: where harmonics are not measured */
    /* for who reads active power alone, and seldom */
    uint16_t still; /* how far readings may lie apart, beside still_mw */
    int32_t still_mw;
    int32_t plug_least_mw; /* of interest from here on */
    int32_t fuser_most_mw; /* up to this it may be a printer's fuser, unless it is so still */
};
extern const struct load_bounds load_bounds_default;

/* The verdict on a step alone; load_take uses it. `white` as in the event; may be NULL. */
enum load_verdict load_judge(const struct load_step *step, const struct load_settings *s,
                             uint8_t *white);
/* The same within other bounds. */
enum load_verdict load_judge_within(const struct load_bounds *b, const struct load_step *step,
                                    const struct load_settings *s, uint8_t *white);
/* When a circuit closes again, all that is plugged in comes as one step: whether white loads and
 * something that is allowed explain it. */
bool load_explained(const struct load_step *step, const struct load_settings *s);
/* The same moment after a trip for heating of `heater_mw`: the verdict on the step without what
 * drew before that trip, which comes back together with the heater, if it is there. What is left
 * may be white loads that rested then, unless it is as much as the heater was. */
enum load_verdict load_judge_return(const struct load_step *step, const struct load_level *before,
                                    int32_t heater_mw, const struct load_settings *s);
/* The rule that many terminals have: step >= 150 W and factor >= 0.95. For comparison only. */
bool load_plain_rule(const struct load_step *step);

#endif
