/* The C libraries behind the host, and the few things Swift cannot say itself. */
#ifndef SYZYGY_SHIMS_H
#define SYZYGY_SHIMS_H
#include <dlfcn.h>
#include <cblas.h>
#include <lapacke.h>
#include <nettle/sha2.h>
#include "beneath.h"
#include "binding.h"
#include "conv.h"
#include "gemm.h"
#include "guard.h"
#include "kernels.h"
#include "loops.h"
#include "mailbox.h"
#include "nursery.h"
#include "philox.h"
#include "pool.h"
#include "region.h"
#include "sandbox.h"
#endif
