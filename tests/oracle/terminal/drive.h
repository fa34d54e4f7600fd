/*
 * Both at once: a terminal of src/terminal on a bench with a power switch that may tear a write,
 * and the model; every operation is given to both, and what both show is compared.
 */
#ifndef YUFU_TESTS_ORACLE_TERMINAL_DRIVE_H
#define YUFU_TESTS_ORACLE_TERMINAL_DRIVE_H

#include "model.h"

/* OP(name, a, b, c, data): what an operation is, and its numbers. Circuits from 1. */
#define OPS                                                                                        \
    OP(setup)   /* a: which terminal, 0 the plain one; always the first */                         \
    OP(time)    /* a: ms */                                                                        \
    OP(pass)    /* a: s, told minute by minute */                                                  \
    OP(lost)    /* a: ms; the clock chip had stopped, b: 1 and begins with 2000-01-01 */           \
    OP(energy)  /* a: circuit, b: mWh */                                                           \
    OP(measure) /* a: ms before it */                                                              \
    OP(plug)    /* a: circuit, b: 0 heater, 1..3 motor, 4 standby mA, 5 fed back, c: value; three  \
                   samples */                                                                      \
    OP(key)                                                                                        \
    OP(programming) /* a: on */                                                                    \
    OP(frame)  /* a: control, b: to 0 it, 1 AA, 2 another, 3 all, 4.. AA from byte b modulo 6 on;  \
                  c: shape; data */                                                                \
    OP(cut)    /* a: the write at which power fails, b: bytes of it, c: 1 garbage, + 2 n: and in   \
                  the n-th write of the start after it */                                          \
    OP(off)    /* a: s without power, b: 1 warned */                                               \
    OP(heat)   /* a: circuit, b: W: a heater is switched on */                                     \
    OP(unplug) /* a: circuit: the air conditioner is unplugged */                                  \
    OP(learn)  /* a: circuit, b: W: a heater is learnt */                                          \
    OP(modbus) /* b: port; c: shape; data: unit to before the CRC */                               \
    OP(rate)   /* a: ms between samples from now on, b: 1 without reactive power, 2 with harmonics \
                */                                                                                 \
    OP(mains)  /* a: 0.1 V from now on */                                                          \
    OP(chip)   /* a: s by which the clock chip is put on */                                        \
    OP(old)    /* a: version: without power its records become those of older firmware */          \
    OP(rot)   /* a: 1 books, 2 configuration, 4 rules: without power both records of it are spoilt \
               */                                                                                  \
    OP(guess) /* a: so many wrong passwords, b: port */                                            \
    OP(fail)  /* a: so many wrong authentications */                                               \
    OP(audit) /* every register is read */

enum op_kind {
#define OP(name) OP_##name,
    OPS
#undef OP
        OP_KINDS
};

enum shape {
    SHAPE_PLAIN,
    SHAPE_NOISE,
    SHAPE_SPLIT,
    SHAPE_LATE,
    SHAPE_CHECKSUM,
    SHAPE_INFRARED,
    SHAPE_UNSIGNED,
    SHAPE_BOTH /* in two parts, and between them the other port asks and is answered */
};

struct op {
    enum op_kind kind;
    int64_t a, b, c;
    int len;
    uint8_t data[200];
};

#define HISTORY 12

struct pair {
    struct terminal t;
    uint8_t nvram[TERMINAL_NVRAM_SIZE];
    struct model m;
    struct m_world world[3];
    int64_t now_ms, rtc, chip_s;
    int64_t sample_ms, told;
    uint16_t mains_dv;
    /* power */
    unsigned cut_in; /* writes until the cut; 0: none */
    int64_t cut_bytes, cut_garbage, cut_again;
    bool dead;
    struct model durable;            /* after the last operation */
    struct m_books history[HISTORY]; /* books that may be in nvram */
    int history_len;
    uint64_t unsaved_mwh;
    /* what was seen */
    uint64_t inputs, answers, cuts, recognised;
    char difference[800]; /* empty: none */
};

/* Builds the terminal that the setup operation names. */
struct terminal_setup drive_setup(int64_t which);
/* Gives one operation to both. False: they differ, see difference. */
bool drive(struct pair *p, const struct op *op);

/* Is a heater of w watts on circuit c surely taken for one, surely not, or neither? */
enum heat { HEAT_NEVER, HEAT_MAYBE, HEAT_SURE };
enum heat drive_heat(const struct model *m, int c, int w);

/* Text of an operation and back; false for nonsense. */
void op_text(const struct op *op, char *out, size_t cap);
bool op_parse(const char *line, struct op *op);

/* Chance that can be repeated. */
struct dice {
    uint64_t state;
};
uint64_t dice_next(struct dice *d);
int64_t dice(struct dice *d, int64_t low, int64_t high);
/* From a to b, times from `from` to `to`. Draws that one expression needs are made one after the
 * other, here and elsewhere: the operands of C come in whatever order a compiler likes, and a seed
 * must be the same everywhere. */
int64_t dice_product(struct dice *d, int64_t a, int64_t b, int64_t from, int64_t to);
/* The next operation of a random sequence. */
void gen_op(struct dice *d, const struct pair *p, struct op *op);

#endif
