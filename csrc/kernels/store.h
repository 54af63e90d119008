/* The way of a finished tile to memory past the caches, a vector at a time: whoever has other work does it in between. */
#ifndef FASTINIT_STORE_H
#define FASTINIT_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "levels.h"

/* stream_vector_<level>: one vector of the level from anywhere to an aligned address, past the caches. */
#if defined(__x86_64__)
#include <immintrin.h>
enum { CAN_STREAM = 1 };
#define STREAM_VECTOR(level, TARGET, load, store)                                                                  \
    static ALWAYS_INLINE TARGET void stream_vector_##level(char *to, const char *from)                             \
    {                                                                                                              \
        store((void *)to, load((const void *)from));                                                               \
    }
STREAM_VECTOR(baseline, TARGET_BASELINE, _mm_loadu_si128, _mm_stream_si128)
STREAM_VECTOR(avx2, TARGET_AVX2, _mm256_loadu_si256, _mm256_stream_si256)
STREAM_VECTOR(avx512, TARGET_AVX512, _mm512_loadu_si512, _mm512_stream_si512)

/* Makes the lines streamed visible before another thread is told that the fill is done. */
static inline void finish_streaming(void)
{
    _mm_sfence();
}
#else
enum { CAN_STREAM = 0 };
#define STREAM_VECTOR(level, TARGET, nbytes, test)                                                                 \
    static ALWAYS_INLINE void stream_vector_##level(char *to, const char *from)                                    \
    {                                                                                                              \
        memcpy(to, from, nbytes);                                                                                  \
    }
LEVELS(STREAM_VECTOR)

static inline void finish_streaming(void)
{
}
#endif

enum { LINE_BYTES = 64 };

/* Whole cache lines on their way: the first `streamed` of `line_bytes` are gone. The `held` bytes behind them are the beginning of
   a line that what follows completes. (One number moves, not two pointers: compilers move those side by side in a vector, and
   a load of what two stores wrote waits for all stores before.) */
struct outgoing {
    char *to;
    const char *from;
    size_t line_bytes, streamed, held;
};

/* `nbytes` at `values`, which stay there until they are streamed; all that came before has been. What follows in memory will be
   at `next`, with room for a line before it. Only the bytes before the first line of all are copied as usual: a part of a line
   costs a read of it, for which all later stores wait. */
static inline void send(struct outgoing *outgoing, char *to, const char *values, size_t nbytes, char *next)
{
    size_t held = outgoing->held, head = held > 0 ? 0 : (size_t)(-(uintptr_t)to % LINE_BYTES);
    head = head < nbytes ? head : nbytes;
    memcpy(to, values, head);
    outgoing->to = to + head - held;
    outgoing->from = values + head - held;
    outgoing->held = (nbytes - head + held) % LINE_BYTES;
    outgoing->line_bytes = nbytes - head + held - outgoing->held;
    outgoing->streamed = 0;
    memcpy(next - outgoing->held, outgoing->from + outgoing->line_bytes, outgoing->held);
}

/* Write what is held, for nothing follows. */
static inline void settle(struct outgoing *outgoing)
{
    if (outgoing->held > 0)
        memcpy(outgoing->to + outgoing->line_bytes, outgoing->from + outgoing->line_bytes, outgoing->held);
    outgoing->held = 0;
}

typedef void stream_rest_function(struct outgoing *outgoing);

#define STREAM_REST(level, TARGET, vector_bytes, test)                                                             \
    static TARGET void stream_rest_##level(struct outgoing *outgoing)                                              \
    {                                                                                                              \
        for (size_t i = outgoing->streamed; i < outgoing->line_bytes; i += vector_bytes)                               \
            stream_vector_##level(outgoing->to + i, outgoing->from + i);                                           \
        outgoing->streamed = outgoing->line_bytes;                                                                     \
    }
LEVELS(STREAM_REST)

#endif
