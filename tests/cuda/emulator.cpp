// The kernels of csrc/cuda/, compiled for the CPU: threads and blocks are loops. Their sources, and the list KERNELS(X), are
// before this file in what is compiled (tests/cuda/emulated.py).
#include <cstdint>

template <class Drawn, class Of, class Element>
static void run(void (*kernel)(Drawn, Of, Element *), unsigned blocks, unsigned threads, void **arguments)
{
    blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++)
            kernel(*(Drawn *)arguments[0], *(Of *)arguments[1], *(Element **)arguments[2]);
}

#define LAUNCH(name, ...)                                                                       \
    extern "C" void launch_##name##_runs(unsigned blocks, unsigned threads, void **arguments)   \
    {                                                                                           \
        run(name##_runs, blocks, threads, arguments);                                           \
    }                                                                                           \
    extern "C" void launch_##name##_places(unsigned blocks, unsigned threads, void **arguments) \
    {                                                                                           \
        run(name##_places, blocks, threads, arguments);                                         \
    }
KERNELS(LAUNCH)
