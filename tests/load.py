"""Requests at a steady rate that notice everything: every answer that isn't 200, every reset, every silence."""

import http.client
import threading
import time
from collections import Counter

import httpx
from websockets.sync.client import connect

PATIENCE_SECONDS = 10


class Load:
    """Clients over HTTP/1.1 with kept connections, HTTP/2 over TLS, and one WebSocket that is held and used."""

    def __init__(self, host: str, rate: int = 100, port: int = 80, secure_port: int | None = None, websocket: str | None = None,
                 clients: int = 4, path: str = "/"):
        self.host, self.port, self.secure_port, self.path = host, port, secure_port, path
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.failures: list[str] = []
        self.answers: Counter[str] = Counter()
        self.took: list[float] = []
        self.echoes = 0
        kinds = [self._http1] * clients + ([self._http2] * clients if secure_port else [])
        self.pause = len(kinds) / rate
        self.threads = [threading.Thread(target=kind, daemon=True) for kind in kinds]
        if websocket:
            self.threads.append(threading.Thread(target=self._websocket, args=(websocket,), daemon=True))

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def end(self) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(timeout=2 * PATIENCE_SECONDS)

    @property
    def requests(self) -> int:
        return len(self.took) + len(self.failures)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3 if ordered else 0.0

    def _repeat(self, ask) -> None:
        while not self.ending.is_set():
            started = time.monotonic()
            try:
                status, body = ask()
                with self.lock:
                    if status == 200:
                        self.took.append(time.monotonic() - started)
                        self.answers[body] += 1
                    else:
                        self.failures.append(f"{time.time():.3f} status {status}: {body[:80]}")
            except (OSError, http.client.HTTPException, httpx.HTTPError) as error:
                with self.lock:
                    self.failures.append(f"{time.time():.3f} {ask.__name__}: {type(error).__name__} {error}")
            self.ending.wait(max(0.0, self.pause - (time.monotonic() - started)))

    def _http1(self) -> None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_SECONDS)

        def http1():
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                return response.status, response.read().decode()
            except Exception:
                connection.close()
                raise

        self._repeat(http1)
        connection.close()

    def _http2(self) -> None:
        with httpx.Client(http2=True, http1=False, verify=False, timeout=PATIENCE_SECONDS) as client:
            url = f"https://{self.host}:{self.secure_port}{self.path}"

            def http2():
                response = client.get(url)
                return response.status_code, response.text

            self._repeat(http2)

    def _websocket(self, path: str) -> None:
        try:
            with connect(f"ws://{self.host}:{self.port}{path}", open_timeout=PATIENCE_SECONDS) as socket:
                while not self.ending.wait(0.1):
                    socket.send(f"message {self.echoes}")
                    echo = socket.recv(timeout=PATIENCE_SECONDS)
                    if echo != f"message {self.echoes}":
                        raise OSError(f"the echo was {echo!r}")
                    self.echoes += 1
        except Exception as error:  # noqa: BLE001 whatever ends it is what the test wants to see
            with self.lock:
                self.failures.append(f"{time.time():.3f} websocket: {type(error).__name__} {error}")
