#include "syzygy.h"
