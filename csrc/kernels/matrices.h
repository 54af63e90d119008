/* Copies matrices whose rows are contiguous to memory of any strides. */
#ifndef FASTINIT_MATRICES_H
#define FASTINIT_MATRICES_H

#include <stdint.h>

enum {
    LINES = 8 /* of a column that are written one after the other: with fewer than 4, memory takes up to twice as long */
};

/* Rows of `columns` elements, `pitch` bytes apart, to `to + column * column_stride + row * row_stride`. After the last row as
   many bytes can be read as a line of memory has. */
struct matrix {
    const char *from;
    char *to;
    uint64_t rows, columns;
    int64_t pitch, row_stride, column_stride;
    int lines_up, non_temporal; /* lines_up: lines of memory begin at the same rows of all columns */
    uint64_t shares_lines; /* else, bytes of a column up to the next box's, which has the line that begins before; or 0 */
    int is_first;          /* whether no box is before it */
};

void copy_matrix(int level, const struct matrix *of, uint64_t element_bytes);

static inline uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline int64_t magnitude(int64_t number)
{
    return number < 0 ? -number : number;
}

#endif
