// SPDX-License-Identifier: MIT
/* A whole object of any type, as a node and a gateway take it: header, rules, and every reader of
 * every type, with keys that can open some of the seeds. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/ecies.h"
#include "node/objects/ack.h"
#include "node/objects/broadcast.h"
#include "node/objects/getpubkey.h"
#include "node/objects/msg.h"
#include "node/objects/onionpeer.h"
#include "node/objects/pubkey.h"
#include "node/wire/frame.h"

static const uint64_t streams[] = {1, 2};
static const struct object_rules rules = {streams, ARRAY_LEN(streams), {10, 10}, false};
static const int64_t now_sec = 1767225600;

/* The addresses of the known answers to whom the seeds are written. */
static const char *const address_texts[] = {
    "BM-2cWCRMG786HXNemwSQg9j6dDm1PLVW9uuL", "BM-2DAbSExpQupeZDdrQzLqEyMS8W8PjWeqid",
    "BM-onkVu1KKL2UaUss5Upg9vXmqd3esTmV79", "BM-2cWfknCGM2EYVdcN8wmBNBvWQy47LVPemF"};

static void check_header(const struct object *object)
{
    struct buf again = {0};
    object_write_header(&again, &(struct object_head){object->expires_sec, object->type,
                                                      object->version, object->stream});
    object_set_nonce(&again, object->nonce);
    write_bytes(&again, object->payload);
    FUZZ_CHECK(bytes_equal(buf_view(&again), object->whole));
    buf_clear(&again);
}

static void read_broadcast(const struct object *object, const struct address *address)
{
    struct bytes encrypted;
    struct bytes tag;
    struct private_key key;
    struct buf plaintext = {0};
    struct broadcast broadcast;
    if (broadcast_encrypted_part(&encrypted, &tag, object, NULL) &&
        address_broadcast_key(&key, address) && ecies_decrypt(&plaintext, &key, encrypted) &&
        broadcast_parse(&broadcast, buf_view(&plaintext), NULL) &&
        broadcast_verify(&broadcast, object, address, NULL)) {
        FUZZ_CHECK(address_equal(&broadcast.sender.address, address));
    }
    buf_clear(&plaintext);
}

static void read_for(const struct object *object, const struct address *address)
{
    struct sender sender;
    struct getpubkey request;
    if (pubkey_open_for(&sender, object, address, NULL)) {
        FUZZ_CHECK(address_equal(&sender.address, address));
    }
    if (getpubkey_parse(&request, object, NULL) && getpubkey_asks_for(&request, address)) {
        FUZZ_CHECK(request.version == address->version);
    }
    read_broadcast(object, address);
}

static void read_for_anybody(const struct object *object)
{
    struct sender sender;
    struct peer_addr addr;
    struct bytes part;
    struct object ack;
    uint8_t tag[OBJECT_TAG_BYTES];
    if (pubkey_open_plain(&sender, object, NULL)) {
        FUZZ_CHECK(sender.address.version == object->version);
    }
    if (onionpeer_parse(&addr, object, NULL)) {
        FUZZ_CHECK(peer_addr_is_onion(&addr) && addr.port != 0);
    }
    if (msg_encrypted_part(&part, object, NULL)) {
        FUZZ_CHECK(object->type == OBJECT_MSG);
    }
    if (ack_data_of(&part, object)) {
        FUZZ_CHECK(part.len + OBJECT_TYPE_OFFSET == object->whole.len);
    }
    FUZZ_CHECK(object_tag(tag, object) == (object->payload.len >= sizeof tag));
    if (ack_open_packet(&ack, object->whole, FRAME_MAGIC, &rules, now_sec, NULL)) {
        FUZZ_CHECK(ack.whole.len + FRAME_HEADER_BYTES == object->whole.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct object object;
    if (!object_parse(&object, (struct bytes){data, size}, NULL)) {
        return 0;
    }
    check_header(&object);
    FUZZ_CHECK(strlen(object_verdict_text(object_check(&object, &rules, now_sec))) > 0);
    if (!object_is_processable(&object)) {
        return 0;
    }
    read_for_anybody(&object);
    for (size_t i = 0; i < ARRAY_LEN(address_texts); i++) {
        struct address address;
        FUZZ_CHECK(address_decode(&address, bytes_of_str(address_texts[i])) == ADDRESS_OK);
        read_for(&object, &address);
    }
    return 0;
}
