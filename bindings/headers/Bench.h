/* SPDX-License-Identifier: Apache-2.0 */
/* What jextract reads for io.culvert.bindings.ffi.Bench; which of it becomes Java is listed in symbols/Bench. */
#include "culvert_bench.h"
