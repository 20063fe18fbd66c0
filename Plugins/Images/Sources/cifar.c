// CIFAR-10 and CIFAR-100, binary version: records of one label (CIFAR-100: coarse, fine) and 3 planes of 32 x 32 bytes.
// Source: cs.toronto.edu/~kriz/cifar.html, "Binary version".
#include "rows.h"

enum { side = 32, plane = side * side, channels = 3, pixels = channels * plane };

// Files read one after the other.
typedef struct {
    const uint8_t *const *bytes;
    const char *const *paths;
    const int64_t *sizes;
    int64_t count;
    int labels, label;          // bytes before the pixels, and which of them is the label
} batches;

static int64_t record(const batches *files) { return files->labels + pixels; }

// The record of a row, and its file and place there.
static const uint8_t *locate(const batches *files, int64_t row, int64_t *file, int64_t *offset)
{
    *file = 0;
    while (row >= files->sizes[*file] / record(files)) row -= files->sizes[(*file)++] / record(files);
    *offset = row * record(files);
    return files->bytes[*file] + *offset;
}

static void image(const source *source, int64_t row, double *x)
{
    const batches *files = source->files;
    int64_t file, offset;
    const uint8_t *planes = locate(files, row, &file, &offset) + files->labels;
    for (int i = 0; i < plane; i++) {
        for (int c = 0; c < channels; c++) *x++ = planes[c * plane + i];
    }
}

static int64_t label(const source *source, int64_t row)
{
    const batches *files = source->files;
    int64_t file, offset;
    return locate(files, row, &file, &offset)[files->label];
}

static int32_t open_batches(const batches *files, source *source, const failure *failure)
{
    *source = (struct source){.elements = pixels, .channels = channels, .brightest = 255, .image = image,
                              .label = label, .files = files};
    for (int64_t i = 0; i < files->count; i++) {
        if (files->sizes[i] == 0 || files->sizes[i] % record(files)) {
            return fail(failure, SYZYGY_IO, "%s: %lld bytes are no whole number of records of %lld bytes",
                        file_name(files->paths[i]), (long long)files->sizes[i], (long long)record(files));
        }
        source->rows += files->sizes[i] / record(files);
    }
    return SYZYGY_OK;
}

static int32_t check_labels(const source *source, int64_t classes, const failure *failure)
{
    const batches *files = source->files;
    for (int64_t row = 0; row < source->rows; row++) {
        int64_t file, offset;
        const uint8_t *bytes = locate(files, row, &file, &offset);
        if (bytes[files->label] >= classes) {
            return fail(failure, SYZYGY_IO, "%s: label %d at byte %lld is outside 0..<%lld",
                        file_name(files->paths[file]), bytes[files->label], (long long)(offset + files->label),
                        (long long)classes);
        }
    }
    return SYZYGY_OK;
}

static int32_t describe(const batches *train_files, const batches *test_files, const options *options, int64_t classes,
                        uint8_t flatten, int64_t *rows_train, int64_t *rows_test, int64_t *shape,
                        const failure *failure)
{
    source from, own;
    int64_t rows[2];
    int32_t status = open_batches(train_files, &from, failure);
    if (status == SYZYGY_OK) status = open_batches(test_files, &own, failure);
    if (status == SYZYGY_OK) status = count_rows(&from, &own, options, rows, failure);
    if (status == SYZYGY_OK) status = check_labels(&from, classes, failure);
    if (status == SYZYGY_OK) status = check_labels(&own, classes, failure);
    if (status != SYZYGY_OK) return status;
    *rows_train = rows[train];
    *rows_test = rows[test];
    shape[0] = flatten ? pixels : side;
    if (!flatten) {
        shape[1] = side;
        shape[2] = channels;
    }
    return SYZYGY_OK;
}

static int32_t fill(const batches *train_files, const batches *test_files, const options *options,
                    const syzygy_random *random, int32_t split, int64_t begin, int64_t end, double *x, int32_t *y,
                    const failure *failure)
{
    source from, own;
    int32_t status = open_batches(train_files, &from, failure);
    if (status == SYZYGY_OK) status = open_batches(test_files, &own, failure);
    if (status != SYZYGY_OK) return status;
    return fill_rows(&from, &own, options, random, split, begin, end, x, y, failure);
}

int32_t cifar10_describe(const uint8_t *const *files, const char *const *paths, const int64_t *sizes, int64_t count,
                         const uint8_t *const *test_files, const char *const *test_paths, const int64_t *test_sizes,
                         int64_t test_count, int64_t train_rows, int64_t test_rows, double test_fraction,
                         uint8_t flatten, int64_t *rows_train, int64_t *rows_test, int64_t *shape, char *message,
                         size_t message_size)
{
    const batches from = {files, paths, sizes, count, 1, 0}, own = {test_files, test_paths, test_sizes, test_count, 1, 0};
    const options options = {.train_rows = train_rows, .test_rows = test_rows, .test_fraction = test_fraction};
    const failure failure = {message, message_size};
    return describe(&from, &own, &options, 10, flatten, rows_train, rows_test, shape, &failure);
}

int32_t cifar10_rows(const uint8_t *const *files, const char *const *paths, const int64_t *sizes, int64_t count,
                     const uint8_t *const *test_files, const char *const *test_paths, const int64_t *test_sizes,
                     int64_t test_count, int64_t train_rows, int64_t test_rows, double test_fraction, uint8_t shuffle,
                     uint8_t standardize, int32_t per, const syzygy_random *random, int32_t split, int64_t begin,
                     int64_t end, double *x, int32_t *y, char *message, size_t message_size)
{
    const batches from = {files, paths, sizes, count, 1, 0}, own = {test_files, test_paths, test_sizes, test_count, 1, 0};
    const options options = {train_rows, test_rows, test_fraction, shuffle, standardize, per};
    const failure failure = {message, message_size};
    return fill(&from, &own, &options, random, split, begin, end, x, y, &failure);
}

enum { fine = 0, coarse = 1 };   // labels

int32_t cifar100_describe(const uint8_t *const *files, const char *const *paths, const int64_t *sizes, int64_t count,
                          const uint8_t *const *test_files, const char *const *test_paths, const int64_t *test_sizes,
                          int64_t test_count, int64_t train_rows, int64_t test_rows, double test_fraction,
                          uint8_t flatten, int32_t labels, int64_t *rows_train, int64_t *rows_test, int64_t *shape,
                          int64_t *classes, char *message, size_t message_size)
{
    const int place = labels == coarse ? 0 : 1;
    const batches from = {files, paths, sizes, count, 2, place};
    const batches own = {test_files, test_paths, test_sizes, test_count, 2, place};
    const options options = {.train_rows = train_rows, .test_rows = test_rows, .test_fraction = test_fraction};
    const failure failure = {message, message_size};
    *classes = labels == coarse ? 20 : 100;
    return describe(&from, &own, &options, *classes, flatten, rows_train, rows_test, shape, &failure);
}

int32_t cifar100_rows(const uint8_t *const *files, const char *const *paths, const int64_t *sizes, int64_t count,
                      const uint8_t *const *test_files, const char *const *test_paths, const int64_t *test_sizes,
                      int64_t test_count, int64_t train_rows, int64_t test_rows, double test_fraction, uint8_t shuffle,
                      uint8_t standardize, int32_t per, int32_t labels, const syzygy_random *random, int32_t split,
                      int64_t begin, int64_t end, double *x, int32_t *y, char *message, size_t message_size)
{
    const int place = labels == coarse ? 0 : 1;
    const batches from = {files, paths, sizes, count, 2, place};
    const batches own = {test_files, test_paths, test_sizes, test_count, 2, place};
    const options options = {train_rows, test_rows, test_fraction, shuffle, standardize, per};
    const failure failure = {message, message_size};
    return fill(&from, &own, &options, random, split, begin, end, x, y, &failure);
}
