// SPDX-License-Identifier: MIT
/* The table of PyBitmessage's commands: all that its api.py has, under all their names. */
#include <string.h>

#include "gateway/compat/command.h"

#define INBOX_MESSAGE                                                                              \
    "msgid, toAddress, fromAddress, subject, message, encodingType, receivedTime, read"
#define SENT_MESSAGE                                                                               \
    "msgid, toAddress, fromAddress, subject, message, encodingType, lastActionTime, status, "      \
    "ackData"

static const struct command_row rows[] = {
    {"helloWorld", "a b", command_run_hello_world, "Two texts, joined by '-'."},
    {"add", "a b", command_run_add, "The sum of two numbers."},
    {"statusBar", "message", command_run_status_bar, "Writes a line into the log."},

    {"decodeAddress", "address", command_run_decode_address,
     "status, addressVersion, streamNumber and ripe (base64) of an address."},
    {"listAddresses listAddresses2", "", command_run_list_addresses,
     "All own addresses: label (base64 in listAddresses2), address, stream, enabled, chan."},
    {"createRandomAddress", "label eighteenByteRipe? totalDifficulty? smallMessageDifficulty?",
     command_run_create_random_address, "Makes an address; label is base64."},
    {"createDeterministicAddresses",
     "passphrase numberOfAddresses? addressVersionNumber? streamNumber? eighteenByteRipe? "
     "totalDifficulty? smallMessageDifficulty?",
     command_run_create_deterministic_addresses,
     "Makes the addresses of a passphrase (base64); gives back those that are new."},
    {"getDeterministicAddress", "passphrase addressVersionNumber streamNumber",
     command_run_get_deterministic_address,
     "The first address of a passphrase (base64), which is not kept."},
    {"enableAddress", "address enable?", command_run_enable_address,
     "Switches an address on or off."},
    {"deleteAddress", "address", command_run_delete_address, "Deletes an address and its keys."},

    {"createChan", "passphrase", command_run_create_chan,
     "Makes or joins the chan of that name (base64); gives back its address."},
    {"joinChan", "passphrase address", command_run_join_chan,
     "Joins a chan; its name (base64) and address must belong together."},
    {"leaveChan", "address", command_run_leave_chan, "Leaves a chan."},

    {"listAddressBookEntries legacy:listAddressbook", "label?", command_run_list_address_book,
     "The address book: label (base64) and address; those of one label alone, if it is given."},
    {"addAddressBookEntry legacy:addAddressbook", "address label", command_run_add_to_address_book,
     "Adds to the address book; label is base64."},
    {"deleteAddressBookEntry legacy:deleteAddressbook", "address",
     command_run_delete_from_address_book, "Removes from the address book."},
    {"listSubscriptions", "", command_run_list_subscriptions,
     "All subscriptions: label (base64), address, enabled."},
    {"addSubscription", "address label?", command_run_add_subscription,
     "Subscribes to an address's broadcasts; label is base64."},
    {"deleteSubscription", "address", command_run_delete_subscription, "Unsubscribes."},

    {"getAllInboxMessages", "", command_run_inbox, "All that arrived: " INBOX_MESSAGE "."},
    {"getAllInboxMessageIds getAllInboxMessageIDs", "", command_run_inbox_ids,
     "The msgids of all that arrived."},
    {"getInboxMessageById getInboxMessageByID", "msgid readStatus?", command_run_inbox_by_id,
     "One message that arrived: " INBOX_MESSAGE ". Marks it as read or not."},
    {"getInboxMessagesByReceiver legacy:getInboxMessagesByAddress", "toAddress",
     command_run_inbox_by_receiver, "All that arrived for an address: " INBOX_MESSAGE "."},
    {"getAllSentMessages", "", command_run_sent, "All that was sent: " SENT_MESSAGE "."},
    {"getAllSentMessageIds getAllSentMessageIDs", "", command_run_sent_ids,
     "The msgids of all that was sent."},
    {"getSentMessageById getSentMessageByID", "msgid", command_run_sent_by_id,
     "One message that was sent: " SENT_MESSAGE "."},
    {"getSentMessagesByAddress getSentMessagesBySender", "fromAddress", command_run_sent_by_address,
     "All that an address sent: " SENT_MESSAGE "."},
    {"getSentMessageByAckData", "ackData", command_run_sent_by_ackdata,
     "One message that was sent: " SENT_MESSAGE "."},
    {"trashMessage", "msgid", command_run_trash, "Moves a message to Trash."},
    {"trashInboxMessage", "msgid", command_run_trash_inbox,
     "Moves a message that arrived to Trash."},
    {"trashSentMessage", "msgid", command_run_trash_sent,
     "Moves a message that was sent to Trash."},
    {"trashSentMessageByAckData", "ackData", command_run_trash_sent_by_ackdata,
     "Moves a message that was sent to Trash."},
    {"undeleteMessage", "msgid", command_run_undelete, "Takes a message out of Trash."},

    {"sendMessage", "toAddress fromAddress subject message encodingType? TTL?",
     command_run_send_message,
     "Sends a message (subject and message are base64, TTL seconds); gives back its ackData."},
    {"sendBroadcast", "fromAddress subject message encodingType? TTL?", command_run_send_broadcast,
     "Sends a broadcast; gives back its ackData."},
    {"getStatus", "ackdata", command_run_get_status, "How far a message has come."},

    {"disseminatePreEncryptedMsg disseminatePreparedObject",
     "encryptedPayload nonceTrialsPerByte? payloadLengthExtraBytes?",
     command_run_disseminate_object,
     "Publishes an object (hex), after its proof of work where its nonce is 0; gives back its "
     "hash."},
    {"disseminatePubkey", "payload", command_run_disseminate_pubkey,
     "Publishes an object that comes without its nonce."},
    {"getMessageDataByDestinationHash getMessageDataByDestinationTag", "requestedHash",
     command_run_message_data, "Objects by the beginning of what is encrypted."},
    {"clientStatus", "", command_run_client_status, "Connections, counts, name and version."},
    {"listConnections", "", command_run_list_connections,
     "Inbound and outbound connections: host, port, fullyEstablished, userAgent."},
    {"deleteAndVacuum", "", command_run_delete_and_vacuum, "Empties Trash."},
    {"shutdown", "", command_run_shutdown, "Ends Bittern."},
};

bool command_next_name(const char **out, size_t *out_len, const char **rest,
                       enum api_variant variant)
{
    static const char legacy[] = "legacy:";
    while (**rest != '\0') {
        const char *name = *rest;
        size_t len = strcspn(name, " ");
        *rest = name + len + (name[len] == ' ' ? 1 : 0);
        bool is_legacy = strncmp(name, legacy, sizeof(legacy) - 1) == 0;
        if (!is_legacy || variant == API_VARIANT_LEGACY) {
            *out = is_legacy ? name + sizeof(legacy) - 1 : name;
            *out_len = is_legacy ? len - (sizeof(legacy) - 1) : len;
            return true;
        }
    }
    return false;
}

const struct command_row *command_row_at(size_t index)
{
    return index < ARRAY_LEN(rows) ? &rows[index] : NULL;
}

const struct command_row *command_find(const char *method, enum api_variant variant)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *rest = rows[i].names;
        const char *name;
        size_t len;
        while (command_next_name(&name, &len, &rest, variant)) {
            if (strlen(method) == len && memcmp(method, name, len) == 0) {
                return &rows[i];
            }
        }
    }
    return NULL;
}
