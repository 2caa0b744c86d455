"""Preferences: nothing said, said, said again."""

from sayso.phone.adapters.store import Store


def test_the_last_word_holds() -> None:
    store = Store(None, bytes(32))
    assert store.preferences.get("theme") is None
    for theme in ("dark", "light"):
        with store.transaction("preference"):
            store.preferences.put("theme", theme)
    assert store.preferences.get("theme") == "light"
    store.close()
