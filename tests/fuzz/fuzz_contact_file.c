// SPDX-License-Identifier: MIT
/* An address book that somebody sent: what is read has an address, and writing it reads the same.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "gateway/control/contact_file.h"

struct copy {
    struct buf file;
    size_t n;
};

static void write_again(void *context, const char *address, const char *label)
{
    struct copy *copy = context;
    FUZZ_CHECK(address[0] != '\0' && strlen(label) <= CONTACT_LABEL_MAX_BYTES);
    FUZZ_CHECK(strpbrk(label, "\r\n") == NULL);
    contact_file_write(&copy->file, CONTACT_CSV, address, label);
    copy->n++;
}

static void count(void *context, const char *address, const char *label)
{
    (void)address;
    (void)label;
    ++*(size_t *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct copy copy = {0};
    contact_file_begin(&copy.file, CONTACT_CSV);
    if (contact_file_read((struct bytes){data, size}, write_again, &copy, NULL)) {
        size_t n = 0;
        FUZZ_CHECK(contact_file_read(buf_view(&copy.file), count, &n, NULL));
        FUZZ_CHECK(n == copy.n);
    }
    buf_clear(&copy.file);
    return 0;
}
