"""What an SMS is made of (3GPP TS 23.038, TS 23.040); pure.

    alphabet    which encoding a text needs, and in how many parts it travels: what the composer shows
    header      the user data header: part of a whole, application ports, national language tables
    assembly    parts to wholes, also when parts are missing, repeated, or of two sets under one reference
    mms         the notice that a picture message waits
    incoming    what an adapter read becomes a kind of SMS; what the clock of an SMS is worth

The bytes of a PDU are read by ModemManager, Android or Gammu; what they hand on is hostile all the same.
"""
