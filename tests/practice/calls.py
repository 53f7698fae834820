"""The call log: what was asked of the account, one record a call."""

import re

_CHANGING = re.compile(
    r"^(Create|Put|Update|Delete|Tag|Untag|Publish|Add|Remove|Set|Attach|Detach|Change|Modify|Start|Stop|"
    r"Associate|Disassociate|Enable|Disable|Request|Register|Deregister|Authorize|Revoke|Run|Terminate|Copy|"
    r"Upload|Complete|Abort|Restore|Replace|Import|Reimport|Batch(?!Get)|Transact(?!Get)|Subscribe|Unsubscribe|"
    r"Write|Rotate|Schedule|Allocate|Release|Cancel|Send|Execute|Rename|Purge|Label|Confirm)"
)


def is_changing(service, operation):
    """Whether a call changes the account: told by AWS's name of the operation."""
    if operation is None:
        return True
    if service == "sts":
        return False
    return bool(_CHANGING.match(operation))


class Calls:
    """The log; `n` counts from 1 and goes on counting when the log is cleared."""

    def __init__(self):
        self.records, self._next = [], 1

    def number(self):
        """The number of the next call."""
        n, self._next = self._next, self._next + 1
        return n

    def add(self, record):
        """Append a record."""
        self.records.append(record)

    def clear(self):
        """Forget every record."""
        self.records.clear()

    def chosen(self, changing=None, since=0, by=None):
        """Records after number `since`; only (not) changing ones, only of one caller."""
        for record in self.records:
            if record["n"] <= since or (changing is not None and record["changing"] != changing):
                continue
            if by is None or record["by"] == by:
                yield record
