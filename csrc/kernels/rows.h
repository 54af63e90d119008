/* The kernels as fi_fill finds them: a row for each instruction-set level, a column for each kernel. */
#ifndef FASTINIT_ROWS_H
#define FASTINIT_ROWS_H

#include "kernel_list.h" /* KERNELS, written by csrc/build.py from fastinit/backends/catalogue.py */
#include "lanes.h"

/* Four word rows are two rows of doubles: every distribution can begin and end at any group. */
enum {
    GROUP_ROWS = 4,
    TILE_GROUPS = TILE_ROWS / GROUP_ROWS,
    MOST_TILE_BYTES = TILE_WORDS * 8
}; /* a word may become a value of 8 bytes */

/* A kernel writes the values of groups `first` to `last` - 1 of a tile to `out`, one after the other. In between it writes
   lines of the queue, all of them or some. */
typedef void kernel_function(const uint32_t *stream, uint64_t tile, int first, int last, const double *parameters,
                             struct store_queue *queue, void *out);

#define COUNT_KERNEL(...) +1
enum { KERNEL_COUNT = KERNELS(COUNT_KERNEL, ) };

struct level_row {
    const char *name;
    write_lines_function *write_lines;
    kernel_function *kernel[KERNEL_COUNT];
};

/* fi_level_<level> */
#define DECLARE_LEVEL(level, TARGET, vector_bytes, test) extern const struct level_row fi_level_##level;
LEVELS(DECLARE_LEVEL)

#endif
