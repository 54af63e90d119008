/* Copies from a tile's buffer to memory: ordinary, and streaming (past the cache), the widest store of each level. */
#ifndef FASTINIT_STORE_H
#define FASTINIT_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "levels.h"

typedef void copy_function(char *to, const char *from, size_t nbytes);

#if defined(__x86_64__)
#include <immintrin.h>

/* Streaming stores need alignment and pay off by whole cache lines: the bytes before the first line and behind the last
   are copied as usual. */
#define COPY_STREAMING(name, TARGET, vector, load, store)                                                          \
    static TARGET void name(char *to, const char *from, size_t nbytes)                                             \
    {                                                                                                              \
        size_t head = (size_t)(-(uintptr_t)to & 63), lines;                                                        \
        if (head > nbytes)                                                                                         \
            head = nbytes;                                                                                         \
        memcpy(to, from, head);                                                                                    \
        lines = (nbytes - head) & ~(size_t)63;                                                                     \
        for (size_t i = head; i < head + lines; i += sizeof(vector))                                               \
            store((void *)(to + i), load((const void *)(from + i)));                                               \
        memcpy(to + head + lines, from + head + lines, nbytes - head - lines);                                     \
    }

COPY_STREAMING(copy_streaming_sse2, TARGET_BASELINE, __m128i, _mm_loadu_si128, _mm_stream_si128)
COPY_STREAMING(copy_streaming_avx2, TARGET_AVX2, __m256i, _mm256_loadu_si256, _mm256_stream_si256)
COPY_STREAMING(copy_streaming_avx512, TARGET_AVX512, __m512i, _mm512_loadu_si512, _mm512_stream_si512)

/* Makes the lines streamed visible before another thread is told that the fill is done. */
static inline void finish_streaming(void)
{
    _mm_sfence();
}
#else
static void copy_ordinary(char *to, const char *from, size_t nbytes)
{
    memcpy(to, from, nbytes);
}

static inline void finish_streaming(void)
{
}
#endif

#endif
