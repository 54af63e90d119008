/* The kernels, one copy for each instruction-set level, and the fill that every one of them serves. */
#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "integers.h"
#include "levels.h"
#include "narrow.h"
#include "store.h"

/* The list of kernels: shape of the body, rows of words at a time, distribution, element, type of the distribution's values, C type of the
   element, rounding. A new one is a line here. */
#define KERNELS(X, ...)                                                                                            \
    X(NONE, STRAIGHT, , words_uint32, uint32_t, uint32_t, , __VA_ARGS__)                                           \
    X(DIRECT, FEW, uniform_values_f32, uniform_float32, float, float, , __VA_ARGS__)                               \
    X(DIRECT, FEW, uniform_values_f64, uniform_float64, double, double, , __VA_ARGS__)                             \
    X(ROUNDED, ALL, uniform_values_f32, uniform_float16, float, uint16_t, narrow_float16, __VA_ARGS__)             \
    X(ROUNDED, ALL, uniform_values_f32, uniform_bfloat16, float, uint16_t, narrow_bfloat16, __VA_ARGS__)           \
    X(ROUNDED, ALL, uniform_values_f32, uniform_float8_e4m3fn, float, uint8_t, narrow_float8_e4m3fn, __VA_ARGS__)  \
    X(ROUNDED, ALL, uniform_values_f32, uniform_float8_e5m2, float, uint8_t, narrow_float8_e5m2, __VA_ARGS__)      \
    X(DIRECT, ALL, normal_values_f32, normal_float32, float, float, , __VA_ARGS__)                                 \
    X(DIRECT, ALL, normal_values_f64, normal_float64, double, double, , __VA_ARGS__)                               \
    X(ROUNDED, ALL, normal_values_f32, normal_float16, float, uint16_t, narrow_float16, __VA_ARGS__)               \
    X(ROUNDED, ALL, normal_values_f32, normal_bfloat16, float, uint16_t, narrow_bfloat16, __VA_ARGS__)             \
    X(ROUNDED, ALL, normal_values_f32, normal_float8_e4m3fn, float, uint8_t, narrow_float8_e4m3fn, __VA_ARGS__)    \
    X(ROUNDED, ALL, normal_values_f32, normal_float8_e5m2, float, uint8_t, narrow_float8_e5m2, __VA_ARGS__)        \
    X(DIRECT, ALL, truncated_values_f32, truncated_float32, float, float, , __VA_ARGS__)                           \
    X(DIRECT, ALL, truncated_values_f64, truncated_float64, double, double, , __VA_ARGS__)                         \
    X(ROUNDED, ALL, truncated_values_f32, truncated_float16, float, uint16_t, narrow_float16, __VA_ARGS__)         \
    X(ROUNDED, ALL, truncated_values_f32, truncated_bfloat16, float, uint16_t, narrow_bfloat16, __VA_ARGS__)       \
    X(ROUNDED, ALL, truncated_values_f32, truncated_float8_e4m3fn, float, uint8_t, narrow_float8_e4m3fn, __VA_ARGS__) \
    X(ROUNDED, ALL, truncated_values_f32, truncated_float8_e5m2, float, uint8_t, narrow_float8_e5m2, __VA_ARGS__)  \
    X(DIRECT, ALL, exponential_values_f32, exponential_float32, float, float, , __VA_ARGS__)                       \
    X(DIRECT, ALL, exponential_values_f64, exponential_float64, double, double, , __VA_ARGS__)                     \
    X(DIRECT, ALL, lognormal_values_f64, lognormal_float64, double, double, , __VA_ARGS__)                         \
    X(INTEGER, ALL, integers_values_u8, integers_uint8, uint32_t, uint8_t, , __VA_ARGS__)                          \
    X(INTEGER, ALL, integers_values_u16, integers_uint16, uint32_t, uint16_t, , __VA_ARGS__)                       \
    X(INTEGER, ALL, integers_values_u32, integers_uint32, uint32_t, uint32_t, , __VA_ARGS__)                       \
    X(INTEGER, ALL, integers_values_u64, integers_uint64, uint32_t, uint64_t, , __VA_ARGS__)                       \
    X(INTEGER, ALL, wide_integers_values_u32, wideintegers_uint32, uint64_t, uint32_t, , __VA_ARGS__)              \
    X(INTEGER, ALL, wide_integers_values_u64, wideintegers_uint64, uint64_t, uint64_t, , __VA_ARGS__)

/* Four word rows, the least that any distribution can begin at: a pair of double rows. Any whole number of them is a valid cut. */
enum { GROUP_ROWS = 4, TILE_GROUPS = TILE_ROWS / GROUP_ROWS, MOST_TILE_BYTES = TILE_WORDS * 8 }; /* a word may become 8 bytes */

/* A kernel writes the values of groups `first` to `last` - 1 of a tile, densely from `out`, and streams what is outgoing, all
   of it or a part, in between. */
typedef void kernel_function(const uint32_t *stream, uint64_t tile, int first, int last, const double *parameters,
                             struct outgoing *outgoing, void *out);

#define ELEMENTS_OF_ROW(value) (LANES * 4 / (int)sizeof(value))

/* Of `words`, `rows` rows from row `row` of the tile on, to `to`. */
#define BODY_NONE(...)

#define BODY_DIRECT(values_of, value, element, narrow) values_of(words, rows * 4 / (int)sizeof(value), parameters, to);

#define BODY_ROUNDED(values_of, value, element, narrow)                                                            \
    value values[TILE_WORDS];                                                                                      \
    values_of(words, rows, parameters, values);                                                                    \
    for (int i = 0; i < rows * LANES; i++)                                                                         \
        to[i] = narrow(values[i]);

#define BODY_INTEGER(values_of, value, element, narrow)                                                            \
    uint64_t position = (tile * TILE_ROWS + (uint64_t)row) * ELEMENTS_OF_ROW(value);                               \
    values_of(words, rows * 4 / (int)sizeof(value), parameters, stream, position, to);

/* The words themselves. */
#define ROWS_STRAIGHT(level, value, element, BODY)                                                                 \
    uint32_t passed_over[TILE_WORDS];                                                                              \
    (void)parameters;                                                                                              \
    next_rows_##level(lanes, first_row, passed_over, outgoing);                                                    \
    next_rows_##level(lanes, end - first_row, out, outgoing);

/* All rows, then all values: the steps of most distributions run best in long loops. */
#define ROWS_ALL(level, value, element, BODY)                                                                      \
    _Alignas(64) uint32_t tile_words[TILE_WORDS];                                                                  \
    int row = first_row, rows = end - first_row;                                                                   \
    element *to = out;                                                                                             \
    next_rows_##level(lanes, end, tile_words, outgoing);                                                           \
    const uint32_t *words = tile_words + row * LANES;                                                              \
    BODY

/* A distribution with little to do to a word takes few rows: their values are stored between the lines that are streamed. With 8, 16,
   32 and all rows one core wrote 21.6, 23.1, 22.5 and 19.9 GB/s of uniform float32 into memory, 25.1 being the limit. */
enum { FEW = 16 };
#define ROWS_FEW(level, value, element, BODY)                                                                      \
    _Alignas(64) uint32_t words[FEW * LANES];                                                                      \
    for (int row = 0, rows; row < end; row += rows) {                                                              \
        int left = (row < first_row ? first_row : end) - row;                                                      \
        rows = left < FEW ? left : FEW;                                                                            \
        next_rows_##level(lanes, rows, words, outgoing);                                                           \
        if (row >= first_row) {                                                                                    \
            element *to = (element *)out + (row - first_row) * ELEMENTS_OF_ROW(value);                             \
            BODY                                                                                                   \
        }                                                                                                          \
    }

#define DEFINE_KERNEL(shape, at_a_time, values_of, name, value, element, narrow, level, TARGET)                    \
    static TARGET void name##_##level(const uint32_t *stream, uint64_t tile, int first, int last,                  \
                                      const double *parameters, struct outgoing *outgoing, void *out)              \
    {                                                                                                              \
        _Alignas(64) uint32_t lanes[4][LANES];                                                                     \
        int first_row = first * GROUP_ROWS, end = last * GROUP_ROWS;                                               \
        seed_lanes(lanes, stream, tile, philox_lanes_##level);                                                     \
        ROWS_##at_a_time(level, value, element, BODY_##shape(values_of, value, element, narrow))                   \
    }
#define DEFINE_KERNELS(level, TARGET, vector_bytes, test) KERNELS(DEFINE_KERNEL, level, TARGET)
LEVELS(DEFINE_KERNELS)

/* The tables: one row a level, one column a kernel. */
#define COLUMN(shape, at_a_time, values_of, name, value, element, narrow, ...)                                     \
    {#name, TILE_ROWS * ELEMENTS_OF_ROW(value), (int)sizeof(element)},
static const struct {
    const char *name;
    int tile_elements, element_bytes;
} kernels[] = {KERNELS(COLUMN, )};
enum { KERNEL_COUNT = sizeof kernels / sizeof kernels[0] };

#define CELL(shape, at_a_time, values_of, name, value, element, narrow, level) name##_##level,
#define ROW(level, TARGET, vector_bytes, test) {#level, stream_rest_##level, {KERNELS(CELL, level)}},
static const struct {
    const char *name;
    stream_rest_function *stream_rest;
    kernel_function *kernel[KERNEL_COUNT];
} levels[] = {LEVELS(ROW)};
enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

int fi_level_count(void) { return LEVEL_COUNT; }
const char *fi_level_name(int level) { return levels[level].name; }
int fi_kernel_count(void) { return KERNEL_COUNT; }
const char *fi_kernel_name(int kernel) { return kernels[kernel].name; }

int fi_kernel_tile_elements(int kernel) { return kernels[kernel].tile_elements; }

int fi_level_supported(int level)
{
#define TEST(level, TARGET, vector_bytes, test) (test) ? 1 : 0,
    const int supported[] = {LEVELS(TEST)};
    return supported[level];
}

/* The part of one tile that lies in the buffer. */
struct window {
    uint64_t tile;
    int first, last; /* groups; none when equal */
    _Alignas(64) char values[MOST_TILE_BYTES];
};

/* Have elements `low` to `high` of `tile` in the window: only their groups at the tile's first visit, all of it at the
   second, for then there will be more (a column of a matrix comes back to a tile row after row). */
static void look_at(struct window *window, kernel_function *kernel, const uint32_t *stream, const double *parameters,
                    uint64_t tile, int low, int high, int tile_elements, struct outgoing *outgoing)
{
    int per_group = tile_elements / TILE_GROUPS, first = low / per_group, last = high / per_group + 1;
    int again = window->tile == tile && window->first < window->last;
    if (again && window->first <= first && last <= window->last)
        return;
    window->tile = tile;
    window->first = again ? 0 : first;
    window->last = again ? TILE_GROUPS : last;
    kernel(stream, tile, window->first, window->last, parameters, outgoing, window->values);
}

#define GATHER(nbytes)                                                                                             \
    for (int64_t i = 0; i < (int64_t)count; i++)                                                                   \
        memcpy(out + i * nbytes, from + i * step * nbytes, nbytes);

/* Elements 0, step, 2 step, ... of `from`. */
static void gather(char *out, const char *from, uint64_t count, int64_t step, int element_bytes)
{
    if (step == 1)
        memcpy(out, from, count * (uint64_t)element_bytes);
    else if (element_bytes == 8)
        GATHER(8)
    else if (element_bytes == 4)
        GATHER(4)
    else if (element_bytes == 2)
        GATHER(2)
    else
        GATHER(1)
}

void fi_fill(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts,
             uint64_t runs, uint64_t count, int64_t step, void *out, int64_t pitch, int streaming)
{
    kernel_function *values_of = levels[level].kernel[kernel];
    int tile_elements = kernels[kernel].tile_elements, element_bytes = kernels[kernel].element_bytes;
    _Alignas(LINE_BYTES) char finished[2][LINE_BYTES + MOST_TILE_BYTES]; /* one goes out while the next one is made */
    int slot = 0;
    int past_cache = CAN_STREAM && streaming && (step == 1 || step == -1) && count * (uint64_t)element_bytes >= 2 * LINE_BYTES;
    struct outgoing outgoing = {finished[0], finished[0], 0, 0, 0};
    struct window window;
    window.tile = 0, window.first = window.last = 0;
    char *end = out; /* of what has been written */
    for (uint64_t run = 0; run < runs && count > 0; run++) {
        uint64_t position = starts[run], left = count;
        char *to = (char *)out + (int64_t)run * pitch;
        if (to != end)
            settle(&outgoing);
        while (left > 0) {
            uint64_t tile = position / (uint64_t)tile_elements;
            int at = (int)(position % (uint64_t)tile_elements);
            int ahead = step > 0 ? tile_elements - 1 - at : at; /* how far the tile goes on in the direction of step */
            uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step, here = (uint64_t)ahead / stride + 1;
            here = here < left ? here : left;
            char *values = past_cache ? finished[slot] + LINE_BYTES : to;
            if (step == 1 && here == (uint64_t)tile_elements) {
                values_of(stream, tile, 0, TILE_GROUPS, parameters, &outgoing, values);
            } else {
                int64_t span = (int64_t)(here - 1) * step; /* within the tile */
                int low = at + (int)(span < 0 ? span : 0), high = at + (int)(span > 0 ? span : 0);
                look_at(&window, values_of, stream, parameters, tile, low, high, tile_elements, &outgoing);
                gather(values, window.values + (at - window.first * tile_elements / TILE_GROUPS) * element_bytes, here, step,
                       element_bytes);
            }
            if (past_cache) {
                levels[level].stream_rest(&outgoing);
                slot ^= 1;
                send(&outgoing, to, values, here * (size_t)element_bytes, finished[slot] + LINE_BYTES);
            }
            to += here * (uint64_t)element_bytes;
            left -= here;
            position += left > 0 ? here * (uint64_t)step : 0;
        }
        end = to;
    }
    if (past_cache) {
        levels[level].stream_rest(&outgoing);
        settle(&outgoing);
        finish_streaming();
    }
}

void fi_fill_many(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
                  const uint64_t *counts, void *const *outs)
{
    const uint64_t start = 0;
    for (uint64_t i = 0; i < n; i++)
        fi_fill(level, kernels[i], streams + 4 * i, parameters[i], &start, 1, counts[i], 1, outs[i], 0, 0);
}
