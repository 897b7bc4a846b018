# SPDX-License-Identifier: GPL-2.0-or-later
"""A receiver of webhooks: a TLS server on localhost that answers well, badly, late and not at all."""

import http.server
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor


def openssl(*args, **kw):
    subprocess.run(["openssl", *args], check=True, capture_output=True, **kw)


class Authority:
    """A CA of our own and the certificates it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.bundle = self.self_signed("ca", "basicConstraints=critical,CA:TRUE")

    def path(self, name):
        return os.path.join(self.folder, name)

    def self_signed(self, name, extension):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"),
                "-subj", "/CN=" + name, "-days", "2", "-addext", extension)
        return self.path(name + ".pem")

    def signed(self, name, host, days="2"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                "-subj", "/CN=" + name)
        with open(self.path(name + ".ext"), "w") as f:
            f.write("subjectAltName=" + host)
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.bundle,
                "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", days,
                "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".pem"))


class Receiver:
    """A TLS server. `script` answers one request after the other; the last answer repeats."""

    def __init__(self, cert, key, script, port=0):
        self.requests = []
        self.script = script
        self.hangs_up = lambda: False  # before the handshake
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                n = len(receiver.requests)
                receiver.requests.append((time.monotonic(), dict(self.headers), body, self.path))
                answer = receiver.script[min(n, len(receiver.script) - 1)]
                answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def verify_request(self, *_):
                return not receiver.hangs_up()

            def handle_error(self, *_):
                pass  # clients that hang up are what this test is about

        self.server = Server(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.port = self.server.server_address[1]
        self.url = f"https://localhost:{self.port}/hook"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def status(code, headers=(), body=b""):
    def answer(h):
        h.send_response(code)
        for name, value in headers:
            h.send_header(name, value)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)
    return answer


def hang(h):
    time.sleep(30)


def reset(h):
    sock = h.connection
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    h.close_connection = True
    socket.close(sock.detach())


def short(code):
    """A status, and less than was promised behind it."""
    def answer(h):
        h.send_response(code)
        h.send_header("Content-Length", "1000")
        h.end_headers()
        h.wfile.write(b"short")
        h.close_connection = True
    return answer


def endless(h):
    h.send_response(200)
    h.send_header("Transfer-Encoding", "chunked")
    h.end_headers()
    while True:
        h.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")


OK = status(200)


class Told(unittest.TestCase):
    """A test with a folder and receivers of its own; what they prove to be is signed by `ca`."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.ca = Authority(cls.tmp.name)
        cls.ca.signed("good", "DNS:localhost")

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.tmp.name)
        self.receivers = []

    def tearDown(self):
        for r in self.receivers:
            r.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def receiver(self, *script, cert="good"):
        r = Receiver(self.ca.path(cert + ".pem"), self.ca.path(cert + ".key"), script or (OK,))
        self.receivers.append(r)
        return r


def run_all(tests, names, at_once):
    """Most of a test's time is waiting for somebody: all wait at once. Ends the program."""
    def run_one(name):
        result = unittest.TestResult()
        tests(name).run(result)
        return name, result.failures + result.errors

    bad = 0
    tests.setUpClass()
    with ThreadPoolExecutor(at_once) as pool:
        for name, problems in pool.map(
                run_one, names or unittest.defaultTestLoader.getTestCaseNames(tests)):
            print("ok  " if not problems else "BAD ", name)
            for _, text in problems:
                print(text)
                bad += 1
    tests.tearDownClass()
    sys.exit(1 if bad else 0)
