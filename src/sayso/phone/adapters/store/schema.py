"""The tables. A migration is never changed once released; a change of the schema is one more at the end."""

from typing import Final

_FIRST: Final = """
CREATE TABLE line (
    id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, trouble TEXT, number TEXT, sim BLOB,
    read_receipts INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE device (
    line BLOB PRIMARY KEY REFERENCES line (id), device BLOB NOT NULL, seed BLOB NOT NULL, ed25519 BLOB NOT NULL,
    curve25519 BLOB NOT NULL, account BLOB NOT NULL, grant BLOB NOT NULL, salt BLOB NOT NULL, server TEXT NOT NULL,
    server_key BLOB NOT NULL, record_id BLOB NOT NULL, findable TEXT NOT NULL, step TEXT NOT NULL,
    enrolment_id BLOB NOT NULL, code TEXT, code_expires REAL NOT NULL, statement BLOB NOT NULL,
    statement_at REAL NOT NULL, statements_shown BLOB NOT NULL, token BLOB, certificate BLOB,
    certificate_at REAL NOT NULL, grant_set INTEGER NOT NULL, fallback_at REAL NOT NULL, fallback BLOB NOT NULL,
    next_envelope_key INTEGER NOT NULL
);

CREATE TABLE consent (
    record_id BLOB PRIMARY KEY, line BLOB NOT NULL REFERENCES line (id), given_at REAL NOT NULL, record TEXT NOT NULL,
    receipt TEXT, withdrawal TEXT, withdrawal_receipt TEXT
);

CREATE TABLE envelope_key (
    line BLOB NOT NULL REFERENCES line (id), key_id INTEGER NOT NULL, created INTEGER NOT NULL, private BLOB NOT NULL,
    published INTEGER NOT NULL, PRIMARY KEY (line, key_id)
) WITHOUT ROWID;

CREATE TABLE peer (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, token BLOB, in_cloud TEXT NOT NULL,
    ever_in_cloud INTEGER NOT NULL, written INTEGER NOT NULL, device BLOB, ed25519 BLOB, curve25519 BLOB,
    certificate_expires INTEGER NOT NULL, envelope_key_id INTEGER, envelope_key BLOB,
    envelope_key_created INTEGER NOT NULL, ratchet_key BLOB, grant BLOB NOT NULL, counter INTEGER NOT NULL,
    key_changed INTEGER NOT NULL, odd_statement BLOB, PRIMARY KEY (line, number)
);

CREATE TABLE contact (number TEXT PRIMARY KEY, name TEXT NOT NULL, line BLOB REFERENCES line (id)) WITHOUT ROWID;

CREATE TABLE session (
    line BLOB NOT NULL REFERENCES line (id), peer_curve25519 BLOB NOT NULL, session_id TEXT NOT NULL,
    state BLOB NOT NULL, unanswered INTEGER NOT NULL, received INTEGER NOT NULL, retired INTEGER NOT NULL,
    used_at REAL NOT NULL, PRIMARY KEY (line, peer_curve25519, session_id)
);

CREATE TABLE text (
    id INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL,
    message_id BLOB NOT NULL, direction TEXT NOT NULL, channel TEXT NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL,
    raw BLOB NOT NULL, state TEXT NOT NULL, reason TEXT, at REAL NOT NULL, position REAL NOT NULL,
    counter INTEGER NOT NULL, sms_ref INTEGER, sms_sim BLOB
);
CREATE UNIQUE INDEX text_by_message ON text (line, number, direction, message_id);
CREATE INDEX text_by_place ON text (line, number, position);
CREATE INDEX text_by_state ON text (line, direction, state);
CREATE UNIQUE INDEX text_by_sms ON text (sms_ref) WHERE sms_ref IS NOT NULL;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL,
    kind INTEGER NOT NULL, message_id BLOB NOT NULL, body BLOB NOT NULL, counter INTEGER NOT NULL, stage TEXT NOT NULL,
    resends INTEGER NOT NULL, token BLOB, device BLOB, envelope_key_id INTEGER, handle BLOB, handle_hash BLOB,
    envelope BLOB, grant BLOB NOT NULL, accepted_at REAL NOT NULL
);
CREATE INDEX outbox_by_stage ON outbox (line, stage, id);
CREATE INDEX outbox_by_handle ON outbox (handle_hash) WHERE handle_hash IS NOT NULL;

CREATE TABLE receipt_due (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, kind INTEGER NOT NULL, message_id BLOB NOT NULL,
    PRIMARY KEY (line, number, kind, message_id)
) WITHOUT ROWID;

CREATE TABLE seen_envelope (
    line BLOB NOT NULL, envelope_id BLOB NOT NULL, at REAL NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (line, envelope_id)
) WITHOUT ROWID;

CREATE TABLE seen_message (
    line BLOB NOT NULL, number TEXT NOT NULL, message_id BLOB NOT NULL, PRIMARY KEY (line, number, message_id)
) WITHOUT ROWID;

CREATE TABLE seen_sms (
    line BLOB NOT NULL, place INTEGER NOT NULL, digest BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (line, place, digest)
) WITHOUT ROWID;

CREATE TABLE journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL, at REAL NOT NULL, host TEXT NOT NULL,
    port INTEGER NOT NULL, purpose TEXT NOT NULL, sent_bytes INTEGER, received_bytes INTEGER
);
"""

_STATEMENTS_OF_RECEIPTS: Final = """
ALTER TABLE consent ADD COLUMN statement TEXT;
ALTER TABLE consent ADD COLUMN withdrawal_statement TEXT;
"""

_LOCKS: Final = """
CREATE TABLE lock_state (
    line BLOB PRIMARY KEY REFERENCES line (id), waits_until REAL NOT NULL, pin_tries INTEGER NOT NULL, pin TEXT,
    pin_proof BLOB NOT NULL, pin_set INTEGER NOT NULL, newcomer_until REAL NOT NULL, refusal_id BLOB NOT NULL,
    refusal_expires REAL NOT NULL, refusal_code TEXT
);
"""

_EPOCHS: Final = """
ALTER TABLE device ADD COLUMN statement_since REAL NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN other_token BLOB;
ALTER TABLE peer ADD COLUMN other_token BLOB;
CREATE TABLE odd_statement (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, digest BLOB NOT NULL, met_at REAL NOT NULL,
    sent_at REAL NOT NULL, PRIMARY KEY (line, number)
) WITHOUT ROWID;
"""

_FALLBACK: Final = """
ALTER TABLE text ADD COLUMN wish TEXT NOT NULL DEFAULT '';
ALTER TABLE text ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE line ADD COLUMN sim_gone_since REAL NOT NULL DEFAULT 0;
CREATE INDEX text_by_thread ON text (number, position);
CREATE INDEX outbox_by_message ON outbox (message_id);
CREATE TABLE fallback (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, undelivered TEXT NOT NULL,
    undelivered_after_s REAL NOT NULL, unreachable TEXT NOT NULL, unreachable_after_s REAL NOT NULL,
    PRIMARY KEY (line, number)
) WITHOUT ROWID;
CREATE TABLE sms_notice (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, message_id BLOB NOT NULL, sha256 BLOB NOT NULL,
    parts INTEGER NOT NULL, at REAL NOT NULL, joined INTEGER NOT NULL, PRIMARY KEY (line, number, message_id)
) WITHOUT ROWID;
"""

_MODEMS: Final = """
CREATE TABLE handed_sms (
    line BLOB NOT NULL REFERENCES line (id), ref INTEGER NOT NULL, recipient TEXT NOT NULL, place TEXT NOT NULL,
    state TEXT NOT NULL, network_ref INTEGER, at REAL NOT NULL, PRIMARY KEY (line, ref)
) WITHOUT ROWID;
CREATE INDEX handed_sms_by_report ON handed_sms (line, network_ref) WHERE state = 'sent';
ALTER TABLE seen_sms ADD COLUMN deleted INTEGER NOT NULL DEFAULT 1;
CREATE INDEX seen_sms_left ON seen_sms (line, digest) WHERE deleted = 0;
"""

_CONVERSATIONS: Final = """
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL,
    unread INTEGER NOT NULL DEFAULT 0, last INTEGER, last_at REAL NOT NULL DEFAULT 0, UNIQUE (line, number)
);
CREATE INDEX conversation_by_time ON conversation (last_at);
CREATE INDEX text_unread ON text (line, number) WHERE direction = 'in' AND state = 'new';

INSERT INTO conversation (line, number) SELECT DISTINCT line, number FROM text;
UPDATE conversation SET
    unread = (SELECT count(*) FROM text t WHERE t.line = conversation.line AND t.number = conversation.number
              AND t.direction = 'in' AND t.state = 'new'),
    last = (SELECT t.id FROM text t WHERE t.line = conversation.line AND t.number = conversation.number
            AND t.state != 'joined' ORDER BY t.position DESC LIMIT 1);
UPDATE conversation SET last_at = coalesce((SELECT at FROM text WHERE id = last), 0);

CREATE VIRTUAL TABLE text_words USING fts5 (text, content = 'text', content_rowid = 'id', tokenize = 'trigram');
INSERT INTO text_words (text_words, rank) VALUES ('secure-delete', 1);
INSERT INTO text_words (text_words) VALUES ('rebuild');

CREATE TRIGGER text_came AFTER INSERT ON text BEGIN
    INSERT INTO text_words (rowid, text) VALUES (new.id, new.text);
    INSERT OR IGNORE INTO conversation (line, number) VALUES (new.line, new.number);
    UPDATE conversation SET
        unread = unread + (new.direction = 'in' AND new.state = 'new'),
        last = (SELECT t.id FROM text t WHERE t.line = new.line AND t.number = new.number
                AND t.state != 'joined' ORDER BY t.position DESC LIMIT 1),
        last_at = max(last_at, new.at)
    WHERE line = new.line AND number = new.number;
END;
CREATE TRIGGER text_looked_at AFTER UPDATE OF state ON text WHEN old.direction = 'in' AND old.state != new.state BEGIN
    UPDATE conversation SET
        unread = unread + (new.state = 'new') - (old.state = 'new'),
        last = CASE WHEN last != new.id OR new.state != 'joined' THEN last ELSE
            (SELECT t.id FROM text t WHERE t.line = new.line AND t.number = new.number
             AND t.state != 'joined' ORDER BY t.position DESC LIMIT 1) END
    WHERE line = new.line AND number = new.number;
END;
CREATE TRIGGER text_reworded AFTER UPDATE OF text ON text WHEN old.text != new.text BEGIN
    INSERT INTO text_words (text_words, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO text_words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER text_went AFTER DELETE ON text BEGIN
    INSERT INTO text_words (text_words, rowid, text) VALUES ('delete', old.id, old.text);
    UPDATE conversation SET
        unread = unread - (old.direction = 'in' AND old.state = 'new'),
        last = (SELECT t.id FROM text t WHERE t.line = old.line AND t.number = old.number
                AND t.state != 'joined' ORDER BY t.position DESC LIMIT 1)
    WHERE line = old.line AND number = old.number;
END;

CREATE TABLE blocked (number TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE compared (
    line BLOB NOT NULL REFERENCES line (id), number TEXT NOT NULL, digits TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (line, number)
) WITHOUT ROWID;
CREATE TABLE preference (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
"""What the web app looks through. Deleting overwrites: `secure-delete` makes the search index forget as well."""

_PLACES: Final = """
CREATE INDEX text_by_position ON text (position);
"""
"""The last place of all threads is asked for with every text: without an index that cost as many steps as texts."""

_MOVES: Final = """
INSERT INTO meta VALUES ('moves', 0);
CREATE TRIGGER device_made AFTER INSERT ON device BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
CREATE TRIGGER device_moved AFTER UPDATE ON device BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
CREATE TRIGGER device_went AFTER DELETE ON device BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
CREATE TRIGGER session_made AFTER INSERT ON session BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
CREATE TRIGGER session_moved AFTER UPDATE ON session BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
CREATE TRIGGER session_went AFTER DELETE ON session BEGIN UPDATE meta SET value = value + 1 WHERE key = 'moves'; END;
"""
"""Counts every change of keys and ratchets, whoever makes it: a mark elsewhere tells an older copy by it."""

_ARRIVALS: Final = """
ALTER TABLE text ADD COLUMN came_at REAL NOT NULL DEFAULT 0;
"""
"""When an SMS came, by this phone's clock: a notice is held against that, since the network's clock may be wrong."""

MIGRATIONS: Final = (
    _FIRST,
    _STATEMENTS_OF_RECEIPTS,
    _LOCKS,
    _EPOCHS,
    _FALLBACK,
    _MODEMS,
    _CONVERSATIONS,
    _PLACES,
    _MOVES,
    _ARRIVALS,
)
