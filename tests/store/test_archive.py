"""Policies, slots of cron jobs and single values."""

from datetime import timedelta

import pytest

from engine.errors import NotFound
from engine.store import ActivationRow, PolicyRow, Store
from tests.store.samples import MINUTE, NOW

FILES = {"sla.yaml": "version: 1\n# 一级\n", "calendars/cn.yaml": ""}


def test_a_policy_is_kept_by_digest_for_ever(store: Store) -> None:
    with store.write() as tx:
        tx.save_policy("d1", FILES, NOW)
        tx.save_policy("d1", {"other": ""}, NOW + MINUTE)
        tx.save_policy("d2", {}, NOW + MINUTE)
        assert (tx.policy_files("d1"), tx.policy_files("d2"), tx.policy_files("d3")) == (FILES, {}, None)
        assert tx.policies() == [PolicyRow("d2", NOW + MINUTE), PolicyRow("d1", NOW)]


def test_one_policy_is_in_force_and_who_put_it_there_stays_on_record(store: Store) -> None:
    with store.write() as tx:
        assert (tx.active_policy(), tx.activations()) == (None, [])
        tx.save_policy("d1", FILES, NOW)
        tx.save_policy("d2", {}, NOW)
        assert tx.activate("d1", NOW, "daemon")
        assert tx.activate("d2", NOW + MINUTE, "reload")
        assert not tx.activate("d2", NOW + MINUTE, "daemon"), "it is in force already"
        assert tx.active_policy() == "d2"
        assert tx.activate("d1", NOW + 2 * MINUTE, "zhou")
        assert tx.active_policy() == "d1"
        assert tx.activations() == [
            ActivationRow("d1", NOW + 2 * MINUTE, "zhou"),
            ActivationRow("d2", NOW + MINUTE, "reload"),
            ActivationRow("d1", NOW, "daemon"),
        ]


def test_a_policy_that_was_never_saved_cannot_be_in_force(store: Store) -> None:
    with store.write() as tx:
        with pytest.raises(NotFound, match="d9"):
            tx.activate("d9", NOW, "zhou")
        assert (tx.active_policy(), tx.activations()) == (None, [])


def test_a_slot_of_a_job_is_taken_once(store: Store) -> None:
    with store.write() as tx:
        assert tx.last_slot("weekly") is None
        assert tx.take_slot("weekly", NOW, NOW + MINUTE)
        assert not tx.take_slot("weekly", NOW, NOW + 2 * MINUTE)
        assert tx.take_slot("monthly", NOW, NOW)
        assert tx.take_slot("weekly", NOW - timedelta(days=7), NOW)
        assert (tx.last_slot("weekly"), tx.last_slot("monthly")) == (NOW, NOW)


def test_a_value_that_all_must_agree_on_is_the_first_one_set(store: Store) -> None:
    with store.write() as tx:
        assert tx.first_meta("key", "one") == "one"
    with store.write() as tx:
        assert tx.first_meta("key", "two") == "one"
        assert tx.meta("key") == "one"


def test_a_single_value_is_the_last_one_set(store: Store) -> None:
    with store.write() as tx:
        tx.set_meta("outbound", "hold")
        tx.set_meta("outbound", "live")
        assert (tx.meta("outbound"), tx.meta("nothing")) == ("live", None)
