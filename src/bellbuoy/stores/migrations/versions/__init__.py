"""One step each; Alembic reads them by their `revision` and `down_revision`."""
