# SPDX-License-Identifier: Apache-2.0
"""What bench/chaos and bench/fault-points share: a dataplane of their own, hosts on its ports, and the judge."""
