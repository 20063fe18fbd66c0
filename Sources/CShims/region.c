#define _GNU_SOURCE
#include "region.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* libgomp's own: clang's -fopenmp would bring a second OpenMP beside the one of OpenBLAS. */
int omp_get_max_threads(void);
void omp_set_num_threads(int);

int32_t sz_threads(void) { return omp_get_max_threads(); }
void sz_set_threads(int32_t threads) { omp_set_num_threads(threads); }

/* Parts are numbered through all runs: epoch e of run r is part r * epochs + e + 1 of every list. */
struct part {
    _Alignas(64) _Atomic int64_t begun;
    _Alignas(64) _Atomic int64_t done;
};

struct sz_region {
    const sz_list *lists;
    int32_t threads, epochs;
    struct part *parts;            /* one for each list */
    _Atomic int64_t runs;          /* begun so far */
};

/* The helpers, and the region they help with. */
enum { MOST_HELPERS = 255 };
static struct {
    _Alignas(64) _Atomic uint32_t call; /* counts runs; helpers wait for a change */
    _Atomic(sz_region *) region;
    _Alignas(64) _Atomic int32_t sleepers;
    _Alignas(64) atomic_flag taken;     /* by the thread whose run has the helpers */
    int32_t count;                      /* of helpers; changed by that thread only */
    struct {
        _Alignas(64) _Atomic(sz_region *) at; /* what the helper may look at: not to be freed */
    } helper[MOST_HELPERS];
} team = {.taken = ATOMIC_FLAG_INIT};

static inline void rest(int32_t *spins) {
    enum { AWAKE = 2000, YIELDING = 2100 };
    if (++*spins < AWAKE) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    } else if (*spins < YIELDING) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){0, 50000}, NULL);
    }
}

/* Does a part of a list unless a thread has begun it. */
static inline int do_part(sz_region *r, int32_t list, int32_t epoch, int64_t number) {
    struct part *p = &r->parts[list];
    int64_t before = number - 1;
    if (atomic_load_explicit(&p->begun, memory_order_relaxed) != before) return 0;
    if (!atomic_compare_exchange_strong_explicit(&p->begun, &before, number, memory_order_acq_rel, memory_order_relaxed))
        return 0;
    const sz_list *l = &r->lists[list];
    const sz_share *s = l->shares + (epoch ? l->ends[epoch - 1] : 0), *end = l->shares + l->ends[epoch];
    for (; s < end; s++) s->run(s->arguments, s->begin, s->end, list);
    atomic_store_explicit(&p->done, number, memory_order_release);
    return 1;
}

static inline int is_done(sz_region *r, int32_t list, int64_t number) {
    return atomic_load_explicit(&r->parts[list].done, memory_order_acquire) >= number;
}

/* All epochs of a run, as a thread sees them; a helper need not see the last one end. A helper that comes too late finds
 * every part begun, and one that was held up in an earlier run cannot begin anything: numbers only grow. */
static void work(sz_region *r, int64_t run, int32_t own, int helps) {
    for (int32_t epoch = 0; epoch < r->epochs; epoch++) {
        const int64_t number = run * r->epochs + epoch + 1;
        do_part(r, own, epoch, number);
        if (helps && epoch == r->epochs - 1) return;
        for (int32_t list = 0; list < r->threads; list++)
            if (!is_done(r, list, number)) do_part(r, list, epoch, number);
        for (int32_t list = 0; list < r->threads; list++)
            for (int32_t spins = 0; !is_done(r, list, number);) rest(&spins);
    }
}

static void *help(void *argument) {
    const int32_t self = (int32_t)(intptr_t)argument;
    omp_set_num_threads(1);
    uint32_t seen = 0;
    for (int32_t spins = 0;;) {
        const uint32_t call = atomic_load_explicit(&team.call, memory_order_acquire);
        if (call == seen) {
            if (++spins < 4000) {
                int32_t awake = 0;
                rest(&awake);
            } else {
                atomic_fetch_add(&team.sleepers, 1);
                syscall(SYS_futex, &team.call, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
                atomic_fetch_sub(&team.sleepers, 1);
                spins = 0;
            }
            continue;
        }
        seen = call;
        spins = 0;
        sz_region *r = atomic_load(&team.region);
        atomic_store(&team.helper[self].at, r);
        if (r && atomic_load(&team.region) == r && self + 1 < r->threads)
            work(r, atomic_load_explicit(&r->runs, memory_order_acquire) - 1, self + 1, 1);
        atomic_store_explicit(&team.helper[self].at, NULL, memory_order_release);
    }
    return NULL;
}

static void start_helpers(int32_t count) {
    if (count > MOST_HELPERS) count = MOST_HELPERS;
    for (; team.count < count; team.count++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, help, (void *)(intptr_t)team.count)) return;
        pthread_detach(thread);
    }
}

sz_region *sz_region_create(const sz_list *lists, int32_t threads, int32_t epochs) {
    sz_region *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->lists = lists;
    r->threads = threads;
    r->epochs = epochs;
    r->parts = aligned_alloc(64, sizeof *r->parts * (size_t)threads);
    if (!r->parts) { free(r); return NULL; }
    for (int32_t t = 0; t < threads; t++) {
        atomic_init(&r->parts[t].begun, 0);
        atomic_init(&r->parts[t].done, 0);
    }
    return r;
}

void sz_region_destroy(sz_region *r) {
    if (!r) return;
    sz_region *expected = r;
    atomic_compare_exchange_strong(&team.region, &expected, NULL);
    for (int32_t h = 0; h < MOST_HELPERS; h++)
        for (int32_t spins = 0; atomic_load(&team.helper[h].at) == r;) rest(&spins);
    free(r->parts);
    free(r);
}

void sz_run(sz_region *r) {
    if (r->threads == 1) {
        const sz_list *l = &r->lists[0];
        for (const sz_share *s = l->shares, *end = s + l->ends[r->epochs - 1]; s < end; s++)
            s->run(s->arguments, s->begin, s->end, 0);
        return;
    }
    const int outside = omp_get_max_threads();
    omp_set_num_threads(1);
    const int64_t run = atomic_load_explicit(&r->runs, memory_order_relaxed);
    atomic_store_explicit(&r->runs, run + 1, memory_order_release);
    const int has_team = !atomic_flag_test_and_set_explicit(&team.taken, memory_order_acquire);
    if (has_team) {
        if (team.count < r->threads - 1) start_helpers(r->threads - 1);
        if (atomic_load_explicit(&team.region, memory_order_relaxed) != r) atomic_store(&team.region, r);
        atomic_fetch_add(&team.call, 1);
        if (atomic_load(&team.sleepers))
            syscall(SYS_futex, &team.call, FUTEX_WAKE_PRIVATE, team.count, NULL, NULL, 0);
    }
    work(r, run, 0, 0);
    if (has_team) atomic_flag_clear_explicit(&team.taken, memory_order_release);
    omp_set_num_threads(outside);
}
