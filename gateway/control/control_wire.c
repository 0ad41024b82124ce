// SPDX-License-Identifier: MIT
#include "gateway/control/control_wire.h"

#include <string.h>

enum fault_code control_fault_code(const char *name)
{
    for (int code = FAULT_NONE; code < FAULT_INTERNAL; code++) {
        if (strcmp(name, fault_code_name((enum fault_code)code)) == 0) {
            return (enum fault_code)code;
        }
    }
    return FAULT_INTERNAL;
}
