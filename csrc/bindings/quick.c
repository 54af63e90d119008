/* The common calls without running Python code, which would take longer than the fill itself: the streams of seeds and names,
   and fills of small arrays whose arguments were seen before. Whatever is not plain is left to the code in Python, which the
   functions say by returning None. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION /* runs with that NumPy and every later one */
#include <numpy/arrayobject.h>

#include "blake2b.h"
#include "kernels.h"
#include "seed_sequence.h"

enum {
    MOST_AXES = 8,
    MOST_PARAMETERS = 8,
    MOST_KNOWN = 4096,         /* fills that are remembered for one function */
    LEAST_WITHOUT_LOCK = 8192, /* values, from which on the interpreter's lock is released: some microseconds */
};

/* fi_fill and fi_fill_many of fastinit._kernels, set by `bind`. */
static __typeof__(fi_fill) *fill_kernel;
static __typeof__(fi_fill_many) *fill_many_kernels;
/* How many blocks are in force that chose another backend than the default one: then nothing is done here. */
static long overrides;

static PyObject *none(void)
{
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

/* The words of a plain int of at most 64 bits, lowest first: how many, or 0 for anything else. */
static int words_of_seed(PyObject *seed, uint32_t words[2])
{
    uint64_t value = PyLong_CheckExact(seed) ? PyLong_AsUnsignedLongLong(seed) : 0;
    if (!PyLong_CheckExact(seed) || PyErr_Occurred())
        return 0;
    words[0] = (uint32_t)value;
    words[1] = (uint32_t)(value >> 32);
    return words[1] ? 2 : 1;
}

/* The words of a name; 0 where it is no plain string that UTF-8 can hold. */
static int words_of_name(PyObject *name, uint32_t words[4])
{
    Py_ssize_t length = 0;
    const char *letters = PyUnicode_CheckExact(name) ? PyUnicode_AsUTF8AndSize(name, &length) : NULL;
    if (!letters)
        return 0;
    blake2b_words((const uint8_t *)letters, (uint64_t)length, words);
    return 1;
}

/* The words of the stream of a seed and a name, or of no name (None); 0 where one of them is not plain. */
static int stream_of_seed(PyObject *seed, PyObject *name, uint32_t stream[4])
{
    uint32_t words[2], key[4];
    seed_entropy entropy = {words, key, 0, name == Py_None ? 0 : 4};
    entropy.n = (uint64_t)words_of_seed(seed, words);
    if (!entropy.n || (name != Py_None && !words_of_name(name, key)))
        return 0;
    stream_of_entropy(&entropy, stream);
    return 1;
}

/* stream(seed, name): the four words. */
static PyObject *stream(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    uint32_t words[4];
    (void)module;
    if (n != 2 || !stream_of_seed(args[0], args[1], words))
        return none();
    PyObject *made = PyTuple_New(4);
    for (int i = 0; made && i < 4; i++) {
        PyObject *word = PyLong_FromUnsignedLong(words[i]);
        if (!word || PyTuple_SetItem(made, i, word) < 0)
            Py_CLEAR(made);
    }
    return made;
}

/* streams(entropy, names): for each of a list of names the words of the stream of its digest as the last part of the key;
   `entropy`: bytes, the words before it. */
static PyObject *streams(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 2 || !PyBytes_CheckExact(args[0]) || !PyList_CheckExact(args[1]))
        return none();
    Py_ssize_t count = PyList_Size(args[1]);
    PyObject *made = PyBytes_FromStringAndSize(NULL, 16 * count);
    char *out = made ? PyBytes_AsString(made) : NULL;
    uint32_t key[4], words[4];
    seed_entropy entropy = {(const uint32_t *)PyBytes_AsString(args[0]), key, (uint64_t)PyBytes_Size(args[0]) / 4, 4};
    for (Py_ssize_t i = 0; out && i < count; i++) {
        if (!words_of_name(PyList_GetItem(args[1], i), key)) {
            Py_DECREF(made);
            return none();
        }
        stream_of_entropy(&entropy, words);
        memcpy(out + 16 * i, words, 16);
    }
    return made;
}

/* A fill whose arguments were seen before: all but the stream and the memory. */
typedef struct {
    int level, kernel, axes;
    npy_intp lengths[MOST_AXES];
    uint64_t count;
    double parameters[MOST_PARAMETERS];
    PyArray_Descr *dtype;
} known_fill;

typedef struct {
    PyObject_HEAD
    PyObject *known; /* known fills, each in a capsule, by what was asked for */
} quick_fills;

/* What an argument contributes to the kinds of a key: equal arguments of other types, as 1, 1.0 and True, or 0.0 and -0.0,
   mean other things. Negative for one that is not plain. */
static int kind_of(PyObject *argument)
{
    if (PyLong_CheckExact(argument))
        return 0;
    if (PyFloat_CheckExact(argument))
        return signbit(PyFloat_AsDouble(argument)) ? 2 : 1;
    if (argument == Py_None || PyUnicode_CheckExact(argument) || PyType_Check(argument) || PyArray_DescrCheck(argument))
        return 3;
    return -1;
}

/* Adds an argument to a key. Steals nothing; 0 where it is not plain. */
static int add_to_key(PyObject *key, Py_ssize_t at, PyObject *argument, long *kinds)
{
    int kind = kind_of(argument);
    *kinds = *kinds * 4 + kind;
    return kind >= 0 && at < 30 && PyTuple_SetItem(key, at, Py_NewRef(argument)) == 0;
}

static int is_plain_shape(PyObject *shape)
{
    if (PyLong_CheckExact(shape))
        return 1;
    int plain = PyTuple_CheckExact(shape);
    for (Py_ssize_t i = 0; plain && i < PyTuple_Size(shape); i++)
        plain = PyLong_CheckExact(PyTuple_GetItem(shape, i));
    return plain;
}

enum { SHAPE, POSITIONAL, NAMED, DTYPE, LAYOUT, ARGUMENTS };

/* What is asked for, as the key of a dictionary: the shape, the kinds of the arguments, and these; null for what is not plain. */
static PyObject *key_of(PyObject *const *args)
{
    if (!is_plain_shape(args[SHAPE]) || !PyTuple_CheckExact(args[POSITIONAL]) || !PyDict_CheckExact(args[NAMED]))
        return NULL;
    Py_ssize_t positional = PyTuple_Size(args[POSITIONAL]), at = 2, in_dictionary = 0;
    PyObject *key = PyTuple_New(4 + positional + 2 * PyDict_Size(args[NAMED])), *name, *value, *kinds_object = NULL;
    long kinds = positional;
    int plain = key && PyTuple_SetItem(key, 0, Py_NewRef(args[SHAPE])) == 0;
    for (Py_ssize_t i = 0; plain && i < positional; i++)
        plain = add_to_key(key, at++, PyTuple_GetItem(args[POSITIONAL], i), &kinds);
    while (plain && PyDict_Next(args[NAMED], &in_dictionary, &name, &value))
        plain = add_to_key(key, at, name, &kinds) && add_to_key(key, at + 1, value, &kinds) && (at += 2);
    plain = plain && add_to_key(key, at, args[DTYPE], &kinds) && add_to_key(key, at + 1, args[LAYOUT], &kinds);
    plain = plain && (kinds_object = PyLong_FromLong(kinds)) && PyTuple_SetItem(key, 1, kinds_object) == 0;
    if (!plain)
        Py_CLEAR(key);
    return key;
}

/* The memory of an array that takes the fill as it is; null for others. */
static void *memory_of(PyObject *out, const known_fill *fill)
{
    if (Py_TYPE(out) != &PyArray_Type)
        return NULL;
    PyArrayObject *array = (PyArrayObject *)out;
    int fits = PyArray_DESCR(array) == fill->dtype && PyArray_NDIM(array) == fill->axes && PyArray_ISCARRAY(array);
    fits = fits && memcmp(PyArray_DIMS(array), fill->lengths, (size_t)fill->axes * sizeof(npy_intp)) == 0;
    return fits ? PyArray_DATA(array) : NULL;
}

static void run_fill(const known_fill *fill, const uint32_t words[4], void *memory)
{
    const uint64_t start = 0;
    PyThreadState *state = fill->count >= LEAST_WITHOUT_LOCK ? PyEval_SaveThread() : NULL;
    fill_kernel(fill->level, fill->kernel, words, fill->parameters, &start, 1, fill->count, 1, memory, 0, 0);
    if (state)
        PyEval_RestoreThread(state);
}

enum { SEED = ARGUMENTS, NAME, OUT, FILL_ARGUMENTS };

/* find(shape, positional, named, dtype, layout): the fill that such a call is, for `run`. None where it is one for Python, and
   False where it could be learned. */
static PyObject *quick_fills_find(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *key = n >= ARGUMENTS && !overrides ? key_of(args) : NULL;
    PyObject *found = key ? PyDict_GetItemWithError(((quick_fills *)self)->known, key) : NULL;
    Py_XDECREF(key);
    return found ? Py_NewRef(found) : key && !PyErr_Occurred() ? Py_NewRef(Py_False) : none();
}

/* fill(shape, positional, named, dtype, layout, seed, name, out): the filled array; where the call is for Python, as `find`. */
static PyObject *quick_fills_fill(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *found = n == FILL_ARGUMENTS ? quick_fills_find(self, args, n) : none(), *made = NULL;
    if (!found || !PyCapsule_CheckExact(found))
        return found;
    const known_fill *fill = PyCapsule_GetPointer(found, NULL);
    uint32_t words[4];
    if (stream_of_seed(args[SEED], args[NAME], words)) {
        void *memory = args[OUT] == Py_None ? NULL : memory_of(args[OUT], fill);
        if (args[OUT] == Py_None) {
            made = PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)Py_NewRef((PyObject *)fill->dtype), fill->axes,
                                        fill->lengths, NULL, NULL, 0, NULL);
            memory = made ? PyArray_DATA((PyArrayObject *)made) : NULL;
        } else if (memory) {
            made = Py_NewRef(args[OUT]);
        }
        if (memory)
            run_fill(fill, words, memory);
    }
    Py_DECREF(found);
    return made || (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) ? made : none();
}

/* run(found, stream, address): fill the memory there, which the caller has checked. */
static PyObject *run(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    const known_fill *fill = n == 3 ? PyCapsule_GetPointer(args[0], NULL) : NULL;
    void *memory = n == 3 ? PyLong_AsVoidPtr(args[2]) : NULL;
    uint32_t words[4];
    (void)module;
    for (int i = 0; memory && i < 4; i++) {
        PyObject *word = PyTuple_GetItem(args[1], i);
        words[i] = word ? (uint32_t)PyLong_AsUnsignedLong(word) : 0;
    }
    if (!fill || !memory || PyErr_Occurred())
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "run takes a fill, a stream and an address");
    run_fill(fill, words, memory);
    return Py_NewRef(Py_None);
}

static void known_fill_free(PyObject *capsule)
{
    known_fill *fill = PyCapsule_GetPointer(capsule, NULL);
    Py_XDECREF(fill->dtype);
    free(fill);
}

/* learn(shape, positional, named, dtype, layout, level, kernel, parameters, lengths, element): remember the fill that such a
   call is; `parameters`: floats in a tuple, `lengths`: ints in one, `element`: the array's dtype. */
static PyObject *quick_fills_learn(PyObject *self, PyObject *args)
{
    PyObject *asked[ARGUMENTS], *parameters, *lengths, *dtype, *known = ((quick_fills *)self)->known;
    int level, kernel;
    if (!PyArg_ParseTuple(args, "OOOOOiiO!O!O!", &asked[SHAPE], &asked[POSITIONAL], &asked[NAMED], &asked[DTYPE],
                          &asked[LAYOUT], &level, &kernel, &PyTuple_Type, &parameters, &PyTuple_Type, &lengths,
                          &PyArrayDescr_Type, &dtype))
        return NULL;
    PyObject *key = key_of(asked);
    known_fill *fill = key ? calloc(1, sizeof *fill) : NULL;
    if (!fill || PyTuple_Size(parameters) > MOST_PARAMETERS || PyTuple_Size(lengths) > MOST_AXES) {
        Py_XDECREF(key);
        free(fill);
        return none();
    }
    *fill = (known_fill){.level = level, .kernel = kernel, .axes = (int)PyTuple_Size(lengths), .count = 1};
    fill->dtype = (PyArray_Descr *)Py_NewRef(dtype);
    for (int i = 0; i < PyTuple_Size(parameters); i++)
        fill->parameters[i] = PyFloat_AsDouble(PyTuple_GetItem(parameters, i));
    for (int i = 0; i < fill->axes; i++) {
        fill->lengths[i] = PyLong_AsSsize_t(PyTuple_GetItem(lengths, i));
        fill->count *= (uint64_t)fill->lengths[i];
    }
    PyObject *capsule = PyCapsule_New(fill, NULL, known_fill_free);
    if (PyDict_Size(known) >= MOST_KNOWN)
        PyDict_Clear(known);
    int failed = !capsule || PyErr_Occurred() || PyDict_SetItem(known, key, capsule) < 0;
    Py_XDECREF(capsule);
    Py_DECREF(key);
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *quick_fills_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)args, (void)named;
    quick_fills *self = (quick_fills *)PyType_GenericAlloc(type, 0);
    if (self && !(self->known = PyDict_New()))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void quick_fills_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((quick_fills *)self)->known);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef quick_fills_methods[] = {{"fill", (PyCFunction)(void (*)(void))quick_fills_fill, METH_FASTCALL, NULL},
                                            {"find", (PyCFunction)(void (*)(void))quick_fills_find, METH_FASTCALL, NULL},
                                            {"learn", quick_fills_learn, METH_VARARGS, NULL},
                                            {NULL, NULL, 0, NULL}};
static PyType_Slot quick_fills_slots[] = {
    {Py_tp_new, quick_fills_new}, {Py_tp_dealloc, quick_fills_dealloc}, {Py_tp_methods, quick_fills_methods}, {0, NULL}};
static PyType_Spec quick_fills_spec = {"fastinit._quick.QuickFills", sizeof(quick_fills), 0, Py_TPFLAGS_DEFAULT,
                                       quick_fills_slots};

/* What fi_fill_many takes of n arrays, in one block of memory. */
typedef struct {
    uint64_t *counts;
    void **outs;
    const double **parameters;
    int32_t *kernels;
} many_fills;

static many_fills new_many_fills(size_t n)
{
    char *memory = malloc((n + 1) * (sizeof(uint64_t) + 2 * sizeof(void *) + sizeof(int32_t)));
    many_fills fills = {(uint64_t *)memory};
    if (memory) {
        fills.outs = (void **)(fills.counts + n);
        fills.parameters = (const double **)(fills.outs + n);
        fills.kernels = (int32_t *)(fills.parameters + n);
    }
    return fills;
}

/* fill_many(level, kernels, streams, parameters, outs): fi_fill_many. Lists, of kernels' numbers, arrays of float64 and arrays
   that are one block of memory each; `streams`: 16 bytes for each array. */
static PyObject *fill_many(PyObject *module, PyObject *args)
{
    int level;
    const char *streams_of_all;
    Py_ssize_t length;
    PyObject *kernels, *parameters, *outs;
    (void)module;
    if (!PyArg_ParseTuple(args, "iO!y#O!O!", &level, &PyList_Type, &kernels, &streams_of_all, &length, &PyList_Type,
                          &parameters, &PyList_Type, &outs))
        return NULL;
    Py_ssize_t n = PyList_Size(outs);
    many_fills fills = new_many_fills((size_t)n);
    if (!fills.counts)
        return PyErr_NoMemory();
    int valid = PyList_Size(kernels) == n && PyList_Size(parameters) == n && length == 16 * n;
    for (Py_ssize_t i = 0; valid && i < n; i++) {
        PyObject *row = PyList_GetItem(parameters, i), *out = PyList_GetItem(outs, i);
        fills.kernels[i] = (int32_t)PyLong_AsLong(PyList_GetItem(kernels, i));
        valid = PyArray_Check(row) && PyArray_TYPE((PyArrayObject *)row) == NPY_FLOAT64 && PyArray_Check(out) &&
                PyArray_ISCARRAY((PyArrayObject *)out) && !PyErr_Occurred();
        fills.parameters[i] = valid ? PyArray_DATA((PyArrayObject *)row) : NULL;
        fills.outs[i] = valid ? PyArray_DATA((PyArrayObject *)out) : NULL;
        fills.counts[i] = valid ? (uint64_t)PyArray_SIZE((PyArrayObject *)out) : 0;
    }
    if (valid) {
        Py_BEGIN_ALLOW_THREADS fill_many_kernels(level, (uint64_t)n, fills.kernels, (const uint32_t *)streams_of_all,
                                                 fills.parameters, fills.counts, fills.outs);
        Py_END_ALLOW_THREADS
    }
    free(fills.counts);
    if (!valid && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "fill_many takes lists of one length, of kernels, parameters and blocks of memory");
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* bind(address of fi_fill, address of fi_fill_many) */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyObject *fill, *many;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &fill, &many))
        return NULL;
    *(void **)&fill_kernel = PyLong_AsVoidPtr(fill);
    *(void **)&fill_many_kernels = PyLong_AsVoidPtr(many);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* override(change): 1 where a block begins that chose a backend, -1 where it ends. */
static PyObject * override(PyObject *module, PyObject *change)
{
    (void)module;
    overrides += PyLong_AsLong(change);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {{"bind", bind, METH_VARARGS, NULL},
                                  {"fill_many", fill_many, METH_VARARGS, NULL},
                                  {"override", override, METH_O, NULL},
                                  {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL, NULL},
                                  {"stream", (PyCFunction)(void (*)(void))stream, METH_FASTCALL, NULL},
                                  {"streams", (PyCFunction)(void (*)(void))streams, METH_FASTCALL, NULL},
                                  {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "fastinit._quick", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__quick(void)
{
    import_array();
    PyObject *module = PyModule_Create(&definition), *type = PyType_FromSpec(&quick_fills_spec);
    if (!module || !type || PyModule_AddStringConstant(module, "stamp", STAMP) < 0) /* of fastinit/backends/sources.py */
        return NULL;
    return PyModule_AddObject(module, "QuickFills", type) < 0 ? NULL : module;
}
