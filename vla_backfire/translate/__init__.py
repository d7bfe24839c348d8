"""Translating the corpus: what is done, stubs for a language, and files for translators' tools."""

from vla_backfire.translate.exchange import export_sheet, import_sheet
from vla_backfire.translate.status import status_lines
from vla_backfire.translate.stubs import NewLanguage, add_language

__all__ = ["NewLanguage", "add_language", "export_sheet", "import_sheet", "status_lines"]
