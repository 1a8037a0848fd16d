// SPDX-License-Identifier: Apache-2.0
// libnuma as Swift sees it.
#pragma once
#include <numa.h>
#include <numaif.h>
