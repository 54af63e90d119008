/* Runs code that needs much of the stack also on threads that have little: those of musl have 128 KiB, and a program may ask
   for less (in Python by threading.stack_size). There it runs on a thread of its own, for which the caller waits. */
#ifndef FASTINIT_STACK_H
#define FASTINIT_STACK_H

#include <stddef.h>
#include <stdint.h>

typedef void stack_user(void *job);

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>

enum {
    STACK_NEEDED = 192 * 1024, /* fi_fill has 48 KiB of buffers, a kernel up to 56 */
    STACK_OF_ITS_OWN = 512 * 1024
};

/* The lowest address of the calling thread's stack; null where it cannot be told. */
static char *lowest_of_stack(void)
{
#ifdef __APPLE__
    pthread_t self = pthread_self();
    return (char *)pthread_get_stackaddr_np(self) - pthread_get_stacksize_np(self);
#else
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes))
        return NULL;
    if (pthread_attr_getstack(&attributes, &lowest, &size))
        lowest = NULL;
    pthread_attr_destroy(&attributes);
    return lowest;
#endif
}

struct stack_job {
    stack_user *run;
    void *job;
};

static void *run_job(void *job)
{
    struct stack_job *of = job;
    of->run(of->job);
    return NULL;
}

/* 1 where the job has run on a thread of its own. */
static int run_on_own_thread(stack_user *run, void *job)
{
    struct stack_job of = {run, job};
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes))
        return 0;
    int started =
        !pthread_attr_setstacksize(&attributes, STACK_OF_ITS_OWN) && !pthread_create(&thread, &attributes, run_job, &of);
    pthread_attr_destroy(&attributes);
    if (started)
        pthread_join(thread, NULL);
    return started;
}

/* A stack of another kind than the thread's own, as some coroutines have, is taken to be large enough. */
static void run_with_stack(stack_user *run, void *job)
{
    static _Thread_local char *lowest;
    static _Thread_local int is_known;
    char here;
    if (!is_known) {
        lowest = lowest_of_stack();
        is_known = 1;
    }
    uintptr_t left = (uintptr_t)&here - (uintptr_t)lowest;
    if (!lowest || left >= STACK_NEEDED || !run_on_own_thread(run, job))
        run(job);
}
#else
static void run_with_stack(stack_user *run, void *job)
{
    run(job);
}
#endif

#endif
