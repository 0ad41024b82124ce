// SPDX-License-Identifier: MIT
/* Objects that the caller made, and how the node is. */
#include <string.h>

#include "base/buf.h"
#include "gateway/agent/work/prepared.h"
#include "gateway/compat/command.h"

enum { USUAL_DEMAND = 1000, NONCE_BYTES = 8, HASH_DIGITS = 32 };

/* ---- publishing ---- */

void command_run_disseminate_object(struct command *command)
{
    struct bytes object;
    int64_t trials;
    int64_t extra;
    if (!command_take_hex(command, &object, 0) ||
        !command_take_integer(command, &trials, 1, USUAL_DEMAND) ||
        !command_take_integer(command, &extra, 2, USUAL_DEMAND)) {
        return;
    }
    if (trials < 0 || (uint64_t)trials > AGENT_MAX_DEMAND || extra < 0 ||
        (uint64_t)extra > AGENT_MAX_DEMAND) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - nobody could do so much work");
        return;
    }
    const struct pow_demand demand = {(uint64_t)trials, (uint64_t)extra};
    agent_publish_prepared(command->parts->agent, object, demand,
                           command_done_with_answer(command));
}

static void on_published(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct command *command = context;
    (void)text;
    (void)id;
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else {
        command_finish_take(command, json_null());
    }
}

/* PyBitmessage builds what no node of today takes; here the object is one of the present form. */
void command_run_disseminate_pubkey(struct command *command)
{
    struct bytes payload;
    struct buf object = {0};
    if (!command_take_hex(command, &payload, 0)) {
        return;
    }
    if (!buf_try_reserve(&object, NONCE_BYTES + payload.len)) {
        command_fail_memory(command);
        return;
    }
    buf_append_zeros(&object, NONCE_BYTES);
    buf_append_bytes(&object, payload);
    agent_publish_prepared(command->parts->agent, buf_view(&object), (struct pow_demand){0},
                           (struct agent_done){on_published, command});
    buf_clear(&object);
}

/* ---- objects by the beginning of what is encrypted ---- */

/* PyBitmessage holds the text, not the hash, to 32 characters, and then compares its 16 bytes with
 * 32 of each object. So it never finds anything, and whoever asks for a whole hash is refused; as
 * here. */
void command_run_message_data(struct command *command)
{
    const char *text;
    struct bytes hash;
    if (!command_take_text(command, &text, 0)) {
        return;
    }
    if (strlen(text) != HASH_DIGITS) {
        command_fail(command, API_HASH_LENGTH);
    } else if (command_take_hex(command, &hash, 0)) {
        command_finish_take(command, json_pack("{s:[]}", "receivedMessageDatas"));
    }
}

/* ---- how the node is ---- */

static const char *network_status(const struct node_figures *figures)
{
    switch (figures->values[FIGURE_COLOUR]) {
    case NODE_GREEN:
        return "connectedAndReceivingIncomingConnections";
    case NODE_YELLOW:
        return "connectedButHaveNotReceivedIncomingConnections";
    default:
        return "notConnected";
    }
}

void command_run_client_status(struct command *command)
{
    struct agent_status status;
    agent_status(command->parts->agent, &status);
    const uint64_t *values = status.node.values;
    const char *network = network_status(&status.node);
    uint64_t n_peers = values[FIGURE_PEERS_IN] + values[FIGURE_PEERS_OUT];
    if (n_peers == 0) {
        network = "notConnected";
    } else if (strcmp(network, "notConnected") == 0) {
        n_peers = 0; /* the two must agree */
    }
    command_finish_take(
        command,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "networkConnections",
                  (json_int_t)n_peers, "numberOfMessagesProcessed",
                  (json_int_t)status.n_processed[AGENT_MSGS], "numberOfBroadcastsProcessed",
                  (json_int_t)status.n_processed[AGENT_BROADCASTS], "numberOfPubkeysProcessed",
                  (json_int_t)status.n_processed[AGENT_PUBKEYS], "pendingDownload",
                  (json_int_t)values[FIGURE_WANTED], "networkStatus", network, "softwareName",
                  "Bittern", "softwareVersion", BITTERN_VERSION));
}

static json_t *text_of(struct bytes text)
{
    json_t *value = json_stringn((const char *)text.data, text.len);
    return value == NULL ? json_string("") : value;
}

static void on_peers(void *context, const struct link_peer *peers, size_t n_peers,
                     const struct fault *fault)
{
    struct command *command = context;
    if (fault != NULL) {
        command_fail_fault(command, fault);
        return;
    }
    json_t *lists[] = {json_array(), json_array()};
    for (size_t i = 0; i < n_peers; i++) {
        json_array_append_new(lists[peers[i].is_inbound ? 0 : 1],
                              json_pack("{s:o, s:i, s:b, s:o}", "host", text_of(peers[i].host),
                                        "port", (int)peers[i].port, "fullyEstablished",
                                        (int)peers[i].is_established, "userAgent",
                                        text_of(peers[i].user_agent)));
    }
    command_finish_take(command,
                        json_pack("{s:o, s:o}", "inbound", lists[0], "outbound", lists[1]));
}

void command_run_list_connections(struct command *command)
{
    agent_peers(command->parts->agent, (struct agent_peers_done){on_peers, command});
}
