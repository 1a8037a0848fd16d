// SPDX-License-Identifier: Apache-2.0
// SwiftPM wants a C target to have a source file; everything is inline in the header.
#include "CLinux.h"
