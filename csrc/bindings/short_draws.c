/* Methods of the Generator that draw a few values without running Python code, which would take longer than the draw, or pass
   the request on to NumPy's method at once where that draws few. Calls with other than the simplest valid arguments are passed
   on to the method written in Python. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION /* runs with that NumPy and every later one */
#include <numpy/arrayobject.h>

#include "api.h"
#include "kernels.h"
#include "searches.h"

enum {
    MOST_AXES = 8,
    MOST_NUMBERS = 3,          /* that are arguments of a method */
    MOST_PARAMETERS = 5,       /* doubles of a kernel whose values share them (value_parameters.h); the last are 0 */
    MOST_SLOTS = 8,            /* arguments of a method */
    BLOCK = 1024,              /* float64 values, a tile, that are rounded to float32 together */
    COUNT_OF_OWN = 3,          /* the places of value_parameters.h: how many values have parameters of their own, */
    FIRST_OF_OWN = 4,          /* and the number of the first */
    LEAST_WITHOUT_LOCK = 8192, /* values, from which on the interpreter's lock is released: some microseconds */
};

/* The functions of fastinit._kernels, and the most values that one call may draw; set by `bind`. */
static __typeof__(fi_take_values) *take_values;
static __typeof__(fi_fill) *fill;
static __typeof__(fi_search) *search;
static long most;

static PyObject *method_type, *generator_type, *float32_type, *float64_type, *int32_type, *int64_type, *cursor_name;

/* A method's arguments before `size`, which give the kernel's parameters. */
enum form {
    STANDARD,      /* none; the parameters are the defaults */
    SCALE,         /* scale > 0 */
    LOC_SCALE,     /* loc, scale > 0 */
    LOW_HIGH,      /* low < high; the parameters are low and high - low */
    INTEGER_RANGE, /* low and perhaps high, integers */
    UNTYPED,       /* none, and NumPy's method has no dtype */
    POSITIVE,      /* a > 0, which must be given, as what the next two take */
    TRIANGLE,      /* left <= mode <= right, left < right */
    PROBABILITY,   /* 0 < p <= 1; the values are integers */
    SHAPE_SCALE,   /* shape > 0, which must be given, and scale > 0 */
    FREEDOM,       /* df > 0, whose half is the kernel's first parameter */
    MODERATE,      /* one or two numbers that are neither very small nor very large (LEAST, MOST of rejection.py) */
    TWO_MODERATE,
    RATE,        /* lam, of which there is a table of the distribution, as of the next two: counts are searched in it */
    TRIALS,      /* n, an integer, and p */
    REAL_TRIALS, /* n and p */
    LENGTH,      /* of bytes */
    /* Methods whose few values NumPy's code draws, whatever the arguments are: */
    FEW_VALUES,  /* as many as `size` says, else as the arguments before it, which broadcast together */
    FEW_VECTORS, /* the same; the last axis of the last argument is that of the vectors */
    FEW_CHOICES, /* as many as `size` says, else one */
    FEW_ITEMS    /* those of the first argument, or the numbers below it */
};
static const int numbers_of[] = {0, 1, 2, 2, 2, 0, 1, 3, 1, 2, 1, 1, 2, 1, 2, 2, 1, 0, 0, 0, 0};
static const double least_moderate = 1e-100, most_moderate = 1e100;
static const double uncounted_trials = 0x1p53;                  /* UNCOUNTED_TRIALS of counting.py */
static const double most_rate = 0x1p63 - 10 * 3037000499.97605; /* LARGEST_RATE of counting.py; 2^31.5 */

/* What an argument is; of a call's arguments, null stands for those that are not given. */
enum role { FIRST, SECOND, THIRD, SIZE, DTYPE, OUT, ENDPOINT, ROLES };
static const char *const role_names[ROLES] = {NULL, NULL, NULL, "size", "dtype", "out", "endpoint"};

typedef PyObject *vectorcall_function(PyObject *, PyObject *const *, size_t, PyObject *);

typedef struct {
    PyObject_HEAD
    vectorcall_function *vectorcall;
    PyObject *method; /* written in Python, takes any arguments */
    PyObject *single; /* NumPy's method, for one value */
    PyObject *names;  /* of the method's arguments, in their order */
    PyObject *tables; /* None, or a function of the numbers that returns a fastinit.backends.table.Table, or None */
    PyObject *dict;
    int form, slots;
    long least;                  /* values from which on the kernels draw, not NumPy's code */
    int takes_arrays, owns;      /* for numbers; owns: the kernel itself gives each value its own */
    enum role roles[MOST_SLOTS]; /* of the arguments; ROLES for one that no short draw takes */
    /* Numbers of kernels, or -1: for float32 and float64; of integers those of one word for 8, 16, 32 and 64 bits, then
       those of two words. */
    int kernels[8];
    double defaults[2];
    int standard;    /* the kernel whose values are scaled by parameters that are arrays, where not `owns`; or searched */
    PyObject *after; /* None, or what is then applied to them: a function of the array, which it returns */
    PyObject *standard_single; /* None, or NumPy's method for one value that is then scaled */
} short_draw;

typedef PyObject *arguments[ROLES];

static int give(const short_draw *self, Py_ssize_t slot, PyObject *argument, arguments given)
{
    enum role role = slot < self->slots ? self->roles[slot] : ROLES;
    if (role == ROLES || given[role])
        return 0;
    given[role] = argument;
    return 1;
}

/* The place of a named argument; that behind all others where there is none of this name. */
static Py_ssize_t slot_named(const short_draw *self, PyObject *name)
{
    Py_ssize_t slot = 0;
    while (slot < self->slots && PyTuple_GetItem(self->names, slot) != name) /* names in code are interned */
        slot++;
    return slot;
}

/* Sorts a call's arguments by their roles; 0 where there are any that a short draw does not have. Behind the `n` arguments are
   those that have the names. */
static int parse_arguments(const short_draw *self, PyObject *const *args, Py_ssize_t n, PyObject *names, arguments given)
{
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    memset(given, 0, sizeof(arguments));
    for (Py_ssize_t i = 1; i < n; i++)
        if (!give(self, i - 1, args[i], given))
            return 0;
    for (Py_ssize_t i = 0; i < named; i++)
        if (!give(self, slot_named(self, PyTuple_GetItem(names, i)), args[n + i], given))
            return 0;
    for (int role = SIZE; role <= OUT; role += OUT - SIZE)
        given[role] = given[role] == Py_None ? NULL : given[role];
    return n > 0;
}

/* A float or int, Python's or NumPy's usual ones, as a double; NAN for anything else, which no short draw takes. */
static double plain_number(PyObject *object)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    int is_plain = PyFloat_CheckExact(object) || PyLong_CheckExact(object) || type == float64_type || type == float32_type ||
                   type == int64_type || type == int32_type;
    double number = is_plain ? PyFloat_AsDouble(object) : NAN;
    if (PyErr_Occurred()) { /* an int beyond double */
        PyErr_Clear();
        return NAN;
    }
    return number;
}

/* Python's or NumPy's usual int; 0 for anything else and for one beyond 64 bits. */
static int plain_integer(PyObject *object, long long *integer)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    int overflow = 1;
    if (PyLong_CheckExact(object)) {
        *integer = PyLong_AsLongLongAndOverflow(object, &overflow);
    } else if (type == int64_type || type == int32_type) {
        PyObject *index = PyNumber_Index(object);
        *integer = index ? PyLong_AsLongLongAndOverflow(index, &overflow) : 0;
        Py_XDECREF(index);
    }
    PyErr_Clear();
    return !overflow;
}

/* Whether numbers are such that a short draw may have them; `numbers` are as in the call. */
static int are_valid(int form, const double *numbers)
{
    const double *p = numbers;
    for (int i = 0; i < numbers_of[form]; i++)
        if (!isfinite(p[i]))
            return 0;
    switch (form) {
    case SCALE:
    case POSITIVE:
        return p[0] > 0;
    case LOC_SCALE:
        return p[1] > 0;
    case LOW_HIGH:
        return p[1] > p[0] && isfinite(p[1] - p[0]);
    case TRIANGLE:
        return p[0] <= p[1] && p[1] <= p[2] && p[0] < p[2] && isfinite(p[2] - p[0]);
    case RATE:
        return p[0] >= 0 && p[0] <= most_rate;
    case TRIALS:
        return p[0] >= 0 && p[0] < uncounted_trials && p[1] >= 0 && p[1] <= 1;
    case PROBABILITY:
        return p[0] > 0 && p[0] <= 1;
    case SHAPE_SCALE:
        return p[0] > 0 && p[1] > 0;
    case FREEDOM:
        return p[0] > 0;
    case TWO_MODERATE:
        if (p[1] < least_moderate || p[1] > most_moderate)
            return 0; /* fall through */
    case MODERATE:
        return p[0] >= least_moderate && p[0] <= most_moderate;
    default:
        return 1;
    }
}

/* Whether all that has no default is given. */
static int has_needed(const short_draw *self, arguments given)
{
    int needed = self->form == SHAPE_SCALE ? 1 : self->form >= POSITIVE && self->form != RATE ? numbers_of[self->form] : 0;
    while (needed > 0 && given[FIRST + needed - 1])
        needed--;
    return needed == 0;
}

/* The kernel's parameters; 0 where the numbers are not those of a short draw. */
static int parameters_of(const short_draw *self, arguments given, double parameters[MOST_PARAMETERS])
{
    memset(parameters, 0, MOST_PARAMETERS * sizeof *parameters);
    memcpy(parameters, self->defaults, sizeof self->defaults);
    if (!has_needed(self, given))
        return 0;
    for (int i = 0; i < numbers_of[self->form]; i++)
        if (given[FIRST + i])
            parameters[i] = plain_number(given[FIRST + i]);
    if (!are_valid(self->form, parameters))
        return 0;
    if (self->form == LOW_HIGH)
        parameters[1] -= parameters[0];
    if (self->form == FREEDOM)
        parameters[0] *= 0.5;
    return 1;
}

/* The array of a short draw: a new one, or `out`. */
typedef struct {
    int axes;
    npy_intp lengths[MOST_AXES];
    uint64_t count;
    PyArray_Descr *dtype;
    PyArrayObject *out; /* null where a new array is asked for */
} target;

static int add_axis(target *target, PyObject *length)
{
    long long n = 0;
    if (target->axes == MOST_AXES || !plain_integer(length, &n) || n < 1 || n > most)
        return 0;
    target->lengths[target->axes++] = (npy_intp)n;
    target->count *= (uint64_t)n; /* at most `most` squared, and checked at each axis */
    return target->count <= (uint64_t)most;
}

static int add_axes(target *target, PyObject *size)
{
    int is_tuple = PyTuple_CheckExact(size), valid = 1;
    if (!is_tuple && !PyList_CheckExact(size))
        return add_axis(target, size);
    Py_ssize_t n = is_tuple ? PyTuple_Size(size) : PyList_Size(size);
    for (Py_ssize_t i = 0; valid && i < n; i++)
        valid = add_axis(target, is_tuple ? PyTuple_GetItem(size, i) : PyList_GetItem(size, i));
    return valid;
}

/* The dtype that is asked for, a new reference; null, without an error set, for one that only NumPy may know. */
static PyArray_Descr *dtype_of(PyObject *dtype, int without)
{
    PyArray_Descr *found = NULL;
    if (!dtype || dtype == float64_type || dtype == float32_type)
        return PyArray_DescrFromType(!dtype ? without : dtype == float64_type ? NPY_FLOAT64 : NPY_FLOAT32);
    if (PyArray_DescrCheck(dtype))
        return (PyArray_Descr *)Py_NewRef(dtype);
    if (!(PyType_Check(dtype) || PyUnicode_CheckExact(dtype)) || !PyArray_DescrConverter(dtype, &found))
        PyErr_Clear();
    return found;
}

/* Whether values can be written to the memory of `out` as it is. */
static int is_plain_out(const target *target, int has_size)
{
    PyArrayObject *out = target->out;
    int fits = PyArray_ISCARRAY(out) && PyArray_DESCR(out)->type_num == target->dtype->type_num && PyArray_SIZE(out) > 0 &&
               PyArray_SIZE(out) <= most;
    if (fits && has_size)
        fits = PyArray_NDIM(out) == target->axes && PyArray_CompareLists(PyArray_DIMS(out), target->lengths, target->axes);
    return fits;
}

/* Where the values go; 0 where this is not a short draw, and nothing is to be released. */
static int target_of(arguments given, int dtype_without, target *target)
{
    memset(target, 0, sizeof *target);
    target->count = 1;
    if ((!given[SIZE] && !given[OUT]) || (given[SIZE] && !add_axes(target, given[SIZE])) ||
        (given[OUT] && Py_TYPE(given[OUT]) != &PyArray_Type))
        return 0;
    target->dtype = dtype_of(given[DTYPE], dtype_without);
    target->out = (PyArrayObject *)given[OUT];
    int valid = target->dtype && PyArray_ISNBO(target->dtype->byteorder) &&
                (!target->out || is_plain_out(target, given[SIZE] != NULL));
    if (!valid)
        Py_CLEAR(target->dtype);
    else if (target->out)
        target->count = (uint64_t)PyArray_SIZE(target->out);
    return valid;
}

/* The generator's cursor; null where it is not a generator, or where Python is moving the cursor: the method in Python waits
   until that is done. */
static fi_cursor *cursor_of(PyObject *generator)
{
    int is_generator = PyType_IsSubtype(Py_TYPE(generator), (PyTypeObject *)generator_type);
    PyObject *address = is_generator ? PyObject_GetAttr(generator, cursor_name) : NULL;
    fi_cursor *cursor = address ? PyLong_AsVoidPtr(address) : NULL;
    Py_XDECREF(address);
    PyErr_Clear();
    return cursor && !cursor->held ? cursor : NULL;
}

/* What writes values: a kernel, or a search of the kernel's values in a table. */
typedef struct {
    int kernel;
    int is_rounded; /* whether its float64 values are to be float32 ones */
    const double *parameters;
    double *own;       /* null, or the parameters too, where each value has its own: they get the number of the first */
    const double *cdf; /* null, or as in fi_search */
    const int32_t *guide;
    int guide_bits;
    int64_t first;
} source;

/* Of a fastinit.backends.table.Table, a tuple of the cdf, the first number, and the guide. */
static source searched_in(int kernel, PyObject *table)
{
    PyArrayObject *cdf = (PyArrayObject *)PyTuple_GetItem(table, 0), *guide = (PyArrayObject *)PyTuple_GetItem(table, 2);
    source from = {.kernel = kernel, .cdf = PyArray_DATA(cdf), .guide = PyArray_DATA(guide)};
    from.first = PyLong_AsLongLong(PyTuple_GetItem(table, 1));
    while (((npy_intp)1 << from.guide_bits) < PyArray_SIZE(guide))
        from.guide_bits++;
    return from;
}

/* As the method in Python does it: float64 values, each rounded. */
static void write_rounded(const source *from, int level, const uint32_t *stream, uint64_t start, uint64_t count,
                          float *values)
{
    double wide[BLOCK];
    for (uint64_t at = 0; at < count; at += BLOCK) {
        uint64_t position = start + at, here = count - at < BLOCK ? count - at : BLOCK;
        fill(level, from->kernel, stream, from->parameters, &position, 1, here, 1, wide, 0, 0);
        for (uint64_t i = 0; i < here; i++)
            values[at + i] = (float)wide[i];
    }
}

static void write_values(const source *from, int level, const uint32_t *stream, uint64_t start, uint64_t count, void *values)
{
    if (from->is_rounded)
        write_rounded(from, level, stream, start, count, values);
    else if (from->cdf)
        search(level, from->kernel, stream, start, count, from->cdf, from->guide, from->guide_bits, from->first, values, 1,
               NULL);
    else
        fill(level, from->kernel, stream, from->parameters, &start, 1, count, 1, values, 0, 0);
}

/* The array, filled; null, without an error set, where this is not a short draw. */
static PyObject *drawn(PyObject *generator, const source *from, const target *target)
{
    fi_cursor *cursor = from->kernel >= 0 ? cursor_of(generator) : NULL;
    if (!cursor)
        return NULL;
    PyObject *array = Py_XNewRef((PyObject *)target->out);
    if (!array)
        array = PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)Py_NewRef((PyObject *)target->dtype), target->axes,
                                     (npy_intp *)target->lengths, NULL, NULL, 0, NULL);
    if (!array)
        return NULL;
    uint32_t stream[4]; /* a copy: without the interpreter's lock others may move the cursor to another stream */
    memcpy(stream, cursor->stream, sizeof stream);
    int level = (int)cursor->level;
    uint64_t start = take_values(cursor, from->kernel, target->count);
    if (from->own)
        memcpy(from->own + FIRST_OF_OWN, &start, sizeof start);
    PyThreadState *state = target->count >= LEAST_WITHOUT_LOCK ? PyEval_SaveThread() : NULL;
    write_values(from, level, stream, start, target->count, PyArray_DATA((PyArrayObject *)array));
    if (state)
        PyEval_RestoreThread(state);
    return array;
}

static int type_of_values(const short_draw *self)
{
    return self->form == PROBABILITY || self->form >= RATE ? NPY_INT64 : NPY_FLOAT64;
}

/* The kernel for values of a type. */
static source kernel_for(const short_draw *self, int type)
{
    int is_narrow = type == NPY_FLOAT32, is_rounded = is_narrow && self->kernels[0] < 0;
    int kernel = is_narrow && !is_rounded                     ? self->kernels[0]
                 : is_rounded || type == type_of_values(self) ? self->kernels[1]
                                                              : -1;
    return (source){.kernel = kernel, .is_rounded = is_rounded};
}

static PyObject *drawn_floats(const short_draw *self, PyObject *generator, arguments given)
{
    double parameters[MOST_PARAMETERS];
    target target;
    if (!parameters_of(self, given, parameters) || !target_of(given, type_of_values(self), &target))
        return NULL;
    source from = kernel_for(self, target.dtype->type_num);
    from.parameters = parameters;
    PyObject *array = drawn(generator, &from, &target);
    Py_DECREF(target.dtype);
    return array;
}

/* ---- parameters that are arrays ---- */

/* The numbers of a method as float64 arrays of any shapes that broadcast together. */
struct numbers {
    int n;
    PyArrayObject *of[MOST_NUMBERS];
};

static void release(struct numbers *numbers)
{
    for (int i = 0; i < numbers->n; i++)
        Py_CLEAR(numbers->of[i]);
}

static int is_array(PyObject *object)
{
    return Py_TYPE(object) == &PyArray_Type;
}

static int is_list(PyObject *object)
{
    return PyList_CheckExact(object) || PyTuple_CheckExact(object);
}

static int is_sequence(PyObject *object)
{
    return object && (is_array(object) || is_list(object));
}

/* Whether an array has numbers that float64 holds as NumPy's safe casts say; what lists hold the conversion finds out. */
static int has_numbers(PyObject *sequence)
{
    if (!is_array(sequence))
        return 1;
    int type = PyArray_TYPE((PyArrayObject *)sequence);
    return PyTypeNum_ISNUMBER(type) && PyArray_CanCastSafely(type, NPY_FLOAT64);
}

/* A number, or what a sequence holds, as an aligned array of float64; null, perhaps with an error set, where it is neither. */
static PyArrayObject *as_numbers(PyObject *object, double without)
{
    if (is_sequence(object))
        return has_numbers(object) ? (PyArrayObject *)PyArray_FROM_OTF(object, NPY_FLOAT64, NPY_ARRAY_CARRAY_RO) : NULL;
    PyArrayObject *alone = (PyArrayObject *)PyArray_SimpleNew(0, NULL, NPY_FLOAT64);
    if (alone)
        *(double *)PyArray_DATA(alone) = object ? plain_number(object) : without;
    return alone;
}

static int is_list_of_integers(PyObject *list)
{
    PyObject *array = PyArray_FROM_O(list);
    int has_integers = array && PyTypeNum_ISINTEGER(PyArray_TYPE((PyArrayObject *)array));
    Py_XDECREF(array);
    PyErr_Clear();
    return has_integers;
}

static int is_integer(PyObject *object)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    if (is_array(object))
        return PyTypeNum_ISINTEGER(PyArray_TYPE((PyArrayObject *)object)) &&
               PyArray_CanCastSafely(PyArray_TYPE((PyArrayObject *)object), NPY_INT64);
    return PyLong_CheckExact(object) || type == int64_type || type == int32_type ||
           (is_list(object) && is_list_of_integers(object));
}

/* Sets the method's numbers, and behind one the kernel's second parameter where it has one; 0, without an error set, where one
   is not given or none. */
static int take_numbers(const short_draw *self, arguments given, struct numbers *numbers)
{
    int of_method = numbers_of[self->form], has_second = of_method == 1 && self->defaults[1] != 0.0;
    int n = has_needed(self, given) ? of_method + has_second : 0;
    numbers->n = 0;
    if (n > 0 && self->form == TRIALS && !is_integer(given[FIRST]))
        return 0;
    while (numbers->n < n) {
        int i = numbers->n;
        numbers->of[i] = as_numbers(i < of_method ? given[FIRST + i] : NULL, i < 2 ? self->defaults[i] : 0.0);
        if (!numbers->of[i])
            break;
        numbers->n++;
    }
    PyErr_Clear();
    return n > 0 && numbers->n == n;
}

/* The shape that the numbers have together, and how many axes that is; -1 where it is none of a short draw. */
static int broadcast(const struct numbers *numbers, npy_intp lengths[MOST_AXES])
{
    int axes = 0;
    for (int i = 0; i < numbers->n; i++) {
        int n = PyArray_NDIM(numbers->of[i]);
        if (n > MOST_AXES)
            return -1;
        for (; axes < n; axes++) {
            memmove(lengths + 1, lengths, (size_t)axes * sizeof *lengths);
            lengths[0] = 1;
        }
        for (int k = 0; k < n; k++) {
            npy_intp length = PyArray_DIM(numbers->of[i], k), *have = &lengths[axes - n + k];
            if (length != 1 && *have != 1 && length != *have)
                return -1;
            *have = length == 1 ? *have : length;
        }
    }
    return axes;
}

/* Makes the numbers' own shape that of the values; 0 where this is not a short draw, and nothing is to be released. */
static int take_shape(const npy_intp *lengths, int axes, PyObject *dtype, int type, target *target)
{
    memset(target, 0, sizeof *target);
    target->count = 1;
    for (int k = 0; k < axes; k++) {
        if (lengths[k] < 1 || lengths[k] > most)
            return 0;
        target->lengths[target->axes++] = lengths[k];
        target->count *= (uint64_t)lengths[k];
        if (target->count > (uint64_t)most)
            return 0;
    }
    target->dtype = dtype_of(dtype, type);
    if (target->dtype && !PyArray_ISNBO(target->dtype->byteorder))
        Py_CLEAR(target->dtype);
    return target->dtype != NULL;
}

/* Where the values go, whose shape the numbers broadcast to; 0 where this is not a short draw, and nothing is to be released. */
static int target_for(const struct numbers *numbers, arguments given, int type, target *target)
{
    npy_intp lengths[MOST_AXES];
    int axes = broadcast(numbers, lengths), has_shape = given[SIZE] || given[OUT];
    if (axes < 0 || !(has_shape ? target_of(given, type, target) : take_shape(lengths, axes, given[DTYPE], type, target)))
        return 0;
    int fits = !target->out || PyArray_NDIM(target->out) <= MOST_AXES;
    if (fits && target->out) {
        target->axes = PyArray_NDIM(target->out);
        for (int k = 0; k < target->axes; k++)
            target->lengths[k] = PyArray_DIM(target->out, k);
    }
    fits = fits && target->axes > 0 && axes <= target->axes;
    for (int k = 0; fits && k < axes; k++)
        fits = lengths[k] == 1 || lengths[k] == target->lengths[target->axes - axes + k];
    if (!fits)
        Py_CLEAR(target->dtype);
    return fits;
}

/* The numbers of all values, one array behind the other, as the kernels take them, or null where one is not valid. `shape` has
   the values' shape. */
static double *numbers_of_values(const struct numbers *numbers, const target *shape, int form)
{
    const uint64_t count = shape->count;
    double *block = calloc(MOST_PARAMETERS + count * (uint64_t)numbers->n, sizeof *block), alone[MOST_NUMBERS];
    int valid = block != NULL;
    for (int i = 0; valid && i < numbers->n; i++) {
        PyObject *own = PyArray_New(&PyArray_Type, shape->axes, (npy_intp *)shape->lengths, NPY_FLOAT64, NULL,
                                    block + MOST_PARAMETERS + (uint64_t)i * count, 0, NPY_ARRAY_CARRAY, NULL);
        valid = own && PyArray_CopyInto((PyArrayObject *)own, numbers->of[i]) == 0;
        Py_XDECREF(own);
    }
    for (uint64_t value = 0; valid && value < count; value++) {
        for (int i = 0; i < numbers->n; i++)
            alone[i] = block[MOST_PARAMETERS + (uint64_t)i * count + value];
        valid = are_valid(form, alone);
    }
    for (uint64_t value = 0; valid && form == FREEDOM && value < count; value++)
        block[MOST_PARAMETERS + value] *= 0.5;
    if (!valid) {
        PyErr_Clear();
        free(block);
        return NULL;
    }
    return block;
}

/* Standard values, times the scale, plus the location, then `after`: as the method in Python does it, each operation rounded.
   `own` has the numbers of each value, one array behind the other. */
static PyObject *drawn_and_scaled(const short_draw *self, PyObject *generator, const double *own, const target *target)
{
    const double standard[MOST_PARAMETERS] = {self->form == SCALE ? 1.0 : 0.0, 1.0};
    const source from = {.kernel = self->standard, .parameters = standard};
    const double *loc = own, *scale = own + (uint64_t)(numbers_of[self->form] - 1) * target->count;
    PyObject *array = drawn(generator, &from, target), *result = array;
    double *values = array ? PyArray_DATA((PyArrayObject *)array) : NULL;
    for (uint64_t i = 0; array && i < target->count; i++)
        values[i] *= self->form == LOW_HIGH ? scale[i] - loc[i] : scale[i];
    for (uint64_t i = 0; array && i < target->count; i++)
        values[i] += self->form == SCALE ? 0.0 : loc[i];
    if (array && self->after != Py_None) {
        result = PyObject_CallFunctionObjArgs(self->after, array, NULL);
        Py_DECREF(array);
    }
    return result;
}

/* Whether it is a number, or an array that holds one alone. */
static int is_alone(PyObject *object)
{
    return !object || (is_array(object) && PyArray_NDIM((PyArrayObject *)object) == 0) || !isnan(plain_number(object));
}

/* Whether an argument is a sequence, or only one with axes. */
static int is_sequence_among(const short_draw *self, arguments given, int with_axes)
{
    for (int i = 0; i < numbers_of[self->form]; i++)
        if (is_sequence(given[FIRST + i]) && !(with_axes && is_alone(given[FIRST + i])))
            return 1;
    return 0;
}

static PyObject *drawn_by_arrays(const short_draw *self, PyObject *generator, arguments given)
{
    struct numbers numbers;
    target target;
    PyObject *array = NULL;
    int is_plain = !given[OUT] && (!given[DTYPE] || given[DTYPE] == float64_type);
    if (!(is_plain || self->owns) || !self->takes_arrays)
        return NULL;
    if (take_numbers(self, given, &numbers) && target_for(&numbers, given, type_of_values(self), &target)) {
        double *block = numbers_of_values(&numbers, &target, self->form);
        if (block && self->owns) {
            source from = kernel_for(self, target.dtype->type_num);
            block[COUNT_OF_OWN] = (double)target.count;
            from.parameters = from.own = block;
            array = drawn(generator, &from, &target);
        } else if (block) {
            array = drawn_and_scaled(self, generator, block + MOST_PARAMETERS, &target);
        }
        Py_DECREF(target.dtype);
        free(block);
    }
    release(&numbers);
    return array;
}

/* ---- integers ---- */

/* Whether integers from `low` to `last` are of the dtype, and the logarithm of its bytes. */
static int holds_integers(const PyArray_Descr *dtype, long long low, long long last, int *log2_bytes)
{
    int bytes = (int)PyDataType_ELSIZE(dtype), is_signed = dtype->kind == 'i';
    if (dtype->kind == 'b' ? low < 0 || last > 1 : dtype->kind != 'i' && dtype->kind != 'u')
        return 0;
    for (*log2_bytes = 0; 1 << *log2_bytes < bytes; ++*log2_bytes)
        ;
    int bits = 8 * bytes - is_signed;
    return low >= (is_signed ? -(1ll << (bits - 1)) * 2 : 0) && (bits >= 63 || last < 1ll << bits);
}

static PyObject *drawn_integers(const short_draw *self, PyObject *generator, arguments given)
{
    int log2_bytes, has_high = given[SECOND] && given[SECOND] != Py_None;
    int is_closed = given[ENDPOINT] == Py_True;
    long long bound[2] = {0, 0};
    target target;
    if (!given[FIRST] || !plain_integer(given[FIRST], &bound[!has_high]) ||
        (has_high && !plain_integer(given[SECOND], &bound[1])) ||
        (given[ENDPOINT] && !is_closed && given[ENDPOINT] != Py_False) || !target_of(given, NPY_INT64, &target))
        return NULL;
    uint64_t count = (uint64_t)bound[1] - (uint64_t)bound[0] + (uint64_t)is_closed;
    int is_range = (bound[0] < bound[1] || (is_closed && bound[0] == bound[1])) && count != 0;
    int one_word = count <= 1u << 24; /* LARGEST_NARROW_RANGE of requests.py */
    PyObject *array = NULL;
    if (is_range && holds_integers(target.dtype, bound[0], bound[1] - !is_closed, &log2_bytes)) {
        uint64_t bits[3] = {(uint64_t)bound[0], count, one_word ? (1ull << 32) % count : -count % count};
        double parameters[3];
        memcpy(parameters, bits, sizeof parameters);
        const source from = {.kernel = self->kernels[log2_bytes + (one_word ? 0 : 4)], .parameters = parameters};
        array = drawn(generator, &from, &target);
    }
    Py_DECREF(target.dtype);
    return array;
}

/* ---- counts ---- */

/* The table of the numbers' distribution, a new reference; null, perhaps with an error set, where there is none. */
static PyObject *table_of(const short_draw *self, const double *numbers)
{
    PyObject *first = self->form == TRIALS ? PyLong_FromDouble(numbers[0]) : PyFloat_FromDouble(numbers[0]);
    PyObject *second = self->form == RATE ? NULL : PyFloat_FromDouble(numbers[1]), *table = NULL;
    if (first && (second || self->form == RATE))
        table = PyObject_CallFunctionObjArgs(self->tables, first, second, NULL);
    Py_XDECREF(first);
    Py_XDECREF(second);
    if (table == Py_None)
        Py_CLEAR(table);
    return table;
}

/* Searched in the table, else by the kernel, which negative binomial counts do not have. */
static PyObject *drawn_counts(const short_draw *self, PyObject *generator, arguments given)
{
    double parameters[MOST_PARAMETERS];
    long long trials = 0;
    target target;
    if (!parameters_of(self, given, parameters) || (self->form == TRIALS && !plain_integer(given[FIRST], &trials)) ||
        !target_of(given, NPY_INT64, &target))
        return NULL;
    PyObject *array = NULL, *table = table_of(self, parameters);
    source from = {.kernel = self->form == REAL_TRIALS ? -1 : self->kernels[1], .parameters = parameters};
    if (table)
        from = searched_in(self->standard, table);
    if (!PyErr_Occurred())
        array = drawn(generator, &from, &target);
    Py_DECREF(target.dtype);
    Py_XDECREF(table);
    return array;
}

/* ---- bytes ---- */

static PyObject *drawn_bytes(const short_draw *self, PyObject *generator, PyObject *length)
{
    long long n = 0;
    int is_plain = length && PyLong_CheckExact(length) && plain_integer(length, &n) && n > 0 && n <= most;
    fi_cursor *cursor = is_plain && NPY_BYTE_ORDER == NPY_LITTLE_ENDIAN ? cursor_of(generator) : NULL;
    uint64_t count = ((uint64_t)n + 3) / 4; /* words */
    PyObject *words = cursor ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(4 * count)) : NULL;
    if (!words)
        return NULL;
    const source from = {.kernel = self->kernels[1]};
    uint64_t start = take_values(cursor, from.kernel, count);
    write_values(&from, (int)cursor->level, cursor->stream, start, count, PyBytes_AsString(words));
    PyObject *bytes = n % 4 ? PyBytes_FromStringAndSize(PyBytes_AsString(words), (Py_ssize_t)n) : Py_NewRef(words);
    Py_DECREF(words);
    return bytes;
}

/* ---- few values, which NumPy's code draws ---- */

/* How many numbers, or things, an argument holds; LONG_MAX for one that only the method in Python may know. */
static long size_of(PyObject *object, long least)
{
    if (is_array(object)) {
        npy_intp size = PyArray_SIZE((PyArrayObject *)object);
        return size < least ? (long)size : LONG_MAX;
    }
    if (!is_list(object))
        return isnan(plain_number(object)) ? LONG_MAX : 1;
    int is_tuple = PyTuple_CheckExact(object);
    Py_ssize_t n = is_tuple ? PyTuple_Size(object) : PyList_Size(object);
    long sum = n < least ? 0 : LONG_MAX;
    for (Py_ssize_t i = 0; i < n && sum < least; i++) {
        long of_item = size_of(is_tuple ? PyTuple_GetItem(object, i) : PyList_GetItem(object, i), least - sum);
        sum = of_item == LONG_MAX ? LONG_MAX : sum + of_item;
    }
    return sum;
}

/* Whether `size` asks for fewer than `least` values. */
static int is_few_of_size(PyObject *size, long least)
{
    int is_tuple = PyTuple_CheckExact(size), is_sequence = is_tuple || PyList_CheckExact(size);
    Py_ssize_t axes = is_tuple ? PyTuple_Size(size) : is_sequence ? PyList_Size(size) : 1;
    long long count = 1, n = 0;
    for (Py_ssize_t i = 0; i < axes; i++) {
        PyObject *length = is_tuple ? PyTuple_GetItem(size, i) : is_sequence ? PyList_GetItem(size, i) : size;
        if (!plain_integer(length, &n) || n < 0 || n >= least || (count *= n) >= least)
            return 0;
    }
    return 1;
}

static int have_same_shape(PyObject *object, PyObject *other)
{
    if (!is_array(object) || !is_array(other))
        return 0;
    PyArrayObject *array = (PyArrayObject *)object, *others = (PyArrayObject *)other;
    int axes = PyArray_NDIM(array);
    return axes == PyArray_NDIM(others) && PyArray_CompareLists(PyArray_DIMS(array), PyArray_DIMS(others), axes);
}

/* Whether values of these `n` arguments are surely fewer than `least`: each may have as many as all the others for one of its
   own, but not where all of an argument's axes are those of the first. */
static int are_few_of(PyObject *const *arguments, int n, int are_vectors, long least)
{
    long long count = 1;
    for (int i = 0; i < n; i++) {
        int is_counted = i > 0 && !are_vectors && arguments[i] && have_same_shape(arguments[i], arguments[0]);
        long size = is_counted ? 1 : arguments[i] ? size_of(arguments[i], least) : LONG_MAX;
        if (size == LONG_MAX || (count *= size) >= least)
            return 0;
    }
    return 1;
}

/* Whether fewer than `least` things are to be put into an order: the numbers below an integer, or along any axis of an array. A
   list NumPy's code always takes. */
static int are_few_items(PyObject *items, long least)
{
    long long n = 0;
    if (!items || !is_array(items))
        return items && (PyList_CheckExact(items) || (plain_integer(items, &n) && n < least));
    for (int k = 0; k < PyArray_NDIM((PyArrayObject *)items); k++)
        if (PyArray_DIM((PyArrayObject *)items, k) >= least)
            return 0;
    return 1;
}

/* The arguments of a call in their places; their number, or -1 where one is missing between others, or given twice, or unknown. */
static int place_arguments(const short_draw *self, PyObject *const *args, Py_ssize_t n, PyObject *names,
                           PyObject *placed[MOST_SLOTS + 1])
{
    Py_ssize_t named = names ? PyTuple_Size(names) : 0, last = n - 1 + named;
    memset(placed, 0, (MOST_SLOTS + 1) * sizeof *placed);
    for (Py_ssize_t i = 0; i < n - 1 + named; i++) {
        Py_ssize_t slot = i < n - 1 ? i : slot_named(self, PyTuple_GetItem(names, i - (n - 1)));
        if (slot >= self->slots || slot >= last || placed[slot])
            return -1;
        placed[slot] = args[1 + i];
    }
    return (int)last;
}

/* What NumPy's method makes of few values; null, without an error set, where the method in Python is needed. */
static PyObject *few_by_numpy(const short_draw *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *of[MOST_SLOTS + 1];
    int count = n > 0 ? place_arguments(self, args, n, names, of) : -1;
    if (count < 0)
        return NULL;
    int place = 0;
    while (place < self->slots && self->roles[place] != SIZE)
        place++;
    PyObject *size = place < count && of[place] != Py_None ? of[place] : NULL;
    int are_few = self->form == FEW_ITEMS     ? are_few_items(of[0], self->least)
                  : size                      ? is_few_of_size(size, self->least)
                  : self->form == FEW_CHOICES ? 1
                                              : are_few_of(of, place, self->form == FEW_VECTORS, self->least);
    return are_few ? PyObject_CallFunctionObjArgs(self->single, args[0], of[0], of[1], of[2], of[3], of[4], of[5], of[6],
                                                  of[7], NULL)
                   : NULL;
}

/* ---- calls ---- */

static int are_alone(const short_draw *self, arguments given)
{
    for (int i = 0; i < numbers_of[self->form]; i++)
        if (!is_alone(given[FIRST + i]))
            return 0;
    return 1;
}

/* NumPy's method of the numbers alone. */
static PyObject *single_by_numpy(const short_draw *self, PyObject *generator, arguments given)
{
    if (given[FIRST] || !given[SECOND])
        return PyObject_CallFunctionObjArgs(self->single, generator, given[FIRST], given[SECOND],
                                            given[SECOND] ? given[THIRD] : NULL, NULL);
    PyObject *first = PyFloat_FromDouble(self->defaults[0]);
    PyObject *single = first ? PyObject_CallFunctionObjArgs(self->single, generator, first, given[SECOND], NULL) : NULL;
    Py_XDECREF(first);
    return single;
}

/* NPY_NOTYPE for a dtype that only the method in Python may know. */
static int type_of(PyObject *dtype)
{
    PyArray_Descr *found = dtype_of(dtype, NPY_FLOAT64);
    int type = found && PyArray_ISNBO(found->byteorder) ? found->type_num : NPY_NOTYPE;
    Py_XDECREF(found);
    return type;
}

/* One value of a kernel that gives each value its own parameters: the method in Python has NumPy's draw it, too. */
static PyObject *single_of_own(const short_draw *self, PyObject *generator, arguments given)
{
    int type = given[DTYPE] ? type_of(given[DTYPE]) : NPY_FLOAT64;
    if (!has_needed(self, given) || !are_alone(self, given) || (type != NPY_FLOAT64 && type != NPY_FLOAT32))
        return NULL;
    PyObject *single = single_by_numpy(self, generator, given);
    if (!single || type == NPY_FLOAT64)
        return single;
    PyObject *rounded = PyFloat_FromDouble((float)PyFloat_AsDouble(single));
    Py_DECREF(single);
    return rounded;
}

/* The value that `after` makes of one. */
static double value_after(PyObject *after, double value)
{
    PyObject *array = PyArray_SimpleNew(0, NULL, NPY_FLOAT64);
    if (array)
        *(double *)PyArray_DATA((PyArrayObject *)array) = value;
    PyObject *result = array ? PyObject_CallFunctionObjArgs(after, array, NULL) : NULL;
    value = result ? *(double *)PyArray_DATA((PyArrayObject *)array) : NAN;
    Py_XDECREF(result);
    Py_XDECREF(array);
    return value;
}

/* A standard value of NumPy's method, scaled by numbers of which some are arrays without axes: as the method in Python does it,
   each operation rounded. */
static PyObject *scaled_single(const short_draw *self, PyObject *generator, arguments given)
{
    struct numbers numbers = {0};
    double of[MOST_NUMBERS] = {0};
    int n = numbers_of[self->form], valid = self->standard_single != Py_None && take_numbers(self, given, &numbers);
    for (int i = 0; valid && i < n; i++)
        of[i] = *(const double *)PyArray_DATA(numbers.of[i]);
    valid = valid && are_valid(self->form, of);
    release(&numbers);
    PyObject *standard = valid ? PyObject_CallFunctionObjArgs(self->standard_single, generator, NULL) : NULL;
    if (!standard)
        return NULL;
    double value = PyFloat_AsDouble(standard) * (self->form == LOW_HIGH ? of[1] - of[0] : of[n - 1]);
    value += self->form == SCALE ? 0.0 : of[0];
    Py_DECREF(standard);
    if (self->after != Py_None)
        value = value_after(self->after, value);
    return PyErr_Occurred() ? NULL : PyFloat_FromDouble(value);
}

/* One value, from NumPy's method; null, without an error set, where the method in Python is needed. */
static PyObject *single_value(const short_draw *self, PyObject *generator, arguments given)
{
    double parameters[MOST_PARAMETERS];
    if (self->form == INTEGER_RANGE && given[FIRST])
        return PyObject_CallFunctionObjArgs(self->single, generator, given[FIRST], given[SECOND] ? given[SECOND] : Py_None,
                                            Py_None, given[DTYPE] ? given[DTYPE] : int64_type,
                                            given[ENDPOINT] ? given[ENDPOINT] : Py_False, NULL);
    if (self->form == STANDARD) /* takes a dtype, behind the size */
        return given[DTYPE] ? PyObject_CallFunctionObjArgs(self->single, generator, Py_None, given[DTYPE], NULL)
                            : PyObject_CallFunctionObjArgs(self->single, generator, NULL);
    if (self->form == INTEGER_RANGE)
        return NULL;
    if (self->owns)
        return single_of_own(self, generator, given);
    if (given[DTYPE])
        return NULL;
    if (is_sequence_among(self, given, 0))
        return scaled_single(self, generator, given);
    return parameters_of(self, given, parameters) ? single_by_numpy(self, generator, given) : NULL;
}

/* Passes a call on to the method in Python. */
static PyObject *call_method(const short_draw *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *tuple = PyTuple_New(n), *named = names ? PyDict_New() : NULL, *result = NULL;
    int built = tuple && (!names || named);
    for (Py_ssize_t i = 0; built && i < n; i++)
        built = PyTuple_SetItem(tuple, i, Py_NewRef(args[i])) == 0;
    for (Py_ssize_t i = 0; built && names && i < PyTuple_Size(names); i++)
        built = PyDict_SetItem(named, PyTuple_GetItem(names, i), args[n + i]) == 0;
    if (built)
        result = PyObject_Call(self->method, tuple, named);
    Py_XDECREF(tuple);
    Py_XDECREF(named);
    return result;
}

static PyObject *drawn_by_form(const short_draw *self, PyObject *generator, arguments given)
{
    int is_single = !given[SIZE] && !given[OUT];
    if (self->form == LENGTH)
        return drawn_bytes(self, generator, given[FIRST]);
    if (self->form == INTEGER_RANGE)
        return (is_single ? single_value : drawn_integers)(self, generator, given);
    if (is_sequence_among(self, given, is_single))
        return drawn_by_arrays(self, generator, given);
    if (is_single)
        return single_value(self, generator, given);
    return (self->form >= RATE ? drawn_counts : drawn_floats)(self, generator, given);
}

/* Calls as in PEP 590, without a tuple and a dictionary made for each. */
static PyObject *short_draw_vectorcall(PyObject *object, PyObject *const *args, size_t flags_and_n, PyObject *names)
{
    short_draw *self = (short_draw *)object;
    const Py_ssize_t n = (Py_ssize_t)(flags_and_n & (SIZE_MAX >> 1));
    arguments given;
    PyObject *result = NULL;
    if (self->form >= FEW_VALUES)
        result = few_by_numpy(self, args, n, names);
    else if (parse_arguments(self, args, n, names, given))
        result = drawn_by_form(self, args[0], given);
    return result || PyErr_Occurred() ? result : call_method(self, args, n, names);
}

static PyObject *short_draw_call(PyObject *object, PyObject *args, PyObject *named)
{
    return PyObject_Call(((short_draw *)object)->method, args, named);
}

/* The role of the argument at this place, by the name that it has. */
static enum role role_of(const short_draw *self, int slot)
{
    if (slot < numbers_of[self->form])
        return (enum role)(FIRST + slot);
    for (int role = SIZE; role < ROLES; role++)
        if (PyUnicode_CompareWithASCIIString(PyTuple_GetItem(self->names, slot), role_names[role]) == 0)
            return role;
    return ROLES;
}

/* short_draw(method, single, names, form, kernels, default, default, takes_arrays, owns, tables, standard, after, least,
   standard_single);
   `names`: of the method's arguments, interned; `kernels`: numbers of the kernels, a tuple. */
static PyObject *short_draw_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *method, *single, *names, *kernels, *tables, *after, *standard_single;
    int standard, form, takes_arrays, owns;
    double defaults[2];
    long least;
    (void)named;
    if (!PyArg_ParseTuple(args, "OOO!iO!ddiiOiOlO", &method, &single, &PyTuple_Type, &names, &form, &PyTuple_Type, &kernels,
                          &defaults[0], &defaults[1], &takes_arrays, &owns, &tables, &standard, &after, &least,
                          &standard_single))
        return NULL;
    short_draw *self = (short_draw *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    self->vectorcall = short_draw_vectorcall;
    self->method = Py_NewRef(method);
    self->single = Py_NewRef(single);
    self->names = Py_NewRef(names);
    self->tables = Py_NewRef(tables);
    self->after = Py_NewRef(after);
    self->standard_single = Py_NewRef(standard_single);
    self->standard = standard;
    self->form = form;
    self->least = least;
    self->takes_arrays = takes_arrays;
    self->owns = owns;
    memcpy(self->defaults, defaults, sizeof defaults);
    self->slots = (int)(PyTuple_Size(names) < MOST_SLOTS ? PyTuple_Size(names) : MOST_SLOTS);
    for (int slot = 0; slot < self->slots; slot++)
        self->roles[slot] = role_of(self, slot);
    for (int i = 0; i < 8; i++)
        self->kernels[i] = i < PyTuple_Size(kernels) ? (int)PyLong_AsLong(PyTuple_GetItem(kernels, i)) : -1;
    if (PyErr_Occurred())
        Py_CLEAR(self);
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
    Py_VISIT(self->names);
    Py_VISIT(self->tables);
    Py_VISIT(self->after);
    Py_VISIT(self->standard_single);
    Py_VISIT(self->dict);
    return 0;
}

static int short_draw_clear(PyObject *object)
{
    short_draw *self = (short_draw *)object;
    Py_CLEAR(self->method);
    Py_CLEAR(self->single);
    Py_CLEAR(self->names);
    Py_CLEAR(self->tables);
    Py_CLEAR(self->after);
    Py_CLEAR(self->standard_single);
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
static PyMemberDef short_draw_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(short_draw, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(short_draw, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef short_draw_attributes[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
                                              {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot short_draw_slots[] = {{Py_tp_new, short_draw_new},           {Py_tp_call, short_draw_call},
                                         {Py_tp_descr_get, short_draw_get},     {Py_tp_traverse, short_draw_traverse},
                                         {Py_tp_clear, short_draw_clear},       {Py_tp_dealloc, short_draw_dealloc},
                                         {Py_tp_methods, short_draw_methods},   {Py_tp_members, short_draw_members},
                                         {Py_tp_getset, short_draw_attributes}, {0, NULL}};
/* The flag is in the limited API from Python 3.12 on; it has had this number, and the protocol, since 3.8. */
enum { HAVE_VECTORCALL = 1 << 11 };
static PyType_Spec short_draw_spec = {"fastinit._short_draws.short_draw", sizeof(short_draw), 0,
                                      Py_TPFLAGS_DEFAULT | HAVE_VECTORCALL | Py_TPFLAGS_HAVE_GC |
                                          Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_IMMUTABLETYPE,
                                      short_draw_slots};

/* bind(address of fi_take_values, address of fi_fill, address of fi_search, the most values of one call) */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyObject *take, *fill_address, *search_address;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOl", &take, &fill_address, &search_address, &most))
        return NULL;
    *(void **)&take_values = PyLong_AsVoidPtr(take);
    *(void **)&fill = PyLong_AsVoidPtr(fill_address);
    *(void **)&search = PyLong_AsVoidPtr(search_address);
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
    int32_type = attribute_of("numpy", "int32");
    int64_type = attribute_of("numpy", "int64");
    cursor_name = PyUnicode_InternFromString("_cursor_address");
    if (!module || !type || !method_type || !generator_type || !float32_type || !float64_type || !int32_type ||
        !int64_type || !cursor_name)
        return NULL;
    if (PyModule_AddStringConstant(module, "stamp", STAMP) < 0) /* of fastinit/backends/sources.py */
        return NULL;
    return PyModule_AddObject(module, "short_draw", type) < 0 ? NULL : module;
}
