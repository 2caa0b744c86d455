"""PostgreSQL for a server of several processes (docs/explanation/scale.md, docs/adr/0024).

pool      connections; refuses a database that would acknowledge what a power loss takes away; retries what may be
schema    the tables of mailboxes, nodes and owners; those of the directory are Alembic's
nodes     each running process is a node: it beats, and can be fenced, after which it commits nothing any more
owners    which node holds a device's mailbox; taken only from nobody, or from a node that is fenced
mailbox   PostgresMailboxStore: the port MailboxStore, one transaction for each batch, under the node's fence
writing   a batch as a handful of statements
hours     the hour key over several nodes: turned by each, re-wrapped by one, destroyed when all have turned
faults    from PostgreSQL's errors to ours

batch ──▶ BEGIN; shared lock of my fence; am I fenced?; rows; COMMIT ──▶ lost connection? ask for the transaction's
status, and commit again only if it aborted
"""
