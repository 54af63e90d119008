/* What the files of the extension fastinit._calls share: common calls answered without running Python code, which would take
   longer than the fill itself. Whatever is not plain is left to the code in Python, which the functions say by returning
   None. */
#ifndef FASTINIT_CALLS_H
#define FASTINIT_CALLS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION /* runs with that NumPy and every later one */
#define PY_ARRAY_UNIQUE_SYMBOL fastinit_calls_numpy
#ifndef IMPORTS_NUMPY /* calls.c does */
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "kernels.h"

enum {
    MOST_AXES = 8,
    MOST_PARAMETERS = 16,      /* of a kernel */
    LEAST_WITHOUT_LOCK = 8192, /* values, from which on the interpreter's lock is released: some microseconds */
};

/* A fill of a small array by one kernel, or with a constant (fi_fill_many), on one thread: all but the stream and the memory. */
typedef struct {
    int level, kernel, axes;
    npy_intp lengths[MOST_AXES];
    uint64_t count;
    double parameters[MOST_PARAMETERS];
    PyArray_Descr *dtype;
} small_fill;

/* A kernel's number that stands for orthogonal matrices of a kernel's values (orthogonal.c); no other is below -8. */
enum { ORTHOGONAL = -100 };

/* Its parameters, from the normal distribution's on. Strides and the offset of the first matrix are in elements; the draws of
   each matrix begin DRAWS_APART positions behind those of the one before. */
enum {
    NORMAL_KERNEL = 2,
    ELEMENT_BYTES,
    DRAWS_APART,
    MATRICES,
    ROWS, /* no fewer than the columns */
    COLUMNS,
    OFFSET,
    MATRIX_STRIDE,
    ROW_STRIDE,
    COLUMN_STRIDE,
    GAIN
};

/* Writes the tensor of `count` elements with these matrices, 0 elsewhere; -1 where there is no memory (orthogonal.c). */
int fill_orthogonal(int level, const uint32_t *stream, const double *parameters, uint64_t count, void *out);

/* Whether NumPy has the products that it takes, under the interpreter's lock (orthogonal.c). */
int has_products(void);

/* fi_fill_many and fi_fill_axes of fastinit._kernels (calls.c). */
extern __typeof__(fi_fill_axes) *fill_axes_kernel;
extern __typeof__(fi_fill_many) *fill_many_kernels;

/* Whether a block is in force that chose another backend than the default one: then nothing is done in C (calls.c). */
int is_overridden(void);

/* None, for what is left to Python (calls.c). */
PyObject *none(void);

/* The words of a name; 0 where it is no plain string that UTF-8 can hold (streams.c). */
int words_of_name(PyObject *name, uint32_t words[4]);

/* The words of the stream of a seed and a name, or of no name (None); 0 where one of them is not plain (streams.c). */
int stream_of_seed(PyObject *seed, PyObject *name, uint32_t stream[4]);

/* Whether it is an int or a tuple of ints, of no other types (small_fills.c). */
int is_plain_shape(PyObject *shape);

/* The fill in a capsule that `small_fill` of Python has made; null for None (small_fills.c). */
const small_fill *fill_in(PyObject *capsule);

/* A new array for a fill (small_fills.c). */
PyObject *new_array(const small_fill *fill);

/* The memory of an array that takes the fill as it is; null for all else (small_fills.c). */
void *memory_of(PyObject *out, const small_fill *fill);

/* fi_fill_many, where kernels may be ORTHOGONAL; without the interpreter's lock. -1 where there is no memory (small_fills.c). */
int run_fills(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
              const uint64_t *counts, void *const *outs);

/* Writes the first `count` values; -1 with an error set where there is no memory (small_fills.c). */
int run_fill(const small_fill *fill, const uint32_t words[4], uint64_t count, void *memory);

/* Fills an array of any strides; 0 where it does not take the fill as it is, and with an error set where there is no memory
   (small_fills.c). */
int run_strided(const small_fill *fill, const uint32_t words[4], PyObject *out);

/* The functions and types of the module. */
PyObject *attributes_to_search(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *stream(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *streams(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *new_small_fill(PyObject *module, PyObject *args);
PyObject *run(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *fill_many(PyObject *module, PyObject *args);
PyObject *plan_many(PyObject *module, PyObject *args);
PyObject *run_many(PyObject *module, PyObject *args);
PyObject *bind_torch(PyObject *module, PyObject *args);
PyObject *bind_recording(PyObject *module, PyObject *args);
PyObject *bind_draws(PyObject *module, PyObject *args);
PyObject *bind_resets(PyObject *module, PyObject *args);
PyObject *bind_empty(PyObject *module, PyObject *args);
PyObject *recorded_draw(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *recorded_reset(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *recorded_empty(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *named);
PyObject *recorded_ref(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *recorded_tensors(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *tensor_source(PyObject *module, PyObject *options);
PyObject *hold_tensors(PyObject *module, PyObject *change);
PyObject *plain_address(PyObject *module, PyObject *tensor);
extern PyType_Spec remembered_fills_spec;

#endif
