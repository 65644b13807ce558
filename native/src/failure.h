/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CULVERT_FAILURE_H
#define CULVERT_FAILURE_H

#include <stdint.h>

/* Remembers `call` for culvert_failed_call() and returns `code` (0 or a negative errno) as it came. */
int32_t culvert_fail(const char *call, int32_t code);

#endif
