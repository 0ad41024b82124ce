// SPDX-License-Identifier: MIT
/* XML-RPC answers. Lists, structures, texts, integers (i8 beyond 32 bits), doubles, truths and null
 * (nil) are written as their elements; characters that XML can't hold become U+FFFD. */
#ifndef BITTERN_GATEWAY_COMPAT_XMLRPC_WRITE_H
#define BITTERN_GATEWAY_COMPAT_XMLRPC_WRITE_H

#include <jansson.h>

struct buf;

void xmlrpc_write_result(struct buf *out, const json_t *result);
void xmlrpc_write_fault(struct buf *out, int code, const char *text);

#endif
