"""Renders the rules as a page for people (docs/rules.md). Knows the data only; the page is never edited by hand."""

from itertools import groupby

from copygen.rule import Rule, RuleSet, load_rules

_HEAD = """# Rules of advertising law

Generated from `copygen/rules/*.toml`, edition `{version}`, {count} rules. Do not edit. The readings of the law are ours
and no legal advice; each rule names its source and the day it was checked.
"""


def render_rules_page(rules: RuleSet | None = None) -> str:
    """The whole page in Markdown: rules by label, each with law, reason, what makes it legal, and examples."""
    rules = rules or load_rules()
    parts = [_HEAD.format(version=rules.version, count=len(rules.rules))]
    for label, group in groupby(sorted(rules.rules, key=lambda rule: rule.label), key=lambda rule: rule.label):
        parts.append(f"\n## {label}\n")
        parts += [_render(rule) for rule in group]
    return "\n".join(parts)


def _render(rule: Rule) -> str:
    lines = [
        f"### {rule.id} (v{rule.version}, {rule.severity})\n",
        f"- 法条：{rule.law}{rule.article}",
        f"- 来源：{rule.source}（核对于 {rule.date_checked}）",
        f"- 原因：{rule.reason.replace('{text}', '…')}",
    ]
    if rule.scope:
        lines.append(f"- 适用：{'、'.join(rule.scope)}")
    if rule.not_scope:
        lines.append(f"- 不适用：{'、'.join(rule.not_scope)}")
    if rule.target == "field":
        lines.append("- 检查对象：商品字段")
    if rule.names:
        lines.append("- 例外：商家提供的名称、等级、型号中的字样")
    if rule.basis:
        who = f"（限{'、'.join(rule.basis_scope)}）" if rule.basis_scope else ""
        lines.append(f"- 例外：商品资料里写明了{who}")
    if rule.proof:
        lines.append(f"- 可举证：{rule.proof}")
    lines.append(f"- 通过：{'；'.join(rule.pass_)}")
    lines.append(f"- 不通过：{'；'.join(rule.fail)}\n")
    return "\n".join(lines)
