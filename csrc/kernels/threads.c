/* The process's native threads. A caller publishes its job in a table; threads that are free join it, and leave it when no
   piece is left. Joining, taking a piece and leaving are one atomic operation each: there is no lock that all pass. */
#define _GNU_SOURCE /* for syscall, and pthread_getattr_np in stack.h */
#include "threads.h"

#include <stddef.h>
#include <time.h>

#include "kernels.h"
#include "stack.h"

static const int64_t PAUSE = 10 * 1000 * 1000; /* nanoseconds between two pauses: a Ctrl-C may wait so long */

static int64_t now(void)
{
    struct timespec time;
#ifdef CLOCK_MONOTONIC
    clock_gettime(CLOCK_MONOTONIC, &time);
#else
    timespec_get(&time, TIME_UTC);
#endif
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#if !defined(__linux__) && !defined(__APPLE__)

int fi_has_threads(void)
{
    return 0;
}

int run_pieces_once(piece_function *run, void *job, uint64_t pieces, int threads, pause_function *pause)
{
    int64_t paused = now();
    (void)threads;
    for (uint64_t piece = 0; piece < pieces; piece++) {
        run(job, piece);
        if (pause && now() - paused >= PAUSE) {
            int result = pause();
            if (result)
                return result;
            paused = now();
        }
    }
    return 0;
}

#else

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* ---- sleeping until a word changes; to look at it for some microseconds before made fills slower (bench/threads.py) ---- */

#if defined(__linux__) && defined(SYS_futex) && !defined(FASTINIT_NO_FUTEX)

static void sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word, int sleepers)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
}

static void forget_sleepers(void)
{
}

#else /* one condition for all words: those that a change does not concern look at theirs and sleep on */

static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    pthread_mutex_lock(&sleep_lock);
    while (atomic_load(word) == value)
        pthread_cond_wait(&changed, &sleep_lock);
    pthread_mutex_unlock(&sleep_lock);
}

static void wake(_Atomic uint32_t *word, int sleepers)
{
    (void)word, (void)sleepers;
    pthread_mutex_lock(&sleep_lock); /* so that none is between its look and its sleep */
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&sleep_lock);
}

static void forget_sleepers(void)
{
    pthread_mutex_init(&sleep_lock, NULL);
    pthread_cond_init(&changed, NULL);
}

#endif

/* ---- jobs ---- */

/* The pieces that one thread has first. */
struct range {
    _Alignas(64) _Atomic uint64_t next;
    uint64_t end;
};

struct shared_job {
    piece_function *run;
    void *job;
    struct range *ranges;
    uint32_t num_ranges;
    _Atomic uint32_t joined; /* threads that have taken part, each of which begins with the range of its number */
    _Atomic int stopped;
};

/* One thread within a job. */
struct participant {
    struct shared_job *job;
    uint32_t range; /* that the next piece is taken from, if it has one */
    int64_t until;  /* the time at which the thread pauses; never where 0 */
    int has_ended;  /* whether it found no piece left */
};

static int take(struct participant *at, uint64_t *piece)
{
    struct shared_job *job = at->job;
    if (atomic_load_explicit(&job->stopped, memory_order_relaxed))
        return 0;
    for (uint32_t tried = 0; tried < job->num_ranges; tried++) {
        struct range *range = &job->ranges[at->range];
        if (atomic_load_explicit(&range->next, memory_order_relaxed) < range->end) {
            *piece = atomic_fetch_add_explicit(&range->next, 1, memory_order_relaxed);
            if (*piece < range->end)
                return 1;
        }
        at->range = at->range + 1 < job->num_ranges ? at->range + 1 : 0;
    }
    return 0;
}

static void work(void *participant)
{
    struct participant *at = participant;
    uint64_t piece;
    while (take(at, &piece)) {
        at->job->run(at->job->job, piece);
        if (at->until && now() >= at->until)
            return;
    }
    at->has_ended = 1;
}

/* ---- the table of jobs that threads may join ---- */

/* The state of a place: how many threads are within its job, how many more may join, whether any may, and whether a caller
   has the place. Only the owner sets and clears the last; a job is read by those alone who are counted. */
enum { WORKING = 1, WANTED = 1 << 14, OPEN = 1 << 28, TAKEN = 1 << 29, MOST_WORKERS = WANTED - 1, PLACES = 64 };

static uint32_t working(uint32_t state)
{
    return state % WANTED;
}

static uint32_t wanted(uint32_t state)
{
    return state % OPEN / WANTED;
}

struct place {
    _Alignas(64) _Atomic uint32_t state;
    struct shared_job *job;
};

static struct place places[PLACES];
static _Atomic uint32_t changes; /* counts the jobs published: free threads wait for the next */
static _Atomic int num_workers;
static _Atomic uint32_t forks; /* how often this process is the child of one that had threads */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;

/* Makes the job one that `workers` threads may join. Null where there are too many jobs. */
static struct place *publish(struct shared_job *job, uint32_t workers)
{
    for (struct place *place = places; place < places + PLACES; place++) {
        uint32_t vacant = 0;
        if (!atomic_compare_exchange_strong(&place->state, &vacant, TAKEN))
            continue;
        place->job = job;
        atomic_store(&place->state, TAKEN | OPEN | workers * WANTED);
        atomic_fetch_add(&changes, 1);
        wake(&changes, 2); /* each wakes others when it has joined: one thread would take long to wake a hundred */
        return place;
    }
    return NULL;
}

/* Lets no more threads join, and waits for those that have. */
static void withdraw(struct place *place)
{
    uint32_t state = atomic_fetch_and(&place->state, TAKEN | (WANTED - 1)) & (TAKEN | (WANTED - 1));
    while (working(state) > 0) {
        sleep_while(&place->state, state);
        state = atomic_load(&place->state);
    }
    atomic_store(&place->state, 0);
}

static int join(struct place *place)
{
    uint32_t state = atomic_load(&place->state);
    while (state & OPEN && wanted(state) > 0)
        if (atomic_compare_exchange_weak(&place->state, &state, state - WANTED + WORKING)) {
            if (wanted(state) > 1)
                wake(&changes, 2);
            return 1;
        }
    return 0;
}

static void leave(struct place *place)
{
    uint32_t state = atomic_fetch_sub(&place->state, WORKING);
    if (!(state & OPEN) && working(state) == 1)
        wake(&place->state, 1);
}

/* Takes part in a job; 0 where there is none. */
static int take_part(void)
{
    for (struct place *place = places; place < places + PLACES; place++) {
        if (!join(place))
            continue;
        struct participant at = {place->job, 0, 0, 0};
        at.range = atomic_fetch_add(&at.job->joined, 1);
        work(&at);
        leave(place);
        return 1;
    }
    return 0;
}

static void *work_for_ever(void *unused)
{
    for (;;) {
        uint32_t seen = atomic_load(&changes);
        if (!take_part())
            sleep_while(&changes, seen);
    }
    return unused;
}

/* ---- threads and forks ---- */

static void lock_start(void)
{
    pthread_mutex_lock(&start_lock);
}

static void unlock_start(void)
{
    pthread_mutex_unlock(&start_lock);
}

/* A child has the one thread that forked, and no job of its parent's that another thread called for. */
static void forget_threads(void)
{
    for (struct place *place = places; place < places + PLACES; place++)
        atomic_store(&place->state, 0);
    atomic_store(&num_workers, 0);
    atomic_fetch_add(&forks, 1);
    forget_sleepers();
    pthread_mutex_unlock(&start_lock);
}

static int start_worker(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes))
        return 0;
    int started = !pthread_attr_setstacksize(&attributes, STACK_OF_ITS_OWN) &&
                  !pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) &&
                  !pthread_create(&thread, &attributes, work_for_ever, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* Starts the workers that are missing; where the system allows no more, fewer do the work. */
static void ensure_workers(int n)
{
    static int forgets; /* whether children forget the threads */
    sigset_t all, before;
    if (atomic_load(&num_workers) >= n)
        return;
    sigfillset(&all);
    pthread_mutex_lock(&start_lock);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* which new threads inherit: signals are for the program's own */
    forgets = forgets || !pthread_atfork(lock_start, unlock_start, forget_threads);
    while (forgets && atomic_load(&num_workers) < n && start_worker())
        atomic_fetch_add(&num_workers, 1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_mutex_unlock(&start_lock);
}

/* ---- the caller ---- */

int fi_has_threads(void)
{
    return 1;
}

/* Works on the job to its end, with pauses; returns the last result of `pause`, or FORKED in the child of a fork within it. */
static int work_with_pauses(struct shared_job *job, pause_function *pause)
{
    struct participant at = {job, 0, 0, 0};
    uint32_t before = atomic_load(&forks);
    for (;;) {
        at.until = pause ? now() + PAUSE : 0;
        run_with_stack(work, &at);
        if (at.has_ended)
            return 0;
        int result = pause();
        if (result)
            atomic_store(&job->stopped, 1);
        if (atomic_load(&forks) != before)
            return result ? result : FORKED;
        if (result)
            return result;
    }
}

static int run_on_threads(piece_function *run, void *job, uint64_t pieces, uint32_t threads, pause_function *pause)
{
    struct range alone, *ranges = threads > 1 ? aligned_alloc(64, threads * sizeof *ranges) : NULL;
    threads = ranges ? threads : 1;
    struct shared_job shared = {run, job, ranges ? ranges : &alone, threads, 1, 0};
    for (uint64_t i = 0; i < threads; i++) {
        atomic_init(&shared.ranges[i].next, pieces / threads * i + pieces % threads * i / threads);
        shared.ranges[i].end = pieces / threads * (i + 1) + pieces % threads * (i + 1) / threads;
    }
    uint32_t before = atomic_load(&forks);
    if (threads > 1)
        ensure_workers((int)threads - 1);
    struct place *place = threads > 1 ? publish(&shared, threads - 1) : NULL;
    int result = work_with_pauses(&shared, pause);
    if (place && atomic_load(&forks) == before)
        withdraw(place);
    free(ranges);
    return result;
}

int run_pieces_once(piece_function *run, void *job, uint64_t pieces, int threads, pause_function *pause)
{
    uint64_t most = pieces < MOST_WORKERS ? pieces : MOST_WORKERS;
    uint32_t used = threads < 1 || most < 1 ? 1 : (uint64_t)threads < most ? (uint32_t)threads : (uint32_t)most;
    return run_on_threads(run, job, pieces, used, pause);
}

#endif

int run_pieces(piece_function *run, void *job, uint64_t pieces, int threads, pause_function *pause)
{
    int result;
    do
        result = run_pieces_once(run, job, pieces, threads, pause);
    while (result == FORKED);
    return result;
}
