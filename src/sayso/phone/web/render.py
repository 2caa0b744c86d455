"""Templates to HTML. Everything put in is escaped; nothing but our own icons is marked as safe."""

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from sayso.phone.web.languages import Language
from sayso.phone.web.people import pretty_number

_FOLDER: Final = "templates"


class Pages:
    """The templates, once for each language."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        sources = {
            file.name: file.read_text(encoding="utf-8")
            for file in resources.files("sayso.phone.web").joinpath(_FOLDER).iterdir()
            if file.name.endswith(".html")
        }
        self._environments: Final = MappingProxyType(
            {code: _environment(language, sources) for code, language in languages.items()}
        )

    def prepare(self, name: str) -> None:
        """Compile a template in every language now, so that whoever asks first does not wait for that."""
        for environment in self._environments.values():
            environment.get_template(name)

    def render(self, name: str, language: Language, **values: object) -> str:
        """Fill a template."""
        return self._environments[language.code].get_template(name).render(**values)


def _environment(language: Language, sources: Mapping[str, str]) -> Environment:
    environment = Environment(
        loader=DictLoader(dict(sources)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # put there by the extension
        language.gettext, language.ngettext, newstyle=True
    )
    # What `_` and `ngettext` return counts as markup, so they are given words of the template only; sentences that come
    # from elsewhere go through this, and are escaped.
    environment.globals["said"] = language.gettext
    environment.globals["icon"] = icon
    environment.globals["pretty"] = pretty_number
    environment.globals["language"] = language
    return environment


def icon(name: str, title: str = "") -> Markup:
    """Return an icon of the sprite: with a title for whoever cannot see it, or hidden from them."""
    if title:
        return Markup('<svg class="icon" role="img" aria-label="{}"><use href="/static/icons.svg#{}"/></svg>').format(
            title, name
        )
    return Markup('<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#{}"/></svg>').format(name)
