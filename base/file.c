// SPDX-License-Identifier: MIT
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/process.h"

bool file_write_all(int fd, struct bytes content, struct fault *fault)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno != EINTR) {
            return fault_set_errno(fault, errno, "write");
        }
        content = bytes_slice(content, n > 0 ? (size_t)n : 0, content.len);
    }
    return true;
}

bool file_write_synced(int fd, struct bytes content, struct fault *fault)
{
    return file_write_all(fd, content, fault) &&
           (fsync(fd) == 0 || fault_set_errno(fault, errno, "write"));
}

bool file_read_up_to(int fd, void *out, size_t len, size_t *out_n, struct fault *fault)
{
    *out_n = 0;
    while (*out_n < len) {
        ssize_t n = read(fd, (uint8_t *)out + *out_n, len - *out_n);
        if (n < 0 && errno != EINTR) {
            return fault_set_errno(fault, errno, "read");
        }
        if (n == 0) {
            break;
        }
        *out_n += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool file_sync_folder(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = (fd >= 0 && fsync(fd) == 0) || fault_set_errno(fault, errno, "write %s", path);
    process_close_fd(&fd);
    return ok;
}
