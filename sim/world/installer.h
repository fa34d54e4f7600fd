/*
 * Who sets up a dormitory's terminals, and who looks after them: by frames over the infrared port,
 * with the password of the factory, as on a wall.
 */
#ifndef YUFU_SIM_WORLD_INSTALLER_H
#define YUFU_SIM_WORLD_INSTALLER_H

#include "sim/world/meters.h"

/* The house rules of a dormitory: light from 06:00 to 23:30 (weekends to midnight), sockets with a
 * night limit, forbidden heating, limits of power, the air conditioner's plug. What the room has
 * that is allowed goes on the white list. False: the terminal refused, or has other circuits. */
bool installer_set_dorm(struct sim_meter *m);
/* The caretaker's round: resets every circuit that load control has locked. How many there were. */
unsigned installer_reset(struct sim_meter *m);

#endif
