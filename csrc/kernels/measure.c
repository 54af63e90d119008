/* Measures the values of audits, in one pass over memory; moments in a second one, which finds the values in cache. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "levels.h"
#include "measure.h"

enum { WIDTH = 8, MOST_BINS = 256, TABLES = 4, BLOCK = 256 };

#define REAL float
#define BITS uint32_t
#define SIGNED int32_t
#define NAME float32
#define FINITE 0x7f800000u
#include "measure_body.h"
#undef REAL
#undef BITS
#undef SIGNED
#undef NAME
#undef FINITE

#define REAL double
#define BITS uint64_t
#define SIGNED int64_t
#define NAME float64
#define FINITE 0x7ff0000000000000u
#include "measure_body.h"
