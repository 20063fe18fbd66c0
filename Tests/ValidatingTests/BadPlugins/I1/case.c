/* Wants 16 GiB of addresses for itself. */
#define _GNU_SOURCE
#include <stdint.h>
#include <math.h>
#include <stddef.h>
#include <sys/mman.h>
double measure(const double *x, int64_t n) {
    const size_t room = (size_t)16 << 30;
    void *memory = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NAN;
    munmap(memory, room);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
