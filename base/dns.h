// SPDX-License-Identifier: MIT
/* Looking names up, without waiting. Not to be used in Tor mode: that decision is the caller's.
 *
 * The name servers are read from the system's configuration when the resolver is made, so that this
 * can happen before a sandbox closes. */
#ifndef BITTERN_BASE_DNS_H
#define BITTERN_BASE_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/netaddr.h"

struct loop;
struct dns;
struct dns_query;

enum { DNS_MAX_ADDRESSES = 64, DNS_TIMEOUT_MS = 15 * 1000 };

/* NULL when there is no name server to ask. */
struct dns *dns_new(struct loop *loop, struct fault *fault) MUST_USE;
/* The same with one name server of the caller's choice. */
struct dns *dns_new_asking(struct loop *loop, const struct netaddr *server,
                           struct fault *fault) MUST_USE;
/* Queries under way are cancelled, without an answer. */
void dns_free(struct dns **dns);

/* Look up `host`; the addresses get `port`. `done` is called once from the loop, never from within
 * this call: with at most DNS_MAX_ADDRESSES addresses and fault NULL, or none and the fault. */
struct dns_query *dns_resolve(struct dns *dns, const char *host, uint16_t port,
                              void (*done)(void *context, const struct netaddr *addresses,
                                           size_t n_addresses, const struct fault *fault),
                              void *context) MUST_USE;
/* `done` will not be called. Only before it was. */
void dns_cancel(struct dns_query **query);

#endif
