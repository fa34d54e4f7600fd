/* The compiler's names for a 64-bit division: n in r0-r1, d in r2-r3; the quotient returns in r0-r1
 * and what is left in r2-r3, which no C function can do. They stand in place of libgcc's. */
#include "firmware/divide.h"

__attribute__((naked)) void __aeabi_uldivmod(void);
__attribute__((naked)) void __aeabi_ldivmod(void);

#define WITH_REST(function)                                                                        \
    __asm__(".syntax unified\n"                                                                    \
            "push {r4, lr}\n"                                                                      \
            "sub sp, #16\n"                                                                        \
            "add r4, sp, #8\n"                                                                     \
            "str r4, [sp]\n"                                                                       \
            "bl " #function "\n"                                                                   \
            "ldr r2, [sp, #8]\n"                                                                   \
            "ldr r3, [sp, #12]\n"                                                                  \
            "add sp, #16\n"                                                                        \
            "pop {r4, pc}\n")

void __aeabi_uldivmod(void)
{
    WITH_REST(divide_unsigned);
}

void __aeabi_ldivmod(void)
{
    WITH_REST(divide_signed);
}
