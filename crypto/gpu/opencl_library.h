// SPDX-License-Identifier: MIT
/* OpenCL's library, loaded while we run: so a machine without one needs nothing of it.
 *
 * Its functions stand here under the names that they have in OpenCL 1.2 (whose specification says
 * what each does), without the cl in front. */
#ifndef BITTERN_CRYPTO_GPU_OPENCL_LIBRARY_H
#define BITTERN_CRYPTO_GPU_OPENCL_LIBRARY_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

/* X(name here, name there) */
#define OPENCL_FUNCTIONS(X)                                                                        \
    X(get_platform_ids, clGetPlatformIDs)                                                          \
    X(get_device_ids, clGetDeviceIDs)                                                              \
    X(get_device_info, clGetDeviceInfo)                                                            \
    X(create_context, clCreateContext)                                                             \
    X(release_context, clReleaseContext)                                                           \
    X(create_command_queue, clCreateCommandQueue)                                                  \
    X(release_command_queue, clReleaseCommandQueue)                                                \
    X(create_program_with_source, clCreateProgramWithSource)                                       \
    X(build_program, clBuildProgram)                                                               \
    X(get_program_build_info, clGetProgramBuildInfo)                                               \
    X(release_program, clReleaseProgram)                                                           \
    X(create_kernel, clCreateKernel)                                                               \
    X(get_kernel_work_group_info, clGetKernelWorkGroupInfo)                                        \
    X(release_kernel, clReleaseKernel)                                                             \
    X(set_kernel_arg, clSetKernelArg)                                                              \
    X(create_buffer, clCreateBuffer)                                                               \
    X(release_mem_object, clReleaseMemObject)                                                      \
    X(enqueue_write_buffer, clEnqueueWriteBuffer)                                                  \
    X(enqueue_read_buffer, clEnqueueReadBuffer)                                                    \
    X(enqueue_nd_range_kernel, clEnqueueNDRangeKernel)

struct opencl {
#define OPENCL_MEMBER(here, there) __typeof__(there) *here;
    OPENCL_FUNCTIONS(OPENCL_MEMBER)
#undef OPENCL_MEMBER
};

/* FAULT_NOT_FOUND where there is no library, or one that lacks a function. It stays loaded as long
 * as the process lives: drivers don't survive being taken out. */
bool opencl_load(struct opencl *out, struct fault *fault) MUST_USE;

#endif
