"""Errors of the update channel.

SaysoError
└── UpdateError
    ├── ReleaseError         an archive, manifest or channel is malformed, or not what was signed
    ├── RefusedError         what the mirror gives is not signed as it has to be, older than known, or out of date
    ├── UnreachableError     the mirror does not answer, answers too slowly, or with too much
    ├── ApplyError           the release could not be built, migrated or started; the old one runs on
    ├── PublishError         the publishing side was asked for something that does not fit
    └── HomeError            the directory of this installation cannot be used, or another update is under way
"""

from sayso.protocol.errors import SaysoError


class UpdateError(SaysoError):
    """Something about updates did not come out; what runs, runs on."""


class ReleaseError(UpdateError):
    """A release or the channel is malformed, or is not what was signed."""


class RefusedError(UpdateError):
    """What the mirror gives must not be trusted: signatures, versions or dates do not hold."""


class UnreachableError(UpdateError):
    """The mirror does not answer, is too slow, or sends more than was promised."""


class ApplyError(UpdateError):
    """A release could not be put in place; the one before is in force."""


class PublishError(UpdateError):
    """The publishing side was asked for something that does not fit."""


class HomeError(UpdateError):
    """The directory of this installation cannot be used, or is in use."""
