"""How pages, providers and incidents are named in our own addresses."""

from hashlib import blake2b
from urllib.parse import quote


def page_id(page_key: str) -> str:
    """12 hex digits that name a page: its key is an address, which no path can hold well."""
    return blake2b(page_key.encode("utf-8", "replace"), digest_size=6).hexdigest()


def provider_path(slug: str) -> str:
    """Where a provider is shown."""
    return f"/providers/{quote(slug, safe='')}"


def incident_path(page_key: str, key: str) -> str:
    """Where an incident is shown. Its key is the vendor's, and may be any text."""
    return f"/incidents/{page_id(page_key)}/{quote(key, safe='')}"
