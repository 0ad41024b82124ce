// SPDX-License-Identifier: MIT
#include "gateway/store/store.h"
#include <stdint.h>
