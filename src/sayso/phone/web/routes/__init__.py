"""The handlers, by what a person does with them.

    session   the empty page, opening it, its events
    messages  conversations, threads, writing, search
    people    contacts, blocking, comparing keys, exporting and deleting a conversation
    settings  Settings > Cloud Messaging, first run
    privacy   what has left this phone
    updates   Settings > Updates, the other consent

Each is a class over `Screens` whose `routes()` are put together in `sayso.phone.web.site`. Who may ask is not their
business: the guard stands before all of them.
"""
