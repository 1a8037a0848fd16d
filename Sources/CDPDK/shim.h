// SPDX-License-Identifier: Apache-2.0
// DPDK as Swift sees it.
#pragma once
#include <rte_eal.h>
