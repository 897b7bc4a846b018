#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""webhook.py PROGRAM OUTBOX_ADD DELIVER_AFTER SCHEMA [TEST...]: delivers webhooks to a real TLS
server that answers well, badly, late and not at all; checks what arrives, is kept and is said."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from email.utils import formatdate

from receiver import OK, Told, endless, hang, reset, run_all, short, status

PROGRAM, OUTBOX_ADD, DELIVER_AFTER, SCHEMA = sys.argv[1:5]
KEY = bytes(range(100, 132))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Webhook(Told):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ca.signed("other", "DNS:elsewhere.example")
        cls.ca.signed("expired", "DNS:localhost", days="-1")
        cls.ca.self_signed("selfsigned", "subjectAltName=DNS:localhost")

    def setUp(self):
        super().setUp()
        self.db = self.path("runs.db")
        self.env = {"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": self.ca.bundle}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def add(self, url, fixture="fail", secret="", when="always", timeout_ms=20000, body="cloudevents"):
        subprocess.run([OUTBOX_ADD, self.db, fixture, url, secret, when, str(timeout_ms), body],
                       check=True, env=self.env)

    def deliver(self, code, *args):
        p = subprocess.run([PROGRAM, "deliver", "--db", self.db, *args], env=self.env,
                           capture_output=True, text=True, timeout=60)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertEqual(p.stderr, "")
        return p.stdout

    def deliver_beside(self, *args):
        """Begins to, while the test does something else."""
        p = subprocess.Popen([PROGRAM, "deliver", "--db", self.db, *args], env=self.env,
                             stdout=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def wait_until(self, what, condition):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def outbox(self):
        db = sqlite3.connect(self.db)
        rows = db.execute("SELECT state, tries, problem, next_ns FROM outbox ORDER BY id").fetchall()
        db.close()
        return rows

    def bytes_on_disk(self):
        data = b""
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "rb") as f:
                data += f.read()
        return data

    # ---- what arrives ----

    def test_the_event_arrives_whole_and_signed(self):
        r = self.receiver()
        self.env["HOOK"] = r.url
        self.env["HOOK_SECRET"] = SECRET
        self.add("${env:HOOK}", secret="${env:HOOK_SECRET}")
        said = self.deliver(0)
        self.assertIn("webhook ${env:HOOK}, run 20261121-040000-7f3a: delivered", said)
        (_, headers, body, path), = r.requests
        self.assertEqual(path, "/hook")
        self.assertEqual(headers["Content-Type"], "application/cloudevents+json; charset=utf-8")
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        self.assertEqual(headers["webhook-signature"], "v1," + expected)
        self.assertLess(abs(time.time() - int(headers["webhook-timestamp"])), 60)

        event = json.loads(body.decode("utf-8"))
        self.assertEqual(headers["webhook-id"], event["id"])
        self.assertEqual(event["specversion"], "1.0")
        self.assertEqual(event["type"], "io.github.vfio-stress.run.ended.v1")
        self.assertEqual(event["source"], "/vfio-stress/rack7-node3")
        self.assertEqual(event["subject"], "20261121-040000-7f3a")
        self.assertEqual(event["time"], "2026-11-21T11:58:59.250Z")
        self.assertEqual(event["datacontenttype"], "application/json")
        self.assertTrue(all(re.fullmatch("[a-z0-9]+", k) for k in event))
        self.assertEqual(event["data"]["schema"], "vfio-stress/run/1")
        self.assertEqual(len(event["data"]["incidents"]), 4)
        self.valid(event["data"])

    def valid(self, report):
        try:
            import jsonschema
        except ImportError:
            print("not tried: messages against the schema: python3-jsonschema is not installed")
            return
        with open(SCHEMA) as f:
            jsonschema.validate(report, json.load(f))

    def test_nothing_secret_is_kept_or_said(self):
        r = self.receiver(status(503), status(302, [("Location", "https://localhost/")]))
        self.env["HOOK"] = f"https://localhost:{r.port}/T0PS3CRETPATH"
        self.env["HOOK_SECRET"] = SECRET
        self.add("${env:HOOK}", secret="${env:HOOK_SECRET}")
        said = self.deliver(4) + self.deliver(1)
        data = self.bytes_on_disk() + said.encode()
        for secret in (b"T0PS3CRET", str(r.port).encode() + b"/", SECRET[6:].encode(), KEY):
            self.assertNotIn(secret, data)
        self.assertIn(b"${env:HOOK}", data)

    def test_without_a_secret_there_is_no_signature(self):
        r = self.receiver()
        self.add(r.url)
        self.deliver(0)
        self.assertNotIn("webhook-signature", r.requests[0][1])

    def test_a_pass_is_told_always_but_not_as_a_failure(self):
        r = self.receiver()
        self.add(r.url, fixture="pass", when="failure")
        self.deliver(0)
        self.assertEqual(r.requests, [])
        self.add(r.url, fixture="pass", when="always")
        self.add(r.url, fixture="pass", when="always")  # the same event: once
        self.deliver(0)
        self.assertEqual(len(r.requests), 1)

    def test_a_large_report_is_summarised(self):
        r = self.receiver()
        self.add(r.url, fixture="huge")
        self.deliver(0)
        body = r.requests[0][2]
        self.assertLessEqual(len(body), 65536)
        report = json.loads(body)["data"]
        self.valid(report)
        self.assertIn("of 3000 incidents", report["blind_spots"][-1])
        self.assertIn("of 5000 failures", report["blind_spots"][-1])
        self.assertGreater(len(report["incidents"]), 0)

    def test_a_routing_key_is_in_the_message_only(self):
        r = self.receiver(status(429), status(202, body=b'{"status":"success"}'))
        self.env["KEY"] = key = "R" + "0123456789abcdef" * 2
        self.add(r.url, body="pagerduty")
        said = self.deliver(4) + self.deliver(0)
        for _, headers, body, _ in r.requests:
            event = json.loads(body)
            self.assertEqual((event["routing_key"], event["event_action"]), (key, "trigger"))
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertLessEqual(len(body), 65536)
        self.assertEqual(len(r.requests), 2)
        self.assertNotIn(key.encode(), self.bytes_on_disk() + said.encode())

    def test_two_forms_for_one_address_both_arrive(self):
        r = self.receiver()
        for body in ("cloudevents", "json", "slack", "json"):
            self.add(r.url, body=body)
        self.deliver(0)
        for (_, _, body, _), member in zip(r.requests, ("specversion", "verdict", "blocks")):
            self.assertIn(member, json.loads(body))
        self.assertEqual(len(r.requests), 3)
        self.assertEqual(len({headers["webhook-id"] for _, headers, _, _ in r.requests}), 3)

    def test_each_good_run_resolves(self):
        for body in ("pagerduty", "alertmanager"):
            with self.subTest(body=body):
                r = self.receiver()
                self.env["KEY"] = "R" + "0123456789abcdef" * 2
                self.add(r.url, fixture="pass", when="failure", body=body)
                self.deliver(0)
                self.assertEqual(len(r.requests), 1)

    def test_each_form_arrives(self):
        for body in ("json", "slack", "teams", "alertmanager"):
            with self.subTest(body=body):
                r = self.receiver()
                self.add(r.url, fixture="huge", body=body)
                self.deliver(0)
                (_, headers, data, _), = r.requests
                self.assertEqual(headers["Content-Type"], "application/json")
                self.assertLessEqual(len(data), (28 if body == "teams" else 64) << 10)
                json.loads(data)

    # ---- a sample ----

    def sample(self, code, *args):
        p = subprocess.run([PROGRAM, "webhook", "test", *args], env=self.env, capture_output=True,
                           text=True, timeout=60, cwd=self.folder)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def scenario(self, *webhooks):
        with open(os.path.join(self.folder, "s.yaml"), "w") as f:
            f.write("version: 1\nname: night\nconnect: test:///default\nlanes: [{domain: test, ready: {delay: 1ms}}]\n"
                    "steps: [start, destroy]\nreport:\n  - json: run.json\n")
            f.writelines(f"  - webhook: {w}\n" for w in webhooks)
        return "s.yaml"

    def test_a_sample_says_that_it_is_one_and_what_was_answered(self):
        r = self.receiver(status(200, body=b"ok"))
        self.env["HOOK"] = r.url
        said = self.sample(0, self.scenario('{url: "${env:HOOK}", body: slack}'))
        self.assertIn("${env:HOOK}, slack, fail: ", said)
        self.assertRegex(said, 'delivered after [0-9]+ ms: it answered 200 "ok"')
        self.assertNotIn(r.url, said)
        message = json.loads(r.requests[0][2])
        self.assertTrue(message["text"].startswith("SAMPLE, not real: FAIL: night on "), message["text"])

    def test_every_sample_of_every_form_is_accepted(self):
        r = self.receiver()
        self.env["KEY"] = "R" + "0123456789abcdef" * 2
        scenario = self.scenario(*(f'{{url: "{r.url}", body: {body}}}' for body in
                                   ("cloudevents", "json", "slack", "teams", "alertmanager",
                                    'pagerduty, routing-key: "${env:KEY}"')))
        for word, n in (("pass", 6), ("failing", 6), ("resumed", 6), ("started", 4), ("alive", 4)):
            before = len(r.requests)
            said = self.sample(0, scenario, "--sample", word)
            self.assertEqual(len(r.requests) - before, n, word)
            self.assertEqual(said.count("nothing is sent"), 6 - n)
            for _, _, body, _ in r.requests[before:]:
                self.assertIn(b"sample", body.lower())

    def test_what_an_answer_means_is_said(self):
        for code, words in ((400, "does not understand"), (401, "does not know us"), (403, "refuses us"),
                            (404, "no such webhook"), (410, "is gone"), (413, "smaller `limit`"),
                            (429, "too much of us"), (302, "redirects are not followed"),
                            (503, "trouble of its own")):
            with self.subTest(code=code):
                r = self.receiver(status(code))
                said = self.sample(1, "--url", r.url)
                self.assertRegex(said, f"not delivered after [0-9]+ ms: it answered {code}\n  hint: .*{words}")

    def test_what_keeps_a_sample_from_arriving_is_said(self):
        r = self.receiver(cert="other")
        self.assertIn("it is for another host", self.sample(1, "--url", r.url))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assertIn("hint: does it listen there", self.sample(1, "--url", f"https://localhost:{port}/"))
        self.assertIn("hint: is its name right", self.sample(1, "--url", "https://nowhere.invalid/"))
        self.assertIn("not an https:// one", self.sample(1, "--url", "http://localhost/"))
        self.assertIn("environment variable 'NONE' is not set", self.sample(1, "--url", "${env:NONE}"))

    def test_an_answer_is_harmless_bounded_and_has_no_secret(self):
        key = "R" + "0123456789abcdef" * 2
        r = self.receiver(status(400, body=b"\x1b[31mno " + key.encode() + b" at /T0PS3CRETPATH\x00 " + b"x" * 5000))
        self.env.update(KEY=key, HOOK=f"https://localhost:{r.port}/T0PS3CRETPATH")
        said = self.sample(1, "--url", "${env:HOOK}", "--body", "pagerduty", "--routing-key", "${env:KEY}")
        self.assertIn('answered 400 "\\x1b[31mno ', said)
        for secret in (key, "T0PS3CRET", "\x1b"):
            self.assertNotIn(secret, said)
        self.assertLess(len(said), 1500)

    def answered(self, path, body):
        """What is said of this answer of a receiver whose address has this path."""
        r = self.receiver(status(400, body=body))
        self.env["HOOK"] = f"https://localhost:{r.port}{path}"
        said = self.sample(1, "--url", "${env:HOOK}")
        return re.search('answered 400 "(.*)"', said)[1]

    def test_an_answer_has_no_part_of_the_address(self):
        path = "/in/T0PS3CRET/chan?sig=SIGNATURE99&v=2"
        self.assertEqual(self.answered(path, b"no team T0PS3CRET in chan, sig SIGNATURE99, SIGN"),
                         "no team ********* in chan, sig ***********, SIGN")
        self.assertEqual(self.answered("/********/a", b"no ********"), "no ********")

    def test_an_answer_that_is_cut_ends_with_no_part_of_a_secret(self):
        dots = b"." * 505
        for whole, cut in ((b"T0PS3CRET", "T0PS3C"), (b"/in/T0PS3CRET", "/in/T0"),
                           (b".. /in/T0PS3CRET", "/in")):
            with self.subTest(whole=whole):
                said = self.answered("/in/T0PS3CRET", dots + whole)
                self.assertEqual(said, (dots + whole).decode()[:511].removesuffix(cut))

    def test_one_that_fails_does_not_keep_the_others_from_being_tried(self):
        bad, good = self.receiver(status(404)), self.receiver()
        self.sample(1, self.scenario(f'"{bad.url}"', f'"{good.url}"'))
        self.assertEqual((len(bad.requests), len(good.requests)), (1, 1))

    def test_a_sample_can_be_printed(self):
        said = self.sample(0, "--url", "${env:NONE}", "--body", "pagerduty", "--routing-key", "${env:NO}", "--print")
        event = json.loads(said)
        self.assertEqual(event["event_action"], "trigger")
        self.assertTrue(event["dedup_key"].endswith("/sample"))
        self.assertNotIn("routing_key", event)

    def test_a_mistake_in_a_template_is_shown_where_it_is(self):
        with open(os.path.join(self.folder, "t.json"), "w") as f:
            f.write('{\n"a": "{{verdct}}"\n}')
        said = self.sample(2, self.scenario('{url: "https://x", body: template, template: ./t.json}'))
        self.assertIn("t.json:2:9: error: there is no 'verdct' here", said)
        self.assertIn("did you mean 'verdict'?", said)
        with open(os.path.join(self.folder, "t.json"), "w") as f:
            f.write('{"a": {{verdict}}}')
        said = self.sample(2, "s.yaml")
        self.assertIn("s.yaml:8:59: error: template t.json makes no JSON", said.replace("./", ""))
        with open(os.path.join(self.folder, "t.json"), "w") as f:
            f.write('[{{for incidents}}"{{incident.id}}"{{end}}]')
        self.assertIn("makes no JSON", self.sample(2, "s.yaml"))
        with open(os.path.join(self.folder, "t.json"), "w") as f:
            f.write('{"a": {{verdict | json}}}')
        self.assertIn('{"a": "fail"}', self.sample(0, "s.yaml", "--print"))

    def test_what_is_asked_for_must_make_sense(self):
        self.assertIn("has no webhook", self.sample(2, self.scenario()))
        self.assertIn("which webhook?", self.sample(2))
        self.assertIn("which of them?", self.sample(2, "s.yaml", "--url", "https://x"))
        self.assertIn("no sample 'x'", self.sample(2, "s.yaml", "--sample", "x"))
        self.assertIn("unknown body 'x'", self.sample(2, "--url", "https://x", "--body", "x"))
        self.assertIn("a routing key must not stand", self.sample(
            2, "--url", "https://x", "--body", "pagerduty", "--routing-key", "abc"))

    # ---- certificates ----

    def refused(self, cert, words):
        r = self.receiver(cert=cert)
        self.add(r.url)
        said = self.deliver(4)
        self.assertIn("certificate is not accepted: " + words, said)
        self.assertEqual(r.requests, [])
        self.assertEqual(self.outbox()[0][:2], (0, 1))

    def test_an_unknown_authority_is_refused(self):
        self.env["CURL_CA_BUNDLE"] = self.ca.path("good.pem")
        self.refused("other", "its authority is not known here")

    def test_the_systems_authorities_are_the_default(self):
        del self.env["CURL_CA_BUNDLE"]
        self.refused("good", "its authority is not known here")

    def test_ssl_cert_file_names_an_authority(self):
        self.env["SSL_CERT_FILE"] = self.env.pop("CURL_CA_BUNDLE")
        r = self.receiver()
        self.add(r.url)
        self.deliver(0)
        self.assertEqual(len(r.requests), 1)

    def test_a_self_signed_certificate_is_refused(self):
        self.refused("selfsigned", "it is self-signed")

    def test_an_expired_certificate_is_refused(self):
        self.refused("expired", "it has expired")

    def test_a_certificate_for_another_host_is_refused(self):
        self.refused("other", "it is for another host")

    def test_plain_http_is_not_spoken(self):
        self.add("http://localhost:1/hook")
        self.assertIn("not an https:// one", self.deliver(1))

    # ---- answers ----

    def test_500_is_tried_again_until_it_passes(self):
        r = self.receiver(status(500), status(502), OK)
        self.add(r.url)
        said = self.deliver(0, "--for", "20s")
        self.assertEqual(len(r.requests), 3)
        self.assertEqual(len({h["webhook-id"] for _, h, _, _ in r.requests}), 1)
        self.assertIn("the receiver answered 500: next try in", said)
        self.assertIn("1 delivered, 0 given up, 0 left", said)

    def test_once_means_once(self):
        r = self.receiver(status(500))
        self.add(r.url)
        self.assertIn("0 delivered, 0 given up, 1 left", self.deliver(4))
        self.assertEqual(len(r.requests), 1)
        self.deliver(4)  # asked again: not due yet, but tried
        self.assertEqual(len(r.requests), 2)

    def test_retry_after_seconds_is_heard(self):
        r = self.receiver(status(429, [("Retry-After", "3")]), OK)
        self.add(r.url)
        self.deliver(0, "--for", "20s")
        self.assertGreaterEqual(r.requests[1][0] - r.requests[0][0], 2.9)

    def test_retry_after_date_is_heard(self):
        r = self.receiver(
            lambda h: status(503, [("Retry-After", formatdate(time.time() + 4, usegmt=True))])(h), OK)
        self.add(r.url)
        self.deliver(0, "--for", "20s")
        self.assertGreaterEqual(r.requests[1][0] - r.requests[0][0], 2)

    def test_retry_after_is_capped_at_an_hour(self):
        for seconds in ("86400", str(2**63 - 1)):
            with self.subTest(seconds=seconds):
                self.db = self.path(f"{seconds}.db")
                r = self.receiver(status(503, [("Retry-After", seconds)]))
                self.add(r.url)
                began = time.monotonic()
                self.deliver(4, "--for", "10s")
                self.assertLess(time.monotonic() - began, 9)  # nothing becomes due: not waited for
                wait = self.outbox()[0][3] / 1e9 - time.time()
                self.assertTrue(3500 < wait <= 3600, wait)

    def test_a_refusal_for_good_is_recorded_and_said(self):
        for code in (400, 401, 404, 410, 413):
            with self.subTest(code=code):
                self.db = self.path(f"{code}.db")
                r = self.receiver(status(code))
                self.add(r.url)
                self.assertIn(f"the receiver answered {code}: given up", self.deliver(1))
                state, tries, problem, _ = self.outbox()[0]
                self.assertEqual((state, tries, problem), (2, 1, f"the receiver answered {code}"))
                self.deliver(0)
                self.assertEqual(len(r.requests), 1)

    def test_408_425_and_429_are_not_for_good(self):
        for code in (408, 425, 429):
            with self.subTest(code=code):
                self.db = self.path(f"{code}.db")
                r = self.receiver(status(code))
                self.add(r.url)
                self.deliver(4)
                self.assertEqual(self.outbox()[0][0], 0)

    def test_redirects_are_not_followed(self):
        elsewhere = self.receiver()
        for code in (301, 302, 307, 308):
            with self.subTest(code=code):
                self.db = self.path(f"{code}.db")
                r = self.receiver(status(code, [("Location", elsewhere.url)]))
                self.add(r.url)
                self.assertIn("redirects are not followed", self.deliver(1))
        self.assertEqual(elsewhere.requests, [])

    def test_a_receiver_that_hangs_costs_one_timeout(self):
        r = self.receiver(hang)
        self.add(r.url, timeout_ms=2000)
        began = time.monotonic()
        self.assertIn("no answer within 2000 ms", self.deliver(4))
        self.assertLess(time.monotonic() - began, 20)

    def test_a_server_that_never_shakes_hands_costs_one_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.add(f"https://localhost:{listener.getsockname()[1]}/", timeout_ms=2000)
            began = time.monotonic()
            self.assertIn("no answer within 2000 ms", self.deliver(4))
            self.assertLess(time.monotonic() - began, 20)

    def test_a_reset_connection_is_tried_again(self):
        r = self.receiver(reset, OK)
        self.add(r.url)
        self.deliver(0, "--for", "20s")
        self.assertEqual(len(r.requests), 2)

    def test_garbage_behind_a_good_status_is_not_read(self):
        for n, answer in enumerate((status(200, body=b"\x00\xff<html>no" * 100), short(200))):
            self.db = self.path(f"{n}.db")
            r = self.receiver(answer)
            self.add(r.url)
            self.deliver(0)
            self.assertEqual(len(r.requests), 1)

    def test_what_is_no_answer_is_tried_again(self):
        r = self.receiver(lambda h: h.wfile.write(b"\x16\x03 this is not HTTP\r\n\r\n"), OK)
        self.add(r.url)
        self.deliver(0, "--for", "20s")
        self.assertEqual(len(r.requests), 2)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.add(f"https://localhost:{port}/")
        self.assertIn("Couldn't connect to server", self.deliver(4))

    def test_an_endless_answer_is_cut_off_and_its_status_counts(self):
        r = self.receiver(endless)
        self.add(r.url)
        began = time.monotonic()
        self.deliver(0)
        self.assertLess(time.monotonic() - began, 15)

    # ---- the outbox ----

    def test_one_bad_receiver_does_not_stop_the_others(self):
        bad, good = self.receiver(status(500)), self.receiver()
        self.add(bad.url)
        self.add(good.url)
        self.assertIn("1 delivered, 0 given up, 1 left", self.deliver(4))
        self.assertEqual(len(good.requests), 1)

    def test_a_missing_variable_waits_for_the_person_who_sets_it(self):
        r = self.receiver()
        self.add("${env:HOOK}")
        self.assertIn("environment variable 'HOOK' is not set", self.deliver(4))
        self.env["HOOK"] = r.url
        self.deliver(0)
        self.assertEqual(len(r.requests), 1)

    def test_two_at_once_do_not_deliver_twice(self):
        r = self.receiver(hang)
        self.add(r.url, timeout_ms=5000)
        first = self.deliver_beside()
        self.wait_until("nobody was asked", lambda: r.requests)
        second = subprocess.run([PROGRAM, "deliver", "--db", self.db], env=self.env,
                                capture_output=True, text=True)
        self.assertEqual(second.returncode, 3)
        self.assertIn("another process is delivering", second.stderr)
        self.assertEqual(first.wait(60), 4)
        self.assertEqual(len(r.requests), 1)

    def test_who_has_time_waits_for_another_and_lets_others_send(self):
        r = self.receiver(hang, status(503, [("Retry-After", "30")]), OK)
        self.add(r.url, timeout_ms=3000)
        first = self.deliver_beside()
        self.wait_until("nobody was asked", lambda: r.requests)
        patient = self.deliver_beside("--for", "50s")
        self.assertEqual(first.wait(60), 4)
        self.wait_until("its turn did not come", lambda: self.outbox()[0][1] >= 2)
        self.assertIn("1 delivered, 0 given up, 0 left", self.deliver(0))
        self.assertEqual(patient.wait(10), 0)  # there is nothing left to wait for
        self.assertEqual(len(r.requests), 3)

    def test_killed_in_the_middle_it_is_sent_by_the_next(self):
        r = self.receiver(hang, OK)
        self.add(r.url)
        first = self.deliver_beside()
        self.wait_until("nobody was asked", lambda: r.requests)
        first.kill()
        first.wait()
        self.deliver(0)
        self.assertEqual(len(r.requests), 2)

    def change_outbox(self, changes):
        db = sqlite3.connect(self.db)
        db.execute("UPDATE outbox SET " + changes)
        db.commit()
        db.close()

    def test_it_is_given_up_after_three_days_and_a_hundred_tries(self):
        for age_days, tries, left in ((2, 200, True), (4, 99, True), (4, 100, False),
                                      (20000, 12, True), (20000, 100, False), (-20000, 12, True)):
            with self.subTest(age_days=age_days, tries=tries):
                self.db = self.path(f"{age_days}-{tries}.db")
                self.add(self.receiver(status(500)).url)
                created = int((time.time() - age_days * 86400) * 1e9)
                self.change_outbox(f"created_ns = {created}, tries = {tries}")
                self.deliver(4 if left else 1)
                self.assertEqual(self.outbox()[0][0], 0 if left else 2)

    def test_a_clock_that_was_set_back_holds_nothing_up(self):
        r = self.receiver(hang, status(500), OK)
        self.add(r.url, timeout_ms=2000)
        p = self.deliver_beside("--for", "40s")
        self.wait_until("it was not tried", lambda: self.outbox()[0][1])
        self.change_outbox(f"next_ns = {int((time.time() + 3 * 3600) * 1e9)} WHERE state = 0")
        self.assertEqual(p.wait(60), 0)

    # ---- at the end of a run ----

    def after(self, *args):
        began = time.monotonic()
        p = subprocess.run([DELIVER_AFTER, self.db, *args], env=self.env, capture_output=True,
                           text=True, timeout=60)
        self.assertEqual(p.returncode, 0, p.stderr)
        return p.stdout, p.stderr, time.monotonic() - began

    def test_a_run_delivers_in_a_child_and_says_only_problems(self):
        r = self.receiver(status(500), OK)
        self.add(r.url)
        out, err, _ = self.after("20000")
        self.assertEqual(out, "0 left\n")
        self.assertIn("the receiver answered 500: next try in", err)
        self.assertNotIn("delivered", err)
        self.assertEqual(len(r.requests), 2)

    def test_a_run_waits_only_so_long(self):
        self.add(self.receiver(hang).url)
        out, _, took = self.after("1500")
        self.assertEqual(out, "1 left\n")
        self.assertLess(took, 20)

    def test_a_second_interrupt_ends_the_wait(self):
        self.add(self.receiver(hang).url)
        out, _, took = self.after("50000", "cancel")
        self.assertEqual(out, "1 left\n")
        self.assertLess(took, 15)

    def test_a_run_without_webhooks_starts_nothing(self):
        self.add("https://localhost:1/", fixture="pass", when="failure")
        self.assertEqual(self.after("1000")[0], "0 left\n")


if __name__ == "__main__":
    run_all(Webhook, sys.argv[5:], 6)
