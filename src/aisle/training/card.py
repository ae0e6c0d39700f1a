"""The model card: what a bundle is, what it learnt from, how good it is and where not to trust it."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_CONFUSIONS = 10


def model_card(
    metrics: Mapping[str, Any],
    categories: Mapping[str, str],
    configuration: Mapping[str, Any],
    *,
    snapshot: str,
    commit: str,
) -> str:
    """Return the card as Markdown.

    Args:
        metrics: What the bundle's `metrics.json` says.
        categories: Name of each code.
        configuration: What the training was steered by.
        snapshot: Digest of the snapshot that it learnt from.
        commit: The commit of the code.
    """
    gold, rows = metrics["gold"], metrics["rows"]
    sections = (
        "# Product classifier",
        f"Answers one of {len(categories):,} categories to a product's {_looked_at(metrics)}, with a calibrated probability,"
        " a set of categories that likely holds the correct one, and whether a person should look.",
        "## Data",
        f"Snapshot `{snapshot}`, code `{commit}`. Trained on {rows['train'] + rows['validation']:,} rows,"
        f" {rows['validation']:,} of them first held back to choose among {metrics['search']['trials']:,} trials; judged"
        f" once on {rows['gold']:,} gold rows. Products with the same title, nearly the same title or the same image are"
        " never parted between the two.",
        _images(metrics["images"]),
        "## Components",
        _component_table(metrics["components"]),
        "## Scores on the gold rows",
        _score_table(gold),
        _held_back(metrics["patterns"]),
        f"Always answering `{gold['baseline']['code']}` scores {gold['baseline']['weighted_f1']:.3f} weighted F1.",
        _decided(metrics["decisions"]),
        "## Categories",
        _class_table(gold, categories),
        "## What it mistakes most often",
        _confusions(gold, categories),
        "## Limits",
        _limits(metrics),
        "## Configuration",
        f"```json\n{orjson.dumps(configuration, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode()}\n```",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _looked_at(metrics: Mapping[str, Any]) -> str:
    kinds = {entry["modality"] for entry in metrics["components"]}
    words = "title, description and brand"
    if kinds == {"image"}:
        return "image"
    return words if kinds == {"text"} else f"{words}, and to its image"


def _images(images: Mapping[str, Any]) -> str:
    problems = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in images["problems"].items())
    return f"{images['rows']:,} rows have an image that could be used{f' ({problems})' if problems else ''}."


def _component_table(components: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"| {_cell(entry['name'])} | {entry['validation']['weighted_f1']:.3f} | {entry['bytes'] / 1e6:.1f} |"
        f" {_cell(', '.join(f'{name} {value}' for name, value in entry['options'].items()))} |"
        for entry in components
    ]
    return "\n".join(("| component | weighted F1, validation | MB | options |", "|---|---|---|---|", *lines))


def _decided(decisions: Mapping[str, Any]) -> str:
    unreviewed = decisions["precision_unreviewed"]
    return (
        f"Prediction sets hold the correct category for {decisions['set_coverage']:.1%} of the gold rows (asked:"
        f" {decisions['set_coverage_asked']:.0%}) with {decisions['set_size']:.2f} categories on average."
        f" {decisions['review_share']:.1%} of the answers are sent to review"
        + (f"; of the others {unreviewed:.1%} are correct." if unreviewed is not None else ".")
    )


def _score_table(gold: Mapping[str, Any]) -> str:
    named = (("weighted F1", "weighted_f1"), ("macro F1", "macro_f1"), ("accuracy", "accuracy"))
    lines = [
        f"| {words} | {gold[name]['value']:.3f} | {gold[name]['low']:.3f} to {gold[name]['high']:.3f} |"
        for words, name in named
    ]
    lines += [f"| log loss | {gold['log_loss']:.3f} | |", f"| calibration error | {gold['calibration_error']:.3f} | |"]
    return "\n".join(("| figure | value | 95 % interval |", "|---|---|---|", *lines))


def _held_back(patterns: Sequence[Mapping[str, Any]]) -> str:
    known = [pattern for pattern in patterns if pattern.get("calibration_error") is not None]
    if not known:
        return ""
    most = max(known, key=lambda pattern: pattern["rows"])
    return (
        f"On {most['rows']:,} rows held back, each calibrated without it, the calibration error is"
        f" {most['calibration_error']:.4f}; gold rows are fewer, and chance weighs more on theirs."
    )


def _class_table(gold: Mapping[str, Any], categories: Mapping[str, str]) -> str:
    lines = [
        f"| {_cell(code)} | {_cell(categories.get(code, code))} | {figures['precision']:.3f} | {figures['recall']:.3f} |"
        f" {figures['f1']:.3f} | {figures['support']:,} |"
        for code, figures in gold["per_class"].items()
    ]
    return "\n".join(("| code | category | precision | recall | F1 | rows |", "|---|---|---|---|---|---|", *lines))


def _confusions(gold: Mapping[str, Any], categories: Mapping[str, str]) -> str:
    wrong = [entry for entry in gold["confusion"] if entry["correct"] != entry["predicted"]]
    if not wrong:
        return "Nothing, on these rows."
    most = sorted(wrong, key=lambda entry: (-entry["rows"], entry["correct"], entry["predicted"]))[:_CONFUSIONS]
    lines = [
        f"| {_cell(categories.get(entry['correct'], entry['correct']))} |"
        f" {_cell(categories.get(entry['predicted'], entry['predicted']))} | {entry['rows']:,} |"
        for entry in most
    ]
    return "\n".join(("| is | was answered | rows |", "|---|---|---|", *lines))


def _limits(metrics: Mapping[str, Any]) -> str:
    lines = [
        "- A product with nothing to go by gets each category's share among the training rows: no answer, but a stated one.",
        "- Whatever it is shown, it answers one of its categories; watch the confidence of products of a new kind.",
    ]
    for words, name in (("a single row to learn from", "too_rare"), ("no gold row, so they are not judged", "not_judged")):
        if metrics[name]:
            codes = ", ".join(f"`{code}`" for code in metrics[name])
            lines.append(f"- Categories with {words} ({len(metrics[name]):,}): {codes}.")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
