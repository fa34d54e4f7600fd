/* The cases by name: which appliances a recording has, and what its labels say. */
#include "bench/heldout.h"

#include <math.h>

static struct held_load *put(struct held_case_play *p, struct held_load l)
{
    struct held_load *at = &p->scene.load[p->scene.count++];
    *at = l;
    at->off_s = l.off_s > 0 ? l.off_s : 1e9;
    return at;
}

static double in(struct held_case_play *p, double least, double most)
{
    return held_between(p->random, least, most);
}

static void lasts(struct held_case_play *p, double s)
{
    p->until_s = s > p->until_s ? s : p->until_s;
}

static void heats(struct held_case_play *p, double on_s)
{
    p->on_s[p->on_count++] = on_s;
}

/* --- appliances --------------------------------------------------------------------------- */

static void wire(struct held_case_play *p, double on_s, double watts)
{
    put(p, (struct held_load){.type = HELD_WIRE,
                              .watts = watts,
                              .on_s = on_s,
                              .a = in(p, 0, 0.04),
                              .b = in(p, 4, 40)});
    heats(p, on_s);
}

static void vacuum(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_SERIES,
                              .watts = in(p, 500, 2000),
                              .on_s = on_s,
                              .a = in(p, 0.12, 0.4),
                              .b = in(p, 0.12, 0.5),
                              .c = rand_below(p->random, 3) ? 0 : in(p, 0.6, 1.5),
                              .d = in(p, 0.6, 1.3)});
}

static void motor(struct held_case_play *p, double on_s, double least, double most)
{
    put(p, (struct held_load){.type = HELD_INDUCTION,
                              .watts = in(p, least, most),
                              .on_s = on_s,
                              .a = in(p, 0.25, 1.0),
                              .b = in(p, 2.5, 7),
                              .c = in(p, 0.1, 0.5),
                              .d = in(p, 0.01, 0.08)});
}

static void refrigerator(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_INDUCTION,
                              .watts = in(p, 60, 140),
                              .on_s = on_s,
                              .a = in(p, 0.4, 0.9),
                              .b = in(p, 6, 12),
                              .c = in(p, 0.2, 0.7),
                              .d = in(p, 0.02, 0.06)});
}

static void laptop(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_RECTIFIER,
                              .watts = in(p, 20, 75),
                              .on_s = on_s,
                              .a = in(p, 1, 6),
                              .b = in(p, 0.8, 2)});
}

static void supply(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_RECTIFIER,
                              .watts = in(p, 160, 350),
                              .on_s = on_s,
                              .a = in(p, 0.8, 3),
                              .b = in(p, 0.8, 2)});
}

static void computer(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_CORRECTED,
                              .watts = in(p, 160, 600),
                              .on_s = on_s,
                              .a = in(p, 0.6, 2.5),
                              .b = in(p, 0.03, 0.1),
                              .c = in(p, 0.01, 0.15),
                              .d = in(p, 0.1, 2.5)});
}

static void printer(struct held_case_play *p, double on_s)
{
    bool bursts = rand_below(p->random, 2);
    put(p, (struct held_load){.type = HELD_FILAMENT,
                              .watts = in(p, 500, 1100),
                              .on_s = on_s,
                              .a = in(p, 0.04, 0.15),
                              .b = rand_below(p->random, 3) ? 0 : in(p, 0.05, 0.3),
                              .c = rand_below(p->random, 3) ? 1 : 0.1 * floor(in(p, 5, 10)),
                              .warm_s = bursts ? in(p, 0.4, 2) : in(p, 4, 15),
                              .burst_s = in(p, 0.4, 3),
                              .period_s = in(p, 4, 12)});
    put(p, (struct held_load){.type = HELD_RECTIFIER,
                              .watts = in(p, 15, 60),
                              .on_s = on_s - in(p, 0, 3),
                              .a = 3,
                              .b = 1.2});
}

static void inverter(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_STAIRS,
                              .watts = in(p, 500, 1400),
                              .on_s = on_s,
                              .a = in(p, 15, 60),
                              .b = in(p, 0.3, 4),
                              .c = in(p, 1, 5)});
}

static void radiant(struct held_case_play *p, double on_s)
{
    put(p, (struct held_load){.type = HELD_FILAMENT,
                              .watts = in(p, 400, 1800),
                              .on_s = on_s,
                              .a = in(p, 0.1, 0.6),
                              .c = 1});
    heats(p, on_s);
}

/* --- cases -------------------------------------------------------------------------------- */

static void kettle(struct held_case_play *p, double t)
{
    wire(p, t, in(p, 1200, 2400));
}

static void small_heater(struct held_case_play *p, double t)
{
    wire(p, t, in(p, 280, 600));
}

static void immersion(struct held_case_play *p, double t)
{
    wire(p, t, in(p, 600, 1500));
}

static void half_wave(struct held_case_play *p, double t)
{
    double half = in(p, 200, 900);
    put(p, (struct held_load){.type = HELD_DIODE, .watts = half, .on_s = t});
    if (rand_below(p->random, 2)) /* one stage of two behind the diode: factor 0.84 and above */
        put(p, (struct held_load){
                   .type = HELD_WIRE, .watts = half * in(p, 0.4, 1.2), .on_s = t, .b = 10});
    heats(p, t);
}

static void phase_cut(struct held_case_play *p, double t)
{
    put(p, (struct held_load){
               .type = HELD_CUT, .watts = in(p, 700, 2000), .on_s = t, .a = in(p, 0.5, 1.7)});
    heats(p, t);
}

static void hair_dryer(struct held_case_play *p, double t)
{
    wire(p, t, in(p, 500, 1800));
    put(p, (struct held_load){.type = HELD_SERIES,
                              .watts = in(p, 15, 60),
                              .on_s = t,
                              .a = 0.3,
                              .b = in(p, 0.2, 0.6),
                              .d = 1});
}

static void ceramic(struct held_case_play *p, double t)
{
    put(p, (struct held_load){
               .type = HELD_PTC, .watts = in(p, 600, 1500), .on_s = t, .b = in(p, 4, 12)});
    motor(p, t, 15, 30);
    heats(p, t);
}

static void thermostat(struct held_case_play *p, double t)
{
    double on = in(p, 6, 15), pause = in(p, 8, 25), watts = in(p, 800, 2000);
    for (int n = 0; n < 3; n++, t += on + pause) {
        wire(p, t, watts);
        p->scene.load[p->scene.count - 1].off_s = t + on;
    }
    lasts(p, t);
}

static void heater_motor(struct held_case_play *p, double t)
{
    motor(p, t, 60, 500);
    wire(p, t + in(p, 0, 0.01), in(p, 500, 2000));
}

static void heater_vacuum(struct held_case_play *p, double t)
{
    vacuum(p, t);
    wire(p, t + in(p, 0.1, 0.9), in(p, 800, 2200));
}

static void heater_refrigerator(struct held_case_play *p, double t)
{
    refrigerator(p, t);
    wire(p, t + in(p, 0, 0.9), in(p, 500, 2200));
}

static void heater_computer(struct held_case_play *p, double t)
{
    computer(p, t);
    wire(p, t + in(p, 0, 0.9), in(p, 500, 2200));
}

static void two_allowed(struct held_case_play *p, double t)
{
    void (*const some[])(struct held_case_play *, double) = {laptop, computer, refrigerator, supply,
                                                             vacuum};
    some[rand_below(p->random, 5)](p, t);
    some[rand_below(p->random, 4)](p, t + in(p, 0, 0.9));
}

static void washing(struct held_case_play *p, double t)
{
    motor(p, t, 150, 700);
}

static void fan(struct held_case_play *p, double t)
{
    motor(p, t, 30, 120);
}

static void fixed_conditioner(struct held_case_play *p, double t)
{
    motor(p, t, 600, 1500);
    struct held_load *l = &p->scene.load[p->scene.count - 1];
    l->a = in(p, 0.1, 0.35); /* a run capacitor */
    l->c = in(p, 0.2, 0.8);
}

static void microwave(struct held_case_play *p, double t)
{
    put(p, (struct held_load){.type = HELD_OVEN,
                              .watts = in(p, 900, 1500),
                              .on_s = t,
                              .a = in(p, 0.1, 0.45),
                              .b = in(p, 0.12, 0.35),
                              .c = in(p, 0.8, 2.5)});
}

static void swing(struct held_case_play *p, double t)
{
    p->scene.swing_s = t;
    p->scene.swing = in(p, 0.03, 0.1) * (rand_below(p->random, 2) ? 1 : -1);
    motor(p, -60, 200, 700);
    wire(p, -60, in(p, 100, 1200)); /* allowed, burns all the time */
    p->on_count = 0;
}

static void lamps(struct held_case_play *p, double t)
{
    put(p, (struct held_load){.type = HELD_FILAMENT,
                              .watts = in(p, 25, 140),
                              .on_s = t,
                              .a = in(p, 0.05, 0.15),
                              .c = 1});
}

static void printing(struct held_case_play *p, double t)
{
    printer(p, t);
    lasts(p, t + 45);
}

static void cooling(struct held_case_play *p, double t)
{
    inverter(p, t);
    lasts(p, t + 70);
}

static void glowing(struct held_case_play *p, double t)
{
    radiant(p, t);
    lasts(p, t + 32);
}

const struct held_case held_cases[] = {
    {"kettle", "electric kettle|热水壶|Kettle 1|water_kettle", true, kettle},
    {"small heater 280-600 W", "rice cooker|电饭锅|mini stove|电煮锅", true, small_heater},
    {"immersion heater", "immersion rod|热得快|boiler|water heater", true, immersion},
    {"hair dryer", "hairdryer|电吹风|blow dryer|吹风机", true, hair_dryer},
    {"half wave heater", "hair iron|卷发棒|hair straightener|电热毯", true, half_wave},
    {"phase-cut heater", "hot plate|调温电炉|cooktop|electric stove", true, phase_cut},
    {"ceramic fan heater", "fan heater|暖风机|space heater|PTC heater", true, ceramic},
    {"radiant heater", "quartz heater|小太阳|radiator|取暖器", true, glowing},
    {"thermostat cycling", "iron|电熨斗|clothes iron|electric iron", true, thermostat},
    {"heater with motor, same moment", "heater and fan|电热器|heater|kettle", true, heater_motor},
    {"heater and vacuum, same second", "kettle|热水壶|toaster|heater", true, heater_vacuum},
    {"heater and refrigerator", "kettle|热水壶|toaster|heater", true, heater_refrigerator},
    {"heater and computer", "kettle|热水壶|toaster|heater", true, heater_computer},
    {"vacuum cleaner", "vacuum|吸尘器|hoover|Vacuum Cleaner", false, vacuum},
    {"refrigerator", "fridge|电冰箱|refrigerator|freezer", false, refrigerator},
    {"laser printer", "printer|激光打印机|laser printer|copier", false, printing},
    {"computer, corrected", "desktop pc|台式电脑|computer|monitor", false, computer},
    {"supply, uncorrected", "tv|电视|charger station|game console", false, supply},
    {"laptop", "laptop|笔记本电脑|notebook|laptop charger", false, laptop},
    {"two allowed, same second", "pc and fan|电脑|several|mixed", false, two_allowed},
    {"washing machine", "washer|洗衣机|washing machine|pump", false, washing},
    {"fan", "fan|电风扇|table fan|ventilator", false, fan},
    {"air conditioner", "aircon|空调|air conditioner|AC unit", false, fixed_conditioner},
    {"inverter air conditioner", "inverter ac|变频空调|inverter|split unit", false, cooling},
    {"microwave oven", "microwave|微波炉|microwave oven|MW oven", false, microwave},
    {"mains swing", "nothing switched|电压波动|voltage swing|sag", false, swing},
    {"lamp", "lamp|白炽灯|bulb|desk lamp", false, lamps},
};
const size_t held_case_count = sizeof held_cases / sizeof *held_cases;

void held_case_draw(struct held_case_play *p, const struct held_case *c)
{
    p->scene = held_scene_draw(p->random);
    p->on_count = 0;
    p->until_s = 0;
    for (uint64_t n = rand_below(p->random, 3); n > 0; n--)
        rand_below(p->random, 2) ? laptop(p, -60) : fan(p, -60);
    double at_s = 8 + in(p, 0, 1);
    p->at_s = at_s;
    c->build(p, at_s);
    lasts(p, at_s + 18);
}
