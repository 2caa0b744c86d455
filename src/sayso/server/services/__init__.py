"""Orchestration between core and ports: what waits for something, without HTTP and without SQL.

relay_runner drives the relay: its batches, windows, questions and time
identity     the server's own keys at work: statement, receipts, certificates
registrar    enrol and confirm: a number is verified and forgotten
background   jobs that outlive their request, so that its answer tells nothing of them
key_desk     publish and claim keys
lines        certificate, grant, holdings, leases
epochs       moves lines to the current epoch
rotation     begins and ends the overlaps of replaced keys
discovery    evaluations, within a line's budget
enrolled_set builds of the set of enrolled lines
erasure      withdrawal, expiry, and finishing what was interrupted

Adapters above call them; they see the world through `ports`, `directory_port`,
`discovery_port` and `evaluator_port`. Who a request is
from has been checked before a service sees it.
"""
