/* The process's native threads, which share the pieces of a job with the thread that calls. They know no interpreter. */
#ifndef FASTINIT_THREADS_H
#define FASTINIT_THREADS_H

#include <stdint.h>

/* How many elements of a fill are a piece, whole tiles: to hand out one takes a fraction of a microsecond, the fill of the
   smallest ten or more, and the largest takes milliseconds, which an interrupt waits for. A few pieces for each thread, so
   that none waits long for the last. */
static inline uint64_t elements_of_piece(uint64_t elements, int threads)
{
    const uint64_t tile = 2048, least = 8 * tile, most = 512 * tile, of_thread = 4;
    uint64_t even = (elements / (uint64_t)threads / of_thread / tile + 1) * tile;
    return even < least ? least : even < most ? even : most;
}

typedef void piece_function(void *job, uint64_t piece);
typedef int pause_function(void);

/* Calls run(job, piece) for the pieces 0 to `pieces` - 1, on the calling thread and at most `threads` - 1 others. Each has
   pieces of its own that follow each other, so that it is the first to touch the memory it fills, and then takes what others
   have not begun. From time to time the calling thread calls `pause`, unless that is null: a result other than 0 means that no
   further piece begins. Returns 0, or that result. In either case no thread is within a piece any more, or will be.

   Any threads may call it at once, and within `run` and `pause`; and `pause` may fork: the child, which has no other thread,
   begins the job again. So a piece may run twice. */
int run_pieces(piece_function *run, void *job, uint64_t pieces, int threads, pause_function *pause);

/* The same for pieces that may not run twice: in the child of a fork within `pause`, where others have done a part of them, it
   returns FORKED. */
enum { FORKED = -1 };
int run_pieces_once(piece_function *run, void *job, uint64_t pieces, int threads, pause_function *pause);

#endif
