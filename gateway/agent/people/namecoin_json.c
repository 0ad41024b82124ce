// SPDX-License-Identifier: MIT
#include "gateway/agent/people/namecoin_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* ---- questions ---- */

static void write_rpc(struct buf *out, const struct namecoin_settings *settings, const char *name)
{
    struct buf login = {0};
    json_t *question = json_pack("{s:s, s:i, s:s, s:[s]}", "jsonrpc", "1.0", "id", 1, "method",
                                 "name_show", "params", name);
    char *body = json_dumps(question, JSON_COMPACT);
    buf_printf(&login, "%s:%s", settings->user, settings->password);
    buf_append_str(out, "POST / HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
                        "Authorization: Basic ");
    base64_encode(out, buf_view(&login));
    buf_printf(out, "\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s", settings->server, strlen(body),
               body);
    buf_clear_secret(&login);
    free(body);
    json_decref(question);
}

static void write_nmcontrol(struct buf *out, const char *name)
{
    json_t *question = json_pack("{s:s, s:[s, s]}", "method", "data", "params", "getValue", name);
    char *body = json_dumps(question, JSON_COMPACT);
    buf_append_str(out, body);
    free(body);
    json_decref(question);
}

void namecoin_write_question(struct buf *out, const struct namecoin_settings *settings,
                             const char *name)
{
    if (settings->type == NAMECOIN_NMCONTROL) {
        write_nmcontrol(out, name);
    } else {
        write_rpc(out, settings, name);
    }
}

/* ---- answers ---- */

/* The address in a name's value: the value itself, or its member "bitmessage". */
static bool read_value(struct address *out, const char *value, struct fault *fault)
{
    json_t *parsed = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
    const char *text = value;
    if (json_is_object(parsed)) {
        text = json_string_value(json_object_get(parsed, "bitmessage"));
    }
    bool ok = text != NULL && address_decode(out, bytes_of_str(text)) == ADDRESS_OK;
    json_decref(parsed);
    return ok || fault_set(fault, FAULT_NOT_FOUND, "that Namecoin name has no Bitmessage address");
}

static enum parse_result read_reply(struct address *out, const json_t *reply,
                                    enum namecoin_type type, struct fault *fault)
{
    const json_t *result = json_object_get(reply, "result");
    const json_t *error = json_object_get(reply, "error");
    if (json_is_object(error)) {
        /* -4: namecoind's words for a name that nobody has. */
        bool unknown = json_integer_value(json_object_get(error, "code")) == -4;
        (void)fault_set(fault, unknown ? FAULT_NOT_FOUND : FAULT_IO,
                        unknown ? "nobody has that name in Namecoin"
                                : "the Namecoin server answered with an error");
        return PARSE_BAD;
    }
    const json_t *value = json_object_get(result, type == NAMECOIN_NMCONTROL ? "reply" : "value");
    if (type == NAMECOIN_NMCONTROL && json_is_object(result) && !json_is_string(value)) {
        (void)fault_set(fault, FAULT_NOT_FOUND, "nobody has that name in Namecoin");
        return PARSE_BAD;
    }
    if (!json_is_string(value)) {
        (void)fault_set(fault, FAULT_INVALID, "the Namecoin server's answer can't be understood");
        return PARSE_BAD;
    }
    return read_value(out, json_string_value(value), fault) ? PARSE_DONE : PARSE_BAD;
}

/* The status line's code; 0: none. */
static int http_status(struct bytes answer)
{
    static const char version[] = "HTTP/1.";
    uint64_t code = 0;
    bool ok = bytes_equal(bytes_slice(answer, 0, 7), bytes_of_str(version)) &&
              parse_u64(bytes_slice(answer, 9, 3), 999, &code);
    return ok ? (int)code : 0;
}

/* Where the body begins; 0: not yet there. */
static size_t body_offset(struct bytes answer)
{
    for (size_t i = 0; i + 4 <= answer.len; i++) {
        if (memcmp(answer.data + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }
    return 0;
}

enum parse_result namecoin_read_answer(struct address *out, struct bytes answer, bool is_end,
                                       enum namecoin_type type, struct fault *fault)
{
    struct bytes body = answer;
    if (type != NAMECOIN_NMCONTROL && answer.len > 0) {
        size_t offset = body_offset(answer);
        int status = http_status(answer);
        if (offset == 0 && !is_end) {
            return PARSE_MORE;
        }
        if (status == 401 || status == 403) {
            (void)fault_set(fault, FAULT_IO,
                            "the Namecoin server refuses the user and password of [namecoin]");
            return PARSE_BAD;
        }
        if (offset == 0 || status == 0) {
            (void)fault_set(fault, FAULT_INVALID, "that is no Namecoin server");
            return PARSE_BAD;
        }
        body = bytes_slice(answer, offset, answer.len);
    }
    json_t *reply = json_loadb((const char *)body.data, body.len,
                               JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
    if (reply == NULL && !is_end) {
        return PARSE_MORE;
    }
    if (reply == NULL) {
        (void)fault_set(fault, FAULT_INVALID, "the Namecoin server's answer can't be understood");
        return PARSE_BAD;
    }
    enum parse_result result = read_reply(out, reply, type, fault);
    json_decref(reply);
    return result;
}
