/* fi_fill, which calls the kernels of a level. */
#define _GNU_SOURCE /* for pthread_getattr_np */
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "rows.h"
#include "stack.h"
#include "threads.h"

#define COLUMN(template, name, values_of, element, words_each, narrow, ...) \
    {#name, TILE_WORDS / words_each, (int)sizeof(element)},
static const struct {
    const char *name;
    int tile_elements, element_bytes;
} kernels[] = {KERNELS(COLUMN, )};

#define ROW(level, TARGET, vector_bytes, test) &fi_level_##level,
static const struct level_row *const levels[] = {LEVELS(ROW)};
enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

int fi_level_count(void)
{
    return LEVEL_COUNT;
}

const char *fi_level_name(int level)
{
    return levels[level]->name;
}

int fi_kernel_count(void)
{
    return KERNEL_COUNT;
}

const char *fi_kernel_name(int kernel)
{
    return kernels[kernel].name;
}

int fi_kernel_tile_elements(int kernel)
{
    return kernels[kernel].tile_elements;
}

int fi_level_supported(int level)
{
#define TEST(level, TARGET, vector_bytes, test) (test) ? 1 : 0,
    const int supported[] = {LEVELS(TEST)};
    return supported[level];
}

/* The arguments of fi_fill. */
struct call {
    int level, kernel;
    const uint32_t *stream;
    const double *parameters;
    const uint64_t *starts;
    uint64_t runs, count;
    int64_t step;
    void *out;
    int64_t pitch;
    int non_temporal;
};

/* What one call of fi_fill works with: the kernel and its arguments, and the part of one tile that `cached` holds. */
struct fill {
    kernel_function *kernel;
    const struct call *call;
    uint64_t run; /* that is being filled */
    int tile_elements, element_bytes;
    struct store_queue queue;
    uint64_t cached_tile;
    int first_cached, end_cached; /* groups; none when equal */
    _Alignas(64) char cached[MOST_TILE_BYTES];
};

/* How many elements, `most` at most, follow the run in the next ones, where each goes on at the position at which the last ends
   (rows of a matrix in memory that is not contiguous). */
static uint64_t elements_that_follow(const struct call *call, uint64_t run, uint64_t most)
{
    uint64_t elements = 0;
    for (; elements < most && run + 1 < call->runs && call->step == 1; run++, elements += call->count)
        if (call->starts[run + 1] != call->starts[run] + call->count)
            break;
    return elements < most ? elements : most;
}

/* Makes the cache hold elements `low` to `high` of `tile`: at the tile's first visit only their groups, and those of the
   elements that follow; at the second the whole tile, since more visits are likely (a column of a matrix comes back to the same
   tile for each row). */
static void ensure_cached(struct fill *fill, uint64_t tile, int low, int high)
{
    int per_group = fill->tile_elements / TILE_GROUPS, first = low / per_group;
    int again = fill->cached_tile == tile && fill->first_cached < fill->end_cached;
    if (again && fill->first_cached <= first && high / per_group < fill->end_cached)
        return;
    high += (int)elements_that_follow(fill->call, fill->run, (uint64_t)(fill->tile_elements - 1 - high));
    fill->cached_tile = tile;
    fill->first_cached = again ? 0 : first;
    fill->end_cached = again ? TILE_GROUPS : high / per_group + 1;
    fill->kernel(fill->call->stream, tile, fill->first_cached, fill->end_cached, fill->call->parameters, &fill->queue,
                 fill->cached);
}

#define GATHER(nbytes)                           \
    for (int64_t i = 0; i < (int64_t)count; i++) \
        memcpy(out + i * nbytes, from + i * step * nbytes, nbytes);

/* Copies elements 0, step, 2 step, ... of `from`. */
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

/* Writes elements at, at + step, ... of one tile, `count` of them. */
static void write_part(struct fill *fill, uint64_t tile, int at, uint64_t count, int64_t step, char *out)
{
    if (step == 1 && count == (uint64_t)fill->tile_elements) {
        fill->kernel(fill->call->stream, tile, 0, TILE_GROUPS, fill->call->parameters, &fill->queue, out);
        return;
    }
    int span = (int)((int64_t)(count - 1) * step); /* within the tile */
    ensure_cached(fill, tile, at + (span < 0 ? span : 0), at + (span > 0 ? span : 0));
    int first = fill->first_cached * fill->tile_elements / TILE_GROUPS;
    gather(out, fill->cached + (at - first) * fill->element_bytes, count, step, fill->element_bytes);
}

static void fill_runs(const struct call *call)
{
    const int level = call->level, kernel = call->kernel;
    const uint64_t count = call->count;
    const int64_t step = call->step;
    const uint64_t tile_elements = (uint64_t)kernels[kernel].tile_elements, nbytes = (uint64_t)kernels[kernel].element_bytes;
    const uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
    _Alignas(LINE_BYTES) char slots[2][LINE_BYTES + MOST_TILE_BYTES]; /* one is written to memory, the other filled */
    struct store_queue empty = {slots[0], slots[0], 0, 0, 0};
    struct fill fill; /* `cached` is large, and not initialized */
    fill.kernel = levels[level]->kernel[kernel], fill.call = call;
    fill.tile_elements = (int)tile_elements, fill.element_bytes = (int)nbytes, fill.queue = empty;
    fill.cached_tile = 0, fill.first_cached = fill.end_cached = 0;
    int slot = 0, queued = HAS_NON_TEMPORAL && call->non_temporal && stride == 1 && count * nbytes >= 2 * LINE_BYTES;
    char *end = call->out; /* of the memory written so far */
    for (fill.run = 0; fill.run < call->runs && count > 0; fill.run++) {
        uint64_t position = call->starts[fill.run], left = count;
        char *to = (char *)call->out + (int64_t)fill.run * call->pitch;
        if (to != end)
            flush(&fill.queue);
        while (left > 0) {
            uint64_t tile = position / tile_elements, at = position % tile_elements;
            uint64_t here = (step > 0 ? tile_elements - 1 - at : at) / stride + 1; /* until the steps leave the tile */
            here = here < left ? here : left;
            char *values = queued ? slots[slot] + LINE_BYTES : to;
            write_part(&fill, tile, (int)at, here, step, values);
            if (queued) {
                levels[level]->write_lines(&fill.queue);
                slot ^= 1;
                push(&fill.queue, to, values, here * nbytes, slots[slot] + LINE_BYTES);
            }
            to += here * nbytes;
            left -= here;
            position += left > 0 ? here * (uint64_t)step : 0;
        }
        end = to;
    }
    if (queued) {
        levels[level]->write_lines(&fill.queue);
        flush(&fill.queue);
        fence_non_temporal();
    }
}

static void run_call(void *call)
{
    fill_runs(call);
}

void fi_fill(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts, uint64_t runs,
             uint64_t count, int64_t step, void *out, int64_t pitch, int non_temporal)
{
    struct call call = {level, kernel, stream, parameters, starts, runs, count, step, out, pitch, non_temporal};
    run_with_stack(run_call, &call);
}

/* A call in pieces that threads take one by one: of long runs `columns` elements, of short ones `rows` runs. */
struct shared_call {
    struct call call;
    uint64_t rows, columns, pieces_of_run;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void run_piece(void *shared, uint64_t piece)
{
    const struct shared_call *of = shared;
    struct call call = of->call;
    uint64_t run = piece / of->pieces_of_run * of->rows, column = piece % of->pieces_of_run * of->columns;
    uint64_t start = call.starts[run] + column * (uint64_t)call.step;
    call.out = (char *)call.out + (int64_t)run * call.pitch + (int64_t)column * kernels[call.kernel].element_bytes;
    call.runs = smaller(of->rows, call.runs - run);
    call.count = smaller(of->columns, call.count - column);
    call.starts += run;
    if (of->pieces_of_run > 1)
        call.starts = &start;
    run_with_stack(run_call, &call);
}

enum { LEAST_OF_RUN = TILE_WORDS / 4 }; /* elements that take as long as a run of few, whose tile is begun anew */

int fi_fill_shared(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts,
                   uint64_t runs, uint64_t count, int64_t step, void *out, int64_t pitch, int non_temporal, int threads,
                   int (*pause)(void))
{
    if (runs == 0 || count == 0)
        return 0;
    uint64_t of_run = count < LEAST_OF_RUN ? LEAST_OF_RUN : count, piece = elements_of_piece(runs * of_run, threads);
    struct shared_call shared = {
        {level, kernel, stream, parameters, starts, runs, count, step, out, pitch, non_temporal}, 1, piece, 1};
    if (count > piece)
        shared.pieces_of_run = (count - 1) / piece + 1;
    else
        shared.rows = piece / of_run, shared.columns = count;
    uint64_t pieces = ((runs - 1) / shared.rows + 1) * shared.pieces_of_run;
    return run_pieces(run_piece, &shared, pieces, threads, pause);
}

struct many_calls {
    int level;
    uint64_t n;
    const int32_t *kernels;
    const uint32_t *streams;
    const double *const *parameters;
    const uint64_t *counts;
    void *const *outs;
};

/* Writes the element of `nbytes` at `element` n times. */
static void repeat(const void *element, uint64_t nbytes, uint64_t n, char *out)
{
    uint64_t all = n * nbytes, made = nbytes < all ? nbytes : all;
    memcpy(out, element, made);
    for (; made < all; made += smaller(made, all - made)) /* what is there already, once more */
        memcpy(out + made, out, smaller(made, all - made));
}

static void run_many_calls(void *calls)
{
    const struct many_calls *of = calls;
    const uint64_t start = 0;
    for (uint64_t i = 0; i < of->n; i++) {
        if (of->kernels[i] < 0) {
            repeat(of->parameters[i], (uint64_t)-of->kernels[i], of->counts[i], of->outs[i]);
            continue;
        }
        struct call call = {
            of->level, of->kernels[i], of->streams + 4 * i, of->parameters[i], &start, 1, of->counts[i], 1, of->outs[i], 0,
            0};
        fill_runs(&call);
    }
}

void fi_fill_many(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
                  const uint64_t *counts, void *const *outs)
{
    struct many_calls calls = {level, n, kernels, streams, parameters, counts, outs};
    run_with_stack(run_many_calls, &calls);
}
