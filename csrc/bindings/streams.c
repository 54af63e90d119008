/* The streams of seeds and names, as in fastinit/core/stream.py. */
#include <string.h>

#include "blake2b.h"
#include "calls.h"
#include "seed_sequence.h"

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

int words_of_name(PyObject *name, uint32_t words[4])
{
    Py_ssize_t length = 0;
    const char *letters = PyUnicode_CheckExact(name) ? PyUnicode_AsUTF8AndSize(name, &length) : NULL;
    if (!letters)
        return 0;
    blake2b_words((const uint8_t *)letters, (uint64_t)length, words);
    return 1;
}

int stream_of_seed(PyObject *seed, PyObject *name, uint32_t stream[4])
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
PyObject *stream(PyObject *module, PyObject *const *args, Py_ssize_t n)
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
PyObject *streams(PyObject *module, PyObject *const *args, Py_ssize_t n)
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
