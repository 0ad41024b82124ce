// SPDX-License-Identifier: MIT
/* What the modules of this room share: for gateway/agent alone. */
#ifndef BITTERN_GATEWAY_AGENT_AGENT_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_AGENT_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/incoming/link_client.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/outgoing/ack_wait.h"
#include "gateway/agent/work/object_jobs.h"

struct handouts;
struct incoming;
struct kept_objects;
struct key_lock;
struct mail_txn;
struct outgoing;
struct pruning;
struct prepared;
struct pubkeys;
struct pubkeys_ahead;
struct mailing_lists;
struct namecoin;
struct reports;
struct spool;
struct submission;

struct agent {
    struct agent_parts parts;
    bool closing; /* agent_stop was called: callbacks only clean up */
    struct keyring keyring;
    struct ack_wait acks;
    const struct pow_kernel *kernel;
    struct link_client *link;
    struct object_jobs *jobs;
    struct pubkeys *pubkeys;
    struct outgoing *outgoing;
    struct incoming *incoming;
    struct key_lock *lock;
    struct kept_objects *kept;
    struct pubkeys_ahead *ahead;
    struct reports *reports;
    struct pruning *pruning;
    struct mailing_lists *lists;
    struct namecoin *namecoin;
    struct agent_commands commands; /* .run NULL: none are taken */
    struct agent_arrivals arrivals; /* .arrived NULL: nobody wants to know */
    struct prepared *prepared;
    struct list_node peers_questions;
    uint64_t last_peers_request;
    struct handouts *handouts;
    struct submission *submission;
    struct spool *spool; /* NULL: a gateway for one command */
    struct node_figures node;
    struct timer status_timer;
    uint64_t n_received;
    uint64_t n_processed[AGENT_N_PROCESSED];
    struct arena account_names;  /* of the last agent_account_list */
    struct arena identity_names; /* of the last agent_identity_list */
    char first_password[64];
};

/* Run a job on the writer thread; when that is too busy, `done` hears it at once. */
void agent_write(struct agent *agent,
                 bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                 void (*done)(void *job, const struct fault *fault), void *job);
/* mail.db for short reads. */
struct db *agent_reader(struct agent *agent) MUST_USE;
/* The keys on disk have changed. */
void agent_reload_keys(struct agent *agent);
/* An account's name, "" when it is gone; lives in agent->identity_names. */
const char *agent_account_name(struct agent *agent, int64_t id) MUST_USE;
/* The queue on disk has changed: everybody who works on it looks again. */
void agent_queue_changed(struct agent *agent);
/* The network's least proof of work. */
struct pow_demand agent_least(const struct agent *agent) MUST_USE;
/* How fast this machine works; 0: not known yet. */
double agent_trials_per_sec(const struct agent *agent) MUST_USE;
/* A random span within the setting's jitter, either way. */
int64_t agent_jitter_sec(const struct agent *agent) MUST_USE;

/* ---- agent_peers.c */
void agent_peers_heard(struct agent *agent, const struct link_gateway_event *event);
void agent_peers_link_down(struct agent *agent);
void agent_peers_stop(struct agent *agent);

#endif
