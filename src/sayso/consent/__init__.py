"""Consent: the record of a person's yes, the receipts for it, and the gate that only a yes can build.

    records     the consent record and the withdrawal: what was agreed to, signed by the device
    receipts    the server's countersignatures: a consent receipt, a receipt of withdrawal
    proofs      both in one file, as a phone exports them: checked offline
    policy      the text that is agreed to
    gate        the one place in Sayso that opens a connection on a person's behalf
    ports       the journal that the gate writes each connection into
    errors

The phone makes records and gates; the server verifies records and makes receipts; the update channel has a consent, and
so a gate, of its own.
"""
