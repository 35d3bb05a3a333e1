"""Answers as examples for those who read the description of the API."""

from typing import Any

_PROVIDER = {"slug": "github", "name": "GitHub"}
_PAGE = "9f2c1a7b3e4d"
_ADDRESS = "https://www.githubstatus.com"
_EVENT = "5d6c7e2a-6a55-5d35-8e8e-0d9f9c1b2a33"
_BEGAN = "2026-11-20T16:02:11Z"
_SEEN = "2026-11-20T16:02:31Z"

_INCIDENT: dict[str, Any] = {
    "id": "kctrp1fmf2v8",
    "page": _PAGE,
    "provider": _PROVIDER,
    "kind": "incident",
    "title": "Delays starting Actions jobs",
    "url": "https://stspg.io/kctrp1fmf2v8",
    "impact": "major",
    "impact_raw": "major",
    "status": "investigating",
    "status_raw": "Investigating",
    "open": True,
    "withdrawn": False,
    "began_at": _BEGAN,
    "started_at": _BEGAN,
    "scheduled_until": None,
    "updated_at": _BEGAN,
    "resolved_at": None,
    "first_seen_at": _SEEN,
    "components": [{"id": "br0l2tvcx85d", "name": "Actions", "group": None, "status": "degraded"}],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "ProviderAnswer": {
        **_PROVIDER,
        "category": "developer-tools",
        "status": "degraded",
        "pages": [_PAGE],
        "open_incidents": 1,
        "open_maintenances": 0,
    },
    "PageAnswer": {
        "id": _PAGE,
        "key": _ADDRESS,
        "url": _ADDRESS,
        "provider": _PROVIDER,
        "category": "developer-tools",
        "tags": ["team-payments"],
        "format": "statuspage",
        "every": 60.0,
        "status": "degraded",
        "unreadable": None,
        "failures": 0,
        "detail": "",
        "polled_at": _SEEN,
        "read_at": _SEEN,
        "next_look_at": "2026-11-20T16:03:01Z",
        "held_until": None,
        "latency": 0.21,
        "components": 11,
        "components_ill": 1,
        "open_incidents": 1,
        "open_maintenances": 0,
        "poke": None,
    },
    "IncidentAnswer": _INCIDENT,
    "IncidentStory": {
        **_INCIDENT,
        "updates": [
            {
                "id": "x7m2",
                "status": "investigating",
                "status_raw": "Investigating",
                "body": "We are investigating reports of degraded performance.",
                "at": _BEGAN,
                "updated_at": None,
                "edits": 0,
            }
        ],
    },
    "ComponentAnswer": {
        "id": "br0l2tvcx85d",
        "page": _PAGE,
        "provider": _PROVIDER,
        "name": "Actions",
        "group": None,
        "region": None,
        "is_group": False,
        "status": "degraded",
        "status_raw": "degraded_performance",
    },
    "DeliveryAnswer": {
        "id": f"{_EVENT}/ops",
        "receiver": "ops",
        "event": _EVENT,
        "seq": 1204,
        "rule": "routes.0",
        "status": "done",
        "occasion": "event",
        "reason": "",
        "created_at": _SEEN,
        "due_at": _SEEN,
        "attempts": 1,
        "last": {
            "at": "2026-11-20T16:02:32Z",
            "seconds": 0.31,
            "outcome": "sent",
            "uncertain": False,
        },
        "digest": "",
    },
    "SilenceAnswer": {
        "id": "4f3a9c01d2e5",
        "matcher": {
            "providers": ["github"],
            "pages": [],
            "components": ["Actions"],
            "impacts": [],
            "kinds": [],
            "types": [],
            "categories": [],
            "text": [],
            "services": [],
            "owners": [],
        },
        "starts_at": "2026-11-20T16:00:00Z",
        "ends_at": "2026-11-20T18:00:00Z",
        "author": "ana",
        "comment": "the migration of tonight",
        "created_at": "2026-11-20T16:00:00Z",
    },
    "WorkerAnswer": {
        "id": "a40f9c01d2e5b3c7",
        "name": "node1.example.com:4711",
        "roles": ["poll", "deliver"],
        "version": "0.1.0",
        "started_at": _BEGAN,
        "heard_at": _SEEN,
        "shards": 128,
        "offline": False,
    },
    "PokeAnswer": {"next_look_at": "2026-11-20T16:02:36Z"},
    "Event": {
        "specversion": "1.0",
        "id": _EVENT,
        "source": _ADDRESS,
        "type": "dev.bellbuoy.page.unreadable.v1",
        "subject": "github/page",
        "datacontenttype": "application/json",
        "data": {
            "seq": 1204,
            "observed_at": _SEEN,
            "late": False,
            "provider": _PROVIDER,
            "page": {"key": _ADDRESS, "url": _ADDRESS},
            "reason": "network",
        },
    },
}
"""By the name of their schema."""

PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "'majr' is not an impact (did you mean 'major'?); known are none, minor, major, "
    "critical, unknown, and comparisons like '>=major'",
    "name": "impact",
}
