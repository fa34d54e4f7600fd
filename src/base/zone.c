#include "base/zone.h"

#include <stddef.h>
#include <string.h>

#define EAST(hours, minutes) ((hours) * 3600 + (minutes) * 60)

static const struct {
    const char *zone;
    int32_t offset_s;
} zones[] = {
    {"Asia/Shanghai", EAST(8, 0)},     {"Asia/Chongqing", EAST(8, 0)},
    {"Asia/Harbin", EAST(8, 0)},       {"Asia/Urumqi", EAST(6, 0)},
    {"Asia/Hong_Kong", EAST(8, 0)},    {"Asia/Macau", EAST(8, 0)},
    {"Asia/Taipei", EAST(8, 0)},       {"Asia/Singapore", EAST(8, 0)},
    {"Asia/Kuala_Lumpur", EAST(8, 0)}, {"Asia/Manila", EAST(8, 0)},
    {"Asia/Bangkok", EAST(7, 0)},      {"Asia/Ho_Chi_Minh", EAST(7, 0)},
    {"Asia/Jakarta", EAST(7, 0)},      {"Asia/Tokyo", EAST(9, 0)},
    {"Asia/Seoul", EAST(9, 0)},        {"Asia/Dhaka", EAST(6, 0)},
    {"Asia/Kolkata", EAST(5, 30)},     {"Asia/Karachi", EAST(5, 0)},
    {"Asia/Dubai", EAST(4, 0)},        {"Africa/Nairobi", EAST(3, 0)},
    {"Africa/Johannesburg", EAST(2, 0)}, {"Africa/Lagos", EAST(1, 0)},
    {"UTC", 0},                        {"Etc/UTC", 0},
};

bool zone_offset(const char *zone, int32_t *offset_s)
{
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (strcmp(zones[i].zone, zone) == 0) {
            *offset_s = zones[i].offset_s;
            return true;
        }
    }
    return false;
}
