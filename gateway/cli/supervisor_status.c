// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

static const struct fact_row {
    const char *name;
    size_t offset;
} fact_rows[] = {
    {"peers_in", offsetof(struct node_facts, peers_in)},
    {"peers_out", offsetof(struct node_facts, peers_out)},
    {"was_reached", offsetof(struct node_facts, was_reached)},
};

/* The value behind `"name":`. */
static uint64_t read_fact(const char *report, const char *name)
{
    char *key = xasprintf("\"%s\":", name);
    const char *found = strstr(report, key);
    uint64_t value = 0;
    if (found != NULL) {
        const char *text = found + strlen(key);
        size_t n_digits = strspn(text, "0123456789");
        if (str_starts_with(text, "true")) {
            value = 1;
        } else if (!parse_u64((struct bytes){(const uint8_t *)text, n_digits}, INT64_MAX, &value)) {
            value = 0;
        }
    }
    free(key);
    return value;
}

struct node_facts node_facts_read(const char *report)
{
    struct node_facts facts = {0};
    for (size_t i = 0; i < ARRAY_LEN(fact_rows); i++) {
        uint64_t value = read_fact(report, fact_rows[i].name);
        memcpy((char *)&facts + fact_rows[i].offset, &value, sizeof value);
    }
    return facts;
}

/* Skip a word of small letters, digits and underscores in quotes; NULL: there is none. */
static const char *skip_word(const char *text)
{
    size_t len = *text == '"' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
    return len > 0 && text[len + 1] == '"' ? text + len + 2 : NULL;
}

static const char *skip_value(const char *text)
{
    enum { MOST_DIGITS = 18 }; /* an int64_t holds them */
    static const char *const words[] = {"true", "false", "\"red\"", "\"yellow\"", "\"green\""};
    size_t n_digits = strspn(text, "0123456789");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_starts_with(text, words[i])) {
            return text + strlen(words[i]);
        }
    }
    return n_digits > 0 && n_digits <= MOST_DIGITS ? text + n_digits : NULL;
}

bool node_report_is_plain(const char *report)
{
    if (*report != '{') {
        return false;
    }
    do {
        report = skip_word(report + 1);
        report = report != NULL && *report == ':' ? skip_value(report + 1) : NULL;
    } while (report != NULL && *report == ',');
    return report != NULL && strcmp(report, "}") == 0;
}

/* A request is a JSON object; that its call is `status` shows without taking it apart. */
static bool asks_for_status(struct bytes request)
{
    static const char word[] = "\"status\"";
    size_t len = sizeof word - 1;
    return request.len >= len && memmem(request.data, request.len, word, len) != NULL;
}

static void append_string(struct buf *out, const char *text)
{
    buf_append_byte(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_append_byte(out, c);
        }
    }
    buf_append_byte(out, '"');
}

static const char *colour_of(const struct node_facts *node)
{
    if (node->peers_in + node->peers_out == 0) {
        return "red";
    }
    return node->peers_in != 0 || node->was_reached != 0 ? "green" : "yellow";
}

/* The report as it is, with one member more. */
static void append_node(struct buf *out, const char *report)
{
    if (report == NULL) {
        buf_append_str(out, "{\"port\":0,\"peers_in\":0,\"peers_out\":0,\"objects\":0,"
                            "\"syncing\":false,\"connected\":false}");
        return;
    }
    buf_append(out, report, strlen(report) - 1);
    buf_append_str(out, ",\"connected\":false}");
}

static void append_status(struct buf *out, const struct status_view *view)
{
    struct node_facts facts = node_facts_read(view->node_report != NULL ? view->node_report : "");
    buf_printf(
        out, "{\"result\": {\"version\": \"%s\", \"ready\": %s, \"colour\": \"%s\", \"node\": ",
        BITTERN_VERSION, view->ready && !view->has_gateway ? "true" : "false", colour_of(&facts));
    append_node(out, view->node_report);
    buf_append_str(out,
                   ", \"imap\": {\"port\": 0}, \"smtp\": {\"port\": 0}, \"http\": {\"port\": 0}, "
                   "\"queue\": {}, \"pow\": {\"kernel\": \"\", \"trials_per_second\": 0, "
                   "\"jobs\": 0}, \"sandbox\": ");
    struct buf sandbox = {0};
    buf_printf(&sandbox, "node: %s", view->sandbox_node != NULL ? view->sandbox_node : "");
    append_string(out, buf_str(&sandbox));
    buf_clear(&sandbox);
    buf_printf(out,
               ", \"pids\": {\"supervisor\": %d, \"node\": %d, \"gateway\": 0, \"decoder\": [%d, "
               "%d], \"gpu\": 0}}}\n",
               (int)getpid(), (int)view->pid_node, (int)view->pid_decoder_network,
               (int)view->pid_decoder_owner);
}

void status_answer(struct buf *out, struct bytes request, const struct status_view *view)
{
    if (asks_for_status(request)) {
        append_status(out, view);
    } else if (view->has_gateway) {
        buf_append_str(out,
                       "{\"error\": {\"code\": \"busy\", \"message\": \"the gateway is down and "
                       "is being started again\"}}\n");
    } else {
        buf_append_str(out, "{\"error\": {\"code\": \"unsupported\", \"message\": \"only the relay "
                            "runs here: it has no mail and no keys\"}}\n");
    }
}

/* ---- Connections. ---- */

struct asker {
    struct list_node node;
    struct askers *askers;
    struct io *io;
};

static void free_asker(struct asker *asker)
{
    list_remove(&asker->node);
    io_free(&asker->io);
    free(asker);
}

static void answer(struct asker *asker, struct bytes request)
{
    struct status_view view;
    struct buf out = {0};
    asker->askers->view(asker->askers->context, &view);
    status_answer(&out, request, &view);
    io_write(asker->io, buf_view(&out));
    buf_clear(&out);
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct asker *asker = context;
    struct bytes input = io_input(io);
    size_t end = bytes_find(input, '\n');
    bool too_long = end == input.len && end >= STATUS_MAX_REQUEST_BYTES;
    if (event != IO_DATA || too_long || io_output_is_full(io)) {
        free_asker(asker);
        return;
    }
    while (end < input.len) {
        answer(asker, bytes_slice(input, 0, end));
        io_consume(io, end + 1);
        input = io_input(io);
        end = bytes_find(input, '\n');
    }
}

void askers_init(struct askers *askers, struct loop *loop,
                 void (*view)(void *context, struct status_view *out), void *context)
{
    *askers = (struct askers){.loop = loop, .view = view, .context = context};
    list_init(&askers->list);
}

void askers_take(struct askers *askers, int fd)
{
    struct asker *asker = xcalloc(1, sizeof *asker);
    asker->askers = askers;
    asker->io = io_new_take(askers->loop, fd, on_event, asker);
    io_set_input_limit(asker->io, STATUS_MAX_REQUEST_BYTES);
    io_set_timeout(asker->io, STATUS_IDLE_MS);
    list_append(&askers->list, &asker->node);
}

void askers_clear(struct askers *askers)
{
    list_for_each(node, &askers->list)
    {
        free_asker(list_entry(node, struct asker, node));
    }
}
