// SPDX-License-Identifier: Apache-2.0
// IPv4 forwarding in three passes over a burst: parse and check, look up, rewrite. It refuses what the
// graph's nodes refuse
// (RFC 1812), but answers nothing: every refused packet is freed.
#include "CBench.h"
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <string.h>

enum { burst_limit = 256 };
enum drop { drop_length, drop_interface, drop_address, drop_type, drop_header, drop_host, drop_route, drop_ttl };

static inline int is_host(uint32_t address) {
    uint32_t first = address >> 24;
    return first - 1 < 223 && first != 127;
}

/// The one's complement sum of a header of 20 bytes, folded; 0xFFFF: right.
static inline uint32_t header_sum(const uint8_t *header) {
    uint64_t a, b;
    uint32_t c;
    memcpy(&a, header, 8);
    memcpy(&b, header + 8, 8);
    memcpy(&c, header + 16, 4);
    uint64_t sum = (a & 0xFFFFFFFF) + (a >> 32) + (b & 0xFFFFFFFF) + (b >> 32) + c;
    sum = (sum & 0xFFFFFFFF) + (sum >> 32);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint32_t)((sum & 0xFFFF) + (sum >> 16));
}

/// Checks Ethernet and IPv4 headers; the reason to drop, or -1 and the destination.
static inline int parse(struct CBench_forward *forward, struct rte_mbuf *mbuf, uint32_t *destination) {
    const uint8_t *data = (const uint8_t *)mbuf->buf_addr + mbuf->data_off;
    if (mbuf->data_len < 34) return drop_length;
    const struct CBench_interface *interface = &forward->interfaces[mbuf->port & 255];
    if (!interface->is_up) return drop_interface;
    uint64_t mac;
    memcpy(&mac, data, 8);
    mac &= 0xFFFFFFFFFFFF;
    if (mac != interface->mac) return drop_address;
    uint16_t type;
    memcpy(&type, data + 12, 2);
    if (type != 0x0008) return drop_type;
    const uint8_t *header = data + 14;
    uint32_t length = mbuf->data_len - 14u;
    if (header[0] != 0x45 || header_sum(header) != 0xFFFF) return drop_header;
    uint32_t total = (uint32_t)header[2] << 8 | header[3];
    if (total < 20 || total > length) return drop_header;
    if (((uint32_t)(header[6] & 0x1F) << 8 | header[7]) == 1) return drop_header;
    uint32_t source, target;
    memcpy(&source, header + 12, 4);
    memcpy(&target, header + 16, 4);
    source = __builtin_bswap32(source);
    target = __builtin_bswap32(target);
    if (!is_host(source) || !is_host(target)) return drop_host;
    mbuf->data_off += 14;
    mbuf->data_len = (uint16_t)total;
    mbuf->pkt_len = total;
    *destination = target;
    return -1;
}

/// Takes one off the TTL and writes the next hop's Ethernet header; the reason to drop, or -1.
static inline int rewrite(struct CBench_forward *forward, struct rte_mbuf *mbuf, uint32_t leaf) {
    const struct CBench_adjacency *adjacency =
        &forward->adjacencies[leaf < forward->adjacency_count ? leaf : 0];
    uint8_t *header = (uint8_t *)mbuf->buf_addr + mbuf->data_off;
    if (!adjacency->is_rewrite || mbuf->data_len > adjacency->mtu) return drop_route;
    if (header[8] <= 1) return drop_ttl;
    uint16_t checksum;
    memcpy(&checksum, header + 10, 2);
    uint32_t sum = (uint32_t)checksum + 1;
    checksum = (uint16_t)(sum + (sum >= 0xFFFF));
    memcpy(header + 10, &checksum, 2);
    header[8]--;
    memcpy(header - 14, &adjacency->head, 8);
    memcpy(header - 8, &adjacency->tail, 8);
    mbuf->data_off -= 14;
    mbuf->data_len += 14;
    mbuf->pkt_len += 14;
    mbuf->vlan_tci = adjacency->tx_interface;
    return -1;
}

static inline void drop(struct CBench_forward *forward, struct rte_mbuf *mbuf, int reason) {
    forward->drops[reason]++;
    rte_mempool_put(forward->pool, mbuf);
}

unsigned CBench_forward_frame(struct CBench_forward *forward, void **packets, unsigned count) {
    struct rte_mbuf **mbufs = (struct rte_mbuf **)packets;
    uint32_t destinations[burst_limit], leaves[burst_limit];
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i + 8 < count) __builtin_prefetch(mbufs[i + 8], 1, 3);
        if (i + 4 < count)
            __builtin_prefetch((uint8_t *)mbufs[i + 4]->buf_addr + mbufs[i + 4]->data_off, 1, 3);
        int reason = parse(forward, mbufs[i], &destinations[kept]);
        mbufs[kept] = mbufs[i];
        if (__builtin_expect(reason < 0, 1)) kept++;
        else drop(forward, mbufs[i], reason);
    }
    CBench_dir24_lookup(&forward->dir, destinations, leaves, kept);
    unsigned sent = 0;
    for (unsigned i = 0; i < kept; i++) {
        int reason = rewrite(forward, mbufs[i], leaves[i]);
        mbufs[sent] = mbufs[i];
        if (__builtin_expect(reason < 0, 1)) sent++;
        else drop(forward, mbufs[i], reason);
    }
    return sent;
}

void CBench_forward_send(struct CBench_forward *forward, void **packets, unsigned count) {
    struct rte_mbuf **mbufs = (struct rte_mbuf **)packets;
    for (unsigned i = 0; i < count; i++) {
        unsigned interface = mbufs[i]->vlan_tci & 255;
        forward->tx_packets[interface]++;
        forward->tx_bytes[interface] += mbufs[i]->data_len;
    }
    if (count > 0) rte_mempool_put_bulk(forward->pool, packets, count);
}
