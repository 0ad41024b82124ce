// SPDX-License-Identifier: MIT
/* bittern-upnp: asks the router to forward a port to this machine, or to forget that. One question,
 * one answer, then it ends; the supervisor runs it now and then (supervisor_upnp.h).
 *
 *     bittern-upnp map PORT EXTERNAL-PORT     exit 0 done, 1 no router that does it, 3 port taken
 *     bittern-upnp unmap EXTERNAL-PORT
 *
 * What a router says is a stranger's XML, so it is read in a process of its own, which has no file
 * and no secret. The mapping has a lease: a machine that went away leaves no open door for long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include "base/log.h"
#include "base/process.h"
#include "base/sandbox.h"
#include "base/str.h"

enum { EXIT_NO_ROUTER = 1, EXIT_USAGE = 2, EXIT_TAKEN = 3 };
enum { DISCOVER_MS = 2000, HOPS = 2, CONFLICT_IN_MAPPING = 718, OVER_ALL_SEC = 30 };
enum { ONLY_PERMANENT_LEASES = 725 };

#define LEASE_SEC "3600"

struct router {
    struct UPNPDev *devices;
    struct UPNPUrls urls;
    struct IGDdatas data;
    char own_address[64];
};

static bool find_router(struct router *router)
{
    int error = 0;
    /* The empty name: no question to a minissdpd of the system. */
    router->devices = upnpDiscover(DISCOVER_MS, NULL, "", UPNP_LOCAL_PORT_ANY, 0, HOPS, &error);
    int kind = router->devices == NULL
                   ? 0
                   : UPNP_GetValidIGD(router->devices, &router->urls, &router->data,
                                      router->own_address, sizeof router->own_address);
    if (kind != 1) {
        log_info("upnp", "no router that forwards ports was found");
    }
    return kind == 1;
}

static void forget_router(struct router *router)
{
    FreeUPNPUrls(&router->urls);
    freeUPNPDevlist(router->devices);
}

static int add_mapping(const struct router *router, const char *port, const char *external,
                       const char *lease)
{
    return UPNP_AddPortMapping(router->urls.controlURL, router->data.first.servicetype, external,
                               port, router->own_address, "Bittern", "TCP", NULL, lease);
}

static int map(const struct router *router, const char *port, const char *external)
{
    int error = add_mapping(router, port, external, LEASE_SEC);
    if (error == ONLY_PERMANENT_LEASES) {
        error = add_mapping(router, port, external, "0");
    }
    if (error == UPNPCOMMAND_SUCCESS) {
        log_info("upnp", "the router forwards port=%s to=%s", external, port);
        return EXIT_SUCCESS;
    }
    log_info("upnp", "the router does not forward port=%s error=%d (%s)", external, error,
             error > 0 ? strupnperror(error) : "no answer");
    return error == CONFLICT_IN_MAPPING ? EXIT_TAKEN : EXIT_NO_ROUTER;
}

static int unmap(const struct router *router, const char *external)
{
    int error = UPNP_DeletePortMapping(router->urls.controlURL, router->data.first.servicetype,
                                       external, "TCP", NULL);
    log_info("upnp", "the router forgot port=%s error=%d", external, error);
    return error == UPNPCOMMAND_SUCCESS ? EXIT_SUCCESS : EXIT_NO_ROUTER;
}

static bool is_port(const char *text)
{
    uint64_t port;
    return parse_u64(bytes_of_str(text), UINT16_MAX, &port) && port != 0;
}

static bool lock_in(void)
{
    static const struct sandbox_profile profile = {.calls = SANDBOX_STREAMS | SANDBOX_CONNECT |
                                                            SANDBOX_DATAGRAMS | SANDBOX_READ_FILES};
    struct sandbox_status status;
    struct fault fault;
    if (!sandbox_enter(&status, &profile, &fault)) {
        log_error("upnp", "cannot start fault=\"%s\"", fault.text);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool is_map = argc == 4 && strcmp(argv[1], "map") == 0 && is_port(argv[2]) && is_port(argv[3]);
    bool is_unmap = argc == 3 && strcmp(argv[1], "unmap") == 0 && is_port(argv[2]);
    if (!is_map && !is_unmap) {
        fprintf(stderr, "bittern-upnp: map PORT EXTERNAL-PORT | unmap EXTERNAL-PORT\n");
        return EXIT_USAGE;
    }
    process_init();
    log_init(STDERR_FILENO, LOG_LEVEL_INFO, "upnp");
    alarm(OVER_ALL_SEC); /* a router that answers byte by byte does not keep us */
    if (!lock_in()) {
        return EXIT_NO_ROUTER;
    }
    struct router router = {0};
    int code = EXIT_NO_ROUTER;
    if (find_router(&router)) {
        code = is_map ? map(&router, argv[2], argv[3]) : unmap(&router, argv[2]);
    }
    forget_router(&router);
    return code;
}
