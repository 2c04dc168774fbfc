"""Policies: YAML files in, one immutable `engine.core.compiled.Policy` or a list of diagnostics out."""

from engine.policy.compilation import Compilation, compile_files, compile_only_calendars, compile_policy, digest
from engine.policy.diagnostics import Diagnostic, has_errors
from engine.policy.formats import format_json, format_text
from engine.policy.team import TeamLoad, check_team, load_team

__all__ = [
    "Compilation",
    "Diagnostic",
    "TeamLoad",
    "check_team",
    "compile_files",
    "compile_only_calendars",
    "compile_policy",
    "digest",
    "format_json",
    "format_text",
    "has_errors",
    "load_team",
]
