"""The registry of what is live, in its table."""

import json
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, or_, select, update

from copygen.ad_copy import AdCopy
from copygen.text import normalize

from serving.jobs.store import insert_or_ignore
from serving.jobs.tables import translated
from serving.loop.event import SHOP_ZONE, digest, utc
from serving.loop.experiment import Shown, dump_record
from serving.loop.published import Published, UnknownPublished
from serving.loop.tables import PUBLISHED


class PublishedStore:
    """What is live in one database.

    Raises:
        JobStoreError: From every method, when the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(
        self, shown: Shown, record: Mapping[str, object], slot: str, from_at: datetime, until_at: datetime | None = None
    ) -> Published:
        """Register a copy; the same copy in the same slot from the same moment is registered once."""
        key = digest("\n".join((shown.copy_id, slot, str(from_at.timestamp())))).hex()
        row = {
            "id": f"pub-{key[:24]}",
            "copy": shown.copy_id,
            "slot": slot,
            "content": shown.content,
            "ai_generated": shown.ai_generated,
            "brief": dump_record(record),
            "from_at": from_at.timestamp(),
            "until_at": until_at.timestamp() if until_at is not None else None,
        }
        with translated(), self._engine.begin() as connection:
            connection.execute(insert_or_ignore(connection, PUBLISHED).values(row))
        return self.find(str(row["id"]))

    def find(self, published_id: str) -> Published:
        """One entry.

        Raises:
            UnknownPublished: Nothing of this id.
        """
        with translated(), self._engine.connect() as connection:
            row = connection.execute(select(PUBLISHED).where(PUBLISHED.c.id == published_id)).one_or_none()
        if row is None:
            raise UnknownPublished(f"{published_id!r}: nothing of this id is registered; GET /v1/published lists them")
        return _published(row)

    def list(self, *, live_at: datetime | None = None) -> list[Published]:
        """Everything, or what is live at a moment; the newest first."""
        query = select(PUBLISHED).order_by(PUBLISHED.c.from_at.desc(), PUBLISHED.c.id)
        if live_at is not None:
            seconds = live_at.timestamp()
            until = or_(PUBLISHED.c.until_at.is_(None), PUBLISHED.c.until_at > seconds)
            query = query.where(PUBLISHED.c.from_at <= seconds, until)
        with translated(), self._engine.connect() as connection:
            return [_published(row) for row in connection.execute(query)]

    def end(self, published_id: str) -> Published:
        """It is taken down now; nothing where it was before.

        Raises:
            UnknownPublished: Nothing of this id.
        """
        now = time.time()
        later = or_(PUBLISHED.c.until_at.is_(None), PUBLISHED.c.until_at > now)
        with translated(), self._engine.begin() as connection:
            connection.execute(update(PUBLISHED).where(PUBLISHED.c.id == published_id, later).values(until_at=now))
        return self.find(published_id)

    def keep_change(self, changed: Published) -> None:
        """What it has to be true of has changed."""
        with translated(), self._engine.begin() as connection:
            connection.execute(
                update(PUBLISHED)
                .where(PUBLISHED.c.id == changed.id)
                .values(brief=changed.brief, outdated=dump_record(changed.outdated))
            )

    def copy_of(self, product: str, slot: str, day: str) -> str | None:
        """The copy of a product, by its id or name, that was live in a slot on a day; None unless there was one."""
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), SHOP_ZONE)
        end = start + timedelta(days=1)
        until = or_(PUBLISHED.c.until_at.is_(None), PUBLISHED.c.until_at > start.timestamp())
        query = select(PUBLISHED.c.copy, PUBLISHED.c.brief).where(
            PUBLISHED.c.slot == slot, PUBLISHED.c.from_at < end.timestamp(), until
        )
        with translated(), self._engine.connect() as connection:
            found = {row.copy for row in connection.execute(query) if product in names_of(json.loads(row.brief))}
        return found.pop() if len(found) == 1 else None


def names_of(record: Mapping[str, Any]) -> set[str]:
    """What a record's products may be called by in other systems: ids, SKUs and names."""
    products = record["products"]
    named = {str(record.get("id") or "")}
    named |= {str(product.get(key) or "") for product in products for key in ("id", "sku", "name")}
    return (named | {normalize(str(product["name"])) for product in products}) - {""}


def _published(row: Any) -> Published:
    return Published(
        id=row.id,
        shown=Shown(row.copy, AdCopy.model_validate_json(row.content), bool(row.ai_generated)),
        slot=row.slot,
        brief=row.brief,
        from_at=utc(row.from_at),
        until_at=utc(row.until_at) if row.until_at is not None else None,
        outdated=json.loads(row.outdated),
    )
