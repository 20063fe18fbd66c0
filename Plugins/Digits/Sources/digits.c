// The 1797 handwritten digits of digits.bin, shuffled, split and scaled; see README.md.
#include "syzygy.h"
#include <math.h>
#include <stdio.h>

enum { images = 1797, pixels = 64, record = pixels + 1, brightest = 16 };
enum { train = 0 };

// Mean and reciprocal standard deviation (1/n) of each pixel over `n` records. The sums are exact integers, so a
// constant pixel is recognized exactly; its reciprocal is 0, which makes the standardized pixel 0.
static void statistics(const uint8_t *records, const int64_t *order, int64_t n, double *mean, double *reciprocal)
{
    int64_t sum[pixels] = {0}, squares[pixels] = {0};
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *image = records + order[i] * record;
        for (int64_t j = 0; j < pixels; j++) {
            sum[j] += image[j];
            squares[j] += image[j] * image[j];
        }
    }
    for (int64_t j = 0; j < pixels; j++) {
        int64_t scatter = n * squares[j] - sum[j] * sum[j];   // n^2 times the variance
        mean[j] = (double)sum[j] / (double)n;
        reciprocal[j] = scatter > 0 ? (double)n / sqrt((double)scatter) : 0;
    }
}

int32_t digits(const uint8_t *records, int64_t bytes, const syzygy_random *random, int64_t *order, int32_t split,
               int64_t begin, int64_t end, int64_t train_rows, int64_t test_rows, uint8_t shuffle, uint8_t standardize,
               double *x, int32_t *y, char *message, size_t message_size)
{
    if (bytes != images * record) {
        snprintf(message, message_size, "digits.bin has %lld bytes, expected %d", (long long)bytes, images * record);
        return SYZYGY_INVALID;
    }
    if (train_rows > images - test_rows) {
        snprintf(message, message_size, "train_rows + test_rows = %lld + %lld exceeds the %d images",
                 (long long)train_rows, (long long)test_rows, images);
        return SYZYGY_INVALID;
    }
    if (shuffle) {
        random->permutation(random->context, "order", images, order);
    } else {
        for (int64_t i = 0; i < images; i++) order[i] = i;
    }

    double mean[pixels] = {0}, reciprocal[pixels];
    for (int64_t j = 0; j < pixels; j++) reciprocal[j] = 1.0 / brightest;
    if (standardize) statistics(records, order, train_rows, mean, reciprocal);

    const int64_t first = split == train ? 0 : train_rows;
    for (int64_t i = begin; i < end; i++, x += pixels, y++) {
        const uint8_t *image = records + order[first + i] * record;
        for (int64_t j = 0; j < pixels; j++) x[j] = (image[j] - mean[j]) * reciprocal[j];
        *y = image[pixels];
    }
    return SYZYGY_OK;
}
