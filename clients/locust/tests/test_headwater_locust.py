"""What the plug-in says and does, against a recorder of its own and Locust's real classes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import headwater_locust as plugin  # noqa: E402, and first, as in a locustfile

import json
import logging
import math
import unittest

import gevent
from gevent.pywsgi import WSGIServer
from locust import HttpUser, events, task
from locust.argument_parser import get_parser
from locust.env import Environment


class Recorder:
    """Answers as told, and keeps what it took."""

    def __init__(self):
        self.taken: list[tuple[str, dict, str | None]] = []
        #: What the next requests of an event are answered; afterwards they are taken.
        self.answers: dict[str, list[int]] = {}
        self.registered = 0
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None, error_log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, environ, start_response):
        event = environ["PATH_INFO"].removeprefix("/apiv0.1/events/")
        body = json.loads(environ["wsgi.input"].read())
        status = self.answers[event].pop(0) if self.answers.get(event) else 200
        headers = [("content-type", "application/json")]
        if status != 200:
            start_response(f"{status} No", headers + [("location", self.url + "/elsewhere")])
            return [b'{"error":{"code":"no","message":"not now"}}']
        self.taken.append((event, body, environ.get("HTTP_AUTHORIZATION")))
        if event == "register":
            self.registered += 1
        start_response("200 OK", headers)
        return [json.dumps({"uuid": body.get("uuid") or f"run{self.registered}"}).encode()]

    def of(self, event: str) -> list[dict]:
        return [body for name, body, _ in self.taken if name == event]

    def stop(self):
        self._server.stop()


class Shop(HttpUser):
    host = "https://name:word@shop.example/path"

    @task
    def nothing(self):
        gevent.sleep(0.01)


def environment_with(*arguments: str):
    """An environment as Locust makes it of a command line, with our listeners."""
    options = get_parser().parse_args(["--headless", *arguments])
    environment = Environment(user_classes=[Shop], parsed_options=options, events=type(events)())
    environment.create_local_runner()
    plugin._init(environment=environment, runner=environment.runner)
    return environment


def wait_until(what, seconds: float = 10.0):
    with gevent.Timeout(seconds):
        while not what():
            gevent.sleep(0.01)


class Recording(unittest.TestCase):
    def setUp(self):
        self.recorder = Recorder()
        self.addCleanup(self.recorder.stop)
        self.first_wait, plugin.BACK_OFF_SECONDS = plugin.BACK_OFF_SECONDS, (0.05, 0.1)
        self.addCleanup(lambda: setattr(plugin, "BACK_OFF_SECONDS", self.first_wait))
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def environment(self, *arguments: str):
        return environment_with("--headwater-url", self.recorder.url, "--headwater-interval", "0.1", *arguments)

    def run_test(self, environment, requests: int = 3, code: int = 0, quits: bool = True, until=None):
        """A test of these requests, which goes on until something has happened, or for a moment."""
        environment.events.test_start.fire(environment=environment)
        for _ in range(requests):
            environment.events.request.fire(request_type="GET", name="/", response_time=12.5, response_length=4, exception=None)
        if until:
            wait_until(until)
        else:
            gevent.sleep(0.25)
        environment.events.test_stop.fire(environment=environment)
        if quits:
            environment.events.quit.fire(exit_code=code)

    def test_a_run_is_registered_updated_and_committed_once(self):
        environment = self.environment("--headwater-token", "geheim", "--headwater-tag", "team=web", "--headwater-tag", "sum=a=b")
        def counted():
            return any(update["measurement"]["fields"]["requests"] == 3 for update in self.recorder.of("update"))

        self.run_test(environment, code=3, until=counted)
        (registered,) = self.recorder.of("register")
        self.assertEqual(registered["measurement"]["tags"], {"mode": "single", "targetHost": "https://shop.example/path"})
        self.assertEqual(registered["runTags"], {"team": "web", "sum": "a=b"})
        self.assertEqual(registered["idleTimeout"], "60s")
        self.assertTrue(registered["hostname"])
        last = self.recorder.of("update")[-1]["measurement"]["fields"]
        self.assertEqual((last["requests"], last["failures"], last["users"]), (3, 0, 0))
        self.assertEqual((last["averageResponseTime"], last["p50"], last["p99"]), (12.5, 12.0, 12.0))
        (committed,) = self.recorder.of("commit")
        self.assertEqual((committed["uuid"], committed["exitCode"]), ("run1", 3))
        self.assertEqual(committed["measurement"]["tags"], registered["measurement"]["tags"])
        fields = committed["measurement"]["fields"]
        self.assertEqual((fields["requests"], fields["failures"], fields["averageResponseTime"], fields["p95"]), (3, 0, 12.5, 12.0))
        (entry,) = fields["requestStats"]
        self.assertEqual((entry["method"], entry["name"], entry["num_requests"]), ("GET", "/", 3))
        self.assertGreater(committed["startedAt"], registered["startedAt"])
        self.assertEqual({token for _, _, token in self.recorder.taken}, {"Bearer geheim"})
        self.assertNotIn("geheim", json.dumps([body for _, body, _ in self.recorder.taken]))

    def test_the_statistics_have_the_keys_of_locusts_json_and_stay_as_they_are(self):
        environment = self.environment()
        environment.stats.log_request("GET", "/", 5, 1)
        environment.stats.log_error("GET", "/never", "no")
        mine = plugin.statistics(environment)
        self.assertEqual(mine, plugin.statistics(environment))
        self.assertEqual(json.dumps(mine), json.dumps(environment.stats.serialize_stats()))

    def test_the_token_stays_with_whoever_speaks_to_the_recorder(self):
        environment = self.environment("--headwater-token", "geheim")
        self.assertNotIn("geheim", str(vars(environment.parsed_options)))

    def test_texts_that_are_too_long_are_cut(self):
        environment = self.environment("--headwater-test-plan", "ü" * 5000, "--host", "http://" + "x" * 5000)
        environment.host = "http://" + "x" * 5000
        self.run_test(environment)
        (registered,) = self.recorder.of("register")
        self.assertEqual(registered["testPlan"], "ü" * 2000)
        self.assertEqual(len(registered["measurement"]["tags"]["targetHost"]), 1000)

    def test_register_is_tried_until_it_succeeds(self):
        self.recorder.answers["register"] = [503, 500, 429]
        self.run_test(self.environment())
        self.assertEqual(len(self.recorder.of("register")), 1)
        self.assertEqual(len(self.recorder.of("commit")), 1)

    def test_a_recorder_that_comes_after_the_test_still_gets_the_result(self):
        self.recorder.answers["register"] = [503] * 6
        environment = self.environment()
        environment.events.test_start.fire(environment=environment)
        environment.events.test_stop.fire(environment=environment)
        environment.events.quit.fire(exit_code=0)
        self.assertEqual([event for event, _, _ in self.recorder.taken], ["register", "commit"])

    def test_a_commit_is_tried_until_it_is_taken(self):
        self.recorder.answers["commit"] = [503, 502]
        self.run_test(self.environment())
        self.assertEqual(len(self.recorder.of("commit")), 1)

    def test_a_commit_is_given_up_when_its_time_is_up(self):
        self.recorder.answers["commit"] = [503] * 1000
        with gevent.Timeout(5):
            self.run_test(self.environment("--headwater-deadline", "0.5"))
        self.assertEqual(self.recorder.of("commit"), [])

    def test_a_result_that_is_too_large_goes_without_the_counts_of_seconds(self):
        self.recorder.answers["commit"] = [413]
        self.run_test(self.environment())
        (entry,) = self.recorder.of("commit")[0]["measurement"]["fields"]["requestStats"]
        self.assertEqual((entry["num_reqs_per_sec"], entry["num_requests"]), ({}, 3))

    def test_a_recorder_that_forgot_the_run_gets_it_anew(self):
        self.recorder.answers["update"] = [404]
        self.run_test(self.environment(), until=lambda: len(self.recorder.of("register")) == 2)
        self.assertEqual(len(self.recorder.of("register")), 2)
        self.assertEqual([body["uuid"] for body in self.recorder.of("commit")], ["run2"])
        self.recorder.taken.clear()
        self.recorder.answers["commit"] = [404]
        self.run_test(self.environment())
        self.assertEqual([body["uuid"] for body in self.recorder.of("commit")], ["run4"])

    def test_a_wrong_token_ends_the_attempts(self):
        self.recorder.answers["register"] = [401, 200]
        self.run_test(self.environment())
        self.assertEqual(self.recorder.taken, [])

    def test_a_redirect_is_not_followed(self):
        self.recorder.answers["register"] = [302]
        self.run_test(self.environment("--headwater-token", "geheim"))
        self.assertEqual(self.recorder.taken, [])

    def test_annotations_come_in_order_although_one_is_refused(self):
        self.recorder.answers["register"] = [503]
        environment = self.environment()
        environment.events.test_start.fire(environment=environment)
        environment.events.spawning_complete.fire(user_count=7)
        environment.events.cpu_warning.fire(environment=environment, cpu_usage=95.0)
        environment.events.spawning_complete.fire(user_count=8)
        self.recorder.answers["annotate"] = [400]
        gevent.sleep(0.3)
        environment.events.test_stop.fire(environment=environment)
        environment.events.quit.fire(exit_code=0)
        self.assertEqual([body["title"] for body in self.recorder.of("annotate")], ["High CPU usage", "All users spawned"])

    def test_each_test_of_the_web_interface_is_a_run(self):
        environment = self.environment()
        environment.parsed_options.headless = False
        environment.events = type(events)()
        environment.parsed_options.headwater_token = ""
        plugin._init(environment=environment, runner=environment.runner)
        for number in (1, 2):
            self.run_test(environment, requests=0, quits=False)
            wait_until(lambda: len(self.recorder.of("commit")) == number)
        environment.events.quit.fire(exit_code=0)
        self.assertEqual([body["uuid"] for body in self.recorder.of("commit")], ["run1", "run2"])

    def test_a_recorder_that_hangs_holds_nothing_up(self):
        silent = gevent.socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        limit, plugin.REQUEST_SECONDS = plugin.REQUEST_SECONDS, 0.2
        self.addCleanup(lambda: setattr(plugin, "REQUEST_SECONDS", limit))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = environment_with("--headwater-url", url, "--headwater-deadline", "1")
        began = gevent.get_hub().loop.now()
        environment.events.test_start.fire(environment=environment)
        self.assertLess(gevent.get_hub().loop.now() - began, 0.05)
        environment.events.test_stop.fire(environment=environment)
        with gevent.Timeout(4):
            environment.events.quit.fire(exit_code=0)


class Said(unittest.TestCase):
    def test_json_has_nothing_that_other_readers_refuse(self):
        body = plugin.as_json({"a": [math.nan, math.inf, 1.5], 7: "half \ud800 pair", "error": ValueError("x")})
        self.assertEqual(json.loads(body), {"a": [None, None, 1.5], "7": "half ? pair", "error": "x"})

    def test_a_command_line_shows_no_secret(self):
        shown = plugin.command_line(
            ["/usr/bin/locust", "--headwater-token", "geheim", "--web-login", "--api-key=geheim", "-H", "https://n:geheim@shop/x", "-u", "3"]
        )
        self.assertNotIn("geheim", shown)
        self.assertEqual(shown, "locust --headwater-token ... --web-login --api-key=... -H https://shop/x -u 3")

    def test_an_address_that_is_none_is_told_and_changes_nothing(self):
        with self.assertLogs("headwater_locust", logging.ERROR) as logged:
            environment = environment_with("--headwater-url", "recorder:9999")
        self.assertIn("is no address of a recorder", logged.output[0])
        environment.events.test_start.fire(environment=environment)

    def test_without_an_address_nothing_listens(self):
        environment = environment_with()
        self.assertEqual(environment.events.test_start._handlers, [])


if __name__ == "__main__":
    unittest.main()
