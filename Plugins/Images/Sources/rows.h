// Rows of images with labels: which of them the splits hold, and how their pixels are scaled.
#ifndef ROWS_H
#define ROWS_H
#include "syzygy.h"

// What goes wrong, in one line for the host.
typedef struct {
    char *text;
    size_t size;
} failure;

// Writes the sentence and returns the status.
__attribute__((format(printf, 3, 4))) int32_t fail(const failure *failure, int32_t status, const char *format, ...);

// The last part of a path.
const char *file_name(const char *path);

// Images of files, and their labels.
typedef struct source {
    int64_t rows, elements, channels;   // elements of an image, whose last axis are the channels
    double brightest;                   // the pixel that is 1 when nothing is standardized
    void (*image)(const struct source *source, int64_t row, double *x);   // channels last
    int64_t (*label)(const struct source *source, int64_t row);
    const void *files;
} source;

// Options of a study, the same for every format.
typedef struct {
    int64_t train_rows, test_rows;      // 0: see README.md
    double test_fraction;
    uint8_t shuffle, standardize;
    int32_t per;                        // enum per
} options;

enum { train = 0, test = 1 };           // splits
enum { channel = 0, pixel = 1 };        // what shares a mean and a deviation

// The number of rows of both splits. `test` has no rows at all if there are no files of its own.
int32_t count_rows(const source *train, const source *test, const options *options, int64_t rows[2],
                   const failure *failure);

// Fills rows [begin, end) of a split.
int32_t fill_rows(const source *train, const source *test, const options *options, const syzygy_random *random,
                  int32_t split, int64_t begin, int64_t end, double *x, int32_t *y, const failure *failure);
#endif
