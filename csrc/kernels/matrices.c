/* Copies matrices: where their columns are contiguous in memory they are transposed in registers, block by block. */
#include "matrices.h"

#include <string.h>

#include "levels.h"
#include "store.h"

/* ---- blocks ---- */

/* A block has as many columns as there are elements in 16 bytes, and as many rows as there are elements in a vector. It is read
   in pieces of rows of 16 bytes: a vector has one of every so many rows as a piece has elements. Perfect shuffles transpose the
   pieces: each interleaves the vectors of the first half, piece by piece, with those of the second. All instruction sets have
   instructions for that, and a block is no wider than many kernels of convolutions. */

#ifdef __clang__
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

/* The numbers of elements from `i` on of a vector of `n`, each with that of the same element of a second vector. */
#define PAIRS_1(n, i) (i), (n) + (i)
#define PAIRS_2(n, i) PAIRS_1(n, i), PAIRS_1(n, (i) + 1)
#define PAIRS_4(n, i) PAIRS_2(n, i), PAIRS_2(n, (i) + 2)
#define PAIRS_8(n, i) PAIRS_4(n, i), PAIRS_4(n, (i) + 4)

/* Such pairs of half a piece, of each piece of a vector of so many bytes. */
#define PAIRS_OF_16(pairs, half, i) pairs(2 * half, i)
#define PAIRS_OF_32(pairs, half, i) pairs(4 * half, i), pairs(4 * half, (i) + 2 * half)

/* read_pieces_<bytes of a vector>: pieces that are `apart` bytes apart. */
typedef uint64_t vector_of_16 __attribute__((vector_size(16), aligned(1), may_alias));

static ALWAYS_INLINE vector_of_16 read_pieces_16(const char *from, int64_t apart)
{
    (void)apart;
    return *(const vector_of_16 *)from;
}

#ifdef __x86_64__ /* gcc joins halves of a vector in memory, if not told how */
typedef uint64_t vector_of_32 __attribute__((vector_size(32), aligned(1), may_alias));

static ALWAYS_INLINE TARGET_AVX2 vector_of_32 read_pieces_32(const char *from, int64_t apart)
{
    const __m256i first = _mm256_castsi128_si256(_mm_loadu_si128((const void *)from));
    return (vector_of_32)_mm256_inserti128_si256(first, _mm_loadu_si128((const void *)(from + apart)), 1);
}
#endif

#define STORE(level, to, values, non_temporal)                             \
    if (non_temporal)                                                      \
        store_non_temporal_##level((char *)(to), (const char *)&(values)); \
    else                                                                   \
        *(to) = values;

#define DEFINE_BLOCKS(level, TARGET, vector_bytes, bits, half)                                                              \
    typedef uint##bits##_t elements_##bits##_##level __attribute__((vector_size(vector_bytes), aligned(1), may_alias));     \
    /* columns[c] becomes the elements of column c. */                                                                      \
    static ALWAYS_INLINE TARGET void read_block_##bits##_##level(const char *from, int64_t pitch,                           \
                                                                 elements_##bits##_##level *columns)                        \
    {                                                                                                                       \
        enum { COLUMNS = 2 * half };                                                                                        \
        elements_##bits##_##level shuffled[COLUMNS];                                                                        \
        for (int i = 0; i < COLUMNS; i++)                                                                                   \
            columns[i] = (elements_##bits##_##level)read_pieces_##vector_bytes(from + i * pitch, COLUMNS * pitch);          \
        for (int done = 1; done < COLUMNS; done *= 2) {                                                                     \
            for (int i = 0; i < half; i++) {                                                                                \
                const elements_##bits##_##level a = columns[i], b = columns[i + half];                                      \
                shuffled[2 * i] = SHUFFLE(elements_##bits##_##level, a, b, PAIRS_OF_##vector_bytes(PAIRS_##half, half, 0)); \
                shuffled[2 * i + 1] =                                                                                       \
                    SHUFFLE(elements_##bits##_##level, a, b, PAIRS_OF_##vector_bytes(PAIRS_##half, half, half));            \
            }                                                                                                               \
            for (int i = 0; i < COLUMNS; i++)                                                                               \
                columns[i] = shuffled[i];                                                                                   \
        }                                                                                                                   \
    }                                                                                                                       \
    /* Copies `blocks` blocks, one below the other, of which `columns` columns are written. */                              \
    static ALWAYS_INLINE TARGET void copy_blocks_##bits##_##level(const struct matrix *of, uint64_t row, uint64_t column,   \
                                                                  int blocks, uint64_t columns, int non_temporal)           \
    {                                                                                                                       \
        enum { NBYTES = bits / 8, COLUMNS = 2 * half, ROWS = vector_bytes / NBYTES, IN_LINE = LINE_BYTES / vector_bytes };  \
        elements_##bits##_##level values[IN_LINE][COLUMNS];                                                                 \
        const char *from = of->from + (int64_t)row * of->pitch + (int64_t)(column * NBYTES);                                \
        char *to = of->to + (int64_t)column * of->column_stride + (int64_t)(row * NBYTES);                                  \
        for (int b = 0; b < blocks; b++)                                                                                    \
            read_block_##bits##_##level(from + b * ROWS * of->pitch, of->pitch, values[b]);                                 \
        for (uint64_t c = 0; c < COLUMNS; c++, to += of->column_stride) {                                                   \
            if (c == columns)                                                                                               \
                return;                                                                                                     \
            for (int b = 0; b < blocks; b++)                                                                                \
                STORE(level, (elements_##bits##_##level *)(to + b * vector_bytes), values[b][c], non_temporal)              \
        }                                                                                                                   \
    }                                                                                                                       \
    static ALWAYS_INLINE TARGET void copy_group_##bits##_##level(const struct matrix *of, uint64_t first, uint64_t last,    \
                                                                 int blocks, int non_temporal)                              \
    {                                                                                                                       \
        enum { COLUMNS = 2 * half, ROWS = 8 * vector_bytes / bits };                                                        \
        const uint64_t whole = of->columns - of->columns % COLUMNS, rows = (uint64_t)blocks * ROWS;                         \
        for (uint64_t column = 0; column < whole; column += COLUMNS)                                                        \
            for (uint64_t row = first; row < last; row += rows)                                                             \
                copy_blocks_##bits##_##level(of, row, column, blocks, COLUMNS, non_temporal);                               \
        for (uint64_t row = first; row < last && whole < of->columns; row += rows)                                          \
            copy_blocks_##bits##_##level(of, row, whole, blocks, of->columns - whole, non_temporal);                        \
    }                                                                                                                       \
    static TARGET void copy_group_ordinary_##bits##_##level(const struct matrix *of, uint64_t first, uint64_t last)         \
    {                                                                                                                       \
        copy_group_##bits##_##level(of, first, last, 1, 0);                                                                 \
    }                                                                                                                       \
    static TARGET void copy_group_non_temporal_##bits##_##level(const struct matrix *of, uint64_t first, uint64_t last)     \
    {                                                                                                                       \
        copy_group_##bits##_##level(of, first, last, LINE_BYTES / vector_bytes, 1);                                         \
    }

#define DEFINE_BLOCKS_OF(level, TARGET, vector_bytes) \
    DEFINE_BLOCKS(level, TARGET, vector_bytes, 8, 8)  \
    DEFINE_BLOCKS(level, TARGET, vector_bytes, 16, 4) \
    DEFINE_BLOCKS(level, TARGET, vector_bytes, 32, 2) \
    DEFINE_BLOCKS(level, TARGET, vector_bytes, 64, 1)

/* Levels of 64 bytes have the blocks of 32: they take as long for a line, and serve matrices of fewer rows. */
#define DEFINE_BLOCKS_16(level, TARGET) DEFINE_BLOCKS_OF(level, TARGET, 16)
#define DEFINE_BLOCKS_32(level, TARGET) DEFINE_BLOCKS_OF(level, TARGET, 32)
#define DEFINE_BLOCKS_64(level, TARGET)
#define DEFINE_LEVEL(level, TARGET, vector_bytes, test) DEFINE_BLOCKS_##vector_bytes(level, TARGET)
LEVELS(DEFINE_LEVEL)

enum {
    PANEL_BYTES = LINES * LINE_BYTES, /* of a column in a panel */
    SLOT_BYTES = 16 * 1024,           /* of columns that follow each other in memory: half of a first-level cache */
    MOST_BLOCK_COLUMNS = 16
};

/* Writes the columns of a panel, of a box that shares lines with the next: each from the first line that begins in it to the
   end of that which begins last before the next box. */
#define DEFINE_WRITE_PANEL(level, TARGET, vector_bytes, test)                                                      \
    static TARGET void write_panel_##level(const struct matrix *of, uint64_t nbytes, const char *panel)            \
    {                                                                                                              \
        char *to = of->to;                                                                                         \
        for (uint64_t c = 0; c < of->columns; c++, to += of->column_stride, panel += PANEL_BYTES) {                \
            const uint64_t head = smaller(-(uintptr_t)to % LINE_BYTES, nbytes);                                    \
            const uint64_t wanted = of->shares_lines > head ? (of->shares_lines - head - 1) / LINE_BYTES + 1 : 0;  \
            const uint64_t lines = smaller(wanted, (nbytes - head) / LINE_BYTES), end = head + lines * LINE_BYTES; \
            if (of->is_first)                                                                                      \
                memcpy(to, panel, head);                                                                           \
            for (uint64_t at = head; at < end; at += vector_bytes)                                                 \
                store_non_temporal_##level(to + at, panel + at);                                                   \
            if (lines < wanted)                                                                                    \
                memcpy(to + end, panel + end, nbytes - end);                                                       \
        }                                                                                                          \
    }

LEVELS(DEFINE_WRITE_PANEL)

/* Copies rows `first` to `last` - 1, a multiple of those of a block, or for non-temporal stores those of a line. */
typedef void copy_group_function(const struct matrix *of, uint64_t first, uint64_t last);
typedef void write_panel_function(const struct matrix *of, uint64_t nbytes, const char *panel);

struct copies { copy_group_function *ordinary, *non_temporal; };

#define COPIES(level, bits) {copy_group_ordinary_##bits##_##level, copy_group_non_temporal_##bits##_##level}
#define LEVEL_OF(level, blocks, vector_bytes) \
    {vector_bytes,                            \
     write_panel_##level,                     \
     write_lines_##level,                     \
     {COPIES(blocks, 8), COPIES(blocks, 16), COPIES(blocks, 32), COPIES(blocks, 64)}},
#define LEVEL_OF_16(level) LEVEL_OF(level, level, 16)
#define LEVEL_OF_32(level) LEVEL_OF(level, level, 32)
#define LEVEL_OF_64(level) LEVEL_OF(level, avx2, 32)
#define LEVEL(level, TARGET, vector_bytes, test) LEVEL_OF_##vector_bytes(level)
static const struct {
    uint64_t vector_bytes;
    write_panel_function *write_panel;
    write_lines_function *write_lines;
    struct copies copies[4]; /* by the logarithms of the bytes of an element */
} levels[] = {LEVELS(LEVEL)};

/* ---- columns that are contiguous in memory ---- */

/* What is copied, and how. */
struct copy {
    struct matrix of;
    uint64_t element_bytes, block_rows;
    struct copies by;
    write_panel_function *write_panel;
    write_lines_function *write_lines;
};

/* Whether a first-level cache cannot hold a line of each of so many rows: of the usual ones a page has a line in each of 64
   sets, and a set holds 8. */
static int share_sets(int64_t pitch, uint64_t rows)
{
    enum { PAGE = 4096, WAYS = 8 };
    const uint64_t apart = (uint64_t)pitch & -(uint64_t)pitch; /* the power of 2 in it */
    return apart > LINE_BYTES && rows * smaller(apart, PAGE) > PAGE * WAYS;
}

/* Copies rows through strips of lines that follow each other: the blocks of a line read it several times. */
static void copy_strips(const struct copy *copy, copy_group_function *copy_group, uint64_t first, uint64_t last)
{
    _Alignas(LINE_BYTES) char lines[LINES * LINE_BYTES][LINE_BYTES];
    const struct matrix *of = &copy->of;
    const uint64_t nbytes = copy->element_bytes, columns = LINE_BYTES / nbytes;
    struct matrix strip = *of;
    strip.from = lines[0], strip.pitch = LINE_BYTES;
    for (uint64_t column = 0; column < of->columns; column += columns) {
        const char *from = of->from + (int64_t)first * of->pitch + (int64_t)(column * nbytes);
        for (uint64_t row = 0; row < last - first; row++, from += of->pitch)
            memcpy(lines[row], from, LINE_BYTES);
        strip.to = of->to + (int64_t)column * of->column_stride + (int64_t)(first * nbytes);
        strip.columns = smaller(columns, of->columns - column);
        copy_group(&strip, 0, last - first);
    }
}

static void copy_part(const struct copy *copy, copy_group_function *copy_group, uint64_t first, uint64_t last)
{
    const uint64_t together = LINES * LINE_BYTES / copy->element_bytes;
    for (uint64_t row = first, end; row < last; row = end) {
        end = smaller(last, row + together);
        if (share_sets(copy->of.pitch, end - row))
            copy_strips(copy, copy_group, row, end);
        else
            copy_group(&copy->of, row, end);
    }
}

static ALWAYS_INLINE void copy_elements_of(const struct matrix *of, uint64_t nbytes)
{
    const int by_rows = magnitude(of->column_stride) < LINE_BYTES; /* whose elements then share lines */
    const uint64_t outer = by_rows ? of->rows : of->columns, inner = by_rows ? of->columns : of->rows;
    const int64_t from_outer = by_rows ? of->pitch : (int64_t)nbytes, from_inner = by_rows ? (int64_t)nbytes : of->pitch;
    const int64_t to_outer = by_rows ? of->row_stride : of->column_stride,
                  to_inner = by_rows ? of->column_stride : of->row_stride;
    for (uint64_t i = 0; i < outer; i++)
        for (uint64_t j = 0; j < inner; j++)
            memcpy(of->to + (int64_t)i * to_outer + (int64_t)j * to_inner,
                   of->from + (int64_t)i * from_outer + (int64_t)j * from_inner, nbytes);
}

static void copy_elements(const struct copy *copy)
{
    const uint64_t nbytes = copy->element_bytes;
    if (nbytes == 8)
        copy_elements_of(&copy->of, 8);
    else if (nbytes == 4)
        copy_elements_of(&copy->of, 4);
    else if (nbytes == 2)
        copy_elements_of(&copy->of, 2);
    else
        copy_elements_of(&copy->of, 1);
}

/* Copies rows `first` to `last` - 1, and perhaps others, by ordinary stores. */
static void copy_ordinary(const struct copy *copy, uint64_t first, uint64_t last)
{
    if (copy->of.rows < copy->block_rows) {
        copy_elements(copy);
        return;
    }
    const uint64_t whole = first + (last - first) / copy->block_rows * copy->block_rows;
    copy_part(copy, copy->by.ordinary, first, whole);
    const uint64_t rest = smaller(whole, copy->of.rows - copy->block_rows);
    if (whole < last)
        copy_part(copy, copy->by.ordinary, rest, rest + copy->block_rows);
}

/* Copies rows `first` to `last` - 1, fewer than a line has: whole blocks would write to lines that have been written past the
   caches, or will be, which takes longer than all else. */
static void copy_part_of_line(const struct copy *copy, uint64_t first, uint64_t last)
{
    struct copy part = *copy;
    part.of.rows = last - first;
    part.of.from += (int64_t)first * part.of.pitch;
    part.of.to += first * copy->element_bytes;
    copy_elements(&part);
}

/* Copies columns whose lines of memory begin at the same rows, by non-temporal stores. */
static void copy_lines(const struct copy *copy)
{
    const uint64_t nbytes = copy->element_bytes, in_line = LINE_BYTES / nbytes, rows = copy->of.rows;
    const uint64_t head = smaller(rows, -(uintptr_t)copy->of.to % LINE_BYTES / nbytes);
    const uint64_t end = head + (rows - head) / in_line * in_line;
    copy_part_of_line(copy, 0, head);
    copy_part(copy, copy->by.non_temporal, head, end);
    copy_part_of_line(copy, end, rows);
}

/* Copies columns that follow each other in memory, some at a time into a slot, from which their lines are written. */
static void copy_dense(const struct copy *copy)
{
    char slots[2][LINE_BYTES + SLOT_BYTES];
    const uint64_t column_bytes = copy->of.rows * copy->element_bytes;
    const uint64_t together = SLOT_BYTES / column_bytes / MOST_BLOCK_COLUMNS * MOST_BLOCK_COLUMNS;
    struct store_queue queue = {slots[0], slots[0], 0, 0, 0};
    struct copy part = *copy;
    char *to = copy->of.to;
    int slot = 0;
    for (uint64_t column = 0; column < copy->of.columns; column += together, slot = !slot) {
        part.of.columns = smaller(together, copy->of.columns - column);
        part.of.to = slots[slot] + LINE_BYTES;
        copy_ordinary(&part, 0, part.of.rows);
        copy->write_lines(&queue);
        push(&queue, to, part.of.to, part.of.columns * column_bytes, slots[!slot] + LINE_BYTES);
        part.of.from += together * copy->element_bytes;
        to += together * column_bytes;
    }
    copy->write_lines(&queue);
    flush(&queue);
}

/* Copies columns whose lines begin at different rows, through panels of a few, since non-temporal stores write whole lines. */
static void copy_shared(const struct copy *copy)
{
    enum { COLUMNS = MOST_BLOCK_COLUMNS };
    _Alignas(LINE_BYTES) char panel[COLUMNS * PANEL_BYTES];
    const uint64_t columns = copy->of.columns, nbytes = copy->element_bytes;
    struct copy part = *copy;
    struct matrix written = copy->of;
    part.of.to = panel, part.of.column_stride = PANEL_BYTES;
    for (uint64_t column = 0; column < columns; column += COLUMNS) {
        part.of.columns = written.columns = smaller(COLUMNS, columns - column);
        copy_ordinary(&part, 0, part.of.rows);
        copy->write_panel(&written, written.rows * nbytes, panel);
        part.of.from += COLUMNS * nbytes;
        written.to += COLUMNS * written.column_stride;
    }
}

/* ---- any matrix ---- */

/* Where the elements of a row are nearer to each other in memory than those of a column. */
static void copy_rows(const struct copy *copy)
{
    struct copy row = *copy;
    row.of.rows = 1;
    for (uint64_t r = 0; r < copy->of.rows; r++, row.of.from += copy->of.pitch, row.of.to += copy->of.row_stride)
        if (copy->of.column_stride == (int64_t)copy->element_bytes)
            memcpy(row.of.to, row.of.from, copy->of.columns * copy->element_bytes);
        else
            copy_elements(&row);
}

/* Whether columns follow each other in memory, and are so short that many of their lines are those of two. */
static int is_dense(const struct copy *copy)
{
    const uint64_t column_bytes = copy->of.rows * copy->element_bytes;
    return copy->of.column_stride == (int64_t)column_bytes && column_bytes <= PANEL_BYTES;
}

void copy_matrix(int level, const struct matrix *of, uint64_t element_bytes)
{
    const int size = element_bytes == 8 ? 3 : (int)(element_bytes / 2);
    const struct copy copy = {*of,
                              element_bytes,
                              levels[level].vector_bytes / element_bytes,
                              levels[level].copies[size],
                              levels[level].write_panel,
                              levels[level].write_lines};
    if ((of->rows == 1 && !of->shares_lines) || magnitude(of->column_stride) <= magnitude(of->row_stride))
        copy_rows(&copy);
    else if (of->row_stride != (int64_t)element_bytes)
        copy_elements(&copy);
    else if (of->shares_lines)
        copy_shared(&copy);
    else if (of->non_temporal && is_dense(&copy))
        copy_dense(&copy);
    else if (of->non_temporal && of->lines_up)
        copy_lines(&copy);
    else
        copy_ordinary(&copy, 0, of->rows);
}
