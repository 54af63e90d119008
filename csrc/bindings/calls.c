/* The extension fastinit._calls: its module, and what is bound once for all its files (calls.h). */
#define IMPORTS_NUMPY
#include "calls.h"

__typeof__(fi_fill_axes) *fill_axes_kernel;
__typeof__(fi_fill_many) *fill_many_kernels;
static long overrides; /* blocks in force that chose a backend */

int is_overridden(void)
{
    return overrides != 0;
}

PyObject *none(void)
{
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

/* bind(address of fi_fill_axes, address of fi_fill_many) */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyObject *axes, *many;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &axes, &many))
        return NULL;
    *(void **)&fill_axes_kernel = PyLong_AsVoidPtr(axes);
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

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef functions[] = {{"attributes_to_search", FAST(attributes_to_search), METH_FASTCALL, NULL},
                                  {"bind", bind, METH_VARARGS, NULL},
                                  {"bind_draws", bind_draws, METH_VARARGS, NULL},
                                  {"bind_empty", bind_empty, METH_VARARGS, NULL},
                                  {"bind_recording", bind_recording, METH_VARARGS, NULL},
                                  {"bind_resets", bind_resets, METH_VARARGS, NULL},
                                  {"bind_torch", bind_torch, METH_VARARGS, NULL},
                                  {"fill_many", fill_many, METH_VARARGS, NULL},
                                  {"hold_tensors", hold_tensors, METH_O, NULL},
                                  {"override", override, METH_O, NULL},
                                  {"plain_address", plain_address, METH_O, NULL},
                                  {"plan_many", plan_many, METH_VARARGS, NULL},
                                  {"recorded_draw", FAST(recorded_draw), METH_FASTCALL, NULL},
                                  {"recorded_empty", FAST(recorded_empty), METH_FASTCALL | METH_KEYWORDS, NULL},
                                  {"recorded_ref", FAST(recorded_ref), METH_FASTCALL, NULL},
                                  {"recorded_reset", FAST(recorded_reset), METH_FASTCALL, NULL},
                                  {"recorded_tensors", FAST(recorded_tensors), METH_FASTCALL, NULL},
                                  {"run", FAST(run), METH_FASTCALL, NULL},
                                  {"run_many", run_many, METH_VARARGS, NULL},
                                  {"small_fill", new_small_fill, METH_VARARGS, NULL},
                                  {"stream", FAST(stream), METH_FASTCALL, NULL},
                                  {"streams", FAST(streams), METH_FASTCALL, NULL},
                                  {"tensor_source", tensor_source, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "fastinit._calls", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__calls(void)
{
    import_array();
    PyObject *module = PyModule_Create(&definition), *type = PyType_FromSpec(&remembered_fills_spec);
    if (!module || !type || PyModule_AddStringConstant(module, "stamp", STAMP) < 0) /* of fastinit/backends/sources.py */
        return NULL;
    return PyModule_AddObject(module, "RememberedFills", type) < 0 ? NULL : module;
}
