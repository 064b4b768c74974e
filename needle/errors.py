"""The error class of the engine, and the form of its messages."""


class DeviceUnavailableError(RuntimeError):
    """Raised when an array is asked of a device that this machine or installation lacks."""


def complaint(where: str, argument: str, expected: str, got: object) -> str:
    """Return ``where: argument must be expected, got got``, the text of errors about bad input.

    Bad input raises a plain `ValueError`, `TypeError` or `IndexError` with this text.
    """
    return f"{where}: {argument} must be {expected}, got {got}"
