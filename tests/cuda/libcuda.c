/* A driver of CUDA for one device that is this process: NVIDIA's own bindings load it as libcuda.so.1, so that a test sees
   whether they take the calls as fastinit makes them. The kernels are those that g++ has compiled (emulator.cpp), in the
   library that FASTINIT_TEST_KERNELS names; streams do at once what they are told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS, INVALID_VALUE, OUT_OF_MEMORY, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NOT_FOUND = 500 };
enum { MOST_BLOCKS = 100000, MOST_BYTES = 1 << 24, COMPUTE_CAPABILITY_MAJOR = 75, MEMORY_TYPE = 2 };

static struct {
    uint64_t at;
    size_t nbytes;
} blocks[MOST_BLOCKS];
static int num_blocks, depth; /* of memory; contexts pushed */
static size_t in_use;
static void *capturing;

static int owner(uint64_t pointer)
{
    for (int i = 0; i < num_blocks; i++)
        if (blocks[i].at && pointer >= blocks[i].at && pointer < blocks[i].at + blocks[i].nbytes)
            return i;
    return -1;
}

int cuInit(unsigned flags)
{
    return flags ? INVALID_VALUE : SUCCESS;
}
int cuDriverGetVersion(int *version)
{
    return *version = 13000, SUCCESS;
}
int cuDeviceGet(int *device, int ordinal)
{
    return *device = ordinal, ordinal ? INVALID_VALUE : SUCCESS;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    return *value = attribute == COMPUTE_CAPABILITY_MAJOR ? 9 : 0, device ? INVALID_VALUE : SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **context, int device)
{
    return *context = &depth, device ? INVALID_VALUE : SUCCESS;
}
int cuCtxPushCurrent_v2(void *context)
{
    return depth += context == &depth, context == &depth ? SUCCESS : INVALID_CONTEXT;
}
int cuCtxPopCurrent_v2(void **context)
{
    return *context = &depth, depth-- > 0 ? SUCCESS : INVALID_CONTEXT;
}
int cuCtxSynchronize(void)
{
    return depth ? SUCCESS : INVALID_CONTEXT;
}

int cuMemAlloc_v2(uint64_t *pointer, size_t nbytes)
{
    if (!depth)
        return INVALID_CONTEXT;
    if (nbytes > MOST_BYTES - in_use || num_blocks == MOST_BLOCKS)
        return OUT_OF_MEMORY;
    in_use += nbytes;
    *pointer = blocks[num_blocks].at = (uint64_t)aligned_alloc(256, (nbytes + 255) / 256 * 256);
    blocks[num_blocks++].nbytes = nbytes;
    return SUCCESS;
}
int cuMemFree_v2(uint64_t pointer)
{
    int i = owner(pointer);
    if (i < 0)
        return INVALID_VALUE;
    in_use -= blocks[i].nbytes;
    free((void *)blocks[i].at);
    blocks[i].at = 0;
    return SUCCESS;
}
int cuMemAllocAsync(uint64_t *pointer, size_t nbytes, void *stream)
{
    return (void)stream, cuMemAlloc_v2(pointer, nbytes);
}
int cuMemFreeAsync(uint64_t pointer, void *stream)
{
    return (void)stream, cuMemFree_v2(pointer);
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t nbytes)
{
    return owner(to) < 0 ? INVALID_VALUE : (memcpy((void *)to, from, nbytes), SUCCESS);
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t nbytes, void *stream)
{
    return (void)stream, cuMemcpyHtoD_v2(to, from, nbytes);
}
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t nbytes)
{
    return owner(from) < 0 ? INVALID_VALUE : (memcpy(to, (void *)from, nbytes), SUCCESS);
}

struct copy { /* CUDA_MEMCPY2D */
    size_t from_x, from_y;
    int from_type;
    const void *from_host;
    uint64_t from_device;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    int to_type;
    void *to_host;
    uint64_t to_device;
    void *to_array;
    size_t to_pitch, width, height;
};

int cuMemcpy2DAsync_v2(const struct copy *copy, void *stream)
{
    (void)stream;
    if (copy->from_type != 1 || copy->to_type != 2 || copy->width > copy->from_pitch || copy->width > copy->to_pitch)
        return INVALID_VALUE;
    for (size_t y = 0; y < copy->height; y++)
        memcpy((char *)copy->to_device + y * copy->to_pitch, (char *)copy->from_host + y * copy->from_pitch, copy->width);
    return SUCCESS;
}

#define MEMSET(bits)                                                                           \
    int cuMemsetD##bits##Async(uint64_t pointer, uint##bits##_t value, size_t n, void *stream) \
    {                                                                                          \
        for (size_t i = 0; i < n; i++)                                                         \
            ((uint##bits##_t *)pointer)[i] = value;                                            \
        return (void)stream, SUCCESS;                                                          \
    }
MEMSET(8)
MEMSET(16)
MEMSET(32)
int cuMemsetD2D32Async(uint64_t pointer, size_t pitch, unsigned value, size_t width, size_t height, void *stream)
{
    for (size_t y = 0; y < height; y++)
        cuMemsetD32Async(pointer + y * pitch, value, width, stream);
    return SUCCESS;
}

int cuPointerGetAttribute(void *value, int attribute, uint64_t pointer)
{
    return *(int *)value = attribute == MEMORY_TYPE ? 2 : 0, owner(pointer) < 0 ? INVALID_VALUE : SUCCESS;
}

int cuLibraryLoadData(void **library, const void *code, void *a, void *b, unsigned n, void *c, void *d, unsigned m)
{
    (void)a, (void)b, (void)n, (void)c, (void)d, (void)m;
    return *library = &blocks, memcmp(code, "\177ELF", 4) ? INVALID_IMAGE : SUCCESS;
}
int cuLibraryGetKernel(void **kernel, void *library, const char *name)
{
    char launcher[256];
    snprintf(launcher, sizeof launcher, "launch_%s", name);
    *kernel = library == &blocks ? dlsym(dlopen(getenv("FASTINIT_TEST_KERNELS"), RTLD_NOW), launcher) : NULL;
    return *kernel ? SUCCESS : NOT_FOUND;
}
int cuLaunchKernel(void *kernel, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threads_y,
                   unsigned threads_z, unsigned shared, void *stream, void **arguments, void **extra)
{
    (void)stream;
    if (!depth || y != 1 || z != 1 || threads_y != 1 || threads_z != 1 || shared || extra)
        return INVALID_VALUE;
    ((void (*)(unsigned, unsigned, void **))kernel)(x, threads, arguments);
    return SUCCESS;
}

int cuStreamCreate(void **stream, unsigned flags)
{
    return *stream = malloc(8), flags > 1 ? INVALID_VALUE : SUCCESS;
}
int cuStreamDestroy_v2(void *stream)
{
    return free(stream), SUCCESS;
}
int cuStreamSynchronize(void *stream)
{
    return (void)stream, depth ? SUCCESS : INVALID_CONTEXT;
}
int cuStreamIsCapturing(void *stream, int *is_capturing)
{
    return *is_capturing = stream && stream == capturing, SUCCESS;
}
int cuStreamBeginCapture_v2(void *stream, int mode)
{
    return (void)mode, capturing = stream, SUCCESS;
}
int cuStreamEndCapture(void *stream, void **graph)
{
    return *graph = stream, capturing = NULL, SUCCESS;
}

/* Where the bindings look up all others. */
int cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *status)
{
    char versioned[256];
    void *here = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    (void)version, (void)flags;
    snprintf(versioned, sizeof versioned, "%s_v2", name);
    *function = dlsym(here, versioned);
    if (!*function)
        *function = dlsym(here, name);
    if (status)
        *status = !*function;
    return *function ? SUCCESS : NOT_FOUND;
}
