/* From reset to main: vectors, memory, and a painted stack that tells afterwards how deep it went.
 */
#include <stdint.h>

#include "firmware/board.h"

#define PAINT UINT32_C(0x59554655)

int main(void);

extern uint32_t data_begin[], data_end[], data_load[], bss_begin[], bss_end[];
extern uint32_t rig_begin[], rig_end[], stack_low[], stack_top[];

_Noreturn void reset(void);
_Noreturn void fault(void);

_Noreturn void fault(void)
{
    board_note("firmware.fault\n", 15);
    board_exit(2);
}

/* Only what every Cortex-M has: initial stack, reset, NMI, hard fault. Nothing here interrupts. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handler[15])(void);
} vectors = {stack_top, {reset, fault, fault}};

static void clear(uint32_t *from, const uint32_t *to, uint32_t value)
{
    while (from < to)
        *from++ = value;
}

_Noreturn void reset(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_begin; to < data_end; to++)
        *to = *from++;
    clear(bss_begin, bss_end, 0);
    clear(rig_begin, rig_end, 0);
    uint32_t *here = __builtin_frame_address(0);
    clear(stack_low, here - 16, PAINT);
    board_exit(main());
}

uint32_t startup_stack_used(void)
{
    const uint32_t *p = stack_low;
    while (p < stack_top && *p == PAINT)
        p++;
    return (uint32_t)(stack_top - p) * (uint32_t)sizeof *p;
}
