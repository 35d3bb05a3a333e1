"""Many real processes over one PostgreSQL and one pretend internet, and what became of it.

    with Fleet(folder, cluster.address, Plan(hosts=60, pages=300, ...)) as fleet:
        one, two = fleet.join("one"), fleet.join("two")
        one.kill()
        fleet.until_polled(since=now(), within=30)

The database itself writes down, by triggers, who held what and who wrote what, in the very
transaction that does it. What that means is judged by `tests.fleet.judging`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg
from benchmarks.receivers import Receivers

from bellbuoy.platform import run
from bellbuoy.stores.opening import open_store
from tests.fleet.judging import Arrival, Entry
from tests.fleet.script import Plan
from tests.fleet.vendors import Vendors

SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
RECEIVERS = ("board", "chat")
_TRIGGERS = """
    CREATE SCHEMA audit;
    CREATE TABLE audit.entry (
        id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz, who text, what text, key text,
        owner text, epoch bigint);
    CREATE FUNCTION audit.held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' OR OLD.owner IS DISTINCT FROM NEW.owner OR OLD.epoch <> NEW.epoch THEN
            INSERT INTO audit.entry (at, who, what, key, owner, epoch) VALUES (clock_timestamp(),
                current_setting('application_name'), 'lease', NEW.name, NEW.owner, NEW.epoch);
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION audit.wrote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit.entry (at, who, what, key) VALUES (clock_timestamp(),
            current_setting('application_name'), TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1]);
        RETURN NULL;
    END $$;
    CREATE TRIGGER audit AFTER INSERT OR UPDATE ON lease
        FOR EACH ROW EXECUTE FUNCTION audit.held();
    CREATE TRIGGER audit AFTER INSERT OR UPDATE ON page
        FOR EACH ROW EXECUTE FUNCTION audit.wrote('page', 'key');
    CREATE TRIGGER audit AFTER INSERT ON event
        FOR EACH ROW EXECUTE FUNCTION audit.wrote('page', 'page_key');
    CREATE TRIGGER audit AFTER INSERT ON delivery
        FOR EACH ROW EXECUTE FUNCTION audit.wrote('dispatcher', 'id');
    CREATE TRIGGER audit_settled AFTER UPDATE ON delivery
        FOR EACH ROW EXECUTE FUNCTION audit.wrote('receiver', 'receiver');
"""


class Process:
    """A `bellbuoy` that works on the fleet's pages under a name of its own."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.is_ended = False
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=env,
            )

    def kill(self) -> None:
        """End it at once, by kill -9."""
        self.is_ended = True
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        """Let it stand still."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def retire(self) -> int:
        """Ask it to end, and return its exit code."""
        self.is_ended = True
        self._process.terminate()
        return self._process.wait(20)

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


class Fleet:
    """Workers, what they look at, what they write to and whom they tell."""

    def __init__(self, folder: Path, database: str, plan: Plan, *, every: str) -> None:
        self.database = database
        self.plan = plan
        self.processes: list[Process] = []
        self._folder = folder
        self._every = every
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            self.vendors = stack.enter_context(Vendors(self.plan))
            self._receivers = stack.enter_context(Receivers(len(RECEIVERS)))
            stack.callback(self._end)
            self._prepare()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def join(self, name: str, env: dict[str, str] | None = None) -> Process:
        """Start a worker."""
        config = self._folder / f"{name}.json"
        config.write_text(json.dumps(self._config(name)))
        command = [
            sys.executable, "-m", "bellbuoy", "watch", "--json", "--config", str(config),
            "--allow-private", "127.0.0.0/8", "--log-level", "info",
        ]  # fmt: skip
        made = Process(name, command, {**os.environ, **(env or {})}, self._folder / f"{name}.log")
        self.processes.append(made)
        return made

    def until(self, condition: Callable[[], bool], *, within: float) -> float:
        """Return when it is so: after how many seconds. That a worker ends instead is a failure."""
        began = time.time()
        while not condition():
            for process in self.processes:
                assert process.lives or process.is_ended, self.told(process)
            assert time.time() - began < within, "\n".join(map(self.told, self.processes))
            time.sleep(0.1)
        return time.time() - began

    def until_polled(self, *, since: float, within: float) -> float:
        """Return when every page was looked at again since then: after how many seconds."""
        self.until(lambda: not self.vendors.not_polled_since(since), within=within)
        return time.time() - since

    def until_working(self, *processes: Process, within: float) -> None:
        """Return when each of these has looked at something."""
        self.until(lambda: all(self.vendors.knows(each.name) for each in processes), within=within)

    def until_known(self, *, within: float) -> None:
        """Return when every page has been read once and kept: what is there is no news then."""
        kept = "SELECT count(*) FROM page"
        self.until(lambda: self.ask(kept) == [(self.plan.pages,)], within=within)

    def told(self, process: Process) -> str:
        """The end of what a process wrote to its log."""
        return f"{process.name}: " + "\n".join(process.log.read_text().splitlines()[-12:])

    def logged(self) -> list[dict[str, Any]]:
        """Every event in the log, as JSON."""
        command = [
            sys.executable, "-m", "bellbuoy", "events", "--json", "--after", "0",
            "--store", self.database,
        ]  # fmt: skip
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def arrived(self) -> dict[str, list[Arrival]]:
        """What each receiver got, as it came. It is told once."""
        rows = zip(RECEIVERS, self._receivers.arrived(), strict=True)
        return {name: [Arrival(*one) for one in some] for name, some in rows}

    def undelivered(self) -> int:
        """How many deliveries still wait, or are not yet decided."""
        (row,) = self.ask(
            "SELECT (SELECT count(*) FROM delivery WHERE status = 'waiting')"
            " + (SELECT max(seq) FROM event) - (SELECT seq FROM cursor WHERE reader = 'dispatcher')"
        )
        return row[0]

    def audit(self) -> list[Entry]:
        """What the database wrote down, in its order."""
        return list(self._entries())

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database something."""
        with psycopg.connect(self.database, autocommit=True) as session:
            return session.execute(statement).fetchall()  # type: ignore[arg-type]

    def _entries(self) -> Iterator[Entry]:
        rows = self.ask(
            "SELECT extract(epoch FROM at)::float8, who, what, key, owner, epoch"
            " FROM audit.entry ORDER BY id"
        )
        for row in rows:
            yield Entry(*row)

    def _prepare(self) -> None:
        async def make() -> None:
            async with open_store(self.database):
                pass

        run(make)
        with psycopg.connect(self.database, autocommit=True) as session:
            session.execute(_TRIGGERS)

    def _config(self, name: str) -> dict[str, Any]:
        sign = "&" if "?" in self.database else "?"
        return {
            "providers": [
                {
                    "name": f"Vendor {page}",
                    "url": self.vendors.at(page),
                    "format": "feed",
                    "every": self._every,
                }
                for page in range(self.plan.pages)
            ],
            "receivers": {
                receiver: {"kind": "webhook", "url": url, "secret": SECRET}
                for receiver, url in zip(RECEIVERS, self._receivers.urls, strict=True)
            },
            "routes": [{"to": list(RECEIVERS), "when": {"kinds": ["incident"]}, "late": True}],
            "http": {"contact": name, "allow_private": ["127.0.0.0/8"]},
            "store": f"{self.database}{sign}application_name={name}",
        }

    def _end(self) -> None:
        for process in self.processes:
            if process.lives:
                process.resume()
                process.kill()
