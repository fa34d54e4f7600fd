/* Shared by the parts of meter/ only. */
#ifndef YUFU_METER_METER_IMPL_H
#define YUFU_METER_METER_IMPL_H

#include "meter/meter.h"
#include "meter/meter_model.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"
#include "proto/dlt645_data.h"

enum meter_protocol {
    METER_DLT645,
    METER_DLT645_1997,
    METER_CJT188,
    METER_MODBUS_RTU,
    METER_MODBUS_TCP,
    METER_MBUS,
    METER_PROTOCOLS
};

#define METER_BYTE_GAP_MS 500 /* DL/T 645, CJ/T 188: between two bytes of a frame */

/* Of meter_link.blind: by meter and function. Who is asked by a wildcard is nobody who could owe
 * something: 0. */
uint32_t meter_link_kind(struct bytes address, uint8_t function);
uint32_t meter_link_dlt645_blind(struct bytes request);
extern const struct meter_driver meter_driver_dlt645, meter_driver_dlt645_1997, meter_driver_cjt188,
    meter_driver_modbus_rtu, meter_driver_modbus_tcp, meter_driver_mbus;
const struct meter_driver *meter_driver_of(enum meter_protocol protocol);

/* M-Bus: meter_item.id. */
enum meter_mbus_step { METER_MBUS_NONE, METER_MBUS_RESET, METER_MBUS_SELECT, METER_MBUS_DATA };

/* What a point is measured in; units of other dimensions cannot become it. */
enum meter_dimension {
    METER_PLAIN,
    METER_ENERGY_WH,
    METER_POWER_W,
    METER_VOLUME_L,
    METER_FLOW_LH,
    METER_TEMPERATURE_CDEG,
    METER_TIME_H,
};

/* M-Bus: meter_field.quantity; the names are those of proto/mbus.h. */
enum meter_quantity {
    METER_QUANTITY_NONE,
    METER_QUANTITY_ENERGY,
    METER_QUANTITY_VOLUME,
    METER_QUANTITY_POWER,
    METER_QUANTITY_FLOW,
    METER_QUANTITY_SUPPLY,
    METER_QUANTITY_RETURN,
    METER_QUANTITY_ON_TIME,
    METER_QUANTITY_WORK_TIME,
    METER_QUANTITY_TIME,
    METER_QUANTITY_ERRORS,
    METER_QUANTITY_STATUS, /* the status byte of the head */
};
const char *meter_quantity_name(uint8_t quantity);
enum meter_dimension meter_quantity_dimension(uint8_t quantity);

/* --- models
 * ---------------------------------------------------------------------------------------- */

struct meter_model_text {
    const char *text;
    size_t len;
};
/* The files of models/, made a C array when the program is built. */
extern const struct meter_model_text meter_model_texts[];
extern const size_t meter_model_text_count;

/* What a table of members cannot say: names that must be known, rows that fit the protocol. Fills
 * in what follows from the rest: driver, keep_power, row indices, register blocks. */
void meter_model_check(struct meter_model *m, struct meter_faults *faults);

/* --- units
 * ------------------------------------------------------------------------------------------ */

/* The register that bills are made of, by the kind of meter. */
enum meter_point meter_charged_point(const struct meter_model *m);

enum meter_dimension meter_point_dimension(enum meter_point point);
/* number x 10^exponent of a unit as proto/ writes it ("kWh", "GJ", "m3/h", "degC") in the point's
 * own; half away from zero. ERR_METER_ANSWER: no such unit, or one of another dimension. ERR_RANGE.
 */
[[nodiscard]] enum err meter_convert(enum meter_point point, int64_t number, int exponent,
                                     const char *unit, int64_t *out);
/* n x multiply / divide, half away from zero. ERR_RANGE. */
[[nodiscard]] enum err meter_scale(int64_t n, int64_t multiply, int64_t divide, int64_t *out);

/* --- fields
 * ----------------------------------------------------------------------------------------- */

/* A value that the meter itself calls none or wrong: ERR_OK, so that what stands beside it is told
 * all the same; of the register that is charged `e`. */
[[nodiscard]] enum err meter_field_lacks(const struct meter_model *m, const struct meter_field *f,
                                         enum err e);
/* The number at data[f->at]; *absent: every byte FF, of binary forms never. `big`: binary numbers
 * have their high byte first. ERR_FRAME_LENGTH: the data are too short. ERR_BCD. Of
 * METER_FORM_REAL: millionths; ERR_STATE: a real that is no number. */
[[nodiscard]] enum err meter_field_number(const struct meter_field *f, struct bytes data, bool big,
                                          int64_t *number, bool *absent);
/* Adds the point that the number tells, by bits, map and factors. ERR_RANGE. */
[[nodiscard]] enum err meter_field_add(const struct meter_field *f, int64_t number,
                                       struct meter_values *out);

/* --- DL/T 645, both eras
 * ---------------------------------------------------------------------------- */

/* Password and operator code of a model. */
struct dlt645_rights meter_dlt645_rights(const struct meter_unit *u);
/* The row's points out of its data; `walk` stands at the beginning of the values, NULL if the
 * identifier is in no table. */
[[nodiscard]] enum err meter_dlt645_fields(const struct meter_unit *u,
                                           const struct meter_item *item, struct bytes data,
                                           struct dlt645_walk *walk, struct meter_values *out);
[[nodiscard]] enum err meter_dlt645_address(const struct meter_model *m, const char *text,
                                            uint8_t address[8]);
/* What METER_DECODE_CIRCUITS tells: energy and power of each of three circuits; power, relays,
 * reason, reasons and alarm level of all. */
#define METER_CIRCUITS_POINTS (3 * 2 + 5)
enum meter_reply meter_dlt645_take_order(const struct meter_unit *u, struct bytes answer);

#endif
