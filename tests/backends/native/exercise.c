/* Fills buffers of exact size by every kernel at every level that this CPU has, and prints a hash of what each pair
   wrote: for sanitizers, emulators and the comparison of compilers. `exercise threads` fills shared buffers from four
   threads, and by the kernels' own. Exit status 1 if streaming, alignment or threads change a byte, or one is written outside the buffer. */
#define _POSIX_C_SOURCE 200112L
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "kernels.h"

#define LENGTH(array) (sizeof array / sizeof array[0])

enum { MOST_RUNS = 3, THREADS = 4, SHARED = 8 * 2048 + 37 /* no multiple of four: threads meet inside a cache line */ };

static const uint32_t STREAM[4] = {0xb0f478be, 0xdb2cd7e7, 0x2c71ba49, 0xabf4641a}; /* seed 0 */

struct parameters {
    const char *distribution;
    double f32[13], f64[13];
};

/* Truncated: (mean, std, low, high) = (0, 1, -2, 2), (0.5, 0.02, 20, 21), (0, 1, -inf, -9.5), (0, 1, 1, inf); in float
   the second and the third are scaled, and what that puts out of range is infinite. Printed by
   python -c "import numpy as np; from fastinit.distributions import TruncatedNormal as T; i = float('inf')
   for distribution in ((0, 1, -2, 2), (.5, .02, 20, 21), (0, 1, -i, -9.5), (0, 1, 1, i)):
       for real in (np.float32, np.float64): print(*map(float.hex, T(*distribution).parameters(real).tolist()))" */
static const struct parameters PARAMETERS[] = {
    {"words", {0}, {0}},
    {"uniform", {-0.25, 0.75}, {-0.25, 0.75}},
    {"normal", {0.5, 0.125}, {0.5, 0.125}},
    {"normal", {0, 0x1p-7}, {0, 0x1p-7}}, /* subnormal in the 8-bit types */
    {"truncated",
     {0x1.74bcf8p-6, 0x1.f45a18p-1, 0x1.f45a18p-1, 0x1.74bcf8p-6, 0x1.e8b43p-1, 0x1.e8b43p-1, 0, 0x1p-10, 0, 0, 1, -2, 2},
     {0x1.74bcf82c9d86p-6, 0x1.f45a183e9b13dp-1, 0x1.f45a183e9b13dp-1, 0x1.74bcf82c9d86p-6, 0x1.e8b4307d3627ap-1,
      0x1.e8b4307d3627ap-1, 0, 0x1p-10, 0, 0, 1, -2, 2}},
    {"truncated",
     {INFINITY, 0x1.c0bd1p-1, INFINITY, 0x1.1ee774p-30, 0x1.c0bd1p-1, 0, 0.5, INFINITY, 0x1.97921p+8, 0.5, 0x1.47ae14p-6,
      0x1.cccccep-1, 0x1.d70a3cp-1},
     {1, 0x1.c0bd0f1880783p-295, 1, 0x1.1ee774feb43cdp-324, 0x1.c0bd0f0f893c8p-295, 0x1.c0bd0f0f893c8p-295, 0.5, 0x1p-10, 0,
      0.5, 0x1.47ae147ae147bp-6, 0x1.ccccccccccccdp-1, 0x1.d70a3d70a3d7p-1}},
    {"truncated",
     {0, 0x1p+69, 0x1.3d2d6p-1, 0x1p+69, 0x1.3d2d6p-1, 0x1.3d2d6p-70, -0.5, 0x1p+59, 0x1.7e9e04p+6, 0, 1, -INFINITY, -9.5},
     {0x0.00000037b23b8p-1022, 1, 0x1.3d2d60a5c14aap-70, 1, 0x1.3d2d60a5c14aap-70, 0x1.3d2d60a5c14aap-70, -0.5, 0x1p-10, 0,
      0, 1, -INFINITY, -9.5}},
    {"truncated",
     {0x1.aec4bep-1, 0x1.44ed0cp-3, 1, 0, 0x1.44ed0cp-3, 0x1.44ed0cp-3, 0x1.aec4bep-2, 0x1p-10, 0, 0, 1, 1, INFINITY},
     {0x1.aec4bd120d37dp-1, 0x1.44ed0bb7cb20bp-3, 1, 0x0.00000037b23b8p-1022, 0x1.44ed0bb7cb20bp-3, 0x1.44ed0bb7cb20bp-3,
      0x1.aec4bd120d37dp-2, 0x1p-10, 0, 0, 1, 1, INFINITY}},
    {"exponential", {1.5, 0}, {1.5, 0}},
    {"lognormal", {0}, {0.5, 0.25}},
    {"lognormal", {0}, {0, 300}}, /* overflows and underflows */
    /* low, range and values to draw again as the bits of doubles: 5, 10, 2^32 mod 10; 5, 10^9, 2^64 mod 10^9; and
       3 2^61, of which a quarter is drawn again */
    {"integers", {0x5p-1074, 0xap-1074, 0x6p-1074}, {0x5p-1074, 0xap-1074, 0x6p-1074}},
    {"wideintegers",
     {0x5p-1074, 1000000000 * 0x1p-1074, 709551616 * 0x1p-1074},
     {0x5p-1074, 1000000000 * 0x1p-1074, 709551616 * 0x1p-1074}},
    {"wideintegers", {0x5p-1074, 0x1p513, 2.0}, {0x5p-1074, 0x1p513, 2.0}},
    /* csrc/kernels/value_parameters.h: the same for all values; then two values', the first of them element 0, with their own */
    {"laplace", {0}, {0.5, 2}},
    {"laplace", {0}, {0, 0, 0, 2, 0, 0.5, -0.5, 2, 3}},
    {"logistic", {0}, {0.5, 2}},
    {"gumbel", {0}, {0.5, 2}},
    {"rayleigh", {0}, {2}},
    {"weibull", {0}, {1.5}},
    {"pareto", {0}, {1.5}},
    {"power", {0}, {1.5}},
    {"cauchy", {0}, {0}},
    {"triangular", {0}, {-1, 0.5, 2}},
    {"triangular", {0}, {0, 0, 0, 2, 0, -1, -2, 0.5, 0, 2, 3}},
    {"gamma", {0}, {0.5, 2}},
    {"gamma", {0}, {0, 0, 0, 2, 0, 0.5, 3, 2, 1}},
    {"beta", {0}, {0.5, 2}},
    {"fisher", {0}, {1, 5}},
    {"student", {0}, {1.5}},
    {"geometric", {0}, {0.25}},
    {"poisson", {0}, {40}},
    {"poisson", {0}, {0, 0, 0, 2, 0, 3, 1e9}},
    {"binomial", {0}, {1000, 0.75}},
    {"binomial", {0}, {0, 0, 0, 2, 0, 20, 1e15, 0.125, 0.5}},
};

static const uint64_t FIRSTS[] = {
    0,
    777,
    ((uint64_t)2048 << 32) - 5,      /* odd; and from the last tile whose number has 32 bits into the next */
    (uint64_t)INT64_MAX - (1 << 20), /* near the last element that a tensor may have */
};
static const uint64_t COUNTS[] = {
    0,    1,    15,   16,   17,   63,   64,   65, /* a row; a group of four rows */
    1023, 1024, 1025, 2047, 2048, 2049, 6149,     /* a tile of double, of float; three tiles and some */
};
static const int64_t STEPS[] = {1, 2, 100, 5000, -1, -3};

static void fail(const char *what, int level, int kernel)
{
    fprintf(stderr, "%s: %s at level %s\n", what, fi_kernel_name(kernel), fi_level_name(level));
    exit(1);
}

/* FNV-1a (Fowler, Noll, Vo) of 64 bits, going on from `hash`. */
static uint64_t fnv(uint64_t hash, const unsigned char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}
static const uint64_t FNV_START = 0xcbf29ce484222325u;

static size_t element_bytes(const char *kernel)
{
    return strstr(kernel, "64") ? 8 : strstr(kernel, "32") ? 4 : strstr(kernel, "16") ? 2 : 1;
}

static int serves(const struct parameters *parameters, int kernel)
{
    return strncmp(fi_kernel_name(kernel), parameters->distribution, strlen(parameters->distribution)) == 0;
}

static const double *typed(const struct parameters *parameters, int kernel)
{
    return element_bytes(fi_kernel_name(kernel)) == 8 ? parameters->f64 : parameters->f32;
}

/* A buffer from a cache line's start that ends with its last byte. */
static unsigned char *exact_buffer(size_t nbytes)
{
    void *buffer;
    if (posix_memalign(&buffer, 64, nbytes))
        exit(2);
    memset(buffer, 0xa5, nbytes);
    return buffer;
}

struct request {
    const double *parameters;
    uint64_t starts[MOST_RUNS], runs, count;
    int64_t step;
};

static void answer(const struct request *request, int level, int kernel, unsigned char *out, int streaming)
{
    fi_fill(level, kernel, STREAM, request->parameters, request->starts, request->runs, request->count, request->step, out,
            (int64_t)(request->count * element_bytes(fi_kernel_name(kernel))), streaming);
}

/* One request into an aligned buffer and into one shifted by an element, with ordinary and non-temporal stores. */
static uint64_t fill_every_way(int level, int kernel, const struct request *request)
{
    size_t element = element_bytes(fi_kernel_name(kernel)), nbytes = request->runs * request->count * element;
    unsigned char *aligned = exact_buffer(nbytes), *behind = exact_buffer(nbytes + element);
    answer(request, level, kernel, aligned, 0);
    for (int streaming = 0; streaming < 2; streaming++) {
        memset(behind, 0xa5, nbytes + element);
        answer(request, level, kernel, behind + element, streaming);
        if (memcmp(aligned, behind + element, nbytes))
            fail("alignment or streaming changes the values", level, kernel);
        for (size_t i = 0; i < element; i++)
            if (behind[i] != 0xa5)
                fail("a write before the buffer", level, kernel);
    }
    uint64_t hash = fnv(FNV_START, aligned, nbytes);
    memset(aligned, 0xa5, nbytes);
    answer(request, level, kernel, aligned, 1);
    if (fnv(FNV_START, aligned, nbytes) != hash)
        fail("streaming changes the values", level, kernel);
    free(aligned);
    free(behind);
    return hash;
}

/* Every count at every step from `first`: one run, and for the short ones several, which come back to a tile. */
static uint64_t fill_from(uint64_t hash, int level, int kernel, const double *parameters, uint64_t first)
{
    for (size_t s = 0; s < LENGTH(STEPS); s++)
        for (size_t c = 0; c < LENGTH(COUNTS); c++)
            for (uint64_t runs = 1; runs <= (COUNTS[c] > 65 ? 1 : MOST_RUNS); runs += MOST_RUNS - 1) {
                struct request request = {parameters, {0}, runs, COUNTS[c], STEPS[s]};
                uint64_t back = request.step < 0 && COUNTS[c] > 0 ? (COUNTS[c] - 1) * (uint64_t)-request.step : 0;
                if (request.step >= 100 && request.count > 17)
                    continue; /* would only add more tiles */
                for (uint64_t run = 0; run < runs; run++)
                    request.starts[run] = first + 97 * run + back;
                uint64_t own = fill_every_way(level, kernel, &request);
                hash = fnv(hash, (const unsigned char *)&own, sizeof own);
            }
    return hash;
}

/* Runs that lie `gap` elements apart, upwards and downwards, from an element behind a line's start: the values of runs that
   do not, and nothing between them. */
static void fill_apart(int level, int kernel, const double *parameters, uint64_t count, uint64_t gap)
{
    enum { RUNS = 3 };
    size_t element = element_bytes(fi_kernel_name(kernel)), run_bytes = count * element, pitch = (count + gap) * element;
    struct request request = {parameters, {FIRSTS[1], FIRSTS[1] + 97, FIRSTS[1] + 5000}, RUNS, count, 1};
    unsigned char *dense = exact_buffer(RUNS * run_bytes), *apart = exact_buffer(element + RUNS * pitch);
    answer(&request, level, kernel, dense, 0);
    for (int ways = 0; ways < 4; ways++) {
        int streaming = ways & 1, downwards = ways >> 1;
        memset(apart, 0xa5, element + RUNS * pitch);
        fi_fill(level, kernel, STREAM, parameters, request.starts, RUNS, count, 1,
                apart + element + (downwards ? (RUNS - 1) * pitch : 0), downwards ? -(int64_t)pitch : (int64_t)pitch,
                streaming);
        for (size_t run = 0; run < RUNS; run++) {
            unsigned char *values = apart + element + (downwards ? RUNS - 1 - run : run) * pitch;
            if (memcmp(values, dense + run * run_bytes, run_bytes))
                fail("runs that lie apart have other values", level, kernel);
            memset(values, 0xa5, run_bytes);
        }
        for (size_t i = 0; i < element + RUNS * pitch; i++)
            if (apart[i] != 0xa5)
                fail("a write between runs", level, kernel);
    }
    free(dense);
    free(apart);
}

/* A matrix into transposed memory, from an element behind a line's start: the values of one that is not, and nothing between
   them. With the gap lines of memory begin at other rows of each column. */
static void fill_transposed(int level, int kernel, const double *parameters, int threads)
{
    enum { ROWS = 1200, COLUMNS = 35 };
    size_t element = element_bytes(fi_kernel_name(kernel));
    struct request request = {parameters, {FIRSTS[1]}, 1, ROWS * COLUMNS, 1};
    unsigned char *dense = exact_buffer(ROWS * COLUMNS * element);
    answer(&request, level, kernel, dense, 0);
    for (size_t ways = 0; ways < 4; ways++) {
        size_t pitch = (ROWS + ways / 2 * 3) * element, nbytes = element + COLUMNS * pitch;
        const fi_axis axes[] = {{ROWS, COLUMNS, (int64_t)element}, {COLUMNS, 1, (int64_t)pitch}};
        unsigned char *apart = exact_buffer(nbytes);
        if (fi_fill_axes(level, kernel, STREAM, parameters, FIRSTS[1], 2, axes, (int)element, apart + element, ways & 1,
                         threads, NULL))
            exit(2);
        for (size_t i = 0; i < ROWS * COLUMNS; i++) {
            unsigned char *value = apart + element + i % COLUMNS * pitch + i / COLUMNS * element;
            if (memcmp(value, dense + i * element, element))
                fail("transposed memory gets other values", level, kernel);
            memset(value, 0xa5, element);
        }
        for (size_t i = 0; i < nbytes; i++)
            if (apart[i] != 0xa5)
                fail("a write beside transposed values", level, kernel);
        free(apart);
    }
    free(dense);
}

/* From every first position with the distribution's first parameters, from one with the others. */
static uint64_t fill_all(int level, int kernel)
{
    uint64_t hash = FNV_START;
    size_t firsts = LENGTH(FIRSTS);
    for (size_t p = 0; p < LENGTH(PARAMETERS); p++)
        if (serves(&PARAMETERS[p], kernel)) {
            for (uint64_t gap = 1; gap <= 21; gap += 20)
                for (uint64_t count = 40; count < 5000; count = count * 5 + 17)
                    fill_apart(level, kernel, typed(&PARAMETERS[p], kernel), count, gap);
            fill_transposed(level, kernel, typed(&PARAMETERS[p], kernel), 1);
            for (size_t f = 0; f < firsts; f++)
                hash = fill_from(hash, level, kernel, typed(&PARAMETERS[p], kernel), FIRSTS[f]);
            firsts = 1;
        }
    return hash;
}

struct part {
    int level, kernel, streaming;
    const double *parameters;
    uint64_t first, count;
    unsigned char *out;
};

static void *fill_part(void *argument)
{
    const struct part *part = argument;
    fi_fill(part->level, part->kernel, STREAM, part->parameters, &part->first, 1, part->count, 1, part->out, 0,
            part->streaming);
    return NULL;
}

static uint64_t fill_by_threads(int level, int kernel)
{
    size_t element = element_bytes(fi_kernel_name(kernel)), nbytes = SHARED * element;
    unsigned char *alone = exact_buffer(nbytes), *shared = exact_buffer(nbytes);
    uint64_t hash = FNV_START;
    for (size_t p = 0; p < LENGTH(PARAMETERS); p++)
        for (int streaming = 0; serves(&PARAMETERS[p], kernel) && streaming < 2; streaming++) {
            const double *parameters = typed(&PARAMETERS[p], kernel);
            struct part parts[THREADS], whole = {level, kernel, streaming, parameters, FIRSTS[1], SHARED, alone};
            pthread_t threads[THREADS];
            fill_part(&whole);
            for (uint64_t t = 0; t < THREADS; t++) {
                uint64_t first = SHARED * t / THREADS, last = SHARED * (t + 1) / THREADS;
                parts[t] = whole;
                parts[t].first += first, parts[t].count = last - first, parts[t].out = shared + first * element;
                if (pthread_create(&threads[t], NULL, fill_part, &parts[t]))
                    exit(2);
            }
            for (int t = 0; t < THREADS; t++)
                pthread_join(threads[t], NULL);
            if (memcmp(alone, shared, nbytes))
                fail("threads change the values", level, kernel);
            hash = fnv(hash, shared, nbytes);
        }
    free(alone);
    free(shared);
    return hash;
}

/* Runs of positions, long and short, dense and apart, filled by the kernels' own threads, from several callers at once. */
enum { LONG = 70 * 1024 + 37, SHORT = 100, MANY = 700 };

struct shared {
    const struct part *part;
    uint64_t runs, count, gap;
    int is_same;
};

static void *fill_shared(void *argument)
{
    struct shared *shared = argument;
    const struct part *part = shared->part;
    size_t element = element_bytes(fi_kernel_name(part->kernel)), pitch = (shared->count + shared->gap) * element;
    unsigned char *alone = exact_buffer(shared->runs * pitch), *together = exact_buffer(shared->runs * pitch);
    uint64_t starts[MANY];
    for (uint64_t run = 0; run < shared->runs; run++)
        starts[run] = part->first + run * 5000;
    fi_fill(part->level, part->kernel, STREAM, part->parameters, starts, shared->runs, shared->count, 1, alone,
            (int64_t)pitch, part->streaming);
    shared->is_same = 1;
    for (int threads = 1; threads <= 8; threads += 3) {
        memset(together, 0xa5, shared->runs * pitch);
        int stopped = fi_fill_shared(part->level, part->kernel, STREAM, part->parameters, starts, shared->runs,
                                     shared->count, 1, together, (int64_t)pitch, part->streaming, threads, NULL);
        shared->is_same &= !stopped && !memcmp(alone, together, shared->runs * pitch);
    }
    free(alone);
    free(together);
    return NULL;
}

static void fill_by_own_threads(int level, int kernel)
{
    size_t first = 0;
    while (!serves(&PARAMETERS[first], kernel))
        first++;
    for (int streaming = 0; streaming < 2; streaming++) {
        struct part part = {level, kernel, streaming, typed(&PARAMETERS[first], kernel), FIRSTS[1], 0, NULL};
        struct shared shared[THREADS] = {
            {&part, 1, LONG, 0, 0}, {&part, 3, LONG / 3, 7, 0}, {&part, MANY, SHORT, 0, 0}, {&part, MANY, SHORT, 3, 0}};
        pthread_t callers[THREADS];
        for (int t = 0; t < THREADS; t++)
            if (pthread_create(&callers[t], NULL, fill_shared, &shared[t]))
                exit(2);
        for (int t = 0; t < THREADS; t++) {
            pthread_join(callers[t], NULL);
            if (!shared[t].is_same)
                fail("the kernels' own threads change the values", level, kernel);
        }
    }
}

struct bitgen { /* as numpy/random/bitgen.h has it */
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
};

static void begin(fi_cursor *cursor, int level)
{
    memset(cursor, 0, sizeof *cursor);
    memcpy(cursor->stream, STREAM, sizeof STREAM);
    cursor->used = LENGTH(cursor->words);
    cursor->level = (uint32_t)level;
}

static int kernel_of(const char *name)
{
    for (int kernel = 0; kernel < fi_kernel_count(); kernel++)
        if (strcmp(fi_kernel_name(kernel), name) == 0)
            return kernel;
    fprintf(stderr, "no kernel is called %s\n", name);
    exit(2);
}

/* `n` values of a kernel, from the next tile on. */
static void draw(fi_cursor *cursor, const char *name, const double *parameters, void *out, uint64_t n)
{
    int kernel = kernel_of(name);
    uint64_t start = fi_take_values(cursor, kernel, n);
    fi_fill((int)cursor->level, kernel, cursor->stream, parameters, &start, 1, n, 1, out, 0, 0);
}

static void draw_uniform(fi_cursor *cursor, double *out, uint64_t n)
{
    const double parameters[] = {0.0, 1.0};
    draw(cursor, "uniform_float64", parameters, out, n);
}

static void draw_integer(fi_cursor *cursor, void *out)
{
    const uint64_t low_range_threshold[3] = {5, (uint64_t)3 << 61, (uint64_t)1 << 62};
    double parameters[3];
    memcpy(parameters, low_range_threshold, sizeof parameters);
    draw(cursor, "wideintegers_uint64", parameters, out, 1);
}

/* Single numbers by NumPy's interface between bulk draws. */
static uint64_t draw_in_order(int level)
{
    fi_cursor cursor;
    struct bitgen bitgen;
    uint64_t hash = FNV_START;
    begin(&cursor, level);
    fi_bind(&bitgen, &cursor);
    for (int i = 0; i < 5000; i++) {
        double drawn[3] = {bitgen.next_double(bitgen.state), (double)bitgen.next_uint32(bitgen.state)};
        uint64_t raw = bitgen.next_uint64(bitgen.state) ^ bitgen.next_raw(bitgen.state);
        if (i % 100 == 0)
            draw_uniform(&cursor, &drawn[2], 1);
        else
            draw_integer(&cursor, &drawn[2]);
        hash = fnv(hash, (const unsigned char *)drawn, sizeof drawn);
        hash = fnv(hash, (const unsigned char *)&raw, sizeof raw);
    }
    return hash;
}

struct taker {
    fi_cursor *cursor;
    double sum;
};

static void *take_tiles(void *argument)
{
    struct taker *taker = argument;
    double drawn[64];
    for (int i = 0; i < 200; i++) {
        draw_uniform(taker->cursor, drawn, LENGTH(drawn));
        for (size_t k = 0; k < LENGTH(drawn); k++)
            taker->sum += rint(0x1p32 * drawn[k]); /* integers, so that the order does not matter */
    }
    return NULL;
}

/* Of threads that draw from one cursor each tile goes to exactly one. */
static uint64_t draw_by_threads(int level)
{
    fi_cursor cursor;
    struct taker takers[THREADS];
    pthread_t threads[THREADS];
    double sum = 0;
    begin(&cursor, level);
    for (int t = 0; t < THREADS; t++) {
        takers[t] = (struct taker){&cursor, 0};
        if (pthread_create(&threads[t], NULL, take_tiles, &takers[t]))
            exit(2);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        sum += takers[t].sum;
    }
    if (cursor.next_tile != THREADS * 200)
        fail("tiles are lost between threads", level, 2);
    return fnv(FNV_START, (const unsigned char *)&sum, sizeof sum);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 && strcmp(argv[1], "threads") == 0;
    for (int level = 0; level < fi_level_count(); level++) {
        for (int kernel = 0; fi_level_supported(level) && kernel < fi_kernel_count(); kernel++) {
            uint64_t hash = threads ? fill_by_threads(level, kernel) : fill_all(level, kernel);
            if (threads)
                fill_by_own_threads(level, kernel);
            printf("%s %s %016" PRIx64 "\n", fi_level_name(level), fi_kernel_name(kernel), hash);
        }
        if (fi_level_supported(level))
            printf("%s cursor %016" PRIx64 "\n", fi_level_name(level),
                   threads ? draw_by_threads(level) : draw_in_order(level));
    }
    return 0;
}
