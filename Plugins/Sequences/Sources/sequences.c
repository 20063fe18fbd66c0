// Sequences of tokens for models with positions; see README.md.
#include "syzygy.h"

#include <stdio.h>

enum { train = 0 };

// The i-th of a stream of numbers in 0 ..< n.
static int32_t pick(const syzygy_random *random, const char *stream, int64_t i, int64_t n)
{
    double u;
    random->uniform(random->context, stream, i, 1, &u);
    int64_t value = (int64_t)(u * (double)n);
    return (int32_t)(value < n ? value : n - 1);   // u below 1 may round up
}

void random_tokens(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t length,
                   int64_t vocabulary, int32_t *x, int32_t *y)
{
    const char *stream = split == train ? "tokens.train" : "tokens.test";
    for (int64_t row = begin; row < end; row++) {
        for (int64_t t = 0; t <= length; t++) {   // y is x one step later
            int32_t token = pick(random, stream, row * (length + 1) + t, vocabulary);
            if (t < length) *x++ = token;
            if (t > 0) *y++ = token;
        }
    }
}

void copy_describe(int64_t symbols, int64_t count, int64_t delay, int64_t *x_shape, int64_t *y_shape, int64_t *x_classes,
                   int64_t *y_classes)
{
    *x_shape = *y_shape = delay + 2 * count;
    *x_classes = *y_classes = symbols + 2;
}

void copy_memory(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t symbols, int64_t count,
                 int64_t delay, int32_t *x, int32_t *y)
{
    const char *stream = split == train ? "symbols.train" : "symbols.test";
    const int32_t blank = (int32_t)symbols, marker = (int32_t)symbols + 1;
    for (int64_t row = begin; row < end; row++) {
        for (int64_t t = 0; t < delay + 2 * count; t++) {
            int isShown = t < count, isAsked = t >= delay + count;
            int64_t which = row * count + (isShown ? t : t - delay - count);
            int32_t symbol = isShown || isAsked ? pick(random, stream, which, symbols) : blank;
            *x++ = isShown ? symbol : t == delay + count - 1 ? marker : blank;
            *y++ = isAsked ? symbol : blank;
        }
    }
}

syzygy_status modular_describe(int64_t p, double fraction, int64_t *train_rows, int64_t *test_rows,
                               int64_t *classes, char *message, size_t size)
{
    *train_rows = (int64_t)(fraction * (double)(p * p) + 0.5);
    *test_rows = p * p - *train_rows;
    *classes = p + 1;
    if (*train_rows > 0) return SYZYGY_OK;
    snprintf(message, size, "a fraction of %g of %lld pairs leaves none to train on", fraction, (long long)(p * p));
    return SYZYGY_INVALID;
}

enum { add, subtract, multiply };

void modular_arithmetic(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t p, int32_t operation,
                        double fraction, int64_t *order, int32_t *x, int32_t *y)
{
    int64_t train_rows = (int64_t)(fraction * (double)(p * p) + 0.5);
    random->permutation(random->context, "pairs", p * p, order);
    for (int64_t row = begin; row < end; row++) {
        int64_t pair = order[split == train ? row : train_rows + row], a = pair / p, b = pair % p;
        *x++ = (int32_t)a;
        *x++ = (int32_t)b;
        *x++ = (int32_t)p;
        int64_t result = operation == add ? a + b : operation == subtract ? a - b + p : a * b;
        *y++ = (int32_t)(result % p);
    }
}
