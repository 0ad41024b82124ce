// SPDX-License-Identifier: MIT
/* XML-RPC calls (the specification at xmlrpc.com, with the i8 and nil that Python's client sends).
 *
 * The XML is read by expat as a stream of elements, and no tree is made of it. A DOCTYPE is refused
 * at once, and with it every entity of one's own; depth, values and texts are bounded. */
#ifndef BITTERN_GATEWAY_COMPAT_XMLRPC_READ_H
#define BITTERN_GATEWAY_COMPAT_XMLRPC_READ_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/compat/rpc.h"

/* Read a whole methodCall. Integers, booleans, doubles, texts, arrays, structures and nil become
 * their like in JSON; a date stays the text it is; base64 becomes the text that it holds. False,
 * and *out untouched: FAULT_INVALID for what is no call, FAULT_LIMIT above a bound of rpc.h. */
bool xmlrpc_read(struct rpc_call *out, struct bytes body, struct fault *fault) MUST_USE;

#endif
