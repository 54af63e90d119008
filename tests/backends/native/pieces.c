/* Runs jobs in pieces on the threads of csrc/kernels/threads.c, each check by its name: `pieces NAME`, and `pieces NAME
   sanitized` where the program has threads of a sanitizer. Exit status 1 where a piece is left out, runs twice, or runs after
   the call has returned. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"

enum { PIECES = 500, CALLERS = 4, ROUNDS = 50 };

static const char *build = ""; /* or "sanitized" */

static void expect(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

static void pass_time(long nanoseconds)
{
    struct timespec time = {0, nanoseconds};
    nanosleep(&time, NULL);
}

/* A job that counts how often each of its pieces has run. The counts are no atomics: only one thread may touch each. */
struct counted {
    int runs[PIECES];
    long nanoseconds;      /* that a piece takes */
    _Atomic int has_ended; /* whether the caller has returned */
    _Atomic int is_late;   /* whether a piece ran after that */
    _Atomic int num_begun;
};

static _Atomic int threads_seen;
static _Thread_local int is_seen;

static void count(void *job, uint64_t piece)
{
    struct counted *counted = job;
    if (!is_seen) {
        is_seen = 1;
        atomic_fetch_add(&threads_seen, 1);
    }
    atomic_fetch_add(&counted->num_begun, 1);
    if (counted->nanoseconds)
        pass_time(counted->nanoseconds);
    counted->runs[piece]++;
    if (atomic_load(&counted->has_ended))
        atomic_store(&counted->is_late, 1);
}

static int every_piece_ran_once(const struct counted *job, uint64_t pieces)
{
    for (uint64_t i = 0; i < PIECES; i++)
        if (job->runs[i] != (i < pieces))
            return 0;
    return 1;
}

static void check_every_number_of_threads_and_pieces(void)
{
    static const uint64_t PIECES_OF[] = {0, 1, 2, 3, 7, 64, 499, PIECES};
    static const int THREADS_OF[] = {-1, 0, 1, 2, 3, 8, 100};
    for (size_t t = 0; t < sizeof THREADS_OF / sizeof THREADS_OF[0]; t++)
        for (size_t p = 0; p < sizeof PIECES_OF / sizeof PIECES_OF[0]; p++) {
            struct counted job = {0};
            expect(run_pieces(count, &job, PIECES_OF[p], THREADS_OF[t], NULL) == 0, "a job runs to its end");
            expect(every_piece_ran_once(&job, PIECES_OF[p]), "every piece runs once");
        }
}

static void check_no_more_threads_start_than_there_are_pieces(void)
{
    struct counted job = {.nanoseconds = 2000000};
    run_pieces(count, &job, 5, 4000, NULL);
    expect(atomic_load(&threads_seen) <= 5, "at most as many threads as pieces take part");
    if (strcmp(build, "sanitized") == 0)
        return; /* ThreadSanitizer has a thread of its own */
    char command[64];
    snprintf(command, sizeof command, "ls /proc/%d/task 2>/dev/null | wc -l", (int)getpid());
    FILE *listing = popen(command, "r");
    int threads = 0;
    expect(listing && fscanf(listing, "%d", &threads) == 1 && threads <= 5, "at most as many threads as pieces exist");
    pclose(listing);
}

static void check_all_threads_take_part_in_a_long_job(void)
{
    struct counted job = {.nanoseconds = 5000000};
    run_pieces(count, &job, 100, 8, NULL);
    expect(atomic_load(&threads_seen) == 8, "all threads take part");
}

static void *call_often(void *threads)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct counted job = {0};
        run_pieces(count, &job, PIECES, *(int *)threads, NULL);
        expect(every_piece_ran_once(&job, PIECES), "every piece of each of several callers runs once");
    }
    return NULL;
}

static void check_several_callers_at_once(void)
{
    pthread_t callers[CALLERS];
    int threads[CALLERS] = {2, 3, 5, 9};
    for (int i = 0; i < CALLERS; i++)
        expect(!pthread_create(&callers[i], NULL, call_often, &threads[i]), "a caller starts");
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
}

/* More jobs at once than the table has places for: each piece calls for a job of its own. */
static void call_within(void *job, uint64_t piece)
{
    struct counted within = {0};
    run_pieces(count, &within, 20, 3, NULL);
    expect(every_piece_ran_once(&within, 20), "every piece of a job within a job runs once");
    count(job, piece);
}

static void check_jobs_within_pieces(void)
{
    struct counted job = {0};
    run_pieces(call_within, &job, 200, 100, NULL);
    expect(every_piece_ran_once(&job, 200), "every piece of the outer job runs once");
}

static int stop(void)
{
    return 7;
}

static int go_on(void)
{
    return 0;
}

static void check_a_pause_stops_the_job_for_good(void)
{
    for (int threads = 1; threads < 9; threads += 3) {
        struct counted job = {.nanoseconds = 3000000};
        expect(run_pieces(count, &job, PIECES, threads, stop) == 7, "the result of the pause is returned");
        atomic_store(&job.has_ended, 1);
        expect(atomic_load(&job.num_begun) < PIECES, "pieces are left when a job is stopped");
        pass_time(10000000);
        expect(!atomic_load(&job.is_late), "no piece runs after the call");
        struct counted next = {.nanoseconds = 500000};
        expect(run_pieces(count, &next, 100, threads, go_on) == 0, "a pause without a result lets the job go on");
        expect(every_piece_ran_once(&next, 100), "every piece of the job after a stopped one runs once");
    }
}

static int has_forked;

static int fork_once(void)
{
    if (has_forked)
        return 0;
    has_forked = 1;
    pid_t child = fork();
    int status = 0;
    if (child != 0)
        expect(waitpid(child, &status, 0) == child && status == 0, "the child ends well");
    return 0;
}

static void mark(void *job, uint64_t piece)
{
    pass_time(1000000);
    ((_Atomic int *)job)[piece] = 1;
}

/* In a child the pieces that other threads had under way are lost: it runs them again. */
static void check_a_fork_within_a_pause_finishes_in_both_processes(void)
{
    static _Atomic int marks[PIECES];
    run_pieces(mark, marks, PIECES, 4, fork_once);
    expect(has_forked, "the pause was called");
    for (int i = 0; i < PIECES; i++)
        expect(atomic_load(&marks[i]) == 1, "every piece has run");
}

static void check_a_child_starts_threads_of_its_own(void)
{
    struct counted job = {.nanoseconds = 1000000};
    run_pieces(count, &job, 50, 6, NULL);
    pid_t child = fork();
    if (child == 0) {
        struct counted of_child = {.nanoseconds = 5000000};
        atomic_store(&threads_seen, 1); /* the one that forked has been seen */
        run_pieces(count, &of_child, 100, 6, NULL);
        expect(every_piece_ran_once(&of_child, 100), "every piece runs once in a child");
        expect(atomic_load(&threads_seen) == 6, "a child's own threads take part");
        exit(0);
    }
    int status = 0;
    expect(waitpid(child, &status, 0) == child && status == 0, "the child ends well");
}

static const struct {
    const char *name;
    void (*run)(void);
} CHECKS[] = {
    {"numbers", check_every_number_of_threads_and_pieces},
    {"few", check_no_more_threads_start_than_there_are_pieces},
    {"all", check_all_threads_take_part_in_a_long_job},
    {"callers", check_several_callers_at_once},
    {"nested", check_jobs_within_pieces},
    {"stop", check_a_pause_stops_the_job_for_good},
    {"fork in pause", check_a_fork_within_a_pause_finishes_in_both_processes},
    {"fork", check_a_child_starts_threads_of_its_own},
};

int main(int argc, char **argv)
{
    if (argc == 3)
        build = argv[2];
    for (size_t i = 0; argc >= 2 && i < sizeof CHECKS / sizeof CHECKS[0]; i++)
        if (strcmp(argv[1], CHECKS[i].name) == 0) {
            CHECKS[i].run();
            return 0;
        }
    return 2;
}
