"""The one exception that a user is meant to read."""


class InputError(Exception):
    """A problem in the user's files or settings.

    The message names the file, the field and the fix; the command line prints it without a
    traceback and exits with status 1.
    """
