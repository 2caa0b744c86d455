"""A report as a file.

visible      bytes and names of hostile traffic as text that shows everything and does nothing
json_report  JSON with a schema, written and read back
sarif        SARIF 2.1.0, for code scanning services
html         one page without script or anything from elsewhere
"""
