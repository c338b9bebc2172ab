"""packets.py OUT ASKER NAME=ADDRESS...: watches what the machines of a lab send, and writes what could leave to OUT.

It stands in the lab's network namespace and sees every frame that a machine hands to the bridge, whatever its target: a
packet socket sees a frame on the bridge's port before the bridge does. A frame is fine when both ends are hosts of the lab: IPv4 from one
to another, or ARP of one for another. Fine as well, and counted by kind, is what a kernel or systemd-resolved says to its own link
about itself, and what no router would pass on: IPv6's neighbour and router discovery and reports of groups, IGMP, and the question
over LLMNR whether somebody else has the machine's own name. ASKER is the address of the test, which may be answered but not called.

Everything else becomes a line of JSON in OUT: an ARP request for a gateway or name server that is not there, too, for that is
how a packet to elsewhere begins. Each line says how many frames were seen by then, of which kinds, and how many the kernel had
to drop unseen. So a test that sends one stray frame on purpose knows from its line that all before it were looked at.
"""

import collections
import ipaddress
import json
import socket
import struct
import sys

ALL, INCOMING, STATISTICS, RECEIVE_FORCED = 3, (0, 1, 2, 3), 6, 33
out, asker, *machines = sys.argv[1:]
hosts = {ipaddress.ip_address(address): name for name, address in (machine.split("=") for machine in machines)}
asker = ipaddress.ip_address(asker)
kinds = collections.Counter()
frames = dropped = 0


def arp(body):
    operation = struct.unpack_from(">H", body, 6)[0]
    sender, target = ipaddress.ip_address(body[14:18]), ipaddress.ip_address(body[24:28])
    what = f"arp {operation} {sender} for {target}"
    # 0.0.0.0 asks whether an address is free before it is used.
    good = (sender in hosts or int(sender) == 0) and (target in hosts or target == asker)
    return "arp" if good else None, what


def own_name(datagram):
    """A question over LLMNR for one of the hosts' own names: RFC 4795 has the form of DNS."""
    if struct.unpack_from(">H", datagram, 2)[0] != 5355:
        return False
    question = datagram[8 + 12 :]
    return question[1 : 1 + question[0]].decode("ascii", "replace") in hosts.values()


def ipv4(body):
    header, protocol = (body[0] & 15) * 4, body[9]
    source, target = ipaddress.ip_address(body[12:16]), ipaddress.ip_address(body[16:20])
    rest = body[header:]
    what = f"ipv4 protocol {protocol} {source} to {target}"
    if protocol in (6, 17):
        what += " port {}".format(struct.unpack_from(">H", rest, 2)[0])
    if source in hosts and target in hosts:
        return "ipv4", what
    if source in hosts and target == asker and protocol == 6 and rest[13] & 0x12 != 0x02:
        return "answer", what
    if protocol == 17 and target == ipaddress.ip_address("224.0.0.252") and own_name(rest):
        return "own name", what
    if protocol == 2 and target in ipaddress.ip_network("224.0.0.0/24"):
        return "igmp", what
    return None, what


def ipv6(body):
    following, source, target = body[6], ipaddress.ip_address(body[8:24]), ipaddress.ip_address(body[24:40])
    rest = body[40:]
    if following == 0:  # hop by hop options, as in reports of groups
        following, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    here = (source.is_link_local or int(source) == 0) and (target.is_link_local or target in ipaddress.ip_network("ff02::/16"))
    if following == 58:
        what = f"icmpv6 {rest[0]} {source} to {target}"
        kind = {133: "router solicitation", 135: "neighbour solicitation", 136: "neighbour advertisement", 143: "group report"}.get(rest[0])
        return kind if here else None, what
    what = f"ipv6 {following} {source} to {target}"
    if following == 17 and target == ipaddress.ip_address("ff02::1:3") and own_name(rest):
        return "own name", what
    return None, what


LOOKS = {0x0806: arp, 0x0800: ipv4, 0x86DD: ipv6}
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as tap, open(out, "w", encoding="utf-8") as lines:
    tap.setsockopt(socket.SOL_SOCKET, RECEIVE_FORCED, 64 << 20)
    print(json.dumps({"ready": True}), file=lines, flush=True)
    while True:
        frame, (port, _, direction, _, _) = tap.recvfrom(256)
        # Ports of machines are called p and their hardware address; the rest is the bridge itself and the loopback.
        if direction not in INCOMING or not port.startswith("p"):
            continue
        frames += 1
        number = struct.unpack_from(">H", frame, 12)[0]
        look = LOOKS.get(number)
        try:
            kind, what = look(frame[14:]) if look else (None, f"ethernet {number:#06x} {frame[:14].hex()}")
        except (struct.error, IndexError, ValueError):
            kind, what = None, f"cannot be read: {frame.hex()}"
        if kind:
            kinds[kind] += 1
            continue
        # The kernel forgets the number when it is read.
        dropped += struct.unpack("II", tap.getsockopt(263, STATISTICS, 8))[1]
        line = {"stray": what, "port": port, "frames": frames, "dropped": dropped, "kinds": kinds}
        print(json.dumps(line), file=lines, flush=True)
