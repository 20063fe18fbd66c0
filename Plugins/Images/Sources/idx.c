// IDX, the format of MNIST: 0, 0, element type, rank, then each axis and each element big-endian.
// Source: yann.lecun.com/exdb/mnist, "The IDX file format".
#include "rows.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e };
enum { most_classes = 1000000 };

typedef struct {
    const uint8_t *elements;
    int type, width, rank;      // width: bytes of an element
    int64_t sizes[4], row;      // row: elements of a row
    int64_t header;
    const char *name;
} idx;

typedef struct { idx images, labels; } pair;

static int width(int type)
{
    switch (type) {
    case u8: case i8: return 1;
    case i16: return 2;
    case i32: case f32: return 4;
    case f64: return 8;
    default: return 0;
    }
}

static uint64_t big_endian(const uint8_t *bytes, int width)
{
    uint64_t word = 0;
    for (int i = 0; i < width; i++) word = word << 8 | bytes[i];
    return word;
}

// `28 x 28`
static const char *shape_text(const idx *file, int from, char text[64])
{
    int used = 0;
    for (int i = from; i < file->rank; i++) {
        used += snprintf(text + used, 64 - (size_t)used, "%s%lld", i > from ? " x " : "", (long long)file->sizes[i]);
    }
    if (file->rank <= from) snprintf(text, 64, "1");
    return text;
}

static int32_t open_idx(const uint8_t *bytes, int64_t count, const char *path, idx *file, const failure *failure)
{
    *file = (idx){.name = file_name(path)};
    if (count < 4) {
        return fail(failure, SYZYGY_IO, "%s: ends after %lld bytes; an IDX file begins with 4: 0, 0, type, rank",
                    file->name, (long long)count);
    }
    if (bytes[0] || bytes[1]) {
        return fail(failure, SYZYGY_IO, "%s: begins with the bytes %02x %02x, but an IDX file with 00 00%s",
                    file->name, bytes[0], bytes[1],
                    bytes[0] == 0x1f && bytes[1] == 0x8b ? "; a compressed file must have a name that ends in .gz" : "");
    }
    file->type = bytes[2];
    file->width = width(bytes[2]);
    if (!file->width) {
        return fail(failure, SYZYGY_IO, "%s: byte 2, the element type, is %02x; "
                    "known are 08 u8, 09 i8, 0b i16, 0c i32, 0d f32, 0e f64", file->name, bytes[2]);
    }
    file->rank = bytes[3];
    if (file->rank < 1 || file->rank > 4) {
        return fail(failure, SYZYGY_IO, "%s: byte 3, the number of axes, is %d; expected 1 to 4", file->name, bytes[3]);
    }
    file->header = 4 + 4 * file->rank;
    if (count < file->header) {
        return fail(failure, SYZYGY_IO, "%s: ends after %lld bytes, within the sizes of its %d axes", file->name,
                    (long long)count, file->rank);
    }
    int64_t needed = file->width;
    file->row = 1;
    for (int i = 0; i < file->rank; i++) {
        file->sizes[i] = (int64_t)big_endian(bytes + 4 + 4 * i, 4);
        if (file->sizes[i] == 0) {
            return fail(failure, SYZYGY_IO, "%s: byte %d, the size of axis %d, is 0", file->name, 4 + 4 * i, i);
        }
        if (__builtin_mul_overflow(needed, file->sizes[i], &needed)) needed = INT64_MAX;
    }
    if (needed != count - file->header) {
        char text[64];
        return fail(failure, SYZYGY_IO, "%s: %s elements of %d bytes need %lld bytes behind the header of %lld, there are %lld",
                    file->name, shape_text(file, 0, text), file->width, (long long)needed, (long long)file->header,
                    (long long)(count - file->header));
    }
    for (int i = 1; i < file->rank; i++) file->row *= file->sizes[i];
    file->elements = bytes + file->header;
    return SYZYGY_OK;
}

static double element(const uint8_t *bytes, int type)
{
    switch (type) {
    case u8: return *bytes;
    case i8: return (int8_t)*bytes;
    case i16: return (int16_t)big_endian(bytes, 2);
    case i32: return (int32_t)big_endian(bytes, 4);
    case f32: {
        const uint32_t word = (uint32_t)big_endian(bytes, 4);
        float value;
        memcpy(&value, &word, 4);
        return value;
    }
    default: {
        const uint64_t word = big_endian(bytes, 8);
        double value;
        memcpy(&value, &word, 8);
        return value;
    }
    }
}

static void image(const source *source, int64_t row, double *x)
{
    const idx *file = &((const pair *)source->files)->images;
    const uint8_t *bytes = file->elements + row * file->row * file->width;
    for (int64_t i = 0; i < file->row; i++, bytes += file->width) x[i] = element(bytes, file->type);
}

static int32_t check_finite(const idx *file, const failure *failure)
{
    if (file->type != f32 && file->type != f64) return SYZYGY_OK;
    const uint8_t *bytes = file->elements;
    for (int64_t i = 0; i < file->sizes[0] * file->row; i++, bytes += file->width) {
        if (!isfinite(element(bytes, file->type))) {
            return fail(failure, SYZYGY_IO, "%s: image %lld has an infinite or NaN element (byte %lld)", file->name,
                        (long long)(i / file->row), (long long)(file->header + i * file->width));
        }
    }
    return SYZYGY_OK;
}

static int64_t label(const source *source, int64_t row)
{
    const idx *file = &((const pair *)source->files)->labels;
    const uint64_t word = big_endian(file->elements + row * file->width, file->width);
    switch (file->type) {
    case u8: return (int64_t)word;
    case i8: return (int8_t)word;
    case i16: return (int16_t)word;
    default: return (int32_t)word;
    }
}

// Images with their labels; `files` must outlive the source. No bytes at all: no rows.
static int32_t open_pair(const uint8_t *images, int64_t image_bytes, const char *image_path, const uint8_t *labels,
                         int64_t label_bytes, const char *label_path, pair *files, source *source,
                         const failure *failure)
{
    if (!images && !labels) return SYZYGY_OK;
    if (!images || !labels) {
        return fail(failure, SYZYGY_INVALID, "%s has no %s; give test_images and test_labels both",
                    file_name(images ? image_path : label_path), images ? "labels" : "images");
    }
    int32_t status = open_idx(images, image_bytes, image_path, &files->images, failure);
    if (status == SYZYGY_OK) status = open_idx(labels, label_bytes, label_path, &files->labels, failure);
    if (status != SYZYGY_OK) return status;
    const idx *l = &files->labels, *x = &files->images;
    if (l->rank != 1 || l->type == f32 || l->type == f64) {
        return fail(failure, SYZYGY_IO, "%s: labels must be integers on one axis, found %s on %d", l->name,
                    l->type == f32 || l->type == f64 ? "real numbers" : "integers", l->rank);
    }
    if (l->sizes[0] != x->sizes[0]) {
        return fail(failure, SYZYGY_IO, "%s has %lld labels, but %s has %lld images", l->name, (long long)l->sizes[0],
                    x->name, (long long)x->sizes[0]);
    }
    status = check_finite(x, failure);
    if (status != SYZYGY_OK) return status;
    source->rows = x->sizes[0];
    source->elements = x->row;
    source->channels = x->rank == 4 ? x->sizes[3] : x->rank == 3 ? 1 : x->row;
    source->brightest = x->type == u8 ? 255 : 1;
    source->image = image;
    source->label = label;
    source->files = files;
    return SYZYGY_OK;
}

// Both splits; their images must be alike.
static int32_t open_all(const uint8_t *images, int64_t image_bytes, const char *image_path, const uint8_t *labels,
                        int64_t label_bytes, const char *label_path, const uint8_t *test_images,
                        int64_t test_image_bytes, const char *test_image_path, const uint8_t *test_labels,
                        int64_t test_label_bytes, const char *test_label_path, pair files[2], source sources[2],
                        const failure *failure)
{
    int32_t status = open_pair(images, image_bytes, image_path, labels, label_bytes, label_path, &files[train],
                               &sources[train], failure);
    if (status != SYZYGY_OK) return status;
    status = open_pair(test_images, test_image_bytes, test_image_path, test_labels, test_label_bytes, test_label_path,
                       &files[test], &sources[test], failure);
    if (status != SYZYGY_OK || sources[test].rows == 0) return status;
    const idx *a = &files[train].images, *b = &files[test].images;
    int same = a->rank == b->rank && a->type == b->type;
    for (int i = 1; i < a->rank; i++) same = same && a->sizes[i] == b->sizes[i];
    if (!same) {
        char one[64], other[64];
        return fail(failure, SYZYGY_IO, "the images of %s are %s of type %02x, those of %s are %s of type %02x",
                    b->name, shape_text(b, 1, other), b->type, a->name, shape_text(a, 1, one), a->type);
    }
    return SYZYGY_OK;
}

// All labels must be classes; finds the number of classes where it is not given.
static int32_t count_classes(const pair files[2], const source sources[2], int64_t given, int64_t *classes,
                             const failure *failure)
{
    int64_t highest = 0;
    for (int split = train; split <= test; split++) {
        for (int64_t i = 0; i < sources[split].rows; i++) {
            const idx *file = &files[split].labels;
            const int64_t value = label(&sources[split], i), most = given > 0 ? given : most_classes;
            if (value < 0 || value >= most) {
                return fail(failure, SYZYGY_IO, "%s: label %lld of image %lld (byte %lld) is outside 0..<%lld",
                            file->name, (long long)value, (long long)i, (long long)(file->header + i * file->width),
                            (long long)most);
            }
            if (value > highest) highest = value;
        }
    }
    *classes = given > 0 ? given : highest + 1;
    return SYZYGY_OK;
}

int32_t idx_describe(const uint8_t *images, int64_t image_bytes, const char *image_path, const uint8_t *labels,
                     int64_t label_bytes, const char *label_path, const uint8_t *test_images, int64_t test_image_bytes,
                     const char *test_image_path, const uint8_t *test_labels, int64_t test_label_bytes,
                     const char *test_label_path, int64_t train_rows, int64_t test_rows, double test_fraction,
                     int64_t given_classes, uint8_t flatten, int64_t *rows_train, int64_t *rows_test, int64_t *shape,
                     int64_t *classes, char *message, size_t message_size)
{
    const failure failure = {message, message_size};
    const options options = {.train_rows = train_rows, .test_rows = test_rows, .test_fraction = test_fraction};
    pair files[2];
    source sources[2] = {0};
    int32_t status = open_all(images, image_bytes, image_path, labels, label_bytes, label_path, test_images,
                              test_image_bytes, test_image_path, test_labels, test_label_bytes, test_label_path, files,
                              sources, &failure);
    int64_t rows[2];
    if (status == SYZYGY_OK) status = count_rows(&sources[train], &sources[test], &options, rows, &failure);
    if (status == SYZYGY_OK) status = count_classes(files, sources, given_classes, classes, &failure);
    if (status != SYZYGY_OK) return status;
    *rows_train = rows[train];
    *rows_test = rows[test];
    const idx *file = &files[train].images;
    if (flatten || file->rank == 1) {
        shape[0] = file->row;
    } else {
        for (int i = 1; i < file->rank; i++) shape[i - 1] = file->sizes[i];
        if (file->rank == 3) shape[2] = 1;
    }
    return SYZYGY_OK;
}

int32_t idx_rows(const uint8_t *images, int64_t image_bytes, const char *image_path, const uint8_t *labels,
                 int64_t label_bytes, const char *label_path, const uint8_t *test_images, int64_t test_image_bytes,
                 const char *test_image_path, const uint8_t *test_labels, int64_t test_label_bytes,
                 const char *test_label_path, int64_t train_rows, int64_t test_rows, double test_fraction,
                 uint8_t shuffle, uint8_t standardize, int32_t per, const syzygy_random *random, int32_t split,
                 int64_t begin, int64_t end, double *x, int32_t *y, char *message, size_t message_size)
{
    const failure failure = {message, message_size};
    const options options = {train_rows, test_rows, test_fraction, shuffle, standardize, per};
    pair files[2];
    source sources[2] = {0};
    int32_t status = open_all(images, image_bytes, image_path, labels, label_bytes, label_path, test_images,
                              test_image_bytes, test_image_path, test_labels, test_label_bytes, test_label_path, files,
                              sources, &failure);
    if (status != SYZYGY_OK) return status;
    return fill_rows(&sources[train], &sources[test], &options, random, split, begin, end, x, y, &failure);
}
