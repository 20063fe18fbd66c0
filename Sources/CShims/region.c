#define _GNU_SOURCE
#include "region.h"
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libgomp's own: clang's -fopenmp would bring a second thread pool beside the one oneDNN uses. */
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

int32_t sz_threads(void) { return omp_get_max_threads(); }

struct sz_barrier {
    _Alignas(64) _Atomic uint32_t phase;   /* meetings so far */
    _Atomic int32_t sleepers;
    _Alignas(64) _Atomic int32_t missing;  /* threads that have not arrived */
    int32_t threads;
};

sz_barrier *sz_barrier_create(int32_t threads) {
    sz_barrier *b = aligned_alloc(64, sizeof *b);
    if (!b) return NULL;
    atomic_init(&b->phase, 0);
    atomic_init(&b->sleepers, 0);
    atomic_init(&b->missing, threads);
    b->threads = threads;
    return b;
}

void sz_barrier_destroy(sz_barrier *b) { free(b); }

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

enum { SPINS = 4000 }; /* tens of microseconds: longer than a fair share lasts on after another */

void sz_wait(const void *barrier, int64_t begin, int64_t end, int32_t thread) {
    (void)begin; (void)end; (void)thread;
    sz_barrier *b = (sz_barrier *)barrier;
    const uint32_t phase = atomic_load_explicit(&b->phase, memory_order_relaxed);
    if (atomic_fetch_sub_explicit(&b->missing, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&b->missing, b->threads, memory_order_relaxed);
        atomic_store(&b->phase, phase + 1);
        if (atomic_load(&b->sleepers)) syscall(SYS_futex, &b->phase, FUTEX_WAKE_PRIVATE, b->threads, NULL, NULL, 0);
        return;
    }
    for (int32_t i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&b->phase, memory_order_acquire) != phase) return;
        pause_briefly();
    }
    atomic_fetch_add(&b->sleepers, 1);
    while (atomic_load(&b->phase) == phase) syscall(SYS_futex, &b->phase, FUTEX_WAIT_PRIVATE, phase, NULL, NULL, 0);
    atomic_fetch_sub(&b->sleepers, 1);
}

/* From share `from` to the next barrier or the end; returns where it stopped. */
static int64_t walk(const sz_list *list, int64_t from, int32_t thread) {
    for (; from < list->count && list->shares[from].run != sz_wait; from++) {
        const sz_share *s = &list->shares[from];
        s->run(s->arguments, s->begin, s->end, thread);
    }
    return from;
}

static void walk_all(const sz_list *lists, int32_t threads) {
    int64_t at[threads];
    for (int32_t t = 0; t < threads; t++) at[t] = 0;
    for (;;) {
        for (int32_t t = 0; t < threads; t++) at[t] = walk(&lists[t], at[t], t) + 1; /* past the barrier */
        if (at[0] > lists[0].count) return;
    }
}

struct run {
    const sz_list *lists;
    int32_t threads;
};

static void body(void *data) {
    const struct run *r = data;
    const int32_t thread = omp_get_thread_num();
    if (omp_get_num_threads() != r->threads) {
        if (thread == 0) walk_all(r->lists, r->threads);
        return;
    }
    const sz_list *list = &r->lists[thread];
    for (const sz_share *s = list->shares, *end = s + list->count; s < end; s++)
        s->run(s->arguments, s->begin, s->end, thread);
}

void sz_run(const sz_list *lists, int32_t threads) {
    if (threads == 1) {
        walk(&lists[0], 0, 0);
        return;
    }
    struct run r = {lists, threads};
    GOMP_parallel(body, &r, (unsigned)threads, 0);
}
