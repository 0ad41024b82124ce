// SPDX-License-Identifier: MIT
/* Makes calls of one program fail, for whole-program tests: preloaded (LD_PRELOAD) into all of
 * them, at work in the one that BITTERN_FAIL_PROGRAM names.
 *
 * Which call fails says a block of memory in the file BITTERN_FAIL_CONTROL, which the test shares
 * (tests/e2e/fail_calls.py has the same layout) and changes while the program runs. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { KIND_NONE = 0, KIND_MEMORY = 1, KIND_WRITE = 2, KIND_SYNC = 3 };

struct control {
    _Atomic uint32_t kind;
    _Atomic uint32_t error;      /* errno; 0 of a write: only half is written */
    _Atomic uint32_t from_then;  /* all that come after the n-th fail, too */
    _Atomic uint32_t n_failed;   /* so far */
    _Atomic int64_t left;        /* the call that takes it to 0 fails */
    _Atomic uint64_t least_size; /* smaller blocks of memory are not counted */
};

static struct control *control;

static __attribute__((constructor)) void begin(void)
{
    const char *program = getenv("BITTERN_FAIL_PROGRAM");
    const char *path = getenv("BITTERN_FAIL_CONTROL");
    if (program == NULL || path == NULL || strcmp(program, program_invocation_short_name) != 0) {
        return;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *block = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (block != MAP_FAILED) {
        control = block;
    }
}

static bool fails(uint32_t kind)
{
    if (control == NULL || control->kind != kind) {
        return false;
    }
    int64_t left = atomic_fetch_sub(&control->left, 1) - 1;
    if (left != 0 && !(left < 0 && control->from_then)) {
        return false;
    }
    control->n_failed++;
    errno = kind == KIND_MEMORY ? ENOMEM : (int)control->error;
    return true;
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);

static bool memory_fails(size_t size)
{
    return control != NULL && size >= control->least_size && fails(KIND_MEMORY);
}

void *malloc(size_t size)
{
    return memory_fails(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_fails(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return memory_fails(size) ? NULL : __libc_realloc(block, size);
}

void *reallocarray(void *block, size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, whole);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    *out = memory_fails(size) ? NULL : __libc_memalign(align, size);
    return *out != NULL ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t size)
{
    return memory_fails(size) ? NULL : __libc_memalign(align, size);
}

/* ---- files ---- */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool is_file(int fd)
{
    struct stat stat;
    return control != NULL && fd > STDERR_FILENO && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
}

/* How many bytes of a write go through: all, half, or -1. */
static ssize_t let_through(int fd, size_t len)
{
    if (!is_file(fd) || !fails(KIND_WRITE)) {
        return (ssize_t)len;
    }
    return control->error == 0 ? (ssize_t)(len / 2) : -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t n = let_through(fd, len);
    return n < 0 ? n : REAL(write)(fd, data, (size_t)n);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t n = let_through(fd, len);
    return n < 0 ? n : REAL(pwrite)(fd, data, (size_t)n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    ssize_t n = let_through(fd, len);
    return n < 0 ? n : REAL(pwrite64)(fd, data, (size_t)n, offset);
}

int fsync(int fd)
{
    return control != NULL && fails(KIND_SYNC) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return control != NULL && fails(KIND_SYNC) ? -1 : REAL(fdatasync)(fd);
}
