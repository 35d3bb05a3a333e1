"""What a team looks at and builds on: dashboard, API, feeds, and a status page of our own.

    browser, tool -> door -> routes -> views -> the store, the running App

`door` lets in by the rules of `access`; the routes are in `api`, `dashboard`, `feeds`,
`statuspage` and their like. `server` opens the one port, `application` puts the parts
together, `site` is what all of them draw from. Nothing here decides what is recorded or who
is told.
"""
