"""What the user wants, checked whole before anything starts."""

from nodepulse_core.config.added import AddedTargets, Given, check_added
from nodepulse_core.config.checks import server_id as check_server_id
from nodepulse_core.config.checks import url as check_url
from nodepulse_core.config.difference import differing_keys
from nodepulse_core.config.keys import all_keys
from nodepulse_core.config.load import Loaded, examine_settings, load_settings
from nodepulse_core.config.migrate import migrate
from nodepulse_core.config.schema import make_schema
from nodepulse_core.config.settings import Api, ExporterSettings, Logging, Settings
from nodepulse_core.config.show import show
from nodepulse_core.config.starter import starter, write_found
from nodepulse_core.config.state import SHARED_STATE, find_buffer, find_server_id, find_state_dir
from nodepulse_core.config.targets import Targets, make_targets, near_miss

__all__ = [
    "SHARED_STATE",
    "AddedTargets",
    "Api",
    "ExporterSettings",
    "Given",
    "Loaded",
    "Logging",
    "Settings",
    "Targets",
    "all_keys",
    "check_added",
    "check_server_id",
    "check_url",
    "differing_keys",
    "examine_settings",
    "find_buffer",
    "find_server_id",
    "find_state_dir",
    "load_settings",
    "make_schema",
    "make_targets",
    "migrate",
    "near_miss",
    "show",
    "starter",
    "write_found",
]
