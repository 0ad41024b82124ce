// SPDX-License-Identifier: MIT
#include "tests/gateway/agent/rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "crypto/random.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/decoder/decoder_wire.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/messages.h"
#include "gateway/store/store.h"
#include "node/content/content.h"
#include "node/objects/object.h"
#include "tests/support/vectors.h"

/* ---- the network ---- */

struct fake_node {
    struct list_node node;
    struct network *network;
    struct io *io;
    struct link_node *link;
    uint64_t sent[RIG_MAX_SCANS]; /* numbers, by scan */
    bool scanning[RIG_MAX_SCANS];
    bool caught_up[RIG_MAX_SCANS];
};

static void node_flush(struct fake_node *node)
{
    struct buf *output = link_node_output(node->link);
    io_write(node->io, buf_view(output));
    buf_consume(output, output->len);
}

static void node_send_objects(struct fake_node *node)
{
    struct network *network = node->network;
    for (uint32_t scan = 0; scan < RIG_MAX_SCANS; scan++) {
        bool is_live = scan == LINK_LIVE_SCAN;
        while (node->scanning[scan] && node->sent[scan] < network->n_objects &&
               (is_live || network->walk_limit == 0 || node->sent[scan] < network->walk_limit) &&
               link_node_may_send(node->link)) {
            uint8_t hash[OBJECT_HASH_BYTES];
            struct bytes object = buf_view(&network->objects[node->sent[scan]]);
            object_hash(hash, object);
            if (!link_node_send_object(node->link, scan, node->sent[scan] + 1, hash, object)) {
                break;
            }
            node->sent[scan]++;
            network->n_walked += is_live ? 0 : 1;
        }
        if (node->scanning[scan] && !node->caught_up[scan] &&
            node->sent[scan] == network->n_objects) {
            link_node_send_caught_up(node->link, scan, node->sent[scan]);
            node->caught_up[scan] = true;
            node->scanning[scan] = is_live;
        }
    }
    node_flush(node);
}

void network_add(struct network *network, struct bytes object)
{
    assert_true(network->n_objects < RIG_MAX_OBJECTS);
    buf_append_bytes(&network->objects[network->n_objects++], object);
    list_for_each(each, &network->nodes)
    {
        node_send_objects(list_entry(each, struct fake_node, node));
    }
}

static bool network_has(const struct network *network, struct bytes object)
{
    for (size_t i = 0; i < network->n_objects; i++) {
        if (bytes_equal(buf_view(&network->objects[i]), object)) {
            return true;
        }
    }
    return false;
}

static void node_publish(struct fake_node *node, const struct link_node_event *event)
{
    struct network *network = node->network;
    const struct pow_demand least = {1, 1};
    network->n_published++;
    if (network->deaf) {
        return;
    }
    if (!pow_check(event->object, clock_now_sec(), least, least)) {
        link_node_send_published(node->link, event->request, LINK_REFUSED, 0,
                                 bytes_of_str("too little work"));
        return;
    }
    bool known = network_has(network, event->object);
    struct buf copy = {0};
    buf_append_bytes(&copy, event->object);
    link_node_send_published(node->link, event->request, known ? LINK_DUPLICATE : LINK_STORED,
                             network->n_objects + 1, (struct bytes){0});
    if (!known) {
        network_add(network, buf_view(&copy));
    }
    buf_clear(&copy);
}

static void node_find(struct fake_node *node, const struct link_node_event *event)
{
    const struct network *network = node->network;
    for (size_t i = 0; i < network->n_objects; i++) {
        struct object object;
        uint8_t tag[OBJECT_TAG_BYTES];
        uint8_t hash[OBJECT_HASH_BYTES];
        if (object_parse(&object, buf_view(&network->objects[i]), NULL) &&
            object.type == event->object_type && object_tag(tag, &object) &&
            memcmp(tag, event->tag, sizeof(tag)) == 0) {
            object_hash(hash, object.whole);
            assert_true(link_node_send_found(node->link, event->request, hash, object.whole));
        }
    }
    link_node_send_found_end(node->link, event->request);
}

static void node_answer(struct fake_node *node, const struct link_node_event *event)
{
    switch (event->kind) {
    case LINK_NODE_PUBLISH:
        node_publish(node, event);
        break;
    case LINK_NODE_OBJECTS_SINCE:
        assert_true(event->scan < RIG_MAX_SCANS);
        node->scanning[event->scan] = true;
        node->caught_up[event->scan] = false;
        node->sent[event->scan] =
            link_epoch_equal(&event->epoch, &node->network->epoch) ? event->number : 0;
        break;
    case LINK_NODE_FIND_TAG:
        node_find(node, event);
        break;
    case LINK_NODE_STATUS: {
        const struct link_status status = {.port = 8444, .n_objects = node->network->n_objects};
        link_node_send_status(node->link, event->request, &status);
        break;
    }
    case LINK_NODE_STOP_SCAN:
        node->scanning[event->scan % RIG_MAX_SCANS] = false;
        break;
    case LINK_NODE_HELLO:
    case LINK_NODE_CREDIT:
        break;
    }
}

static void on_node_io(struct io *io, enum io_event io_event, void *context)
{
    struct fake_node *node = context;
    if (io_event != IO_DATA) {
        return;
    }
    struct fault fault = {0};
    while (io_input(io).len > 0) {
        struct bytes input = bytes_slice(io_input(io), 0, LINK_MAX_FEED_BYTES);
        assert_true(link_node_feed(node->link, input, &fault));
        io_consume(io, input.len);
        struct link_node_event event;
        while (link_node_next_event(node->link, &event, &fault)) {
            node_answer(node, &event);
        }
        assert_int_equal(fault.code, FAULT_NONE);
    }
    node_send_objects(node);
}

void network_init(struct network *network)
{
    *network = (struct network){.loop = loop_new()};
    random_bytes(network->epoch.bytes, sizeof(network->epoch.bytes));
    list_init(&network->nodes);
}

void network_forget(struct network *network)
{
    for (size_t i = 0; i < network->n_objects; i++) {
        buf_clear(&network->objects[i]);
    }
    network->n_objects = 0;
    random_bytes(network->epoch.bytes, sizeof(network->epoch.bytes));
}

void network_clear(struct network *network)
{
    network_forget(network);
    loop_free(&network->loop);
}

struct bytes network_newest(const struct network *network, uint32_t type)
{
    for (size_t i = network->n_objects; i > 0; i--) {
        struct object object;
        if (object_parse(&object, buf_view(&network->objects[i - 1]), NULL) &&
            object.type == type) {
            return object.whole;
        }
    }
    return (struct bytes){0};
}

size_t network_count(const struct network *network, uint32_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < network->n_objects; i++) {
        struct object object;
        if (object_parse(&object, buf_view(&network->objects[i]), NULL) && object.type == type) {
            n++;
        }
    }
    return n;
}

static void socket_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

void rig_link(struct rig *rig)
{
    int ends[2];
    socket_pair(ends);
    struct fake_node *node = xcalloc(1, sizeof(*node));
    node->network = rig->network;
    node->link = link_node_new(&rig->network->epoch, rig->network->n_objects);
    node->io = io_new_take(rig->loop, ends[0], on_node_io, node);
    io_set_input_limit(node->io, 1 << 20);
    list_append(&rig->network->nodes, &node->node);
    node_flush(node);
    rig->node = node;
    agent_attach_link(rig->agent, ends[1]);
}

void rig_unlink(struct rig *rig)
{
    struct fake_node *node = rig->node;
    rig->node = NULL;
    if (node == NULL) {
        return;
    }
    list_remove(&node->node);
    io_free(&node->io);
    link_node_free(&node->link);
    free(node);
}

/* ---- the decoder ---- */

struct fake_decoder {
    struct io *io;
};

/* The value of a header field, cut out of the header; data NULL when it is not there. */
static struct bytes field(struct bytes header, const char *name)
{
    size_t name_len = strlen(name);
    while (header.len > 0) {
        const uint8_t *end = memmem(header.data, header.len, "\r\n", 2);
        size_t len = end == NULL ? header.len : (size_t)(end - header.data);
        if (len > name_len + 1 && bytes_is_word(bytes_slice(header, 0, name_len), name) &&
            header.data[name_len] == ':') {
            struct bytes value = bytes_slice(header, name_len + 1, len - name_len - 1);
            return value.data[0] == ' ' ? bytes_slice(value, 1, value.len) : value;
        }
        header = bytes_slice(header, len + 2, header.len);
    }
    return (struct bytes){0};
}

static struct mail_addresses one_address(struct bytes value, struct arena *arena)
{
    struct mail_addresses addresses = {0};
    size_t at = bytes_find(value, '@');
    if (at < value.len) {
        size_t start = bytes_find(value, '<');
        start = start < at ? start + 1 : 0;
        struct bytes host = bytes_slice(value, at + 1, value.len);
        addresses.items = arena_alloc(arena, sizeof(*addresses.items));
        addresses.n_items = 1;
        addresses.items[0].mailbox = bytes_slice(value, start, at - start);
        addresses.items[0].host = bytes_slice(host, 0, bytes_find(host, '>'));
    }
    return addresses;
}

static void take_apart(struct decoder_answer *answer, struct bytes mail)
{
    struct outgoing_mail *out = &answer->outgoing;
    const uint8_t *end = memmem(mail.data, mail.len, "\r\n\r\n", 4);
    size_t header_len = end == NULL ? mail.len : (size_t)(end - mail.data) + 2;
    struct bytes header = bytes_slice(mail, 0, header_len);
    struct bytes body = bytes_slice(mail, header_len + 2, mail.len);
    uint8_t *text = arena_alloc(&answer->arena, body.len + 1);
    size_t text_len = 0;
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] != '\r') {
            text[text_len++] = body.data[i];
        }
    }
    out->subject = field(header, "Subject");
    out->text = (struct bytes){text, text_len};
    out->text_origin = OUTGOING_TEXT_PLAIN;
    out->from = one_address(field(header, "From"), &answer->arena);
    out->to = one_address(field(header, "To"), &answer->arena);
    out->message_id = field(header, "Message-ID");
    struct bytes parent = field(header, "In-Reply-To");
    if (parent.len > 0) {
        out->references = arena_memdup(&answer->arena, &parent, sizeof(parent));
        out->n_references = 1;
    }
    struct bytes file = field(header, "X-Test-File");
    if (file.len > 0) {
        out->files = arena_alloc(&answer->arena, sizeof(*out->files));
        out->files[0] = (struct outgoing_file){.name = bytes_of_str("a.txt"),
                                               .type = bytes_of_str("text/plain"),
                                               .disposition = bytes_of_str("attachment"),
                                               .data = file};
        out->n_files = 1;
    }
}

static void analyse(struct decoder_answer *answer, const struct decoder_request *request)
{
    struct mail_analysis *analysis = &answer->analysis;
    struct buf blob = {0};
    message_info_of_opaque(&analysis->info, request->input.len, request->input.len, 0,
                           request->arrived_sec, &answer->arena);
    assert_true(message_info_write(&blob, &analysis->info, NULL));
    analysis->info_blob =
        (struct bytes){arena_memdup(&answer->arena, blob.data, blob.len), blob.len};
    buf_clear(&blob);
}

static void decode(struct decoder_answer *answer, const struct decoder_request *request)
{
    if (!content_decode(&answer->content, request->encoding, request->input, &answer->arena,
                        &answer->fault)) {
        answer->outcome = DECODER_REFUSED;
    }
}

static void encode(struct decoder_answer *answer, const struct decoder_request *request)
{
    struct buf out = {0};
    if (!content_encode(&out, &request->content, &answer->fault)) {
        answer->outcome = DECODER_REFUSED;
    }
    answer->encoded = (struct bytes){arena_memdup(&answer->arena, out.data, out.len), out.len};
    buf_clear(&out);
}

static void on_decoder_io(struct io *io, enum io_event event, void *context)
{
    (void)context;
    struct arena arena = {0};
    struct decoder_request request = {0};
    size_t used = 0;
    while (event == IO_DATA &&
           decoder_wire_parse_request(&request, &used, io_input(io), &arena, NULL) == PARSE_DONE) {
        struct decoder_answer answer = {.outcome = DECODER_DONE};
        switch (request.job) {
        case DECODER_JOB_ANALYSE:
            analyse(&answer, &request);
            break;
        case DECODER_JOB_OUTGOING:
            take_apart(&answer, request.input);
            break;
        case DECODER_JOB_DECODE:
            decode(&answer, &request);
            break;
        case DECODER_JOB_ENCODE:
            encode(&answer, &request);
            break;
        }
        struct buf out = {0};
        decoder_wire_write_answer(&out, request.id, request.job, &answer);
        io_consume(io, used);
        io_write(io, buf_view(&out));
        buf_clear(&out);
        arena_clear(&answer.arena);
        arena_clear(&arena);
    }
    arena_clear(&arena);
}

static void decoder_kill(void *context)
{
    (void)context;
}

static void open_decoder(struct rig *rig, size_t i)
{
    static const char *const names[] = {"network", "owner"};
    const struct decoder_hooks hooks = {decoder_kill, NULL};
    int ends[2];
    socket_pair(ends);
    rig->fake_decoders[i] = xcalloc(1, sizeof(*rig->fake_decoders[i]));
    rig->fake_decoders[i]->io = io_new_take(rig->loop, ends[0], on_decoder_io, NULL);
    io_set_input_limit(rig->fake_decoders[i]->io, 8 << 20);
    rig->decoders[i] = decoder_client_new(rig->loop, names[i], &hooks);
    decoder_client_attach(rig->decoders[i], ends[1]);
}

/* ---- the rig ---- */

static void take_settings(struct rig *rig)
{
    settings_init(&rig->settings);
    rig->settings.network.least_trials_per_byte = 1;
    rig->settings.network.least_extra_bytes = 1;
    rig->settings.agent.ack_delay_sec = 0;
    rig->settings.agent.ttl_jitter_sec = 0;
}

void rig_reopen(struct rig *rig, struct network *network, const char *folder_take)
{
    struct fault fault = {0};
    char path[256];
    *rig = (struct rig){.network = network, .loop = network->loop};
    rig->folder = xstrdup(folder_take);
    take_settings(rig);
    const struct pool_config pool = {.name = "work", .n_threads = 2, .max_queued = 4096};
    const struct pool_config pow = {.name = "pow", .n_threads = 2};
    rig->pool = pool_new(rig->loop, &pool, &fault);
    rig->pow_pool = pool_new(rig->loop, &pow, &fault);
    open_decoder(rig, 0);
    open_decoder(rig, 1);
    (void)snprintf(path, sizeof(path), "%s/mail.db", rig->folder);
    struct db *db = mail_db_open(path, &fault);
    if (db == NULL) {
        fail_msg("%s", fault.text);
    }
    rig->writer = db_writer_new_take(rig->loop, db, NULL);
    const struct store_config config = {.path = path,
                                        .loop = rig->loop,
                                        .pool = rig->pool,
                                        .writer = rig->writer,
                                        .decoder = rig->decoders[1]};
    rig->store = store_new(&config, &fault);
    if (rig->store == NULL) {
        fail_msg("%s", fault.text);
    }
    const struct agent_parts parts = {.loop = rig->loop,
                                      .pool = rig->pool,
                                      .pow_pool = rig->pow_pool,
                                      .store = rig->store,
                                      .network_decoder = rig->decoders[0],
                                      .owner_decoder = rig->decoders[1],
                                      .settings = &rig->settings};
    rig->agent = agent_new(&parts, &fault);
    if (rig->agent == NULL) {
        fail_msg("%s", fault.text);
    }
    rig_link(rig);
}

void rig_open(struct rig *rig, struct network *network)
{
    char folder[] = "/tmp/bittern-agent-XXXXXX";
    assert_non_null(mkdtemp(folder));
    log_init(STDERR_FILENO, getenv("RIG_LOG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "test");
    rig_reopen(rig, network, folder);
    struct rig_answer answer = {0};
    agent_account_new(rig->agent, "me", NULL, false, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
}

void rig_close(struct rig *rig)
{
    agent_stop(rig->agent);
    rig_unlink(rig);
    db_writer_free(&rig->writer);
    for (size_t i = 0; i < 2; i++) {
        decoder_client_free(&rig->decoders[i]);
        io_free(&rig->fake_decoders[i]->io);
        free(rig->fake_decoders[i]);
    }
    pool_free(&rig->pow_pool);
    pool_free(&rig->pool);
    agent_free(&rig->agent);
    store_free(&rig->store);
    settings_clear(&rig->settings);
    free(rig->folder);
    rig->folder = NULL;
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[600];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    (void)rmdir(folder);
}

void rig_remove(struct rig *rig)
{
    char *folder = xstrdup(rig->folder);
    rig_close(rig);
    remove_folder(folder);
    free(folder);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        return;
    }
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), in)) > 0) {
        assert_int_equal(fwrite(piece, 1, n, out), n);
    }
    fclose(in);
    fclose(out);
}

char *rig_copy_folder(const struct rig *rig)
{
    static const char *const names[] = {"mail.db", "mail.db-wal"};
    char folder[] = "/tmp/bittern-agent-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char from[256];
        char to[256];
        (void)snprintf(from, sizeof(from), "%s/%s", rig->folder, names[i]);
        (void)snprintf(to, sizeof(to), "%s/%s", folder, names[i]);
        copy_file(from, to);
    }
    return xstrdup(folder);
}

void rig_until(struct rig *rig, bool (*is_true)(struct rig *rig, void *context), void *context,
               const char *what)
{
    int64_t end_ms = clock_mono_ms() + 20000;
    while (!is_true(rig, context)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("waited in vain for: %s", what);
        }
        loop_turn(rig->loop, 20);
    }
}

void rig_idle(struct rig *rig, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(rig->loop, 10);
    }
}

static void on_answer(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct rig_answer *answer = context;
    answer->is_done = true;
    answer->failed = fault != NULL;
    if (fault != NULL) {
        answer->fault = *fault;
    }
    (void)snprintf(answer->text, sizeof(answer->text), "%s", text);
    answer->id = id;
}

struct agent_done rig_done(struct rig_answer *answer)
{
    *answer = (struct rig_answer){0};
    return (struct agent_done){on_answer, answer};
}

static bool is_answered(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct rig_answer *)context)->is_done;
}

void rig_wait(struct rig *rig, struct rig_answer *answer)
{
    rig_until(rig, is_answered, answer, "an answer of the agent");
}

void rig_identity(struct rig *rig, const char *label, char out[64])
{
    struct rig_answer answer;
    const struct agent_identity_request request = {.label = label};
    agent_identity_new(rig->agent, &request, rig_done(&answer));
    rig_wait(rig, &answer);
    if (answer.failed) {
        fail_msg("%s", answer.fault.text);
    }
    (void)snprintf(out, 64, "%.63s", answer.text);
}

bool rig_try_send(struct rig *rig, const char *from, const char *to, const char *extra_header,
                  const char *subject, const char *text, struct fault *fault)
{
    struct rig_answer answer;
    char *mail = xasprintf("%sFrom: <%s@bm.alt>\nTo: <%s>\nSubject: %s\n\n%s\n", extra_header, from,
                           to, subject, text);
    const char *recipients[] = {to};
    const struct agent_submission submission = {
        .recipients = recipients, .n_recipients = 1, .mail = bytes_of_str(mail)};
    agent_submit(rig->agent, &submission, rig_done(&answer));
    rig_wait(rig, &answer);
    free(mail);
    if (answer.failed) {
        *fault = answer.fault;
    }
    return !answer.failed;
}

void rig_send(struct rig *rig, const char *from, const char *to, const char *subject,
              const char *text)
{
    struct fault fault = {0};
    if (!rig_try_send(rig, from, to, "", subject, text, &fault)) {
        fail_msg("%s", fault.text);
    }
}

int64_t rig_sql(struct rig *rig, const char *sql)
{
    struct fault fault = {0};
    struct db_stmt *stmt = db_prepare(store_reader(rig->store), sql, &fault);
    if (stmt == NULL) {
        fail_msg("%s", fault.text);
    }
    int64_t value = db_step(stmt, &fault) == DB_ROW ? db_column_i64(stmt, 0) : -1;
    db_reset(stmt);
    return value;
}

enum outgoing_state rig_state(struct rig *rig, int64_t id)
{
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT state FROM outgoing WHERE id = %lld", (long long)id);
    int64_t state = rig_sql(rig, sql);
    return state < 0 ? OUTGOING_N_STATES : (enum outgoing_state)state;
}

struct wanted_state {
    int64_t id;
    enum outgoing_state state;
};

static bool has_state(struct rig *rig, void *context)
{
    const struct wanted_state *wanted = context;
    return rig_state(rig, wanted->id) == wanted->state;
}

void rig_until_state(struct rig *rig, int64_t id, enum outgoing_state state)
{
    struct wanted_state wanted = {id, state};
    rig_until(rig, has_state, &wanted, outgoing_state_name(state));
}

size_t rig_count(struct rig *rig, const char *folder)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                   " WHERE b.name = '%s'",
                   folder);
    return (size_t)rig_sql(rig, sql);
}

struct wanted_count {
    const char *folder;
    size_t n;
};

static bool has_count(struct rig *rig, void *context)
{
    const struct wanted_count *wanted = context;
    return rig_count(rig, wanted->folder) == wanted->n;
}

void rig_until_count(struct rig *rig, const char *folder, size_t n)
{
    struct wanted_count wanted = {folder, n};
    rig_until(rig, has_count, &wanted, folder);
}

void rig_read(struct rig *rig, struct buf *out, const char *folder, size_t n)
{
    char sql[300];
    struct fault fault = {0};
    (void)snprintf(sql, sizeof(sql),
                   "SELECT m.body_id FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                   " WHERE b.name = '%s' ORDER BY m.uid LIMIT 1 OFFSET %zu",
                   folder, n);
    int64_t email_id = rig_sql(rig, sql);
    if (!messages_read_content(store_reader(rig->store), out, (uint64_t)email_id, &fault)) {
        fail_msg("%s", fault.text);
    }
}
