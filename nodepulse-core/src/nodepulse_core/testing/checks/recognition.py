"""Whether an exporter is told from others when it is found on a machine."""

from __future__ import annotations

from importlib.resources import files

from nodepulse_core.exposition import stamp
from nodepulse_core.testing.subject import SLOT, Subject
from nodepulse_core.testing.verdict import UnmetError

_KNOWN = files("nodepulse_core.testing") / "known"


def known_texts() -> dict[str, str]:
    """Return a piece of what each well-known exporter answers with, stamped, by the exporter's name."""
    return {
        path.name.removesuffix(".prom"): stamp(path.read_bytes(), SLOT)[0].decode()
        for path in sorted(_KNOWN.iterdir(), key=lambda each: each.name)
        if path.name.endswith(".prom")
    }


def recognises_its_own_only(subject: Subject) -> None:
    """Show it its own texts and those of well-known exporters."""
    detect, name = subject.exporter.detect, subject.plugin.name
    for other, text in known_texts().items():
        if other != name and detect(text):
            raise UnmetError(
                f"it takes the text of {other} for its own",
                "Give HTTPExporter detect=…, which looks for a metric that only this exporter has.",
            )
    if detect(""):
        raise UnmetError("it takes an empty text for its own", "Give HTTPExporter detect=… that asks for a metric.")
    for path, text in zip(subject.recorded, subject.texts, strict=True):
        if not detect(text):
            raise UnmetError(
                f"it does not recognise {path.name}",
                "Give HTTPExporter detect=…; without it, a text is recognised by its snapshot having a field.",
            )
