// SPDX-License-Identifier: MIT
/* Which connections the node has: asked of it, since only it knows. */
#include <stdlib.h>

#include "base/loop.h"
#include "gateway/agent/agent_internal.h"

struct peers_question {
    struct list_node node; /* in agent->peers_questions */
    struct agent *agent;
    uint64_t request;
    struct agent_peers_done done;
    struct fault fault;
    struct deferred refusal;
};

static void finish(struct peers_question *question, const struct link_peer *peers, size_t n_peers)
{
    struct agent_peers_done done = question->done;
    struct fault fault = question->fault;
    list_remove(&question->node);
    deferred_cancel(&question->refusal);
    free(question);
    done.call(done.context, peers, n_peers, fault.code == FAULT_NONE ? NULL : &fault);
}

static void refused(void *context)
{
    finish(context, NULL, 0);
}

void agent_peers(struct agent *agent, struct agent_peers_done done)
{
    struct peers_question *question = xcalloc(1, sizeof(*question));
    question->agent = agent;
    question->request = ++agent->last_peers_request;
    question->done = done;
    deferred_init(&question->refusal, agent->parts.loop, refused, question);
    list_append(&agent->peers_questions, &question->node);
    if (!link_client_ask_peers(agent->link, question->request, &question->fault)) {
        deferred_arm(&question->refusal);
    }
}

void agent_peers_heard(struct agent *agent, const struct link_gateway_event *event)
{
    list_for_each(place, &agent->peers_questions)
    {
        struct peers_question *question = list_entry(place, struct peers_question, node);
        if (question->request == event->request) {
            finish(question, event->peers, event->n_peers);
            return;
        }
    }
}

void agent_peers_link_down(struct agent *agent)
{
    list_for_each(place, &agent->peers_questions)
    {
        struct peers_question *question = list_entry(place, struct peers_question, node);
        (void)fault_set(&question->fault, FAULT_CLOSED, "the node is not there");
        deferred_arm(&question->refusal);
    }
}

void agent_peers_stop(struct agent *agent)
{
    list_for_each(place, &agent->peers_questions)
    {
        struct peers_question *question = list_entry(place, struct peers_question, node);
        list_remove(&question->node);
        deferred_cancel(&question->refusal);
        free(question);
    }
}
