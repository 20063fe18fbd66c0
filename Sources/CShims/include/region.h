/* Runs of compiled graphs: each thread walks its own list of shares of steps, and all meet at barriers. */
#ifndef SYZYGY_REGION_H
#define SYZYGY_REGION_H
#include "kernels.h"

/* Units [begin, end) of a step. */
typedef struct {
    sz_kernel run;
    const void *arguments;
    int64_t begin, end;
} sz_share;

typedef struct {
    const sz_share *shares;
    int64_t count;
} sz_list;

typedef struct sz_barrier sz_barrier;
sz_barrier *sz_barrier_create(int32_t threads);
void sz_barrier_destroy(sz_barrier *);

/* A kernel whose argument is a barrier: returns when every thread has called it. Waits awake for some microseconds, then
 * asleep, so that more threads than processors only cost time. */
void sz_wait(const void *barrier, int64_t begin, int64_t end, int32_t thread);

/* Walks the lists, one for each thread, every one with the same number of shares of sz_wait. One list runs on the calling
 * thread without OpenMP. If OpenMP gives fewer threads than lists (a nested call, a limit), the calling thread walks them
 * all, one after the other up to each barrier. Allocates nothing. */
void sz_run(const sz_list *lists, int32_t threads);

/* Threads of the OpenMP pool that oneDNN and OpenBLAS use too. */
int32_t sz_threads(void);
#endif
