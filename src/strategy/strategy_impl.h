/* Shared by the parts of strategy/ only. */
#ifndef YUFU_STRATEGY_STRATEGY_IMPL_H
#define YUFU_STRATEGY_STRATEGY_IMPL_H

#include "strategy/strategy.h"

#define STRATEGY_DAY_MINUTES 1440
#define STRATEGY_CIRCUITS 0x7u /* circuits 1, 2, 3 */

/* Notes the problem at section.name (section "": top; problem may be NULL); ERR_STRATEGY_POLICY. */
enum err strategy_refuse(struct strategy_problem *problem, enum strategy_fault fault,
                         const char *section, const char *name);

#endif
