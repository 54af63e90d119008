/* The kernels of the levels that need a CPU of their own. */
#include "level_kernels.h"

LEVELS_BEYOND(DEFINE_LEVEL)
