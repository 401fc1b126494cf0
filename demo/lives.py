"""The life of one report: how it comes, what else happens to it, and what its reporter says of the answer."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from demo import people, pictures, texts
from demo.work import Work
from gongzhi.base import clock
from gongzhi.flow import actors
from gongzhi.flow.actors import Actor
from gongzhi.flow.models import Case, Task
from gongzhi.org import queries as org
from gongzhi.places import rules as geography
from gongzhi.places.models import Place
from gongzhi.requests import actions as requests


class Life(Work):
    """One report from its first word to the present."""

    # -- the report

    def report(self) -> requests.Receipt:
        rng, channel = self.rng, self.plan.channel
        compound, lon, lat, name = self.where()
        said = texts.report(rng, self.category, name)
        by = Actor("key", key="demo") if channel == "api" else Actor("anyone")
        worker = self.grid_worker(lon, lat) if channel == "grid" else None
        on_behalf = channel == "grid" and rng.random() < 0.4
        if channel in ("phone", "window"):
            by = self.town.someone(rng, self.town.by_key["centre"].pk, "operator") or by
        elif worker:
            by = worker
        photos = []
        if channel in ("portal", "qr", "grid") and self.category.evidence == "photo" and rng.random() < 0.6:
            photos = [pictures.photo("problem", rng.randrange(pictures.VARIETY))]
        has_phone = channel in ("phone", "window") or on_behalf or (channel != "grid" and rng.random() < 0.72)
        receipt = requests.report(requests.Report(
            lon, lat, words=said.words, photos=photos, compound_id=compound.pk if compound else None,
            address=compound.attrs.get("address", "") if compound else "", kind=said.kind, channel=channel,
            phone=people.mobile(rng.randrange(10**6)) if has_phone else "",
            name=people.name(rng) if has_phone and rng.random() < 0.7 else "", on_behalf=on_behalf,
            submitted_key=self.plan.key,
        ), by=by)
        self.kind, self.title, self.place_name, self.by = said.kind, said.title, name, by
        self.plan_around()
        return receipt

    def where(self) -> tuple[Place | None, float, float, str]:
        """Choose a place: the fixed sign-ins' neighbourhood more often than others, so that they have work."""
        rng, town, r = self.rng, self.town, self.rng.random()
        if r < 0.06 or self.category.parent == "9017":
            grid = rng.choice(town.grids)
            return None, grid.lon, grid.lat, grid.name.split("第")[0]
        some = town.at_home if r < 0.14 else town.near_home if r < 0.22 else town.in_busy_street if r < 0.42 else town.compounds
        compound = rng.choices(some, [c.attrs["n_homes"] + 20 for c in some])[0]
        lon, lat = compound.lon + rng.uniform(-4e-4, 4e-4), compound.lat + rng.uniform(-3e-4, 3e-4)
        found = geography.check_point(lon, lat) and requests.index.locate(lon, lat)
        if not found or found.place_id != compound.parent_id:
            lon, lat = compound.lon, compound.lat
        return compound, lon, lat, compound.name

    def grid_worker(self, lon: float, lat: float) -> Actor | None:
        found = requests.index.locate(lon, lat)
        unit = found and org.governing("grid", found.path, "gridworker")
        return self.town.someone(self.rng, unit.pk, "gridworker") if unit else None

    def plan_around(self) -> None:
        """Plan what may happen whatever the stage: others join, the reporter urges or writes, the centre presses."""
        rng, at, case_id = self.rng, self.plan.at, lambda: self.case_id
        if not self.category.never_public and self.kind == "help" and rng.random() < 0.12:
            for k in range(rng.choice((1, 1, 2, 3, 6, 11))):
                phone = people.mobile(rng.randrange(10**6)) if rng.random() < 0.4 else ""
                self.then(self.awake(at, 2, 60), partial(self.join, f"{self.plan.key}-{k}", phone))
        if rng.random() < 0.12:
            self.then(self.awake(at, 20, 90), lambda: self.act("urge", actors.reporter(case_id())))
        if rng.random() < 0.1:
            self.then(self.awake(at, 1, 40), partial(self.say, "又去看了一下，情况还是一样，麻烦抓紧。"))
        if rng.random() < 0.12:
            self.then(self.at_work(at, 120, 1500), self.supervise)
        if rng.random() < 0.02:
            self.then(self.awake(at, 0.1, 3), lambda: self.act("withdraw", actors.reporter(case_id())))

    def join(self, device: str, phone: str) -> None:
        case = self.case()
        if not case.closed_at and not case.private:
            requests.join(case, device=device, phone=phone)

    def say(self, words: str) -> None:
        case = self.case()
        if not case.closed_at:
            requests.say(case, words, by=actors.reporter(case.pk))

    def supervise(self) -> None:
        by = self.town.someone(self.rng, self.town.by_key["centre"].pk, "dispatcher")
        if by and self.case().stage == "handling":
            self.act("supervise", by, {"reason": texts.say(self.rng, "instructions")})

    def plan_tasks(self, case: Case) -> None:
        """Plan for each new open task when somebody takes it up and what comes of it."""
        for task in case.tasks.filter(done_at=None).exclude(pk__in=self.planned).order_by("pk"):
            self.planned.add(task.pk)
            plan = getattr(self, {"approval": "approving", "duty": "ringing"}.get(task.kind, task.stage), None)
            if plan:
                plan(case, task)

    # -- after the answer

    def confirming(self, case: Case, task: Task) -> None:
        """The reporter rates, asks for a redo, or stays silent until the call-back."""
        r, redone = self.rng.random(), case.counts.get("limit:redo", 0)
        if redone and self.rng.random() < 0.75:
            self.fate = "solved"
        if r > 0.55:
            return
        reporter, at = actors.reporter(case.pk), self.awake(task.opened_at, 0.3, 45)
        if self.fate == "unsolved" and r < 0.45:
            form = {"solved": "unsolved", "satisfied": "2", "reason": texts.say(self.rng, "redo_reasons")}
            self.then(at, partial(self.act, "hard" if redone >= 3 else "redo", reporter, form))
        else:
            self.then(at, partial(self.rate, "rate", reporter, None))
            if self.rng.random() < 0.02:
                self.then(at + timedelta(hours=30), self.change_rating)

    def rate(self, action: str, by: Actor | None, task: Task | None) -> None:
        odds = {"solved": [45, 33, 13, 6, 3], "partly": [3, 14, 48, 25, 10], "unsolved": [0, 1, 9, 45, 45]}
        stars = self.rng.choices([5, 4, 3, 2, 1], odds[self.fate])[0]
        said = texts.comment(self.rng, self.fate, stars)
        open_still = self.fate == "unsolved" and self.case().counts.get("limit:redo", 0) < 3
        solved = "partly" if open_still else self.fate  # who says unsolved is asked whether to have it done again
        self.act(action, by, {"solved": solved, "satisfied": str(stars), "said": said}, task)

    def change_rating(self) -> None:
        case = self.case()
        if hasattr(case, "rating"):
            said, by = "后来又来修了一次，好了。", actors.reporter(case.pk)
            requests.change_rating(case, solved="solved", satisfied=4, said=said, by=by)

    def calling(self, case: Case, task: Task, tried: int = 0) -> None:
        """The centre calls back: what the caller says is recorded; after three vain tries it stays unrated."""
        rng, by = self.rng, self.holder(task)
        at = self.awake(clock.now() if tried else task.opened_at, 0.5, 24)
        if tried == 3:
            self.then(at, partial(self.act, "unrated", by, None, task))
        elif rng.random() < 0.3:
            self.then(at, partial(self.no_answer, by, task, tried))
        elif self.fate == "unsolved" and rng.random() < 0.7:
            action = "hard" if case.counts.get("limit:redo", 0) >= 3 else "check" if rng.random() < 0.25 else "redo"
            form = {"solved": "unsolved", "satisfied": "2", "reason": texts.say(rng, "redo_reasons")}
            self.then(at, partial(self.act, action, by, form, task))
        else:
            self.then(at, partial(self.rate, "called", by, task))

    def no_answer(self, by: Actor | None, task: Task, tried: int) -> None:
        self.act("no_answer", by, {"attempt": self.rng.choice(("无人接听", "正在通话中", "关机", "响铃后挂断"))}, task)
        self.calling(self.case(), task, tried + 1)

    def checking(self, case: Case, task: Task) -> None:
        rng, by, at = self.rng, self.holder(task), self.at_work(task.opened_at, 60, 460)
        if self.fate == "unsolved" and rng.random() < 0.7:
            action = "hard" if case.counts.get("limit:redo", 0) >= 3 else "fail"
            self.then(at, partial(self.act, action, by, {"reason": "现场核查，问题仍在。"}, task))
        else:
            form = {"checked": "fixed" if self.fate == "solved" else "partly", "note": "现场核查，已拍照留存。"}
            action = "checked" if case.request.phone else "archive"
            self.then(at, partial(self.act, action, by, form, task))

    def hard(self, case: Case, task: Task) -> None:
        """The head one level up rules who leads, once and for all."""
        self.then(self.at_work(task.opened_at, 120, 1100), partial(self.rule, task))

    def rule(self, task: Task) -> None:
        case = self.case()
        owner = self.town.by_key[self.category.owner]
        lead = owner if not set(owner.path) & set(case.about_units) else self.town.by_key["letters"]
        ruling = texts.say(self.rng, "rulings", lead=lead.short_name)
        self.act("rule", self.holder(task), {"lead": lead.pk, "ruling": ruling}, task)
        self.fate = "solved"
