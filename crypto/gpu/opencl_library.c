// SPDX-License-Identifier: MIT
#include "crypto/gpu/opencl_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* As ld.so knows it: the loader of all installed drivers. */
#define LIBRARY "libOpenCL.so.1"

static const struct {
    const char *name;
    size_t offset; /* in struct opencl */
} functions[] = {
#define OPENCL_ROW(here, there) {#there, offsetof(struct opencl, here)},
    OPENCL_FUNCTIONS(OPENCL_ROW)
#undef OPENCL_ROW
};

bool opencl_load(struct opencl *out, struct fault *fault)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return fault_set(fault, FAULT_NOT_FOUND, "there is no " LIBRARY);
    }
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (function == NULL) {
            return fault_set(fault, FAULT_NOT_FOUND, LIBRARY " has no %s", functions[i].name);
        }
        memcpy((char *)out + functions[i].offset, &function, sizeof function);
    }
    return true;
}
