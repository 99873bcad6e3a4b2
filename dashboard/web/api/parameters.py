"""What the addresses of the API take."""

from typing import Annotated

from fastapi import Header, Path, Query

from state.wire_cells import KEY_CHARACTERS

RunId = Annotated[str, Path(description="the run's name", max_length=KEY_CHARACTERS)]
Sha256 = Annotated[str, Path(description="of the file", pattern="^[0-9a-f]{64}$")]
Last = Annotated[int | None, Query(description="only the last ones", ge=1, le=100_000)]
Points = Annotated[int, Query(description="about as many are left of a curve", ge=10, le=20_000)]
Generation = Annotated[int | None, Query(ge=0, lt=2**31)]
Columns = Annotated[
    list[str],
    Query(description="columns of `metrics` that hold numbers", min_length=1, max_length=12),
]
MemberIds = Annotated[
    list[str] | None, Query(description="only these members", max_length=200, alias="member")
]
Encoding = Annotated[
    str, Header(description="gzip, where the body is packed", alias="Content-Encoding")
]
