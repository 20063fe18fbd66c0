#include "onednn.h"
#include <dnnl.h>
#include <pthread.h>
#include <stdlib.h>

struct sz_product {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t memory[4];
    void *scratch;
    dnnl_exec_arg_t arguments[4];
};

static dnnl_engine_t engine;
static dnnl_status_t engine_status;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static void create_engine(void) { engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0); }

#define TRY(call) do { status = (call); if (status != dnnl_success) goto done; } while (0)

static dnnl_status_t matrix(dnnl_memory_desc_t *d, int64_t rows, int64_t columns, int32_t transposed) {
    dnnl_dims_t dims = {rows, columns};
    dnnl_dims_t strides = {transposed ? 1 : columns, transposed ? rows : 1};
    return dnnl_memory_desc_init_by_strides(d, 2, dims, dnnl_f32, strides);
}

int32_t sz_product_create(int64_t m, int64_t n, int64_t k, int32_t transpose_a, int32_t transpose_b,
                          const float *a, const float *b, float *c, sz_product **result) {
    dnnl_status_t status;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    sz_product *p = calloc(1, sizeof *p);
    if (!p) return dnnl_out_of_memory;
    pthread_once(&engine_once, create_engine);
    TRY(engine_status);
    dnnl_memory_desc_t md[3];
    TRY(matrix(&md[0], m, k, transpose_a));
    TRY(matrix(&md[1], k, n, transpose_b));
    TRY(matrix(&md[2], m, n, 0));
    dnnl_matmul_desc_t operation;
    TRY(dnnl_matmul_desc_init(&operation, &md[0], &md[1], NULL, &md[2]));
    TRY(dnnl_primitive_attr_create(&attributes));
    TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
    TRY(dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine, NULL));
    TRY(dnnl_primitive_create(&p->primitive, descriptor));
    TRY(dnnl_stream_create(&p->stream, engine, dnnl_stream_default_flags));
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (bytes && posix_memalign(&p->scratch, 64, (bytes + 63) & ~(size_t)63)) TRY(dnnl_out_of_memory);
    TRY(dnnl_memory_create(&p->memory[0], &md[0], engine, (void *)a));
    TRY(dnnl_memory_create(&p->memory[1], &md[1], engine, (void *)b));
    TRY(dnnl_memory_create(&p->memory[2], &md[2], engine, c));
    const int names[4] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    if (scratch) TRY(dnnl_memory_create(&p->memory[3], scratch, engine, p->scratch));
    for (int i = 0; i < 4; i++) p->arguments[i] = (dnnl_exec_arg_t){names[i], p->memory[i]};
done:
    if (descriptor) dnnl_primitive_desc_destroy(descriptor);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (status == dnnl_success) *result = p;
    else sz_product_destroy(p);
    return status;
}

void sz_product_destroy(sz_product *p) {
    if (!p) return;
    for (int i = 0; i < 4; i++) if (p->memory[i]) dnnl_memory_destroy(p->memory[i]);
    if (p->stream) dnnl_stream_destroy(p->stream);
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    free(p->scratch);
    free(p);
}

void sz_product_run(const sz_product *p) {
    dnnl_primitive_execute(p->primitive, p->stream, p->memory[3] ? 4 : 3, p->arguments);
}

void sz_onednn_version(int32_t version[3]) {
    const dnnl_version_t *v = dnnl_version();
    version[0] = v->major;
    version[1] = v->minor;
    version[2] = v->patch;
}
