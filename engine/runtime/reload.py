"""Hot reload: what is saved in the policy directory, or put in force by another process, takes effect between two decisions.

A policy and its people are compiled whole before anything changes; then `Engine.world` is replaced as one reference, so that no decision
sees two versions. What cannot be used changes nothing: if it is no better a second later (an editor may write a file in two steps), it is
logged, and the operator gets a mail, once for each fault.
"""

import hashlib
import logging
import threading

from msgspec.structs import replace

from engine.channels import AddressKind
from engine.core.team import Team
from engine.policy import Compilation, compile_policy
from engine.policy.diagnostics import Problems
from engine.policy.sources import read_files
from engine.runtime import log
from engine.runtime.engine import Engine
from engine.runtime.policies import RELOAD, PolicyBroken, load_active, load_people, look_at_calendars, put_in_force, sound
from engine.store.rows import OutboxRow


class Reloader:
    """Brings one engine's policy and people up to date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen = ""
        self._told = ""
        self._cannot_follow: str | None = None
        self._one_at_a_time = threading.Lock()

    @property
    def wants_another_look(self) -> bool:
        """Whether the last look found a fault that may only be a file that was not written to its end."""
        return self._seen != self._told

    def saved(self) -> bool:
        """Something was saved in the directory: put it in force if it is sound; return whether it is."""
        engine = self._engine
        try:
            compilation, team = self._read()
        except PolicyBroken as broken:
            fault = str(broken)
            if fault == self._seen:
                self._tell(fault)
            self._seen = fault
            return False
        # First in the store, then in use: no decision names a policy whose files were not kept.
        with self._one_at_a_time:
            put_in_force(compilation, engine.store, engine.clock.now(), RELOAD)
            self._swap(compilation, team)
        if self._told:
            log.say("policies mended", policy=engine.world.policy.digest[:12])
        self._seen = self._told = ""
        return True

    def _read(self) -> tuple[Compilation, Team]:
        """Compile what lies in the directory. Raises PolicyBroken."""
        directory = self._engine.project.policies
        while True:
            compilation = compile_policy(directory)
            sound(compilation)
            team, _ = load_people(directory, compilation)
            # A file that is cut off in the middle may be sound: only a second look tells that nobody is still writing.
            if (read_files(directory, Problems())[0], load_people(directory, compilation)[0]) == (compilation.files, team):
                return compilation, team

    def follow(self, again: bool = True) -> bool:
        """Take over the active policy if another process has put it in force; return whether it did.

        One that could not be taken over is only tried `again` where that is said. Any thread may call it.
        """
        with self._one_at_a_time:
            return self._follow(again)

    def _follow(self, again: bool) -> bool:
        with self._engine.store.read() as reader:
            digest = reader.active_policy()
        if digest == self._engine.world.policy.digest or (digest == self._cannot_follow and not again):
            return False
        self._cannot_follow = digest
        try:
            active, before = load_active(self._engine.store), self._engine.world.policy.digest
            if active is not None:
                self._swap(active, load_people(self._engine.project.policies, active)[0])
                with self._engine.store.write() as tx:  # timers may have fired before we worked by this policy
                    look_at_calendars(tx, active, before, self._engine.clock.now())
        except PolicyBroken as broken:
            self._seen = str(broken)
            self._tell(self._seen)
            return False
        return active is not None

    def _swap(self, compilation: Compilation, team: Team) -> None:
        """Work by this policy and these people from the next decision on."""
        engine, policy = self._engine, sound(compilation)
        if (policy.digest, team) == (engine.world.policy.digest, engine.world.team):
            return
        log.say("policies reloaded", policy=policy.digest[:12], before=engine.world.policy.digest[:12])
        engine.tokens = engine.tokens.among(team.agents)
        engine.world = replace(engine.world, policy=policy, team=team)

    def _tell(self, fault: str) -> None:
        """Say that a policy cannot be used, the same fault once."""
        if fault == self._told:
            return
        self._told = fault
        log.say("policies refused: the ones in force stay", logging.ERROR, diagnostics=fault.splitlines())
        world, project = self._engine.world, self._engine.project
        mail = next((name for name in world.senders if world.channels[name] == AddressKind.EMAIL), None)
        if project.alarm_to is None or mail is None:
            return
        now = self._engine.clock.now()
        id = f"alarm.{hashlib.sha256(fault.encode()).hexdigest()[:16]}.{now:%Y%m%d%H%M%S}"
        subject = "closedloop: policies refused (策略有误,未生效)"
        with self._engine.store.write() as tx:
            tx.keep_content(id, None, "message", f"The policies in force stay as they are (现行策略不变).\n\n{fault}\n")
            tx.queue_message(
                OutboxRow(
                    id=id,
                    ticket=None,
                    channel=mail,
                    party="operations",
                    address=project.alarm_to,
                    subject=subject,
                    content_id=id,
                    language=world.policy.company.languages[0],
                    automatic=True,
                    script=None,
                    created_at=now,
                    state="held" if project.hold else "queued",
                )
            )
