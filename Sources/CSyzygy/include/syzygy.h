/* syzygy.h: everything a Syzygy plugin may share with its host.
 *
 * Most plugins do not need this file: their functions take plain pointers and
 * numbers, and the manifest (plugin.json) says where each argument comes from.
 * Include it only for functions that call back into the host. Such a function
 * takes a pointer to one of the services below; the manifest binds it with
 *     { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" }
 *
 * Rules for every service: `struct_size` comes first and only grows; a pointer is
 * valid during the call only; call a service from the thread that was called;
 * matrices are row-major and dense; strings are UTF-8 and borrowed.
 */
#ifndef SYZYGY_H
#define SYZYGY_H

#include <stddef.h>
#include <stdint.h>

/* Grows by one with every addition. A library compiled with a smaller one works as before; docs/plugins/promise.md. */
#define SYZYGY_MINOR 4

#ifdef __cplusplus
extern "C" {
#endif

/* Status of a function declared with "returns": "status". Numbers never change. */
typedef int32_t syzygy_status;
enum {
    SYZYGY_OK = 0,
    SYZYGY_CANCELLED = 1,
    SYZYGY_INVALID = 2,      /* the arguments make no sense; say why in `message` */
    SYZYGY_UNSUPPORTED = 3,
    SYZYGY_UNDEFINED = 4,    /* no value exists for this input: not a failure; `message` may hold the reason code */
    SYZYGY_NO_MEMORY = 5,
    SYZYGY_IO = 6,
    SYZYGY_INTERNAL = 7
};

/* A node of a graph under construction; negative after an error, which the host
 * has already recorded. Every function accepts negative nodes and passes them on,
 * so a model may build to its end and return SYZYGY_INVALID once. */
typedef int32_t syzygy_node;

#define SYZYGY_MAX_RANK 8

/* How a parameter gets its first values. `scale` is the standard deviation (normal),
 * the half width (uniform) or the value (constant); for all others it multiplies the scheme's width,
 * which depends on the fans declared with the parameter (docs/plugins/graph.md). */
typedef struct {
    const char *scheme;      /* constant normal uniform glorot_normal glorot_uniform he_normal he_uniform
                                lecun_normal torch_linear orthogonal */
    double scale;
} syzygy_initializer;

/* A named option of an operation, e.g. {"transpose_b", 1}. */
typedef struct {
    const char *name;
    double value;
} syzygy_attribute;

/* syzygy.graph/1: build a static graph once; the host runs and differentiates it. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    /* A trained block. role: "weight", "bias", "scale" or "other"; or "statistic", kept but not trained (see `assign`).
     * For weights [out, in] the fans are out and in; for others give them through `fan_in`, `fan_out` (0: from shape). */
    syzygy_node (*parameter)(void *context, const char *name, const char *role, const int64_t *shape, int32_t rank,
                             syzygy_initializer initializer, int64_t fan_in, int64_t fan_out);

    /* A rank-0 constant. */
    syzygy_node (*constant)(void *context, double value);

    /* Apply the operation named `op` (docs/plugins/graph.md lists them). */
    syzygy_node (*apply)(void *context, const char *op, const syzygy_node *inputs, int32_t input_count,
                         const syzygy_attribute *attributes, int32_t attribute_count);

    /* "reshape" and "broadcast" to `shape`; "permute": axis i of the result is axis shape[i] of the input; "sum", "mean",
     * "max", "min", "prod", "var", "logsumexp" over the axes listed in `shape`, which disappear (-1 is the last). */
    syzygy_node (*shaped)(void *context, const char *op, syzygy_node input, const int64_t *shape, int32_t rank);

    /* Writes at most SYZYGY_MAX_RANK sizes to `shape` and returns the rank, or -1 for a negative node. */
    int32_t (*shape)(void *context, syzygy_node node, int64_t *shape);

    /* Declares output = input * weight^T (before any bias) as a layer that probes can observe.
     * bias: the bias parameter, or -1. The last layer declared is the head. */
    syzygy_status (*layer)(void *context, const char *name, syzygy_node input, syzygy_node weight, syzygy_node bias,
                           syzygy_node output);

    /* Records an error in the author's words; returns a negative node. The first error wins. */
    syzygy_node (*fail)(void *context, const char *message);

    /* A constant tensor; the values are copied. */
    syzygy_node (*tensor)(void *context, const double *values, const int64_t *shape, int32_t rank);

    /* 1 while the graph of a training step is built, 0 for an evaluation: all that observes, measures or differentiates a
     * network from outside. Both must declare the same parameters and layers. */
    int32_t (*is_training)(void *context);

    /* The new value of a parameter with role "statistic", written at the end of each training step, after everything has read
     * the old one. Without effect in an evaluation. */
    syzygy_status (*assign)(void *context, syzygy_node statistic, syzygy_node value);

    /* Random numbers, new in every step, from the run's seed: distribution "uniform" (in [0, 1)), "normal" (mean 0, variance
     * 1) or "bernoulli" (1 with the given probability, else 0; ignored by the others). The n-th use of a stream's name in a
     * graph is a stream of its own. For training only. */
    syzygy_node (*random)(void *context, const char *distribution, double probability, const char *stream,
                          const int64_t *shape, int32_t rank);

    /* In training, elements are set to 0 with probability `rate` and others divided by 1 - rate; in an evaluation, input. */
    syzygy_node (*dropout)(void *context, syzygy_node input, double rate, const char *stream);

    /* A recurrence over the first axis of `sequences` (docs/plugins/graph.md, "Loops"). begin_scan writes nodes that stand for
     * one step's element of each sequence and for the carries that the step starts from; what is built from them until
     * end_scan is the step. Attributes: length (needed without sequences), truncate, reverse. */
    syzygy_status (*begin_scan)(void *context, const syzygy_node *sequences, int32_t sequence_count,
                                const syzygy_node *initial, int32_t carry_count, const syzygy_attribute *attributes,
                                int32_t attribute_count, syzygy_node *elements, syzygy_node *carries);
    /* Ends the scan begun last: `next` are the carries after a step, `outputs` what to keep of every step. Writes the carries
     * after the last step to `last` and the outputs of all steps, [length] + shape, to `stacks`. */
    syzygy_status (*end_scan)(void *context, const syzygy_node *next, int32_t carry_count, const syzygy_node *outputs,
                              int32_t output_count, syzygy_node *last, syzygy_node *stacks);

    /* An equation z = f(z): begin_fixed_point gives the node that stands for z, what is built from it until
     * end_fixed_point is f. Attributes: tolerance (1e-6), maximum (100 applications). end_fixed_point writes three
     * nodes: the solution, the number of applications, and the largest |f(z) - z| / (1 + |z|). */
    syzygy_node (*begin_fixed_point)(void *context, syzygy_node start, const syzygy_attribute *attributes,
                                     int32_t attribute_count);
    syzygy_status (*end_fixed_point)(void *context, syzygy_node next, syzygy_node *results);
} syzygy_graph;

/* syzygy.random/1: counter-based streams. Element i of a stream depends on the component's seed, the stream's
 * name and i only, so rows can be produced in any order and in pieces. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    void (*uniform)(void *context, const char *stream, int64_t begin, int64_t count, double *out);  /* in (0, 1) */
    void (*normal)(void *context, const char *stream, int64_t begin, int64_t count, double *out);   /* mean 0, variance 1 */
    void (*permutation)(void *context, const char *stream, int64_t count, int64_t *out);            /* of 0 ..< count */
} syzygy_random;

/* syzygy.linalg/1: dense f64 linear algebra, row-major. Results are written by the host, scratch is the host's. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    /* c [m, n] = alpha * op(a) op(b) + beta * c, op(a) is [m, k]; transpose_a: a is stored [k, m]. */
    void (*gemm)(void *context, int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n, int64_t k,
                 double alpha, const double *a, const double *b, double beta, double *c);
    /* Symmetric a [n, n] = V diag(values) V^T; values ascending, row i of `vectors` is the i-th eigenvector. */
    syzygy_status (*eigh)(void *context, int64_t n, const double *a, double *values, double *vectors);
    /* a [m, n] = U diag(s) Vt, r = min(m, n): u [m, r], s [r] descending, vt [r, n]. */
    syzygy_status (*svd)(void *context, int64_t m, int64_t n, const double *a, double *u, double *s, double *vt);
    /* Solves a x = b for symmetric positive definite a [n, n]; b [n, k] becomes x. SYZYGY_UNDEFINED if not definite. */
    syzygy_status (*cholesky_solve)(void *context, int64_t n, int64_t k, const double *a, double *b);
} syzygy_linalg;

/* Rows of the dataset. A null pointer instead of this struct: the rows that the study gives the probe. */
typedef struct {
    const char *split;      /* NULL: the probe's */
    const int64_t *indices; /* `count` rows, in this order; NULL: rows begin ..< begin + count */
    int64_t begin;
    int64_t count;          /* without indices, -1: to the end of the split */
} syzygy_rows;

/* syzygy.objective/1: the loss as a function of the P parameters, which are numbered in the order of their declaration, without
 * gaps. `at`: the point, NULL for the current parameters. The value is the mean of the samples' losses over the rows (a loss that
 * couples samples: of the rows as one batch); no regularizer is part of it. `count` is the size of `out` and must be what the
 * function writes. Everything is computed in f64; SYZYGY_UNDEFINED where no value exists (gradients of samples of a loss that
 * couples them). Nothing that a function does here changes the run. docs/plugins/services.md has formulas and costs. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    int64_t (*parameter_count)(void *context);                          /* P */
    int64_t (*row_count)(void *context, const syzygy_rows *rows);       /* -1 after an error */
    syzygy_status (*parameters)(void *context, double *out, int64_t count); /* the current ones, [P] */
    syzygy_status (*value)(void *context, const double *at, const syzygy_rows *rows, double *out);
    syzygy_status (*gradient)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
    /* Products of the Hessian, and of the Gauss-Newton matrix, with v [P]. */
    syzygy_status (*hessian_product)(void *context, const double *at, const syzygy_rows *rows, const double *v, double *out,
                                     int64_t count);
    syzygy_status (*gauss_newton_product)(void *context, const double *at, const syzygy_rows *rows, const double *v,
                                          double *out, int64_t count);
    /* The gradient of each sample's loss, [rows, P], and its squared norm, [rows], without forming the gradients. */
    syzygy_status (*sample_gradients)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
    syzygy_status (*sample_squared_norms)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
} syzygy_objective;

/* syzygy.jacobian/1: products with the Jacobian J of the model's `output`, or of a layer's output "<layer>.output" (before the
 * bias), with respect to "parameters" or a layer's input "<layer>.input", row by row. Outputs and inputs of layers are
 * [rows, width]. `at`, `rows` and counts as in syzygy.objective/1. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    int64_t (*width)(void *context, const char *node); /* elements of a row; of "parameters": P; -1 after an error */
    /* out [rows, width of output] = J v, v [P] or [rows, width of variable]. */
    syzygy_status (*jvp)(void *context, const char *output, const char *variable, const double *at, const syzygy_rows *rows,
                         const double *v, int64_t v_count, double *out, int64_t count);
    /* out [P], summed over the rows, or [rows, width of variable] = u^T J, u [rows, width of output]. */
    syzygy_status (*vjp)(void *context, const char *output, const char *variable, const double *at, const syzygy_rows *rows,
                         const double *u, int64_t u_count, double *out, int64_t count);
} syzygy_jacobian;

/* syzygy.record/1: what a procedure measures. `output` is one that the manifest declares, `count` its number of elements; numbers
 * and vectors become observations, tensors of more axes arrays of the run's folder. Steps may not go back. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    syzygy_status (*values)(void *context, int64_t step, const char *output, const double *values, int64_t count);
    /* The output has no value at this step; `reason` is a word in snake_case. */
    syzygy_status (*undefined)(void *context, int64_t step, const char *output, const char *reason);
    /* To be called now and then, with the steps done: shows progress. SYZYGY_CANCELLED: return it soon. */
    syzygy_status (*progress)(void *context, int64_t step);
} syzygy_record;

/* Sizes and places, on machines of 64 bits. A struct may grow at its end; what is here never moves. */
#if UINTPTR_MAX == UINT64_MAX && (defined(__cplusplus) ? __cplusplus >= 201103L : __STDC_VERSION__ >= 201112L)
#ifdef __cplusplus
#define SYZYGY_ASSERT static_assert
#else
#define SYZYGY_ASSERT _Static_assert
#endif
#define SYZYGY_SIZE(type, bytes) SYZYGY_ASSERT(sizeof(type) == (bytes), "size of " #type)
#define SYZYGY_AT(type, member, place) SYZYGY_ASSERT(offsetof(type, member) == (place), "place of " #type "." #member)
SYZYGY_SIZE(syzygy_initializer, 16);
SYZYGY_AT(syzygy_initializer, scheme, 0); SYZYGY_AT(syzygy_initializer, scale, 8);
SYZYGY_SIZE(syzygy_attribute, 16);
SYZYGY_AT(syzygy_attribute, name, 0); SYZYGY_AT(syzygy_attribute, value, 8);
SYZYGY_SIZE(syzygy_graph, 144);
SYZYGY_AT(syzygy_graph, struct_size, 0); SYZYGY_AT(syzygy_graph, reserved, 4); SYZYGY_AT(syzygy_graph, context, 8);
SYZYGY_AT(syzygy_graph, parameter, 16); SYZYGY_AT(syzygy_graph, constant, 24); SYZYGY_AT(syzygy_graph, apply, 32);
SYZYGY_AT(syzygy_graph, shaped, 40); SYZYGY_AT(syzygy_graph, shape, 48); SYZYGY_AT(syzygy_graph, layer, 56);
SYZYGY_AT(syzygy_graph, fail, 64); SYZYGY_AT(syzygy_graph, tensor, 72); SYZYGY_AT(syzygy_graph, is_training, 80);
SYZYGY_AT(syzygy_graph, assign, 88); SYZYGY_AT(syzygy_graph, random, 96); SYZYGY_AT(syzygy_graph, dropout, 104);
SYZYGY_AT(syzygy_graph, begin_scan, 112); SYZYGY_AT(syzygy_graph, end_scan, 120);
SYZYGY_AT(syzygy_graph, begin_fixed_point, 128); SYZYGY_AT(syzygy_graph, end_fixed_point, 136);
SYZYGY_SIZE(syzygy_random, 40);
SYZYGY_AT(syzygy_random, struct_size, 0); SYZYGY_AT(syzygy_random, reserved, 4); SYZYGY_AT(syzygy_random, context, 8);
SYZYGY_AT(syzygy_random, uniform, 16); SYZYGY_AT(syzygy_random, normal, 24);
SYZYGY_AT(syzygy_random, permutation, 32);
SYZYGY_SIZE(syzygy_linalg, 48);
SYZYGY_AT(syzygy_linalg, struct_size, 0); SYZYGY_AT(syzygy_linalg, reserved, 4); SYZYGY_AT(syzygy_linalg, context, 8);
SYZYGY_AT(syzygy_linalg, gemm, 16); SYZYGY_AT(syzygy_linalg, eigh, 24); SYZYGY_AT(syzygy_linalg, svd, 32);
SYZYGY_AT(syzygy_linalg, cholesky_solve, 40);
SYZYGY_SIZE(syzygy_rows, 32);
SYZYGY_AT(syzygy_rows, split, 0); SYZYGY_AT(syzygy_rows, indices, 8); SYZYGY_AT(syzygy_rows, begin, 16);
SYZYGY_AT(syzygy_rows, count, 24);
SYZYGY_SIZE(syzygy_objective, 88);
SYZYGY_AT(syzygy_objective, struct_size, 0); SYZYGY_AT(syzygy_objective, reserved, 4);
SYZYGY_AT(syzygy_objective, context, 8); SYZYGY_AT(syzygy_objective, parameter_count, 16);
SYZYGY_AT(syzygy_objective, row_count, 24); SYZYGY_AT(syzygy_objective, parameters, 32);
SYZYGY_AT(syzygy_objective, value, 40); SYZYGY_AT(syzygy_objective, gradient, 48);
SYZYGY_AT(syzygy_objective, hessian_product, 56); SYZYGY_AT(syzygy_objective, gauss_newton_product, 64);
SYZYGY_AT(syzygy_objective, sample_gradients, 72); SYZYGY_AT(syzygy_objective, sample_squared_norms, 80);
SYZYGY_SIZE(syzygy_jacobian, 40);
SYZYGY_AT(syzygy_jacobian, struct_size, 0); SYZYGY_AT(syzygy_jacobian, reserved, 4);
SYZYGY_AT(syzygy_jacobian, context, 8); SYZYGY_AT(syzygy_jacobian, width, 16); SYZYGY_AT(syzygy_jacobian, jvp, 24);
SYZYGY_AT(syzygy_jacobian, vjp, 32);
SYZYGY_SIZE(syzygy_record, 40);
SYZYGY_AT(syzygy_record, struct_size, 0); SYZYGY_AT(syzygy_record, reserved, 4); SYZYGY_AT(syzygy_record, context, 8);
SYZYGY_AT(syzygy_record, values, 16); SYZYGY_AT(syzygy_record, undefined, 24); SYZYGY_AT(syzygy_record, progress, 32);
#undef SYZYGY_AT
#undef SYZYGY_SIZE
#undef SYZYGY_ASSERT
#endif

#ifdef __cplusplus
}
#endif
#endif
