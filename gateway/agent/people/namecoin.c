// SPDX-License-Identifier: MIT
#include "gateway/agent/people/namecoin.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/netaddr.h"
#include "base/str.h"
#include "gateway/agent/people/namecoin_json.h"
#include "gateway/translate/address_form.h"

struct namecoin {
    struct loop *loop;
    const struct namecoin_settings *settings;
    struct map kept; /* name -> struct kept */
    struct list_node questions;
    size_t n_questions;
};

struct kept {
    struct address address;
    int64_t until_sec;
};

struct question {
    struct list_node node;
    struct namecoin *namecoin;
    struct namecoin_done done;
    struct io *io;
    struct deferred refuse;
    struct fault fault;
    char name[NAMECOIN_NAME_BYTES];
};

static void question_free(struct question *question)
{
    list_remove(&question->node);
    question->namecoin->n_questions--;
    deferred_cancel(&question->refuse);
    if (question->io != NULL) {
        io_free(&question->io);
    }
    free(question);
}

struct namecoin *namecoin_new(struct loop *loop, const struct namecoin_settings *settings)
{
    struct namecoin *namecoin = xcalloc(1, sizeof(*namecoin));
    namecoin->loop = loop;
    namecoin->settings = settings;
    list_init(&namecoin->questions);
    return namecoin;
}

static void forget_all(struct namecoin *namecoin)
{
    size_t cursor = 0;
    void *kept;
    while ((kept = map_next(&namecoin->kept, &cursor, NULL)) != NULL) {
        free(kept);
    }
    map_clear(&namecoin->kept);
}

void namecoin_free(struct namecoin **namecoin_in)
{
    struct namecoin *namecoin = *namecoin_in;
    *namecoin_in = NULL;
    if (namecoin == NULL) {
        return;
    }
    list_for_each(node, &namecoin->questions)
    {
        question_free(list_entry(node, struct question, node));
    }
    forget_all(namecoin);
    free(namecoin);
}

/* ---- names ---- */

bool namecoin_name_of(char out[NAMECOIN_NAME_BYTES], const char *typed)
{
    static const char own_domain[] = "@namecoin." ADDRESS_FORM_DOMAIN;
    static const char domain[] = "@" ADDRESS_FORM_DOMAIN;
    size_t len = strlen(typed);
    bool is_name = str_ends_with_ci(typed, own_domain);
    bool is_path = str_starts_with(typed, "id/") || str_starts_with(typed, "d/");
    if (is_name) {
        len -= sizeof(own_domain) - 1;
    } else if (is_path && str_ends_with_ci(typed, domain)) {
        len -= sizeof(domain) - 1;
    } else if (!is_path || strchr(typed, '@') != NULL) {
        return false;
    }
    const char *space = is_path || memchr(typed, '/', len) != NULL ? "" : "id/";
    if (len == 0 || len + strlen(space) >= NAMECOIN_NAME_BYTES) {
        return false;
    }
    memcpy(out, space, strlen(space));
    memcpy(out + strlen(space), typed, len);
    out[strlen(space) + len] = '\0';
    return true;
}

bool namecoin_kept(const struct namecoin *namecoin, struct address *out, const char *name)
{
    const struct kept *kept = map_get(&namecoin->kept, bytes_of_str(name));
    if (kept == NULL || kept->until_sec <= clock_now_sec()) {
        return false;
    }
    *out = kept->address;
    return true;
}

static void keep(struct namecoin *namecoin, const char *name, const struct address *address)
{
    if (namecoin->kept.n_items >= NAMECOIN_MAX_KEPT) {
        forget_all(namecoin);
    }
    struct kept *kept = xcalloc(1, sizeof(*kept));
    *kept = (struct kept){*address, clock_now_sec() + NAMECOIN_KEEP_SEC};
    free(map_put(&namecoin->kept, bytes_of_str(name), kept));
}

/* ---- asking ---- */

static void answer(struct question *question, const struct address *found,
                   const struct fault *fault)
{
    struct namecoin_done done = question->done;
    struct fault kept_fault = fault == NULL ? (struct fault){0} : *fault;
    if (found != NULL) {
        keep(question->namecoin, question->name, found);
    }
    question_free(question);
    done.call(done.context, found, fault == NULL ? NULL : &kept_fault);
}

static void answer_refused(void *context)
{
    struct question *question = context;
    answer(question, NULL, &question->fault);
}

static void fail(struct question *question, enum fault_code code, const char *words)
{
    (void)fault_set(&question->fault, code, "%s", words);
    answer(question, NULL, &question->fault);
}

static void read_answer(struct question *question, bool is_end)
{
    struct address found;
    struct fault fault = {0};
    struct bytes input = io_input(question->io);
    switch (
        namecoin_read_answer(&found, input, is_end, question->namecoin->settings->type, &fault)) {
    case PARSE_DONE:
        answer(question, &found, NULL);
        break;
    case PARSE_BAD:
        answer(question, NULL, &fault);
        break;
    case PARSE_MORE:
        if (input.len >= NAMECOIN_ANSWER_MAX_BYTES) {
            fail(question, FAULT_INVALID, "the Namecoin server's answer is too long");
        }
        break;
    }
}

static void ask(struct question *question)
{
    struct buf text = {0};
    namecoin_write_question(&text, question->namecoin->settings, question->name);
    io_write(question->io, buf_view(&text));
    buf_clear_secret(&text);
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct question *question = context;
    (void)io;
    switch (event) {
    case IO_CONNECTED:
        ask(question);
        break;
    case IO_DATA:
        read_answer(question, false);
        break;
    case IO_EOF:
        read_answer(question, true);
        break;
    case IO_TIMEOUT:
        fail(question, FAULT_TIMEOUT, "the Namecoin server does not answer");
        break;
    case IO_ERROR:
        fail(question, FAULT_IO, "the Namecoin server that [namecoin] names is not there");
        break;
    default:
        break;
    }
}

static bool begin(struct question *question)
{
    struct namecoin *namecoin = question->namecoin;
    struct fault *fault = &question->fault;
    struct netaddr server;
    if (namecoin->settings->type == NAMECOIN_OFF) {
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "looking up names in Namecoin is not set up: see [namecoin] in "
                         "bittern.conf");
    }
    if (question->name[0] == '\0') {
        return fault_set(fault, FAULT_INVALID, "a name in Namecoin has 1 to 255 bytes");
    }
    if (namecoin->n_questions > NAMECOIN_MAX_ASKED) {
        return fault_set(fault, FAULT_BUSY, "too many names are being looked up: try again");
    }
    if (!netaddr_parse(&server, namecoin->settings->server, 8336, NULL)) {
        return fault_set(fault, FAULT_INVALID,
                         "[namecoin] server is not a numeric address and a port");
    }
    question->io =
        io_connect(namecoin->loop, &server, NAMECOIN_TIMEOUT_MS, on_event, question, fault);
    if (question->io == NULL) {
        return false;
    }
    io_set_input_limit(question->io, NAMECOIN_ANSWER_MAX_BYTES);
    io_set_timeout(question->io, NAMECOIN_TIMEOUT_MS);
    return true;
}

void namecoin_ask(struct namecoin *namecoin, const char *name, struct namecoin_done done)
{
    struct question *question = xcalloc(1, sizeof(*question));
    question->namecoin = namecoin;
    question->done = done;
    memcpy(question->name, name, strlen(name) + 1);
    deferred_init(&question->refuse, namecoin->loop, answer_refused, question);
    list_append(&namecoin->questions, &question->node);
    namecoin->n_questions++;
    if (!begin(question)) {
        deferred_arm(&question->refuse);
    }
}
