/* Values by tables of their distribution (searches.h). */
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "levels.h"
#include "searches.h"
#include "threads.h"

enum { BLOCK = 1024 }; /* a tile of doubles */

struct search {
    int level, kernel;
    const uint32_t *stream;
    uint64_t start, n, of_piece;
    const double *cdf;
    const int32_t *guide;
    double cells;
    int64_t first, *out;
};

/* The first step has no branch, since it is taken or not at random; further ones are rare. */
static ALWAYS_INLINE void search_block(const struct search *of, const double *u, uint64_t count, int64_t *out)
{
    const double *cdf = of->cdf, cells = of->cells;
    const int32_t *guide = of->guide;
    for (uint64_t i = 0; i < count; i++) {
        int32_t at = guide[(int32_t)(u[i] * cells)];
        out[i] = at + (cdf[at] <= u[i]);
    }
    for (uint64_t i = 0; i < count; i++) {
        while (cdf[out[i]] <= u[i])
            out[i]++;
        out[i] += of->first;
    }
}

#define DEFINE_SEARCH(level, TARGET, vector_bytes, test)                                                            \
    static TARGET void search_block_##level(const struct search *of, const double *u, uint64_t count, int64_t *out) \
    {                                                                                                               \
        search_block(of, u, count, out);                                                                            \
    }
LEVELS(DEFINE_SEARCH)

static void search_piece(void *job, uint64_t piece)
{
#define SEARCH_OF(level, TARGET, vector_bytes, test) search_block_##level,
    static void (*const searches[])(const struct search *, const double *, uint64_t, int64_t *) = {LEVELS(SEARCH_OF)};
    const struct search *of = job;
    const double of_unit_interval[] = {0.0, 1.0}; /* low, width */
    double u[BLOCK];
    uint64_t end = (piece + 1) * of->of_piece < of->n ? (piece + 1) * of->of_piece : of->n;
    for (uint64_t at = piece * of->of_piece; at < end; at += BLOCK) {
        uint64_t count = end - at < BLOCK ? end - at : BLOCK, position = of->start + at;
        fi_fill(of->level, of->kernel, of->stream, of_unit_interval, &position, 1, count, 1, u, 0, 0);
        searches[of->level](of, u, count, of->out + at);
    }
}

int fi_search(int level, int kernel, const uint32_t *stream, uint64_t start, uint64_t n, const double *cdf,
              const int32_t *guide, int guide_bits, int64_t first, int64_t *out, int threads, int (*pause)(void))
{
    uint64_t of_piece = elements_of_piece(n, threads);
    double cells = (double)((uint64_t)1 << guide_bits);
    struct search of = {level, kernel, stream, start, n, of_piece, cdf, guide, cells, first, out};
    return run_pieces(search_piece, &of, (n + of_piece - 1) / of_piece, threads, pause);
}
