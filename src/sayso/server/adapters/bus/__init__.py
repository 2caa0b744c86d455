"""The way between the processes of one server: NATS core. Nothing on it is a record (docs/adr/0025)."""
