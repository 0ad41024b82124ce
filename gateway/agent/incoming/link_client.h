// SPDX-License-Identifier: MIT
/* The gateway's end of the link over a socket: node/link's sans-IO engine on base's io.
 *
 * The node may die and come back at any moment: a new socket end then takes the old one's place,
 * and all questions that were open are forgotten (on_down). Whoever asked asks again after on_up.
 */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_LINK_CLIENT_H
#define BITTERN_GATEWAY_AGENT_INCOMING_LINK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "node/link/link_gateway.h"

struct loop;
struct link_client;

struct link_client_handler {
    /* The node said hello: questions may be asked. */
    void (*on_up)(void *context, const struct link_epoch *epoch, uint64_t newest);
    /* Objects, findings, answers (all kinds but HELLO). Objects and findings are paid for by
     * link_client_done. */
    void (*on_event)(void *context, const struct link_gateway_event *event);
    void (*on_down)(void *context);
    /* The socket is of no use any more, though nobody has dropped it here: another is needed. */
    void (*on_lost)(void *context);
    void *context;
};

struct link_client *link_client_new(struct loop *loop,
                                    const struct link_client_handler *handler) MUST_USE;
void link_client_free(struct link_client **client);
/* Take a socket to a (new) node. */
void link_client_attach(struct link_client *client, int fd);

/* After hello and before on_down. */
bool link_client_is_up(const struct link_client *client) MUST_USE;

/* As the functions of link_gateway.h; false (FAULT_CLOSED) while it is not up. */
bool link_client_publish(struct link_client *client, uint64_t request, struct bytes object,
                         struct fault *fault) MUST_USE;
bool link_client_objects_since(struct link_client *client, uint32_t scan,
                               const struct link_epoch *epoch, uint64_t number,
                               struct fault *fault) MUST_USE;
/* Nothing happens while it is not up. */
void link_client_stop_scan(struct link_client *client, uint32_t scan);
bool link_client_find_tag(struct link_client *client, uint64_t request, uint32_t object_type,
                          const uint8_t tag[LINK_TAG_BYTES], struct fault *fault) MUST_USE;
bool link_client_ask_status(struct link_client *client, struct fault *fault);
bool link_client_ask_peers(struct link_client *client, uint64_t request,
                           struct fault *fault) MUST_USE;
/* Nothing happens when the node that sent the object has gone: `generation` was in force when it
 * came. */
void link_client_done(struct link_client *client, uint64_t generation, size_t object_len);
/* Grows with each node that is attached. */
uint64_t link_client_generation(const struct link_client *client) MUST_USE;

#endif
