// SPDX-License-Identifier: MIT
/* keys.dat: whatever is in it, it is read or refused; what was read is written and reads the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/moving/keys_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_block(struct keys_file *out, void *data, size_t size)
{
    FILE *in = fmemopen(data, size, "r");
    if (in == NULL) {
        return false;
    }
    bool ok = keys_file_read_stream(out, KEYS_FILE_PYBITMESSAGE, in, "keys.dat", NULL);
    fclose(in);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keys_file file;
    struct keys_file again;
    uint8_t *copy = xmemdup(data, size);
    if (size > 0 && read_block(&file, copy, size)) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        keys_file_write(out, KEYS_FILE_PYBITMESSAGE, file.entries, file.n_entries);
        fclose(out);
        if (len > 0 && read_block(&again, text, len)) {
            if (again.n_entries != file.n_entries) {
                abort();
            }
            keys_file_clear(&again);
        }
        free(text);
        keys_file_clear(&file);
    }
    free(copy);
    return 0;
}
