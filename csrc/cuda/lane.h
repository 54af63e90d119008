/* The words of one lane of a tile, one after the other: what lanes.h makes of 16 lanes side by side. */
#ifndef FASTINIT_LANE_H
#define FASTINIT_LANE_H

#include "philox.h"
#include "xoshiro.h"

enum { LANES = 16, LANE_WORDS = 128 };

struct lane { uint32_t s0, s1, s2, s3; };

/* Number `index` of all lanes of a stream: 16 times the tile, and the lane within it. */
static ALWAYS_INLINE struct lane seeded_lane(const uint32_t *stream, uint64_t index)
{
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), stream[2], stream[3]};
    philox(c, stream[0], stream[1]);
    struct lane lane = {c[0] | ((c[0] | c[1] | c[2] | c[3]) == 0), c[1], c[2], c[3]}; /* never the state of all zeros */
    return lane;
}

/* The word, or the words, of a value of each type. */
static ALWAYS_INLINE uint32_t next_f32(struct lane *lane)
{
    uint32_t word;
    NEXT_WORD(uint32_t, (*lane), &word);
    return word;
}

static ALWAYS_INLINE uint64_t next_f64(struct lane *lane)
{
    uint64_t high = next_f32(lane);
    return high << 32 | next_f32(lane);
}

#endif
