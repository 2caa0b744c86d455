"""Readers of captures: a file of hostile bytes in, events out, in constant memory.

formats        which kind of file is it
json_stream    the elements of one long JSON array, one at a time
har            HTTP archives
tnetstring     the encoding of mitmproxy's flow files
flows          mitmproxy's flow files, read without mitmproxy
raw            any other text or bytes
pcap           packet captures: what is in the clear, and what keys open
pcap_file      their files, block by block
packets        packets to datagrams and TCP streams
connection     one TCP connection: which protocol, and what follows from it
http1          HTTP/1 in a stream
http2          HTTP/2 in a stream
websocket      frames after an upgrade
dns            names asked for
tls            the hello of a client
tshark         what a key log opens of TLS, through tshark
quic           what a key log opens of QUIC, through tshark
http3          HTTP/3 in the streams of QUIC
message        an HTTP message as fields

They run in a process of their own with limits (`reader_process`), since whoever is audited may have written the bytes.
"""
