/*
 * Meter models as text: docs/formats/model.md. Reading finds every mistake at once, each with its
 * place as a JSON pointer.
 */
#ifndef YUFU_METER_METER_MODEL_H
#define YUFU_METER_METER_MODEL_H

#include "meter/meter.h"

enum meter_fault_kind {
#define FAULT_ROW(name, text, en, zh) METER_FAULT_##name,
#include "meter/fault_table.h"
#undef FAULT_ROW
    METER_FAULT_KINDS
};

struct meter_fault {
    char place[96]; /* "/rows/2/points/0/bit"; "" is the whole */
    enum meter_fault_kind kind;
    char what[96]; /* what was expected or found; may be empty */
};

#define METER_FAULTS_MAX 64
struct meter_faults {
    struct meter_fault list[METER_FAULTS_MAX];
    size_t count; /* found; those beyond the list are only counted */
};

const char *meter_fault_name(enum meter_fault_kind kind); /* stable: "unknown-member" */
const char *meter_fault_en(enum meter_fault_kind kind);
const char *meter_fault_zh(enum meter_fault_kind kind);

/* ERR_SYNTAX: there are faults, and *m must not be used. */
[[nodiscard]] enum err meter_model_read(const char *text, size_t len, struct meter_model *m,
                                        struct meter_faults *faults);
/* Adds a model to those that meter_model_find knows, or replaces the one of its name. Only before
 * anything else uses models: nothing is locked. ERR_SYNTAX as above; ERR_FULL. */
[[nodiscard]] enum err meter_models_add(const char *text, size_t len, struct meter_faults *faults);

/* The JSON schema of a model file. `put` gets it piece by piece. */
typedef void meter_schema_put(void *arg, const char *text);
void meter_model_schema(meter_schema_put *put, void *arg);

const char *meter_kind_name(uint8_t kind);
const char *meter_point_name(enum meter_point point); /* NULL: no such point */

#endif
