"""August 2014, replayed on one machine: `sayso demo story`.

    acts          the story, act by act; what it says has happened, and was measured
    network       a network namespace for phones, one for everybody else, and the wire between them, recorded
    everyone      everybody else: a resolver that knows every name, a phone maker's cloud, the mirror of the updates
    phone_2014    SYNTHETIC: a phone that does what was documented of one in 2014; packed as the first release
    wheels        the two releases: that phone, and the Sayso that runs here
    over_the_air  the publisher and the update
    seeds         what is known to be on the phone, and the audit that looks for it in a recording
    certificates  TLS for one evening
    windows       each phone's Messages in a browser, for those who want to watch
    report        one page: before and after

Everything runs in namespaces that reach nobody: no packet of the story leaves the machine.
"""
