"""A small simulated mobile network, for the demo and the tests: a process of its own.

    core/                      the network: SIMs, modems, SMSC; pure
    control                    the control socket's requests and replies; pure
    ports                      what the core's driver needs of the world: a store, links to phones, a clock
    adapters/
      modem_listener           one Unix socket per modem, DIR/modems/NAME.sock, that a phone attaches to
      gateway_listener         HTTP on loopback: Kannel's `sendsms` (`kannel` reads its requests)
      control_listener         DIR/control.sock: one JSON object per line, for operators and tests
      control_client           the other end of it
      sqlite_store             all that has to survive a kill, in DIR/carrier.db
      data_directory           the directory, its lock, and carrier.json
    engine                     event -> core -> durable -> phones
    app                        puts it together: `run`

It keeps numbers and texts in plain files: it simulates the very party that can read every SMS.
"""
