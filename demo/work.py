"""What the units do with a report, from taking it in to the answer: how often, how late and how well is invented."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from demo import texts
from demo.days import Days
from gongzhi.base import clock
from gongzhi.duties import process
from gongzhi.duties import queries as duties
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.org.models import Unit
from gongzhi.requests import queries, rules


class Work(Days):
    """The units' part: a method for each stage up to the answer, by the stage's name."""

    def approving(self, case: Case, task: Task) -> None:
        asked = (task.asks or {})["action"]
        agree = {"return": 0.62, "extend": 0.86, "finish": 0.93, "appeal": 0.5}.get(asked, 0.9)
        by = self.holder(task, but=(task.asks or {})["by"])
        if self.rng.random() < 0.03 and asked != "appeal":
            return  # nobody answers: the clock decides
        at = self.at_work(task.opened_at, 6, 170, self.pace(case.opened_at, case.first_due_at))
        if self.rng.random() < agree:
            self.then(at, partial(self.act, "agree", by, {"opinion": "同意。"}, task))
        else:
            reason = "答复没有写清做了什么，请补充。" if asked == "finish" else "理由不充分，请按职责办理。"
            self.then(at, partial(self.act, "refuse", by, {"reason": reason}, task))
            if asked == "finish":
                pace = self.pace(case.opened_at, case.first_due_at)
                self.then(self.at_work(at, 15, 160, pace), partial(self.finish, *self.finisher))

    def receiving(self, case: Case, task: Task) -> None:
        rng, by = self.rng, self.holder(task)
        if self.plan.channel in ("phone", "window"):
            by, at = self.by, task.opened_at + timedelta(seconds=rng.randint(50, 400))
        elif self.plan.channel == "grid" and case.origin == "staff" and rng.random() < 0.5:
            self.then(self.at_work(task.opened_at, 10, 200), partial(self.solve_here, self.by))
            return
        else:
            longest = 55 if 7 <= clock.local(task.opened_at).hour < 22 else 110
            at = task.opened_at + timedelta(minutes=rng.uniform(2, longest))
        self.then(at, partial(self.take_in, by, task))

    def solve_here(self, by: Actor) -> None:
        done = texts.result(self.rng, self.category)
        self.act("solve_here", by, {"category": self.category.code, "result": done}, attached=[self.picture("solved")])

    def take_in(self, by: Actor, task: Task) -> None:
        """Answer at once, decline by one of the lawful branches, or accept."""
        rng = self.rng
        if self.kind == "consult" and rng.random() < 0.8:
            known = [a for a in self.town.answers if a.category and a.category.code == self.category.code]
            known = known or queries.answers(self.title)
            form: dict[str, Any] = {"answer": "已当场说明办理条件、材料和地点。"}
            if known:
                form = {"knowledge": known[0].pk, "answer": known[0].words}
            self.act("answer", by, {**form, "kind": "consult"}, task)
        elif self.category.code in ("200403", "200411") and rng.random() < 0.5:
            form = {"emergency_line": "119", "time_told": "三方通话转接，已提醒先开窗、到室外等候"}
            self.act("emergency", by, form, task)
        elif rng.random() < 0.045:
            self.decline(by, task)
        else:
            self.accept(by, task)

    def decline(self, by: Actor, task: Task) -> None:
        told = "已向来电人说明原因和可走的途径，对方表示明白。"
        branch, form = self.rng.choice([
            ("legal", {"legal_channel": self.rng.choice(list(rules.LEGAL_CHANNELS)), "told": told}),
            ("outside", {"channel": "与商家协商，或向消费者协会、行业协会反映", "told": told}),
            ("secret", {"told": "所问内容涉及他人隐私，依法不能提供，已解释。"}),
            ("unlawful", {"told": "所提要求与法律规定不符，已解释并劝导。"}),
        ])
        self.act(branch, by, form, task)

    def accept(self, by: Actor, task: Task) -> None:
        case, guarded = self.case(), self.kind in ("complain", "tip_off")
        form: dict[str, Any] = {"category": self.category.code, "place": f"{case.lon},{case.lat}", "kind": self.kind}
        if guarded:
            summary = f"反映{self.place_name}一带{self.category.name}问题，请核查处理。"
            form |= {"summary": summary, "hide_reporter": True}
            if self.category.code in ("902001", "902002") and self.rng.random() < 0.8:
                form["about_unit"] = self.complained_of(case).pk
        self.act("accept", by, form, task)

    def complained_of(self, case: Case) -> Unit:
        r = self.rng.random()
        level = "community" if r < 0.45 else "street" if r < 0.7 else ""
        unit = org.governing(level, case.path) if level else None
        return unit or self.town.by_key[self.rng.choice(("housing", "urban", "labour", "services"))]

    def dispatching(self, case: Case, task: Task) -> None:
        low, high = (1, 26) if self.rng.random() < 0.9 else (32, 120)
        urgent = case.urgent and self.rng.random() < 0.7
        soon = task.opened_at + timedelta(minutes=self.rng.uniform(1, 9))
        self.then(soon if urgent else self.at_work(task.opened_at, low, high), partial(self.dispatch, task))

    def dispatch(self, task: Task) -> None:
        """Send it to a unit the machine suggests, never to one that returned it; or merge it with the same matter."""
        case, rng = self.case(), self.rng
        if (same := self.same_matter(case)) and rng.random() < 0.4:
            self.act("merge", self.holder(task), {"same_case": same.code}, task)
            return
        found = [s.unit_id for s in queries.suggest_units(case, case.request.category)]
        found = [u for u in found if u not in self.led_before] or [self.town.by_key["letters"].pk]
        lead = rng.choices(found[:3], [62, 26, 12][: len(found)])[0]
        self.led_before.add(lead)
        line = queries.lines_for(case.request.category).first() if case.request.category else None
        helpers = [u.pk for u in line.helpers.all()] if line and rng.random() < 0.35 else []
        if self.past_the_lists(case, task):
            return
        form = {"lead": lead, "helpers": [h for h in helpers if h != lead][:2], "note": ""}
        if rng.random() < 0.2:
            form["note"] = texts.say(rng, "instructions")
        self.act("dispatch", self.holder(task), form, task)

    def past_the_lists(self, case: Case, task: Task) -> bool:
        """Let the leader, once in a while, send to the community what its list does not have, and say why."""
        near = [u for u in duties.local(case) if u.kind == "community" and not set(u.path) & set(case.about_units)]
        leader = self.town.someone(self.rng, task.unit_id, "leader")
        if not duties.verdicts(case.request.category, near, leads=True) or leader is None or self.rng.random() > 0.06:
            return False
        reason = self.rng.choice(("涉及困难家庭，先由社区上门安置，部门随后到场。", "部门力量当天到不了，先由社区看护现场。"))
        self.act("override", leader, {"lead": near[0].pk, "helpers": [], "reason": reason})
        return True

    def same_matter(self, case: Case) -> Case | None:
        same = Case.objects.filter(
            closed_at=None, place_id=case.place_id, about_units=[], request__category__code=self.category.code,
            opened_at__lt=case.opened_at, opened_at__gt=case.opened_at - timedelta(days=20),
        )
        return None if case.about_units else same.order_by("-opened_at").first()

    # -- handling

    def handling(self, case: Case, task: Task) -> None:
        """Plan a unit's work on a task: sign, then as a helper, as a section, or as the lead."""
        rng, by = self.rng, self.holder(task)
        if by is None:
            return
        late_sign = rng.random() < 0.08
        pace = self.pace(task.opened_at, self.due_of(case, task))
        signed_at = self.at_work(task.opened_at, 125, 400) if late_sign else self.at_work(task.opened_at, 4, 100, pace)
        if case.urgent and not late_sign:
            signed_at = self.awake(task.opened_at, 0.05, 0.6)
        self.then(signed_at, partial(self.act, "sign", by, None, task))
        if task.role == "helpers":
            at = self.share(signed_at, self.due_of(case, task), rng.uniform(0.2, 0.7))
            self.then(at, partial(self.help, by, task))
        elif task.role == "handler":
            self.work(case, by, task, signed_at)
        else:
            self.lead(case, by, task, signed_at)

    def help(self, by: Actor, task: Task) -> None:
        self.act("help_done", by, {"result": texts.result(self.rng, self.category)}, task)

    def lead(self, case: Case, by: Actor, task: Task, signed_at: datetime) -> None:
        rng, returns = self.rng, case.counts.get("limit:returns", 0)
        if self.gives_back(case, by, task, signed_at):
            return
        if rng.random() < (0.45 if returns else 0.07) and "designated" not in case.flags:
            action = "return" if returns < 2 else "appeal"
            form = {"return_code": rng.choice(list(rules.RETURN_CODES)), "reason": texts.say(rng, "returns")}
            self.then(self.at_work(signed_at, 20, 180), partial(self.act, action, by, form))
        unit = self.town.units[task.unit_id]
        if unit.kind in ("department", "street", "community") and rng.random() < 0.75:
            due_at = self.due_of(case, task)
            pace = self.pace(task.opened_at, due_at)
            if self.rings(case) and rng.random() < 0.85:  # the liaison rings first; the section rings again when it comes
                form = {"contact_note": texts.say(rng, "contacts")}
                self.then(self.at_work(signed_at, 1, 40, pace), partial(self.act, "contact", by, form, task))
            self.then(self.at_work(signed_at, 3, 50, pace), partial(self.assign, by, task))
            self.then(self.share(signed_at, due_at, 0.8), partial(self.take_back_work, by, task))
        else:
            self.work(case, by, task, signed_at)

    def gives_back(self, case: Case, by: Actor, task: Task, at: datetime) -> bool:
        """Let a community that was handed what its list does not have give it back with the formal sentence."""
        with clock.at(at):
            found = process.of_units(case, [task.unit_id]) if "off_list" not in case.flags else []
        if found:
            form = {"off_list": found[0][1].formal}
            self.then(self.at_work(at, 5, 90), partial(self.act, "refuse_off_list", by, form, task))
        return bool(found)

    def rings(self, case: Case) -> bool:
        """Say whether those at work ring the reporter themselves."""
        return bool(case.request.phone) and not case.tasks.filter(kind="duty", opened_at__gte=case.entered_at).exists()

    def ringing(self, case: Case, task: Task) -> None:
        """Ring the reporter for those from whom the number is kept, now and then too late."""
        rng, by = self.rng, self.holder(task)
        low, high = (0.3, 14) if rng.random() < 0.95 else (24, 40)
        form = {"contact_note": texts.say(rng, "contacts")}
        self.then(self.awake(task.opened_at, low, high), partial(self.act, "contact", by, form, task))

    def assign(self, by: Actor, task: Task) -> None:
        """Hand it to a section (二级派单) with an inner deadline before the outer one."""
        case = self.case()
        section = self.section_for(case, task.unit_id)
        if section is None or task.done_at:
            return
        due_at, now = self.due_of(case, Task.objects.get(pk=task.pk)), clock.now()
        inner_due = now + (due_at - now) * 0.8 if due_at > now else now + timedelta(hours=6)
        self.act("assign", by, {"section": section.pk, "inner_due": inner_due.isoformat()})

    def section_for(self, case: Case, unit_id: int) -> Unit | None:
        children = self.town.children[unit_id]
        if self.town.units[unit_id].kind in ("street", "community"):
            stops = duties.verdicts(case.request.category, children)
            return next((u for u in children if u.place_id in case.path and u.pk not in stops), None)
        by_kind = {"9005": "物业", "9001": "供热", "9009": "劳动", "9010": "救助", "9013": "消费"}
        wanted = by_kind.get(self.category.parent, "市政")
        inner = [u for u in children if u.kind == "section"]
        return next((u for u in inner if wanted in u.name), inner[-1] if inner else None)

    def take_back_work(self, by: Actor, task: Task) -> None:
        """Work on it after all where nobody was assigned."""
        case = self.case()
        open_still = case.tasks.filter(pk=task.pk, done_at=None).exists()
        if case.stage == "handling" and open_still and not case.fields.get("section"):
            self.work(case, by, task, clock.now())

    def work(self, case: Case, by: Actor, task: Task, start: datetime) -> None:
        """Contact the caller, perhaps ask for time or wait, answer."""
        rng, due_at = self.rng, self.due_of(case, task)
        if rng.random() < 0.94 or self.category.evidence == "call":
            form = {"contact_note": texts.say(rng, "contacts")}
            longest = 0.2 + 9 * self.pace(start, due_at)
            if self.rings(case):
                self.then(self.awake(start, 0.2, longest), partial(self.act, "contact", by, form))
        if rng.random() < 0.15:
            form = {"note": texts.say(rng, "interim")}
            self.then(self.share(start, due_at, rng.uniform(0.2, 0.5)), partial(self.act, "interim", by, form))
        if rng.random() < 0.07:
            form = {"reason": texts.say(rng, "extensions"), "days": rng.choice((2, 3, 5))}
            self.then(self.share(start, due_at, rng.uniform(0.5, 0.9)), partial(self.act, "extend", by, form))
        if rng.random() < 0.05:
            self.then(self.share(start, due_at, rng.uniform(0.1, 0.6)), self.hold)
        part = rng.choices([rng.uniform(0.12, 0.55), rng.uniform(0.55, 0.95), rng.uniform(1.05, 2.3)], [50, 39, 11])[0]
        at = self.share(start, due_at, part)
        for _ in range(4):  # what was on hold, or sent back by the leader, is finished later
            self.then(at, partial(self.finish, by, task))
            at = self.at_work(at, 200, 900)

    def hold(self) -> None:
        case = self.case()
        unit = org.governing(case.level, case.path, "dispatcher")
        if unit and case.stage == "handling":
            until = clock.now() + timedelta(days=self.rng.randint(3, 20))
            form = {"reason": texts.say(self.rng, "holds"), "until": until.isoformat(timespec="minutes")}
            self.act("hold", self.town.someone(self.rng, unit.pk, "dispatcher"), form)

    def finish(self, by: Actor, task: Task) -> None:
        """Say it is done, with the evidence the category asks for; pass where it is done, asked or on hold."""
        case = self.case()
        still_open = set(case.tasks.filter(done_at=None).values_list("pk", "kind"))
        waits = any(kind == "approval" for _pk, kind in still_open)
        if case.stage != "handling" or case.held_at or waits or (task.pk, task.kind) not in still_open:
            return
        done = texts.result(self.rng, self.category)
        unit = self.town.units[task.unit_id].short_name
        answer = texts.reply(self.rng, self.category, self.place_name, unit, done)
        if self.rng.random() < 0.02:
            answer = self.rng.choice(texts.EMPTY_REPLY)
        kinds = {"photo": [self.picture("solved")], "document": [self.document()]}.get(self.category.evidence, [])
        self.finisher = by, task
        self.act("finish", by, {"result": done, "reply": answer}, task, kinds)
