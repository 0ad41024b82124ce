// SPDX-License-Identifier: MIT
/* What a mailbox's name means: pure rules, for gateway/store alone. */
#ifndef BITTERN_GATEWAY_STORE_FOLDER_NAMES_H
#define BITTERN_GATEWAY_STORE_FOLDER_NAMES_H

#include <stdbool.h>

#include "base/compiler.h"
#include "gateway/store/folders.h"

struct fault;

enum folder_kind folder_kind_of_name(const char *name) MUST_USE;
/* Chans and Subscriptions themselves. */
bool folder_is_root(enum folder_kind kind) MUST_USE;
/* Joined and left by the agent. */
bool folder_is_membership(enum folder_kind kind) MUST_USE;
/* At any depth. */
bool folder_is_below(const char *name, const char *root) MUST_USE;
/* The last level of a name; borrowed from it. */
const char *folder_label(const char *name) MUST_USE;
/* May a client bring a mailbox to stand at `name`? FAULT_DENIED says why not. */
bool folder_check_new_name(const char *name, struct fault *fault) MUST_USE;

#endif
