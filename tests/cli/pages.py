"""Pages on loopback, served from a thread, for commands that run a loop of their own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PAGE = {
    "id": "kctbh9vrtdwd",
    "name": "Acme",
    "url": "https://status.acme.example",
    "time_zone": "Etc/UTC",
    "updated_at": "2026-02-23T16:00:00Z",
}


def summary(*incidents, component="operational"):
    """A summary of a Statuspage page."""
    parts = [
        {
            "id": "c1",
            "name": "API",
            "status": component,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2026-02-23T16:00:00Z",
            "position": 1,
            "description": None,
            "showcase": True,
            "start_date": None,
            "group_id": None,
            "page_id": "kctbh9vrtdwd",
            "group": False,
            "only_show_if_degraded": False,
        }
    ]
    return {
        "page": PAGE,
        "components": parts,
        "incidents": list(incidents),
        "scheduled_maintenances": [],
        "status": {"indicator": "none", "description": "All Systems Operational"},
    }


def incident(id="i1", status="investigating", text="We are looking."):
    """An open incident of that page."""
    at = "2026-02-23T16:09:30Z"
    update = {
        "id": f"{id}-u1",
        "status": status,
        "body": text,
        "incident_id": id,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components": None,
    }
    return {
        "id": id,
        "name": "Elevated error rate",
        "status": status,
        "impact": "major",
        "shortlink": f"https://stspg.example/{id}",
        "created_at": at,
        "updated_at": at,
        "started_at": at,
        "monitoring_at": None,
        "resolved_at": None,
        "page_id": "kctbh9vrtdwd",
        "incident_updates": [update],
        "components": [],
    }


@contextmanager
def served(documents: dict[str, object]) -> Iterator[str]:
    """The address of a server with these documents by path; bytes as they are, others as JSON.

    What is not there is answered with 404.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            """Answer with the document of that path."""
            document = documents.get(self.path)
            if document is None:
                self.send_error(404)
                return
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(200)
            kind = "text/html" if isinstance(document, bytes) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def statuspage(*incidents, **more):
    """The documents of a whole Statuspage page."""
    return {
        "/api/v2/summary.json": summary(*incidents, **more),
        "/api/v2/incidents.json": {"page": PAGE, "incidents": list(incidents)},
        "/api/v2/scheduled-maintenances.json": {"page": PAGE, "scheduled_maintenances": []},
    }
