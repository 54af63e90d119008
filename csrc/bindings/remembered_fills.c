/* Remembers the fills of small arrays that a function was asked for, so that the same call is answered in C the next time. */
#include <math.h>

#include "calls.h"

enum { MOST_KNOWN = 4096 }; /* fills that are remembered for one function */

typedef struct {
    PyObject_HEAD
    PyObject *known; /* fills, each in a capsule, by what was asked for */
} remembered_fills;

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
static int add_to_key(PyObject *key, Py_ssize_t at, PyObject *argument, uint64_t *kinds)
{
    int kind = kind_of(argument);
    *kinds = *kinds * 4 + (uint64_t)(kind > 0 ? kind : 0);
    return kind >= 0 && at < 30 && PyTuple_SetItem(key, at, Py_NewRef(argument)) == 0;
}

enum { SHAPE, POSITIONAL, NAMED, DTYPE, LAYOUT, ARGUMENTS };

/* What is asked for, as the key of a dictionary: the shape, the kinds of the arguments, and these; null for what is not plain. */
static PyObject *key_of(PyObject *const *args)
{
    if (!is_plain_shape(args[SHAPE]) || !PyTuple_CheckExact(args[POSITIONAL]) || !PyDict_CheckExact(args[NAMED]))
        return NULL;
    Py_ssize_t positional = PyTuple_Size(args[POSITIONAL]), at = 2, in_dictionary = 0;
    PyObject *key = PyTuple_New(4 + positional + 2 * PyDict_Size(args[NAMED])), *name, *value, *kinds_object = NULL;
    uint64_t kinds = (uint64_t)positional;
    int plain = key && PyTuple_SetItem(key, 0, Py_NewRef(args[SHAPE])) == 0;
    for (Py_ssize_t i = 0; plain && i < positional; i++)
        plain = add_to_key(key, at++, PyTuple_GetItem(args[POSITIONAL], i), &kinds);
    while (plain && PyDict_Next(args[NAMED], &in_dictionary, &name, &value))
        plain = add_to_key(key, at, name, &kinds) && add_to_key(key, at + 1, value, &kinds) && (at += 2);
    plain = plain && add_to_key(key, at, args[DTYPE], &kinds) && add_to_key(key, at + 1, args[LAYOUT], &kinds);
    plain = plain && (kinds_object = PyLong_FromUnsignedLongLong(kinds)) && PyTuple_SetItem(key, 1, kinds_object) == 0;
    if (!plain)
        Py_CLEAR(key);
    return key;
}

enum { SEED = ARGUMENTS, NAME, OUT, FILL_ARGUMENTS };

/* find(shape, positional, named, dtype, layout): the fill that such a call is. None where it is one for Python, and
   False where it could be learned. */
static PyObject *remembered_fills_find(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *key = n >= ARGUMENTS && !is_overridden() ? key_of(args) : NULL;
    PyObject *found = key ? PyDict_GetItemWithError(((remembered_fills *)self)->known, key) : NULL;
    Py_XDECREF(key);
    return found ? Py_NewRef(found) : key && !PyErr_Occurred() ? Py_NewRef(Py_False) : none();
}

/* fill(shape, positional, named, dtype, layout, seed, name, out): the filled array; where the call is for Python, as `find`. */
static PyObject *remembered_fills_fill(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *found = n == FILL_ARGUMENTS ? remembered_fills_find(self, args, n) : none(), *made = NULL;
    if (!found || !PyCapsule_CheckExact(found))
        return found;
    const small_fill *fill = fill_in(found);
    uint32_t words[4];
    if (stream_of_seed(args[SEED], args[NAME], words)) {
        void *memory = args[OUT] == Py_None ? NULL : memory_of(args[OUT], fill);
        if (args[OUT] == Py_None) {
            made = new_array(fill);
            memory = made ? PyArray_DATA((PyArrayObject *)made) : NULL;
        } else if (memory || run_strided(fill, words, args[OUT])) {
            made = Py_NewRef(args[OUT]);
        }
        if (memory && run_fill(fill, words, fill->count, memory))
            Py_CLEAR(made);
    }
    Py_DECREF(found);
    return made || (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) ? made : none();
}

/* learn(shape, positional, named, dtype, layout, fill): remember the fill that such a call is; None for Python. */
static PyObject *remembered_fills_learn(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *known = ((remembered_fills *)self)->known, *key = n == ARGUMENTS + 1 ? key_of(args) : NULL;
    if (!key)
        return none();
    if (PyDict_Size(known) >= MOST_KNOWN)
        PyDict_Clear(known);
    int failed = PyDict_SetItem(known, key, args[ARGUMENTS]) < 0;
    Py_DECREF(key);
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *remembered_fills_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)args, (void)named;
    remembered_fills *self = (remembered_fills *)PyType_GenericAlloc(type, 0);
    if (self && !(self->known = PyDict_New()))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void remembered_fills_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((remembered_fills *)self)->known);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

#define METHOD(name) {#name, (PyCFunction)(void (*)(void))remembered_fills_##name, METH_FASTCALL, NULL}
static PyMethodDef remembered_fills_methods[] = {METHOD(fill), METHOD(find), METHOD(learn), {NULL, NULL, 0, NULL}};
static PyType_Slot remembered_fills_slots[] = {{Py_tp_new, remembered_fills_new},
                                               {Py_tp_dealloc, remembered_fills_dealloc},
                                               {Py_tp_methods, remembered_fills_methods},
                                               {0, NULL}};
PyType_Spec remembered_fills_spec = {"fastinit._calls.RememberedFills", sizeof(remembered_fills), 0, Py_TPFLAGS_DEFAULT,
                                     remembered_fills_slots};
