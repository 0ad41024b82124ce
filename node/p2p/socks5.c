// SPDX-License-Identifier: MIT
#include "node/p2p/socks5.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "node/wire/peer_addr.h"

enum {
    SOCKS_VERSION = 5,
    AUTH_VERSION = 1,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    COMMAND_CONNECT = 1,
    ADDRESS_IPV4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_IPV6 = 4,
    IPV4_BYTES = 4,
    IPV6_BYTES = 16
};

static const char *reply_text(uint8_t reply)
{
    static const char *const texts[] = {"granted",
                                        "the proxy failed",
                                        "not allowed by the proxy",
                                        "network unreachable",
                                        "host unreachable",
                                        "connection refused",
                                        "time ran out",
                                        "the proxy does not know CONNECT",
                                        "the proxy does not know this kind of address"};
    return reply < ARRAY_LEN(texts) ? texts[reply] : "refused for an unknown reason";
}

static void write_text(struct buf *out, const char *text)
{
    write_u8(out, (uint8_t)strlen(text));
    buf_append_str(out, text);
}

bool socks5_init(struct socks5 *socks, const char *host, uint16_t port, const char *user,
                 const char *password, struct fault *fault)
{
    if (host[0] == '\0' || strlen(host) > SOCKS5_MAX_TEXT_BYTES ||
        strlen(user) > SOCKS5_MAX_TEXT_BYTES || strlen(password) > SOCKS5_MAX_TEXT_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a host, user or password too long for SOCKS5");
    }
    *socks = (struct socks5){.state = SOCKS5_METHOD, .port = port};
    snprintf(socks->host, sizeof socks->host, "%s", host);
    snprintf(socks->user, sizeof socks->user, "%s", user);
    snprintf(socks->password, sizeof socks->password, "%s", password);
    write_u8(&socks->out, SOCKS_VERSION);
    if (user[0] == '\0') {
        write_u8(&socks->out, 1);
        write_u8(&socks->out, METHOD_NONE);
    } else {
        write_u8(&socks->out, 2);
        write_u8(&socks->out, METHOD_NONE);
        write_u8(&socks->out, METHOD_PASSWORD);
    }
    return true;
}

void socks5_clear(struct socks5 *socks)
{
    buf_clear(&socks->out);
    mem_wipe(socks, sizeof *socks);
}

static void ask_to_connect(struct socks5 *socks)
{
    struct peer_addr addr;
    write_u8(&socks->out, SOCKS_VERSION);
    write_u8(&socks->out, COMMAND_CONNECT);
    write_u8(&socks->out, 0);
    bool is_address = peer_addr_of_host(&addr, bytes_of_str(socks->host), socks->port);
    if (is_address && addr.kind == PEER_ADDR_IPV4) {
        write_u8(&socks->out, ADDRESS_IPV4);
        write_bytes(&socks->out, (struct bytes){addr.host, IPV4_BYTES});
    } else if (is_address && addr.kind == PEER_ADDR_IPV6) {
        write_u8(&socks->out, ADDRESS_IPV6);
        write_bytes(&socks->out, (struct bytes){addr.host, IPV6_BYTES});
    } else {
        write_u8(&socks->out, ADDRESS_NAME);
        write_text(&socks->out, socks->host);
    }
    write_u16(&socks->out, socks->port);
    socks->state = SOCKS5_REPLY;
}

static enum parse_result refuse(struct socks5 *socks, struct fault *fault, const char *why)
{
    socks->state = SOCKS5_FAILED;
    fault_set(fault, FAULT_DENIED, "SOCKS5 proxy: %s", why);
    return PARSE_BAD;
}

static enum parse_result read_method(struct socks5 *socks, struct reader *in, struct fault *fault)
{
    uint8_t version = reader_u8(in);
    uint8_t method = reader_u8(in);
    if (!reader_ok(in)) {
        return PARSE_MORE;
    }
    if (version != SOCKS_VERSION) {
        return refuse(socks, fault, "it does not speak SOCKS5");
    }
    if (method == METHOD_NONE) {
        ask_to_connect(socks);
        return PARSE_DONE;
    }
    if (method != METHOD_PASSWORD || socks->user[0] == '\0') {
        return refuse(socks, fault, "it wants a user name and password");
    }
    write_u8(&socks->out, AUTH_VERSION);
    write_text(&socks->out, socks->user);
    write_text(&socks->out, socks->password);
    socks->state = SOCKS5_AUTH;
    return PARSE_DONE;
}

static enum parse_result read_auth(struct socks5 *socks, struct reader *in, struct fault *fault)
{
    uint8_t version = reader_u8(in);
    uint8_t status = reader_u8(in);
    if (!reader_ok(in)) {
        return PARSE_MORE;
    }
    if (version != AUTH_VERSION || status != 0) {
        return refuse(socks, fault, "wrong user name or password");
    }
    ask_to_connect(socks);
    return PARSE_DONE;
}

static enum parse_result read_reply(struct socks5 *socks, struct reader *in, struct fault *fault)
{
    uint8_t version = reader_u8(in);
    uint8_t reply = reader_u8(in);
    if (!reader_ok(in)) {
        return PARSE_MORE;
    }
    if (version != SOCKS_VERSION) {
        return refuse(socks, fault, "a reply that is not SOCKS5");
    }
    if (reply != 0) {
        return refuse(socks, fault, reply_text(reply));
    }
    reader_u8(in);
    uint8_t kind = reader_u8(in);
    if (!reader_ok(in)) {
        return PARSE_MORE;
    }
    if (kind != ADDRESS_IPV4 && kind != ADDRESS_NAME && kind != ADDRESS_IPV6) {
        return refuse(socks, fault, "an address of an unknown kind");
    }
    size_t len = kind == ADDRESS_IPV4   ? IPV4_BYTES
                 : kind == ADDRESS_IPV6 ? IPV6_BYTES
                                        : reader_u8(in);
    reader_bytes(in, len);
    reader_u16(in);
    if (!reader_ok(in)) {
        return PARSE_MORE;
    }
    socks->state = SOCKS5_DONE;
    return PARSE_DONE;
}

enum parse_result socks5_read(struct socks5 *socks, size_t *out_used, struct bytes in,
                              struct fault *fault)
{
    *out_used = 0;
    while (socks->state != SOCKS5_DONE) {
        struct reader reader = reader_of(bytes_slice(in, *out_used, in.len));
        size_t before = reader_left(&reader);
        enum parse_result result = PARSE_BAD;
        switch (socks->state) {
        case SOCKS5_METHOD:
            result = read_method(socks, &reader, fault);
            break;
        case SOCKS5_AUTH:
            result = read_auth(socks, &reader, fault);
            break;
        case SOCKS5_REPLY:
            result = read_reply(socks, &reader, fault);
            break;
        default:
            return refuse(socks, fault, "refused before");
        }
        if (result != PARSE_DONE) {
            return result;
        }
        *out_used += before - reader_left(&reader);
    }
    return PARSE_DONE;
}
