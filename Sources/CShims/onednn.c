#include "onednn.h"
#include <dnnl.h>

void sz_onednn_version(int32_t version[3]) {
    const dnnl_version_t *v = dnnl_version();
    version[0] = v->major;
    version[1] = v->minor;
    version[2] = v->patch;
}
