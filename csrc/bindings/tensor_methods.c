/* torch.Tensor.normal_ and uniform_ under fastinit.torch.accelerate, for small plain tensors. Of torch it needs no header: it
   asks the tensor, and the functions that `bind_torch` was given. Any other call goes to the method written in Python. */
#include <math.h>
#include <string.h>

#include "calls.h"

enum { METHODS = 2, MOST_KNOWN = 4096 };

/* What is known of a method; set by bind_torch. */
static struct tensor_method {
    PyObject *in_python; /* the method written in Python, which takes any arguments */
    PyObject *learn;     /* learn(first, second, dtype): the fill, or None for one that is left to Python */
    PyObject *names;     /* of its two numbers, interned */
    PyObject *known;     /* fills by the numbers and the dtype */
} methods[METHODS];

static PyObject *defaults[2]; /* of the numbers of both methods */

/* Of torch, as bind_torch says. */
static PyObject *plain_types, *strided, *watchers, *compiler, *forward_ad, *is_grad_enabled, *random_words, *new_words,
    *increment_version;

static long most_values, holds;
static PyObject *source;     /* the options of random_words under `accelerate`; null where none is in force */
static PyObject *free_words; /* tuples as new_words gives, that no thread is using */

/* Names of attributes, interned. */
static struct {
    PyObject *is_cpu, *layout, *is_contiguous, *is_neg, *is_inference, *requires_grad, *numel, *dtype, *data_ptr, *level,
        *is_compiling, *generator;
} names;

/* Whether the attribute is this object, or the method gives it. */
static int is_attribute(PyObject *of, PyObject *name, PyObject *wanted)
{
    PyObject *found = PyObject_GetAttr(of, name);
    Py_XDECREF(found);
    return found == wanted;
}

static int gives(PyObject *tensor, PyObject *method, PyObject *wanted)
{
    PyObject *found = PyObject_CallMethodObjArgs(tensor, method, NULL);
    Py_XDECREF(found);
    return found == wanted;
}

/* Whether no mode, trace, transformation or compilation of torch's sees what is done to tensors. */
static int is_unwatched(void)
{
    int is = is_attribute(compiler, names.is_compiling, Py_False);
    for (Py_ssize_t i = 0; is && i < PyTuple_Size(watchers); i++) {
        PyObject *found = PyObject_CallNoArgs(PyTuple_GetItem(watchers, i)); /* None, False, or the length of a stack */
        is = found && PyObject_IsTrue(found) == 0;
        is = is && (found == Py_None || PyLong_Check(found));
        Py_XDECREF(found);
    }
    PyObject *level = is ? PyObject_GetAttr(forward_ad, names.level) : NULL;
    is = level && PyLong_AsLong(level) < 0;
    Py_XDECREF(level);
    return is;
}

/* Whether its memory is one block of its own: fastinit/torch/tensors.py, is_plain. */
static int is_block(PyObject *tensor)
{
    return PySequence_Contains(plain_types, (PyObject *)Py_TYPE(tensor)) == 1 &&
           is_attribute(tensor, names.is_cpu, Py_True) && is_attribute(tensor, names.layout, strided) &&
           gives(tensor, names.is_contiguous, Py_True) && gives(tensor, names.is_neg, Py_False) &&
           gives(tensor, names.is_inference, Py_False);
}

/* Whether it is one, and autograd need not know. */
static int is_plain(PyObject *tensor)
{
    if (!is_block(tensor))
        return 0;
    if (is_attribute(tensor, names.requires_grad, Py_False))
        return 1;
    PyObject *enabled = PyObject_CallNoArgs(is_grad_enabled);
    Py_XDECREF(enabled);
    return enabled == Py_False;
}

/* Sorts the arguments behind the tensor into the numbers; 0 where there are any that are not plain. */
static int parse(const struct tensor_method *method, PyObject *const *args, Py_ssize_t n, PyObject *named,
                 PyObject *numbers[2])
{
    numbers[0] = n > 0 ? args[0] : NULL;
    numbers[1] = n > 1 ? args[1] : NULL;
    for (Py_ssize_t i = 0; named && i < PyTuple_Size(named); i++) {
        PyObject *name = PyTuple_GetItem(named, i);
        int at = name == PyTuple_GetItem(method->names, 1);
        if (name == names.generator && args[n + i] == Py_None)
            continue;
        if (name != PyTuple_GetItem(method->names, at) || numbers[at])
            return 0;
        numbers[at] = args[n + i];
    }
    for (int i = 0; i < 2; i++) {
        numbers[i] = numbers[i] ? numbers[i] : defaults[i];
        if (!PyFloat_CheckExact(numbers[i]) && !PyLong_CheckExact(numbers[i]))
            return 0;
    }
    return n <= 2;
}

/* What distinguishes numbers that compare equal: their types, and the signs of zeros. */
static long kind_of(PyObject *number)
{
    return PyLong_CheckExact(number) ? 0 : signbit(PyFloat_AsDouble(number)) ? 2 : 1;
}

/* The capsule with the fill of these numbers and dtype, a new reference; null for one that is left to Python. */
static PyObject *fill_for(struct tensor_method *method, PyObject *numbers[2], PyObject *dtype)
{
    PyObject *key = Py_BuildValue("OOOl", numbers[0], numbers[1], dtype, kind_of(numbers[0]) * 4 + kind_of(numbers[1]));
    PyObject *found = key ? Py_XNewRef(PyDict_GetItemWithError(method->known, key)) : NULL;
    if (key && !found && !PyErr_Occurred()) {
        if (PyDict_Size(method->known) >= MOST_KNOWN)
            PyDict_Clear(method->known);
        found = PyObject_CallFunctionObjArgs(method->learn, numbers[0], numbers[1], dtype, NULL);
        if (found && PyDict_SetItem(method->known, key, found) < 0)
            Py_CLEAR(found);
    }
    Py_XDECREF(key);
    if (found == Py_None)
        Py_CLEAR(found);
    return found;
}

/* Draws the words of a new stream from torch's generator, as fastinit/torch/streams.py does; 0 with an error set. */
static int draw_stream(uint32_t stream[4])
{
    Py_ssize_t left = PyList_Size(free_words);
    PyObject *words = left ? Py_NewRef(PyList_GetItem(free_words, left - 1)) : PyObject_CallNoArgs(new_words);
    if (!words || (left && PyList_SetSlice(free_words, left - 1, left, NULL) < 0)) {
        Py_XDECREF(words);
        return 0;
    }
    PyObject *drawn = PyObject_Call(random_words, PyTuple_GetItem(words, 0), source);
    const int64_t *memory = drawn ? PyLong_AsVoidPtr(PyTuple_GetItem(words, 1)) : NULL;
    for (int i = 0; memory && i < 4; i++)
        stream[i] = (uint32_t)memory[i];
    int done = memory && PyList_Append(free_words, words) == 0;
    Py_XDECREF(drawn);
    Py_DECREF(words);
    return done;
}

/* Fills the tensor, of `count` elements at `address`, from a new stream; null with an error set. */
static PyObject *filled(PyObject *tensor, const small_fill *fill, uint64_t count, void *address)
{
    uint32_t stream[4];
    if (!draw_stream(stream) || run_fill(fill, stream, count, address))
        return NULL;
    PyObject *tensors = PyTuple_Pack(1, tensor);
    PyObject *risen = tensors ? PyObject_CallFunctionObjArgs(increment_version, tensors, NULL) : NULL;
    Py_XDECREF(tensors);
    Py_XDECREF(risen);
    return risen ? Py_NewRef(tensor) : NULL;
}

/* What a method of a tensor gives, as an integer; 0 where that fails. */
static uint64_t integer_of(PyObject *tensor, PyObject *method)
{
    PyObject *found = PyObject_CallMethodObjArgs(tensor, method, NULL);
    uint64_t integer = found ? PyLong_AsUnsignedLongLong(found) : 0;
    Py_XDECREF(found);
    return PyErr_Occurred() ? 0 : integer;
}

static PyObject *call_in_python(const struct tensor_method *method, PyObject *tensor, PyObject *const *args, Py_ssize_t n,
                                PyObject *named)
{
    PyObject *all = PyTuple_New(n + 1), *options = PyDict_New(), *result = NULL;
    int failed = !all || !options || PyTuple_SetItem(all, 0, Py_NewRef(tensor)) < 0;
    for (Py_ssize_t i = 0; !failed && i < n; i++)
        failed = PyTuple_SetItem(all, i + 1, Py_NewRef(args[i])) < 0;
    for (Py_ssize_t i = 0; !failed && named && i < PyTuple_Size(named); i++)
        failed = PyDict_SetItem(options, PyTuple_GetItem(named, i), args[n + i]) < 0;
    if (!failed)
        result = PyObject_Call(method->in_python, all, options);
    Py_XDECREF(all);
    Py_XDECREF(options);
    return result;
}

static PyObject *call(struct tensor_method *method, PyObject *tensor, PyObject *const *args, Py_ssize_t n, PyObject *named)
{
    PyObject *numbers[2], *dtype = NULL, *capsule = NULL, *result = NULL;
    uint64_t count = 0, address = 0;
    int is_mine =
        source && !holds && !is_overridden() && parse(method, args, n, named, numbers) && is_plain(tensor) && is_unwatched();
    if (is_mine)
        count = integer_of(tensor, names.numel);
    if (count > 0 && count <= (uint64_t)most_values)
        dtype = PyObject_GetAttr(tensor, names.dtype);
    if (dtype)
        capsule = fill_for(method, numbers, dtype);
    if (capsule)
        address = integer_of(tensor, names.data_ptr);
    if (address && !PyErr_Occurred()) {
        result = filled(tensor, fill_in(capsule), count, (void *)(uintptr_t)address);
    } else { /* an error of one of the questions is left to Python too, which asks them again */
        PyErr_Clear();
        result = call_in_python(method, tensor, args, n, named);
    }
    Py_XDECREF(dtype);
    Py_XDECREF(capsule);
    return result;
}

static PyObject *normal_(PyObject *tensor, PyObject *const *args, Py_ssize_t n, PyObject *named)
{
    return call(&methods[0], tensor, args, n, named);
}

static PyObject *uniform_(PyObject *tensor, PyObject *const *args, Py_ssize_t n, PyObject *named)
{
    return call(&methods[1], tensor, args, n, named);
}

#define METHOD(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL | METH_KEYWORDS, NULL}
static PyMethodDef definitions[METHODS] = {METHOD(normal_), METHOD(uniform_)};

static int intern_names(void)
{
#define NAME(field, text) (names.field = PyUnicode_InternFromString(text))
    return NAME(is_cpu, "is_cpu") && NAME(layout, "layout") && NAME(is_contiguous, "is_contiguous") &&
           NAME(is_neg, "is_neg") && NAME(is_inference, "is_inference") && NAME(requires_grad, "requires_grad") &&
           NAME(numel, "numel") && NAME(dtype, "dtype") && NAME(data_ptr, "data_ptr") && NAME(level, "_current_level") &&
           NAME(is_compiling, "_is_compiling_flag") && NAME(generator, "generator");
}

/* Makes method i of what bind_torch was given, with the docstring of the one in Python; 0 with an error set. */
static int bind_method(PyTypeObject *tensor_type, int i, PyObject *of, PyObject *made)
{
    struct tensor_method *method = &methods[i];
    if (!PyArg_ParseTuple(of, "OOO!", &method->in_python, &method->learn, &PyTuple_Type, &method->names) ||
        !(method->known = PyDict_New()))
        return 0;
    PyObject *doc = PyObject_GetAttrString(method->in_python, "__doc__"); /* kept, for the text of the definition */
    if (!doc || !(definitions[i].ml_doc = PyUnicode_AsUTF8AndSize(doc, NULL)))
        return 0;
    PyObject *descriptor = PyDescr_NewMethod(tensor_type, &definitions[i]);
    return descriptor && PyTuple_SetItem(made, i, descriptor) == 0;
}

/* bind_torch(tensor type, plain types, strided, watchers, compiler, forward_ad, is_grad_enabled, random_words, new_words,
   increment_version, most values, methods): the methods of tensors in C, in a tuple.

   `watchers`: functions that give None, False or 0 where nothing watches; `compiler`, `forward_ad`: torch's modules with the
   flags; random_words(*arguments, **options) draws four words into a tensor of int64, and new_words() gives a tuple of the
   arguments and the address of the four; `methods`: for normal_ and uniform_ the method in Python, `learn` and the names of
   its numbers, as in struct tensor_method. */
PyObject *bind_torch(PyObject *module, PyObject *args)
{
    PyTypeObject *tensor_type;
    PyObject *of[METHODS], *made = PyTuple_New(METHODS);
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!OO!OOOOOOl(OO)", &PyType_Type, &tensor_type, &PyTuple_Type, &plain_types, &strided,
                          &PyTuple_Type, &watchers, &compiler, &forward_ad, &is_grad_enabled, &random_words, &new_words,
                          &increment_version, &most_values, &of[0], &of[1]))
        return NULL;
    Py_INCREF(args); /* for good, with all that is in it */
    free_words = PyList_New(0);
    defaults[0] = PyFloat_FromDouble(0.0);
    defaults[1] = PyFloat_FromDouble(1.0);
    for (int i = 0; made && i < METHODS; i++)
        if (!bind_method(tensor_type, i, of[i], made))
            Py_CLEAR(made);
    return free_words && defaults[0] && defaults[1] && intern_names() ? made : NULL;
}

/* plain_address(tensor): where its memory begins, if that is one block of its own with elements; else None. */
PyObject *plain_address(PyObject *module, PyObject *tensor)
{
    (void)module;
    PyObject *address = plain_types && is_block(tensor) ? PyObject_CallMethodObjArgs(tensor, names.data_ptr, NULL) : NULL;
    if (address && PyObject_IsTrue(address) == 1)
        return address;
    Py_XDECREF(address);
    return none();
}

/* tensor_source(options): the options of random_words from now on; None where torch is to fill. */
PyObject *tensor_source(PyObject *module, PyObject *options)
{
    PyObject *before = source;
    (void)module;
    source = options == Py_None ? NULL : Py_NewRef(options);
    Py_XDECREF(before);
    return Py_NewRef(Py_None);
}

/* hold_tensors(change): 1 where a block begins within which Python must fill tensors, -1 where it ends. */
PyObject *hold_tensors(PyObject *module, PyObject *change)
{
    (void)module;
    holds += PyLong_AsLong(change);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}
