// SPDX-License-Identifier: MIT
/* An address as a person or a peer writes it: what is read prints to a text that reads the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/netaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size);
    struct netaddr address;
    if (netaddr_parse(&address, text, 8444, NULL)) {
        struct netaddr again;
        FUZZ_CHECK(netaddr_parse(&again, netaddr_format(&address).text, 1, NULL));
        FUZZ_CHECK(netaddr_equal(&address, &again));
        FUZZ_CHECK(!(netaddr_is_loopback(&address) && netaddr_is_global(&address)));
    }
    char host[NETADDR_HOST_BYTES];
    uint16_t port;
    if (netaddr_split_host(host, &port, text, 8444, NULL)) {
        FUZZ_CHECK(host[0] != '\0' && strlen(host) <= size);
    }
    free(text);
    return 0;
}
