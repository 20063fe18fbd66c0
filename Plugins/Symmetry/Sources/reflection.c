/* One reflection theta -> (I - 2 P) theta of a network: exchange of two hidden units, or change of sign of one. */
#include "unit_vectors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syzygy.h>

enum { permutation = 0, sign = 1 };

/* The range of P has an orthonormal basis e_1 ... e_r of single numbers (sign) or of halves of pairs (permutation). */
typedef struct {
    int64_t r;
    int64_t *a, *b; /* places in theta; b is -1 for a sign */
    double *deviations; /* of the anchor along e_k, for sigma0 = 1 */
} reflection;

static double along(const reflection *p, int64_t k, const double *theta) {
    return p->b[k] < 0 ? theta[p->a[k]] : (theta[p->a[k]] - theta[p->b[k]]) * sqrt(0.5);
}

static void add(const reflection *p, int64_t k, double amount, double *theta) {
    if (p->b[k] < 0) theta[p->a[k]] += amount;
    else theta[p->a[k]] += amount * sqrt(0.5), theta[p->b[k]] -= amount * sqrt(0.5);
}

/* The two units that are nearest to each other, or the smallest one, but for those that are given. */
static int choose(const unit_vectors *units, int32_t kind, const int64_t *given, int64_t given_count, int64_t *i,
                  int64_t *j) {
    const int64_t wanted = kind == permutation ? 2 : 1;
    *i = *j = 0;
    if (given_count > 0) {
        if (given_count != wanted) return 0;
        *i = given[0], *j = kind == permutation ? given[1] : 0;
        return *i >= 0 && *i < units->count && *j >= 0 && *j < units->count && (kind == sign || *i != *j);
    }
    if (kind == permutation && units->count < 2) return 0;
    double closest = INFINITY;
    for (int64_t p = 0; p < units->count; p++) {
        if (kind == sign && units->norms[p] < closest) closest = units->norms[p], *i = p;
        for (int64_t q = 0; kind == permutation && q < p; q++) {
            const double distance = unit_distance(units, p, q, 1);
            if (distance < closest) closest = distance, *i = q, *j = p;
        }
    }
    return 1;
}

static int place(double value, int64_t count, int64_t *out) {
    if (!(value >= 0 && value < (double)count) || value != floor(value)) return 0;
    *out = (int64_t)value;
    return 1;
}

/* Which numbers of theta the units i and j are. */
static int find(reflection *p, int32_t kind, int64_t i, int64_t j, const double *incoming, const double *bias,
                const double *outgoing, int64_t h, int64_t d, int64_t o, int64_t count) {
    p->r = 0;
    for (int64_t k = 0; k < d + (bias != 0) + o; k++, p->r++) {
        const int is_outgoing = k >= d + (bias != 0);
        const int64_t row = k - d - (bias != 0);
        for (int64_t side = 0; side < 2; side++) {
            const int64_t unit = side == 0 ? i : j;
            int64_t *out = side == 0 ? p->a + p->r : p->b + p->r;
            if (side == 1 && kind == sign) {
                *out = -1;
                continue;
            }
            const double value = k < d ? incoming[unit * d + k] : is_outgoing ? outgoing[row * h + unit] : bias[unit];
            if (!place(value, count, out)) return 0;
        }
        p->deviations[p->r] = 1 / sqrt((double)(is_outgoing ? h : d));
    }
    return 1;
}

typedef struct {
    double weight_decay, sigma0, radius;
} setting;

/* The slowest curvature of P H P at the symmetric point, and what follows from it. */
static syzygy_status predict(const syzygy_objective *f, const syzygy_linalg *linalg, const reflection *p,
                             const double *theta, const double *parts, int64_t count, setting s, double *curvature,
                             double *rate, double *escape, char *message, size_t size) {
    const int64_t r = p->r;
    double *memory = malloc((size_t)(3 * count + 2 * r * r + r) * sizeof *memory);
    if (!memory) return SYZYGY_NO_MEMORY;
    double *point = memory, *v = point + count, *hv = v + count, *a = hv + count, *vectors = a + r * r,
           *values = vectors + r * r;
    memcpy(point, theta, (size_t)count * sizeof *point);
    for (int64_t k = 0; k < r; k++) add(p, k, -parts[k], point);
    syzygy_status status = SYZYGY_OK;
    for (int64_t k = 0; k < r && status == SYZYGY_OK; k++) {
        memset(v, 0, (size_t)count * sizeof *v);
        add(p, k, 1, v);
        status = f->hessian_product(f->context, point, 0, v, hv, count);
        for (int64_t l = 0; l < r; l++) a[k * r + l] = along(p, l, hv);
    }
    for (int64_t k = 0; k < r; k++)
        for (int64_t l = 0; l < k; l++) a[k * r + l] = a[l * r + k] = (a[k * r + l] + a[l * r + k]) / 2;
    if (status == SYZYGY_OK) status = linalg->eigh(linalg->context, r, a, values, vectors);
    if (status == SYZYGY_OK) {
        double now = 0, anchor = 0;
        for (int64_t k = 0; k < r; k++) {
            const double part = vectors[k];
            now += part * parts[k];
            anchor += part * part * p->deviations[k] * p->deviations[k];
        }
        now = fabs(now);
        const double drive = 2 * s.weight_decay * s.sigma0 * sqrt(anchor);
        *curvature = values[0];
        *rate = -values[0] - 2 * s.weight_decay;
        if (!(*rate > 0)) snprintf(message, size, "stable");
        else if (now >= s.radius) snprintf(message, size, "escaped");
        else if (*rate * now + drive == 0) snprintf(message, size, "no_drive");
        else *escape = log((*rate * s.radius + drive) / (*rate * now + drive)) / *rate;
    }
    free(memory);
    return status;
}

syzygy_status symmetry_asymmetry(const syzygy_objective *f, const syzygy_linalg *linalg, const double *incoming,
                                 const double *bias, const double *outgoing, const double *incoming_place,
                                 const double *bias_place, const double *outgoing_place, int64_t h, int64_t d, int64_t o,
                                 int64_t outgoing_units, int32_t kind, const int64_t *given, int64_t given_count,
                                 double weight_decay, double sigma0, double radius, int64_t largest, double *distance,
                                 double *asymmetry, double *penalty, double *gradient, double *curvature, double *rate,
                                 double *escape, char *message, size_t size) {
    if (outgoing_units != h) {
        snprintf(message, size, "not_connected");
        return SYZYGY_UNDEFINED;
    }
    const int64_t count = f->parameter_count(f->context);
    unit_vectors units = make_unit_vectors(incoming, bias, outgoing, h, d, o);
    reflection p = {0, malloc((size_t)(2 * units.length) * sizeof(int64_t)), 0, 0};
    double *theta = malloc((size_t)(3 * count + 2 * units.length) * sizeof *theta), values[2];
    int64_t i, j;
    syzygy_status status = SYZYGY_NO_MEMORY;
    if (units.z && p.a && theta) {
        double *mirrored = theta + count, *g = mirrored + count, *parts = g + count;
        p.b = p.a + units.length, p.deviations = parts + units.length;
        status = f->parameters(f->context, theta, count);
        if (status == SYZYGY_OK && !choose(&units, kind, given, given_count, &i, &j)) {
            snprintf(message, size, "no_such_units");
            status = SYZYGY_UNDEFINED;
        }
        if (status == SYZYGY_OK
            && !find(&p, kind, i, j, incoming_place, bias_place, outgoing_place, h, d, o, count)) {
            snprintf(message, size, "no_such_place");
            status = SYZYGY_UNDEFINED;
        }
        if (status == SYZYGY_OK) {
            double square = 0, typical = 0;
            memcpy(mirrored, theta, (size_t)count * sizeof *theta);
            for (int64_t k = 0; k < p.r; k++) parts[k] = along(&p, k, theta);
            for (int64_t k = 0; k < p.r; k++) {
                add(&p, k, -2 * parts[k], mirrored);
                typical += parts[k] * parts[k] * p.deviations[k] * p.deviations[k];
            }
            *distance = norm_of(parts, p.r);
            *penalty = 4 * weight_decay * sigma0 * sqrt(typical);
            status = f->value(f->context, theta, 0, values);
            if (status == SYZYGY_OK) status = f->value(f->context, mirrored, 0, values + 1);
            if (status == SYZYGY_OK) status = f->gradient(f->context, theta, 0, g, count);
            if (status == SYZYGY_OK) {
                for (int64_t k = 0; k < p.r; k++) square += along(&p, k, g) * along(&p, k, g);
                *asymmetry = values[0] - values[1];
                *gradient = sqrt(square);
            }
        }
        if (status == SYZYGY_OK && p.r > largest) snprintf(message, size, "too_many_directions");
        else if (status == SYZYGY_OK)
            status = predict(f, linalg, &p, theta, parts, count, (setting){weight_decay, sigma0, radius}, curvature, rate,
                             escape, message, size);
    }
    free(units.z), free(p.a), free(theta);
    return status;
}

/* Reflections across given directions v_i, one after the other in `directions`, each of P numbers. */
syzygy_status symmetry_directions(const syzygy_objective *f, const double *directions, int64_t count, double threshold,
                                  double *given, double *degree, double *smallest, double *asymmetry, double *gradient,
                                  char *message, size_t size) {
    const int64_t n = f->parameter_count(f->context);
    double *theta = malloc((size_t)(3 * n) * sizeof *theta), values[2];
    if (!theta) return SYZYGY_NO_MEMORY;
    double *mirrored = theta + n, *g = mirrored + n, nearest = INFINITY, widest = 0, steepest = 0, near = 0;
    syzygy_status status = SYZYGY_OK;
    if (count == 0 || n == 0 || count % n != 0) {
        snprintf(message, size, "directions_do_not_fit");
        status = SYZYGY_UNDEFINED;
    }
    if (status == SYZYGY_OK) status = f->parameters(f->context, theta, n);
    if (status == SYZYGY_OK) status = f->value(f->context, theta, 0, values);
    if (status == SYZYGY_OK) status = f->gradient(f->context, theta, 0, g, n);
    for (const double *v = directions; v < directions + count && status == SYZYGY_OK; v += n) {
        const double length = norm_of(v, n);
        if (length == 0) {
            snprintf(message, size, "zero_direction");
            status = SYZYGY_UNDEFINED;
            break;
        }
        double part = 0, slope = 0;
        for (int64_t k = 0; k < n; k++) part += v[k] / length * theta[k], slope += v[k] / length * g[k];
        for (int64_t k = 0; k < n; k++) mirrored[k] = theta[k] - 2 * part * (v[k] / length);
        status = f->value(f->context, mirrored, 0, values + 1);
        near += fabs(part) < threshold;
        nearest = fmin(nearest, fabs(part));
        widest = fmax(widest, fabs(values[0] - values[1]));
        steepest = fmax(steepest, fabs(slope));
    }
    if (status == SYZYGY_OK) {
        *given = (double)(count / n), *degree = near, *smallest = nearest;
        *asymmetry = widest, *gradient = steepest;
    }
    free(theta);
    return status;
}
