"""The phone's web app: Messages, and Settings > Cloud Messaging; on loopback, for its owner alone.

    site       puts it together and runs it
    server     listens on both loopbacks
    guard      stands before every handler: Host, Origin, session, and the headers that make a browser strict
    address    the random name and the port
    sessions   one-time links, sessions, tabs
    desk       the command socket's way here: `sayso phone open`, `sayso phone lock`
    routes/    the handlers, by what a person does
    screens    what handlers share
    live       what happens, told to open pages
    threads, people, states, times, sizes, channel, held, policy, segments   what is shown, made of what is stored
    address_book   takes over a vCard file
    languages, locale/   gettext catalogues
    render, templates/   HTML, in which everything is escaped
    static/    one style sheet, one script and what it keeps, one sprite of icons; no build step (docs/adr/0031)

It connects to nothing; it reads the store, and does what its owner says through `line.owner` and `line.book`.
"""
