/* Writes finished tiles to memory by non-temporal stores, a vector at a time, so that other work can be done in between. */
#ifndef FASTINIT_STORE_H
#define FASTINIT_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "levels.h"

/* store_non_temporal_<level>: one vector of the level from anywhere to an aligned address. */
#if defined(__x86_64__)
#include <immintrin.h>
enum { HAS_NON_TEMPORAL = 1 };
#define STORE_NON_TEMPORAL(level, TARGET, load, store)                                      \
    static ALWAYS_INLINE TARGET void store_non_temporal_##level(char *to, const char *from) \
    {                                                                                       \
        store((void *)to, load((const void *)from));                                        \
    }
STORE_NON_TEMPORAL(baseline, TARGET_BASELINE, _mm_loadu_si128, _mm_stream_si128)
STORE_NON_TEMPORAL(avx2, TARGET_AVX2, _mm256_loadu_si256, _mm256_stream_si256)
STORE_NON_TEMPORAL(avx512, TARGET_AVX512, _mm512_loadu_si512, _mm512_stream_si512)

/* Makes non-temporal stores visible before another thread is told that the fill is done. */
static inline void fence_non_temporal(void)
{
    _mm_sfence();
}
#else
enum { HAS_NON_TEMPORAL = 0 };
#define STORE_NON_TEMPORAL(level, TARGET, nbytes, test)                              \
    static ALWAYS_INLINE void store_non_temporal_##level(char *to, const char *from) \
    {                                                                                \
        memcpy(to, from, nbytes);                                                    \
    }
LEVELS(STORE_NON_TEMPORAL)

static inline void fence_non_temporal(void)
{
}
#endif

enum { LINE_BYTES = 64 };

/* Cache lines to be written: `line_bytes` in whole lines, of which the first `written` are in memory, then `pending` bytes,
   the beginning of a line that the next values complete. (One number moves, not two pointers: compilers move those side by
   side in a vector, and a load of what two stores wrote waits for all stores before it.) */
struct store_queue {
    char *to;
    const char *from;
    size_t line_bytes, written, pending;
};

/* Queues `nbytes` at `values`, which stay there until they are written; all whole lines before them must be. The values that
   follow in memory will be at `next`, with room for a line before it. Only the bytes before the first line of all are copied
   by ordinary stores: a part of a line costs a read of the line, for which all later stores wait. */
static inline void push(struct store_queue *queue, char *to, const char *values, size_t nbytes, char *next)
{
    size_t pending = queue->pending, head = pending > 0 ? 0 : (size_t)(-(uintptr_t)to % LINE_BYTES);
    head = head < nbytes ? head : nbytes;
    memcpy(to, values, head);
    queue->to = to + head - pending;
    queue->from = values + head - pending;
    queue->pending = (nbytes - head + pending) % LINE_BYTES;
    queue->line_bytes = nbytes - head + pending - queue->pending;
    queue->written = 0;
    memcpy(next - queue->pending, queue->from + queue->line_bytes, queue->pending);
}

/* Writes the pending bytes, when no values follow that complete their line; all whole lines before them must be written. */
static inline void flush(struct store_queue *queue)
{
    if (queue->pending > 0)
        memcpy(queue->to + queue->line_bytes, queue->from + queue->line_bytes, queue->pending);
    queue->pending = 0;
}

typedef void write_lines_function(struct store_queue *queue);

/* write_lines_<level>: all whole lines that are not written yet. */
#define WRITE_LINES(level, TARGET, vector_bytes, test)                             \
    static MAYBE_UNUSED TARGET void write_lines_##level(struct store_queue *queue) \
    {                                                                              \
        for (size_t i = queue->written; i < queue->line_bytes; i += vector_bytes)  \
            store_non_temporal_##level(queue->to + i, queue->from + i);            \
        queue->written = queue->line_bytes;                                        \
    }
LEVELS(WRITE_LINES)

#endif
