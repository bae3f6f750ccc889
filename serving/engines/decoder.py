"""Token ids of one candidate -> text as it comes."""

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class Decoder:
    """Holds back half characters and anything that may begin a stop string."""

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stop = [s for s in stop if s]
        self._held = ""
        self.count = 0
        """Tokens read."""
        self.logprob = 0.0
        """Sum over them."""
        self.stopped = False

    def add(self, ids: Sequence[int]) -> str:
        if self.stopped:
            return ""
        for token in ids:
            self._held += self._stream.step(self._tokenizer, token) or ""
        for stop in self._stop:
            if (at := self._held.find(stop)) >= 0:
                self.stopped = True
                self._held = self._held[:at]
        if self.stopped:
            return self.rest()
        keep = max((_overlap(self._held, stop) for stop in self._stop), default=0)
        text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return text

    def rest(self) -> str:
        text, self._held = self._held, ""
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
