#ifndef SYZYGY_ONEDNN_H
#define SYZYGY_ONEDNN_H
#include <stdint.h>

/* Version of the loaded library: major, minor, patch. */
void sz_onednn_version(int32_t version[3]);
#endif
