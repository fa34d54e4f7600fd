/* Faults that come by time, each by the dice of its seed. */
#include "sim/world/world_impl.h"

static void plan_disk_fault(struct world *w, struct sim_disk *disk)
{
    static const enum sim_disk_fault kinds[] = {SIM_DISK_EIO, SIM_DISK_ENOSPC};
    enum sim_disk_calls calls = rand_chance(&w->rand_fault, 500) ? SIM_DISK_SYNCS : SIM_DISK_ANY;
    uint64_t nth = 1 + rand_below(&w->rand_fault, 40);
    sim_disk_plan(disk, kinds[rand_below(&w->rand_fault, 2)], calls, nth, false);
    w->counts.disk_faults++;
}

static void roll_crash(struct world *w, bool platform)
{
    struct sim_disk *disk = platform ? w->platform_disk : w->gateway_disk;
    if (rand_chance(&w->rand_fault, 600)) { /* between two disk calls, wherever they are */
        bool kill = w->faults.kill_inside_permille > 0 &&
                    rand_chance(&w->rand_fault, w->faults.kill_inside_permille);
        sim_disk_plan(disk, kill ? SIM_DISK_KILL : SIM_DISK_POWER_CUT, SIM_DISK_ANY,
                      1 + rand_below(&w->rand_fault, 60), false);
        return;
    }
    bool power = rand_chance(&w->rand_fault, 500);
    if (platform)
        world_crash_platform(w, power, world_downtime(w));
    else
        world_crash_gateway(w, power, world_downtime(w));
}

/* Somebody fills a disk, and somebody cleans up. */
static void fill_disk(struct world *w)
{
    bool platform = rand_chance(&w->rand_fault, 200);
    mono_ms until = mono_after(w->now, 20'000 + (int64_t)rand_below(&w->rand_fault, 240'000));
    sim_disk_plan(platform ? w->platform_disk : w->gateway_disk, SIM_DISK_ENOSPC, SIM_DISK_WRITES,
                  1, true);
    if (platform)
        w->platform_disk_free = until;
    else
        w->gateway_disk_free = until;
    w->counts.disk_faults++;
    world_note(w, "disk.full", platform, until.ms);
}

static void free_disk(struct sim_disk *disk, mono_ms *at, mono_ms now)
{
    if (!mono_due(*at, now))
        return;
    *at = MONO_NEVER;
    sim_disk_mend(disk);
}

/* The latest sales are the most likely to be sent again. */
static void roll_zombie(struct world *w)
{
    size_t back = 1 + rand_below(&w->rand_fault, WORLD_TOLD);
    for (size_t i = 0; i < back && i < w->told_next; i++) {
        const struct world_told *old = &w->told[(w->told_next - 1 - i) % WORLD_TOLD];
        if (old->amount_fen > 0 && rand_chance(&w->rand_fault, 300)) {
            (void)world_send_again(w, old, false); /* nobody listens: then not */
            return;
        }
    }
}

static void roll_meter(struct world *w, size_t i)
{
    struct sim_meter *m = &w->meters[i];
    if (rand_chance(&w->rand_fault, w->faults.meter_cut_permille)) {
        int64_t off_ms = 1'000 + (int64_t)rand_below(&w->rand_fault, 30'000);
        unsigned bytes = (unsigned)rand_below(&w->rand_fault, 300);
        sim_meter_cut_at_write(m, 1 + (unsigned)rand_below(&w->rand_fault, 4), bytes, off_ms);
        w->counts.meter_cuts++;
    }
    if (m->setup.wallet && rand_chance(&w->rand_fault, w->faults.foreign_permille))
        world_foreign_vend(w, i);
}

void world_roll_dice(struct world *w)
{
    free_disk(w->platform_disk, &w->platform_disk_free, w->now);
    free_disk(w->gateway_disk, &w->gateway_disk_free, w->now);
    if (w->next_minute.ms > w->now.ms)
        return;
    w->next_minute = mono_after(w->now, WORLD_MINUTE_MS);
    if (w->calm)
        return;
    if (rand_chance(&w->rand_fault, w->faults.platform_crash_permille))
        roll_crash(w, true);
    if (rand_chance(&w->rand_fault, w->faults.gateway_crash_permille))
        roll_crash(w, false);
    if (rand_chance(&w->rand_fault, w->faults.disk_fault_permille))
        plan_disk_fault(w, rand_chance(&w->rand_fault, 500) ? w->platform_disk : w->gateway_disk);
    if (rand_chance(&w->rand_fault, w->faults.disk_full_permille))
        fill_disk(w);
    if (rand_chance(&w->rand_fault, w->faults.zombie_permille))
        roll_zombie(w);
    for (size_t i = 0; i < w->meter_count; i++)
        roll_meter(w, i);
}

void world_calm_down(struct world *w)
{
    w->calm = true;
    w->line.faults = (struct sim_line_faults){0};
    sim_disk_mend(w->platform_disk);
    sim_disk_mend(w->gateway_disk);
    for (size_t i = 0; i < w->meter_count; i++) {
        w->meters[i].cut_at_write = 0;
        if (!w->meters[i].powered)
            sim_meter_power_on(&w->meters[i]);
    }
    world_note(w, "calm", 0, 0);
}
