/* Works in memory that all threads share, and takes its time: so they surely meet there, however busy the machine is. */
#include <stdint.h>
#include <time.h>

static double squares[1 << 20];
void apply(const double *x, double *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) squares[i] = x[i] * x[i];
    nanosleep(&(struct timespec){0, 100000}, 0);
    for (int64_t i = 0; i < n; i++) y[i] = squares[i];
}
