"""What a change of the rules does to stored copy: the comparison, the command, and what it refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copygen.fold import RULES
from copygen.rule import load_rules
from copygen.rules_diff import compare

COPYGEN = Path(sys.executable).parent / "copygen"
STORED = [
    {"id": "luck", "status": "succeeded", "copy": {"title": "开光转运手串", "body": "红绳", "points": [], "tags": []}},
    {"id": "moon", "text": "月光牌台灯，一盏超凡入圣的灯"},
    {
        "id": "more",
        "copy": {"title": "台灯", "body": "好看", "points": ["超凡入圣"], "tags": []},
        "more": [{"title": "超凡入圣", "body": "", "points": [], "tags": []}],
    },
    {"id": "clean", "text": "一盏灯，夜里亮着"},
    {"id": "failed", "status": "failed", "error": {"code": "no_good_copy"}},
]
NEW_RULE = """
[[rule]]
id = "absolute.saintly"
terms = ["超凡入圣"]
pass = ["超出预期"]
fail = ["超凡入圣的灯"]
"""


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """The rules without superstition.toml and with one more absolute term."""
    folder = tmp_path / "rules"
    shutil.copytree(RULES, folder)
    (folder / "superstition.toml").unlink()
    with (folder / "absolute.toml").open("a", encoding="utf-8") as target:
        target.write(NEW_RULE)
    return folder


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "stored.jsonl"
    lines = [json.dumps(line, ensure_ascii=False) for line in STORED]
    path.write_text("\n".join([*lines, "{broken"]) + "\n", encoding="utf-8")
    return path


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COPYGEN, *args], capture_output=True, text=True, check=False, timeout=120)


def one_line(text: str) -> str:
    """What was printed, without the line breaks a narrow terminal puts in."""
    return " ".join(text.split())


def test_the_same_rules_differ_in_nothing() -> None:
    rules = load_rules()
    assert not compare([("text", "全网第一，开光转运")], None, rules, rules)


def test_a_fragment_is_named_with_the_rule_that_finds_it_and_only_where_the_other_edition_does_not(
    edited: Path,
) -> None:
    text = "开光转运手串，超凡入圣，全网第一"
    diff = compare([("text", text)], None, load_rules(), load_rules(edited))
    assert [(rule, finding.text) for rule, finding in diff.newly] == [("absolute.saintly", "超凡入圣")]
    assert {rule for rule, _ in diff.no_longer} == {"superstition.luck"}
    assert all(finding.text == text[finding.start : finding.end] for _, finding in (*diff.newly, *diff.no_longer))


def test_the_command_counts_by_rule_and_writes_what_changed(edited: Path, stored: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    done = run("check", "--rules-diff", RULES, edited, "--jsonl", stored, "-o", target)
    assert done.returncode == 0, done.stderr
    assert "rules added: absolute.saintly" in done.stdout
    assert "rules removed: superstition.effect, superstition.luck" in done.stdout
    # moon once, more twice (a point and a title of another candidate); luck no longer, in one span.
    assert "4 checked, 3 differ, 2 unreadable: 3 newly flagged, 1 no longer flagged" in done.stdout
    lines = {line["id"]: line for line in map(json.loads, target.read_text(encoding="utf-8").splitlines())}
    assert list(lines) == ["luck", "moon", "more", "clean", "failed", "line-6"]
    (gone,) = lines["luck"]["no_longer_flagged"]
    assert (gone["rule"], gone["where"], gone["label"]) == ("superstition.luck", "title", "superstition")
    assert [found["where"] for found in lines["more"]["newly_flagged"]] == ["points[0]", "more[0].title"]
    assert lines["clean"] == {"id": "clean", "newly_flagged": [], "no_longer_flagged": []}
    assert lines["failed"]["error"]["code"] == "invalid_brief"


def test_the_subcommand_is_the_same(edited: Path, stored: Path) -> None:
    short = run("rules", "diff", RULES, edited, "--jsonl", stored)
    assert short.returncode == 0, short.stderr
    assert short.stdout == run("check", "--rules-diff", RULES, edited, "--jsonl", stored).stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        pytest.param(
            ("check", "--rules-diff", "nowhere", str(RULES), "--jsonl", "x.jsonl"), "no such folder", id="gone"
        ),
        pytest.param(
            ("check", "--rules-diff", str(RULES), str(RULES.parent / "knowledge"), "--jsonl", "x.jsonl"),
            "not a rule set",
            id="other folder",
        ),
        pytest.param(("check", "--rules-diff", str(RULES), str(RULES)), "--jsonl", id="nothing to check"),
        pytest.param(("rules", "show", "no.rule"), "copygen rules list", id="unknown rule"),
        pytest.param(("check", "--text", "灯", "--block", "nowhere.txt"), "nowhere.txt: cannot be read", id="no list"),
    ],
)
def test_mistakes_get_one_line(args: tuple[str, ...], says: str) -> None:
    done = run(*args)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in one_line(done.stderr) and "Traceback" not in done.stderr


def test_rules_are_listed_shown_and_printed_as_the_page() -> None:
    listed = run("rules", "list").stdout
    assert load_rules().version in listed and "superstition.luck" in listed
    shown = run("rules", "show", "superstition.luck").stdout
    assert "第九条" in shown and "不通过" in shown
    assert run("rules", "page").stdout == (RULES.parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")


def test_lists_come_from_files_in_any_encoding(tmp_path: Path) -> None:
    block, allow = tmp_path / "block.txt", tmp_path / "allow.txt"
    block.write_bytes("绝绝子，种草机\n".encode("gb18030"))
    allow.write_text("顶级面料\n", encoding="utf-8")
    blocked = run("check", "--text", "绝绝子的灯", "--block", block)
    assert blocked.returncode == 1 and "blocked_word" in blocked.stdout
    assert run("check", "--text", "顶级面料").returncode == 1
    assert run("check", "--text", "顶级面料", "--allow", allow).returncode == 0
    empty = tmp_path / "empty.txt"
    empty.write_text("# 空\n", encoding="utf-8")
    assert "no words" in one_line(run("check", "--text", "灯", "--block", empty).stderr)
