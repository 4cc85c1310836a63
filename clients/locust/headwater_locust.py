"""Records load tests of Locust with Headwater.

One line in a locustfile is enough::

    import headwater_locust

Then ``locust --headwater-url http://recorder:9999 ...`` registers each test when it starts, sends live values every few seconds, notes
when all users have been spawned, and commits Locust's statistics and the exit code when the test is over. Only the master speaks to
the recorder, or the only process there is; workers never do.

Whatever happens to the recorder, the test goes on as it would without it: nothing here runs in the greenlets of users, no request waits
for long, and no mistake leaves this module but as a line in the log.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import math
import os
import re
import shlex
import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

import locust  # first, because it makes the standard library's sockets cooperative
import gevent
import gevent.event
from locust.runners import MasterRunner, WorkerRunner

__version__ = "0.1.0"

BASE = "/apiv0.1"
#: Seconds that one request may take, whatever it waits for.
REQUEST_SECONDS = 5.0
#: The same for the result, which may be large.
COMMIT_SECONDS = 20.0
#: Between two attempts: the first wait, doubled after each failure, and the longest one.
BACK_OFF_SECONDS = (0.5, 15.0)
#: Seconds for which a run that never reached its recorder keeps the process from ending.
LAST_ATTEMPT_SECONDS = 5.0
#: Seconds after a test for which a master waits for the last reports of its workers.
LAST_REPORTS_SECONDS = 1.0
#: Annotations that wait for the recorder. There are few; a test that makes many must not fill the memory.
MOST_ANNOTATIONS = 100
#: Bytes of a text in the record, and of a tag, that the recorder takes. Longer ones are cut: they are no reason to record nothing.
LONGEST = {"text": 4000, "tag": 1000}
PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))

log = logging.getLogger("headwater_locust")


def _harmless(listener):
    """A listener whose mistakes stay here: Locust would take them for a failure of the test, and change its exit code."""

    @functools.wraps(listener)
    def guarded(*args, **kwargs):
        try:
            return listener(*args, **kwargs)
        except Exception:
            log.exception("the test is not recorded properly")

    return guarded


# ------------------------------------------------------------------ requests


class Refused(Exception):
    """The recorder answered, and did not do what it was asked."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may be taken later."""
        return self.status in (408, 425, 429) or self.status >= 500


class TookTooLong(Exception):
    """There was no answer in time."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to wherever it points."""

    def redirect_request(self, *_args, **_kwargs):
        return None


class Client:
    """Requests to one recorder."""

    def __init__(self, url: str, token: str | None = None):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{url!r} is no address of a recorder: http://HOST:PORT")
        path = parts.path.rstrip("/")
        self._base = urlunsplit((parts.scheme, parts.netloc, path if path.endswith(BASE) else path + BASE, "", ""))
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirects)

    def post(self, event: str, body: dict, seconds: float) -> dict:
        """Sends a body and returns the answer's object; raises `Refused`, `TookTooLong` or an `OSError`."""
        headers = {"content-type": "application/json", "user-agent": f"headwater-locust/{__version__}"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self._base}/events/{event}", as_json(body), headers, method="POST")
        with gevent.Timeout(seconds, TookTooLong(f"no answer within {seconds:g} s")):
            try:
                with self._opener.open(request, timeout=seconds) as answer:
                    return self._object(answer.read(1 << 20))
            except urllib.error.HTTPError as error:
                raise Refused(error.code, self._message(error)) from None
            except urllib.error.URLError as error:
                raise OSError(str(error.reason)) from None
            except (ValueError, EOFError) as error:  # not HTTP, or cut off
                raise OSError(str(error) or type(error).__name__) from None
            except Exception as error:
                # `http.client` has a family of errors of its own for answers that are none.
                if isinstance(error, OSError):
                    raise
                raise OSError(str(error) or type(error).__name__) from None

    @staticmethod
    def _object(body: bytes) -> dict:
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise ValueError("the answer is no object")
        return answer

    @staticmethod
    def _message(error: urllib.error.HTTPError) -> str:
        try:
            return str(json.loads(error.read(1 << 16))["error"]["message"])
        except Exception:
            return str(error.reason)


def as_json(body) -> bytes:
    """JSON that every reader takes: without NaN, infinities and halves of surrogate pairs, which Python would write."""
    return json.dumps(_clean(body), allow_nan=False, default=str).encode()


def _clean(value):
    if isinstance(value, dict):
        return {_clean(key) if isinstance(key, str) else str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# ---------------------------------------------------------------- what is said


def live_values(environment) -> dict:
    """The fields of an update. Rates and percentiles are those of the last ten seconds, as in Locust's own charts; the average response
    time and the counts are those since the start."""
    runner, total = environment.runner, environment.stats.total
    fields = {
        "users": runner.user_count,
        "spawnRate": _spawn_rate(environment),
        "requests": total.num_requests,
        "failures": total.num_failures,
        "requestsPerSecond": float(total.current_rps),
        "failuresPerSecond": float(total.current_fail_per_sec),
    }
    if total.num_requests > total.num_none_requests:
        fields["averageResponseTime"] = float(total.avg_response_time)
        for name, part in PERCENTILES:
            now = total.get_current_response_time_percentile(part)
            fields[name] = float(total.get_response_time_percentile(part) if now is None else now)
    return {name: value for name, value in fields.items() if value is not None}


def _spawn_rate(environment) -> float | None:
    runner = environment.runner
    tick = runner.shape_last_tick
    options = environment.parsed_options
    rate = tick[1] if tick else getattr(runner, "spawn_rate", None) or getattr(options, "spawn_rate", None)
    return None if rate is None else float(rate)


def target_host(environment) -> str | None:
    """What is tested, without the name and password that an address may hold."""
    host = environment.host or next((user.host for user in environment.user_classes if user.host), None)
    if not host:
        return None
    parts = urlsplit(host)
    return host if "@" not in parts.netloc else urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def command_line(arguments: list[str]) -> str:
    """The command, for the record, without what options about secrets say."""
    program = os.path.basename(arguments[0]) if arguments else ""
    shown, hide = ["locust" if program in ("", "__main__.py") else program], False
    for argument in arguments[1:]:
        secret = re.match(r"--[\w-]*(tok|pass|secret|key|login|cred)[\w-]*", argument)
        if hide and not argument.startswith("--"):
            shown.append("...")
        elif secret:
            shown.append(secret.group() + ("=..." if "=" in argument else ""))
        else:
            shown.append(re.sub(r"(://)[^/\s]*@", r"\1", argument))
        hide = bool(secret) and "=" not in argument
    return shlex.join(shown)


def exit_code(environment) -> int:
    """The exit code that Locust would end with now; for tests of its web interface, after which it does not end."""
    if environment.process_exit_code is not None:
        return environment.process_exit_code
    if environment.stats.errors or environment.runner.exceptions:
        return getattr(environment.parsed_options, "exit_code_on_error", 1)
    return 0


def totals(environment) -> dict:
    """What all requests of a test come to."""
    total = environment.stats.total
    fields = {"requests": total.num_requests, "failures": total.num_failures}
    if total.num_requests > total.num_none_requests:
        fields["averageResponseTime"] = float(total.avg_response_time)
        fields.update({name: float(total.get_response_time_percentile(part)) for name, part in PERCENTILES})
    return fields


def statistics(environment) -> list[dict]:
    """What ``locust --json`` prints. Its own function for that, `RequestStats.serialize_stats`, sets all counts to zero, which would spoil
    the reports that Locust makes afterwards; so each entry is asked."""
    entries = environment.stats.entries.values()
    return [entry.serialize() for entry in entries if entry.num_requests or entry.num_failures]


def _cut(text: str, what: str) -> str:
    return text.encode("utf-8", "replace")[: LONGEST[what]].decode("utf-8", "ignore")


def _shortened(entries: list[dict]) -> list[dict]:
    """The same without the counts of each second, which grow with the length of the test."""
    return [{**entry, "num_reqs_per_sec": {}, "num_fail_per_sec": {}} for entry in entries]


# --------------------------------------------------------------------- a run


class Run:
    """One test, from its start to its result. All requests about it are made by one greenlet, in order."""

    def __init__(self, recorder: "Recorder"):
        self.uuid: str | None = None
        self.failed_requests = 0
        self._recorder = recorder
        self._environment = recorder.environment
        self._started_at = time.time()
        self._ended_at: float | None = None
        self._statistics: list[dict] = []
        self._totals: dict = {}
        self._exit_code: int | None = None
        self._annotations: list[dict] = []
        self._given_up = False
        self._troubled = False
        self._wake = gevent.event.Event()
        self._over = gevent.event.Event()
        self._greenlet = gevent.spawn(_harmless(self._record))

    def annotate(self, title: str, text: str, tags: list[str]):
        """Notes that something happened now."""
        if len(self._annotations) < MOST_ANNOTATIONS:
            self._annotations.append({"title": title, "text": text, "tags": tags, "at": time.time()})
        self._wake.set()

    def stopped(self):
        """The test is over. More statistics may still come: from workers, `statistics_came`."""
        if self._ended_at is None:
            self._ended_at = time.time()
            self._take_statistics()

    def statistics_came(self):
        """Takes them, if the test is over. They must be taken now: ``--json`` sets them to zero before Locust says that it quits."""
        if self._ended_at is not None and not self._over.is_set():
            self._take_statistics()

    def _take_statistics(self):
        self._statistics = statistics(self._environment)
        self._totals = totals(self._environment)
        self._exit_code = exit_code(self._environment)

    def commit(self, code: int | None = None):
        """Commits in the background what was taken. The exit code, once it is known, is better than the expected one."""
        self.stopped()
        if code is not None:
            self._exit_code = code
        self._over.set()
        self._wake.set()

    def wait(self):
        """Waits until the result was taken, or its time is up."""
        self._greenlet.join(timeout=self._recorder.deadline + 1.0)

    def _record(self):
        self._register(until=self._over)
        while not self._over.is_set():
            self._send_annotations()
            self._wake.wait(self._recorder.interval)
            if self._wake.is_set():
                self._wake.clear()
                continue
            if self.uuid is None:  # the recorder has forgotten the run
                self._register(until=self._over)
            elif not self._given_up and self._ended_at is None:
                self._send("update", {"measurement": {"fields": live_values(self._environment)}})
        self._finish()

    def _register(self, until: gevent.event.Event, deadline: float = math.inf):
        """Tries until there is a run. When an answer was lost the recorder has a run that nobody knows; it will call it lost."""
        back_off = BACK_OFF_SECONDS[0]
        while self.uuid is None and not self._given_up:
            body = self._recorder.about_run()
            body["startedAt"] = self._started_at
            body["measurement"]["fields"] = live_values(self._environment)
            answer = self._send("register", body)
            if answer is not None:
                self.uuid = answer.get("uuid") or answer.get("data", {}).get("uuid")
                if self.uuid:
                    log.info("recording as run %s", self.uuid)
                    return
                self._trouble("register", "the answer names no run")
            if self._given_up or time.monotonic() + back_off >= deadline:
                return
            if until.wait(back_off) and deadline == math.inf:
                return
            back_off = min(2 * back_off, BACK_OFF_SECONDS[1])

    def _send_annotations(self):
        while self._annotations and self.uuid and not self._given_up:
            if self._send("annotate", dict(self._annotations[0])) is None:
                return
            self._annotations.pop(0)

    def _finish(self):
        allowed = self._recorder.deadline
        if self.uuid is None:
            allowed = min(allowed, LAST_ATTEMPT_SECONDS)
        deadline = time.monotonic() + allowed
        never = gevent.event.Event()
        self._register(until=never, deadline=deadline)
        self._send_annotations()
        back_off = BACK_OFF_SECONDS[0]
        while self.uuid and not self._given_up:
            fields = {**self._totals, "requestStats": self._statistics}
            body = {"startedAt": self._ended_at, "measurement": {"fields": fields, "tags": self._recorder.tags()}}
            if self._exit_code is not None:
                body["exitCode"] = self._exit_code
            seconds = max(1.0, min(COMMIT_SECONDS, deadline - time.monotonic()))
            if self._send("commit", body, seconds) is not None:
                log.info("the result of run %s is recorded", self.uuid)
                break
            if self.uuid is None:  # the recorder has forgotten the run: its result is worth a new one
                self._register(until=never, deadline=deadline)
                continue
            if time.monotonic() + back_off >= deadline:
                self._given_up = True
                break
            gevent.sleep(back_off)
            back_off = min(2 * back_off, BACK_OFF_SECONDS[1])
        if self._given_up or self.uuid is None:
            log.error("the result of the test is not recorded (%d requests to the recorder failed)", self.failed_requests)
        elif self.failed_requests:
            log.warning("%d requests to the recorder failed", self.failed_requests)

    def _send(self, event: str, body: dict, seconds: float | None = None) -> dict | None:
        """One attempt; `None` when it failed, which is noted."""
        body["hostname"] = self._recorder.generator
        if event != "register":
            body["uuid"] = self.uuid
        try:
            answer = self._recorder.client.post(event, body, seconds or REQUEST_SECONDS)
        except Refused as refused:
            self._trouble(event, str(refused))
            if refused.passing:
                return None
            if refused.status == 404 and event != "register":
                self.uuid = None
            elif event == "annotate":
                return {}  # one that is refused must not hold up the others
            elif event == "commit" and refused.status == 413 and self._statistics != _shortened(self._statistics):
                self._statistics = _shortened(self._statistics)
            elif event in ("register", "commit"):
                self._given_up = True
            return None
        except (TookTooLong, OSError) as error:
            self._trouble(event, str(error) or type(error).__name__)
            return None
        if self._troubled:
            self._troubled = False
            log.info("the recorder answers again")
        return answer

    def _trouble(self, event: str, what: str):
        """Logs the first of several failures in a row."""
        self.failed_requests += 1
        level = logging.DEBUG if self._troubled else logging.WARNING
        log.log(level, "the recorder does not take %s (%s); the test goes on", event, what)
        self._troubled = True


# -------------------------------------------------------------- Locust's hooks


class Recorder:
    """Makes a run of each test of an environment."""

    def __init__(self, environment, options: argparse.Namespace):
        self.environment = environment
        self.client = Client(options.headwater_url, options.headwater_token)
        self.generator = socket.gethostname() or "localhost"
        self.interval = options.headwater_interval
        self.deadline = options.headwater_deadline
        self.current: Run | None = None
        self._runs: list[Run] = []
        self._tags = dict(tag.split("=", 1) for tag in options.headwater_tag or [])
        self._texts = {
            "testPlan": options.headwater_test_plan,
            "environment": options.headwater_environment,
            "version": options.headwater_version,
            "gitRef": options.headwater_git_ref,
            "profile": getattr(options, "profile", None),
            "commandLine": command_line(sys.argv),
        }
        # A process that ends by itself says only at its end which exit code it has.
        self._ends_with_test = bool(options.headless)
        events = environment.events
        events.test_start.add_listener(_harmless(self._test_start))
        events.spawning_complete.add_listener(_harmless(self._spawning_complete))
        events.cpu_warning.add_listener(_harmless(self._cpu_warning))
        events.test_stop.add_listener(_harmless(self._test_stop))
        # Locust's own listener comes first: it was added with the runner.
        events.worker_report.add_listener(_harmless(self._worker_report))
        events.quit.add_listener(_harmless(self._quit))

    def tags(self) -> dict:
        """The tags of live values and of the result."""
        tags = {"mode": "cluster" if isinstance(self.environment.runner, MasterRunner) else "single"}
        target = target_host(self.environment)
        if target:
            tags["targetHost"] = _cut(target, "tag")
        return tags

    def about_run(self) -> dict:
        """What registering says beside the live values."""
        tags = self.tags()
        body = {"idleTimeout": f"{math.ceil(max(60.0, 6.0 * self.interval))}s", "measurement": {"tags": tags}}
        if self._tags:
            body["runTags"] = self._tags
        body.update({name: _cut(text, "text") for name, text in self._texts.items() if text})
        return body

    def _test_start(self, **_kwargs):
        if self.current is not None:
            self.current.commit()
        self.current = Run(self)
        self._runs = [run for run in self._runs if not run._greenlet.ready()] + [self.current]

    def _spawning_complete(self, user_count, **_kwargs):
        if self.current is not None:
            self.current.annotate("All users spawned", f"{user_count} users are running", ["spawning-complete"])

    def _cpu_warning(self, cpu_usage, **_kwargs):
        if self.current is not None:
            text = f"the load generator uses {cpu_usage:.0f} % of a processor; its response times may be too long"
            self.current.annotate("High CPU usage", text, ["cpu-warning"])

    def _worker_report(self, **_kwargs):
        if self.current is not None:
            self.current.statistics_came()

    def _test_stop(self, **_kwargs):
        run = self.current
        if run is None:
            return
        run.stopped()
        if not self._ends_with_test:
            gevent.spawn(_harmless(self._commit_soon), run)

    def _commit_soon(self, run: Run):
        if isinstance(self.environment.runner, MasterRunner):
            gevent.sleep(LAST_REPORTS_SECONDS)
        if self.current is not run:
            return  # the next test has begun, which clears the statistics, or the process is ending
        run.commit()
        self.current = None

    def _quit(self, exit_code, **_kwargs):
        run, self.current = self.current, None
        if run is not None:
            run.commit(exit_code)
        for run in self._runs:
            run.wait()


def _positive(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(text)
    return value


def _tag(text: str) -> str:
    if not text.partition("=")[0] or not text.partition("=")[2]:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


@locust.events.init_command_line_parser.add_listener
def _options(parser, **_kwargs):
    group = parser.add_argument_group("Headwater", "Records tests with Headwater")

    def option(name, variable, text, **kwargs):
        action = group.add_argument(name, env_var=variable, help=text, **kwargs)
        action.include_in_web_ui = False

    option("--headwater-url", "HEADWATER_URL", "Address of the recorder. Without it nothing is recorded", metavar="URL", default="")
    option("--headwater-token", "HEADWATER_TOKEN", "Token of the recorder", metavar="TOKEN", default="")
    option("--headwater-tag", "HEADWATER_TAGS", "A tag for every point of the run; may be repeated", metavar="NAME=VALUE",
           action="append", type=_tag)
    option("--headwater-test-plan", "HEADWATER_TEST_PLAN", "Name of the test plan", metavar="TEXT")
    option("--headwater-environment", "HEADWATER_ENVIRONMENT", "Where the test runs, as staging", metavar="TEXT")
    option("--headwater-version", "HEADWATER_VERSION", "Version of what is tested", metavar="TEXT")
    option("--headwater-git-ref", "HEADWATER_GIT_REF", "Commit or branch of what is tested", metavar="TEXT")
    option("--headwater-interval", "HEADWATER_INTERVAL", "Seconds between live values (default 5)", metavar="SECONDS",
           type=_positive, default=5.0)
    option("--headwater-deadline", "HEADWATER_DEADLINE", "Seconds after a test in which its result must be taken (default 30)",
           metavar="SECONDS", type=_positive, default=30.0)


@locust.events.init.add_listener
@_harmless
def _init(environment, runner=None, **_kwargs):
    options = environment.parsed_options
    if options is None or runner is None:
        return
    url = getattr(options, "headwater_url", "")
    if url and not isinstance(runner, WorkerRunner):
        try:
            Recorder(environment, options)
        except ValueError as error:
            log.error("nothing is recorded: %s", error)
    # Locust sends its options to workers, over connections that anybody on the way can read, and shows them in its web interface.
    options.headwater_token = ""
