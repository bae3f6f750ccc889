"""What the documentation tells people to type exists."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from eval.cli import app as eval_app
from finetune.cli import app as finetune_app
from serving.cli import app as serving_app

ROOT = Path(__file__).resolve().parent.parent
APPS = {"copygen": serving_app, "copygen-finetune": finetune_app, "copygen-eval": eval_app}
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"(?:^|[`$/\s])(copygen(?:-finetune|-eval)?) ((?:[a-z]+)[^`\n#]*)", re.MULTILINE)


def _commands() -> list[tuple[str, str, str]]:
    found = []
    for page in PAGES:
        for block in re.findall(
            r"```(?:\w*)\n(.*?)```|`([^`\n]+)`|^    ([^\n]+)$", page.read_text("utf-8"), re.S | re.M
        ):
            found += [(page.name, *match) for text in block if text for match in COMMAND.findall(text)]
    return found


@pytest.mark.parametrize(("page", "program", "rest"), _commands(), ids=lambda value: str(value)[:60])
def test_commands_and_flags_exist(page: str, program: str, rest: str) -> None:
    commands = get_command(APPS[program]).commands  # type: ignore[attr-defined]
    name, *words = rest.split()
    assert name in commands, f"{page}: {program} has no command {name}"
    if words and (below := getattr(commands[name], "commands", None)) is not None:
        program, commands, name = f"{program} {name}", below, words[0]
        assert name in commands, f"{page}: {program} has no command {name}"
    flags = {flag for param in commands[name].params for flag in (*param.opts, *param.secondary_opts)}
    for word in words:
        if re.fullmatch(r"--?[a-z][a-z-]*", word):
            assert word in flags, f"{page}: {program} {name} has no {word}"


def test_make_targets_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_links_inside_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_channel_in_the_guide_is_a_valid_channel(tmp_path: Path) -> None:
    from copygen.channel import load_channels

    text = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "add-a-channel.md").read_text(encoding="utf-8"), re.S)
    assert text is not None
    tomllib.loads(text[1])
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "answer.v1.toml").write_text(text[1], encoding="utf-8")
    assert load_channels(tmp_path)["answer"].fields["body"].max == 90
