#include "rows.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t fail(const failure *failure, int32_t status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, failure->size, format, arguments);
    va_end(arguments);
    return status;
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int32_t count_rows(const source *from, const source *own, const options *options, int64_t rows[2],
                   const failure *failure)
{
    if (own->rows > 0 && options->test_fraction > 0) {
        return fail(failure, SYZYGY_INVALID,
                    "test_fraction takes rows from the files of train, but there are files of test");
    }
    if (options->test_rows > 0 && options->test_fraction > 0) {
        return fail(failure, SYZYGY_INVALID, "test_rows and test_fraction are both given; one of them is enough");
    }
    const int64_t most = own->rows > 0 ? own->rows : from->rows;
    int64_t tests = options->test_rows;
    if (tests == 0) tests = own->rows > 0 ? own->rows : llround(options->test_fraction * (double)from->rows);
    if (tests > most) {
        return fail(failure, SYZYGY_INVALID, "test_rows %lld exceeds the %lld images of %s", (long long)tests,
                    (long long)most, own->rows > 0 ? "the files of test" : "the files");
    }
    const int64_t left = own->rows > 0 ? from->rows : from->rows - tests;
    rows[train] = options->train_rows > 0 ? options->train_rows : left;
    rows[test] = tests;
    if (rows[train] > left) {
        return fail(failure, SYZYGY_INVALID, "train_rows %lld exceeds the %lld images that are left for train",
                    (long long)rows[train], (long long)left);
    }
    if (rows[train] == 0) {
        return fail(failure, SYZYGY_INVALID, "test takes all %lld images; none is left for train", (long long)from->rows);
    }
    return SYZYGY_OK;
}

// Mean and reciprocal deviation (1/n) of each of `groups` over the first `n` images of the order; the values of an image
// belong to the groups in turn. Moments are taken about the first image, so those of bytes are exact integers and a
// constant group is recognized exactly; its reciprocal is 0, which makes it 0. scratch: 3 groups + elements.
static void statistics(const source *from, const int64_t *order, int64_t n, int64_t groups, double *mean,
                       double *reciprocal, double *scratch)
{
    double *first = scratch, *sum = first + groups, *squares = sum + groups, *image = squares + groups;
    for (int64_t i = 0; i < n; i++) {
        from->image(from, order[i], image);
        if (i == 0) {
            memcpy(first, image, (size_t)groups * sizeof *first);
            memset(sum, 0, (size_t)(2 * groups) * sizeof *sum);
        }
        for (int64_t j = 0; j < from->elements; j += groups) {
            for (int64_t g = 0; g < groups; g++) {
                const double d = image[j + g] - first[g];
                sum[g] += d;
                squares[g] += d * d;
            }
        }
    }
    const double count = (double)n * (double)(from->elements / groups);
    for (int64_t g = 0; g < groups; g++) {
        const double offset = sum[g] / count, variance = squares[g] / count - offset * offset;
        mean[g] = first[g] + offset;
        reciprocal[g] = variance > 0 ? 1 / sqrt(variance) : 0;
    }
}

int32_t fill_rows(const source *from, const source *own, const options *options, const syzygy_random *random,
                  int32_t split, int64_t begin, int64_t end, double *x, int32_t *y, const failure *failure)
{
    int64_t rows[2];
    int32_t status = count_rows(from, own, options, rows, failure);
    if (status != SYZYGY_OK) return status;
    if (begin < 0 || begin > end || end > rows[split]) {
        return fail(failure, SYZYGY_INVALID, "rows %lld to %lld of %lld", (long long)begin, (long long)end,
                    (long long)rows[split]);
    }
    const int64_t groups = options->per == pixel ? from->elements : from->channels;
    const size_t numbers = (size_t)(5 * groups + from->elements);
    int64_t *order = malloc((size_t)from->rows * sizeof *order);
    double *mean = malloc(numbers * sizeof *mean);
    if (!order || !mean) {
        free(order);
        free(mean);
        return fail(failure, SYZYGY_NO_MEMORY, "no memory for the order of %lld images", (long long)from->rows);
    }
    if (options->shuffle) {
        random->permutation(random->context, "order", from->rows, order);
    } else {
        for (int64_t i = 0; i < from->rows; i++) order[i] = i;
    }
    double *reciprocal = mean + groups;
    if (options->standardize) statistics(from, order, rows[train], groups, mean, reciprocal, reciprocal + groups);

    const source *source = split == test && own->rows > 0 ? own : from;
    const int64_t first = split == test ? from->rows - rows[test] : 0;
    for (int64_t i = begin; i < end; i++, x += from->elements) {
        const int64_t row = source == own ? i : order[first + i];
        source->image(source, row, x);
        if (options->standardize) {
            for (int64_t j = 0; j < from->elements; j += groups) {
                for (int64_t g = 0; g < groups; g++) x[j + g] = (x[j + g] - mean[g]) * reciprocal[g];
            }
        } else {
            for (int64_t j = 0; j < from->elements; j++) x[j] /= from->brightest;
        }
        *y++ = (int32_t)source->label(source, row);
    }
    free(order);
    free(mean);
    return SYZYGY_OK;
}
