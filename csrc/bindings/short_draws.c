/* Methods of the Generator that draw a few values without running Python code, which would take longer than the draw. Calls
   with other than the simplest valid arguments are passed on to the method written in Python. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION /* runs with that NumPy and every later one */
#include <numpy/arrayobject.h>

#include "api.h"

/* The functions of fastinit._kernels, and the most values that one call may draw; set by `bind`. */
static __typeof__(fi_draw) *draw;
static __typeof__(fi_draw_integers) *draw_integers;
static long most;

static PyObject *method_type, *generator_type, *float32_type, *float64_type, *cursor_name, *size_name, *dtype_name;

/* A method's arguments before `size`, which give the kernel's two parameters. */
enum form {
    STANDARD,     /* none; the parameters are the defaults */
    SCALE,        /* scale > 0 */
    LOC_SCALE,    /* loc, scale > 0 */
    LOW_HIGH,     /* low < high; the parameters are low and high - low */
    INTEGER_RANGE /* low and perhaps high, integers */
};
static const int numbers_of[] = {0, 1, 2, 2, 2};

typedef struct {
    PyObject_HEAD
    PyObject *method; /* written in Python, takes any arguments */
    PyObject *single; /* NumPy's method, for one value */
    PyObject *dict;
    int form;
    int kernel32, kernel64; /* numbers of kernels, or -1; for integers, the kernels with one and two words per value */
    double defaults[2];
} short_draw;

/* The arguments of a call; null where not given. */
struct arguments { PyObject *generator, *number[2], *size, *dtype; };

/* Sorts a call's arguments into `into`; 0 where there are any that a short draw does not have. */
static int parse_arguments(const short_draw *self, PyObject *args, PyObject *named, struct arguments *into)
{
    Py_ssize_t n = PyTuple_Size(args), numbers = numbers_of[self->form], named_left = named ? PyDict_Size(named) : 0;
    memset(into, 0, sizeof *into);
    if (n < 1 || n > numbers + 3)
        return 0;
    into->generator = PyTuple_GetItem(args, 0);
    for (Py_ssize_t i = 1; i < n; i++) {
        PyObject *argument = PyTuple_GetItem(args, i);
        if (i <= numbers)
            into->number[i - 1] = argument;
        else
            *(i == numbers + 1 ? &into->size : &into->dtype) = argument;
    }
    PyObject *size = named_left ? PyDict_GetItemWithError(named, size_name) : NULL;
    PyObject *dtype = named_left ? PyDict_GetItemWithError(named, dtype_name) : NULL;
    if ((size && into->size) || (dtype && into->dtype))
        return 0;
    into->size = size ? size : into->size;
    into->dtype = dtype ? dtype : into->dtype;
    return named_left == (size != NULL) + (dtype != NULL);
}

/* A float or int, no subclass, as a double; NAN for anything else, which no short draw takes. */
static double plain_number(PyObject *object)
{
    double number = PyFloat_CheckExact(object) || PyLong_CheckExact(object) ? PyFloat_AsDouble(object) : NAN;
    if (PyErr_Occurred()) { /* an int beyond double */
        PyErr_Clear();
        return NAN;
    }
    return number;
}

/* The kernel's parameters; 0 where the numbers are not those of a short draw. */
static int parameters_of(const short_draw *self, const struct arguments *given, double parameters[2])
{
    parameters[0] = self->defaults[0];
    parameters[1] = self->defaults[1];
    for (int i = 0; i < numbers_of[self->form]; i++)
        if (given->number[i])
            parameters[i] = plain_number(given->number[i]);
    if (self->form == LOW_HIGH)
        parameters[1] -= parameters[0];
    double positive = parameters[self->form == LOC_SCALE || self->form == LOW_HIGH];
    return isfinite(parameters[0]) && isfinite(parameters[1]) && (self->form == STANDARD || positive > 0);
}

/* `size` as a number of values; 0 where it is not the size of a short draw. */
static long length_of(PyObject *size)
{
    long n = size && PyLong_CheckExact(size) ? PyLong_AsLong(size) : 0;
    if (PyErr_Occurred())
        PyErr_Clear();
    return n > 0 && n <= most ? n : 0;
}

/* The generator's cursor; null where it is not a generator, or where Python is moving the cursor: the method in Python waits
   until that is done. */
static fi_cursor *cursor_of(PyObject *generator)
{
    PyObject *address =
        PyObject_IsInstance(generator, generator_type) == 1 ? PyObject_GetAttr(generator, cursor_name) : NULL;
    fi_cursor *cursor = address ? PyLong_AsVoidPtr(address) : NULL;
    Py_XDECREF(address);
    PyErr_Clear();
    return cursor && !cursor->held ? cursor : NULL;
}

/* A new array of the values; null, without an error set, where this is not a short draw. */
static PyObject *drawn_floats(const short_draw *self, const struct arguments *given)
{
    double parameters[2];
    int narrow = given->dtype && given->dtype == float32_type;
    int kernel = narrow ? self->kernel32 : self->kernel64;
    npy_intp n = length_of(given->size);
    if (!n || kernel < 0 || (given->dtype && !narrow && given->dtype != float64_type))
        return NULL;
    fi_cursor *cursor = parameters_of(self, given, parameters) ? cursor_of(given->generator) : NULL;
    PyObject *out = cursor ? PyArray_SimpleNew(1, &n, narrow ? NPY_FLOAT32 : NPY_FLOAT64) : NULL;
    if (out)
        draw(cursor, kernel, parameters[0], parameters[1], PyArray_DATA((PyArrayObject *)out), (uint64_t)n);
    return out;
}

static PyObject *drawn_integers(const short_draw *self, const struct arguments *given)
{
    npy_intp n = length_of(given->size);
    int overflow[2] = {0, 0};
    long long bound[2] = {0, 0};
    int bounds = given->number[1] && given->number[1] != Py_None ? 2 : 1;
    if (!n || given->dtype || !given->number[0])
        return NULL;
    for (int i = 0; i < bounds; i++) {
        if (!PyLong_CheckExact(given->number[i]))
            return NULL;
        bound[i] = PyLong_AsLongLongAndOverflow(given->number[i], &overflow[i]);
    }
    long long low = bounds == 2 ? bound[0] : 0, high = bound[bounds - 1];
    if (overflow[0] || overflow[1] || low >= high)
        return NULL;
    uint64_t count = (uint64_t)high - (uint64_t)low;
    int one_word = count <= 1u << 24; /* _LARGEST_NARROW_RANGE of generator.py */
    fi_cursor *cursor = cursor_of(given->generator);
    PyObject *out = cursor ? PyArray_SimpleNew(1, &n, NPY_INT64) : NULL;
    if (out)
        draw_integers(cursor, one_word ? self->kernel32 : self->kernel64, (uint64_t)low, count,
                      one_word ? (1ull << 32) % count : -count % count, PyArray_DATA((PyArrayObject *)out), (uint64_t)n);
    return out;
}

/* Whether the call asks for one value, with plain numbers. */
static int is_single(const short_draw *self, const struct arguments *given)
{
    double parameters[2];
    if (given->size || given->dtype)
        return 0;
    return self->form != INTEGER_RANGE && parameters_of(self, given, parameters);
}

static PyObject *short_draw_call(PyObject *object, PyObject *args, PyObject *named)
{
    short_draw *self = (short_draw *)object;
    struct arguments given;
    PyObject *out = NULL;
    if (!parse_arguments(self, args, named, &given))
        return PyObject_Call(self->method, args, named);
    if (is_single(self, &given))
        return PyObject_Call(self->single, args, named);
    out = self->form == INTEGER_RANGE ? drawn_integers(self, &given) : drawn_floats(self, &given);
    return out || PyErr_Occurred() ? out : PyObject_Call(self->method, args, named);
}

/* short_draw(method, single, form, kernel32, kernel64, default, default) */
static PyObject *short_draw_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *method, *single;
    int form, kernel32, kernel64;
    double defaults[2];
    (void)named;
    if (!PyArg_ParseTuple(args, "OOiiidd", &method, &single, &form, &kernel32, &kernel64, &defaults[0], &defaults[1]))
        return NULL;
    short_draw *self = (short_draw *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    self->method = Py_NewRef(method);
    self->single = Py_NewRef(single);
    self->form = form;
    self->kernel32 = kernel32;
    self->kernel64 = kernel64;
    self->defaults[0] = defaults[0];
    self->defaults[1] = defaults[1];
    return (PyObject *)self;
}

static PyObject *short_draw_get(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)owner;
    if (!instance || instance == Py_None)
        return Py_NewRef(self);
    return PyObject_CallFunctionObjArgs(method_type, self, instance, NULL);
}

/* Pickled and copied by name, as functions are. */
static PyObject *short_draw_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyObject_GetAttrString(self, "__qualname__");
}

static int short_draw_traverse(PyObject *object, visitproc visit, void *arg)
{
    short_draw *self = (short_draw *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->method);
    Py_VISIT(self->single);
    Py_VISIT(self->dict);
    return 0;
}

static int short_draw_clear(PyObject *object)
{
    short_draw *self = (short_draw *)object;
    Py_CLEAR(self->method);
    Py_CLEAR(self->single);
    Py_CLEAR(self->dict);
    return 0;
}

static void short_draw_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    short_draw_clear(object);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyMethodDef short_draw_methods[] = {{"__reduce__", short_draw_reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyMemberDef short_draw_members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(short_draw, dict), READONLY, NULL},
                                           {NULL, 0, 0, 0, NULL}};
static PyGetSetDef short_draw_attributes[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
                                              {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot short_draw_slots[] = {{Py_tp_new, short_draw_new},           {Py_tp_call, short_draw_call},
                                         {Py_tp_descr_get, short_draw_get},     {Py_tp_traverse, short_draw_traverse},
                                         {Py_tp_clear, short_draw_clear},       {Py_tp_dealloc, short_draw_dealloc},
                                         {Py_tp_methods, short_draw_methods},   {Py_tp_members, short_draw_members},
                                         {Py_tp_getset, short_draw_attributes}, {0, NULL}};
static PyType_Spec short_draw_spec = {"fastinit._short_draws.short_draw", sizeof(short_draw), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR,
                                      short_draw_slots};

/* bind(address of fi_draw, address of fi_draw_integers, the most values of one call) */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyObject *floats, *integers;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOl", &floats, &integers, &most))
        return NULL;
    *(void **)&draw = PyLong_AsVoidPtr(floats);
    *(void **)&draw_integers = PyLong_AsVoidPtr(integers);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {{"bind", bind, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "fastinit._short_draws", NULL, -1, functions, NULL, NULL, NULL, NULL};

static PyObject *attribute_of(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *attribute = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return attribute;
}

PyMODINIT_FUNC PyInit__short_draws(void)
{
    import_array();
    PyObject *module = PyModule_Create(&definition), *type = PyType_FromSpec(&short_draw_spec);
    method_type = attribute_of("types", "MethodType");
    generator_type = attribute_of("numpy.random", "Generator");
    float32_type = attribute_of("numpy", "float32");
    float64_type = attribute_of("numpy", "float64");
    cursor_name = PyUnicode_InternFromString("_cursor_address");
    size_name = PyUnicode_InternFromString("size");
    dtype_name = PyUnicode_InternFromString("dtype");
    if (!module || !type || !method_type || !generator_type || !float32_type || !float64_type || !cursor_name ||
        !size_name || !dtype_name)
        return NULL;
    return PyModule_AddObject(module, "short_draw", type) < 0 ? NULL : module;
}
