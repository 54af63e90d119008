/* Fills arrays of any strides. The values of a box of positions are made in a buffer that stays in the cache, in the order of
   their positions, and copied from there to where they belong. */
#define _GNU_SOURCE /* for madvise */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "kernels.h"
#include "matrices.h"
#include "store.h"
#include "threads.h"

enum {
    PADDING = LINE_BYTES, /* between runs in the buffer: at powers of 2 they would share the sets of a cache */
    BUFFER_BYTES = 1024 * 1024 + 128 * PADDING,
    PAGE_BYTES = 4096,
    LEAST_LINES = 8, /* that a box has of what is next to each other in memory, if there is room */
    MOST_OF_RUN = BUFFER_BYTES / (3 * (LINE_BYTES + 1)), /* elements: a box has room for 3 lines of such runs */
    LEAST_IN_PLACE = 256,                                /* elements of a run that is worth a call's steps */
    MOST_IN_PLACE = 32 * 1024,                           /* elements: whole tiles, as long as a box takes */
    STARTS = 512,                                        /* runs that are filled at a time */
    MOST_AXES = 64,                                      /* that arrays of NumPy have */
    MOST_KEPT = 64                                       /* buffers */
};

struct axes_job {
    int level, kernel;
    const uint32_t *stream;
    const double *parameters;
    uint64_t origin;
    char *out;
    int n, memory_axis;          /* the axis along which elements are next to each other in memory */
    fi_axis axes[MOST_AXES];     /* by their steps, the shortest first */
    uint64_t lengths[MOST_AXES]; /* of a box */
    uint64_t element_bytes;
    uint64_t before;  /* the first box along `memory_axis` is shorter by it: the others begin with a line of memory; */
    uint64_t overlap; /* or boxes are longer by it, and of each column write the lines that begin in them */
    int in_place, lines_up, non_temporal;
    _Atomic int failed;
};

/* ---- buffers, which are kept: fresh memory would be faulted in for each box ---- */

static _Atomic(char *) kept[MOST_KEPT];

/* In one huge page where the system has some: rows lie in more pages than a core has at hand, and two threads wait for the
   tables of those behind each other's stores. */
static char *new_buffer(void)
{
#ifdef MADV_HUGEPAGE
    enum { HUGE_PAGE = 2 * 1024 * 1024 };
    char *buffer = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
    if (buffer)
        madvise(buffer, HUGE_PAGE, MADV_HUGEPAGE);
    return buffer;
#else
    return malloc(BUFFER_BYTES);
#endif
}

static char *take_buffer(void)
{
    for (int i = 0; i < MOST_KEPT; i++) {
        char *buffer = atomic_load_explicit(&kept[i], memory_order_relaxed) ? atomic_exchange(&kept[i], NULL) : NULL;
        if (buffer)
            return buffer;
    }
    return new_buffer();
}

static void keep_buffer(char *buffer)
{
    for (int i = 0; i < MOST_KEPT; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&kept[i], &none, buffer))
            return;
    }
    free(buffer);
}

/* ---- boxes ---- */

struct box {
    uint64_t origin; /* of its positions */
    char *out;
    uint64_t lengths[MOST_AXES];
    int is_first; /* along the memory's axis */
};

static uint64_t boxes_along(const struct axes_job *job, int k)
{
    return (job->axes[k].n + (k == job->memory_axis ? job->before : 0) - 1) / job->lengths[k] + 1;
}

static struct box box_of(const struct axes_job *job, uint64_t number)
{
    struct box box = {job->origin, job->out, {0}, 1};
    for (int k = 0; k < job->n; k++) {
        const fi_axis *axis = &job->axes[k];
        uint64_t length = job->lengths[k], boxes = boxes_along(job, k), cut = number % boxes * length;
        uint64_t before = k == job->memory_axis ? job->before : 0, first = cut < before ? 0 : cut - before;
        number /= boxes;
        box.origin += first * (uint64_t)axis->step;
        box.out += (int64_t)first * axis->stride;
        const int is_memory = k == job->memory_axis;
        box.lengths[k] = smaller(axis->n, cut + length - before + (is_memory ? job->overlap : 0)) - first;
        box.is_first = is_memory ? first == 0 : box.is_first;
    }
    return box;
}

/* Moves on to the next index of the axes from `first` on but for `skipped`; 0 after the last. `by` has what a step along each
   axis adds to each of two numbers. */
static int next_index(const struct box *box, int first, int n, int skipped, uint64_t *index, int64_t by[][2], int64_t at[2])
{
    for (int k = first; k < n; k++) {
        if (k == skipped)
            continue;
        at[0] += by[k][0], at[1] += by[k][1];
        if (++index[k] < box->lengths[k])
            return 1;
        at[0] -= by[k][0] * (int64_t)index[k], at[1] -= by[k][1] * (int64_t)index[k];
        index[k] = 0;
    }
    return 0;
}

static void fill_runs_of(const struct axes_job *job, const uint64_t *starts, uint64_t runs, uint64_t count, char *out,
                         int64_t pitch)
{
    fi_fill(job->level, job->kernel, job->stream, job->parameters, starts, runs, count, job->axes[0].step, out, pitch,
            job->in_place && job->non_temporal);
}

static void fill_in_place(const struct axes_job *job, const struct box *box)
{
    uint64_t index[MOST_AXES] = {0}, starts[STARTS], runs = job->n > 1 ? box->lengths[1] : 1;
    int64_t by[MOST_AXES][2], at[2] = {0, 0}, step = job->n > 1 ? job->axes[1].step : 0;
    int64_t pitch = job->n > 1 ? job->axes[1].stride : 0;
    for (int k = 0; k < job->n; k++)
        by[k][0] = job->axes[k].step, by[k][1] = job->axes[k].stride;
    do {
        for (uint64_t run = 0; run < runs; run += STARTS) {
            uint64_t some = runs - run < STARTS ? runs - run : STARTS;
            for (uint64_t i = 0; i < some; i++)
                starts[i] = box->origin + (uint64_t)at[0] + (run + i) * (uint64_t)step;
            fill_runs_of(job, starts, some, box->lengths[0], box->out + at[1] + (int64_t)run * pitch, pitch);
        }
    } while (next_index(box, 2, job->n, -1, index, by, at));
}

/* Fills the buffer with a box's values by position; `pitches` are then the bytes from one to the next along each axis. */
static void fill_buffer(const struct axes_job *job, const struct box *box, char *buffer, int64_t *pitches)
{
    const uint64_t tile = (uint64_t)fi_kernel_tile_elements(job->kernel);
    uint64_t count = box->lengths[0], index[MOST_AXES] = {0}, starts[STARTS], runs = 0, filled = 0;
    int64_t by[MOST_AXES][2], at[2] = {0, 0}, nbytes = (int64_t)job->element_bytes;
    int merged = 1; /* axes whose positions are one run */
    for (pitches[0] = nbytes; merged < job->n && job->axes[merged].step == job->axes[0].step * (int64_t)count; merged++) {
        if (merged == job->memory_axis && (count % tile == 0 || count * job->element_bytes % PAGE_BYTES == 0))
            break; /* it costs nothing, or less than rows whose lines have the same place in their pages */
        pitches[merged] = (int64_t)count * nbytes;
        count *= box->lengths[merged];
    }
    int64_t pitch = (int64_t)count * nbytes + PADDING;
    for (int k = merged; k < job->n; k++)
        pitches[k] = k == merged ? pitch : pitches[k - 1] * (int64_t)box->lengths[k - 1];
    for (int k = 0; k < job->n; k++)
        by[k][0] = job->axes[k].step, by[k][1] = 0;
    int goes_on;
    do {
        starts[runs++] = box->origin + (uint64_t)at[0];
        goes_on = next_index(box, merged, job->n, -1, index, by, at);
        if (runs == STARTS || !goes_on) {
            fill_runs_of(job, starts, runs, count, buffer + (int64_t)filled * pitch, pitch);
            filled += runs, runs = 0;
        }
    } while (goes_on);
}

static void copy_box(const struct axes_job *job, const struct box *box, const char *buffer, const int64_t *pitches)
{
    const int across = job->memory_axis > 0 ? job->memory_axis : job->n > 1; /* the axis of a matrix's rows */
    uint64_t index[MOST_AXES] = {0};
    int64_t by[MOST_AXES][2], at[2] = {0, 0};
    for (int k = 0; k < job->n; k++)
        by[k][0] = pitches[k], by[k][1] = job->axes[k].stride;
    const uint64_t shares = job->overlap ? job->lengths[job->memory_axis] * job->element_bytes : 0;
    struct matrix of = {buffer,        box->out,          1,      box->lengths[0], 0, 0, job->axes[0].stride,
                        job->lines_up, job->non_temporal, shares, box->is_first};
    if (across > 0)
        of.rows = box->lengths[across], of.pitch = pitches[across], of.row_stride = job->axes[across].stride;
    do {
        of.from = buffer + at[0], of.to = box->out + at[1];
        copy_matrix(job->level, &of, job->element_bytes);
    } while (next_index(box, 1, job->n, across, index, by, at));
}

static void fill_box(void *of, uint64_t piece)
{
    struct axes_job *job = of;
    const struct box box = box_of(job, piece);
    int64_t pitches[MOST_AXES];
    if (job->in_place) {
        fill_in_place(job, &box);
        return;
    }
    char *buffer = take_buffer();
    if (!buffer) {
        atomic_store(&job->failed, 1);
        return;
    }
    fill_buffer(job, &box, buffer, pitches);
    copy_box(job, &box, buffer, pitches);
    if (job->non_temporal)
        fence_non_temporal();
    keep_buffer(buffer);
}

/* Takes the axes longer than 1, the shortest step first, and merges those of which one goes on where the other ends. */
static void sort_axes(struct axes_job *job, int n, const fi_axis *axes)
{
    int sorted = 0;
    for (int i = 0; i < n; i++) {
        int k = sorted;
        if (axes[i].n == 1)
            continue;
        for (; k > 0 && magnitude(job->axes[k - 1].step) > magnitude(axes[i].step); k--)
            job->axes[k] = job->axes[k - 1];
        job->axes[k] = axes[i];
        sorted++;
    }
    job->n = 0;
    for (int i = 0; i < sorted; i++) {
        fi_axis *last = &job->axes[job->n > 0 ? job->n - 1 : 0], next = job->axes[i];
        if (job->n > 0 && next.step == last->step * (int64_t)last->n && next.stride == last->stride * (int64_t)last->n)
            last->n *= next.n;
        else
            job->axes[job->n++] = next;
    }
    if (!job->n)
        job->axes[job->n++] = (fi_axis){1, 1, (int64_t)job->element_bytes};
}

/* Chooses how far boxes go along the axes after the first, as far as the buffer has room: first those that lengthen the runs of
   positions, to whole tiles if they can be, then the others. */
static void choose_rows(struct axes_job *job, uint64_t tile)
{
    const uint64_t nbytes = job->element_bytes;
    const int m = job->memory_axis;
    uint64_t count = job->lengths[0], runs = m > 0 ? job->lengths[m] : 1;
    int goes_on = count == job->axes[0].n; /* whether the next axis may lengthen the runs */
    for (int k = 1; k < job->n; k++) {
        const fi_axis *axis = &job->axes[k];
        goes_on = goes_on && k != m && axis->step == job->axes[0].step * (int64_t)count;
        if (goes_on) {
            const uint64_t length = smaller(axis->n, (BUFFER_BYTES / runs - PADDING) / (count * nbytes));
            const uint64_t of_tile = tile % count == 0 ? tile / count : 1;
            job->lengths[k] = length < axis->n && length > of_tile ? length - length % of_tile : length;
            count *= job->lengths[k];
            goes_on = job->lengths[k] == axis->n;
        } else {
            const uint64_t room = (BUFFER_BYTES - PADDING) / (count * nbytes + PADDING), others = runs / job->lengths[k];
            job->lengths[k] = smaller(axis->n, room > others ? room / others : 1);
            runs = others * job->lengths[k];
        }
    }
}

/* Chooses the lengths of the boxes: whole runs, or parts that begin where tiles do; then a few cache lines of what is next to
   each other in memory; then what the buffer has room for. */
static void choose_boxes(struct axes_job *job, int non_temporal)
{
    const uint64_t nbytes = job->element_bytes, tile = (uint64_t)fi_kernel_tile_elements(job->kernel);
    const fi_axis *axes = job->axes;
    int aligned = axes[0].step == 1 && job->origin % tile == 0;
    job->memory_axis = 0;
    for (int k = 1; k < job->n; k++) {
        aligned = aligned && axes[k].step % (int64_t)tile == 0;
        if (magnitude(axes[k].stride) < magnitude(axes[job->memory_axis].stride))
            job->memory_axis = k;
    }
    job->in_place = job->memory_axis == 0 && axes[0].stride == (int64_t)nbytes && axes[0].n >= LEAST_IN_PLACE;
    const uint64_t most = job->in_place ? MOST_IN_PLACE : aligned ? tile : MOST_OF_RUN;
    job->lengths[0] =
        aligned ? smaller(axes[0].n, most) : (axes[0].n - 1) / ((axes[0].n - 1) / most + 1) + 1; /* even parts */
    for (int k = 1; k < job->n; k++)
        job->lengths[k] = 1;
    const int m = job->memory_axis;
    const uint64_t room = (BUFFER_BYTES - PADDING) / (job->lengths[0] * nbytes + PADDING);
    if (m > 0)
        job->lengths[m] = smaller(axes[m].n, smaller(room, LEAST_LINES * LINE_BYTES / nbytes));
    choose_rows(job, tile);
    const uint64_t side = LINE_BYTES / nbytes;
    job->non_temporal = HAS_NON_TEMPORAL && non_temporal;
    if (m == 0 || axes[m].stride != (int64_t)nbytes)
        return;
    if (job->lengths[m] < side)
        return;
    const int is_cut = job->lengths[m] < axes[m].n;
    job->lengths[m] -= is_cut ? job->lengths[m] % side : 0;
    job->lines_up = 1;
    for (int k = 0; k < job->n; k++)
        job->lines_up = job->lines_up && (k == m || axes[k].stride % LINE_BYTES == 0);
    job->before = is_cut && job->lines_up ? (uintptr_t)job->out % LINE_BYTES / nbytes : 0;
    if (is_cut && job->non_temporal && !job->lines_up && job->lengths[m] >= 2 * side) {
        job->overlap = side;
        job->lengths[m] = smaller(job->lengths[m], LINES * side) - side;
    }
}

int fi_fill_axes(int level, int kernel, const uint32_t *stream, const double *parameters, uint64_t origin, int n,
                 const fi_axis *axes, int element_bytes, void *out, int non_temporal, int threads, int (*pause)(void))
{
    struct axes_job job = {level, kernel, stream, parameters, origin, out, 0, 0, {{0, 0, 0}}, {0}, (uint64_t)element_bytes,
                           0,     0,      0,      0,          0};
    uint64_t boxes = 1;
    for (int i = 0; i < n; i++)
        if (axes[i].n == 0)
            return 0;
    sort_axes(&job, n, axes);
    choose_boxes(&job, non_temporal);
    for (int k = 0; k < job.n; k++)
        boxes *= boxes_along(&job, k);
    int result = run_pieces(fill_box, &job, boxes, threads, pause);
    return result ? result : -atomic_load(&job.failed);
}
