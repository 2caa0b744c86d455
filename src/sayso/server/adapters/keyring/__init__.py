"""The server's keyring on disk: a directory of its own, apart from the database and from its backups.

DIR/secrets   file_keyring: long-lived secrets, sealed under a passphrase (or plain, where asked for by name)
DIR/hours     hour_file: the hour key's ratchet, overwritten in place, under a key from `secrets`
"""
