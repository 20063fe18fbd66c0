/* The IDX reader of the plugin Images under libFuzzer: the input is the images, then after the last occurrence of "labels:" the labels. */
#include "../../Plugins/Images/Sources/idx.c"
#include <stdlib.h>

static void try_files(const uint8_t *images, int64_t image_bytes, const uint8_t *labels, int64_t label_bytes)
{
    char text[256];
    const failure failure = {text, sizeof text};
    pair files = {0};
    source source = {0};
    if (open_pair(images, image_bytes, "images", labels, label_bytes, "labels", &files, &source, &failure) != SYZYGY_OK) return;
    if (source.elements > 1 << 20) return;
    double *x = malloc(sizeof *x * (size_t)source.elements);
    for (int64_t row = 0; row < source.rows; row++) {
        source.image(&source, row, x);
        source.label(&source, row);
    }
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "labels:";
    const size_t length = sizeof mark - 1;
    for (size_t at = size; size >= length && at-- > 0;) {
        if (at + length > size || memcmp(data + at, mark, length)) continue;
        /* Blocks of their own, so that a byte too many is seen. */
        uint8_t *a = malloc(at), *b = malloc(size - at - length);
        memcpy(a, data, at);
        memcpy(b, data + at + length, size - at - length);
        try_files(a, (int64_t)at, b, (int64_t)(size - at - length));
        free(a);
        free(b);
        break;
    }
    return 0;
}
