"""Calls that must be refused."""

import pytest
from botocore.exceptions import ClientError


def refusal(call, **arguments) -> tuple[str, str]:
    """Code and message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def refused(call, code: str, part: str = "", **arguments) -> None:
    """With this code, and this as a part of the message."""
    told = refusal(call, **arguments)
    assert told[0] == code and part in told[1], told
