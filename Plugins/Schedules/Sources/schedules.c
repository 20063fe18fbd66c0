// Factors of an option as functions of the step; see README.md. t = step, N = steps of the run.
#include <math.h>
#include <stdint.h>

// Warmup takes the first steps, t < warmup: (t + 1)/(warmup + 1), never 0, reaching 1 where the main part begins.
// Each main part is a function of u = t - warmup and, where it ends with the run, of M = N - warmup.
#define WARMUP                                                                                                        \
    if (step < warmup) return ((double)step + 1) / ((double)warmup + 1);                                              \
    const double u = (double)(step - warmup);

static double fraction(double u, int64_t steps, int64_t warmup)
{
    const double rest = (double)(steps - warmup);
    return u < rest ? u / rest : 1;
}

double schedule_constant(int64_t step, int64_t warmup)
{
    WARMUP
    (void)u;
    return 1;
}

double schedule_step(int64_t step, int64_t warmup, int64_t size, double gamma)
{
    WARMUP
    return pow(gamma, floor(u / (double)size));
}

double schedule_multistep(int64_t step, int64_t warmup, const int64_t *milestones, int64_t count, double gamma)
{
    WARMUP
    (void)u;
    int64_t passed = 0;
    for (int64_t i = 0; i < count; i++) passed += milestones[i] <= step;
    return pow(gamma, (double)passed);
}

double schedule_exponential(int64_t step, int64_t warmup, double gamma)
{
    WARMUP
    return pow(gamma, u);
}

double schedule_cosine(int64_t step, int64_t steps, int64_t warmup, double min_factor)
{
    WARMUP
    const double s = sin(0.5 * M_PI * fraction(u, steps, warmup));
    return 1 - (1 - min_factor) * s * s;  // (1 + cos x)/2 = 1 - sin(x/2)^2, exactly 1 at the begin
}

double schedule_linear(int64_t step, int64_t steps, int64_t warmup, double end_factor)
{
    WARMUP
    return 1 + (end_factor - 1) * fraction(u, steps, warmup);
}

double schedule_inverse_sqrt(int64_t step, int64_t warmup, int64_t timescale)
{
    WARMUP
    return sqrt((double)timescale / ((double)timescale + u));
}
