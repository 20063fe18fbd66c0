// Wrong labels; see README.md.
#include <stdio.h>
#include <syzygy.h>

enum { SYMMETRIC, NEXT, PAIR };

syzygy_status label_noise(const syzygy_random *random, const int32_t *y, const int32_t *y_test, int64_t classes,
                          double share, int32_t noise, int64_t from, int64_t to, int32_t split, int64_t begin, int64_t end,
                          int32_t *noisy, int32_t *clean, char *message, size_t size)
{
    if (classes < 2 || (noise == PAIR && (from >= classes || to >= classes || from == to))) {
        snprintf(message, size, "%lld classes; expected at least two, and 'from' and 'to' two of them", (long long)classes);
        return SYZYGY_INVALID;
    }
    for (int64_t i = begin; i < end; i++) {
        const int32_t label = split == 0 ? y[i] : y_test[i];
        int32_t wrong = label;
        double flips = 1, which = 0;
        if (split == 0) {
            random->uniform(random->context, "flips", i, 1, &flips);
            random->uniform(random->context, "label", i, 1, &which);
        }
        if (flips <= share && split == 0) {
            if (noise == SYMMETRIC) {
                const int64_t k = (int64_t)(which * (double)(classes - 1));
                wrong = (int32_t)((label + 1 + (k < classes - 1 ? k : classes - 2)) % classes);
            } else if (noise == NEXT) {
                wrong = (int32_t)((label + 1) % classes);
            } else if (label == from) {
                wrong = (int32_t)to;
            }
        }
        noisy[i - begin] = wrong;
        clean[i - begin] = label;
    }
    return SYZYGY_OK;
}
