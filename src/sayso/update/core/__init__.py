"""Pure parts of the update channel: documents, choices and the one state machine."""
