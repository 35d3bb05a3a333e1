"""Where a config is found, and what it becomes."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bellbuoy import platform
from bellbuoy.catalog import DEFAULTS
from bellbuoy.config.load import default_store, load_config
from bellbuoy.errors import ConfigError
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import Expectation, ExpectedValue, Impact
from bellbuoy.routing.matchers import Matcher
from bellbuoy.routing.routes import Route
from tests.config.conftest import TOKEN
from tests.moments import least_cpu

EXAMPLE = """
providers:
  - github                                  # from the catalog
  - openai: {components: ["API", "ChatGPT*"]}
  - name: Acme
    url: https://status.acme.example        # format is recognised, or given: format: statuspage
    every: 30s
receivers:
  ops: {kind: chat, token: "${TOKEN}", url: "https://chat.example", channel: "#ops"}
routes:
  - to: ops
    when: {impacts: ">=major", kinds: [incident]}
http: {seats: 100, timeout: 20s, per_host: 2, contact: ops@example.com, proxy: null, ca_file: null, allow_private: []}
store: sqlite:////var/lib/bellbuoy/bellbuoy.db
display: {timezone: Europe/Berlin}
"""  # noqa: E501 - as people find it in the design


@dataclass
class Desk:
    """Someone's working directory."""

    here: Path
    env: dict[str, str]
    kinds: dict

    def load(self, text: str, name: str = "bellbuoy.yaml", **overrides):
        """Write a config and read it."""
        (self.here / name).write_text(text, "utf-8", newline="")
        return load_config(name, env=self.env, notifiers=self.kinds, **overrides)

    def fails(self, text: str, **overrides) -> tuple[str, ...]:
        """Write a bad config and tell its problems."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, **overrides)
        return caught.value.problems


@pytest.fixture
def desk(tmp_path, monkeypatch, env, kinds) -> Desk:
    """An empty working directory, and an empty config directory of the system."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Desk(here, env, kinds)


def urls(config) -> list[str]:
    """The addresses that are watched, in order."""
    return [one.page.url for one in config.watched]


# Where it is found


def test_without_any_file_the_default_set_is_watched(desk):
    """Someone who just installed Bellbuoy watches five providers."""
    config = load_config(env=desk.env)
    assert tuple(one.page.provider.slug for one in config.watched) == DEFAULTS
    assert config.source is None
    assert config.warnings == ()
    assert all(one.page.format for one in config.watched)


def test_the_default_store_is_never_in_the_working_directory(desk, tmp_path):
    """State lies where the system keeps state."""
    expected = (tmp_path / "state" / "bellbuoy" / "bellbuoy.db").as_posix()
    assert load_config(env=desk.env).store == f"sqlite:///{expected}" == default_store()


def test_the_places_are_tried_in_order(desk, tmp_path):
    """`--config`, then the variable, then the working directory, then the system's place."""
    system = tmp_path / "config" / "bellbuoy"
    system.mkdir(parents=True)
    assert platform.config_directory() == system
    (system / "bellbuoy.yaml").write_text("providers: [github]")
    assert load_config(env={}).source == str(system / "bellbuoy.yaml")
    (desk.here / "bellbuoy.yaml").write_text("providers: [openai]")
    assert load_config(env={}).source == "bellbuoy.yaml"
    (desk.here / "other.yaml").write_text("providers: [stripe]")
    assert load_config(env={"BELLBUOY_CONFIG": "other.yaml"}).source == "other.yaml"
    (desk.here / "given.yaml").write_text("providers: [linear]")
    config = load_config("given.yaml", env={"BELLBUOY_CONFIG": "other.yaml"})
    assert (config.source, urls(config)) == ("given.yaml", ["https://linearstatus.com"])


@pytest.mark.parametrize("env", [{}, {"BELLBUOY_CONFIG": "gone.yaml"}], ids=["option", "variable"])
def test_a_file_that_was_named_and_is_not_there_is_an_error(desk, env):
    """A typing error in `--config` must not watch the default set in silence."""
    with pytest.raises(ConfigError, match=r"gone\.yaml: there is no such file"):
        load_config(None if env else "gone.yaml", env=env)


def test_a_folder_is_not_a_config(desk):
    """The error is the system's own words, not a traceback."""
    with pytest.raises(ConfigError, match="here: cannot be read"):
        load_config(str(desk.here), env={})


def test_a_file_that_is_not_utf_8_names_the_line(desk):
    """Latin-1 is told as such."""
    (desk.here / "latin.yaml").write_bytes("a: 1\nb: Zürich\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: is not UTF-8"):
        load_config("latin.yaml", env={})


def test_w7_a_huge_file_is_refused_before_it_is_parsed(desk):
    """A config of more than 16 MiB is some other file."""
    (desk.here / "huge.yaml").write_bytes(b"# x\n" * 4_200_000)
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        load_config("huge.yaml", env={})


# What it becomes


def test_the_example_of_the_documentation_becomes_what_it_says(desk):
    """Every key of the example arrives."""
    config = desk.load(EXAMPLE)
    assert urls(config) == [
        "https://www.githubstatus.com",
        "https://status.openai.com",
        "https://status.acme.example",
    ]
    github, openai, acme = config.watched
    assert (github.page.format, github.page.every, github.page.every_is_explicit) == (
        "statuspage", 60, False,
    )  # fmt: skip
    assert openai.components == ("API", "ChatGPT*")
    assert (acme.page.format, acme.page.every, acme.page.every_is_explicit) == ("", 30, True)
    assert (acme.page.provider.slug, acme.page.provider.name) == ("acme", "Acme")
    (ops,) = config.receivers
    assert (ops.name, ops.kind, ops.settings.channel) == ("ops", "chat", "#ops")
    assert ops.settings.token.get_secret_value() == TOKEN
    severe = frozenset({Impact.MAJOR, Impact.CRITICAL})
    assert config.routes == (
        Route(name="routes.0", to=("ops",), when=Matcher(impacts=severe, kinds=("incident",))),
    )
    assert config.http == HttpSettings(contact="ops@example.com")
    assert config.store == "sqlite:////var/lib/bellbuoy/bellbuoy.db"
    assert (config.timezone, config.retention) == ("Europe/Berlin", 90 * 86400)
    assert (config.source, config.warnings) == ("bellbuoy.yaml", ())


@pytest.mark.parametrize("text", ["", "# nothing\n", "providers:\nreceivers:\n", "{}"])
def test_a_file_that_says_nothing_is_the_default_set(desk, text):
    """Headings without anything below them are no faults."""
    assert len(desk.load(text).watched) == len(DEFAULTS)


@pytest.mark.parametrize(
    "entry",
    [
        "https://s.example/?key=${TOKEN}",
        "{name: S, url: 'https://s.example/?key=${TOKEN}'}",
        "{name: S, feed_url: 'https://s.example/?key=${TOKEN}'}",
    ],
)
def test_w8_an_address_with_a_value_of_the_environment_gets_a_warning(desk, entry):
    """It names the page wherever the page is shown; the warning itself does not show the value."""
    (warning,) = desk.load(f"providers:\n  - {entry}\n").warnings
    assert "the address of a page is shown" in warning
    assert TOKEN not in warning


def test_a_name_with_a_value_of_the_environment_gets_no_warning(desk):
    """Whoever names a provider means the name to be read."""
    assert desk.load("providers: [{name: '${TOKEN}', url: 'https://s.example'}]").warnings == ()


def test_json_is_read_as_well(desk):
    """Tabs, escapes and a schema for editors included."""
    text = '{\n\t"$schema": "x.json",\n\t"providers": [{"name": "\\ud83d\\ude00 A\\/B", "url":"https://a.example"}]\n}'
    (one,) = desk.load(text, "bellbuoy.json").watched
    assert one.page.provider.name == "😀 A/B"
    assert one.page.provider.slug == "a-b"


def test_paths_begin_at_the_folder_of_the_config(desk, tmp_path):
    """A config can be started from anywhere."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "ca.pem").write_text("")
    (folder / "c.yaml").write_text("store: state/b.db\nhttp: {ca_file: ca.pem}\n")
    config = load_config(str(folder / "c.yaml"), env={})
    assert config.store == f"sqlite:///{folder.as_posix()}/state/b.db"
    assert config.http.ca_file == str(folder / "ca.pem")


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_a_secret_is_read_from_a_file(desk, kind):
    """`file:` in a secret setting names a file; its last line end is not a part of the secret."""
    (desk.here / "token").write_bytes(b"s3cret-in-a-file\r\n")
    path = "token" if kind == "relative" else str(desk.here / "token")
    config = desk.load(
        f"receivers: {{ops: {{kind: chat, url: 'https://c.example', token: 'file:{path}'}}}}"
    )
    assert config.receivers[0].settings.token.get_secret_value() == "s3cret-in-a-file"


def test_file_stays_plain_text_in_a_setting_that_is_no_secret(desk):
    """Only what is typed as a secret is looked up."""
    config = desk.load("receivers: {o: {kind: chat, url: 'https://c.example', channel: 'file:x'}}")
    assert config.receivers[0].settings.channel == "file:x"


def test_a_path_of_a_receiver_begins_at_the_folder_of_the_config(desk, tmp_path):
    """As every other path does: the working directory means nothing to a service."""
    (tmp_path / "c.yaml").write_text("receivers: {o: {kind: chat, url: 'https://c', log: a/b.log}}")
    config = load_config(str(tmp_path / "c.yaml"), env={}, notifiers=desk.kinds)
    assert config.receivers[0].settings.log == tmp_path / "a" / "b.log"


def test_receivers_show_times_in_the_zone_of_the_display(desk):
    """A kind that shows times need not be told twice, and may be told otherwise."""
    config = desk.load(
        "display: {timezone: Europe/Berlin}\n"
        "receivers:\n  a: {kind: chat, url: 'https://c.example'}\n"
        "  b: {kind: chat, url: 'https://c.example', timezone: Asia/Tokyo}\n"
    )
    zones = [receiver.settings.timezone for receiver in config.receivers]
    assert zones == ["Europe/Berlin", "Asia/Tokyo"]


def test_the_address_of_a_database_may_be_a_secret_file(desk):
    """It holds a password."""
    (desk.here / "db").write_text("postgresql://me:hunter2-hunter2@db.example/bell\n")
    config = desk.load("store: file:db")
    assert config.store == "postgresql://me:hunter2-hunter2@db.example/bell"


def test_w8_the_config_prints_no_secret(desk):
    """Tokens, database passwords and proxy passwords stay out of every repr and warning."""
    config = desk.load(
        "store: postgresql://me:canary-database@db.example/bell\n"
        "http: {proxy: 'http://me:canary-proxy@proxy.example:3128'}\n"
        "receivers: {ops: {kind: chat, url: 'https://c.example', token: canary-token}}\n"
    )
    assert config.http.proxy == "http://me:canary-proxy@proxy.example:3128"
    shown = f"{config!r} {config} {config.receivers!r} {config.warnings}"
    assert "canary" not in shown


def test_a_dollar_can_be_written_plainly(desk):
    """`$${` is a plain `${`, and a lone dollar is nothing special."""
    config = desk.load(
        "receivers: {o: {kind: chat, url: 'https://c.example', channel: '$${TOKEN} $5'}}"
    )
    assert config.receivers[0].settings.channel == "${TOKEN} $5"


# Pages


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("github", "https://www.githubstatus.com"),
        ("GitHub", "https://www.githubstatus.com"),
        ("claude", "https://status.claude.com"),
        ("openai:", "https://status.openai.com"),
        ("{openai: {every: 30s}}", "https://status.openai.com"),
        ("https://status.acme.example/page", "https://status.acme.example/page"),
        ("{url: 'https://status.acme.example'}", "https://status.acme.example"),
    ],
)
def test_a_provider_can_be_named_in_each_of_these_ways(desk, entry, address):
    """A slug, a name, an alias, a mapping or an address."""
    assert urls(desk.load(f"providers:\n  - {entry}\n")) == [address]


def test_a_page_given_twice_is_one_page(desk):
    """Letter case, default port, slash and fragment make no other page; a path does."""
    config = desk.load(
        "providers:\n"
        "  - {name: Acme, url: 'https://status.acme.example', every: 60s, components: [API]}\n"
        "  - {name: Twin, url: 'HTTPS://Status.ACME.example:443/#top', every: 30s, "
        "components: [Web], format: statuspage}\n"
        "  - {name: Other, url: 'https://status.acme.example/eu/'}\n"
    )
    first, other = config.watched
    assert first.page.key == "https://status.acme.example"
    assert (first.page.provider.name, first.page.every, first.page.format) == (
        "Acme", 30, "statuspage",
    )  # fmt: skip
    assert first.components == ("API", "Web")
    assert (other.page.key, other.page.url) == (
        "https://status.acme.example/eu",
        "https://status.acme.example/eu/",
    )
    (warning,) = config.warnings
    assert warning.startswith("bellbuoy.yaml:3: providers.1: https://Status.ACME.example")


def test_a_page_given_twice_once_without_components_matters_as_a_whole(desk):
    """Merging never hides a part of a page."""
    config = desk.load("providers: [{openai: {components: [API]}}, openai]")
    assert config.watched[0].components == ()
    assert not config.watched[0].page.every_is_explicit


PROBES = """
providers:
  - {name: Acme, url: "https://status.acme.example", components: [Web]}
  - name: Acme
    url: https://api.acme.example/health/
    format: probe
    every: 30s
    expect: {status: [2xx, 401], text: pong, json: {"$.checks[0].status": ok, up: true}}
  - {name: Other, url: "https://other.example/ping", format: probe, components: [Else]}
"""


def test_a_probe_arrives_with_what_is_expected(desk):
    """Its address is asked as it is written."""
    page, acme, other = (watched.page for watched in desk.load(PROBES).watched)
    assert (acme.url, acme.key) == (
        "https://api.acme.example/health/",
        "https://api.acme.example/health",
    )
    assert acme.expect == Expectation(
        statuses=frozenset({*range(200, 300), 401}),
        text="pong",
        values=(
            ExpectedValue(path="$.checks[0].status", steps=("checks", "0", "status"), value="ok"),
            ExpectedValue(path="up", steps=("up",), value=True),
        ),
    )
    assert other.expect == Expectation()
    assert [one.is_probed for one in (page, acme, other)] == [False, True, True]


def test_a_probe_is_announced_whatever_matters_of_its_provider(desk):
    """By its page, and the provider's own components are as they were."""
    assert desk.load(PROBES).interests == {
        "acme": ("Web",),
        "https://api.acme.example/health": ("*",),
        "https://other.example/ping": ("Else",),
    }


def test_a_probe_given_twice_with_one_expectation_is_one_page(desk):
    """As any page is."""
    twice = "{url: 'https://a.example/h', format: probe, expect: {status: 200}}"
    config = desk.load(f"providers: [{twice}, {twice}]")
    assert urls(config) == ["https://a.example/h"]
    assert config.watched[0].components == ("*",)


def test_hasty_intervals_are_accepted_with_one_warning(desk):
    """Below 10 s it works, and the person is told once, not once for each page."""
    config = desk.load(
        "providers: [{github: {every: 5s}}, {openai: {every: 500ms}}, {stripe: {every: 10s}}]"
    )
    assert [one.page.every for one in config.watched] == [5, 0.5, 10]
    (warning,) = config.warnings
    assert warning.startswith("bellbuoy.yaml:1: providers.0: GitHub is looked at every 5 s (and 1 ")


def test_a_provider_that_is_only_listed_is_watched_with_a_warning(desk):
    """Nothing is known to read its page: whoever names it is told so before it stays silent."""
    config = desk.load("providers: [github, uptime-com]")
    assert [one.page.format for one in config.watched] == ["statuspage", ""]
    (warning,) = config.warnings
    assert warning.startswith("bellbuoy.yaml:1: providers.1: Uptime.com is only listed in the cat")


def test_a_misspelt_name_costs_little_in_the_whole_catalog(desk):
    """Nearest names among thousands, for several names, within a second of CPU."""

    def refused() -> str:
        with pytest.raises(ConfigError) as found:
            desk.load("providers: [githb, opnai, clodflare, twillio, netlfy]")
        return str(found.value)

    assert least_cpu(refused, enough=1) < 1
    said = refused()
    for name in ("github", "openai", "cloudflare", "twilio", "netlify"):
        assert f"(did you mean {name!r}" in said


def test_five_thousand_pages_are_read_in_reasonable_time(desk):
    """A large config has no quadratic part."""
    lines = [f"  - {{name: V{n}, url: 'https://status{n}.example'}}" for n in range(5000)]
    assert len(desk.load("providers:\n" + "\n".join(lines)).watched) == 5000


# Receivers and routes


OPS = "receivers: {ops: {kind: chat, url: 'https://chat.example'}}\n"


def test_receivers_without_routes_hear_of_what_is_announced_anyway(desk):
    """One route for all of them, and one warning that says so."""
    config = desk.load(OPS)
    assert config.routes == (Route(name="default", to=("ops",)),)
    (warning,) = config.warnings
    assert "there are no routes" in warning


def test_a_receiver_in_no_route_is_warned_of(desk):
    """It would stay silent for ever."""
    config = desk.load(
        "receivers:\n  a: {kind: chat, url: 'https://a.example'}\n"
        "  b: {kind: chat, url: 'https://b.example'}\nroutes: [{to: a}]\n"
    )
    assert config.warnings == (
        "bellbuoy.yaml:3: receivers.b: is in no route, so it hears of nothing; add it to one",
    )


def test_a_route_for_a_provider_that_is_not_watched_is_warned_of(desk):
    """A misspelt condition would silence the route."""
    config = desk.load(
        f"providers: [github, openai]\n{OPS}routes:\n"
        "  - {to: ops, when: {providers: [gitub, 'open*']}}\n"
    )
    (warning,) = config.warnings
    assert warning.startswith(
        "bellbuoy.yaml:4: routes.0.when.providers.0: 'gitub' is like no provider that is watched "
        "(did you mean 'github'"
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("major", {"major"}),
        ("[none, minor]", {"none", "minor"}),
        ("'>=major'", {"major", "critical"}),
        ("'> minor'", {"major", "critical"}),
        ("'<=minor'", {"none", "minor", "unknown"}),
        ("'>=minor'", {"minor", "unknown", "major", "critical"}),
    ],
)
def test_impacts_can_be_one_a_list_or_a_comparison(desk, said, meant):
    """Unknown ranks as minor: a bar at minor lets it through, a bar at major does not."""
    config = desk.load(f"{OPS}routes: [{{to: ops, when: {{impacts: {said}}}}}]")
    assert config.routes[0].when.impacts == meant


def test_a_route_arrives_whole(desk):
    """Single texts are lists of one."""
    config = desk.load(
        f"{OPS}routes:\n  - name: bad\n    to: ops\n    late: true\n"
        "    when: {providers: 'open*', components: API, kinds: incident.resolved}\n"
    )
    when = Matcher(providers=("open*",), components=("API",), kinds=("incident.resolved",))
    assert config.routes == (Route(name="bad", to=("ops",), when=when, late=True),)


# The command line


def test_the_command_line_narrows_what_is_watched(desk):
    """By slug or by name, in the order asked."""
    config = desk.load(EXAMPLE, providers=["acme", "OpenAI"])
    assert urls(config) == ["https://status.acme.example", "https://status.openai.com"]
    assert config.watched[1].components == ("API", "ChatGPT*")


def test_the_command_line_can_name_what_the_config_does_not(desk):
    """From the catalog, or by its address."""
    config = desk.load(EXAMPLE, providers=["stripe", "https://status.other.example"])
    assert urls(config) == ["https://www.stripestatus.com", "https://status.other.example"]


def test_a_listed_provider_on_the_command_line_is_warned_of(desk):
    """As in the file: it may not be read at all."""
    (warning,) = desk.load("providers: [github]", providers=["uptime-com"]).warnings
    assert warning.startswith("command line: uptime-com: Uptime.com is only listed")


def test_a_misspelt_provider_on_the_command_line_names_those_of_the_config(desk):
    """Acme is in no catalog, but it is what was meant."""
    (problem,) = desk.fails(EXAMPLE, providers=["acmee"])
    assert problem.startswith(
        "command line: acmee: 'acmee' is not in the catalog (did you mean 'ac"
    )


def test_the_command_line_replaces_the_store_and_adds_private_networks(desk):
    """A path is meant from where the person stands."""
    config = desk.load(
        "store: memory\nhttp: {allow_private: 10.0.0.0/8}",
        store="other.db",
        allow_private=["127.0.0.1", "::1/128"],
    )
    assert config.store == f"sqlite:///{desk.here.as_posix()}/other.db"
    assert config.http.allow_private == ("10.0.0.0/8", "127.0.0.1/32", "::1/128")


def test_faults_on_the_command_line_are_told_at_once(desk):
    """Each names its option."""
    problems = desk.fails("", providers=["nope-nope"], store="mysql://x", allow_private=["x"])
    assert [problem.split(": ")[1] for problem in problems] == [
        "nope-nope", "--store", "--allow-private",
    ]  # fmt: skip
