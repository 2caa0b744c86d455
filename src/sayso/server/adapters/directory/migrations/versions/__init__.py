"""One module for each change of the schema; a published one is never edited."""
