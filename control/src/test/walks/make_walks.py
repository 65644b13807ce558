#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden cases of the packet walk: frames in, frames out and counters, one folder per case.

Scapy computes every byte and checksum here, so the relay is judged by something that shares no code with it.
Run by hand (needs python3-scapy) after a change, look at the diff, commit both. The same script gives the same bytes.
The folder format is described in src/test/resources/walks/README.md.
"""
import itertools
import shutil
import struct
from pathlib import Path
from socket import AF_INET6, inet_pton

from scapy.layers.inet import (ICMP, IP, TCP, UDP, IPOption_LSRR, IPOption_NOP, IPOption_Router_Alert, IPOption_RR,
                               IPOption_SSRR, IPOption_Timestamp)
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN)
from scapy.layers.l2 import ARP, GRE, LLC, STP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.packet import Raw

WALKS = Path(__file__).resolve().parent.parent / "resources" / "walks"
CASES = []


# ---- the story of a case ----

class Case:
    """Collects what comes in and what becomes of it. Each frame in has exactly one outcome: the ledger balances."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.steps, self.out = [{}], {}
        self.dropped, self.answered, self.taken, self.opened = {}, {}, {}, {}
        self.waiting = self.told = 0

    def relay(self, ports, *rules, flows=64, limits="", snat="{ address: 192.0.2.1, ports: 40000-49999 }",
              ttl="decrement", icmp=""):
        self.ports, self.rules = dict(ports), dict(rules)
        self.config = "\n".join([
            f"# {self.title}", "ports:", *self.ports.values(), "memory: { huge: false }",
            f"limits: {{ flows: {flows}{limits and ', '}{limits} }}", "metrics: none",
            *([f"icmp: {{ {icmp} }}"] if icmp else []),
            f"defaults: {{ snat: {snat}, ttl: {ttl}, idleTimeout: 300s }}", "rules:", *self.rules.values(), ""])

    def then(self):
        """All that came so far is drained before the rest comes."""
        self.steps.append({})

    def comes(self, port, frame):
        self.steps[-1].setdefault(port, []).append(frame)

    def leaves(self, port, frame):
        self.out.setdefault(port, []).append(frame)

    def relays(self, port, frame, to, rewritten):
        self.comes(port, frame)
        self.leaves(to, rewritten)

    def cuts(self, port, frame, to, *pieces):
        """The frame is longer than the way out: it leaves in pieces."""
        self.comes(port, frame)
        for piece in pieces:
            self.leaves(to, piece)

    def drops(self, port, reason, *frames):
        for frame in frames:
            self.comes(port, frame)
        self.dropped[port, reason] = self.dropped.get((port, reason), 0) + len(frames)

    def tells(self, port, reason, frame, **error):
        """A drop that its sender hears of, with an ICMP error of our own."""
        self.drops(port, reason, frame)
        self.leaves(port, about(frame, **error))
        self.told += 1

    def answers(self, port, protocol, request, answer):
        self.relays(port, request, port, answer)
        self.answered[port, protocol] = self.answered.get((port, protocol), 0) + 1

    def takes_in(self, port, frame, protocol="arp"):
        self.comes(port, frame)
        self.taken[port, protocol] = self.taken.get((port, protocol), 0) + 1

    def holds(self, port, frame):
        """The next hop is not resolved: the frame waits until `releases`."""
        self.comes(port, frame)
        self.waiting += 1

    def asks(self, port, request):
        self.leaves(port, request)

    def releases(self, port, rewritten):
        self.leaves(port, rewritten)
        self.waiting -= 1

    def opens(self, **sessions):
        self.opened = sessions

    def counters(self):
        for port in self.ports:
            received = sum(len(step.get(port, [])) for step in self.steps)
            yield f'culvert_port_receive_packets_total{{port="{port}"}} {received}'
        for port in self.ports:
            yield f'culvert_port_transmit_packets_total{{port="{port}"}} {len(self.out.get(port, []))}'
        for (port, reason), count in self.dropped.items():
            yield f'culvert_dropped_packets_total{{port="{port}",reason="{reason}"}} {count}'
        for (port, protocol), count in self.answered.items():
            yield f'culvert_answered_packets_total{{port="{port}",protocol="{protocol}"}} {count}'
        for (port, protocol), count in self.taken.items():
            yield f'culvert_punted_packets_total{{port="{port}",protocol="{protocol}"}} {count}'
        yield f"culvert_icmp_generated_packets_total {self.told}"
        for rule in self.rules:
            yield f'culvert_flows_created_total{{rule="{rule}"}} {self.opened.get(rule, 0)}'

    def write(self):
        assert self.waiting == 0, f"{self.name}: a frame waits for ever"
        assert set(self.opened) <= set(self.rules), f"{self.name}: opens sessions of a rule it does not have"
        folder = WALKS / self.name
        folder.mkdir()
        (folder / "config.yaml").write_text(self.config)
        (folder / "counters").write_text("".join(line + "\n" for line in self.counters()))
        for number, step in enumerate(self.steps, start=1):
            for port, frames in step.items():
                suffix = f".{number}" if len(self.steps) > 1 else ""
                (folder / f"in-{port}{suffix}.pcap").write_bytes(pcap(frames))
        for port, frames in self.out.items():
            (folder / f"out-{port}.pcap").write_bytes(pcap(frames))


def case(function):
    CASES.append(function)
    return function


def pcap(frames):
    """Classic pcap, little-endian, microseconds, Ethernet; every frame at time zero."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + b"".join(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for frame in frames)


# ---- the network of most cases: client -- gateway -- edge [relay] inner -- target ----

EDGE_MAC, INNER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
GATEWAY_MAC, NEAR_MAC, TARGET_MAC, OTHER_TARGET_MAC, NEW_MAC = (
    "02:00:00:00:00:fe", "02:00:00:00:00:07", "02:00:00:00:01:17", "02:00:00:00:01:18", "02:00:00:00:02:17")
STRANGER_MAC, NOBODY, EVERYBODY = "02:00:00:00:00:99", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"

FROM_GATEWAY, TO_GATEWAY = (GATEWAY_MAC, EDGE_MAC), (EDGE_MAC, GATEWAY_MAC)
FROM_NEAR, TO_NEAR = (NEAR_MAC, EDGE_MAC), (EDGE_MAC, NEAR_MAC)
FROM_TARGET, TO_TARGET = (TARGET_MAC, INNER_MAC), (INNER_MAC, TARGET_MAC)
FROM_OTHER_TARGET, TO_OTHER_TARGET = (OTHER_TARGET_MAC, INNER_MAC), (INNER_MAC, OTHER_TARGET_MAC)

CLIENT, LISTENER, SNAT, TARGET = "198.51.100.7:40000", "203.0.113.1:9000", "192.0.2.1:40000", "192.0.2.17:5004"
POOL_OF_ITS_OWN = "{ address: 192.0.2.9, ports: 40000-49999 }"
TWO_PORTS = "{ address: 192.0.2.1, ports: 40000-40001 }"


def port(name, mac, address, gateway=None, mtu=None, vlan=None, neighbors=None):
    lines = [f"  {name}:", "    device: pcap", f"    mac: {mac}", f"    address: {address}"]
    if gateway:
        lines.append(f"    gateway: {gateway}")
    if mtu:
        lines.append(f"    mtu: {mtu}")
    if vlan:
        lines.append(f"    vlan: {vlan}")
    if neighbors:
        lines.append("    neighbors: { " + ", ".join(f"{ip}: {mac}" for ip, mac in neighbors.items()) + " }")
    return name, "\n".join(lines)


def quoted(endpoint):
    """The brackets of an IPv6 endpoint would be a list."""
    return f'"{endpoint}"' if endpoint.startswith("[") else endpoint


def rule(name="cam", listen=LISTENER, target=TARGET, sources=None, snat=None, ttl=None, **others):
    keys = {"name": name, "listen": quoted(f"{listen}/udp"), "target": quoted(target), "sources": sources, "snat": snat, "ttl": ttl,
            **others}
    return name, "  - { " + ", ".join(f"{key}: {value}" for key, value in keys.items() if value) + " }"


EDGE_NEIGHBORS = {"203.0.113.254": GATEWAY_MAC, "203.0.113.7": NEAR_MAC}
INNER_NEIGHBORS = {"192.0.2.17": TARGET_MAC, "192.0.2.18": OTHER_TARGET_MAC}
EDGE = port("edge", EDGE_MAC, "203.0.113.1/24", gateway="203.0.113.254", neighbors=EDGE_NEIGHBORS)
INNER = port("inner", INNER_MAC, "192.0.2.1/24", neighbors=INNER_NEIGHBORS)
TWO_ARM = (EDGE, INNER)
CAM = rule()

LAN_MAC, A_MAC, C_MAC = "02:00:00:00:09:01", "02:00:00:00:09:02", "02:00:00:00:09:03"
LAN = port("lan", LAN_MAC, "10.9.0.1/24", neighbors={"10.9.0.2": A_MAC, "10.9.0.3": C_MAC})
LAN_POOL = "{ address: 10.9.0.1, ports: 32768-60999 }"


# ---- frames ----

def ether(link, payload, ethertype=0x0800):
    return bytes(Ether(src=link[0], dst=link[1], type=ethertype) / payload)


def udp(link, source, destination, payload=b"culvert", checksum=None, header_checksum=None, **ip):
    """A whole frame. A checksum not given is computed; `ip` overrides fields of the IP header."""
    (src, sport), (dst, dport) = source.split(":"), destination.split(":")
    fields = {"ttl": 64, "id": 0x1234, "chksum": header_checksum, **ip}
    datagram = UDP(sport=int(sport), dport=int(dport), chksum=checksum) / Raw(payload)
    return ether(link, IP(src=src, dst=dst, **fields) / datagram)


def ip_payload(protocol, payload, link=FROM_GATEWAY, src="198.51.100.7", dst="203.0.113.1", **fields):
    return ether(link, IP(src=src, dst=dst, **{"proto": protocol, "ttl": 64, **fields}) / Raw(payload))


def echo(link, src, dst, payload=b"abcdefgh", type=8, code=0, id=0x77, seq=1, checksum=None, **ip):
    fields = {"ttl": 64, "id": 0x4321, **ip}
    return ether(link, IP(src=src, dst=dst, **fields) / ICMP(type=type, code=code, id=id, seq=seq, chksum=checksum)
                 / Raw(payload))


def quote(source, destination, payload=b"culvert", cut=None, **fields):
    """The packet that an ICMP error is about, as its sender's router saw it; `cut` to so many bytes of UDP."""
    frame = udp(FROM_GATEWAY, source, destination, payload, **{"ttl": 62, **fields})[14:]
    return frame if cut is None else frame[:(frame[0] & 0xF) * 4 + cut]


def icmp_error(link, src, dst, quoted, type=3, code=3, checksum=None, ttl=64, **fields):
    ip = {name: fields.pop(name) for name in ("tos", "id", "flags", "proto") if name in fields}
    message = ICMP(type=type, code=code, chksum=checksum, **fields) / Raw(quoted)
    return ether(link, IP(src=src, dst=dst, ttl=ttl, **{"id": 0x4321, **ip}) / message)


def about(frame, ours="203.0.113.1", type=11, code=0, **fields):
    """Our own error about a frame: back to the station it came from, as much of the packet as 576 bytes hold."""
    came = Ether(frame)
    return icmp_error((came.dst, came.src), ours, came[IP].src, bytes(came[IP])[:548], type, code, tos=0xC0, id=0,
                      flags="DF", **fields)


def arp(link, operation, sender, target, sender_mac=None, target_mac=NOBODY, **fields):
    return ether(link, ARP(op=operation, hwsrc=sender_mac or link[0], psrc=sender, hwdst=target_mac, pdst=target,
                           **fields), 0x0806)


def who_has(target, sender="203.0.113.254", mac=GATEWAY_MAC, to=EVERYBODY, **fields):
    return arp((mac, to), 1, sender, target, **fields)


def is_at(link, sender, target, **fields):
    return arp(link, 2, sender, target, **{"target_mac": link[1], **fields})


def piece(frame, start, end, flags=0, frag=None, **ip):
    """Bytes start to end of a frame's IP payload as a fragment of it; `ip` overrides fields of the header."""
    whole = Ether(frame)
    header, payload = whole[IP], frame[34:]
    more = 1 if end < len(payload) or header.flags.MF else 0
    fields = {"proto": header.proto, "id": header.id, "ttl": header.ttl, "tos": header.tos, "flags": flags | more,
              "frag": header.frag + start // 8 if frag is None else frag, **ip}
    return ether((whole.src, whole.dst), IP(src=header.src, dst=header.dst, **fields) / Raw(payload[start:end]))


def pieces(frame, *cuts, **ip):
    """A frame as fragments, cut at these bytes of its IP payload."""
    ends = [0, *cuts, len(frame) - 34]
    return [piece(frame, start, end, **ip) for start, end in itertools.pairwise(ends)]


def cut_to(mtu, frame):
    """As a router cuts it: every fragment as long as can be, the last with the rest."""
    step = (mtu - 20) // 8 * 8
    return pieces(frame, *range(step, len(frame) - 34, step))


def tagged(frame, vlan, **tag):
    """The same frame in a VLAN."""
    inner = Ether(frame)
    return bytes(Ether(src=inner.src, dst=inner.dst, type=0x8100) / Dot1Q(vlan=vlan, type=inner.type, **tag)
                 / Raw(frame[14:]))


def udp_checksum(frame):
    return Ether(frame)[UDP].chksum


def header_checksum(frame):
    return Ether(frame)[IP].chksum


def ones_add(a, b):
    total = a + b
    return (total & 0xFFFF) + (total >> 16)


def solve(read, build, wanted):
    """The 16-bit word for which `read(build(word))` is `wanted`: each word of a sum moves the checksum one for one."""
    word = ones_add(read(build(0)), ~wanted & 0xFFFF)
    assert read(build(word)) == wanted, f"no word gives {wanted:#06x}"
    return word


def word_bytes(word):
    return word.to_bytes(2, "big")


# ---- what most cases do ----

def there(c, payload=b"culvert", client=CLIENT, listener=LISTENER, snat=SNAT, target=TARGET, came=FROM_GATEWAY,
          went=TO_TARGET, ttl=64, ttl_out=None, **same):
    """A client's datagram comes in on edge and goes to the target by inner; `same` are fields that must survive."""
    c.relays("edge", udp(came, client, listener, payload, ttl=ttl, **same),
             "inner", udp(went, snat, target, payload, ttl=ttl - 1 if ttl_out is None else ttl_out, **same))


def back(c, payload=b"treavluc", client=CLIENT, listener=LISTENER, snat=SNAT, target=TARGET, came=FROM_TARGET,
         went=TO_GATEWAY, ttl=64, ttl_out=None, **same):
    """The target's answer comes in on inner and goes to the client by edge, from the listener."""
    c.relays("inner", udp(came, target, snat, payload, ttl=ttl, **same),
             "edge", udp(went, listener, client, payload, ttl=ttl - 1 if ttl_out is None else ttl_out, **same))


def dropped_amid_traffic(c, reason, *frames):
    """A live session before and after the bad frames: they cost it nothing."""
    c.relay(TWO_ARM, CAM)
    there(c, b"before")
    c.drops("edge", reason, *frames)
    there(c, b"after")
    c.opens(cam=1)


# ==== relaying ====

@case
def client_and_target_talk_across_two_ports(c):
    """A client's datagram reaches the target from the pool; the answer returns to the client from the listener"""
    c.relay(TWO_ARM, CAM)
    there(c)
    c.then()
    back(c)
    c.then()
    there(c, b"again")
    c.then()
    back(c, b"and again")
    c.opens(cam=1)


@case
def client_on_the_edge_link_is_answered_directly(c):
    """A client on the edge port's own subnet gets the answer on its own MAC, not through the gateway"""
    near = {"client": "203.0.113.7:40000"}
    c.relay(TWO_ARM, CAM)
    there(c, came=FROM_NEAR, **near)
    c.then()
    back(c, went=TO_NEAR, **near)
    c.opens(cam=1)


@case
def one_arm_turns_packets_around_on_the_same_port(c):
    """The experiment: A 10.9.0.2 talks to C 10.9.0.3:7890 through B 10.9.0.1, which has one NIC, DNAT and SNAT"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890", sources="[10.9.0.2/32]"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.1:50000", "10.9.0.3:7890", ttl=63))
    c.then()
    c.relays("lan", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.1:50000"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "10.9.0.2:50000", ttl=63))
    c.then()
    c.drops("lan", "acl", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.1:7890"))
    c.drops("lan", "no_session", udp((A_MAC, LAN_MAC), "10.9.0.2:7890", "10.9.0.1:50000"))
    c.opens(echo=1)


@case
def one_arm_reply_in_the_burst_that_opened_the_session(c):
    """The reply stands in the same burst as the datagram that opens its session, and finds it"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.1:50000", "10.9.0.3:7890", ttl=63))
    c.relays("lan", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.1:50000"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "10.9.0.2:50000", ttl=63))
    c.opens(echo=1)


@case
def one_arm_without_snat_keeps_the_client_visible(c):
    """One NIC, snat none: the target routes by the relay, sees the client, and its answer comes from the listener"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890", snat="none"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.2:50000", "10.9.0.3:7890", ttl=63))
    c.then()
    c.relays("lan", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.2:50000"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "10.9.0.2:50000", ttl=63))
    c.opens(echo=1)


@case
def one_arm_target_beyond_the_gateway(c):
    """One NIC: client and target are both off-link, both directions go by the port's gateway"""
    lan = port("lan", LAN_MAC, "10.9.0.1/24", gateway="10.9.0.254", neighbors={"10.9.0.254": A_MAC})
    c.relay((lan,), rule("echo", "10.9.0.1:7890", "198.51.100.99:7890"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "203.0.113.5:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:50000", "198.51.100.99:7890", ttl=63))
    c.then()
    c.relays("lan", udp((A_MAC, LAN_MAC), "198.51.100.99:7890", "10.9.0.1:50000"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "203.0.113.5:50000", ttl=63))
    c.opens(echo=1)


@case
def target_behind_the_gateway_of_the_other_port(c):
    """The target is off-link and the port the client came in by has no gateway: the other port's is the next hop"""
    edge = port("edge", EDGE_MAC, "203.0.113.1/24", neighbors={"203.0.113.7": NEAR_MAC})
    inner = port("inner", INNER_MAC, "192.0.2.1/24", gateway="192.0.2.254", neighbors={"192.0.2.254": TARGET_MAC})
    far = {"client": "203.0.113.7:40000", "target": "198.51.100.99:5004"}
    c.relay((edge, inner), rule(target="198.51.100.99:5004"))
    there(c, came=FROM_NEAR, **far)
    c.then()
    back(c, went=TO_NEAR, **far)
    c.opens(cam=1)


@case
def client_without_a_way_back(c):
    """The client is off-link and no port has a gateway: no_route, and no session is made"""
    edge = port("edge", EDGE_MAC, "203.0.113.1/24", neighbors={"203.0.113.7": NEAR_MAC})
    c.relay((edge, INNER), CAM)
    c.drops("edge", "no_route", udp(FROM_GATEWAY, CLIENT, LISTENER))


@case
def port_range_keeps_the_offset(c):
    """A listen range maps port by port: first, middle and last are relayed, one below and one above are no_rule"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9009", target="192.0.2.17:5000-5009"))
    for offset in (0, 4, 9):
        there(c, client=f"198.51.100.7:{40000 + offset}", listener=f"203.0.113.1:{9000 + offset}",
              snat=f"192.0.2.1:{40000 + offset}", target=f"192.0.2.17:{5000 + offset}")
    c.drops("edge", "no_rule", udp(FROM_GATEWAY, CLIENT, "203.0.113.1:8999"),
            udp(FROM_GATEWAY, CLIENT, "203.0.113.1:9010"))
    c.then()
    for offset in (9, 0, 4):
        back(c, client=f"198.51.100.7:{40000 + offset}", listener=f"203.0.113.1:{9000 + offset}",
             snat=f"192.0.2.1:{40000 + offset}", target=f"192.0.2.17:{5000 + offset}")
    c.opens(cam=3)


@case
def port_range_ends_at_the_last_port(c):
    """A listen range up to 65535 to a target range up to 65535: nothing overflows"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:65530-65535", target="192.0.2.17:65530-65535"))
    for p in (65530, 65535):
        there(c, client=f"198.51.100.7:{p - 20000}", listener=f"203.0.113.1:{p}", snat=f"192.0.2.1:{p - 20000}",
              target=f"192.0.2.17:{p}")
    c.drops("edge", "no_rule", udp(FROM_GATEWAY, CLIENT, "203.0.113.1:65529"),
            udp(FROM_GATEWAY, CLIENT, "203.0.113.1:0"))
    c.opens(cam=2)


@case
def port_range_to_a_single_port(c):
    """A whole listen range maps to one target port; answers return from the port each client spoke to"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9009"))
    for offset in (0, 9):
        there(c, client=f"198.51.100.7:{40000 + offset}", listener=f"203.0.113.1:{9000 + offset}",
              snat=f"192.0.2.1:{40000 + offset}")
    c.then()
    for offset in (0, 9):
        back(c, client=f"198.51.100.7:{40000 + offset}", listener=f"203.0.113.1:{9000 + offset}",
             snat=f"192.0.2.1:{40000 + offset}")
    c.opens(cam=2)


@case
def snat_none_keeps_the_client_visible(c):
    """snat none: the target sees the client; the answer leaves from the listener; other replies are no_rule"""
    c.relay(TWO_ARM, rule(snat="none"))
    there(c, snat=CLIENT)
    c.then()
    back(c, snat=CLIENT)
    c.drops("inner", "no_rule", udp(FROM_TARGET, "192.0.2.17:5005", CLIENT),
            udp(FROM_TARGET, TARGET, "198.51.100.7:40001"),
            udp(FROM_OTHER_TARGET, "192.0.2.18:5004", CLIENT))
    c.opens(cam=1)


@case
def sources_outside_the_list_are_refused(c):
    """Only listed sources are relayed; both ends of each prefix are inside, their neighbours outside are acl"""
    c.relay(TWO_ARM, rule(sources="[198.51.100.0/25, 203.0.113.7/32]"))
    there(c, client="198.51.100.0:40000", snat="192.0.2.1:40000")
    there(c, client="198.51.100.127:40001", snat="192.0.2.1:40001")
    there(c, client="203.0.113.7:40002", snat="192.0.2.1:40002", came=FROM_NEAR)
    c.drops("edge", "acl", udp(FROM_GATEWAY, "198.51.100.128:40003", LISTENER),
            udp(FROM_GATEWAY, "198.51.99.255:40003", LISTENER), udp(FROM_NEAR, "203.0.113.6:40003", LISTENER))
    c.opens(cam=3)


@case
def sources_choose_between_two_rules_on_one_listener(c):
    """Two rules share a listener with disjoint sources: each client reaches its own rule's target"""
    c.relay(TWO_ARM, rule("left", sources="[198.51.100.0/25]"),
            rule("right", target="192.0.2.18:6000", sources="[198.51.100.128/25]"))
    right = {"client": "198.51.100.200:40002", "snat": "192.0.2.1:40002", "target": "192.0.2.18:6000"}
    there(c)
    there(c, went=TO_OTHER_TARGET, **right)
    c.drops("edge", "acl", udp(FROM_GATEWAY, "198.51.101.1:40004", LISTENER))
    c.then()
    back(c, came=FROM_OTHER_TARGET, **right)
    back(c)
    c.opens(left=1, right=1)


@case
def clients_interleave_in_one_burst(c):
    """Three clients interleave in one burst, each new flow comes several times: one session each, order kept"""
    ends = [(f"198.51.100.{host}:{40000 + host}", f"192.0.2.1:{40000 + host}") for host in (1, 2, 3)]
    c.relay(TWO_ARM, CAM)
    for client in (0, 0, 1, 0, 2, 1, 2, 2, 0):
        there(c, b"from %d" % client, client=ends[client][0], snat=ends[client][1])
    c.then()
    for client in (2, 0, 1, 1, 2, 0):
        back(c, b"to %d" % client, client=ends[client][0], snat=ends[client][1])
    c.opens(cam=3)


@case
def forty_new_flows_at_once(c):
    """First packets of forty flows, more than one burst of 32 holds, then each once more: forty sessions"""
    c.relay(TWO_ARM, CAM, flows=128)
    for payload in (b"first", b"second"):
        for flow in range(40):
            there(c, payload, client=f"198.51.100.{flow}:{40100 + flow}", snat=f"192.0.2.1:{40100 + flow}")
    c.then()
    for flow in range(40):
        back(c, client=f"198.51.100.{flow}:{40100 + flow}", snat=f"192.0.2.1:{40100 + flow}")
    c.opens(cam=40)


@case
def virtual_addresses_relay(c):
    """Listener and pool on addresses of their own beside the port's: relayed both ways"""
    c.relay(TWO_ARM, rule(listen="203.0.113.9:9000"), snat=POOL_OF_ITS_OWN)
    vip = {"listener": "203.0.113.9:9000", "snat": "192.0.2.9:40000"}
    there(c, **vip)
    c.then()
    back(c, **vip)
    c.opens(cam=1)


# ==== what must survive ====

@case
def dscp_and_ecn_survive(c):
    """Type of service is untouched both ways: EF, CS1, each ECN codepoint, all bits set"""
    c.relay(TWO_ARM, CAM)
    values = (0xB8, 0x20, 0x01, 0x02, 0x03, 0xFF)
    for tos in values:
        there(c, tos=tos)
    c.then()
    for tos in values:
        back(c, tos=tos)
    c.opens(cam=1)


@case
def ip_id_and_df_survive(c):
    """Don't Fragment is untouched both ways, and so is the identification of what says so"""
    c.relay(TWO_ARM, CAM)
    fields = [{"id": 0}, {"id": 0xFFFF}, {"id": 0, "flags": "DF"}, {"id": 0x8001, "flags": "DF"}]
    for field in fields:
        there(c, **field)
    c.then()
    for field in fields:
        back(c, **field)
    c.opens(cam=1)


@case
def payload_with_inside_addresses_is_untouched(c):
    """No ALG: a SIP-like payload naming every address of the translation is carried byte for byte, both ways"""
    sip = (b"INVITE sip:cam@203.0.113.1:9000 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:40000;rport\r\n"
           b"Contact: <sip:c@192.0.2.1:40000>\r\n\r\nv=0\r\nc=IN IP4 192.0.2.17\r\nm=audio 5004 RTP/AVP 0\r\n"
           + bytes((198, 51, 100, 7, 203, 0, 113, 1, 192, 0, 2, 1, 192, 0, 2, 17)))
    c.relay(TWO_ARM, CAM)
    there(c, sip)
    c.then()
    back(c, sip)
    c.opens(cam=1)


@case
def payload_sizes_from_nothing_to_the_mtu(c):
    """Payloads of 0, 1, 2, 17, 18, 800, 1471 and 1472 bytes: frames below 60 bytes leave as short as they came"""
    sizes = (0, 1, 2, 17, 18, 800, 1471, 1472)
    c.relay(TWO_ARM, CAM)
    for size in sizes:
        there(c, (bytes(range(256)) * 6)[:size])
    c.then()
    for size in sizes:
        back(c, (bytes(range(256)) * 6)[:size])
    c.opens(cam=1)


# ==== ttl ====

@case
def ttl_is_decremented(c):
    """TTL 255, 64 and 2 leave one lower both ways; 1 and 0 are ttl_exceeded although the session lives"""
    c.relay(TWO_ARM, CAM)
    for ttl in (255, 64, 2):
        there(c, ttl=ttl)
    for ttl in (1, 0):
        c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=ttl))
    c.then()
    for ttl in (255, 64, 2):
        back(c, ttl=ttl)
    c.then()
    for ttl in (1, 0):
        c.tells("inner", "ttl_exceeded", udp(FROM_TARGET, TARGET, SNAT, ttl=ttl), ours="192.0.2.1")
    c.opens(cam=1)


@case
def ttl_of_one_opens_no_session(c):
    """A first datagram that cannot be forwarded makes no session: TTL is judged before the flow lookup"""
    c.relay(TWO_ARM, CAM)
    c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=1))
    c.then()
    c.drops("inner", "no_session", udp(FROM_TARGET, TARGET, SNAT))


@case
def ttl_is_preserved(c):
    """ttl preserve: TTL leaves as it came both ways, 1 and 0 included (0 read as: unchanged means unchanged)"""
    c.relay(TWO_ARM, CAM, ttl="preserve")
    for ttl in (255, 64, 2, 1, 0):
        there(c, ttl=ttl, ttl_out=ttl)
    c.then()
    for ttl in (255, 64, 2, 1, 0):
        back(c, ttl=ttl, ttl_out=ttl)
    c.opens(cam=1)


@case
def ttl_of_a_rule_overrides_the_default(c):
    """Two rules, one with its own ttl preserve: each treats TTL 64 and TTL 1 its own way"""
    quiet = {"client": "198.51.100.7:40002", "listener": "203.0.113.1:9002", "snat": "192.0.2.1:40002"}
    c.relay(TWO_ARM, CAM, rule("quiet", listen="203.0.113.1:9002", ttl="preserve"))
    there(c)
    there(c, ttl_out=64, **quiet)
    there(c, ttl=1, ttl_out=1, **quiet)
    c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=1))
    c.opens(cam=1, quiet=1)


# ==== checksums ====

@case
def udp_checksum_zero_stays_zero(c):
    """A UDP checksum of zero means none: it stays zero both ways, while addresses and ports still change"""
    c.relay(TWO_ARM, CAM)
    there(c, b"even", checksum=0)
    there(c, b"odd", checksum=0)
    there(c, b"", checksum=0)
    c.then()
    back(c, b"even", checksum=0)
    back(c, b"odd", checksum=0)
    c.opens(cam=1)


@case
def udp_checksum_computed_zero_is_sent_as_all_ones(c):
    """Where the rewritten checksum computes to zero, 0xFFFF is sent, both ways (RFC 768)"""
    out = solve(udp_checksum, lambda w: udp(TO_TARGET, SNAT, TARGET, word_bytes(w), ttl=63), 0xFFFF)
    reply = solve(udp_checksum, lambda w: udp(TO_GATEWAY, LISTENER, CLIENT, word_bytes(w), ttl=63), 0xFFFF)
    c.relay(TWO_ARM, CAM)
    there(c, word_bytes(out))
    c.then()
    back(c, word_bytes(reply))
    c.opens(cam=1)


@case
def udp_checksum_carries_at_every_edge(c):
    """Checksums in and out take the values around every carry: 1, 2, 7FFF, 8000, FFFD, FFFE and FFFF"""
    edges = (0x0001, 0x0002, 0x7FFF, 0x8000, 0xFFFD, 0xFFFE, 0xFFFF)
    links = [lambda w: udp(FROM_GATEWAY, CLIENT, LISTENER, word_bytes(w)),
             lambda w: udp(TO_TARGET, SNAT, TARGET, word_bytes(w), ttl=63)]
    c.relay(TWO_ARM, CAM)
    for build in links:
        for edge in edges:
            there(c, word_bytes(solve(udp_checksum, build, edge)))
    c.then()
    links = [lambda w: udp(FROM_TARGET, TARGET, SNAT, word_bytes(w)),
             lambda w: udp(TO_GATEWAY, LISTENER, CLIENT, word_bytes(w), ttl=63)]
    for build in links:
        for edge in edges:
            back(c, word_bytes(solve(udp_checksum, build, edge)))
    c.opens(cam=1)


@case
def udp_checksum_of_high_and_low_addresses(c):
    """Addresses and ports that make the sum of differences carry twice, or borrow"""
    c.relay((port("edge", EDGE_MAC, "203.255.255.1/24", gateway="203.255.255.254",
                  neighbors={"203.255.255.254": GATEWAY_MAC}),
             port("inner", INNER_MAC, "1.0.0.1/24", neighbors={"1.0.0.2": TARGET_MAC})),
            rule(listen="203.255.255.1:65535", target="1.0.0.2:1"), snat="{ address: 1.0.0.1, ports: 1024-65535 }")
    for client, p in (("223.255.255.255", 65535), ("223.255.255.254", 65534), ("1.0.1.0", 1024), ("1.0.1.1", 1025)):
        there(c, client=f"{client}:{p}", listener="203.255.255.1:65535", snat=f"1.0.0.1:{p}", target="1.0.0.2:1")
    c.then()
    for client, p in (("223.255.255.255", 65535), ("1.0.1.0", 1024)):
        back(c, client=f"{client}:{p}", listener="203.255.255.1:65535", snat=f"1.0.0.1:{p}", target="1.0.0.2:1")
    c.opens(cam=4)


@case
def udp_checksum_wrong_stays_wrong(c):
    """A wrong UDP checksum is relayed, wrong by the same one's-complement difference: nothing is laundered"""
    c.relay(TWO_ARM, CAM)
    relayed_wrong(c, "edge", udp, (FROM_GATEWAY, CLIENT, LISTENER), "inner", (TO_TARGET, SNAT, TARGET))
    c.then()
    relayed_wrong(c, "inner", udp, (FROM_TARGET, TARGET, SNAT), "edge", (TO_GATEWAY, LISTENER, CLIENT))
    c.opens(cam=1)


def relayed_wrong(c, port_in, build, came, port_out, went):
    for payload in (b"even", b"odd"):
        right_in = udp_checksum(build(*came, payload))
        right_out = udp_checksum(build(*went, payload, ttl=63))
        for error in (0x0001, 0xFFFE, 0x0100, 0x5555):
            wrong = ones_add(right_in, error)
            assert wrong not in (0, right_in)
            c.relays(port_in, build(*came, payload, checksum=wrong),
                     port_out, build(*went, payload, ttl=63, checksum=ones_add(right_out, error) or 0xFFFF))


@case
def udp_checksum_wrong_does_not_turn_into_none(c):
    """A wrong checksum whose update computes to zero leaves as 0xFFFF: zero would tell the receiver not to look"""
    right_in = udp_checksum(udp(FROM_GATEWAY, CLIENT, LISTENER))
    right_out = udp_checksum(udp(TO_TARGET, SNAT, TARGET, ttl=63))
    wrong = ones_add(right_in, ~right_out & 0xFFFF)
    assert right_out != 0xFFFF and ones_add(right_out, ones_add(wrong, ~right_in & 0xFFFF)) == 0xFFFF
    c.relay(TWO_ARM, CAM)
    c.relays("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, checksum=wrong),
             "inner", udp(TO_TARGET, SNAT, TARGET, ttl=63, checksum=0xFFFF))
    c.opens(cam=1)


@case
def ip_checksum_edges(c):
    """Header checksums in and out around zero; RFC 1624's case: what RFC 1141 would send as FFFF leaves as 0000"""
    c.relay(TWO_ARM, CAM)
    for build in (lambda w: udp(FROM_GATEWAY, CLIENT, LISTENER, id=w),
                  lambda w: udp(TO_TARGET, SNAT, TARGET, id=w, ttl=63)):
        for edge in (0x0000, 0x0001, 0x7FFF, 0x8000, 0x00FF, 0x0100, 0xFEFF, 0xFF00, 0xFFFE):
            there(c, id=solve(header_checksum, build, edge))
    c.opens(cam=1)


@case
def ip_checksum_of_negative_zero_is_valid(c):
    """A header checksum of zero written as FFFF sums to all ones, so it is valid (RFC 1071), and leaves canonical"""
    zero = solve(header_checksum, lambda w: udp(FROM_GATEWAY, CLIENT, LISTENER, id=w), 0x0000)
    c.relay(TWO_ARM, CAM)
    c.relays("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, id=zero, header_checksum=0xFFFF),
             "inner", udp(TO_TARGET, SNAT, TARGET, id=zero, ttl=63))
    c.opens(cam=1)


@case
def udp_shorter_than_its_ip_payload_is_kept(c):
    """A UDP length below the IP payload is legal: the bytes behind the datagram travel on, outside the checksum"""
    def with_tail(link, source, destination, payload, tail, **ip):
        whole = udp(link, source, destination, payload, **ip)
        (src, sport), (dst, dport) = source.split(":"), destination.split(":")
        datagram = UDP(sport=int(sport), dport=int(dport), len=8 + len(payload), chksum=udp_checksum(whole))
        return ether(link, IP(src=src, dst=dst, **{"ttl": 64, "id": 0x1234, **ip}) / datagram / Raw(payload + tail))

    c.relay(TWO_ARM, CAM)
    for payload, tail in ((b"even", b"tail"), (b"odd", b"\xff\xff\xff"), (b"", b"\x01")):
        c.relays("edge", with_tail(FROM_GATEWAY, CLIENT, LISTENER, payload, tail),
                 "inner", with_tail(TO_TARGET, SNAT, TARGET, payload, tail, ttl=63))
    c.opens(cam=1)


@case
def ethernet_padding_is_trimmed(c):
    """Bytes behind the IP packet (padding to 60, a trailer, noise behind an odd payload) do not leave the relay"""
    c.relay(TWO_ARM, CAM)
    for payload, trailer in ((b"", bytes(18)), (b"odd", b"\xde\xad\xbe\xef"), (b"x", b"\xff" * 17),
                             (b"y" * 800, b"\xff"), (b"z" * 801, b"\xca\xfe\xba\xbe\x00")):
        c.relays("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, payload) + trailer,
                 "inner", udp(TO_TARGET, SNAT, TARGET, payload, ttl=63))
    c.opens(cam=1)


# ==== malformed ====

@case
def frame_shorter_than_an_ethernet_header(c):
    """Frames of 0 to 13 bytes are truncated"""
    good = udp(FROM_GATEWAY, CLIENT, LISTENER)
    dropped_amid_traffic(c, "truncated", *(good[:length] for length in range(14)))


@case
def frame_cut_inside_the_ip_header(c):
    """0 to 19 bytes behind the Ethernet header are truncated"""
    good = udp(FROM_GATEWAY, CLIENT, LISTENER)
    dropped_amid_traffic(c, "truncated", *(good[:14 + length] for length in range(20)))


@case
def frame_cut_behind_the_ip_header(c):
    """A total length beyond the bytes present is truncated: cut at every byte up to the last, and 65535 claimed"""
    good = udp(FROM_GATEWAY, CLIENT, LISTENER)
    dropped_amid_traffic(c, "truncated", *(good[:length] for length in range(34, len(good))),
                         udp(FROM_GATEWAY, CLIENT, LISTENER, len=65535))


@case
def ip_payload_shorter_than_a_udp_header(c):
    """0 to 7 bytes of IP payload are truncated, bare or padded to 60 bytes"""
    header = udp(FROM_GATEWAY, CLIENT, LISTENER)[34:42]
    short = [ip_payload(17, header[:length]) for length in range(8)]
    dropped_amid_traffic(c, "truncated", *short, *(frame.ljust(60, b"\0") for frame in short))


@case
def udp_length_that_lies(c):
    """A UDP length of 0 to 7, or beyond the IP payload, is bad_udp_length"""
    def lying(length, padding=b""):
        datagram = UDP(sport=40000, dport=9000, len=length, chksum=0) / Raw(b"culvert")
        return ether(FROM_GATEWAY, IP(src="198.51.100.7", dst="203.0.113.1", ttl=64) / datagram) + padding

    dropped_amid_traffic(c, "bad_udp_length", *(lying(length) for length in range(8)), lying(16), lying(65535),
                         lying(16, b"\0" * 11))


@case
def ip_total_length_too_small_for_udp(c):
    """A total length that cuts the UDP datagram short is bad_udp_length, the bytes in the frame do not count"""
    dropped_amid_traffic(c, "bad_udp_length", udp(FROM_GATEWAY, CLIENT, LISTENER, len=34, checksum=0),
                         udp(FROM_GATEWAY, CLIENT, LISTENER, len=28, checksum=0))


@case
def ip_header_that_lies(c):
    """Version not 4, header length below 20, or total length below the header are bad_ip_header"""
    v6 = ether(FROM_GATEWAY, IPv6(src="2001:db8::7", dst="2001:db8::1") / UDP(sport=40000, dport=9000) / Raw(b"six"))
    dropped_amid_traffic(
        c, "bad_ip_header", v6,
        *(udp(FROM_GATEWAY, CLIENT, LISTENER, version=version) for version in (0, 3, 5, 6, 15)),
        *(udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=ihl, checksum=0) for ihl in range(5)),
        *(udp(FROM_GATEWAY, CLIENT, LISTENER, len=length, checksum=0) for length in (0, 1, 19)),
        udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=15, len=59, checksum=0),
        udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=6, len=20, checksum=0))


@case
def ip_header_longer_than_the_frame(c):
    """A header length beyond the bytes present is truncated"""
    dropped_amid_traffic(c, "truncated", udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=15, len=60, checksum=0)[:34],
                         udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=15, len=60, checksum=0)[:73],
                         udp(FROM_GATEWAY, CLIENT, LISTENER, ihl=6, len=24, checksum=0)[:37])


@case
def ip_options(c):
    """Packets with IP options (padding, record route, source routes, timestamp, router alert) are ip_options"""
    options = ([IPOption_NOP()] * 4, [IPOption_RR(routers=["0.0.0.0"])], [IPOption_LSRR(routers=["192.0.2.17"])],
               [IPOption_SSRR(routers=["192.0.2.17"])], [IPOption_Timestamp()], [IPOption_Router_Alert()],
               [IPOption_NOP()] * 40)
    dropped_amid_traffic(c, "ip_options",
                         *(udp(FROM_GATEWAY, CLIENT, LISTENER, options=option) for option in options))


@case
def ip_header_checksum_wrong(c):
    """A wrong IP header checksum is bad_checksum: off by one, by a carry, byte-swapped, zero, complemented"""
    right = header_checksum(udp(FROM_GATEWAY, CLIENT, LISTENER))
    wrong = (right + 1, right - 1, right ^ 0x0100, (right << 8 | right >> 8) & 0xFFFF, 0, right ^ 0xFFFF)
    assert right not in wrong
    dropped_amid_traffic(c, "bad_checksum",
                         *(udp(FROM_GATEWAY, CLIENT, LISTENER, header_checksum=value) for value in wrong))


@case
def protocols_other_than_udp(c):
    """TCP, GRE around UDP, UDP-Lite, IGMP, IP-in-IP, SCTP, ESP and unassigned protocols are not_udp"""
    segment = bytes(IP(src="198.51.100.7", dst="203.0.113.1") / TCP(sport=40000, dport=9000, flags="S"))[20:]
    inner = IP(src="198.51.100.7", dst="203.0.113.1") / UDP(sport=40000, dport=9000) / Raw(b"inside")
    datagram = bytes(inner)[20:]
    dropped_amid_traffic(c, "not_udp", ip_payload(6, segment), ip_payload(47, bytes(GRE() / inner)),
                         ip_payload(4, bytes(inner)),
                         *(ip_payload(protocol, datagram) for protocol in (0, 2, 50, 132, 136, 255)))


# ==== addresses that must not be believed ====

@case
def sources_that_cannot_be(c):
    """Sources in 0/8, 127/8, 224/4 and 240/4 are martian, whatever they ask for, on either port"""
    martians = ("0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.1",
                "255.255.255.254", "255.255.255.255")
    dropped_amid_traffic(c, "martian", *(udp(FROM_GATEWAY, f"{source}:40000", LISTENER) for source in martians),
                         udp(FROM_GATEWAY, "127.0.0.1:40000", "203.0.113.1:1"))
    c.then()
    c.drops("inner", "martian", udp(FROM_TARGET, "127.0.0.1:5004", SNAT))
    back(c)


@case
def sources_beside_the_martian_ranges(c):
    """The last address before and the first behind each martian range are ordinary clients"""
    c.relay(TWO_ARM, CAM)
    for number, source in enumerate(("1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255")):
        there(c, client=f"{source}:{40000 + number}", snat=f"192.0.2.1:{40000 + number}")
    c.opens(cam=4)


@case
def sources_that_are_our_own(c):
    """Our own addresses as source (ports, another listener, a pool) and the land packet are martian"""
    c.relay(TWO_ARM, CAM, rule("vip", listen="203.0.113.9:9000", snat=POOL_OF_ITS_OWN))
    there(c)
    c.drops("edge", "martian", udp(FROM_GATEWAY, "203.0.113.1:40000", LISTENER), udp(FROM_GATEWAY, LISTENER, LISTENER),
            udp(FROM_GATEWAY, "192.0.2.1:40000", LISTENER), udp(FROM_GATEWAY, "203.0.113.9:9000", LISTENER),
            udp(FROM_GATEWAY, LISTENER, "203.0.113.9:9000"), udp(FROM_GATEWAY, "192.0.2.9:40000", LISTENER))
    there(c)
    c.opens(cam=1)


@case
def source_port_zero(c):
    """A new flow from UDP port 0 is udp_port_zero; a martian source is named first"""
    c.relay(TWO_ARM, CAM)
    c.drops("edge", "udp_port_zero", udp(FROM_GATEWAY, "198.51.100.7:0", LISTENER),
            udp(FROM_GATEWAY, "198.51.100.7:0", "203.0.113.1:1"))
    c.drops("edge", "martian", udp(FROM_GATEWAY, "127.0.0.1:0", LISTENER))
    there(c)
    c.opens(cam=1)


@case
def destinations_nobody_listens_on(c):
    """Other ports, 0, foreign, broadcast, multicast and zero addresses to our MAC are no_rule, never routed"""
    dropped_amid_traffic(c, "no_rule", *(udp(FROM_GATEWAY, CLIENT, destination) for destination in (
        "203.0.113.1:9001", "203.0.113.1:0", "203.0.113.2:9000", "192.0.2.1:9000", "192.0.2.17:5004",
        "198.51.100.8:9000", "203.0.113.255:9000", "255.255.255.255:9000", "224.0.0.1:9000", "0.0.0.0:9000",
        "192.0.2.1:39999", "192.0.2.1:50000")))


# ==== Ethernet ====

@case
def frames_for_another_mac(c):
    """Unicast frames for another MAC are not_for_us, IPv4, ARP, IPv6 or tagged alike"""
    foreign = (GATEWAY_MAC, STRANGER_MAC)
    dropped_amid_traffic(
        c, "not_for_us", udp(foreign, CLIENT, LISTENER), udp((GATEWAY_MAC, INNER_MAC), CLIENT, LISTENER),
        who_has("203.0.113.1", to=STRANGER_MAC), ether(foreign, IPv6(src="2001:db8::7", dst="2001:db8::1"), 0x86DD),
        ether(foreign, Dot1Q(vlan=5) / IP(src="198.51.100.7", dst="203.0.113.1") / UDP(), 0x8100))


@case
def ipv4_to_a_group_mac(c):
    """IPv4 in a broadcast or multicast frame is not_for_us, even for a unicast listener or as an echo request"""
    broadcast, multicast = (GATEWAY_MAC, EVERYBODY), (GATEWAY_MAC, "01:00:5e:00:00:01")
    dropped_amid_traffic(
        c, "not_for_us", udp(broadcast, CLIENT, LISTENER), udp(multicast, CLIENT, LISTENER),
        udp(broadcast, CLIENT, "255.255.255.255:9000"), udp(multicast, CLIENT, "224.0.0.1:9000"),
        echo(broadcast, "203.0.113.7", "203.0.113.255"), echo(broadcast, "203.0.113.7", "203.0.113.1"))


@case
def tagged_frames(c):
    """VLAN and priority-tagged (VID 0) frames are vlan, frames tagged twice are qinq: a tag never leaks"""
    packet = IP(src="198.51.100.7", dst="203.0.113.1") / UDP(sport=40000, dport=9000) / Raw(b"tagged")
    dropped_amid_traffic(
        c, "vlan", ether(FROM_GATEWAY, Dot1Q(vlan=5, type=0x0800) / packet, 0x8100),
        ether(FROM_GATEWAY, Dot1Q(vlan=0, prio=5, type=0x0800) / packet, 0x8100),
        ether((GATEWAY_MAC, EVERYBODY), Dot1Q(vlan=5, type=0x0806) / ARP(psrc="203.0.113.7", hwsrc=GATEWAY_MAC),
              0x8100),
        ether(FROM_GATEWAY, Raw(b""), 0x8100))
    c.drops("edge", "qinq", ether(FROM_GATEWAY, Dot1AD(vlan=9, type=0x8100) / Dot1Q(vlan=5) / packet, 0x88A8),
            ether(FROM_GATEWAY, Dot1AD(vlan=9, type=0x0800) / packet, 0x88A8),
            ether(FROM_GATEWAY, Dot1Q(vlan=9, type=0x8100) / Dot1Q(vlan=5) / packet, 0x8100))


VLAN_EDGE = port("edge", EDGE_MAC, "203.0.113.1/24", gateway="203.0.113.254", vlan=5, neighbors=EDGE_NEIGHBORS)
VLAN_INNER = port("inner", INNER_MAC, "192.0.2.1/24", vlan=4094, neighbors=INNER_NEIGHBORS)


@case
def vlan_tags_are_taken_off_and_put_on(c):
    """Each port has a VLAN: what comes in with its tag leaves with the other's, priority and drop eligibility 0"""
    c.relay((VLAN_EDGE, VLAN_INNER), CAM)
    for tag in ({}, {"prio": 7, "id": 1}, {"prio": 1}):
        c.relays("edge", tagged(udp(FROM_GATEWAY, CLIENT, LISTENER), 5, **tag),
                 "inner", tagged(udp(TO_TARGET, SNAT, TARGET, ttl=63), 4094))
    c.then()
    c.relays("inner", tagged(udp(FROM_TARGET, TARGET, SNAT), 4094, prio=5),
             "edge", tagged(udp(TO_GATEWAY, LISTENER, CLIENT, ttl=63), 5))
    c.opens(cam=1)


@case
def vlan_on_one_port_only(c):
    """A tagged edge and an untagged inner: the tag stays on its side; MTU is counted without it, padding not at all"""
    c.relay((VLAN_EDGE, INNER), CAM)
    for payload in (b"culvert", b"m" * 1472):
        c.relays("edge", tagged(udp(FROM_GATEWAY, CLIENT, LISTENER, payload), 5) + bytes(4),
                 "inner", udp(TO_TARGET, SNAT, TARGET, payload, ttl=63))
    c.then()
    for payload in (b"treavluc", b"m" * 1472):
        c.relays("inner", udp(FROM_TARGET, TARGET, SNAT, payload),
                 "edge", tagged(udp(TO_GATEWAY, LISTENER, CLIENT, payload, ttl=63), 5))
    c.opens(cam=1)


@case
def vlan_answers_are_tagged(c):
    """ARP, echo and the relay's own ARP requests leave with the port's tag"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", vlan=4094)
    c.relay((VLAN_EDGE, inner), CAM)
    c.answers("edge", "arp", tagged(who_has("203.0.113.1"), 5), tagged(is_at(TO_GATEWAY, "203.0.113.1",
                                                                             "203.0.113.254"), 5))
    c.answers("edge", "icmp", tagged(echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1"), 5),
              tagged(echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", type=0), 5))
    c.then()
    c.holds("edge", tagged(udp(FROM_GATEWAY, CLIENT, LISTENER), 5))
    c.asks("inner", tagged(arp((INNER_MAC, EVERYBODY), 1, "192.0.2.1", "192.0.2.17"), 4094))
    c.then()
    c.takes_in("inner", tagged(is_at(FROM_TARGET, "192.0.2.17", "192.0.2.1"), 4094))
    c.releases("inner", tagged(udp(TO_TARGET, SNAT, TARGET, ttl=63), 4094))
    c.opens(cam=1)


@case
def vlan_of_another(c):
    """On a tagged port untagged frames, priority tags and other VLANs are vlan, two tags qinq, a cut tag truncated"""
    c.relay((VLAN_EDGE, INNER), CAM)
    good = udp(FROM_GATEWAY, CLIENT, LISTENER)
    before = tagged(good, 5)

    def passes():
        c.relays("edge", before, "inner", udp(TO_TARGET, SNAT, TARGET, ttl=63))

    passes()
    c.drops("edge", "vlan", good, tagged(good, 0, prio=5), tagged(good, 4), tagged(good, 0x505), tagged(good, 4095),
            who_has("203.0.113.1"), tagged(who_has("203.0.113.1"), 4094), good[:14])
    c.drops("edge", "qinq", ether(FROM_GATEWAY, Dot1AD(vlan=5, type=0x0800) / Raw(good[14:]), 0x88A8),
            tagged(before, 5), tagged(before, 9), tagged(before[:18], 5),
            ether(FROM_GATEWAY, Dot1Q(vlan=5, type=0x88A8) / Dot1AD(vlan=5) / Raw(good[14:]), 0x8100))
    c.drops("edge", "truncated", *(before[:length] for length in (*range(13), 15, 16, 17)))
    c.drops("edge", "unknown_ethertype", ether(FROM_GATEWAY, Dot1Q(vlan=5, type=0x8847) / Raw(bytes(46)), 0x8100))
    passes()
    c.opens(cam=1)


@case
def ipv6_frames(c):
    """IPv6, to our MAC or to a multicast MAC, is ipv6"""
    packet = IPv6(src="2001:db8::7", dst="2001:db8::1") / UDP(sport=40000, dport=9000) / Raw(b"six")
    solicitation = IPv6(src="fe80::7", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="fe80::1")
    dropped_amid_traffic(c, "ipv6", ether(FROM_GATEWAY, packet, 0x86DD),
                         ether((GATEWAY_MAC, "33:33:ff:00:00:01"), solicitation, 0x86DD),
                         ether(FROM_GATEWAY, Raw(b""), 0x86DD))


@case
def ethertypes_we_do_not_speak(c):
    """LLDP, STP in an 802.3 frame, MPLS, PPPoE and a bare unknown type are unknown_ethertype"""
    stp = bytes(Dot3(src=GATEWAY_MAC, dst="01:80:c2:00:00:00") / LLC() / STP())
    lldp = ether((GATEWAY_MAC, "01:80:c2:00:00:0e"), Raw(bytes.fromhex("0207040200000000fe04050265300602003c0000")),
                 0x88CC)
    dropped_amid_traffic(c, "unknown_ethertype", stp, lldp, ether(FROM_GATEWAY, Raw(bytes(46)), 0x8847),
                         ether(FROM_GATEWAY, Raw(bytes(46)), 0x8864), ether(FROM_GATEWAY, Raw(b""), 0x0000),
                         ether(FROM_GATEWAY, Raw(b""), 0xFFFF))


# ==== ARP ====

def answer(address, asker="203.0.113.254", mac=GATEWAY_MAC):
    return is_at((EDGE_MAC, mac), address, asker)


@case
def arp_requests_for_our_addresses_are_answered(c):
    """ARP for port, listen and pool address in the subnet is answered by unicast of 42 bytes, also when asked padded"""
    c.relay(TWO_ARM, rule(listen="203.0.113.9:9000"), snat=POOL_OF_ITS_OWN)
    c.answers("edge", "arp", who_has("203.0.113.1"), answer("203.0.113.1"))
    c.answers("edge", "arp", who_has("203.0.113.9"), answer("203.0.113.9"))
    c.answers("edge", "arp", who_has("203.0.113.1", to=EDGE_MAC, target_mac=EDGE_MAC), answer("203.0.113.1"))
    c.answers("edge", "arp", who_has("203.0.113.1", "203.0.113.77", STRANGER_MAC) + bytes(18),
              answer("203.0.113.1", "203.0.113.77", STRANGER_MAC))
    for address in ("192.0.2.1", "192.0.2.9"):
        c.answers("inner", "arp", who_has(address, "192.0.2.17", TARGET_MAC),
                  is_at(TO_TARGET, address, "192.0.2.17"))


@case
def arp_probe_for_our_address_is_answered(c):
    """A duplicate-address probe (sender 0.0.0.0, RFC 5227) for our address is answered like a request"""
    c.relay(TWO_ARM, CAM)
    c.answers("edge", "arp", who_has("203.0.113.1", "0.0.0.0", STRANGER_MAC),
              answer("203.0.113.1", "0.0.0.0", STRANGER_MAC))


@case
def arp_requests_for_others_are_ignored(c):
    """ARP for foreign addresses, and for an address that is ours on the other port, is arp_ignored"""
    c.relay(TWO_ARM, rule(listen="203.0.113.9:9000"), snat=POOL_OF_ITS_OWN)
    c.drops("edge", "arp_ignored", *(who_has(address) for address in (
        "203.0.113.2", "192.0.2.1", "192.0.2.9", "192.0.2.17", "0.0.0.0", "203.0.113.255", "255.255.255.255")))
    c.drops("inner", "arp_ignored", who_has("203.0.113.1", "192.0.2.17", TARGET_MAC),
            who_has("203.0.113.9", "192.0.2.17", TARGET_MAC))


@case
def arp_that_is_malformed(c):
    """ARP cut at every byte, of other hardware, protocol or address lengths is bad_arp"""
    good = who_has("203.0.113.1")
    dropped_amid_traffic(c, "bad_arp", *(good[:length] for length in range(14, 42)),
                         who_has("203.0.113.1", hwtype=6), who_has("203.0.113.1", ptype=0x86DD),
                         *(good[:18] + lengths + good[20:] for lengths in (b"\x08\x04", b"\x06\x10", b"\x00\x00")))


@case
def arp_that_claims_our_address(c):
    """ARP whose sender is our address or our MAC is bad_arp and changes nothing: request, reply, announcement"""
    liar = (STRANGER_MAC, EVERYBODY)
    dropped_amid_traffic(
        c, "bad_arp", arp(liar, 1, "203.0.113.1", "203.0.113.1"), arp(liar, 2, "203.0.113.1", "203.0.113.1"),
        arp(liar, 1, "203.0.113.1", "203.0.113.254"), is_at((STRANGER_MAC, EDGE_MAC), "203.0.113.1", "203.0.113.1"),
        arp(liar, 1, "203.0.113.254", "203.0.113.1", sender_mac=EDGE_MAC),
        is_at((STRANGER_MAC, EDGE_MAC), "203.0.113.254", "203.0.113.1", sender_mac=EDGE_MAC))


@case
def arp_announcements_of_strangers_are_ignored(c):
    """Announcements and unsolicited replies of hosts we never asked for are arp_ignored"""
    c.relay(TWO_ARM, CAM)
    everybody = (STRANGER_MAC, EVERYBODY)
    c.drops("edge", "arp_ignored", arp(everybody, 1, "203.0.113.99", "203.0.113.99"),
            arp(everybody, 2, "203.0.113.99", "203.0.113.99", target_mac=EVERYBODY),
            is_at((STRANGER_MAC, EDGE_MAC), "203.0.113.99", "203.0.113.1"))


@case
def arp_announcements_of_neighbors_are_taken_in(c):
    """Announcements and replies of a neighbor we know are taken in and not answered"""
    c.relay(TWO_ARM, CAM)
    everybody = (GATEWAY_MAC, EVERYBODY)
    c.takes_in("edge", arp(everybody, 1, "203.0.113.254", "203.0.113.254"))
    c.takes_in("edge", arp(everybody, 2, "203.0.113.254", "203.0.113.254", target_mac=EVERYBODY))
    c.takes_in("edge", is_at(FROM_GATEWAY, "203.0.113.254", "203.0.113.1"))
    c.takes_in("edge", is_at(FROM_NEAR, "203.0.113.7", "203.0.113.1") + bytes(18))
    there(c)
    c.then()
    back(c)
    c.opens(cam=1)


@case
def arp_does_not_move_a_configured_neighbor(c):
    """An announcement with another MAC for a configured neighbor is taken in, but the configured MAC stands (chosen)"""
    c.relay(TWO_ARM, CAM)
    c.takes_in("inner", arp((STRANGER_MAC, EVERYBODY), 1, "192.0.2.17", "192.0.2.17"))
    c.then()
    there(c)
    c.opens(cam=1)


BARE_INNER = port("inner", INNER_MAC, "192.0.2.1/24")
ASKS_FOR_TARGET = arp((INNER_MAC, EVERYBODY), 1, "192.0.2.1", "192.0.2.17")


@case
def next_hop_is_asked_for(c):
    """The target's MAC is unknown: the datagram waits, one ARP request goes out, the reply releases it"""
    c.relay((EDGE, BARE_INNER), CAM)
    c.holds("edge", udp(FROM_GATEWAY, CLIENT, LISTENER))
    c.asks("inner", ASKS_FOR_TARGET)
    c.then()
    c.takes_in("inner", is_at(FROM_TARGET, "192.0.2.17", "192.0.2.1"))
    c.releases("inner", udp(TO_TARGET, SNAT, TARGET, ttl=63))
    c.then()
    there(c, b"at once")
    c.then()
    back(c)
    c.opens(cam=1)


@case
def next_hop_is_asked_for_once(c):
    """Two datagrams wait for one ARP request, in order; the reply of a stranger releases neither"""
    c.relay((EDGE, BARE_INNER), CAM)
    c.holds("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, b"one"))
    c.asks("inner", ASKS_FOR_TARGET)
    c.holds("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, b"two"))
    c.then()
    c.drops("inner", "arp_ignored", is_at((STRANGER_MAC, INNER_MAC), "192.0.2.99", "192.0.2.1"))
    c.then()
    c.takes_in("inner", is_at(FROM_TARGET, "192.0.2.17", "192.0.2.1"))
    c.releases("inner", udp(TO_TARGET, SNAT, TARGET, b"one", ttl=63))
    c.releases("inner", udp(TO_TARGET, SNAT, TARGET, b"two", ttl=63))
    c.opens(cam=1)


@case
def next_hop_gateway_is_asked_for(c):
    """The answer's way to an off-link client is the gateway: its MAC is asked for, not the client's"""
    edge = port("edge", EDGE_MAC, "203.0.113.1/24", gateway="203.0.113.254")
    c.relay((edge, INNER), CAM)
    there(c)
    c.then()
    c.holds("inner", udp(FROM_TARGET, TARGET, SNAT))
    c.asks("edge", arp((EDGE_MAC, EVERYBODY), 1, "203.0.113.1", "203.0.113.254"))
    c.then()
    c.takes_in("edge", is_at(FROM_GATEWAY, "203.0.113.254", "203.0.113.1"))
    c.releases("edge", udp(TO_GATEWAY, LISTENER, CLIENT, ttl=63))
    c.opens(cam=1)


@case
def next_hop_moves_to_another_mac(c):
    """A neighbor we asked for announces a new MAC (failover): the next datagram goes there"""
    c.relay((EDGE, BARE_INNER), CAM)
    c.holds("edge", udp(FROM_GATEWAY, CLIENT, LISTENER))
    c.asks("inner", ASKS_FOR_TARGET)
    c.then()
    c.takes_in("inner", is_at(FROM_TARGET, "192.0.2.17", "192.0.2.1"))
    c.releases("inner", udp(TO_TARGET, SNAT, TARGET, ttl=63))
    c.then()
    c.takes_in("inner", arp((NEW_MAC, EVERYBODY), 1, "192.0.2.17", "192.0.2.17"))
    c.then()
    there(c, b"moved", went=(INNER_MAC, NEW_MAC))
    c.opens(cam=1)


# ==== echo ====

@case
def echo_to_our_addresses_is_answered(c):
    """Echo to port, listen and pool address is answered with TTL 64; id, sequence, payload, DSCP and DF survive"""
    c.relay(TWO_ARM, rule(listen="203.0.113.9:9000"), snat=POOL_OF_ITS_OWN)
    for ours, fields in (("203.0.113.1", {}), ("203.0.113.9", {}), ("203.0.113.1", {"payload": b""}),
                         ("203.0.113.1", {"payload": b"odd"}), ("203.0.113.1", {"payload": bytes(1472)}),
                         ("203.0.113.1", {"tos": 0xB9, "flags": "DF", "id": 0x66, "seq": 0xFFFF})):
        c.answers("edge", "icmp", echo(FROM_GATEWAY, "198.51.100.7", ours, **fields),
                  echo(TO_GATEWAY, ours, "198.51.100.7", type=0, **fields))
    for ttl in (255, 1):
        c.answers("edge", "icmp", echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", ttl=ttl),
                  echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", type=0))
    for ours in ("192.0.2.1", "192.0.2.9"):
        c.answers("inner", "icmp", echo(FROM_TARGET, "192.0.2.17", ours), echo(TO_TARGET, ours, "192.0.2.17", type=0))


@case
def echo_padding_is_not_part_of_it(c):
    """Bytes behind an echo request are neither summed nor sent back"""
    c.relay(TWO_ARM, CAM)
    for payload, trailer in ((b"", bytes(18)), (b"odd", b"\xff" * 15), (b"even", b"\xde\xad\xbe\xef")):
        c.answers("edge", "icmp", echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", payload) + trailer,
                  echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", payload, type=0))


@case
def echo_checksum_edges(c):
    """Answers around the carry; where 0000 and FFFF both verify FFFF is sent, as all zeros verify with that alone"""
    c.relay(TWO_ARM, CAM)
    answers = [{"id": 0, "seq": 0, "payload": b""}, {"id": 0, "seq": 0, "payload": bytes(56)}]
    for edge in (0x0000, 0x0001, 0x07FF, 0x0800, 0xF7FF, 0xF800, 0xFFFE):
        seq = solve(lambda frame: Ether(frame)[ICMP].chksum,
                    lambda w: echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", type=0, seq=w), edge)
        answers.append({"seq": seq})
    for fields in answers:
        answer = echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", type=0, **fields)
        if Ether(answer)[ICMP].chksum == 0x0000:
            answer = echo(TO_GATEWAY, "203.0.113.1", "198.51.100.7", type=0, checksum=0xFFFF, **fields)
        c.answers("edge", "icmp", echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", **fields), answer)


@case
def echo_that_is_broken(c):
    """An echo request with a wrong ICMP checksum is bad_checksum; ICMP of 0 to 7 bytes is truncated"""
    right = Ether(echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1"))[ICMP].chksum
    request = echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", b"")[34:42]
    dropped_amid_traffic(c, "truncated", *(ip_payload(1, request[:length]) for length in range(8)))
    c.drops("edge", "bad_checksum", *(echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", checksum=wrong)
                                      for wrong in (right + 1, right ^ 0xFFFF, 0)))


@case
def icmp_other_than_echo_to_us(c):
    """Echo to others, unsolicited replies, other types and codes, even with a quote, are icmp_unsupported"""
    def icmp(type, code=0, rest=b"", **fields):
        return ether(FROM_GATEWAY, IP(src="198.51.100.7", dst="203.0.113.1", ttl=64)
                     / ICMP(type=type, code=code, **fields) / rest)

    quoted = bytes(IP(src="203.0.113.1", dst="198.51.100.7", ttl=63) / UDP(sport=9000, dport=40000) / Raw(b"culvert"))
    dropped_amid_traffic(
        c, "icmp_unsupported", echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.2"),
        echo(FROM_GATEWAY, "198.51.100.7", "192.0.2.17"), echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.255"),
        echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", type=0),
        echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", code=1),
        icmp(13, ts_ori=1, ts_rx=0, ts_tx=0), icmp(17), icmp(5, 1, quoted), icmp(4, 0, quoted))
    c.then()
    back(c)


# ==== icmp errors ====

def host(endpoint):
    return endpoint.split(":")[0]


def tells_client(c, sender="192.0.2.17", shown=None, quoted=None, told=None, ttl=64, **error):
    """An error about what we sent to the target goes to the client; the target itself is known as the listener."""
    shown = shown or (host(LISTENER) if sender == host(TARGET) else sender)
    c.relays("inner", icmp_error(FROM_TARGET, sender, host(SNAT), quoted or quote(SNAT, TARGET), ttl=ttl, **error),
             "edge", icmp_error(TO_GATEWAY, shown, host(CLIENT), told or quote(CLIENT, LISTENER), ttl=ttl - 1, **error))


def tells_target(c, sender="198.51.100.7", ttl=64, **error):
    """An error about what we sent to the client goes to the target, from the only address it knows of this side."""
    c.relays("edge", icmp_error(FROM_GATEWAY, sender, host(LISTENER), quote(LISTENER, CLIENT), ttl=ttl, **error),
             "inner", icmp_error(TO_TARGET, host(SNAT), host(TARGET), quote(TARGET, SNAT), ttl=ttl - 1, **error))


def session_then_errors(c, *relay, **options):
    c.relay(*(relay or (TWO_ARM, CAM)), **options)
    there(c)
    c.then()
    c.opens(cam=1)


@case
def icmp_error_of_the_target_reaches_the_client(c):
    """Port unreachable from the target reaches the client from its listener, and quotes what the client sent"""
    session_then_errors(c)
    tells_client(c)
    tells_client(c, quoted=quote(SNAT, TARGET, cut=8), told=quote(CLIENT, LISTENER, cut=8))
    c.then()
    there(c, b"after")
    back(c)


@case
def icmp_error_of_a_router_keeps_its_address_towards_the_client(c):
    """Time exceeded of a router between us and the target: traceroute sees the router"""
    session_then_errors(c)
    for router in ("192.0.2.77", "10.77.0.1"):
        tells_client(c, router, type=11, code=0)


@case
def icmp_error_of_the_client_reaches_the_target(c):
    """Port unreachable from the client, and of routers on its side, reach the target from the external address"""
    session_then_errors(c)
    back(c)
    c.then()
    tells_target(c)
    tells_target(c, "203.0.113.254", type=11, code=0)
    tells_target(c, "10.77.0.1", type=3, code=10)
    c.then()
    back(c, b"after")


@case
def icmp_errors_of_every_type_and_code_pass_and_end_nothing(c):
    """Unreachable, time exceeded and parameter problem, all codes, both ways; the session lives on"""
    session_then_errors(c)
    for type, codes in ((3, range(16)), (11, range(2)), (12, range(3))):
        for code in codes:
            tells_client(c, type=type, code=code)
            tells_target(c, type=type, code=code)
    c.then()
    there(c, b"after")
    back(c, b"after")


@case
def icmp_fragmentation_needed_keeps_the_mtu(c):
    """3/4 of a router beyond: the next hop's MTU arrives as sent, whatever it is; TOS, id and DF of the error too"""
    session_then_errors(c)
    big = {"quoted": quote(SNAT, TARGET, b"m" * 1400, cut=520, flags="DF"),
           "told": quote(CLIENT, LISTENER, b"m" * 1400, cut=520, flags="DF")}
    for mtu in (0, 68, 576, 1400, 65535):
        tells_client(c, "192.0.2.77", code=4, nexthopmtu=mtu, **big)
    tells_client(c, "192.0.2.77", code=4, nexthopmtu=1280, tos=0xC0, id=0x77, flags="DF", **big)


@case
def icmp_error_quotes_what_it_likes(c):
    """No UDP checksum stays none, a wrong one stays as wrong, any TTL and options; data behind it is left alone"""
    session_then_errors(c)
    wrong = ones_add(udp_checksum(udp(TO_TARGET, SNAT, TARGET)), 0x0102)
    as_wrong = ones_add(udp_checksum(udp(FROM_GATEWAY, CLIENT, LISTENER)), 0x0102)
    options = [IPOption_RR(pointer=8, routers=["10.1.1.1"]), IPOption_NOP()]
    for there_fields, here_fields in (
            ({"checksum": 0}, {"checksum": 0}), ({"checksum": wrong}, {"checksum": as_wrong}),
            ({"ttl": 0}, {"ttl": 0}), ({"tos": 0xB8, "flags": "DF"}, {"tos": 0xB8, "flags": "DF"}),
            ({"flags": "MF", "len": 1500}, {"flags": "MF", "len": 1500}),
            ({"options": options}, {"options": options}),
            ({"options": [IPOption_NOP()] * 40, "cut": 8}, {"options": [IPOption_NOP()] * 40, "cut": 8})):
        tells_client(c, quoted=quote(SNAT, TARGET, **there_fields), told=quote(CLIENT, LISTENER, **here_fields))


@case
def icmp_extensions_and_trailers(c):
    """RFC 4884 extensions are left as they are, and so is an odd byte; an Ethernet trailer is not sent on"""
    session_then_errors(c)
    extension = bytes.fromhex("2000" "edb2" "0008" "0101" "00064101")
    padded = lambda quoted: quoted.ljust(128, b"\0") + extension
    tells_client(c, "192.0.2.77", type=11, code=0, length=32, quoted=padded(quote(SNAT, TARGET)),
                 told=padded(quote(CLIENT, LISTENER)))
    tells_client(c, quoted=quote(SNAT, TARGET, b"odd"), told=quote(CLIENT, LISTENER, b"odd"))
    c.relays("inner", icmp_error(FROM_TARGET, host(TARGET), host(SNAT), quote(SNAT, TARGET, cut=8)) + b"\xff" * 9,
             "edge", icmp_error(TO_GATEWAY, host(LISTENER), host(CLIENT), quote(CLIENT, LISTENER, cut=8), ttl=63))


@case
def icmp_error_that_is_broken(c):
    """A wrong ICMP checksum or quoted IP checksum is bad_checksum, a short quote truncated; the session lives on"""
    def error(quoted, **fields):
        return icmp_error(FROM_TARGET, host(TARGET), host(SNAT), quoted, **fields)

    session_then_errors(c)
    quoted = quote(SNAT, TARGET)
    right = Ether(error(quoted))[ICMP].chksum
    c.drops("inner", "bad_checksum", *(error(quoted, checksum=wrong) for wrong in (right ^ 1, right ^ 0xFFFF, 0)),
            error(quote(SNAT, TARGET, header_checksum=0x1234)))
    c.drops("inner", "truncated", *(error(quoted[:length]) for length in range(28)),
            *(error(quote(SNAT, TARGET, options=[IPOption_NOP()] * 40)[:length]) for length in (20, 59, 67)))
    c.drops("inner", "bad_ip_header", *(error(bytes([first]) + quoted[1:]) for first in (0x65, 0x55, 0x44, 0x40)))
    c.then()
    tells_client(c)
    there(c, b"after")


@case
def icmp_error_about_nothing_of_ours(c):
    """Errors about packets that we did not send, or for someone else than their sender, are icmp_unrelated"""
    def error(quoted, dst=host(SNAT), sender=host(TARGET)):
        return icmp_error(FROM_TARGET, sender, dst, quoted)

    session_then_errors(c)
    c.drops("inner", "icmp_unrelated",
            error(quote("192.0.2.1:40001", TARGET)), error(quote(SNAT, "192.0.2.17:5005")),
            error(quote(SNAT, "192.0.2.18:5004")), error(quote(TARGET, SNAT), host(TARGET)),
            error(quote(CLIENT, LISTENER), host(CLIENT)), error(quote(SNAT, TARGET), "192.0.2.9"),
            error(bytes(IP(src=host(SNAT), dst=host(TARGET)) / TCP(sport=40000, dport=5004))),
            error(quote(SNAT, TARGET, frag=100)), error(quote(SNAT, TARGET, proto=136)))
    c.drops("inner", "martian", *(error(quote(SNAT, TARGET), sender=sender)
                                  for sender in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "192.0.2.1", "203.0.113.1")))
    c.drops("inner", "icmp_unsupported", error(quote(SNAT, TARGET)).replace(b"\x03\x03", b"\x05\x01", 1))
    c.then()
    tells_client(c)


@case
def icmp_error_in_its_last_hop(c):
    """The error's own TTL is decremented like any packet's; at 1 it ends, and nobody is told"""
    session_then_errors(c)
    tells_client(c, ttl=2)
    c.drops("inner", "ttl_exceeded", icmp_error(FROM_TARGET, host(TARGET), host(SNAT), quote(SNAT, TARGET), ttl=1))


@case
def icmp_error_with_one_arm(c):
    """One NIC: the target's error leaves by the port it came in on"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.1:50000", "10.9.0.3:7890", ttl=63))
    c.then()
    c.relays("lan", icmp_error((C_MAC, LAN_MAC), "10.9.0.3", "10.9.0.1", quote("10.9.0.1:50000", "10.9.0.3:7890")),
             "lan", icmp_error((LAN_MAC, A_MAC), "10.9.0.1", "10.9.0.2", quote("10.9.0.2:50000", "10.9.0.1:7890"),
                               ttl=63))
    c.opens(echo=1)


@case
def icmp_error_without_snat(c):
    """snat none: the client's routers are as visible to the target as the client itself"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890", snat="none"), snat=LAN_POOL)
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.2:50000", "10.9.0.3:7890", ttl=63))
    c.then()
    for sender, shown in (("10.9.0.3", "10.9.0.1"), ("10.77.0.1", "10.77.0.1")):
        c.relays("lan", icmp_error((C_MAC, LAN_MAC), sender, "10.9.0.2", quote("10.9.0.2:50000", "10.9.0.3:7890")),
                 "lan", icmp_error((LAN_MAC, A_MAC), shown, "10.9.0.2", quote("10.9.0.2:50000", "10.9.0.1:7890"),
                                   ttl=63))
    c.then()
    for sender in ("10.9.0.2", "10.77.0.1"):
        c.relays("lan", icmp_error((A_MAC, LAN_MAC), sender, "10.9.0.1", quote("10.9.0.1:7890", "10.9.0.2:50000")),
                 "lan", icmp_error((LAN_MAC, C_MAC), sender, "10.9.0.3", quote("10.9.0.3:7890", "10.9.0.2:50000"),
                                   ttl=63))
    c.opens(echo=1)


# ==== icmp errors of our own ====

@case
def time_exceeded_is_told_as_it_came_in(c):
    """The quote is the client's own packet, up to 548 bytes of it; Ethernet padding is not part of it"""
    c.relay(TWO_ARM, CAM)
    for payload, fields in ((b"", {}), (b"q" * 520, {}), (b"q" * 521, {}), (b"q" * 1400, {"tos": 0xB8}),
                            (b"odd", {"checksum": 0})):
        c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, payload, ttl=1, **fields))
    c.drops("edge", "ttl_exceeded", udp(FROM_NEAR, "203.0.113.7:40000", LISTENER, b"", ttl=1) + b"\0" * 18)
    c.leaves("edge", about(udp(FROM_NEAR, "203.0.113.7:40000", LISTENER, b"", ttl=1)))
    c.told += 1


@case
def fragmentation_needed_is_told_to_whom_forbids_fragments(c):
    """inner has mtu 1280: 3/4 with 1280 to the client that sets DF, within a session and before there is one"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", mtu=1280, neighbors=INNER_NEIGHBORS)
    c.relay((EDGE, inner), CAM)
    too_long = {"type": 3, "code": 4, "nexthopmtu": 1280}
    c.tells("edge", "mtu_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 1253, flags="DF"), **too_long)
    c.then()
    there(c, b"m" * 1252, flags="DF")
    c.then()
    back(c, b"m" * 1472, flags="DF")
    c.then()
    c.tells("edge", "mtu_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 1253, flags="DF"), **too_long)
    c.opens(cam=1)


@case
def icmp_errors_of_our_own_end_with_the_budget(c):
    """A source is told six times at once, then its errors are suppressed; no time passes here"""
    c.relay(TWO_ARM, CAM)
    for number in range(6):
        c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=1, id=number))
    c.drops("edge", "ttl_exceeded", *(udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=1, id=number) for number in range(20)))


@case
def icmp_errors_of_our_own_can_be_switched_off(c):
    """icmp errors false: nobody is told anything; errors of others pass all the same"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", mtu=1280, neighbors=INNER_NEIGHBORS)
    session_then_errors(c, (EDGE, inner), CAM, icmp="errors: false, refusals: true")
    c.drops("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, ttl=1))
    c.drops("edge", "mtu_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 1400, flags="DF"))
    tells_client(c)


@case
def icmp_errors_of_our_own_go_to_hosts_only(c):
    """Nothing is said about what is refused as martian, a network's broadcast address included"""
    c.relay(TWO_ARM, CAM)
    c.drops("edge", "martian", udp(FROM_GATEWAY, "203.0.113.255:40000", LISTENER, ttl=1),
            udp(FROM_GATEWAY, "192.0.2.255:40000", LISTENER, ttl=1),
            udp(FROM_GATEWAY, "224.0.0.1:40000", LISTENER, ttl=1),
            udp(FROM_GATEWAY, "0.0.0.0:40000", LISTENER, ttl=1))


@case
def refusals_are_told_where_asked_for(c):
    """icmp refusals true: 3/13 to whom the rule does not admit, 3/1 when all ports are lent"""
    c.relay(TWO_ARM, rule(sources="[198.51.100.0/24]"), snat="{ address: 192.0.2.1, ports: 40000-40000 }",
            icmp="refusals: true")
    there(c)
    c.tells("edge", "acl", udp(FROM_GATEWAY, "198.18.0.1:40000", LISTENER), type=3, code=13)
    c.tells("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.8:40000", LISTENER), type=3, code=1)
    c.drops("edge", "no_rule", udp(FROM_GATEWAY, CLIENT, "203.0.113.1:9001"))
    c.drops("edge", "no_session", udp(FROM_GATEWAY, CLIENT, SNAT))
    c.opens(cam=1)


# ==== fragments: a datagram leaves under an IP id of the relay's own, so only the equality of ids is compared ====

def forward_pair(payload, cuts, id, **fields):
    """A client's datagram in fragments, as it comes and as it leaves."""
    return (pieces(udp(FROM_GATEWAY, CLIENT, LISTENER, payload, id=id, **fields), *cuts),
            pieces(udp(TO_TARGET, SNAT, TARGET, payload, id=id, **{"ttl": 63, **fields}), *cuts))


def reply_pair(payload, cuts, id):
    """The same of the target's answer."""
    return (pieces(udp(FROM_TARGET, TARGET, SNAT, payload, id=id), *cuts),
            pieces(udp(TO_GATEWAY, LISTENER, CLIENT, payload, id=id, ttl=63), *cuts))


def in_order(c, order, port, to, came, went):
    """Fragments come in this order: the first takes along those that waited for it."""
    for place, number in enumerate(order):
        if 0 not in order[:place + 1]:
            c.holds(port, came[number])
        else:
            c.relays(port, came[number], to, went[number])
            for waiting in order[:place] if number == 0 else ():
                c.releases(to, went[waiting])


BIG = bytes(range(256)) * 16


@case
def fragments_in_every_order(c):
    """Three fragments in all six orders, both ways: the first opens the session, the others wait for it or follow it"""
    c.relay(TWO_ARM, CAM)
    for id, order in enumerate(itertools.permutations(range(3))):
        in_order(c, order, "edge", "inner", *forward_pair(BIG, (1480, 2960), id))
    c.then()
    for id, order in enumerate(itertools.permutations(range(3))):
        in_order(c, order, "inner", "edge", *reply_pair(BIG, (1480, 2960), id))
    c.opens(cam=1)


@case
def fragments_of_the_longest_datagrams(c):
    """65,507 bytes in 45 fragments, in order; then four such datagrams, interleaved and last fragment first"""
    c.relay(TWO_ARM, CAM)
    longest = (BIG * 16)[:65507]
    cuts = tuple(range(1480, 65515, 1480))
    in_order(c, range(45), "edge", "inner", *forward_pair(longest, cuts, 1))
    c.then()
    pairs = [reply_pair(longest, cuts, id) for id in range(4)]
    for number in range(44, 0, -1):
        for came, _ in pairs:
            c.holds("inner", came[number])
    for came, went in pairs:
        c.relays("inner", came[0], "edge", went[0])
        for number in range(44, 0, -1):
            c.releases("edge", went[number])
    c.opens(cam=1)


@case
def fragments_with_a_tiny_first(c):
    """A first fragment of 8 bytes, which is the UDP header alone, names the session; the last has one byte and padding"""
    c.relay(TWO_ARM, CAM)
    for id, order in enumerate(((0, 1, 2, 3), (3, 1, 2, 0))):
        came, went = forward_pair(b"t" * 401, (8, 16, 408), id)
        assert len(came[3]) == 35
        came[3] += b"\xff" * 25
        in_order(c, order, "edge", "inner", came, went)
    c.opens(cam=1)


@case
def fragments_of_two_clients_with_one_id(c):
    """Two clients and the same id at once, in and out of order, behind one external address: the ids that leave differ"""
    other, port = "198.51.100.8:41000", "192.0.2.1:41000"
    c.relay(TWO_ARM, CAM)
    for order, mine_out, theirs_out in (((0, 1, 2), 1, 2), ((2, 1, 0), 3, 4)):
        mine = (pieces(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=7), 1480, 2960),
                pieces(udp(TO_TARGET, SNAT, TARGET, BIG, id=mine_out, ttl=63), 1480, 2960))
        theirs = (pieces(udp(FROM_GATEWAY, other, LISTENER, BIG[::-1], id=7), 1480, 2960),
                  pieces(udp(TO_TARGET, port, TARGET, BIG[::-1], id=theirs_out, ttl=63), 1480, 2960))
        if order[0] == 0:
            for number in order:
                for came, went in (mine, theirs):
                    c.relays("edge", came[number], "inner", went[number])
        else:
            for number in order[:2]:
                for came, _ in (mine, theirs):
                    c.holds("edge", came[number])
            for came, went in (mine, theirs):
                c.relays("edge", came[0], "inner", went[0])
                for number in order[:2]:
                    c.releases("inner", went[number])
        c.then()
    c.opens(cam=2)


@case
def fragments_of_other_protocols_with_one_id(c):
    """TCP is not_udp and ICMP icmp_unsupported, also under the id of a datagram whose other fragments go on"""
    c.relay(TWO_ARM, CAM)
    (first, last), (first_out, last_out) = forward_pair(BIG[:2000], (1480,), 7)
    c.relays("edge", first, "inner", first_out)
    c.drops("edge", "not_udp", ip_payload(6, b"t" * 528, id=7, frag=185), ip_payload(6, b"t" * 24, id=7, flags="MF"))
    c.drops("edge", "icmp_unsupported", ip_payload(1, b"t" * 528, id=7, frag=185),
            piece(echo(FROM_GATEWAY, "198.51.100.7", "203.0.113.1", bytes(2000), id=7), 0, 1480))
    c.relays("edge", last, "inner", last_out)
    c.opens(cam=1)


@case
def fragments_that_come_twice(c):
    """A fragment whose bytes came already is fragment_overlap, before and after the first; the datagram is completed"""
    c.relay(TWO_ARM, CAM)
    came, went = forward_pair(BIG, (1480, 2960), 1)
    c.relays("edge", came[0], "inner", went[0])
    c.relays("edge", came[1], "inner", went[1])
    c.drops("edge", "fragment_overlap", came[1], came[0], piece(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=1), 8, 800))
    c.relays("edge", came[2], "inner", went[2])
    c.then()
    came, went = forward_pair(BIG, (1480, 2960), 2)
    c.holds("edge", came[2])
    c.holds("edge", came[1])
    c.drops("edge", "fragment_overlap", came[1], came[2])
    c.relays("edge", came[0], "inner", went[0])
    c.releases("inner", went[2])
    c.releases("inner", went[1])
    c.opens(cam=1)


@case
def fragments_that_overlap(c):
    """Teardrop: a fragment that shares only some bytes with others ends its datagram, with all that waits and follows"""
    c.relay(TWO_ARM, CAM)
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=1)
    came, went = forward_pair(BIG, (1480, 2960), 1)
    c.relays("edge", came[0], "inner", went[0])
    c.drops("edge", "fragment_overlap", piece(whole, 1472, 2960), came[1], came[2], came[0])
    c.then()
    came, _ = forward_pair(BIG, (1480, 2960), 2)
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=2)
    c.drops("edge", "fragment_overlap", came[2], piece(whole, 1480, 2968))
    c.then()
    came, _ = forward_pair(BIG, (1480, 2960), 3)
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=3)
    c.drops("edge", "fragment_overlap", piece(whole, 1472, 2960), came[2], came[0], came[1])
    c.then()
    # Two last fragments that end at different bytes; bytes behind the last.
    came, went = forward_pair(BIG, (1480, 2960), 4)
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=4)
    c.relays("edge", came[0], "inner", went[0])
    c.relays("edge", came[2], "inner", went[2])
    c.drops("edge", "fragment_overlap", piece(whole, 1480, 2960, flags=0, frag=700), came[1])
    c.then()
    there(c, b"the session lives")
    c.opens(cam=1)


@case
def fragments_longer_than_a_datagram(c):
    """Fragments whose end lies behind byte 65,535 are fragment_overlap; the one that ends there exactly goes on"""
    c.relay(TWO_ARM, CAM)
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=1)
    out = udp(TO_TARGET, SNAT, TARGET, BIG, id=1, ttl=63)
    c.relays("edge", piece(whole, 0, 1480), "inner", piece(out, 0, 1480))
    c.drops("edge", "fragment_overlap", piece(whole, 0, 16, frag=8189), piece(whole, 0, 1480, frag=0x1FFF),
            ip_payload(17, b"ping of death", id=1, frag=8189))
    c.relays("edge", ip_payload(17, b"end", id=1, frag=8189),
             "inner", ether(TO_TARGET, IP(src="192.0.2.1", dst="192.0.2.17", proto=17, id=1, ttl=63, frag=8189)
                            / Raw(b"end")))
    c.opens(cam=1)


@case
def fragments_that_are_malformed(c):
    """Without bytes or not of eights: bad_ip_header; UDP length below 8: bad_udp_length; no source has it: martian"""
    c.relay(TWO_ARM, CAM)
    there(c)
    c.drops("edge", "bad_ip_header", ip_payload(17, b"", flags="MF"), ip_payload(17, b"", frag=10),
            ip_payload(17, b"seven b", flags="MF"), ip_payload(17, b"nine byte", flags="MF", frag=10))
    c.drops("edge", "bad_udp_length", *(ip_payload(17, struct.pack(">HHHH", 40000, 9000, length, 0), flags="MF")
                                        for length in (0, 7)))
    c.drops("edge", "martian", ip_payload(17, bytes(8), src="127.0.0.1", frag=10),
            ip_payload(17, bytes(8), src="224.0.0.1", frag=10, flags="MF"))
    c.drops("edge", "bad_checksum", ip_payload(17, bytes(8), frag=10, chksum=1))
    there(c)
    c.opens(cam=1)


@case
def fragments_without_a_first(c):
    """Fragments whose first never comes, or comes refused, go nowhere; a first whose others do not come has gone on"""
    c.relay(TWO_ARM, CAM)
    came, went = forward_pair(BIG, (1480, 2960), 1)
    c.drops("edge", "draining", came[1], came[2])
    elsewhere = pieces(udp(FROM_GATEWAY, CLIENT, "203.0.113.1:9001", BIG, id=2), 1480, 2960)
    c.drops("edge", "fragment", elsewhere[2], elsewhere[1])
    c.drops("edge", "no_rule", elsewhere[0])
    c.then()
    c.drops("inner", "no_session", piece(udp(FROM_TARGET, TARGET, SNAT, BIG, id=3), 0, 1480))
    c.then()
    came, went = forward_pair(BIG, (1480, 2960), 4)
    c.relays("edge", came[0], "inner", went[0])
    c.opens(cam=1)


@case
def fragments_keep_what_is_not_translated(c):
    """DSCP and ECN of each fragment, DF, an absent UDP checksum and a wrong one survive; the TTL is decremented"""
    c.relay(TWO_ARM, CAM)
    for id, fields in enumerate(({"tos": 0xB9}, {"checksum": 0}, {"flags": "DF"}, {"ttl": 2})):
        kept = {**fields, **({"ttl": 1} if "ttl" in fields else {})}
        came = pieces(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=id, **fields), 1480, 2960,
                      flags=2 if "flags" in fields else 0)
        went = pieces(udp(TO_TARGET, SNAT, TARGET, BIG, id=id, **{"ttl": 63, **kept}), 1480, 2960,
                      flags=2 if "flags" in fields else 0)
        in_order(c, (1, 0, 2), "edge", "inner", came, went)
    right, right_out = (udp_checksum(udp(link, a, b, BIG)) for link, a, b in (
        (FROM_GATEWAY, CLIENT, LISTENER), (TO_TARGET, SNAT, TARGET)))
    wrong, wrong_out = ones_add(right, 0x0101), ones_add(right_out, 0x0101)
    came = pieces(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=9, checksum=wrong), 1480, 2960)
    went = pieces(udp(TO_TARGET, SNAT, TARGET, BIG, id=9, ttl=63, checksum=wrong_out), 1480, 2960)
    in_order(c, (0, 1, 2), "edge", "inner", came, went)
    c.then()
    came, went = forward_pair(BIG, (1480, 2960), 10)
    c.relays("edge", came[0], "inner", went[0])
    c.drops("edge", "ttl_exceeded", piece(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=10), 1480, 2960, ttl=1))
    c.relays("edge", came[2], "inner", went[2])
    c.tells("edge", "ttl_exceeded", piece(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=11), 0, 1480, ttl=1))
    c.opens(cam=1)


@case
def fragments_wait_for_the_next_hop(c):
    """The target's MAC is unknown: one ARP request, then the first fragment and those that followed it"""
    c.relay((EDGE, BARE_INNER), CAM)
    came, went = forward_pair(BIG, (1480, 2960), 1)
    for fragment in came:
        c.holds("edge", fragment)
    c.asks("inner", ASKS_FOR_TARGET)
    c.then()
    c.takes_in("inner", is_at(FROM_TARGET, "192.0.2.17", "192.0.2.1"))
    for fragment in went:
        c.releases("inner", fragment)
    c.then()
    in_order(c, (1, 2, 0), "edge", "inner", *forward_pair(BIG, (1480, 2960), 2))
    c.opens(cam=1)


@case
def fragments_between_vlans(c):
    """On ports with a VLAN fragments, and packets that are cut, are tagged like all others"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", mtu=1280, vlan=9, neighbors=INNER_NEIGHBORS)
    c.relay((VLAN_EDGE, inner), CAM)
    came, went = forward_pair(BIG[:2000], (1000,), 1)
    c.holds("edge", tagged(came[1], 5))
    c.relays("edge", tagged(came[0], 5), "inner", tagged(went[0], 9))
    c.releases("inner", tagged(went[1], 9))
    c.then()
    c.cuts("edge", tagged(udp(FROM_GATEWAY, CLIENT, LISTENER, BIG[:1400]), 5), "inner",
           *(tagged(p, 9) for p in cut_to(1280, udp(TO_TARGET, SNAT, TARGET, BIG[:1400], ttl=63))))
    c.opens(cam=1)


# ==== IPv6 ====

CLIENT6, LISTENER6 = ("2001:db8:5::7", 40000), ("2001:db8::1", 9000)
SNAT6, TARGET6 = ("2001:db8:1::1", 40000), ("2001:db8:1::17", 5004)
POOL6 = "{ address: [192.0.2.1, 2001:db8:1::1], ports: 40000-49999 }"
EDGE_LINK_LOCAL, INNER_LINK_LOCAL, GATEWAY6 = "fe80::ff:fe00:1", "fe80::ff:fe00:2", "fe80::fe"
EDGE6 = port("edge", EDGE_MAC, "[203.0.113.1/24, 2001:db8::1/64]", gateway=f"[203.0.113.254, {GATEWAY6}]",
             neighbors={**EDGE_NEIGHBORS, GATEWAY6: GATEWAY_MAC, "2001:db8::7": NEAR_MAC})
INNER6 = port("inner", INNER_MAC, "[192.0.2.1/24, 2001:db8:1::1/64]",
              neighbors={**INNER_NEIGHBORS, "2001:db8:1::17": TARGET_MAC})
BARE_INNER6 = port("inner", INNER_MAC, "[192.0.2.1/24, 2001:db8:1::1/64]")
TWO_ARM6 = (EDGE6, INNER6)

def rule6(name="six", listen=LISTENER6, target=TARGET6, **keys):
    return rule(name, f"[{listen[0]}]:{listen[1]}", f"[{target[0]}]:{target[1]}", **keys)


SIX = rule6()


def udp6(link, source, destination, payload=b"culvert", checksum=None, headers=(), length=None, **ip):
    """A whole frame; `headers` are extension headers in front of UDP. Scapy computes the checksum over all of it."""
    packet = IPv6(src=source[0], dst=destination[0], **{"hlim": 64, "tc": 0xB9, "fl": 0x12345, **ip})
    for header in headers:
        packet = packet / header
    datagram = UDP(sport=source[1], dport=destination[1], chksum=checksum, len=length)
    return ether(link, packet / datagram / Raw(payload), 0x86DD)


def ip6_payload(next_header, payload, link=FROM_GATEWAY, src=CLIENT6[0], dst=LISTENER6[0], **ip):
    return ether(link, IPv6(src=src, dst=dst, **{"nh": next_header, "hlim": 64, **ip}) / Raw(payload), 0x86DD)


def icmp6(link, src, dst, message, **ip):
    return ether(link, IPv6(src=src, dst=dst, **{"hlim": 64, **ip}) / message, 0x86DD)


def solicitation(target, src=GATEWAY6, mac=GATEWAY_MAC, to=None, dst=None, tells=True, hlim=255, told=None, **fields):
    """A neighbor solicitation to the target's solicited-node group, or by unicast `to` a MAC and address `dst`."""
    last = inet_pton(AF_INET6, target)[13:]
    group = "ff02::1:ff" + last[:1].hex() + ":" + last[1:].hex()
    message = ICMPv6ND_NS(tgt=target, **fields)
    if tells:
        message = message / ICMPv6NDOptSrcLLAddr(lladdr=told or mac)
    return icmp6((mac, to or "33:33:ff:" + last.hex(":")), src, dst or group, message, hlim=hlim)


def advertisement(link, target, dst, src=None, solicited=1, override=1, tells=True, told=None, hlim=255, **fields):
    message = ICMPv6ND_NA(tgt=target, R=0, S=solicited, O=override, **fields)
    if tells:
        message = message / ICMPv6NDOptDstLLAddr(lladdr=told or link[0])
    return icmp6(link, src or target, dst, message, hlim=hlim)


def echo6(link, src, dst, payload=b"abcdefgh", reply=False, **fields):
    ip = {name: fields.pop(name) for name in ("hlim",) if name in fields}
    kind = ICMPv6EchoReply if reply else ICMPv6EchoRequest
    return icmp6(link, src, dst, kind(id=0x77, seq=1, data=payload, **fields), **ip)


def there6(c, payload=b"culvert", client=CLIENT6, listener=LISTENER6, snat=SNAT6, target=TARGET6, came=FROM_GATEWAY,
           went=TO_TARGET, hlim=64, hlim_out=None, **same):
    c.relays("edge", udp6(came, client, listener, payload, hlim=hlim, **same),
             "inner", udp6(went, snat, target, payload, hlim=hlim - 1 if hlim_out is None else hlim_out, **same))


def back6(c, payload=b"treavluc", client=CLIENT6, listener=LISTENER6, snat=SNAT6, target=TARGET6, came=FROM_TARGET,
          went=TO_GATEWAY, hlim=64, hlim_out=None, **same):
    c.relays("inner", udp6(came, target, snat, payload, hlim=hlim, **same),
             "edge", udp6(went, listener, client, payload, hlim=hlim - 1 if hlim_out is None else hlim_out, **same))


def dropped_amid_ipv6(c, reason, *frames):
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c, b"before")
    c.drops("edge", reason, *frames)
    there6(c, b"after")
    c.opens(six=1)


@case
def ipv6_client_and_target_talk_across_two_ports(c):
    """A client's datagram reaches the target from the pool; the answer returns from the listener; class and flow label stay"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c)
    c.then()
    back6(c)
    c.then()
    there6(c, b"again" * 100)
    c.then()
    back6(c, b"")
    c.opens(six=1)


@case
def ipv6_client_on_the_edge_link_is_answered_directly(c):
    """A client on the edge port's own network gets the answer on its own MAC, not through the gateway"""
    near = {"client": ("2001:db8::7", 40000)}
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c, came=FROM_NEAR, **near)
    c.then()
    back6(c, went=TO_NEAR, **near)
    c.opens(six=1)


@case
def ipv6_and_ipv4_rules_share_ports_and_port_numbers(c):
    """Rules of both families listen on one port number of one port, with one default pool; neither sees the other"""
    c.relay(TWO_ARM6, CAM, SIX, snat=POOL6)
    there(c)
    c.then()
    there6(c)
    c.then()
    back6(c)
    c.then()
    back(c)
    c.then()
    there(c, b"four")
    there6(c, b"six")
    c.opens(cam=1, six=1)


@case
def ipv6_numbers_cannot_be_sent_in_ipv4(c):
    """IPv4 from 240/4, the numbers that stand for IPv6 addresses in flows, is martian, also where it names a live flow"""
    c.relay(TWO_ARM6, CAM, SIX, snat=POOL6)
    there6(c)
    c.drops("edge", "martian", *[udp(FROM_GATEWAY, f"240.0.0.{source}:40000", f"240.0.0.{destination}:{to}")
                                 for source in range(6) for destination in range(6) for to in (9000, 5004, 40000)])
    there6(c, b"after")
    c.opens(six=1)


@case
def ipv6_numbers_are_no_destinations_of_ipv4(c):
    """IPv4 to 240/4, the numbers that stand for IPv6 listeners and pools, opens no session and joins none"""
    c.relay(TWO_ARM6, CAM, rule6(mapping="endpoint-independent", filtering="endpoint-independent"), snat=POOL6)
    there6(c)
    c.drops("edge", "no_rule", *[udp(FROM_GATEWAY, CLIENT, f"240.0.0.{destination}:{to}")
                                 for destination in range(6) for to in (9000, 5004, 40000)])
    there6(c, b"after")
    c.opens(six=1)


@case
def ipv6_clients_interleave_in_one_burst(c):
    """Three clients on one listener, two datagrams each, all new: three sessions, none takes another's port"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for payload in (b"one", b"two"):
        for sport in (40000, 40002, 40004):
            there6(c, payload, client=(f"2001:db8:5::{sport:x}", sport), snat=("2001:db8:1::1", sport))
    c.opens(six=3)


@case
def ipv6_port_range_keeps_the_offset(c):
    """listen :9000-9099 to target :5000-5099: the offset survives, the answer comes from the port that was addressed"""
    ports = {"listener": ("2001:db8::1", 9042), "target": ("2001:db8:1::17", 5042)}
    c.relay(TWO_ARM6, rule6(listen=("2001:db8::1", "9000-9099"), target=("2001:db8:1::17", "5000-5099")), snat=POOL6)
    there6(c, **ports)
    c.then()
    back6(c, **ports)
    c.opens(six=1)


@case
def ipv6_snat_none_keeps_the_client_visible(c):
    """Rule with snat none: the target sees the client; its answer comes from the listener"""
    c.relay(TWO_ARM6, rule6(snat="none"), snat=POOL6)
    there6(c, snat=CLIENT6)
    c.then()
    back6(c, snat=CLIENT6)
    c.opens(six=1)


@case
def ipv6_virtual_addresses_relay(c):
    """Listener and SNAT address lie outside the ports' networks: they are the relay's all the same"""
    virtual = {"listener": ("2001:db8:f::1", 9000), "snat": ("2001:db8:f::2", 40000)}
    c.relay(TWO_ARM6, rule6(listen=virtual["listener"], snat="{ address: 2001:db8:f::2, ports: 40000-40999 }"))
    there6(c, **virtual)
    c.then()
    back6(c, **virtual)
    c.opens(six=1)


@case
def ipv6_sources_choose_the_rule_and_refuse_the_rest(c):
    """Two rules on one listener for two networks: each client has its own target, others are acl"""
    other = ("2001:db8:1::18", 5004)
    inner = port("inner", INNER_MAC, "2001:db8:1::1/64",
                 neighbors={"2001:db8:1::17": TARGET_MAC, "2001:db8:1::18": OTHER_TARGET_MAC})
    c.relay((EDGE6, inner), rule6("one", sources='["2001:db8:5::/64"]'),
            rule6("two", target=other, sources='["2001:db8:5:8000::/49"]'), snat=POOL6)
    there6(c)
    there6(c, client=("2001:db8:5:ffff::1", 40002), snat=("2001:db8:1::1", 40002), target=other, went=TO_OTHER_TARGET)
    c.drops("edge", "acl", udp6(FROM_GATEWAY, ("2001:db8:5:1::7", 40000), LISTENER6),
            udp6(FROM_GATEWAY, ("2001:db8:4:ffff:ffff:ffff:ffff:ffff", 40000), LISTENER6))
    c.opens(one=1, two=1)


@case
def ipv6_packets_without_a_rule_or_a_session(c):
    """To an own address and port nobody listens on, to a foreign address: no_rule; to the pool from a stranger: no_session"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c)
    c.drops("edge", "no_rule", udp6(FROM_GATEWAY, CLIENT6, ("2001:db8::1", 9001)),
            udp6(FROM_GATEWAY, CLIENT6, ("2001:db8::99", 9000)), udp6(FROM_GATEWAY, CLIENT6, ("ff02::1", 9000)),
            udp6(FROM_GATEWAY, CLIENT6, (EDGE_LINK_LOCAL, 9000)))
    c.drops("inner", "no_session", udp6(FROM_TARGET, ("2001:db8:1::17", 5005), SNAT6),
            udp6(FROM_TARGET, ("2001:db8:1::99", 5004), SNAT6), udp6(FROM_TARGET, TARGET6, ("2001:db8:1::1", 40002)))
    c.opens(six=1)


def strangers6(c, filtering, port, address):
    """As in IPv4: another port of the target, another address that the relay has a number for, and one it never saw."""
    c.relay(TWO_ARM6, rule6(filtering=filtering), snat=POOL6)
    there6(c)
    c.then()
    back6(c)
    for admitted, source in ((port, ("2001:db8:1::17", 5005)), (address, (CLIENT6[0], 5004)),
                             (address, ("2001:db8:1::99", 4242))):
        stranger = udp6(FROM_TARGET, source, SNAT6, b"stranger", hlim=33)
        if admitted:
            c.relays("inner", stranger, "edge", udp6(TO_GATEWAY, LISTENER6, CLIENT6, b"stranger", hlim=32))
        else:
            c.drops("inner", "no_session", stranger)
    back6(c)
    c.opens(six=1)


@case
def ipv6_filtering_by_address_and_port(c):
    """Strangers to an IPv6 session are no_session"""
    strangers6(c, "address-and-port", False, False)


@case
def ipv6_filtering_by_address(c):
    """Another port of an IPv6 target reaches the client, as if from the listener"""
    strangers6(c, "address", True, False)


@case
def ipv6_filtering_endpoint_independent(c):
    """Whoever writes to an IPv6 session's external endpoint reaches the client, as if from the listener"""
    strangers6(c, "endpoint-independent", True, True)


@case
def ipv6_mapping_endpoint_independent(c):
    """One IPv6 client socket speaks to two listeners: one external endpoint for both"""
    c.relay(TWO_ARM6, rule6(listen=("2001:db8::1", "9000-9001"), target=("2001:db8:1::17", "5004-5005"),
                            mapping="endpoint-independent"), snat=POOL6)
    second = {"listener": ("2001:db8::1", 9001), "target": ("2001:db8:1::17", 5005)}
    there6(c)
    there6(c, **second)
    c.then()
    back6(c, **second)
    back6(c)
    c.opens(six=2)


@case
def ipv6_pool_exhausted(c):
    """A pool of two ports serves two clients; the third is snat_exhausted, the first two stay"""
    clients = [{"client": ("2001:db8:5::7", sport), "snat": ("2001:db8:1::1", sport)} for sport in (40000, 40001)]
    c.relay(TWO_ARM6, SIX, snat="{ address: 2001:db8:1::1, ports: 40000-40001 }")
    for client in clients:
        there6(c, **client)
    c.drops("edge", "snat_exhausted", *[udp6(FROM_GATEWAY, (f"2001:db8:5::{n:x}", 50000), LISTENER6) for n in range(99)])
    for client in clients:
        there6(c, b"still", **client)
    c.opens(six=2)


@case
def ipv6_flow_table_full(c):
    """Room for two sessions: the third client is flow_table_full, however many there are, and the first two stay"""
    clients = [{"client": (f"2001:db8:5::{sport:x}", sport), "snat": ("2001:db8:1::1", sport)} for sport in (40000, 40002)]
    c.relay(TWO_ARM6, SIX, snat=POOL6, flows=4)
    for client in clients:
        there6(c, **client)
    c.drops("edge", "flow_table_full",
            *[udp6(FROM_GATEWAY, (f"2001:db8:6::{n:x}", 50000), LISTENER6) for n in range(50)])
    for client in clients:
        there6(c, b"still", **client)
    c.opens(six=2)


@case
def ipv6_limit_of_a_senders_network(c):
    """Two sessions of one /64 are the limit, whichever addresses have them; the next /64 has a limit of its own"""
    def client(network, port):
        return {"client": (f"2001:db8:5:{network}::{port:x}", port), "snat": ("2001:db8:1::1", port)}
    c.relay(TWO_ARM6, SIX, snat=POOL6, limits="perSource: { maxSessions: 2 }")
    there6(c, **client(1, 40000))
    there6(c, **client(1, 40002))
    c.drops("edge", "source_limit", udp6(FROM_GATEWAY, client(1, 40004)["client"], LISTENER6),
            udp6(FROM_GATEWAY, client(1, 40000)["client"][:1] + (40006,), LISTENER6))
    there6(c, **client(2, 40008))
    there6(c, b"still", **client(1, 40000))
    c.opens(six=3)


@case
def ipv6_hop_limit_is_decremented(c):
    """255 becomes 254 and 2 becomes 1; 1 and 0 are ttl_exceeded, on a live session and for a new one"""
    c.relay(TWO_ARM6, SIX, snat=POOL6, limits="")
    there6(c, hlim=255)
    there6(c, hlim=2)
    c.then()
    back6(c, hlim=2)
    c.opens(six=1)


@case
def ipv6_hop_limit_is_preserved(c):
    """ttl preserve: the hop limit leaves as it came, also 1"""
    c.relay(TWO_ARM6, rule6(ttl="preserve"), snat=POOL6)
    for hlim in (255, 64, 1):
        there6(c, hlim=hlim, hlim_out=hlim)
    c.then()
    back6(c, hlim=1, hlim_out=1)
    c.opens(six=1)


@case
def ipv6_udp_checksum_computed_zero_is_sent_as_all_ones(c):
    """Payloads for which the checksum behind the relay comes to 0x0000 leave with 0xFFFF, in both directions"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    out = solve(lambda frame: Ether(frame)[UDP].chksum,
                lambda word: udp6(TO_TARGET, SNAT6, TARGET6, word_bytes(word), hlim=63), 0xFFFF)
    there6(c, word_bytes(out))
    c.then()
    home = solve(lambda frame: Ether(frame)[UDP].chksum,
                 lambda word: udp6(TO_GATEWAY, LISTENER6, CLIENT6, word_bytes(word), hlim=63), 0xFFFF)
    back6(c, word_bytes(home))
    c.opens(six=1)


@case
def ipv6_udp_checksum_wrong_stays_wrong(c):
    """A checksum that is off by 1 or by 0x8000 is relayed and is off by as much behind the relay"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for off in (1, 0x8000, 0x1234):
        came = udp6(FROM_GATEWAY, CLIENT6, LISTENER6)
        went = udp6(TO_TARGET, SNAT6, TARGET6, hlim=63)
        c.relays("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, checksum=ones_add(Ether(came)[UDP].chksum, off)),
                 "inner", udp6(TO_TARGET, SNAT6, TARGET6, hlim=63, checksum=ones_add(Ether(went)[UDP].chksum, off)))
    c.opens(six=1)


@case
def ipv6_udp_without_a_checksum(c):
    """A UDP checksum of zero is forbidden in IPv6 (RFC 8200 8.1): udp_checksum_absent, behind extension headers too"""
    dropped_amid_ipv6(c, "udp_checksum_absent", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, checksum=0),
                      udp6(FROM_GATEWAY, CLIENT6, LISTENER6, checksum=0, headers=[IPv6ExtHdrDestOpt()]))


@case
def ipv6_extension_headers_are_kept(c):
    """UDP behind hop-by-hop options, destination options and a routing header that is through is relayed with them"""
    through = IPv6ExtHdrRouting(type=4, segleft=0, addresses=["2001:db8::1"])
    chains = [[IPv6ExtHdrHopByHop()], [IPv6ExtHdrDestOpt()], [through], [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()],
              [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), through, IPv6ExtHdrDestOpt()], [IPv6ExtHdrDestOpt()] * 7,
              [IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(200))])]]
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for headers in chains:
        there6(c, headers=headers)
    c.then()
    for headers in chains:
        back6(c, headers=headers)
    c.opens(six=1)


@case
def ipv6_extension_headers_that_are_refused(c):
    """Source routes, routing headers on their way, hop-by-hop options not in front, too many headers: extension_headers"""
    dropped_amid_ipv6(
        c, "extension_headers",
        udp6(FROM_GATEWAY, CLIENT6, LISTENER6, headers=[IPv6ExtHdrRouting(type=0, segleft=0, addresses=["2001:db8::9"])]),
        udp6(FROM_GATEWAY, CLIENT6, LISTENER6, headers=[IPv6ExtHdrRouting(type=0, segleft=1, addresses=["2001:db8::9"])]),
        udp6(FROM_GATEWAY, CLIENT6, LISTENER6, headers=[IPv6ExtHdrRouting(type=4, segleft=1, addresses=["2001:db8::9"])]),
        udp6(FROM_GATEWAY, CLIENT6, LISTENER6, headers=[IPv6ExtHdrDestOpt(), IPv6ExtHdrHopByHop()]),
        udp6(FROM_GATEWAY, CLIENT6, LISTENER6, headers=[IPv6ExtHdrDestOpt()] * 8))


@case
def ipv6_fragments_of_one(c):
    """A fragment header in front of a whole datagram (RFC 6946) is kept, with its id"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for id in (0, 9, 9, 0xFFFFFFFF):
        there6(c, headers=[IPv6ExtHdrFragment(id=id)])
    there6(c, headers=[IPv6ExtHdrDestOpt(), IPv6ExtHdrFragment(id=1, res1=255, res2=3)])
    c.then()
    back6(c, headers=[IPv6ExtHdrFragment(id=3)])
    c.opens(six=1)


def piece6(frame, start, end, id, headers=(), offset=None, more=None, nh=17):
    """Bytes start to end of what follows the IPv6 header of a frame, as a fragment; `headers` stand in front."""
    whole = Ether(frame)
    header, payload = whole[IPv6], frame[54:]
    packet = IPv6(src=header.src, dst=header.dst, hlim=header.hlim, tc=header.tc, fl=header.fl)
    for extension in headers:
        packet = packet / extension
    packet = packet / IPv6ExtHdrFragment(id=id, nh=nh, offset=start // 8 if offset is None else offset,
                                         m=int(end < len(payload)) if more is None else more)
    return ether((whole.src, whole.dst), packet / Raw(payload[start:end]), 0x86DD)


def pieces6(frame, cuts, id, **fields):
    return [piece6(frame, start, end, id, **fields) for start, end in itertools.pairwise([0, *cuts, len(frame) - 54])]


def forward_pair6(payload, cuts, id, client=CLIENT6, snat=SNAT6, **fields):
    """A client's datagram in fragments, as it comes and as it leaves."""
    return (pieces6(udp6(FROM_GATEWAY, client, LISTENER6, payload), cuts, id, **fields),
            pieces6(udp6(TO_TARGET, snat, TARGET6, payload, hlim=63), cuts, id, **fields))


def reply_pair6(payload, cuts, id, **fields):
    return (pieces6(udp6(FROM_TARGET, TARGET6, SNAT6, payload), cuts, id, **fields),
            pieces6(udp6(TO_GATEWAY, LISTENER6, CLIENT6, payload, hlim=63), cuts, id, **fields))


CUTS6 = (1448, 2896)


@case
def ipv6_fragments_in_every_order(c):
    """Three fragments in all six orders, both ways: the first opens the session, the others wait for it or follow it"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for id, order in enumerate(itertools.permutations(range(3))):
        in_order(c, order, "edge", "inner", *forward_pair6(BIG, CUTS6, id))
    c.then()
    for id, order in enumerate(itertools.permutations(range(3))):
        in_order(c, order, "inner", "edge", *reply_pair6(BIG, CUTS6, id))
    c.opens(six=1)


@case
def ipv6_fragments_behind_other_headers(c):
    """Destination options in front of the fragment header are kept; a first of 8 bytes is UDP's header alone"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    options = [IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(30))])]
    in_order(c, (1, 0, 2), "edge", "inner", *forward_pair6(BIG, (1400, 2800), 1, headers=options))
    in_order(c, (0, 1, 2), "edge", "inner", *forward_pair6(b"t" * 401, (8, 408), 2, headers=options))
    c.opens(six=1)


@case
def ipv6_fragments_of_two_clients_with_one_id(c):
    """Two clients and the same id at once, behind one external address: the ids that leave differ"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    mine = forward_pair6(BIG, CUTS6, 7)
    came, _ = forward_pair6(BIG[::-1], CUTS6, 7, client=("2001:db8:5::8", 41000))
    _, went = forward_pair6(BIG[::-1], CUTS6, 8, snat=(SNAT6[0], 41000))
    for number in range(3):
        c.relays("edge", mine[0][number], "inner", mine[1][number])
        c.relays("edge", came[number], "inner", went[number])
    c.opens(six=2)


@case
def ipv6_fragments_that_overlap(c):
    """Bytes that came already are dropped alone; of which only some came, they end the datagram (RFC 5722)"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    whole = udp6(FROM_GATEWAY, CLIENT6, LISTENER6, BIG)
    came, went = forward_pair6(BIG, CUTS6, 1)
    c.relays("edge", came[0], "inner", went[0])
    c.drops("edge", "fragment_overlap", piece6(whole, 1440, 2896, 1), came[1], came[2], came[0])
    c.then()
    came, went = forward_pair6(BIG, CUTS6, 2)
    c.drops("edge", "fragment_overlap", came[2], piece6(whole, 1448, 2904, 2))
    c.then()
    came, went = forward_pair6(BIG, CUTS6, 3)
    c.relays("edge", came[0], "inner", went[0])
    c.relays("edge", came[1], "inner", went[1])
    c.drops("edge", "fragment_overlap", came[1], came[0])
    c.relays("edge", came[2], "inner", went[2])
    c.then()
    there6(c, b"the session lives")
    c.opens(six=1)


@case
def ipv6_fragments_that_are_refused(c):
    """Without bytes, not of eights, behind byte 65,535, of other protocols, from nobody, with half a UDP header"""
    whole = udp6(FROM_GATEWAY, CLIENT6, LISTENER6, BIG)
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c)
    c.drops("edge", "bad_ip_header", piece6(whole, 8, 8, 1), piece6(whole, 8, 8, 1, more=0), piece6(whole, 0, 7, 1),
            piece6(whole, 8, 17, 1))
    c.drops("edge", "fragment_overlap", piece6(whole, 0, 16, 1, offset=8191, more=0),
            piece6(whole, 0, 8, 1, offset=8191, more=1))
    c.drops("edge", "not_udp", piece6(whole, 0, 8, 1, nh=6), piece6(whole, 8, 16, 1, nh=6))
    c.drops("edge", "icmp_unsupported", piece6(whole, 0, 8, 1, nh=58), piece6(whole, 8, 16, 1, nh=58))
    c.drops("edge", "extension_headers", piece6(whole, 0, 8, 1, nh=60), piece6(whole, 8, 16, 1, nh=0))
    c.drops("edge", "truncated", piece6(whole, 0, 7, 1, more=1, nh=17)[:-7])
    c.drops("edge", "martian", *(piece6(udp6(FROM_GATEWAY, (source, 40000), LISTENER6, BIG), 8, 16, 1)
                                 for source in ("::1", "ff02::1", "fe80::5")))
    c.drops("edge", "udp_checksum_absent", piece6(udp6(FROM_GATEWAY, CLIENT6, LISTENER6, BIG, checksum=0), 0, 8, 1))
    c.drops("edge", "bad_udp_length", piece6(udp6(FROM_GATEWAY, CLIENT6, LISTENER6, BIG, length=7), 0, 8, 1))
    c.opens(six=1)


@case
def ipv6_fragments_without_a_first(c):
    """Fragments whose first never comes, or comes refused, go nowhere; a first whose others do not come has gone on"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    came, _ = forward_pair6(BIG, CUTS6, 1)
    c.drops("edge", "draining", came[1], came[2])
    elsewhere = pieces6(udp6(FROM_GATEWAY, CLIENT6, (LISTENER6[0], 9001), BIG), CUTS6, 2)
    c.drops("edge", "fragment", elsewhere[2], elsewhere[1])
    c.drops("edge", "no_rule", elsewhere[0])
    c.then()
    c.drops("inner", "no_session", piece6(udp6(FROM_TARGET, TARGET6, SNAT6, BIG), 0, 1448, 3))
    c.then()
    came, went = forward_pair6(BIG, CUTS6, 4)
    c.relays("edge", came[0], "inner", went[0])
    c.opens(six=1)


@case
def ipv6_fragments_that_are_too_long(c):
    """mtu 1280 on the way out: the first is told packet too big, nobody but the sender cuts; its time is told as well"""
    narrow = port("inner", INNER_MAC, "[192.0.2.1/24, 2001:db8:1::1/64]", mtu=1280,
                  neighbors={**INNER_NEIGHBORS, "2001:db8:1::17": TARGET_MAC})
    c.relay((EDGE6, narrow), SIX, snat=POOL6)
    came, _ = forward_pair6(BIG, CUTS6, 1)
    tells6(c, "mtu_exceeded", came[0], kind=ICMPv6PacketTooBig, mtu=1280)
    c.drops("edge", "mtu_exceeded", came[1])
    c.then()
    in_order(c, (1, 0), "edge", "inner", *forward_pair6(BIG[:2000], (1232,), 2))
    c.then()
    tells6(c, "ttl_exceeded", piece6(udp6(FROM_GATEWAY, CLIENT6, LISTENER6, BIG, hlim=1), 0, 1232, 3))
    c.opens(six=1)


@case
def ipv6_next_headers_other_than_udp(c):
    """TCP, ESP, AH, SCTP, no next header, an unknown one, and such behind options: not_udp"""
    frames = [ip6_payload(number, bytes(40)) for number in (6, 50, 51, 132, 59, 253, 4, 41)]
    dropped_amid_ipv6(c, "not_udp", *frames, ip6_payload(60, bytes([6, 0]) + bytes(38)))


@case
def ipv6_packets_cut_at_every_byte(c):
    """An IPv6 packet cut anywhere before its end is truncated; so is one whose extension header runs over its end"""
    whole = udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"", headers=[IPv6ExtHdrHopByHop()])
    plain = udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"")
    dropped_amid_ipv6(c, "truncated", *[whole[:length] for length in range(len(whole))],
                      *[plain[:length] for length in range(14, len(plain))],
                      *[ip6_payload(17, bytes(length)) for length in range(8)],
                      *[ip6_payload(60, bytes([17, 0, 1, 4, 0, 0, 0, 0])[:length]) for length in range(9)],
                      ip6_payload(60, bytes([17, 9]) + bytes(6)), ip6_payload(60, bytes([17, 255]) + bytes(30)))


@case
def ipv6_header_that_lies(c):
    """A version other than 6 is bad_ip_header, in whatever EtherType says IPv6"""
    frame = udp6(FROM_GATEWAY, CLIENT6, LISTENER6)
    dropped_amid_ipv6(c, "bad_ip_header", *[frame[:14] + bytes([version << 4 | 0xB]) + frame[15:]
                                            for version in range(16) if version != 6])


@case
def ipv6_udp_length_that_lies(c):
    """A UDP length below 8 or beyond the payload is bad_udp_length; jumbograms are none of ours"""
    dropped_amid_ipv6(c, "bad_udp_length", *[udp6(FROM_GATEWAY, CLIENT6, LISTENER6, length=length)
                                             for length in (0, 1, 7, 16, 65535)])


@case
def ipv6_udp_shorter_than_its_payload_is_kept(c):
    """Bytes behind the UDP datagram but inside the IPv6 payload are relayed untouched"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for length in (8, 10):
        checksum = [Ether(udp6(link, *ends, b"culvert"[:length - 8]))[UDP].chksum for link, *ends in (
            (FROM_GATEWAY, CLIENT6, LISTENER6), (TO_TARGET, SNAT6, TARGET6))]
        c.relays("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, length=length, checksum=checksum[0]),
                 "inner", udp6(TO_TARGET, SNAT6, TARGET6, length=length, checksum=checksum[1], hlim=63))
    c.opens(six=1)


@case
def ipv6_ethernet_trailers_are_trimmed(c):
    """Bytes behind the IPv6 packet do not leave"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for trailer in (b"\0", bytes(64), b"x" * 7):
        c.relays("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"") + trailer,
                 "inner", udp6(TO_TARGET, SNAT6, TARGET6, b"", hlim=63))
    c.opens(six=1)


@case
def ipv6_sources_that_cannot_be(c):
    """Unspecified, loopback, multicast, link-local, with IPv4 inside, and all of our own: martian"""
    dropped_amid_ipv6(c, "martian", *[udp6(FROM_GATEWAY, (source, 40000), LISTENER6) for source in (
        "::", "::1", "ff02::1", "ff0e::7", "fe80::7", GATEWAY6, "::ffff:198.51.100.7", "::198.51.100.7", "2001:db8::1",
        "2001:db8:1::1", EDGE_LINK_LOCAL)])


@case
def ipv6_source_port_zero(c):
    """A reply to port 0 could not be addressed: udp_port_zero"""
    dropped_amid_ipv6(c, "udp_port_zero", udp6(FROM_GATEWAY, (CLIENT6[0], 0), LISTENER6))


@case
def ipv6_frames_for_others(c):
    """Another station's MAC, broadcast, groups that are none of ours, routers' talk to all nodes: not_for_us"""
    dropped_amid_ipv6(
        c, "not_for_us", udp6((GATEWAY_MAC, STRANGER_MAC), CLIENT6, LISTENER6),
        udp6((GATEWAY_MAC, EVERYBODY), CLIENT6, LISTENER6), udp6((GATEWAY_MAC, "33:33:ff:00:00:01"), CLIENT6, LISTENER6),
        solicitation("2001:db8::99"), solicitation("2001:db8::1", to="33:33:ff:00:00:02"),
        icmp6((GATEWAY_MAC, "33:33:00:00:00:01"), GATEWAY6, "ff02::1", ICMPv6ND_RA(), hlim=255),
        icmp6((GATEWAY_MAC, "33:33:00:00:00:02"), GATEWAY6, "ff02::2", ICMPv6ND_RS(), hlim=255),
        echo6((GATEWAY_MAC, "33:33:00:00:00:01"), GATEWAY6, "ff02::1"))


@case
def ipv6_mtu_of_the_egress_port_counts(c):
    """inner has mtu 1280: 1280 bytes pass, also with a trailer; edge still sends 1500"""
    inner = port("inner", INNER_MAC, "2001:db8:1::1/64", mtu=1280, neighbors={"2001:db8:1::17": TARGET_MAC})
    c.relay((EDGE6, inner), SIX, snat=POOL6)
    there6(c, b"m" * 1232)
    c.relays("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"m" * 1232) + b"\0\0\0\0",
             "inner", udp6(TO_TARGET, SNAT6, TARGET6, b"m" * 1232, hlim=63))
    c.then()
    back6(c, b"m" * 1452)
    c.opens(six=1)


# ==== neighbor discovery ====

@case
def nd_solicitations_for_our_addresses_are_answered(c):
    """For the port's address and its link-local one, by group, by unicast and without a link-layer option"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for own in ("2001:db8::1", EDGE_LINK_LOCAL):
        answer = advertisement(TO_GATEWAY, own, GATEWAY6)
        c.answers("edge", "nd", solicitation(own), answer)
        c.answers("edge", "nd", solicitation(own, to=EDGE_MAC, dst=own), answer)
        c.answers("edge", "nd", solicitation(own, to=EDGE_MAC, dst=own, tells=False), answer)
    c.answers("edge", "nd", solicitation("2001:db8::1", src="2001:db8::7", mac=NEAR_MAC),
              advertisement(TO_NEAR, "2001:db8::1", "2001:db8::7"))
    c.then()
    c.answers("inner", "nd", solicitation("2001:db8:1::1", src="2001:db8:1::17", mac=TARGET_MAC),
              advertisement(TO_TARGET, "2001:db8:1::1", "2001:db8:1::17"))


@case
def nd_solicitation_of_a_virtual_address_is_answered(c):
    """A listener's address inside the port's network is answered as the port's own is"""
    c.relay(TWO_ARM6, rule6(listen=("2001:db8::aa:5", 9000)), snat=POOL6)
    c.answers("edge", "nd", solicitation("2001:db8::aa:5"), advertisement(TO_GATEWAY, "2001:db8::aa:5", GATEWAY6))


@case
def nd_probe_for_our_address_is_answered_to_all_nodes(c):
    """A station that wants our address (RFC 4862 5.4.3) is told by all that it is taken"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.answers("edge", "nd", solicitation("2001:db8::1", src="::", mac=STRANGER_MAC, tells=False),
              advertisement((EDGE_MAC, "33:33:00:00:00:01"), "2001:db8::1", "ff02::1", solicited=0))


@case
def nd_for_others_is_ignored(c):
    """Solicitations for addresses of the other port and of nobody, advertisements of strangers: nd_ignored"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.drops("edge", "nd_ignored", solicitation("2001:db8:1::1", to=EDGE_MAC, dst="2001:db8:1::1"),
            solicitation("2001:db8::77", to=EDGE_MAC, dst="2001:db8::77"),
            advertisement((STRANGER_MAC, EDGE_MAC), "2001:db8::99", EDGE_LINK_LOCAL),
            advertisement((STRANGER_MAC, "33:33:00:00:00:01"), "2001:db8::99", "ff02::1", solicited=0))


@case
def nd_that_is_malformed(c):
    """Hop limit below 255, a code, a wrong checksum, options of length 0 or cut, rules of RFC 4861 7.1: bad_nd"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    us = {"to": EDGE_MAC, "dst": "2001:db8::1"}
    c.drops("edge", "bad_nd", solicitation("2001:db8::1", hlim=254), solicitation("2001:db8::1", code=1),
            solicitation("2001:db8::1", cksum=0x1234), solicitation("ff02::1", **us),
            solicitation("2001:db8::1", src="::"), solicitation("2001:db8::1", src="::", tells=False, **us),
            advertisement((GATEWAY_MAC, EDGE_MAC), GATEWAY6, EDGE_LINK_LOCAL, hlim=64),
            advertisement((GATEWAY_MAC, "33:33:00:00:00:01"), GATEWAY6, "ff02::1", solicited=1),
            *[icmp6((GATEWAY_MAC, EDGE_MAC), GATEWAY6, "2001:db8::1",
                    ICMPv6ND_NS(tgt="2001:db8::1") / Raw(option), hlim=255)
              for option in (b"\1\0" + bytes(6), b"\1\2" + bytes(6), b"\1", b"\1\1" + bytes(6) + b"\1\1")],
            icmp6((GATEWAY_MAC, EDGE_MAC), GATEWAY6, "2001:db8::1", Raw(bytes([135, 0, 0, 0] + [0] * 19)), nh=58, hlim=255))


@case
def nd_that_claims_our_address(c):
    """Solicitations from and advertisements of an address of ours, or with our MAC or a group's, change nothing: bad_nd"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.drops("edge", "bad_nd", solicitation("2001:db8::1", src="2001:db8::1"),
            solicitation("2001:db8::1", src=EDGE_LINK_LOCAL), solicitation("2001:db8::1", told=EDGE_MAC),
            solicitation("2001:db8::1", told="33:33:00:00:00:01"), solicitation("2001:db8::1", src="ff02::1"),
            advertisement((STRANGER_MAC, EDGE_MAC), "2001:db8::1", EDGE_LINK_LOCAL),
            advertisement((STRANGER_MAC, EDGE_MAC), "2001:db8:1::1", EDGE_LINK_LOCAL),
            advertisement((STRANGER_MAC, "33:33:00:00:00:01"), EDGE_LINK_LOCAL, "ff02::1", solicited=0))
    there6(c)
    c.opens(six=1)


ASKS_FOR_TARGET6 = solicitation("2001:db8:1::17", src=INNER_LINK_LOCAL, mac=INNER_MAC)


@case
def nd_next_hop_is_asked_for(c):
    """The target's MAC is unknown: the datagrams wait, one solicitation goes out, the advertisement releases them in order"""
    c.relay((EDGE6, BARE_INNER6), SIX, snat=POOL6)
    c.holds("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"one"))
    c.asks("inner", ASKS_FOR_TARGET6)
    c.holds("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"two", headers=[IPv6ExtHdrDestOpt()]))
    c.then()
    c.drops("inner", "nd_ignored", advertisement((STRANGER_MAC, INNER_MAC), "2001:db8:1::99", INNER_LINK_LOCAL))
    c.then()
    c.takes_in("inner", advertisement(FROM_TARGET, "2001:db8:1::17", INNER_LINK_LOCAL), "nd")
    c.releases("inner", udp6(TO_TARGET, SNAT6, TARGET6, b"one", hlim=63))
    c.releases("inner", udp6(TO_TARGET, SNAT6, TARGET6, b"two", hlim=63, headers=[IPv6ExtHdrDestOpt()]))
    c.then()
    there6(c, b"at once")
    c.then()
    back6(c)
    c.opens(six=1)


@case
def nd_next_hop_gateway_is_asked_for(c):
    """The answer's way to an off-link client is the gateway's link-local address: that is asked for, not the client's"""
    edge = port("edge", EDGE_MAC, "2001:db8::1/64", gateway="fe80::cafe:fe")
    c.relay((edge, INNER6), SIX, snat=POOL6)
    there6(c)
    c.then()
    c.holds("inner", udp6(FROM_TARGET, TARGET6, SNAT6))
    c.asks("edge", solicitation("fe80::cafe:fe", src=EDGE_LINK_LOCAL, mac=EDGE_MAC))
    c.then()
    c.takes_in("edge", advertisement(FROM_GATEWAY, "fe80::cafe:fe", EDGE_LINK_LOCAL), "nd")
    c.releases("edge", udp6(TO_GATEWAY, LISTENER6, CLIENT6, hlim=63))
    c.opens(six=1)


@case
def nd_next_hop_learnt_from_its_own_solicitation(c):
    """A target that asks for us first has told its MAC: what waits for it goes on"""
    c.relay((EDGE6, BARE_INNER6), SIX, snat=POOL6)
    c.holds("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6))
    c.asks("inner", ASKS_FOR_TARGET6)
    c.then()
    c.answers("inner", "nd", solicitation("2001:db8:1::1", src="2001:db8:1::17", mac=TARGET_MAC),
              advertisement(TO_TARGET, "2001:db8:1::1", "2001:db8:1::17"))
    c.releases("inner", udp6(TO_TARGET, SNAT6, TARGET6, hlim=63))
    c.opens(six=1)


@case
def nd_next_hop_moves_only_when_the_advertisement_overrides(c):
    """Without the override flag a known MAC stays; an announcement to all nodes that overrides moves it (failover)"""
    c.relay((EDGE6, BARE_INNER6), SIX, snat=POOL6)
    c.holds("edge", udp6(FROM_GATEWAY, CLIENT6, LISTENER6))
    c.asks("inner", ASKS_FOR_TARGET6)
    c.then()
    c.takes_in("inner", advertisement(FROM_TARGET, "2001:db8:1::17", INNER_LINK_LOCAL, override=0), "nd")
    c.releases("inner", udp6(TO_TARGET, SNAT6, TARGET6, hlim=63))
    c.then()
    c.takes_in("inner", advertisement((NEW_MAC, INNER_MAC), "2001:db8:1::17", INNER_LINK_LOCAL, override=0), "nd")
    c.takes_in("inner", advertisement((NEW_MAC, INNER_MAC), "2001:db8:1::17", INNER_LINK_LOCAL, tells=False), "nd")
    c.then()
    there6(c, b"stays")
    c.then()
    c.takes_in("inner", advertisement((NEW_MAC, "33:33:00:00:00:01"), "2001:db8:1::17", "ff02::1", solicited=0), "nd")
    c.then()
    there6(c, b"moved", went=(INNER_MAC, NEW_MAC))
    c.opens(six=1)


@case
def nd_does_not_move_a_configured_neighbor(c):
    """A neighbor with a fixed MAC stays where the configuration says"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.takes_in("inner", advertisement((NEW_MAC, INNER_MAC), "2001:db8:1::17", INNER_LINK_LOCAL), "nd")
    c.then()
    there6(c)
    c.opens(six=1)


@case
def echo6_to_our_addresses_is_answered(c):
    """Addresses of ports, listeners and pools, and the link-local one, answer pings; sizes from nothing to the MTU"""
    c.relay(TWO_ARM6, rule6(listen=("2001:db8:f::1", 9000)), snat=POOL6)
    for own in ("2001:db8::1", "2001:db8:1::1", "2001:db8:f::1"):
        c.answers("edge", "icmpv6", echo6(FROM_GATEWAY, CLIENT6[0], own), echo6(TO_GATEWAY, own, CLIENT6[0], reply=True))
    c.answers("edge", "icmpv6", echo6(FROM_NEAR, "fe80::7", EDGE_LINK_LOCAL),
              echo6(TO_NEAR, EDGE_LINK_LOCAL, "fe80::7", reply=True))
    for size in (0, 1, 2, 55, 1452):
        c.answers("edge", "icmpv6", echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::1", b"e" * size, hlim=1),
                  echo6(TO_GATEWAY, "2001:db8::1", CLIENT6[0], b"e" * size, reply=True))


@case
def echo6_trailers_are_not_part_of_it(c):
    """Bytes behind an echo request do not come back"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.answers("edge", "icmpv6", echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::1", b"x") + bytes(9),
              echo6(TO_GATEWAY, "2001:db8::1", CLIENT6[0], b"x", reply=True))


@case
def echo6_that_is_broken(c):
    """A wrong checksum is bad_checksum; sources that cannot be are martian; other ICMPv6 and other hosts' pings unsupported"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    c.drops("edge", "bad_checksum", echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::1", cksum=0x1111))
    c.drops("edge", "martian", *[echo6(FROM_GATEWAY, source, "2001:db8::1")
                                 for source in ("::", "ff02::1", "2001:db8::1", EDGE_LINK_LOCAL)])
    c.drops("edge", "icmp_unsupported", echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::99"),
            echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::1", code=1),
            echo6(FROM_GATEWAY, CLIENT6[0], "2001:db8::1", reply=True),
            icmp6(FROM_GATEWAY, GATEWAY6, "2001:db8::1", ICMPv6ND_RA(), hlim=255),
            icmp6(FROM_GATEWAY, GATEWAY6, "2001:db8::1", ICMPv6ND_Redirect(), hlim=255))


# ==== ICMPv6 errors ====

def quote6(source, destination, payload=b"culvert", cut=None, **fields):
    """The packet that an error is about; `cut` to so many bytes of UDP."""
    packet = udp6(FROM_GATEWAY, source, destination, payload, **{"hlim": 62, **fields})[14:]
    return packet if cut is None else packet[:40 + cut]


def error6(link, src, dst, quoted, kind=ICMPv6DestUnreach, hlim=64, **fields):
    return icmp6(link, src, dst, kind(**{"code": 4 if kind is ICMPv6DestUnreach else 0, **fields}) / Raw(quoted), hlim=hlim)


def about6(frame, ours="2001:db8::1", kind=ICMPv6TimeExceeded, **fields):
    """Our own error about a frame: as much of the packet as 1,280 bytes hold."""
    came = Ether(frame)
    return error6((came.dst, came.src), ours, came[IPv6].src, bytes(came[IPv6])[:1232], kind, **fields)


def tells6(c, reason, frame, **error):
    c.drops("edge", reason, frame)
    c.leaves("edge", about6(frame, **error))
    c.told += 1


def tells_client6(c, sender=TARGET6[0], shown=None, quoted=None, told=None, hlim=64, **error):
    shown = shown or (LISTENER6[0] if sender == TARGET6[0] else sender)
    c.relays("inner", error6(FROM_TARGET, sender, SNAT6[0], quoted or quote6(SNAT6, TARGET6), hlim=hlim, **error),
             "edge", error6(TO_GATEWAY, shown, CLIENT6[0], told or quote6(CLIENT6, LISTENER6), hlim=hlim - 1, **error))


def tells_target6(c, sender=CLIENT6[0], hlim=64, **error):
    c.relays("edge", error6(FROM_GATEWAY, sender, LISTENER6[0], quote6(LISTENER6, CLIENT6), hlim=hlim, **error),
             "inner", error6(TO_TARGET, SNAT6[0], TARGET6[0], quote6(TARGET6, SNAT6), hlim=hlim - 1, **error))


def session_then_errors6(c, *rules, **options):
    c.relay(TWO_ARM6, *(rules or (SIX,)), **{"snat": POOL6, **options})
    there6(c)
    c.then()
    c.opens(six=1)


EVERY_ERROR6 = [*({"kind": ICMPv6DestUnreach, "code": code} for code in range(8)),
                *({"kind": ICMPv6PacketTooBig, "mtu": mtu} for mtu in (0, 68, 1280, 1400, 65535, 0xFFFFFFFF)),
                *({"kind": ICMPv6TimeExceeded, "code": code} for code in (0, 1)),
                *({"kind": ICMPv6ParamProblem, "code": code, "ptr": 6} for code in range(4))]


@case
def icmp6_errors_of_every_kind_reach_the_client(c):
    """Unreachable, packet too big, time exceeded, parameter problem: from the target they come as from the listener"""
    session_then_errors6(c)
    for error in EVERY_ERROR6:
        tells_client6(c, **error)
    c.then()
    there6(c, b"after")


@case
def icmp6_errors_of_every_kind_reach_the_target(c):
    """The client's side tells the target, which sees but the SNAT address, whoever sent the error"""
    session_then_errors6(c)
    back6(c)
    c.then()
    for error in EVERY_ERROR6:
        tells_target6(c, **error)
    tells_target6(c, sender="2001:db8:99::1", kind=ICMPv6TimeExceeded)
    c.then()
    back6(c, b"after")


@case
def icmp6_error_of_a_router_keeps_its_address(c):
    """Towards the client a router on the way is seen as itself: traceroute shows the path"""
    session_then_errors6(c)
    tells_client6(c, sender="2001:db8:99::1", kind=ICMPv6TimeExceeded)
    tells_client6(c, sender="2001:db8:99::1", kind=ICMPv6PacketTooBig, mtu=1400)


@case
def icmp6_error_quotes_of_all_sizes(c):
    """Quotes cut behind the UDP header, whole, odd, behind extension headers, of a first fragment; trailers stay behind"""
    session_then_errors6(c)
    for cut in (8, 9, 15):
        tells_client6(c, quoted=quote6(SNAT6, TARGET6, cut=cut), told=quote6(CLIENT6, LISTENER6, cut=cut))
    for fields in ({"payload": b"q" * 1184}, {"headers": [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()]},
                   {"headers": [IPv6ExtHdrFragment(id=9, offset=0, m=1)]}):
        tells_client6(c, quoted=quote6(SNAT6, TARGET6, **fields), told=quote6(CLIENT6, LISTENER6, **fields))
    c.relays("inner", error6(FROM_TARGET, TARGET6[0], SNAT6[0], quote6(SNAT6, TARGET6)) + bytes(3),
             "edge", error6(TO_GATEWAY, LISTENER6[0], CLIENT6[0], quote6(CLIENT6, LISTENER6), hlim=63))


@case
def icmp6_error_without_snat(c):
    """snat none: the error reaches the client, quoting its own packet; in the other direction clients are visible"""
    c.relay(TWO_ARM6, rule6(snat="none"), snat=POOL6)
    there6(c, snat=CLIENT6)
    c.then()
    c.opens(six=1)
    c.relays("inner", error6(FROM_TARGET, TARGET6[0], CLIENT6[0], quote6(CLIENT6, TARGET6)),
             "edge", error6(TO_GATEWAY, LISTENER6[0], CLIENT6[0], quote6(CLIENT6, LISTENER6), hlim=63))
    c.then()
    c.relays("edge", error6(FROM_GATEWAY, CLIENT6[0], LISTENER6[0], quote6(LISTENER6, CLIENT6)),
             "inner", error6(TO_TARGET, CLIENT6[0], TARGET6[0], quote6(TARGET6, CLIENT6), hlim=63))


@case
def icmp6_errors_that_are_unrelated(c):
    """About other ports, hosts, protocols, later fragments, or not to who sent the quoted packet: icmp_unrelated"""
    session_then_errors6(c)
    other = ("2001:db8:1::99", 5004)
    quotes = [quote6(SNAT6, (TARGET6[0], 5005)), quote6((SNAT6[0], 40002), TARGET6), quote6(SNAT6, other),
              quote6(TARGET6, SNAT6), quote6(("2001:db8:1::9", 40000), TARGET6),
              quote6(SNAT6, TARGET6, headers=[IPv6ExtHdrFragment(id=9, offset=8, m=0)]),
              bytes(IPv6(src=SNAT6[0], dst=TARGET6[0]) / TCP(sport=40000, dport=5004))]
    c.drops("inner", "icmp_unrelated", *[error6(FROM_TARGET, TARGET6[0], SNAT6[0], quoted) for quoted in quotes],
            error6(FROM_TARGET, TARGET6[0], "2001:db8:1::99", quote6(SNAT6, TARGET6)))
    c.then()
    there6(c, b"after")


@case
def icmp6_errors_that_are_broken(c):
    """A wrong checksum, a quote cut in its headers, a quote that is not IPv6, a source that cannot be"""
    session_then_errors6(c)
    c.drops("inner", "bad_checksum", error6(FROM_TARGET, TARGET6[0], SNAT6[0], quote6(SNAT6, TARGET6), cksum=0x1234))
    c.drops("inner", "truncated", *[error6(FROM_TARGET, TARGET6[0], SNAT6[0], quote6(SNAT6, TARGET6)[:length])
                                    for length in range(48)])
    c.drops("inner", "bad_ip_header", error6(FROM_TARGET, TARGET6[0], SNAT6[0], b"\x45" + bytes(60)))
    c.drops("inner", "martian", *[error6(FROM_TARGET, source, SNAT6[0], quote6(SNAT6, TARGET6))
                                  for source in ("fe80::17", "::1", "ff02::1")])
    c.drops("inner", "ttl_exceeded", error6(FROM_TARGET, TARGET6[0], SNAT6[0], quote6(SNAT6, TARGET6), hlim=1))
    c.then()
    there6(c, b"after")


@case
def icmp6_time_exceeded_is_told_as_it_came_in(c):
    """A hop limit of 1 or 0 ends here, within a session and before there is one; the quote is the client's own packet"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    for payload, fields in ((b"", {}), (b"q" * 1184, {}), (b"q" * 1185, {"hlim": 0}), (b"odd", {"headers": [IPv6ExtHdrDestOpt()]})):
        tells6(c, "ttl_exceeded", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, payload, **{"hlim": 1, **fields}))
    c.then()
    there6(c)
    c.then()
    tells6(c, "ttl_exceeded", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, hlim=1))
    c.opens(six=1)


@case
def icmp6_packet_too_big_is_told(c):
    """inner has mtu 1280: 1281 bytes are mtu_exceeded, and the client is told 1280"""
    inner = port("inner", INNER_MAC, "2001:db8:1::1/64", mtu=1280, neighbors={"2001:db8:1::17": TARGET_MAC})
    c.relay((EDGE6, inner), SIX, snat=POOL6)
    too_big = {"kind": ICMPv6PacketTooBig, "mtu": 1280}
    tells6(c, "mtu_exceeded", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"m" * 1233), **too_big)
    c.then()
    there6(c, b"m" * 1232)
    c.then()
    tells6(c, "mtu_exceeded", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, b"m" * 1452), **too_big)
    c.opens(six=1)


@case
def icmp6_error_from_our_own_address(c):
    """An ICMPv6 error about a live session whose source claims to be us is martian"""
    c.relay(TWO_ARM6, SIX, snat=POOL6)
    there6(c)
    c.then()
    for ours in (SNAT6[0], LISTENER6[0], INNER_LINK_LOCAL):
        c.drops("inner", "martian", error6(FROM_TARGET, ours, SNAT6[0], quote6(SNAT6, TARGET6)))
    back6(c)
    c.opens(six=1)


@case
def icmp6_strangers_from_the_targets_address_are_not_misquoted(c):
    """A stranger on the target's address is let in as the target; it hears that its packet is too long as it sent it"""
    edge = port("edge", EDGE_MAC, "2001:db8::1/64", gateway=GATEWAY6, mtu=1280, neighbors={GATEWAY6: GATEWAY_MAC})
    c.relay((edge, INNER6), rule6(filtering="address"), snat=POOL6)
    there6(c)
    c.then()
    too_long = udp6(FROM_TARGET, (TARGET6[0], 5005), SNAT6, b"m" * 1233)
    c.drops("inner", "mtu_exceeded", too_long)
    c.leaves("inner", about6(too_long, ours="2001:db8:1::1", kind=ICMPv6PacketTooBig, mtu=1280))
    c.told += 1
    back6(c)
    c.opens(six=1)


@case
def icmp6_errors_of_our_own_end_with_the_budget_and_can_be_switched_off(c):
    """icmp errors false: nobody is told; what others say passes all the same"""
    session_then_errors6(c, icmp="errors: false, refusals: true")
    c.drops("edge", "ttl_exceeded", udp6(FROM_GATEWAY, CLIENT6, LISTENER6, hlim=1))
    tells_client6(c)


@case
def icmp6_refusals_are_told_where_asked_for(c):
    """icmp refusals true: 1/1 to whom the rule does not admit, 1/3 when all ports are lent"""
    c.relay(TWO_ARM6, rule6(sources='["2001:db8:5::/48"]'), snat="{ address: 2001:db8:1::1, ports: 40000-40000 }",
            icmp="refusals: true")
    there6(c)
    refused = {"kind": ICMPv6DestUnreach}
    tells6(c, "acl", udp6(FROM_GATEWAY, ("2001:db8:6::1", 40000), LISTENER6), code=1, **refused)
    tells6(c, "snat_exhausted", udp6(FROM_GATEWAY, ("2001:db8:5::8", 40000), LISTENER6), code=3, **refused)
    c.drops("edge", "no_rule", udp6(FROM_GATEWAY, CLIENT6, ("2001:db8::1", 9001)))
    c.opens(six=1)


@case
def ipv6_strangers_are_let_in_where_filtering_says_so(c):
    """filtering endpoint-independent: a stranger's datagram reaches the client from its listener; by default it is no_session"""
    stranger = ("2001:db8:1::99", 1234)
    c.relay(TWO_ARM6, rule6(filtering="endpoint-independent"), snat=POOL6)
    there6(c)
    c.then()
    for headers in ((), [IPv6ExtHdrDestOpt()]):
        back6(c, b"from elsewhere", target=stranger, headers=headers)
    c.drops("inner", "no_session", udp6(FROM_TARGET, stranger, (SNAT6[0], 40002)))
    c.then()
    back6(c)
    c.opens(six=1)


# ==== limits and strictness ====

@case
def mtu_of_1500_is_the_default(c):
    """A packet of 1500 bytes passes whole; 1501 is mtu_exceeded with DF and leaves in two fragments without, both ways"""
    c.relay(TWO_ARM, CAM)
    there(c, b"m" * 1472)
    c.tells("edge", "mtu_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 1473, flags="DF"), type=3, code=4,
            nexthopmtu=1500)
    c.then()
    c.cuts("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 1473),
           "inner", *cut_to(1500, udp(TO_TARGET, SNAT, TARGET, b"m" * 1473, ttl=63)))
    c.then()
    back(c, b"m" * 1472)
    c.then()
    c.tells("inner", "mtu_exceeded", udp(FROM_TARGET, TARGET, SNAT, b"m" * 1473, flags="DF"), type=3, code=4,
            nexthopmtu=1500, ours="192.0.2.1")
    c.then()
    c.cuts("inner", udp(FROM_TARGET, TARGET, SNAT, b"m" * 1473),
           "edge", *cut_to(1500, udp(TO_GATEWAY, LISTENER, CLIENT, b"m" * 1473, ttl=63)))
    c.opens(cam=1)


@case
def mtu_of_the_egress_port_counts(c):
    """inner has mtu 576: 576 bytes pass, 577 are cut or mtu_exceeded; padding does not count; edge still sends 1500"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", mtu=576, neighbors=INNER_NEIGHBORS)
    c.relay((EDGE, inner), CAM)
    there(c, b"m" * 548)
    c.tells("edge", "mtu_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 549, flags="DF"), type=3, code=4,
            nexthopmtu=576)
    c.relays("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 548) + b"\0\0\0\0",
             "inner", udp(TO_TARGET, SNAT, TARGET, b"m" * 548, ttl=63))
    c.then()
    c.cuts("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, b"m" * 549),
           "inner", *cut_to(576, udp(TO_TARGET, SNAT, TARGET, b"m" * 549, ttl=63)))
    c.then()
    back(c, b"m" * 1472)
    c.opens(cam=1)


@case
def mtu_cuts_packets_and_fragments(c):
    """mtu 576: packets of 1500 and 2000 bytes leave in order, each under an id of its own; fragments are cut again"""
    inner = port("inner", INNER_MAC, "192.0.2.1/24", mtu=576, neighbors=INNER_NEIGHBORS)
    c.relay((EDGE, inner), CAM)
    for id, (length, fields) in enumerate(((1472, {}), (1972, {"checksum": 0}), (1973, {"tos": 0x2E}))):
        c.cuts("edge", udp(FROM_GATEWAY, CLIENT, LISTENER, BIG[:length], id=7, **fields),
               "inner", *cut_to(576, udp(TO_TARGET, SNAT, TARGET, BIG[:length], id=id, ttl=63, **fields)))
    c.then()
    came, went = forward_pair(BIG, (1480, 2960), 3)
    for number in (0, 2, 1):
        c.cuts("edge", came[number], "inner", *cut_to(576, went[number]))
    c.then()
    c.tells("edge", "ttl_exceeded", udp(FROM_GATEWAY, CLIENT, LISTENER, BIG[:1400], ttl=1))
    whole = udp(FROM_GATEWAY, CLIENT, LISTENER, BIG, id=4)
    c.tells("edge", "mtu_exceeded", piece(whole, 0, 1480, flags=2), type=3, code=4, nexthopmtu=576)
    c.drops("edge", "mtu_exceeded", piece(whole, 1480, 2960, flags=2))
    c.opens(cam=1)


@case
def replies_from_elsewhere_are_refused(c):
    """Strict source: a reply from another port or address is no_session, before and after a true one"""
    c.relay(TWO_ARM, CAM)
    there(c)
    c.then()
    strangers = (udp(FROM_TARGET, "192.0.2.17:5005", SNAT), udp(FROM_OTHER_TARGET, "192.0.2.18:5004", SNAT),
                 udp(FROM_OTHER_TARGET, "192.0.2.18:5005", SNAT), udp(FROM_TARGET, TARGET, "192.0.2.1:40001"))
    c.drops("inner", "no_session", *strangers)
    back(c)
    c.drops("inner", "no_session", *strangers)
    c.opens(cam=1)


def strangers(c, filtering, port, address, both):
    """Three remotes that the session does not expect, each let in or not; `ttl` and `payload` tell them apart."""
    c.relay(TWO_ARM, rule(filtering=filtering))
    c.drops("inner", "no_session", udp(FROM_TARGET, TARGET, SNAT, b"nobody is there yet"))
    c.then()
    there(c)
    c.then()
    back(c)
    for admitted, source, link in ((port, "192.0.2.17:5005", FROM_TARGET),
                                   (address, "192.0.2.18:5004", FROM_OTHER_TARGET),
                                   (both, "192.0.2.18:5005", FROM_OTHER_TARGET)):
        for extra in ({}, {"checksum": 0}):
            stranger = udp(link, source, SNAT, b"stranger", ttl=33, tos=0xB9, **extra)
            if admitted:
                c.relays("inner", stranger,
                         "edge", udp(TO_GATEWAY, LISTENER, CLIENT, b"stranger", ttl=32, tos=0xB9, **extra))
            else:
                c.drops("inner", "no_session", stranger)
    back(c)
    c.drops("inner", "no_session", udp(FROM_OTHER_TARGET, "192.0.2.18:5004", "192.0.2.1:40001"))
    c.drops("inner", "martian", udp(FROM_OTHER_TARGET, "127.0.0.1:5004", SNAT))
    c.drops("inner", "udp_port_zero", udp(FROM_OTHER_TARGET, "192.0.2.18:0", SNAT))
    if port:
        c.tells("inner", "ttl_exceeded", udp(FROM_TARGET, "192.0.2.17:5005", SNAT, ttl=1), ours="192.0.2.1")
    c.then()
    there(c)
    c.opens(cam=1)


@case
def filtering_by_address_and_port(c):
    """Only the target's own endpoint reaches the client; strangers, who differ in port, address or both, are dropped"""
    strangers(c, "address-and-port", False, False, False)


@case
def filtering_by_address(c):
    """Another port of the target reaches the client, as if from the listener; another address does not"""
    strangers(c, "address", True, False, False)


@case
def filtering_endpoint_independent(c):
    """Whoever writes to the session's external endpoint reaches the client, as if from the listener; no state is made"""
    strangers(c, "endpoint-independent", True, True, True)


@case
def filtering_leaves_checksums_as_wrong_as_they_were(c):
    """A stranger's wrong UDP checksum arrives wrong by the same difference; a computed zero is sent as all ones"""
    c.relay(TWO_ARM, rule(filtering="endpoint-independent"))
    there(c)
    c.then()
    stranger = "192.0.2.18:6666"
    for error in (1, 0x8000, 0xFFFE):
        came, went = udp(FROM_OTHER_TARGET, stranger, SNAT), udp(TO_GATEWAY, LISTENER, CLIENT, ttl=63)
        c.relays("inner", udp(FROM_OTHER_TARGET, stranger, SNAT, checksum=ones_add(udp_checksum(came), error)),
                 "edge", udp(TO_GATEWAY, LISTENER, CLIENT, ttl=63, checksum=ones_add(udp_checksum(went), error)))
    for edge in (0x0001, 0x7FFF, 0xFFFE, 0xFFFF):
        word = solve(udp_checksum, lambda w: udp(TO_GATEWAY, LISTENER, CLIENT, word_bytes(w), ttl=63), edge)
        c.relays("inner", udp(FROM_OTHER_TARGET, stranger, SNAT, word_bytes(word)),
                 "edge", udp(TO_GATEWAY, LISTENER, CLIENT, word_bytes(word), ttl=63))
    c.opens(cam=1)


@case
def filtering_waits_for_the_next_hop_like_a_reply(c):
    """A stranger is let in while the client's next hop is unknown: it waits, and walks on when ARP has answered"""
    edge = port("edge", EDGE_MAC, "203.0.113.1/24", gateway="203.0.113.254")
    c.relay((edge, INNER), rule(filtering="endpoint-independent"))
    there(c)
    c.then()
    c.holds("inner", udp(FROM_OTHER_TARGET, "192.0.2.18:6666", SNAT))
    c.asks("edge", arp((EDGE_MAC, EVERYBODY), 1, "203.0.113.1", "203.0.113.254"))
    c.then()
    c.takes_in("edge", is_at(FROM_GATEWAY, "203.0.113.254", "203.0.113.1"))
    c.releases("edge", udp(TO_GATEWAY, LISTENER, CLIENT, ttl=63))
    c.opens(cam=1)


@case
def filtering_is_of_the_rule(c):
    """Two rules share a pool: strangers reach the client of the open rule and not that of the strict one"""
    open_to_all = {"client": "198.51.100.8:40001", "snat": "192.0.2.1:40001", "listener": "203.0.113.1:9002",
                   "target": "192.0.2.18:6000"}
    c.relay(TWO_ARM, CAM, rule("talk", "203.0.113.1:9002", "192.0.2.18:6000", filtering="endpoint-independent"))
    there(c)
    there(c, went=TO_OTHER_TARGET, **open_to_all)
    c.then()
    stranger = "192.0.2.18:6666"
    c.drops("inner", "no_session", udp(FROM_OTHER_TARGET, stranger, SNAT))
    c.relays("inner", udp(FROM_OTHER_TARGET, stranger, "192.0.2.1:40001"),
             "edge", udp(TO_GATEWAY, "203.0.113.1:9002", "198.51.100.8:40001", ttl=63))
    c.opens(cam=1, talk=1)


@case
def hairpin_reaches_the_other_client_from_its_listener(c):
    """A client writes to the external endpoint of another: open filtering delivers it, seen from the other's listener"""
    first, second = ({"client": f"198.51.100.{n}:4000{n}", "snat": f"192.0.2.1:4000{n}"} for n in (1, 2))
    c.relay(TWO_ARM, rule(filtering="endpoint-independent"))
    there(c, **first)
    there(c, **second)
    c.then()
    c.relays("edge", udp(FROM_GATEWAY, "198.51.100.1:40001", "192.0.2.1:40002", b"over here"),
             "edge", udp(TO_GATEWAY, LISTENER, "198.51.100.2:40002", b"over here", ttl=63))
    c.drops("edge", "martian", udp(FROM_GATEWAY, "192.0.2.1:40001", "192.0.2.1:40002", b"spoofed"))
    c.opens(cam=2)


@case
def hairpin_one_arm(c):
    """One NIC for all: A writes to the external endpoint of B's session, and B hears it from its listener"""
    lan = port("lan", LAN_MAC, "10.9.0.1/24",
               neighbors={"10.9.0.2": A_MAC, "10.9.0.3": C_MAC, "10.9.0.4": STRANGER_MAC})
    c.relay((lan,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890", filtering="endpoint-independent"), snat=LAN_POOL)
    for mac, client in ((A_MAC, "10.9.0.2:50000"), (STRANGER_MAC, "10.9.0.4:50001")):
        c.relays("lan", udp((mac, LAN_MAC), client, "10.9.0.1:7890"),
                 "lan", udp((LAN_MAC, C_MAC), f"10.9.0.1:{client[-5:]}", "10.9.0.3:7890", ttl=63))
    c.then()
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:50001", b"to B"),
             "lan", udp((LAN_MAC, STRANGER_MAC), "10.9.0.1:7890", "10.9.0.4:50001", b"to B", ttl=63))
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:50000", "10.9.0.1:50000", b"to myself"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "10.9.0.2:50000", b"to myself", ttl=63))
    c.opens(echo=2)


TALK = {"listener": "203.0.113.1:9002", "target": "192.0.2.18:6000"}


@case
def mapping_endpoint_independent(c):
    """One client socket speaks to three listeners of two rules: one external endpoint for all; another socket has its own"""
    shared = {"mapping": "endpoint-independent"}
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9001", target="192.0.2.17:5004-5005", **shared),
            rule("talk", TALK["listener"], TALK["target"], **shared), snat=TWO_PORTS)
    listeners = ({}, {"listener": "203.0.113.1:9001", "target": "192.0.2.17:5005"}, TALK)
    for to in listeners:
        there(c, went=TO_OTHER_TARGET if to is TALK else TO_TARGET, **to)
    c.then()
    there(c, client="198.51.100.8:40000", snat="192.0.2.1:40001")
    c.then()
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.7:40002", LISTENER))
    c.then()
    for to in listeners:
        back(c, came=FROM_OTHER_TARGET if to is TALK else FROM_TARGET, **to)
    c.drops("inner", "no_session", udp(FROM_OTHER_TARGET, "192.0.2.18:6001", SNAT))
    c.opens(cam=3, talk=1)


@case
def mapping_has_no_home_for_martians(c):
    """Sources that nobody may send from are martian also where client endpoints have a home among the workers"""
    c.relay(TWO_ARM, rule(mapping="endpoint-independent"))
    c.drops("edge", "martian", *(udp(FROM_GATEWAY, f"{source}:40000", LISTENER) for source in (
        "0.0.0.7", "127.0.0.1", "224.0.0.1", "240.0.0.0", "240.0.0.9", "255.255.255.254", "203.0.113.1")))
    there(c)
    c.opens(cam=1)


@case
def mapping_is_shared_within_a_pool(c):
    """The same socket, two rules with pools of their own: an external endpoint in each"""
    shared = {"mapping": "endpoint-independent"}
    c.relay(TWO_ARM, rule(**shared), rule("talk", TALK["listener"], TALK["target"], snat=POOL_OF_ITS_OWN, **shared))
    there(c)
    there(c, went=TO_OTHER_TARGET, snat="192.0.2.9:40000", **TALK)
    c.opens(cam=1, talk=1)


@case
def mapping_of_two_listeners_to_one_target(c):
    """With a shared endpoint the target could not tell two sessions to it apart: the second is tuple_in_use"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9001", mapping="endpoint-independent"))
    there(c)
    c.drops("edge", "tuple_in_use", udp(FROM_GATEWAY, CLIENT, "203.0.113.1:9001"))
    there(c, client="198.51.100.7:40002", listener="203.0.113.1:9001", snat="192.0.2.1:40002")
    c.then()
    back(c)
    c.opens(cam=2)


@case
def mapping_and_filtering_endpoint_independent(c):
    """A stranger writes to a shared endpoint: the client sees the listener it spoke to last"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9001", target="192.0.2.17:5004-5005", filtering="endpoint-independent",
                          mapping="endpoint-independent"))
    there(c)
    there(c, listener="203.0.113.1:9001", target="192.0.2.17:5005")
    c.then()
    c.relays("inner", udp(FROM_OTHER_TARGET, "192.0.2.18:6666", SNAT),
             "edge", udp(TO_GATEWAY, "203.0.113.1:9001", CLIENT, ttl=63))
    back(c)
    c.opens(cam=2)


@case
def port_pairs_are_neighbours(c):
    """RTP and RTCP of a client get neighbouring ports, even and odd, whichever comes first; half a pair is not lent"""
    talk = {"listener": "203.0.113.1:9001", "target": "192.0.2.17:5005"}
    c.relay(TWO_ARM, rule(listen="203.0.113.1:9000-9001", target="192.0.2.17:5004-5005", mapping="endpoint-independent",
                          portPairs="true"), snat="{ address: 192.0.2.1, ports: 40001-40005 }")
    there(c, client="198.51.100.1:40004", snat="192.0.2.1:40004")
    c.then()
    there(c, client="198.51.100.2:1235", snat="192.0.2.1:40003", **talk)
    there(c, client="198.51.100.2:1234", snat="192.0.2.1:40002")
    there(c, client="198.51.100.1:40005", snat="192.0.2.1:40005", **talk)
    c.then()
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.3:40001", LISTENER))
    c.then()
    back(c, client="198.51.100.2:1235", snat="192.0.2.1:40003", **talk)
    back(c, client="198.51.100.2:1234", snat="192.0.2.1:40002")
    c.opens(cam=4)


@case
def pool_keeps_well_known_ports_apart(c):
    """A client port below 1024 gets an external one below 1024, the others one from 1024 on, until their class is lent"""
    c.relay(TWO_ARM, CAM, snat="{ address: 192.0.2.1, ports: 1023-1024 }")
    there(c, client="198.51.100.1:500", snat="192.0.2.1:1023")
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.2:1023", LISTENER))
    there(c, client="198.51.100.3:40000", snat="192.0.2.1:1024")
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.4:1024", LISTENER))
    c.opens(cam=2)


@case
def pool_edges_are_lent_and_answered(c):
    """The first and the last port of the pool and of the ports there are, and answers to each"""
    c.relay(TWO_ARM, rule(listen="203.0.113.1:1"), rule("last", "203.0.113.1:65535", "192.0.2.18:65535"),
            snat="{ address: 192.0.2.1, ports: 1024-65535 }")
    edges = [{"client": f"198.51.100.{n}:{sport}", "snat": f"192.0.2.1:{sport}", "listener": "203.0.113.1:1"}
             for n, sport in enumerate((1024, 1025, 32767, 32768, 65534, 65535), start=1)]
    edges.append({"client": "198.51.100.9:40000", "snat": "192.0.2.1:40000", "listener": "203.0.113.1:65535",
                  "target": "192.0.2.18:65535"})
    for edge in edges:
        there(c, **edge, went=TO_OTHER_TARGET if "target" in edge else TO_TARGET)
    c.then()
    for edge in edges:
        back(c, **edge, came=FROM_OTHER_TARGET if "target" in edge else FROM_TARGET)
    c.opens(cam=6, last=1)


@case
def port_shadow(c):
    """A client speaks from the listener's own port and shadows nothing: the next client still reaches the rule"""
    c.relay((LAN,), rule("echo", "10.9.0.1:7890", "10.9.0.3:7890"), snat="{ address: 10.9.0.1, ports: 7890-7891 }")
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:7890", "10.9.0.1:7890"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.1:7891", "10.9.0.3:7890", ttl=63))
    c.then()
    c.relays("lan", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.1:7891"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:7890", "10.9.0.2:7890", ttl=63))
    c.drops("lan", "snat_exhausted", udp((C_MAC, LAN_MAC), "10.9.0.3:50000", "10.9.0.1:7890"))
    c.opens(echo=1)


@case
def packets_to_the_pool_without_a_session(c):
    """Unsolicited packets to the pool's first and last port are no_session; one beside the pool is no_rule"""
    c.relay(TWO_ARM, CAM)
    c.drops("inner", "no_session", *(udp(FROM_TARGET, TARGET, f"192.0.2.1:{p}") for p in (40000, 44444, 49999)))
    c.drops("inner", "no_rule", *(udp(FROM_TARGET, TARGET, f"192.0.2.1:{p}") for p in (39999, 50000)))
    c.drops("edge", "no_session", udp(FROM_GATEWAY, CLIENT, "192.0.2.1:40000"))


@case
def flow_table_full(c):
    """Room for two sessions: the third client is flow_table_full, again and again, while the first two go on"""
    first, second = ({"client": f"198.51.100.{n}:4000{n}", "snat": f"192.0.2.1:4000{n}"} for n in (1, 2))
    newcomer = udp(FROM_GATEWAY, "198.51.100.3:40003", LISTENER)
    c.relay(TWO_ARM, CAM, flows=4)
    there(c, **first)
    there(c, **second)
    c.drops("edge", "flow_table_full", newcomer, newcomer)
    c.then()
    back(c, **second)
    back(c, **first)
    c.then()
    there(c, b"still here", **second)
    c.drops("edge", "flow_table_full", newcomer)
    there(c, b"still here", **first)
    c.opens(cam=2)


def client(number, network=100):
    """A client of its own with the port that its session is lent."""
    return {"client": f"198.51.{network}.{number}:4{network}{number}", "snat": f"192.0.2.1:4{network}{number}"}


def newcomer(number, network=100, listener=LISTENER):
    return udp(FROM_GATEWAY, client(number, network)["client"], listener)


def limited(c, reason, first, second, *refused):
    """Two sessions open and go on in both directions, while those that come after them are refused by name."""
    there(c, **first)
    there(c, **second)
    c.drops("edge", reason, *refused)
    c.then()
    back(c, **second)
    back(c, **first)
    c.then()
    c.drops("edge", reason, *refused)
    there(c, b"still here", **first)
    there(c, b"still here", **second)


@case
def limit_of_a_rule(c):
    """A rule of at most two sessions refuses the third by name; another rule on the same address does not mind"""
    c.relay(TWO_ARM, rule(maxSessions=2), rule("free", "203.0.113.1:9001", "192.0.2.18:5004"))
    limited(c, "rule_limit", client(1), client(2), newcomer(3), newcomer(4))
    there(c, listener="203.0.113.1:9001", target="192.0.2.18:5004", went=TO_OTHER_TARGET, **client(5))
    c.opens(cam=2, free=1)


@case
def limit_of_new_sessions_of_a_rule(c):
    """A rule that may open two sessions in a second opens no third one; another rule does"""
    c.relay(TWO_ARM, rule(newPerSecond=2), rule("free", "203.0.113.1:9001", "192.0.2.18:5004"))
    limited(c, "rule_rate_limited", client(1), client(2), newcomer(3), newcomer(4))
    there(c, listener="203.0.113.1:9001", target="192.0.2.18:5004", went=TO_OTHER_TARGET, **client(5))
    c.opens(cam=2, free=1)


@case
def limit_of_new_sessions(c):
    """Two new sessions in a second are opened, by whatever rule; the third is rate_limited"""
    c.relay(TWO_ARM, CAM, rule("other", "203.0.113.1:9001", "192.0.2.18:5004"), limits="newPerSecond: 2")
    limited(c, "rate_limited", client(1), client(2), newcomer(3), newcomer(4, listener="203.0.113.1:9001"))
    c.opens(cam=2)


@case
def limit_of_unanswered_sessions(c):
    """Two sessions wait for an answer, a third may not; two that were answered a moment ago still count"""
    c.relay(TWO_ARM, CAM, limits="unanswered: 2")
    limited(c, "unanswered_limit", client(1), client(2), newcomer(3))
    c.opens(cam=2)


@case
def limit_of_a_senders_network(c):
    """Two sessions of 198.51.100.0/24 are the limit, whichever host has them; 198.51.101.0/24 has a limit of its own"""
    c.relay(TWO_ARM, CAM, limits="perSource: { prefix: 24, maxSessions: 2 }")
    limited(c, "source_limit", client(1), client(2), newcomer(3), newcomer(9))
    there(c, **client(1, 101))
    there(c, **client(2, 101))
    c.drops("edge", "source_limit", newcomer(3, 101))
    c.opens(cam=4)


@case
def limit_of_new_sessions_of_a_senders_network(c):
    """A client opens two sessions in a second and no third one; another client does"""
    first, second, third = ({"client": f"198.51.100.7:4000{n}", "snat": f"192.0.2.1:4000{n}"} for n in (1, 2, 3))
    c.relay(TWO_ARM, CAM, limits="perSource: { newPerSecond: 2 }")
    limited(c, "source_rate_limited", first, second, udp(FROM_GATEWAY, third["client"], LISTENER))
    there(c, **client(8))
    c.opens(cam=3)


@case
def pool_exhausted(c):
    """A pool of two ports: the same source port of a second client gets the other one, the third is snat_exhausted"""
    first = {"client": "198.51.100.1:40000", "snat": "192.0.2.1:40000"}
    second = {"client": "198.51.100.2:40000", "snat": "192.0.2.1:40001"}
    c.relay(TWO_ARM, CAM, snat=TWO_PORTS)
    there(c, **first)
    there(c, **second)
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.3:40000", LISTENER))
    c.then()
    back(c, **second)
    back(c, **first)
    c.then()
    c.drops("edge", "snat_exhausted", udp(FROM_GATEWAY, "198.51.100.3:40001", LISTENER))
    there(c, **first)
    c.opens(cam=2)


@case
def pool_keeps_the_parity(c):
    """Source ports outside a pool of two get the port of their own parity; odd comes first so that order is not it"""
    c.relay(TWO_ARM, CAM, snat=TWO_PORTS)
    there(c, client="198.51.100.1:65535", snat="192.0.2.1:40001")
    there(c, client="198.51.100.2:1024", snat="192.0.2.1:40000")
    c.opens(cam=2)


@case
def pool_gives_the_other_parity_when_one_is_taken(c):
    """Parity is a preference: with the odd port taken, a second odd client gets the even one"""
    c.relay(TWO_ARM, CAM, snat=TWO_PORTS)
    there(c, client="198.51.100.1:1", snat="192.0.2.1:40001")
    there(c, client="198.51.100.2:1023", snat="192.0.2.1:40000")
    c.opens(cam=2)


@case
def pool_skips_a_listener_on_its_address(c):
    """A listener's port inside the pool of the same address is never lent, not even to a client that uses it"""
    c.relay((LAN,), rule("echo", "10.9.0.1:40000", "10.9.0.3:7890"), snat="{ address: 10.9.0.1, ports: 40000-40001 }")
    c.relays("lan", udp((A_MAC, LAN_MAC), "10.9.0.2:40000", "10.9.0.1:40000"),
             "lan", udp((LAN_MAC, C_MAC), "10.9.0.1:40001", "10.9.0.3:7890", ttl=63))
    c.drops("lan", "snat_exhausted", udp((A_MAC, LAN_MAC), "10.9.0.2:40002", "10.9.0.1:40000"))
    c.then()
    c.relays("lan", udp((C_MAC, LAN_MAC), "10.9.0.3:7890", "10.9.0.1:40001"),
             "lan", udp((LAN_MAC, A_MAC), "10.9.0.1:40000", "10.9.0.2:40000", ttl=63))
    c.opens(echo=1)


@case
def pool_port_is_not_shared_between_rules(c):
    """One client socket speaks to two rules: two sessions with two ports (chosen: a port in use is not lent again)"""
    talk = {"listener": "203.0.113.1:9002", "snat": "192.0.2.1:40001", "target": "192.0.2.18:6000"}
    c.relay(TWO_ARM, CAM, rule("talk", listen="203.0.113.1:9002", target="192.0.2.18:6000"), snat=TWO_PORTS)
    there(c)
    there(c, went=TO_OTHER_TARGET, **talk)
    c.then()
    back(c, came=FROM_OTHER_TARGET, **talk)
    back(c)
    c.opens(cam=1, talk=1)


def main():
    for old in WALKS.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    for function in CASES:
        c = Case(function.__name__.replace("_", "-"), function.__doc__)
        function(c)
        c.write()
    print(f"{len(CASES)} cases in {WALKS.name}/")


if __name__ == "__main__":
    main()
