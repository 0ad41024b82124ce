// SPDX-License-Identifier: MIT
/* libevent's resolver. An answer that is known at once (a number, the hosts file) is still told
 * later, so that the asker has its query in hand first. */
#include "base/dns.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/loop.h"
#include "base/loop_internal.h"
#include "base/mem.h"

struct dns {
    struct loop *loop;
    struct evdns_base *base;
    struct list_node queries;
};

struct dns_query {
    struct list_node node;
    struct evdns_getaddrinfo_request *request; /* NULL once libevent has answered */
    struct deferred deferred;
    uint16_t port;
    void (*done)(void *context, const struct netaddr *addresses, size_t n_addresses,
                 const struct fault *fault);
    void *context;
    bool cancelled;
    bool answered;
    struct netaddr addresses[DNS_MAX_ADDRESSES];
    size_t n_addresses;
    struct fault fault;
    char host[NETADDR_HOST_BYTES];
};

static struct dns *dns_new_flags(struct loop *loop, int flags, struct fault *fault)
{
    struct dns *dns = xcalloc(1, sizeof *dns);
    dns->loop = loop;
    list_init(&dns->queries);
    dns->base = evdns_base_new(loop_event_base(loop), flags | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (dns->base == NULL) {
        fault_set(fault, FAULT_NOT_FOUND, "there is no name server to ask (/etc/resolv.conf)");
        free(dns);
        return NULL;
    }
    char timeout_sec[16];
    snprintf(timeout_sec, sizeof timeout_sec, "%d", DNS_TIMEOUT_MS / 1000 / 3);
    evdns_base_set_option(dns->base, "timeout:", timeout_sec);
    return dns;
}

struct dns *dns_new(struct loop *loop, struct fault *fault)
{
    return dns_new_flags(loop, EVDNS_BASE_INITIALIZE_NAMESERVERS, fault);
}

struct dns *dns_new_asking(struct loop *loop, const struct netaddr *server, struct fault *fault)
{
    struct dns *dns = dns_new_flags(loop, 0, fault);
    struct sockaddr_storage storage;
    socklen_t len;
    netaddr_to_sockaddr(&storage, &len, server);
    if (dns != NULL && evdns_base_nameserver_sockaddr_add(
                           dns->base, (const struct sockaddr *)&storage, len, 0) != 0) {
        fault_set(fault, FAULT_INVALID, "%s: not to be asked for names",
                  netaddr_format(server).text);
        dns_free(&dns);
    }
    return dns;
}

static void free_query(struct dns_query *query)
{
    list_remove(&query->node);
    deferred_cancel(&query->deferred);
    free(query);
}

static void tell(void *context)
{
    struct dns_query *query = context;
    list_remove(&query->node);
    if (!query->cancelled) {
        bool failed = query->n_addresses == 0;
        query->done(query->context, query->addresses, query->n_addresses,
                    failed ? &query->fault : NULL);
    }
    free_query(query);
}

static void take_addresses(struct dns_query *query, const struct evutil_addrinfo *first)
{
    for (const struct evutil_addrinfo *entry = first;
         entry != NULL && query->n_addresses < DNS_MAX_ADDRESSES; entry = entry->ai_next) {
        struct sockaddr_storage storage = {0};
        if (entry->ai_addrlen > sizeof storage) {
            continue;
        }
        memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
        struct netaddr *address = &query->addresses[query->n_addresses];
        if (netaddr_from_sockaddr(address, &storage)) {
            address->port = query->port;
            query->n_addresses++;
        }
    }
}

static void on_answer(int error, struct evutil_addrinfo *found, void *context)
{
    struct dns_query *query = context;
    query->request = NULL;
    query->answered = true;
    take_addresses(query, found);
    if (found != NULL) {
        evutil_freeaddrinfo(found);
    }
    if (query->n_addresses == 0) {
        enum fault_code code = error == EVUTIL_EAI_AGAIN ? FAULT_TIMEOUT : FAULT_NOT_FOUND;
        fault_set(&query->fault, code, "look up %s: %s", query->host,
                  error != 0 ? evutil_gai_strerror(error) : "no address");
    }
    deferred_arm(&query->deferred);
}

struct dns_query *dns_resolve(struct dns *dns, const char *host, uint16_t port,
                              void (*done)(void *context, const struct netaddr *addresses,
                                           size_t n_addresses, const struct fault *fault),
                              void *context)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct dns_query *query = xcalloc(1, sizeof *query);
    query->port = port;
    query->done = done;
    query->context = context;
    snprintf(query->host, sizeof query->host, "%s", host);
    deferred_init(&query->deferred, dns->loop, tell, query);
    list_append(&dns->queries, &query->node);
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dns->base, query->host, NULL, &hints, on_answer, query);
    query->request = query->answered ? NULL : request;
    return query;
}

void dns_cancel(struct dns_query **query_at)
{
    struct dns_query *query = *query_at;
    if (query == NULL) {
        return;
    }
    query->cancelled = true;
    if (query->request != NULL) {
        evdns_getaddrinfo_cancel(query->request); /* on_answer follows in a later turn */
    }
    *query_at = NULL;
}

void dns_free(struct dns **dns_at)
{
    struct dns *dns = *dns_at;
    if (dns == NULL) {
        return;
    }
    list_for_each(node, &dns->queries)
    {
        list_entry(node, struct dns_query, node)->cancelled = true;
        list_remove(node); /* the query goes after libevent has answered it */
    }
    evdns_base_free(dns->base, 1);
    free(dns);
    *dns_at = NULL;
}
