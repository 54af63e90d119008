/* Items of an array by their numbers, which may be drawn meanwhile (choices.h). */
#include <stdint.h>
#include <string.h>

#include "choices.h"
#include "kernels.h"
#include "threads.h"

enum { BLOCK = 2048 }; /* numbers that are drawn before their items are taken: a tile, or two, in the first cache */

struct choice {
    int level, kernel;
    const uint32_t *stream;
    const double *parameters;
    uint64_t start, n, of_piece;
    const int64_t *numbers; /* null where they are drawn */
    const char *items;
    uint64_t item_bytes;
    char *out;
};

/* `bytes` of them are copied by few instructions where that is a constant. */
#define TAKE(bytes)                                                 \
    for (uint64_t i = 0; i < n; i++) {                              \
        memcpy(out, items + (uint64_t)numbers[i] * (bytes), bytes); \
        out += bytes;                                               \
    }

static void take_items(const char *items, uint64_t item_bytes, const int64_t *numbers, uint64_t n, char *out)
{
    switch (item_bytes) {
    case 1:
        TAKE(1) break;
    case 2:
        TAKE(2) break;
    case 4:
        TAKE(4) break;
    case 8:
        TAKE(8) break;
    case 16:
        TAKE(16) break;
    default:
        TAKE(item_bytes)
    }
}

static void choose_piece(void *job, uint64_t piece)
{
    const struct choice *of = job;
    int64_t drawn[BLOCK];
    const uint64_t next = (piece + 1) * of->of_piece, end = next < of->n ? next : of->n;
    for (uint64_t at = piece * of->of_piece; at < end; at += BLOCK) {
        const uint64_t count = end - at < BLOCK ? end - at : BLOCK, position = of->start + at;
        if (!of->numbers)
            fi_fill(of->level, of->kernel, of->stream, of->parameters, &position, 1, count, 1, drawn, 0, 0);
        take_items(of->items, of->item_bytes, of->numbers ? of->numbers + at : drawn, count, of->out + at * of->item_bytes);
    }
}

/* A piece has as many bytes whatever the size of an item is. */
static int choose(struct choice *of, int threads, int (*pause)(void))
{
    const uint64_t words = of->item_bytes / 8 + 1, even = elements_of_piece(of->n * words, threads) / words / BLOCK * BLOCK;
    of->of_piece = even ? even : BLOCK;
    return run_pieces(choose_piece, of, (of->n + of->of_piece - 1) / of->of_piece, threads, pause);
}

int fi_take_items(const void *items, uint64_t item_bytes, const int64_t *numbers, uint64_t n, void *out, int threads,
                  int (*pause)(void))
{
    struct choice of = {.n = n, .numbers = numbers, .items = items, .item_bytes = item_bytes, .out = out};
    return choose(&of, threads, pause);
}

int fi_choose_items(int level, int kernel, const uint32_t *stream, const double *parameters, uint64_t start,
                    const void *items, uint64_t item_bytes, uint64_t n, void *out, int threads, int (*pause)(void))
{
    struct choice of = {level, kernel, stream, parameters, start, n, 0, NULL, items, item_bytes, out};
    return choose(&of, threads, pause);
}
