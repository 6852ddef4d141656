"""An HTTP endpoint that takes what SNS sends, and the check of its signature."""

import base64
import http.server
import json
import ssl
import threading
import time
import urllib.request
from dataclasses import dataclass, field

import rsa
from pyasn1.codec.der import decoder

from waiting import until

ORDER = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
}
ORDER["UnsubscribeConfirmation"] = ORDER["SubscriptionConfirmation"]


@dataclass
class Received:
    path: str
    headers: dict
    text: str
    at: float

    @property
    def kind(self) -> str:
        return self.headers.get("x-amz-sns-message-type", "")

    @property
    def body(self) -> dict:
        return json.loads(self.text)


@dataclass
class Endpoint:
    """Answers 200, or what `answers` says for the next requests; `gate` holds every answer back until it is set."""

    received: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    gate: threading.Event | None = None

    def __post_init__(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.received.append(Received(self.path, headers, text, time.monotonic()))
                if endpoint.gate is not None:
                    endpoint.gate.wait(30)
                status = endpoint.answers.pop(0) if endpoint.answers else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        if self.gate is not None:
            self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def of_kind(self, kind: str, path: str | None = None) -> list:
        return [one for one in self.received if one.kind == kind and path in (None, one.path)]

    def await_kind(self, kind: str, count: int = 1, path: str | None = None, seconds: float = 10) -> list:
        return until(
            lambda: (found := self.of_kind(kind, path)) and len(found) >= count and found,
            f"{count} of {kind} at {path}",
            seconds,
            0.02,
        )

    def messages(self, path: str | None = None) -> list[str]:
        return [one.body["Message"] for one in self.of_kind("Notification", path)]


def subscribed(sns, topic: str, endpoint: Endpoint, path: str = "/", **attributes: str) -> str:
    """A confirmed subscription's ARN."""
    url = f"{endpoint.url}{path}"
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url, Attributes=attributes)
    asked = endpoint.await_kind("SubscriptionConfirmation", path=path)[-1].body
    return sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read()


def check_signature(body: dict) -> None:
    """As a subscriber does it."""
    text = "".join(f"{name}\n{body[name]}\n" for name in ORDER[body["Type"]] if name in body)
    certificate = ssl.PEM_cert_to_DER_cert(fetch(body["SigningCertURL"]).decode())
    modulus, exponent = decoder.decode(decoder.decode(certificate)[0][0][6][1].asOctets())[0]
    key = rsa.PublicKey(int(modulus), int(exponent))
    used = rsa.verify(text.encode(), base64.b64decode(body["Signature"]), key)
    assert used == {"1": "SHA-1", "2": "SHA-256"}[body["SignatureVersion"]]
