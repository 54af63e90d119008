/* The kernels for GPUs: a thread makes the values of one lane of a tile, so that 16 threads side by side write a row of the
   tile side by side. CUDA_KERNELS(name, distribution, real, element, narrow) defines the two of a distribution and an element
   type: <name>_runs and <name>_places. `real` is f32 or f64, and narrow(value) the element of a value.

   NVRTC compiles them (fastinit/backends/cuda/), and for tests a compiler for CPUs does (tests/cuda/emulator.cpp). */
#ifndef FASTINIT_CUDA_KERNELS_H
#define FASTINIT_CUDA_KERNELS_H

#include "lane.h"
#include "narrow.h"
#include "pairs.h"

typedef float real_f32;
typedef double real_f64;
typedef uint32_t word_f32;
typedef uint64_t word_f64;
enum { ROWS_f32 = LANE_WORDS, ROWS_f64 = LANE_WORDS / 2, MOST_PARAMETERS = GREATEST + 1 };
#define narrow_none(value) (value)

/* Which values: their stream and the parameters of their distribution. */
struct drawn {
    uint32_t stream[4];
    double parameters[MOST_PARAMETERS];
};

/* `runs` runs of `length` positions. The lowest position of run r is first + r advance, and the others are `step` > 0 apart; its
   value number i goes to out[place + r pitch + i spacing]. `tiles` is at least the number of tiles that any run touches. */
struct runs {
    uint64_t runs, length, tiles, first, step;
    int64_t advance, place, pitch, spacing;
};

/* Single positions, ordered by lane, then row: those from begins[g] to begins[g + 1] - 1 are in the lane of number lanes[g]
   (16 times its tile, and the lane within it); rows[i] is the row of elements there, and places[i] where in `out` it goes. */
struct places {
    uint64_t groups;
    const uint64_t *lanes, *begins, *places;
    const uint8_t *rows;
};

/* Thread number t of all makes lane t % 16 of tile t / 16 % tiles of run t / 16 / tiles. */
#define RUNS_KERNEL(name, distribution, real, element, narrow)                                                             \
    extern "C" __global__ void name##_runs(struct drawn drawn, struct runs of, element *out)                               \
    {                                                                                                                      \
        uint64_t item = ((uint64_t)blockIdx.x * blockDim.x + threadIdx.x) / LANES, run = item / of.tiles;                  \
        if (run >= of.runs)                                                                                                \
            return;                                                                                                        \
        uint64_t low = of.first + run * (uint64_t)of.advance, high = low + (of.length - 1) * of.step;                      \
        uint64_t tile = low / (ROWS_##real * LANES) + item % of.tiles, lane_number = threadIdx.x % LANES;                  \
        uint64_t position = tile * (ROWS_##real * LANES) + lane_number;                                                    \
        COPIED_PARAMETERS(real)                                                                                            \
        struct lane lane = seeded_lane(drawn.stream, tile * LANES + lane_number);                                          \
        for (int row = 0; row < ROWS_##real && position <= high; row += 2, position += 2 * LANES) {                        \
            word_##real a = next_##real(&lane), b = next_##real(&lane);                                                    \
            if (position + LANES < low)                                                                                    \
                continue;                                                                                                  \
            struct pair_##real pair = pair_##distribution##_##real(a, b, c);                                               \
            for (int i = 0; i < 2; i++) {                                                                                  \
                uint64_t at = position + (uint64_t)i * LANES;                                                              \
                if (at < low || at > high || (of.step > 1 && (at - low) % of.step != 0))                                   \
                    continue;                                                                                              \
                int64_t number = (int64_t)((at - low) / of.step);                                                          \
                out[of.place + (int64_t)run * of.pitch + number * of.spacing] = narrow(i == 0 ? pair.first : pair.second); \
            }                                                                                                              \
        }                                                                                                                  \
    }

#define PLACES_KERNEL(name, distribution, real, element, narrow)                                 \
    extern "C" __global__ void name##_places(struct drawn drawn, struct places of, element *out) \
    {                                                                                            \
        uint64_t group = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;                        \
        if (group >= of.groups)                                                                  \
            return;                                                                              \
        COPIED_PARAMETERS(real)                                                                  \
        struct lane lane = seeded_lane(drawn.stream, of.lanes[group]);                           \
        uint64_t i = of.begins[group], end = of.begins[group + 1];                               \
        for (int row = 0; i < end; row += 2) {                                                   \
            word_##real a = next_##real(&lane), b = next_##real(&lane);                          \
            if (of.rows[i] >= row + 2)                                                           \
                continue;                                                                        \
            struct pair_##real pair = pair_##distribution##_##real(a, b, c);                     \
            for (; i < end && of.rows[i] < row + 2; i++)                                         \
                out[of.places[i]] = narrow(of.rows[i] == row ? pair.first : pair.second);        \
        }                                                                                        \
    }

#define COPIED_PARAMETERS(real)               \
    real_##real c[MOST_PARAMETERS];           \
    for (int i = 0; i < MOST_PARAMETERS; i++) \
        c[i] = (real_##real)drawn.parameters[i];

#define CUDA_KERNELS(name, distribution, real, element, narrow) \
    RUNS_KERNEL(name, distribution, real, element, narrow)      \
    PLACES_KERNEL(name, distribution, real, element, narrow)

#endif
