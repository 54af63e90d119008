/* Draws of torch.nn.init within a recording (fastinit/torch/construction/nn_functions.py): one that is known is noted as a
   step here, without running Python code. Of torch it needs no header: it asks the tensor, and what `bind_recording` was
   given. Whatever is not plain is left to Python. */
#include <math.h>

#include "calls.h"

/* Set by bind_recording. */
static PyObject *thread, *tape_type, *ref_type, *step_type, *plain_types, *strided, *is_meta, *function_modes, *modes,
    *mode_at, *increment_version, *known_draws, *in_python;

/* Names of attributes, interned. */
static struct {
    PyObject *recorder, *recording, *steps, *sizes, *numbers, *layout, *dtype, *shape, *stride, *offset, *storage, *cdata,
        *nbytes;
} names;

/* A tuple of a named kind with these items, which it takes over; null with an error set. */
static PyObject *named_tuple(PyObject *kind, PyObject *items)
{
    newfunc new_tuple = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *args = items ? PyTuple_Pack(1, items) : NULL;
    PyObject *made = args ? new_tuple((PyTypeObject *)kind, args, NULL) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(items);
    return made;
}

/* The number of the tensor's storage, borrowed; null where it has none yet, or has grown since. */
static PyObject *number_of(PyObject *numbers, PyObject *sizes, PyObject *tensor)
{
    PyObject *storage = PyObject_CallMethodObjArgs(tensor, names.storage, NULL);
    PyObject *cdata = storage ? PyObject_GetAttr(storage, names.cdata) : NULL;
    PyObject *nbytes = cdata ? PyObject_CallMethodObjArgs(storage, names.nbytes, NULL) : NULL;
    PyObject *number = nbytes ? PyDict_GetItemWithError(numbers, cdata) : NULL;
    PyObject *size = number ? PyList_GetItem(sizes, PyLong_AsSsize_t(number)) : NULL;
    int fits = size && PyObject_RichCompareBool(nbytes, size, Py_LE) == 1;
    Py_XDECREF(storage);
    Py_XDECREF(cdata);
    Py_XDECREF(nbytes);
    return fits ? number : NULL;
}

/* The Ref of a tensor (fastinit/torch/construction/steps.py); null where its storage has no number, or with an error set. */
static PyObject *ref_of(PyObject *numbers, PyObject *sizes, PyObject *tensor)
{
    PyObject *number = number_of(numbers, sizes, tensor);
    PyObject *dtype = number ? PyObject_GetAttr(tensor, names.dtype) : NULL;
    PyObject *shape = dtype ? PyObject_GetAttr(tensor, names.shape) : NULL;
    PyObject *size = shape ? PyTuple_GetSlice(shape, 0, PyTuple_Size(shape)) : NULL;
    PyObject *stride = size ? PyObject_CallMethodObjArgs(tensor, names.stride, NULL) : NULL;
    PyObject *offset = stride ? PyObject_CallMethodObjArgs(tensor, names.offset, NULL) : NULL;
    PyObject *ref = offset ? named_tuple(ref_type, PyTuple_Pack(5, number, dtype, size, stride, offset)) : NULL;
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(size);
    Py_XDECREF(stride);
    Py_XDECREF(offset);
    return ref;
}

/* Whether the tape is the innermost mode of the dispatcher, without a mode of functions: fastinit/torch/construction/tape.py. */
static int is_innermost(PyObject *tape)
{
    PyObject *functions = PyObject_CallNoArgs(function_modes), *entered = functions ? PyObject_CallNoArgs(modes) : NULL;
    PyObject *at = NULL, *innermost = NULL;
    Py_ssize_t n = entered && PyObject_IsTrue(functions) == 0 ? PyLong_AsSsize_t(entered) : 0;
    if (n > 0 && (at = PyLong_FromSsize_t(n - 1)))
        innermost = PyObject_CallFunctionObjArgs(mode_at, at, NULL);
    Py_XDECREF(functions);
    Py_XDECREF(entered);
    Py_XDECREF(at);
    Py_XDECREF(innermost);
    return innermost && innermost == tape;
}

/* Whether it is a plain tensor on the meta device. */
static int is_plain_meta(PyObject *tensor)
{
    if (PySequence_Contains(plain_types, (PyObject *)Py_TYPE(tensor)) != 1)
        return 0;
    PyObject *meta = PyObject_CallFunctionObjArgs(is_meta, tensor, NULL);
    PyObject *layout = meta == Py_True ? PyObject_GetAttr(tensor, names.layout) : NULL;
    Py_XDECREF(meta);
    Py_XDECREF(layout);
    return layout == strided;
}

/* Whether equal ones mean the same: not so -0.0, which equals 0.0. */
static int is_plain_argument(PyObject *value)
{
    if (PyFloat_CheckExact(value))
        return !(PyFloat_AsDouble(value) == 0 && signbit(PyFloat_AsDouble(value)));
    return PyLong_CheckExact(value) || PyBool_Check(value) || PyUnicode_CheckExact(value) || value == Py_None;
}

/* The step that is known of such a call, borrowed: by the function's name, the tensor's shape and dtype, the further arguments
   and their types. Null where there is none. */
static PyObject *known_of(PyObject *const *args, Py_ssize_t n)
{
    PyObject *key = PyTuple_New(3 + 2 * (n - 2)), *shape = PyObject_GetAttr(args[1], names.shape);
    PyObject *dtype = shape ? PyObject_GetAttr(args[1], names.dtype) : NULL, *known = NULL;
    int failed = !key || !dtype || PyTuple_SetItem(key, 0, Py_NewRef(args[0])) < 0 ||
                 PyTuple_SetItem(key, 1, Py_NewRef(shape)) < 0 || PyTuple_SetItem(key, 2, Py_NewRef(dtype)) < 0;
    for (Py_ssize_t i = 2; !failed && i < n; i++)
        failed = !is_plain_argument(args[i]) || PyTuple_SetItem(key, i + 1, Py_NewRef(args[i])) < 0 ||
                 PyTuple_SetItem(key, n - 1 + i, Py_NewRef((PyObject *)Py_TYPE(args[i]))) < 0;
    if (!failed)
        known = PyDict_GetItemWithError(known_draws, key);
    Py_XDECREF(key);
    Py_XDECREF(shape);
    Py_XDECREF(dtype);
    return known;
}

/* A tuple of the other's items, but for those that are given from `first` on. */
static PyObject *tuple_with(PyObject *other, Py_ssize_t first, PyObject *const *given, Py_ssize_t n)
{
    PyObject *made = PyTuple_New(PyTuple_Size(other));
    for (Py_ssize_t i = 0; made && i < PyTuple_Size(other); i++) {
        PyObject *item = i >= first && i < first + n ? given[i - first] : PyTuple_GetItem(other, i);
        if (PyTuple_SetItem(made, i, Py_NewRef(item)) < 0)
            Py_CLEAR(made);
    }
    return made;
}

/* The known step as one on another tensor, which it writes all of; null with an error set. The order is that of Step
   (fastinit/torch/construction/steps.py): operation, args, kwargs, outputs, written, ... */
static PyObject *step_on(PyObject *known, PyObject *ref)
{
    PyObject *args = tuple_with(PyTuple_GetItem(known, 1), 0, &ref, 1), *written = args ? PyTuple_Pack(1, ref) : NULL;
    PyObject *replaced[] = {args, PyTuple_GetItem(known, 2), written, written};
    PyObject *step = written ? named_tuple(step_type, tuple_with(known, 1, replaced, 4)) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(written);
    return step;
}

/* Adds the step on this tensor to the recording; 0 where that is left to Python, or with an error set. */
static int note(PyObject *tape, PyObject *known, PyObject *tensor)
{
    PyObject *recording = PyObject_GetAttr(tape, names.recording), *numbers = PyObject_GetAttr(tape, names.numbers);
    PyObject *steps = recording ? PyObject_GetAttr(recording, names.steps) : NULL;
    PyObject *sizes = steps ? PyObject_GetAttr(recording, names.sizes) : NULL;
    PyObject *ref = sizes && numbers ? ref_of(numbers, sizes, tensor) : NULL, *step = ref ? step_on(known, ref) : NULL;
    int is_noted = step && PyList_Append(steps, step) == 0;
    PyObject *tensors = is_noted ? PyTuple_Pack(1, tensor) : NULL;
    PyObject *risen = tensors ? PyObject_CallFunctionObjArgs(increment_version, tensors, NULL) : NULL;
    PyObject *all[] = {recording, numbers, steps, sizes, ref, step, tensors, risen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        Py_XDECREF(all[i]);
    return is_noted;
}

/* recorded_draw(name, tensor, *arguments): torch.nn.init's function of this name, as its code within a recording calls it. */
PyObject *recorded_draw(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    PyObject *tape = thread && n > 1 ? PyObject_GetAttr(thread, names.recorder) : NULL, *known = NULL;
    (void)module;
    if (tape && (PyObject *)Py_TYPE(tape) == tape_type && is_plain_meta(args[1]) && is_innermost(tape))
        known = known_of(args, n);
    int is_noted = known && note(tape, known, args[1]);
    Py_XDECREF(tape);
    if (is_noted)
        return PyErr_Occurred() ? NULL : Py_NewRef(args[1]);
    PyErr_Clear(); /* of one of the questions, which Python asks again */
    PyObject *all = PyTuple_New(n), *result = NULL;
    for (Py_ssize_t i = 0; all && i < n; i++)
        if (PyTuple_SetItem(all, i, Py_NewRef(args[i])) < 0)
            Py_CLEAR(all);
    if (all && in_python)
        result = PyObject_Call(in_python, all, NULL);
    Py_XDECREF(all);
    return result;
}

/* recorded_ref(numbers, sizes, tensor): the tensor's Ref; None where its storage has no number or another size. */
PyObject *recorded_ref(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    PyObject *ref = n == 3 && PyDict_Check(args[0]) && PyList_Check(args[1]) ? ref_of(args[0], args[1], args[2]) : NULL;
    return ref || PyErr_Occurred() ? ref : Py_NewRef(Py_None);
}

static int intern_names(void)
{
#define NAME(field, text) (names.field = PyUnicode_InternFromString(text))
    return NAME(recorder, "recorder") && NAME(recording, "recording") && NAME(steps, "steps") && NAME(sizes, "sizes") &&
           NAME(numbers, "numbers") && NAME(layout, "layout") && NAME(dtype, "dtype") && NAME(shape, "shape") &&
           NAME(stride, "stride") && NAME(offset, "storage_offset") && NAME(storage, "untyped_storage") &&
           NAME(cdata, "_cdata") && NAME(nbytes, "nbytes");
}

/* bind_recording(thread, tape type, Ref, Step, plain types, strided, is_meta, function modes, modes, mode at, increment_version,
   known draws, in Python).

   `thread`: has the attribute `recorder`, perhaps a tape, with `numbers` of storages and the `recording` with `steps` and
   `sizes`; `function modes`, `modes`: functions that count torch's modes in force, of which mode_at(i) is one; `known draws`:
   steps by the key of known_of; `in Python`: the function that takes all other calls. */
PyObject *bind_recording(PyObject *module, PyObject *args)
{
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOO!OOOOOOO!O", &thread, &tape_type, &ref_type, &step_type, &PyTuple_Type, &plain_types,
                          &strided, &is_meta, &function_modes, &modes, &mode_at, &increment_version, &PyDict_Type,
                          &known_draws, &in_python))
        return NULL;
    Py_INCREF(args); /* for good, with all that is in it */
    return intern_names() ? Py_NewRef(Py_None) : NULL;
}
