/* Calls XLA's handler as XLA would, with buffers of exact size and workers that run at once, late, inline or not at all:
   for sanitizers. Exit status 1 if a byte differs from that of one plain fill, or a wrong call is not refused. */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "xla/ffi/api/c_api.h"
#include "xla_handler.h"

enum { MOST_HELPERS = 64, THREADS = 4, KEY_WORDS = 2 };
enum when { AT_ONCE, LATE, INLINE, NEVER, WAYS }; /* workers run */

static enum when when;
static pthread_t running[MOST_HELPERS];
static XLA_FFI_ThreadPool_Schedule_Args late[MOST_HELPERS];
static int running_count, late_count;
static int an_error; /* its address is that of every XLA_FFI_Error here */
static int level;

static XLA_FFI_Error *create_error(XLA_FFI_Error_Create_Args *args)
{
    (void)args;
    return (XLA_FFI_Error *)&an_error;
}

static void destroy_error(XLA_FFI_Error_Destroy_Args *args)
{
    (void)args;
}

static XLA_FFI_Error *thread_count(XLA_FFI_ThreadPool_NumThreads_Args *args)
{
    *args->num_threads = THREADS;
    return NULL;
}

static void *run(void *argument)
{
    XLA_FFI_ThreadPool_Schedule_Args args = *(XLA_FFI_ThreadPool_Schedule_Args *)argument;
    free(argument);
    args.task(args.data);
    return NULL;
}

static XLA_FFI_Error *schedule(XLA_FFI_ThreadPool_Schedule_Args *args)
{
    if (when == NEVER)
        return (XLA_FFI_Error *)&an_error;
    if (when == INLINE) {
        args->task(args->data);
    } else if (when == LATE) {
        late[late_count++] = *args;
    } else {
        XLA_FFI_ThreadPool_Schedule_Args *own = malloc(sizeof *own);
        *own = *args;
        if (pthread_create(&running[running_count++], NULL, run, own))
            exit(2);
    }
    return NULL;
}

static const XLA_FFI_Api API = {
    .struct_size = XLA_FFI_Api_STRUCT_SIZE,
    .XLA_FFI_Error_Create = create_error,
    .XLA_FFI_Error_Destroy = destroy_error,
    .XLA_FFI_ThreadPool_Schedule = schedule,
    .XLA_FFI_ThreadPool_NumThreads = thread_count,
};

static void *exact_buffer(size_t nbytes)
{
    void *buffer;
    if (posix_memalign(&buffer, 64, nbytes ? nbytes : 1))
        exit(2);
    memset(buffer, 0xa5, nbytes);
    return buffer;
}

struct call {
    const char *distribution;
    size_t parameters;
    XLA_FFI_DataType key_type, type;
    int64_t keys, result_keys, elements;
};

/* Whether the handler refuses the call; the values are in `out`. */
static int refused(const struct call *call, const uint32_t *keys, void *out)
{
    XLA_FFI_Handler *handler = (XLA_FFI_Handler *)fi_xla_handler(level, XLA_FFI_API_MINOR);
    int64_t key_dims[2] = {call->keys, KEY_WORDS}, out_dims[2] = {call->result_keys, call->elements};
    double *numbers = exact_buffer(call->parameters * sizeof *numbers);
    for (size_t i = 0; i < call->parameters; i++)
        numbers[i] = (double)i;
    XLA_FFI_Buffer argument = {XLA_FFI_Buffer_STRUCT_SIZE, NULL, call->key_type, (void *)keys, 2, key_dims};
    XLA_FFI_Buffer result = {XLA_FFI_Buffer_STRUCT_SIZE, NULL, call->type, out, 2, out_dims};
    XLA_FFI_ArgType argument_types[] = {XLA_FFI_ArgType_BUFFER};
    XLA_FFI_RetType result_types[] = {XLA_FFI_RetType_BUFFER};
    XLA_FFI_AttrType attribute_types[] = {XLA_FFI_AttrType_STRING, XLA_FFI_AttrType_ARRAY};
    XLA_FFI_ByteSpan distribution = {call->distribution, strlen(call->distribution)},
                     names[] = {{"distribution", 12}, {"parameters", 10}};
    XLA_FFI_ByteSpan *name_pointers[] = {&names[0], &names[1]};
    XLA_FFI_Array parameters = {XLA_FFI_DataType_F64, call->parameters, numbers};
    void *arguments[] = {&argument}, *results[] = {&result}, *attributes[] = {&distribution, &parameters};
    XLA_FFI_CallFrame frame = {
        .struct_size = XLA_FFI_CallFrame_STRUCT_SIZE,
        .api = &API,
        .stage = XLA_FFI_ExecutionStage_EXECUTE,
        .args = {XLA_FFI_Args_STRUCT_SIZE, NULL, 1, argument_types, arguments},
        .rets = {XLA_FFI_Rets_STRUCT_SIZE, NULL, 1, result_types, results},
        .attrs = {XLA_FFI_Attrs_STRUCT_SIZE, NULL, 2, attribute_types, name_pointers, attributes},
    };
    int was_refused = handler(&frame) != NULL;
    free(numbers);
    return was_refused;
}

static void fail(const char *what, int64_t keys, int64_t elements)
{
    fprintf(stderr, "%s: %d keys of %d elements, workers %d\n", what, (int)keys, (int)elements, (int)when);
    exit(1);
}

/* Fill by the handler, then let the late workers come, when its buffers are gone; compare with a fill for each key. */
static void check(int64_t keys, int64_t elements)
{
    const double parameters[2] = {0, 1};
    size_t n = (size_t)(keys * elements);
    struct call call = {"normal", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, keys, keys, elements};
    uint32_t *words = exact_buffer((size_t)keys * KEY_WORDS * sizeof *words), stream[4];
    float *out = exact_buffer(n * sizeof *out), *expected = exact_buffer(n * sizeof *out);
    int kernel = 0;
    while (strcmp(fi_kernel_name(kernel), "normal_float32"))
        kernel++;
    for (int64_t i = 0; i < keys * KEY_WORDS; i++)
        words[i] = (uint32_t)i * 2654435761u;
    if (refused(&call, words, out))
        fail("refused", keys, elements);
    for (int64_t key = 0; key < keys; key++) {
        uint64_t start = 0;
        fi_stream_of_key(words + key * KEY_WORDS, KEY_WORDS, stream);
        fi_fill(level, kernel, stream, parameters, &start, 1, (uint64_t)elements, 1, expected + key * elements, 0, 0);
    }
    if (memcmp(out, expected, n * sizeof *out))
        fail("other values", keys, elements);
    free(words);
    free(out);
    free(expected);
    for (; late_count > 0; late_count--)
        late[late_count - 1].task(late[late_count - 1].data);
    while (running_count > 0)
        pthread_join(running[--running_count], NULL);
}

int main(void)
{
    static const int64_t SIZES[][2] = {
        {1, 1},
        {1, 2047},
        {1, 2049},
        {3, 0},
        {0, 5}, /* a tile; nothing */
        {1, 32 * 2048 + 1},
        {1, 256 * 2048 + 7},
        {3, 100001},
        {2000, 77},               /* from here on by several threads */
        {1, 8 * 1024 * 1024 + 1}, /* non-temporal stores */
    };
    static const struct call WRONG[] = {
        {"gamma", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, 1, 1, 5},
        {"norm", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, 1, 1, 5},
        {"normal", 1, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, 1, 1, 5},
        {"truncated", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, 1, 1, 5},
        {"normal", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_S32, 1, 1, 5},
        {"normal", 2, XLA_FFI_DataType_S32, XLA_FFI_DataType_F32, 1, 1, 5},
        {"normal", 2, XLA_FFI_DataType_U32, XLA_FFI_DataType_F32, 1, 2, 5},
    };
    while (level + 1 < fi_level_count() && fi_level_supported(level + 1))
        level++;
    for (when = 0; when < WAYS; when++)
        for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++)
            check(SIZES[i][0], SIZES[i][1]);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        if (!refused(&WRONG[i], (const uint32_t[2]){0, 0}, (double[10]){0}))
            fail("not refused", (int64_t)i, 0);
    return 0;
}
