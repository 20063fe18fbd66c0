/* Which relations hold, and what exponents follow from them. Table and sources: ../README.md */
#include "fit.h"

/* Pearson correlation of the entries; NaN if all entries of one are equal. */
static double alpha(const double *a, const double *b, int64_t d) {
    double ua = largest_entry(a, d * d), ub = largest_entry(b, d * d);
    if (ua == 0 || ub == 0) return NAN;
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < d * d; i++) ma += a[i] / ua, mb += b[i] / ub;
    ma /= (double)(d * d), mb /= (double)(d * d);
    for (int64_t i = 0; i < d * d; i++) {
        const double x = a[i] / ua - ma, y = b[i] / ub - mb;
        aa += x * x, bb += y * y, ab += x * y;
    }
    const double rounding = 1e-24 * (double)(d * d);
    return aa > rounding && bb > rounding ? fmax(-1, fmin(1, ab / sqrt(aa) / sqrt(bb))) : NAN;
}

enum { none, rga, rwa, gwa };

/* The strongest of three relations; how many reach the threshold. */
static int strongest(const double alphas[4], double threshold, double *best, double *holding) {
    int relation = none;
    *holding = 0;
    for (int i = rga; i <= gwa; i++) {
        if (alphas[i] >= threshold) *holding += 1;
        if (!isnan(alphas[i]) && (relation == none || alphas[i] > alphas[relation])) relation = i;
    }
    if (relation != none) *best = alphas[relation];
    return *holding > 0 ? relation : none;
}

/* p, q of H_a ~ Z^p and G_b ~ Z^q, so H_b ~ Z^(p + 1) and G_a ~ Z^(q + 1). Forward RGA: q = p + 1, RWA: p = 0, GWA: q = 1;
 * backward RGA: p = q + 1, RWA: p = 1, GWA: q = 0. 0 where the two contradict each other unless all of Z is equal. */
static int solve(int forward, int backward, double *p, double *q) {
    if (forward == backward) return 0;
    if (forward == rwa) *p = 0;
    if (backward == rwa) *p = 1;
    if (forward == gwa) *q = 1;
    if (backward == gwa) *q = 0;
    if (forward == rga) { if (backward == rwa) *q = *p + 1; else *p = *q - 1; }
    if (backward == rga) { if (forward == rwa) *q = *p - 1; else *p = *q + 1; }
    return 1;
}

static double slope_of(const syzygy_linalg *linalg, const double *x, const double *basis, int64_t d, double cutoff,
                       double *y, double *product) {
    double unit = largest_entry(x, d * d), slope = NAN, intercept, r2;
    if (unit == 0) return NAN;
    int64_t kept = kept_modes(basis, d, cutoff);
    project(linalg, x, unit, basis, d, kept, product, y);
    double noise = noise_of(y, kept, d);
    line_fit fit = {0};
    for (int64_t i = 0; i < kept; i++) {
        if (y[i] > noise) add_point(&fit, log10(basis[i]), log10(y[i]));
    }
    line(&fit, &slope, &intercept, &r2);
    return slope;
}

/* Second moments and weight Grams of both sides, with the eigenbases of the Grams, [d_a + 1, d_a] and [d_b + 1, d_b].
 * y [d_a + d_b] and product [d_a, d_a] + [d_b, d_b] are scratch. predicted, measured [4]: H_a, H_b, G_a, G_b. */
syzygy_status phase(const syzygy_linalg *linalg, const double *h_a, const double *g_a, const double *z_a,
                    const double *basis_a, int64_t d_a, const double *h_b, const double *g_b, const double *z_b,
                    const double *basis_b, int64_t d_b, double threshold, double cutoff, double *y, double *product_a,
                    double *product_b, double *forward, double *backward, double *forward_alpha,
                    double *backward_alpha, double *forward_holding, double *backward_holding, double *predicted,
                    double *measured, double *error, char *message, size_t size) {
    if (!(basis_a[0] > 0)) return undefined("zero_weight", message, size);
    const double ahead[4] = {0, alpha(h_b, g_b, d_b), alpha(h_b, z_b, d_b), alpha(g_b, z_b, d_b)};
    const double behind[4] = {0, alpha(h_a, g_a, d_a), alpha(h_a, z_a, d_a), alpha(g_a, z_a, d_a)};
    int f = strongest(ahead, threshold, forward_alpha, forward_holding);
    int b = strongest(behind, threshold, backward_alpha, backward_holding);
    *forward = f, *backward = b;

    measured[0] = slope_of(linalg, h_a, basis_a, d_a, cutoff, y, product_a);
    measured[1] = slope_of(linalg, h_b, basis_b, d_b, cutoff, y, product_b);
    measured[2] = slope_of(linalg, g_a, basis_a, d_a, cutoff, y, product_a);
    measured[3] = slope_of(linalg, g_b, basis_b, d_b, cutoff, y, product_b);
    double p = 0, q = 0;
    const char *reason = f == none ? "no_forward_relation" : b == none ? "no_backward_relation" : NULL;
    if (!reason && !solve(f, b, &p, &q)) reason = "full_alignment";
    if (!reason) {
        const double exponents[4] = {p, p + 1, q + 1, q};
        double worst = 0;
        for (int i = 0; i < 4; i++) {
            predicted[i] = exponents[i];
            worst = isnan(measured[i]) ? NAN : fmax(worst, fabs(measured[i] - exponents[i]));
            if (isnan(worst)) break;
        }
        if (isnan(worst)) reason = "no_exponent"; else *error = worst;
        for (int i = 0; i < 4; i++) predicted[i] = exponents[i];
    }
    if (reason) snprintf(message, size, "%s", reason);
    return SYZYGY_OK;
}
