"""The proof pack: what a merchant hands to a regulator has to be whole, true to the checks, and one file."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE
from typer.testing import CliRunner

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, Fact
from copygen.channel import get_channel
from copygen.chat_model import ScriptedModel
from copygen.check import check_copy, check_text
from copygen.errors import InvalidFile
from copygen.proof import ProofPack, make_proof
from copygen.rule import load_rules

from serving.app import create_app
from serving.cli import app
from serving.proof_page import PROOF_FORMATS, proof_html, write_proof
from tests.app_client import client_of, settings
from tests.test_serving_labels import SIGNED, agreement_file

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
BAD_TEXT = "全网第一的降噪耳机，续航60小时，采用钛合金。戴上就安静"
MakeBrief = Callable[..., Brief]
ATTACK = "<script>alert(1)</script>"


def pack_of(brief: Brief, **copy: object) -> ProofPack:
    made = AdCopy.model_validate(copy)
    report = check_copy(made, brief, get_channel(brief.channel))
    return make_proof(report, made.texts(), brief, made_at=NOW, channel="发现好货")


def text_pack(text: str, brief: Brief | None) -> ProofPack:
    return make_proof(check_text(text, brief), [("text", text)], brief, made_at=NOW)


def test_every_claim_has_its_source_in_the_merchants_own_words_and_its_date(brief: MakeBrief) -> None:
    pack = pack_of(brief(), title=GOOD_TITLE, body=GOOD_BODY)
    assert pack.passed
    assert "".join(clause.text for clause in pack.clauses) == GOOD_TITLE + GOOD_BODY
    (battery,) = [clause for clause in pack.clauses if clause.text.startswith("续航")]
    assert (battery.kind, battery.rests_on, battery.named, battery.says) == (
        "attribute",
        "attributes.续航",
        "续航",
        "40小时",
    )
    for clause in pack.clauses:
        assert clause.claims == bool(clause.says)
        assert (clause.source, clause.given_on) == (("given", "2026-11-25") if clause.claims else ("", ""))


def test_a_fact_of_the_graph_names_its_source_and_is_not_dated_as_the_merchants(brief: MakeBrief) -> None:
    fact = Fact(subject="主动降噪", relation="适合场景", object="地铁通勤", id="f-1", source="copygen commerce graph")
    pack = text_pack("主动降噪适合地铁通勤", brief().model_copy(update={"facts": (fact,)}))
    (clause,) = pack.clauses
    assert (clause.kind, clause.named, clause.says) == ("fact", "主动降噪 · 适合场景", "地铁通勤")
    assert (clause.source, clause.given_on) == ("copygen commerce graph", "")
    assert pack.facts[0].id == "f-1"


def test_the_second_product_and_dotted_names_are_found(brief: MakeBrief) -> None:
    two = brief("bundle", attributes={"续航": "40小时"})
    second = two.products[1].model_copy(update={"attributes": {"材质.外层": "羊毛毡"}})
    pack = text_pack("羊毛毡的外层", two.model_copy(update={"products": (two.products[0], second)}))
    (clause,) = pack.clauses
    assert (clause.rests_on, clause.named, clause.says) == ("products[1].attributes.材质.外层", "材质.外层", "羊毛毡")
    assert [product.name for product in pack.products] == [product.name for product in two.products]


def test_findings_name_law_source_and_day_and_are_tied_to_their_clauses(brief: MakeBrief) -> None:
    pack = text_pack(BAD_TEXT, brief())
    assert not pack.passed
    by_label = {finding.label: finding for finding in pack.findings}
    assert by_label["absolute_term"].article.startswith("广告法第九条")
    assert "广告法" in by_label["absolute_term"].rule_source
    assert date.fromisoformat(by_label["absolute_term"].rule_checked) <= date.fromisoformat(pack.rules_checked)
    assert by_label["wrong_value"].rule_source == ""
    said = {clause.text.strip("，。"): [f.label for f in pack.errors_in(clause)] for clause in pack.clauses}
    assert said["全网第一的降噪耳机"] == ["absolute_term"]
    assert said["续航60小时"] == ["wrong_value"]
    assert said["戴上就安静"] == []
    (battery,) = [clause for clause in pack.clauses if clause.text.startswith("续航")]
    assert (battery.kind, battery.says) == ("contradicts", "40小时")


def test_edition_hash_and_time_are_stated(brief: MakeBrief) -> None:
    pack = pack_of(brief(), title=GOOD_TITLE, body=GOOD_BODY)
    assert pack.rules == load_rules().version
    assert pack.made_at == "2026-11-25T09:30:00+00:00"
    assert pack.sha256 == pack_of(brief(), title=GOOD_TITLE, body=GOOD_BODY).sha256
    assert pack.sha256 != pack_of(brief(), title=GOOD_TITLE, body=GOOD_BODY[:-1]).sha256


def test_without_a_product_only_the_law_is_proven() -> None:
    pack = text_pack("全网第一", None)
    assert (pack.products, pack.clauses, pack.lang) == ((), (), "")
    assert "没有核对事实" in proof_html(pack)


def test_json_holds_everything(brief: MakeBrief, tmp_path: Path) -> None:
    pack = text_pack(BAD_TEXT, brief())
    write_proof(pack, tmp_path / "new" / "proof.json")
    written = json.loads((tmp_path / "new" / "proof.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(pack.as_json()))
    assert written["schema"] == "copygen.proof.v1"
    assert written["products"][0]["attributes"] == EARBUDS["attributes"]
    assert len(written["findings"]) == len(pack.findings)


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_the_page_shows_all_of_it(brief: MakeBrief) -> None:
    pack = text_pack(BAD_TEXT, brief())
    shown = "".join(Page(proof_html(pack)).words)
    for clause in pack.clauses:
        assert clause.text.strip("，。") in shown
    for finding in pack.findings:
        for words in (finding.text, finding.reason, finding.article, finding.rule_source, finding.proof):
            assert "".join(words.split()) in shown
    for name, value in pack.products[0].attributes.items():
        assert name + value in shown
    for words in (pack.rules, pack.sha256, "2026年11月25日09:30:00（UTC+00:00）", "须改正", "商家（盖章）"):
        assert words in shown


def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing(brief: MakeBrief) -> None:
    product = {"name": f"耳机{ATTACK}", "attributes": {f"续航{ATTACK}": ATTACK}}
    one = brief().model_copy(update={"products": (brief(product=product).products[0].model_copy(update=product),)})
    html = proof_html(text_pack(f"降噪{ATTACK}", one))
    assert ATTACK not in html
    for tag, attrs in Page(html).tags:
        assert tag not in ("script", "link", "img", "iframe", "base")
        assert not {name for name in attrs if name.startswith("on") or name in ("src", "href")}
    assert "url(" not in html and "@import" not in html
    assert "size: A4" in html


@pytest.mark.parametrize("ending", sorted(PROOF_FORMATS))
def test_a_folder_that_cannot_be_written_is_named(brief: MakeBrief, tmp_path: Path, ending: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidFile, match="cannot be written"):
        write_proof(text_pack("降噪", brief()), tmp_path / "file" / f"proof{ending}")


def test_the_command_writes_it(tmp_path: Path) -> None:
    product = tmp_path / "product.json"
    product.write_text(json.dumps(EARBUDS), encoding="utf-8")
    page, data = tmp_path / "proof.html", tmp_path / "proof.json"
    asked = ["check", "--product", str(product), "--text"]
    good = CliRunner().invoke(app, [*asked, "48dB降噪", "--proof", str(page)])
    assert (good.exit_code, "举证材料" in good.output) == (0, True)
    assert "48dB降噪" in page.read_text(encoding="utf-8")
    bad = CliRunner().invoke(app, [*asked, "续航60小时", "--proof", str(data)])
    assert bad.exit_code == 1
    assert json.loads(data.read_text(encoding="utf-8"))["passed"] is False
    for arguments in ([*asked, "48dB降噪", "--proof", "proof.pdf"], ["check", "--jsonl", str(product), "--proof", "x"]):
        refused = CliRunner().invoke(app, arguments)
        assert refused.exit_code == 2, refused.output


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    signed = agreement_file(tmp_path)
    model = ScriptedModel([GOOD_COPY])
    async with client_of(create_app(model, settings(data=tmp_path, unlabelled_agreement=signed))) as client:
        yield client


RECORD = {"channel": "discover", "products": [EARBUDS]}


async def test_what_was_written_here_is_proven_with_its_label(client: httpx.AsyncClient) -> None:
    written = (await client.post("/v1/copies", json=RECORD)).json()
    (copy,) = written["copies"]
    checked = {**RECORD, "copy": {"title": copy["title"], "body": copy["body"]}}
    response = await client.post("/v1/proofs", json=checked)
    assert response.status_code == 200, response.text
    pack = response.json()
    assert f'attachment; filename="proof-{pack["sha256"][:16]}.json"' == response.headers["Content-Disposition"]
    assert (pack["passed"], pack["channel"]) == (True, "发现好货")
    origin = pack["origin"]
    assert origin["aigc"] == copy["AIGC"]
    assert (origin["model"], origin["prompt_id"]) == ("scripted", written["prompt_id"])
    assert origin["explicit_label"] == ""
    assert SIGNED["user"] in origin["handed_over_to"] and SIGNED["agreed_on"] in origin["handed_over_to"]
    page = await client.post("/v1/proofs", json=checked, headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Content-Disposition"].endswith('.html"')
    (meta,) = [attrs for tag, attrs in Page(page.text).tags if tag == "meta" and attrs.get("name") == "AIGC"]
    assert json.loads(meta["content"] or "") == {"AIGC": copy["AIGC"]}
    assert SIGNED["user"] in page.text


async def test_what_was_changed_since_has_no_label(client: httpx.AsyncClient) -> None:
    await client.post("/v1/copies", json=RECORD)
    changed = {"title": GOOD_TITLE, "body": GOOD_BODY.replace("慢慢", "")}
    response = await client.post("/v1/proofs", json={**RECORD, "copy": changed})
    assert response.json()["origin"] is None
    assert "X-AI-Generated" not in response.headers
    page = await client.post("/v1/proofs", json={"text": "48dB降噪"}, headers={"Accept": "text/html"})
    assert "标识记录里没有这段文字" in page.text


async def test_what_cannot_be_checked_cannot_be_proven(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/proofs", json={"copy": {"title": "x"}})
    assert (response.status_code, response.json()["error"]["param"]) == (422, "products")
