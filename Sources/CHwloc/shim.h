// SPDX-License-Identifier: Apache-2.0
// hwloc as Swift sees it.
#pragma once
#include <hwloc.h>
