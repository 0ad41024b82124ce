// SPDX-License-Identifier: MIT
#include "crypto/gpu/gpu_device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/gpu/opencl_library.h"
#include "crypto/gpu/trials_source.h"
#include "crypto/pow_sha512_internal.h"

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 16, NAME_BYTES = 96, BUILD_LOG_BYTES = 4096 };

/* What *best holds while no trial met the target. */
static const cl_uint NO_HIT = UINT32_MAX;

struct gpu_device {
    struct opencl cl;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    cl_mem plan;
    cl_mem best;
    size_t group; /* work items in a group */
    uint64_t batch_trials;
    bool has_plan;
    uint8_t planned_hash[POW_INITIAL_HASH_BYTES]; /* of which the device has the plan */
    char name[NAME_BYTES];
};

static bool failed(struct fault *fault, const char *what, cl_int code)
{
    return fault_set(fault, FAULT_IO, "OpenCL: %s failed with %d", what, (int)code);
}

#ifdef BITTERN_SANITIZED
/* Drivers leak as they like. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libOpenCL.so\nleak:libpocl.so\nleak:libLLVM";
}
#endif

/* ---- which device ---- */

static bool is_yes(const struct opencl *cl, cl_device_id id, cl_device_info what)
{
    cl_bool value = CL_FALSE;
    return cl->get_device_info(id, what, sizeof value, &value, NULL) == CL_SUCCESS &&
           value == CL_TRUE;
}

static uint64_t number_of(const struct opencl *cl, cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;
    return cl->get_device_info(id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

/* Units times clock, so that the larger of two is taken; 0: can't be used. The numbers that we hand
 * over are in our own order of bytes. */
static uint64_t worth(const struct opencl *cl, cl_device_id id)
{
    if (!is_yes(cl, id, CL_DEVICE_AVAILABLE) || !is_yes(cl, id, CL_DEVICE_COMPILER_AVAILABLE) ||
        !is_yes(cl, id, CL_DEVICE_ENDIAN_LITTLE)) {
        return 0;
    }
    return number_of(cl, id, CL_DEVICE_MAX_COMPUTE_UNITS) *
               number_of(cl, id, CL_DEVICE_MAX_CLOCK_FREQUENCY) +
           1;
}

static void find_best(const struct opencl *cl, cl_device_type types, cl_device_id *out,
                      uint64_t *out_worth)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id ids[MAX_DEVICES];
    cl_uint n_platforms = 0;
    if (cl->get_platform_ids(MAX_PLATFORMS, platforms, &n_platforms) != CL_SUCCESS) {
        return;
    }
    for (cl_uint i = 0; i < n_platforms && i < MAX_PLATFORMS; i++) {
        cl_uint n_ids = 0;
        if (cl->get_device_ids(platforms[i], types, MAX_DEVICES, ids, &n_ids) != CL_SUCCESS) {
            continue;
        }
        for (cl_uint j = 0; j < n_ids && j < MAX_DEVICES; j++) {
            uint64_t found = worth(cl, ids[j]);
            if (found > *out_worth) {
                *out = ids[j];
                *out_worth = found;
            }
        }
    }
}

/* A driver's words, made fit for a log and for `status`. */
static void take_name(struct gpu_device *device)
{
    char *name = device->name;
    if (device->cl.get_device_info(device->id, CL_DEVICE_NAME, sizeof device->name - 1, name,
                                   NULL) != CL_SUCCESS ||
        *name == '\0') {
        memcpy(name, "unnamed", sizeof "unnamed");
    }
    for (; *name != '\0'; name++) {
        if (*name < 0x20 || *name >= 0x7f) {
            *name = '?';
        }
    }
}

static bool choose(struct gpu_device *device, enum gpu_choice choice, struct fault *fault)
{
    uint64_t found = 0;
    find_best(&device->cl, CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR, &device->id, &found);
    if (found == 0 && choice == GPU_ANY) {
        find_best(&device->cl, CL_DEVICE_TYPE_ALL, &device->id, &found);
    }
    if (found == 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "OpenCL has no %s here",
                         choice == GPU_ANY ? "device" : "graphics processor");
    }
    take_name(device);
    return true;
}

/* ---- its code ---- */

static void write_table(struct buf *out, const char *name, const uint64_t *words, size_t n_words)
{
    buf_printf(out, "__constant ulong %s[%zu] = {", name, n_words);
    for (size_t i = 0; i < n_words; i++) {
        buf_printf(out, "0x%016" PRIx64 "UL,", words[i]);
    }
    buf_append_str(out, "};\n");
}

static void log_build(const struct gpu_device *device)
{
    char text[BUILD_LOG_BYTES] = "";
    (void)device->cl.get_program_build_info(device->program, device->id, CL_PROGRAM_BUILD_LOG,
                                            sizeof text - 1, text, NULL);
    log_warn("gpu", "compiler=\"%s\"", log_escape(bytes_of_str(text)).text);
}

static bool compile(struct gpu_device *device, struct fault *fault)
{
    struct buf tables = {0};
    cl_int code;
    write_table(&tables, "sha512_constants", sha512_constants, SHA512_ROUNDS);
    write_table(&tables, "sha512_start", sha512_start, SHA512_STATE_WORDS);
    const char *texts[] = {buf_str(&tables), gpu_trials_source};
    device->program = device->cl.create_program_with_source(device->context, ARRAY_LEN(texts),
                                                            texts, NULL, &code);
    buf_clear(&tables);
    if (device->program == NULL) {
        return failed(fault, "clCreateProgramWithSource", code);
    }
    code = device->cl.build_program(device->program, 1, &device->id, "-cl-std=CL1.2", NULL, NULL);
    if (code != CL_SUCCESS) {
        log_build(device);
        return failed(fault, "clBuildProgram", code);
    }
    device->kernel = device->cl.create_kernel(device->program, "bittern_trials", &code);
    return device->kernel != NULL || failed(fault, "clCreateKernel", code);
}

static bool make_buffers(struct gpu_device *device, struct fault *fault)
{
    cl_int code;
    device->plan = device->cl.create_buffer(device->context, CL_MEM_READ_ONLY,
                                            sizeof(struct pow_plan), NULL, &code);
    if (device->plan != NULL) {
        device->best = device->cl.create_buffer(device->context, CL_MEM_READ_WRITE, sizeof(cl_uint),
                                                NULL, &code);
    }
    return device->best != NULL || failed(fault, "clCreateBuffer", code);
}

/* As large a group as its registers allow, but no larger than GPU_MAX_GROUP, and a power of two:
 * batches are whole groups. */
static void choose_group(struct gpu_device *device)
{
    size_t most = 0;
    if (device->cl.get_kernel_work_group_info(device->kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                              sizeof most, &most, NULL) != CL_SUCCESS) {
        most = 1;
    }
    device->group = GPU_MAX_GROUP;
    while (device->group > 1 && device->group > most) {
        device->group /= 2;
    }
}

static bool prepare(struct gpu_device *device, struct fault *fault)
{
    cl_int code;
    device->context = device->cl.create_context(NULL, 1, &device->id, NULL, NULL, &code);
    if (device->context == NULL) {
        return failed(fault, "clCreateContext", code);
    }
    device->queue = device->cl.create_command_queue(device->context, device->id, 0, &code);
    if (device->queue == NULL) {
        return failed(fault, "clCreateCommandQueue", code);
    }
    if (!compile(device, fault) || !make_buffers(device, fault)) {
        return false;
    }
    choose_group(device);
    return true;
}

/* ---- a batch ---- */

/* What is known before the nonce changes only with the object. */
static cl_int give_plan(struct gpu_device *device, const struct pow_slice *slice)
{
    struct pow_plan plan;
    if (device->has_plan &&
        memcmp(device->planned_hash, slice->initial_hash, sizeof device->planned_hash) == 0) {
        return CL_SUCCESS;
    }
    pow_plan_make(&plan, slice->initial_hash);
    memcpy(device->planned_hash, slice->initial_hash, sizeof device->planned_hash);
    cl_int code = device->cl.enqueue_write_buffer(device->queue, device->plan, CL_TRUE, 0,
                                                  sizeof plan, &plan, 0, NULL, NULL);
    device->has_plan = code == CL_SUCCESS;
    return code;
}

static bool give_arguments(const struct gpu_device *device, const struct pow_slice *slice,
                           cl_uint n_trials, struct fault *fault)
{
    const cl_ulong first_nonce = slice->first_nonce;
    const cl_ulong target = slice->target;
    const struct {
        size_t size;
        const void *value;
    } arguments[] = {
        {sizeof device->plan, &device->plan},
        {sizeof first_nonce, &first_nonce},
        {sizeof target, &target},
        {sizeof n_trials, &n_trials},
        {sizeof device->best, &device->best},
    };
    for (cl_uint i = 0; i < ARRAY_LEN(arguments); i++) {
        cl_int code =
            device->cl.set_kernel_arg(device->kernel, i, arguments[i].size, arguments[i].value);
        if (code != CL_SUCCESS) {
            return failed(fault, "clSetKernelArg", code);
        }
    }
    return true;
}

/* Start, and wait for the answer. */
static bool launch(const struct gpu_device *device, cl_uint n_trials, cl_uint *out_best,
                   struct fault *fault)
{
    const struct opencl *cl = &device->cl;
    size_t n_items = (n_trials + device->group - 1) / device->group * device->group;
    cl_int code = cl->enqueue_write_buffer(device->queue, device->best, CL_TRUE, 0, sizeof NO_HIT,
                                           &NO_HIT, 0, NULL, NULL);
    if (code == CL_SUCCESS) {
        code = cl->enqueue_nd_range_kernel(device->queue, device->kernel, 1, NULL, &n_items,
                                           &device->group, 0, NULL, NULL);
    }
    if (code == CL_SUCCESS) {
        code = cl->enqueue_read_buffer(device->queue, device->best, CL_TRUE, 0, sizeof *out_best,
                                       out_best, 0, NULL, NULL);
    }
    return code == CL_SUCCESS || failed(fault, "a launch", code);
}

/* Towards GPU_BATCH_MS, at most twice or half as many at a time, so that one odd measure does
 * little. */
static void adapt(struct gpu_device *device, uint64_t n_trials, int64_t took_us)
{
    uint64_t wanted = n_trials * GPU_BATCH_MS * 1000 / (uint64_t)(took_us > 0 ? took_us : 1);
    uint64_t least = n_trials / 2 > GPU_BATCH_MIN_TRIALS ? n_trials / 2 : GPU_BATCH_MIN_TRIALS;
    uint64_t most = n_trials * 2 < GPU_BATCH_MAX_TRIALS ? n_trials * 2 : GPU_BATCH_MAX_TRIALS;
    device->batch_trials = wanted < least ? least : wanted > most ? most : wanted;
}

bool gpu_device_search(struct gpu_device *device, bool *out_found, uint64_t *out_nonce,
                       const struct pow_slice *slice, struct fault *fault)
{
    uint64_t n_trials =
        slice->n_trials < GPU_BATCH_MAX_TRIALS ? slice->n_trials : GPU_BATCH_MAX_TRIALS;
    cl_uint best = NO_HIT;
    int64_t start_us = clock_mono_us();
    *out_found = false;
    if (n_trials == 0) {
        return true;
    }
    cl_int code = give_plan(device, slice);
    if (code != CL_SUCCESS) {
        return failed(fault, "clEnqueueWriteBuffer", code);
    }
    if (!give_arguments(device, slice, (cl_uint)n_trials, fault) ||
        !launch(device, (cl_uint)n_trials, &best, fault)) {
        return false;
    }
    if (n_trials == device->batch_trials) {
        adapt(device, n_trials, clock_mono_us() - start_us);
    }
    *out_found = best != NO_HIT;
    *out_nonce = slice->first_nonce + best;
    return true;
}

/* ---- life ---- */

static bool search_for_test(void *context, uint64_t *out_nonce, const struct pow_slice *slice)
{
    bool found;
    uint64_t nonce;
    if (!gpu_device_search(context, &found, &nonce, slice, NULL) || !found) {
        return false;
    }
    *out_nonce = nonce;
    return true;
}

static bool self_test(struct gpu_device *device, struct fault *fault)
{
    const struct pow_searcher searcher = {search_for_test, device, 1};
    return pow_searcher_self_test(&searcher) ||
           fault_set(fault, FAULT_INTERNAL, "%s computes wrong results", device->name);
}

struct gpu_device *gpu_device_open(enum gpu_choice choice, struct fault *fault)
{
    struct gpu_device *device = xcalloc(1, sizeof *device);
    device->batch_trials = GPU_BATCH_MIN_TRIALS;
    if (!opencl_load(&device->cl, fault) || !choose(device, choice, fault) ||
        !prepare(device, fault) || !self_test(device, fault)) {
        gpu_device_close(&device);
    }
    return device;
}

void gpu_device_close(struct gpu_device **device_in)
{
    struct gpu_device *device = *device_in;
    *device_in = NULL;
    if (device == NULL) {
        return;
    }
    if (device->best != NULL) {
        device->cl.release_mem_object(device->best);
    }
    if (device->plan != NULL) {
        device->cl.release_mem_object(device->plan);
    }
    if (device->kernel != NULL) {
        device->cl.release_kernel(device->kernel);
    }
    if (device->program != NULL) {
        device->cl.release_program(device->program);
    }
    if (device->queue != NULL) {
        device->cl.release_command_queue(device->queue);
    }
    if (device->context != NULL) {
        device->cl.release_context(device->context);
    }
    free(device);
}

const char *gpu_device_name(const struct gpu_device *device)
{
    return device->name;
}

uint64_t gpu_device_batch_trials(const struct gpu_device *device)
{
    return device->batch_trials;
}
