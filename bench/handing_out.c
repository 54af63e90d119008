/* Times fills by the threads of csrc/kernels/threads.c with kernels that only pass time, some nanoseconds an element: so it
   takes no machine of many cores to see what handing out pieces costs. `handing_out ELEMENTS THREADS NANOSECONDS ROUNDS`
   prints, a line a round, the microseconds of such a fill, and of as many threads that pass a barrier, sleep as often for
   pieces of their own, and meet at it again: what this machine itself makes of so many sleepers. */
#define _GNU_SOURCE /* for prctl */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "threads.h"

static uint64_t elements, piece_elements;
static double nanoseconds; /* an element */

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void sleep_piece(void *unused, uint64_t piece)
{
    static _Thread_local int is_exact;
    (void)unused;
#if defined(__linux__)
    if (!is_exact)
        prctl(PR_SET_TIMERSLACK, 1); /* nanosecond; else sleeps end 50 microseconds late */
#endif
    is_exact = 1;
    uint64_t left = elements - piece * piece_elements, n = left < piece_elements ? left : piece_elements;
    int64_t time = (int64_t)((double)n * nanoseconds);
    struct timespec sleep = {time / 1000000000, time % 1000000000};
    nanosleep(&sleep, NULL);
}

struct team {
    int threads;
    uint64_t pieces;
    pthread_barrier_t barrier;
};

struct member {
    struct team *team;
    int number;
};

static void sleep_share(const struct team *team, int number)
{
    uint64_t n = (uint64_t)team->threads, end = team->pieces * (uint64_t)(number + 1) / n;
    pthread_barrier_wait((pthread_barrier_t *)&team->barrier);
    for (uint64_t piece = team->pieces * (uint64_t)number / n; piece < end; piece++)
        sleep_piece(NULL, piece);
    pthread_barrier_wait((pthread_barrier_t *)&team->barrier);
}

static void *sleep_for_ever(void *argument)
{
    const struct member *member = argument;
    for (;;)
        sleep_share(member->team, member->number);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    elements = strtoull(argv[1], NULL, 0);
    int threads = atoi(argv[2]), rounds = atoi(argv[4]);
    nanoseconds = atof(argv[3]);
    piece_elements = elements_of_piece(elements, threads);
    struct team team = {threads, (elements - 1) / piece_elements + 1, {{0}}};
    struct member *members = calloc((size_t)threads, sizeof *members);
    pthread_barrier_init(&team.barrier, NULL, (unsigned)threads);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        members[i] = (struct member){&team, i};
        if (pthread_create(&thread, NULL, sleep_for_ever, &members[i]))
            return 1;
    }
    for (int round = 0; round < rounds; round++) {
        int64_t begun = now();
        run_pieces(sleep_piece, NULL, team.pieces, threads, NULL);
        int64_t handed_out = now();
        sleep_share(&team, 0);
        printf("%.1f %.1f\n", (double)(handed_out - begun) / 1000, (double)(now() - handed_out) / 1000);
    }
    return 0;
}
