"""Policies: YAML files in, one immutable `engine.core.compiled.Policy` or a list of diagnostics out."""

from engine.policy.compilation import Compilation, compile_files, compile_policy, digest
from engine.policy.diagnostics import Diagnostic, format_json, format_text, has_errors

__all__ = [
    "Compilation",
    "Diagnostic",
    "compile_files",
    "compile_policy",
    "digest",
    "format_json",
    "format_text",
    "has_errors",
]
