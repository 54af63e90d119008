/* Which attributes of a module may hold tensors, so that Python looks at no others (fastinit/torch/structure/attributes.py). */
#include "calls.h"

/* Whether it is a number, a string, None, or a container of nothing but these. */
static int holds_nothing(PyObject *value)
{
    if (PyBool_Check(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyUnicode_CheckExact(value) ||
        value == Py_None)
        return 1;
    if (PyDict_CheckExact(value))
        return PyDict_Size(value) == 0;
    int is_tuple = PyTuple_CheckExact(value);
    if (!is_tuple && !PyList_CheckExact(value))
        return 0;
    Py_ssize_t n = is_tuple ? PyTuple_Size(value) : PyList_Size(value);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = is_tuple ? PyTuple_GetItem(value, i) : PyList_GetItem(value, i);
        if (PyTuple_Check(item) || PyList_Check(item) || PyDict_Check(item) || !holds_nothing(item))
            return 0;
    }
    return 1;
}

/* attributes_to_search(attributes, others): the names in this dictionary of what may hold tensors, without those in the
   set `others`. */
PyObject *attributes_to_search(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    PyObject *found = PyList_New(0), *name, *value;
    Py_ssize_t at = 0;
    (void)module;
    if (n != 2 || !PyDict_Check(args[0])) {
        Py_XDECREF(found);
        return PyErr_Format(PyExc_TypeError, "attributes_to_search takes a dictionary and a set");
    }
    while (found && PyDict_Next(args[0], &at, &name, &value)) {
        if (holds_nothing(value))
            continue;
        int is_other = PySet_Contains(args[1], name);
        if (is_other < 0 || (!is_other && PyList_Append(found, name) < 0))
            Py_CLEAR(found);
    }
    return found;
}
