"""The agreement under which copy may leave without the explicit label: who agreed, when, to what.

Source: 人工智能生成合成内容标识办法, article 9: allowed once a user agreement states the user's duty to label and
responsibility for use; records of whom it was provided to are kept for six months at least. Checked 2026-11-25.
"""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from copygen.errors import InvalidSetting

SETTING = "COPYGEN_UNLABELLED_AGREEMENT"
MIN_RETENTION_DAYS = 184
"""Six months are never longer: 1 July to 1 January."""

_Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Agreement(BaseModel):
    """What a person signed; every field is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: _Said
    """The company or person who asked for unlabelled content and will publish it."""
    signed_by: _Said
    """Who agreed for them, with their position."""
    agreed_on: date
    purpose: _Said
    """What the content is for."""
    duty: _Said
    """The clause by which they take over the duty to label and the responsibility for use, in its own words."""


def read_agreement(path: Path, today: date) -> Agreement:
    """Read a .toml or .json file.

    Raises:
        InvalidSetting: The file cannot be read, a field is missing, empty or unknown, or the date has not come.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        record = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
        agreement = Agreement.model_validate(record)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}", name=SETTING) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}" for problem in error.errors()
        )
        wanted = ", ".join(Agreement.model_fields)
        raise InvalidSetting(f"{path}: {problems}; an agreement states {wanted}", name=SETTING) from error
    except ValueError as error:  # neither TOML nor JSON nor UTF-8
        raise InvalidSetting(f"{path} is no TOML or JSON: {error}", name=SETTING) from error
    if agreement.agreed_on > today:
        raise InvalidSetting(f"{path}: agreed_on {agreement.agreed_on} has not come yet", name=SETTING)
    return agreement
