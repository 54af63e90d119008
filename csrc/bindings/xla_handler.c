/* A handler of XLA's FFI: takes the words of keys and writes their values, on XLA's own threads and without Python. On Windows
   it is left out, since it waits by POSIX threads, and JAX calls back into Python instead. */
#define _DEFAULT_SOURCE /* madvise */
#include <stddef.h>
#include <stdint.h>

#include "kernel_list.h" /* XLA_ELEMENTS and XLA_DISTRIBUTIONS, written by csrc/build.py */
#include "kernels.h"
#include "seed_sequence.h"
#include "xla_handler.h"
#include "xla_interface.h"

void fi_stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream)
{
    stream_of_key(key, n, stream);
}

#if defined(_WIN32)

void *fi_xla_handler(int level, int minor)
{
    (void)level, (void)minor;
    return NULL;
}

#else

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

/* As in fastinit/core/pieces.py and runtime/huge_pages.py, which say why; but here, where no interpreter's lock is passed
   back and forth, threads pay off for fewer elements, and may take fewer at a time. */
enum {
    TILE = 2048, /* elements; whole tiles of every type */
    LEAST_FOR_THREADS = 32 * TILE,
    CHUNK = 256 * TILE,
    NON_TEMPORAL_BYTES = 32 << 20,
    HUGE_PAGES_BYTES = 4 << 20,
};

#define ELEMENT(type, name, nbytes) {XLA_##type, #name, nbytes},
static const struct {
    enum xla_dtype dtype;
    const char *name;
    int bytes;
} ELEMENTS[] = {XLA_ELEMENTS(ELEMENT)};

#define DISTRIBUTION(name, num_parameters) {#name, num_parameters},
static const struct {
    const char *name;
    size_t parameters; /* how many, all of them doubles */
} DISTRIBUTIONS[] = {XLA_DISTRIBUTIONS(DISTRIBUTION)};

#define LENGTH(array) (sizeof array / sizeof array[0])

/* A fill, in pieces that threads take one by one. */
struct job {
    int level, kernel, non_temporal;
    const double *parameters;
    const uint32_t *keys;
    uint64_t key_words;
    char *out;
    uint64_t element_bytes, elements, piece; /* elements: of one key; piece: elements in a piece, whole tiles */
    uint64_t pieces_of_key, pieces;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t ended;
    uint64_t next;        /* the first piece that no thread has taken */
    uint64_t in_progress; /* pieces taken that are not filled yet */
    uint64_t references;  /* threads that will still read this job; the last one frees it */
};

static int handler_level, handler_minor;

static void fill_piece(const struct job *job, uint64_t piece)
{
    uint32_t stream[4];
    uint64_t key = piece / job->pieces_of_key, start = piece % job->pieces_of_key * job->piece;
    uint64_t count = job->elements - start < job->piece ? job->elements - start : job->piece;
    stream_of_key(job->keys + key * job->key_words, job->key_words, stream);
    fi_fill(job->level, job->kernel, stream, job->parameters, &start, 1, count, 1,
            job->out + (key * job->elements + start) * job->element_bytes, 0, job->non_temporal);
}

/* Fills pieces while there are any. XLA's memory is used only while a piece is in progress: the caller waits for those. */
static void work(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    while (job->next < job->pieces) {
        uint64_t piece = job->next++;
        job->in_progress++;
        pthread_mutex_unlock(&job->lock);
        fill_piece(job, piece);
        pthread_mutex_lock(&job->lock);
        job->in_progress--;
    }
    if (job->in_progress == 0)
        pthread_cond_broadcast(&job->ended);
    pthread_mutex_unlock(&job->lock);
}

static void release(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    uint64_t references = --job->references;
    pthread_mutex_unlock(&job->lock);
    if (references > 0)
        return;
    pthread_cond_destroy(&job->ended);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void run_worker(void *data)
{
    work(data);
    release(data);
}

static void destroy(const struct xla_call *call, xla_error *error)
{
    struct xla_old_error arguments = {{sizeof arguments, NULL}, error};
    call->api->destroy_error(&arguments);
}

/* How many threads XLA has for this; 1 where it does not say. */
static uint64_t thread_count(const struct xla_call *call)
{
    int64_t n = 1;
    if (call->api->head.size < sizeof *call->api) /* of before XLA had that function */
        return 1;
    struct xla_thread_count arguments = {{sizeof arguments, NULL}, call->context, &n};
    xla_error *error = call->api->count_threads(&arguments);
    if (error) {
        destroy(call, error);
        return 1;
    }
    return n < 1 ? 1 : (uint64_t)n;
}

/* Asks XLA for a worker thread; 0 where it refuses. The worker may start late or never, or be this thread: the caller fills
   pieces as well, and waits only for those that a thread has taken, so that handlers cannot wait for each other. */
static int start_worker(const struct xla_call *call, struct job *job)
{
    struct xla_task task = {{sizeof task, NULL}, call->context, run_worker, job};
    pthread_mutex_lock(&job->lock);
    job->references++;
    pthread_mutex_unlock(&job->lock);
    xla_error *error = call->api->schedule(&task);
    if (!error)
        return 1;
    destroy(call, error);
    release(job);
    return 0;
}

static void advise_huge_pages(char *out, uint64_t nbytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)out + page - 1) / page * page;
    if (nbytes >= HUGE_PAGES_BYTES)
        madvise((void *)first, (uintptr_t)out + nbytes - first, MADV_HUGEPAGE);
#else
    (void)out, (void)nbytes;
#endif
}

static xla_error *refusal(const struct xla_call *call, enum xla_error_code code, const char *message)
{
    struct xla_new_error arguments = {{sizeof arguments, NULL}, message, code};
    return call->api->create_error(&arguments);
}

/* The attribute of this name and kind, or null. */
static const void *attribute(const struct xla_attributes *attributes, const char *name, enum xla_attribute_kind kind)
{
    for (int64_t i = 0; i < attributes->count; i++)
        if (attributes->kinds[i] == kind && attributes->names[i]->length == strlen(name) &&
            memcmp(attributes->names[i]->data, name, strlen(name)) == 0)
            return attributes->values[i];
    return NULL;
}

/* The number of the kernel for a distribution and an element type; -1 where there is none, or the distribution takes another
   number of parameters. */
static int kernel_number(const struct xla_bytes *distribution, size_t parameters, const char *element)
{
    for (size_t i = 0; i < LENGTH(DISTRIBUTIONS); i++) {
        const char *known = DISTRIBUTIONS[i].name;
        char name[64];
        if (strlen(known) != distribution->length || memcmp(known, distribution->data, distribution->length) ||
            DISTRIBUTIONS[i].parameters != parameters)
            continue;
        snprintf(name, sizeof name, "%s_%s", known, element);
        for (int kernel = 0; kernel < fi_kernel_count(); kernel++)
            if (strcmp(fi_kernel_name(kernel), name) == 0)
                return kernel;
    }
    return -1;
}

static uint64_t product(const int64_t *dims, int64_t n)
{
    uint64_t size = 1;
    for (int64_t i = 0; i < n; i++)
        size *= (uint64_t)dims[i];
    return size;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Runs a copy of the job `wanted`, of `n` elements, to its end. */
static xla_error *run_job(const struct xla_call *call, const struct job *wanted, uint64_t n)
{
    struct job *job = malloc(sizeof *job);
    if (!job)
        return refusal(call, XLA_RESOURCE_EXHAUSTED, "fastinit: out of memory");
    *job = *wanted;
    uint64_t threads = n > LEAST_FOR_THREADS ? thread_count(call) : 1;
    uint64_t even = (n / (4 * threads) / TILE + 1) * TILE; /* a few pieces for each thread, so that none waits long */
    job->piece = threads == 1 ? CHUNK : even < LEAST_FOR_THREADS / 2 ? LEAST_FOR_THREADS / 2 : smaller(even, CHUNK);
    job->pieces_of_key = (job->elements - 1) / job->piece + 1;
    job->pieces = n / job->elements * job->pieces_of_key;
    job->next = job->in_progress = 0, job->references = 1;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->ended, NULL);
    for (uint64_t workers = smaller(threads, job->pieces) - 1; workers > 0 && start_worker(call, job); workers--)
        ;
    work(job);
    pthread_mutex_lock(&job->lock);
    while (job->in_progress > 0)
        pthread_cond_wait(&job->ended, &job->lock);
    pthread_mutex_unlock(&job->lock);
    release(job);
    return NULL;
}

/* Fills the one result, (*batch, *shape) of a float type, from the one argument, the keys' words (*batch, words) of uint32.
   Attributes: `distribution`, a name, and `parameters`, its doubles. */
static xla_error *handle(struct xla_call *call)
{
    struct xla_extension *extension = call->head.extension;
    if (extension && extension->kind == XLA_ASKS_FOR_METADATA) {
        struct xla_metadata *metadata = ((struct xla_metadata_extension *)extension)->metadata;
        metadata->version.major = XLA_MAJOR;
        metadata->version.minor = handler_minor;
        metadata->traits = 0;
        return NULL;
    }
    const struct xla_bytes *distribution = attribute(&call->attributes, "distribution", XLA_STRING);
    const struct xla_array *parameters = attribute(&call->attributes, "parameters", XLA_ARRAY);
    if (call->arguments.count != 1 || call->arguments.kinds[0] != XLA_BUFFER || call->results.count != 1 ||
        call->results.kinds[0] != XLA_BUFFER || !distribution || !parameters)
        return refusal(call, XLA_INVALID_ARGUMENT,
                       "fastinit: the call needs one argument, one result, and the attributes distribution and parameters");
    const struct xla_buffer *keys = call->arguments.operands[0], *out = call->results.operands[0];
    int64_t batch = keys->rank - 1;
    if (keys->dtype != XLA_U32 || batch < 0 || batch > out->rank || keys->dims[batch] < 1 ||
        memcmp(keys->dims, out->dims, (size_t)batch * sizeof *keys->dims))
        return refusal(call, XLA_INVALID_ARGUMENT,
                       "fastinit: the argument must be the words of keys, uint32, as many as the result has");
    struct job job = {.level = handler_level,
                      .kernel = -1,
                      .parameters = parameters->data,
                      .keys = keys->data,
                      .key_words = (uint64_t)keys->dims[batch],
                      .out = out->data};
    for (size_t i = 0; i < LENGTH(ELEMENTS) && parameters->dtype == XLA_F64; i++)
        if (ELEMENTS[i].dtype == out->dtype) {
            job.kernel = kernel_number(distribution, parameters->size, ELEMENTS[i].name);
            job.element_bytes = (uint64_t)ELEMENTS[i].bytes;
        }
    if (job.kernel < 0)
        return refusal(call, XLA_INVALID_ARGUMENT,
                       "fastinit: no kernel for this distribution, its parameters and the type of the result");
    uint64_t n = product(out->dims, out->rank), nbytes = n * job.element_bytes;
    if (n == 0)
        return NULL;
    job.elements = product(out->dims + batch, out->rank - batch);
    job.non_temporal = nbytes >= NON_TEMPORAL_BYTES;
    advise_huge_pages(job.out, nbytes);
    return run_job(call, &job, n);
}

void *fi_xla_handler(int level, int minor)
{
    handler_level = level;
    handler_minor = minor;
    return (void *)handle;
}

#endif
