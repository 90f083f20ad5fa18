"""All checks, in the order in which they are made: the first that fails is often the reason of the next."""

from __future__ import annotations

from nodepulse_core.testing.checks import loading, manners, papers, recognition, scraping, snapshots
from nodepulse_core.testing.subject import Subject
from nodepulse_core.testing.verdict import Check

EXPORTER_CHECKS: tuple[Check[Subject], ...] = (
    Check("loads", "it loads: hooks spelled right, and an exporter of the entry point's name", loading.loads),
    Check("light", "importing it is light", loading.is_light),
    Check("recorded", "the recorded texts are expositions", snapshots.recorded_texts_are_expositions),
    Check("fields", "every field has a value in the recorded texts", snapshots.fields_are_complete),
    Check("strict", "its snapshots are strict JSON, and the same for the same text", snapshots.snapshots_are_strict),
    Check("integers", "whole numbers are integers", snapshots.whole_numbers_are_integers),
    Check("absent", "what is absent is left out: no invented zeros", snapshots.absent_metrics_are_left_out),
    Check("detect", "it recognises its own text, and no other exporter's", recognition.recognises_its_own_only),
    Check("down", "a target that is down is a ScrapeError", scraping.a_target_that_is_down_is_a_scrape_error),
    Check("misbehaving", "a target that misbehaves is a ScrapeError", scraping.a_misbehaving_target_is_a_scrape_error),
    Check("timeout", "it keeps to the timeout, and can be cancelled", scraping.keeps_to_the_timeout),
    Check("secrets", "no secret is in a repr, an error or the log", manners.no_secret_is_shown),
    Check("promtool", "what it collects by itself passes promtool", manners.passes_promtool),
    Check("configuration", "its sample configurations load", papers.sample_configurations_load),
    Check("documented", "its README has every field, and how to install it", papers.fields_are_documented),
)
"""What is to hold of an exporter."""

PLUGIN_CHECKS: tuple[Check[Subject], ...] = (
    Check("loads", "it loads: hooks spelled right, and what they register is what is due", loading.plugin_loads),
    Check("documented", "its README says how to install it", papers.plugin_is_documented),
)
"""What is to hold of any other plugin."""
