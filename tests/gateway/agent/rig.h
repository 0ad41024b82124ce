// SPDX-License-Identifier: MIT
/* A whole agent in one loop: real mail.db, store, pools and link engine; a decoder that lives in
 * the loop and knows just enough MIME for the tests' mails; and a network that is a list of
 * objects. Several agents may share one network. */
#ifndef BITTERN_TESTS_GATEWAY_AGENT_RIG_H
#define BITTERN_TESTS_GATEWAY_AGENT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "config/settings.h"
#include "gateway/agent/agent.h"
#include "node/link/link_node.h"

enum { RIG_MAX_OBJECTS = 256, RIG_MAX_SCANS = 32 };

/* What all fake nodes know. */
struct network {
    struct loop *loop;
    struct link_epoch epoch;
    struct buf objects[RIG_MAX_OBJECTS];
    size_t n_objects;
    struct list_node nodes;
    bool deaf;          /* publishes are left unanswered */
    bool mumbling;      /* publishes are taken, and left unanswered */
    bool mute;          /* look-ups are left unanswered */
    size_t n_finds;     /* look-ups that came, mute or not */
    size_t n_published; /* publishes that came, deaf or not */
    size_t walk_limit;  /* walks for single keys get objects up to this number; 0: all */
    size_t n_walked;    /* objects that were sent to such */
};

struct fake_node;
struct fake_decoder;

struct rig {
    struct network *network;
    struct loop *loop;
    char *folder;
    struct settings settings;
    struct pool *pool;
    struct pool *pow_pool;
    struct db_writer *writer;
    struct decoder_client *decoders[2];
    struct fake_decoder *fake_decoders[2];
    struct mail_store *store;
    struct agent *agent;
    struct fake_node *node; /* NULL: the link is down */
    unsigned notify;        /* of the mails that are handed in: SMTP_NOTIFY_* */
    bool return_full;
    unsigned n_lost_links; /* the agent asked for another */
};

void network_init(struct network *network);
void network_clear(struct network *network);
/* Put an object in as if a peer had brought it. */
void network_add(struct network *network, struct bytes object);
/* The newest object of that type, or {0}. */
struct bytes network_newest(const struct network *network, uint32_t type);
size_t network_count(const struct network *network, uint32_t type);
/* The node's store is made anew: empty, with another epoch. */
void network_forget(struct network *network);

/* A new home with one account "me", linked. */
void rig_open(struct rig *rig, struct network *network);
/* The same home again after rig_close, or a copy of another's made while it ran (as a crash leaves
 * it). */
void rig_reopen(struct rig *rig, struct network *network, const char *folder_take);
void rig_close(struct rig *rig);
/* rig_close, and the folder goes. */
void rig_remove(struct rig *rig);
/* What a crash at this moment would leave on disk. */
char *rig_copy_folder(const struct rig *rig);
void rig_link(struct rig *rig);
void rig_unlink(struct rig *rig);

/* Turn the loop until `is_true`, 20 s at most; fails the test then. */
void rig_until(struct rig *rig, bool (*is_true)(struct rig *rig, void *context), void *context,
               const char *what);
/* Let things settle for some milliseconds. */
void rig_idle(struct rig *rig, int64_t ms);

/* A call of the front door: turns the loop until it is answered. */
struct rig_answer {
    bool is_done;
    bool failed;
    struct fault fault;
    char text[256];
    int64_t id;
};
struct agent_done rig_done(struct rig_answer *answer);
void rig_wait(struct rig *rig, struct rig_answer *answer);

/* The new identity's address. */
void rig_identity(struct rig *rig, const char *label, char out[64]);
/* Hand a mail in; it must be accepted. */
void rig_send(struct rig *rig, const char *from, const char *to, const char *subject,
              const char *text);
/* With any header lines in front. The fault is filled when it is refused. */
bool rig_try_send(struct rig *rig, const char *from, const char *to, const char *extra_header,
                  const char *subject, const char *text, struct fault *fault);

/* The state of the queue's row `id`; OUTGOING_N_STATES when there is none. */
enum outgoing_state rig_state(struct rig *rig, int64_t id);
void rig_until_state(struct rig *rig, int64_t id, enum outgoing_state state);
/* Mails in a folder, and the content of the n-th (0 first), appended. */
size_t rig_count(struct rig *rig, const char *folder);
void rig_until_count(struct rig *rig, const char *folder, size_t n);
void rig_read(struct rig *rig, struct buf *out, const char *folder, size_t n);
/* A mail client moves all mails of a folder to another, or (NULL) deletes them. */
void rig_take_out(struct rig *rig, const char *folder, const char *to);
/* One number from mail.db. */
int64_t rig_sql(struct rig *rig, const char *sql);

#endif
