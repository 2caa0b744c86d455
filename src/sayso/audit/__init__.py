"""The leak auditor: which values of a phone leave it, however they are wrapped.

    ports        what it needs of the world: captures, a matcher of many patterns, a clock, plug-ins
    core/        decides, pure
      model      events: what readers of captures say
      seeds      the seeds file; `fresh` makes new seeds and decoys
      forms/     the spellings that a seed takes in the wild
      digests    digests of them, whole and cut
      decode/    one layer of one encoding undone
      search     a view is matched, cut into tokens, decoded, and so on inwards
      split      values that travel in pieces
      judge      how certain a match is; `policy`: what the result means
      phases     which step of the experiment an exchange belongs to
      scanner    events in, report out
      compare    two reports, or two recordings that differ in the seeds only
    report/      HTML, JSON, SARIF
    adapters/    readers of captures, the recorder, libraries that match many patterns

It stands by itself: no other part of Sayso is imported but `sayso.protocol`'s root of errors.
"""
