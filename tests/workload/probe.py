"""What the tests of reachability run in their tasks: it answers, and asks others on request. Python's standard library alone.

On each port of PORTS it answers TCP and UDP of both families with the address that asks; ICMP is the kernel's. On 127.0.0.1:9000 of its own
namespace, where nobody but the tests can be, it takes one JSON document per line: a list of probes, each
[protocol, address, port, milliseconds]. All are made at once, and one line answers with what each got: the address that the
other side saw (for ICMP an empty string), or null. `{"spoof": ...}` sends one frame as it is, `{"pinged": ...}`
tells when each of many addresses first answered, `{"http": url}` asks for a page and tells its status and its beginning.
"""

import asyncio
import json
import os
import socket
import struct
import time
import urllib.error
import urllib.request

PORTS = [int(port) for port in os.environ.get("PORTS", "8080,8443,9090").split(",") if port]
CONTROL_PORT = int(os.environ.get("CONTROL_PORT", "9000"))
CONTROL_LINE_BYTES_MAX = 4 << 20
ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129
sequence = os.getpid() & 0xFFFF
# What arrived at the UDP port for spoofed datagrams: no answer would come back to us.
arrived: list[str] = []


class Answering(asyncio.DatagramProtocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer) -> None:
        arrived.append(f"{peer[0]} {data[:40].decode('latin-1')}")
        del arrived[:-1000]
        self.transport.sendto(peer[0].encode(), peer)


class Asking(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future):
        self.answer = answer

    def datagram_received(self, data: bytes, peer) -> None:
        if not self.answer.done():
            self.answer.set_result(data.decode())

    def error_received(self, error) -> None:
        if not self.answer.done():
            self.answer.set_result(None)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(writer.get_extra_info("peername")[0].encode() + b"\n")
        await writer.drain()
        await reader.read(1)
    except OSError:
        pass
    finally:
        writer.close()


async def tcp(address: str, port: int) -> str | None:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        return (await reader.readline()).decode().strip() or None
    finally:
        writer.transport.abort()


async def udp(address: str, port: int) -> str | None:
    loop = asyncio.get_running_loop()
    got = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: Asking(got), remote_addr=(address, port))
    try:
        transport.sendto(b"hello")
        return await got
    finally:
        transport.close()


async def icmp(address: str, _port: int) -> str | None:
    global sequence
    loop = asyncio.get_running_loop()
    sequence = sequence + 1 & 0xFFFF
    mine = struct.pack("!HH", os.getpid() & 0xFFFF ^ sequence, sequence)
    head = struct.pack("!BBH", ECHO_REQUEST, 0, 0) + mine
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setblocking(False)
        raw.connect((address, 0))
        await loop.sock_sendall(raw, struct.pack("!BBH", ECHO_REQUEST, 0, checksum(head)) + mine)
        while True:
            packet = await loop.sock_recv(raw, 2048)
            reply = packet[(packet[0] & 0xF) * 4:]
            if reply[0] == ECHO_REPLY and reply[4:8] == mine:
                return ""


async def icmpv6(address: str, _port: int) -> str | None:
    """The kernel writes the checksum, which covers addresses that only it knows."""
    global sequence
    loop = asyncio.get_running_loop()
    sequence = sequence + 1 & 0xFFFF
    mine = struct.pack("!HH", os.getpid() & 0xFFFF ^ sequence, sequence)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setblocking(False)
        raw.connect((address, 0))
        await loop.sock_sendall(raw, struct.pack("!BBH", ECHO_REQUEST_V6, 0, 0) + mine)
        while True:
            reply = await loop.sock_recv(raw, 2048)
            if reply[0] == ECHO_REPLY_V6 and reply[4:8] == mine:
                return ""


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


ASK = {"tcp": tcp, "udp": udp, "icmp": icmp, "icmpv6": icmpv6}


async def probe(protocol: str, address: str, port: int, milliseconds: int) -> str | None:
    try:
        return await asyncio.wait_for(ASK[protocol](address, port), milliseconds / 1000)
    except (OSError, asyncio.TimeoutError, ValueError):
        return None


def spoof(link: str, source_mac: str, destination_mac: str, source: str, destination: str, port: int, text: str) -> str:
    """Sends one UDP datagram whose frame says what we want it to say."""
    body = struct.pack("!HHHH", 4000, port, 8 + len(text), 0) + text.encode()
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    frame = bytes.fromhex(destination_mac.replace(":", "")) + bytes.fromhex(source_mac.replace(":", "")) + b"\x08\x00" + head + body
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((link, 0x0800))
        raw.send(frame)
    return "sent"


async def when_pinged(addresses: list[str], milliseconds: int) -> list[float | None]:
    """When each address first answered an echo request (this machine's monotonic clock); all are asked every few milliseconds."""
    global sequence
    loop = asyncio.get_running_loop()
    # Another identifier than before: an echo request of the same one belongs to a flow that may be tracked still.
    sequence = sequence + 1 & 0xFFFF
    mine = struct.pack("!HH", os.getpid() & 0xFFFF ^ sequence, sequence)
    head = struct.pack("!BBH", ECHO_REQUEST, 0, 0) + mine
    packet = head[:2] + struct.pack("!H", checksum(head)) + mine
    seen: dict[str, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

        def receive() -> None:
            while True:
                try:
                    reply, peer = raw.recvfrom(2048)
                except BlockingIOError:
                    return
                if reply[20] == ECHO_REPLY and reply[24:28] == mine:
                    seen.setdefault(peer[0], time.monotonic())

        loop.add_reader(raw, receive)
        deadline = time.monotonic() + milliseconds / 1000
        while len(seen) < len(addresses) and time.monotonic() < deadline:
            for address in addresses:
                if address not in seen:
                    try:
                        raw.sendto(packet, (address, 0))
                    except OSError:
                        continue
            await asyncio.sleep(0.005)
        loop.remove_reader(raw)
    return [seen.get(address) for address in addresses]


def page(url: str) -> list | None:
    """Status and text; None when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return [response.status, response.read(2000).decode(errors="replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.read(2000).decode(errors="replace")]
    except OSError:
        return None


async def obey(order) -> object:
    if isinstance(order, list):
        return await asyncio.gather(*[probe(*one) for one in order])
    (kind, arguments), = order.items()
    if kind == "spoof":
        return spoof(*arguments)
    if kind == "pinged":
        return await when_pinged(*arguments)
    if kind == "http":
        return await asyncio.to_thread(page, arguments)
    if kind == "arrived":
        return [line for line in arrived if arguments in line]
    if kind == "read":
        with open(arguments) as file:
            return file.read()
    return None


async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            try:
                told = await obey(json.loads(line))
            except Exception as error:  # The tests are told, and decide.
                told = {"error": repr(error)}
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def ipv6_socket(kind: int, port: int) -> socket.socket | None:
    """Beside that of IPv4 on the same port; none where the kernel has no IPv6."""
    try:
        made = socket.socket(socket.AF_INET6, kind | socket.SOCK_NONBLOCK)
    except OSError:
        return None
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
    made.bind(("::", port))
    return made


async def main() -> None:
    loop = asyncio.get_running_loop()
    servers = [await asyncio.start_server(control, "127.0.0.1", CONTROL_PORT, limit=CONTROL_LINE_BYTES_MAX)]
    for port in PORTS:
        servers.append(await asyncio.start_server(answer, "0.0.0.0", port, backlog=512))
        await loop.create_datagram_endpoint(Answering, local_addr=("0.0.0.0", port))
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listening = ipv6_socket(kind, port)
            if listening and kind == socket.SOCK_STREAM:
                servers.append(await asyncio.start_server(answer, sock=listening, backlog=512))
            elif listening:
                await loop.create_datagram_endpoint(Answering, sock=listening)
    print("answering", flush=True)
    await asyncio.gather(*[server.serve_forever() for server in servers])


asyncio.run(main())
