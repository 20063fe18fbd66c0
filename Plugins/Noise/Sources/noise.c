// Gaussian inputs with labels that have nothing to do with them; see README.md.
#include "syzygy.h"

enum { train = 0 };

// Rows [begin, end) of `features` normal numbers and a uniform label each.
static void rows(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t features,
                 int64_t classes, double *x, int32_t *y)
{
    const char *inputs = split == train ? "x.train" : "x.test", *labels = split == train ? "y.train" : "y.test";
    random->normal(random->context, inputs, begin * features, (end - begin) * features, x);
    for (int64_t i = begin; i < end; i++) {
        double u;
        random->uniform(random->context, labels, i, 1, &u);
        int64_t label = (int64_t)(u * (double)classes);
        y[i - begin] = (int32_t)(label < classes ? label : classes - 1);   // u below 1 may round up
    }
}

void noise(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t d_in, int64_t classes,
           double *x, int32_t *y)
{
    rows(random, split, begin, end, d_in, classes, x, y);
}

void noise_images(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t height,
                  int64_t width, int64_t channels, int64_t classes, double *x, int32_t *y)
{
    rows(random, split, begin, end, height * width * channels, classes, x, y);
}
