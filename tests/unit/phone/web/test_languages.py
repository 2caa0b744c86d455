"""Languages: what is asked for, and catalogues in which nothing is missing."""

import re
from string import Formatter

import pytest

from sayso.phone.web.languages import NAMES, asked_for, load_languages
from scripts.catalogues import LANGUAGES, read, template


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9", "de"),
        ("fr-FR,fr;q=0.9,zh-CN;q=0.8,en;q=0.7", "zh_Hans"),
        ("zh-Hans-CN", "zh_Hans"),
        ("zh", "zh_Hans"),
        ("en;q=0.1,de;q=0.9", "de"),
        ("xx", "en"),
        ("*", "en"),
        ("de;q=;q=q,,,;;", "de"),
        ("\u00ff" * 1000, "en"),
        ("de" * 1000, "en"),
        ("zh;q=1.1.1,de;q=\u0661", "zh_Hans"),
    ],
)
def test_the_language_that_is_asked_for(header: str, code: str) -> None:
    assert asked_for(header) == code


def test_there_is_a_catalogue_for_each_language_but_the_one_of_the_source() -> None:
    assert set(NAMES) == {"en", *LANGUAGES}
    assert {language.tag for language in load_languages().values()} == {"en", "de", "zh-Hans"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_and_nothing_is_left_over(language: str) -> None:
    """After a change of words: `python -m scripts.catalogues`, and fill in what is new."""
    wanted = {message.id for message in template() if message.id}
    catalogue = read(language)
    assert {message.id for message in catalogue if message.id} == wanted
    for message in catalogue:
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert not message.id or all(strings), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_is_the_same_in_every_language(language: str) -> None:
    for message in read(language):
        many = message.id[-1] if isinstance(message.id, tuple) else message.id
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in strings:
            assert holes(str(string)) == holes(str(many)), message.id


def holes(sentence: str) -> list[str]:
    """The places where a value is put in."""
    assert not [field for _, field, _, _ in Formatter().parse(sentence.replace("{", "{{").replace("}", "}}")) if field]
    return sorted(re.findall(r"%\([a-z]+\)[sd]|%(?!\()", sentence))


def test_plurals_and_words() -> None:
    german, chinese = load_languages()["de"], load_languages()["zh_Hans"]
    assert german.gettext("Delivered") == "Zugestellt"
    assert german.ngettext("%(num)d unread message", "%(num)d unread messages", 1) == "%(num)d ungelesene Nachricht"
    assert german.ngettext("%(num)d unread message", "%(num)d unread messages", 2) == "%(num)d ungelesene Nachrichten"
    assert chinese.ngettext("%(num)d unread message", "%(num)d unread messages", 1) == "%(num)d 条未读消息"
    assert german.gettext("no such words") == "no such words"
    assert not german.right_to_left
