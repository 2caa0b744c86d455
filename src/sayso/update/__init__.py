"""The over-the-air channel: the side that publishes releases, and the side of the phone that takes them.

    publisher     app of the publishing side: keys, stage, sign, publish, rollout, revoke, status
    phone_side    app of the phone's side: check, apply, roll back, recover, schedule
    migrations    how a person's data follows a release, forward and back
    ports         what both need of the world
    adapters/
      key_files, repository, release_archive       publisher: files of keys, the static directory, one release
      gate_fetcher, tuf_client, download           phone: HTTP on the consent's gate, TUF, a download that goes on
      home, slots, consent_file                    phone: the directory with its one switch, environments, the yes
    core/         pure: manifest, channel, rollout, roles, reminders, steps, schedule, remedy

A release is one archive: the wheels, the migrations of the data, a manifest. TUF says which bytes it is;
`channel.json`, a target of its own, says which release is offered to how many phones. Every phone asks for the same.
The two sides meet in the files that a web server hands out, and nowhere else.
"""
