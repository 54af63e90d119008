/* Many small arrays filled together: planned under the interpreter's lock, then filled without it. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "seed_sequence.h"

static const char *const CAPSULE = "fastinit._calls.many_fills";

/* What fi_fill_many takes of `n` arrays. */
typedef struct {
    uint64_t n;
    int level;
    uint64_t *counts;
    void **outs;
    const double **parameters;
    int32_t *kernels;
    uint32_t *streams;
    PyObject *arrays, *known; /* that the pointers lead into */
} many_fills;

static void free_many(many_fills *many)
{
    Py_XDECREF(many->arrays);
    Py_XDECREF(many->known);
    free(many->counts); /* the one block of them all */
    free(many);
}

static void free_capsule(PyObject *capsule)
{
    free_many(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* With room for n arrays; null, with the error set, where there is no memory. */
static many_fills *new_many(size_t n)
{
    many_fills *many = calloc(1, sizeof *many);
    char *memory = malloc((n + 1) * (sizeof(uint64_t) + 2 * sizeof(void *) + 5 * sizeof(int32_t)));
    if (!many || !memory) {
        free(many);
        free(memory);
        PyErr_NoMemory();
        return NULL;
    }
    many->counts = (uint64_t *)memory;
    many->outs = (void **)(many->counts + n);
    many->parameters = (const double **)(many->outs + n);
    many->kernels = (int32_t *)(many->parameters + n);
    many->streams = (uint32_t *)(many->kernels + n);
    return many;
}

/* What the plan of many tensors is made from. */
typedef struct {
    PyObject *given, *learn; /* arguments of plan_many */
    PyObject *known;         /* by the address of what is given a dictionary of fills by shape */
    PyObject *last_given, *of_last;
} fills_by_shape;

/* The dictionary of the fills of what is given for a name; null with an error set, or without one where there is none. */
static PyObject *fills_of(fills_by_shape *fills, PyObject *name)
{
    PyObject *given = PyDict_GetItemWithError(fills->given, name);
    if (!given || given == fills->last_given)
        return given ? fills->of_last : NULL;
    PyObject *address = PyLong_FromVoidPtr(given);
    PyObject *found = address ? PyDict_GetItemWithError(fills->known, address) : NULL;
    if (address && !found && !PyErr_Occurred() && (found = PyDict_New())) {
        int failed = PyDict_SetItem(fills->known, address, found) < 0;
        Py_DECREF(found); /* the dictionary has it */
        found = failed ? NULL : found;
    }
    Py_XDECREF(address);
    fills->last_given = given;
    fills->of_last = found;
    return found;
}

/* The capsule with the fill of a tensor, or None for one that is left to Python; null as in fills_of. */
static PyObject *fill_of(fills_by_shape *fills, PyObject *name, PyObject *shape)
{
    PyObject *known = fills_of(fills, name);
    PyObject *found = known ? PyDict_GetItemWithError(known, shape) : NULL;
    if (found || !known || PyErr_Occurred())
        return found;
    found = PyObject_CallFunctionObjArgs(fills->learn, fills->last_given, shape, NULL);
    int failed = !found || PyDict_SetItem(known, shape, found) < 0;
    Py_XDECREF(found); /* the dictionary has it */
    return failed ? NULL : found;
}

/* Adds a tensor to the plan, with a new array or out[name]; -1 with an error set, 0 where it is left to Python. */
static int add(many_fills *many, const small_fill *fill, PyObject *name, PyObject *out, const seed_entropy *entropy)
{
    PyObject *array = out == Py_None ? new_array(fill) : Py_XNewRef(PyDict_GetItemWithError(out, name));
    void *memory = NULL;
    if (array && out == Py_None)
        memory = PyArray_DATA((PyArrayObject *)array);
    else if (array)
        memory = PyLong_CheckExact(array) ? PyLong_AsVoidPtr(array) : memory_of(array, fill); /* its address, or itself */
    int failed = PyErr_Occurred() || PyDict_SetItem(many->arrays, name, array && memory ? array : Py_None) < 0;
    Py_XDECREF(array);
    if (failed || !memory)
        return failed ? -1 : 0;
    uint64_t i = many->n++;
    many->level = fill->level;
    many->kernels[i] = fill->kernel;
    many->parameters[i] = fill->parameters;
    many->counts[i] = fill->count;
    many->outs[i] = memory;
    if (fill->kernel >= 0 || fill->kernel == ORTHOGONAL) /* a constant has no stream */
        stream_of_entropy(entropy, many->streams + 4 * i);
    return 1;
}

/* Where threads may cut the plan: behind `most` arrays or values. */
typedef struct {
    uint64_t most_arrays, most_values, first, values, all_values;
    PyObject *ends;
} division;

static int divide(division *division, const many_fills *many, int is_last)
{
    if (!is_last) {
        division->values += many->counts[many->n - 1];
        division->all_values += many->counts[many->n - 1];
    }
    uint64_t arrays = many->n - division->first;
    if (!arrays || !(is_last || arrays >= division->most_arrays || division->values >= division->most_values))
        return 0;
    PyObject *end = PyLong_FromUnsignedLongLong(many->n);
    int failed = !end || PyList_Append(division->ends, end) < 0;
    Py_XDECREF(end);
    division->first = many->n;
    division->values = 0;
    return failed ? -1 : 0;
}

/* plan_many(shapes, given, entropy, out, learn, most_arrays, most_values): a plan for the tensors of these names.

   `shapes`, `given` and `out` (or None): dictionaries by name, the last one of arrays, or of the addresses of memory that takes
   the values as they are, which the caller keeps; learn(given[name], shape) makes a tensor's fill, and is
   called once for each shape; None leaves it to Python. `entropy`: bytes, the words before the name's. Returns (arrays, left,
   ends, values, plan): the arrays by name, None for the names in the list `left`; and for run_many the places where parts of
   the plan end, and how many values it has. Nothing is written yet. None where something is not plain. */
PyObject *plan_many(PyObject *module, PyObject *args)
{
    PyObject *shapes, *out, *names = NULL, *all_shapes = NULL, *left = PyList_New(0), *result = NULL;
    fills_by_shape fills = {.known = PyDict_New()};
    division division = {.ends = PyList_New(0)};
    const char *entropy_words;
    Py_ssize_t length;
    unsigned long long most_arrays, most_values;
    uint32_t key[4];
    many_fills *many = NULL;
    int is_plain = 1;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!y#OOKK", &PyDict_Type, &shapes, &PyDict_Type, &fills.given, &entropy_words, &length,
                          &out, &fills.learn, &most_arrays, &most_values))
        goto done;
    names = PyDict_Keys(shapes);
    all_shapes = PyDict_Values(shapes);
    if (!left || !fills.known || !division.ends || !names || !all_shapes || !(many = new_many((size_t)PyList_Size(names))))
        goto done;
    many->arrays = PyDict_New();
    many->known = Py_NewRef(fills.known);
    division.most_arrays = most_arrays;
    division.most_values = most_values;
    const seed_entropy entropy = {(const uint32_t *)entropy_words, key, (uint64_t)length / 4, 4};
    is_plain = many->arrays && !is_overridden() && (out == Py_None || PyDict_CheckExact(out));
    for (Py_ssize_t i = 0; is_plain && i < PyList_Size(names); i++) {
        PyObject *name = PyList_GetItem(names, i), *shape = PyList_GetItem(all_shapes, i);
        if (!(is_plain = is_plain_shape(shape) && words_of_name(name, key)))
            break;
        PyObject *capsule = fill_of(&fills, name, shape);
        const small_fill *fill = capsule ? fill_in(capsule) : NULL;
        int added = fill ? add(many, fill, name, out, &entropy) : PyErr_Occurred() ? -1 : 0;
        if (!fill && added == 0)
            added = PyDict_SetItem(many->arrays, name, Py_None);
        if (added < 0 || (added == 0 && PyList_Append(left, name) < 0) || (added == 1 && divide(&division, many, 0) < 0))
            goto done;
    }
    if (is_plain && !PyErr_Occurred() && divide(&division, many, 1) == 0) {
        PyObject *plan = PyCapsule_New(many, CAPSULE, free_capsule);
        result =
            plan ? Py_BuildValue("OOOKO", many->arrays, left, division.ends, (unsigned long long)division.all_values, plan)
                 : NULL;
        many = plan ? NULL : many;
        Py_XDECREF(plan);
    }
done:
    if (many)
        free_many(many);
    Py_XDECREF(names);
    Py_XDECREF(all_shapes);
    Py_XDECREF(left);
    Py_XDECREF(fills.known);
    Py_XDECREF(division.ends);
    return is_plain ? result : none();
}

/* run_many(plan, first, last): fill arrays `first` to `last` - 1 of the plan. Several threads may, each its part. */
PyObject *run_many(PyObject *module, PyObject *args)
{
    PyObject *plan;
    unsigned long long first, last;
    (void)module;
    const many_fills *many =
        PyArg_ParseTuple(args, "OKK", &plan, &first, &last) ? PyCapsule_GetPointer(plan, CAPSULE) : NULL;
    if (!many)
        return NULL;
    if (first > last || last > many->n)
        return PyErr_Format(PyExc_ValueError, "run_many takes a part of %llu arrays", (unsigned long long)many->n);
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = run_fills(many->level, last - first, many->kernels + first, many->streams + 4 * first,
                                              many->parameters + first, many->counts + first, many->outs + first);
    Py_END_ALLOW_THREADS return failed ? PyErr_NoMemory() : Py_NewRef(Py_None);
}

/* fill_many(level, kernels, streams, parameters, outs): fi_fill_many. Lists, of kernels' numbers, arrays of float64 and arrays
   that are one block of memory each; `streams`: 16 bytes for each array. */
PyObject *fill_many(PyObject *module, PyObject *args)
{
    const char *streams_of_all;
    Py_ssize_t length;
    PyObject *kernels, *parameters, *outs;
    int level;
    (void)module;
    if (!PyArg_ParseTuple(args, "iO!y#O!O!", &level, &PyList_Type, &kernels, &streams_of_all, &length, &PyList_Type,
                          &parameters, &PyList_Type, &outs))
        return NULL;
    Py_ssize_t n = PyList_Size(outs);
    many_fills *many = new_many((size_t)n);
    if (!many)
        return NULL;
    int valid = PyList_Size(kernels) == n && PyList_Size(parameters) == n && length == 16 * n;
    for (Py_ssize_t i = 0; valid && i < n; i++) {
        PyObject *row = PyList_GetItem(parameters, i), *out = PyList_GetItem(outs, i);
        many->kernels[i] = (int32_t)PyLong_AsLong(PyList_GetItem(kernels, i));
        valid = PyArray_Check(row) && PyArray_TYPE((PyArrayObject *)row) == NPY_FLOAT64 && PyArray_Check(out) &&
                PyArray_ISCARRAY((PyArrayObject *)out) && !PyErr_Occurred();
        many->parameters[i] = valid ? PyArray_DATA((PyArrayObject *)row) : NULL;
        many->outs[i] = valid ? PyArray_DATA((PyArrayObject *)out) : NULL;
        many->counts[i] = valid ? (uint64_t)PyArray_SIZE((PyArrayObject *)out) : 0;
    }
    if (valid) {
        Py_BEGIN_ALLOW_THREADS fill_many_kernels(level, (uint64_t)n, many->kernels, (const uint32_t *)streams_of_all,
                                                 many->parameters, many->counts, many->outs);
        Py_END_ALLOW_THREADS
    }
    free_many(many);
    if (!valid && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "fill_many takes lists of one length, of kernels, parameters and blocks of memory");
    return valid ? Py_NewRef(Py_None) : NULL;
}
