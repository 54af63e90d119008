/* Fills of small arrays, which Python describes once, as values in capsules. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"

static const char *const CAPSULE = "fastinit._calls.small_fill";

static void free_capsule(PyObject *capsule)
{
    small_fill *fill = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_DECREF(fill->dtype);
    free(fill);
}

/* small_fill(level, kernel, parameters, lengths, dtype): the fill of arrays of these lengths. `parameters`: floats in a
   tuple, `lengths`: ints in one. None for more of them than are taken. For a constant, `kernel` is the number of an element's
   bytes below 0, and the first parameter begins with them. */
PyObject *new_small_fill(PyObject *module, PyObject *args)
{
    PyObject *parameters, *lengths, *dtype;
    int level, kernel;
    (void)module;
    if (!PyArg_ParseTuple(args, "iiO!O!O!", &level, &kernel, &PyTuple_Type, &parameters, &PyTuple_Type, &lengths,
                          &PyArrayDescr_Type, &dtype))
        return NULL;
    if (PyTuple_Size(parameters) > MOST_PARAMETERS || PyTuple_Size(lengths) > MOST_AXES)
        return none();
    if (kernel == ORTHOGONAL && !has_products())
        return none();
    small_fill *fill = calloc(1, sizeof *fill);
    if (!fill)
        return PyErr_NoMemory();
    *fill = (small_fill){.level = level, .kernel = kernel, .axes = (int)PyTuple_Size(lengths), .count = 1};
    fill->dtype = (PyArray_Descr *)Py_NewRef(dtype);
    for (int i = 0; i < PyTuple_Size(parameters); i++)
        fill->parameters[i] = PyFloat_AsDouble(PyTuple_GetItem(parameters, i));
    for (int i = 0; i < fill->axes; i++) {
        fill->lengths[i] = PyLong_AsSsize_t(PyTuple_GetItem(lengths, i));
        fill->count *= (uint64_t)fill->lengths[i];
    }
    PyObject *capsule = PyCapsule_New(fill, CAPSULE, free_capsule);
    if (PyErr_Occurred())
        Py_CLEAR(capsule);
    return capsule;
}

const small_fill *fill_in(PyObject *capsule)
{
    return capsule == Py_None ? NULL : PyCapsule_GetPointer(capsule, CAPSULE);
}

int is_plain_shape(PyObject *shape)
{
    if (PyLong_CheckExact(shape))
        return 1;
    int plain = PyTuple_CheckExact(shape);
    for (Py_ssize_t i = 0; plain && i < PyTuple_Size(shape); i++)
        plain = PyLong_CheckExact(PyTuple_GetItem(shape, i));
    return plain;
}

PyObject *new_array(const small_fill *fill)
{
    return PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)Py_NewRef((PyObject *)fill->dtype), fill->axes,
                                (npy_intp *)fill->lengths, NULL, NULL, 0, NULL);
}

void *memory_of(PyObject *out, const small_fill *fill)
{
    if (Py_TYPE(out) != &PyArray_Type)
        return NULL;
    PyArrayObject *array = (PyArrayObject *)out;
    int fits = PyArray_DESCR(array) == fill->dtype && PyArray_NDIM(array) == fill->axes && PyArray_ISCARRAY(array);
    fits = fits && PyArray_CompareLists(PyArray_DIMS(array), fill->lengths, fill->axes);
    return fits ? PyArray_DATA(array) : NULL;
}

int run_fills(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
              const uint64_t *counts, void *const *outs)
{
    int failed = 0;
    for (uint64_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && kernels[end] != ORTHOGONAL; end++)
            ;
        if (end > i)
            fill_many_kernels(level, end - i, kernels + i, streams + 4 * i, parameters + i, counts + i, outs + i);
        if (end < n)
            failed |= fill_orthogonal(level, streams + 4 * end, parameters[end], counts[end], outs[end]);
    }
    return failed;
}

int run_fill(const small_fill *fill, const uint32_t words[4], uint64_t count, void *memory)
{
    const int32_t kernel = fill->kernel;
    const double *parameters = fill->parameters;
    PyThreadState *state = count >= LEAST_WITHOUT_LOCK || kernel == ORTHOGONAL ? PyEval_SaveThread() : NULL;
    int failed = run_fills(fill->level, 1, &kernel, words, &parameters, &count, &memory);
    if (state)
        PyEval_RestoreThread(state);
    if (failed)
        PyErr_NoMemory();
    return failed;
}

/* Sorts the array's axes longer than 1 by the sizes of their strides, the shortest first, and returns how many there are; -1
   where elements may share memory, because a stride is shorter than what the axes before it cover. */
static int axes_apart(PyArrayObject *array, fi_axis *axes)
{
    int n = 0;
    int64_t step = 1, covered = PyArray_ITEMSIZE(array);
    for (int i = PyArray_NDIM(array) - 1; i >= 0; i--) {
        fi_axis axis = {(uint64_t)PyArray_DIM(array, i), step, PyArray_STRIDE(array, i)};
        step *= PyArray_DIM(array, i);
        if (axis.n == 1)
            continue;
        int k = n++;
        for (; k > 0 && llabs(axes[k - 1].stride) > llabs(axis.stride); k--)
            axes[k] = axes[k - 1];
        axes[k] = axis;
    }
    for (int i = 0; i < n; i++) {
        if (llabs(axes[i].stride) < covered)
            return -1;
        covered += llabs(axes[i].stride) * ((int64_t)axes[i].n - 1);
    }
    return n;
}

int run_strided(const small_fill *fill, const uint32_t words[4], PyObject *out)
{
    fi_axis axes[MOST_AXES];
    if (fill->kernel < 0 || Py_TYPE(out) != &PyArray_Type)
        return 0;
    PyArrayObject *array = (PyArrayObject *)out;
    int fits = PyArray_DESCR(array) == fill->dtype && PyArray_NDIM(array) == fill->axes && PyArray_ISBEHAVED(array);
    fits = fits && PyArray_CompareLists(PyArray_DIMS(array), fill->lengths, fill->axes);
    int n = fits ? axes_apart(array, axes) : -1;
    if (n < 0)
        return 0;
    PyThreadState *state = fill->count >= LEAST_WITHOUT_LOCK ? PyEval_SaveThread() : NULL;
    int failed = fill_axes_kernel(fill->level, fill->kernel, words, fill->parameters, 0, n, axes,
                                  (int)PyArray_ITEMSIZE(array), PyArray_DATA(array), 0, 1, NULL);
    if (state)
        PyEval_RestoreThread(state);
    if (failed)
        PyErr_NoMemory();
    return !failed;
}

/* run(fill, stream, address): fill the memory there, which the caller has checked. */
PyObject *run(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    const small_fill *fill = n == 3 ? fill_in(args[0]) : NULL;
    void *memory = fill ? PyLong_AsVoidPtr(args[2]) : NULL;
    uint32_t words[4];
    (void)module;
    for (int i = 0; memory && i < 4; i++) {
        PyObject *word = PyTuple_GetItem(args[1], i);
        words[i] = word ? (uint32_t)PyLong_AsUnsignedLong(word) : 0;
    }
    if (!memory || PyErr_Occurred())
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "run takes a fill, a stream and an address");
    return run_fill(fill, words, fill->count, memory) ? NULL : Py_NewRef(Py_None);
}
