/* Small random orthogonal matrices: what fastinit/initializers/haar.py computes where one block has all columns. The bits are
   the same, as the products are those of NumPy's matmul, whose loops are called without what Python does around them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include <numpy/ufuncobject.h>

/* As in haar.py. */
enum { TILE = 64, STACK = 16 };
static const double LEAST_NORM = 1e-30;

enum { FLOAT32, FLOAT64 };
static PyUFuncGenericFunction loops[2]; /* of numpy.matmul, with what they are called with */
static void *data_of_loops[2];

int has_products(void)
{
    const char types[2] = {NPY_FLOAT32, NPY_FLOAT64};
    PyObject *numpy = loops[FLOAT64] ? NULL : PyImport_ImportModule("numpy");
    PyObject *type = numpy ? PyObject_GetAttrString(numpy, "ufunc") : NULL;
    PyObject *matmul = type ? PyObject_GetAttrString(numpy, "matmul") : NULL;
    if (matmul && PyObject_IsInstance(matmul, type) == 1) {
        const PyUFuncObject *of = (PyUFuncObject *)matmul;
        for (int real = 0; real < 2; real++)
            for (int i = 0; i < of->ntypes; i++)
                if (of->types[3 * i] == types[real] && of->types[3 * i + 1] == types[real])
                    loops[real] = of->functions[i], data_of_loops[real] = of->data ? of->data[i] : NULL;
    }
    Py_XDECREF(numpy);
    Py_XDECREF(type);
    Py_XDECREF(matmul);
    PyErr_Clear();
    return loops[FLOAT32] && loops[FLOAT64];
}

/* Matrices in memory: elements from one of them, from a row and from a column to the next. */
typedef struct {
    const void *data;
    npy_intp block, row, column;
} matrices;

static matrices packed(const void *data, npy_intp area, npy_intp length)
{
    return (matrices){data, area, length, 1};
}

/* The products of `blocks` matrices (m, k) with as many (k, n). */
static void multiply(int real, npy_intp blocks, npy_intp m, npy_intp k, npy_intp n, matrices a, matrices b, matrices to)
{
    const npy_intp size = real == FLOAT64 ? sizeof(double) : sizeof(float), lengths[] = {blocks, m, k, n};
    const npy_intp strides[] = {a.block * size, b.block * size,  to.block * size, a.row * size,    a.column * size,
                                b.row * size,   b.column * size, to.row * size,   to.column * size};
    char *memory[] = {(char *)a.data, (char *)b.data, (char *)to.data};
    loops[real](memory, lengths, strides, data_of_loops[real]);
}

static npy_intp larger(npy_intp a, npy_intp b)
{
    return a > b ? a : b;
}

/* The least power of 2 that is n or more. */
static npy_intp power_of_2(npy_intp n)
{
    npy_intp size = 1;
    while (size < n)
        size *= 2;
    return size;
}

/* A matrix of m rows and n columns as tiles of rows, with zeros in the last. */
typedef struct { npy_intp m, n, height, tiles; } panel;

static panel panel_of(npy_intp m, npy_intp n)
{
    const npy_intp most = TILE * TILE / n, height = m < most ? m : most;
    return (panel){m, n, height, (m + height - 1) / height};
}

static npy_intp elements_of(panel of)
{
    return of.tiles * of.height * of.n;
}

/* V^T V of V and its tiles transposed, whose products are added as NumPy does: `_gram`. `work` has room for STACK of them. */
static void multiply_by_transposed(panel of, const double *left, const double *right, double *gram, double *work)
{
    const npy_intp area = of.height * of.n, square = of.n * of.n;
    memset(gram, 0, (size_t)square * sizeof *gram);
    for (npy_intp first = 0; first < of.tiles; first += STACK) {
        const npy_intp tiles = of.tiles - first < STACK ? of.tiles - first : STACK;
        multiply(FLOAT64, tiles, of.n, of.height, of.n, packed(left + first * area, area, of.height),
                 packed(right + first * area, area, of.n), packed(work, square, of.n));
        for (npy_intp i = 0; i < square; i++) {
            double sum = work[i];
            for (npy_intp tile = 1; tile < tiles; tile++)
                sum += work[tile * square + i];
            gram[i] += sum;
        }
    }
}

/* Makes T of its diagonal and the part of V^T V above it, both (size, size): `_triangular_factor`. `work` has 3 / 4 of that. */
static void join_runs(double *t, const double *above, npy_intp n, npy_intp size, double *work)
{
    for (npy_intp half = 1; half < n; half *= 2) {
        const npy_intp blocks = size / (2 * half), area = half * half, step = 2 * half * (size + 1);
        double *negative = work, *first = negative + blocks * area, *second = first + blocks * area;
        for (npy_intp block = 0; block < blocks; block++)
            for (npy_intp i = 0; i < half; i++)
                for (npy_intp k = 0; k < half; k++)
                    negative[block * area + i * half + k] = -t[block * step + i * size + k];
        const matrices between = {above + half, step, size, 1}, behind = {t + half * (size + 1), step, size, 1};
        multiply(FLOAT64, blocks, half, half, half, packed(negative, area, half), between, packed(first, area, half));
        multiply(FLOAT64, blocks, half, half, half, packed(first, area, half), behind, packed(second, area, half));
        for (npy_intp block = 0; block < blocks; block++)
            for (npy_intp i = 0; i < half; i++)
                memcpy(t + block * step + i * size + half, second + block * area + i * half, (size_t)half * sizeof *t);
    }
}

/* Doubles and elements of the matrix's type that a panel takes (orthogonal_body.h). */
static size_t doubles_needed(panel of)
{
    const npy_intp square = power_of_2(of.n) * power_of_2(of.n), stack = of.tiles < STACK ? of.tiles : STACK;
    return (size_t)(2 * larger(elements_of(of), square) + of.n * of.n + larger(square, stack * of.n * of.n));
}

static size_t elements_needed(panel of)
{
    return (size_t)(3 * elements_of(of) + 3 * of.n * of.n + of.n);
}

#define REAL float
#define NAME f32
#define LOOP FLOAT32
#include "orthogonal_body.h"
#undef REAL
#undef NAME
#undef LOOP

#define REAL double
#define NAME f64
#define LOOP FLOAT64
#include "orthogonal_body.h"

int fill_orthogonal(int level, const uint32_t *stream, const double *parameters, uint64_t count, void *out)
{
    const panel of = panel_of((npy_intp)parameters[ROWS], (npy_intp)parameters[COLUMNS]);
    const size_t element_bytes = (size_t)parameters[ELEMENT_BYTES];
    double *memory = malloc(doubles_needed(of) * sizeof(double) + elements_needed(of) * element_bytes);
    if (!memory)
        return -1;
    if (count > (uint64_t)(parameters[MATRICES] * parameters[ROWS] * parameters[COLUMNS]))
        memset(out, 0, count * element_bytes);
    int failed = element_bytes == sizeof(double) ? fill_f64(level, stream, parameters, of, memory, out)
                                                 : fill_f32(level, stream, parameters, of, memory, out);
    free(memory);
    return failed;
}
