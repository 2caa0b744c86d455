"""The network model: decides everything, touches nothing. Time and randomness are arguments.

network    Network.handle(event, now) -> commands; SIMs, modems, what phones say
ledger     the records in memory, with their indexes, and what of them has changed
smsc       the short message service centre: queue, delay, loss, duplicates, order, expiry
events     what happens to the network: a phone's frame, a gateway's SMS, an operator's wish, time
commands   what has to be done about it: save, forget, tell a phone, open and close modems
records    what the network remembers; each is saved whole
segments   how many parts a text takes (GSM-7, UCS-2)
identity   IMSI, ICCID and IMEI from test ranges
limits     every bound in one table

adapters ──event──▶ Network ──┬─▶ Smsc (who gets what, when)
                              └─▶ commands: first the saves, in one transaction; then the rest
"""
