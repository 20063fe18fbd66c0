/* Runs of compiled graphs on several threads.
 *
 * A run is a number of epochs; in each, every list has some shares of steps, which touch nothing that other lists touch in
 * the same epoch. A thread does its own list's part of an epoch, then parts that no thread has begun, and goes on to the next
 * epoch when all are done. So the calling thread never waits for one that sleeps or is late, only for one that is at work:
 * threads that do not come cost nothing but their help. */
#ifndef SYZYGY_REGION_H
#define SYZYGY_REGION_H
#include "kernels.h"

/* Units [begin, end) of a step. */
typedef struct {
    sz_kernel run;
    const void *arguments;
    int64_t begin, end;
} sz_share;

/* The shares of epoch e are those from ends[e - 1] (or 0) up to ends[e]. */
typedef struct {
    const sz_share *shares;
    const int64_t *ends;
} sz_list;

typedef struct sz_region sz_region;
/* Keeps the pointer `lists`: one list for each thread. NULL if there is no memory. */
sz_region *sz_region_create(const sz_list *lists, int32_t threads, int32_t epochs);
void sz_region_destroy(sz_region *);

/* Does the shares of all lists; a kernel gets the number of its list as `thread`. With one list no other thread takes part.
 * One region at a time has helpers, which are started when first needed and sleep when there is nothing to do; others run
 * on their calling threads alone. OpenMP regions that kernels enter have one thread. Allocates nothing. */
void sz_run(sz_region *);

/* Threads of OpenMP regions that the calling thread enters, those of OpenBLAS. */
int32_t sz_threads(void);
void sz_set_threads(int32_t threads);
#endif
