#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends packets that a router must drop, COUNT times one of the cases below.

Usage: malformed.py CASE COUNT INTERFACE ROUTER_MAC SOURCE DESTINATION ROUTER
       malformed.py --list
"""
import logging
import sys

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import ARP, Dot1Q, Ether, ICMP, IP, Raw, UDP, conf, raw, sendp  # noqa: E402


def build(interface, router_mac, source, destination, router):
    """The frames, by the name of their case; each differs from a good one in one thing."""
    mac = open(f"/sys/class/net/{interface}/address").read().strip()
    ether = Ether(src=mac, dst=router_mac)
    everyone = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
    good = IP(src=source, dst=destination, ttl=64) / UDP(sport=1000, dport=9) / Raw(b"x" * 64)

    def changed(offset, value):
        """The good packet with one byte of its header replaced, and a checksum that is right for it."""
        octets = bytearray(raw(good))
        octets[offset] = value
        octets[10:12] = b"\0\0"
        total = sum(int.from_bytes(octets[i:i + 2], "big") for i in range(0, 20, 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        octets[10:12] = (~total & 0xFFFF).to_bytes(2, "big")
        return bytes(octets)

    def ip(octets):
        """A frame with these octets in place of an IPv4 packet."""
        return Ether(src=mac, dst=router_mac, type=0x0800) / Raw(octets)

    def copied(**fields):
        packet = good.copy()
        for name, value in fields.items():
            setattr(packet[IP], name, value)
        return packet

    arp = ARP(op=1, hwsrc=mac, psrc=source, pdst=router)
    return {
        "unknown-ethertype": Ether(src=mac, dst=router_mac, type=0x88B5) / Raw(b"x" * 60),
        "foreign-mac": Ether(src=mac, dst="02:ff:ff:ff:ff:01") / good,
        "vlan": Ether(src=mac, dst=router_mac) / Dot1Q(vlan=7) / good,
        "version-5": ip(changed(0, 0x55)),
        "header-too-short": ip(changed(0, 0x44)),
        "header-too-long": ip(changed(0, 0x4F)[:40]),
        "truncated-header": ip(raw(good)[:12]),
        "length-under-20": ether / copied(len=19),
        "length-over-frame": ether / copied(len=200),
        "bad-checksum": ether / copied(chksum=0x1234),
        "fragment-offset-1": ether / copied(frag=1),
        "source-multicast": ether / copied(src="224.0.0.5"),
        "ttl-0": ether / copied(ttl=0),
        "ttl-1": ether / copied(ttl=1),
        "too-long-for-the-way": ether / IP(src=source, dst=destination, flags="DF") / UDP() / Raw(b"x" * 1400),
        "own-udp-length": ether / IP(src=source, dst=router) / UDP(sport=1000, dport=9, len=200) / Raw(b"x" * 20),
        "own-icmp-checksum": ether / IP(src=source, dst=router) / ICMP(chksum=0x1234) / Raw(b"x" * 20),
        "no-route": ether / IP(src=source, dst="198.51.100.9") / UDP() / Raw(b"x" * 20),
        "arp-hardware-type": everyone / ARP(op=1, hwtype=7, hwsrc=mac, psrc=source, pdst=router),
        "arp-truncated": Ether(src=mac, dst=everyone.dst, type=0x0806) / Raw(raw(arp)[:20]),
        "arp-foreign-subnet": everyone / ARP(op=1, hwsrc=mac, psrc="203.0.113.5", pdst=router),
    }


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(build("lo", "02:00:00:00:00:01", "10.0.0.2", "10.0.1.2", "10.0.0.1")))
        return
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    name, count, interface = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    frames = build(interface, *sys.argv[4:])
    if name not in frames:
        sys.exit(f"no case {name}; there are: {', '.join(frames)}")
    conf.verb = 0
    sendp(frames[name], iface=interface, count=count)


main()
