"""Labels what leaves and records that it did: what every exit calls. Knows no exit's form."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from mmap import mmap

from platformdirs import user_data_path

from copygen.brief import Lang
from copygen.channel import get_channel
from copygen.errors import InvalidSetting
from copygen.label import Label, make_label
from copygen.write import WriteResult

from serving.labels.agreement import Agreement, read_agreement
from serving.labels.log import IssuedLabel, LabelLog, LabelLogError, Outlet
from serving.settings import Settings

logger = logging.getLogger(__name__)


class Labeller:
    """One producer's labels, with the log they go to."""

    def __init__(self, producer: str, log: LabelLog, agreement: Agreement | None = None) -> None:
        self.producer = producer
        self.log = log
        self.agreement = agreement

    def label_result(self, result: WriteResult, outlet: Outlet) -> tuple[Label, ...]:
        """Labels of a result's copies, in their order; recorded."""
        return self.label(
            [candidate.copy.plain_text() for candidate in result.copies],
            outlet,
            result.brief.lang,
            channel=get_channel(result.brief.channel).id,
            model=result.model,
            prompt_id=result.prompt_id,
        )

    def label(
        self,
        contents: Sequence[str | bytes | mmap],
        outlet: Outlet,
        lang: Lang = "zh-Hans",
        *,
        channel: str = "",
        model: str = "",
        prompt_id: str = "",
    ) -> tuple[Label, ...]:
        """Labels of texts or files that leave together; recorded in one transaction.

        Under an agreement they have no explicit text. What cannot be recorded is labelled in full: without its record
        nothing may leave unlabelled, and a labelled copy is no worse for a missing record.
        """
        shown = self.agreement is None
        labels = tuple(make_label(content, self.producer, lang, shown=shown) for content in contents)
        agreement = self.agreement.model_dump_json() if self.agreement is not None else ""
        now = datetime.now(UTC)
        entries = [IssuedLabel(label, now, outlet, channel, lang, agreement, model, prompt_id) for label in labels]
        try:
            self.log.add(entries)
        except LabelLogError:
            logger.exception("labels not recorded; nothing leaves unlabelled")
            return tuple(make_label(content, self.producer, lang) for content in contents)
        return labels

    def draft(self, text: str, lang: Lang = "zh-Hans") -> Label:
        """Label of a text that is still being typed: nothing is recorded, so the explicit label is always shown."""
        return make_label(text, self.producer, lang)

    def find_text(self, text: str) -> IssuedLabel | None:
        """The newest entry of a text of this producer; None: not written here, or changed since."""
        found = self.log.find(make_label(text, self.producer).produce_id, limit=1)
        return found[0] if found else None


def open_labeller(settings: Settings) -> Labeller:
    """The labeller the settings ask for.

    Raises:
        InvalidSetting: The agreement cannot be used, or the log cannot be written.
    """
    agreement = None
    if settings.unlabelled_agreement is not None:
        agreement = read_agreement(settings.unlabelled_agreement, datetime.now(UTC).astimezone().date())
    folder = settings.data or user_data_path("copygen")
    try:
        log = LabelLog(folder / "labels.sqlite3", retention_days=settings.label_days)
    except LabelLogError as error:
        raise InvalidSetting(f"{error.message}; name a folder that can be written", name="COPYGEN_DATA") from error
    return Labeller(settings.provider, log, agreement)
