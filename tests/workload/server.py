"""What the tests of services run in their tasks: a small web server that does as it is told. Python's standard library alone.

    /            the version and the task
    /health      200, or what /break set
    /break?code= makes /health answer so from now on (500 unless given); /mend makes it well again
    /slow?ms=    answers after that long
    /burn?ms=    answers after that much processor time
    /status?code=, /headers, /echo (streams the body back), /chunks?count=&ms= (a body that comes slowly), /close (no answer)
    /ws          a WebSocket that echoes
    UDP_PORT     echoes datagrams as well
"""

import asyncio
import base64
import hashlib
import json
import os
import signal
import sys
import time
import urllib.parse

VERSION = os.environ.get("VERSION", "1")
PORT = int(os.environ.get("PORT", "80"))
TASK = os.environ.get("TASK", os.uname().nodename)
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

health = 200
busy: set[asyncio.Task] = set()
ending = asyncio.Event()


class Request:
    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], reader: asyncio.StreamReader):
        self.method, self.target, self.headers, self.reader = method, target, headers, reader
        parts = urllib.parse.urlsplit(target)
        self.path, self.query = parts.path, dict(urllib.parse.parse_qsl(parts.query))

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    async def body(self):
        length = self.header("content-length")
        if length is not None:
            left = int(length)
            while left:
                data = await self.reader.read(min(left, 65536))
                if not data:
                    raise ConnectionError("the body ended early")
                left -= len(data)
                yield data
        elif (self.header("transfer-encoding") or "").lower() == "chunked":
            while size := int(await self.reader.readline(), 16):
                yield await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = []
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, value = line.decode("latin-1").split(":", 1)
        headers.append((name, value.strip()))
    return Request(method, target, headers, reader)


async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection may be used again."""
    global health
    path, query = request.path, request.query
    if path == "/ws":
        await websocket(request, writer)
        return False
    if path == "/close":
        return False
    if path == "/echo":
        await chunked(writer, request.body())
        return True
    received = sum([len(part) async for part in request.body()])
    if path == "/chunks":
        await chunked(writer, slowly(int(query.get("count", "3")), int(query.get("ms", "100"))))
        return True
    if path == "/break":
        health = int(query.get("code", "500"))
    elif path == "/mend":
        health = 200
    elif path == "/slow":
        await asyncio.sleep(int(query["ms"]) / 1000)
    elif path == "/burn":
        burn(int(query["ms"]) / 1000)
    status, kind, body = 200, "text/plain", f"version {VERSION} task {TASK}\n"
    if path == "/health":
        status = health
    elif path == "/status":
        status = int(query["code"])
    elif path == "/headers":
        shown = {"method": request.method, "target": request.target, "headers": request.headers, "received": received,
                 "task": TASK, "version": VERSION}
        kind, body = "application/json", json.dumps(shown)
    elif path == "/large":
        body = "x" * int(query.get("bytes", "100000"))
    cookie = f"set-cookie: {query['cookie']}=1; Path=/\r\n" if "cookie" in query else ""
    data = body.encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{cookie}content-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + (b"" if request.method == "HEAD" else data))
    await writer.drain()
    return True


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


async def slowly(count: int, pause_ms: int):
    for number in range(count):
        yield f"chunk {number} at {time.time():.3f}\n".encode()
        await asyncio.sleep(pause_ms / 1000)


async def chunked(writer: asyncio.StreamWriter, parts) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    async for part in parts:
        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def websocket(request: Request, writer: asyncio.StreamWriter) -> None:
    key = (request.header("sec-websocket-key") or "") + GUID
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n".encode())
    await writer.drain()
    while True:
        first, second = await request.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await request.reader.readexactly(2))
        elif length == 127:
            length = int.from_bytes(await request.reader.readexactly(8))
        mask = await request.reader.readexactly(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(await request.reader.readexactly(length)))
        if first & 0x0F == 8:
            writer.write(b"\x88\x00")
            return await writer.drain()
        size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2) if length < 65536 else b"\x7f" + length.to_bytes(8)
        writer.write(bytes([first]) + size + data)
        await writer.drain()


async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while not ending.is_set() and (request := await read_request(reader)):
            current = asyncio.current_task()
            busy.add(current)
            try:
                again = await answer(request, writer)
            finally:
                busy.discard(current)
            if not again or (request.header("connection") or "").lower() == "close":
                return
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer) -> None:
        self.transport.sendto(data, peer)


async def main() -> None:
    if os.environ.get("CRASH"):
        print("crashing as told", flush=True)
        sys.exit(int(os.environ["CRASH"]))
    await asyncio.sleep(float(os.environ.get("START_DELAY", "0")))
    server = await asyncio.start_server(connection, "0.0.0.0", PORT, backlog=1024)
    if "UDP_PORT" in os.environ:
        local = ("0.0.0.0", int(os.environ["UDP_PORT"]))
        await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=local)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    print(f"serving version {VERSION} on port {PORT}", flush=True)
    await ending.wait()
    print(f"ending with {len(busy)} requests in flight", flush=True)
    server.close()
    while busy:
        await asyncio.wait(busy)


asyncio.run(main())
