"""A token lets exactly its bearer run exactly its statement, once, in time, and nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgguard.errors import ConfigError
from pgguard.policy.binding import Approval, NotValid
from pgguard.policy.consent import Terms
from pgguard.store.moments import Moments
from pgguard.store.requests import Store
from pgguard.store.token import TokenKey
from tests.store.requests_at_hand import BOB, Clock, binding, filed


async def handed_over(store: Store, text: str = "delete from accounts") -> str:
    number = await filed(store, text)
    answer = await store.approve(number, BOB, Terms(token=True))
    assert not answer.refused
    return answer.token


async def test_an_approval_with_a_token_needs_it(store: Store) -> None:
    token = await handed_over(store)

    assert len(token) < 250
    assert await store.find(binding()) is None
    approval = await store.find(binding(), token)
    assert isinstance(approval, Approval)
    assert await store.claim((approval.number,)) == ""
    assert await store.find(binding(), token) == NotValid("it was used already", 1)


async def test_a_token_is_worthless_to_anybody_else(store: Store) -> None:
    token = await handed_over(store)
    why = "its token is for another statement, caller, role or database"

    for other in (binding(caller="eve"), binding("delete from users"), binding(oid=6)):
        assert await store.find(other, token) == NotValid(why, 1)


async def test_a_token_expires_with_its_approval(store: Store, clock: Clock) -> None:
    token = await handed_over(store)
    clock.now += 1800

    assert await store.find(binding(), token) == NotValid("it expired", 1)
    assert await store.claim((1,)) == "request 1: it expired"


async def test_a_token_of_another_store_or_key_is_not_valid(store: Store, tmp_path: Path, clock: Clock) -> None:
    await handed_over(store)
    (tmp_path / "other").mkdir()
    other = await Store.open(f"sqlite:///{tmp_path}/other/state.db", moments=Moments(clock), deadline=20.0)
    foreign = await handed_over(other)
    await other.close()

    assert await store.find(binding(), foreign) == NotValid("token is not one of this pgguard, or was changed")


async def test_a_signed_token_must_name_the_approval_it_was_made_for(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    """The same key, but another store (a copy of the key file): its numbers mean nothing here."""
    await handed_over(store)
    key = tmp_path / "state.token-key"
    (tmp_path / "other").mkdir()
    other = await Store.open(f"sqlite:///{tmp_path}/other/state.db", key, moments=Moments(clock), deadline=20.0)
    foreign = await handed_over(other)
    await other.close()

    assert await store.find(binding(), foreign) == NotValid("token names no approval of this pgguard", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_changed_token_is_not_valid(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    key = TokenKey(tmp_path_factory.getbasetemp() / "tampered.key")
    token = key.sign(1, "ab" * 32, 2e9, "jti")
    # The last character of each part holds bits that say nothing.
    ends = {len(token) - 1, *(place - 1 for place, c in enumerate(token) if c == ".")}
    place = data.draw(st.sampled_from([p for p in range(len(token)) if p not in ends]))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[place]))

    assert isinstance(key.read(token[:place] + other + token[place + 1 :]), str)


def test_no_other_algorithm_is_taken(tmp_path: Path) -> None:
    key = TokenKey(tmp_path / "key")
    key.sign(1, "ab" * 32, 2e9, "jti")
    claims = {"n": 1, "d": "x", "exp": 2_000_000_000, "jti": "jti"}
    none = ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (b'{"alg":"none"}', json.dumps(claims).encode(), b"")
    )
    hmac = jwt.encode(claims, "x" * 32, algorithm="HS256")

    for forged in (none, hmac, "", "a.b.c", "x" * 5000, "\x00", "é.é.é"):
        assert isinstance(key.read(forged), str)


async def test_an_old_token_does_not_stand_in_the_way_of_an_approval(store: Store) -> None:
    token = await handed_over(store, "a")
    number = await filed(store, "b")

    assert isinstance(await store.find(binding("b"), token), NotValid)

    await store.approve(number, BOB)

    assert isinstance(await store.find(binding("b"), token), Approval)


async def test_the_key_is_made_on_first_use_and_for_us_alone(store: Store, tmp_path: Path) -> None:
    key = tmp_path / "state.token-key"

    assert not key.exists()

    await handed_over(store)

    assert key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "key" in path.name) == ["state.token-key"]


@pytest.mark.parametrize(
    ("mode", "content", "why"),
    [
        (0o644, "", "others can read it"),
        (0o600, "hello", "not a PEM private key"),
        (0o600, "", "not a PEM private key"),
    ],
)
async def test_a_key_that_is_no_secret_is_refused_at_start(tmp_path: Path, mode: int, content: str, why: str) -> None:
    key = tmp_path / "token-key"
    key.write_text(content)
    key.chmod(mode)
    with pytest.raises(ConfigError, match=why):
        await Store.open(f"sqlite:///{tmp_path}/state.db", key)


async def test_a_key_that_cannot_be_made_approves_nothing(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db", tmp_path / "no" / "key", deadline=20.0)
    number = await filed(store)
    answer = await store.approve(number, BOB, Terms(token=True))

    assert answer.sqlstate == "55000"
    assert "no such file or directory" in answer.says
    assert [found.number for found in await store.listing()] == [number]

    await store.close()


def test_two_processes_agree_on_one_key(tmp_path: Path) -> None:
    one, two = TokenKey(tmp_path / "key"), TokenKey(tmp_path / "key")
    token = one.sign(1, "ab" * 32, 2e9, "jti")

    assert not isinstance(two.read(token), str)
    assert not isinstance(one.read(two.sign(2, "ab" * 32, 2e9, "jti")), str)
