"""Bring the web app's gettext catalogues up to date with its words: `python -m scripts.catalogues`.

What is new is added untranslated, what is gone is dropped, what is translated stays. A test fails while anything is
missing, so this is run, and the new entries are filled in, with every change of a sentence.
"""

import io
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).resolve().parent.parent
WEB: Final = ROOT / "src" / "sayso" / "phone" / "web"
LANGUAGES: Final = ("de", "zh_Hans")


def template() -> Catalog:
    """Return every word of the app that is to be translated, without translations."""
    catalogue = Catalog(project="sayso", fuzzy=False, header_comment="# Words of the phone's web app.")
    found = extract_from_dir(
        WEB,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"newstyle_gettext": "true"}},
    )
    for _file, _line, message, _comments, context in found:
        catalogue.add(message, context=context)
    return catalogue


def path_of(language: str) -> Path:
    """Return where a language's catalogue lies."""
    return WEB / "locale" / language / "LC_MESSAGES" / "sayso.po"


def read(language: str) -> Catalog:
    """Read a language's catalogue."""
    return read_po(io.BytesIO(path_of(language).read_bytes()), locale=language)


def write(catalogue: Catalog, language: str) -> None:
    """Write a language's catalogue, in the order in which the words are found; no dates, no line numbers."""
    content = io.BytesIO()
    write_po(content, catalogue, width=120, no_location=True, omit_header=True, ignore_obsolete=True, sort_output=False)
    head = '# Words of the phone\'s web app.\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    plural = f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    path_of(language).write_bytes((head + f'"Language: {language}\\n"\n' + plural).encode() + content.getvalue())


def main() -> None:
    """Update all of them."""
    for language in LANGUAGES:
        catalogue = read(language)
        catalogue.update(template(), no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        write(catalogue, language)
        missing = sum(1 for message in catalogue if message.id and not message.string)
        print(f"{path_of(language).relative_to(ROOT)}: {missing} to translate")


if __name__ == "__main__":
    main()
