/* What a construction does most, recorded without running Python code (fastinit/torch/construction): torch.empty, draws of
   torch.nn.init that are known, and what reset_parameters of torch's own layers is known to do. Of torch it needs no header:
   it asks the tensor, and what `bind_recording` was given. Whatever is not plain is left to Python. */
#include <math.h>

#include "calls.h"

/* Set by bind_recording. */
static PyObject *thread, *tape_type, *ref_type, *step_type, *plain_types, *strided, *is_meta, *function_modes, *modes,
    *mode_at, *increment_version;

/* Set by bind_draws, bind_resets and bind_empty. */
static PyObject *init_names, *known_draws, *called_by_draws, *draw_in_python, *known_resets, *called_by_resets,
    *reset_in_python, *stock_empty, *meta_device, *without_modes, *empty_in_python;

/* Names of attributes and arguments, interned. */
static struct {
    PyObject *recorder, *recording, *steps, *sizes, *numbers, *storages, *made, *refs, *layout, *dtype, *shape, *stride,
        *offset, *storage, *cdata, *nbytes, *device, *requires_grad, *parameters, *is_inference, *version, *detach;
} names;

/* Of a tape, what is written while it records; new references. */
typedef struct { PyObject *recording, *numbers, *storages, *made, *refs, *steps, *sizes; } tape_parts;

static void release(tape_parts *parts)
{
    PyObject *all[] = {parts->recording, parts->numbers, parts->storages, parts->made,
                       parts->refs,      parts->steps,   parts->sizes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        Py_XDECREF(all[i]);
}

/* 0 with an error set; to be released in any case. */
static int read_tape(PyObject *tape, tape_parts *parts)
{
    parts->recording = PyObject_GetAttr(tape, names.recording);
    parts->numbers = PyObject_GetAttr(tape, names.numbers);
    parts->storages = PyObject_GetAttr(tape, names.storages);
    parts->made = PyObject_GetAttr(tape, names.made);
    parts->refs = PyObject_GetAttr(tape, names.refs);
    parts->steps = parts->recording ? PyObject_GetAttr(parts->recording, names.steps) : NULL;
    parts->sizes = parts->recording ? PyObject_GetAttr(parts->recording, names.sizes) : NULL;
    return parts->numbers && parts->storages && parts->made && parts->refs && parts->steps && parts->sizes;
}

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
static PyObject *number_of(const tape_parts *parts, PyObject *tensor)
{
    PyObject *storage = PyObject_CallMethodObjArgs(tensor, names.storage, NULL);
    PyObject *cdata = storage ? PyObject_GetAttr(storage, names.cdata) : NULL;
    PyObject *nbytes = cdata ? PyObject_CallMethodObjArgs(storage, names.nbytes, NULL) : NULL;
    PyObject *number = nbytes ? PyDict_GetItemWithError(parts->numbers, cdata) : NULL;
    PyObject *size = number ? PyList_GetItem(parts->sizes, PyLong_AsSsize_t(number)) : NULL;
    int fits = size && PyObject_RichCompareBool(nbytes, size, Py_LE) == 1;
    Py_XDECREF(storage);
    Py_XDECREF(cdata);
    Py_XDECREF(nbytes);
    return fits ? number : NULL;
}

/* Whether it is a Ref of this geometry; not with an error set. */
static int is_ref_of(PyObject *ref, PyObject *dtype, PyObject *shape, PyObject *stride, PyObject *offset)
{
    enum { DTYPE = 1, SIZE, STRIDE, OFFSET };
    return ref && ref != Py_None && PyTuple_GetItem(ref, DTYPE) == dtype &&
           PyObject_RichCompareBool(PyTuple_GetItem(ref, SIZE), shape, Py_EQ) == 1 &&
           PyObject_RichCompareBool(PyTuple_GetItem(ref, STRIDE), stride, Py_EQ) == 1 &&
           PyObject_RichCompareBool(PyTuple_GetItem(ref, OFFSET), offset, Py_EQ) == 1;
}

/* The Ref of a tensor (fastinit/torch/construction/steps.py), for one of the same geometry in the same storage the same object:
   fewer of them for the collector of garbage; null where its storage has no number, or with an error set. */
static PyObject *ref_of(const tape_parts *parts, PyObject *tensor)
{
    PyObject *number = number_of(parts, tensor);
    PyObject *dtype = number ? PyObject_GetAttr(tensor, names.dtype) : NULL;
    PyObject *shape = dtype ? PyObject_GetAttr(tensor, names.shape) : NULL;
    PyObject *stride = shape ? PyObject_CallMethodObjArgs(tensor, names.stride, NULL) : NULL;
    PyObject *offset = stride ? PyObject_CallMethodObjArgs(tensor, names.offset, NULL) : NULL;
    Py_ssize_t at = offset ? PyLong_AsSsize_t(number) : -1;
    PyObject *last = offset ? PyList_GetItem(parts->refs, at) : NULL, *ref = NULL, *size = NULL;
    if (is_ref_of(last, dtype, shape, stride, offset)) {
        ref = Py_NewRef(last);
    } else if (last && (size = PyTuple_GetSlice(shape, 0, PyTuple_Size(shape)))) {
        ref = named_tuple(ref_type, PyTuple_Pack(5, number, dtype, size, stride, offset));
        if (ref && PyList_SetItem(parts->refs, at, Py_NewRef(ref)) < 0)
            Py_CLEAR(ref);
    }
    PyObject *all[] = {dtype, shape, size, stride, offset};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        Py_XDECREF(all[i]);
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

/* The tape that records in this thread, a new reference; null where there is none, or where other modes are to be asked. */
static PyObject *innermost_tape(void)
{
    PyObject *tape = thread ? PyObject_GetAttr(thread, names.recorder) : NULL;
    if (tape && (PyObject *)Py_TYPE(tape) == tape_type && is_innermost(tape))
        return tape;
    Py_XDECREF(tape);
    return NULL;
}

/* function(*args, **named), with this device if it is not null. */
static PyObject *call_with(PyObject *function, PyObject *const *args, Py_ssize_t n, PyObject *named, PyObject *device)
{
    PyObject *all = PyTuple_New(n), *options = PyDict_New(), *result = NULL;
    int failed = !function || !all || !options;
    for (Py_ssize_t i = 0; !failed && i < n; i++)
        failed = PyTuple_SetItem(all, i, Py_NewRef(args[i])) < 0;
    for (Py_ssize_t i = 0; !failed && named && i < PyTuple_Size(named); i++)
        failed = PyDict_SetItem(options, PyTuple_GetItem(named, i), args[n + i]) < 0;
    if (!failed && device)
        failed = PyDict_SetItem(options, names.device, device) < 0;
    if (!failed)
        result = PyObject_Call(function, all, options);
    Py_XDECREF(all);
    Py_XDECREF(options);
    return result;
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

/* The step that is known of such a call, a new reference: by the function's name, the tensor's shape and dtype, the further arguments
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
        known = Py_XNewRef(PyDict_GetItemWithError(known_draws, key));
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

/* Adds the known step on this tensor to the recording; 0 with an error set. */
static int note(PyObject *steps, PyObject *known, PyObject *ref, PyObject *tensor)
{
    PyObject *step = step_on(known, ref);
    int is_noted = step && PyList_Append(steps, step) == 0;
    PyObject *tensors = is_noted ? PyTuple_Pack(1, tensor) : NULL;
    PyObject *risen = tensors ? PyObject_CallFunctionObjArgs(increment_version, tensors, NULL) : NULL;
    Py_XDECREF(step);
    Py_XDECREF(tensors);
    Py_XDECREF(risen);
    return is_noted;
}

/* Whether these functions of torch.nn.init are in their places. */
static int are_in_place(PyObject *functions)
{
    PyObject *name, *function;
    Py_ssize_t at = 0;
    int are = functions && init_names;
    while (are && PyDict_Next(functions, &at, &name, &function))
        are = PyDict_GetItemWithError(init_names, name) == function;
    return are;
}

/* recorded_draw(name, tensor, *arguments): torch.nn.init's function of this name, as its code within a recording calls it. */
PyObject *recorded_draw(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    tape_parts parts = {0};
    PyObject *tape = n > 1 && are_in_place(called_by_draws) && is_plain_meta(args[1]) ? innermost_tape() : NULL;
    PyObject *known = tape ? known_of(args, n) : NULL;
    PyObject *ref = known && read_tape(tape, &parts) ? ref_of(&parts, args[1]) : NULL;
    int is_noted = ref && note(parts.steps, known, ref, args[1]);
    (void)module;
    Py_XDECREF(tape);
    Py_XDECREF(known);
    Py_XDECREF(ref);
    release(&parts);
    if (is_noted)
        return PyErr_Occurred() ? NULL : Py_NewRef(args[1]);
    PyErr_Clear(); /* of one of the questions, which Python asks again */
    return call_with(draw_in_python, args, n, NULL, NULL);
}

/* The Refs of the tensors, None for None; null where one of them is not plain, or with an error set. */
static PyObject *refs_of(const tape_parts *parts, PyObject *tensors)
{
    PyObject *refs = PyList_New(0);
    for (Py_ssize_t i = 0; refs && i < PyList_Size(tensors); i++) {
        PyObject *tensor = PyList_GetItem(tensors, i), *ref = NULL;
        if (tensor == Py_None)
            ref = Py_NewRef(Py_None);
        else if (is_plain_meta(tensor))
            ref = ref_of(parts, tensor);
        if (!ref || PyList_Append(refs, ref) < 0)
            Py_CLEAR(refs);
        Py_XDECREF(ref);
    }
    return refs;
}

/* The steps that the method is known to do with a layer, one for each of its tensors, a new reference: by the method, the layer's
   type, and the names and Refs, without the storages, of its parameters (fastinit/torch/construction/resets.py). Null where
   there are none. */
static PyObject *known_steps(PyObject *stock, PyObject *layer, PyObject *table, PyObject *refs)
{
    enum { BEFORE = 2 };
    PyObject *key = PyTuple_New(BEFORE + 2 * PyList_Size(refs)), *known = NULL, *name, *tensor;
    int failed = !key || PyTuple_SetItem(key, 0, Py_NewRef(stock)) < 0 ||
                 PyTuple_SetItem(key, 1, Py_NewRef((PyObject *)Py_TYPE(layer))) < 0;
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; !failed && i < PyList_Size(refs) && PyDict_Next(table, &at, &name, &tensor); i++) {
        PyObject *ref = PyList_GetItem(refs, i);
        PyObject *of_ref = ref == Py_None ? Py_NewRef(ref) : PyTuple_GetSlice(ref, 1, PyTuple_Size(ref));
        failed = PyTuple_SetItem(key, BEFORE + 2 * i, Py_NewRef(name)) < 0 ||
                 PyTuple_SetItem(key, BEFORE + 2 * i + 1, of_ref) < 0;
    }
    if (!failed)
        known = Py_XNewRef(PyDict_GetItemWithError(known_resets, key));
    Py_XDECREF(key);
    return known;
}

/* Adds the steps, in order, to the recording; 0 with an error set. */
static int note_all(PyObject *steps, PyObject *known, PyObject *refs, PyObject *tensors)
{
    for (Py_ssize_t i = 0, next = 0; i < PyList_Size(tensors); i++) {
        PyObject *tensor = PyList_GetItem(tensors, i);
        if (tensor != Py_None && !note(steps, PyTuple_GetItem(known, next++), PyList_GetItem(refs, i), tensor))
            return 0;
    }
    return 1;
}

/* recorded_reset(stock, layer): the layer's method reset_parameters, which is torch's own: `stock`. */
PyObject *recorded_reset(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    tape_parts parts = {0};
    PyObject *tape = n == 2 && are_in_place(called_by_resets) ? innermost_tape() : NULL;
    PyObject *table = tape && read_tape(tape, &parts) ? PyObject_GetAttr(args[1], names.parameters) : NULL;
    PyObject *tensors = table && PyDict_Check(table) ? PyDict_Values(table) : NULL;
    PyObject *refs = tensors ? refs_of(&parts, tensors) : NULL,
             *known = refs ? known_steps(args[0], args[1], table, refs) : NULL;
    int is_noted = known && note_all(parts.steps, known, refs, tensors);
    PyObject *all[] = {tape, table, tensors, refs, known};
    (void)module;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        Py_XDECREF(all[i]);
    release(&parts);
    if (is_noted)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyErr_Clear();
    return call_with(reset_in_python, args, n, NULL, NULL);
}

/* Numbers the storage of a tensor that the construction has just made: fastinit/torch/construction/tape.py, `made`. */
static int number_storage(PyObject *tape, PyObject *tensor)
{
    tape_parts parts = {0};
    PyObject *storage = read_tape(tape, &parts) ? PyObject_CallMethodObjArgs(tensor, names.storage, NULL) : NULL;
    PyObject *cdata = storage ? PyObject_GetAttr(storage, names.cdata) : NULL;
    PyObject *nbytes = cdata ? PyObject_CallMethodObjArgs(storage, names.nbytes, NULL) : NULL;
    PyObject *number = nbytes ? PyLong_FromSsize_t(PyList_Size(parts.storages)) : NULL;
    int done = number && PyList_Append(parts.storages, storage) == 0 && PyList_Append(parts.sizes, nbytes) == 0 &&
               PyList_Append(parts.refs, Py_None) == 0 && PySet_Add(parts.made, number) == 0 &&
               PyDict_SetItem(parts.numbers, cdata, number) == 0;
    Py_XDECREF(storage);
    Py_XDECREF(cdata);
    Py_XDECREF(nbytes);
    Py_XDECREF(number);
    release(&parts);
    return done;
}

/* Whether all of an empty tensor's options are these, which mean on the meta device what they do elsewhere. */
static int are_plain_options(PyObject *named)
{
    for (Py_ssize_t i = 0; named && i < PyTuple_Size(named); i++) {
        PyObject *name = PyTuple_GetItem(named, i);
        if (name != names.dtype && name != names.device && name != names.requires_grad)
            return 0;
    }
    return 1;
}

/* recorded_empty(*args, **named): torch.empty within a recording. */
PyObject *recorded_empty(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *named)
{
    PyObject *tape = are_plain_options(named) ? innermost_tape() : NULL;
    PyObject *guard = tape ? PyObject_CallNoArgs(without_modes) : NULL;
    PyObject *tensor = guard ? call_with(stock_empty, args, n, named, meta_device) : NULL;
    (void)module;
    Py_XDECREF(guard);
    int is_recorded = tensor && number_storage(tape, tensor);
    Py_XDECREF(tape);
    if (is_recorded)
        return tensor;
    Py_XDECREF(tensor);
    PyErr_Clear(); /* Python asks again */
    return call_with(empty_in_python, args, n, named, NULL);
}

/* recorded_ref(tape, tensor): the tensor's Ref; None where its storage has no number or another size. */
PyObject *recorded_ref(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    tape_parts parts = {0};
    PyObject *ref = n == 2 && read_tape(args[0], &parts) ? ref_of(&parts, args[1]) : NULL;
    (void)module;
    release(&parts);
    return ref || PyErr_Occurred() ? ref : Py_NewRef(Py_None);
}

/* The record of a plain tensor on the meta device, in the order of TensorRecord (fastinit/torch/construction/records.py); null
   where it is another one, or its storage has no number, or with an error set. */
static PyObject *record_of(const tape_parts *parts, PyObject *record_type, PyObject *tensor)
{
    enum { SIZE = 2 }; /* its place in a Ref */
    PyObject *inference = is_plain_meta(tensor) ? PyObject_CallMethodObjArgs(tensor, names.is_inference, NULL) : NULL;
    PyObject *ref = inference == Py_False ? ref_of(parts, tensor) : NULL;
    PyObject *version = ref ? PyObject_GetAttr(tensor, names.version) : NULL;
    PyObject *identity = version ? PyLong_FromVoidPtr(tensor) : NULL;
    PyObject *alias = identity ? PyObject_CallMethodObjArgs(tensor, names.detach, NULL) : NULL, *record = NULL;
    if (alias)
        record = named_tuple(record_type, PyTuple_Pack(7, parts->recording, ref, identity, PyTuple_GetItem(ref, SIZE),
                                                       version, alias, Py_False));
    PyObject *all[] = {inference, ref, version, identity, alias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        Py_XDECREF(all[i]);
    return record;
}

/* recorded_tensors(record type, tape, tensors): a dictionary of the records of these tensors, a dictionary too, in which None
   may be one; None for what record_of leaves to Python. */
PyObject *recorded_tensors(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    tape_parts parts = {0};
    PyObject *records = PyDict_New(), *name, *tensor;
    Py_ssize_t at = 0;
    (void)module;
    int failed = !records || n != 3 || !PyDict_Check(args[2]) || !read_tape(args[1], &parts);
    while (!failed && PyDict_Next(args[2], &at, &name, &tensor)) {
        if (tensor == Py_None)
            continue;
        Py_INCREF(tensor); /* which what it is asked might take out of the dictionary */
        PyObject *record = record_of(&parts, args[0], tensor);
        failed = PyErr_Occurred() || PyDict_SetItem(records, name, record ? record : Py_None) < 0;
        Py_XDECREF(record);
        Py_DECREF(tensor);
    }
    release(&parts);
    if (failed)
        Py_CLEAR(records);
    return failed && !PyErr_Occurred() ? PyErr_Format(PyExc_TypeError, "recorded_tensors takes a dictionary") : records;
}

static int intern_names(void)
{
#define NAME(field, text) (names.field = PyUnicode_InternFromString(text))
    return NAME(recorder, "recorder") && NAME(recording, "recording") && NAME(steps, "steps") && NAME(sizes, "sizes") &&
           NAME(numbers, "numbers") && NAME(storages, "storages") && NAME(made, "made_here") && NAME(refs, "refs") &&
           NAME(layout, "layout") && NAME(dtype, "dtype") && NAME(shape, "shape") && NAME(stride, "stride") &&
           NAME(offset, "storage_offset") && NAME(storage, "untyped_storage") && NAME(cdata, "_cdata") &&
           NAME(nbytes, "nbytes") && NAME(device, "device") && NAME(requires_grad, "requires_grad") &&
           NAME(parameters, "_parameters") && NAME(is_inference, "is_inference") && NAME(version, "_version") &&
           NAME(detach, "detach");
}

/* bind_recording(thread, tape type, Ref, Step, plain types, strided, is_meta, function modes, modes, mode at,
   increment_version).

   `thread`: has the attribute `recorder`, perhaps a tape (fastinit/torch/construction/tape.py), with `numbers` of storages and
   the `recording` with `steps` and `sizes`; `function modes`, `modes`: functions that count torch's modes in force, of which
   mode_at(i) is one. */
PyObject *bind_recording(PyObject *module, PyObject *args)
{
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOO!OOOOOO", &thread, &tape_type, &ref_type, &step_type, &PyTuple_Type, &plain_types,
                          &strided, &is_meta, &function_modes, &modes, &mode_at, &increment_version))
        return NULL;
    Py_INCREF(args); /* for good, with all that is in it */
    return intern_names() ? Py_NewRef(Py_None) : NULL;
}

/* bind_draws(names of torch.nn.init, known, called, in Python): steps by the key of known_of; the functions that have to be in
   their places, by name; and the function that takes all other calls. */
PyObject *bind_draws(PyObject *module, PyObject *args)
{
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!O", &PyDict_Type, &init_names, &PyDict_Type, &known_draws, &PyDict_Type,
                          &called_by_draws, &draw_in_python))
        return NULL;
    Py_INCREF(args); /* for good */
    return Py_NewRef(Py_None);
}

/* bind_resets(known, called, in Python): tuples of steps by the key of known_steps, and the others as for bind_draws. */
PyObject *bind_resets(PyObject *module, PyObject *args)
{
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O", &PyDict_Type, &known_resets, &PyDict_Type, &called_by_resets, &reset_in_python))
        return NULL;
    Py_INCREF(args); /* for good */
    return Py_NewRef(Py_None);
}

/* bind_empty(torch.empty, meta device, without modes, in Python): `without modes()` gives an object during whose life the
   modes are not asked; the last is the function that takes all other calls. */
PyObject *bind_empty(PyObject *module, PyObject *args)
{
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO", &stock_empty, &meta_device, &without_modes, &empty_in_python))
        return NULL;
    Py_INCREF(args); /* for good */
    return Py_NewRef(Py_None);
}
