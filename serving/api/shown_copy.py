"""A copy that shoppers see, in and out over the wire; out it carries its label."""

from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import Field, model_validator

from copygen.ad_copy import AdCopy
from copygen.brief import Lang
from copygen.label import Label

from serving.api.wire import Wire
from serving.labels.labeller import Labeller
from serving.loop.experiment import Shown, copy_id_of


class ShownIn(Wire):
    """A copy by fields, as POST /v1/copies gives it."""

    copy_id: str = Field("", max_length=64)
    """What your events will call it; made from the text when not given, so the same text has the same id."""
    title: str = Field("", max_length=500)
    body: str = Field("", max_length=20_000)
    points: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ai_generated: bool = True
    """False only for copy that a person wrote: it then leaves without the label of AI-generated content."""

    @model_validator(mode="after")
    def _says_something(self) -> "ShownIn":
        if not self.ad_copy.texts():
            raise ValueError("the copy has no text")
        return self

    @property
    def ad_copy(self) -> AdCopy:
        return AdCopy(title=self.title, body=self.body, points=self.points, tags=self.tags)

    @property
    def shown(self) -> Shown:
        return Shown(self.copy_id or copy_id_of(self.ad_copy), self.ad_copy, self.ai_generated)


class ShownOut(Wire):
    """A copy to be shown, with its label."""

    copy_id: str
    title: str
    body: str
    points: list[str]
    tags: list[str]
    ai_label: str
    """Must be shown with the copy; empty for copy a person wrote, or where an agreement leaves labelling to you."""
    AIGC: dict[str, str] | None
    """Implicit label of GB 45438-2025; null for copy a person wrote."""

    @classmethod
    def of(cls, shown: Shown, label: Label | None) -> "ShownOut":
        copy = shown.copy
        return cls(
            copy_id=shown.copy_id,
            title=copy.title,
            body=copy.body,
            points=list(copy.points),
            tags=list(copy.tags),
            ai_label=label.text if label is not None else "",
            AIGC=label.metadata()["AIGC"] if label is not None else None,
        )


class ShownLabels:
    """Labels of copies that are handed out again and again: recorded once a process, not once a shopper."""

    def __init__(self, labeller: Labeller) -> None:
        self._labeller = labeller
        self._known: dict[tuple[str, Lang], Label] = {}

    def of(self, shown: Shown, lang: Lang, channel: str) -> Label | None:
        """The label; None for copy that a person wrote."""
        if not shown.ai_generated:
            return None
        text = shown.copy.plain_text()
        if (text, lang) not in self._known:
            (self._known[text, lang],) = self._labeller.label([text], "api", lang, channel=channel)
        return self._known[text, lang]


def get_shown_labels(request: Request) -> ShownLabels:
    return cast(ShownLabels, request.app.state.shown_labels)


ShownLabelsDep = Annotated[ShownLabels, Depends(get_shown_labels)]
