/* A kernel for each distribution around its arithmetic of one value, for test_nvrtc.py: thread i writes the values of the words
   of lane i of a tile. */
#include "integer_values.h"
#include "narrow.h"
#include "values.h"
#include "xoshiro.h"

struct state { uint32_t s0, s1, s2, s3; };

static uint32_t next(struct state *lane)
{
    uint32_t word;
    NEXT_WORD(uint32_t, (*lane), &word);
    return word;
}

static uint64_t next_wide(struct state *lane)
{
    uint64_t high = next(lane);
    return high << 32 | next(lane);
}

static struct state seeded(const uint32_t *stream, uint64_t tile)
{
    uint64_t counter = tile * 16 + threadIdx.x;
    uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), stream[2], stream[3]};
    philox(c, stream[0], stream[1]);
    struct state lane = {c[0] | ((c[0] | c[1] | c[2] | c[3]) == 0), c[1], c[2], c[3]};
    return lane;
}

#define KERNEL(name, real, word, next_word, values)                                                                        \
    extern "C" __global__ void name(const uint32_t *stream, uint64_t tile, int rows, const real *c, real *to)              \
    {                                                                                                                      \
        struct state lane = seeded(stream, tile);                                                                          \
        for (int r = 0; r < rows; r++) {                                                                                   \
            word w = next_word(&lane);                                                                                     \
            real *value = to + 16 * r + threadIdx.x;                                                                       \
            values                                                                                                         \
        }                                                                                                                  \
    }
#define F32(name, values) KERNEL(name##_f32, float, uint32_t, next, values)
#define F64(name, values) KERNEL(name##_f64, double, uint64_t, next_wide, values)

F32(uniform, *value = uniform_f32(w, 0x1p-24f, c[1], c[0]);)
F64(uniform, *value = uniform_f64((uint32_t)(w >> 32), (uint32_t)w, 0x1p-53, c[1], c[0]);)
F32(normal, struct pair_f32 pair = normal_f32(neg2log_u_f32(w), next(&lane), c[0], c[1]); *value = pair.first; r++;
    value[16] = pair.second;)
F64(normal, struct pair_f64 pair = normal_f64(neg2log_u_f64(w), next_wide(&lane), c[0], c[1]); *value = pair.first; r++;
    value[16] = pair.second;)
F64(lognormal, struct pair_f64 pair = normal_f64(neg2log_u_f64(w), next_wide(&lane), c[0], c[1]);
    *value = exp_f64(pair.first); r++; value[16] = exp_f64(pair.second);)
F32(exponential, *value = exponential_f32(neg2log_u_f32(w), c[0]);)
F64(exponential, *value = exponential_f64(neg2log_u_f64(w), c[0]);)
F32(truncated, struct probability_f32 p = probability_f32(w, c);
    *value = in_tail_f32(p.tail, c) ? truncated_tail_f32(p, c)
                                    : truncated_centre_f32(p.v, centre_neg2log_f32(centre_product_f32(p.tail)), c);)
F64(truncated, struct probability_f64 p = probability_f64(w, c); double radius = radius_f64(p.tail);
    *value = in_tail_f64(radius) ? truncated_tail_f64(p.q, radius, c) : truncated_inner_f64(p.q, radius, c);)

extern "C" __global__ void narrow(const float *values, uint16_t *two, uint8_t *one)
{
    float x = values[threadIdx.x];
    two[threadIdx.x] = narrow_bfloat16(x);
    two[threadIdx.x + 16] = narrow_float16(x);
    one[threadIdx.x] = narrow_float8_e4m3fn(x);
    one[threadIdx.x + 16] = narrow_float8_e5m2(x);
    one[threadIdx.x + 32] = narrow_float8_e4m3fnuz(x);
}

extern "C" __global__ void integers(const uint32_t *stream, uint64_t tile, int rows, uint64_t range, uint64_t *to)
{
    struct state lane = seeded(stream, tile);
    for (int r = 0; r < rows; r++) {
        struct product product = wide_product(next_wide(&lane), range);
        int rejected = product.remainder < -range % range;
        uint64_t position = tile * 2048 + 32 * r + threadIdx.x;
        to[16 * r + threadIdx.x] = rejected ? redraw(stream, position, range) : product.value;
    }
}
