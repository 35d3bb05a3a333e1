"""What a team looks at and builds on: a dashboard, an API, and what other tools read of us.

    browser, tool -> door -> routes -> views -> the store, the running App

`door` lets in by the rules of `access`, and `application` puts the routes behind it together:
those of `dashboard` (pages for people), `api` (JSON and the stream of events) and `interop` (a
status page of our own, feeds, a calendar, badges), beside `health` and `sign_in`. `server`
opens the one port, `site` is what all of them draw from. Nothing here decides what is recorded
or who is told.
"""
