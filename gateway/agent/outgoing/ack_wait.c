// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/ack_wait.h"

#include <stdlib.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "node/objects/ack.h"

struct awaited {
    int64_t id;
};

void ack_wait_add(struct ack_wait *acks, struct bytes ackdata, int64_t id)
{
    struct awaited *awaited = xcalloc(1, sizeof(*awaited));
    awaited->id = id;
    free(map_put(&acks->by_ackdata, ackdata, awaited));
}

bool ack_wait_load(struct ack_wait *acks, struct db *db, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT id, ackdata FROM outgoing"
                                      " WHERE length(ackdata) > 0 AND state NOT IN (?1, ?2)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, OUTGOING_DELIVERED);
    db_bind_i64(stmt, 2, OUTGOING_CANCELLED);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        ack_wait_add(acks, db_column_bytes(stmt, 1), db_column_i64(stmt, 0));
    }
    return step == DB_DONE;
}

void ack_wait_clear(struct ack_wait *acks)
{
    size_t cursor = 0;
    void *item;
    while ((item = map_next(&acks->by_ackdata, &cursor, NULL)) != NULL) {
        free(item);
    }
    map_clear(&acks->by_ackdata);
}

int64_t ack_wait_find(const struct ack_wait *acks, const struct object *object)
{
    struct bytes ackdata;
    if (!ack_data_of(&ackdata, object)) {
        return 0;
    }
    const struct awaited *awaited = map_get(&acks->by_ackdata, ackdata);
    return awaited == NULL ? 0 : awaited->id;
}

void ack_wait_forget(struct ack_wait *acks, const struct object *object)
{
    struct bytes ackdata;
    if (ack_data_of(&ackdata, object)) {
        free(map_remove(&acks->by_ackdata, ackdata));
    }
}
