/* Mean loss and accuracy on the observed rows. Conventions: ../README.md */
#include "syzygy.h"

#include <stdio.h>

/* losses: [samples]; outputs: [n, classes], n = samples or positions of samples; labels: [n], or null if the targets are real. */
syzygy_status performance(const double *losses, const double *outputs, const int32_t *labels, int64_t n,
                          int64_t classes, int64_t samples, double *loss, double *accuracy, double *error, char *message,
                          size_t size) {
    if (samples == 0) {
        snprintf(message, size, "no_samples");
        return SYZYGY_UNDEFINED;
    }
    double sum = 0;
    for (int64_t i = 0; i < samples; i++) sum += losses[i];
    *loss = sum / (double)samples;
    if (!labels) {
        snprintf(message, size, "no_labels");
        return SYZYGY_OK;
    }

    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *row = outputs + i * classes;
        int64_t best = 0;
        for (int64_t k = 1; k < classes; k++)
            if (row[k] > row[best]) best = k; /* ties go to the lowest index */
        wrong += best != labels[i];
    }
    *error = (double)wrong / (double)n;
    *accuracy = (double)(n - wrong) / (double)n;
    return SYZYGY_OK;
}
