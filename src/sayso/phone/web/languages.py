"""The languages of the web app: a gettext catalogue for each, read from its .po file when the phone starts.

The .po files are the source and what is shipped; nothing compiled has to be kept beside them.
"""

import io
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

ENGLISH: Final = "en"
NAMES: Final[Mapping[str, str]] = MappingProxyType({"en": "English", "de": "Deutsch", "zh_Hans": "简体中文"})
"""Language to its name in itself."""
_ASKED: Final[Mapping[str, str]] = MappingProxyType(
    {"en": "en", "de": "de", "zh": "zh_Hans", "zh-cn": "zh_Hans", "zh-sg": "zh_Hans", "zh-hans": "zh_Hans"}
)
"""How browsers ask for them."""
_TAGS: Final[Mapping[str, str]] = MappingProxyType({"en": "en", "de": "de", "zh_Hans": "zh-Hans"})
_LONGEST_HEADER: Final = 200
_DOMAIN: Final = "sayso"


class Language:
    """One language: its words, and how it writes days and numbers."""

    def __init__(self, code: str) -> None:
        """Load the catalogue of `code`, one of `NAMES`."""
        self.code: Final = code
        self.tag: Final = _TAGS[code]
        """As HTML's `lang` has it."""
        self.locale: Final = Locale.parse(code)
        self.translations: Final = _load(code)

    def gettext(self, message: str) -> str:
        """Translate."""
        return str(self.translations.ugettext(message))

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Translate what is counted."""
        return str(self.translations.ungettext(one, many, count))

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return self.locale.text_direction == "rtl"


def load_languages() -> Mapping[str, Language]:
    """Load all of them."""
    return MappingProxyType({code: Language(code) for code in NAMES})


def asked_for(header: str) -> str:
    """Return the language that fits an Accept-Language header best; English where none does."""
    weighed: list[tuple[float, str]] = []
    for place, part in enumerate(header[:_LONGEST_HEADER].split(",")):
        tag, _, rest = part.partition(";")
        weight = rest.strip().removeprefix("q=")
        quality = float(weight) if weight.replace(".", "", 1).isdecimal() and weight.isascii() else 1.0
        weighed.append((-quality + place / 1000, tag.strip().lower()))
    wanted = [tag for _, tag in sorted(weighed)]
    found = negotiate_locale(wanted, list(_ASKED), sep="-")
    return ENGLISH if found is None else _ASKED[found.lower()]


def _load(code: str) -> NullTranslations:
    if code == ENGLISH:
        return NullTranslations()
    file = resources.files("sayso.phone.web").joinpath("locale", code, "LC_MESSAGES", f"{_DOMAIN}.po")
    catalogue = read_po(io.BytesIO(file.read_bytes()), locale=code, domain=_DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled, domain=_DOMAIN)
